#!/bin/bash
# Makes the Debian package in build-deb/ from what git has of this tree. Root: its build packages are installed first.
# SPDX-License-Identifier: ISC
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
"$top/tools/install-packages.sh" build package
version=$(sed -n 's/^limetwig (\([^)]*\)).*/\1/p;q' debian/changelog)
tree="build-deb/limetwig-$version"
rm -rf build-deb
mkdir -p "$tree"
# without git, or in a clone of somebody else's that it does not trust: all that is no build
if files=$(git -c safe.directory="$top" ls-files 2>/dev/null) && [ -n "$files" ]; then
	git -c safe.directory="$top" ls-files -z | xargs -0 cp --parents -t "$tree"
else
	find . -maxdepth 1 ! -name . ! -name 'build*' ! -name .git -exec cp -a -t "$tree" {} +
fi
# what another release than Debian 12 calls otherwise
[ "$(id -u)" != 0 ] || (cd "$tree" && { dpkg-checkbuilddeps || apt-get -q -y --no-install-recommends build-dep ./; })
(cd "$tree" && dpkg-buildpackage --build=binary --no-sign)
rm -rf "$tree"
[ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" build-deb
ls -l build-deb/*.deb
if command -v lintian >/dev/null; then
	lintian --fail-on error build-deb/*.changes
else
	echo "lintian is not installed: not checked by it"
fi

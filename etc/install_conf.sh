#!/bin/sh
# The configuration of this host is its owner's: put an example there only
# where there is none. meson runs this at install. $1: sysconfdir, $2: example.
set -eu
dir="${DESTDIR:-}$1/limetwig"
install -d -m 0755 "$dir"
install -d -m 0750 "$dir/traps.d" "$dir/allow.d" "$dir/shared.d"
if [ ! -e "$dir/limetwig.conf" ]; then
	install -m 0644 "$2" "$dir/limetwig.conf"
	echo "installed $dir/limetwig.conf"
else
	echo "kept $dir/limetwig.conf"
fi

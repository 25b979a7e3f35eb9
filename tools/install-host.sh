#!/bin/bash
# What `make install` does after meson has copied the files: system users,
# systemd told. Argument: install | uninstall. With DESTDIR (a package's tree)
# neither. Your configuration, users and data are never removed here:
# `limetwig uninstall` takes limetwig out of Postfix and says what is left.
# SPDX-License-Identifier: ISC
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)

# The same list as systemd-sysusers reads, for a host without it.
add_users() {
	local kind name _
	if command -v systemd-sysusers >/dev/null; then
		systemd-sysusers "$top/etc/limetwig.sysusers"
		return
	fi
	while read -r kind name _; do
		case "$kind" in
		g) getent group "$name" >/dev/null || groupadd --system "$name" ;;
		u)
			getent passwd "$name" >/dev/null || useradd --system --user-group --no-create-home \
				--home-dir /nonexistent --shell /usr/sbin/nologin "$name"
			;;
		esac
	done <"$top/etc/limetwig.sysusers"
}

tell_systemd() {
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
	fi
}

[ -z "${DESTDIR:-}" ] || exit 0
case "${1:-}" in
install)
	add_users
	tell_systemd
	echo "Installed. Nothing runs and Postfix is unchanged. Next (setup shows its changes with --dry-run):"
	echo "  systemctl enable --now limetwigd"
	echo "  limetwig setup postfix"
	;;
uninstall)
	tell_systemd
	echo "The programs are gone. Still there:"
	for left in /etc/limetwig /var/lib/limetwig; do
		[ ! -e "$left" ] || echo "  $left"
	done
	echo "  the users limetwig-*, the groups limetwig-read and limetwig-admin"
	;;
*)
	echo "usage: install-host.sh install|uninstall" >&2
	exit 2
	;;
esac

#!/bin/bash
# What `make install` does after meson has copied the files: system users,
# systemd told. Argument: install | uninstall | forget-users. With DESTDIR (a package's tree)
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

is_running() {
	[ -d /run/systemd/system ] && systemctl is-active --quiet limetwigd
}

[ -z "${DESTDIR:-}" ] || exit 0
case "${1:-}" in
install)
	add_users
	tell_systemd
	if is_running; then
		echo "Installed. limetwigd goes on with its old version. Next (blocks stay in force, mail flows meanwhile):"
		echo "  systemctl restart limetwigd"
		echo "  limetwig doctor        # says whether the new version wants something of Postfix"
	else
		echo "Installed. limetwigd does not run, Postfix is unchanged. Next (setup shows its changes with --dry-run):"
		echo "  systemctl enable --now limetwigd"
		echo "  limetwig setup postfix"
	fi
	;;
uninstall)
	tell_systemd
	# ninja leaves the folders
	rmdir --ignore-fail-on-non-empty /usr/share/limetwig /usr/local/share/doc/limetwig /usr/local/libexec/limetwig \
		2>/dev/null || true
	echo "The programs are gone. Still there:"
	for left in /etc/limetwig /var/lib/limetwig; do
		[ ! -e "$left" ] || echo "  $left"
	done
	echo "  the users limetwig-*, the groups limetwig-read and limetwig-admin: tools/install-host.sh forget-users"
	;;
forget-users)
	# the data first: a number that is given again would own it
	if [ -e /var/lib/limetwig ]; then
		echo "/var/lib/limetwig is still there: limetwig uninstall --purge before, or delete it" >&2
		exit 1
	fi
	while read -r kind name _; do
		[ "$kind" != u ] || ! getent passwd "$name" >/dev/null || userdel "$name"
		! getent group "$name" >/dev/null || groupdel "$name"
	done < <(grep '^[ug] ' "$top/etc/limetwig.sysusers")
	;;
*)
	echo "usage: install-host.sh install|uninstall|forget-users" >&2
	exit 2
	;;
esac

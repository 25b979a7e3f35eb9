#!/bin/bash
# What `make install` does besides copying files: system users, configuration
# directories, the example configuration where there is none, systemd told.
# Arguments: install | uninstall. DESTDIR: into a package's tree, then neither
# users nor systemd. Your configuration and data are never removed here:
# `limetwig uninstall` does that.
# SPDX-License-Identifier: ISC
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
dest=${DESTDIR:-}
roles="engine firewall capture follow run"
groups="limetwig-read limetwig-admin"

add_users() {
	local sysusers
	for sysusers in /usr/lib/sysusers.d/limetwig.conf /usr/local/lib/sysusers.d/limetwig.conf "$top/etc/limetwig.sysusers"; do
		if [ -e "$sysusers" ] && command -v systemd-sysusers >/dev/null; then
			systemd-sysusers "$sysusers"
			return
		fi
	done
	for group in $groups; do
		getent group "$group" >/dev/null || groupadd --system "$group"
	done
	for role in $roles; do
		getent passwd "limetwig-$role" >/dev/null ||
			useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin \
				"limetwig-$role"
	done
}

make_directories() {
	install -d -m 0750 "$dest/etc/limetwig" "$dest/etc/limetwig/traps.d" "$dest/etc/limetwig/allow.d"
	if [ ! -e "$dest/etc/limetwig/limetwig.conf" ]; then
		install -m 0640 "$top/etc/limetwig.conf" "$dest/etc/limetwig/limetwig.conf"
		echo "example configuration: /etc/limetwig/limetwig.conf"
	fi
}

tell_systemd() {
	if [ -z "$dest" ] && [ -d /run/systemd/system ]; then
		systemctl daemon-reload
	fi
}

case "${1:-}" in
install)
	[ -n "$dest" ] || add_users
	make_directories
	tell_systemd
	echo "Installed. Next: limetwig setup postfix --dry-run"
	echo "and then:        limetwig setup postfix && systemctl enable --now limetwig"
	;;
uninstall)
	echo "Configuration, data and users stay; \`limetwig uninstall\` removes them (run it before this)."
	tell_systemd
	;;
*)
	echo "usage: install-host.sh install|uninstall" >&2
	exit 2
	;;
esac

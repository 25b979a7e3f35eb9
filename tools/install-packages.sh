#!/bin/bash
# Installs what packages.txt names and is missing: no question, no service
# started or left to start at the next boot, no other mail server touched. Arguments: groups (all by default).
# Exit: 0 everything is there; 1 something is missing and could not be had.
# What was added stands in build-host/packages-added.txt. Where Postfix cannot
# be installed, it is unpacked into build-host/postfix. Groups peers and bench are
# never installed: each is unpacked, with what it needs, into build-host/peers and
# build-host/bench, the second by `make bench` alone.
# SPDX-License-Identifier: ISC
set -eu

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
host="$top/build-host"
policy=/usr/sbin/policy-rc.d
made_policy=no
groups=" ${*:-build run test demo peers} "
updated=no

say() { echo "packages: $*"; }

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The mail server of this machine that is not Postfix, if any.
other_mta() {
	local owner
	if owner=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
		awk '$1 == "installed" && /mail-transport-agent/ && $2 != "postfix" { print $2; exit }') && [ -n "$owner" ]; then
		echo "$owner"
	elif [ -e /usr/sbin/sendmail ] && ! is_installed postfix; then
		echo "/usr/sbin/sendmail (of no package)"
	fi
}

# Packages of the groups, but for those that are only unpacked.
wanted() {
	local group name _
	while read -r group name _; do
		case "$group" in ''|'#'*|peers|bench) continue ;; esac
		case "$groups" in *" $group "*) echo "$name" ;; esac
	done <"$top/packages.txt" | sort -u
}

# Nothing may start a service while we install. An existing policy-rc.d is left as it is.
forbid_services() {
	[ -e "$policy" ] && return
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	made_policy=yes
}

clean_up() {
	[ "$made_policy" = no ] || rm -f "$policy"
	made_policy=no
}

services_are_forbidden() {
	local status=0
	"$policy" postfix start >/dev/null 2>&1 || status=$?
	[ "$status" = 101 ]
}

update_lists() {
	[ "$updated" = no ] || return 0
	apt-get -q update >"$host/apt.log" 2>&1 || say "apt-get update failed, going on with the lists there are"
	updated=yes
}

# What begins at the next boot.
enabled() {
	find /etc/systemd/system/multi-user.target.wants /etc/systemd/system/sockets.target.wants /etc/rc[2-5].d -type l \
		! -name 'K*' ! -name '*.target' -printf '%f\n' 2>/dev/null | sed 's/^S[0-9][0-9]//; s/\.service$//' | sort -u
}

# A package may bring a service, and means it to run. What was enabled before stays so.
disable_new() {
	local name unit
	for name in $(enabled | comm -13 "$host/enabled" -); do
		case "$name" in
		*.*) unit=$name ;;
		*) unit=$name.service ;;
		esac
		# it wants to be called by dpkg alone
		DPKG_MAINTSCRIPT_PACKAGE=limetwig deb-systemd-helper disable "$unit" >>"$host/apt.log" 2>&1 || true
		[ ! -x "/etc/init.d/$name" ] || update-rc.d "$name" disable >>"$host/apt.log" 2>&1 || true
	done
	for name in $(enabled | comm -13 "$host/enabled" -); do say "is enabled for the next boot: $name"; done
}

install() {
	say "installing $# packages and what they need (build-host/apt.log)"
	update_lists
	if ! apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@" >>"$host/apt.log" 2>&1; then
		tail -n 15 "$host/apt.log" >&2
		say "apt-get install failed: $*"
		return 1
	fi
	printf '%s\n' "$@" >>"$host/packages-added.txt"
	say "added: $*"
}

unpack_postfix() {
	local need
	[ -x "$host/postfix/usr/sbin/postfix" ] && { say "Postfix is unpacked in build-host/postfix"; return; }
	update_lists
	# its libraries are installed as usual: they start nothing
	need=$(apt-cache depends postfix postfix-lmdb | awk '$1 == "Depends:" && $2 ~ /^lib/ { print $2 }' | sort -u)
	# shellcheck disable=SC2086 # a list of names
	install_missing $need
	rm -rf "$host/postfix" "$host/debs"
	mkdir -p "$host/postfix" "$host/debs"
	(cd "$host/debs" && apt-get -q download postfix postfix-lmdb >>"$host/apt.log" 2>&1) ||
		{ say "Postfix could not be downloaded (build-host/apt.log)"; return 1; }
	for deb in "$host"/debs/*.deb; do dpkg-deb -x "$deb" "$host/postfix"; done
	rm -rf "$host/debs"
	say "Postfix unpacked in build-host/postfix, for tests and demo only"
}

# Those that are not installed, with the packages they need and that are not here; none of them is configured or started.
unpack_group() {
	local group=$1 names wanted folder="$host/$1"
	wanted=$(awk -v group="$group" '$1 == group { print $2 }' "$top/packages.txt" | sort -u)
	[ "$(cat "$folder/packages" 2>/dev/null)" != "$wanted" ] || return 0
	update_lists
	# one by one: a release may not have one of them
	names=$(for name in $wanted; do
		apt-get -s --no-install-recommends install "$name" 2>>"$host/apt.log" ||
			say "no package $name here" >&2
	done | awk '$1 == "Inst" && $3 !~ /^\[/ { print $2 }' | sort -u)
	[ -n "$names" ] || { say "the packages of group $group are installed, or not to be had"; return; }
	rm -rf "$folder" "$host/debs"
	mkdir -p "$folder" "$host/debs"
	# shellcheck disable=SC2086 # a list of names
	(cd "$host/debs" && apt-get -q download $names >>"$host/apt.log" 2>&1) ||
		{ say "the packages of group $group could not be downloaded (build-host/apt.log)"; return 1; }
	for deb in "$host"/debs/*.deb; do
		dpkg-deb -x "$deb" "$folder"
		dpkg-deb -W --showformat="\${Package} \${Version}\\n" "$deb" >>"$folder/versions"
	done
	rm -rf "$host/debs"
	find "$folder" -type f -perm /6000 -exec chmod ug-s {} + # none of them lies about with rights of root
	echo "$wanted" >"$folder/packages"
	say "unpacked in build-host/$group: $(echo "$names" | wc -l) packages"
}

install_missing() {
	local missing=() name
	for name in "$@"; do is_installed "$name" || missing+=("$name"); done
	[ ${#missing[@]} -eq 0 ] || install "${missing[@]}"
}

want_postfix() {
	local mta
	is_installed postfix && { install_missing postfix-lmdb; return; }
	mta=$(other_mta)
	if [ -n "$mta" ]; then
		say "another mail server is installed ($mta): left alone"
		unpack_postfix
	elif ! services_are_forbidden; then
		say "the policy-rc.d of this machine would let Postfix start"
		unpack_postfix
	else
		echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
		install postfix postfix-lmdb
	fi
}

main() {
	local all plain=() missing=() name status=0 postfix=no
	command -v dpkg-query >/dev/null || { say "no dpkg here: see packages.txt for what is needed"; return 0; }
	all=$(wanted)
	for name in $all; do
		case "$name" in
		postfix) postfix=yes ;;
		postfix-lmdb) ! is_installed postfix || is_installed "$name" || missing+=("$name") ;;
		*) is_installed "$name" || missing+=("$name") ;;
		esac
	done
	if [ "$(id -u)" != 0 ]; then
		[ "$postfix" = no ] || is_installed postfix || [ -d "$host/postfix" ] || missing+=(postfix postfix-lmdb)
		[ ${#missing[@]} -eq 0 ] && return 0
		say "missing, and only root can install them: ${missing[*]}"
		return 1
	fi
	plain=("${missing[@]}")
	mkdir -p "$host"
	touch "$host/packages-added.txt"
	enabled >"$host/enabled"
	export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none
	trap clean_up EXIT
	trap 'exit 130' INT TERM HUP
	forbid_services
	[ ${#plain[@]} -eq 0 ] || install "${plain[@]}" || status=1
	[ "$postfix" = no ] || want_postfix || status=1
	disable_new
	# tests are left out without them
	for name in peers bench; do
		case "$groups" in *" $name "*) unpack_group "$name" || say "going on without group $name" ;; esac
	done
	[ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$host"
	[ "$status" != 0 ] || say "everything needed is there"
	return "$status"
}

[ "${BASH_SOURCE[0]}" != "$0" ] || main

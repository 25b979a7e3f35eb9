#!/bin/bash
# trees.sh DIR: make the Debian trees for make.sh in DIR (about 5 GB): base/ and
# one overlay per program under ov/NAME/up. Needs root, debootstrap, the
# network, and nothing of the host is changed. qmail and TMDA, which Debian 12
# does not have, come from the sources in DIR/src/notqmail and DIR/src/tmda.
# SPDX-License-Identifier: ISC
set -e
dir=$(realpath -m "${1:?directory}")
mkdir -p "$dir/ov"
cd "$dir"

in_tree() { # in_tree NAME COMMAND: run it in overlay NAME over base
	mkdir -p "ov/$1/up" "ov/$1/wk" "ov/$1/m"
	unshare -m -p -u -f --mount-proc bash -ec '
		mount -t overlay o -o "lowerdir=base,upperdir=ov/$1/up,workdir=ov/$1/wk" "ov/$1/m"
		mount -t proc proc "ov/$1/m/proc"
		cp /etc/resolv.conf "ov/$1/m/etc/"
		hostname mail.example.org
		exec chroot "ov/$1/m" bash -c "export DEBIAN_FRONTEND=noninteractive; $2"' sh "$1" "$2"
}

add() { # add NAME PACKAGE...
	name=$1
	shift
	in_tree "$name" "apt-get -qq update && apt-get -qq -y install --no-install-recommends $*"
}

if [ ! -e base/.done ]; then
	debootstrap --variant=minbase \
		--include=ca-certificates,perl,python3,make,gcc,libc6-dev,netbase,iproute2,procps,socat bookworm base
	printf '#!/bin/sh\nexit 101\n' > base/usr/sbin/policy-rc.d
	chmod +x base/usr/sbin/policy-rc.d
	cp /etc/resolv.conf base/etc/
	unshare -m -p -u -f --mount-proc chroot base bash -ec 'mount -t proc proc /proc; export DEBIAN_FRONTEND=noninteractive
		apt-get -qq update; apt-get -qq -y install --no-install-recommends dovecot-core dovecot-lmtpd dovecot-sieve \
		vacation procmail maildrop msmtp'
	touch base/.done
fi
add postfix postfix postfix-lmdb postfix-pcre mlmmj
add exim exim4-daemon-heavy
add sendmail sendmail-bin sendmail-cf sendmail-base m4
add opensmtpd opensmtpd
add courier courier-mta
add dma dma
add nullmailer nullmailer
add chasquid chasquid
add mailman3 postfix postfix-lmdb mailman3
add amavis postfix postfix-lmdb amavisd-new
add opendmarc postfix postfix-lmdb opendmarc
echo 'deb http://deb.debian.org/debian bullseye main' > bullseye.list
mkdir -p ov/tmda/up/etc/apt/sources.list.d
cp bullseye.list ov/tmda/up/etc/apt/sources.list.d/
add tmda postfix postfix-lmdb python2.7

if [ -d src/notqmail ]; then
	mkdir -p ov/qmail/up/usr/src
	cp -r src/notqmail ov/qmail/up/usr/src/
	in_tree qmail 'groupadd nofiles; groupadd qmail
		for u in alias:nofiles:/alias qmaild:nofiles: qmaill:nofiles: qmailp:nofiles: qmailq:qmail: qmailr:qmail: qmails:qmail:
		do IFS=: read n g h <<< "$u"; useradd -g $g -d /var/qmail$h -M -s /bin/false $n; done
		mkdir -p /var/qmail; cd /usr/src/notqmail && make NROFF=true it && make NROFF=true setup'
fi

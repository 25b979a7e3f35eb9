#!/bin/sh
# make.sh SCRIPT.py [ARG...]: run a generator script in namespaces of their own.
# TREES: what trees.sh made; OUT: where the messages go (KIND/NAME.eml).
# SPDX-License-Identifier: ISC
: "${TREES:?directory made by trees.sh}" "${OUT:?directory for the messages}"
export TREES OUT PYTHONDONTWRITEBYTECODE=1
here=$(cd "$(dirname "$0")" && pwd)
exec unshare -n -m -p -u -f --mount-proc --kill-child sh -c '
	here=$1; shift
	mount -t tmpfs t /mnt && mkdir /mnt/run && export RUN=/mnt/run
	s=$1; shift; exec python3 "$here/$s" "$@"' sh "$here" "$@"

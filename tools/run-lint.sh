#!/bin/bash
# clang-tidy, layers, format, shell scripts, manual pages. Argument: build directory.
# A tool that is not installed is named and left out. Exit 1 on a finding.
# SPDX-License-Identifier: ISC
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:-build}
status=0

have() {
	command -v "$1" >/dev/null || { echo "skipped: $1 is not installed"; return 1; }
}

layers=$(tools/check-layers "$build") || status=1
grep -v '^ok' <<<"$layers" || true
if have clang-format; then
	find src tests bench -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror || status=1
fi
if have shellcheck; then
	shellcheck tools/*.sh .ci/run || status=1
fi
if have mandoc; then
	for page in man/*.[1-8]; do
		[ ! -e "$page" ] || mandoc -T lint -W style "$page" || status=1
	done
fi
if have clang-tidy; then
	[ -e build-clang/build.ninja ] || CC=clang meson setup build-clang >/dev/null || status=1
	find src -name '*.c' -print0 | xargs -0 -P 2 -n 4 clang-tidy -quiet -p build-clang 2>/dev/null || status=1
fi
exit "$status"

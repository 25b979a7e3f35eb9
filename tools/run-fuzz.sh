#!/bin/bash
# Builds the fuzz targets with clang's libFuzzer and runs each on its corpus
# for $1 seconds (60). Exit 1 when one found something; the input is named.
# SPDX-License-Identifier: ISC
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
status=0

[ -e build-fuzz/build.ninja ] ||
	CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
ninja -C build-fuzz
for target in build-fuzz/tests/fuzz_*[a-z]; do
	[ -x "$target" ] || continue
	name=${target##*/fuzz_}
	found="build-fuzz/found/$name"
	mkdir -p "$found"
	if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$found/" \
		-print_final_stats=1 "$found" "tests/fuzz/corpus/$name" >"$found.log" 2>&1; then
		echo "ok    $name  $(awk '/number_of_executed_units/ { print $2 }' "$found.log") inputs"
	else
		echo "FOUND $name  see $found.log"
		status=1
	fi
done
exit "$status"

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds and runs live_qemu.c: the QEMU source against QEMU processes without an operating system. About 7 seconds.
# Usage: live_qemu.sh [BUILD-FOLDER]; the folder is where make has left libtinyvmi-parts.a.
cd "$(dirname "$0")/../.." || exit 2
build=${1:-build}
[ -f "$build/libtinyvmi-parts.a" ] || make -s B="$build" "$build/libtinyvmi-parts.a" || exit 2
mkdir -p "$build/tests" || exit 2
${CC:-gcc} -std=gnu11 -O1 -g -Wall -Wextra -Iinclude -Isrc -I. -o "$build/tests/live_qemu" tests/guest/live_qemu.c \
    "$build/libtinyvmi-parts.a" -lcmocka -lkdumpfile -lsnappy || exit 2
CMOCKA_MESSAGE_OUTPUT=STDOUT "$build/tests/live_qemu" >"$build/tests/live_qemu.log" 2>&1
status=$?
cat "$build/tests/live_qemu.log"
# cmocka's own closing lines: "[  PASSED  ] 17 test(s)."
count() { sed -n "s/^\[ *$1 *\] \([0-9][0-9]*\) test(s).*/\1/p" "$build/tests/live_qemu.log" | head -n 1; }
passed=$(count PASSED) failed=$(count FAILED) skipped=$(count SKIPPED)
[ "$status" = 0 ] || failed=${failed:-1}
echo "${passed:-0} passed, ${failed:-0} failed${skipped:+, $skipped skipped}"
exit "$status"

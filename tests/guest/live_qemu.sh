#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The QEMU source against QEMU processes without an operating system: builds and runs live_qemu.c, about 7 seconds.
# Prints "ok NAME", "FAIL NAME: why" and "skip NAME: why" lines. usage: B=build tests/guest/live_qemu.sh
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build}
[ -f "$B/libtinyvmi-parts.a" ] || make -s B="$B" "$B/libtinyvmi-parts.a" || exit 2
mkdir -p "$B/tests" || exit 2
# shellcheck disable=SC2086
${CC:-gcc} -std=gnu11 -O1 -g -Iinclude -Isrc -I. ${SAN:-} -o "$B/tests/live_qemu" tests/guest/live_qemu.c \
    "$B/libtinyvmi-parts.a" -lcmocka -lkdumpfile -lsnappy -ljson-c || exit 2
CMOCKA_MESSAGE_OUTPUT=STDOUT "$B/tests/live_qemu" >"$B/tests/live_qemu.log" 2>&1
status=$?
awk -v status=$status '
    /^\[=+\] .* run\.$/ { closed = 1 } # what follows repeats the names
    closed { next }
    /^skipped: / { why = substr($0, 10) }
    /^\[  ERROR   \]/ { why = substr($0, 13) }
    /^\[   LINE   \]/ { why = why " (" $5 ")" }
    /^\[ RUN / { name = "live QEMU: " $4; why = ""; seen++ }
    /^\[       OK \]/ { print "ok " name; ended++ }
    /^\[  SKIPPED \]/ { print "skip " name ": " why; ended++ }
    /^\[  FAILED  \]/ && ended < seen { print "FAIL " name ": " why; ended++; failed++ }
    END { if (status && !failed) print "FAIL live QEMU: exit " status ", see live_qemu.log" }
' "$B/tests/live_qemu.log"
exit 0

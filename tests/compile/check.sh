#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Compiles what tests/compile holds with each compiler that is there. From the root of the tree:
#
#   tests/compile/check.sh [LIBRARY]
#
# With a library (build/libtinyvmi.so, or an archive and what it needs, as one argument), api.c is also linked with it
# and run: it then proves that every function is defined.
failed=0 passed=0 skipped=0
warnings='-Wall -Wextra -Werror'
include='-Iinclude -Iinclude/compat'
object=$(mktemp) || exit 1
trap 'rm -f "$object"' EXIT

check() {
    if "$@"; then
        passed=$((passed + 1))
    else
        echo "failed: $*" >&2
        failed=$((failed + 1))
    fi
}

# Each header by itself, twice, and strictly.
headers() {
    compiler=$1 language=$2 standard=$3
    for header in libvmi/libvmi.h libvmi/events.h libvmi/slat.h libvmi/libvmi_extra.h libvmi/peparse.h libvmi/x86.h \
        glib.h; do
        printf '#include <%s>\n#include <%s>\nextern int something;\n' $header $header >"$object.in"
        check $compiler -x $language -std=$standard $warnings -Wpedantic $include -DLIBVMI_EXTRA_GLIB -fsyntax-only \
            "$object.in"
    done
    rm -f "$object.in"
}

for compiler in gcc clang; do
    if ! command -v $compiler >/dev/null; then
        echo "$compiler is not installed"
        skipped=$((skipped + 1))
        continue
    fi
    for standard in c11 gnu11 gnu2x; do
        check $compiler -std=$standard $warnings $include -c tests/compile/api.c -o "$object"
    done
    for standard in gnu99 c11 gnu11; do
        check $compiler -std=$standard -D_DEFAULT_SOURCE $warnings $include -c tests/compile/idioms.c -o "$object"
    done
    headers $compiler c c99
    headers $compiler c c11
done

for compiler in g++ clang++; do
    if ! command -v $compiler >/dev/null; then
        echo "$compiler is not installed"
        skipped=$((skipped + 1))
        continue
    fi
    for standard in c++17 c++20; do
        check $compiler -std=$standard $warnings $include -c tests/compile/api_cxx.cc -o "$object"
        check $compiler -std=$standard $warnings $include -c tests/compile/idioms_cxx.cc -o "$object"
    done
    headers $compiler c++ c++11
    headers $compiler c++ c++17
done

if [ -n "$1" ]; then
    json=$(pkg-config --libs json-c 2>/dev/null)
    check ${CC:-gcc} -std=c11 $warnings $include tests/compile/api.c $1 $json -o "$object"
    check env LD_LIBRARY_PATH="$(dirname "${1%% *}")" "$object"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]

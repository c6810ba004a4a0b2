/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/file_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_file("windows-crash", data, size);
}

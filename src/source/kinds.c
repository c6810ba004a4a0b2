/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of sources that this build has. Files are probed in this order; raw takes what nothing
 * else fits. */
#include "source/file_kinds.h"
#include "source/qemu.h"

const struct source_kind *const source_kinds[] = {
    &qemu_source_kind,
    &elf_source_kind,
    &lime_source_kind,
    &avml_source_kind,
    &kdump_source_kind,
    &crash_source_kind,
    &raw_source_kind,
    NULL,
};

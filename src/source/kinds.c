/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of sources that this build has. Files are probed in this order; raw takes what nothing
 * else fits. */
#include "source/file_kinds.h"
#include "source/qemu.h"

/* src/xen lies above: here it is known as a row only. */
extern const struct source_kind xen_source_kind;

// clang-format off
const struct source_kind *const source_kinds[] = {
    &qemu_source_kind,
    &xen_source_kind,
    &elf_source_kind,
    &lime_source_kind,
    &avml_source_kind,
    &kdump_source_kind,
    &crash_source_kind,
    &raw_source_kind,
    NULL,
};
// clang-format on

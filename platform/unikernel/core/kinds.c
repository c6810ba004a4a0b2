/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of src/source/kinds.c: what a unikernel can look at is its neighbours. */
#include "source/source.h"

extern const struct source_kind xen_source_kind;

const struct source_kind *const source_kinds[] = {
    &xen_source_kind,
    NULL,
};

/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of src/source/kinds.c: what a unikernel can look at is its neighbours. */
#include "source/source.h"

const struct source_kind *const source_kinds[] = {
    NULL,
};

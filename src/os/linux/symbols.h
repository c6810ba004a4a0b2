/* SPDX-License-Identifier: BSD-2-Clause */
/* One symbol table for the kernel out of all that it offers: kallsyms, exported symbols, a profile.
 */
#ifndef TINYVMI_OS_LINUX_SYMBOLS_H
#define TINYVMI_OS_LINUX_SYMBOLS_H

#include "os/linux/linux.h"

/*
 * Makes v->symbols from what the user gave (l->given), l->kallsyms (may be absent) and the ksymtab
 * in `part` of the image (whose first byte is at `va`); types of a given profile become v->types.
 * ST_ABSENT when there is no symbol at all; ST_INVALID for a profile that is another kernel's.
 */
MUST_USE int lx_symbols_open(struct linux_view *l, struct bytes part, uint64_t va);

/* Closes v->symbols and what it was made of. */
void lx_symbols_close(struct linux_view *l);

#endif

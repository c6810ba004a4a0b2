/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's symbols: a profile's, the image's exports, the debugger block's fields, in one
 * table. */
#ifndef TINYVMI_OS_WINDOWS_SYMBOLS_H
#define TINYVMI_OS_WINDOWS_SYMBOLS_H

#include "os/windows/windows.h"

/*
 * Exports, and the profile's symbols and types when there is one (profile.p != NULL). A profile
 * that is not this kernel's is refused: ST_INVALID, and the diag tells which one is wanted.
 */
MUST_USE int win_symbols_open(struct windows_view *w, struct bytes profile);

/* Adds what the debugger block knows and the table does not. */
struct kdbg;
void win_symbols_add_kdbg(struct windows_view *w, const struct kdbg *k);

#endif

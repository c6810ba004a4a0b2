/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The symbols that a kernel exports to modules (EXPORT_SYMBOL): few, but data as well as functions,
 * so that init_task is known even to a kernel whose kallsyms has functions alone (built without
 * KALLSYMS_ALL).
 *
 * An entry (struct kernel_symbol, include/linux/export.h) holds value, name and, since 5.4,
 * namespace: as 32-bit offsets from each field's own place where the architecture has PREL32
 * relocations (x86, arm64; since 4.19), else as pointers. The linker sorts the entries by name;
 * __ksymtab and __ksymtab_gpl stand side by side.
 */
#ifndef TINYVMI_SYM_KSYMTAB_H
#define TINYVMI_SYM_KSYMTAB_H

#include "sym/kallsyms.h"

/*
 * Finds the exported symbols in a kernel image by their shape: the longest run of entries whose
 * names are identifiers in the image, in order. The bytes need not stay. Types are '?', for an
 * entry does not tell. ST_ABSENT: no such run.
 */
MUST_USE int ksymtab_open(const struct kallsyms_image *image, struct diag *d, struct symtab *ret);

#endif

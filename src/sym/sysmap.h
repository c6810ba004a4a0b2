/* SPDX-License-Identifier: BSD-2-Clause */
/* System.map, /proc/kallsyms and the output of nm: lines of "address type name". */
#ifndef TINYVMI_SYM_SYSMAP_H
#define TINYVMI_SYM_SYSMAP_H

#include "sym/symtab.h"

/*
 * A symtab with the addresses as they stand there (link-time, in a System.map). The text need not
 * stay. Lines of a module ("name\t[module]") are left out, empty lines passed over. ST_ABSENT: the
 * first line is none of these; ST_BROKEN names a later line.
 */
MUST_USE int sysmap_open(struct bytes text, struct diag *d, struct symtab *ret);

#endif

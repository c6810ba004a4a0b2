/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel as it is linked (ELF): its types (.BTF), symbols (.symtab, else kallsyms), build id,
 * banner. */
#ifndef TINYVMI_SYM_VMLINUX_H
#define TINYVMI_SYM_VMLINUX_H

#include "sym/profile.h"

/* The bytes are borrowed. ST_ABSENT: neither types nor symbols are in there. */
MUST_USE int vmlinux_open(struct bytes file, struct diag *d, struct profile *ret);

/*
 * Finds a kernel's banner, "Linux version 6.1.0-... #1 ..." (init/version.c), and copies it without
 * its newline. Returns where it is, or NULL.
 */
const uint8_t *banner_search(struct bytes image, char *buf, size_t size);

/* The build id out of ELF notes, as hex digits; `buf` stays as it is when there is none. */
void build_id_of_notes(struct bytes notes, char *buf, size_t size);

#endif

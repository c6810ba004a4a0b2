/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a user may know about a kernel, out of the bytes of a file, told apart by content: ISF
 * (Volatility 3) and Rekall (JSON, one streaming pass, bounded depth), compact profiles
 * (compact.h), System.map, a BTF blob, a vmlinux (ELF).
 */
#ifndef TINYVMI_SYM_PROFILE_H
#define TINYVMI_SYM_PROFILE_H

#include "sym/symtab.h"

struct profile {
    struct types types;
    struct symtab symbols; /* link-time addresses (Linux) or RVAs (Windows) */
    enum vmi_os_kind os;
    unsigned ptr_size; /* bytes of a pointer in the guest: 4 or 8 */
    char dialect[16];  /* "ISF", "Rekall", "System.map", "BTF", "vmlinux" */
    char banner[256];  /* Linux, when it is told: the banner up to its newline; else "" */
    char build_id[64]; /* hex digits, or "" */
};

/*
 * Opens a profile. The bytes are borrowed and must stay until profile_close (JSON is copied, the
 * other forms are used in place). types or symbols may be missing (ops == NULL). ST_BROKEN names
 * place and reason.
 */
MUST_USE int profile_open(struct bytes file, struct diag *d, struct profile *ret);
/* The same for JSON alone; the bytes need not stay. */
MUST_USE int profile_open_json(struct bytes json, struct diag *d, struct profile *ret);
void profile_close(struct profile *p);

#endif

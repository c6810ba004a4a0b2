/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON profiles: ISF (Volatility 3) and Rekall, told apart by content. One streaming pass, bounded
 * depth.
 */
#ifndef TINYVMI_SYM_PROFILE_H
#define TINYVMI_SYM_PROFILE_H

#include "sym/symtab.h"

struct profile {
    struct types types;
    struct symtab symbols; /* link-time addresses (Linux) or RVAs (Windows) */
    enum vmi_os_kind os;
    char dialect[16]; /* "ISF" or "Rekall" */
    char banner[256]; /* ISF: constant data of linux_banner when there; else "" */
};

/* Parses `json`; the bytes need not stay. ST_BROKEN names line and reason. profile_close frees. */
MUST_USE int profile_open(struct bytes json, struct diag *d, struct profile *ret);
void profile_close(struct profile *p);

#endif

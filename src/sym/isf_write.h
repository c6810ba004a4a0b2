/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ISF out of BTF and a table of symbols: what Volatility 3 (schema 6.2.0) and LibVMI read.
 *
 * BTF has no types of variables but per-CPU ones; those that Volatility's plugins ask for are added
 * from a list. Types without a name are called "unnamed_ID", or by the typedef that names them.
 * What a second type of the same name is called has its id behind it.
 */
#ifndef TINYVMI_SYM_ISF_WRITE_H
#define TINYVMI_SYM_ISF_WRITE_H

#include "sym/profile.h"

/*
 * Writes pieces of text; `put` returns non-zero to end it (then ST_IO). Addresses at or above
 * `from` become less by `slide`. `p->types` must be BTF or come from a profile, and not be missing.
 */
MUST_USE int isf_write(const struct profile *p, uint64_t from, uint64_t slide,
                       int (*put)(const void *bytes, size_t n, void *data), void *data,
                       struct diag *d);

#endif

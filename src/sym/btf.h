/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BTF, the kernel's own type information (Documentation/bpf/btf.rst): all kinds up to ENUM64 (19),
 * unknown higher kinds are refused. Split BTF of a module continues the ids and strings of its
 * base.
 */
#ifndef TINYVMI_SYM_BTF_H
#define TINYVMI_SYM_BTF_H

#include "sym/symtab.h"

/*
 * Types over a BTF blob. The bytes are borrowed, and bounded at every access. `base`: NULL, or what
 * btf_open gave for vmlinux, when this is a module's split BTF (it must outlive this one).
 * ptr_size: 4 or 8, of the guest.
 */
MUST_USE int btf_open(struct bytes blob, unsigned ptr_size, const struct types *base,
                      struct diag *d, struct types *ret);

/*
 * Length of the blob at the start of `b` as its header tells, or 0 when this is no BTF (magic
 * 0xeb9f, version 1).
 */
uint64_t btf_size(struct bytes b);

/* The sections that types were opened over. False for what is no BTF, or split. */
bool btf_bytes(const struct types *t, struct bytes *types, struct bytes *strings);

/*
 * Finds a BTF blob by its magic number in an image, beginning the search at `from`; ST_ABSENT when
 * there is none. The blob must pass a check of its header and its string section.
 */
MUST_USE int btf_search(struct bytes image, uint64_t from, struct bytes *ret);

#endif

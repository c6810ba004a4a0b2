/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Types that are collected in any order, by name, then written as BTF: a profile names a struct
 * long before or after it describes it. What is named and never described stays a forward
 * declaration.
 */
#ifndef TINYVMI_SYM_TYPEBOOK_H
#define TINYVMI_SYM_TYPEBOOK_H

#include "sym/btf_inner.h"

struct typebook;

/* Names of different classes do not meet. */
enum typebook_class { BOOK_BASE, BOOK_USER, BOOK_ENUM };

struct typebook *typebook_new(void);
void typebook_free(struct typebook *b);

/*
 * The id of a name; ids are BTF's, 0 is void. After a failure (no memory, too many) ids are 0 and
 * finish tells.
 */
uint32_t typebook_named(struct typebook *b, enum typebook_class class, struct bytes name);
/* A pointer to, function giving, or array of `count` of another type. */
uint32_t typebook_derived(struct typebook *b, unsigned kind, uint32_t of, uint64_t count);
/* An array that takes `bytes` bytes. */
uint32_t typebook_array_of_bytes(struct typebook *b, uint32_t of, uint64_t bytes);

/*
 * Members or enumerators added since the last typebook_define belong to the next. bits: 0 for what
 * is no bit field.
 */
void typebook_member(struct typebook *b, struct bytes name, uint32_t type, uint64_t bit_offset,
                     uint32_t bits);
void typebook_enumerator(struct typebook *b, struct bytes name, int64_t value);
/*
 * Describes a named type: BTF_STRUCT, _UNION, _ENUM, _INT or _FLOAT. The first description of a
 * name stays.
 */
void typebook_define(struct typebook *b, uint32_t id, unsigned kind, uint64_t size);
/*
 * The size of what is still undescribed when its name is known as that of a plain C type: `size`
 * gives 0 otherwise.
 */
void typebook_define_plain(struct typebook *b,
                           uint64_t (*size)(struct bytes name, const void *data), const void *data);

/* Writes BTF and opens it; `kind` names the table. The book can be freed then. */
MUST_USE int typebook_finish(struct typebook *b, unsigned ptr_size, const char *kind,
                             struct diag *d, struct types *ret);

#endif

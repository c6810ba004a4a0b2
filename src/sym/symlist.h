/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols that are collected one by one, then asked as a symtab: what System.map, profiles and
 * ksymtab have in common. Table order is the order of addresses.
 */
#ifndef TINYVMI_SYM_SYMLIST_H
#define TINYVMI_SYM_SYMLIST_H

#include "sym/symtab.h"

struct symlist;

/* NULL when there is no memory. `kind` is static text. */
struct symlist *symlist_new(const char *kind);
void symlist_free(struct symlist *l);

/*
 * Adds a symbol; the name is copied (cut at 1023 bytes; "" and names with a NUL inside are left
 * out).
 */
void symlist_add(struct symlist *l, struct bytes name, uint64_t address, char type);
uint64_t symlist_count(const struct symlist *l);

/*
 * Sorts and indexes. The list belongs to the symtab from then on, unless this fails: then it is
 * still the caller's. ST_NOMEM, also for an addition that failed; ST_LIMIT: more symbols than a
 * kernel can have.
 */
MUST_USE int symlist_finish(struct symlist *l, struct symtab *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All symbols of a table, copied and put in order: by address for who writes a table, by name for
 * who looks names up by halving.
 */
#ifndef TINYVMI_SYM_SYMSORT_H
#define TINYVMI_SYM_SYMSORT_H

#include "sym/symtab.h"

struct symsort_entry {
    uint64_t address;
    uint32_t name; /* in `text`; grows in the order of the table that was copied */
    char type;
};

struct symsort {
    struct symsort_entry *entry; /* ascending by address, then in the table's order */
    uint32_t *order;             /* of entries: ascending by name as strcmp has it, then likewise */
    char *text;                  /* names, each terminated; text[0] is "" */
    uint32_t nr, text_bytes;
};

/*
 * Copies a table. Addresses at or above `from` are less by `slide`. ST_NOMEM, ST_LIMIT, or what the
 * table breaks off with. symsort_free on success.
 */
MUST_USE int symsort_open(const struct symtab *t, uint64_t from, uint64_t slide, struct diag *d,
                          struct symsort *ret);
void symsort_free(struct symsort *s);

static inline const char *symsort_name(const struct symsort *s, uint32_t entry)
{
    return s->text + s->entry[entry].name;
}

#endif

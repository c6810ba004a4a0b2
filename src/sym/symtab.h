/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols and types behind two small interfaces, whatever the bytes were (kallsyms, BTF, ISF,
 * Rekall, System.map, PE exports, ksymtab). Implementations are pure data: they hold bytes and
 * never touch the guest.
 *
 * Text pointers in results are valid until the next call on the same table.
 */
#ifndef TINYVMI_SYM_SYMTAB_H
#define TINYVMI_SYM_SYMTAB_H

#include <tinyvmi/records.h>

#include "core/bytes.h"
#include "core/status.h"

struct symtab_ops {
    const char *kind; /* "kallsyms", "ISF", ... */
    /*
     * Exact name. ret->module is "". ST_ABSENT when there is none. Of several, the first in table
     * order.
     */
    int (*by_name)(void *self, const char *name, struct vmi_symbol *ret);
    /* Nearest symbol at or below. ST_ABSENT when below the first. */
    int (*by_address)(void *self, uint64_t address, struct vmi_symbol *ret);
    /*
     * All, in table order; stops when cb returns non-zero. ST_OK, or ST_BROKEN when the table
     * breaks off.
     */
    int (*each)(void *self, vmi_symbol_cb cb, void *data);
    uint64_t (*count)(void *self);
    void (*close)(void *self);
};

struct symtab {
    const struct symtab_ops *ops; /* NULL: there is none */
    void *self;
};

struct types_ops {
    const char *kind; /* "BTF", "ISF", ... */
    /*
     * Member of a struct, union or typedef of one, also inside anonymous members; a dotted path
     * descends into embedded structs. ST_ABSENT: no such type or member (types that are only
     * declared forward count as absent). ST_LIMIT/ST_BROKEN: forged nesting. ret->type may be
     * NULL-terminated lazily: valid until the next call.
     */
    int (*member)(void *self, const char *type, const char *path, struct vmi_member *ret);
    int (*size)(void *self, const char *type, uint64_t *ret);
    int (*enumerator)(void *self, const char *name, int64_t *ret);
    int (*each_member)(void *self, const char *type, vmi_member_cb cb, void *data);
    /* Names of all structs, unions, enums and typedefs. */
    int (*each_type)(void *self,
                     int (*cb)(const char *kind, const char *name, uint64_t size, void *data),
                     void *data);
    uint64_t (*count)(void *self);
    void (*close)(void *self);
};

struct types {
    const struct types_ops *ops; /* NULL: there are none */
    void *self;
};

#endif

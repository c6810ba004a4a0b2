/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of BTF share: btf_blob.c (bytes), btf_text.c (types as C text), btf.c (index,
 * members). Private to them.
 *
 * The bytes may be the memory of a guest that runs: a record is copied, checked, then used, at
 * every access anew.
 */
#ifndef TINYVMI_SYM_BTF_INNER_H
#define TINYVMI_SYM_BTF_INNER_H

#include "sym/btf.h"

/* include/uapi/linux/btf.h */
enum {
    BTF_VOID,
    BTF_INT,
    BTF_PTR,
    BTF_ARRAY,
    BTF_STRUCT,
    BTF_UNION,
    BTF_ENUM,
    BTF_FWD,
    BTF_TYPEDEF,
    BTF_VOLATILE,
    BTF_CONST,
    BTF_RESTRICT,
    BTF_FUNC,
    BTF_FUNC_PROTO,
    BTF_VAR,
    BTF_DATASEC,
    BTF_FLOAT,
    BTF_DECL_TAG,
    BTF_TYPE_TAG,
    BTF_ENUM64,
    BTF_KINDS
};

#define BTF_MAX_CHAIN 32 /* typedefs, qualifiers, array levels and pointers in a row */
#define BTF_MAX_NAME  512

struct btf {
    struct types_ops ops; /* with a `kind` of its own: profiles become BTF, too */
    void *owned;          /* freed with it */
    struct bytes types, strings;
    unsigned ptr_size;
    const struct btf *base; /* NULL, or what a split BTF continues */
    uint32_t first_id;      /* of our own types: 1, or one behind the base's last */
    uint32_t first_string;  /* offset that our own strings begin with */
    uint32_t nr;            /* own types */
    uint32_t *at;           /* of each own type, in `types` */
    uint32_t *slot;         /* names: id - first_id + 1, and bits of the hash; 0: free */
    uint32_t mask;
    uint32_t *enums; /* ids of the enums */
    uint32_t nr_enums;
    bool signed_marked; /* some enum says that it is signed, so the others are not */
    char text[256];     /* a member's type and name: what the newest answer points to */
    char name[BTF_MAX_NAME];
};

/* One type, copied. */
struct btf_type {
    uint32_t name, size; /* `size` is the referred type's id for the kinds that refer to one */
    uint32_t id;
    uint16_t vlen;
    uint8_t kind;
    bool flag;
    const uint8_t *more; /* what follows the record; its length fits the kind and vlen */
};

/* Bytes that follow the record of a type. */
static inline uint32_t btf_more(unsigned kind, uint32_t vlen)
{
    static const uint8_t fixed[BTF_KINDS] = {
        [BTF_INT] = 4,
        [BTF_ARRAY] = 12,
        [BTF_VAR] = 4,
        [BTF_DECL_TAG] = 4,
    };
    static const uint8_t each[BTF_KINDS] = {
        [BTF_STRUCT] = 12,    [BTF_UNION] = 12,   [BTF_ENUM] = 8,
        [BTF_FUNC_PROTO] = 8, [BTF_DATASEC] = 12, [BTF_ENUM64] = 12,
    };

    return kind < BTF_KINDS ? fixed[kind] + each[kind] * vlen : 0;
}

/* Sections of a blob that is all there, with strings that end. */
bool btf_sections(struct bytes blob, struct bytes *types, struct bytes *strings);

/* Length of the type record at `at`, or 0 when it is damaged. */
uint32_t btf_record_length(struct bytes types, uint64_t at);

/*
 * Gives a BTF another name, and the blob that it was opened over (from malloc) to free when it is
 * closed.
 */
void btf_adopt(struct types *t, const char *kind, void *blob);

/* The type with this id (0 is void); false when there is none or its record is damaged. */
bool btf_type(const struct btf *b, uint32_t id, struct btf_type *ret);

/* Follows typedefs, qualifiers and tags to what is behind them. */
bool btf_resolve(const struct btf *b, uint32_t id, struct btf_type *ret);

/* Bytes that a type occupies. ST_ABSENT for what is only declared. */
int btf_type_size(const struct btf *b, uint32_t id, uint64_t *ret);

/* The type that a name means, "task_struct" or "struct task_struct"; false: none. */
bool btf_find(const struct btf *b, const char *name, struct btf_type *ret);

/* A member, bit fields in either notation. */
struct btf_member {
    uint32_t name, type;
    uint64_t bit_offset; /* from the start of its struct */
    uint32_t bit_size;   /* 0: no bit field */
};
struct btf_member btf_member_at(const struct btf *b, const struct btf_type *s, unsigned i);

/*
 * Since 6.0 (commit 6089fb325cf7) kind_flag tells that an enum's values are signed; before, all
 * were.
 */
static inline bool btf_enum_signed(const struct btf *b, const struct btf_type *t)
{
    return t->flag || (t->kind == BTF_ENUM && !b->signed_marked);
}
int64_t btf_enum_value(const struct btf *b, const struct btf_type *t, unsigned i);

/* The string at an offset, as the view from there to its section's end. */
static inline struct bytes btf_string_at(const struct btf *b, uint32_t offset)
{
    for (unsigned i = 0; b && offset < b->first_string && i < 4; i++)
        b = b->base;
    if (!b || offset < b->first_string || offset - b->first_string >= b->strings.n)
        return (struct bytes){0};
    offset -= b->first_string;
    return (struct bytes){b->strings.p + offset, b->strings.n - offset};
}

/* Is the string at `offset` this text of n bytes? */
static inline bool btf_string_is(const struct btf *b, uint32_t offset, const char *text, size_t n)
{
    struct bytes s = btf_string_at(b, offset);

    return s.n > n && !memcmp(s.p, text, n) && !s.p[n];
}

/* Copies a string, cut to the buffer; "" when it is out of bounds. */
void btf_string(const struct btf *b, uint32_t offset, char *buf, size_t size);

/* The type as a C declaration without a name ("char [16]"), cut to the buffer. */
void btf_text(const struct btf *b, uint32_t id, char *buf, size_t size);

#endif

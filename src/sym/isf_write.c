/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sym/isf_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sym/btf_inner.h"
#include "sym/isf_known.h"
#include "sym/isf_out.h"
#include "sym/symsort.h"

enum { NAME = BTF_MAX_NAME + 32 };

struct isf {
    const struct btf *b;
    bool started;    /* the object that is open has a member */
    uint32_t *alias; /* of an own type without a name: the typedef that names it, or 0 */
    struct var {
        uint32_t name, type;
    } * var; /* variables of BTF, by name */
    uint32_t nr_vars;
    struct isf_out out;
};

/* Begins the next member of an object: its comma and its key. */
static void key(struct isf *w, const char *name)
{
    isf_put(&w->out, w->started ? ",\n" : "\n");
    w->started = true;
    isf_put_text(&w->out, name);
    isf_put_n(&w->out, ":", 1);
}

static void section(struct isf *w, const char *name)
{
    isf_put(&w->out, ",\n\"");
    isf_put(&w->out, name);
    isf_put(&w->out, "\":{");
    w->started = false;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool is_user(unsigned kind)
{
    return kind == BTF_STRUCT || kind == BTF_UNION;
}

static bool is_enum(unsigned kind)
{
    return kind == BTF_ENUM || kind == BTF_ENUM64;
}

static const char *kind_word(unsigned kind)
{
    return kind == BTF_UNION ? "union" : is_enum(kind) ? "enum" : "struct";
}

/* The type that this name means among those of its sort: structs and unions, or enums. 0: none. */
static uint32_t meant(const struct btf *b, const char *name, unsigned kind)
{
    char asked[NAME];
    struct btf_type t;

    snprintf(asked, sizeof asked, is_enum(kind) ? "enum %s" : "%s", name);
    return btf_find(b, asked, &t) &&
                   (is_enum(kind) ? is_enum(t.kind) : is_user(t.kind) || t.kind == BTF_TYPEDEF)
               ? t.id
               : 0;
}

/* What a struct, union, enum, or one that is only declared is called in the profile. */
static void name_of(const struct isf *w, const struct btf_type *t, char buf[NAME])
{
    uint32_t alias = t->id - w->b->first_id < w->b->nr ? w->alias[t->id - w->b->first_id] : 0;
    struct btf_type typedefed;

    btf_string(w->b, t->name, buf, BTF_MAX_NAME);
    if (!buf[0] && alias && btf_type(w->b, alias, &typedefed))
        btf_string(w->b, typedefed.name, buf, BTF_MAX_NAME);
    else if (!buf[0])
        snprintf(buf, NAME, "unnamed_%" PRIx32, t->id);
    else if (t->kind != BTF_FWD && meant(w->b, buf, t->kind) != t->id)
        snprintf(buf + strlen(buf), 16, "__%" PRIx32, t->id);
}

/* Finds for types without a name the typedef that a program calls them by. */
static void find_aliases(struct isf *w)
{
    const struct btf *b = w->b;
    struct btf_type t, of;
    char name[BTF_MAX_NAME];

    for (uint32_t i = 0; i < b->nr; i++) {
        if (!btf_type(b, b->first_id + i, &t) || t.kind != BTF_TYPEDEF ||
            !btf_type(b, t.size, &of) || of.id - b->first_id >= b->nr ||
            !(is_user(of.kind) || is_enum(of.kind)) || w->alias[of.id - b->first_id])
            continue;
        btf_string(b, of.name, name, sizeof name);
        if (name[0])
            continue;
        btf_string(b, t.name, name, sizeof name);
        if (name[0] &&
            (is_enum(of.kind) ? !meant(b, name, BTF_ENUM) : meant(b, name, BTF_STRUCT) == t.id))
            w->alias[of.id - b->first_id] = t.id;
    }
}

/* ---- types ----------------------------------------------------------------------------------- */

/* The size of an enum, and how it is filled, as a base type that C has for it. */
static const char *enum_base(const struct isf *w, const struct btf_type *t)
{
    bool with_sign = btf_enum_signed(w->b, t);

    switch (t->size) {
    case 1:
        return with_sign ? "signed char" : "unsigned char";
    case 2:
        return with_sign ? "short int" : "short unsigned int";
    case 8:
        return with_sign ? "long long int" : "long long unsigned int";
    default:
        return with_sign ? "int" : "unsigned int";
    }
}

static void put_named(struct isf *w, const char *kind, const char *name)
{
    isf_put(&w->out, "{\"kind\":\"");
    isf_put(&w->out, kind);
    isf_put(&w->out, "\",\"name\":");
    isf_put_text(&w->out, name);
    isf_put_n(&w->out, "}", 1);
}

/* What a chain of pointers and arrays ends with. */
static void put_last(struct isf *w, const struct btf_type *t)
{
    char name[NAME];

    if (t->kind == BTF_FUNC || t->kind == BTF_FUNC_PROTO) {
        isf_put(&w->out, "{\"kind\":\"function\"}");
    } else if (is_user(t->kind) || is_enum(t->kind) || t->kind == BTF_FWD) {
        name_of(w, t, name);
        put_named(w, t->kind == BTF_FWD && t->flag ? "union" : kind_word(t->kind), name);
    } else {
        btf_string(w->b, t->name, name, BTF_MAX_NAME);
        put_named(w, "base",
                  (t->kind == BTF_INT || t->kind == BTF_FLOAT) && name[0] ? name : "void");
    }
}

/* A type descriptor. Chains that are longer than any kernel's end as void. */
static void put_type(struct isf *w, uint32_t id)
{
    struct btf_type t = {.kind = BTF_VOID};
    unsigned depth = 0;

    for (; btf_resolve(w->b, id, &t); depth++) {
        if (t.kind == BTF_PTR) {
            isf_put(&w->out, "{\"kind\":\"pointer\",\"subtype\":");
            id = t.size;
        } else if (t.kind == BTF_ARRAY) {
            isf_put(&w->out, "{\"kind\":\"array\",\"count\":");
            isf_put_u64(&w->out, le32(t.more + 8));
            isf_put(&w->out, ",\"subtype\":");
            id = le32(t.more);
        } else {
            break;
        }
        if (depth == BTF_MAX_CHAIN)
            id = 0;
    }
    put_last(w, &t);
    while (depth--)
        isf_put_n(&w->out, "}", 1);
}

/* Byte of its unit and bit in there, as a compiler would read it; else the byte that it begins in.
 */
static void put_bit_field(struct isf *w, const struct btf_member *m, uint64_t *offset)
{
    uint64_t size = 0, at = m->bit_offset / 8, bit;

    if (btf_type_size(w->b, m->type, &size) == ST_OK && size && size <= 8 &&
        m->bit_offset % (size * 8) + m->bit_size <= size * 8)
        at = m->bit_offset / (size * 8) * size;
    bit = m->bit_offset - at * 8;
    isf_put(&w->out, "{\"kind\":\"bitfield\",\"bit_position\":");
    isf_put_u64(&w->out, bit);
    isf_put(&w->out, ",\"bit_length\":");
    isf_put_u64(&w->out, m->bit_size);
    isf_put(&w->out, ",\"type\":");
    put_type(w, m->type);
    isf_put_n(&w->out, "}", 1);
    *offset = at;
}

static void put_field(struct isf *w, const struct btf_type *s, unsigned i)
{
    struct btf_member m = btf_member_at(w->b, s, i);
    struct btf_type inner;
    uint64_t offset = m.bit_offset / 8;
    char name[NAME];
    bool anonymous;

    btf_string(w->b, m.name, name, BTF_MAX_NAME);
    anonymous = !name[0];
    if (anonymous)
        snprintf(name, sizeof name, "unnamed_field_%x", i);
    key(w, name);
    isf_put(&w->out, "{\"type\":");
    if (m.bit_size)
        put_bit_field(w, &m, &offset);
    else
        put_type(w, m.type);
    isf_put(&w->out, ",\"offset\":");
    isf_put_u64(&w->out, offset);
    if (anonymous && btf_resolve(w->b, m.type, &inner) && is_user(inner.kind))
        isf_put(&w->out, ",\"anonymous\":true");
    isf_put_n(&w->out, "}", 1);
}

static void put_user(struct isf *w, const char *name, const struct btf_type *t)
{
    key(w, name);
    isf_put(&w->out, "{\"kind\":\"");
    isf_put(&w->out, kind_word(t->kind));
    isf_put(&w->out, "\",\"size\":");
    isf_put_u64(&w->out, t->size);
    isf_put(&w->out, ",\"fields\":{");
    w->started = false;
    for (unsigned i = 0; i < t->vlen; i++)
        put_field(w, t, i);
    isf_put(&w->out, "}}");
    w->started = true;
}

static void put_enum(struct isf *w, const char *name, const struct btf_type *t)
{
    unsigned step = t->kind == BTF_ENUM64 ? 12 : 8;

    key(w, name);
    isf_put(&w->out, "{\"size\":");
    isf_put_u64(&w->out, t->size);
    isf_put(&w->out, ",\"base\":\"");
    isf_put(&w->out, enum_base(w, t));
    isf_put(&w->out, "\",\"constants\":{");
    w->started = false;
    for (unsigned i = 0; i < t->vlen; i++) {
        char constant[BTF_MAX_NAME];
        btf_string(w->b, le32(t->more + step * i), constant, sizeof constant);
        key(w, constant);
        if (t->kind == BTF_ENUM64 && !t->flag)
            isf_put_u64(&w->out, (uint64_t)btf_enum_value(w->b, t, i));
        else
            isf_put_i64(&w->out, btf_enum_value(w->b, t, i));
    }
    isf_put(&w->out, "}}");
    w->started = true;
}

/* Is this typedef another name of a type of this sort, which nothing else is called? */
static bool is_other_name(const struct isf *w, const struct btf_type *t, bool enums,
                          struct btf_type *of)
{
    char name[BTF_MAX_NAME];

    if (t->kind != BTF_TYPEDEF || !btf_resolve(w->b, t->id, of) ||
        !(enums ? is_enum(of->kind) : is_user(of->kind)) ||
        (of->id - w->b->first_id < w->b->nr && w->alias[of->id - w->b->first_id] == t->id))
        return false;
    btf_string(w->b, t->name, name, sizeof name);
    return name[0] &&
           (enums ? !meant(w->b, name, BTF_ENUM) : meant(w->b, name, BTF_STRUCT) == t->id);
}

/* All structs and unions, or all enums. */
static void put_types(struct isf *w, bool enums)
{
    char name[NAME];

    for (uint32_t i = 0; i < w->b->nr && !w->out.stopped; i++) {
        struct btf_type t, of;
        if (!btf_type(w->b, w->b->first_id + i, &t))
            continue;
        if (enums ? is_enum(t.kind) : is_user(t.kind)) {
            name_of(w, &t, name);
            of = t;
        } else if (is_other_name(w, &t, enums, &of)) {
            btf_string(w->b, t.name, name, BTF_MAX_NAME);
        } else {
            continue;
        }
        if (enums)
            put_enum(w, name, &of);
        else
            put_user(w, name, &of);
    }
    isf_put(&w->out, "}");
}

/* ---- base types ------------------------------------------------------------------------------ */

static void put_base(struct isf *w, const char *name, uint64_t size, bool with_sign,
                     const char *kind)
{
    key(w, name);
    isf_put(&w->out, "{\"size\":");
    isf_put_u64(&w->out, size);
    isf_put(&w->out, with_sign ? ",\"signed\":true,\"kind\":\"" : ",\"signed\":false,\"kind\":\"");
    isf_put(&w->out, kind);
    isf_put(&w->out, "\",\"endian\":\"little\"}");
}

/* include/uapi/linux/btf.h: of an integer, bit 0 signed, bit 1 char, bit 2 bool. */
static void put_number(struct isf *w, const char *name, const struct btf_type *t)
{
    uint32_t encoding = t->kind == BTF_INT ? le32(t->more) >> 24 & 15 : 0;

    if (t->kind == BTF_FLOAT)
        put_base(w, name, t->size, true, "float");
    else
        put_base(w, name, t->size, encoding & 1,
                 encoding & 4 || !strcmp(name, "_Bool") ? "bool"
                 : t->size == 1                         ? "char"
                                                        : "int");
}

/* Numbers, and the names that typedefs give them; then what C has and this kernel does not use. */
static void put_base_types(struct isf *w)
{
    static const struct {
        const char *name;
        uint8_t size;
        bool with_sign;
        const char *kind;
    } rows[] = {{"signed char", 1, true, "char"},  {"unsigned char", 1, false, "char"},
                {"short int", 2, true, "int"},     {"short unsigned int", 2, false, "int"},
                {"int", 4, true, "int"},           {"unsigned int", 4, false, "int"},
                {"long long int", 8, true, "int"}, {"long long unsigned int", 8, false, "int"}};
    struct btf_type t, of;
    char name[BTF_MAX_NAME];

    for (uint32_t i = 0; i < w->b->nr; i++) {
        struct btf_type best;
        if (!btf_type(w->b, w->b->first_id + i, &t) ||
            (t.kind != BTF_INT && t.kind != BTF_FLOAT && t.kind != BTF_TYPEDEF))
            continue;
        btf_string(w->b, t.name, name, sizeof name);
        if (!name[0] || !btf_find(w->b, name, &best) || best.id != t.id ||
            !btf_resolve(w->b, t.id, &of) || (of.kind != BTF_INT && of.kind != BTF_FLOAT))
            continue;
        put_number(w, name, &of);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!btf_find(w->b, rows[i].name, &t))
            put_base(w, rows[i].name, rows[i].size, rows[i].with_sign, rows[i].kind);
    if (!btf_find(w->b, "pointer", &t))
        put_base(w, "pointer", w->b->ptr_size, false, "int");
    if (!btf_find(w->b, "void", &t))
        put_base(w, "void", 0, false, "void");
    isf_put(&w->out, "}");
}

/* ---- symbols --------------------------------------------------------------------------------- */

static int by_text(const struct btf *b, uint32_t name, const char *text)
{
    struct bytes s = btf_string_at(b, name);

    return s.p ? strcmp((const char *)s.p, text) : -1;
}

static int compare_vars(const void *a, const void *b, void *arg)
{
    const struct var *x = a, *y = b;
    struct bytes s = btf_string_at(arg, y->name);
    int c = s.p ? by_text(arg, x->name, (const char *)s.p) : 1;

    return c ? c : x->type < y->type ? -1 : x->type > y->type;
}

static int find_vars(struct isf *w)
{
    struct btf_type t;

    for (int pass = 0; pass < 2; pass++) {
        uint32_t n = 0;
        for (uint32_t i = 0; i < w->b->nr; i++) {
            if (!btf_type(w->b, w->b->first_id + i, &t) || t.kind != BTF_VAR)
                continue;
            if (pass && n < w->nr_vars)
                w->var[n] = (struct var){t.name, t.size};
            n++;
        }
        if (pass || !n)
            break;
        w->nr_vars = n;
        w->var = calloc(n, sizeof *w->var);
        if (!w->var)
            return ST_NOMEM;
    }
    if (w->nr_vars)
        qsort_r(w->var, w->nr_vars, sizeof *w->var, compare_vars, (void *)(uintptr_t)w->b);
    return ST_OK;
}

static const struct var *var_of(const struct isf *w, const char *name)
{
    uint32_t low = 0, high = w->nr_vars;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int c = by_text(w->b, w->var[middle].name, name);
        if (!c)
            return &w->var[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void put_base64(struct isf *w, const uint8_t *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
                     (i + 2 < n ? p[i + 2] : 0u);
        const char four[] = {digits[v >> 18], digits[v >> 12 & 63],
                             i + 1 < n ? digits[v >> 6 & 63] : '=',
                             i + 2 < n ? digits[v & 63] : '='};
        isf_put_n(&w->out, four, 4);
    }
}

/* The banner as it lies in memory: that is how Volatility finds out which profile a dump needs. */
static void put_banner(struct isf *w, const char *banner)
{
    char text[sizeof((struct profile *)0)->banner + 2];
    int n = snprintf(text, sizeof text, "%s\n", banner);

    isf_put(&w->out, ",\"type\":{\"kind\":\"array\",\"count\":");
    isf_put_u64(&w->out, (uint64_t)n + 1);
    isf_put(&w->out, ",\"subtype\":{\"kind\":\"base\",\"name\":\"char\"}},\"constant_data\":\"");
    put_base64(w, (const uint8_t *)text, (size_t)n + 1);
    isf_put(&w->out, "\"");
}

static bool is_function(char type)
{
    return type == 'T' || type == 't' || type == 'W' || type == 'w';
}

/* What the list or BTF tells goes before the letter: 7.2 has init_task among the functions. */
static void put_symbol_type(struct isf *w, const char *name, char type)
{
    const struct isf_known *k = isf_known(name);
    const struct var *v = k || is_function(type) ? NULL : var_of(w, name);
    struct btf_type t = {.kind = BTF_VOID};
    bool known = k && btf_find(w->b, k->type, &t);

    if (!known && !v && !is_function(type))
        return;
    isf_put(&w->out,
            known && k->pointer ? ",\"type\":{\"kind\":\"pointer\",\"subtype\":" : ",\"type\":");
    if (known)
        put_type(w, t.id);
    else if (v)
        put_type(w, v->type);
    else
        isf_put(&w->out, "{\"kind\":\"function\"}");
    if (known && k->pointer)
        isf_put(&w->out, "}");
}

static void put_symbols(struct isf *w, const struct profile *p, const struct symsort *s)
{
    const char *last = "";
    bool banner = false;

    for (uint32_t i = 0; i < s->nr && !w->out.stopped; i++) {
        const struct symsort_entry *e = &s->entry[s->order[i]];
        const char *name = s->text + e->name;
        if (!strcmp(name, last))
            continue; /* of one name, the one that a lookup gives */
        last = name;
        key(w, name);
        isf_put(&w->out, "{\"address\":");
        isf_put_u64(&w->out, e->address);
        if (p->banner[0] && !strcmp(name, "linux_banner")) {
            put_banner(w, p->banner);
            banner = true;
        } else {
            put_symbol_type(w, name, e->type);
        }
        isf_put(&w->out, "}");
    }
    if (p->banner[0] && !banner) { /* where it is was not told; what it says matters */
        key(w, "linux_banner");
        isf_put(&w->out, "{\"address\":0");
        put_banner(w, p->banner);
        isf_put(&w->out, "}");
    }
    isf_put(&w->out, "}");
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void put_all(struct isf *w, const struct profile *p, const struct symsort *symbols)
{
    isf_put(&w->out,
            "{\"metadata\":{\"format\":\"6.2.0\",\"producer\":{\"name\":\"tinyvmi\",\"version\":"
            "\"" TINYVMI_VERSION "\"},\"");
    isf_put(&w->out,
            p->os == VMI_KIND_WINDOWS ? "windows\":{}}" : "linux\":{\"symbols\":[],\"types\":[]}}");
    section(w, "base_types");
    put_base_types(w);
    section(w, "user_types");
    put_types(w, false);
    section(w, "enums");
    put_types(w, true);
    section(w, "symbols");
    put_symbols(w, p, symbols);
    isf_put(&w->out, "}\n");
    isf_flush(&w->out);
}

int isf_write(const struct profile *p, uint64_t from, uint64_t slide,
              int (*put_bytes)(const void *bytes, size_t n, void *data), void *data, struct diag *d)
{
    struct bytes types, strings;
    struct symsort symbols;

    if (!p->types.ops)
        return diag_fail(d, ST_ABSENT,
                         "an ISF profile needs types, and there are none: this kernel carries no "
                         "BTF; give a profile that has them");
    if (!btf_bytes(&p->types, &types, &strings))
        return diag_fail(d, ST_UNSUPPORTED, "types from %s cannot be written as ISF",
                         p->types.ops->kind);
    struct isf *w = calloc(1, sizeof *w);
    int st = w ? ST_OK : ST_NOMEM;
    if (w) {
        w->b = p->types.self;
        w->out.put = put_bytes;
        w->out.data = data;
        w->alias = calloc(w->b->nr + 1u, sizeof *w->alias);
        st = w->alias ? find_vars(w) : ST_NOMEM;
    }
    if (st != ST_OK)
        st = diag_fail(d, st, "no memory for a profile");
    else
        st = symsort_open(&p->symbols, from, slide, d, &symbols);
    if (st == ST_OK) {
        find_aliases(w);
        put_all(w, p, &symbols);
        symsort_free(&symbols);
        st = w->out.stopped ? diag_fail(d, ST_IO, "writing was broken off") : ST_OK;
    }
    if (w) {
        free(w->alias);
        free(w->var);
    }
    free(w);
    return st;
}

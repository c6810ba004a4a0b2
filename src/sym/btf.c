/* SPDX-License-Identifier: BSD-2-Clause */
/* Types out of BTF: the index, members, listings. */
#include <stdlib.h>

#include "sym/btf_inner.h"

#define MAX_TYPES  (1u << 24) /* ids beyond 2^20 are allowed since 6.1; a slot holds 24 bits */
#define ID_BITS    24
#define MAX_PROBES 256
#define MAX_DEPTH  16 /* of anonymous members, of a path */
#define MAX_VISITS                                                                                 \
    1000000 /* members looked at for one answer: forged types can nest without end                 \
             */

/* ---- names ----------------------------------------------------------------------------------- */

static uint64_t hash_name(const char *s, size_t n)
{
    uint64_t h = n;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)s[i]) * 0x100000001b3ull;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ull;
    return h ^ h >> 32;
}

/* Of several types of one name, which is meant? 0: none that a name should find. */
static unsigned rank_of(const struct btf_type *t)
{
    switch (t->kind) {
    case BTF_STRUCT:
    case BTF_UNION:
        return t->vlen ? 6 : 4;
    case BTF_ENUM:
    case BTF_ENUM64:
        return t->vlen ? 5 : 1;
    case BTF_TYPEDEF:
        return 3;
    case BTF_INT:
    case BTF_FLOAT:
        return 2;
    case BTF_FWD:
        return 1;
    default:
        return 0;
    }
}

/* What a caller wrote: "task_struct", or "struct task_struct" to name the kind. */
struct wanted {
    const char *name;
    size_t n;
    uint64_t hash;
    uint32_t kinds; /* bits */
};

static struct wanted wanted(const char *name)
{
    static const struct {
        const char *word;
        uint32_t kinds;
    } prefix[] = {
        {"struct ", 1u << BTF_STRUCT | 1u << BTF_FWD},
        {"union ", 1u << BTF_UNION | 1u << BTF_FWD},
        {"enum ", 1u << BTF_ENUM | 1u << BTF_ENUM64},
    };
    uint32_t kinds = UINT32_MAX;

    for (size_t i = 0; i < ARRAY_LEN(prefix); i++) {
        size_t n = strlen(prefix[i].word);
        if (!strncmp(name, prefix[i].word, n)) {
            name += n;
            kinds = prefix[i].kinds;
            break;
        }
    }
    size_t n = strlen(name);
    return (struct wanted){name, n, n < BTF_MAX_NAME ? hash_name(name, n) : 0, kinds};
}

/* Takes the own type number i when it is of that name and better than what was found. */
static void consider(const struct btf *b, const struct wanted *w, uint32_t i, unsigned *best,
                     struct btf_type *ret)
{
    struct btf_type t;

    if (!btf_type(b, i + b->first_id, &t) || !(w->kinds >> t.kind & 1) || rank_of(&t) <= *best ||
        !btf_string_is(b, t.name, w->name, w->n))
        return;
    *best = rank_of(&t);
    *ret = t;
}

/* The best own type of a name; 0: none. The probe goes over all of one name. */
static unsigned find_own(const struct btf *b, const struct wanted *w, struct btf_type *ret)
{
    uint32_t tag = (uint32_t)(w->hash >> 32) << ID_BITS;
    unsigned best = 0;

    if (!w->n || w->n >= BTF_MAX_NAME)
        return 0;
    for (unsigned probe = 0; probe < MAX_PROBES; probe++) {
        uint32_t slot = b->slot[((uint32_t)w->hash + probe) & b->mask];
        if (!slot)
            break;
        if ((slot ^ tag) >> ID_BITS == 0)
            consider(b, w, (slot & ((1u << ID_BITS) - 1)) - 1, &best, ret);
    }
    return best;
}

bool btf_find(const struct btf *b, const char *name, struct btf_type *ret)
{
    struct wanted w = wanted(name);
    unsigned best = 0;

    for (unsigned i = 0; b && i < 4; i++, b = b->base) {
        struct btf_type t;
        unsigned rank = find_own(b, &w, &t);
        if (rank > best) {
            best = rank;
            *ret = t;
        }
    }
    return best;
}

static bool has_members(const struct btf_type *t)
{
    return t->kind == BTF_STRUCT || t->kind == BTF_UNION;
}

/* A struct or union by name, typedefs followed. */
static bool find_struct(const struct btf *b, const char *name, struct btf_type *ret)
{
    struct btf_type t;

    if (!btf_find(b, name, &t) || !btf_resolve(b, t.id, &t) || !has_members(&t))
        return false;
    *ret = t;
    return true;
}

/* ---- members --------------------------------------------------------------------------------- */

struct btf_member btf_member_at(const struct btf *b, const struct btf_type *s, unsigned i)
{
    const uint8_t *p = s->more + 12 * i;
    uint32_t offset = le32(p + 8);
    struct btf_member m = {le32(p), le32(p + 4), offset, 0};
    struct btf_type t;

    if (s->flag) {
        m.bit_offset = offset & 0xffffff;
        m.bit_size = offset >> 24;
    } else if (btf_resolve(b, m.type, &t) && t.kind == BTF_INT) {
        /* Before kind_flag (4.20) the integer itself told that it was a bit field. */
        uint32_t encoding = le32(t.more), bits = encoding & 0xff;
        if (bits && bits < 8 * t.size) {
            m.bit_offset += encoding >> 16 & 0xff;
            m.bit_size = bits;
        }
    }
    return m;
}

static bool is_anonymous(const struct btf *b, const struct btf_member *m, struct btf_type *inner)
{
    return btf_string_is(b, m->name, "", 0) && btf_resolve(b, m->type, inner) && has_members(inner);
}

struct lookup {
    const struct btf *b;
    const char *name;
    size_t n;
    uint32_t visits; /* what is left */
    struct btf_member found;
    uint32_t depth;
};

static int find_member(struct lookup *q, const struct btf_type *s, uint64_t bits, uint32_t depth)
{
    if (depth > MAX_DEPTH)
        return ST_LIMIT;
    for (unsigned i = 0; i < s->vlen; i++) {
        struct btf_type inner;
        uint32_t name = le32(s->more + 12 * i);
        if (!q->visits--)
            return ST_LIMIT;
        if (btf_string_is(q->b, name, q->name, q->n)) {
            q->found = btf_member_at(q->b, s, i);
            q->found.bit_offset += bits;
            q->depth = depth;
            return ST_OK;
        }
        if (!btf_string_is(q->b, name, "", 0))
            continue;
        struct btf_member m = btf_member_at(q->b, s, i);
        if (!is_anonymous(q->b, &m, &inner))
            continue;
        int status = find_member(q, &inner, bits + m.bit_offset, depth + 1);
        if (status != ST_ABSENT)
            return status;
    }
    return ST_ABSENT;
}

/* Fills a record; texts go into the table's own buffers. */
static void describe(struct btf *b, const struct btf_member *m, uint64_t bit_offset, uint32_t depth,
                     struct vmi_member *ret)
{
    uint64_t size = 0;

    btf_text(b, m->type, b->text, sizeof b->text);
    btf_string(b, m->name, b->name, sizeof b->name);
    if (btf_type_size(b, m->type, &size) != ST_OK)
        size = 0;
    *ret = (struct vmi_member){bit_offset, size, m->bit_size, depth, b->text, b->name};
}

static int member(void *self, const char *type, const char *path, struct vmi_member *ret)
{
    struct btf *b = self;
    struct lookup q = {.b = b, .visits = MAX_VISITS};
    struct btf_type s;
    uint64_t bits = 0;

    if (!find_struct(b, type, &s))
        return ST_ABSENT;
    for (unsigned i = 0; i < MAX_DEPTH; i++) {
        q.name = path;
        q.n = strcspn(path, ".");
        if (!q.n)
            return ST_ABSENT;
        int status = find_member(&q, &s, bits, 0);
        if (status != ST_OK)
            return status;
        bits = q.found.bit_offset;
        path += q.n;
        if (!*path) {
            describe(b, &q.found, bits, q.depth, ret);
            return ST_OK;
        }
        path++;
        if (!btf_resolve(b, q.found.type, &s) || !has_members(&s))
            return ST_ABSENT;
    }
    return ST_LIMIT;
}

struct listing {
    struct btf *b;
    vmi_member_cb cb;
    void *data;
    uint32_t visits;
};

/* Tells all members; ST_OK also when the callback ended it, then *done is set. */
static int list_members(struct listing *l, const struct btf_type *s, uint64_t bits, uint32_t depth,
                        bool *done)
{
    if (depth > MAX_DEPTH)
        return ST_LIMIT;
    for (unsigned i = 0; i < s->vlen && !*done; i++) {
        struct btf_member m = btf_member_at(l->b, s, i);
        struct vmi_member record;
        struct btf_type inner;
        if (!l->visits--)
            return ST_LIMIT;
        describe(l->b, &m, bits + m.bit_offset, depth, &record);
        if (l->cb(&record, l->data)) {
            *done = true;
        } else if (is_anonymous(l->b, &m, &inner)) {
            int status = list_members(l, &inner, bits + m.bit_offset, depth + 1, done);
            if (status != ST_OK)
                return status;
        }
    }
    return ST_OK;
}

static int each_member(void *self, const char *type, vmi_member_cb cb, void *data)
{
    struct listing l = {self, cb, data, MAX_VISITS};
    struct btf_type s;
    bool done = false;

    if (!find_struct(self, type, &s))
        return ST_ABSENT;
    return list_members(&l, &s, 0, 0, &done);
}

/* ---- the other operations -------------------------------------------------------------------- */

static int size_of(void *self, const char *type, uint64_t *ret)
{
    struct btf_type t;

    return btf_find(self, type, &t) ? btf_type_size(self, t.id, ret) : ST_ABSENT;
}

int64_t btf_enum_value(const struct btf *b, const struct btf_type *t, unsigned i)
{
    const uint8_t *p = t->more + (t->kind == BTF_ENUM64 ? 12 : 8) * i;

    if (t->kind == BTF_ENUM64)
        return (int64_t)((uint64_t)le32(p + 8) << 32 | le32(p + 4));
    return btf_enum_signed(b, t) ? (int64_t)(int32_t)le32(p + 4) : (int64_t)le32(p + 4);
}

/* A value of one enum. */
static bool enum_value(const struct btf *b, const struct btf_type *t, const char *name, size_t n,
                       int64_t *ret)
{
    unsigned step = t->kind == BTF_ENUM64 ? 12 : 8;

    for (unsigned i = 0; i < t->vlen; i++) {
        if (!btf_string_is(b, le32(t->more + step * i), name, n))
            continue;
        *ret = btf_enum_value(b, t, i);
        return true;
    }
    return false;
}

static int enumerator(void *self, const char *name, int64_t *ret)
{
    size_t n = strlen(name);
    const struct btf *b = self;

    for (unsigned level = 0; n && b && level < 4; level++, b = b->base) {
        for (uint32_t i = 0; i < b->nr_enums; i++) {
            struct btf_type t;
            if (btf_type(b, b->enums[i], &t) && (t.kind == BTF_ENUM || t.kind == BTF_ENUM64) &&
                enum_value(b, &t, name, n, ret))
                return ST_OK;
        }
    }
    return ST_ABSENT;
}

static int each_type(void *self,
                     int (*cb)(const char *kind, const char *name, uint64_t size, void *data),
                     void *data)
{
    static const char *const kinds[BTF_KINDS] = {
        [BTF_STRUCT] = "struct", [BTF_UNION] = "union",     [BTF_ENUM] = "enum",
        [BTF_ENUM64] = "enum",   [BTF_TYPEDEF] = "typedef",
    };
    struct btf *b = self;

    for (uint32_t i = 0; i < b->nr; i++) {
        struct btf_type t;
        uint64_t size = 0;
        if (!btf_type(b, b->first_id + i, &t))
            return ST_BROKEN;
        if (!kinds[t.kind])
            continue;
        btf_string(b, t.name, b->name, sizeof b->name);
        if (!b->name[0])
            continue;
        if (btf_type_size(b, t.id, &size) != ST_OK)
            size = 0;
        if (cb(kinds[t.kind], b->name, size, data))
            break;
    }
    return ST_OK;
}

static uint64_t count(void *self)
{
    return ((struct btf *)self)->nr;
}

static void btf_close(void *self)
{
    struct btf *b = self;

    free(b->at);
    free(b->slot);
    free(b->enums);
    free(b->owned);
    free(b);
}

static const struct types_ops btf_ops = {
    .kind = "BTF",
    .member = member,
    .size = size_of,
    .enumerator = enumerator,
    .each_member = each_member,
    .each_type = each_type,
    .count = count,
    .close = btf_close,
};

/* ---- opening --------------------------------------------------------------------------------- */

/* Doubles an array of ids when it is full. */
static bool grow(uint32_t **array, uint32_t used, uint32_t *room, uint32_t first)
{
    if (used < *room)
        return true;
    uint32_t more = *room ? *room * 2 : first;
    uint32_t *bigger = realloc(*array, more * sizeof **array);
    if (!bigger)
        return false;
    *array = bigger;
    *room = more;
    return true;
}

static void shrink(uint32_t **array, uint32_t used)
{
    uint32_t *smaller = realloc(*array, (used ? used : 1) * sizeof **array);

    if (smaller)
        *array = smaller;
}

/* Where each type lies. `named` becomes how many a name should find. */
static int index_types(struct btf *b, uint32_t *named)
{
    /* Half of a kernel's types take 12 bytes; structs make the mean some 30. */
    uint32_t room = 0, room_enums = 0, first = (uint32_t)(b->types.n / 32) + 64;
    uint64_t at = 0;

    for (uint32_t n; at < b->types.n; at += n, b->nr++) {
        n = btf_record_length(b->types, at);
        if (!n || b->nr >= MAX_TYPES - 2 - b->first_id)
            return ST_BROKEN;
        if (!grow(&b->at, b->nr, &room, first))
            return ST_NOMEM;
        b->at[b->nr] = (uint32_t)at;
        uint32_t info = le32(b->types.p + at + 4), kind = info >> 24 & 0x1f;
        struct btf_type t = {.kind = (uint8_t)kind, .vlen = (uint16_t)info};
        *named += rank_of(&t) && le32(b->types.p + at);
        if (kind != BTF_ENUM && kind != BTF_ENUM64)
            continue;
        b->signed_marked |= info >> 31 || kind == BTF_ENUM64;
        if (!grow(&b->enums, b->nr_enums, &room_enums, 4096))
            return ST_NOMEM;
        b->enums[b->nr_enums++] = b->first_id + b->nr;
    }
    shrink(&b->at, b->nr);
    shrink(&b->enums, b->nr_enums);
    return ST_OK;
}

/* A name that is being entered, of the own type number i. */
struct entry {
    const char *name;
    size_t n;
    uint64_t hash;
    uint32_t i;
    struct btf_type type; /* kind and vlen only */
};

/* Does the own type number i have the entry's name and kind, and is at least as good? */
static bool stands_for(const struct btf *b, uint32_t i, const struct entry *e)
{
    uint32_t info = le32(b->types.p + b->at[i] + 4);
    struct btf_type t = {.kind = info >> 24 & 0x1f, .vlen = (uint16_t)info};

    return t.kind == e->type.kind && rank_of(&t) >= rank_of(&e->type) &&
           btf_string_is(b, le32(b->types.p + b->at[i]), e->name, e->n);
}

/*
 * Enters a name, unless a type is there that every lookup would prefer. ST_LIMIT: too many names
 * share a place, which takes forged ones: a table half full has runs of some 90 for 2^24 names.
 * *probes is what all entries together may still look at.
 */
static int enter(struct btf *b, const struct entry *e, uint64_t *probes)
{
    uint32_t tag = (uint32_t)(e->hash >> 32) << ID_BITS;

    for (unsigned probe = 0; probe < MAX_PROBES; probe++) {
        uint32_t *slot = &b->slot[((uint32_t)e->hash + probe) & b->mask];
        if (!*slot) {
            *slot = tag | (e->i + 1);
            return ST_OK;
        }
        if (!*probes)
            return ST_LIMIT;
        --*probes;
        if ((*slot ^ tag) >> ID_BITS == 0 && stands_for(b, (*slot & ((1u << ID_BITS) - 1)) - 1, e))
            return ST_OK;
    }
    return ST_LIMIT;
}

static int index_names(struct btf *b, uint32_t named)
{
    uint64_t slots = 64;

    while (slots < 2ull * named)
        slots *= 2;
    b->mask = (uint32_t)(slots - 1);
    b->slot = calloc(slots, sizeof *b->slot);
    if (!b->slot)
        return ST_NOMEM;
    /* Entries of a table half full look at 1.5 places in the mean, beside those of one name. */
    uint64_t probes = 16ull * named + 4096;
    for (uint32_t i = 0, entered = 0; i < b->nr; i++) {
        uint32_t info = le32(b->types.p + b->at[i] + 4), offset = le32(b->types.p + b->at[i]);
        struct entry e = {.i = i, .type = {.kind = info >> 24 & 0x1f, .vlen = (uint16_t)info}};
        /* `entered` keeps a free slot even when the bytes have changed since they were counted. */
        if (!rank_of(&e.type) || !offset || entered++ >= named)
            continue;
        struct bytes text = btf_string_at(b, offset);
        e.name = (const char *)text.p;
        e.n = text.p ? strnlen(e.name, MIN_OF(text.n, BTF_MAX_NAME)) : 0;
        if (!e.n || e.n == BTF_MAX_NAME || e.n == text.n)
            continue;
        e.hash = hash_name(e.name, e.n);
        int status = enter(b, &e, &probes);
        if (status != ST_OK)
            return status;
    }
    return ST_OK;
}

/* What was wrong with a blob. */
static int refuse(struct diag *d, int status, uint32_t nr, size_t bytes)
{
    const char *why = status == ST_NOMEM   ? "needs more memory than there is"
                      : status == ST_LIMIT ? "have names made to collide in our index"
                                           : "is damaged or of an unknown kind";

    if (status == ST_LIMIT)
        return diag_fail(d, status, "BTF: %u types of %zu bytes %s", nr, bytes, why);
    return diag_fail(d, status, "BTF: type %u of %zu bytes of types %s", nr, bytes, why);
}

int btf_open(struct bytes blob, unsigned ptr_size, const struct types *base, struct diag *d,
             struct types *ret)
{
    struct bytes types, strings;
    uint32_t named = 0;

    if ((ptr_size != 4 && ptr_size != 8) || (base && (!base->ops || base->ops->close != btf_close)))
        return diag_fail(d, ST_INVALID, "BTF: pointers of %u bytes, or a base that is no BTF",
                         ptr_size);
    if (!btf_size(blob))
        return diag_fail(d, ST_ABSENT, "BTF: no header (magic 0xeb9f, version 1) in %zu bytes",
                         blob.n);
    if (!btf_sections(blob, &types, &strings))
        return diag_fail(
            d, ST_BROKEN,
            "BTF: its header tells of %llu bytes, %zu are there, or its strings have no end",
            (unsigned long long)btf_size(blob), blob.n);
    struct btf *b = calloc(1, sizeof *b);
    if (!b)
        return diag_fail(d, ST_NOMEM, "BTF: no memory");
    b->ops = btf_ops;
    b->types = types;
    b->strings = strings;
    b->ptr_size = ptr_size;
    b->base = base ? base->self : NULL;
    b->first_id = b->base ? b->base->first_id + b->base->nr : 1;
    b->signed_marked = b->base && b->base->signed_marked;
    b->first_string = b->base ? b->base->first_string + (uint32_t)b->base->strings.n : 0;
    int status = index_types(b, &named);
    if (status == ST_OK)
        status = index_names(b, named);
    if (status != ST_OK) {
        uint32_t nr = b->nr;
        btf_close(b);
        return refuse(d, status, nr, types.n);
    }
    *ret = (struct types){&b->ops, b};
    return ST_OK;
}

void btf_adopt(struct types *t, const char *kind, void *blob)
{
    struct btf *b = t->self;

    b->ops.kind = kind;
    b->owned = blob;
}

bool btf_bytes(const struct types *t, struct bytes *types, struct bytes *strings)
{
    const struct btf *b = t->self;

    if (t->ops->close != btf_close || b->base)
        return false;
    *types = b->types;
    *strings = b->strings;
    return true;
}

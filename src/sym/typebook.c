/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "sym/typebook.h"

#define MAX_ITEMS (1u << 22) /* types, members */
#define MAX_TEXT  (64u << 20)
#define NO_NAME   UINT32_MAX

struct entry {
    uint32_t name;      /* in `text`; 0: none */
    uint32_t of;        /* derived: the type behind it */
    uint64_t size;      /* bytes; of an array its count, or its bytes */
    uint32_t first, nr; /* members */
    uint8_t kind;       /* BTF_FWD until it is described */
    uint8_t class;
    bool array_of_bytes;
    bool bit_fields, wide, negative; /* something among its members is */
};

struct item {
    uint32_t name, type; /* of an enumerator: none */
    uint64_t value;      /* bit offset, or the enumerator's value */
    uint32_t bits;
};

/* A growing array. */
struct array {
    void *p;
    uint32_t nr, room;
};

struct typebook {
    struct array entries, items, text;
    uint32_t *slot; /* names and derived types: entry + 1, or 0 */
    uint32_t slots, used;
    uint32_t *word; /* strings: offset, or 0 */
    uint32_t words, words_used;
    uint32_t first; /* item that the next definition begins with */
    int failed;
};

static void *array_add(struct typebook *b, struct array *a, uint32_t n, size_t item, uint32_t limit)
{
    if (n > limit - a->nr) {
        b->failed = ST_LIMIT;
        return NULL;
    }
    if (n > a->room - a->nr) {
        uint32_t more = MAX_OF(MIN_OF(a->room * 2, limit), a->nr + n + 255);
        void *bigger = realloc(a->p, more * item);
        if (!bigger) {
            b->failed = ST_NOMEM;
            return NULL;
        }
        a->p = bigger;
        a->room = more;
    }
    a->nr += n;
    return (uint8_t *)a->p + (a->nr - n) * item;
}

static struct entry *entry(const struct typebook *b, uint32_t id)
{
    return (struct entry *)b->entries.p + (id - 1);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

static uint64_t hash_bytes(struct bytes s)
{
    uint64_t h = s.n;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ s.p[i]) * 0x100000001b3ull;
    return mix(h, 0);
}

/* Makes room for one more in a table of slots at most half full, entering the old ones again. */
static bool rehash(struct typebook *b, uint32_t **table, uint32_t *size, uint32_t used,
                   uint64_t (*hash)(const struct typebook *b, uint32_t value))
{
    if (2 * (used + 1) <= *size)
        return true;
    uint32_t bigger = *size ? *size * 2 : 1024;
    uint32_t *fresh = calloc(bigger, sizeof *fresh);
    if (!fresh) {
        b->failed = ST_NOMEM;
        return false;
    }
    for (uint32_t i = 0; i < *size; i++) {
        uint32_t v = (*table)[i];
        if (!v)
            continue;
        uint32_t at = (uint32_t)hash(b, v) & (bigger - 1);
        while (fresh[at])
            at = (at + 1) & (bigger - 1);
        fresh[at] = v;
    }
    free(*table);
    *table = fresh;
    *size = bigger;
    return true;
}

static const char *text_at(const struct typebook *b, uint32_t offset)
{
    return (const char *)b->text.p + offset;
}

static uint64_t hash_word(const struct typebook *b, uint32_t offset)
{
    const char *s = text_at(b, offset);

    return hash_bytes((struct bytes){(const uint8_t *)s, strlen(s)});
}

/* The offset of a string in the pool, where each stands once. "" has 0. */
static uint32_t intern(struct typebook *b, struct bytes s)
{
    if (!s.n || b->failed || s.n >= BTF_MAX_NAME || memchr(s.p, 0, s.n))
        return 0;
    if (!rehash(b, &b->word, &b->words, b->words_used, hash_word))
        return 0;
    uint32_t at = (uint32_t)hash_bytes(s) & (b->words - 1);
    for (; b->word[at]; at = (at + 1) & (b->words - 1)) {
        const char *have = text_at(b, b->word[at]);
        if (!strncmp(have, (const char *)s.p, s.n) && !have[s.n])
            return b->word[at];
    }
    uint8_t *p = array_add(b, &b->text, (uint32_t)s.n + 1, 1, MAX_TEXT);
    if (!p)
        return 0;
    memcpy(p, s.p, s.n);
    p[s.n] = 0;
    b->words_used++;
    return b->word[at] = (uint32_t)(p - (uint8_t *)b->text.p);
}

static uint64_t hash_key(uint32_t name, uint8_t class, uint8_t kind, uint32_t of, uint64_t size)
{
    /* A name's kind and size are not known yet when it is first met. */
    return name ? mix(name, class) : mix(mix(of, kind), size);
}

static uint64_t hash_entry(const struct typebook *b, uint32_t id)
{
    const struct entry *e = entry(b, id);

    return hash_key(e->name, e->class, e->kind, e->of, e->size);
}

/* The entry with this key, made when it is new. */
static uint32_t find_or_add(struct typebook *b, const struct entry *key)
{
    if (b->failed || !rehash(b, &b->slot, &b->slots, b->used, hash_entry))
        return 0;
    uint32_t at =
        (uint32_t)hash_key(key->name, key->class, key->kind, key->of, key->size) & (b->slots - 1);
    for (; b->slot[at]; at = (at + 1) & (b->slots - 1)) {
        const struct entry *e = entry(b, b->slot[at]);
        if (e->name != key->name)
            continue;
        if (key->name ? e->class == key->class
                      : e->kind == key->kind && e->of == key->of && e->size == key->size &&
                            e->array_of_bytes == key->array_of_bytes)
            return b->slot[at];
    }
    struct entry *e = array_add(b, &b->entries, 1, sizeof *e, MAX_ITEMS);
    if (!e)
        return 0;
    *e = *key;
    b->used++;
    return b->slot[at] = b->entries.nr;
}

uint32_t typebook_named(struct typebook *b, enum typebook_class class, struct bytes name)
{
    struct entry key = {.name = intern(b, name), .kind = BTF_FWD, .class = (uint8_t) class};

    return key.name ? find_or_add(b, &key) : 0;
}

uint32_t typebook_derived(struct typebook *b, unsigned kind, uint32_t of, uint64_t count)
{
    struct entry key = {.of = of, .kind = (uint8_t)kind, .size = count};

    return find_or_add(b, &key);
}

uint32_t typebook_array_of_bytes(struct typebook *b, uint32_t of, uint64_t bytes)
{
    struct entry key = {.of = of, .kind = BTF_ARRAY, .size = bytes, .array_of_bytes = true};

    return find_or_add(b, &key);
}

void typebook_member(struct typebook *b, struct bytes name, uint32_t type, uint64_t bit_offset,
                     uint32_t bits)
{
    /*
     * What BTF cannot hold (2 MiB into a struct with bit fields, else 512 MiB) no kernel has: left
     * out.
     */
    if (b->failed || bit_offset > (bits ? 0xffffff : UINT32_MAX) || bits > 255)
        return;
    struct item *i = array_add(b, &b->items, 1, sizeof *i, MAX_ITEMS);
    if (i)
        *i = (struct item){intern(b, name), type, bit_offset, bits};
}

void typebook_enumerator(struct typebook *b, struct bytes name, int64_t value)
{
    struct item *i = b->failed ? NULL : array_add(b, &b->items, 1, sizeof *i, MAX_ITEMS);

    if (i)
        *i = (struct item){intern(b, name), 0, (uint64_t)value, 0};
}

/* Profiles sort members by name: ours go by place, enumerators by value. */
static int by_value(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int64_t v = (int64_t)x->value, w = (int64_t)y->value;

    if (v != w)
        return v < w ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

void typebook_define(struct typebook *b, uint32_t id, unsigned kind, uint64_t size)
{
    uint32_t nr = b->items.nr - b->first, first = b->first;

    b->first = b->items.nr;
    if (b->failed || !id || id > b->entries.nr || entry(b, id)->kind != BTF_FWD)
        return;
    struct entry *e = entry(b, id);
    e->kind = (uint8_t)kind;
    e->size = MIN_OF(size, UINT32_MAX);
    e->first = first;
    e->nr = MIN_OF(nr, UINT16_MAX);
    if (e->nr)
        qsort((struct item *)b->items.p + first, e->nr, sizeof(struct item), by_value);
    for (uint32_t i = first; i < first + e->nr; i++) {
        const struct item *m = (struct item *)b->items.p + i;
        int64_t v = (int64_t)m->value;
        e->bit_fields |= m->bits;
        e->negative |= v < 0;
        e->wide |= v < INT32_MIN || v > INT32_MAX;
    }
}

void typebook_define_plain(struct typebook *b,
                           uint64_t (*size)(struct bytes name, const void *data), const void *data)
{
    b->first = b->items.nr;
    for (uint32_t id = 1; id <= b->entries.nr && !b->failed; id++) {
        const struct entry *e = entry(b, id);
        if (e->kind != BTF_FWD || e->class == BOOK_ENUM)
            continue;
        const char *name = text_at(b, e->name);
        uint64_t bytes = size((struct bytes){(const uint8_t *)name, strlen(name)}, data);
        if (bytes)
            typebook_define(b, id, BTF_INT, bytes);
    }
}

struct typebook *typebook_new(void)
{
    struct typebook *b = calloc(1, sizeof *b);

    /* Offset 0 is the empty string, as in BTF. */
    if (b && array_add(b, &b->text, 1, 1, MAX_TEXT))
        *(char *)b->text.p = 0;
    return b;
}

void typebook_free(struct typebook *b)
{
    if (!b)
        return;
    free(b->entries.p);
    free(b->items.p);
    free(b->text.p);
    free(b->slot);
    free(b->word);
    free(b);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Bytes of a type, for the one who asks how many of them fill an array; 0 when it is not known. */
static uint64_t size_of(const struct typebook *b, uint32_t id, unsigned ptr_size)
{
    uint64_t times = 1;

    for (unsigned i = 0; i < BTF_MAX_CHAIN && id; i++) {
        const struct entry *e = entry(b, id);
        if (e->kind == BTF_PTR)
            return times * ptr_size;
        if (e->kind != BTF_ARRAY)
            return e->kind == BTF_FWD || e->kind == BTF_FUNC_PROTO ? 0 : times * e->size;
        if (e->array_of_bytes || !mul_fits(times, MIN_OF(e->size, UINT32_MAX), &times) ||
            times > UINT32_MAX)
            return 0;
        id = e->of;
    }
    return 0;
}

struct writer {
    uint8_t *p;
    size_t n, room;
};

static void put32(struct writer *w, uint64_t v)
{
    uint32_t word = (uint32_t)v;

    if (w->room - w->n >= 4) {
        memcpy(w->p + w->n, &word, 4);
        w->n += 4;
    }
}

static void put_type(struct writer *w, uint32_t name, unsigned kind, bool flag, uint32_t vlen,
                     uint64_t size)
{
    put32(w, name);
    put32(w, (uint32_t)flag << 31 | kind << 24 | vlen);
    put32(w, size);
}

static void put_enum(const struct typebook *b, struct writer *w, const struct entry *e)
{
    put_type(w, e->name, e->wide ? BTF_ENUM64 : BTF_ENUM, e->negative, e->nr,
             e->size ? e->size : 4);
    for (uint32_t i = e->first; i < e->first + e->nr; i++) {
        const struct item *m = (struct item *)b->items.p + i;
        put32(w, m->name);
        put32(w, m->value);
        if (e->wide)
            put32(w, m->value >> 32);
    }
}

static void put_members(const struct typebook *b, struct writer *w, const struct entry *e)
{
    static const char unnamed[] = "unnamed_"; /* how dwarf2json calls what has no name */
    bool named = strncmp(text_at(b, e->name), unnamed, sizeof unnamed - 1);

    put_type(w, named ? e->name : 0, e->kind, e->bit_fields, e->nr, e->size);
    for (uint32_t i = e->first; i < e->first + e->nr; i++) {
        const struct item *m = (struct item *)b->items.p + i;
        bool fits = !e->bit_fields || m->value <= 0xffffff;
        /* One that BTF cannot place beside bit fields becomes a member without name and type. */
        put32(w, fits ? m->name : 0);
        put32(w, fits ? m->type : 0);
        put32(w, !fits ? 0 : e->bit_fields ? (uint64_t)m->bits << 24 | m->value : m->value);
    }
}

static void put_entry(const struct typebook *b, struct writer *w, const struct entry *e,
                      unsigned ptr_size)
{
    uint64_t count = e->size;

    switch (e->kind) {
    case BTF_ENUM:
        put_enum(b, w, e);
        break;
    case BTF_STRUCT:
    case BTF_UNION:
        put_members(b, w, e);
        break;
    case BTF_INT:
        put_type(w, e->name, BTF_INT, false, 0, e->size);
        put32(w, e->size <= 16 ? e->size * 8 : 0);
        break;
    case BTF_FLOAT:
        put_type(w, e->name, BTF_FLOAT, false, 0, e->size);
        break;
    case BTF_PTR:
        put_type(w, 0, BTF_PTR, false, 0, e->of);
        break;
    case BTF_ARRAY:
        if (e->array_of_bytes)
            count /= MAX_OF(size_of(b, e->of, ptr_size), 1u);
        put_type(w, 0, BTF_ARRAY, false, 0, 0);
        put32(w, e->of);
        put32(w, 0);
        put32(w, MIN_OF(count, UINT32_MAX));
        break;
    case BTF_FUNC_PROTO:
        /* One parameter without a type: "(...)", for profiles do not tell them. */
        put_type(w, 0, BTF_FUNC_PROTO, false, 1, e->of);
        put32(w, 0);
        put32(w, 0);
        break;
    default:
        put_type(w, e->name, BTF_FWD, false, 0, 0);
    }
}

int typebook_finish(struct typebook *b, unsigned ptr_size, const char *kind, struct diag *d,
                    struct types *ret)
{
    static const uint8_t magic[] = {0x9f, 0xeb, 1, 0};

    if (b->failed)
        return diag_fail(d, b->failed, "%s: more types than there is room for", kind);
    /* A member needs at most 12 bytes, another type at most 24; one type at least must be there. */
    size_t room = 24 + 24 * ((size_t)b->entries.nr + 1) + 12 * (size_t)b->items.nr + b->text.nr;
    struct writer w = {malloc(room), 24, room};
    if (!w.p)
        return diag_fail(d, ST_NOMEM, "%s: no memory for %u types", kind, b->entries.nr);
    for (uint32_t id = 1; id <= b->entries.nr; id++)
        put_entry(b, &w, entry(b, id), ptr_size);
    if (!b->entries.nr)
        put_type(&w, 0, BTF_PTR, false, 0, 0);
    uint32_t types = (uint32_t)w.n - 24;
    memcpy(w.p + w.n, b->text.p, b->text.nr);
    w.n += b->text.nr;

    struct writer header = {w.p, 0, 24};
    put32(&header, le32(magic));
    put32(&header, 24);
    put32(&header, 0);
    put32(&header, types);
    put32(&header, types);
    put32(&header, b->text.nr);
    int status = btf_open((struct bytes){w.p, w.n}, ptr_size, NULL, d, ret);
    if (status == ST_OK)
        btf_adopt(ret, kind, w.p);
    else
        free(w.p);
    return status;
}

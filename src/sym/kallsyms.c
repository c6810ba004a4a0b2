/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols out of kallsyms tables that kallsyms_locate found.
 *
 * The index by name is a hash over names that are never expanded: a polynomial hash of a
 * concatenation follows from the hashes of its parts, so each compressed code costs one
 * multiplication. Addresses are sorted already.
 */
#include <stdlib.h>

#include "sym/kallsyms_inner.h"

#define NAME_MAX_BYTES 1024 /* KSYM_NAME_LEN is 512 since 6.1; longer ones are cut */
#define STEP           8    /* names between two known positions */
#define COARSE         64   /* symbols between two addresses that are kept at hand */
#define HASH_PRIME     0x9e3779b97f4a7c15ull
#define INDEX_BITS     21 /* of a slot: symbol + 1; the rest is part of the hash */
#define MAX_PROBES     256
#define SLACK          16 /* bytes behind the tokens' text that may be read */

_Static_assert(KALLSYMS_MAX_SYMS <= 1u << INDEX_BITS, "a slot must hold every symbol");

/* A token of the table, copied so that the guest cannot change it under us. */
struct token {
    uint64_t hash,
        hash_name;    /* of all of it; of what follows its first character (the symbol's type) */
    uint64_t power;   /* HASH_PRIME to the number of its characters */
    uint16_t at, len; /* in `text` */
};

struct kallsyms {
    struct kallsyms_image image;
    struct kallsyms_layout layout;
    struct token token[KALLSYMS_TOKENS];
    char *text;         /* of the tokens */
    uint32_t *position; /* of every STEP-th name, from layout.names */
    uint64_t
        *coarse;    /* address of every COARSE-th symbol: few enough to stay in the nearest cache */
    uint32_t *slot; /* 0: free */
    uint32_t mask;
    uint64_t unhashed; /* symbols that found no slot within the bound: forged names */
    char name[NAME_MAX_BYTES];
};

/* ---- names ----------------------------------------------------------------------------------- */

static uint64_t hash_text(const char *s)
{
    uint64_t h = 0;

    while (*s)
        h = h * HASH_PRIME + (uint8_t)*s++;
    return h;
}

/* The hash's low bits depend on the characters' low bits alone: spread it before use. */
static uint64_t spread(uint64_t h)
{
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ull;
    return h ^ h >> 29;
}

static uint64_t hash_codes(const struct kallsyms *k, uint64_t codes, uint32_t len)
{
    const uint8_t *p = k->image.bytes.p + codes;
    uint64_t h = k->token[p[0]].hash_name;

    for (uint32_t i = 1; i < len; i++) {
        const struct token *t = &k->token[p[i]];
        h = h * t->power + t->hash;
    }
    return h;
}

/* Expands a name into k->name, its type into *type. */
static void expand(struct kallsyms *k, uint64_t codes, uint32_t len, char *type)
{
    const uint8_t *p = k->image.bytes.p + codes;
    size_t n = 0;

    *type = '?';
    for (uint32_t i = 0; i < len; i++) {
        const struct token *t = &k->token[p[i]];
        unsigned skip = i == 0 && t->len;
        size_t take = MIN_OF((size_t)t->len - skip, sizeof k->name - 1 - n);
        if (skip)
            *type = k->text[t->at];
        /* Nearly all tokens are short: a copy of known length needs no call. */
        if (take <= SLACK && sizeof k->name - n > SLACK)
            memcpy(k->name + n, k->text + t->at + skip, SLACK);
        else
            memcpy(k->name + n, k->text + t->at + skip, take);
        n += take;
    }
    k->name[n] = 0;
}

/* The codes of symbol i. */
static bool find_name(const struct kallsyms *k, uint64_t i, uint64_t *codes, uint32_t *len)
{
    uint64_t pos = k->layout.names + k->position[i / STEP];

    for (uint64_t skip = i % STEP; skip; skip--) {
        if (!kallsyms_name(k->image.bytes.p, k->layout.names_end, pos, codes, len))
            return false;
        pos = *codes + *len;
    }
    return kallsyms_name(k->image.bytes.p, k->layout.names_end, pos, codes, len);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static uint64_t address_of(const struct kallsyms *k, uint64_t i)
{
    return kallsyms_address(&k->image, &k->layout, i);
}

/* The first symbol above `address`, or at it when `at` is set; num_syms when there is none. */
static uint64_t first_above(const struct kallsyms *k, uint64_t address, bool at)
{
    uint64_t low = 0, high = (k->layout.num_syms + COARSE - 1) / COARSE;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2, a = k->coarse[middle];
        if (a > address || (at && a == address))
            high = middle;
        else
            low = middle + 1;
    }
    high = MIN_OF(low * COARSE, k->layout.num_syms);
    low = low ? (low - 1) * COARSE : 0;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2, a = address_of(k, middle);
        if (a > address || (at && a == address))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The first symbol above that of i: near by nearly always. */
static uint64_t next_above(const struct kallsyms *k, uint64_t i)
{
    uint64_t address = address_of(k, i), last = MIN_OF(i + 8, k->layout.num_syms);

    for (uint64_t next = i + 1; next < last; next++)
        if (address_of(k, next) > address)
            return next;
    return first_above(k, address, false);
}

/*
 * Bytes from `address` to symbol `next`. Absolute per-CPU symbols are followed by the image: no
 * size for the last.
 */
static uint64_t size_to(const struct kallsyms *k, uint64_t address, uint64_t next)
{
    if (next >= k->layout.num_syms)
        return 0;
    uint64_t end = address_of(k, next);
    if (end <= address)
        return 0;
    bool gap =
        k->layout.encoding == KALLSYMS_RELATIVE_PERCPU && address <= INT32_MAX && end > INT32_MAX;
    return gap ? 0 : end - address;
}

static struct vmi_symbol describe(const struct kallsyms *k, uint64_t i, uint64_t next, char type)
{
    uint64_t address = address_of(k, i);

    return (struct vmi_symbol){address, size_to(k, address, next), type, k->name, ""};
}

/* ---- the operations -------------------------------------------------------------------------- */

/* Is this the name of symbol i? Then the answer is filled. */
static bool answer(struct kallsyms *k, uint64_t i, uint64_t hash, const char *name,
                   struct vmi_symbol *ret)
{
    uint64_t codes;
    uint32_t len;
    char type;

    if (!find_name(k, i, &codes, &len) || hash_codes(k, codes, len) != hash)
        return false;
    expand(k, codes, len, &type);
    if (strcmp(k->name, name))
        return false;
    *ret = describe(k, i, next_above(k, i), type);
    return true;
}

static int by_name(void *self, const char *name, struct vmi_symbol *ret)
{
    struct kallsyms *k = self;
    uint64_t hash = hash_text(name), wide = spread(hash);
    uint32_t tag = (uint32_t)(wide >> 32) << INDEX_BITS;
    char copy[NAME_MAX_BYTES];

    /*
     * The caller may pass a name that an earlier answer pointed to: our buffer is about to change.
     */
    size_t n = strnlen(name, sizeof copy);
    if (n == sizeof copy)
        return ST_ABSENT;
    memcpy(copy, name, n + 1);
    for (unsigned probe = 0; probe < MAX_PROBES; probe++) {
        uint32_t slot = k->slot[((uint32_t)wide + probe) & k->mask];
        if (!slot)
            break;
        uint32_t i = (slot & ((1u << INDEX_BITS) - 1)) - 1;
        if ((slot ^ tag) >> INDEX_BITS == 0 && answer(k, i, hash, copy, ret))
            return ST_OK;
    }
    /*
     * Forged names can leave some without a slot: then the whole table is read, which is bounded,
     * too.
     */
    for (uint64_t i = 0; k->unhashed && i < k->layout.num_syms; i++)
        if (answer(k, i, hash, copy, ret))
            return ST_OK;
    return ST_ABSENT;
}

static int by_address(void *self, uint64_t address, struct vmi_symbol *ret)
{
    struct kallsyms *k = self;
    uint64_t next = first_above(k, address, false), codes;
    uint32_t len;
    char type;

    if (!next)
        return ST_ABSENT;
    /* Of several at one address the first, as the kernel itself prints them. */
    uint64_t i = next - 1, at = address_of(k, i);
    for (unsigned back = 0; back < 8 && i && address_of(k, i - 1) == at; back++)
        i--;
    if (i && address_of(k, i - 1) == at)
        i = MIN_OF(first_above(k, at, true), i);
    if (!find_name(k, i, &codes, &len))
        return ST_BROKEN;
    expand(k, codes, len, &type);
    *ret = describe(k, i, next, type);
    return ST_OK;
}

static int each(void *self, vmi_symbol_cb cb, void *data)
{
    struct kallsyms *k = self;
    uint64_t pos = k->layout.names, next = 0;

    for (uint64_t i = 0; i < k->layout.num_syms; i++) {
        uint64_t codes, address = address_of(k, i);
        uint32_t len;
        char type;
        if (!kallsyms_name(k->image.bytes.p, k->layout.names_end, pos, &codes, &len))
            return ST_BROKEN;
        for (next = MAX_OF(next, i + 1);
             next < k->layout.num_syms && address_of(k, next) <= address; next++)
            ;
        expand(k, codes, len, &type);
        struct vmi_symbol s = {address, size_to(k, address, next), type, k->name, ""};
        if (cb(&s, data))
            return ST_OK;
        pos = codes + len;
    }
    return ST_OK;
}

static uint64_t count(void *self)
{
    return ((struct kallsyms *)self)->layout.num_syms;
}

/* ---- making it ------------------------------------------------------------------------------- */

/* Copies the tokens and hashes them. */
static int copy_tokens(struct kallsyms *k)
{
    const uint8_t *b = k->image.bytes.p;
    uint64_t table = k->layout.token_table,
             room = MIN_OF(k->image.bytes.n - table, (uint64_t)UINT16_MAX + NAME_MAX_BYTES);

    k->text = calloc(1, room + 1 + SLACK);
    if (!k->text)
        return ST_NOMEM;
    memcpy(k->text, b + table, room);
    uint64_t used = 0;
    for (unsigned i = 0; i < KALLSYMS_TOKENS; i++) {
        struct token *t = &k->token[i];
        uint16_t at = le16(b + k->layout.token_index + 2 * i);
        if (at >= room)
            return ST_BROKEN;
        const char *text = k->text + at;
        *t = (struct token){.power = 1, .at = at, .len = (uint16_t)strnlen(text, NAME_MAX_BYTES)};
        for (unsigned c = 0; c < t->len; c++) {
            t->hash = t->hash * HASH_PRIME + (uint8_t)text[c];
            t->hash_name = c ? t->hash_name * HASH_PRIME + (uint8_t)text[c] : 0;
            t->power *= HASH_PRIME;
        }
        used = MAX_OF(used, (uint64_t)at + t->len + 1);
    }
    /* What follows the tokens was copied for safety's sake alone. */
    char *shrunk = realloc(k->text, MIN_OF(used, room + 1) + SLACK);
    if (shrunk)
        k->text = shrunk;
    return ST_OK;
}

/*
 * Enters symbol i unless one of that name is there. `compares` bounds the work that equal tags can
 * cause.
 */
static void enter(struct kallsyms *k, uint64_t i, uint64_t hash, uint64_t *compares)
{
    uint64_t wide = spread(hash);
    uint32_t tag = (uint32_t)(wide >> 32) << INDEX_BITS;

    for (unsigned probe = 0; probe < MAX_PROBES; probe++) {
        uint32_t *slot = &k->slot[((uint32_t)wide + probe) & k->mask];
        if (!*slot) {
            *slot = tag | (uint32_t)(i + 1);
            return;
        }
        if ((*slot ^ tag) >> INDEX_BITS)
            continue;
        uint64_t codes;
        uint32_t len;
        if (!*compares)
            break;
        --*compares;
        if (find_name(k, (*slot & ((1u << INDEX_BITS) - 1)) - 1, &codes, &len) &&
            hash_codes(k, codes, len) == hash)
            return;
    }
    k->unhashed++;
}

/* One pass over all names: positions and hash. */
static int index_names(struct kallsyms *k)
{
    const struct kallsyms_layout *l = &k->layout;
    uint64_t pos = l->names, slots = 1024, compares = 4 * l->num_syms + 4096;

    while (slots < l->num_syms + l->num_syms / 4)
        slots *= 2;
    k->mask = (uint32_t)(slots - 1);
    k->slot = calloc(slots, sizeof *k->slot);
    k->position = calloc(l->num_syms / STEP + 1, sizeof *k->position);
    k->coarse = calloc(l->num_syms / COARSE + 1, sizeof *k->coarse);
    if (!k->slot || !k->position || !k->coarse)
        return ST_NOMEM;
    for (uint64_t i = 0; i < l->num_syms; i++) {
        uint64_t codes;
        uint32_t len;
        if (!kallsyms_name(k->image.bytes.p, l->names_end, pos, &codes, &len))
            return ST_BROKEN;
        if (i % STEP == 0)
            k->position[i / STEP] = (uint32_t)(pos - l->names);
        if (i % COARSE == 0)
            k->coarse[i / COARSE] = address_of(k, i);
        enter(k, i, hash_codes(k, codes, len), &compares);
        pos = codes + len;
    }
    return ST_OK;
}

static void kallsyms_close(void *self)
{
    struct kallsyms *k = self;

    free(k->text);
    free(k->position);
    free(k->coarse);
    free(k->slot);
    free(k);
}

static const struct symtab_ops kallsyms_ops = {
    .kind = "kallsyms",
    .by_name = by_name,
    .by_address = by_address,
    .each = each,
    .count = count,
    .close = kallsyms_close,
};

static bool layout_inside(const struct kallsyms_image *image, const struct kallsyms_layout *l)
{
    uint64_t n = image->bytes.n;

    return l->num_syms && l->num_syms < KALLSYMS_MAX_SYMS &&
           (l->offset_size == 4 || l->offset_size == 8) &&
           (image->ptr_size == 4 || image->ptr_size == 8) && l->names < l->names_end &&
           l->names_end <= n && l->names_end - l->names <= UINT32_MAX && l->token_table < n &&
           in_bounds(l->token_index, KALLSYMS_INDEX, n) &&
           in_bounds(l->offsets, l->num_syms * l->offset_size, n);
}

int kallsyms_open(const struct kallsyms_image *image, const struct kallsyms_layout *layout,
                  struct diag *d, struct symtab *ret)
{
    if (!layout_inside(image, layout))
        return diag_fail(d, ST_INVALID,
                         "kallsyms: the tables are not inside the %llu bytes at %#llx",
                         (unsigned long long)image->bytes.n, (unsigned long long)image->va);
    struct kallsyms *k = calloc(1, sizeof *k);
    if (!k)
        return diag_fail(d, ST_NOMEM, "kallsyms: no memory");
    k->image = *image;
    k->layout = *layout;
    int status = copy_tokens(k);
    if (status == ST_OK)
        status = index_names(k);
    if (status != ST_OK) {
        kallsyms_close(k);
        return diag_fail(d, status, "kallsyms: the names of %llu symbols at %#llx %s",
                         (unsigned long long)layout->num_syms,
                         (unsigned long long)(image->va + layout->names),
                         status == ST_NOMEM ? "need more memory than there is" : "break off");
    }
    *ret = (struct symtab){&kallsyms_ops, k};
    return ST_OK;
}

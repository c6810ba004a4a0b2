/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "sym/symlist.h"

#define MAX_SYMBOLS    (1u << 22)
#define MAX_TEXT       (1u << 30)
#define NAME_MAX_BYTES 1024
#define MAX_PROBES     256

struct entry {
    uint64_t address;
    uint32_t name; /* in `text`; of equal addresses the lower was added first */
    char type;
};

struct symlist {
    struct symtab_ops ops; /* with its own `kind` */
    struct entry *entry;
    char *text;
    uint32_t *slot; /* symbol + 1; 0: free */
    uint32_t mask;
    uint32_t nr, room;
    uint32_t text_used, text_room;
    uint32_t unhashed; /* forged names that found no slot */
    int failed;
};

static bool grow(void **array, uint32_t need, uint32_t *room, uint32_t limit, size_t item)
{
    if (need <= *room)
        return true;
    uint64_t more = MAX_OF((uint64_t)*room * 2, (uint64_t)need + 1024);
    more = MIN_OF(more, limit);
    if (need > more)
        return false;
    void *bigger = realloc(*array, more * item);
    if (!bigger)
        return false;
    *array = bigger;
    *room = (uint32_t)more;
    return true;
}

void symlist_add(struct symlist *l, struct bytes name, uint64_t address, char type)
{
    size_t n = MIN_OF(name.n, (size_t)NAME_MAX_BYTES - 1);

    if (l->failed || !n || memchr(name.p, 0, n))
        return;
    if (!grow((void **)&l->entry, l->nr + 1, &l->room, MAX_SYMBOLS, sizeof *l->entry) ||
        !grow((void **)&l->text, l->text_used + (uint32_t)n + 1, &l->text_room, MAX_TEXT, 1)) {
        l->failed =
            l->nr == MAX_SYMBOLS || l->text_used > MAX_TEXT - NAME_MAX_BYTES ? ST_LIMIT : ST_NOMEM;
        return;
    }
    memcpy(l->text + l->text_used, name.p, n);
    l->text[l->text_used + n] = 0;
    l->entry[l->nr++] = (struct entry){address, l->text_used, type};
    l->text_used += (uint32_t)n + 1;
}

uint64_t symlist_count(const struct symlist *l)
{
    return l->nr;
}

static uint64_t hash_name(const char *s)
{
    uint64_t h = 0;

    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 0x100000001b3ull;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ull;
    return h ^ h >> 32;
}

/* The first symbol above `address`, or at it when `at` is set. */
static uint32_t first_above(const struct symlist *l, uint64_t address, bool at)
{
    uint32_t low = 0, high = l->nr;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t a = l->entry[middle].address;
        if (a > address || (at && a == address))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void fill(const struct symlist *l, uint32_t i, uint32_t next, struct vmi_symbol *ret)
{
    const struct entry *e = &l->entry[i];
    uint64_t size = next < l->nr ? l->entry[next].address - e->address : 0;

    *ret = (struct vmi_symbol){e->address, size, e->type, l->text + e->name, ""};
}

static int found(const struct symlist *l, uint32_t i, struct vmi_symbol *ret)
{
    fill(l, i, first_above(l, l->entry[i].address, false), ret);
    return ST_OK;
}

static int by_name(void *self, const char *name, struct vmi_symbol *ret)
{
    const struct symlist *l = self;
    uint64_t hash = hash_name(name);

    for (unsigned probe = 0; probe < MAX_PROBES; probe++) {
        uint32_t slot = l->slot[((uint32_t)hash + probe) & l->mask];
        if (!slot)
            break;
        if (!strcmp(l->text + l->entry[slot - 1].name, name))
            return found(l, slot - 1, ret);
    }
    for (uint32_t i = 0; l->unhashed && i < l->nr; i++)
        if (!strcmp(l->text + l->entry[i].name, name))
            return found(l, i, ret);
    return ST_ABSENT;
}

static int by_address(void *self, uint64_t address, struct vmi_symbol *ret)
{
    const struct symlist *l = self;
    uint32_t next = first_above(l, address, false);

    if (!next)
        return ST_ABSENT;
    fill(l, first_above(l, l->entry[next - 1].address, true), next, ret);
    return ST_OK;
}

static int each(void *self, vmi_symbol_cb cb, void *data)
{
    const struct symlist *l = self;
    uint32_t next = 0;

    for (uint32_t i = 0; i < l->nr; i++) {
        struct vmi_symbol s;
        for (next = MAX_OF(next, i + 1);
             next < l->nr && l->entry[next].address == l->entry[i].address; next++)
            ;
        fill(l, i, next, &s);
        if (cb(&s, data))
            break;
    }
    return ST_OK;
}

static uint64_t count(void *self)
{
    return symlist_count(self);
}

static void symlist_close(void *self)
{
    symlist_free(self);
}

struct symlist *symlist_new(const char *kind)
{
    struct symlist *l = calloc(1, sizeof *l);

    if (l)
        l->ops = (struct symtab_ops){kind, by_name, by_address, each, count, symlist_close};
    return l;
}

void symlist_free(struct symlist *l)
{
    if (!l)
        return;
    free(l->entry);
    free(l->text);
    free(l->slot);
    free(l);
}

static int by_address_then_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

static void enter(struct symlist *l, uint32_t i)
{
    const char *name = l->text + l->entry[i].name;
    uint64_t hash = hash_name(name);

    for (unsigned probe = 0; probe < MAX_PROBES; probe++) {
        uint32_t *slot = &l->slot[((uint32_t)hash + probe) & l->mask];
        if (!*slot) {
            *slot = i + 1;
            return;
        }
        if (!strcmp(l->text + l->entry[*slot - 1].name, name))
            return;
    }
    l->unhashed++;
}

int symlist_finish(struct symlist *l, struct symtab *ret)
{
    uint64_t slots = 64;
    bool sorted = true;

    if (l->failed)
        return l->failed;
    while (slots < l->nr + l->nr / 2 + 1)
        slots *= 2;
    l->mask = (uint32_t)(slots - 1);
    l->slot = calloc(slots, sizeof *l->slot);
    if (!l->slot)
        return ST_NOMEM;
    for (uint32_t i = 1; i < l->nr && sorted; i++)
        sorted = l->entry[i - 1].address <= l->entry[i].address;
    if (!sorted)
        qsort(l->entry, l->nr, sizeof *l->entry, by_address_then_order);
    for (uint32_t i = 0; i < l->nr; i++)
        enter(l, i);
    void *less = l->nr ? realloc(l->entry, l->nr * sizeof *l->entry) : NULL;
    l->entry = less ? less : l->entry;
    less = l->text_used ? realloc(l->text, l->text_used) : NULL;
    l->text = less ? less : l->text;
    *ret = (struct symtab){&l->ops, l};
    return ST_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sym/symsort.h"

#include <stdlib.h>

enum { MAX_SYMBOLS = 1 << 22, MAX_TEXT = 1 << 30, MAX_NAME = 1024 };

struct copying {
    struct symsort *s;
    uint64_t from, slide;
    uint32_t room, text_room;
    int failed;
};

static bool grow(void **array, uint64_t need, uint32_t *room, size_t item)
{
    if (need <= *room)
        return true;
    uint64_t more = MAX_OF((uint64_t)*room * 2, need + 4096);
    void *bigger = realloc(*array, more * item);
    if (!bigger)
        return false;
    *array = bigger;
    *room = (uint32_t)more;
    return true;
}

static int copy_one(const struct vmi_symbol *symbol, void *data)
{
    struct copying *c = data;
    struct symsort *s = c->s;
    size_t n = strnlen(symbol->name, MAX_NAME);

    if (!n || n == MAX_NAME)
        return 0;
    if (s->nr == MAX_SYMBOLS || s->text_bytes > MAX_TEXT - MAX_NAME)
        c->failed = ST_LIMIT;
    else if (!grow((void **)&s->entry, s->nr + 1u, &c->room, sizeof *s->entry) ||
             !grow((void **)&s->text, s->text_bytes + n + 1, &c->text_room, 1))
        c->failed = ST_NOMEM;
    if (c->failed)
        return 1;
    uint64_t address = symbol->address - (symbol->address >= c->from ? c->slide : 0);
    memcpy(s->text + s->text_bytes, symbol->name, n + 1);
    s->entry[s->nr++] = (struct symsort_entry){address, s->text_bytes, symbol->type};
    s->text_bytes += (uint32_t)n + 1;
    return 0;
}

static int by_address(const void *a, const void *b)
{
    const struct symsort_entry *x = a, *y = b;

    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

/* A name by its first bytes, of which most comparisons need no more. */
struct named {
    uint64_t first; /* as a number that compares like the text */
    uint32_t entry;
};

static int by_name(const void *a, const void *b, void *arg)
{
    const struct symsort *s = arg;
    const struct named *x = a, *y = b;
    const struct symsort_entry *p = &s->entry[x->entry], *q = &s->entry[y->entry];

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    int c = strcmp(s->text + p->name, s->text + q->name);
    return c ? c : p->name < q->name ? -1 : p->name > q->name;
}

static bool order_names(struct symsort *s)
{
    struct named *named = calloc(s->nr + 1u, sizeof *named);

    if (!named)
        return false;
    for (uint32_t i = 0; i < s->nr; i++) {
        const char *name = symsort_name(s, i);
        named[i].entry = i;
        for (unsigned k = 0; k < 8 && name[k]; k++)
            named[i].first |= (uint64_t)(uint8_t)name[k] << (56 - 8 * k);
    }
    if (s->nr)
        qsort_r(named, s->nr, sizeof *named, by_name, s);
    for (uint32_t i = 0; i < s->nr; i++)
        s->order[i] = named[i].entry;
    free(named);
    return true;
}

int symsort_open(const struct symtab *t, uint64_t from, uint64_t slide, struct diag *d,
                 struct symsort *ret)
{
    struct symsort s = {0};
    struct copying c = {.s = &s, .from = from, .slide = slide};
    int st = grow((void **)&s.text, 1, &c.text_room, 1) ? ST_OK : ST_NOMEM;

    if (st == ST_OK) {
        s.text[0] = 0;
        s.text_bytes = 1;
        st = t && t->ops ? t->ops->each(t->self, copy_one, &c) : ST_OK;
    }
    if (c.failed)
        st = c.failed;
    s.order = calloc(s.nr + 1u, sizeof *s.order);
    if (st == ST_OK && !s.order)
        st = ST_NOMEM;
    if (st != ST_OK) {
        symsort_free(&s);
        return diag_fail(d, st, "the symbols cannot be copied: %s", status_name(st));
    }
    if (s.nr)
        qsort(s.entry, s.nr, sizeof *s.entry, by_address);
    if (!order_names(&s)) {
        symsort_free(&s);
        return diag_fail(d, ST_NOMEM, "no memory for symbols");
    }
    *ret = s;
    return ST_OK;
}

void symsort_free(struct symsort *s)
{
    free(s->entry);
    free(s->order);
    free(s->text);
    *s = (struct symsort){0};
}

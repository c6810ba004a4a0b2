/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's symbols from up to four tables, asked in order: a System.map and a profile (the
 * user's word wins), kallsyms, exported symbols. Exports are looked for only where kallsyms has no
 * variables (CONFIG_KALLSYMS_ALL is off: Debian's i386 and arm64).
 */
#include "os/linux/symbols.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sym/ksymtab.h"

struct table {
    struct symtab t;
    uint64_t slide, from; /* added to addresses from `from` on */
};

struct symbols {
    struct table table[4];
    size_t nr;
};

static int by_name(void *self, const char *name, struct vmi_symbol *ret)
{
    struct symbols *s = self;
    for (size_t i = 0; i < s->nr; i++) {
        struct table *t = &s->table[i];
        if (t->t.ops->by_name(t->t.self, name, ret) == ST_OK) {
            ret->address += ret->address >= t->from ? t->slide : 0;
            return ST_OK;
        }
    }
    return ST_ABSENT;
}

static int by_address(void *self, uint64_t address, struct vmi_symbol *ret)
{
    struct symbols *s = self;
    bool found = false;
    for (size_t i = 0; i < s->nr; i++) {
        struct table *t = &s->table[i];
        struct vmi_symbol one;
        bool moved = address - t->slide >=
                     t->from; /* below, per-CPU and absolute symbols stay where they are */
        if (t->t.ops->by_address(t->t.self, moved ? address - t->slide : address, &one) != ST_OK)
            continue;
        if (moved != (one.address >= t->from))
            continue;
        one.address += moved ? t->slide : 0;
        if (one.address <= address && (!found || one.address > ret->address)) {
            *ret = one;
            found = true;
        }
    }
    return found ? ST_OK : ST_ABSENT;
}

struct each {
    struct symbols *s;
    size_t table;
    vmi_symbol_cb cb;
    void *data;
    bool stopped;
};

static int each_one(const struct vmi_symbol *symbol, void *data)
{
    struct each *e = data;
    struct table *t = &e->s->table[e->table];
    struct vmi_symbol one = *symbol, other;
    for (size_t i = 0; i < e->table; i++) /* what an earlier table has was given already */
        if (e->s->table[i].t.ops->by_name(e->s->table[i].t.self, symbol->name, &other) == ST_OK)
            return 0;
    one.address += one.address >= t->from ? t->slide : 0;
    e->stopped = e->cb(&one, e->data) != 0;
    return e->stopped;
}

static int each(void *self, vmi_symbol_cb cb, void *data)
{
    struct each e = {.s = self, .cb = cb, .data = data};
    int st = ST_OK;
    for (; e.table < e.s->nr && !e.stopped && st == ST_OK; e.table++) {
        struct symtab *t = &e.s->table[e.table].t;
        st = t->ops->each(t->self, each_one, &e);
    }
    return st;
}

static uint64_t count(void *self)
{
    struct symbols *s = self;
    uint64_t n = 0;
    for (size_t i = 0; i < s->nr; i++)
        n += s->table[i].t.ops->count(s->table[i].t.self);
    return n;
}

static void close_all(void *self)
{
    free(self);
}

static const struct symtab_ops ops = {.kind = "kernel",
                                      .by_name = by_name,
                                      .by_address = by_address,
                                      .each = each,
                                      .count = count,
                                      .close = close_all};

/* Is the profile for this kernel? */
static int check_profile(struct linux_view *l)
{
    const struct profile *p = &l->given.profile;
    struct osview *v = l->v;
    if (p->os != VMI_KIND_LINUX)
        return diag_fail(v->diag, ST_INVALID, "the profile is for another system than Linux");
    size_t n = strcspn(p->banner, "\n");
    if (n && strncmp(p->banner, v->info.banner, n))
        return diag_fail(
            v->diag, ST_INVALID,
            "the profile is for another kernel: it says \"%.100s\", the guest \"%.100s\"",
            p->banner, v->info.banner);
    if (p->types.ops && p->ptr_size != v->ptr_size)
        return diag_fail(v->diag, ST_INVALID,
                         "the profile is for another kernel: its pointers have %u bytes, the "
                         "guest's %u",
                         p->ptr_size, v->ptr_size);
    return ST_OK;
}

/* The tables that the user gave, moved to where the kernel runs. */
static void add_given(struct linux_view *l, struct symbols *s)
{
    struct lx_given *g = &l->given;
    struct osview *v = l->v;
    const struct {
        const struct symtab *t;
        const char *how;
    } rows[] = {{&g->sysmap, "System.map"}, {&g->profile.symbols, "profile"}};
    struct bytes note = {(const uint8_t *)l->vmcoreinfo, strlen(l->vmcoreinfo)};
    uint64_t slide, from;
    if (lx_given_slide(g, &l->kallsyms, note, l->image.va, &slide, &from) != ST_OK)
        return;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!rows[i].t->ops)
            continue;
        s->table[s->nr++] = (struct table){*rows[i].t, slide, from};
        os_fact(v, "symbols", rows[i].how, "%" PRIu64 " symbols, moved by %#" PRIx64,
                rows[i].t->ops->count(rows[i].t->self), slide);
    }
    v->info.slide = (int64_t)slide;
    v->info.slide_known = true;
}

/* The profile's types; the view uses them, the profile stays their owner. */
static void take_types(struct linux_view *l)
{
    struct osview *v = l->v;
    const struct profile *p = &l->given.profile;
    if (!p->types.ops)
        return;
    v->types = p->types;
    l->types_given = true;
    v->info.types = v->types.ops->count(v->types.self);
    os_fact(v, "types", "profile", "%" PRIu64 " types of the profile (%s)", v->info.types,
            p->dialect);
}

int lx_symbols_open(struct linux_view *l, struct bytes part, uint64_t va)
{
    struct osview *v = l->v;
    struct symbols *s = calloc(1, sizeof *s);
    struct vmi_symbol unused;
    int st;
    if (!s)
        return diag_fail(v->diag, ST_NOMEM, "out of memory");
    v->symbols = (struct symtab){&ops, s};
    const struct profile *p = &l->given.profile;
    if ((p->types.ops || p->symbols.ops) && (st = check_profile(l)) != ST_OK)
        return st;
    take_types(l);
    add_given(l, s);
    if (l->kallsyms.ops) {
        s->table[s->nr++] = (struct table){l->kallsyms, 0, 0};
        os_fact(v, "symbols", "kallsyms", "%" PRIu64 " symbols",
                l->kallsyms.ops->count(l->kallsyms.self));
    }
    if (s->nr && by_name(s, "init_task", &unused) != ST_OK) {
        struct kallsyms_image image = {part, va, v->ptr_size};
        if (ksymtab_open(&image, NULL, &l->exports) == ST_OK) {
            s->table[s->nr++] = (struct table){l->exports, 0, 0};
            os_fact(v, "symbols", "ksymtab", "%" PRIu64 " exported symbols",
                    l->exports.ops->count(l->exports.self));
        }
    }
    v->info.symbols = count(s);
    return s->nr ? ST_OK : ST_ABSENT;
}

void lx_symbols_close(struct linux_view *l)
{
    struct symtab *const tables[] = {&l->v->symbols, &l->kallsyms, &l->exports};
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (tables[i]->ops)
            tables[i]->ops->close(tables[i]->self);
        *tables[i] = (struct symtab){0};
    }
}

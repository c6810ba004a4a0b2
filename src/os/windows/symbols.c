/* SPDX-License-Identifier: BSD-2-Clause */
#include "os/windows/symbols.h"

#include <stdio.h>

#include "os/windows/kdbg.h"
#include "sym/profile.h"
#include "sym/symlist.h"

struct collect {
    struct symlist *list;
    const struct symtab *known; /* names that are not added again; ops NULL: none */
    uint64_t base;
    size_t both, same; /* exports that the profile has, and at the same place */
};

static struct bytes text_of(const char *name)
{
    return (struct bytes){(const uint8_t *)name, strlen(name)};
}

static int add_symbol(const struct vmi_symbol *s, void *data)
{
    struct collect *c = data;
    symlist_add(c->list, text_of(s->name), c->base + s->address, s->type);
    return 0;
}

static int add_export(const struct pe_export *e, void *arg)
{
    struct collect *c = arg;
    struct vmi_symbol s;
    if (e->forwarded)
        return 0;
    if (c->known->ops && c->known->ops->by_name(c->known->self, e->name, &s) == ST_OK) {
        c->both++;
        c->same += s.address == e->rva;
        return 0;
    }
    symlist_add(c->list, text_of(e->name), c->base + e->rva, 'T');
    return 0;
}

/*
 * Is it this kernel's profile? The image's exports are at the same places in it, or it is not: a
 * stronger test than GUID and age, which not every profile has.
 */
static int check_profile(struct windows_view *w, const struct collect *c, const struct profile *p)
{
    if (p->os != VMI_KIND_WINDOWS)
        return diag_fail(w->v->diag, ST_INVALID, "the profile is not of a Windows kernel");
    if (c->both >= 4 && c->same * 10 >= c->both * 9)
        return ST_OK;
    return diag_fail(w->v->diag, ST_INVALID,
                     "the profile is another kernel's: of %zu exported names that it has, %zu are "
                     "where this kernel has them. This one is "
                     "%s, GUID %s, age %u: make its ISF or Rekall profile from Microsoft's symbol "
                     "server and give it with --profile",
                     c->both, c->same, w->pdb.file[0] ? w->pdb.file : "unknown",
                     w->pdb.guid[0] ? w->pdb.guid : "unknown", w->pdb.age);
}

int win_symbols_open(struct windows_view *w, struct bytes profile)
{
    struct osview *v = w->v;
    struct profile p = {.os = VMI_KIND_NONE};
    struct win_image_at at = {&v->kernel, w->base};
    struct pe_reader r = {win_image_read, &at};
    struct collect c = {.known = &p.symbols, .base = w->base};
    int st;
    if (profile.p && (st = profile_open(profile, v->diag, &p)) != ST_OK)
        return st;
    c.list = symlist_new(profile.p ? "profile and PE exports" : "PE exports");
    st = c.list ? ST_OK : ST_NOMEM;
    if (st == ST_OK && p.symbols.ops)
        (void)p.symbols.ops->each(p.symbols.self, add_symbol, &c);
    if (st == ST_OK)
        (void)!pe_each_export(&r, &w->image, add_export, &c,
                              NULL); /* without any there are still the profile's */
    if (st == ST_OK && profile.p)
        st = check_profile(w, &c, &p);
    if (st == ST_OK && symlist_count(c.list)) {
        st = symlist_finish(c.list, &v->symbols);
        if (st == ST_OK)
            c.list = NULL;
    }
    if (st == ST_OK) {
        v->types = p.types;
        p.types = (struct types){0};
        if (profile.p)
            os_fact(v, "profile", "given", "%s: %zu of %zu exports are where it says", p.dialect,
                    c.same, c.both);
    }
    symlist_free(c.list);
    profile_close(&p);
    return st;
}

void win_symbols_add_kdbg(struct windows_view *w, const struct kdbg *k)
{
    struct osview *v = w->v;
    struct collect c = {.list = symlist_new(v->symbols.ops ? v->symbols.ops->kind : "KDBG")};
    struct symtab made;
    const char *name;
    uint64_t value, have;
    if (!c.list)
        return;
    if (v->symbols.ops)
        (void)v->symbols.ops->each(v->symbols.self, add_symbol, &c);
    for (size_t i = 0; (name = kdbg_each(k, i, &value)); i++)
        if (value && win_symbol(w, name, &have) != ST_OK)
            symlist_add(c.list, text_of(name), value, 'D');
    if (symlist_finish(c.list, &made) != ST_OK) {
        symlist_free(c.list);
        return;
    }
    if (v->symbols.ops)
        v->symbols.ops->close(v->symbols.self);
    v->symbols = made;
}

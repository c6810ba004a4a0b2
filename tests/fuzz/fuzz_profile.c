/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A profile of any form, what is asked of it, and the same written in both of our forms and read
 * back. A compact one gets its checksum put right, or nothing behind it would be reached.
 */
#include <stdlib.h>
#include <string.h>

#include "sym/compact.h"
#include "sym/isf_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct first {
    char name[600];
    unsigned nr;
};

static int remember(const char *kind, const char *name, uint64_t size, void *data)
{
    struct first *f = data;

    (void)size;
    strncpy(f->name, name, sizeof f->name - 1);
    return strlen(kind) > 8 || ++f->nr == 2000;
}

static int look(const struct vmi_member *m, void *data)
{
    unsigned *seen = data;

    if (strlen(m->type) > 256 || strlen(m->name) > 512)
        abort();
    return ++*seen == 3000;
}

static int look_symbol(const struct vmi_symbol *s, void *data)
{
    const struct symtab *t = data;
    struct vmi_symbol found;

    /* a forged order of a compact profile may hide a name */
    if ((t->ops->by_name(t->self, s->name, &found) != ST_OK ||
         t->ops->by_address(t->self, s->address, &found) != ST_OK) &&
        strcmp(t->ops->kind, "compact profile") != 0)
        abort();
    return 0;
}

static void ask(const struct profile *p)
{
    struct first f = {.nr = 0};
    struct vmi_member m;
    uint64_t bytes;
    int64_t value;
    unsigned seen = 0;

    if (p->types.ops) {
        (void)!p->types.ops->each_type(p->types.self, remember, &f);
        (void)!p->types.ops->size(p->types.self, f.name, &bytes);
        (void)!p->types.ops->each_member(p->types.self, f.name, look, &seen);
        (void)!p->types.ops->member(p->types.self, f.name, "a.b", &m);
        (void)!p->types.ops->enumerator(p->types.self, "A", &value);
    }
    if (p->symbols.ops)
        (void)!p->symbols.ops->each(p->symbols.self, look_symbol, (void *)&p->symbols);
}

struct grown {
    uint8_t *p;
    size_t n;
};

static int collect(const void *bytes, size_t n, void *data)
{
    struct grown *g = data;

    if (g->n + n > 16 << 20)
        return 1;
    g->p = realloc(g->p, g->n + n);
    if (!g->p)
        abort();
    memcpy(g->p + g->n, bytes, n);
    g->n += n;
    return 0;
}

/* What we write, we can read. */
static void write_and_read(const struct profile *p)
{
    struct grown isf = {0};
    struct profile again;
    struct diag d = {0};
    uint8_t *made;
    size_t n;

    if (compact_write(p, NULL, 0, 0, &d, &made, &n) == ST_OK) {
        if (p->os != VMI_KIND_NONE && compact_open((struct bytes){made, n}, &d, &again) != ST_OK)
            abort();
        if (p->os != VMI_KIND_NONE)
            profile_close(&again);
        free(made);
    }
    if (isf_write(p, 0, 0, collect, &isf, &d) == ST_OK) {
        if (profile_open_json((struct bytes){isf.p, isf.n}, &d, &again) != ST_OK)
            abort();
        profile_close(&again);
    }
    free(isf.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile p;
    struct diag d = {0};
    uint8_t *copy = malloc(size + 1);

    if (!copy)
        return 0;
    memcpy(copy, data, size);
    if (compact_is((struct bytes){copy, size}) && size >= 512) {
        uint64_t sum = 0, all = size;
        memcpy(copy + 24, &all, 8);
        memcpy(copy + 32, &sum, 8);
        sum = compact_hash((struct bytes){copy, size});
        memcpy(copy + 32, &sum, 8);
    }
    if (profile_open((struct bytes){copy, size}, &d, &p) == ST_OK) {
        ask(&p);
        if (size < 1 << 16)
            write_and_read(&p);
        profile_close(&p);
    } else if (!d.text[0]) {
        abort();
    }
    free(copy);
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* A profile in either dialect, and what is asked of it. */
#include <stdlib.h>
#include <string.h>

#include "sym/profile.h"

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

    if (t->ops->by_name(t->self, s->name, &found) != ST_OK ||
        t->ops->by_address(t->self, s->address, &found) != ST_OK)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile p;
    struct diag d = {0};
    struct first f = {.nr = 0};
    struct vmi_member m;
    uint64_t bytes;
    int64_t value;
    unsigned seen = 0;

    if (profile_open((struct bytes){data, size}, &d, &p) != ST_OK) {
        if (!d.text[0])
            abort();
        return 0;
    }
    (void)p.types.ops->each_type(p.types.self, remember, &f);
    (void)p.types.ops->size(p.types.self, f.name, &bytes);
    (void)p.types.ops->each_member(p.types.self, f.name, look, &seen);
    (void)p.types.ops->member(p.types.self, f.name, "a.b", &m);
    (void)p.types.ops->enumerator(p.types.self, "A", &value);
    (void)p.symbols.ops->each(p.symbols.self, look_symbol, &p.symbols);
    profile_close(&p);
    return 0;
}

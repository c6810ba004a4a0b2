/* SPDX-License-Identifier: BSD-2-Clause */
/* A BTF blob, found by its magic number; what follows it is opened as a module's split BTF. */
#include <stdlib.h>
#include <string.h>

#include "sym/btf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct first {
    char name[8][600];
    unsigned nr;
};

static int remember(const char *kind, const char *name, uint64_t size, void *data)
{
    struct first *f = data;

    (void)size;
    strncpy(f->name[f->nr % 8], name, sizeof f->name[0] - 1);
    return strlen(kind) > 8 || ++f->nr == 2000;
}

static int look(const struct vmi_member *m, void *data)
{
    unsigned *seen = data;

    if (strlen(m->type) > 256 || strlen(m->name) > 512)
        abort();
    return ++*seen == 3000;
}

static void ask(struct types *t)
{
    struct first *f = calloc(1, sizeof *f);
    struct vmi_member m;
    uint64_t size;
    int64_t value;

    (void)t->ops->each_type(t->self, remember, f);
    for (unsigned i = 0; i < 8; i++) {
        unsigned seen = 0;
        (void)t->ops->size(t->self, f->name[i], &size);
        (void)t->ops->each_member(t->self, f->name[i], look, &seen);
        (void)t->ops->member(t->self, f->name[i], "a.b.c", &m);
        (void)t->ops->member(t->self, f->name[i], "next", &m);
        (void)t->ops->enumerator(t->self, f->name[i], &value);
    }
    free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes image = {data, size}, blob, split;
    struct types base, module;
    struct diag d = {0};

    if (btf_search(image, 0, &blob) != ST_OK)
        blob = image;
    if (btf_open(blob, size & 1 ? 4 : 8, NULL, &d, &base) != ST_OK)
        return 0;
    ask(&base);
    uint64_t end = (uint64_t)(blob.p - data) + btf_size(blob);
    split = bytes_sub(image, end, size - MIN_OF(end, (uint64_t)size));
    if (split.p && btf_open(split, 8, &base, &d, &module) == ST_OK) {
        ask(&module);
        module.ops->close(module.self);
    }
    base.ops->close(base.self);
    return 0;
}

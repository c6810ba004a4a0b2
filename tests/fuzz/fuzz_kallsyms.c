/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel image as symbol tables are looked for in it: kallsyms, by shape and at addresses that
 * the guest names, and ksymtab; the same bytes as the text of a System.map. The first byte chooses
 * the pointer size and who reads.
 */
#include <stdlib.h>
#include <string.h>

#include "sym/kallsyms.h"
#include "sym/ksymtab.h"
#include "sym/sysmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct first {
    char name[8][1100];
    uint64_t address[8];
    unsigned nr, seen;
};

static int remember(const struct vmi_symbol *s, void *data)
{
    struct first *f = data;

    if (f->nr < 8) {
        strncpy(f->name[f->nr], s->name, sizeof f->name[0] - 1);
        f->address[f->nr++] = s->address;
    }
    return strlen(s->name) > 1100 || ++f->seen == 5000;
}

static void ask(struct symtab *t)
{
    struct first *f = calloc(1, sizeof *f);
    struct vmi_symbol s;

    (void)t->ops->each(t->self, remember, f);
    for (unsigned i = 0; i < f->nr; i++) {
        (void)t->ops->by_name(t->self, f->name[i], &s);
        if (t->ops->by_address(t->self, f->address[i], &s) == ST_OK && s.address > f->address[i])
            abort();
    }
    (void)t->ops->by_name(t->self, "_stext", &s);
    (void)t->ops->by_address(t->self, UINT64_MAX, &s);
    free(f);
    t->ops->close(t->self);
}

static void kallsyms(const struct kallsyms_image *image, const struct kallsyms_hint *hint)
{
    struct kallsyms_layout l;
    struct symtab t;
    struct diag d = {0};

    if (kallsyms_locate(image, hint, &d, &l) == ST_OK && kallsyms_open(image, &l, &d, &t) == ST_OK)
        ask(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kallsyms_hint hint = {0};
    struct symtab t;
    struct diag d = {0};

    if (!size)
        return 0;
    unsigned choice = *data, ptr_size = choice & 1 ? 4 : 8;
    struct kallsyms_image image = {
        {data + 1, size - 1}, ptr_size == 8 ? 0xffffffff81000000 : 0xc1000000, ptr_size};
    switch (choice >> 1 & 3) {
    case 0:
        kallsyms(&image, NULL);
        image.va = 0;
        kallsyms(&image, NULL);
        break;
    case 1: { /* the last 24 bytes say where the tables are */
        uint32_t at[6];
        if (size - 1 < sizeof at)
            break;
        memcpy(at, data + size - sizeof at, sizeof at);
        hint = (struct kallsyms_hint){image.va + at[0], image.va + at[1],
                                      image.va + at[2], image.va + at[3],
                                      image.va + at[4], at[5] ? image.va + at[5] : 0};
        kallsyms(&image, &hint);
        break;
    }
    case 2:
        if (ksymtab_open(&image, &d, &t) == ST_OK)
            ask(&t);
        break;
    default:
        if (sysmap_open(image.bytes, &d, &t) == ST_OK)
            ask(&t);
    }
    return 0;
}

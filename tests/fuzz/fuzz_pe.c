/* SPDX-License-Identifier: BSD-2-Clause */
/* A PE image as it lies in memory; the input's first byte makes one page in eight unreadable. */
#include <stdlib.h>

#include "sym/pe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_bytes(void *arg, uint64_t rva, void *buf, size_t n)
{
    const struct bytes *b = arg;
    if (!n || !in_bounds(rva, n, b->n - 1))
        return ST_ABSENT;
    for (uint64_t page = rva >> 12; page <= (rva + n - 1) >> 12; page++)
        if (b->p[0] && ((page + b->p[0]) & 7) == 0)
            return ST_ABSENT;
    memcpy(buf, b->p + 1 + rva, n);
    return ST_OK;
}

static int look(const struct pe_export *e, void *arg)
{
    unsigned *n = arg;
    if (!e->name[0] || strlen(e->name) >= PE_MAX_NAME || e->rva >= PE_MAX_SIZE)
        abort();
    return ++*n == 5000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes b = {data, size};
    struct pe_reader r = {read_bytes, &b};
    struct pe_image image;
    struct pe_section section;
    struct pe_pdb pdb;
    char name[32];
    unsigned n = 0;
    size_t missing;
    if (!size || pe_open(&r, &image) != ST_OK)
        return 0;
    for (unsigned i = 0; i <= image.sections; i++)
        if (pe_section(&r, &image, i, &section) == ST_OK && strlen(section.name) > 8)
            abort();
    if (pe_pdb(&r, &image, &pdb) == ST_OK &&
        (strlen(pdb.guid) != 32 || strlen(pdb.file) >= PE_MAX_NAME))
        abort();
    if (pe_own_name(&r, &image, name, sizeof name) == ST_OK && strlen(name) >= sizeof name)
        abort();
    if (pe_each_export(&r, &image, look, &n, &missing) == ST_OK && missing > 1 << 16)
        abort();
    return 0;
}

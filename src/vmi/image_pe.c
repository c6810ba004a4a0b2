/* SPDX-License-Identifier: BSD-2-Clause */
/* What a PE image in guest memory exports. Counts and offsets are the guest's; all walks are
 * bounded. */
#include "vmi/image_pe.h"

#include "vmi/image.h"

/* Ordinals have 16 bits. Of functions at one address only some are looked for in the table of
 * names. */
enum { MAX_EXPORTS = 1 << 16, CHUNK = 256, MAX_ALIASES = 16 };

struct pe {
    vmi_instance_t vmi;
    const struct access *a;
    struct export_table et;
    uint64_t rva, size; /* of the export table: addresses inside are forwarders */
};

static int fetch(const struct pe *p, uint64_t rva, void *buf, size_t n)
{
    struct access a = *p->a;
    a.addr += rva;
    return access_read(p->vmi, &a, buf, n, NULL) == VMI_SUCCESS ? ST_OK : ST_ABSENT;
}

static int pe_open(struct pe *p, vmi_instance_t vmi, const struct access *a)
{
    *p = (struct pe){.vmi = vmi, .a = a};
    int st = pe_export_table(vmi, a, &p->et, &p->rva, &p->size);
    if (st != ST_OK)
        return st;
    return p->et.number_of_functions > MAX_EXPORTS || p->et.number_of_names > MAX_EXPORTS
               ? ST_BROKEN
               : ST_OK;
}

/* The name of entry `i` of the name table, in `name` (IMAGE_MAX_NAME bytes). */
static int name_of(const struct pe *p, uint32_t i, char *name)
{
    uint32_t rva;
    if (fetch(p, p->et.address_of_names + (uint64_t)i * 4, &rva, sizeof rva) != ST_OK)
        return ST_ABSENT;
    if (!p->a->space)
        return ST_UNSUPPORTED;
    return aspace_read_str(p->a->space, GVA(p->a->addr + rva), name, IMAGE_MAX_NAME);
}

/* The function of entry `i` of the name table; a forwarder is none. */
static int function_of(const struct pe *p, uint32_t i, uint64_t *ret)
{
    uint16_t ordinal;
    uint32_t rva;
    if (fetch(p, p->et.address_of_name_ordinals + (uint64_t)i * 2, &ordinal, sizeof ordinal) !=
        ST_OK)
        return ST_ABSENT;
    if (ordinal >= p->et.number_of_functions)
        return ST_BROKEN;
    if (fetch(p, p->et.address_of_functions + (uint64_t)ordinal * 4, &rva, sizeof rva) != ST_OK)
        return ST_ABSENT;
    if (!rva || rva - p->rva < p->size)
        return ST_ABSENT;
    *ret = p->a->addr + rva;
    return ST_OK;
}

int pe_symbol_by_name(vmi_instance_t vmi, const struct access *a, const char *name, uint64_t *ret)
{
    struct pe p;
    char have[IMAGE_MAX_NAME];
    int st = pe_open(&p, vmi, a);
    if (st != ST_OK)
        return st;
    uint32_t lo = 0, hi = p.et.number_of_names;
    while (lo < hi) { /* the table is sorted */
        uint32_t mid = lo + (hi - lo) / 2;
        if (name_of(&p, mid, have) != ST_OK)
            break; /* one name is not in memory: look at all of them below */
        int order = strcmp(have, name);
        if (order == 0)
            return function_of(&p, mid, ret);
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (uint32_t i = 0; i < p.et.number_of_names; i++)
        if (name_of(&p, i, have) == ST_OK && strcmp(have, name) == 0)
            return function_of(&p, i, ret);
    return ST_ABSENT;
}

/* The entry of the name table with this ordinal. */
static int name_of_ordinal(const struct pe *p, uint32_t ordinal, char *name)
{
    uint16_t words[CHUNK];
    for (uint32_t i = 0; i < p->et.number_of_names; i += CHUNK) {
        uint32_t n = MIN_OF(p->et.number_of_names - i, (uint32_t)CHUNK);
        if (fetch(p, p->et.address_of_name_ordinals + (uint64_t)i * 2, words, n * 2) != ST_OK)
            return ST_ABSENT;
        for (uint32_t j = 0; j < n; j++)
            if (words[j] == ordinal)
                return name_of(p, i + j, name);
    }
    return ST_ABSENT;
}

int pe_symbol_by_address(vmi_instance_t vmi, const struct access *a, uint64_t rva, char *name)
{
    struct pe p;
    uint32_t words[CHUNK];
    unsigned aliases = 0;
    int st = pe_open(&p, vmi, a);
    if (st != ST_OK)
        return st;
    if (!rva || rva - p.rva < p.size)
        return ST_ABSENT;
    for (uint32_t i = 0; i < p.et.number_of_functions; i += CHUNK) {
        uint32_t n = MIN_OF(p.et.number_of_functions - i, (uint32_t)CHUNK);
        if (fetch(&p, p.et.address_of_functions + (uint64_t)i * 4, words, n * 4) != ST_OK)
            return ST_ABSENT;
        for (uint32_t j = 0; j < n; j++) {
            if (words[j] != rva)
                continue;
            if (name_of_ordinal(&p, i + j, name) == ST_OK)
                return ST_OK;
            if (++aliases == MAX_ALIASES)
                return ST_LIMIT;
        }
    }
    return ST_ABSENT;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "sym/pe.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DOS_HEADER = 64,
    NEW_HEADER = 60, /* e_lfanew */
    COFF = 24,       /* signature and COFF header */
    OPTIONAL_MAX = 240,
    DIRECTORIES32 = 96, /* in the optional header */
    DIRECTORIES64 = 112,
    SECTION = 40,
    EXPORT_DIRECTORY = 40,
    EXPORTS_MAX = 1 << 16, /* an ordinal has 16 bits */
    EXPORT_BYTES = 4 << 20,
    DEBUG_ENTRY = 28,
    DEBUG_MAX = 64,
    CODEVIEW = 2,
    RSDS_HEADER = 24,
    PAGE = 4096,
};

static int fetch(const struct pe_reader *r, uint64_t rva, void *buf, size_t n)
{
    return in_bounds(rva, n, PE_MAX_SIZE) ? r->read(r->arg, rva, buf, n) : ST_BROKEN;
}

int pe_open(const struct pe_reader *r, struct pe_image *ret)
{
    uint8_t dos[DOS_HEADER], h[COFF + OPTIONAL_MAX];
    if (fetch(r, 0, dos, sizeof dos) != ST_OK || dos[0] != 'M' || dos[1] != 'Z')
        return ST_ABSENT;
    uint32_t at = le32(dos + NEW_HEADER);
    if (at < 4 ||
        at > PAGE - COFF) /* ntoskrnl's and all that a linker makes are in the first page */
        return ST_ABSENT;
    if (fetch(r, at, h, COFF) != ST_OK || memcmp(h, "PE\0\0", 4))
        return ST_ABSENT;
    size_t n = le16(h + 20);
    struct pe_image p = {.machine = le16(h + 4), .sections = le16(h + 6), .timestamp = le32(h + 8)};
    if (n < DIRECTORIES32 ||
        fetch(r, at + COFF, h + COFF, MIN_OF(n, (size_t)OPTIONAL_MAX)) != ST_OK)
        return ST_BROKEN;
    const uint8_t *o = h + COFF;
    uint16_t magic = le16(o);
    p.pe64 = magic == 0x20b;
    if ((magic != 0x10b && !p.pe64) || n < (p.pe64 ? DIRECTORIES64 : DIRECTORIES32))
        return ST_BROKEN;
    p.entry = le32(o + 16);
    p.preferred = p.pe64 ? le64(o + 24) : le32(o + 28);
    p.os_major = le16(o + 40);
    p.os_minor = le16(o + 42);
    p.size = le32(o + 56);
    p.checksum = le32(o + 64);
    p.sections_at = at + COFF + (uint32_t)n;
    if (p.size < PAGE || p.size > PE_MAX_SIZE ||
        p.sections > 96) /* "PE Format": the loader takes 96 sections */
        return ST_BROKEN;
    size_t dir = p.pe64 ? DIRECTORIES64 : DIRECTORIES32;
    uint32_t nr = le32(o + dir - 4);
    if (nr > 0 && n >= dir + 8) {
        p.exports.at = le32(o + dir);
        p.exports.size = le32(o + dir + 4);
    }
    if (nr > 6 && n >= dir + 7 * 8) {
        p.debug.at = le32(o + dir + 6 * 8);
        p.debug.size = le32(o + dir + 6 * 8 + 4);
    }
    if (!in_bounds(p.exports.at, p.exports.size, p.size) ||
        !in_bounds(p.debug.at, p.debug.size, p.size))
        return ST_BROKEN;
    *ret = p;
    return ST_OK;
}

int pe_section(const struct pe_reader *r, const struct pe_image *image, unsigned i,
               struct pe_section *ret)
{
    uint8_t s[SECTION];
    if (i >= image->sections)
        return ST_INVALID;
    int st = fetch(r, image->sections_at + (uint64_t)i * SECTION, s, sizeof s);
    if (st != ST_OK)
        return st;
    struct pe_section made = {.at = le32(s + 12), .size = le32(s + 8), .flags = le32(s + 36)};
    memcpy(made.name, s, 8);
    if (!in_bounds(made.at, made.size, image->size))
        return ST_BROKEN;
    *ret = made;
    return ST_OK;
}

/* A text of at most size - 1 bytes; what does not end there is cut. Read in steps that do not cross
 * pages. */
static int text(const struct pe_reader *r, uint64_t rva, char *buf, size_t size)
{
    size_t n = 0;
    while (n + 1 < size) {
        size_t step = MIN_OF(size - 1 - n, (size_t)(32 - (rva + n) % 32));
        int st = fetch(r, rva + n, buf + n, step);
        if (st != ST_OK)
            return st;
        if (memchr(buf + n, 0, step))
            return ST_OK;
        n += step;
    }
    buf[n] = '\0';
    return ST_OK;
}

int pe_pdb(const struct pe_reader *r, const struct pe_image *image, struct pe_pdb *ret)
{
    uint8_t e[DEBUG_ENTRY], h[RSDS_HEADER];
    for (uint32_t i = 0; i < DEBUG_MAX && (i + 1) * DEBUG_ENTRY <= image->debug.size; i++) {
        int st = fetch(r, image->debug.at + (uint64_t)i * DEBUG_ENTRY, e, sizeof e);
        if (st != ST_OK)
            return st;
        uint32_t size = le32(e + 16), rva = le32(e + 20);
        if (le32(e + 12) != CODEVIEW || size <= RSDS_HEADER || !in_bounds(rva, size, image->size))
            continue;
        if ((st = fetch(r, rva, h, sizeof h)) != ST_OK)
            return st;
        if (memcmp(h, "RSDS", 4))
            continue;
        struct pe_pdb p = {.age = le32(h + 20)};
        snprintf(p.guid, sizeof p.guid, "%08X%04X%04X%02X%02X%02X%02X%02X%02X%02X%02X", le32(h + 4),
                 le16(h + 8), le16(h + 10), h[12], h[13], h[14], h[15], h[16], h[17], h[18], h[19]);
        st = text(r, rva + RSDS_HEADER, p.file,
                  MIN_OF(sizeof p.file, (size_t)(size - RSDS_HEADER) + 1));
        if (st != ST_OK)
            return st;
        *ret = p;
        return ST_OK;
    }
    return ST_ABSENT;
}

/* ---- exports ---- */

/* The export directory, read once: names and tables lie in it, so that a listing is not one walk a
 * name. */
struct directory {
    const struct pe_reader *r;
    const struct pe_image *image;
    uint8_t *bytes; /* image->exports.size of them at most; absent pages are zeros */
    size_t n;
};

static int get(const struct directory *d, uint64_t rva, void *buf, size_t n)
{
    uint64_t in = rva - d->image->exports.at;
    if (rva >= d->image->exports.at && in_bounds(in, n, d->n)) {
        memcpy(buf, d->bytes + in, n);
        return ST_OK;
    }
    return in_bounds(rva, n, d->image->size) ? fetch(d->r, rva, buf, n) : ST_BROKEN;
}

static int get_text(const struct directory *d, uint64_t rva, char *buf, size_t size)
{
    uint64_t in = rva - d->image->exports.at;
    if (rva >= d->image->exports.at && in < d->n) {
        size_t n = MIN_OF(size - 1, d->n - (size_t)in);
        memcpy(buf, d->bytes + in, n);
        buf[n] = '\0';
        return ST_OK;
    }
    return rva < d->image->size ? text(d->r, rva, buf, size) : ST_BROKEN;
}

static int load(struct directory *d)
{
    uint32_t at = d->image->exports.at;
    d->n = MIN_OF(d->image->exports.size, (uint32_t)EXPORT_BYTES);
    d->bytes = calloc(1, d->n + 1);
    if (!d->bytes)
        return ST_NOMEM;
    for (size_t i = 0; i < d->n;) {
        size_t step = MIN_OF(d->n - i, (size_t)(PAGE - (at + i) % PAGE));
        if (fetch(d->r, at + i, d->bytes + i, step) != ST_OK)
            memset(d->bytes + i, 0, step);
        i += step;
    }
    return ST_OK;
}

int pe_own_name(const struct pe_reader *r, const struct pe_image *image, char *buf, size_t size)
{
    uint8_t h[EXPORT_DIRECTORY];
    if (image->exports.size < EXPORT_DIRECTORY || !size)
        return ST_ABSENT;
    int st = fetch(r, image->exports.at, h, sizeof h);
    if (st != ST_OK)
        return st;
    uint32_t rva = le32(h + 12);
    return rva && rva < image->size ? text(r, rva, buf, size) : ST_ABSENT;
}

static int walk_names(const struct directory *d, const uint8_t *h,
                      int (*cb)(const struct pe_export *e, void *arg), void *arg, size_t *missing)
{
    uint32_t base = le32(h + 16), functions = le32(h + 20), names = le32(h + 24);
    uint32_t function_table = le32(h + 28), name_table = le32(h + 32), ordinal_table = le32(h + 36);
    char name[PE_MAX_NAME];
    if (functions > EXPORTS_MAX || names > EXPORTS_MAX)
        return ST_BROKEN;
    for (uint32_t i = 0; i < names; i++) {
        uint32_t name_at, rva;
        uint16_t ordinal;
        if (get(d, name_table + (uint64_t)i * 4, &name_at, 4) != ST_OK ||
            get(d, ordinal_table + (uint64_t)i * 2, &ordinal, 2) != ST_OK || !name_at ||
            ordinal >= functions ||
            get(d, function_table + (uint64_t)ordinal * 4, &rva, 4) != ST_OK || !rva ||
            rva >= d->image->size || get_text(d, name_at, name, sizeof name) != ST_OK || !name[0]) {
            ++*missing;
            continue;
        }
        struct pe_export e = {.name = name, .rva = rva, .ordinal = base + ordinal};
        e.forwarded = rva - d->image->exports.at < d->image->exports.size;
        if (cb(&e, arg))
            break;
    }
    return ST_OK;
}

int pe_each_export(const struct pe_reader *r, const struct pe_image *image,
                   int (*cb)(const struct pe_export *e, void *arg), void *arg, size_t *missing)
{
    struct directory d = {.r = r, .image = image};
    uint8_t h[EXPORT_DIRECTORY];
    size_t lost = 0;
    if (image->exports.size < EXPORT_DIRECTORY)
        return ST_ABSENT;
    int st = fetch(r, image->exports.at, h, sizeof h);
    if (st == ST_OK)
        st = load(&d);
    if (st == ST_OK)
        st = walk_names(&d, h, cb, arg, &lost);
    free(d.bytes);
    if (st == ST_OK && missing)
        *missing = lost;
    return st;
}

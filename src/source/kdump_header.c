/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk_dump_header and kdump_sub_header of makedumpfile's diskdump_mod.h; QEMU's include/sysemu/dump.h has the same.
 * The header differs between 32- and 64-bit systems by the padding around a time stamp, and nothing in it tells which;
 * a plausible page size at its place does.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "source/kdump.h"

enum { UTS_MACHINE = 12 + 4 * 65, BLOCK_SIZE_64 = 428, BLOCK_SIZE_32 = 416, HEADER_SIZE = 464, SUB_HEADER_SIZE = 104 };
enum { MAX_RUNS = 32768 };
static const uint64_t MAX_BITMAP = 256ULL << 20, MAX_NOTES = 16ULL << 20;

static bool plausible_page_size(uint32_t n)
{
    return n >= 4096 && n <= 65536 && !(n & (n - 1));
}

/* Offsets in the sub-header of {u64 offset, size} pairs: vmcoreinfo, notes, erase info; max_mapnr_64. */
struct sub_form {
    uint8_t vmcoreinfo, notes, erase, max_mapnr, size_bytes;
};
static const struct sub_form sub_64 = {32, 48, 64, 96, 8};
static const struct sub_form sub_32_packed = {20, 32, 44, 72, 4}; /* i386: u64 is aligned to 4 bytes */
static const struct sub_form sub_32_padded = {24, 40, 56, 88, 4}; /* ARM: to 8 */

static int sub_piece(const struct plat_file *f, const char *name, const char *what, const uint8_t *sub, unsigned at,
                     unsigned size_bytes, uint64_t *off, uint64_t *size, struct diag *d)
{
    uint64_t o = le64(sub + at), n = size_bytes == 8 ? le64(sub + at + 8) : le32(sub + at + 8);
    if (n && (!in_bounds(o, n, f->size) || n > MAX_NOTES))
        return diag_fail(d, ST_BROKEN, "%s: the header says that %s lies at offset %#" PRIx64 " with %#" PRIx64
                         " bytes; the file has %#" PRIx64, name, what, o, n, f->size);
    *off = o;
    *size = n;
    return ST_OK;
}

static int read_sub_header(const struct plat_file *f, const char *name, struct kdump_header *h, struct diag *d)
{
    uint8_t sub[SUB_HEADER_SIZE];
    if (h->version < 3 || plat_file_read(f, h->page_size, sub, sizeof sub))
        return ST_OK;
    const struct sub_form *s = h->is64                              ? &sub_64
                               : !strncmp(h->machine, "arm", 3) ? &sub_32_padded
                                                                : &sub_32_packed;
    uint64_t erase_at, erase_size = 0;
    int st = sub_piece(f, name, "vmcoreinfo", sub, s->vmcoreinfo, s->size_bytes, &h->vmcoreinfo_at, &h->vmcoreinfo_size, d);
    if (st == ST_OK && h->version >= 4)
        st = sub_piece(f, name, "the notes", sub, s->notes, s->size_bytes, &h->notes_at, &h->notes_size, d);
    if (st == ST_OK && h->version >= 5)
        st = sub_piece(f, name, "erase info", sub, s->erase, s->size_bytes, &erase_at, &erase_size, d);
    if (h->version >= 6)
        h->frames = le64(sub + s->max_mapnr);
    return st;
}

int kdump_read_header(const struct plat_file *f, const char *name, struct kdump_header *ret, struct diag *d)
{
    uint8_t b[HEADER_SIZE];
    struct kdump_header h = {0};
    if (f->size < sizeof b || plat_file_read(f, 0, b, sizeof b))
        return diag_fail(d, ST_BROKEN, "%s: the file ends within the header, at %#" PRIx64 ": it was cut", name, f->size);
    if (memcmp(b, "KDUMP   ", 8) && memcmp(b, "DISKDUMP", 8))
        return diag_fail(d, ST_BROKEN, "%s: does not begin like a kdump file", name);
    h.version = le32(b + 8);
    h.is64 = plausible_page_size(le32(b + BLOCK_SIZE_64));
    const uint8_t *p = b + (h.is64 ? BLOCK_SIZE_64 : BLOCK_SIZE_32);
    h.page_size = le32(p);
    uint64_t sub_blocks = le32(p + 4), bitmap_blocks = le32(p + 8);
    h.frames = le32(p + 12);
    if (!plausible_page_size((uint32_t)h.page_size))
        return diag_fail(d, ST_UNSUPPORTED, "%s: the header says that a page has %" PRIu64 " bytes: damaged, or the dump of "
                         "a big-endian machine", name, h.page_size);
    memcpy(h.machine, b + UTS_MACHINE, 65);
    int st = read_sub_header(f, name, &h, d);
    if (st != ST_OK)
        return st;
    h.bitmap_at = (1 + sub_blocks) * h.page_size;
    h.bitmap_size = bitmap_blocks * h.page_size;
    if (!h.bitmap_size || !in_bounds(h.bitmap_at, h.bitmap_size, f->size) || h.bitmap_size > MAX_BITMAP)
        return diag_fail(d, ST_BROKEN, "%s: the header says that the bitmap of pages lies at offset %#" PRIx64 " with %#" PRIx64
                         " bytes; the file has %#" PRIx64 ": it was cut, or its header lies", name, h.bitmap_at,
                         h.bitmap_size, f->size);
    /* Two bitmaps follow one another, frames that are memory and frames that are in the file, unless there is room for
       one only. */
    if (h.frames <= h.bitmap_size * 8 / 2) {
        h.bitmap_size = bitmap_blocks / 2 * h.page_size;
        h.bitmap_at += h.bitmap_size;
    }
    h.frames = MIN_OF(h.frames, h.bitmap_size * 8);
    *ret = h;
    return ST_OK;
}

/* Runs of set bits, taken together in blocks of `words` words when that is not 0. */
struct runs {
    const uint64_t *bits;
    uint64_t nr_words, words;
    uint64_t frames, page_size;
    struct phys *phys;
};

static int add_run(const struct runs *r, uint64_t first, uint64_t end)
{
    end = MIN_OF(end, r->frames);
    if (first >= end)
        return ST_OK;
    if (r->phys->nr >= MAX_RUNS)
        return ST_LIMIT;
    uint64_t at = first * r->page_size;
    struct phys_range range = {.start = at, .len = (end - first) * r->page_size, .cookie = at};
    return phys_add(r->phys, &range);
}

/* The first bit from `from` on that is `want`; the number of bits when there is none. */
static uint64_t next_bit(const struct runs *r, uint64_t from, bool want)
{
    uint64_t w = from / 64;
    if (w >= r->nr_words)
        return r->nr_words * 64;
    uint64_t v = (want ? r->bits[w] : ~r->bits[w]) & ~0ULL << from % 64;
    while (!v && ++w < r->nr_words)
        v = want ? r->bits[w] : ~r->bits[w];
    return v ? w * 64 + (uint64_t)__builtin_ctzll(v) : r->nr_words * 64;
}

static int add_exact(const struct runs *r)
{
    uint64_t end = r->nr_words * 64, at = next_bit(r, 0, true);
    while (at < end) {
        uint64_t to = next_bit(r, at, false);
        int st = add_run(r, at, to);
        if (st != ST_OK)
            return st;
        at = next_bit(r, to, true);
    }
    return ST_OK;
}

static int add_coarse(const struct runs *r)
{
    for (uint64_t w = 0; w < r->nr_words; w += r->words) {
        uint64_t any = 0;
        for (uint64_t i = w; i < MIN_OF(w + r->words, r->nr_words); i++)
            any |= r->bits[i];
        int st = any ? add_run(r, w * 64, (w + r->words) * 64) : ST_OK; /* neighbours become one */
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

int kdump_add_ranges(const struct plat_file *f, const char *name, const struct kdump_header *h, struct phys *phys,
                     struct diag *d)
{
    uint64_t *bits = malloc(h->bitmap_size);
    if (!bits)
        return diag_fail(d, ST_NOMEM, "%s: out of memory for the bitmap of its pages", name);
    if (plat_file_read(f, h->bitmap_at, bits, h->bitmap_size)) {
        free(bits);
        return diag_fail(d, ST_IO, "%s: the bitmap of pages at offset %#" PRIx64 " cannot be read", name, h->bitmap_at);
    }
    struct runs r = {.bits = bits, .nr_words = h->bitmap_size / 8, .frames = h->frames, .page_size = h->page_size,
                     .phys = phys};
    int st = add_exact(&r);
    for (r.words = 1; st == ST_LIMIT && r.words < r.nr_words; r.words *= 64) {
        phys->nr = 0;
        st = add_coarse(&r);
    }
    free(bits);
    return st == ST_OK ? ST_OK : diag_fail(d, st, "%s: its pages: %s", name, status_name(st));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk_dump_header and kdump_sub_header of makedumpfile's diskdump_mod.h; QEMU's
 * include/sysemu/dump.h has the same. The header differs between 32- and 64-bit systems by the
 * padding around a time stamp, and nothing in it tells which; a plausible page size at its place
 * does.
 */
#include <inttypes.h>

#include "source/kdump.h"

enum {
    UTS_MACHINE = 12 + 4 * 65,
    BLOCK_SIZE_64 = 428,
    BLOCK_SIZE_32 = 416,
    HEADER_SIZE = 464,
    SUB_HEADER_SIZE = 104
};
static const uint64_t MAX_BITMAP = 256ULL << 20, MAX_NOTES = 16ULL << 20;

static bool plausible_page_size(uint32_t n)
{
    return n >= 4096 && n <= 65536 && !(n & (n - 1));
}

/*
 * Offsets in the sub-header: the flag of a split dump and its first and last frame of the time
 * before version 6, {u64 offset, size} of vmcoreinfo, notes and erase info, then the three numbers
 * of version 6: first frame, end, max_mapnr.
 */
struct sub_form {
    uint8_t split, vmcoreinfo, notes, erase, frames, size_bytes;
};
static const struct sub_form sub_64 = {12, 32, 48, 64, 80, 8};
static const struct sub_form sub_32_packed = {8,  20, 32,
                                              44, 56, 4}; /* i386: u64 is aligned to 4 bytes */
static const struct sub_form sub_32_padded = {8, 24, 40, 56, 72, 4}; /* ARM: to 8 */

static int sub_piece(const struct plat_file *f, const char *name, const char *what,
                     const uint8_t *sub, unsigned at, unsigned size_bytes, uint64_t *off,
                     uint64_t *size, struct diag *d)
{
    uint64_t o = le64(sub + at), n = size_bytes == 8 ? le64(sub + at + 8) : le32(sub + at + 8);
    if (n && (!in_bounds(o, n, f->size) || n > MAX_NOTES))
        return diag_fail(d, ST_BROKEN,
                         "%s: the header says that %s lies at offset %#" PRIx64 " with %#" PRIx64
                         " bytes; the file has %#" PRIx64,
                         name, what, o, n, f->size);
    *off = o;
    *size = n;
    return ST_OK;
}

/* *end: the frame at which this part of a split dump ends. */
static int read_sub_header(const struct plat_file *f, const char *name, struct kdump_header *h,
                           uint64_t *end, struct diag *d)
{
    uint8_t sub[SUB_HEADER_SIZE];
    if (h->version < 3 || plat_file_read(f, h->page_size, sub, sizeof sub))
        return ST_OK;
    const struct sub_form *s = h->is64                          ? &sub_64
                               : !strncmp(h->machine, "arm", 3) ? &sub_32_padded
                                                                : &sub_32_packed;
    uint64_t erase_at, erase_size = 0;
    int st = sub_piece(f, name, "vmcoreinfo", sub, s->vmcoreinfo, s->size_bytes, &h->vmcoreinfo_at,
                       &h->vmcoreinfo_size, d);
    if (st == ST_OK && h->version >= 4)
        st = sub_piece(f, name, "the notes", sub, s->notes, s->size_bytes, &h->notes_at,
                       &h->notes_size, d);
    if (st == ST_OK && h->version >= 5)
        st = sub_piece(f, name, "erase info", sub, s->erase, s->size_bytes, &erase_at, &erase_size,
                       d);
    if (h->version >= 6)
        h->frames = le64(sub + s->frames + 16);
    *end = UINT64_MAX;
    if (le32(sub + s->split)) {
        const uint8_t *old = sub + s->split + 4;
        h->first = h->version >= 6 ? le64(sub + s->frames) : h->is64 ? le64(old) : le32(old);
        *end = h->version >= 6 ? le64(sub + s->frames + 8)
               : h->is64       ? le64(old + 8)
                               : le32(old + 4);
    }
    return st;
}

int kdump_read_header(const struct plat_file *f, const char *name, struct kdump_header *ret,
                      struct diag *d)
{
    uint8_t b[HEADER_SIZE];
    struct kdump_header h = {0};
    if (f->size < sizeof b || plat_file_read(f, 0, b, sizeof b))
        return diag_fail(d, ST_BROKEN,
                         "%s: the file ends within the header, at %#" PRIx64 ": it was cut", name,
                         f->size);
    if (memcmp(b, "KDUMP   ", 8) && memcmp(b, "DISKDUMP", 8))
        return diag_fail(d, ST_BROKEN, "%s: does not begin like a kdump file", name);
    h.version = le32(b + 8);
    h.is64 = plausible_page_size(le32(b + BLOCK_SIZE_64));
    const uint8_t *p = b + (h.is64 ? BLOCK_SIZE_64 : BLOCK_SIZE_32);
    h.page_size = le32(p);
    uint64_t sub_blocks = le32(p + 4), bitmap_blocks = le32(p + 8);
    h.frames = le32(p + 12);
    if (!plausible_page_size((uint32_t)h.page_size))
        return diag_fail(d, ST_UNSUPPORTED,
                         "%s: the header says that a page has %" PRIu64
                         " bytes: damaged, or the dump of "
                         "a big-endian machine",
                         name, h.page_size);
    memcpy(h.machine, b + UTS_MACHINE, 65);
    uint64_t end = UINT64_MAX;
    int st = read_sub_header(f, name, &h, &end, d);
    if (st != ST_OK)
        return st;
    h.bitmap_at = (1 + sub_blocks) * h.page_size;
    h.bitmap_size = bitmap_blocks * h.page_size;
    if (!h.bitmap_size || !in_bounds(h.bitmap_at, h.bitmap_size, f->size) ||
        h.bitmap_size > MAX_BITMAP)
        return diag_fail(d, ST_BROKEN,
                         "%s: the header says that the bitmap of pages lies at offset %#" PRIx64
                         " with %#" PRIx64 " bytes; the file has %#" PRIx64
                         ": it was cut, or its header lies",
                         name, h.bitmap_at, h.bitmap_size, f->size);
    /* Two bitmaps follow one another, frames that are memory and frames that are in the file,
       unless there is room for one only. */
    if (h.frames <= h.bitmap_size * 8 / 2) {
        h.bitmap_size = bitmap_blocks / 2 * h.page_size;
        h.bitmap_at += h.bitmap_size;
    }
    h.frames = MIN_OF(MIN_OF(h.frames, h.bitmap_size * 8), end);
    h.descriptors_at = (1 + sub_blocks + bitmap_blocks) * h.page_size;
    *ret = h;
    return ST_OK;
}

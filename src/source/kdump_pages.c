/* SPDX-License-Identifier: BSD-2-Clause */
/* Which frames a kdump file has, and where. page_desc of makedumpfile's diskdump_mod.h: one for
 * each set bit, in order. */
#include <inttypes.h>
#include <stdlib.h>

#include "source/kdump.h"

enum { MAX_RUNS = 32768, DESCRIPTOR = 24, BLOCK_WORDS = 8, LAST_PAGES = 64 };
enum { PACKED = 0x1 | 0x2 | 0x4 | 0x20 }; /* zlib, lzo, snappy, zstd */

/* Bits below `frame`, of the word that begins at frame `at`. */
static uint64_t bits_below(uint64_t frame, uint64_t at)
{
    if (frame <= at)
        return 0;
    return frame - at >= 64 ? ~0ULL : (1ULL << (frame - at)) - 1;
}

static uint64_t word_at(const struct kdump_pages *p, uint64_t i)
{
    return le64(p->bitmap + i * 8) & bits_below(p->frames, i * 64) & ~bits_below(p->first, i * 64);
}

static uint64_t nr_words(const struct kdump_pages *p)
{
    return (p->frames + 63) / 64;
}

/* How many frames below `frame` are in the file. */
static uint64_t rank_of(const struct kdump_pages *p, uint64_t frame)
{
    uint64_t word = frame / 64, block = word / BLOCK_WORDS, n = p->rank[block];
    for (uint64_t i = block * BLOCK_WORDS; i < word; i++)
        n += (uint64_t)__builtin_popcountll(word_at(p, i));
    return n + (uint64_t)__builtin_popcountll(word_at(p, word) & ((1ULL << frame % 64) - 1));
}

static int page_by_rank(const struct kdump_pages *p, uint64_t rank, struct kdump_page *ret)
{
    struct bytes file = {p->f->map, (size_t)p->f->size};
    struct bytes d = bytes_sub(file, p->descriptors_at + rank * DESCRIPTOR, DESCRIPTOR);
    if (!d.p || !in_bounds(le64(d.p), le32(d.p + 8), file.n) || le32(d.p + 8) > p->page_size * 2)
        return ST_BROKEN;
    *ret = (struct kdump_page){le64(d.p), le32(d.p + 8), le32(d.p + 12) & PACKED};
    return ret->packed || ret->size == p->page_size ? ST_OK : ST_BROKEN;
}

int kdump_page_at(const struct kdump_pages *p, uint64_t frame, struct kdump_page *ret)
{
    if (frame >= p->frames || !(word_at(p, frame / 64) >> frame % 64 & 1))
        return ST_ABSENT;
    return page_by_rank(p, rank_of(p, frame), ret);
}

static int count_pages(struct kdump_pages *p, uint64_t *ret)
{
    uint64_t n = 0, words = nr_words(p);
    p->rank = malloc((words / BLOCK_WORDS + 1) * sizeof *p->rank);
    if (!p->rank)
        return ST_NOMEM;
    for (uint64_t i = 0; i < words; i++) {
        if (i % BLOCK_WORDS == 0)
            p->rank[i / BLOCK_WORDS] = (uint32_t)n; /* the bitmap has less than 2^32 bits */
        n += (uint64_t)__builtin_popcountll(word_at(p, i));
    }
    *ret = n;
    return ST_OK;
}

int kdump_pages_init(const struct plat_file *f, const char *name, const struct kdump_header *h,
                     bool cut_is_fine, struct kdump_pages *ret, struct diag *d)
{
    struct kdump_pages p = {.f = f,
                            .bitmap = f->map + h->bitmap_at,
                            .first = h->first,
                            .frames = h->frames,
                            .page_size = h->page_size,
                            .descriptors_at = h->descriptors_at};
    uint64_t nr = 0;
    if (count_pages(&p, &nr) != ST_OK)
        return diag_fail(d, ST_NOMEM, "%s: out of memory", name);
    /* Pages are written in order: a file that has the last ones was not cut. */
    for (uint64_t i = nr - MIN_OF(nr, (uint64_t)LAST_PAGES); i < nr && !cut_is_fine; i++) {
        struct kdump_page page;
        if (page_by_rank(&p, i, &page) == ST_OK)
            continue;
        kdump_pages_deinit(&p);
        return diag_fail(
            d, ST_BROKEN,
            "%s: of %" PRIu64 " pages number %" PRIu64
            " is not in the file, which ends at %#" PRIx64
            ": it was cut. Copy it again; to read what there is, name the format (--format kdump)",
            name, nr, i, f->size);
    }
    *ret = p;
    return ST_OK;
}

void kdump_pages_deinit(struct kdump_pages *p)
{
    free(p->rank);
    p->rank = NULL;
}

/* ---- ranges
 * ------------------------------------------------------------------------------------------------------
 */

static int add_run(const struct kdump_pages *p, struct phys *phys, uint64_t first, uint64_t end)
{
    end = MIN_OF(end, p->frames);
    if (first >= end)
        return ST_OK;
    if (phys->nr >= MAX_RUNS)
        return ST_LIMIT;
    uint64_t at = first * p->page_size;
    struct phys_range range = {.start = at, .len = (end - first) * p->page_size, .cookie = at};
    return phys_add(phys, &range);
}

/* The first frame from `from` on that is (`want`) or is not in the file; the number of frames when
 * there is none. */
static uint64_t next_frame(const struct kdump_pages *p, uint64_t from, bool want)
{
    uint64_t words = nr_words(p), w = from / 64;
    if (from >= p->frames)
        return p->frames;
    uint64_t v = (want ? word_at(p, w) : ~word_at(p, w)) & ~0ULL << from % 64;
    while (!v && ++w < words)
        v = want ? word_at(p, w) : ~word_at(p, w);
    return v ? MIN_OF(w * 64 + (uint64_t)__builtin_ctzll(v), p->frames) : p->frames;
}

static int add_exact(const struct kdump_pages *p, struct phys *phys)
{
    uint64_t at = next_frame(p, 0, true);
    while (at < p->frames) {
        uint64_t to = next_frame(p, at, false);
        int st = add_run(p, phys, at, to);
        if (st != ST_OK)
            return st;
        at = next_frame(p, to, true);
    }
    return ST_OK;
}

/* Blocks of `step` words, whole when anything in them is set; neighbours become one range. */
static int add_coarse(const struct kdump_pages *p, struct phys *phys, uint64_t step)
{
    uint64_t words = nr_words(p);
    for (uint64_t w = 0; w < words; w += step) {
        uint64_t any = 0;
        for (uint64_t i = w; i < MIN_OF(w + step, words); i++)
            any |= word_at(p, i);
        int st = any ? add_run(p, phys, w * 64, (w + step) * 64) : ST_OK;
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

int kdump_add_ranges(const struct kdump_pages *p, const char *name, struct phys *phys,
                     struct diag *d)
{
    int st = add_exact(p, phys);
    for (uint64_t step = 1; st == ST_LIMIT && step < nr_words(p); step *= 64) {
        phys->nr = 0;
        st = add_coarse(p, phys, step);
    }
    return st == ST_OK ? ST_OK : diag_fail(d, st, "%s: its pages: %s", name, status_name(st));
}

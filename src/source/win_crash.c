/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Windows crash dump as a source. Its pages are mapped. A dump by a bitmap with more runs than
 * are worth a range each becomes one range whose pages are looked up.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/file_kinds.h"
#include "source/win_crash.h"

enum { MAX_RANGES = 32768, MAX_CPUS = 2048 };

struct crash_source {
    struct file_source base; /* first: file_vcpu_ops and file_write_ops rely on it */
    struct crash_run *run;   /* owned, ascending; only for looking up */
    size_t nr;
};

static bool probe(struct bytes head, uint64_t file_size)
{
    (void)file_size;
    return crash_is_dump(head);
}

/* ---- more runs than ranges
 * ------------------------------------------------------------------------------------------------------
 */

/* The first run that ends behind this frame. */
static size_t run_at(const struct crash_source *c, uint64_t frame)
{
    size_t lo = 0, hi = c->nr;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (c->run[mid].frame + c->run[mid].count <= frame)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static uint8_t *page_at(const struct crash_source *c, uint64_t at, size_t *avail)
{
    uint64_t frame = at / CRASH_PAGE;
    const struct crash_run *r = &c->run[run_at(c, frame)];
    if (r == c->run + c->nr || frame < r->frame)
        return NULL;
    uint64_t in = at - r->frame * CRASH_PAGE;
    *avail = (size_t)(r->count * CRASH_PAGE - in);
    return (uint8_t *)(uintptr_t)c->base.file.map + r->at + in;
}

static const uint8_t *crash_map(void *source, const struct phys_range *r, uint64_t at,
                                size_t *avail)
{
    size_t n;
    const uint8_t *p = page_at(source, at, &n);
    if (p)
        *avail = MIN_OF(n, (size_t)(r->len - (at - r->start)));
    return p;
}

static int copy(struct crash_source *c, uint64_t at, void *buf, size_t n, size_t *done, bool write)
{
    for (*done = 0; *done < n;) {
        size_t avail;
        uint8_t *p = page_at(c, at + *done, &avail), *b = (uint8_t *)buf + *done;
        if (!p)
            return ST_ABSENT;
        avail = MIN_OF(avail, n - *done);
        memcpy(write ? p : b, write ? b : p, avail);
        *done += avail;
    }
    return ST_OK;
}

static int crash_read(void *source, const struct phys_range *r, uint64_t at, void *buf, size_t n,
                      size_t *done)
{
    (void)r;
    return copy(source, at, buf, n, done, false);
}

static int crash_write(void *source, const struct phys_range *r, uint64_t at, const void *buf,
                       size_t n, size_t *done)
{
    (void)r;
    return copy(source, at, (void *)(uintptr_t)buf, n, done, true);
}

static uint64_t crash_next_data(void *source, const struct phys_range *r, uint64_t at,
                                uint64_t *end)
{
    const struct crash_source *c = source;
    const struct crash_run *run = &c->run[run_at(c, at / CRASH_PAGE)];
    if (run == c->run + c->nr)
        return r->start + r->len;
    *end = MIN_OF((run->frame + run->count) * CRASH_PAGE, r->start + r->len);
    return MAX_OF(at, run->frame * CRASH_PAGE);
}

static const struct phys_ops read_ops = {
    .read = crash_read, .map = crash_map, .next_data = crash_next_data};
static const struct phys_ops write_ops = {
    .read = crash_read, .map = crash_map, .next_data = crash_next_data, .write = crash_write};

/* ---- the bitmap
 * ------------------------------------------------------------------------------------------------------
 */

static bool bit(const uint8_t *bitmap, uint64_t i)
{
    return bitmap[i / 8] >> i % 8 & 1;
}

/* The next frame from `at` on whose bit is `want`; `bits` when there is none. */
static uint64_t next_frame(const uint8_t *bitmap, uint64_t at, uint64_t bits, bool want)
{
    while (at < bits && bit(bitmap, at) != want) {
        if (at % 8 == 0 && bits - at >= 8 && bitmap[at / 8] == (want ? 0 : 0xff))
            at += 8;
        else
            at++;
    }
    return at;
}

/* All runs of the bitmap, at most one for each page that the file has room for: more is `cut`. */
static int collect(struct crash_source *c, const struct crash_header *h, uint64_t *cut)
{
    const uint8_t *bitmap = c->base.file.map + h->bitmap_at;
    uint64_t at = h->first_page, size = c->base.file.size, end = 0;
    size_t cap = 0;
    for (*cut = 0; (end = next_frame(bitmap, end, h->bits, true)) < h->bits;) {
        struct crash_run r = {.frame = end, .at = at};
        end = next_frame(bitmap, end, h->bits, false);
        uint64_t want = end - r.frame, room = at < size ? (size - at) / CRASH_PAGE : 0;
        r.count = MIN_OF(want, room);
        at += r.count * CRASH_PAGE;
        *cut += (want - r.count) * CRASH_PAGE;
        if (!r.count)
            continue;
        if (c->nr == cap) {
            cap = cap ? cap * 2 : 256;
            struct crash_run *grown = realloc(c->run, cap * sizeof *grown);
            if (!grown)
                return ST_NOMEM;
            c->run = grown;
        }
        c->run[c->nr++] = r;
    }
    return ST_OK;
}

static int add_run(struct source *s, struct crash_source *c, const struct source_options *options,
                   const struct crash_run *r, struct diag *d)
{
    char what[64];
    snprintf(what, sizeof what, "the run of pages at %#" PRIx64, r->frame * CRASH_PAGE);
    return file_add_mapped(s, &c->base, options, r->frame * CRASH_PAGE, r->count * CRASH_PAGE,
                           r->at, what, d);
}

static int add_by_lookup(struct source *s, struct crash_source *c,
                         const struct source_options *options, struct diag *d)
{
    const struct crash_run *last = &c->run[c->nr - 1];
    uint64_t start = c->run[0].frame * CRASH_PAGE;
    struct phys_range all = {
        .start = start, .len = (last->frame + last->count) * CRASH_PAGE - start, .cookie = start};
    s->phys.ops = options->flags & SOURCE_COPY_ON_WRITE ? &write_ops : &read_ops;
    s->phys.source = c;
    int st = phys_add(&s->phys, &all);
    return st == ST_OK ? ST_OK : diag_fail(d, st, "%s: %s", s->name, status_name(st));
}

static int add_bitmap(struct source *s, struct crash_source *c,
                      const struct source_options *options, const struct crash_header *h,
                      struct diag *d)
{
    uint64_t cut;
    int st = collect(c, h, &cut);
    if (st != ST_OK)
        return diag_fail(d, st, "%s: out of memory", s->name);
    if (cut && !options->format)
        return diag_fail(d, ST_BROKEN,
                         "%s: the last %#" PRIx64 " bytes of memory that its bitmap promises are "
                         "not in the file, which ends at %#" PRIx64
                         ": it was cut. Copy it again; to read what there is, name the format "
                         "(--format %s)",
                         s->name, cut, c->base.file.size, s->kind);
    c->base.missing += cut;
    if (c->nr > MAX_RANGES)
        return add_by_lookup(s, c, options, d);
    for (size_t i = 0; i < c->nr && st == ST_OK; i++)
        st = add_run(s, c, options, &c->run[i], d);
    return st;
}

/* ---- opening
 * ------------------------------------------------------------------------------------------------------
 */

/*
 * The header has the registers of one processor, that which crashed, and does not tell which it
 * was: they are given when there is only one.
 */
static int add_cpus(struct crash_source *c, struct bytes file, const struct crash_header *h)
{
    struct vcpu_regs r;
    unsigned nr = h->processors;
    if (!nr || nr > MAX_CPUS) /* never filled in */
        return ST_OK;
    c->base.cpus.regs = calloc(nr, sizeof r);
    if (!c->base.cpus.regs)
        return ST_NOMEM;
    c->base.cpus.nr = nr;
    if (nr == 1 && crash_read_context(file, h, &r))
        c->base.cpus.regs[0] = r;
    return ST_OK;
}

static int read_all(struct source *s, struct crash_source *c, const struct source_options *options,
                    struct diag *d)
{
    struct bytes file = {c->base.file.map, (size_t)c->base.file.size};
    struct crash_header h = {0};
    int st = crash_read_header(file, s->name, &h, d);
    if (st != ST_OK)
        return st;
    s->arch = h.is64 ? ARCH_X86_64 : ARCH_X86;
    s->windows = h.hints;
    if (h.bits)
        st = add_bitmap(s, c, options, &h, d);
    for (uint32_t i = 0; i < h.nr_runs && st == ST_OK; i++)
        st = add_run(s, c, options, &h.run[i], d);
    if (st == ST_OK && (st = add_cpus(c, file, &h)) != ST_OK)
        diag_fail(d, st, "%s: out of memory", s->name);
    return st == ST_OK ? file_source_finish(s, &c->base, d) : st;
}

static void crash_free(void *impl)
{
    struct crash_source *c = impl;
    free(c->run);
    file_source_close(&c->base);
    free(c);
}

static int crash_open(const char *path, const struct source_options *options, struct diag *d,
                      struct source *ret)
{
    struct source s;
    struct crash_source *c = calloc(1, sizeof *c);
    if (!c)
        return diag_fail(d, ST_NOMEM, "%s: out of memory", path);
    int st = file_source_open(path, "windows-crash", true, options, d, &c->base, &s);
    if (st != ST_OK) {
        free(c);
        return st;
    }
    st = read_all(&s, c, options, d);
    if (st != ST_OK) {
        phys_deinit(&s.phys);
        crash_free(c);
        return st;
    }
    s.impl = c;
    s.close = crash_free;
    *ret = s;
    return ST_OK;
}

const struct source_kind crash_source_kind = {
    .format = "windows-crash", .probe = probe, .open = crash_open};

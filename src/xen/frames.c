/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of a domain, mapped here. */
#include "xen/frames.h"

#include <errno.h>
#include <stdlib.h>

#include "platform/platform.h"
#include "xen/abi.h"

enum { NONE = UINT32_MAX };

/* ---- the table of chunks: by place, and in the order of use ---------------------------------- */

static uint32_t *bucket_of(struct xen_frames *f, uint64_t first)
{
    return &f->bucket[first / CHUNK_FRAMES * UINT64_C(0x9e3779b97f4a7c15) >> 54];
}
_Static_assert(FRAMES_BUCKETS == 1 << 10, "64 - 54 bits");

static void use_unlink(struct xen_frames *f, uint32_t i)
{
    struct frames_chunk *c = &f->chunk[i];
    *(c->older == NONE ? &f->oldest : &f->chunk[c->older].newer) = c->newer;
    *(c->newer == NONE ? &f->newest : &f->chunk[c->newer].older) = c->older;
}

static void use_link(struct xen_frames *f, uint32_t i)
{
    struct frames_chunk *c = &f->chunk[i];
    c->older = f->newest;
    c->newer = NONE;
    *(f->newest == NONE ? &f->oldest : &f->chunk[f->newest].newer) = i;
    f->newest = i;
}

static uint32_t find(struct xen_frames *f, uint64_t first)
{
    uint32_t i = *bucket_of(f, first);
    while (i != NONE && f->chunk[i].first != first)
        i = f->chunk[i].next;
    return i;
}

static void release(struct xen_frames *f, struct frames_chunk *c)
{
    plat_xen_unmap(f->x->plat, c->host, c->n);
    free(c->machine);
    *c = (struct frames_chunk){0};
    f->drops++;
}

static void drop(struct xen_frames *f, uint32_t i)
{
    struct frames_chunk *c = &f->chunk[i];
    uint32_t *p = bucket_of(f, c->first);
    while (*p != i)
        p = &f->chunk[*p].next;
    *p = c->next;
    use_unlink(f, i);
    release(f, c);
    f->nr--;
    f->last = NONE;
}

static void drop_written(struct xen_frames *f)
{
    for (unsigned i = 0; i < FRAMES_WRITABLE; i++)
        if (f->written[i].host)
            release(f, &f->written[i]);
}

void frames_drop(struct xen_frames *f)
{
    while (f->oldest != NONE)
        drop(f, f->oldest);
    drop_written(f);
}

/* A place for a chunk, at the cost of the one that was not used for longest. */
static uint32_t place(struct xen_frames *f)
{
    if (f->nr == FRAMES_BUDGET)
        drop(f, f->oldest);
    for (uint32_t i = 0; i < FRAMES_BUDGET; i++)
        if (!f->chunk[i].host)
            return i;
    return NONE; /* not reached */
}

/* ---- open, close ----------------------------------------------------------------------------- */

int frames_init(struct xen_frames *f, struct xen *x, uint32_t domain, const struct frames_pv *pv)
{
    *f = (struct xen_frames){
        .x = x, .domain = domain, .pv = pv, .oldest = NONE, .newest = NONE, .last = NONE};
    memset(f->bucket, 0xff, sizeof f->bucket);
    f->chunk = calloc(FRAMES_BUDGET, sizeof *f->chunk);
    f->frames = malloc(CHUNK_FRAMES * sizeof *f->frames);
    f->error = malloc(CHUNK_FRAMES * sizeof *f->error);
    f->types = plat_xen_buffer(x->plat, PAGEINFO_MAX * sizeof *f->types);
    if (f->chunk && f->frames && f->error && f->types)
        return ST_OK;
    frames_deinit(f);
    return diag_fail(&x->diag, ST_NOMEM, "Xen domain %u: no memory to keep its frames mapped",
                     domain);
}

void frames_deinit(struct xen_frames *f)
{
    if (f->chunk)
        frames_drop(f);
    free(f->chunk);
    free(f->frames);
    free(f->error);
    if (f->types)
        plat_xen_buffer_free(f->x->plat, f->types, PAGEINFO_MAX * sizeof *f->types);
    *f = (struct xen_frames){0};
}

/* ---- mapping --------------------------------------------------------------------------------- */

/* Drops chunks until there is room again: a home may have less of it than the budget. */
static void *map_frames(struct xen_frames *f, const uint64_t *frame, unsigned n, bool writable,
                        int *failed)
{
    for (;;) {
        void *p = plat_xen_map(f->x->plat, f->domain, frame, n, writable, f->error, failed);
        f->maps++;
        if (p || *failed != -ENOMEM || !f->nr)
            return p;
        for (uint32_t half = f->nr / 2; f->nr > half;)
            drop(f, f->oldest);
    }
}

static bool test(const uint64_t *bits, unsigned i)
{
    return bits[i / 64] >> i % 64 & 1;
}

/* Maps the frames of a chunk that is in no list yet. */
static int map_chunk(struct xen_frames *f, struct frames_chunk *c, uint64_t now)
{
    uint64_t *frame = f->frames;
    if (f->pv) {
        int st = f->pv->machine(f->pv->arg, c->first, c->n, frame);
        if (st != ST_OK)
            return st;
        c->machine = malloc(c->n * sizeof *frame);
        if (!c->machine)
            return ST_NOMEM;
        memcpy(c->machine, frame, c->n * sizeof *frame);
        c->list = f->pv->list(f->pv->arg, c->first & ~(uint64_t)(CHUNK_FRAMES - 1));
        if (c->list)
            c->list += c->first % CHUNK_FRAMES;
        for (unsigned i = 0; i < c->n; i++)
            if (frame[i] & FRAMES_PV_NONE)
                frame[i] = UINT64_MAX;
    } else {
        for (unsigned i = 0; i < c->n; i++)
            frame[i] = c->first + i;
    }
    int failed = 0;
    c->host = map_frames(f, frame, c->n, c->writable, &failed);
    if (!c->host) {
        free(c->machine);
        c->machine = NULL;
        f->gone |= failed == -ESRCH;
        return failed == -ENOENT || failed == -EINVAL
                   ? ST_ABSENT
                   : xen_fail(f->x, failed, f->domain, "mapping its memory");
    }
    for (unsigned i = 0; i < c->n; i++)
        if (!f->error[i] && (!f->pv || frame[i] != UINT64_MAX))
            c->present[i / 64] |= UINT64_C(1) << i % 64;
    memcpy(c->expected, c->present, sizeof c->expected);
    c->checked_ns = c->mapped_ns = now;
    return ST_OK;
}

/* ---- comparing with what the domain has now -------------------------------------------------- */

int frames_probe(struct xen_frames *f, const uint64_t *frame, unsigned n, uint64_t *ret)
{
    struct xen_pageinfo_call c = {.n = n, .frames = (uintptr_t)f->types};
    if (n > PAGEINFO_MAX)
        return ST_INVALID;
    memcpy(f->types, frame, n * sizeof *frame);
    long v = xen_domctl(f->x, DOMCTL_GETPAGEFRAMEINFO3, f->domain, &c, sizeof c);
    if (v < 0)
        return xen_fail(f->x, v, f->domain, "asking which of its frames there are");
    memset(ret, 0, (n + 63) / 64 * sizeof *ret);
    for (unsigned i = 0; i < n; i++) {
        unsigned type = (unsigned)(f->types[i] >> 28 & 15);
        if (type != PAGEINFO_ABSENT && type != PAGEINFO_BROKEN)
            ret[i / 64] |= UINT64_C(1) << i % 64;
    }
    return ST_OK;
}

/* At most every FRAMES_FRESH_NS: has the domain got or lost frames that we do not hold? */
static void check_domain(struct xen_frames *f, uint64_t now)
{
    struct xen_domain_info info;
    f->checked_ns = now;
    int st = xen_domain_info(f->x, f->domain, &info);
    if (st == ST_OK && !info.dying) {
        if (info.pages != f->pages && !f->pv)
            frames_drop(f);
        f->pages = info.pages;
    } else if (st == ST_OK || st == ST_ABSENT) {
        f->gone = true; /* what is mapped stays readable, as it was left */
    } else {
        f->blind = true;
    }
}

/* Is this chunk of a translated domain still what the domain has there? */
static bool fresh_translated(struct xen_frames *f, struct frames_chunk *c, uint64_t now)
{
    uint64_t present[CHUNK_FRAMES / 64] = {0};
    if (f->gone)
        return true;
    if (now - c->mapped_ns >= FRAMES_AGE_NS && (!f->frozen_ns || c->mapped_ns < f->frozen_ns))
        return false;
    if ((f->frozen_ns && c->checked_ns >= f->frozen_ns) || now - c->checked_ns < FRAMES_FRESH_NS)
        return true;
    for (unsigned i = 0; i < c->n; i++)
        f->frames[i] = c->first + i;
    if (f->blind || frames_probe(f, f->frames, c->n, present) != ST_OK) {
        f->blind = true;
        return false;
    }
    c->checked_ns = now;
    return !memcmp(present, c->expected, sizeof present);
}

/* ... of a PV domain: frame i alone. */
static bool fresh_pv(const struct frames_chunk *c, unsigned i)
{
    return c->list && *(const volatile uint64_t *)&c->list[i] == c->machine[i];
}

static void check(struct xen_frames *f, uint64_t now)
{
    if (f->pv) {
        uint64_t epoch = f->pv->epoch(f->pv->arg, now);
        if (epoch != f->epoch)
            frames_drop(f);
        f->epoch = epoch;
    }
    if (now - f->checked_ns >= FRAMES_FRESH_NS && !f->gone && !f->blind && !f->frozen_ns)
        check_domain(f, now);
}

/* Is chunk `i` usable for its frame `in`? One that is not is dropped. */
static bool still_good(struct xen_frames *f, uint32_t i, unsigned in, uint64_t now)
{
    struct frames_chunk *c = &f->chunk[i];
    if (f->pv ? fresh_pv(c, in) : fresh_translated(f, c, now))
        return true;
    f->remaps++;
    drop(f, i);
    return false;
}

/* ---- access ---------------------------------------------------------------------------------- */

/*
 * Some frames can be mapped that Xen does not own up to (the shared info page, grant tables). So
 * when a comparison fails, what Xen says then, before it is mapped again, is what the next one is
 * to find.
 */
static uint32_t map_anew(struct xen_frames *f, uint64_t first, bool differed, uint64_t now)
{
    uint64_t said[CHUNK_FRAMES / 64];
    if (f->gone)
        return NONE;
    uint32_t i = place(f);
    struct frames_chunk c = {.first = first, .n = CHUNK_FRAMES};
    for (unsigned k = 0; k < CHUNK_FRAMES; k++)
        f->frames[k] = first + k;
    differed =
        differed && !f->pv && !f->blind && frames_probe(f, f->frames, CHUNK_FRAMES, said) == ST_OK;
    f->why = map_chunk(f, &c, now);
    if (f->why != ST_OK)
        return NONE;
    if (differed)
        memcpy(c.expected, said, sizeof c.expected);
    f->chunk[i] = c;
    f->chunk[i].next = *bucket_of(f, first);
    *bucket_of(f, first) = i;
    use_link(f, i);
    f->nr++;
    return i;
}

/* How many frames from `in` on are there. */
static unsigned run_of(const uint64_t *bits, unsigned in)
{
    uint64_t word = ~(bits[in / 64] >> in % 64);
    unsigned n = word ? (unsigned)__builtin_ctzll(word) : 64;
    if (n < 64 - in % 64)
        return n;
    n = 64 - in % 64;
    for (unsigned i = in / 64 + 1; i < CHUNK_FRAMES / 64; i++) {
        if (~bits[i])
            return n + (unsigned)__builtin_ctzll(~bits[i]);
        n += 64;
    }
    return n;
}

const uint8_t *frames_ptr(struct xen_frames *f, uint64_t frame, unsigned *nr)
{
    uint64_t first = frame & ~(uint64_t)(CHUNK_FRAMES - 1), now = plat_now_ns();
    unsigned in = (unsigned)(frame - first);
    check(f, now);
    f->why = ST_ABSENT;
    uint32_t i = f->last != NONE && f->chunk[f->last].first == first ? f->last : find(f, first);
    bool differs = i != NONE && !still_good(f, i, in, now);
    if (i == NONE || differs)
        i = map_anew(f, first, differs, now);
    if (i == NONE)
        return NULL;
    if (i != f->newest) {
        use_unlink(f, i);
        use_link(f, i);
    }
    f->last = i;
    struct frames_chunk *c = &f->chunk[i];
    unsigned n = run_of(c->present, in);
    f->why = ST_ABSENT;
    *nr = f->pv && n ? 1 : n; /* each frame of a PV guest is compared for itself */
    return n ? c->host + (size_t)in * XEN_PAGE : NULL;
}

uint64_t frames_next(struct xen_frames *f, uint64_t frame, uint64_t end, unsigned *nr)
{
    while (frame < end) {
        uint64_t first = frame & ~(uint64_t)(CHUNK_FRAMES - 1);
        if (frames_ptr(f, frame, nr))
            return frame;
        if (f->last == NONE || f->chunk[f->last].first != first) {
            frame = first + CHUNK_FRAMES; /* nothing of it could be mapped */
            continue;
        }
        const struct frames_chunk *c = &f->chunk[f->last];
        for (frame++; frame < first + CHUNK_FRAMES; frame++)
            if (test(c->present, (unsigned)(frame - first)))
                break;
    }
    return end;
}

/* A writable mapping is made for one frame; it is as fresh as the chunks are. */
static struct frames_chunk *find_written(struct xen_frames *f, uint64_t frame, uint64_t now)
{
    for (unsigned i = 0; i < FRAMES_WRITABLE; i++) {
        struct frames_chunk *c = &f->written[i];
        if (!c->host || c->first != frame)
            continue;
        if (f->pv ? fresh_pv(c, 0) : !f->gone && fresh_translated(f, c, now))
            return c;
        release(f, c);
        break;
    }
    return NULL;
}

uint8_t *frames_write_ptr(struct xen_frames *f, uint64_t frame, int *st)
{
    uint64_t now = plat_now_ns();
    check(f, now);
    struct frames_chunk *c = find_written(f, frame, now);
    if (c)
        return c->host;
    if (f->gone) {
        *st = diag_fail(&f->x->diag, ST_IO, "Xen domain %u has ended", f->domain);
        return NULL;
    }
    struct frames_chunk made = {.first = frame, .n = 1, .writable = true};
    *st = map_chunk(f, &made, now);
    if (*st != ST_OK)
        return NULL;
    c = &f->written[f->next_written];
    f->next_written = (f->next_written + 1) % FRAMES_WRITABLE;
    if (c->host)
        release(f, c);
    *c = made;
    return c->host;
}

int frames_map_own(struct xen_frames *f, uint64_t frame, bool writable, void **ret)
{
    uint64_t now = plat_now_ns();
    check(f, now);
    if (f->gone)
        return diag_fail(&f->x->diag, ST_IO, "Xen domain %u has ended", f->domain);
    struct frames_chunk made = {.first = frame, .n = 1, .writable = writable};
    int st = map_chunk(f, &made, now);
    if (st != ST_OK)
        return st;
    free(made.machine);
    *ret = made.host;
    return ST_OK;
}

void frames_freeze(struct xen_frames *f, bool frozen)
{
    f->frozen_ns = 0;
    if (!frozen)
        return;
    f->checked_ns = 0; /* once more, and then no more */
    uint64_t now = plat_now_ns();
    check(f, now);
    for (uint32_t i = 0; i < FRAMES_BUDGET; i++)
        f->chunk[i].checked_ns = 0;
    for (unsigned i = 0; i < FRAMES_WRITABLE; i++)
        f->written[i].checked_ns = 0;
    f->frozen_ns = now ? now : 1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a domain has memory. Xen tells the highest frame and, frame by frame, whether there is one;
 * the map that the guest itself was given (e820) is not to be had for another domain. So a few
 * frames of every chunk of 2 MiB are asked for, and the ends of what is found exactly. When that is
 * less than Xen says that the domain has, the other chunks are asked for frame by frame: only a few
 * frames (MISSED_MAX) that lie alone can be missed, which is not worth a second of asking.
 *
 * Frames that a guest has ballooned out of such a range read as absent.
 */
#include <stdio.h>
#include <stdlib.h>

#include "xen/abi.h"
#include "xen/target.h"

enum { SAMPLES = 4, CHUNKS_A_CALL = PAGEINFO_MAX / SAMPLES, MISSED_MAX = 32 };
/* 8 TiB: a guest may put a frame at any height, which must not cost us the day. */
#define CHUNKS_MAX (UINT64_C(4) << 20)

struct layout {
    struct xen_target *t;
    uint64_t nr_frames, nr_chunks;
    uint8_t *there; /* a bit a chunk */
    uint64_t found; /* frames; chunks between the ends of a run count as whole */
};

static bool is_there(const struct layout *l, uint64_t chunk)
{
    return chunk < l->nr_chunks && l->there[chunk / 8] >> chunk % 8 & 1;
}

static void set_there(struct layout *l, uint64_t chunk)
{
    l->there[chunk / 8] |= (uint8_t)(1 << chunk % 8);
}

static int sample(struct layout *l)
{
    uint64_t frame[PAGEINFO_MAX], present[PAGEINFO_MAX / 64];
    for (uint64_t at = 0; at < l->nr_chunks; at += CHUNKS_A_CALL) {
        unsigned n = (unsigned)MIN_OF(l->nr_chunks - at, (uint64_t)CHUNKS_A_CALL);
        for (unsigned i = 0; i < n * SAMPLES; i++)
            frame[i] = (at + i / SAMPLES) * CHUNK_FRAMES +
                       (i % SAMPLES) * (CHUNK_FRAMES - 1) / (SAMPLES - 1);
        int st = frames_probe(&l->t->frames, frame, n * SAMPLES, present);
        if (st != ST_OK)
            return st;
        for (unsigned i = 0; i < n; i++)
            if (present[i * SAMPLES / 64] >> i * SAMPLES % 64 & ((1 << SAMPLES) - 1))
                set_there(l, at + i);
    }
    return ST_OK;
}
_Static_assert(64 % SAMPLES == 0, "the samples of a chunk lie in one word");

/* How many frames of a chunk there are, the first and the last of them; 0 when there is none. */
static unsigned edges(struct layout *l, uint64_t chunk, unsigned *first, unsigned *last)
{
    uint64_t frame[CHUNK_FRAMES], present[CHUNK_FRAMES / 64];
    unsigned n = 0;
    for (unsigned i = 0; i < CHUNK_FRAMES; i++)
        frame[i] = chunk * CHUNK_FRAMES + i;
    if (frames_probe(&l->t->frames, frame, CHUNK_FRAMES, present) != ST_OK)
        return 0;
    for (unsigned i = 0; i < CHUNK_FRAMES; i++) {
        if (!(present[i / 64] >> i % 64 & 1))
            continue;
        if (!n++)
            *first = i;
        *last = i;
    }
    return n;
}

/* One past the last chunk of the run that begins at `chunk`. */
static uint64_t end_of_run(const struct layout *l, uint64_t chunk)
{
    while (is_there(l, chunk))
        chunk++;
    return chunk;
}

static void count(struct layout *l)
{
    unsigned first, last;
    for (uint64_t c = 0, end; c < l->nr_chunks; c = end + 1) {
        end = end_of_run(l, c);
        if (end == c)
            continue;
        l->found += edges(l, c, &first, &last);
        if (end - c > 1)
            l->found += edges(l, end - 1, &first, &last) + (end - c - 2) * CHUNK_FRAMES;
    }
}

/* Chunks of which the samples showed nothing, until all that Xen counts has been found. */
static void look_closer(struct layout *l)
{
    unsigned first, last;
    count(l);
    for (uint64_t c = 0; c < l->nr_chunks && l->found + MISSED_MAX < l->t->info.pages; c++) {
        unsigned n = is_there(l, c) ? 0 : edges(l, c, &first, &last);
        l->found += n;
        if (n)
            set_there(l, c);
    }
}

static int add_runs(struct layout *l, struct phys *phys)
{
    int st = ST_OK;
    for (uint64_t c = 0, end; c < l->nr_chunks && st == ST_OK; c = end + 1) {
        end = end_of_run(l, c);
        if (end == c)
            continue;
        unsigned first = 0, last = CHUNK_FRAMES - 1, unused;
        (void)edges(l, c, &first, &unused);
        (void)edges(l, end - 1, &unused, &last);
        uint64_t from = c * CHUNK_FRAMES + first, to = (end - 1) * CHUNK_FRAMES + last;
        if (to >= from)
            st = phys_add(phys, &(struct phys_range){.start = from * XEN_PAGE,
                                                     .len = (to - from + 1) * XEN_PAGE,
                                                     .cookie = from * XEN_PAGE});
    }
    return st;
}

static int whole(struct phys *phys, uint64_t nr_frames)
{
    return phys_add(phys, &(struct phys_range){.start = 0, .len = nr_frames * XEN_PAGE});
}

int target_highest_frame(struct xen_target *t, uint64_t *ret)
{
    uint16_t domain[4] = {(uint16_t)t->info.id};
    long v = xen_memory_op(&t->x, XENMEM_MAXIMUM_GPFN, domain, sizeof domain);
    if (v < 0)
        return xen_fail(&t->x, v, t->info.id, "asking for its highest frame");
    *ret = (uint64_t)v;
    return ST_OK;
}

int target_layout(struct xen_target *t, struct phys *phys, char *note, size_t size)
{
    struct layout l = {.t = t};
    if (t->pv)
        return whole(phys, t->pv->nr_frames);
    int st = target_highest_frame(t, &l.nr_frames);
    if (st != ST_OK)
        return st;
    l.nr_frames = MIN_OF(l.nr_frames + 1, CHUNKS_MAX * CHUNK_FRAMES);
    l.nr_chunks = (l.nr_frames + CHUNK_FRAMES - 1) / CHUNK_FRAMES;
    l.there = calloc((size_t)(l.nr_chunks / 8) + 1, 1);
    if (!l.there)
        return diag_fail(&t->x.diag, ST_NOMEM, "Xen domain %u: no memory", t->info.id);
    st = sample(&l);
    if (st == ST_OK) {
        look_closer(&l);
        st = add_runs(&l, phys);
    } else if (st == ST_DENIED || st == ST_UNSUPPORTED) {
        snprintf(note, size,
                 "Xen does not tell which frames there are: all up to the highest are assumed");
        st = whole(phys, l.nr_frames);
    }
    free(l.there);
    return st == ST_LIMIT || st == ST_NOMEM
               ? diag_fail(&t->x.diag, st, "Xen domain %u: its memory is in too many pieces",
                           t->info.id)
               : st;
}

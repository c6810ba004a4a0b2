/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of one domain, mapped here in chunks of 2 MiB and kept mapped within a budget.
 *
 * A foreign mapping holds its page: when the guest gives the frame back (ballooning), Xen takes it
 * out of the guest at once, but the page and what was in it stay with us, and Xen's count of the
 * domain's pages does not fall before we let go. So each chunk is compared with what the domain
 * has:
 *
 * - HVM and PVH: by Xen (getpageframeinfo3, one call a chunk), at most every FRAMES_FRESH_NS while
 *   the chunk is in use, and once when we pause the domain. A frame that comes back is a new page,
 *   which raises the count of pages: that drops all chunks. What a guest could hide by giving and
 *   taking other frames at the same moment ends when the chunk is FRAMES_AGE_NS old and is mapped
 *   anew. So a frame that was given back reads as absent after FRAMES_FRESH_NS, at once when the
 *   domain is paused by us; and what is read is never older than FRAMES_AGE_NS, whatever the guest
 *   does.
 * - PV: with the guest's own physical-to-machine list, at every access.
 *
 * What was not in any chunk is always asked for anew.
 */
#ifndef TINYVMI_XEN_FRAMES_H
#define TINYVMI_XEN_FRAMES_H

#include "xen/xen.h"

enum {
    CHUNK_FRAMES = 512,
    /* Chunks: 1 GiB. Page tables for it take 2 MiB here. */
    FRAMES_BUDGET = 512,
    FRAMES_BUCKETS = 1024,
    /* Written frames are mapped one by one, writable, beside. */
    FRAMES_WRITABLE = 32,
};
#define FRAMES_FRESH_NS (UINT64_C(100) * 1000000u)
#define FRAMES_AGE_NS   (UINT64_C(5) * 1000000000u)
/* In a PV guest's list: another domain's frame, a device's, or none (Linux, arch/x86/include/asm/
 * xen/page.h: FOREIGN_FRAME_BIT, IDENTITY_FRAME_BIT, INVALID_P2M_ENTRY). */
#define FRAMES_PV_NONE (UINT64_C(3) << 62)

/* Where a PV guest's frames lie. Called with frames in one chunk. */
struct frames_pv {
    /* Machine frames of [first, first + n), with a bit of FRAMES_PV_NONE where there is none.
     * ST_ABSENT: of none. */
    int (*machine)(void *arg, uint64_t first, unsigned n, uint64_t *ret);
    /* The guest's list of one chunk as it is mapped here, or NULL: entry i is frame first + i. It
     * stays valid until `epoch` answers another number. */
    const uint64_t *(*list)(void *arg, uint64_t first);
    uint64_t (*epoch)(void *arg, uint64_t now_ns);
    void *arg;
};

struct frames_chunk {
    uint64_t first; /* frame */
    unsigned n;     /* frames: CHUNK_FRAMES, or 1 when writable */
    bool writable;
    uint8_t *host; /* NULL: this place is free */
    uint64_t present[CHUNK_FRAMES / 64];
    uint64_t expected[CHUNK_FRAMES / 64]; /* what Xen is to answer when it is compared */
    uint64_t checked_ns, mapped_ns;
    uint64_t *machine; /* PV: what was mapped; n of them, owned */
    const uint64_t *list;
    uint32_t next;         /* in its bucket */
    uint32_t older, newer; /* in the order of use */
};

struct xen_frames {
    struct xen *x;
    uint32_t domain;
    const struct frames_pv *pv; /* NULL: a translated domain */
    struct frames_chunk *chunk; /* FRAMES_BUDGET */
    uint32_t bucket[FRAMES_BUCKETS];
    uint32_t oldest, newest, last, nr;
    struct frames_chunk written[FRAMES_WRITABLE]; /* a ring */
    unsigned next_written;
    uint64_t pages, checked_ns; /* of the domain */
    uint64_t frozen_ns;         /* since when we hold it paused; 0: it runs */
    uint64_t epoch;
    int why;    /* ST_* of the newest frame that could not be had */
    bool gone;  /* the domain has ended */
    bool blind; /* Xen does not tell which frames there are: chunks are mapped anew instead */
    uint64_t maps, remaps, drops; /* counted, for tests and benches */
    uint64_t *frames;             /* scratch, CHUNK_FRAMES each */
    int *error;
    uint64_t *types; /* hypercall buffer of two pages */
};

MUST_USE int frames_init(struct xen_frames *f, struct xen *x, uint32_t domain,
                         const struct frames_pv *pv);
void frames_deinit(struct xen_frames *f);

/* The memory of a frame, and how many frames from there are contiguous here. NULL: absent. Valid
 * until the next call. */
const uint8_t *frames_ptr(struct xen_frames *f, uint64_t frame, unsigned *nr);
/* The first frame in [frame, end) that is there, and how many follow; `end` when there is none. */
uint64_t frames_next(struct xen_frames *f, uint64_t frame, uint64_t end, unsigned *nr);
/* A pointer to one frame, to be written; *st says why not. */
uint8_t *frames_write_ptr(struct xen_frames *f, uint64_t frame, int *st);

/* A mapping that is the caller's own, made with plat_xen_map. */
MUST_USE int frames_map_own(struct xen_frames *f, uint64_t frame, bool writable, void **ret);

/* Which of n (at most PAGEINFO_MAX) frames there are: bit i % 64 of ret[i / 64]. */
MUST_USE int frames_probe(struct xen_frames *f, const uint64_t *frame, unsigned n, uint64_t *ret);

/* Lets go of everything. */
void frames_drop(struct xen_frames *f);
/* The domain is paused by us from now on, or runs again. */
void frames_freeze(struct xen_frames *f, bool frozen);

#endif

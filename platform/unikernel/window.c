/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The window: 32 TiB of our addresses in which frames of other domains are mapped. A frame costs
 * one entry of 8 bytes, so the whole of a target can stay mapped; page tables that were made stay,
 * since the same addresses are given out again first.
 *
 * mmu_update's last argument names whose frames the entries refer to. For a PV domain they are
 * machine frames, for HVM and PVH the guest's own: Xen translates them (xen/arch/x86/mm.c,
 * get_page_from_gfn in mod_l1_entry), and refuses one that has no memory behind it.
 */
#include <errno.h>
#include <stdlib.h>

#include "guest.h"

/* Slots 1..64 of the top table. */
#define WINDOW_START 0x0000008000000000ull
#define WINDOW_END   (65 * WINDOW_START)

#define ENTRY_READ  (1ull | 1ull << 5 | 1ull << 63) /* present, accessed, not to be executed */
#define ENTRY_WRITE (ENTRY_READ | 1ull << 1 | 1ull << 6)

/* No machine has more (MAXPHYADDR 52): Xen refuses the last of these, as it does those beyond. */
#define FRAME_MAX ((UINT64_C(1) << 40) - 1)

enum { BATCH = 512, TABLE_PAGES = 512 };

/* A piece that is in use. */
struct piece {
    struct piece *next; /* by address */
    uint64_t start;
    size_t pages;
};

static struct {
    struct piece *pieces;
    struct mmu_update batch[BATCH];
} window;

static uint64_t bounded(uint64_t frame)
{
    return frame < FRAME_MAX ? frame : FRAME_MAX;
}

/* First fit: low addresses again and again, whose tables exist. */
static struct piece *reserve(size_t pages)
{
    struct piece **at = &window.pieces;
    uint64_t start = WINDOW_START;
    if (pages > (WINDOW_END - WINDOW_START) / PAGE)
        return NULL;
    for (; *at && (*at)->start - start < (uint64_t)pages * PAGE; at = &(*at)->next)
        start = (*at)->start + (uint64_t)(*at)->pages * PAGE;
    if (WINDOW_END - start < (uint64_t)pages * PAGE)
        return NULL;
    struct piece *p = malloc(sizeof *p);
    if (!p)
        return NULL;
    *p = (struct piece){*at, start, pages};
    *at = p;
    return p;
}

static void release(struct piece *p)
{
    struct piece **at = &window.pieces;
    while (*at && *at != p)
        at = &(*at)->next;
    if (*at)
        *at = p->next;
    free(p);
}

/* A kind word for a frame that is not there; the rest says that the caller may not. */
static int frame_error(long error)
{
    return error == -EINVAL || error == -EEXIST ? -ENOENT : (int)error;
}

/* Sets the entries of the batch, one after another where Xen refuses one. Returns how many there
 * are, or what forbids them all. */
static long set_entries(uint32_t domain, size_t n, int *error)
{
    size_t at = 0, there = 0;
    while (at < n) {
        unsigned done = 0;
        long st = hypercall(__HYPERVISOR_mmu_update, PTR(window.batch + at), n - at, PTR(&done),
                            domain, 0);
        if (done > n - at)
            done = (unsigned)(n - at);
        for (unsigned i = 0; i < done; i++)
            error[at + i] = 0;
        there += done;
        at += done;
        if (st == 0)
            break;
        if (st == -ESRCH || st == -EPERM || st == -EACCES)
            return st;
        if (at < n)
            error[at++] = frame_error(st);
    }
    return (long)there;
}

static void clear(uint64_t start, size_t pages)
{
    for (size_t at = 0; at < pages;) {
        size_t n = 0;
        uint64_t entry;
        for (; n < BATCH && at + n < pages; n++) {
            if (!mm_entry(start + (at + n) * PAGE, &entry))
                break;
            window.batch[n] = (struct mmu_update){entry | MMU_NORMAL_PT_UPDATE, 0};
        }
        if (!n)
            break; /* no table was ever made from here on */
        hypercall(__HYPERVISOR_mmu_update, PTR(window.batch), n, 0, DOMID_SELF, 0);
        at += n;
    }
    struct mmuext_op flush = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    hypercall(__HYPERVISOR_mmuext_op, PTR(&flush), 1, 0, DOMID_SELF, 0);
}

int window_map(uint32_t domain, const uint64_t *frames, size_t n, bool writable, int *error,
               void **ret)
{
    struct piece *p = n ? reserve(n) : NULL;
    size_t there = 0, at = 0;
    long st = n ? 0 : -EINVAL;
    if (!p)
        return st ? (int)st : -ENOMEM;
    while (at < n && st >= 0) {
        size_t count = 0;
        uint64_t entry = 0;
        for (; count < BATCH && at + count < n; count++) {
            /* Entries of one table lie next to each other. */
            if (count && (p->start / PAGE + at + count) % TABLE_PAGES)
                entry += 8;
            else if (!mm_entry(p->start + (at + count) * PAGE, &entry))
                break;
            window.batch[count] = (struct mmu_update){entry | MMU_NORMAL_PT_UPDATE,
                                                      bounded(frames[at + count]) * PAGE |
                                                          (writable ? ENTRY_WRITE : ENTRY_READ)};
        }
        st = count ? set_entries(domain, count, error + at) : -ENOMEM;
        there += st > 0 ? (size_t)st : 0;
        at += count;
    }
    if (st >= 0 && there == 0)
        st = -ENOENT;
    if (st < 0) {
        clear(p->start, at);
        release(p);
        return (int)st;
    }
    *ret = (void *)(uintptr_t)p->start;
    return 0;
}

void window_unmap(void *start, size_t n)
{
    struct piece *p = window.pieces;
    while (p && p->start != PTR(start))
        p = p->next;
    if (!p || p->pages != n)
        return;
    clear(p->start, n);
    release(p);
}

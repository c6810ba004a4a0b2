/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A piece of a target's memory that is kept mapped as it is: a kernel's tables, which are decoded
 * in place. A frame that the guest gives back in the meantime stays with us (as in frames.h), so
 * that what is read from here is old then, but never another's.
 */
#include <stdlib.h>

#include "xen/target.h"

/* The frames [first, first + n) as plat_xen_map wants them. */
static int frame_numbers(struct xen_target *t, uint64_t first, size_t n, uint64_t *frame)
{
    for (size_t i = 0; i < n; i++)
        frame[i] = first + i;
    const struct frames_pv *pv = t->frames.pv;
    for (size_t i = 0; pv && i < n;) {
        size_t now = MIN_OF(n - i, (size_t)(CHUNK_FRAMES - (first + i) % CHUNK_FRAMES));
        int st = pv->machine(pv->arg, first + i, (unsigned)now, frame + i);
        for (size_t k = 0; st == ST_OK && k < now; k++)
            st = frame[i + k] & FRAMES_PV_NONE ? ST_ABSENT : ST_OK;
        if (st != ST_OK)
            return st;
        i += now;
    }
    return ST_OK;
}

const uint8_t *target_hold(void *source, const struct phys_range *r, uint64_t at, size_t n)
{
    struct xen_target *t = source;
    uint64_t first = at / XEN_PAGE;
    size_t pages = (size_t)((at % XEN_PAGE + n + XEN_PAGE - 1) / XEN_PAGE);
    uint64_t *frame = calloc(pages, sizeof *frame);
    int *error = calloc(pages, sizeof *error);
    uint8_t *p = NULL;
    (void)r;
    if (frame && error && frame_numbers(t, first, pages, frame) == ST_OK)
        p = plat_xen_map(t->x.plat, t->info.id, frame, pages, false, error, NULL);
    for (size_t i = 0; p && i < pages; i++) {
        if (!error[i])
            continue;
        plat_xen_unmap(t->x.plat, p, pages);
        p = NULL;
    }
    free(frame);
    free(error);
    return p ? p + at % XEN_PAGE : NULL;
}

void target_release(void *source, const uint8_t *p, size_t n)
{
    struct xen_target *t = source;
    size_t in = (uintptr_t)p % XEN_PAGE;
    plat_xen_unmap(t->x.plat, (void *)(uintptr_t)(p - in), (in + n + XEN_PAGE - 1) / XEN_PAGE);
}

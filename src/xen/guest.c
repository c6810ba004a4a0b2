/* SPDX-License-Identifier: BSD-2-Clause */
/* The domain as a whole: its state, its clock, and frames that are added to it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "xen/abi.h"
#include "xen/target.h"

/* After a reboot the same guest runs on as another domain: with the same UUID. */
static int has_ended(struct xen_target *t)
{
    static const uint8_t none[16];
    struct xen_domain_info info;
    for (uint32_t at = memcmp(t->info.uuid, none, 16) ? 0 : DOMID_FIRST_RESERVED;
         xen_domain_next(&t->x, at, &info) == ST_OK; at = info.id + 1)
        if (info.id != t->info.id && !info.dying && !memcmp(info.uuid, t->info.uuid, 16))
            return diag_fail(&t->x.diag, ST_IO,
                             "Xen domain %u (%s) has ended; the guest has rebooted and is domain "
                             "%u now: open that one",
                             t->info.id, t->name, info.id);
    return diag_fail(&t->x.diag, ST_IO, "Xen domain %u (%s) has ended", t->info.id, t->name);
}

int target_alive(struct xen_target *t)
{
    struct xen_domain_info info;
    int st = xen_domain_info(&t->x, t->info.id, &info);
    if (st == ST_ABSENT || (st == ST_OK && (info.dying || memcmp(info.uuid, t->info.uuid, 16))))
        return has_ended(t);
    return ST_OK; /* Xen that does not tell is no proof of an end */
}

static int status(void *source, struct guest_status *ret)
{
    struct xen_target *t = source;
    struct xen_domain_info info;
    int st = xen_domain_info(&t->x, t->info.id, &info);
    if (st != ST_OK)
        return st;
    *ret = (struct guest_status){.dying = info.dying,
                                 .shutdown = info.shutdown,
                                 .paused = info.paused,
                                 .blocked = info.blocked,
                                 .running = info.running,
                                 .debugged = info.debugged,
                                 .pages = info.pages};
    return ST_OK;
}

static int tsc(void *source, struct tsc_info *ret)
{
    struct xen_target *t = source;
    struct xen_tscinfo_call c = {0};
    long v = xen_domctl(&t->x, DOMCTL_GETTSCINFO, t->info.id, &c, sizeof c);
    if (v < 0)
        return xen_fail(&t->x, v, t->info.id, "asking how its TSC runs");
    *ret = (struct tsc_info){c.mode, c.khz, c.incarnation, c.elapsed_ns};
    return ST_OK;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static int set_limit(struct xen_target *t, uint64_t pages)
{
    struct xen_maxmem_call c = {pages * (XEN_PAGE / 1024)};
    long v = xen_domctl(&t->x, DOMCTL_MAX_MEM, t->info.id, &c, sizeof c);
    return v < 0 ? xen_fail(&t->x, v, t->info.id, "changing its memory limit") : ST_OK;
}

/* How many frames Xen added or took, or a negative errno. */
static long reserve(struct xen_target *t, unsigned op, uint64_t frame)
{
    uint64_t *list = (uint64_t *)t->x.page[1];
    *list = frame;
    struct xen_reservation c = {.frames = (uintptr_t)list, .n = 1, .domain = (uint16_t)t->info.id};
    return xen_memory_op(&t->x, op, &c, sizeof c);
}

static int check_kind(struct xen_target *t)
{
    return t->pv ? diag_fail(&t->x.diag, ST_UNSUPPORTED,
                             "Xen domain %u is a PV guest: only itself can add frames", t->info.id)
                 : ST_OK;
}

static int frame_there(struct xen_target *t, uint64_t frame, bool *ret)
{
    uint64_t present;
    int st = frames_probe(&t->frames, &frame, 1, &present);
    if (st == ST_OK)
        *ret = present & 1;
    return st;
}

/*
 * The limit is raised by the one page only when the domain has used it up, and stays raised until
 * the page is taken away: a limit below what a domain has would keep it from ballooning.
 */
static int populate(void *source, uint64_t frame)
{
    struct xen_target *t = source;
    struct xen_domain_info info;
    bool there = false, raised;
    int st = check_kind(t);
    if (st == ST_OK)
        st = frame_there(t, frame, &there);
    if (st == ST_OK && there)
        st = diag_fail(&t->x.diag, ST_BUSY, "Xen domain %u has memory at frame 0x%llx already",
                       t->info.id, (unsigned long long)frame);
    if (st == ST_OK)
        st = xen_domain_info(&t->x, t->info.id, &info);
    if (st != ST_OK)
        return st;
    raised = info.pages >= info.max_pages;
    if (raised && (st = set_limit(t, info.pages + 1)) != ST_OK)
        return st;
    long v = reserve(t, XENMEM_POPULATE_PHYSMAP, frame);
    if (v == 1) {
        t->raised += raised;
        t->populated++;
        return ST_OK;
    }
    st = xen_fail(&t->x, v < 0 ? v : -ENOMEM, t->info.id, "adding a frame");
    if (raised) {
        struct diag story = t->x.diag;
        (void)!set_limit(t, info.max_pages);
        t->x.diag = story;
    }
    return st;
}

static int remove_frame(void *source, uint64_t frame)
{
    struct xen_target *t = source;
    struct xen_domain_info info;
    bool there = false;
    int st = check_kind(t);
    if (st == ST_OK)
        st = frame_there(t, frame, &there);
    if (st == ST_OK && !there)
        st = diag_fail(&t->x.diag, ST_ABSENT, "Xen domain %u has no memory at frame 0x%llx",
                       t->info.id, (unsigned long long)frame);
    if (st != ST_OK)
        return st;
    frames_drop(&t->frames); /* our own mapping would keep the page */
    long v = reserve(t, XENMEM_DECREASE_RESERVATION, frame);
    if (v != 1)
        return xen_fail(&t->x, v < 0 ? v : -EINVAL, t->info.id, "taking a frame away");
    if (t->populated)
        t->populated--;
    if (t->raised && xen_domain_info(&t->x, t->info.id, &info) == ST_OK &&
        set_limit(t, info.max_pages - 1) == ST_OK)
        t->raised--;
    return ST_OK;
}

static int free_frame(void *source, uint64_t *ret)
{
    struct xen_target *t = source;
    uint64_t highest;
    int st = check_kind(t);
    if (st == ST_OK)
        st = target_highest_frame(t, &highest);
    if (st == ST_OK)
        *ret = highest + 1;
    return st;
}

const struct domain_ops xen_domain_ops = {.status = status,
                                          .tsc = tsc,
                                          .populate = populate,
                                          .remove = remove_frame,
                                          .free_frame = free_frame};

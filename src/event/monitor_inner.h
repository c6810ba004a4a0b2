/* SPDX-License-Identifier: BSD-2-Clause */
/* What the monitor's files share. */
#ifndef TINYVMI_EVENT_MONITOR_INNER_H
#define TINYVMI_EVENT_MONITOR_INNER_H

#include "event/monitor.h"

/* One thing that Xen was asked to trap, and how many hooks need it. */
struct trap_use {
    struct event_trap trap;
    unsigned users;
};

/* A frame that hooks restrict: open addressing by (gfn, view). */
struct frame {
    uint64_t gfn;
    uint16_t view;
    uint8_t access; /* as set */
    bool used;
    struct hook *hooks; /* by frame_next */
};

struct deferred {
    void (*fn)(struct monitor *m, void *data);
    void *data;
};

struct monitor {
    struct source *source;
    const struct event_ops *ops;
    void *events;
    struct diag *diag;
    struct event_capabilities caps;
    struct monitor_statistics stats;

    struct hook *hooks[EVENT_KINDS]; /* in the order of registration; memory: those of ranges */
    struct frame *frames;            /* a power of two of places */
    size_t nr_frames, cap_frames;
    uint64_t restricted_first, restricted_end; /* hull of what was restricted here in view 0 */
    struct trap_use *traps;
    size_t nr_traps, cap_traps;
    struct step_job *jobs;
    uint32_t *job_count;  /* by vCPU */
    uint8_t *steps;       /* by vCPU: as the source was told */
    uint32_t *after_step; /* by vCPU: the view to go to after the next step, plus 1; 0: none */
    bool steps_changed;   /* some vCPU's stepping is not what it should be */

    struct deferred *deferred;
    size_t nr_deferred, cap_deferred;
    size_t nr_leaving;

    struct event_request request; /* the one under way */
    bool in_hook, in_batch;
    unsigned vcpu; /* of the request */
};

/* ---- frames.c: memory rights -------------------------------------------------------------------
 */
MUST_USE int frames_add(struct monitor *m, struct hook *h);
MUST_USE int frames_remove(struct monitor *m, struct hook *h);
void frames_free(struct monitor *m);
/* Was this frame ever restricted by us? Else somebody before us did, who is gone. */
bool frames_ours(const struct monitor *m, uint64_t gfn, uint16_t view);
/* The first single-frame hook of this frame in this view, to be followed by `next`. */
struct hook *frames_find(const struct monitor *m, uint64_t gfn, uint16_t view);

/* ---- traps.c -----------------------------------------------------------------------------------
 */
MUST_USE int traps_add(struct monitor *m, const struct hook *h);
MUST_USE int traps_remove(struct monitor *m, const struct hook *h);
/* The single-step trap, which stays once it was needed. */
MUST_USE int traps_need_steps(struct monitor *m);

/* ---- steps.c -----------------------------------------------------------------------------------
 */
bool steps_wanted(const struct monitor *m, unsigned vcpu);
/* Tells the source what has changed for vCPUs that have no request under way. */
MUST_USE int steps_sync(struct monitor *m);
/* Counts jobs of the request's vCPU down. True: some job or hook took the step. */
bool steps_dispatch(struct monitor *m, struct event_request *q, struct event_reply *reply);
void steps_cancel_all(struct monitor *m);

/* Appends to an array that doubles; false: no memory. */
bool grow(void **array, size_t *cap, size_t n, size_t size);

#endif

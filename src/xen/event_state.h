/* SPDX-License-Identifier: BSD-2-Clause */
/* What src/xen's event files share: one guest's event channel, in our hands. */
#ifndef TINYVMI_XEN_EVENT_STATE_H
#define TINYVMI_XEN_EVENT_STATE_H

#include "xen/abi.h"
#include "xen/abi_event.h"
#include "xen/xen.h"

struct plat_guard;

enum { PATCHES = 4096 };

/* Bytes of the guest's memory that a monitor has changed: shared with the guard. */
struct patches {
    struct {
        uint64_t gpa;
        uint8_t original;
        bool used; /* set last, cleared first */
    } at[PATCHES];
};

struct xen_events {
    struct patches *patches; /* NULL: no memory for it */
    struct xen *x;
    uint32_t domain;
    struct diag *diag; /* the caller's */
    struct event_capabilities caps;
    const struct slot_abi *abi;

    int claim;                /* that this guest's events are ours; -1: none */
    struct plat_guard *guard; /* cleans up when this process dies; NULL: none */
    uint8_t *page;            /* the ring, mapped; NULL: not enabled */
    uint64_t ring_gfn;        /* in the guest's memory only while it is set up */
    struct event_ring ring;
    uint32_t port; /* ours */
    bool bound, enabled;
    bool foreign_channel; /* the program polls its own handle */

    uint8_t *stepping;   /* by vCPU, as after the answers that were given */
    bool denials;        /* writes to registers wait for the answer (CONTROL_REGISTERS) */
    uint64_t views;      /* bits of those that were made here */
    bool views_switched; /* altp2m was switched on here */
    bool listener_required;
    struct {
        uint64_t first, end;
    } restricted[64]; /* ranges of view 0 that are not free now; the last one may span others */
    unsigned nr_restricted;
    unsigned spins, spin_hits; /* does waiting in a loop pay? see wait */
};

/* The story of an errno, in e->diag. */
int events_fail(struct xen_events *e, long error, const char *what);

/* ---- event_patch.c ----------------------------------------------------------------------------
 */
MUST_USE int events_patched(void *events, uint64_t gpa, uint8_t original, bool on);
/* Puts back what is remembered, through mappings of this process' own. */
void events_unpatch(struct xen_events *e);

/* ---- monitor_op.c ---------------------------------------------------------------------------- */
MUST_USE int events_capabilities(struct xen *x, uint32_t domain, struct diag *d,
                                 struct event_capabilities *ret);
MUST_USE int events_trap(void *events, const struct event_trap *trap, bool on);
MUST_USE int events_step(void *events, unsigned vcpu, bool on);
MUST_USE int events_reinject(struct xen_events *e, const struct event_request *q, uint32_t length);
/* All traps that can be named off; without a story, for cleaning up. */
void events_untrap(struct xen_events *e);
const char *events_kind_refusal(const struct event_capabilities *c, enum event_kind kind);

/* ---- event_memory.c: rights of frames, views ---------------------------------------------------
 */
MUST_USE int events_access(void *events, const struct event_access *list, size_t n, size_t *done);
MUST_USE int events_get_access(void *events, uint16_t view, uint64_t gfn, uint8_t *ret);
MUST_USE int events_listener_required(void *events, bool on);
extern const struct view_ops xen_view_ops;
/* Frames free that were restricted here, all vCPUs in view 0, our views gone. `all`: views whoever
 * made them. Frames that a dead monitor has restricted are freed by Xen when they are touched. */
void events_release_memory(struct xen_events *e, bool all);

/* ---- event_setup.c: the ring's life ------------------------------------------------------------
 */
MUST_USE int events_enable(struct xen_events *e);
/* Answers what waits, switches all off, leaves the guest running. */
void events_wind_down(struct xen_events *e);
/* The ring in a fresh frame; -errno of Xen's in *error when enabling failed. The domain is paused.
 */
MUST_USE int events_set_up(struct xen_events *e, uint32_t *port, bool *added, long *error);
void events_unmap(struct xen_events *e);
void events_stop_steps(struct xen_events *e); /* of the vCPUs that e->stepping names */
/* event_takeover.c. EBUSY: is it a dead monitor's? Then it is cleaned up and ST_OK; ST_BUSY with
 * the story. */
MUST_USE int events_take_over(struct xen_events *e);
/* The same in a process that outlives a monitor: its own connection, the ring as it was left. */
void events_orphaned(struct xen_events *e);
MUST_USE long events_ring_op(struct xen_events *e, uint32_t op, uint32_t *port);

extern const struct event_ops xen_event_ops;

#endif

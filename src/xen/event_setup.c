/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring's life: made, taken over from a monitor that died, and given back so that the guest goes
 * on. What libxc does is in xen/tools/libs/ctrl/xc_vm_event.c, what Xen does in
 * xen/common/vm_event.c (4.10 to 4.22).
 *
 * The ring is a frame of the guest's which is taken out of its memory as soon as it is set up, so
 * that the guest cannot answer its own events. After that nobody can map it any more. That is why
 * a monitor has a guard: a process that has mapped the ring, too, and does nothing but wait for
 * the monitor's death; it then answers what waits and switches everything off.
 *
 * Without a guard (another program's monitor, or the guard was killed as well) a vCPU that waits
 * for an answer cannot get it: XEN_VM_EVENT_DISABLE does not resume it. But responses are matched
 * by vCPU alone, so a new ring can carry the answers that the old one never got.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/platform.h"
#include "xen/event_state.h"

int events_fail(struct xen_events *e, long error, const char *what)
{
    int st = xen_fail(e->x, error, e->domain, what);
    return diag_fail(e->diag, st, "%s", e->x->diag.text);
}

long events_ring_op(struct xen_events *e, uint32_t op, uint32_t *port)
{
    struct vm_event_call c = {.op = op, .mode = VM_EVENT_MODE_MONITOR};
    long v = xen_domctl(e->x, DOMCTL_VM_EVENT_OP, e->domain, &c, sizeof c);
    if (v >= 0 && port)
        *port = c.port;
    return v;
}

/* ---- the frame ------------------------------------------------------------------------------- */

/* One frame of the guest's added or removed; true when Xen did it. */
static bool change_frame(struct xen_events *e, unsigned command)
{
    uint64_t *frame = (uint64_t *)(void *)e->x->page[1];
    *frame = e->ring_gfn;
    struct xen_reservation r = {.frames = (uintptr_t)frame, .n = 1, .domain = (uint16_t)e->domain};
    return xen_memory_op(e->x, command, &r, sizeof r) == 1;
}

static uint8_t *map_ring(struct xen_events *e, int *failed)
{
    int error = 0;
    return plat_xen_map(e->x->plat, e->domain, &e->ring_gfn, 1, true, &error, failed);
}

static int find_frame(struct xen_events *e, bool *added)
{
    int failed = 0;
    int st = xen_param_get(e->x, e->domain, PARAM_MONITOR_RING, &e->ring_gfn);
    if (st != ST_OK)
        return diag_fail(e->diag, st, "%s", e->x->diag.text);
    if (!e->ring_gfn)
        return diag_fail(e->diag, ST_UNSUPPORTED,
                         "domain %u has no frame for events: its builder did not provide one",
                         (unsigned)e->domain);
    *added = false;
    e->page = map_ring(e, &failed);
    if (e->page)
        return ST_OK;
    if (failed == -EPERM || failed == -EACCES || failed == -ESRCH)
        return events_fail(e, failed, "mapping the frame for events");
    *added = change_frame(e, XENMEM_POPULATE_PHYSMAP);
    if (!*added)
        return diag_fail(e->diag, ST_NOMEM,
                         "domain %u: Xen gives no frame for events: is it at its memory limit? "
                         "(xl mem-max)",
                         (unsigned)e->domain);
    e->page = map_ring(e, &failed);
    return e->page ? ST_OK : events_fail(e, failed, "mapping the frame for events");
}

void events_unmap(struct xen_events *e)
{
    plat_xen_unmap(e->x->plat, e->page, 1);
    e->page = NULL;
}

int events_set_up(struct xen_events *e, uint32_t *port, bool *added, long *error)
{
    *error = 0;
    int st = find_frame(e, added);
    if (st != ST_OK)
        return st;
    ring_init(&e->ring, e->page, e->abi);
    *error = events_ring_op(e, VM_EVENT_ENABLE, port);
    if (*error >= 0) {
        e->enabled = true;
        return ST_OK;
    }
    events_unmap(e);
    if (*added)
        (void)change_frame(e, XENMEM_DECREASE_RESERVATION);
    return events_fail(e, *error, "switching events on");
}

/* ---- the guard ------------------------------------------------------------------------------- */

static int guard_ready(void *data)
{
    struct xen_events *e = data; /* a copy: this is another process */
    struct xen *x = calloc(1, sizeof *x);
    if (!x || xen_open(x) != ST_OK)
        return -ENODEV;
    e->x = x;
    e->page = map_ring(e, NULL);
    return e->page ? 0 : -ENOENT;
}

static void guard_orphaned(void *data)
{
    events_orphaned(data);
}

/* ---- making it ------------------------------------------------------------------------------- */

static int enable_paused(struct xen_events *e, uint32_t *port)
{
    bool added = false;
    long error;
    int st = events_set_up(e, port, &added, &error);
    if (st != ST_OK && error == -EBUSY) {
        st = events_take_over(e);
        if (st == ST_OK)
            st = events_set_up(e, port, &added, &error);
    }
    if (st != ST_OK)
        return st;
    e->patches = plat_xen_shared(sizeof *e->patches);
    /* Without a guard everything works but the end of a monitor that is killed. */
    (void)plat_xen_guard(e->claim, guard_ready, guard_orphaned, e, &e->guard);
    if (!change_frame(e, XENMEM_DECREASE_RESERVATION))
        return diag_fail(e->diag, ST_IO,
                         "domain %u: the frame for events cannot be taken out of the guest's "
                         "memory, where the guest could answer its own events",
                         (unsigned)e->domain);
    return ST_OK;
}

int events_enable(struct xen_events *e)
{
    uint32_t port = 0;
    int st = xen_domain_pause(e->x, e->domain);
    if (st != ST_OK)
        return diag_fail(e->diag, st, "%s", e->x->diag.text);
    st = enable_paused(e, &port);
    if (xen_domain_resume(e->x, e->domain) != ST_OK && st == ST_OK)
        st = diag_fail(e->diag, e->x->diag.code, "%s", e->x->diag.text);
    if (st != ST_OK)
        return st;
    int err = plat_xen_bind(e->x->plat, e->domain, port, &e->port);
    if (err)
        return events_fail(e, err, "binding the event channel (in dom0: modprobe xen-evtchn)");
    e->bound = true;
    return ST_OK;
}

/* ---- ending it ------------------------------------------------------------------------------- */

static void answer_all(struct xen_events *e)
{
    struct event_request q;
    const struct event_reply go_on = {0};
    const char *why;
    uint8_t *slot;
    while (ring_take(&e->ring)) {
    }
    while ((slot = ring_answering(&e->ring))) {
        if (slot_decode(e->abi, slot, e->caps.vcpus, &q) == ST_OK && q.kind == EVENT_DEBUG)
            (void)!events_reinject(e, &q, q.debug.insn_length);
        (void)slot_respond(e->abi, slot, &q, &go_on, false, &why);
        ring_answered(&e->ring);
    }
    if (ring_push(&e->ring))
        (void)!events_ring_op(e, VM_EVENT_RESUME, NULL);
}

static void sleep_ms(struct xen_events *e, unsigned ms)
{
    const uint64_t end = plat_now_ns() + ms * UINT64_C(1000000);
    uint32_t port;
    for (uint64_t now; (now = plat_now_ns()) < end;)
        (void)plat_xen_wait(e->x->plat, end - now, &port);
}

/*
 * Requests are answered until none comes any more. Where writes to registers wait for their answer,
 * each vCPU must have run once after it, or the write is lost with the ring (domctl.h says so of
 * CONTROL_REGISTERS): some milliseconds are enough for vCPUs that are not paused by somebody else.
 */
enum { DRAIN_ROUNDS = 64, SETTLE_ROUNDS = 10 };

static void drain(struct xen_events *e)
{
    unsigned quiet = 0;
    for (unsigned i = 0; i < DRAIN_ROUNDS && quiet < (e->denials ? SETTLE_ROUNDS : 1u); i++) {
        quiet = ring_pending(&e->ring) ? 0 : quiet + 1;
        answer_all(e);
        if (e->denials)
            sleep_ms(e, 1);
    }
}

void events_stop_steps(struct xen_events *e)
{
    for (unsigned v = 0; v < e->caps.vcpus && e->stepping; v++)
        if (e->stepping[v])
            (void)!events_step(e, v, false);
}

static void switch_off(struct xen_events *e, bool all)
{
    events_untrap(e);
    events_release_memory(e, all);
    events_stop_steps(e);
    long v = -EBUSY;
    for (unsigned i = 0; i < 3 && v == -EBUSY; i++) { /* EBUSY: vCPUs queue for a slot */
        drain(e);
        v = events_ring_op(e, VM_EVENT_DISABLE, NULL);
    }
    e->enabled = false;
}

void events_wind_down(struct xen_events *e)
{
    if (e->bound)
        (void)plat_xen_unbind(e->x->plat, e->port);
    e->bound = false;
    if (e->enabled)
        switch_off(e, false);
    events_unmap(e);
    plat_xen_guard_end(e->guard);
    e->guard = NULL;
    plat_xen_shared_free(e->patches, sizeof *e->patches);
    e->patches = NULL;
}

void events_orphaned(struct xen_events *e)
{
    ring_attach(&e->ring, e->page, e->abi);
    events_unpatch(e); /* before vCPUs that wait at a breakpoint go on */
    e->denials = true; /* it may have asked for them after we were made */
    e->stepping = malloc(e->caps.vcpus);
    if (e->stepping)
        memset(e->stepping, true, e->caps.vcpus);
    switch_off(e, true);
}

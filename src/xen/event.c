/* SPDX-License-Identifier: BSD-2-Clause */
/* A Xen guest's events, as event/event.h wants them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/platform.h"
#include "source/source.h"
#include "xen/event_state.h"

/* ---- life ------------------------------------------------------------------------------------ */

static int capabilities(const struct source *source, struct diag *d, struct event_capabilities *ret)
{
    uint32_t domain;
    struct xen *x = xen_of_source(source, &domain);
    if (!x)
        return diag_fail(d, ST_UNSUPPORTED, "not a Xen guest");
    return events_capabilities(x, domain, d, ret);
}

static void close_events(void *events)
{
    struct xen_events *e = events;
    if (!e)
        return;
    events_wind_down(e);
    plat_xen_unclaim(e->claim);
    free(e->stepping);
    free(e);
}

static int claim(struct xen_events *e)
{
    char name[32], owner[96] = "";
    snprintf(name, sizeof name, "xen-%u", (unsigned)e->domain);
    int err = plat_xen_claim(name, owner, sizeof owner, &e->claim);
    if (err == -EBUSY)
        return diag_fail(e->diag, ST_BUSY,
                         "domain %u: its events belong to another monitor: %s. End it first: there "
                         "is one monitor a domain",
                         (unsigned)e->domain, owner);
    return ST_OK; /* a home without a place for claims does without them */
}

static int open_in(struct xen_events *e, void *channel)
{
    int st = events_capabilities(e->x, e->domain, e->diag, &e->caps);
    if (st != ST_OK)
        return st;
    e->abi = slot_abi_of(e->caps.interface);
    if (!e->caps.kinds || !e->abi)
        return diag_fail(e->diag, ST_UNSUPPORTED, "domain %u has no events: %s",
                         (unsigned)e->domain,
                         e->caps.reason[0] ? e->caps.reason : "Xen names none");
    e->stepping = calloc(e->caps.vcpus, 1);
    if (!e->stepping)
        return diag_fail(e->diag, ST_NOMEM, "no memory for %u vCPUs", e->caps.vcpus);
    if (channel) {
        int err = plat_xen_adopt_events(e->x->plat, channel);
        if (err)
            return diag_fail(e->diag, ST_UNSUPPORTED,
                             "the program's event-channel handle cannot be used: libxenevtchn is "
                             "not linked into it as a shared library");
        e->foreign_channel = true;
    }
    st = claim(e);
    return st == ST_OK ? events_enable(e) : st;
}

static int open_events(const struct source *source, void *channel, struct diag *d, void **ret)
{
    uint32_t domain;
    struct xen *x = xen_of_source(source, &domain);
    struct xen_events *e = x ? calloc(1, sizeof *e) : NULL;
    if (!e)
        return x ? diag_fail(d, ST_NOMEM, "no memory for events")
                 : diag_fail(d, ST_UNSUPPORTED, "not a Xen guest");
    e->x = x;
    e->domain = domain;
    e->diag = d;
    e->claim = -1;
    int st = open_in(e, channel);
    if (st != ST_OK) {
        close_events(e);
        return st;
    }
    *ret = e;
    return ST_OK;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void respond_plain(struct xen_events *e, uint8_t *slot, const struct event_request *q)
{
    const struct event_reply go_on = {0};
    const char *why;
    (void)slot_respond(e->abi, slot, q, &go_on, false, &why);
    ring_answered(&e->ring);
}

static int next(void *events, struct event_request *ret)
{
    struct xen_events *e = events;
    if (ring_answering(&e->ring))
        return diag_fail(e->diag, ST_INVALID, "a request has not been answered yet");
    uint8_t *slot = ring_take(&e->ring);
    if (!slot)
        return ST_ABSENT;
    ret->id = e->ring.taken;
    if (slot_decode(e->abi, slot, e->caps.vcpus, ret) == ST_OK)
        return ST_OK;
    respond_plain(e, slot, ret);
    return diag_fail(e->diag, ST_BROKEN,
                     "Xen's event ring had a slot that makes no sense (version %u, reason %u, vCPU "
                     "%u): it was answered so that the vCPU goes on",
                     le32(slot), le32(slot + 8), ret->vcpu);
}

static const char *unable(const struct xen_events *e, uint32_t flags)
{
    if (flags & REPLY_DENY && !e->denials)
        return "the register's event was not registered so that writes wait for the answer";
    if (flags & ~(e->caps.replies | REPLY_STEP_OFF))
        return "this Xen, or this processor, cannot do it";
    return NULL;
}

static int answer(void *events, const struct event_request *q, const struct event_reply *reply)
{
    struct xen_events *e = events;
    uint8_t *slot = ring_answering(&e->ring);
    if (!slot || q->id != e->ring.answered + 1)
        return diag_fail(e->diag, ST_INVALID, "not the request whose turn it is");
    uint8_t *stepping = &e->stepping[q->vcpu]; /* next checked the number */
    bool on = reply->flags & REPLY_STEP_ON    ? true
              : reply->flags & REPLY_STEP_OFF ? false
                                              : *stepping;
    bool toggle = on != *stepping && q->paused;
    const char *why = unable(e, reply->flags);
    if (why) {
        respond_plain(e, slot, q);
        return diag_fail(e->diag, ST_UNSUPPORTED, "a reply to a %s event was not carried out: %s",
                         event_kind_name(q->kind), why);
    }
    int st = slot_respond(e->abi, slot, q, reply, toggle, &why);
    ring_answered(&e->ring);
    if (st != ST_OK)
        return diag_fail(e->diag, st, "a reply to a %s event was not carried out: %s",
                         event_kind_name(q->kind), why);
    if (toggle)
        *stepping = on;
    if (reply->flags & REPLY_FAST_STEP)
        *stepping = false; /* Xen ends it by itself */
    if (!(reply->flags & REPLY_REINJECT))
        return ST_OK;
    return events_reinject(e, q, reply->insn_length);
}

static int flush(void *events)
{
    struct xen_events *e = events;
    if (!ring_push(&e->ring))
        return ST_OK;
    int err = plat_xen_notify(e->x->plat, e->port);
    return err ? events_fail(e, err, "notifying Xen of answers") : ST_OK;
}

static unsigned pending(void *events)
{
    struct xen_events *e = events;
    return ring_pending(&e->ring);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/*
 * A vCPU that was let go raises its next event within microseconds where it runs on another
 * processor: looking at the ring for that long costs less than going to sleep and being woken. It
 * is given up for a while where it does not pay (one processor, rare events). Looks are counted,
 * not timed: in a PV dom0 asking for the time may cost as much as an event.
 */
enum { SPIN_LOOKS = 4000, SPIN_SAMPLE = 16, SPIN_PAUSE = 1024 };

static bool spin(struct xen_events *e)
{
    if (e->spins >= SPIN_SAMPLE) { /* not now */
        if (++e->spins < SPIN_SAMPLE + SPIN_PAUSE)
            return false;
        e->spins = e->spin_hits = 0;
    }
    bool hit = false;
    for (unsigned i = 0; i < SPIN_LOOKS && !hit; i++) {
        hit = ring_pending(&e->ring) != 0;
        plat_xen_relax();
    }
    e->spin_hits += hit;
    if (++e->spins == SPIN_SAMPLE && e->spin_hits * 4 >= SPIN_SAMPLE)
        e->spins = e->spin_hits = 0; /* it pays */
    return hit;
}

static int check_alive(struct xen_events *e)
{
    struct xen_domain_info info;
    int st = xen_domain_info(e->x, e->domain, &info);
    if (st == ST_OK && !info.dying && !info.shutdown)
        return ST_ABSENT;
    return diag_fail(e->diag, ST_IO, "domain %u has %s: there will be no more events",
                     (unsigned)e->domain,
                     st != ST_OK || info.dying ? "been destroyed" : "shut down");
}

enum { LOOK_NS = 1000000000 }; /* Xen tells nobody that a channel's other end is gone */

static int wait(void *events, uint64_t timeout_ns)
{
    struct xen_events *e = events;
    if (ring_pending(&e->ring))
        return ST_OK;
    if (e->foreign_channel) {
        if (timeout_ns)
            plat_xen_unmask(e->x->plat, e->port);
        return ring_pending(&e->ring) ? ST_OK : ST_ABSENT;
    }
    if (timeout_ns && spin(e))
        return ST_OK;
    /* Up to a second in one piece, without looking at the clock; more in pieces. */
    const bool whole = timeout_ns <= LOOK_NS;
    const uint64_t end = whole || timeout_ns == UINT64_MAX ? 0 : plat_now_ns() + timeout_ns;
    for (;;) {
        const uint64_t began = whole ? 0 : plat_now_ns();
        const uint64_t left = whole ? timeout_ns : end ? end - MIN_OF(end, began) : LOOK_NS;
        const uint64_t piece = MIN_OF(left, (uint64_t)LOOK_NS);
        uint32_t port;
        int v = plat_xen_wait(e->x->plat, piece, &port);
        if (ring_pending(&e->ring) || v == 2)
            return ST_OK;
        if (v == 0 && timeout_ns && check_alive(e) != ST_ABSENT)
            return ST_IO;
        if (v == 0 && (whole || !left || plat_now_ns() - began < piece))
            return ST_ABSENT; /* time is over; a signal */
    }
}

static int descriptor(void *events)
{
    struct xen_events *e = events;
    return e->foreign_channel ? -1 : plat_xen_event_fd(e->x->plat);
}

const struct event_ops xen_event_ops = {
    .capabilities = capabilities,
    .open = open_events,
    .close = close_events,
    .trap = events_trap,
    .access = events_access,
    .get_access = events_get_access,
    .step = events_step,
    .listener_required = events_listener_required,
    .patched = events_patched,
    .view = &xen_view_ops,
    .next = next,
    .answer = answer,
    .flush = flush,
    .pending = pending,
    .wait = wait,
    .fd = descriptor,
};

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring that is taken: by a monitor that lives, or left behind by one that died?
 *
 * Xen's own end of the ring's event channel is a port of the guest's. Where a monitor lives, some
 * domain holds the other end; where it died, nobody does. Xen 4.15 to 4.19 answer EACCES for such a
 * port (seen on 4.17), others show it like any other (seen on 4.14 and 4.20). There, those that the
 * guest uses itself must be told apart: xenstore's and the console's, those of its devices, which
 * it names in xenstore, and those of a device model. In doubt the monitor lives.
 *
 * What is not seen through: a guest that names the port of a living monitor as its own device's,
 * and has an unbound one. It would make us take the ring from that monitor; ours are safe, since
 * they hold a claim (platform/xen.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "xen/event_state.h"

enum { PORTS_MAX = 4096, PARAM_STORE_PORT = 2, PARAM_CONSOLE_PORT = 18, DEVICE_DEPTH = 3 };

static long channel_status(struct xen_events *e, uint32_t domain, uint32_t port,
                           struct evtchn_status_call *ret)
{
    *ret = (struct evtchn_status_call){.domain = (uint16_t)domain, .port = port};
    memcpy(e->x->page[1], ret, sizeof *ret);
    long v = plat_xen_hypercall(e->x->plat, HYPERCALL_EVENT_CHANNEL_OP, EVTCHNOP_STATUS,
                                (uintptr_t)e->x->page[1], 0, 0, 0);
    memcpy(ret, e->x->page[1], sizeof *ret);
    return v;
}

/* Which domain holds the other end of this port of the guest's; DOMID_NONE: none. */
static uint32_t holder_of(struct xen_events *e, uint32_t port)
{
    struct xen_domain_info info = {0};
    struct evtchn_status_call s;
    for (uint32_t d = 0; xen_domain_next(e->x, d, &info) == ST_OK; d = info.id + 1) {
        for (uint32_t p = 1; info.id != e->domain && p < PORTS_MAX; p++) {
            long v = channel_status(e, info.id, p, &s);
            if (v == -EINVAL)
                break;
            if (v >= 0 && s.status == EVTCHN_INTERDOMAIN && s.remote == e->domain &&
                s.remote_port == port)
                return info.id;
        }
    }
    return DOMID_NONE;
}

/* ---- the guest's own ports
 * ------------------------------------------------------------------------ */

struct ports {
    struct xen_events *e;
    uint8_t own[PORTS_MAX / 8];
    /* names of one folder: xenstore answers one question at a time */
    char names[64][32];
    unsigned n;
};

static void note(struct ports *p, uint64_t port)
{
    if (port < PORTS_MAX)
        p->own[port / 8] |= (uint8_t)(1u << port % 8);
}

static bool is_own(const struct ports *p, uint32_t port)
{
    return p->own[port / 8] >> port % 8 & 1;
}

static int keep_name(void *data, const char *name)
{
    struct ports *p = data;
    if (p->n < ARRAY_LEN(p->names) && strlen(name) < sizeof p->names[0])
        memcpy(p->names[p->n++], name, strlen(name) + 1);
    return 0;
}

/* device/CLASS/NUMBER/event-channel, and queues one level below: depth-bounded. */
static void note_devices(struct ports *p, const char *path, unsigned depth)
{
    struct ports *list = calloc(1, sizeof *list);
    char child[160], value[24];
    size_t n;
    if (list && xen_store_list(p->e->x, path, keep_name, list) == ST_OK) {
        for (unsigned i = 0; i < list->n; i++) {
            int len = snprintf(child, sizeof child, "%s/%s", path, list->names[i]);
            if (len < 0 || (size_t)len >= sizeof child)
                continue;
            if (strncmp(list->names[i], "event-channel", 13) == 0 &&
                xen_store_read(p->e->x, child, value, sizeof value, &n) == ST_OK)
                note(p, strtoull(value, NULL, 10));
            else if (depth < DEVICE_DEPTH)
                note_devices(p, child, depth + 1);
        }
    }
    free(list);
}

static void find_own(struct ports *p)
{
    static const uint32_t params[] = {PARAM_STORE_PORT, PARAM_CONSOLE_PORT};
    char path[48];
    uint64_t port;
    for (size_t i = 0; i < ARRAY_LEN(params); i++)
        if (xen_param_get(p->e->x, p->e->domain, params[i], &port) == ST_OK)
            note(p, port);
    snprintf(path, sizeof path, "/local/domain/%u/device", (unsigned)p->e->domain);
    note_devices(p, path, 0);
}

/* ---- does it live?
 * --------------------------------------------------------------------------------- */

static int lives(struct xen_events *e, uint32_t holder)
{
    if (holder == DOMID_NONE)
        return diag_fail(e->diag, ST_BUSY,
                         "domain %u: another monitor has its events, and whether it still lives "
                         "cannot be told from here. End it first",
                         (unsigned)e->domain);
    return diag_fail(e->diag, ST_BUSY,
                     "domain %u: another monitor (a program in domain %u that is not TinyVMI's: "
                     "xen-access, LibVMI, ...) has its events, and lives. End it first: there is "
                     "one monitor a domain",
                     (unsigned)e->domain, (unsigned)holder);
}

/* Device models of HVM guests have a channel for each vCPU, and one more. */
static unsigned model_ports(struct xen_events *e)
{
    struct xen_domain_info info;
    if (xen_domain_info(e->x, e->domain, &info) != ST_OK || info.kind != XEN_HVM)
        return 0;
    return e->caps.vcpus + 1;
}

/* ST_OK: the ring was left behind. */
static int check_holder(struct xen_events *e)
{
    struct evtchn_status_call s;
    uint32_t holder = DOMID_NONE;
    unsigned others = 0, unbound = 0, hidden = 0, orphans = 0;
    struct ports *own = calloc(1, sizeof *own);
    if (!own)
        return diag_fail(e->diag, ST_NOMEM, "no memory to look at event channels");
    own->e = e;
    find_own(own);
    for (uint32_t p = 1; p < PORTS_MAX; p++) {
        long v = channel_status(e, e->domain, p, &s);
        if (v == -EINVAL || v == -EPERM)
            break;
        if (v == -EACCES) {
            uint32_t h = holder_of(e, p);
            hidden++;
            orphans += h == DOMID_NONE;
            holder = h != DOMID_NONE ? h : holder;
        }
        if (v < 0 || is_own(own, p))
            continue;
        if (s.status == EVTCHN_UNBOUND && s.remote != e->domain)
            unbound++;
        if (s.status == EVTCHN_INTERDOMAIN && s.remote != e->domain) {
            others++;
            holder = s.remote;
        }
    }
    free(own);
    if (hidden ? orphans : unbound && others <= model_ports(e))
        return ST_OK;
    return lives(e, holder);
}

/* ---- taking over
 * ------------------------------------------------------------------------------------ */

/* Answers to requests that are lost: a vCPU that waits for nothing ignores them. */
enum { RELEASES = 8 };

static void release_vcpus(struct xen_events *e)
{
    unsigned n = 0, all = e->caps.vcpus * RELEASES;
    for (unsigned i = 0; i < all; i++) {
        uint32_t at = (e->ring.answered + n) & (e->ring.slots - 1);
        slot_release(e->abi, e->page + RING_HEADER + (size_t)at * e->abi->size, i / RELEASES);
        if (++n < e->ring.slots && i + 1 < all)
            continue;
        e->ring.answered += n;
        e->ring.taken = e->ring.answered;
        n = 0;
        if (ring_push(&e->ring))
            (void)!events_ring_op(e, VM_EVENT_RESUME, NULL);
    }
}

static int disable(struct xen_events *e)
{
    long v = events_ring_op(e, VM_EVENT_DISABLE, NULL);
    if (v == -EBUSY)
        return diag_fail(e->diag, ST_BUSY,
                         "domain %u: a monitor died while vCPUs queued for its ring; they can only "
                         "be freed by destroying the domain (xl destroy)",
                         (unsigned)e->domain);
    return v < 0 ? events_fail(e, v, "switching off what a monitor that died has left") : ST_OK;
}

int events_take_over(struct xen_events *e)
{
    uint32_t port;
    bool added;
    long error;
    int st = check_holder(e);
    if (st == ST_OK)
        st = disable(e);
    if (st == ST_OK)
        st = events_set_up(e, &port, &added, &error);
    if (st != ST_OK)
        return st;
    release_vcpus(e);
    events_release_memory(e, true);
    if (e->caps.kinds & 1u << EVENT_STEP) {
        memset(e->stepping, true, e->caps.vcpus);
        events_stop_steps(e);
    }
    st = disable(e);
    e->enabled = false;
    events_unmap(e);
    return st;
}

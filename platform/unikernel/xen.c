/* SPDX-License-Identifier: BSD-2-Clause */
/* platform/xen.h, answered by the machine itself: no devices, no descriptors, no copies. */
#include "guest.h"

#include <xen-public/event_channel.h>
#include <xen-public/memory.h>

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"
#include "platform/xen.h"

enum { MOST_PORTS = 32 };

struct plat_xen {
    int store; /* our number as a user of xenstore; -1: not yet */
    unsigned ports;
    uint32_t port[MOST_PORTS];
    uint32_t masked; /* the port that plat_xen_wait answered last; 0: none */
    bool stop_told;
    unsigned next; /* whose turn it is, so that a busy one does not starve the rest */
    struct mapping {
        struct mapping *next;
        void *p;
        size_t n;
    } * mappings;
};

int plat_xen_open(struct plat_xen **ret, char *where, size_t where_size)
{
    struct plat_xen *x = calloc(1, sizeof *x);
    if (where && where_size)
        where[0] = 0;
    if (!x)
        return -ENOMEM;
    x->store = -1;
    *ret = x;
    return 0;
}

void plat_xen_close(struct plat_xen *x)
{
    if (!x)
        return;
    while (x->mappings)
        plat_xen_unmap(x, x->mappings->p, x->mappings->n);
    while (x->ports)
        plat_xen_unbind(x, x->port[0]);
    plat_xen_store_close(x);
    free(x);
}

long plat_xen_hypercall(struct plat_xen *x, unsigned op, uint64_t a1, uint64_t a2, uint64_t a3,
                        uint64_t a4, uint64_t a5)
{
    (void)x;
    return op < PAGE / 32 ? hypercall(op, a1, a2, a3, a4, a5) : -ENOSYS;
}

/* Any memory of ours will do: Xen reads it through our page tables. */
void *plat_xen_buffer(struct plat_xen *x, size_t bytes)
{
    (void)x;
    size_t n = (bytes + PAGE - 1) / PAGE * PAGE;
    if (n < bytes)
        return NULL;
    void *p = memalign(PAGE, n);
    return p ? memset(p, 0, n) : NULL;
}

void plat_xen_buffer_free(struct plat_xen *x, void *p, size_t bytes)
{
    (void)x;
    (void)bytes;
    free(p);
}

/* ---- other domains' frames ------------------------------------------------------------------- */

void *plat_xen_map(struct plat_xen *x, uint32_t domain, const uint64_t *frames, size_t n,
                   bool writable, int *error, int *failed)
{
    struct mapping *m = malloc(sizeof *m);
    void *p = NULL;
    int st = m ? window_map(domain, frames, n, writable, error, &p) : -ENOMEM;
    if (st) {
        free(m);
        if (failed)
            *failed = st;
        return NULL;
    }
    *m = (struct mapping){x->mappings, p, n};
    x->mappings = m;
    return p;
}

void plat_xen_unmap(struct plat_xen *x, void *p, size_t n)
{
    for (struct mapping **at = &x->mappings; *at; at = &(*at)->next) {
        struct mapping *m = *at;
        if (m->p != p)
            continue;
        *at = m->next;
        window_unmap(p, n);
        free(m);
        return;
    }
}

const uint64_t *plat_xen_m2p(struct plat_xen *x, size_t *entries)
{
    (void)x;
    struct xen_machphys_mapping m;
    if (hypercall(__HYPERVISOR_memory_op, XENMEM_machphys_mapping, PTR(&m), 0, 0, 0) != 0)
        return NULL;
    *entries = m.max_mfn + 1;
    return (const uint64_t *)m.v_start;
}

/* ---- event channels -------------------------------------------------------------------------- */

static int add_port(struct plat_xen *x, uint32_t port, uint32_t *ret)
{
    x->port[x->ports++] = port;
    event_take(port);
    event_unmask(port);
    *ret = port;
    return 0;
}

int plat_xen_bind(struct plat_xen *x, uint32_t domain, uint32_t remote_port, uint32_t *ret)
{
    struct evtchn_bind_interdomain bind = {.remote_dom = (domid_t)domain,
                                           .remote_port = remote_port};
    if (x->ports == MOST_PORTS)
        return -ENOSPC;
    long st =
        hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, PTR(&bind), 0, 0, 0);
    return st ? (int)st : add_port(x, bind.local_port, ret);
}

int plat_xen_bind_virq(struct plat_xen *x, unsigned virq, uint32_t *ret)
{
    struct evtchn_bind_virq bind = {.virq = virq, .vcpu = 0};
    if (x->ports == MOST_PORTS)
        return -ENOSPC;
    long st = hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, PTR(&bind), 0, 0, 0);
    return st ? (int)st : add_port(x, bind.port, ret);
}

int plat_xen_unbind(struct plat_xen *x, uint32_t port)
{
    for (unsigned i = 0; i < x->ports; i++) {
        if (x->port[i] != port)
            continue;
        x->port[i] = x->port[--x->ports];
        x->masked = x->masked == port ? 0 : x->masked;
        event_mask(port);
        struct evtchn_close close = {.port = port};
        return (int)hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_close, PTR(&close), 0, 0, 0);
    }
    return -EINVAL;
}

int plat_xen_notify(struct plat_xen *x, uint32_t port)
{
    (void)x;
    struct evtchn_send send = {.port = port};
    return (int)hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, PTR(&send), 0, 0, 0);
}

int plat_xen_wait(struct plat_xen *x, uint64_t timeout_ns, uint32_t *port)
{
    uint64_t now = timeout_ns == UINT64_MAX ? 0 : plat_now_ns();
    uint64_t until = timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
    if (x->masked)
        event_unmask(x->masked);
    x->masked = 0;
    for (;;) {
        for (unsigned i = 0; i < x->ports; i++) {
            unsigned at = (x->next + i) % x->ports;
            if (event_take(x->port[at])) {
                x->next = at + 1;
                event_mask(x->port[at]);
                x->masked = x->port[at];
                *port = x->port[at];
                return 1;
            }
        }
        if (x->store >= 0 && store_has_bytes(x->store))
            return 2;
        if (own_stop_requested() && !x->stop_told) { /* as a signal would end the wait, once */
            x->stop_told = true;
            return 0;
        }
        if (until != UINT64_MAX && plat_now_ns() >= until)
            return 0;
        event_block(until);
    }
}

int plat_xen_event_fd(struct plat_xen *x)
{
    (void)x;
    return -1;
}

int plat_xen_adopt_events(struct plat_xen *x, void *handle)
{
    (void)x;
    (void)handle;
    return -ENOSYS; /* there is no libxenevtchn whose handle it could be */
}

void plat_xen_unmask(struct plat_xen *x, uint32_t port)
{
    (void)x;
    event_unmask(port);
}

void plat_xen_relax(void)
{
    __builtin_ia32_pause();
}

/* ---- what outlives the program: nothing does, the domain is the program ------------------------
 */

int plat_xen_claim(const char *name, char *owner, size_t size, int *ret)
{
    (void)name;
    (void)owner;
    (void)size;
    *ret = -1; /* Xen itself lets one have a ring; there is nobody else in here */
    return 0;
}

void plat_xen_unclaim(int claim)
{
    (void)claim;
}

/*
 * There is no other process that could clean up, but the machine has a last moment of its own: when
 * the program crashes or ends, guards_run does it. Only "xl destroy" leaves no such moment.
 */
struct plat_guard {
    struct plat_guard *next;
    void (*orphaned)(void *data);
    void *data;
};

static struct plat_guard *guards;

int plat_xen_guard(int claim, int (*ready)(void *data), void (*orphaned)(void *data), void *data,
                   struct plat_guard **ret)
{
    (void)claim;
    (void)ready; /* it makes ready another process's copy of `data` */
    struct plat_guard *g = malloc(sizeof *g);
    if (!g)
        return -ENOMEM;
    *g = (struct plat_guard){guards, orphaned, data};
    guards = *ret = g;
    return 0;
}

void *plat_xen_shared(size_t bytes)
{
    return calloc(1, bytes); /* the guard runs in this very memory */
}

void plat_xen_shared_free(void *p, size_t bytes)
{
    (void)bytes;
    free(p);
}

void plat_xen_guard_end(struct plat_guard *g)
{
    for (struct plat_guard **at = &guards; *at && g; at = &(*at)->next) {
        if (*at != g)
            continue;
        *at = g->next;
        free(g);
        return;
    }
}

void guards_run(void)
{
    while (guards) {
        struct plat_guard *g = guards;
        guards = g->next; /* first: if this one crashes, it is not tried again */
        g->orphaned(g->data);
    }
}

/* ---- xenstore -------------------------------------------------------------------------------- */

static int store_user(struct plat_xen *x)
{
    if (x->store < 0)
        x->store = store_attach();
    return x->store < 0 ? -ENOENT : 0;
}

long plat_xen_store_write(struct plat_xen *x, const void *p, size_t n)
{
    int st = store_user(x);
    return st ? st : store_send(x->store, p, n);
}

long plat_xen_store_read(struct plat_xen *x, void *p, size_t n, uint64_t timeout_ns)
{
    int st = store_user(x);
    return st ? st : store_receive(x->store, p, n, timeout_ns);
}

void plat_xen_store_close(struct plat_xen *x)
{
    if (x->store >= 0)
        store_detach(x->store);
    x->store = -1;
}

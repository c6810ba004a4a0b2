/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rights of frames (XENMEM_access_op) and second-level views (HVMOP_altp2m).
 *
 * View 0 is the guest's ordinary table: Xen treats its rights as the host's. Rights of other views
 * are set one by one or, from 4.11 on, by lists.
 */
#include <errno.h>
#include <stdio.h>

#include "xen/event_state.h"

/* ---- rights ---------------------------------------------------------------------------------- */

/* XENMEM_access_* that leaves everything but these accesses allowed. Writes without reads and
 * nothing-but-writes do not exist in EPT. */
enum { XEN_N, XEN_R, XEN_W, XEN_RW, XEN_X, XEN_RX, XEN_WX, XEN_RWX, XEN_RX2RW, XEN_N2RWX };

static const struct {
    uint8_t access, xen;
} rights[] = {
    {ACCESS_NONE, XEN_RWX},       {ACCESS_W, XEN_RX},           {ACCESS_X, XEN_RW},
    {ACCESS_R | ACCESS_W, XEN_X}, {ACCESS_W | ACCESS_X, XEN_R}, {ACCESS_RWX, XEN_N},
    {ACCESS_W2X, XEN_RX2RW},      {ACCESS_RWX2N, XEN_N2RWX},
};

static int to_xen(struct xen_events *e, uint8_t access, uint8_t *ret)
{
    if (access == ACCESS_DEFAULT) {
        *ret = e->x->abi->access_default;
        return ST_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(rights); i++) {
        if (rights[i].access != access)
            continue;
        *ret = rights[i].xen;
        return ST_OK;
    }
    return diag_fail(e->diag, ST_UNSUPPORTED,
                     "Intel's second-level tables cannot allow writing without reading: ask for "
                     "reads together with writes");
}

static uint8_t from_xen(uint8_t xen)
{
    for (size_t i = 0; i < ARRAY_LEN(rights); i++)
        if (rights[i].xen == xen)
            return rights[i].access;
    return xen == XEN_W ? ACCESS_R | ACCESS_X : xen == XEN_WX ? ACCESS_R : ACCESS_NONE;
}

static int need_memory(struct xen_events *e)
{
    if (e->caps.kinds & 1u << EVENT_MEMORY)
        return ST_OK;
    return diag_fail(e->diag, ST_UNSUPPORTED, "%s has no memory events here: %s", e->caps.platform,
                     events_kind_refusal(&e->caps, EVENT_MEMORY));
}

static int access_fail(struct xen_events *e, long error, const struct event_access *a)
{
    char what[120];
    snprintf(what, sizeof what, "setting the rights of %llu frames from %#llx on in view %u",
             (unsigned long long)a->n, (unsigned long long)a->first, a->view);
    int st = events_fail(e, error, what);
    if (error == -EINVAL)
        return diag_fail(e->diag, ST_INVALID,
                         "%s: a frame lies beyond the guest's memory, or there "
                         "is no such view",
                         what);
    return st;
}

static long set_host(struct xen_events *e, uint64_t first, uint64_t n, uint8_t xen)
{
    long v = 0;
    while (n && v >= 0) {
        uint32_t now = (uint32_t)MIN_OF(n, UINT64_C(1) << 30);
        struct access_call c = {.op = ACCESS_OP_SET,
                                .access = xen,
                                .domain = (uint16_t)e->domain,
                                .n = now,
                                .first = first};
        v = xen_memory_op(e->x, MEMOP_ACCESS, &c, sizeof c);
        first += now;
        n -= now;
    }
    return v;
}

static long altp2m(struct xen_events *e, struct altp2m_call *c, uint32_t command)
{
    c->version = 1;
    c->command = command;
    c->domain = (uint16_t)e->domain;
    return xen_hvm_op(e->x, HVMOP_ALTP2M, c, sizeof *c);
}

/* Lists of frames and rights for one call, in the second hypercall page. */
enum { LIST_MAX = 448, LIST_RIGHTS = LIST_MAX * 8 };

static long set_view_list(struct xen_events *e, uint16_t view, uint64_t first, uint32_t n,
                          uint8_t xen)
{
    uint8_t *page = e->x->page[1];
    for (uint32_t i = 0; i < n; i++) {
        uint64_t gfn = first + i;
        memcpy(page + 8 * i, &gfn, 8);
        page[LIST_RIGHTS + i] = xen;
    }
    struct altp2m_call c = {.multi = {.view = view,
                                      .n = n,
                                      .frames = (uintptr_t)page,
                                      .rights = (uintptr_t)(page + LIST_RIGHTS)}};
    return altp2m(e, &c, ALTP2M_SET_ACCESS_MULTI);
}

static long set_view(struct xen_events *e, uint16_t view, uint64_t first, uint64_t n, uint8_t xen)
{
    bool lists = e->x->major > 4 || e->x->minor >= 11;
    long v = 0;
    while (n && v >= 0) {
        uint32_t now = lists && n > 1 ? (uint32_t)MIN_OF(n, LIST_MAX) : 1;
        if (now > 1) {
            v = set_view_list(e, view, first, now, xen);
        } else {
            struct altp2m_call c = {.access = {.view = view, .access = xen, .gfn = first}};
            v = altp2m(e, &c, ALTP2M_SET_ACCESS);
        }
        first += now;
        n -= now;
    }
    return v;
}

/* Which frames of view 0 are to be freed at the end. */
static void remember(struct xen_events *e, const struct event_access *a)
{
    const uint64_t end = a->first + a->n;
    unsigned kept = 0;
    if (a->view || !a->n)
        return;
    for (unsigned i = 0; i < e->nr_restricted; i++) { /* what lies within is known better now */
        if (e->restricted[i].first >= a->first && e->restricted[i].end <= end)
            continue;
        e->restricted[kept++] = e->restricted[i];
    }
    e->nr_restricted = kept;
    if (!a->access)
        return;
    if (kept < ARRAY_LEN(e->restricted)) {
        e->restricted[kept].first = a->first;
        e->restricted[kept].end = end;
        e->nr_restricted++;
        return;
    }
    kept--;
    e->restricted[kept].first = MIN_OF(e->restricted[kept].first, a->first);
    e->restricted[kept].end = MAX_OF(e->restricted[kept].end, end);
}

int events_access(void *events, const struct event_access *list, size_t n, size_t *done)
{
    struct xen_events *e = events;
    int st = need_memory(e);
    size_t i = 0;
    for (; i < n && st == ST_OK; i++) {
        const struct event_access *a = &list[i];
        uint64_t end;
        uint8_t xen = XEN_RWX;
        if (!add_fits(a->first, a->n, &end) || end > UINT64_C(1) << 40) {
            st = diag_fail(e->diag, ST_INVALID, "frames %#llx and on: there are no such frames",
                           (unsigned long long)a->first);
            break;
        }
        st = to_xen(e, a->access, &xen);
        if (st != ST_OK)
            break;
        if (a->access)
            remember(e, a); /* also when it fails half-way */
        long v =
            a->view ? set_view(e, a->view, a->first, a->n, xen) : set_host(e, a->first, a->n, xen);
        if (v < 0) {
            st = access_fail(e, v, a);
            break;
        }
        remember(e, a);
    }
    if (done)
        *done = i;
    return st;
}

int events_get_access(void *events, uint16_t view, uint64_t gfn, uint8_t *ret)
{
    struct xen_events *e = events;
    struct access_call c = {.op = ACCESS_OP_GET, .domain = (uint16_t)e->domain, .first = gfn};
    struct altp2m_call a = {.access = {.view = view, .gfn = gfn}};
    int st = need_memory(e);
    if (st != ST_OK)
        return st;
    long v =
        view ? altp2m(e, &a, ALTP2M_GET_ACCESS) : xen_memory_op(e->x, MEMOP_ACCESS, &c, sizeof c);
    if (v < 0)
        return events_fail(e, v, "asking for the rights of a frame");
    *ret = from_xen(view ? (uint8_t)a.access.access : c.access);
    return ST_OK;
}

int events_listener_required(void *events, bool on)
{
    struct xen_events *e = events;
    uint8_t required[8] = {on};
    int st = need_memory(e);
    if (st != ST_OK)
        return st;
    long v = xen_domctl(e->x, DOMCTL_SET_ACCESS_REQUIRED, e->domain, required, sizeof required);
    if (v < 0)
        return events_fail(e, v, "saying whether a listener is required");
    e->listener_required = on;
    return ST_OK;
}

/* ---- views ----------------------------------------------------------------------------------- */

static int views_fail(struct xen_events *e, long error, const char *what)
{
    uint64_t mode = 0;
    if (!(e->caps.kinds & 1u << EVENT_MEMORY))
        return diag_fail(e->diag, ST_UNSUPPORTED, "%s has no views here: %s", e->caps.platform,
                         events_kind_refusal(&e->caps, EVENT_MEMORY));
    if (xen_param_get(e->x, e->domain, PARAM_ALTP2M, &mode) == ST_OK && !mode)
        return diag_fail(e->diag, ST_UNSUPPORTED,
                         "%s: domain %u may have no views: put altp2m=\"external\" into its xl "
                         "configuration",
                         what, (unsigned)e->domain);
    if (!e->caps.views)
        return diag_fail(e->diag, ST_UNSUPPORTED,
                         "%s: Xen has views switched off: boot it with altp2m=1 (the processor "
                         "needs EPT)",
                         what);
    return events_fail(e, error, what);
}

static int view_call(struct xen_events *e, struct altp2m_call *c, uint32_t command,
                     const char *what)
{
    long v = altp2m(e, c, command);
    return v < 0 ? views_fail(e, v, what) : ST_OK;
}

static int view_state(void *events, bool *ret)
{
    struct altp2m_call c = {0};
    int st = view_call(events, &c, ALTP2M_GET_STATE, "asking whether views are on");
    if (st == ST_OK)
        *ret = c.state;
    return st;
}

static int view_control(void *events, bool on)
{
    struct xen_events *e = events;
    struct altp2m_call c = {.state = on};
    bool before = false;
    int st = view_state(e, &before);
    if (st != ST_OK || before == on)
        return st;
    st = view_call(e, &c, ALTP2M_SET_STATE, on ? "switching views on" : "switching views off");
    if (st != ST_OK)
        return st;
    e->views_switched = on;
    if (!on)
        e->views = 0;
    return ST_OK;
}

static int view_create(void *events, uint16_t *ret)
{
    struct xen_events *e = events;
    struct altp2m_call c = {.view = {.access = e->x->abi->access_default}};
    int st = view_call(e, &c, ALTP2M_CREATE, "making a view (all of Xen's may be in use)");
    if (st != ST_OK)
        return st;
    if (c.view.view < 64)
        e->views |= UINT64_C(1) << c.view.view;
    *ret = c.view.view;
    return ST_OK;
}

static int view_destroy(void *events, uint16_t view)
{
    struct xen_events *e = events;
    struct altp2m_call c = {.view = {.view = view}};
    int st = view_call(e, &c, ALTP2M_DESTROY, "removing a view (no vCPU may be in it)");
    if (st == ST_OK && view < 64)
        e->views &= ~(UINT64_C(1) << view);
    return st;
}

static int view_change(void *events, uint16_t view)
{
    struct altp2m_call c = {.view = {.view = view}};
    return view_call(events, &c, ALTP2M_SWITCH, "putting all vCPUs into a view");
}

static int view_current(void *events, unsigned vcpu, uint16_t *ret)
{
    struct altp2m_call c = {.current = {.vcpu = vcpu}};
    int st = view_call(events, &c, ALTP2M_GET_VIEW, "asking for the view of a vCPU (Xen 4.13)");
    if (st == ST_OK)
        *ret = c.current.view;
    return st;
}

static int view_remap(void *events, uint16_t view, uint64_t gfn, uint64_t other)
{
    struct altp2m_call c = {.change = {.view = view, .from = gfn, .to = other}};
    return view_call(events, &c, ALTP2M_CHANGE_GFN, "giving a frame other contents in a view");
}

static int view_visible(void *events, uint16_t view, bool on)
{
    struct altp2m_call c = {.visibility = {.view = view, .visible = on}};
    return view_call(events, &c, ALTP2M_SET_VISIBILITY,
                     "letting the guest enter a view by itself, or not (Xen 4.14)");
}

const struct view_ops xen_view_ops = {
    .state = view_state,
    .control = view_control,
    .create = view_create,
    .destroy = view_destroy,
    .change = view_change,
    .current = view_current,
    .remap = view_remap,
    .visible = view_visible,
};

/* ---- the end --------------------------------------------------------------------------------- */

static void release_views(struct xen_events *e, bool all)
{
    struct altp2m_call state = {0}, c = {0};
    if (!all && !e->views && !e->views_switched)
        return;
    if (altp2m(e, &state, ALTP2M_GET_STATE) < 0 || !state.state)
        return;
    (void)altp2m(e, &c, ALTP2M_SWITCH); /* to view 0 */
    for (unsigned v = 1; v < 64; v++) {
        c = (struct altp2m_call){.view = {.view = (uint16_t)v}};
        if (e->views & UINT64_C(1) << v)
            (void)altp2m(e, &c, ALTP2M_DESTROY);
    }
    c = (struct altp2m_call){.state = 0};
    if (all || e->views_switched)
        (void)altp2m(e, &c, ALTP2M_SET_STATE);
    e->views = 0;
    e->views_switched = false;
}

void events_release_memory(struct xen_events *e, bool all)
{
    if (!(e->caps.kinds & 1u << EVENT_MEMORY))
        return;
    release_views(e, all);
    for (unsigned i = 0; i < e->nr_restricted; i++)
        (void)set_host(e, e->restricted[i].first, e->restricted[i].end - e->restricted[i].first,
                       XEN_RWX);
    e->nr_restricted = 0;
    if (all || e->listener_required)
        (void)!events_listener_required(e, false);
}

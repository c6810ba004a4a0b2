/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traps: XEN_DOMCTL_monitor_op by rows, what Xen says that it can, single-steps, and giving a
 * breakpoint back to the guest.
 *
 * Xen answers capabilities that are not all true: VMEXIT is named on AMD and never raised (svm.c
 * does not call hvm_monitor_vmexit, Xen 4.17 to 4.22), memory events have no bit at all. Both need
 * VT-x with EPT (p2m_mem_access_sanity_check), which a harmless question tells.
 */
#include <errno.h>
#include <stdio.h>

#include "xen/event_state.h"

/* How the flags of a trap go into the call. */
enum form { FORM_NONE, FORM_CR, FORM_MSR, FORM_REQUEST, FORM_SYNC };

static const struct trap_row {
    int8_t event; /* XEN_DOMCTL_MONITOR_EVENT_*; -1: nothing to be switched on */
    uint8_t form;
    uint8_t since; /* Xen 4.since has it, for the story */
} rows[EVENT_KINDS] = {
    [EVENT_MEMORY] = {-1, FORM_NONE, 6}, /* rights of frames */
    [EVENT_CR] = {0, FORM_CR, 6},
    [EVENT_MSR] = {1, FORM_MSR, 6},
    [EVENT_BREAKPOINT] = {3, FORM_NONE, 6},
    [EVENT_STEP] = {MONITOR_SINGLESTEP, FORM_NONE, 6},
    [EVENT_GUEST_REQUEST] = {4, FORM_REQUEST, 6},
    [EVENT_DEBUG] = {5, FORM_SYNC, 8},
    [EVENT_CPUID] = {6, FORM_NONE, 8},
    [EVENT_PRIVILEGED_CALL] = {7, FORM_NONE, 8},
    [EVENT_INTERRUPT] = {-1, FORM_NONE, 9}, /* asked for by a reply */
    [EVENT_DESCRIPTOR] = {9, FORM_NONE, 10},
    [EVENT_EMULATION] = {10, FORM_NONE, 10},
    [EVENT_VMEXIT] = {12, FORM_SYNC, 17},
    [EVENT_IO] = {13, FORM_NONE, 18},
};
enum { MONITOR_INTERRUPT = 8 };

/* ---- capabilities ---------------------------------------------------------------------------- */

/* Memory events: asking for the default rights is refused with EINVAL where there are none (AMD,
 * shadow paging), and with ENODEV where there are but no ring is. */
static long ask_access(struct xen *x, uint32_t domain)
{
    struct access_call c = {.op = ACCESS_OP_GET, .domain = (uint16_t)domain, .first = UINT64_MAX};
    long v = xen_memory_op(x, MEMOP_ACCESS, &c, sizeof c);
    return v == -ENODEV ? 0 : v;
}

static long ask_views(struct xen *x, uint32_t domain)
{
    struct altp2m_call c = {.version = 1, .command = ALTP2M_GET_STATE, .domain = (uint16_t)domain};
    return xen_hvm_op(x, HVMOP_ALTP2M, &c, sizeof c);
}

static uint32_t kinds_of(uint32_t bits, bool memory)
{
    uint32_t kinds = 0;
    for (unsigned k = 0; k < EVENT_KINDS; k++)
        if (rows[k].event >= 0 && (bits & 1u << rows[k].event))
            kinds |= 1u << k;
    if (bits & 1u << MONITOR_INTERRUPT)
        kinds |= 1u << EVENT_INTERRUPT;
    if (memory)
        kinds |= 1u << EVENT_MEMORY;
    else
        kinds &= ~(1u << EVENT_VMEXIT);
    return kinds;
}

static unsigned interface_of(struct xen *x)
{
    struct vm_event_call c = {.op = VM_EVENT_GET_VERSION, .mode = VM_EVENT_MODE_MONITOR};
    if (x->minor < 13 && x->major == 4)
        return x->abi->vm_event;
    long v = xen_domctl(x, DOMCTL_VM_EVENT_OP, DOMID_NONE, &c, sizeof c);
    return v < 0 ? 0 : c.port;
}

int events_capabilities(struct xen *x, uint32_t domain, struct diag *d,
                        struct event_capabilities *ret)
{
    struct event_capabilities c = {0};
    struct monitor_call m = {.op = MONITOR_GET_CAPABILITIES};
    struct xen_domain_info info;
    int st = xen_domain_info(x, domain, &info);
    if (st != ST_OK)
        return diag_fail(d, st, "%s", x->diag.text);
    c.vcpus = info.vcpu_max + 1;
    snprintf(c.platform, sizeof c.platform, "Xen %u.%u", x->major, x->minor);
    if (info.kind == XEN_PV) {
        snprintf(c.reason, sizeof c.reason,
                 "PV guests have no events: Xen raises them for HVM and "
                 "PVH guests only");
        *ret = c;
        return ST_OK;
    }
    long v = xen_domctl(x, DOMCTL_MONITOR_OP, domain, &m, sizeof m);
    if (v < 0) {
        xen_fail(x, v, domain, "asking which events it can raise");
        return diag_fail(d, x->diag.code, "%s", x->diag.text);
    }
    long access = ask_access(x, domain);
    c.kinds = kinds_of(m.event, access >= 0);
    c.interface = interface_of(x);
    const struct slot_abi *abi = slot_abi_of(c.interface);
    c.replies = abi ? slot_replies(abi, x->minor) : 0;
    if (!(c.kinds & 1u << EVENT_STEP))
        c.replies &= ~(uint32_t)(REPLY_STEP_ON | REPLY_STEP_OFF | REPLY_FAST_STEP);
    c.views = access >= 0 && ask_views(x, domain) >= 0;
    if (!abi)
        snprintf(c.reason, sizeof c.reason,
                 "Xen's event interface has version %u; this program knows %u to %u: a newer "
                 "TinyVMI is needed",
                 c.interface, VM_EVENT_MIN, VM_EVENT_MAX);
    else if (access < 0)
        snprintf(c.reason, sizeof c.reason,
                 "memory events, single-steps, VM exits and views need "
                 "%s",
                 info.hap ? access == -EINVAL ? "an Intel processor (VT-x with EPT)"
                                              : "the permission mem_access"
                          : "hardware-assisted paging (hap=1 in the guest's configuration)");
    snprintf(c.platform, sizeof c.platform, "Xen %u.%u%s", x->major, x->minor,
             access >= 0                     ? " on Intel"
             : access == -EINVAL && info.hap ? " on AMD"
                                             : "");
    *ret = c;
    return ST_OK;
}

const char *events_kind_refusal(const struct event_capabilities *c, enum event_kind kind)
{
    if (kind == EVENT_PRIVILEGED_CALL)
        return "ARM guests only have it";
    if (kind == EVENT_MEMORY || kind == EVENT_STEP || kind == EVENT_VMEXIT || !c->kinds)
        return c->reason[0] ? c->reason : "the processor cannot";
    return NULL;
}

/* ---- traps ----------------------------------------------------------------------------------- */

static int refuse(struct xen_events *e, const struct event_trap *t)
{
    const char *why = events_kind_refusal(&e->caps, t->kind);
    if (why)
        return diag_fail(e->diag, ST_UNSUPPORTED, "%s has no %s events here: %s", e->caps.platform,
                         event_kind_name(t->kind), why);
    return diag_fail(e->diag, ST_UNSUPPORTED, "%s has no %s events: Xen 4.%u has", e->caps.platform,
                     event_kind_name(t->kind), rows[t->kind].since);
}

static void fill(struct monitor_call *c, const struct event_trap *t, uint8_t form)
{
    uint8_t sync = !(t->flags & TRAP_ASYNC), on_change = !!(t->flags & TRAP_ON_CHANGE);
    switch (form) {
    case FORM_CR:
        c->cr.index = (uint8_t)t->reg;
        c->cr.sync = sync;
        c->cr.on_change = on_change;
        c->cr.ignored = t->ignored;
        break;
    case FORM_MSR:
        c->msr.index = t->reg;
        c->msr.on_change = on_change;
        break;
    case FORM_REQUEST:
        c->request.sync = sync;
        c->request.userspace = !!(t->flags & TRAP_USERSPACE);
        break;
    case FORM_SYNC:
        c->sync = sync;
        break;
    }
}

/*
 * From 4.14 on, writes to registers are done before the event is answered unless this is set (and
 * is never unset but with the ring). Before, they always wait. A write that waits is lost when the
 * ring is taken away before the vCPU has run: events_wind_down lets it.
 */
static int want_denials(struct xen_events *e)
{
    struct monitor_call c = {.op = MONITOR_CONTROL_REGISTERS};
    if (e->denials || (e->x->major == 4 && e->x->minor < 14)) {
        e->denials = true;
        return ST_OK;
    }
    long v = xen_domctl(e->x, DOMCTL_MONITOR_OP, e->domain, &c, sizeof c);
    if (v < 0)
        return events_fail(e, v, "making writes to registers wait for the answer");
    e->denials = true;
    return ST_OK;
}

int events_trap(void *events, const struct event_trap *t, bool on)
{
    struct xen_events *e = events;
    if (t->kind >= EVENT_KINDS || !(e->caps.kinds & 1u << t->kind))
        return t->kind < EVENT_KINDS ? refuse(e, t)
                                     : diag_fail(e->diag, ST_INVALID, "no such kind of event");
    const struct trap_row *row = &rows[t->kind];
    if (row->event < 0)
        return ST_OK;
    if (t->kind == EVENT_CR && t->reg > EVENT_XCR0)
        return diag_fail(e->diag, ST_INVALID, "no such control register");
    if (on && (t->flags & TRAP_DENIABLE)) {
        int st = want_denials(e);
        if (st != ST_OK)
            return st;
    }
    struct monitor_call c = {.op = on ? MONITOR_ENABLE : MONITOR_DISABLE,
                             .event = (uint32_t)row->event};
    fill(&c, t, row->form);
    long v = xen_domctl(e->x, DOMCTL_MONITOR_OP, e->domain, &c, sizeof c);
    if (v == -EEXIST) /* it is so already */
        v = 0;
    if (v >= 0)
        return ST_OK;
    if (v == -EOPNOTSUPP)
        return refuse(e, t);
    char what[80];
    snprintf(what, sizeof what, "switching %s events %s", event_kind_name(t->kind),
             on ? "on" : "off");
    return events_fail(e, v, what);
}

void events_untrap(struct xen_events *e)
{
    for (unsigned k = 0; k < EVENT_KINDS; k++) {
        if (rows[k].event < 0 || k == EVENT_MSR || !(e->caps.kinds & 1u << k))
            continue; /* MSRs: there are thousands; the ring's end clears them */
        for (uint32_t reg = 0; reg <= (k == EVENT_CR ? EVENT_XCR0 : 0); reg++) {
            struct event_trap t = {.kind = (enum event_kind)k, .reg = reg};
            (void)!events_trap(e, &t, false);
        }
    }
}

/* ---- steps ----------------------------------------------------------------------------------- */

int events_step(void *events, unsigned vcpu, bool on)
{
    struct xen_events *e = events;
    struct debug_call c = {.op = on, .vcpu = vcpu};
    if (vcpu >= e->caps.vcpus)
        return diag_fail(e->diag, ST_INVALID, "the guest has no vCPU %u", vcpu);
    if (!(e->caps.kinds & 1u << EVENT_STEP))
        return refuse(e, &(struct event_trap){.kind = EVENT_STEP});
    if (e->stepping[vcpu] == on)
        return ST_OK;
    long v = xen_domctl(e->x, DOMCTL_DEBUG_OP, e->domain, &c, sizeof c);
    if (v < 0)
        return events_fail(e, v, on ? "making a vCPU step" : "ending a vCPU's steps");
    e->stepping[vcpu] = on;
    return ST_OK;
}

/* ---- giving an exception back ------------------------------------------------------------------
 */

enum { VECTOR_DB = 1, VECTOR_BP = 3, TYPE_SOFTWARE_EXCEPTION = 6, NO_ERROR_CODE = -1 };

int events_reinject(struct xen_events *e, const struct event_request *q, uint32_t length)
{
    uint8_t *page = e->x->page[1];
    bool bp = q->kind == EVENT_BREAKPOINT;
    struct xen_inject_event inject = {
        .op = DMOP_INJECT_EVENT,
        .vcpu = q->vcpu,
        .vector = bp ? VECTOR_BP : VECTOR_DB,
        .type = bp ? TYPE_SOFTWARE_EXCEPTION : q->debug.type,
        .length = length > 15 ? 0 : (uint8_t)length,
        .error_code = (uint32_t)NO_ERROR_CODE,
        .cr2 = bp ? 0 : q->debug.pending,
    };
    /* struct xen_dm_op is as large as its largest member: more zeros do no harm */
    struct xen_dm_buffer buffer = {(uintptr_t)(page + 64), 64};
    memset(page, 0, 128);
    memcpy(page, &buffer, sizeof buffer);
    memcpy(page + 64, &inject, sizeof inject);
    long v = plat_xen_hypercall(e->x->plat, HYPERCALL_DM_OP, e->domain, 1, (uintptr_t)page, 0, 0);
    return v < 0 ? events_fail(e, v, "giving a breakpoint back to the guest") : ST_OK;
}

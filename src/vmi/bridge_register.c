/* SPDX-License-Identifier: BSD-2-Clause */
/* Registering LibVMI's events: what a hook for each looks like, and which places are taken. */
#include <stdlib.h>

#include "vmi/bridge.h"

struct api_event *bridge_find(vmi_instance_t vmi, const vmi_event_t *event)
{
    for (struct api_event *a = vmi->bridge->events; a; a = a->next)
        if (a->event == event)
            return a;
    return NULL;
}

uint8_t bridge_access(vmi_mem_access_t access)
{
    uint8_t v = access >> 1 & ACCESS_RWX; /* R, W, X: bits 1 to 3 */
    if (access & VMI_MEMACCESS_W2X)
        v = ACCESS_W2X;
    if (access & VMI_MEMACCESS_RWX2N)
        v = ACCESS_RWX2N;
    return v;
}

/* ---- hooks ------------------------------------------------------------------------------------
 */

/* The MSRs that MSR_ALL stands for: those of LibVMI's constants that have an index. */
static const uint32_t all_msrs[] = {
    0x0,        0x1,        0x10,       0x17,       0x2a,       0x2c,       0x3a,       0x8b,
    0x174,      0x175,      0x176,      0x1a0,      0x250,      0x258,      0x259,      0x268,
    0x269,      0x26a,      0x26b,      0x26c,      0x26d,      0x26e,      0x26f,      0x280,
    0x2ff,      0x400,      0x401,      0x402,      0x403,      0x404,      0xc0000080, 0xc0000081,
    0xc0000082, 0xc0000083, 0xc0000084, 0xc0000102, 0xc0000103, 0xc0000104,
};
_Static_assert(sizeof all_msrs / sizeof all_msrs[0] == 38, "all of them");

static int fill_memory(vmi_instance_t vmi, const vmi_event_t *e, struct hook *h)
{
    vmi_mem_access_t access = e->mem_event.in_access;
    const vmi_mem_access_t known = VMI_MEMACCESS_RWX | VMI_MEMACCESS_W2X | VMI_MEMACCESS_RWX2N;
    bool special = access & (VMI_MEMACCESS_W2X | VMI_MEMACCESS_RWX2N);
    h->kind = EVENT_MEMORY;
    if (!(access & known) || (access & ~known) || (special && (access & (access - 1))))
        return diag_fail(&vmi->diag, ST_INVALID, "0x%x is no kind of access to ask for", access);
    h->memory.access = bridge_access(access);
    h->memory.view = e->mem_event.generic ? VIEW_EVERY : e->slat_id;
    h->memory.restricts = !e->mem_event.generic;
    h->memory.first = e->mem_event.generic ? 0 : e->mem_event.gfn;
    h->memory.end = e->mem_event.generic ? UINT64_MAX : e->mem_event.gfn + 1;
    if (!e->mem_event.generic && e->mem_event.gfn >= UINT64_C(1) << 40)
        return diag_fail(&vmi->diag, ST_INVALID, "there is no frame %#llx",
                         (unsigned long long)e->mem_event.gfn);
    return ST_OK;
}

static int fill_msr(vmi_instance_t vmi, const vmi_event_t *e, struct hook *h)
{
    h->kind = EVENT_MSR;
    h->flags = TRAP_DENIABLE;
    if (e->reg_event.reg == MSR_ALL) {
        h->msr.index = MSR_EVERY;
        h->msr.list = all_msrs;
        h->msr.n = ARRAY_LEN(all_msrs);
        return ST_OK;
    }
    if (e->reg_event.reg != MSR_ANY)
        return diag_fail(&vmi->diag, ST_INVALID,
                         "register %llu raises no events; for an MSR ask for MSR_ANY with its "
                         "index in `msr`, or for MSR_ALL",
                         (unsigned long long)e->reg_event.reg);
    h->msr.index = e->reg_event.msr;
    if (!h->msr.index)
        return diag_fail(&vmi->diag, ST_INVALID, "MSR_ANY needs an index in `msr`");
    return ST_OK;
}

static int fill_register(vmi_instance_t vmi, const vmi_event_t *e, struct hook *h)
{
    static const struct {
        reg_t reg;
        enum event_cr cr;
    } rows[] = {{CR0, EVENT_CR0}, {CR3, EVENT_CR3}, {CR4, EVENT_CR4}, {XCR0, EVENT_XCR0}};
    if (e->reg_event.in_access != VMI_REGACCESS_W)
        return diag_fail(&vmi->diag, ST_UNSUPPORTED,
                         "Xen reports writes to registers only: "
                         "VMI_REGACCESS_W");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].reg != e->reg_event.reg)
            continue;
        h->kind = EVENT_CR;
        h->cr.reg = rows[i].cr;
        h->flags = (e->reg_event.async ? TRAP_ASYNC : TRAP_DENIABLE) |
                   (e->reg_event.onchange ? TRAP_ON_CHANGE : 0);
        return ST_OK;
    }
    return fill_msr(vmi, e, h);
}

static int fill_step(vmi_instance_t vmi, const vmi_event_t *e, struct hook *h)
{
    unsigned vcpus = monitor_capabilities(vmi->bridge->monitor)->vcpus;
    uint64_t there = vcpus >= 64 ? UINT64_MAX : (UINT64_C(1) << vcpus) - 1;
    h->kind = EVENT_STEP;
    h->step.vcpus = e->ss_event.vcpus & there;
    h->step.on = e->ss_event.enable ? h->step.vcpus : 0;
    if (e->ss_event.vcpus && !h->step.vcpus)
        return diag_fail(&vmi->diag, ST_INVALID, "the guest has none of these vCPUs: it has %u",
                         vcpus);
    return ST_OK;
}

static int fill_interrupt(vmi_instance_t vmi, const vmi_event_t *e, struct hook *h)
{
    if (e->interrupt_event.intr != INT3 && e->interrupt_event.intr != INT_NEXT)
        return diag_fail(&vmi->diag, ST_INVALID, "%u is no interrupt to ask for",
                         e->interrupt_event.intr);
    h->kind = e->interrupt_event.intr == INT3 ? EVENT_BREAKPOINT : EVENT_INTERRUPT;
    return ST_OK;
}

static int fill_hook(vmi_instance_t vmi, const vmi_event_t *e, struct hook *h)
{
    static const struct {
        enum event_kind kind;
        uint32_t flags;
    } simple[] = {
        [VMI_EVENT_GUEST_REQUEST] = {EVENT_GUEST_REQUEST, TRAP_USERSPACE},
        [VMI_EVENT_CPUID] = {EVENT_CPUID, 0},
        [VMI_EVENT_DEBUG_EXCEPTION] = {EVENT_DEBUG, 0},
        [VMI_EVENT_PRIVILEGED_CALL] = {EVENT_PRIVILEGED_CALL, 0},
        [VMI_EVENT_DESCRIPTOR_ACCESS] = {EVENT_DESCRIPTOR, 0},
        [VMI_EVENT_FAILED_EMULATION] = {EVENT_EMULATION, 0},
        [VMI_EVENT_VMEXIT] = {EVENT_VMEXIT, 0},
        [VMI_EVENT_IO] = {EVENT_IO, 0},
    };
    switch (e->type) {
    case VMI_EVENT_MEMORY:
        return fill_memory(vmi, e, h);
    case VMI_EVENT_REGISTER:
        return fill_register(vmi, e, h);
    case VMI_EVENT_SINGLESTEP:
        return fill_step(vmi, e, h);
    case VMI_EVENT_INTERRUPT:
        return fill_interrupt(vmi, e, h);
    default: /* events.c knows that it is one of the table's */
        h->kind = simple[e->type].kind;
        h->flags = simple[e->type].flags;
        if (e->type == VMI_EVENT_VMEXIT && !e->vmexit_event.sync)
            h->flags |= TRAP_ASYNC;
        return ST_OK;
    }
}

/* ---- places -----------------------------------------------------------------------------------
 */

static bool memory_clash(const struct hook *a, const struct hook *b)
{
    if (a->memory.restricts != b->memory.restricts) /* generic and on a frame */
        return true;
    if (!a->memory.restricts)
        return a->memory.access == b->memory.access;
    return a->memory.first == b->memory.first && a->memory.view == b->memory.view;
}

/* Do two events want the same place? */
static bool clash(const struct hook *a, const struct hook *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case EVENT_MEMORY:
        return memory_clash(a, b);
    case EVENT_CR:
        return a->cr.reg == b->cr.reg;
    case EVENT_MSR:
        return a->msr.index == b->msr.index;
    case EVENT_STEP:
        return a->step.vcpus & b->step.vcpus;
    default:
        return true;
    }
}

/* ---- register -----------------------------------------------------------------------------------
 */

/* The monitor has let go. */
static void released(struct hook *hook, int status)
{
    struct api_event *a = hook->data;
    struct bridge *b = a->vmi->bridge;
    vmi_event_free_t free_routine = a->free_routine;
    vmi_event_t *event = a->event;
    for (struct api_event **at = &b->events; *at; at = &(*at)->next) {
        if (*at != a)
            continue;
        *at = a->next;
        break;
    }
    free(a);
    if (free_routine)
        free_routine(event, status == ST_OK ? VMI_SUCCESS : VMI_FAILURE);
}

/* One that was asked to leave in this callback makes room now: its trap is lifted first. */
static status_t check_place(vmi_instance_t vmi, const struct api_event *a)
{
    for (const struct api_event *o = vmi->bridge->events; o; o = o->next) {
        if (o->event == a->event && o->hook.state == HOOK_ACTIVE)
            return vmi_fail(vmi, ST_BUSY, "the event is registered already");
        if (o->hook.state == HOOK_ACTIVE && clash(&a->hook, &o->hook))
            return vmi_fail(vmi, ST_BUSY, "there is such a %s event already",
                            event_kind_name(a->hook.kind));
    }
    return VMI_SUCCESS;
}

status_t bridge_add(vmi_instance_t vmi, vmi_event_t *event)
{
    struct bridge *b = vmi->bridge;
    if (event->type == VMI_EVENT_DOMAIN_WATCH)
        return watch_add(vmi, event);
    if (!b->monitor)
        return vmi_fail(vmi, ST_INVALID, "the instance was opened for the domain watch alone");
    struct api_event *a = calloc(1, sizeof *a);
    if (!a)
        return vmi_fail(vmi, ST_NOMEM, "no memory for an event");
    a->vmi = vmi;
    a->event = event;
    a->hook.call = bridge_on_event;
    a->hook.data = a;
    a->hook.released = released;
    int st = fill_hook(vmi, event, &a->hook);
    if (st != ST_OK) {
        free(a);
        return vmi_fail(vmi, st, NULL);
    }
    a->gfn = event->type == VMI_EVENT_MEMORY ? event->mem_event.gfn : 0;
    a->view = event->slat_id;
    a->access = event->type == VMI_EVENT_MEMORY ? event->mem_event.in_access : 0;
    if (check_place(vmi, a) != VMI_SUCCESS) {
        free(a);
        return VMI_FAILURE;
    }
    st = monitor_add(b->monitor, &a->hook);
    if (st != ST_OK) {
        free(a);
        return bridge_fail(vmi, st);
    }
    a->next = b->events;
    b->events = a;
    return VMI_SUCCESS;
}

status_t bridge_clear(vmi_instance_t vmi, vmi_event_t *event, vmi_event_free_t free_routine)
{
    if (event->type == VMI_EVENT_DOMAIN_WATCH && watch_event(vmi->bridge) == event)
        return watch_clear(vmi, free_routine);
    struct api_event *a = bridge_find(vmi, event);
    if (!a)
        return vmi_fail(vmi, ST_ABSENT, "the event is not registered");
    if (a->swap_to || a->hook.state != HOOK_ACTIVE)
        return vmi_fail(vmi, ST_BUSY, "the event is to be cleared or swapped already");
    a->free_routine = free_routine;
    int st = monitor_remove(vmi->bridge->monitor, &a->hook);
    return st == ST_OK ? VMI_SUCCESS : bridge_fail(vmi, st);
}

/* ---- swap ---------------------------------------------------------------------------------------
 */

/* The old one's rights go first; when the new one cannot be had, the old one comes back. */
static status_t swap_now(struct api_event *a)
{
    vmi_instance_t vmi = a->vmi;
    vmi_event_t *from = a->event, *to = a->swap_to;
    vmi_event_free_t free_routine = a->free_routine;
    a->swap_to = NULL;
    a->free_routine = NULL;
    addr_t gfn = a->gfn; /* the structure holds what was delivered last */
    uint16_t view = a->view;
    int st = monitor_remove(vmi->bridge->monitor, &a->hook);
    if (st != ST_OK)
        return bridge_fail(vmi, st);
    if (bridge_add(vmi, to) == VMI_SUCCESS) {
        if (free_routine)
            free_routine(from, VMI_SUCCESS);
        return VMI_SUCCESS;
    }
    struct vmi_error why = *vmi_last_error(vmi);
    from->mem_event.gfn = gfn;
    from->slat_id = view;
    if (bridge_add(vmi, from) != VMI_SUCCESS)
        bridge_broke(vmi, "a swap failed, and the old event cannot be registered again");
    return vmi_fail(vmi, ST_INVALID, "the events were not swapped: %s", why.text);
}

struct swap {
    vmi_instance_t vmi;
    vmi_event_t *from;
};

static void swap_deferred(struct monitor *m, void *data)
{
    struct swap s = *(struct swap *)data;
    (void)m;
    free(data);
    struct api_event *a = bridge_find(s.vmi, s.from);
    if (!a || !a->swap_to)
        return;
    if (swap_now(a) != VMI_SUCCESS)
        bridge_broke(s.vmi, "%s", vmi_last_error(s.vmi)->text);
}

status_t bridge_swap(vmi_instance_t vmi, vmi_event_t *from, vmi_event_t *to,
                     vmi_event_free_t free_routine)
{
    struct bridge *b = vmi->bridge;
    struct api_event *a = bridge_find(vmi, from);
    if (from->type != VMI_EVENT_MEMORY || to->type != VMI_EVENT_MEMORY || from->mem_event.generic ||
        to->mem_event.generic || from == to)
        return vmi_fail(vmi, ST_INVALID, "two memory events on frames can be swapped");
    if (!a)
        return vmi_fail(vmi, ST_ABSENT, "the event to swap from is not registered");
    if (a->swap_to || a->hook.state != HOOK_ACTIVE)
        return vmi_fail(vmi, ST_BUSY, "the event is to be cleared or swapped already");
    a->swap_to = to;
    a->free_routine = free_routine;
    if (!b->in_callback)
        return swap_now(a);
    struct swap *s = malloc(sizeof *s);
    if (s) {
        *s = (struct swap){vmi, from};
        if (monitor_defer(b->monitor, swap_deferred, s) == ST_OK)
            return VMI_SUCCESS;
    }
    free(s);
    a->swap_to = NULL;
    a->free_routine = NULL;
    return vmi_fail(vmi, ST_NOMEM, "no memory for a swap");
}

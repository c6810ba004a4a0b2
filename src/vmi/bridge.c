/* SPDX-License-Identifier: BSD-2-Clause */
/* An instance's events: switched on, listened to, looked up, switched off; and its views. */
#include "vmi/bridge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- life -------------------------------------------------------------------------------------
 */

status_t bridge_fail(vmi_instance_t vmi, int st)
{
    return vmi_fail(vmi, st, "%s", vmi->bridge->diag.text);
}

void bridge_broke(vmi_instance_t vmi, const char *fmt, ...)
{
    struct bridge *b = vmi->bridge;
    va_list args;
    if (b->broke)
        return; /* the first is the cause of others */
    b->broke = true;
    va_start(args, fmt);
    vsnprintf(b->rule, sizeof b->rule, fmt, args);
    va_end(args);
}

int bridge_open(vmi_instance_t vmi, void *channel)
{
    struct bridge *b = vmi->bridge;
    bool fresh = !b;
    if (b && b->monitor)
        return ST_OK;
    if (fresh)
        b = calloc(1, sizeof *b);
    if (!b)
        return diag_fail(&vmi->diag, ST_NOMEM, "no memory for events");
    int st = monitor_open(&vmi->source, channel, &b->diag, &b->monitor);
    if (st != ST_OK) {
        diag_fail(&vmi->diag, st, "%s", b->diag.text);
        if (fresh)
            free(b);
        return st;
    }
    vmi->bridge = b;
    vmi->monitor = &bridge_ops;
    return ST_OK;
}

int bridge_open_watch(vmi_instance_t vmi)
{
    if (!vmi->bridge)
        vmi->bridge = calloc(1, sizeof *vmi->bridge);
    if (!vmi->bridge)
        return diag_fail(&vmi->diag, ST_NOMEM, "no memory for events");
    vmi->monitor = &bridge_ops;
    return ST_OK;
}

void bridge_close(vmi_instance_t vmi)
{
    struct bridge *b = vmi->bridge;
    if (!b)
        return;
    if (b->monitor) {
        if (b->events && monitor_pending(b->monitor))
            (void)!monitor_listen(b->monitor, 0); /* what is pending is delivered */
        for (struct api_event *a = b->events; a; a = a->next)
            a->free_routine = NULL; /* the events stay the program's */
        monitor_close(b->monitor);
    }
    while (b->steps) {
        struct api_step *s = b->steps;
        b->steps = s->next;
        free(s);
    }
    watch_close(b);
    free(b);
    vmi->bridge = NULL;
    vmi->monitor = NULL;
}

/* ---- listening --------------------------------------------------------------------------------
 */

/* Both at once: what wakes one up lets the other look. */
static int listen_both(vmi_instance_t vmi, uint64_t timeout_ns)
{
    struct bridge *b = vmi->bridge;
    if (b->watch && watch_news(b))
        timeout_ns = 0;
    int st = b->monitor ? monitor_listen(b->monitor, timeout_ns) : ST_ABSENT;
    if (st != ST_OK && st != ST_ABSENT)
        return diag_fail(&vmi->diag, st, "%s", b->diag.text);
    return b->watch ? watch_listen(vmi, b->monitor ? 0 : timeout_ns) : st;
}

static status_t listen(vmi_instance_t vmi, uint32_t timeout)
{
    struct bridge *b = vmi->bridge;
    uint64_t ns = timeout > INT32_MAX ? UINT64_MAX : (uint64_t)timeout * 1000000;
    if (b->in_callback)
        return vmi_fail(vmi, ST_INVALID, "events cannot be listened to in their own callback");
    b->broke = false;
    int st = listen_both(vmi, ns);
    if (st != ST_OK && st != ST_ABSENT)
        return vmi_fail(vmi, st, NULL);
    return b->broke ? vmi_fail(vmi, ST_INVALID, "%s", b->rule) : VMI_SUCCESS;
}

static int pending(vmi_instance_t vmi)
{
    return vmi->bridge->monitor ? (int)monitor_pending(vmi->bridge->monitor) : 0;
}

static status_t need_monitor(vmi_instance_t vmi)
{
    if (vmi->bridge->monitor)
        return VMI_SUCCESS;
    return vmi_fail(vmi, ST_INVALID, "the instance was opened for the domain watch alone");
}

static status_t listener_required(vmi_instance_t vmi, bool required)
{
    void *events;
    if (need_monitor(vmi) != VMI_SUCCESS)
        return VMI_FAILURE;
    const struct event_ops *ops = monitor_ops_of(vmi->bridge->monitor, &events);
    int st = ops->listener_required(events, required);
    return st == ST_OK ? VMI_SUCCESS : bridge_fail(vmi, st);
}

/* ---- looking up -------------------------------------------------------------------------------
 */

static vmi_event_t *find_reg(vmi_instance_t vmi, reg_t reg)
{
    for (struct api_event *a = vmi->bridge->events; a; a = a->next)
        if (a->event->type == VMI_EVENT_REGISTER && a->event->reg_event.reg == reg &&
            reg != MSR_ANY)
            return a->event;
    return NULL;
}

static vmi_event_t *find_mem(vmi_instance_t vmi, addr_t gfn, vmi_mem_access_t access)
{
    const struct api_event *best = NULL;
    for (const struct api_event *a = vmi->bridge->events; a; a = a->next) {
        if (a->hook.kind != EVENT_MEMORY)
            continue;
        if (!a->hook.memory.restricts && a->access == access)
            return a->event;
        if (a->hook.memory.restricts && a->gfn == gfn && (!best || a->view < best->view))
            best = a;
    }
    return best ? best->event : NULL;
}

static vmi_event_t *find_step(vmi_instance_t vmi, uint32_t vcpu)
{
    struct api_event *a = bridge_step_event_of(vmi, vcpu);
    return a ? a->event : NULL;
}

static bool has_generic(vmi_instance_t vmi, vmi_mem_access_t access)
{
    for (const struct api_event *a = vmi->bridge->events; a; a = a->next)
        if (a->hook.kind == EVENT_MEMORY && !a->hook.memory.restricts && (a->access & access))
            return true;
    return false;
}

static status_t restrict_frames(vmi_instance_t vmi, addr_t first, addr_t end,
                                vmi_mem_access_t access, uint16_t view)
{
    if (need_monitor(vmi) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (access != VMI_MEMACCESS_N && !has_generic(vmi, access))
        return vmi_fail(vmi, ST_INVALID,
                        "no generic memory event is registered that would get "
                        "these accesses");
    int st =
        monitor_restrict(vmi->bridge->monitor, view, first, end - first, bridge_access(access));
    return st == ST_OK ? VMI_SUCCESS : bridge_fail(vmi, st);
}

/* ---- views ------------------------------------------------------------------------------------
 */

static const struct view_ops *views_of(vmi_instance_t vmi, void **events)
{
    const struct view_ops *v =
        vmi->bridge->monitor ? monitor_views(vmi->bridge->monitor, events) : NULL;
    if (!v)
        vmi_unsupported(vmi, "second-level views");
    return v;
}

static status_t done(vmi_instance_t vmi, int st)
{
    return st == ST_OK ? VMI_SUCCESS : bridge_fail(vmi, st);
}

static status_t view_state(vmi_instance_t vmi, bool *state)
{
    void *events;
    const struct view_ops *v = views_of(vmi, &events);
    return v ? done(vmi, v->state(events, state)) : VMI_FAILURE;
}

static status_t view_control(vmi_instance_t vmi, bool state)
{
    void *events;
    const struct view_ops *v = views_of(vmi, &events);
    return v ? done(vmi, v->control(events, state)) : VMI_FAILURE;
}

static status_t view_create(vmi_instance_t vmi, uint16_t *view)
{
    void *events;
    const struct view_ops *v = views_of(vmi, &events);
    return v ? done(vmi, v->create(events, view)) : VMI_FAILURE;
}

static status_t view_destroy(vmi_instance_t vmi, uint16_t view)
{
    void *events;
    const struct view_ops *v = views_of(vmi, &events);
    return v ? done(vmi, v->destroy(events, view)) : VMI_FAILURE;
}

static status_t view_switch(vmi_instance_t vmi, uint16_t view)
{
    void *events;
    const struct view_ops *v = views_of(vmi, &events);
    return v ? done(vmi, v->change(events, view)) : VMI_FAILURE;
}

static status_t view_change_gfn(vmi_instance_t vmi, uint16_t view, addr_t old_gfn, addr_t new_gfn)
{
    void *events;
    const struct view_ops *v = views_of(vmi, &events);
    return v ? done(vmi, v->remap(events, view, old_gfn, new_gfn)) : VMI_FAILURE;
}

const struct monitor_ops bridge_ops = {
    .add = bridge_add,
    .swap = bridge_swap,
    .clear = bridge_clear,
    .listen = listen,
    .pending = pending,
    .listener_required = listener_required,
    .find_reg = find_reg,
    .find_mem = find_mem,
    .find_step = find_step,
    .restrict_frames = restrict_frames,
    .step = bridge_step,
    .toggle_step = bridge_toggle_step,
    .stop_step = bridge_stop_step,
    .stop_all_steps = bridge_stop_all_steps,
    .view_state = view_state,
    .view_control = view_control,
    .view_create = view_create,
    .view_destroy = view_destroy,
    .view_switch = view_switch,
    .view_change_gfn = view_change_gfn,
};

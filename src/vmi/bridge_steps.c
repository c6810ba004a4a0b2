/* SPDX-License-Identifier: BSD-2-Clause */
/* LibVMI's single-steps: events that stay, and vmi_step_event. */
#include <stdlib.h>

#include "vmi/bridge.h"

struct api_event *bridge_step_event_of(vmi_instance_t vmi, uint32_t vcpu)
{
    for (struct api_event *a = vmi->bridge->events; a; a = a->next)
        if (a->hook.kind == EVENT_STEP && a->hook.state == HOOK_ACTIVE && vcpu < STEP_VCPUS &&
            (a->hook.step.vcpus >> vcpu & 1))
            return a;
    return NULL;
}

/* ---- vmi_step_event ----------------------------------------------------------------------------
 */

static void forget_step(struct bridge *b, struct api_step *s)
{
    for (struct api_step **at = &b->steps; *at; at = &(*at)->next) {
        if (*at != s)
            continue;
        *at = s->next;
        break;
    }
    free(s);
}

static void step_done(struct monitor *m, struct step_job *job, struct event_request *q,
                      struct event_reply *reply)
{
    struct api_step s = *(struct api_step *)job->data;
    (void)m;
    forget_step(s.vmi->bridge, job->data);
    if (!q) /* cancelled */
        return;
    if (s.cb)
        bridge_call(s.vmi, s.event, s.cb, q, reply);
    else if (bridge_add(s.vmi, s.event) != VMI_SUCCESS)
        bridge_broke(s.vmi, "the event cannot be registered again after its step: %s",
                     vmi_last_error(s.vmi)->text);
}

status_t bridge_step(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu, uint64_t steps,
                     event_callback_t cb)
{
    struct bridge *b = vmi->bridge;
    struct api_event *registered = bridge_find(vmi, event);
    if (bridge_step_event_of(vmi, vcpu))
        return vmi_fail(vmi, ST_BUSY, "vCPU %u has a single-step event already", vcpu);
    if (!cb && registered && registered->hook.state == HOOK_ACTIVE)
        return vmi_fail(vmi, ST_INVALID,
                        "the event is to be registered after its step, and still is: clear it "
                        "first");
    struct api_step *s = calloc(1, sizeof *s);
    if (!s)
        return vmi_fail(vmi, ST_NOMEM, "no memory for a step");
    *s = (struct api_step){.job = {.vcpu = vcpu, .steps = steps, .done = step_done, .data = s},
                           .vmi = vmi,
                           .event = event,
                           .cb = cb,
                           .next = b->steps};
    b->steps = s;
    int st = monitor_step(b->monitor, &s->job);
    if (st == ST_OK)
        return VMI_SUCCESS;
    forget_step(b, s);
    return bridge_fail(vmi, st);
}

/* ---- single-step events ------------------------------------------------------------------------
 */

static struct api_event *step_event(vmi_instance_t vmi, const vmi_event_t *event)
{
    struct api_event *a = bridge_find(vmi, event);
    if (a && a->hook.kind == EVENT_STEP && a->hook.state == HOOK_ACTIVE)
        return a;
    vmi_fail(vmi, ST_ABSENT, "the single-step event is not registered");
    return NULL;
}

/* Out of the event; it is not cleared, even when no vCPU is left. */
static status_t take_out(vmi_instance_t vmi, struct api_event *a, uint32_t vcpu)
{
    if (vcpu >= MAX_SINGLESTEP_VCPUS || !(a->hook.step.vcpus >> vcpu & 1))
        return vmi_fail(vmi, ST_ABSENT, "the single-step event does not cover vCPU %u", vcpu);
    int st = monitor_step_vcpu(vmi->bridge->monitor, &a->hook, vcpu, false);
    a->hook.step.vcpus &= ~(UINT64_C(1) << vcpu);
    UNSET_VCPU_SINGLESTEP(a->event->ss_event, vcpu);
    return st == ST_OK ? VMI_SUCCESS : bridge_fail(vmi, st);
}

status_t bridge_toggle_step(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu, bool enabled)
{
    struct api_event *a = step_event(vmi, event);
    if (!a)
        return VMI_FAILURE;
    if (vmi->bridge->in_callback)
        return vmi_fail(vmi, ST_INVALID,
                        "in a callback, answer "
                        "VMI_EVENT_RESPONSE_TOGGLE_SINGLESTEP instead");
    if (!enabled)
        return take_out(vmi, a, vcpu);
    struct api_event *other = bridge_step_event_of(vmi, vcpu);
    if (other && other != a)
        return vmi_fail(vmi, ST_BUSY, "vCPU %u has a single-step event already", vcpu);
    if (vcpu >= monitor_capabilities(vmi->bridge->monitor)->vcpus)
        return vmi_fail(vmi, ST_INVALID, "the guest has no vCPU %u", vcpu);
    a->hook.step.vcpus |= UINT64_C(1) << vcpu;
    SET_VCPU_SINGLESTEP(event->ss_event, vcpu);
    if (!event->ss_event.enable)
        return VMI_SUCCESS;
    int st = monitor_step_vcpu(vmi->bridge->monitor, &a->hook, vcpu, true);
    return st == ST_OK ? VMI_SUCCESS : bridge_fail(vmi, st);
}

status_t bridge_stop_step(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu)
{
    struct api_event *a = step_event(vmi, event);
    return a ? take_out(vmi, a, vcpu) : VMI_FAILURE;
}

status_t bridge_stop_all_steps(vmi_instance_t vmi)
{
    struct bridge *b = vmi->bridge;
    status_t s = VMI_SUCCESS;
    for (struct api_event *next, *a = b->events; a; a = next) {
        next = a->next;
        if (a->hook.kind == EVENT_STEP && a->hook.state == HOOK_ACTIVE &&
            bridge_clear(vmi, a->event, NULL) != VMI_SUCCESS)
            s = VMI_FAILURE;
    }
    while (b->steps) {
        struct api_step *p = b->steps;
        if (monitor_cancel(b->monitor, &p->job) != ST_OK)
            s = VMI_FAILURE;
        forget_step(b, p);
    }
    return s;
}

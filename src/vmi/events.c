/* SPDX-License-Identifier: BSD-2-Clause */
/* Events: what is refused whatever the source, and then what the source does (monitor.h). */
#include "vmi/bridge.h"

/* The operations, or NULL with the story recorded: not every source has events, not every instance
 * asked. */
static const struct monitor_ops *monitor_of(vmi_instance_t vmi, uint64_t flags)
{
    if (!vmi)
        return NULL;
    if (vmi->monitor && (vmi->init_flags & flags))
        return vmi->monitor;
    if (!vmi->source.event && !vmi->monitor)
        vmi_unsupported(vmi, "events");
    else
        vmi_fail(vmi, ST_INVALID, "the instance was opened without VMI_INIT_EVENTS");
    return NULL;
}

uint32_t vmi_events_version(void)
{
    return VMI_EVENTS_VERSION;
}

/* Is this an event that could be registered anywhere? */
static status_t check_event(vmi_instance_t vmi, const vmi_event_t *event)
{
    if (!event)
        return vmi_fail(vmi, ST_INVALID, "no event was given");
    if (event->version != VMI_EVENTS_VERSION)
        return vmi_fail(vmi, ST_INVALID, "the event has version %u; this library has version %u",
                        event->version, (unsigned)VMI_EVENTS_VERSION);
    if (event->type == VMI_EVENT_INVALID || event->type > VMI_EVENT_IO)
        return vmi_fail(vmi, ST_INVALID, "%u is no type of event", event->type);
    return event->callback ? VMI_SUCCESS : vmi_fail(vmi, ST_INVALID, "the event has no callback");
}

status_t vmi_register_event(vmi_instance_t vmi, vmi_event_t *event)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS | VMI_INIT_DOMAINWATCH);
    return ops && check_event(vmi, event) == VMI_SUCCESS ? ops->add(vmi, event) : VMI_FAILURE;
}

status_t vmi_swap_events(vmi_instance_t vmi, vmi_event_t *swap_from, vmi_event_t *swap_to,
                         vmi_event_free_t free_routine)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    if (!ops || check_event(vmi, swap_from) != VMI_SUCCESS ||
        check_event(vmi, swap_to) != VMI_SUCCESS)
        return VMI_FAILURE;
    return ops->swap(vmi, swap_from, swap_to, free_routine);
}

status_t vmi_clear_event(vmi_instance_t vmi, vmi_event_t *event, vmi_event_free_t free_routine)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS | VMI_INIT_DOMAINWATCH);
    if (!ops)
        return VMI_FAILURE;
    /* error paths clear what was never filled in: that is a failure and nothing else */
    return check_event(vmi, event) == VMI_SUCCESS ? ops->clear(vmi, event, free_routine)
                                                  : VMI_FAILURE;
}

status_t vmi_events_listen(vmi_instance_t vmi, uint32_t timeout)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS | VMI_INIT_DOMAINWATCH);
    return ops ? ops->listen(vmi, timeout) : VMI_FAILURE;
}

int vmi_are_events_pending(vmi_instance_t vmi)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    return ops ? ops->pending(vmi) : -1;
}

status_t vmi_event_listener_required(vmi_instance_t vmi, bool required)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    return ops ? ops->listener_required(vmi, required) : VMI_FAILURE;
}

vmi_event_t *vmi_get_reg_event(vmi_instance_t vmi, reg_t reg)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    return ops ? ops->find_reg(vmi, reg) : NULL;
}

vmi_event_t *vmi_get_mem_event(vmi_instance_t vmi, addr_t gfn, vmi_mem_access_t access)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    return ops ? ops->find_mem(vmi, gfn, access) : NULL;
}

vmi_event_t *vmi_get_singlestep_event(vmi_instance_t vmi, uint32_t vcpu)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    return ops ? ops->find_step(vmi, vcpu) : NULL;
}

status_t vmi_set_mem_event_range(vmi_instance_t vmi, addr_t gfn_start, addr_t gfn_end,
                                 vmi_mem_access_t access, uint16_t vmm_pagetable_id)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    if (!ops)
        return VMI_FAILURE;
    if (gfn_end < gfn_start)
        return vmi_fail(vmi, ST_INVALID, "the range of frames ends before it begins");
    return ops->restrict_frames(vmi, gfn_start, gfn_end, access, vmm_pagetable_id);
}

status_t vmi_set_mem_event(vmi_instance_t vmi, addr_t gfn, vmi_mem_access_t access,
                           uint16_t vmm_pagetable_id)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    if (!ops)
        return VMI_FAILURE;
    if (gfn == UINT64_MAX)
        return vmi_fail(vmi, ST_INVALID, "there is no such frame");
    return ops->restrict_frames(vmi, gfn, gfn + 1, access, vmm_pagetable_id);
}

status_t vmi_step_event(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu_id, uint64_t steps,
                        event_callback_t cb)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    if (!ops || check_event(vmi, event) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (!steps)
        return vmi_fail(vmi, ST_INVALID, "at least one step is needed");
    return ops->step(vmi, event, vcpu_id, steps, cb);
}

status_t vmi_stop_single_step_vcpu(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    if (!ops || check_event(vmi, event) != VMI_SUCCESS)
        return VMI_FAILURE;
    return ops->stop_step(vmi, event, vcpu);
}

status_t vmi_toggle_single_step_vcpu(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu,
                                     bool enabled)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    if (!ops || check_event(vmi, event) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (vcpu >= MAX_SINGLESTEP_VCPUS)
        return vmi_fail(vmi, ST_INVALID, "a single-step event covers vCPUs 0 to %d",
                        MAX_SINGLESTEP_VCPUS - 1);
    return ops->toggle_step(vmi, event, vcpu, enabled);
}

status_t vmi_shutdown_single_step(vmi_instance_t vmi)
{
    const struct monitor_ops *ops = monitor_of(vmi, VMI_INIT_EVENTS);
    return ops ? ops->stop_all_steps(vmi) : VMI_FAILURE;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Events of instances that vmi_open made, and their counters. */
#include <tinyvmi/tinyvmi.h>

#include "vmi/bridge.h"

status_t vmi_enable_events(vmi_instance_t vmi)
{
    if (!vmi)
        return VMI_FAILURE;
    if (!vmi->source.event)
        return vmi_unsupported(vmi, "events");
    int st = bridge_open(vmi, NULL);
    if (st != ST_OK)
        return vmi_fail(vmi, st, NULL);
    vmi->init_flags |= VMI_INIT_EVENTS;
    return VMI_SUCCESS;
}

status_t vmi_get_event_statistics(vmi_instance_t vmi, struct vmi_event_statistics *ret)
{
    if (!vmi || !ret)
        return vmi_fail(vmi, ST_INVALID, "no place for the counters was given");
    if (!vmi->bridge || !vmi->bridge->monitor)
        return vmi_fail(vmi, ST_INVALID, "events are not switched on");
    const struct monitor_statistics *s = monitor_statistics(vmi->bridge->monitor);
    *ret = (struct vmi_event_statistics){
        .taken = s->taken,
        .answered = s->answered,
        .batches = s->batches,
        .largest_batch = s->largest_batch,
        .spurious = s->spurious,
        .unhandled = s->unhandled,
        .malformed = s->malformed,
        .failed = s->failed,
    };
    return VMI_SUCCESS;
}

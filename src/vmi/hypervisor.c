/* SPDX-License-Identifier: BSD-2-Clause */
/* What runs the guest, for a person and for a program that wants to know before it asks. */
#include "vmi/access.h"

#include <stdio.h>

#include "event/event.h"

static void name_events(const struct event_capabilities *c, struct vmi_hypervisor *ret)
{
    size_t n = 0;
    for (unsigned k = 0; k < EVENT_KINDS && n < sizeof ret->events; k++)
        if (c->kinds >> k & 1)
            n += (size_t)snprintf(ret->events + n, sizeof ret->events - n, "%s%s", n ? " " : "",
                                  event_kind_name((enum event_kind)k));
    snprintf(ret->lacks, sizeof ret->lacks, "%s", c->reason);
    ret->views = c->views;
}

status_t vmi_hypervisor_info(vmi_instance_t vmi, struct vmi_hypervisor *ret)
{
    struct event_capabilities c;
    struct vmi_hypervisor made = {0};
    struct diag d = {0};
    if (!vmi || !ret)
        return vmi_fail(vmi, ST_INVALID, "no place for the answer was given");
    if (!vmi->source.about[0])
        return vmi_unsupported(vmi, "hypervisor to be told of");
    snprintf(made.name, sizeof made.name, "%s", vmi->source.about);
    if (!vmi->source.event)
        snprintf(made.lacks, sizeof made.lacks, "this source has no events");
    else if (vmi->source.event->capabilities(&vmi->source, &d, &c) == ST_OK)
        name_events(&c, &made);
    else
        snprintf(made.lacks, sizeof made.lacks, "%.*s", (int)sizeof made.lacks - 1, d.text);
    *ret = made;
    return VMI_SUCCESS;
}

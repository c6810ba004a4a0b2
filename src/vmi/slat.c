/* SPDX-License-Identifier: BSD-2-Clause */
/* Second-level views. The checks that hold for all sources are here; a source that has views brings
 * monitor_ops. */
#include <libvmi/slat.h>

#include "vmi/bridge.h"

static const struct monitor_ops *views_of(vmi_instance_t vmi)
{
    if (!vmi)
        return NULL;
    if (vmi->monitor)
        return vmi->monitor;
    if (!vmi->source.event) {
        vmi_unsupported(vmi, "second-level views");
        return NULL;
    }
    /* LibVMI's programs use views without events; rights of frames need the ring */
    int st = bridge_open(vmi, NULL);
    if (st == ST_OK)
        return vmi->monitor;
    vmi_fail(vmi, st, NULL);
    return NULL;
}

status_t vmi_slat_state(vmi_instance_t vmi, bool *state)
{
    const struct monitor_ops *ops = views_of(vmi);
    if (!ops)
        return VMI_FAILURE;
    return state ? ops->view_state(vmi, state)
                 : vmi_fail(vmi, ST_INVALID, "no place for the state was given");
}

status_t vmi_slat_control(vmi_instance_t vmi, bool state)
{
    const struct monitor_ops *ops = views_of(vmi);
    return ops ? ops->view_control(vmi, state) : VMI_FAILURE;
}

status_t vmi_slat_create(vmi_instance_t vmi, uint16_t *slat_id)
{
    const struct monitor_ops *ops = views_of(vmi);
    if (!ops)
        return VMI_FAILURE;
    return slat_id ? ops->view_create(vmi, slat_id)
                   : vmi_fail(vmi, ST_INVALID, "no place for the view's number was given");
}

status_t vmi_slat_destroy(vmi_instance_t vmi, uint16_t slat_idx)
{
    const struct monitor_ops *ops = views_of(vmi);
    if (!ops)
        return VMI_FAILURE;
    return slat_idx ? ops->view_destroy(vmi, slat_idx)
                    : vmi_fail(vmi, ST_INVALID, "view 0 cannot be removed");
}

status_t vmi_slat_switch(vmi_instance_t vmi, uint16_t slat_idx)
{
    const struct monitor_ops *ops = views_of(vmi);
    return ops ? ops->view_switch(vmi, slat_idx) : VMI_FAILURE;
}

status_t vmi_slat_change_gfn(vmi_instance_t vmi, uint16_t slat_idx, addr_t old_gfn, addr_t new_gfn)
{
    const struct monitor_ops *ops = views_of(vmi);
    return ops ? ops->view_change_gfn(vmi, slat_idx, old_gfn, new_gfn) : VMI_FAILURE;
}

status_t vmi_slat_get_domain_state(vmi_instance_t vmi, bool *state)
{
    return vmi_slat_state(vmi, state);
}

status_t vmi_slat_set_domain_state(vmi_instance_t vmi, bool state)
{
    return vmi_slat_control(vmi, state);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an instance with events does for the API. events.c and slat.c check what holds for every
 * source, and then ask here. All record their story and answer VMI_SUCCESS or VMI_FAILURE. bridge.h
 * has the only ones; tests may bring their own.
 */
#ifndef TINYVMI_VMI_MONITOR_H
#define TINYVMI_VMI_MONITOR_H

#include <libvmi/events.h>

#include "vmi/instance.h"

struct monitor_ops {
    /* ---- events; all present, or none ---- */
    status_t (*add)(vmi_instance_t vmi, vmi_event_t *event);
    status_t (*swap)(vmi_instance_t vmi, vmi_event_t *from, vmi_event_t *to,
                     vmi_event_free_t free_routine);
    status_t (*clear)(vmi_instance_t vmi, vmi_event_t *event, vmi_event_free_t free_routine);
    status_t (*listen)(vmi_instance_t vmi, uint32_t timeout);
    int (*pending)(vmi_instance_t vmi); /* -1: failure */
    status_t (*listener_required)(vmi_instance_t vmi, bool required);
    vmi_event_t *(*find_reg)(vmi_instance_t vmi, reg_t reg);
    vmi_event_t *(*find_mem)(vmi_instance_t vmi, addr_t gfn, vmi_mem_access_t access);
    vmi_event_t *(*find_step)(vmi_instance_t vmi, uint32_t vcpu);
    status_t (*restrict_frames)(vmi_instance_t vmi, addr_t first, addr_t end,
                                vmi_mem_access_t access, uint16_t view);
    status_t (*step)(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu, uint64_t steps,
                     event_callback_t cb);
    status_t (*toggle_step)(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu, bool enabled);
    status_t (*stop_step)(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu);
    status_t (*stop_all_steps)(vmi_instance_t vmi);
    /* ---- second-level views; all present, or none ---- */
    status_t (*view_state)(vmi_instance_t vmi, bool *state);
    status_t (*view_control)(vmi_instance_t vmi, bool state);
    status_t (*view_create)(vmi_instance_t vmi, uint16_t *view);
    status_t (*view_destroy)(vmi_instance_t vmi, uint16_t view);
    status_t (*view_switch)(vmi_instance_t vmi, uint16_t view);
    status_t (*view_change_gfn)(vmi_instance_t vmi, uint16_t view, addr_t old_gfn, addr_t new_gfn);
};

#endif

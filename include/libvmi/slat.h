/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Views: several second-level tables of one guest, so that the same frame can have other rights, or
 * other contents, for some vCPUs or for some time. On Xen (Intel) this is altp2m. View 0 is the
 * guest's ordinary table and is always there. Files and other sources fail.
 */
#ifndef LIBVMI_SLAT_H
#define LIBVMI_SLAT_H

#include <stdbool.h>
#include <libvmi/libvmi.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Whether views are switched on for the guest. `*state` is untouched on failure. */
VMI_API status_t vmi_slat_state(vmi_instance_t vmi, bool *state) NOEXCEPT;

/**
 * Switches views on or off for the guest, whose configuration must allow it. Off: all vCPUs are in
 * view 0, and all other views are gone.
 */
VMI_API status_t vmi_slat_control(vmi_instance_t vmi, bool state) NOEXCEPT;

/** Makes a view with full access to all memory. `*slat_id` is untouched on failure. */
VMI_API status_t vmi_slat_create(vmi_instance_t vmi, uint16_t *slat_id) NOEXCEPT;

/** Removes a view; not view 0, and not one that a vCPU is in. */
VMI_API status_t vmi_slat_destroy(vmi_instance_t vmi, uint16_t slat_idx) NOEXCEPT;

/** Puts all vCPUs into a view. For one vCPU, see VMI_EVENT_RESPONSE_SLAT_ID. */
VMI_API status_t vmi_slat_switch(vmi_instance_t vmi, uint16_t slat_idx) NOEXCEPT;

/** In this view, frame `old_gfn` shows the memory of `new_gfn` (all ones: its own again). */
VMI_API status_t vmi_slat_change_gfn(vmi_instance_t vmi, uint16_t slat_idx, addr_t old_gfn,
                                     addr_t new_gfn) NOEXCEPT;

/** Older names of vmi_slat_state and vmi_slat_control. */
VMI_API status_t vmi_slat_get_domain_state(vmi_instance_t vmi, bool *state) NOEXCEPT
    __attribute__((deprecated("use vmi_slat_state")));
VMI_API status_t vmi_slat_set_domain_state(vmi_instance_t vmi, bool state) NOEXCEPT
    __attribute__((deprecated("use vmi_slat_control")));

#ifdef __cplusplus
}
#endif

#endif /* LIBVMI_SLAT_H */

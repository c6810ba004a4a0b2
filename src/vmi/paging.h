/* SPDX-License-Identifier: BSD-2-Clause */
/* LibVMI's page modes and our paging forms. */
#ifndef TINYVMI_VMI_PAGING_H
#define TINYVMI_VMI_PAGING_H

#include "vmi/instance.h"

/* VMI_PM_UNKNOWN for a form that LibVMI has no mode for. 5-level x86 is IA32E: programs switch on
 * it. */
page_mode_t mode_of_form(const struct paging_form *f);

/* A mode that tables can be walked in. */
static inline bool mode_usable(page_mode_t pm)
{
    return pm >= VMI_PM_LEGACY && pm <= VMI_PM_EPT_5L;
}

/* Bytes of an address; 0 for modes without one. */
static inline unsigned mode_width(page_mode_t pm)
{
    if (pm == VMI_PM_IA32E || pm == VMI_PM_AARCH64)
        return 8;
    return pm == VMI_PM_LEGACY || pm == VMI_PM_PAE || pm == VMI_PM_AARCH32 ? 4 : 0;
}

/*
 * The form for a mode: the instance's own where that has this mode (5 levels, an arm64 granule),
 * else the usual one. `pm` must be usable.
 */
const struct paging_form *form_of_mode(vmi_instance_t vmi, page_mode_t pm);

/* Makes `as` a space with this form and one root. */
void space_init(struct aspace *as, struct phys *phys, const struct paging_form *form,
                uint64_t root);

/*
 * What a vCPU's registers say about paging. ST_OK with *pm (VMI_PM_NONE: paging is off; else *ret
 * is valid); ST_ABSENT when the registers do not tell.
 */
MUST_USE int paging_of_registers(vmi_instance_t vmi, const struct vcpu_regs *regs, page_mode_t *pm,
                                 struct aspace *ret);

/* Sets the instance's space and mode from the kernel's, after an OS was found. */
void paging_from_os(vmi_instance_t vmi);

/* Sets the mode from a configuration, if it is not known yet. */
void paging_from_config(vmi_instance_t vmi, page_mode_t pm);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks with all their entries, and pointers into guest memory. Scatter reads are in read.c. */
#include "vmi/access.h"

/* Intel SDM 3A chapter 5 and Arm ARM D8 name the entries; here by their distance from the last
 * level. */
static const char *level_name(page_mode_t pm, const struct paging_form *form, unsigned level)
{
    static const char *const x86[] = {"PTE", "PDE", "PDPTE", "PML4E", "PML5E"};
    static const char *const ept[] = {"EPT PTE", "EPT PDE", "EPT PDPTE", "EPT PML4E", "EPT PML5E"};
    static const char *const arm[] = {"level 3", "level 2", "level 1", "level 0", "level -1"};
    static const char *const arm32[] = {"level 2", "level 1"};
    unsigned up = form->levels - 1u - level;
    if (pm == VMI_PM_AARCH32 && form->levels == 2)
        return up < ARRAY_LEN(arm32) ? arm32[up] : "";
    if (up >= ARRAY_LEN(x86))
        return "";
    if (pm == VMI_PM_EPT_4L || pm == VMI_PM_EPT_5L)
        return ept[up];
    return pm == VMI_PM_AARCH64 || pm == VMI_PM_AARCH32 ? arm[up] : x86[up];
}

static const char *fault_name(enum walk_fault fault)
{
    static const char *const names[] = {
        [WALK_OK] = "",
        [WALK_NOT_CANONICAL] = "not canonical",
        [WALK_NOT_PRESENT] = "not present",
        [WALK_RESERVED] = "reserved bit set",
        [WALK_TABLE_ABSENT] = "table is not in memory",
        [WALK_OUTER] = "not mapped by the nested table",
    };
    return (unsigned)fault < ARRAY_LEN(names) ? names[fault] : "unknown";
}

/* What the system makes of the entry that the walk ended at, where the hardware does not take it. */
static const char *note_of(vmi_instance_t vmi, const struct aspace *as, const struct walk *w)
{
    const struct pte_policy *policy = as->policy;
    if (!policy || !policy->describe || !w->levels)
        return "";
    uint64_t entry = w->entry[w->levels - 1].value;
    if (entry & w->form->present_mask)
        return "";
    return policy->describe(policy->arg, as, w->levels - 1, entry, w->va, vmi->walk_note,
                            sizeof vmi->walk_note);
}

status_t vmi_walk(vmi_instance_t vmi, vmi_pid_t pid, addr_t va, struct vmi_walk *ret)
{
    struct access a;
    struct walk w;
    if (!vmi || !ret)
        return vmi_fail(vmi, ST_INVALID, "no place for the walk was given");
    if (access_pid(vmi, pid, va, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    aspace_walk(a.space, GVA(va), &w);
    vmi->walk.failed = false;
    page_mode_t pm = mode_of_form(w.form);
    bool ok = w.fault == WALK_OK;
    *ret = (struct vmi_walk){
        .va = va,
        .pa = ok ? w.outer_pa : 0,
        .page_size = ok ? w.size : 0,
        .read = ok && w.rights & RIGHT_R,
        .write = ok && w.rights & RIGHT_W,
        .exec = ok && w.rights & RIGHT_X,
        .user = ok && w.rights & RIGHT_U,
        .levels = MIN_OF(w.levels, ARRAY_LEN(ret->level)),
        .form = w.form->name,
        .fault = fault_name(w.fault),
        .note = note_of(vmi, a.space, &w),
    };
    for (unsigned i = 0; i < ret->levels; i++)
        ret->level[i] =
            (struct vmi_walk_level){level_name(pm, w.form, i), w.entry[i].at, w.entry[i].value};
    return VMI_SUCCESS;
}

status_t vmi_next_data(vmi_instance_t vmi, addr_t pa, addr_t *start, addr_t *end)
{
    uint64_t at, stop;
    if (!vmi || !start || !end)
        return vmi_fail(vmi, ST_INVALID,
                        "vmi_next_data needs an instance and two places for the answer");
    at = phys_next_data(&vmi->source.phys, pa, &stop);
    if (at == UINT64_MAX)
        return VMI_FAILURE; /* the end of a loop, not an error */
    *start = at;
    *end = stop;
    return VMI_SUCCESS;
}

const void *vmi_map_pa(vmi_instance_t vmi, addr_t pa, size_t *avail)
{
    size_t n = 0;
    if (!vmi || !avail)
        return NULL;
    *avail = 0;
    const struct phys_range *r = phys_find(&vmi->source.phys, pa);
    const uint8_t *p = r && r->host ? phys_ptr(&vmi->source.phys, pa, &n) : NULL;
    if (p)
        *avail = n;
    else if (r)
        vmi_fail(vmi, ST_UNSUPPORTED,
                 "memory of a source of kind \"%s\" can only be read, not mapped",
                 vmi->source.kind);
    else
        access_fault_pa(vmi, "map", pa, 1, 0, ST_ABSENT);
    return p;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmi/paging.h"

page_mode_t mode_of_form(const struct paging_form *f)
{
    static const page_mode_t mode[FORM_COUNT] = {
        [FORM_X86_LEGACY] = VMI_PM_LEGACY,    [FORM_X86_LEGACY_NOPSE] = VMI_PM_LEGACY,
        [FORM_X86_PAE] = VMI_PM_PAE,          [FORM_X86_4LEVEL] = VMI_PM_IA32E,
        [FORM_X86_5LEVEL] = VMI_PM_IA32E,     [FORM_EPT_4LEVEL] = VMI_PM_EPT_4L,
        [FORM_EPT_5LEVEL] = VMI_PM_EPT_5L,    [FORM_ARM64_4K_39] = VMI_PM_AARCH64,
        [FORM_ARM64_4K_48] = VMI_PM_AARCH64,  [FORM_ARM64_4K_52] = VMI_PM_AARCH64,
        [FORM_ARM64_16K_36] = VMI_PM_AARCH64, [FORM_ARM64_16K_47] = VMI_PM_AARCH64,
        [FORM_ARM64_16K_48] = VMI_PM_AARCH64, [FORM_ARM64_16K_52] = VMI_PM_AARCH64,
        [FORM_ARM64_64K_42] = VMI_PM_AARCH64, [FORM_ARM64_64K_48] = VMI_PM_AARCH64,
        [FORM_ARM64_64K_52] = VMI_PM_AARCH64, [FORM_ARM32_SHORT] = VMI_PM_AARCH32,
        [FORM_ARM32_LPAE] = VMI_PM_AARCH32,
    };
    for (unsigned i = 0; i < FORM_COUNT; i++)
        if (paging_form((enum form_id)i) == f)
            return mode[i] ? mode[i] : VMI_PM_UNKNOWN;
    return VMI_PM_UNKNOWN;
}

const struct paging_form *form_of_mode(vmi_instance_t vmi, page_mode_t pm)
{
    static const enum form_id usual[] = {
        [VMI_PM_LEGACY] = FORM_X86_LEGACY,   [VMI_PM_PAE] = FORM_X86_PAE,
        [VMI_PM_IA32E] = FORM_X86_4LEVEL,    [VMI_PM_AARCH32] = FORM_ARM32_SHORT,
        [VMI_PM_AARCH64] = FORM_ARM64_4K_48, [VMI_PM_EPT_4L] = FORM_EPT_4LEVEL,
        [VMI_PM_EPT_5L] = FORM_EPT_5LEVEL,
    };
    if (vmi->have_space && vmi->page_mode == pm)
        return vmi->space.half[0].form;
    return paging_form(usual[pm]);
}

/* Arm's two halves are told apart by the top bit whatever their widths; one table may serve either.
 */
static bool is_arm(const struct paging_form *form)
{
    page_mode_t pm = mode_of_form(form);
    return pm == VMI_PM_AARCH32 || pm == VMI_PM_AARCH64;
}

void space_init(struct aspace *as, struct phys *phys, const struct paging_form *form, uint64_t root)
{
    *as = (struct aspace){
        .phys = phys,
        .half = {{form, root & form->root_mask}, {form, root & form->root_mask}},
        .split = is_arm(form) && form->va_bits > 32 ? 1ULL << 63 : 0,
    };
}

static enum form_id x86_form(const struct source *s, const struct vcpu_regs *r)
{
    if (!(r->cr4 & (1 << 5)))                                               /* CR4.PAE */
        return r->cr4 & (1 << 4) ? FORM_X86_LEGACY : FORM_X86_LEGACY_NOPSE; /* CR4.PSE */
    bool long_mode = r->have & REGS_EFER ? r->efer & (1 << 10)
                                         : s->arch == ARCH_X86_64; /* EFER.LMA, SDM 3A 2.2.1 */
    if (!long_mode)
        return FORM_X86_PAE;
    return r->cr4 & (1 << 12) ? FORM_X86_5LEVEL : FORM_X86_4LEVEL; /* CR4.LA57 */
}

enum granule { GRANULE_4K, GRANULE_16K, GRANULE_64K, GRANULE_NONE };

/* The form with this granule and this many address bits; false: a combination that no form
 * describes. */
static bool arm64_form(enum granule granule, unsigned bits, enum form_id *ret)
{
    static const struct {
        enum granule granule;
        unsigned bits;
        enum form_id form;
    } row[] = {
        {GRANULE_4K, 39, FORM_ARM64_4K_39},   {GRANULE_4K, 48, FORM_ARM64_4K_48},
        {GRANULE_4K, 52, FORM_ARM64_4K_52},   {GRANULE_16K, 36, FORM_ARM64_16K_36},
        {GRANULE_16K, 47, FORM_ARM64_16K_47}, {GRANULE_16K, 48, FORM_ARM64_16K_48},
        {GRANULE_16K, 52, FORM_ARM64_16K_52}, {GRANULE_64K, 42, FORM_ARM64_64K_42},
        {GRANULE_64K, 48, FORM_ARM64_64K_48}, {GRANULE_64K, 52, FORM_ARM64_64K_52},
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        if (row[i].granule == granule && row[i].bits == bits) {
            *ret = row[i].form;
            return true;
        }
    }
    return false;
}

/* TCR_EL1 (Arm ARM D24.2): T0SZ 5:0, TG0 15:14, T1SZ 21:16, TG1 31:30; the two granule fields are
 * coded differently. */
static int arm64_space(vmi_instance_t vmi, const struct vcpu_regs *r, struct aspace *ret)
{
    static const enum granule tg0[] = {GRANULE_4K, GRANULE_64K, GRANULE_16K, GRANULE_NONE};
    static const enum granule tg1[] = {GRANULE_NONE, GRANULE_16K, GRANULE_4K, GRANULE_64K};
    enum form_id low, high;
    if (!arm64_form(tg1[r->tcr >> 30 & 3], 64 - (unsigned)(r->tcr >> 16 & 63), &high))
        return ST_ABSENT;
    if (!arm64_form(tg0[r->tcr >> 14 & 3], 64 - (unsigned)(r->tcr & 63), &low))
        low = high;              /* while idle the lower half may be narrowed to an identity map */
    uint64_t mask = ~0ULL >> 16; /* the ASID is in bits 63:48 */
    aspace_init_split(ret, &vmi->source.phys, low, r->ttbr0 & mask, high, r->ttbr1 & mask,
                      1ULL << 63);
    return ST_OK;
}

int paging_of_registers(vmi_instance_t vmi, const struct vcpu_regs *r, page_mode_t *pm,
                        struct aspace *ret)
{
    if (r->have & REGS_ARM) {
        if (!(r->sctlr & 1)) { /* SCTLR.M */
            *pm = VMI_PM_NONE;
            return ST_OK;
        }
        if (vmi->source.arch == ARCH_ARM32) /* TTBCR.EAE */
            aspace_init(ret, &vmi->source.phys,
                        r->tcr >> 31 & 1 ? FORM_ARM32_LPAE : FORM_ARM32_SHORT, r->ttbr0);
        else if (arm64_space(vmi, r, ret) != ST_OK)
            return ST_ABSENT;
    } else if (r->have & REGS_CR) {
        if (!(r->cr0 >> 31 & 1)) { /* CR0.PG */
            *pm = VMI_PM_NONE;
            return ST_OK;
        }
        aspace_init(ret, &vmi->source.phys, x86_form(&vmi->source, r), r->cr3);
    } else {
        return ST_ABSENT;
    }
    *pm = mode_of_form(ret->half[1].form);
    return ST_OK;
}

void paging_from_os(vmi_instance_t vmi)
{
    vmi->space = vmi->os.kernel;
    vmi->have_space = true;
    vmi->page_mode = mode_of_form(vmi->os.kernel.half[1].form);
}

void paging_from_config(vmi_instance_t vmi, page_mode_t pm)
{
    if (vmi->page_mode != VMI_PM_UNKNOWN || !mode_usable(pm))
        return;
    space_init(&vmi->space, &vmi->source.phys, form_of_mode(vmi, pm), 0);
    vmi->have_space = true;
    vmi->page_mode = pm;
}

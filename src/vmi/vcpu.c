/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of vCPUs, as far as the source knows them. */
#include "vmi/access.h"

/* Where a register is in struct vcpu_regs, and which group it belongs to. */
struct reg_row {
    reg_t reg;
    unsigned group; /* REGS_* */
    uint16_t offset, size;
};

#define ROW(reg, group, member)                                                                    \
    {                                                                                              \
        reg, group, offsetof(struct vcpu_regs, member), sizeof(((struct vcpu_regs *)0)->member)    \
    }

static const struct reg_row x86_rows[] = {
    ROW(RAX, REGS_GENERAL, gpr[0]),
    ROW(RBX, REGS_GENERAL, gpr[1]),
    ROW(RCX, REGS_GENERAL, gpr[2]),
    ROW(RDX, REGS_GENERAL, gpr[3]),
    ROW(RBP, REGS_GENERAL, gpr[4]),
    ROW(RSI, REGS_GENERAL, gpr[5]),
    ROW(RDI, REGS_GENERAL, gpr[6]),
    ROW(RSP, REGS_GENERAL, gpr[7]),
    ROW(R8, REGS_GENERAL, gpr[8]),
    ROW(R9, REGS_GENERAL, gpr[9]),
    ROW(R10, REGS_GENERAL, gpr[10]),
    ROW(R11, REGS_GENERAL, gpr[11]),
    ROW(R12, REGS_GENERAL, gpr[12]),
    ROW(R13, REGS_GENERAL, gpr[13]),
    ROW(R14, REGS_GENERAL, gpr[14]),
    ROW(R15, REGS_GENERAL, gpr[15]),
    ROW(RIP, REGS_GENERAL, rip),
    ROW(RFLAGS, REGS_GENERAL, rflags),
    ROW(CR0, REGS_CR, cr0),
    ROW(CR2, REGS_CR, cr2),
    ROW(CR3, REGS_CR, cr3),
    ROW(CR4, REGS_CR, cr4),
    ROW(MSR_EFER, REGS_EFER, efer),
    ROW(CS_SEL, REGS_SEGMENTS, cs),
    ROW(DS_SEL, REGS_SEGMENTS, ds),
    ROW(ES_SEL, REGS_SEGMENTS, es),
    ROW(FS_SEL, REGS_SEGMENTS, fs),
    ROW(GS_SEL, REGS_SEGMENTS, gs),
    ROW(SS_SEL, REGS_SEGMENTS, ss),
    ROW(TR_SEL, REGS_SEGMENTS, tr),
    ROW(LDTR_SEL, REGS_SEGMENTS, ldt),
    ROW(FS_BASE, REGS_SEGMENTS, fs_base),
    ROW(GS_BASE, REGS_SEGMENTS, gs_base),
    ROW(SHADOW_GS, REGS_SEGMENTS, kernel_gs_base),
    ROW(GDTR_BASE, REGS_TABLES, gdt_base),
    ROW(IDTR_BASE, REGS_TABLES, idt_base),
    ROW(GDTR_LIMIT, REGS_TABLES, gdt_limit),
    ROW(IDTR_LIMIT, REGS_TABLES, idt_limit),
    ROW(MSR_SHADOW_GS_BASE, REGS_SEGMENTS, kernel_gs_base),
};

static const struct reg_row arm_rows[] = {
    ROW(TTBR0, REGS_ARM, ttbr0), ROW(TTBR1, REGS_ARM, ttbr1), ROW(TTBCR, REGS_ARM, tcr),
    ROW(SCTLR, REGS_ARM, sctlr), ROW(CPSR, REGS_ARM, pstate), ROW(PC, REGS_ARM, pc),
    ROW(X0, REGS_ARM, x[0]),     ROW(X1, REGS_ARM, x[1]),     ROW(X2, REGS_ARM, x[2]),
    ROW(X3, REGS_ARM, x[3]),     ROW(X4, REGS_ARM, x[4]),     ROW(X5, REGS_ARM, x[5]),
    ROW(X6, REGS_ARM, x[6]),     ROW(X7, REGS_ARM, x[7]),     ROW(X8, REGS_ARM, x[8]),
    ROW(X9, REGS_ARM, x[9]),     ROW(X10, REGS_ARM, x[10]),   ROW(X11, REGS_ARM, x[11]),
    ROW(X12, REGS_ARM, x[12]),   ROW(X13, REGS_ARM, x[13]),   ROW(X14, REGS_ARM, x[14]),
    ROW(X15, REGS_ARM, x[15]),   ROW(X16, REGS_ARM, x[16]),   ROW(X17, REGS_ARM, x[17]),
    ROW(X18, REGS_ARM, x[18]),   ROW(X19, REGS_ARM, x[19]),   ROW(X20, REGS_ARM, x[20]),
    ROW(X21, REGS_ARM, x[21]),   ROW(X22, REGS_ARM, x[22]),   ROW(X23, REGS_ARM, x[23]),
    ROW(X24, REGS_ARM, x[24]),   ROW(X25, REGS_ARM, x[25]),   ROW(X26, REGS_ARM, x[26]),
    ROW(X27, REGS_ARM, x[27]),   ROW(X28, REGS_ARM, x[28]),   ROW(X29, REGS_ARM, x[29]),
    ROW(X30, REGS_ARM, x[30]),
};

static bool find_register(const struct vcpu_regs *r, reg_t reg, uint64_t *ret)
{
    const struct reg_row *rows = r->have & REGS_ARM ? arm_rows : x86_rows;
    size_t n = r->have & REGS_ARM ? ARRAY_LEN(arm_rows) : ARRAY_LEN(x86_rows);
    for (size_t i = 0; i < n; i++) {
        if (rows[i].reg != reg || !(r->have & rows[i].group))
            continue;
        *ret = 0;
        memcpy(ret, (const char *)r + rows[i].offset, rows[i].size);
        return true;
    }
    return false;
}

/* The registers of a vCPU; the story is recorded on failure. */
static status_t registers_of(vmi_instance_t vmi, unsigned long vcpu, struct vcpu_regs *ret)
{
    if (!vmi->source.vcpu || !vmi->source.vcpu->registers)
        return vmi_unsupported(vmi, "vCPU registers");
    if (vcpu > UINT32_MAX)
        return vmi_fail(vmi, ST_INVALID, "the guest has no vCPU %lu", vcpu);
    *ret = (struct vcpu_regs){0};
    int st = vmi->source.vcpu->registers(vmi->source.impl, (unsigned)vcpu, ret);
    const struct diag *story = vmi->source.story;
    if (st == ST_OK)
        return VMI_SUCCESS;
    return vmi_fail(vmi, st, "the registers of vCPU %lu cannot be read: %s", vcpu,
                    story && story->code == st && story->text[0] ? story->text : status_name(st));
}

status_t vmi_get_vcpureg(vmi_instance_t vmi, uint64_t *value, reg_t reg, unsigned long vcpu)
{
    struct vcpu_regs regs;
    uint64_t v;
    if (!vmi || !value)
        return vmi_fail(vmi, ST_INVALID, "no place for the register was given");
    if (reg == CR3 && !vmi->source.live && vmi->have_os) { /* LibVMI's meaning for files */
        *value = vmi->os.kernel.half[1].root;
        return VMI_SUCCESS;
    }
    if (registers_of(vmi, vcpu, &regs) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (!find_register(&regs, reg, &v))
        return vmi_fail(vmi, ST_UNSUPPORTED,
                        "a source of kind \"%s\" does not tell register number %llu",
                        vmi->source.kind, (unsigned long long)reg);
    *value = v;
    return VMI_SUCCESS;
}

/* Members of x86_registers_t by register number. */
static void fill_x86(x86_registers_t *x, const struct vcpu_regs *r)
{
    const struct {
        reg_t reg;
        uint64_t *to;
    } rows[] = {
        {RAX, &x->rax},
        {RCX, &x->rcx},
        {RDX, &x->rdx},
        {RBX, &x->rbx},
        {RSP, &x->rsp},
        {RBP, &x->rbp},
        {RSI, &x->rsi},
        {RDI, &x->rdi},
        {R8, &x->r8},
        {R9, &x->r9},
        {R10, &x->r10},
        {R11, &x->r11},
        {R12, &x->r12},
        {R13, &x->r13},
        {R14, &x->r14},
        {R15, &x->r15},
        {RFLAGS, &x->rflags},
        {RIP, &x->rip},
        {CR0, &x->cr0},
        {CR2, &x->cr2},
        {CR3, &x->cr3},
        {CR4, &x->cr4},
        {MSR_EFER, &x->msr_efer},
        {FS_BASE, &x->fs_base},
        {FS_SEL, &x->fs_sel},
        {GS_BASE, &x->gs_base},
        {GS_SEL, &x->gs_sel},
        {CS_SEL, &x->cs_sel},
        {SS_SEL, &x->ss_sel},
        {DS_SEL, &x->ds_sel},
        {ES_SEL, &x->es_sel},
        {TR_SEL, &x->tr_sel},
        {LDTR_SEL, &x->ldt_sel},
        {SHADOW_GS, &x->shadow_gs},
        {IDTR_BASE, &x->idtr_base},
        {IDTR_LIMIT, &x->idtr_limit},
        {GDTR_BASE, &x->gdtr_base},
        {GDTR_LIMIT, &x->gdtr_limit},
    };
    uint64_t v;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (find_register(r, rows[i].reg, &v))
            *rows[i].to = v;
}

status_t vmi_get_vcpuregs(vmi_instance_t vmi, registers_t *regs, unsigned long vcpu)
{
    struct vcpu_regs r;
    if (!vmi || !regs)
        return vmi_fail(vmi, ST_INVALID, "no place for the registers was given");
    if (registers_of(vmi, vcpu, &r) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (r.have & REGS_ARM)
        regs->arm = (arm_registers_t){.ttbr0 = r.ttbr0,
                                      .ttbr1 = r.ttbr1,
                                      .ttbcr = r.tcr,
                                      .pc = r.pc,
                                      .cpsr = (uint32_t)r.pstate};
    else
        fill_x86(&regs->x86, &r);
    return VMI_SUCCESS;
}

/* ---- what no source can do yet --------------------------------------------------------------- */

status_t vmi_set_vcpureg(vmi_instance_t vmi, uint64_t value, reg_t reg, unsigned long vcpu)
{
    (void)value, (void)reg, (void)vcpu;
    return vmi_unsupported(vmi, "way to set registers");
}

status_t vmi_set_vcpuregs(vmi_instance_t vmi, registers_t *regs, unsigned long vcpu)
{
    (void)regs, (void)vcpu;
    return vmi_unsupported(vmi, "way to set registers");
}

status_t vmi_get_vcpumtrr(vmi_instance_t vmi, mtrr_regs_t *hwMtrr, unsigned long vcpu)
{
    (void)hwMtrr, (void)vcpu;
    return vmi_unsupported(vmi, "MTRRs to read");
}

status_t vmi_get_xsave_info(vmi_instance_t vmi, unsigned long vcpu, xsave_area_t *xsave_info)
{
    (void)vcpu, (void)xsave_info;
    return vmi_unsupported(vmi, "XSAVE area to read");
}

status_t vmi_get_tsc_info(vmi_instance_t vmi, uint32_t *tsc_mode, uint64_t *elapsed_nsec,
                          uint32_t *gtsc_khz, uint32_t *incarnation)
{
    (void)tsc_mode, (void)elapsed_nsec, (void)gtsc_khz, (void)incarnation;
    return vmi_unsupported(vmi, "TSC settings to read");
}

status_t vmi_request_page_fault(vmi_instance_t vmi, unsigned long vcpu, uint64_t virtual_address,
                                uint32_t error_code)
{
    (void)vcpu, (void)virtual_address, (void)error_code;
    return vmi_unsupported(vmi, "way to inject a page fault");
}

/* ---- disks ----------------------------------------------------------------------------------- */

status_t vmi_read_disk(vmi_instance_t vmi, const char *device_id, uint64_t offset, uint64_t count,
                       void *buffer)
{
    (void)device_id, (void)offset, (void)count, (void)buffer;
    return vmi_unsupported(vmi, "disks to read");
}

char **vmi_get_disks(vmi_instance_t vmi, unsigned int *num)
{
    (void)num;
    vmi_unsupported(vmi, "disks to list");
    return NULL;
}

status_t vmi_disk_is_bootable(vmi_instance_t vmi, const char *device_id, bool *bootable)
{
    (void)device_id, (void)bootable;
    return vmi_unsupported(vmi, "disks to list");
}

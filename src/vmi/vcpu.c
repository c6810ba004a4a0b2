/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of vCPUs and what else they have, as far as the source knows it. */
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

#define SEGMENT(name, i)                                                                           \
    ROW(name##_BASE, REGS_DESCRIPTORS, segment[i].base),                                           \
        ROW(name##_LIMIT, REGS_DESCRIPTORS, segment[i].limit),                                     \
        ROW(name##_ARBYTES, REGS_DESCRIPTORS, segment[i].rights)

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
    ROW(XCR0, REGS_XCR0, xcr0),
    ROW(DR0, REGS_DEBUG, dr[0]),
    ROW(DR1, REGS_DEBUG, dr[1]),
    ROW(DR2, REGS_DEBUG, dr[2]),
    ROW(DR3, REGS_DEBUG, dr[3]),
    ROW(DR6, REGS_DEBUG, dr[6]),
    ROW(DR7, REGS_DEBUG, dr[7]),
    SEGMENT(CS, 0),
    SEGMENT(DS, 1),
    SEGMENT(ES, 2),
    SEGMENT(SS, 5),
    SEGMENT(TR, 6),
    SEGMENT(LDTR, 7),
    ROW(FS_LIMIT, REGS_DESCRIPTORS, segment[3].limit),
    ROW(FS_ARBYTES, REGS_DESCRIPTORS, segment[3].rights),
    ROW(GS_LIMIT, REGS_DESCRIPTORS, segment[4].limit),
    ROW(GS_ARBYTES, REGS_DESCRIPTORS, segment[4].rights),
    ROW(SYSENTER_CS, REGS_MSRS, sysenter_cs),
    ROW(SYSENTER_ESP, REGS_MSRS, sysenter_esp),
    ROW(SYSENTER_EIP, REGS_MSRS, sysenter_eip),
    ROW(MSR_IA32_SYSENTER_CS, REGS_MSRS, sysenter_cs),
    ROW(MSR_IA32_SYSENTER_ESP, REGS_MSRS, sysenter_esp),
    ROW(MSR_IA32_SYSENTER_EIP, REGS_MSRS, sysenter_eip),
    ROW(MSR_STAR, REGS_MSRS, star),
    ROW(MSR_LSTAR, REGS_MSRS, lstar),
    ROW(MSR_CSTAR, REGS_MSRS, cstar),
    ROW(MSR_SYSCALL_MASK, REGS_MSRS, syscall_mask),
    ROW(MSR_TSC_AUX, REGS_MSRS, tsc_aux),
    ROW(MSR_FLAGS, REGS_MSRS, msr_flags),
    ROW(TSC, REGS_TSC, tsc),
    ROW(MSR_IA32_TSC, REGS_TSC, tsc),
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

/* The row of a register that this source tells, or NULL. */
static const struct reg_row *row_of(const struct vcpu_regs *r, reg_t reg)
{
    const struct reg_row *rows = r->have & REGS_ARM ? arm_rows : x86_rows;
    size_t n = r->have & REGS_ARM ? ARRAY_LEN(arm_rows) : ARRAY_LEN(x86_rows);
    for (size_t i = 0; i < n; i++)
        if (rows[i].reg == reg && r->have & rows[i].group)
            return &rows[i];
    return NULL;
}

static bool find_register(const struct vcpu_regs *r, reg_t reg, uint64_t *ret)
{
    const struct reg_row *row = row_of(r, reg);
    if (!row)
        return false;
    *ret = 0;
    memcpy(ret, (const char *)r + row->offset, row->size);
    return true;
}

/* Why a call of the source failed: its own story, where it has one for it. */
static status_t source_failed(vmi_instance_t vmi, int st, const char *what, unsigned long vcpu)
{
    const struct diag *story = vmi->source.story;
    return vmi_fail(vmi, st, "%s of vCPU %lu: %s", what, vcpu,
                    story && story->code == st && story->text[0] ? story->text : status_name(st));
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
        {DR6, &x->dr6},
        {DR7, &x->dr7},
        {SYSENTER_CS, &x->sysenter_cs},
        {SYSENTER_ESP, &x->sysenter_esp},
        {SYSENTER_EIP, &x->sysenter_eip},
        {MSR_STAR, &x->msr_star},
        {MSR_LSTAR, &x->msr_lstar},
        {MSR_CSTAR, &x->msr_cstar},
        {FS_LIMIT, &x->fs_limit},
        {FS_ARBYTES, &x->fs_arbytes},
        {GS_LIMIT, &x->gs_limit},
        {GS_ARBYTES, &x->gs_arbytes},
        {CS_BASE, &x->cs_base},
        {CS_LIMIT, &x->cs_limit},
        {CS_ARBYTES, &x->cs_arbytes},
        {SS_BASE, &x->ss_base},
        {SS_LIMIT, &x->ss_limit},
        {SS_ARBYTES, &x->ss_arbytes},
        {DS_BASE, &x->ds_base},
        {DS_LIMIT, &x->ds_limit},
        {DS_ARBYTES, &x->ds_arbytes},
        {ES_BASE, &x->es_base},
        {ES_LIMIT, &x->es_limit},
        {ES_ARBYTES, &x->es_arbytes},
        {TR_BASE, &x->tr_base},
        {TR_LIMIT, &x->tr_limit},
        {TR_ARBYTES, &x->tr_arbytes},
        {LDTR_BASE, &x->ldt_base},
        {LDTR_LIMIT, &x->ldt_limit},
        {LDTR_ARBYTES, &x->ldt_arbytes},
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

/* ---- writing ----------------------------------------------------------------------------------
 */

/* Can registers be set at all? *ret are those of now. */
static status_t settable(vmi_instance_t vmi, unsigned long vcpu, struct vcpu_regs *ret)
{
    if (!vmi)
        return VMI_FAILURE;
    if (!vmi->source.vcpu || !vmi->source.vcpu->set_registers)
        return vmi_unsupported(vmi, "way to set registers");
    return registers_of(vmi, vcpu, ret);
}

static status_t set_registers(vmi_instance_t vmi, unsigned long vcpu, const struct vcpu_regs *regs)
{
    int st = vmi->source.vcpu->set_registers(vmi->source.impl, (unsigned)vcpu, regs);
    return st == ST_OK ? VMI_SUCCESS : source_failed(vmi, st, "the registers cannot be set", vcpu);
}

status_t vmi_set_vcpureg(vmi_instance_t vmi, uint64_t value, reg_t reg, unsigned long vcpu)
{
    struct vcpu_regs regs;
    if (settable(vmi, vcpu, &regs) != VMI_SUCCESS)
        return VMI_FAILURE;
    const struct reg_row *row = row_of(&regs, reg);
    if (!row)
        return vmi_fail(vmi, ST_UNSUPPORTED,
                        "a source of kind \"%s\" does not know register number %llu",
                        vmi->source.kind, (unsigned long long)reg);
    if (row->size < 8 && value >> row->size * 8)
        return vmi_fail(vmi, ST_INVALID, "0x%llx is too large for a register of %u bytes",
                        (unsigned long long)value, row->size);
    memcpy((char *)&regs + row->offset, &value, row->size);
    regs.have = row->group;
    return set_registers(vmi, vcpu, &regs);
}

/* LibVMI's choice of members; all others of *x are ignored. */
static void take_x86(struct vcpu_regs *r, const x86_registers_t *x)
{
    const struct {
        reg_t reg;
        uint64_t value;
    } rows[] = {
        {RAX, x->rax},
        {RBX, x->rbx},
        {RCX, x->rcx},
        {RDX, x->rdx},
        {RBP, x->rbp},
        {RSI, x->rsi},
        {RDI, x->rdi},
        {RSP, x->rsp},
        {R8, x->r8},
        {R9, x->r9},
        {R10, x->r10},
        {R11, x->r11},
        {R12, x->r12},
        {R13, x->r13},
        {R14, x->r14},
        {R15, x->r15},
        {RIP, x->rip},
        {RFLAGS, x->rflags},
        {CR0, x->cr0},
        {CR2, x->cr2},
        {CR3, x->cr3},
        {CR4, x->cr4},
        {DR7, x->dr7},
        {FS_BASE, x->fs_base},
        {GS_BASE, x->gs_base},
        {CS_ARBYTES, x->cs_arbytes},
        {SYSENTER_CS, x->sysenter_cs},
        {SYSENTER_ESP, x->sysenter_esp},
        {SYSENTER_EIP, x->sysenter_eip},
        {MSR_LSTAR, x->msr_lstar},
        {MSR_EFER, x->msr_efer},
        {MSR_STAR, x->msr_star},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct reg_row *row = row_of(r, rows[i].reg);
        if (row)
            memcpy((char *)r + row->offset, &rows[i].value, row->size);
    }
    /* two names for each of these in what the source tells */
    r->segment[3].base = r->fs_base;
    r->segment[4].base = r->gs_base;
}

status_t vmi_set_vcpuregs(vmi_instance_t vmi, registers_t *regs, unsigned long vcpu)
{
    struct vcpu_regs r;
    if (!regs)
        return vmi_fail(vmi, ST_INVALID, "no registers were given");
    if (settable(vmi, vcpu, &r) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (r.have & REGS_ARM)
        return vmi_unsupported(vmi, "way to set the registers of an Arm vCPU");
    take_x86(&r, &regs->x86);
    r.have &= ~(unsigned)(REGS_TABLES | REGS_XCR0 | REGS_TSC);
    return set_registers(vmi, vcpu, &r);
}

/* ---- what else a vCPU has ----------------------------------------------------------------------
 */

status_t vmi_get_vcpumtrr(vmi_instance_t vmi, mtrr_regs_t *hwMtrr, unsigned long vcpu)
{
    uint64_t pat, cap;
    if (!vmi || !hwMtrr)
        return vmi_fail(vmi, ST_INVALID, "no place for the MTRRs was given");
    if (!vmi->source.vcpu || !vmi->source.vcpu->mtrr)
        return vmi_unsupported(vmi, "MTRRs to read");
    if (vcpu > UINT32_MAX)
        return vmi_fail(vmi, ST_INVALID, "the guest has no vCPU %lu", vcpu);
    int st = vmi->source.vcpu->mtrr(vmi->source.impl, (unsigned)vcpu, &pat, &cap);
    if (st != ST_OK)
        return source_failed(vmi, st, "the MTRRs", vcpu);
    *hwMtrr = (mtrr_regs_t){.msr_pat_cr = pat, .msr_mtrr_cap = cap};
    return VMI_SUCCESS;
}

status_t vmi_get_xsave_info(vmi_instance_t vmi, unsigned long vcpu, xsave_area_t *xsave_info)
{
    xsave_area_t area = {0};
    size_t n;
    if (!vmi || !xsave_info)
        return vmi_fail(vmi, ST_INVALID, "no place for the XSAVE area was given");
    if (!vmi->source.vcpu || !vmi->source.vcpu->xsave)
        return vmi_unsupported(vmi, "XSAVE area to read");
    if (vcpu > UINT32_MAX)
        return vmi_fail(vmi, ST_INVALID, "the guest has no vCPU %lu", vcpu);
    int st = vmi->source.vcpu->xsave(vmi->source.impl, (unsigned)vcpu, &area, sizeof area, &n);
    if (st == ST_OK && n < sizeof area)
        st = ST_BROKEN;
    if (st != ST_OK)
        return source_failed(vmi, st, "the XSAVE area", vcpu);
    *xsave_info = area;
    return VMI_SUCCESS;
}

status_t vmi_get_tsc_info(vmi_instance_t vmi, uint32_t *tsc_mode, uint64_t *elapsed_nsec,
                          uint32_t *gtsc_khz, uint32_t *incarnation)
{
    struct tsc_info t;
    if (!vmi || !tsc_mode || !elapsed_nsec || !gtsc_khz || !incarnation)
        return vmi_fail(vmi, ST_INVALID, "no place for the TSC's settings was given");
    if (!vmi->source.domain)
        return vmi_unsupported(vmi, "TSC settings to read");
    int st = vmi->source.domain->tsc(vmi->source.impl, &t);
    if (st != ST_OK)
        return source_failed(vmi, st, "the TSC's settings", 0);
    *tsc_mode = t.mode;
    *elapsed_nsec = t.elapsed_ns;
    *gtsc_khz = t.khz;
    *incarnation = t.incarnation;
    return VMI_SUCCESS;
}

status_t vmi_request_page_fault(vmi_instance_t vmi, unsigned long vcpu, uint64_t virtual_address,
                                uint32_t error_code)
{
    enum { PAGE_FAULT = 14 };
    if (!vmi)
        return VMI_FAILURE;
    if (!vmi->source.vcpu || !vmi->source.vcpu->inject)
        return vmi_unsupported(vmi, "way to inject a page fault");
    if (vcpu > UINT32_MAX)
        return vmi_fail(vmi, ST_INVALID, "the guest has no vCPU %lu", vcpu);
    int st = vmi->source.vcpu->inject(vmi->source.impl, (unsigned)vcpu, PAGE_FAULT, error_code,
                                      virtual_address);
    return st == ST_OK ? VMI_SUCCESS : source_failed(vmi, st, "the injection", vcpu);
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of vCPUs: HVM and PVH guests' through the records of an HVM context (hvm/save.h), PV
 * guests' through their vCPU context. Xen pauses the domain for the moment of each call.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "xen/abi.h"
#include "xen/target.h"

enum { EFER_SCE = 1, EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NX = 1 << 11 };
enum { SAVE_BUFFER = 16384 }; /* of one record: an XSAVE area with AMX takes 11 KiB */

void *target_buffer(struct xen_target *t, size_t n)
{
    if (t->buffer_size >= n)
        return t->buffer;
    uint8_t *p = plat_xen_buffer(t->x.plat, n);
    if (!p) {
        diag_fail(&t->x.diag, ST_NOMEM, "Xen domain %u: no memory for a hypercall", t->info.id);
        return NULL;
    }
    if (t->buffer)
        plat_xen_buffer_free(t->x.plat, t->buffer, t->buffer_size);
    t->buffer = p;
    t->buffer_size = n;
    return p;
}

static int no_vcpu(struct xen_target *t, unsigned vcpu)
{
    return diag_fail(&t->x.diag, ST_INVALID, "Xen domain %u has no vCPU %u (it has 0 to %u)",
                     t->info.id, vcpu, t->info.vcpu_max);
}

/* ---- HVM records ----------------------------------------------------------------------------- */

/* A record into t->buffer; at least `least` bytes of it are valid. */
static int read_record(struct xen_target *t, unsigned type, unsigned vcpu, size_t least)
{
    uint8_t *p = target_buffer(t, SAVE_BUFFER);
    if (!p)
        return ST_NOMEM;
    memset(p, 0, least);
    struct xen_hvmcontext_partial_call c = {
        .type = type, .instance = vcpu, .size = t->buffer_size, .buffer = (uintptr_t)p};
    long v = xen_domctl(&t->x, DOMCTL_GETHVMCONTEXT_PARTIAL, t->info.id, &c, sizeof c);
    return v < 0 ? xen_fail(&t->x, v, t->info.id, "reading the state of a vCPU") : ST_OK;
}

static void take_cpu(const struct xen_save_cpu *c, struct vcpu_regs *r)
{
    const uint64_t gpr[16] = {c->rax, c->rbx, c->rcx, c->rdx, c->rbp, c->rsi, c->rdi, c->rsp,
                              c->r8,  c->r9,  c->r10, c->r11, c->r12, c->r13, c->r14, c->r15};
    *r = (struct vcpu_regs){
        .have = REGS_CR | REGS_EFER | REGS_GENERAL | REGS_SEGMENTS | REGS_TABLES | REGS_DEBUG |
                REGS_DESCRIPTORS | REGS_MSRS | REGS_TSC,
        .cr0 = c->cr0,
        .cr2 = c->cr2,
        .cr3 = c->cr3,
        .cr4 = c->cr4,
        .efer = c->efer,
        .rip = c->rip,
        .rflags = c->rflags,
        .fs_base = c->base[3],
        .gs_base = c->base[4],
        .kernel_gs_base = c->shadow_gs,
        .cs = (uint16_t)c->selector[0],
        .ds = (uint16_t)c->selector[1],
        .es = (uint16_t)c->selector[2],
        .fs = (uint16_t)c->selector[3],
        .gs = (uint16_t)c->selector[4],
        .ss = (uint16_t)c->selector[5],
        .tr = (uint16_t)c->selector[6],
        .ldt = (uint16_t)c->selector[7],
        .gdt_base = c->gdtr_base,
        .idt_base = c->idtr_base,
        .gdt_limit = c->gdtr_limit,
        .idt_limit = c->idtr_limit,
        .dr = {c->dr0, c->dr1, c->dr2, c->dr3, 0, 0, c->dr6, c->dr7},
        .sysenter_cs = c->sysenter_cs,
        .sysenter_esp = c->sysenter_esp,
        .sysenter_eip = c->sysenter_eip,
        .star = c->star,
        .lstar = c->lstar,
        .cstar = c->cstar,
        .syscall_mask = c->syscall_mask,
        .tsc_aux = c->tsc_aux,
        .tsc = c->tsc,
        .msr_flags = c->msr_flags,
    };
    memcpy(r->gpr, gpr, sizeof gpr);
    for (unsigned i = 0; i < 8; i++) {
        r->segment[i].base = c->base[i];
        r->segment[i].limit = c->limit[i];
        r->segment[i].rights = c->rights[i];
    }
}

static void put_general(struct xen_save_cpu *c, const struct vcpu_regs *r)
{
    uint64_t *const gpr[16] = {&c->rax, &c->rbx, &c->rcx, &c->rdx, &c->rbp, &c->rsi,
                               &c->rdi, &c->rsp, &c->r8,  &c->r9,  &c->r10, &c->r11,
                               &c->r12, &c->r13, &c->r14, &c->r15};
    for (unsigned i = 0; i < 16; i++)
        *gpr[i] = r->gpr[i];
    c->rip = r->rip;
    c->rflags = r->rflags;
}

static void put_segments(struct xen_save_cpu *c, const struct vcpu_regs *r)
{
    const uint16_t selector[8] = {r->cs, r->ds, r->es, r->fs, r->gs, r->ss, r->tr, r->ldt};
    for (unsigned i = 0; i < 8; i++)
        c->selector[i] = selector[i];
    c->base[3] = r->fs_base;
    c->base[4] = r->gs_base;
    c->shadow_gs = r->kernel_gs_base;
}

static void put_msrs(struct xen_save_cpu *c, const struct vcpu_regs *r)
{
    c->sysenter_cs = r->sysenter_cs;
    c->sysenter_esp = r->sysenter_esp;
    c->sysenter_eip = r->sysenter_eip;
    c->star = r->star;
    c->lstar = r->lstar;
    c->cstar = r->cstar;
    c->syscall_mask = r->syscall_mask;
    c->tsc_aux = r->tsc_aux;
    c->msr_flags = r->msr_flags;
}

static void put_cpu(struct xen_save_cpu *c, const struct vcpu_regs *r)
{
    if (r->have & REGS_GENERAL)
        put_general(c, r);
    if (r->have & REGS_CR) {
        c->cr0 = r->cr0;
        c->cr2 = r->cr2;
        c->cr3 = r->cr3;
        c->cr4 = r->cr4;
    }
    if (r->have & REGS_EFER)
        c->efer = r->efer;
    if (r->have & REGS_TABLES) {
        c->gdtr_base = r->gdt_base;
        c->gdtr_limit = r->gdt_limit;
        c->idtr_base = r->idt_base;
        c->idtr_limit = r->idt_limit;
    }
    for (unsigned i = 0; r->have & REGS_DESCRIPTORS && i < 8; i++) {
        c->base[i] = r->segment[i].base;
        c->limit[i] = r->segment[i].limit;
        c->rights[i] = r->segment[i].rights;
    }
    if (r->have & REGS_SEGMENTS) /* after the descriptors: two members tell the bases of fs, gs */
        put_segments(c, r);
    if (r->have & REGS_DEBUG) {
        uint64_t *const dr[8] = {&c->dr0, &c->dr1, &c->dr2, &c->dr3, NULL, NULL, &c->dr6, &c->dr7};
        for (unsigned i = 0; i < 8; i++)
            if (dr[i])
                *dr[i] = r->dr[i];
    }
    if (r->have & REGS_MSRS)
        put_msrs(c, r);
    if (r->have & REGS_TSC)
        c->tsc = r->tsc;
}

/* The header without which Xen takes no context: the first record of a whole one. */
static int read_save_header(struct xen_target *t)
{
    struct xen_hvmcontext_call c = {0};
    struct xen_save_descriptor d;
    if (t->have_save_header)
        return ST_OK;
    long v = xen_domctl(&t->x, DOMCTL_GETHVMCONTEXT, t->info.id, &c, sizeof c);
    if (v < 0)
        return xen_fail(&t->x, v, t->info.id, "asking for the size of its state");
    uint8_t *p = target_buffer(t, (size_t)c.size + XEN_PAGE);
    if (!p)
        return ST_NOMEM;
    c = (struct xen_hvmcontext_call){.size = (uint32_t)t->buffer_size, .buffer = (uintptr_t)p};
    v = xen_domctl(&t->x, DOMCTL_GETHVMCONTEXT, t->info.id, &c, sizeof c);
    if (v < 0)
        return xen_fail(&t->x, v, t->info.id, "reading its state");
    memcpy(&d, p, sizeof d);
    if (d.type != SAVE_HEADER || d.length != sizeof t->save_header)
        return diag_fail(&t->x.diag, ST_BROKEN,
                         "Xen domain %u: its state begins with a record of type %u and %u bytes, "
                         "not with a header",
                         t->info.id, d.type, d.length);
    memcpy(t->save_header, p + sizeof d, sizeof t->save_header);
    t->have_save_header = true;
    return ST_OK;
}

/* Header, the record of one CPU, and the end: the state of devices is left alone. */
static int write_cpu(struct xen_target *t, unsigned vcpu, const struct xen_save_cpu *cpu)
{
    struct {
        struct xen_save_descriptor d;
        uint8_t header[24];
        struct xen_save_descriptor d_cpu;
        struct xen_save_cpu cpu;
        struct xen_save_descriptor d_end;
    } all = {.d = {SAVE_HEADER, 0, sizeof t->save_header},
             .d_cpu = {SAVE_CPU, (uint16_t)vcpu, sizeof *cpu},
             .cpu = *cpu,
             .d_end = {SAVE_END, 0, 0}};
    _Static_assert(sizeof all == 3 * 8 + 24 + sizeof *cpu, "no padding between the records");
    int st = read_save_header(t);
    if (st != ST_OK)
        return st;
    uint8_t *p = target_buffer(t, sizeof all);
    if (!p)
        return ST_NOMEM;
    memcpy(all.header, t->save_header, sizeof all.header);
    memcpy(p, &all, sizeof all);
    struct xen_hvmcontext_call c = {.size = sizeof all, .buffer = (uintptr_t)p};
    long v = xen_domctl(&t->x, DOMCTL_SETHVMCONTEXT, t->info.id, &c, sizeof c);
    return v < 0 ? xen_fail(&t->x, v, t->info.id, "setting registers") : ST_OK;
}

static int read_cpu(struct xen_target *t, unsigned vcpu, struct xen_save_cpu *ret)
{
    int st = read_record(t, SAVE_CPU, vcpu, sizeof *ret);
    if (st == ST_OK)
        memcpy(ret, t->buffer, sizeof *ret);
    return st;
}

/* ---- PV contexts ----------------------------------------------------------------------------- */

static int pv_context(struct xen_target *t, unsigned vcpu, bool set, struct xen_pv_context **ret)
{
    struct xen_pv_context *p = target_buffer(t, sizeof *p);
    if (!p)
        return ST_NOMEM;
    struct xen_vcpucontext_call c = {.vcpu = vcpu, .context = (uintptr_t)p};
    long v = xen_domctl(&t->x, set ? DOMCTL_SETVCPUCONTEXT : DOMCTL_GETVCPUCONTEXT, t->info.id, &c,
                        sizeof c);
    if (v < 0)
        return xen_fail(&t->x, v, t->info.id,
                        set ? "setting registers" : "reading the state of a vCPU");
    *ret = p;
    return ST_OK;
}

/* CR3 names the frame of the top table by its machine number, with the upper bits of it below
 * (xen_cr3_to_pfn in arch-x86/xen-x86_64.h: 64-bit guests, plainly shifted). */
static int own_cr3(struct xen_target *t, uint64_t cr3, uint64_t *ret)
{
    uint64_t frame;
    int st = pv_frame_of(t->pv, cr3 >> 12, &frame);
    if (st == ST_OK)
        *ret = frame << 12;
    return st;
}

static void take_pv(const struct xen_pv_context *c, struct vcpu_regs *r)
{
    const struct xen_pv_registers *u = &c->regs;
    const uint64_t gpr[16] = {u->rax, u->rbx, u->rcx, u->rdx, u->rbp, u->rsi, u->rdi, u->rsp,
                              u->r8,  u->r9,  u->r10, u->r11, u->r12, u->r13, u->r14, u->r15};
    bool kernel = c->flags & PV_IN_KERNEL;
    *r = (struct vcpu_regs){
        /* Long mode is all that there is; no descriptor tables of its own, no MSRs to be told. */
        .have = REGS_CR | REGS_EFER | REGS_GENERAL | REGS_SEGMENTS | REGS_DEBUG,
        .efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX,
        .cr0 = c->cr[0],
        .cr2 = c->cr[2],
        .cr4 = c->cr[4],
        .rip = u->rip,
        .rflags = u->rflags,
        .fs_base = c->fs_base,
        .gs_base = kernel ? c->gs_base_kernel : c->gs_base_user,
        .kernel_gs_base = kernel ? c->gs_base_user : c->gs_base_kernel,
        .cs = u->cs,
        .ds = u->ds,
        .es = u->es,
        .fs = u->fs,
        .gs = u->gs,
        .ss = u->ss,
    };
    memcpy(r->gpr, gpr, sizeof gpr);
    memcpy(r->dr, c->dr, sizeof r->dr);
}

static int pv_registers(struct xen_target *t, unsigned vcpu, struct vcpu_regs *ret)
{
    struct xen_pv_context *c;
    struct vcpu_regs r;
    int st = pv_context(t, vcpu, false, &c);
    if (st != ST_OK)
        return st;
    take_pv(c, &r);
    st = own_cr3(t, c->cr[3], &r.cr3);
    if (st != ST_OK)
        return diag_fail(&t->x.diag, st,
                         "Xen domain %u, vCPU %u: its page table (machine frame 0x%llx) is not in "
                         "its memory",
                         t->info.id, vcpu, (unsigned long long)(c->cr[3] >> 12));
    *ret = r;
    return ST_OK;
}

/* Xen takes general registers, FS and GS of a running PV vCPU; page tables must stay. */
static int pv_set_registers(struct xen_target *t, unsigned vcpu, const struct vcpu_regs *r)
{
    struct xen_pv_context *c;
    struct vcpu_regs now;
    int st = pv_context(t, vcpu, false, &c);
    if (st != ST_OK)
        return st;
    take_pv(c, &now);
    st = own_cr3(t, c->cr[3], &now.cr3);
    if (r->have &
            (REGS_DESCRIPTORS | REGS_MSRS | REGS_XCR0 | REGS_TSC | REGS_TABLES | REGS_DEBUG) ||
        (r->have & REGS_CR && (st != ST_OK || r->cr0 != now.cr0 || r->cr2 != now.cr2 ||
                               r->cr3 != now.cr3 || r->cr4 != now.cr4)) ||
        (r->have & REGS_EFER && r->efer != now.efer))
        return diag_fail(&t->x.diag, ST_UNSUPPORTED,
                         "Xen domain %u is a PV guest: only its general registers, FS and GS can "
                         "be set",
                         t->info.id);
    if (r->have & REGS_GENERAL) {
        struct xen_pv_registers *u = &c->regs;
        uint64_t *const gpr[16] = {&u->rax, &u->rbx, &u->rcx, &u->rdx, &u->rbp, &u->rsi,
                                   &u->rdi, &u->rsp, &u->r8,  &u->r9,  &u->r10, &u->r11,
                                   &u->r12, &u->r13, &u->r14, &u->r15};
        for (unsigned i = 0; i < 16; i++)
            *gpr[i] = r->gpr[i];
        u->rip = r->rip;
        u->rflags = r->rflags;
    }
    if (r->have & REGS_SEGMENTS) {
        bool kernel = c->flags & PV_IN_KERNEL;
        c->fs_base = r->fs_base;
        c->gs_base_kernel = kernel ? r->gs_base : r->kernel_gs_base;
        c->gs_base_user = kernel ? r->kernel_gs_base : r->gs_base;
    }
    return pv_context(t, vcpu, true, &c);
}

/* ---- the ops --------------------------------------------------------------------------------- */

static unsigned count(void *source)
{
    const struct xen_target *t = source;
    return t->info.vcpu_max + 1;
}

static int check_vcpu(struct xen_target *t, unsigned vcpu)
{
    if (t->no_registers)
        return diag_fail(&t->x.diag, ST_UNSUPPORTED, "registers of Xen domain %u: not wanted",
                         t->info.id);
    return vcpu > t->info.vcpu_max ? no_vcpu(t, vcpu) : ST_OK;
}

/* XCR0 stands in the XSAVE record, which a vCPU without XSAVE does not have. */
static void add_xcr0(struct xen_target *t, unsigned vcpu, struct vcpu_regs *r)
{
    struct diag before = t->x.diag;
    struct xen_save_xsave s;
    if (read_record(t, SAVE_XSAVE, vcpu, sizeof s) == ST_OK) {
        memcpy(&s, t->buffer, sizeof s);
        r->xcr0 = s.xcr0;
        r->have |= REGS_XCR0;
    }
    t->x.diag = before;
}

static int registers(void *source, unsigned vcpu, struct vcpu_regs *ret)
{
    struct xen_target *t = source;
    struct xen_save_cpu c;
    struct vcpu_regs r;
    int st = check_vcpu(t, vcpu);
    if (st != ST_OK)
        return st;
    if (t->pv)
        return pv_registers(t, vcpu, ret);
    st = read_cpu(t, vcpu, &c);
    if (st != ST_OK)
        return st;
    take_cpu(&c, &r);
    if (r.cr4 >> 18 & 1) /* CR4.OSXSAVE */
        add_xcr0(t, vcpu, &r);
    *ret = r;
    return ST_OK;
}

static int pause_target(void *source)
{
    struct xen_target *t = source;
    int st = target_alive(t); /* Xen would pause a domain that is ending, too */
    if (st == ST_OK)
        st = xen_domain_pause(&t->x, t->info.id);
    if (st == ST_OK && !t->paused++)
        frames_freeze(&t->frames, true);
    return st;
}

static int resume_target(void *source)
{
    struct xen_target *t = source;
    if (!t->paused)
        return diag_fail(&t->x.diag, ST_INVALID, "the guest is not paused by us");
    int st = xen_domain_resume(&t->x, t->info.id);
    if (st == ST_OK && !--t->paused)
        frames_freeze(&t->frames, false);
    return st;
}

void target_resume_all(struct xen_target *t)
{
    while (t->paused) {
        t->paused--;
        (void)!xen_domain_resume(&t->x, t->info.id);
    }
}

/* Read and written in one pause: what the guest does in between would be lost. */
static int set_paused(struct xen_target *t, unsigned vcpu, const struct vcpu_regs *r)
{
    struct xen_save_cpu c;
    if (t->pv)
        return pv_set_registers(t, vcpu, r);
    if (r->have & REGS_XCR0)
        return diag_fail(&t->x.diag, ST_UNSUPPORTED, "Xen domain %u: XCR0 can only be read",
                         t->info.id);
    int st = read_cpu(t, vcpu, &c);
    if (st != ST_OK)
        return st;
    put_cpu(&c, r);
    return write_cpu(t, vcpu, &c);
}

static int set_registers(void *source, unsigned vcpu, const struct vcpu_regs *regs)
{
    struct xen_target *t = source;
    int st = check_vcpu(t, vcpu);
    if (st == ST_OK)
        st = pause_target(t);
    if (st != ST_OK)
        return st;
    st = set_paused(t, vcpu, regs);
    struct diag story = t->x.diag;
    int resumed = resume_target(t);
    if (st == ST_OK)
        return resumed;
    t->x.diag = story;
    return st;
}

static int only_translated(struct xen_target *t, const char *what)
{
    return t->pv ? diag_fail(&t->x.diag, ST_UNSUPPORTED, "Xen domain %u is a PV guest: %s",
                             t->info.id, what)
                 : ST_OK;
}

static int xsave(void *source, unsigned vcpu, void *buf, size_t size, size_t *n)
{
    struct xen_target *t = source;
    enum { AREA = offsetof(struct xen_save_xsave, fpu_sse) };
    int st = check_vcpu(t, vcpu);
    if (st == ST_OK)
        st = only_translated(t, "its XSAVE area is not told");
    if (st == ST_OK)
        st = read_record(t, SAVE_XSAVE, vcpu, sizeof(struct xen_save_xsave));
    if (st != ST_OK)
        return st;
    size_t take = MIN_OF(size, sizeof(struct xen_save_xsave) - AREA);
    memcpy(buf, t->buffer + AREA, take);
    *n = take;
    return ST_OK;
}

static int mtrr(void *source, unsigned vcpu, uint64_t *pat, uint64_t *cap)
{
    struct xen_target *t = source;
    struct xen_save_mtrr m;
    int st = check_vcpu(t, vcpu);
    if (st == ST_OK)
        st = only_translated(t, "it has no MTRRs of its own");
    if (st == ST_OK)
        st = read_record(t, SAVE_MTRR, vcpu, sizeof m);
    if (st != ST_OK)
        return st;
    memcpy(&m, t->buffer, sizeof m);
    *pat = m.pat;
    *cap = m.cap;
    return ST_OK;
}

static int inject(void *source, unsigned vcpu, uint8_t vector, uint32_t error_code, uint64_t cr2)
{
    struct xen_target *t = source;
    struct xen_inject_event e = {.op = DMOP_INJECT_EVENT,
                                 .vcpu = vcpu,
                                 .vector = vector,
                                 .type = DMOP_HARDWARE_EXCEPTION,
                                 .error_code = error_code,
                                 .cr2 = cr2};
    int st = check_vcpu(t, vcpu);
    if (st == ST_OK)
        st = only_translated(t, "exceptions cannot be injected");
    if (st != ST_OK)
        return st;
    long v = xen_dm_op(&t->x, t->info.id, &e, sizeof e);
    return v < 0 ? xen_fail(&t->x, v, t->info.id, "injecting an exception") : ST_OK;
}

const struct vcpu_ops xen_vcpu_ops = {.count = count,
                                      .registers = registers,
                                      .pause = pause_target,
                                      .resume = resume_target,
                                      .set_registers = set_registers,
                                      .xsave = xsave,
                                      .mtrr = mtrr,
                                      .inject = inject};

unsigned target_width(struct xen_target *t)
{
    struct diag before = t->x.diag;
    struct vcpu_regs r;
    unsigned width = 0;
    if (t->pv)
        return 64;
    if (!t->no_registers && registers(t, 0, &r) == ST_OK)
        width = r.efer & EFER_LMA ? 64 : r.cr0 >> 31 & 1 ? 32 : 0;
    t->x.diag = before;
    return width;
}

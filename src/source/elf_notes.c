/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Layouts: struct elf_prstatus and user_regs_struct of the Linux UAPI headers (linux/elfcore.h,
 * asm/user_64.h, asm/user_32.h, arm64 asm/ptrace.h); QEMUCPUState version 1 of QEMU's
 * target/i386/arch_dump.c (kernel_gs_base was added at its end in QEMU 3.0 without a new version;
 * `size` tells).
 */
#include "source/elf_notes.h"

#include <stdlib.h>

enum { NT_PRSTATUS = 1, NOTE_HEADER = 12, MAX_VCPUS = 4096 };
/* Offsets of the registers in struct elf_prstatus, and of what is used in QEMUCPUState. */
enum { PRSTATUS_REGS_64 = 112, PRSTATUS_REGS_32 = 72 };
enum {
    QEMU_GPR = 8,
    QEMU_RIP = QEMU_GPR + 16 * 8,
    QEMU_RFLAGS = QEMU_RIP + 8,
    QEMU_SEGMENT = QEMU_RFLAGS + 8,
    QEMU_SEGMENT_SIZE = 24,
    QEMU_CR = QEMU_SEGMENT + 10 * QEMU_SEGMENT_SIZE,
    QEMU_KERNEL_GS = QEMU_CR + 5 * 8,
};
/* Indices of vcpu_regs.gpr. */
enum { RAX, RBX, RCX, RDX, RBP, RSI, RDI, RSP, R8 };

enum guest_arch elf_machine_arch(unsigned machine)
{
    switch (machine) {
    case ELF_MACHINE_386:
        return ARCH_X86;
    case ELF_MACHINE_X86_64:
        return ARCH_X86_64;
    case ELF_MACHINE_ARM:
        return ARCH_ARM32;
    case ELF_MACHINE_AARCH64:
        return ARCH_ARM64;
    default:
        return ARCH_UNKNOWN;
    }
}

static uint64_t round_up_4(uint64_t n)
{
    return (n + 3) & ~3ULL;
}

bool elf_note_next(struct bytes *notes, struct elf_note *ret)
{
    if (notes->n < NOTE_HEADER)
        return false;
    uint64_t namesz = le32(notes->p), descsz = le32(notes->p + 4);
    uint64_t desc_at = NOTE_HEADER + round_up_4(namesz);
    struct bytes name = bytes_sub(*notes, NOTE_HEADER, namesz);
    struct bytes desc = bytes_sub(*notes, desc_at, descsz);
    if (!name.p || !desc.p)
        return false;
    while (name.n && !name.p[name.n - 1])
        name.n--;
    *ret = (struct elf_note){.name = name, .type = le32(notes->p + 8), .desc = desc};
    uint64_t next = MIN_OF(desc_at + round_up_4(descsz), (uint64_t)notes->n);
    *notes = bytes_sub(*notes, next, notes->n - next);
    return true;
}

struct vcpu_regs *cpu_notes_at(struct cpu_notes *c, unsigned index)
{
    if (index >= MAX_VCPUS)
        return NULL;
    if (index >= c->nr) {
        struct vcpu_regs *q = realloc(c->regs, (index + 1) * sizeof *q);
        if (!q)
            return NULL;
        memset(q + c->nr, 0, (index + 1 - c->nr) * sizeof *q);
        c->regs = q;
        c->nr = index + 1;
    }
    return &c->regs[index];
}

/* user_regs_struct: r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs
   eflags rsp ss fs_base gs_base ds es fs gs. */
static void prstatus_x86_64(const uint8_t *p, struct vcpu_regs *r)
{
    static const uint8_t order[15] = {15, 14, 13,  12,  RBP, RBX, 11, 10,
                                      9,  8,  RAX, RCX, RDX, RSI, RDI};
    for (unsigned i = 0; i < ARRAY_LEN(order); i++)
        r->gpr[order[i]] = le64(p + i * 8);
    r->rip = le64(p + 16 * 8);
    r->cs = le16(p + 17 * 8);
    r->rflags = le64(p + 18 * 8);
    r->gpr[RSP] = le64(p + 19 * 8);
    r->ss = le16(p + 20 * 8);
    r->fs_base = le64(p + 21 * 8);
    r->gs_base = le64(p + 22 * 8);
    r->ds = le16(p + 23 * 8);
    r->es = le16(p + 24 * 8);
    r->fs = le16(p + 25 * 8);
    r->gs = le16(p + 26 * 8);
    r->have |= REGS_GENERAL | REGS_SEGMENTS;
}

/* ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss. Segment bases are not in
 * it. */
static void prstatus_x86(const uint8_t *p, struct vcpu_regs *r)
{
    static const uint8_t order[7] = {RBX, RCX, RDX, RSI, RDI, RBP, RAX};
    for (unsigned i = 0; i < ARRAY_LEN(order); i++)
        r->gpr[order[i]] = le32(p + i * 4);
    r->ds = le16(p + 7 * 4);
    r->es = le16(p + 8 * 4);
    r->fs = le16(p + 9 * 4);
    r->gs = le16(p + 10 * 4);
    r->rip = le32(p + 12 * 4);
    r->cs = le16(p + 13 * 4);
    r->rflags = le32(p + 14 * 4);
    r->gpr[RSP] = le32(p + 15 * 4);
    r->ss = le16(p + 16 * 4);
    r->have |= REGS_GENERAL;
}

static void prstatus_arm64(const uint8_t *p, struct vcpu_regs *r)
{
    for (unsigned i = 0; i < 31; i++)
        r->x[i] = le64(p + i * 8);
    r->sp = le64(p + 31 * 8);
    r->pc = le64(p + 32 * 8);
    r->pstate = le64(p + 33 * 8);
    r->have |= REGS_GENERAL;
}

static void prstatus_arm32(const uint8_t *p, struct vcpu_regs *r)
{
    for (unsigned i = 0; i < 15; i++)
        r->x[i] = le32(p + i * 4);
    r->sp = r->x[13];
    r->pc = le32(p + 15 * 4);
    r->pstate = le32(p + 16 * 4);
    r->have |= REGS_GENERAL;
}

static const struct prstatus_form {
    enum guest_arch arch;
    uint16_t at, size; /* of the registers in the note */
    uint16_t note;     /* size of the whole note */
    void (*read)(const uint8_t *p, struct vcpu_regs *r);
} prstatus_forms[] = {
    {ARCH_X86_64, PRSTATUS_REGS_64, 27 * 8, 336, prstatus_x86_64},
    {ARCH_X86, PRSTATUS_REGS_32, 17 * 4, 144, prstatus_x86},
    {ARCH_ARM64, PRSTATUS_REGS_64, 34 * 8, 392, prstatus_arm64},
    {ARCH_ARM32, PRSTATUS_REGS_32, 17 * 4, 148, prstatus_arm32},
};

static void read_prstatus(struct bytes desc, enum guest_arch arch, struct vcpu_regs *r)
{
    for (size_t i = 0; i < ARRAY_LEN(prstatus_forms); i++) {
        const struct prstatus_form *f = &prstatus_forms[i];
        if (f->arch == arch && in_bounds(f->at, f->size, desc.n))
            f->read(desc.p + f->at, r);
    }
}

static void read_qemu(struct bytes desc, struct vcpu_regs *r)
{
    static const uint8_t order[8] = {RAX, RBX, RCX, RDX, RSI, RDI, RSP, RBP};
    if (desc.n < QEMU_KERNEL_GS || le32(desc.p) != 1)
        return;
    for (unsigned i = 0; i < 16; i++)
        r->gpr[i < 8 ? order[i] : i] = le64(desc.p + QEMU_GPR + i * 8);
    r->rip = le64(desc.p + QEMU_RIP);
    r->rflags = le64(desc.p + QEMU_RFLAGS);
    /* cs ds es fs gs ss ldt tr gdt idt, each {selector, limit, flags, pad, base} */
    const uint8_t *segment = desc.p + QEMU_SEGMENT;
    uint16_t *const selector[8] = {&r->cs, &r->ds, &r->es, &r->fs, &r->gs, &r->ss, &r->ldt, &r->tr};
    for (unsigned i = 0; i < ARRAY_LEN(selector); i++)
        *selector[i] = le16(segment + i * QEMU_SEGMENT_SIZE);
    r->fs_base = le64(segment + 3 * QEMU_SEGMENT_SIZE + 16);
    r->gs_base = le64(segment + 4 * QEMU_SEGMENT_SIZE + 16);
    r->gdt_limit = le32(segment + 8 * QEMU_SEGMENT_SIZE + 4);
    r->gdt_base = le64(segment + 8 * QEMU_SEGMENT_SIZE + 16);
    r->idt_limit = le32(segment + 9 * QEMU_SEGMENT_SIZE + 4);
    r->idt_base = le64(segment + 9 * QEMU_SEGMENT_SIZE + 16);
    r->cr0 = le64(desc.p + QEMU_CR);
    r->cr2 = le64(desc.p + QEMU_CR + 2 * 8);
    r->cr3 = le64(desc.p + QEMU_CR + 3 * 8);
    r->cr4 = le64(desc.p + QEMU_CR + 4 * 8);
    if (desc.n >= QEMU_KERNEL_GS + 8 && le32(desc.p + 4) >= QEMU_KERNEL_GS + 8)
        r->kernel_gs_base = le64(desc.p + QEMU_KERNEL_GS);
    r->have |= REGS_CR | REGS_GENERAL | REGS_SEGMENTS | REGS_TABLES;
}

static bool name_is(const struct elf_note *n, const char *name)
{
    return n->name.n == strlen(name) && !memcmp(n->name.p, name, n->name.n);
}

enum guest_arch elf_notes_arch(struct bytes notes)
{
    struct elf_note n;
    while (elf_note_next(&notes, &n)) {
        if (!name_is(&n, "CORE") || n.type != NT_PRSTATUS)
            continue;
        for (size_t i = 0; i < ARRAY_LEN(prstatus_forms); i++)
            if (prstatus_forms[i].note == n.desc.n)
                return prstatus_forms[i].arch;
        return ARCH_UNKNOWN;
    }
    return ARCH_UNKNOWN;
}

int elf_notes_read(struct bytes notes, enum guest_arch arch, struct cpu_notes *cpus,
                   struct bytes *vmcoreinfo)
{
    struct elf_note n;
    while (elf_note_next(&notes, &n)) {
        bool qemu = name_is(&n, "QEMU") && n.type == 0;
        bool prstatus = name_is(&n, "CORE") && n.type == NT_PRSTATUS;
        if (name_is(&n, "VMCOREINFO") && vmcoreinfo && !vmcoreinfo->p)
            *vmcoreinfo = n.desc;
        if (!qemu && !prstatus)
            continue;
        /* Each kind is written for all vCPUs in order, one kind after the other. */
        unsigned *next = qemu ? &cpus->qemu : &cpus->prstatus;
        struct vcpu_regs *r = cpu_notes_at(cpus, *next);
        if (!r)
            return *next < MAX_VCPUS ? ST_NOMEM : ST_OK;
        ++*next;
        if (qemu)
            read_qemu(n.desc, r);
        else if (!(r->have & REGS_CR)) /* QEMU's own note knows more */
            read_prstatus(n.desc, arch, r);
    }
    return ST_OK;
}

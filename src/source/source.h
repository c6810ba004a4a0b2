/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One opened guest or memory file. It offers physical memory always, vCPUs when it has any, and
 * hints that it happens to know (a vmcoreinfo note, the architecture). What is absent is NULL,
 * checked once at attach. One file per kind.
 */
#ifndef TINYVMI_SOURCE_SOURCE_H
#define TINYVMI_SOURCE_SOURCE_H

#include <tinyvmi/records.h>

#include "phys/phys.h"

enum guest_arch { ARCH_UNKNOWN, ARCH_X86, ARCH_X86_64, ARCH_ARM32, ARCH_ARM64 };

/* The registers of one vCPU that matter to find and read a kernel. `have` says which are known. */
struct vcpu_regs {
    enum {
        REGS_CR = 1,
        REGS_GENERAL = 2,
        REGS_SEGMENTS = 4,
        REGS_TABLES = 8,
        REGS_ARM = 16,
        REGS_EFER = 32,
        REGS_DEBUG = 64,
        REGS_DESCRIPTORS = 128,
        REGS_MSRS = 256,
        REGS_XCR0 = 512,
        REGS_TSC = 1024
    } have;
    uint64_t cr0, cr2, cr3, cr4, efer; /* REGS_CR; efer with REGS_EFER */
    uint64_t gpr[16], rip, rflags;     /* REGS_GENERAL: rax rbx rcx rdx rbp rsi rdi rsp r8..r15 */
    uint64_t fs_base, gs_base, kernel_gs_base;                      /* REGS_SEGMENTS */
    uint16_t cs, ds, es, fs, gs, ss, tr, ldt;                       /* REGS_SEGMENTS */
    uint64_t gdt_base, idt_base;                                    /* REGS_TABLES */
    uint32_t gdt_limit, idt_limit;                                  /* REGS_TABLES: bytes - 1 */
    uint64_t ttbr0, ttbr1, tcr, sctlr, vbar, pc, pstate, x[31], sp; /* REGS_ARM */
    /* What lies behind the selectors: cs ds es fs gs ss tr ldt. `rights` in 12 bits: type, s, dpl,
     * p, avl, l, db, g, as bits 8 to 15 and 20 to 23 of a descriptor have them. */
    struct {
        uint64_t base;
        uint32_t limit, rights;
    } segment[8];   /* REGS_DESCRIPTORS */
    uint64_t dr[8]; /* REGS_DEBUG: 0 to 3, 6, 7 */
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip, star, lstar, cstar, syscall_mask, tsc_aux,
        msr_flags;      /* REGS_MSRS */
    uint64_t xcr0, tsc; /* REGS_XCR0, REGS_TSC */
};

struct vcpu_ops {
    unsigned (*count)(void *source); /* 0 when not known */
    MUST_USE int (*registers)(void *source, unsigned vcpu, struct vcpu_regs *ret);
    /* Counted by the source: each pause needs its resume. NULL: cannot. */
    MUST_USE int (*pause)(void *source);
    MUST_USE int (*resume)(void *source);
    /* ---- all below may be NULL: cannot ---- */
    /* Writes every register of the groups in regs->have, which `registers` has told before;
     * ST_UNSUPPORTED when one of them cannot be changed. The guest is paused meanwhile. */
    MUST_USE int (*set_registers)(void *source, unsigned vcpu, const struct vcpu_regs *regs);
    /* The first `size` bytes of the vCPU's XSAVE area (SDM 1, 13.4); *n: how many there were. */
    MUST_USE int (*xsave)(void *source, unsigned vcpu, void *buf, size_t size, size_t *n);
    MUST_USE int (*mtrr)(void *source, unsigned vcpu, uint64_t *pat, uint64_t *cap);
    /* An exception at the vCPU's next entry; error_code UINT32_MAX: without one. */
    MUST_USE int (*inject)(void *source, unsigned vcpu, uint8_t vector, uint32_t error_code,
                           uint64_t cr2);
};

/* The guest as a whole, where the hypervisor tells it. */
struct guest_status {
    bool dying, shutdown, paused, blocked, running, debugged;
    uint64_t pages; /* of 4 KiB that it has now */
};

struct tsc_info {
    uint32_t mode, khz, incarnation;
    uint64_t elapsed_ns;
};

struct domain_ops {
    MUST_USE int (*status)(void *source, struct guest_status *ret);
    MUST_USE int (*tsc)(void *source, struct tsc_info *ret);
    /* Adds one frame of memory to the guest, and takes it away again. */
    MUST_USE int (*populate)(void *source, uint64_t frame);
    MUST_USE int (*remove)(void *source, uint64_t frame);
    /* The first frame number above all that the guest has. */
    MUST_USE int (*free_frame)(void *source, uint64_t *ret);
};

struct event_ops; /* event/event.h */

/*
 * What the header of a Windows crash dump says about the kernel, as it was written by that kernel:
 * to be checked like any guess. src/os/windows uses `dtb` and `paging` as its first guess; the
 * addresses help where the debugger's block is encoded. 0: not known.
 */
struct windows_hints {
    uint64_t dtb;                /* physical address of a page table: CR3 */
    uint64_t kdbg;               /* virtual addresses: KdDebuggerDataBlock, */
    uint64_t processes, modules; /* PsActiveProcessHead, PsLoadedModuleList */
    enum {
        HINT_PAGING_UNKNOWN,
        HINT_PAGING_LEGACY,
        HINT_PAGING_PAE,
        HINT_PAGING_64 /* four or five levels */
    } paging;
};

struct source {
    char kind[24];         /* "raw", "elf", "lime", "avml", "kdump", "qemu", ... */
    char name[256];        /* file's path as given, or the virtual machine's name */
    uint64_t id;           /* pid, domain id; 0 for files */
    bool live;             /* the guest may run while it is read */
    char about[96];        /* "" or what runs the guest: "Xen 4.17.5, PVH domain 1" */
    char layout_note[160]; /* "" or what was assumed about the layout of memory, for a person */
    struct phys phys;
    const struct vcpu_ops *vcpu;     /* NULL: none */
    const struct domain_ops *domain; /* NULL: none; else all members are there */
    const struct event_ops *event;   /* NULL: none */
    enum guest_arch arch;            /* ARCH_UNKNOWN: not known */
    struct bytes
        vmcoreinfo; /* text of a vmcoreinfo note that came with the file; p == NULL: none */
    struct windows_hints windows; /* all 0: none */
    void *impl;                   /* argument of all ops */
    void (*close)(void *impl);
    /*
     * Live sources; else NULL. `story` belongs to the source and tells why an op failed the last
     * time (story->code is what the op returned). `alive` answers ST_OK, or ST_IO and the story
     * when the guest has gone; mapped memory stays readable then, as it was left.
     */
    const struct diag *story;
    int (*alive)(void *impl);
};

struct source_options {
    uint64_t flags; /* VMI_OPEN_* of tinyvmi.h, passed through: see SOURCE_* */
    const char
        *format; /* or NULL; "raw@0x40000000": a raw image that begins at that physical address */
};

enum {
    SOURCE_NO_QMP = 16,
    SOURCE_COPY_ON_WRITE = 32,
    SOURCE_NO_REGISTERS = 64
}; /* equal VMI_OPEN_* */

/*
 * Opens a target by its name (see vmi_open). Which openers exist is decided by the build: a table,
 * source/open.c. On failure `d` tells what was tried.
 */
MUST_USE int source_open(const char *target, const struct source_options *options, struct diag *d,
                         struct source *ret);
void source_close(struct source *s);

/* One row of the table of kinds. */
struct source_kind {
    const char *prefix; /* "qemu:", or NULL for files, told apart by probe */
    const char *format; /* "elf", ... ; NULL for non-files */
    /* Files: do the first bytes (up to 4096 of them) and the size fit? */
    bool (*probe)(struct bytes head, uint64_t file_size);
    /* `name`: without the prefix; a path for files. `options` is never NULL. */
    int (*open)(const char *name, const struct source_options *options, struct diag *d,
                struct source *ret);
    /* NULL: lists none. Adds to ret->count, and sets ret->partial and ->reason when it was cut. A
       non-zero return of cb ends the listing and is returned. */
    int (*list)(vmi_target_cb cb, void *data, struct vmi_outcome *ret);
};

extern const struct source_kind *const source_kinds[]; /* NULL-terminated; the build's table */

/* Lists all targets of all kinds. */
int source_list(vmi_target_cb cb, void *data, struct vmi_outcome *ret);

#endif

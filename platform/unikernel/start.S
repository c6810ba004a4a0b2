/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What cannot be said in C: the notes that Xen's domain builder reads (xen/include/public/elfnote.h),
 * the first instructions, and the entries that Xen jumps to for traps and events.
 *
 * The frame that Xen pushes (xen/arch/x86/x86_64/entry.S, create_bounce_frame): rcx, r11, an error
 * code for some traps, rip, cs, rflags, rsp, ss; below a guest kernel's own stack pointer without a
 * gap, so nothing here may use a red zone.
 */
#include <xen-public/elfnote.h>

#define HYPERCALL_set_segment_base 25
#define HYPERCALL_iret 23
#define HYPERCALL_sched_op 29
#define FLAG_INTERRUPTS 0x200

.macro note kind, value:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 9f - 8f, \kind
    .asciz "Xen"
8:  \value
9:  .balign 4
    .popsection
.endm

    note XEN_ELFNOTE_GUEST_OS, .asciz "TinyVMI"
    note XEN_ELFNOTE_GUEST_VERSION, .asciz "1"
    note XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
    note XEN_ELFNOTE_LOADER, .asciz "generic"
    note XEN_ELFNOTE_VIRT_BASE, .quad image_start
    note XEN_ELFNOTE_PADDR_OFFSET, .quad image_start
    note XEN_ELFNOTE_ENTRY, .quad image_entry
    note XEN_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page
    note XEN_ELFNOTE_PAE_MODE, .asciz "yes"
    note XEN_ELFNOTE_FEATURES, .asciz "!writable_page_tables|pae_pgdir_above_4gb"

    .section .text.hypercall, "ax"
    .balign 4096
    .globl hypercall_page
hypercall_page: /* filled by Xen: entry n at n * 32 */
    .skip 4096

    .section .text.start, "ax"
    .globl image_entry
image_entry: /* rsi: the start_info page */
    cld
    lea image_stack_end(%rip), %rsp
    xor %ebp, %ebp
    mov %rsi, %r12
    xor %edi, %edi /* SEGBASE_FS */
    lea thread_block(%rip), %rsi
    call hypercall_page + HYPERCALL_set_segment_base * 32
    mov %r12, %rdi
    call guest_start
    ud2

    /*
     * An event came while the domain was blocked, the only time when upcalls are let through. The
     * one thing to do is to go on behind the block, upcalls shut again: event.c looks what it was.
     */
    .globl upcall_entry
upcall_entry:
    pop %rcx
    pop %r11
    andl $~FLAG_INTERRUPTS, 16(%rsp)
    push $0 /* not in a system call */
    jmp hypercall_page + HYPERCALL_iret * 32

    /* Xen could not return to us (a bad selector): there is nothing to go back to. */
    .globl failsafe_entry
failsafe_entry:
    mov $255, %edi
    sub $8, %rsp
    call trap_failsafe
    ud2

.macro trap vector, has_code
    .globl trap_\vector
trap_\vector:
    pop %rcx
    pop %r11
    .if \has_code == 0
    push $0
    .endif
    push $\vector
    jmp trap_common
.endm

    trap 0, 0
    trap 1, 0
    trap 2, 0
    trap 3, 0
    trap 4, 0
    trap 5, 0
    trap 6, 0
    trap 7, 0
    trap 10, 1
    trap 11, 1
    trap 12, 1
    trap 13, 1
    trap 14, 1
    trap 16, 0
    trap 17, 1
    trap 18, 0
    trap 19, 0

trap_common: /* struct trap_frame of trap.c */
    cld
    push %r15
    push %r14
    push %r13
    push %r12
    push %r11
    push %r10
    push %r9
    push %r8
    push %rbp
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rbx
    push %rax
    mov %rsp, %rdi
    and $-16, %rsp
    call trap_report
    ud2

    /* Where fs points: the thread's own variables end here (System V ABI, x86-64: variant II). */
    .section .bss.thread, "aw", @nobits
    .balign 64
    .skip 1024
    .globl thread_block
thread_block:
    .skip 64

    .section .note.GNU-stack, "", @progbits

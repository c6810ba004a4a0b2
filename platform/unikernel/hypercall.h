/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls into Xen: arguments in rdi, rsi, rdx, r10, r8, answer in rax
 * (xen/include/public/arch-x86/xen-x86_64.h).
 */
#ifndef TINYVMI_UNIKERNEL_HYPERCALL_H
#define TINYVMI_UNIKERNEL_HYPERCALL_H

#include <stdint.h>

extern char hypercall_page[];

static inline long hypercall(unsigned op, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                             uint64_t a5)
{
    register uint64_t r10 __asm__("r10") = a4;
    register uint64_t r8 __asm__("r8") = a5;
    long ret;
    __asm__ volatile("call *%[entry]"
                     : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                     : [entry] "a"(hypercall_page + op * 32)
                     : "memory", "rcx", "r11", "r9", "cc");
    return ret;
}

#define PTR(p) ((uint64_t)(uintptr_t)(p))

#endif

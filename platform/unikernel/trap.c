/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trap is the end: nothing here faults on purpose. What is known goes to the console and to Xen's
 * log, the domain stops with "crash" as its reason. The target runs on: Xen frees what we held of
 * it when the domain is destroyed.
 */
#include <stdio.h>
#include <string.h>

#include "guest.h"

struct trap_frame { /* as trap_common in start.S pushes it */
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t vector, code;
    uint64_t rip, cs, rflags, rsp, ss;
};

void trap_report(const struct trap_frame *f) __attribute__((noreturn));
void trap_failsafe(void) __attribute__((noreturn));

/* The image's functions, by address: made by platform/unikernel/symbols from the linked image. The
 * first link has none. */
struct image_symbols {
    uint32_t count;
    uint32_t names; /* offset of the names from the start of this */
    struct {
        uint32_t address, name; /* offset of its name */
    } at[];
};
extern const struct image_symbols image_symbols __attribute__((weak));

#define TRAPS(X)                                                                                   \
    X(0, "divide error")                                                                           \
    X(1, "debug")                                                                                  \
    X(2, "NMI")                                                                                    \
    X(3, "breakpoint")                                                                             \
    X(4, "overflow")                                                                               \
    X(5, "bound")                                                                                  \
    X(6, "invalid instruction")                                                                    \
    X(7, "no FPU")                                                                                 \
    X(10, "invalid TSS")                                                                           \
    X(11, "segment not present")                                                                   \
    X(12, "stack fault")                                                                           \
    X(13, "general protection")                                                                    \
    X(14, "page fault")                                                                            \
    X(16, "FPU error")                                                                             \
    X(17, "alignment")                                                                             \
    X(18, "machine check")                                                                         \
    X(19, "SIMD error")

#define DECLARE(n, name) void trap_##n(void);
TRAPS(DECLARE)

static const char *trap_name(uint64_t vector)
{
#define NAME(n, name) [n] = name,
    static const char *const names[] = {TRAPS(NAME)};
    return vector < sizeof names / sizeof names[0] && names[vector] ? names[vector] : "trap";
}

static struct shared_info *shared;

static void put_symbol(uint64_t address)
{
    char line[160];
    const struct image_symbols *s = &image_symbols;
    uint32_t low = 0, high = s ? s->count : 0;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (s->at[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (!mm_is_text(address))
        snprintf(line, sizeof line, "  %016lx\n", address);
    else if (!low)
        snprintf(line, sizeof line, "  %016lx (in the image)\n", address);
    else
        snprintf(line, sizeof line, "  %016lx %s+%#lx\n", address,
                 (const char *)s + s->names + s->at[low - 1].name,
                 address - s->at[low - 1].address);
    emergency(line);
}

/* Without frame pointers, each word on the stack that points into the code behind a call is a
 * likely caller. At most so many. */
static void put_stack(uint64_t rsp)
{
    enum { LINES = 24 };
    unsigned lines = 0;
    emergency("stack (values that are addresses of code):\n");
    for (uint64_t at = rsp & ~7ull;
         at >= PTR(image_stack_guard) + PAGE && at < PTR(image_stack_end) && lines < LINES;
         at += 8) {
        uint64_t value = *(const uint64_t *)at;
        if (mm_is_text(value) && mm_is_text(value - 5) && *(const uint8_t *)(value - 5) == 0xe8) {
            put_symbol(value);
            lines++;
        }
    }
}

void trap_report(const struct trap_frame *f)
{
    static bool again;
    char line[400];
    if (again) {
        emergency("tinyvmi: CRASH: once more, while it was dealt with\n");
        guest_crash();
    }
    again = true;
    snprintf(line, sizeof line, "\ntinyvmi: CRASH: %s", trap_name(f->vector));
    emergency(line);
    if (f->vector == 14) {
        uint64_t address = shared->vcpu_info[0].arch.cr2;
        snprintf(line, sizeof line, ": %s at %#lx%s",
                 f->code & 16  ? "execution"
                 : f->code & 2 ? "write"
                               : "read",
                 address,
                 address < PAGE                              ? " (a null pointer)"
                 : address - PTR(image_stack_guard) < PAGE   ? " (the stack is full)"
                 : address - PTR(image_stack_guard_2) < PAGE ? " (above the stack)"
                 : f->code & 1                               ? " (no such right)"
                                                             : " (not mapped)");
        emergency(line);
    }
    snprintf(line, sizeof line, ", code %lx\n", f->code);
    emergency(line);
    put_symbol(f->rip);
    snprintf(line, sizeof line,
             "rax %016lx rbx %016lx rcx %016lx rdx %016lx\n"
             "rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n",
             f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi, f->rbp, f->rsp);
    emergency(line);
    snprintf(line, sizeof line,
             "r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n"
             "r12 %016lx r13 %016lx r14 %016lx r15 %016lx\nflags %lx cs %lx\n",
             f->r8, f->r9, f->r10, f->r11, f->r12, f->r13, f->r14, f->r15, f->rflags, f->cs);
    emergency(line);
    put_stack(f->rsp);
    guest_crash();
}

void trap_failsafe(void)
{
    emergency("tinyvmi: CRASH: Xen could not return to the domain\n");
    guest_crash();
}

void trap_start(struct shared_info *s)
{
    shared = s;
#define ROW(n, name) {n, 4 /* upcalls stay shut */, FLAT_KERNEL_CS, (unsigned long)trap_##n},
    static struct trap_info table[] = {TRAPS(ROW){0}};
    hypercall(__HYPERVISOR_set_trap_table, PTR(table), 0, 0, 0, 0);
    hypercall(__HYPERVISOR_set_callbacks, PTR(upcall_entry), PTR(failsafe_entry), 0, 0, 0);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls: their names and parameters as the kernel's tracer describes them (struct
 * syscall_metadata, include/trace/syscall.h; CONFIG_FTRACE_SYSCALLS), else their names by the table
 * of system calls; and what a call brings when it enters the kernel.
 */
#include <inttypes.h>
#include <stdio.h>

#include "os/linux/linux.h"

enum { MAX_SYSCALLS = 4096, REGISTERS = ARRAY_LEN(((struct vmi_syscall *)0)->arg) };

static void strip(const char *prefix, char *name, size_t size)
{
    size_t n = strlen(prefix);
    if (!strncmp(name, prefix, n))
        memmove(name, name + n, strnlen(name, size - 1) - n + 1);
}

/* One pointer of an array of texts. */
static void text_of(const struct linux_view *l, uint64_t array, unsigned i, char *buf, size_t size)
{
    uint64_t at;
    unsigned ptr = l->v->ptr_size;
    buf[0] = '\0';
    if (!lx_kernel_pointer(l, array))
        return;
    at = 0;
    if (aspace_read(&l->v->kernel, GVA(array + (uint64_t)i * ptr), &at, ptr, NULL) == ST_OK &&
        lx_kernel_pointer(l, at & ~7ull))
        (void)lx_text(l, at, buf, size);
}

/* Fills from the description at `meta` when it is that of call `nr`. */
static bool read_meta(const struct linux_view *l, uint64_t meta, uint32_t nr, struct vmi_syscall *s)
{
    uint64_t v, name, types = 0, args = 0;
    if (!lx_kernel_pointer(l, meta) || lx_read(l, meta, L_meta_nr, &v) != ST_OK ||
        (uint32_t)v != nr)
        return false;
    if (lx_ptr(l, meta, L_meta_name, &name) != ST_OK ||
        lx_text(l, name, s->name, sizeof s->name) == ST_ABSENT)
        return false;
    strip("sys_", s->name, sizeof s->name);
    s->args = lx_read(l, meta, L_meta_nb_args, &v) == ST_OK && v <= REGISTERS ? (uint32_t)v : 0;
    (void)lx_ptr(l, meta, L_meta_types, &types);
    (void)lx_ptr(l, meta, L_meta_args, &args);
    for (unsigned i = 0; i < s->args; i++) {
        text_of(l, types, i, s->arg[i].type, sizeof s->arg[i].type);
        text_of(l, args, i, s->arg[i].name, sizeof s->arg[i].name);
    }
    return true;
}

/* The tracer's array by number: kernel/trace/trace_syscalls.c, syscalls_metadata. (The array of all
 * descriptions that the linker made is gone with the rest of init memory.) */
static int by_metadata(const struct linux_view *l, uint32_t nr, struct vmi_syscall *ret)
{
    uint64_t at, array, meta;
    if (nr >= MAX_SYSCALLS || !lx_has(l, L_meta_nr) || !lx_has(l, L_meta_name) ||
        lx_symbol(l, "syscalls_metadata", &at) != ST_OK ||
        aspace_read(&l->v->kernel, GVA(at), &array, sizeof array, NULL) != ST_OK ||
        !lx_kernel_pointer(l, array) ||
        aspace_read(&l->v->kernel, GVA(array + (uint64_t)nr * 8), &meta, sizeof meta, NULL) !=
            ST_OK)
        return ST_ABSENT;
    return read_meta(l, meta, nr, ret) ? ST_OK : ST_ABSENT;
}

/* The name of the function in the table, without what the architecture puts before it. */
static int by_table(const struct linux_view *l, uint32_t nr, struct vmi_syscall *ret)
{
    uint64_t at, function;
    struct vmi_symbol s;
    if (nr >= MAX_SYSCALLS || lx_symbol(l, "sys_call_table", &at) != ST_OK)
        return ST_ABSENT;
    if (aspace_read(&l->v->kernel, GVA(at + (uint64_t)nr * 8), &function, 8, NULL) != ST_OK ||
        l->v->symbols.ops->by_address(l->v->symbols.self, function, &s) != ST_OK ||
        s.address != function)
        return ST_ABSENT;
    snprintf(ret->name, sizeof ret->name, "%s", s.name);
    strip("__x64_", ret->name, sizeof ret->name);
    strip("__arm64_", ret->name, sizeof ret->name);
    strip("sys_", ret->name, sizeof ret->name);
    return ST_OK;
}

int lx_syscall(struct osview *v, uint32_t nr, struct vmi_syscall *ret)
{
    struct vmi_syscall s = {.nr = nr};
    struct linux_view *l = lx_of(v);
    int st = v->ptr_size == 8 ? by_metadata(l, nr, &s) : ST_UNSUPPORTED;
    if (st != ST_OK) {
        s = (struct vmi_syscall){.nr = nr, .args = REGISTERS};
        st = by_table(l, nr, &s);
    }
    if (st != ST_OK)
        return diag_fail(v->diag, ST_ABSENT, "the kernel describes no system call %" PRIu32, nr);
    *ret = s;
    return ST_OK;
}

/*
 * At the first instruction of do_syscall_64: its parameters were (nr, regs) until 5.12 and are
 * (regs, nr) since (arch/x86/entry/common.c); only one of them is a kernel pointer. The six
 * arguments are in the user's registers (Documentation: syscall(2), x86-64).
 */
int lx_syscall_entry(struct osview *v, uint64_t first, uint64_t second, uint32_t *nr,
                     uint64_t args[6])
{
    static const enum layout_id order[6] = {L_pt_regs_di,  L_pt_regs_si, L_pt_regs_dx,
                                            L_pt_regs_r10, L_pt_regs_r8, L_pt_regs_r9};
    struct linux_view *l = lx_of(v);
    uint64_t regs = lx_kernel_pointer(l, first) ? first : second, a[6];
    if (!lx_kernel_pointer(l, regs))
        return diag_fail(v->diag, ST_BROKEN,
                         "neither %#" PRIx64 " nor %#" PRIx64 " can be the saved registers of a "
                         "system call",
                         first, second);
    for (unsigned i = 0; i < 6; i++) {
        int st = lx_read(l, regs, order[i], &a[i]);
        if (st != ST_OK)
            return diag_fail(v->diag, st,
                             "the registers of the system call at %#" PRIx64 " cannot be read",
                             regs);
    }
    *nr = (uint32_t)(regs == first ? second : first);
    memcpy(args, a, sizeof a);
    return ST_OK;
}

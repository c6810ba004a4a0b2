/* SPDX-License-Identifier: BSD-2-Clause */
/* Which task is it? By a CPU's per-CPU area, or by a page table root. */
#include <inttypes.h>

#include "os/linux/linux.h"

/*
 * The task that runs on the CPU whose per-CPU area begins at `percpu` (its kernel GS base): the
 * variable current_task, which was a member of pcpu_hot from 6.2 to 6.14
 * (arch/x86/include/asm/current.h). Both are addressed as gs:symbol, so base plus symbol is right
 * whether or not the symbols begin at zero (they did until 6.14).
 */
int lx_current(struct osview *v, uint64_t percpu, struct vmi_process *ret)
{
    struct linux_view *l = lx_of(v);
    uint64_t at, task;
    if (v->arch != ARCH_X86_64)
        return diag_fail(v->diag, ST_UNSUPPORTED,
                         "the running task is found on x86-64 only, by its per-CPU area");
    if (lx_symbol(l, "pcpu_hot", &at) == ST_OK && lx_has(l, L_pcpu_hot_current))
        at += lx_off(l, L_pcpu_hot_current);
    else if (lx_symbol(l, "current_task", &at) != ST_OK)
        return diag_fail(v->diag, ST_UNSUPPORTED,
                         "the running task is not known: this kernel names neither current_task "
                         "nor pcpu_hot");
    at += percpu;
    if (!lx_kernel_pointer(l, at) ||
        aspace_read(&v->kernel, GVA(at), &task, sizeof task, NULL) != ST_OK)
        return diag_fail(v->diag, ST_ABSENT,
                         "there is no per-CPU area at %#" PRIx64 ": the running task is not known",
                         percpu);
    if (!lx_kernel_pointer(l, task))
        return diag_fail(v->diag, ST_BROKEN,
                         "the running task's address, read at %#" PRIx64 ", is %#" PRIx64
                         ": no pointer into the kernel",
                         at, task);
    return lx_process_read(l, task, ret);
}

struct by_root {
    uint64_t root;
    bool found;
    struct vmi_process *ret;
};

static int match_root(const struct vmi_process *p, void *data)
{
    struct by_root *b = data;
    if ((p->flags & VMI_PROCESS_KERNEL) || !cr3_names(b->root, p->dtb))
        return 0;
    *b->ret = *p;
    b->found = true;
    return 1;
}

/*
 * The process whose page table this is. `hint`: the object that had it the last time, or 0: looked
 * at first, and believed only when its live memory still says the same.
 */
int lx_process_by_root(struct osview *v, uint64_t root, uint64_t hint, struct vmi_process *ret)
{
    struct linux_view *l = lx_of(v);
    struct vmi_process p;
    struct by_root b = {.root = root, .ret = &p};
    struct vmi_outcome o = {0};
    if (hint && lx_kernel_pointer(l, hint) && lx_process_read(l, hint, &p) == ST_OK && p.pid > 0 &&
        p.state != 'X' && p.state != 'Z' && match_root(&p, &b)) {
        *ret = p;
        return ST_OK;
    }
    int st = lx_processes(v, 0, match_root, &b, &o);
    if (st != ST_OK)
        return st;
    if (!b.found)
        return diag_fail(v->diag, ST_ABSENT, "no process has the page table %#" PRIx64, root);
    *ret = p;
    return ST_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processors' control regions (KPCR, with the KPRCB inside): from a vCPU's segment base, from
 * KiProcessorBlock, or, on Windows XP and 2003 of 32 bit, at the address that the first one has
 * always.
 *
 * Offsets: ntddk.h and wdm.h declare the first part of KPCR; Self, Prcb and the interrupt table are
 * there, unchanged from XP to 11. A region proves itself: it points to itself and to its KPRCB.
 */
#include "os/windows/windows.h"

enum { XP_PCR = 0xffdff000, SHADOW_CR3 = 0x9000 };

static uint64_t prcb_offset(const struct windows_view *w)
{
    return w->v->ptr_size == 8 ? 0x180 : 0x120;
}

static bool is_pcr(const struct windows_view *w, uint64_t at)
{
    uint64_t self, prcb;
    unsigned ps = w->v->ptr_size;
    return win_kernel_pointer(w, at) &&
           read_ptr(&w->v->kernel, ps, at + (ps == 8 ? 0x18 : 0x1c), &self) == ST_OK &&
           read_ptr(&w->v->kernel, ps, at + 0x20, &prcb) == ST_OK && self == at &&
           prcb == at + prcb_offset(w);
}

static void add(struct windows_view *w, uint64_t at, const char *how)
{
    for (unsigned i = 0; i < w->nr_pcr; i++)
        if (w->pcr[i] == at)
            return;
    if (w->nr_pcr == WIN_CPUS || !is_pcr(w, at))
        return;
    w->pcr[w->nr_pcr++] = at;
    if (w->nr_pcr == 1)
        os_fact(w->v, "KPCR", how, "%#llx", (unsigned long long)at);
}

static void from_registers(struct windows_view *w)
{
    struct source *s = w->v->source;
    const struct vcpu_ops *ops = s->vcpu;
    if (!ops || !ops->registers)
        return;
    unsigned n = ops->count ? ops->count(s->impl) : 1;
    for (unsigned i = 0; i < MIN_OF(n, (unsigned)WIN_CPUS); i++) {
        struct vcpu_regs r;
        if (ops->registers(s->impl, i, &r) != ST_OK || !(r.have & REGS_SEGMENTS))
            continue;
        if (w->v->ptr_size == 8) {
            add(w, r.gs_base, "GS of a vCPU");
            add(w, r.kernel_gs_base, "kernel GS of a vCPU");
        } else {
            add(w, r.fs_base, "FS of a vCPU");
        }
    }
}

void win_pcr_find(struct windows_view *w, bool registers)
{
    uint64_t block, prcb;
    if (registers)
        from_registers(w);
    if (win_symbol(w, "KiProcessorBlock", &block) == ST_OK)
        for (unsigned i = 0; i < WIN_CPUS; i++) {
            if (read_ptr(&w->v->kernel, w->v->ptr_size, block + i * w->v->ptr_size, &prcb) !=
                    ST_OK ||
                !win_kernel_pointer(w, prcb))
                break;
            add(w, prcb - prcb_offset(w), "symbol KiProcessorBlock");
        }
    if (!w->nr_pcr && w->v->ptr_size == 4)
        add(w, XP_PCR, "its address in Windows XP");
}

/*
 * With kernel virtual address shadow (KPTI), user mode runs on a table that maps little of the
 * kernel: the KPCR, whose shadow page has the kernel's root at 0x9000 (what KiSystemCall64Shadow
 * loads into CR3; published by many who disassembled it, and as KPRCB.KernelDirectoryTableBase in
 * the public PDBs since Windows 10 1803).
 */
int win_kernel_root(const struct aspace *user, uint64_t kpcr, uint64_t *ret)
{
    uint64_t self, cr3;
    if (kpcr >> 47 != 0x1ffff || kpcr & 0xfff ||
        aspace_read64(user, GVA(kpcr + 0x18), &self) != ST_OK || self != kpcr ||
        aspace_read64(user, GVA(kpcr + SHADOW_CR3), &cr3) != ST_OK || !cr3)
        return ST_ABSENT;
    *ret = cr3;
    return ST_OK;
}

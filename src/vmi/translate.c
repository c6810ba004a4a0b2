/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses, symbols and page tables, one to the other. Symbols of images are in image.c, page
 * lists in pages.c. */
#include "vmi/access.h"
#include "vmi/image.h"

/* ---- virtual to physical --------------------------------------------------------------------- */

status_t vmi_translate_kv2p(vmi_instance_t vmi, addr_t vaddr, addr_t *paddr)
{
    uint64_t left;
    struct access a;
    if (!vmi || !paddr)
        return vmi_fail(vmi, ST_INVALID, "no place for the physical address was given");
    if (__builtin_expect(vmi->have_os && !cache_has_v2p(vmi), 1)) {
        int st = aspace_translate(&vmi->os.kernel, GVA(vaddr), paddr, &left);
        if (__builtin_expect(st == ST_OK, 1)) {
            vmi->walk.failed = false;
            return VMI_SUCCESS;
        }
        *paddr = 0;
        a = (struct access){.space = &vmi->os.kernel, .addr = vaddr, .pm = vmi->page_mode};
        return access_fault(vmi, &a, "translate", 1, 0, st);
    }
    if (access_pid(vmi, 0, vaddr, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    status_t s = access_translate(vmi, &a, paddr, &left);
    if (s != VMI_SUCCESS)
        *paddr = 0;
    return s;
}

status_t vmi_translate_uv2p(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid, addr_t *paddr)
{
    uint64_t left;
    struct access a;
    if (!paddr)
        return vmi_fail(vmi, ST_INVALID, "no place for the physical address was given");
    *paddr = 0;
    if (!vmi)
        return VMI_FAILURE;
    status_t s = access_pid(vmi, pid, vaddr, &a);
    if (s == VMI_SUCCESS)
        s = access_translate(vmi, &a, paddr, &left);
    if (s != VMI_SUCCESS && pid > 0 &&
        cache_drop_pid(vmi, pid)) { /* the program's own entry may be out of date */
        s = access_pid(vmi, pid, vaddr, &a);
        if (s == VMI_SUCCESS)
            s = access_translate(vmi, &a, paddr, &left);
    }
    if (s != VMI_SUCCESS)
        *paddr = 0;
    return s;
}

/* ---- kernel symbols -------------------------------------------------------------------------- */

status_t vmi_translate_ksym2v(vmi_instance_t vmi, const char *symbol, addr_t *vaddr)
{
    struct vmi_symbol s;
    if (!vaddr)
        return vmi_fail(vmi, ST_INVALID, "no place for the address was given");
    *vaddr = 0;
    if (!vmi)
        return VMI_FAILURE;
    if (!symbol)
        return vmi_fail(vmi, ST_INVALID, "no symbol was named");
    size_t n = strlen(symbol);
    if (!(vmi->caches && vmi->caches->sym.used) && ksym_get(vmi->ksyms, symbol, n, vaddr)) {
        vmi->statistics.symbol_lookups++;
        return VMI_SUCCESS;
    }
    if (cache_get_symbol(vmi, 0, CACHE_BY_PID, 0, symbol, vaddr))
        return VMI_SUCCESS;
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (!vmi->os.symbols.ops)
        return vmi_fail(vmi, ST_ABSENT,
                        "no symbols of this kernel are known: give a profile or a System.map");
    vmi->statistics.symbol_lookups++;
    int st = vmi->os.symbols.ops->by_name(vmi->os.symbols.self, symbol, &s);
    if (st != ST_OK)
        return vmi_fail(vmi, st, "the kernel has no symbol %.128s (%s has %llu)", symbol,
                        vmi->os.symbols.ops->kind, (unsigned long long)vmi->os.info.symbols);
    ksym_put(&vmi->ksyms, symbol, n, s.address);
    *vaddr = s.address;
    return VMI_SUCCESS;
}

/* Is this context the kernel: pid 0, or its page table? */
static bool is_kernel(vmi_instance_t vmi, const access_context_t *ctx)
{
    const struct aspace *k = &vmi->os.kernel;
    if (ctx->tm == VMI_TM_PROCESS_PID)
        return ctx->pid == 0;
    return ctx->tm == VMI_TM_PROCESS_PT &&
           (ctx->pt & k->half[1].form->root_mask) == k->half[1].root;
}

const char *vmi_translate_v2ksym(vmi_instance_t vmi, const access_context_t *ctx, addr_t va)
{
    struct vmi_symbol s;
    uint64_t distance;
    if (!vmi_need_os(vmi))
        return NULL;
    if (!ctx || !is_kernel(vmi, ctx)) {
        vmi_fail(vmi, ST_INVALID,
                 "kernel symbols are looked up with pid 0 or with the kernel's page table");
        return NULL;
    }
    if (!vmi->os.symbols.ops) {
        vmi_fail(vmi, ST_ABSENT,
                 "no symbols of this kernel are known: give a profile or a System.map");
        return NULL;
    }
    vmi->statistics.symbol_lookups++;
    int st = vmi->os.symbols.ops->by_address(vmi->os.symbols.self, va, &s);
    distance = st == ST_OK ? va - s.address : 0;
    if (st != ST_OK || distance) {
        vmi_fail(vmi, ST_ABSENT, "no symbol of the kernel is at exactly 0x%llx",
                 (unsigned long long)va);
        return NULL;
    }
    return vmi_intern(vmi, s.name);
}

/* ---- processes and page tables --------------------------------------------------------------- */

status_t vmi_pid_to_dtb(vmi_instance_t vmi, vmi_pid_t pid, addr_t *dtb)
{
    struct vmi_process p;
    uint64_t root;
    if (!dtb)
        return vmi_fail(vmi, ST_INVALID, "no place for the page table was given");
    if (pid == 0) {
        if (!vmi_need_os(vmi))
            return VMI_FAILURE;
        *dtb = vmi->os.kernel.half[1].root;
        return VMI_SUCCESS;
    }
    *dtb = 0;
    if (!vmi)
        return VMI_FAILURE;
    if (cache_get_pid(vmi, pid, &root)) {
        *dtb = root;
        return VMI_SUCCESS;
    }
    if (vmi->memo.dtb_pid == pid) {
        *dtb = vmi->memo.dtb;
        return VMI_SUCCESS;
    }
    if (access_process(vmi, pid, &p) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (!p.dtb)
        return vmi_fail(vmi, ST_ABSENT, "the page table of process %d cannot be found", (int)pid);
    *dtb = p.dtb;
    if (!vmi->source.live) {
        vmi->memo.dtb_pid = pid;
        vmi->memo.dtb = p.dtb;
    }
    return VMI_SUCCESS;
}

struct dtb_search {
    uint64_t dtb, mask;
    vmi_pid_t pid;
};

static int match_dtb(const struct vmi_process *p, void *data)
{
    struct dtb_search *s = data;
    bool user = p->user_dtb && (p->user_dtb & s->mask) == s->dtb; /* Windows: user mode's own */
    if (!p->dtb || ((p->dtb & s->mask) != s->dtb && !user) || p->flags & VMI_PROCESS_KERNEL)
        return 0;
    s->pid = p->pid;
    return 1;
}

status_t vmi_dtb_to_pid(vmi_instance_t vmi, addr_t dtb, vmi_pid_t *pid)
{
    if (!pid)
        return vmi_fail(vmi, ST_INVALID, "no place for the pid was given");
    *pid = -1;
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    /* x86-64: bits 11:0 may hold a PCID, and bit 12 picks the half of the KPTI pair; the tables are
     * 8 KiB aligned then */
    bool pairs = vmi->page_mode == VMI_PM_IA32E && vmi->os.info.os == VMI_KIND_LINUX &&
                 vmi->os.info.page_table_isolation;
    uint64_t mask = vmi->os.kernel.half[0].form->root_mask & (pairs ? ~0x1fffULL : ~0ULL);
    struct dtb_search s = {.dtb = dtb & mask, .mask = mask, .pid = -1};
    struct vmi_outcome o = {0};
    if (s.dtb == (vmi->os.kernel.half[1].root & mask)) {
        *pid = 0;
        return VMI_SUCCESS;
    }
    if (!vmi->os.ops->processes)
        return vmi_fail(vmi, ST_UNSUPPORTED, "processes of this system cannot be listed");
    diag_clear(&vmi->diag);
    int st = vmi->os.ops->processes(&vmi->os, 0, match_dtb, &s, &o);
    vmi->statistics.process_walks++;
    if (s.pid >= 0) {
        *pid = s.pid;
        return VMI_SUCCESS;
    }
    if (st < 0 && vmi->diag.text[0])
        return vmi_fail(vmi, st, NULL);
    return vmi_fail(vmi, ST_ABSENT, "no process has the page table 0x%llx%s%s",
                    (unsigned long long)dtb, o.partial ? "; the process list was cut: " : "",
                    o.partial ? o.reason : "");
}

/* ---- explicit tables ------------------------------------------------------------------------- */

/* The lookups with the instance's mode need one. */
static bool mode_known(vmi_instance_t vmi)
{
    if (vmi && mode_usable(vmi->page_mode))
        return true;
    vmi_fail(vmi, ST_INVALID,
             "the page mode of the guest is not known: call vmi_init_paging or vmi_init_os");
    return false;
}

status_t vmi_pagetable_lookup(vmi_instance_t vmi, addr_t pt, addr_t vaddr, addr_t *paddr)
{
    uint64_t left;
    struct access a;
    if (!paddr || !mode_known(vmi))
        return vmi && !paddr
                   ? vmi_fail(vmi, ST_INVALID, "no place for the physical address was given")
                   : VMI_FAILURE;
    if (access_table(vmi, 0, VMI_PM_NONE, pt, VMI_PM_NONE, vaddr, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    status_t s = access_translate(vmi, &a, paddr, &left);
    if (s != VMI_SUCCESS)
        *paddr = 0;
    return s;
}

status_t vmi_pagetable_lookup_extended(vmi_instance_t vmi, addr_t pt, addr_t vaddr,
                                       page_info_t *info)
{
    if (!info)
        return vmi_fail(vmi, ST_INVALID, "no place for the page's description was given");
    if (!mode_known(vmi)) {
        *info = (page_info_t){0};
        return VMI_FAILURE;
    }
    return vmi_nested_pagetable_lookup_extended(vmi, 0, VMI_PM_NONE, pt, vmi->page_mode, vaddr,
                                                info);
}

static status_t check_nested_args(vmi_instance_t vmi, page_mode_t npm, page_mode_t pm)
{
    if (!vmi)
        return VMI_FAILURE;
    if (!mode_usable(pm))
        return vmi_fail(vmi, ST_INVALID, "%u is no page mode that tables can be walked in",
                        (unsigned)pm);
    return npm == VMI_PM_NONE || npm == VMI_PM_EPT_4L || npm == VMI_PM_EPT_5L
               ? VMI_SUCCESS
               : vmi_fail(vmi, ST_INVALID, "%u is no mode of a nested page table", (unsigned)npm);
}

status_t vmi_nested_pagetable_lookup(vmi_instance_t vmi, addr_t npt, page_mode_t npm, addr_t pt,
                                     page_mode_t pm, addr_t vaddr, addr_t *paddr, addr_t *naddr)
{
    struct access a;
    struct walk w;
    uint64_t own, left;
    if (check_nested_args(vmi, npm, pm) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (!paddr || (npm && !naddr))
        return vmi_fail(vmi, ST_INVALID, "no place for the address was given");
    if (access_table(vmi, npt, npm, pt, pm, vaddr, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    vmi->walk.failed = false;
    if (!a.space->outer) {
        status_t s = access_translate(vmi, &a, &own, &left);
        if (s == VMI_SUCCESS) {
            *paddr = own;
            if (naddr)
                *naddr = own;
        }
        return s;
    }
    int st = aspace_walk(a.space, GVA(vaddr), &w);
    bool added = cache_get_v2p(vmi, vaddr, space_root(a.space, vaddr), npt, pm, &own);
    if (st != ST_OK && !added)
        return access_fault(vmi, &a, "translate", 1, 0, st);
    *paddr = st == ST_OK ? w.pa : ~0ULL; /* what the program added is the outer address alone */
    *naddr = added ? own : w.outer_pa;
    return VMI_SUCCESS;
}

/*
 * Where a page_info_t has the location of an entry, by how many levels are below it; the value is
 * behind it. 0: LibVMI has no name for it (the fifth level).
 */
static const uint8_t level_at[VMI_PM_EPT_5L + 1][XLAT_MAX_LEVELS] = {
#define AT(member) offsetof(page_info_t, member##_location)
    [VMI_PM_LEGACY] = {AT(x86_legacy.pte), AT(x86_legacy.pgd)},
    [VMI_PM_PAE] = {AT(x86_pae.pte), AT(x86_pae.pgd), AT(x86_pae.pdpe)},
    [VMI_PM_IA32E] = {AT(x86_ia32e.pte), AT(x86_ia32e.pgd), AT(x86_ia32e.pdpte),
                      AT(x86_ia32e.pml4e)},
    [VMI_PM_AARCH64] = {AT(arm_aarch64.tld), AT(arm_aarch64.sld), AT(arm_aarch64.fld),
                        AT(arm_aarch64.zld)},
    [VMI_PM_EPT_4L] = {AT(x86_ia32e.pte), AT(x86_ia32e.pgd), AT(x86_ia32e.pdpte),
                       AT(x86_ia32e.pml4e)},
    [VMI_PM_EPT_5L] = {AT(x86_ia32e.pte), AT(x86_ia32e.pgd), AT(x86_ia32e.pdpte),
                       AT(x86_ia32e.pml4e)},
#undef AT
};

/* The levels of a walk, from the root, under the names that LibVMI has for them. */
static void fill_levels(page_info_t *info, page_mode_t pm, const struct walk *w)
{
    for (unsigned i = 0; i < w->levels; i++) {
        unsigned below = w->form->levels - 1u - i;
        uint8_t at = pm <= VMI_PM_EPT_5L && below < XLAT_MAX_LEVELS ? level_at[pm][below] : 0;
        if (at) {
            addr_t *slot = (addr_t *)(void *)((char *)info + at);
            slot[0] = w->entry[i].at;
            slot[1] = w->entry[i].value;
        } else if (pm == VMI_PM_AARCH32 && i < 2) {
            uint32_t *arm32 = i ? &info->arm_aarch32.sld_location : &info->arm_aarch32.fld_location;
            arm32[0] = (uint32_t)w->entry[i].at;
            arm32[1] = (uint32_t)w->entry[i].value;
        }
    }
}

void page_info_clear(page_info_t *info)
{
    /* in two parts: one of this size becomes "rep stos", which costs as much as a walk */
    enum { HALF = 64 };
    memset(info, 0, HALF);
    memset((char *)info + HALF, 0, sizeof *info - HALF);
}

void page_info_of_walk(page_info_t *info, page_mode_t pm, const struct walk *w)
{
    info->vaddr = w->va;
    fill_levels(info, pm, w);
    if (w->fault != WALK_OK)
        return;
    info->paddr = w->pa;
    info->size = (page_size_t)w->size;
}

status_t vmi_nested_pagetable_lookup_extended(vmi_instance_t vmi, addr_t npt, page_mode_t npm,
                                              addr_t pt, page_mode_t pm, addr_t vaddr,
                                              page_info_t *info)
{
    struct access a;
    struct walk w, outer;
    if (!info)
        return vmi_fail(vmi, ST_INVALID, "no place for the page's description was given");
    page_info_clear(info);
    info->vaddr = vaddr;
    info->pt = pt;
    info->pm = pm;
    info->npt = npt;
    info->npm = npm;
    if (check_nested_args(vmi, npm, pm) != VMI_SUCCESS ||
        access_table(vmi, npt, npm, pt, pm, vaddr, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    vmi->walk.failed = false;
    int st = aspace_walk(a.space, GVA(vaddr), &w);
    page_info_of_walk(info, pm, &w);
    if (st != ST_OK)
        return access_fault(vmi, &a, "translate", 1, 0, st);
    if (!a.space->outer)
        return VMI_SUCCESS;
    info->naddr = w.outer_pa;
    if (aspace_walk(a.space->outer, GVA(w.pa), &outer) == ST_OK)
        info->nsize = (page_size_t)outer.size;
    return VMI_SUCCESS;
}

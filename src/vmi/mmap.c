/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest pages in the program's own address space, each a mapping of its own that the program gives
 * back with munmap. Where the source has mapped the guest's memory as shared, mremap with an old
 * size of 0 makes a second mapping of the same page (mremap(2)); it stays after the source is
 * closed. Private mappings and copies cannot be shared so.
 */
#define _GNU_SOURCE
#include "vmi/access.h"

#include <sys/mman.h>

enum { PAGE = 4096 };

static status_t check_args(vmi_instance_t vmi, size_t n, int prot, void **ptrs)
{
    if (!vmi)
        return VMI_FAILURE;
    if (!ptrs && n)
        return vmi_fail(vmi, ST_INVALID, "no place for the pointers was given");
    if (!prot || prot & ~(PROT_READ | PROT_WRITE))
        return vmi_fail(vmi, ST_INVALID,
                        "0x%x is no protection: give PROT_READ, PROT_WRITE or both",
                        (unsigned)prot);
    return VMI_SUCCESS;
}

static void unmap_all(void **ptrs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ptrs[i])
            munmap(ptrs[i], PAGE);
}

/* One page. ST_ABSENT: no memory is there. Other failures have their story. */
static int map_page(vmi_instance_t vmi, uint64_t pa, int prot, void **ret)
{
    size_t avail;
    pa &= ~(uint64_t)(PAGE - 1);
    const struct phys_range *r = phys_find(&vmi->source.phys, pa);
    if (!r)
        return ST_ABSENT;
    const struct phys_ops *ops = vmi->source.phys.ops;
    if (!r->host && ops && ops->own_mapping) {
        int st = ops->own_mapping(vmi->source.impl, pa, prot & PROT_WRITE, ret);
        if (st != ST_OK && st != ST_ABSENT)
            vmi_fail(vmi, st, "physical 0x%llx cannot be mapped: %s", (unsigned long long)pa,
                     vmi->source.story ? vmi->source.story->text : status_name(st));
        return st;
    }
    const uint8_t *host = r->host ? phys_ptr(&vmi->source.phys, pa, &avail) : NULL;
    if (!host || avail < PAGE || (uintptr_t)host % PAGE) {
        vmi_fail(vmi, ST_UNSUPPORTED,
                 "physical 0x%llx cannot be mapped: this source of kind \"%s\" %s",
                 (unsigned long long)pa, vmi->source.kind,
                 !host ? "is read, not mapped" : "does not hold its pages at page borders");
        return ST_UNSUPPORTED;
    }
    void *p = mremap((void *)(uintptr_t)host, 0, PAGE, MREMAP_MAYMOVE);
    if (p == MAP_FAILED) {
        vmi_fail(vmi, ST_UNSUPPORTED,
                 "physical 0x%llx cannot be mapped a second time: this source's mapping is private",
                 (unsigned long long)pa);
        return ST_UNSUPPORTED;
    }
    if (mprotect(p, PAGE, prot) != 0) {
        munmap(p, PAGE);
        vmi_fail(vmi, ST_DENIED,
                 "physical 0x%llx cannot be mapped writable: this source was opened for reading",
                 (unsigned long long)pa);
        return ST_DENIED;
    }
    *ret = p;
    return ST_OK;
}

status_t vmi_mmap_guest(vmi_instance_t vmi, const access_context_t *ctx, size_t num_pages, int prot,
                        void **access_ptrs)
{
    struct access a;
    if (check_args(vmi, num_pages, prot, access_ptrs) != VMI_SUCCESS ||
        access_context(vmi, ctx, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (ctx->tm == VMI_TM_NONE)
        return vmi_fail(
            vmi, ST_INVALID,
            "vmi_mmap_guest maps virtual addresses; for physical ones there is vmi_mmap_guest_pa");
    uint64_t first = a.addr & ~(uint64_t)(PAGE - 1), pa, left;
    for (size_t i = 0; i < num_pages; i++) {
        int st = ST_ABSENT;
        access_ptrs[i] = NULL;
        a.addr = first + (uint64_t)i * PAGE;
        bool own = cache_get_v2p(vmi, a.addr, space_root(a.space, a.addr), a.npt, a.pm, &pa);
        if (own || aspace_translate(a.space, GVA(a.addr), &pa, &left) == ST_OK)
            st = map_page(vmi, pa, prot, &access_ptrs[i]);
        if (st != ST_OK && st != ST_ABSENT) {
            unmap_all(access_ptrs, i);
            return VMI_FAILURE;
        }
    }
    return VMI_SUCCESS;
}

status_t vmi_mmap_guest_pfns(vmi_instance_t vmi, unsigned long *pfns, size_t num_pages, int prot,
                             void **access_ptrs)
{
    if (check_args(vmi, num_pages, prot, access_ptrs) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (!pfns && num_pages)
        return vmi_fail(vmi, ST_INVALID, "no frames were given");
    for (size_t i = 0; i < num_pages; i++) {
        int st = pfns[i] <= UINT64_MAX / PAGE
                     ? map_page(vmi, (uint64_t)pfns[i] * PAGE, prot, &access_ptrs[i])
                     : ST_ABSENT;
        if (st == ST_OK)
            continue;
        unmap_all(access_ptrs, i);
        return st == ST_ABSENT ? vmi_fail(vmi, st, "no memory is at frame 0x%lx", pfns[i])
                               : VMI_FAILURE;
    }
    return VMI_SUCCESS;
}

status_t vmi_mmap_guest_pa(vmi_instance_t vmi, addr_t paddr, size_t num_pages, int prot,
                           void **access_ptrs)
{
    if (check_args(vmi, num_pages, prot, access_ptrs) != VMI_SUCCESS)
        return VMI_FAILURE;
    for (size_t i = 0; i < num_pages; i++) {
        uint64_t pa = paddr + (uint64_t)i * PAGE;
        int st = pa >= paddr ? map_page(vmi, pa, prot, &access_ptrs[i]) : ST_ABSENT;
        if (st == ST_OK)
            continue;
        unmap_all(access_ptrs, i);
        return st == ST_ABSENT ? access_fault_pa(vmi, "map", pa, PAGE, 0, st) : VMI_FAILURE;
    }
    return VMI_SUCCESS;
}

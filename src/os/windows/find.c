/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the kernel's page table, then its image.
 *
 * 1. What a crash dump's header says; CR3 of a vCPU.
 * 2. x64: the block for starting other processors in the first MiB (PROCESSOR_START_BLOCK in the
 * public PDBs; MemProcFS looks for it, too, vmmwininit.c): a jump, the kernel's 64-bit entry at
 * 0x70, CR3 at 0xa0. 255 pages to look at.
 * 3. The first 32 MiB, where the loader puts what System runs on, then all of memory for a table
 * that maps itself, as Windows' do: legacy 0x300 of a page directory;
 * PAE the fourth directory, whose first four entries are the four; x64 any entry of the upper half
 * (0x1ed until Windows 10 1607, random since).
 *
 * A guess costs one walk to refute: KUSER_SHARED_DATA is at a fixed address in every process.
 */
#include "os/windows/find.h"

#include <tinyvmi/tinyvmi.h>

#include "os/windows/windows.h"
#include "sym/pe.h"

enum { PAGE = 4096, MAX_PROOFS = 256, MAX_PAE_SEARCHES = 8, LOW = 32 << 20 };

struct search {
    struct source *s;
    uint64_t flags;
    int (*prove)(void *arg, const struct win_guess *g);
    void *arg;
    uint64_t end;  /* of physical memory */
    unsigned left; /* proofs that may still be tried for what the scan finds */
    unsigned pae;  /* looks through memory that may still be taken for four directories */
};

static int try(struct search *f, const char *how, enum form_id form, uint64_t root, uint64_t entry)
{
    struct win_guess g = {.how = how, .form = form, .root = root, .entry = entry};
    return f->prove(f->arg, &g);
}

/* The vCPU is in user mode, on a table that does not map the kernel: the KPCR has the other one. */
static int try_shadow(struct search *f, const struct vcpu_regs *r, enum form_id form)
{
    struct aspace user;
    uint64_t cr3;
    if (!(r->have & REGS_SEGMENTS) || (form != FORM_X86_4LEVEL && form != FORM_X86_5LEVEL))
        return ST_ABSENT;
    aspace_init(&user, &f->s->phys, form, paging_root(form, r->cr3));
    if (win_kernel_root(&user, r->kernel_gs_base, &cr3) != ST_OK &&
        win_kernel_root(&user, r->gs_base, &cr3) != ST_OK)
        return ST_ABSENT;
    return try(f, "KPCR of a vCPU, whose own table is the user's", form, cr3, 0);
}

static int find_registers(struct search *f)
{
    const struct vcpu_ops *ops = f->s->vcpu;
    if (f->flags & VMI_OPEN_NO_REGISTERS || !ops || !ops->registers)
        return ST_ABSENT;
    unsigned n = ops->count ? ops->count(f->s->impl) : 1;
    for (unsigned i = 0; i < MIN_OF(n, 8u); i++) {
        struct vcpu_regs r;
        if (ops->registers(f->s->impl, i, &r) != ST_OK || !(r.have & REGS_CR) || !(r.cr0 >> 31))
            continue;
        bool pae = r.cr4 >> 5 & 1, la57 = r.cr4 >> 12 & 1;
        bool longmode = r.have & REGS_EFER ? r.efer >> 10 & 1 : f->s->arch != ARCH_X86;
        enum form_id form = longmode && pae ? la57 ? FORM_X86_5LEVEL : FORM_X86_4LEVEL
                            : pae           ? FORM_X86_PAE
                                            : FORM_X86_LEGACY;
        if (try(f, "CR3 of a vCPU", form, r.cr3, 0) == ST_OK || try_shadow(f, &r, form) == ST_OK)
            return ST_OK;
    }
    return ST_ABSENT;
}

/* The page table that a crash dump's header names. */
static int find_hint(struct search *f)
{
    static const char how[] = "header of the crash dump";
    const struct windows_hints *h = &f->s->windows;
    switch (h->paging) {
    case HINT_PAGING_LEGACY:
        return try(f, how, FORM_X86_LEGACY, h->dtb, 0);
    case HINT_PAGING_PAE:
        return try(f, how, FORM_X86_PAE, h->dtb, 0);
    case HINT_PAGING_64:
        if (try(f, how, FORM_X86_4LEVEL, h->dtb, 0) == ST_OK)
            return ST_OK;
        return try(f, how, FORM_X86_5LEVEL, h->dtb, 0);
    default:
        return ST_ABSENT;
    }
}

static int find_low_stub(struct search *f)
{
    struct phys *phys = &f->s->phys;
    for (uint64_t pa = PAGE; pa < 1 << 20; pa += PAGE) {
        uint64_t start, entry, cr3;
        if (phys_read_entry(phys, pa, 8, &start) != ST_OK ||
            (start & 0xffffffffffff00ffULL) != 0x00000001000600e9ULL)
            continue;
        if (phys_read_entry(phys, pa + 0x70, 8, &entry) != ST_OK ||
            (entry & 0xfffff80000000003ULL) != 0xfffff80000000000ULL)
            continue;
        if (phys_read_entry(phys, pa + 0xa0, 8, &cr3) != ST_OK || cr3 & 0xffffff0000000fffULL)
            continue;
        if (try(f, "low stub", FORM_X86_4LEVEL, cr3, entry) == ST_OK ||
            try(f, "low stub", FORM_X86_5LEVEL, cr3, entry) == ST_OK)
            return ST_OK;
    }
    return ST_ABSENT;
}

/* A page, mapped or copied; NULL: not there. What a source maps only until its next call is copied.
 */
static const uint8_t *page_at(struct phys *phys, uint64_t pa, uint8_t *copy)
{
    const struct phys_range *r = phys_find(phys, pa);
    if (r && r->host && r->len - (pa - r->start) >= PAGE)
        return r->host + (pa - r->start);
    return phys_read(phys, pa, copy, PAGE, NULL) == ST_OK ? copy : NULL;
}

/* PAE: the table of four entries that name these four directories; 32 bytes, aligned, below 4 GiB.
 */
static int find_pae_top(struct search *f, const uint64_t directory[4])
{
    struct phys *phys = &f->s->phys;
    for (uint64_t end, at = 0;
         (at = phys_next_data(phys, at, &end)) != UINT64_MAX && at < 1ULL << 32; at = end)
        for (uint64_t pa = at & ~(uint64_t)(PAGE - 1); pa < end; pa += PAGE) {
            uint8_t copy[PAGE];
            const uint8_t *p = page_at(phys, pa, copy);
            for (unsigned off = 0; p && off < PAGE; off += 32) {
                if ((le64(p + off + 24) ^ directory[3]) & 0xffffffffff000ULL || !(p[off + 24] & 1))
                    continue;
                bool same = true;
                for (unsigned i = 0; i < 3; i++)
                    same = same && !((le64(p + off + i * 8) ^ directory[i]) & 0xffffffffff000ULL) &&
                           p[off + i * 8] & 1;
                if (same && pa + off != (directory[3] & 0xffffffffff000ULL) &&
                    try(f, "table of the four directories that see themselves", FORM_X86_PAE,
                        pa + off, 0) == ST_OK)
                    return ST_OK;
            }
        }
    return ST_ABSENT;
}

/* Is entry `i` of a table that of another table in memory? */
static bool leads_on(const struct search *f, const uint8_t *p, unsigned i)
{
    uint64_t e = le64(p + i * 8);
    return (e & 0x81) == 1 && (e & 0xffffffffff000ULL) < f->end;
}

static int try_page(struct search *f, uint64_t pa, const uint8_t *p)
{
    const uint64_t frame = 0xffffffffff000ULL;
    uint64_t self = pa | 1;
    if (((le32(p + 0x300 * 4) ^ self) & 0xfffff081) == 0 && pa < 1ULL << 32 && f->left) {
        f->left--;
        if (try(f, "page directory that maps itself", FORM_X86_LEGACY, pa, 0) == ST_OK)
            return ST_OK;
    }
    if (((le64(p + 24) ^ self) & (frame | 0x81)) == 0 && p[0] & p[8] & p[16] & 1 && f->pae) {
        f->pae--;
        uint64_t directory[4] = {le64(p), le64(p + 8), le64(p + 16), le64(p + 24)};
        if (find_pae_top(f, directory) == ST_OK)
            return ST_OK;
    }
    /* entries that such a table has: of KUSER_SHARED_DATA and of the kernel; with five levels the
     * last one leads to both */
    bool four = leads_on(f, p, 495) && leads_on(f, p, 496), five = leads_on(f, p, 511);
    unsigned hits = 0;
    for (unsigned i = 256; i < 512 && (four || five); i++)
        hits += ((le64(p + i * 8) ^ self) & (frame | 0x81)) == 0;
    if (hits != 1 || !f->left)
        return ST_ABSENT;
    f->left--;
    if (four && try(f, "page table that maps itself", FORM_X86_4LEVEL, pa, 0) == ST_OK)
        return ST_OK;
    return five ? try(f, "page table that maps itself", FORM_X86_5LEVEL, pa, 0) : ST_ABSENT;
}

/* Over the tables of [from, to). */
static int find_self_map(struct search *f, uint64_t from, uint64_t to)
{
    struct phys *phys = &f->s->phys;
    f->left = MAX_PROOFS;
    f->pae = MAX_PAE_SEARCHES;
    f->end = phys_end(phys);
    for (uint64_t end, at = from; (at = phys_next_data(phys, at, &end)) != UINT64_MAX && at < to;
         at = end)
        for (uint64_t pa = at & ~(uint64_t)(PAGE - 1); pa < end && pa < to; pa += PAGE) {
            uint8_t copy[PAGE];
            const uint8_t *p = page_at(phys, pa, copy);
            if (p && try_page(f, pa, p) == ST_OK)
                return ST_OK;
        }
    return ST_ABSENT;
}

static int find_low_self_map(struct search *f)
{
    return find_self_map(f, 0, LOW);
}

static int find_high_self_map(struct search *f)
{
    return find_self_map(f, LOW, UINT64_MAX);
}

int win_find(struct source *s, uint64_t flags, enum os_effort effort,
             int (*prove)(void *arg, const struct win_guess *g), void *arg)
{
    static const struct {
        int (*find)(struct search *);
        enum os_effort effort;
    } finders[] = {{find_hint, OS_EFFORT_CHEAP},
                   {find_registers, OS_EFFORT_CHEAP},
                   {find_low_stub, OS_EFFORT_CHEAP},
                   {find_low_self_map, OS_EFFORT_CHEAP},
                   {find_high_self_map, OS_EFFORT_PAGES}};
    struct search f = {.s = s, .flags = flags, .prove = prove, .arg = arg};
    if (s->arch != ARCH_UNKNOWN && s->arch != ARCH_X86 && s->arch != ARCH_X86_64)
        return ST_ABSENT;
    for (size_t i = 0; i < ARRAY_LEN(finders); i++)
        if (finders[i].effort == effort && finders[i].find(&f) == ST_OK)
            return ST_OK;
    return ST_ABSENT;
}

/* ---- the image ---- */

/* Looks at the pages of a range for the kernel's first one. Bounded: forged tables can map one page
 * everywhere. */
struct image_search {
    const struct aspace *as;
    uint64_t base;
    uint64_t pages, images; /* that may still be looked at */
};

struct at {
    const struct aspace *as;
    uint64_t base;
};

static int read_at(void *arg, uint64_t rva, void *buf, size_t n)
{
    const struct at *a = arg;
    return aspace_read(a->as, GVA(a->base + rva), buf, n, NULL);
}

/* All kernels export as ntoskrnl.exe, whatever their file was called (ntkrnlpa.exe, ntkrnlmp.exe).
 */
static bool is_kernel(const struct aspace *as, uint64_t va)
{
    struct at a = {as, va};
    struct pe_reader r = {read_at, &a};
    struct pe_image image;
    char name[32];
    uint16_t magic;
    if (aspace_read(as, GVA(va), &magic, sizeof magic, NULL) != ST_OK || magic != 0x5a4d /* MZ */)
        return false;
    return pe_open(&r, &image) == ST_OK && pe_own_name(&r, &image, name, sizeof name) == ST_OK &&
           !strcmp(name, "ntoskrnl.exe");
}

static int look_at_page(const struct walk *walk, void *arg)
{
    struct image_search *f = arg;
    for (uint64_t off = 0; off < walk->size; off += PAGE) {
        size_t avail;
        if (!f->pages-- || !f->images) {
            f->pages = 0;
            return 1;
        }
        const uint8_t *p = phys_ptr(f->as->phys, walk->outer_pa + off, &avail);
        if (p && (avail < 2 || p[0] != 'M' || p[1] != 'Z'))
            continue;
        f->images -= p != NULL;
        if (is_kernel(f->as, walk->va + off)) {
            f->base = walk->va + off;
            return 1;
        }
    }
    return 0;
}

int win_find_image(const struct aspace *as, enum form_id form, uint64_t entry, uint64_t *ret)
{
    bool bits64 = form == FORM_X86_4LEVEL || form == FORM_X86_5LEVEL;
    struct image_search f = {
        .as = as, .pages = 1 << 22, .images = 4096}; /* 16 GiB: a kernel maps far less there */
    for (uint64_t i = 0; entry && i < 8192; i++)     /* 32 MiB down from a place in it */
        if (is_kernel(as, (entry & ~(uint64_t)(PAGE - 1)) - i * PAGE)) {
            *ret = (entry & ~(uint64_t)(PAGE - 1)) - i * PAGE;
            return ST_OK;
        }
    /* x64: the 512 GiB that begin there hold the kernel and HAL (Windows' documented layout) */
    uint64_t from = bits64 ? 0xfffff80000000000ULL : 0x80000000,
             to = bits64 ? 0xfffff87fffffffffULL : 0xffffffff;
    (void)aspace_each_page(as, from, to, 1 << 16, look_at_page, &f);
    if (!f.base)
        return ST_ABSENT;
    *ret = f.base;
    return ST_OK;
}

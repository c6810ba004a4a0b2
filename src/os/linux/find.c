/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
/*
 * Finding the kernel. Each finder is a row of a table; a row makes guesses and costs little before
 * the next one costs more: what the file says, vCPU registers, the real-mode trampoline (256
 * pages), image headers (one look every 2 MiB), and only then all of memory.
 */
#include "os/linux/find.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <tinyvmi/tinyvmi.h>

enum {
    MiB = 1 << 20,
    IMAGE_MAX = 256 * MiB, /* no kernel image is larger */
    WINDOW =
        64 * MiB, /* searched around something that was found when the image's size is not known */
    VMCOREINFO_MAX = 4096,
};

#define X86_64_KERNEL_MAP                                                                          \
    0xffffffff80000000ULL            /* __START_KERNEL_map, Documentation/arch/x86/x86_64/mm.rst */
#define X86_TEXT       0xc1000000ULL /* CONFIG_PHYSICAL_START behind PAGE_OFFSET, the defaults */
#define X86_64_MODULES 0xffffffffc0000000ULL /* with KASLR; the image ends before */

struct search {
    struct source *s;
    uint64_t flags;
    const struct lx_hint *hint;
    int (*prove)(void *arg, const struct lx_guess *g);
    void *arg;
    unsigned proofs,
        notes; /* still allowed: a forged guest offers as many places to look as it likes */
};

enum { MAX_PROOFS = 24, MAX_NOTES = 64 };

/* Asks for a proof of one guess. ST_LIMIT: there were too many, the search ends. */
static int try_guess(struct search *f, const struct lx_guess *g)
{
    if (!f->proofs)
        return ST_LIMIT;
    f->proofs--;
    return f->prove(f->arg, g);
}

/* ---- the image, by page tables ---- */

struct image_scan {
    struct lx_guess *g;
    uint64_t end; /* virtual end of what was accepted */
    uint64_t ro, ro_end, best_ro, best_ro_end;
    bool any;
};

static void close_ro(struct image_scan *c)
{
    if (c->ro_end - c->ro > c->best_ro_end - c->best_ro) {
        c->best_ro = c->ro;
        c->best_ro_end = c->ro_end;
    }
    c->ro = c->ro_end = 0;
}

static int image_page(const struct walk *w, void *arg)
{
    struct image_scan *c = arg;
    if (!c->any) {
        c->g->va = w->va;
        c->g->pa = w->pa;
        c->any = true;
    } else if (w->va - w->pa != c->g->va - c->g->pa || w->va - c->end > 32 * MiB ||
               w->va - c->g->va > IMAGE_MAX) {
        return 1; /* another mapping begins: the image is over */
    }
    bool ro = !(w->rights & (RIGHT_W | RIGHT_X));
    if (!ro || w->va != c->ro_end)
        close_ro(c);
    if (ro) {
        if (!c->ro_end)
            c->ro = w->va;
        c->ro_end = w->va + w->size;
    }
    c->end = w->va + w->size;
    return 0;
}

static void guess_space(struct source *s, const struct lx_guess *g, struct aspace *as)
{
    aspace_init(as, &s->phys, g->form, g->root);
    as->addr_clear = g->addr_clear;
    if (g->arch == ARCH_ARM64)
        as->split = 1ULL << 63;
}

int lx_image_by_tables(struct source *s, struct lx_guess *g)
{
    struct aspace as;
    struct image_scan c = {.g = g};
    guess_space(s, g, &as);
    if (g->arch == ARCH_X86_64)
        (void)aspace_each_page(&as, X86_64_KERNEL_MAP, X86_64_MODULES - 1, 1 << 17, image_page, &c);
    else if (g->va)
        (void)aspace_each_page(&as, g->va, g->va + IMAGE_MAX, 1 << 17, image_page, &c);
    close_ro(&c);
    if (!c.any)
        return ST_ABSENT;
    g->size = c.end - g->va;
    if (c.best_ro_end) {
        g->ro = c.best_ro - g->va;
        g->ro_size = c.best_ro_end - c.best_ro;
    }
    return ST_OK;
}

/* ---- the root, by the image ---- */

static const enum form_id x86_64_forms[] = {FORM_X86_4LEVEL, FORM_X86_5LEVEL};
static const enum form_id x86_forms[] = {FORM_X86_PAE, FORM_X86_LEGACY};
static const enum form_id arm64_forms[] = {
    FORM_ARM64_4K_48,  FORM_ARM64_4K_39,  FORM_ARM64_4K_52,  FORM_ARM64_64K_48, FORM_ARM64_64K_52,
    FORM_ARM64_64K_42, FORM_ARM64_16K_47, FORM_ARM64_16K_48, FORM_ARM64_16K_36, FORM_ARM64_16K_52};

static size_t forms_of(enum guest_arch arch, const enum form_id **ret)
{
    switch (arch) {
    case ARCH_X86_64:
        *ret = x86_64_forms;
        return ARRAY_LEN(x86_64_forms);
    case ARCH_X86:
        *ret = x86_forms;
        return ARRAY_LEN(x86_forms);
    case ARCH_ARM64:
        *ret = arm64_forms;
        return ARRAY_LEN(arm64_forms);
    default:
        return 0;
    }
}

/* How well the tables at g->root fit: 0 not at all, else the more the better (boot-time tables map
 * less). */
static unsigned root_score(struct source *s, const struct lx_guess *g)
{
    struct aspace as;
    guess_space(s, g, &as);
    static const uint64_t at[] = {0, 1 * MiB, 2 * MiB, 4 * MiB};
    uint64_t pa, left;
    for (size_t i = 0; i < ARRAY_LEN(at) && at[i] < g->size; i++)
        if (aspace_translate(&as, GVA(g->va + at[i]), &pa, &left) != ST_OK || pa != g->pa + at[i])
            return 0;
    const struct paging_form *f = paging_form(g->form);
    /* a table below the top of a deeper tree maps the image as well: of two forms that fit, the
     * deeper one is right */
    unsigned score = 1 + f->levels * 65536u, n = 1u << f->level[0].bits;
    /* the kernel's part of the table: a boot-time table has an identity map below, which proves
     * nothing */
    for (unsigned i = g->arch == ARCH_X86      ? n / 4 * 3
                      : g->arch == ARCH_X86_64 ? n / 2
                                               : 0;
         i < n; i++) {
        uint64_t e;
        if (phys_read_entry(&s->phys, as.half[1].root + (uint64_t)i * f->entry_size, f->entry_size,
                            &e) == ST_OK &&
            (e & f->present_mask))
            score++;
    }
    if (g->arch == ARCH_X86) /* the linear map of a page table in use goes far beyond the kernel */
        for (uint64_t va = 0xc0000000; va < 0xf8000000; va += 4 * MiB)
            score += aspace_translate(&as, GVA(va), &pa, &left) == ST_OK && pa == va - 0xc0000000;
    return score;
}

/* `window`: the image's physical place is only known to be inside [pa, pa+size); the tables tell
 * it. */
static int search_root(struct source *s, struct lx_guess *g, bool window)
{
    const enum form_id *form = NULL;
    size_t nr = forms_of(g->arch, &form);
    unsigned best = 0;
    struct lx_guess try = *g;
    for (uint64_t off = 0; off < g->size; off += 4096) {
        for (size_t i = 0; i < nr; i++) {
            struct aspace as;
            uint64_t left;
            try = *g;
            try.form = form[i];
            try.root = g->pa + off;
            if (window) {
                guess_space(s, &try, &as);
                if (aspace_translate(&as, GVA(g->va), &try.pa, &left) != ST_OK ||
                    try.pa - g->pa >= g->size)
                    continue;
                try.size = g->size - (try.pa - g->pa);
            }
            unsigned score = root_score(s, &try);
            /* i386 keeps its boot-time table, which maps as much, in front of swapper_pg_dir: of
             * equals the last */
            if (score > best || (score == best && score && g->arch == ARCH_X86)) {
                best = score;
                try.have_root = true;
                *g = window ? *g : try;
                if (!window)
                    continue;
                g->form = try.form;
                g->root = try.root;
                g->have_root = true;
            }
        }
    }
    return best ? ST_OK : ST_ABSENT;
}

int lx_root_at(struct source *s, struct lx_guess *g, uint64_t root)
{
    const enum form_id *form = NULL;
    size_t nr = forms_of(g->arch, &form);
    unsigned best = 0;
    for (size_t i = 0; i < nr; i++) {
        struct lx_guess try = *g;
        try.form = form[i];
        try.root = root;
        unsigned score = root_score(s, &try);
        if (score > best) {
            best = score;
            g->form = try.form;
            g->root = root;
            g->have_root = true;
        }
    }
    return best ? ST_OK : ST_ABSENT;
}

int lx_find_root(struct source *s, struct lx_guess *g)
{
    return search_root(s, g, false);
}

int lx_find_root_in_window(struct source *s, struct lx_guess *g)
{
    struct aspace as;
    uint64_t pa, left;
    int st = search_root(s, g, true);
    if (st != ST_OK)
        return st;
    guess_space(s, g, &as);
    st = aspace_translate(&as, GVA(g->va), &pa, &left);
    if (st == ST_OK) {
        g->ro = g->ro_size = 0;
        g->size -= pa - g->pa;
        g->pa = pa;
    }
    return st;
}

/* ---- finders ---- */

static int prove_root(struct search *f, const char *how, enum guest_arch arch, enum form_id form,
                      uint64_t root)
{
    static const uint64_t encryption[] = {
        0, 1ULL << 51, 1ULL << 47}; /* C-bit of EPYC 1 to 3: 47 or 51 (AMD APM 2, 15.34) */
    struct lx_guess g = {.how = how, .arch = arch, .have_root = true, .form = form, .root = root};
    if (arch == ARCH_X86)
        g.va = f->hint->text ? f->hint->text : X86_TEXT;
    for (size_t i = 0; i < ARRAY_LEN(encryption); i++) {
        g.addr_clear = encryption[i];
        int st = lx_image_by_tables(f->s, &g) == ST_OK ? try_guess(f, &g) : ST_ABSENT;
        if (st == ST_OK || st == ST_LIMIT)
            return st;
        if (arch != ARCH_X86_64)
            break;
    }
    return ST_ABSENT;
}

/* Guesses that follow from a vmcoreinfo text. */
static int by_vmcoreinfo(struct search *f, struct bytes text, const char *how)
{
    struct lx_guess g = {.how = how, .vmcoreinfo = text};
    uint64_t stext, root, n, bits, voffset, page = 4096;
    char word[32];
    if (!f->notes)
        return ST_LIMIT;
    f->notes--;
    if (!lx_vmcoreinfo_number(text, "SYMBOL(_stext)", 16, &stext) ||
        !lx_vmcoreinfo_number(text, "SYMBOL(swapper_pg_dir)", 16, &root))
        return ST_ABSENT;
    g.have_root = true;
    (void)lx_vmcoreinfo_number(text, "PAGESIZE", 0, &page);
    if (lx_vmcoreinfo_number(text, "NUMBER(phys_base)", 0, &n)) {
        g.arch = ARCH_X86_64;
        uint64_t la57 = 0;
        (void)lx_vmcoreinfo_number(text, "NUMBER(pgtable_l5_enabled)", 0, &la57);
        g.form = la57 ? FORM_X86_5LEVEL : FORM_X86_4LEVEL;
        g.root = root - X86_64_KERNEL_MAP + n;
        (void)lx_vmcoreinfo_number(text, "NUMBER(sme_mask)", 0, &g.addr_clear);
    } else if (lx_vmcoreinfo_number(text, "NUMBER(kimage_voffset)", 0, &voffset) &&
               lx_vmcoreinfo_number(text, "NUMBER(VA_BITS)", 0, &bits)) {
        static const struct {
            uint64_t page, bits;
            enum form_id form;
        } forms[] = {{4096, 39, FORM_ARM64_4K_39},   {4096, 48, FORM_ARM64_4K_48},
                     {4096, 52, FORM_ARM64_4K_52},   {16384, 36, FORM_ARM64_16K_36},
                     {16384, 47, FORM_ARM64_16K_47}, {16384, 48, FORM_ARM64_16K_48},
                     {16384, 52, FORM_ARM64_16K_52}, {65536, 42, FORM_ARM64_64K_42},
                     {65536, 48, FORM_ARM64_64K_48}, {65536, 52, FORM_ARM64_64K_52}};
        uint64_t t1sz;
        if (lx_vmcoreinfo_number(text, "NUMBER(TCR_EL1_T1SZ)", 0, &t1sz) && t1sz < 64)
            bits =
                64 - t1sz; /* a kernel built for 52 bits runs with 48 where the CPU has no more */
        g.arch = ARCH_ARM64;
        g.have_root = false;
        for (size_t i = 0; i < ARRAY_LEN(forms); i++)
            if (forms[i].page == page && forms[i].bits == bits) {
                g.form = forms[i].form;
                g.have_root = true;
            }
        g.root = root - voffset;
        g.va = stext & ~(uint64_t)(64 * 1024 - 1);
        g.pa = g.va - voffset;
        g.size = WINDOW;
    } else if (stext < 1ULL << 32) {
        g.arch = ARCH_X86;
        g.form = lx_vmcoreinfo_text(text, "CONFIG_X86_PAE", word, sizeof word) ? FORM_X86_PAE
                                                                               : FORM_X86_LEGACY;
        static const uint64_t page_offset[] = {0xc0000000, 0xb0000000, 0x80000000, 0x78000000,
                                               0x40000000};
        g.va = stext;
        for (size_t i = 0; i < ARRAY_LEN(page_offset); i++) {
            g.root = root - page_offset[i];
            g.va = stext & ~4095ULL;
            if (root >= page_offset[i] && lx_image_by_tables(f->s, &g) == ST_OK &&
                g.pa == g.va - page_offset[i])
                return try_guess(f, &g);
        }
        return ST_ABSENT;
    } else {
        return ST_ABSENT;
    }
    if (g.have_root && lx_image_by_tables(f->s, &g) != ST_OK)
        return ST_ABSENT;
    return try_guess(f, &g);
}

static int find_note(struct search *f)
{
    if (f->flags & VMI_OPEN_NO_VMCOREINFO || !f->s->vmcoreinfo.p)
        return ST_ABSENT;
    return by_vmcoreinfo(f, f->s->vmcoreinfo, "vmcoreinfo note of the file");
}

/* The page table that a configuration names, or that follows from the symbols that were given. */
static int find_given(struct search *f)
{
    static const struct {
        enum guest_arch arch;
        enum form_id form;
    } rows[] = {{ARCH_X86_64, FORM_X86_4LEVEL},
                {ARCH_X86_64, FORM_X86_5LEVEL},
                {ARCH_X86, FORM_X86_PAE},
                {ARCH_X86, FORM_X86_LEGACY}};
    for (size_t i = 0; f->hint->kpgd && i < ARRAY_LEN(rows); i++) {
        if (f->s->arch != ARCH_UNKNOWN && f->s->arch != rows[i].arch)
            continue;
        int st =
            prove_root(f, "a page table that was given", rows[i].arch, rows[i].form, f->hint->kpgd);
        if (st == ST_OK || st == ST_LIMIT)
            return st;
    }
    return ST_ABSENT;
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
        if (longmode && pae) {
            enum form_id form = la57 ? FORM_X86_5LEVEL : FORM_X86_4LEVEL;
            /* with page-table isolation the user half of the pair has bit 12 set, and maps hardly
             * any kernel */
            const uint64_t roots[] = {r.cr3 & ~0x1fffULL, r.cr3};
            for (size_t k = 0; k < ARRAY_LEN(roots); k++) {
                int st = prove_root(f, "CR3 of a vCPU", ARCH_X86_64, form, roots[k]);
                if (st == ST_OK || st == ST_LIMIT)
                    return st;
            }
        }
    }
    return ST_ABSENT;
}

/*
 * x86-64 keeps a page table for waking CPUs in the first MiB: its last entry is that of the
 * kernel's own top table (arch/x86/realmode/init.c, trampoline_pgd). 256 pages to look at, whatever
 * the guest's size.
 */
static int find_trampoline(struct search *f)
{
    if (f->s->arch != ARCH_UNKNOWN && f->s->arch != ARCH_X86_64)
        return ST_ABSENT;
    for (uint64_t pa = 0; pa < 1 * MiB; pa += 4096) {
        uint64_t e;
        if (phys_read_entry(&f->s->phys, pa + 511 * 8, 8, &e) != ST_OK || (e & 1) == 0 ||
            e >> 52 & 0x7ff)
            continue;
        for (size_t i = 0; i < ARRAY_LEN(x86_64_forms); i++) {
            int st = prove_root(f, "real-mode trampoline's page table", ARCH_X86_64,
                                x86_64_forms[i], pa);
            if (st == ST_OK || st == ST_LIMIT)
                return st;
        }
    }
    return ST_ABSENT;
}

/* arm64: the image's header has its magic at byte 56 and its size at 16
 * (Documentation/arch/arm64/booting.rst). */
static int find_arm64_header(struct search *f)
{
    if (f->s->arch != ARCH_UNKNOWN && f->s->arch != ARCH_ARM64)
        return ST_ABSENT;
    struct phys *phys = &f->s->phys;
    for (uint64_t end, at = 0; (at = phys_next_data(phys, at, &end)) != UINT64_MAX; at = end) {
        for (uint64_t pa = (at + 0xffff) & ~0xffffULL; pa >= at && pa < end; pa += 64 * 1024) {
            uint8_t h[64];
            const struct phys_range *r = phys_find(phys, pa);
            if (!r || phys_read(phys, pa, h, sizeof h, NULL) != ST_OK || le32(h + 56) != 0x644d5241)
                continue;
            struct lx_guess g = {
                .how = "arm64 image header", .arch = ARCH_ARM64, .pa = pa, .size = le64(h + 16)};
            g.size =
                MIN_OF(g.size && g.size < IMAGE_MAX ? g.size : WINDOW, r->len - (pa - r->start));
            int st = try_guess(f, &g);
            if (st == ST_OK || st == ST_LIMIT)
                return st;
        }
    }
    return ST_ABSENT;
}

/* The next page at or after `*at` that begins like vmcoreinfo, copied and terminated; false when
 * there is none. */
static bool next_vmcoreinfo(struct phys *phys, uint64_t *at, uint8_t page[VMCOREINFO_MAX + 1],
                            struct bytes *ret)
{
    static const char start[] = "OSRELEASE=";
    for (uint64_t end, from = *at; (from = phys_next_data(phys, from, &end)) != UINT64_MAX;
         from = end) {
        for (uint64_t pa = (from + 4095) & ~4095ULL; pa >= from && pa < end; pa += 4096) {
            size_t avail, got;
            const uint8_t *p = phys_ptr(phys, pa, &avail);
            if (p && (avail < sizeof start || memcmp(p, start, sizeof start - 1)))
                continue;
            if (!p && (phys_read(phys, pa, page, sizeof start, NULL) != ST_OK ||
                       memcmp(page, start, sizeof start - 1)))
                continue;
            if (phys_read(phys, pa, page, VMCOREINFO_MAX, &got) != ST_OK && got < 64)
                continue;
            page[got] = '\0';
            *ret = (struct bytes){page, strnlen((char *)page, got)};
            *at = pa + 4096;
            return true;
        }
    }
    return false;
}

static int find_vmcoreinfo_page(struct search *f)
{
    uint8_t page[VMCOREINFO_MAX + 1];
    struct bytes text;
    if (f->flags & VMI_OPEN_NO_VMCOREINFO)
        return ST_ABSENT;
    for (uint64_t at = 0; next_vmcoreinfo(&f->s->phys, &at, page, &text);) {
        int st = by_vmcoreinfo(f, text, "vmcoreinfo in guest memory");
        if (st == ST_OK || st == ST_LIMIT)
            return st;
    }
    return ST_ABSENT;
}

/*
 * A raw file of an arm64 guest begins where its memory begins (0x40000000 on QEMU's virt), which
 * the file does not tell; vmcoreinfo does, and the page tables prove it.
 */
static int find_moved_arm64(struct search *f)
{
    struct phys *phys = &f->s->phys;
    uint8_t page[VMCOREINFO_MAX + 1];
    struct bytes text;
    uint64_t start;
    if (strcmp(f->s->kind, "raw") || phys->nr != 1 || phys->range[0].start ||
        f->flags & VMI_OPEN_NO_VMCOREINFO)
        return ST_ABSENT;
    for (uint64_t at = 0; next_vmcoreinfo(phys, &at, page, &text);) {
        if (!lx_vmcoreinfo_number(text, "NUMBER(PHYS_OFFSET)", 0, &start) || start & 0xfff ||
            start > 1ULL << 48)
            continue;
        phys->range[0].start = start;
        int st = by_vmcoreinfo(f, text, "vmcoreinfo in guest memory");
        if (st == ST_OK) {
            snprintf(f->s->layout_note, sizeof f->s->layout_note,
                     "the file begins at guest-physical %#" PRIx64 ", as vmcoreinfo tells", start);
            return ST_OK;
        }
        phys->range[0].start = 0;
        if (st == ST_LIMIT)
            return st;
    }
    return ST_ABSENT;
}

/* The window round something at `at` that may be a kernel's token table, for every architecture. */
static int prove_window(struct search *f, uint64_t at)
{
    static const enum guest_arch archs[] = {ARCH_X86_64, ARCH_ARM64, ARCH_X86};
    const struct phys_range *r = phys_find(&f->s->phys, at);
    struct lx_guess g = {.how = "kallsyms token table in guest memory"};
    if (!r)
        return ST_ABSENT;
    uint64_t off = at - r->start, from = off > WINDOW ? (off - WINDOW) & ~4095ULL : 0;
    g.pa = r->start + from;
    g.size = MIN_OF(2 * (uint64_t)WINDOW, r->len - from);
    g.ro = off > 16 * MiB + from ? off - from - 16 * MiB : 0;
    g.ro_size = MIN_OF(32 * (uint64_t)MiB, g.size - g.ro);
    for (size_t a = 0; a < ARRAY_LEN(archs); a++) {
        g.arch = archs[a];
        int st = f->s->arch == ARCH_UNKNOWN || f->s->arch == g.arch ? try_guess(f, &g) : ST_ABSENT;
        if (st == ST_OK || st == ST_LIMIT)
            return st;
    }
    return ST_ABSENT;
}

/* The last resort: a kallsyms token table anywhere has the one-letter tokens of the ten digits in a
 * row. */
static int find_token_table(struct search *f)
{
    static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
    enum { CHUNK = 8 * MiB };
    struct phys *phys = &f->s->phys;
    uint8_t *copy = NULL;
    int st = ST_ABSENT;
    for (uint64_t end, at = 0;
         st == ST_ABSENT && (at = phys_next_data(phys, at, &end)) != UINT64_MAX; at = end) {
        for (uint64_t pa = at; st == ST_ABSENT && pa < end;) {
            size_t avail, n = (size_t)MIN_OF((uint64_t)CHUNK, end - pa);
            const struct phys_range *r = phys_find(phys, pa);
            const uint8_t *p = r && r->host ? phys_ptr(phys, pa, &avail) : NULL;
            if (p) {
                n = MIN_OF(n, avail);
            } else if (r) {
                if (!copy && !(copy = malloc(CHUNK)))
                    break;
                if (phys_read(phys, pa, copy, n, &avail) != ST_OK)
                    n = avail;
                p = copy;
            }
            const uint8_t *hit =
                p && n >= sizeof digits ? memmem(p, n, digits, sizeof digits) : NULL;
            if (hit) {
                pa += (uint64_t)(hit - p);
                st = prove_window(f, pa);
                if (st != ST_OK && st != ST_LIMIT)
                    st = ST_ABSENT;
                pa += 16 * MiB; /* all tables in the window were tried */
            } else { /* a table may lie across two pieces; step over what cannot be read */
                pa += n == CHUNK ? n - sizeof digits : MAX_OF(n, (size_t)4096);
            }
        }
    }
    free(copy);
    return st;
}

int lx_find(struct source *s, uint64_t flags, enum os_effort effort, const struct lx_hint *hint,
            int (*prove)(void *arg, const struct lx_guess *g), void *arg)
{
    static const struct {
        int (*find)(struct search *);
        enum os_effort effort;
    } finders[] = {{find_given, OS_EFFORT_CHEAP},        {find_note, OS_EFFORT_CHEAP},
                   {find_registers, OS_EFFORT_CHEAP},    {find_trampoline, OS_EFFORT_CHEAP},
                   {find_arm64_header, OS_EFFORT_CHEAP}, {find_vmcoreinfo_page, OS_EFFORT_PAGES},
                   {find_moved_arm64, OS_EFFORT_PAGES},  {find_token_table, OS_EFFORT_BYTES}};
    struct search f = {.s = s, .flags = flags, .hint = hint, .prove = prove, .arg = arg};
    int worst = ST_ABSENT;
    /* each finder has a budget of its own, so that what was forged for one does not hide what
     * another would find */
    for (size_t i = 0; i < ARRAY_LEN(finders); i++) {
        if (finders[i].effort != effort)
            continue;
        f.proofs = MAX_PROOFS;
        f.notes = MAX_NOTES;
        int st = finders[i].find(&f);
        if (st == ST_OK)
            return ST_OK;
        if (st == ST_LIMIT)
            worst = st;
    }
    return worst;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dumps of Xen's tools (xl dump-core): an ELF file with sections instead of segments. .xen_pages
 * holds the pages, .xen_pfn (guests with translated memory: HVM, PVH) or .xen_p2m (PV) names the
 * frame of each, in any order; .xen_prstatus holds a vcpu_guest_context a vCPU. Source: Xen
 * docs/misc/dump-core-format.txt, xen/include/public/arch-x86/xen.h.
 *
 * The frames of a PV guest are taken by machine frame number, since that is what its page tables
 * hold.
 */
#include "source/elf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOTE_HEADER_DESC = 0x2000001, MAX_SECTIONS = 4096, MAX_XEN_VCPUS = 4096 };
/* struct vcpu_guest_context of x86-64: offsets in it, and its size. */
enum { CTX_USER_REGS = 520, CTX_CTRLREG = 4984, CTX_FS_BASE = 5144, CTX_SIZE = 5168 };
static const uint64_t INVALID_PFN = UINT64_MAX; /* XC_CORE_INVALID_PFN */

struct xen_sections {
    uint64_t pages_at, pages_size;         /* the pages may be cut, so no view */
    struct bytes pfn, p2m, prstatus, note; /* p == NULL: there is none */
    uint64_t page_size, vcpus;
};

/* A page of the dump: which frame it is, and where in .xen_pages it lies. */
struct xen_page {
    uint64_t frame, index;
};

/* The section `want`; ST_ABSENT without a story when there is none. */
static int find_section(const struct elf_opening *o, const char *want, struct elf_section *ret)
{
    struct elf_section names, s;
    if (elf_section_at(o, o->h.shstrndx, &names) != ST_OK)
        return ST_BROKEN;
    for (uint64_t i = 1; i < MIN_OF(o->h.shnum, (uint64_t)MAX_SECTIONS); i++) {
        int st = elf_section_at(o, i, &s);
        if (st != ST_OK)
            return st;
        uint64_t at, len = strlen(want) + 1;
        if (s.name >= names.size || !add_fits(names.offset, s.name, &at))
            continue;
        struct bytes name = bytes_sub(o->m, at, len);
        if (name.p && !memcmp(name.p, want, len)) {
            *ret = s;
            return ST_OK;
        }
    }
    return ST_ABSENT;
}

bool elf_is_xen(const struct elf_opening *o)
{
    struct elf_opening quiet = *o;
    struct elf_section s;
    quiet.d = NULL;
    return !o->h.phnum && o->h.shnum > 1 && find_section(&quiet, ".xen_pages", &s) == ST_OK;
}

/* The bytes of a section that is needed whole. */
static int view_section(const struct elf_opening *o, const char *name, struct bytes *ret)
{
    struct elf_section s;
    int st = find_section(o, name, &s);
    if (st != ST_OK)
        return st;
    *ret = bytes_sub(o->m, s.offset, s.size);
    if (!ret->p)
        return diag_fail(o->d, ST_BROKEN,
                         "%s: section %s should lie at file offset %#" PRIx64 " with %#" PRIx64
                         " bytes, but the file ends at %#zx: it was cut, or its header lies",
                         o->s->name, name, s.offset, s.size, o->m.n);
    return ST_OK;
}

static int read_xen_note(const struct elf_opening *o, struct xen_sections *x)
{
    struct bytes notes = x->note;
    struct elf_note n;
    while (elf_note_next(&notes, &n)) {
        if (n.type != NOTE_HEADER_DESC || n.desc.n < 32)
            continue;
        x->vcpus = le64(n.desc.p + 8);
        x->page_size = le64(n.desc.p + 24);
    }
    if (x->page_size < 4096 || x->page_size > 65536 || x->page_size & (x->page_size - 1))
        return diag_fail(o->d, ST_BROKEN,
                         "%s: the note of Xen's dump says that a page has %" PRIu64 " bytes",
                         o->s->name, x->page_size);
    return ST_OK;
}

static int by_frame(const void *a, const void *b)
{
    const struct xen_page *p = a, *q = b;
    if (p->frame != q->frame)
        return p->frame < q->frame ? -1 : 1;
    return p->index < q->index ? -1 : p->index > q->index;
}

/* `frames` at `stride` bytes from one another. */
struct frame_list {
    const uint8_t *p;
    uint64_t nr;
    unsigned stride;
};

static bool ascending(const struct frame_list *l)
{
    for (uint64_t i = 1; i < l->nr; i++)
        if (le64(l->p + i * l->stride) <= le64(l->p + (i - 1) * l->stride))
            return false;
    return true;
}

static int add_run(struct elf_opening *o, const struct xen_sections *x, struct xen_page first,
                   uint64_t nr)
{
    uint64_t start, at, len = nr * x->page_size;
    if (!nr || first.frame == INVALID_PFN)
        return ST_OK;
    char what[64];
    snprintf(what, sizeof what, "frame %#" PRIx64 " of .xen_pages", first.frame);
    if (!mul_fits(first.frame, x->page_size, &start) ||
        !add_fits(x->pages_at, first.index * x->page_size, &at))
        return diag_fail(o->d, ST_BROKEN, "%s: %s: no address is that large", o->s->name, what);
    return file_add_mapped(o->s, o->f, o->options, start, len, at, what, o->d);
}

/* Adds all pages in ascending order, neighbours in frame and file as one. `sorted` is NULL when the
 * list itself is. */
static int add_pages(struct elf_opening *o, const struct xen_sections *x,
                     const struct frame_list *l, const struct xen_page *sorted)
{
    struct xen_page first = {0};
    uint64_t nr = 0;
    for (uint64_t i = 0; i < l->nr; i++) {
        struct xen_page p = sorted ? sorted[i] : (struct xen_page){le64(l->p + i * l->stride), i};
        if (nr && p.frame != INVALID_PFN && p.frame == first.frame + nr &&
            p.index == first.index + nr) {
            nr++;
            continue;
        }
        int st = add_run(o, x, first, nr);
        if (st != ST_OK)
            return st;
        first = p;
        nr = 1;
    }
    return add_run(o, x, first, nr);
}

static int read_pages(struct elf_opening *o, const struct xen_sections *x)
{
    bool pv = !x->pfn.p;
    struct frame_list l = {.p = pv ? x->p2m.p + 8 : x->pfn.p, .stride = pv ? 16 : 8};
    l.nr = (pv ? x->p2m.n : x->pfn.n) / l.stride;
    if (l.nr > x->pages_size / x->page_size)
        return diag_fail(o->d, ST_BROKEN,
                         "%s: lists %" PRIu64 " frames, but .xen_pages (file offset %#" PRIx64
                         ") has room for %" PRIu64,
                         o->s->name, l.nr, x->pages_at, x->pages_size / x->page_size);
    if (ascending(&l))
        return add_pages(o, x, &l, NULL);
    struct xen_page *sorted = calloc(l.nr, sizeof *sorted);
    if (!sorted)
        return diag_fail(o->d, ST_NOMEM, "%s: out of memory for %" PRIu64 " frames", o->s->name,
                         l.nr);
    for (uint64_t i = 0; i < l.nr; i++)
        sorted[i] = (struct xen_page){le64(l.p + i * l.stride), i};
    qsort(sorted, l.nr, sizeof *sorted, by_frame);
    int st = add_pages(o, x, &l, sorted);
    free(sorted);
    return st;
}

/* cpu_user_regs: r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi, error code, rip, cs,
 * rflags, rsp, ss es ds fs gs. */
static void read_context(const uint8_t *c, bool pv, struct vcpu_regs *r)
{
    static const uint8_t order[15] = {15, 14, 13, 12, 4, 1, 11, 10,
                                      9,  8,  0,  2,  3, 5, 6}; /* of vcpu_regs.gpr */
    const uint8_t *u = c + CTX_USER_REGS;
    for (unsigned i = 0; i < ARRAY_LEN(order); i++)
        r->gpr[order[i]] = le64(u + i * 8);
    r->rip = le64(u + 128);
    r->cs = le16(u + 136);
    r->rflags = le64(u + 144);
    r->gpr[7] = le64(u + 152);
    r->ss = le16(u + 160);
    r->es = le16(u + 168);
    r->ds = le16(u + 176);
    r->fs = le16(u + 184);
    r->gs = le16(u + 192);
    r->fs_base = le64(c + CTX_FS_BASE);
    uint64_t kernel = le64(c + CTX_FS_BASE + 8), user = le64(c + CTX_FS_BASE + 16);
    bool in_kernel =
        !(r->cs & 3) || pv; /* of a PV guest, gs_base_kernel is the kernel's in either mode */
    r->gs_base = in_kernel ? kernel : user;
    r->kernel_gs_base = in_kernel ? user : kernel;
    r->cr0 = le64(c + CTX_CTRLREG);
    r->cr2 = le64(c + CTX_CTRLREG + 2 * 8);
    r->cr3 = le64(c + CTX_CTRLREG + 3 * 8);
    r->cr4 = le64(c + CTX_CTRLREG + 4 * 8);
    r->have |= REGS_GENERAL | REGS_SEGMENTS | (r->cr3 ? REGS_CR : 0);
}

static int read_vcpus(struct elf_opening *o, const struct xen_sections *x)
{
    uint64_t nr = MIN_OF(MIN_OF(x->vcpus, x->prstatus.n / CTX_SIZE), (uint64_t)MAX_XEN_VCPUS);
    /* Contexts of 32-bit guests have another size; their registers are left out. */
    if (o->h.machine != ELF_MACHINE_X86_64 || !nr || x->prstatus.n / nr != CTX_SIZE)
        return ST_OK;
    for (unsigned i = 0; i < nr; i++) {
        struct vcpu_regs *r = cpu_notes_at(&o->f->cpus, i);
        if (!r)
            return diag_fail(o->d, ST_NOMEM, "%s: out of memory for its vCPUs", o->s->name);
        read_context(x->prstatus.p + (size_t)i * CTX_SIZE, !x->pfn.p, r);
    }
    return ST_OK;
}

int elf_xen_read(struct elf_opening *o)
{
    struct xen_sections x = {0};
    struct elf_section pages;
    int st = find_section(o, ".xen_pages", &pages);
    if (st == ST_OK)
        st = view_section(o, ".note.Xen", &x.note);
    if (st == ST_ABSENT)
        return diag_fail(o->d, ST_BROKEN, "%s: a dump of Xen's without its section .note.Xen",
                         o->s->name);
    if (st != ST_OK)
        return st;
    x.pages_at = pages.offset;
    x.pages_size = pages.size;
    st = view_section(o, ".xen_pfn", &x.pfn);
    if (st == ST_ABSENT)
        st = view_section(o, ".xen_p2m", &x.p2m);
    if (st == ST_ABSENT)
        return diag_fail(
            o->d, ST_BROKEN,
            "%s: a dump of Xen's with neither .xen_pfn nor .xen_p2m: nobody knows which "
            "page is which",
            o->s->name);
    if (st == ST_OK)
        st = read_xen_note(o, &x);
    if (st == ST_OK)
        st = read_pages(o, &x);
    if (st != ST_OK)
        return st;
    st = view_section(o, ".xen_prstatus", &x.prstatus);
    if (st == ST_OK)
        st = read_vcpus(o, &x);
    if (!x.pfn.p)
        snprintf(
            o->s->layout_note, sizeof o->s->layout_note,
            "a Xen PV guest: its memory is shown by machine frame, as its page tables name it");
    return st == ST_ABSENT ? ST_OK : st;
}

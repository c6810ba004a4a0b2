/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page table entries that the hardware does not take and Windows resolves without a disk.
 *
 * Layout: the public PDBs' _MMPTE_TRANSITION, _MMPTE_PROTOTYPE and _MMPTE_SUBSECTION. Bit 10 says
 * prototype, bit 11 transition, bits 9:5 are the protection. A transition entry keeps its frame. A
 * prototype one has the address of the real entry, which many processes share: in bits 63:16 on
 * x64, in bits 63:32 with PAE; all ones: the VAD describes the page. The real entry is valid, in
 * transition, or has bit 10 (then it is a subsection's: the page is in the file alone). Legacy
 * paging keeps the prototype's address in two pieces relative to paged pool: not resolved.
 *
 * Not handled: Windows 10's inverted frame numbers of not-present entries (a mitigation of L1TF, on
 * some machines).
 */
#include "os/windows/windows.h"

enum { VALID = 1, WRITE = 2, USER = 4, PROTOTYPE = 0x400, TRANSITION = 0x800 };

/* Which bits name a frame. */
static uint64_t frame_mask(const struct windows_view *w)
{
    switch (w->v->form) {
    case FORM_X86_LEGACY:
    case FORM_X86_LEGACY_NOPSE:
        return 0xfffff000;
    case FORM_X86_PAE:
        return 0xffffff000; /* 24 bits of frame number */
    default:
        return 0xfffffffff000; /* 36 bits */
    }
}

/* The entry that would stand there if the page were valid. Protection: 2 executes, 3 executes and
 * reads, 4 writes, 6 all. */
static uint64_t present(const struct windows_view *w, uint64_t entry, uint64_t va)
{
    unsigned protection = entry >> 5 & 7;
    bool user = w->v->ptr_size == 8 ? va >> 47 == 0 : va < 0x80000000;
    uint64_t e = (entry & frame_mask(w)) | VALID | (user ? USER : 0);
    if (protection == 4 || protection == 6)
        e |= WRITE;
    if (w->v->ptr_size == 8 && (protection == 1 || protection == 4 || protection == 5))
        e |= 1ULL << 63;
    return e;
}

static bool in_transition(uint64_t entry)
{
    return (entry & (VALID | PROTOTYPE | TRANSITION)) == TRANSITION;
}

/* Where the prototype entry is; false: nowhere, or this form does not tell. */
static bool prototype_at(const struct windows_view *w, uint64_t entry, uint64_t *ret)
{
    switch (w->v->form) {
    case FORM_X86_PAE:
        *ret = entry >> 32;
        return *ret != 0xffffffff && win_kernel_pointer(w, *ret);
    case FORM_X86_4LEVEL:
    case FORM_X86_5LEVEL:
        *ret = (uint64_t)((int64_t)entry >> 16);
        return win_kernel_pointer(w, *ret);
    default:
        return false;
    }
}

static int resolve_transition(void *arg, const struct aspace *as, unsigned level, uint64_t entry,
                              uint64_t va, uint64_t *ret)
{
    struct windows_view *w = arg;
    (void)as;
    (void)level;
    if (!in_transition(entry))
        return ST_ABSENT;
    *ret = present(w, entry, va);
    return ST_OK;
}

static int resolve(void *arg, const struct aspace *as, unsigned level, uint64_t entry, uint64_t va,
                   uint64_t *ret)
{
    struct windows_view *w = arg;
    uint64_t at, proto;
    if (!(entry & PROTOTYPE))
        return resolve_transition(arg, as, level, entry, va, ret);
    if (level + 1 != paging_form(w->v->form)->levels || !prototype_at(w, entry, &at))
        return ST_ABSENT;
    struct aspace kernel = w->v->kernel; /* one prototype leads to no second one: this space
                                            resolves transition alone */
    kernel.policy = &w->transition_only;
    if (aspace_read64(&kernel, GVA(at), &proto) != ST_OK)
        return ST_ABSENT;
    if (proto & VALID)
        *ret = (proto & frame_mask(w)) | (proto & (WRITE | 1ULL << 63)) | VALID |
               (va >> 47 ? 0 : USER);
    else if (in_transition(proto))
        *ret = present(w, proto, va);
    else
        return ST_ABSENT;
    return ST_OK;
}

void win_policy_init(struct windows_view *w)
{
    w->policy = (struct pte_policy){resolve, w};
    w->transition_only = (struct pte_policy){resolve_transition, w};
    w->v->kernel.policy = &w->policy;
}

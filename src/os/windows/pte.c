/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page table entries that the hardware does not take: what Windows resolves without a disk, and
 * what the others mean.
 *
 * Layout: the public PDBs' _MMPTE_TRANSITION, _MMPTE_PROTOTYPE, _MMPTE_SOFTWARE and
 * _MMPTE_SUBSECTION. Bit 10 says prototype, bit 11 transition, bits 9:5 are the protection. A
 * transition entry keeps its frame. A prototype one has the address of the real entry, which many
 * processes share: in bits 63:16 on x64, in bits 63:32 with PAE, in two pieces relative to the
 * start of paged pool with legacy paging; all ones: the VAD describes the page. An entry of zeros
 * in user memory means the same when the VAD is a section's. The real entry is valid, in
 * transition, or has bit 10 (then it is a subsection's: the page is in the file alone).
 *
 * Since Windows 10 1803 frames of entries that are not present are inverted with a mask (against
 * L1TF) unless the "swizzle" bit, 4, is set. The mask is in MiState, which a profile tells; without
 * one, a frame beyond the end of memory loses the bits that no memory needs.
 */
#include <inttypes.h>
#include <stdio.h>

#include "os/windows/windows.h"

enum {
    VALID = 1,
    WRITE = 2,
    USER = 4,
    SWIZZLE = 0x10,
    PROTOTYPE = 0x400,
    TRANSITION = 0x800,
    SWIZZLED_SINCE = 17134, /* Windows 10 1803 */
    MAX_SUBSECTIONS = 4096,
};

static bool legacy(const struct windows_view *w)
{
    return w->v->form == FORM_X86_LEGACY || w->v->form == FORM_X86_LEGACY_NOPSE;
}

/* Which bits name a frame. */
static uint64_t frame_mask(const struct windows_view *w)
{
    if (legacy(w))
        return 0xfffff000;
    if (w->v->form == FORM_X86_PAE)
        return 0xffffff000; /* 24 bits of frame number */
    return 0xfffffffff000;  /* 36 bits */
}

static bool swizzles(const struct windows_view *w)
{
    return win_has(w, W_pte_swizzle) || (w->v->ptr_size == 8 && w->build >= SWIZZLED_SINCE);
}

/* The frame of an entry that is not present, without the inversion. */
static uint64_t frame_of(const struct windows_view *w, uint64_t entry)
{
    uint64_t frame = entry & frame_mask(w), end = phys_end(&w->v->source->phys), need = 0xfff;
    if (!swizzles(w) || entry & SWIZZLE)
        return frame;
    if (w->invalid_mask)
        return (frame ^ w->invalid_mask) & frame_mask(w);
    while (need < end - 1)
        need = need << 1 | 1;
    return frame < end ? frame : frame & need;
}

/* The entry that would stand there if the page were valid. Protection: 2 executes, 3 executes and
 * reads, 4 writes, 6 all. */
static uint64_t present(const struct windows_view *w, uint64_t entry, uint64_t va)
{
    unsigned protection = entry >> 5 & 7;
    bool user = w->v->ptr_size == 8 ? va >> 47 == 0 : va < 0x80000000;
    uint64_t e = frame_of(w, entry) | VALID | (user ? USER : 0);
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

/* ---- prototype entries ---- */

/*
 * Legacy: seven bits and 21 of an offset in words from MmProtopte_Base, which is where paged pool
 * begins (_MMPTE_PROTOTYPE: ProtoAddressLow, ProtoAddressHigh): 0xe1000000 unless the registry
 * says something else.
 */
static bool legacy_prototype(const struct windows_view *w, uint64_t entry, uint64_t *ret)
{
    uint64_t at, base = 0;
    if (win_symbol(w, "MmPagedPoolStart", &at) == ST_OK)
        (void)!read_ptr(&w->v->kernel, 4, at, &base);
    if (!win_kernel_pointer(w, base))
        base = 0xe1000000;
    *ret = (base + ((entry >> 11 & 0x1fffff) << 9) + ((entry >> 1 & 0x7f) << 2)) & 0xffffffff;
    return win_kernel_pointer(w, *ret);
}

/* All ones: ask the VAD. */
static bool asks_vad(const struct windows_view *w, uint64_t entry)
{
    if (legacy(w))
        return entry >> 11 == 0x1fffff;
    return entry >> 32 == 0xffffffff;
}

/* Where the prototype entry is; false: nowhere. */
static bool prototype_at(const struct windows_view *w, uint64_t entry, uint64_t *ret)
{
    if (legacy(w))
        return legacy_prototype(w, entry, ret);
    *ret = w->v->form == FORM_X86_PAE ? entry >> 32 : (uint64_t)((int64_t)entry >> 16);
    return win_kernel_pointer(w, *ret);
}

/* Entry number `n` of a section, by the subsections that follow one another. */
static bool by_subsections(const struct windows_view *w, uint64_t subsection, uint64_t n,
                           uint64_t *ret)
{
    const struct aspace *as = &w->v->kernel;
    uint64_t base, count, size = legacy(w) ? 4 : 8;
    for (unsigned i = 0; i < MAX_SUBSECTIONS && win_kernel_pointer(w, subsection); i++) {
        if (win_ptr(w, as, subsection, W_subsection_base, &base) != ST_OK ||
            win_read(w, as, subsection, W_subsection_ptes, 4, &count) != ST_OK)
            return false;
        if (n < count) {
            *ret = base + n * size;
            return win_kernel_pointer(w, base);
        }
        n -= count;
        if (win_ptr(w, as, subsection, W_subsection_next, &subsection) != ST_OK)
            return false;
    }
    return false;
}

static bool ask_vad(struct windows_view *w, const struct aspace *as, uint64_t va, uint64_t *ret)
{
    struct win_vad d;
    uint64_t first, last, subsection, private = 0, size = legacy(w) ? 4 : 8;
    uint64_t process = win_process_of_root(w, as->half[0].root);
    if (!process || win_vad_find(w, process, va, &d) != ST_OK)
        return false;
    uint64_t flags = d.node + w->m[W_vad_flags].off;
    if (!win_has(w, W_vad_flags) ||
        win_read(w, &w->v->kernel, flags, W_flag_private, 4, &private) != ST_OK || private)
        return false;
    uint64_t n = (va >> 12) - d.start;
    if (win_ptr(w, &w->v->kernel, d.node, W_vad_first_proto, &first) == ST_OK &&
        win_ptr(w, &w->v->kernel, d.node, W_vad_last_proto, &last) == ST_OK &&
        win_kernel_pointer(w, first) && first <= last && n <= (last - first) / size) {
        *ret = first + n * size;
        return true;
    }
    return win_ptr(w, &w->v->kernel, d.node, W_vad_subsection, &subsection) == ST_OK &&
           by_subsections(w, subsection, n, ret);
}

/*
 * The prototype entry of a page of user memory that the VAD tells. Lists and trees are read on the
 * way, and forged ones lead back into user memory: then nothing is asked a second time.
 */
static bool prototype_by_vad(struct windows_view *w, const struct aspace *as, uint64_t va,
                             uint64_t *ret)
{
    if (w->asking)
        return false;
    w->asking = true;
    bool found = ask_vad(w, as, va, ret);
    w->asking = false;
    return found;
}

/* The real entry behind one that is not present: ST_OK, and where it is. */
static int real_entry(struct windows_view *w, const struct aspace *as, uint64_t entry, uint64_t va,
                      uint64_t *at, uint64_t *ret)
{
    uint64_t v = 0;
    bool user = w->v->ptr_size == 8 ? va >> 47 == 0 : va < 0x80000000;
    bool found = entry & PROTOTYPE && !asks_vad(w, entry) ? prototype_at(w, entry, at)
                 : user && (entry & PROTOTYPE || !entry)  ? prototype_by_vad(w, as, va, at)
                                                          : false;
    if (!found)
        return ST_ABSENT;
    struct aspace kernel = w->v->kernel; /* one prototype leads to no second one: this space
                                            resolves transition alone */
    kernel.policy = &w->transition_only;
    int st = aspace_read(&kernel, GVA(*at), &v, legacy(w) ? 4 : 8, NULL);
    if (st == ST_OK)
        *ret = v;
    return st;
}

/* ---- the policy ---- */

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

static bool last_level(const struct windows_view *w, unsigned level)
{
    return level + 1 == paging_form(w->v->form)->levels;
}

static int resolve(void *arg, const struct aspace *as, unsigned level, uint64_t entry, uint64_t va,
                   uint64_t *ret)
{
    struct windows_view *w = arg;
    uint64_t at, proto;
    if (in_transition(entry))
        return resolve_transition(arg, as, level, entry, va, ret);
    if (!last_level(w, level) || real_entry(w, as, entry, va, &at, &proto) != ST_OK)
        return ST_ABSENT;
    bool user = w->v->ptr_size == 8 ? va >> 47 == 0 : va < 0x80000000;
    if (proto & VALID)
        *ret = (proto & frame_mask(w)) | (proto & (WRITE | 1ULL << 63)) | VALID | (user ? USER : 0);
    else if (in_transition(proto))
        *ret = present(w, proto, va);
    else
        return ST_ABSENT;
    return ST_OK;
}

/* ---- in words ---- */

/* An entry of software: in a page file, or nowhere yet. */
static const char *software(const struct windows_view *w, uint64_t entry, const char *where,
                            char *buf, size_t size)
{
    const struct win_member *l = &w->m[W_pte_file_low], *h = &w->m[W_pte_file_high];
    bool late = swizzles(w); /* the number of the file moved to bits 15:12 with it */
    unsigned low_bit = l->bits ? l->bit + l->off * 8 : late ? 12 : 1;
    unsigned high_bit = h->bits ? h->bit + h->off * 8 : legacy(w) ? 12 : 32;
    uint64_t file = entry >> (low_bit & 63) & 15, page = entry >> (high_bit & 63);
    if (h->bits && h->bits < 64)
        page &= (1ULL << h->bits) - 1;
    if (late && !(entry & SWIZZLE) && w->invalid_mask)
        page ^= w->invalid_mask >> (high_bit & 63);
    if (!page)
        snprintf(buf, size, "%sdemand-zero: the page was not touched yet and reads as zeros",
                 where);
    else
        snprintf(buf, size, "%spaged out: page file %" PRIu64 ", page %#" PRIx64, where, file,
                 page);
    return buf;
}

static const char *describe_real(const struct windows_view *w, uint64_t at, uint64_t proto,
                                 char *buf, size_t size)
{
    char where[48];
    snprintf(where, sizeof where, "prototype entry at %#" PRIx64 ": ", at);
    if (proto & VALID)
        snprintf(buf, size, "%svalid", where);
    else if (in_transition(proto))
        snprintf(buf, size, "%sin transition", where);
    else if (proto & PROTOTYPE)
        snprintf(buf, size, "%sthe page is in its file alone", where);
    else
        return software(w, proto, where, buf, size);
    return buf;
}

static const char *describe(void *arg, const struct aspace *as, unsigned level, uint64_t entry,
                            uint64_t va, char *buf, size_t size)
{
    struct windows_view *w = arg;
    uint64_t at, proto;
    if (entry & VALID)
        return "";
    if (in_transition(entry))
        return "in transition: the page is in memory, in no working set";
    if (last_level(w, level) && real_entry(w, as, entry, va, &at, &proto) == ST_OK)
        return describe_real(w, at, proto, buf, size);
    if (entry & PROTOTYPE)
        return asks_vad(w, entry) ? "prototype: the VAD describes the page, and it was not found"
                                  : "prototype: its prototype entry is not in memory";
    if (!entry)
        return ""; /* nothing is mapped, or the VAD alone knows */
    return software(w, entry, "", buf, size);
}

/* MiState's mask, once the profile's symbols and types are there. */
static void find_invalid_mask(struct windows_view *w)
{
    uint64_t at, mask;
    if (win_has(w, W_mi_invalid_mask) && win_symbol(w, "MiState", &at) == ST_OK &&
        win_read(w, &w->v->kernel, at, W_mi_invalid_mask, 8, &mask) == ST_OK)
        w->invalid_mask = mask;
}

void win_policy_init(struct windows_view *w)
{
    w->policy = (struct pte_policy){.resolve = resolve, .arg = w, .describe = describe};
    w->transition_only = (struct pte_policy){.resolve = resolve_transition, .arg = w};
    w->v->kernel.policy = &w->policy;
}

void win_policy_settle(struct windows_view *w)
{
    find_invalid_mask(w);
}

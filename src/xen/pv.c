/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's list is found through its shared info page (arch_shared_info, arch-x86/xen.h): linear
 * at p2m_vaddr in the page table p2m_cr3 (Linux 4.3 and later), or else as three levels of frames
 * at pfn_to_mfn_frame_list_list.
 */
#include "xen/pv.h"

#include <errno.h>
#include <stdlib.h>

#include "platform/platform.h"
#include "xen/abi.h"
#include "xlat/xlat.h"

enum { ENTRIES = XEN_PAGE / 8, M2P_PIECE = CHUNK_FRAMES * ENTRIES };
_Static_assert(XEN_PAGE / 8 == (unsigned)CHUNK_FRAMES, "one page of the list is one chunk");

/* 4 TiB of guest, 16 TiB of machine: what a hostile number can make us allocate. */
#define GUEST_FRAMES_MAX (UINT64_C(1) << 30)
#define M2P_PIECES_MAX   (UINT64_C(1) << 14)

static uint64_t shared_word(const struct xen_pv *pv, unsigned at)
{
    return *(const volatile uint64_t *)(pv->shared_info + at);
}

/* ---- machine frames of the guest ------------------------------------------------------------- */

static const uint8_t *map_machine(struct xen_pv *pv, uint64_t frame)
{
    int error, failed;
    return plat_xen_map(pv->x->plat, pv->domain, &frame, 1, false, &error, &failed);
}

static const uint8_t *table_at(struct xen_pv *pv, uint64_t frame)
{
    unsigned i = (unsigned)(frame * UINT64_C(0x9e3779b97f4a7c15) >> 58);
    if (pv->table[i].host && pv->table[i].frame == frame)
        return pv->table[i].host;
    const uint8_t *p = map_machine(pv, frame);
    if (!p)
        return NULL;
    if (pv->table[i].host)
        plat_xen_unmap(pv->x->plat, (void *)(uintptr_t)pv->table[i].host, 1);
    pv->table[i].frame = frame;
    pv->table[i].host = p;
    return p;
}
_Static_assert(PV_TABLES == 1 << 6, "64 - 58 bits");

static void drop_tables(struct xen_pv *pv)
{
    for (unsigned i = 0; i < PV_TABLES; i++) {
        if (pv->table[i].host)
            plat_xen_unmap(pv->x->plat, (void *)(uintptr_t)pv->table[i].host, 1);
        pv->table[i].host = NULL;
    }
}

static const uint8_t *map_at(void *source, const struct phys_range *r, uint64_t at, size_t *avail)
{
    const uint8_t *p = table_at(source, at / XEN_PAGE);
    (void)r;
    *avail = XEN_PAGE - at % XEN_PAGE;
    return p ? p + at % XEN_PAGE : NULL;
}

static const struct phys_ops machine_ops = {.map = map_at};

/* ---- the guest's list ------------------------------------------------------------------------ */

static void drop_lists(struct xen_pv *pv)
{
    for (uint64_t i = 0; pv->nr_lists && i < (pv->nr_frames + ENTRIES - 1) / ENTRIES; i++) {
        if (!pv->list[i])
            continue;
        plat_xen_unmap(pv->x->plat, (void *)(uintptr_t)pv->list[i], 1);
        pv->list[i] = NULL;
        pv->nr_lists--;
    }
    drop_tables(pv);
    pv->epoch++;
}

/* The machine frame that holds page `i` of the linear list. */
static int linear_page(struct xen_pv *pv, uint64_t i, uint64_t *ret)
{
    struct aspace as;
    uint64_t at, left;
    aspace_init(&as, &pv->machine, FORM_X86_4LEVEL, shared_word(pv, SHARED_INFO_P2M_CR3));
    int st = aspace_translate(&as, GVA(shared_word(pv, SHARED_INFO_P2M_VADDR) + i * XEN_PAGE), &at,
                              &left);
    if (st == ST_OK)
        *ret = at / XEN_PAGE;
    return st;
}

static int entry_of(struct xen_pv *pv, uint64_t table, uint64_t i, uint64_t *ret)
{
    const uint8_t *p = table_at(pv, table);
    if (!p)
        return ST_ABSENT;
    *ret = le64(p + i * 8);
    return ST_OK;
}

/* The same out of the three levels; one page of the top level is all there is. */
static int levelled_page(struct xen_pv *pv, uint64_t i, uint64_t *ret)
{
    uint64_t middle;
    if (i / ENTRIES >= ENTRIES)
        return ST_ABSENT;
    int st = entry_of(pv, shared_word(pv, SHARED_INFO_FRAME_LISTS), i / ENTRIES, &middle);
    return st == ST_OK ? entry_of(pv, middle, i % ENTRIES, ret) : st;
}

/* The list of one chunk. Mapped ones are bounded: each is a mapping of its own here. */
static const uint64_t *list_of(void *arg, uint64_t first)
{
    struct xen_pv *pv = arg;
    uint64_t i = first / ENTRIES, frame;
    if (first >= pv->nr_frames)
        return NULL;
    if (pv->list[i])
        return pv->list[i];
    int st = shared_word(pv, SHARED_INFO_P2M_CR3) ? linear_page(pv, i, &frame)
                                                  : levelled_page(pv, i, &frame);
    if (st != ST_OK)
        return NULL;
    if (pv->nr_lists == PV_LISTS_MAX)
        drop_lists(pv);
    const uint8_t *p = map_machine(pv, frame);
    if (!p)
        return NULL;
    pv->list[i] = (const uint64_t *)p;
    pv->nr_lists++;
    return pv->list[i];
}

/* The guest counts p2m_generation up around every change of where its list lies. */
static void see_generation(struct xen_pv *pv)
{
    uint64_t generation = shared_word(pv, SHARED_INFO_P2M_GENERATION);
    if (__builtin_expect(generation == pv->generation, 1))
        return;
    drop_lists(pv);
    pv->generation = generation;
}

/* A kernel that does not count is not known to be one: all is looked up anew from time to time. */
static uint64_t epoch_of(void *arg, uint64_t now_ns)
{
    struct xen_pv *pv = arg;
    see_generation(pv);
    if (now_ns - pv->looked_up_ns >= FRAMES_AGE_NS) {
        drop_lists(pv);
        pv->looked_up_ns = now_ns;
    }
    return pv->epoch;
}

static int machine_of(void *arg, uint64_t first, unsigned n, uint64_t *ret)
{
    struct xen_pv *pv = arg;
    uint64_t chunk = first & ~(uint64_t)(ENTRIES - 1);
    const volatile uint64_t *list = list_of(pv, chunk);
    if (!list || first - chunk + n > ENTRIES)
        return ST_ABSENT;
    for (unsigned i = 0; i < n; i++)
        ret[i] = first + i < pv->nr_frames ? list[first - chunk + i] : UINT64_MAX;
    return ST_OK;
}

/* ---- Xen's machine-to-physical table --------------------------------------------------------- */

static const uint64_t *m2p_piece(struct xen_pv *pv, size_t i)
{
    uint64_t frame[CHUNK_FRAMES];
    int error[CHUNK_FRAMES], failed = 0;
    if (pv->m2p[i])
        return pv->m2p[i];
    for (unsigned k = 0; k < CHUNK_FRAMES; k++)
        frame[k] = pv->m2p_frame[i] + k;
    const uint64_t *p =
        plat_xen_map(pv->x->plat, DOMID_XEN, frame, CHUNK_FRAMES, false, error, &failed);
    for (unsigned k = 0; p && k < CHUNK_FRAMES; k++) {
        if (!error[k])
            continue;
        plat_xen_unmap(pv->x->plat, (void *)(uintptr_t)p, CHUNK_FRAMES);
        p = NULL;
    }
    pv->m2p[i] = p;
    return p;
}

static int m2p_entry(struct xen_pv *pv, uint64_t machine, uint64_t *ret)
{
    const uint64_t *p = pv->whole_m2p;
    if (!p) {
        if (machine / M2P_PIECE >= pv->nr_m2p)
            return ST_ABSENT;
        p = m2p_piece(pv, (size_t)(machine / M2P_PIECE));
        machine %= M2P_PIECE;
    } else if (machine >= pv->m2p_entries) {
        return ST_ABSENT;
    }
    if (!p)
        return ST_ABSENT;
    *ret = *(const volatile uint64_t *)&p[machine];
    return ST_OK;
}

static int open_m2p(struct xen_pv *pv)
{
    pv->whole_m2p = plat_xen_m2p(pv->x->plat, &pv->m2p_entries);
    if (pv->whole_m2p)
        return ST_OK;
    uint8_t none[8] = {0};
    long pages = xen_memory_op(pv->x, XENMEM_MAXIMUM_RAM_PAGE, none, sizeof none);
    if (pages < 0)
        return xen_fail(pv->x, pages, pv->domain, "asking for the machine's size");
    uint64_t pieces = MIN_OF((uint64_t)pages / M2P_PIECE + 1, M2P_PIECES_MAX);
    pv->m2p_buffer = (size_t)pieces * sizeof *pv->m2p_frame;
    pv->m2p_frame = plat_xen_buffer(pv->x->plat, pv->m2p_buffer);
    pv->m2p = calloc((size_t)pieces, sizeof *pv->m2p);
    if (!pv->m2p_frame || !pv->m2p)
        return diag_fail(&pv->x->diag, ST_NOMEM, "Xen domain %u: no memory", pv->domain);
    struct xen_machphys_list c = {.max = (uint32_t)pieces, .frames = (uintptr_t)pv->m2p_frame};
    long v = xen_memory_op(pv->x, XENMEM_MACHPHYS_MFN_LIST, &c, sizeof c);
    if (v < 0)
        return xen_fail(pv->x, v, pv->domain, "asking for the machine-to-physical table");
    pv->nr_m2p = (size_t)MIN_OF((uint64_t)c.n, pieces);
    return ST_OK;
}

int pv_frame_of(struct xen_pv *pv, uint64_t machine, uint64_t *ret)
{
    uint64_t frame;
    see_generation(pv);
    int st = m2p_entry(pv, machine, &frame);
    if (st != ST_OK || frame >= pv->nr_frames)
        return ST_ABSENT;
    const volatile uint64_t *list = list_of(pv, frame & ~(uint64_t)(ENTRIES - 1));
    if (!list || list[frame % ENTRIES] != machine)
        return ST_ABSENT;
    *ret = frame;
    return ST_OK;
}

/* ---- open, close ----------------------------------------------------------------------------- */

/* A 64-bit guest is all that is understood: registers, shared info and lists of a 32-bit one look
 * different. */
static int check_width(struct xen *x, uint32_t domain)
{
    struct xen_addresssize_call c = {0};
    long v = xen_domctl(x, DOMCTL_GET_ADDRESS_SIZE, domain, &c, sizeof c);
    if (v < 0)
        return xen_fail(x, v, domain, "asking whether it is a 64-bit guest");
    return c.bits == 64 ? ST_OK
                        : diag_fail(&x->diag, ST_UNSUPPORTED,
                                    "Xen domain %u is a %u-bit PV guest: only 64-bit ones are "
                                    "understood",
                                    domain, c.bits);
}

/* A guest's frames may have holes between them (a PCI hole of 4 GiB, room to balloon), but one that
 * says much more than it can have wants us to search for ever. */
static uint64_t likely_frames(const struct xen_domain_info *info)
{
    uint64_t pages = MAX_OF(info->pages, MIN_OF(info->max_pages, GUEST_FRAMES_MAX));
    return MIN_OF(4 * pages + (UINT64_C(1) << 20), GUEST_FRAMES_MAX);
}

static int open_guest(struct xen_pv *pv, const struct xen_domain_info *info)
{
    int st = check_width(pv->x, info->id), error, failed = 0;
    if (st != ST_OK)
        return st;
    pv->shared_info =
        plat_xen_map(pv->x->plat, info->id, &info->shared_info_frame, 1, false, &error, &failed);
    if (!pv->shared_info)
        return xen_fail(pv->x, failed, info->id, "mapping its shared info page");
    pv->nr_frames = shared_word(pv, SHARED_INFO_MAX_PFN);
    if (!pv->nr_frames || !shared_word(pv, SHARED_INFO_FRAME_LISTS))
        return diag_fail(&pv->x->diag, ST_ABSENT,
                         "Xen domain %u is a PV guest that has not said yet where its memory lies; "
                         "try again when it has started",
                         info->id);
    if (pv->nr_frames > likely_frames(info))
        return diag_fail(&pv->x->diag, ST_BROKEN,
                         "Xen domain %u says that it has 0x%llx frames, which cannot be", info->id,
                         (unsigned long long)pv->nr_frames);
    pv->list = calloc((size_t)(pv->nr_frames / ENTRIES) + 1, sizeof *pv->list);
    if (!pv->list)
        return diag_fail(&pv->x->diag, ST_NOMEM, "Xen domain %u: no memory", info->id);
    phys_init(&pv->machine, &machine_ops, pv);
    st = phys_add(&pv->machine, &(struct phys_range){.start = 0, .len = UINT64_C(1) << 52});
    return st == ST_OK ? open_m2p(pv) : st;
}

int pv_open(struct xen *x, const struct xen_domain_info *info, struct xen_pv **ret)
{
    struct xen_pv *pv = calloc(1, sizeof *pv);
    if (!pv)
        return diag_fail(&x->diag, ST_NOMEM, "Xen domain %u: no memory", info->id);
    pv->x = x;
    pv->domain = info->id;
    pv->looked_up_ns = plat_now_ns();
    pv->ops = (struct frames_pv){machine_of, list_of, epoch_of, pv};
    int st = open_guest(pv, info);
    if (st != ST_OK) {
        pv_close(pv);
        return st;
    }
    pv->generation = shared_word(pv, SHARED_INFO_P2M_GENERATION);
    *ret = pv;
    return ST_OK;
}

void pv_close(struct xen_pv *pv)
{
    if (!pv)
        return;
    if (pv->list)
        drop_lists(pv);
    for (size_t i = 0; i < pv->nr_m2p; i++)
        if (pv->m2p[i])
            plat_xen_unmap(pv->x->plat, (void *)(uintptr_t)pv->m2p[i], CHUNK_FRAMES);
    if (pv->m2p_frame)
        plat_xen_buffer_free(pv->x->plat, pv->m2p_frame, pv->m2p_buffer);
    if (pv->shared_info)
        plat_xen_unmap(pv->x->plat, pv->shared_info, 1);
    phys_deinit(&pv->machine);
    free(pv->m2p);
    free(pv->list);
    free(pv);
}

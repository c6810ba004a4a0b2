/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of all pages that a page table maps. */
#define LIBVMI_EXTRA_GLIB
#include <libvmi/libvmi_extra.h>

#include "vmi/access.h"
#include "vmi/image.h"

#include <stdlib.h>

/*
 * Tables that refer to themselves can map 2^36 pages. An element takes some 160 bytes, so this many
 * are 640 MiB, and the direct map of a guest with 16 GiB in 4 KiB pages still fits.
 */
enum { MAX_PAGES = 1 << 22, MAX_WALKS = 1 << 24 };

struct page_list {
    GSList *head;
    size_t n;
    page_mode_t pm;
    uint64_t pt;
    bool no_memory;
};

static int add_page(const struct walk *w, void *arg)
{
    struct page_list *l = arg;
    if (l->n == MAX_PAGES)
        return 1;
    page_info_t *info = malloc(sizeof *info);
    if (!info) {
        l->no_memory = true;
        return 1;
    }
    page_info_clear(info);
    page_info_of_walk(info, l->pm, w);
    info->pt = l->pt;
    info->vaddr &= ~(w->size - 1);
    info->paddr &= ~(w->size - 1);
    l->head = g_slist_prepend(l->head, info); /* ascending walk: the list descends */
    l->n++;
    return 0;
}

GSList *vmi_get_nested_va_pages(vmi_instance_t vmi, addr_t npt, page_mode_t npm, addr_t pt,
                                page_mode_t pm)
{
    struct access a;
    struct page_list l = {.pm = pm, .pt = pt};
    if (!vmi)
        return NULL;
    if (!mode_usable(pm) || pm == VMI_PM_AARCH32 || pm == VMI_PM_AARCH64) {
        vmi_fail(vmi, ST_UNSUPPORTED,
                 "pages are listed for x86 and EPT page tables, not for mode %u", (unsigned)pm);
        return NULL;
    }
    if (access_table(vmi, npt, npm, pt, pm, 0, &a) != VMI_SUCCESS)
        return NULL;
    int st = aspace_each_page(a.space, 0, UINT64_MAX, MAX_WALKS, add_page, &l);
    if (l.no_memory)
        vmi_fail(vmi, ST_NOMEM, "no memory for the list of pages after %zu of them", l.n);
    else if (st == ST_LIMIT || l.n == MAX_PAGES)
        vmi_fail(vmi, ST_LIMIT,
                 "the list of pages was cut after %zu of them: these page tables map too much",
                 l.n);
    return l.head;
}

GSList *vmi_get_va_pages(vmi_instance_t vmi, addr_t pt)
{
    return vmi ? vmi_get_nested_va_pages(vmi, 0, VMI_PM_NONE, pt, vmi->page_mode) : NULL;
}

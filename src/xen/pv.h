/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PV guests: their page tables hold machine frames, and they keep themselves a list that says which
 * machine frame each of their own ("pseudo-physical") frames is. Here a PV guest's physical memory
 * is the pseudo-physical one, as the guest's own kernel sees it, so that its linear map and its
 * struct pages mean what they say; addresses out of page tables go through Xen's
 * machine-to-physical table, and count only when the guest's list agrees (else they are another
 * domain's, or Xen's).
 *
 * The guest can write its list. What it writes there changes what is shown as its memory, and no
 * more: Xen maps only frames that are the domain's.
 */
#ifndef TINYVMI_XEN_PV_H
#define TINYVMI_XEN_PV_H

#include "phys/phys.h"
#include "xen/frames.h"

enum { PV_LISTS_MAX = 8192, PV_TABLES = 64 };

struct xen_pv {
    struct xen *x;
    uint32_t domain;
    uint8_t *shared_info;  /* mapped */
    uint64_t nr_frames;    /* of the guest, bounded */
    const uint64_t **list; /* of each chunk: mapped, or NULL */
    uint32_t nr_lists;
    uint64_t epoch, generation;
    uint64_t looked_up_ns;

    /* Machine frames that hold page tables or lists of lists. */
    struct {
        uint64_t frame;
        const uint8_t *host; /* NULL: free */
    } table[PV_TABLES];
    struct phys machine; /* machine addresses, through `table` */

    const uint64_t **m2p; /* in pieces of 2 MiB: mapped, or NULL */
    uint64_t *m2p_frame;  /* first machine frame of each; a hypercall buffer */
    size_t nr_m2p, m2p_buffer;
    const uint64_t *whole_m2p; /* the home's own, of m2p_entries; or NULL */
    size_t m2p_entries;

    struct frames_pv ops;
};

MUST_USE int pv_open(struct xen *x, const struct xen_domain_info *info, struct xen_pv **ret);
void pv_close(struct xen_pv *pv);

/* The guest's own frame of a machine frame; ST_ABSENT when it is none of the guest's. */
MUST_USE int pv_frame_of(struct xen_pv *pv, uint64_t machine, uint64_t *ret);

#endif

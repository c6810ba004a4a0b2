/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking a guest's linked lists without trusting them: every walk ends, at the head, at a cycle
 * that does not hold the head, at memory that is not there, or at a bound.
 */
#ifndef TINYVMI_OS_LIST_H
#define TINYVMI_OS_LIST_H

#include "os/os.h"

struct list_walk {
    const struct aspace *as;
    unsigned ptr_size;
    uint64_t head;              /* address of the list head */
    uint64_t at;                /* entry that was returned last; the head before the first */
    uint64_t saved, power, lap; /* Brent's cycle detection */
    uint64_t left;              /* entries that may still be returned */
};

/* Starts a walk over a circular list; `offset` of the next pointer in a node is 0 (list_head,
 * LIST_ENTRY). */
void list_start(struct list_walk *w, const struct aspace *as, unsigned ptr_size, uint64_t head,
                uint64_t max);

/*
 * The next entry's address in *ret: 1; 0 at the end. Negative: ST_ABSENT (an entry is not in
 * memory), ST_BROKEN (a cycle that does not return to the head, or a null pointer), ST_LIMIT; `o`
 * (may be NULL) is marked as cut with the address.
 */
int list_next(struct list_walk *w, struct vmi_outcome *o, uint64_t *ret);

/* Reads a pointer of 4 or 8 bytes. */
static inline int read_ptr(const struct aspace *as, unsigned ptr_size, uint64_t va, uint64_t *ret)
{
    uint64_t v = 0;
    int st = aspace_read(as, GVA(va), &v, ptr_size, NULL);
    if (st == ST_OK)
        *ret = v;
    return st;
}

#endif

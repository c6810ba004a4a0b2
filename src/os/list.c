/* SPDX-License-Identifier: BSD-2-Clause */
#include "os/list.h"

#include <inttypes.h>

void list_start(struct list_walk *w, const struct aspace *as, unsigned ptr_size, uint64_t head,
                uint64_t max)
{
    *w = (struct list_walk){
        .as = as, .ptr_size = ptr_size, .head = head, .at = head, .power = 1, .left = max};
}

int list_next(struct list_walk *w, struct vmi_outcome *o, uint64_t *ret)
{
    uint64_t next;
    int st = read_ptr(w->as, w->ptr_size, w->at, &next);
    if (st != ST_OK) {
        if (o)
            outcome_cut(o,
                        "the list at %#" PRIx64 " breaks off: its entry at %#" PRIx64
                        " is not in memory",
                        w->head, w->at);
        return st;
    }
    if (next == w->head)
        return 0;
    if (!next || next == w->saved) {
        if (o)
            outcome_cut(
                o, "the list at %#" PRIx64 " is damaged: the entry at %#" PRIx64 " points %s",
                w->head, w->at, next ? "back into the list, not to its head" : "to address 0");
        return ST_BROKEN;
    }
    if (!w->left) {
        if (o)
            outcome_cut(o, "the list at %#" PRIx64 " has more entries than the bound", w->head);
        return ST_LIMIT;
    }
    w->left--;
    if (w->lap == w->power) {
        w->saved = w->at;
        w->power *= 2;
        w->lap = 0;
    }
    w->lap++;
    w->at = next;
    *ret = next;
    return 1;
}

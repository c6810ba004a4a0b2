/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that a monitor has changed in the guest (breakpoints). When it dies, its guard puts them
 * back before the vCPUs go on: an INT3 that nobody listens to is the guest's end.
 */
#include "xen/event_state.h"

int events_patched(void *events, uint64_t gpa, uint8_t original, bool on)
{
    struct xen_events *e = events;
    if (!e->patches)
        return on ? ST_NOMEM : ST_OK;
    for (size_t i = 0; i < PATCHES; i++) {
        bool used = e->patches->at[i].used;
        if (on == used || (!on && e->patches->at[i].gpa != gpa))
            continue;
        if (on) {
            e->patches->at[i].gpa = gpa;
            e->patches->at[i].original = original;
        }
        __atomic_store_n(&e->patches->at[i].used, on, __ATOMIC_RELEASE);
        return ST_OK;
    }
    return on ? diag_fail(e->diag, ST_LIMIT,
                          "more than %d changed bytes of the guest could not be put back if this "
                          "program died",
                          (int)PATCHES)
              : ST_OK;
}

void events_unpatch(struct xen_events *e)
{
    for (size_t i = 0; e->patches && i < PATCHES; i++) {
        if (!__atomic_load_n(&e->patches->at[i].used, __ATOMIC_ACQUIRE))
            continue;
        uint64_t gfn = e->patches->at[i].gpa / XEN_PAGE;
        int error = 0;
        uint8_t *p = plat_xen_map(e->x->plat, e->domain, &gfn, 1, true, &error, NULL);
        if (!p)
            continue; /* the guest has given the frame away */
        if (!error)
            p[e->patches->at[i].gpa % XEN_PAGE] = e->patches->at[i].original;
        plat_xen_unmap(e->x->plat, p, 1);
    }
}

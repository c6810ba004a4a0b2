/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program adds to the caches itself. Nothing else is ever in them: guest memory is looked at
 * anew by every call.
 */
#ifndef TINYVMI_VMI_CACHE_H
#define TINYVMI_VMI_CACHE_H

#include "vmi/instance.h"

struct vmi_caches {
    struct map v2p; /* {va >> 12, root, nested root, mode} -> pa >> 12 */
    struct map sym; /* {base, by, pid or root} + name -> va */
    struct map rva; /* {base, root, rva} -> name */
    struct map pid; /* {pid} -> root */
};

/* How an image symbol was added, and is looked for: lookups by pid and by page table both find it.
 */
enum cache_by { CACHE_BY_PID, CACHE_BY_ROOT };

/* Are there translations of the program's own? Then reads must go page by page. */
static inline bool cache_has_v2p(const struct vmi_instance *vmi)
{
    return __builtin_expect(vmi->caches != NULL, 0) && vmi->caches->v2p.used;
}

/* All answer false when the program added no such thing. */
bool cache_get_v2p(vmi_instance_t vmi, uint64_t va, uint64_t root, uint64_t npt, page_mode_t pm,
                   uint64_t *pa);
bool cache_get_symbol(vmi_instance_t vmi, uint64_t base, enum cache_by by, uint64_t whose,
                      const char *name, uint64_t *va);
const char *cache_get_rva(vmi_instance_t vmi, uint64_t base, uint64_t root,
                          uint64_t rva); /* NULL: none */
bool cache_get_pid(vmi_instance_t vmi, vmi_pid_t pid, uint64_t *root);
bool cache_drop_pid(vmi_instance_t vmi, vmi_pid_t pid); /* true: there was one */

void cache_close(vmi_instance_t vmi);

#endif

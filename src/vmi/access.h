/* SPDX-License-Identifier: BSD-2-Clause */
/* From what a program says (a context, a pid, a page table) to an address space, and bytes through
 * it. */
#ifndef TINYVMI_VMI_ACCESS_H
#define TINYVMI_VMI_ACCESS_H

#include "vmi/cache.h"
#include "vmi/instance.h"
#include "vmi/paging.h"

/* Where an access goes. Valid until the next access is resolved on this instance. */
struct access {
    const struct aspace *space; /* NULL: physical memory itself */
    uint64_t addr;
    int32_t pid;         /* for the story of a failure: 0 kernel, > 0 process, -1 a page table */
    page_mode_t pm, npm; /* as the context says; 0 npm: not nested */
    uint64_t npt;
};

/* All of these record the story of a failure. */
MUST_USE status_t access_context(vmi_instance_t vmi, const access_context_t *ctx,
                                 struct access *ret);
MUST_USE status_t access_pid(vmi_instance_t vmi, vmi_pid_t pid, uint64_t va, struct access *ret);
MUST_USE status_t access_ksym(vmi_instance_t vmi, const char *symbol, struct access *ret);
/* Explicit tables; pm 0: the instance's mode; npm 0 and npt 0: not nested. */
MUST_USE status_t access_table(vmi_instance_t vmi, uint64_t npt, page_mode_t npm, uint64_t pt,
                               page_mode_t pm, uint64_t va, struct access *ret);

/* The process with this pid (> 0). */
MUST_USE status_t access_process(vmi_instance_t vmi, vmi_pid_t pid, struct vmi_process *ret);

/* Copies, stopping at the first byte that cannot be reached; *done (may be NULL) is always written.
 */
status_t access_read(vmi_instance_t vmi, const struct access *a, void *buf, size_t n, size_t *done);
status_t access_write(vmi_instance_t vmi, const struct access *a, const void *buf, size_t n,
                      size_t *done);

/* Reads without recording a story: for what may end early and succeed all the same. */
int access_copy(vmi_instance_t vmi, const struct access *a, void *buf, size_t n, size_t *done);

/* Address to guest-physical (of the outermost guest); *left: bytes to the end of the page. */
MUST_USE status_t access_translate(vmi_instance_t vmi, const struct access *a, uint64_t *ret,
                                   uint64_t *left);

/* The root of the half that `va` is in: what caches are keyed by. */
static inline uint64_t space_root(const struct aspace *as, uint64_t va)
{
    return as->half[va >= as->split].root;
}

/* Records a failed access through page tables, cheaply; returns VMI_FAILURE. */
status_t access_fault(vmi_instance_t vmi, const struct access *a, const char *verb, size_t want,
                      size_t done, int code);

/* Records a failed access to physical memory. */
status_t access_fault_pa(vmi_instance_t vmi, const char *verb, uint64_t pa, size_t want,
                         size_t done, int code);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What src/xen asks of the home that it runs in: platform/linux answers through the kernel's Xen
 * devices (privcmd, evtchn, xenbus), the unikernel with its own page tables and hypercalls. Only
 * bytes and numbers here: what a hypercall means is src/xen's.
 *
 * Results: 0 (or what the call says), or a negative errno with Xen's numbers, which are Linux's
 * (xen/include/public/errno.h). Nothing here keeps a story: src/xen makes it.
 */
#ifndef TINYVMI_PLATFORM_XEN_H
#define TINYVMI_PLATFORM_XEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plat_xen; /* one connection to the hypervisor */

/*
 * -ENOENT: not on Xen, or its devices are missing; -EACCES, -EPERM: not allowed. `where` (of
 * where_size bytes, may be NULL) gets the device or the step that failed.
 */
int plat_xen_open(struct plat_xen **ret, char *where, size_t where_size);
void plat_xen_close(struct plat_xen *x); /* unmaps and unbinds what is left; NULL is allowed */

/*
 * One hypercall. Pointers among the arguments must point into a plat_xen_buffer. Answers what the
 * hypervisor answered (a negative errno is a failure).
 */
long plat_xen_hypercall(struct plat_xen *x, unsigned op, uint64_t a1, uint64_t a2, uint64_t a3,
                        uint64_t a4, uint64_t a5);
/* Memory that the hypervisor may read and write: page-aligned, zeroed. NULL: no memory. */
void *plat_xen_buffer(struct plat_xen *x, size_t bytes);
void plat_xen_buffer_free(struct plat_xen *x, void *p, size_t bytes);

/*
 * Maps n frames of a domain next to each other: gfns of HVM and PVH guests, mfns of PV guests.
 * error[i] is 0 or why frame i is not there (-ENOENT: paged out or no frame); its page must not be
 * touched then. NULL (and *failed a negative errno, when failed is not NULL) when nothing could be
 * mapped at all: no such domain (-ESRCH), not allowed (-EPERM), no memory. When every frame is
 * absent it is NULL and -ENOENT.
 */
void *plat_xen_map(struct plat_xen *x, uint32_t domain, const uint64_t *frames, size_t n,
                   bool writable, int *error, int *failed);
void plat_xen_unmap(struct plat_xen *x, void *p, size_t n);
/*
 * Xen's machine-to-physical table where this home has it mapped anyway (a PV guest's kernel), and
 * its number of entries; else NULL: src/xen maps it with plat_xen_map.
 */
const uint64_t *plat_xen_m2p(struct plat_xen *x, size_t *entries);

/* Event channels, by local port. */
int plat_xen_bind(struct plat_xen *x, uint32_t domain, uint32_t remote_port, uint32_t *ret);
int plat_xen_bind_virq(struct plat_xen *x, unsigned virq, uint32_t *ret);
int plat_xen_unbind(struct plat_xen *x, uint32_t port);
int plat_xen_notify(struct plat_xen *x, uint32_t port);
/*
 * Waits until an event channel fired, xenstore has bytes to read, or time is over (UINT64_MAX: no
 * limit; 0: look, do not wait). Answers 1 and the port, 2 when xenstore has bytes, 0 when the time
 * is over or a signal came. The port stays masked until the next call, which unmasks it: who is
 * busy with its events is not interrupted by more of them, and none is lost.
 */
int plat_xen_wait(struct plat_xen *x, uint64_t timeout_ns, uint32_t *port);
/* Pollable descriptor of the event channels, or -1 where there is no such thing. */
int plat_xen_event_fd(struct plat_xen *x);
/*
 * Uses the program's own event-channel handle (libxenevtchn's xenevtchn_handle) from now on, before
 * anything was bound. The program waits on it and takes the ports that fired; plat_xen_unmask makes
 * one fire again. -ENOSYS where there is no such library.
 */
int plat_xen_adopt_events(struct plat_xen *x, void *handle);
void plat_xen_unmask(struct plat_xen *x, uint32_t port);
/* In a loop that looks at memory which another processor will change. */
void plat_xen_relax(void);

/* ---- what outlives the program -----------------------------------------------------------------
 */

/*
 * A claim on a name that ends with this process, whatever ends it. -EBUSY, and in `owner` who has
 * it ("xen-access, process 12"); other errors: this home has no place for claims. *ret is -1 then.
 */
int plat_xen_claim(const char *name, char *owner, size_t size, int *ret);
void plat_xen_unclaim(int claim); /* -1 is allowed */

/*
 * A process of its own: it calls `ready` at once, on a copy of all memory but the mappings of this
 * connection, and `orphaned` when this process has ended in whatever way without plat_xen_guard_end
 * (it keeps the claim until then). What `ready` answers, if not 0, or -ENOSYS: no guard.
 */
struct plat_guard;
int plat_xen_guard(int claim, int (*ready)(void *data), void (*orphaned)(void *data), void *data,
                   struct plat_guard **ret);
void plat_xen_guard_end(struct plat_guard *g); /* NULL is allowed */
/* Memory that a guard made later shares instead of having a copy: zeroed; NULL: no memory. */
void *plat_xen_shared(size_t bytes);
void plat_xen_shared_free(void *p, size_t bytes); /* NULL is allowed */

/* xenstore's byte stream; opened on first use. Both move at least one byte, or fail: read waits up
 * to timeout_ns, then -ETIMEDOUT. They answer the number of bytes. */
long plat_xen_store_write(struct plat_xen *x, const void *p, size_t n);
long plat_xen_store_read(struct plat_xen *x, void *p, size_t n, uint64_t timeout_ns);
/* Gives a broken stream up; the next use opens it anew. */
void plat_xen_store_close(struct plat_xen *x);

#endif

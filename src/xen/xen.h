/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor as src/xen's files see it: one connection, its version, and typed calls.
 * Structures that changed between releases are described by rows (abi.h); no other file knows a
 * version.
 *
 * All calls answer ST_*, with the story in x->diag: what was asked of Xen, for which domain, why it
 * was refused, what the user can do. Threads: a struct xen belongs to one thread at a time.
 */
#ifndef TINYVMI_XEN_XEN_H
#define TINYVMI_XEN_XEN_H

#include "core/bytes.h"
#include "core/status.h"
#include "platform/xen.h"

#define XEN_PAGE 4096u

struct xen_abi; /* what this release's structures look like; abi.h */
struct xen_store;

struct xen {
    struct plat_xen *plat;
    unsigned major, minor;
    char extra[16];         /* ".5-pre", ... */
    char capabilities[256]; /* XENVER_capabilities */
    const struct xen_abi *abi;
    bool abi_is_exact; /* false: a release that has no row; `abi` is the nearest older one */
    uint32_t domctl_version, sysctl_version; /* as probed; 0: denied */
    char denied_why[224];                    /* when domctl_version is 0 */
    uint8_t *page[2];        /* hypercall buffers of one page each, for one call at a time */
    struct xen_store *store; /* opened on first use */
    struct diag diag;
};

/* ST_UNSUPPORTED: not on Xen. ST_DENIED: devices or domctl are refused. */
MUST_USE int xen_open(struct xen *x);
void xen_close(struct xen *x);

/* Raw calls. `arg` (n bytes, at most a page) is copied to a hypercall buffer and back. They answer
 * Xen's value (>= 0) or a negative errno, and keep no story. */
long xen_domctl(struct xen *x, uint32_t command, uint32_t domain, void *payload, size_t n);
long xen_sysctl(struct xen *x, uint32_t command, void *payload, size_t n);
long xen_memory_op(struct xen *x, unsigned command, void *arg, size_t n);
long xen_hvm_op(struct xen *x, unsigned op, void *arg, size_t n);
/* A device-model call with one buffer: a struct xen_dm_op of n bytes. */
long xen_dm_op(struct xen *x, uint32_t domain, void *arg, size_t n);

/* ST_* for a negative errno, with the story: "what" was being done for `domain`. */
int xen_fail(struct xen *x, long error, uint32_t domain, const char *what);

enum xen_kind { XEN_PV, XEN_PVH, XEN_HVM };

struct xen_domain_info {
    uint32_t id;
    enum xen_kind kind; /* XEN_PVH when it is translated and has no device model */
    bool dying, shutdown, paused, blocked, running, debugged, hap;
    unsigned shutdown_reason;  /* SHUTDOWN_*: 0 power-off, 1 reboot, 2 suspend, 3 crash */
    uint64_t pages, max_pages; /* of 4 KiB */
    uint64_t shared_info_frame;
    unsigned vcpus_online, vcpu_max; /* vcpu_max: highest id */
    uint8_t uuid[16];
};

/* ST_ABSENT when there is no such domain. */
MUST_USE int xen_domain_info(struct xen *x, uint32_t id, struct xen_domain_info *ret);
/* The first domain with an id of at least `from`. */
MUST_USE int xen_domain_next(struct xen *x, uint32_t from, struct xen_domain_info *ret);
/* Name from xenstore; "" when it has none or xenstore may not be read. */
void xen_domain_name(struct xen *x, uint32_t id, char *ret, size_t size);
/* A name, "12", "domid:12", or a UUID. ST_ABSENT: none runs now. */
MUST_USE int xen_domain_find(struct xen *x, const char *which, struct xen_domain_info *ret);
MUST_USE int xen_domain_pause(struct xen *x, uint32_t id);
MUST_USE int xen_domain_resume(struct xen *x, uint32_t id);

MUST_USE int xen_param_get(struct xen *x, uint32_t id, uint32_t index, uint64_t *ret);
MUST_USE int xen_param_set(struct xen *x, uint32_t id, uint32_t index, uint64_t value);

/* ---- xenstore: the wire protocol (xen/include/public/io/xs_wire.h), store.c ---------------- */

/* The node's value, terminated (it may hold zeros: *n bytes). ST_ABSENT, ST_DENIED (the story names
 * the path and the permission to grant). */
MUST_USE int xen_store_read(struct xen *x, const char *path, char *buf, size_t size, size_t *n);
MUST_USE int xen_store_write(struct xen *x, const char *path, const char *value);
MUST_USE int xen_store_remove(struct xen *x, const char *path);
/* Lets a domain read a node, beside those who may already. Only for the node's owner and dom0. */
MUST_USE int xen_store_permit(struct xen *x, const char *path, uint32_t domain);
/* Names of the children, one call each; a non-zero return ends it. */
MUST_USE int xen_store_list(struct xen *x, const char *path,
                            int (*cb)(void *data, const char *name), void *data);
/* "@introduceDomain", "@releaseDomain" or a path. A watch fires once when it is set. */
MUST_USE int xen_store_watch(struct xen *x, const char *path, const char *token);
MUST_USE int xen_store_unwatch(struct xen *x, const char *path, const char *token);
/* The next watch event that has come: ST_OK, or ST_ABSENT when none has (does not wait; wait with
 * plat_xen_wait). */
MUST_USE int xen_store_event(struct xen *x, char *path, size_t path_size, char *token,
                             size_t token_size);

/*
 * The connection behind a source of kind "xen", and its domain; NULL for other sources. Borrowed,
 * valid until source_close. For src/event's back end (events and the source share one connection).
 */
struct source;
struct xen *xen_of_source(const struct source *s, uint32_t *domain);

#endif

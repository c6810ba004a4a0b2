/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection: opening it, its version, raw calls, and the words for what was refused. */
#include "xen/xen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "xen/abi.h"
#include "xen/store.h"

/* ---- raw calls ------------------------------------------------------------------------------- */

static uint64_t address_of(const void *p)
{
    return (uintptr_t)p;
}

/* Copies `arg` to the first page, calls with its address as the last of `nr` arguments, and back.
 */
static long call_with(struct xen *x, unsigned op, uint64_t first, bool has_first, void *arg,
                      size_t n)
{
    if (n > XEN_PAGE)
        return -EINVAL;
    memcpy(x->page[0], arg, n);
    uint64_t at = address_of(x->page[0]);
    long v = has_first ? plat_xen_hypercall(x->plat, op, first, at, 0, 0, 0)
                       : plat_xen_hypercall(x->plat, op, at, 0, 0, 0, 0);
    memcpy(arg, x->page[0], n);
    return v;
}

static long domctl_with(struct xen *x, uint32_t version, uint32_t command, uint32_t domain,
                        void *payload, size_t n)
{
    struct xen_domctl_call c = {.command = command, .version = version};
    if (n > sizeof c.payload || domain > UINT16_MAX)
        return -EINVAL;
    c.domain = (uint16_t)domain;
    memcpy(c.payload, payload, n);
    long v = call_with(x, HYPERCALL_DOMCTL, 0, false, &c, sizeof c);
    memcpy(payload, c.payload, n);
    return v;
}

static long sysctl_with(struct xen *x, uint32_t version, uint32_t command, void *payload, size_t n)
{
    struct xen_sysctl_call c = {.command = command, .version = version};
    if (n > sizeof c.payload)
        return -EINVAL;
    memcpy(c.payload, payload, n);
    long v = call_with(x, HYPERCALL_SYSCTL, 0, false, &c, sizeof c);
    memcpy(payload, c.payload, n);
    return v;
}

long xen_domctl(struct xen *x, uint32_t command, uint32_t domain, void *payload, size_t n)
{
    uint8_t none[1] = {0};
    if (!x->domctl_version)
        return -EACCES;
    return domctl_with(x, x->domctl_version, command, domain, payload ? payload : none,
                       payload ? n : 0);
}

long xen_sysctl(struct xen *x, uint32_t command, void *payload, size_t n)
{
    if (!x->sysctl_version)
        return -EACCES;
    return sysctl_with(x, x->sysctl_version, command, payload, n);
}

long xen_memory_op(struct xen *x, unsigned command, void *arg, size_t n)
{
    return call_with(x, HYPERCALL_MEMORY_OP, command, true, arg, n);
}

long xen_hvm_op(struct xen *x, unsigned op, void *arg, size_t n)
{
    return call_with(x, HYPERCALL_HVM_OP, op, true, arg, n);
}

/* Its list of buffers lies in the first page, the buffer behind it. */
long xen_dm_op(struct xen *x, uint32_t domain, void *arg, size_t n)
{
    struct xen_dm_buffer *list = (struct xen_dm_buffer *)x->page[0];
    if (n > XEN_PAGE - sizeof *list)
        return -EINVAL;
    memcpy(list + 1, arg, n);
    *list = (struct xen_dm_buffer){address_of(list + 1), n};
    long v = plat_xen_hypercall(x->plat, HYPERCALL_DM_OP, domain, 1, address_of(list), 0, 0);
    memcpy(arg, list + 1, n);
    return v;
}

/* ---- failures -------------------------------------------------------------------------------- */

/* Xen's errno values (public/errno.h) as kinds of failure, with what a person can do. */
static const struct {
    int error, status;
    const char *why;
} failures[] = {
    {EPERM, ST_DENIED,
     "Xen refuses it to this domain; run it in dom0, or as a domain that XSM's "
     "policy allows it"},
    {EACCES, ST_DENIED,
     "Xen refuses it: XSM's policy, or an interface version that it does not "
     "have"},
    {ESRCH, ST_ABSENT, "there is no such domain (any more)"},
    {ENOENT, ST_ABSENT, "it is not there"},
    {ENOSYS, ST_UNSUPPORTED, "this Xen has no such call"},
    {EOPNOTSUPP, ST_UNSUPPORTED, "this Xen, or this processor, cannot do it"},
    {ENODATA, ST_UNSUPPORTED, "this domain's processor has no such state"},
    {ENODEV, ST_UNSUPPORTED, "this Xen, or this kind of domain, has no such thing"},
    {EBUSY, ST_BUSY, "somebody else holds it"},
    {EEXIST, ST_BUSY, "it is there already"},
    {ENOMEM, ST_NOMEM, "no memory"},
    {ENOSPC, ST_NOMEM, "no room"},
    {EINVAL, ST_INVALID, "Xen does not accept the request"},
    {EFAULT, ST_IO, "Xen could not reach our memory"},
    {ENOBUFS, ST_IO, "the answer did not fit"},
};

static const char *reason_of(long error, int *status, char *buf, size_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        if (failures[i].error != -error)
            continue;
        *status = failures[i].status;
        return failures[i].why;
    }
    *status = ST_IO;
    snprintf(buf, size, "error %ld", -error);
    return buf;
}

int xen_fail(struct xen *x, long error, uint32_t domain, const char *what)
{
    char buf[32];
    int status;
    const char *why = reason_of(error, &status, buf, sizeof buf);
    if (!x->domctl_version && status == ST_DENIED)
        why = x->denied_why;
    if (domain >= DOMID_FIRST_RESERVED)
        return diag_fail(&x->diag, status, "Xen: %s: %s", what, why);
    return diag_fail(&x->diag, status, "Xen domain %u: %s: %s", (unsigned)domain, what, why);
}

/* ---- versions -------------------------------------------------------------------------------- */

static void read_text(struct xen *x, unsigned what, char *ret, size_t size)
{
    memset(x->page[0], 0, XEN_PAGE);
    long v =
        plat_xen_hypercall(x->plat, HYPERCALL_XEN_VERSION, what, address_of(x->page[0]), 0, 0, 0);
    ret[0] = '\0';
    if (v >= 0)
        snprintf(ret, size, "%.*s", (int)(size - 1), (const char *)x->page[0]);
}

/* Is this Xen's domctl version? Xen looks at the version first, then for the domain, then at
 * permissions (do_domctl): a domain that is not there tells the three apart. */
static bool domctl_is(struct xen *x, uint32_t version)
{
    struct xen_getdomaininfo info = {0};
    long v = domctl_with(x, version, DOMCTL_GETDOMAININFO, DOMID_NOBODY, &info, sizeof info);
    return v != -EACCES && v != -ENOSYS;
}

static bool sysctl_is(struct xen *x, uint32_t version)
{
    struct xen_domaininfolist_call c = {
        .first = DOMID_NOBODY, .max = 1, .buffer = address_of(x->page[1])};
    long v = sysctl_with(x, version, SYSCTL_GETDOMAININFOLIST, &c, sizeof c);
    return v != -EACCES && v != -EPERM && v != -ENOSYS;
}

enum { VERSION_MIN = 0x0d, VERSION_MAX = 0x40 };

/* The row's own first, then all from the newest that could be. 0: none is taken. */
static uint32_t probe(struct xen *x, uint32_t likely, bool (*is)(struct xen *x, uint32_t version))
{
    if (is(x, likely))
        return likely;
    for (uint32_t v = VERSION_MAX; v >= VERSION_MIN; v--)
        if (v != likely && is(x, v))
            return v;
    return 0;
}

static int find_versions(struct xen *x)
{
    long v = plat_xen_hypercall(x->plat, HYPERCALL_XEN_VERSION, XENVER_VERSION, 0, 0, 0, 0);
    if (v < 0)
        return xen_fail(x, v, DOMID_SELF, "asking for its version");
    x->major = (unsigned)v >> 16;
    x->minor = (unsigned)v & 0xffff;
    read_text(x, XENVER_EXTRAVERSION, x->extra, sizeof x->extra);
    read_text(x, XENVER_CAPABILITIES, x->capabilities, sizeof x->capabilities);
    x->abi = xen_abi_of(x->major, x->minor, &x->abi_is_exact);
    x->domctl_version = probe(x, x->abi->domctl, domctl_is);
    x->sysctl_version = probe(x, x->abi->sysctl, sysctl_is);
    if (!x->domctl_version)
        snprintf(x->denied_why, sizeof x->denied_why,
                 "Xen %u.%u takes domctl calls of none of the versions 0x%x to 0x%x from us: it "
                 "is newer than this program, or forbids them; run it in dom0 (as root, with "
                 "privcmd unrestricted)",
                 x->major, x->minor, VERSION_MIN, VERSION_MAX);
    return ST_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int refused(struct xen *x, int error, const char *where)
{
    if (error == -EACCES || error == -EPERM)
        return diag_fail(&x->diag, ST_DENIED, "Xen: %s: no permission; run as root in dom0", where);
    if (error == -ENOMEM)
        return diag_fail(&x->diag, ST_NOMEM, "Xen: no memory for a connection");
    return diag_fail(&x->diag, ST_UNSUPPORTED,
                     "%s is not there: this system does not run under Xen, or its drivers are "
                     "missing (in dom0: modprobe xen-privcmd xen-evtchn)",
                     where);
}

int xen_open(struct xen *x)
{
    char where[64] = "/dev/xen/privcmd";
    *x = (struct xen){0};
    int err = plat_xen_open(&x->plat, where, sizeof where);
    if (err)
        return refused(x, err, where);
    int st = ST_OK;
    for (unsigned i = 0; i < ARRAY_LEN(x->page); i++) {
        x->page[i] = plat_xen_buffer(x->plat, XEN_PAGE);
        if (!x->page[i])
            st = refused(x, -ENOMEM, where);
    }
    if (st == ST_OK)
        st = find_versions(x);
    if (st != ST_OK) {
        struct diag d = x->diag;
        xen_close(x);
        x->diag = d;
    }
    return st;
}

void xen_close(struct xen *x)
{
    xen_store_close(x);
    for (unsigned i = 0; i < ARRAY_LEN(x->page); i++)
        if (x->page[i])
            plat_xen_buffer_free(x->plat, x->page[i], XEN_PAGE);
    plat_xen_close(x->plat);
    *x = (struct xen){0};
}

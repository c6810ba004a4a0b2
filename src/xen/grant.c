/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What dom0 does once for an introspector that is a domain of its own: the target's name becomes
 * readable for it, and, where no XSM policy decides, it becomes the target's device model
 * (XEN_DOMCTL_set_target: xen/common/domctl.c), which may map the target's memory and no more.
 */
#include "xen/grant.h"

#include <errno.h>
#include <stdio.h>

#include "xen/abi.h"

enum { DOMCTL_SET_TARGET = 46 }; /* xen/include/public/domctl.h, XEN_DOMCTL_set_target */

static int make_device_model(struct xen *x, struct xen_grant *g)
{
    uint16_t target[4] = {(uint16_t)g->target.id};
    long v = xen_domctl(x, DOMCTL_SET_TARGET, g->introspector.id, target, sizeof target);
    if (v == 0)
        return ST_OK;
    const char *why = v == -EINVAL ? "it has a target already: a domain has one, for all its life"
                      : v == -EOPNOTSUPP || v == -ENOSYS ? "the target is a PV guest"
                      : v == -EACCES || v == -EPERM
                          ? "Xen's policy (XSM) decides about it: see policy/tinyvmi.te"
                          : NULL;
    if (!why)
        return xen_fail(x, v, g->introspector.id, "making it another domain's device model");
    return diag_fail(&x->diag, ST_DENIED, "%s", why);
}

int xen_grant(struct xen *x, const char *introspector, const char *target, struct xen_grant *ret)
{
    struct xen_grant g = {0};
    char path[64];
    int st = xen_domain_find(x, introspector, &g.introspector);
    if (st == ST_OK)
        st = xen_domain_find(x, target, &g.target);
    if (st != ST_OK)
        return st;
    if (g.introspector.id == g.target.id)
        return diag_fail(&x->diag, ST_INVALID, "domain %u cannot look at itself",
                         (unsigned)g.target.id);
    g.memory = make_device_model(x, &g) == ST_OK;
    if (!g.memory)
        snprintf(g.why_not, sizeof g.why_not, "%.*s", (int)sizeof g.why_not - 1, x->diag.text);
    /* Last: an introspector that waits is woken by it. */
    snprintf(path, sizeof path, "/local/domain/%u/name", (unsigned)g.target.id);
    st = xen_store_permit(x, path, g.introspector.id);
    if (st != ST_OK)
        return st;
    *ret = g;
    return ST_OK;
}

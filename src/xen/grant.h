/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TINYVMI_XEN_GRANT_H
#define TINYVMI_XEN_GRANT_H

#include "xen/xen.h"

struct xen_grant {
    struct xen_domain_info introspector, target;
    bool memory; /* it is the target's device model now */
    char why_not[200];
};

/* Both by name, id or UUID; in dom0. The name's permission is given, or the call fails; the memory
 * is given or g.why_not says why not. */
MUST_USE int xen_grant(struct xen *x, const char *introspector, const char *target,
                       struct xen_grant *ret);

#endif

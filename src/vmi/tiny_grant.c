/* SPDX-License-Identifier: BSD-2-Clause */
/* What dom0 lets an introspector that is a domain of its own see. */
#include "vmi/access.h"
#include "xen/grant.h"

status_t vmi_xen_grant(const char *introspector, const char *target, struct vmi_grant *ret)
{
    struct xen x;
    struct xen_grant g;
    if (!introspector || !target || !ret)
        return vmi_open_fail(ST_INVALID, "no introspector, target or place for the result");
    int st = xen_open(&x);
    if (st == ST_OK)
        st = xen_grant(&x, introspector, target, &g);
    status_t status = st == ST_OK ? VMI_SUCCESS : vmi_open_fail(st, "%s", x.diag.text);
    if (st == ST_OK) {
        *ret = (struct vmi_grant){
            .introspector = g.introspector.id, .target = g.target.id, .memory = g.memory};
        snprintf(ret->why_not, sizeof ret->why_not, "%s", g.why_not);
    }
    xen_close(&x);
    return status;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of all types. */
#include "vmi/access.h"

struct lister {
    vmi_type_cb cb;
    void *data;
    struct vmi_outcome o;
};

static int give(const char *kind, const char *name, uint64_t size, void *data)
{
    struct lister *l = data;
    struct vmi_type t = {kind, name, size};
    l->o.count++;
    return l->cb(&t, l->data);
}

status_t vmi_each_type(vmi_instance_t vmi, vmi_type_cb cb, void *data, struct vmi_outcome *ret)
{
    struct lister l = {.cb = cb, .data = data};
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (!cb)
        return vmi_fail(vmi, ST_INVALID, "no callback was given");
    const struct types *t = &vmi->os.types;
    if (!t->ops)
        return vmi_fail(vmi, ST_ABSENT,
                        "no types of this kernel are known: it carries no BTF; give a profile");
    if (!t->ops->each_type)
        return vmi_fail(vmi, ST_UNSUPPORTED, "types from %s cannot be listed", t->ops->kind);
    int st = t->ops->each_type(t->self, give, &l);
    if (st < 0)
        outcome_cut(&l.o, "the types break off after %llu: %s", (unsigned long long)l.o.count,
                    status_name(st));
    if (ret)
        *ret = l.o;
    return VMI_SUCCESS;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The layout by the kernel's names: what programs ask that have no types, as on kernels whose
 * offsets were inferred. */
#include "os/linux/linux.h"

/* Is "type.member" one of the alternatives of a row? */
static bool names(const char *spec, const char *type, const char *member)
{
    size_t n = strlen(type);
    for (const char *p = spec; p; p = strchr(p, '|')) {
        p += *p == '|';
        if (strncmp(p, type, n) != 0 || p[n] != '.')
            continue;
        const char *m = p + n + 1;
        if (strlen(member) == strcspn(m, "|") && strncmp(m, member, strlen(member)) == 0)
            return true;
    }
    return false;
}

int lx_known_member(struct osview *v, const char *type, const char *member, uint64_t *ret)
{
    const struct linux_view *l = lx_of(v);
    for (size_t i = 0; i < L_COUNT; i++) {
        if (!l->m[i].known || l->m[i].bits || !names(lx_specs[i], type, member))
            continue;
        *ret = (uint64_t)l->m[i].off;
        return ST_OK;
    }
    return ST_ABSENT;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Resolving the layout against the kernel's types, and the small reads that use it. */
#include "os/linux/find.h"
#include "os/linux/linux.h"

#include <inttypes.h>
#include <stdio.h>

const char *const lx_specs[L_COUNT] = {
#define LAYOUT_SPEC(id, spec) spec,
    LINUX_LAYOUT(LAYOUT_SPEC)
#undef LAYOUT_SPEC
};

/* One alternative: "struct.member.path", "sizeof:type" or "enum:NAME". */
static bool resolve(const struct types *t, const char *spec, struct lx_member *ret)
{
    if (!strncmp(spec, "sizeof:", 7)) {
        uint64_t size;
        if (t->ops->size(t->self, spec + 7, &size) != ST_OK)
            return false;
        *ret = (struct lx_member){.off = (int64_t)size, .known = true};
        return true;
    }
    if (!strncmp(spec, "enum:", 5)) {
        int64_t value;
        if (t->ops->enumerator(t->self, spec + 5, &value) != ST_OK)
            return false;
        *ret = (struct lx_member){.off = value, .known = true};
        return true;
    }
    char type[64];
    const char *dot = strchr(spec, '.');
    struct vmi_member m;
    if (!dot || (size_t)(dot - spec) >= sizeof type)
        return false;
    memcpy(type, spec, (size_t)(dot - spec));
    type[dot - spec] = '\0';
    if (t->ops->member(t->self, type, dot + 1, &m) != ST_OK)
        return false;
    *ret = (struct lx_member){.off = (int64_t)(m.bit_offset / 8),
                              .size = (uint32_t)m.size,
                              .bit = (uint8_t)(m.bit_offset % 8),
                              .bits = (uint8_t)m.bit_size,
                              .known = true};
    return true;
}

void lx_layout_resolve(struct linux_view *l)
{
    const struct types *t = &l->v->types;
    if (!t->ops)
        return;
    for (size_t i = 0; i < L_COUNT; i++) {
        char one[128];
        for (const char *p = lx_specs[i]; p && !l->m[i].known; p = strchr(p, '|')) {
            p += *p == '|';
            size_t n = strcspn(p, "|");
            if (n >= sizeof one)
                continue;
            memcpy(one, p, n);
            one[n] = '\0';
            (void)resolve(t, one, &l->m[i]);
        }
    }
}

int lx_require(const struct linux_view *l, const char *what, const enum layout_id *ids, size_t n)
{
    char missing[256] = "";
    size_t at = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        if (lx_has(l, ids[i]))
            continue;
        const char *spec = lx_specs[ids[i]];
        int len = (int)strcspn(spec, "|");
        if (count++ < 4)
            at += (size_t)snprintf(missing + at, sizeof missing - at, "%s%.*s", at ? ", " : "",
                                   MIN_OF(len, 48), spec);
    }
    if (!count)
        return ST_OK;
    char more[32] = "";
    if (count > 4)
        snprintf(more, sizeof more, " and %zu more", count - 4);
    return diag_fail(l->v->diag, ST_UNSUPPORTED, "%s: the layout of %s%s is not known; %s", what,
                     missing, more,
                     l->v->types.ops ? "this kernel's types lack it"
                                     : "the kernel has no types: give a profile (--profile FILE)");
}

int lx_read(const struct linux_view *l, uint64_t at, enum layout_id id, uint64_t *ret)
{
    const struct lx_member *m = &l->m[id];
    uint64_t v = 0;
    if (!m->known)
        return ST_UNSUPPORTED;
    size_t n = m->bits ? MIN_OF((m->bit + m->bits + 7u) / 8u, 8u) : m->size;
    if (n == 0 || n > 8)
        return ST_UNSUPPORTED;
    int st = aspace_read(&l->v->kernel, GVA(at + (uint64_t)m->off), &v, n, NULL);
    if (st != ST_OK)
        return st;
    if (m->bits)
        v = v >> m->bit & (m->bits < 64 ? (1ULL << m->bits) - 1 : ~0ULL);
    *ret = v;
    return ST_OK;
}

int lx_ptr(const struct linux_view *l, uint64_t at, enum layout_id id, uint64_t *ret)
{
    if (!l->m[id].known)
        return ST_UNSUPPORTED;
    return read_ptr(&l->v->kernel, l->v->ptr_size, at + (uint64_t)l->m[id].off, ret);
}

uint64_t lx_most(const struct linux_view *l, enum layout_id size, uint64_t most)
{
    const struct phys *phys = l->v->kernel.phys;
    uint64_t bytes = 0, one = lx_has(l, size) ? lx_off(l, size) : 0;
    for (size_t i = 0; i < phys->nr; i++)
        bytes += phys->range[i].len;
    return one ? MIN_OF(bytes / one + 1, most) : most;
}

int lx_symbol(const struct linux_view *l, const char *name, uint64_t *ret)
{
    struct vmi_symbol s;
    const struct symtab *t = &l->v->symbols;
    int st = t->ops ? t->ops->by_name(t->self, name, &s) : ST_ABSENT;
    if (st == ST_OK) {
        *ret = s.address;
        return ST_OK;
    }
    /* vmcoreinfo names a few variables; it matters where kallsyms has none (CONFIG_KALLSYMS_ALL=n)
     */
    char key[80];
    struct bytes text = {(const uint8_t *)l->vmcoreinfo, strlen(l->vmcoreinfo)};
    int n = snprintf(key, sizeof key, "SYMBOL(%s)", name);
    return n > 0 && (size_t)n < sizeof key && text.n && lx_vmcoreinfo_number(text, key, 16, ret)
               ? ST_OK
               : st;
}

bool lx_kernel_pointer(const struct linux_view *l, uint64_t p)
{
    if (p & (l->v->ptr_size - 1))
        return false;
    return l->v->ptr_size == 8 ? p >> 56 == 0xff
                               : p >= l->image.va - l->image.pa && p <= 0xffffffff;
}

int lx_text(const struct linux_view *l, uint64_t at, char *buf, size_t size)
{
    return aspace_read_str(&l->v->kernel, GVA(at), buf, size);
}

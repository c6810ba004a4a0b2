/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding out which operating system's kernel is in memory: one probe after the other. */
#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>

#include "../platform/platform.h"
#include "os/linux/bringup.h"
#include "os/windows/bringup.h"

enum { MAX_FACTS = 64 };

/* A row for each system that can be recognised. */
static const struct os_probe {
    enum vmi_os_kind kind;
    int (*probe)(struct source *source, const struct os_options *options, struct diag *d,
                 struct osview *ret);
} probes[] = {
    {VMI_KIND_LINUX, linux_probe},
    {VMI_KIND_WINDOWS, windows_probe},
};

/* Frees what a view holds, also one whose probe gave up half-way. */
static void release(struct osview *v)
{
    if (v->ops && v->ops->close)
        v->ops->close(v);
    if (v->symbols.ops && v->symbols.ops->close)
        v->symbols.ops->close(v->symbols.self);
    if (v->types.ops && v->types.ops->close)
        v->types.ops->close(v->types.self);
    free(v->fact);
    *v = (struct osview){0};
}

int os_open(struct source *source, const struct os_options *options, struct diag *d,
            struct osview *ret)
{
    static const struct os_options none;
    struct os_options now = options ? *options : none;
    struct diag limit = {0}; /* a search that gave up, while others still may find something */
    int st = ST_UNSUPPORTED;
    uint64_t began = plat_now_ns();
    for (now.effort = 0; now.effort < OS_EFFORTS; now.effort++)
        for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
            if (now.kind != VMI_KIND_NONE && now.kind != probes[i].kind)
                continue;
            *ret = (struct osview){.source = source, .diag = d};
            st = probes[i].probe(source, &now, d, ret);
            if (st == ST_OK) {
                ret->info.build_ns = plat_now_ns() - began;
                return ST_OK;
            }
            release(ret);
            if (st == ST_LIMIT)
                limit = *d;
            else if (st != ST_ABSENT) /* recognised, and then something broke: another system would
                                         not do better */
                return st;
        }
    if (limit.code == ST_LIMIT) {
        *d = limit;
        return ST_LIMIT;
    }
    if (st == ST_UNSUPPORTED)
        return diag_fail(
            d, ST_UNSUPPORTED,
            "guests of this operating system are not supported (Linux and Windows are)");
    return st;
}

void os_close(struct osview *v)
{
    release(v);
}

void os_fact(struct osview *v, const char *name, const char *how, const char *value_fmt, ...)
{
    if (!v->fact)
        v->fact = calloc(MAX_FACTS, sizeof *v->fact);
    if (!v->fact || v->nr_facts == MAX_FACTS)
        return;
    struct vmi_fact *f = &v->fact[v->nr_facts++];
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->how, sizeof f->how, "%s", how);
    va_list ap;
    va_start(ap, value_fmt);
    vsnprintf(f->value, sizeof f->value, value_fmt, ap);
    va_end(ap);
}

void outcome_cut(struct vmi_outcome *o, const char *fmt, ...)
{
    if (!o || o->partial)
        return;
    o->partial = true;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(o->reason, sizeof o->reason, fmt, ap);
    va_end(ap);
}

struct by_id {
    int32_t id;
    struct vmi_process *ret;
    bool found;
};

static int match_id(const struct vmi_process *p, void *data)
{
    struct by_id *b = data;
    if (p->tid != b->id)
        return 0;
    *b->ret = *p;
    b->found = true;
    return 1;
}

int os_process_by_id(struct osview *v,
                     int (*list)(struct osview *v, uint32_t flags, vmi_process_cb cb, void *data,
                                 struct vmi_outcome *ret),
                     bool threads, int32_t id, struct vmi_process *ret)
{
    struct by_id b = {id, ret, false};
    struct vmi_outcome o = {0};
    int st = list(v, 0, match_id, &b, &o);
    if (st == ST_OK && !b.found && threads)
        st = list(v, 1 /* VMI_LIST_THREADS */, match_id, &b, &o);
    if (st == ST_OK && !b.found)
        return diag_fail(v->diag, ST_ABSENT, "no process has the id %d%s%s", id,
                         o.partial ? "; the list is damaged: " : "", o.reason);
    return st;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Targets "xen:NAME", "xen:ID", "xen:UUID": opening one, its memory, and the list of all. */
#include <stdio.h>
#include <stdlib.h>

#include "xen/abi.h"
#include "xen/event_state.h"
#include "xen/target.h"

extern const struct source_kind xen_source_kind;

/* ---- physical memory ------------------------------------------------------------------------- */

static const uint8_t *map(void *source, const struct phys_range *r, uint64_t at, size_t *avail)
{
    struct xen_target *t = source;
    unsigned n;
    const uint8_t *p = frames_ptr(&t->frames, at / XEN_PAGE, &n);
    if (!p)
        return NULL;
    *avail = (size_t)MIN_OF((uint64_t)n * XEN_PAGE - at % XEN_PAGE, r->len - (at - r->start));
    return p + at % XEN_PAGE;
}

/* No memory: because the domain has ended, because it cannot be had, or because there is none. */
static int absent(struct xen_target *t)
{
    if (t->frames.gone) {
        int st = target_alive(t);
        return st == ST_OK ? ST_ABSENT : st;
    }
    if (t->frames.why != ST_ABSENT) /* it could not be mapped: refused, no memory */
        return t->frames.why;
    diag_clear(&t->x.diag);
    return ST_ABSENT;
}

static int read_phys(void *source, const struct phys_range *r, uint64_t at, void *buf, size_t n,
                     size_t *done)
{
    struct xen_target *t = source;
    for (*done = 0; *done < n;) {
        size_t avail;
        const uint8_t *p = map(source, r, at + *done, &avail);
        if (!p)
            return absent(t);
        avail = MIN_OF(avail, n - *done);
        memcpy((uint8_t *)buf + *done, p, avail);
        *done += avail;
    }
    return ST_OK;
}

static int write_phys(void *source, const struct phys_range *r, uint64_t at, const void *buf,
                      size_t n, size_t *done)
{
    struct xen_target *t = source;
    int st = ST_ABSENT;
    (void)r;
    *done = 0;
    uint8_t *p = frames_write_ptr(&t->frames, at / XEN_PAGE, &st);
    if (!p)
        return st == ST_ABSENT && t->frames.gone ? absent(t) : st;
    size_t take = MIN_OF(n, (size_t)(XEN_PAGE - at % XEN_PAGE));
    memcpy(p + at % XEN_PAGE, buf, take);
    *done = take;
    return ST_OK;
}

static int own_mapping(void *source, uint64_t at, bool writable, void **ret)
{
    struct xen_target *t = source;
    return frames_map_own(&t->frames, at / XEN_PAGE, writable, ret);
}

static uint64_t next_data(void *source, const struct phys_range *r, uint64_t at, uint64_t *end)
{
    struct xen_target *t = source;
    uint64_t stop = r->start + r->len;
    unsigned n;
    uint64_t frame = frames_next(&t->frames, at / XEN_PAGE, (stop + XEN_PAGE - 1) / XEN_PAGE, &n);
    uint64_t from = MAX_OF(frame * XEN_PAGE, at);
    if (from >= stop)
        return stop;
    *end = MIN_OF(stop, (frame + n) * XEN_PAGE);
    return from;
}

/* A PV guest's entries hold machine addresses. */
static int from_entry(void *source, uint64_t *at)
{
    struct xen_target *t = source;
    uint64_t frame;
    int st = pv_frame_of(t->pv, *at / XEN_PAGE, &frame);
    if (st == ST_OK)
        *at = frame * XEN_PAGE + *at % XEN_PAGE;
    return st;
}

static const struct phys_ops translated_ops = {.read = read_phys,
                                               .map = map,
                                               .hold = target_hold,
                                               .release = target_release,
                                               .write = write_phys,
                                               .next_data = next_data,
                                               .own_mapping = own_mapping};
static const struct phys_ops pv_ops = {.read = read_phys,
                                       .map = map,
                                       .hold = target_hold,
                                       .release = target_release,
                                       .write = write_phys,
                                       .next_data = next_data,
                                       .from_entry = from_entry,
                                       .own_mapping = own_mapping};

static const char *kind_name(enum xen_kind k)
{
    return k == XEN_PV ? "PV" : k == XEN_PVH ? "PVH" : "HVM";
}

/* ---- opening --------------------------------------------------------------------------------- */

static void close_target(void *impl)
{
    struct xen_target *t = impl;
    target_resume_all(t);
    frames_deinit(&t->frames);
    pv_close(t->pv);
    if (t->buffer)
        plat_xen_buffer_free(t->x.plat, t->buffer, t->buffer_size);
    xen_close(&t->x);
    free(t);
}

static int alive(void *impl)
{
    return target_alive(impl);
}

/* The domain that we run in: by the path that is ours in xenstore. dom0 when that is not told. */
static uint32_t own_domain(struct xen *x)
{
    char text[16];
    size_t n;
    struct diag before = x->diag;
    unsigned long v = 0;
    if (xen_store_read(x, "domid", text, sizeof text, &n) == ST_OK)
        v = strtoul(text, NULL, 10);
    x->diag = before;
    return (uint32_t)v;
}

static int find_domain(struct xen_target *t, const char *name)
{
    if (!*name)
        return diag_fail(&t->x.diag, ST_INVALID,
                         "xen: is followed by a domain's name, id or UUID; `tinyvmi list` shows "
                         "them");
    int st = xen_domain_find(&t->x, name, &t->info);
    if (st != ST_OK)
        return st;
    xen_domain_name(&t->x, t->info.id, t->name, sizeof t->name);
    if (t->info.id == own_domain(&t->x))
        return diag_fail(&t->x.diag, ST_INVALID,
                         "xen:%s is the domain that this runs in, which cannot look at itself",
                         name);
    if (t->info.dying)
        return diag_fail(&t->x.diag, ST_ABSENT, "Xen domain %u (%s) is ending", t->info.id,
                         t->name);
    return ST_OK;
}

static int open_memory(struct xen_target *t, struct source *s)
{
    int st = t->info.kind == XEN_PV ? pv_open(&t->x, &t->info, &t->pv) : ST_OK;
    if (st == ST_OK)
        st = frames_init(&t->frames, &t->x, t->info.id, t->pv ? &t->pv->ops : NULL);
    if (st != ST_OK)
        return st;
    t->frames.pages = t->info.pages;
    phys_init(&s->phys, t->pv ? &pv_ops : &translated_ops, t);
    return target_layout(t, &s->phys, s->layout_note, sizeof s->layout_note);
}

static int open_target(struct xen_target *t, const char *name, uint64_t flags, struct source *s)
{
    int st = xen_open(&t->x);
    if (st == ST_OK)
        st = find_domain(t, name);
    t->no_registers = flags & SOURCE_NO_REGISTERS;
    if (st == ST_OK)
        st = open_memory(t, s);
    if (st != ST_OK)
        return st;
    unsigned width = target_width(t);
    s->arch = width == 64 ? ARCH_X86_64 : width == 32 ? ARCH_X86 : ARCH_UNKNOWN;
    if (!t->x.abi_is_exact && !s->layout_note[0])
        snprintf(s->layout_note, sizeof s->layout_note,
                 "Xen %u.%u is newer than this program: taken for 4.%u, with domctl version 0x%x",
                 t->x.major, t->x.minor, t->x.abi->minor, t->x.domctl_version);
    return ST_OK;
}

static int xen_open_source(const char *name, const struct source_options *options, struct diag *d,
                           struct source *ret)
{
    struct xen_target *t = calloc(1, sizeof *t);
    struct source s = {.kind = "xen", .live = true};
    if (!t)
        return diag_fail(d, ST_NOMEM, "xen:%s: no memory", name);
    int st = open_target(t, name, options->flags, &s);
    if (st != ST_OK) {
        const char *text = t->x.diag.text;
        if (strncmp(text, "xen:", 4))
            diag_fail(d, st, "xen:%s: %s", name, text);
        else
            diag_fail(d, st, "%s", text);
        phys_deinit(&s.phys);
        close_target(t);
        return st;
    }
    snprintf(s.name, sizeof s.name, "%s", t->name[0] ? t->name : name);
    s.id = t->info.id;
    snprintf(s.about, sizeof s.about, "Xen %u.%u%s, %s domain %u", t->x.major, t->x.minor,
             t->x.extra, kind_name(t->info.kind), (unsigned)t->info.id);
    s.vcpu = &xen_vcpu_ops;
    s.domain = &xen_domain_ops;
    s.event = &xen_event_ops;
    s.impl = t;
    s.close = close_target;
    s.story = &t->x.diag;
    s.alive = alive;
    *ret = s;
    return ST_OK;
}

struct xen *xen_of_source(const struct source *s, uint32_t *domain)
{
    struct xen_target *t = s->close == close_target ? s->impl : NULL;
    if (!t)
        return NULL;
    if (domain)
        *domain = t->info.id;
    return &t->x;
}

/* ---- listing --------------------------------------------------------------------------------- */

static const char *state_name(const struct xen_domain_info *i)
{
    static const char *const reasons[] = {"powered off", "rebooting", "suspended", "crashed"};
    if (i->dying)
        return "ending";
    if (i->shutdown)
        return i->shutdown_reason < ARRAY_LEN(reasons) ? reasons[i->shutdown_reason] : "shut down";
    return i->paused ? "paused" : "running";
}

static void describe(struct xen *x, const struct xen_domain_info *i, struct vmi_target *t)
{
    *t = (struct vmi_target){
        .kind = "xen", .id = i->id, .memory = i->pages * XEN_PAGE, .vcpus = i->vcpu_max + 1};
    xen_domain_name(x, i->id, t->name, sizeof t->name);
    snprintf(t->target, sizeof t->target, "xen:%u", (unsigned)i->id);
    snprintf(t->state, sizeof t->state, "%s", state_name(i));
    snprintf(t->access, sizeof t->access, "%s, mapped", kind_name(i->kind));
}

/* By name where that names one domain only. */
static void prefer_name(struct xen *x, struct vmi_target *t)
{
    struct xen_domain_info found;
    if (t->name[0] && xen_domain_find(x, t->name, &found) == ST_OK && found.id == t->id)
        snprintf(t->target, sizeof t->target, "xen:%s", t->name);
}

static int list_domains(struct xen *x, vmi_target_cb cb, void *data, struct vmi_outcome *ret,
                        int *stopped)
{
    struct xen_domain_info info;
    struct vmi_target t;
    uint32_t own = own_domain(x);
    int st;
    for (uint32_t at = 0; (st = xen_domain_next(x, at, &info)) == ST_OK; at = info.id + 1) {
        if (info.id == own)
            continue;
        describe(x, &info, &t);
        prefer_name(x, &t);
        ret->count++;
        *stopped = cb(&t, data);
        if (*stopped)
            return ST_OK;
    }
    return st == ST_ABSENT ? ST_OK : st;
}

static int xen_list(vmi_target_cb cb, void *data, struct vmi_outcome *ret)
{
    struct xen x;
    int st = xen_open(&x), stopped = 0;
    if (st == ST_UNSUPPORTED) /* no Xen here: nothing to be listed, and nothing wrong */
        return ST_OK;
    if (st == ST_OK)
        st = list_domains(&x, cb, data, ret, &stopped);
    if (st < 0 && !ret->partial) {
        ret->partial = true;
        snprintf(ret->reason, sizeof ret->reason, "%.*s", (int)sizeof ret->reason - 1, x.diag.text);
    }
    xen_close(&x);
    return stopped;
}

const struct source_kind xen_source_kind = {
    .prefix = "xen:", .open = xen_open_source, .list = xen_list};

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The domain watch: xenstore says that something has appeared or gone; which domain, is found by
 * comparing the hypervisor's list with the one before.
 */
#include <stdio.h>
#include <stdlib.h>

#include "platform/platform.h"
#include "vmi/bridge.h"
#include "xen/xen.h"

#define TOKEN_NEW  "tinyvmi-new"
#define TOKEN_GONE "tinyvmi-gone"

struct seen {
    uint32_t id;
    uint8_t uuid[16];
    bool there;
};

struct api_watch {
    struct xen *x;
    struct xen own; /* when the instance has no Xen guest; x points here */
    bool is_own;
    vmi_event_t *event;
    struct seen *seen;
    size_t n, cap;
    bool look; /* the list is to be compared */
    bool clearing;
    vmi_event_free_t free_routine;
};

static void close_watch(struct bridge *b)
{
    struct api_watch *w = b->watch;
    (void)!xen_store_unwatch(w->x, "@introduceDomain", TOKEN_NEW);
    (void)!xen_store_unwatch(w->x, "@releaseDomain", TOKEN_GONE);
    if (w->is_own)
        xen_close(&w->own);
    free(w->seen);
    free(w);
    b->watch = NULL;
}

void watch_close(struct bridge *b)
{
    if (b->watch)
        close_watch(b);
}

vmi_event_t *watch_event(const struct bridge *b)
{
    return b->watch ? b->watch->event : NULL;
}

bool watch_news(const struct bridge *b)
{
    return b->watch->look;
}

status_t watch_add(vmi_instance_t vmi, vmi_event_t *event)
{
    struct bridge *b = vmi->bridge;
    uint32_t domain;
    if (b->watch)
        return vmi_fail(vmi, ST_BUSY, "there is a domain watch already");
    struct api_watch *w = calloc(1, sizeof *w);
    if (!w)
        return vmi_fail(vmi, ST_NOMEM, "no memory for a domain watch");
    w->x = b->monitor ? xen_of_source(&vmi->source, &domain) : NULL;
    w->is_own = !w->x;
    int st = ST_OK;
    if (w->is_own) {
        st = xen_open(&w->own);
        w->x = &w->own;
    }
    if (st != ST_OK) {
        vmi_fail(vmi, st, "%s", w->own.diag.text);
        free(w);
        return VMI_FAILURE;
    }
    w->event = event;
    w->look = true;
    b->watch = w;
    st = xen_store_watch(w->x, "@introduceDomain", TOKEN_NEW);
    if (st == ST_OK)
        st = xen_store_watch(w->x, "@releaseDomain", TOKEN_GONE);
    if (st == ST_OK)
        return VMI_SUCCESS;
    vmi_fail(vmi, st, "%s", w->x->diag.text);
    close_watch(b);
    return VMI_FAILURE;
}

status_t watch_clear(vmi_instance_t vmi, vmi_event_free_t free_routine)
{
    struct bridge *b = vmi->bridge;
    vmi_event_t *event = b->watch->event;
    if (b->watch->clearing)
        return vmi_fail(vmi, ST_BUSY, "the event is to be cleared already");
    if (b->in_callback) { /* the walk below goes on with it */
        b->watch->clearing = true;
        b->watch->free_routine = free_routine;
        return VMI_SUCCESS;
    }
    close_watch(b);
    if (free_routine)
        free_routine(event, VMI_SUCCESS);
    return VMI_SUCCESS;
}

/* ---- what has changed ---------------------------------------------------------------------------
 */

static void report(vmi_instance_t vmi, const struct seen *s, bool created)
{
    struct bridge *b = vmi->bridge;
    vmi_event_t *e = b->watch->event;
    const uint8_t *u = s->uuid;
    char uuid[37];
    if (b->watch->clearing)
        return;
    snprintf(uuid, sizeof uuid,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
             u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
             u[15]);
    e->watch_event.uuid = uuid;
    e->watch_event.domain = s->id;
    e->watch_event.created = created;
    e->x86_regs = NULL;
    b->in_callback = true;
    (void)e->callback(vmi, e);
    b->in_callback = false;
    e->watch_event.uuid = NULL; /* valid in the callback only */
}

static struct seen *find(struct api_watch *w, const struct xen_domain_info *i)
{
    for (size_t k = 0; k < w->n; k++)
        if (w->seen[k].id == i->id && memcmp(w->seen[k].uuid, i->uuid, sizeof i->uuid) == 0)
            return &w->seen[k];
    return NULL;
}

static bool add(struct api_watch *w, const struct xen_domain_info *i)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 16;
        struct seen *p = realloc(w->seen, cap * sizeof *p);
        if (!p)
            return false;
        w->seen = p;
        w->cap = cap;
    }
    w->seen[w->n] = (struct seen){.id = i->id, .there = true};
    memcpy(w->seen[w->n++].uuid, i->uuid, sizeof i->uuid);
    return true;
}

/* Gone ones first: an id may come again. */
static void compare(vmi_instance_t vmi)
{
    struct api_watch *w = vmi->bridge->watch;
    struct xen_domain_info info = {0};
    size_t before;
    w->look = false;
    for (size_t k = 0; k < w->n; k++)
        w->seen[k].there = false;
    before = w->n;
    for (uint32_t id = 1; xen_domain_next(w->x, id, &info) == ST_OK; id = info.id + 1) {
        struct seen *s = find(w, &info);
        if (info.dying)
            continue;
        if (s)
            s->there = true;
        else if (!add(w, &info))
            break;
    }
    for (size_t k = 0; k < w->n; k++)
        if (!w->seen[k].there)
            report(vmi, &w->seen[k], false);
    for (size_t k = before; k < w->n; k++)
        report(vmi, &w->seen[k], true);
    size_t kept = 0;
    for (size_t k = 0; k < w->n; k++)
        if (w->seen[k].there)
            w->seen[kept++] = w->seen[k];
    w->n = kept;
}

/* Takes the watch events that have come. */
static int take_news(vmi_instance_t vmi)
{
    struct api_watch *w = vmi->bridge->watch;
    char path[64], token[32];
    int st;
    while ((st = xen_store_event(w->x, path, sizeof path, token, sizeof token)) == ST_OK)
        w->look = true;
    return st == ST_ABSENT ? ST_OK : diag_fail(&vmi->diag, st, "%s", w->x->diag.text);
}

int watch_listen(vmi_instance_t vmi, uint64_t timeout_ns)
{
    struct bridge *b = vmi->bridge;
    uint32_t port;
    int st = take_news(vmi);
    if (st == ST_OK && !b->watch->look && timeout_ns) {
        (void)plat_xen_wait(b->watch->x->plat, timeout_ns, &port);
        st = take_news(vmi);
    }
    if (st != ST_OK || !b->watch->look)
        return st;
    compare(vmi);
    if (b->watch->clearing) {
        vmi_event_free_t free_routine = b->watch->free_routine;
        b->watch->clearing = false;
        return watch_clear(vmi, free_routine) == VMI_SUCCESS ? ST_OK : ST_INVALID;
    }
    return ST_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory hooks and the rights that they need. Hooks on one frame are found by a hash, so that many
 * cost nothing; those on ranges are a list. A frame's rights are the union of what its hooks want
 * to see.
 */
#include <stdlib.h>

#include "event/monitor_inner.h"

/* ---- the hash: open addressing, never more than half full -------------------------------------
 */

static size_t place_of(const struct monitor *m, uint64_t gfn, uint16_t view)
{
    return (size_t)((gfn * UINT64_C(0x9e3779b97f4a7c15) ^ view) >> 20) & (m->cap_frames - 1);
}

static struct frame *look(const struct monitor *m, uint64_t gfn, uint16_t view)
{
    if (!m->nr_frames)
        return NULL;
    for (size_t i = place_of(m, gfn, view);; i = (i + 1) & (m->cap_frames - 1)) {
        struct frame *f = &m->frames[i];
        if (!f->used)
            return NULL;
        if (f->gfn == gfn && f->view == view)
            return f;
    }
}

static struct frame *put(struct monitor *m, const struct frame *f)
{
    size_t i = place_of(m, f->gfn, f->view);
    while (m->frames[i].used)
        i = (i + 1) & (m->cap_frames - 1);
    m->frames[i] = *f;
    m->frames[i].used = true;
    m->nr_frames++;
    return &m->frames[i];
}

static bool make_room(struct monitor *m)
{
    struct frame *old = m->frames;
    size_t cap = m->cap_frames;
    if (cap && m->nr_frames < cap / 2)
        return true;
    size_t larger = cap ? cap * 2 : 64;
    struct frame *fresh = calloc(larger, sizeof *fresh);
    if (!fresh)
        return false;
    m->frames = fresh;
    m->cap_frames = larger;
    m->nr_frames = 0;
    for (size_t i = 0; i < cap; i++)
        if (old[i].used)
            put(m, &old[i]);
    free(old);
    return true;
}

/* What stood behind it in the same run moves up where it may. */
static void drop(struct monitor *m, struct frame *f)
{
    size_t hole = (size_t)(f - m->frames), mask = m->cap_frames - 1;
    m->frames[hole].used = false;
    m->nr_frames--;
    for (size_t i = (hole + 1) & mask; m->frames[i].used; i = (i + 1) & mask) {
        size_t home = place_of(m, m->frames[i].gfn, m->frames[i].view);
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        m->frames[hole] = m->frames[i];
        m->frames[i].used = false;
        hole = i;
    }
}

struct hook *frames_find(const struct monitor *m, uint64_t gfn, uint16_t view)
{
    struct frame *f = look(m, gfn, view);
    return f ? f->hooks : NULL;
}

void frames_free(struct monitor *m)
{
    free(m->frames);
    m->frames = NULL;
    m->nr_frames = m->cap_frames = 0;
}

/* ---- rights ---------------------------------------------------------------------------------- */

static int set(struct monitor *m, uint16_t view, uint64_t first, uint64_t n, uint8_t access)
{
    const struct event_access a = {.first = first, .n = n, .view = view, .access = access};
    if (!view && access) {
        bool none = m->restricted_first >= m->restricted_end;
        m->restricted_first = none ? first : MIN_OF(m->restricted_first, first);
        m->restricted_end = none ? first + n : MAX_OF(m->restricted_end, first + n);
    }
    return m->ops->access(m->events, &a, 1, NULL);
}

bool frames_ours(const struct monitor *m, uint64_t gfn, uint16_t view)
{
    return view || (gfn >= m->restricted_first && gfn < m->restricted_end);
}

static bool covers(const struct hook *h, uint16_t view, uint64_t gfn)
{
    return h->memory.restricts && h->memory.view == view && gfn >= h->memory.first &&
           gfn < h->memory.end;
}

/* Two rights that are not sets of R, W and X go with nothing else. */
static bool unite(uint8_t *access, uint8_t more)
{
    bool special = (*access | more) & ~ACCESS_RWX;
    if (special && *access && more && *access != more)
        return false;
    *access |= more;
    return true;
}

/* What all hooks but `without` want of a frame. */
static bool wanted(const struct monitor *m, const struct frame *f, const struct hook *without,
                   uint8_t *ret)
{
    uint8_t access = ACCESS_NONE;
    bool fit = true;
    for (const struct hook *h = f->hooks; h; h = h->next)
        fit &= h == without || unite(&access, h->memory.access);
    for (const struct hook *h = m->hooks[EVENT_MEMORY]; h; h = h->next)
        fit &= h == without || !covers(h, f->view, f->gfn) || unite(&access, h->memory.access);
    *ret = access;
    return fit;
}

static int refresh(struct monitor *m, struct frame *f, const struct hook *without)
{
    uint8_t access = ACCESS_NONE;
    if (!wanted(m, f, without, &access))
        return diag_fail(m->diag, ST_BUSY,
                         "frame %#llx of view %u has another hook whose kind of access goes with "
                         "no other",
                         (unsigned long long)f->gfn, f->view);
    if (access == f->access)
        return ST_OK;
    int st = set(m, f->view, f->gfn, 1, access);
    if (st == ST_OK)
        f->access = access;
    return st;
}

/* ---- hooks on one frame ------------------------------------------------------------------------
 */

static int add_single(struct monitor *m, struct hook *h)
{
    const struct frame fresh = {.gfn = h->memory.first, .view = h->memory.view};
    if (!make_room(m))
        return diag_fail(m->diag, ST_NOMEM, "no memory for another frame");
    struct frame *f = look(m, fresh.gfn, fresh.view);
    if (!f)
        f = put(m, &fresh);
    struct hook **at = &f->hooks;
    while (*at)
        at = &(*at)->next;
    *at = h;
    int st = refresh(m, f, NULL);
    if (st == ST_OK)
        return ST_OK;
    *at = NULL;
    if (!f->hooks)
        drop(m, f);
    return st;
}

static int remove_single(struct monitor *m, struct hook *h)
{
    struct frame *f = look(m, h->memory.first, h->memory.view);
    if (!f)
        return ST_ABSENT;
    int st = refresh(m, f, h);
    for (struct hook **at = &f->hooks; *at; at = &(*at)->next) {
        if (*at != h)
            continue;
        *at = h->next;
        break;
    }
    if (!f->hooks)
        drop(m, f);
    return st;
}

/* ---- hooks on a range
 * ---------------------------------------------------------------------------- */

enum { RANGE_MAX = 1 << 20 };

static bool overlap(const struct hook *a, const struct hook *b)
{
    return a != b && b->memory.restricts && a->memory.view == b->memory.view &&
           a->memory.first < b->memory.end && b->memory.first < a->memory.end;
}

/* Frames of the range that have hooks of their own get their union again. */
static int refresh_inside(struct monitor *m, const struct hook *h, const struct hook *without,
                          uint8_t as_set)
{
    int first = ST_OK;
    for (size_t i = 0; i < m->cap_frames; i++) {
        struct frame *f = &m->frames[i];
        if (!f->used || !covers(h, f->view, f->gfn))
            continue;
        f->access = as_set;
        int st = refresh(m, f, without);
        first = first == ST_OK ? st : first;
    }
    return first;
}

static int add_range(struct monitor *m, struct hook *h)
{
    if (h->memory.end - h->memory.first > RANGE_MAX)
        return diag_fail(m->diag, ST_LIMIT, "a hook restricts at most %d frames", RANGE_MAX);
    for (struct hook *o = m->hooks[EVENT_MEMORY]; o; o = o->next)
        if (overlap(h, o) && o->memory.access != h->memory.access)
            return diag_fail(m->diag, ST_BUSY,
                             "another hook restricts some of these frames in another way");
    int st =
        set(m, h->memory.view, h->memory.first, h->memory.end - h->memory.first, h->memory.access);
    return st == ST_OK ? refresh_inside(m, h, NULL, h->memory.access) : st;
}

static int remove_range(struct monitor *m, struct hook *h)
{
    int st = set(m, h->memory.view, h->memory.first, h->memory.end - h->memory.first, ACCESS_NONE);
    for (struct hook *o = m->hooks[EVENT_MEMORY]; o; o = o->next) {
        if (o == h || !overlap(h, o))
            continue;
        uint64_t from = MAX_OF(h->memory.first, o->memory.first);
        uint64_t end = MIN_OF(h->memory.end, o->memory.end);
        int again = set(m, o->memory.view, from, end - from, o->memory.access);
        st = st == ST_OK ? again : st;
    }
    int inside = refresh_inside(m, h, h, ACCESS_NONE);
    return st == ST_OK ? inside : st;
}

/* ---- both ------------------------------------------------------------------------------------ */

static bool is_single(const struct hook *h)
{
    return h->memory.restricts && h->memory.end - h->memory.first == 1;
}

int frames_add(struct monitor *m, struct hook *h)
{
    if (h->memory.first >= h->memory.end || !h->memory.access)
        return diag_fail(m->diag, ST_INVALID, "a memory hook needs frames and a kind of access");
    if (h->memory.restricts && h->memory.view == VIEW_EVERY)
        return diag_fail(m->diag, ST_INVALID, "rights are set in one view");
    h->next = NULL;
    if (is_single(h))
        return add_single(m, h);
    int st = h->memory.restricts ? add_range(m, h) : ST_OK;
    if (st != ST_OK)
        return st;
    struct hook **at = &m->hooks[EVENT_MEMORY];
    while (*at)
        at = &(*at)->next;
    *at = h;
    return ST_OK;
}

int frames_remove(struct monitor *m, struct hook *h)
{
    if (is_single(h))
        return remove_single(m, h);
    int st = h->memory.restricts ? remove_range(m, h) : ST_OK;
    for (struct hook **at = &m->hooks[EVENT_MEMORY]; *at; at = &(*at)->next) {
        if (*at != h)
            continue;
        *at = h->next;
        break;
    }
    return st;
}

/* Frames that have hooks of their own, too, are as they were set last. */
int monitor_restrict(struct monitor *m, uint16_t view, uint64_t first, uint64_t n, uint8_t access)
{
    int st = n ? set(m, view, first, n, access) : ST_OK;
    if (st != ST_OK || !m->nr_frames)
        return st;
    if (n == 1) {
        struct frame *f = look(m, first, view);
        if (f)
            f->access = access;
        return ST_OK;
    }
    for (size_t i = 0; i < m->cap_frames; i++)
        if (m->frames[i].used && m->frames[i].view == view && m->frames[i].gfn - first < n)
            m->frames[i].access = access;
    return ST_OK;
}

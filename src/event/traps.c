/* SPDX-License-Identifier: BSD-2-Clause */
/* Which traps the hooks need, counted: one that two hooks need is set once, with flags that serve
 * both, and lifted with the second. */
#include <stdlib.h>

#include "event/monitor_inner.h"

static bool same(const struct event_trap *a, const struct event_trap *b)
{
    return a->kind == b->kind && a->reg == b->reg;
}

static struct trap_use *find(struct monitor *m, const struct event_trap *t)
{
    for (size_t i = 0; i < m->nr_traps; i++)
        if (same(&m->traps[i].trap, t))
            return &m->traps[i];
    return NULL;
}

/* What serves both: waiting, if one of them waits; every write, if one wants every write. */
static struct event_trap both(const struct event_trap *a, const struct event_trap *b)
{
    struct event_trap t = *a;
    t.flags = (a->flags & b->flags & (TRAP_ASYNC | TRAP_ON_CHANGE)) |
              ((a->flags | b->flags) & (TRAP_DENIABLE | TRAP_USERSPACE));
    t.ignored = a->ignored & b->ignored;
    return t;
}

static int set_again(struct monitor *m, const struct event_trap *t)
{
    int st = m->ops->trap(m->events, t, false);
    return st == ST_OK ? m->ops->trap(m->events, t, true) : st;
}

static int use(struct monitor *m, const struct event_trap *t)
{
    struct trap_use *u = find(m, t);
    if (u) {
        struct event_trap merged = both(&u->trap, t);
        if (merged.flags != u->trap.flags || merged.ignored != u->trap.ignored) {
            int st = set_again(m, &merged);
            if (st != ST_OK)
                return st;
            u->trap = merged;
        }
        u->users++;
        return ST_OK;
    }
    if (!grow((void **)&m->traps, &m->cap_traps, m->nr_traps + 1, sizeof *m->traps))
        return diag_fail(m->diag, ST_NOMEM, "no memory for another trap");
    int st = m->ops->trap(m->events, t, true);
    if (st == ST_OK)
        m->traps[m->nr_traps++] = (struct trap_use){*t, 1};
    return st;
}

static int drop(struct monitor *m, const struct event_trap *t)
{
    struct trap_use *u = find(m, t);
    if (!u || --u->users)
        return ST_OK;
    struct event_trap gone = u->trap;
    *u = m->traps[--m->nr_traps];
    return m->ops->trap(m->events, &gone, false);
}

/* The traps of a hook, one by one: an MSR hook may have a list. */
static size_t count_of(const struct hook *h)
{
    return h->kind == EVENT_MSR && h->msr.list ? h->msr.n : 1;
}

static struct event_trap trap_of(const struct hook *h, size_t i)
{
    struct event_trap t = {.kind = h->kind, .flags = h->flags};
    if (h->kind == EVENT_CR) {
        t.reg = h->cr.reg;
        t.ignored = h->cr.ignored;
    }
    if (h->kind == EVENT_MSR)
        t.reg = h->msr.list ? h->msr.list[i] : h->msr.index;
    return t;
}

int traps_add(struct monitor *m, const struct hook *h)
{
    int st = ST_OK;
    size_t i = 0, n = count_of(h);
    for (; i < n && st == ST_OK; i++) {
        struct event_trap t = trap_of(h, i);
        st = use(m, &t);
    }
    if (st == ST_OK)
        return ST_OK;
    for (i--; i-- > 0;) {
        struct event_trap t = trap_of(h, i);
        (void)!drop(m, &t);
    }
    return st;
}

int traps_remove(struct monitor *m, const struct hook *h)
{
    int first = ST_OK;
    for (size_t i = 0; i < count_of(h); i++) {
        struct event_trap t = trap_of(h, i);
        int st = h->kind == EVENT_STEP ? ST_OK : drop(m, &t);
        first = first == ST_OK ? st : first;
    }
    return first;
}

int traps_need_steps(struct monitor *m)
{
    const struct event_trap t = {.kind = EVENT_STEP};
    return find(m, &t) ? ST_OK : use(m, &t);
}

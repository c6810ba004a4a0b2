/* SPDX-License-Identifier: BSD-2-Clause */
/* Registration, and the loop that gives requests to hooks and answers them. */
#include "event/monitor.h"

#include <stdlib.h>

#include "event/monitor_inner.h"

bool grow(void **array, size_t *cap, size_t n, size_t size)
{
    if (n <= *cap)
        return true;
    size_t larger = *cap ? *cap * 2 : 16;
    void *p = realloc(*array, larger * size);
    if (!p)
        return false;
    *array = p;
    *cap = larger;
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void free_monitor(struct monitor *m)
{
    frames_free(m);
    free(m->traps);
    free(m->job_count);
    free(m->steps);
    free(m->after_step);
    free(m->deferred);
    free(m);
}

int monitor_open(struct source *source, void *channel, struct diag *d, struct monitor **ret)
{
    if (!source->event)
        return diag_fail(d, ST_UNSUPPORTED, "a source of kind \"%s\" has no events", source->kind);
    struct monitor *m = calloc(1, sizeof *m);
    if (!m)
        return diag_fail(d, ST_NOMEM, "no memory for a monitor");
    m->source = source;
    m->ops = source->event;
    m->diag = d;
    int st = m->ops->capabilities(source, d, &m->caps);
    if (st == ST_OK) {
        m->job_count = calloc(m->caps.vcpus ? m->caps.vcpus : 1, sizeof *m->job_count);
        m->steps = calloc(m->caps.vcpus ? m->caps.vcpus : 1, 1);
        m->after_step = calloc(m->caps.vcpus ? m->caps.vcpus : 1, sizeof *m->after_step);
        if (!m->job_count || !m->steps || !m->after_step)
            st = diag_fail(d, ST_NOMEM, "no memory for a monitor");
    }
    if (st == ST_OK)
        st = m->ops->open(source, channel, d, &m->events);
    if (st != ST_OK) {
        free_monitor(m);
        return st;
    }
    *ret = m;
    return ST_OK;
}

static void release(struct hook *h, int status)
{
    h->state = HOOK_IDLE;
    h->next = NULL;
    if (h->released)
        h->released(h, status);
}

static int unlink_hook(struct monitor *m, struct hook *h);

void monitor_close(struct monitor *m)
{
    if (!m)
        return;
    steps_cancel_all(m);
    for (unsigned k = 0; k < EVENT_KINDS; k++)
        while (m->hooks[k]) {
            struct hook *h = m->hooks[k];
            release(h, unlink_hook(m, h));
        }
    for (size_t i = 0; m->nr_frames && i < m->cap_frames;) {
        struct hook *h = m->frames[i].used ? m->frames[i].hooks : NULL;
        if (h)
            release(h, unlink_hook(m, h));
        else
            i++;
    }
    (void)!steps_sync(m);
    m->ops->close(m->events);
    free_monitor(m);
}

const struct event_capabilities *monitor_capabilities(const struct monitor *m)
{
    return &m->caps;
}

const struct monitor_statistics *monitor_statistics(const struct monitor *m)
{
    return &m->stats;
}

const struct event_ops *monitor_ops_of(struct monitor *m, void **events)
{
    *events = m->events;
    return m->ops;
}

const struct view_ops *monitor_views(struct monitor *m, void **events)
{
    *events = m->events;
    return m->ops->view;
}

struct source *monitor_source(struct monitor *m)
{
    return m->source;
}

struct diag *monitor_diag(struct monitor *m)
{
    return m->diag;
}

bool monitor_in_hook(const struct monitor *m, unsigned *vcpu)
{
    if (m->in_hook && vcpu)
        *vcpu = m->vcpu;
    return m->in_hook;
}

/* ---- registration ---------------------------------------------------------------------------- */

static void enlist(struct hook **at, struct hook *h)
{
    while (*at && !h->early)
        at = &(*at)->next;
    h->next = *at;
    *at = h;
}

int monitor_add(struct monitor *m, struct hook *h)
{
    int st;
    if ((unsigned)h->kind >= EVENT_KINDS || !h->call)
        return diag_fail(m->diag, ST_INVALID, "a hook has a kind, and a function to be called");
    if (h->state != HOOK_IDLE)
        return diag_fail(m->diag, ST_BUSY, "the hook is registered already");
    st = h->kind == EVENT_STEP ? traps_need_steps(m) : traps_add(m, h);
    if (st != ST_OK)
        return st;
    if (h->kind == EVENT_MEMORY) {
        st = frames_add(m, h);
        if (st != ST_OK)
            (void)!traps_remove(m, h);
    } else {
        enlist(&m->hooks[h->kind], h);
    }
    if (st != ST_OK)
        return st;
    h->state = HOOK_ACTIVE;
    if (h->kind != EVENT_STEP || !h->step.on)
        return ST_OK;
    m->steps_changed = true;
    st = m->in_batch ? ST_OK : steps_sync(m);
    if (st != ST_OK) {
        h->step.on = 0;
        (void)!unlink_hook(m, h);
        h->state = HOOK_IDLE;
    }
    return st;
}

static int unlink_hook(struct monitor *m, struct hook *h)
{
    int st = h->kind == EVENT_MEMORY ? frames_remove(m, h) : ST_OK;
    for (struct hook **at = &m->hooks[h->kind]; *at; at = &(*at)->next) {
        if (*at != h)
            continue;
        *at = h->next;
        break;
    }
    h->next = NULL;
    if (h->kind == EVENT_STEP)
        m->steps_changed = true;
    int lifted = traps_remove(m, h);
    return st == ST_OK ? lifted : st;
}

static void remove_now(struct monitor *m, void *data)
{
    struct hook *h = data;
    m->nr_leaving--;
    release(h, unlink_hook(m, h));
}

int monitor_remove(struct monitor *m, struct hook *h)
{
    if (h->state == HOOK_IDLE)
        return ST_ABSENT;
    if (h->state == HOOK_LEAVING)
        return diag_fail(m->diag, ST_BUSY, "the hook is leaving already");
    if (!m->in_batch) {
        int st = unlink_hook(m, h);
        int steps = steps_sync(m);
        release(h, st);
        return st == ST_OK ? steps : st;
    }
    int st = monitor_defer(m, remove_now, h);
    if (st != ST_OK)
        return st;
    h->state = HOOK_LEAVING;
    m->nr_leaving++;
    m->steps_changed |= h->kind == EVENT_STEP;
    return ST_OK;
}

int monitor_defer(struct monitor *m, void (*fn)(struct monitor *m, void *data), void *data)
{
    if (!m->in_batch) {
        fn(m, data);
        return ST_OK;
    }
    if (!grow((void **)&m->deferred, &m->cap_deferred, m->nr_deferred + 1, sizeof *m->deferred))
        return diag_fail(m->diag, ST_NOMEM, "no memory to do something after the events");
    m->deferred[m->nr_deferred++] = (struct deferred){fn, data};
    return ST_OK;
}

static void run_deferred(struct monitor *m)
{
    for (size_t i = 0; i < m->nr_deferred; i++) { /* one may add others */
        struct deferred d = m->deferred[i];
        d.fn(m, d.data);
    }
    m->nr_deferred = 0;
}

/* ---- one request ------------------------------------------------------------------------------
 */

static bool matches_memory(const struct hook *h, const struct event_request *q)
{
    if (h->memory.view != VIEW_EVERY && h->memory.view != q->view)
        return false;
    return q->memory.gfn >= h->memory.first && q->memory.gfn < h->memory.end &&
           (h->memory.access & (q->memory.access | ACCESS_RWX2N));
}

static bool matches(const struct hook *h, const struct event_request *q)
{
    switch (q->kind) {
    case EVENT_MEMORY:
        return matches_memory(h, q);
    case EVENT_CR:
        return h->cr.reg == q->cr.reg && (!h->cr.only_equal || h->cr.equal == q->cr.value);
    case EVENT_MSR:
        return h->msr.index == MSR_EVERY || h->msr.index == q->msr.index;
    case EVENT_STEP:
        return q->vcpu < STEP_VCPUS && (h->step.vcpus >> q->vcpu & 1);
    default:
        return true;
    }
}

/* What became of a request. */
struct outcome {
    bool handled, taken;
    bool known; /* somebody who is leaving, or who looks for other values only, would have it */
};

static void call_list(struct monitor *m, struct hook *list, struct event_request *q,
                      struct event_reply *reply, struct outcome *o)
{
    for (struct hook *next, *h = list; h && !o->taken; h = next) {
        next = h->next; /* removal is deferred: the list stays as it is */
        if (h->kind == EVENT_CR && h->cr.reg == q->cr.reg)
            o->known = true;
        if (!matches(h, q))
            continue;
        if (h->state == HOOK_LEAVING) {
            o->known = true;
            continue;
        }
        enum hook_result r = h->call(m, h, q, reply);
        o->handled |= r != HOOK_PASS;
        o->taken = r == HOOK_TAKEN;
    }
}

/*
 * Is it left over from a trap that was lifted after it was raised? Then what was trapped is simply
 * done again, now without the trap. Only a debug exception would be lost that way.
 */
static bool is_spurious(struct monitor *m, const struct event_request *q)
{
    uint8_t access = ACCESS_NONE;
    if (q->kind == EVENT_STEP)
        return !m->steps[q->vcpu];
    if (q->kind != EVENT_MEMORY)
        return !m->hooks[q->kind] && q->kind != EVENT_DEBUG;
    if (!frames_ours(m, q->memory.gfn, q->view)) { /* a monitor that died left it */
        (void)!monitor_restrict(m, q->view, q->memory.gfn, 1, ACCESS_NONE);
        return true;
    }
    if (m->ops->get_access(m->events, q->view, q->memory.gfn, &access) != ST_OK)
        return false;
    return !(access & q->memory.access) && access != ACCESS_RWX2N;
}

/* Nobody wanted it: the guest goes on as if it had not been trapped. */
static int unhandled(struct monitor *m, struct event_request *q, struct event_reply *reply)
{
    if (is_spurious(m, q)) {
        m->stats.spurious++;
        return ST_OK;
    }
    m->stats.unhandled++;
    switch (q->kind) {
    case EVENT_BREAKPOINT:
    case EVENT_DEBUG:
        reply->flags |= REPLY_REINJECT;
        reply->insn_length = q->debug.insn_length;
        break;
    case EVENT_MEMORY:
        (void)!monitor_restrict(m, q->view, q->memory.gfn, 1, ACCESS_NONE);
        break;
    case EVENT_DESCRIPTOR:
        reply->flags |= REPLY_EMULATE;
        break;
    case EVENT_CPUID: /* the answer is in the registers */
        q->regs.rip += q->cpuid.insn_length;
        reply->flags |= REPLY_REGISTERS;
        break;
    default:
        break;
    }
    return diag_fail(m->diag, ST_INVALID,
                     "a %s event of vCPU %u at rip %#llx found nobody to handle it; the guest goes "
                     "on",
                     event_kind_name(q->kind), q->vcpu, (unsigned long long)q->regs.rip);
}

static void call_hooks(struct monitor *m, struct event_request *q, struct event_reply *reply,
                       struct outcome *o)
{
    m->in_hook = true;
    m->vcpu = q->vcpu;
    if (q->kind == EVENT_MEMORY)
        call_list(m, frames_find(m, q->memory.gfn, q->view), q, reply, o);
    if (q->kind == EVENT_STEP)
        o->handled = steps_dispatch(m, q, reply);
    if (!o->taken)
        call_list(m, m->hooks[q->kind], q, reply, o);
    m->in_hook = false;
}

/* A vCPU that steps anyway: what a fast step does without an event is done at its next step. */
static void step_slowly(struct monitor *m, unsigned vcpu, struct event_reply *reply)
{
    reply->flags &= ~(uint32_t)REPLY_FAST_STEP;
    m->after_step[vcpu] = 1u + reply->next_view;
}

/* The vCPU's stepping, as it should be from here on. */
static int say_steps(struct monitor *m, const struct event_request *q, struct event_reply *reply)
{
    bool on = steps_wanted(m, q->vcpu);
    if (q->kind == EVENT_STEP && m->after_step[q->vcpu] && !(reply->flags & REPLY_VIEW)) {
        reply->flags |= REPLY_VIEW;
        reply->view = (uint16_t)(m->after_step[q->vcpu] - 1);
        m->after_step[q->vcpu] = 0;
    }
    if (reply->flags & REPLY_FAST_STEP && on)
        step_slowly(m, q->vcpu, reply);
    if (reply->flags & REPLY_FAST_STEP)
        return traps_need_steps(m); /* without the trap Xen does not leave the view again */
    if (!q->paused) {               /* takes no answer */
        m->steps_changed |= on != m->steps[q->vcpu];
        return ST_OK;
    }
    if (on == m->steps[q->vcpu])
        return ST_OK;
    reply->flags |= on ? REPLY_STEP_ON : REPLY_STEP_OFF;
    m->steps[q->vcpu] = on;
    return ST_OK;
}

static int dispatch(struct monitor *m, struct event_request *q)
{
    struct event_reply reply = {0};
    struct outcome o = {0};
    int st = ST_OK;
    m->stats.taken++;
    m->stats.by_kind[q->kind]++;
    call_hooks(m, q, &reply, &o);
    if (!o.handled && o.known)
        m->stats.spurious++;
    else if (!o.handled)
        st = unhandled(m, q, &reply);
    int steps = say_steps(m, q, &reply);
    if (steps != ST_OK)
        reply.flags &= ~(uint32_t)REPLY_FAST_STEP;
    int answered = m->ops->answer(m->events, q, &reply);
    m->stats.answered++;
    if (answered != ST_OK || steps != ST_OK) {
        m->stats.failed++;
        if (reply.flags & (REPLY_STEP_ON | REPLY_STEP_OFF)) { /* tell the source in another way */
            m->steps[q->vcpu] = !m->steps[q->vcpu];
            m->steps_changed = true;
        }
    }
    if (reply.release)
        reply.release(reply.release_data);
    return st != ST_OK ? st : answered != ST_OK ? answered : steps;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void keep_first(int *first, int st)
{
    if (*first == ST_OK && st != ST_OK)
        *first = st;
}

/* A ring holds fewer; no source keeps its vCPUs waiting for long. */
enum { BATCH_MAX = 64, REQUESTS_MAX = 4096 };

/* All that is there, answered with one notification. */
static unsigned batch(struct monitor *m, int *first)
{
    unsigned n = 0;
    int st;
    m->in_batch = true;
    while (n < BATCH_MAX && (st = m->ops->next(m->events, &m->request)) != ST_ABSENT) {
        n++;
        if (st == ST_OK) {
            keep_first(first, dispatch(m, &m->request));
            continue;
        }
        if (st != ST_BROKEN) { /* nothing was taken */
            keep_first(first, st);
            n--;
            break;
        }
        m->stats.taken++;
        m->stats.answered++;
        m->stats.malformed++;
        keep_first(first, st);
    }
    run_deferred(m);
    if (n) {
        m->stats.batches++;
        m->stats.largest_batch = MAX_OF(m->stats.largest_batch, n);
        keep_first(first, m->ops->flush(m->events));
    }
    m->in_batch = false;
    keep_first(first, steps_sync(m));
    return n;
}

/* A guest that raises events without end does not keep the caller here: after so many it returns.
 */
int monitor_listen(struct monitor *m, uint64_t timeout_ns)
{
    int first = ST_OK;
    unsigned n = 0;
    if (m->in_batch)
        return diag_fail(m->diag, ST_INVALID, "events cannot be listened to from their own hook");
    if (!m->ops->pending(m->events)) {
        int st = m->ops->wait(m->events, timeout_ns);
        if (st != ST_OK)
            return st;
    }
    while (n < REQUESTS_MAX && m->ops->pending(m->events)) {
        unsigned now = batch(m, &first);
        if (!now)
            break;
        n += now;
    }
    return first != ST_OK ? first : n ? ST_OK : ST_ABSENT;
}

unsigned monitor_pending(struct monitor *m)
{
    return m->ops->pending(m->events);
}

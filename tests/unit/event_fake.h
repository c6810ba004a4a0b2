/* SPDX-License-Identifier: BSD-2-Clause */
/* A source with events made of memory: requests are put in by the test, everything that is asked of
 * it is written into a log. */
#ifndef EVENT_FAKE_H
#define EVENT_FAKE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/monitor.h"

enum { FAKE_VCPUS = 4, FAKE_QUEUE = 64, FAKE_FRAMES = 4096 };

struct fake {
    struct diag *diag;
    struct event_request queue[FAKE_QUEUE];
    bool broken[FAKE_QUEUE];
    struct event_reply reply[FAKE_QUEUE]; /* as answered */
    struct event_regs regs[FAKE_QUEUE];
    uint8_t data[FAKE_QUEUE][256];
    unsigned put, taken, answered, flushed, flushes;
    uint8_t access[3][FAKE_FRAMES]; /* by view */
    bool stepping[FAKE_VCPUS];
    bool traps[EVENT_KINDS];
    uint32_t refused; /* kinds, as bits */
    unsigned trap_calls, access_calls, step_calls;
    int fail_step;
    char log[8192];
    bool opened, closed;
};

static struct fake fake;

__attribute__((format(printf, 1, 2))) static void fake_log(const char *fmt, ...)
{
    va_list args;
    size_t n = strlen(fake.log);
    va_start(args, fmt);
    vsnprintf(fake.log + n, sizeof fake.log - n, fmt, args);
    va_end(args);
}

static int fake_capabilities(const struct source *s, struct diag *d, struct event_capabilities *ret)
{
    (void)s, (void)d;
    *ret = (struct event_capabilities){.kinds = (1u << EVENT_KINDS) - 1,
                                       .replies = UINT32_MAX,
                                       .views = true,
                                       .vcpus = FAKE_VCPUS,
                                       .interface = 7,
                                       .platform = "fake"};
    return ST_OK;
}

static int fake_open(const struct source *s, void *channel, struct diag *d, void **ret)
{
    (void)s, (void)channel;
    fake = (struct fake){.diag = d, .opened = true};
    *ret = &fake;
    return ST_OK;
}

static void fake_close(void *events)
{
    (void)events;
    fake.closed = true;
}

static int fake_trap(void *events, const struct event_trap *t, bool on)
{
    (void)events;
    if (fake.refused >> t->kind & 1)
        return diag_fail(fake.diag, ST_UNSUPPORTED, "the fake has no %s events",
                         event_kind_name(t->kind));
    fake.trap_calls++;
    fake.traps[t->kind] = on;
    fake_log("%s %s %x/%x;", on ? "trap" : "untrap", event_kind_name(t->kind), t->reg, t->flags);
    return ST_OK;
}

static int fake_access(void *events, const struct event_access *list, size_t n, size_t *done)
{
    (void)events, (void)done;
    for (size_t i = 0; i < n; i++) {
        if (list[i].access == ACCESS_R)
            return diag_fail(fake.diag, ST_UNSUPPORTED, "reads alone");
        if (list[i].view > 2 || list[i].first + list[i].n > FAKE_FRAMES)
            return diag_fail(fake.diag, ST_INVALID, "beyond the fake's memory");
        memset(&fake.access[list[i].view][list[i].first], list[i].access, list[i].n);
        fake.access_calls++;
        fake_log("access %d:%llx+%llx=%x;", list[i].view, (unsigned long long)list[i].first,
                 (unsigned long long)list[i].n, list[i].access);
    }
    return ST_OK;
}

static int fake_get_access(void *events, uint16_t view, uint64_t gfn, uint8_t *ret)
{
    (void)events;
    if (view > 2 || gfn >= FAKE_FRAMES)
        return ST_ABSENT;
    *ret = fake.access[view][gfn];
    return ST_OK;
}

static int fake_step(void *events, unsigned vcpu, bool on)
{
    (void)events;
    if (fake.fail_step)
        return diag_fail(fake.diag, fake.fail_step, "the fake does not step");
    fake.step_calls++;
    fake.stepping[vcpu] = on;
    fake_log("step %u=%d;", vcpu, on);
    return ST_OK;
}

static int fake_required(void *events, bool on)
{
    (void)events;
    fake_log("required=%d;", on);
    return ST_OK;
}

static int fake_next(void *events, struct event_request *ret)
{
    (void)events;
    if (fake.taken == fake.put)
        return ST_ABSENT;
    unsigned i = fake.taken++ % FAKE_QUEUE;
    if (fake.broken[i]) {
        fake.answered++;
        fake.broken[i] = false;
        return diag_fail(fake.diag, ST_BROKEN, "a slot without sense");
    }
    *ret = fake.queue[i];
    ret->id = fake.taken;
    return ST_OK;
}

static int fake_answer(void *events, const struct event_request *q, const struct event_reply *reply)
{
    (void)events;
    if (q->id != fake.answered + 1)
        abort(); /* not its turn */
    unsigned i = fake.answered++ % FAKE_QUEUE;
    fake.reply[i] = *reply;
    fake.regs[i] = q->regs;
    if (reply->data && reply->data_size <= sizeof fake.data[i])
        memcpy(fake.data[i], reply->data, reply->data_size);
    if (reply->flags & REPLY_STEP_ON)
        fake.stepping[q->vcpu] = true;
    if (reply->flags & REPLY_STEP_OFF)
        fake.stepping[q->vcpu] = false;
    if ((reply->flags & REPLY_DENY) && !q->paused)
        return diag_fail(fake.diag, ST_INVALID, "the vCPU did not wait");
    return ST_OK;
}

static int fake_flush(void *events)
{
    (void)events;
    fake.flushed = fake.answered;
    fake.flushes++;
    fake_log("flush;");
    return ST_OK;
}

static unsigned fake_pending(void *events)
{
    (void)events;
    return fake.put - fake.taken;
}

static int fake_wait(void *events, uint64_t timeout)
{
    (void)events, (void)timeout;
    return fake.put == fake.taken ? ST_ABSENT : ST_OK;
}

static int fake_view_state(void *events, bool *ret)
{
    (void)events;
    *ret = true;
    return ST_OK;
}

static int fake_view_control(void *events, bool on)
{
    (void)events;
    fake_log("views=%d;", on);
    return ST_OK;
}

static int fake_view_create(void *events, uint16_t *ret)
{
    (void)events;
    *ret = 2;
    return ST_OK;
}

static int fake_view_number(void *events, uint16_t view)
{
    (void)events;
    fake_log("view %u;", view);
    return ST_OK;
}

static int fake_view_remap(void *events, uint16_t view, uint64_t gfn, uint64_t other)
{
    (void)events;
    fake_log("remap %u:%llx=%llx;", view, (unsigned long long)gfn, (unsigned long long)other);
    return ST_OK;
}

static const struct view_ops fake_views = {
    .state = fake_view_state,
    .control = fake_view_control,
    .create = fake_view_create,
    .destroy = fake_view_number,
    .change = fake_view_number,
    .remap = fake_view_remap,
};

static const struct event_ops fake_ops = {
    .capabilities = fake_capabilities,
    .open = fake_open,
    .close = fake_close,
    .trap = fake_trap,
    .access = fake_access,
    .get_access = fake_get_access,
    .step = fake_step,
    .listener_required = fake_required,
    .view = &fake_views,
    .next = fake_next,
    .answer = fake_answer,
    .flush = fake_flush,
    .pending = fake_pending,
    .wait = fake_wait,
};

/* Puts a request; it waits for its answer. */
static struct event_request *fake_put(enum event_kind kind, unsigned vcpu)
{
    struct event_request *q = &fake.queue[fake.put++ % FAKE_QUEUE];
    *q = (struct event_request){.kind = kind, .vcpu = vcpu, .paused = true};
    q->regs.rip = 0x1000 + fake.put;
    return q;
}

static struct event_request *fake_put_memory(unsigned vcpu, uint16_t view, uint64_t gfn,
                                             uint8_t access)
{
    struct event_request *q = fake_put(EVENT_MEMORY, vcpu);
    q->view = view;
    q->memory.gfn = gfn;
    q->memory.access = access;
    return q;
}

#endif

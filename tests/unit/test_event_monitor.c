/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor over a made-up source: dispatch, deferred removal, steps of several vCPUs, rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event_fake.h"

static struct source source = {.kind = "fake", .event = &fake_ops};
static struct diag diag;

struct seen {
    unsigned calls, released;
    int status;
    enum hook_result result;
    uint32_t flags; /* to be replied */
    uint64_t last;  /* rip */
    void (*also)(struct monitor *m, struct hook *h, struct event_request *q);
};

static enum hook_result call(struct monitor *m, struct hook *h, struct event_request *q,
                             struct event_reply *reply)
{
    struct seen *s = h->data;
    s->calls++;
    s->last = q->regs.rip;
    reply->flags |= s->flags;
    if (s->also)
        s->also(m, h, q);
    return s->result;
}

static void released(struct hook *h, int status)
{
    struct seen *s = h->data;
    s->released++;
    s->status = status;
}

static struct hook hook_of(enum event_kind kind, struct seen *s)
{
    return (struct hook){.kind = kind, .call = call, .released = released, .data = s};
}

static struct hook memory_hook(struct seen *s, uint16_t view, uint64_t first, uint64_t n,
                               uint8_t access)
{
    struct hook h = hook_of(EVENT_MEMORY, s);
    h.memory.first = first;
    h.memory.end = first + n;
    h.memory.view = view;
    h.memory.access = access;
    h.memory.restricts = true;
    return h;
}

static struct monitor *open_fake(void)
{
    struct monitor *m = NULL;
    assert_int_equal(monitor_open(&source, NULL, &diag, &m), ST_OK);
    return m;
}

static struct event_reply *reply(unsigned n)
{
    assert_true(n < fake.answered);
    return &fake.reply[n % FAKE_QUEUE];
}

/* ---- batches -----------------------------------------------------------------------------------
 */

static void one_notification_a_batch(void **state)
{
    struct seen s = {.result = HOOK_SEEN};
    struct hook h = hook_of(EVENT_CR, &s);
    struct monitor *m = open_fake();
    (void)state;
    h.cr.reg = EVENT_CR3;
    assert_int_equal(monitor_add(m, &h), ST_OK);
    assert_int_equal(monitor_listen(m, 0), ST_ABSENT);
    for (unsigned i = 0; i < 8; i++)
        fake_put(EVENT_CR, i % FAKE_VCPUS)->cr.reg = EVENT_CR3;
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(s.calls, 8);
    assert_int_equal(fake.answered, 8);
    assert_int_equal(fake.flushed, 8);
    assert_int_equal(fake.flushes, 1);
    const struct monitor_statistics *st = monitor_statistics(m);
    assert_int_equal(st->taken, 8);
    assert_int_equal(st->answered, 8);
    assert_int_equal(st->batches, 1);
    assert_int_equal(st->largest_batch, 8);
    assert_int_equal(st->by_kind[EVENT_CR], 8);
    assert_int_equal(st->unhandled + st->spurious + st->malformed, 0);
    monitor_close(m);
    assert_true(fake.closed);
    assert_int_equal(s.released, 1);
}

static void put_another(struct monitor *m, struct hook *h, struct event_request *q)
{
    (void)m, (void)h;
    if (fake.put < 100000)
        fake_put(q->kind, q->vcpu);
}

/* A guest that floods does not keep us for ever. */
static void a_flood(void **state)
{
    struct seen s = {.result = HOOK_SEEN, .also = put_another};
    struct hook h = hook_of(EVENT_GUEST_REQUEST, &s);
    struct monitor *m = open_fake();
    (void)state;
    assert_int_equal(monitor_add(m, &h), ST_OK);
    fake_put(EVENT_GUEST_REQUEST, 0);
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_in_range(s.calls, 4096, 99999);
    assert_int_equal(fake.answered, s.calls);
    assert_int_equal(fake.flushed, fake.answered);
    monitor_close(m);
}

static void malformed_slots(void **state)
{
    struct seen s = {.result = HOOK_SEEN};
    struct hook h = hook_of(EVENT_GUEST_REQUEST, &s);
    struct monitor *m = open_fake();
    (void)state;
    assert_int_equal(monitor_add(m, &h), ST_OK);
    fake_put(EVENT_GUEST_REQUEST, 0);
    fake.broken[fake.put % FAKE_QUEUE] = true;
    fake_put(EVENT_GUEST_REQUEST, 0);
    fake_put(EVENT_GUEST_REQUEST, 0);
    assert_int_equal(monitor_listen(m, 0), ST_BROKEN);
    assert_int_equal(s.calls, 2);
    assert_int_equal(fake.flushed, 3);
    assert_int_equal(monitor_statistics(m)->malformed, 1);
    assert_int_equal(monitor_listen(m, 0), ST_ABSENT); /* that was it */
    monitor_close(m);
}

/* ---- who is asked -------------------------------------------------------------------------------
 */

static void order_of_hooks(void **state)
{
    struct seen a = {.result = HOOK_SEEN, .flags = REPLY_DENY}, b = {.result = HOOK_TAKEN},
                c = {.result = HOOK_SEEN}, d = {.result = HOOK_PASS};
    struct hook ha = hook_of(EVENT_MSR, &a), hb = ha, hc = ha, hd = ha;
    struct monitor *m = open_fake();
    (void)state;
    hb.data = &b, hc.data = &c, hd.data = &d;
    ha.msr.index = hb.msr.index = hc.msr.index = hd.msr.index = 0x10;
    hd.early = true;
    assert_int_equal(monitor_add(m, &ha), ST_OK);
    assert_int_equal(monitor_add(m, &hb), ST_OK);
    assert_int_equal(monitor_add(m, &hc), ST_OK);
    assert_int_equal(monitor_add(m, &hd), ST_OK);
    fake_put(EVENT_MSR, 0)->msr.index = 0x10;
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(a.calls, 1);
    assert_int_equal(b.calls, 1);
    assert_int_equal(c.calls, 0);
    assert_int_equal(d.calls, 1);
    assert_int_equal(reply(0)->flags, REPLY_DENY);
    assert_int_equal(fake.trap_calls, 1); /* one trap for all four */
    assert_int_equal(monitor_remove(m, &ha), ST_OK);
    assert_int_equal(monitor_remove(m, &hb), ST_OK);
    assert_int_equal(monitor_remove(m, &hc), ST_OK);
    assert_true(fake.traps[EVENT_MSR]);
    assert_int_equal(monitor_remove(m, &hd), ST_OK);
    assert_false(fake.traps[EVENT_MSR]);
    assert_int_equal(monitor_remove(m, &hd), ST_ABSENT);
    monitor_close(m);
    assert_int_equal(d.released, 1);
}

/* A trap that two hooks need serves both. */
static void merged_traps(void **state)
{
    struct seen s = {.result = HOOK_SEEN};
    struct hook a = hook_of(EVENT_CR, &s), b = a;
    struct monitor *m = open_fake();
    (void)state;
    a.cr.reg = b.cr.reg = EVENT_CR3;
    a.flags = TRAP_ASYNC | TRAP_ON_CHANGE;
    b.flags = TRAP_DENIABLE;
    assert_int_equal(monitor_add(m, &a), ST_OK);
    assert_string_equal(fake.log, "trap control-register 1/3;");
    fake.log[0] = 0;
    assert_int_equal(monitor_add(m, &b), ST_OK);
    assert_string_equal(fake.log, "untrap control-register 1/4;trap control-register 1/4;");
    monitor_close(m);
}

static void refused_kinds(void **state)
{
    static const uint32_t list[] = {1, 2, 3};
    struct seen s = {.result = HOOK_SEEN};
    struct hook h = hook_of(EVENT_MEMORY, &s), msr = hook_of(EVENT_MSR, &s);
    struct monitor *m = open_fake();
    (void)state;
    fake.refused = 1u << EVENT_MEMORY;
    h.memory.first = 1, h.memory.end = 2, h.memory.access = ACCESS_W, h.memory.restricts = true;
    assert_int_equal(monitor_add(m, &h), ST_UNSUPPORTED);
    assert_non_null(strstr(diag.text, "no memory events"));
    assert_int_equal(h.state, HOOK_IDLE);
    assert_int_equal(fake.access_calls, 0);
    msr.msr.index = MSR_EVERY, msr.msr.list = list, msr.msr.n = 3;
    assert_int_equal(monitor_add(m, &msr), ST_OK);
    assert_int_equal(fake.trap_calls, 3);
    fake_put(EVENT_MSR, 0)->msr.index = 77;
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(s.calls, 1);
    monitor_close(m);
    assert_int_equal(fake.trap_calls, 6);
}

static void nobody_wants_it(void **state)
{
    struct seen s = {.result = HOOK_PASS};
    struct hook bp = hook_of(EVENT_BREAKPOINT, &s), id = hook_of(EVENT_CPUID, &s);
    struct monitor *m = open_fake();
    (void)state;
    assert_int_equal(monitor_add(m, &bp), ST_OK);
    assert_int_equal(monitor_add(m, &id), ST_OK);
    struct event_request *q = fake_put(EVENT_BREAKPOINT, 0);
    q->debug.insn_length = 1;
    q = fake_put(EVENT_CPUID, 1);
    q->regs.rip = 0x5000;
    q->cpuid.insn_length = 2;
    assert_int_equal(monitor_listen(m, 0), ST_INVALID);
    assert_int_equal(reply(0)->flags, REPLY_REINJECT); /* it is the guest's */
    assert_int_equal(reply(0)->insn_length, 1);
    assert_int_equal(reply(1)->flags, REPLY_REGISTERS); /* or it would come again for ever */
    assert_int_equal(fake.regs[1].rip, 0x5002);
    assert_int_equal(monitor_statistics(m)->unhandled, 2);
    assert_int_equal(monitor_remove(m, &bp), ST_OK);
    fake_put(EVENT_BREAKPOINT, 0); /* raised before the trap was lifted: it is tried again */
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(reply(2)->flags, 0);
    assert_int_equal(monitor_statistics(m)->spurious, 1);
    monitor_close(m);
}

static void violations_without_a_hook(void **state)
{
    struct monitor *m = open_fake();
    (void)state;
    assert_int_equal(monitor_restrict(m, 0, 4, 4, ACCESS_W), ST_OK);
    assert_int_equal(monitor_restrict(m, 0, 6, 1, ACCESS_NONE), ST_OK);
    fake_put_memory(0, 0, 6, ACCESS_W); /* lifted meanwhile */
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(monitor_statistics(m)->spurious, 1);
    fake_put_memory(0, 0, 5, ACCESS_R | ACCESS_W); /* would come for ever */
    assert_int_equal(monitor_listen(m, 0), ST_INVALID);
    assert_int_equal(fake.access[0][5], ACCESS_NONE);
    assert_int_equal(monitor_statistics(m)->unhandled, 1);
    fake.access[0][9] = ACCESS_X; /* left by a monitor that died */
    fake_put_memory(0, 0, 9, ACCESS_X);
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(fake.access[0][9], ACCESS_NONE);
    assert_int_equal(monitor_statistics(m)->spurious, 2);
    monitor_close(m);
}

/* ---- removal in hooks
 * ---------------------------------------------------------------------------- */

static void remove_self(struct monitor *m, struct hook *h, struct event_request *q)
{
    (void)q;
    assert_true(monitor_in_hook(m, NULL));
    assert_int_equal(monitor_remove(m, h), ST_OK);
    assert_int_equal(monitor_remove(m, h), ST_BUSY);
    assert_int_equal(((struct seen *)h->data)->released, 0);
    assert_int_equal(monitor_listen(m, 0), ST_INVALID); /* not from here */
}

/* The rights are lifted before any vCPU of the batch goes on; others in the batch do not see the
 * hook any more. */
static void removal_is_deferred(void **state)
{
    struct seen s = {.result = HOOK_SEEN, .also = remove_self};
    struct hook h = memory_hook(&s, 0, 7, 1, ACCESS_W);
    struct monitor *m = open_fake();
    (void)state;
    assert_int_equal(monitor_add(m, &h), ST_OK);
    assert_int_equal(fake.access[0][7], ACCESS_W);
    fake.log[0] = 0;
    fake_put_memory(0, 0, 7, ACCESS_W);
    fake_put_memory(1, 0, 7, ACCESS_W);
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.released, 1);
    assert_int_equal(s.status, ST_OK);
    assert_string_equal(fake.log, "access 0:7+1=0;untrap memory 0/0;flush;");
    assert_int_equal(fake.flushed, 2);
    assert_int_equal(monitor_statistics(m)->spurious, 1);
    assert_int_equal(monitor_add(m, &h), ST_OK); /* free again */
    monitor_close(m);
    assert_int_equal(s.released, 2);
}

/* ---- steps
 * ---------------------------------------------------------------------------------------- */

struct rearm {
    struct step_job job;
    struct hook *hook;
    unsigned done, cancelled;
};

static void step_done(struct monitor *m, struct step_job *j, struct event_request *q,
                      struct event_reply *r)
{
    struct rearm *a = j->data;
    (void)r;
    if (!q) {
        a->cancelled++;
        return;
    }
    a->done++;
    assert_int_equal(q->vcpu, j->vcpu);
    if (a->hook)
        assert_int_equal(monitor_add(m, a->hook), ST_OK);
}

static struct rearm rearms[FAKE_VCPUS];

static void clear_and_step(struct monitor *m, struct hook *h, struct event_request *q)
{
    struct rearm *a = &rearms[q->vcpu];
    assert_int_equal(monitor_remove(m, h), ST_OK);
    *a = (struct rearm){.job = {.vcpu = q->vcpu, .steps = 2, .done = step_done, .data = a},
                        .hook = h};
    assert_int_equal(monitor_step(m, &a->job), ST_OK);
}

static void step_and_rearm(void **state)
{
    struct seen s = {.result = HOOK_TAKEN, .also = clear_and_step};
    struct hook h = memory_hook(&s, 0, 9, 1, ACCESS_X);
    struct monitor *m = open_fake();
    (void)state;
    assert_int_equal(monitor_add(m, &h), ST_OK);
    fake_put_memory(2, 0, 9, ACCESS_X);
    fake_put_memory(1, 0, 9, ACCESS_X); /* another vCPU in the same batch */
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(s.calls, 1);
    assert_int_equal(reply(0)->flags, REPLY_STEP_ON);
    assert_int_equal(reply(1)->flags, 0);
    assert_true(fake.stepping[2] && !fake.stepping[1]);
    assert_true(monitor_steps(m, 2) && !monitor_steps(m, 1));
    assert_int_equal(fake.access[0][9], ACCESS_NONE);
    fake_put(EVENT_STEP, 2);
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(reply(2)->flags, 0); /* one of two */
    assert_int_equal(fake.access[0][9], ACCESS_NONE);
    fake.log[0] = 0;
    fake_put(EVENT_STEP, 2);
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(reply(3)->flags, REPLY_STEP_OFF);
    assert_int_equal(fake.access[0][9], ACCESS_X); /* before the vCPU goes on */
    assert_string_equal(fake.log, "trap memory 0/0;access 0:9+1=4;flush;");
    assert_int_equal(fake.step_calls, 0); /* said with the replies alone */
    monitor_close(m);
}

static void several_jobs(void **state)
{
    struct rearm a = {0}, b = {0}, c = {0};
    struct monitor *m = open_fake();
    (void)state;
    a.job = (struct step_job){.vcpu = 0, .steps = 1, .done = step_done, .data = &a};
    b.job = (struct step_job){.vcpu = 0, .steps = 3, .done = step_done, .data = &b};
    c.job = (struct step_job){.vcpu = 3, .steps = 2, .done = step_done, .data = &c};
    assert_int_equal(monitor_step(m, &a.job), ST_OK); /* outside of hooks: at once */
    assert_true(fake.stepping[0]);
    assert_int_equal(monitor_step(m, &b.job), ST_OK);
    assert_int_equal(monitor_step(m, &c.job), ST_OK);
    for (unsigned i = 0; i < 3; i++) {
        fake_put(EVENT_STEP, 0);
        fake_put(EVENT_STEP, 3);
        assert_int_equal(monitor_listen(m, 0), ST_OK);
        assert_int_equal(a.done, 1);
        assert_int_equal(b.done, i == 2);
        assert_int_equal(c.done, i >= 1);
    }
    assert_false(fake.stepping[0] || fake.stepping[3]);
    assert_int_equal(monitor_statistics(m)->spurious, 1); /* vCPU 3's third */
    assert_int_equal(
        monitor_step(m, &(struct step_job){.vcpu = FAKE_VCPUS, .steps = 1, .done = step_done}),
        ST_INVALID);
    assert_int_equal(monitor_step(m, &(struct step_job){.vcpu = 0, .done = step_done}), ST_INVALID);
    b.job.steps = 5;
    assert_int_equal(monitor_step(m, &b.job), ST_OK);
    c.job.steps = 5;
    assert_int_equal(monitor_step(m, &c.job), ST_OK);
    assert_int_equal(monitor_cancel(m, &b.job), ST_OK);
    assert_false(fake.stepping[0]);
    assert_int_equal(monitor_cancel(m, &b.job), ST_ABSENT);
    monitor_close(m);
    assert_int_equal(b.cancelled, 0);
    assert_int_equal(c.cancelled, 1);
    assert_false(fake.stepping[3]);
}

static struct rearm other;

static void step_another_vcpu(struct monitor *m, struct hook *h, struct event_request *q)
{
    (void)h, (void)q;
    other = (struct rearm){.job = {.vcpu = 3, .steps = 1, .done = step_done, .data = &other}};
    assert_int_equal(monitor_step(m, &other.job), ST_OK);
}

/* A vCPU without a request is told after the batch, and one with a request with its answer. */
static void steps_of_others(void **state)
{
    struct seen s = {.result = HOOK_SEEN, .also = step_another_vcpu};
    struct hook h = hook_of(EVENT_GUEST_REQUEST, &s);
    struct monitor *m = open_fake();
    (void)state;
    assert_int_equal(monitor_add(m, &h), ST_OK);
    fake.log[0] = 0;
    fake_put(EVENT_GUEST_REQUEST, 0);
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_string_equal(fake.log, "trap single-step 0/0;flush;step 3=1;");
    assert_int_equal(reply(0)->flags, 0);
    monitor_close(m);
}

static void step_hooks(void **state)
{
    struct seen s = {.result = HOOK_SEEN};
    struct hook h = hook_of(EVENT_STEP, &s);
    struct monitor *m = open_fake();
    (void)state;
    h.step.vcpus = 3;
    h.step.on = 1;
    assert_int_equal(monitor_add(m, &h), ST_OK);
    assert_true(fake.stepping[0] && !fake.stepping[1]);
    fake_put(EVENT_STEP, 0);
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(s.calls, 1);
    assert_int_equal(reply(0)->flags, 0);
    assert_int_equal(monitor_step_vcpu(m, &h, 1, true), ST_OK);
    assert_true(fake.stepping[1]);
    assert_int_equal(monitor_step_vcpu(m, &h, 0, false), ST_OK);
    assert_false(fake.stepping[0]);
    assert_int_equal(monitor_step_vcpu(m, &h, FAKE_VCPUS, true), ST_INVALID);
    fake.fail_step = ST_DENIED;
    assert_int_equal(monitor_step_vcpu(m, &h, 0, true), ST_DENIED);
    fake.fail_step = ST_OK;
    assert_int_equal(monitor_remove(m, &h), ST_OK);
    assert_false(fake.stepping[0] || fake.stepping[1]);
    monitor_close(m);
}

/* A fast step of a vCPU that steps anyway becomes an ordinary one, and ends in the same view. */
static void fast_steps(void **state)
{
    struct seen v = {.result = HOOK_TAKEN, .flags = REPLY_VIEW | REPLY_FAST_STEP},
                s = {.result = HOOK_SEEN};
    struct hook view = memory_hook(&v, 1, 3, 1, ACCESS_X), step = hook_of(EVENT_STEP, &s);
    struct monitor *m = open_fake();
    (void)state;
    assert_int_equal(monitor_add(m, &view), ST_OK);
    fake_put_memory(0, 1, 3, ACCESS_X);
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(reply(0)->flags, REPLY_VIEW | REPLY_FAST_STEP);
    assert_true(fake.traps[EVENT_STEP]); /* Xen wants it for the way back */
    step.step.vcpus = step.step.on = 1;
    assert_int_equal(monitor_add(m, &step), ST_OK);
    fake_put_memory(0, 1, 3, ACCESS_X);
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(reply(1)->flags, REPLY_VIEW);
    fake_put(EVENT_STEP, 0);
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(reply(2)->flags, REPLY_VIEW);
    assert_int_equal(reply(2)->view, 0); /* next_view of the reply */
    fake_put(EVENT_STEP, 0);
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(reply(3)->flags, 0);
    monitor_close(m);
}

static void replies_that_fail(void **state)
{
    struct seen s = {.result = HOOK_SEEN, .flags = REPLY_DENY};
    struct hook h = hook_of(EVENT_GUEST_REQUEST, &s);
    struct monitor *m = open_fake();
    (void)state;
    assert_int_equal(monitor_add(m, &h), ST_OK);
    fake_put(EVENT_GUEST_REQUEST, 0)->paused = false;
    fake_put(EVENT_GUEST_REQUEST, 0);
    assert_int_equal(monitor_listen(m, 0), ST_INVALID);
    assert_int_equal(fake.flushed, 2);
    assert_int_equal(monitor_statistics(m)->failed, 1);
    monitor_close(m);
}

/* ---- rights
 * ---------------------------------------------------------------------------------------- */

static void rights_are_united(void **state)
{
    struct seen a = {.result = HOOK_SEEN}, b = a, r = a;
    struct hook ha = memory_hook(&a, 0, 20, 1, ACCESS_W), hb = memory_hook(&b, 0, 20, 1, ACCESS_X),
                range = memory_hook(&r, 0, 16, 8, ACCESS_W), n = memory_hook(&a, 0, 20, 1, 0),
                once = memory_hook(&a, 0, 20, 1, ACCESS_RWX2N),
                other_range = memory_hook(&a, 0, 10, 8, ACCESS_X);
    struct monitor *m = open_fake();
    (void)state;
    assert_int_equal(monitor_add(m, &ha), ST_OK);
    assert_int_equal(monitor_add(m, &hb), ST_OK);
    assert_int_equal(fake.access[0][20], ACCESS_W | ACCESS_X);
    assert_int_equal(monitor_add(m, &range), ST_OK);
    assert_int_equal(fake.access[0][16], ACCESS_W);
    assert_int_equal(fake.access[0][20], ACCESS_W | ACCESS_X);
    assert_int_equal(monitor_add(m, &n), ST_INVALID);
    assert_int_equal(monitor_add(m, &once), ST_BUSY); /* goes with nothing else */
    assert_int_equal(fake.access[0][20], ACCESS_W | ACCESS_X);
    assert_int_equal(monitor_add(m, &other_range), ST_BUSY);
    fake_put_memory(0, 0, 20, ACCESS_X);
    fake_put_memory(0, 0, 17, ACCESS_R | ACCESS_W);
    fake_put_memory(0, 1, 20, ACCESS_X); /* another view: spurious */
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(a.calls, 0);
    assert_int_equal(b.calls, 1);
    assert_int_equal(r.calls, 1);
    assert_int_equal(monitor_statistics(m)->spurious, 1);
    assert_int_equal(monitor_remove(m, &hb), ST_OK);
    assert_int_equal(fake.access[0][20], ACCESS_W);
    assert_int_equal(monitor_remove(m, &ha), ST_OK);
    assert_int_equal(fake.access[0][20], ACCESS_W); /* the range's */
    assert_int_equal(monitor_remove(m, &range), ST_OK);
    for (unsigned i = 0; i < FAKE_FRAMES; i++)
        assert_int_equal(fake.access[0][i], ACCESS_NONE);
    assert_int_equal(monitor_add(m, &once), ST_OK);
    fake_put_memory(0, 0, 20, ACCESS_R)->paused = false;
    assert_int_equal(monitor_listen(m, 0), ST_OK);
    assert_int_equal(a.calls, 1);
    monitor_close(m);
}

static void rights_that_are_refused(void **state)
{
    struct seen s = {.result = HOOK_SEEN};
    struct hook r = memory_hook(&s, 0, 20, 1, ACCESS_R),
                far = memory_hook(&s, 0, 1u << 20, 1, ACCESS_W),
                wide = memory_hook(&s, 0, 0, (1u << 20) + 1, ACCESS_W),
                every = memory_hook(&s, VIEW_EVERY, 1, 1, ACCESS_W);
    struct monitor *m = open_fake();
    (void)state;
    assert_int_equal(monitor_add(m, &r), ST_UNSUPPORTED);
    assert_int_equal(monitor_add(m, &far), ST_INVALID);
    assert_int_equal(monitor_add(m, &wide), ST_LIMIT);
    assert_int_equal(monitor_add(m, &every), ST_INVALID);
    assert_int_equal(r.state, HOOK_IDLE);
    assert_false(fake.traps[EVENT_MEMORY]);
    r.memory.access = ACCESS_W; /* nothing is left behind that would be in the way */
    assert_int_equal(monitor_add(m, &r), ST_OK);
    assert_int_equal(fake.access[0][20], ACCESS_W);
    monitor_close(m);
}

/* Many frames come and go in no order: the hash agrees with a plain table. */
static void many_frames(void **state)
{
    enum { N = 600, ROUNDS = 20000 };
    static struct hook hooks[N];
    struct seen s = {.result = HOOK_SEEN};
    struct monitor *m = open_fake();
    uint32_t random = 12345;
    unsigned calls = 0;
    (void)state;
    for (unsigned i = 0; i < N; i++)
        hooks[i] = memory_hook(&s, (uint16_t)(i & 1), i * 3 / 2, 1, ACCESS_W);
    for (unsigned round = 0; round < ROUNDS; round++) {
        random = random * 1664525 + 1013904223;
        struct hook *h = &hooks[(random >> 8) % N];
        bool on = h->state == HOOK_ACTIVE;
        assert_int_equal(on ? monitor_remove(m, h) : monitor_add(m, h), ST_OK);
        fake.log[0] = 0;
        h = &hooks[(random >> 16) % N];
        fake_put_memory(0, h->memory.view, h->memory.first, ACCESS_W);
        assert_int_equal(monitor_listen(m, 0), ST_OK);
        calls += h->state == HOOK_ACTIVE;
        assert_int_equal(s.calls, calls);
    }
    assert_in_range(calls, ROUNDS / 4, ROUNDS);
    s.released = 0;
    unsigned active = 0;
    for (unsigned i = 0; i < N; i++)
        active += hooks[i].state == HOOK_ACTIVE;
    monitor_close(m);
    assert_int_equal(s.released, active);
    for (unsigned i = 0; i < FAKE_FRAMES; i++)
        assert_int_equal(fake.access[0][i] | fake.access[1][i], ACCESS_NONE);
}

static void no_events(void **state)
{
    struct source plain = {.kind = "raw"};
    struct monitor *m;
    (void)state;
    assert_int_equal(monitor_open(&plain, NULL, &diag, &m), ST_UNSUPPORTED);
    assert_non_null(strstr(diag.text, "raw"));
    monitor_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_notification_a_batch),
        cmocka_unit_test(a_flood),
        cmocka_unit_test(malformed_slots),
        cmocka_unit_test(order_of_hooks),
        cmocka_unit_test(merged_traps),
        cmocka_unit_test(refused_kinds),
        cmocka_unit_test(nobody_wants_it),
        cmocka_unit_test(violations_without_a_hook),
        cmocka_unit_test(removal_is_deferred),
        cmocka_unit_test(step_and_rearm),
        cmocka_unit_test(several_jobs),
        cmocka_unit_test(steps_of_others),
        cmocka_unit_test(step_hooks),
        cmocka_unit_test(fast_steps),
        cmocka_unit_test(replies_that_fail),
        cmocka_unit_test(rights_are_united),
        cmocka_unit_test(rights_that_are_refused),
        cmocka_unit_test(many_frames),
        cmocka_unit_test(no_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

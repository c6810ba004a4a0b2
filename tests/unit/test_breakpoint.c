/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Breakpoints over a made-up guest: sixteen frames, a hypervisor with two views that records what
 * it is told, and requests that the test writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/breakpoint.h"

enum { FRAMES = 16, FRAME = 4096, CODE = 2, VIEWS = 3, QUEUE = 8 };

struct fake {
    uint8_t memory[FRAMES][FRAME];
    bool present[FRAMES];
    uint64_t map[VIEWS][FRAMES];
    uint8_t access[VIEWS][FRAMES];
    bool view_on, view_made[VIEWS];
    uint16_t vcpu_view[2];
    bool stepping[2], trapped;
    struct event_request queue[QUEUE];
    unsigned queued, taken, answered;
    struct event_reply reply[QUEUE]; /* what was answered, in order */
    uint8_t data[QUEUE][256];
    uint64_t rip[QUEUE];
    struct event_capabilities can;
};

static struct fake *guest;

static int capabilities(const struct source *s, struct diag *d, struct event_capabilities *ret)
{
    (void)s;
    (void)d;
    *ret = guest->can;
    return ST_OK;
}

static int open_events(const struct source *s, void *channel, struct diag *d, void **ret)
{
    (void)s;
    (void)channel;
    (void)d;
    *ret = guest;
    return ST_OK;
}

static void close_events(void *e)
{
    (void)e;
}

static int set_trap(void *e, const struct event_trap *t, bool on)
{
    (void)e;
    if (t->kind == EVENT_BREAKPOINT)
        guest->trapped = on;
    return ST_OK;
}

static int set_access(void *e, const struct event_access *list, size_t n, size_t *done)
{
    (void)e;
    for (size_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < list[i].n; k++)
            guest->access[list[i].view][list[i].first + k] = list[i].access;
    if (done)
        *done = n;
    return ST_OK;
}

static int get_access(void *e, uint16_t view, uint64_t gfn, uint8_t *ret)
{
    (void)e;
    *ret = guest->access[view][gfn];
    return ST_OK;
}

static int step(void *e, unsigned vcpu, bool on)
{
    (void)e;
    guest->stepping[vcpu] = on;
    return ST_OK;
}

static int listener(void *e, bool on)
{
    (void)e;
    (void)on;
    return ST_OK;
}

static int next_request(void *e, struct event_request *ret)
{
    (void)e;
    if (guest->taken == guest->queued)
        return ST_ABSENT;
    *ret = guest->queue[guest->taken++];
    return ST_OK;
}

static int answer(void *e, const struct event_request *q, const struct event_reply *reply)
{
    unsigned i = guest->answered++;
    (void)e;
    guest->reply[i] = *reply;
    guest->rip[i] = q->regs.rip;
    if (reply->data)
        memcpy(guest->data[i], reply->data, reply->data_size < 256 ? reply->data_size : 256);
    if (reply->flags & REPLY_VIEW)
        guest->vcpu_view[q->vcpu] = reply->view;
    if (reply->flags & REPLY_STEP_ON)
        guest->stepping[q->vcpu] = true;
    if (reply->flags & REPLY_STEP_OFF)
        guest->stepping[q->vcpu] = false;
    return ST_OK;
}

static int flush(void *e)
{
    (void)e;
    return ST_OK;
}

static unsigned pending(void *e)
{
    (void)e;
    return guest->queued - guest->taken;
}

static int wait_for(void *e, uint64_t ns)
{
    (void)e;
    (void)ns;
    return guest->taken == guest->queued ? ST_ABSENT : ST_OK;
}

static int no_fd(void *e)
{
    (void)e;
    return -1;
}

static int view_state(void *e, bool *ret)
{
    (void)e;
    *ret = guest->view_on;
    return ST_OK;
}

static int view_control(void *e, bool on)
{
    (void)e;
    guest->view_on = on;
    return ST_OK;
}

static int view_create(void *e, uint16_t *ret)
{
    (void)e;
    guest->view_made[1] = true;
    for (unsigned i = 0; i < FRAMES; i++)
        guest->map[1][i] = i;
    *ret = 1;
    return ST_OK;
}

static int view_destroy(void *e, uint16_t view)
{
    (void)e;
    guest->view_made[view] = false;
    return ST_OK;
}

static int view_change(void *e, uint16_t view)
{
    (void)e;
    guest->vcpu_view[0] = guest->vcpu_view[1] = view;
    return ST_OK;
}

static int view_current(void *e, unsigned vcpu, uint16_t *ret)
{
    (void)e;
    *ret = guest->vcpu_view[vcpu];
    return ST_OK;
}

static int view_remap(void *e, uint16_t view, uint64_t gfn, uint64_t other)
{
    (void)e;
    guest->map[view][gfn] = other == UINT64_MAX ? gfn : other;
    return ST_OK;
}

static int view_visible(void *e, uint16_t view, bool on)
{
    (void)e;
    (void)view;
    (void)on;
    return ST_OK;
}

static const struct view_ops views = {view_state,  view_control, view_create, view_destroy,
                                      view_change, view_current, view_remap,  view_visible};

static const struct event_ops events = {
    .capabilities = capabilities,
    .open = open_events,
    .close = close_events,
    .trap = set_trap,
    .access = set_access,
    .get_access = get_access,
    .step = step,
    .listener_required = listener,
    .view = &views,
    .next = next_request,
    .answer = answer,
    .flush = flush,
    .pending = pending,
    .wait = wait_for,
    .fd = no_fd,
};

static int read_memory(void *s, const struct phys_range *r, uint64_t at, void *buf, size_t n,
                       size_t *done)
{
    (void)s;
    (void)r;
    if (!guest->present[at / FRAME])
        return ST_ABSENT;
    memcpy(buf, &guest->memory[at / FRAME][at % FRAME], n);
    *done = n;
    return ST_OK;
}

static int write_memory(void *s, const struct phys_range *r, uint64_t at, const void *buf, size_t n,
                        size_t *done)
{
    (void)s;
    (void)r;
    if (!guest->present[at / FRAME])
        return ST_ABSENT;
    memcpy(&guest->memory[at / FRAME][at % FRAME], buf, n);
    *done = n;
    return ST_OK;
}

static int populate(void *s, uint64_t frame)
{
    (void)s;
    assert_true(frame < FRAMES);
    guest->present[frame] = true;
    return ST_OK;
}

static int take_away(void *s, uint64_t frame)
{
    (void)s;
    guest->present[frame] = false;
    return ST_OK;
}

static int free_frame(void *s, uint64_t *ret)
{
    (void)s;
    for (uint64_t i = 8; i < FRAMES; i++)
        if (!guest->present[i]) {
            *ret = i;
            return ST_OK;
        }
    return ST_LIMIT;
}

static const struct phys_ops phys_ops = {.read = read_memory, .write = write_memory};
static const struct domain_ops domain_ops = {
    .populate = populate, .remove = take_away, .free_frame = free_frame};

struct world {
    struct fake fake;
    struct source source;
    struct diag diag;
    struct monitor *monitor;
    struct breakpoints *all;
    unsigned hits, points;
    struct breakpoint point[4]; /* they outlive the test's function */
};

static struct world *world;

static const uint8_t code[] = {0x0f, 0x1f, 0x44, 0, 0, 0x55, 0x48, 0x89, 0xe5, 0xc3};

static int setup_with(void **state, bool with_views, bool memory)
{
    struct world *w = world = calloc(1, sizeof *w);
    guest = &w->fake;
    for (unsigned i = 0; i < 8; i++)
        guest->present[i] = true;
    memcpy(guest->memory[CODE], code, sizeof code);
    guest->memory[CODE][100] = 0xcc;
    guest->can = (struct event_capabilities){
        .kinds = 1u << EVENT_BREAKPOINT | (memory ? 1u << EVENT_MEMORY | 1u << EVENT_STEP : 0),
        .replies = REPLY_EMULATE | REPLY_READ_DATA | REPLY_INSN | REPLY_VIEW | REPLY_REGISTERS |
                   REPLY_STEP_ON | REPLY_STEP_OFF | REPLY_REINJECT,
        .views = with_views,
        .vcpus = 2};
    phys_init(&w->source.phys, &phys_ops, w);
    assert_int_equal(
        phys_add(&w->source.phys, &(struct phys_range){.start = 0, .len = FRAMES * FRAME}), ST_OK);
    w->source.event = &events;
    w->source.domain = &domain_ops;
    w->source.impl = w;
    assert_int_equal(monitor_open(&w->source, NULL, &w->diag, &w->monitor), ST_OK);
    assert_int_equal(breakpoints_open(w->monitor, true, &w->all), ST_OK);
    *state = w;
    return 0;
}

static int setup_visible(void **state)
{
    return setup_with(state, false, false);
}

static int setup_memory(void **state)
{
    return setup_with(state, false, true);
}

static int setup_view(void **state)
{
    return setup_with(state, true, true);
}

static int teardown(void **state)
{
    struct world *w = *state;
    breakpoints_close(w->all);
    monitor_close(w->monitor);
    phys_deinit(&w->source.phys);
    /* whatever was tested, the guest is as it was */
    assert_memory_equal(w->fake.memory[CODE], code, sizeof code);
    assert_int_equal(w->fake.memory[CODE][100], 0xcc);
    assert_int_equal(w->fake.vcpu_view[0], 0);
    assert_int_equal(w->fake.vcpu_view[1], 0);
    assert_false(w->fake.view_made[1]);
    for (unsigned i = 8; i < FRAMES; i++)
        assert_false(w->fake.present[i]);
    for (unsigned i = 0; i < FRAMES; i++)
        assert_int_equal(w->fake.access[0][i], ACCESS_NONE);
    assert_false(w->fake.trapped);
    free(w);
    return 0;
}

static void count(struct breakpoints *b, struct breakpoint *p, const struct event_request *q)
{
    (void)b;
    (void)q;
    ++*(unsigned *)p->data;
    world->hits++;
}

static struct breakpoint *at(unsigned offset, unsigned *counter)
{
    struct breakpoint *p = &world->point[world->points++];
    *p = (struct breakpoint){.gpa = CODE * FRAME + offset, .hit = count, .data = counter};
    p->insn_size = BREAK_INSN;
    memcpy(p->insn, &guest->memory[CODE][offset], BREAK_INSN);
    return p;
}

static struct event_request *ask(enum event_kind kind, unsigned vcpu)
{
    struct event_request *q = &guest->queue[guest->queued++];
    *q = (struct event_request){.kind = kind, .vcpu = vcpu, .paused = true};
    q->view = guest->vcpu_view[vcpu];
    return q;
}

static void ask_int3(unsigned vcpu, unsigned offset)
{
    struct event_request *q = ask(EVENT_BREAKPOINT, vcpu);
    q->regs.rip = 0xffffffff81000000 + offset;
    q->debug.gfn = CODE;
    q->debug.insn_length = 1;
}

static void ask_access(unsigned vcpu, unsigned offset, uint8_t access)
{
    struct event_request *q = ask(EVENT_MEMORY, vcpu);
    q->memory.gfn = CODE;
    q->memory.offset = offset;
    q->memory.access = access;
}

static void listen_all(struct world *w)
{
    while (guest->taken < guest->queued)
        assert_int_equal(monitor_listen(w->monitor, 0), ST_OK);
    assert_int_equal(guest->answered, guest->queued);
}

/* ---- instructions ---- */

static void nops(void **state)
{
    static const struct {
        uint8_t bytes[12];
        unsigned n, length;
    } rows[] = {
        {{0x90}, 1, 1},
        {{0x66, 0x90}, 2, 2},
        {{0xf3, 0x0f, 0x1e, 0xfa}, 4, 4},
        {{0xf3, 0x0f, 0x1e, 0xfa}, 3, 0},
        {{0x0f, 0x1f, 0x00}, 3, 3},
        {{0x0f, 0x1f, 0x40, 0x00}, 4, 4},
        {{0x0f, 0x1f, 0x44, 0x00, 0x00}, 5, 5},
        {{0x0f, 0x1f, 0x44, 0x00, 0x00}, 4, 0},
        {{0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00}, 6, 6},
        {{0x0f, 0x1f, 0x80, 0, 0, 0, 0}, 7, 7},
        {{0x0f, 0x1f, 0x84, 0x00, 0, 0, 0, 0}, 8, 8},
        {{0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0, 0, 0, 0}, 10, 10},
        {{0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0, 0, 0, 0}, 9, 0},
        {{0x0f, 0x1f, 0x05, 0, 0, 0, 0}, 7, 7},
        {{0x0f, 0x1f}, 2, 0},
        {{0x55}, 1, 0},
        {{0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66}, 11, 0},
        {{0xcc}, 1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t *exact = malloc(rows[i].n); /* so that a sanitizer sees a byte too far */
        memcpy(exact, rows[i].bytes, rows[i].n);
        assert_int_equal(break_nop_length(exact, rows[i].n), rows[i].length);
        free(exact);
    }
}

/* ---- visible ---- */

static void visible_hits(void **state)
{
    struct world *w = *state;
    unsigned first = 0, second = 0;
    struct breakpoint *a = at(0, &first), *b = at(5, &second);
    assert_int_equal(breakpoints_method(w->all), BREAK_VISIBLE);
    assert_int_equal(breakpoint_add(w->all, a), ST_OK);
    assert_int_equal(breakpoint_add(w->all, b), ST_OK);
    assert_int_equal(guest->memory[CODE][0], 0xcc);
    assert_int_equal(guest->memory[CODE][5], 0xcc);
    ask_int3(0, 0);
    ask_int3(1, 5);
    listen_all(w);
    assert_int_equal(first, 1);
    assert_int_equal(second, 1);
    /* a NOP is stepped over, a push is emulated from its own bytes */
    assert_int_equal(guest->reply[0].flags, REPLY_REGISTERS);
    assert_int_equal(guest->rip[0], 0xffffffff81000005);
    assert_int_equal(guest->reply[1].flags, REPLY_EMULATE | REPLY_INSN);
    assert_memory_equal(guest->data[1], code + 5, 5);
    breakpoint_remove(w->all, a);
    assert_int_equal(guest->memory[CODE][0], 0x0f);
    assert_int_equal(guest->memory[CODE][5], 0xcc);
    breakpoint_remove(w->all, a); /* harmless */
    assert_int_equal(breakpoints_statistics(w->all)->hits, 2);
}

static void two_users(void **state)
{
    struct world *w = *state;
    unsigned first = 0, second = 0;
    struct breakpoint *a = at(5, &first), *b = at(5, &second);
    assert_int_equal(breakpoint_add(w->all, a), ST_OK);
    assert_int_equal(breakpoint_add(w->all, b), ST_OK);
    ask_int3(0, 5);
    listen_all(w);
    breakpoint_remove(w->all, b);
    assert_int_equal(guest->memory[CODE][5], 0xcc);
    ask_int3(0, 5);
    listen_all(w);
    assert_int_equal(first, 2);
    assert_int_equal(second, 1);
    assert_memory_equal(guest->data[1], code + 5, 5); /* not the INT3 that was there */
}

static void guests_own(void **state)
{
    struct world *w = *state;
    unsigned n = 0;
    struct breakpoint *a = at(100, &n);
    assert_int_equal(breakpoint_add(w->all, a), ST_OK);
    ask_int3(0, 100);
    listen_all(w);
    assert_int_equal(n, 1);
    assert_int_equal(guest->reply[0].flags, REPLY_REINJECT);
    assert_int_equal(guest->reply[0].insn_length, 1);
}

static void removed_on_the_way(void **state)
{
    struct world *w = *state;
    unsigned n = 0;
    struct breakpoint *a = at(5, &n);
    assert_int_equal(breakpoint_add(w->all, a), ST_OK);
    ask_int3(1, 5);
    breakpoint_remove(w->all, a);
    listen_all(w);
    assert_int_equal(n, 0);
    assert_int_equal(guest->reply[0].flags, 0); /* the vCPU tries the guest's own byte */
}

static struct breakpoint *also;

static void remove_both(struct breakpoints *b, struct breakpoint *p, const struct event_request *q)
{
    (void)q;
    world->hits++;
    breakpoint_remove(b, also);
    breakpoint_remove(b, p);
}

static void removed_in_a_hit(void **state)
{
    struct world *w = *state;
    unsigned n = 0;
    struct breakpoint *a = at(5, &n), *b = at(5, &n);
    a->hit = b->hit = remove_both;
    assert_int_equal(breakpoint_add(w->all, b), ST_OK);
    assert_int_equal(breakpoint_add(w->all, a), ST_OK);
    also = b;
    ask_int3(0, 5);
    listen_all(w);
    assert_int_equal(w->hits, 1);
    assert_int_equal(guest->memory[CODE][5], 0x55);
    assert_int_equal(guest->reply[0].flags, REPLY_EMULATE | REPLY_INSN);
}

static void absent_memory(void **state)
{
    struct world *w = *state;
    unsigned n = 0;
    struct breakpoint *a = at(0, &n);
    a->gpa = 12 * FRAME;
    assert_int_equal(breakpoint_add(w->all, a), ST_ABSENT);
    assert_null(a->place);
    a->insn_size = 0;
    assert_int_equal(breakpoint_add(w->all, a), ST_INVALID);
}

/* ---- hidden from reads ---- */

static void reads_see_the_original(void **state)
{
    struct world *w = *state;
    unsigned n = 0;
    struct breakpoint *a = at(5, &n);
    assert_int_equal(breakpoints_method(w->all), BREAK_MEMORY);
    assert_int_equal(breakpoint_add(w->all, a), ST_OK);
    assert_int_equal(guest->access[0][CODE], ACCESS_R | ACCESS_W);
    ask_access(0, 4, ACCESS_R);
    listen_all(w);
    assert_int_equal(guest->reply[0].flags, REPLY_EMULATE | REPLY_READ_DATA);
    assert_memory_equal(guest->data[0], code + 4, 6);
    assert_int_equal(guest->memory[CODE][5], 0xcc);
}

static void a_write_is_taken_over(void **state)
{
    struct world *w = *state;
    unsigned n = 0;
    struct breakpoint *a = at(5, &n);
    assert_int_equal(breakpoint_add(w->all, a), ST_OK);
    ask_access(0, 6, ACCESS_R | ACCESS_W);
    listen_all(w);
    /* the vCPU steps with the frame as it was */
    assert_true(guest->stepping[0]);
    assert_int_equal(guest->memory[CODE][5], 0x55);
    assert_int_equal(guest->access[0][CODE], ACCESS_NONE);
    guest->memory[CODE][5] = 0x53;
    ask(EVENT_STEP, 0)->regs.rip = 0xffffffff81000100;
    listen_all(w);
    assert_false(guest->stepping[0]);
    assert_int_equal(guest->memory[CODE][5], 0xcc);
    assert_int_equal(guest->access[0][CODE], ACCESS_R | ACCESS_W);
    ask_int3(1, 5);
    listen_all(w);
    assert_int_equal(guest->data[2][0], 0x53);
    breakpoint_remove(w->all, a);
    assert_int_equal(guest->memory[CODE][5], 0x53);
    guest->memory[CODE][5] = 0x55; /* for the teardown's look */
}

/* ---- a second view ---- */

static void in_a_view(void **state)
{
    struct world *w = *state;
    unsigned n = 0;
    struct breakpoint *a = at(5, &n), *b = at(0, &n);
    assert_int_equal(breakpoints_method(w->all), BREAK_VIEW);
    assert_int_equal(breakpoint_add(w->all, a), ST_OK);
    assert_int_equal(breakpoint_add(w->all, b), ST_OK);
    uint64_t shadow = guest->map[1][CODE];
    assert_int_not_equal(shadow, CODE);
    /* the guest's own frame is untouched; the copy has the INT3s and may only be executed */
    assert_memory_equal(guest->memory[CODE], code, sizeof code);
    assert_int_equal(guest->memory[shadow][5], 0xcc);
    assert_int_equal(guest->memory[shadow][6], code[6]);
    assert_int_equal(guest->access[1][CODE], ACCESS_R | ACCESS_W);
    assert_int_equal(guest->access[0][CODE], ACCESS_NONE);
    assert_int_equal(guest->vcpu_view[0], 1);
    ask_int3(0, 5);
    listen_all(w);
    assert_int_equal(n, 1);
    assert_memory_equal(guest->data[0], code + 5, 5);
    /* a read: one step in the ordinary view, and back */
    ask_access(1, 5, ACCESS_R);
    listen_all(w);
    assert_int_equal(guest->vcpu_view[1], 0);
    assert_int_equal(guest->vcpu_view[0], 1);
    assert_true(guest->stepping[1]);
    ask(EVENT_STEP, 1);
    listen_all(w);
    assert_int_equal(guest->vcpu_view[1], 1);
    assert_false(guest->stepping[1]);
    assert_int_equal(breakpoints_statistics(w->all)->reads, 1);
}

static void a_write_reaches_the_copy(void **state)
{
    struct world *w = *state;
    unsigned n = 0;
    struct breakpoint *a = at(5, &n);
    assert_int_equal(breakpoint_add(w->all, a), ST_OK);
    uint64_t shadow = guest->map[1][CODE];
    ask_access(0, 7, ACCESS_W);
    listen_all(w);
    assert_int_equal(guest->vcpu_view[0], 0);
    guest->memory[CODE][7] = 0x42;
    ask(EVENT_STEP, 0);
    listen_all(w);
    assert_int_equal(guest->memory[shadow][7], 0x42);
    assert_int_equal(guest->memory[shadow][5], 0xcc);
    guest->memory[CODE][7] = code[7];
}

static void removed_while_it_steps(void **state)
{
    struct world *w = *state;
    unsigned n = 0;
    struct breakpoint *a = at(5, &n);
    assert_int_equal(breakpoint_add(w->all, a), ST_OK);
    ask_access(0, 7, ACCESS_W);
    listen_all(w);
    breakpoint_remove(w->all, a);
    ask(EVENT_STEP, 0);
    listen_all(w);
    assert_int_equal(guest->map[1][CODE], CODE);
}

static void refused(void **state)
{
    struct world *w = *state;
    struct breakpoints *none = NULL;
    struct monitor *m;
    struct diag d = {0};
    guest->can.kinds = 0;
    assert_int_equal(monitor_open(&w->source, NULL, &d, &m), ST_OK);
    assert_int_equal(breakpoints_open(m, true, &none), ST_UNSUPPORTED);
    assert_null(none);
    assert_non_null(strstr(monitor_diag(m)->text, "INT3"));
    monitor_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nops),
#define V(f) cmocka_unit_test_setup_teardown(f, setup_visible, teardown)
        V(visible_hits),
        V(two_users),
        V(guests_own),
        V(removed_on_the_way),
        V(removed_in_a_hit),
        V(absent_memory),
        V(refused),
#define M(f) cmocka_unit_test_setup_teardown(f, setup_memory, teardown)
        M(reads_see_the_original),
        M(a_write_is_taken_over),
        M(guests_own),
        M(removed_in_a_hit),
        M(removed_on_the_way),
#define S(f) cmocka_unit_test_setup_teardown(f, setup_view, teardown)
        S(in_a_view),
        S(a_write_reaches_the_copy),
        S(removed_while_it_steps),
        S(guests_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

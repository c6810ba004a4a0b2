/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/breakpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { INT3 = 0xcc, FRAME = 4096, MAX_VCPUS = 512, MAX_PLACES = 65536 };

/* One INT3 and those who want to know of it. */
struct break_place {
    uint64_t gpa;
    uint8_t original;
    struct breakpoint *users;
    struct break_place *next; /* of the same frame */
};

/* A frame with at least one place. */
struct break_frame {
    uint64_t gfn;
    uint64_t shadow; /* BREAK_VIEW: the copy's frame; else UINT64_MAX */
    struct break_place *places;
    struct hook guard; /* BREAK_VIEW, BREAK_MEMORY: reads and writes */
    bool guarded;
    unsigned open; /* vCPUs that step over a write now */
    struct breakpoints *owner;
    struct break_frame *next;
    uint8_t data[FRAME]; /* BREAK_MEMORY: what a read is answered with */
};

/* A vCPU that does one instruction without breakpoints. */
struct break_step {
    struct step_job job;
    struct break_frame *frame;
    struct breakpoints *owner;
    bool busy;
};

struct breakpoints {
    struct monitor *monitor;
    struct phys *phys;
    const struct source *source;
    enum break_method method;
    uint16_t view;
    bool have_view, fast;
    unsigned vcpus, places;
    struct break_step *step; /* one a vCPU */
    struct break_frame *frames, *leaving;
    struct hook trap;
    uint64_t turn; /* number of the hit that is under way */
    struct break_statistics stats;
};

/* ---- instructions ------------------------------------------------------------------------- */

/* Bytes of the memory operand after a ModRM byte, itself included (SDM 2, 2.1.5); 0: no memory. */
static unsigned modrm_length(const uint8_t *p, size_t n)
{
    if (!n || p[0] >> 6 == 3)
        return 0;
    unsigned mod = p[0] >> 6, rm = p[0] & 7, length = 1;
    if (rm == 4) {
        if (n < 2)
            return 0;
        length++;
        if (mod == 0 && (p[1] & 7) == 5)
            length += 4;
    } else if (mod == 0 && rm == 5) {
        length += 4;
    }
    return length + (mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

unsigned break_nop_length(const uint8_t *insn, size_t n)
{
    size_t at = 0;
    if (n >= 4 && insn[0] == 0xf3 && insn[1] == 0x0f && insn[2] == 0x1e &&
        (insn[3] == 0xfa || insn[3] == 0xfb))
        return 4; /* ENDBR64, ENDBR32 */
    while (at < n && at < 10 && (insn[at] == 0x66 || insn[at] == 0x2e))
        at++;
    if (at < n && insn[at] == 0x90)
        return (unsigned)at + 1;
    if (at + 2 >= n || insn[at] != 0x0f || insn[at + 1] != 0x1f)
        return 0;
    unsigned operand = modrm_length(insn + at + 2, n - at - 2);
    return operand && at + 2 + operand <= n ? (unsigned)at + 2 + operand : 0;
}

/* ---- places ------------------------------------------------------------------------------- */

static struct break_frame *frame_of(struct breakpoints *b, uint64_t gfn)
{
    struct break_frame *f = b->frames;
    while (f && f->gfn != gfn)
        f = f->next;
    return f;
}

static struct break_place *place_of(struct break_frame *f, uint64_t gpa)
{
    struct break_place *p = f ? f->places : NULL;
    while (p && p->gpa != gpa)
        p = p->next;
    return p;
}

/* Where the INT3s of a frame are written to. */
static uint64_t written_at(const struct break_frame *f, uint64_t gpa)
{
    return f->shadow == UINT64_MAX ? gpa : f->shadow * FRAME + gpa % FRAME;
}

/* For the case that we die: only what is in the guest's own frames needs it. */
static int remember(struct breakpoints *b, const struct break_frame *f, uint64_t gpa,
                    uint8_t original, bool on)
{
    void *events;
    const struct event_ops *ops = monitor_ops_of(b->monitor, &events);
    if (f->shadow != UINT64_MAX || !ops->patched)
        return ST_OK;
    return ops->patched(events, gpa, original, on);
}

static int write_byte(struct breakpoints *b, uint64_t at, uint8_t byte)
{
    return phys_write(b->phys, at, &byte, 1, NULL);
}

static int put_all(struct breakpoints *b, struct break_frame *f)
{
    int st = ST_OK;
    for (struct break_place *p = f->places; p && st == ST_OK; p = p->next)
        st = write_byte(b, written_at(f, p->gpa), INT3);
    return st;
}

/* The guest's own bytes again, where they are in its own frame. */
static void restore_all(struct breakpoints *b, struct break_frame *f)
{
    if (f->shadow == UINT64_MAX)
        for (struct break_place *p = f->places; p; p = p->next)
            (void)!write_byte(b, p->gpa, p->original);
}

/* The frame as the guest is to see it. */
static void image(struct breakpoints *b, struct break_frame *f)
{
    if (phys_read(b->phys, f->gfn * FRAME, f->data, FRAME, NULL) == ST_OK &&
        f->shadow == UINT64_MAX)
        for (struct break_place *p = f->places; p; p = p->next)
            f->data[p->gpa % FRAME] = p->original;
}

/* What the guest has written into its own bytes, which were there alone, is taken over. */
static void refresh(struct breakpoints *b, struct break_frame *f)
{
    if (phys_read(b->phys, f->gfn * FRAME, f->data, FRAME, NULL) != ST_OK)
        return; /* the guest gave the frame away: nothing is executed there */
    for (struct break_place *p = f->places; p; p = p->next) {
        p->original = f->data[p->gpa % FRAME];
        (void)!remember(b, f, p->gpa, 0, false);
        (void)!remember(b, f, p->gpa, p->original, true);
    }
    if (f->shadow != UINT64_MAX)
        (void)!phys_write(b->phys, f->shadow * FRAME, f->data, FRAME, NULL);
    (void)!put_all(b, f);
}

/* ---- what the guest reads and writes ------------------------------------------------------- */

static void step_done(struct monitor *m, struct step_job *job, struct event_request *request,
                      struct event_reply *reply)
{
    struct break_step *s = job->data;
    struct breakpoints *b = s->owner;
    struct break_frame *f = s->frame;
    (void)m;
    s->busy = false;
    if (f && --f->open == 0) {
        refresh(b, f);
        if (b->method == BREAK_MEMORY && f->places)
            (void)!monitor_restrict(m, 0, f->gfn, 1, ACCESS_R | ACCESS_W);
    }
    if (request && b->have_view) {
        reply->flags |= REPLY_VIEW;
        reply->view = b->view;
    }
}

/* One instruction of this vCPU in the ordinary view, or on the frame without breakpoints. */
static bool step_over(struct breakpoints *b, struct break_frame *f,
                      const struct event_request *request, struct event_reply *reply)
{
    struct break_step *s = request->vcpu < b->vcpus ? &b->step[request->vcpu] : NULL;
    if (!s || s->busy)
        return false;
    *s = (struct break_step){.owner = b, .frame = f, .busy = true};
    s->job = (struct step_job){.vcpu = request->vcpu, .steps = 1, .done = step_done, .data = s};
    if (monitor_step(b->monitor, &s->job) != ST_OK) {
        s->busy = false;
        return false;
    }
    if (f && f->open++ == 0 && b->method == BREAK_MEMORY) {
        restore_all(b, f);
        (void)!monitor_restrict(b->monitor, 0, f->gfn, 1, ACCESS_NONE);
    }
    if (b->have_view) {
        reply->flags |= REPLY_VIEW;
        reply->view = 0;
    }
    return true;
}

static enum hook_result guard(struct monitor *m, struct hook *hook, struct event_request *request,
                              struct event_reply *reply)
{
    struct break_frame *f = hook->data;
    struct breakpoints *b = f->owner;
    bool write = request->memory.access & ACCESS_W;
    (void)m;
    b->stats.reads += !write;
    b->stats.writes += write;
    if (!write && b->have_view && b->fast) {
        reply->flags |= REPLY_VIEW | REPLY_FAST_STEP;
        reply->view = 0;
        reply->next_view = b->view;
        return HOOK_TAKEN;
    }
    if (!write && b->method == BREAK_MEMORY) {
        size_t offset = request->memory.offset % FRAME;
        image(b, f);
        reply->flags |= REPLY_EMULATE | REPLY_READ_DATA;
        reply->data = f->data + offset;
        reply->data_size = (uint32_t)MIN_OF(FRAME - offset, 164u); /* the ring's room for it */
        return HOOK_TAKEN;
    }
    (void)!step_over(b, write ? f : NULL, request, reply);
    return HOOK_TAKEN;
}

/* ---- hits --------------------------------------------------------------------------------- */

static void go_on(struct breakpoints *b, const struct breakpoint *p, uint8_t original,
                  struct event_request *request, struct event_reply *reply)
{
    uint8_t insn[BREAK_INSN];
    memcpy(insn, p->insn, sizeof insn);
    insn[0] = original;
    unsigned nop = break_nop_length(insn, p->insn_size);
    if (original == INT3) { /* the guest's own, too */
        reply->flags |= REPLY_REINJECT;
        reply->insn_length = request->debug.insn_length;
    } else if (nop) {
        request->regs.rip += nop;
        reply->flags |= REPLY_REGISTERS;
        b->stats.stepped_over++;
    } else {
        static const uint8_t padding = 0x90;
        uint8_t *data = calloc(1, BREAK_INSN);
        if (!data)
            return; /* it hits again, and asks for memory again */
        memset(data, padding, BREAK_INSN);
        memcpy(data, insn, p->insn_size);
        reply->flags |= REPLY_EMULATE | REPLY_INSN;
        reply->data = data;
        reply->data_size = BREAK_INSN;
        reply->release = free;
        reply->release_data = data;
        b->stats.emulated++;
    }
}

static enum hook_result trap(struct monitor *m, struct hook *hook, struct event_request *request,
                             struct event_reply *reply)
{
    struct breakpoints *b = hook->data;
    uint64_t gpa = request->debug.gfn * FRAME + request->regs.rip % FRAME;
    struct break_place *place;
    uint8_t now;
    (void)m;
    /* in a view with copies, the frame may be told as the copy's */
    struct break_frame *f = b->frames;
    while (f && f->gfn != request->debug.gfn && f->shadow != request->debug.gfn)
        f = f->next;
    place = f ? place_of(f, f->gfn * FRAME + gpa % FRAME) : NULL;
    if (!place) {
        /* removed while this vCPU was on its way here: it tries the guest's own byte */
        if (phys_read(b->phys, gpa, &now, 1, NULL) == ST_OK && now != INT3)
            return HOOK_TAKEN;
        return HOOK_PASS;
    }
    b->stats.hits++;
    struct breakpoint first = *place->users;
    uint8_t original = place->original;
    uint64_t where = place->gpa, turn = ++b->turn;
    /* what is called may remove any of them, and the place with the last */
    for (struct breakpoint *p;;) {
        place = place_of(frame_of(b, where / FRAME), where);
        for (p = place ? place->users : NULL; p && p->turn == turn; p = p->next)
            ;
        if (!p)
            break;
        p->turn = turn;
        p->hit(b, p, request);
    }
    go_on(b, &first, original, request, reply);
    return HOOK_TAKEN;
}

/* ---- frames ------------------------------------------------------------------------------- */

static int make_shadow(struct breakpoints *b, struct break_frame *f)
{
    struct diag *d = monitor_diag(b->monitor);
    const struct domain_ops *guest = b->source->domain;
    void *events;
    const struct view_ops *views = monitor_views(b->monitor, &events);
    uint64_t frame;
    if (!guest || !guest->populate || !guest->free_frame || !views)
        return diag_fail(d, ST_UNSUPPORTED,
                         "no frame can be added to the guest for a copy of %#" PRIx64,
                         f->gfn * FRAME);
    int st = guest->free_frame(b->source->impl, &frame);
    if (st == ST_OK)
        st = guest->populate(b->source->impl, frame);
    if (st != ST_OK)
        return diag_fail(d, st, "no copy of the frame at %#" PRIx64 " can be made: %s",
                         f->gfn * FRAME,
                         b->source->story ? b->source->story->text : status_name(st));
    /* the frame is none of those that the source found when it was opened */
    const struct phys_range range = {.start = frame * FRAME, .len = FRAME, .cookie = frame * FRAME};
    st = phys_add(b->phys, &range);
    f->shadow = frame;
    if (st == ST_OK)
        st = phys_write(b->phys, frame * FRAME, f->data, FRAME, NULL);
    if (st == ST_OK)
        st = views->remap(events, b->view, f->gfn, frame);
    if (st != ST_OK) {
        (void)!guest->remove(b->source->impl, frame);
        f->shadow = UINT64_MAX;
        return diag_fail(
            d, st, "a copy of the frame at %#" PRIx64 " cannot be written or shown in the view: %s",
            f->gfn * FRAME, status_name(st));
    }
    return ST_OK;
}

static void free_frame(struct hook *hook, int status)
{
    struct break_frame *f = hook->data;
    struct breakpoints *b = f->owner;
    struct break_frame **at = &b->leaving;
    (void)status;
    while (*at && *at != f)
        at = &(*at)->next;
    if (*at)
        *at = f->next;
    free(f);
}

static void drop_frame(struct breakpoints *b, struct break_frame *f)
{
    void *events;
    const struct view_ops *views = monitor_views(b->monitor, &events);
    struct break_frame **at = &b->frames;
    while (*at && *at != f)
        at = &(*at)->next;
    if (*at)
        *at = f->next;
    for (unsigned i = 0; i < b->vcpus; i++)
        if (b->step[i].busy && b->step[i].frame == f)
            b->step[i].frame = NULL;
    if (f->shadow != UINT64_MAX) {
        if (views)
            (void)!views->remap(events, b->view, f->gfn, UINT64_MAX);
        if (b->source->domain && b->source->domain->remove)
            (void)!b->source->domain->remove(b->source->impl, f->shadow);
    }
    f->next = b->leaving;
    b->leaving = f;
    if (!f->guarded || monitor_remove(b->monitor, &f->guard) == ST_ABSENT)
        free_frame(&f->guard, ST_OK);
}

static int new_frame(struct breakpoints *b, uint64_t gfn, struct break_frame **ret)
{
    struct break_frame *f = calloc(1, sizeof *f);
    if (!f)
        return ST_NOMEM;
    f->gfn = gfn;
    f->shadow = UINT64_MAX;
    f->owner = b;
    f->guard.data = f;
    int st = phys_read(b->phys, gfn * FRAME, f->data, FRAME, NULL);
    if (st == ST_OK && b->method == BREAK_VIEW)
        st = make_shadow(b, f);
    if (st == ST_OK && b->method != BREAK_VISIBLE) {
        f->guard = (struct hook){.kind = EVENT_MEMORY,
                                 .memory = {.first = gfn,
                                            .end = gfn + 1,
                                            .view = b->have_view ? b->view : 0,
                                            .access = ACCESS_R | ACCESS_W,
                                            .restricts = true},
                                 .call = guard,
                                 .data = f,
                                 .released = free_frame};
        st = monitor_add(b->monitor, &f->guard);
        f->guarded = st == ST_OK;
    }
    f->next = b->frames;
    b->frames = f;
    if (st != ST_OK) {
        drop_frame(b, f);
        return st;
    }
    *ret = f;
    return ST_OK;
}

/* ---- breakpoints -------------------------------------------------------------------------- */

int breakpoint_add(struct breakpoints *b, struct breakpoint *p)
{
    struct diag *d = monitor_diag(b->monitor);
    struct break_frame *f = frame_of(b, p->gpa / FRAME);
    struct break_place *place = place_of(f, p->gpa);
    int st = ST_OK;
    if (!p->hit || !p->insn_size || p->insn_size > BREAK_INSN)
        return diag_fail(d, ST_INVALID, "a breakpoint needs a function and its instruction");
    if (!place) {
        if (b->places == MAX_PLACES)
            return diag_fail(d, ST_LIMIT, "more than %d breakpoints", (int)MAX_PLACES);
        if (!f)
            st = new_frame(b, p->gpa / FRAME, &f);
        if (st != ST_OK)
            return diag_wrap(d, st, "the breakpoint at guest-physical %#" PRIx64, p->gpa);
        place = calloc(1, sizeof *place);
        if (!place) {
            st = ST_NOMEM;
        } else {
            place->gpa = p->gpa;
            st = phys_read(b->phys, p->gpa, &place->original, 1, NULL);
        }
        if (st == ST_OK)
            st = remember(b, f, p->gpa, place->original, true);
        if (st == ST_OK) {
            /* known before it is hit */
            place->next = f->places;
            f->places = place;
            b->places++;
            st = write_byte(b, written_at(f, p->gpa), INT3);
            if (st != ST_OK) {
                f->places = place->next;
                b->places--;
                (void)!remember(b, f, p->gpa, 0, false);
            }
        }
        if (st != ST_OK) {
            free(place);
            if (!f->places)
                drop_frame(b, f);
            return diag_fail(d, st,
                             "the breakpoint at guest-physical %#" PRIx64 " cannot be written: %s",
                             p->gpa, status_name(st));
        }
    }
    p->turn = b->turn; /* not for the hit that is under way */
    p->place = place;
    p->next = place->users;
    place->users = p;
    return ST_OK;
}

void breakpoint_remove(struct breakpoints *b, struct breakpoint *p)
{
    struct break_place *place = p->place;
    if (!place)
        return;
    struct breakpoint **user = &place->users;
    while (*user && *user != p)
        user = &(*user)->next;
    if (*user)
        *user = p->next;
    p->place = NULL;
    if (place->users)
        return;
    struct break_frame *f = frame_of(b, place->gpa / FRAME);
    struct break_place **at = &f->places;
    while (*at && *at != place)
        at = &(*at)->next;
    if (*at)
        *at = place->next;
    b->places--;
    (void)!write_byte(b, written_at(f, place->gpa), place->original);
    (void)!remember(b, f, place->gpa, 0, false);
    free(place);
    if (!f->places)
        drop_frame(b, f);
}

/* ---- the manager -------------------------------------------------------------------------- */

static int make_view(struct breakpoints *b)
{
    void *events;
    const struct view_ops *views = monitor_views(b->monitor, &events);
    bool on = false;
    if (!views)
        return ST_UNSUPPORTED;
    int st = views->state(events, &on);
    if (st == ST_OK && !on)
        st = views->control(events, true);
    if (st == ST_OK)
        st = views->create(events, &b->view);
    if (st != ST_OK)
        return st;
    st = views->change(events, b->view);
    if (st != ST_OK) {
        (void)!views->destroy(events, b->view);
        return st;
    }
    b->have_view = true;
    return ST_OK;
}

int breakpoints_open(struct monitor *m, bool hidden, struct breakpoints **ret)
{
    const struct event_capabilities *can = monitor_capabilities(m);
    struct breakpoints *b;
    if (!(can->kinds & 1u << EVENT_BREAKPOINT))
        return diag_fail(monitor_diag(m), ST_UNSUPPORTED, "this guest's INT3 cannot be trapped: %s",
                         can->reason[0] ? can->reason : "the hypervisor does not offer it");
    if (!can->vcpus || can->vcpus > MAX_VCPUS)
        return diag_fail(monitor_diag(m), ST_LIMIT, "a guest with %u vCPUs", can->vcpus);
    b = calloc(1, sizeof *b);
    if (b)
        b->step = calloc(can->vcpus, sizeof *b->step);
    if (!b || !b->step) {
        free(b);
        return ST_NOMEM;
    }
    b->monitor = m;
    b->source = monitor_source(m);
    b->phys = &monitor_source(m)->phys;
    b->vcpus = can->vcpus;
    b->fast = can->replies & REPLY_FAST_STEP;
    bool memory = hidden && (can->kinds & 1u << EVENT_MEMORY) && (can->kinds & 1u << EVENT_STEP);
    if (memory && can->views && make_view(b) == ST_OK)
        b->method = BREAK_VIEW;
    else if (memory && (can->replies & REPLY_READ_DATA))
        b->method = BREAK_MEMORY;
    b->trap = (struct hook){.kind = EVENT_BREAKPOINT, .call = trap, .data = b};
    int st = monitor_add(m, &b->trap);
    if (st != ST_OK) {
        b->trap.data = NULL;
        breakpoints_close(b);
        return st;
    }
    *ret = b;
    return ST_OK;
}

void breakpoints_close(struct breakpoints *b)
{
    void *events;
    const struct view_ops *views;
    if (!b)
        return;
    while (b->frames) /* a frame on the list has a place, and a place a user */
        breakpoint_remove(b, b->frames->places->users);
    for (unsigned i = 0; i < b->vcpus; i++)
        if (b->step[i].busy)
            (void)monitor_cancel(b->monitor, &b->step[i].job);
    views = monitor_views(b->monitor, &events);
    if (b->have_view && views) {
        (void)!views->change(events, 0);
        (void)!views->destroy(events, b->view);
    }
    if (b->trap.data)
        (void)!monitor_remove(b->monitor, &b->trap);
    free(b->step);
    free(b);
}

struct monitor *breakpoints_monitor(const struct breakpoints *b)
{
    return b->monitor;
}

enum break_method breakpoints_method(const struct breakpoints *b)
{
    return b->method;
}

const struct break_statistics *breakpoints_statistics(const struct breakpoints *b)
{
    return &b->stats;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hooks on a guest's events: registration, dispatch, single-steps, deferred removal. Knows sources
 * with events (event/event.h), never an operating system nor LibVMI's types.
 *
 * A hook is a structure of its owner's, filled in and given to monitor_add. monitor_listen calls
 * its function for each request that matches. Several hooks may match: they are called in the
 * order of registration until one says HOOK_TAKEN; replies are merged (flags are united, the
 * newest value of each member counts).
 *
 * In a hook's function everything may be called but monitor_listen and monitor_close. What changes
 * memory rights, traps and views takes effect at once. monitor_remove is deferred to the end of
 * the batch (the vCPUs of the batch go on after that), a hook is free when its `released` is
 * called. Every request is answered, whatever a hook does.
 *
 * Threads: a monitor belongs to one thread at a time.
 */
#ifndef TINYVMI_EVENT_MONITOR_H
#define TINYVMI_EVENT_MONITOR_H

#include "event/event.h"
#include "source/source.h"

struct monitor;
struct hook;

enum hook_result {
    HOOK_PASS,  /* not mine: as if the hook had not matched */
    HOOK_SEEN,  /* handled; other hooks may look, too */
    HOOK_TAKEN, /* handled; nobody else is asked */
};

/* `reply` starts as "go on". `request->regs` may be changed, for REPLY_REGISTERS. */
typedef enum hook_result (*hook_fn)(struct monitor *m, struct hook *hook,
                                    struct event_request *request, struct event_reply *reply);

#define MSR_EVERY  UINT32_MAX /* hook.msr.index: whatever is trapped */
#define VIEW_EVERY UINT16_MAX /* hook.memory.view: all views */
#define STEP_VCPUS 64u        /* hook.step covers vCPUs 0 to 63; steps of jobs cover all */

struct hook {
    enum event_kind kind;
    uint32_t flags; /* TRAP_* of the trap to be set */
    bool early;     /* asked before all that are registered already (memory: not) */
    union {
        /*
         * Frames [first, end) in a view; a request matches if it shares an access (any access with
         * ACCESS_RWX2N). With `restricts` the hook sets the rights itself while it is registered
         * (those of all such hooks on a frame are united); else monitor_restrict does. At most
         * 2^20 frames with `restricts`.
         */
        struct {
            uint64_t first, end;
            uint16_t view;
            uint8_t access;
            bool restricts;
        } memory;
        struct {
            enum event_cr reg;
            uint64_t ignored;
            bool only_equal;
            uint64_t equal;
        } cr;
        /* `list` (the owner's, until released): the traps to be set are these n, and `index` is
         * MSR_EVERY. */
        struct {
            uint32_t index;
            const uint32_t *list;
            size_t n;
        } msr;
        struct {
            uint64_t vcpus; /* a mask: steps of these vCPUs are passed on */
            uint64_t on;    /* those that step; changed with monitor_step_vcpu */
        } step;
    };
    hook_fn call;
    void *data; /* the owner's */
    /* Called when the monitor has let go of the hook, or NULL. `status`: of lifting its trap. */
    void (*released)(struct hook *hook, int status);

    struct hook *next; /* the rest is the monitor's; zero before monitor_add */
    enum { HOOK_IDLE, HOOK_ACTIVE, HOOK_LEAVING } state;
};

/*
 * Steps of one vCPU: after `steps` instructions `done` is called with the step's request (the
 * function may start another job, add hooks, or set the reply). The job is free when done is
 * called; `request` is NULL there when the job was cancelled.
 */
struct step_job {
    unsigned vcpu;
    uint64_t steps; /* at least 1; counts down */
    void (*done)(struct monitor *m, struct step_job *job, struct event_request *request,
                 struct event_reply *reply);
    void *data;
    struct step_job *next; /* the monitor's */
};

struct monitor_statistics {
    uint64_t taken, answered; /* equal when no batch is under way */
    uint64_t batches;         /* notifications */
    uint64_t by_kind[EVENT_KINDS];
    uint64_t unhandled; /* no hook took it; answered so that the guest goes on unchanged */
    uint64_t spurious;  /* its trap had been lifted before it was taken */
    uint64_t malformed; /* slots that made no sense; answered */
    uint64_t failed;    /* replies that could not be carried out */
    uint32_t largest_batch;
};

/* Opens the source's events; both must stay where they are. `channel`: see event_ops.open.
 * ST_UNSUPPORTED when it has none. */
MUST_USE int monitor_open(struct source *source, void *channel, struct diag *d,
                          struct monitor **ret);
/* Removes all hooks (their `released` is called), cancels jobs, leaves the guest running. */
void monitor_close(struct monitor *m);

const struct event_capabilities *monitor_capabilities(const struct monitor *m);
const struct monitor_statistics *monitor_statistics(const struct monitor *m);
/* The back end, for what has no call here (views: monitor_views). */
const struct event_ops *monitor_ops_of(struct monitor *m, void **events);
const struct view_ops *monitor_views(struct monitor *m, void **events);
struct source *monitor_source(struct monitor *m);
struct diag *monitor_diag(struct monitor *m); /* story of the newest failure */

/* Sets the trap and registers. The hook stays its owner's, and in its place, until released.
 * Nothing is changed on failure. */
MUST_USE int monitor_add(struct monitor *m, struct hook *hook);
/* Lifts what only this hook needed. In a hook's function: at the end of the batch. ST_ABSENT: it
 * is not registered (harmless). ST_BUSY: it is leaving already. */
MUST_USE int monitor_remove(struct monitor *m, struct hook *hook);

/* Rights of frames for hooks without `restricts`; they hold until changed or monitor_close. */
MUST_USE int monitor_restrict(struct monitor *m, uint16_t view, uint64_t first, uint64_t n,
                              uint8_t access);

/* A vCPU of a step hook starts or stops to step. In a hook's function it takes effect with the
 * reply when it is the vCPU of the request. */
MUST_USE int monitor_step_vcpu(struct monitor *m, struct hook *hook, unsigned vcpu, bool on);
/* Several jobs on one vCPU count at the same time. */
MUST_USE int monitor_step(struct monitor *m, struct step_job *job);
/* ST_ABSENT: it is not under way. Does not call `done`. */
int monitor_cancel(struct monitor *m, struct step_job *job);
bool monitor_steps(const struct monitor *m, unsigned vcpu); /* does it step? */

/* True in a hook's function; *vcpu (may be NULL) is that of the request. */
bool monitor_in_hook(const struct monitor *m, unsigned *vcpu);

/* Has `fn` called after the batch is done, before its vCPUs go on; at once outside of a hook. */
MUST_USE int monitor_defer(struct monitor *m, void (*fn)(struct monitor *m, void *data),
                           void *data);

/*
 * Handles all requests that are there, and waits for them up to `timeout_ns` (0: does not wait;
 * UINT64_MAX: no limit) when there are none. ST_OK: handled; ST_ABSENT: none came, or a signal.
 * Else the first thing that went wrong, with its story, after everything has been answered:
 * ST_INVALID a hook broke a rule, ST_IO the guest has gone.
 */
MUST_USE int monitor_listen(struct monitor *m, uint64_t timeout_ns);
unsigned monitor_pending(struct monitor *m);

#endif

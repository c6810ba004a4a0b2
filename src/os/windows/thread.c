/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: each process' list of ETHREADs. */
#include <inttypes.h>
#include <stdio.h>

#include "os/windows/windows.h"

enum {
    MAX_THREADS = 1 << 20,
    MAX_ALL = 1 << 22,
    TERMINATED = 4,
    WAITING = 5,
    SUSPENDED = 5,
    WR_SUSPENDED = 12
};

/* KTHREAD_STATE of ntddk.h, as the letters of ps: what runs or could, what waits. */
static char state_letter(uint64_t state, uint64_t reason)
{
    static const char letters[] = "IRRRXSDRSS";
    if (state == WAITING && (reason == SUSPENDED || reason == WR_SUSPENDED))
        return 'T';
    return state < sizeof letters - 1 ? letters[state] : '?';
}

/* KWAIT_REASON of wdm.h. */
static const char *reason_name(uint64_t reason)
{
    static const char *const names[] = {
        "Executive",        "FreePage",          "PageIn",           "PoolAllocation",
        "DelayExecution",   "Suspended",         "UserRequest",      "WrExecutive",
        "WrFreePage",       "WrPageIn",          "WrPoolAllocation", "WrDelayExecution",
        "WrSuspended",      "WrUserRequest",     "WrEventPair",      "WrQueue",
        "WrLpcReceive",     "WrLpcReply",        "WrVirtualMemory",  "WrPageOut",
        "WrRendezvous",     "WrKeyedEvent",      "WrTerminated",     "WrProcessInSwap",
        "WrCpuRateControl", "WrCalloutStack",    "WrKernel",         "WrResource",
        "WrPushLock",       "WrMutex",           "WrQuantumEnd",     "WrDispatchInt",
        "WrPreempted",      "WrYieldExecution",  "WrFastMutex",      "WrGuardedMutex",
        "WrRundown",        "WrAlertByThreadId", "WrDeferredPreempt"};
    return reason < ARRAY_LEN(names) ? names[reason] : "";
}

static void read_state(struct windows_view *w, struct vmi_thread *t)
{
    const struct aspace *as = &w->v->kernel;
    uint64_t state, reason = ~0ULL, n;
    t->state = '?';
    t->wait_reason = "";
    if (win_read(w, as, t->object, W_thread_state, 1, &state) != ST_OK) {
        t->unknown |= VMI_UNKNOWN_STATE;
        return;
    }
    (void)!win_read(w, as, t->object, W_thread_wait, 1, &reason);
    t->state = state_letter(state, reason);
    if (state == WAITING)
        t->wait_reason = reason_name(reason);
    if (win_read(w, as, t->object, W_thread_priority, 1, &n) == ST_OK)
        t->priority = (int32_t)(n & 0xff);
}

static void read_times(struct windows_view *w, struct vmi_thread *t)
{
    const struct aspace *as = &w->v->kernel;
    uint64_t n, terminated = 1;
    if (win_read(w, as, t->object, W_thread_create, 8, &n) == ST_OK)
        /* Windows XP and 2003 keep three bits of flags below it */
        t->start_time_s = win_time(win_has(w, W_thread_nested) ? n >> 3 : n);
    else
        t->unknown |= VMI_UNKNOWN_START;
    if (!win_has(w, W_thread_exit))
        t->unknown |= VMI_UNKNOWN_EXIT;
    /* while it lives, lists share the place of the exit's time */
    if (win_has(w, W_thread_terminated) &&
        win_read(w, as, t->object, W_thread_terminated, 4, &terminated) != ST_OK)
        terminated = 0;
    if (terminated && (t->state == 'X' || win_has(w, W_thread_terminated)) &&
        win_read(w, as, t->object, W_thread_exit, 8, &n) == ST_OK)
        t->exit_time_s = win_time(n);
}

/* The thread whose list entry is at `node`. */
static int read_thread(struct windows_view *w, const struct vmi_process *p, uint64_t node,
                       struct vmi_thread *ret)
{
    const struct aspace *as = &w->v->kernel;
    struct vmi_thread t = {.object = node - w->m[W_thread_links].off,
                           .process = p->object,
                           .pid = p->pid,
                           .flags = p->flags | VMI_PROCESS_THREAD};
    uint64_t n;
    int st = win_ptr(w, as, t.object, W_thread_tid, &n);
    if (st != ST_OK)
        return st;
    t.tid = (int32_t)n;
    memcpy(t.comm, p->comm, sizeof t.comm);
    read_state(w, &t);
    read_times(w, &t);
    if (!win_has(w, W_thread_start) || !win_has(w, W_thread_user_start) ||
        !win_has(w, W_thread_teb))
        t.unknown |= VMI_UNKNOWN_ADDRESSES;
    (void)!win_ptr(w, as, t.object, W_thread_start, &t.start_address);
    (void)!win_ptr(w, as, t.object, W_thread_user_start, &t.user_start);
    (void)!win_ptr(w, as, t.object, W_thread_teb, &t.teb);
    if (win_ptr(w, as, t.object, W_thread_process, &n) == ST_OK && n != p->object)
        t.flags |= VMI_RECORD_PARTIAL;
    *ret = t;
    return ST_OK;
}

/* *stop: the callback wants no more. */
static void of_process(struct windows_view *w, const struct vmi_process *p, vmi_thread_cb cb,
                       void *data, struct vmi_outcome *o, bool *stop)
{
    struct list_walk walk;
    uint64_t node;
    list_start(&walk, &w->v->kernel, w->v->ptr_size, p->object + w->m[W_process_thread_list].off,
               MAX_THREADS);
    while (list_next(&walk, o, &node) == 1) {
        struct vmi_thread t;
        if (o->count >= MAX_ALL) {
            outcome_cut(o, "there are more threads than the bound");
            *stop = true;
            return;
        }
        if (read_thread(w, p, node, &t) != ST_OK) {
            outcome_cut(o, "the thread at %#" PRIx64 " of process %d is not in memory",
                        node - w->m[W_thread_links].off, p->pid);
            continue;
        }
        o->count++;
        if (cb(&t, data)) {
            *stop = true;
            return;
        }
    }
}

struct every {
    struct windows_view *w;
    vmi_thread_cb cb;
    void *data;
    struct vmi_outcome *o;
};

static int every_process(const struct vmi_process *p, void *data)
{
    struct every *e = data;
    bool stop = false;
    of_process(e->w, p, e->cb, e->data, e->o, &stop);
    return stop;
}

int win_threads(struct osview *v, const struct vmi_process *p, vmi_thread_cb cb, void *data,
                struct vmi_outcome *ret)
{
    struct windows_view *w = win_of(v);
    char wanted[192];
    if (!win_has(w, W_process_thread_list) || !win_has(w, W_thread_links) ||
        !win_has(w, W_thread_tid))
        return diag_fail(v->diag, ST_UNSUPPORTED,
                         "where a process keeps its threads was neither told by a profile nor "
                         "could it be inferred: give %s",
                         win_wanted(w, wanted, sizeof wanted));
    if (p) {
        bool stop = false;
        of_process(w, p, cb, data, ret, &stop);
        return ST_OK;
    }
    struct every e = {w, cb, data, ret};
    struct vmi_outcome list = {0};
    int st = win_processes(v, 0, every_process, &e, &list);
    if (st == ST_OK && list.partial)
        outcome_cut(ret, "%s", list.reason);
    return st;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes and threads: the task list, one record a task, command lines, address spaces. */
#include "os/linux/linux.h"

#include <inttypes.h>

enum {
    MAX_TASKS = 4 << 20,     /* PID_MAX_LIMIT, include/linux/threads.h */
    PF_KTHREAD = 0x00200000, /* include/linux/sched.h */
    PF_WQ_WORKER = 0x20,
};

/* The letter that /proc prints: fs/proc/array.c, task_state_array and task_state_index(). */
static char state_letter(uint64_t state, uint64_t exit_state)
{
    enum { REPORT = 0x7f, IDLE = 0x402, RTLOCK_WAIT = 0x1000, UNINTERRUPTIBLE = 2 };
    if ((state & IDLE) == IDLE && !exit_state)
        return 'I';
    if (state & RTLOCK_WAIT)
        state = UNINTERRUPTIBLE;
    unsigned bits = (unsigned)((state | exit_state) & REPORT), i = 0;
    while (bits) {
        bits >>= 1;
        i++;
    }
    return "RSDTtXZP"[MIN_OF(i, 7u)];
}

static void read_state(struct linux_view *l, uint64_t task, struct vmi_process *p)
{
    uint64_t state, exit_state = 0;
    if (lx_read(l, task, L_task_state, &state) != ST_OK) {
        p->state = '?';
        return;
    }
    (void)lx_read(l, task, L_task_exit_state, &exit_state);
    p->state = state_letter(state, exit_state);
}

static void read_ids(struct linux_view *l, uint64_t task, struct vmi_process *p)
{
    uint64_t v, at;
    if (lx_ptr(l, task, L_task_cred, &at) == ST_OK) {
        if (lx_read(l, at, L_cred_uid, &v) == ST_OK)
            p->uid = (uint32_t)v;
        if (lx_read(l, at, L_cred_gid, &v) == ST_OK)
            p->gid = (uint32_t)v;
        if (lx_read(l, at, L_cred_euid, &v) == ST_OK)
            p->euid = (uint32_t)v;
    }
    if (lx_ptr(l, task, L_task_real_parent, &at) == ST_OK &&
        lx_read(l, at, L_task_tgid, &v) == ST_OK)
        p->ppid = (int32_t)v;
    p->threads = 1;
    if (lx_ptr(l, task, L_task_signal, &at) == ST_OK &&
        lx_read(l, at, L_signal_nr_threads, &v) == ST_OK)
        p->threads = (uint32_t)v;
    if (lx_read(l, task, L_task_start_boottime, &v) == ST_OK ||
        lx_read(l, task, L_task_start_time, &v) == ST_OK) {
        p->start_ns = v;
        if (l->v->info.boot_time_s)
            p->start_time_s = l->v->info.boot_time_s + v / 1000000000u;
    }
}

/* mm, page table. A kernel thread borrows the kernel's. */
static void read_memory(struct linux_view *l, uint64_t task, struct vmi_process *p)
{
    uint64_t flags = 0, pgd, left;
    (void)lx_read(l, task, L_task_flags, &flags);
    if (flags & PF_KTHREAD)
        p->flags |= VMI_PROCESS_KERNEL;
    /* a kernel thread's name may be longer than comm: kthread.full_name, since 5.17; workers are
     * named otherwise */
    if ((flags & (PF_KTHREAD | PF_WQ_WORKER)) == PF_KTHREAD && lx_has(l, L_kthread_full_name) &&
        lx_ptr(l, task, L_task_worker_private, &pgd) == ST_OK &&
        lx_ptr(l, pgd, L_kthread_full_name, &left) == ST_OK && left) {
        char name[sizeof p->comm];
        int st = lx_text(l, left, name, sizeof name);
        if ((st == ST_OK || st == ST_LIMIT) && !strncmp(name, p->comm, strlen(p->comm)))
            memcpy(p->comm, name, sizeof name);
    }
    if (lx_ptr(l, task, L_task_mm, &p->mm) != ST_OK)
        p->flags |= VMI_RECORD_PARTIAL;
    if (!lx_has(l, L_task_flags) && !p->mm && p->state != 'Z' && p->state != 'X')
        p->flags |= VMI_PROCESS_KERNEL;
    if (p->flags & VMI_PROCESS_KERNEL) {
        p->mm = 0; /* a worker that borrows user memory (kthread_use_mm) is still a kernel thread */
        p->dtb = l->v->info.root;
    } else if (p->mm && (lx_ptr(l, p->mm, L_mm_pgd, &pgd) != ST_OK ||
                         aspace_translate(&l->v->kernel, GVA(pgd), &p->dtb, &left) != ST_OK)) {
        p->flags |= VMI_RECORD_PARTIAL;
    }
}

int lx_process_read(struct linux_view *l, uint64_t task, struct vmi_process *ret)
{
    struct vmi_process p = {.object = task};
    uint64_t v;
    int st = lx_read(l, task, L_task_pid, &v);
    if (st != ST_OK)
        return st;
    p.tid = (int32_t)v;
    p.pid = lx_read(l, task, L_task_tgid, &v) == ST_OK ? (int32_t)v : p.tid;
    if (p.tid != p.pid)
        p.flags |= VMI_PROCESS_THREAD;
    if (!lx_has(l, L_task_comm))
        return ST_UNSUPPORTED;
    size_t comm =
        MIN_OF((size_t)(l->m[L_task_comm].size ? l->m[L_task_comm].size : 16), sizeof p.comm);
    st = aspace_read(&l->v->kernel, GVA(task + lx_off(l, L_task_comm)), p.comm, comm, NULL);
    if (st != ST_OK)
        return st;
    p.comm[comm - 1] = '\0';
    read_state(l, task, &p);
    read_ids(l, task, &p);
    read_memory(l, task, &p);
    *ret = p;
    return ST_OK;
}

/* Takes one of the tasks that one listing may give. */
static bool spend(uint64_t *left, uint64_t task, struct vmi_outcome *o)
{
    if (!*left) {
        outcome_cut(o, "more tasks than fit into memory; the one at %#" PRIx64 " is not shown",
                    task);
        return false;
    }
    --*left;
    return true;
}

/*
 * All threads of a group but its leader. *left: tasks that the whole listing may still give; forged
 * groups may share a list. Returns 1 when the callback wants no more.
 */
static int threads(struct linux_view *l, const struct vmi_process *leader, uint64_t *left,
                   vmi_process_cb cb, void *data, struct vmi_outcome *o)
{
    uint64_t signal, node;
    struct list_walk w;
    if (!lx_has(l, L_task_thread_node) ||
        lx_ptr(l, leader->object, L_task_signal, &signal) != ST_OK)
        return 0;
    list_start(&w, &l->v->kernel, l->v->ptr_size, signal + lx_off(l, L_signal_thread_head),
               MAX_TASKS);
    while (list_next(&w, o, &node) == 1) {
        struct vmi_process p;
        uint64_t task = node - lx_off(l, L_task_thread_node);
        if (task == leader->object)
            continue;
        if (!spend(left, task, o))
            return 1;
        if (lx_process_read(l, task, &p) != ST_OK) {
            outcome_cut(o, "the thread at %#" PRIx64 " of process %d is not in memory", task,
                        leader->pid);
            continue;
        }
        o->count++;
        if (cb(&p, data))
            return 1;
    }
    return 0;
}

int lx_processes(struct osview *v, uint32_t flags, vmi_process_cb cb, void *data,
                 struct vmi_outcome *ret)
{
    struct linux_view *l = lx_of(v);
    struct list_walk w;
    uint64_t node, left = lx_most(l, L_task_size, MAX_TASKS);
    if (!l->init_task || !lx_has(l, L_task_tasks) || !lx_has(l, L_task_pid))
        return diag_fail(
            v->diag, ST_UNSUPPORTED,
            "the process list needs init_task and task_struct's tasks, pid and comm; %s",
            v->types.ops ? "this kernel's types lack them"
                         : "no types were found: give a profile (--profile FILE)");
    list_start(&w, &v->kernel, v->ptr_size, l->init_task + lx_off(l, L_task_tasks), MAX_TASKS);
    while (list_next(&w, ret, &node) == 1) {
        struct vmi_process p;
        uint64_t task = node - lx_off(l, L_task_tasks);
        if (!spend(&left, task, ret))
            break;
        if (lx_process_read(l, task, &p) != ST_OK) {
            outcome_cut(ret, "the task at %#" PRIx64 " is not in memory", task);
            continue;
        }
        ret->count++;
        if (cb(&p, data) ||
            (flags & 1 /* VMI_LIST_THREADS */ && threads(l, &p, &left, cb, data, ret)))
            break;
    }
    return ST_OK;
}

/* Is this task, which was on the list once, still on it, and the leader of this group? */
static bool still_listed(struct linux_view *l, uint64_t task, int32_t pid)
{
    const struct aspace *k = &l->v->kernel;
    const unsigned ps = l->v->ptr_size;
    uint64_t node = task + lx_off(l, L_task_tasks), next, prev, back, v;
    return lx_read(l, task, L_task_pid, &v) == ST_OK && (int32_t)v == pid &&
           read_ptr(k, ps, node, &next) == ST_OK && read_ptr(k, ps, node + ps, &prev) == ST_OK &&
           read_ptr(k, ps, next + ps, &back) == ST_OK && back == node &&
           read_ptr(k, ps, prev, &back) == ST_OK && back == node;
}

/*
 * The leader with this id: only ids are read on the way. Whatever is wrong with the list is left to
 * the listing, which tells it.
 */
static int find_leader(struct linux_view *l, int32_t pid, struct vmi_process *ret)
{
    struct list_walk w;
    uint64_t node, v;
    if (!l->init_task || !lx_has(l, L_task_tasks) || !lx_has(l, L_task_pid))
        return ST_ABSENT;
    if (l->found_task && l->found_pid == pid && still_listed(l, l->found_task, pid))
        return lx_process_read(l, l->found_task, ret);
    list_start(&w, &l->v->kernel, l->v->ptr_size, l->init_task + lx_off(l, L_task_tasks),
               lx_most(l, L_task_size, MAX_TASKS));
    while (list_next(&w, NULL, &node) == 1) {
        uint64_t task = node - lx_off(l, L_task_tasks);
        if (lx_read(l, task, L_task_pid, &v) != ST_OK || (int32_t)v != pid)
            continue;
        l->found_pid = pid;
        l->found_task = task;
        return lx_process_read(l, task, ret);
    }
    return ST_ABSENT;
}

int lx_process(struct osview *v, int32_t pid, struct vmi_process *ret)
{
    if (find_leader(lx_of(v), pid, ret) == ST_OK)
        return ST_OK;
    return os_process_by_id(v, lx_processes, true, pid, ret);
}

int lx_process_space(struct osview *v, const struct vmi_process *p, struct aspace *ret)
{
    if (!p->dtb)
        return diag_fail(v->diag, ST_ABSENT,
                         "process %d (%s) has no page table: it is exiting or a zombie", p->pid,
                         p->comm);
    struct aspace as = v->kernel;
    as.half[0].root = p->dtb & as.half[0].form->root_mask;
    if (!as.split) /* one root for both halves */
        as.half[1].root = as.half[0].root;
    *ret = as;
    return ST_OK;
}

int lx_cmdline(struct osview *v, const struct vmi_process *p, char *buf, size_t size)
{
    struct linux_view *l = lx_of(v);
    struct aspace as;
    uint64_t start, end, env_end = 0;
    size_t got = 0;
    if (!size)
        return ST_INVALID;
    buf[0] = '\0';
    if (!p->mm)
        return ST_OK;
    int st = lx_process_space(v, p, &as);
    if (st != ST_OK)
        return st;
    if ((st = lx_ptr(l, p->mm, L_mm_arg_start, &start)) != ST_OK ||
        (st = lx_ptr(l, p->mm, L_mm_arg_end, &end)) != ST_OK)
        return diag_fail(v->diag, st,
                         "the command line of process %d: its mm_struct at %#" PRIx64
                         " tells no arguments",
                         p->pid, p->mm);
    (void)lx_ptr(l, p->mm, L_mm_env_end, &env_end);
    if (start >= end)
        return ST_OK;
    /* setproctitle: when the arguments' last byte is not 0, the title goes on into the environment
     * (fs/proc/base.c) */
    uint8_t last = 0;
    if (aspace_read(&as, GVA(end - 1), &last, 1, NULL) == ST_OK && last && env_end > end)
        end = env_end;
    st = aspace_read(&as, GVA(start), buf, (size_t)MIN_OF((uint64_t)size - 1, end - start), &got);
    if (last)
        got = strnlen(buf, got);
    while (got && buf[got - 1] == '\0')
        got--;
    for (size_t i = 0; i < got; i++)
        if (!buf[i])
            buf[i] = ' ';
    buf[got] = '\0';
    if (st != ST_OK)
        return diag_fail(v->diag, st,
                         "the command line of process %d at %#" PRIx64
                         " is not in memory (paged out?)",
                         p->pid, start + got);
    return ST_OK;
}

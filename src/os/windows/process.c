/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes and threads: the list of active processes, one record an EPROCESS, command lines,
 * address spaces. */
#include <inttypes.h>
#include <stdio.h>

#include "os/windows/windows.h"

enum { MAX_PROCESSES = 1 << 20, MAX_THREADS = 1 << 20, NAME_BYTES = 15 };

/* Only the profile tells what a session's number is where it is not the first thing that the kernel
 * keeps there. */
static void read_session(struct windows_view *w, struct vmi_process *p)
{
    uint64_t at, id;
    p->session = -1;
    if (win_ptr(w, &w->v->kernel, p->object, W_process_session, &at) == ST_OK &&
        win_kernel_pointer(w, at) && win_read(w, &w->v->kernel, at, W_session_id, 4, &id) == ST_OK)
        p->session = (int32_t)id;
}

static void read_times(struct windows_view *w, struct vmi_process *p)
{
    const struct vmi_kernel *k = &w->v->info;
    uint64_t t;
    if (win_read(w, &w->v->kernel, p->object, W_process_create, 8, &t) == ST_OK) {
        p->start_time_s = win_time(t);
        if (k->boot_time_s && p->start_time_s > k->boot_time_s)
            p->start_ns = (p->start_time_s - k->boot_time_s) * 1000000000u;
    }
    if (win_read(w, &w->v->kernel, p->object, W_process_exit, 8, &t) == ST_OK)
        p->exit_time_s = win_time(t);
    p->state = p->exit_time_s ? 'X' : '?';
}

int win_process_read(struct windows_view *w, uint64_t object, struct vmi_process *ret)
{
    const struct aspace *as = &w->v->kernel;
    struct vmi_process p = {.object = object};
    uint64_t n;
    char name[NAME_BYTES + 1] = "";
    int st = win_ptr(w, as, object, W_process_pid, &n);
    if (st != ST_OK)
        return st;
    p.pid = p.tid = (int32_t)n;
    if ((st = aspace_read(as, GVA(object + w->m[W_process_name].off), name, NAME_BYTES, NULL)) !=
        ST_OK)
        return st;
    snprintf(p.comm, sizeof p.comm, "%s", name);
    if (win_ptr(w, as, object, W_process_dtb, &n) == ST_OK)
        p.dtb = paging_root(w->v->form, n);
    else
        p.flags |= VMI_RECORD_PARTIAL;
    if (win_ptr(w, as, object, W_process_ppid, &n) == ST_OK)
        p.ppid = (int32_t)n;
    if (win_read(w, as, object, W_process_active_threads, 4, &n) == ST_OK)
        p.threads = (uint32_t)n;
    if (win_ptr(w, as, object, W_process_wow64, &n) == ST_OK)
        p.wow64 = n != 0;
    read_session(w, &p);
    read_times(w, &p);
    if (object == w->system_process)
        p.flags |= VMI_PROCESS_KERNEL;
    *ret = p;
    return ST_OK;
}

/* All threads of a process but one, which the process' own record stands for. Returns 1 when the
 * callback wants no more. */
static int threads(struct windows_view *w, const struct vmi_process *process, vmi_process_cb cb,
                   void *data, struct vmi_outcome *o)
{
    struct list_walk walk;
    uint64_t node, tid;
    if (!win_has(w, W_process_thread_list) || !win_has(w, W_thread_links) ||
        !win_has(w, W_thread_tid)) {
        outcome_cut(o,
                    "where a process keeps its threads is not known: give the profile of %s "
                    "(--profile FILE)",
                    w->pdb.file);
        return 0;
    }
    list_start(&walk, &w->v->kernel, w->v->ptr_size,
               process->object + w->m[W_process_thread_list].off, MAX_THREADS);
    while (list_next(&walk, o, &node) == 1) {
        struct vmi_process p = *process;
        p.object = node - w->m[W_thread_links].off;
        if (win_ptr(w, &w->v->kernel, p.object, W_thread_tid, &tid) != ST_OK) {
            outcome_cut(o, "the thread at %#" PRIx64 " of process %d is not in memory", p.object,
                        process->pid);
            continue;
        }
        p.tid = (int32_t)tid;
        p.flags |= VMI_PROCESS_THREAD;
        o->count++;
        if (cb(&p, data))
            return 1;
    }
    return 0;
}

int win_processes(struct osview *v, uint32_t flags, vmi_process_cb cb, void *data,
                  struct vmi_outcome *ret)
{
    struct windows_view *w = win_of(v);
    struct list_walk walk;
    uint64_t node;
    if (!w->process_head || !win_has(w, W_process_links) || !win_has(w, W_process_pid) ||
        !win_has(w, W_process_name))
        return diag_fail(v->diag, ST_UNSUPPORTED,
                         "where this kernel keeps its processes was neither told by a profile nor "
                         "could it be inferred: give the profile of "
                         "%s, GUID %s, age %u (--profile FILE)",
                         w->pdb.file[0] ? w->pdb.file : "its PDB", w->pdb.guid, w->pdb.age);
    list_start(&walk, &v->kernel, v->ptr_size, w->process_head, MAX_PROCESSES);
    while (list_next(&walk, ret, &node) == 1) {
        struct vmi_process p;
        uint64_t object = node - w->m[W_process_links].off;
        if (win_process_read(w, object, &p) != ST_OK) {
            outcome_cut(ret, "the process at %#" PRIx64 " is not in memory", object);
            continue;
        }
        ret->count++;
        if (cb(&p, data) || (flags & 1 /* VMI_LIST_THREADS */ && threads(w, &p, cb, data, ret)))
            break;
    }
    return ST_OK;
}

int win_process(struct osview *v, int32_t pid, struct vmi_process *ret)
{
    return os_process_by_id(v, win_processes, win_has(win_of(v), W_thread_links), pid, ret);
}

int win_process_space(struct osview *v, const struct vmi_process *p, struct aspace *ret)
{
    if (!p->dtb)
        return diag_fail(v->diag, ST_ABSENT, "process %d (%s) has no page table", p->pid, p->comm);
    struct aspace as = v->kernel;
    as.half[0].root = as.half[1].root = p->dtb & as.half[0].form->root_mask;
    *ret = as;
    return ST_OK;
}

int win_cmdline(struct osview *v, const struct vmi_process *p, char *buf, size_t size)
{
    struct windows_view *w = win_of(v);
    struct aspace as;
    uint64_t peb, at;
    if (!size)
        return ST_INVALID;
    buf[0] = '\0';
    int st = win_process_space(v, p, &as);
    if (st != ST_OK)
        return st;
    st = win_ptr(w, &v->kernel, p->object, W_process_peb, &peb);
    if (st != ST_OK)
        return diag_fail(v->diag, st,
                         "the command line of process %d: where its PEB is could not be inferred; "
                         "give a profile",
                         p->pid);
    if (!peb)
        return ST_OK;
    st = win_ptr(w, &as, peb, W_peb_parameters, &at);
    if (st == ST_OK)
        st = win_unicode(w, &as, at + w->m[W_parameters_cmdline].off, buf, size);
    if (st != ST_OK)
        return diag_fail(v->diag, st,
                         "the command line of process %d (PEB at %#" PRIx64 ") is not in memory",
                         p->pid, peb);
    return ST_OK;
}

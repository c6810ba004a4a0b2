/* SPDX-License-Identifier: BSD-2-Clause */
/* The listings: processes and what they hold, modules, log, mounts, sockets, and the checks. */
#include "vmi/access.h"

/* Common end of a listing: `st` is what the system's view answered. */
static status_t finish(vmi_instance_t vmi, int st, const struct vmi_outcome *o,
                       struct vmi_outcome *ret, const char *what)
{
    vmi->statistics.process_walks++;
    if (st < 0)
        return vmi->diag.text[0] && vmi->diag.code == st
                   ? vmi_fail(vmi, st, NULL)
                   : vmi_fail(vmi, st, "%s cannot be listed: %s", what, status_name(st));
    if (ret)
        *ret = *o;
    return VMI_SUCCESS;
}

/* What every listing needs before it can start. `op` is the system's function, NULL when it has
 * none. */
static status_t can_list(vmi_instance_t vmi, bool has_op, bool has_cb, const char *what)
{
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (!has_cb)
        return vmi_fail(vmi, ST_INVALID, "no callback was given");
    if (!has_op)
        return vmi_fail(vmi, ST_UNSUPPORTED, "%s of this system cannot be listed", what);
    diag_clear(&vmi->diag);
    return VMI_SUCCESS;
}

/* A listing is `vmi->os.ops->op(&vmi->os, ..., cb, data, outcome)`. */
#define HAS(op) (vmi && vmi->have_os && vmi->os.ops->op)

status_t vmi_each_process(vmi_instance_t vmi, uint32_t flags, vmi_process_cb cb, void *data,
                          struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    if (can_list(vmi, HAS(processes), cb, "processes") != VMI_SUCCESS)
        return VMI_FAILURE;
    return finish(vmi, vmi->os.ops->processes(&vmi->os, flags, cb, data, &o), &o, ret, "processes");
}

status_t vmi_each_module(vmi_instance_t vmi, vmi_module_cb cb, void *data, struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    if (can_list(vmi, HAS(modules), cb, "modules") != VMI_SUCCESS)
        return VMI_FAILURE;
    return finish(vmi, vmi->os.ops->modules(&vmi->os, cb, data, &o), &o, ret, "modules");
}

status_t vmi_each_log_line(vmi_instance_t vmi, vmi_log_cb cb, void *data, struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    if (can_list(vmi, HAS(log), cb, "the log") != VMI_SUCCESS)
        return VMI_FAILURE;
    return finish(vmi, vmi->os.ops->log(&vmi->os, cb, data, &o), &o, ret, "the log");
}

status_t vmi_each_socket(vmi_instance_t vmi, vmi_socket_cb cb, void *data, struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    if (can_list(vmi, HAS(sockets), cb, "sockets") != VMI_SUCCESS)
        return VMI_FAILURE;
    return finish(vmi, vmi->os.ops->sockets(&vmi->os, cb, data, &o), &o, ret, "sockets");
}

status_t vmi_check(vmi_instance_t vmi, vmi_finding_cb cb, void *data, struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    if (can_list(vmi, HAS(check), cb, "contradictions") != VMI_SUCCESS)
        return VMI_FAILURE;
    return finish(vmi, vmi->os.ops->check(&vmi->os, cb, data, &o), &o, ret, "contradictions");
}

/* The same for what one process has. */
static status_t can_list_of(vmi_instance_t vmi, bool has_op, bool has_cb, const char *what,
                            vmi_pid_t pid, struct vmi_process *ret)
{
    return can_list(vmi, has_op, has_cb, what) == VMI_SUCCESS ? access_process(vmi, pid, ret)
                                                              : VMI_FAILURE;
}

/* ---- of one process -------------------------------------------------------------------------- */

status_t vmi_get_process(vmi_instance_t vmi, vmi_pid_t pid, struct vmi_process *ret)
{
    if (!ret)
        return vmi_fail(vmi, ST_INVALID, "no place for the process was given");
    return access_process(vmi, pid, ret);
}

status_t vmi_process_cmdline(vmi_instance_t vmi, const struct vmi_process *process, char *buf,
                             size_t size)
{
    if (!buf || !size)
        return vmi_fail(vmi, ST_INVALID, "no place for the command line was given");
    buf[0] = '\0';
    if (!process)
        return vmi_fail(vmi, ST_INVALID, "no process was given");
    if (can_list(vmi, HAS(cmdline), true, "command lines") != VMI_SUCCESS)
        return VMI_FAILURE;
    int st = vmi->os.ops->cmdline(&vmi->os, process, buf, size);
    return st == ST_OK
               ? VMI_SUCCESS
               : vmi_fail(vmi, st, "the command line of process %d cannot be read: %s",
                          (int)process->pid, vmi->diag.text[0] ? vmi->diag.text : status_name(st));
}

status_t vmi_each_vma(vmi_instance_t vmi, vmi_pid_t pid, vmi_vma_cb cb, void *data,
                      struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    struct vmi_process p;
    if (can_list_of(vmi, HAS(vmas), cb, "memory areas", pid, &p) != VMI_SUCCESS)
        return VMI_FAILURE;
    return finish(vmi, vmi->os.ops->vmas(&vmi->os, &p, cb, data, &o), &o, ret, "memory areas");
}

status_t vmi_each_dll(vmi_instance_t vmi, vmi_pid_t pid, vmi_module_cb cb, void *data,
                      struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    struct vmi_process p;
    if (can_list_of(vmi, HAS(dlls), cb, "DLLs (what a process has mapped is in its memory areas)",
                    pid, &p) != VMI_SUCCESS)
        return VMI_FAILURE;
    return finish(vmi, vmi->os.ops->dlls(&vmi->os, &p, cb, data, &o), &o, ret, "DLLs");
}

status_t vmi_each_handle(vmi_instance_t vmi, vmi_pid_t pid, vmi_handle_cb cb, void *data,
                         struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    struct vmi_process p;
    if (can_list_of(vmi, HAS(handles), cb, "handles (descriptors are open files)", pid, &p) !=
        VMI_SUCCESS)
        return VMI_FAILURE;
    return finish(vmi, vmi->os.ops->handles(&vmi->os, &p, cb, data, &o), &o, ret, "handles");
}

/* Threads out of a system's listing of processes. */
struct as_threads {
    vmi_thread_cb cb;
    void *data;
    int32_t pid; /* -1: all */
    uint64_t count;
};

static int as_thread(const struct vmi_process *p, void *data)
{
    struct as_threads *a = data;
    if (a->pid >= 0 && p->pid != a->pid)
        return 0;
    struct vmi_thread t = {.object = p->object,
                           .process = p->flags & VMI_PROCESS_THREAD ? 0 : p->object,
                           .pid = p->pid,
                           .tid = p->tid,
                           .flags = p->flags,
                           .unknown = VMI_UNKNOWN_EXIT | VMI_UNKNOWN_ADDRESSES,
                           .state = p->state,
                           .wait_reason = "",
                           .start_time_s = p->start_time_s};
    memcpy(t.comm, p->comm, sizeof t.comm);
    a->count++;
    return a->cb(&t, a->data);
}

status_t vmi_each_thread(vmi_instance_t vmi, vmi_pid_t pid, vmi_thread_cb cb, void *data,
                         struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    struct vmi_process p;
    struct as_threads a = {cb, data, pid < 0 ? -1 : (int32_t)pid, 0};
    if (can_list(vmi, HAS(threads) || HAS(processes), cb, "threads") != VMI_SUCCESS ||
        (pid >= 0 && access_process(vmi, pid, &p) != VMI_SUCCESS))
        return VMI_FAILURE;
    if (vmi->os.ops->threads)
        return finish(vmi, vmi->os.ops->threads(&vmi->os, pid < 0 ? NULL : &p, cb, data, &o), &o,
                      ret, "threads");
    if (pid >= 0)
        a.pid = p.pid;
    int st = vmi->os.ops->processes(&vmi->os, VMI_LIST_THREADS, as_thread, &a, &o);
    o.count = a.count;
    return finish(vmi, st, &o, ret, "threads");
}

status_t vmi_each_file(vmi_instance_t vmi, vmi_pid_t pid, vmi_file_cb cb, void *data,
                       struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    struct vmi_process p;
    if (can_list_of(vmi, HAS(files), cb, "open files", pid, &p) != VMI_SUCCESS)
        return VMI_FAILURE;
    return finish(vmi, vmi->os.ops->files(&vmi->os, &p, cb, data, &o), &o, ret, "open files");
}

status_t vmi_each_mount(vmi_instance_t vmi, vmi_pid_t pid, vmi_mount_cb cb, void *data,
                        struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    struct vmi_process p;
    if (can_list_of(vmi, HAS(mounts), cb, "mounts", pid, &p) != VMI_SUCCESS)
        return VMI_FAILURE;
    return finish(vmi, vmi->os.ops->mounts(&vmi->os, &p, cb, data, &o), &o, ret, "mounts");
}

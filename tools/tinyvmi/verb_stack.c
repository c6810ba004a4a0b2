/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <stdio.h>

enum { THREAD, COMM, FRAME, ADDRESS, STACK, SYMBOL, NAME, OFFSET, MODULE };

static const struct column columns[] = {
    [THREAD] = {"TID", "tid", "thread id", COLUMN_RIGHT},
    [COMM] = {"COMM", "comm", "the thread's name", 0},
    [FRAME] = {"#", "frame", "0: where it went to sleep", COLUMN_RIGHT},
    [ADDRESS] = {"ADDRESS", "address", "where it goes on", 0},
    [STACK] = {NULL, "stack", "stack pointer there", 0},
    [SYMBOL] = {"FUNCTION", NULL, NULL, 0},
    [NAME] = {NULL, "symbol", "function; null: none is known", 0},
    [OFFSET] = {NULL, "offset", "bytes from its beginning", 0},
    [MODULE] = {NULL, "module", "module that it belongs to; empty for the kernel itself", 0},
    {0},
};

struct list {
    struct run *run;
    struct listing l;
    const struct vmi_process *thread;
    uint64_t frame, running;
    struct vmi_outcome all;
    status_t status;
};

static int put_frame(const struct vmi_frame *f, void *data)
{
    struct list *list = data;
    struct listing *l = &list->l;
    struct vmi_symbol s;
    uint64_t offset;
    char where[700];
    if (!list->frame) {
        cell_i64(l, THREAD, list->thread->tid);
        cell_guest(l, COMM, list->thread->comm);
    } else if (list->run->json) {
        cell_i64(l, THREAD, list->thread->tid);
        cell_guest(l, COMM, list->thread->comm);
    }
    cell_u64(l, FRAME, list->frame++);
    cell_address(l, ADDRESS, f->ip);
    cell_address(l, STACK, f->sp);
    /* a call may be a function's last instruction: the return address is the next one's then */
    if (vmi_symbol_by_address(list->run->vmi, f->exact ? f->ip : f->ip - 1, &s, &offset) ==
        VMI_SUCCESS) {
        offset += !f->exact;
        snprintf(where, sizeof where, "%s+%#llx%s%s%s", s.name, (unsigned long long)offset,
                 s.module[0] ? " [" : "", s.module, s.module[0] ? "]" : "");
        cell_guest(l, SYMBOL, where);
        cell_guest(l, NAME, s.name);
        cell_u64(l, OFFSET, offset);
        cell_guest(l, MODULE, s.module);
    }
    row_end(l);
    return 0;
}

static void put_thread(struct list *list, const struct vmi_process *p)
{
    struct vmi_outcome o = {0};
    list->thread = p;
    list->frame = 0;
    if (vmi_each_frame(list->run->vmi, p, put_frame, list, &o) != VMI_SUCCESS) {
        if (vmi_last_error(list->run->vmi)->kind == VMI_ERROR_BUSY) {
            list->running++;
            complain(NULL, "%s", vmi_last_error(list->run->vmi)->text);
        } else {
            list->status = VMI_FAILURE;
        }
    }
    list->all.count += o.count;
    if (o.partial && !list->all.partial) {
        list->all.partial = true;
        snprintf(list->all.reason, sizeof list->all.reason, "thread %d: %.150s", p->tid, o.reason);
    }
}

struct group {
    struct list *list;
    vmi_pid_t pid;
};

static int put_group(const struct vmi_process *p, void *data)
{
    struct group *g = data;
    if (p->pid == g->pid)
        put_thread(g->list, p);
    return g->list->status != VMI_SUCCESS;
}

static int run(struct run *run)
{
    struct list list = {.run = run, .status = VMI_SUCCESS};
    struct vmi_process p;
    vmi_pid_t pid = 0;
    int code = operand_pid(run, 1, &pid);
    if (code)
        return code;
    if (vmi_get_process(run->vmi, pid, &p) != VMI_SUCCESS)
        return outcome_code(run, VMI_FAILURE, NULL, "cannot find the thread");
    run_listing(run, &list.l);
    if (opt(run, "threads")) {
        struct group g = {&list, p.pid};
        struct vmi_outcome o = {0};
        if (vmi_each_process(run->vmi, VMI_LIST_THREADS, put_group, &g, &o) != VMI_SUCCESS)
            list.status = VMI_FAILURE;
    } else {
        put_thread(&list, &p);
    }
    code = run_listing_end(run, &list.l, list.status, &list.all, "cannot unwind the stack");
    return code == EXIT_WELL && list.running && !list.all.count ? EXIT_NO : code;
}

const struct verb verb_stack = {
    .name = "stack",
    .purpose = "where a thread sleeps in the kernel: its call stack, as /proc/PID/stack",
    .operands = (const struct operand[]){TARGET_OPERAND, {"PID", "process or thread id", 0}, {0}},
    .options =
        (const struct option_row[]){{"threads", 'T', NULL, "all threads of the process", 0, NULL},
                                    {0}},
    .about =
        (const char *const[]){
            "Unwound by the kernel's own tables (ORC on x86-64, frame records on arm64), not "
            "guessed: the same frames that the kernel would print, those of the scheduler "
            "included. A thread that runs on a CPU has no stack to be read; see break.",
            NULL},
    .columns = columns,
    .examples = (const struct example[]){{"tinyvmi stack qemu:web1 812", "what it waits for"},
                                         {"tinyvmi stack -T memory.raw 812",
                                          "the same for all of its threads"},
                                         {0}},
    .says_no = "there is no such process, or it runs on a CPU",
    .see_also = "ps symbols check",
    .flags = VERB_KERNEL,
    .run = run,
};

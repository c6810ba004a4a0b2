/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <string.h>

enum {
    PID,
    TID,
    STATE,
    WAIT,
    PRIORITY,
    START_TEXT,
    START,
    EXIT,
    START_ADDRESS,
    USER_START,
    TEB,
    OBJECT,
    COMM
};

static const struct column columns[] = {
    [PID] = {"PID", "pid", "process id", COLUMN_RIGHT},
    [TID] = {"TID", "tid", "thread id", COLUMN_RIGHT},
    [STATE] = {"S", "state",
               "R runs or could, S waits, T is suspended or stopped, X has ended, D is on its way "
               "from disk, I begins; Linux: as ps has it; ? unknown",
               0},
    [WAIT] = {"WAITS FOR", "wait_reason", "Windows: why it waits", 0},
    [PRIORITY] = {"PRI", "priority", "Windows; null: not known", COLUMN_RIGHT},
    [START_TEXT] = {"STARTED", NULL, NULL, 0},
    [START] = {NULL, "start_time", "when, seconds since 1970; null: unknown", 0},
    [EXIT] = {NULL, "exit_time", "when it ended, seconds since 1970; null: it lives, or unknown",
              0},
    [START_ADDRESS] = {"START", "start_address", "Windows: where the kernel began it", 0},
    [USER_START] = {NULL, "user_start_address", "Windows: where its own code begins", 0},
    [TEB] = {NULL, "teb", "Windows: its thread environment block", 0},
    [OBJECT] = {NULL, "object", "address of its task_struct or ETHREAD", 0},
    [COMM] = {"COMM", "comm", "its name, or its process'", 0},
    {0},
};

struct list {
    struct run *run;
    struct listing l;
};

static int put(const struct vmi_thread *t, void *data)
{
    struct list *list = data;
    struct listing *l = &list->l;
    struct str start = {0};
    char state[2] = {t->state, 0};
    note_flags(list->run, t->flags);
    cell_i64(l, PID, t->pid);
    cell_i64(l, TID, t->tid);
    if (!(t->unknown & VMI_UNKNOWN_STATE)) {
        cell_guest(l, STATE, state)->colour = t->state == 'R' ? GREEN : PLAIN;
        cell_own(l, WAIT, t->wait_reason);
        if (!(t->unknown & VMI_UNKNOWN_ADDRESSES))
            cell_i64(l, PRIORITY, t->priority);
    }
    if (t->start_time_s) {
        str_utc(&start, t->start_time_s);
        cell_own(l, START_TEXT, start.p);
        cell_u64(l, START, t->start_time_s);
    }
    if (t->exit_time_s)
        cell_u64(l, EXIT, t->exit_time_s);
    if (t->start_address)
        cell_address(l, START_ADDRESS, t->start_address);
    if (t->user_start)
        cell_address(l, USER_START, t->user_start);
    if (t->teb)
        cell_address(l, TEB, t->teb);
    if (t->object)
        cell_address(l, OBJECT, t->object);
    cell_guest_n(l, COMM, t->comm, strnlen(t->comm, sizeof t->comm));
    row_end(l);
    str_free(&start);
    return 0;
}

static int run(struct run *run)
{
    struct vmi_outcome o = {0};
    struct list list = {.run = run};
    vmi_pid_t pid = -1;
    const struct vmi_kernel *k = vmi_kernel_info(run->vmi);
    int code = operand(run, 1) ? operand_pid(run, 1, &pid) : EXIT_WELL;
    if (code)
        return code;
    run_listing(run, &list.l);
    if (k && k->os != VMI_KIND_WINDOWS) {
        listing_hide(&list.l, WAIT);
        listing_hide(&list.l, PRIORITY);
        listing_hide(&list.l, START_ADDRESS);
    }
    status_t status = vmi_each_thread(run->vmi, pid, put, &list, &o);
    return run_listing_end(run, &list.l, status, &o, "cannot list the threads");
}

const struct verb verb_threads = {
    .name = "threads",
    .purpose = "threads of a process, or of all",
    .operands = (const struct operand[]){TARGET_OPERAND,
                                         {"PID", "process id (default: all)", OPERAND_OPTIONAL},
                                         {0}},
    .about =
        (const char *const[]){
            "Each process' list of threads. On Linux the same as 'tinyvmi ps --threads' without "
            "what belongs to the process; on Windows with the reason for which a thread waits "
            "(KWAIT_REASON), and where it began.",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){{"tinyvmi threads memory.raw 4", "the threads of System"},
                                 {"tinyvmi threads qemu:web1 --json | jq length", "how many"},
                                 {0}},
    .says_no = "there is no such process",
    .see_also = "ps check",
    .flags = VERB_KERNEL,
    .run = run,
};

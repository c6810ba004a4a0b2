/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <strings.h>

enum { HANDLE, TYPE, ACCESS_TEXT, ACCESS, OBJECT, PID, TID, NAME };

static const struct column columns[] = {
    [HANDLE] = {"HANDLE", "handle", "its value in the process", COLUMN_RIGHT},
    [TYPE] = {"TYPE", "type", "File, Key, Process, Event, ...; empty: not known", 0},
    [ACCESS_TEXT] = {"ACCESS", NULL, NULL, COLUMN_RIGHT},
    [ACCESS] = {NULL, "access", "the rights that were granted, as a number", 0},
    [OBJECT] = {"OBJECT", "object", "address of the object", 0},
    [PID] = {NULL, "pid", "of a process or a thread: which process; else null", 0},
    [TID] = {NULL, "tid", "of a thread: which; else null", 0},
    [NAME] = {"NAME", "name", "a file's, a key's path, a process' name; empty: it has none", 0},
    {0},
};

struct list {
    struct run *run;
    struct listing l;
    const char *type; /* these alone; NULL: all */
};

static int put(const struct vmi_handle *h, void *data)
{
    struct list *list = data;
    struct listing *l = &list->l;
    char access[16], after[48] = "";
    if (list->type && strcasecmp(list->type, h->type))
        return 0;
    note_flags(list->run, h->flags);
    snprintf(access, sizeof access, "0x%x", h->access);
    cell_u64(l, HANDLE, h->handle);
    cell_guest(l, TYPE, h->type);
    cell_own(l, ACCESS_TEXT, access);
    cell_u64(l, ACCESS, h->access);
    cell_address(l, OBJECT, h->object);
    if (h->pid)
        cell_i64(l, PID, h->pid);
    if (h->tid)
        cell_i64(l, TID, h->tid);
    if (h->tid)
        snprintf(after, sizeof after, "%sthread %d of process %d", h->name[0] ? " " : "", h->tid,
                 h->pid);
    else if (h->pid)
        snprintf(after, sizeof after, " (%d)", h->pid);
    struct cell *c = cell_guest(l, NAME, h->name);
    c->before = "";
    c->after = after;
    row_end(l);
    return 0;
}

static int run(struct run *run)
{
    struct vmi_outcome o = {0};
    struct list list = {.run = run, .type = opt(run, "type")};
    vmi_pid_t pid = 0;
    int code = process_listing(run, &list.l, &pid);
    if (code)
        return code;
    status_t status = vmi_each_handle(run->vmi, pid, put, &list, &o);
    return process_listing_end(run, &list.l, status, &o, pid, "handles");
}

const struct verb verb_handles = {
    .name = "handles",
    .purpose = "what a Windows process has open: files, keys, processes, ...",
    .operands = (const struct operand[]){TARGET_OPERAND, {"PID", "process id", 0}, {0}},
    .options =
        (const struct option_row[]){
            {"type", 0, "TYPE", "handles of this type alone: File", 0, NULL}, {0}},
    .about =
        (const char *const[]){
            "The process' handle table in the kernel, in the order of the handles. Names are those "
            "of the objects, as the kernel keeps them: a file's path begins with its device, a "
            "key's with the registry's root. Linux guests: 'tinyvmi files'.",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){
            {"tinyvmi handles memory.raw 1204 --type File", "the open files of process 1204"},
            {"tinyvmi handles memory.raw 4 --json | jq -r '.[] | select(.type == \"Process\") | "
             ".name'",
             "processes that System has handles of"},
            {0}},
    .says_no = "there is no such process",
    .see_also = "ps dlls files check",
    .flags = VERB_KERNEL,
    .run = run,
};

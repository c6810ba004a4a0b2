/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

enum { BASE, SIZE, LOADS, WOW64, NAME, PATH, ENTRY, LOADED, OBJECT };

static const struct column columns[] = {
    [BASE] = {"BASE", "base", "virtual address in the process", 0},
    [SIZE] = {"SIZE", "size", "bytes", COLUMN_RIGHT},
    [LOADS] = {"LOADS", "loads", "how often it was loaded; -1: it stays for good", COLUMN_RIGHT},
    [WOW64] = {NULL, "wow64", "in the lists of a 32-bit process' own loader", 0},
    [NAME] = {"NAME", "name", "its name", 0},
    [PATH] = {"PATH", "path", "the file", 0},
    [ENTRY] = {NULL, "entry", "virtual address of its entry point; null: none", 0},
    [LOADED] = {NULL, "load_time", "when it was loaded, seconds since 1970; null: unknown", 0},
    [OBJECT] = {NULL, "object", "address of the loader's entry, in the process", 0},
    {0},
};

struct list {
    struct run *run;
    struct listing l;
};

static int put(const struct vmi_module *m, void *data)
{
    struct list *list = data;
    struct listing *l = &list->l;
    note_flags(list->run, m->flags);
    cell_address(l, BASE, m->base);
    cell_u64(l, SIZE, m->size);
    cell_i64(l, LOADS, m->refs);
    cell_bool(l, WOW64, m->flags & VMI_MODULE_WOW64);
    cell_guest(l, NAME, m->name);
    cell_guest(l, PATH, m->path);
    if (m->entry)
        cell_address(l, ENTRY, m->entry);
    if (m->time_s)
        cell_u64(l, LOADED, m->time_s);
    cell_address(l, OBJECT, m->object);
    row_end(l);
    return 0;
}

static int run(struct run *run)
{
    struct vmi_outcome o = {0};
    struct list list = {.run = run};
    vmi_pid_t pid = 0;
    int code = process_listing(run, &list.l, &pid);
    if (code)
        return code;
    status_t status = vmi_each_dll(run->vmi, pid, put, &list, &o);
    return process_listing_end(run, &list.l, status, &o, pid, "DLLs");
}

const struct verb verb_dlls = {
    .name = "dlls",
    .purpose = "what a Windows process has loaded: program and DLLs",
    .operands = (const struct operand[]){TARGET_OPERAND, {"PID", "process id", 0}, {0}},
    .about =
        (const char *const[]){
            "The loader's own list, in the order of loading: the program first. It stands in the "
            "process' memory, and the process can change it; 'tinyvmi maps' shows what the kernel "
            "has mapped. A 32-bit process of a 64-bit system has two loaders: the 64-bit one's "
            "list comes first. Linux guests: 'tinyvmi maps'.",
            NULL},
    .columns = columns,
    .examples = (const struct example[]){{"tinyvmi dlls memory.raw 1204", "of process 1204"},
                                         {"tinyvmi dlls memory.raw 1204 --json | jq -r '.[].path'",
                                          "the files alone"},
                                         {0}},
    .says_no = "there is no such process",
    .see_also = "ps maps handles modules",
    .flags = VERB_KERNEL,
    .run = run,
};

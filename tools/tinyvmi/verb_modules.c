/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

enum { NAME, SIZE, REFS, STATE, BASE, INIT_BASE, INIT_SIZE, OBJECT, TAINTS, TIME, PATH };

static const struct column columns[] = {
    [NAME] = {"NAME", "name", "its name", 0},
    [SIZE] = {"SIZE", "size", "bytes, as /proc/modules has it", COLUMN_RIGHT},
    [REFS] = {"REFS", "refs", "who uses it: a count; Windows: null", COLUMN_RIGHT},
    [STATE] = {"STATE", "state", "Live, Loading, Unloading, Unformed; Windows: Live, Unloaded", 0},
    [BASE] = {"BASE", "base", "virtual address", 0},
    [INIT_BASE] = {NULL, "init_base", "virtual address of what is freed after loading; null: freed",
                   0},
    [INIT_SIZE] = {NULL, "init_size", "its size in bytes", 0},
    [OBJECT] = {NULL, "object", "address of the struct module, or of the loader's entry", 0},
    [TAINTS] = {"TAINTS", "taints", "letters: O out of tree, E unsigned, P proprietary, ...", 0},
    [TIME] = {NULL, "unload_time", "Windows: when it was unloaded, seconds since 1970; else null",
              0},
    [PATH] = {"PATH", "path", "Windows: the file", 0},
    {0},
};

struct list {
    struct run *run;
    struct listing l;
    bool windows;
};

static int put(const struct vmi_module *m, void *data)
{
    struct list *list = data;
    struct listing *l = &list->l;
    note_flags(list->run, m->flags);
    cell_guest(l, NAME, m->name);
    cell_u64(l, SIZE, m->size);
    if (!list->windows)
        cell_i64(l, REFS, m->refs);
    cell_guest(l, STATE, m->state);
    cell_address(l, BASE, m->base);
    if (m->init_base) {
        cell_address(l, INIT_BASE, m->init_base);
        cell_u64(l, INIT_SIZE, m->init_size);
    }
    if (m->object)
        cell_address(l, OBJECT, m->object);
    if (m->flags & VMI_MODULE_UNLOADED && m->time_s)
        cell_u64(l, TIME, m->time_s);
    if (m->flags & VMI_MODULE_UNLOADED)
        l->row_colour = DIM;
    if (m->path && m->path[0])
        cell_guest(l, PATH, m->path);
    cell_guest(l, TAINTS, m->taints)->colour = YELLOW;
    row_end(l);
    return 0;
}

static int run(struct run *run)
{
    struct vmi_outcome o = {0};
    struct list list = {.run = run};
    const struct vmi_kernel *k = vmi_kernel_info(run->vmi);
    list.windows = k && k->os == VMI_KIND_WINDOWS;
    run_listing(run, &list.l);
    if (list.windows) {
        listing_hide(&list.l, REFS);
        listing_hide(&list.l, TAINTS);
    } else {
        listing_hide(&list.l, PATH);
    }
    status_t status = vmi_each_module(run->vmi, put, &list, &o);
    return run_listing_end(run, &list.l, status, &o, "cannot list the modules");
}

const struct verb verb_modules = {
    .name = "modules",
    .purpose = "loaded kernel modules, or drivers",
    .operands = (const struct operand[]){TARGET_OPERAND, {0}},
    .about =
        (const char *const[]){
            "The kernel's own list, newest first, as /proc/modules shows it. A module that took "
            "itself off that list is what 'tinyvmi check' looks for.",
            "Windows: drivers in the order of loading, the kernel first; then, as far as the "
            "kernel remembers them, those that were unloaded, the newest first.",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){
            {"tinyvmi modules qemu:web1", "what is loaded"},
            {"tinyvmi modules mem.raw --json | jq -r '.[] | select(.taints != \"\") | .name'",
             "those that taint the kernel"},
            {0}},
    .see_also = "symbols check",
    .flags = VERB_KERNEL,
    .run = run,
};

/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

enum { NAME, SIZE, REFS, STATE, BASE, INIT_BASE, INIT_SIZE, OBJECT, PATH, TAINTS };

static const struct column columns[] = {
    [NAME] = {"NAME", "name", "its name", 0},
    [SIZE] = {"SIZE", "size", "bytes, as /proc/modules has it", COLUMN_RIGHT},
    [REFS] = {"REFS", "refs", "who uses it: a count", COLUMN_RIGHT},
    [STATE] = {"STATE", "state", "Live, Loading, Unloading, Unformed", 0},
    [BASE] = {"BASE", "base", "virtual address", 0},
    [INIT_BASE] = {NULL, "init_base", "virtual address of what is freed after loading; null: freed",
                   0},
    [INIT_SIZE] = {NULL, "init_size", "its size in bytes", 0},
    [OBJECT] = {NULL, "object", "address of the struct module", 0},
    [PATH] = {NULL, "path", "Windows: the file", 0},
    [TAINTS] = {"TAINTS", "taints", "letters: O out of tree, E unsigned, P proprietary, ...", 0},
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
    cell_guest(l, NAME, m->name);
    cell_u64(l, SIZE, m->size);
    cell_i64(l, REFS, m->refs);
    cell_guest(l, STATE, m->state);
    cell_address(l, BASE, m->base);
    if (m->init_base) {
        cell_address(l, INIT_BASE, m->init_base);
        cell_u64(l, INIT_SIZE, m->init_size);
    }
    cell_address(l, OBJECT, m->object);
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
    run_listing(run, &list.l);
    status_t status = vmi_each_module(run->vmi, put, &list, &o);
    return run_listing_end(run, &list.l, status, &o, "cannot list the modules");
}

const struct verb verb_modules = {
    .name = "modules",
    .purpose = "loaded kernel modules",
    .operands = (const struct operand[]){TARGET_OPERAND, {0}},
    .about =
        (const char *const[]){
            "The kernel's own list, newest first, as /proc/modules shows it. A module that took "
            "itself off that list is what 'tinyvmi check' looks for.",
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

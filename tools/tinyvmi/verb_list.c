/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

enum { TARGET, NAME, ID, MEMORY_TEXT, MEMORY, VCPUS, STATE, KIND, ACCESS };

static const struct column columns[] = {
    [TARGET] = {"TARGET", "target", "what other verbs take as TARGET", 0},
    [NAME] = {"NAME", "name", "its name", 0},
    [ID] = {"ID", "id", "process id, or domain id", COLUMN_RIGHT},
    [MEMORY_TEXT] = {"MEMORY", NULL, NULL, COLUMN_RIGHT},
    [MEMORY] = {NULL, "memory", "bytes of memory; null: unknown", 0},
    [VCPUS] = {"VCPUS", "vcpus", "virtual processors; null: unknown", COLUMN_RIGHT},
    [STATE] = {"STATE", "state", "running, paused, ...", 0},
    [KIND] = {NULL, "kind", "qemu, xen", 0},
    [ACCESS] = {"ACCESS", "access", "how its memory can be read, or why not", 0},
    {0},
};

struct list {
    struct listing *l;
    struct out *out;
    bool names;
};

static int put(const struct vmi_target *t, void *data)
{
    struct list *list = data;
    struct str memory = {0};
    if (list->names) {
        fprintf(list->out->f, "%s\n", t->target);
        return 0;
    }
    struct listing *l = list->l;
    cell_guest(l, TARGET, t->target);
    cell_guest(l, NAME, t->name);
    cell_i64(l, ID, t->id);
    if (t->memory) {
        str_size(&memory, t->memory);
        cell_own(l, MEMORY_TEXT, memory.p);
        cell_u64(l, MEMORY, t->memory);
    }
    if (t->vcpus)
        cell_u64(l, VCPUS, t->vcpus);
    cell_guest(l, STATE, t->state);
    cell_guest(l, KIND, t->kind);
    cell_guest(l, ACCESS, t->access);
    row_end(l);
    str_free(&memory);
    return 0;
}

static int run(struct run *run)
{
    struct listing l;
    struct vmi_outcome o = {0};
    struct list list = {&l, &run->out, opt(run, "names") != NULL};
    if (list.names) {
        status_t status = vmi_list_targets(put, &list, &o);
        return outcome_code(run, status, &o, "cannot list the virtual machines");
    }
    run_listing(run, &l);
    status_t status = vmi_list_targets(put, &list, &o);
    int code = run_listing_end(run, &l, status, &o, "cannot list the virtual machines");
    if (code == EXIT_WELL && l.rows == 0 && !run->json)
        complain("memory files are targets, too: tinyvmi info /path/to/file",
                 "no virtual machines were found on this machine");
    return code;
}

const struct verb verb_list = {
    .name = "list",
    .purpose = "the virtual machines on this machine",
    .options =
        (const struct option_row[]){
            {"names", 0, NULL, "print the targets alone, one a line", 0, NULL},
            {0},
        },
    .about =
        (const char *const[]){
            "Lists what can be opened here, started by whomever: plain qemu-system, libvirt, "
            "and in dom0 Xen's domains. ACCESS tells how the memory can be read: mapped, or copied "
            "from "
            "the process. Root sees all; others see their own.",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){{"tinyvmi list", "what runs here"},
                                 {"for t in $(tinyvmi list --names); do tinyvmi info $t; done",
                                  "the kernels of all guests"},
                                 {0}},
    .see_also = "info",
    .run = run,
};

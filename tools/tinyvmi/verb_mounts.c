/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

enum { ID, PARENT, DEVICE, ROOT, TARGET, TYPE, SOURCE, OPTIONS };

static const struct column columns[] = {
    [ID] = {NULL, "id", "as in /proc/PID/mountinfo", 0},
    [PARENT] = {NULL, "parent", "id of the mount that it is on", 0},
    [DEVICE] = {NULL, "device", "major:minor", 0},
    [ROOT] = {NULL, "root", "the part of the file system that is mounted", 0},
    [TARGET] = {"TARGET", "target", "where it is mounted", 0},
    [TYPE] = {"TYPE", "type", "ext4, tmpfs, ...", 0},
    [SOURCE] = {"SOURCE", "source", "device or name", 0},
    [OPTIONS] = {"OPTIONS", "options", "rw, nosuid, ...", 0},
    {0},
};

struct list {
    struct run *run;
    struct listing l;
};

static int put(const struct vmi_mount *m, void *data)
{
    struct list *list = data;
    struct listing *l = &list->l;
    char device[24];
    note_flags(list->run, m->flags);
    snprintf(device, sizeof device, "%u:%u", m->major, m->minor);
    cell_i64(l, ID, m->id);
    cell_i64(l, PARENT, m->parent);
    cell_own(l, DEVICE, device);
    cell_guest(l, ROOT, m->root);
    cell_guest(l, TARGET, m->target);
    cell_guest(l, TYPE, m->type);
    cell_guest(l, SOURCE, m->source);
    cell_guest(l, OPTIONS, m->options);
    row_end(l);
    return 0;
}

static int run(struct run *run)
{
    struct vmi_outcome o = {0};
    struct list list = {.run = run};
    vmi_pid_t pid = 1;
    int code = operand_pid(run, 1, &pid);
    if (code)
        return code;
    run_listing(run, &list.l);
    status_t status = vmi_each_mount(run->vmi, pid, put, &list, &o);
    return run_listing_end(run, &list.l, status, &o, "cannot list the mounts");
}

const struct verb verb_mounts = {
    .name = "mounts",
    .purpose = "mounted file systems, as a process sees them",
    .operands = (const struct operand[]){TARGET_OPERAND,
                                         {"PID", "process id (default: 1)", OPERAND_OPTIONAL},
                                         {0}},
    .columns = columns,
    .examples = (const struct example[]){{"tinyvmi mounts qemu:web1", "the mounts of process 1"},
                                         {"tinyvmi mounts qemu:web1 812",
                                          "... of a process in a container"},
                                         {0}},
    .says_no = "there is no such process",
    .see_also = "files info",
    .flags = VERB_KERNEL,
    .run = run,
};

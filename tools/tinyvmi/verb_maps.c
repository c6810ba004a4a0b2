/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

enum { RANGE, START, END, RIGHTS, OFFSET_TEXT, OFFSET, DEVICE, INODE, PATH };

static const struct column columns[] = {
    [RANGE] = {"ADDRESS", NULL, NULL, 0},
    [START] = {NULL, "start", "first address", 0},
    [END] = {NULL, "end", "last address plus one", 0},
    [RIGHTS] = {"PERM", "rights", "read, write, execute; shared or private", 0},
    [OFFSET_TEXT] = {"OFFSET", NULL, NULL, 0},
    [OFFSET] = {NULL, "offset", "bytes into the file", 0},
    [DEVICE] = {"DEV", "device", "major:minor of the file's device, hexadecimal", 0},
    [INODE] = {"INODE", "inode", "of the file; 0: no file", COLUMN_RIGHT},
    [PATH] = {"PATH", "path", "file, [heap], [stack], [vdso]; empty for anonymous memory", 0},
    {0},
};

struct list {
    struct run *run;
    struct listing l;
};

static int put(const struct vmi_vma *v, void *data)
{
    struct list *list = data;
    struct listing *l = &list->l;
    char range[48], rights[5], offset[24], device[24];
    note_flags(list->run, v->flags);
    snprintf(range, sizeof range, "%08llx-%08llx", (unsigned long long)v->start,
             (unsigned long long)v->end);
    snprintf(rights, sizeof rights, "%c%c%c%c", v->read ? 'r' : '-', v->write ? 'w' : '-',
             v->exec ? 'x' : '-', v->shared ? 's' : 'p');
    snprintf(offset, sizeof offset, "%08llx", (unsigned long long)v->offset);
    snprintf(device, sizeof device, "%02x:%02x", v->major, v->minor);
    cell_own(l, RANGE, range);
    cell_address(l, START, v->start);
    cell_address(l, END, v->end);
    /* Both writable and executable: worth a look. */
    cell_own(l, RIGHTS, rights)->colour = v->write && v->exec ? RED : PLAIN;
    cell_own(l, OFFSET_TEXT, offset);
    cell_u64(l, OFFSET, v->offset);
    cell_own(l, DEVICE, device);
    cell_u64(l, INODE, v->inode);
    cell_guest(l, PATH, v->path);
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
    status_t status = vmi_each_vma(run->vmi, pid, put, &list, &o);
    return process_listing_end(run, &list.l, status, &o, pid, "mappings");
}

const struct verb verb_maps = {
    .name = "maps",
    .purpose = "what a process has mapped, as /proc/PID/maps",
    .operands = (const struct operand[]){TARGET_OPERAND, {"PID", "process id", 0}, {0}},
    .columns = columns,
    .examples =
        (const struct example[]){{"tinyvmi maps qemu:web1 812", "the memory map of process 812"},
                                 {"tinyvmi maps memory.raw 1 --json | jq -r '.[].path' | sort -u",
                                  "the files that it has mapped"},
                                 {0}},
    .says_no = "there is no such process",
    .see_also = "ps files read v2p dump",
    .flags = VERB_KERNEL,
    .run = run,
};

/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

enum { FD, TYPE, ACCESS, FLAGS, MODE, POSITION, INODE, PATH };

static const struct column columns[] = {
    [FD] = {"FD", "fd", "descriptor", COLUMN_RIGHT},
    [TYPE] = {"TYPE", "type", "file, dir, chr, blk, fifo, socket, link, anon", 0},
    [ACCESS] = {"ACCESS", "access", "r, w, rw; a: appends", 0},
    [FLAGS] = {NULL, "open_flags", "O_* as a number", 0},
    [MODE] = {NULL, "mode", "the inode's mode as a number", 0},
    [POSITION] = {"POSITION", "position", "bytes", COLUMN_RIGHT},
    [INODE] = {"INODE", "inode", "its inode", COLUMN_RIGHT},
    [PATH] = {"PATH", "path", "as readlink of /proc/PID/fd/N", 0},
    {0},
};

struct list {
    struct run *run;
    struct listing l;
};

static int put(const struct vmi_file *f, void *data)
{
    /* O_ACCMODE and O_APPEND, include/uapi/asm-generic/fcntl.h; the same on x86 and Arm. */
    static const char *const access[2][4] = {{"r", "w", "rw", "-"}, {"ra", "wa", "rwa", "-"}};
    struct list *list = data;
    struct listing *l = &list->l;
    note_flags(list->run, f->flags);
    cell_i64(l, FD, f->fd);
    cell_guest(l, TYPE, f->type);
    cell_own(l, ACCESS, access[(f->open_flags >> 10) & 1][f->open_flags & 3]);
    cell_u64(l, FLAGS, f->open_flags);
    cell_u64(l, MODE, f->mode);
    cell_u64(l, POSITION, f->position);
    cell_u64(l, INODE, f->inode);
    cell_guest(l, PATH, f->path);
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
    status_t status = vmi_each_file(run->vmi, pid, put, &list, &o);
    return process_listing_end(run, &list.l, status, &o, pid, "open files");
}

const struct verb verb_files = {
    .name = "files",
    .purpose = "what a process has open, as /proc/PID/fd",
    .operands = (const struct operand[]){TARGET_OPERAND, {"PID", "process id", 0}, {0}},
    .columns = columns,
    .examples =
        (const struct example[]){{"tinyvmi files qemu:web1 812", "the open files of process 812"},
                                 {0}},
    .says_no = "there is no such process",
    .see_also = "ps maps net",
    .flags = VERB_KERNEL,
    .run = run,
};

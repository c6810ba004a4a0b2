/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files. Facts: include/linux/fdtable.h (the table and its bitmaps), fs/proc/fd.c (seq_show:
 * what fdinfo prints), include/uapi/linux/stat.h, include/uapi/asm-generic/fcntl.h.
 */
#include "os/linux/file.h"
#include "os/linux/path.h"

#include <inttypes.h>

enum {
    MAX_FDS = 1 << 20,       /* sysctl_nr_open, fs/file.c */
    PIECE_BYTES = 512,       /* of the bitmaps, read at once: 4096 descriptors */
    GROUP = 64,              /* pointers read at once */
    OPEN_CLOEXEC = 02000000, /* O_CLOEXEC on x86 and Arm */
};

struct fd_table {
    const struct linux_view *l;
    uint64_t fd, open_fds, close_on_exec; /* addresses of the three arrays */
    uint64_t max, *left;
    lx_fd_cb cb;
    void *data;
    struct vmi_outcome *o;
};

static bool bit_of(const uint8_t *map, unsigned i)
{
    return map[i / 8] >> (i % 8) & 1;
}

/* Takes one from what may still be looked at. */
static bool spend(struct fd_table *t)
{
    if (!*t->left) {
        outcome_cut(t->o,
                    "more open files than the bound; those of the table at %#" PRIx64
                    " are not all looked at",
                    t->fd);
        return false;
    }
    --*t->left;
    return true;
}

/* The descriptors first .. first + GROUP - 1, of which `open` has the bits. Non-zero: the callback
 * wants no more. */
static int each_of_group(struct fd_table *t, uint64_t first, unsigned n, const uint8_t *open,
                         const uint8_t *cloexec)
{
    uint8_t raw[GROUP * 8];
    unsigned ptr_size = t->l->v->ptr_size;
    size_t done = 0;
    if (aspace_read(&t->l->v->kernel, GVA(t->fd + first * ptr_size), raw, (size_t)n * ptr_size,
                    &done) != ST_OK)
        outcome_cut(t->o, "the table of files at %#" PRIx64 " is not all in memory", t->fd);
    for (unsigned i = 0; i < n && (i + 1) * ptr_size <= done; i++) {
        uint64_t file = ptr_size == 8 ? le64(raw + 8 * i) : le32(raw + 4 * i);
        struct lx_fd f = {(int32_t)(first + i), file, bit_of(cloexec, i)};
        if (!bit_of(open, i) || !file) /* no file: the number is reserved, open() is under way */
            continue;
        if (!spend(t) || t->cb(&f, t->data))
            return 1;
    }
    return 0;
}

/* One piece of the bitmaps. */
static int each_of_piece(struct fd_table *t, uint64_t first, unsigned n)
{
    static const uint8_t none[GROUP / 8];
    uint8_t open[PIECE_BYTES], cloexec[PIECE_BYTES] = {0};
    size_t bytes = (n + 7) / 8;
    if (!spend(t))
        return 1;
    if (aspace_read(&t->l->v->kernel, GVA(t->open_fds + first / 8), open, bytes, NULL) != ST_OK) {
        outcome_cut(t->o, "the bitmap of open files at %#" PRIx64 " is not in memory",
                    t->open_fds + first / 8);
        return 0;
    }
    if (aspace_read(&t->l->v->kernel, GVA(t->close_on_exec + first / 8), cloexec, bytes, NULL) !=
        ST_OK)
        outcome_cut(t->o, "the close-on-exec bitmap at %#" PRIx64 " is not in memory",
                    t->close_on_exec + first / 8);
    for (unsigned i = 0; i < n; i += GROUP) {
        unsigned group = MIN_OF((unsigned)GROUP, n - i);
        if (memcmp(open + i / 8, none, (group + 7) / 8) == 0)
            continue;
        if (each_of_group(t, first + i, group, open + i / 8, cloexec + i / 8))
            return 1;
    }
    return 0;
}

int lx_each_fd(const struct linux_view *l, uint64_t task, uint64_t *left, lx_fd_cb cb, void *data,
               struct vmi_outcome *o)
{
    static const enum layout_id need[] = {L_task_files, L_files_fdt,    L_fdt_max_fds,
                                          L_fdt_fd,     L_fdt_open_fds, L_fdt_close_on_exec};
    struct fd_table t = {.l = l, .left = left, .cb = cb, .data = data, .o = o};
    uint64_t files, fdt;
    int st = lx_require(l, "the open files", need, ARRAY_LEN(need));
    if (st != ST_OK)
        return st;
    if ((st = lx_ptr(l, task, L_task_files, &files)) == ST_OK && !files)
        return ST_OK;
    if (st != ST_OK || (st = lx_ptr(l, files, L_files_fdt, &fdt)) != ST_OK ||
        (st = lx_read(l, fdt, L_fdt_max_fds, &t.max)) != ST_OK ||
        (st = lx_ptr(l, fdt, L_fdt_fd, &t.fd)) != ST_OK ||
        (st = lx_ptr(l, fdt, L_fdt_open_fds, &t.open_fds)) != ST_OK ||
        (st = lx_ptr(l, fdt, L_fdt_close_on_exec, &t.close_on_exec)) != ST_OK)
        return diag_fail(l->v->diag, st,
                         "the table of open files of the task at %#" PRIx64 " is not in memory",
                         task);
    if (t.max > MAX_FDS) {
        outcome_cut(
            o, "the table of files at %#" PRIx64 " claims %" PRIu64 " entries; %d were looked at",
            fdt, t.max, MAX_FDS);
        t.max = MAX_FDS;
    }
    for (uint64_t first = 0; first < t.max; first += PIECE_BYTES * 8)
        if (each_of_piece(&t, first, (unsigned)MIN_OF(t.max - first, (uint64_t)PIECE_BYTES * 8)))
            break;
    return ST_OK;
}

static const char *type_name(uint32_t mode, const char *path)
{
    enum { FIFO = 1, CHR = 2, DIR = 4, BLK = 6, REG = 8, LNK = 10, SOCK = 12 };
    if (!strncmp(path, "anon_inode:", 11))
        return "anon"; /* has no type until 6.16, S_IFREG since */
    switch (mode >> 12) {
    case FIFO:
        return "fifo";
    case CHR:
        return "chr";
    case DIR:
        return "dir";
    case BLK:
        return "blk";
    case REG:
        return "file";
    case LNK:
        return "link";
    case SOCK:
        return "socket";
    default:
        return "anon";
    }
}

struct files_walk {
    const struct linux_view *l;
    vmi_file_cb cb;
    void *data;
    struct vmi_outcome *o;
    uint64_t steps; /* see LX_LISTING_STEPS */
    char path[LX_PATH_MAX];
};

static void read_file(struct files_walk *w, const struct lx_fd *fd, struct vmi_file *f)
{
    const struct linux_view *l = w->l;
    uint64_t v, inode;
    struct lx_path path;
    bool whole = true;
    if (lx_read(l, fd->file, L_file_flags, &v) == ST_OK)
        f->open_flags = (uint32_t)v;
    else
        whole = false;
    if (fd->close_on_exec)
        f->open_flags |= OPEN_CLOEXEC;
    whole &= lx_read(l, fd->file, L_file_pos, &f->position) == ST_OK;
    whole &= lx_ptr(l, fd->file, L_file_inode, &inode) == ST_OK &&
             lx_read(l, inode, L_inode_ino, &f->inode) == ST_OK;
    if (whole && lx_read(l, inode, L_inode_mode, &v) == ST_OK)
        f->mode = (uint32_t)v;
    else
        whole = false;
    w->path[0] = '\0';
    whole &= lx_path_read(l, fd->file + lx_off(l, L_file_path), &path) == ST_OK &&
             lx_path_text(l, &path, NULL, &w->steps, w->path, sizeof w->path, NULL) == ST_OK;
    if (!whole)
        f->flags |= VMI_RECORD_PARTIAL;
    f->path = w->path;
    f->type = type_name(f->mode, w->path);
}

static int give_file(const struct lx_fd *fd, void *data)
{
    struct files_walk *w = data;
    struct vmi_file f = {.fd = fd->fd};
    if (!w->steps) {
        outcome_cut(w->o, "the open files have paths as long as no guest has them");
        return 1;
    }
    read_file(w, fd, &f);
    w->o->count++;
    return w->cb(&f, w->data);
}

int lx_files(struct osview *v, const struct vmi_process *p, vmi_file_cb cb, void *data,
             struct vmi_outcome *ret)
{
    static const enum layout_id need[] = {
        L_file_path,     L_file_inode, L_file_flags,   L_file_pos,        L_inode_mode,
        L_inode_ino,     L_path_mnt,   L_path_dentry,  L_dentry_parent,   L_dentry_name,
        L_vfsmount_root, L_mount_mnt,  L_mount_parent, L_mount_mountpoint};
    const struct linux_view *l = lx_of(v);
    struct files_walk w = {.l = l, .cb = cb, .data = data, .o = ret, .steps = LX_LISTING_STEPS};
    uint64_t left = 2 * MAX_FDS;
    int st = lx_require(l, "the open files", need, ARRAY_LEN(need));
    return st == ST_OK ? lx_each_fd(l, p->object, &left, give_file, &w, ret) : st;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of files as the guest's own /proc prints them: a struct path turned into text the way
 * d_path() does it, including what has no path (pipes, sockets, anonymous inodes, memfd) and what
 * was deleted. Dentries and mounts may be forged: every climb is bounded in steps and in bytes.
 *
 * Names are the guest's bytes, not escaped: they may hold newlines and control characters.
 */
#ifndef TINYVMI_OS_LINUX_PATH_H
#define TINYVMI_OS_LINUX_PATH_H

#include "os/linux/linux.h"

enum {
    LX_PATH_MAX = 4096 + 16, /* bytes: PATH_MAX and " (deleted)" */
    LX_LISTING_STEPS =
        1 << 24, /* names and mounts that the paths of one listing may climb, all together */
};

struct lx_path {
    uint64_t mnt, dentry; /* vfsmount and dentry, guest-virtual */
};

/* Where a climb ended. */
enum lx_path_end {
    LX_PATH_ROOT,    /* at the root that was given */
    LX_PATH_TOP,     /* at a mount without a parent: the whole tree was climbed */
    LX_PATH_ESCAPED, /* at a dentry without a parent that is not its mount's root: a disconnected
                        tree */
    LX_PATH_PSEUDO,  /* the name is made by its file system and has no place in the tree */
};

/* Reads the struct path at `at`. */
MUST_USE int lx_path_read(const struct linux_view *l, uint64_t at, struct lx_path *ret);

/*
 * The text of a path as seen from `root` (NULL: from the top of its mount tree, which is what the
 * system's own init sees unless it lives in a chroot). `buf` always gets a terminated text, on
 * failure as much of the path's end as was there. ST_LIMIT: does not fit, or more steps than any
 * real path has (a cycle); ST_BROKEN: a name that cannot be; ST_ABSENT: a part is not in memory.
 * *steps is how far the caller's paths may still climb, all together (LX_LISTING_STEPS at the
 * start): a forged list may have a million entries, each with the longest path. At 0 all is
 * ST_LIMIT. `end` (may be NULL) is set on success.
 */
int lx_path_text(const struct linux_view *l, const struct lx_path *path, const struct lx_path *root,
                 uint64_t *steps, char *buf, size_t size, enum lx_path_end *end);

/* The path of a dentry inside its file system, as the field `root` of mountinfo has it. All else as
 * lx_path_text. */
int lx_dentry_text(const struct linux_view *l, uint64_t dentry, uint64_t *steps, char *buf,
                   size_t size);

/* Name of the type of the file system ("ext4"), with ".SUBTYPE" where there is one. */
int lx_fstype_text(const struct linux_view *l, uint64_t sb, char *buf, size_t size);

/* major and minor of a dev_t inside the kernel (include/linux/kdev_t.h: MINORBITS is 20). */
static inline uint32_t lx_dev_major(uint64_t dev)
{
    return (uint32_t)dev >> 20;
}

static inline uint32_t lx_dev_minor(uint64_t dev)
{
    return (uint32_t)dev & 0xfffff;
}

#endif

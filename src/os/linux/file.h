/* SPDX-License-Identifier: BSD-2-Clause */
/* The descriptor table of a task, for those who list files and for those who look for the holder of
 * a socket. */
#ifndef TINYVMI_OS_LINUX_FILE_H
#define TINYVMI_OS_LINUX_FILE_H

#include "os/linux/linux.h"

struct lx_fd {
    int32_t fd;
    uint64_t file; /* struct file */
    bool close_on_exec;
};

/* Non-zero ends the walk. */
typedef int (*lx_fd_cb)(const struct lx_fd *fd, void *data);

/*
 * Every open descriptor of the task_struct at `task`, ascending. At most 2^20 of them are looked at
 * (the kernel's own default bound, sysctl_nr_open). *left is what all the caller's tables may cost
 * together: one a descriptor and one for every 4096 that a table has room for; at 0 the walk ends.
 * `o` is marked when the table is cut; its count is left alone. ST_UNSUPPORTED: the layout is not
 * known (see the view's diag); ST_ABSENT: the task or its table is not in memory. A task without a
 * table (it is exiting) has no descriptors: ST_OK.
 */
MUST_USE int lx_each_fd(const struct linux_view *l, uint64_t task, uint64_t *left, lx_fd_cb cb,
                        void *data, struct vmi_outcome *o);

#endif

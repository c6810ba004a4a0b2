/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one file that the unikernel may have: its ramdisk, a configuration or a profile, named
 * "/ramdisk", and "/etc/libvmi.conf" for programs that look for their configuration there. Answers
 * platform.h's files, and what the libc asks below fopen.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"
#include "platform/platform.h"

enum { FIRST_FD = 3, MAX_FD = 8 };

const char *const ramdisk_path = "/ramdisk";

static struct {
    const uint8_t *p;
    size_t n;
    struct {
        bool used;
        size_t at;
    } open[MAX_FD];
} disk;

void ramdisk_start(const void *p, size_t n)
{
    disk.p = p;
    disk.n = n;
}

static bool is_ramdisk(const char *path)
{
    return disk.n && (!strcmp(path, ramdisk_path) || !strcmp(path, "/etc/libvmi.conf"));
}

int plat_file_open(const char *path, int mapped, struct plat_file *ret)
{
    if (!is_ramdisk(path))
        return -ENOENT;
    if (mapped == 2)
        return -EACCES;
    *ret = (struct plat_file){.fd = -1, .size = disk.n, .map = disk.p};
    return 0;
}

int plat_file_read(const struct plat_file *f, uint64_t at, void *buf, size_t n)
{
    if (at > f->size || n > f->size - at)
        return -EIO;
    memcpy(buf, f->map + at, n);
    return 0;
}

uint64_t plat_file_next_data(const struct plat_file *f, uint64_t at)
{
    return at < f->size ? at : f->size;
}

uint64_t plat_file_next_hole(const struct plat_file *f, uint64_t at)
{
    (void)at;
    return f->size;
}

void plat_file_close(struct plat_file *f)
{
    *f = (struct plat_file){.fd = -1};
}

/* ---- below fopen ----------------------------------------------------------------------------- */

int open(const char *path, int flags, ...)
{
    errno = ENOENT;
    if (!is_ramdisk(path))
        return -1;
    errno = EROFS;
    if ((flags & O_ACCMODE) != O_RDONLY)
        return -1;
    for (int i = 0; i < MAX_FD; i++) {
        if (disk.open[i].used)
            continue;
        disk.open[i].used = true;
        disk.open[i].at = 0;
        return FIRST_FD + i;
    }
    errno = EMFILE;
    return -1;
}

static bool is_open(int fd)
{
    bool ok = fd >= FIRST_FD && fd < FIRST_FD + MAX_FD && disk.open[fd - FIRST_FD].used;
    if (!ok)
        errno = EBADF;
    return ok;
}

int close(int fd)
{
    if (!is_open(fd))
        return -1;
    disk.open[fd - FIRST_FD].used = false;
    return 0;
}

ssize_t read(int fd, void *buf, size_t n)
{
    if (!is_open(fd))
        return -1;
    size_t *at = &disk.open[fd - FIRST_FD].at, left = disk.n - *at;
    n = n < left ? n : left;
    memcpy(buf, disk.p + *at, n);
    *at += n;
    return (ssize_t)n;
}

off_t lseek(int fd, off_t offset, int whence)
{
    if (!is_open(fd))
        return -1;
    size_t *at = &disk.open[fd - FIRST_FD].at;
    off_t start = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (off_t)*at : (off_t)disk.n;
    if (start + offset < 0 || (size_t)(start + offset) > disk.n) {
        errno = EINVAL;
        return -1;
    }
    *at = (size_t)(start + offset);
    return (off_t)*at;
}

int fstat(int fd, struct stat *ret)
{
    if (fd >= FIRST_FD && !is_open(fd))
        return -1;
    *ret = (struct stat){.st_mode = fd < FIRST_FD ? S_IFCHR : S_IFREG,
                         .st_size = fd < FIRST_FD ? 0 : (off_t)disk.n};
    return 0;
}

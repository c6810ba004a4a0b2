/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "../platform.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

uint64_t plat_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int plat_file_open(const char *path, int mapped, struct plat_file *ret)
{
    /* O_NONBLOCK: a FIFO must not hang us; it means nothing for files and block devices. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    struct stat st;
    int err = 0;
    off_t size = 0;
    if (fstat(fd, &st) < 0)
        err = -errno;
    else if (S_ISDIR(st.st_mode))
        err = -EISDIR;
    else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        err = -EINVAL;
    else if ((size = lseek(fd, 0, SEEK_END)) < 0)
        err = -errno;
    else if (size == 0)
        err = -ENODATA;
    void *map = NULL;
    if (!err && mapped) {
        map = mmap(NULL, (size_t)size, mapped == 2 ? PROT_READ | PROT_WRITE : PROT_READ,
                   mapped == 2 ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
            err = -errno;
    }
    if (err) {
        close(fd);
        return err;
    }
    *ret = (struct plat_file){.fd = fd, .size = (uint64_t)size, .map = map};
    return 0;
}

int plat_file_read(const struct plat_file *f, uint64_t at, void *buf, size_t n)
{
    size_t got = 0;
    while (got < n) {
        ssize_t r = pread(f->fd, (char *)buf + got, n - got, (off_t)(at + got));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -errno;
        if (r == 0)
            return -EIO;
        got += (size_t)r;
    }
    return 0;
}

uint64_t plat_file_next_data(const struct plat_file *f, uint64_t at)
{
    off_t r = lseek(f->fd, (off_t)at, SEEK_DATA);
    if (r < 0)
        return errno == ENXIO ? f->size : at;
    return (uint64_t)r;
}

uint64_t plat_file_next_hole(const struct plat_file *f, uint64_t at)
{
    off_t r = lseek(f->fd, (off_t)at, SEEK_HOLE);
    return r < 0 ? f->size : (uint64_t)r;
}

void plat_file_close(struct plat_file *f)
{
    if (f->map)
        munmap((void *)(uintptr_t)f->map, f->size);
    if (f->fd >= 0)
        close(f->fd);
    *f = (struct plat_file){.fd = -1};
}

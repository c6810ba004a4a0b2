/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "../platform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void plat_file_stamp(const struct plat_file *f, uint64_t *mtime_ns, int *own)
{
    struct stat st;
    int ok = fstat(f->fd, &st) == 0;

    *mtime_ns = ok ? (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec : 0;
    *own = ok && st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

int plat_cache_path(const char *name, char *buf, size_t size)
{
    const char *given = getenv("TINYVMI_CACHE"), *xdg = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    int n = -1;

    if (given)
        n = *given ? snprintf(buf, size, "%s/%s", given, name) : -1;
    else if (xdg && *xdg == '/') /* others are to be ignored, says the XDG specification */
        n = snprintf(buf, size, "%s/tinyvmi/%s", xdg, name);
    else if (home && *home)
        n = snprintf(buf, size, "%s/.cache/tinyvmi/%s", home, name);
    if (n < 0)
        return -ENOENT;
    return (size_t)n < size ? 0 : -ENAMETOOLONG;
}

/* Makes the folders above a path, for this user alone. */
static int make_folders(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        int err = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
        *p = '/';
        if (err)
            return err;
    }
    return 0;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -errno;
        p += w;
        n -= (size_t)w;
    }
    return 0;
}

int plat_cache_write(const char *name, const void *p, size_t n)
{
    char path[PATH_MAX], made[PATH_MAX + 8];
    int err = plat_cache_path(name, path, sizeof path);

    if (!err)
        err = make_folders(path);
    if (err)
        return err;
    snprintf(made, sizeof made, "%s.XXXXXX", path);
    int fd = mkostemp(made, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    err = write_all(fd, p, n);
    if (close(fd) < 0 && !err)
        err = -errno;
    if (!err && rename(made, path) < 0)
        err = -errno;
    if (err)
        unlink(made);
    return err;
}

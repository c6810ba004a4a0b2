/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
/*
 * The hypervisor through Linux's Xen devices: /dev/xen/privcmd for hypercalls and foreign frames,
 * /dev/xen/hypercall (Linux 4.18) for memory that Xen may write. Requests and structures: Linux,
 * include/uapi/xen/privcmd.h. No library of Xen's is needed, so one binary fits every release.
 */
#include "xen_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096 };

/* One hypercall: number and five arguments; its answer is the ioctl's. */
struct privcmd_call {
    uint64_t op, arg[5];
};

/* IOCTL_PRIVCMD_MMAPBATCH_V2: frames of a domain over [addr, addr + num pages). */
struct privcmd_batch {
    unsigned num;
    uint16_t domain;
    uint64_t addr;
    const uint64_t *frames;
    int *error;
};

_Static_assert(sizeof(struct privcmd_call) == 48 && sizeof(struct privcmd_batch) == 32,
               "as the kernel has them");

#define PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_call))
#define PRIVCMD_BATCH     _IOC(_IOC_NONE, 'P', 4, sizeof(struct privcmd_batch))

static int open_device(const char *const names[], char *where, size_t where_size)
{
    int err = -ENOENT;
    for (size_t i = 0; names[i]; i++) {
        int fd = open(names[i], O_RDWR | O_CLOEXEC);
        if (fd >= 0)
            return fd;
        if (!i || (err == -ENOENT && errno != ENOENT)) {
            err = -errno;
            if (where)
                snprintf(where, where_size, "%s", names[i]);
        }
    }
    /* A driver without a hypervisor below it. */
    return err == -ENXIO || err == -ENODEV ? -ENOENT : err;
}

int plat_xen_open(struct plat_xen **ret, char *where, size_t where_size)
{
    static const char *const privcmd[] = {"/dev/xen/privcmd", "/proc/xen/privcmd", NULL};
    static const char *const memory[] = {"/dev/xen/hypercall", NULL};
    struct plat_xen *x = calloc(1, sizeof *x);
    if (!x)
        return -ENOMEM;
    x->evtchn = x->store = x->buffers = -1;
    x->privcmd = open_device(privcmd, where, where_size);
    if (x->privcmd < 0) {
        int err = x->privcmd;
        free(x);
        return err;
    }
    x->buffers = open_device(memory, NULL, 0); /* -1: pages of our own will do */
    *ret = x;
    return 0;
}

void plat_xen_close(struct plat_xen *x)
{
    if (!x)
        return;
    const int fds[] = {x->borrowed ? -1 : x->evtchn, x->store, x->buffers, x->privcmd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(x);
}

/* glibc's ioctl() answers an int: a frame number may be larger. */
static long request(int fd, unsigned long what, void *arg)
{
    long v = syscall(SYS_ioctl, fd, what, arg);
    return v == -1 ? -errno : v;
}

long plat_xen_hypercall(struct plat_xen *x, unsigned op, uint64_t a1, uint64_t a2, uint64_t a3,
                        uint64_t a4, uint64_t a5)
{
    struct privcmd_call c = {op, {a1, a2, a3, a4, a5}};
    return request(x->privcmd, PRIVCMD_HYPERCALL, &c);
}

static size_t whole_pages(size_t n)
{
    return (n + PAGE - 1) / PAGE * PAGE;
}

/*
 * Xen must not find a page gone while it writes. The device's pages stay where they are; locked
 * pages of our own may still be moved for a moment by the kernel, which older kernels leave no way
 * around: Xen answers EFAULT then, and libxencall had no better way either.
 */
void *plat_xen_buffer(struct plat_xen *x, size_t bytes)
{
    size_t n = whole_pages(bytes);
    if (!n)
        return NULL;
    bool device = x->buffers >= 0;
    void *p = device ? mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, x->buffers, 0)
                     : mmap(NULL, n, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    if (!device) {
        madvise(p, n, MADV_DONTFORK); /* a copy on write would take the page away under Xen */
        if (mlock(p, n)) {
            munmap(p, n);
            return NULL;
        }
    }
    memset(p, 0, n);
    return p;
}

void plat_xen_buffer_free(struct plat_xen *x, void *p, size_t bytes)
{
    (void)x;
    if (p)
        munmap(p, whole_pages(bytes));
}

/* Why nothing could be mapped, from what was told of each frame. */
static int common_error(const int *error, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (error[i] == -ESRCH || error[i] == -EPERM || error[i] == -EACCES || error[i] == -ENOMEM)
            return error[i];
    return -ENOENT;
}

void *plat_xen_map(struct plat_xen *x, uint32_t domain, const uint64_t *frames, size_t n,
                   bool writable, int *error, int *failed)
{
    int err = n && n <= UINT32_MAX && domain <= UINT16_MAX ? 0 : -EINVAL;
    void *p = MAP_FAILED;
    if (!err) {
        p = mmap(NULL, n * PAGE, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, x->privcmd,
                 0);
        err = p == MAP_FAILED ? -errno : 0;
    }
    if (!err) {
        struct privcmd_batch b = {(unsigned)n, (uint16_t)domain, (uintptr_t)p, frames, error};
        memset(error, 0, n * sizeof *error);
        long st = request(x->privcmd, PRIVCMD_BATCH, &b);
        /* ENOENT: some frames are paged out, which `error` tells one by one. */
        err = st < 0 && st != -ENOENT ? (int)st : 0;
        size_t absent = 0;
        for (size_t i = 0; !err && i < n; i++)
            absent += error[i] != 0;
        if (!err && absent == n)
            err = common_error(error, n);
    }
    if (!err)
        return p;
    if (p != MAP_FAILED)
        munmap(p, n * PAGE);
    if (failed)
        *failed = err;
    return NULL;
}

void plat_xen_unmap(struct plat_xen *x, void *p, size_t n)
{
    (void)x;
    if (p)
        munmap(p, n * PAGE);
}

const uint64_t *plat_xen_m2p(struct plat_xen *x, size_t *entries)
{
    (void)x, (void)entries;
    return NULL;
}

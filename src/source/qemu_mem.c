/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
/*
 * Memory of a QEMU process. Guest RAM on a shared file (memfd, /dev/shm, hugetlbfs, any file with
 * share=on) is mapped here, too; all else is copied with process_vm_readv, or through /proc/PID/mem
 * where that is refused.
 */
#include "source/qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "platform/platform.h"

enum { MAPS_MAX = 64 << 20, MAX_VIEWS = 256, PAGE = 4096, ENTRIES = 512 };
/* A single process_vm_readv ends at MAX_RW_COUNT, just below 2 GiB. */
#define COPY_MAX (UINT64_C(1) << 30)

/* ---- /proc/PID/maps -------------------------------------------------------------------------- */

static bool hex_field(const char **p, const char *end, char stop, uint64_t *ret)
{
    uint64_t v = 0;
    const char *q = *p;
    for (; q < end && q - *p < 17 && *q != stop; q++) {
        int digit = *q >= '0' && *q <= '9' ? *q - '0' : *q >= 'a' && *q <= 'f' ? *q - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        v = v << 4 | (unsigned)digit;
    }
    if (q == *p || q == end || *q != stop)
        return false;
    *ret = v;
    *p = q + 1;
    return true;
}

static bool parse_vma(const char *p, const char *end, struct qemu_vma *ret)
{
    struct qemu_vma v = {0};
    uint64_t major, minor;
    if (!hex_field(&p, end, '-', &v.start) || !hex_field(&p, end, ' ', &v.end) || end - p < 5 ||
        v.end <= v.start)
        return false;
    v.read = p[0] == 'r';
    v.write = p[1] == 'w';
    v.exec = p[2] == 'x';
    v.shared = p[3] == 's';
    p += 5;
    if (!hex_field(&p, end, ' ', &v.offset) || !hex_field(&p, end, ':', &major) ||
        !hex_field(&p, end, ' ', &minor))
        return false;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        v.inode = v.inode * 10 + (uint64_t)(*p - '0');
    while (p < end && *p == ' ')
        p++;
    v.major = (unsigned)major;
    v.minor = (unsigned)minor;
    v.path = p;
    v.path_n = (size_t)(end - p);
    *ret = v;
    return true;
}

bool qemu_vma_next(const char **p, struct qemu_vma *ret)
{
    if (!**p)
        return false;
    const char *end = strchrnul(*p, '\n');
    if (!parse_vma(*p, end, ret))
        *ret = (struct qemu_vma){.path = end};
    *p = *end ? end + 1 : end;
    return true;
}

bool qemu_mem_vma(struct qemu_mem *m, uint64_t hva, struct qemu_vma *ret)
{
    struct qemu_vma v = m->last;
    for (const char *p = m->maps; hva < v.start || hva >= v.end;)
        if (!qemu_vma_next(&p, &v))
            return false;
    m->last = v;
    *ret = v;
    return true;
}

/* ---- open ------------------------------------------------------------------------------------ */

static int ended(const struct qemu_mem *m, struct diag *d)
{
    return diag_fail(d, ST_IO, "the QEMU process %d ended", m->pid);
}

static int refused(const struct qemu_process *p, int error, struct diag *d)
{
    size_t n;
    char *yama = qemu_slurp("/proc/sys/kernel/yama/ptrace_scope", 16, &n);
    bool scoped = yama && yama[0] > '0' && p->uid == geteuid();
    free(yama);
    return diag_fail(d, ST_DENIED, "memory of the QEMU process %d (user id %u): %s; %s", p->pid,
                     (unsigned)p->uid, strerror(error),
                     scoped
                         ? "kernel.yama.ptrace_scope forbids it even to its own user: run as root"
                         : "run as root or in QEMU's user");
}

/* Is the memory at `hva` open to us? Decides between process_vm_readv and /proc/PID/mem. */
static int try_read(const struct qemu_process *p, struct qemu_mem *m, struct diag *d)
{
    uint8_t byte;
    struct qemu_vma v;
    uint64_t at = 0;
    for (const char *q = m->maps; !at && qemu_vma_next(&q, &v);)
        at = v.read && v.write ? v.start : 0;
    struct iovec to = {&byte, 1}, from = {(void *)(uintptr_t)at, 1};
    if (process_vm_readv(m->pid, &to, 1, &from, 1, 0) == 1)
        return ST_OK;
    int error = errno;
    if (error == ESRCH)
        return ended(m, d);
    m->by_file = true;
    if (m->mem_fd >= 0 && pread(m->mem_fd, &byte, 1, (off_t)at) == 1)
        return ST_OK;
    return refused(p, error, d);
}

int qemu_mem_open(const struct qemu_process *p, struct diag *d, struct qemu_mem *ret)
{
    char path[64];
    size_t n;
    struct qemu_mem m = {
        .pid = p->pid, .proc_fd = -1, .mem_fd = -1, .pagemap_fd = -1, .checked_ns = plat_now_ns()};
    snprintf(path, sizeof path, "/proc/%d", p->pid);
    m.proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m.proc_fd < 0)
        return ended(&m, d);
    m.mem_fd = openat(m.proc_fd, "mem", O_RDWR | O_CLOEXEC);
    m.pagemap_fd = openat(m.proc_fd, "pagemap", O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/maps", p->pid);
    m.maps = qemu_slurp(path, MAPS_MAX, &n);
    int st = ST_OK;
    if (!m.maps)
        st = errno == EACCES || errno == EPERM ? refused(p, errno, d) : ended(&m, d);
    else if (!n)
        st = ended(&m, d);
    if (st == ST_OK)
        st = try_read(p, &m, d);
    if (st != ST_OK) {
        qemu_mem_close(&m);
        return st;
    }
    *ret = m;
    return ST_OK;
}

void qemu_mem_close(struct qemu_mem *m)
{
    for (size_t i = 0; i < m->nr_views; i++) {
        munmap(m->view[i].host, m->view[i].end - m->view[i].start);
        close(m->view[i].fd);
    }
    free(m->view);
    free(m->maps);
    if (m->proc_fd >= 0)
        close(m->proc_fd);
    if (m->mem_fd >= 0)
        close(m->mem_fd);
    if (m->pagemap_fd >= 0)
        close(m->pagemap_fd);
    *m = (struct qemu_mem){.proc_fd = -1, .mem_fd = -1, .pagemap_fd = -1};
}

bool qemu_mem_alive(struct qemu_mem *m)
{
    m->checked_ns = plat_now_ns();
    char stat[512];
    int fd = openat(m->proc_fd, "stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, stat, sizeof stat - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    stat[n] = '\0';
    const char *p = strrchr(stat, ')');
    return p && p[1] == ' ' && p[2] != 'Z' && p[2] != 'X';
}

/* ---- copying --------------------------------------------------------------------------------- */

/* A pid may be used again: ask now and then whether this is still the process that was opened. */
static bool still_there(struct qemu_mem *m)
{
    return plat_now_ns() - m->checked_ns < 100 * UINT64_C(1000000) || qemu_mem_alive(m);
}

static ssize_t copy_once(struct qemu_mem *m, uint64_t hva, void *buf, size_t n, bool write)
{
    struct iovec here = {buf, n}, there = {(void *)(uintptr_t)hva, n};
    /* /proc/PID/mem copies twice, but costs less to begin with: 1.2 us against 1.5 us for 8 bytes
     * (Linux 6.18, EPYC). */
    bool by_file = m->by_file || (n <= PAGE && !write && m->mem_fd >= 0);
    if (!by_file)
        return write ? process_vm_writev(m->pid, &here, 1, &there, 1, 0)
                     : process_vm_readv(m->pid, &here, 1, &there, 1, 0);
    return write ? pwrite(m->mem_fd, buf, n, (off_t)hva) : pread(m->mem_fd, buf, n, (off_t)hva);
}

static int copy(struct qemu_mem *m, uint64_t hva, uint8_t *buf, size_t n, size_t *done, bool write)
{
    *done = 0;
    if (!still_there(m))
        return ST_IO;
    while (*done < n) {
        ssize_t got = copy_once(m, hva + *done, buf + *done, MIN_OF(n - *done, COPY_MAX), write);
        if (got > 0) {
            *done += (size_t)got;
        } else if (got == 0 || errno == ESRCH) {
            return ST_IO; /* /proc/PID/mem reads nothing when the process has ended */
        } else if (errno == EPERM || errno == EACCES) {
            return qemu_mem_alive(m) ? ST_DENIED : ST_IO;
        } else if (errno != EINTR) {
            return qemu_mem_alive(m) ? ST_ABSENT : ST_IO; /* EFAULT: unplugged while we looked on */
        }
    }
    return ST_OK;
}

int qemu_mem_read(struct qemu_mem *m, uint64_t hva, void *buf, size_t n, size_t *done)
{
    return copy(m, hva, buf, n, done, false);
}

int qemu_mem_write(struct qemu_mem *m, uint64_t hva, const void *buf, size_t n, size_t *done)
{
    return copy(m, hva, (uint8_t *)(uintptr_t)buf, n, done, true);
}

/* ---- shared files ---------------------------------------------------------------------------- */

static bool same_file(int fd, const struct qemu_vma *v, uint64_t *size)
{
    struct stat st;
    if (fstat(fd, &st))
        return false;
    *size = (uint64_t)st.st_size;
    return st.st_ino == v->inode && major(st.st_dev) == v->major && minor(st.st_dev) == v->minor;
}

/* The file behind a VMA: by the kernel's link, by a descriptor that QEMU holds, by its path. -1:
 * none can be opened. */
static int open_backing(struct qemu_mem *m, const struct qemu_vma *v)
{
    char path[512];
    uint64_t size;
    snprintf(path, sizeof path, "map_files/%llx-%llx", (unsigned long long)v->start,
             (unsigned long long)v->end);
    int fd = openat(m->proc_fd, path, O_RDONLY | O_CLOEXEC);
    for (int i = 0; fd < 0 && i < 1024; i++) {
        snprintf(path, sizeof path, "fd/%d", i);
        struct stat st;
        if (fstatat(m->proc_fd, path, &st, 0) || st.st_ino != v->inode)
            continue;
        fd = openat(m->proc_fd, path, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0 && v->path_n && v->path[0] == '/' &&
        (size_t)snprintf(path, sizeof path, "root%.*s", (int)MIN_OF(v->path_n, 4096u), v->path) <
            sizeof path)
        fd = openat(m->proc_fd, path, O_RDONLY | O_CLOEXEC);
    /* A mapping beyond the end of the file would kill us with SIGBUS. */
    if (fd >= 0 && (!same_file(fd, v, &size) || !in_bounds(v->offset, v->end - v->start, size))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/*
 * /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst): bit 63 present, bit 62 swapped.
 * *stop is the end of the present pages, as far as one look at the table shows.
 */
static uint64_t next_in_pagemap(struct qemu_mem *m, uint64_t hva, uint64_t end, uint64_t *stop)
{
    uint64_t entry[ENTRIES], page = hva / PAGE;
    while (page * PAGE < end) {
        size_t want = MIN_OF((uint64_t)ENTRIES, (end + PAGE - 1) / PAGE - page), i = 0;
        ssize_t got = pread(m->pagemap_fd, entry, want * 8, (off_t)(page * 8));
        size_t nr = got > 0 ? (size_t)got / 8 : 0;
        *stop = end;
        if (!nr)
            return MAX_OF(page * PAGE, hva);
        while (i < nr && !(entry[i] >> 62))
            i++;
        if (i < nr) {
            size_t from = i;
            while (i < nr && entry[i] >> 62)
                i++;
            *stop = MIN_OF((page + i) * PAGE, end);
            return MAX_OF((page + from) * PAGE, hva);
        }
        page += nr;
    }
    return end;
}

/*
 * Compares up to 16 pages of a view with what the process has there: such as it has touched, so
 * that no memory is allocated for it. A running guest may change one under us.
 */
static bool agrees(struct qemu_mem *m, const struct qemu_view *w)
{
    uint8_t page[PAGE];
    uint64_t last = 0;
    unsigned restless = 0; /* pages that never held still, which proves nothing either way */
    for (unsigned i = 0; i < 16 && m->pagemap_fd >= 0; i++) {
        uint64_t stop, from = (w->start + (w->end - w->start) / 16 * i) & ~(uint64_t)(PAGE - 1);
        uint64_t at = next_in_pagemap(m, from, w->end, &stop);
        if (at >= w->end)
            break;
        if (at == last)
            continue;
        last = at;
        bool same = false;
        for (unsigned attempt = 0; attempt < 5 && !same; attempt++) {
            size_t done;
            if (qemu_mem_read(m, at, page, PAGE, &done) != ST_OK)
                return false;
            same = !memcmp(page, w->host + (at - w->start), PAGE);
        }
        if (!same && ++restless > 2)
            return false;
    }
    return true;
}

const struct qemu_view *qemu_mem_view(struct qemu_mem *m, const struct qemu_vma *v)
{
    for (size_t i = 0; i < m->nr_views; i++)
        if (m->view[i].start == v->start)
            return &m->view[i];
    if (!v->shared || !v->inode || !v->read || m->nr_views == MAX_VIEWS)
        return NULL;
    if (!m->view && !(m->view = calloc(MAX_VIEWS, sizeof *m->view)))
        return NULL;
    struct qemu_view w = {
        .start = v->start, .end = v->end, .offset = v->offset, .fd = open_backing(m, v)};
    if (w.fd < 0)
        return NULL;
    w.host =
        mmap(NULL, w.end - w.start, PROT_READ, MAP_SHARED | MAP_NORESERVE, w.fd, (off_t)w.offset);
    if (w.host == MAP_FAILED) {
        close(w.fd);
        return NULL;
    }
    if (!agrees(m, &w)) {
        munmap(w.host, w.end - w.start);
        close(w.fd);
        return NULL;
    }
    m->view[m->nr_views] = w;
    return &m->view[m->nr_views++];
}

/* ---- what was touched ------------------------------------------------------------------------ */

static uint64_t next_in_view(const struct qemu_view *w, uint64_t hva, uint64_t end, uint64_t *stop)
{
    uint64_t base =
        w->start - w->offset; /* of the file's first byte; may wrap, as what is added to it */
    off_t at = lseek(w->fd, (off_t)(hva - base), SEEK_DATA);
    *stop = end;
    if (at < 0)
        return errno == ENXIO ? end : hva; /* a file system that cannot tell: all is data */
    off_t hole = lseek(w->fd, at, SEEK_HOLE);
    uint64_t next = MAX_OF((uint64_t)at + base, hva);
    if (hole > at)
        *stop = MIN_OF((uint64_t)hole + base, end);
    return MIN_OF(next, end);
}

uint64_t qemu_mem_next_data(struct qemu_mem *m, uint64_t hva, uint64_t end, uint64_t *stop)
{
    for (size_t i = 0; i < m->nr_views; i++)
        if (hva >= m->view[i].start && hva < m->view[i].end)
            return next_in_view(&m->view[i], hva, end, stop);
    struct qemu_vma v;
    *stop = end;
    /* Pages of a file that this process has not touched may still hold data. */
    if (m->pagemap_fd < 0 || !qemu_mem_vma(m, hva, &v) || v.inode)
        return hva;
    return next_in_pagemap(m, hva, end, stop);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * makedumpfile's flattened format, which QEMU writes too (makedumpfile's print_info "flattened", QEMU include/sysemu/dump.h):
 * a header of 4 KiB, then records {be64 offset, be64 size, bytes} until an offset of -1. libkdumpfile 0.5.1 does not read it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/kdump.h"

enum { FLAT_HEADER = 4096, RECORD_HEADER = 16, COPY_SIZE = 1 << 20 };
/* In memory up to this size: no trace on a disk, and it is read at once anyway. */
static const uint64_t IN_MEMORY = 256ULL << 20, MAX_OFFSET = 1ULL << 48;

static uint64_t be64(const uint8_t *p)
{
    return __builtin_bswap64(le64(p));
}

bool kdump_is_flattened(struct bytes head)
{
    static const char signature[16] = "makedumpfile";
    return head.n >= 32 && !memcmp(head.p, signature, sizeof signature) && be64(head.p + 16) == 1 &&
           be64(head.p + 24) == 1;
}

static int open_temporary(uint64_t size)
{
    const char *dirs[] = {getenv("TMPDIR"), "/var/tmp", "/tmp"};
    int fd = size <= IN_MEMORY ? memfd_create("kdump", MFD_CLOEXEC) : -1;
    for (size_t i = 0; fd < 0 && i < ARRAY_LEN(dirs); i++)
        if (dirs[i])
            fd = open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd;
}

static int write_at(int fd, const uint8_t *p, size_t n, uint64_t at)
{
    while (n) {
        ssize_t w = pwrite(fd, p, n, (off_t)at);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return w ? -errno : -EIO;
        p += w;
        n -= (size_t)w;
        at += (uint64_t)w;
    }
    return 0;
}

/* The stream is read from front to back through one buffer. */
struct stream {
    const struct plat_file *f;
    const char *name;
    struct diag *d;
    uint64_t pos;
    uint8_t *buf; /* COPY_SIZE bytes from file offset buf_at, have of them */
    uint64_t buf_at;
    size_t have;
};

/* At least `n` bytes (at most COPY_SIZE) at s->pos. */
static int stream_peek(struct stream *s, size_t n, const uint8_t **ret)
{
    if (!in_bounds(s->pos - s->buf_at, n, s->have)) {
        size_t want = (size_t)MIN_OF((uint64_t)COPY_SIZE, s->f->size - MIN_OF(s->pos, s->f->size));
        if (want < n)
            return diag_fail(s->d, ST_BROKEN, "%s: the flattened stream ends at file offset %#" PRIx64
                             " without its end mark: it was cut; copy it again", s->name, s->f->size);
        if (plat_file_read(s->f, s->pos, s->buf, want))
            return diag_fail(s->d, ST_IO, "%s: cannot be read at file offset %#" PRIx64, s->name, s->pos);
        s->buf_at = s->pos;
        s->have = want;
    }
    *ret = s->buf + (s->pos - s->buf_at);
    return ST_OK;
}

static int copy_record(struct stream *s, uint64_t to, uint64_t size, int fd)
{
    while (size) {
        const uint8_t *p;
        size_t n = (size_t)MIN_OF(size, (uint64_t)COPY_SIZE);
        /* What is in the buffer already goes first, so that no byte is read twice. */
        if (s->pos - s->buf_at < s->have)
            n = MIN_OF(n, (size_t)(s->have - (s->pos - s->buf_at)));
        int st = stream_peek(s, n, &p);
        if (st != ST_OK)
            return st;
        int err = write_at(fd, p, n, to);
        if (err)
            return diag_fail(s->d, ST_IO, "%s: must be rearranged before it can be read, and its temporary copy cannot be "
                             "written: %s. Set TMPDIR to a place with more room, or use makedumpfile -R", s->name,
                             strerror(-err));
        s->pos += n;
        to += n;
        size -= n;
    }
    return ST_OK;
}

static int copy_records(struct stream *s, int fd)
{
    for (;;) {
        const uint8_t *h;
        int st = stream_peek(s, RECORD_HEADER, &h);
        if (st != ST_OK)
            return st;
        uint64_t at = s->pos, to = be64(h), size = be64(h + 8), end;
        if (to == UINT64_MAX)
            return ST_OK;
        if (!add_fits(to, size, &end) || end > MAX_OFFSET || size > s->f->size)
            return diag_fail(s->d, ST_BROKEN, "%s: the record at file offset %#" PRIx64 " of the flattened stream says %#"
                             PRIx64 " bytes for offset %#" PRIx64, s->name, at, size, to);
        s->pos += RECORD_HEADER;
        st = copy_record(s, to, size, fd);
        if (st != ST_OK)
            return st;
    }
}

int kdump_rearrange(struct plat_file *f, const char *name, struct diag *d)
{
    int fd = open_temporary(f->size);
    if (fd < 0)
        return diag_fail(d, ST_IO, "%s: must be rearranged before it can be read, but no temporary file can be made (%s); "
                         "set TMPDIR, or use makedumpfile -R", name, strerror(errno));
    struct stream s = {.f = f, .name = name, .d = d, .pos = FLAT_HEADER, .buf = malloc(COPY_SIZE)};
    int st = s.buf ? copy_records(&s, fd) : diag_fail(d, ST_NOMEM, "%s: out of memory", name);
    free(s.buf);
    off_t size = lseek(fd, 0, SEEK_END);
    if (st == ST_OK && size <= 0)
        st = diag_fail(d, ST_BROKEN, "%s: the flattened stream is empty", name);
    void *map = st == ST_OK ? mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    if (map == MAP_FAILED)
        st = diag_fail(d, ST_NOMEM, "%s: its rearranged copy of %#" PRIx64 " bytes cannot be mapped", name, (uint64_t)size);
    if (st != ST_OK) {
        close(fd);
        return st;
    }
    plat_file_close(f);
    *f = (struct plat_file){.fd = fd, .size = (uint64_t)size, .map = map};
    return ST_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * makedumpfile's flattened format, which QEMU writes too (makedumpfile's print_info "flattened",
 * QEMU include/sysemu/dump.h): a header of 4 KiB, then records {be64 offset, be64 size, bytes}
 * until an offset of -1. libkdumpfile 0.5.1 does not read it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/kdump.h"

enum { FLAT_HEADER = 4096, RECORD_HEADER = 16 };
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

/* Puts the bytes of all records in their places. The stream is mapped. */
static int copy_records(const struct plat_file *f, const char *name, int fd, struct diag *d)
{
    struct bytes stream = {f->map, (size_t)f->size};
    for (uint64_t pos = FLAT_HEADER;;) {
        struct bytes h = bytes_sub(stream, pos, RECORD_HEADER);
        if (!h.p)
            return diag_fail(d, ST_BROKEN,
                             "%s: the flattened stream ends at file offset %#" PRIx64
                             " without its end mark: it was cut; copy it again",
                             name, f->size);
        uint64_t to = be64(h.p), size = be64(h.p + 8), end;
        if (to == UINT64_MAX)
            return ST_OK;
        if (!add_fits(to, size, &end) || end > MAX_OFFSET)
            return diag_fail(d, ST_BROKEN,
                             "%s: the record at file offset %#" PRIx64
                             " of the flattened stream says %#" PRIx64
                             " bytes for offset %#" PRIx64,
                             name, pos, size, to);
        struct bytes data = bytes_sub(stream, pos + RECORD_HEADER, size);
        if (!data.p)
            return diag_fail(d, ST_BROKEN,
                             "%s: the record at file offset %#" PRIx64
                             " of the flattened stream says %#" PRIx64
                             " bytes, but the file ends at %#" PRIx64 ": it was cut; copy it again",
                             name, pos, size, f->size);
        int err = write_at(fd, data.p, data.n, to);
        if (err)
            return diag_fail(
                d, ST_IO,
                "%s: must be rearranged before it can be read, and its temporary copy cannot be "
                "written: %s. Set TMPDIR to a place with more room, or use makedumpfile -R",
                name, strerror(-err));
        pos += RECORD_HEADER + size;
    }
}

int kdump_rearrange(struct plat_file *f, const char *name, struct diag *d)
{
    int fd = open_temporary(f->size);
    if (fd < 0)
        return diag_fail(
            d, ST_IO,
            "%s: must be rearranged before it can be read, but no temporary file can be made (%s); "
            "set TMPDIR, or use makedumpfile -R",
            name, strerror(errno));
    int st = copy_records(f, name, fd, d);
    off_t size = lseek(fd, 0, SEEK_END);
    if (st == ST_OK && size <= 0)
        st = diag_fail(d, ST_BROKEN, "%s: the flattened stream is empty", name);
    void *map = st == ST_OK ? mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0) : NULL;
    if (map == MAP_FAILED)
        st =
            diag_fail(d, ST_NOMEM, "%s: its rearranged copy of %#" PRIx64 " bytes cannot be mapped",
                      name, (uint64_t)size);
    if (st != ST_OK) {
        close(fd);
        return st;
    }
    plat_file_close(f);
    *f = (struct plat_file){.fd = fd, .size = (uint64_t)size, .map = map};
    return ST_OK;
}

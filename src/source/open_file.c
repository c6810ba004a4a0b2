/* SPDX-License-Identifier: BSD-2-Clause */
#include "source/open_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned cpu_count(void *source)
{
    return ((struct file_source *)source)->cpus.nr;
}

static int cpu_registers(void *source, unsigned vcpu, struct vcpu_regs *ret)
{
    const struct cpu_notes *c = &((struct file_source *)source)->cpus;
    if (vcpu >= c->nr)
        return ST_INVALID;
    if (c->hidden || !c->regs[vcpu].have)
        return ST_ABSENT;
    *ret = c->regs[vcpu];
    return ST_OK;
}

const struct vcpu_ops file_vcpu_ops = {.count = cpu_count, .registers = cpu_registers};

static int write_private(void *source, const struct phys_range *r, uint64_t at, const void *buf,
                         size_t n, size_t *done)
{
    (void)source;
    memcpy(r->host + (at - r->start), buf, n);
    *done = n;
    return ST_OK;
}

const struct phys_ops file_write_ops = {.write = write_private};

int file_open_failed(const char *path, int err, struct diag *d)
{
    switch (-err) {
    case ENOENT:
    case ENOTDIR:
        return diag_fail(d, ST_ABSENT, "%s: there is no such file", path);
    case EACCES:
    case EPERM:
        return diag_fail(d, ST_DENIED,
                         "%s: no permission to read it; run as root or change its mode", path);
    case EISDIR:
        return diag_fail(d, ST_INVALID, "%s: is a directory; name the memory file in it", path);
    case ENODATA:
        return diag_fail(d, ST_INVALID, "%s: is empty; was the dump written to the end?", path);
    case EINVAL:
        return diag_fail(d, ST_INVALID, "%s: is neither a file nor a block device", path);
    case ENXIO:
        return diag_fail(
            d, ST_INVALID,
            "%s: is a socket or a device without a driver; for a QEMU monitor say qemu:%s", path,
            path);
    case ENOMEM:
        return diag_fail(
            d, ST_NOMEM,
            "%s: too large to map into this process; raise the address-space limit (ulimit -v)",
            path);
    case ENODEV:
        return diag_fail(d, ST_UNSUPPORTED,
                         "%s: cannot be mapped; copy it to an ordinary file first", path);
    default:
        return diag_fail(d, ST_IO, "%s: %s", path, strerror(-err));
    }
}

int file_source_open(const char *path, const char *kind, bool mapped,
                     const struct source_options *options, struct diag *d, struct file_source *f,
                     struct source *ret)
{
    bool private = mapped && options->flags & SOURCE_COPY_ON_WRITE;
    *f = (struct file_source){.file.fd = -1, .cpus.hidden = options->flags & SOURCE_NO_REGISTERS};
    int err = plat_file_open(path, private ? 2 : mapped, &f->file);
    if (err)
        return file_open_failed(path, err, d);
    *ret = (struct source){.impl = f};
    snprintf(ret->kind, sizeof ret->kind, "%s", kind);
    snprintf(ret->name, sizeof ret->name, "%s", path);
    phys_init(&ret->phys, private ? &file_write_ops : NULL, f);
    return ST_OK;
}

void file_source_close(struct file_source *f)
{
    free(f->cpus.regs);
    free(f->vmcoreinfo);
    plat_file_close(&f->file);
}

void file_source_free(void *impl)
{
    file_source_close(impl);
    free(impl);
}

int file_add_mapped(struct source *s, struct file_source *f, const struct source_options *options,
                    uint64_t start, uint64_t len, uint64_t at, const char *what, struct diag *d)
{
    uint64_t last, end;
    if (!len)
        return ST_OK;
    if (!add_fits(start, len - 1, &last))
        return diag_fail(d, ST_BROKEN,
                         "%s: %s says %#" PRIx64 " bytes of memory at %#" PRIx64
                         ": that runs over the end of all addresses",
                         s->name, what, len, start);
    if (!add_fits(at, len, &end))
        return diag_fail(d, ST_BROKEN,
                         "%s: %s says that it lies at file offset %#" PRIx64 " and is %#" PRIx64
                         " bytes long: no file is that large",
                         s->name, what, at, len);
    if (end > f->file.size) {
        uint64_t have = at < f->file.size ? f->file.size - at : 0;
        if (!options->format)
            return diag_fail(d, ST_BROKEN,
                             "%s: %s promises data from file offset %#" PRIx64 " to %#" PRIx64
                             ", but the file ends at %#" PRIx64
                             ": it was cut. Copy it again; to read what "
                             "there is, name the format (--format %s)",
                             s->name, what, at, end, f->file.size, s->kind);
        f->missing += len - have;
        len = have;
    }
    struct phys_range r = {.start = start,
                           .len = len,
                           .host = (uint8_t *)(uintptr_t)f->file.map + MIN_OF(at, f->file.size),
                           .cookie = at};
    int st = phys_add(&s->phys, &r);
    if (st != ST_OK)
        return diag_fail(d, st, "%s: %s: %s", s->name, what,
                         st == ST_LIMIT ? "more pieces of memory than we keep track of (65,536)"
                                        : status_name(st));
    return ST_OK;
}

int file_source_finish(struct source *s, struct file_source *f, struct diag *d)
{
    if (!s->phys.nr)
        return diag_fail(d, ST_BROKEN, "%s: is a %s file, but holds no memory", s->name, s->kind);
    if (f->missing)
        snprintf(s->layout_note, sizeof s->layout_note,
                 "the file was cut at %#" PRIx64 ": %" PRIu64
                 " bytes of memory that it promises are missing",
                 f->file.size, f->missing);
    if (f->cpus.nr)
        s->vcpu = &file_vcpu_ops;
    return ST_OK;
}

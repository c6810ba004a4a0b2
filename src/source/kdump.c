/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compressed kdump files of makedumpfile and QEMU, read through libkdumpfile. Its header is checked
 * by us first, and notes are read by us, so that the library is told no architecture and parses no
 * more of a hostile file than it must: machine-physical addresses, which is what we ask for, need
 * none.
 */
#include <inttypes.h>
#include <libkdumpfile/kdumpfile.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/elf_notes.h"
#include "source/file_kinds.h"
#include "source/kdump.h"

enum { CACHE_BYTES = 4 << 20, CACHE_WAYS = 4 };

struct page_slot {
    uint64_t tag; /* file offset + 1; 0: empty */
    uint64_t used;
};

struct kdump_source {
    struct file_source base; /* first: file_vcpu_ops relies on it */
    kdump_ctx_t *ctx;
    struct kdump_pages pages;
    uint64_t page_size;
    /* Unpacked pages, so that page walks need not unpack a table at every step. They cannot go
       stale: a file does not change. */
    struct page_slot *slot;
    uint8_t *unpacked;
    size_t sets;
    uint64_t clock;
};

static int status_of(kdump_status s)
{
    switch (s) {
    case KDUMP_OK:
        return ST_OK;
    case KDUMP_ERR_NODATA:
        return ST_ABSENT;
    case KDUMP_ERR_CORRUPT:
    case KDUMP_ERR_INVALID:
    case KDUMP_ERR_EOF:
        return ST_BROKEN;
    case KDUMP_ERR_NOTIMPL:
        return ST_UNSUPPORTED;
    default:
        return ST_IO;
    }
}

/* Pages that share their place in the file (zeros) share a slot, too. */
static const uint8_t *cached_page(struct kdump_source *k, uint64_t page, const struct kdump_page *g,
                                  int *st)
{
    size_t set = (size_t)(g->at / 64 % k->sets) * CACHE_WAYS, oldest = set;
    for (size_t i = set; i < set + CACHE_WAYS; i++) {
        if (k->slot[i].tag == g->at + 1) {
            k->slot[i].used = ++k->clock;
            return k->unpacked + i * k->page_size;
        }
        if (k->slot[i].used < k->slot[oldest].used)
            oldest = i;
    }
    uint8_t *to = k->unpacked + oldest * k->page_size;
    size_t n = k->page_size;
    k->slot[oldest].tag = 0;
    *st = status_of(kdump_read(k->ctx, KDUMP_MACHPHYSADDR, page, to, &n));
    if (*st != ST_OK)
        return NULL;
    k->slot[oldest] = (struct page_slot){g->at + 1, ++k->clock};
    return to;
}

/* The page that begins at `page`: in the mapping when it is not compressed, else from the cache. */
static const uint8_t *page_bytes(struct kdump_source *k, uint64_t page, const struct kdump_page *g,
                                 int *st)
{
    return g->packed ? cached_page(k, page, g, st) : k->base.file.map + g->at;
}

static const uint8_t *kdump_map(void *source, const struct phys_range *r, uint64_t at,
                                size_t *avail)
{
    struct kdump_source *k = source;
    uint64_t in = at & (k->page_size - 1);
    struct kdump_page g;
    int st = kdump_page_at(&k->pages, at / k->page_size, &g);
    const uint8_t *p = st == ST_OK ? page_bytes(k, at - in, &g, &st) : NULL;
    if (!p)
        return NULL;
    *avail = (size_t)MIN_OF(k->page_size - in, r->len - (at - r->start));
    return p + in;
}

/*
 * Whole pages from `at` on, at most n bytes, that the library is to unpack straight into the
 * caller's buffer: as many as follow one another in the file. One that lies before the page before
 * it is shared with others, and better kept in the cache; so is the only page of a short read.
 * Returns the bytes; 0: the first page is none of these.
 */
static size_t fresh_run(const struct kdump_source *k, uint64_t at, size_t n, uint64_t *last)
{
    struct kdump_page g;
    size_t run = 0;
    if (n < 2 * k->page_size)
        return 0;
    while (n - run >= k->page_size &&
           kdump_page_at(&k->pages, (at + run) / k->page_size, &g) == ST_OK && g.packed &&
           g.at > *last) {
        *last = g.at;
        run += k->page_size;
    }
    return run;
}

static int kdump_read_op(void *source, const struct phys_range *r, uint64_t at, void *buf, size_t n,
                         size_t *done)
{
    struct kdump_source *k = source;
    uint64_t last = 0; /* offset of the page that was read before; the first one may be shared, we
                          cannot know */
    size_t got = 0;
    int st = ST_OK;
    (void)r;
    while (got < n && st == ST_OK) {
        uint64_t in = (at + got) & (k->page_size - 1);
        size_t step = in ? 0 : fresh_run(k, at + got, n - got, &last);
        if (step) {
            st = status_of(
                kdump_read(k->ctx, KDUMP_MACHPHYSADDR, at + got, (uint8_t *)buf + got, &step));
        } else {
            struct kdump_page g;
            st = kdump_page_at(&k->pages, (at + got) / k->page_size, &g);
            const uint8_t *p = st == ST_OK ? page_bytes(k, at + got - in, &g, &st) : NULL;
            if (!p)
                break;
            step = (size_t)MIN_OF((uint64_t)(n - got), k->page_size - in);
            memcpy((uint8_t *)buf + got, p + in, step);
        }
        got += step;
    }
    *done = got;
    return st;
}

static const struct phys_ops kdump_phys_ops = {.read = kdump_read_op, .map = kdump_map};

static enum guest_arch arch_of(const char *machine)
{
    if (!strcmp(machine, "x86_64"))
        return ARCH_X86_64;
    if (machine[0] == 'i' && machine[1] >= '3' && machine[1] <= '6' && !strcmp(machine + 2, "86"))
        return ARCH_X86;
    if (!strcmp(machine, "aarch64"))
        return ARCH_ARM64;
    return !strncmp(machine, "arm", 3) ? ARCH_ARM32 : ARCH_UNKNOWN;
}

/* Registers and vmcoreinfo are hints: what cannot be read is left out. */
static int read_hints(struct kdump_source *k, struct source *s, const struct kdump_header *h)
{
    struct file_source *f = &k->base;
    struct bytes info = {0};
    uint8_t *notes = malloc(h->notes_size + h->vmcoreinfo_size + 1), *text = notes + h->notes_size;
    if (!notes)
        return ST_NOMEM;
    int st = ST_OK;
    if (!plat_file_read(&f->file, h->notes_at, notes, h->notes_size)) {
        struct bytes all = {notes, h->notes_size};
        /* QEMU names its own target as the machine: x86_64 for a 32-bit guest, too. The notes know
         * better. */
        enum guest_arch arch = elf_notes_arch(all);
        if (arch != ARCH_UNKNOWN)
            s->arch = arch;
        st = elf_notes_read(all, s->arch, &f->cpus, &info);
    }
    if (h->vmcoreinfo_size && !plat_file_read(&f->file, h->vmcoreinfo_at, text, h->vmcoreinfo_size))
        info = (struct bytes){text, h->vmcoreinfo_size};
    if (st == ST_OK && info.n) {
        f->vmcoreinfo = malloc(info.n);
        if (f->vmcoreinfo) {
            memcpy(f->vmcoreinfo, info.p, info.n);
            s->vmcoreinfo = (struct bytes){(const uint8_t *)f->vmcoreinfo, info.n};
        } else {
            st = ST_NOMEM;
        }
    }
    free(notes);
    return st;
}

static int attach(struct kdump_source *k, struct source *s, struct diag *d)
{
    kdump_num_t page_size = 0;
    k->ctx = kdump_new();
    if (!k->ctx)
        return diag_fail(d, ST_NOMEM, "%s: out of memory", s->name);
    kdump_status ks = kdump_open_fd(k->ctx, k->base.file.fd);
    if (ks != KDUMP_OK)
        return diag_fail(d, status_of(ks) == ST_ABSENT ? ST_BROKEN : status_of(ks),
                         "%s: libkdumpfile: %s", s->name, kdump_get_err(k->ctx));
    /* It takes the page size from vmcoreinfo when there is one; QEMU writes pages of 64 KiB for
     * every arm64 guest. */
    if ((kdump_get_number_attr(k->ctx, KDUMP_ATTR_PAGE_SIZE, &page_size) != KDUMP_OK ||
         page_size != k->page_size) &&
        kdump_set_number_attr(k->ctx, KDUMP_ATTR_PAGE_SIZE, k->page_size) != KDUMP_OK)
        return diag_fail(d, ST_UNSUPPORTED,
                         "%s: libkdumpfile cannot read pages of %" PRIu64 " bytes", s->name,
                         k->page_size);
    k->sets = CACHE_BYTES / CACHE_WAYS / k->page_size;
    k->slot = calloc(k->sets * CACHE_WAYS, sizeof *k->slot);
    k->unpacked = malloc(CACHE_BYTES);
    if (!k->slot || !k->unpacked)
        return diag_fail(d, ST_NOMEM, "%s: out of memory", s->name);
    return ST_OK;
}

static int kdump_read_all(struct kdump_source *k, struct source *s,
                          const struct source_options *options, struct diag *d)
{
    uint8_t head[32];
    struct plat_file *f = &k->base.file;
    struct kdump_header h;
    if (f->size < sizeof head || plat_file_read(f, 0, head, sizeof head))
        return diag_fail(d, ST_BROKEN,
                         "%s: the file ends within the header, at %#" PRIx64 ": it was cut",
                         s->name, f->size);
    int st = kdump_is_flattened((struct bytes){head, sizeof head}) ? kdump_rearrange(f, s->name, d)
                                                                   : ST_OK;
    if (st == ST_OK)
        st = kdump_read_header(f, s->name, &h, d);
    if (st != ST_OK)
        return st;
    k->page_size = h.page_size;
    s->arch = arch_of(h.machine);
    st = kdump_pages_init(f, s->name, &h, options->format != NULL, &k->pages, d);
    if (st == ST_OK)
        st = attach(k, s, d);
    if (st == ST_OK)
        st = kdump_add_ranges(&k->pages, s->name, &s->phys, d);
    if (st == ST_OK && read_hints(k, s, &h) != ST_OK)
        st = diag_fail(d, ST_NOMEM, "%s: out of memory for its notes", s->name);
    return st == ST_OK ? file_source_finish(s, &k->base, d) : st;
}

static void kdump_source_free(void *impl)
{
    struct kdump_source *k = impl;
    if (k->ctx)
        kdump_free(k->ctx);
    free(k->slot);
    free(k->unpacked);
    kdump_pages_deinit(&k->pages);
    file_source_close(&k->base);
    free(k);
}

static bool kdump_probe(struct bytes head, uint64_t file_size)
{
    (void)file_size;
    return kdump_is_flattened(head) ||
           (head.n >= 8 && (!memcmp(head.p, "KDUMP   ", 8) || !memcmp(head.p, "DISKDUMP", 8)));
}

static int kdump_open(const char *path, const struct source_options *options, struct diag *d,
                      struct source *ret)
{
    struct source s;
    struct kdump_source *k = calloc(1, sizeof *k);
    if (!k)
        return diag_fail(d, ST_NOMEM, "%s: out of memory", path);
    /* A private mapping would be written to by nobody: compressed pages cannot be written. */
    struct source_options shared = *options;
    shared.flags &= ~(uint64_t)SOURCE_COPY_ON_WRITE;
    int st = file_source_open(path, "kdump", true, &shared, d, &k->base, &s);
    if (st != ST_OK) {
        free(k);
        return st;
    }
    s.phys.ops = &kdump_phys_ops;
    s.phys.source = k;
    st = kdump_read_all(k, &s, options, d);
    if (st != ST_OK) {
        phys_deinit(&s.phys);
        kdump_source_free(k);
        return st;
    }
    s.impl = k;
    s.close = kdump_source_free;
    *ret = s;
    return ST_OK;
}

const struct source_kind kdump_source_kind = {
    .format = "kdump", .probe = kdump_probe, .open = kdump_open};

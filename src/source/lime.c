/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LiME version 1 (github.com/504ensicsLabs/LiME, src/lime.h: lime_mem_range_header), and AVML's
 * records, which add version 2 (github.com/microsoft/avml, src/image.rs). A record is {u32 magic,
 * u32 version, u64 first, u64 last, 8 bytes reserved}, then the bytes of guest memory first..last
 * inclusive. AVML without compression writes LiME's records.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/file_kinds.h"
#include "source/lime_avml.h"

enum { RECORD_HEADER = 32 };
static const uint32_t LIME_MAGIC = 0x4c694d45, AVML_MAGIC = 0x4c4d5641;

static bool starts_with_magic(struct bytes head, uint32_t magic)
{
    return head.n >= 4 && le32(head.p) == magic;
}

static bool lime_probe(struct bytes head, uint64_t file_size)
{
    (void)file_size;
    return starts_with_magic(head, LIME_MAGIC);
}

static bool avml_probe(struct bytes head, uint64_t file_size)
{
    (void)file_size;
    return starts_with_magic(head, AVML_MAGIC);
}

struct record {
    uint64_t at; /* of its header in the file */
    uint32_t magic, version;
    uint64_t first, len;
};

static int read_record(struct source *s, struct bytes file, uint64_t at, struct record *ret,
                       struct diag *d)
{
    struct bytes h = bytes_sub(file, at, RECORD_HEADER);
    if (!h.p)
        return diag_fail(
            d, ST_BROKEN,
            "%s: the file ends at %#zx, within the record header at file offset %#" PRIx64
            ": it was cut; copy it again",
            s->name, file.n, at);
    struct record r = {
        .at = at, .magic = le32(h.p), .version = le32(h.p + 4), .first = le64(h.p + 8)};
    uint64_t last = le64(h.p + 16);
    bool known =
        (r.magic == LIME_MAGIC && r.version == 1) || (r.magic == AVML_MAGIC && r.version == 2);
    if (!known)
        return diag_fail(d, ST_BROKEN,
                         "%s: at file offset %#" PRIx64
                         " should be a record of LiME version 1 or AVML version 2, "
                         "but there is magic %#" PRIx32 ", version %" PRIu32,
                         s->name, at, r.magic, r.version);
    if (last - r.first == UINT64_MAX && last != UINT64_MAX) {
        r.len = 0; /* last == first - 1: an empty record */
    } else if (last < r.first || last - r.first == UINT64_MAX) {
        return diag_fail(d, ST_BROKEN,
                         "%s: the record at file offset %#" PRIx64
                         " says that memory goes from %#" PRIx64 " to %#" PRIx64,
                         s->name, at, r.first, last);
    } else {
        r.len = last - r.first + 1;
    }
    *ret = r;
    return ST_OK;
}

/* A record of version 2. Leaves *at behind it. */
static int add_packed(struct lime_source *l, struct source *s, const struct source_options *options,
                      const struct record *r, uint64_t *at, struct diag *d)
{
    struct bytes file = {l->base.file.map, (size_t)l->base.file.size};
    uint64_t cookie = l->index.unpacked;
    int st = avml_index_record(s->name, file, r->len, at, &l->index, d);
    uint64_t have = l->index.unpacked - cookie;
    if (st == ST_ABSENT && options->format) {
        l->base.missing += r->len - have;
        *at = file.n;
        st = ST_OK;
    } else if (st == ST_ABSENT) {
        return diag_fail(
            d, ST_BROKEN,
            "%s: the file ends at %#zx, within the record at file offset %#" PRIx64
            ": it was cut. Copy it again; to read what there is, name the format (--format %s)",
            s->name, file.n, r->at, s->kind);
    }
    if (st != ST_OK)
        return st;
    struct phys_range range = {.start = r->first, .len = have, .cookie = cookie};
    st = phys_add(&s->phys, &range);
    return st == ST_OK
               ? ST_OK
               : diag_fail(d, st, "%s: the record at file offset %#" PRIx64 ": %s", s->name, r->at,
                           st == ST_LIMIT ? "more pieces of memory than we keep track of (65,536)"
                                          : status_name(st));
}

static int add_plain(struct lime_source *l, struct source *s, const struct source_options *options,
                     const struct record *r, uint64_t *at, struct diag *d)
{
    char what[64];
    snprintf(what, sizeof what, "the record at file offset %#" PRIx64, r->at);
    int st = file_add_mapped(s, &l->base, options, r->first, r->len, *at, what, d);
    if (st == ST_OK && !add_fits(*at, r->len, at))
        *at = UINT64_MAX;
    return st;
}

/* Zeros up to the end: padding by whoever stored the file. Only that much is looked at that a block
 * device may add. */
static bool only_padding(struct bytes file, uint64_t at)
{
    for (uint64_t i = at; i < file.n; i++)
        if (file.p[i] || i - at > (1 << 20))
            return false;
    return true;
}

static int read_records(struct lime_source *l, struct source *s,
                        const struct source_options *options, struct diag *d)
{
    struct bytes file = {l->base.file.map, (size_t)l->base.file.size};
    uint64_t at = 0;
    while (at < file.n && !(at && only_padding(file, at))) {
        struct record r = {0};
        int st = read_record(s, file, at, &r, d);
        if (st == ST_BROKEN && file.n - at < RECORD_HEADER && options->format && s->phys.nr) {
            l->base.missing++; /* a header was cut, too; how much it promised cannot be known */
            break;
        }
        if (st != ST_OK)
            return st;
        at += RECORD_HEADER;
        if (r.magic == AVML_MAGIC)
            st = add_packed(l, s, options, &r, &at, d);
        else
            st = add_plain(l, s, options, &r, &at, d);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static void lime_free(void *impl)
{
    struct lime_source *l = impl;
    avml_cache_free(l);
    free(l->index.chunk);
    file_source_close(&l->base);
    free(l);
}

int lime_open_as(const char *kind, const char *path, const struct source_options *options,
                 struct diag *d, struct source *ret)
{
    struct source s;
    struct lime_source *l = calloc(1, sizeof *l);
    if (!l)
        return diag_fail(d, ST_NOMEM, "%s: out of memory", path);
    int st = file_source_open(path, kind, true, options, d, &l->base, &s);
    if (st != ST_OK) {
        free(l);
        return st;
    }
    st = read_records(l, &s, options, d);
    if (st == ST_OK)
        st = file_source_finish(&s, &l->base, d);
    if (st == ST_OK && l->index.nr) {
        st = avml_cache_make(l);
        s.phys.ops = &avml_phys_ops;
        s.phys.source = l;
        if (st != ST_OK)
            diag_fail(d, st, "%s: out of memory", path);
    }
    if (st != ST_OK) {
        phys_deinit(&s.phys);
        lime_free(l);
        return st;
    }
    s.impl = l;
    s.close = lime_free;
    *ret = s;
    return ST_OK;
}

static int lime_open(const char *path, const struct source_options *options, struct diag *d,
                     struct source *ret)
{
    return lime_open_as("lime", path, options, d, ret);
}

static int avml_open(const char *path, const struct source_options *options, struct diag *d,
                     struct source *ret)
{
    return lime_open_as("avml", path, options, d, ret);
}

const struct source_kind lime_source_kind = {
    .format = "lime", .probe = lime_probe, .open = lime_open};
const struct source_kind avml_source_kind = {
    .format = "avml", .probe = avml_probe, .open = avml_open};

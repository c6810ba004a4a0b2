/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compressed records of AVML: a snappy stream in the framing format (github.com/google/snappy,
 * framing_format.txt), then the stream's length in bytes as u64. At opening only the frames'
 * headers are looked at; chunks are unpacked when they are read. What is kept of them cannot go
 * stale: a file does not change.
 *
 * The checksums of chunks are not verified: they would cost more than the unpacking, which checks
 * its input itself.
 */
#include <inttypes.h>
#include <snappy-c.h>
#include <stdlib.h>

#include "source/lime_avml.h"

enum { FRAME_PACKED = 0, FRAME_PLAIN = 1, FRAME_SKIPPABLE = 0x80 };
enum { FRAME_HEADER = 4, FRAME_CRC = 4, CHUNK_MAX = 65536 };
enum { CACHE_SETS = 16, CACHE_WAYS = 4 }; /* of 64 KiB: 4 MiB */

struct cache_slot {
    size_t chunk; /* index + 1; 0: empty */
    uint64_t used;
    uint8_t *data; /* CHUNK_MAX bytes */
};

struct avml_cache {
    struct cache_slot slot[CACHE_SETS][CACHE_WAYS];
    uint64_t clock;
    uint8_t *memory;
};

struct frame {
    unsigned type;
    struct bytes body; /* behind the header, the checksum included */
};

/* ST_ABSENT: the file ends before. */
static int read_frame(struct bytes file, uint64_t at, struct frame *ret)
{
    struct bytes h = bytes_sub(file, at, FRAME_HEADER);
    if (!h.p)
        return ST_ABSENT;
    uint32_t v = le32(h.p);
    struct bytes body = bytes_sub(file, at + FRAME_HEADER, v >> 8);
    if (!body.p)
        return ST_ABSENT;
    *ret = (struct frame){v & 0xff, body};
    return ST_OK;
}

/* How many bytes a frame unpacks to; 0: none, it is to be skipped. ST_BROKEN: it is damaged or of a
 * kind to come. */
static int frame_size(const struct frame *f, size_t *ret)
{
    if (f->type >= FRAME_SKIPPABLE) {
        *ret = 0;
        return ST_OK;
    }
    if (f->type > FRAME_PLAIN || f->body.n < FRAME_CRC)
        return ST_BROKEN;
    size_t n = f->body.n - FRAME_CRC;
    if (f->type == FRAME_PACKED &&
        snappy_uncompressed_length((const char *)f->body.p + FRAME_CRC, n, &n) != SNAPPY_OK)
        return ST_BROKEN;
    if (n > CHUNK_MAX)
        return ST_BROKEN;
    *ret = n;
    return ST_OK;
}

static int append(struct avml_index *x, uint64_t at, size_t size)
{
    if (x->nr == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 256;
        struct avml_chunk *q = realloc(x->chunk, cap * sizeof *q);
        if (!q)
            return ST_NOMEM;
        x->chunk = q;
        x->cap = cap;
    }
    x->chunk[x->nr++] = (struct avml_chunk){x->unpacked, at};
    x->unpacked += size;
    return ST_OK;
}

int avml_index_record(const char *name, struct bytes file, uint64_t len, uint64_t *at,
                      struct avml_index *ret, struct diag *d)
{
    uint64_t end = 0, begin = *at, pos = begin;
    if (!add_fits(ret->unpacked, len, &end))
        return diag_fail(d, ST_BROKEN,
                         "%s: the record at file offset %#" PRIx64 " says that it has %#" PRIx64
                         " bytes of memory",
                         name, begin, len);
    while (ret->unpacked < end) {
        struct frame f;
        size_t size;
        int st = read_frame(file, pos, &f);
        if (st != ST_OK)
            return st;
        st = frame_size(&f, &size);
        if (st != ST_OK || size > end - ret->unpacked)
            return diag_fail(d, ST_BROKEN,
                             "%s: the compressed chunk at file offset %#" PRIx64 " (type %u) %s",
                             name, pos, f.type,
                             st != ST_OK ? "is damaged" : "goes on behind the end of its record");
        if (size && append(ret, pos, size) != ST_OK)
            return diag_fail(d, ST_NOMEM, "%s: out of memory for an index of %zu chunks", name,
                             ret->nr);
        pos += FRAME_HEADER + f.body.n;
    }
    struct bytes trailer = bytes_sub(file, pos, 8);
    if (!trailer.p)
        return ST_ABSENT;
    if (le64(trailer.p) != pos - begin)
        return diag_fail(d, ST_BROKEN,
                         "%s: the record's length at file offset %#" PRIx64 " is %#" PRIx64
                         ", but the compressed stream before it has %#" PRIx64 " bytes",
                         name, pos, le64(trailer.p), pos - begin);
    *at = pos + 8;
    return ST_OK;
}

int avml_cache_make(struct lime_source *l)
{
    struct avml_cache *c = calloc(1, sizeof *c);
    if (c)
        c->memory = malloc((size_t)CACHE_SETS * CACHE_WAYS * CHUNK_MAX);
    if (!c || !c->memory) {
        free(c);
        return ST_NOMEM;
    }
    for (unsigned i = 0; i < CACHE_SETS * CACHE_WAYS; i++)
        c->slot[i / CACHE_WAYS][i % CACHE_WAYS].data = c->memory + (size_t)i * CHUNK_MAX;
    l->cache = c;
    return ST_OK;
}

void avml_cache_free(struct lime_source *l)
{
    if (l->cache)
        free(l->cache->memory);
    free(l->cache);
    l->cache = NULL;
}

/* The chunk that holds this place of the stream; there is one for every place that a range has. */
static size_t chunk_at(const struct avml_index *x, uint64_t pos)
{
    size_t lo = 0, hi = x->nr;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (x->chunk[mid].start <= pos)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static size_t chunk_size(const struct avml_index *x, size_t i)
{
    return (size_t)((i + 1 < x->nr ? x->chunk[i + 1].start : x->unpacked) - x->chunk[i].start);
}

/* Unpacks chunk `i` to `to`, which has room for it. */
static int unpack(const struct lime_source *l, size_t i, uint8_t *to)
{
    struct bytes file = {l->base.file.map, (size_t)l->base.file.size};
    struct frame f;
    size_t want = chunk_size(&l->index, i), n = want;
    if (read_frame(file, l->index.chunk[i].at, &f) != ST_OK || f.body.n < FRAME_CRC)
        return ST_BROKEN;
    const char *p = (const char *)f.body.p + FRAME_CRC;
    if (f.type == FRAME_PLAIN) {
        if (f.body.n - FRAME_CRC != want)
            return ST_BROKEN;
        memcpy(to, p, want);
        return ST_OK;
    }
    return snappy_uncompress(p, f.body.n - FRAME_CRC, (char *)to, &n) == SNAPPY_OK && n == want
               ? ST_OK
               : ST_BROKEN;
}

/* The unpacked chunk, from the cache. NULL when it is damaged. */
static const uint8_t *cached_chunk(struct lime_source *l, size_t i)
{
    struct avml_cache *c = l->cache;
    struct cache_slot *set = c->slot[i % CACHE_SETS], *oldest = set;
    for (unsigned w = 0; w < CACHE_WAYS; w++) {
        if (set[w].chunk == i + 1) {
            set[w].used = ++c->clock;
            return set[w].data;
        }
        if (set[w].used < oldest->used)
            oldest = &set[w];
    }
    oldest->chunk = 0;
    if (unpack(l, i, oldest->data) != ST_OK)
        return NULL;
    oldest->chunk = i + 1;
    oldest->used = ++c->clock;
    return oldest->data;
}

static const uint8_t *avml_map(void *source, const struct phys_range *r, uint64_t at, size_t *avail)
{
    struct lime_source *l = source;
    uint64_t pos = r->cookie + (at - r->start);
    size_t i = chunk_at(&l->index, pos);
    size_t in = (size_t)(pos - l->index.chunk[i].start), size = chunk_size(&l->index, i);
    const uint8_t *p = in < size ? cached_chunk(l, i) : NULL;
    if (!p)
        return NULL;
    *avail = (size_t)MIN_OF((uint64_t)(size - in), r->len - (at - r->start));
    return p + in;
}

static int avml_read(void *source, const struct phys_range *r, uint64_t at, void *buf, size_t n,
                     size_t *done)
{
    struct lime_source *l = source;
    size_t got = 0;
    while (got < n) {
        uint64_t pos = r->cookie + (at + got - r->start);
        size_t i = chunk_at(&l->index, pos), size = chunk_size(&l->index, i), avail;
        if (pos == l->index.chunk[i].start &&
            n - got >= size) { /* wanted whole: not by way of the cache */
            if (unpack(l, i, (uint8_t *)buf + got) != ST_OK)
                break;
            got += size;
            continue;
        }
        const uint8_t *p = avml_map(source, r, at + got, &avail);
        if (!p)
            break;
        avail = MIN_OF(avail, n - got);
        memcpy((uint8_t *)buf + got, p, avail);
        got += avail;
    }
    *done = got;
    return got == n ? ST_OK : ST_BROKEN;
}

const struct phys_ops avml_phys_ops = {.read = avml_read, .map = avml_map};

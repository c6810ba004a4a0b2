/* SPDX-License-Identifier: BSD-2-Clause */
#include "phys/phys.h"

#include <stdlib.h>

enum { MAX_RANGES = 65536 };

void phys_init(struct phys *p, const struct phys_ops *ops, void *source)
{
    *p = (struct phys){.ops = ops, .source = source};
}

void phys_deinit(struct phys *p)
{
    free(p->range);
    *p = (struct phys){0};
}

/* Index of the first range that ends after `at`. */
static size_t first_ending_after(const struct phys *p, uint64_t at)
{
    size_t lo = 0, hi = p->nr;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct phys_range *r = &p->range[mid];
        if (r->start + (r->len - 1) < at)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Does b go on where a ends, everywhere? */
static bool continues(const struct phys_range *a, const struct phys_range *b)
{
    return b->start - a->start == a->len && b->cookie - a->cookie == a->len &&
           !a->host == !b->host && (!a->host || b->host == a->host + a->len);
}

static int insert(struct phys *p, size_t at, const struct phys_range *r)
{
    if (at && continues(&p->range[at - 1], r)) {
        p->range[at - 1].len += r->len;
        return ST_OK;
    }
    if (at < p->nr && continues(r, &p->range[at])) {
        uint64_t len = p->range[at].len;
        p->range[at] = *r;
        p->range[at].len += len;
        return ST_OK;
    }
    if (p->nr == MAX_RANGES)
        return ST_LIMIT;
    if (p->nr == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 8;
        struct phys_range *q = realloc(p->range, cap * sizeof *q);
        if (!q)
            return ST_NOMEM;
        p->range = q;
        p->cap = cap;
    }
    memmove(&p->range[at + 1], &p->range[at], (p->nr - at) * sizeof *r);
    p->range[at] = *r;
    p->nr++;
    return ST_OK;
}

/* The part of `r` that starts `skip` bytes in and is `len` long. */
static struct phys_range part_of(const struct phys_range *r, uint64_t skip, uint64_t len)
{
    return (struct phys_range){.start = r->start + skip,
                               .len = len,
                               .host = r->host && len ? r->host + skip : NULL,
                               .cookie = r->cookie + skip};
}

int phys_add(struct phys *p, const struct phys_range *add)
{
    uint64_t last;
    if (!add->len)
        return ST_OK;
    if (!add_fits(add->start, add->len - 1, &last))
        return ST_INVALID;
    p->hint = 0;
    struct phys_range r = *add;
    while (r.len) {
        size_t i = first_ending_after(p, r.start);
        uint64_t skip = 0, take = r.len;
        if (i < p->nr) {
            const struct phys_range *o = &p->range[i];
            if (o->start <= r.start)
                skip = MIN_OF(r.len, o->len - (r.start - o->start));
            else if (o->start - r.start < r.len)
                take = o->start - r.start;
        }
        if (!skip) {
            struct phys_range piece = part_of(&r, 0, take);
            int st = insert(p, i, &piece);
            if (st != ST_OK)
                return st;
            skip = take;
        }
        r = part_of(&r, skip, r.len - skip);
    }
    return ST_OK;
}

const struct phys_range *phys_find_slow(struct phys *p, uint64_t at)
{
    size_t i = first_ending_after(p, at);
    if (i == p->nr || p->range[i].start > at)
        return NULL;
    p->hint = i;
    return &p->range[i];
}

/* The first bytes of [at, at+n), which lies in r; *step says how many. */
static int read_some(struct phys *p, const struct phys_range *r, uint64_t at, void *buf, size_t n,
                     size_t *step)
{
    const struct phys_ops *ops = p->ops;
    if (r->host) {
        memcpy(buf, r->host + (at - r->start), n);
        *step = n;
        return ST_OK;
    }
    if (ops && ops->read)
        return ops->read(p->source, r, at, buf, n, step);
    if (!ops || !ops->map)
        return ST_UNSUPPORTED;
    size_t avail;
    const uint8_t *q = ops->map(p->source, r, at, &avail);
    if (!q || !avail)
        return ST_ABSENT;
    *step = MIN_OF(avail, n);
    memcpy(buf, q, *step);
    return ST_OK;
}

int phys_read(struct phys *p, uint64_t at, void *buf, size_t n, size_t *done)
{
    size_t got = 0;
    int st = ST_OK;
    while (got < n && st == ST_OK) {
        const struct phys_range *r = phys_find(p, at + got);
        if (!r || at + got < at) {
            st = ST_ABSENT;
            break;
        }
        size_t want = (size_t)MIN_OF((uint64_t)(n - got), r->len - (at + got - r->start)), step = 0;
        st = read_some(p, r, at + got, (uint8_t *)buf + got, want, &step);
        if (st == ST_OK && !step)
            st = ST_IO; /* a source that gives nothing and no reason must not keep us here */
        got += step;
    }
    if (done)
        *done = got;
    return st;
}

int phys_write(struct phys *p, uint64_t at, const void *buf, size_t n, size_t *done)
{
    size_t put = 0;
    int st = p->ops && p->ops->write ? ST_OK : ST_UNSUPPORTED;
    while (st == ST_OK && put < n) {
        const struct phys_range *r = phys_find(p, at + put);
        if (!r || at + put < at) {
            st = ST_ABSENT;
            break;
        }
        size_t want = (size_t)MIN_OF((uint64_t)(n - put), r->len - (at + put - r->start));
        size_t step = 0;
        st = p->ops->write(p->source, r, at + put, (const uint8_t *)buf + put, want, &step);
        if (st == ST_OK && !step)
            st = ST_IO;
        put += step;
    }
    if (done)
        *done = put;
    return st;
}

const uint8_t *phys_hold(struct phys *p, uint64_t at, size_t n)
{
    const struct phys_range *r = phys_find(p, at);
    if (!r || !n || r->len - (at - r->start) < n)
        return NULL;
    if (r->host)
        return r->host + (at - r->start);
    return p->ops && p->ops->hold ? p->ops->hold(p->source, r, at, n) : NULL;
}

void phys_release(struct phys *p, const uint8_t *held, size_t n)
{
    if (p->ops && p->ops->release)
        p->ops->release(p->source, held, n);
}

uint64_t phys_next_data(struct phys *p, uint64_t at, uint64_t *end)
{
    for (size_t i = first_ending_after(p, at); i < p->nr; i++) {
        const struct phys_range *r = &p->range[i];
        uint64_t from = MAX_OF(at, r->start), to;
        if (!add_fits(r->start, r->len, &to))
            to = UINT64_MAX;
        uint64_t stop = to;
        if (p->ops && p->ops->next_data)
            from = p->ops->next_data(p->source, r, from, &stop);
        if (from - r->start >= r->len || stop <= from)
            continue;
        *end = MIN_OF(stop, to);
        return from;
    }
    return UINT64_MAX;
}

uint64_t phys_size(const struct phys *p)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->nr; i++)
        sum += p->range[i].len;
    return sum;
}

uint64_t phys_end(const struct phys *p)
{
    if (!p->nr)
        return 0;
    const struct phys_range *r = &p->range[p->nr - 1];
    uint64_t end;
    return add_fits(r->start, r->len, &end) ? end : UINT64_MAX;
}

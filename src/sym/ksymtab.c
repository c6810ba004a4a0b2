/* SPDX-License-Identifier: BSD-2-Clause */
#include "sym/ksymtab.h"

#include "sym/symlist.h"

#define SAMPLE       128u         /* entries between two places that are looked at */
#define FEWEST       (4 * SAMPLE) /* entries of a table; kernels export many thousands */
#define MOST         (1u << 20)
#define LONGEST_NAME 256
#define WORK         (64u << 20) /* bytes of names looked at */

/* How an entry is written. */
struct form {
    unsigned stride;
    unsigned field; /* bytes of a field: value, then name */
    bool relative;
};

struct search {
    struct bytes image;
    uint64_t va;
    unsigned ptr_size;
    uint64_t work;
};

struct run {
    struct form form;
    uint64_t start, nr;
};

static bool identifier(uint8_t c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9') || (!first && (c == '.' || c == '$'));
}

/* What the field at `at` points to, as a virtual address. */
static uint64_t field_target(const struct search *s, const struct form *f, uint64_t at)
{
    uint64_t v;

    if (f->relative)
        v = s->va + at + (uint64_t)(int64_t)(int32_t)le32(s->image.p + at);
    else
        v = f->field == 8 ? le64(s->image.p + at) : le32(s->image.p + at);
    return s->ptr_size == 4 ? (uint32_t)v : v;
}

/* The name of the entry at `at`, when there can be an entry there. */
static bool entry_name(struct search *s, const struct form *f, uint64_t at, struct bytes *ret)
{
    if (!in_bounds(at, f->stride, s->image.n))
        return false;
    uint64_t name = field_target(s, f, at + f->field) - s->va;
    if (name >= s->image.n || !s->work)
        return false;
    const uint8_t *p = s->image.p + name;
    size_t n = 0, most = MIN_OF(s->image.n - name, (size_t)LONGEST_NAME);
    while (n < most && identifier(p[n], !n))
        n++;
    s->work -= MIN_OF(s->work, n + 1);
    if (n < 2 || n == most || p[n])
        return false;
    *ret = (struct bytes){p, n};
    return true;
}

/* Strictly, as sorted names are: -1, 0, 1. */
static int compare(struct bytes a, struct bytes b)
{
    int c = memcmp(a.p, b.p, MIN_OF(a.n, b.n));

    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

/*
 * The run of entries around `at`, not before `from`: as far as names are names; of each pair of
 * neighbours the order is looked at, and a run that is not sorted but for the seams between its few
 * tables is none.
 */
static bool extend(struct search *s, const struct form *f, uint64_t at, uint64_t from,
                   struct run *ret)
{
    struct bytes name, last;
    uint64_t start = at, nr = 0, descents = 0;

    while (start >= from + f->stride && nr++ < MOST && entry_name(s, f, start - f->stride, &name))
        start -= f->stride;
    nr = 0;
    for (uint64_t pos = start; nr < MOST && entry_name(s, f, pos, &name); pos += f->stride, nr++) {
        if (nr && compare(last, name) >= 0 && ++descents > 8 + nr / 64)
            break;
        last = name;
    }
    *ret = (struct run){*f, start, nr};
    return nr >= FEWEST && descents <= 8;
}

static void find_runs(struct search *s, const struct form *f, struct run *best)
{
    uint64_t from = 0, step = (uint64_t)f->stride * SAMPLE;

    for (uint64_t at = 0; at + step < s->image.n && s->work; at += step) {
        for (unsigned phase = 0; phase < f->stride; phase += 4) {
            struct bytes name, next;
            struct run run;
            uint64_t pos = at + phase;
            if (pos < from || !entry_name(s, f, pos, &name) ||
                !entry_name(s, f, pos + f->stride, &next))
                continue;
            if (compare(name, next) >= 0 || !extend(s, f, pos, from, &run))
                continue;
            from = run.start + run.nr * f->stride;
            if (run.nr > best->nr)
                *best = run;
        }
    }
}

/*
 * Unsorted leftovers at the ends (what happens to lie beside the table) are few and left in: their
 * names are names.
 */
static int collect(struct search *s, const struct run *run, struct symlist *l, struct symtab *ret)
{
    for (uint64_t i = 0; i < run->nr; i++) {
        uint64_t at = run->start + i * run->form.stride;
        struct bytes name;
        s->work = WORK;
        if (entry_name(s, &run->form, at, &name))
            symlist_add(l, name, field_target(s, &run->form, at), '?');
    }
    return symlist_finish(l, ret);
}

int ksymtab_open(const struct kallsyms_image *image, struct diag *d, struct symtab *ret)
{
    unsigned ptr = image->ptr_size;
    const struct form forms[] = {
        {12, 4, true}, {8, 4, true}, {3 * ptr, ptr, false}, {2 * ptr, ptr, false}};
    struct search s = {image->bytes, image->va, ptr, WORK};
    struct run best = {.nr = 0};

    if (ptr != 4 && ptr != 8)
        return diag_fail(d, ST_INVALID, "ksymtab: pointers of %u bytes", ptr);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        s.work = WORK;
        find_runs(&s, &forms[i], &best);
    }
    if (!best.nr)
        return diag_fail(d, ST_ABSENT,
                         "ksymtab: no table of exported symbols in %zu bytes at %#llx",
                         image->bytes.n, (unsigned long long)image->va);
    struct symlist *l = symlist_new("ksymtab");
    int status = l ? collect(&s, &best, l, ret) : ST_NOMEM;
    if (status == ST_OK)
        return ST_OK;
    symlist_free(l);
    return diag_fail(d, status, "ksymtab: no memory for %llu symbols", (unsigned long long)best.nr);
}

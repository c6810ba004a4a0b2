/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page walks through any bytes, in any form: they end, and all ways to read agree with one another.
 *
 * Input: form, flags, then u64 root, u64 address, u64 mask, then memory from physical 0 on. The
 * mask is laid over all entries, so that more of them point into what little memory there is.
 */
#include <stdlib.h>

#include "xlat/xlat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    NESTED = 1,
    SPLIT = 2,
    BY_READ = 4,
    POLICY = 8,
    CLEAR = 16,
    TWO_RANGES = 32,
    HEADER = 26,
    LONGEST = 4500
};

struct memory {
    const uint8_t *p;
};

static int read_memory(void *source, const struct phys_range *r, uint64_t at, void *buf, size_t n,
                       size_t *done)
{
    const struct memory *m = source;
    (void)r;
    memcpy(buf, m->p + at, n);
    *done = n;
    return ST_OK;
}

static int resolve(void *arg, const struct aspace *as, unsigned level, uint64_t entry, uint64_t va,
                   uint64_t *ret)
{
    (void)arg, (void)as, (void)level, (void)va;
    if (!(entry & 2) || entry & 0x200)
        return ST_ABSENT;
    *ret = entry ^ (entry & 0x400 ? 3 : 1);
    return ST_OK;
}

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* How many bytes from va on there are, read one at a time, each with a walk of its own. */
static size_t read_bytes(const struct aspace *as, uint64_t va, uint8_t *buf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct walk w;
        uint64_t pa = 1, left = 2, at = va + i;
        int st = aspace_translate(as, GVA(at), &pa, &left), st_walk = aspace_walk(as, GVA(at), &w);
        check(st == st_walk && (st == ST_OK) == (w.fault == WALK_OK) && w.levels <= w.form->levels);
        if (st != ST_OK) {
            check(pa == 1 && left == 2 && !w.size);
            return i;
        }
        check(pa == w.outer_pa && left && left <= w.size - (at & (w.size - 1)));
        if (at < va || phys_read(as->phys, pa, buf + i, 1, NULL) != ST_OK)
            return i;
    }
    return n;
}

static void check_reads(const struct aspace *as, uint64_t va)
{
    static uint8_t one[LONGEST], all[LONGEST];
    char text[300];
    size_t done, avail;
    size_t n = read_bytes(as, va, one, LONGEST);
    const size_t length[] = {1, 4, 8, 9, 4096, LONGEST};
    for (size_t i = 0; i < ARRAY_LEN(length); i++) {
        size_t want = length[i];
        int st = aspace_read(as, GVA(va), all, want, &done);
        check(done == MIN_OF(n, want) && (st == ST_OK) == (n >= want) && !memcmp(one, all, done));
    }
    const uint8_t *p = aspace_ptr(as, GVA(va), &avail);
    if (p)
        check(avail && n && !memcmp(p, one, MIN_OF(avail, n)));
    int st = aspace_read_str(as, GVA(va), text, sizeof text);
    const uint8_t *end = memchr(one, 0, MIN_OF(n, sizeof text - 1));
    check(end ? st == ST_OK && !strcmp(text, (const char *)one) : st != ST_OK);
}

struct visit {
    const struct aspace *as;
    uint64_t next, count;
};

static int visit_page(const struct walk *w, void *arg)
{
    struct visit *v = arg;
    struct walk again = {0}; /* its padding is compared, too */
    check(w->va >= v->next);
    v->next = w->va + (w->size - (w->va & (w->size - 1)));
    if (v->count++ % 16 == 0) {
        check(aspace_walk(v->as, GVA(w->va), &again) == ST_OK);
        check(!memcmp(&again, w, sizeof again));
    }
    return v->count >= 5000;
}

static void make_space(struct aspace *as, struct aspace *outer, struct phys *phys, unsigned form,
                       unsigned flags, uint64_t root)
{
    static const struct pte_policy policy = {.resolve = resolve};
    if (flags & SPLIT)
        aspace_init_split(as, phys, form, root ^ 0x2000, form, root,
                          1ULL << (flags & 64 ? 63 : 31));
    else
        aspace_init(as, phys, form, root);
    if (flags & NESTED) {
        aspace_init(outer, phys, flags & 128 ? FORM_EPT_4LEVEL : FORM_X86_PAE, root ^ 0x1000);
        as->outer = outer;
    }
    as->policy = flags & POLICY ? &policy : NULL;
    as->addr_clear = flags & CLEAR ? 1ULL << 15 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct phys_ops ops = {.read = read_memory};
    if (size < HEADER + 8 || size > HEADER + 65536)
        return 0;
    unsigned form = data[0] % FORM_COUNT, flags = data[1];
    uint64_t root = le64(data + 2), va = le64(data + 10), mask = le64(data + 18);
    size_t n = size - HEADER;
    uint8_t *bytes = malloc(n);
    struct memory m = {bytes};
    struct phys phys;
    struct aspace as, outer;
    if (!bytes)
        return 0;
    memcpy(bytes, data + HEADER, n);
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint64_t e = le64(bytes + i) & mask;
        memcpy(bytes + i, &e, 8);
    }
    phys_init(&phys, &ops, &m);
    size_t first = flags & TWO_RANGES ? n / 2 : n;
    check(phys_add(&phys, &(struct phys_range){0, first, flags & BY_READ ? NULL : bytes, 0}) ==
          ST_OK);
    check(phys_add(&phys, &(struct phys_range){first, n - first, bytes + first, 1}) == ST_OK);
    make_space(&as, &outer, &phys, form, flags, root);
    check_reads(&as, va);
    check_reads(&as, va | 0xfff);
    struct visit v = {.as = &as};
    int st = aspace_each_page(&as, 0, UINT64_MAX, 200, visit_page, &v);
    check(st == ST_OK || st == ST_LIMIT || st == 1);
    phys_deinit(&phys);
    free(bytes);
    return 0;
}

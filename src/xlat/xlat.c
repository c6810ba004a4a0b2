/* SPDX-License-Identifier: BSD-2-Clause */
/* The one page walker, and reads and writes through it. */
#include "xlat/xlat.h"

void aspace_init(struct aspace *as, struct phys *phys, enum form_id form, uint64_t root)
{
    aspace_init_split(as, phys, form, root, form, root, 0);
}

void aspace_init_split(struct aspace *as, struct phys *phys, enum form_id low_form, uint64_t low,
                       enum form_id high_form, uint64_t high, uint64_t split)
{
    const struct paging_form *f0 = paging_form(low_form), *f1 = paging_form(high_form);
    *as = (struct aspace){
        .phys = phys, .half = {{f0, low & f0->root_mask}, {f1, high & f1->root_mask}}, .split = split};
}

/* Bits above va_bits: copies of the highest one, or equal to the half that the address is in. */
static inline bool canonical(const struct paging_form *f, uint64_t va, uint64_t split)
{
    if (f->sign_extended)
        return (uint64_t)((int64_t)(va << (64 - f->va_bits)) >> (64 - f->va_bits)) == va;
    uint64_t top = va >> f->va_bits;
    if (split >> 63 && va >= split)
        return top == ~0ULL >> f->va_bits;
    return top == 0;
}

static int outer_address(const struct aspace *as, uint64_t at, uint64_t *ret)
{
    uint64_t left;
    return aspace_translate(as->outer, GVA(at), ret, &left);
}

/* What one step of a walk found. */
struct step {
    uint64_t at, entry, addr, size;
    bool leaf;
};

/*
 * One level: reads the entry for `va` in the table at `table` and decodes it. Returns the fault, WALK_OK when the entry
 * can be followed. s->at and s->entry are valid unless the fault is WALK_TABLE_ABSENT or WALK_OUTER.
 */
static inline __attribute__((always_inline)) enum walk_fault
walk_step(const struct aspace *as, const struct paging_form *f, unsigned level, uint64_t table, uint64_t va, struct step *s)
{
    const struct form_level *l = &f->level[level];
    uint64_t index = va >> l->shift & ((1ULL << l->bits) - 1);
    s->at = table + index * f->entry_size;
    uint64_t where = s->at;
    if (__builtin_expect(as->outer != NULL, 0) && outer_address(as, s->at, &where) != ST_OK)
        return WALK_OUTER;
    if (__builtin_expect(phys_read_entry(as->phys, where, f->entry_size, &s->entry) != ST_OK, 0))
        return WALK_TABLE_ABSENT;
    uint64_t e = s->entry;
    if (__builtin_expect(!(e & f->present_mask), 0)) {
        if (!as->policy || as->policy->resolve(as->policy->arg, as, level, e, va, &e) != ST_OK)
            return WALK_NOT_PRESENT;
    }
    bool last = level + 1u == f->levels;
    bool match = (e & l->leaf_mask) == l->leaf_val;
    if (last && !match)
        return WALK_NOT_PRESENT; /* Arm: 01 at the last level is reserved and faults as invalid */
    bool leaf = last || match;
    if (l->leaf_mask == ~0ULL)
        leaf = last;
    s->size = 1ULL << l->shift;
    s->addr = (leaf ? e & l->leaf_addr : e & f->table_addr) & ~as->addr_clear;
    if (__builtin_expect(f->fix != NULL, 0))
        f->fix(f, level, e, &leaf, &s->addr, &s->size);
    s->leaf = leaf;
    if (__builtin_expect(leaf && !l->leaf_addr, 0))
        return WALK_RESERVED;
    return WALK_OK;
}

static inline const struct aspace_half *half_of(const struct aspace *as, uint64_t va)
{
    return &as->half[va >= as->split];
}

int aspace_walk(const struct aspace *as, gva_t va, struct walk *ret)
{
    const struct aspace_half *h = half_of(as, va.v);
    const struct paging_form *f = h->form;
    *ret = (struct walk){.va = va.v, .form = f, .rights = RIGHT_R | RIGHT_W | RIGHT_X | RIGHT_U};
    if (!canonical(f, va.v, as->split)) {
        ret->fault = WALK_NOT_CANONICAL;
        return ST_ABSENT;
    }
    uint64_t table = h->root;
    for (unsigned level = 0; level < f->levels; level++) {
        struct step s = {0};
        ret->fault = walk_step(as, f, level, table, va.v, &s);
        if (ret->fault == WALK_TABLE_ABSENT || ret->fault == WALK_OUTER)
            return ST_ABSENT;
        ret->entry[level].at = s.at;
        ret->entry[level].value = s.entry;
        ret->levels = level + 1;
        if (ret->fault != WALK_OK)
            return ST_ABSENT;
        ret->rights &= f->rights(level, s.leaf, s.entry);
        if (s.leaf) {
            ret->size = s.size;
            ret->pa = ret->outer_pa = s.addr | (va.v & (s.size - 1));
            break;
        }
        table = s.addr;
    }
    if (as->outer && outer_address(as, ret->pa, &ret->outer_pa) != ST_OK) {
        ret->fault = WALK_OUTER;
        ret->size = 0;
        return ST_ABSENT;
    }
    return ST_OK;
}

/* Where the walk of a small page ended, so that a sequential read need not start at the root for every page. */
struct leaf_table {
    uint64_t table; /* address of the last-level table; 0: none */
    uint64_t base;  /* first address that it covers */
    uint64_t span;
};

static inline __attribute__((always_inline)) int translate(const struct aspace *as, uint64_t va, uint64_t *ret,
                                                           uint64_t *left, struct leaf_table *leaf)
{
    const struct aspace_half *h = half_of(as, va);
    const struct paging_form *f = h->form;
    if (__builtin_expect(!canonical(f, va, as->split), 0))
        return ST_ABSENT;
    uint64_t table = h->root;
    unsigned level = 0;
    struct step s;
    if (leaf && leaf->table && va - leaf->base < leaf->span) {
        table = leaf->table;
        level = f->levels - 1u;
    }
    for (;; level++) {
        if (__builtin_expect(walk_step(as, f, level, table, va, &s) != WALK_OK, 0))
            return ST_ABSENT;
        if (s.leaf)
            break;
        table = s.addr;
    }
    if (leaf && level + 1u == f->levels) {
        const struct form_level *l = &f->level[level];
        leaf->table = table;
        leaf->span = 1ULL << (l->shift + l->bits);
        leaf->base = va & ~(leaf->span - 1);
    }
    uint64_t in = va & (s.size - 1);
    uint64_t pa = s.addr | in;
    *left = s.size - in;
    if (__builtin_expect(as->outer != NULL, 0)) {
        uint64_t outer_left;
        int st = aspace_translate(as->outer, GVA(pa), &pa, &outer_left);
        if (st != ST_OK)
            return st;
        *left = MIN_OF(*left, outer_left);
    }
    *ret = pa;
    return ST_OK;
}

int aspace_translate(const struct aspace *as, gva_t va, uint64_t *ret, uint64_t *left)
{
    return translate(as, va.v, ret, left, NULL);
}

int aspace_read(const struct aspace *as, gva_t va, void *buf, size_t n, size_t *done)
{
    struct leaf_table leaf = {0};
    size_t got = 0;
    int st = ST_OK;
    while (got < n) {
        uint64_t pa, left, at = va.v + got;
        if (at < va.v && got) { /* ran over the end of the address space */
            st = ST_ABSENT;
            break;
        }
        st = translate(as, at, &pa, &left, &leaf);
        if (st != ST_OK)
            break;
        size_t want = (size_t)MIN_OF((uint64_t)(n - got), left), avail, step = 0;
        const uint8_t *p = phys_ptr(as->phys, pa, &avail);
        if (__builtin_expect(p && avail >= want, 1)) {
            memcpy((uint8_t *)buf + got, p, want);
            step = want;
        } else {
            st = phys_read(as->phys, pa, (uint8_t *)buf + got, want, &step);
        }
        got += step;
        if (st != ST_OK)
            break;
    }
    if (done)
        *done = got;
    return st;
}

int aspace_write(const struct aspace *as, gva_t va, const void *buf, size_t n, size_t *done)
{
    size_t put = 0;
    int st = ST_OK;
    while (put < n && st == ST_OK) {
        uint64_t pa, left;
        size_t step = 0;
        st = translate(as, va.v + put, &pa, &left, NULL);
        if (st != ST_OK)
            break;
        size_t want = (size_t)MIN_OF((uint64_t)(n - put), left);
        st = phys_write(as->phys, pa, (const uint8_t *)buf + put, want, &step);
        put += step;
    }
    if (done)
        *done = put;
    return st;
}

const uint8_t *aspace_ptr(const struct aspace *as, gva_t va, size_t *avail)
{
    struct leaf_table leaf = {0};
    uint64_t pa, left;
    size_t have;
    if (translate(as, va.v, &pa, &left, &leaf) != ST_OK)
        return NULL;
    const uint8_t *p = phys_ptr(as->phys, pa, &have);
    if (!p)
        return NULL;
    size_t total = (size_t)MIN_OF((uint64_t)have, left);
    while (total == left && total < have) { /* the next page may be the next frame */
        uint64_t next, more;
        if (translate(as, va.v + total, &next, &more, &leaf) != ST_OK || next != pa + total)
            break;
        left += more;
        total = (size_t)MIN_OF((uint64_t)have, left);
    }
    *avail = total;
    return p;
}

int aspace_read_str(const struct aspace *as, gva_t va, char *buf, size_t size)
{
    size_t got = 0;
    if (!size)
        return ST_INVALID;
    while (got < size - 1) {
        size_t want = MIN_OF(size - 1 - got, 256 - ((size_t)(va.v + got) & 255)), step = 0;
        int st = aspace_read(as, GVA(va.v + got), buf + got, want, &step);
        char *end = memchr(buf + got, '\0', step);
        if (end)
            return ST_OK;
        got += step;
        if (st != ST_OK) {
            buf[got] = '\0';
            return st;
        }
    }
    buf[got] = '\0';
    return ST_LIMIT;
}

int aspace_each_page(const struct aspace *as, uint64_t from, uint64_t to, uint64_t max_tables,
                     int (*visit)(const struct walk *w, void *arg), void *arg)
{
    uint64_t walks = 0, va = from;
    for (;;) {
        struct walk w;
        uint64_t step;
        int st = aspace_walk(as, GVA(va), &w);
        if (st == ST_OK) {
            int stop = visit(&w, arg);
            if (stop)
                return stop;
            step = w.size;
        } else if (w.fault == WALK_NOT_CANONICAL) { /* on to the upper half */
            const struct paging_form *f = half_of(as, va)->form;
            uint64_t upper = ~0ULL << (f->sign_extended ? f->va_bits - 1 : f->va_bits);
            if (va >= upper)
                return ST_OK;
            va = MAX_OF(upper, va);
            if (va > to)
                return ST_OK;
            continue;
        } else {
            unsigned level = w.levels ? w.levels - 1 : 0;
            if ((w.fault == WALK_TABLE_ABSENT || w.fault == WALK_OUTER) && w.levels && w.levels < w.form->levels)
                level = w.levels; /* the table below the last good entry is missing: that entry's span */
            if (w.fault == WALK_TABLE_ABSENT && w.levels)
                level = w.levels - 1;
            step = 1ULL << w.form->level[level].shift;
        }
        if (++walks > max_tables)
            return ST_LIMIT;
        uint64_t next = (va & ~(step - 1)) + step;
        if (next <= va || next > to)
            return ST_OK;
        va = next;
    }
}

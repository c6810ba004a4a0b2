/* SPDX-License-Identifier: BSD-2-Clause */
/* The one page walker, and reads and writes through it. */
#include "xlat/forms.h"

const struct paging_form *paging_form(enum form_id id)
{
    return &forms[id];
}

uint64_t paging_root(enum form_id id, uint64_t reg)
{
    const struct paging_form *f = &forms[id];
    if (!f->upper_half)
        return reg & f->root_mask;
    /* TTBR: ASID in 63:48, the table in 47:1, bit 0 CnP; with 52-bit addresses the table's bits
     * 51:48 are in 5:2. */
    if (id == FORM_ARM64_4K_52 || id == FORM_ARM64_16K_52 || id == FORM_ARM64_64K_52)
        return (reg & BITS(47, 6)) | (reg >> 2 & 15) << 48;
    return reg & BITS(47, 4);
}

void aspace_init(struct aspace *as, struct phys *phys, enum form_id form, uint64_t root)
{
    aspace_init_split(as, phys, form, root, form, root, 0);
    if (forms[form].upper_half) {
        as->half[0].root = ASPACE_NO_ROOT;
        as->split = 1ULL << 63;
    }
}

void aspace_init_split(struct aspace *as, struct phys *phys, enum form_id low_form, uint64_t low,
                       enum form_id high_form, uint64_t high, uint64_t split)
{
    const struct paging_form *f0 = &forms[low_form], *f1 = &forms[high_form];
    *as = (struct aspace){.phys = phys,
                          .half = {{f0, low & f0->root_mask}, {f1, high & f1->root_mask}},
                          .split = split};
}

/* How many of the upper bits must agree: they are all 0, or all 1 where the form has an upper half.
 */
static inline unsigned canonical_shift(const struct paging_form *f)
{
    return f->va_bits - f->sign_extended;
}

static inline bool canonical(const struct paging_form *f, uint64_t va)
{
    uint64_t top = (uint64_t)((int64_t)va >> canonical_shift(f)); /* 0, or all 1 */
    bool upper = f->sign_extended || f->upper_half;
    return top + upper <= (uint64_t)upper;
}

static inline const struct aspace_half *half_of(const struct aspace *as, uint64_t va)
{
    return &as->half[va >= as->split];
}

/* ---- one step
 * ---------------------------------------------------------------------------------------------------
 */

/*
 * The mapped range that was used last, in registers: most steps of a walk, and the data at its end,
 * lie in the same one. room is 0 when there is none; else an 8-byte access at start + i is inside
 * for all i < room.
 */
struct window {
    const uint8_t *host;
    uint64_t start, room;
};

static inline struct window window_of(const struct phys *p)
{
    if (__builtin_expect(p->hint < p->nr, 1)) {
        const struct phys_range *r = &p->range[p->hint];
        if (__builtin_expect(r->host && r->len >= 8, 1))
            return (struct window){r->host, r->start, r->len - 7};
    }
    return (struct window){0};
}

static int outer_address(const struct aspace *as, uint64_t at, uint64_t *ret)
{
    uint64_t left;
    return aspace_translate(as->outer, GVA(at), ret, &left);
}

/*
 * The rare cases stand in functions of their own and take and give what they need by value: a local
 * variable whose address is never taken lives in a register, and a walk is a few dozen
 * instructions.
 */

/* Reads an entry that is not in the window. */
static __attribute__((noinline, cold)) enum walk_fault
read_entry_slow(const struct aspace *as, uint64_t at, unsigned size, uint64_t *ret)
{
    if (as->outer && outer_address(as, at, &at) != ST_OK)
        return WALK_OUTER;
    return phys_read_entry(as->phys, at, size, ret) == ST_OK ? WALK_OK : WALK_TABLE_ABSENT;
}

/* With an outer space no table lies where its address says; the empty window sends every read the
 * long way. */
static inline struct window window_for(const struct aspace *as)
{
    return __builtin_expect(!as->outer, 1) ? window_of(as->phys) : (struct window){0};
}

static inline __attribute__((always_inline)) enum walk_fault
read_entry(const struct aspace *as, struct window *w, bool quick, uint64_t at, unsigned size,
           uint64_t *ret)
{
    uint64_t in = at - w->start;
    if (__builtin_expect(in >= w->room, 0)) {
        uint64_t slow = 0;
        if (quick)
            return WALK_TABLE_ABSENT;
        enum walk_fault fault = read_entry_slow(as, at, size, &slow);
        *ret = slow;
        *w = window_for(as); /* move to where it was */
        return fault;
    }
    const uint8_t *p = w->host + in;
    *ret = size == 8 ? *(const volatile phys_entry64 *)p : *(const volatile phys_entry32 *)p;
    return WALK_OK;
}

/*
 * An entry that is not present for the hardware: perhaps the operating system knows better. An
 * equivalent entry, or one that is not present either.
 */
static __attribute__((noinline, cold)) uint64_t resolve(const struct aspace *as, unsigned level,
                                                        uint64_t va, uint64_t entry)
{
    uint64_t e = entry;
    if (as->policy->resolve(as->policy->arg, as, level, entry, va, &e) != ST_OK)
        return entry;
    return e;
}

/* Entries of some guests hold addresses that are not the guest's own: phys_ops.from_entry. */
static inline enum walk_fault from_entry(const struct aspace *as, uint64_t *addr)
{
    const struct phys_ops *ops = as->phys->ops;
    uint64_t at = *addr;
    if (__builtin_expect(!ops || !ops->from_entry, 1))
        return WALK_OK;
    if (ops->from_entry(as->phys->source, &at) != ST_OK)
        return WALK_OUTER;
    *addr = at;
    return WALK_OK;
}

/* What one step of a walk found. */
struct step {
    uint64_t at;    /* of the entry */
    uint64_t raw;   /* as it is in memory */
    uint64_t entry; /* as it is taken: the policy may have put another one in its place */
    uint64_t addr, size;
    bool leaf;
};

/*
 * One level: reads the entry for `va` in the table at `table` and decodes it. Returns the fault,
 * WALK_OK when the entry can be followed. s->raw is valid unless the fault is WALK_TABLE_ABSENT or
 * WALK_OUTER. `quick`, a constant: the caller will walk again when this fails, so what is rare is a
 * fault.
 */
static inline __attribute__((always_inline)) enum walk_fault
walk_step(const struct aspace *as, const struct paging_form *f, unsigned level, uint64_t table,
          uint64_t va, struct window *w, bool quick, struct step *s)
{
    const struct form_level *l = &f->level[level];
    uint64_t e;
    s->at = table + (va >> l->shift & ((1ULL << l->bits) - 1)) * f->entry_size;
    enum walk_fault fault = read_entry(as, w, quick, s->at, f->entry_size, &e);
    if (__builtin_expect(fault != WALK_OK, 0))
        return fault;
    s->raw = e;
    if (__builtin_expect(!(e & f->present_mask), 0)) {
        e = quick || !as->policy ? 0 : resolve(as, level, va, e);
        if (!(e & f->present_mask))
            return WALK_NOT_PRESENT;
    }
    s->entry = e;
    bool last = level + 1u == f->levels;
    bool match = (e & l->leaf_mask) == l->leaf_val;
    if (last && !match)
        return WALK_NOT_PRESENT; /* Arm: 01 at the last level is reserved and faults as invalid */
    s->leaf = last || match;
    s->size = 1ULL << l->shift;
    s->addr = s->leaf ? e & l->leaf_addr : e & f->table_addr;
    if (f->fix)
        f->fix(f, level, e, &s->leaf, &s->addr, &s->size);
    s->addr &= ~as->addr_clear;
    if (__builtin_expect(s->leaf && !l->leaf_addr, 0))
        return WALK_RESERVED;
    /* A quick walk has got here through mapped ranges, where entries hold plain addresses. */
    return quick || as->outer ? WALK_OK : from_entry(as, &s->addr);
}

/* ---- whole walks
 * ------------------------------------------------------------------------------------------------
 */

/* Whether the page's owner may execute it. */
static unsigned final_rights(unsigned r)
{
    bool x = r & RIGHT_U ? r & RIGHT_X : r & RIGHT_KERNEL_X;
    return (r & (RIGHT_R | RIGHT_W | RIGHT_U)) | (x ? RIGHT_X : 0);
}

/* Ends a walk at its leaf: the address, through the outer space when nested. */
static enum walk_fault finish_walk(const struct aspace *as, const struct step *s, unsigned rights,
                                   struct walk *w)
{
    w->pa = w->outer_pa = s->addr | (w->va & (s->size - 1));
    if (as->outer && outer_address(as, w->pa, &w->outer_pa) != ST_OK)
        return WALK_OUTER;
    w->size = s->size;
    w->rights = final_rights(rights);
    return WALK_OK;
}

/* `f` is a constant where this is inlined for one form. */
static inline __attribute__((always_inline)) void
walk_in(const struct aspace *as, const struct paging_form *f, uint64_t root, struct walk *ret)
{
    struct window win = window_for(as);
    uint64_t table = root & ~as->addr_clear;
    unsigned rights = ALL_RIGHTS;
    if (!canonical(f, ret->va)) {
        ret->fault = WALK_NOT_CANONICAL;
        return;
    }
    for (unsigned level = 0; level < f->levels; level++) {
        struct step s = {0};
        ret->fault = walk_step(as, f, level, table, ret->va, &win, false, &s);
        ret->entry[level].at = s.at;
        if (__builtin_expect(ret->fault == WALK_TABLE_ABSENT || ret->fault == WALK_OUTER, 0))
            return;
        ret->entry[level].value = s.raw;
        ret->levels = level + 1;
        if (__builtin_expect(ret->fault != WALK_OK, 0))
            return;
        rights &= f->rights(level, s.leaf, s.entry);
        if (s.leaf) {
            ret->fault = finish_walk(as, &s, rights, ret);
            return;
        }
        table = s.addr;
    }
}

int aspace_walk(const struct aspace *as, gva_t va, struct walk *ret)
{
    const struct aspace_half *h = half_of(as, va.v);
    /* member by member: the compiler clears what is this large by "rep stos", which costs a walk */
    ret->va = va.v;
    ret->pa = ret->outer_pa = ret->size = 0;
    ret->rights = 0;
    ret->levels = 0;
    ret->form = h->form;
    for (unsigned i = 0; i < XLAT_MAX_LEVELS; i++)
        ret->entry[i].at = ret->entry[i].value = 0;
    if (__builtin_expect(h->form == &forms[FORM_X86_4LEVEL], 1))
        walk_in(as, &forms[FORM_X86_4LEVEL], h->root, ret);
    else
        walk_in(as, h->form, h->root, ret);
    return ret->fault == WALK_OK ? ST_OK : ST_ABSENT;
}

/* Where the walk of a small page ended, so that a sequential read need not start at the root for
 * every page. */
struct leaf_table {
    uint64_t table; /* address of the last-level table */
    uint64_t base;  /* first address that it covers */
    uint64_t span;  /* 0: none is known */
};

/* The address alone. `f` is a constant where this is inlined for one form; the walk is the same for
 * all. */
static inline __attribute__((always_inline)) int
translate_in(const struct aspace *as, const struct paging_form *f, uint64_t root, uint64_t va,
             struct window *w, struct leaf_table *leaf, bool quick, uint64_t *ret, uint64_t *left)
{
    struct step s = {0};
    if (__builtin_expect(!canonical(f, va), 0))
        return ST_ABSENT;
    if (leaf && va - leaf->base < leaf->span) {
        if (__builtin_expect(
                walk_step(as, f, f->levels - 1u, leaf->table, va, w, quick, &s) != WALK_OK, 0))
            return ST_ABSENT;
    } else {
        uint64_t table = root & ~as->addr_clear;
        unsigned level = 0;
#pragma GCC unroll 5
        for (; level < f->levels; level++) {
            if (__builtin_expect(walk_step(as, f, level, table, va, w, quick, &s) != WALK_OK, 0))
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
    }
    uint64_t in = va & (s.size - 1);
    *ret = s.addr | in;
    *left = s.size - in;
    return ST_OK;
}

/* Any form, nested or not. */
static __attribute__((noinline)) int translate_any(const struct aspace *as, uint64_t va,
                                                   struct window w, struct leaf_table *leaf,
                                                   uint64_t *ret, uint64_t *left)
{
    const struct aspace_half *h = half_of(as, va);
    uint64_t pa, more, outer_more = UINT64_MAX;
    int st = translate_in(as, h->form, h->root, va, &w, leaf, false, &pa, &more);
    if (st == ST_OK && as->outer)
        st = aspace_translate(as->outer, GVA(pa), &pa, &outer_more);
    if (st != ST_OK)
        return st;
    *ret = pa;
    *left = MIN_OF(more, outer_more);
    return ST_OK;
}

/*
 * A walk of the form that most guests have, in one mapped range, compiled on its own without a call
 * in it. False for everything else, faults too: the caller is to translate again the long way.
 */
static inline __attribute__((always_inline)) bool translate_quick(const struct aspace *as,
                                                                  uint64_t va, struct window *w,
                                                                  struct leaf_table *leaf,
                                                                  uint64_t *ret, uint64_t *left)
{
    const struct aspace_half *h = half_of(as, va);
    return __builtin_expect(h->form == &forms[FORM_X86_4LEVEL], 1) &&
           translate_in(as, &forms[FORM_X86_4LEVEL], h->root, va, w, leaf, true, ret, left) ==
               ST_OK;
}

static inline __attribute__((always_inline)) int translate(const struct aspace *as, uint64_t va,
                                                           struct window *w,
                                                           struct leaf_table *leaf, uint64_t *ret,
                                                           uint64_t *left)
{
    if (translate_quick(as, va, w, leaf, ret, left))
        return ST_OK;
    return translate_any(as, va, *w, leaf, ret, left);
}

int aspace_translate(const struct aspace *as, gva_t va, uint64_t *ret, uint64_t *left)
{
    struct window w = window_for(as);
    uint64_t pa, more;
    if (!translate_quick(as, va.v, &w, NULL, &pa, &more))
        return translate_any(as, va.v, w, NULL, ret, left);
    *ret = pa;
    *left = more;
    return ST_OK;
}

/* ---- reading and writing
 * ---------------------------------------------------------------------------------------- */

/* Follows [va, va+n) from `*pa`, *left bytes of which are known, for as long as pages are
 * neighbours in physical memory. */
static void extend(const struct aspace *as, uint64_t va, size_t n, struct window *w,
                   struct leaf_table *leaf, uint64_t pa, uint64_t *left)
{
    while (*left < n) {
        uint64_t next, more;
        if (va + *left < va || translate(as, va + *left, w, leaf, &next, &more) != ST_OK ||
            next != pa + *left)
            return;
        *left += more;
    }
}

/* Every read, but the short ones that aspace_read serves at once. */
static __attribute__((noinline)) int read_long(const struct aspace *as, uint64_t va, uint8_t *buf,
                                               size_t n, size_t *done)
{
    struct leaf_table leaf = {0};
    struct window w = window_for(as);
    size_t got = 0;
    int st = ST_OK;
    while (got < n && st == ST_OK) {
        uint64_t pa, left, at = va + got;
        size_t step = 0;
        st = at < va ? ST_ABSENT /* ran over the end of all addresses */
                     : translate(as, at, &w, &leaf, &pa, &left);
        if (st != ST_OK)
            break;
        extend(as, at, n - got, &w, &leaf, pa, &left);
        st = phys_read(as->phys, pa, buf + got, (size_t)MIN_OF((uint64_t)(n - got), left), &step);
        got += step;
    }
    if (done)
        *done = got;
    return st;
}

/*
 * A number within a page, in the range that was used last: its place in the host. 8 bytes are
 * there, though fewer may be wanted: the page goes on, and so does the window. NULL: to be read the
 * long way.
 */
static inline __attribute__((always_inline)) const uint8_t *number_at(const struct aspace *as,
                                                                      uint64_t va)
{
    struct window w = window_for(as);
    uint64_t pa, left;
    if (__builtin_expect((va & 4095) > 4096 - 8, 0) ||
        !translate_quick(as, va, &w, NULL, &pa, &left) ||
        __builtin_expect(pa - w.start >= w.room, 0))
        return NULL;
    return w.host + (pa - w.start);
}

int aspace_read(const struct aspace *as, gva_t va, void *buf, size_t n, size_t *done)
{
    const uint8_t *p = n - 1 < 8 ? number_at(as, va.v) : NULL;
    if (!p)
        return read_long(as, va.v, buf, n, done);
    if (n == 8) /* a constant: no call */
        memcpy(buf, p, 8);
    else
        memcpy(buf, p, n);
    if (done)
        *done = n;
    return ST_OK;
}

/* A number of n bytes the long way; *ret is written only when all of it was read. */
static __attribute__((noinline)) int read_number(const struct aspace *as, uint64_t va, void *ret,
                                                 size_t n)
{
    uint8_t v[8];
    int st = read_long(as, va, v, n, NULL);
    if (st == ST_OK)
        memcpy(ret, v, n);
    return st;
}

int aspace_read64(const struct aspace *as, gva_t va, uint64_t *ret)
{
    const uint8_t *p = number_at(as, va.v);
    if (!p)
        return read_number(as, va.v, ret, sizeof *ret);
    *ret = le64(p);
    return ST_OK;
}

int aspace_read32(const struct aspace *as, gva_t va, uint32_t *ret)
{
    const uint8_t *p = number_at(as, va.v);
    if (!p)
        return read_number(as, va.v, ret, sizeof *ret);
    *ret = le32(p);
    return ST_OK;
}

int aspace_write(const struct aspace *as, gva_t va, const void *buf, size_t n, size_t *done)
{
    struct window w = window_for(as);
    size_t put = 0;
    int st = ST_OK;
    while (put < n && st == ST_OK) {
        uint64_t pa, left, at = va.v + put;
        size_t step = 0;
        st = at < va.v ? ST_ABSENT : translate(as, at, &w, NULL, &pa, &left);
        if (st != ST_OK)
            break;
        st = phys_write(as->phys, pa, (const uint8_t *)buf + put,
                        (size_t)MIN_OF((uint64_t)(n - put), left), &step);
        put += step;
    }
    if (done)
        *done = put;
    return st;
}

const uint8_t *aspace_ptr(const struct aspace *as, gva_t va, size_t *avail)
{
    enum { MAX_PAGES = 1024 };
    struct leaf_table leaf = {0};
    struct window w = window_for(as);
    uint64_t pa, left;
    size_t have;
    if (translate(as, va.v, &w, &leaf, &pa, &left) != ST_OK)
        return NULL;
    const uint8_t *p = phys_ptr(as->phys, pa, &have);
    if (!p)
        return NULL;
    for (unsigned i = 0; i < MAX_PAGES && left < have;
         i++) { /* the next page may be the next frame */
        uint64_t next, more;
        if (va.v + left < va.v || translate(as, va.v + left, &w, &leaf, &next, &more) != ST_OK ||
            next != pa + left)
            break;
        left += more;
    }
    *avail = (size_t)MIN_OF((uint64_t)have, left);
    return p;
}

int aspace_read_str(const struct aspace *as, gva_t va, char *buf, size_t size)
{
    size_t got = 0;
    if (!size)
        return ST_INVALID;
    while (got < size - 1) {
        size_t want = MIN_OF(size - 1 - got, 256 - ((size_t)(va.v + got) & 255)), step = 0;
        int st = va.v + got < va.v ? ST_ABSENT
                                   : aspace_read(as, GVA(va.v + got), buf + got, want, &step);
        if (memchr(buf + got, '\0', step))
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

/* ---- all pages
 * --------------------------------------------------------------------------------------------------
 */

/* A descent through the tables, table by table: each entry of a table is read once. */
struct descent {
    const struct aspace *as;
    struct window win;
    uint64_t tables_left;
    uint64_t table[XLAT_MAX_LEVELS];
    unsigned rights[XLAT_MAX_LEVELS]; /* what the levels above leave */
    unsigned level;
    struct walk w;
    int (*visit)(const struct walk *w, void *arg);
    void *arg;
};

/* The entry for `va` at the current level: goes down a level, or visits a page. *size: bytes to
 * pass over, 0 when down. */
static inline __attribute__((always_inline)) int
visit_entry(struct descent *d, const struct paging_form *f, uint64_t va, uint64_t *size)
{
    unsigned level = d->level;
    struct step s = {0};
    enum walk_fault fault = walk_step(d->as, f, level, d->table[level], va, &d->win, false, &s);
    *size = 1ULL << f->level[level].shift;
    if (fault != WALK_OK)
        return 0;
    unsigned rights = d->rights[level] & f->rights(level, s.leaf, s.entry);
    d->w.entry[level].at = s.at;
    d->w.entry[level].value = s.raw;
    if (!s.leaf) {
        if (!d->tables_left--)
            return ST_LIMIT;
        d->level = level + 1;
        d->table[d->level] = s.addr;
        d->rights[d->level] = rights;
        *size = 0;
        return 0;
    }
    *size = s.size;
    d->w.va = va;
    d->w.levels = level + 1;
    for (unsigned below = level + 1; below < XLAT_MAX_LEVELS;
         below++) /* of an earlier, deeper page */
        d->w.entry[below].at = d->w.entry[below].value = 0;
    if (finish_walk(d->as, &s, rights, &d->w) != WALK_OK)
        return 0;
    return d->visit(&d->w, d->arg);
}

/* All pages of [from, to], which the form can translate through the root. `f` is a constant where
 * this is inlined for one form. */
static inline __attribute__((always_inline)) int visit_span(struct descent *d,
                                                            const struct paging_form *f,
                                                            uint64_t root, uint64_t from,
                                                            uint64_t to)
{
    d->level = 0;
    d->table[0] = root & ~d->as->addr_clear;
    d->rights[0] = ALL_RIGHTS;
    d->w = (struct walk){.form = f};
    uint64_t va = from;
    for (;;) {
        uint64_t size;
        int stop = visit_entry(d, f, va, &size);
        if (stop)
            return stop;
        if (!size)
            continue;
        uint64_t next = (va & ~(size - 1)) + size;
        if (next <= va || next > to)
            return 0;
        /* Up to the table that holds the next entry, too. */
        while (d->level && (va ^ next) >> f->level[d->level - 1].shift)
            d->level--;
        va = next;
    }
}

int aspace_each_page(const struct aspace *as, uint64_t from, uint64_t to, uint64_t max_tables,
                     int (*visit)(const struct walk *w, void *arg), void *arg)
{
    struct descent d = {.as = as, .tables_left = max_tables, .visit = visit, .arg = arg};
    for (unsigned i = 0; i < 4;
         i++) { /* lower and upper addresses below the split, and from it on */
        const struct aspace_half *h = &as->half[i / 2];
        const struct paging_form *f = h->form;
        unsigned shift = canonical_shift(f);
        bool upper = i & 1;
        if ((i < 2 && !as->split) || (upper && !f->sign_extended && !f->upper_half))
            continue;
        uint64_t lo = upper ? ~0ULL << shift : 0, hi = upper ? ~0ULL : (1ULL << shift) - 1;
        lo = MAX_OF(MAX_OF(lo, from), i < 2 ? 0 : as->split);
        hi = MIN_OF(MIN_OF(hi, to), i < 2 ? as->split - 1 : ~0ULL);
        int stop = lo > hi ? 0
                   : f == &forms[FORM_X86_4LEVEL]
                       ? visit_span(&d, &forms[FORM_X86_4LEVEL], h->root, lo, hi)
                       : visit_span(&d, f, h->root, lo, hi);
        if (stop)
            return stop;
    }
    return ST_OK;
}

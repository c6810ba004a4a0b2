/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast pages are walked and memory is read, beside libkdumpfile on the same file and beside
 * memcpy, in one run.
 *
 *     walk DUMP FORM ROOT FROM TO
 *
 * FORM is the name of a paging form ("x86 4-level"), ROOT the physical address of its top table,
 * FROM..TO a range of virtual addresses of which a good part is mapped: the direct map. All
 * destinations are page-aligned. Each figure is the median of rounds that are run in turn, so that
 * what slows the machine down slows all of them; times are CPU times.
 *
 * libkdumpfile: addrxlat_walk reads tables through a callback that hands out the mapping, which is
 * the best that a program can give it; kdump_read reads the file by itself, and only where it knows
 * the format.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <libkdumpfile/kdumpfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "source/source.h"
#include "xlat/xlat.h"

enum { SAMPLES = 100000, ROUNDS = 9, MAX_LANES = 8 };
static const size_t WINDOW = 256 << 20; /* bytes of a sequential measurement */

struct bench {
    struct source source;
    struct aspace space;
    enum form_id form;
    uint64_t from, to;
    uint64_t *va;         /* SAMPLES mapped addresses, random, 8-byte aligned */
    const uint8_t **host; /* where each lies; NULL when the source does not map */
    uint8_t *buf;         /* 1 MiB, page-aligned */
    kdump_ctx_t *kdump;   /* NULL: cannot read this file */
    bool kdump_virtual;
    addrxlat_ctx_t *xlat; /* NULL: does not know this form */
    addrxlat_meth_t meth;
    uint64_t run_from, run_pa,
        run_len; /* the longest part of the range in one piece, for sequential reads */
    size_t step; /* bytes a read of the measurement under way */
    volatile uint64_t sink;
};

/* One thing that is measured: does all of its work once. Returns how many units it did; 0: cannot.
 */
struct lane {
    const char *name;
    uint64_t (*run)(struct bench *b);
    double median;
};

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

/* ---- what is measured
 * ------------------------------------------------------------------------------------------ */

static uint64_t load_only(struct bench *b)
{
    uint64_t sum = 0;
    if (!b->host[0])
        return 0;
    for (size_t i = 0; i < SAMPLES; i++)
        sum += *(const volatile uint64_t *)(const void *)b->host[i];
    b->sink = sum;
    return SAMPLES;
}

static uint64_t our_walk(struct bench *b)
{
    uint64_t sum = 0, pa, left;
    for (size_t i = 0; i < SAMPLES; i++)
        if (aspace_translate(&b->space, GVA(b->va[i]), &pa, &left) == ST_OK)
            sum += pa;
    b->sink = sum;
    return SAMPLES;
}

static uint64_t our_read8(struct bench *b)
{
    uint64_t sum = 0, v;
    for (size_t i = 0; i < SAMPLES; i++)
        if (aspace_read64(&b->space, GVA(b->va[i]), &v) == ST_OK)
            sum += v;
    b->sink = sum;
    return SAMPLES;
}

static uint64_t addrxlat_walks(struct bench *b)
{
    uint64_t sum = 0;
    if (!b->xlat)
        return 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        addrxlat_step_t s = {.ctx = b->xlat, .meth = &b->meth, .base = {b->va[i], ADDRXLAT_KVADDR}};
        if (addrxlat_walk(&s) == ADDRXLAT_OK)
            sum += s.base.addr;
    }
    b->sink = sum;
    return SAMPLES;
}

static uint64_t kdump_read8(struct bench *b)
{
    uint64_t v, sum = 0;
    if (!b->kdump_virtual)
        return 0;
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t n = 8;
        if (kdump_read(b->kdump, KDUMP_KVADDR, b->va[i], &v, &n) == KDUMP_OK)
            sum += v;
    }
    b->sink = sum;
    return SAMPLES;
}

static uint64_t virtual_ours(struct bench *b)
{
    uint64_t sum = 0;
    for (uint64_t at = 0; at + b->step <= b->run_len; at += b->step) {
        size_t n;
        if (aspace_read(&b->space, GVA(b->run_from + at), b->buf, b->step, &n) == ST_OK)
            sum += n;
    }
    return sum;
}

static uint64_t virtual_kdump(struct bench *b)
{
    uint64_t sum = 0;
    for (uint64_t at = 0; b->kdump_virtual && at + b->step <= b->run_len; at += b->step) {
        size_t n = b->step;
        if (kdump_read(b->kdump, KDUMP_KVADDR, b->run_from + at, b->buf, &n) == KDUMP_OK)
            sum += n;
    }
    return sum;
}

static uint64_t virtual_memcpy(struct bench *b)
{
    size_t have;
    const uint8_t *p = phys_ptr(&b->source.phys, b->run_pa, &have);
    uint64_t sum = 0;
    if (!p || have < b->run_len)
        return 0;
    for (uint64_t at = 0; at + b->step <= b->run_len; at += b->step, sum += b->step) {
        memcpy(b->buf, p + at, b->step);
        __asm__ volatile("" : : "r"(b->buf) : "memory");
    }
    return sum;
}

/* The largest range of physical memory, up to WINDOW bytes of it. */
static struct phys_range scan_range(const struct bench *b)
{
    struct phys_range best = b->source.phys.range[0];
    for (size_t i = 1; i < b->source.phys.nr; i++)
        if (b->source.phys.range[i].len > best.len)
            best = b->source.phys.range[i];
    best.len = MIN_OF(best.len, (uint64_t)WINDOW);
    return best;
}

static uint64_t scan_ours(struct bench *b)
{
    struct phys_range r = scan_range(b);
    uint64_t sum = 0;
    for (uint64_t at = 0; at + b->step <= r.len; at += b->step) {
        size_t n;
        if (phys_read(&b->source.phys, r.start + at, b->buf, b->step, &n) == ST_OK)
            sum += n;
    }
    return sum;
}

static uint64_t scan_kdump(struct bench *b)
{
    struct phys_range r = scan_range(b);
    uint64_t sum = 0;
    for (uint64_t at = 0; b->kdump && at + b->step <= r.len; at += b->step) {
        size_t n = b->step;
        if (kdump_read(b->kdump, KDUMP_MACHPHYSADDR, r.start + at, b->buf, &n) == KDUMP_OK)
            sum += n;
    }
    return sum;
}

static uint64_t scan_memcpy(struct bench *b)
{
    struct phys_range r = scan_range(b);
    uint64_t sum = 0;
    for (uint64_t at = 0; r.host && at + b->step <= r.len; at += b->step, sum += b->step) {
        memcpy(b->buf, r.host + at, b->step);
        __asm__ volatile("" : : "r"(b->buf) : "memory");
    }
    return sum;
}

static uint64_t cpu_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- running
 * ----------------------------------------------------------------------------------------------------
 */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Nanoseconds a unit, the median of all rounds; 0 for what cannot be done. */
static void measure(struct bench *b, struct lane *lane, size_t nr)
{
    double times[MAX_LANES][ROUNDS];
    for (int r = -1; r < ROUNDS; r++) {
        for (size_t i = 0; i < nr; i++) {
            uint64_t t = cpu_now_ns(), units = lane[i].run(b);
            double took = (double)(cpu_now_ns() - t);
            if (r >= 0) /* the first round warms up */
                times[i][r] = units ? took / (double)units : 0;
        }
    }
    for (size_t i = 0; i < nr; i++) {
        qsort(times[i], ROUNDS, sizeof times[i][0], by_value);
        lane[i].median = times[i][ROUNDS / 2];
    }
}

static void print_times(const char *title, const struct lane *lane, size_t nr)
{
    printf("%-28s", title);
    for (size_t i = 0; i < nr; i++)
        if (lane[i].median > 0)
            printf("  %s %.1f ns", lane[i].name, lane[i].median);
        else
            printf("  %s -", lane[i].name);
    printf("\n");
}

/* The last lane is what the others are compared with. */
static void print_rates(const char *title, size_t step, const struct lane *lane, size_t nr)
{
    double base = lane[nr - 1].median;
    printf("%-18s %4zu KiB ", title, step >> 10);
    for (size_t i = 0; i < nr; i++) {
        if (lane[i].median > 0)
            printf("  %s %.2f GB/s", lane[i].name, 1 / lane[i].median);
        else
            printf("  %s -", lane[i].name);
        if (i + 1 < nr && lane[i].median > 0 && base > 0)
            printf(" (%.0f %%)", 100 * base / lane[i].median);
    }
    printf("\n");
}

static void nothing_to_put(const addrxlat_buffer_t *buf)
{
    (void)buf;
}

static addrxlat_status give_page(const addrxlat_cb_t *cb, addrxlat_buffer_t *buf)
{
    size_t avail;
    buf->addr.addr &= ~4095ULL;
    buf->ptr = phys_ptr(cb->priv, buf->addr.addr, &avail);
    buf->size = 4096;
    buf->byte_order = ADDRXLAT_LITTLE_ENDIAN;
    buf->put_page = nothing_to_put;
    return buf->ptr ? ADDRXLAT_OK : ADDRXLAT_ERR_NODATA;
}

static unsigned long can_read(const addrxlat_cb_t *cb)
{
    (void)cb;
    return ADDRXLAT_CAPS(ADDRXLAT_MACHPHYSADDR);
}

static void start_addrxlat(struct bench *b, uint64_t root)
{
    const struct paging_form *f = paging_form(b->form);
    bool known =
        b->form == FORM_X86_4LEVEL || b->form == FORM_X86_5LEVEL || b->form == FORM_X86_PAE;
    addrxlat_cb_t *cb;
    if (!known || !(b->xlat = addrxlat_ctx_new()) || !(cb = addrxlat_ctx_add_cb(b->xlat)))
        return;
    cb->priv = &b->source.phys;
    cb->get_page = give_page;
    cb->read_caps = can_read;
    b->meth = (addrxlat_meth_t){.kind = ADDRXLAT_PGT, .target_as = ADDRXLAT_MACHPHYSADDR};
    b->meth.param.pgt.root = (addrxlat_fulladdr_t){root, ADDRXLAT_MACHPHYSADDR};
    b->meth.param.pgt.pf.pte_format =
        b->form == FORM_X86_PAE ? ADDRXLAT_PTE_IA32_PAE : ADDRXLAT_PTE_X86_64;
    b->meth.param.pgt.pf.nfields = (unsigned short)(f->levels + 1);
    b->meth.param.pgt.pf.fieldsz[0] = 12;
    for (unsigned i = 0; i < f->levels; i++)
        b->meth.param.pgt.pf.fieldsz[f->levels - i] = f->level[i].bits;
}

static void start_kdump(struct bench *b, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t v;
    size_t n = 8;
    b->kdump = kdump_new();
    if (fd < 0 || !b->kdump || kdump_open_fd(b->kdump, fd) != KDUMP_OK) {
        if (b->kdump)
            kdump_free(b->kdump);
        b->kdump = NULL;
        return;
    }
    (void)kdump_set_string_attr(b->kdump, KDUMP_ATTR_ARCH_NAME, KDUMP_ARCH_X86_64);
    (void)kdump_set_string_attr(b->kdump, KDUMP_ATTR_OSTYPE, "linux");
    b->kdump_virtual = kdump_read(b->kdump, KDUMP_KVADDR, b->va[0], &v, &n) == KDUMP_OK;
}

/* Fills b->va with random mapped addresses. */
static bool choose_addresses(struct bench *b)
{
    uint64_t seed = 0x9e3779b97f4a7c15, tries = 0, pa, left;
    for (size_t i = 0; i < SAMPLES;) {
        uint64_t va = (b->from + next_random(&seed) % (b->to - b->from)) & ~7ULL;
        size_t avail;
        if (++tries > 100ULL * SAMPLES)
            return false;
        if (aspace_translate(&b->space, GVA(va), &pa, &left) != ST_OK ||
            !phys_find(&b->source.phys, pa))
            continue;
        b->va[i] = va;
        b->host[i] = phys_ptr(&b->source.phys, pa, &avail);
        i++;
    }
    return true;
}

struct run_search {
    struct bench *b;
    uint64_t start, pa, len;
};

/* Looks for the longest part that is contiguous in physical memory, too, so that memcpy can be
 * given the same bytes. */
static int longest_run(const struct walk *w, void *arg)
{
    struct run_search *s = arg;
    uint64_t pa = w->pa - (w->va & (w->size - 1)), va = w->va & ~(w->size - 1);
    if (!phys_find(&s->b->source.phys, pa))
        return 0;
    if (va != s->start + s->len || pa != s->pa + s->len)
        *s = (struct run_search){s->b, va, pa, 0};
    s->len += w->size;
    if (s->len > s->b->run_len) {
        s->b->run_from = s->start;
        s->b->run_pa = s->pa;
        s->b->run_len = MIN_OF(s->len, (uint64_t)WINDOW);
    }
    return s->len >= WINDOW;
}

static int open_bench(struct bench *b, char **argv)
{
    struct diag d;
    if (source_open(argv[1], NULL, &d, &b->source) != ST_OK) {
        fprintf(stderr, "%s\n", d.text);
        return 1;
    }
    for (b->form = 0; b->form < FORM_COUNT && strcmp(paging_form(b->form)->name, argv[2]);
         b->form++)
        ;
    if (b->form == FORM_COUNT) {
        fprintf(stderr, "%s: no such paging form; there are:\n", argv[2]);
        for (int i = 0; i < FORM_COUNT; i++)
            fprintf(stderr, "    %s\n", paging_form(i)->name);
        return 1;
    }
    aspace_init(&b->space, &b->source.phys, b->form, strtoull(argv[3], NULL, 0));
    b->from = strtoull(argv[4], NULL, 0);
    b->to = strtoull(argv[5], NULL, 0);
    b->va = calloc(SAMPLES, sizeof *b->va);
    b->host = calloc(SAMPLES, sizeof *b->host);
    b->buf = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b->to <= b->from || !b->va || !b->host || b->buf == MAP_FAILED || !choose_addresses(b)) {
        fprintf(stderr, "no mapped addresses between %#" PRIx64 " and %#" PRIx64 "\n", b->from,
                b->to);
        return 1;
    }
    struct run_search s = {.b = b};
    (void)aspace_each_page(&b->space, b->from, b->to - 1, 1 << 20, longest_run, &s);
    start_addrxlat(b, strtoull(argv[3], NULL, 0));
    start_kdump(b, argv[1]);
    return 0;
}

int main(int argc, char **argv)
{
    static struct bench b;
    if (argc != 6) {
        fprintf(stderr, "usage: walk DUMP FORM ROOT FROM TO\n");
        return 2;
    }
    if (open_bench(&b, argv))
        return 1;
    struct lane walks[] = {{"ours", our_walk, 0}, {"addrxlat", addrxlat_walks, 0}};
    struct lane reads[] = {
        {"ours", our_read8, 0}, {"kdump_read", kdump_read8, 0}, {"load", load_only, 0}};
    printf("%s: %s, %s, %" PRIu64 " MiB in one piece\n", argv[1], b.source.kind, argv[2],
           b.run_len >> 20);
    measure(&b, walks, ARRAY_LEN(walks));
    print_times("page walk, random", walks, ARRAY_LEN(walks));
    measure(&b, reads, ARRAY_LEN(reads));
    print_times("8 bytes, random", reads, ARRAY_LEN(reads));
    static const size_t steps[] = {4 << 10, 64 << 10, 1 << 20};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct lane v[] = {{"ours", virtual_ours, 0},
                           {"kdump_read", virtual_kdump, 0},
                           {"memcpy", virtual_memcpy, 0}};
        b.step = steps[i];
        measure(&b, v, ARRAY_LEN(v));
        print_rates("virtual, in order", b.step, v, ARRAY_LEN(v));
    }
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct lane v[] = {
            {"ours", scan_ours, 0}, {"kdump_read", scan_kdump, 0}, {"memcpy", scan_memcpy, 0}};
        b.step = steps[i];
        measure(&b, v, ARRAY_LEN(v));
        print_rates("physical scan", b.step, v, ARRAY_LEN(v));
    }
    return 0;
}

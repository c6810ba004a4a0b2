/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LibVMI's operations through the vmi_* API on a dump, beside what LibVMI itself needed for the
 * same on a dump of the same size and kernel (its current master of 2026-01, release build, file
 * driver, the better of its copying and its mmap build; 512 MiB of a Debian 6.1 guest with 91
 * tasks; medians on a 2-core machine), and beside memcpy or a plain load in this very run.
 *
 *     libvmi-ops DUMP [PROFILE]      PROFILE: an ISF file, else one is made of the dump's own
 * kernel
 *
 * Figures are medians of rounds in CPU time; those of opening in elapsed time.
 */
#define LIBVMI_EXTRA_GLIB
#include <glib.h>
#include <libvmi/libvmi.h>
#include <libvmi/libvmi_extra.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <tinyvmi/tinyvmi.h>
#include <unistd.h>

enum { RANDOM = 100000, HOT = 64, ROUNDS = 9, SYMBOLS = 1000, MiB = 1 << 20 };

struct bench {
    vmi_instance_t vmi;
    const char *dump;
    addr_t va[RANDOM];           /* in random pages of the linear map */
    const uint8_t *host[RANDOM]; /* the same byte, in the host's mapping */
    addr_t root, init_task, tasks, name, pid, text;
    addr_t linear, run;      /* a long run of the linear map: first address, bytes */
    addr_t phys_run;         /* ... and its physical address */
    const uint8_t *run_host; /* ... and in the host's mapping; NULL: not in one piece */
    vmi_pid_t a_pid, another_pid;
    char *symbol[SYMBOLS];
    addr_t symbol_at[SYMBOLS];
    size_t symbols;
    uint64_t sink; /* what is read, so that it is read */
    uint8_t *buffer;
};

static double now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double cpu_ns(void)
{
    return now_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median ns of one of `n` operations that `f` does in a call. */
static double timed(struct bench *b, void (*f)(struct bench *b), size_t n)
{
    double t[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
        double start = cpu_ns();
        f(b);
        t[r] = (cpu_ns() - start) / (double)n;
    }
    qsort(t, ROUNDS, sizeof *t, by_value);
    return t[ROUNDS / 2];
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void heading(const char *text)
{
    printf("\n%-44s %10s %10s %8s   %s\n", text, "LibVMI", "TinyVMI", "times", "reference");
}

/* Times: ns, less is better; `unit` divides for show. reference: 0 none. */
static void row(const char *name, double libvmi, double ours, double unit, const char *unit_name,
                double reference, const char *reference_name)
{
    printf("  %-42s ", name);
    if (libvmi > 0)
        printf("%7.5g %-3s", libvmi / unit, unit_name);
    else
        printf("%10s ", "");
    printf("%7.4g %-3s", ours / unit, unit_name);
    if (libvmi > 0)
        printf(" %7.1fx", libvmi / ours);
    else
        printf(" %8s", "");
    if (reference > 0)
        printf("   %s %.4g %s", reference_name, reference / unit, unit_name);
    printf("\n");
}

/* Rates: GB/s, more is better. */
static void rate_row(const char *name, double libvmi, double ours, double reference)
{
    printf("  %-42s %5.1f GB/s %5.1f GB/s %6.1fx   memcpy %.1f GB/s, %.0f %% of it\n", name, libvmi,
           ours, ours / libvmi, reference, 100 * ours / reference);
}

/* ---- translation ----------------------------------------------------------------------------- */

static void kv2p_random(struct bench *b)
{
    addr_t pa;
    for (size_t i = 0; i < RANDOM; i++)
        b->sink += vmi_translate_kv2p(b->vmi, b->va[i], &pa) == VMI_SUCCESS ? pa : 0;
}

static void kv2p_hot(struct bench *b)
{
    addr_t pa;
    for (size_t i = 0; i < RANDOM; i++)
        b->sink += vmi_translate_kv2p(b->vmi, b->va[i % HOT], &pa) == VMI_SUCCESS ? pa : 0;
}

static void lookup_random(struct bench *b)
{
    page_info_t info;
    for (size_t i = 0; i < RANDOM; i++)
        if (vmi_pagetable_lookup_extended(b->vmi, b->root, b->va[i], &info) == VMI_SUCCESS)
            b->sink += info.paddr;
}

static void bench_translation(struct bench *b)
{
    heading("translation, ns each");
    row("kv2p, random pages", 179, timed(b, kv2p_random, RANDOM), 1, "ns", 0, NULL);
    row("kv2p, 64 hot pages", 51, timed(b, kv2p_hot, RANDOM), 1, "ns", 0, NULL);
    row("pagetable_lookup_extended, random pages", 113, timed(b, lookup_random, RANDOM), 1, "ns", 0,
        NULL);
    /* LibVMI fills its cache by itself; here a program may, by the same calls */
    for (size_t i = 0; i < RANDOM; i++)
        vmi_v2pcache_add(b->vmi, b->va[i], b->root, b->va[i] - b->linear + b->phys_run);
    row("kv2p, random pages, all in the v2p cache", 1083, timed(b, kv2p_random, RANDOM), 1, "ns", 0,
        NULL);
    vmi_v2pcache_flush(b->vmi, ~0ULL);
    row("kv2p, random pages, after a flush", 179, timed(b, kv2p_random, RANDOM), 1, "ns", 0, NULL);
}

/* ---- reads ----------------------------------------------------------------------------------- */

static void read_one(struct bench *b)
{
    uint64_t v;
    for (size_t i = 0; i < RANDOM; i++)
        b->sink += vmi_read_64_va(b->vmi, b->va[0], 0, &v) == VMI_SUCCESS ? v : 0;
}

static void read_hot(struct bench *b)
{
    uint64_t v;
    for (size_t i = 0; i < RANDOM; i++)
        b->sink += vmi_read_64_va(b->vmi, b->va[i % HOT], 0, &v) == VMI_SUCCESS ? v : 0;
}

static void read_random(struct bench *b)
{
    uint64_t v;
    for (size_t i = 0; i < RANDOM; i++)
        b->sink += vmi_read_64_va(b->vmi, b->va[i], 0, &v) == VMI_SUCCESS ? v : 0;
}

static void load_random(struct bench *b)
{
    uint64_t v;
    for (size_t i = 0; i < RANDOM; i++) {
        memcpy(&v, b->host[i], sizeof v);
        b->sink += v;
    }
}

static void bench_reads(struct bench *b)
{
    heading("vmi_read_64_va, ns each");
    row("one address", 58, timed(b, read_one, RANDOM), 1, "ns", 0, NULL);
    row("64 hot pages", 64, timed(b, read_hot, RANDOM), 1, "ns", 0, NULL);
    double load = b->host[0] ? timed(b, load_random, RANDOM) : 0;
    row("random over 100,000 pages", 1104, timed(b, read_random, RANDOM), 1, "ns", load, "load");
}

/* GB/s of going over the run in pieces; what: 0 virtual, 1 physical, 2 memcpy. */
static double stream(struct bench *b, size_t piece, int what)
{
    double t[ROUNDS];
    size_t all = (size_t)b->run / piece * piece, got;
    for (int r = 0; r < ROUNDS; r++) {
        double start = cpu_ns();
        for (size_t at = 0; at < all; at += piece) {
            if (what == 0)
                vmi_read_va(b->vmi, b->linear + at, 0, piece, b->buffer, &got);
            else if (what == 1)
                vmi_read_pa(b->vmi, b->phys_run + at, piece, b->buffer, &got);
            else
                memcpy(b->buffer, b->run_host + at, piece);
            b->sink += b->buffer[piece / 2];
        }
        t[r] = cpu_ns() - start;
    }
    qsort(t, ROUNDS, sizeof *t, by_value);
    return (double)all / t[ROUNDS / 2];
}

static void bench_streams(struct bench *b)
{
    static const struct {
        size_t piece;
        const char *name;
        double va, pa;
    } rows[] = {{4096, "4 KiB", 5.4, 8.4}, {65536, "64 KiB", 5.3, 8.4}, {MiB, "1 MiB", 5.1, 7.8}};
    char name[64];
    heading("reading in order, GB/s");
    for (size_t i = 0; i < 6 && b->run_host; i++) {
        double reference = stream(b, rows[i % 3].piece, 2);
        snprintf(name, sizeof name, "%s, %s", i < 3 ? "read_va" : "read_pa", rows[i % 3].name);
        rate_row(name, i < 3 ? rows[i % 3].va : rows[i % 3].pa, stream(b, rows[i % 3].piece, i / 3),
                 reference);
    }
    if (!b->run_host)
        printf("  (this dump is not mapped in one piece)\n");
}

/* ---- symbols --------------------------------------------------------------------------------- */

static int pick(const struct vmi_symbol *s, void *data)
{
    struct bench *b = data;
    b->sink++;
    if (b->symbols < SYMBOLS && !s->module[0] && s->address >> 32 && b->sink % 61 == 0) {
        addr_t at;
        if (vmi_translate_ksym2v(b->vmi, s->name, &at) == VMI_SUCCESS) {
            b->symbol[b->symbols] = strdup(s->name);
            b->symbol_at[b->symbols++] = at;
        }
    }
    return b->symbols == SYMBOLS;
}

static void ksym2v_all(struct bench *b)
{
    addr_t va;
    for (size_t i = 0; i < b->symbols; i++)
        b->sink += vmi_translate_ksym2v(b->vmi, b->symbol[i], &va) == VMI_SUCCESS ? va : 0;
}

static void ksym2v_same(struct bench *b)
{
    addr_t va;
    for (size_t i = 0; i < SYMBOLS; i++)
        b->sink += vmi_translate_ksym2v(b->vmi, "init_task", &va) == VMI_SUCCESS ? va : 0;
}

static void v2ksym_all(struct bench *b)
{
    ACCESS_CONTEXT(ctx, .translate_mechanism = VMI_TM_PROCESS_PID, .pid = 0);
    for (size_t i = 0; i < b->symbols; i++)
        b->sink += vmi_translate_v2ksym(b->vmi, &ctx, b->symbol_at[i]) != NULL;
}

static void v2ksym_flushed(struct bench *b)
{
    vmi_symcache_flush(b->vmi);
    vmi_rvacache_flush(b->vmi);
    v2ksym_all(b);
}

static void bench_symbols(struct bench *b)
{
    heading("symbols (1000 of the kernel's)");
    row("ksym2v, first time", 10.6e6, timed(b, ksym2v_all, b->symbols), 1e3, "us", 0, NULL);
    row("ksym2v, one name again and again", 33, timed(b, ksym2v_same, SYMBOLS), 1, "ns", 0, NULL);
    row("v2ksym, first time", 10.1e6, timed(b, v2ksym_flushed, b->symbols), 1e3, "us", 0, NULL);
    row("v2ksym, again", 10.1e6, timed(b, v2ksym_all, b->symbols), 1e3, "us", 0, NULL);
}

/* ---- processes ------------------------------------------------------------------------------- */

/* As every process-list program does it. */
static void process_walk(struct bench *b)
{
    addr_t head = b->init_task + b->tasks, node = head, next;
    uint64_t n = 0;
    do {
        uint32_t pid = 0;
        addr_t task = node - b->tasks;
        vmi_read_32_va(b->vmi, task + b->pid, 0, &pid);
        char *name = vmi_read_str_va(b->vmi, task + b->name, 0);
        b->sink += pid + (name ? (unsigned char)name[0] : 0);
        free(name);
        if (vmi_read_addr_va(b->vmi, node, 0, &next) != VMI_SUCCESS)
            break;
        node = next;
        n++;
    } while (node != head && n < 100000);
    b->sink += n;
}

static void flush_all(struct bench *b)
{
    vmi_v2pcache_flush(b->vmi, ~0ULL);
    vmi_pagecache_flush(b->vmi);
    vmi_pidcache_flush(b->vmi);
    vmi_symcache_flush(b->vmi);
}

static void process_walk_cold(struct bench *b)
{
    flush_all(b);
    process_walk(b);
}

static void pid_to_dtb(struct bench *b)
{
    addr_t dtb = 0;
    b->sink += vmi_pid_to_dtb(b->vmi, b->a_pid, &dtb) == VMI_SUCCESS ? dtb : 0;
}

enum { AGAIN = 50 }; /* so that the clock does not count */

static void walks_cold(struct bench *b)
{
    for (int i = 0; i < AGAIN; i++)
        process_walk_cold(b);
}

static void walks(struct bench *b)
{
    for (int i = 0; i < AGAIN; i++)
        process_walk(b);
}

static void dtbs(struct bench *b)
{
    for (int i = 0; i < AGAIN; i++)
        pid_to_dtb(b);
}

/* Each of two processes at the end of the list after the other. */
static void pid_to_dtb_cold(struct bench *b)
{
    vmi_pid_t pid = b->a_pid;
    flush_all(b);
    b->a_pid = b->another_pid;
    b->another_pid = pid;
    pid_to_dtb(b);
}

static void dtbs_cold(struct bench *b)
{
    for (int i = 0; i < AGAIN; i++)
        pid_to_dtb_cold(b);
}

static int count_task(const struct vmi_process *p, void *data)
{
    unsigned *n = data;
    (void)p;
    ++*n;
    return 0;
}

static int remember_pid(const struct vmi_process *p, void *data)
{
    struct bench *b = data;
    if (!(p->flags & VMI_PROCESS_KERNEL)) {
        b->another_pid = b->a_pid;
        b->a_pid = p->pid;
    }
    return 0;
}

/* What a list of as many descriptions costs that nobody looked up. */
static double list_ns(struct bench *b, size_t pages)
{
    double start = cpu_ns();
    GSList *l = NULL;
    for (size_t i = 0; i < pages; i++) {
        page_info_t *info = malloc(sizeof *info);
        if (!info)
            break;
        memset(info, (int)i, sizeof *info);
        l = g_slist_prepend(l, info);
    }
    double t = cpu_ns() - start;
    b->sink += g_slist_length(l);
    g_slist_free_full(l, free);
    return t;
}

/* Both in turn: what the allocator and the kernel do for so much memory changes from time to time.
 */
static double va_pages_ns(struct bench *b, size_t *pages, double *reference)
{
    double t[ROUNDS], ref[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
        double start = cpu_ns();
        GSList *l = vmi_get_va_pages(b->vmi, b->root);
        t[r] = cpu_ns() - start;
        *pages = g_slist_length(l);
        g_slist_free_full(l, free);
        ref[r] = list_ns(b, *pages);
    }
    qsort(t, ROUNDS, sizeof *t, by_value);
    qsort(ref, ROUNDS, sizeof *ref, by_value);
    *reference = ref[ROUNDS / 2];
    return t[ROUNDS / 2];
}

static void bench_processes(struct bench *b)
{
    unsigned tasks = 0;
    size_t pages = 1;
    char name[64];
    vmi_each_process(b->vmi, 0, count_task, &tasks, NULL);
    vmi_each_process(b->vmi, 0, remember_pid, b, NULL);
    heading("processes and page tables");
    double share = tasks ? tasks / 91.0 : 1;
    snprintf(name, sizeof name, "process walk, %u tasks, cold", tasks);
    row(name, 73e3 * share, timed(b, walks_cold, AGAIN), 1e3, "us", 0, NULL);
    row("process walk, warm", 20e3 * share, timed(b, walks, AGAIN), 1e3, "us", 0, NULL);
    row("pid_to_dtb, cold", 7e3, timed(b, dtbs_cold, AGAIN), 1e3, "us", 0, NULL);
    row("pid_to_dtb, warm", 2.3e3, timed(b, dtbs, AGAIN), 1e3, "us", 0, NULL);
    double reference, ns = va_pages_ns(b, &pages, &reference);
    snprintf(name, sizeof name, "get_va_pages, one of %zu pages", pages);
    row(name, 3.0e6 / 79547, ns / (double)pages, 1, "ns", reference / (double)pages,
        "such a list filled in");
}

/* ---- opening --------------------------------------------------------------------------------- */

static int put(const void *p, size_t n, void *data)
{
    return fwrite(p, 1, n, data) != n;
}

static double open_ns(const struct bench *b, vmi_config_t mode, const void *config)
{
    vmi_instance_t vmi = NULL;
    double start = now_ns(CLOCK_MONOTONIC);
    status_t s = vmi_init_complete(&vmi, b->dump, VMI_INIT_DOMAINNAME, NULL, mode,
                                   (void *)(uintptr_t)config, NULL);
    double t = now_ns(CLOCK_MONOTONIC) - start;
    if (s != VMI_SUCCESS) {
        fprintf(stderr, "libvmi-ops: %s\n", vmi_last_error(NULL)->text);
        exit(1);
    }
    vmi_destroy(vmi);
    return t;
}

static double open_median(const struct bench *b, vmi_config_t mode, const void *config)
{
    double t[ROUNDS];
    for (int r = 0; r < ROUNDS; r++)
        t[r] = open_ns(b, mode, config);
    qsort(t, ROUNDS, sizeof *t, by_value);
    return t[ROUNDS / 2];
}

static void bench_opening(const struct bench *b, const char *profile)
{
    char folder[] = "/tmp/libvmi-ops.XXXXXX", json[64], compact[64], config[512], command[64];
    if (!mkdtemp(folder))
        return;
    setenv("TINYVMI_CACHE", folder, 1);
    snprintf(json, sizeof json, "%s/kernel.json", folder);
    snprintf(compact, sizeof compact, "%s/kernel.tvp", folder);
    FILE *f = fopen(json, "wb"), *c = fopen(compact, "wb");
    bool made = f && c && vmi_profile_write(b->vmi, VMI_PROFILE_ISF, put, f, NULL) == VMI_SUCCESS &&
                vmi_profile_write(b->vmi, VMI_PROFILE_COMPACT, put, c, NULL) == VMI_SUCCESS;
    if (f && fclose(f) != 0)
        made = false;
    if (c && fclose(c) != 0)
        made = false;
    if (!profile)
        profile = json;
    heading("vmi_init_complete, ms");
    row("nothing given, KASLR", 1025e6,
        open_median(b, VMI_CONFIG_STRING, "{ ostype = \"Linux\"; }"), 1e6, "ms", 0, NULL);
    snprintf(config, sizeof config, "{ ostype = \"Linux\"; kpgd = 0x%llx; }",
             (unsigned long long)b->root);
    row("everything given (ours: the page table)", 152e6, open_median(b, VMI_CONFIG_STRING, config),
        1e6, "ms", 0, NULL);
    if (made) {
        row("first load of an ISF file, into the cache", 372e6,
            open_ns(b, VMI_CONFIG_JSON_PATH, profile), 1e6, "ms", 0, NULL);
        row("the same ISF file, from the cache", 372e6,
            open_median(b, VMI_CONFIG_JSON_PATH, profile), 1e6, "ms", 0, NULL);
        row("a compact profile", 372e6, open_median(b, VMI_CONFIG_JSON_PATH, compact), 1e6, "ms", 0,
            NULL);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "libvmi-ops: %s was left behind\n", folder);
}

/* ---- all ------------------------------------------------------------------------------------- */

/* The longest run of the linear map that is physically in one piece, and random places in it. */
static bool find_run(struct bench *b)
{
    const struct vmi_kernel *k = vmi_kernel_info(b->vmi);
    const struct vmi_range *r;
    size_t n, avail = 0;
    r = vmi_memory_ranges(b->vmi, &n);
    for (size_t i = 0; i < n; i++) {
        uint64_t start = r[i].start < 4 * MiB ? 4 * MiB : r[i].start;
        if (r[i].start + r[i].size > start && r[i].start + r[i].size - start > b->run) {
            b->phys_run = start;
            b->run = r[i].start + r[i].size - start;
        }
    }
    if (!k || !k->direct_map || b->run < 16 * MiB)
        return false;
    b->linear = k->direct_map + b->phys_run;
    b->run_host = vmi_map_pa(b->vmi, b->phys_run, &avail);
    if (avail < b->run)
        b->run_host = NULL;
    srand48(1);
    for (size_t i = 0; i < RANDOM; i++) {
        addr_t at, pa;
        do /* the firmware's pages are not in the linear map */
            at = (addr_t)(drand48() * (double)(b->run - 4096)) & ~7ULL;
        while (vmi_translate_kv2p(b->vmi, b->linear + at, &pa) != VMI_SUCCESS);
        b->va[i] = b->linear + at;
        b->host[i] = b->run_host ? b->run_host + at : NULL;
    }
    return true;
}

static void resident(void)
{
    struct rusage u;
    unsigned long total, all, file;
    FILE *f = fopen("/proc/self/statm", "r");
    getrusage(RUSAGE_SELF, &u);
    printf("\nmemory: peak %ld MiB resident (LibVMI: up to 532)", u.ru_maxrss / 1024);
    if (f && fscanf(f, "%lu %lu %lu", &total, &all, &file) == 3)
        printf("; now %lu MiB, of them %lu MiB pages of the mapped file", all * 4 / 1024,
               file * 4 / 1024);
    printf("\n");
    if (f)
        fclose(f);
}

int main(int argc, char **argv)
{
    static struct bench b;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: libvmi-ops DUMP [PROFILE]\n");
        return 2;
    }
    b.dump = argv[1];
    b.buffer = malloc(MiB);
    if (!b.buffer ||
        vmi_init_complete(&b.vmi, b.dump, VMI_INIT_DOMAINNAME, NULL, VMI_CONFIG_STRING,
                          (void *)(uintptr_t) "{ ostype = \"Linux\"; }", NULL) != VMI_SUCCESS) {
        fprintf(stderr, "libvmi-ops: %s\n", vmi_last_error(NULL)->text);
        return 1;
    }
    if (vmi_pid_to_dtb(b.vmi, 0, &b.root) != VMI_SUCCESS ||
        vmi_translate_ksym2v(b.vmi, "init_task", &b.init_task) != VMI_SUCCESS ||
        vmi_get_offset(b.vmi, "linux_tasks", &b.tasks) != VMI_SUCCESS ||
        vmi_get_offset(b.vmi, "linux_name", &b.name) != VMI_SUCCESS ||
        vmi_get_offset(b.vmi, "linux_pid", &b.pid) != VMI_SUCCESS || !find_run(&b)) {
        fprintf(stderr, "libvmi-ops: %s\n", vmi_last_error(b.vmi)->text);
        return 1;
    }
    memset(b.buffer, 0, MiB);
    vmi_each_symbol(b.vmi, pick, &b, NULL);
    printf("LibVMI's operations, CPU time, medians of %d rounds; LibVMI's figures were measured "
           "elsewhere, with 91 tasks\n",
           ROUNDS);
    bench_translation(&b);
    bench_reads(&b);
    bench_streams(&b);
    bench_symbols(&b);
    bench_processes(&b);
    resident();
    bench_opening(&b, argc == 3 ? argv[2] : NULL);
    for (size_t i = 0; i < b.symbols; i++)
        free(b.symbol[i]);
    free(b.buffer);
    vmi_destroy(b.vmi);
    return b.sink == 0;
}

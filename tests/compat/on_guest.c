/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LibVMI's calls on a real Linux guest: what its own tests ask for, and what must agree with each
 * other. usage: on_guest TARGET [OPENINGS]. Prints "ok NAME" or "FAIL NAME: why" lines. Without
 * data symbols (init_task, linux_banner) in the kernel the calls that need them are left out.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#define LIBVMI_EXTRA_GLIB
#include <glib.h>
#include <libvmi/events.h>
#include <libvmi/libvmi.h>
#include <libvmi/libvmi_extra.h>
#include <tinyvmi/tinyvmi.h>

static const char *target, *test;
static unsigned failures; /* of this test */

static void check(bool so, const char *what, unsigned line)
{
    if (so)
        return;
    if (!failures++)
        printf("FAIL %s: line %u: %s\n", test, line, what);
}

#define CHECK(so) check((so), #so, __LINE__)
#define OK(call)  CHECK((call) == VMI_SUCCESS)
#define NO(call)  CHECK((call) == VMI_FAILURE)

static vmi_instance_t open_with(vmi_config_t mode, void *config)
{
    vmi_instance_t vmi = NULL;
    vmi_init_error_t error = VMI_INIT_ERROR_OS;
    if (vmi_init_complete(&vmi, target, VMI_INIT_DOMAINNAME, NULL, mode, config, &error) !=
        VMI_SUCCESS)
        return NULL;
    return vmi;
}

static char no_settings[] = "{ }";

static vmi_instance_t open_guest(void)
{
    return open_with(VMI_CONFIG_STRING, no_settings);
}

static bool is_file(vmi_instance_t vmi)
{
    vmi_mode_t mode = VMI_XEN;
    OK(vmi_get_access_mode(vmi, NULL, 0, NULL, &mode));
    return mode == VMI_FILE;
}

/* ---- each test gets an instance of its own --------------------------------------------------- */

static void opening(vmi_instance_t vmi)
{
    vmi_instance_t other = NULL;
    vmi_mode_t mode, again;
    vmi_init_error_t error;
    char os[] = "Linux", key[] = "os_type";
    OK(vmi_get_access_mode(NULL, target, VMI_INIT_DOMAINNAME, NULL, &mode));
    OK(vmi_get_access_mode(vmi, NULL, 0, NULL, &again));
    CHECK(mode == again);
    OK(vmi_init(&other, mode, target, VMI_INIT_DOMAINNAME, NULL, &error));
    CHECK(vmi_get_ostype(other) == VMI_OS_UNKNOWN);
    GHashTable *table = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(table, key, os);
    CHECK(vmi_init_os(other, VMI_CONFIG_GHASHTABLE, table, &error) == VMI_OS_LINUX);
    CHECK(error == VMI_INIT_ERROR_NONE && vmi_get_ostype(other) == VMI_OS_LINUX);
    g_hash_table_destroy(table);
    vmi_destroy(other);
    other = open_with(VMI_CONFIG_STRING, (char[]){"{ ostype = \"Windows\"; }"});
    CHECK(!other); /* what the user says wins */
    other = open_with(VMI_CONFIG_FILE_PATH, (char[]){"/nonexistent.conf"});
    CHECK(!other);
}

static void the_guest(vmi_instance_t vmi)
{
    char *name = vmi_get_name(vmi);
    CHECK(name && (!is_file(vmi) || strcmp(name, target) == 0));
    free(name);
    CHECK(vmi_get_memsize(vmi) > 0);
    CHECK(vmi_get_max_physical_address(vmi) >= vmi_get_memsize(vmi));
    CHECK(vmi_get_ostype(vmi) == VMI_OS_LINUX);
    CHECK(vmi_get_address_width(vmi) == 8 || vmi_get_address_width(vmi) == 4);
    CHECK(vmi_get_page_mode(vmi, 0) != VMI_PM_UNKNOWN);
    CHECK((vmi_get_num_vcpus(vmi) > 0) == !is_file(vmi));
    CHECK((vmi_get_vmid(vmi) == 0) == is_file(vmi));
    CHECK(vmi_get_winver(vmi) == VMI_OS_WINDOWS_NONE);
}

/* Of the kernel's parts, the one that every kind of kernel tells. */
static bool has_data(vmi_instance_t vmi)
{
    addr_t va;
    return vmi_translate_ksym2v(vmi, "linux_banner", &va) == VMI_SUCCESS;
}

static void symbols(vmi_instance_t vmi)
{
    addr_t va = 0, pa = 0, nothing = 77;
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PID, .pid = 0);
    OK(vmi_translate_ksym2v(vmi, "init_task", &va));
    CHECK(va != 0);
    OK(vmi_translate_kv2p(vmi, va, &pa));
    CHECK(pa != 0 && pa < vmi_get_max_physical_address(vmi));
    NO(vmi_translate_ksym2v(vmi, "no_such_symbol_anywhere", &nothing));
    CHECK(nothing == 0);
    const char *name = has_data(vmi) ? vmi_translate_v2ksym(vmi, &ctx, va) : "init_task";
    CHECK(name && strcmp(name, "init_task") == 0);
    CHECK(!has_data(vmi) || !vmi_translate_v2ksym(vmi, &ctx, va + 1));
    NO(vmi_translate_kv2p(vmi, 0x10, &nothing));
    CHECK(nothing == 0);
    const access_context_t *fault = vmi_get_last_pagetable_lookup_fault(vmi);
    CHECK(fault && fault->addr == 0x10);
    OK(vmi_translate_kv2p(vmi, va, &pa));
    CHECK(!vmi_get_last_pagetable_lookup_fault(vmi));
}

/* The same place in all four ways, in all widths. */
static void reading(vmi_instance_t vmi)
{
    static const char symbol[] = "init_task";
    addr_t va = 0, pa = 0, dtb = 0, a = 0;
    uint8_t way[4][100], b = 0;
    uint16_t w = 0;
    uint32_t d = 0;
    uint64_t q = 0;
    size_t n = 0;
    OK(vmi_translate_ksym2v(vmi, symbol, &va));
    OK(vmi_translate_kv2p(vmi, va, &pa));
    OK(vmi_pid_to_dtb(vmi, 0, &dtb));
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_DTB, .addr = va, .dtb = dtb);
    OK(vmi_read_ksym(vmi, symbol, 100, way[0], &n));
    CHECK(n == 100);
    OK(vmi_read_va(vmi, va, 0, 100, way[1], NULL));
    OK(vmi_read_pa(vmi, pa, 100, way[2], NULL));
    OK(vmi_read(vmi, &ctx, 100, way[3], NULL));
    bool live = !is_file(vmi); /* it may have run in between; its first 16 bytes are thread_info */
    for (unsigned i = 1; i < 4; i++)
        CHECK(live || memcmp(way[0], way[i], 100) == 0);
    if (live)
        return;
    OK(vmi_read_8_ksym(vmi, symbol, &b));
    OK(vmi_read_16_va(vmi, va, 0, &w));
    OK(vmi_read_32_pa(vmi, pa, &d));
    OK(vmi_read_64(vmi, &ctx, &q));
    CHECK(memcmp(&b, way[0], 1) == 0 && memcmp(&w, way[0], 2) == 0 && memcmp(&d, way[0], 4) == 0 &&
          memcmp(&q, way[0], 8) == 0);
    OK(vmi_read_addr_ksym(vmi, symbol, &a));
    CHECK(memcmp(&a, way[0], vmi_get_address_width(vmi)) == 0);
}

/* A read that runs into a page that is not there. */
static void partial_reads(vmi_instance_t vmi)
{
    enum { MANY = 192 << 20 };
    addr_t va = 0, end;
    uint8_t *buf = malloc(MANY), byte = 77;
    size_t n = 77;
    OK(vmi_translate_ksym2v(vmi, "init_task", &va));
    CHECK(buf != NULL);
    if (buf && vmi_read_va(vmi, va, 0, MANY, buf, &n) == VMI_FAILURE) {
        CHECK(n > 0 && (va + n) % 4096 == 0);
        NO(vmi_read_8_va(vmi, va + n, 0, &byte));
        CHECK(byte == 77);
        OK(vmi_read_8_va(vmi, va + n - 1, 0, &byte));
        CHECK(is_file(vmi) ? byte == buf[n - 1] : true);
    }
    free(buf);
    end = vmi_get_max_physical_address(vmi);
    NO(vmi_read_8_pa(vmi, end, &byte));
    n = 77;
    NO(vmi_read_pa(vmi, end, 8, &byte, &n));
    CHECK(n == 0);
    OK(vmi_read_8_pa(vmi, end - 1, &byte));
}

static void strings(vmi_instance_t vmi)
{
    addr_t va = 0;
    OK(vmi_translate_ksym2v(vmi, "linux_banner", &va));
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_KERNEL_SYMBOL, .ksym = "linux_banner");
    char *a = vmi_read_str_ksym(vmi, "linux_banner"), *b = vmi_read_str_va(vmi, va, 0),
         *c = vmi_read_str(vmi, &ctx);
    CHECK(a && b && c && strncmp(a, "Linux version ", 14) == 0 && strcmp(a, b) == 0 &&
          strcmp(a, c) == 0);
    free(a);
    free(b);
    free(c);
    CHECK(!vmi_read_str_va(vmi, 0x10, 0));
    CHECK(!vmi_read_str_ksym(vmi, "no_such_symbol_anywhere"));
    CHECK(!vmi_read_unicode_str_va(vmi, va, 0)); /* Windows' */
}

struct walked {
    vmi_instance_t vmi;
    unsigned users, kernels;
};

static int one_process(const struct vmi_process *p, void *data)
{
    struct walked *w = data;
    addr_t dtb = 77, again = 0;
    vmi_pid_t pid = 77;
    if (!p->dtb) { /* a zombie has none any more */
        NO(vmi_pid_to_dtb(w->vmi, p->pid, &dtb));
        CHECK(dtb == 0 && p->state == 'Z');
        return 0;
    }
    OK(vmi_pid_to_dtb(w->vmi, p->pid, &dtb));
    CHECK(dtb == p->dtb);
    if (p->flags & VMI_PROCESS_KERNEL) {
        w->kernels++;
        return 0;
    }
    w->users++;
    OK(vmi_dtb_to_pid(w->vmi, dtb | 1, &pid)); /* with a PCID */
    /* the first one that has it: processes may share their memory (vfork) */
    OK(vmi_pid_to_dtb(w->vmi, pid, &again));
    CHECK(again == dtb && pid <= p->pid);
    return 0;
}

/* Every process' page table, and back. */
static void processes(vmi_instance_t vmi)
{
    struct walked w = {.vmi = vmi};
    addr_t dtb = 77;
    vmi_pid_t pid = 77;
    uint64_t v;
    OK(vmi_each_process(vmi, 0, one_process, &w, NULL));
    CHECK(w.users >= 1 && w.kernels > 10);
    NO(vmi_pid_to_dtb(vmi, 0x7eedbeef, &dtb));
    CHECK(dtb == 0);
    NO(vmi_dtb_to_pid(vmi, 0x123000, &pid));
    CHECK(pid == -1);
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PID, .addr = 0x1000, .pid = 0x7eedbeef);
    NO(vmi_read_64(vmi, &ctx, &v));
    OK(vmi_dtb_to_pid(vmi, (vmi_pid_to_dtb(vmi, 1, &dtb), dtb), &pid));
    CHECK(pid == 1);
}

/* Every 97th page of the kernel's list is what a walk says. */
static void page_lists(vmi_instance_t vmi)
{
    addr_t dtb = 0, last = ~0ULL;
    unsigned n = 0, wrong = 0;
    page_mode_t mode = vmi_get_page_mode(vmi, 0);
    OK(vmi_pid_to_dtb(vmi, 0, &dtb));
    GSList *list = vmi_get_va_pages(vmi, dtb);
    if (mode == VMI_PM_AARCH32 || mode == VMI_PM_AARCH64) { /* no lister, as with LibVMI */
        CHECK(!list);
        return;
    }
    for (GSList *l = list; l; l = l->next, n++) {
        const page_info_t *p = l->data;
        page_info_t info;
        addr_t pa = 77;
        wrong += p->vaddr >= last;
        last = p->vaddr;
        if (n % 97)
            continue;
        if (vmi_pagetable_lookup_extended(vmi, dtb, p->vaddr, &info) != VMI_SUCCESS ||
            info.paddr != p->paddr || info.size != p->size ||
            vmi_pagetable_lookup(vmi, dtb, p->vaddr + 1, &pa) != VMI_SUCCESS || pa != p->paddr + 1)
            wrong += is_file(vmi); /* a running guest changes */
    }
    CHECK(n > 500 && !wrong);
    g_slist_free_full(list, free);
    list = vmi_get_nested_va_pages(vmi, 0, 0, dtb, mode);
    CHECK(is_file(vmi) ? g_slist_length(list) == n : list != NULL);
    g_slist_free_full(list, free);
}

/* An address in the half of the kernel's table that nothing is mapped at. */
static addr_t unmapped(vmi_instance_t vmi, addr_t dtb)
{
    bool arm = vmi_get_page_mode(vmi, 0) == VMI_PM_AARCH64;
    addr_t at = arm ? 0xffff800000400000ULL : 0x400000, pa;
    while (vmi_pagetable_lookup(vmi, dtb, at, &pa) == VMI_SUCCESS)
        at += 1 << 24;
    return at;
}

static void caches(vmi_instance_t vmi)
{
    addr_t va = 0, pa = 0, dtb = 0;
    OK(vmi_pid_to_dtb(vmi, 0, &dtb));
    vmi_pagecache_flush(vmi);
    vmi_v2pcache_flush(vmi, ~0ULL);
    addr_t at = unmapped(vmi, dtb);
    vmi_v2pcache_add(vmi, at ^ 1ULL << 47, dtb, 0x1234000); /* the next one but for bit 47 */
    NO(vmi_pagetable_lookup(vmi, dtb, at, &pa));
    vmi_v2pcache_flush(vmi, dtb);
    vmi_v2pcache_add(vmi, at, dtb, 0x1234000);
    OK(vmi_pagetable_lookup(vmi, dtb, at + 0x123, &pa));
    CHECK(pa == 0x1234123);
    vmi_v2pcache_flush(vmi, dtb);
    NO(vmi_pagetable_lookup(vmi, dtb, at + 0x123, &pa));
    vmi_symcache_add(vmi, 0, 0, (char[]){"of_mine"}, 0x42);
    OK(vmi_translate_ksym2v(vmi, "of_mine", &va));
    CHECK(va == 0x42);
    vmi_symcache_flush(vmi);
    NO(vmi_translate_ksym2v(vmi, "of_mine", &va));
}

static void offsets(vmi_instance_t vmi)
{
    static const char *const names[] = {"linux_tasks", "linux_mm",        "linux_pid", "linux_name",
                                        "linux_pgd",   "linux_init_task", "kpgd"};
    addr_t v, member = 0, dtb = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        v = 0;
        OK(vmi_get_offset(vmi, names[i], &v));
        CHECK(v != 0);
    }
    OK(vmi_pid_to_dtb(vmi, 0, &dtb));
    CHECK(v == dtb);
    OK(vmi_get_offset(vmi, "linux_pid", &v));
    OK(vmi_get_kernel_struct_offset(vmi, "task_struct", "pid", &member));
    CHECK(v == member);
    v = 77;
    NO(vmi_get_offset(vmi, "win_tasks", &v));
    NO(vmi_get_kernel_struct_offset(vmi, "task_struct", "no_such_member", &v));
    CHECK(v == 77);
    OK(vmi_get_offset(vmi, "linux_kaslr", &v));
}

/* What is there is written back: a running guest takes it, a file refuses. */
static void writing(vmi_instance_t vmi)
{
    addr_t va = 0;
    uint8_t b[16];
    size_t n = 77;
    OK(vmi_translate_ksym2v(vmi, "linux_banner", &va));
    OK(vmi_read_va(vmi, va, 0, sizeof b, b, NULL));
    if (is_file(vmi)) {
        NO(vmi_write_va(vmi, va, 0, sizeof b, b, &n));
        CHECK(n == 0);
        CHECK(vmi_last_error(vmi)->kind == VMI_ERROR_UNSUPPORTED);
        return;
    }
    OK(vmi_write_va(vmi, va, 0, sizeof b, b, &n));
    CHECK(n == sizeof b);
    NO(vmi_write_va(vmi, 0x10, 0, sizeof b, b, &n));
    CHECK(n == 0);
}

/* Writes to a file that only this instance sees. */
static void writing_a_copy(vmi_instance_t vmi)
{
    struct vmi_open_options cow = {.flags = VMI_OPEN_COPY_ON_WRITE};
    vmi_instance_t copy = NULL;
    addr_t va = 0;
    uint8_t before = 0, mine, now = 0;
    if (!is_file(vmi))
        return;
    if (vmi_open(&copy, target, &cow) != VMI_SUCCESS)
        return; /* a format that cannot */
    OK(vmi_translate_ksym2v(copy, "linux_banner", &va));
    OK(vmi_read_8_va(copy, va, 0, &before));
    mine = (uint8_t)~before;
    if (vmi_write_8_va(copy, va, 0, &mine) == VMI_SUCCESS) {
        OK(vmi_read_8_va(copy, va, 0, &now));
        CHECK(now == mine);
        OK(vmi_read_8_va(vmi, va, 0, &now));
        CHECK(now == before);
    }
    vmi_destroy(copy);
}

static void pausing(vmi_instance_t vmi)
{
    registers_t regs;
    uint64_t cr3 = 0, again = 1;
    OK(vmi_pause_vm(vmi));
    OK(vmi_pause_vm(vmi)); /* counted */
    page_mode_t mode = vmi_get_page_mode(vmi, 0);
    if (!is_file(vmi) && mode == VMI_PM_IA32E) {
        memset(&regs, 0, sizeof regs);
        OK(vmi_get_vcpuregs(vmi, &regs, 0));
        OK(vmi_get_vcpureg(vmi, &cr3, CR3, 0));
        CHECK(regs.x86.cr3 == cr3 && cr3);
        OK(vmi_get_vcpureg(vmi, &cr3, RIP, 0));
        OK(vmi_get_vcpureg(vmi, &again, RIP, 0));
        CHECK(cr3 == again && cr3 == regs.x86.rip); /* it stands still */
        NO(vmi_get_vcpureg(vmi, &cr3, RIP, 1000));
    } else if (is_file(vmi)) {
        addr_t dtb = 0;
        OK(vmi_get_vcpureg(vmi, &cr3, CR3, 5));
        OK(vmi_pid_to_dtb(vmi, 0, &dtb));
        CHECK(cr3 == dtb);
    }
    OK(vmi_resume_vm(vmi));
    OK(vmi_resume_vm(vmi));
}

static void refusals(vmi_instance_t vmi)
{
    vmi_event_t event = {0};
    vmi_instance_t other = (void *)1;
    vmi_init_error_t error = VMI_INIT_ERROR_NONE;
    NO(vmi_register_event(vmi, &event));
    NO(vmi_events_listen(vmi, 0));
    CHECK(vmi_are_events_pending(vmi) == -1);
    NO(vmi_event_listener_required(vmi, true));
    vmi_mode_t mode;
    OK(vmi_get_access_mode(vmi, NULL, 0, NULL, &mode));
    NO(vmi_init(&other, mode, target, VMI_INIT_DOMAINNAME | VMI_INIT_EVENTS, NULL, &error));
    CHECK(!other && error == VMI_INIT_ERROR_EVENTS);
}

/* ---- threads, and very many openings --------------------------------------------------------- */

struct thread {
    pthread_t id;
    uint64_t count;
    bool good;
};

static void *list_in_thread(void *arg)
{
    struct thread *t = arg;
    for (unsigned i = 0; i < 5; i++) {
        vmi_instance_t vmi = open_guest();
        addr_t va;
        t->good = vmi && vmi_translate_ksym2v(vmi, "init_task", &va) == VMI_SUCCESS;
        for (vmi_pid_t pid = 1; vmi && pid < 200; pid++) {
            addr_t dtb;
            t->count += vmi_pid_to_dtb(vmi, pid, &dtb) == VMI_SUCCESS;
        }
        vmi_destroy(vmi);
        if (!t->good)
            break;
    }
    return NULL;
}

static void threads(vmi_instance_t vmi)
{
    struct thread t[3] = {{0}};
    bool file = is_file(vmi);
    for (unsigned i = 0; i < 3; i++)
        CHECK(pthread_create(&t[i].id, NULL, list_in_thread, &t[i]) == 0);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(t[i].id, NULL);
    for (unsigned i = 0; i < 3; i++)
        CHECK(t[i].good && t[i].count > 20 && (!file || t[i].count == t[0].count));
}

static size_t descriptors(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static void open_and_close(void)
{
    vmi_instance_t vmi = open_guest();
    CHECK(vmi != NULL);
    vmi_destroy(vmi);
}

static void many_openings(unsigned n)
{
    for (unsigned i = 0; i < 3; i++)
        open_and_close();
    size_t heap = mallinfo2().uordblks, mapped = mallinfo2().hblkhd, fds = descriptors();
    for (unsigned i = 0; i < n && !failures; i++)
        open_and_close();
    CHECK(mallinfo2().uordblks <= heap + 16384);
    CHECK(mallinfo2().hblkhd <= mapped);
    CHECK(descriptors() == fds);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(vmi_instance_t vmi);
        bool data; /* needs data symbols */
    } tests[] = {{"opening", opening, false},
                 {"the guest", the_guest, false},
                 {"symbols", symbols, false},
                 {"reading", reading, false},
                 {"partial reads", partial_reads, false},
                 {"strings", strings, true},
                 {"processes", processes, false},
                 {"page lists", page_lists, false},
                 {"caches", caches, false},
                 {"offsets", offsets, false},
                 {"writing", writing, true},
                 {"writing a copy", writing_a_copy, true},
                 {"pausing", pausing, false},
                 {"refusals", refusals, false},
                 {"threads", threads, false}};
    if (argc < 2 || argc > 3)
        return 2;
    target = argv[1];
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        failures = 0;
        test = tests[i].name;
        vmi_instance_t vmi = open_guest();
        CHECK(vmi != NULL);
        if (vmi && tests[i].data && !has_data(vmi)) {
            vmi_destroy(vmi);
            continue;
        }
        if (vmi)
            tests[i].run(vmi);
        vmi_destroy(vmi);
        if (!failures)
            printf("ok %s\n", test);
        fflush(stdout);
    }
    failures = 0;
    test = "many openings";
    many_openings(argc > 2 ? (unsigned)atoi(argv[2]) : 50);
    if (!failures)
        printf("ok %s\n", test);
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several instances in several threads, and very many one after the other: nothing is shared, and
 * nothing stays behind. Run by make tsan and make valgrind, too.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LIBVMI_EXTRA_GLIB
#include <glib.h>
#include <libvmi/libvmi.h>
#include <libvmi/libvmi_extra.h>
#include <tinyvmi/tinyvmi.h>

enum { THREADS = 4, TIMES = 150, CYCLES = 10000, FILE_SIZE = 1 << 20 };

static char path[] = "/tmp/tinyvmi-threads-XXXXXX", config[] = "/tmp/tinyvmi-threads-XXXXXX";

static void put(int fd, uint64_t at, uint64_t v)
{
    assert_int_equal(pwrite(fd, &v, sizeof v, (off_t)at), sizeof v);
}

/* 4-level tables at 0 that map 0x1000 to 0x3fff; text in the second page. And a configuration file
 * with one entry for each thread's name of the memory. */
static int make_files(void **state)
{
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, FILE_SIZE), 0);
    put(fd, 0, 0x10007);
    put(fd, 0x10000, 0x11007);
    put(fd, 0x11000, 0x12007);
    for (uint64_t i = 1; i < 4; i++)
        put(fd, 0x12000 + 8 * i, 0x20007 + 0x1000 * i);
    put(fd, 0x22000, 0x0021206874726145); /* "Earth !" and an end */
    put(fd, 0x800, 0xff00feeb);
    close(fd);
    fd = mkstemp(config);
    assert_true(fd >= 0);
    char entry[128];
    int n =
        snprintf(entry, sizeof entry, "%s { ostype = \"Linux\"; pagemode = \"VMI_PM_IA32E\"; }\n",
                 strrchr(path, '/') + 1);
    assert_int_equal(write(fd, entry, (size_t)n), n);
    close(fd);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(path);
    unlink(config);
    return 0;
}

/* ---- in threads (where cmocka's assertions do not work) -------------------------------------- */

struct worker {
    pthread_t thread;
    unsigned number;
    char why[160]; /* "": all was well */
};

#define MUST(w, so)                                                                                \
    do {                                                                                           \
        if (!(so)) {                                                                               \
            snprintf((w)->why, sizeof(w)->why, "line %d: %.120s", __LINE__, #so);                  \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

static bool use(struct worker *w, vmi_instance_t vmi)
{
    vmi_init_error_t error;
    uint64_t v = 0;
    addr_t va = 0;
    char name[32];
    /* each thread its own symbols, and the odd ones a configuration that another one breaks */
    vmi_init_os(vmi, w->number & 1 ? VMI_CONFIG_FILE_PATH : VMI_CONFIG_STRING,
                w->number & 1 ? config : (char[]){"{ pagemode = \"VMI_PM_IA32E\"; }"}, &error);
    MUST(w, error == VMI_INIT_ERROR_OS && vmi_get_page_mode(vmi, 0) == VMI_PM_IA32E);
    vmi_init_os(vmi, VMI_CONFIG_STRING, (char[]){"{ broken"}, &error);
    MUST(w, error == VMI_INIT_ERROR_NO_CONFIG);
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PT, .addr = 0x2000, .pt = 0x0);
    MUST(w, vmi_read_64(vmi, &ctx, &v) == VMI_SUCCESS && v == 0x0021206874726145);
    char *text = vmi_read_str(vmi, &ctx);
    bool good = text && strcmp(text, "Earth !") == 0;
    free(text);
    MUST(w, good);
    snprintf(name, sizeof name, "symbol_%u", w->number);
    vmi_symcache_add(vmi, 0, 0, name, 0x1000 + w->number);
    MUST(w, vmi_translate_ksym2v(vmi, name, &va) == VMI_SUCCESS && va == 0x1000 + w->number);
    snprintf(name, sizeof name, "symbol_%u", (w->number + 1) % THREADS);
    MUST(w, vmi_translate_ksym2v(vmi, name, &va) == VMI_FAILURE);
    GSList *pages = vmi_get_va_pages(vmi, 0);
    good = g_slist_length(pages) == 3;
    g_slist_free_full(pages, free);
    MUST(w, good);
    MUST(w, vmi_read_64_pa(vmi, FILE_SIZE + w->number, &v) == VMI_FAILURE);
    snprintf(name, sizeof name, "0x%x", FILE_SIZE + w->number);
    MUST(w, strstr(vmi_last_error(vmi)->text, name) != NULL);
    return true;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    for (unsigned i = 0; i < TIMES && !w->why[0]; i++) {
        vmi_instance_t vmi = NULL;
        char nobody[32];
        if (vmi_init(&vmi, VMI_FILE, path, VMI_INIT_DOMAINNAME, NULL, NULL) != VMI_SUCCESS) {
            snprintf(w->why, sizeof w->why, "%.150s", vmi_last_error(NULL)->text);
            break;
        }
        bool good = use(w, vmi);
        vmi_destroy(vmi);
        snprintf(nobody, sizeof nobody, "/nonexistent/%u", w->number);
        if (good &&
            (vmi_init(&vmi, VMI_FILE, nobody, VMI_INIT_DOMAINNAME, NULL, NULL) != VMI_FAILURE ||
             !strstr(vmi_last_error(NULL)->text, nobody))) /* this thread's own failure */
            snprintf(w->why, sizeof w->why, "another thread's error: %.100s",
                     vmi_last_error(NULL)->text);
    }
    return NULL;
}

static void instances_in_threads(void **state)
{
    struct worker w[THREADS] = {{0}};
    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        w[i].number = i;
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(w[i].thread, NULL);
    for (unsigned i = 0; i < THREADS; i++)
        assert_string_equal(w[i].why, "");
}

/* One instance that goes from thread to thread, used by one at a time. */
static void *pass_on(void *arg)
{
    vmi_instance_t vmi = arg;
    uint64_t v = 0;
    return vmi_read_64_pa(vmi, 0x22000, &v) == VMI_SUCCESS && v == 0x0021206874726145 ? vmi : NULL;
}

static void one_instance_thread_by_thread(void **state)
{
    vmi_instance_t vmi = NULL;
    (void)state;
    assert_int_equal(vmi_init(&vmi, VMI_FILE, path, VMI_INIT_DOMAINNAME, NULL, NULL), VMI_SUCCESS);
    for (unsigned i = 0; i < 20; i++) {
        pthread_t t;
        void *back = NULL;
        assert_int_equal(pthread_create(&t, NULL, pass_on, vmi), 0);
        pthread_join(t, &back);
        assert_ptr_equal(back, vmi);
    }
    vmi_destroy(vmi);
}

/* ---- very many ------------------------------------------------------------------------------- */

struct held {
    size_t heap, descriptors, mappings;
};

static size_t lines_of(const char *file)
{
    FILE *f = fopen(file, "r");
    size_t n = 0;
    assert_non_null(f);
    for (int c; (c = getc(f)) != EOF;)
        n += c == '\n';
    fclose(f);
    return n;
}

static struct held held_now(void)
{
    struct held h = {.mappings = lines_of("/proc/self/maps")};
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        h.descriptors++;
    closedir(d);
    h.heap =
        mallinfo2().uordblks; /* 0 with a sanitizer's allocator, which looks for leaks itself */
    return h;
}

static void assert_flat(const struct held *before)
{
    struct held after = held_now();
    assert_int_equal(after.descriptors, before->descriptors);
    assert_in_range(after.mappings, 0, before->mappings + 4); /* an allocator's own */
    assert_in_range(after.heap, 0, before->heap + 4096);
}

static void cycle(void)
{
    vmi_instance_t vmi = NULL;
    uint64_t v = 0;
    assert_int_equal(vmi_init(&vmi, VMI_FILE, path, VMI_INIT_DOMAINNAME, NULL, NULL), VMI_SUCCESS);
    assert_int_equal(vmi_read_64_pa(vmi, 0x22000, &v), VMI_SUCCESS);
    vmi_symcache_add(vmi, 0, 0, (char[]){"x"}, 1);
    assert_int_equal(vmi_destroy(vmi), VMI_SUCCESS);
}

static unsigned cycles(void) /* fewer where each costs much more (valgrind) */
{
    const char *n = getenv("TINYVMI_CYCLES");
    return n ? (unsigned)atoi(n) : CYCLES;
}

static void ten_thousand_openings(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        cycle();
    struct held before = held_now();
    for (unsigned i = 0, n = cycles(); i < n; i++)
        cycle();
    assert_flat(&before);
}

/* Each way to fail. */
static void fail_once(unsigned i)
{
    vmi_instance_t vmi = NULL;
    vmi_init_error_t error;
    uint64_t id = 0x7ffffffffffffff0;
    status_t st = VMI_SUCCESS;
    switch (i % 6) {
    case 0:
        st = vmi_init(&vmi, VMI_FILE, "/nonexistent", VMI_INIT_DOMAINNAME, NULL, &error);
        break;
    case 1:
        st = vmi_init(&vmi, VMI_FILE, "/tmp", VMI_INIT_DOMAINNAME, NULL, &error);
        break;
    case 2:
        st = vmi_init(&vmi, VMI_FILE, path, VMI_INIT_DOMAINNAME | VMI_INIT_EVENTS, NULL, &error);
        break;
    case 3:
        st = vmi_init(&vmi, VMI_KVM, &id, VMI_INIT_DOMAINID, NULL, &error);
        break;
    case 4:
        st = vmi_init(&vmi, VMI_FILE, "/etc/passwd", VMI_INIT_DOMAINNAME, NULL, &error);
        break;
    default: /* opened, and then no kernel is found */
        st = vmi_init_complete(&vmi, path, VMI_INIT_DOMAINNAME, NULL, VMI_CONFIG_FILE_PATH, config,
                               &error);
        break;
    }
    assert_int_equal(st, VMI_FAILURE);
    assert_null(vmi);
    assert_int_not_equal(error, VMI_INIT_ERROR_NONE);
}

static void failures_leave_nothing(void **state)
{
    unsigned n = cycles() / 10;
    int saved = dup(2), null = open("/dev/null", O_WRONLY);
    (void)state;
    assert_true(saved >= 0 && null >= 0);
    dup2(null, 2); /* each says why */
    for (unsigned i = 0; i < 12; i++)
        fail_once(i);
    struct held before = held_now();
    for (unsigned i = 0; i < n; i++)
        fail_once(i);
    dup2(saved, 2);
    assert_flat(&before);
    close(saved);
    close(null);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instances_in_threads), cmocka_unit_test(one_instance_thread_by_thread),
        cmocka_unit_test(ten_thousand_openings), cmocka_unit_test(failures_leave_nothing)};
    return cmocka_run_group_tests_name("vmi threads", tests, make_files, remove_files);
}

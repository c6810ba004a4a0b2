/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LibVMI's known mistakes, each with a test that it is not made here. The numbers are those of
 * docs/compat.md; what needs a hypervisor is tested with it, images of programs in
 * test_vmi_image.c.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <wchar.h>

#define LIBVMI_EXTRA_GLIB
#define LIBVMI_EXTRA_JSON
#include <libvmi/events.h>
#include <libvmi/libvmi_extra.h>
#include <libvmi/slat.h>

#include "vmi_fake.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* the old names of two calls */

static int setup(void **state)
{
    *state = fake_new(true);
    return 0;
}

static int setup_without_os(void **state)
{
    *state = fake_new(false);
    return 0;
}

static int teardown(void **state)
{
    fake_free(*state);
    return 0;
}

static vmi_instance_t vmi_of(void **state)
{
    return ((struct fake *)*state)->vmi;
}

static char path[64];

static const char *file_with(const char *text, size_t n)
{
    strcpy(path, "/tmp/tinyvmi-mistake-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    close(fd);
    return path;
}

/* What `call` prints to stdout. */
static size_t printed(void (*call)(vmi_instance_t vmi), vmi_instance_t vmi, char *buf, size_t size)
{
    char out[] = "/tmp/tinyvmi-print-XXXXXX";
    int fd = mkstemp(out), saved = dup(1);
    assert_true(fd >= 0 && saved >= 0);
    fflush(stdout);
    dup2(fd, 1);
    call(vmi);
    fflush(stdout);
    dup2(saved, 1);
    close(saved);
    ssize_t got = pread(fd, buf, size - 1, 0);
    close(fd);
    unlink(out);
    buf[got < 0 ? 0 : got] = '\0';
    return got < 0 ? 0 : (size_t)got;
}

/* ---- the interface --------------------------------------------------------------------------- */

/* That this program links is half of it. */
static void q1_declared_is_defined(void **state)
{
    page_info_t info = {0};
    const char *name = "untouched";
    assert_int_equal(vmi_nested_pagetable_lookup_extended(vmi_of(state), 0, 0, KERNEL_ROOT,
                                                          VMI_PM_IA32E, KERNEL_VA, &info),
                     VMI_SUCCESS);
    assert_true(info.paddr == DATA && info.size == VMI_PS_4KB);
    assert_int_equal(vmi_get_struct_field_type_name_from_json(vmi_of(state), NULL, "a", "b", &name),
                     VMI_FAILURE);
    assert_string_equal(name, "untouched");
}

static void q16_failures_instead_of_crashes(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    addr_t at = 77;
    size_t n = 77;
    char byte;
    bool on;
    uint16_t view = 77;
    assert_int_equal(vmi_get_kernel_struct_offset(vmi, "task_struct", "mm", &at), VMI_FAILURE);
    assert_int_equal(vmi_read_ksym(NULL, "init_task", 1, &byte, &n), VMI_FAILURE);
    assert_int_equal(n, 0);
    assert_null(vmi_get_kernel_json(NULL));
    assert_int_equal(vmi_slat_state(NULL, &on), VMI_FAILURE);
    assert_int_equal(vmi_slat_get_domain_state(NULL, &on), VMI_FAILURE);
    assert_int_equal(vmi_slat_set_domain_state(NULL, true), VMI_FAILURE);
    assert_int_equal(vmi_slat_create(NULL, &view), VMI_FAILURE);
    assert_null(vmi_get_nested_va_pages(vmi, 0, 0, KERNEL_ROOT, VMI_PM_AARCH32));
    assert_null(vmi_get_nested_va_pages(vmi, 0, 0, KERNEL_ROOT, 77));
    assert_null(vmi_read_str(vmi, NULL));
    assert_null(vmi_read_wstr(vmi, NULL));
    assert_null(vmi_read_unicode_str(vmi, NULL));
    assert_null(vmi_read_unicode_str_pm(vmi, NULL, VMI_PM_IA32E));
    assert_true(at == 77 && view == 77);
}

static void q17_missing_arguments_are_no_success(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    xsave_area_t xsave;
    uint32_t mode, khz, incarnation;
    uint64_t ns;
    addr_t at;
    char buf[8];
    assert_int_equal(vmi_get_xsave_info(NULL, 0, &xsave), VMI_FAILURE);
    assert_int_equal(vmi_get_xsave_info(vmi, 0, NULL), VMI_FAILURE);
    assert_int_equal(vmi_get_tsc_info(NULL, &mode, &ns, &khz, &incarnation), VMI_FAILURE);
    assert_int_equal(vmi_get_tsc_info(vmi, NULL, NULL, NULL, NULL), VMI_FAILURE);
    assert_int_equal(vmi_request_page_fault(NULL, 0, 0, 0), VMI_FAILURE);
    assert_int_equal(vmi_read_disk(NULL, "1", 0, 8, buf), VMI_FAILURE);
    assert_int_equal(vmi_read_disk(vmi, NULL, 0, 8, NULL), VMI_FAILURE);
    assert_int_equal(vmi_get_kernel_struct_offset(vmi, NULL, "mm", &at), VMI_FAILURE);
    assert_int_equal(vmi_get_kernel_struct_offset(vmi, "task_struct", NULL, &at), VMI_FAILURE);
    assert_int_equal(vmi_get_kernel_struct_offset(vmi, "task_struct", "mm", NULL), VMI_FAILURE);
    assert_int_equal(vmi_get_kernel_struct_offset(NULL, "task_struct", "mm", &at), VMI_FAILURE);
    assert_int_equal(vmi_get_offset(vmi, NULL, &at), VMI_FAILURE);
    assert_int_equal(vmi_get_offset(vmi, "linux_tasks", NULL), VMI_FAILURE);
}

/* The image at KERNEL_VA has a symbol "mine" at the number that is the kernel's init_task. */
static void q18_two_lookups_two_answers(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PID, .addr = KERNEL_VA, .pid = 0);
    char mine[] = "mine";
    vmi_rvacache_add(vmi, KERNEL_VA, 0, KERNEL_VA + 0x100, mine);
    assert_string_equal(vmi_translate_v2sym(vmi, &ctx, KERNEL_VA + 0x100), "mine");
    assert_string_equal(vmi_translate_v2ksym(vmi, &ctx, KERNEL_VA + 0x100), "init_task");
    assert_string_equal(vmi_translate_v2sym(vmi, &ctx, KERNEL_VA + 0x100), "mine");
}

static void q22_names_belong_to_the_library(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PID, .addr = KERNEL_VA, .pid = 0);
    char mine[] = "mine";
    const char *first = vmi_translate_v2ksym(vmi, &ctx, KERNEL_VA + 0x100);
    assert_non_null(first);
    assert_ptr_equal(vmi_translate_v2ksym(vmi, &ctx, KERNEL_VA + 0x100), first);
    vmi_rvacache_add(vmi, KERNEL_VA, 0, 0x20, mine);
    mine[0] = 'w'; /* it was copied */
    first = vmi_translate_v2sym(vmi, &ctx, 0x20);
    assert_string_equal(first, "mine");
    assert_ptr_equal(vmi_translate_v2sym(vmi, &ctx, 0x20), first);
}

/* A megabyte without an end. */
static void q11_strings_have_a_cap(void **state)
{
    struct fake *f = *state;
    memset(f->low + (1 << 20), 'a', 3 << 20);
    char *s = vmi_read_str_pa(f->vmi, 1 << 20);
    uint16_t *w = vmi_read_wstr_pa(f->vmi, 1 << 20);
    assert_non_null(s);
    assert_non_null(w);
    assert_int_equal(strlen(s), 1 << 20);
    assert_true(w[(1 << 19) - 1] == 0x6161 && w[1 << 19] == 0);
    free(s);
    free(w);
}

static void q36_every_state_can_be_told(void **state)
{
    domain_status_t s = {0};
    s.dying = s.shutdown = s.paused = s.blocked = s.running = s.debugged = 1;
    assert_true(s.dying && s.shutdown && s.paused && s.blocked && s.running && s.debugged);
    memset(&s, 0x5a, sizeof s);
    domain_status_t before = s;
    assert_int_equal(vmi_get_domain_status(vmi_of(state), &s), VMI_FAILURE);
    assert_memory_equal(&s, &before, sizeof s);
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void q20_a_memory_map_is_kept_whole(void **state)
{
    static char memory[1 << 20] = {[0x100] = 1, [0x2008] = 0x42};
    struct {
        uint64_t count, range[1][2];
    } map = {1, {{0x2000, 0x3000}}};
    struct {
        uint64_t count;
        vmi_init_data_entry_t entry[1];
    } data = {1, {{.type = VMI_INIT_DATA_MEMMAP, .data = &map}}};
    vmi_instance_t vmi;
    uint8_t v = 0;
    (void)state;
    assert_int_equal(vmi_init(&vmi, VMI_FILE, file_with(memory, sizeof memory), VMI_INIT_DOMAINNAME,
                              (void *)&data, NULL),
                     VMI_SUCCESS);
    assert_int_equal(vmi_read_8_pa(vmi, 0x2008, &v), VMI_SUCCESS);
    assert_int_equal(v, 0x42);
    assert_int_equal(vmi_read_8_pa(vmi, 0x100, &v), VMI_FAILURE);
    vmi_destroy(vmi);
    unlink(path);
}

static void q33_failed_openings_set_both_outputs(void **state)
{
    vmi_instance_t vmi = (void *)1;
    vmi_init_error_t error = (vmi_init_error_t)77;
    (void)state;
    for (int mode = VMI_XEN; mode <= 5; mode++) { /* some are not built in, two do not exist */
        vmi = (void *)1;
        error = (vmi_init_error_t)77;
        assert_int_equal(vmi_init(&vmi, (vmi_mode_t)mode, "/nonexistent/of/this/name",
                                  VMI_INIT_DOMAINNAME, NULL, &error),
                         VMI_FAILURE);
        assert_null(vmi);
        assert_in_range(error, VMI_INIT_ERROR_DRIVER_NOT_DETECTED, VMI_INIT_ERROR_VM_NOT_FOUND);
    }
    assert_int_equal(vmi_init(&vmi, VMI_FILE, "/nonexistent", VMI_INIT_DOMAINNAME, NULL, NULL),
                     VMI_FAILURE);
    assert_int_equal(vmi_init_complete(&vmi, "/nonexistent", VMI_INIT_DOMAINNAME, NULL,
                                       VMI_CONFIG_GLOBAL_FILE_ENTRY, NULL, NULL),
                     VMI_FAILURE);
    assert_null(vmi);
}

static void q38_a_directory_is_no_memory(void **state)
{
    vmi_mode_t mode = (vmi_mode_t)77;
    vmi_instance_t vmi;
    (void)state;
    assert_int_equal(vmi_get_access_mode(NULL, "/usr", VMI_INIT_DOMAINNAME, NULL, &mode),
                     VMI_FAILURE);
    assert_int_equal(mode, 77);
    assert_int_equal(vmi_init(&vmi, VMI_FILE, "/usr", VMI_INIT_DOMAINNAME, NULL, NULL),
                     VMI_FAILURE);
    assert_true(strstr(vmi_last_error(NULL)->text, "/usr") != NULL);
    /* a name that says what it means is not searched for among the guests */
    snprintf(path, sizeof path, "file:/nonexistent");
    assert_int_equal(vmi_get_access_mode(NULL, path, VMI_INIT_DOMAINNAME, NULL, &mode),
                     VMI_SUCCESS);
    assert_int_equal(mode, VMI_FILE);
}

static void q54_an_incomplete_last_page(void **state)
{
    static char memory[0x100000 + 5] = {[0] = '\xeb', [0x100004] = 0x42};
    vmi_instance_t vmi;
    uint8_t v = 0;
    size_t n = 77;
    char buf[16];
    (void)state;
    assert_int_equal(
        vmi_init(&vmi, VMI_FILE, file_with(memory, sizeof memory), VMI_INIT_DOMAINNAME, NULL, NULL),
        VMI_SUCCESS);
    assert_int_equal(vmi_read_8_pa(vmi, 0x100004, &v), VMI_SUCCESS);
    assert_int_equal(v, 0x42);
    assert_int_equal(vmi_read_pa(vmi, 0x100000, sizeof buf, buf, &n), VMI_FAILURE);
    assert_int_equal(n, 5);
    vmi_destroy(vmi);
    unlink(path);
}

/* ---- translation and reading ----------------------------------------------------------------- */

static void q2_one_table_is_flushed(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    addr_t pa = 0;
    vmi_v2pcache_add(vmi, 0x5000, USER_ROOT, 0x77000);
    vmi_v2pcache_add(vmi, 0x5000, KERNEL_ROOT, 0x78000);
    assert_int_equal(vmi_pagetable_lookup(vmi, USER_ROOT, 0x5000, &pa), VMI_SUCCESS);
    assert_true(pa == 0x77000);
    vmi_v2pcache_flush(vmi, USER_ROOT);
    assert_int_equal(vmi_pagetable_lookup(vmi, USER_ROOT, 0x5000, &pa), VMI_FAILURE);
    assert_int_equal(vmi_pagetable_lookup(vmi, KERNEL_ROOT, 0x5000, &pa), VMI_SUCCESS);
    assert_true(pa == 0x78000);
}

static void q3_tables_are_looked_at_anew(void **state)
{
    struct fake *f = *state;
    uint32_t v = 0;
    addr_t pa;
    for (unsigned i = 0; i < 8; i++) {
        fake_map(f, KERNEL_ROOT, EDGE_VA, DATA + i * 0x1000);
        fake_map(f, USER_ROOT, USER_VA, DATA + i * 0x1000);
        assert_int_equal(vmi_read_32_va(f->vmi, EDGE_VA, 0, &v), VMI_SUCCESS);
        assert_int_equal(v, 0x10000000 + i * 0x1000);
        assert_int_equal(vmi_read_32_va(f->vmi, USER_VA, PID, &v), VMI_SUCCESS);
        assert_int_equal(v, 0x10000000 + i * 0x1000);
        assert_int_equal(vmi_translate_kv2p(f->vmi, EDGE_VA, &pa), VMI_SUCCESS);
        assert_true(pa == DATA + i * 0x1000);
    }
}

/* Address 0 is an address; and a translation of one mode is none of another. */
static void q4_zero_and_modes(void **state)
{
    struct fake *f = *state;
    uint32_t v = 0;
    addr_t pa = 77, na = 77;
    fake_map(f, USER_ROOT, 0, DATA + 0x3000);
    assert_int_equal(vmi_read_32_va(f->vmi, 0, PID, &v), VMI_SUCCESS);
    assert_int_equal(v, 0x10003000);
    fake_map(f, USER_ROOT, 0x1000, 0); /* frame 0 */
    assert_int_equal(vmi_translate_uv2p(f->vmi, 0x1008, PID, &pa), VMI_SUCCESS);
    assert_true(pa == 8);
    vmi_v2pcache_add(f->vmi, 0x5000, USER_ROOT, 0x77000);
    assert_int_equal(
        vmi_nested_pagetable_lookup(f->vmi, 0, 0, USER_ROOT, VMI_PM_IA32E, 0x5000, &pa, NULL),
        VMI_SUCCESS);
    assert_int_equal(
        vmi_nested_pagetable_lookup(f->vmi, 0, 0, USER_ROOT, VMI_PM_EPT_4L, 0x5000, &pa, &na),
        VMI_FAILURE);
}

/* An EPT that maps its address 0 to DATA. */
static uint64_t small_ept(struct fake *f, unsigned rights)
{
    const uint64_t at = 0x100000;
    fake_put64(f, at, (at + 0x1000) | 7);
    fake_put64(f, at + 0x1000, (at + 0x2000) | 7);
    fake_put64(f, at + 0x2000, (at + 0x3000) | 7);
    fake_put64(f, at + 0x3000, DATA | rights);
    return at;
}

static void q5_writes_honour_the_mode(void **state)
{
    struct fake *f = *state;
    uint32_t v = 0xabcd;
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PT, .addr = 0x40, .pt = small_ept(f, 7),
                   .pm = VMI_PM_EPT_4L);
    assert_int_equal(vmi_write_32(f->vmi, &ctx, &v), VMI_SUCCESS);
    assert_int_equal(le32(fake_at(f, DATA + 0x40)), 0xabcd);
}

static void q6_an_unknown_mechanism_is_a_failure(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    ACCESS_CONTEXT(ctx, .tm = 77, .addr = DATA);
    uint8_t v = 1;
    size_t n = 77;
    assert_int_equal(vmi_write(vmi, &ctx, 1, &v, &n), VMI_FAILURE);
    assert_int_equal(n, 0);
    n = 77;
    assert_int_equal(vmi_read(vmi, &ctx, 1, &v, &n), VMI_FAILURE);
    assert_int_equal(n, 0);
}

static void q7_a_negative_pid_is_no_page_table(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    uint32_t v = 77;
    addr_t at = 77;
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PID, .addr = USER_VA, .pid = -1);
    assert_int_equal(vmi_read_32(vmi, &ctx, &v), VMI_FAILURE);
    assert_int_equal(vmi_write_32(vmi, &ctx, &v), VMI_FAILURE);
    assert_int_equal(vmi_read_32_va(vmi, USER_VA, -USER_ROOT, &v), VMI_FAILURE);
    assert_int_equal(vmi_translate_uv2p(vmi, USER_VA, -2, &at), VMI_FAILURE);
    assert_int_equal(vmi_pid_to_dtb(vmi, -2, &at), VMI_FAILURE);
    assert_int_equal(v, 77);
}

static void q8_no_page_table_is_not_physical_memory(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    uint32_t v = 77;
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_DTB, .addr = DATA, .dtb = 0);
    assert_int_equal(vmi_read_32(vmi, &ctx, &v), VMI_FAILURE);
    assert_int_equal(vmi_write_32(vmi, &ctx, &v), VMI_FAILURE);
    assert_int_equal(v, 77);
}

static void q9_strings_at_symbols(void **state)
{
    struct fake *f = *state;
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_KERNEL_SYMBOL, .ksym = "init_task");
    memcpy(fake_at(f, DATA + 0x100), "s\0w\0a\0p\0\0", 10);
    char *s = vmi_read_str(f->vmi, &ctx);
    uint16_t *w = vmi_read_wstr(f->vmi, &ctx);
    assert_string_equal(s, "s");
    assert_true(w && w[3] == 'p' && w[4] == 0);
    free(s);
    free(w);
    uint8_t counted[16] = {4, 0, 4, 0, 0, 0, 0, 0};
    uint64_t buffer = KERNEL_VA + 0x200;
    memcpy(counted + 8, &buffer, sizeof buffer);
    memcpy(fake_at(f, DATA + 0x100), counted, sizeof counted);
    memcpy(fake_at(f, DATA + 0x200), "o\0k\0", 4);
    f->vmi->os.info.os = VMI_KIND_WINDOWS;
    unicode_string_t *u = vmi_read_unicode_str(f->vmi, &ctx);
    assert_non_null(u);
    assert_int_equal(u->length, 4);
    assert_memory_equal(u->contents, "o\0k\0\0\0", 6);
    vmi_free_unicode_str(u);
}

static void q10_wide_strings_at_odd_addresses(void **state)
{
    struct fake *f = *state;
    memset(fake_at(f, DATA + 0x0), 'b', 0x1100);
    memset(fake_at(f, DATA + 0x1080), 0, 4);
    uint16_t *w = vmi_read_wstr_va(f->vmi, KERNEL_VA + 0xfa1, 0);
    assert_non_null(w);
    size_t n = 0;
    while (w[n])
        n++;
    assert_int_equal(n,
                     (0x1081 - 0xfa1) / 2); /* up to the first pair of zeros at an even distance */
    free(w);
}

/* Tables of 4 bytes at 0x110000; entry 1 is a page of 4 MiB, entry 2 a table with one page. */
static uint64_t legacy_tables(struct fake *f)
{
    const uint64_t at = 0x110000;
    uint32_t large = 0x00c00000 | 0x83, table = (uint32_t)(at + 0x1000) | 7, page = DATA | 7;
    memcpy(fake_at(f, at + 4), &large, 4);
    memcpy(fake_at(f, at + 8), &table, 4);
    memcpy(fake_at(f, at + 0x1000 + 12), &page, 4);
    return at;
}

static void q12_legacy_and_pae_walks(void **state)
{
    struct fake *f = *state;
    addr_t pa = 77;
    uint64_t root = legacy_tables(f), pae = 0x120000;
    page_info_t info;
    assert_int_equal(
        vmi_nested_pagetable_lookup(f->vmi, 0, 0, root, VMI_PM_LEGACY, 0x803123, &pa, NULL),
        VMI_SUCCESS);
    assert_true(pa == DATA + 0x123); /* by this table, not by physical 0 */
    assert_int_equal(
        vmi_nested_pagetable_lookup_extended(f->vmi, 0, 0, root, VMI_PM_LEGACY, 0x412345, &info),
        VMI_SUCCESS);
    assert_true(info.size == VMI_PS_4MB && info.paddr == 0xc12345);
    pa = 77;
    assert_int_equal(
        vmi_nested_pagetable_lookup(f->vmi, 0, 0, pae, VMI_PM_PAE, 0x40000000, &pa, NULL),
        VMI_FAILURE); /* its directory pointer is 0 */
    assert_true(pa == 77);
}

/* The page of this address in a list; then the list is freed. */
static page_info_t page_of(GSList *list, uint64_t va)
{
    page_info_t found = {0};
    for (GSList *l = list; l; l = l->next)
        if (((page_info_t *)l->data)->vaddr == va)
            found = *(page_info_t *)l->data;
    g_slist_free_full(list, free);
    return found;
}

static void q13_lists_of_large_pages(void **state)
{
    struct fake *f = *state;
    const uint64_t pae = 0x120000, high = 1ULL << 39;
    page_info_t p =
        page_of(vmi_get_nested_va_pages(f->vmi, 0, 0, legacy_tables(f), VMI_PM_LEGACY), 0x400000);
    assert_true(p.size == VMI_PS_4MB && p.paddr == 0xc00000);
    fake_put64(f, pae, 0x121000 | 1);
    fake_put64(f, 0x121000 + 8, high | 0x87); /* 2 MiB far above 36 bits */
    p = page_of(vmi_get_nested_va_pages(f->vmi, 0, 0, pae, VMI_PM_PAE), 0x200000);
    assert_true(p.size == VMI_PS_2MB && p.paddr == high);
    addr_t pa = 0;
    assert_int_equal(
        vmi_nested_pagetable_lookup(f->vmi, 0, 0, pae, VMI_PM_PAE, 0x200010, &pa, NULL),
        VMI_SUCCESS);
    assert_true(pa == high + 0x10);
}

static void q14_paging_off_changes_nothing(void **state)
{
    struct fake *f = *state;
    uint32_t v;
    f->vmi->source.live = true;
    f->regs.cr0 = 1;
    assert_int_equal(vmi_get_page_mode(f->vmi, 0), VMI_PM_NONE);
    assert_int_equal(vmi_get_address_width(f->vmi), 8);
    assert_int_equal(vmi_read_32_va(f->vmi, KERNEL_VA, 0, &v), VMI_SUCCESS);
    f->vmi->source.live = false;
}

static void q15_ept_has_rules_of_its_own(void **state)
{
    struct fake *f = *state;
    addr_t pa = 0;
    for (unsigned rights = 1; rights < 8; rights++) /* any right is presence (SDM 3C, 29.3.2) */
        assert_int_equal(vmi_nested_pagetable_lookup(f->vmi, 0, 0, small_ept(f, rights),
                                                     VMI_PM_EPT_4L, 8, &pa, NULL),
                         VMI_SUCCESS);
    assert_true(pa == DATA + 8);
    assert_int_equal(
        vmi_nested_pagetable_lookup(f->vmi, 0, 0, small_ept(f, 0), VMI_PM_EPT_4L, 8, &pa, NULL),
        VMI_FAILURE);
}

static void q21_image_symbols_are_told_apart(void **state)
{
    struct fake *f = *state;
    char a[201], b[201];
    addr_t va = 0;
    memset(a, 'n', 200);
    a[200] = '\0';
    strcpy(b, a);
    b[150] = 'm'; /* the first 100 characters are the same */
    ACCESS_CONTEXT(pid, .tm = VMI_TM_PROCESS_PID, .addr = USER_VA, .pid = PID);
    ACCESS_CONTEXT(far, .tm = VMI_TM_PROCESS_PT, .addr = USER_VA, .pt = USER_ROOT + (1ULL << 32));
    vmi_symcache_add(f->vmi, USER_VA, PID, a, 0x111);
    vmi_symcache_add(f->vmi, USER_VA, PID, b, 0x222);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &pid, a, &va), VMI_SUCCESS);
    assert_int_equal(va, 0x111);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &pid, b, &va), VMI_SUCCESS);
    assert_int_equal(va, 0x222);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &far, a, &va), VMI_FAILURE);
}

static void q23_encodings_of_any_size(void **state)
{
    unicode_string_t in = {.length = 2, .contents = (uint8_t *)"x", .encoding = "UTF-16LE"}, out;
    (void)state;
    uint8_t units[] = {'x', 0};
    in.contents = units;
    assert_int_equal(vmi_convert_str_encoding(&in, &out, "UTF-32"), VMI_SUCCESS);
    assert_int_equal(out.length, 8);
    free(out.contents);
    assert_int_equal(vmi_convert_str_encoding(&in, &out, "WCHAR_T"), VMI_SUCCESS);
    assert_int_equal(wcslen((wchar_t *)(void *)out.contents), 1); /* all four terminator bytes */
    free(out.contents);
    in.encoding = NULL;
    assert_int_equal(vmi_convert_str_encoding(&in, &out, "UTF-8"), VMI_FAILURE);
    assert_null(out.contents);
}

static void print_across_pages(vmi_instance_t vmi)
{
    vmi_print_hex_va(vmi, SPLIT_VA + 0xff8, 0, 16);
    vmi_print_hex_ksym(vmi, "init_task", 4);
    vmi_print_hex_pa(vmi, DATA + 0x10, 4);
    vmi_print_hex((const unsigned char *)"abc", 3);
    vmi_print_hex(NULL, 5);
    vmi_print_hex_ksym(vmi, "edge", 5); /* one byte too many: nothing */
    vmi_print_hex_ksym(vmi, "nothing", 4);
    vmi_print_hex_pa(vmi, LOW_SIZE - 1, 2);
    vmi_print_hex_pa(NULL, 0, 4);
    vmi_print_hex_ksym(NULL, "init_task", 4);
    vmi_print_hex_va(NULL, KERNEL_VA, 0, 4);
}

static void q24_every_page_is_translated(void **state)
{
    char text[512];
    printed(print_across_pages, vmi_of(state), text, sizeof text);
    assert_string_equal(
        text, "00000000|  f8 5f 00 10 fc 5f 00 10  00 10 00 10 04 10 00 10   ._..._..........\n"
              "00000000|  00 01 00 10                                        ....\n"
              "00000000|  10 00 00 10                                        ....\n"
              "00000000|  61 62 63                                           abc\n");
}

/* ---- configuration and profiles -------------------------------------------------------------- */

static os_t init_os(vmi_instance_t vmi, vmi_config_t mode, const char *text, vmi_init_error_t *why)
{
    return vmi_init_os(vmi, mode, (void *)(uintptr_t)text, why);
}

/* What one text holds, or breaks, is nothing to the next text and the next instance. */
static void q30_nothing_is_global(void **state)
{
    struct fake *f = *state, *other = fake_new(false);
    vmi_init_error_t why;
    static const char file[] = "fake.raw { pagemode = \"VMI_PM_PAE\"; kpgd = 0x5000; }\n",
                      others[] = "somebody { pagemode = \"VMI_PM_LEGACY\"; }\n";
    init_os(f->vmi, VMI_CONFIG_FILE_PATH, file_with(file, sizeof file - 1), &why);
    assert_int_equal(vmi_get_page_mode(f->vmi, 0), VMI_PM_PAE);
    unlink(path);
    assert_int_equal(
        init_os(other->vmi, VMI_CONFIG_FILE_PATH, file_with(others, sizeof others - 1), &why),
        VMI_OS_UNKNOWN);
    assert_int_equal(why, VMI_INIT_ERROR_NO_CONFIG_ENTRY);
    assert_int_equal(vmi_get_page_mode(other->vmi, 0), VMI_PM_UNKNOWN);
    unlink(path);
    assert_int_equal(init_os(other->vmi, VMI_CONFIG_STRING, "{ kpgd = ; } rubbish {{", &why),
                     VMI_OS_UNKNOWN);
    assert_int_equal(why, VMI_INIT_ERROR_NO_CONFIG);
    init_os(other->vmi, VMI_CONFIG_STRING, "{ ostype = \"Linux\"; pagemode = \"VMI_PM_IA32E\"; }",
            &why);
    assert_int_equal(why, VMI_INIT_ERROR_OS); /* it was read, and no kernel is there */
    assert_int_equal(vmi_get_page_mode(other->vmi, 0), VMI_PM_IA32E);
    fake_free(other);
}

static void odd_configurations(vmi_instance_t vmi)
{
    vmi_init_error_t why;
    init_os(vmi, VMI_CONFIG_STRING, "{ ostype = \"Linux\"; $%&~ }", &why);
    init_os(vmi, VMI_CONFIG_STRING, "{ }", &why);
    init_os(vmi, VMI_CONFIG_STRING, "{ ostype = \"Windows\"; }", &why);
    init_os(vmi, VMI_CONFIG_STRING, "{ pagemode = \"nonsense\"; }", &why);
}

static void q31_stdout_is_the_programs(void **state)
{
    char text[64];
    assert_int_equal(printed(odd_configurations, vmi_of(state), text, sizeof text), 0);
}

static void q32_a_file_that_cannot_be_opened(void **state)
{
    vmi_init_error_t why = VMI_INIT_ERROR_NONE;
    int zero = dup(0), pipes[2];
    char *home = getenv("HOME"), *saved = home ? strdup(home) : NULL;
    char byte = 0;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], "X", 1), 1);
    dup2(pipes[0], 0); /* stdin: what is in it must stay in it */
    assert_int_equal(init_os(vmi_of(state), VMI_CONFIG_FILE_PATH, "/nonexistent.conf", &why),
                     VMI_OS_UNKNOWN);
    assert_int_equal(why, VMI_INIT_ERROR_NO_CONFIG);
    unsetenv("HOME");
    assert_int_equal(init_os(vmi_of(state), VMI_CONFIG_GLOBAL_FILE_ENTRY, NULL, &why),
                     VMI_OS_UNKNOWN);
    if (saved)
        setenv("HOME", saved, 1);
    free(saved);
    assert_int_equal(read(0, &byte, 1), 1);
    assert_int_equal(byte, 'X');
    dup2(zero, 0);
    close(zero);
    close(pipes[0]);
    close(pipes[1]);
}

static const char profile[] =
    "{\"metadata\": {\"linux\": {}}, \"symbols\": {}, \"user_types\": {"
    " \"outer\": {\"size\": 16, \"fields\": {\"one\": {\"offset\": 8, \"type\": {\"kind\": "
    "\"struct\", \"name\": \"inner\"}}}},"
    " \"inner\": {\"size\": 8, \"fields\": {\"mm\": {\"offset\": 4, \"type\": {\"kind\": \"base\", "
    "\"name\": \"int\"}}}}}}";

static void q34_a_useless_profile_is_forgotten(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    assert_int_equal(vmi_init_profile(vmi, VMI_CONFIG_JSON_PATH,
                                      (void *)(uintptr_t)file_with("{ \"metadata\"", 12)),
                     VMI_OS_UNKNOWN);
    assert_null(vmi_get_kernel_json(vmi));
    assert_null(vmi_get_os_profile_path(vmi));
    unlink(path);
    assert_int_equal(vmi_init_profile(vmi, VMI_CONFIG_JSON_PATH,
                                      (void *)(uintptr_t)file_with(profile, sizeof profile - 1)),
                     VMI_OS_LINUX);
    assert_non_null(vmi_get_kernel_json(vmi));
    unlink(path);
}

static void q52_members_of_embedded_structures(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    addr_t at = 77;
    vmi_init_profile(vmi, VMI_CONFIG_JSON_PATH,
                     (void *)(uintptr_t)file_with(profile, sizeof profile - 1));
    json_object *json = vmi_get_kernel_json(vmi);
    assert_non_null(json);
    assert_int_equal(vmi_get_struct_member_offset_from_json(vmi, json, "inner", "mm", &at),
                     VMI_SUCCESS);
    assert_int_equal(at, 4);
    /* outer has no mm; that of outer.one is another one */
    assert_int_equal(vmi_get_struct_member_offset_from_json(vmi, json, "outer", "mm", &at),
                     VMI_FAILURE);
    assert_int_equal(at, 0);
    assert_null(vmi_get_linux_sysmap(vmi));
    assert_null(vmi_get_freebsd_sysmap(vmi));
    unlink(path);
}

int main(void)
{
#define T(name)    cmocka_unit_test_setup_teardown(name, setup, teardown)
#define BARE(name) cmocka_unit_test_setup_teardown(name, setup_without_os, teardown)
    const struct CMUnitTest tests[] = {
        T(q1_declared_is_defined),
        T(q2_one_table_is_flushed),
        T(q3_tables_are_looked_at_anew),
        T(q4_zero_and_modes),
        T(q5_writes_honour_the_mode),
        T(q6_an_unknown_mechanism_is_a_failure),
        T(q7_a_negative_pid_is_no_page_table),
        BARE(q8_no_page_table_is_not_physical_memory),
        T(q9_strings_at_symbols),
        T(q10_wide_strings_at_odd_addresses),
        T(q11_strings_have_a_cap),
        T(q12_legacy_and_pae_walks),
        T(q13_lists_of_large_pages),
        T(q14_paging_off_changes_nothing),
        T(q15_ept_has_rules_of_its_own),
        BARE(q16_failures_instead_of_crashes),
        T(q17_missing_arguments_are_no_success),
        T(q18_two_lookups_two_answers),
        cmocka_unit_test(q20_a_memory_map_is_kept_whole),
        T(q21_image_symbols_are_told_apart),
        T(q22_names_belong_to_the_library),
        cmocka_unit_test(q23_encodings_of_any_size),
        T(q24_every_page_is_translated),
        BARE(q30_nothing_is_global),
        BARE(q31_stdout_is_the_programs),
        BARE(q32_a_file_that_cannot_be_opened),
        cmocka_unit_test(q33_failed_openings_set_both_outputs),
        BARE(q34_a_useless_profile_is_forgotten),
        T(q36_every_state_can_be_told),
        cmocka_unit_test(q38_a_directory_is_no_memory),
        BARE(q52_members_of_embedded_structures),
        cmocka_unit_test(q54_an_incomplete_last_page),
    };
    return cmocka_run_group_tests_name("LibVMI's known mistakes", tests, NULL, NULL);
}

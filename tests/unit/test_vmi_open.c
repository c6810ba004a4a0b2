/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing, what is left of a failure, what a source without events answers, NULL
 * instances. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define LIBVMI_EXTRA_GLIB
#define LIBVMI_EXTRA_JSON
#include <libvmi/events.h>
#include <libvmi/libvmi_extra.h>
#include <libvmi/peparse.h>
#include <libvmi/slat.h>

#include "vmi_fake.h"

enum { FILE_SIZE = 1 << 20 };

static char path[] = "/tmp/tinyvmi-open-XXXXXX";

/* A raw memory file without any kernel in it. */
static int make_file(void **state)
{
    int fd = mkstemp(path);
    uint64_t word = 0x1122334455667788;
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, FILE_SIZE + 100), 0); /* a last page that is not whole */
    assert_int_equal(pwrite(fd, "\xeb\xfe\x00\xff", 4, 0), 4);
    assert_int_equal(pwrite(fd, &word, 8, FILE_SIZE + 92), 8);
    close(fd);
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void open_a_file(void **state)
{
    vmi_instance_t vmi = NULL;
    vmi_init_error_t error = VMI_INIT_ERROR_OS;
    vmi_mode_t mode;
    uint64_t v = 0;
    (void)state;
    assert_int_equal(vmi_get_access_mode(NULL, path, VMI_INIT_DOMAINNAME, NULL, &mode),
                     VMI_SUCCESS);
    assert_int_equal(mode, VMI_FILE);
    assert_int_equal(vmi_init(&vmi, mode, path, VMI_INIT_DOMAINNAME, NULL, &error), VMI_SUCCESS);
    assert_int_equal(error, VMI_INIT_ERROR_NONE);
    assert_int_equal(vmi_get_access_mode(vmi, NULL, 0, NULL, &mode), VMI_SUCCESS);
    assert_int_equal(mode, VMI_FILE);
    char *name = vmi_get_name(vmi);
    assert_string_equal(name, path);
    free(name);
    assert_int_equal(vmi_get_vmid(vmi), 0);
    assert_int_equal(vmi_get_memsize(vmi), FILE_SIZE + 100);
    assert_int_equal(vmi_read_64_pa(vmi, FILE_SIZE + 92, &v),
                     VMI_SUCCESS); /* the incomplete page, too */
    assert_true(v == 0x1122334455667788);
    assert_int_equal(vmi_read_64_pa(vmi, FILE_SIZE + 96, &v), VMI_FAILURE);
    assert_int_equal(vmi_write_64_pa(vmi, 0, &v), VMI_FAILURE);
    assert_int_equal(vmi_init_paging(vmi, 0), VMI_PM_UNKNOWN);
    assert_int_equal(vmi_get_page_mode(vmi, 0), VMI_PM_UNKNOWN);
    assert_int_equal(vmi_init_os(vmi, VMI_CONFIG_STRING,
                                 "{ ostype = \"Linux\"; pagemode = \"VMI_PM_PAE\"; }", &error),
                     VMI_OS_UNKNOWN);
    assert_int_equal(error, VMI_INIT_ERROR_OS);
    assert_int_equal(vmi_get_page_mode(vmi, 0), VMI_PM_PAE); /* stays */
    assert_int_equal(vmi_get_address_width(vmi), 4);
    assert_int_equal(vmi_init_os(vmi, VMI_CONFIG_STRING, "{ ostype = ", &error), VMI_OS_UNKNOWN);
    assert_int_equal(error, VMI_INIT_ERROR_NO_CONFIG);
    assert_int_equal(vmi_init_os(vmi, VMI_CONFIG_STRING, "{ ostype = \"FreeBSD\"; }", &error),
                     VMI_OS_UNKNOWN);
    assert_int_equal(error, VMI_INIT_ERROR_OS);
    assert_int_equal(vmi_init_os(vmi, VMI_CONFIG_STRING, "{ ostype = \"Windows\"; }", NULL),
                     VMI_OS_UNKNOWN);
    assert_story(vmi, "no Windows kernel was found");
    assert_int_equal(vmi_init_os(vmi, VMI_CONFIG_JSON_PATH, "/nonexistent.json", &error),
                     VMI_OS_UNKNOWN);
    assert_int_equal(error, VMI_INIT_ERROR_NO_CONFIG);
    assert_int_equal(vmi_init_os(vmi, VMI_CONFIG_FILE_PATH, "/nonexistent.conf", &error),
                     VMI_OS_UNKNOWN);
    assert_int_equal(error, VMI_INIT_ERROR_NO_CONFIG);
    assert_int_equal(vmi_destroy(vmi), VMI_SUCCESS);
}

static void failures_leave_nothing(void **state)
{
    vmi_instance_t vmi = (void *)1;
    vmi_init_error_t error = VMI_INIT_ERROR_NONE;
    vmi_mode_t mode = (vmi_mode_t)42;
    uint64_t id = 0x7ffffffffffffff0;
    (void)state;
#define REFUSED(m, domain, flags, e)                                                               \
    do {                                                                                           \
        vmi = (void *)1;                                                                           \
        assert_int_equal(vmi_init(&vmi, (m), (domain), (flags), NULL, &error), VMI_FAILURE);       \
        assert_null(vmi);                                                                          \
        assert_int_equal(error, (e));                                                              \
        assert_int_not_equal(vmi_last_error(NULL)->kind, VMI_ERROR_NONE);                          \
    } while (0)
    REFUSED(VMI_FILE, "/nonexistent.raw", VMI_INIT_DOMAINNAME, VMI_INIT_ERROR_VM_NOT_FOUND);
    REFUSED(VMI_FILE, "/tmp", VMI_INIT_DOMAINNAME,
            VMI_INIT_ERROR_DRIVER); /* a folder is no memory */
    REFUSED(VMI_FILE, path, VMI_INIT_DOMAINNAME | VMI_INIT_DOMAINID, VMI_INIT_ERROR_VM_NOT_FOUND);
    REFUSED(VMI_FILE, path, 0, VMI_INIT_ERROR_VM_NOT_FOUND);
    REFUSED(VMI_FILE, &id, VMI_INIT_DOMAINID, VMI_INIT_ERROR_VM_NOT_FOUND);
    REFUSED(VMI_FILE, NULL, VMI_INIT_DOMAINNAME, VMI_INIT_ERROR_VM_NOT_FOUND);
    REFUSED(VMI_FILE, path, VMI_INIT_DOMAINUUID, VMI_INIT_ERROR_VM_NOT_FOUND);
    REFUSED(VMI_FILE, path, VMI_INIT_DOMAINNAME | VMI_INIT_EVENTS, VMI_INIT_ERROR_EVENTS);
    REFUSED(VMI_BAREFLANK, path, VMI_INIT_DOMAINNAME, VMI_INIT_ERROR_DRIVER_NOT_DETECTED);
    REFUSED((vmi_mode_t)99, path, VMI_INIT_DOMAINNAME, VMI_INIT_ERROR_DRIVER_NOT_DETECTED);
    assert_int_equal(vmi_init(NULL, VMI_FILE, path, VMI_INIT_DOMAINNAME, NULL, NULL), VMI_FAILURE);
    assert_int_equal(vmi_get_access_mode(NULL, "/nonexistent", VMI_INIT_DOMAINNAME, NULL, &mode),
                     VMI_FAILURE);
    assert_int_equal(vmi_get_access_mode(NULL, "/tmp", VMI_INIT_DOMAINNAME, NULL, &mode),
                     VMI_FAILURE);
    assert_int_equal(vmi_get_access_mode(NULL, &id, VMI_INIT_DOMAINID, NULL, &mode), VMI_FAILURE);
    assert_int_equal(
        vmi_get_access_mode(NULL, path, VMI_INIT_DOMAINNAME | VMI_INIT_DOMAINID, NULL, &mode),
        VMI_FAILURE);
    assert_int_equal(vmi_get_access_mode(NULL, path, VMI_INIT_DOMAINNAME, NULL, NULL), VMI_FAILURE);
    assert_int_equal(mode, 42);
    vmi = (void *)1;
    assert_int_equal(vmi_init_complete(&vmi, "/nonexistent", VMI_INIT_DOMAINNAME, NULL,
                                       VMI_CONFIG_GLOBAL_FILE_ENTRY, NULL, &error),
                     VMI_FAILURE);
    assert_null(vmi);
    assert_int_equal(error, VMI_INIT_ERROR_DRIVER_NOT_DETECTED);
    vmi = (void *)1;
    assert_int_equal(vmi_init_complete(&vmi, path, VMI_INIT_DOMAINNAME, NULL, VMI_CONFIG_STRING,
                                       "{ ostype = \"Linux\"; }", &error),
                     VMI_FAILURE);
    assert_null(vmi);
    assert_int_equal(error, VMI_INIT_ERROR_OS);
    assert_true(vmi_last_error(NULL)->text[0] != '\0');
}

static void memory_map(void **state)
{
    vmi_instance_t vmi;
    uint64_t v;
    size_t n;
    struct {
        uint64_t count, range[2][2];
    } map = {2, {{0x1000, 0x3000}, {0x80000, ~0ULL}}};
    struct {
        uint64_t count;
        vmi_init_data_entry_t entry[2];
    } data = {2, {{.type = 77, .data = NULL}, {.type = VMI_INIT_DATA_MEMMAP, .data = &map}}};
    (void)state;
    assert_int_equal(vmi_init(&vmi, VMI_FILE, path, VMI_INIT_DOMAINNAME, (void *)&data, NULL),
                     VMI_SUCCESS);
    const struct vmi_range *r = vmi_memory_ranges(vmi, &n);
    assert_int_equal(n, 2);
    assert_true(r[0].start == 0x1000 && r[0].size == 0x2000 && r[1].start == 0x80000);
    assert_int_equal(vmi_read_64_pa(vmi, 0x0ff8, &v), VMI_FAILURE);
    assert_int_equal(vmi_read_64_pa(vmi, 0x2ff8, &v), VMI_SUCCESS);
    assert_int_equal(vmi_read_64_pa(vmi, 0x3000, &v), VMI_FAILURE);
    assert_int_equal(vmi_read_64_pa(vmi, FILE_SIZE + 92, &v), VMI_SUCCESS);
    assert_true(v == 0x1122334455667788);
    vmi_destroy(vmi);
}

static void tiny_open(void **state)
{
    vmi_instance_t vmi = (void *)1;
    struct vmi_open_options memory = {.flags = VMI_OPEN_MEMORY_ONLY},
                            cow = {.flags = VMI_OPEN_MEMORY_ONLY | VMI_OPEN_COPY_ON_WRITE},
                            format = {.format = "nonsense"},
                            profile = {.profile = "/nonexistent.json"};
    uint64_t v = 7, back = 0;
    char target[64];
    (void)state;
    assert_int_equal(vmi_open(&vmi, path, NULL), VMI_FAILURE); /* no kernel in it */
    assert_null(vmi);
    assert_int_equal(vmi_open(&vmi, path, &format), VMI_FAILURE);
    assert_true(strstr(vmi_last_error(NULL)->text, "nonsense") != NULL);
    assert_int_equal(vmi_open(&vmi, path, &profile), VMI_FAILURE);
    assert_true(strstr(vmi_last_error(NULL)->text, "/nonexistent.json") != NULL);
    assert_int_equal(vmi_open(&vmi, NULL, NULL), VMI_FAILURE);
    assert_int_equal(vmi_open(NULL, path, NULL), VMI_FAILURE);
    snprintf(target, sizeof target, "file:%s", path);
    assert_int_equal(vmi_open(&vmi, target, &memory), VMI_SUCCESS);
    char *name = vmi_get_name(vmi);
    assert_string_equal(name, path);
    free(name);
    bool live = true;
    assert_string_equal(vmi_source_kind(vmi, &live), "raw");
    assert_false(live);
    assert_int_equal(vmi_write_64_pa(vmi, 0, &v), VMI_FAILURE);
    assert_null(vmi_kernel_info(vmi));
    assert_int_equal(vmi_last_error(vmi)->kind, VMI_ERROR_INVALID);
    vmi_destroy(vmi);
    assert_int_equal(vmi_open(&vmi, path, &cow), VMI_SUCCESS);
    assert_int_equal(vmi_last_error(vmi)->kind, VMI_ERROR_NONE);
    assert_int_equal(vmi_write_64_pa(vmi, 64, &v), VMI_SUCCESS);
    assert_int_equal(vmi_read_64_pa(vmi, 64, &back), VMI_SUCCESS);
    assert_int_equal(back, 7);
    vmi_destroy(vmi);
    assert_int_equal(vmi_open(&vmi, path, &memory), VMI_SUCCESS);
    assert_int_equal(vmi_read_64_pa(vmi, 64, &back), VMI_SUCCESS);
    assert_int_equal(back, 0); /* the file was never touched */
    vmi_destroy(vmi);
}

static event_response_t never(vmi_instance_t vmi, vmi_event_t *event)
{
    (void)vmi;
    (void)event;
    return VMI_EVENT_RESPONSE_NONE;
}

static void nobody_frees(vmi_event_t *event, status_t rc)
{
    (void)event;
    (void)rc;
    fail_msg("a free routine was called for an event that was never registered");
}

static void no_events(void **state)
{
    struct fake *f = fake_new(true);
    vmi_instance_t vmi = f->vmi;
    vmi_event_t event = {0};
    bool on = true;
    uint16_t view = 7;
    (void)state;
    SETUP_REG_EVENT(&event, CR3, VMI_REGACCESS_W, 0, never);
    assert_int_equal(vmi_events_version(), 9);
    assert_int_equal(vmi_register_event(vmi, &event), VMI_FAILURE);
    assert_int_equal(vmi_last_error(vmi)->kind, VMI_ERROR_UNSUPPORTED);
    assert_story(vmi, "\"fake\" has no events");
    assert_int_equal(vmi_clear_event(vmi, &event, nobody_frees), VMI_FAILURE);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_FAILURE);
    assert_int_equal(vmi_are_events_pending(vmi), -1);
    assert_null(vmi_get_reg_event(vmi, CR3));
    assert_null(vmi_get_mem_event(vmi, 1, VMI_MEMACCESS_R));
    assert_null(vmi_get_singlestep_event(vmi, 0));
    assert_int_equal(vmi_slat_state(vmi, &on), VMI_FAILURE);
    assert_int_equal(vmi_slat_create(vmi, &view), VMI_FAILURE);
    assert_true(on && view == 7);
    assert_story(vmi, "views");
    fake_free(f);
}

/* What clean-up code calls when nothing could be opened. */
static void null_instances(void **state)
{
    vmi_event_t event = {0};
    registers_t regs;
    uint64_t v = 3;
    unsigned n = 3;
    size_t sz = 3;
    bool b = true;
    uint16_t view = 3;
    vmi_pid_t pid = 3;
    const char *text;
    (void)state;
    assert_int_equal(vmi_destroy(NULL), VMI_FAILURE);
    assert_int_equal(vmi_pause_vm(NULL), VMI_FAILURE);
    assert_int_equal(vmi_resume_vm(NULL), VMI_FAILURE);
    assert_int_equal(vmi_register_event(NULL, &event), VMI_FAILURE);
    assert_int_equal(vmi_clear_event(NULL, &event, nobody_frees), VMI_FAILURE);
    assert_int_equal(vmi_swap_events(NULL, &event, &event, nobody_frees), VMI_FAILURE);
    assert_int_equal(vmi_events_listen(NULL, 0), VMI_FAILURE);
    assert_int_equal(vmi_are_events_pending(NULL), -1);
    assert_int_equal(vmi_event_listener_required(NULL, true), VMI_FAILURE);
    assert_int_equal(vmi_set_mem_event(NULL, 0, VMI_MEMACCESS_N, 0), VMI_FAILURE);
    assert_int_equal(vmi_set_mem_event_range(NULL, 0, 1, VMI_MEMACCESS_N, 0), VMI_FAILURE);
    assert_int_equal(vmi_step_event(NULL, &event, 0, 1, never), VMI_FAILURE);
    assert_int_equal(vmi_stop_single_step_vcpu(NULL, &event, 0), VMI_FAILURE);
    assert_int_equal(vmi_toggle_single_step_vcpu(NULL, &event, 0, true), VMI_FAILURE);
    assert_int_equal(vmi_shutdown_single_step(NULL), VMI_FAILURE);
    assert_null(vmi_get_reg_event(NULL, CR3));
    assert_int_equal(vmi_slat_control(NULL, true), VMI_FAILURE);
    assert_int_equal(vmi_slat_state(NULL, &b), VMI_FAILURE);
    assert_int_equal(vmi_slat_destroy(NULL, 1), VMI_FAILURE);
    assert_int_equal(vmi_slat_switch(NULL, 1), VMI_FAILURE);
    assert_int_equal(vmi_slat_change_gfn(NULL, 1, 2, 3), VMI_FAILURE);
    assert_int_equal(vmi_slat_create(NULL, &view), VMI_FAILURE);
    assert_int_equal(vmi_init_paging(NULL, 0), VMI_PM_UNKNOWN);
    assert_int_equal(vmi_init_os(NULL, VMI_CONFIG_GLOBAL_FILE_ENTRY, NULL, NULL), VMI_OS_UNKNOWN);
    assert_int_equal(vmi_init_profile(NULL, VMI_CONFIG_GLOBAL_FILE_ENTRY, NULL), VMI_OS_UNKNOWN);
    assert_null(vmi_get_kernel_json(NULL));
    assert_int_equal(vmi_get_symbol_addr_from_json(NULL, NULL, "x", &v), VMI_FAILURE);
    assert_int_equal(vmi_get_struct_size_from_json(NULL, NULL, "x", &sz), VMI_FAILURE);
    assert_int_equal(vmi_get_struct_member_offset_from_json(NULL, NULL, "x", "y", &v), VMI_FAILURE);
    assert_int_equal(vmi_get_struct_field_type_name_from_json(NULL, NULL, "x", "y", &text),
                     VMI_FAILURE);
    assert_int_equal(vmi_get_bitfield_offset_and_size_from_json(NULL, NULL, "x", "y", &v, &sz, &sz),
                     VMI_FAILURE);
    assert_null(vmi_get_name(NULL));
    assert_int_equal(vmi_get_vmid(NULL), 0);
    assert_int_equal(vmi_get_page_mode(NULL, 0), VMI_PM_UNKNOWN);
    assert_int_equal(vmi_get_address_width(NULL), 0);
    assert_int_equal(vmi_get_ostype(NULL), VMI_OS_UNKNOWN);
    assert_false(vmi_get_windows_build_info(NULL, NULL));
    assert_int_equal(vmi_get_winver(NULL), VMI_OS_WINDOWS_NONE);
    assert_string_equal(vmi_get_winver_str(NULL), "VMI_OS_WINDOWS_NONE");
    assert_int_equal(vmi_get_winver_manual(NULL, 0), VMI_OS_WINDOWS_NONE);
    assert_int_equal(vmi_get_win_buildnumber(NULL), 0);
    assert_int_equal(vmi_get_memsize(NULL), 0);
    assert_int_equal(vmi_get_max_physical_address(NULL), 0);
    assert_int_equal(vmi_get_next_available_gfn(NULL), 0);
    assert_int_equal(vmi_alloc_gfn(NULL, 1), VMI_FAILURE);
    assert_int_equal(vmi_free_gfn(NULL, 1), VMI_FAILURE);
    assert_int_equal(vmi_get_num_vcpus(NULL), 0);
    assert_int_equal(vmi_get_domain_status(NULL, NULL), VMI_FAILURE);
    assert_int_equal(vmi_get_vcpureg(NULL, &v, CR3, 0), VMI_FAILURE);
    assert_int_equal(vmi_get_vcpuregs(NULL, &regs, 0), VMI_FAILURE);
    assert_int_equal(vmi_set_vcpureg(NULL, 0, CR3, 0), VMI_FAILURE);
    assert_int_equal(vmi_set_vcpuregs(NULL, &regs, 0), VMI_FAILURE);
    assert_int_equal(vmi_get_vcpumtrr(NULL, NULL, 0), VMI_FAILURE);
    assert_int_equal(vmi_get_xsave_info(NULL, 0, NULL), VMI_FAILURE);
    assert_int_equal(vmi_get_tsc_info(NULL, NULL, NULL, NULL, NULL), VMI_FAILURE);
    assert_int_equal(vmi_request_page_fault(NULL, 0, 0, 0), VMI_FAILURE);
    assert_int_equal(vmi_read_disk(NULL, "x", 0, 1, &v), VMI_FAILURE);
    assert_null(vmi_get_disks(NULL, &n));
    assert_int_equal(vmi_disk_is_bootable(NULL, "x", &b), VMI_FAILURE);
    assert_int_equal(vmi_translate_ksym2v(NULL, "x", &v), VMI_FAILURE);
    assert_int_equal(v, 0);
    v = 3;
    assert_null(vmi_translate_v2ksym(NULL, NULL, 0));
    assert_null(vmi_translate_v2sym(NULL, NULL, 0));
    assert_int_equal(vmi_pid_to_dtb(NULL, 0, &v), VMI_FAILURE);
    assert_int_equal(vmi_dtb_to_pid(NULL, 0, &pid), VMI_FAILURE);
    assert_int_equal(vmi_get_offset(NULL, "kpgd", &v), VMI_FAILURE);
    assert_int_equal(vmi_get_kernel_struct_offset(NULL, "x", "y", &v), VMI_FAILURE);
    assert_null(vmi_get_linux_sysmap(NULL));
    assert_null(vmi_get_freebsd_sysmap(NULL));
    assert_null(vmi_get_rekall_path(NULL));
    assert_null(vmi_get_os_profile_path(NULL));
    vmi_print_hex_ksym(NULL, "x", 1);
    vmi_print_hex_va(NULL, 0, 0, 1);
    vmi_print_hex_pa(NULL, 0, 1);
    vmi_print_hex(NULL, 1);
    assert_null(vmi_source_kind(NULL, &b));
    assert_null(vmi_memory_ranges(NULL, &sz));
    assert_int_equal(vmi_get_statistics(NULL, NULL), VMI_FAILURE);
    assert_int_equal(vmi_symbol_by_name(NULL, NULL, "x", NULL), VMI_FAILURE);
    assert_int_equal(vmi_type_size(NULL, "x", &v), VMI_FAILURE);
    assert_int_equal(vmi_walk(NULL, 0, 0, NULL), VMI_FAILURE);
    assert_int_equal(vmi_process_cmdline(NULL, NULL, NULL, 0), VMI_FAILURE);
    assert_true(v == 3 && n == 3 && b && view == 3 && pid == -1);
}

/* vmi_last_error(NULL) is the calling thread's own, and instances do not know of one another. */
static void *in_a_thread(void *arg)
{
    vmi_instance_t vmi;
    char name[64];
    snprintf(name, sizeof name, "/nonexistent-%u", *(unsigned *)arg);
    for (int i = 0; i < 200; i++) {
        uint64_t v;
        struct vmi_open_options memory = {.flags = VMI_OPEN_MEMORY_ONLY};
        if (vmi_open(&vmi, name, NULL) != VMI_FAILURE || !strstr(vmi_last_error(NULL)->text, name))
            return "another thread's failure";
        if (vmi_open(&vmi, path, &memory) != VMI_SUCCESS ||
            vmi_read_64_pa(vmi, FILE_SIZE + 92, &v) != VMI_SUCCESS)
            return "cannot open or read";
        vmi_v2pcache_add(vmi, 1, 2, 3);
        vmi_destroy(vmi);
    }
    return NULL;
}

static void threads(void **state)
{
    pthread_t t[4];
    unsigned id[4];
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        id[i] = i;
        assert_int_equal(pthread_create(&t[i], NULL, in_a_thread, &id[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        void *wrong = NULL;
        pthread_join(t[i], &wrong);
        if (wrong)
            fail_msg("%s", (char *)wrong);
    }
}

static void versions(void **state)
{
    (void)state;
    assert_true(tinyvmi_version()[0] != '\0');
    vmi_arch_t arch = vmi_get_library_arch();
    assert_true(arch == VMI_ARCH_X86_64 || arch == VMI_ARCH_ARM64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_a_file), cmocka_unit_test(failures_leave_nothing),
        cmocka_unit_test(memory_map),  cmocka_unit_test(tiny_open),
        cmocka_unit_test(no_events),   cmocka_unit_test(null_instances),
        cmocka_unit_test(threads),     cmocka_unit_test(versions),
    };
    return cmocka_run_group_tests_name("vmi open", tests, make_file, remove_file);
}

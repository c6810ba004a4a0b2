/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a source cannot do: VMI_FAILURE, a reason of the kind "unsupported" that names the source,
 * and outputs that stay as they were. Never success.
 */
#include <libvmi/events.h>
#include <libvmi/slat.h>

#include "vmi_fake.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* the old names of two calls */

static int setup(void **state)
{
    *state = fake_new(true);
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

/* The call before this one left its reason. */
static void assert_unsupported(vmi_instance_t vmi)
{
    assert_int_equal(vmi_last_error(vmi)->kind, VMI_ERROR_UNSUPPORTED);
    assert_story(vmi, "\"fake\"");
    vmi_forget_errors(vmi);
}

#define REFUSED(vmi, call)                                                                         \
    do {                                                                                           \
        assert_int_equal((call), VMI_FAILURE);                                                     \
        assert_unsupported(vmi);                                                                   \
    } while (0)

static void vcpus(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    registers_t regs, before;
    mtrr_regs_t mtrr = {1, 2};
    static xsave_area_t xsave = {.xstate_bv = 3};
    uint32_t mode = 4, khz = 5, incarnation = 6;
    uint64_t ns = 7;
    memset(&regs, 0x5a, sizeof regs);
    before = regs;
    REFUSED(vmi, vmi_set_vcpureg(vmi, 1, RAX, 0));
    REFUSED(vmi, vmi_set_vcpuregs(vmi, &regs, 0));
    REFUSED(vmi, vmi_get_vcpumtrr(vmi, &mtrr, 0));
    REFUSED(vmi, vmi_get_xsave_info(vmi, 0, &xsave));
    REFUSED(vmi, vmi_get_tsc_info(vmi, &mode, &ns, &khz, &incarnation));
    REFUSED(vmi, vmi_request_page_fault(vmi, 0, USER_VA, 4));
    assert_memory_equal(&regs, &before, sizeof regs);
    assert_true(mtrr.msr_pat_cr == 1 && mtrr.msr_mtrr_cap == 2 && xsave.xstate_bv == 3);
    assert_true(mode == 4 && khz == 5 && incarnation == 6 && ns == 7);
}

static void the_machine(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    domain_status_t status, before;
    unsigned n = 77;
    bool bootable = true;
    char buf[4] = "abc";
    memset(&status, 0x5a, sizeof status);
    before = status;
    REFUSED(vmi, vmi_get_domain_status(vmi, &status));
    assert_memory_equal(&status, &before, sizeof status);
    assert_int_equal(vmi_get_next_available_gfn(vmi), 0);
    assert_unsupported(vmi);
    REFUSED(vmi, vmi_alloc_gfn(vmi, 0x100000));
    REFUSED(vmi, vmi_free_gfn(vmi, 0x100000));
    assert_null(vmi_get_disks(vmi, &n));
    assert_unsupported(vmi);
    REFUSED(vmi, vmi_disk_is_bootable(vmi, "768", &bootable));
    REFUSED(vmi, vmi_read_disk(vmi, "768", 0, sizeof buf, buf));
    assert_true(n == 77 && bootable);
    assert_string_equal(buf, "abc");
    /* a running guest of a source that cannot pause */
    vmi->source.live = true;
    REFUSED(vmi, vmi_pause_vm(vmi));
    REFUSED(vmi, vmi_resume_vm(vmi));
    vmi->source.live = false;
    assert_int_equal(vmi_resume_vm(vmi), VMI_SUCCESS); /* a file; and without a pause before */
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

/* Events that are in order; and the calls that clean-up code makes with one that never was filled
 * in. */
static void events(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    vmi_event_t mem = {0}, step = {0}, empty = {0}, before;
    SETUP_MEM_EVENT(&mem, 5, VMI_MEMACCESS_X, never, false);
    SETUP_SINGLESTEP_EVENT(&step, 1, never, true);
    before = mem;
    REFUSED(vmi, vmi_register_event(vmi, &mem));
    REFUSED(vmi, vmi_swap_events(vmi, &mem, &step, nobody_frees));
    REFUSED(vmi, vmi_clear_event(vmi, &mem, nobody_frees));
    REFUSED(vmi, vmi_clear_event(vmi, &empty, nobody_frees));
    REFUSED(vmi, vmi_events_listen(vmi, 0));
    REFUSED(vmi, vmi_events_listen(vmi, 5000)); /* at once, not after five seconds */
    REFUSED(vmi, vmi_event_listener_required(vmi, true));
    REFUSED(vmi, vmi_set_mem_event(vmi, 5, VMI_MEMACCESS_X, 0));
    REFUSED(vmi, vmi_set_mem_event_range(vmi, 5, 9, VMI_MEMACCESS_X, 0));
    REFUSED(vmi, vmi_step_event(vmi, &mem, 0, 1, never));
    REFUSED(vmi, vmi_stop_single_step_vcpu(vmi, &step, 0));
    REFUSED(vmi, vmi_toggle_single_step_vcpu(vmi, &step, 0, true));
    REFUSED(vmi, vmi_shutdown_single_step(vmi));
    assert_int_equal(vmi_are_events_pending(vmi), -1);
    assert_unsupported(vmi);
    assert_null(vmi_get_reg_event(vmi, CR3));
    assert_null(vmi_get_mem_event(vmi, 5, VMI_MEMACCESS_X));
    assert_null(vmi_get_singlestep_event(vmi, 0));
    assert_memory_equal(&mem, &before, sizeof mem);
    assert_int_equal(vmi_register_event(vmi, NULL), VMI_FAILURE);
    assert_int_equal(vmi_clear_event(vmi, NULL, NULL), VMI_FAILURE);
    assert_int_equal(vmi_events_version(), VMI_EVENTS_VERSION);
}

static void views(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    bool on = true;
    uint16_t view = 77;
    REFUSED(vmi, vmi_slat_state(vmi, &on));
    REFUSED(vmi, vmi_slat_control(vmi, true));
    REFUSED(vmi, vmi_slat_create(vmi, &view));
    REFUSED(vmi, vmi_slat_destroy(vmi, 1));
    REFUSED(vmi, vmi_slat_switch(vmi, 0));
    REFUSED(vmi, vmi_slat_change_gfn(vmi, 1, 2, 3));
    REFUSED(vmi, vmi_slat_get_domain_state(vmi, &on));
    REFUSED(vmi, vmi_slat_set_domain_state(vmi, false));
    assert_true(on && view == 77);
}

/* Linux is asked what only Windows has. */
static void another_system(void **state)
{
    vmi_instance_t vmi = vmi_of(state);
    win_build_info_t info = {VMI_OS_WINDOWS_XP, 1, 2, 3};
    addr_t at = 77;
    assert_false(vmi_get_windows_build_info(vmi, &info));
    assert_true(info.version == VMI_OS_WINDOWS_XP && info.buildnumber == 1 && info.minor == 3);
    assert_int_equal(vmi_get_winver(vmi), VMI_OS_WINDOWS_NONE);
    assert_string_equal(vmi_get_winver_str(vmi), "VMI_OS_WINDOWS_NONE");
    assert_in_range(vmi_get_winver_manual(vmi, 0x1000), VMI_OS_WINDOWS_NONE,
                    VMI_OS_WINDOWS_UNKNOWN); /* no debugger block is there */
    assert_int_equal(vmi_get_win_buildnumber(vmi), 0);
    assert_null(vmi_read_unicode_str_va(vmi, KERNEL_VA, 0));
    assert_int_equal(vmi_get_offset(vmi, "win_tasks", &at), VMI_FAILURE);
    assert_int_equal(vmi_get_offset(vmi, "no_such_name", &at), VMI_FAILURE);
    assert_true(at == 77);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {T(vcpus), T(the_machine), T(events), T(views),
                                       T(another_system)};
    return cmocka_run_group_tests_name("vmi refused", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The caches hold what programs add, and nothing else. */
#include <stdio.h>

#include "vmi_fake.h"

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

static uint32_t word_at(struct fake *f, uint64_t va, vmi_pid_t pid)
{
    uint32_t v = 0;
    return vmi_read_32_va(f->vmi, va, pid, &v) == VMI_SUCCESS ? v : 0;
}

static void translations(void **state)
{
    struct fake *f = *state;
    addr_t pa = 0;
    vmi_v2pcache_add(f->vmi, 0x5000, KERNEL_ROOT | 3,
                     DATA + 0x3000); /* where the guest has nothing; page granular */
    assert_int_equal(vmi_translate_kv2p(f->vmi, 0x5678, &pa), VMI_SUCCESS);
    assert_true(pa == DATA + 0x3678);
    assert_int_equal(word_at(f, 0x5678, 0), 0x10003678);
    assert_int_equal(word_at(f, 0x6000, 0), 0);
    assert_int_equal(word_at(f, 0x5678, PID), 0); /* that is another address space */
    vmi_v2pcache_add(f->vmi, KERNEL_VA, KERNEL_ROOT, DATA + 0x4000); /* beats the guest's own */
    assert_int_equal(word_at(f, KERNEL_VA + 4, 0), 0x10004004);
    uint64_t both = 0;
    assert_int_equal(vmi_read_64_va(f->vmi, KERNEL_VA + 0xffc, 0, &both),
                     VMI_SUCCESS); /* into the guest's next page */
    assert_true(both == 0x1000100010004ffc);
    uint32_t v = 0xfeed;
    assert_int_equal(vmi_write_32_va(f->vmi, KERNEL_VA, 0, &v), VMI_SUCCESS);
    assert_int_equal(le32(fake_at(f, DATA + 0x4000)), 0xfeed);
    vmi_v2pcache_flush(f->vmi, USER_ROOT);
    assert_int_equal(word_at(f, 0x5678, 0), 0x10003678);
    vmi_v2pcache_flush(f->vmi, KERNEL_ROOT);
    assert_int_equal(word_at(f, 0x5678, 0), 0);
    assert_int_equal(word_at(f, KERNEL_VA, 0), 0x10000000);
}

static void translations_of_processes(void **state)
{
    struct fake *f = *state;
    addr_t pa = 77;
    vmi_v2pcache_add(f->vmi, 0, USER_ROOT, 0x1000); /* 0 is an address as any other */
    vmi_v2pcache_add(f->vmi, 0x7000, USER_ROOT, DATA);
    assert_int_equal(vmi_translate_uv2p(f->vmi, 0x10, PID, &pa), VMI_SUCCESS);
    assert_true(pa == 0x1010);
    assert_int_equal(vmi_pagetable_lookup(f->vmi, USER_ROOT, 0x7010, &pa), VMI_SUCCESS);
    assert_true(pa == DATA + 0x10);
    vmi_v2pcache_flush(f->vmi, ~0ull);
    assert_int_equal(vmi_translate_uv2p(f->vmi, 0x10, PID, &pa), VMI_FAILURE);
    assert_true(pa == 0);
    vmi_v2pcache_nested_add(f->vmi, 0x7000, USER_ROOT, 0x9000, DATA);
    assert_int_equal(vmi_pagetable_lookup(f->vmi, USER_ROOT, 0x7010, &pa),
                     VMI_FAILURE); /* not nested: another key */
    vmi_v2pcache_nested_flush(f->vmi, USER_ROOT, 0x9000);
    assert_int_equal(f->vmi->caches->v2p.used, 0);
}

/* Pages that a program did not add are walked anew. */
static void nothing_else_is_kept(void **state)
{
    struct fake *f = *state;
    assert_int_equal(word_at(f, KERNEL_VA, 0), 0x10000000);
    fake_map(f, KERNEL_ROOT, KERNEL_VA, DATA + 0x9000);
    assert_int_equal(word_at(f, KERNEL_VA, 0), 0x10009000);
    vmi_pagecache_flush(f->vmi);
    assert_int_equal(word_at(f, KERNEL_VA, 0), 0x10009000);
}

static void kernel_symbols(void **state)
{
    struct fake *f = *state;
    char name[300];
    addr_t va = 0;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    vmi_symcache_add(f->vmi, 0, 0, name, KERNEL_VA + 0x40); /* a name of any length */
    assert_int_equal(vmi_translate_ksym2v(f->vmi, name, &va), VMI_SUCCESS);
    assert_true(va == KERNEL_VA + 0x40);
    name[200] = '\0';
    assert_int_equal(vmi_translate_ksym2v(f->vmi, name, &va), VMI_FAILURE);
    assert_true(va == 0);
    name[200] = 'n';
    vmi_symcache_add(f->vmi, 0, 0, "init_task", 0x77);
    assert_int_equal(vmi_translate_ksym2v(f->vmi, "init_task", &va), VMI_SUCCESS);
    assert_true(va == 0x77);
    vmi_symcache_flush(f->vmi);
    assert_int_equal(vmi_translate_ksym2v(f->vmi, name, &va), VMI_FAILURE);
    assert_int_equal(vmi_translate_ksym2v(f->vmi, "init_task", &va), VMI_SUCCESS);
    assert_true(va == KERNEL_VA + 0x100);
}

static void image_symbols(void **state)
{
    struct fake *f = *state;
    addr_t va = 0;
    ACCESS_CONTEXT(pid, .tm = VMI_TM_PROCESS_PID, .addr = USER_VA, .pid = PID);
    ACCESS_CONTEXT(table, .tm = VMI_TM_PROCESS_PT, .addr = USER_VA, .pt = USER_ROOT);
    vmi_symcache_add(f->vmi, USER_VA, PID, "malloc", USER_VA + 0x123);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &pid, "malloc", &va), VMI_SUCCESS);
    assert_true(va == USER_VA + 0x123);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &table, "malloc", &va), VMI_SUCCESS);
    assert_true(va == USER_VA + 0x123);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &table, "free", &va), VMI_FAILURE);
    assert_true(va == 0);
    vmi_rvacache_add(f->vmi, USER_VA, PID, 0x123, "malloc");
    vmi_rvacache_add(f->vmi, USER_VA, 999, 0x124, "nobody");
    assert_string_equal(vmi_translate_v2sym(f->vmi, &pid, 0x123), "malloc");
    assert_string_equal(vmi_translate_v2sym(f->vmi, &table, 0x123), "malloc");
    assert_null(vmi_translate_v2sym(f->vmi, &table, 0x124));
    vmi_rvacache_flush(f->vmi);
    assert_null(vmi_translate_v2sym(f->vmi, &table, 0x123));
}

static void processes(void **state)
{
    struct fake *f = *state;
    addr_t dtb = 0, pa = 0;
    vmi_pidcache_add(f->vmi, 4242, USER_ROOT);
    assert_int_equal(vmi_pid_to_dtb(f->vmi, 4242, &dtb), VMI_SUCCESS);
    assert_true(dtb == USER_ROOT);
    assert_int_equal(word_at(f, USER_VA, 4242), 0x10008000);
    vmi_pidcache_add(f->vmi, 0, USER_ROOT); /* the kernel's cannot be changed so */
    assert_int_equal(vmi_pid_to_dtb(f->vmi, 0, &dtb), VMI_SUCCESS);
    assert_true(dtb == KERNEL_ROOT);
    /* an entry that has become wrong is dropped when a walk with it fails, and the process looked
     * up anew */
    vmi_pidcache_add(f->vmi, PID, KERNEL_ROOT);
    assert_int_equal(vmi_translate_uv2p(f->vmi, USER_VA, PID, &pa), VMI_SUCCESS);
    assert_true(pa == DATA + 0x8000);
    vmi_pidcache_flush(f->vmi);
    assert_int_equal(vmi_pid_to_dtb(f->vmi, 4242, &dtb), VMI_FAILURE);
    assert_true(dtb == 0);
}

static void without_an_instance(void **state)
{
    (void)state;
    vmi_v2pcache_flush(NULL, ~0ull);
    vmi_v2pcache_nested_flush(NULL, 1, 2);
    vmi_v2pcache_add(NULL, 1, 2, 3);
    vmi_v2pcache_nested_add(NULL, 1, 2, 3, 4);
    vmi_symcache_flush(NULL);
    vmi_symcache_add(NULL, 0, 0, "x", 1);
    vmi_rvacache_flush(NULL);
    vmi_rvacache_add(NULL, 0, 0, 0, "x");
    vmi_pidcache_flush(NULL);
    vmi_pidcache_add(NULL, 1, 2);
    vmi_pagecache_flush(NULL);
}

static bool is_odd(const struct map_entry *e, const void *arg)
{
    (void)arg;
    return e->value & 1;
}

static void the_map(void **state)
{
    struct map m = {0};
    char name[16];
    (void)state;
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 5000; i++) {
            snprintf(name, sizeof name, "n%u", (unsigned)i);
            struct map_key key = {.n = {i, i * 3}, .text = i % 2 ? name : NULL};
            assert_int_equal(map_put(&m, &key, i, NULL, NULL), ST_OK);
        }
        assert_int_equal(m.used, 5000);
        for (uint64_t i = 0; i < 5000; i++) {
            snprintf(name, sizeof name, "n%u", (unsigned)i);
            struct map_key key = {.n = {i, i * 3}, .text = i % 2 ? name : NULL};
            assert_true(map_get(&m, &key)->value == i);
            key.n[2] = 1;
            assert_null(map_get(&m, &key));
        }
        map_remove(&m, is_odd, NULL);
        assert_int_equal(m.used, 2500);
    }
    map_deinit(&m);
    assert_null(map_get(&m, &(struct map_key){.n = {1}}));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(translations),
        T(translations_of_processes),
        T(nothing_else_is_kept),
        T(kernel_symbols),
        T(image_symbols),
        T(processes),
        cmocka_unit_test(without_an_instance),
        cmocka_unit_test(the_map),
    };
    return cmocka_run_group_tests_name("vmi cache", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Values of each width, through each of the four ways in: what is read is what was written, and
 * what a failure leaves behind.
 */
#include "vmi_fake.h"

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

/* A value that fills every byte, cut to its width. */
#define PATTERN(type) ((type)0xfedcba9876543210ULL)

/*
 * One width: writes, reads back, holds both against memory; then the failures. EDGE_VA + 0xffc is
 * the symbol "edge", 4 bytes before the end of a page behind which there is nothing.
 */
#define WIDTH(name, type, read_ctx, read_va, read_pa, read_ksym, write_ctx, write_va, write_pa,    \
              write_ksym)                                                                          \
    static void name(void **state)                                                                 \
    {                                                                                              \
        struct fake *f = *state;                                                                   \
        vmi_instance_t vmi = f->vmi;                                                               \
        type v, w = PATTERN(type), zero = 0;                                                       \
        uint8_t next = fake_at(f, DATA + 0x8021)[sizeof w];                                        \
        ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PID, .addr = USER_VA + 0x21, .pid = PID);         \
        assert_int_equal(write_ctx(vmi, &ctx, &w), VMI_SUCCESS);                                   \
        assert_memory_equal(fake_at(f, DATA + 0x8021), &w, sizeof w);                              \
        assert_int_equal(fake_at(f, DATA + 0x8021)[sizeof w], next); /* not a byte more */         \
        v = 0;                                                                                     \
        assert_int_equal(read_ctx(vmi, &ctx, &v), VMI_SUCCESS);                                    \
        assert_true(v == w);                                                                       \
        assert_int_equal(write_va(vmi, KERNEL_VA + 0xffd, 0, &w), VMI_SUCCESS); /* two pages */    \
        v = 0;                                                                                     \
        assert_int_equal(read_va(vmi, KERNEL_VA + 0xffd, 0, &v), VMI_SUCCESS);                     \
        assert_true(v == w);                                                                       \
        assert_int_equal(write_pa(vmi, DATA + 0x333, &w), VMI_SUCCESS);                            \
        v = 0;                                                                                     \
        assert_int_equal(read_pa(vmi, DATA + 0x333, &v), VMI_SUCCESS);                             \
        assert_true(v == w);                                                                       \
        assert_int_equal(write_ksym(vmi, "init_task", &w), VMI_SUCCESS);                           \
        v = 0;                                                                                     \
        assert_int_equal(read_ksym(vmi, "init_task", &v), VMI_SUCCESS);                            \
        assert_true(v == w);                                                                       \
        assert_memory_equal(fake_at(f, DATA + 0x100), &w, sizeof w);                               \
        /* failures that touch nothing */                                                          \
        v = w;                                                                                     \
        ctx.addr = 0x10;                                                                           \
        assert_int_equal(read_ctx(vmi, &ctx, &v), VMI_FAILURE);                                    \
        assert_int_equal(write_ctx(vmi, &ctx, &v), VMI_FAILURE);                                   \
        assert_int_equal(read_va(vmi, 0x10, 0, &v), VMI_FAILURE);                                  \
        assert_int_equal(read_va(vmi, KERNEL_VA, 99, &v), VMI_FAILURE);                            \
        assert_int_equal(write_va(vmi, 0x10, PID, &v), VMI_FAILURE);                               \
        assert_int_equal(read_pa(vmi, LOW_SIZE, &v), VMI_FAILURE);                                 \
        assert_int_equal(write_pa(vmi, LOW_SIZE, &v), VMI_FAILURE);                                \
        assert_int_equal(read_ksym(vmi, "nothing", &v), VMI_FAILURE);                              \
        assert_int_equal(write_ksym(vmi, "nothing", &v), VMI_FAILURE);                             \
        assert_int_equal(read_ctx(vmi, NULL, &v), VMI_FAILURE);                                    \
        assert_int_equal(write_ctx(vmi, NULL, &v), VMI_FAILURE);                                   \
        assert_int_equal(read_ctx(NULL, &ctx, &v), VMI_FAILURE);                                   \
        assert_int_equal(write_ctx(NULL, &ctx, &v), VMI_FAILURE);                                  \
        assert_int_equal(read_va(NULL, KERNEL_VA, 0, &v), VMI_FAILURE);                            \
        assert_int_equal(write_va(NULL, KERNEL_VA, 0, &v), VMI_FAILURE);                           \
        assert_int_equal(read_pa(NULL, DATA, &v), VMI_FAILURE);                                    \
        assert_int_equal(write_pa(NULL, DATA, &v), VMI_FAILURE);                                   \
        assert_int_equal(read_ksym(NULL, "init_task", &v), VMI_FAILURE);                           \
        assert_int_equal(write_ksym(NULL, "init_task", &v), VMI_FAILURE);                          \
        assert_int_equal(read_ksym(vmi, NULL, &v), VMI_FAILURE);                                   \
        assert_int_equal(write_ksym(vmi, NULL, &v), VMI_FAILURE);                                  \
        assert_true(v == w);                                                                       \
        ctx.addr = USER_VA;                                                                        \
        assert_int_equal(read_ctx(vmi, &ctx, NULL), VMI_FAILURE);                                  \
        assert_int_equal(write_ctx(vmi, &ctx, NULL), VMI_FAILURE);                                 \
        assert_int_equal(read_va(vmi, KERNEL_VA, 0, NULL), VMI_FAILURE);                           \
        assert_int_equal(write_va(vmi, KERNEL_VA, 0, NULL), VMI_FAILURE);                          \
        assert_int_equal(read_pa(vmi, DATA, NULL), VMI_FAILURE);                                   \
        assert_int_equal(write_pa(vmi, DATA, NULL), VMI_FAILURE);                                  \
        assert_int_equal(read_ksym(vmi, "init_task", NULL), VMI_FAILURE);                          \
        assert_int_equal(write_ksym(vmi, "init_task", NULL), VMI_FAILURE);                         \
        /* a value that crosses into a page that is not there: its first bytes arrive */           \
        if (sizeof v > 4) {                                                                        \
            assert_int_equal(write_va(vmi, EDGE_VA + 0xff0, 0, &w), VMI_SUCCESS);                  \
            assert_int_equal(read_ksym(vmi, "edge", &v), VMI_FAILURE);                             \
            assert_int_equal(((uint64_t)v & 0xffffffff), 0x10007ffc);                              \
            assert_int_equal((uint64_t)v >> 16 >> 16, (uint64_t)w >> 16 >> 16);                    \
            assert_int_equal(write_ksym(vmi, "edge", &zero), VMI_FAILURE);                         \
        } else {                                                                                   \
            assert_int_equal(read_ksym(vmi, "edge", &v), VMI_SUCCESS);                             \
            assert_int_equal(v, (type)0x10007ffc);                                                 \
            assert_int_equal(write_ksym(vmi, "edge", &zero), VMI_SUCCESS);                         \
        }                                                                                          \
    }

WIDTH(bytes, uint8_t, vmi_read_8, vmi_read_8_va, vmi_read_8_pa, vmi_read_8_ksym, vmi_write_8,
      vmi_write_8_va, vmi_write_8_pa, vmi_write_8_ksym)
WIDTH(words, uint16_t, vmi_read_16, vmi_read_16_va, vmi_read_16_pa, vmi_read_16_ksym, vmi_write_16,
      vmi_write_16_va, vmi_write_16_pa, vmi_write_16_ksym)
WIDTH(double_words, uint32_t, vmi_read_32, vmi_read_32_va, vmi_read_32_pa, vmi_read_32_ksym,
      vmi_write_32, vmi_write_32_va, vmi_write_32_pa, vmi_write_32_ksym)
WIDTH(quad_words, uint64_t, vmi_read_64, vmi_read_64_va, vmi_read_64_pa, vmi_read_64_ksym,
      vmi_write_64, vmi_write_64_va, vmi_write_64_pa, vmi_write_64_ksym)
WIDTH(addresses, addr_t, vmi_read_addr, vmi_read_addr_va, vmi_read_addr_pa, vmi_read_addr_ksym,
      vmi_write_addr, vmi_write_addr_va, vmi_write_addr_pa, vmi_write_addr_ksym)

/* A 32-bit guest: four bytes, zero-extended; 0 on failure. */
static void narrow_addresses(void **state)
{
    struct fake *f = *state;
    addr_t v = PATTERN(addr_t);
    ACCESS_CONTEXT(ctx, .addr = DATA + 8);
    f->vmi->page_mode = VMI_PM_PAE;
    assert_int_equal(vmi_read_addr(f->vmi, &ctx, &v), VMI_SUCCESS);
    assert_true(v == 0x10000008);
    v = PATTERN(addr_t);
    assert_int_equal(vmi_write_addr(f->vmi, &ctx, &v), VMI_SUCCESS);
    assert_int_equal(le32(fake_at(f, DATA + 8)), 0x76543210);
    assert_int_equal(le32(fake_at(f, DATA + 12)), 0x1000000c); /* as it was */
    assert_int_equal(vmi_write_addr_pa(f->vmi, DATA + 16, &v), VMI_SUCCESS);
    assert_int_equal(le32(fake_at(f, DATA + 20)), 0x10000014);
    assert_int_equal(vmi_read_addr_ksym(f->vmi, "init_task", &v), VMI_SUCCESS);
    assert_true(v == 0x10000100);
    assert_int_equal(vmi_read_addr_ksym(f->vmi, "nothing", &v), VMI_FAILURE);
    assert_true(v == 0);
    v = 77;
    assert_int_equal(vmi_read_addr_va(f->vmi, 0x10, 0, &v), VMI_FAILURE);
    assert_true(v == 0);
    v = 77;
    assert_int_equal(vmi_read_addr_pa(f->vmi, LOW_SIZE, &v), VMI_FAILURE);
    assert_true(v == 0);
}

/* Without a page mode nobody knows how wide an address is; the value stays. */
static void unknown_width(void **state)
{
    vmi_instance_t vmi = ((struct fake *)*state)->vmi;
    addr_t v = 77;
    uint8_t b = 0;
    ACCESS_CONTEXT(ctx, .addr = DATA);
    assert_int_equal(vmi_read_addr(vmi, &ctx, &v), VMI_FAILURE);
    assert_int_equal(vmi_read_addr_pa(vmi, DATA, &v), VMI_FAILURE);
    assert_int_equal(vmi_read_addr_va(vmi, KERNEL_VA, 0, &v), VMI_FAILURE);
    assert_int_equal(vmi_read_addr_ksym(vmi, "init_task", &v), VMI_FAILURE);
    assert_true(v == 77);
    assert_int_equal(vmi_write_addr(vmi, &ctx, &v), VMI_FAILURE);
    assert_int_equal(vmi_write_addr_pa(vmi, DATA, &v), VMI_FAILURE);
    assert_story(vmi, "page mode");
    assert_int_equal(vmi_read_8(vmi, &ctx, &b), VMI_SUCCESS); /* physical memory needs none */
    assert_int_equal(vmi_read_8_pa(vmi, DATA + 3, &b), VMI_SUCCESS);
    assert_int_equal(b, 0x10);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(bytes),
        T(words),
        T(double_words),
        T(quad_words),
        T(addresses),
        T(narrow_addresses),
        cmocka_unit_test_setup_teardown(unknown_width, setup_without_os, teardown),
    };
    return cmocka_run_group_tests_name("vmi widths", tests, NULL, NULL);
}

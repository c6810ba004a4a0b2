/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes through every kind of context, across pages, and what failures leave behind. */
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

static void kernel_values(void **state)
{
    vmi_instance_t vmi = ((struct fake *)*state)->vmi;
    uint8_t v8 = 0;
    uint16_t v16 = 0;
    uint32_t v32 = 0;
    uint64_t v64 = 0;
    addr_t a = 0;
    assert_int_equal(vmi_read_8_va(vmi, KERNEL_VA + 0x1235, 0, &v8), VMI_SUCCESS);
    assert_int_equal(v8, 0x12);
    assert_int_equal(vmi_read_16_va(vmi, KERNEL_VA + 0x1234, 0, &v16), VMI_SUCCESS);
    assert_int_equal(v16, 0x1234);
    assert_int_equal(vmi_read_32_va(vmi, KERNEL_VA + 0x1234, 0, &v32), VMI_SUCCESS);
    assert_int_equal(v32, 0x10001234);
    assert_int_equal(vmi_read_64_va(vmi, KERNEL_VA, 0, &v64), VMI_SUCCESS);
    assert_true(v64 == 0x1000000410000000);
    assert_int_equal(vmi_read_addr_va(vmi, KERNEL_VA, 0, &a), VMI_SUCCESS);
    assert_true(a == v64);
    assert_int_equal(vmi_read_32_ksym(vmi, "init_task", &v32), VMI_SUCCESS);
    assert_int_equal(v32, 0x10000100);
    assert_int_equal(vmi_read_32_pa(vmi, DATA + 0x44, &v32), VMI_SUCCESS);
    assert_int_equal(v32, 0x10000044);
    assert_int_equal(vmi_read_32_va(vmi, USER_VA + 8, PID, &v32), VMI_SUCCESS);
    assert_int_equal(v32, 0x10008008);
    assert_int_equal(vmi_last_error(vmi)->kind, VMI_ERROR_NONE);
}

static void contexts(void **state)
{
    vmi_instance_t vmi = ((struct fake *)*state)->vmi;
    uint32_t v = 0;
    ACCESS_CONTEXT(physical, .addr = DATA + 4);
    assert_int_equal(vmi_read_32(vmi, &physical, &v), VMI_SUCCESS);
    assert_int_equal(v, 0x10000004);
    ACCESS_CONTEXT(table, .tm = VMI_TM_PROCESS_PT, .addr = USER_VA,
                   .pt = USER_ROOT | 0xabc); /* a PCID in the low bits */
    assert_int_equal(vmi_read_32(vmi, &table, &v), VMI_SUCCESS);
    assert_int_equal(v, 0x10008000);
    ACCESS_CONTEXT(pid, .tm = VMI_TM_PROCESS_PID, .addr = USER_VA + 4, .pid = PID);
    assert_int_equal(vmi_read_32(vmi, &pid, &v), VMI_SUCCESS);
    assert_int_equal(v, 0x10008004);
    ACCESS_CONTEXT(kernel, .tm = VMI_TM_PROCESS_PID, .addr = KERNEL_VA, .pid = 0);
    assert_int_equal(vmi_read_32(vmi, &kernel, &v), VMI_SUCCESS);
    assert_int_equal(v, 0x10000000);
    ACCESS_CONTEXT(symbol, .tm = VMI_TM_KERNEL_SYMBOL, .ksym = "init_task");
    assert_int_equal(vmi_read_32(vmi, &symbol, &v), VMI_SUCCESS);
    assert_int_equal(v, 0x10000100);
}

static void contexts_that_are_refused(void **state)
{
    vmi_instance_t vmi = ((struct fake *)*state)->vmi;
    uint32_t v = 77;
    size_t n = 99;
    ACCESS_CONTEXT(unknown, .tm = 4, .addr = DATA);
    assert_int_equal(vmi_read(vmi, &unknown, 4, &v, &n), VMI_FAILURE);
    assert_int_equal(n, 0);
    assert_story(vmi, "no translation mechanism");
    assert_int_equal(vmi_write(vmi, &unknown, 4, &v, &n), VMI_FAILURE);
    ACCESS_CONTEXT(negative, .tm = VMI_TM_PROCESS_PID, .addr = USER_VA, .pid = -USER_ROOT);
    assert_int_equal(vmi_read_32(vmi, &negative, &v), VMI_FAILURE);
    assert_story(vmi, "no process id");
    ACCESS_CONTEXT(nobody, .tm = VMI_TM_PROCESS_PID, .addr = USER_VA, .pid = 12345);
    assert_int_equal(vmi_read_32(vmi, &nobody, &v), VMI_FAILURE);
    assert_story(vmi, "no process 12345");
    ACCESS_CONTEXT(symbol, .tm = VMI_TM_KERNEL_SYMBOL, .ksym = "no_such_thing");
    assert_int_equal(vmi_read_32(vmi, &symbol, &v), VMI_FAILURE);
    assert_story(vmi, "no_such_thing");
    ACCESS_CONTEXT(no_symbol, .tm = VMI_TM_KERNEL_SYMBOL);
    assert_int_equal(vmi_read_32(vmi, &no_symbol, &v), VMI_FAILURE);
    ACCESS_CONTEXT(mode, .tm = VMI_TM_PROCESS_PT, .addr = USER_VA, .pt = USER_ROOT, .pm = 99);
    assert_int_equal(vmi_read_32(vmi, &mode, &v), VMI_FAILURE);
    ACCESS_CONTEXT(nested, .tm = VMI_TM_NONE, .addr = DATA, .npt = 0x5000, .npm = VMI_PM_IA32E);
    assert_int_equal(vmi_read_32(vmi, &nested, &v), VMI_FAILURE);
    assert_int_equal(vmi_read_32(vmi, NULL, &v), VMI_FAILURE);
    assert_int_equal(v, 77);
    assert_int_equal(vmi_read_32_va(vmi, KERNEL_VA, 0, NULL), VMI_FAILURE);
    assert_int_equal(vmi_read_va(vmi, KERNEL_VA, 0, 0, NULL, &n), VMI_SUCCESS);
    assert_int_equal(n, 0);
}

static void before_an_os_is_known(void **state)
{
    vmi_instance_t vmi = ((struct fake *)*state)->vmi;
    uint32_t v = 77;
    addr_t a = 77;
    ACCESS_CONTEXT(table, .tm = VMI_TM_PROCESS_PT, .addr = USER_VA, .pt = USER_ROOT);
    assert_int_equal(vmi_get_page_mode(vmi, 0), VMI_PM_UNKNOWN);
    assert_int_equal(vmi_read_32(vmi, &table, &v), VMI_FAILURE);
    table.pt = 0; /* not to be taken for physical memory */
    assert_int_equal(vmi_read_32(vmi, &table, &v), VMI_FAILURE);
    assert_int_equal(vmi_read_32_va(vmi, KERNEL_VA, 0, &v), VMI_FAILURE);
    assert_story(vmi, "no operating system");
    assert_int_equal(vmi_read_addr_pa(vmi, DATA, &a), VMI_FAILURE);
    assert_int_equal(a, 77);
    assert_int_equal(vmi_read_32_ksym(vmi, "init_task", &v), VMI_FAILURE);
    assert_int_equal(v, 77);
    assert_int_equal(vmi_read_32_pa(vmi, DATA, &v), VMI_SUCCESS);
    table.pt = USER_ROOT;
    table.pm = VMI_PM_IA32E; /* a mode in the context is enough */
    assert_int_equal(vmi_read_32(vmi, &table, &v), VMI_SUCCESS);
    assert_int_equal(v, 0x10008000);
    assert_int_equal(vmi_init_paging(vmi, 0), VMI_PM_IA32E);
    table.pm = 0;
    table.addr += 4;
    assert_int_equal(vmi_read_32(vmi, &table, &v), VMI_SUCCESS);
    assert_int_equal(v, 0x10008004);
    assert_int_equal(vmi_get_address_width(vmi), 8);
}

static void across_pages(void **state)
{
    vmi_instance_t vmi = ((struct fake *)*state)->vmi;
    uint32_t v[2] = {0};
    size_t n = 0;
    assert_int_equal(vmi_read_va(vmi, SPLIT_VA + 0xffc, 0, 8, v, &n), VMI_SUCCESS);
    assert_int_equal(n, 8);
    assert_int_equal(v[0], 0x10005ffc);
    assert_int_equal(v[1], 0x10001000);
    uint64_t half = ~0ULL;
    assert_int_equal(vmi_read_va(vmi, EDGE_VA + 0xffc, 0, 8, &half, &n), VMI_FAILURE);
    assert_int_equal(n, 4);
    assert_true(half == 0xffffffff10007ffc); /* what there was is in the buffer */
    assert_story(vmi, "4 of 8 bytes");
    half = ~0ULL;
    assert_int_equal(vmi_read_64_ksym(vmi, "edge", &half), VMI_FAILURE);
    assert_true(half == 0xffffffff10007ffc);
    assert_int_equal(vmi_read_va(vmi, EDGE_VA + 0x1000, 0, 8, v, &n), VMI_FAILURE);
    assert_int_equal(n, 0);
    assert_int_equal(vmi_last_error(vmi)->kind, VMI_ERROR_ABSENT);
    assert_int_equal(vmi_read_va(vmi, ~0ULL - 3, 0, 8, v, &n),
                     VMI_FAILURE); /* around the end of all addresses */
}

static void physical_holes(void **state)
{
    vmi_instance_t vmi = ((struct fake *)*state)->vmi;
    uint8_t buf[64];
    size_t n = 77;
    assert_int_equal(vmi_read_pa(vmi, LOW_SIZE - 16, sizeof buf, buf, &n), VMI_FAILURE);
    assert_int_equal(n, 16);
    assert_story(vmi, "physical address 0x400000");
    assert_int_equal(vmi_read_pa(vmi, LOW_SIZE, sizeof buf, buf, &n), VMI_FAILURE);
    assert_int_equal(n, 0);
    assert_int_equal(vmi_read_pa(vmi, HIGH_START + HIGH_SIZE - 1, 1, buf, &n), VMI_SUCCESS);
    assert_int_equal(vmi_read_pa(vmi, ~0ULL, sizeof buf, buf, &n), VMI_FAILURE);
    assert_int_equal(vmi_get_memsize(vmi), LOW_SIZE + HIGH_SIZE);
    assert_int_equal(vmi_get_max_physical_address(vmi), HIGH_START + HIGH_SIZE);
    size_t avail;
    assert_non_null(vmi_map_pa(vmi, HIGH_START + 0x10, &avail));
    assert_int_equal(avail, HIGH_SIZE - 0x10);
    assert_null(vmi_map_pa(vmi, LOW_SIZE, &avail));
    assert_int_equal(avail, 0);
    const struct vmi_range *r = vmi_memory_ranges(vmi, &n);
    assert_int_equal(n, 2);
    assert_true(r[1].start == HIGH_START && r[1].size == HIGH_SIZE && r[1].mapped);
}

static void narrow_addresses(void **state)
{
    vmi_instance_t vmi = ((struct fake *)*state)->vmi;
    addr_t a = 77;
    vmi->page_mode = VMI_PM_PAE;
    assert_int_equal(vmi_read_addr_pa(vmi, DATA + 0x20, &a), VMI_SUCCESS);
    assert_true(a == 0x10000020);
    assert_int_equal(vmi_read_addr_pa(vmi, LOW_SIZE - 2, &a), VMI_FAILURE);
    assert_true(a == 0); /* no half addresses of 32-bit guests */
}

static void writes(void **state)
{
    struct fake *f = *state;
    vmi_instance_t vmi = f->vmi;
    uint32_t v = 0xfeedf00d, back = 0;
    uint64_t both = 0x1122334455667788;
    size_t n = 0;
    addr_t a = 0x99;
    assert_int_equal(vmi_write_32_va(vmi, KERNEL_VA, 0, &v), VMI_SUCCESS);
    assert_int_equal(le32(fake_at(f, DATA)), v);
    assert_int_equal(vmi_write_va(vmi, SPLIT_VA + 0xffc, 0, 8, &both, &n), VMI_SUCCESS);
    assert_int_equal(n, 8);
    assert_int_equal(le32(fake_at(f, DATA + 0x5ffc)), 0x55667788);
    assert_int_equal(le32(fake_at(f, DATA + 0x1000)), 0x11223344);
    assert_int_equal(vmi_write_va(vmi, EDGE_VA + 0xffc, 0, 8, &both, &n), VMI_FAILURE);
    assert_int_equal(n, 4);
    assert_int_equal(vmi_write_32_pa(vmi, HIGH_START, &v), VMI_SUCCESS);
    assert_int_equal(vmi_read_32_pa(vmi, HIGH_START, &back), VMI_SUCCESS);
    assert_int_equal(back, v);
    assert_int_equal(vmi_write_addr_va(vmi, USER_VA, PID, &a), VMI_SUCCESS);
    assert_true(le64(fake_at(f, DATA + 0x8000)) == 0x99);
    assert_int_equal(vmi_write_32_ksym(vmi, "init_task", &v), VMI_SUCCESS);
    assert_int_equal(le32(fake_at(f, DATA + 0x100)), v);
    assert_int_equal(vmi_write_ksym(vmi, "nothing", 4, &v, &n), VMI_FAILURE);
    assert_int_equal(n, 0);
    assert_int_equal(vmi_write_8_va(vmi, KERNEL_VA, 0, NULL), VMI_FAILURE);
}

static void writes_honour_the_mode(void **state)
{
    struct fake *f = *state;
    uint32_t v = 0xfeedf00d;
    /* the same root as PAE: its first entry is the directory pointer for 1 GiB */
    uint64_t root = 0x100000, dir = 0x101000, table = 0x102000;
    fake_put64(f, root, dir | 1);
    fake_put64(f, dir, table | 7);
    fake_put64(f, table, (DATA + 0xb000) | 7);
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PT, .addr = 0x10, .pt = root, .pm = VMI_PM_PAE);
    assert_int_equal(vmi_write_32(f->vmi, &ctx, &v), VMI_SUCCESS);
    assert_int_equal(le32(fake_at(f, DATA + 0xb010)), v);
    ctx.pm = 0;
    assert_int_equal(vmi_write_32(f->vmi, &ctx, &v), VMI_FAILURE); /* as IA32E there is nothing */
}

static void source_that_cannot_be_written(void **state)
{
    struct fake *f = *state;
    uint32_t v = 1;
    size_t n = 77;
    f->vmi->source.phys.ops = NULL;
    assert_int_equal(vmi_write_pa(f->vmi, DATA, 4, &v, &n), VMI_FAILURE);
    assert_int_equal(n, 0);
    assert_int_equal(vmi_last_error(f->vmi)->kind, VMI_ERROR_UNSUPPORTED);
    assert_int_equal(vmi_write_32_va(f->vmi, KERNEL_VA, 0, &v), VMI_FAILURE);
    assert_int_equal(vmi_last_error(f->vmi)->kind, VMI_ERROR_UNSUPPORTED);
    assert_story(f->vmi, "this source cannot be written (source \"fake\")");
}

static void scatter(void **state)
{
    struct fake *f = *state;
    uint32_t a = 0, b = 0, c = 0;
    struct vmi_part parts[] = {{.addr = USER_VA, .buf = &a, .count = 4},
                               {.addr = 0x1000, .buf = &b, .count = 4},
                               {.addr = USER_VA + 0x10, .buf = &c, .count = 4}};
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PID, .pid = PID);
    assert_int_equal(vmi_read_many(f->vmi, &ctx, parts, 2), VMI_FAILURE);
    assert_int_equal(parts[0].status, VMI_SUCCESS);
    assert_int_equal(parts[0].done, 4);
    assert_int_equal(parts[1].status, VMI_FAILURE);
    assert_int_equal(parts[1].done, 0);
    parts[1].addr = USER_VA + 4;
    f->lookups = 0;
    f->vmi->memo.pid = 0;
    assert_int_equal(vmi_read_many(f->vmi, &ctx, parts, 3), VMI_SUCCESS);
    assert_int_equal(f->lookups, 1);
    assert_int_equal(a, 0x10008000);
    assert_int_equal(b, 0x10008004);
    assert_int_equal(c, 0x10008010);
    ctx.pid = 99;
    assert_int_equal(vmi_read_many(f->vmi, &ctx, parts, 3), VMI_FAILURE);
    assert_int_equal(parts[2].status, VMI_FAILURE);
    assert_int_equal(vmi_read_many(f->vmi, &ctx, NULL, 0), VMI_FAILURE);
}

/* A live guest's processes are looked up anew each time; a file's cannot change. */
static void processes_are_never_stale(void **state)
{
    struct fake *f = *state;
    uint32_t v = 0;
    f->lookups = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(vmi_read_32_va(f->vmi, USER_VA, PID, &v), VMI_SUCCESS);
    assert_int_equal(f->lookups, 1);
    f->vmi->source.live = true;
    f->vmi->memo.pid = 0;
    assert_int_equal(vmi_read_32_va(f->vmi, USER_VA, PID, &v), VMI_SUCCESS);
    f->user_root = KERNEL_ROOT; /* the process executed another program */
    assert_int_equal(vmi_read_32_va(f->vmi, USER_VA, PID, &v), VMI_FAILURE);
    assert_int_equal(vmi_read_32_va(f->vmi, KERNEL_VA, PID, &v), VMI_SUCCESS);
}

static void the_last_fault(void **state)
{
    struct fake *f = *state;
    uint64_t v;
    addr_t pa;
    assert_null(vmi_get_last_pagetable_lookup_fault(f->vmi));
    assert_null(vmi_get_last_pagetable_lookup_fault(NULL));
    assert_int_equal(vmi_read_64_va(f->vmi, EDGE_VA + 0xffc, 0, &v), VMI_FAILURE);
    const access_context_t *c = vmi_get_last_pagetable_lookup_fault(f->vmi);
    assert_non_null(c);
    assert_true(c->addr == EDGE_VA + 0x1000 && c->pt == KERNEL_ROOT && c->tm == VMI_TM_PROCESS_PT);
    assert_int_equal(c->pm, VMI_PM_IA32E);
    assert_int_equal(vmi_read_64_pa(f->vmi, DATA, &v),
                     VMI_SUCCESS); /* no walk: the last one is still the same */
    assert_non_null(vmi_get_last_pagetable_lookup_fault(f->vmi));
    assert_int_equal(vmi_translate_kv2p(f->vmi, KERNEL_VA, &pa), VMI_SUCCESS);
    assert_null(vmi_get_last_pagetable_lookup_fault(f->vmi));
    assert_story(f->vmi, "0xffffffff83001000"); /* the story of the failure stays */
}

static void without_an_instance(void **state)
{
    uint64_t v = 1;
    size_t n = 5;
    (void)state;
    ACCESS_CONTEXT(ctx);
    assert_int_equal(vmi_read(NULL, &ctx, 8, &v, &n), VMI_FAILURE);
    assert_int_equal(n, 0);
    assert_int_equal(vmi_read_va(NULL, 0, 0, 8, &v, &n), VMI_FAILURE);
    assert_int_equal(vmi_read_pa(NULL, 0, 8, &v, NULL), VMI_FAILURE);
    assert_int_equal(vmi_read_ksym(NULL, "x", 8, &v, NULL), VMI_FAILURE);
    assert_int_equal(vmi_read_addr(NULL, &ctx, &v), VMI_FAILURE);
    assert_int_equal(vmi_write_va(NULL, 0, 0, 8, &v, &n), VMI_FAILURE);
    assert_int_equal(vmi_write_addr_va(NULL, 0, 0, &v), VMI_FAILURE);
    assert_int_equal(vmi_read_many(NULL, &ctx, NULL, 0), VMI_FAILURE);
    assert_true(v == 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(kernel_values),
        T(contexts),
        T(contexts_that_are_refused),
        cmocka_unit_test_setup_teardown(before_an_os_is_known, setup_without_os, teardown),
        T(across_pages),
        T(physical_holes),
        T(narrow_addresses),
        T(writes),
        T(writes_honour_the_mode),
        T(source_that_cannot_be_written),
        T(scatter),
        T(processes_are_never_stale),
        T(the_last_fault),
        T(without_an_instance),
    };
    return cmocka_run_group_tests_name("vmi read", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows crash dumps made by hand: each kind, 32 and 64 bit, whole and damaged. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/source.h"

enum { PAGE = 4096, FULL = 1, SUMMARY = 2, BITMAP = 5, KERNEL = 6 };

static char path[64];
static uint8_t *b; /* the file being made */
static size_t n;
static struct source s;
static struct diag d;

static void u32_at(size_t at, uint32_t v)
{
    memcpy(b + at, &v, 4);
}

static void u64_at(size_t at, uint64_t v)
{
    memcpy(b + at, &v, 8);
}

/* A number of a pointer's size. */
static void word_at(bool big, size_t at, uint64_t v)
{
    memcpy(b + at, &v, big ? 8 : 4);
}

static size_t header_size(bool big)
{
    return big ? 0x2000 : 0x1000;
}

/* The header alone, with no memory. */
static void header(bool big, uint32_t type)
{
    memset(b, 0, 1 << 20);
    for (size_t i = 0; i < header_size(big); i += 4)
        memcpy(b + i, "PAGE", 4); /* what is not set has this pattern in real ones */
    memcpy(b, big ? "PAGEDU64" : "PAGEDUMP", 8);
    word_at(big, 0x10, 0x1aa000);
    word_at(big, big ? 0x20 : 0x18, big ? 0xfffff80011112222 : 0x80001111);
    word_at(big, big ? 0x28 : 0x1c, big ? 0xfffff80033334444 : 0x80003333);
    u32_at(big ? 0x30 : 0x20, big ? 0x8664 : 0x14c);
    u32_at(big ? 0x34 : 0x24, 1);
    word_at(big, big ? 0x80 : 0x60, big ? 0xfffff80055556666 : 0x80005555);
    u32_at(big ? 0xf98 : 0xf88, type);
    n = header_size(big);
}

static void run(bool big, unsigned i, uint64_t frame, uint64_t count)
{
    size_t size = big ? 8 : 4, at = (big ? 0x88 : 0x64) + 2 * size * (i + 1);
    u32_at(big ? 0x88 : 0x64, i + 1);
    word_at(big, at, frame);
    word_at(big, at + size, count);
}

/* A header for a bitmap of `bits`, whose pages begin a page later. */
static uint8_t *bitmap(bool big, uint32_t type, uint64_t bits, uint64_t pages)
{
    size_t at = header_size(big);
    memcpy(b + at, type == BITMAP ? "FDMPDUMP" : "SDMPDUMP", 8);
    n = at + PAGE;
    if (type == SUMMARY) {
        u32_at(at + 0xc, (uint32_t)n);
        u32_at(at + 0x10, (uint32_t)bits);
        u32_at(at + 0x14, (uint32_t)pages);
        u32_at(at + 0x18, (uint32_t)bits);
        return b + at + (big ? 0x28 : 0x20);
    }
    u64_at(at + 0x20, n);
    u64_at(at + 0x28, pages);
    u64_at(at + 0x30, bits);
    return b + at + 0x38;
}

static void page(int byte)
{
    memset(b + n, byte, PAGE);
    n += PAGE;
}

static void save(void)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, b, n), n);
    close(fd);
}

static int try_open(const char *format, uint64_t flags)
{
    struct source_options o = {.format = format, .flags = flags};
    save();
    return source_open(path, &o, &d, &s);
}

static void opens(const char *format, uint64_t flags)
{
    if (try_open(format, flags) != ST_OK)
        fail_msg("%s", d.text);
    assert_string_equal(s.kind, "windows-crash");
    assert_string_equal(s.name, path);
}

static void refuses(int code, const char *words)
{
    memset(&d, 0, sizeof d);
    int st = try_open(NULL, 0);
    if (st == ST_OK)
        source_close(&s);
    if (st != code || !strstr(d.text, words) || !strstr(d.text, path))
        fail_msg("%d: %s", st, d.text);
}

static void byte_is(uint64_t at, int byte)
{
    uint8_t c = 0;
    if (byte < 0) {
        assert_int_equal(phys_read(&s.phys, at, &c, 1, NULL), ST_ABSENT);
        return;
    }
    assert_int_equal(phys_read(&s.phys, at, &c, 1, NULL), ST_OK);
    assert_int_equal(c, byte);
}

/* ---- whole ones
 * ------------------------------------------------------------------------------------------------------
 */

static void test_full(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        header(big, FULL);
        run(big, 0, 1, 1);
        run(big, 1, 4, 2);
        for (int i = 0; i < 3; i++)
            page('a' + i);
        opens(NULL, 0);
        assert_int_equal(s.phys.nr, 2);
        byte_is(0, -1);
        byte_is(0x1000, 'a');
        byte_is(0x1fff, 'a');
        byte_is(0x2000, -1);
        byte_is(0x4000, 'b');
        byte_is(0x5fff, 'c');
        byte_is(0x6000, -1);
        assert_int_equal(s.arch, big ? ARCH_X86_64 : ARCH_X86);
        assert_true(s.windows.dtb == 0x1aa000);
        assert_true(s.windows.modules == (big ? 0xfffff80011112222 : 0x80001111));
        assert_true(s.windows.processes == (big ? 0xfffff80033334444 : 0x80003333));
        assert_true(s.windows.kdbg == (big ? 0xfffff80055556666 : 0x80005555));
        assert_int_equal(s.windows.paging, big ? HINT_PAGING_64 : HINT_PAGING_LEGACY);
        source_close(&s);
    }
}

static void test_pae(void **state)
{
    (void)state;
    header(false, FULL);
    run(false, 0, 0, 1);
    b[0x5c] = 1;
    page('x');
    opens(NULL, 0);
    assert_int_equal(s.windows.paging, HINT_PAGING_PAE);
    source_close(&s);
}

static void test_bitmaps(void **state)
{
    static const uint32_t types[] = {SUMMARY, BITMAP, KERNEL, 7};
    (void)state;
    for (int big = 0; big < 2; big++)
        for (unsigned t = 0; t < ARRAY_LEN(types); t++) {
            header(big, types[t]);
            uint8_t *bits = bitmap(big, types[t], 20, 4);
            bits[0] = 0x0d; /* frames 0, 2, 3 */
            bits[1] = 0x02; /* 9 */
            bits[2] = 0xf0; /* behind the last bit */
            for (int i = 0; i < 4; i++)
                page('a' + i);
            opens(NULL, 0);
            assert_int_equal(s.phys.nr, 3);
            byte_is(0, 'a');
            byte_is(0x1000, -1);
            byte_is(0x2000, 'b');
            byte_is(0x3fff, 'c');
            byte_is(0x4000, -1);
            byte_is(0x9123, 'd');
            byte_is(0x14000, -1);
            source_close(&s);
        }
}

static void test_registers(void **state)
{
    struct vcpu_regs r;
    (void)state;
    for (int big = 0; big < 2; big++) {
        size_t c = big ? 0x348 : 0x320;
        header(big, FULL);
        run(big, 0, 0, 1);
        u32_at(c + (big ? 0x30 : 0), big ? 0x10000f : 0x1001f);
        word_at(big, c + (big ? 0x78 : 0xb0), 0xa1);     /* rax */
        word_at(big, c + (big ? 0x98 : 0xc4), 0x5b);     /* rsp */
        word_at(big, c + (big ? 0xf8 : 0xb8), 0x801234); /* rip */
        u32_at(c + (big ? 0x44 : 0xc0), 0x246);
        page(0);
        opens(NULL, 0);
        assert_int_equal(s.vcpu->count(s.impl), 1);
        assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_OK);
        assert_int_equal(r.have, REGS_GENERAL);
        assert_true(r.gpr[0] == 0xa1 && r.gpr[7] == 0x5b && r.rip == 0x801234 && r.rflags == 0x246);
        assert_int_equal(s.vcpu->registers(s.impl, 1, &r), ST_INVALID);
        source_close(&s);
        opens(NULL, SOURCE_NO_REGISTERS);
        assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_ABSENT);
        source_close(&s);
        u32_at(big ? 0x34 : 0x24, 2); /* whose they are is not told */
        opens(NULL, 0);
        assert_int_equal(s.vcpu->count(s.impl), 2);
        assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_ABSENT);
        source_close(&s);
        u32_at(big ? 0x34 : 0x24, 1);
        u32_at(c + (big ? 0x30 : 0), 0x45474150); /* "PAGE": was not filled in */
        opens(NULL, 0);
        assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_ABSENT);
        source_close(&s);
        u32_at(big ? 0x34 : 0x24, 0x45474150);
        opens(NULL, 0);
        assert_null(s.vcpu);
        source_close(&s);
    }
}

static void test_written_to(void **state)
{
    (void)state;
    header(true, FULL);
    run(true, 0, 0, 1);
    page('a');
    opens(NULL, SOURCE_COPY_ON_WRITE);
    assert_int_equal(phys_write(&s.phys, 5, "z", 1, NULL), ST_OK);
    byte_is(5, 'z');
    source_close(&s);
    opens(NULL, 0);
    byte_is(5, 'a');
    source_close(&s);
}

/* Every second frame: more runs than ranges. The file is sparse. */
static void test_many_runs(void **state)
{
    enum { FRAMES = 80000, HEAD = 0x2000 + 3 * PAGE };
    (void)state;
    header(true, KERNEL);
    uint8_t *bits = bitmap(true, KERNEL, FRAMES, FRAMES / 2);
    memset(bits, 0xaa, FRAMES / 8);
    n = HEAD;
    u64_at(0x2020, HEAD);
    for (int write = 0; write < 2; write++) {
        struct source_options o = {.flags = write ? SOURCE_COPY_ON_WRITE : 0};
        save();
        int fd = open(path, O_WRONLY);
        assert_int_equal(ftruncate(fd, HEAD + (off_t)FRAMES / 2 * PAGE), 0);
        assert_int_equal(pwrite(fd, "first", 5, HEAD), 5);
        assert_int_equal(pwrite(fd, "last", 4, HEAD + (off_t)(FRAMES / 2 - 1) * PAGE), 4);
        close(fd);
        if (source_open(path, &o, &d, &s) != ST_OK)
            fail_msg("%s", d.text);
        uint64_t end, at = phys_next_data(&s.phys, 0, &end);
        assert_true(s.phys.nr == 1 && at == PAGE && end == 2 * PAGE);
        at = phys_next_data(&s.phys, end, &end);
        assert_true(at == 3 * PAGE && end == 4 * PAGE);
        assert_true(phys_next_data(&s.phys, (uint64_t)FRAMES * PAGE, &end) == UINT64_MAX);
        byte_is(0, -1);
        byte_is(PAGE, 'f');
        byte_is(PAGE + 4, 't');
        byte_is(2 * PAGE, -1);
        byte_is((uint64_t)(FRAMES - 1) * PAGE, 'l');
        byte_is((uint64_t)FRAMES * PAGE, -1);
        uint8_t two[2 * PAGE];
        size_t done = 9;
        assert_int_equal(phys_read(&s.phys, PAGE, two, sizeof two, &done), ST_ABSENT);
        assert_int_equal(done, PAGE);
        size_t avail = 0;
        const uint8_t *p = phys_ptr(&s.phys, PAGE + 1, &avail);
        assert_true(p && avail == PAGE - 1 && *p == 'i');
        assert_null(phys_ptr(&s.phys, 2 * PAGE, &avail));
        int st = phys_write(&s.phys, PAGE, "w", 1, NULL);
        assert_int_equal(st == ST_OK, write);
        byte_is(PAGE, write ? 'w' : 'f');
        source_close(&s);
    }
}

/* ---- damaged ones
 * ------------------------------------------------------------------------------------------------------
 */

static void test_cut(void **state)
{
    (void)state;
    header(true, FULL);
    run(true, 0, 0, 4);
    page('a');
    page('b');
    n -= 100;
    refuses(ST_BROKEN, "--format windows-crash");
    opens("windows-crash", 0);
    byte_is(0x1000, 'b');
    byte_is(0x1fff, -1);
    assert_non_null(strstr(s.layout_note, "cut"));
    source_close(&s);
    header(true, BITMAP);
    bitmap(true, BITMAP, 16, 3)[0] = 0x07;
    page('a');
    page('b');
    refuses(ST_BROKEN, "--format windows-crash");
    opens("windows-crash", 0);
    byte_is(0x1000, 'b');
    byte_is(0x2000, -1);
    source_close(&s);
    for (int big = 0; big < 2; big++) {
        header(big, BITMAP);
        refuses(ST_BROKEN, "before the header of its bitmap");
        n = header_size(big) - 1;
        refuses(ST_BROKEN, "within its header");
        n = 8;
        refuses(ST_BROKEN, "within its header");
    }
}

static void test_damaged_runs(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        size_t nr = big ? 0x88 : 0x64;
        header(big, FULL); /* NumberOfRuns is "PAGE" */
        page('a');
        refuses(ST_BROKEN, "runs");
        u32_at(nr, 0);
        refuses(ST_BROKEN, "runs");
        u32_at(nr, big ? 44 : 87);
        refuses(ST_BROKEN, "runs");
    }
    header(true, FULL);
    run(true, 0, UINT64_MAX / PAGE, 5);
    page('a');
    refuses(ST_BROKEN, "over the end of all addresses");
    run(true, 0, 3, UINT64_MAX - 1);
    refuses(ST_BROKEN, "over the end of all addresses");
    run(true, 0, 0, 1ULL << 40);
    refuses(ST_BROKEN, "it was cut");
    run(true, 0, 7, 0);
    refuses(ST_BROKEN, "holds no memory");
    /* the same frame twice: the first one stays */
    run(true, 0, 7, 1);
    run(true, 1, 7, 1);
    page('b');
    opens(NULL, 0);
    byte_is(0x7000, 'a');
    source_close(&s);
}

static void test_damaged_bitmaps(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        size_t at = header_size(big);
        header(big, BITMAP);
        bitmap(big, BITMAP, 8, 1)[0] = 1;
        page('a');
        b[at] = 'X';
        refuses(ST_BROKEN, "signature");
        b[at] = 'F';
        u64_at(at + 0x30, 0);
        refuses(ST_BROKEN, "bitmap of");
        u64_at(at + 0x30, UINT64_MAX);
        refuses(ST_BROKEN, "bitmap of");
        u64_at(at + 0x30, n * 8);
        refuses(ST_BROKEN, "bitmap of");
        u64_at(at + 0x30, 8);
        u64_at(at + 0x20, at + 0x38);
        refuses(ST_BROKEN, "inside of its headers");
        u64_at(at + 0x20, UINT64_MAX - 5);
        refuses(ST_BROKEN, "it was cut");
        u64_at(at + 0x20, at + PAGE);
        b[at + 0x38] = 0;
        refuses(ST_BROKEN, "holds no memory");
    }
}

static void test_what_is_not_supported(void **state)
{
    static const char *const hibernation[] = {"hibr", "HIBR", "wake", "WAKE", "rstr", "RSTR"};
    (void)state;
    header(true, 4);
    refuses(ST_UNSUPPORTED, "small crash dump");
    header(false, 3);
    refuses(ST_UNSUPPORTED, "small crash dump");
    header(true, 99);
    refuses(ST_UNSUPPORTED, "type 99");
    header(true, FULL);
    u32_at(0x30, 0xaa64);
    refuses(ST_UNSUPPORTED, "ARM64");
    for (unsigned i = 0; i < ARRAY_LEN(hibernation); i++) {
        memset(b, 0, 1 << 17);
        memcpy(b, hibernation[i], 4);
        n = 1 << 17;
        refuses(ST_UNSUPPORTED, "hibernation");
    }
    memcpy(b, "nothing", 7);
    assert_int_equal(try_open("windows-crash", 0), ST_BROKEN);
    assert_non_null(strstr(d.text, "PAGEDU64"));
}

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/tinyvmi-crash-%ld.dmp", (long)getpid());
    b = malloc(1 << 20);
    return b ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    free(b);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_pae),
        cmocka_unit_test(test_bitmaps),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_written_to),
        cmocka_unit_test(test_many_runs),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_damaged_runs),
        cmocka_unit_test(test_damaged_bitmaps),
        cmocka_unit_test(test_what_is_not_supported),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

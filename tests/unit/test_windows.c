/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows without a guest: the debugger block and its encoding, text, times. The view itself:
 * tests/windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "os/windows/kdbg.h"
#include "os/windows/windows.h"

#define BASE 0xfffff80012200000ULL

static void put64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, 8);
}

static void make(uint8_t *b, size_t n, uint64_t base)
{
    memset(b, 0, n);
    memcpy(b + 16, "KDBG", 4);
    uint32_t size = (uint32_t)n;
    memcpy(b + 20, &size, 4);
    put64(b + 24, base);
    put64(b + 0x50, base + 0x1234);
}

static void kdbg_plain(void **state)
{
    (void)state;
    uint8_t b[0x360];
    struct kdbg k;
    struct kdbg_offsets o;
    uint64_t v = 7;
    make(b, sizeof b, BASE);
    b[0x2aa] = 0x50;
    b[0x2ab] = 0x05;
    assert_int_equal(kdbg_parse((struct bytes){b, sizeof b}, 8, BASE, &k), ST_OK);
    assert_int_equal(kdbg_field(&k, "PsActiveProcessHead", &v), ST_OK);
    assert_int_equal(v, BASE + 0x1234);
    assert_int_equal(kdbg_field(&k, "PspCidTable", &v), ST_ABSENT);
    assert_int_equal(kdbg_field(&k, "nothing", &v), ST_ABSENT);
    assert_int_equal(v, BASE + 0x1234);
    kdbg_offsets(&k, &o);
    assert_int_equal(o.peb, 0x550);
    assert_int_equal(kdbg_parse((struct bytes){b, sizeof b}, 8, BASE + 1, &k), ST_BROKEN);
    assert_int_equal(kdbg_parse((struct bytes){b, KDBG_MIN - 1}, 8, BASE, &k), ST_BROKEN);
    b[21] = 0xff;
    assert_int_equal(kdbg_parse((struct bytes){b, sizeof b}, 8, BASE, &k), ST_BROKEN);
}

/* 32-bit addresses are sign-extended in the block, and come out as they are. */
static void kdbg_32(void **state)
{
    (void)state;
    uint8_t b[0x290];
    struct kdbg k;
    struct kdbg_offsets o;
    uint64_t v;
    make(b, sizeof b, 0xffffffff804d7000ULL);
    assert_int_equal(kdbg_parse((struct bytes){b, sizeof b}, 4, 0x804d7000, &k), ST_OK);
    assert_int_equal(kdbg_field(&k, "PsActiveProcessHead", &v), ST_OK);
    assert_int_equal(v, 0x804d8234);
    kdbg_offsets(&k, &o); /* Windows XP's block ends before */
    assert_int_equal(o.peb, 0);
}

static uint64_t ror(uint64_t v, unsigned n)
{
    return n & 63 ? v >> (n & 63) | v << (64 - (n & 63)) : v;
}

static void kdbg_encoded(void **state)
{
    (void)state;
    uint8_t b[0x360];
    struct kdbg k;
    static const uint64_t never[] = {0x0123456789abcd00ULL, 0x0123456789abcdefULL,
                                     0xffffffffffffffc1ULL};
    const uint64_t always = 0x13579bdf02468aceULL, flag = 0xfffff80012345678ULL;
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        make(b, sizeof b, BASE);
        for (size_t at = 0; at < sizeof b; at += 8)
            put64(b + at,
                  ror(__builtin_bswap64(le64(b + at) ^ always) ^ flag, never[i] & 0xff) ^ never[i]);
        assert_int_equal(kdbg_parse((struct bytes){b, sizeof b}, 8, BASE, &k), ST_BROKEN);
        kdbg_decode(b, sizeof b, never[i], always, flag);
        assert_int_equal(kdbg_parse((struct bytes){b, sizeof b}, 8, BASE, &k), ST_OK);
    }
}

static void kdbg_found(void **state)
{
    (void)state;
    uint8_t b[256] = {0};
    struct bytes all = {b, sizeof b};
    assert_int_equal(kdbg_search(all, 0), sizeof b);
    memcpy(b + 17, "KDBG", 4); /* not aligned */
    memcpy(b + 100, "KDBG", 4);
    assert_int_equal(kdbg_search(all, 0), 84);
    assert_int_equal(kdbg_search(all, 88), sizeof b);
    memcpy(b + 252, "KDBG", 4);
    assert_int_equal(kdbg_search(all, 88), 236);
    assert_int_equal(kdbg_search((struct bytes){b, 255}, 88), 255);
}

static void text(void **state)
{
    (void)state;
    static const struct {
        const char *utf16;
        size_t n;
        const char *utf8;
        size_t size;
    } rows[] = {
        {"a\0b\0", 4, "ab", 64},
        {"\xe4\0", 2, "\xc3\xa4", 64},
        {"\xac\x20", 2, "\xe2\x82\xac", 64},
        {"\x3d\xd8\x00\xde", 4, "\xf0\x9f\x98\x80", 64},
        {"\x3d\xd8", 2, "\xef\xbf\xbd", 64}, /* half a pair, at the end */
        {"\x3d\xd8"
         "a\0",
         4,
         "\xef\xbf\xbd"
         "a",
         64}, /* and before another character */
        {"\x00\xde", 2, "\xef\xbf\xbd", 64},
        {"a\0b", 3, "a", 64}, /* an odd length */
        {"a\0\0\0b\0", 6, "a", 64},
        {"a\0b\0c\0d\0", 8, "ab", 6}, /* cut where four bytes of UTF-8 might not fit */
        {"", 0, "", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char buf[64] = "untouched";
        win_utf8((const uint8_t *)rows[i].utf16, rows[i].n, buf, rows[i].size);
        assert_string_equal(buf, rows[i].utf8);
    }
}

static void times(void **state)
{
    (void)state;
    assert_int_equal(win_time(0), 0);
    assert_int_equal(win_time(116444736000000000ULL), 0);
    assert_int_equal(win_time(116444736000000000ULL + 15000000), 1);
    assert_int_equal(win_time(132223104000000000ULL), 1577836800); /* 1 January 2020 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kdbg_plain), cmocka_unit_test(kdbg_32), cmocka_unit_test(kdbg_encoded),
        cmocka_unit_test(kdbg_found), cmocka_unit_test(text),    cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

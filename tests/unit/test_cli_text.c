/* SPDX-License-Identifier: BSD-2-Clause */
/* The command's text: what a hostile guest may put into it, widths, values that a person types,
 * patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tools/tinyvmi/text.c"

static void guest_is(const char *in, size_t n, const char *want)
{
    struct str s = {0};
    str_puts(&s, "");
    str_guest(&s, in, n, 0);
    assert_string_equal(s.p, want);
    str_free(&s);
}

#define GUEST(in, want) guest_is(in, sizeof(in) - 1, want)

static void test_guest_text(void **state)
{
    (void)state;
    GUEST("", "");
    GUEST("bash", "bash");
    GUEST("\x1b]0;owned\x07", "\\x1b]0;owned\\x07");
    GUEST("a\0b", "a\\x00b");
    GUEST("a\nb\tc\r\x7f", "a\\x0ab\\x09c\\x0d\\x7f");
    GUEST("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7");
    GUEST("\xe2\x80\xae"
          "exe.txt",
          "\\u202eexe.txt");              /* right to left override */
    GUEST("x\xe2\x80\x8by", "x\\u200by"); /* zero width space */
    GUEST("\xc2\x9b"
          "31m",
          "\\u009b31m");                      /* CSI as one character */
    GUEST("\xf3\xa0\x81\x81", "\\U000e0041"); /* a tag character */
    GUEST("\xff\xfe", "\\xff\\xfe");
    GUEST("\xc0\xaf", "\\xc0\\xaf");          /* longer than needed */
    GUEST("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
    GUEST("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    GUEST("\xe2\x82", "\\xe2\\x82"); /* cut */
    GUEST("C:\\x", "C:\\x");
    struct str s = {0};
    str_guest(&s, "a\tb\x01", 4, GUEST_KEEP_TABS);
    assert_string_equal(s.p, "a\tb\\x01");
    str_free(&s);
}

static void test_columns(void **state)
{
    (void)state;
    assert_int_equal(text_columns("abc", 3), 3);
    assert_int_equal(text_columns("caf\xc3\xa9", 5), 4);
    assert_int_equal(text_columns("e\xcc\x81", 3), 1);                /* combining */
    assert_int_equal(text_columns("\xe6\x97\xa5\xe6\x9c\xac", 6), 4); /* wide */
    assert_int_equal(text_columns("\xf0\x9f\x90\xa7", 4), 2);
    assert_int_equal(text_fit("abcdef", 6, 3), 3);
    assert_int_equal(text_fit("\xe6\x97\xa5\xe6\x9c\xac", 6, 3),
                     3); /* half a character does not fit */
    assert_int_equal(text_fit("ab", 2, 9), 2);
    assert_int_equal(text_fit("e\xcc\x81x", 4, 1), 3);
}

static void shows(void (*fn)(struct str *, uint64_t), uint64_t v, const char *want)
{
    struct str s = {0};
    fn(&s, v);
    assert_string_equal(s.p, want);
    str_free(&s);
}

static void test_numbers(void **state)
{
    (void)state;
    shows(str_size, 0, "0 B");
    shows(str_size, 1023, "1023 B");
    shows(str_size, 512ull << 20, "512 MiB");
    shows(str_size, 3ull << 29, "1.5 GiB");
    shows(str_size, UINT64_MAX, "15.9 EiB");
    shows(str_duration, 12300000, "12.3 ms");
    shows(str_duration, 12968519448, "13.0 s");
    shows(str_duration, 250ull * 1000000000, "4 min 10 s");
    shows(str_duration, 90000ull * 1000000000, "1 d 1 h");
    shows(str_duration, UINT64_MAX, "213503 d 23 h");
    shows(str_count, 0, "0");
    shows(str_count, 156234, "156,234");
    shows(str_count, 1000000, "1,000,000");
    shows(str_utc, 1795376785, "2026-11-22 19:46:25 UTC");
    shows(str_utc, UINT64_MAX, "18446744073709551615 s after 1970");
}

static void test_values(void **state)
{
    (void)state;
    uint64_t v = 7;
    int32_t pid = 7;
    assert_true(parse_number("0", &v) && v == 0);
    assert_true(parse_number("0xffffffffffffffff", &v) && v == UINT64_MAX);
    assert_true(parse_number("18446744073709551615", &v) && v == UINT64_MAX);
    v = 7;
    assert_false(parse_number("18446744073709551616", &v));
    assert_false(parse_number("0x10000000000000000", &v));
    assert_false(parse_number("", &v));
    assert_false(parse_number("0x", &v));
    assert_false(parse_number("-1", &v));
    assert_false(parse_number(" 1", &v));
    assert_false(parse_number("1 ", &v));
    assert_false(parse_number("12a", &v));
    assert_int_equal(v, 7);
    assert_true(parse_size("4k", &v) && v == 4096);
    assert_true(parse_size("0x10K", &v) && v == 16384);
    assert_true(parse_size("2MiB", &v) && v == 2 << 20);
    assert_true(parse_size("1GB", &v) && v == 1 << 30);
    assert_false(parse_size("1x", &v));
    assert_false(parse_size("1kk", &v));
    assert_false(parse_size("99999999999999T", &v));
    assert_true(parse_duration("200ms", &v) && v == 200000000);
    assert_true(parse_duration("1.5s", &v) && v == 1500000000);
    assert_true(parse_duration("2", &v) && v == 2000000000);
    assert_true(parse_duration("1h", &v) && v == 3600000000000);
    assert_false(parse_duration("99999999999999h", &v));
    assert_false(parse_duration("1fortnight", &v));
    assert_false(parse_duration("", &v));
    assert_true(parse_pid("2147483647", &pid) && pid == INT32_MAX);
    assert_false(parse_pid("2147483648", &pid));
    assert_false(parse_pid("-1", &pid));
}

static void test_glob(void **state)
{
    (void)state;
    assert_true(glob_is_whole("[a-f]*[]x]") && glob_is_whole("") && glob_is_whole("a]"));
    assert_false(glob_is_whole("["));
    assert_false(glob_is_whole("[a]x[]"));
    assert_true(glob_match("*", ""));
    assert_true(glob_match("", ""));
    assert_false(glob_match("", "a"));
    assert_true(glob_match("*_open*", "do_sys_open_at"));
    assert_true(glob_match("a?c", "abc"));
    assert_false(glob_match("a?c", "ac"));
    assert_true(glob_match("[a-c]x", "bx"));
    assert_false(glob_match("[!a-c]x", "bx"));
    assert_true(glob_match("[]]", "]"));
    assert_true(glob_match("[", "["));
    assert_true(glob_match("a*b*c", "aXbYbZc"));
    assert_false(glob_match("a*b*c", "aXbYbZ"));
    /* What takes exponential time in a naive matcher. */
    char text[4096];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_false(glob_match("a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

static void test_near(void **state)
{
    (void)state;
    unsigned best = 0xffff;
    assert_int_equal(edit_distance("ps", "ps"), 0);
    assert_int_equal(edit_distance("pss", "ps"), 1);
    assert_int_equal(edit_distance("init_tsak", "init_task"), 1);
    assert_int_equal(edit_distance("", "abc"), 3);
    assert_true(is_nearer("pss", "ps", &best));
    assert_false(is_nearer("pss", "maps", &best));
    best = 0xffff;
    assert_false(is_nearer("zzzzzz", "maps", &best));
    char far[200];
    memset(far, 'x', sizeof far - 1);
    far[sizeof far - 1] = 0;
    assert_int_equal(edit_distance(far, far), 0xffff);
}

static void test_wrap(void **state)
{
    (void)state;
    struct str s = {0};
    str_wrap(&s, "one two  three four", 2, 10);
    assert_string_equal(s.p, "  one two\n  three\n  four\n");
    s.n = 0;
    str_wrap(&s, "averyveryverylongword x", 2, 10);
    assert_string_equal(s.p, "  averyveryverylongword\n  x\n");
    s.n = 0;
    str_wrap(&s, "", 2, 10);
    assert_string_equal(s.p, "\n");
    str_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guest_text), cmocka_unit_test(test_columns),
        cmocka_unit_test(test_numbers),    cmocka_unit_test(test_values),
        cmocka_unit_test(test_glob),       cmocka_unit_test(test_near),
        cmocka_unit_test(test_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

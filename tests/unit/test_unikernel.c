/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the unikernel that need no Xen: its command line, and addresses as text beside the C
 * library's own. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char *ours(int family, const void *address, char *ret, unsigned size);

#define inet_ntop ours
#include "platform/unikernel/inet.c"
#undef inet_ntop
#include "platform/unikernel/words.c"

static void check_words(const char *line, int n, ...)
{
    char text[256], *argv[9];
    va_list args;
    snprintf(text, sizeof text, "%s", line);
    assert_int_equal(command_line(text, argv, 8), n);
    va_start(args, n);
    for (int i = 0; i < n; i++)
        assert_string_equal(argv[i], va_arg(args, const char *));
    va_end(args);
    if (n >= 0)
        assert_null(argv[n]);
}

static void test_words(void **state)
{
    (void)state;
    check_words("", 0);
    check_words("  \t ", 0);
    check_words("ps xen:web --json", 3, "ps", "xen:web", "--json");
    check_words("  ps   xen:web ", 2, "ps", "xen:web");
    check_words("ps 'xen:my web' \"a'b\"", 3, "ps", "xen:my web", "a'b");
    check_words("a'b c'd", 1, "ab cd");
    check_words("'' \"\"", 2, "", "");
    check_words("ps 'xen:web", -1);
    check_words("\"", -1);
    check_words("1 2 3 4 5 6 7 8", 8, "1", "2", "3", "4", "5", "6", "7", "8");
    check_words("1 2 3 4 5 6 7 8 9", -1);
}

static void check_address(int family, const void *address)
{
    char want[64], got[64];
    assert_non_null(inet_ntop(family, address, want, sizeof want));
    assert_ptr_equal(ours(family, address, got, sizeof got), got);
    assert_string_equal(got, want);
    assert_null(ours(family, address, got, (unsigned)strlen(want))); /* no room for its end */
}

static void test_addresses(void **state)
{
    static const char *const some[] = {"::",
                                       "::1",
                                       "1::",
                                       "fe80::1:0:0:1",
                                       "1:0:0:2::3",
                                       "1:2::4:5",
                                       "2001:db8::ff",
                                       "::ffff:1.2.3.4",
                                       "1:0:2:0:3:0:4:0"};
    uint8_t a[16];
    (void)state;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        assert_int_equal(inet_pton(AF_INET6, some[i], a), 1);
        check_address(AF_INET6, a);
    }
    srand(1);
    for (unsigned i = 0; i < 20000; i++) {
        for (unsigned k = 0; k < 16; k += 2) { /* many zeros */
            bool zero = rand() % 3;
            a[k] = (uint8_t)(zero ? 0 : rand());
            a[k + 1] = (uint8_t)(zero ? 0 : rand());
        }
        if (a[0] || a[1] || a[2] || a[3] || a[4] || a[5]) /* not the forms with an IPv4 part */
            check_address(AF_INET6, a);
        check_address(AF_INET, a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests_name("unikernel", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The tokenizer: what RFC 8259 allows, what it forbids, and the helpers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"

/* A copy of exactly the text's size, so that ASan sees a read beyond it. */
static struct bytes doc(const char *text)
{
    static uint8_t *copy;
    size_t n = strlen(text);

    free(copy);
    copy = malloc(n ? n : 1);
    memcpy(copy, text, n);
    return (struct bytes){copy, n};
}

/* The tokens of a document as letters: the test's notation. */
static const char *tokens(const char *text)
{
    static const char letters[] = ".!{}[]ksirtfn";
    static char out[512];
    struct json j;
    size_t n = 0;

    json_init(&j, doc(text));
    do {
        json_next(&j);
        out[n++] = letters[j.token];
    } while (j.token != JSON_END && j.token != JSON_ERROR && n < sizeof out - 1);
    out[n] = 0;
    return out;
}

static void accepts(void **state)
{
    (void)state;
    assert_string_equal(tokens("{}"), "{}.");
    assert_string_equal(tokens(" [ ] \n"), "[].");
    assert_string_equal(tokens("{\"a\":[1,-2,3.5,1e9,true,false,null,\"x\"],\"b\":{}}"),
                        "{k[iirrtfns]k{}}.");
    assert_string_equal(tokens("18446744073709551615"), "i.");
    assert_string_equal(tokens("18446744073709551616"), "r.");
    assert_string_equal(tokens("\"a long text that passes eight bytes \\u00e9\\n\""), "s.");
    assert_string_equal(tokens("[[[[]]]]"), "[[[[]]]].");
    assert_string_equal(tokens("                        0"), "i.");
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          " ",           "{",        "[",       "[1",
        "[1,",       "[1,]",        "{\"a\"",   "{\"a\":", "{\"a\":1",
        "{\"a\":1,", "{\"a\":1,}",  "{,}",      "[,]",     "{1:2}",
        "[1 2]",     "{\"a\" 1}",   "[}",       "{]",      "1 2",
        "{}x",       "01",          "-",        "1.",      "1e",
        "1e+",       ".5",          "+1",       "tru",     "truex",
        "nul",       "\"",          "\"abc",    "\"\\\"",  "\"\\x\"",
        "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "'a'",     "]",
        "}",         ",",           ":",        "[1,,2]",  "\"12345678\t\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const char *got = tokens(bad[i]);
        if (got[strlen(got) - 1] != '!')
            fail_msg("%s was accepted: %s", bad[i], got);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[2 * JSON_DEPTH + 3] = "";

    memset(text, '[', JSON_DEPTH);
    memset(text + JSON_DEPTH, ']', JSON_DEPTH);
    assert_string_equal(tokens(text) + 2 * JSON_DEPTH, ".");
    memset(text, '[', JSON_DEPTH + 1);
    memset(text + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
    assert_string_equal(tokens(text) + JSON_DEPTH, "!");
}

static void errors_have_lines_and_stay(void **state)
{
    (void)state;
    struct json j;

    json_init(&j, doc("{\n\"a\": 1,\n\"b\": oops\n}"));
    while (json_next(&j) != JSON_ERROR)
        ;
    assert_int_equal(json_line(&j), 3);
    assert_non_null(j.error);
    assert_int_equal(json_next(&j), JSON_ERROR);
    assert_int_equal(json_skip(&j), JSON_ERROR);
}

static void integers(void **state)
{
    (void)state;
    struct json j;
    int64_t v = 7;

    json_init(&j, doc("[-9223372036854775808,9223372036854775808,-0,-5]"));
    json_next(&j);
    json_next(&j);
    assert_true(json_i64(&j, &v));
    assert_true(v == INT64_MIN);
    json_next(&j);
    assert_false(json_i64(&j, &v));
    assert_true(j.value == 1ull << 63);
    json_next(&j);
    assert_true(json_i64(&j, &v));
    assert_int_equal(v, 0);
    json_next(&j);
    assert_true(json_i64(&j, &v));
    assert_int_equal(v, -5);
}

static void unescapes(void **state)
{
    (void)state;
    struct json j;
    char buf[64];

    json_init(
        &j,
        doc("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\ud83dx\\u0000\""));
    assert_int_equal(json_next(&j), JSON_STRING);
    const char *want =
        "a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbdx\xef\xbf\xbd";
    assert_int_equal(json_unescape(j.text, buf, sizeof buf), strlen(want));
    assert_string_equal(buf, want);
    assert_true(json_is(&j, want));
    assert_false(json_is(&j, "a\"\\"));

    /* Cut: the length is told whole, and no half of an escaped character stays. */
    assert_int_equal(json_unescape(j.text, buf, 12), strlen(want));
    assert_string_equal(buf, "a\"\\/\b\f\n\r\tA");
    assert_int_equal(json_unescape(j.text, buf, 1), strlen(want));
    assert_string_equal(buf, "");
    assert_int_equal(json_unescape((struct bytes){0}, buf, 1), 0);
}

static void skips(void **state)
{
    (void)state;
    struct json j;

    json_init(&j, doc("{\"a\":{\"x\":[1,{}]},\"b\":[[]],\"c\":5,\"d\":6}"));
    assert_int_equal(json_next(&j), JSON_OBJECT);
    json_next(&j);
    assert_true(json_is(&j, "a"));
    assert_int_equal(json_skip(&j), JSON_OBJECT_END);
    json_next(&j);
    assert_true(json_is(&j, "b"));
    assert_int_equal(json_next(&j), JSON_ARRAY);
    assert_int_equal(json_skip(&j), JSON_ARRAY_END);
    json_next(&j);
    assert_int_equal(json_skip(&j), JSON_INTEGER);
    json_next(&j);
    assert_true(json_is(&j, "d"));
    json_skip(&j);
    assert_int_equal(json_next(&j), JSON_OBJECT_END);
    assert_int_equal(json_next(&j), JSON_END);
}

static void finds(void **state)
{
    (void)state;
    struct bytes reply = doc("{\"return\": [{\"id\": \"ram0\", \"props\": {\"share\": true, "
                             "\"size\": 42}}, {\"id\": \"r\\u0061m1\"}],"
                             " \"id\": 3}\r\n");
    struct json j;
    char text[8];

    assert_true(json_find(reply, "return.0.props.size", &j));
    assert_int_equal(j.value, 42);
    assert_true(json_find(reply, "return.0.props.share", &j));
    assert_int_equal(j.token, JSON_TRUE);
    assert_true(json_find_text(reply, "return.1.id", text, sizeof text));
    assert_string_equal(text, "ram1");
    assert_true(json_find_text(reply, "return.0.id", text, 5));
    assert_false(json_find_text(reply, "return.0.id", text, 4));
    assert_false(json_find(reply, "return.2", &j));
    assert_false(json_find(reply, "return.x", &j));
    assert_false(json_find(reply, "error", &j));
    assert_false(json_find(reply, "id.x", &j));
    assert_true(json_find(reply, "", &j));
    assert_int_equal(j.token, JSON_OBJECT);
    assert_false(json_find(doc("[1,"), "1", &j));
    assert_false(json_find((struct bytes){0}, "", &j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(errors_have_lines_and_stay),
        cmocka_unit_test(integers),
        cmocka_unit_test(unescapes),
        cmocka_unit_test(skips),
        cmocka_unit_test(finds),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

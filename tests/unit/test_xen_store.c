/* SPDX-License-Identifier: BSD-2-Clause */
/* xenstore's client against a scripted daemon: what it sends, and answers that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "xen/store.h"

/* ---- a daemon: what it is going to say, in pieces of `step` bytes, and what it was told --------
 */

struct plat_xen {
    uint8_t say[65536];
    size_t said, n, step;
    uint8_t told[8192];
    size_t nr_told;
    int end; /* what a read answers when all is said */
    unsigned closed;
};

long plat_xen_store_write(struct plat_xen *x, const void *p, size_t n)
{
    size_t take = MIN_OF(MIN_OF(n, (size_t)7), sizeof x->told - x->nr_told); /* in small pieces */
    memcpy(x->told + x->nr_told, p, take);
    x->nr_told += take;
    return take ? (long)take : -EPIPE;
}

long plat_xen_store_read(struct plat_xen *x, void *p, size_t n, uint64_t timeout_ns)
{
    (void)timeout_ns;
    size_t take = MIN_OF(MIN_OF(n, x->n - x->said), x->step);
    if (!take)
        return x->end;
    memcpy(p, x->say + x->said, take);
    x->said += take;
    return (long)take;
}

void plat_xen_store_close(struct plat_xen *x)
{
    x->closed++;
}

struct fixture {
    struct plat_xen daemon;
    struct xen x;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->x.plat = &f->daemon;
    f->daemon.step = 65536;
    f->daemon.end = -ETIMEDOUT;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    xen_store_close(&f->x);
    free(f);
    return 0;
}

static void say(struct fixture *f, uint32_t type, uint32_t id, const void *payload, size_t n)
{
    struct plat_xen *d = &f->daemon;
    const uint32_t header[4] = {type, id, 0, (uint32_t)n};
    assert_true(d->n + sizeof header + n <= sizeof d->say);
    memcpy(d->say + d->n, header, sizeof header);
    memcpy(d->say + d->n + sizeof header, payload, n);
    d->n += sizeof header + n;
}

#define SAY(f, type, id, text) say(f, type, id, text, sizeof text - 1)

/* ---- pure -------------------------------------------------------------------------------------
 */

static void test_parse(void **state)
{
    (void)state;
    uint8_t b[STORE_HEADER + 5] = {STORE_READ, 0, 0, 0, 7, 0,   0,   0,   0,   0,  0,
                                   0,          5, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'};
    struct store_message m = {0};
    for (size_t n = 0; n < sizeof b; n++)
        assert_int_equal(store_parse(b, n, &m), 0);
    assert_int_equal(store_parse(b, sizeof b, &m), sizeof b);
    assert_int_equal(m.type, STORE_READ);
    assert_int_equal(m.id, 7);
    assert_int_equal(m.n, 5);
    assert_memory_equal(m.payload, "hello", 5);
    b[12] = 1;
    b[13] = 0x10; /* 4097 */
    assert_int_equal(store_parse(b, sizeof b, &m), ST_BROKEN);
    memset(b + 12, 0xff, 4);
    assert_int_equal(store_parse(b, sizeof b, &m), ST_BROKEN);
}

static int error_of(const char *text, size_t n)
{
    struct store_message m = {.payload = (const uint8_t *)text, .n = (uint32_t)n};
    return store_parse_error(&m);
}

static void test_parse_error(void **state)
{
    (void)state;
    assert_int_equal(error_of("ENOENT", 7), ENOENT);
    assert_int_equal(error_of("ENOENT", 6), ENOENT);
    assert_int_equal(error_of("ENOENTS", 7), 0);
    assert_int_equal(error_of("ENOEN", 5), 0);
    assert_int_equal(error_of("E2BIG", 6), E2BIG);
    assert_int_equal(error_of("", 0), 0);
}

static bool event_of(const char *text, size_t n)
{
    const char *path, *token;
    struct store_message m = {.payload = (const uint8_t *)text, .n = (uint32_t)n};
    return store_parse_event(&m, &path, &token);
}

static void test_parse_event(void **state)
{
    (void)state;
    assert_true(event_of("/a\0t", 5));
    assert_false(event_of("/a\0t", 4)); /* no end */
    assert_false(event_of("/a", 3));    /* no token */
    assert_false(event_of("", 0));
}

/* ---- requests ---------------------------------------------------------------------------------
 */

static void test_read(void **state)
{
    struct fixture *f = *state;
    char buf[8];
    size_t n = 99;
    SAY(f, STORE_READ, 1, "target");
    assert_int_equal(xen_store_read(&f->x, "/local/domain/1/name", buf, sizeof buf, &n), ST_OK);
    assert_string_equal(buf, "target");
    assert_int_equal(n, 6);
    assert_int_equal(f->daemon.nr_told, STORE_HEADER + 21);
    assert_int_equal(le32(f->daemon.told), STORE_READ);
    assert_int_equal(le32(f->daemon.told + 12), 21);
    assert_memory_equal(f->daemon.told + STORE_HEADER, "/local/domain/1/name", 21);
    /* longer than there is room for: cut, terminated */
    SAY(f, STORE_READ, 2, "a longer value");
    assert_int_equal(xen_store_read(&f->x, "/x", buf, sizeof buf, &n), ST_OK);
    assert_string_equal(buf, "a longe");
    assert_int_equal(n, 7);
}

/* Answers byte by byte, with what belongs to others in between. */
static void test_interleaved(void **state)
{
    struct fixture *f = *state;
    char buf[16], token[16];
    size_t n;
    f->daemon.step = 1;
    SAY(f, STORE_READ, 77, "of another request");
    SAY(f, STORE_WATCH_EVENT, 0, "@releaseDomain\0w\0");
    SAY(f, STORE_WATCH_EVENT, 0, "@releaseDomain\0w\0");
    SAY(f, STORE_READ, 1, "value");
    SAY(f, STORE_WATCH_EVENT, 0, "/other\0v\0");
    assert_int_equal(xen_store_read(&f->x, "/x", buf, sizeof buf, &n), ST_OK);
    assert_string_equal(buf, "value");
    /* equal events are one */
    assert_int_equal(xen_store_event(&f->x, buf, sizeof buf, token, sizeof token), ST_OK);
    assert_string_equal(buf, "@releaseDomain");
    assert_string_equal(token, "w");
    assert_int_equal(xen_store_event(&f->x, buf, sizeof buf, token, sizeof token), ST_OK);
    assert_string_equal(buf, "/other");
    assert_int_equal(xen_store_event(&f->x, buf, sizeof buf, token, sizeof token), ST_ABSENT);
    assert_int_equal(f->daemon.closed, 0);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;
    char buf[16];
    size_t n;
    static const struct {
        const char *error;
        size_t size;
        int st;
        const char *says;
    } rows[] = {
        {"ENOENT", 7, ST_ABSENT, "no such node"},
        {"EACCES", 7, ST_DENIED, "xenstore-chmod"},
        {"EIO", 4, ST_IO, "/x"},
        {"nonsense", 9, ST_IO, "/x"},
        {"", 0, ST_IO, "/x"},
        {"EINVAL", 7, ST_INVALID, "/x"},
    };
    for (uint32_t i = 0; i < ARRAY_LEN(rows); i++) {
        say(f, STORE_ERROR, i + 1, rows[i].error, rows[i].size);
        assert_int_equal(xen_store_read(&f->x, "/x", buf, sizeof buf, &n), rows[i].st);
        assert_non_null(strstr(f->x.diag.text, rows[i].says));
    }
    assert_int_equal(f->daemon.closed, 0); /* the stream is in order */
}

static int read_one(struct fixture *f)
{
    char buf[16];
    size_t n;
    return xen_store_read(&f->x, "/x", buf, sizeof buf, &n);
}

/* What gives the stream up: it is opened anew for the next request. */
static void test_broken(void **state)
{
    struct fixture *f = *state;
    static const uint8_t huge[STORE_HEADER] = {STORE_READ, 0, 0, 0, 1, 0, 0, 0,
                                               0,          0, 0, 0, 0, 0, 1, 0};
    memcpy(f->daemon.say, huge, sizeof huge);
    f->daemon.n = sizeof huge;
    assert_int_equal(read_one(f), ST_IO);
    assert_int_equal(f->daemon.closed, 1);
    SAY(f, STORE_WATCH_EVENT, 0, "no end");
    assert_int_equal(read_one(f), ST_IO);
    assert_int_equal(f->daemon.closed, 2);
    f->daemon.said = f->daemon.n = 0;
    f->daemon.end = 0; /* the daemon has closed it */
    assert_int_equal(read_one(f), ST_IO);
    SAY(f, STORE_WRITE, 4, "OK"); /* not what was asked */
    f->daemon.end = -ETIMEDOUT;
    assert_int_equal(read_one(f), ST_IO);
    SAY(f, STORE_READ, 5, "ok");
    assert_int_equal(read_one(f), ST_OK);
    unsigned closed = f->daemon.closed;
    assert_int_equal(read_one(f), ST_IO); /* silence */
    assert_non_null(strstr(f->x.diag.text, "no answer"));
    assert_int_equal(f->daemon.closed, closed + 1);
    SAY(f, STORE_READ, 7, "ok"); /* not asked again so soon */
    assert_int_equal(read_one(f), ST_IO);
    assert_int_equal(f->daemon.closed, closed + 1);
}

static void test_too_long(void **state)
{
    struct fixture *f = *state;
    static char path[5000];
    memset(path, 'a', sizeof path - 1);
    assert_int_equal(xen_store_remove(&f->x, path), ST_LIMIT);
    assert_int_equal(f->daemon.nr_told, 0);
}

/* ---- lists ------------------------------------------------------------------------------------
 */

struct names {
    char text[256];
    unsigned n;
};

static int take_name(void *data, const char *name)
{
    struct names *l = data;
    size_t n = strlen(l->text);
    snprintf(l->text + n, sizeof l->text - n, "%s,", name);
    return ++l->n == 5;
}

static void test_list(void **state)
{
    struct fixture *f = *state;
    struct names l = {0};
    SAY(f, STORE_DIRECTORY, 1, "0\0001\00017\0");
    assert_int_equal(xen_store_list(&f->x, "/local/domain", take_name, &l), ST_OK);
    assert_string_equal(l.text, "0,1,17,");
    l = (struct names){0};
    SAY(f, STORE_DIRECTORY, 2, "0\0unterminated"); /* what has no end is none */
    assert_int_equal(xen_store_list(&f->x, "/local/domain", take_name, &l), ST_OK);
    assert_string_equal(l.text, "0,");
    l = (struct names){0};
    SAY(f, STORE_DIRECTORY, 3, "");
    assert_int_equal(xen_store_list(&f->x, "/local/domain", take_name, &l), ST_OK);
    assert_int_equal(l.n, 0);
    l = (struct names){0};
    SAY(f, STORE_DIRECTORY, 4, "a\0b\0c\0d\0e\0f\0g\0"); /* ended by the callback */
    assert_int_equal(xen_store_list(&f->x, "/local/domain", take_name, &l), ST_OK);
    assert_int_equal(l.n, 5);
}

static void test_list_in_parts(void **state)
{
    struct fixture *f = *state;
    struct names l = {0};
    SAY(f, STORE_ERROR, 1, "E2BIG\0");
    SAY(f, STORE_DIRECTORY_PART, 2, "g1\0one\0tw");
    SAY(f, STORE_DIRECTORY_PART, 3, "g2\0o\0\0"); /* it changed meanwhile: begun anew */
    SAY(f, STORE_DIRECTORY_PART, 4, "g2\0alpha\0be");
    SAY(f, STORE_DIRECTORY_PART, 5, "g2\0ta\0\0");
    assert_int_equal(xen_store_list(&f->x, "/d", take_name, &l), ST_OK);
    assert_string_equal(l.text, "alpha,beta,");
    SAY(f, STORE_ERROR, 6, "E2BIG\0");
    SAY(f, STORE_DIRECTORY_PART, 7, "no generation");
    assert_int_equal(xen_store_list(&f->x, "/d", take_name, &l), ST_IO);
}

/* A list that changes for ever, or never ends, ends. */
static void test_list_endless(void **state)
{
    struct fixture *f = *state;
    struct names l = {0};
    SAY(f, STORE_ERROR, 1, "E2BIG\0");
    for (uint32_t i = 0; i < 2000; i++)
        SAY(f, STORE_DIRECTORY_PART, i + 2, "g\0more\0x");
    assert_int_equal(xen_store_list(&f->x, "/d", take_name, &l), ST_IO);
    assert_int_equal(l.n, 0);
}

/* ---- watches ----------------------------------------------------------------------------------
 */

static void test_flood(void **state)
{
    struct fixture *f = *state;
    char path[64], token[8], payload[64];
    unsigned got = 0;
    for (unsigned i = 0; i < STORE_EVENTS_MAX + 50; i++) {
        int n = snprintf(payload, sizeof payload, "/p/%u", i);
        memcpy(payload + n + 1, "t", 2);
        say(f, STORE_WATCH_EVENT, 0, payload, (size_t)n + 3);
    }
    SAY(f, STORE_WATCH, 1, "OK\0");
    assert_int_equal(xen_store_watch(&f->x, "/p", "t"), ST_OK);
    while (xen_store_event(&f->x, path, sizeof path, token, sizeof token) == ST_OK)
        got++;
    assert_int_equal(got, STORE_EVENTS_MAX);
    assert_string_equal(path, "/p/305"); /* the newest is not lost */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_parse),         TEST(test_parse_error),  TEST(test_parse_event),
        TEST(test_read),          TEST(test_interleaved),  TEST(test_refused),
        TEST(test_broken),        TEST(test_too_long),     TEST(test_list),
        TEST(test_list_in_parts), TEST(test_list_endless), TEST(test_flood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

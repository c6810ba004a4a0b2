/* SPDX-License-Identifier: BSD-2-Clause */
/* QMP: framing and classification of messages, and the client against a scripted server that
 * behaves badly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/json.h"
#include "platform/platform.h"
#include "source/qmp.h"

#define GREETING                                                                                   \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}}, "            \
    "\"capabilities\": []}}\r\n"
#define OK    "{\"return\": {}}\r\n"
#define EVENT "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}\r\n"

static struct bytes text(const char *s)
{
    return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* ---- pure ------------------------------------------------------------------------------------ */

static size_t end_of(const char *s)
{
    struct qmp_frame f = {0};
    return qmp_message_end(text(s), &f);
}

static void test_frame(void **state)
{
    (void)state;
    assert_int_equal(end_of("{}"), 2);
    assert_int_equal(end_of("{}{}"), 2);
    assert_int_equal(end_of("\r\n {\"a\": [1, {}]} x"), 17);
    assert_int_equal(end_of("{\"a\": \"}\"}"), 10);
    assert_int_equal(end_of("{\"a\": \"\\\"}\"}"), 12);
    assert_int_equal(end_of("{\"a\": \"\\\\\"}{"), 11);
    assert_int_equal(end_of("{\n    \"pretty\": {\n    }\n}\n"), 25);
    assert_int_equal(end_of("{\"a\": {"), 0);
    assert_int_equal(end_of("{\"a\": \"}"), 0);
    assert_int_equal(end_of(""), 0);
    assert_int_equal(end_of("}]}"), 0);
}

static void test_frame_in_pieces(void **state)
{
    (void)state;
    static const char message[] = "{\"return\": \"a \\\" } b\"}";
    struct qmp_frame f = {0};
    for (size_t n = 1; n < sizeof message - 1; n++)
        assert_int_equal(qmp_message_end((struct bytes){(const uint8_t *)message, n}, &f), 0);
    assert_int_equal(qmp_message_end(text(message), &f), sizeof message - 1);
}

static void test_classify(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        int st;
        enum qmp_kind kind;
    } rows[] = {
        {GREETING, ST_OK, QMP_GREETING},
        {OK, ST_OK, QMP_RETURN},
        {"{\"id\": 1, \"return\": [1, 2]}", ST_OK, QMP_RETURN},
        {"{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}", ST_OK, QMP_FAILED},
        {"{\"timestamp\": {\"seconds\": 1}, \"event\": \"STOP\"}", ST_OK, QMP_EVENT},
        {"{\"data\": {\"return\": 1}}", ST_OK, QMP_OTHER},
        {"{}", ST_OK, QMP_OTHER},
        {"[]", ST_BROKEN, 0},
        {"{\"return\": }", ST_BROKEN, 0},
        {"{\"return\": {}} x", ST_BROKEN, 0},
        {"", ST_BROKEN, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum qmp_kind kind = QMP_OTHER;
        assert_int_equal(qmp_classify(text(rows[i].message), &kind), rows[i].st);
        if (rows[i].st == ST_OK)
            assert_int_equal(kind, rows[i].kind);
    }
}

/* ---- against a server ------------------------------------------------------------------------ */

/* A server that waits for a line before each of its answers but the first; a NULL answer closes the
 * connection. */
struct server {
    char path[64];
    int listener;
    pthread_t thread;
    const char *const *answer;
    size_t nr;
    size_t piece; /* bytes a write */
    char heard[512];
};

static void say(int fd, const char *p, size_t piece)
{
    for (size_t n = strlen(p); n;) {
        size_t want = piece && piece < n ? piece : n;
        ssize_t done = send(fd, p, want, MSG_NOSIGNAL);
        if (done <= 0)
            return;
        p += done;
        n -= (size_t)done;
    }
}

static void *serve(void *arg)
{
    struct server *s = arg;
    int fd = accept(s->listener, NULL, NULL);
    char line[512];
    if (fd < 0)
        return NULL;
    for (size_t i = 0; i < s->nr; i++) {
        if (i) {
            ssize_t n = recv(fd, line, sizeof line - 1, 0);
            if (n <= 0)
                break;
            line[n] = '\0';
            snprintf(s->heard, sizeof s->heard, "%s", line);
        }
        if (!s->answer[i])
            break;
        say(fd, s->answer[i], s->piece);
    }
    if (s->nr && s->answer[s->nr - 1])
        (void)!recv(fd, line, sizeof line, 0); /* until the client has closed */
    close(fd);
    return NULL;
}

static void start(struct server *s, const char *const *answer, size_t nr, size_t piece)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    static unsigned counter;
    *s = (struct server){.answer = answer, .nr = nr, .piece = piece};
    snprintf(s->path, sizeof s->path, "/tmp/tinyvmi-qmp-%d-%u.sock", (int)getpid(), counter++);
    memcpy(name.sun_path, s->path, sizeof s->path);
    s->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (const struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    if (nr)
        assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void finish(struct server *s)
{
    if (s->nr)
        pthread_join(s->thread, NULL);
    close(s->listener);
    unlink(s->path);
}

static void test_execute(void **state)
{
    (void)state;
    static const char *const answers[] = {
        GREETING,
        OK,
        (EVENT EVENT "{\"return\": {\"status\": \"running\", \"running\": true}}\r\n"),
        "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command x has not been "
        "found\"}}\r\n",
        "{\"return\": \"line 1\\r\\nline 2 \\\"}\\\"\\r\\n\"}\r\n",
    };
    static const size_t pieces[] = {0, 1, 7};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        struct server s;
        struct qmp q = {.fd = -1};
        struct diag d = {0};
        struct bytes reply;
        const char *human;
        char status[16];
        start(&s, answers, ARRAY_LEN(answers), pieces[i]);
        assert_int_equal(qmp_open(s.path, 1000, &d, &q), ST_OK);
        assert_int_equal(qmp_execute(&q, "query-status", NULL, &d, &reply), ST_OK);
        assert_true(json_find_text(reply, "return.status", status, sizeof status));
        assert_string_equal(status, "running");
        assert_int_equal(qmp_execute(&q, "x", "{\"a\":1}", &d, &reply), ST_UNSUPPORTED);
        assert_non_null(strstr(d.text, "The command x has not been found"));
        assert_int_equal(qmp_human(&q, "info x", &d, &human), ST_OK);
        assert_string_equal(human, "line 1\r\nline 2 \"}\"\r\n");
        qmp_close(&q);
        finish(&s);
        assert_string_equal(s.heard, "{\"execute\":\"human-monitor-command\",\"arguments\":{"
                                     "\"command-line\":\"info x\"}}\r\n");
    }
}

/* QEMU serves one client: for the second the connection stands, but nothing is said. */
static void test_taken(void **state)
{
    (void)state;
    struct server s;
    struct qmp q = {.fd = -1};
    struct diag d = {0};
    start(&s, NULL, 0, 0); /* nobody accepts */
    uint64_t before = plat_now_ns();
    assert_int_equal(qmp_open(s.path, 50, &d, &q), ST_BUSY);
    assert_true(plat_now_ns() - before < UINT64_C(1000000000));
    assert_non_null(strstr(d.text, "another client holds it"));
    assert_non_null(strstr(d.text, "second"));
    assert_int_equal(q.fd, -1);
    finish(&s);
}

/* ... and when the queue is full, too, connect() itself would wait. */
static void test_queue_full(void **state)
{
    (void)state;
    struct server s;
    struct qmp q = {.fd = -1};
    struct diag d = {0};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int waiting[8];
    start(&s, NULL, 0, 0);
    memcpy(name.sun_path, s.path, sizeof s.path);
    for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
        waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(waiting[i], (const struct sockaddr *)&name, sizeof name);
    }
    assert_int_equal(qmp_open(s.path, 50, &d, &q), ST_BUSY);
    assert_non_null(strstr(d.text, "another client"));
    for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
        close(waiting[i]);
    finish(&s);
}

static void test_open_fails(void **state)
{
    (void)state;
    static const char *const not_qmp[] = {"{\"return\": {}}\r\n"}, *const noise[] = {"{hello}\r\n"},
                             *const gone[] = {NULL}, *const no_capabilities[] = {GREETING, NULL};
    static const struct {
        const char *const *answer;
        size_t nr;
        int st;
        const char *story;
    } rows[] = {
        {not_qmp, 1, ST_BROKEN, "is no QMP socket"},
        {noise, 1, ST_BROKEN, "not JSON"},
        {gone, 1, ST_IO, "closed the connection"},
        {no_capabilities, 2, ST_IO, "closed the connection"},
    };
    struct qmp q = {.fd = -1};
    struct diag d = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct server s;
        start(&s, rows[i].answer, rows[i].nr, 0);
        assert_int_equal(qmp_open(s.path, 1000, &d, &q), rows[i].st);
        assert_non_null(strstr(d.text, rows[i].story));
        finish(&s);
    }
    assert_int_equal(qmp_open("/nowhere/qmp.sock", 50, &d, &q), ST_ABSENT);
    assert_int_equal(qmp_open("tcp:nohost", 50, &d, &q), ST_INVALID);
    assert_int_equal(qmp_open("tcp:example.org:4444", 50, &d, &q), ST_UNSUPPORTED);
    assert_int_equal(qmp_open("tcp:localhost:1", 50, &d, &q), ST_ABSENT);
    assert_int_equal(q.fd, -1);
}

/* After a failure in the middle the connection is of no use: a late answer would be taken for the
 * next one's. */
static void test_broken_off(void **state)
{
    (void)state;
    static const char *const answers[] = {GREETING, OK, NULL};
    struct server s;
    struct qmp q = {.fd = -1};
    struct diag d = {0};
    struct bytes reply;
    const char *human;
    start(&s, answers, ARRAY_LEN(answers), 0);
    assert_int_equal(qmp_open(s.path, 1000, &d, &q), ST_OK);
    assert_int_equal(qmp_execute(&q, "query-status", NULL, &d, &reply), ST_IO);
    assert_int_equal(q.fd, -1);
    assert_int_equal(qmp_execute(&q, "query-status", NULL, &d, &reply), ST_IO);
    assert_int_equal(qmp_human(&q, "say \"x\"", &d, &human), ST_INVALID);
    qmp_close(&q);
    finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame),      cmocka_unit_test(test_frame_in_pieces),
        cmocka_unit_test(test_classify),   cmocka_unit_test(test_execute),
        cmocka_unit_test(test_taken),      cmocka_unit_test(test_queue_full),
        cmocka_unit_test(test_open_fails), cmocka_unit_test(test_broken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "source/qmp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/json.h"
#include "platform/platform.h"

enum { MESSAGE_MAX = 32 << 20, READ_STEP = 64 << 10 };

/* ---- messages, pure -------------------------------------------------------------------------- */

size_t qmp_message_end(struct bytes b, struct qmp_frame *f)
{
    while (f->seen < b.n) {
        uint8_t c = b.p[f->seen++];
        if (f->in_string) {
            if (f->escaped)
                f->escaped = false;
            else if (c == '\\')
                f->escaped = true;
            else if (c == '"')
                f->in_string = false;
        } else if (c == '"') {
            f->in_string = true;
        } else if (c == '{' || c == '[') {
            f->depth++;
        } else if ((c == '}' || c == ']') && f->depth && --f->depth == 0) {
            return f->seen;
        }
    }
    return 0;
}

int qmp_classify(struct bytes message, enum qmp_kind *ret)
{
    static const struct {
        const char *key;
        enum qmp_kind kind;
    } keys[] = {
        {"QMP", QMP_GREETING}, {"return", QMP_RETURN}, {"error", QMP_FAILED}, {"event", QMP_EVENT}};
    enum qmp_kind kind = QMP_OTHER;
    struct json j;
    json_init(&j, message);
    if (json_next(&j) != JSON_OBJECT)
        return ST_BROKEN;
    while (json_next(&j) == JSON_KEY) {
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            if (json_is(&j, keys[i].key))
                kind = keys[i].kind;
        if (json_skip(&j) == JSON_ERROR)
            return ST_BROKEN;
    }
    if (j.token != JSON_OBJECT_END || json_next(&j) != JSON_END)
        return ST_BROKEN;
    *ret = kind;
    return ST_OK;
}

/* ---- the connection -------------------------------------------------------------------------- */

static int taken(const char *address, const char *how, struct diag *d)
{
    return diag_fail(d, ST_BUSY,
                     "QMP socket %s: another client holds it (%s; QEMU serves one a socket). "
                     "Disconnect that one, or start "
                     "QEMU with a second socket: -qmp unix:/run/second-qmp.sock,server=on,wait=off",
                     address, how);
}

static int connect_failed(const char *address, int error, struct diag *d)
{
    if (error == EAGAIN || error == EINPROGRESS)
        return taken(address, "and others wait already", d);
    if (error == ENOENT || error == ECONNREFUSED)
        return diag_fail(d, ST_ABSENT, "QMP socket %s: nobody listens there: %s", address,
                         strerror(error));
    if (error == EACCES || error == EPERM)
        return diag_fail(d, ST_DENIED, "QMP socket %s: %s; run as root or in QEMU's user", address,
                         strerror(error));
    return diag_fail(d, ST_IO, "QMP socket %s: %s", address, strerror(error));
}

/*
 * connect() without waiting for as long as the other client stays when the queue is full. It may be
 * full of clients that have given up, which QEMU takes off when it comes round to it: try for
 * `timeout_ms`.
 */
static int connect_in_time(int fd, const struct sockaddr_un *name, unsigned timeout_ms)
{
    uint64_t deadline = plat_now_ns() + timeout_ms * UINT64_C(1000000);
    while (connect(fd, (const struct sockaddr *)name, sizeof *name)) {
        if ((errno != EAGAIN && errno != EINTR) || plat_now_ns() >= deadline)
            return errno;
        (void)poll(NULL, 0, 10);
    }
    return 0;
}

/* Through /proc/self/fd, so that paths longer than sun_path and paths in another mount namespace
 * work, too. */
static int connect_unix(const char *path, unsigned timeout_ms, struct diag *d, int *ret)
{
    int node = open(path, O_PATH | O_CLOEXEC);
    if (node < 0)
        return connect_failed(path, errno, d);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d", node);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = fd < 0 ? errno : connect_in_time(fd, &name, timeout_ms);
    close(node);
    if (!error) {
        *ret = fd;
        return ST_OK;
    }
    if (fd >= 0)
        close(fd);
    return connect_failed(path, error, d);
}

static int connect_tcp(const char *address, unsigned timeout_ms, struct diag *d, int *ret)
{
    char host[64];
    const char *p = address + strlen("tcp:"), *colon = strrchr(p, ':');
    struct sockaddr_in name = {.sin_family = AF_INET};
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;
    if (!colon || (size_t)(colon - p) >= sizeof host || port <= 0 || port > 65535)
        return diag_fail(d, ST_INVALID, "QMP address %s: not tcp:HOST:PORT", address);
    memcpy(host, p, (size_t)(colon - p));
    host[colon - p] = '\0';
    const char *numeric =
        !host[0] || !strcmp(host, "localhost") || !strcmp(host, "0.0.0.0") ? "127.0.0.1" : host;
    if (inet_pton(AF_INET, numeric, &name.sin_addr) != 1)
        return diag_fail(d, ST_UNSUPPORTED, "QMP address %s: the host must be an IPv4 address",
                         address);
    name.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = fd < 0 ? errno : 0;
    if (!error && connect(fd, (const struct sockaddr *)&name, sizeof name))
        error = errno;
    if (error == EINPROGRESS) {
        struct pollfd pfd = {.fd = fd, .events = POLLOUT};
        socklen_t len = sizeof error;
        if (poll(&pfd, 1, (int)timeout_ms) == 1)
            (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    }
    if (!error) {
        *ret = fd;
        return ST_OK;
    }
    if (fd >= 0)
        close(fd);
    return connect_failed(address, error, d);
}

void qmp_close(struct qmp *q)
{
    if (q->fd >= 0)
        close(q->fd);
    free(q->buf);
    free(q->text);
    *q = (struct qmp){.fd = -1};
}

/* Waits until the socket is ready for `events`. ST_BUSY when `deadline` (of plat_now_ns) passes
 * first. */
static int wait_ready(struct qmp *q, short events, uint64_t deadline)
{
    for (;;) {
        uint64_t now = plat_now_ns();
        struct pollfd pfd = {.fd = q->fd, .events = events};
        int ms = now < deadline ? (int)((deadline - now + 999999) / 1000000) : 0;
        int n = poll(&pfd, 1, ms);
        if (n > 0)
            return ST_OK;
        if (n < 0 && errno != EINTR)
            return ST_IO;
        if (n == 0 && ms == 0)
            return ST_BUSY;
    }
}

static int receive_some(struct qmp *q, uint64_t deadline, struct diag *d)
{
    if (q->cap - q->have < READ_STEP / 2) {
        size_t cap = q->cap ? q->cap * 2 : READ_STEP;
        if (cap > MESSAGE_MAX)
            return diag_fail(d, ST_LIMIT, "QMP socket %s: a message of more than %d bytes",
                             q->where, MESSAGE_MAX);
        uint8_t *p = realloc(q->buf, cap);
        if (!p)
            return diag_fail(d, ST_NOMEM, "QMP socket %s: out of memory", q->where);
        q->buf = p;
        q->cap = cap;
    }
    for (;;) {
        int st = wait_ready(q, POLLIN, deadline);
        if (st == ST_BUSY)
            return ST_BUSY;
        ssize_t n = st == ST_OK ? recv(q->fd, q->buf + q->have, q->cap - q->have, 0) : -1;
        if (n > 0) {
            q->have += (size_t)n;
            return ST_OK;
        }
        if (n == 0)
            return diag_fail(d, ST_IO, "QMP socket %s: QEMU closed the connection", q->where);
        if (errno != EINTR && errno != EAGAIN)
            return diag_fail(d, ST_IO, "QMP socket %s: %s", q->where, strerror(errno));
    }
}

/* The next message, whatever it is: the first q->taken bytes. ST_BUSY (without a story) when the
 * time is over. */
static int next_message(struct qmp *q, uint64_t deadline, struct diag *d, enum qmp_kind *ret)
{
    struct qmp_frame frame = {0};
    memmove(q->buf, q->buf + q->taken, q->have - q->taken);
    q->have -= q->taken;
    q->taken = 0;
    for (;;) {
        q->taken = qmp_message_end((struct bytes){q->buf, q->have}, &frame);
        if (q->taken)
            break;
        int st = receive_some(q, deadline, d);
        if (st != ST_OK)
            return st;
    }
    if (qmp_classify((struct bytes){q->buf, q->taken}, ret) != ST_OK)
        return diag_fail(d, ST_BROKEN, "QMP socket %s: what came is not JSON", q->where);
    return ST_OK;
}

static int send_all(struct qmp *q, const char *p, size_t n, uint64_t deadline, struct diag *d)
{
    while (n) {
        ssize_t sent = send(q->fd, p, n, MSG_NOSIGNAL);
        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        } else if (errno == EAGAIN) {
            if (wait_ready(q, POLLOUT, deadline) != ST_OK)
                return diag_fail(d, ST_IO, "QMP socket %s: QEMU takes no command", q->where);
        } else if (errno != EINTR) {
            return diag_fail(d, ST_IO, "QMP socket %s: %s", q->where, strerror(errno));
        }
    }
    return ST_OK;
}

static int greet(struct qmp *q, unsigned greeting_ms, struct diag *d)
{
    enum qmp_kind kind;
    struct bytes reply;
    int st = next_message(q, plat_now_ns() + greeting_ms * UINT64_C(1000000), d, &kind);
    if (st == ST_BUSY) {
        char how[48];
        snprintf(how, sizeof how, "no greeting within %u ms", greeting_ms);
        return taken(q->where, how, d);
    }
    if (st != ST_OK)
        return st;
    if (kind != QMP_GREETING)
        return diag_fail(d, ST_BROKEN, "%s is no QMP socket: its first message is no greeting",
                         q->where);
    return qmp_execute(q, "qmp_capabilities", NULL, d, &reply);
}

int qmp_open(const char *address, unsigned greeting_ms, struct diag *d, struct qmp *ret)
{
    struct qmp q = {.fd = -1};
    int n = snprintf(q.where, sizeof q.where, "%s", address);
    if (n < 0 || (size_t)n >= sizeof q.where)
        return diag_fail(d, ST_INVALID, "QMP socket %.60s...: the path is too long", address);
    bool tcp = !strncmp(address, "tcp:", 4);
    int st = tcp ? connect_tcp(address, greeting_ms, d, &q.fd)
                 : connect_unix(address, greeting_ms, d, &q.fd);
    if (st == ST_OK) {
        q.buf = malloc(READ_STEP);
        q.cap = READ_STEP;
        st = q.buf ? greet(&q, greeting_ms, d)
                   : diag_fail(d, ST_NOMEM, "QMP socket %s: out of memory", address);
    }
    if (st != ST_OK) {
        qmp_close(&q);
        return st;
    }
    *ret = q;
    return ST_OK;
}

static int command_failed(struct qmp *q, const char *command, struct diag *d)
{
    char why[256];
    if (!json_find_text((struct bytes){q->buf, q->taken}, "error.desc", why, sizeof why))
        snprintf(why, sizeof why, "an error without a description");
    return diag_fail(d, ST_UNSUPPORTED, "QMP command %s: QEMU says: %s", command, why);
}

int qmp_execute(struct qmp *q, const char *command, const char *arguments, struct diag *d,
                struct bytes *ret)
{
    char line[512];
    int n = snprintf(line, sizeof line, "{\"execute\":\"%s\"%s%s}\r\n", command,
                     arguments ? ",\"arguments\":" : "", arguments ? arguments : "");
    if (q->fd < 0)
        return diag_fail(d, ST_IO, "QMP command %s: not connected", command);
    if (n < 0 || (size_t)n >= sizeof line)
        return diag_fail(d, ST_INVALID, "QMP command %s: too long", command);
    uint64_t deadline = plat_now_ns() + QMP_REPLY_MS * UINT64_C(1000000);
    int st = send_all(q, line, (size_t)n, deadline, d);
    while (st == ST_OK) {
        enum qmp_kind kind;
        st = next_message(q, deadline, d, &kind);
        if (st == ST_OK && kind == QMP_FAILED)
            return command_failed(q, command, d);
        if (st == ST_OK && kind == QMP_RETURN) {
            *ret = (struct bytes){q->buf, q->taken};
            return ST_OK;
        }
    }
    /* A late answer would be taken for that of the next command. */
    close(q->fd);
    q->fd = -1;
    if (st == ST_BUSY)
        return diag_fail(d, ST_IO,
                         "QMP command %s on %s: no answer within %d s: QEMU hangs, or is stopped",
                         command, q->where, QMP_REPLY_MS / 1000);
    return st;
}

int qmp_human(struct qmp *q, const char *line, struct diag *d, const char **ret)
{
    char arguments[256];
    struct bytes reply;
    struct json j;
    int n = snprintf(arguments, sizeof arguments, "{\"command-line\":\"%s\"}", line);
    if (n < 0 || (size_t)n >= sizeof arguments || strpbrk(line, "\"\\"))
        return diag_fail(d, ST_INVALID, "monitor command %s: cannot be sent", line);
    int st = qmp_execute(q, "human-monitor-command", arguments, d, &reply);
    if (st != ST_OK)
        return st;
    if (!json_find(reply, "return", &j) || j.token != JSON_STRING)
        return diag_fail(d, ST_BROKEN, "monitor command %s: the answer is no text", line);
    free(q->text);
    q->text = malloc(j.text.n + 1);
    if (!q->text)
        return diag_fail(d, ST_NOMEM, "monitor command %s: out of memory", line);
    json_unescape(j.text, q->text, j.text.n + 1);
    *ret = q->text;
    return ST_OK;
}

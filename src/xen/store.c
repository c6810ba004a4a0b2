/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of xenstore: one request at a time; watch events that come in between are kept. A stream
 * that is broken or silent is given up, and the next request opens it anew (watches are lost then,
 * which its owner sees as a failure of that request).
 */
#include "xen/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/platform.h"

#define PATIENCE_NS (UINT64_C(5) * 1000000000u)

/* ---- the stream ------------------------------------------------------------------------------ */

static void drop_stream(struct xen *x)
{
    x->store->have = 0;
    plat_xen_store_close(x->plat);
}

void xen_store_close(struct xen *x)
{
    struct xen_store *s = x->store;
    if (!s)
        return;
    for (unsigned i = 0; i < s->nr_events; i++)
        free(s->event[(s->first_event + i) % STORE_EVENTS_MAX].path);
    free(s);
    x->store = NULL;
}

static int send_all(struct xen *x, const void *p, size_t n)
{
    while (n) {
        long v = plat_xen_store_write(x->plat, p, n);
        if (v == -EINTR)
            continue;
        if (v <= 0)
            return v ? (int)v : -EIO;
        p = (const uint8_t *)p + v;
        n -= (size_t)v;
    }
    return 0;
}

/*
 * Equal events are one: whoever gets it looks at the whole anyway. One more than there is room for
 * replaces the newest, so that something is seen to have changed; the number of different paths is
 * bounded by the watches that were set.
 */
static int keep_event(struct xen_store *s, const char *path, const char *token)
{
    size_t n = strlen(path) + 1, m = strlen(token) + 1;
    for (unsigned i = 0; i < s->nr_events; i++) {
        const struct store_event *e = &s->event[(s->first_event + i) % STORE_EVENTS_MAX];
        if (!strcmp(e->path, path) && !strcmp(e->token, token))
            return 0;
    }
    char *copy = malloc(n + m);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, path, n);
    memcpy(copy + n, token, m);
    if (s->nr_events == STORE_EVENTS_MAX)
        free(s->event[(s->first_event + --s->nr_events) % STORE_EVENTS_MAX].path);
    s->event[(s->first_event + s->nr_events++) % STORE_EVENTS_MAX] =
        (struct store_event){copy, copy + n};
    return 0;
}

/*
 * Takes one message out of the bytes that are there. 1: it was the answer to the request `id`,
 * which is in s->payload now, its type in *type; 0: more bytes are needed; 2: it was something
 * else; negative: the stream is broken.
 */
static int take_message(struct xen_store *s, uint32_t id, uint32_t *type, int *error)
{
    struct store_message m;
    const char *path, *token;
    int used = store_parse(s->in, s->have, &m), result = 2;
    if (used <= 0)
        return used ? -EIO : 0;
    if (m.type == STORE_WATCH_EVENT) {
        if (!store_parse_event(&m, &path, &token))
            return -EIO;
        if (keep_event(s, path, token))
            return -ENOMEM;
    } else if (id && m.id == id) {
        memcpy(s->payload, m.payload, m.n);
        s->payload[m.n] = '\0';
        s->payload_n = m.n;
        *type = m.type;
        *error = m.type == STORE_ERROR ? store_parse_error(&m) : 0;
        if (m.type == STORE_ERROR && !*error)
            *error = EIO;
        result = 1;
    } /* else: the answer to a request that was given up */
    s->have -= (size_t)used;
    memmove(s->in, s->in + used, s->have);
    return result;
}

static int receive(struct xen *x, uint64_t timeout_ns)
{
    struct xen_store *s = x->store;
    long v = plat_xen_store_read(x->plat, s->in + s->have, sizeof s->in - s->have, timeout_ns);
    if (v <= 0)
        return v ? (int)v : -EIO;
    if ((size_t)v > sizeof s->in - s->have)
        return -EIO;
    s->have += (size_t)v;
    return 0;
}

/* The answer to the newest request; 0 or a negative errno. */
static int await(struct xen *x, uint32_t type)
{
    uint64_t end = plat_now_ns() + PATIENCE_NS;
    uint32_t got;
    int error, v;
    for (;;) {
        while ((v = take_message(x->store, x->store->id, &got, &error)) == 2)
            ;
        if (v == 1)
            return got == STORE_ERROR ? -error : got == type ? 0 : -EIO;
        uint64_t now = plat_now_ns();
        if (v == 0)
            v = now < end ? receive(x, end - now) : -ETIMEDOUT;
        if (v == -EINTR)
            v = 0;
        if (v < 0)
            break;
    }
    drop_stream(x);
    if (v == -ETIMEDOUT)
        x->store->silent_until_ns = plat_now_ns() + 2 * PATIENCE_NS;
    return v;
}

/* One request: strings, each with its zero, and then bytes without. */
static int request(struct xen *x, enum store_type type, const char *first, const char *second,
                   const void *tail, size_t tail_n)
{
    if (!x->store && !(x->store = calloc(1, sizeof *x->store)))
        return -ENOMEM;
    struct xen_store *s = x->store;
    size_t n = strlen(first) + 1, m = second ? strlen(second) + 1 : 0;
    uint8_t out[STORE_HEADER + STORE_PAYLOAD_MAX];
    if (n > STORE_PAYLOAD_MAX || m > STORE_PAYLOAD_MAX || tail_n > STORE_PAYLOAD_MAX ||
        n + m + tail_n > STORE_PAYLOAD_MAX)
        return -E2BIG;
    if (s->silent_until_ns && plat_now_ns() < s->silent_until_ns)
        return -ETIMEDOUT;
    s->silent_until_ns = 0;
    if (!++s->id) /* 0 is no request */
        ++s->id;
    uint32_t header[4] = {type, s->id, 0, (uint32_t)(n + m + tail_n)};
    memcpy(out, header, sizeof header);
    memcpy(out + STORE_HEADER, first, n);
    if (m)
        memcpy(out + STORE_HEADER + n, second, m);
    if (tail_n)
        memcpy(out + STORE_HEADER + n + m, tail, tail_n);
    int err = send_all(x, out, STORE_HEADER + n + m + tail_n);
    if (err) {
        drop_stream(x);
        return err;
    }
    return await(x, type);
}

static int failed(struct xen *x, int error, const char *verb, const char *path)
{
    switch (-error) {
    case ENOENT:
        /* also what a daemon that is not there answers: its socket */
        return diag_fail(&x->diag, ST_ABSENT, "xenstore: %s: no such node, or no xenstored to ask",
                         path);
    case EACCES:
    case EPERM:
        return diag_fail(&x->diag, ST_DENIED,
                         "xenstore: %s: no permission to %s it; run as root in dom0, or let dom0 "
                         "grant it: xenstore-chmod %s r0",
                         path, verb, path);
    case ETIMEDOUT:
        return diag_fail(&x->diag, ST_IO, "xenstore: %s: no answer within 5 s", path);
    case ENOMEM:
        return diag_fail(&x->diag, ST_NOMEM, "xenstore: %s: no memory", path);
    case E2BIG:
        return diag_fail(&x->diag, ST_LIMIT, "xenstore: %s: more than a message holds", path);
    case EINVAL:
        return diag_fail(&x->diag, ST_INVALID, "xenstore: %s: is no path, or the request is none",
                         path);
    default:
        return diag_fail(&x->diag, ST_IO, "xenstore: %s: cannot %s it: %s", path, verb,
                         strerror(-error));
    }
}

/* ---- calls ----------------------------------------------------------------------------------- */

int xen_store_read(struct xen *x, const char *path, char *buf, size_t size, size_t *n)
{
    int err = request(x, STORE_READ, path, NULL, NULL, 0);
    if (err)
        return failed(x, err, "read", path);
    if (!size)
        return diag_fail(&x->diag, ST_INVALID, "xenstore: %s: no room for the value", path);
    size_t take = MIN_OF((size_t)x->store->payload_n, size - 1);
    memcpy(buf, x->store->payload, take);
    buf[take] = '\0';
    *n = take;
    return ST_OK;
}

int xen_store_write(struct xen *x, const char *path, const char *value)
{
    int err = request(x, STORE_WRITE, path, NULL, value, strlen(value));
    return err ? failed(x, err, "write", path) : ST_OK;
}

int xen_store_remove(struct xen *x, const char *path)
{
    int err = request(x, STORE_RM, path, NULL, NULL, 0);
    return err ? failed(x, err, "remove", path) : ST_OK;
}

/* Permissions are texts, "n0" "r1" ...: a letter and a domain; the first is the owner's, and for all
 * who are not listed (docs/misc/xenstore.txt). */
int xen_store_permit(struct xen *x, const char *path, uint32_t domain)
{
    char list[STORE_PAYLOAD_MAX], own[16];
    int err = request(x, STORE_GET_PERMS, path, NULL, NULL, 0);
    if (err)
        return failed(x, err, "read the permissions of", path);
    size_t n = x->store->payload_n, m = (size_t)snprintf(own, sizeof own, "r%u", (unsigned)domain) + 1;
    if (n + m > sizeof list)
        return failed(x, -E2BIG, "grant", path);
    memcpy(list, x->store->payload, n);
    const char *at = list, *one;
    while ((one = store_next_string(&at, list + n)) != NULL)
        if (!strcmp(one + 1, own + 1) && (*one == 'r' || *one == 'b'))
            return ST_OK;
    memcpy(list + n, own, m);
    err = request(x, STORE_SET_PERMS, path, NULL, list, n + m);
    return err ? failed(x, err, "change the permissions of", path) : ST_OK;
}

/* The callback may ask xenstore itself, so it gets the names from a copy. */
static int hand_out(struct xen *x, const char *list, size_t n,
                    int (*cb)(void *data, const char *name), void *data)
{
    char *copy = malloc(n + 1);
    if (!copy)
        return diag_fail(&x->diag, ST_NOMEM, "xenstore: no memory for a list");
    memcpy(copy, list, n);
    copy[n] = '\0';
    const char *at = copy, *name;
    while ((name = store_next_string(&at, copy + n)) != NULL && *name)
        if (cb(data, name))
            break;
    free(copy);
    return ST_OK;
}

enum { LIST_MAX = 4 << 20 };

/*
 * A list that does not fit one message comes in parts (XS_DIRECTORY_PART, xenstored 4.9): each
 * begins with the node's generation, and the last ends with an empty name. A node that changes
 * meanwhile is begun anew.
 */
static int read_parts(struct xen *x, const char *path, char **list, size_t *n)
{
    char offset[24], generation[32] = "";
    *list = NULL;
    *n = 0;
    for (unsigned rounds = 0; rounds < 4096 && *n < LIST_MAX; rounds++) {
        snprintf(offset, sizeof offset, "%zu", *n);
        int err = request(x, STORE_DIRECTORY_PART, path, offset, NULL, 0);
        if (err)
            return err;
        const char *at = (const char *)x->store->payload, *end = at + x->store->payload_n;
        const char *now = store_next_string(&at, end);
        if (!now)
            return -EIO;
        if (*n && strcmp(now, generation) != 0) {
            *n = 0;
            continue;
        }
        snprintf(generation, sizeof generation, "%s", now);
        size_t more = (size_t)(end - at);
        char *grown = realloc(*list, *n + more + 1);
        if (!grown)
            return -ENOMEM;
        *list = grown;
        memcpy(grown + *n, at, more);
        bool last = !more || (!at[more - 1] && (more == 1 || !at[more - 2]));
        *n += more;
        if (last)
            return 0;
    }
    return -E2BIG;
}

int xen_store_list(struct xen *x, const char *path, int (*cb)(void *data, const char *name),
                   void *data)
{
    int err = request(x, STORE_DIRECTORY, path, NULL, NULL, 0);
    if (!err)
        return hand_out(x, (const char *)x->store->payload, x->store->payload_n, cb, data);
    if (err != -E2BIG)
        return failed(x, err, "list", path);
    char *list;
    size_t n;
    err = read_parts(x, path, &list, &n);
    int st = err ? failed(x, err, "list", path) : hand_out(x, list, n, cb, data);
    free(list);
    return st;
}

int xen_store_watch(struct xen *x, const char *path, const char *token)
{
    int err = request(x, STORE_WATCH, path, token, NULL, 0);
    return err ? failed(x, err, "watch", path) : ST_OK;
}

int xen_store_unwatch(struct xen *x, const char *path, const char *token)
{
    int err = request(x, STORE_UNWATCH, path, token, NULL, 0);
    return err ? failed(x, err, "unwatch", path) : ST_OK;
}

int xen_store_event(struct xen *x, char *path, size_t path_size, char *token, size_t token_size)
{
    struct xen_store *s = x->store;
    uint32_t type;
    int error, v = 0;
    if (!s)
        return ST_ABSENT;
    /* What has come, without waiting, except for the rest of a message that has begun: xenstored
     * sends header and payload apart. */
    for (unsigned i = 0; i < STORE_EVENTS_MAX && !s->nr_events && v >= 0; i++) {
        while ((v = take_message(s, 0, &type, &error)) == 2)
            ;
        if (v == 0 && !s->nr_events)
            v = receive(x, s->have ? PATIENCE_NS : 0);
    }
    if (v < 0 && v != -ETIMEDOUT && v != -EINTR && v != -EAGAIN) {
        drop_stream(x);
        if (!s->nr_events)
            return failed(x, v, "watch", "the connection");
    }
    if (!s->nr_events)
        return ST_ABSENT;
    struct store_event *e = &s->event[s->first_event];
    snprintf(path, path_size, "%s", e->path);
    snprintf(token, token_size, "%s", e->token);
    free(e->path);
    s->first_event = (s->first_event + 1) % STORE_EVENTS_MAX;
    s->nr_events--;
    return ST_OK;
}

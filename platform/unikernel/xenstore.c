/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xenstore's ring (xen/include/public/io/xs_wire.h) shared by several users: the domain's own keys
 * (own.c) and each connection that src/xen makes. Their messages go out whole, with the user's
 * number in the request's id and in front of a watch's token; replies and watch events are sorted
 * into the users' queues by these, and handed on as they sent them.
 */
#include "guest.h"

#include <xen-public/io/xs_wire.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"

enum {
    HEADER = sizeof(struct xsd_sockmsg),
    MOST = HEADER + XENSTORE_PAYLOAD_MAX,
    USER_SHIFT = 28,
    TOKEN_PREFIX = 2, /* "3:" */
    MOST_QUEUED = 1 << 20
};

static struct {
    struct xenstore_domain_interface *ring;
    uint32_t port;
    uint8_t in[MOST]; /* the message that is coming in */
    size_t have;
    struct user {
        bool used;
        uint8_t out[MOST]; /* what it has sent of a message */
        size_t n_out;
        uint8_t *queue; /* what it has not fetched */
        size_t start, end, cap;
    } * user[STORE_USERS];
} store;

void store_start(void *ring, uint32_t port)
{
    store.ring = ring;
    store.port = port;
    if (ring)
        event_unmask(port);
}

bool store_connected(void)
{
    return store.ring != NULL;
}

int store_attach(void)
{
    if (!store.ring)
        return -1;
    for (int i = 0; i < STORE_USERS; i++) {
        if (!store.user[i])
            store.user[i] = calloc(1, sizeof *store.user[i]);
        if (!store.user[i])
            return -1;
        if (!store.user[i]->used) {
            store.user[i]->used = true;
            return i;
        }
    }
    return -1;
}

void store_detach(int who)
{
    struct user *u = store.user[who];
    free(u->queue);
    *u = (struct user){0};
}

/* ---- out ------------------------------------------------------------------------------------- */

static int ring_write(const uint8_t *p, size_t n)
{
    struct xenstore_domain_interface *r = store.ring;
    uint64_t until = plat_now_ns() + 10000000000ull;
    while (n) {
        uint32_t used = r->req_prod - __atomic_load_n(&r->req_cons, __ATOMIC_ACQUIRE);
        if (used >= XENSTORE_RING_SIZE) {
            if (plat_now_ns() >= until)
                return -ETIMEDOUT;
            event_take(store.port);
            if (r->req_prod - __atomic_load_n(&r->req_cons, __ATOMIC_ACQUIRE) >= XENSTORE_RING_SIZE)
                event_block(until);
            continue;
        }
        uint32_t at = MASK_XENSTORE_IDX(r->req_prod);
        size_t now = XENSTORE_RING_SIZE - used;
        now = now < XENSTORE_RING_SIZE - at ? now : XENSTORE_RING_SIZE - at;
        now = now < n ? now : n;
        memcpy(r->req + at, p, now);
        __atomic_store_n(&r->req_prod, r->req_prod + (uint32_t)now, __ATOMIC_SEQ_CST);
        event_notify(store.port);
        p += now;
        n -= now;
    }
    return 0;
}

/* A watch's token (its second text) gets the user's number in front. */
static int add_prefix(struct user *u, int who)
{
    struct xsd_sockmsg h;
    memcpy(&h, u->out, HEADER);
    uint8_t *path = u->out + HEADER, *end = memchr(path, 0, h.len);
    if (!end || h.len + TOKEN_PREFIX > XENSTORE_PAYLOAD_MAX)
        return -EINVAL;
    uint8_t *token = end + 1;
    memmove(token + TOKEN_PREFIX, token, (size_t)(path + h.len - token));
    token[0] = (uint8_t)('0' + who);
    token[1] = ':';
    h.len += TOKEN_PREFIX;
    memcpy(u->out, &h, HEADER);
    u->n_out += TOKEN_PREFIX;
    return 0;
}

static int send_message(struct user *u, int who)
{
    struct xsd_sockmsg h;
    memcpy(&h, u->out, HEADER);
    h.req_id = (h.req_id & ((1u << USER_SHIFT) - 1)) | (uint32_t)who << USER_SHIFT;
    memcpy(u->out, &h, HEADER);
    int st = h.type == XS_WATCH || h.type == XS_UNWATCH ? add_prefix(u, who) : 0;
    if (st == 0)
        st = ring_write(u->out, u->n_out);
    u->n_out = 0;
    return st;
}

long store_send(int who, const void *p, size_t n)
{
    struct user *u = store.user[who];
    struct xsd_sockmsg h;
    const uint8_t *from = p;
    for (size_t left = n; left;) {
        size_t want = HEADER;
        if (u->n_out >= HEADER) {
            memcpy(&h, u->out, HEADER);
            if (h.len > XENSTORE_PAYLOAD_MAX) {
                u->n_out = 0;
                return -EINVAL;
            }
            want = HEADER + h.len;
        }
        size_t now = want - u->n_out < left ? want - u->n_out : left;
        memcpy(u->out + u->n_out, from, now);
        u->n_out += now;
        from += now;
        left -= now;
        if (u->n_out < HEADER)
            continue;
        memcpy(&h, u->out, HEADER);
        if (u->n_out == HEADER + h.len) {
            int st = send_message(u, who);
            if (st)
                return st;
        }
    }
    return (long)n;
}

/* ---- in -------------------------------------------------------------------------------------- */

static void enqueue(struct user *u, const uint8_t *p, size_t n)
{
    if (u->start == u->end)
        u->start = u->end = 0;
    if (u->end + n > u->cap) {
        size_t cap = u->cap * 2 > u->end + n ? u->cap * 2 : u->end + n + 512;
        uint8_t *q = cap > MOST_QUEUED ? NULL : realloc(u->queue, cap);
        if (!q)
            return; /* a message is lost: who waits for it sees a time-out */
        u->queue = q;
        u->cap = cap;
    }
    memcpy(u->queue + u->end, p, n);
    u->end += n;
}

/* A whole message has come: whose is it? */
static void deliver(void)
{
    struct xsd_sockmsg h;
    memcpy(&h, store.in, HEADER);
    unsigned who = h.req_id >> USER_SHIFT;
    if (h.type == XS_WATCH_EVENT) {
        uint8_t *path = store.in + HEADER, *end = memchr(path, 0, h.len);
        if (!end || (size_t)(end - path) + 1 + TOKEN_PREFIX >= h.len)
            return;
        who = (unsigned)(end[1] - '0');
        memmove(end + 1, end + 1 + TOKEN_PREFIX, (size_t)(path + h.len - (end + 1 + TOKEN_PREFIX)));
        h.len -= TOKEN_PREFIX;
    }
    h.req_id &= (1u << USER_SHIFT) - 1;
    memcpy(store.in, &h, HEADER);
    if (who < STORE_USERS && store.user[who] && store.user[who]->used)
        enqueue(store.user[who], store.in, HEADER + h.len);
}

static size_t ring_read(uint8_t *p, size_t n)
{
    struct xenstore_domain_interface *r = store.ring;
    uint32_t have = __atomic_load_n(&r->rsp_prod, __ATOMIC_ACQUIRE) - r->rsp_cons;
    uint32_t at = MASK_XENSTORE_IDX(r->rsp_cons);
    size_t now = have < XENSTORE_RING_SIZE ? have : XENSTORE_RING_SIZE;
    now = now < XENSTORE_RING_SIZE - at ? now : XENSTORE_RING_SIZE - at;
    now = now < n ? now : n;
    memcpy(p, r->rsp + at, now);
    __atomic_store_n(&r->rsp_cons, r->rsp_cons + (uint32_t)now, __ATOMIC_SEQ_CST);
    return now;
}

/* Takes what is in the ring, as far as whole messages go. */
static void pump(void)
{
    bool took = false;
    event_take(store.port);
    for (;;) {
        struct xsd_sockmsg h = {0};
        size_t want = HEADER;
        if (store.have >= HEADER) {
            memcpy(&h, store.in, HEADER);
            if (h.len > XENSTORE_PAYLOAD_MAX) { /* not the protocol: nothing to hold on to */
                emergency("tinyvmi: xenstore sent nonsense; going on without it\n");
                store.ring = NULL;
                return;
            }
            want += h.len;
        }
        if (store.have < want) {
            size_t n = ring_read(store.in + store.have, want - store.have);
            if (!n)
                break;
            took = true;
            store.have += n;
            continue;
        }
        deliver();
        store.have = 0;
    }
    if (took)
        event_notify(store.port); /* there is room again */
}

bool store_has_bytes(int who)
{
    const struct user *u = store.user[who];
    if (u->start == u->end && store.ring)
        pump();
    return u->start != u->end;
}

long store_receive(int who, void *p, size_t n, uint64_t timeout_ns)
{
    struct user *u = store.user[who];
    uint64_t now = plat_now_ns();
    uint64_t until = timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
    while (!store_has_bytes(who)) {
        if (!store.ring)
            return -EIO;
        if (plat_now_ns() >= until)
            return -ETIMEDOUT;
        event_block(until);
    }
    size_t have = u->end - u->start;
    n = n < have ? n : have;
    memcpy(p, u->queue + u->start, n);
    u->start += n;
    return (long)n;
}

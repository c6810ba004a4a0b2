/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The domain's own keys in xenstore, relative to /local/domain/ID, all writable by a domain as the
 * toolstack makes it: control/shutdown (xl shutdown writes it, we empty it), and data/tinyvmi/,
 * where state and results are for whoever wants to read them, and "stop" ends us.
 */
#include "guest.h"

#include <xen-public/io/xs_wire.h>

#include <stdio.h>
#include <string.h>

#include "platform/platform.h"

enum { SHUTDOWN_KEY = 1, STOP_KEY, LAST_WRITE, OTHER };

static const char *const keys[] = {
    [SHUTDOWN_KEY] = "control/shutdown", [STOP_KEY] = "data/tinyvmi/stop"};

static struct {
    int who; /* as a user of the ring; -1: xenstore is not there */
    bool stop;
    bool written; /* LAST_WRITE was answered */
} own = {.who = -1};

static void request(uint32_t type, uint32_t id, const char *a, const char *b, size_t n_b)
{
    uint8_t buf[sizeof(struct xsd_sockmsg) + 1024];
    size_t n_a = strlen(a) + 1;
    struct xsd_sockmsg h = {.type = type, .req_id = id, .len = (uint32_t)(n_a + n_b)};
    if (own.who < 0 || n_a + n_b > 1024)
        return;
    memcpy(buf, &h, sizeof h);
    memcpy(buf + sizeof h, a, n_a);
    memcpy(buf + sizeof h + n_a, b, n_b);
    if (store_send(own.who, buf, sizeof h + h.len) < 0)
        own.who = -1;
}

static bool receive(void *p, size_t n)
{
    for (size_t got = 0; got < n;) {
        long st = store_receive(own.who, (char *)p + got, n - got, 1000000000);
        if (st <= 0)
            return false;
        got += (size_t)st;
    }
    return true;
}

static void message(void)
{
    static char text[XENSTORE_PAYLOAD_MAX + 1];
    struct xsd_sockmsg h;
    if (!receive(&h, sizeof h) || h.len > XENSTORE_PAYLOAD_MAX || !receive(text, h.len)) {
        own.who = -1;
        return;
    }
    text[h.len] = 0;
    if (h.type == XS_WATCH_EVENT) {
        const char *token = memchr(text, 0, h.len);
        unsigned key = token ? (unsigned)(token[1] - '0') : 0;
        if (key == SHUTDOWN_KEY || key == STOP_KEY)
            request(XS_READ, key, keys[key], NULL, 0);
    } else if (h.type == XS_READ && h.len && (h.req_id == SHUTDOWN_KEY || h.req_id == STOP_KEY)) {
        if (h.req_id == STOP_KEY && !strcmp(text, "crash"))
            __builtin_trap(); /* for the test of what a crash leaves behind */
        if (!own.stop)
            signal_stop();
        own.stop = true;
        if (h.req_id == SHUTDOWN_KEY) /* seen */
            request(XS_WRITE, OTHER, keys[SHUTDOWN_KEY], "", 0);
    } else if (h.req_id == LAST_WRITE) {
        own.written = true;
    }
}

bool own_stop_requested(void)
{
    while (own.who >= 0 && store_has_bytes(own.who))
        message();
    return own.stop;
}

void own_state(const char *key, const char *value)
{
    char path[128];
    snprintf(path, sizeof path, "data/tinyvmi/%s", key);
    own.written = false;
    request(XS_WRITE, LAST_WRITE, path, value, strlen(value));
    /* It is the toolstack that will read it: see that it is there before we are gone. */
    uint64_t until = plat_now_ns() + 1000000000;
    while (own.who >= 0 && !own.written && plat_now_ns() < until) {
        own_stop_requested();
        if (!own.written)
            event_block(until);
    }
}

void own_start(void)
{
    own.who = store_attach();
    for (unsigned key = SHUTDOWN_KEY; key <= STOP_KEY; key++) {
        char token[2] = {(char)('0' + key), 0};
        request(XS_WATCH, OTHER, keys[key], token, sizeof token);
    }
}

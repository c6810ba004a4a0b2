/* SPDX-License-Identifier: BSD-2-Clause */
/* The PV console: two rings in one page (xen/include/public/io/console.h). */
#include "guest.h"

#include <xen-public/io/console.h>
#include <xen-public/sched.h>

#include <string.h>

#include "platform/platform.h"

/* When nobody empties the ring for so long (xenconsoled is gone), output is dropped from then on:
 * an introspector that hangs on its console is no use. */
#define PATIENCE_NS 5000000000ull

static struct {
    struct xencons_interface *ring;
    uint32_t port;
    bool deaf; /* nobody reads */
} con;

void console_start(void *ring, uint32_t port)
{
    con.ring = ring;
    con.port = port;
    event_unmask(port);
}

/* Both indices count on without end. What the other side says is not trusted further than to write
 * within the ring. */
static uint32_t used(void)
{
    return con.ring->out_prod - __atomic_load_n(&con.ring->out_cons, __ATOMIC_ACQUIRE);
}

/* Waits until the ring holds less than `most` bytes; false when nobody takes them. */
static bool wait_below(uint32_t most)
{
    uint64_t until = plat_now_ns() + PATIENCE_NS;
    uint32_t before = used();
    while (used() >= most) {
        if (used() != before) {
            before = used();
            until = plat_now_ns() + PATIENCE_NS;
        }
        if (plat_now_ns() >= until)
            return false;
        event_take(con.port);
        if (used() >= most)
            event_block(until);
    }
    return true;
}

static void put(const char *p, size_t n)
{
    while (n && con.ring && !con.deaf) {
        uint32_t size = sizeof con.ring->out, have = used();
        if (have >= size) {
            event_notify(con.port);
            con.deaf = !wait_below(size);
            continue;
        }
        uint32_t at = con.ring->out_prod % size, room = size - have;
        size_t now = n < room ? n : room;
        now = now < size - at ? now : size - at;
        memcpy(con.ring->out + at, p, now);
        __atomic_store_n(&con.ring->out_prod, con.ring->out_prod + (uint32_t)now, __ATOMIC_SEQ_CST);
        p += now;
        n -= now;
    }
}

/* A terminal wants a carriage return with each new line. */
void console_write(const char *p, size_t n)
{
    while (n) {
        const char *end = memchr(p, '\n', n);
        size_t now = end ? (size_t)(end - p) : n;
        put(p, now);
        if (end) {
            put("\r\n", 2);
            now++;
        }
        p += now;
        n -= now;
    }
    if (con.ring)
        event_notify(con.port);
}

void console_drain(void)
{
    if (!con.ring || con.deaf)
        return;
    event_notify(con.port);
    wait_below(1);
}

int console_getc(void)
{
    struct xencons_interface *r = con.ring;
    while (r && r->in_cons == __atomic_load_n(&r->in_prod, __ATOMIC_ACQUIRE)) {
        if (own_stop_requested())
            return -1;
        event_take(con.port);
        if (r->in_cons == __atomic_load_n(&r->in_prod, __ATOMIC_ACQUIRE))
            event_block(UINT64_MAX);
    }
    if (!r)
        return -1;
    unsigned char c = (unsigned char)r->in[r->in_cons % sizeof r->in];
    __atomic_store_n(&r->in_cons, r->in_cons + 1, __ATOMIC_SEQ_CST);
    event_notify(con.port);
    return c;
}

void emergency(const char *text)
{
    hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, strlen(text), PTR(text), 0, 0);
    console_write(text, strlen(text));
}

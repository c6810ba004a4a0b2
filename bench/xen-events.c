/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events of a Xen guest: how many a second go round with an empty callback through LibVMI's API,
 * beside a plain loop over the ring in the same boot. Run in dom0 while the guest raises events all
 * the time (tests/xen/events-bench starts it so in the lab):
 *
 *   xen-events TARGET KIND [SECONDS [ROUNDS]]    KIND: cr3, cr3-async, cpuid, int3
 *
 * The plain loop is what tools/misc/xen-access.c of Xen does, with one notification an event: wait
 * with poll, read the port, unmask it, copy the request, answer, notify. Both set up the ring in
 * the same way. They take turns, SECONDS (3) each, ROUNDS (5) times; the figure is the median of
 * each.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <libvmi/events.h>

#include "source/source.h"
#include "xen/event_state.h"

enum { ROUNDS_MAX = 51 };

struct turn {
    unsigned long events;
    double seconds, cpu; /* cpu: of this process, user and system */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "xen-events: %s: %s\n", what, why);
    exit(1);
}

/* ---- ours
 * ---------------------------------------------------------------------------------------- */

static unsigned long counted;

static event_response_t empty(vmi_instance_t vmi, vmi_event_t *e)
{
    (void)vmi;
    counted++;
    if (e->type == VMI_EVENT_INTERRUPT)
        e->interrupt_event.reinject = 1;
    if (e->type != VMI_EVENT_CPUID)
        return VMI_EVENT_RESPONSE_NONE;
    e->x86_regs->rip += e->cpuid_event.insn_length;
    return VMI_EVENT_RESPONSE_SET_REGISTERS;
}

static void set_event(vmi_event_t *e, const char *kind)
{
    memset(e, 0, sizeof *e);
    SETUP_REG_EVENT(e, CR3, VMI_REGACCESS_W, 0, empty);
    e->reg_event.async = strcmp(kind, "cr3-async") == 0;
    if (strcmp(kind, "int3") == 0)
        SETUP_INTERRUPT_EVENT(e, empty);
    if (strcmp(kind, "cpuid") == 0)
        e->type = VMI_EVENT_CPUID;
}

static struct turn ours(const char *target, const char *kind, double seconds)
{
    vmi_instance_t vmi;
    vmi_event_t event;
    if (vmi_init(&vmi, VMI_XEN, target, VMI_INIT_DOMAINNAME | VMI_INIT_EVENTS, NULL, NULL) !=
        VMI_SUCCESS)
        die(target, "cannot be opened");
    set_event(&event, kind);
    if (vmi_register_event(vmi, &event) != VMI_SUCCESS)
        die(kind, "cannot be registered");
    while (!counted) /* both begin with the first event */
        vmi_events_listen(vmi, 1000);
    counted = 0;
    double began = now(), used = cpu(), t;
    do {
        vmi_events_listen(vmi, 100);
        t = now();
    } while (t - began < seconds);
    struct turn r = {counted, t - began, cpu() - used};
    vmi_clear_event(vmi, &event, NULL);
    vmi_destroy(vmi);
    return r;
}

/* ---- the plain loop
 * -------------------------------------------------------------------------------- */

struct plain {
    struct xen_events *e;
    int fd;
    uint32_t consumed;
};

static uint32_t load(const struct plain *p, unsigned at)
{
    return __atomic_load_n((uint32_t *)(void *)(p->e->page + at), __ATOMIC_ACQUIRE);
}

static void wait_plain(struct plain *p, int ms)
{
    struct pollfd f = {.fd = p->fd, .events = POLLIN};
    uint32_t port;
    if (poll(&f, 1, ms) == 1 && read(p->fd, &port, sizeof port) == sizeof port &&
        write(p->fd, &port, sizeof port) != sizeof port)
        die("event channel", "cannot be unmasked");
}

static unsigned long handle_plain(struct plain *p)
{
    const struct slot_abi *abi = p->e->abi;
    unsigned long n = 0;
    while (load(p, RING_REQ_PROD) != p->consumed) {
        uint8_t request[SLOT_MAX], response[SLOT_MAX] = {0};
        uint8_t *slot = p->e->page + RING_HEADER + (size_t)(p->consumed & 7) * abi->size;
        memcpy(request, slot, abi->size);
        p->consumed++;
        memcpy(response, request, SLOT_DATA); /* header and union */
        uint32_t flags = le32(request + 4) & SLOT_VCPU_PAUSED;
        if (le32(request + 8) == 10) { /* CPUID */
            memcpy(response + SLOT_DATA, request + SLOT_DATA, abi->size - SLOT_DATA);
            uint8_t *rip = response + SLOT_DATA + (abi->version < 4 ? 144 : 152);
            uint64_t next = le64(rip) + le32(request + SLOT_UNION);
            memcpy(rip, &next, sizeof next);
            flags |= SLOT_SET_REGISTERS;
        }
        if (le32(request + 8) == 6) { /* INT3 */
            struct event_request q = {.kind = EVENT_BREAKPOINT, .vcpu = le32(request + 12)};
            if (events_reinject(p->e, &q, 1) != ST_OK)
                die("int3", "cannot be given back");
        }
        memcpy(response + 4, &flags, sizeof flags);
        memcpy(slot, response, abi->size);
        __atomic_store_n((uint32_t *)(void *)(p->e->page + RING_RSP_PROD), p->consumed,
                         __ATOMIC_RELEASE);
        if (plat_xen_notify(p->e->x->plat, p->e->port))
            die("event channel", "cannot be notified");
        n++;
    }
    return n;
}

static struct event_trap trap_of(const char *kind)
{
    struct event_trap t = {.kind = EVENT_CR, .reg = EVENT_CR3};
    if (strcmp(kind, "cr3-async") == 0)
        t.flags = TRAP_ASYNC;
    if (strcmp(kind, "int3") == 0)
        t.kind = EVENT_BREAKPOINT;
    if (strcmp(kind, "cpuid") == 0)
        t.kind = EVENT_CPUID;
    return t;
}

static struct turn plain(const char *target, const char *kind, double seconds)
{
    const struct source_options options = {0};
    const struct event_trap trap = trap_of(kind);
    struct source source;
    struct diag d = {0};
    struct plain p = {0};
    void *events;
    char name[96];
    snprintf(name, sizeof name, "xen:%s", target);
    if (source_open(name, &options, &d, &source) != ST_OK)
        die(target, d.text);
    if (source.event->open(&source, NULL, &d, &events) != ST_OK ||
        source.event->trap(events, &trap, true) != ST_OK)
        die(kind, d.text);
    p.e = events;
    p.fd = plat_xen_event_fd(p.e->x->plat);
    while (!handle_plain(&p))
        wait_plain(&p, 1000);
    unsigned long n = 0;
    double began = now(), used = cpu(), t;
    do {
        wait_plain(&p, 100);
        n += handle_plain(&p);
        t = now();
    } while (t - began < seconds);
    struct turn r = {n, t - began, cpu() - used};
    if (source.event->trap(events, &trap, false) != ST_OK)
        die(kind, d.text);
    handle_plain(&p);
    ring_attach(&p.e->ring, p.e->page, p.e->abi); /* the rest is closed in the ordinary way */
    source.event->close(events);
    source_close(&source);
    return r;
}

/* ---- figures
 * ----------------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v, unsigned n)
{
    qsort(v, n, sizeof *v, by_value);
    return v[n / 2];
}

int main(int argc, char **argv)
{
    double rate[2][ROUNDS_MAX], used[2][ROUNDS_MAX];
    if (argc < 3) {
        fprintf(stderr, "usage: xen-events TARGET cr3|cr3-async|cpuid|int3 [SECONDS [ROUNDS]]\n");
        return 2;
    }
    double seconds = argc > 3 ? strtod(argv[3], NULL) : 3;
    unsigned rounds = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 5;
    rounds = rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds ? rounds : 1;
    for (unsigned i = 0; i < rounds; i++) {
        for (unsigned who = 0; who < 2; who++) {
            counted = 0;
            struct turn t =
                who ? plain(argv[1], argv[2], seconds) : ours(argv[1], argv[2], seconds);
            rate[who][i] = (double)t.events / t.seconds;
            used[who][i] = t.events ? t.cpu / (double)t.events * 1e6 : 0;
        }
    }
    double a = median(rate[0], rounds), b = median(rate[1], rounds);
    printf(
        "%s: ours %.0f events/s, %.1f us each, %.1f us of CPU; plain loop %.0f events/s, %.1f us "
        "each, %.1f us of CPU; %.2f times\n",
        argv[2], a, 1e6 / a, median(used[0], rounds), b, 1e6 / b, median(used[1], rounds), a / b);
    return 0;
}

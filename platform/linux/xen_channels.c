/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
/*
 * Event channels through /dev/xen/evtchn (Linux, include/uapi/xen/evtchn.h), and xenstore's bytes
 * through xenstored's socket or, where xenstored runs in another domain, the kernel's connection.
 */
#include "xen_linux.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Requests 0, 1, 3 and 4 of type 'E'; their arguments are one or two unsigned. */
struct one_number {
    unsigned v;
};
struct two_numbers {
    unsigned domain, port;
};
#define EVTCHN_BIND_VIRQ   _IOC(_IOC_NONE, 'E', 0, sizeof(struct one_number))
#define EVTCHN_BIND_DOMAIN _IOC(_IOC_NONE, 'E', 1, sizeof(struct two_numbers))
#define EVTCHN_UNBIND      _IOC(_IOC_NONE, 'E', 3, sizeof(struct one_number))
#define EVTCHN_NOTIFY      _IOC(_IOC_NONE, 'E', 4, sizeof(struct one_number))

/* ---- event channels -------------------------------------------------------------------------- */

static int open_evtchn(struct plat_xen *x)
{
    if (x->evtchn < 0) {
        int fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            return -errno;
        x->evtchn = fd;
    }
    return 0;
}

/* Answers what the request answers: a port, or 0. */
static int ask(struct plat_xen *x, unsigned long request, void *arg)
{
    int err = open_evtchn(x);
    if (err)
        return err;
    int v = ioctl(x->evtchn, request, arg);
    return v < 0 ? -errno : v;
}

static int bound(int v, uint32_t *ret)
{
    if (v < 0)
        return v;
    *ret = (uint32_t)v;
    return 0;
}

int plat_xen_bind(struct plat_xen *x, uint32_t domain, uint32_t remote_port, uint32_t *ret)
{
    struct two_numbers a = {domain, remote_port};
    return bound(ask(x, EVTCHN_BIND_DOMAIN, &a), ret);
}

int plat_xen_bind_virq(struct plat_xen *x, unsigned virq, uint32_t *ret)
{
    struct one_number a = {virq};
    return bound(ask(x, EVTCHN_BIND_VIRQ, &a), ret);
}

int plat_xen_unbind(struct plat_xen *x, uint32_t port)
{
    struct one_number a = {port};
    unsigned kept = x->fired_at; /* nobody waits for this port any more */
    for (unsigned i = x->fired_at; i < x->nr_fired; i++)
        if (x->fired[i] != port)
            x->fired[kept++] = x->fired[i];
    x->nr_fired = kept;
    for (unsigned i = 0; i < x->nr_masked; i++)
        if (x->masked[i] == port)
            x->masked[i--] = x->masked[--x->nr_masked];
    int v = ask(x, EVTCHN_UNBIND, &a);
    return v < 0 ? v : 0;
}

int plat_xen_notify(struct plat_xen *x, uint32_t port)
{
    struct one_number a = {port};
    int v = ask(x, EVTCHN_NOTIFY, &a);
    return v < 0 ? v : 0;
}

/* The kernel masks a port when it fires, and unmasks what is written back. */
static void unmask_all(struct plat_xen *x)
{
    if (x->nr_masked && write(x->evtchn, x->masked, x->nr_masked * sizeof x->masked[0]) < 0)
        return; /* a port that was unbound meanwhile: nothing to be done about it */
    x->nr_masked = 0;
}

/* The next port that fired; false when none has. */
static bool next_port(struct plat_xen *x, uint32_t *port)
{
    if (x->evtchn < 0 || x->borrowed)
        return false;
    if (x->fired_at == x->nr_fired) {
        ssize_t n = read(x->evtchn, x->fired, sizeof x->fired);
        x->fired_at = 0;
        x->nr_fired = n > 0 ? (unsigned)n / sizeof x->fired[0] : 0;
        if (!x->nr_fired)
            return false;
    }
    *port = x->fired[x->fired_at++];
    x->masked[x->nr_masked++] = *port;
    return true;
}

int plat_xen_event_fd(struct plat_xen *x)
{
    return open_evtchn(x) ? -1 : x->evtchn;
}

/* The library is the program's: whoever has a handle has its functions. */
int plat_xen_adopt_events(struct plat_xen *x, void *handle)
{
    int (*descriptor)(void *) = NULL;
    *(void **)&descriptor = dlsym(RTLD_DEFAULT, "xenevtchn_fd");
    int fd = descriptor ? descriptor(handle) : -1;
    if (fd < 0)
        return -ENOSYS;
    if (x->evtchn >= 0)
        return x->evtchn == fd ? 0 : -EBUSY;
    x->evtchn = fd;
    x->borrowed = true;
    return 0;
}

void plat_xen_unmask(struct plat_xen *x, uint32_t port)
{
    if (x->evtchn >= 0 && write(x->evtchn, &port, sizeof port) < 0)
        return; /* as in unmask_all */
}

/* ---- waiting --------------------------------------------------------------------------------- */

static int wait_for(struct pollfd *p, unsigned n, uint64_t timeout_ns)
{
    struct timespec t = {.tv_sec = (time_t)(timeout_ns / 1000000000u),
                         .tv_nsec = (long)(timeout_ns % 1000000000u)};
    return ppoll(p, n, timeout_ns == UINT64_MAX ? NULL : &t, NULL);
}

int plat_xen_wait(struct plat_xen *x, uint64_t timeout_ns, uint32_t *port)
{
    if (x->fired_at < x->nr_fired && x->nr_masked < sizeof x->masked / sizeof x->masked[0])
        return next_port(x, port) ? 1 : 0;
    unmask_all(x);
    struct pollfd p[2] = {{.fd = x->borrowed ? -1 : x->evtchn, .events = POLLIN},
                          {.fd = x->store, .events = POLLIN}};
    if (wait_for(p, 2, timeout_ns) <= 0)
        return 0;
    if (p[0].revents && next_port(x, port))
        return 1;
    return p[1].revents ? 2 : 0;
}

/* ---- xenstore -------------------------------------------------------------------------------- */

static int connect_store(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    int err = -errno;
    close(fd);
    return err;
}

static int open_store(struct plat_xen *x)
{
    static const char *const sockets[] = {"/run/xenstored/socket", "/var/run/xenstored/socket"};
    static const char *const devices[] = {"/dev/xen/xenbus", "/proc/xen/xenbus"};
    int err = -ENOENT;
    for (unsigned i = 0; i < 2 && x->store < 0; i++) {
        int fd = connect_store(sockets[i]);
        if (fd >= 0)
            x->store = fd;
        else if (fd == -EACCES || fd == -EPERM)
            err = fd;
    }
    for (unsigned i = 0; i < 2 && x->store < 0; i++) {
        int fd = open(devices[i], O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
            x->store = fd;
            x->store_is_device = true;
        } else if (errno == EACCES || errno == EPERM) {
            err = -errno;
        }
    }
    return x->store < 0 ? err : 0;
}

long plat_xen_store_write(struct plat_xen *x, const void *p, size_t n)
{
    int err = x->store < 0 ? open_store(x) : 0;
    if (err)
        return err;
    /* A daemon that has ended must not end us with SIGPIPE. */
    ssize_t v = x->store_is_device ? write(x->store, p, n) : send(x->store, p, n, MSG_NOSIGNAL);
    return v < 0 ? -errno : v ? v : -EIO;
}

long plat_xen_store_read(struct plat_xen *x, void *p, size_t n, uint64_t timeout_ns)
{
    int err = x->store < 0 ? open_store(x) : 0;
    if (err)
        return err;
    struct pollfd f = {.fd = x->store, .events = POLLIN};
    int ready = wait_for(&f, 1, timeout_ns);
    if (ready < 0)
        return -errno;
    if (!ready)
        return -ETIMEDOUT;
    ssize_t v = read(x->store, p, n);
    return v < 0 ? -errno : v ? v : -EIO; /* the daemon has closed it */
}

void plat_xen_store_close(struct plat_xen *x)
{
    if (x->store >= 0)
        close(x->store);
    x->store = -1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* What the C library (picolibc) asks of the machine below it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"
#include "platform/platform.h"

/* ---- stdio: the console ---------------------------------------------------------------------- */

enum { LINE = 1024 };

static struct {
    char buf[LINE];
    size_t n;
} out;

static int out_flush(FILE *f)
{
    (void)f;
    console_write(out.buf, out.n);
    out.n = 0;
    return 0;
}

static int out_put(char c, FILE *f)
{
    out.buf[out.n++] = c;
    if (c == '\n' || out.n == LINE)
        out_flush(f);
    return (unsigned char)c;
}

static int in_get(FILE *f)
{
    (void)f;
    int c = console_getc();
    return c < 0 ? _FDEV_EOF : c;
}

static FILE console_out = FDEV_SETUP_STREAM(out_put, NULL, out_flush, _FDEV_SETUP_WRITE);
static FILE console_in = FDEV_SETUP_STREAM(NULL, in_get, NULL, _FDEV_SETUP_READ);
FILE *const stdin = &console_in;
FILE *const stdout = &console_out;
FILE *const stderr = &console_out; /* one console: the order of lines is kept */

/* ---- the rest -------------------------------------------------------------------------------- */

void *sbrk(ptrdiff_t bytes)
{
    void *p = mm_break(bytes);
    if (!p)
        errno = ENOMEM;
    return p ? p : (void *)-1;
}

void _exit(int status)
{
    char text[96];
    struct mm_usage m;
    out_flush(stdout);
    mm_usage(&m);
    snprintf(text, sizeof text, "of %zu KiB: start %zu, heap at most %zu, tables %zu", m.all / 1024,
             m.start / 1024, m.heap / 1024, m.tables / 1024);
    own_state("memory", text);
    snprintf(text, sizeof text, "%d", status);
    own_state("exit", text);
    guest_end(status);
}

void abort(void)
{
    out_flush(stdout);
    emergency("tinyvmi: CRASH: abort()\n");
    guest_crash();
}

void __stack_chk_fail(void) __attribute__((noreturn));
void __stack_chk_fail(void)
{
    emergency("tinyvmi: CRASH: a buffer on the stack was overrun\n");
    guest_crash();
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    uint64_t ns = clock == CLOCK_REALTIME ? time_wall_ns() : plat_now_ns();
    *ret = (struct timespec){(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    return 0;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    (void)zone;
    uint64_t ns = time_wall_ns();
    *ret = (struct timeval){(time_t)(ns / 1000000000u), (suseconds_t)(ns / 1000u % 1000000u)};
    return 0;
}

int nanosleep(const struct timespec *t, struct timespec *left)
{
    uint64_t end = plat_now_ns() + (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
    while (plat_now_ns() < end && !own_stop_requested())
        event_block(end);
    uint64_t now = plat_now_ns(), rest = now < end ? end - now : 0;
    if (left)
        *left = (struct timespec){(time_t)(rest / 1000000000u), (long)(rest % 1000000000u)};
    if (rest)
        errno = EINTR;
    return rest ? -1 : 0;
}

int usleep(useconds_t us)
{
    struct timespec t = {(time_t)(us / 1000000u), (long)(us % 1000000u) * 1000};
    return nanosleep(&t, NULL);
}

unsigned sleep(unsigned seconds)
{
    struct timespec t = {(time_t)seconds, 0}, left = {0};
    return nanosleep(&t, &left) ? (unsigned)left.tv_sec : 0;
}

void *mremap(void *p, size_t old_size, size_t new_size, int flags)
{
    (void)old_size;
    (void)new_size;
    (void)flags;
    return p;
}

int mprotect(void *p, size_t n, int prot)
{
    (void)p;
    (void)n;
    (void)prot;
    return 0;
}

int munmap(void *p, size_t n)
{
    (void)p;
    (void)n;
    return 0;
}

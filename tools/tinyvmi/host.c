/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command asks of the system that it runs on: terminal, clocks, signals. */
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "out.h"
#include "text.h"

unsigned host_columns(bool terminal)
{
    struct winsize size;
    uint64_t columns;
    const char *env = getenv("COLUMNS");
    /* What the user says goes before what the terminal says (POSIX XBD 8.3, COLUMNS). */
    if (env && parse_number(env, &columns) && columns >= 20 && columns < 10000)
        return (unsigned)columns;
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 0;
}

bool host_is_utf8(void)
{
    setlocale(LC_CTYPE, "");
    return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

bool host_is_terminal(FILE *f)
{
    return isatty(fileno(f));
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

size_t host_spare_memory(void)
{
    return SIZE_MAX;
}

uint64_t host_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t host_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

static void ending_signals(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGTERM);
    sigaddset(ret, SIGHUP);
}

void host_hold_signals(void)
{
    sigset_t set;
    ending_signals(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

bool host_interrupted(void)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
           sigismember(&pending, SIGHUP) == 1;
}

void host_sleep(uint64_t ns)
{
    sigset_t set;
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    ending_signals(&set);
    /* Taking the signal would hide it from host_interrupted: put it back. */
    int taken = sigtimedwait(&set, NULL, &t);
    if (taken > 0)
        raise(taken);
}

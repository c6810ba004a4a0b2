/* SPDX-License-Identifier: BSD-2-Clause */
#include "out.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

static unsigned terminal_width(bool terminal)
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

void out_init(struct out *o, enum colour_choice choice)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    setlocale(LC_CTYPE, "");
    *o = (struct out){.f = stdout, .terminal = host_is_terminal(stdout)};
    o->width = terminal_width(o->terminal);
    o->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
    /* https://no-color.org: set and not empty */
    o->colours = o->terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
    if (choice != COLOUR_AUTO)
        o->colours = choice == COLOUR_ALWAYS;
}

const char *colour_on(const struct out *o, enum colour c)
{
    static const char *const on[] = {"",         "\x1b[1m",  "\x1b[2m",  "\x1b[31m",
                                     "\x1b[32m", "\x1b[33m", "\x1b[34m", "\x1b[36m"};
    return o->colours ? on[c] : "";
}

const char *colour_off(const struct out *o, enum colour c)
{
    return o->colours && c != PLAIN ? "\x1b[0m" : "";
}

const char *out_ellipsis(const struct out *o)
{
    return o->utf8 ? "…" : "...";
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

/* ---- progress -------------------------------------------------------------------------------- */

enum { PATIENCE_NS = 1000000000, REDRAW_NS = 200000000 };

void progress_start(struct progress *p, const char *what, uint64_t total)
{
    *p = (struct progress){.what = what, .total = total, .start_ns = host_now_ns()};
    p->terminal = host_is_terminal(stderr);
}

void progress_at(struct progress *p, uint64_t done)
{
    if (!p->terminal)
        return;
    uint64_t now = host_now_ns(), elapsed = now - p->start_ns;
    if (elapsed < PATIENCE_NS || now - p->shown_ns < REDRAW_NS || p->total == 0)
        return;
    double rate = (double)done / ((double)elapsed / 1e9);
    uint64_t left = rate > 0 ? (uint64_t)((double)(p->total - done) / rate) : 0;
    struct str s = {0};
    str_fmt(&s, "%s %3u %%  ", p->what, (unsigned)((double)done * 100 / (double)p->total));
    str_size(&s, done);
    str_puts(&s, " of ");
    str_size(&s, p->total);
    str_puts(&s, "  ");
    str_size(&s, (uint64_t)rate);
    str_fmt(&s, "/s  %u:%02u left", (unsigned)(left / 60), (unsigned)(left % 60));
    fprintf(stderr, "\r%s\x1b[K", s.p);
    fflush(stderr);
    str_free(&s);
    p->shown_ns = now;
    p->shown = true;
}

void progress_end(struct progress *p)
{
    if (p->shown)
        fputs("\r\x1b[K", stderr);
}

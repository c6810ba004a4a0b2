/* SPDX-License-Identifier: BSD-2-Clause */
#include "out.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

void out_init(struct out *o, enum colour_choice choice)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    *o = (struct out){.f = stdout, .terminal = host_is_terminal(stdout)};
    o->width = host_columns(o->terminal);
    o->utf8 = host_is_utf8();
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

/* SPDX-License-Identifier: BSD-2-Clause */
/* Where output goes and what it can show; all that the command asks of the terminal and the clock.
 */
#ifndef TINYVMI_CLI_OUT_H
#define TINYVMI_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum colour { PLAIN, BOLD, DIM, RED, GREEN, YELLOW, BLUE, CYAN };

struct out {
    FILE *f;
    bool terminal; /* a person looks at it */
    bool colours;
    bool utf8;      /* box drawing, "…" and "✓" can be shown */
    unsigned width; /* columns; 0: no limit */
};

enum colour_choice { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

/* Standard output, looked at. */
void out_init(struct out *o, enum colour_choice choice);

/* Escape sequences, "" where there are no colours. */
const char *colour_on(const struct out *o, enum colour c);
const char *colour_off(const struct out *o, enum colour c);

/* "…" or "..." */
const char *out_ellipsis(const struct out *o);

/* host.c: what differs from one system to another */
bool host_is_terminal(FILE *f);
unsigned host_columns(bool terminal); /* how wide lines may be; 0: as wide as they are */
bool host_is_utf8(void);
size_t host_spare_memory(void); /* bytes that may be taken without asking; SIZE_MAX: plenty */
uint64_t host_now_ns(void);  /* monotonic */
uint64_t host_wall_ns(void); /* since 1970 */

/*
 * Ctrl-C and friends, for verbs that have something to put in order. host_hold_signals makes them
 * wait; from then on host_interrupted tells whether one came, and host_sleep ends early when one
 * comes.
 */
void host_hold_signals(void);
bool host_interrupted(void);
void host_sleep(uint64_t ns);

/* A line on standard error that shows how far something came; silent for the first second and when
 * nobody looks. */
struct progress {
    const char *what;
    uint64_t total; /* bytes */
    uint64_t start_ns, shown_ns;
    bool terminal, shown;
};

void progress_start(struct progress *p, const char *what, uint64_t total);
void progress_at(struct progress *p, uint64_t done);
void progress_end(struct progress *p);

#endif

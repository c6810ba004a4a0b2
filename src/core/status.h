/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a call can answer, and the story behind a failure.
 *
 * A status tells the kind of failure, so that code can act on it. The story for a person is built
 * once, where the failure happens, into the fixed buffer of a struct diag: nothing is allocated on
 * a fault. Hot paths (page walks, reads) return a status alone; the layer that knows what was being
 * read for whom adds the words.
 */
#ifndef TINYVMI_CORE_STATUS_H
#define TINYVMI_CORE_STATUS_H

#include <stdarg.h>
#include <stdint.h>

enum {
    ST_OK = 0,
    ST_ABSENT =
        -1, /* nothing is there: a hole, a page that is not present, a name that is not known */
    ST_BROKEN =
        -2, /* bytes that contradict themselves: damaged, forged, or not what they were taken for */
    ST_UNSUPPORTED = -3, /* understood, but not possible on this source or not implemented */
    ST_DENIED = -4,      /* the host refuses: permission, policy */
    ST_BUSY = -5,        /* somebody else holds it */
    ST_IO = -6,          /* the host failed: file, socket, process gone */
    ST_NOMEM = -7,
    ST_INVALID = -8, /* the caller's argument makes no sense */
    ST_LIMIT = -9, /* a bound that protects against hostile data was reached; what came before it is
                      valid */
};

#define MUST_USE __attribute__((warn_unused_result))

struct diag {
    int code; /* ST_*, of the newest failure; ST_OK when there was none */
    char text[512];
};

/* Records a failure and returns `code`, so that `return diag_fail(d, ST_BROKEN, "...")` reads well.
 * `d` may be NULL. */
int diag_fail(struct diag *d, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "what: " in front of the recorded story while an error travels up. Returns `code`. */
int diag_wrap(struct diag *d, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void diag_clear(struct diag *d);

/* One word for a status: "absent", "broken", ... A static string. */
const char *status_name(int code);

#endif

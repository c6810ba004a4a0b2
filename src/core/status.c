/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/status.h"

#include <stdio.h>

#include "core/bytes.h"

int diag_fail(struct diag *d, int code, const char *fmt, ...)
{
    if (!d)
        return code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(d->text, sizeof d->text, fmt, ap);
    va_end(ap);
    d->code = code;
    return code;
}

int diag_wrap(struct diag *d, int code, const char *fmt, ...)
{
    if (!d)
        return code;
    char story[sizeof d->text];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(story, sizeof story, fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    size_t at = MIN_OF((size_t)n, sizeof story - 1);
    if (d->text[0] && at + 3 < sizeof story) {
        size_t old = MIN_OF(strlen(d->text), sizeof story - at - 3);
        memcpy(story + at, ": ", 2);
        memcpy(story + at + 2, d->text, old);
        story[at + 2 + old] = '\0';
    }
    memcpy(d->text, story, sizeof story);
    d->code = code;
    return code;
}

void diag_clear(struct diag *d)
{
    d->code = ST_OK;
    d->text[0] = '\0';
}

const char *status_name(int code)
{
    static const char *const names[] = {
        "ok",   "absent", "broken",        "unsupported",      "denied",
        "busy", "i/o",    "out of memory", "invalid argument", "limit reached"};
    unsigned i = (unsigned)-code;
    return i < sizeof names / sizeof *names ? names[i] : "unknown status";
}

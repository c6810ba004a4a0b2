/* SPDX-License-Identifier: BSD-2-Clause */
#include "sym/isf_out.h"

#include <stdio.h>

void isf_flush(struct isf_out *w)
{
    if (w->n && !w->stopped)
        w->stopped = w->put(w->buffer, w->n, w->data) != 0;
    w->n = 0;
}

void isf_put_n(struct isf_out *w, const char *s, size_t n)
{
    if (n > ISF_BUFFER - w->n)
        isf_flush(w);
    memcpy(w->buffer + w->n, s, n); /* no piece is longer than the buffer */
    w->n += n;
}

void isf_put(struct isf_out *w, const char *s)
{
    isf_put_n(w, s, strlen(s));
}

void isf_put_u64(struct isf_out *w, uint64_t v)
{
    char digits[20], *p = digits + sizeof digits;

    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    isf_put_n(w, p, (size_t)(digits + sizeof digits - p));
}

void isf_put_i64(struct isf_out *w, int64_t v)
{
    if (v < 0)
        isf_put_n(w, "-", 1);
    isf_put_u64(w, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* A string in quotes. Names come from the guest: what is not plain ASCII is escaped. */
void isf_put_text(struct isf_out *w, const char *s)
{
    isf_put_n(w, "\"", 1);
    for (;;) {
        size_t n = 0;
        while (s[n] >= ' ' && s[n] <= '~' && s[n] != '"' && s[n] != '\\' && n < 1024)
            n++;
        isf_put_n(w, s, n);
        s += n;
        if (n == 1024)
            continue;
        if (!*s)
            break;
        char escaped[8];
        snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(uint8_t)*s++);
        isf_put_n(w, escaped, 6);
    }
    isf_put_n(w, "\"", 1);
}

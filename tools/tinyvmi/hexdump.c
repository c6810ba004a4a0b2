/* SPDX-License-Identifier: BSD-2-Clause */
#include "hexdump.h"

#include <string.h>

void hexdump_start(struct hexdump *h, struct out *o, uint64_t start, uint64_t end, bool squeeze)
{
    *h = (struct hexdump){.out = o, .squeeze = squeeze, .next = start};
    h->digits = (end | start) >> 32 ? ((end | start) >> 48 ? 16 : 12) : 8;
    /* Two digits and a blank a byte, one more in the middle, the characters between bars. */
    unsigned full = h->digits + 2 + 16 * 3 + 2 + 18;
    h->per_line = o->terminal && o->width && o->width < full ? 8 : 16;
}

static enum colour byte_colour(uint8_t b)
{
    return b == 0 ? DIM : b >= 0x20 && b < 0x7f ? PLAIN : BLUE;
}

/* Bytes in runs of one colour; `hex` or characters. */
static void put_bytes(struct hexdump *h, bool hex)
{
    struct out *o = h->out;
    enum colour now = PLAIN;
    for (unsigned i = 0; i < h->have; i++) {
        uint8_t b = h->line[i];
        if (hex && i)
            fputs(i == 8 ? "  " : " ", o->f);
        if (byte_colour(b) != now) {
            fputs(colour_off(o, now), o->f);
            now = byte_colour(b);
            fputs(colour_on(o, now), o->f);
        }
        if (hex)
            fprintf(o->f, "%02x", b);
        else
            fputc(b >= 0x20 && b < 0x7f ? b : '.', o->f);
    }
    fputs(colour_off(o, now), o->f);
}

static void put_line(struct hexdump *h)
{
    struct out *o = h->out;
    bool same =
        h->squeeze && h->have_last && h->have == h->per_line && !memcmp(h->line, h->last, h->have);
    uint64_t at = h->next - h->have;
    if (same && !h->squeezing)
        fputs("*\n", o->f);
    h->squeezing = same;
    if (!same) {
        unsigned used = h->have * 3 - 1 + (h->have > 8),
                 full = h->per_line * 3 - 1 + (h->per_line > 8);
        fprintf(o->f, "%s%0*llx%s  ", colour_on(o, CYAN), (int)h->digits, (unsigned long long)at,
                colour_off(o, CYAN));
        put_bytes(h, true);
        fprintf(o->f, "%*s  |", (int)(full - used), "");
        put_bytes(h, false);
        fputs("|\n", o->f);
    }
    memcpy(h->last, h->line, sizeof h->last);
    h->have_last = true;
    h->have = 0;
}

void hexdump_add(struct hexdump *h, const uint8_t *p, size_t n)
{
    while (n) {
        size_t k = h->per_line - h->have;
        k = n < k ? n : k;
        memcpy(h->line + h->have, p, k);
        h->have += (unsigned)k;
        h->next += k;
        p += k;
        n -= k;
        if (h->have == h->per_line)
            put_line(h);
    }
}

void hexdump_end(struct hexdump *h)
{
    if (h->have)
        put_line(h);
    if (h->squeezing) /* where the squeezed lines end */
        fprintf(h->out->f, "%0*llx\n", (int)h->digits, (unsigned long long)h->next);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* "ffffffff81a00000  7f 45 4c 46 02 01 01 00  00 00 00 00 00 00 00 00  |.ELF............|" */
#ifndef TINYVMI_CLI_HEXDUMP_H
#define TINYVMI_CLI_HEXDUMP_H

#include "out.h"

struct hexdump {
    struct out *out;
    unsigned per_line; /* 8 or 16 */
    unsigned digits;   /* of addresses */
    bool squeeze;      /* lines that equal the one above become one '*' */
    uint64_t next;     /* address that is expected next */
    uint8_t line[16];  /* what is not printed yet, or (squeezing) the line that was printed last */
    unsigned have;     /* bytes in `line` */
    uint8_t last[16];
    bool have_last, squeezing;
};

/* `end`: the last address plus one, for the number of digits. */
void hexdump_start(struct hexdump *h, struct out *o, uint64_t start, uint64_t end, bool squeeze);
/* Bytes that follow each other, in pieces of any size. */
void hexdump_add(struct hexdump *h, const uint8_t *p, size_t n);
void hexdump_end(struct hexdump *h);

#endif

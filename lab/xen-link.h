/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a target of lab/xen answers dom0: a ring of bytes in pages that it grants to dom0, since the
 * console carries some ten KB a second only. A command goes there over the console, a line
 * "ID KIND COMMAND"; the answer comes as frames with that ID, the last of them LINK_END with the
 * status as its four bytes.
 */
#ifndef LAB_XEN_LINK_H
#define LAB_XEN_LINK_H

#include <stdint.h>

#define LINK_MAGIC      0x314b4e4cu
#define LINK_PAGE       4096u
#define LINK_DATA_PAGES 64u
#define LINK_DATA       (LINK_DATA_PAGES * LINK_PAGE)
#define LINK_FRAME_MAX  16384u

/* The first page; the target prints its grant reference on the console, as "@link=REFERENCE". */
struct link {
    uint32_t magic;
    uint32_t produced; /* bytes ever, by the target */
    uint32_t consumed; /* bytes ever, by dom0: whole frames only */
    uint32_t references[LINK_DATA_PAGES];
};

enum { LINK_TEXT = 1, LINK_END = 2 };

struct frame {
    uint32_t id;
    uint32_t kind;
    uint32_t length; /* of what follows */
};

#endif

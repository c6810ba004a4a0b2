/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What finding the kallsyms tables and reading them share. Private to kallsyms.c and
 * kallsyms_locate.c.
 *
 * The bytes are the memory of a guest that may run: a length is read once, then checked, then used.
 */
#ifndef TINYVMI_SYM_KALLSYMS_INNER_H
#define TINYVMI_SYM_KALLSYMS_INNER_H

#include "sym/kallsyms.h"

#define KALLSYMS_TOKENS   256
#define KALLSYMS_MARKER   256        /* names between two markers */
#define KALLSYMS_MAX_SYMS (1u << 21) /* ten times what a large kernel has */
#define KALLSYMS_INDEX    (2 * KALLSYMS_TOKENS)

static inline uint8_t once8(const uint8_t *p)
{
    return *(const volatile uint8_t *)p;
}

/*
 * The compressed name at `pos` of `b`, which must end by `end`: where its codes begin and how many
 * there are. The length is a ULEB128 of at most two bytes (commit 73bbb94466fd, 6.1); before, it
 * was one byte that stayed below 128.
 */
static inline bool kallsyms_name(const uint8_t *b, uint64_t end, uint64_t pos, uint64_t *codes,
                                 uint32_t *len)
{
    if (end - pos < 2 || pos >= end)
        return false;
    uint32_t n = once8(b + pos++);
    if (n & 0x80)
        n = (n & 0x7f) | (uint32_t)once8(b + pos++) << 7;
    if (!n || n > end - pos)
        return false;
    *codes = pos;
    *len = n;
    return true;
}

/*
 * The address that entry `value` (already sign-extended) of the offsets table at index i stands
 * for.
 */
static inline uint64_t kallsyms_decode(const struct kallsyms_image *image,
                                       const struct kallsyms_layout *layout, uint64_t i,
                                       uint64_t raw)
{
    int64_t offset = (int32_t)(uint32_t)raw;
    uint64_t address = raw;

    switch (layout->encoding) {
    case KALLSYMS_ABSOLUTE:
        break;
    case KALLSYMS_RELATIVE:
        address = layout->relative_base + (uint32_t)raw;
        break;
    case KALLSYMS_RELATIVE_PERCPU:
        address = offset >= 0 ? (uint64_t)offset : layout->relative_base - 1 - (uint64_t)offset;
        break;
    case KALLSYMS_RELATIVE_PLACE:
        address = image->va + layout->offsets + 4 * i + (uint64_t)offset;
        break;
    }
    return image->ptr_size == 4 ? (uint32_t)address : address;
}

/* Entry i of the offsets table; the table must be inside the image. */
static inline uint64_t kallsyms_address(const struct kallsyms_image *image,
                                        const struct kallsyms_layout *layout, uint64_t i)
{
    const uint8_t *p = image->bytes.p + layout->offsets + i * layout->offset_size;

    return kallsyms_decode(image, layout, i, layout->offset_size == 8 ? le64(p) : le32(p));
}

#endif

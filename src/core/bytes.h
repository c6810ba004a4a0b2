/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that came from outside: little-endian reads at any alignment, arithmetic that cannot wrap,
 * bounded views. All guests that we read are little-endian; the host is, too (checked below).
 */
#ifndef TINYVMI_CORE_BYTES_H
#define TINYVMI_CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the host must be little-endian");

static inline uint16_t le16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t le32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t le64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* A view of bytes that somebody else owns. */
struct bytes {
    const uint8_t *p;
    size_t n;
};

/* Is [at, at+len) inside `n` bytes? Never wraps. */
static inline bool in_bounds(uint64_t at, uint64_t len, uint64_t n)
{
    return at <= n && len <= n - at;
}

/* The part [at, at+len) of a view, or one with p == NULL when it is not all inside. */
static inline struct bytes bytes_sub(struct bytes b, uint64_t at, uint64_t len)
{
    if (!in_bounds(at, len, b.n))
        return (struct bytes){0};
    return (struct bytes){b.p + at, (size_t)len};
}

/* `a + b` and `a * b`; false when the result does not fit. */
static inline bool add_fits(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

static inline bool mul_fits(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}

/* Writes a code point as UTF-8; returns its length. */
static inline unsigned put_utf8(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* .xz by liblzma, .gz by zlib; both in one go into a buffer that grows. */
#include "../platform.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct output {
    uint8_t *p;
    size_t room, limit;
};

/* More room behind what is used; 0, or a negative errno. */
static int grow(struct output *o)
{
    size_t more = o->room ? o->room * 2 : 1 << 20;

    if (o->room >= o->limit)
        return -EFBIG;
    more = more < o->limit ? more : o->limit;
    uint8_t *bigger = realloc(o->p, more);
    if (!bigger)
        return -ENOMEM;
    o->p = bigger;
    o->room = more;
    return 0;
}

static int unpack_xz(const uint8_t *p, size_t n, struct output *o, size_t *done)
{
    lzma_stream s = LZMA_STREAM_INIT;
    lzma_ret r;
    int err = 0;

    if (lzma_stream_decoder(&s, 1u << 30, LZMA_CONCATENATED) != LZMA_OK)
        return -ENOMEM;
    s.next_in = p;
    s.avail_in = n;
    do {
        if (s.total_out == o->room && (err = grow(o)) != 0)
            break;
        s.next_out = o->p + s.total_out;
        s.avail_out = o->room - (size_t)s.total_out;
        r = lzma_code(&s, LZMA_FINISH);
        if (r != LZMA_OK && r != LZMA_STREAM_END)
            err = r == LZMA_MEM_ERROR || r == LZMA_MEMLIMIT_ERROR ? -ENOMEM : -EBADMSG;
    } while (!err && r != LZMA_STREAM_END);
    *done = (size_t)s.total_out;
    lzma_end(&s);
    return err;
}

static int unpack_gz(const uint8_t *p, size_t n, struct output *o, size_t *done)
{
    z_stream s = {0};
    int r, err = 0;

    if (n > UINT32_MAX)
        return -EFBIG;
    if (inflateInit2(&s, 16 + MAX_WBITS) != Z_OK)
        return -ENOMEM;
    s.next_in = (uint8_t *)(uintptr_t)p; /* zlib does not write there */
    s.avail_in = (uInt)n;
    do {
        if (s.total_out == o->room && (err = grow(o)) != 0)
            break;
        size_t room = o->room - s.total_out;
        s.next_out = o->p + s.total_out;
        s.avail_out = (uInt)(room < 1u << 30 ? room : 1u << 30);
        r = inflate(&s, Z_NO_FLUSH);
        if (r != Z_OK && r != Z_STREAM_END)
            err = r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
    } while (!err && r != Z_STREAM_END);
    *done = s.total_out;
    inflateEnd(&s);
    return err;
}

int plat_unpack(const uint8_t *p, size_t n, size_t limit, uint8_t **ret, size_t *ret_n)
{
    static const uint8_t xz[] = {0xfd, '7', 'z', 'X', 'Z', 0}, gz[] = {0x1f, 0x8b};
    struct output o = {.limit = limit};
    size_t done = 0;
    int err = -ENOMSG;

    if (n >= sizeof xz && !memcmp(p, xz, sizeof xz))
        err = unpack_xz(p, n, &o, &done);
    else if (n >= sizeof gz && !memcmp(p, gz, sizeof gz))
        err = unpack_gz(p, n, &o, &done);
    if (err) {
        free(o.p);
        return err;
    }
    *ret = o.p;
    *ret_n = done;
    return 0;
}

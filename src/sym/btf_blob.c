/* SPDX-License-Identifier: BSD-2-Clause */
/* BTF's bytes: the blob, single types, strings. */
#include "sym/btf_inner.h"

#define HEADER    24
#define MAX_BYTES (256u << 20)

/* ---- the blob -------------------------------------------------------------------------------- */

struct header {
    uint32_t hdr_len, type_off, type_len, str_off, str_len;
};

/* The header, when it is sane; and the size of all. */
static uint64_t read_header(struct bytes b, struct header *ret)
{
    if (b.n < HEADER || le16(b.p) != 0xeb9f || b.p[2] != 1)
        return 0;
    struct header h = {le32(b.p + 4), le32(b.p + 8), le32(b.p + 12), le32(b.p + 16),
                       le32(b.p + 20)};
    uint64_t types = (uint64_t)h.type_off + h.type_len, strings = (uint64_t)h.str_off + h.str_len;
    uint64_t size = h.hdr_len + MAX_OF(types, strings);
    if (h.hdr_len < HEADER || h.hdr_len > 4096 || h.type_off % 4 || !h.type_len || !h.str_len ||
        size > MAX_BYTES)
        return 0;
    *ret = h;
    return size;
}

uint64_t btf_size(struct bytes b)
{
    struct header h;

    return read_header(b, &h);
}

bool btf_sections(struct bytes blob, struct bytes *types, struct bytes *strings)
{
    struct header h;
    uint64_t size = read_header(blob, &h);

    if (!size || size > blob.n)
        return false;
    *types = bytes_sub(blob, (uint64_t)h.hdr_len + h.type_off, h.type_len);
    *strings = bytes_sub(blob, (uint64_t)h.hdr_len + h.str_off, h.str_len);
    return types->p && strings->p && !strings->p[strings->n - 1];
}

uint32_t btf_record_length(struct bytes types, uint64_t at)
{
    if (!in_bounds(at, 12, types.n))
        return 0;
    uint32_t info = le32(types.p + at + 4), kind = info >> 24 & 0x1f;
    uint32_t n = 12 + btf_more(kind, info & 0xffff);
    return kind && kind < BTF_KINDS && in_bounds(at, n, types.n) ? n : 0;
}

int btf_search(struct bytes image, uint64_t from, struct bytes *ret)
{
    uint64_t budget = MAX_BYTES; /* bytes of candidates that are walked */

    /*
     * The section follows .notes, which is aligned to 4 (BTF in include/asm-generic/vmlinux.lds.h).
     */
    for (uint64_t at = (MIN_OF(from, image.n) + 3) & ~3ull; in_bounds(at, HEADER, image.n);
         at += 4) {
        struct bytes types, strings, blob = {image.p + at, image.n - at};
        if ((le32(blob.p) & 0xffffff) != 0x01eb9f || !btf_sections(blob, &types, &strings) ||
            strings.p[0])
            continue;
        uint64_t pos = 0;
        for (uint32_t n; pos < types.n && (n = btf_record_length(types, pos)); pos += n)
            ;
        if (pos == types.n) {
            *ret = (struct bytes){blob.p, (size_t)btf_size(blob)};
            return ST_OK;
        }
        if (budget < pos)
            return ST_LIMIT;
        budget -= pos;
    }
    return ST_ABSENT;
}

/* ---- single types ---------------------------------------------------------------------------- */

bool btf_type(const struct btf *b, uint32_t id, struct btf_type *ret)
{
    if (!id) {
        *ret = (struct btf_type){.kind = BTF_VOID};
        return true;
    }
    for (unsigned i = 0; b && id < b->first_id && i < 4; i++)
        b = b->base;
    if (!b || id < b->first_id || id - b->first_id >= b->nr)
        return false;
    uint64_t at = b->at[id - b->first_id];
    const uint8_t *p = b->types.p + at;
    uint32_t info = le32(p + 4), kind = info >> 24 & 0x1f;
    if (!kind || kind >= BTF_KINDS ||
        !in_bounds(at, 12 + btf_more(kind, info & 0xffff), b->types.n))
        return false;
    *ret = (struct btf_type){
        .name = le32(p),
        .size = le32(p + 8),
        .id = id,
        .vlen = (uint16_t)info,
        .kind = (uint8_t)kind,
        .flag = info >> 31,
        .more = p + 12,
    };
    return true;
}

static bool refers(unsigned kind)
{
    return kind == BTF_TYPEDEF || kind == BTF_VOLATILE || kind == BTF_CONST ||
           kind == BTF_RESTRICT || kind == BTF_TYPE_TAG;
}

bool btf_resolve(const struct btf *b, uint32_t id, struct btf_type *ret)
{
    struct btf_type t;

    for (unsigned i = 0; i < BTF_MAX_CHAIN; i++) {
        if (!btf_type(b, id, &t))
            return false;
        if (!refers(t.kind)) {
            *ret = t;
            return true;
        }
        id = t.size;
    }
    return false;
}

void btf_string(const struct btf *b, uint32_t offset, char *buf, size_t size)
{
    struct bytes s = btf_string_at(b, offset);
    size_t n = s.p ? strnlen((const char *)s.p, MIN_OF(s.n, size - 1)) : 0;

    memcpy(buf, s.p ? s.p : (const uint8_t *)"", n);
    buf[n] = 0;
}

int btf_type_size(const struct btf *b, uint32_t id, uint64_t *ret)
{
    uint64_t times = 1;
    struct btf_type t;

    for (unsigned i = 0; i < BTF_MAX_CHAIN; i++) {
        if (!btf_resolve(b, id, &t))
            return ST_BROKEN;
        uint64_t size = t.size;
        switch (t.kind) {
        case BTF_ARRAY:
            if (!mul_fits(times, le32(t.more + 8), &times))
                return ST_BROKEN;
            id = le32(t.more);
            continue;
        case BTF_PTR:
            size = b->ptr_size;
            break;
        case BTF_INT:
        case BTF_STRUCT:
        case BTF_UNION:
        case BTF_ENUM:
        case BTF_ENUM64:
        case BTF_FLOAT:
            break;
        default:
            return ST_ABSENT;
        }
        return mul_fits(times, size, ret) ? ST_OK : ST_BROKEN;
    }
    return ST_LIMIT;
}

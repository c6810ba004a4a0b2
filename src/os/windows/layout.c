/* SPDX-License-Identifier: BSD-2-Clause */
/* Resolving the layout against a profile's types, and the small reads that use it. */
#include <stdio.h>

#include "os/windows/windows.h"

const char *win_wanted(const struct windows_view *w, char *buf, size_t size)
{
    if (w->pdb.file[0])
        snprintf(buf, size, "the profile of %.64s, GUID %s, age %u (--profile FILE)", w->pdb.file,
                 w->pdb.guid, w->pdb.age);
    else
        snprintf(buf, size,
                 "a profile of this kernel (--profile FILE; what its PDB is called is "
                 "not in memory)");
    return buf;
}

static const struct {
    const char *spec;
    int32_t off32, off64;
} rows[W_COUNT] = {
#define LAYOUT_ROW(id, spec, o32, o64) {spec, o32, o64},
    WINDOWS_LAYOUT(LAYOUT_ROW)
#undef LAYOUT_ROW
};

/* One alternative: "_TYPE.member.path". */
static bool resolve(const struct types *t, const char *spec, struct win_member *ret)
{
    char type[64];
    const char *dot = strchr(spec, '.');
    struct vmi_member m;
    if (!dot || (size_t)(dot - spec) >= sizeof type)
        return false;
    memcpy(type, spec, (size_t)(dot - spec));
    type[dot - spec] = '\0';
    if (t->ops->member(t->self, type, dot + 1, &m) != ST_OK || m.bit_offset / 8 > 1 << 20)
        return false;
    *ret = (struct win_member){.off = (uint32_t)(m.bit_offset / 8),
                               .size = m.size <= 8 ? (uint32_t)m.size : 0,
                               .bit = (uint8_t)(m.bit_offset % 8),
                               .bits = (uint8_t)MIN_OF(m.bit_size, 64u),
                               .how = HOW_PROFILE};
    return true;
}

void win_layout_resolve(struct windows_view *w)
{
    const struct types *t = &w->v->types;
    for (size_t i = 0; i < W_COUNT; i++) {
        char one[128];
        for (const char *p = rows[i].spec; p && t->ops && !w->m[i].how; p = strchr(p, '|')) {
            p += *p == '|';
            size_t n = strcspn(p, "|");
            if (n >= sizeof one)
                continue;
            memcpy(one, p, n);
            one[n] = '\0';
            (void)resolve(t, one, &w->m[i]);
        }
        int32_t fixed = w->v->ptr_size == 8 ? rows[i].off64 : rows[i].off32;
        if (!w->m[i].how && fixed >= 0)
            w->m[i] = (struct win_member){.off = (uint32_t)fixed, .how = HOW_FIXED};
    }
}

int win_read(const struct windows_view *w, const struct aspace *as, uint64_t at, enum layout_id id,
             unsigned size, uint64_t *ret)
{
    const struct win_member *m = &w->m[id];
    uint64_t v = 0;
    if (!m->how)
        return ST_UNSUPPORTED;
    size_t n = m->bits ? MIN_OF((m->bit + m->bits + 7u) / 8u, 8u) : m->size ? m->size : size;
    int st = aspace_read(as, GVA(at + m->off), &v, MIN_OF(n, sizeof v), NULL);
    if (st != ST_OK)
        return st;
    if (m->bits)
        v = v >> m->bit & (m->bits < 64 ? (1ULL << m->bits) - 1 : ~0ULL);
    *ret = v;
    return ST_OK;
}

int win_ptr(const struct windows_view *w, const struct aspace *as, uint64_t at, enum layout_id id,
            uint64_t *ret)
{
    if (!w->m[id].how)
        return ST_UNSUPPORTED;
    return read_ptr(as, w->v->ptr_size, at + w->m[id].off, ret);
}

int win_symbol(const struct windows_view *w, const char *name, uint64_t *ret)
{
    struct vmi_symbol s;
    const struct symtab *t = &w->v->symbols;
    int st = t->ops ? t->ops->by_name(t->self, name, &s) : ST_ABSENT;
    if (st == ST_OK)
        *ret = s.address;
    return st;
}

bool win_kernel_pointer(const struct windows_view *w, uint64_t p)
{
    if (p & (w->v->ptr_size - 1))
        return false;
    /* the kernel's half: the upper one of canonical addresses; 2 GiB, or 3 with /3GB (then from
     * 0xc0000000) */
    return w->v->ptr_size == 8 ? p >> 47 == 0x1ffff : p >= 0x80000000 && p <= 0xffffffff;
}

uint64_t win_time(uint64_t filetime)
{
    const uint64_t unix_epoch = 116444736000000000ULL; /* Microsoft, "File Times" */
    return filetime > unix_epoch ? (filetime - unix_epoch) / 10000000 : 0;
}

/* ---- text ---- */

void win_utf8(const uint8_t *utf16, size_t n, char *buf, size_t size)
{
    size_t out = 0;
    for (size_t i = 0; i + 2 <= n && out + 5 <= size; i += 2) {
        uint32_t c = le16(utf16 + i);
        if (!c)
            break;
        if (c >= 0xd800 && c < 0xe000) {
            uint32_t low = i + 4 <= n ? le16(utf16 + i + 2) : 0;
            if (c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
                i += 2;
            } else {
                c = 0xfffd;
            }
        }
        out += put_utf8(c, buf + out);
    }
    if (size)
        buf[out] = '\0';
}

int win_unicode_as(const struct aspace *as, unsigned ptr_size, uint64_t at, char *buf, size_t size)
{
    uint8_t head[4], text[2048];
    uint64_t from;
    size_t got = 0;
    if (!size)
        return ST_INVALID;
    buf[0] = '\0';
    int st = aspace_read(as, GVA(at), head, sizeof head, NULL);
    if (st == ST_OK)
        st = read_ptr(as, ptr_size, at + ptr_size, &from);
    if (st != ST_OK)
        return st;
    size_t n = le16(head);
    if (n & 1 || n > le16(head + 2))
        return ST_BROKEN;
    if (!n)
        return ST_OK;
    st = aspace_read(as, GVA(from), text, MIN_OF(n, sizeof text), &got);
    win_utf8(text, got, buf, size);
    return st;
}

int win_unicode(const struct windows_view *w, const struct aspace *as, uint64_t at, char *buf,
                size_t size)
{
    return win_unicode_as(as, w->v->ptr_size, at, buf, size);
}

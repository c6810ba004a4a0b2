/* SPDX-License-Identifier: BSD-2-Clause */
#include "sym/compact.h"

#include <stdio.h>
#include <stdlib.h>

#include "sym/btf_inner.h"
#include "sym/symsort.h"

static const char magic[8] = "TINYVMI\n";

enum {
    VERSION = 1,
    HEADER = 512,
    AT_SIZE = 24,
    AT_HASH = 32,
    AT_ORIGIN = 40,
    AT_SECTIONS = 64,
    AT_DIALECT = 128,
    AT_BUILD_ID = 144,
    AT_BANNER = 208,
    AT_END = 464,
    SYMBOL = 16,
};

enum section { SYMBOLS, ORDER, TEXTS, TYPES, SECTIONS };

struct compact {
    struct bytes symbols, order, texts;
    uint32_t nr;
};

/* ---- checksum -------------------------------------------------------------------------------- */

#define PRIME 0x9e3779b97f4a7c15ull

struct hash {
    uint64_t lane[4], n;
};

/* Whole blocks of 32 bytes; only the last piece may have a rest. */
static void hash_add(struct hash *h, const uint8_t *p, size_t n)
{
    uint64_t a = h->lane[0], b = h->lane[1], c = h->lane[2], e = h->lane[3];
    uint8_t last[32] = {0};

    h->n += n;
    for (; n >= 32; n -= 32, p += 32) {
        a = (a ^ le64(p)) * PRIME;
        b = (b ^ le64(p + 8)) * PRIME;
        c = (c ^ le64(p + 16)) * PRIME;
        e = (e ^ le64(p + 24)) * PRIME;
    }
    if (n) {
        memcpy(last, p, n);
        a = (a ^ le64(last)) * PRIME;
        b = (b ^ le64(last + 8)) * PRIME;
        c = (c ^ le64(last + 16)) * PRIME;
        e = (e ^ le64(last + 24)) * PRIME;
    }
    *h = (struct hash){{a, b, c, e}, h->n};
}

static uint64_t hash_end(const struct hash *h)
{
    uint64_t v = h->n * PRIME;

    for (unsigned i = 0; i < 4; i++) {
        v = (v ^ h->lane[i] ^ h->lane[i] >> 32) * PRIME;
        v ^= v >> 29;
    }
    return v;
}

uint64_t compact_hash(struct bytes b)
{
    struct hash h = {{1, 2, 3, 4}, 0};

    hash_add(&h, b.p, b.n);
    return hash_end(&h);
}

/* Of a whole profile, the checksum's own bytes being 0. */
static uint64_t whole_hash(struct bytes b)
{
    struct hash h = {{1, 2, 3, 4}, 0};
    uint8_t header[HEADER];

    memcpy(header, b.p, HEADER);
    memset(header + AT_HASH, 0, 8);
    hash_add(&h, header, HEADER);
    hash_add(&h, b.p + HEADER, b.n - HEADER);
    return hash_end(&h);
}

/* ---- symbols in place ------------------------------------------------------------------------ */

static const uint8_t *symbol_at(const struct compact *c, uint32_t i)
{
    return c->symbols.p + (size_t)SYMBOL * i;
}

static const char *name_at(const struct compact *c, uint32_t i)
{
    uint32_t at = le32(symbol_at(c, i) + 8);

    return at < c->texts.n ? (const char *)c->texts.p + at : "";
}

/* The first symbol above `address`, or at it when `at` is set. */
static uint32_t first_above(const struct compact *c, uint64_t address, bool at)
{
    uint32_t low = 0, high = c->nr;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t a = le64(symbol_at(c, middle));
        if (a > address || (at && a == address))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void fill(const struct compact *c, uint32_t i, uint32_t next, struct vmi_symbol *ret)
{
    const uint8_t *p = symbol_at(c, i);
    uint64_t address = le64(p), size = next < c->nr ? le64(symbol_at(c, next)) - address : 0;

    *ret = (struct vmi_symbol){address, size, (char)p[12], name_at(c, i), ""};
}

static int by_name(void *self, const char *name, struct vmi_symbol *ret)
{
    const struct compact *c = self;
    uint32_t low = 0, high = c->nr, i;

    while (low < high) { /* the first whose name is not before it */
        uint32_t middle = low + (high - low) / 2;
        i = le32(c->order.p + 4 * (size_t)middle);
        if (i < c->nr && strcmp(name_at(c, i), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == c->nr)
        return ST_ABSENT;
    i = le32(c->order.p + 4 * (size_t)low);
    if (i >= c->nr || strcmp(name_at(c, i), name) != 0)
        return ST_ABSENT;
    fill(c, i, first_above(c, le64(symbol_at(c, i)), false), ret);
    return ST_OK;
}

static int by_address(void *self, uint64_t address, struct vmi_symbol *ret)
{
    const struct compact *c = self;
    uint32_t next = first_above(c, address, false);

    if (!next)
        return ST_ABSENT;
    fill(c, first_above(c, le64(symbol_at(c, next - 1)), true), next, ret);
    return ST_OK;
}

static int each(void *self, vmi_symbol_cb cb, void *data)
{
    const struct compact *c = self;
    uint32_t next = 0;

    for (uint32_t i = 0; i < c->nr; i++) {
        struct vmi_symbol s;
        for (next = MAX_OF(next, i + 1);
             next < c->nr && le64(symbol_at(c, next)) == le64(symbol_at(c, i)); next++)
            ;
        fill(c, i, next, &s);
        if (*s.name && cb(&s, data))
            break;
    }
    return ST_OK;
}

static uint64_t count(void *self)
{
    return ((struct compact *)self)->nr;
}

static void compact_close(void *self)
{
    free(self);
}

static const struct symtab_ops symbol_ops = {"compact profile", by_name, by_address, each, count,
                                             compact_close};

/* ---- opening --------------------------------------------------------------------------------- */

bool compact_is(struct bytes b)
{
    return b.n >= sizeof magic && !memcmp(b.p, magic, sizeof magic);
}

static bool ours(struct bytes b)
{
    return compact_is(b) && b.n >= HEADER && le32(b.p + 8) == VERSION && le64(b.p + AT_SIZE) == b.n;
}

bool compact_origin(struct bytes b, struct compact_origin *ret)
{
    if (!ours(b))
        return false;
    *ret = (struct compact_origin){le64(b.p + AT_ORIGIN), le64(b.p + AT_ORIGIN + 8),
                                   le64(b.p + AT_ORIGIN + 16)};
    return true;
}

static struct bytes section(struct bytes b, enum section s)
{
    const uint8_t *p = b.p + AT_SECTIONS + 16 * s;
    uint64_t at = le64(p);

    return at % 8 || at < HEADER ? (struct bytes){0} : bytes_sub(b, at, le64(p + 8));
}

/* A text of the header, which must be terminated. */
static bool header_text(struct bytes b, unsigned at, unsigned size, char *buf)
{
    memcpy(buf, b.p + at, size);
    return memchr(buf, 0, size) != NULL;
}

/* Symbols and the order of their names; the texts' end makes every name terminated. */
static bool open_symbols(struct bytes b, struct compact *c)
{
    c->nr = le32(b.p + 20);
    c->symbols = section(b, SYMBOLS);
    c->order = section(b, ORDER);
    c->texts = section(b, TEXTS);
    return c->symbols.p && c->order.p && c->texts.p && c->texts.n && !c->texts.p[c->texts.n - 1] &&
           c->symbols.n == (uint64_t)c->nr * SYMBOL && c->order.n == (uint64_t)c->nr * 4;
}

int compact_open(struct bytes b, struct diag *d, struct profile *ret)
{
    struct profile made = {.os = VMI_KIND_NONE};
    struct compact c = {0}, *kept;

    if (!compact_is(b))
        return diag_fail(d, ST_ABSENT, "this is no compact profile");
    if (b.n < HEADER || le32(b.p + 8) != VERSION)
        return diag_fail(d, ST_UNSUPPORTED,
                         "a compact profile of version %u, this program knows %d: build it anew",
                         b.n >= 12 ? le32(b.p + 8) : 0, VERSION);
    uint32_t ptr = le32(b.p + 12), os = le32(b.p + 16);
    if (!ours(b) || whole_hash(b) != le64(b.p + AT_HASH))
        return diag_fail(d, ST_BROKEN,
                         "the compact profile is cut or damaged (%zu bytes, it says %llu; its "
                         "checksum does not fit): build it anew",
                         b.n, (unsigned long long)le64(b.p + AT_SIZE));
    if ((ptr != 4 && ptr != 8) || (os != VMI_KIND_LINUX && os != VMI_KIND_WINDOWS) ||
        !header_text(b, AT_DIALECT, sizeof made.dialect, made.dialect) ||
        !header_text(b, AT_BUILD_ID, sizeof made.build_id, made.build_id) ||
        !header_text(b, AT_BANNER, sizeof made.banner, made.banner) || !open_symbols(b, &c))
        return diag_fail(d, ST_BROKEN, "the compact profile contradicts itself");
    made.os = (enum vmi_os_kind)os;
    made.ptr_size = ptr;
    struct bytes btf = section(b, TYPES);
    if (btf.n) {
        int st = btf_open(btf, ptr, NULL, d, &made.types);
        if (st != ST_OK)
            return diag_wrap(d, st, "the compact profile's types");
        btf_adopt(&made.types, "compact profile", NULL);
    }
    kept = malloc(sizeof *kept);
    if (!kept) {
        profile_close(&made);
        return diag_fail(d, ST_NOMEM, "no memory for a profile");
    }
    *kept = c;
    made.symbols = (struct symtab){&symbol_ops, kept};
    *ret = made;
    return ST_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

struct writer {
    uint8_t *p;
    size_t n;
};

static void put(struct writer *w, size_t at, uint64_t v, size_t n)
{
    memcpy(w->p + at, &v, n);
}

/* Begins a section of this size at the end of what was written. */
static size_t begin(struct writer *w, enum section s, size_t bytes)
{
    size_t at = w->n;

    put(w, AT_SECTIONS + 16 * (size_t)s, at, 8);
    put(w, AT_SECTIONS + 16 * (size_t)s + 8, bytes, 8);
    w->n = (at + bytes + 7) & ~(size_t)7;
    return at;
}

static void put_symbols(struct writer *w, const struct symsort *s)
{
    size_t at = begin(w, SYMBOLS, (size_t)s->nr * SYMBOL);

    for (uint32_t i = 0; i < s->nr; i++, at += SYMBOL) {
        put(w, at, s->entry[i].address, 8);
        put(w, at + 8, s->entry[i].name, 4);
        put(w, at + 12, (uint8_t)s->entry[i].type, 4);
    }
    at = begin(w, ORDER, (size_t)s->nr * 4);
    if (s->nr)
        memcpy(w->p + at, s->order, (size_t)s->nr * 4);
    at = begin(w, TEXTS, s->text_bytes);
    memcpy(w->p + at, s->text, s->text_bytes);
}

/* A BTF blob of our own around the sections of one. */
static void put_types(struct writer *w, struct bytes types, struct bytes strings)
{
    size_t at = begin(w, TYPES, types.n ? 24 + types.n + strings.n : 0);
    const uint32_t header[] = {0x0001eb9f,         24, 0, (uint32_t)types.n, (uint32_t)types.n,
                               (uint32_t)strings.n};

    if (!types.n)
        return;
    memcpy(w->p + at, header, sizeof header);
    memcpy(w->p + at + 24, types.p, types.n);
    memcpy(w->p + at + 24 + types.n, strings.p, strings.n);
}

static void put_header(struct writer *w, const struct profile *p,
                       const struct compact_origin *origin, uint32_t nr)
{
    memcpy(w->p, magic, sizeof magic);
    put(w, 8, VERSION, 4);
    put(w, 12, p->ptr_size == 4 ? 4 : 8, 4);
    put(w, 16, p->os, 4);
    put(w, 20, nr, 4);
    if (origin) {
        put(w, AT_ORIGIN, origin->size, 8);
        put(w, AT_ORIGIN + 8, origin->mtime_ns, 8);
        put(w, AT_ORIGIN + 16, origin->hash, 8);
    }
    memcpy(w->p + AT_DIALECT, p->dialect, strnlen(p->dialect, sizeof p->dialect - 1));
    memcpy(w->p + AT_BUILD_ID, p->build_id, strnlen(p->build_id, sizeof p->build_id - 1));
    memcpy(w->p + AT_BANNER, p->banner, strnlen(p->banner, sizeof p->banner - 1));
}

int compact_write(const struct profile *p, const struct compact_origin *origin, uint64_t from,
                  uint64_t slide, struct diag *d, uint8_t **ret, size_t *n)
{
    struct bytes types = {0}, strings = {0};
    struct symsort s;

    if (p->types.ops && !btf_bytes(&p->types, &types, &strings))
        return diag_fail(d, ST_UNSUPPORTED, "types from %s cannot be written into a profile",
                         p->types.ops->kind);
    int st = symsort_open(&p->symbols, from, slide, d, &s);
    if (st != ST_OK)
        return st;
    size_t room = HEADER + (size_t)s.nr * (SYMBOL + 4) + s.text_bytes + types.n + strings.n + 128;
    struct writer w = {calloc(1, room), HEADER};
    if (!w.p) {
        symsort_free(&s);
        return diag_fail(d, ST_NOMEM, "no memory for a profile of %zu bytes", room);
    }
    put_header(&w, p, origin, s.nr);
    put_symbols(&w, &s);
    put_types(&w, types, strings);
    symsort_free(&s);
    put(&w, AT_SIZE, w.n, 8);
    put(&w, AT_HASH, whole_hash((struct bytes){w.p, w.n}), 8);
    *ret = w.p;
    *n = w.n;
    return ST_OK;
}

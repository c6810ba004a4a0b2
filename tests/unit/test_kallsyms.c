/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kallsyms tables as scripts/kallsyms.c of each release writes them, made here from a list of
 * symbols; and tables that a hostile guest would write. System.map and ksymtab, the other tables of
 * a kernel's symbols, are tested beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sym/kallsyms.h"
#include "sym/ksymtab.h"
#include "sym/sysmap.h"

enum order { UNTIL_6_1, FROM_6_2, FROM_6_4, FROM_7_0 };

struct form {
    const char *name;
    enum order order;
    unsigned ptr_size, encoding, seqs;
};

static const struct form forms[] = {
    {"5.2 x86-64", UNTIL_6_1, 8, KALLSYMS_RELATIVE_PERCPU, 0},
    {"5.10 arm64", UNTIL_6_1, 8, KALLSYMS_RELATIVE, 0},
    {"6.1 i386", UNTIL_6_1, 4, KALLSYMS_RELATIVE, 0},
    {"5.10 not relative", UNTIL_6_1, 8, KALLSYMS_ABSOLUTE, 0},
    {"5.10 arm not relative", UNTIL_6_1, 4, KALLSYMS_ABSOLUTE, 0},
    {"6.2 x86-64", FROM_6_2, 8, KALLSYMS_RELATIVE_PERCPU, 1},
    {"6.3 arm64", FROM_6_2, 8, KALLSYMS_RELATIVE, 1},
    {"6.2 i386", FROM_6_2, 4, KALLSYMS_RELATIVE, 1},
    {"6.4 x86-64", FROM_6_4, 8, KALLSYMS_RELATIVE_PERCPU, 1},
    {"6.15 x86-64", FROM_6_4, 8, KALLSYMS_RELATIVE, 1},
    {"6.12 i386", FROM_6_4, 4, KALLSYMS_RELATIVE, 1},
    {"6.4 not relative", FROM_6_4, 8, KALLSYMS_ABSOLUTE, 1},
    {"7.0 x86-64", FROM_7_0, 8, KALLSYMS_RELATIVE_PLACE, 1},
    {"7.0 i386", FROM_7_0, 4, KALLSYMS_RELATIVE_PLACE, 1},
};

struct symbol {
    uint64_t address;
    char type;
    char name[320];
};

struct image {
    uint8_t *p;
    size_t n, room;
    uint64_t va;
    unsigned ptr_size, align;
    struct kallsyms_hint at;
    struct symbol *symbol;
    uint32_t nr;
};

static const char *const words[] = {"sys_",   "_task", "init",   "struct",
                                    "__x64_", "_lock", "per_cpu"};

static void put(struct image *i, const void *bytes, size_t n)
{
    while (i->n + n > i->room)
        i->p = realloc(i->p, i->room = i->room * 2 + 65536);
    memcpy(i->p + i->n, bytes, n);
    i->n += n;
}

static void put_int(struct image *i, uint64_t v, unsigned n)
{
    put(i, &v, n);
}

/* Aligns and returns the virtual address, as a label of scripts/kallsyms.c does. */
static uint64_t label(struct image *i)
{
    while (i->n % i->align)
        put_int(i, 0, 1);
    return i->va + i->n;
}

static void fill(struct image *i, size_t n)
{
    for (size_t k = 0; k < n; k += 4)
        put_int(i, (i->n * 2654435761u) ^ 0x5a5a5a5a, 4);
}

/*
 * Symbols of a kernel at `va`: per-CPU ones first where the encoding has them, then text and data.
 */
static void make_symbols(struct image *i, const struct form *f, uint32_t nr, const char *text)
{
    uint32_t percpu = f->encoding == KALLSYMS_RELATIVE_PERCPU ? nr / 10 : 0;

    i->nr = nr;
    i->symbol = calloc(nr, sizeof *i->symbol);
    for (uint32_t k = 0; k < nr; k++) {
        struct symbol *s = &i->symbol[k];
        s->address = k < percpu ? k * 16u : i->va + (uint64_t)((k - percpu) / 3) * 48;
        s->type = "TtDdBbRr"[k % 8];
        snprintf(s->name, sizeof s->name, "%s%s_%u", words[k % 7], words[k / 7 % 7], k);
    }
    snprintf(i->symbol[percpu + 1].name, 32, "%s", text);
    snprintf(i->symbol[nr - 3].name, 32, "__key.0");
    snprintf(i->symbol[nr - 1].name, 32, "__key.0");
    /* Longer than 127 codes: a length of two bytes, since 6.1. */
    if (f->order != UNTIL_6_1)
        memset(i->symbol[nr / 2].name, 'q', 300);
}

static unsigned compress(const char *s, uint8_t *out)
{
    unsigned n = 0;

    while (*s) {
        unsigned w = 0;
        while (w < 7 && strncmp(s, words[w], strlen(words[w])))
            w++;
        out[n++] = w < 7 ? (uint8_t)(200 + w) : (uint8_t)*s;
        s += w < 7 ? strlen(words[w]) : 1;
    }
    return n;
}

static void put_names(struct image *i)
{
    uint32_t *markers = calloc(i->nr / 256 + 1, 4), start;

    i->at.num_syms = label(i);
    put_int(i, i->nr, 4);
    i->at.names = label(i);
    start = (uint32_t)i->n;
    for (uint32_t k = 0; k < i->nr; k++) {
        char text[400];
        uint8_t codes[400];
        snprintf(text, sizeof text, "%c%s", i->symbol[k].type, i->symbol[k].name);
        unsigned n = compress(text, codes);
        if (k % 256 == 0)
            markers[k / 256] = (uint32_t)i->n - start;
        if (n < 128)
            put_int(i, n, 1);
        else
            put_int(i, (n & 0x7f) | 0x80 | n >> 7 << 8, 2);
        put(i, codes, n);
    }
    label(i);
    put(i, markers, 4 * ((i->nr + 255) / 256));
    free(markers);
}

static void put_tokens(struct image *i)
{
    uint16_t index[256];
    size_t start;

    i->at.token_table = label(i);
    start = i->n;
    for (unsigned c = 0; c < 256; c++) {
        index[c] = (uint16_t)(i->n - start);
        if (c >= 200 && c < 207)
            put(i, words[c - 200], strlen(words[c - 200]));
        else if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 c == '_' || c == '.')
            put_int(i, c, 1);
        put_int(i, 0, 1);
    }
    i->at.token_index = label(i);
    put(i, index, sizeof index);
}

static void put_offsets(struct image *i, const struct form *f)
{
    i->at.offsets = label(i);
    for (uint32_t k = 0; k < i->nr; k++) {
        uint64_t a = i->symbol[k].address;
        switch (f->encoding) {
        case KALLSYMS_ABSOLUTE:
            put_int(i, a, f->ptr_size);
            break;
        case KALLSYMS_RELATIVE:
            put_int(i, a - i->va, 4);
            break;
        case KALLSYMS_RELATIVE_PERCPU:
            put_int(i, a < i->va ? a : i->va - 1 - a, 4);
            break;
        default:
            put_int(i, a - (i->va + i->n), 4);
        }
    }
    if (f->encoding == KALLSYMS_RELATIVE || f->encoding == KALLSYMS_RELATIVE_PERCPU) {
        i->at.relative_base = label(i);
        put_int(i, i->va, f->ptr_size);
    }
}

static void put_seqs(struct image *i, const struct form *f)
{
    label(i);
    for (uint32_t k = 0; f->seqs && k < i->nr; k++)
        put(i, (uint8_t[]){(uint8_t)(k >> 16), (uint8_t)(k >> 8), (uint8_t)k}, 3);
}

static struct image make_with(const struct form *f, uint32_t nr, const char *text)
{
    struct image i = {.va = f->ptr_size == 8 ? 0xffffffff9a200000 : 0xc1000000,
                      .ptr_size = f->ptr_size,
                      .align = f->order == FROM_7_0 ? 4 : f->ptr_size};

    make_symbols(&i, f, nr, text);
    fill(&i, 40000);
    if (f->order < FROM_6_4)
        put_offsets(&i, f);
    put_names(&i);
    if (f->order == FROM_6_2)
        put_seqs(&i, f);
    put_tokens(&i);
    if (f->order >= FROM_6_4) {
        put_offsets(&i, f);
        put_seqs(&i, f);
    }
    fill(&i, 10000);
    return i;
}

static struct image make(const struct form *f, uint32_t nr)
{
    return make_with(f, nr, nr % 2 ? "_text" : "_stext");
}

static void drop(struct image *i)
{
    free(i->p);
    free(i->symbol);
}

static struct kallsyms_image view(const struct image *i)
{
    return (struct kallsyms_image){{i->p, i->n}, i->va, i->ptr_size};
}

/* The next symbol above number k, for its size. */
static uint64_t size_of(const struct image *i, uint32_t k)
{
    uint64_t a = i->symbol[k].address;

    for (uint32_t next = k + 1; next < i->nr; next++)
        if (i->symbol[next].address > a)
            return a < 0x80000000 && i->symbol[next].address > 0x80000000
                       ? 0
                       : i->symbol[next].address - a;
    return 0;
}

struct walk {
    const struct image *image;
    uint32_t nr;
};

static int compare(const struct vmi_symbol *s, void *data)
{
    struct walk *w = data;
    const struct symbol *want = &w->image->symbol[w->nr];

    assert_true(s->address == want->address);
    assert_int_equal(s->type, want->type);
    assert_string_equal(s->name, want->name);
    assert_true(s->size == size_of(w->image, w->nr));
    w->nr++;
    return 0;
}

static void check_table(const struct image *i, const struct kallsyms_layout *l)
{
    struct kallsyms_image image = view(i);
    struct diag d = {0};
    struct symtab t;
    struct vmi_symbol s;
    struct walk w = {i, 0};

    assert_int_equal(kallsyms_open(&image, l, &d, &t), ST_OK);
    assert_int_equal(t.ops->count(t.self), i->nr);
    assert_int_equal(t.ops->each(t.self, compare, &w), ST_OK);
    assert_int_equal(w.nr, i->nr);
    for (uint32_t k = 0; k < i->nr; k++) {
        const struct symbol *want = &i->symbol[k];
        assert_int_equal(t.ops->by_name(t.self, want->name, &s), ST_OK);
        assert_string_equal(s.name, want->name);
        if (k != i->nr - 1) /* its name is that of an earlier one */
            assert_true(s.address == want->address && s.size == size_of(i, k));
        assert_int_equal(t.ops->by_address(t.self, want->address + 3, &s), ST_OK);
        assert_true(s.address == want->address);
        /* Of several at one address the first is told. */
        bool alias = k && i->symbol[k - 1].address == want->address;
        assert_true(k == i->nr - 1 || alias == !!strcmp(s.name, want->name));
    }
    assert_int_equal(t.ops->by_name(t.self, "nowhere", &s), ST_ABSENT);
    assert_int_equal(t.ops->by_name(t.self, "", &s), ST_ABSENT);
    if (i->symbol[0].address)
        assert_int_equal(t.ops->by_address(t.self, i->symbol[0].address - 1, &s), ST_ABSENT);
    t.ops->close(t.self);
}

static void every_layout(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {257, 256, 3000, 2999, 3001, 3002, 7 * 256, 7 * 256 + 1};

    for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
        for (size_t n = 0; n < ARRAY_LEN(sizes); n++) {
            struct image i = make(&forms[k], sizes[n]);
            struct kallsyms_image image = view(&i);
            struct kallsyms_layout l;
            struct diag d = {0};
            if (kallsyms_locate(&image, NULL, &d, &l) != ST_OK)
                fail_msg("%s, %u symbols: %s", forms[k].name, sizes[n], d.text);
            if (l.num_syms != i.nr || l.encoding != forms[k].encoding || !l.named)
                fail_msg("%s, %u symbols: taken for %d", forms[k].name, sizes[n], l.encoding);
            assert_true(l.offsets + i.va == i.at.offsets);
            assert_true(!l.seqs_of_names == !forms[k].seqs);
            if (n < 3)
                check_table(&i, &l);
            drop(&i);
        }
    }
}

static void hints(void **state)
{
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
        struct image i = make(&forms[k], 3000);
        struct kallsyms_image image = view(&i);
        struct kallsyms_layout by_shape, by_hint;
        assert_int_equal(kallsyms_locate(&image, NULL, NULL, &by_shape), ST_OK);
        /* What the hint names is found even where the shape is spoilt: here, the first marker. */
        memset(i.p + by_shape.markers, 0xff, 4);
        assert_int_not_equal(kallsyms_locate(&image, NULL, NULL, &by_hint), ST_OK);
        assert_int_equal(kallsyms_locate(&image, &i.at, NULL, &by_hint), ST_OK);
        assert_int_equal(by_hint.encoding, forms[k].encoding);
        assert_true(by_hint.names == by_shape.names && by_hint.offsets == by_shape.offsets &&
                    !by_hint.markers);
        check_table(&i, &by_hint);
        /* A hint that lies is no worse than none. */
        memset(i.p + by_shape.markers, 0, 4);
        struct kallsyms_hint lie = i.at;
        lie.names += 4;
        lie.token_index = UINT64_MAX - 3;
        assert_int_equal(kallsyms_locate(&image, &lie, NULL, &by_hint), ST_OK);
        assert_true(by_hint.names == by_shape.names);
        drop(&i);
    }
}

/* Without an address for the image, relative_base tells where the kernel lies. */
static void unknown_address(void **state)
{
    (void)state;
    struct image i = make(&forms[0], 1000);
    struct kallsyms_image image = view(&i);
    struct kallsyms_layout l;

    image.va = 0;
    assert_int_equal(kallsyms_locate(&image, NULL, NULL, &l), ST_OK);
    assert_true(l.relative_base == i.va && l.named);
    drop(&i);
}

static void decoys(void **state)
{
    (void)state;
    struct image i = make(&forms[8], 2000), all = {.va = i.va, .ptr_size = 8, .align = 8};
    struct kallsyms_layout l;

    /*
     * Token tables with nothing in front of them, then complete tables without _text, then the real
     * ones.
     */
    for (unsigned k = 0; k < 50; k++) {
        put_tokens(&all);
        fill(&all, 64);
    }
    struct image fake = make_with(&forms[8], 600, "_tent");
    put(&all, fake.p, fake.n);
    label(&all);
    size_t real = all.n;
    put(&all, i.p, i.n);
    struct kallsyms_image image = view(&all);
    assert_int_equal(kallsyms_locate(&image, NULL, NULL, &l), ST_OK);
    assert_int_equal(l.num_syms, 2000);
    assert_true(l.token_table == real + i.at.token_table - i.va);
    /* With no better one, the tables without _text are taken, and say so. */
    image = view(&fake);
    assert_int_equal(kallsyms_locate(&image, NULL, NULL, &l), ST_OK);
    assert_false(l.named);
    drop(&fake);
    drop(&all);
    drop(&i);
}

static void truncated_and_damaged(void **state)
{
    (void)state;
    struct image i = make(&forms[8], 700);
    struct kallsyms_layout l, good;
    struct kallsyms_image image = view(&i);
    struct symtab t;
    struct diag d = {0};

    assert_int_equal(kallsyms_locate(&image, NULL, &d, &good), ST_OK);
    for (size_t n = 0; n < i.n; n += n < 40000 ? 4001 : 97) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, i.p, n);
        image.bytes = (struct bytes){copy, n};
        if (kallsyms_locate(&image, &i.at, &d, &l) == ST_OK)
            assert_true(n > good.offsets + 4 * 700);
        bool whole = n >= good.offsets + 4 * 700;
        assert_int_equal(kallsyms_open(&image, &good, &d, &t), whole ? ST_OK : ST_INVALID);
        if (whole)
            t.ops->close(t.self);
        free(copy);
    }
    /*
     * The guest overwrites its tables while we use them: answers may be wrong, never out of bounds
     * (ASan looks on).
     */
    image = view(&i);
    assert_int_equal(kallsyms_open(&image, &good, &d, &t), ST_OK);
    uint32_t seed = 1;
    for (unsigned k = 0; k < 2000; k++) {
        struct vmi_symbol s;
        seed = seed * 1664525 + 1013904223;
        i.p[good.names + seed % (i.n - good.names)] = (uint8_t)(seed >> 24);
        (void)t.ops->by_name(t.self, i.symbol[k % 700].name, &s);
        (void)t.ops->by_address(t.self, i.symbol[k % 700].address, &s);
    }
    memset(i.p, 0xff, i.n);
    struct vmi_symbol s;
    (void)t.ops->by_name(t.self, "_text", &s);
    (void)t.ops->by_address(t.self, i.va + 100, &s);
    t.ops->close(t.self);
    assert_int_equal(kallsyms_locate(&image, NULL, &d, &l), ST_ABSENT);
    assert_non_null(strstr(d.text, "token table"));
    image.ptr_size = 3;
    assert_int_equal(kallsyms_locate(&image, NULL, &d, &l), ST_INVALID);
    drop(&i);
}

/* ---- System.map ------------------------------------------------------------------------------ */

static struct bytes text(const char *s)
{
    return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void system_map(void **state)
{
    (void)state;
    struct symtab t;
    struct vmi_symbol s;
    struct diag d = {0};

    assert_int_equal(
        sysmap_open(text("ffffffff81000000 T _text\nffffffff81000000 T _stext\n\nffffffff81000100 "
                         "t a.b\r\nffffffff81000200 r .L1\0021\n"
                         "ffffffffc0000000 t in_module\t[ext4]\n0000000000000010 D early"),
                    &d, &t),
        ST_OK);
    assert_int_equal(t.ops->count(t.self), 5);
    assert_int_equal(t.ops->by_name(t.self, "_text", &s), ST_OK);
    assert_true(s.address == 0xffffffff81000000 && s.size == 0x100 && s.type == 'T');
    assert_int_equal(t.ops->by_name(t.self, "in_module", &s), ST_ABSENT);
    assert_int_equal(t.ops->by_address(t.self, 0xffffffff810000ff, &s), ST_OK);
    assert_string_equal(s.name, "_text");
    assert_int_equal(t.ops->by_address(t.self, 0xf, &s), ST_ABSENT);
    assert_int_equal(t.ops->by_name(t.self, "a.b", &s), ST_OK);
    assert_true(s.size == 0x100);
    assert_int_equal(t.ops->by_name(t.self, ".L1\0021", &s), ST_OK);
    t.ops->close(t.self);

    assert_int_equal(sysmap_open(text("Linux version 6.1\n"), &d, &t), ST_ABSENT);
    assert_int_equal(sysmap_open(text(""), &d, &t), ST_ABSENT);
    assert_int_equal(sysmap_open(text("10 T a\n20 T b\nzz\n"), &d, &t), ST_BROKEN);
    assert_non_null(strstr(d.text, "line 3"));
    assert_int_equal(sysmap_open(text("11112222333344445 T too_long\n"), &d, &t), ST_ABSENT);
    assert_int_equal(sysmap_open(text("10 T \n"), &d, &t), ST_ABSENT);
}

/* ---- ksymtab --------------------------------------------------------------------------------- */

static void exported(unsigned stride, bool relative, unsigned ptr)
{
    struct image i = {
        .va = ptr == 8 ? 0xffffffff81000000 : 0xc0000000, .ptr_size = ptr, .align = 4};
    struct kallsyms_image image;
    struct symtab t;
    struct vmi_symbol s;
    uint32_t name[1500];

    fill(&i, 3000);
    for (unsigned k = 0; k < 1500; k++) {
        char buf[32];
        name[k] = (uint32_t)i.n;
        put(&i, buf, (size_t)snprintf(buf, sizeof buf, "symbol_%04u", k % 1000) + 1);
    }
    fill(&i, 3000);
    label(&i);
    for (unsigned k = 0; k < 1500; k++) {
        uint64_t at = i.va + i.n, value = i.va + 0x100 + 8 * k, text_at = i.va + name[k];
        for (unsigned f = 0; f < stride / (relative ? 4 : ptr); f++) {
            uint64_t v = f == 0 ? value : f == 1 ? text_at : 0;
            put_int(&i, relative ? (f == 2 ? 0 : v - at - 4 * f) : v, relative ? 4 : ptr);
        }
    }
    fill(&i, 3000);
    image = view(&i);
    assert_int_equal(ksymtab_open(&image, NULL, &t), ST_OK);
    assert_in_range(t.ops->count(t.self), 1500, 1503);
    assert_int_equal(t.ops->by_name(t.self, "symbol_0000", &s), ST_OK);
    assert_true(s.address == i.va + 0x100);
    assert_int_equal(t.ops->by_name(t.self, "symbol_0999", &s), ST_OK);
    assert_true(s.address == i.va + 0x100 + 8 * 999);
    t.ops->close(t.self);
    drop(&i);
}

static void exported_symbols(void **state)
{
    (void)state;
    struct image i = {.va = 0xffffffff81000000, .ptr_size = 8, .align = 8};
    struct kallsyms_image image;
    struct symtab t;

    exported(12, true, 8);
    exported(8, true, 8);
    exported(12, true, 4);
    exported(24, false, 8);
    exported(12, false, 4);
    exported(8, false, 4);
    fill(&i, 100000);
    image = view(&i);
    assert_int_equal(ksymtab_open(&image, NULL, &t), ST_ABSENT);
    image.bytes.n = 0;
    assert_int_equal(ksymtab_open(&image, NULL, &t), ST_ABSENT);
    drop(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout),          cmocka_unit_test(hints),
        cmocka_unit_test(unknown_address),       cmocka_unit_test(decoys),
        cmocka_unit_test(truncated_and_damaged), cmocka_unit_test(system_map),
        cmocka_unit_test(exported_symbols),
    };
    return cmocka_run_group_tests_name("kallsyms", tests, NULL, NULL);
}

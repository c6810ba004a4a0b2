/* SPDX-License-Identifier: BSD-2-Clause */
/* PE images: a small one made here, whole, with holes, and with every field forged in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sym/pe.h"

enum { SIZE = 0x4000, NEW = 0x80, OPT = NEW + 24, EXPORTS = 0x1000, DEBUG = 0x2000 };

struct made {
    uint8_t b[SIZE];
    uint32_t hole; /* a page that cannot be read; 0: none */
};

static int read_made(void *arg, uint64_t rva, void *buf, size_t n)
{
    struct made *m = arg;
    if (!in_bounds(rva, n, SIZE) || (m->hole && rva < m->hole + 4096 && rva + n > m->hole))
        return ST_ABSENT;
    memcpy(buf, m->b + rva, n);
    return ST_OK;
}

static void put16(struct made *m, size_t at, uint16_t v)
{
    memcpy(m->b + at, &v, 2);
}

static void put32(struct made *m, size_t at, uint32_t v)
{
    memcpy(m->b + at, &v, 4);
}

static void make(struct made *m)
{
    memset(m, 0, sizeof *m);
    memcpy(m->b, "MZ", 2);
    put32(m, 60, NEW);
    memcpy(m->b + NEW, "PE\0\0", 4);
    put16(m, NEW + 4, PE_AMD64);
    put16(m, NEW + 6, 1);
    put32(m, NEW + 8, 12345);
    put16(m, NEW + 20, 0xf0);
    put16(m, OPT, 0x20b);
    put16(m, OPT + 40, 10);
    put32(m, OPT + 56, SIZE);
    put32(m, OPT + 108, 16);
    put32(m, OPT + 112, EXPORTS);
    put32(m, OPT + 116, 0x400);
    put32(m, OPT + 112 + 48, DEBUG);
    put32(m, OPT + 112 + 52, 28);
    memcpy(m->b + OPT + 0xf0, ".text\0\0", 8);
    put32(m, OPT + 0xf0 + 8, 0x1000);
    put32(m, OPT + 0xf0 + 12, 0x3000);
    /* two exports and a forwarder */
    static const char *const names[] = {"Alpha", "Beta", "Gamma"};
    static const uint32_t rva[] = {0x3010, EXPORTS + 0x300, 0x3020};
    put32(m, EXPORTS + 12, EXPORTS + 0x200);
    memcpy(m->b + EXPORTS + 0x200, "test.exe", 9);
    put32(m, EXPORTS + 16, 1);
    put32(m, EXPORTS + 20, 3);
    put32(m, EXPORTS + 24, 3);
    put32(m, EXPORTS + 28, EXPORTS + 0x40);
    put32(m, EXPORTS + 32, EXPORTS + 0x80);
    put32(m, EXPORTS + 36, EXPORTS + 0xc0);
    for (uint32_t i = 0; i < 3; i++) {
        put32(m, EXPORTS + 0x40 + i * 4, rva[i]);
        put32(m, EXPORTS + 0x80 + i * 4, EXPORTS + 0x220 + i * 16);
        put16(m, EXPORTS + 0xc0 + i * 2, (uint16_t)i);
        strcpy((char *)m->b + EXPORTS + 0x220 + i * 16, names[i]);
    }
    put32(m, DEBUG + 12, 2);
    put32(m, DEBUG + 16, 24 + 9);
    put32(m, DEBUG + 20, DEBUG + 0x100);
    memcpy(m->b + DEBUG + 0x100,
           "RSDS\x78\x56\x34\x12\xbc\x9a\xf0\xde\1\2\3\4\5\6\7\x08\3\0\0\0test.pdb", 33);
}

static struct pe_reader reader_of(struct made *m)
{
    return (struct pe_reader){read_made, m};
}

struct seen {
    char text[256];
    unsigned n;
};

static int note(const struct pe_export *e, void *arg)
{
    struct seen *s = arg;
    s->n++;
    snprintf(s->text + strlen(s->text), sizeof s->text - strlen(s->text), "%s=%x%s ", e->name,
             e->rva, e->forwarded ? ">" : "");
    return 0;
}

static void whole(void **state)
{
    (void)state;
    static struct made m;
    struct pe_reader r = reader_of(&m);
    struct pe_image image;
    struct pe_section section;
    struct pe_pdb pdb;
    struct seen seen = {.n = 0};
    char name[5];
    size_t missing = 99;
    make(&m);
    assert_int_equal(pe_open(&r, &image), ST_OK);
    assert_true(image.pe64);
    assert_int_equal(image.machine, PE_AMD64);
    assert_int_equal(image.timestamp, 12345);
    assert_int_equal(image.size, SIZE);
    assert_int_equal(pe_section(&r, &image, 0, &section), ST_OK);
    assert_string_equal(section.name, ".text");
    assert_int_equal(section.at, 0x3000);
    assert_int_equal(pe_section(&r, &image, 1, &section), ST_INVALID);
    assert_int_equal(pe_pdb(&r, &image, &pdb), ST_OK);
    assert_string_equal(pdb.file, "test.pdb");
    assert_string_equal(pdb.guid, "123456789ABCDEF00102030405060708");
    assert_int_equal(pdb.age, 3);
    assert_int_equal(pe_own_name(&r, &image, name, sizeof name), ST_OK);
    assert_string_equal(name, "test"); /* cut to fit */
    assert_int_equal(pe_each_export(&r, &image, note, &seen, &missing), ST_OK);
    assert_string_equal(seen.text, "Alpha=3010 Beta=1300> Gamma=3020 ");
    assert_int_equal(missing, 0);
}

static void holes(void **state)
{
    (void)state;
    static struct made m;
    struct pe_reader r = reader_of(&m);
    struct pe_image image;
    struct pe_pdb pdb;
    struct seen seen = {.n = 0};
    make(&m);
    assert_int_equal(pe_open(&r, &image), ST_OK);
    m.hole = DEBUG;
    assert_int_equal(pe_pdb(&r, &image, &pdb), ST_ABSENT);
    m.hole = EXPORTS;
    assert_int_equal(pe_each_export(&r, &image, note, &seen, NULL), ST_ABSENT);
    /* names on a page of their own that is absent: left out, and counted */
    m.hole = 0;
    put32(&m, EXPORTS + 0x84, 0x3100);
    strcpy((char *)m.b + 0x3100, "Far");
    size_t missing = 0;
    assert_int_equal(pe_each_export(&r, &image, note, &seen, &missing), ST_OK);
    assert_string_equal(seen.text, "Alpha=3010 Far=1300> Gamma=3020 ");
    m.hole = 0x3000;
    seen = (struct seen){.n = 0};
    assert_int_equal(pe_each_export(&r, &image, note, &seen, &missing), ST_OK);
    assert_int_equal(missing, 1);
    assert_int_equal(seen.n, 2);
}

static void forged(void **state)
{
    (void)state;
    static struct made m;
    struct pe_reader r = reader_of(&m);
    struct pe_image image;
    struct seen seen = {.n = 0};
    make(&m);
    put32(&m, 60, 0xfffffff0);
    assert_int_equal(pe_open(&r, &image), ST_ABSENT);
    make(&m);
    put32(&m, OPT + 56, 0xffffffff);
    assert_int_equal(pe_open(&r, &image), ST_BROKEN);
    make(&m);
    put32(&m, OPT + 112, 0xfffffff0);
    assert_int_equal(pe_open(&r, &image), ST_BROKEN);
    make(&m);
    put32(&m, EXPORTS + 24, 0x7fffffff);
    assert_int_equal(pe_open(&r, &image), ST_OK);
    assert_int_equal(pe_each_export(&r, &image, note, &seen, NULL), ST_BROKEN);
    make(&m);
    put16(&m, EXPORTS + 0xc0, 0xffff);     /* an ordinal beyond the table */
    put32(&m, EXPORTS + 0x48, 0xfffffff0); /* an address outside of the image */
    size_t missing = 0;
    assert_int_equal(pe_open(&r, &image), ST_OK);
    assert_int_equal(pe_each_export(&r, &image, note, &seen, &missing), ST_OK);
    assert_int_equal(missing, 2);
    assert_int_equal(seen.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole), cmocka_unit_test(holes),
                                       cmocka_unit_test(forged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

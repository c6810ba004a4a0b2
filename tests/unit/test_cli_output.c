/* SPDX-License-Identifier: BSD-2-Clause */
/* The command's output: JSON, tables, hexdumps, ELF headers, each written to memory and compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <elf.h>

#include "tools/tinyvmi/elfcore.c"
#include "tools/tinyvmi/hexdump.c"
#include "tools/tinyvmi/json.c"
#include "tools/tinyvmi/listing.c"
#include "tools/tinyvmi/host.c"
#include "tools/tinyvmi/out.c"
#include "tools/tinyvmi/text.c"

struct sink {
    char *text;
    size_t n;
    struct out out;
};

static void sink_open(struct sink *s)
{
    *s = (struct sink){0};
    s->out.f = open_memstream(&s->text, &s->n);
    assert_non_null(s->out.f);
}

static void sink_is(struct sink *s, const char *want)
{
    fclose(s->out.f);
    assert_string_equal(s->text, want);
    free(s->text);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void test_json(void **state)
{
    (void)state;
    struct sink s;
    sink_open(&s);
    struct json j = {.f = s.out.f, .lines = 1};
    json_open(&j, '[');
    json_open(&j, '{');
    json_key(&j, "n");
    json_u64(&j, UINT64_MAX);
    json_key(&j, "i");
    json_i64(&j, INT64_MIN);
    json_key(&j, "a");
    json_address(&j, 0xffff888000000000);
    json_key(&j, "s");
    json_seconds(&j, 1795376800123456789);
    json_key(&j, "b");
    json_bool(&j, true);
    json_key(&j, "z");
    json_null(&j);
    json_close(&j, '}');
    json_open(&j, '{');
    json_close(&j, '}');
    json_close(&j, ']');
    sink_is(&s, "[\n  {\"n\": 18446744073709551615, \"i\": -9223372036854775808, \"a\": "
                "\"0xffff888000000000\", "
                "\"s\": 1795376800.123456, \"b\": true, \"z\": null},\n  {}\n]\n");
}

static void test_json_empty(void **state)
{
    (void)state;
    struct sink s;
    sink_open(&s);
    struct json j = {.f = s.out.f, .lines = 1};
    json_open(&j, '[');
    json_close(&j, ']');
    sink_is(&s, "[]\n");
}

static void test_json_text(void **state)
{
    (void)state;
    static const char in[] = "q\" b\\ n\n t\t e\x1b z\0 caf\xc3\xa9 bad\xff\xc3 rtl\xe2\x80\xae "
                             "tag\xf3\xa0\x81\x81 c1\xc2\x9b";
    struct sink s;
    sink_open(&s);
    struct json j = {.f = s.out.f};
    json_text(&j, in, sizeof in - 1);
    sink_is(&s,
            "\"q\\\" b\\\\ n\\n t\\t e\\u001b z\\u0000 caf\xc3\xa9 bad\\u00ff\\u00c3 rtl\\u202e "
            "tag\\udb40\\udc41 c1\\u009b\"");
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const struct column columns[] = {{"PID", "pid", "", COLUMN_RIGHT},
                                        {"NAME", "name", "", 0},
                                        {NULL, "object", "", 0},
                                        {"CMD", "cmd", "", 0},
                                        {0}};

static void fill(struct listing *l)
{
    cell_i64(l, 0, 1);
    cell_guest(l, 1, "init");
    cell_address(l, 2, 0x1000);
    cell_guest(l, 3, "/sbin/init --long-option and more");
    row_end(l);
    cell_i64(l, 0, 12345);
    cell_guest(l, 1, "\x1b[2J")->before = "[";
    row_end(l);
    listing_end(l);
}

static void test_table(void **state)
{
    (void)state;
    struct sink s;
    struct listing l;
    sink_open(&s);
    listing_start(&l, &s.out, LISTING_TABLE, true, columns);
    fill(&l);
    sink_is(&s, "  PID  NAME      CMD\n"
                "    1  init      /sbin/init --long-option and more\n"
                "12345  [\\x1b[2J\n");
}

static void test_table_cut(void **state)
{
    (void)state;
    struct sink s;
    struct listing l;
    sink_open(&s);
    s.out.terminal = s.out.utf8 = true;
    s.out.width = 30;
    listing_start(&l, &s.out, LISTING_TABLE, true, columns);
    listing_hide(&l, 0);
    fill(&l);
    sink_is(&s, "NAME      CMD\n"
                "init      /sbin/init --long-o…\n"
                "[\\x1b[2J\n");
}

static void test_table_settled(void **state)
{
    (void)state;
    struct sink s;
    struct listing l;
    sink_open(&s);
    listing_start(&l, &s.out, LISTING_TABLE, true, columns);
    l.width[1] = 6;
    listing_settle(&l); /* nothing yet: no heading */
    cell_i64(&l, 0, 1);
    cell_guest(&l, 1, "a");
    cell_guest(&l, 3, "x");
    row_end(&l);
    listing_settle(&l);
    cell_i64(&l, 0, 99999);
    cell_guest(&l, 1, "much longer");
    cell_guest(&l, 3, "y");
    row_end(&l);
    listing_end(&l);
    sink_is(&s, "PID  NAME    CMD\n"
                "  1  a       x\n"
                "99999  much longer  y\n");
}

static void test_rows_json(void **state)
{
    (void)state;
    struct sink s;
    struct listing l;
    sink_open(&s);
    listing_start(&l, &s.out, LISTING_JSON_LINES, true, columns);
    fill(&l);
    sink_is(&s, "{\"pid\": 1, \"name\": \"init\", \"object\": \"0x1000\", \"cmd\": \"/sbin/init "
                "--long-option and more\"}\n"
                "{\"pid\": 12345, \"name\": \"\\u001b[2J\", \"object\": null, \"cmd\": null}\n");
}

static void test_colours(void **state)
{
    (void)state;
    struct sink s;
    struct listing l;
    sink_open(&s);
    s.out.colours = true;
    listing_start(&l, &s.out, LISTING_TABLE, false, columns);
    cell_i64(&l, 0, 1)->colour = RED;
    cell_guest(&l, 1, "a");
    cell_guest(&l, 3, "b");
    l.row_colour = DIM;
    row_end(&l);
    listing_end(&l);
    sink_is(&s, "\x1b[31m1\x1b[0m  \x1b[2ma\x1b[0m  \x1b[2mb\x1b[0m\n");
}

/* ---- hexdump --------------------------------------------------------------------------------- */

static void test_hexdump(void **state)
{
    (void)state;
    uint8_t bytes[70] = "\x7f"
                        "ELF";
    struct sink s;
    struct hexdump h;
    memcpy(bytes + 64, "tail\xff", 5);
    sink_open(&s);
    hexdump_start(&h, &s.out, 0xffffffff81000000, 0xffffffff81000000 + 70, true);
    hexdump_add(&h, bytes, 3); /* in pieces */
    hexdump_add(&h, bytes + 3, 67);
    hexdump_end(&h);
    sink_is(
        &s,
        "ffffffff81000000  7f 45 4c 46 00 00 00 00  00 00 00 00 00 00 00 00  |.ELF............|\n"
        "ffffffff81000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n"
        "*\n"
        "ffffffff81000040  74 61 69 6c ff 00                                 |tail..|\n");
}

static void test_hexdump_narrow(void **state)
{
    (void)state;
    struct sink s;
    struct hexdump h;
    sink_open(&s);
    s.out.terminal = true;
    s.out.width = 60;
    hexdump_start(&h, &s.out, 0x1000, 0x1010, true);
    hexdump_add(&h, (const uint8_t *)"abcdefghabcdefgh", 16);
    hexdump_end(&h);
    sink_is(&s, "00001000  61 62 63 64 65 66 67 68  |abcdefgh|\n"
                "*\n"
                "00001010\n");
}

/* ---- ELF ------------------------------------------------------------------------------------- */

static void test_elf(void **state)
{
    (void)state;
    struct core_segment seg[2] = {
        {.va = 0x1000, .size = 0x2345, .read = true},
        {.va = 0x7fff00000000, .pa = 9, .size = 0x1000, .read = true, .exec = true}};
    struct str notes = {0}, head = {0};
    elfcore_note(&notes, "CORE", NT_PRPSINFO, "abcde", 5);
    assert_int_equal(notes.n, 12 + 8 + 8);
    assert_true(elfcore_headers(EM_X86_64, true, seg, 2, &notes, &head));
    const Elf64_Ehdr *e = (const Elf64_Ehdr *)head.p;
    const Elf64_Phdr *p = (const Elf64_Phdr *)(head.p + e->e_phoff);
    assert_memory_equal(e->e_ident, ELFMAG, SELFMAG);
    assert_int_equal(e->e_phnum, 3);
    assert_int_equal(p[0].p_type, PT_NOTE);
    assert_int_equal(p[0].p_offset + p[0].p_filesz, head.n);
    assert_int_equal(p[1].p_offset % 4096, 0);
    assert_true(p[1].p_offset >= head.n);
    assert_true(p[2].p_offset >= p[1].p_offset + p[1].p_filesz);
    assert_int_equal(p[2].p_flags, PF_R | PF_X);
    assert_int_equal(seg[1].file_at, p[2].p_offset);
    head.n = 0;
    assert_false(
        elfcore_headers(EM_386, false, seg, 2, &notes, &head)); /* does not fit into 32 bits */
    seg[1].size = UINT64_MAX - 100;
    assert_false(elfcore_headers(EM_X86_64, true, seg, 2, &notes, &head));
    assert_int_equal(head.n, 0);
    str_free(&notes);
    str_free(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),      cmocka_unit_test(test_json_empty),
        cmocka_unit_test(test_json_text), cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_cut), cmocka_unit_test(test_table_settled),
        cmocka_unit_test(test_rows_json), cmocka_unit_test(test_colours),
        cmocka_unit_test(test_hexdump),   cmocka_unit_test(test_hexdump_narrow),
        cmocka_unit_test(test_elf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

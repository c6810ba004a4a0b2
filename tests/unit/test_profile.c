/* SPDX-License-Identifier: BSD-2-Clause */
/* Profiles in both dialects, small ones written here and two real ones of Windows kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sym/profile.h"

static const char isf[] =
    "{\"metadata\": {\"linux\": {\"symbols\": []}, \"format\": \"6.2.0\"},\n"
    " \"base_types\": {\n"
    "  \"int\": {\"size\": 4, \"signed\": true, \"kind\": \"int\", \"endian\": \"little\"},\n"
    "  \"unsigned char\": {\"size\": 1, \"signed\": false, \"kind\": \"char\", \"endian\": "
    "\"little\"},\n"
    "  \"double\": {\"size\": 8, \"signed\": true, \"kind\": \"float\", \"endian\": \"little\"},\n"
    "  \"pointer\": {\"size\": 8, \"signed\": false, \"kind\": \"int\", \"endian\": \"little\"},\n"
    "  \"void\": {\"size\": 0, \"signed\": false, \"kind\": \"void\", \"endian\": \"little\"}},\n"
    " \"user_types\": {\n"
    "  \"task_struct\": {\"size\": 100, \"kind\": \"struct\", \"fields\": {\n"
    "   \"comm\": {\"type\": {\"count\": 16, \"kind\": \"array\", \"subtype\": {\"kind\": "
    "\"base\", \"name\": \"unsigned char\"}},"
    " \"offset\": 40},\n"
    "   \"tasks\": {\"type\": {\"kind\": \"struct\", \"name\": \"list_head\"}, \"offset\": 16},\n"
    "   \"mm\": {\"type\": {\"kind\": \"pointer\", \"subtype\": {\"kind\": \"struct\", \"name\": "
    "\"mm_struct\"}}, \"offset\": 8},\n"
    "   \"grid\": {\"type\": {\"kind\": \"array\", \"count\": 2, \"subtype\": {\"kind\": "
    "\"array\", \"count\": 3, \"subtype\":"
    " {\"kind\": \"base\", \"name\": \"int\"}}}, \"offset\": 56},\n"
    "   \"fn\": {\"type\": {\"kind\": \"pointer\", \"subtype\": {\"kind\": \"function\"}}, "
    "\"offset\": 80},\n"
    "   \"any\": {\"type\": {\"kind\": \"pointer\", \"subtype\": {\"kind\": \"base\", \"name\": "
    "\"void\"}}, \"offset\": 88},\n"
    "   \"pid_kind\": {\"offset\": 96, \"type\": {\"kind\": \"enum\", \"name\": \"pid_type\"}},\n"
    "   \"low\": {\"type\": {\"kind\": \"bitfield\", \"bit_position\": 0, \"bit_length\": 3, "
    "\"type\": {\"kind\": \"base\", \"name\":"
    " \"int\"}}, \"offset\": 4},\n"
    "   \"high\": {\"type\": {\"bit_length\": 5, \"bit_position\": 3, \"kind\": \"bitfield\", "
    "\"type\": {\"kind\": \"base\", \"name\":"
    " \"int\"}}, \"offset\": 4},\n"
    "   \"unnamed_field_0\": {\"type\": {\"kind\": \"union\", \"name\": \"unnamed_1234\"}, "
    "\"offset\": 0, \"anonymous\": true}}},\n"
    "  \"unnamed_1234\": {\"size\": 4, \"kind\": \"union\", \"fields\": {\n"
    "   \"state\": {\"type\": {\"kind\": \"base\", \"name\": \"int\"}, \"offset\": 0},\n"
    "   \"__st\\u0061te\": {\"type\": {\"kind\": \"base\", \"name\": \"int\"}, \"offset\": 0}}},\n"
    "  \"list_head\": {\"size\": 16, \"kind\": \"struct\", \"fields\": {\n"
    "   \"prev\": {\"type\": {\"kind\": \"pointer\", \"subtype\": {\"kind\": \"struct\", \"name\": "
    "\"list_head\"}}, \"offset\": 8},\n"
    "   \"next\": {\"type\": {\"kind\": \"pointer\", \"subtype\": {\"kind\": \"struct\", \"name\": "
    "\"list_head\"}}, \"offset\": 0}}}},\n"
    " \"enums\": {\"pid_type\": {\"size\": 4, \"base\": \"int\", \"constants\": {\"PIDTYPE_TGID\": "
    "1, \"PIDTYPE_BAD\": -1}},\n"
    "  \"big\": {\"size\": 8, \"base\": \"int\", \"constants\": {\"BIG\": 1311768467463790320}}},\n"
    " \"symbols\": {\"init_task\": {\"type\": {\"kind\": \"struct\", \"name\": \"task_struct\"}, "
    "\"address\": 18446744071601258496},\n"
    "  \"schedule\": {\"type\": {\"kind\": \"function\"}, \"address\": 18446744071580000000},\n"
    "  \"no_address\": {},\n"
    "  \"linux_banner\": {\"type\": {\"kind\": \"array\", \"count\": 5, \"subtype\": {\"kind\": "
    "\"base\", \"name\": \"int\"}},"
    " \"address\": 18446744071595000000, \"constant_data\": \"TGludXggdmVyc2lvbiA2LjEKAA==\"}}}\n";

static struct bytes text(const char *s)
{
    return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void member_is(struct types *t, const char *type, const char *path, const char *want,
                      uint64_t bit_offset, uint64_t size, uint32_t bits, uint32_t depth)
{
    struct vmi_member m;

    if (t->ops->member(t->self, type, path, &m) != ST_OK)
        fail_msg("%s.%s is absent", type, path);
    assert_string_equal(m.type, want);
    assert_int_equal(m.bit_offset, bit_offset);
    assert_int_equal(m.size, size);
    assert_int_equal(m.bit_size, bits);
    assert_int_equal(m.depth, depth);
}

static int name_line(const struct vmi_member *m, void *data)
{
    strcat(data, m->name);
    strcat(data, ";");
    return 0;
}

static void isf_types(void **state)
{
    (void)state;
    struct profile p;
    struct diag d = {0};
    char names[256] = "";
    int64_t v;

    if (profile_open(text(isf), &d, &p) != ST_OK)
        fail_msg("%s", d.text);
    assert_string_equal(p.dialect, "ISF");
    assert_string_equal(p.types.ops->kind, "ISF");
    assert_int_equal(p.os, VMI_KIND_LINUX);
    assert_string_equal(p.banner, "Linux version 6.1");
    member_is(&p.types, "task_struct", "comm", "unsigned char [16]", 320, 16, 0, 0);
    member_is(&p.types, "task_struct", "tasks.prev", "struct list_head *", 192, 8, 0, 0);
    member_is(&p.types, "task_struct", "mm", "struct mm_struct *", 64, 8, 0, 0);
    member_is(&p.types, "task_struct", "grid", "int [2][3]", 448, 24, 0, 0);
    member_is(&p.types, "task_struct", "fn", "void (*)(...)", 640, 8, 0, 0);
    member_is(&p.types, "task_struct", "any", "void *", 704, 8, 0, 0);
    member_is(&p.types, "task_struct", "pid_kind", "enum pid_type", 768, 4, 0, 0);
    member_is(&p.types, "task_struct", "high", "int", 35, 4, 5, 0);
    member_is(&p.types, "task_struct", "__state", "int", 0, 4, 0, 1);
    assert_int_equal(p.types.ops->each_member(p.types.self, "task_struct", name_line, names),
                     ST_OK);
    assert_string_equal(names, ";state;__state;low;high;mm;tasks;comm;grid;fn;any;pid_kind;");
    assert_int_equal(p.types.ops->enumerator(p.types.self, "PIDTYPE_BAD", &v), ST_OK);
    assert_int_equal(v, -1);
    assert_int_equal(p.types.ops->enumerator(p.types.self, "BIG", &v), ST_OK);
    assert_true(v == 1311768467463790320);
    profile_close(&p);
    assert_null(p.types.ops);
}

static void isf_symbols(void **state)
{
    (void)state;
    struct profile p;
    struct vmi_symbol s;

    assert_int_equal(profile_open(text(isf), NULL, &p), ST_OK);
    assert_int_equal(p.symbols.ops->count(p.symbols.self), 3);
    assert_int_equal(p.symbols.ops->by_name(p.symbols.self, "init_task", &s), ST_OK);
    assert_true(s.address == 18446744071601258496u && s.type == '?');
    assert_int_equal(p.symbols.ops->by_name(p.symbols.self, "schedule", &s), ST_OK);
    assert_true(s.type == 'T' && s.size == 15000000);
    assert_int_equal(p.symbols.ops->by_address(p.symbols.self, 18446744071580000001u, &s), ST_OK);
    assert_string_equal(s.name, "schedule");
    assert_int_equal(p.symbols.ops->by_name(p.symbols.self, "no_address", &s), ST_ABSENT);
    profile_close(&p);
}

static void rekall(void **state)
{
    (void)state;
    static const char json[] =
        "{\"$METADATA\": {\"ProfileClass\": \"Linux\", \"Type\": \"Profile\", \"arch\": "
        "\"AMD64\"},\n"
        " \"$CONSTANTS\": {\"init_task\": 4096, \"huge\": 1e3, \"list\": [1, {\"a\": []}]},\n"
        " \"$FUNCTIONS\": {\"schedule\": 8192},\n"
        " \"$ENUMS\": {\"pid_type\": {\"-1\": \"PIDTYPE_BAD\", \"1\": \"PIDTYPE_TGID\"}},\n"
        " \"$STRUCTS\": {\"task_struct\": [64, {\n"
        "  \"state\": [0, [\"long\", {}]], \"flags\": [8, [\"BitField\", {\"end_bit\": 5, "
        "\"start_bit\": 2, \"target\":"
        " \"unsigned int\"}]],\n"
        "  \"comm\": [16, [\"Array\", {\"count\": 16, \"target\": \"char\"}]],\n"
        "  \"kinds\": [32, [\"Array\", {\"size\": 8, \"target\": \"Enumeration\", \"target_args\": "
        "{\"enum_name\": \"pid_type\","
        " \"target\": \"int\"}}]],\n"
        "  \"fn\": [40, [\"Pointer\", {\"target\": \"Function\", \"target_args\": {\"args\": "
        "[[\"int\", {}]]}}]],\n"
        "  \"next\": [48, [\"Pointer\", {\"target\": \"task_struct\"}]],\n"
        "  \"odd\": 5, \"odd2\": [1], \"odd3\": [1, []], \"odd4\": [56, [\"Pointer\"]], \"odd5\": "
        "[1, [\"x\", {}], 3, {\"y\": 1}]}],\n"
        "  \"bad\": 1, \"bad2\": [], \"bad3\": [1, 2, 3]}}";
    struct profile p;
    struct vmi_symbol s;
    struct vmi_member m;
    struct diag d = {0};
    int64_t v;

    if (profile_open(text(json), &d, &p) != ST_OK)
        fail_msg("%s", d.text);
    assert_string_equal(p.dialect, "Rekall");
    assert_int_equal(p.os, VMI_KIND_LINUX);
    member_is(&p.types, "task_struct", "state", "long", 0, 8, 0, 0);
    member_is(&p.types, "task_struct", "flags", "unsigned int", 66, 4, 3, 0);
    member_is(&p.types, "task_struct", "comm", "char [16]", 128, 16, 0, 0);
    member_is(&p.types, "task_struct", "kinds", "enum pid_type [2]", 256, 8, 0, 0);
    member_is(&p.types, "task_struct", "fn", "void (*)(...)", 320, 8, 0, 0);
    member_is(&p.types, "task_struct", "next", "struct task_struct *", 384, 8, 0, 0);
    member_is(&p.types, "task_struct", "odd4", "void *", 448, 8, 0, 0);
    assert_int_equal(p.types.ops->member(p.types.self, "task_struct", "odd", &m), ST_ABSENT);
    assert_int_equal(p.types.ops->enumerator(p.types.self, "PIDTYPE_BAD", &v), ST_OK);
    assert_int_equal(v, -1);
    assert_int_equal(p.symbols.ops->count(p.symbols.self), 2);
    assert_int_equal(p.symbols.ops->by_name(p.symbols.self, "schedule", &s), ST_OK);
    assert_true(s.address == 8192 && s.type == 'T');
    profile_close(&p);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *story;
    } bad[] = {
        {"", "breaks off"},
        {"[]", "no object"},
        {"{}", "neither"},
        {"{\"symbols\": {}, \"$STRUCTS\": {}}", "neither"},
        {"{\"symbols\": {\n\"a\": {\"address\": 1},\n\"b\": {\"address\": 01}}}", "line 3"},
        {"{\"symbols\": {}} x", "follows"},
    };
    struct profile p;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct diag d = {0};
        assert_int_equal(profile_open(text(bad[i].json), &d, &p), ST_BROKEN);
        if (!strstr(d.text, bad[i].story))
            fail_msg("%s: %s", bad[i].json, d.text);
    }
    /* Cut anywhere, it is refused. */
    for (size_t n = 0; n < sizeof isf - 2; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, isf, n);
        assert_int_equal(profile_open((struct bytes){copy, n}, NULL, &p), ST_BROKEN);
        free(copy);
    }
    /* Values of other kinds than expected are passed over. */
    assert_int_equal(profile_open(text("{\"symbols\": {\"a\": {\"address\": {}}, \"b\": [], \"c\": "
                                       "1}, \"enums\": {\"e\": {\"constants\":"
                                       " {\"X\": \"y\", \"Z\": [1]}}, \"f\": 3}, \"user_types\": "
                                       "{\"s\": {\"size\": \"x\", \"kind\":"
                                       " [], \"fields\": {\"m\": {\"type\": 1, \"offset\": {}}, "
                                       "\"n\": 2}}}, \"base_types\": 7,"
                                       " \"metadata\": []}"),
                                  NULL, &p),
                     ST_OK);
    assert_int_equal(p.symbols.ops->count(p.symbols.self), 0);
    profile_close(&p);
}

static void real_windows(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        uint64_t active_processes;
    } file[] = {
        {"../shared/data/ntoskrnl.pdb.32962337f0f646388b39535cd8dd70e82.rekall.json", 0},
        {"../shared/data/ntkrnlpa.pdb.bd8f451f3e754ed8a34b50560ceb08e31.rekall.json", 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(file); i++) {
        FILE *f = fopen(file[i].path, "rb");
        struct profile p;
        struct vmi_symbol s;
        struct diag d = {0};
        uint64_t size;
        if (!f) {
            printf("skipped: %s is not here\n", file[i].path);
            skip();
        }
        uint8_t *json = malloc(1 << 20);
        size_t n = fread(json, 1, 1 << 20, f);
        fclose(f);
        if (profile_open((struct bytes){json, n}, &d, &p) != ST_OK)
            fail_msg("%s", d.text);
        free(json);
        assert_int_equal(p.os, VMI_KIND_WINDOWS);
        assert_int_equal(p.types.ops->size(p.types.self, "_EPROCESS", &size), ST_OK);
        assert_int_equal(size, 608);
        member_is(&p.types, "_EPROCESS", "ActiveProcessLinks.Flink", "struct _LIST_ENTRY *",
                  136 * 8, 4, 0, 0);
        member_is(&p.types, "_EPROCESS", "Pcb.DirectoryTableBase", "unsigned long [2]", 24 * 8, 8,
                  0, 0);
        member_is(&p.types, "_EPROCESS", "ImageFileName", "unsigned char [16]", 372 * 8, 16, 0, 0);
        member_is(&p.types, "_DEVICE_CAPABILITIES", "DeviceState", "enum _DEVICE_POWER_STATE [7]",
                  16 * 8, 28, 0, 0);
        assert_int_equal(p.symbols.ops->by_name(p.symbols.self, "PsActiveProcessHead", &s), ST_OK);
        assert_int_equal(p.symbols.ops->by_address(p.symbols.self, s.address, &s), ST_OK);
        profile_close(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isf_types), cmocka_unit_test(isf_symbols),  cmocka_unit_test(rekall),
        cmocka_unit_test(refused),   cmocka_unit_test(real_windows),
    };
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}

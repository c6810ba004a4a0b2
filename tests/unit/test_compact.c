/* SPDX-License-Identifier: BSD-2-Clause */
/* What is written is read back the same: compact profiles, ISF. And what was damaged is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sym/btf_inner.h"
#include "sym/compact.h"
#include "sym/isf_write.h"

static struct bytes load(const char *name)
{
    static uint8_t buffer[1 << 16];
    char path[256];
    snprintf(path, sizeof path, "tests/fuzz/corpus/%s", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s is missing", path);
    size_t n = fread(buffer, 1, sizeof buffer, f);
    fclose(f);
    return (struct bytes){buffer, n};
}

static struct profile opened(struct bytes b)
{
    struct profile p;
    struct diag d = {0};
    if (profile_open(b, &d, &p) != ST_OK)
        fail_msg("%s", d.text);
    return p;
}

/* ---- two profiles are the same --------------------------------------------------------------- */

struct listing {
    struct vmi_member m[256];
    char name[256][64];
    size_t n;
};

static int keep(const struct vmi_member *m, void *data)
{
    struct listing *l = data;
    assert_true(l->n < 256);
    l->m[l->n] = *m;
    snprintf(l->name[l->n++], 64, "%s", m->name);
    return 0;
}

struct pair {
    const struct profile *a, *b;
    unsigned types;
};

static int same_type(const char *kind, const char *type, uint64_t size, void *data)
{
    struct pair *p = data;
    struct listing x = {.n = 0}, y = {.n = 0};
    char name[BTF_MAX_NAME];
    uint64_t other;
    snprintf(name, sizeof name, "%s", type);
    if (!strcmp(kind, "typedef") || !size)
        return 0;
    p->types++;
    if (p->b->types.ops->size(p->b->types.self, name, &other) != ST_OK || other != size)
        fail_msg("%s %s has another size", kind, name);
    if (!strcmp(kind, "enum"))
        return 0;
    assert_int_equal(p->a->types.ops->each_member(p->a->types.self, name, keep, &x), ST_OK);
    assert_int_equal(p->b->types.ops->each_member(p->b->types.self, name, keep, &y), ST_OK);
    assert_int_equal(x.n, y.n);
    for (size_t i = 0; i < x.n; i++) {
        bool found = false; /* a size of 0: only declared there, described elsewhere */
        for (size_t k = 0; k < y.n && !found; k++)
            found = !strcmp(x.name[i], y.name[k]) && x.m[i].bit_offset == y.m[k].bit_offset &&
                    (x.m[i].size == y.m[k].size || !x.m[i].size) &&
                    x.m[i].bit_size == y.m[k].bit_size && x.m[i].depth == y.m[k].depth;
        if (!found)
            fail_msg("%s.%s differs", name, x.name[i]);
    }
    return 0;
}

static int same_symbol(const struct vmi_symbol *s, void *data)
{
    const struct pair *p = data;
    struct vmi_symbol x, y;
    char name[256];
    snprintf(name, sizeof name, "%s", s->name);
    assert_int_equal(p->a->symbols.ops->by_name(p->a->symbols.self, name, &x), ST_OK);
    uint64_t at = x.address;
    if (p->b->symbols.ops->by_name(p->b->symbols.self, name, &y) != ST_OK || y.address != at)
        fail_msg("symbol %s differs", name);
    assert_int_equal(p->b->symbols.ops->by_address(p->b->symbols.self, at, &y), ST_OK);
    assert_true(y.address == at);
    return 0;
}

static unsigned assert_same(const struct profile *a, const struct profile *b)
{
    struct pair p = {a, b, 0};
    if (a->types.ops)
        assert_int_equal(a->types.ops->each_type(a->types.self, same_type, &p), ST_OK);
    if (a->symbols.ops)
        assert_int_equal(a->symbols.ops->each(a->symbols.self, same_symbol, &p), ST_OK);
    assert_int_equal(a->os, b->os);
    assert_int_equal(a->ptr_size, b->ptr_size);
    assert_string_equal(a->banner, b->banner);
    return p.types;
}

/* ---- compact --------------------------------------------------------------------------------- */

static void written(const struct profile *p, uint64_t from, uint64_t slide, uint8_t **made,
                    size_t *n)
{
    static const struct compact_origin origin = {1234, 5678, 9};
    struct diag d = {0};
    if (compact_write(p, &origin, from, slide, &d, made, n) != ST_OK)
        fail_msg("%s", d.text);
}

static const char *const seeds[] = {"profile/isf", "profile/rekall", "profile/sysmap",
                                    "profile/vmlinux", "profile/btf"};

static void compact_is_the_same(void **state)
{
    (void)state;
    unsigned types = 0;
    for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
        struct profile a = opened(load(seeds[i]));
        struct compact_origin o;
        uint8_t *made;
        size_t n;
        written(&a, 0, 0, &made, &n);
        struct bytes b = {made, n};
        struct profile c = opened(b);
        types += assert_same(&a, &c);
        assert_string_equal(a.dialect, c.dialect);
        assert_string_equal(a.build_id, c.build_id);
        assert_true(compact_origin(b, &o) && o.size == 1234 && o.mtime_ns == 5678 && o.hash == 9);
        assert_false(compact_origin((struct bytes){made, n - 1}, &o));
        profile_close(&c);
        profile_close(&a);
        free(made);
    }
    assert_true(types > 10);
}

/* Every bit counts: one that is turned, or a cut anywhere, is told. */
static void damage_is_refused(void **state)
{
    (void)state;
    struct bytes seed = load("profile/compact");
    uint8_t *copy = malloc(seed.n);
    struct profile p;
    assert_non_null(copy);
    for (size_t i = 0; i < seed.n; i++) {
        struct diag d = {0};
        memcpy(copy, seed.p, seed.n);
        copy[i] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(profile_open((struct bytes){copy, seed.n}, &d, &p), ST_OK);
        assert_true(d.text[0]);
    }
    memcpy(copy, seed.p, seed.n);
    for (size_t n = 0; n < seed.n; n++)
        assert_int_not_equal(compact_open((struct bytes){copy, n}, NULL, &p), ST_OK);
    copy[8] = 2;
    struct diag d = {0};
    assert_int_equal(compact_open((struct bytes){copy, seed.n}, &d, &p), ST_UNSUPPORTED);
    assert_non_null(strstr(d.text, "version 2"));
    free(copy);
}

/* A forged one with a checksum that fits: sections outside, names outside, an order of nonsense. */
static void forged_is_bounded(void **state)
{
    (void)state;
    struct bytes seed = load("profile/compact");
    uint64_t *copy = malloc(seed.n);
    assert_non_null(copy);
    for (size_t at = 8; at + 8 <= seed.n; at += 4) {
        static const uint32_t forged[] = {0xffffffff, 0x7ffffff8, 8, 0};
        for (size_t k = 0; k < ARRAY_LEN(forged); k++) {
            struct profile p;
            struct vmi_symbol s;
            uint8_t *c = (uint8_t *)copy;
            uint64_t all = seed.n, sum = 0;
            memcpy(c, seed.p, seed.n);
            memcpy(c + at, &forged[k], 4);
            memcpy(c + 24, &all, 8);
            memcpy(c + 32, &sum, 8);
            sum = compact_hash((struct bytes){c, seed.n});
            memcpy(c + 32, &sum, 8);
            if (compact_open((struct bytes){c, seed.n}, NULL, &p) != ST_OK)
                continue;
            (void)!p.symbols.ops->by_name(p.symbols.self, "init_task", &s);
            (void)!p.symbols.ops->by_name(p.symbols.self, "zzz", &s);
            (void)!p.symbols.ops->by_address(p.symbols.self, ~0ULL, &s);
            profile_close(&p);
        }
    }
    free(copy);
}

/* Of one name, the first in the table's order is found, and the slide is taken off what moved. */
static void names_and_slide(void **state)
{
    (void)state;
    static const char map[] = "0000000000001000 A percpu\n"
                              "ffffffff91000000 T _text\n"
                              "ffffffff91000010 t same\n"
                              "ffffffff91000020 t same\n"
                              "ffffffff91000020 T alias\n"
                              "ffffffff91000030 t samelonger1\n"
                              "ffffffff91000040 t samelonger0\n";
    struct profile a = opened((struct bytes){(const uint8_t *)map, sizeof map - 1});
    struct vmi_symbol s;
    uint8_t *made;
    size_t n;
    written(&a, 0xffffffff80000000, 0x10000000, &made, &n);
    struct profile c = opened((struct bytes){made, n});
    const struct symtab *t = &c.symbols;
    assert_int_equal(t->ops->by_name(t->self, "same", &s), ST_OK);
    assert_true(s.address == 0xffffffff81000010 && s.size == 16 && s.type == 't');
    assert_int_equal(t->ops->by_name(t->self, "percpu", &s), ST_OK);
    assert_true(s.address == 0x1000);
    assert_int_equal(t->ops->by_name(t->self, "samelonger0", &s), ST_OK);
    assert_true(s.address == 0xffffffff81000040);
    assert_int_equal(t->ops->by_name(t->self, "samelonger", &s), ST_ABSENT);
    assert_int_equal(t->ops->by_name(t->self, "", &s), ST_ABSENT);
    assert_int_equal(t->ops->by_address(t->self, 0xffffffff8100002f, &s), ST_OK);
    assert_string_equal(s.name, "same");
    assert_int_equal(t->ops->by_address(t->self, 0xfff, &s), ST_ABSENT);
    profile_close(&c);
    profile_close(&a);
    free(made);
}

/* ---- ISF ------------------------------------------------------------------------------------- */

struct text {
    char *p;
    size_t n, room;
};

static int append(const void *bytes, size_t n, void *data)
{
    struct text *t = data;
    if (t->n + n + 1 > t->room) {
        t->room = 2 * t->room + n + 4096;
        t->p = realloc(t->p, t->room);
        assert_non_null(t->p);
    }
    memcpy(t->p + t->n, bytes, n);
    t->n += n;
    t->p[t->n] = 0;
    return 0;
}

static void isf_is_the_same(void **state)
{
    (void)state;
    static const char *const with_types[] = {"profile/isf", "profile/rekall", "profile/vmlinux",
                                             "btf/kinds", "btf/small"};
    unsigned types = 0;
    for (size_t i = 0; i < ARRAY_LEN(with_types); i++) {
        struct profile a = opened(load(with_types[i]));
        struct text t = {0};
        struct diag d = {0};
        if (isf_write(&a, 0, 0, append, &t, &d) != ST_OK)
            fail_msg("%s", d.text);
        struct profile c = opened((struct bytes){(const uint8_t *)t.p, t.n});
        assert_string_equal(c.dialect, "ISF");
        types += assert_same(&a, &c);
        profile_close(&c);
        profile_close(&a);
        free(t.p);
    }
    assert_true(types > 20);
}

static void isf_says(void **state)
{
    (void)state;
    struct profile a = opened(load("profile/vmlinux"));
    struct text t = {0};
    assert_int_equal(isf_write(&a, 0, 0, append, &t, NULL), ST_OK);
    assert_non_null(strstr(t.p, "\"format\":\"6.2.0\""));
    assert_non_null(strstr(t.p, "\"pointer\":{\"size\":8"));
    /* "Linux version 6.1.0 (a@b) #1 SMP x\n\0" */
    assert_non_null(
        strstr(t.p, "\"constant_data\":\"TGludXggdmVyc2lvbiA2LjEuMCAoYUBiKSAjMSBTTVAgeAoA\""));
    free(t.p);
    profile_close(&a);
}

static int refuse(const void *bytes, size_t n, void *data)
{
    (void)bytes;
    (void)n;
    (void)data;
    return 1;
}

static void failures(void **state)
{
    (void)state;
    struct profile map = opened(load("profile/sysmap"));
    struct diag d = {0};
    struct text t = {0};
    assert_int_equal(isf_write(&map, 0, 0, append, &t, &d), ST_ABSENT);
    assert_non_null(strstr(d.text, "types"));
    assert_null(t.p);
    profile_close(&map);
    struct profile btf = opened(load("profile/btf"));
    assert_int_equal(isf_write(&btf, 0, 0, refuse, NULL, &d), ST_IO);
    profile_close(&btf);
}

/* A guest may call its types what it likes; the text stays JSON. */
static void hostile_names(void **state)
{
    (void)state;
    static const char strings[] = "\0a\"b\\\n\x01\x7f\xe9{\0int\0m}";
    uint8_t blob[24 + 16 + 24 + sizeof strings];
    const uint32_t words[] = {0x0001eb9f,
                              24,
                              0,
                              40,
                              40,
                              sizeof strings,
                              /* int */ 11,
                              1u << 24,
                              4,
                              1u << 24 | 32,
                              /* struct */ 1,
                              4u << 24 | 1,
                              4,
                              15,
                              1,
                              0};
    struct profile p = {.os = VMI_KIND_LINUX, .ptr_size = 8};
    struct text t = {0};
    uint64_t size;
    memcpy(blob, words, sizeof words);
    memcpy(blob + sizeof words, strings, sizeof strings);
    assert_int_equal(
        btf_open((struct bytes){blob, sizeof words + sizeof strings}, 8, NULL, NULL, &p.types),
        ST_OK);
    assert_int_equal(isf_write(&p, 0, 0, append, &t, NULL), ST_OK);
    for (size_t i = 0; i < t.n; i++)
        assert_true(t.p[i] == '\n' || (t.p[i] >= ' ' && t.p[i] <= '~'));
    struct profile c = opened((struct bytes){(const uint8_t *)t.p, t.n});
    /* a byte above 0x7f comes back as the letter of that number */
    assert_int_equal(c.types.ops->size(c.types.self, "a\"b\\\n\x01\x7f\xc3\xa9{", &size), ST_OK);
    assert_int_equal(size, 4);
    profile_close(&c);
    profile_close(&p);
    free(t.p);
}

/* ---- vmlinux --------------------------------------------------------------------------------- */

static void vmlinux(void **state)
{
    (void)state;
    struct bytes seed = load("profile/vmlinux");
    struct profile p = opened(seed);
    struct vmi_symbol s;
    assert_string_equal(p.dialect, "vmlinux");
    assert_string_equal(p.banner, "Linux version 6.1.0 (a@b) #1 SMP x");
    assert_string_equal(p.build_id, "0123456789abcdef");
    assert_int_equal(p.ptr_size, 8);
    assert_non_null(p.types.ops);
    assert_int_equal(p.symbols.ops->by_name(p.symbols.self, "start", &s), ST_OK);
    assert_int_equal(s.type, 'T');
    assert_int_equal(p.symbols.ops->by_name(p.symbols.self, "init_task", &s), ST_OK);
    assert_int_equal(s.type, 'D');
    profile_close(&p);
    for (size_t n = 0; n < seed.n; n++) { /* cut anywhere: an answer or a story, never a crash */
        struct diag d = {0};
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, seed.p, n);
        if (profile_open((struct bytes){copy, n}, &d, &p) == ST_OK)
            profile_close(&p);
        else
            assert_true(d.text[0]);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact_is_the_same),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(forged_is_bounded),
        cmocka_unit_test(names_and_slide),
        cmocka_unit_test(isf_is_the_same),
        cmocka_unit_test(isf_says),
        cmocka_unit_test(failures),
        cmocka_unit_test(hostile_names),
        cmocka_unit_test(vmlinux),
    };
    return cmocka_run_group_tests_name("compact", tests, NULL, NULL);
}

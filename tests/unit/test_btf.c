/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BTF blobs written here kind by kind: what is found in them, as which C text; and blobs that lie.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sym/btf.h"

enum {
    INT = 1,
    PTR,
    ARRAY,
    STRUCT,
    UNION,
    ENUM,
    FWD,
    TYPEDEF,
    VOLATILE,
    CONST,
    RESTRICT,
    FUNC,
    PROTO,
    VAR,
    DATASEC,
    FLOAT,
    DECL_TAG,
    TYPE_TAG,
    ENUM64
};
#define FLAG 0x80000000u

struct blob {
    uint32_t type[4096];
    char string[8192];
    uint32_t types, strings, ids; /* ids: the newest type's */
    uint8_t bytes[32768];
};

static uint32_t text(struct blob *b, const char *s)
{
    uint32_t at = b->strings;

    if (!*s)
        return 0;
    strcpy(b->string + at, s);
    b->strings += (uint32_t)strlen(s) + 1;
    return at;
}

static void word(struct blob *b, uint32_t v)
{
    b->type[b->types++] = v;
}

static uint32_t type(struct blob *b, const char *name, uint32_t kind, uint32_t vlen, uint32_t size)
{
    word(b, text(b, name));
    word(b, (kind & FLAG) | (kind & 0x1f) << 24 | vlen);
    word(b, size);
    return ++b->ids;
}

static void item(struct blob *b, const char *name, uint32_t t, uint32_t offset)
{
    word(b, text(b, name));
    word(b, t);
    word(b, offset);
}

/* The blob's bytes; the buffer is one of its own size, so that ASan sees what reads beyond. */
static struct bytes finish(struct blob *b)
{
    uint32_t header[6] = {0x0001eb9f, 24, 0, 4 * b->types, 4 * b->types, b->strings};
    size_t n = 24 + 4 * b->types + b->strings;
    uint8_t *p = malloc(n);

    memcpy(p, header, 24);
    memcpy(p + 24, b->type, 4 * b->types);
    memcpy(p + 24 + 4 * b->types, b->string, b->strings);
    return (struct bytes){p, n};
}

/* All kinds, much as a kernel has them. */
static void make(struct blob *b)
{
    *b = (struct blob){.strings = 1};
    uint32_t i = type(b, "int", INT, 0, 4);
    word(b, 1u << 24 | 32);
    uint32_t u = type(b, "unsigned int", INT, 0, 4);
    word(b, 32);
    uint32_t c = type(b, "char", INT, 0, 1);
    word(b, 1u << 24 | 8);
    uint32_t fwd = type(b, "task_struct", FWD, 0, 0);
    uint32_t list = type(b, "list_head", STRUCT, 2, 16);
    item(b, "next", list + 1, 0);
    item(b, "prev", list + 1, 64);
    uint32_t list_ptr = type(b, "", PTR, 0, list);
    uint32_t name16 = type(b, "", ARRAY, 0, 0);
    word(b, c), word(b, i), word(b, 16);
    uint32_t flex = type(b, "", ARRAY, 0, 0);
    word(b, u), word(b, i), word(b, 0);
    uint32_t inner = type(b, "", STRUCT, 2, 8);
    item(b, "lo", u, 0);
    item(b, "hi", u, 32);
    uint32_t both = type(b, "", UNION, 2, 8);
    item(b, "", inner, 0);
    item(b, "pair", inner, 0);
    uint32_t bits = type(b, "bits", STRUCT | FLAG, 3, 8);
    item(b, "plain", u, 0);
    item(b, "low", u, 3u << 24 | 32);
    item(b, "high", u, 5u << 24 | 35);
    uint32_t old_int = type(b, "unsigned int", INT, 0, 4);
    word(b, 4u << 16 | 6);
    type(b, "old_bits", STRUCT, 1, 4);
    item(b, "six", old_int, 8);
    uint32_t proto = type(b, "", PROTO, 3, i);
    word(b, text(b, "list")), word(b, list_ptr);
    word(b, 0), word(b, i);
    word(b, 0), word(b, 0);
    uint32_t func_ptr = type(b, "", PTR, 0, proto);
    uint32_t table = type(b, "", ARRAY, 0, 0);
    word(b, func_ptr), word(b, i), word(b, 4);
    uint32_t table_ptr = type(b, "", PTR, 0, table);
    uint32_t cchar = type(b, "", CONST, 0, c);
    uint32_t cstr = type(b, "", PTR, 0, cchar);
    uint32_t tagged = type(b, "rcu", TYPE_TAG, 0, list);
    uint32_t rcu = type(b, "", PTR, 0, tagged);
    uint32_t fixed = type(b, "", CONST, 0, rcu);
    uint32_t kind = type(b, "kind", ENUM | FLAG, 2, 4);
    word(b, text(b, "KIND_A")), word(b, 7);
    word(b, text(b, "KIND_NEGATIVE")), word(b, (uint32_t)-5);
    type(b, "unsigned_kind", ENUM, 1, 4);
    word(b, text(b, "KIND_ALL")), word(b, 0xffffffff);
    type(b, "wide", ENUM64, 1, 8);
    word(b, text(b, "KIND_WIDE")), word(b, 0x9abcdef0), word(b, 0x12345678);
    uint32_t vol = type(b, "", VOLATILE, 0, i);
    uint32_t task = type(b, "task_struct", STRUCT, 13, 200);
    item(b, "state", vol, 0);
    item(b, "", both, 64);
    item(b, "comm", name16, 128);
    item(b, "tasks", list, 256);
    item(b, "fn", func_ptr, 384);
    item(b, "table", table, 448);
    item(b, "table_ptr", table_ptr, 704);
    item(b, "text", cstr, 768);
    item(b, "parent", fixed, 832);
    item(b, "kind", kind, 896);
    item(b, "flags", bits, 960);
    item(b, "prior", fwd, 1024);
    item(b, "flex", flex, 1600);
    type(b, "task_t", TYPEDEF, 0, task);
    type(b, "task_struct", TYPEDEF, 0, i);
    uint32_t func = type(b, "do_fork", FUNC, 1, proto);
    type(b, "tag", DECL_TAG, 0, func);
    word(b, (uint32_t)-1);
    type(b, "jiffies", VAR, 0, u);
    word(b, 1);
    type(b, ".data", DATASEC, 1, 4);
    item(b, "", 1, 0);
    type(b, "double", FLOAT, 0, 8);
    uint32_t restricted = type(b, "", RESTRICT, 0, list_ptr);
    type(b, "spinlock_t", TYPEDEF, 0, type(b, "", CONST, 0, restricted));
}

static struct types open_made(struct bytes *blob)
{
    static struct blob b;
    struct types t;
    struct diag d = {0};

    make(&b);
    *blob = finish(&b);
    if (btf_open(*blob, 8, NULL, &d, &t) != ST_OK)
        fail_msg("%s", d.text);
    return t;
}

static void close_made(struct types *t, struct bytes *blob)
{
    t->ops->close(t->self);
    free((void *)blob->p);
}

static void members(void **state)
{
    (void)state;
    static const struct {
        const char *type, *path, *text;
        uint64_t bit_offset, size;
        uint32_t bits, depth;
    } want[] = {
        {"task_struct", "state", "volatile int", 0, 4, 0, 0},
        {"task_struct", "comm", "char [16]", 128, 16, 0, 0},
        {"struct task_struct", "hi", "unsigned int", 96, 4, 0, 2},
        {"task_t", "lo", "unsigned int", 64, 4, 0, 2},
        {"task_t", "pair.hi", "unsigned int", 96, 4, 0, 0},
        {"task_t", "pair", "struct {...}", 64, 8, 0, 1},
        {"task_struct", "tasks.prev", "struct list_head *", 320, 8, 0, 0},
        {"task_struct", "fn", "int (*)(struct list_head *, int, ...)", 384, 8, 0, 0},
        {"task_struct", "table", "int (*[4])(struct list_head *, int, ...)", 448, 32, 0, 0},
        {"task_struct", "table_ptr", "int (*(*)[4])(struct list_head *, int, ...)", 704, 8, 0, 0},
        {"task_struct", "text", "const char *", 768, 8, 0, 0},
        {"task_struct", "parent", "struct list_head *const", 832, 8, 0, 0},
        {"task_struct", "kind", "enum kind", 896, 4, 0, 0},
        {"task_struct", "flags.low", "unsigned int", 992, 4, 3, 0},
        {"task_struct", "flags.high", "unsigned int", 995, 4, 5, 0},
        {"task_struct", "flags.plain", "unsigned int", 960, 4, 0, 0},
        {"task_struct", "flex", "unsigned int [0]", 1600, 0, 0, 0},
        {"old_bits", "six", "unsigned int", 12, 4, 6, 0},
    };
    static const char *const absent[][2] = {
        {"task_struct", "nothing"},
        {"task_struct", ""},
        {"task_struct", "comm.x"},
        {"task_struct", "tasks."},
        {"task_struct", ".tasks"},
        {"nothing", "x"},
        {"", "x"},
        {"int", "x"},
        {"kind", "x"},
        {"union task_struct", "comm"},
    };
    struct bytes blob;
    struct types t = open_made(&blob);
    struct vmi_member m;

    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        if (t.ops->member(t.self, want[i].type, want[i].path, &m) != ST_OK)
            fail_msg("%s.%s is absent", want[i].type, want[i].path);
        assert_string_equal(m.type, want[i].text);
        assert_int_equal(m.bit_offset, want[i].bit_offset);
        assert_int_equal(m.size, want[i].size);
        assert_int_equal(m.bit_size, want[i].bits);
        assert_int_equal(m.depth, want[i].depth);
    }
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        assert_int_equal(t.ops->member(t.self, absent[i][0], absent[i][1], &m), ST_ABSENT);
    close_made(&t, &blob);
}

struct lines {
    char text[4096];
    unsigned stop; /* after as many, 0: never */
    unsigned nr;
};

static int line(const struct vmi_member *m, void *data)
{
    struct lines *l = data;
    size_t n = strlen(l->text);

    snprintf(l->text + n, sizeof l->text - n, "%u:%u:%s;", m->depth, (unsigned)m->bit_offset,
             m->name);
    return ++l->nr == l->stop;
}

static int type_line(const char *kind, const char *name, uint64_t size, void *data)
{
    struct lines *l = data;
    size_t n = strlen(l->text);

    snprintf(l->text + n, sizeof l->text - n, "%s %s %u;", kind, name, (unsigned)size);
    return 0;
}

static void listings(void **state)
{
    (void)state;
    struct bytes blob;
    struct types t = open_made(&blob);
    struct lines l = {.nr = 0};

    assert_int_equal(t.ops->each_member(t.self, "task_t", line, &l), ST_OK);
    assert_string_equal(
        l.text,
        "0:0:state;0:64:;1:64:;2:64:lo;2:96:hi;1:64:pair;0:128:comm;0:256:tasks;0:384:fn;0:448:"
        "table;"
        "0:704:table_ptr;0:768:text;0:832:parent;0:896:kind;0:960:flags;0:1024:prior;0:1600:flex;");
    l = (struct lines){.stop = 4};
    assert_int_equal(t.ops->each_member(t.self, "task_t", line, &l), ST_OK);
    assert_int_equal(l.nr, 4);
    l = (struct lines){.nr = 0};
    assert_int_equal(t.ops->each_type(t.self, type_line, &l), ST_OK);
    assert_string_equal(
        l.text,
        "struct list_head 16;struct bits 8;struct old_bits 4;enum kind 4;enum unsigned_kind 4;"
        "enum wide 8;struct task_struct 200;typedef task_t 200;typedef task_struct 4;"
        "typedef spinlock_t 8;");
    assert_int_equal(t.ops->each_member(t.self, "kind", line, &l), ST_ABSENT);
    close_made(&t, &blob);
}

static void sizes_and_values(void **state)
{
    (void)state;
    struct bytes blob;
    struct types t = open_made(&blob);
    uint64_t size;
    int64_t v;

    assert_int_equal(t.ops->size(t.self, "task_struct", &size), ST_OK);
    assert_int_equal(size, 200); /* the struct, not the typedef nor the declaration of that name */
    assert_int_equal(t.ops->size(t.self, "spinlock_t", &size), ST_OK);
    assert_int_equal(size, 8);
    assert_int_equal(t.ops->size(t.self, "unsigned int", &size), ST_OK);
    assert_int_equal(size, 4);
    assert_int_equal(t.ops->size(t.self, "do_fork", &size), ST_ABSENT);
    assert_int_equal(t.ops->enumerator(t.self, "KIND_NEGATIVE", &v), ST_OK);
    assert_int_equal(v, -5);
    assert_int_equal(t.ops->enumerator(t.self, "KIND_ALL", &v), ST_OK);
    assert_true(v == 0xffffffffll);
    assert_int_equal(t.ops->enumerator(t.self, "KIND_WIDE", &v), ST_OK);
    assert_true(v == 0x123456789abcdef0);
    assert_int_equal(t.ops->enumerator(t.self, "KIND", &v), ST_ABSENT);
    assert_int_equal(t.ops->enumerator(t.self, "", &v), ST_ABSENT);
    close_made(&t, &blob);
}

/* A module's BTF goes on where the kernel's ends: ids and strings. */
static void split(void **state)
{
    (void)state;
    struct bytes blob;
    struct types base = open_made(&blob), module, nested;
    struct blob s = {.strings = 0};
    uint32_t ids = (uint32_t)base.ops->count(base.self), strings = le32(blob.p + 20);
    struct vmi_member m;
    struct diag d = {0};
    int64_t v;
    uint64_t size;

    /*
     * struct inode_info { struct list_head list (name from the base: none); struct inode_info
     * *self; }
     */
    strcpy(s.string, "inode_info");
    strcpy(s.string + 11, "self");
    s.strings = 16;
    uint32_t words[] = {strings,   STRUCT << 24 | 2, 24,      strings + 11, 5,
                        0,         strings + 11,     ids + 2, 128,          0,
                        PTR << 24, ids + 1};
    memcpy(s.type, words, sizeof words);
    s.types = ARRAY_LEN(words);
    struct bytes own = finish(&s);
    assert_int_equal(btf_open(own, 8, &base, &d, &module), ST_OK);
    assert_int_equal(module.ops->member(module.self, "inode_info", "self", &m), ST_OK);
    assert_string_equal(m.type, "struct list_head");
    assert_int_equal(m.size, 16);
    assert_int_equal(module.ops->member(module.self, "inode_info", "self.prev", &m), ST_OK);
    assert_int_equal(module.ops->member(module.self, "task_struct", "comm", &m), ST_OK);
    assert_int_equal(module.ops->enumerator(module.self, "KIND_A", &v), ST_OK);
    assert_int_equal(base.ops->size(base.self, "inode_info", &size), ST_ABSENT);
    assert_int_equal(module.ops->count(module.self), 2);
    struct types none = {0};
    assert_int_equal(btf_open(own, 8, &none, &d, &nested), ST_INVALID);
    module.ops->close(module.self);
    free((void *)own.p);
    close_made(&base, &blob);
}

static void searched(void **state)
{
    (void)state;
    static struct blob b;
    make(&b);
    struct bytes blob = finish(&b), found;
    size_t n = 8192 + blob.n + 100;
    uint8_t *image = calloc(1, n);
    static const uint8_t decoy[] = {0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0,
                                    12,   0,    0, 0, 12, 0, 0, 0, 1, 0, 0, 0};

    memcpy(image + 16, decoy, sizeof decoy); /* its one type is of no kind */
    memcpy(image + 4096, blob.p, 4);         /* a magic number alone */
    memcpy(image + 8192, blob.p, blob.n);
    assert_int_equal(btf_search((struct bytes){image, n}, 0, &found), ST_OK);
    assert_ptr_equal(found.p, image + 8192);
    assert_int_equal(found.n, blob.n);
    assert_int_equal(btf_size(found), blob.n);
    assert_int_equal(btf_search((struct bytes){image, n}, 8193, &found), ST_ABSENT);
    assert_int_equal(btf_search((struct bytes){image, 8192 + blob.n - 1}, 0, &found), ST_ABSENT);
    assert_int_equal(btf_search((struct bytes){image, n}, UINT64_MAX, &found), ST_ABSENT);
    assert_int_equal(btf_size((struct bytes){image, 23}), 0);
    free(image);
    free((void *)blob.p);
}

static int open_status(struct blob *b)
{
    struct bytes blob = finish(b);
    struct types t;
    int status = btf_open(blob, 8, NULL, NULL, &t);

    if (status == ST_OK)
        t.ops->close(t.self);
    free((void *)blob.p);
    return status;
}

static void forged(void **state)
{
    (void)state;
    static struct blob b;
    struct types t;
    struct vmi_member m;
    struct lines l = {.nr = 0};
    uint64_t size;

    /* A struct that contains itself without a name; typedefs in a ring; an array of itself. */
    b = (struct blob){.strings = 1};
    type(&b, "self", STRUCT, 2, 8);
    item(&b, "", 1, 0);
    item(&b, "", 1, 0);
    type(&b, "ring", TYPEDEF, 0, 3);
    type(&b, "ring2", TYPEDEF, 0, 2);
    type(&b, "arrays", TYPEDEF, 0, 5);
    type(&b, "", ARRAY, 0, 0);
    word(&b, 5), word(&b, 1), word(&b, 0xffffffff);
    type(&b, "pointers", STRUCT, 2, 8);
    item(&b, "p", 7, 0);
    item(&b, "far", 99999, 0);
    type(&b, "", PTR, 0, 7);
    struct bytes blob = finish(&b);
    assert_int_equal(btf_open(blob, 8, NULL, NULL, &t), ST_OK);
    assert_int_equal(t.ops->member(t.self, "self", "x", &m), ST_LIMIT);
    assert_int_equal(t.ops->each_member(t.self, "self", line, &l), ST_LIMIT);
    assert_int_equal(t.ops->member(t.self, "ring", "x", &m), ST_ABSENT);
    assert_int_equal(t.ops->size(t.self, "ring", &size), ST_BROKEN);
    assert_int_not_equal(t.ops->size(t.self, "arrays", &size), ST_OK);
    assert_int_equal(t.ops->member(t.self, "pointers", "p", &m), ST_OK);
    assert_int_equal(t.ops->member(t.self, "pointers", "far", &m), ST_OK);
    assert_int_equal(m.size, 0);
    close_made(&t, &blob);

    make(&b);
    type(&b, "new", 20, 0, 0);
    assert_int_equal(open_status(&b), ST_BROKEN);
    make(&b);
    type(&b, "cut", STRUCT, 3, 0);
    assert_int_equal(open_status(&b), ST_BROKEN);
    make(&b);
    b.string[b.strings - 1] = 'x';
    assert_int_equal(open_status(&b), ST_BROKEN);

    make(&b);
    blob = finish(&b);
    for (size_t n = 0; n < blob.n; n += 7) {
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, blob.p, n);
        assert_int_not_equal(btf_open((struct bytes){copy, n}, 8, NULL, NULL, &t), ST_OK);
        free(copy);
    }
    assert_int_equal(btf_open(blob, 5, NULL, NULL, &t), ST_INVALID);
    free((void *)blob.p);
}

/* The hash of the index, as src/sym/btf.c has it: who forges names knows it, too. */
static uint64_t index_hash(const char *s)
{
    uint64_t h = strlen(s);

    while (*s)
        h = (h ^ (uint8_t)*s++) * 0x100000001b3ull;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ull;
    return h ^ h >> 32;
}

static void crowded(void **state)
{
    (void)state;
    static struct blob b;
    struct vmi_member m;
    struct types t;
    char name[16];
    uint64_t size;

    /* A thousand types of one name take one place, and do not hide the one that is meant. */
    b = (struct blob){.strings = 1};
    type(&b, "a", FWD, 0, 0);
    for (unsigned i = 0; i < 1000; i++) {
        word(&b, 1);
        word(&b, FWD << 24);
        word(&b, 0);
        b.ids++;
    }
    uint32_t u = type(&b, "u32", INT, 0, 4);
    word(&b, 32);
    word(&b, 1);
    word(&b, STRUCT << 24 | 1);
    word(&b, 4);
    item(&b, "x", u, 0);
    struct bytes blob = finish(&b);
    assert_int_equal(btf_open(blob, 8, NULL, NULL, &t), ST_OK);
    assert_int_equal(t.ops->member(t.self, "a", "x", &m), ST_OK);
    assert_int_equal(t.ops->size(t.self, "struct a", &size), ST_OK);
    assert_int_equal(size, 4);
    close_made(&t, &blob);

    /* Many names at one place of the index (1,024 places for 257 to 512 names) are forged. */
    b = (struct blob){.strings = 1};
    for (unsigned i = 0; b.ids < 400; i++) {
        snprintf(name, sizeof name, "n%x", i);
        if (!(index_hash(name) & 1023))
            type(&b, name, FWD, 0, 0);
    }
    assert_int_equal(open_status(&b), ST_LIMIT);
    b = (struct blob){.strings = 1};
    for (unsigned i = 0; b.ids < 400; i++) {
        snprintf(name, sizeof name, "n%x", i);
        type(&b, name, FWD, 0, 0);
    }
    assert_int_equal(open_status(&b), ST_OK);
}

/*
 * A running guest overwrites the blob after it was opened: answers may be wrong, never out of
 * bounds.
 */
static void changing(void **state)
{
    (void)state;
    struct bytes blob;
    struct types t = open_made(&blob);
    uint8_t *p = (uint8_t *)blob.p;
    uint32_t seed = 7;
    struct vmi_member m;
    uint64_t size;
    int64_t v;

    for (unsigned i = 0; i < 3000; i++) {
        struct lines l = {.stop = 500};
        seed = seed * 1664525 + 1013904223;
        p[24 + (seed >> 8) % (blob.n - 24)] = (uint8_t)seed;
        (void)t.ops->member(t.self, "task_struct", "comm", &m);
        (void)t.ops->member(t.self, "task_struct", "pair.hi", &m);
        (void)t.ops->size(t.self, "task_t", &size);
        (void)t.ops->enumerator(t.self, "KIND_WIDE", &v);
        (void)t.ops->each_member(t.self, "task_struct", line, &l);
    }
    close_made(&t, &blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members), cmocka_unit_test(listings), cmocka_unit_test(sizes_and_values),
        cmocka_unit_test(split),   cmocka_unit_test(searched), cmocka_unit_test(forged),
        cmocka_unit_test(crowded), cmocka_unit_test(changing),
    };
    return cmocka_run_group_tests_name("BTF", tests, NULL, NULL);
}

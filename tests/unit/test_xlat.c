/* SPDX-License-Identifier: BSD-2-Clause */
/* The page walker: the vectors of tests/vectors/xlat, and what reads, writes and visits make of
 * translations. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "xlat/xlat.h"

enum { PAGE = 4096, MAX_PAGES = 64 };

/* Physical memory made of single pages, which are no neighbours in the host. */
struct memory {
    struct phys phys;
    uint8_t *page[MAX_PAGES];
    size_t nr;
};

static void memory_init(struct memory *m)
{
    m->nr = 0;
    phys_init(&m->phys, NULL, NULL);
}

static void memory_deinit(struct memory *m)
{
    for (size_t i = 0; i < m->nr; i++)
        free(m->page[i]);
    phys_deinit(&m->phys);
}

static uint8_t *page_at(struct memory *m, uint64_t at)
{
    size_t avail;
    at &= ~(uint64_t)(PAGE - 1);
    if (!phys_find(&m->phys, at)) {
        assert_true(m->nr < MAX_PAGES);
        m->page[m->nr] = calloc(1, PAGE);
        assert_non_null(m->page[m->nr]);
        struct phys_range r = {.start = at, .len = PAGE, .host = m->page[m->nr++], .cookie = at};
        assert_int_equal(phys_add(&m->phys, &r), ST_OK);
    }
    return (uint8_t *)(uintptr_t)phys_ptr(&m->phys, at, &avail);
}

static void put(struct memory *m, uint64_t at, uint64_t v, size_t size)
{
    memcpy(page_at(m, at) + at % PAGE, &v, size);
}

/* ---- vectors
 * ----------------------------------------------------------------------------------------------------
 */

struct vectors {
    const char *file;
    unsigned line, checks;
    struct memory m;
    enum form_id form;
    struct aspace as, outer;
    struct pte_policy policy;
    uint64_t from[8], to[8]; /* of the policy */
    size_t nr_policy;
};

static const char *const fault_names[] = {
    [WALK_OK] = "ok",
    [WALK_NOT_CANONICAL] = "not-canonical",
    [WALK_NOT_PRESENT] = "not-present",
    [WALK_RESERVED] = "reserved",
    [WALK_TABLE_ABSENT] = "table-absent",
    [WALK_OUTER] = "outer",
};

static void complain(const struct vectors *v, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fail_msg("%s:%u: %s", v->file, v->line, text);
}

static enum form_id form_named(const struct vectors *v, const char *name)
{
    for (int i = 0; i < FORM_COUNT; i++)
        if (!strcmp(paging_form(i)->name, name))
            return i;
    complain(v, "no paging form \"%s\"", name);
    return 0;
}

static int resolve(void *arg, const struct aspace *as, unsigned level, uint64_t entry, uint64_t va,
                   uint64_t *ret)
{
    const struct vectors *v = arg;
    (void)as, (void)level, (void)va;
    for (size_t i = 0; i < v->nr_policy; i++) {
        if (v->from[i] == entry) {
            *ret = v->to[i];
            return ST_OK;
        }
    }
    return ST_ABSENT;
}

static void rights_text(unsigned r, char text[5])
{
    size_t n = 0;
    if (r & RIGHT_R)
        text[n++] = 'r';
    if (r & RIGHT_W)
        text[n++] = 'w';
    if (r & RIGHT_X)
        text[n++] = 'x';
    if (r & RIGHT_U)
        text[n++] = 'u';
    if (!n)
        text[n++] = '-';
    text[n] = '\0';
}

static int find_page(const struct walk *w, void *arg)
{
    *(struct walk *)arg = *w;
    return 1;
}

static int count_page(const struct walk *w, void *arg)
{
    (void)w;
    ++*(uint64_t *)arg;
    return 0;
}

struct same_pages {
    const struct vectors *v;
    uint64_t count;
};

static int same_as_walk(const struct walk *w, void *arg)
{
    struct same_pages *p = arg;
    struct walk again = {0}; /* its padding is compared, too */
    int st = aspace_walk(&p->v->as, GVA(w->va), &again);
    if (st != ST_OK || memcmp(&again, w, sizeof again))
        complain(p->v, "%#llx is visited as something else than aspace_walk says",
                 (unsigned long long)w->va);
    p->count++;
    return 0;
}

static void check_translation(const struct vectors *v, const struct walk *w)
{
    uint64_t pa = 42, left = 43;
    int st = aspace_translate(&v->as, GVA(w->va), &pa, &left);
    struct walk found = {0};
    int visited = aspace_each_page(&v->as, w->va, w->va, 64, find_page, &found);
    if (w->fault != WALK_OK) {
        if (st != ST_ABSENT || pa != 42 || left != 43)
            complain(v, "aspace_translate says %d, %#llx", st, (unsigned long long)pa);
        if (visited != ST_OK)
            complain(v, "aspace_each_page says %d", visited);
        return;
    }
    if (st != ST_OK || pa != w->outer_pa || !left || left > w->size - (w->va & (w->size - 1)))
        complain(v, "aspace_translate says %d, %#llx, %#llx left", st, (unsigned long long)pa,
                 (unsigned long long)left);
    if (visited != 1 || memcmp(&found, w, sizeof found))
        complain(v, "aspace_each_page finds something else: %d, %#llx", visited,
                 (unsigned long long)found.pa);
}

static void check_mapped(struct vectors *v, uint64_t va, const char *rest)
{
    unsigned long long pa, size, outer = 0;
    char rights[8], is[5];
    struct walk w;
    int n = sscanf(rest, "%llx %llx %7s outer %llx", &pa, &size, rights, &outer);
    if (n < 3)
        complain(v, "not understood");
    int st = aspace_walk(&v->as, GVA(va), &w);
    rights_text(w.rights, is);
    if (st != ST_OK || w.fault != WALK_OK)
        complain(v, "is %s after %u levels", fault_names[w.fault], w.levels);
    if (w.pa != pa || w.size != size || strcmp(is, rights) || w.outer_pa != (n == 4 ? outer : pa))
        complain(v, "is %#llx, size %#llx, %s, outer %#llx", (unsigned long long)w.pa,
                 (unsigned long long)w.size, is, (unsigned long long)w.outer_pa);
    check_translation(v, &w);
}

static void check_fault(struct vectors *v, uint64_t va, const char *rest)
{
    char fault[32];
    unsigned levels;
    struct walk w;
    if (sscanf(rest, "%31s %u", fault, &levels) != 2)
        complain(v, "not understood");
    int st = aspace_walk(&v->as, GVA(va), &w);
    if (st != ST_ABSENT || strcmp(fault_names[w.fault], fault) || w.levels != levels || w.size)
        complain(v, "is %s after %u levels, size %#llx", fault_names[w.fault], w.levels,
                 (unsigned long long)w.size);
    check_translation(v, &w);
}

static void check_line(struct vectors *v, const char *rest)
{
    unsigned long long va;
    int n = 0;
    char how;
    if (sscanf(rest, "%llx %c %n", &va, &how, &n) != 2 || !n)
        complain(v, "not understood");
    v->checks++;
    if (how == '=')
        check_mapped(v, va, rest + n);
    else
        check_fault(v, va, rest + n);
}

static void put_words(struct vectors *v, const char *rest, size_t size)
{
    char *end;
    uint64_t at = strtoull(rest, &end, 16);
    for (const char *p = end;; p = end, at += size) {
        uint64_t word = strtoull(p, &end, 16);
        if (end == p)
            return;
        put(&v->m, at, word, size);
    }
}

static void begin_form(struct vectors *v, const char *name)
{
    memory_deinit(&v->m);
    memory_init(&v->m);
    v->form = form_named(v, name);
    v->nr_policy = 0;
    v->as = (struct aspace){0};
}

static void set_root(struct vectors *v, unsigned long long root)
{
    uint64_t clear = v->as.addr_clear;
    aspace_init(&v->as, &v->m.phys, v->form, root);
    v->as.addr_clear = clear;
    v->as.policy = &v->policy;
}

static void run_line(struct vectors *v, char *line)
{
    unsigned long long a, b, c;
    char name[64];
    line[strcspn(line, "#\r\n")] = '\0';
    for (size_t n = strlen(line); n && line[n - 1] == ' ';)
        line[--n] = '\0';
    if (!*line)
        return;
    if (!strncmp(line, "form ", 5))
        begin_form(v, line + 5);
    else if (!strncmp(line, "at32 ", 5))
        put_words(v, line + 5, 4);
    else if (!strncmp(line, "at64 ", 5))
        put_words(v, line + 5, 8);
    else if (!strncmp(line, "va ", 3))
        check_line(v, line + 3);
    else if (sscanf(line, "root %llx", &a) == 1)
        set_root(v, a);
    else if (sscanf(line, "split %llx %llx", &a, &b) == 2)
        aspace_init_split(&v->as, &v->m.phys, v->form, b, v->form, v->as.half[1].root, a);
    else if (sscanf(line, "clear %llx", &a) == 1)
        v->as.addr_clear = a;
    else if (sscanf(line, "outer %llx %63[^\n]", &a, name) == 2) {
        aspace_init(&v->outer, &v->m.phys, form_named(v, name), a);
        v->as.outer = &v->outer;
    } else if (sscanf(line, "policy %llx %llx", &a, &b) == 2 && v->nr_policy < 8) {
        v->from[v->nr_policy] = a;
        v->to[v->nr_policy++] = b;
    } else if (sscanf(line, "pages %llx %llx = %llu", &a, &b, &c) == 3) {
        struct same_pages p = {.v = v};
        int st = aspace_each_page(&v->as, a, b, 10000, same_as_walk, &p);
        if (st != ST_OK || p.count != c)
            complain(v, "are %llu, status %d", (unsigned long long)p.count, st);
    } else {
        complain(v, "not understood: %s", line);
    }
}

static unsigned run_vectors(const char *path)
{
    struct vectors v = {.file = path, .policy = {resolve, &v}};
    char line[256];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    memory_init(&v.m);
    while (fgets(line, sizeof line, f)) {
        v.line++;
        run_line(&v, line);
    }
    fclose(f);
    memory_deinit(&v.m);
    return v.checks;
}

static void test_vectors(void **state)
{
    static const char dir[] = "tests/vectors/xlat";
    char path[512];
    unsigned files = 0, checks = 0;
    (void)state;
    DIR *d = opendir(dir);
    if (!d)
        fail_msg("%s is not here: run this from the top of the tree", dir);
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n < 4 || strcmp(e->d_name + n - 4, ".txt"))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        checks += run_vectors(path);
        files++;
    }
    closedir(d);
    assert_true(files >= 8 && checks >= 100);
}

/* ---- reads
 * ------------------------------------------------------------------------------------------------------
 */

/*
 * A 4-level space: virtual page i of 0xffff888000000000 on lies in frame frame_of[i]; frame 0 means
 * that there is none. Frames are at 0x100000 and hold their own number in every byte; frame 15 is
 * not in memory.
 */
static const uint8_t frame_of[16] = {1, 2, 3, 5, 4, 0, 6, 15, 7, 8, 9, 10, 1, 1, 11, 12};
static const uint64_t BASE = 0xffff888000000000;

struct space {
    struct memory m;
    struct aspace as;
    uint8_t *frames; /* contiguous in the host, 1..14 */
};

static void space_make(struct space *s)
{
    memory_init(&s->m);
    put(&s->m, 0x1000 + 0x111 * 8, 0x2063, 8);
    put(&s->m, 0x2000, 0x3063, 8);
    put(&s->m, 0x3000, 0x4063, 8);
    for (uint64_t i = 0; i < 16; i++)
        put(&s->m, 0x4000 + i * 8, frame_of[i] ? 0x100063 + (uint64_t)frame_of[i] * PAGE : 0, 8);
    s->frames = malloc(14 * PAGE);
    assert_non_null(s->frames);
    for (int i = 0; i < 14; i++)
        memset(s->frames + i * PAGE, i + 1, PAGE);
    struct phys_range r = {.start = 0x101000, .len = 14 * PAGE, .host = s->frames};
    assert_int_equal(phys_add(&s->m.phys, &r), ST_OK);
    aspace_init(&s->as, &s->m.phys, FORM_X86_4LEVEL, 0x1000);
}

static void space_free(struct space *s)
{
    memory_deinit(&s->m);
    free(s->frames);
}

static void test_read(void **state)
{
    struct space s;
    uint8_t buf[16 * PAGE];
    size_t done = 99;
    uint64_t v64 = 7;
    uint32_t v32;
    (void)state;
    space_make(&s);
    assert_int_equal(aspace_read(&s.as, GVA(BASE), buf, 5 * PAGE, &done), ST_OK);
    assert_int_equal(done, 5 * PAGE);
    for (size_t i = 0; i < 5 * PAGE; i++)
        assert_int_equal(buf[i], frame_of[i / PAGE]);
    /* up to the page that is not present, and up to the one whose memory is not there */
    assert_int_equal(aspace_read(&s.as, GVA(BASE + 3), buf, 6 * PAGE, &done), ST_ABSENT);
    assert_int_equal(done, 5 * PAGE - 3);
    assert_int_equal(aspace_read(&s.as, GVA(BASE + 6 * PAGE + 1), buf, 2 * PAGE, &done), ST_ABSENT);
    assert_int_equal(done, PAGE - 1);
    /* numbers, also over a page's edge */
    assert_int_equal(aspace_read64(&s.as, GVA(BASE + 2 * PAGE - 4), &v64), ST_OK);
    assert_int_equal(v64, 0x0303030302020202);
    assert_int_equal(aspace_read32(&s.as, GVA(BASE + PAGE), &v32), ST_OK);
    assert_int_equal(v32, 0x02020202);
    v64 = 7;
    assert_int_equal(aspace_read64(&s.as, GVA(BASE + 5 * PAGE - 4), &v64), ST_ABSENT);
    assert_int_equal(v64, 7);
    assert_int_equal(aspace_read(&s.as, GVA(BASE + 5 * PAGE), buf, 0, &done), ST_OK);
    assert_int_equal(done, 0);
    for (size_t n = 1; n <= 9; n++)
        for (uint64_t at = 4 * PAGE - 9; at < 4 * PAGE + 9; at++) {
            assert_int_equal(aspace_read(&s.as, GVA(BASE + at), buf, n, &done), ST_OK);
            assert_int_equal(done, n);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(buf[i], frame_of[(at + i) / PAGE]);
        }
    space_free(&s);
}

static void test_end_of_addresses(void **state)
{
    struct space s;
    uint8_t buf[2 * PAGE];
    size_t done;
    (void)state;
    space_make(&s);
    put(&s.m, 0x1ff8, 0x2063, 8); /* 511, 511, 511, 511: the last page; 0: the first */
    put(&s.m, 0x1000, 0x2063, 8);
    put(&s.m, 0x2ff8, 0x3063, 8);
    put(&s.m, 0x3ff8, 0x4063, 8);
    put(&s.m, 0x4ff8, 0x101063, 8);
    assert_int_equal(aspace_read(&s.as, GVA(-16ULL), buf, 32, &done), ST_ABSENT);
    assert_int_equal(done, 16);
    assert_int_equal(aspace_read(&s.as, GVA(-16ULL), buf, 16, &done), ST_OK);
    memset(s.frames, 'a', PAGE);
    char text[64];
    assert_int_equal(aspace_read_str(&s.as, GVA(-16ULL), text, sizeof text), ST_ABSENT);
    assert_int_equal(strlen(text), 16);
    uint64_t count = 0;
    assert_int_equal(aspace_each_page(&s.as, -(uint64_t)PAGE, UINT64_MAX, 10, count_page, &count),
                     ST_OK);
    assert_int_equal(count, 1);
    space_free(&s);
}

static void test_ptr(void **state)
{
    struct space s;
    size_t avail;
    (void)state;
    space_make(&s);
    assert_ptr_equal(aspace_ptr(&s.as, GVA(BASE + 16), &avail), s.frames + 16);
    assert_int_equal(avail, 3 * PAGE - 16); /* frames 1, 2, 3, then 5 */
    assert_ptr_equal(aspace_ptr(&s.as, GVA(BASE + 12 * PAGE), &avail), s.frames);
    assert_int_equal(avail, PAGE); /* frame 1 twice */
    assert_null(aspace_ptr(&s.as, GVA(BASE + 5 * PAGE), &avail));
    assert_null(aspace_ptr(&s.as, GVA(BASE + 7 * PAGE), &avail));
    assert_null(aspace_ptr(&s.as, GVA(0x800000000000), &avail));
    space_free(&s);
}

static void test_strings(void **state)
{
    struct space s;
    char text[600];
    (void)state;
    space_make(&s);
    memset(s.frames, 'x', 14 * PAGE);
    memcpy(s.frames + PAGE - 3, "abcdef", 7); /* over an edge */
    assert_int_equal(aspace_read_str(&s.as, GVA(BASE + PAGE - 3), text, sizeof text), ST_OK);
    assert_string_equal(text, "abcdef");
    assert_int_equal(aspace_read_str(&s.as, GVA(BASE + PAGE - 3), text, 4), ST_LIMIT);
    assert_string_equal(text, "abc");
    assert_int_equal(aspace_read_str(&s.as, GVA(BASE + 5 * PAGE - 2), text, sizeof text),
                     ST_ABSENT);
    assert_string_equal(text, "xx");
    assert_int_equal(aspace_read_str(&s.as, GVA(BASE + 5 * PAGE), text, sizeof text), ST_ABSENT);
    assert_string_equal(text, "");
    assert_int_equal(aspace_read_str(&s.as, GVA(BASE), text, 0), ST_INVALID);
    assert_int_equal(aspace_read_str(&s.as, GVA(BASE), text, 1), ST_LIMIT);
    assert_string_equal(text, "");
    assert_int_equal(aspace_read_str(&s.as, GVA(BASE + 2 * PAGE), text, sizeof text), ST_LIMIT);
    assert_int_equal(strlen(text), sizeof text - 1);
    space_free(&s);
}

static int write_host(void *source, const struct phys_range *r, uint64_t at, const void *buf,
                      size_t n, size_t *done)
{
    (void)source;
    memcpy(r->host + (at - r->start), buf, n);
    *done = n;
    return ST_OK;
}

static void test_write(void **state)
{
    static const struct phys_ops ops = {.write = write_host};
    struct space s;
    uint8_t buf[4 * PAGE];
    size_t done;
    (void)state;
    space_make(&s);
    memset(buf, 0xaa, sizeof buf);
    assert_int_equal(aspace_write(&s.as, GVA(BASE), buf, 8, &done), ST_UNSUPPORTED);
    assert_int_equal(done, 0);
    s.m.phys.ops = &ops;
    assert_int_equal(aspace_write(&s.as, GVA(BASE + 3 * PAGE + 8), buf, 3 * PAGE, &done),
                     ST_ABSENT);
    assert_int_equal(done, 2 * PAGE - 8); /* frames 5 and 4 */
    assert_int_equal(s.frames[4 * PAGE + 7], 5);
    assert_int_equal(s.frames[4 * PAGE + 8], 0xaa);
    assert_int_equal(s.frames[4 * PAGE - 1], 0xaa);
    assert_int_equal(s.frames[3 * PAGE - 1], 3);
    space_free(&s);
}

/* ---- visits, roots
 * ---------------------------------------------------------------------------------------------- */

static void test_self_reference_is_bounded(void **state)
{
    struct memory m;
    struct aspace as;
    uint64_t count = 0;
    (void)state;
    memory_init(&m);
    for (uint64_t i = 0; i < 512; i++)
        put(&m, 0x1000 + i * 8, 0x1063, 8);
    aspace_init(&as, &m.phys, FORM_X86_5LEVEL, 0x1000);
    assert_int_equal(aspace_each_page(&as, 0, UINT64_MAX, 1000, count_page, &count), ST_LIMIT);
    assert_true(count > 500000 && count <= 1000 * 512);
    count = 0;
    assert_int_equal(aspace_each_page(&as, 0, 0x1fffff, 4, count_page, &count), ST_OK);
    assert_int_equal(count, 512);
    memory_deinit(&m);
}

static int stop_at_third(const struct walk *w, void *arg)
{
    (void)w;
    return ++*(uint64_t *)arg == 3 ? 33 : 0;
}

static void test_visit(void **state)
{
    struct space s;
    uint64_t count = 0;
    (void)state;
    space_make(&s);
    assert_int_equal(aspace_each_page(&s.as, 0, UINT64_MAX, 100, count_page, &count), ST_OK);
    assert_int_equal(count, 15); /* a page whose memory is missing is present all the same */
    count = 0;
    assert_int_equal(aspace_each_page(&s.as, 0, UINT64_MAX, 100, stop_at_third, &count), 33);
    count = 0;
    assert_int_equal(
        aspace_each_page(&s.as, BASE + PAGE + 5, BASE + 3 * PAGE, 100, count_page, &count), ST_OK);
    assert_int_equal(count, 3);
    count = 0;
    assert_int_equal(aspace_each_page(&s.as, BASE + 1, BASE, 100, count_page, &count), ST_OK);
    assert_int_equal(count, 0);
    assert_int_equal(aspace_each_page(&s.as, 0, UINT64_MAX, 2, count_page, &count), ST_LIMIT);
    space_free(&s);
}

static void test_roots(void **state)
{
    (void)state;
    assert_int_equal(paging_root(FORM_X86_4LEVEL, 0x8000000012345fff), 0x12345000);
    assert_int_equal(paging_root(FORM_X86_PAE, 0x12345fff), 0x12345fe0);
    assert_int_equal(paging_root(FORM_EPT_4LEVEL, 0x12345 << 12 | 0x5e), 0x12345000);
    assert_int_equal(paging_root(FORM_ARM64_4K_48, 0x00ab000041853001), 0x41853000);
    assert_int_equal(paging_root(FORM_ARM64_64K_52, 0x00ab0000418500bd), 0xf000041850080);
    assert_int_equal(paging_root(FORM_ARM64_16K_48, 0x41853011), 0x41853010);
    assert_int_equal(paging_root(FORM_ARM32_SHORT, 0x4186404a), 0x41864000);
    assert_int_equal(paging_root(FORM_ARM32_LPAE, 0x00aa000041864020), 0x41864020);
    for (int i = 0; i < FORM_COUNT; i++) { /* an address goes through as it is */
        const struct paging_form *f = paging_form(i);
        unsigned top = f->level[0].shift + f->level[0].bits;
        assert_int_equal(paging_root(i, 0x41860000), 0x41860000);
        assert_int_equal(top, f->va_bits);
        for (unsigned l = 1; l < f->levels; l++)
            assert_int_equal(f->level[l].shift + f->level[l].bits, f->level[l - 1].shift);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_end_of_addresses),
        cmocka_unit_test(test_ptr),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_self_reference_is_bounded),
        cmocka_unit_test(test_visit),
        cmocka_unit_test(test_roots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest-physical memory: how ranges are put together, and reads over what is there and what is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "phys/phys.h"

static uint8_t host[65536];

static int add(struct phys *p, uint64_t start, uint64_t len, uint8_t *at, uint64_t cookie)
{
    struct phys_range r = {.start = start, .len = len, .host = at, .cookie = cookie};
    return phys_add(p, &r);
}

static void is_range(const struct phys *p, size_t i, uint64_t start, uint64_t len, uint64_t cookie)
{
    assert_true(i < p->nr);
    assert_int_equal(p->range[i].start, start);
    assert_int_equal(p->range[i].len, len);
    assert_int_equal(p->range[i].cookie, cookie);
}

static void test_order_and_overlap(void **state)
{
    struct phys p;
    (void)state;
    phys_init(&p, NULL, NULL);
    assert_int_equal(phys_size(&p), 0);
    assert_int_equal(phys_end(&p), 0);
    assert_null(phys_find(&p, 0));
    assert_int_equal(add(&p, 0x5000, 0x1000, NULL, 500), ST_OK);
    assert_int_equal(add(&p, 0x1000, 0x1000, NULL, 100), ST_OK);
    assert_int_equal(add(&p, 0x3000, 0, NULL, 0), ST_OK);
    /* over both: what is there stays, the three gaps are filled, each with its part of the cookie
     */
    assert_int_equal(add(&p, 0, 0x8000, NULL, 0x10000), ST_OK);
    assert_int_equal(p.nr, 5);
    is_range(&p, 0, 0, 0x1000, 0x10000);
    is_range(&p, 1, 0x1000, 0x1000, 100);
    is_range(&p, 2, 0x2000, 0x3000, 0x12000);
    is_range(&p, 3, 0x5000, 0x1000, 500);
    is_range(&p, 4, 0x6000, 0x2000, 0x16000);
    assert_int_equal(add(&p, 0x1800, 0x100, NULL, 1), ST_OK); /* wholly inside */
    assert_int_equal(p.nr, 5);
    assert_int_equal(phys_size(&p), 0x8000);
    assert_int_equal(phys_end(&p), 0x8000);
    phys_deinit(&p);
}

static void test_host_follows_cut(void **state)
{
    struct phys p;
    size_t avail;
    (void)state;
    phys_init(&p, NULL, NULL);
    assert_int_equal(add(&p, 0x2000, 0x1000, host, 0), ST_OK);
    assert_int_equal(add(&p, 0x1000, 0x3000, host + 0x8000, 0x70000), ST_OK);
    assert_ptr_equal(phys_ptr(&p, 0x1004, &avail), host + 0x8004);
    assert_int_equal(avail, 0xffc);
    assert_ptr_equal(phys_ptr(&p, 0x2000, &avail), host);
    assert_int_equal(avail, 0x1000);
    assert_ptr_equal(phys_ptr(&p, 0x3fff, &avail), host + 0x8000 + 0x2fff);
    assert_int_equal(avail, 1);
    assert_null(phys_ptr(&p, 0x4000, &avail));
    assert_null(phys_ptr(&p, 0xfff, &avail));
    phys_deinit(&p);
}

static void test_neighbours_become_one(void **state)
{
    struct phys p;
    (void)state;
    phys_init(&p, NULL, NULL);
    assert_int_equal(add(&p, 0x2000, 0x1000, host + 0x2000, 0x2000), ST_OK);
    assert_int_equal(add(&p, 0x3000, 0x1000, host + 0x3000, 0x3000), ST_OK); /* behind */
    assert_int_equal(add(&p, 0x1000, 0x1000, host + 0x1000, 0x1000), ST_OK); /* in front */
    assert_int_equal(p.nr, 1);
    is_range(&p, 0, 0x1000, 0x3000, 0x1000);
    assert_ptr_equal(p.range[0].host, host + 0x1000);
    assert_int_equal(add(&p, 0x4000, 0x1000, host + 0x5000, 0x4000),
                     ST_OK); /* elsewhere in the host */
    assert_int_equal(add(&p, 0x5000, 0x1000, host + 0x6000, 0x9000),
                     ST_OK);                                        /* elsewhere in the file */
    assert_int_equal(add(&p, 0x6000, 0x1000, NULL, 0xa000), ST_OK); /* not mapped */
    assert_int_equal(p.nr, 4);
    phys_deinit(&p);
}

static void test_ends_of_addresses(void **state)
{
    struct phys p;
    uint8_t buf[32];
    size_t done;
    (void)state;
    phys_init(&p, NULL, NULL);
    assert_int_equal(add(&p, UINT64_MAX - 15, 17, host, 0), ST_INVALID);
    assert_int_equal(add(&p, 1, UINT64_MAX, host, 0), ST_OK); /* to the last byte */
    assert_int_equal(p.nr, 1);
    phys_deinit(&p);
    phys_init(&p, NULL, NULL);
    assert_int_equal(add(&p, UINT64_MAX - 15, 16, host, 0), ST_OK);
    assert_int_equal(phys_end(&p), UINT64_MAX);
    assert_int_equal(add(&p, 0, 16, host + 16, 100), ST_OK);
    assert_int_equal(phys_read(&p, UINT64_MAX - 7, buf, 16, &done),
                     ST_ABSENT); /* does not go on at 0 */
    assert_int_equal(done, 8);
    assert_int_equal(phys_read(&p, UINT64_MAX - 7, buf, 8, &done), ST_OK);
    phys_deinit(&p);
}

static void test_many_ranges(void **state)
{
    struct phys p;
    (void)state;
    phys_init(&p, NULL, NULL);
    for (uint64_t i = 0; i < 65536; i++)
        assert_int_equal(add(&p, i * 0x2000, 0x1000, NULL, i), ST_OK);
    assert_int_equal(add(&p, 0x1000, 0x1000, NULL, 7777), ST_LIMIT);
    assert_int_equal(p.nr, 65536);
    for (uint64_t i = 0; i < 65536; i += 97) {
        const struct phys_range *r = phys_find(&p, i * 0x2000 + 0xfff);
        assert_non_null(r);
        assert_int_equal(r->cookie, i);
        assert_null(phys_find(&p, i * 0x2000 + 0x1000));
    }
    phys_deinit(&p);
}

/* A source whose ranges are read, or mapped page by page; page 5 is missing, page 9 is damaged. */
struct fake {
    unsigned reads, maps, writes;
    uint8_t page[4096];
    bool stuck;
};

static int fake_read(void *source, const struct phys_range *r, uint64_t at, void *buf, size_t n,
                     size_t *done)
{
    struct fake *f = source;
    f->reads++;
    *done = 0;
    if (f->stuck)
        return ST_OK;
    assert_true(at >= r->start && at - r->start < r->len && n <= r->len - (at - r->start));
    for (size_t i = 0; i < n; i++, ++*done) {
        uint64_t page = (at + i) / 4096;
        if (page == 5 || page == 9)
            return page == 5 ? ST_ABSENT : ST_BROKEN;
        ((uint8_t *)buf)[i] = (uint8_t)page;
    }
    return ST_OK;
}

static const uint8_t *fake_map(void *source, const struct phys_range *r, uint64_t at, size_t *avail)
{
    struct fake *f = source;
    (void)r;
    f->maps++;
    if (at / 4096 == 5)
        return NULL;
    memset(f->page, (int)(at / 4096), sizeof f->page);
    *avail = 4096 - at % 4096;
    return f->page + at % 4096;
}

static int fake_write(void *source, const struct phys_range *r, uint64_t at, const void *buf,
                      size_t n, size_t *done)
{
    struct fake *f = source;
    (void)r, (void)at, (void)buf;
    *done = f->stuck ? 0 : n;
    f->writes++;
    return ST_OK;
}

static void test_reads_over_ranges(void **state)
{
    static const struct phys_ops read_only = {.read = fake_read}, mapping = {.map = fake_map},
                                 both = {.read = fake_read, .map = fake_map};
    static const struct phys_ops *const all[] = {&read_only, &mapping, &both};
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(all); k++) {
        struct fake f = {0};
        struct phys p;
        uint8_t buf[16384];
        size_t done;
        uint64_t v = 42;
        phys_init(&p, all[k], &f);
        memset(host, 0xee, 4096);
        assert_int_equal(add(&p, 0x1000, 0x1000, NULL, 0), ST_OK);
        assert_int_equal(add(&p, 0x2000, 0x1000, host, 0), ST_OK);
        assert_int_equal(add(&p, 0x3000, 0x8000, NULL, 0), ST_OK);
        assert_int_equal(phys_read(&p, 0x1ff0, buf, 0x1020, &done), ST_OK);
        assert_int_equal(done, 0x1020);
        assert_int_equal(buf[0xf], 1);
        assert_int_equal(buf[0x10], 0xee);
        assert_int_equal(buf[0x1010], 3);
        assert_int_equal(phys_read(&p, 0x4800, buf, 0x1000, &done), ST_ABSENT);
        assert_int_equal(done, 0x800);
        assert_int_equal(phys_read(&p, 0xff0, buf, 0x20, &done), ST_ABSENT);
        assert_int_equal(done, 0);
        assert_int_equal(phys_read(&p, 0xa800, buf, 0x1000, &done), ST_ABSENT);
        assert_int_equal(done, 0x800);
        assert_int_equal(phys_read(&p, 0xff0, buf, 0, &done), ST_OK);
        assert_int_equal(phys_read_entry(&p, 0x1008, 8, &v), ST_OK);
        assert_int_equal(v, 0x0101010101010101);
        assert_int_equal(phys_read_entry(&p, 0x2004, 4, &v), ST_OK);
        assert_int_equal(v, 0xeeeeeeee);
        assert_int_equal(phys_read_entry(&p, 0x5000, 8, &v), ST_ABSENT);
        assert_int_equal(v, 0xeeeeeeee);
        if (all[k]->read) {
            assert_int_equal(phys_read(&p, 0x8ff0, buf, 0x20, &done), ST_BROKEN);
            assert_int_equal(done, 0x10);
        }
        assert_int_equal(phys_write(&p, 0x1000, buf, 8, &done), ST_UNSUPPORTED);
        phys_deinit(&p);
    }
}

static void test_source_that_gives_nothing(void **state)
{
    static const struct phys_ops ops = {.read = fake_read, .write = fake_write}, none = {0};
    struct fake f = {.stuck = true};
    struct phys p;
    uint8_t buf[8];
    size_t done;
    (void)state;
    phys_init(&p, &ops, &f);
    assert_int_equal(add(&p, 0x1000, 0x1000, NULL, 0), ST_OK);
    assert_int_equal(phys_read(&p, 0x1000, buf, 8, &done), ST_IO);
    assert_int_equal(phys_write(&p, 0x1000, buf, 8, &done), ST_IO);
    f.stuck = false;
    assert_int_equal(phys_write(&p, 0x1ffc, buf, 8, &done), ST_ABSENT);
    assert_int_equal(done, 4);
    p.ops = &none;
    assert_int_equal(phys_read(&p, 0x1000, buf, 8, &done), ST_UNSUPPORTED);
    p.ops = NULL;
    assert_int_equal(phys_read(&p, 0x1000, buf, 8, NULL), ST_UNSUPPORTED);
    phys_deinit(&p);
}

/* Ranges added in any order, against a map of bytes. */
static void test_random_ranges(void **state)
{
    uint64_t seed = 88172645463325252;
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        int16_t owner[512];
        struct phys p;
        memset(owner, -1, sizeof owner);
        phys_init(&p, NULL, NULL);
        for (int i = 0; i < 24; i++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            uint64_t start = seed % 480, len = (seed >> 20) % 32;
            assert_int_equal(add(&p, start, len, NULL, (uint64_t)i * 100000 + start), ST_OK);
            for (uint64_t b = start; b < start + len; b++)
                if (owner[b] < 0)
                    owner[b] = (int16_t)i;
        }
        for (uint64_t b = 0; b < 512; b++) {
            const struct phys_range *r = phys_find(&p, b);
            assert_int_equal(r != NULL, owner[b] >= 0);
            if (r)
                assert_int_equal(r->cookie + (b - r->start), (uint64_t)owner[b] * 100000 + b);
        }
        for (size_t i = 1; i < p.nr; i++)
            assert_true(p.range[i - 1].start + p.range[i - 1].len <= p.range[i].start);
        phys_deinit(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_overlap),
        cmocka_unit_test(test_host_follows_cut),
        cmocka_unit_test(test_neighbours_become_one),
        cmocka_unit_test(test_ends_of_addresses),
        cmocka_unit_test(test_many_ranges),
        cmocka_unit_test(test_reads_over_ranges),
        cmocka_unit_test(test_source_that_gives_nothing),
        cmocka_unit_test(test_random_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

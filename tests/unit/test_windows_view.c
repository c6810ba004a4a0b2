/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of the Windows view over made-up memory: entries that are not present, handle tables,
 * names, versions. Whole images: tests/windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "os/windows/version.h"
#include "windows_fake.h"

static struct fake f;

static int open_fake(void **state)
{
    (void)state;
    memset(f.mem, 0, sizeof f.mem);
    return fake_open(&f) ? 0 : -1;
}

static int close_fake(void **state)
{
    (void)state;
    fake_close(&f);
    return 0;
}

/* ---- entries that are not present ---- */

static int where(uint64_t va, uint64_t *pa)
{
    uint64_t left;
    return aspace_translate(&f.v.kernel, GVA(va), pa, &left);
}

static const char *note(uint64_t va)
{
    static char buf[128];
    struct walk w;
    (void)aspace_walk(&f.v.kernel, GVA(va), &w);
    const struct pte_policy *p = f.v.kernel.policy;
    return p->describe(p->arg, &f.v.kernel, w.levels - 1, w.entry[w.levels - 1].value, va, buf,
                       sizeof buf);
}

static void transition(void **state)
{
    (void)state;
    uint64_t pa = 0;
    /* bit 11, protection 4, frame of page 20; the swizzle bit says that it is not inverted */
    fake_put(&f, fake_kernel_pte(3), 20 * 4096 | 0x800 | 4 << 5 | 0x10, 8);
    assert_int_equal(where(FAKE_KERNEL + 3 * 4096 + 5, &pa), ST_OK);
    assert_int_equal(pa, 20 * 4096 + 5);
    assert_non_null(strstr(note(FAKE_KERNEL + 3 * 4096), "in transition"));
    /* inverted: bits above what memory needs are taken away, as no mask is known */
    fake_put(&f, fake_kernel_pte(3), 20 * 4096 | 0x800 | 4 << 5 | 1ULL << 43, 8);
    assert_int_equal(where(FAKE_KERNEL + 3 * 4096, &pa), ST_OK);
    assert_int_equal(pa, 20 * 4096);
    f.w.invalid_mask = 0xff000000000ULL;
    fake_put(&f, fake_kernel_pte(3), (20 * 4096 ^ f.w.invalid_mask) | 0x800 | 4 << 5, 8);
    assert_int_equal(where(FAKE_KERNEL + 3 * 4096, &pa), ST_OK);
    assert_int_equal(pa, 20 * 4096);
    f.w.build = 7601; /* nothing is inverted there: the frame is not in memory */
    assert_int_equal(aspace_read(&f.v.kernel, GVA(FAKE_KERNEL + 3 * 4096), &pa, 1, NULL),
                     ST_ABSENT);
}

static void prototype(void **state)
{
    (void)state;
    const uint64_t at = FAKE_KERNEL + 0x1000; /* of the prototype entry */
    uint64_t pa = 0;
    fake_put(&f, fake_user_pte(2), at << 16 | 0x400, 8);
    const struct {
        uint64_t entry;
        uint64_t pa; /* 0: absent */
        const char *note;
    } rows[] = {
        {30 * 4096 | 3, 30 * 4096, "valid"},
        {31 * 4096 | 0x800 | 0x10, 31 * 4096, "in transition"},
        {at << 16 | 0x400, 0, "in its file alone"},
        {0x1234ULL << 32 | 2ULL << 12 | 4 << 5 | 0x10, 0, "paged out: page file 2, page 0x1234"},
        {4 << 5, 0, "demand-zero"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fake_put(&f, fake_pa(0x1000), rows[i].entry, 8);
        int st = where(FAKE_USER + 2 * 4096 + 7, &pa);
        assert_int_equal(st, rows[i].pa ? ST_OK : ST_ABSENT);
        if (rows[i].pa)
            assert_int_equal(pa, rows[i].pa + 7);
        assert_non_null(strstr(note(FAKE_USER + 2 * 4096), rows[i].note));
    }
    /* a prototype that is itself behind a prototype ends */
    fake_put(&f, fake_kernel_pte(1), at << 16 | 0x400, 8);
    assert_int_equal(where(FAKE_USER + 2 * 4096, &pa), ST_ABSENT);
    assert_non_null(strstr(note(FAKE_USER + 2 * 4096), "not in memory"));
}

static void paged_out(void **state)
{
    (void)state;
    uint64_t pa;
    fake_put(&f, fake_user_pte(4), 0x77ULL << 32 | 1ULL << 12 | 4 << 5 | 0x10, 8);
    assert_int_equal(where(FAKE_USER + 4 * 4096, &pa), ST_ABSENT);
    assert_string_equal(note(FAKE_USER + 4 * 4096), "paged out: page file 1, page 0x77");
    f.w.build = 7601; /* the file's number in bits 4:1 */
    fake_put(&f, fake_user_pte(4), 0x77ULL << 32 | 3 << 1 | 4 << 5, 8);
    assert_string_equal(note(FAKE_USER + 4 * 4096), "paged out: page file 3, page 0x77");
    fake_put(&f, fake_user_pte(4), 0, 8);
    assert_string_equal(note(FAKE_USER + 4 * 4096), "");
}

/* One process whose tree has one VAD: three pages of a section at FAKE_USER + 0x8000. */
static void by_vad(void **state)
{
    (void)state;
    const uint64_t process = 0x2000, vad = 0x3000, protos = 0x4000;
    uint64_t pa;
    fake_put(&f, fake_pa(0x30000), FAKE_KERNEL + process + 0x448, 8);
    fake_put(&f, fake_pa(process + 0x448), FAKE_KERNEL + 0x30000, 8);
    fake_put(&f, fake_pa(process + 0x440), 1234, 8);
    fake_put(&f, fake_pa(process + 0x28), FAKE_SECOND, 8);
    memcpy(f.mem + FAKE_SECOND, f.mem + FAKE_ROOT, 4096);
    fake_put(&f, fake_pa(process + 0x7d8), FAKE_KERNEL + vad, 8);
    fake_put(&f, fake_pa(vad + 0x18), (FAKE_USER >> 12) + 8, 4);
    fake_put(&f, fake_pa(vad + 0x1c), (FAKE_USER >> 12) + 10, 4);
    fake_put(&f, fake_pa(vad + 0x50), FAKE_KERNEL + protos, 8);
    fake_put(&f, fake_pa(vad + 0x58), FAKE_KERNEL + protos + 16, 8);
    fake_put(&f, fake_pa(protos + 8), 40 * 4096 | 3, 8);
    fake_put(&f, fake_user_pte(9), 0, 8);
    struct aspace as = f.v.kernel;
    as.half[0].root = as.half[1].root = FAKE_SECOND;
    uint64_t left;
    assert_int_equal(aspace_translate(&as, GVA(FAKE_USER + 0x9000), &pa, &left), ST_OK);
    assert_int_equal(pa, 40 * 4096);
    fake_put(&f, fake_user_pte(9), 0xffffffffULL << 32 | 0x400 | 1 << 5, 8); /* asks the VAD */
    assert_int_equal(aspace_translate(&as, GVA(FAKE_USER + 0x9000), &pa, &left), ST_OK);
    fake_put(&f, fake_pa(vad + 0x30), 1 << 20, 4); /* private: it shares nothing */
    assert_int_equal(aspace_translate(&as, GVA(FAKE_USER + 0x9000), &pa, &left), ST_ABSENT);
    fake_put(&f, fake_pa(vad + 0x30), 0, 4);
    /* the last entry is one too far away to be of this VAD: by the subsection then */
    fake_put(&f, fake_pa(vad + 0x58), FAKE_KERNEL + protos - 8, 8);
    assert_int_equal(aspace_translate(&as, GVA(FAKE_USER + 0x9000), &pa, &left), ST_ABSENT);
    fake_put(&f, fake_pa(vad + 0x48), FAKE_KERNEL + 0x5000, 8);
    fake_put(&f, fake_pa(0x5000 + 8), FAKE_KERNEL + protos, 8);
    fake_put(&f, fake_pa(0x5000 + 0x2c), 2, 4);
    assert_int_equal(aspace_translate(&as, GVA(FAKE_USER + 0x9000), &pa, &left), ST_OK);
    /* a list of processes that leads into the page that is asked for: it is not asked again */
    fake_put(&f, fake_pa(process + 0x448), FAKE_USER + 0x9000, 8);
    memset(f.w.rooted, 0, sizeof f.w.rooted);
    fake_put(&f, fake_pa(process + 0x28), 0, 8);
    assert_int_equal(aspace_translate(&as, GVA(FAKE_USER + 0x9000), &pa, &left), ST_ABSENT);
    fake_put(&f, fake_pa(process + 0x448), FAKE_KERNEL + 0x30000, 8);
    fake_put(&f, fake_pa(process + 0x28), FAKE_SECOND, 8);
    memset(f.w.rooted, 0, sizeof f.w.rooted);
    assert_int_equal(aspace_translate(&as, GVA(FAKE_USER + 0x9000), &pa, &left), ST_OK);
    /* subsections in a ring end */
    fake_put(&f, fake_pa(0x5000 + 0x2c), 0, 4);
    fake_put(&f, fake_pa(0x5000 + 0x10), FAKE_KERNEL + 0x5000, 8);
    assert_int_equal(aspace_translate(&as, GVA(FAKE_USER + 0x9000), &pa, &left), ST_ABSENT);
}

/* The kernel's table out of a KPCR that the user's table maps. */
static void kernel_root(void **state)
{
    (void)state;
    const uint64_t kpcr = FAKE_KERNEL + 0x10000;
    uint64_t root = 1;
    fake_put(&f, fake_pa(0x19000), 0x1ad002, 8);
    assert_int_equal(win_kernel_root(&f.v.kernel, kpcr, &root), ST_ABSENT); /* not its own */
    fake_put(&f, fake_pa(0x10018), kpcr, 8);
    assert_int_equal(win_kernel_root(&f.v.kernel, kpcr, &root), ST_OK);
    assert_int_equal(root, 0x1ad002);
    assert_int_equal(win_kernel_root(&f.v.kernel, FAKE_USER + 0x10000, &root), ST_ABSENT);
    assert_int_equal(win_kernel_root(&f.v.kernel, kpcr + 8, &root), ST_ABSENT);
}

/* ---- handle tables ---- */

struct entries {
    unsigned n;
    struct win_entry e[8];
};

static int keep(const struct win_entry *e, void *arg)
{
    struct entries *k = arg;
    if (k->n < ARRAY_LEN(k->e))
        k->e[k->n] = *e;
    k->n++;
    return 0;
}

static void entry(uint64_t page, unsigned i, uint64_t header, uint32_t access)
{
    fake_put(&f, fake_pa(page + i * 16), header >> 4 << 20, 8);
    fake_put(&f, fake_pa(page + i * 16 + 8), access, 4);
}

static void handles(void **state)
{
    (void)state;
    struct entries k = {0};
    struct vmi_outcome o = {0};
    const uint64_t table = FAKE_KERNEL + 0x100;
    entry(0x1000, 0, FAKE_KERNEL + 0x7000, 1); /* the first of a page is the kernel's own */
    entry(0x1000, 1, FAKE_KERNEL + 0x2000, 0x1f0003);
    entry(0x1000, 255, FAKE_KERNEL + 0x3000, 0xfe1fffff);
    fake_put(&f, fake_pa(0x108), FAKE_KERNEL + 0x1000, 8);
    assert_int_equal(win_each_entry(&f.w, table, false, keep, &k, &o), ST_OK);
    assert_int_equal(k.n, 2);
    assert_int_equal(k.e[0].handle, 4);
    assert_int_equal(k.e[0].object, FAKE_KERNEL + 0x2030);
    assert_int_equal(k.e[0].access, 0x1f0003);
    assert_int_equal(k.e[1].handle, 1020);
    assert_int_equal(k.e[1].access, 0x1fffff); /* 25 bits */
    assert_false(o.partial);
    /* two levels, with a gap; entries of bodies */
    k.n = 0;
    fake_put(&f, fake_pa(0x4000 + 2 * 8), FAKE_KERNEL + 0x1000, 8);
    fake_put(&f, fake_pa(0x108), (FAKE_KERNEL + 0x4000) | 1, 8);
    assert_int_equal(win_each_entry(&f.w, table, true, keep, &k, &o), ST_OK);
    assert_int_equal(k.n, 2);
    assert_int_equal(k.e[0].handle, (2 * 256 + 1) * 4);
    assert_int_equal(k.e[0].object, FAKE_KERNEL + 0x2000);
    assert_false(o.partial);
}

static void forged_handles(void **state)
{
    (void)state;
    struct entries k = {0};
    struct vmi_outcome o = {0};
    const uint64_t table = FAKE_KERNEL + 0x100;
    fake_put(&f, fake_pa(0x108), (FAKE_KERNEL + 0x4000) | 3, 8);
    assert_int_equal(win_each_entry(&f.w, table, false, keep, &k, &o), ST_BROKEN);
    assert_int_equal(win_each_entry(&f.w, 0x1234, false, keep, &k, &o), ST_ABSENT);
    /* a page full of pointers to itself */
    for (unsigned i = 0; i < 512; i++)
        fake_put(&f, fake_pa(0x4000 + i * 8), FAKE_KERNEL + 0x4000, 8);
    fake_put(&f, fake_pa(0x108), (FAKE_KERNEL + 0x4000) | 2, 8);
    assert_int_equal(win_each_entry(&f.w, table, false, keep, &k, &o), ST_OK);
    assert_true(o.partial);
    /* a page that is not there */
    o = (struct vmi_outcome){0};
    fake_put(&f, fake_pa(0x108), FAKE_KERNEL + 0x400000, 8);
    assert_int_equal(win_each_entry(&f.w, table, false, keep, &k, &o), ST_OK);
    assert_true(o.partial);
}

/* ---- names of objects ---- */

static void name_at(uint64_t object, uint64_t directory, const char *name)
{
    const uint64_t info = object - 0x30 - 0x20, text = info + 0x100;
    size_t n = strlen(name);
    fake_put(&f, fake_pa(object - 0x30 + 0x1a), 2, 1);
    fake_put(&f, fake_pa(info), directory ? FAKE_KERNEL + directory : 0, 8);
    fake_put(&f, fake_pa(info + 8), n * 2 | n * 2 << 16, 4);
    fake_put(&f, fake_pa(info + 16), FAKE_KERNEL + text, 8);
    for (size_t i = 0; i < n; i++)
        fake_put(&f, fake_pa(text + i * 2), (uint8_t)name[i], 2);
}

static void names(void **state)
{
    (void)state;
    char buf[64];
    name_at(0x1100, 0x2100, "ready");
    name_at(0x2100, 0x3100, "BaseNamedObjects");
    name_at(0x3100, 0, "\\");
    win_object_name(&f.w, FAKE_KERNEL + 0x1100, "Event", buf, sizeof buf);
    assert_string_equal(buf, "\\BaseNamedObjects\\ready");
    win_object_name(&f.w, FAKE_KERNEL + 0x3100, "Directory", buf, sizeof buf);
    assert_string_equal(buf, "\\");
    name_at(0x2100, 0, "Sandbox"); /* in no directory */
    win_object_name(&f.w, FAKE_KERNEL + 0x1100, "Event", buf, sizeof buf);
    assert_string_equal(buf, "Sandbox\\ready");
    name_at(0x2100, 0x2100, "ring"); /* directories in a ring: bounded */
    win_object_name(&f.w, FAKE_KERNEL + 0x1100, "Event", buf, sizeof buf);
    assert_int_equal(strlen(buf), sizeof buf - 1);
    fake_put(&f, fake_pa(0x1100 - 0x30 + 0x1a), 0, 1); /* no name */
    win_object_name(&f.w, FAKE_KERNEL + 0x1100, "Event", buf, sizeof buf);
    assert_string_equal(buf, "");
}

/* ---- versions ---- */

static void versions(void **state)
{
    (void)state;
    assert_int_equal(win_version_of(2600, 5, 1, false), WIN_XP);
    assert_int_equal(win_version_of(3790, 5, 2, false), WIN_XP);
    assert_int_equal(win_version_of(3790, 5, 2, true), WIN_2003);
    assert_int_equal(win_version_of(6002, 6, 0, true), WIN_2008);
    assert_int_equal(win_version_of(7601, 6, 1, false), WIN_7);
    assert_int_equal(win_version_of(9600, 6, 3, false), WIN_8);
    assert_int_equal(win_version_of(19045, 10, 0, false), WIN_10);
    assert_int_equal(win_version_of(20348, 10, 0, true), WIN_10);
    assert_int_equal(win_version_of(22631, 10, 0, false), WIN_11);
    assert_int_equal(win_version_of(27000, 10, 0, false), WIN_11); /* not in the table */
    assert_int_equal(win_version_of(7000, 6, 1, false), WIN_7);    /* before its release */
    assert_int_equal(win_version_of(0, 6, 1, false), WIN_7);
    assert_int_equal(win_version_of(0, 4, 0, false), WIN_UNKNOWN);
    assert_string_equal(win_version_name(17763, true), "Windows Server 2019");
    assert_string_equal(win_version_name(17763, false), "Windows 10 1809");
    assert_string_equal(win_version_name(1, false), "Windows");
    uint8_t head[24] = {0};
    memcpy(head + 16, "KDBG", 4);
    head[20] = 0x90;
    head[21] = 2;
    assert_int_equal(kdbg_version((struct bytes){head, sizeof head}), WIN_XP);
    head[20] = 0x40;
    head[21] = 3;
    assert_int_equal(kdbg_version((struct bytes){head, sizeof head}), WIN_7);
    assert_int_equal(kdbg_version((struct bytes){head, 23}), WIN_UNKNOWN);
}

static void shared_page(void **state)
{
    (void)state;
    uint8_t p[WIN_SHARED_SIZE] = {0};
    struct win_shared s;
    struct bytes b = {p, sizeof p};
    memcpy(p + 0x30, "C\0:\0\\\0", 6);
    p[0x26c] = 10;
    p[0x260] = 0x61;
    p[0x261] = 0x4a;
    p[0x262] = 0xff; /* the high half is not the build's */
    p[0x264] = 3;
    p[0x3c0] = 4;
    p[0x14 + 7] = 1;
    assert_true(win_shared_parse(b, &s));
    assert_int_equal(s.build, 19041);
    assert_int_equal(s.processors, 4);
    assert_true(s.server);
    assert_int_equal(s.now, 1ULL << 56);
    p[0x26c] = 6;
    p[0x270] = 0;
    assert_true(win_shared_parse(b, &s));
    assert_int_equal(s.build, 0); /* not there before 10 */
    assert_int_equal(s.processors, 0);
    p[0x26c] = 7;
    assert_false(win_shared_parse(b, &s));
    p[0x26c] = 6;
    p[0x32] = ';';
    assert_false(win_shared_parse(b, &s));
    p[0x32] = ':';
    assert_false(win_shared_parse((struct bytes){p, sizeof p - 1}, &s));
}

#define FAKED(t) cmocka_unit_test_setup_teardown(t, open_fake, close_fake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKED(transition),  FAKED(prototype),
        FAKED(paged_out),   FAKED(by_vad),
        FAKED(handles),     FAKED(forged_handles),
        FAKED(names),       FAKED(versions),
        FAKED(kernel_root), cmocka_unit_test(shared_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

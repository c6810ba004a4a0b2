/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory files: each format made by hand, whole and damaged, opened as a user would. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <snappy-c.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/source.h"

/* ---- files
 * ------------------------------------------------------------------------------------------------------
 */

static char path[64]; /* of the file that is tested */

struct file {
    uint8_t b[1 << 20];
    size_t n;
};

static struct file *f; /* being made */

static void begin(void)
{
    memset(f, 0, sizeof *f);
}

static void u16_at(size_t at, uint16_t v)
{
    memcpy(f->b + at, &v, 2);
}

static void u32_at(size_t at, uint32_t v)
{
    memcpy(f->b + at, &v, 4);
}

static void u64_at(size_t at, uint64_t v)
{
    memcpy(f->b + at, &v, 8);
}

static void put(const void *p, size_t n)
{
    assert_true(f->n + n <= sizeof f->b);
    memcpy(f->b + f->n, p, n);
    f->n += n;
}

static void put32(uint32_t v)
{
    put(&v, 4);
}

static void put64(uint64_t v)
{
    put(&v, 8);
}

static void put_be64(uint64_t v)
{
    put64(__builtin_bswap64(v));
}

static void fill(int byte, size_t n)
{
    assert_true(f->n + n <= sizeof f->b);
    memset(f->b + f->n, byte, n);
    f->n += n;
}

static void save(size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, f->b, n), n);
    close(fd);
}

static struct source s;
static struct diag d;

static int try_open(const char *format, uint64_t flags)
{
    struct source_options o = {.format = format, .flags = flags};
    return source_open(path, &o, &d, &s);
}

static void opens_as(const char *format, const char *kind)
{
    save(f->n);
    if (try_open(format, 0) != ST_OK)
        fail_msg("%s", d.text);
    assert_string_equal(s.kind, kind);
    assert_string_equal(s.name, path);
    assert_false(s.live);
}

/* Fails with a story that names the file and has `words` in it. */
static void refuses(const char *format, int code, const char *words)
{
    save(f->n);
    s.kind[0] = '?';
    int st = try_open(format, 0);
    if (st != code || !strstr(d.text, words) || (code != ST_INVALID && !strstr(d.text, path)))
        fail_msg("%d: %s", st, d.text);
    assert_int_equal(d.code, code);
    assert_int_equal(s.kind[0], '?');
}

static void byte_is(uint64_t at, int byte)
{
    uint8_t b = 0;
    if (byte < 0) {
        assert_int_equal(phys_read(&s.phys, at, &b, 1, NULL), ST_ABSENT);
        return;
    }
    assert_int_equal(phys_read(&s.phys, at, &b, 1, NULL), ST_OK);
    assert_int_equal(b, byte);
}

/* ---- opening
 * ----------------------------------------------------------------------------------------------------
 */

static void test_what_cannot_be_opened(void **state)
{
    (void)state;
    begin();
    assert_int_equal(source_open("/nowhere/at/all", NULL, &d, &s), ST_ABSENT);
    assert_non_null(strstr(d.text, "/nowhere/at/all"));
    assert_int_equal(source_open("/tmp", NULL, &d, &s), ST_INVALID);
    assert_non_null(strstr(d.text, "directory"));
    assert_int_equal(source_open("/dev/null", NULL, &d, &s), ST_INVALID);
    assert_int_equal(source_open("", NULL, &d, &s), ST_INVALID);
    assert_int_equal(source_open(NULL, NULL, &d, &s), ST_INVALID);
    assert_int_equal(source_open("/nowhere", NULL, NULL, &s), ST_ABSENT);
    assert_int_equal(source_open("zen:domain", NULL, &d, &s), ST_ABSENT);
    assert_non_null(strstr(d.text, "\"zen:\""));
    assert_non_null(strstr(d.text, "file:"));
    refuses(NULL, ST_INVALID, "empty");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(try_open(NULL, 0), ST_INVALID); /* and does not wait for a writer */
    unlink(path);
    begin();
    fill(0, 100);
    refuses(NULL, ST_UNSUPPORTED, "--format raw");
    refuses("vmdk", ST_INVALID, "raw");
    refuses("raw@nowhere", ST_INVALID, "raw@");
    begin();
    put("Hello, this is a text of some length.\n", 38);
    refuses(NULL, ST_UNSUPPORTED, "text");
    begin();
    put("QFI\xfb", 4);
    fill(1, 70000);
    refuses(NULL, ST_UNSUPPORTED, "qcow2");
    if (geteuid() != 0) {
        chmod(path, 0);
        assert_int_equal(try_open(NULL, 0), ST_DENIED);
        chmod(path, 0600);
    }
}

static void test_raw(void **state)
{
    uint8_t buf[16];
    size_t done;
    (void)state;
    begin();
    fill(0xf0, 4096);
    fill(0, 70000);
    fill(7, 5);
    opens_as(NULL, "raw");
    assert_int_equal(s.phys.nr, 1);
    assert_int_equal(phys_size(&s.phys), f->n);
    byte_is(0, 0xf0);
    byte_is(f->n - 1, 7);
    byte_is(f->n, -1);
    assert_int_equal(phys_read(&s.phys, f->n - 3, buf, 16, &done), ST_ABSENT);
    assert_int_equal(done, 3);
    assert_null(s.vcpu);
    assert_int_equal(phys_write(&s.phys, 0, "x", 1, NULL), ST_UNSUPPORTED);
    source_close(&s);
    assert_int_equal(try_open("raw@0x40000000", 0), ST_OK);
    byte_is(0x40000000, 0xf0);
    byte_is(0, -1);
    source_close(&s);
    assert_int_equal(try_open("raw@0xfffffffffffffff0", 0), ST_BROKEN);
    /* what is written to a copy is not written to the file */
    assert_int_equal(try_open(NULL, SOURCE_COPY_ON_WRITE), ST_OK);
    assert_int_equal(phys_write(&s.phys, 4090, "abcdefghij", 10, &done), ST_OK);
    byte_is(4099, 'j');
    source_close(&s);
    assert_int_equal(try_open(NULL, 0), ST_OK);
    byte_is(4099, 0);
    source_close(&s);
    char named[80];
    snprintf(named, sizeof named, "file:%s", path);
    assert_int_equal(source_open(named, NULL, &d, &s), ST_OK);
    assert_string_equal(s.name, path);
    source_close(&s);
}

/* ---- ELF
 * --------------------------------------------------------------------------------------------------------
 */

enum { EHDR = 64, PHDR = 56, SHDR = 64 };

static void elf64(unsigned machine, unsigned phnum)
{
    begin();
    put("\177ELF\2\1\1", 7);
    f->n = EHDR + (size_t)phnum * PHDR;
    u16_at(16, 4);
    u16_at(18, (uint16_t)machine);
    u64_at(32, EHDR);
    u16_at(54, PHDR);
    u16_at(56, (uint16_t)phnum);
    u16_at(58, SHDR);
}

static void phdr64(unsigned i, uint32_t type, uint64_t offset, uint64_t paddr, uint64_t filesz,
                   uint64_t memsz)
{
    size_t at = EHDR + (size_t)i * PHDR;
    u32_at(at, type);
    u64_at(at + 8, offset);
    u64_at(at + 24, paddr);
    u64_at(at + 32, filesz);
    u64_at(at + 40, memsz);
}

static void note(const char *name, uint32_t type, const void *desc, size_t n)
{
    put32((uint32_t)strlen(name) + 1);
    put32((uint32_t)n);
    put32(type);
    put(name, strlen(name) + 1);
    f->n = (f->n + 3) & ~(size_t)3;
    put(desc, n);
    f->n = (f->n + 3) & ~(size_t)3;
}

static void test_elf_memory(void **state)
{
    (void)state;
    elf64(62, 5);
    phdr64(0, 1, 0x1000, 0, 0x1000, 0x1000);
    phdr64(1, 1, 0x2000, 0x100000, 0x1000, 0x3000);   /* the rest is a hole */
    phdr64(2, 1, 0x3000, 0x100800, 0x1000, 0x1000);   /* overlaps: the first wins */
    phdr64(3, 1, 0, 0x200000, 0, 0x1000);             /* nothing of it is in the file */
    phdr64(4, 1, 0x3000, UINT64_MAX, 0x1000, 0x1000); /* no physical address */
    f->n = 0x1000;
    fill(1, 0x1000);
    fill(2, 0x1000);
    fill(3, 0x1000);
    opens_as(NULL, "elf");
    assert_int_equal(s.arch, ARCH_X86_64);
    byte_is(0, 1);
    byte_is(0x1000, -1);
    byte_is(0x100fff, 2);
    byte_is(0x101000, 3);
    byte_is(0x1017ff, 3);
    byte_is(0x101800, -1);
    byte_is(0x200000, -1);
    assert_string_equal(s.layout_note, "");
    source_close(&s);
}

static void test_elf_notes(void **state)
{
    uint8_t prstatus[336] = {0}, qemu[440] = {1};
    struct vcpu_regs r;
    (void)state;
    elf64(62, 2);
    size_t at = f->n;
    for (int i = 0; i < 27; i++)
        prstatus[112 + i * 8] = (uint8_t)(100 + i);
    note("CORE", 1, prstatus, sizeof prstatus);
    note("CORE", 1, prstatus, sizeof prstatus);
    qemu[4] = 440 & 255, qemu[5] = 440 >> 8;
    for (size_t i = 8; i < sizeof qemu; i += 8)
        qemu[i] = (uint8_t)(i / 8);
    note("QEMU", 0, qemu, sizeof qemu);
    note("VMCOREINFO", 0, "OSRELEASE=6.1\n", 14);
    phdr64(0, 4, at, 0, f->n - at, 0);
    phdr64(1, 1, 0x2000, 0, 0x1000, 0x1000);
    f->n = 0x2000;
    fill(1, 0x1000);
    opens_as(NULL, "elf");
    assert_int_equal(s.vmcoreinfo.n, 14);
    assert_memory_equal(s.vmcoreinfo.p, "OSRELEASE=6.1\n", 14);
    assert_int_equal(s.vcpu->count(s.impl), 2);
    assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_OK);
    assert_int_equal(r.have, REGS_CR | REGS_GENERAL | REGS_SEGMENTS | REGS_TABLES);
    assert_int_equal(r.gpr[0], 1); /* rax */
    assert_int_equal(r.gpr[7], 7); /* rsp */
    assert_int_equal(r.gpr[4], 8); /* rbp */
    assert_int_equal(r.gpr[15], 16);
    assert_int_equal(r.rip, 17);
    assert_int_equal(r.gs_base, 19 + 4 * 3 + 2);
    assert_int_equal(r.idt_base, 19 + 9 * 3 + 2);
    assert_int_equal(r.cr0, 49);
    assert_int_equal(r.cr3, 52);
    assert_int_equal(r.cr4, 53);
    assert_int_equal(r.kernel_gs_base, 54);
    assert_int_equal(s.vcpu->registers(s.impl, 1, &r), ST_OK);
    assert_int_equal(r.have, REGS_GENERAL | REGS_SEGMENTS);
    assert_int_equal(r.gpr[0], 110);
    assert_int_equal(r.rip, 116);
    assert_int_equal(r.gpr[7], 119);
    assert_int_equal(r.gs_base, 122);
    assert_int_equal(s.vcpu->registers(s.impl, 2, &r), ST_INVALID);
    assert_null(s.vcpu->pause);
    source_close(&s);
    assert_int_equal(try_open(NULL, SOURCE_NO_REGISTERS), ST_OK);
    assert_int_equal(s.vcpu->count(s.impl), 2);
    assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_ABSENT);
    source_close(&s);
    /* damaged notes are passed over */
    u32_at(at + 4, UINT32_MAX);
    opens_as(NULL, "elf");
    assert_null(s.vcpu);
    source_close(&s);
}

/* Any number of headers may lie over the same notes; these are read so often that the last one is
 * not. */
static void test_elf_notes_again(void **state)
{
    enum { HEADERS = 9000, EMPTY = 400 << 10 };
    uint8_t prstatus[336] = {0};
    (void)state;
    elf64(62, HEADERS);
    size_t at = f->n;
    note("CORE", 1, prstatus, sizeof prstatus);
    phdr64(0, 4, at, 0, f->n - at, 0);
    at = f->n;
    fill(0, EMPTY);
    for (unsigned i = 1; i < HEADERS - 2; i++)
        phdr64(i, 4, at, 0, EMPTY, 0);
    at = f->n;
    note("VMCOREINFO", 0, "OSRELEASE=6.1\n", 14);
    phdr64(HEADERS - 2, 4, at, 0, f->n - at, 0);
    phdr64(HEADERS - 1, 1, 0, 0x1000, 0x1000, 0x1000);
    opens_as(NULL, "elf");
    assert_int_equal(s.vcpu->count(s.impl), 1);
    assert_null(s.vmcoreinfo.p);
    byte_is(0x1000, 0x7f);
    source_close(&s);
}

static void test_elf_damaged(void **state)
{
    (void)state;
    elf64(62, 1);
    phdr64(0, 1, 0x1000, 0, 0x1000, 0x1000);
    f->n = 0x1000;
    fill(1, 0x1000);
    size_t whole = f->n;
    f->n = 40;
    refuses(NULL, ST_BROKEN, "0x28");
    f->n = 80;
    refuses(NULL, ST_BROKEN, "0x40");
    f->n = 0x1800;
    refuses(NULL, ST_BROKEN, "0x1800");
    opens_as("elf", "elf"); /* the format was named: what is there */
    byte_is(0x7ff, 1);
    byte_is(0x800, -1);
    assert_non_null(strstr(s.layout_note, "2048 bytes"));
    source_close(&s);
    f->n = whole;
    phdr64(0, 1, 0x1000, 0, UINT64_MAX, UINT64_MAX);
    refuses(NULL, ST_BROKEN, "program header 0");
    refuses("elf", ST_BROKEN, "program header 0");
    phdr64(0, 1, UINT64_MAX - 10, 0, 0x1000, 0x1000);
    refuses("elf", ST_BROKEN, "program header 0");
    phdr64(0, 1, 0x1000, UINT64_MAX - 10, 0x1000, 0x1000);
    refuses(NULL, ST_BROKEN, "end of all addresses");
    phdr64(0, 2, 0x1000, 0, 0x1000, 0x1000);
    refuses(NULL, ST_BROKEN, "no memory");
    u64_at(32, UINT64_MAX - 3);
    refuses(NULL, ST_BROKEN, "program header 0");
    u16_at(54, 8);
    refuses(NULL, ST_BROKEN, "8 bytes");
    elf64(62, 1);
    u16_at(16, 3);
    refuses(NULL, ST_UNSUPPORTED, "library");
    elf64(62, 1);
    f->b[5] = 2;
    refuses(NULL, ST_UNSUPPORTED, "big-endian");
    f->b[4] = 9;
    refuses(NULL, ST_BROKEN, "class 9");
    elf64(62, 2); /* as gcore writes it */
    phdr64(0, 1, 0x1000, 0, 0x1000, 0x1000);
    phdr64(1, 1, 0x2000, 0, 0x1000, 0x1000);
    f->n = 0x3000;
    refuses(NULL, ST_UNSUPPORTED, "one process");
    begin();
    fill(0, 4096);
    refuses("elf", ST_BROKEN, "does not begin");
}

static void test_elf_many_headers(void **state)
{
    (void)state;
    elf64(183, 0xffff);
    u64_at(40, EHDR + 3 * PHDR); /* section header 0 */
    f->n = EHDR + 3 * PHDR + SHDR;
    memset(f->b + EHDR, 0, f->n - EHDR);
    u32_at(EHDR + 3 * PHDR + 44, 3);
    phdr64(2, 1, 0x1000, 0x40000000, 0x1000, 0x1000);
    f->n = 0x1000;
    fill(9, 0x1000);
    opens_as(NULL, "elf");
    assert_int_equal(s.arch, ARCH_ARM64);
    byte_is(0x40000000, 9);
    source_close(&s);
    u32_at(EHDR + 3 * PHDR + 44, UINT32_MAX);
    refuses(NULL, ST_LIMIT, "4294967295");
    u64_at(40, 1 << 20);
    refuses(NULL, ST_BROKEN, "section header 0");
}

static void test_elf32(void **state)
{
    uint8_t prstatus[144] = {0};
    struct vcpu_regs r;
    (void)state;
    begin();
    put("\177ELF\1\1\1", 7);
    u16_at(16, 4);
    u16_at(18, 3);
    u32_at(28, 52);
    u16_at(42, 32);
    u16_at(44, 2);
    u32_at(52, 1); /* PT_LOAD: offset, vaddr, paddr, filesz, memsz */
    u32_at(56, 0x1000);
    u32_at(60, 0xc0000000);
    u32_at(64, 0x100000);
    u32_at(68, 0x1000);
    u32_at(72, 0x1000);
    u32_at(84, 4);
    u32_at(88, 0x200);
    u32_at(100, 300);
    f->n = 0x200;
    for (int i = 0; i < 17; i++)
        prstatus[72 + i * 4] = (uint8_t)(10 + i);
    note("CORE", 1, prstatus, sizeof prstatus);
    f->n = 0x1000;
    fill(5, 0x1000);
    opens_as(NULL, "elf");
    assert_int_equal(s.arch, ARCH_X86);
    byte_is(0x100000, 5);
    assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_OK);
    assert_int_equal(r.gpr[1], 10);
    assert_int_equal(r.gpr[0], 16);
    assert_int_equal(r.rip, 22);
    assert_int_equal(r.gpr[7], 25);
    source_close(&s);
}

/* ---- Xen
 * --------------------------------------------------------------------------------------------------------
 */

static void section(unsigned i, uint32_t name, uint64_t offset, uint64_t size)
{
    size_t at = 0x100 + (size_t)i * SHDR;
    u32_at(at, name);
    u64_at(at + 24, offset);
    u64_at(at + 32, size);
}

/* Pages 1..nr, each filled with its number, for the frames given. */
static void xen_dump(bool pv, const uint64_t *frame, unsigned nr)
{
    static const char names[] =
        "\0.shstrtab\0.note.Xen\0.xen_pages\0.xen_pfn\0.xen_p2m\0.xen_prstatus";
    uint64_t header[4] = {0xf00febee, 1, nr, 4096};
    elf64(62, 0);
    u64_at(40, 0x100);
    u16_at(60, 6);
    u16_at(62, 1);
    f->n = 0x400;
    put(names, sizeof names);
    section(1, 1, 0x400, sizeof names);
    f->n = 0x500;
    note("Xen", 0x2000001, header, sizeof header);
    section(2, 11, 0x500, f->n - 0x500);
    f->n = 0x600;
    for (unsigned i = 0; i < nr; i++) {
        if (pv)
            put64(i);
        put64(frame[i]);
    }
    section(4, pv ? 41 : 32, 0x600, f->n - 0x600);
    f->n = 0x4000;
    u64_at(f->n + 4984 + 24, 0x1234000); /* CR3 of the only vCPU's context */
    u64_at(f->n + 520 + 128, 0xffffffff81000000);
    section(5, 50, 0x4000, 5168);
    f->n = 0x6000;
    for (unsigned i = 0; i < nr; i++)
        fill((int)i + 1, 4096);
    section(3, 21, 0x6000, nr * 4096);
}

static void test_xen(void **state)
{
    static const uint64_t in_order[] = {0, 1, 2, 0x100, 0x101, 0xfee00, UINT64_MAX, UINT64_MAX};
    static const uint64_t mixed[] = {9, 8, 5, 6, 1, 5, 0x10000000};
    struct vcpu_regs r;
    (void)state;
    xen_dump(false, in_order, 8);
    opens_as(NULL, "elf");
    assert_int_equal(s.phys.nr, 3);
    byte_is(0x2000, 3);
    byte_is(0x3000, -1);
    byte_is(0x101fff, 5);
    byte_is(0xfee00000, 6);
    assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_OK);
    assert_int_equal(r.cr3, 0x1234000);
    assert_int_equal(r.rip, 0xffffffff81000000);
    source_close(&s);
    xen_dump(true, mixed, 7);
    opens_as(NULL, "elf");
    assert_int_equal(s.phys.nr, 5);
    byte_is(0x9000, 1);
    byte_is(0x8000, 2);
    byte_is(0x5000, 3); /* named twice: the first */
    byte_is(0x6000, 4);
    byte_is(0x10000000000, 7);
    assert_non_null(strstr(s.layout_note, "machine frame"));
    source_close(&s);
}

static void test_xen_damaged(void **state)
{
    static const uint64_t frame[] = {3, 2, UINT64_MAX >> 4}, few[] = {1, 2};
    (void)state;
    xen_dump(false, frame, 3);
    refuses(NULL, ST_BROKEN, "no address is that large");
    xen_dump(false, few, 2);
    f->n -= 100;
    refuses(NULL, ST_BROKEN, ".xen_pages");
    opens_as("elf", "elf");
    byte_is(0x2f00, 2);
    byte_is(0x2fff, -1);
    source_close(&s);
    xen_dump(false, few, 2);
    section(4, 32, 0x600, 800);
    refuses(NULL, ST_BROKEN, "100 frames");
    section(4, 32, UINT64_MAX - 5, 16);
    refuses(NULL, ST_BROKEN, ".xen_pfn");
    section(4, 0, 0x600, 16);
    refuses(NULL, ST_BROKEN, "neither");
    section(2, 0, 0x500, 16);
    refuses(NULL, ST_BROKEN, ".note.Xen");
}

/* ---- LiME and AVML
 * ---------------------------------------------------------------------------------------------- */

static void record(uint32_t magic, uint32_t version, uint64_t first, uint64_t last)
{
    put32(magic);
    put32(version);
    put64(first);
    put64(last);
    put64(0);
}

enum { LIME = 0x4c694d45, AVML = 0x4c4d5641 };

static void test_lime(void **state)
{
    uint64_t v;
    (void)state;
    begin();
    record(LIME, 1, 0x1000, 0x1fff);
    fill(1, 0x1000);
    record(LIME, 1, 0x100003, 0x100103); /* not aligned, neither here nor in the file */
    fill(2, 0x101);
    record(LIME, 1, 0x5000, 0x4fff); /* empty */
    record(LIME, 1, 0x200000, 0x200fff);
    fill(3, 0x1000);
    opens_as(NULL, "lime");
    byte_is(0xfff, -1);
    byte_is(0x1fff, 1);
    byte_is(0x2000, -1);
    byte_is(0x100103, 2);
    byte_is(0x100104, -1);
    assert_int_equal(phys_read_entry(&s.phys, 0x200008, 8, &v),
                     ST_OK); /* at an odd place in the host */
    assert_int_equal(v, 0x0303030303030303);
    source_close(&s);
    size_t n = f->n;
    fill(0, 1000); /* padding */
    opens_as(NULL, "lime");
    source_close(&s);
    f->n = n - 1;
    refuses(NULL, ST_BROKEN, "0x1161"); /* where its record begins */
    opens_as("lime", "lime");
    byte_is(0x200ffe, 3);
    byte_is(0x200fff, -1);
    source_close(&s);
    f->n = 0x1161 + 20;
    refuses(NULL, ST_BROKEN, "0x1161");
    opens_as("lime", "lime");
    byte_is(0x100103, 2);
    source_close(&s);
    u32_at(0x1020 + 4, 2);
    refuses(NULL, ST_BROKEN, "version 2");
    u32_at(0x1020 + 4, 1);
    u64_at(0x1020 + 16, 0x100001);
    refuses(NULL, ST_BROKEN, "0x1020");
    begin();
    record(LIME, 1, 0, UINT64_MAX);
    fill(1, 100);
    refuses(NULL, ST_BROKEN, "0xffffffffffffffff");
    begin();
    record(LIME, 1, 0x1000, 0xfff);
    refuses(NULL, ST_BROKEN, "no memory");
}

/* A chunk of the snappy framing format; the checksum is not looked at. */
static void chunk(const void *p, size_t n, bool packed)
{
    static char out[100000];
    size_t len = sizeof out;
    if (packed)
        assert_int_equal(snappy_compress(p, n, out, &len), SNAPPY_OK);
    else
        memcpy(out, p, len = n);
    put32((packed ? 0 : 1) | (uint32_t)(len + 4) << 8);
    put32(0x12345678);
    put(out, len);
}

/* 0x2A000 bytes of memory from `start` on, in chunks as the snap crate makes them; the byte at i is
 * i / 16 + seed. */
static size_t avml_record(uint64_t start, unsigned seed)
{
    static uint8_t m[0x2a000];
    record(AVML, 2, start, start + sizeof m - 1);
    size_t at = f->n;
    for (size_t i = 0; i < sizeof m; i++)
        m[i] = (uint8_t)(i / 16 + seed);
    put("\xff\x06\0\0sNaPpY", 10);
    chunk(m, 0x10000, true);
    put("\xfe\3\0\0abc", 7); /* padding */
    chunk(m + 0x10000, 0x10000, false);
    chunk(m + 0x20000, 0xa000, true);
    put64(f->n - at);
    return at;
}

static void test_avml(void **state)
{
    static uint8_t buf[0x60000];
    size_t done, avail;
    (void)state;
    begin();
    avml_record(0x1000, 0);
    size_t second = avml_record(0x100000, 77);
    record(LIME, 1, 0x200000, 0x200fff);
    fill(9, 0x1000);
    opens_as(NULL, "avml");
    assert_int_equal(phys_read(&s.phys, 0x100000, buf, 0x2a000, &done), ST_OK);
    for (size_t i = 0; i < 0x2a000; i++)
        assert_int_equal(buf[i], (uint8_t)(i / 16 + 77));
    for (size_t step = 1; step < 0x12000; step = step * 5 + 3) {
        size_t at = 0;
        for (; at + step <= 0x2a000; at += step)
            assert_int_equal(phys_read(&s.phys, 0x1000 + at, buf + at, step, &done), ST_OK);
        for (size_t i = 0; i < at; i++)
            assert_int_equal(buf[i], (uint8_t)(i / 16));
    }
    assert_int_equal(phys_read(&s.phys, 0x1000 + 0x29ff0, buf, 0x20, &done), ST_ABSENT);
    assert_int_equal(done, 0x10);
    const uint8_t *p = phys_ptr(&s.phys, 0x1000 + 0xfff0, &avail);
    assert_non_null(p);
    assert_int_equal(avail, 16);
    byte_is(0x200fff, 9);
    byte_is(0xfff, -1);
    source_close(&s);
    size_t whole = f->n;
    f->n = second + 100;
    refuses(NULL, ST_BROKEN, "cut");
    opens_as("avml", "avml");
    byte_is(0x1000, 0);
    byte_is(0x100000, -1);
    assert_string_not_equal(s.layout_note, "");
    source_close(&s);
    f->n = whole;
    f->b[second + 10] = 2; /* a kind of chunk that is not to be skipped */
    refuses(NULL, ST_BROKEN, "type 2");
    begin();
    size_t at = avml_record(0, 0);
    f->b[at + 18] = 0xff, f->b[at + 19] = 0xff,
              f->b[at + 20] = 0xff; /* the chunk says that it is large */
    refuses(NULL, ST_BROKEN, "damaged");
    begin();
    avml_record(0, 0);
    f->b[f->n - 8]++;
    refuses(NULL, ST_BROKEN, "length");
    begin();
    at = avml_record(0, 0);
    memset(f->b + at + 24, 0xff, 60); /* unpacks to something else: found when it is read */
    opens_as(NULL, "avml");
    assert_int_equal(phys_read(&s.phys, 0, buf, 0x10000, &done), ST_BROKEN);
    assert_null(phys_ptr(&s.phys, 0, &avail));
    byte_is(0x10000, 0);
    source_close(&s);
}

/* ---- kdump
 * ------------------------------------------------------------------------------------------------------
 */

enum { KD_NOTES = 0x1080, KD_BITMAP = 0x2000, KD_DESCS = 0x4000, KD_DATA = 0x5000, KD_FRAMES = 64 };

/* A dump of frames 1, 2, 3 and 60 with 4 KiB pages, not compressed, each page filled with its
 * frame's number. */
static void kdump(const char *machine)
{
    static const unsigned frame[] = {1, 2, 3, 60};
    begin();
    put("KDUMP   ", 8);
    u32_at(8, 6);
    memcpy(f->b + 12 + 4 * 65, machine, strlen(machine));
    u32_at(428, 4096);
    u32_at(432, 1);
    u32_at(436, 2);
    u32_at(440, KD_FRAMES);
    u64_at(0x1000 + 96, KD_FRAMES);
    f->n = KD_NOTES;
    uint8_t prstatus[336] = {0};
    prstatus[112 + 16 * 8] = 0x55;
    note("CORE", 1, prstatus, sizeof prstatus);
    note("VMCOREINFO", 0, "OSRELEASE=5.10\n", 15);
    u64_at(0x1000 + 48, KD_NOTES);
    u64_at(0x1000 + 56, f->n - KD_NOTES);
    for (unsigned i = 0; i < 4; i++) {
        f->b[KD_BITMAP + frame[i] / 8] |= (uint8_t)(1 << frame[i] % 8);
        f->b[KD_BITMAP + 0x1000 + frame[i] / 8] |= (uint8_t)(1 << frame[i] % 8);
        u64_at(KD_DESCS + i * 24, KD_DATA + i * 4096);
        u32_at(KD_DESCS + i * 24 + 8, 4096);
        memset(f->b + KD_DATA + i * 4096, (int)frame[i], 4096);
    }
    f->n = KD_DATA + 4 * 4096;
}

/* The same as a stream: records in another order than their places. */
static void flatten(void)
{
    static uint8_t whole[KD_DATA + 4 * 4096];
    memcpy(whole, f->b, sizeof whole);
    begin();
    put("makedumpfile\0\0\0\0", 16);
    put_be64(1);
    put_be64(1);
    f->n = 4096;
    for (size_t at = sizeof whole; at;) {
        size_t n = at % 10000 ? at % 10000 : 10000;
        at -= n;
        put_be64(at);
        put_be64(n);
        put(whole + at, n);
    }
    put_be64(UINT64_MAX);
    put_be64(UINT64_MAX);
}

static void check_kdump(void)
{
    uint8_t buf[0x4000];
    size_t done, avail;
    struct vcpu_regs r;
    assert_int_equal(s.phys.nr, 2);
    byte_is(0, -1);
    byte_is(0x1000, 1);
    byte_is(0x4000, -1);
    byte_is(60 * 4096 + 4095, 60);
    assert_int_equal(phys_read(&s.phys, 0x1800, buf, 0x2000, &done), ST_OK);
    assert_int_equal(buf[0x7ff], 1);
    assert_int_equal(buf[0x800], 2);
    assert_int_equal(buf[0x1fff], 3);
    assert_int_equal(phys_read(&s.phys, 0x2000, buf, 0x3000, &done), ST_ABSENT);
    assert_int_equal(done, 0x2000);
    const uint8_t *p = phys_ptr(&s.phys, 0x2010, &avail);
    assert_non_null(p);
    assert_int_equal(avail, 4096 - 16);
    assert_int_equal(*p, 2);
    assert_int_equal(s.vmcoreinfo.n, 15);
    assert_memory_equal(s.vmcoreinfo.p, "OSRELEASE=5.10\n", 15);
    assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_OK);
    assert_int_equal(r.rip, 0x55);
    assert_int_equal(s.arch, ARCH_X86_64);
}

static void test_kdump(void **state)
{
    (void)state;
    kdump("x86_64");
    opens_as(NULL, "kdump");
    check_kdump();
    source_close(&s);
    kdump("something");
    flatten();
    opens_as(NULL, "kdump");
    check_kdump();
    source_close(&s);
    kdump("x86_64");
    memcpy(f->b, "DISKDUMP", 8);
    opens_as("kdump", "kdump");
    source_close(&s);
}

static void test_kdump_damaged(void **state)
{
    (void)state;
    kdump("x86_64");
    f->n = 200;
    refuses(NULL, ST_BROKEN, "header");
    f->n = KD_BITMAP + 100;
    refuses(NULL, ST_BROKEN, "bitmap");
    kdump("x86_64");
    u32_at(436, UINT32_MAX);
    refuses(NULL, ST_BROKEN, "bitmap");
    kdump("x86_64");
    u64_at(0x1000 + 56, UINT64_MAX - 4000);
    refuses(NULL, ST_BROKEN, "notes");
    kdump("x86_64");
    u32_at(428, 12345);
    refuses(NULL, ST_UNSUPPORTED, "page");
    kdump("x86_64");
    flatten();
    f->n -= 16;
    refuses(NULL, ST_BROKEN, "end mark");
    f->n -= 5000;
    refuses(NULL, ST_BROKEN, "cut");
    u64_at(4096 + 8, UINT64_MAX);
    refuses(NULL, ST_BROKEN, "0x1000");
    u64_at(4096, __builtin_bswap64(1ULL << 60));
    u64_at(4096 + 8, __builtin_bswap64(100));
    refuses(NULL, ST_BROKEN, "0x1000");
    begin();
    fill(0, 5000);
    refuses("kdump", ST_BROKEN, "does not begin");
    /* a page that lies about where it is */
    kdump("x86_64");
    static const uint64_t lies[] = {UINT64_MAX - 100, KD_DATA + 4 * 4096 - 10, 1 << 20, 1ULL << 40};
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        uint8_t buf[8192];
        size_t done;
        u64_at(KD_DESCS, lies[i]);
        refuses(NULL, ST_BROKEN, "number 0");
        opens_as("kdump", "kdump");
        assert_int_equal(phys_read(&s.phys, 0x1000, buf, 1, &done), ST_BROKEN);
        assert_int_equal(phys_read(&s.phys, 0x1000, buf, 8192, &done), ST_BROKEN);
        assert_null(phys_ptr(&s.phys, 0x1000, &done));
        byte_is(0x2000, 2);
        source_close(&s);
    }
    kdump("x86_64"); /* cut within its last page */
    f->n -= 100;
    refuses(NULL, ST_BROKEN, "cut");
    opens_as("kdump", "kdump");
    byte_is(0x3000, 3);
    uint8_t b;
    assert_int_equal(phys_read(&s.phys, 60 * 4096, &b, 1, NULL), ST_BROKEN);
    source_close(&s);
}

/* A part of a split dump: the descriptors of its own frames only. */
static void test_kdump_split(void **state)
{
    (void)state;
    kdump("x86_64");
    u32_at(0x1000 + 12, 1);
    u64_at(0x1000 + 80, 2);
    u64_at(0x1000 + 88, 60);
    opens_as(NULL, "kdump");
    byte_is(0x1000, -1);
    byte_is(0x2000, 1); /* the first descriptor */
    byte_is(0x3000, 2);
    byte_is(60 * 4096, -1);
    source_close(&s);
}

/* Every second frame of many: more runs than there may be ranges. */
static void test_kdump_scattered(void **state)
{
    enum { BLOCKS = 32 };
    (void)state;
    begin();
    put("KDUMP   ", 8);
    u32_at(8, 6);
    u32_at(428, 4096);
    u32_at(432, 1);
    u32_at(436, BLOCKS);
    uint32_t frames = BLOCKS / 2 * 4096 * 8;
    u32_at(440, frames);
    u64_at(0x1000 + 96, frames);
    f->n = 0x2000;
    fill(0, BLOCKS / 2 * 4096);
    fill(0x55, BLOCKS / 2 * 4096);
    fill(0, 4096);
    opens_as("kdump", "kdump");
    assert_true(s.phys.nr >= 1 && s.phys.nr <= 32768);
    assert_int_equal(phys_end(&s.phys), (uint64_t)frames * 4096);
    byte_is(0x1000, -1); /* a hole in a range */
    source_close(&s);
}

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/tinyvmi-test-%ld.mem", (long)getpid());
    f = malloc(sizeof *f);
    return f ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    free(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_opened),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_elf_memory),
        cmocka_unit_test(test_elf_notes),
        cmocka_unit_test(test_elf_notes_again),
        cmocka_unit_test(test_elf_damaged),
        cmocka_unit_test(test_elf_many_headers),
        cmocka_unit_test(test_elf32),
        cmocka_unit_test(test_xen),
        cmocka_unit_test(test_xen_damaged),
        cmocka_unit_test(test_lime),
        cmocka_unit_test(test_avml),
        cmocka_unit_test(test_kdump),
        cmocka_unit_test(test_kdump_damaged),
        cmocka_unit_test(test_kdump_split),
        cmocka_unit_test(test_kdump_scattered),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

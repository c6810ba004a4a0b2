/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
/* What is read about a QEMU guest, from texts: command line, memory tree, mappings, registers; and
 * how boards lay out RAM. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/qemu.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* ---- command lines --------------------------------------------------------------------------- */

/* Arguments separated by '|' for the eye. */
static void parse(const char *line, struct qemu_cmdline *ret)
{
    size_t n = strlen(line) + 1;
    char *copy = malloc(n);
    memcpy(copy, line, n);
    for (size_t i = 0; i < n; i++)
        if (copy[i] == '|')
            copy[i] = '\0';
    qemu_cmdline_parse((struct bytes){(const uint8_t *)copy, n}, ret);
    free(copy);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *line, *name;
    } rows[] = {
        {"qemu|-name|web", "web"},
        {"qemu|--name|guest=web,debug-threads=on", "web"},
        {"qemu|-name|debug-threads=on,guest=web,process=x", "web"},
        {"qemu|-name|web,process=x", "web"},
        {"qemu|-name|a,,b", "a,b"},
        {"qemu|-name|guest=a=b", "a=b"},
        {"qemu|-append|console=ttyS0 -name nothing", ""},
        {"qemu|-name", ""},
        {"qemu", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct qemu_cmdline c;
        parse(rows[i].line, &c);
        assert_string_equal(c.name, rows[i].name);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        uint64_t memory;
        unsigned vcpus;
    } rows[] = {
        {"qemu", 128 * MIB, 1},
        {"qemu|-m|64", 64 * MIB, 1},
        {"qemu|-m|5G|-smp|2", 5 * GIB, 2},
        {"qemu|-m|size=4194304k,slots=4,maxmem=8G|-smp|4,sockets=2,cores=2", 4 * GIB, 4},
        {"qemu|-m|1.5G", 1536 * MIB, 1},
        {"qemu|-m|99999999999999999999T", 0, 1},
        {"qemu|-smp|sockets=2,cores=3,threads=2", 128 * MIB, 12},
        {"qemu|-smp|cpus=3,maxcpus=8", 128 * MIB, 3},
        {"qemu|-smp|0", 128 * MIB, 1},
        {"qemu|-smp|99999999", 128 * MIB, 4096},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct qemu_cmdline c;
        parse(rows[i].line, &c);
        assert_int_equal(c.vcpus, rows[i].vcpus);
        assert_int_equal(c.memory, rows[i].memory);
    }
    assert_int_equal(qemu_parse_size("1.5x", 1), 0);
    assert_int_equal(qemu_parse_size("1.5e300", 1), 0);
    assert_int_equal(qemu_parse_size("16777216T", 1), 0);
    assert_int_equal(qemu_parse_size("0x1000", 1), 4096);
    assert_int_equal(qemu_parse_size("7x", 1), 0);
    assert_int_equal(qemu_parse_size("-1", 1), 0);
    assert_int_equal(qemu_parse_size("", 1), 0);
}

static void test_sockets(void **state)
{
    (void)state;
    struct qemu_cmdline c;
    parse("qemu|-qmp|unix:/a,server=on,wait=off|-qmp|unix:b.sock,server,nowait|-qmp|unix:/"
          "client|-qmp|stdio|"
          "-qmp-pretty|tcp:127.0.0.1:4444,server=on|-monitor|unix:/hmp,server=on",
          &c);
    assert_int_equal(c.nr_sockets, 3);
    assert_string_equal(c.socket[0], "/a");
    assert_string_equal(c.socket[1], "b.sock");
    assert_string_equal(c.socket[2], "tcp:127.0.0.1:4444");

    parse("qemu|-mon|chardev=m,mode=control|-chardev|socket,id=m,path=/"
          "m.sock,server=on|-chardev|socket,id=s,path=/s,server=on|"
          "-mon|chardev=s,mode=readline|-mon|id=x,mode=control,chardev=f|-chardev|socket,fd=25,"
          "server=on,id=f",
          &c);
    assert_int_equal(c.nr_sockets, 2);
    assert_string_equal(c.socket[0], "/m.sock");
    assert_string_equal(c.socket[1], "fd:25");

    parse("qemu|-qmp|chardev:q|-chardev|socket,id=q,host=localhost,port=99,server=on", &c);
    assert_int_equal(c.nr_sockets, 1);
    assert_string_equal(c.socket[0], "tcp:localhost:99");
}

/* As libvirt 9 starts a guest, shortened. */
static void test_libvirt(void **state)
{
    (void)state;
    struct qemu_cmdline c;
    parse("/usr/bin/qemu-system-x86_64|-name|guest=deb12,debug-threads=on|-S|-machine|"
          "pc-q35-7.2,usb=off,dump-guest-core=off,memory-backend=pc.ram|-m|4096|-object|"
          "{\"qom-type\":\"memory-backend-memfd\",\"id\":\"pc.ram\",\"share\":true,\"x-use-"
          "canonical-path-for-ramblock-id\":false,"
          "\"size\":4294967296}|-smp|2,sockets=2,cores=1,threads=1|-uuid|4dea22b3-1d52-d8f3-2516-"
          "782e98ab3fa0|-chardev|"
          "socket,id=charmonitor,fd=25,server=on,wait=off|-mon|chardev=charmonitor,id=monitor,mode="
          "control",
          &c);
    assert_string_equal(c.name, "deb12");
    assert_string_equal(c.machine, "pc-q35-7.2");
    assert_string_equal(c.memory_backend, "pc.ram");
    assert_string_equal(c.uuid, "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
    assert_int_equal(c.nr_backends, 1);
    assert_int_equal(c.backend[0].kind, BACKEND_MEMFD);
    assert_int_equal(c.backend[0].size, 4 * GIB);
    assert_int_equal(c.nr_sockets, 1);
    assert_string_equal(c.socket[0], "fd:25");
}

static void test_backends(void **state)
{
    (void)state;
    struct qemu_cmdline c;
    parse("qemu|-m|4G|-object|memory-backend-file,id=a,size=1G,mem-path=/dev/"
          "hugepages,share=on|-object|"
          "qom-type=memory-backend-ram,id=b,size=3G|-object|rng-random,id=r|-numa|node,memdev=a|-"
          "numa|node,nodeid=1,memdev=b|"
          "-numa|dist,src=0,dst=1,val=20",
          &c);
    assert_int_equal(c.nr_backends, 2);
    assert_string_equal(c.backend[0].path, "/dev/hugepages");
    assert_int_equal(c.backend[0].kind, BACKEND_FILE);
    assert_int_equal(c.backend[1].size, 3 * GIB);
    assert_int_equal(c.nr_nodes, 2);
    assert_string_equal(c.node[1], "b");
}

/* Not what the kernel gives, and far more of it than there is room for. */
static void test_odd_cmdlines(void **state)
{
    (void)state;
    struct qemu_cmdline c;
    qemu_cmdline_parse((struct bytes){(const uint8_t *)"qemu\0-name", 10}, &c);
    assert_string_equal(c.name, "");
    qemu_cmdline_parse((struct bytes){NULL, 0}, &c);
    parse("qemu|-object||-name|,|-m||-smp|,,,|-machine|=|-numa|=,=|-qmp|unix:|-chardev|,|-mon|",
          &c);
    char *many = malloc(1 << 16);
    strcpy(many, "qemu");
    for (unsigned i = 0; i < 100; i++)
        strcat(many, "|-object|memory-backend-ram,id=x,size=1G|-numa|node,memdev=x|-qmp|unix:/"
                     "x,server=on|-name|"
                     "01234567890123456789012345678901234567890123456789012345678901234567890123456"
                     "78901234567890123456789");
    parse(many, &c);
    assert_int_equal(c.nr_backends, QEMU_MAX_BACKENDS);
    assert_int_equal(c.nr_nodes, QEMU_MAX_NODES);
    assert_int_equal(c.nr_sockets, QEMU_MAX_SOCKETS);
    assert_int_equal(strlen(c.name), sizeof c.name - 1);
    free(many);
}

/* ---- boards ---------------------------------------------------------------------------------- */

/* What QEMU 7.2's `info mtree -f` shows for each, the adapter's window and ROMs apart. */
static void test_boards(void **state)
{
    (void)state;
    static const struct {
        const char *exe, *machine;
        uint64_t memory, max;
        uint64_t low_start, low_end, high_end;
    } rows[] = {
        {"qemu-system-x86_64", "pc", 64 * MIB, 0, 0, 64 * MIB, 0},
        {"qemu-system-x86_64", "", 3583 * MIB, 0, 0, 3583 * MIB, 0},
        {"qemu-system-x86_64", "pc-i440fx-7.2", 3584 * MIB, 0, 0, 3 * GIB, 4 * GIB + 512 * MIB},
        {"qemu-system-x86_64", "pc", 4 * GIB, 2 * GIB, 0, 2 * GIB, 6 * GIB},
        {"qemu-system-x86_64", "q35", 2815 * MIB, 0, 0, 2815 * MIB, 0},
        {"qemu-system-x86_64", "pc-q35-7.2", 2816 * MIB, 0, 0, 2 * GIB, 4 * GIB + 768 * MIB},
        {"qemu-kvm", "pc-q35-rhel9.2.0", 5 * GIB, GIB, 0, GIB, 8 * GIB},
        {"qemu-system-x86_64", "microvm", 4 * GIB, 0, 0, 3 * GIB, 5 * GIB},
        {"qemu-system-aarch64", "virt-7.2", 8 * GIB, 0, GIB, 9 * GIB, 0},
        {"qemu-system-riscv64", "virt", GIB, 0, 2 * GIB, 3 * GIB, 0},
        {"qemu-system-m68k", "q800", GIB, 0, 0, GIB, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct qemu_cmdline c = {.memory = rows[i].memory, .max_below_4g = rows[i].max};
        struct qemu_piece piece[4];
        const char *board;
        uint64_t sum = 0;
        strcpy(c.machine, rows[i].machine);
        size_t n = qemu_board_layout(rows[i].exe, &c, piece, &board);
        const struct qemu_piece *last = &piece[n - 1], *low = rows[i].high_end ? last - 1 : last;
        assert_int_equal(piece[0].start, rows[i].low_start);
        assert_int_equal(low->start + low->len, rows[i].low_end);
        if (rows[i].high_end) {
            assert_int_equal(last->start, 4 * GIB);
            assert_int_equal(last->start + last->len, rows[i].high_end);
        }
        for (size_t k = 0; k < n; k++)
            sum += piece[k].len;
        assert_true(sum == rows[i].memory || sum + 0x20000 == rows[i].memory);
    }
}

/* ---- the monitor's answers ------------------------------------------------------------------- */

static void test_mtree(void **state)
{
    (void)state;
    static const char text[] =
        "FlatView #0\r\n"
        " AS \"I/O\", root: io\r\n"
        " Root memory region: io\r\n"
        "  0000000000000000-0000000000000007 (prio 0, ram): no\r\n"
        "\r\n"
        "FlatView #1\r\n"
        " AS \"cpu-memory-0\", root: system\r\n"
        " AS \"memory\", root: system\r\n"
        " Root memory region: system\r\n"
        "  0000000000000000-000000000009ffff (prio 0, ram): pc.ram KVM\r\n"
        "  00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem\r\n"
        "  00000000000e0000-00000000000fffff (prio 0, rom): pc.bios @0000000000020000 KVM\r\n"
        "  0000000000100000-000000003fffffff (prio 0, ram): odd (prio 0, rom): name "
        "@0000000000100000\r\n"
        "  00000000fd000000-00000000fdffffff (prio 1, ramd): 0000:00:05.0 BAR 1 mmaps[0]\r\n"
        "  00000000ff000000-00000000ffffffff (prio 0, romd): flash\r\n"
        "  0000000100000000-000000013fffffff (prio 0, nv-ram): nvdimm\r\n"
        "  ffffffffffffffff-0000000000000000 (prio 0, ram): backwards\r\n"
        "  00000000000000000000-0000000000000001 (prio 0, ram): long\r\n"
        "\r\n"
        "FlatView #2\r\n"
        " AS \"memory\", root: system\r\n"
        "  0000000500000000-00000005ffffffff (prio 0, ram): again\r\n";
    struct qemu_layout l = {0};
    assert_int_equal(qemu_mtree_parse(text, &l), ST_OK);
    assert_int_equal(l.nr, 4);
    assert_int_equal(l.piece[0].start, 0);
    assert_int_equal(l.piece[0].len, 0xa0000);
    assert_false(l.piece[0].rom);
    assert_true(l.piece[1].rom);
    assert_int_equal(l.piece[2].start, 0x100000);
    assert_false(l.piece[2].rom);
    assert_int_equal(l.piece[3].start, 4 * GIB);
    free(l.piece);

    assert_int_equal(qemu_mtree_parse("", &l), ST_BROKEN);
    assert_int_equal(qemu_mtree_parse("unknown command: 'info mtree -f'\r\n", &l), ST_BROKEN);
    assert_int_equal(
        qemu_mtree_parse("FlatView #0\n AS \"memory\"\n  00-ffffffffffffffff (prio 0, ram): all\n",
                         &l),
        ST_BROKEN);
}

static void test_gpa2hva(void **state)
{
    (void)state;
    assert_int_equal(
        qemu_gpa2hva_parse("Host virtual address for 0x1000 (pc.ram) is 0x7f933fe01000\r\n"),
        0x7f933fe01000);
    assert_int_equal(qemu_gpa2hva_parse("Host virtual address for 0x0 (a is 0x1) is 0x2\r\n"), 2);
    assert_int_equal(qemu_gpa2hva_parse("Memory at address 0xa0000 is not RAM\r\n"), 0);
    assert_int_equal(qemu_gpa2hva_parse("No memory is mapped at address 0xa0000\r\n"), 0);
    assert_int_equal(qemu_gpa2hva_parse("unknown command: 'gpa2hva'\r\n"), 0);
}

static void test_registers_x86_64(void **state)
{
    (void)state;
    static const char text[] =
        "\r\nCPU#0\r\nRAX=0000000000000001 RBX=0000000000000002 RCX=0000000000000003 "
        "RDX=0000000000000004\r\n"
        "RSI=0000000000000006 RDI=0000000000000007 RBP=0000000000000005 RSP=ffffffff82c03e18\r\n"
        "R8 =0000000000000008 R9 =0000000000000009 R10=000000000000000a R11=000000000000000b\r\n"
        "R12=000000000000000c R13=000000000000000d R14=000000000000000e R15=000000000000000f\r\n"
        "RIP=ffffffff81a1b2c3 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\r\n"
        "ES =0000 0000000000000000 ffffffff 00000000\r\nCS =0010 0000000000000000 ffffffff "
        "00af9b00 DPL=0 CS64 [-RA]\r\n"
        "SS =0018 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]\r\nDS =0000 0000000000000000 "
        "ffffffff 00000000\r\n"
        "FS =0000 00007f0000000000 ffffffff 00000000\r\nGS =0000 ffff88800f600000 ffffffff "
        "00000000\r\n"
        "LDT=0000 0000000000000000 00000000 00008200 DPL=0 LDT\r\nTR =0040 fffffe0000003000 "
        "00004087 00008b00 DPL=0 TSS64-busy\r\n"
        "GDT=     fffffe0000001000 0000007f\r\nIDT=     fffffe0000000000 00000fff\r\n"
        "CR0=80050033 CR2=00007f1122334455 CR3=0000000002c10000 CR4=000006f0\r\n"
        "DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 \r\n"
        "DR6=00000000ffff0ff0 DR7=0000000000000400\r\nCCS=0000000000000000 CCD=0000000000000000 "
        "CCO=EFLAGS\r\n"
        "EFER=0000000000000d01\r\nFCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80\r\n"
        "\r\nCPU#1\r\nEAX=00000011 EBX=00000000 ECX=00000000 EDX=00060fb1\r\n"
        "ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000\r\nEIP=0000fff0 EFL=00000002 "
        "[-------] CPL=0\r\n"
        "ES =0000 00000000 0000ffff 00009300\r\nCS =f000 ffff0000 0000ffff 00009b00\r\nSS =0000 "
        "00000000 0000ffff 00009300\r\n"
        "DS =0000 00000000 0000ffff 00009300\r\nFS =0000 00000000 0000ffff 00009300\r\nGS =0000 "
        "00000000 0000ffff 00009300\r\n"
        "LDT=0000 00000000 0000ffff 00008200\r\nTR =0000 00000000 0000ffff 00008b00\r\nGDT=     "
        "00000000 0000ffff\r\n"
        "IDT=     00000000 0000ffff\r\nCR0=60000010 CR2=00000000 CR3=00000000 "
        "CR4=00000000\r\nEFER=0000000000000000\r\n"
        "\r\nCPU#10\r\nCR0=00000011 CR2=00000000 CR3=00000000 "
        "CR4=00000000\r\nEFER=0000000000000500\r\n"
        "GS =0000 12345678 0000ffff 00009300\r\n";
    struct vcpu_regs r;
    assert_int_equal(qemu_registers_parse(text, 0, &r), ST_OK);
    assert_int_equal(r.have, REGS_CR | REGS_EFER | REGS_GENERAL | REGS_SEGMENTS | REGS_TABLES);
    for (unsigned i = 0; i < 16; i++)
        if (i != 7)
            assert_int_equal(r.gpr[i], i < 5 ? i + 1 : i > 7 ? i : i + 1);
    assert_int_equal(r.gpr[7], 0xffffffff82c03e18);
    assert_int_equal(r.rip, 0xffffffff81a1b2c3);
    assert_int_equal(r.cr3, 0x2c10000);
    assert_int_equal(r.cr2, 0x7f1122334455);
    assert_int_equal(r.cr4, 0x6f0);
    assert_int_equal(r.efer, 0xd01);
    assert_int_equal(r.gs_base, 0xffff88800f600000);
    assert_int_equal(r.tr, 0x40);
    assert_int_equal(r.gdt_base, 0xfffffe0000001000);
    assert_int_equal(r.idt_limit, 0xfff);

    assert_int_equal(qemu_registers_parse(text, 1, &r), ST_OK);
    assert_int_equal(r.gpr[0], 0x11);
    assert_int_equal(r.cr0, 0x60000010);
    assert_int_equal(r.cs, 0xf000);
    assert_int_equal(r.have, REGS_CR | REGS_EFER | REGS_GENERAL | REGS_SEGMENTS | REGS_TABLES);

    /* 32-bit code on a 64-bit kernel: bases are cut, so they are not claimed. */
    assert_int_equal(qemu_registers_parse(text, 10, &r), ST_OK);
    assert_int_equal(r.cr0, 0x11);
    assert_int_equal(r.have, REGS_CR | REGS_EFER);
    assert_int_equal(qemu_registers_parse(text, 2, &r), ST_ABSENT);
    assert_int_equal(qemu_registers_parse("CPU#0\r\n", 0, &r), ST_BROKEN);
    assert_int_equal(qemu_registers_parse("", 0, &r), ST_ABSENT);
}

static void test_registers_arm64(void **state)
{
    (void)state;
    char text[2048] = "\r\nCPU#0\r\n PC=ffff800008011234 ", part[32];
    for (unsigned i = 0; i < 31; i++) {
        snprintf(part, sizeof part, "X%02u=%016x%s", i, i + 1, i % 4 == 1 ? "\r\n" : " ");
        strcat(text, part);
    }
    strcat(text, " SP=ffff800009c03d00\r\nPSTATE=600003c5 -ZC- EL1h    FPU disabled\r\n");
    struct vcpu_regs r;
    assert_int_equal(qemu_registers_parse(text, 0, &r), ST_OK);
    assert_int_equal(r.have, REGS_GENERAL);
    assert_int_equal(r.pc, 0xffff800008011234);
    assert_int_equal(r.sp, 0xffff800009c03d00);
    assert_int_equal(r.pstate, 0x600003c5);
    assert_int_equal(r.x[0], 1);
    assert_int_equal(r.x[30], 31);
}

/* ---- mappings -------------------------------------------------------------------------------- */

static void test_maps(void **state)
{
    (void)state;
    static const char text[] =
        "55d0c0000000-55d0c0001000 r--p 00000000 fe:01 1234                       "
        "/usr/bin/qemu-system-x86_64\n"
        "7f0973e00000-7f0977e00000 rw-p 00000000 00:00 0 \n"
        "rubbish\n"
        "7f9c93fff000-7f9dd3fff000 rw-s 00001000 00:01 77  /memfd:memory-backend-memfd (deleted)\n"
        "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n"
        "1-2";
    struct qemu_vma v;
    const char *p = text;
    assert_true(qemu_vma_next(&p, &v));
    assert_int_equal(v.start, 0x55d0c0000000);
    assert_int_equal(v.inode, 1234);
    assert_int_equal(v.major, 0xfe);
    assert_false(v.write);
    assert_memory_equal(v.path, "/usr/bin/qemu-system-x86_64", v.path_n);
    assert_true(qemu_vma_next(&p, &v));
    assert_true(v.write && !v.shared && !v.inode && !v.path_n);
    assert_true(qemu_vma_next(&p, &v));
    assert_int_equal(v.end, 0);
    assert_true(qemu_vma_next(&p, &v));
    assert_true(v.shared);
    assert_int_equal(v.offset, 0x1000);
    assert_int_equal(v.path_n, strlen("/memfd:memory-backend-memfd (deleted)"));
    assert_true(qemu_vma_next(&p, &v));
    assert_int_equal(v.end, 0xffffffffff601000);
    assert_true(qemu_vma_next(&p, &v));
    assert_int_equal(v.end, 0);
    assert_false(qemu_vma_next(&p, &v));
}

/* This very process in QEMU's place: a shared file is mapped, private memory copied, untouched
 * pages passed over. */
static void test_memory(void **state)
{
    (void)state;
    enum { SIZE = 64 * 4096, AT = 37 * 4096 + 5 };
    int fd = memfd_create("memory-backend-memfd", MFD_CLOEXEC);
    assert_true(fd >= 0 && ftruncate(fd, SIZE) == 0);
    uint8_t *shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint8_t *private = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED && private != MAP_FAILED);
    madvise(private, SIZE, MADV_NOHUGEPAGE);
    shared[AT] = 1;
    private[AT] = 2;

    struct qemu_process p = {.pid = (int)getpid(), .uid = geteuid()};
    struct qemu_mem m;
    struct qemu_vma v;
    struct diag d = {0};
    uint64_t s = (uintptr_t)shared, a = (uintptr_t) private, stop;
    int st = qemu_mem_open(&p, &d, &m);
    if (st == ST_DENIED) {
        print_message("skipped: %s\n", d.text);
        skip();
    }
    assert_int_equal(st, ST_OK);
    assert_true(qemu_mem_alive(&m));
    assert_true(qemu_mem_vma(&m, s + AT, &v));
    const struct qemu_view *w = qemu_mem_view(&m, &v);
    assert_non_null(w);
    assert_ptr_not_equal(w->host, shared);
    assert_int_equal(w->host[s - w->start + AT], 1);
    shared[AT] = 3;
    assert_int_equal(w->host[s - w->start + AT], 3);
    assert_ptr_equal(qemu_mem_view(&m, &v), w);
    assert_int_equal(qemu_mem_next_data(&m, s, s + SIZE, &stop), s + (AT & ~4095));
    assert_int_equal(stop, s + (AT & ~4095) + 4096);
    assert_int_equal(qemu_mem_next_data(&m, s + AT, s + SIZE, &stop), s + AT);
    assert_int_equal(qemu_mem_next_data(&m, s + AT + 4096, s + SIZE, &stop), s + SIZE);

    uint8_t byte = 0;
    size_t done;
    assert_true(qemu_mem_vma(&m, a, &v));
    assert_null(qemu_mem_view(&m, &v));
    assert_int_equal(qemu_mem_next_data(&m, a, a + SIZE, &stop), a + (AT & ~4095));
    assert_int_equal(stop, a + (AT & ~4095) + 4096);
    assert_int_equal(qemu_mem_next_data(&m, a + AT + 4096, a + SIZE, &stop), a + SIZE);
    assert_int_equal(qemu_mem_read(&m, a + AT, &byte, 1, &done), ST_OK);
    assert_int_equal(byte, 2);
    byte = 9;
    assert_int_equal(qemu_mem_write(&m, a + AT, &byte, 1, &done), ST_OK);
    assert_int_equal(private[AT], 9);
    munmap(private, SIZE);
    assert_int_equal(qemu_mem_read(&m, a + AT, &byte, 1, &done), ST_ABSENT);
    qemu_mem_close(&m);
    munmap(shared, SIZE);
    close(fd);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void test_open_absent(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int st;
        const char *story;
    } rows[] = {
        {"", ST_INVALID, "needs a name"},
        {"no such guest, surely", ST_ABSENT, "no such guest, surely"},
        {"/nowhere/qmp.sock", ST_ABSENT, "/nowhere/qmp.sock"},
        {"/dev/null", ST_INVALID, "no socket"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct diag d = {0};
        struct source s = {0};
        assert_int_equal(qemu_source_kind.open(rows[i].name, NULL, &d, &s), rows[i].st);
        assert_non_null(strstr(d.text, rows[i].story));
        assert_null(s.impl);
    }
}

/* A source that knows 0x3000..0x4fff of its first range, nothing of its second, all of its third.
 */
static uint64_t fake_next_data(void *source, const struct phys_range *r, uint64_t at, uint64_t *end)
{
    (void)source;
    uint64_t from = r->start ? (r->start == 0x10000 ? 0x11000 : at) : at < 0x3000 ? 0x3000 : at;
    uint64_t to = r->start ? r->start + r->len : 0x5000;
    if (from >= to)
        return r->start + r->len;
    *end = to;
    return from;
}

static void test_next_data(void **state)
{
    (void)state;
    static const struct phys_ops ops = {.next_data = fake_next_data};
    static const struct phys_range ranges[] = {{.start = 0, .len = 0x8000},
                                               {.start = 0x10000, .len = 0x1000},
                                               {.start = 0x20000, .len = 0x1000}};
    struct phys p;
    uint64_t end;
    phys_init(&p, &ops, NULL);
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        assert_int_equal(phys_add(&p, &ranges[i]), ST_OK);
    assert_int_equal(phys_next_data(&p, 0, &end), 0x3000);
    assert_int_equal(end, 0x5000);
    assert_int_equal(phys_next_data(&p, 0x4123, &end), 0x4123);
    assert_int_equal(phys_next_data(&p, 0x5000, &end), 0x20000);
    assert_int_equal(end, 0x21000);
    assert_true(phys_next_data(&p, 0x21000, &end) == UINT64_MAX);
    p.ops = NULL; /* not known: ranges are data */
    assert_int_equal(phys_next_data(&p, 0x5000, &end), 0x5000);
    assert_int_equal(end, 0x8000);
    assert_int_equal(phys_next_data(&p, 0x9000, &end), 0x10000);
    phys_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),           cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_sockets),         cmocka_unit_test(test_libvirt),
        cmocka_unit_test(test_backends),        cmocka_unit_test(test_odd_cmdlines),
        cmocka_unit_test(test_boards),          cmocka_unit_test(test_mtree),
        cmocka_unit_test(test_gpa2hva),         cmocka_unit_test(test_registers_x86_64),
        cmocka_unit_test(test_registers_arm64), cmocka_unit_test(test_maps),
        cmocka_unit_test(test_next_data),       cmocka_unit_test(test_memory),
        cmocka_unit_test(test_open_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

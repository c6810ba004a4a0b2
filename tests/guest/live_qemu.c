/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The QEMU source against real QEMU processes that run no operating system: patterns that QEMU's
 * loader device puts into memory are read back, and compared with QEMU's own pmemsave. All memory
 * backends, the boards' layouts (through QMP and inferred), who holds the monitor, pauses, and
 * guests that end. Seconds; run by live_qemu.sh.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/json.h"
#include "source/qemu.h"

enum { PATTERN = 3 * 4096 + 123, MAX_ARGS = 96 };

static char dir[64]; /* of this run */
static pid_t running[8];
static uint8_t pattern[PATTERN];

/* ---- guests ---------------------------------------------------------------------------------- */

struct guest {
    pid_t pid;
    char name[32], qmp[128], target[64];
};

/* Splits at spaces; "%d" in the text is the run's folder. */
static void add_args(char **argv, size_t *n, char *text)
{
    char *save = NULL;
    for (char *p = strtok_r(text, " ", &save); p && *n < MAX_ARGS; p = strtok_r(NULL, " ", &save))
        argv[(*n)++] = p;
    argv[*n] = NULL;
}

static void wait_for_monitor(const struct guest *g)
{
    struct diag d = {0};
    for (unsigned i = 0; i < 100; i++) {
        struct qmp q;
        int status;
        if (qmp_open(g->qmp, 2000, &d, &q) == ST_OK) {
            qmp_close(&q);
            return;
        }
        if (waitpid(g->pid, &status, WNOHANG) == g->pid)
            fail_msg("QEMU ended at once");
        usleep(20000);
    }
    fail_msg("QEMU does not answer: %s", d.text);
}

static void start(struct guest *g, const char *exe, const char *name, const char *args, ...)
    __attribute__((format(printf, 4, 5)));

static void start(struct guest *g, const char *exe, const char *name, const char *args, ...)
{
    static unsigned counter;
    char text[2048], common[512], *argv[MAX_ARGS + 1];
    size_t n = 0;
    va_list ap;
    va_start(ap, args);
    vsnprintf(text, sizeof text, args, ap);
    va_end(ap);
    *g = (struct guest){0};
    snprintf(g->name, sizeof g->name, "%s-%d", name, (int)getpid());
    snprintf(g->target, sizeof g->target, "%s", g->name);
    snprintf(g->qmp, sizeof g->qmp, "%s/qmp%u.sock", dir, counter++);
    snprintf(common, sizeof common,
             "%s -nodefaults -display none -name %s -qmp unix:%s,server=on,wait=off", exe, g->name,
             g->qmp);
    add_args(argv, &n, common);
    add_args(argv, &n, text);
    g->pid = fork();
    assert_true(g->pid >= 0);
    if (!g->pid) {
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(argv[0], argv);
        _exit(127);
    }
    for (size_t i = 0; i < ARRAY_LEN(running); i++) {
        if (!running[i]) {
            running[i] = g->pid;
            break;
        }
    }
    wait_for_monitor(g);
}

static void stop(struct guest *g)
{
    int status;
    kill(g->pid, SIGKILL);
    waitpid(g->pid, &status, 0);
    for (size_t i = 0; i < ARRAY_LEN(running); i++)
        if (running[i] == g->pid)
            running[i] = 0;
    unlink(g->qmp);
}

/* Guests that a failed test has left. */
static int stop_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(running); i++) {
        int status;
        if (!running[i])
            continue;
        kill(running[i], SIGKILL);
        waitpid(running[i], &status, 0);
        running[i] = 0;
    }
    return 0;
}

static void need(const char *exe)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null", exe);
    if (system(command)) {
        print_message("skipped: %s is not installed (Debian: qemu-system-x86, qemu-system-arm)\n",
                      exe);
        skip();
    }
}

static void open_target(const char *name, uint64_t flags, struct source *s)
{
    struct source_options o = {.flags = flags};
    struct diag d = {0};
    int st = qemu_source_kind.open(name, &o, &d, s);
    if (st != ST_OK)
        fail_msg("%s: %s", name, d.text);
}

static void close_source(struct source *s)
{
    phys_deinit(&s->phys);
    s->close(s->impl);
}

/* A command to the guest's monitor, and its answer as text where it is one. */
static void monitor(const struct guest *g, const char *line, char *answer, size_t size)
{
    struct qmp q;
    struct diag d = {0};
    const char *text;
    if (qmp_open(g->qmp, 2000, &d, &q) != ST_OK || qmp_human(&q, line, &d, &text) != ST_OK)
        fail_msg("%s", d.text);
    snprintf(answer, size, "%s", text);
    qmp_close(&q);
}

static void assert_status(const struct guest *g, const char *wanted)
{
    struct qmp q;
    struct diag d = {0};
    struct bytes reply;
    char status[32];
    assert_int_equal(qmp_open(g->qmp, 2000, &d, &q), ST_OK);
    assert_int_equal(qmp_execute(&q, "query-status", NULL, &d, &reply), ST_OK);
    assert_true(json_find_text(reply, "return.status", status, sizeof status));
    assert_string_equal(status, wanted);
    qmp_close(&q);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void assert_pattern(struct source *s, uint64_t at)
{
    uint8_t buf[PATTERN];
    assert_int_equal(phys_read(&s->phys, at, buf, sizeof buf, NULL), ST_OK);
    assert_memory_equal(buf, pattern, sizeof buf);
}

/* The same bytes as QEMU's own pmemsave. */
static void assert_as_saved(const struct guest *g, struct source *s, uint64_t at, size_t n)
{
    char path[128], arguments[256];
    uint8_t *ours = malloc(n), *theirs = malloc(n);
    struct qmp q;
    struct diag d = {0};
    struct bytes reply;
    snprintf(path, sizeof path, "%s/saved", dir);
    snprintf(arguments, sizeof arguments, "{\"val\":%llu,\"size\":%zu,\"filename\":\"%s\"}",
             (unsigned long long)at, n, path);
    assert_int_equal(qmp_open(g->qmp, 2000, &d, &q), ST_OK);
    if (qmp_execute(&q, "pmemsave", arguments, &d, &reply) != ST_OK)
        fail_msg("%s", d.text);
    qmp_close(&q);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, theirs, n), (ssize_t)n);
    close(fd);
    unlink(path);
    assert_int_equal(phys_read(&s->phys, at, ours, n, NULL), ST_OK);
    assert_memory_equal(ours, theirs, n);
    free(ours);
    free(theirs);
}

static void assert_word(struct source *s, uint64_t at, uint64_t wanted)
{
    uint64_t v = 0;
    assert_int_equal(phys_read(&s->phys, at, &v, sizeof v, NULL), ST_OK);
    assert_int_equal(v, wanted);
}

/* What we write is what QEMU sees. */
static void assert_writable(const struct guest *g, struct source *s, uint64_t at)
{
    uint64_t before, v = UINT64_C(0x1122334455667788);
    char line[64], answer[128];
    assert_int_equal(phys_read(&s->phys, at, &before, 8, NULL), ST_OK);
    assert_int_equal(phys_write(&s->phys, at, &v, 8, NULL), ST_OK);
    assert_word(s, at, v);
    snprintf(line, sizeof line, "xp /1xg 0x%llx", (unsigned long long)at);
    monitor(g, line, answer, sizeof answer);
    assert_non_null(strstr(answer, "0x1122334455667788"));
    assert_int_equal(phys_write(&s->phys, at, &before, 8, NULL), ST_OK);
}

/* One row: a guest, where its pattern lies, whether RAM is mapped. */
struct row {
    const char *exe, *name, *args;
    uint64_t at, high; /* high: a word that the loader put above 4 GiB, or 0 */
    bool mapped;
    enum guest_arch arch;
    unsigned vcpus;
    uint64_t end; /* of RAM, as both QMP and the inference must find it */
    bool inferable;
};

static const struct row rows[] = {
    {"qemu-system-x86_64", "anonymous", "-machine pc,accel=tcg -m 64", 0x100000, 0, false,
     ARCH_UNKNOWN, 1, 64 << 20, true},
    {"qemu-system-x86_64", "memfd-5g",
     "-machine q35,accel=tcg,memory-backend=r -m 5G -smp 2 "
     "-object memory-backend-memfd,id=r,share=on,size=5G",
     0x100000, 0x1bffff000, true, ARCH_UNKNOWN, 2, 0x1c0000000, true},
    {"qemu-system-x86_64", "anonymous-5g", "-machine pc,accel=tcg -m 5G", 0x7654000, 0x100000000,
     false, ARCH_UNKNOWN, 1, 0x180000000, true},
    {"qemu-system-x86_64", "file-shared",
     "-machine pc,accel=tcg,memory-backend=r -m 128 "
     "-object memory-backend-file,id=r,share=on,size=128M,mem-path=%s/ram1",
     0x2000000, 0, true, ARCH_UNKNOWN, 1, 128 << 20, true},
    {"qemu-system-x86_64", "file-private",
     "-machine pc,accel=tcg,memory-backend=r -m 128 "
     "-object memory-backend-file,id=r,share=off,size=128M,mem-path=%s/ram2",
     0x2000000, 0, false, ARCH_UNKNOWN, 1, 128 << 20, true},
    {"qemu-system-x86_64", "dev-shm",
     "-machine q35,accel=tcg,memory-backend=r -m 64 "
     "-object memory-backend-file,id=r,share=on,size=64M,mem-path=/dev/shm",
     0x100000, 0, true, ARCH_UNKNOWN, 1, 64 << 20, true},
    {"qemu-system-x86_64", "dimm",
     "-machine pc,accel=tcg -m 256M,slots=2,maxmem=2G "
     "-object memory-backend-memfd,id=m,size=256M,share=on -device pc-dimm,id=d,memdev=m",
     0x100000, 0x10ffff000, false, ARCH_UNKNOWN, 1, 0x110000000, false},
    {"qemu-system-x86_64", "numa",
     "-machine q35,accel=tcg -m 4G -smp 2,sockets=2 -object memory-backend-memfd,id=n0,size=1G "
     "-object memory-backend-ram,id=n1,size=3G -numa node,memdev=n0,cpus=0 -numa "
     "node,memdev=n1,cpus=1",
     0x3fffe000, 0x100000000, true, ARCH_UNKNOWN, 2, 0x180000000, true},
    {"qemu-system-aarch64", "arm", "-machine virt -cpu cortex-a57 -m 256", 0x48000000, 0, false,
     ARCH_ARM64, 1, 0x50000000, true},
    {"qemu-system-aarch64", "arm-memfd",
     "-machine virt,memory-backend=r -cpu cortex-a57 -m 5G "
     "-object memory-backend-memfd,id=r,size=5G",
     0x48000000, 0x17ffff000, true, ARCH_ARM64, 1, 0x180000000, true},
};

/* The end of the last range whose start is not in a PC's window for devices below 4 GiB. */
static uint64_t ram_end(const struct source *s)
{
    uint64_t end = 0;
    for (size_t i = 0; i < s->phys.nr; i++)
        if (s->phys.range[i].start < 0xe0000000 || s->phys.range[i].start >= (UINT64_C(1) << 32))
            end = s->phys.range[i].start + s->phys.range[i].len;
    return end;
}

static void check_source(const struct row *row, const struct guest *g, struct source *s)
{
    size_t avail;
    assert_pattern(s, row->at);
    assert_as_saved(g, s, row->at & ~0xfffULL, 64 << 10);
    assert_writable(g, s, row->at + 8);
    assert_int_equal(ram_end(s), row->end);
    const uint8_t *p = phys_ptr(&s->phys, row->at, &avail);
    assert_int_equal(p != NULL, row->mapped);
    if (p)
        assert_memory_equal(p, pattern, avail < PATTERN ? avail : PATTERN);
    if (row->high)
        assert_word(s, row->high, 0xfeedfacecafef00d);
    assert_int_equal(s->alive(s->impl), ST_OK);
}

/* Only what was touched is offered to scans. */
static void check_sparse(const struct row *row, struct source *s)
{
    uint64_t bytes = 0, end;
    bool seen = false;
    for (uint64_t at = 0; (at = phys_next_data(&s->phys, at, &end)) != UINT64_MAX; at = end) {
        assert_true(end > at);
        seen = seen || (at <= row->at && row->at < end);
        bytes += end - at;
    }
    assert_true(seen);
    if (strcmp(row->name, "file-private")) /* what is in the file cannot be told from what is not */
        assert_true(bytes < 64 << 20);
}

static void check_row(const struct row *row)
{
    struct guest g;
    struct source s = {0};
    char args[1024], high[128] = "";
    need(row->exe);
    snprintf(args, sizeof args, row->args, dir);
    if (row->high)
        snprintf(high, sizeof high, "-device loader,addr=0x%llx,data=0xfeedfacecafef00d,data-len=8",
                 (unsigned long long)row->high);
    start(&g, row->exe, row->name,
          "%s -S -device loader,addr=0x%llx,file=%s/pattern,force-raw=on %s", args,
          (unsigned long long)row->at, dir, high);

    open_target(g.target, 0, &s);
    assert_string_equal(s.kind, "qemu");
    assert_string_equal(s.name, g.name);
    assert_int_equal(s.id, (uint64_t)g.pid);
    assert_string_equal(s.layout_note, "");
    assert_int_equal(s.arch, row->arch);
    assert_int_equal(s.vcpu->count(s.impl), row->vcpus);
    check_sparse(row, &s);
    check_source(row, &g, &s);
    struct vcpu_regs r;
    assert_int_equal(s.vcpu->registers(s.impl, row->vcpus - 1, &r), ST_OK);
    assert_true(r.have & REGS_GENERAL);
    assert_int_equal(s.vcpu->registers(s.impl, row->vcpus, &r), ST_ABSENT);
    close_source(&s);

    if (row->inferable) {
        open_target(g.target, SOURCE_NO_QMP, &s);
        assert_non_null(strstr(s.layout_note, "inferred"));
        assert_int_equal(s.vcpu->count(s.impl), row->vcpus);
        check_source(row, &g, &s);
        close_source(&s);
    }
    stop(&g);
}

static void test_row(void **state)
{
    check_row(*state);
}

/* ---- who holds the monitor ------------------------------------------------------------------- */

static void test_monitor_taken(void **state)
{
    (void)state;
    struct guest g;
    struct qmp holder;
    struct diag d = {0};
    struct source s = {0};
    struct vcpu_regs r;
    need("qemu-system-x86_64");
    start(&g, "qemu-system-x86_64", "taken",
          "-machine pc,accel=tcg -m 64 -S -device loader,addr=0x100000,file=%s/pattern,"
          "force-raw=on",
          dir);
    assert_int_equal(qmp_open(g.qmp, 2000, &d, &holder), ST_OK);

    /* By name: inferred, and said so. */
    open_target(g.target, 0, &s);
    assert_non_null(strstr(s.layout_note, "another client holds QMP"));
    assert_non_null(strstr(s.layout_note, "i440fx, 64 MiB"));
    assert_pattern(&s, 0x100000);
    assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_BUSY);
    assert_non_null(strstr(s.story->text, "another client holds it"));
    assert_int_equal(s.vcpu->pause(s.impl), ST_BUSY);

    /* By its socket: refused, with what to do. */
    struct source t = {0};
    assert_int_equal(qemu_source_kind.open(g.qmp, NULL, &d, &t), ST_BUSY);
    assert_non_null(strstr(d.text, "second"));

    /* Given back, it works again. */
    qmp_close(&holder);
    assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_OK);
    close_source(&s);
    open_target(g.qmp, 0, &t);
    assert_string_equal(t.layout_note, "");
    close_source(&t);
    stop(&g);
}

/* A monitor on a second socket serves while the first is taken; and one that is defined by -mon and
 * -chardev. */
static void test_second_socket(void **state)
{
    (void)state;
    struct guest g;
    struct qmp holder;
    struct diag d = {0};
    struct source s = {0};
    need("qemu-system-x86_64");
    start(&g, "qemu-system-x86_64", "second",
          "-machine pc,accel=tcg -m 64 -S -mon chardev=c,mode=control,pretty=on "
          "-chardev socket,id=c,path=%s/second.sock,server=on,wait=off",
          dir);
    assert_int_equal(qmp_open(g.qmp, 2000, &d, &holder), ST_OK);
    open_target(g.target, 0, &s);
    assert_string_equal(s.layout_note, "");
    close_source(&s);
    qmp_close(&holder);
    stop(&g);
}

/* ---- pausing --------------------------------------------------------------------------------- */

static void test_pause(void **state)
{
    (void)state;
    struct guest g;
    struct source s = {0};
    struct vcpu_regs r;
    char answer[256];
    need("qemu-system-x86_64");
    start(&g, "qemu-system-x86_64", "pause",
          "-machine pc,accel=tcg -m 64 -qmp unix:%s/other.sock,server=on,wait=off", dir);
    struct guest other = g; /* the same guest through a socket that we leave alone */
    snprintf(other.qmp, sizeof other.qmp, "%s/other.sock", dir);
    open_target(g.qmp, 0, &s);
    assert_status(&other, "running");
    assert_int_equal(s.vcpu->pause(s.impl), ST_OK);
    assert_int_equal(s.vcpu->pause(s.impl), ST_OK);
    assert_status(&other, "paused");
    assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_OK);
    assert_int_equal(s.vcpu->resume(s.impl), ST_OK);
    assert_status(&other, "paused");
    assert_int_equal(s.vcpu->resume(s.impl), ST_OK);
    assert_status(&other, "running");
    assert_int_equal(s.vcpu->resume(s.impl), ST_INVALID);

    /* Closing resumes what we paused ... */
    assert_int_equal(s.vcpu->pause(s.impl), ST_OK);
    close_source(&s);
    assert_status(&other, "running");

    /* ... but not what somebody else did. */
    monitor(&other, "stop", answer, sizeof answer);
    open_target(g.qmp, 0, &s);
    assert_int_equal(s.vcpu->pause(s.impl), ST_OK);
    assert_int_equal(s.vcpu->resume(s.impl), ST_OK);
    close_source(&s);
    assert_status(&other, "paused");
    stop(&g);
}

/* ---- names, ends, rights --------------------------------------------------------------------- */

struct seen {
    pid_t a, b;
    unsigned found;
    char target[2][160], access[2][96], state[2][24];
};

static int see(const struct vmi_target *t, void *data)
{
    struct seen *s = data;
    unsigned i = t->id == s->a ? 0 : 1;
    if (t->id != s->a && t->id != s->b)
        return 0;
    s->found++;
    memcpy(s->target[i], t->target, sizeof t->target);
    memcpy(s->access[i], t->access, sizeof t->access);
    memcpy(s->state[i], t->state, sizeof t->state);
    assert_int_equal(t->memory, i ? 96 << 20 : 64 << 20);
    assert_int_equal(t->vcpus, i ? 3 : 1);
    return 0;
}

static void test_list(void **state)
{
    (void)state;
    struct guest a, b;
    struct diag d = {0};
    struct source s = {0};
    struct vmi_outcome outcome = {0};
    char pid[32];
    need("qemu-system-x86_64");
    start(&a, "qemu-system-x86_64", "twin", "-machine pc,accel=tcg -m 64 -S");
    start(&b, "qemu-system-x86_64", "twin",
          "-machine pc,accel=tcg,memory-backend=r -smp 3 -m 96 "
          "-object memory-backend-memfd,id=r,size=96M");
    struct seen seen = {.a = a.pid, .b = b.pid};
    assert_int_equal(qemu_source_kind.list(see, &seen, &outcome), ST_OK);
    assert_int_equal(seen.found, 2);
    assert_true(outcome.count >= 2);
    snprintf(pid, sizeof pid, "qemu:%d", (int)b.pid);
    assert_string_equal(seen.target[1], pid);
    assert_string_equal(seen.state[0], "prelaunch");
    assert_string_equal(seen.state[1], "running");
    assert_string_equal(seen.access[0], "anonymous, process_vm_readv");
    assert_string_equal(seen.access[1], "memfd, mapped");

    assert_int_equal(qemu_source_kind.open(a.target, NULL, &d, &s), ST_INVALID);
    assert_non_null(strstr(d.text, "2 guests have that name"));
    assert_non_null(strstr(d.text, pid));
    open_target(pid + 5, 0, &s);
    assert_int_equal(s.id, (uint64_t)b.pid);
    close_source(&s);
    stop(&a);
    open_target(b.target, 0, &s);
    close_source(&s);
    stop(&b);
    assert_int_equal(qemu_source_kind.open(b.target, NULL, &d, &s), ST_ABSENT);
}

static void test_guest_ends(void **state)
{
    (void)state;
    struct guest g;
    struct source s = {0};
    struct vcpu_regs r;
    char text[64], buf[16];
    need("qemu-system-x86_64");
    start(&g, "qemu-system-x86_64", "ends", "-machine pc,accel=tcg -m 64");
    snprintf(text, sizeof text, "the QEMU process %d ended", (int)g.pid);
    open_target(g.target, 0, &s);
    assert_int_equal(s.vcpu->pause(s.impl), ST_OK);
    stop(&g);
    assert_int_equal(phys_read(&s.phys, 0x1000, buf, sizeof buf, NULL), ST_IO);
    assert_string_equal(s.story->text, text);
    assert_int_equal(s.alive(s.impl), ST_IO);
    assert_int_equal(s.vcpu->registers(s.impl, 0, &r), ST_IO);
    assert_string_equal(s.story->text, text);
    close_source(&s);
}

static void test_stopped_by_signal(void **state)
{
    (void)state;
    struct guest g;
    struct source s = {0};
    need("qemu-system-x86_64");
    start(&g, "qemu-system-x86_64", "frozen",
          "-machine pc,accel=tcg -m 64 -S -device loader,addr=0x100000,file=%s/pattern,"
          "force-raw=on",
          dir);
    kill(g.pid, SIGSTOP);
    while (qemu_process_state(g.pid) != 'T')
        usleep(1000);
    open_target(g.target, 0, &s);
    assert_non_null(strstr(s.layout_note, "stopped by a signal"));
    assert_pattern(&s, 0x100000);
    close_source(&s);
    stop(&g);
}

static void test_denied(void **state)
{
    (void)state;
    struct guest g;
    int status;
    need("qemu-system-x86_64");
    if (geteuid()) {
        print_message("skipped: needs root, to become another user\n");
        skip();
    }
    start(&g, "qemu-system-x86_64", "denied", "-machine pc,accel=tcg -m 64 -S");
    pid_t child = fork();
    if (!child) {
        struct diag d = {0};
        struct source s;
        if (setgid(65534) || setuid(65534))
            _exit(3);
        int st = qemu_source_kind.open(g.target, NULL, &d, &s);
        _exit(st == ST_DENIED && strstr(d.text, "run as root or in QEMU's user") ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    stop(&g);
}

/* ---- the run --------------------------------------------------------------------------------- */

static int prepare(void **state)
{
    (void)state;
    char path[128];
    snprintf(dir, sizeof dir, "/tmp/tinyvmi-live-%d", (int)getpid());
    if (mkdir(dir, 0755))
        return -1;
    uint32_t x = 12345;
    for (size_t i = 0; i < PATTERN; i++) {
        x = x * 1664525 + 1013904223;
        pattern[i] = (uint8_t)(x >> 24);
    }
    snprintf(path, sizeof path, "%s/pattern", dir);
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    ssize_t n = fd >= 0 ? write(fd, pattern, PATTERN) : -1;
    close(fd);
    return n == PATTERN ? 0 : -1;
}

static int clean(void **state)
{
    (void)state;
    char path[512];
    DIR *d = opendir(dir);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        unlink(path);
    }
    closedir(d);
    return rmdir(dir);
}

int main(void)
{
    static const struct CMUnitTest plain[] = {
        {"monitor-taken", test_monitor_taken, NULL, stop_all, NULL},
        {"second-socket", test_second_socket, NULL, stop_all, NULL},
        {"pause", test_pause, NULL, stop_all, NULL},
        {"list", test_list, NULL, stop_all, NULL},
        {"guest-ends", test_guest_ends, NULL, stop_all, NULL},
        {"denied", test_denied, NULL, stop_all, NULL},
        {"stopped-by-signal", test_stopped_by_signal, NULL, stop_all, NULL},
    };
    struct CMUnitTest tests[ARRAY_LEN(plain) + ARRAY_LEN(rows)];
    memcpy(tests, plain, sizeof plain);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        tests[ARRAY_LEN(plain) + i] = (struct CMUnitTest){rows[i].name, test_row, NULL, stop_all,
                                                          (void *)(uintptr_t)&rows[i]};
    return _cmocka_run_group_tests("live QEMU", tests, ARRAY_LEN(tests), prepare, clean);
}

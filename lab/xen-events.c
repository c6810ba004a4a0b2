/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In a target of lab/xen, as "events": does something a known number of times, so that a monitor's
 * count can be compared with it. Prints "NAME COUNT", the number of times it was really done, and
 * what a test needs to tell these events from others ("pid 17", "rip 401234").
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <asm/ldt.h>
#include <ucontext.h>
#include <unistd.h>

/* Xen's public/xen.h and public/hvm/hvm_op.h */
#define HYPERVISOR_HVM_OP            34
#define HVMOP_GUEST_REQUEST_VM_EVENT 24
/* Linux's xen/privcmd.h, which needs headers of Xen's */
struct hypercall {
    uint64_t op;
    uint64_t arguments[5];
};
#define PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct hypercall))
#define EFLAGS_TF         0x100u
#define MSR_LSTAR         0xc0000082u /* AMD APM volume 2, 6.1.1; SDM volume 4 */

static volatile sig_atomic_t traps, wanted;

static void fail(const char *what)
{
    fprintf(stderr, "events: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    traps++;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    if (++traps >= wanted)
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(long)EFLAGS_TF;
}

static void catch_traps(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

    if (sigaction(SIGTRAP, &action, NULL))
        fail("sigaction");
}

/* Each function does it COUNT times and returns how often it was done. */

static long do_int3(long count, char **argv)
{
    extern const char int3_here[];

    (void)argv;
    catch_traps(on_trap);
    printf("rip %lx\n", (unsigned long)int3_here);
    for (long i = 0; i < count; i++)
        __asm__ volatile(".globl int3_here\nint3_here: int3" ::: "memory");
    return traps;
}

/* Debug exceptions: the trap flag is on for COUNT instructions. */
static long do_step(long count, char **argv)
{
    (void)argv;
    catch_traps(on_step);
    wanted = (int)count;
    if (!count)
        return 0;
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
    while (traps < wanted)
        __asm__ volatile("nop");
    return traps;
}

static long do_cpuid(long count, char **argv)
{
    unsigned a, b, c, d, leaf = *argv ? (unsigned)strtoul(*argv, NULL, 0) : 0x5ee0;

    for (long i = 0; i < count; i++)
        __cpuid(leaf, a, b, c, d);
    return count;
}

static long do_descriptor(long count, const char *which)
{
    unsigned char space[16];
    unsigned long selector;

    for (long i = 0; i < count; i++) {
        switch (which[1]) {
        case 'i':
            __asm__ volatile("sidt %0" : "=m"(space));
            break;
        case 'g':
            __asm__ volatile("sgdt %0" : "=m"(space));
            break;
        case 'l':
            __asm__ volatile("sldt %0" : "=r"(selector));
            break;
        default:
            __asm__ volatile("str %0" : "=r"(selector));
        }
    }
    return count;
}

static long do_sidt(long count, char **argv)
{
    (void)argv;
    return do_descriptor(count, "sidt");
}

static long do_sgdt(long count, char **argv)
{
    (void)argv;
    return do_descriptor(count, "sgdt");
}

static long do_sldt(long count, char **argv)
{
    (void)argv;
    return do_descriptor(count, "sldt");
}

static long do_str(long count, char **argv)
{
    (void)argv;
    return do_descriptor(count, "str");
}

/* The kernel loads a new table for each (arch/x86/kernel/ldt.c, install_ldt). */
static long do_lldt(long count, char **argv)
{
    struct user_desc entry = {
        .base_addr = 0, .limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1};
    long done = 0;

    (void)argv;
    for (long i = 0; i < count; i++) {
        entry.limit = 0xfff00u + (unsigned)(i & 0xff);
        done += !syscall(SYS_modify_ldt, 1, &entry, sizeof(entry));
    }
    return done;
}

/* Rewrites an MSR's own value: events msr COUNT [INDEX [VALUE]] */
static long do_msr(long count, char **argv)
{
    uint32_t index = *argv ? (uint32_t)strtoul(*argv, NULL, 0) : MSR_LSTAR;
    int fd = open("/dev/cpu/0/msr", O_RDWR);
    uint64_t value;
    long done = 0;

    if (fd < 0 || pread(fd, &value, sizeof(value), index) != sizeof(value))
        fail("/dev/cpu/0/msr");
    if (*argv && argv[1])
        value = strtoull(argv[1], NULL, 0);
    printf("value %llx\n", (unsigned long long)value);
    for (long i = 0; i < count; i++)
        done += pwrite(fd, &value, sizeof(value), index) == sizeof(value);
    return done;
}

/* CR4.TSD on and off: one write of CR4 each (arch/x86/kernel/process.c, set_tsc_mode). */
static long do_cr4(long count, char **argv)
{
    long done = 0;

    (void)argv;
    for (long i = 0; i < count; i++)
        done += !prctl(PR_SET_TSC, i & 1 ? PR_TSC_ENABLE : PR_TSC_SIGSEGV);
    prctl(PR_SET_TSC, PR_TSC_ENABLE);
    return done + (count & 1); /* it was left off: the write just now counts */
}

static void pin(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(0, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

/* Two processes on one CPU that wait for each other: COUNT rounds are 2 * COUNT switches of address
 * space. Also says how often the kernel says that they gave up the CPU. */
static long do_ctxsw(long count, char **argv)
{
    int there[2], back[2];
    char byte = 0;
    struct rusage ours, theirs;

    (void)argv;
    pin();
    if (pipe(there) || pipe(back))
        fail("pipe");
    pid_t child = fork();
    if (!child) {
        for (long i = 0; i < count; i++)
            if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
                _exit(1);
        _exit(0);
    }
    printf("pid %d\npid %d\n", (int)getpid(), (int)child);
    long done = 0;
    while (done < count && write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1)
        done++;
    waitpid(child, NULL, 0);
    getrusage(RUSAGE_SELF, &ours);
    getrusage(RUSAGE_CHILDREN, &theirs);
    printf("switches %ld\n", ours.ru_nvcsw + ours.ru_nivcsw + theirs.ru_nvcsw + theirs.ru_nivcsw);
    return done;
}

static long do_fork(long count, char **argv)
{
    long done = 0;
    int status;

    (void)argv;
    for (long i = 0; i < count; i++) {
        pid_t child = fork();
        if (!child)
            _exit(0);
        done += waitpid(child, &status, 0) == child;
    }
    return done;
}

static int is_amd(void)
{
    unsigned a, b = 0, c, d;

    __cpuid(0, a, b, c, d);
    return b == 0x68747541 /* Auth */ || b == 0x6f677948 /* Hygo */;
}

/* From user space: works when the monitor allowed that, and has no effect otherwise. */
static long do_request(long count, char **argv)
{
    int amd = is_amd();
    long done = 0, result;

    (void)argv;
    for (long i = 0; i < count; i++) {
        if (amd)
            __asm__ volatile("vmmcall"
                             : "=a"(result)
                             : "a"(HYPERVISOR_HVM_OP), "D"(HVMOP_GUEST_REQUEST_VM_EVENT), "S"(0)
                             : "memory");
        else
            __asm__ volatile("vmcall"
                             : "=a"(result)
                             : "a"(HYPERVISOR_HVM_OP), "D"(HVMOP_GUEST_REQUEST_VM_EVENT), "S"(0)
                             : "memory");
        done += !result;
    }
    return done;
}

/* From the kernel, which /dev/xen/privcmd asks to do it. */
static long do_krequest(long count, char **argv)
{
    struct hypercall call = {HYPERVISOR_HVM_OP, {HVMOP_GUEST_REQUEST_VM_EVENT}};
    int fd = open("/dev/xen/privcmd", O_RDWR);
    long done = 0;

    (void)argv;
    if (fd < 0)
        fail("/dev/xen/privcmd");
    for (long i = 0; i < count; i++)
        done += !ioctl(fd, PRIVCMD_HYPERCALL, &call);
    return done;
}

/* Writes to the diagnostic port, which nothing listens to. */
static long do_io(long count, char **argv)
{
    (void)argv;
    if (iopl(3))
        fail("iopl");
    for (long i = 0; i < count; i++)
        outb(0x5e, 0x80);
    return count;
}

static const struct {
    const char *name;
    long (*run)(long count, char **argv);
    const char *help;
} kinds[] = {
    {"int3", do_int3, "breakpoint instructions"},
    {"step", do_step, "debug exceptions by the trap flag"},
    {"cpuid", do_cpuid, "CPUID of [LEAF] (0x5ee0)"},
    {"sidt", do_sidt, "reads of IDTR"},
    {"sgdt", do_sgdt, "reads of GDTR"},
    {"sldt", do_sldt, "reads of LDTR"},
    {"str", do_str, "reads of TR"},
    {"lldt", do_lldt, "loads of LDTR, by the kernel"},
    {"msr", do_msr, "writes of MSR [INDEX [VALUE]] (LSTAR, its own value)"},
    {"cr4", do_cr4, "writes of CR4"},
    {"ctxsw", do_ctxsw, "rounds between two processes: twice as many switches"},
    {"fork", do_fork, "processes that end at once"},
    {"request", do_request, "guest requests from user space"},
    {"krequest", do_krequest, "guest requests from the kernel"},
    {"io", do_io, "writes to port 0x80"},
};

int main(int argc, char **argv)
{
    const size_t n = sizeof(kinds) / sizeof(kinds[0]);

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; argc >= 3 && i < n; i++) {
        if (!strcmp(argv[1], kinds[i].name)) {
            long done = kinds[i].run(strtol(argv[2], NULL, 0), argv + 3);
            printf("%s %ld\n", argv[1], done);
            return 0;
        }
    }
    fprintf(stderr, "usage: events KIND COUNT [ARGUMENT...]\n");
    for (size_t i = 0; i < n; i++)
        fprintf(stderr, "  %-9s %s\n", kinds[i].name, kinds[i].help);
    return 2;
}

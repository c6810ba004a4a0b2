/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The known state of a lab guest: one role a process, each chosen for something that an
 * introspector may get wrong. Every role is this program under the role's name (links in /lab), so
 * that comm, argv and exe are known. A role sets itself up, says ready() and sleeps for ever. PID 1
 * knows that all are ready when the last of them has closed the pipe READY_FD.
 */
#include "agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_FD = 200 };

static void ready(void)
{
    close(READY_FD);
}

__attribute__((noreturn)) static void sleep_for_ever(void)
{
    for (;;)
        pause();
}

static int need(int result, const char *what)
{
    if (result < 0)
        die("%s", what);
    return result;
}

pid_t state_spawn(const char *path, char *const argv[])
{
    pid_t pid = need(fork(), "fork");
    if (!pid) {
        execv(path, argv);
        die("exec %s", path);
    }
    return pid;
}

/* --- processes and threads --- */

static void *thread_body(void *name)
{
    prctl(PR_SET_NAME, name);
    pthread_barrier_t *barrier = *(pthread_barrier_t **)((char *)name + 16);
    pthread_barrier_wait(barrier);
    sleep_for_ever();
}

static void role_threads(int argc, char *argv[])
{
    (void)argc, (void)argv;
    static struct {
        char name[16];
        pthread_barrier_t *barrier;
    } workers[4];
    static pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 5);
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        snprintf(workers[i].name, sizeof(workers[i].name), "worker-%d", i);
        workers[i].barrier = &barrier;
        if (pthread_create(&thread, NULL, thread_body, &workers[i]))
            die("pthread_create");
    }
    pthread_barrier_wait(&barrier);
    ready();
    sleep_for_ever();
}

/* family DEPTH: two children a level, one of them with children of its own */
static void role_family(int argc, char *argv[])
{
    int depth = argc > 1 ? atoi(argv[1]) : 0;
    if (depth > 0) {
        char next[12], leaf[] = "0";
        snprintf(next, sizeof(next), "%d", depth - 1);
        state_spawn("/lab/family", (char *[]){"family", next, NULL});
        if (depth > 1)
            state_spawn("/lab/family", (char *[]){"family", leaf, NULL});
    }
    ready();
    sleep_for_ever();
}

/* user UID GID [EUID]: with supplementary groups, and with a saved and effective id of its own */
static void role_user(int argc, char *argv[])
{
    uid_t uid = atoi(argv[1]), euid = argc > 3 ? (uid_t)atoi(argv[3]) : uid;
    gid_t gid = atoi(argv[2]), groups[] = {gid, 4, 24};
    need(setgroups(3, groups), "setgroups");
    need(setresgid(gid, gid, gid), "setresgid");
    need(setresuid(uid, euid, uid), "setresuid");
    ready();
    sleep_for_ever();
}

static void role_zombie_parent(int argc, char *argv[])
{
    (void)argc, (void)argv;
    pid_t pid = state_spawn("/lab/zombie", (char *[]){"zombie", NULL});
    siginfo_t info;
    need(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), "waitid"); /* dead, and left unreaped */
    ready();
    sleep_for_ever();
}

static void role_zombie(int argc, char *argv[])
{
    (void)argc, (void)argv;
    _exit(3);
}

static void role_stopped(int argc, char *argv[])
{
    (void)argc, (void)argv;
    ready();
    raise(SIGSTOP);
    sleep_for_ever();
}

/* The parent of a vfork child waits in an uninterruptible state (D) until the child executes or
 * ends. */
static void role_vforker(int argc, char *argv[])
{
    (void)argc, (void)argv;
    ready(); /* before: the parent runs no more */
    if (!vfork()) {
        for (;;)
            pause();
    }
}

/* Names and arguments that a careless parser splits in the wrong place. */
static void role_odd(int argc, char *argv[])
{
    (void)argc, (void)argv;
    prctl(PR_SET_NAME, "o) R 1 (\xc3\xa9\n");
    ready();
    sleep_for_ever();
}

/* A process that has exited all but its second thread: the leader is a zombie with a living thread.
 */
static void *outlive(void *unused)
{
    (void)unused;
    prctl(PR_SET_NAME, "survivor");
    usleep(300000); /* the leader is gone by then */
    ready();
    sleep_for_ever();
}

static void role_leaderless(int argc, char *argv[])
{
    (void)argc, (void)argv;
    pthread_t thread;
    if (pthread_create(&thread, NULL, outlive, NULL))
        die("pthread_create");
    pthread_exit(NULL);
}

/* Another pid, mount, UTS and network namespace: pids, host name and sockets there are not the
 * machine's. */
static void role_namespace(int argc, char *argv[])
{
    if (argc > 1 && !strcmp(argv[1], "inner")) {
        int fd = need(socket(AF_INET, SOCK_STREAM, 0), "socket");
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9999)};
        need(bind(fd, (void *)&address, sizeof(address)), "bind");
        need(listen(fd, 1), "listen");
        need(sethostname("inner-host", 10), "sethostname");
        ready();
        sleep_for_ever();
    }
    need(unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET), "unshare");
    state_spawn("/lab/namespace", (char *[]){"namespace", "inner", NULL});
    ready();
    sleep_for_ever();
}

/* --- memory --- */

static void role_memory(int argc, char *argv[])
{
    (void)argc, (void)argv;
    static const char mark[] = "TINYVMI-LAB-MARK ";
    const size_t page = sysconf(_SC_PAGESIZE);

    char *anonymous =
        mmap(NULL, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *guard = mmap(NULL, 8 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int file = need(open("/data/known-file", O_RDWR | O_CLOEXEC), "/data/known-file");
    char *file_private = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 2 * page);
    char *file_shared = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    char *code = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, page);
    int memfd = need(memfd_create("known-memfd", MFD_CLOEXEC), "memfd_create");
    need(ftruncate(memfd, 2 * page), "ftruncate");
    char *mem = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    /* Room for one aligned 2 MiB page, which the kernel gives if it can
     * (CONFIG_TRANSPARENT_HUGEPAGE): a large leaf in a user page table. */
    const size_t huge = 2 << 20;
    char *room = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (anonymous == MAP_FAILED || shared == MAP_FAILED || guard == MAP_FAILED ||
        file_private == MAP_FAILED || file_shared == MAP_FAILED || code == MAP_FAILED ||
        mem == MAP_FAILED || room == MAP_FAILED)
        die("mmap");
    char *aligned = (char *)(((size_t)room + huge - 1) & ~(huge - 1));
    madvise(aligned, huge, MADV_HUGEPAGE);
    for (size_t i = 0; i < huge; i += page)
        snprintf(aligned + i, page, "%shuge %zu", mark, i / page);
    for (int i = 0; i < 8; i++) /* the other half stays absent */
        snprintf(anonymous + i * page, page, "%sanonymous %d", mark, i);
    snprintf(shared, page, "%sshared", mark);
    snprintf(mem, page, "%smemfd", mark);
    snprintf(file_private, page, "%sprivate copy", mark);
    volatile char touched = file_shared[0] + code[0];
    (void)touched;

    FILE *f =
        fopen("/run/memory-addresses",
              "we"); /* what lies where, for a test that reads it back: truth/memory-addresses */
    if (!f)
        die("/run/memory-addresses");
    fprintf(f,
            "pid %d\nanonymous %#zx\nshared %#zx\nguard %#zx\nfile-private %#zx\nfile-shared "
            "%#zx\ncode %#zx\nmemfd %#zx\nhuge %#zx\n",
            (int)getpid(), (size_t)anonymous, (size_t)shared, (size_t)guard, (size_t)file_private,
            (size_t)file_shared, (size_t)code, (size_t)mem, (size_t)aligned);
    fclose(f);
    ready();
    sleep_for_ever();
}

/* --- files --- */

static void role_files(int argc, char *argv[])
{
    (void)argc, (void)argv;
    int fd = need(open("/data/known-file", O_RDONLY), "/data/known-file");
    need(lseek(fd, 4096, SEEK_SET) < 0 ? -1 : 0, "lseek");
    need(open("/dev/null", O_RDWR), "/dev/null");
    int append =
        need(open("/mnt/tmpfs/append.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640),
             "append.log");
    need(write(append, "twelve bytes", 12), "write");
    need(open("/mnt/bind/known-file", O_RDONLY), "file under a bind mount");
    need(open("/mnt/with space/a b\nc\\d", O_RDWR | O_CREAT, 0600), "odd name");
    need(open("/data", O_RDONLY | O_DIRECTORY), "/data");
    need(open("/data/known-file", O_PATH), "O_PATH");
    need(open("/proc/self/stat", O_RDONLY), "proc file");
    need(open("/run/deleted", O_RDWR | O_CREAT, 0600), "/run/deleted");
    unlink("/run/deleted");
    int ends[2], pair[2];
    need(pipe2(ends, O_NONBLOCK), "pipe");
    need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
    need(eventfd(7, 0), "eventfd");
    int poll = need(epoll_create1(0), "epoll");
    need(epoll_ctl(poll, EPOLL_CTL_ADD, ends[0], &(struct epoll_event){.events = EPOLLIN}),
         "epoll_ctl");
    need(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    need(signalfd(-1, &set, 0), "signalfd");
    int watch = need(inotify_init1(0), "inotify");
    need(inotify_add_watch(watch, "/data", IN_DELETE_SELF), "inotify_add_watch");
    need(memfd_create("files-memfd", 0), "memfd");
    need(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "netlink");
    need(dup2(fd, 150),
         "dup2"); /* beyond the table of 64 that a process starts with; shares the offset */
    ready();
    sleep_for_ever();
}

/* --- sockets --- */

static int bound(int family, int type, const char *ip, int port)
{
    int fd = need(socket(family, type, 0), "socket"), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (family == AF_INET) {
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
        inet_pton(AF_INET, ip, &a.sin_addr);
        need(bind(fd, (void *)&a, sizeof(a)), "bind");
    } else {
        struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
        inet_pton(AF_INET6, ip, &a.sin6_addr);
        need(bind(fd, (void *)&a, sizeof(a)), "bind");
    }
    return fd;
}

static void join(int fd, int to)
{
    struct sockaddr_storage a;
    socklen_t length = sizeof(a);
    need(getsockname(to, (void *)&a, &length), "getsockname");
    need(connect(fd, (void *)&a, length), "connect");
}

static void established(int family, const char *ip, int server_port, int client_port)
{
    int server = bound(family, SOCK_STREAM, ip, server_port);
    need(listen(server, 5), "listen");
    int client = bound(family, SOCK_STREAM, ip, client_port);
    join(client, server);
    need(accept(server, NULL, NULL), "accept");
}

static int unix_bound(int type, const char *name, size_t length)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, name, length);
    int fd = need(socket(AF_UNIX, type, 0), "socket");
    need(bind(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + length), "bind unix");
    return fd;
}

static void role_sockets(int argc, char *argv[])
{
    (void)argc, (void)argv;
    need(listen(bound(AF_INET, SOCK_STREAM, "0.0.0.0", 2222), 128), "listen");
    need(listen(bound(AF_INET6, SOCK_STREAM, "::", 2223), 128), "listen");
    established(AF_INET, "127.0.0.1", 8080, 40000);
    established(AF_INET6, "::1", 8086, 40006);
    bound(AF_INET, SOCK_DGRAM, "0.0.0.0", 5353);
    join(bound(AF_INET, SOCK_DGRAM, "127.0.0.1", 5000),
         bound(AF_INET, SOCK_DGRAM, "127.0.0.1", 5001));
    bound(AF_INET6, SOCK_DGRAM, "::1", 5356);
    int raw = need(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), "raw");
    (void)raw;

    static const char named[] = "/run/known.sock", packets[] = "/run/known.dgram";
    int server = unix_bound(SOCK_STREAM, named, sizeof(named));
    need(listen(server, 5), "listen");
    int client = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    join(client, server);
    need(accept(server, NULL, NULL), "accept");
    unix_bound(SOCK_DGRAM, packets, sizeof(packets));
    int abstract = unix_bound(SOCK_STREAM, "\0known-abstract", 15);
    need(listen(abstract, 5), "listen");
    unix_bound(SOCK_SEQPACKET, "\0zero\0inside", 12);
    ready();
    sleep_for_ever();
}

/* --- all of them --- */

static const struct {
    const char *name;
    void (*run)(int argc, char *argv[]);
} roles[] = {
    {"threads", role_threads},
    {"family", role_family},
    {"user", role_user},
    {"zombie-parent", role_zombie_parent},
    {"zombie", role_zombie},
    {"stopped", role_stopped},
    {"vforker", role_vforker},
    {"odd", role_odd},
    {"leaderless", role_leaderless},
    {"namespace", role_namespace},
    {"memory", role_memory},
    {"files", role_files},
    {"sockets", role_sockets},
};

void state_run_role(int argc, char *argv[])
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash ? slash + 1 : argv[0];
    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
        if (!strcmp(roles[i].name, name)) {
            roles[i].run(argc, argv);
            exit(0);
        }
    }
}

static void log_known_lines(void)
{
    static const char *const lines[] = {
        "<6>tinyvmi-lab: an information line\n",
        "<4>tinyvmi-lab: a warning; \xc3\xa9\xe2\x82\xac in UTF-8, a tab\there and a backslash \\ "
        "too\n",
        "<11>tinyvmi-lab: an error of facility user\n",
    };
    int fd = need(open("/dev/kmsg", O_WRONLY | O_CLOEXEC), "/dev/kmsg");
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        need(write(fd, lines[i], strlen(lines[i])), "kmsg");
    char many[800];
    int n = snprintf(many, sizeof(many), "<5>tinyvmi-lab: a long line ");
    memset(many + n, 'x', sizeof(many) - n - 1);
    many[sizeof(many) - 1] = '\n';
    need(write(fd, many, sizeof(many)), "kmsg");
    need(write(fd, "<5>tinyvmi-lab: first of two\nsecond of two\n", 43), "kmsg");
    close(fd);
}

void state_start(void)
{
    int ends[2];
    need(pipe(ends), "pipe");
    need(fcntl(ends[0], F_SETFD, FD_CLOEXEC), "fcntl");
    need(dup2(ends[1], READY_FD), "dup2");
    close(ends[1]);

    static char long_argument[6000];
    memset(long_argument, 'L', sizeof(long_argument) - 1);
    static char *const starts[][6] = {
        {"threads", NULL},
        {"family", "3", NULL},
        {"user", "1000", "1000", NULL},
        {"user", "33", "33", NULL},
        {"user", "65534", "65534", NULL},
        {"user", "1001", "100", "1002", NULL},
        {"zombie-parent", NULL},
        {"stopped", NULL},
        {"vforker", NULL},
        {"odd", "", "two words", "line\nbreak", "\xc3\xa9", NULL},
        {"odd", long_argument, NULL},
        {"leaderless", NULL},
        {"namespace", NULL},
        {"memory", "--known", "argument=1", NULL},
        {"files", NULL},
        {"sockets", NULL},
    };
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
        char path[40];
        snprintf(path, sizeof(path), "/lab/%s", starts[i][0]);
        state_spawn(path, starts[i]);
    }
    close(READY_FD);
    char byte;
    while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
        ;
    close(ends[0]);
    siginfo_t info = {.si_pid = 0};
    if (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid)
        die("a role ended (pid %d, status %d)", (int)info.si_pid, info.si_status);

    static char *const sleeps[][4] = {
        {"sleep", "100000", NULL}, {"sleep", "200000", NULL}, {"sleep", "300000", NULL}};
    for (size_t i = 0; i < sizeof(sleeps) / sizeof(*sleeps); i++)
        state_spawn("/bin/sleep", sleeps[i]);
    state_spawn("/bin/sh", (char *[]){"sh", "-c", "sleep 400000; true", NULL});
    log_known_lines();
    usleep(700000); /* let the last exec and the kernel's own helpers come to rest */
}

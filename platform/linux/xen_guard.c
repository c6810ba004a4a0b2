/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
/*
 * What outlives a monitor: claims, which end with the process that made them, and its guard, a
 * process that cleans up after it.
 *
 * The guard is a child of init's in a session of its own, so that what kills the monitor and its
 * process group leaves it alone, and the program gets no SIGCHLD that it does not expect. It waits
 * for a pipe of the monitor's to be closed; other children of the program may hold that open, so it
 * watches the process itself, too, where the kernel can (pidfd_open, Linux 5.3).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../xen.h"

void plat_xen_relax(void)
{
    __asm__ volatile("" ::: "memory");
}

/* ---- claims ---------------------------------------------------------------------------------- */

#define CLAIMS "/run/tinyvmi"

static void comm_of(pid_t pid, char *ret, size_t size)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *f = fopen(path, "re");
    snprintf(ret, size, "a program");
    if (!f)
        return;
    if (fgets(ret, (int)size, f))
        ret[strcspn(ret, "\n")] = '\0';
    fclose(f);
}

static pid_t read_owner(int fd)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static void name_owner(int fd, char *owner, size_t size)
{
    char comm[32];
    pid_t pid = read_owner(fd);
    comm_of(pid, comm, sizeof comm);
    if (pid > 0)
        snprintf(owner, size, "%s, process %d", comm, (int)pid);
    else
        snprintf(owner, size, "a process that has just begun");
}

/* The owner has died, but its guard is still at work: that takes some milliseconds. */
static bool lock_soon(int fd)
{
    for (unsigned i = 0; i < 300; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        pid_t pid = read_owner(fd);
        if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return false;
}

int plat_xen_claim(const char *name, char *owner, size_t size, int *ret)
{
    char path[80], text[32];
    *ret = -1;
    if (mkdir(CLAIMS, 0755) && errno != EEXIST)
        return -errno;
    snprintf(path, sizeof path, CLAIMS "/%s", name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    if (!lock_soon(fd)) {
        name_owner(fd, owner, size);
        close(fd);
        return -EBUSY;
    }
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n) {
        /* The lock holds without a name, too. */
    }
    *ret = fd;
    return 0;
}

void plat_xen_unclaim(int claim)
{
    if (claim < 0)
        return;
    if (ftruncate(claim, 0)) {
        /* An old number in a file that nobody has locked misleads nobody. */
    }
    close(claim);
}

/* ---- the guard ------------------------------------------------------------------------------- */

struct plat_guard {
    int pipe; /* its writing end; a byte means: all is well */
    pid_t pid;
};

static void close_all_but(int a, int b, int c)
{
    DIR *d = opendir("/proc/self/fd");
    if (!d) {
        for (int fd = 0; fd < 1024; fd++)
            if (fd != a && fd != b && fd != c)
                close(fd);
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        int fd = atoi(e->d_name);
        if (e->d_name[0] != '.' && fd != a && fd != b && fd != c && fd != dirfd(d))
            close(fd);
    }
    closedir(d);
}

/* True: the monitor has ended without a word. */
static bool wait_for_end(int pipe, int process)
{
    struct pollfd p[2] = {{.fd = pipe, .events = POLLIN}, {.fd = process, .events = POLLIN}};
    for (;;) {
        char byte;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return true;
        if (p[0].revents)
            return read(pipe, &byte, 1) <= 0;
        if (p[1].revents) { /* the last word may have come with the end */
            struct pollfd last = {.fd = pipe, .events = POLLIN};
            return poll(&last, 1, 0) <= 0 || read(pipe, &byte, 1) <= 0;
        }
    }
}

static void reset_signals(void)
{
    sigset_t none;
    for (int s = 1; s < NSIG; s++)
        signal(s, s == SIGINT || s == SIGHUP || s == SIGTERM || s == SIGPIPE ? SIG_IGN : SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

struct start {
    int (*ready)(void *data);
    void (*orphaned)(void *data);
    void *data;
    int claim;
    pid_t monitor;
};

static void guard_main(const struct start *s, int pipe, int answer)
{
    setsid();
    reset_signals();
    prctl(PR_SET_NAME, "tinyvmi-guard");
    close_all_but(pipe, answer, s->claim);
    int process = (int)syscall(SYS_pidfd_open, s->monitor, 0);
    if (chdir("/")) {
        /* A file system that cannot be unmounted is no reason to leave a guest alone. */
    }
    int status = s->ready(s->data);
    pid_t self = getpid();
    if (write(answer, &status, sizeof status) != sizeof status ||
        write(answer, &self, sizeof self) != sizeof self || status)
        _exit(1);
    close(answer);
    if (wait_for_end(pipe, process))
        s->orphaned(s->data);
    _exit(0);
}

/* The child of a child: init's. fork(), not a bare clone: the program may have threads. */
static void fork_guard(const struct start *s, int pipe, int answer)
{
    pid_t first = fork();
    if (first == 0) {
        if (fork() == 0)
            guard_main(s, pipe, answer);
        _exit(0);
    }
    while (first > 0 && waitpid(first, NULL, 0) < 0 && errno == EINTR) {}
}

enum { READY_MS = 10000 };

static bool read_all(int fd, void *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        struct pollfd f = {.fd = fd, .events = POLLIN};
        int ready = poll(&f, 1, READY_MS);
        if (ready == 0 || (ready < 0 && errno != EINTR))
            return false;
        ssize_t v = ready > 0 ? read(fd, (char *)p + at, n - at) : -1;
        if (v < 0 && errno == EINTR)
            continue;
        if (v <= 0)
            return false;
        at += (size_t)v;
    }
    return true;
}

int plat_xen_guard(int claim, int (*ready)(void *data), void (*orphaned)(void *data), void *data,
                   struct plat_guard **ret)
{
    const struct start s = {ready, orphaned, data, claim, getpid()};
    struct plat_guard *g = calloc(1, sizeof *g);
    int word[2] = {-1, -1}, answer[2] = {-1, -1}, status = -ENODEV;
    if (!g || pipe2(word, O_CLOEXEC) || pipe2(answer, O_CLOEXEC)) {
        status = -errno;
        goto out;
    }
    fork_guard(&s, word[0], answer[1]);
    close(answer[1]);
    answer[1] = -1;
    if (!read_all(answer[0], &status, sizeof status) ||
        !read_all(answer[0], &g->pid, sizeof g->pid))
        status = status ? status : -EIO;
    if (!status) {
        g->pipe = word[1];
        word[1] = -1;
        *ret = g;
        g = NULL;
    }
out:
    for (unsigned i = 0; i < 2; i++) {
        if (word[i] >= 0)
            close(word[i]);
        if (answer[i] >= 0)
            close(answer[i]);
    }
    free(g);
    return status;
}

void *plat_xen_shared(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void plat_xen_shared_free(void *p, size_t bytes)
{
    if (p)
        munmap(p, bytes);
}

void plat_xen_guard_end(struct plat_guard *g)
{
    if (!g)
        return;
    if (write(g->pipe, "", 1) != 1) {
        /* Killed: there is nothing left that it could do wrong. */
    }
    close(g->pipe);
    free(g);
}

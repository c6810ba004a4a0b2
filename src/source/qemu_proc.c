/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
/* QEMU processes of this machine, as /proc tells them (proc(5)). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/qemu.h"

enum { CMDLINE_MAX = 1 << 20, UNIX_TABLE_MAX = 8 << 20 };

char *qemu_slurp(const char *path, size_t max, size_t *n)
{
    size_t have = 0, cap = 16384;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *buf = fd >= 0 ? malloc(cap) : NULL;
    while (buf) {
        ssize_t got = read(fd, buf + have, cap - have - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int error = errno;
            free(buf);
            buf = NULL;
            errno = error;
            break;
        }
        have += (size_t)got;
        if (!got || have >= max)
            break;
        if (cap - have < 4096) {
            char *p = realloc(buf, cap * 2);
            if (!p)
                break; /* cut: what is there is still valid */
            buf = p;
            cap *= 2;
        }
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    if (!buf)
        return NULL;
    buf[have] = '\0';
    *n = have;
    return buf;
}

char qemu_process_state(int pid)
{
    char path[64], state = 0;
    size_t n;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    char *stat = qemu_slurp(path, 4096, &n);
    const char *p = stat ? strrchr(stat, ')') : NULL; /* comm may hold anything */
    if (p && p[1] == ' ')
        state = p[2];
    free(stat);
    return state == 'Z' || state == 'X' ? 0 : state;
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_qemu_name(const char *name)
{
    return !strncmp(name, "qemu-system-", 12) || !strcmp(name, "qemu-kvm") ||
           !strcmp(name, "kvm") || !strcmp(name, "qemu");
}

/* Name of the program: of the executable, or of argv[0] when that link cannot be read (another
 * user's process). */
static bool read_exe(int pid, const char *argv0, char *ret, size_t size)
{
    char path[64], target[4096];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n > 0) {
        target[n] = '\0';
        char *gone = strstr(target, " (deleted)"); /* upgraded while it runs */
        if (gone)
            *gone = '\0';
        if (is_qemu_name(last_component(target)))
            return (size_t)snprintf(ret, size, "%s", last_component(target)) < size;
        /* Started by a wrapper (ld.so, valgrind): the arguments decide. */
    }
    return (size_t)snprintf(ret, size, "%s", last_component(argv0)) < size && is_qemu_name(ret);
}

int qemu_process_read(int pid, struct qemu_process *ret)
{
    char path[64], exe[64];
    size_t n;
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d", pid);
    if (pid <= 0 || stat(path, &st))
        return ST_ABSENT;
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    char *cmdline = qemu_slurp(path, CMDLINE_MAX, &n);
    if (!cmdline)
        return ST_ABSENT;
    int code = ST_ABSENT;
    if (n && read_exe(pid, cmdline, exe, sizeof exe) && qemu_process_state(pid)) {
        ret->pid = pid;
        ret->uid = st.st_uid;
        memcpy(ret->exe, exe, sizeof exe);
        qemu_cmdline_parse((struct bytes){(const uint8_t *)cmdline, n}, &ret->args);
        code = ST_OK;
    }
    free(cmdline);
    return code;
}

static int compare_pids(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static int *all_pids(size_t *nr)
{
    DIR *dir = opendir("/proc");
    int *pids = NULL;
    size_t n = 0, cap = 0;
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9')
            continue;
        if (n == cap) {
            cap = cap ? cap * 2 : 512;
            int *p = realloc(pids, cap * sizeof *p);
            if (!p)
                break;
            pids = p;
        }
        pids[n++] = atoi(e->d_name);
    }
    if (dir)
        closedir(dir);
    if (n)
        qsort(pids, n, sizeof *pids, compare_pids);
    *nr = n;
    return pids;
}

void qemu_each_process(int (*visit)(const struct qemu_process *p, void *arg), void *arg)
{
    size_t nr;
    int *pids = all_pids(&nr);
    struct qemu_process *p = malloc(sizeof *p);
    for (size_t i = 0; p && i < nr; i++)
        if (qemu_process_read(pids[i], p) == ST_OK && visit(p, arg))
            break;
    free(p);
    free(pids);
}

/* ---- sockets --------------------------------------------------------------------------------- */

/* Path to which the socket with this inode is bound, from /proc/net/unix of the process' network
 * namespace. */
static bool bound_path(int pid, unsigned long inode, char *ret, size_t size)
{
    char file[64];
    size_t n;
    bool found = false;
    snprintf(file, sizeof file, "/proc/%d/net/unix", pid);
    char *table = qemu_slurp(file, UNIX_TABLE_MAX, &n), *save = NULL;
    for (char *line = table ? strtok_r(table, "\n", &save) : NULL; line && !found;
         line = strtok_r(NULL, "\n", &save)) {
        unsigned long ino;
        int at = 0;
        if (sscanf(line, "%*s %*s %*s %*s %*s %*s %lu %n", &ino, &at) == 1 && ino == inode && at &&
            line[at] == '/') {
            snprintf(ret, size, "%s", line + at);
            found = true;
        }
    }
    free(table);
    return found;
}

static bool fd_socket_path(int pid, const char *fd, char *ret, size_t size)
{
    char path[128], link[64];
    unsigned long inode;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, atoi(fd));
    ssize_t n = readlink(path, link, sizeof link - 1);
    if (n <= 0)
        return false;
    link[n] = '\0';
    return sscanf(link, "socket:[%lu]", &inode) == 1 && bound_path(pid, inode, ret, size);
}

bool qemu_socket_address(const struct qemu_process *p, unsigned i, char *ret, size_t size)
{
    char path[256], cwd[256] = "", link[64];
    const char *text = p->args.socket[i];
    int n;
    if (!strncmp(text, "tcp:", 4))
        return (size_t)snprintf(ret, size, "%s", text) < size;
    if (!strncmp(text, "fd:", 3)) {
        if (!fd_socket_path(p->pid, text + 3, path, sizeof path))
            return false;
        text = path;
    }
    struct stat st;
    if (text[0] == '/' && !stat(text, &st) && S_ISSOCK(st.st_mode))
        return (size_t)snprintf(ret, size, "%s", text) < size;
    if (text[0] != '/') { /* relative to where QEMU was started, which it leaves only when it runs
                             as a daemon */
        snprintf(link, sizeof link, "/proc/%d/cwd", p->pid);
        ssize_t got = readlink(link, cwd, sizeof cwd - 2);
        if (got <= 0)
            return false;
        cwd[got] = '/';
        cwd[got + 1] = '\0';
        n = snprintf(ret, size, "%s%s", cwd, text);
        if (n > 0 && (size_t)n < size && !stat(ret, &st))
            return true;
    }
    /* In another mount namespace, as libvirt makes them. */
    n = snprintf(ret, size, "/proc/%d/root%s%s", p->pid, cwd, text);
    return n > 0 && (size_t)n < size;
}

struct socket_search {
    struct stat socket;
    struct qemu_process *found;
    bool done;
};

static int serves_socket(const struct qemu_process *p, void *arg)
{
    struct socket_search *s = arg;
    char path[256];
    struct stat st;
    for (unsigned i = 0; i < p->args.nr_sockets && !s->done; i++) {
        if (qemu_socket_address(p, i, path, sizeof path) && !stat(path, &st) &&
            st.st_ino == s->socket.st_ino && st.st_dev == s->socket.st_dev) {
            *s->found = *p;
            s->done = true;
        }
    }
    return s->done;
}

/* Who called listen() on it: QEMU itself, except where a manager made the socket (libvirt). */
static int listener_of(const char *path, struct diag *d, struct qemu_process *ret)
{
    struct qmp q;
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    int st = qmp_open(path, QMP_GREETING_MS, d, &q);
    if (st != ST_OK)
        return st;
    if (getsockopt(q.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
        peer.pid = 0;
    qmp_close(&q);
    if (qemu_process_read(peer.pid, ret) != ST_OK)
        return diag_fail(d, ST_ABSENT,
                         "%s: its server, process %d, is no QEMU that can be seen from here", path,
                         (int)peer.pid);
    return ST_OK;
}

int qemu_process_of_socket(const char *path, struct diag *d, struct qemu_process *ret)
{
    struct socket_search s = {.found = ret};
    if (stat(path, &s.socket))
        return diag_fail(d, errno == EACCES ? ST_DENIED : ST_ABSENT, "%s: %s", path,
                         strerror(errno));
    if (!S_ISSOCK(s.socket.st_mode))
        return diag_fail(d, ST_INVALID, "%s is no socket", path);
    qemu_each_process(serves_socket, &s);
    return s.done ? ST_OK : listener_of(path, d, ret);
}

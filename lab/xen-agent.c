/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In a target of lab/xen: connects the console with lab/agent, which wants a virtio port that no
 * Xen domain has, and obeys dom0 (lab/xen-target.c).
 *
 * It makes a pseudo terminal and links the port's name to it, then serves lines from the console:
 *
 *     ID agent COMMAND     handed to the agent
 *     ID run COMMAND       run by the shell: what it prints, and its status
 *     ID get FILE          the file's bytes
 */
#include "xen-link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <xen/gntalloc.h>

#define CONSOLE          "/dev/hvc0"
#define PORT_FOLDER      "/dev/virtio-ports"
#define PORT             PORT_FOLDER "/tinyvmi.control"
#define GRANTS           "/dev/xen/gntalloc"
#define AGENT_TIMEOUT_MS 30000
#define COMMAND_SECONDS  300 /* a command that hangs does not hold up the next one for ever */
#define LINE_SIZE        4096

struct out {
    struct link *link;
    unsigned char *data;
    uint32_t id;
};

static void fail(const char *what)
{
    fprintf(stderr, "xen-agent: %s: %s\nFAILED\n", what, strerror(errno));
    exit(1);
}

static int open_raw(const char *path)
{
    struct termios settings;
    int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 || tcgetattr(fd, &settings))
        fail(path);
    cfmakeraw(&settings);
    if (tcsetattr(fd, TCSANOW, &settings))
        fail(path);
    return fd;
}

/* The agent's port; the slave stays open so that the master never reads an end of file. */
static int make_port(void)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (master < 0 || grantpt(master) || unlockpt(master))
        fail("/dev/ptmx");
    open_raw(ptsname(master));
    if ((mkdir(PORT_FOLDER, 0755) && errno != EEXIST) || symlink(ptsname(master), PORT))
        fail(PORT);
    return master;
}

/* Pages that dom0 may map, and the reference of the first, which tells the others. */
static uint32_t make_link(struct out *out)
{
    union {
        struct ioctl_gntalloc_alloc_gref ask;
        uint32_t space[sizeof(struct ioctl_gntalloc_alloc_gref) / 4 + LINK_DATA_PAGES];
    } grants = {.ask = {.flags = GNTALLOC_FLAG_WRITABLE, .count = LINK_DATA_PAGES + 1}};
    int fd = open(GRANTS, O_RDWR | O_CLOEXEC);

    if (fd < 0 || ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &grants.ask))
        fail(GRANTS);
    unsigned char *pages = mmap(NULL, LINK_DATA + LINK_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                                (off_t)grants.ask.index);
    if (pages == MAP_FAILED)
        fail(GRANTS);
    out->link = (struct link *)pages;
    out->data = pages + LINK_PAGE;
    memset(out->link, 0, sizeof(*out->link));
    const uint32_t *references =
        grants.space + offsetof(struct ioctl_gntalloc_alloc_gref, gref_ids) / 4;
    memcpy(out->link->references, references + 1, sizeof(out->link->references));
    __atomic_store_n(&out->link->magic, LINK_MAGIC, __ATOMIC_RELEASE);
    return references[0];
}

static void put_bytes(struct out *out, uint32_t at, const void *from, uint32_t length)
{
    uint32_t begin = at % LINK_DATA;
    uint32_t first = length < LINK_DATA - begin ? length : LINK_DATA - begin;

    memcpy(out->data + begin, from, first);
    memcpy(out->data, (const unsigned char *)from + first, length - first);
}

/* Waits for room: who asked reads on, or the next one reads over it. */
static void put(struct out *out, uint32_t kind, const void *bytes, uint32_t length)
{
    struct frame frame = {out->id, kind, length};
    uint32_t at = out->link->produced;
    const struct timespec pause = {0, 500000};

    while (at - __atomic_load_n(&out->link->consumed, __ATOMIC_ACQUIRE) + sizeof(frame) + length >
           LINK_DATA)
        nanosleep(&pause, NULL);
    put_bytes(out, at, &frame, sizeof(frame));
    put_bytes(out, at + (uint32_t)sizeof(frame), bytes, length);
    __atomic_store_n(&out->link->produced, at + (uint32_t)sizeof(frame) + length, __ATOMIC_RELEASE);
}

static void put_end(struct out *out, int32_t status)
{
    put(out, LINK_END, &status, sizeof(status));
}

static void put_text(struct out *out, const char *text)
{
    put(out, LINK_TEXT, text, (uint32_t)strlen(text));
}

static pid_t start(const char *command, int *ret_output)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC))
        return -1;
    child = fork();
    if (!child) {
        setpgid(0, 0);
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(126);
    }
    close(ends[1]);
    *ret_output = ends[0];
    return child;
}

static void run(struct out *out, const char *command)
{
    char bytes[LINK_FRAME_MAX];
    ssize_t n;
    int output = -1, status = 0;
    pid_t child = start(command, &output);
    time_t end = time(NULL) + COMMAND_SECONDS;
    struct pollfd wait = {.fd = output, .events = POLLIN};

    if (child < 0) {
        put_end(out, 126);
        return;
    }
    for (;;) {
        if (poll(&wait, 1, 1000) > 0) {
            if ((n = read(output, bytes, sizeof(bytes))) <= 0)
                break;
            put(out, LINK_TEXT, bytes, (uint32_t)n);
        } else if (time(NULL) > end) {
            kill(-child, SIGKILL);
            break;
        }
    }
    close(output);
    waitpid(child, &status, 0);
    put_end(out, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void get(struct out *out, const char *path)
{
    char bytes[LINK_FRAME_MAX];
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && (n = read(fd, bytes, sizeof(bytes))) > 0)
        put(out, LINK_TEXT, bytes, (uint32_t)n);
    if (fd >= 0)
        close(fd);
    put_end(out, n < 0 ? 1 : 0);
}

static void ask_agent(struct out *out, int port, const char *command)
{
    char answer[LINE_SIZE];
    size_t n = 0;
    struct pollfd wait = {.fd = port, .events = POLLIN};

    if (write(port, command, strlen(command)) < 0 || write(port, "\n", 1) < 0)
        fail(PORT);
    while (n < sizeof(answer) - 2 && poll(&wait, 1, AGENT_TIMEOUT_MS) > 0) {
        if (read(port, answer + n, 1) != 1 || answer[n] == '\n')
            break;
        n++;
    }
    memcpy(answer + n, "\n", 2);
    put_text(out, answer);
    put_end(out, strncmp(answer, "ok", 2) ? 1 : 0);
}

static void obey(struct out *out, int port, char *line)
{
    char *id = strtok(line, " ");
    char *kind = strtok(NULL, " ");
    char *command = strtok(NULL, "");

    if (!id || !kind || !command)
        return; /* not for us: what a person types on the console */
    out->id = (uint32_t)strtoul(id, NULL, 10);
    if (!strcmp(kind, "agent"))
        ask_agent(out, port, command);
    else if (!strcmp(kind, "run"))
        run(out, command);
    else if (!strcmp(kind, "get"))
        get(out, command);
}

int main(void)
{
    struct out out = {0};
    int port = make_port();
    int console = open_raw(CONSOLE);
    char line[LINE_SIZE];
    size_t n = 0;

    if (fork())
        return 0; /* the port is there: init goes on */
    setsid();
    setenv("PATH", "/bin", 1);
    dup2(open("/dev/null", O_RDONLY), 0); /* the commands' standard input */
    dprintf(console, "@link=%u\r\n", make_link(&out));
    for (;;) {
        if (read(console, line + n, 1) != 1) {
            usleep(100000);
            continue;
        }
        if (line[n] != '\n' && line[n] != '\r') {
            n += n < sizeof(line) - 1;
            continue;
        }
        line[n] = 0;
        n = 0;
        obey(&out, port, line);
    }
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In a target of lab/xen: connects the console with lab/agent, which wants a virtio port that no Xen
 * domain has, and runs commands for dom0.
 *
 * It makes a pseudo terminal and links the port's name to it, then serves lines from the console:
 *
 *     ID agent COMMAND     handed to the agent
 *     ID run COMMAND       run by the shell
 *
 * The answer's lines are "@ID|TEXT" and, at the end, "@ID=STATUS", so that what the kernel prints in
 * between does no harm.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define CONSOLE "/dev/hvc0"
#define PORT_FOLDER "/dev/virtio-ports"
#define PORT PORT_FOLDER "/tinyvmi.control"
#define AGENT_TIMEOUT_MS 30000
#define LINE_SIZE 4096

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

static void put(int console, const char *format, const char *id, const char *text)
{
    char line[LINE_SIZE + 64];
    int n = snprintf(line, sizeof(line), format, id, text);
    ssize_t done, at = 0;

    if (n >= (int)sizeof(line))
        n = sizeof(line) - 1;
    while (at < n && (done = write(console, line + at, n - at)) > 0)
        at += done;
}

static void run(int console, const char *id, const char *command)
{
    char line[LINE_SIZE], status[16];
    FILE *output = popen(command, "r");

    if (!output) {
        put(console, "@%s=%s\r\n", id, "126");
        return;
    }
    while (fgets(line, sizeof(line), output)) {
        line[strcspn(line, "\n")] = 0;
        put(console, "@%s|%s\r\n", id, line);
    }
    int end = pclose(output);
    snprintf(status, sizeof(status), "%d", WIFEXITED(end) ? WEXITSTATUS(end) : 128 + WTERMSIG(end));
    put(console, "@%s=%s\r\n", id, status);
}

static void ask_agent(int console, int port, const char *id, const char *command)
{
    char answer[LINE_SIZE];
    size_t n = 0;
    struct pollfd wait = {.fd = port, .events = POLLIN};

    if (write(port, command, strlen(command)) < 0 || write(port, "\n", 1) < 0)
        fail(PORT);
    while (n < sizeof(answer) - 1 && poll(&wait, 1, AGENT_TIMEOUT_MS) > 0) {
        if (read(port, answer + n, 1) != 1 || answer[n] == '\n')
            break;
        n++;
    }
    answer[n] = 0;
    put(console, "@%s|%s\r\n", id, answer);
    put(console, "@%s=%s\r\n", id, strncmp(answer, "ok", 2) ? "1" : "0");
}

static void obey(int console, int port, char *line)
{
    char *id = strtok(line, " ");
    char *kind = strtok(NULL, " ");
    char *command = strtok(NULL, "");

    if (!id || !kind || !command)
        return; /* not for us: what a person types on the console */
    if (!strcmp(kind, "agent"))
        ask_agent(console, port, id, command);
    else if (!strcmp(kind, "run"))
        run(console, id, command);
}

int main(void)
{
    int port = make_port();
    int console = open_raw(CONSOLE);
    char line[LINE_SIZE];
    size_t n = 0;

    if (fork())
        return 0; /* the port is there: init goes on */
    setsid();
    setenv("PATH", "/bin", 1);
    dup2(open("/dev/null", O_RDONLY), 0); /* the commands' standard input and errors */
    dup2(1, 2);
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
        obey(console, port, line);
    }
}

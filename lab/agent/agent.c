/* SPDX-License-Identifier: BSD-2-Clause */
/* PID 1 of a lab guest: order of events, and the commands that the host sends over the
 * virtio-serial port. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL "/dev/virtio-ports/tinyvmi.control"

void die(const char *format, ...)
{
    int error = errno;
    va_list args;

    fprintf(stderr, "agent: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, ": %s\n", strerror(error));
    if (getpid() == 1) {
        fprintf(stderr, "FAILED\n");
        reboot(RB_POWER_OFF);
    }
    _exit(1);
}

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, text, strlen(text));
    int error = n < 0 ? -errno : 0;
    close(fd);
    return error;
}

/* "spawn NAME": a process whose comm and argv[0] are NAME. Answers with its pid. */
static void command_spawn(FILE *control, const char *name)
{
    if (!*name || strchr(name, '/')) {
        fprintf(control, "error: spawn wants a name\n");
        return;
    }
    char path[300];
    snprintf(path, sizeof(path), "/run/%s", name);
    unlink(path);
    if (symlink("/bin/busybox", path))
        die("symlink %s", path);
    /* busybox chooses its applet by argv[0], so that must stay "sleep"; comm comes from the path.
     */
    char *argv[] = {"sleep", "1000000", NULL};
    pid_t pid = state_spawn(path, argv);
    fprintf(control, "ok %d\n", (int)pid);
}

/* "end PID": ends a child of PID 1 and reaps it. */
static void command_end(FILE *control, const char *text)
{
    pid_t pid = atoi(text);
    if (pid <= 1 || kill(pid, SIGKILL)) {
        fprintf(control, "error: no process %s\n", text);
        return;
    }
    waitpid(pid, NULL, 0);
    fprintf(control, "ok %d\n", (int)pid);
}

/* "kprobe on|off", "ftrace on|off": hooks that `tinyvmi check` should see. */
static void command_hook(FILE *control, const char *kind, const char *state)
{
    static const char tracing[] = "/sys/kernel/tracing";
    char path[100];
    int on = !strcmp(state, "on"), error = 0;

    if (access("/sys/kernel/tracing/trace", F_OK) &&
        mount("tracefs", tracing, "tracefs", 0, NULL)) {
        fprintf(control, "error: tracefs: %s\n", strerror(errno));
        return;
    }
    if (!strcmp(kind, "kprobe")) {
        snprintf(path, sizeof(path), "%s/events/kprobes/enable", tracing);
        if (on)
            snprintf(path, sizeof(path), "%s/kprobe_events", tracing),
                error = write_text(path, "p:lab do_sys_openat2\n");
        if (!error)
            snprintf(path, sizeof(path), "%s/events/kprobes/enable", tracing),
                error = write_text(path, on ? "1" : "0");
        if (!error && !on)
            snprintf(path, sizeof(path), "%s/kprobe_events", tracing),
                error = write_text(path, "-:lab\n");
    } else {
        snprintf(path, sizeof(path), "%s/set_ftrace_filter", tracing);
        error = write_text(path, on ? "do_sys_openat2\n" : "\n");
        snprintf(path, sizeof(path), "%s/current_tracer", tracing);
        if (!error)
            error = write_text(path, on ? "function" : "nop");
    }
    fprintf(control, error ? "error: %s %s: %s\n" : "ok\n", kind, state, strerror(-error));
}

static void obey(FILE *control, char *line)
{
    line[strcspn(line, "\r\n")] = 0;
    char *argument = strchr(line, ' ');
    argument = argument ? (*argument = 0, argument + 1) : line + strlen(line);

    if (!strcmp(line, "ping"))
        fprintf(control, "ok\n");
    else if (!strcmp(line, "spawn"))
        command_spawn(control, argument);
    else if (!strcmp(line, "end"))
        command_end(control, argument);
    else if (!strcmp(line, "kprobe") || !strcmp(line, "ftrace"))
        command_hook(control, line, argument);
    else if (!strcmp(line, "truth")) {
        truth_write("/host/truth.tar");
        fprintf(control, "ok\n");
    } else if (!strcmp(line, "poweroff"))
        reboot(RB_POWER_OFF);
    else
        fprintf(control, "error: unknown command %s\n", line);
}

/* Opened once (the port refuses a second open) and used through two streams, since one may not turn
 * from reading to writing on a port. */
static void open_control(FILE **ret_in, FILE **ret_out)
{
    int fd = open(CONTROL, O_RDWR | O_CLOEXEC);
    int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
    if (!in || !out)
        die(CONTROL);
    *ret_in = in;
    *ret_out = out;
}

int main(int argc, char *argv[])
{
    state_run_role(argc, argv);
    if (getpid() != 1) {
        fprintf(stderr, "agent: no role %s\n", argv[0]);
        return 1;
    }
    FILE *in, *out;
    open_control(&in, &out);
    state_start();
    truth_write("/host/truth.tar");
    printf("READY\n");
    fflush(stdout);

    char line[512];
    for (;;) {
        if (fgets(line, sizeof(line), in)) {
            obey(out, line);
            fflush(out);
        } else { /* no host side at the moment */
            clearerr(in);
            usleep(200000);
        }
    }
}

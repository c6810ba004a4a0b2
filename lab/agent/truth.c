/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest says about itself, as plain files on the host: the ground truth that introspection
 * is compared with. */
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <time.h>
#include <unistd.h>

enum { PAGEMAP_MAX = 4096 }; /* pages a process */

/*
 * The files go to the host as one tar archive in one stream: under emulation a file over 9p costs
 * about 5 ms (30 on a 5.10 kernel), and there are two thousand of them.
 */
static FILE *archive;
static char *content;
static size_t content_size;
static char content_name[100]; /* as long as tar's field */

/* A file of the archive, in memory until finish(). One at a time. */
static FILE *create(const char *dir, const char *name)
{
    if (snprintf(content_name, sizeof(content_name), "%s/%s", dir, name) >=
        (int)sizeof(content_name))
        errno = ENAMETOOLONG, die("%s/%s", dir, name);
    FILE *f = open_memstream(&content, &content_size);
    if (!f)
        die("open_memstream");
    return f;
}

/* POSIX.1-1988 ustar: a header block, then the data, padded to blocks of 512 bytes. */
static void finish(FILE *f)
{
    static const char zeros[512];
    union {
        struct {
            char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type,
                link[100], magic[6], version[2];
        };
        unsigned char bytes[512];
    } header = {.mode = "0000644",
                .uid = "0000000",
                .gid = "0000000",
                .type = '0',
                .magic = "ustar",
                .version = {'0', '0'}};

    fclose(f);
    memcpy(header.name, content_name, strlen(content_name));
    snprintf(header.size, sizeof(header.size), "%011zo", content_size);
    snprintf(header.mtime, sizeof(header.mtime), "%011llo", (unsigned long long)time(NULL));
    memset(header.checksum, ' ', sizeof(header.checksum));
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof(header.bytes); i++)
        sum += header.bytes[i];
    snprintf(header.checksum, sizeof(header.checksum), "%06o", sum);
    fwrite(&header, 1, sizeof(header), archive);
    fwrite(content, 1, content_size, archive);
    fwrite(zeros, 1, -content_size % 512, archive);
    free(content);
    content = NULL;
}

/* Copies until end of file; what is absent in this kernel or for this process (a kernel thread's
 * maps) leaves no file. */
static void copy(const char *from, const char *to_dir, const char *to_name)
{
    static char buffer[1 << 16];
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (in < 0)
        return;
    ssize_t n = read(in, buffer, sizeof(buffer));
    if (n >= 0) {
        FILE *f = create(to_dir, to_name);
        for (; n > 0; n = read(in, buffer, sizeof(buffer)))
            fwrite(buffer, 1, n, f);
        finish(f);
    }
    close(in);
}

static void copy_named(const char *from_dir, const char *name, const char *to_dir)
{
    char from[400];
    snprintf(from, sizeof(from), "%s/%s", from_dir, name);
    copy(from, to_dir, name);
}

/* One line a descriptor: number, tab, link; backslash and newline escaped as in /proc/mounts. */
static void write_links(const char *proc, const char *sub, const char *to)
{
    char path[400], link[5000];
    snprintf(path, sizeof(path), "%s/%s", proc, sub);
    DIR *d = opendir(path);
    if (!d)
        return;
    FILE *f = create(to, sub);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link));
        fprintf(f, "%s\t", e->d_name);
        for (ssize_t i = 0; i < n; i++)
            fprintf(f, link[i] == '\n' || link[i] == '\\' ? "\\%03o" : "%c",
                    (unsigned char)link[i]);
        fputc('\n', f);
    }
    finish(f);
    closedir(d);
}

static void write_fdinfo(const char *proc, const char *to)
{
    char from[400], out[400];
    snprintf(from, sizeof(from), "%s/fdinfo", proc);
    snprintf(out, sizeof(out), "%s/fdinfo", to);
    DIR *d = opendir(from);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            copy_named(from, e->d_name, out);
    closedir(d);
}

/* "vaddr entry" for every present or swapped page: bits 0..54 of the entry are the frame number, 63
 * says present. */
static void write_pagemap(const char *proc, const char *to)
{
    char path[400], line[5200];
    snprintf(path, sizeof(path), "%s/maps", proc);
    FILE *maps = fopen(path, "re");
    if (!maps)
        return;
    snprintf(path, sizeof(path), "%s/pagemap", proc);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    FILE *f = NULL;
    size_t page = sysconf(_SC_PAGESIZE), count = 0;
    while (fd >= 0 && fgets(line, sizeof(line), maps)) {
        uint64_t start, end, entry[512];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2)
            continue;
        for (uint64_t va = start; va < end && count < PAGEMAP_MAX;) {
            ssize_t n = pread(fd, entry, sizeof(entry), va / page * 8);
            if (n <= 0)
                break;
            for (ssize_t i = 0; i < n / 8 && va < end; i++, va += page) {
                if (!(entry[i] >> 62) || count >= PAGEMAP_MAX)
                    continue;
                if (!f)
                    f = create(to, "pagemap");
                fprintf(f, "%#" PRIx64 " %#" PRIx64 "\n", va, entry[i]);
                count++;
            }
        }
    }
    if (f)
        finish(f);
    if (fd >= 0)
        close(fd);
    fclose(maps);
}

static void write_task_list(const char *proc, const char *to)
{
    char path[400];
    snprintf(path, sizeof(path), "%s/task", proc);
    DIR *d = opendir(path);
    if (!d)
        return;
    FILE *f = create(to, "task");
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        char stat_path[700], line[1024] = "";
        snprintf(stat_path, sizeof(stat_path), "%s/%s/stat", path, e->d_name);
        FILE *s = fopen(stat_path, "re");
        if (s) {
            size_t n = fread(line, 1, sizeof(line) - 1, s);
            line[n] = 0;
            fclose(s);
        }
        fputs(line, f); /* the thread's whole stat line: tid (comm) state ppid ... */
    }
    finish(f);
    closedir(d);
}

static void write_net(const char *proc_net, const char *dir)
{
    static const char *const plain[] = {"tcp", "tcp6", "udp",     "udp6",   "unix",
                                        "raw", "raw6", "netlink", "packet", "dev"};
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        copy_named(proc_net, plain[i], dir);
}

/* The sockets of a process' own network namespace, where that is not the machine's. */
static void write_other_net(const char *proc, const char *to)
{
    char path[400], mine[64] = "", its[64] = "";
    snprintf(path, sizeof(path), "%s/ns/net", proc);
    if (readlink(path, its, sizeof(its) - 1) < 0 ||
        readlink("/proc/self/ns/net", mine, sizeof(mine) - 1) < 0 || !strcmp(mine, its))
        return;
    char net[400];
    snprintf(path, sizeof(path), "%s/net", proc);
    snprintf(net, sizeof(net), "%s/net", to);
    write_net(path, net);
}

static void write_process(const char *pid, const char *dir)
{
    static const char *const plain[] = {"status", "stat",  "statm",        "cmdline",
                                        "comm",   "maps",  "environ",      "mountinfo",
                                        "cgroup", "wchan", "smaps_rollup", "stack"};
    char proc[300], to[300];

    snprintf(proc, sizeof(proc), "/proc/%s", pid);
    snprintf(to, sizeof(to), "%s/%s", dir, pid);
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        copy_named(proc, plain[i], to);
    write_links(proc, "fd", to);
    write_links(proc, "ns", to);
    write_fdinfo(proc, to);
    write_pagemap(proc, to);
    write_task_list(proc, to);
    write_other_net(proc, to);

    char link[5000], name[3][8] = {"exe", "cwd", "root"};
    FILE *f = create(to, "links");
    for (int i = 0; i < 3; i++) {
        char path[320];
        snprintf(path, sizeof(path), "%s/%s", proc, name[i]);
        ssize_t n = readlink(path, link, sizeof(link) - 1);
        if (n >= 0)
            fprintf(f, "%s\t%.*s\n", name[i], (int)n, link);
    }
    finish(f);
}

static void write_dmesg(const char *dir)
{
    static char text[1 << 21];
    int n = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, text, sizeof(text));
    FILE *f = create(dir, "dmesg");
    if (n > 0)
        fwrite(text, 1, n, f);
    finish(f);

    /* every record with its sequence number, microseconds and flags; a read gives one record */
    int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    f = create(dir, "kmsg");
    for (;;) {
        char record[9000];
        ssize_t got = read(fd, record, sizeof(record));
        if (got < 0 && errno == EPIPE)
            continue; /* a record was overwritten while we read */
        if (got <= 0)
            break;
        fwrite(record, 1, got, f);
    }
    finish(f);
    close(fd);
}

static void write_clock(const char *dir)
{
    static const struct {
        const char *name;
        clockid_t id;
    } clocks[] = {
        {"realtime", CLOCK_REALTIME}, {"monotonic", CLOCK_MONOTONIC}, {"boottime", CLOCK_BOOTTIME}};
    FILE *f = create(dir, "clock");
    for (int i = 0; i < 3; i++) {
        struct timespec t;
        clock_gettime(clocks[i].id, &t);
        fprintf(f, "%s %lld.%09ld\n", clocks[i].name, (long long)t.tv_sec, t.tv_nsec);
    }
    finish(f);
}

/* Every module's own sections, as sysfs lists them: "section address". */
static void write_modules(void)
{
    DIR *d = opendir("/sys/module");
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[600];
        snprintf(path, sizeof(path), "/sys/module/%s/sections", e->d_name);
        DIR *sections = e->d_name[0] == '.' ? NULL : opendir(path);
        if (!sections)
            continue;
        FILE *f = create("module-sections", e->d_name);
        for (struct dirent *s; (s = readdir(sections));) {
            char file[1000], line[64] = "";
            snprintf(file, sizeof(file), "%s/%s", path, s->d_name);
            FILE *in = fopen(file, "re");
            if (in && fgets(line, sizeof(line), in))
                fprintf(f, "%s %s", s->d_name, line);
            if (in)
                fclose(in);
        }
        finish(f);
        closedir(sections);
    }
    if (d)
        closedir(d);
}

static void write_btf(void)
{
    DIR *d = opendir("/sys/kernel/btf");
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            copy_named("/sys/kernel/btf", e->d_name, "btf");
    closedir(d);
}

void truth_write(const char *path)
{
    static const char *const plain[] = {"kallsyms", "modules",     "mounts",     "iomem",
                                        "version",  "cmdline",     "meminfo",    "vmstat",
                                        "cpuinfo",  "filesystems", "interrupts", "swaps"};
    static const char zeros[1024];

    archive = fopen(path, "we");
    if (!archive)
        die("%s", path);
    setvbuf(archive, NULL, _IOFBF, 1 << 18);

    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        copy_named("/proc", plain[i], ".");
    copy("/sys/kernel/notes", ".", "notes");
    copy("/sys/kernel/vmcoreinfo", ".", "vmcoreinfo");
    copy("/proc/sys/kernel/hostname", ".", "hostname");
    copy("/proc/sys/kernel/pid_max", ".", "pid_max");
    copy("/run/memory-addresses", ".", "memory-addresses");
    write_btf();
    write_modules();
    write_net("/proc/net", "net");

    /* Last what changes: the processes, the log, the time. */
    DIR *d = opendir("/proc");
    if (!d)
        die("/proc");
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
            write_process(e->d_name, "proc");
    closedir(d);
    copy("/proc/self/mountinfo", ".", "mountinfo");
    write_dmesg(".");
    copy("/proc/stat", ".", "stat"); /* has btime */
    copy("/proc/uptime", ".", "uptime");
    write_clock(".");

    fwrite(zeros, 1, sizeof(zeros), archive); /* the archive's end */
    if (fclose(archive))
        die("%s", path);
}

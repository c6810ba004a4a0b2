/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In lab/xen's dom0: gives a target a command and takes its answer; see xen-link.h. Used by
 * "target".
 *
 * usage: xen-target DOMAIN TTY LOG KIND COMMAND
 * TTY is the domain's console, LOG what xenconsoled writes of it. Exits as the command does; 124
 * when the target is silent for TARGET_TIMEOUT seconds (60), 125 when it cannot be asked.
 */
#include "xen-link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef uint32_t grant_ref_t; /* which gntdev.h takes for granted */
typedef uint16_t domid_t;
#include <xen/gntdev.h>

#define GRANTS "/dev/xen/gntdev"

static void fail(const char *what)
{
    fprintf(stderr, "target: %s: %s\n", what, errno ? strerror(errno) : "not as expected");
    exit(125);
}

static void *map_grants(int fd, uint32_t domain, const uint32_t *references, uint32_t count)
{
    size_t size = sizeof(struct ioctl_gntdev_map_grant_ref) + count * sizeof(uint32_t[2]);
    struct ioctl_gntdev_map_grant_ref *map = calloc(1, size);

    if (!map)
        fail("memory");
    map->count = count;
    for (uint32_t i = 0; i < count; i++)
        map->refs[i] = (struct ioctl_gntdev_grant_ref){domain, references[i]};
    if (ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, map))
        fail(GRANTS);
    void *pages =
        mmap(NULL, count * LINK_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)map->index);
    if (pages == MAP_FAILED)
        fail(GRANTS);
    free(map);
    return pages;
}

/* The last "@link=" of the log: the guest may have started more than once. */
static uint32_t find_reference(const char *log)
{
    char line[4096];
    uint32_t reference = 0;
    FILE *file = fopen(log, "re");

    if (!file)
        fail(log);
    while (fgets(line, sizeof(line), file)) {
        const char *found = strstr(line, "@link=");
        if (found)
            reference = (uint32_t)strtoul(found + 6, NULL, 10);
    }
    fclose(file);
    errno = 0;
    if (!reference)
        fail("the target's log names no link (is it READY?)");
    return reference;
}

static void copy_out(const unsigned char *data, uint32_t at, void *to, uint32_t length)
{
    uint32_t begin = at % LINK_DATA;
    uint32_t first = length < LINK_DATA - begin ? length : LINK_DATA - begin;

    memcpy(to, data + begin, first);
    memcpy((unsigned char *)to + first, data, length - first);
}

/* Passes on one frame; 1 when it was the answer's end. */
static int take(struct link *link, const unsigned char *data, uint32_t id, int *ret_status)
{
    static unsigned char bytes[LINK_FRAME_MAX];
    uint32_t at = link->consumed;
    struct frame frame;
    int32_t status;

    copy_out(data, at, &frame, sizeof(frame));
    errno = 0;
    if (frame.length > sizeof(bytes))
        fail("the target's answer");
    copy_out(data, at + (uint32_t)sizeof(frame), bytes, frame.length);
    __atomic_store_n(&link->consumed, at + (uint32_t)sizeof(frame) + frame.length,
                     __ATOMIC_RELEASE);
    if (frame.id != id)
        return 0; /* for somebody who has gone */
    if (frame.kind == LINK_END) {
        memcpy(&status, bytes, sizeof(status));
        *ret_status = status;
        return 1;
    }
    if (fwrite(bytes, 1, frame.length, stdout) != frame.length)
        fail("standard output");
    return 0;
}

static int await(struct link *link, const unsigned char *data, uint32_t id)
{
    const char *limit = getenv("TARGET_TIMEOUT");
    struct timespec now, pause = {0, 500000};
    int status = 0;
    time_t end = 0;

    for (;;) {
        if (__atomic_load_n(&link->produced, __ATOMIC_ACQUIRE) != link->consumed) {
            if (take(link, data, id, &status))
                return status;
            end = 0;
            pause.tv_nsec = 500000;
            continue;
        }
        fflush(stdout);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (!end)
            end = now.tv_sec + (limit ? atoi(limit) : 60);
        if (now.tv_sec > end) {
            fprintf(stderr, "target: no answer\n");
            return 124;
        }
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < 20000000)
            pause.tv_nsec *= 2;
    }
}

int main(int argc, char **argv)
{
    char path[64];
    struct timespec now;

    if (argc != 6) {
        fprintf(stderr, "usage: xen-target DOMAIN TTY LOG KIND COMMAND\n");
        return 125;
    }
    uint32_t domain = (uint32_t)atoi(argv[1]), reference = find_reference(argv[3]);
    snprintf(path, sizeof(path), "/run/lock/target-%u", domain);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock < 0 || flock(lock, LOCK_EX))
        fail(path);
    int grants = open(GRANTS, O_RDWR | O_CLOEXEC);
    if (grants < 0)
        fail(GRANTS);
    struct link *link = map_grants(grants, domain, &reference, 1);
    errno = 0;
    if (link->magic != LINK_MAGIC)
        fail("the target's link");
    const unsigned char *data = map_grants(grants, domain, link->references, LINK_DATA_PAGES);

    clock_gettime(CLOCK_MONOTONIC, &now);
    uint32_t id =
        (uint32_t)now.tv_sec * 1000u + (uint32_t)now.tv_nsec / 1000000u + (uint32_t)getpid();
    int tty = open(argv[2], O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (tty < 0 || dprintf(tty, "%u %s %s\n", id, argv[4], argv[5]) < 0)
        fail(argv[2]);
    return await(link, data, id);
}

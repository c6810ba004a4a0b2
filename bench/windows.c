/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Speed of the Windows view: bring-up of a memory image without a profile, with one, with the
 * compact one; parsing a profile. References in the same run: touching one byte of every page of
 * the image, and json-c reading the same profile.
 *
 * usage: windows IMAGE [PROFILE]    An image that is no Windows is passed over, so that bench/run
 * can give it what it gives all. tests/windows/mkwin --size 2048 makes one.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <time.h>
#include <tinyvmi/tinyvmi.h>
#include <unistd.h>

#include "sym/profile.h"

enum { ROUNDS = 7 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, by_value);
    return v[ROUNDS / 2];
}

/* Seconds to open an image; negative: it is no Windows. */
static double open_image(const char *image, const char *profile)
{
    struct vmi_open_options o = {.profile = profile};
    double all[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        vmi_instance_t vmi;
        double began = now();
        if (vmi_open(&vmi, image, &o) != VMI_SUCCESS)
            return -1;
        all[i] = now() - began;
        bool windows = vmi_get_ostype(vmi) == VMI_OS_WINDOWS;
        vmi_destroy(vmi);
        if (!windows)
            return -1;
    }
    return median(all);
}

static uint8_t *map(const char *path, size_t *n)
{
    struct stat s;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &s) || !s.st_size)
        return NULL;
    uint8_t *p = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    *n = (size_t)s.st_size;
    return p == MAP_FAILED ? NULL : p;
}

/* What any search of memory costs at least: one byte a page of a fresh mapping. */
static double touch(const char *path)
{
    double all[ROUNDS];
    volatile unsigned sum = 0;
    for (int i = 0; i < ROUNDS; i++) {
        size_t n;
        double began = now();
        uint8_t *p = map(path, &n);
        for (size_t at = 0; p && at < n; at += 4096)
            sum += p[at];
        all[i] = now() - began;
        if (p)
            munmap(p, n);
    }
    return median(all);
}

static void parse(const char *path)
{
    size_t n;
    double ours[ROUNDS], theirs[ROUNDS];
    uint8_t *p = map(path, &n);
    if (!p || p[0] != '{')
        return;
    for (int i = 0; i < ROUNDS; i++) {
        struct profile made;
        struct diag d = {0};
        double began = now();
        if (profile_open((struct bytes){p, n}, &d, &made) != ST_OK) {
            printf("  %s\n", d.text);
            return;
        }
        ours[i] = now() - began;
        profile_close(&made);
        struct json_tokener *t = json_tokener_new_ex(64);
        began = now();
        struct json_object *o = json_tokener_parse_ex(t, (const char *)p, (int)n);
        theirs[i] = now() - began;
        json_object_put(o);
        json_tokener_free(t);
    }
    double a = median(ours), b = median(theirs);
    printf("  parse the profile (%.1f MB)         %8.1f ms  %6.0f MB/s   %.2f of json-c's time\n",
           (double)n / 1e6, a * 1e3, (double)n / 1e6 / a, a / b);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: windows IMAGE [PROFILE]\n");
        return 2;
    }
    double without = open_image(argv[1], NULL);
    if (without < 0) {
        printf("windows: %s is no memory of Windows: left out\n", argv[1]);
        return 0;
    }
    double least = touch(argv[1]);
    printf("windows (median of %d)\n", ROUNDS);
    printf("  touch every page                     %8.1f ms\n", least * 1e3);
    printf("  bring-up without a profile           %8.1f ms  %.2f of that\n", without * 1e3,
           without / least);
    if (argc < 3)
        return 0;
    double with = open_image(argv[1], argv[2]);
    if (with >= 0)
        printf("  bring-up with the profile            %8.1f ms  %.2f of touching every page\n",
               with * 1e3, with / least);
    char compact[512] = "";
    if (vmi_profile_cache(argv[2], NULL, compact, sizeof compact, NULL) == VMI_SUCCESS &&
        (with = open_image(argv[1], compact)) >= 0)
        printf("  bring-up with the compact profile    %8.1f ms  %.2f of touching every page\n",
               with * 1e3, with / least);
    parse(argv[2]);
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* A memory file out of fuzzed bytes: opened with and without its format named, and read here and
 * there. */
#ifndef TINYVMI_FUZZ_FILE_TARGET_H
#define TINYVMI_FUZZ_FILE_TARGET_H

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "source/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_around(struct source *s)
{
    static uint8_t buf[70000];
    struct vcpu_regs r;
    uint64_t v;
    size_t done, avail, total = 0;
    for (size_t i = 0; i < s->phys.nr && i < 64; i++) {
        struct phys_range g = s->phys.range[i];
        uint64_t last = g.start + (g.len - 1);
        const uint64_t at[] = {g.start, g.start + g.len / 2, last, last - (g.len > 8 ? 8 : 0),
                               last + 1};
        if (!g.len || last < g.start ||
            (i && g.start <= s->phys.range[i - 1].start + (s->phys.range[i - 1].len - 1)))
            abort(); /* ranges are in order and do not overlap */
        for (size_t k = 0; k < ARRAY_LEN(at); k++) {
            int st = phys_read(&s->phys, at[k], buf, k ? 9 : 5000, &done);
            if (st == ST_OK && done != (k ? 9 : 5000))
                abort();
            const uint8_t *p = phys_ptr(&s->phys, at[k], &avail);
            if (p && (!avail || (total += *p) == SIZE_MAX))
                abort();
            (void)!phys_read_entry(&s->phys, at[k] & ~7ULL, 8, &v);
        }
        (void)!phys_read(&s->phys, g.start + 1, buf, sizeof buf, &done);
    }
    for (unsigned i = 0; s->vcpu && i <= s->vcpu->count(s->impl); i++)
        (void)!s->vcpu->registers(s->impl, i, &r);
    for (size_t i = 0; i < s->vmcoreinfo.n; i++)
        total += s->vmcoreinfo.p[i];
    buf[0] = (uint8_t)total;
}

static int fuzz_file(const char *format, const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (!size || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        return 0;
    for (int named = 0; named < 2; named++) {
        struct source_options o = {.format = named ? format : NULL};
        struct source s;
        struct diag d;
        int st = source_open(path, &o, &d, &s);
        if (st == ST_OK) {
            read_around(&s);
            source_close(&s);
        } else if (!d.text[0] || d.code != st) {
            abort(); /* a failure without a story */
        }
    }
    return 0;
}

#endif

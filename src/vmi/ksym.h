/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel symbols that were asked for before: a name to its address in one cache line. The tables
 * that answer do not change as long as the system's view is open, so nothing in here can go stale.
 */
#ifndef TINYVMI_VMI_KSYM_H
#define TINYVMI_VMI_KSYM_H

#include "core/bytes.h"

#include <stdlib.h>

enum { KSYM_LINES = 512, KSYM_NAME = 48 };

struct ksym_line {
    uint64_t address;
    uint32_t length; /* of the name; 0: free */
    char name[KSYM_NAME];
} __attribute__((aligned(64)));

struct ksym_cache {
    struct ksym_line line[KSYM_LINES];
};

/* The line that a name belongs to; NULL for one that is too long to be kept. */
static inline struct ksym_line *ksym_line(struct ksym_cache *c, const char *name, size_t n)
{
    uint64_t h = n, word;
    size_t i = 0;
    if (n >= KSYM_NAME)
        return NULL;
    for (; i + 8 <= n; i += 8)
        h = (h ^ le64(name + i)) * 0x9e3779b97f4a7c15ull;
    for (word = 0; i < n; i++)
        word = word << 8 | (uint8_t)name[i];
    h = (h ^ word) * 0x9e3779b97f4a7c15ull;
    return &c->line[h >> 55];
}

static inline bool ksym_get(struct ksym_cache *c, const char *name, size_t n, uint64_t *address)
{
    const struct ksym_line *l = c ? ksym_line(c, name, n) : NULL;
    if (!l || l->length != n || !n || memcmp(l->name, name, n) != 0)
        return false;
    *address = l->address;
    return true;
}

/* Keeps one, in place of another; without memory nothing is kept. */
static inline void ksym_put(struct ksym_cache **c, const char *name, size_t n, uint64_t address)
{
    if (!*c && posix_memalign((void **)c, 64, sizeof **c) == 0)
        memset(*c, 0, sizeof **c);
    struct ksym_line *l = *c ? ksym_line(*c, name, n) : NULL;
    if (!l)
        return;
    l->address = address;
    l->length = (uint32_t)n;
    memcpy(l->name, name, n);
}

#endif

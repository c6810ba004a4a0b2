/* SPDX-License-Identifier: BSD-2-Clause */
/* A small hash map: what programs add to the caches, and the strings that are given out. Open
 * addressing, owned keys. */
#ifndef TINYVMI_VMI_MAP_H
#define TINYVMI_VMI_MAP_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_key {
    uint64_t n[4];
    const char *text; /* NULL: none */
};

struct map_entry {
    struct map_key key; /* key.text is owned */
    uint64_t value;
    char *text; /* owned; NULL: none */
    enum { MAP_FREE, MAP_USED, MAP_GONE } state;
};

struct map {
    struct map_entry *entry;
    size_t cap, used, filled; /* cap: a power of two; filled: used and gone */
};

/* Adds or replaces; key and text are copied. *ret (may be NULL) is the entry, valid until the map
 * changes. */
MUST_USE int map_put(struct map *m, const struct map_key *key, uint64_t value, const char *text,
                     struct map_entry **ret);
/* NULL when there is none. */
const struct map_entry *map_get(const struct map *m, const struct map_key *key);
/* Removes all entries for which `which` is true; NULL: all. */
void map_remove(struct map *m, bool (*which)(const struct map_entry *e, const void *arg),
                const void *arg);
void map_deinit(struct map *m);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmi/map.h"

#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 32;
}

static uint64_t hash_of(const struct map_key *key)
{
    uint64_t h = 0x243f6a8885a308d3u;
    for (size_t i = 0; i < 4; i++)
        h = mix(h, key->n[i]);
    for (const char *p = key->text; p && *p; p++)
        h = mix(h, (uint8_t)*p);
    return h;
}

static bool equal(const struct map_key *a, const struct map_key *b)
{
    if (memcmp(a->n, b->n, sizeof a->n) != 0 || !a->text != !b->text)
        return false;
    return !a->text || strcmp(a->text, b->text) == 0;
}

/* The entry with this key, or the place where it would be put; NULL only for a map without room. */
static struct map_entry *place_of(const struct map *m, const struct map_key *key)
{
    struct map_entry *gone = NULL;
    if (!m->cap)
        return NULL;
    for (size_t i = (size_t)hash_of(key) & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
        struct map_entry *e = &m->entry[i];
        if (e->state == MAP_FREE)
            return gone ? gone : e;
        if (e->state == MAP_GONE)
            gone = gone ? gone : e;
        else if (equal(&e->key, key))
            return e;
    }
}

/* Keeps a third of the places free, so that searches end. */
static int make_room(struct map *m)
{
    if (m->cap && m->filled + 1 <= m->cap - m->cap / 3)
        return ST_OK;
    size_t cap = 16;
    while (cap < m->used * 3 + 3)
        cap *= 2;
    struct map bigger = {
        .entry = calloc(cap, sizeof *m->entry), .cap = cap, .used = m->used, .filled = m->used};
    if (!bigger.entry)
        return ST_NOMEM;
    for (size_t i = 0; i < m->cap; i++)
        if (m->entry[i].state == MAP_USED)
            *place_of(&bigger, &m->entry[i].key) = m->entry[i];
    free(m->entry);
    *m = bigger;
    return ST_OK;
}

int map_put(struct map *m, const struct map_key *key, uint64_t value, const char *text,
            struct map_entry **ret)
{
    if (make_room(m) != ST_OK)
        return ST_NOMEM;
    struct map_entry *e = place_of(m, key);
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        return ST_NOMEM;
    if (e->state != MAP_USED) {
        char *name = key->text ? strdup(key->text) : NULL;
        if (key->text && !name) {
            free(copy);
            return ST_NOMEM;
        }
        m->used++;
        m->filled += e->state == MAP_FREE;
        *e = (struct map_entry){.key = *key, .state = MAP_USED};
        e->key.text = name;
    }
    free(e->text);
    e->text = copy;
    e->value = value;
    if (ret)
        *ret = e;
    return ST_OK;
}

const struct map_entry *map_get(const struct map *m, const struct map_key *key)
{
    const struct map_entry *e = m->used ? place_of(m, key) : NULL;
    return e && e->state == MAP_USED ? e : NULL;
}

void map_remove(struct map *m, bool (*which)(const struct map_entry *e, const void *arg),
                const void *arg)
{
    for (size_t i = 0; i < m->cap; i++) {
        struct map_entry *e = &m->entry[i];
        if (e->state != MAP_USED || (which && !which(e, arg)))
            continue;
        free((char *)(uintptr_t)e->key.text);
        free(e->text);
        *e = (struct map_entry){.state = MAP_GONE};
        m->used--;
    }
    if (!m->used) { /* so that a search in what was large once costs nothing */
        free(m->entry);
        *m = (struct map){0};
    }
}

void map_deinit(struct map *m)
{
    map_remove(m, NULL, NULL);
}

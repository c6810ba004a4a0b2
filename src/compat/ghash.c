/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GHashTable: open addressing with linear probing, a power of two of slots. Two arrays: `marks`,
 * the mixed hash of each slot's key or 0 for an empty slot, 16 to a cache line, so that probing
 * rarely touches anything else; and `entries`.
 *
 * Removal closes the gap by moving later entries of the same run towards their homes: there are no
 * tombstones, and a table that had many removals is as fast as a new one. An iteration goes
 * downwards from an empty slot: what a removal moves has then been visited already, and a run never
 * crosses the start.
 *
 * The upper bits of a mark are its home, so a new size needs no hash function and no second set of
 * arrays: see rehash.
 */
#include <stdlib.h>

#include "compat/glib.h"

#define SMALL_BITS  3
#define MAX_BITS    30
#define SLOTS(bits) (1u << (bits))
/* Entries before it grows. Fuller, and a removal has more to move than a larger table costs. */
#define LIMIT(bits) (SLOTS(bits) - SLOTS(bits) / 16 * 5 - 1)
#define GROUP_SLOTS SLOTS(SMALL_BITS)

/* The lower two bits of a mark: not 0, and from before or after the last change of size. */
#define TAG_BITS 3u
#define TAG_FLIP 2u

/* How keys are compared; the first two do without calls through pointers. */
enum kind { KIND_DIRECT, KIND_STRING, KIND_CALL };

struct entry {
    gpointer key;
    gpointer value;
};

struct _GHashTable {
    guint32 *marks;
    struct entry *entries;
    guint bits;
    guint32 tag; /* of all marks: 1 or 3 */
    guint used;
    enum kind kind;
    GHashFunc hash; /* NULL: g_direct_hash of all bits */
    GEqualFunc equal;
    GDestroyNotify destroy_key;
    GDestroyNotify destroy_value;
    gint references;
    /* the two arrays as long as they are of the smallest size */
    guint32 small_marks[SLOTS(SMALL_BITS)];
    struct entry small_entries[SLOTS(SMALL_BITS)];
};

/* ---- Slots --------------------------------------------------------------------------------- */

static inline guint32 mark_of(const GHashTable *table, gconstpointer key)
{
    guint64 bits;

    if (table->hash == NULL)
        bits = (guintptr)key;
    else if (table->kind == KIND_STRING)
        bits = g_str_hash(key);
    else
        bits = table->hash(key);
    /* 2^64 divided by the golden ratio: spreads runs and strides evenly over the upper bits */
    return ((guint32)(bits * UINT64_C(0x9e3779b97f4a7c15) >> 32) & ~TAG_BITS) | table->tag;
}

static inline guint32 home_of(const GHashTable *table, guint32 mark)
{
    return mark >> (32 - table->bits);
}

static inline guint32 mask_of(const GHashTable *table)
{
    return SLOTS(table->bits) - 1;
}

static inline gboolean is_key(const GHashTable *table, guint32 slot, gconstpointer key)
{
    gconstpointer stored = table->entries[slot].key;

    if (table->kind == KIND_DIRECT)
        return stored == key;
    if (table->kind == KIND_STRING)
        return stored == key || strcmp(stored, key) == 0;
    return table->equal(stored, key) != 0;
}

/* The slot of this key, or (its mark is 0) the empty one where it belongs. */
static inline guint32 seek(const GHashTable *table, gconstpointer key, guint32 mark)
{
    guint32 mask = mask_of(table);
    guint32 slot = home_of(table, mark);

    while (table->marks[slot] != 0) {
        if (table->marks[slot] == mark && is_key(table, slot, key))
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

/* Takes the entry out; the others of its run stay reachable. */
static struct entry vacate(GHashTable *table, guint32 hole)
{
    struct entry taken = table->entries[hole];
    guint32 *marks = table->marks;
    guint32 mask = mask_of(table);

    for (guint32 slot = (hole + 1) & mask; marks[slot] != 0; slot = (slot + 1) & mask) {
        guint32 home = home_of(table, marks[slot]);
        /* may move unless its home lies behind the hole */
        if (((slot - home) & mask) >= ((slot - hole) & mask)) {
            marks[hole] = marks[slot];
            table->entries[hole] = table->entries[slot];
            hole = slot;
        }
    }
    marks[hole] = 0;
    table->used--;
    return taken;
}

/* ---- Sizes --------------------------------------------------------------------------------- */

static void use_small(GHashTable *table)
{
    table->marks = table->small_marks;
    table->entries = table->small_entries;
    table->bits = SMALL_BITS;
    table->tag = 1;
    table->used = 0;
    memset(table->small_marks, 0, sizeof(table->small_marks));
}

/*
 * Puts the entries of the lower `slots` slots where they belong by the number of bits that is set
 * now. An entry with the new tag has found its place and is probed past; one with the old tag has
 * not, and makes room for one that has. From above, because homes keep their order: when the table
 * grows, nearly all of what is met has been placed, and memory is gone through twice in order.
 */
static void rehash(GHashTable *table, guint32 slots)
{
    guint32 *marks = table->marks;
    struct entry *entries = table->entries;
    guint32 mask = mask_of(table);
    guint32 tag = table->tag ^ TAG_FLIP;

    table->tag = tag;
    for (guint32 i = slots; i-- != 0;) {
        guint32 mark = marks[i];
        struct entry entry;

        if (mark == 0 || (mark & TAG_BITS) == tag)
            continue;
        entry = entries[i];
        marks[i] = 0;
        for (;;) {
            guint32 slot = home_of(table, mark), old_mark;
            struct entry old_entry;

            while ((marks[slot] & TAG_BITS) == tag)
                slot = (slot + 1) & mask;
            old_mark = marks[slot];
            marks[slot] = mark ^ TAG_FLIP;
            if (old_mark == 0) {
                /* not read before: it may be memory that nobody has touched yet */
                entries[slot] = entry;
                break;
            }
            old_entry = entries[slot];
            entries[slot] = entry;
            mark = old_mark;
            entry = old_entry;
        }
    }
}

/* One block for both arrays, the entries first: as the only one it can often be made larger where
 * it is. */
static void set_block(GHashTable *table, gpointer old, guint bits)
{
    table->entries = g_realloc_n(old, SLOTS(bits), sizeof(struct entry) + sizeof(guint32));
    table->marks = (guint32 *)(table->entries + SLOTS(bits));
}

static void grow(GHashTable *table)
{
    guint32 slots = SLOTS(table->bits);
    guint bits = table->bits + 1;

    if (bits > MAX_BITS)
        __builtin_trap();
    if (table->bits == SMALL_BITS) {
        set_block(table, NULL, bits);
        memcpy(table->marks, table->small_marks, sizeof(table->small_marks));
        memcpy(table->entries, table->small_entries, sizeof(table->small_entries));
    } else {
        set_block(table, table->entries, bits);
        memcpy(table->marks, table->entries + slots, slots * sizeof(guint32));
    }
    memset(table->marks + slots, 0, slots * sizeof(guint32));
    table->bits = bits;
    rehash(table, slots);
}

/* After removals: an eighth of the slots in use is too little. */
static inline gboolean too_large(const GHashTable *table)
{
    return table->used < SLOTS(table->bits) / 8 && table->bits > SMALL_BITS;
}

static void shrink(GHashTable *table)
{
    guint32 slots = SLOTS(table->bits);
    guint bits = table->bits;

    while (bits > SMALL_BITS && table->used <= SLOTS(bits) / 4)
        bits--;
    table->bits = bits;
    rehash(table, slots);
    if (bits == SMALL_BITS) {
        struct entry *entries = table->entries;
        memcpy(table->small_marks, table->marks, sizeof(table->small_marks));
        memcpy(table->small_entries, entries, sizeof(table->small_entries));
        table->marks = table->small_marks;
        table->entries = table->small_entries;
        free(entries);
    } else {
        memmove(table->entries + SLOTS(bits), table->marks, SLOTS(bits) * sizeof(guint32));
        set_block(table, table->entries, bits);
    }
}

static inline void destroy_entry(const GHashTable *table, struct entry entry)
{
    GDestroyNotify destroy_value = table->destroy_value;

    if (table->destroy_key != NULL)
        table->destroy_key(entry.key);
    if (destroy_value != NULL)
        destroy_value(entry.value);
}

/* The table is empty before the first entry is destroyed, so destroy functions may use it. */
static void empty(GHashTable *table, gboolean destroy)
{
    guint32 small_marks[SLOTS(SMALL_BITS)], *marks = table->marks;
    struct entry small_entries[SLOTS(SMALL_BITS)], *entries = table->entries;
    gboolean small = table->bits == SMALL_BITS;
    guint32 slots = SLOTS(table->bits);

    if (table->used == 0 && small)
        return;
    destroy = destroy && (table->destroy_key != NULL || table->destroy_value != NULL);
    if (small && destroy) {
        marks = memcpy(small_marks, marks, sizeof(small_marks));
        entries = memcpy(small_entries, entries, sizeof(small_entries));
    }
    use_small(table);
    for (guint32 i = 0; destroy && i < slots; i++) {
        if (marks[i] != 0)
            destroy_entry(table, entries[i]);
    }
    if (!small)
        free(entries);
}

/* ---- Life ---------------------------------------------------------------------------------- */

GHashTable *g_hash_table_new_full(GHashFunc hash_func, GEqualFunc key_equal_func,
                                  GDestroyNotify key_destroy_func,
                                  GDestroyNotify value_destroy_func)
{
    GHashTable *table = g_malloc(sizeof(*table));

    table->hash = hash_func == g_direct_hash ? NULL : hash_func;
    table->equal = key_equal_func;
    table->destroy_key = key_destroy_func;
    table->destroy_value = value_destroy_func;
    if (key_equal_func == NULL || key_equal_func == g_direct_equal)
        table->kind = KIND_DIRECT;
    else if (hash_func == g_str_hash && key_equal_func == g_str_equal)
        table->kind = KIND_STRING;
    else
        table->kind = KIND_CALL;
    /* Keys that differ as pointers may be equal to a function of the program's: it must see the
     * hash that it was promised. */
    if (table->hash == NULL && table->kind != KIND_DIRECT)
        table->hash = g_direct_hash;
    table->references = 1;
    use_small(table);
    return table;
}

GHashTable *g_hash_table_new(GHashFunc hash_func, GEqualFunc key_equal_func)
{
    return g_hash_table_new_full(hash_func, key_equal_func, NULL, NULL);
}

GHashTable *g_hash_table_new_similar(GHashTable *other)
{
    if (other == NULL)
        return NULL;
    return g_hash_table_new_full(other->hash, other->equal, other->destroy_key,
                                 other->destroy_value);
}

GHashTable *g_hash_table_ref(GHashTable *table)
{
    if (table != NULL)
        __atomic_add_fetch(&table->references, 1, __ATOMIC_RELAXED);
    return table;
}

void g_hash_table_unref(GHashTable *table)
{
    if (table == NULL || __atomic_sub_fetch(&table->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    do
        empty(table, TRUE);
    while (table->used != 0); /* a destroy function put something in */
    free(table);
}

void g_hash_table_destroy(GHashTable *table)
{
    if (table == NULL)
        return;
    empty(table, TRUE);
    g_hash_table_unref(table);
}

/* ---- One entry ----------------------------------------------------------------------------- */

static inline gboolean store(GHashTable *table, gpointer key, gpointer value, gboolean keep_new_key)
{
    guint32 mark = mark_of(table, key);
    guint32 slot = seek(table, key, mark);
    struct entry old, *entry = &table->entries[slot];

    if (table->marks[slot] != 0) {
        old = *entry;
        entry->value = value;
        if (keep_new_key)
            entry->key = key;
        else
            old.key = key;
        destroy_entry(table, old);
        return FALSE;
    }
    if (G_UNLIKELY(table->used >= LIMIT(table->bits))) {
        grow(table);
        mark ^= TAG_FLIP;
        slot = seek(table, key, mark);
    }
    table->marks[slot] = mark;
    table->entries[slot] = (struct entry){key, value};
    table->used++;
    return TRUE;
}

gboolean g_hash_table_insert(GHashTable *table, gpointer key, gpointer value)
{
    return table != NULL && store(table, key, value, FALSE);
}

gboolean g_hash_table_replace(GHashTable *table, gpointer key, gpointer value)
{
    return table != NULL && store(table, key, value, TRUE);
}

gboolean g_hash_table_add(GHashTable *table, gpointer key)
{
    return table != NULL && store(table, key, key, TRUE);
}

/* The entry of this key, or NULL. */
static inline struct entry *entry_of(const GHashTable *table, gconstpointer key)
{
    guint32 slot;

    if (table == NULL)
        return NULL;
    slot = seek(table, key, mark_of(table, key));
    return table->marks[slot] != 0 ? &table->entries[slot] : NULL;
}

gpointer g_hash_table_lookup(GHashTable *table, gconstpointer key)
{
    const struct entry *entry = entry_of(table, key);

    return entry != NULL ? entry->value : NULL;
}

gboolean g_hash_table_lookup_extended(GHashTable *table, gconstpointer lookup_key,
                                      gpointer *orig_key, gpointer *value)
{
    const struct entry *entry = entry_of(table, lookup_key);

    if (orig_key != NULL)
        *orig_key = entry != NULL ? entry->key : NULL;
    if (value != NULL)
        *value = entry != NULL ? entry->value : NULL;
    return entry != NULL;
}

gboolean g_hash_table_contains(GHashTable *table, gconstpointer key)
{
    return entry_of(table, key) != NULL;
}

guint g_hash_table_size(GHashTable *table)
{
    return table != NULL ? table->used : 0;
}

/* Takes out the entry of this key; FALSE if there is none. */
static gboolean take(GHashTable *table, gconstpointer key, struct entry *ret)
{
    const struct entry *entry = entry_of(table, key);

    if (entry == NULL)
        return FALSE;
    *ret = vacate(table, (guint32)(entry - table->entries));
    if (G_UNLIKELY(too_large(table)))
        shrink(table);
    return TRUE;
}

gboolean g_hash_table_remove(GHashTable *table, gconstpointer key)
{
    struct entry entry;

    if (!take(table, key, &entry))
        return FALSE;
    destroy_entry(table, entry);
    return TRUE;
}

gboolean g_hash_table_steal(GHashTable *table, gconstpointer key)
{
    struct entry entry;

    return take(table, key, &entry);
}

gboolean g_hash_table_steal_extended(GHashTable *table, gconstpointer lookup_key,
                                     gpointer *stolen_key, gpointer *stolen_value)
{
    struct entry entry = {NULL, NULL};
    gboolean found = take(table, lookup_key, &entry);

    if (stolen_key != NULL)
        *stolen_key = entry.key;
    if (stolen_value != NULL)
        *stolen_value = entry.value;
    return found;
}

/* ---- All entries --------------------------------------------------------------------------- */

void g_hash_table_remove_all(GHashTable *table)
{
    if (table != NULL)
        empty(table, TRUE);
}

void g_hash_table_steal_all(GHashTable *table)
{
    if (table != NULL)
        empty(table, FALSE);
}

/* One bit for each slot of a group that is in use: what is empty then costs no branch. */
static inline guint occupied(const GHashTable *table, guint32 group)
{
    const guint32 *marks = table->marks + (gsize)group * GROUP_SLOTS;
    guint bits = 0;

    for (guint i = 0; i < GROUP_SLOTS; i++)
        bits |= (guint)(marks[i] != 0) << i;
    return bits;
}

void g_hash_table_iter_init(GHashTableIter *iter, GHashTable *table)
{
    guint32 slot = 0;

    if (iter == NULL)
        return;
    *iter = (GHashTableIter){.table = table, .left = g_hash_table_size(table)};
    if (iter->left == 0)
        return;
    /* there is an empty one, because the limit is below the number of slots */
    while (table->marks[slot] != 0)
        slot++;
    /* down from there; the rest of this group comes last, when nothing else is left */
    iter->group = slot / GROUP_SLOTS;
    iter->pending = occupied(table, iter->group) & ((1u << slot % GROUP_SLOTS) - 1);
}

static inline struct entry *advance(GHashTableIter *iter)
{
    const GHashTable *table = iter->table;
    guint bit;

    /* the second: the program removed entries behind our back */
    if (iter->left == 0 || G_UNLIKELY(table->used == 0))
        return NULL;
    iter->left--;
    while (iter->pending == 0) {
        iter->group = (iter->group - 1) & (mask_of(table) / GROUP_SLOTS);
        iter->pending = occupied(table, iter->group);
    }
    bit = 31 - (guint)__builtin_clz(iter->pending);
    iter->pending ^= 1u << bit;
    iter->slot = iter->group * GROUP_SLOTS + bit;
    return &table->entries[iter->slot];
}

gboolean g_hash_table_iter_next(GHashTableIter *iter, gpointer *key, gpointer *value)
{
    const struct entry *entry = iter != NULL ? advance(iter) : NULL;

    if (entry == NULL)
        return FALSE;
    if (key != NULL)
        *key = entry->key;
    if (value != NULL)
        *value = entry->value;
    return TRUE;
}

GHashTable *g_hash_table_iter_get_hash_table(GHashTableIter *iter)
{
    return iter != NULL ? iter->table : NULL;
}

void g_hash_table_iter_remove(GHashTableIter *iter)
{
    destroy_entry(iter->table, vacate(iter->table, iter->slot));
}

void g_hash_table_iter_steal(GHashTableIter *iter)
{
    vacate(iter->table, iter->slot);
}

void g_hash_table_iter_replace(GHashTableIter *iter, gpointer value)
{
    struct entry *entry = &iter->table->entries[iter->slot];
    gpointer old = entry->value;

    entry->value = value;
    if (iter->table->destroy_value != NULL)
        iter->table->destroy_value(old);
}

void g_hash_table_foreach(GHashTable *table, GHFunc func, gpointer user_data)
{
    GHashTableIter iter;
    const struct entry *entry;

    g_hash_table_iter_init(&iter, table);
    while ((entry = advance(&iter)) != NULL)
        func(entry->key, entry->value, user_data);
}

gpointer g_hash_table_find(GHashTable *table, GHRFunc predicate, gpointer user_data)
{
    GHashTableIter iter;
    const struct entry *entry;

    g_hash_table_iter_init(&iter, table);
    while ((entry = advance(&iter)) != NULL) {
        gpointer value = entry->value;
        if (predicate(entry->key, value, user_data))
            return value;
    }
    return NULL;
}

static guint remove_if(GHashTable *table, GHRFunc func, gpointer user_data, gboolean destroy)
{
    GHashTableIter iter;
    const struct entry *entry;
    guint removed = 0;

    g_hash_table_iter_init(&iter, table);
    while ((entry = advance(&iter)) != NULL) {
        if (!func(entry->key, entry->value, user_data))
            continue;
        removed++;
        if (destroy)
            g_hash_table_iter_remove(&iter);
        else
            g_hash_table_iter_steal(&iter);
    }
    if (removed != 0 && too_large(table))
        shrink(table);
    return removed;
}

guint g_hash_table_foreach_remove(GHashTable *table, GHRFunc func, gpointer user_data)
{
    return remove_if(table, func, user_data, TRUE);
}

guint g_hash_table_foreach_steal(GHashTable *table, GHRFunc func, gpointer user_data)
{
    return remove_if(table, func, user_data, FALSE);
}

GList *g_hash_table_get_keys(GHashTable *table)
{
    GHashTableIter iter;
    const struct entry *entry;
    GList *list = NULL;

    g_hash_table_iter_init(&iter, table);
    while ((entry = advance(&iter)) != NULL)
        list = g_list_prepend(list, entry->key);
    return list;
}

GList *g_hash_table_get_values(GHashTable *table)
{
    GHashTableIter iter;
    const struct entry *entry;
    GList *list = NULL;

    g_hash_table_iter_init(&iter, table);
    while ((entry = advance(&iter)) != NULL)
        list = g_list_prepend(list, entry->value);
    return list;
}

gpointer *g_hash_table_get_keys_as_array(GHashTable *table, guint *length)
{
    GHashTableIter iter;
    const struct entry *entry;
    gpointer *keys = g_new(gpointer, (gsize)g_hash_table_size(table) + 1);
    guint n = 0;

    g_hash_table_iter_init(&iter, table);
    while ((entry = advance(&iter)) != NULL)
        keys[n++] = entry->key;
    keys[n] = NULL;
    if (length != NULL)
        *length = n;
    return keys;
}

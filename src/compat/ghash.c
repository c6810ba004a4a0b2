/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GHashTable: entries lie one behind the other in the order in which they came; an index of 32-bit
 * words, a power of two of them, is probed linearly and says which entry it is. So filling and
 * iterating go through memory in order, growing moves no entry (realloc, and a new index from the
 * hashes that are kept), and little memory is touched in all.
 *
 * With 2^k words, the upper k bits of a key's mark (its mixed hash) are where its probing starts; a
 * word holds the number of the entry + 1 in its lower k bits and the rest of the mark above: an
 * entry is looked at only if all 32 bits agree, or nearly so.
 *
 * Removal leaves a hole among the entries and a word that is neither empty nor an entry. Words that
 * are not empty are therefore as many as entries and holes together: when these reach the capacity,
 * three quarters of the words, holes are squeezed out, or the table grows.
 */
#include <stdlib.h>

#include "compat/glib.h"

#define SMALL_BITS     3
#define MAX_BITS       31
#define WORDS(bits)    (1u << (bits))
#define CAPACITY(bits) (WORDS(bits) - WORDS(bits) / 4)

/* A word whose entry was removed: as an entry's number, 0 is none. */
#define REMOVED 0x80000000u

/* How keys are compared; the first two do without calls through pointers. */
enum kind { KIND_DIRECT, KIND_STRING, KIND_CALL };

struct entry {
    gpointer key;
    gpointer value;
};

struct _GHashTable {
    guint32 *index;
    guint32 *marks; /* of the entries; 0 is a hole */
    struct entry *entries;
    guint bits;
    guint end;  /* entries and holes */
    guint used; /* entries */
    enum kind kind;
    GHashFunc hash; /* NULL: g_direct_hash of all bits */
    GEqualFunc equal;
    GDestroyNotify destroy_key;
    GDestroyNotify destroy_value;
    gint references;
    /* where the three arrays are as long as they are of the smallest size */
    guint32 small_index[WORDS(SMALL_BITS)];
    guint32 small_marks[CAPACITY(SMALL_BITS)];
    struct entry small_entries[CAPACITY(SMALL_BITS)];
};

/* ---- The index ----------------------------------------------------------------------------- */

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
    return (guint32)(bits * UINT64_C(0x9e3779b97f4a7c15) >> 32) | 1;
}

static inline gboolean is_key(const GHashTable *table, guint entry, gconstpointer key)
{
    gconstpointer stored = table->entries[entry].key;

    if (table->kind == KIND_DIRECT)
        return stored == key;
    if (table->kind == KIND_STRING)
        return stored == key || strcmp(stored, key) == 0;
    return table->equal(stored, key) != 0;
}

/* The place in the index of this key, or (the word there is 0) where it belongs. */
static inline guint32 seek(const GHashTable *table, gconstpointer key, guint32 mark)
{
    guint32 mask = WORDS(table->bits) - 1;
    guint32 wanted = mark << table->bits;
    guint32 place = mark >> (32 - table->bits);
    guint32 word;

    while ((word = table->index[place]) != 0) {
        if ((word ^ wanted) <= mask && (word & mask) != 0 && is_key(table, (word & mask) - 1, key))
            break;
        place = (place + 1) & mask;
    }
    return place;
}

/* The number of the entry of this key, or G_MAXUINT. */
static inline guint find(const GHashTable *table, gconstpointer key)
{
    guint32 word = table->index[seek(table, key, mark_of(table, key))];

    return word != 0 ? (word & (WORDS(table->bits) - 1)) - 1 : G_MAXUINT;
}

static inline void enter(GHashTable *table, guint32 place, guint entry, guint32 mark)
{
    table->index[place] = mark << table->bits | (entry + 1);
}

static void fill_index(GHashTable *table)
{
    guint32 mask = WORDS(table->bits) - 1;

    for (guint i = 0; i < table->end; i++) {
        guint32 place = table->marks[i] >> (32 - table->bits);
        while (table->index[place] != 0)
            place = (place + 1) & mask;
        enter(table, place, i, table->marks[i]);
    }
}

/* ---- Sizes --------------------------------------------------------------------------------- */

static void use_small(GHashTable *table)
{
    table->index = table->small_index;
    table->marks = table->small_marks;
    table->entries = table->small_entries;
    table->bits = SMALL_BITS;
    table->end = 0;
    table->used = 0;
    memset(table->small_index, 0, sizeof(table->small_index));
}

static void squeeze_out_holes(GHashTable *table)
{
    guint end = 0;

    for (guint i = 0; i < table->end; i++) {
        if (table->marks[i] != 0) {
            table->marks[end] = table->marks[i];
            table->entries[end] = table->entries[i];
            end++;
        }
    }
    table->end = end;
}

/* Makes the table one of 2^bits words, which must be enough, without holes. */
static void resize(GHashTable *table, guint bits)
{
    guint32 *old_index = table->index;
    guint32 *old_marks = table->marks;
    struct entry *old_entries = table->entries;
    guint old_bits = table->bits;
    guint used = table->used;

    if (bits > MAX_BITS)
        __builtin_trap();
    if (table->used != table->end)
        squeeze_out_holes(table);
    if (bits == old_bits) {
        memset(table->index, 0, WORDS(bits) * sizeof(guint32));
    } else if (bits == SMALL_BITS) {
        use_small(table);
        memcpy(table->marks, old_marks, used * sizeof(guint32));
        memcpy(table->entries, old_entries, used * sizeof(struct entry));
        table->used = table->end = used;
        free(old_index);
        free(old_marks);
        free(old_entries);
    } else {
        gboolean small = old_bits == SMALL_BITS;
        table->marks = g_realloc_n(small ? NULL : old_marks, CAPACITY(bits), sizeof(guint32));
        table->entries =
            g_realloc_n(small ? NULL : old_entries, CAPACITY(bits), sizeof(struct entry));
        if (small) {
            memcpy(table->marks, old_marks, used * sizeof(guint32));
            memcpy(table->entries, old_entries, used * sizeof(struct entry));
        } else {
            free(old_index);
        }
        table->index = g_malloc0_n(WORDS(bits), sizeof(guint32));
        table->bits = bits;
    }
    fill_index(table);
}

/* When there is no room for an entry: at least half of the capacity is free afterwards. */
static void make_room(GHashTable *table)
{
    resize(table, table->bits + (table->used > CAPACITY(table->bits) / 2));
}

/* After removals: an eighth of the capacity in use is too little. */
static inline gboolean too_large(const GHashTable *table)
{
    return table->used < CAPACITY(table->bits) / 8 && table->bits > SMALL_BITS;
}

static void shrink(GHashTable *table)
{
    guint bits = table->bits;

    while (bits > SMALL_BITS && table->used <= CAPACITY(bits) / 4)
        bits--;
    resize(table, bits);
}

/* ---- Entries ------------------------------------------------------------------------------- */

static inline void destroy_entry(const GHashTable *table, struct entry entry)
{
    GDestroyNotify destroy_value = table->destroy_value;

    if (table->destroy_key != NULL)
        table->destroy_key(entry.key);
    if (destroy_value != NULL)
        destroy_value(entry.value);
}

/* Makes a hole of it. */
static struct entry vacate(GHashTable *table, guint entry)
{
    guint32 mask = WORDS(table->bits) - 1;
    guint32 mark = table->marks[entry];
    guint32 word = mark << table->bits | (entry + 1);
    guint32 place = mark >> (32 - table->bits);

    while (table->index[place] != word)
        place = (place + 1) & mask;
    table->index[place] = REMOVED;
    table->marks[entry] = 0;
    table->used--;
    return table->entries[entry];
}

/* The table is empty before the first entry is destroyed, so destroy functions may use it. */
static void empty(GHashTable *table, gboolean destroy)
{
    guint32 small_marks[CAPACITY(SMALL_BITS)];
    struct entry small_entries[CAPACITY(SMALL_BITS)];
    guint32 *index = table->index, *marks = table->marks;
    struct entry *entries = table->entries;
    gboolean small = table->bits == SMALL_BITS;
    guint end = table->end;

    if (end == 0 && small)
        return;
    destroy = destroy && (table->destroy_key != NULL || table->destroy_value != NULL);
    if (small && destroy) {
        marks = memcpy(small_marks, marks, sizeof(small_marks));
        entries = memcpy(small_entries, entries, sizeof(small_entries));
    }
    use_small(table);
    for (guint i = 0; destroy && i < end; i++) {
        if (marks[i] != 0)
            destroy_entry(table, entries[i]);
    }
    if (!small) {
        free(index);
        free(marks);
        free(entries);
    }
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
    guint32 place = seek(table, key, mark);
    guint32 word = table->index[place];
    struct entry old, *entry;

    if (word == 0) {
        if (G_UNLIKELY(table->end == CAPACITY(table->bits))) {
            make_room(table);
            place = seek(table, key, mark);
        }
        enter(table, place, table->end, mark);
        table->marks[table->end] = mark;
        table->entries[table->end] = (struct entry){key, value};
        table->end++;
        table->used++;
        return TRUE;
    }
    entry = &table->entries[(word & (WORDS(table->bits) - 1)) - 1];
    old = *entry;
    entry->value = value;
    if (keep_new_key)
        entry->key = key;
    else
        old.key = key;
    destroy_entry(table, old);
    return FALSE;
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
    guint entry = table != NULL ? find(table, key) : G_MAXUINT;

    return entry != G_MAXUINT ? &table->entries[entry] : NULL;
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

    if (entry == NULL)
        return FALSE;
    if (orig_key != NULL)
        *orig_key = entry->key;
    if (value != NULL)
        *value = entry->value;
    return TRUE;
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
    guint entry = table != NULL ? find(table, key) : G_MAXUINT;

    if (entry == G_MAXUINT)
        return FALSE;
    *ret = vacate(table, entry);
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
    else if (found && table->destroy_key != NULL)
        table->destroy_key(entry.key);
    if (stolen_value != NULL)
        *stolen_value = entry.value;
    else if (found && table->destroy_value != NULL)
        table->destroy_value(entry.value);
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

void g_hash_table_iter_init(GHashTableIter *iter, GHashTable *table)
{
    if (iter != NULL)
        *iter = (GHashTableIter){.table = table};
}

static inline struct entry *advance(GHashTableIter *iter)
{
    const GHashTable *table = iter->table;

    while (table != NULL && iter->next < table->end) {
        if (table->marks[iter->next++] != 0)
            return &table->entries[iter->next - 1];
    }
    return NULL;
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
    destroy_entry(iter->table, vacate(iter->table, iter->next - 1));
}

void g_hash_table_iter_steal(GHashTableIter *iter)
{
    vacate(iter->table, iter->next - 1);
}

void g_hash_table_iter_replace(GHashTableIter *iter, gpointer value)
{
    struct entry *entry = &iter->table->entries[iter->next - 1];
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same random sequences of calls to our containers and to the real GLib must give the same
 * answers. This file is compiled three times: the sequences against each of the two <glib.h>, and
 * the program that compares what they wrote down. (The linker's names differ, so both fit into one
 * program.)
 *
 *   W="-std=gnu11 -g -Wall -Wextra -Werror"; S="-fsanitize=address,undefined"
 *   gcc $W $S -DSIDE=ours -Iinclude/compat -c tests/compat/glib_property.c -o ours.o
 *   gcc $W $S -DSIDE=real $(pkg-config --cflags glib-2.0) -c tests/compat/glib_property.c -o real.o
 *   gcc $W $S -Iinclude tests/compat/glib_property.c ours.o real.o src/compat/[g]*.c \
 *       $(pkg-config --libs glib-2.0) -o glib-property
 *   G_SLICE=always-malloc ./glib-property [SEQUENCES [FIRST_SEED]]
 *
 * Build it without $S, too: the pool of list nodes is off under ASan. A difference is shown with
 * its seed and the lines before it.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a sequence did and what came of it, one line a call. */
struct trace {
    char *text;
    size_t length;
    size_t size;
};

struct sequence {
    const char *name;
    void (*run)(struct trace *trace, uint64_t seed);
};

extern const struct sequence sequences_ours[], sequences_real[];

#ifdef SIDE

#include <glib.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define sequences    PASTE(sequences_, SIDE)

static struct trace *trace;
static guint64 random_state;

static guint any(guint below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (guint)((random_state >> 20) % below);
}

static __attribute__((format(printf, 1, 2))) void note(const char *format, ...)
{
    va_list args;
    int written;

    if (trace->size - trace->length < 4096) {
        trace->size = trace->size * 2 + 65536;
        trace->text = realloc(trace->text, trace->size);
    }
    va_start(args, format);
    written = vsnprintf(trace->text + trace->length, 4096, format, args);
    va_end(args);
    trace->length += (size_t)(written < 4096 ? written : 4095);
}

static void start(struct trace *to, guint64 seed)
{
    trace = to;
    random_state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < 8; i++)
        any(2);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * Lines whose order is open (iteration, destruction of many) are collected and noted in order of
 * text.
 */
static char *bag[20000];
static guint bag_size;
static gboolean collecting;

static __attribute__((format(printf, 1, 2))) void collect(const char *format, ...)
{
    char line[256];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (!collecting) {
        note(" %s", line);
        return;
    }
    if (bag_size == sizeof(bag) / sizeof(bag[0]))
        abort();
    bag[bag_size++] = strdup(line);
}

static void collect_start(void)
{
    collecting = TRUE;
    bag_size = 0;
}

static void collect_end(void)
{
    qsort(bag, bag_size, sizeof(bag[0]), by_text);
    for (guint i = 0; i < bag_size; i++) {
        note(" %s", bag[i]);
        free(bag[i]);
    }
    note("\n");
    collecting = FALSE;
}

/* ---- Tables -------------------------------------------------------------------------------- */

enum key_kind { DIRECT, DIRECT_NAMED, STRING, INT, INT64, DOUBLE, COLLIDING, BY_TENS, KINDS };

static enum key_kind kind;
static GHashTable *table;

/* Keys live until the sequence ends, so a table may own them or not. */
static gpointer arena[20000];
static guint arena_size;

static gpointer keep(gconstpointer bytes, gsize size)
{
    gpointer copy = malloc(size);

    if (arena_size == sizeof(arena) / sizeof(arena[0]))
        abort();
    memcpy(copy, bytes, size);
    arena[arena_size++] = copy;
    return copy;
}

static void free_arena(void)
{
    while (arena_size != 0)
        free(arena[--arena_size]);
}

static gpointer make_key(guint id)
{
    char text[32];
    gint number = (gint)id - 5;
    gint64 wide = (gint64)id << (id % 2 != 0 ? 33 : 0);
    gdouble real = id == 0 ? -0.0 : (id - 1) / 3.0;

    switch (kind) {
    case DIRECT:
    case DIRECT_NAMED:
        return GSIZE_TO_POINTER((gsize)id << (id % 3 == 0 ? 32 : 0));
    case STRING:
    case COLLIDING:
        snprintf(text, sizeof(text), "%s%u", id % 3 == 0 ? "\xc3\xa4" : "a longer key ", id);
        return keep(text, sizeof(text));
    case INT:
    case BY_TENS:
        return keep(&number, sizeof(number));
    case INT64:
        return keep(&wide, sizeof(wide));
    default:
        return keep(&real, sizeof(real));
    }
}

static const char *key_text(gconstpointer key)
{
    static char text[64];

    switch (kind) {
    case DIRECT:
    case DIRECT_NAMED:
        snprintf(text, sizeof(text), "%zx", GPOINTER_TO_SIZE(key));
        break;
    case STRING:
    case COLLIDING:
        snprintf(text, sizeof(text), "%s", key != NULL ? (const char *)key : "(none)");
        break;
    case INT:
    case BY_TENS:
        snprintf(text, sizeof(text), "%d", key != NULL ? *(const gint *)key : -99);
        break;
    case INT64:
        snprintf(text, sizeof(text), "%lld", key != NULL ? (long long)*(const gint64 *)key : -99);
        break;
    default:
        snprintf(text, sizeof(text), "%g", key != NULL ? *(const gdouble *)key : -99);
        break;
    }
    return text;
}

static void destroy_key(gpointer key)
{
    collect("destroyed key %s", key_text(key));
    /* whoever looks at it from now on sees something else */
    if (kind != DIRECT && kind != DIRECT_NAMED)
        memset(key, 0x5a, sizeof(gint));
}

static void destroy_value(gpointer value)
{
    /* a table may be used in here: the entry has gone, or has its new value */
    collect("destroyed value %u", GPOINTER_TO_UINT(value));
    if (!collecting)
        note(" (at size %u)", g_hash_table_size(table));
}

static guint colliding_hash(gconstpointer key)
{
    return g_str_hash(key) & 3;
}

static guint hash_by_tens(gconstpointer key)
{
    return (guint)(*(const gint *)key / 10);
}

static gboolean equal_by_tens(gconstpointer a, gconstpointer b)
{
    return *(const gint *)a / 10 == *(const gint *)b / 10;
}

static GHashTable *make_table(void)
{
    static const GHashFunc hashes[KINDS] = {
        NULL,         g_direct_hash, g_str_hash,     g_int_hash,
        g_int64_hash, g_double_hash, colliding_hash, hash_by_tens,
    };
    static const GEqualFunc equals[KINDS] = {
        NULL,          g_direct_equal, g_str_equal, g_int_equal,
        g_int64_equal, g_double_equal, g_str_equal, equal_by_tens,
    };
    guint destroy = any(4);

    note("table of kind %d, destroy %u\n", (int)kind, destroy);
    if (destroy == 0 && any(2) != 0)
        return g_hash_table_new(hashes[kind], equals[kind]);
    return g_hash_table_new_full(hashes[kind], equals[kind], destroy & 1 ? destroy_key : NULL,
                                 destroy & 2 ? destroy_value : NULL);
}

static void collect_pair(gpointer key, gpointer value, gpointer user_data)
{
    collect("%s=%u%s", key_text(key), GPOINTER_TO_UINT(value), user_data != NULL ? "!" : "");
}

/* Depends on the value and not on the order. */
static gboolean is_chosen(gpointer value, guint round)
{
    return (GPOINTER_TO_UINT(value) * 2654435761u >> 16) % 4 == round;
}

static gboolean choose(gpointer key, gpointer value, gpointer user_data)
{
    if (!is_chosen(value, GPOINTER_TO_UINT(user_data)))
        return FALSE;
    collect("chosen %s=%u", key_text(key), GPOINTER_TO_UINT(value));
    return TRUE;
}

static gboolean has_value(gpointer key, gpointer value, gpointer user_data)
{
    (void)key;
    return value == user_data;
}

static void iterate(guint round)
{
    GHashTableIter iter;
    gpointer key, value;

    collect_start();
    g_hash_table_iter_init(&iter, table);
    if (g_hash_table_iter_get_hash_table(&iter) != table)
        note("wrong table");
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        collect("%s=%u", key_text(key), GPOINTER_TO_UINT(value));
        if (is_chosen(value, round))
            g_hash_table_iter_remove(&iter);
        else if (is_chosen(value, (round + 1) % 4))
            g_hash_table_iter_steal(&iter);
        else if (is_chosen(value, (round + 2) % 4))
            g_hash_table_iter_replace(&iter, GUINT_TO_POINTER(GPOINTER_TO_UINT(value) + 1));
    }
    collect_end();
}

static void note_lists(void)
{
    GList *keys = g_hash_table_get_keys(table), *values = g_hash_table_get_values(table);
    guint length = 12345;
    gpointer *array = g_hash_table_get_keys_as_array(table, any(2) != 0 ? &length : NULL);

    note("lists of %u, %u, %u:", g_list_length(keys), g_list_length(values), length);
    collect_start();
    for (const GList *node = keys; node != NULL; node = node->next)
        collect("k%s", key_text(node->data));
    for (const GList *node = values; node != NULL; node = node->next)
        collect("v%u", GPOINTER_TO_UINT(node->data));
    for (guint i = 0; i < g_hash_table_size(table); i++)
        collect("a%s", key_text(array[i]));
    if (array[g_hash_table_size(table)] != NULL)
        note("array has no end");
    collect_end();
    g_list_free(keys);
    g_list_free(values);
    g_free(array);
}

static void table_call(guint universe, guint n)
{
    gpointer value = GUINT_TO_POINTER(n + 1), stored = &table, out = &table;
    guint what = any(100), round = any(4);
    gpointer key = make_key(any(universe));

    note("%u: %u key %s", n, what, key_text(key));
    if (what < 25) {
        note(" insert %d", g_hash_table_insert(table, key, value));
    } else if (what < 32) {
        note(" replace %d", g_hash_table_replace(table, key, value));
    } else if (what < 36 && (kind == DIRECT || kind == DIRECT_NAMED)) {
        note(" add %d", g_hash_table_add(table, key));
    } else if (what < 45) {
        note(" lookup %u", GPOINTER_TO_UINT(g_hash_table_lookup(table, key)));
    } else if (what < 50) {
        gboolean found = g_hash_table_lookup_extended(table, key, what & 1 ? &stored : NULL,
                                                      what & 2 ? &out : NULL);
        note(" lookup_extended %d", found);
        if (found && stored != &table)
            note(" %s", key_text(stored));
        note(" %s", out == &table ? "untouched" : "");
        if (found && out != &table)
            note("%u", GPOINTER_TO_UINT(out));
    } else if (what < 54) {
        note(" contains %d", g_hash_table_contains(table, key));
    } else if (what < 74) {
        note(" remove %d", g_hash_table_remove(table, key));
    } else if (what < 80) {
        note(" steal %d", g_hash_table_steal(table, key));
    } else if (what < 86) {
        gboolean found = g_hash_table_steal_extended(table, key, what & 1 ? &stored : NULL,
                                                     what & 2 ? &out : NULL);
        note(" steal_extended %d", found);
        note(" %s", stored == &table ? "untouched" : key_text(stored));
        note(" %u", out == &table ? 77777 : GPOINTER_TO_UINT(out));
    } else if (what < 88) {
        note(" foreach");
        collect_start();
        g_hash_table_foreach(table, collect_pair, any(2) != 0 ? table : NULL);
        collect_end();
    } else if (what < 90) {
        note(" find %u",
             GPOINTER_TO_UINT(g_hash_table_find(table, has_value, GUINT_TO_POINTER(any(n + 1)))));
    } else if (what < 92) {
        note(" iterate");
        iterate(round);
    } else if (what < 94) {
        collect_start();
        note(" foreach_remove %u",
             g_hash_table_foreach_remove(table, choose, GUINT_TO_POINTER(round)));
        collect_end();
    } else if (what < 96) {
        collect_start();
        note(" foreach_steal %u",
             g_hash_table_foreach_steal(table, choose, GUINT_TO_POINTER(round)));
        collect_end();
    } else if (what < 98) {
        note_lists();
    } else if (any(12) == 0) {
        collect_start();
        if (any(2) != 0)
            g_hash_table_remove_all(table);
        else
            g_hash_table_steal_all(table);
        collect_end();
    } else if (any(12) == 0) {
        GHashTable *similar = g_hash_table_new_similar(table);
        g_hash_table_insert(similar, key, value);
        g_hash_table_insert(similar, make_key(3), value);
        note(" similar of size %u", g_hash_table_size(similar));
        g_hash_table_ref(similar);
        collect_start();
        g_hash_table_destroy(similar);
        collect_end();
        note(" now of size %u", g_hash_table_size(similar));
        g_hash_table_unref(similar);
    }
    note(" size %u\n", g_hash_table_size(table));
}

static void run_table(struct trace *to, guint64 seed)
{
    static const guint universes[] = {2, 12, 100, 1000, 6000};
    guint universe, calls;

    start(to, seed);
    kind = (enum key_kind)any(KINDS);
    universe = universes[any(5)];
    calls = universe < 1000 ? 300 : 2000;
    table = make_table();
    /* large tables are filled first, and emptied at the end one by one */
    for (guint i = 0; universe >= 1000 && i < universe; i++)
        note(" %d", g_hash_table_insert(table, make_key(i), GUINT_TO_POINTER(i)));
    for (guint i = 0; i < calls; i++)
        table_call(universe, i);
    note_lists();
    for (guint i = 0; any(2) != 0 && i < universe; i++)
        note(" %d", g_hash_table_remove(table, make_key(i)));
    note("last size %u\n", g_hash_table_size(table));
    collect_start();
    if (any(2) != 0)
        g_hash_table_destroy(table);
    else
        g_hash_table_unref(table);
    collect_end();
    free_arena();
}

/* ---- Lists --------------------------------------------------------------------------------- */

/* Numbers with a rank (their upper part), so that stability of a sort shows. */
static gpointer some_data(void)
{
    return GUINT_TO_POINTER(any(6) * 256 + any(40));
}

static gint by_rank(gconstpointer a, gconstpointer b)
{
    return (gint)(GPOINTER_TO_UINT(a) / 256) - (gint)(GPOINTER_TO_UINT(b) / 256);
}

static gint by_rank_with(gconstpointer a, gconstpointer b, gpointer user_data)
{
    return user_data != NULL ? by_rank(b, a) : by_rank(a, b);
}

static gint has_rank(gconstpointer a, gconstpointer b)
{
    return by_rank(a, b);
}

static gpointer add_one(gconstpointer data, gpointer user_data)
{
    return GSIZE_TO_POINTER(GPOINTER_TO_SIZE(data) + GPOINTER_TO_SIZE(user_data));
}

static void note_data(gpointer data, gpointer user_data)
{
    note(" %u%s", GPOINTER_TO_UINT(data), user_data != NULL ? "!" : "");
}

static void note_freed(gpointer data)
{
    note(" -%u", GPOINTER_TO_UINT(data));
}

static void note_slist(const GSList *list)
{
    note(" [");
    for (; list != NULL; list = list->next)
        note(" %u", GPOINTER_TO_UINT(list->data));
    note(" ]\n");
}

static void run_slist(struct trace *to, guint64 seed)
{
    GSList *lists[2] = {NULL, NULL};

    start(to, seed);
    for (guint i = 0; i < 400; i++) {
        guint what = any(30), which = any(2);
        GSList *list = lists[which], *other = lists[1 - which], *node;
        gpointer data = some_data();
        gint position = (gint)any(12) - 2;

        if (g_slist_length(list) > 200)
            what = 29;
        note("%u: %u list %u data %u at %d:", i, what, which, GPOINTER_TO_UINT(data), position);
        node = g_slist_nth(list, any(g_slist_length(list) + 1));
        switch (what) {
        case 0:
        case 1:
            list = g_slist_append(list, data);
            break;
        case 2:
        case 3:
            list = g_slist_prepend(list, data);
            break;
        case 4:
        case 5:
            list = g_slist_insert(list, data, position);
            break;
        case 6:
            list = g_slist_insert_sorted(list, data, by_rank);
            break;
        case 7:
            list = g_slist_insert_sorted_with_data(list, data, by_rank_with, any(2) ? data : NULL);
            break;
        case 8:
        case 9:
            list = g_slist_insert_before(list, node, data);
            break;
        case 10:
            list = g_slist_concat(list, other);
            other = NULL;
            break;
        case 11:
            list = g_slist_remove(list, data);
            break;
        case 12:
            list = g_slist_remove_all(list, data);
            break;
        case 13:
            if (node != NULL) {
                list = g_slist_remove_link(list, node);
                note(" link %u, next %d", GPOINTER_TO_UINT(node->data), node->next != NULL);
                g_slist_free_1(node);
            }
            break;
        case 14:
            if (node != NULL)
                list = g_slist_delete_link(list, node);
            break;
        case 15:
            list = g_slist_reverse(list);
            break;
        case 16:
            node = g_slist_copy(list);
            note_slist(node);
            g_slist_free(node);
            break;
        case 17:
            node = g_slist_copy_deep(list, any(2) ? add_one : NULL, GUINT_TO_POINTER(1));
            note_slist(node);
            g_slist_free_full(node, note_freed);
            break;
        case 18:
            note(" nth %u", GPOINTER_TO_UINT(g_slist_nth_data(list, any(12))));
            note(" nth %d", g_slist_nth(list, any(12)) != NULL);
            break;
        case 19:
            node = g_slist_find(list, data);
            note(" find at %d", g_slist_position(list, node));
            break;
        case 20:
            node = g_slist_find_custom(list, data, has_rank);
            note(" find_custom at %d", g_slist_position(list, node));
            break;
        case 21:
            note(" index %d", g_slist_index(list, data));
            break;
        case 22:
            node = g_slist_last(list);
            note(" last %u", node != NULL ? GPOINTER_TO_UINT(node->data) : 99999);
            break;
        case 23:
            g_slist_foreach(list, note_data, any(2) ? list : NULL);
            break;
        case 24:
        case 25:
            list = g_slist_sort(list, by_rank);
            break;
        case 26:
            list = g_slist_sort_with_data(list, by_rank_with, any(2) ? data : NULL);
            break;
        case 27:
            note(" next %d", g_slist_next(node) != NULL);
            break;
        case 28:
            node = g_slist_alloc();
            note(" alloc %d %d", node->data != NULL, node->next != NULL);
            g_slist_free1(node);
            break;
        default:
            if (any(4) == 0) {
                GDestroyNotify func = any(2) ? note_freed : NULL; /* GLib's macro names it twice */
                g_clear_slist(&list, func);
            }
            break;
        }
        lists[which] = list;
        lists[1 - which] = other;
        note(" length %u", g_slist_length(list));
        note_slist(list);
    }
    g_slist_free(lists[0]);
    g_slist_free_full(lists[1], note_freed);
}

static void note_list(const GList *list)
{
    const GList *prev = NULL;

    note(" [");
    for (; list != NULL; list = list->next) {
        note(" %u%s", GPOINTER_TO_UINT(list->data), list->prev != prev ? " WRONG PREV" : "");
        prev = list;
    }
    note(" ]\n");
}

static void run_list(struct trace *to, guint64 seed)
{
    GList *lists[2] = {NULL, NULL};

    start(to, seed);
    for (guint i = 0; i < 400; i++) {
        guint what = any(36), which = any(2);
        GList *list = lists[which], *other = lists[1 - which], *node;
        gpointer data = some_data();
        gint position = (gint)any(12) - 2;

        if (g_list_length(list) > 200)
            what = 35;
        note("%u: %u list %u data %u at %d:", i, what, which, GPOINTER_TO_UINT(data), position);
        node = g_list_nth(list, any(g_list_length(list) + 1));
        switch (what) {
        case 0:
        case 1:
            list = g_list_append(list, data);
            break;
        case 2:
        case 3:
            list = g_list_prepend(list, data);
            break;
        case 4:
        case 5:
            list = g_list_insert(list, data, position);
            break;
        case 6:
            list = g_list_insert_sorted(list, data, by_rank);
            break;
        case 7:
            list = g_list_insert_sorted_with_data(list, data, by_rank_with, any(2) ? data : NULL);
            break;
        case 8:
        case 9:
            list = g_list_insert_before(list, node, data);
            break;
        case 10:
            list = g_list_concat(list, other);
            other = NULL;
            break;
        case 11:
            list = g_list_remove(list, data);
            break;
        case 12:
            list = g_list_remove_all(list, data);
            break;
        case 13:
            list = g_list_remove_link(list, node);
            if (node != NULL) {
                note(" link %d %d", node->next != NULL, node->prev != NULL);
                g_list_free_1(node);
            }
            break;
        case 14:
            list = g_list_delete_link(list, node);
            break;
        case 15:
            list = g_list_reverse(list);
            break;
        case 16:
            node = g_list_copy(list);
            note_list(node);
            g_list_free(node);
            break;
        case 17:
            node = g_list_copy_deep(list, any(2) ? add_one : NULL, GUINT_TO_POINTER(1));
            note_list(node);
            g_list_free_full(node, note_freed);
            break;
        case 18:
            note(" nth %u", GPOINTER_TO_UINT(g_list_nth_data(list, any(12))));
            break;
        case 19:
            note(" find at %d", g_list_position(list, g_list_find(list, data)));
            break;
        case 20:
            note(" find_custom at %d",
                 g_list_position(list, g_list_find_custom(list, data, has_rank)));
            break;
        case 21:
            note(" index %d", g_list_index(list, data));
            break;
        case 22:
            note(" first %d, last at %d", g_list_first(node) == list,
                 g_list_position(list, g_list_last(node)));
            break;
        case 23:
            g_list_foreach(list, note_data, any(2) ? list : NULL);
            break;
        case 24:
        case 25:
            list = g_list_sort(list, by_rank);
            break;
        case 26:
            list = g_list_sort_with_data(list, by_rank_with, any(2) ? data : NULL);
            break;
        case 27:
            note(" next %d, previous %d", g_list_next(node) != NULL, g_list_previous(node) != NULL);
            break;
        case 28:
            note(" nth_prev %d", g_list_position(list, g_list_nth_prev(node, any(5))));
            break;
        case 29:
            node = g_list_alloc();
            note(" alloc %d %d %d", node->data != NULL, node->next != NULL, node->prev != NULL);
            node->data = data;
            list = g_list_insert_before_link(list, g_list_nth(list, any(6)), node);
            break;
        case 30:
            /* from the middle: what comes back is the new node */
            if (node != NULL)
                note(" in the middle %u", GPOINTER_TO_UINT(g_list_prepend(node, data)->data));
            list = g_list_first(list);
            break;
        default:
            if (any(8) == 0) {
                GDestroyNotify func = any(2) ? note_freed : NULL;
                g_clear_list(&list, func);
            }
            break;
        }
        lists[which] = list;
        lists[1 - which] = other;
        note(" length %u", g_list_length(list));
        note_list(list);
    }
    g_list_free(lists[0]);
    g_list_free_full(lists[1], note_freed);
}

static void note_queue(GQueue *queue)
{
    GList *last = g_list_last(queue->head);

    note(" length %u %u%s", queue->length, g_list_length(queue->head),
         queue->tail != last ? " WRONG TAIL" : "");
    note_list(queue->head);
}

static void run_queue(struct trace *to, guint64 seed)
{
    GQueue on_stack = G_QUEUE_INIT, *queue = &on_stack, *copy;
    gboolean allocated;

    start(to, seed);
    allocated = any(2) != 0;
    if (allocated)
        queue = g_queue_new();
    else if (any(2) != 0)
        g_queue_init(queue);
    for (guint i = 0; i < 400; i++) {
        guint what = any(46);
        gpointer data = some_data();
        gint n = (gint)any(12) - 2;
        GList *sibling, *node;

        if (queue->length > 150)
            what = 99;
        note("%u: %u data %u n %d:", i, what, GPOINTER_TO_UINT(data), n);
        sibling = g_queue_peek_nth_link(queue, any(queue->length + 1));
        node = g_list_append(NULL, data);
        switch (what) {
        case 0:
        case 1:
            g_queue_push_head(queue, data);
            break;
        case 2:
        case 3:
            g_queue_push_tail(queue, data);
            break;
        case 4:
        case 5:
            g_queue_push_nth(queue, data, n);
            break;
        case 6:
            note(" pop %u", GPOINTER_TO_UINT(g_queue_pop_head(queue)));
            break;
        case 7:
            note(" pop %u", GPOINTER_TO_UINT(g_queue_pop_tail(queue)));
            break;
        case 8:
            note(" pop %u", GPOINTER_TO_UINT(g_queue_pop_nth(queue, (guint)n)));
            break;
        case 9:
            note(" peek %u %u %u", GPOINTER_TO_UINT(g_queue_peek_head(queue)),
                 GPOINTER_TO_UINT(g_queue_peek_tail(queue)),
                 GPOINTER_TO_UINT(g_queue_peek_nth(queue, (guint)n)));
            break;
        case 10:
            note(" index %d", g_queue_index(queue, data));
            break;
        case 11:
            note(" remove %d", g_queue_remove(queue, data));
            break;
        case 12:
            note(" remove_all %u", g_queue_remove_all(queue, data));
            break;
        case 13:
        case 14:
            g_queue_insert_before(queue, sibling, data);
            break;
        case 15:
        case 16:
            g_queue_insert_after(queue, sibling, data);
            break;
        case 17:
        case 18:
            g_queue_insert_sorted(queue, data, by_rank_with, any(2) ? data : NULL);
            break;
        case 19:
            g_queue_push_head_link(queue, node);
            node = NULL;
            break;
        case 20:
            g_queue_push_tail_link(queue, node);
            node = NULL;
            break;
        case 21:
        case 22:
            g_queue_push_nth_link(queue, n, node);
            node = NULL;
            break;
        case 23:
            g_list_free(node);
            node = g_queue_pop_head_link(queue);
            break;
        case 24:
            g_list_free(node);
            node = g_queue_pop_tail_link(queue);
            break;
        case 25:
            g_list_free(node);
            node = g_queue_pop_nth_link(queue, (guint)n);
            break;
        case 26:
            note(" links %d %d %d", g_queue_peek_head_link(queue) == queue->head,
                 g_queue_peek_tail_link(queue) == queue->tail,
                 g_queue_link_index(queue, g_queue_peek_nth_link(queue, (guint)n)));
            break;
        case 27:
            if (sibling != NULL) {
                g_queue_unlink(queue, sibling);
                g_list_free(node);
                node = sibling;
            }
            break;
        case 28:
            if (sibling != NULL)
                g_queue_delete_link(queue, sibling);
            break;
        case 29:
            g_queue_insert_before_link(queue, sibling, node);
            node = NULL;
            break;
        case 30:
            g_queue_insert_after_link(queue, sibling, node);
            node = NULL;
            break;
        case 31:
            g_queue_reverse(queue);
            break;
        case 32:
            copy = g_queue_copy(queue);
            note_queue(copy);
            g_queue_free(copy);
            break;
        case 33:
            copy = g_queue_copy(queue);
            g_queue_free_full(copy, note_freed);
            break;
        case 34:
            g_queue_foreach(queue, note_data, any(2) ? queue : NULL);
            break;
        case 35:
            note(" find at %d", g_queue_link_index(queue, g_queue_find(queue, data)));
            break;
        case 36:
            note(" find_custom at %d",
                 g_queue_link_index(queue, g_queue_find_custom(queue, data, has_rank)));
            break;
        case 37:
        case 38:
            g_queue_sort(queue, by_rank_with, any(2) ? data : NULL);
            break;
        case 39:
            note(" empty %d length %u", g_queue_is_empty(queue), g_queue_get_length(queue));
            break;
        case 40:
            if (any(6) == 0)
                g_queue_clear(queue);
            break;
        case 99:
            g_queue_clear_full(queue, note_freed);
            break;
        default:
            break;
        }
        if (node != NULL)
            note(" node %u %d %d", GPOINTER_TO_UINT(node->data), node->next != NULL,
                 node->prev != NULL);
        g_list_free(node);
        note_queue(queue);
    }
    if (allocated)
        g_queue_free(queue);
    else
        g_queue_clear(queue);
}

/* ---- Small calls --------------------------------------------------------------------------- */

static char *some_text(char *text, guint size)
{
    guint length = any(size);

    for (guint i = 0; i < length; i++)
        text[i] = (char)(any(8) != 0 ? 'a' + any(3) : 1 + any(255));
    text[length] = '\0';
    return text;
}

static gint sign(gint number)
{
    return (number > 0) - (number < 0);
}

static void note_text(gchar *text)
{
    note(" %s", text != NULL ? text : "(none)");
    g_free(text);
}

static void run_small(struct trace *to, guint64 seed)
{
    volatile gsize half = G_MAXSIZE / 2; /* hidden from the compiler, which knows the result */

    start(to, seed);
    for (guint i = 0; i < 300; i++) {
        char buffers[2][40] = {{0}};
        const char *a = some_text(buffers[0], 32), *b = some_text(buffers[1], any(2) ? 3 : 32);
        const char *c = any(8) != 0 ? a : NULL, *d = any(8) != 0 ? b : NULL;
        gint number = (gint)any(1000) - 500;
        gint64 wide = ((gint64)any(4) << 40) - any(3);
        gint64 wide2 = ((gint64)any(4) << 40) - any(3);
        gdouble real = any(3) - 1.0, real2 = any(3) - 1.0;
        gchar *filled, *empty[] = {NULL}, *texts[] = {buffers[0], buffers[1], NULL}, **copy;
        guint n = any(40);

        note("%u: %s | %s", i, a, b);
        note_text(g_strdup(c));
        note_text(g_strconcat(a, b, a, NULL));
        note_text(g_strconcat(a, NULL));
        filled = g_strndup(c, n);
        for (guint k = 0; filled != NULL && k <= n; k++)
            note(" %02x", (unsigned char)filled[k]);
        g_free(filled);
        note(" cmp %d", sign(g_strcmp0(c, d)));
        note(" prefix %d %d suffix %d %d", g_str_has_prefix(a, b), g_str_has_prefix(a, ""),
             g_str_has_suffix(a, b), g_str_has_suffix(a, ""));
        copy = g_strdupv(any(4) ? texts : empty);
        note(" strv %u", g_strv_length(copy));
        for (guint k = 0; copy[k] != NULL; k++)
            note(" %s", copy[k]);
        g_strfreev(copy);
        note(" hash %u %u %u", g_str_hash(a), g_int_hash(&number),
             g_direct_hash(GSIZE_TO_POINTER(wide)));
        note(" equal %d %d %d %d", g_str_equal(a, b), g_int64_equal(&wide, &wide2),
             g_double_equal(&real, &real2), g_direct_equal(a, b));
        note(" same hash %d %d", g_int64_hash(&wide) == g_int64_hash(&wide2) || wide != wide2,
             g_double_hash(&real) == g_double_hash(&real2) || real != real2);
        filled = g_memdup2(a, n % 32);
        note(" memdup %d", filled != NULL && memcmp(filled, a, n % 32) == 0);
        filled = g_realloc(filled, 64);
        memset(filled, 1, 64);
        filled = g_realloc(filled, 0);
        note(" realloc %d", filled != NULL);
        filled = g_malloc0(n);
        for (guint k = 0; k < n; k++)
            note("%d", filled[k]);
        note(" malloc %d", filled != NULL);
        g_clear_pointer(&filled, g_free);
        note(" clear %d\n", filled != NULL);
    }
    note(" try %d %d\n", g_try_malloc_n(half, 3) != NULL, g_try_malloc0_n(half, 3) != NULL);
    note(" sizes %zu %zu %zu %zu %zu %zu\n", sizeof(gsize), sizeof(gint64), sizeof(glong),
         sizeof(gunichar), sizeof(gboolean), sizeof(goffset));
    note(" formats %" G_GINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GSIZE_FORMAT "\n", G_MININT64,
         G_MAXUINT64, G_MAXSIZE);
    note(" macros %d %d %d %d %zu\n", MIN(1, 2), MAX(1, 2), ABS(-3), CLAMP(9, 1, 5),
         G_N_ELEMENTS(((int[]){1, 2, 3})));
    note(" pointers %d %u %d\n", GPOINTER_TO_INT(GINT_TO_POINTER(-7)),
         GPOINTER_TO_UINT(GUINT_TO_POINTER(G_MAXUINT)), GLIB_CHECK_VERSION(2, 30, 0));
}

const struct sequence sequences[] = {
    {"table", run_table}, {"slist", run_slist}, {"list", run_list},
    {"queue", run_queue}, {"small", run_small}, {NULL, NULL},
};

#else /* the program */

/* Shows the first line that differs and some before it. */
static void show_difference(const char *ours, const char *real)
{
    const char *from = ours, *end;
    size_t same = 0;
    int lines = 0;

    while (ours[same] == real[same] && ours[same] != '\0')
        same++;
    for (const char *p = ours + same; p > ours; p--) {
        if (p[-1] == '\n' && ++lines == 4) {
            from = p;
            break;
        }
    }
    end = strchr(ours + same, '\n');
    printf("  ours: %.*s\n", (int)(end != NULL && end - from < 2000 ? end - from : 2000), from);
    end = strchr(real + same, '\n');
    from = real + same;
    while (from > real && from[-1] != '\n')
        from--;
    printf("  GLib: %.*s\n", (int)(end != NULL && end - from < 2000 ? end - from : 2000), from);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 400;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    unsigned long passed = 0, failed = 0;

    for (int i = 0; sequences_ours[i].name != NULL; i++) {
        for (uint64_t seed = first; seed < first + count; seed++) {
            struct trace ours = {0}, real = {0};

            sequences_ours[i].run(&ours, seed);
            sequences_real[i].run(&real, seed);
            if (ours.length == real.length && memcmp(ours.text, real.text, ours.length) == 0) {
                passed++;
            } else if (failed++ < 10) {
                printf("%s, seed %llu:\n", sequences_ours[i].name, (unsigned long long)seed);
                show_difference(ours.text, real.text);
            }
            free(ours.text);
            free(real.text);
        }
    }
    printf("%lu passed, %lu failed\n", passed, failed);
    return failed != 0;
}

#endif

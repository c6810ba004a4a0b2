/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our containers beside GLib's, in turns. This file is compiled three times: the
 * cases against each of the two <glib.h>, and the program that runs both.
 *
 *   O="gcc -std=gnu11 -O2 -Wall -Wextra -Werror"
 *   $O -DSIDE=ours -Iinclude/compat -c bench/glib.c -o ours.o
 *   $O -DSIDE=real $(pkg-config --cflags glib-2.0) -c bench/glib.c -o real.o
 *   $O -Iinclude bench/glib.c ours.o real.o src/compat/[g]*.c $(pkg-config --libs glib-2.0) -o
 * glib-bench
 *   ./glib-bench
 *
 * A row: nanoseconds of processor time per operation with each (the best of the rounds), and GLib's
 * time divided by ours: above 1 is faster than GLib.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench_case {
    const char *name;
    unsigned long (*run)(unsigned int n); /* returns operations */
    unsigned int n;
};

extern const struct bench_case cases_ours[], cases_real[];

#ifdef SIDE

#include <glib.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define cases        PASTE(cases_, SIDE)

/* about this many operations a run, whatever the size of the container */
#define WORK 400000u

static gsize sink;

static guint64 random_state;

static guint64 random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Keys are made once for each kind and size, and used in an order that is not that of insertion. */
enum key_kind { KEYS_SMALL, KEYS_POINTERS, KEYS_RANDOM, KEYS_STRINGS, KEYS_INT64 };

static gpointer *make_keys(enum key_kind kind, guint n)
{
    gpointer *keys = g_new(gpointer, n);

    random_state = 88172645463325252u;
    for (guint i = 0; i < n; i++) {
        switch (kind) {
        case KEYS_SMALL:
            keys[i] = GUINT_TO_POINTER(i);
            break;
        case KEYS_POINTERS:
            keys[i] = malloc(48);
            break;
        case KEYS_RANDOM:
            keys[i] = GSIZE_TO_POINTER(random64());
            break;
        case KEYS_STRINGS: {
            char text[64];
            snprintf(text, sizeof(text), "sym_%u_%x", i, (guint)random64());
            keys[i] = g_strdup(text);
            break;
        }
        case KEYS_INT64: {
            gint64 *number = g_new(gint64, 1);
            *number = (gint64)random64();
            keys[i] = number;
            break;
        }
        }
    }
    return keys;
}

static gpointer *keys_of(enum key_kind kind, guint n)
{
    static struct {
        gpointer *keys;
        gpointer *shuffled;
        guint n;
    } made[5][9];
    guint i = 0;

    while (made[kind][i].keys != NULL && made[kind][i].n != n)
        i++;
    if (made[kind][i].keys == NULL) {
        made[kind][i].keys = make_keys(kind, n);
        made[kind][i].n = n;
    }
    return made[kind][i].keys;
}

/* a permutation of 0..n-1 that is no walk through memory */
static inline guint scattered(guint i, guint n)
{
    return (guint)((guint64)i * 2654435761u % n);
}

static GHashTable *make_table(enum key_kind kind)
{
    switch (kind) {
    case KEYS_STRINGS:
        return g_hash_table_new(g_str_hash, g_str_equal);
    case KEYS_INT64:
        return g_hash_table_new(g_int64_hash, g_int64_equal);
    default:
        return g_hash_table_new(NULL, NULL);
    }
}

static GHashTable *fill(enum key_kind kind, guint n)
{
    GHashTable *table = make_table(kind);
    gpointer *keys = keys_of(kind, n);

    for (guint i = 0; i < n; i++)
        g_hash_table_insert(table, keys[i], GUINT_TO_POINTER(i));
    return table;
}

/* A full table, made once: making it is measured by itself. */
static GHashTable *full_table(enum key_kind kind, guint n)
{
    static struct {
        GHashTable *table;
        guint n;
    } made[5][9];
    guint i = 0;

    while (made[kind][i].table != NULL && made[kind][i].n != n)
        i++;
    if (made[kind][i].table == NULL) {
        made[kind][i].table = fill(kind, n);
        made[kind][i].n = n;
    }
    return made[kind][i].table;
}

static gulong do_fill(enum key_kind kind, guint n)
{
    guint rounds = WORK / n + 1;

    for (guint r = 0; r < rounds; r++)
        g_hash_table_destroy(fill(kind, n));
    return (gulong)rounds * n;
}

static gulong do_lookup(enum key_kind kind, guint n)
{
    GHashTable *table = full_table(kind, n);
    gpointer *keys = keys_of(kind, n);
    guint rounds = WORK / n + 1;

    for (guint r = 0; r < rounds; r++) {
        for (guint i = 0; i < n; i++)
            sink += GPOINTER_TO_SIZE(g_hash_table_lookup(table, keys[scattered(i, n)]));
    }
    return (gulong)rounds * n;
}

static gulong do_miss(enum key_kind kind, guint n)
{
    GHashTable *table = full_table(kind, n);
    guint rounds = WORK / n + 1;

    random_state = 2463534242u;
    for (guint r = 0; r < rounds; r++) {
        for (guint i = 0; i < n; i++) {
            char text[] = "sym_miss________";
            guint64 number = random64();
            gconstpointer key = GSIZE_TO_POINTER(number | G_GUINT64_CONSTANT(1) << 40);
            if (kind == KEYS_STRINGS) {
                memcpy(text + 8, &number, 7);
                key = text;
            } else if (kind == KEYS_INT64) {
                key = &number;
            }
            sink += (gsize)g_hash_table_contains(table, key);
        }
    }
    return (gulong)rounds * n;
}

/* One goes and one comes, as with pids or pages. */
static gulong do_churn(enum key_kind kind, guint n)
{
    GHashTable *table = full_table(kind, n);
    gpointer *keys = keys_of(kind, n);
    guint rounds = WORK / n + 1;

    for (guint r = 0; r < rounds; r++) {
        for (guint i = 0; i < n; i++) {
            gpointer key = keys[scattered(i, n)];
            g_hash_table_remove(table, key);
            g_hash_table_insert(table, key, GUINT_TO_POINTER(i));
        }
    }
    return (gulong)rounds * n * 2;
}

static gulong do_iterate(enum key_kind kind, guint n)
{
    GHashTable *table = full_table(kind, n);
    guint rounds = WORK / n + 1;
    GHashTableIter iter;
    gpointer key, value;

    for (guint r = 0; r < rounds; r++) {
        g_hash_table_iter_init(&iter, table);
        while (g_hash_table_iter_next(&iter, &key, &value))
            sink += GPOINTER_TO_SIZE(value);
    }
    return (gulong)rounds * n;
}

#define TABLE_CASE(what, kind, name)                                                               \
    static gulong what##_##name(guint n)                                                           \
    {                                                                                              \
        return do_##what(kind, n);                                                                 \
    }
#define TABLE_CASES(kind, name)                                                                    \
    TABLE_CASE(fill, kind, name)                                                                   \
    TABLE_CASE(lookup, kind, name)                                                                 \
    TABLE_CASE(miss, kind, name)                                                                   \
    TABLE_CASE(churn, kind, name)                                                                  \
    TABLE_CASE(iterate, kind, name)
TABLE_CASES(KEYS_SMALL, small)
TABLE_CASES(KEYS_POINTERS, pointers)
TABLE_CASES(KEYS_RANDOM, random)
TABLE_CASES(KEYS_STRINGS, strings)
TABLE_CASES(KEYS_INT64, int64)

static gint compare(gconstpointer a, gconstpointer b)
{
    return (a > b) - (a < b);
}

static gulong slist_prepend_free(guint n)
{
    guint rounds = WORK / n + 1;

    for (guint r = 0; r < rounds; r++) {
        GSList *list = NULL;
        for (guint i = 0; i < n; i++)
            list = g_slist_prepend(list, GUINT_TO_POINTER(i));
        g_slist_free(list);
    }
    return (gulong)rounds * n;
}

static gulong list_prepend_free(guint n)
{
    guint rounds = WORK / n + 1;

    for (guint r = 0; r < rounds; r++) {
        GList *list = NULL;
        for (guint i = 0; i < n; i++)
            list = g_list_prepend(list, GUINT_TO_POINTER(i));
        g_list_free(list);
    }
    return (gulong)rounds * n;
}

static GSList *random_slist(guint n)
{
    GSList *list = NULL;

    random_state = 88172645463325252u;
    for (guint i = 0; i < n; i++)
        list = g_slist_prepend(list, GSIZE_TO_POINTER(random64()));
    return list;
}

static GList *random_list(guint n)
{
    GList *list = NULL;

    random_state = 88172645463325252u;
    for (guint i = 0; i < n; i++)
        list = g_list_prepend(list, GSIZE_TO_POINTER(random64()));
    return list;
}

static gulong slist_sort(guint n)
{
    guint rounds = WORK / 4 / n + 1;

    for (guint r = 0; r < rounds; r++)
        g_slist_free(g_slist_sort(random_slist(n), compare));
    return (gulong)rounds * n;
}

static gulong list_sort(guint n)
{
    guint rounds = WORK / 4 / n + 1;

    for (guint r = 0; r < rounds; r++)
        g_list_free(g_list_sort(random_list(n), compare));
    return (gulong)rounds * n;
}

static gulong list_walks(guint n)
{
    GList *list = random_list(n);
    guint rounds = WORK / n + 1;

    for (guint r = 0; r < rounds; r++) {
        sink += g_list_length(list);
        sink += GPOINTER_TO_SIZE(g_list_find(list, &sink));
        sink += GPOINTER_TO_SIZE(g_list_nth_data(list, n - 1));
        list = g_list_reverse(list);
    }
    g_list_free(list);
    return (gulong)rounds * n * 4;
}

static gulong slist_copy(guint n)
{
    GSList *list = random_slist(n);
    guint rounds = WORK / n + 1;

    for (guint r = 0; r < rounds; r++)
        g_slist_free(g_slist_copy(list));
    g_slist_free(list);
    return (gulong)rounds * n;
}

static gulong queue_through(guint n)
{
    GQueue *queue = g_queue_new();

    for (guint i = 0; i < n; i++)
        g_queue_push_tail(queue, GUINT_TO_POINTER(i));
    for (guint i = 0; i < WORK; i++) {
        g_queue_push_tail(queue, GUINT_TO_POINTER(i));
        sink += GPOINTER_TO_SIZE(g_queue_pop_head(queue));
    }
    g_queue_free(queue);
    return WORK * 2ul;
}

static gulong queue_nth(guint n)
{
    GQueue *queue = g_queue_new();
    guint rounds = WORK / n + 1;

    for (guint i = 0; i < n; i++)
        g_queue_push_head(queue, GUINT_TO_POINTER(i));
    for (guint i = 0; i < rounds; i++)
        sink += GPOINTER_TO_SIZE(g_queue_peek_nth(queue, scattered(i, n)));
    g_queue_free(queue);
    return rounds;
}

static gulong string_hash(guint n)
{
    gpointer *keys = keys_of(KEYS_STRINGS, n);
    guint rounds = WORK / n + 1;

    for (guint r = 0; r < rounds; r++) {
        for (guint i = 0; i < n; i++)
            sink += g_str_hash(keys[i]);
    }
    return (gulong)rounds * n;
}

#define TABLE_ROWS(name, n)                                                                        \
    {"table fill " #name, fill_##name, n}, {"table lookup " #name, lookup_##name, n},              \
        {"table miss " #name, miss_##name, n}, {"table churn " #name, churn_##name, n},            \
    {                                                                                              \
        "table iterate " #name, iterate_##name, n                                                  \
    }

const struct bench_case cases[] = {
    TABLE_ROWS(small, 6),
    TABLE_ROWS(small, 1000),
    TABLE_ROWS(small, 1000000),
    TABLE_ROWS(pointers, 1000),
    TABLE_ROWS(pointers, 1000000),
    TABLE_ROWS(random, 1000),
    TABLE_ROWS(random, 1000000),
    TABLE_ROWS(strings, 6),
    TABLE_ROWS(strings, 1000),
    TABLE_ROWS(strings, 200000),
    TABLE_ROWS(int64, 1000),
    TABLE_ROWS(int64, 200000),
    TABLE_ROWS(int64, 230000),
    TABLE_ROWS(random, 780), /* as full as either gets */
    TABLE_ROWS(random, 900),
    {"g_str_hash", string_hash, 1000},
    {"slist prepend, free", slist_prepend_free, 10},
    {"slist prepend, free", slist_prepend_free, 1000},
    {"slist prepend, free", slist_prepend_free, 100000},
    {"list prepend, free", list_prepend_free, 10},
    {"list prepend, free", list_prepend_free, 1000},
    {"list prepend, free", list_prepend_free, 100000},
    {"slist copy, free", slist_copy, 1000},
    {"slist sort", slist_sort, 10},
    {"slist sort", slist_sort, 1000},
    {"slist sort", slist_sort, 100000},
    {"list sort", list_sort, 10},
    {"list sort", list_sort, 1000},
    {"list sort", list_sort, 100000},
    {"list walks", list_walks, 10},
    {"list walks", list_walks, 1000},
    {"queue push, pop", queue_through, 10},
    {"queue push, pop", queue_through, 10000},
    {"queue peek_nth", queue_nth, 1000},
    {NULL, NULL, 0},
};

#else /* the program */

#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 5
#define TIMES  3

static double once(const struct bench_case *c)
{
    struct timespec start, end;
    unsigned long operations;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    operations = c->run(c->n);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
           (double)operations;
}

/* The best of a few runs, in a process of its own: who came first to the heap makes 25 % of
 * difference. */
static double best_of(const struct bench_case *c)
{
    double best = 1e18;
    int ends[2];
    pid_t child;

    if (pipe(ends) != 0 || (child = fork()) < 0) {
        perror("glib-bench");
        exit(1);
    }
    if (child == 0) {
        once(c); /* makes what is made once */
        for (int i = 0; i < TIMES; i++) {
            double time = once(c);
            best = time < best ? time : best;
        }
        _exit(write(ends[1], &best, sizeof(best)) != sizeof(best));
    }
    close(ends[1]);
    if (read(ends[0], &best, sizeof(best)) != sizeof(best))
        exit(1);
    close(ends[0]);
    waitpid(child, NULL, 0);
    return best;
}

int main(int argc, char **argv)
{
    int slower = 0;

    printf("%-24s %9s %9s %9s %7s\n", "", "size", "ours ns", "GLib ns", "ratio");
    for (int i = 0; cases_ours[i].name != NULL; i++) {
        const struct bench_case *c = &cases_ours[i];
        double ours = 1e18, real = 1e18;

        if (argc > 1 && strstr(c->name, argv[1]) == NULL)
            continue;
        for (int r = 0; r < ROUNDS; r++) {
            double time = best_of(&cases_ours[i]);
            ours = time < ours ? time : ours;
            time = best_of(&cases_real[i]);
            real = time < real ? time : real;
        }
        printf("%-24s %9u %9.1f %9.1f %7.2f%s\n", c->name, c->n, ours, real, real / ours,
               real < ours ? "  slower" : "");
        fflush(stdout);
        slower += real < ours;
    }
    printf("%d slower than GLib\n", slower);
    return 0;
}

#endif

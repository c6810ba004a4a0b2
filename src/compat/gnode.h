/* SPDX-License-Identifier: BSD-2-Clause */
/* What GSList and GList share: where nodes come from, and all that needs no way back. */
#ifndef TINYVMI_COMPAT_GNODE_H
#define TINYVMI_COMPAT_GNODE_H

#include <stdlib.h>

#include "compat/glib.h"

/* The beginning of a GSList and of a GList. */
struct __attribute__((may_alias)) node {
    gpointer data;
    struct node *next;
};

_Static_assert(offsetof(GSList, data) == offsetof(struct node, data) &&
                   offsetof(GSList, next) == offsetof(struct node, next) &&
                   offsetof(GList, data) == offsetof(struct node, data) &&
                   offsetof(GList, next) == offsetof(struct node, next),
               "a list starts as a node");

#define SNODE(_list) ((struct node *)(_list))

/* ---- Nodes --------------------------------------------------------------------------------- */
/*
 * Nodes are blocks of malloc's, and g_free would do for them. While the process has a single
 * thread, a bounded number of those that were freed is kept for the next lists: that is several
 * times as fast. With threads there is no pool: it would need a lock, or one for each thread and
 * somebody to free it.
 */

#define POOL_NODES 65536u

/* One for each kind of list: a node that came from somewhere else may be as small as its kind. */
struct pool {
    struct node *first;
    guint count;
};

/* glibc's; false as soon as a second thread is about to start. Where there is no such variable,
 * there is no pool. */
extern char __libc_single_threaded __attribute__((weak));

static inline gboolean may_pool(void)
{
#ifdef __SANITIZE_ADDRESS__ /* which shall see each node's own life */
    return FALSE;
#else
    return &__libc_single_threaded != NULL && __libc_single_threaded;
#endif
}

static inline gpointer alloc_node(struct pool *pool, gsize size)
{
    struct node *node;

    if (G_LIKELY(may_pool() && pool->first != NULL)) {
        node = pool->first;
        pool->first = node->next;
        pool->count--;
        return node;
    }
    node = malloc(size);
    if (G_UNLIKELY(node == NULL))
        __builtin_trap();
    return node;
}

static inline void free_node(struct pool *pool, gpointer mem)
{
    struct node *node = mem;

    if (G_LIKELY(node != NULL && may_pool() && pool->count < POOL_NODES)) {
        node->next = pool->first;
        pool->first = node;
        pool->count++;
    } else {
        free(node);
    }
}

static inline void free_nodes(struct pool *pool, struct node *list)
{
    struct node *rest = list;

    if (list != NULL && may_pool()) {
        struct node *last = NULL;
        for (; rest != NULL && pool->count < POOL_NODES; rest = rest->next) {
            last = rest;
            pool->count++;
        }
        if (last != NULL) {
            last->next = pool->first;
            pool->first = list;
        }
    }
    while (rest != NULL) {
        struct node *next = rest->next;
        free(rest);
        rest = next;
    }
}

/* ---- What both share ----------------------------------------------------------------------- */

static inline struct node *nth(struct node *node, guint n)
{
    for (; n != 0 && node != NULL; n--)
        node = node->next;
    return node;
}

static inline struct node *last(struct node *node)
{
    if (node != NULL) {
        while (node->next != NULL)
            node = node->next;
    }
    return node;
}

static inline guint length(const struct node *node)
{
    guint n = 0;

    for (; node != NULL; node = node->next)
        n++;
    return n;
}

static inline gint position(const struct node *node, const struct node *wanted)
{
    for (gint n = 0; node != NULL; node = node->next, n++) {
        if (node == wanted)
            return n;
    }
    return -1;
}

static inline struct node *find(struct node *node, gconstpointer data)
{
    while (node != NULL && node->data != data)
        node = node->next;
    return node;
}

static inline gint index_of(const struct node *node, gconstpointer data)
{
    for (gint n = 0; node != NULL; node = node->next, n++) {
        if (node->data == data)
            return n;
    }
    return -1;
}

static inline struct node *find_custom(struct node *node, gconstpointer data, GCompareFunc func)
{
    while (node != NULL && func(node->data, data) != 0)
        node = node->next;
    return node;
}

/* The function may remove the element that it is called for. */
static inline void call_each(struct node *node, GFunc func, gpointer user_data)
{
    while (node != NULL) {
        struct node *next = node->next;
        func(node->data, user_data);
        node = next;
    }
}

static inline void free_full(struct pool *pool, struct node *node, GDestroyNotify func)
{
    while (node != NULL) {
        struct node *next = node->next;
        if (func != NULL)
            func(node->data);
        free_node(pool, node);
        node = next;
    }
}

/* Either function may be given; known at compile time, so that each caller gets its own loops. */
static inline __attribute__((always_inline)) gint compare(gconstpointer a, gconstpointer b,
                                                          GCompareFunc plain,
                                                          GCompareDataFunc with_data,
                                                          gpointer user_data)
{
    return plain != NULL ? plain(a, b) : with_data(a, b, user_data);
}

/* Of two that are equal, the one from `a` comes first. */
static inline __attribute__((always_inline)) struct node *merge(struct node *a, struct node *b,
                                                                GCompareFunc plain,
                                                                GCompareDataFunc with_data,
                                                                gpointer user_data)
{
    struct node *first = NULL, **end = &first;

    while (a != NULL && b != NULL) {
        if (compare(a->data, b->data, plain, with_data, user_data) <= 0) {
            *end = a;
            end = &a->next;
            a = a->next;
        } else {
            *end = b;
            end = &b->next;
            b = b->next;
        }
    }
    *end = a != NULL ? a : b;
    return first;
}

/* Merge sort from below: `runs[i]` is a sorted run of 2^i elements or empty, older ones in higher
 * places. */
static inline __attribute__((always_inline)) struct node *
sort(struct node *list, GCompareFunc plain, GCompareDataFunc with_data, gpointer user_data)
{
    struct node *runs[8 * sizeof(gsize)] = {NULL};
    struct node *sorted = NULL;
    guint highest = 0;

    while (list != NULL) {
        struct node *run = list;
        guint i;
        list = list->next;
        run->next = NULL;
        for (i = 0; runs[i] != NULL; i++) {
            run = merge(runs[i], run, plain, with_data, user_data);
            runs[i] = NULL;
        }
        runs[i] = run;
        highest = MAX(highest, i);
    }
    for (guint i = 0; i <= highest; i++) {
        if (runs[i] != NULL)
            sorted = merge(runs[i], sorted, plain, with_data, user_data);
    }
    return sorted;
}

#endif /* TINYVMI_COMPAT_GNODE_H */

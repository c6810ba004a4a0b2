/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GSList and GList. Both begin with data and next, so what needs no way back is written once, on
 * the beginning of a node.
 */
#include <stdlib.h>

#include "compat/glib.h"

struct __attribute__((may_alias)) node {
    gpointer data;
    struct node *next;
};

_Static_assert(offsetof(GSList, data) == offsetof(struct node, data) &&
                   offsetof(GSList, next) == offsetof(struct node, next) &&
                   offsetof(GList, data) == offsetof(struct node, data) &&
                   offsetof(GList, next) == offsetof(struct node, next),
               "a list starts as a node");

/* ---- Nodes --------------------------------------------------------------------------------- */
/*
 * Nodes are blocks of malloc's, of one size for both lists, and g_free would do for them. While the
 * process has a single thread, a bounded number of those that were freed is kept for the next
 * lists: that is several times as fast. With threads there is no pool: it would need a lock, or one
 * for each thread and somebody to free it.
 */

#define NODE_BYTES sizeof(GList)
#define POOL_NODES 65536u

static struct {
    struct node *first;
    guint count;
} pool;

/* glibc's; false as soon as a second thread is about to start. Where there is no such variable, no
 * pool. */
extern char __libc_single_threaded __attribute__((weak));

static inline gboolean may_pool(void)
{
#ifdef __SANITIZE_ADDRESS__ /* which shall see each node's own life */
    return FALSE;
#else
    return &__libc_single_threaded != NULL && __libc_single_threaded;
#endif
}

static inline gpointer alloc_node(void)
{
    struct node *node;

    if (G_LIKELY(may_pool() && pool.first != NULL)) {
        node = pool.first;
        pool.first = node->next;
        pool.count--;
        return node;
    }
    node = malloc(NODE_BYTES);
    if (G_UNLIKELY(node == NULL))
        __builtin_trap();
    return node;
}

static inline void free_node(gpointer mem)
{
    struct node *node = mem;

    if (G_LIKELY(node != NULL && may_pool() && pool.count < POOL_NODES)) {
        node->next = pool.first;
        pool.first = node;
        pool.count++;
    } else {
        free(node);
    }
}

static void free_nodes(struct node *list)
{
    struct node *rest = list;

    if (list != NULL && may_pool()) {
        struct node *last = NULL;
        for (; rest != NULL && pool.count < POOL_NODES; rest = rest->next) {
            last = rest;
            pool.count++;
        }
        if (last != NULL) {
            last->next = pool.first;
            pool.first = list;
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

static inline void free_full(struct node *node, GDestroyNotify func)
{
    while (node != NULL) {
        struct node *next = node->next;
        if (func != NULL)
            func(node->data);
        free_node(node);
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

/* ---- GSList -------------------------------------------------------------------------------- */

#define SNODE(_list) ((struct node *)(_list))

static inline GSList *new_snode(gpointer data, GSList *next)
{
    GSList *node = alloc_node();

    node->data = data;
    node->next = next;
    return node;
}

GSList *g_slist_alloc(void)
{
    return new_snode(NULL, NULL);
}

void g_slist_free(GSList *list)
{
    free_nodes(SNODE(list));
}

void g_slist_free_1(GSList *node)
{
    free_node(node);
}

void g_slist_free_full(GSList *list, GDestroyNotify free_func)
{
    free_full(SNODE(list), free_func);
}

/* The link that points to the node at `n`, or the one that ends the list. */
static GSList **slink_at(GSList **link, guint n)
{
    for (; n != 0 && *link != NULL; n--)
        link = &(*link)->next;
    return link;
}

/* The link that points to this node, or the one that ends the list. */
static GSList **slink_to(GSList **link, const GSList *node)
{
    while (*link != NULL && *link != node)
        link = &(*link)->next;
    return link;
}

GSList *g_slist_append(GSList *list, gpointer data)
{
    *slink_to(&list, NULL) = new_snode(data, NULL);
    return list;
}

GSList *g_slist_prepend(GSList *list, gpointer data)
{
    return new_snode(data, list);
}

GSList *g_slist_insert(GSList *list, gpointer data, gint position)
{
    GSList **link = slink_at(&list, position < 0 ? G_MAXUINT : (guint)position);

    *link = new_snode(data, *link);
    return list;
}

GSList *g_slist_insert_before(GSList *slist, GSList *sibling, gpointer data)
{
    GSList **link = slink_to(&slist, sibling);

    *link = new_snode(data, *link);
    return slist;
}

static inline __attribute__((always_inline)) GSList *sinsert_sorted(GSList *list, gpointer data,
                                                                    GCompareFunc plain,
                                                                    GCompareDataFunc with_data,
                                                                    gpointer user_data)
{
    GSList **link = &list;

    while (*link != NULL && compare(data, (*link)->data, plain, with_data, user_data) > 0)
        link = &(*link)->next;
    *link = new_snode(data, *link);
    return list;
}

GSList *g_slist_insert_sorted(GSList *list, gpointer data, GCompareFunc func)
{
    return sinsert_sorted(list, data, func, NULL, NULL);
}

GSList *g_slist_insert_sorted_with_data(GSList *list, gpointer data, GCompareDataFunc func,
                                        gpointer user_data)
{
    return sinsert_sorted(list, data, NULL, func, user_data);
}

GSList *g_slist_concat(GSList *list1, GSList *list2)
{
    if (list2 != NULL)
        *slink_to(&list1, NULL) = list2;
    return list1;
}

GSList *g_slist_remove(GSList *list, gconstpointer data)
{
    GSList **link = &list;

    while (*link != NULL) {
        GSList *node = *link;
        if (node->data == data) {
            *link = node->next;
            free_node(node);
            break;
        }
        link = &node->next;
    }
    return list;
}

GSList *g_slist_remove_all(GSList *list, gconstpointer data)
{
    GSList **link = &list;

    while (*link != NULL) {
        GSList *node = *link;
        if (node->data == data) {
            *link = node->next;
            free_node(node);
        } else {
            link = &node->next;
        }
    }
    return list;
}

GSList *g_slist_remove_link(GSList *list, GSList *link_)
{
    GSList **link = slink_to(&list, link_);

    if (*link != NULL) {
        *link = link_->next;
        link_->next = NULL;
    }
    return list;
}

GSList *g_slist_delete_link(GSList *list, GSList *link_)
{
    list = g_slist_remove_link(list, link_);
    free_node(link_);
    return list;
}

GSList *g_slist_reverse(GSList *list)
{
    GSList *reversed = NULL;

    while (list != NULL) {
        GSList *next = list->next;
        list->next = reversed;
        reversed = list;
        list = next;
    }
    return reversed;
}

GSList *g_slist_copy_deep(GSList *list, GCopyFunc func, gpointer user_data)
{
    GSList *copy = NULL, **end = &copy;

    for (; list != NULL; list = list->next) {
        *end = new_snode(func != NULL ? func(list->data, user_data) : list->data, NULL);
        end = &(*end)->next;
    }
    return copy;
}

GSList *g_slist_copy(GSList *list)
{
    return g_slist_copy_deep(list, NULL, NULL);
}

GSList *g_slist_nth(GSList *list, guint n)
{
    return (GSList *)nth(SNODE(list), n);
}

gpointer g_slist_nth_data(GSList *list, guint n)
{
    const struct node *node = nth(SNODE(list), n);

    return node != NULL ? node->data : NULL;
}

GSList *g_slist_find(GSList *list, gconstpointer data)
{
    return (GSList *)find(SNODE(list), data);
}

GSList *g_slist_find_custom(GSList *list, gconstpointer data, GCompareFunc func)
{
    return (GSList *)find_custom(SNODE(list), data, func);
}

gint g_slist_position(GSList *list, GSList *llink)
{
    return position(SNODE(list), SNODE(llink));
}

gint g_slist_index(GSList *list, gconstpointer data)
{
    return index_of(SNODE(list), data);
}

GSList *g_slist_last(GSList *list)
{
    return (GSList *)last(SNODE(list));
}

guint g_slist_length(GSList *list)
{
    return length(SNODE(list));
}

void g_slist_foreach(GSList *list, GFunc func, gpointer user_data)
{
    call_each(SNODE(list), func, user_data);
}

GSList *g_slist_sort(GSList *list, GCompareFunc compare_func)
{
    return (GSList *)sort(SNODE(list), compare_func, NULL, NULL);
}

GSList *g_slist_sort_with_data(GSList *list, GCompareDataFunc compare_func, gpointer user_data)
{
    return (GSList *)sort(SNODE(list), NULL, compare_func, user_data);
}

/* ---- GList --------------------------------------------------------------------------------- */

static inline GList *new_node(gpointer data, GList *prev, GList *next)
{
    GList *node = alloc_node();

    node->data = data;
    node->prev = prev;
    node->next = next;
    return node;
}

GList *g_list_alloc(void)
{
    return new_node(NULL, NULL, NULL);
}

void g_list_free(GList *list)
{
    free_nodes(SNODE(list));
}

void g_list_free_1(GList *node)
{
    free_node(node);
}

void g_list_free_full(GList *list, GDestroyNotify free_func)
{
    free_full(SNODE(list), free_func);
}

/* Puts a node between two neighbours, either of which may be NULL; returns the start of the list.
 */
static inline GList *link_between(GList *list, GList *prev, GList *node, GList *next)
{
    node->prev = prev;
    node->next = next;
    if (next != NULL)
        next->prev = node;
    if (prev == NULL)
        return node;
    prev->next = node;
    return list;
}

GList *g_list_append(GList *list, gpointer data)
{
    return link_between(list, g_list_last(list), new_node(data, NULL, NULL), NULL);
}

GList *g_list_prepend(GList *list, gpointer data)
{
    /* in the middle of a list, too: between the node that is given and the one before it */
    GList *prev = list != NULL ? list->prev : NULL;
    GList *node = new_node(data, prev, list);

    if (list != NULL)
        list->prev = node;
    if (prev != NULL)
        prev->next = node;
    return node;
}

GList *g_list_insert_before_link(GList *list, GList *sibling, GList *link_)
{
    GList *prev = sibling != NULL ? sibling->prev : g_list_last(list);

    return link_ != NULL ? link_between(list, prev, link_, sibling) : list;
}

GList *g_list_insert_before(GList *list, GList *sibling, gpointer data)
{
    return g_list_insert_before_link(list, sibling, new_node(data, NULL, NULL));
}

GList *g_list_insert(GList *list, gpointer data, gint position)
{
    GList *sibling = position < 0 ? NULL : g_list_nth(list, (guint)position);

    return g_list_insert_before(list, sibling, data);
}

static inline __attribute__((always_inline)) GList *insert_sorted(GList *list, gpointer data,
                                                                  GCompareFunc plain,
                                                                  GCompareDataFunc with_data,
                                                                  gpointer user_data)
{
    GList *prev = NULL, *next = list;

    while (next != NULL && compare(data, next->data, plain, with_data, user_data) > 0) {
        prev = next;
        next = next->next;
    }
    return link_between(list, prev, new_node(data, NULL, NULL), next);
}

GList *g_list_insert_sorted(GList *list, gpointer data, GCompareFunc func)
{
    return insert_sorted(list, data, func, NULL, NULL);
}

GList *g_list_insert_sorted_with_data(GList *list, gpointer data, GCompareDataFunc func,
                                      gpointer user_data)
{
    return insert_sorted(list, data, NULL, func, user_data);
}

GList *g_list_concat(GList *list1, GList *list2)
{
    GList *end = g_list_last(list1);

    if (end == NULL)
        return list2;
    end->next = list2;
    if (list2 != NULL)
        list2->prev = end;
    return list1;
}

GList *g_list_remove_link(GList *list, GList *llink)
{
    if (llink == NULL)
        return list;
    if (llink->prev != NULL)
        llink->prev->next = llink->next;
    if (llink->next != NULL)
        llink->next->prev = llink->prev;
    if (llink == list)
        list = llink->next;
    llink->next = NULL;
    llink->prev = NULL;
    return list;
}

GList *g_list_delete_link(GList *list, GList *link_)
{
    list = g_list_remove_link(list, link_);
    free_node(link_);
    return list;
}

GList *g_list_remove(GList *list, gconstpointer data)
{
    return g_list_delete_link(list, g_list_find(list, data));
}

GList *g_list_remove_all(GList *list, gconstpointer data)
{
    for (GList *node = list, *next; node != NULL; node = next) {
        next = node->next;
        if (node->data == data)
            list = g_list_delete_link(list, node);
    }
    return list;
}

GList *g_list_reverse(GList *list)
{
    GList *reversed = NULL;

    while (list != NULL) {
        GList *next = list->next;
        list->next = list->prev;
        list->prev = next;
        reversed = list;
        list = next;
    }
    return reversed;
}

GList *g_list_copy_deep(GList *list, GCopyFunc func, gpointer user_data)
{
    GList *copy = NULL, *end = NULL;

    for (; list != NULL; list = list->next) {
        GList *node = new_node(func != NULL ? func(list->data, user_data) : list->data, end, NULL);
        if (end != NULL)
            end->next = node;
        else
            copy = node;
        end = node;
    }
    return copy;
}

GList *g_list_copy(GList *list)
{
    return g_list_copy_deep(list, NULL, NULL);
}

GList *g_list_nth(GList *list, guint n)
{
    return (GList *)nth(SNODE(list), n);
}

GList *g_list_nth_prev(GList *list, guint n)
{
    for (; n != 0 && list != NULL; n--)
        list = list->prev;
    return list;
}

gpointer g_list_nth_data(GList *list, guint n)
{
    const struct node *node = nth(SNODE(list), n);

    return node != NULL ? node->data : NULL;
}

GList *g_list_find(GList *list, gconstpointer data)
{
    return (GList *)find(SNODE(list), data);
}

GList *g_list_find_custom(GList *list, gconstpointer data, GCompareFunc func)
{
    return (GList *)find_custom(SNODE(list), data, func);
}

gint g_list_position(GList *list, GList *llink)
{
    return position(SNODE(list), SNODE(llink));
}

gint g_list_index(GList *list, gconstpointer data)
{
    return index_of(SNODE(list), data);
}

GList *g_list_first(GList *list)
{
    if (list != NULL) {
        while (list->prev != NULL)
            list = list->prev;
    }
    return list;
}

GList *g_list_last(GList *list)
{
    return (GList *)last(SNODE(list));
}

guint g_list_length(GList *list)
{
    return length(SNODE(list));
}

void g_list_foreach(GList *list, GFunc func, gpointer user_data)
{
    call_each(SNODE(list), func, user_data);
}

static GList *relink_backwards(GList *list)
{
    GList *prev = NULL;

    for (GList *node = list; node != NULL; node = node->next) {
        node->prev = prev;
        prev = node;
    }
    return list;
}

GList *g_list_sort(GList *list, GCompareFunc compare_func)
{
    return relink_backwards((GList *)sort(SNODE(list), compare_func, NULL, NULL));
}

GList *g_list_sort_with_data(GList *list, GCompareDataFunc compare_func, gpointer user_data)
{
    return relink_backwards((GList *)sort(SNODE(list), NULL, compare_func, user_data));
}

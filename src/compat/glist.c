/* SPDX-License-Identifier: BSD-2-Clause */
/* GList. See include/compat/glib.h. */
#include "gnode.h"

static struct pool pool;

static inline GList *new_node(gpointer data, GList *prev, GList *next)
{
    GList *node = alloc_node(&pool, sizeof(*node));

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
    free_nodes(&pool, SNODE(list));
}

void g_list_free_1(GList *node)
{
    free_node(&pool, node);
}

void g_list_free_full(GList *list, GDestroyNotify free_func)
{
    free_full(&pool, SNODE(list), free_func);
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
    free_node(&pool, link_);
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

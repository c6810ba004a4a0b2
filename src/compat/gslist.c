/* SPDX-License-Identifier: BSD-2-Clause */
/* GSList. See include/compat/glib.h. */
#include "gnode.h"

static struct pool pool;

static inline GSList *new_snode(gpointer data, GSList *next)
{
    GSList *node = alloc_node(&pool, sizeof(*node));

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
    free_nodes(&pool, SNODE(list));
}

void g_slist_free_1(GSList *node)
{
    free_node(&pool, node);
}

void g_slist_free_full(GSList *list, GDestroyNotify free_func)
{
    free_full(&pool, SNODE(list), free_func);
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
            free_node(&pool, node);
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
            free_node(&pool, node);
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
    free_node(&pool, link_);
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

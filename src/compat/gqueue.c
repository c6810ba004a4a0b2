/* SPDX-License-Identifier: BSD-2-Clause */
/* GQueue: a GList with both ends and the length at hand. Everything goes through the four link
 * calls. */
#include <stdlib.h>

#include "compat/glib.h"

GQueue *g_queue_new(void)
{
    return g_malloc0(sizeof(GQueue));
}

void g_queue_init(GQueue *queue)
{
    if (queue != NULL)
        *queue = (GQueue)G_QUEUE_INIT;
}

void g_queue_clear(GQueue *queue)
{
    if (queue == NULL)
        return;
    g_list_free(queue->head);
    g_queue_init(queue);
}

void g_queue_clear_full(GQueue *queue, GDestroyNotify free_func)
{
    if (queue == NULL)
        return;
    g_list_free_full(queue->head, free_func);
    g_queue_init(queue);
}

void g_queue_free(GQueue *queue)
{
    g_queue_clear(queue);
    free(queue);
}

void g_queue_free_full(GQueue *queue, GDestroyNotify free_func)
{
    g_queue_clear_full(queue, free_func);
    free(queue);
}

gboolean g_queue_is_empty(GQueue *queue)
{
    return queue == NULL || queue->head == NULL;
}

guint g_queue_get_length(GQueue *queue)
{
    return queue != NULL ? queue->length : 0;
}

/* ---- Links --------------------------------------------------------------------------------- */

/* Puts a node between two neighbours; NULL is the end of the queue on that side. */
static inline void put(GQueue *queue, GList *prev, GList *node, GList *next)
{
    node->prev = prev;
    node->next = next;
    if (prev != NULL)
        prev->next = node;
    else
        queue->head = node;
    if (next != NULL)
        next->prev = node;
    else
        queue->tail = node;
    queue->length++;
}

static inline GList *take(GQueue *queue, GList *node)
{
    if (node == NULL)
        return NULL;
    if (node->prev != NULL)
        node->prev->next = node->next;
    else
        queue->head = node->next;
    if (node->next != NULL)
        node->next->prev = node->prev;
    else
        queue->tail = node->prev;
    queue->length--;
    node->prev = NULL;
    node->next = NULL;
    return node;
}

void g_queue_push_head_link(GQueue *queue, GList *link_)
{
    if (queue != NULL && link_ != NULL)
        put(queue, NULL, link_, queue->head);
}

void g_queue_push_tail_link(GQueue *queue, GList *link_)
{
    if (queue != NULL && link_ != NULL)
        put(queue, queue->tail, link_, NULL);
}

void g_queue_insert_before_link(GQueue *queue, GList *sibling, GList *link_)
{
    if (sibling == NULL)
        g_queue_push_tail_link(queue, link_);
    else if (queue != NULL && link_ != NULL)
        put(queue, sibling->prev, link_, sibling);
}

void g_queue_insert_after_link(GQueue *queue, GList *sibling, GList *link_)
{
    if (sibling == NULL)
        g_queue_push_head_link(queue, link_);
    else if (queue != NULL && link_ != NULL)
        put(queue, sibling, link_, sibling->next);
}

void g_queue_push_nth_link(GQueue *queue, gint n, GList *link_)
{
    g_queue_insert_before_link(queue, n < 0 ? NULL : g_queue_peek_nth_link(queue, (guint)n), link_);
}

GList *g_queue_pop_head_link(GQueue *queue)
{
    return queue != NULL ? take(queue, queue->head) : NULL;
}

GList *g_queue_pop_tail_link(GQueue *queue)
{
    return queue != NULL ? take(queue, queue->tail) : NULL;
}

GList *g_queue_pop_nth_link(GQueue *queue, guint n)
{
    return queue != NULL ? take(queue, g_queue_peek_nth_link(queue, n)) : NULL;
}

GList *g_queue_peek_head_link(GQueue *queue)
{
    return queue != NULL ? queue->head : NULL;
}

GList *g_queue_peek_tail_link(GQueue *queue)
{
    return queue != NULL ? queue->tail : NULL;
}

GList *g_queue_peek_nth_link(GQueue *queue, guint n)
{
    if (queue == NULL || n >= queue->length)
        return NULL;
    if (n <= queue->length / 2)
        return g_list_nth(queue->head, n);
    return g_list_nth_prev(queue->tail, queue->length - 1 - n);
}

gint g_queue_link_index(GQueue *queue, GList *link_)
{
    return queue != NULL ? g_list_position(queue->head, link_) : -1;
}

void g_queue_unlink(GQueue *queue, GList *link_)
{
    if (queue != NULL)
        take(queue, link_);
}

void g_queue_delete_link(GQueue *queue, GList *link_)
{
    if (queue != NULL)
        g_list_free_1(take(queue, link_));
}

/* ---- Data ---------------------------------------------------------------------------------- */

static inline GList *node_with(gpointer data)
{
    GList *node = g_list_alloc();

    node->data = data;
    return node;
}

static inline gpointer data_of(const GList *node)
{
    return node != NULL ? node->data : NULL;
}

static inline gpointer free_node(GList *node)
{
    gpointer data = data_of(node);

    g_list_free_1(node);
    return data;
}

void g_queue_push_head(GQueue *queue, gpointer data)
{
    if (queue != NULL)
        put(queue, NULL, node_with(data), queue->head);
}

void g_queue_push_tail(GQueue *queue, gpointer data)
{
    if (queue != NULL)
        put(queue, queue->tail, node_with(data), NULL);
}

void g_queue_push_nth(GQueue *queue, gpointer data, gint n)
{
    if (queue != NULL)
        g_queue_push_nth_link(queue, n, node_with(data));
}

gpointer g_queue_pop_head(GQueue *queue)
{
    return free_node(g_queue_pop_head_link(queue));
}

gpointer g_queue_pop_tail(GQueue *queue)
{
    return free_node(g_queue_pop_tail_link(queue));
}

gpointer g_queue_pop_nth(GQueue *queue, guint n)
{
    return free_node(g_queue_pop_nth_link(queue, n));
}

gpointer g_queue_peek_head(GQueue *queue)
{
    return data_of(g_queue_peek_head_link(queue));
}

gpointer g_queue_peek_tail(GQueue *queue)
{
    return data_of(g_queue_peek_tail_link(queue));
}

gpointer g_queue_peek_nth(GQueue *queue, guint n)
{
    return data_of(g_queue_peek_nth_link(queue, n));
}

gint g_queue_index(GQueue *queue, gconstpointer data)
{
    return queue != NULL ? g_list_index(queue->head, data) : -1;
}

gboolean g_queue_remove(GQueue *queue, gconstpointer data)
{
    GList *node = g_queue_find(queue, data);

    if (node == NULL)
        return FALSE;
    g_list_free_1(take(queue, node));
    return TRUE;
}

guint g_queue_remove_all(GQueue *queue, gconstpointer data)
{
    guint removed = 0;
    GList *next;

    for (GList *node = g_queue_peek_head_link(queue); node != NULL; node = next) {
        next = node->next;
        if (node->data == data) {
            g_list_free_1(take(queue, node));
            removed++;
        }
    }
    return removed;
}

void g_queue_insert_before(GQueue *queue, GList *sibling, gpointer data)
{
    if (queue != NULL)
        g_queue_insert_before_link(queue, sibling, node_with(data));
}

void g_queue_insert_after(GQueue *queue, GList *sibling, gpointer data)
{
    if (queue != NULL)
        g_queue_insert_after_link(queue, sibling, node_with(data));
}

void g_queue_insert_sorted(GQueue *queue, gpointer data, GCompareDataFunc func, gpointer user_data)
{
    GList *sibling = g_queue_peek_head_link(queue);

    while (sibling != NULL && func(sibling->data, data, user_data) < 0)
        sibling = sibling->next;
    g_queue_insert_before(queue, sibling, data);
}

/* ---- The whole queue ----------------------------------------------------------------------- */

void g_queue_reverse(GQueue *queue)
{
    if (queue == NULL)
        return;
    queue->tail = queue->head;
    queue->head = g_list_reverse(queue->head);
}

GQueue *g_queue_copy(GQueue *queue)
{
    GQueue *copy;

    if (queue == NULL)
        return NULL;
    copy = g_queue_new();
    for (const GList *node = queue->head; node != NULL; node = node->next)
        g_queue_push_tail(copy, node->data);
    return copy;
}

void g_queue_foreach(GQueue *queue, GFunc func, gpointer user_data)
{
    g_list_foreach(g_queue_peek_head_link(queue), func, user_data);
}

GList *g_queue_find(GQueue *queue, gconstpointer data)
{
    return g_list_find(g_queue_peek_head_link(queue), data);
}

GList *g_queue_find_custom(GQueue *queue, gconstpointer data, GCompareFunc func)
{
    return g_list_find_custom(g_queue_peek_head_link(queue), data, func);
}

void g_queue_sort(GQueue *queue, GCompareDataFunc compare_func, gpointer user_data)
{
    if (queue == NULL)
        return;
    queue->head = g_list_sort_with_data(queue->head, compare_func, user_data);
    queue->tail = g_list_last(queue->head);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of GLib that LibVMI's interface shows and its programs lean on, for builds without GLib:
 * GHashTable, GSList, GList, GQueue, and the types, macros and small calls that go with them. Names
 * and behaviour are those that GLib documents; written from that documentation. Include as
 * <glib.h>, with -Iinclude/compat.
 *
 * The linker sees other names (tinyvmi_g_...), so a program that uses these and is also linked,
 * through some other library, with the real GLib does not mix the two up. Containers of the two
 * must not be exchanged: the layout of GHashTable differs, and so does where list nodes come from.
 *
 * Differences that show
 *   - Memory is malloc's: g_malloc, g_slice_*, list nodes. g_free and free are the same.
 *   - Where GLib logs a critical warning and returns (NULL for a container), these return without a
 * word.
 *   - A failed allocation ends the program by a trap, where GLib aborts. The try calls return NULL.
 *   - The order of iteration, which GLib leaves open, is another one.
 *   - Tables hashed by g_direct_hash use all bits of a pointer, not the lower 32.
 *
 * Threads: a container may be used by one thread at a time; reference counts are atomic.
 */
#ifndef TINYVMI_COMPAT_GLIB_H
#define TINYVMI_COMPAT_GLIB_H

#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <float.h>
#include <string.h>

/* What programs test for: these calls are of about this version. */
#define GLIB_MAJOR_VERSION 2
#define GLIB_MINOR_VERSION 74
#define GLIB_MICRO_VERSION 0
#define GLIB_CHECK_VERSION(_major, _minor, _micro)                                                 \
    (GLIB_MAJOR_VERSION > (_major) ||                                                              \
     (GLIB_MAJOR_VERSION == (_major) && GLIB_MINOR_VERSION > (_minor)) ||                          \
     (GLIB_MAJOR_VERSION == (_major) && GLIB_MINOR_VERSION == (_minor) &&                          \
      GLIB_MICRO_VERSION >= (_micro)))

#ifdef __cplusplus
#define G_BEGIN_DECLS extern "C" {
#define G_END_DECLS   }
#else
#define G_BEGIN_DECLS
#define G_END_DECLS
#endif

/* The linker's name of a function, and that the library exports it. */
#define TINYVMI_GLIB(_name) __asm__("tinyvmi_" #_name) __attribute__((visibility("default")))

/* ---- Types --------------------------------------------------------------------------------- */

typedef char gchar;
typedef short gshort;
typedef int gint;
typedef long glong;
typedef gint gboolean;
typedef unsigned char guchar;
typedef unsigned short gushort;
typedef unsigned int guint;
typedef unsigned long gulong;
typedef float gfloat;
typedef double gdouble;
typedef void *gpointer;
typedef const void *gconstpointer;

typedef int8_t gint8;
typedef uint8_t guint8;
typedef int16_t gint16;
typedef uint16_t guint16;
typedef int32_t gint32;
typedef uint32_t guint32;
typedef int64_t gint64;
typedef uint64_t guint64;
typedef gint64 goffset;
typedef guint32 gunichar;
typedef guint16 gunichar2;

/* `unsigned long` where that has the size of a pointer, as programs print them by %lu */
typedef size_t gsize;
typedef ptrdiff_t gssize;
typedef intptr_t gintptr;
typedef uintptr_t guintptr;

typedef gint (*GCompareFunc)(gconstpointer a, gconstpointer b);
typedef gint (*GCompareDataFunc)(gconstpointer a, gconstpointer b, gpointer user_data);
typedef gboolean (*GEqualFunc)(gconstpointer a, gconstpointer b);
typedef void (*GDestroyNotify)(gpointer data);
typedef void (*GFunc)(gpointer data, gpointer user_data);
typedef guint (*GHashFunc)(gconstpointer key);
typedef void (*GHFunc)(gpointer key, gpointer value, gpointer user_data);
typedef gboolean (*GHRFunc)(gpointer key, gpointer value, gpointer user_data);
typedef gpointer (*GCopyFunc)(gconstpointer src, gpointer data);
typedef void (*GFreeFunc)(gpointer data);

/* ---- Macros -------------------------------------------------------------------------------- */

#ifndef FALSE
#define FALSE 0
#endif
#ifndef TRUE
#define TRUE 1
#endif
#ifndef MIN
#define MIN(_a, _b) (((_a) < (_b)) ? (_a) : (_b))
#endif
#ifndef MAX
#define MAX(_a, _b) (((_a) > (_b)) ? (_a) : (_b))
#endif
#ifndef ABS
#define ABS(_a) (((_a) < 0) ? -(_a) : (_a))
#endif
#ifndef CLAMP
#define CLAMP(_x, _low, _high) (((_x) > (_high)) ? (_high) : (((_x) < (_low)) ? (_low) : (_x)))
#endif

#define G_N_ELEMENTS(_array) (sizeof(_array) / sizeof((_array)[0]))

#define GPOINTER_TO_INT(_p)  ((gint)(glong)(_p))
#define GPOINTER_TO_UINT(_p) ((guint)(gulong)(_p))
#define GPOINTER_TO_SIZE(_p) ((gsize)(_p))
#define GINT_TO_POINTER(_i)  ((gpointer)(glong)(_i))
#define GUINT_TO_POINTER(_u) ((gpointer)(gulong)(_u))
#define GSIZE_TO_POINTER(_s) ((gpointer)(gsize)(_s))

#define G_MININT8   INT8_MIN
#define G_MAXINT8   INT8_MAX
#define G_MAXUINT8  UINT8_MAX
#define G_MININT16  INT16_MIN
#define G_MAXINT16  INT16_MAX
#define G_MAXUINT16 UINT16_MAX
#define G_MININT32  INT32_MIN
#define G_MAXINT32  INT32_MAX
#define G_MAXUINT32 UINT32_MAX
#define G_MININT64  INT64_MIN
#define G_MAXINT64  INT64_MAX
#define G_MAXUINT64 UINT64_MAX
#define G_MINSHORT  SHRT_MIN
#define G_MAXSHORT  SHRT_MAX
#define G_MAXUSHORT USHRT_MAX
#define G_MININT    INT_MIN
#define G_MAXINT    INT_MAX
#define G_MAXUINT   UINT_MAX
#define G_MINLONG   LONG_MIN
#define G_MAXLONG   LONG_MAX
#define G_MAXULONG  ULONG_MAX
#define G_MAXSIZE   SIZE_MAX
#define G_MINSSIZE  PTRDIFF_MIN
#define G_MAXSSIZE  PTRDIFF_MAX
#define G_MAXOFFSET INT64_MAX

/* for printf and scanf */
#define G_GINT16_FORMAT  "hi"
#define G_GUINT16_FORMAT "hu"
#define G_GINT32_FORMAT  "i"
#define G_GUINT32_FORMAT "u"
#if LONG_MAX > INT32_MAX
#define G_GINT64_FORMAT   "li"
#define G_GUINT64_FORMAT  "lu"
#define G_GINT64_MODIFIER "l"
#define G_GSIZE_FORMAT    "lu"
#define G_GSSIZE_FORMAT   "li"
#else
#define G_GINT64_FORMAT   "lli"
#define G_GUINT64_FORMAT  "llu"
#define G_GINT64_MODIFIER "ll"
#define G_GSIZE_FORMAT    "u"
#define G_GSSIZE_FORMAT   "i"
#endif
#define G_GINT64_CONSTANT(_value)  INT64_C(_value)
#define G_GUINT64_CONSTANT(_value) UINT64_C(_value)

#define G_LIKELY(_expr)           __builtin_expect(!!(_expr), 1)
#define G_UNLIKELY(_expr)         __builtin_expect(!!(_expr), 0)
#define G_GNUC_UNUSED             __attribute__((unused))
#define G_GNUC_CONST              __attribute__((const))
#define G_GNUC_PURE               __attribute__((pure))
#define G_GNUC_MALLOC             __attribute__((malloc))
#define G_GNUC_NORETURN           __attribute__((noreturn))
#define G_GNUC_WARN_UNUSED_RESULT __attribute__((warn_unused_result))
#define G_STMT_START              do
#define G_STMT_END                while (0)
#define G_STRINGIFY(_x)           G_STRINGIFY_ARG(_x)
#define G_STRINGIFY_ARG(_x)       #_x
#define G_STRUCT_OFFSET(_t, _m)   ((glong)offsetof(_t, _m))

#define g_assert(_expr)                                                                            \
    do {                                                                                           \
        if (!(_expr))                                                                              \
            __builtin_trap();                                                                      \
    } while (0)
#define g_assert_not_reached() __builtin_trap()
#define g_return_if_fail(_expr)                                                                    \
    do {                                                                                           \
        if (!(_expr))                                                                              \
            return;                                                                                \
    } while (0)
#define g_return_val_if_fail(_expr, _value)                                                        \
    do {                                                                                           \
        if (!(_expr))                                                                              \
            return (_value);                                                                       \
    } while (0)

G_BEGIN_DECLS

/* ---- Memory -------------------------------------------------------------------------------- */

/* A size of 0 gives NULL. The _n calls trap on an overflow of the product (the try calls: NULL). */
gpointer g_malloc(gsize n_bytes) TINYVMI_GLIB(g_malloc);
gpointer g_malloc0(gsize n_bytes) TINYVMI_GLIB(g_malloc0);
gpointer g_malloc_n(gsize n_blocks, gsize n_block_bytes) TINYVMI_GLIB(g_malloc_n);
gpointer g_malloc0_n(gsize n_blocks, gsize n_block_bytes) TINYVMI_GLIB(g_malloc0_n);
gpointer g_realloc(gpointer mem, gsize n_bytes) TINYVMI_GLIB(g_realloc);
gpointer g_realloc_n(gpointer mem, gsize n_blocks, gsize n_block_bytes) TINYVMI_GLIB(g_realloc_n);
gpointer g_try_malloc(gsize n_bytes) TINYVMI_GLIB(g_try_malloc);
gpointer g_try_malloc0(gsize n_bytes) TINYVMI_GLIB(g_try_malloc0);
gpointer g_try_malloc_n(gsize n_blocks, gsize n_block_bytes) TINYVMI_GLIB(g_try_malloc_n);
gpointer g_try_malloc0_n(gsize n_blocks, gsize n_block_bytes) TINYVMI_GLIB(g_try_malloc0_n);
gpointer g_try_realloc(gpointer mem, gsize n_bytes) TINYVMI_GLIB(g_try_realloc);
void g_free(gpointer mem) TINYVMI_GLIB(g_free);

/* A copy of the bytes; NULL for NULL or size 0. */
gpointer g_memdup2(gconstpointer mem, gsize byte_size) TINYVMI_GLIB(g_memdup2);
gpointer g_memdup(gconstpointer mem, guint byte_size) TINYVMI_GLIB(g_memdup);

#define g_new(_type, _n)          ((_type *)g_malloc_n((gsize)(_n), sizeof(_type)))
#define g_new0(_type, _n)         ((_type *)g_malloc0_n((gsize)(_n), sizeof(_type)))
#define g_renew(_type, _mem, _n)  ((_type *)g_realloc_n((_mem), (gsize)(_n), sizeof(_type)))
#define g_try_new(_type, _n)      ((_type *)g_try_malloc_n((gsize)(_n), sizeof(_type)))
#define g_try_new0(_type, _n)     ((_type *)g_try_malloc0_n((gsize)(_n), sizeof(_type)))
#define g_slice_alloc(_size)      g_malloc(_size)
#define g_slice_alloc0(_size)     g_malloc0(_size)
#define g_slice_free1(_size, _p)  ((void)(_size), g_free(_p))
#define g_slice_new(_type)        ((_type *)g_malloc(sizeof(_type)))
#define g_slice_new0(_type)       ((_type *)g_malloc0(sizeof(_type)))
#define g_slice_dup(_type, _p)    ((_type *)g_memdup2((_p), sizeof(_type)))
#define g_slice_free(_type, _mem) g_free(_mem)

/* Destroys what a pointer variable points to, if anything, and sets the variable to NULL before
 * that. */
#define g_clear_pointer(_pp, _destroy)                                                             \
    do {                                                                                           \
        __typeof__(*(_pp)) *const _g_pp = (_pp);                                                   \
        __typeof__(*(_pp)) const _g_p = *_g_pp;                                                    \
        *_g_pp = NULL;                                                                             \
        if (_g_p != NULL)                                                                          \
            (_destroy)(_g_p);                                                                      \
    } while (0)

/* ---- Strings ------------------------------------------------------------------------------- */

gchar *g_strdup(const gchar *str) TINYVMI_GLIB(g_strdup); /* NULL for NULL */
/* A buffer of n+1 bytes: the string, cut to n bytes and filled up with zeros. */
gchar *g_strndup(const gchar *str, gsize n) TINYVMI_GLIB(g_strndup);
gchar *g_strconcat(const gchar *string1, ...) TINYVMI_GLIB(g_strconcat); /* up to a NULL */
gchar **g_strdupv(gchar **str_array) TINYVMI_GLIB(g_strdupv);
void g_strfreev(gchar **str_array) TINYVMI_GLIB(g_strfreev);
guint g_strv_length(gchar **str_array) TINYVMI_GLIB(g_strv_length);
gint g_strcmp0(const char *str1, const char *str2) TINYVMI_GLIB(g_strcmp0); /* NULL is least */
gboolean g_str_has_prefix(const gchar *str, const gchar *prefix) TINYVMI_GLIB(g_str_has_prefix);
gboolean g_str_has_suffix(const gchar *str, const gchar *suffix) TINYVMI_GLIB(g_str_has_suffix);

/* ---- Hashing ------------------------------------------------------------------------------- */

/* The int, int64 and double ones take pointers to the number; direct takes the pointer as the
 * number. */
gboolean g_direct_equal(gconstpointer v1, gconstpointer v2) TINYVMI_GLIB(g_direct_equal);
guint g_direct_hash(gconstpointer v) TINYVMI_GLIB(g_direct_hash);
gboolean g_int_equal(gconstpointer v1, gconstpointer v2) TINYVMI_GLIB(g_int_equal);
guint g_int_hash(gconstpointer v) TINYVMI_GLIB(g_int_hash);
gboolean g_int64_equal(gconstpointer v1, gconstpointer v2) TINYVMI_GLIB(g_int64_equal);
guint g_int64_hash(gconstpointer v) TINYVMI_GLIB(g_int64_hash);
gboolean g_double_equal(gconstpointer v1, gconstpointer v2) TINYVMI_GLIB(g_double_equal);
guint g_double_hash(gconstpointer v) TINYVMI_GLIB(g_double_hash);
gboolean g_str_equal(gconstpointer v1, gconstpointer v2) TINYVMI_GLIB(g_str_equal);
/* 5381, then for each byte, taken as signed: hash * 33 + byte. */
guint g_str_hash(gconstpointer v) TINYVMI_GLIB(g_str_hash);

/* ---- GHashTable ---------------------------------------------------------------------------- */

typedef struct _GHashTable GHashTable;

/* On the program's stack. While it is in use, the table may be changed through it only. */
typedef struct _GHashTableIter {
    GHashTable *table;
    guint slot;
    guint left;
    guint group;
    guint pending;
} GHashTableIter;

/* NULL functions are g_direct_hash and g_direct_equal. The destroy functions are optional. */
GHashTable *g_hash_table_new(GHashFunc hash_func, GEqualFunc key_equal_func)
    TINYVMI_GLIB(g_hash_table_new);
GHashTable *g_hash_table_new_full(GHashFunc hash_func, GEqualFunc key_equal_func,
                                  GDestroyNotify key_destroy_func,
                                  GDestroyNotify value_destroy_func)
    TINYVMI_GLIB(g_hash_table_new_full);
/* An empty table with the same four functions. */
GHashTable *g_hash_table_new_similar(GHashTable *other) TINYVMI_GLIB(g_hash_table_new_similar);
GHashTable *g_hash_table_ref(GHashTable *table) TINYVMI_GLIB(g_hash_table_ref);
void g_hash_table_unref(GHashTable *table) TINYVMI_GLIB(g_hash_table_unref);
/* Empties the table, and drops a reference. */
void g_hash_table_destroy(GHashTable *table) TINYVMI_GLIB(g_hash_table_destroy);

/*
 * TRUE if the key was not there. If it was: the old value is destroyed, and of the two keys insert
 * destroys the new one, replace and add the old one. add uses the key as value.
 */
gboolean g_hash_table_insert(GHashTable *table, gpointer key, gpointer value)
    TINYVMI_GLIB(g_hash_table_insert);
gboolean g_hash_table_replace(GHashTable *table, gpointer key, gpointer value)
    TINYVMI_GLIB(g_hash_table_replace);
gboolean g_hash_table_add(GHashTable *table, gpointer key) TINYVMI_GLIB(g_hash_table_add);

gpointer g_hash_table_lookup(GHashTable *table, gconstpointer key)
    TINYVMI_GLIB(g_hash_table_lookup);
/* The stored key and value, each optional; both are NULL if the key is not there. */
gboolean g_hash_table_lookup_extended(GHashTable *table, gconstpointer lookup_key,
                                      gpointer *orig_key, gpointer *value)
    TINYVMI_GLIB(g_hash_table_lookup_extended);
gboolean g_hash_table_contains(GHashTable *table, gconstpointer key)
    TINYVMI_GLIB(g_hash_table_contains);
guint g_hash_table_size(GHashTable *table) TINYVMI_GLIB(g_hash_table_size);

/* remove destroys key and value, steal does not. */
gboolean g_hash_table_remove(GHashTable *table, gconstpointer key)
    TINYVMI_GLIB(g_hash_table_remove);
gboolean g_hash_table_steal(GHashTable *table, gconstpointer key) TINYVMI_GLIB(g_hash_table_steal);
/* The caller gets key and value, each optional; both are NULL if the key is not there. Neither is
 * destroyed, asked for or not. */
gboolean g_hash_table_steal_extended(GHashTable *table, gconstpointer lookup_key,
                                     gpointer *stolen_key, gpointer *stolen_value)
    TINYVMI_GLIB(g_hash_table_steal_extended);
void g_hash_table_remove_all(GHashTable *table) TINYVMI_GLIB(g_hash_table_remove_all);
void g_hash_table_steal_all(GHashTable *table) TINYVMI_GLIB(g_hash_table_steal_all);

/* The table must not be changed by `func`. */
void g_hash_table_foreach(GHashTable *table, GHFunc func, gpointer user_data)
    TINYVMI_GLIB(g_hash_table_foreach);
/* The value of some entry for which it is TRUE, or NULL. */
gpointer g_hash_table_find(GHashTable *table, GHRFunc predicate, gpointer user_data)
    TINYVMI_GLIB(g_hash_table_find);
/* Those for which it is TRUE go; returns how many. */
guint g_hash_table_foreach_remove(GHashTable *table, GHRFunc func, gpointer user_data)
    TINYVMI_GLIB(g_hash_table_foreach_remove);
guint g_hash_table_foreach_steal(GHashTable *table, GHRFunc func, gpointer user_data)
    TINYVMI_GLIB(g_hash_table_foreach_steal);

void g_hash_table_iter_init(GHashTableIter *iter, GHashTable *table)
    TINYVMI_GLIB(g_hash_table_iter_init);
/* FALSE at the end. Key and value are optional, and untouched at the end. */
gboolean g_hash_table_iter_next(GHashTableIter *iter, gpointer *key, gpointer *value)
    TINYVMI_GLIB(g_hash_table_iter_next);
GHashTable *g_hash_table_iter_get_hash_table(GHashTableIter *iter)
    TINYVMI_GLIB(g_hash_table_iter_get_hash_table);
/* Of the entry that iter_next gave; once for each. */
void g_hash_table_iter_remove(GHashTableIter *iter) TINYVMI_GLIB(g_hash_table_iter_remove);
void g_hash_table_iter_steal(GHashTableIter *iter) TINYVMI_GLIB(g_hash_table_iter_steal);
void g_hash_table_iter_replace(GHashTableIter *iter, gpointer value)
    TINYVMI_GLIB(g_hash_table_iter_replace);

/* ---- GSList -------------------------------------------------------------------------------- */
/*
 * The empty list is NULL; calls that return a list return its new start. Positions count from 0; a
 * negative or too large one means the end.
 */

typedef struct _GSList GSList;
struct _GSList {
    gpointer data;
    GSList *next;
};

#define g_slist_next(_node) ((_node) ? ((_node)->next) : NULL)

GSList *g_slist_alloc(void) TINYVMI_GLIB(g_slist_alloc);
void g_slist_free(GSList *list) TINYVMI_GLIB(g_slist_free);
void g_slist_free_1(GSList *node) TINYVMI_GLIB(g_slist_free_1);
#define g_slist_free1 g_slist_free_1
void g_slist_free_full(GSList *list, GDestroyNotify free_func) TINYVMI_GLIB(g_slist_free_full);
#define g_clear_slist(_list_ptr, _destroy)                                                         \
    do {                                                                                           \
        GSList *_g_list = *(_list_ptr);                                                            \
        *(_list_ptr) = NULL;                                                                       \
        g_slist_free_full(_g_list, (_destroy));                                                    \
    } while (0)
GSList *g_slist_append(GSList *list, gpointer data) TINYVMI_GLIB(g_slist_append);
GSList *g_slist_prepend(GSList *list, gpointer data) TINYVMI_GLIB(g_slist_prepend);
GSList *g_slist_insert(GSList *list, gpointer data, gint position) TINYVMI_GLIB(g_slist_insert);
/* Before the first element that is not less. */
GSList *g_slist_insert_sorted(GSList *list, gpointer data, GCompareFunc func)
    TINYVMI_GLIB(g_slist_insert_sorted);
GSList *g_slist_insert_sorted_with_data(GSList *list, gpointer data, GCompareDataFunc func,
                                        gpointer user_data)
    TINYVMI_GLIB(g_slist_insert_sorted_with_data);
/* A NULL sibling means the end. */
GSList *g_slist_insert_before(GSList *slist, GSList *sibling, gpointer data)
    TINYVMI_GLIB(g_slist_insert_before);
GSList *g_slist_concat(GSList *list1, GSList *list2) TINYVMI_GLIB(g_slist_concat);
/* The first with this data; all with it. */
GSList *g_slist_remove(GSList *list, gconstpointer data) TINYVMI_GLIB(g_slist_remove);
GSList *g_slist_remove_all(GSList *list, gconstpointer data) TINYVMI_GLIB(g_slist_remove_all);
/* Unlinks a node, which becomes a list of one; unlinks and frees it. */
GSList *g_slist_remove_link(GSList *list, GSList *link_) TINYVMI_GLIB(g_slist_remove_link);
GSList *g_slist_delete_link(GSList *list, GSList *link_) TINYVMI_GLIB(g_slist_delete_link);
GSList *g_slist_reverse(GSList *list) TINYVMI_GLIB(g_slist_reverse);
GSList *g_slist_copy(GSList *list) TINYVMI_GLIB(g_slist_copy);
GSList *g_slist_copy_deep(GSList *list, GCopyFunc func, gpointer user_data)
    TINYVMI_GLIB(g_slist_copy_deep);
GSList *g_slist_nth(GSList *list, guint n) TINYVMI_GLIB(g_slist_nth);
gpointer g_slist_nth_data(GSList *list, guint n) TINYVMI_GLIB(g_slist_nth_data);
GSList *g_slist_find(GSList *list, gconstpointer data) TINYVMI_GLIB(g_slist_find);
/* The first for which func(element, data) is 0. */
GSList *g_slist_find_custom(GSList *list, gconstpointer data, GCompareFunc func)
    TINYVMI_GLIB(g_slist_find_custom);
gint g_slist_position(GSList *list, GSList *llink) TINYVMI_GLIB(g_slist_position); /* or -1 */
gint g_slist_index(GSList *list, gconstpointer data) TINYVMI_GLIB(g_slist_index);  /* or -1 */
GSList *g_slist_last(GSList *list) TINYVMI_GLIB(g_slist_last);
guint g_slist_length(GSList *list) TINYVMI_GLIB(g_slist_length);
void g_slist_foreach(GSList *list, GFunc func, gpointer user_data) TINYVMI_GLIB(g_slist_foreach);
/* Stable. */
GSList *g_slist_sort(GSList *list, GCompareFunc compare_func) TINYVMI_GLIB(g_slist_sort);
GSList *g_slist_sort_with_data(GSList *list, GCompareDataFunc compare_func, gpointer user_data)
    TINYVMI_GLIB(g_slist_sort_with_data);

/* ---- GList --------------------------------------------------------------------------------- */
/* As GSList, with a way back. */

typedef struct _GList GList;
struct _GList {
    gpointer data;
    GList *next;
    GList *prev;
};

#define g_list_next(_node)     ((_node) ? ((_node)->next) : NULL)
#define g_list_previous(_node) ((_node) ? ((_node)->prev) : NULL)

GList *g_list_alloc(void) TINYVMI_GLIB(g_list_alloc);
void g_list_free(GList *list) TINYVMI_GLIB(g_list_free);
void g_list_free_1(GList *node) TINYVMI_GLIB(g_list_free_1);
#define g_list_free1 g_list_free_1
void g_list_free_full(GList *list, GDestroyNotify free_func) TINYVMI_GLIB(g_list_free_full);
#define g_clear_list(_list_ptr, _destroy)                                                          \
    do {                                                                                           \
        GList *_g_list = *(_list_ptr);                                                             \
        *(_list_ptr) = NULL;                                                                       \
        g_list_free_full(_g_list, (_destroy));                                                     \
    } while (0)
GList *g_list_append(GList *list, gpointer data) TINYVMI_GLIB(g_list_append);
GList *g_list_prepend(GList *list, gpointer data) TINYVMI_GLIB(g_list_prepend);
GList *g_list_insert(GList *list, gpointer data, gint position) TINYVMI_GLIB(g_list_insert);
GList *g_list_insert_sorted(GList *list, gpointer data, GCompareFunc func)
    TINYVMI_GLIB(g_list_insert_sorted);
GList *g_list_insert_sorted_with_data(GList *list, gpointer data, GCompareDataFunc func,
                                      gpointer user_data)
    TINYVMI_GLIB(g_list_insert_sorted_with_data);
GList *g_list_insert_before(GList *list, GList *sibling, gpointer data)
    TINYVMI_GLIB(g_list_insert_before);
GList *g_list_insert_before_link(GList *list, GList *sibling, GList *link_)
    TINYVMI_GLIB(g_list_insert_before_link);
GList *g_list_concat(GList *list1, GList *list2) TINYVMI_GLIB(g_list_concat);
GList *g_list_remove(GList *list, gconstpointer data) TINYVMI_GLIB(g_list_remove);
GList *g_list_remove_all(GList *list, gconstpointer data) TINYVMI_GLIB(g_list_remove_all);
GList *g_list_remove_link(GList *list, GList *llink) TINYVMI_GLIB(g_list_remove_link);
GList *g_list_delete_link(GList *list, GList *link_) TINYVMI_GLIB(g_list_delete_link);
GList *g_list_reverse(GList *list) TINYVMI_GLIB(g_list_reverse);
GList *g_list_copy(GList *list) TINYVMI_GLIB(g_list_copy);
GList *g_list_copy_deep(GList *list, GCopyFunc func, gpointer user_data)
    TINYVMI_GLIB(g_list_copy_deep);
GList *g_list_nth(GList *list, guint n) TINYVMI_GLIB(g_list_nth);
GList *g_list_nth_prev(GList *list, guint n) TINYVMI_GLIB(g_list_nth_prev);
gpointer g_list_nth_data(GList *list, guint n) TINYVMI_GLIB(g_list_nth_data);
GList *g_list_find(GList *list, gconstpointer data) TINYVMI_GLIB(g_list_find);
GList *g_list_find_custom(GList *list, gconstpointer data, GCompareFunc func)
    TINYVMI_GLIB(g_list_find_custom);
gint g_list_position(GList *list, GList *llink) TINYVMI_GLIB(g_list_position);
gint g_list_index(GList *list, gconstpointer data) TINYVMI_GLIB(g_list_index);
GList *g_list_first(GList *list) TINYVMI_GLIB(g_list_first);
GList *g_list_last(GList *list) TINYVMI_GLIB(g_list_last);
guint g_list_length(GList *list) TINYVMI_GLIB(g_list_length);
void g_list_foreach(GList *list, GFunc func, gpointer user_data) TINYVMI_GLIB(g_list_foreach);
GList *g_list_sort(GList *list, GCompareFunc compare_func) TINYVMI_GLIB(g_list_sort);
GList *g_list_sort_with_data(GList *list, GCompareDataFunc compare_func, gpointer user_data)
    TINYVMI_GLIB(g_list_sort_with_data);

/* Lists of what a table holds: the caller frees the list, the table keeps keys and values. */
GList *g_hash_table_get_keys(GHashTable *table) TINYVMI_GLIB(g_hash_table_get_keys);
GList *g_hash_table_get_values(GHashTable *table) TINYVMI_GLIB(g_hash_table_get_values);
/* An array ended by NULL, to be freed by g_free. `length` is optional. */
gpointer *g_hash_table_get_keys_as_array(GHashTable *table, guint *length)
    TINYVMI_GLIB(g_hash_table_get_keys_as_array);

/* ---- GQueue -------------------------------------------------------------------------------- */
/* A list that knows its ends and its length. The structure may be read; it may lie on the stack. */

typedef struct _GQueue {
    GList *head;
    GList *tail;
    guint length;
} GQueue;

#define G_QUEUE_INIT                                                                               \
    {                                                                                              \
        NULL, NULL, 0                                                                              \
    }

GQueue *g_queue_new(void) TINYVMI_GLIB(g_queue_new);
void g_queue_free(GQueue *queue) TINYVMI_GLIB(g_queue_free);
void g_queue_free_full(GQueue *queue, GDestroyNotify free_func) TINYVMI_GLIB(g_queue_free_full);
void g_queue_init(GQueue *queue) TINYVMI_GLIB(g_queue_init);
void g_queue_clear(GQueue *queue) TINYVMI_GLIB(g_queue_clear);
void g_queue_clear_full(GQueue *queue, GDestroyNotify free_func) TINYVMI_GLIB(g_queue_clear_full);
gboolean g_queue_is_empty(GQueue *queue) TINYVMI_GLIB(g_queue_is_empty);
guint g_queue_get_length(GQueue *queue) TINYVMI_GLIB(g_queue_get_length);
void g_queue_reverse(GQueue *queue) TINYVMI_GLIB(g_queue_reverse);
GQueue *g_queue_copy(GQueue *queue) TINYVMI_GLIB(g_queue_copy);
void g_queue_foreach(GQueue *queue, GFunc func, gpointer user_data) TINYVMI_GLIB(g_queue_foreach);
GList *g_queue_find(GQueue *queue, gconstpointer data) TINYVMI_GLIB(g_queue_find);
GList *g_queue_find_custom(GQueue *queue, gconstpointer data, GCompareFunc func)
    TINYVMI_GLIB(g_queue_find_custom);
void g_queue_sort(GQueue *queue, GCompareDataFunc compare_func, gpointer user_data)
    TINYVMI_GLIB(g_queue_sort);

void g_queue_push_head(GQueue *queue, gpointer data) TINYVMI_GLIB(g_queue_push_head);
void g_queue_push_tail(GQueue *queue, gpointer data) TINYVMI_GLIB(g_queue_push_tail);
/* A negative or too large position means the tail. */
void g_queue_push_nth(GQueue *queue, gpointer data, gint n) TINYVMI_GLIB(g_queue_push_nth);
gpointer g_queue_pop_head(GQueue *queue) TINYVMI_GLIB(g_queue_pop_head);
gpointer g_queue_pop_tail(GQueue *queue) TINYVMI_GLIB(g_queue_pop_tail);
gpointer g_queue_pop_nth(GQueue *queue, guint n) TINYVMI_GLIB(g_queue_pop_nth);
gpointer g_queue_peek_head(GQueue *queue) TINYVMI_GLIB(g_queue_peek_head);
gpointer g_queue_peek_tail(GQueue *queue) TINYVMI_GLIB(g_queue_peek_tail);
gpointer g_queue_peek_nth(GQueue *queue, guint n) TINYVMI_GLIB(g_queue_peek_nth);
gint g_queue_index(GQueue *queue, gconstpointer data) TINYVMI_GLIB(g_queue_index); /* or -1 */
gboolean g_queue_remove(GQueue *queue, gconstpointer data) TINYVMI_GLIB(g_queue_remove);
guint g_queue_remove_all(GQueue *queue, gconstpointer data) TINYVMI_GLIB(g_queue_remove_all);
/* NULL siblings: before the end, after the start. */
void g_queue_insert_before(GQueue *queue, GList *sibling, gpointer data)
    TINYVMI_GLIB(g_queue_insert_before);
void g_queue_insert_after(GQueue *queue, GList *sibling, gpointer data)
    TINYVMI_GLIB(g_queue_insert_after);
void g_queue_insert_sorted(GQueue *queue, gpointer data, GCompareDataFunc func, gpointer user_data)
    TINYVMI_GLIB(g_queue_insert_sorted);

/* The same with nodes; those that are popped or unlinked become the caller's. */
void g_queue_push_head_link(GQueue *queue, GList *link_) TINYVMI_GLIB(g_queue_push_head_link);
void g_queue_push_tail_link(GQueue *queue, GList *link_) TINYVMI_GLIB(g_queue_push_tail_link);
void g_queue_push_nth_link(GQueue *queue, gint n, GList *link_) TINYVMI_GLIB(g_queue_push_nth_link);
GList *g_queue_pop_head_link(GQueue *queue) TINYVMI_GLIB(g_queue_pop_head_link);
GList *g_queue_pop_tail_link(GQueue *queue) TINYVMI_GLIB(g_queue_pop_tail_link);
GList *g_queue_pop_nth_link(GQueue *queue, guint n) TINYVMI_GLIB(g_queue_pop_nth_link);
GList *g_queue_peek_head_link(GQueue *queue) TINYVMI_GLIB(g_queue_peek_head_link);
GList *g_queue_peek_tail_link(GQueue *queue) TINYVMI_GLIB(g_queue_peek_tail_link);
GList *g_queue_peek_nth_link(GQueue *queue, guint n) TINYVMI_GLIB(g_queue_peek_nth_link);
gint g_queue_link_index(GQueue *queue, GList *link_) TINYVMI_GLIB(g_queue_link_index);
void g_queue_unlink(GQueue *queue, GList *link_) TINYVMI_GLIB(g_queue_unlink);
void g_queue_delete_link(GQueue *queue, GList *link_) TINYVMI_GLIB(g_queue_delete_link);
void g_queue_insert_before_link(GQueue *queue, GList *sibling, GList *link_)
    TINYVMI_GLIB(g_queue_insert_before_link);
void g_queue_insert_after_link(GQueue *queue, GList *sibling, GList *link_)
    TINYVMI_GLIB(g_queue_insert_after_link);

G_END_DECLS

#endif /* TINYVMI_COMPAT_GLIB_H */

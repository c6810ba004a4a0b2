/* SPDX-License-Identifier: BSD-2-Clause */
/* GLib's small calls: memory, strings, hash functions. See include/compat/glib.h. */
#include <stdarg.h>
#include <stdlib.h>

#include "compat/glib.h"

/* ---- Memory -------------------------------------------------------------------------------- */

/* GLib promises that these calls never give NULL for a size that is not 0. */
static gpointer or_trap(gpointer mem)
{
    if (G_UNLIKELY(mem == NULL))
        __builtin_trap();
    return mem;
}

/* The product, or SIZE_MAX, which no allocation can have. */
static gsize product(gsize a, gsize b)
{
    gsize size;

    return __builtin_mul_overflow(a, b, &size) ? G_MAXSIZE : size;
}

gpointer g_try_malloc(gsize n_bytes)
{
    return n_bytes != 0 && n_bytes <= G_MAXSSIZE ? malloc(n_bytes) : NULL;
}

gpointer g_try_malloc0(gsize n_bytes)
{
    return n_bytes != 0 && n_bytes <= G_MAXSSIZE ? calloc(1, n_bytes) : NULL;
}

gpointer g_try_malloc_n(gsize n_blocks, gsize n_block_bytes)
{
    return g_try_malloc(product(n_blocks, n_block_bytes));
}

gpointer g_try_malloc0_n(gsize n_blocks, gsize n_block_bytes)
{
    return g_try_malloc0(product(n_blocks, n_block_bytes));
}

gpointer g_try_realloc(gpointer mem, gsize n_bytes)
{
    if (n_bytes == 0) {
        free(mem);
        return NULL;
    }
    return n_bytes <= G_MAXSSIZE ? realloc(mem, n_bytes) : NULL;
}

gpointer g_malloc(gsize n_bytes)
{
    return n_bytes != 0 ? or_trap(g_try_malloc(n_bytes)) : NULL;
}

gpointer g_malloc0(gsize n_bytes)
{
    return n_bytes != 0 ? or_trap(g_try_malloc0(n_bytes)) : NULL;
}

gpointer g_malloc_n(gsize n_blocks, gsize n_block_bytes)
{
    return g_malloc(product(n_blocks, n_block_bytes));
}

gpointer g_malloc0_n(gsize n_blocks, gsize n_block_bytes)
{
    return g_malloc0(product(n_blocks, n_block_bytes));
}

gpointer g_realloc(gpointer mem, gsize n_bytes)
{
    gpointer result = g_try_realloc(mem, n_bytes);

    return n_bytes != 0 ? or_trap(result) : NULL;
}

gpointer g_realloc_n(gpointer mem, gsize n_blocks, gsize n_block_bytes)
{
    return g_realloc(mem, product(n_blocks, n_block_bytes));
}

void g_free(gpointer mem)
{
    free(mem);
}

gpointer g_memdup2(gconstpointer mem, gsize byte_size)
{
    if (mem == NULL || byte_size == 0)
        return NULL;
    return memcpy(g_malloc(byte_size), mem, byte_size);
}

gpointer g_memdup(gconstpointer mem, guint byte_size)
{
    return g_memdup2(mem, byte_size);
}

/* ---- Strings ------------------------------------------------------------------------------- */

gchar *g_strdup(const gchar *str)
{
    return str != NULL ? g_memdup2(str, strlen(str) + 1) : NULL;
}

gchar *g_strndup(const gchar *str, gsize n)
{
    gchar *copy;

    if (str == NULL)
        return NULL;
    if (n == G_MAXSIZE)
        __builtin_trap();
    copy = g_malloc(n + 1);
    gsize length = 0;
    while (length < n && str[length] != '\0')
        length++;
    memcpy(copy, str, length);
    memset(copy + length, 0, n + 1 - length);
    return copy;
}

gchar *g_strconcat(const gchar *string1, ...)
{
    gsize size = 1;
    gchar *result, *end;
    va_list args;

    if (string1 == NULL)
        return NULL;
    va_start(args, string1);
    for (const gchar *s = string1; s != NULL; s = va_arg(args, const gchar *)) {
        if (__builtin_add_overflow(size, strlen(s), &size))
            __builtin_trap();
    }
    va_end(args);

    result = end = g_malloc(size);
    va_start(args, string1);
    for (const gchar *s = string1; s != NULL; s = va_arg(args, const gchar *)) {
        gsize length = strlen(s);
        memcpy(end, s, length);
        end += length;
    }
    va_end(args);
    *end = '\0';
    return result;
}

guint g_strv_length(gchar **str_array)
{
    guint length = 0;

    if (str_array != NULL) {
        while (str_array[length] != NULL)
            length++;
    }
    return length;
}

gchar **g_strdupv(gchar **str_array)
{
    guint length = g_strv_length(str_array);
    gchar **copy;

    if (str_array == NULL)
        return NULL;
    copy = g_new(gchar *, (gsize)length + 1);
    for (guint i = 0; i < length; i++)
        copy[i] = g_strdup(str_array[i]);
    copy[length] = NULL;
    return copy;
}

void g_strfreev(gchar **str_array)
{
    if (str_array == NULL)
        return;
    for (gsize i = 0; str_array[i] != NULL; i++)
        free(str_array[i]);
    free(str_array);
}

gint g_strcmp0(const char *str1, const char *str2)
{
    if (str1 == NULL || str2 == NULL)
        return (str1 != NULL) - (str2 != NULL);
    return strcmp(str1, str2);
}

gboolean g_str_has_prefix(const gchar *str, const gchar *prefix)
{
    if (str == NULL || prefix == NULL)
        return FALSE;
    return strncmp(str, prefix, strlen(prefix)) == 0;
}

gboolean g_str_has_suffix(const gchar *str, const gchar *suffix)
{
    gsize length, suffix_length;

    if (str == NULL || suffix == NULL)
        return FALSE;
    length = strlen(str);
    suffix_length = strlen(suffix);
    return suffix_length <= length && strcmp(str + length - suffix_length, suffix) == 0;
}

/* ---- Hashing ------------------------------------------------------------------------------- */

gboolean g_direct_equal(gconstpointer v1, gconstpointer v2)
{
    return v1 == v2;
}

guint g_direct_hash(gconstpointer v)
{
    return GPOINTER_TO_UINT(v);
}

gboolean g_int_equal(gconstpointer v1, gconstpointer v2)
{
    return *(const gint *)v1 == *(const gint *)v2;
}

guint g_int_hash(gconstpointer v)
{
    return (guint) * (const gint *)v;
}

gboolean g_int64_equal(gconstpointer v1, gconstpointer v2)
{
    return *(const gint64 *)v1 == *(const gint64 *)v2;
}

guint g_int64_hash(gconstpointer v)
{
    guint64 bits = (guint64) * (const gint64 *)v;

    return (guint)(bits ^ bits >> 32);
}

gboolean g_double_equal(gconstpointer v1, gconstpointer v2)
{
    return *(const gdouble *)v1 == *(const gdouble *)v2;
}

guint g_double_hash(gconstpointer v)
{
    gdouble number = *(const gdouble *)v;
    guint64 bits;

    if (number == 0)
        number = 0; /* -0.0 is equal to 0.0 */
    memcpy(&bits, &number, sizeof(bits));
    return (guint)(bits ^ bits >> 32);
}

gboolean g_str_equal(gconstpointer v1, gconstpointer v2)
{
    return strcmp(v1, v2) == 0;
}

guint g_str_hash(gconstpointer v)
{
    const signed char *s = v;
    guint hash = 5381;

    /* four at a time: the products do not wait for each other */
    while (s[0] != 0 && s[1] != 0 && s[2] != 0 && s[3] != 0) {
        hash = hash * (33 * 33 * 33 * 33) + (guint)s[0] * (33 * 33 * 33) + (guint)s[1] * (33 * 33) +
               (guint)s[2] * 33 + (guint)s[3];
        s += 4;
    }
    for (; *s != 0; s++)
        hash = hash * 33 + (guint)*s;
    return hash;
}

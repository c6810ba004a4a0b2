/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration as a hash table: texts for the keys that take text, pointers to uint64_t for
 * those with numbers. */
#include "vmi/config.h"

#include <glib.h>

struct table_walk {
    struct config *c;
    int st;
};

static void take_pair(gpointer key, gpointer value, gpointer data)
{
    struct table_walk *w = data;
    if (!key || !value)
        return;
    for (const struct config_key *k = config_keys; k->name; k++) {
        if (strcmp(k->name, key) != 0)
            continue;
        if (k->kind == CONFIG_NUMBER)
            w->c->number[k->number] = le64(value);
        else if (config_set_text(w->c, k->name, value) != ST_OK)
            w->st = ST_NOMEM;
    }
}

int config_from_table(void *table, struct diag *d, struct config **ret)
{
    struct table_walk w = {.c = config_new(), .st = ST_OK};
    if (w.c)
        g_hash_table_foreach(table, take_pair, &w);
    if (!w.c || w.st != ST_OK) {
        config_free(w.c);
        return diag_fail(d, ST_NOMEM, "no memory for the configuration");
    }
    *ret = w.c;
    return ST_OK;
}

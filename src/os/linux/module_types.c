/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Types of modules: split BTF, which continues the kernel's. The kernel keeps a copy of each
 * module's on the list btf_modules (kernel/bpf/btf.c, since 5.11). It is copied out of the guest
 * once, when it is first asked for: a module's types cannot change while it is loaded, and its name
 * is looked up anew each time.
 */
#include "os/linux/linux.h"

#include <stdlib.h>

#include "sym/btf.h"

enum { MAX_MODULES = 16384, MAX_BTF = 32 << 20 };

struct lx_module_types {
    struct lx_module_types *next;
    uint64_t module; /* the object's address */
    uint64_t
        data; /* where its BTF is in the guest: another one after the module was loaded again */
    uint8_t *copy;
    struct types types;
};

static int open_types(struct linux_view *l, uint64_t module, uint64_t data, uint64_t size,
                      struct lx_module_types **ret)
{
    struct lx_module_types *m = calloc(1, sizeof *m);
    int st = ST_NOMEM;
    if (m && (m->copy = malloc((size_t)size))) {
        st = aspace_read(&l->v->kernel, GVA(data), m->copy, (size_t)size, NULL);
        if (st == ST_OK)
            st = btf_open((struct bytes){m->copy, (size_t)size}, l->v->ptr_size, &l->v->types,
                          l->v->diag, &m->types);
    }
    if (st != ST_OK) {
        if (m)
            free(m->copy);
        free(m);
        return st;
    }
    m->module = module;
    m->data = data;
    m->next = l->module_types;
    l->module_types = m;
    *ret = m;
    return ST_OK;
}

int lx_module_types(struct osview *v, const char *module, const struct types **ret)
{
    struct linux_view *l = lx_of(v);
    struct list_walk w;
    uint64_t head, node;
    static const enum layout_id needed[] = {L_btf_module_list, L_btf_module_module,
                                            L_btf_module_btf,  L_btf_data,
                                            L_btf_data_size,   L_module_name};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!lx_has(l, needed[i]) || lx_symbol(l, "btf_modules", &head) != ST_OK ||
            strcmp(v->types.ops->kind, "BTF"))
            return diag_fail(v->diag, ST_UNSUPPORTED,
                             "this kernel keeps no types of modules (needs "
                             "CONFIG_DEBUG_INFO_BTF_MODULES and the symbol "
                             "btf_modules)");
    list_start(&w, &v->kernel, v->ptr_size, head, MAX_MODULES);
    while (list_next(&w, NULL, &node) == 1) {
        uint64_t at = node - lx_off(l, L_btf_module_list), mod, btf, data, size;
        char name[64];
        if (lx_ptr(l, at, L_btf_module_module, &mod) != ST_OK)
            continue;
        int st = lx_text(l, mod + lx_off(l, L_module_name), name, sizeof name);
        if ((st != ST_OK && st != ST_LIMIT) || strcmp(name, module))
            continue;
        if (lx_ptr(l, at, L_btf_module_btf, &btf) != ST_OK ||
            lx_ptr(l, btf, L_btf_data, &data) != ST_OK ||
            lx_read(l, btf, L_btf_data_size, &size) != ST_OK || size > MAX_BTF)
            return diag_fail(v->diag, ST_BROKEN, "the types of module %s are damaged", name);
        struct lx_module_types *m = l->module_types;
        while (m && (m->module != mod || m->data != data))
            m = m->next;
        st = m ? ST_OK : open_types(l, mod, data, size, &m);
        if (st == ST_OK)
            *ret = &m->types;
        return st;
    }
    return diag_fail(v->diag, ST_ABSENT, "no module \"%.60s\" with types is loaded", module);
}

void lx_module_types_close(struct linux_view *l)
{
    while (l->module_types) {
        struct lx_module_types *m = l->module_types;
        l->module_types = m->next;
        m->types.ops->close(m->types.self);
        free(m->copy);
        free(m);
    }
}

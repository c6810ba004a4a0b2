/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loadable modules: the kernel's list, and the symbols that each module keeps of itself (struct
 * mod_kallsyms). What a module is made of moved: core_layout/init_layout until 6.3, an array of
 * module_memory since 6.4.
 */
#include "os/linux/linux.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_MODULES = 16384,
    MAX_MODULE_SYMBOLS = 1 << 20,
    MAX_SEARCH = 1 << 22,  /* modules (64 each) and symbols that one search looks at: forged modules
                              may share a table */
    MAX_SYMBOL_NAME = 512, /* KSYM_NAME_LEN since 6.1 */
};

/* enum module_state, include/linux/module.h */
static const char *const states[] = {"Live", "Loading", "Unloading", "Unformed"};

/* Taint bits that a module can carry, with the letters of kernel/panic.c. */
static const struct {
    uint8_t bit;
    char letter;
} taint_rows[] = {{0, 'P'},  {1, 'F'},  {10, 'C'}, {12, 'O'},
                  {13, 'E'}, {15, 'K'}, {16, 'X'}, {18, 'N'}};

static void read_memory(struct linux_view *l, uint64_t mod, struct vmi_module *m)
{
    uint64_t v;
    if (lx_has(l, L_module_mem) && lx_has(l, L_module_memory_size) &&
        lx_has(l, L_module_memory_struct)) {
        uint64_t step = lx_off(l, L_module_memory_struct), total = 0;
        uint64_t n = lx_has(l, L_mod_mem_types) ? lx_off(l, L_mod_mem_types)
                                                : l->m[L_module_mem].size / (step ? step : 1);
        for (uint64_t i = 0; i < MIN_OF(n, 16u); i++) {
            uint64_t at = mod + lx_off(l, L_module_mem) + i * step, size = 0, base = 0;
            if (lx_read(l, at, L_module_memory_size, &size) != ST_OK ||
                lx_ptr(l, at, L_module_memory_base, &base) != ST_OK)
                m->flags |= VMI_RECORD_PARTIAL;
            if (i == 0) /* MOD_TEXT */
                m->base = base;
            if (lx_has(l, L_mod_init_text) && i == lx_off(l, L_mod_init_text)) {
                m->init_base = base;
                m->init_size = size;
            }
            total += size;
        }
        m->size = total;
        return;
    }
    if (lx_ptr(l, mod, L_module_core_base, &m->base) != ST_OK ||
        lx_read(l, mod, L_module_core_size, &m->size) != ST_OK)
        m->flags |= VMI_RECORD_PARTIAL;
    if (lx_ptr(l, mod, L_module_init_base, &m->init_base) == ST_OK &&
        lx_read(l, mod, L_module_init_size, &v) == ST_OK) {
        m->init_size = v;
        m->size += v; /* as /proc/modules counts */
    }
}

/* One module. The texts are in `name` and `taints`. */
static int read_module(struct linux_view *l, uint64_t mod, char name[64], char taints[16],
                       struct vmi_module *ret)
{
    struct vmi_module m = {
        .object = mod, .name = name, .taints = taints, .state = "", .path = "", .refs = -1};
    uint64_t v;
    size_t n = 0, size = l->m[L_module_name].size ? l->m[L_module_name].size : 64;
    int st = lx_text(l, mod + lx_off(l, L_module_name), name, MIN_OF(size, (size_t)64));
    if (st != ST_OK && st != ST_LIMIT)
        return st;
    read_memory(l, mod, &m);
    if (lx_read(l, mod, L_module_state, &v) == ST_OK)
        m.state = v < ARRAY_LEN(states) ? states[v] : "?";
    if (lx_read(l, mod, L_module_refcnt, &v) == ST_OK)
        m.refs = (int32_t)((uint32_t)v - 1); /* MODULE_REF_BASE, kernel/module */
    else
        m.flags |= VMI_RECORD_PARTIAL;
    if (lx_read(l, mod, L_module_taints, &v) == ST_OK)
        for (size_t i = 0; i < ARRAY_LEN(taint_rows); i++)
            if (v >> taint_rows[i].bit & 1)
                taints[n++] = taint_rows[i].letter;
    taints[n] = '\0';
    *ret = m;
    return ST_OK;
}

/* Calls `visit` for each module object on the kernel's list. Returns what stopped it, or ST_OK. */
static int each_object(struct linux_view *l,
                       int (*visit)(struct linux_view *l, uint64_t mod, void *arg), void *arg,
                       struct vmi_outcome *o)
{
    struct list_walk w;
    uint64_t head = l->modules, node;
    if (!head || !lx_has(l, L_module_list) || !lx_has(l, L_module_name))
        return diag_fail(l->v->diag, ST_UNSUPPORTED,
                         "the module list needs the symbol modules and struct module; %s",
                         l->v->types.ops ? "this kernel has none (CONFIG_MODULES=n?)"
                                         : "no types were found: give a profile (--profile FILE)");
    list_start(&w, &l->v->kernel, l->v->ptr_size, head, MAX_MODULES);
    while (list_next(&w, o, &node) == 1) {
        int st = visit(l, node - lx_off(l, L_module_list), arg);
        if (st)
            return st;
    }
    return ST_OK;
}

struct list_args {
    vmi_module_cb cb;
    void *data;
    struct vmi_outcome *o;
};

static int list_one(struct linux_view *l, uint64_t mod, void *arg)
{
    struct list_args *a = arg;
    char name[64], taints[16];
    struct vmi_module m;
    if (read_module(l, mod, name, taints, &m) != ST_OK) {
        outcome_cut(a->o, "the module at %#" PRIx64 " is not in memory", mod);
        return 0;
    }
    a->o->count++;
    return a->cb(&m, a->data) ? 1 : 0;
}

int lx_modules(struct osview *v, vmi_module_cb cb, void *data, struct vmi_outcome *ret)
{
    struct list_args a = {cb, data, ret};
    int st = each_object(lx_of(v), list_one, &a, ret);
    return st > 0 ? ST_OK : st;
}

/* ---- symbols of modules ---- */

/* The symbol table of one module: Elf_Sym array, strings, types (kernel/module/kallsyms.c). */
struct mod_symbols {
    uint64_t symtab, strtab, typetab, num;
    char module[64];
};

static int open_symbols(struct linux_view *l, uint64_t mod, struct mod_symbols *ret)
{
    struct mod_symbols s = {0};
    uint64_t at;
    if (lx_ptr(l, mod, L_module_kallsyms, &at) != ST_OK || !at ||
        lx_ptr(l, at, L_mod_kallsyms_symtab, &s.symtab) != ST_OK ||
        lx_ptr(l, at, L_mod_kallsyms_strtab, &s.strtab) != ST_OK ||
        lx_read(l, at, L_mod_kallsyms_num, &s.num) != ST_OK)
        return ST_ABSENT;
    if (s.num > MAX_MODULE_SYMBOLS)
        return ST_BROKEN;
    (void)lx_ptr(l, at, L_mod_kallsyms_typetab, &s.typetab);
    int st = lx_text(l, mod + lx_off(l, L_module_name), s.module, sizeof s.module);
    if (st != ST_OK && st != ST_LIMIT)
        return st;
    *ret = s;
    return ST_OK;
}

/* Entry i; *name_at is the address of its name. Entry 0 is empty. */
static int symbol_at(struct linux_view *l, const struct mod_symbols *s, uint64_t i,
                     struct vmi_symbol *ret, uint64_t *name_at)
{
    uint8_t e[24];
    bool wide =
        l->v->ptr_size ==
        8; /* Elf64_Sym: name, info, other, shndx, value, size; Elf32_Sym: name, value, size, .. */
    size_t size = wide ? 24 : 16;
    int st = aspace_read(&l->v->kernel, GVA(s->symtab + i * size), e, size, NULL);
    if (st != ST_OK)
        return st;
    uint16_t shndx = le16(wide ? e + 6 : e + 14);
    if (!shndx) /* undefined: imported */
        return ST_ABSENT;
    char type = '?';
    if (s->typetab && aspace_read(&l->v->kernel, GVA(s->typetab + i), &type, 1, NULL) != ST_OK)
        type = '?';
    *ret = (struct vmi_symbol){.address = wide ? le64(e + 8) : le32(e + 4),
                               .size = wide ? le64(e + 16) : le32(e + 8),
                               .type = type,
                               .module = s->module};
    *name_at = s->strtab + le32(e);
    return ST_OK;
}

struct symbol_search {
    const char *module, *name; /* by name; module may be NULL */
    uint64_t address;          /* nearest */
    vmi_symbol_cb cb;          /* all */
    void *data;
    uint64_t object; /* this module alone; 0: all */
    uint64_t *left;  /* see MAX_SEARCH */
    struct vmi_symbol best;
    bool found;
};

/* Takes from what a search may look at. */
static bool spend(struct symbol_search *q, uint64_t n)
{
    bool enough = *q->left >= n;
    *q->left -= enough ? n : *q->left;
    return enough;
}

static int search_module(struct linux_view *l, uint64_t mod, void *arg)
{
    struct symbol_search *q = arg;
    struct mod_symbols s;
    if (!spend(q, 64))
        return ST_LIMIT;
    if (q->object && q->object != mod)
        return 0;
    if (open_symbols(l, mod, &s) != ST_OK || (q->module && strcmp(q->module, s.module)))
        return 0;
    for (uint64_t i = 1; i < s.num; i++) {
        struct vmi_symbol one;
        uint64_t name_at;
        char *name = l->symbol_name;
        if (!spend(q, 1))
            return ST_LIMIT;
        int st = symbol_at(l, &s, i, &one, &name_at);
        if (st == ST_ABSENT)
            continue;
        if (st != ST_OK)
            break;
        if (!q->cb && !q->name &&
            (one.address > q->address || (q->found && one.address < q->best.address)))
            continue;
        char text[MAX_SYMBOL_NAME];
        st = lx_text(l, name_at, text, sizeof text);
        if ((st != ST_OK && st != ST_LIMIT) || !text[0])
            continue;
        one.name = text;
        if (q->cb) {
            if (q->cb(&one, q->data))
                return 1;
            continue;
        }
        if (q->name && strcmp(q->name, text))
            continue;
        snprintf(name, sizeof l->symbol_name, "%s", text);
        snprintf(l->symbol_module, sizeof l->symbol_module, "%s", s.module);
        q->best = one;
        q->best.name = l->symbol_name;
        q->best.module = l->symbol_module;
        q->found = true;
        if (q->name)
            return 1;
    }
    return 0;
}

/* Runs it over all modules; a list that was cut is told as ST_BROKEN, once what was there has been
 * looked at. */
static int search_all(struct osview *v, struct symbol_search *q)
{
    struct vmi_outcome o = {0};
    uint64_t left = MAX_SEARCH;
    q->left = q->left ? q->left : &left;
    int st = each_object(lx_of(v), search_module, q, &o);
    if (st == ST_LIMIT)
        return diag_fail(v->diag, st,
                         "the modules on the list at %#" PRIx64 " have more symbols than the bound",
                         lx_of(v)->modules);
    return st == ST_OK && o.partial ? diag_fail(v->diag, ST_BROKEN, "%s", o.reason) : st;
}

static int search(struct osview *v, struct symbol_search *q, struct vmi_symbol *ret)
{
    int st = search_all(v, q);
    if (!q->found)
        return st < 0 ? st : ST_ABSENT;
    *ret = q->best;
    return ST_OK;
}

int lx_module_symbol(struct osview *v, const char *module, const char *name, struct vmi_symbol *ret)
{
    struct symbol_search q = {.module = module && *module ? module : NULL, .name = name};
    return search(v, &q, ret);
}

struct containing {
    uint64_t address, object;
    uint64_t *left; /* see MAX_SEARCH */
};

static int module_holds(const struct vmi_module *m, void *data)
{
    struct containing *c = data;
    if (*c->left < 64)
        return 1;
    *c->left -= 64;
    if (c->address - m->base >= m->size &&
        (!m->init_size || c->address - m->init_base >= m->init_size))
        return 0;
    c->object = m->object;
    return 1;
}

int lx_module_nearest_within(struct osview *v, uint64_t address, uint64_t *left,
                             struct vmi_symbol *ret)
{
    struct containing c = {.address = address, .left = left};
    struct vmi_outcome o = {0};
    if (lx_modules(v, module_holds, &c, &o) != ST_OK || !c.object)
        return *left < 64 ? ST_LIMIT : ST_ABSENT;
    struct symbol_search q = {.object = c.object, .address = address, .left = left};
    return search(v, &q, ret);
}

int lx_module_nearest(struct osview *v, uint64_t address, struct vmi_symbol *ret)
{
    uint64_t left = MAX_SEARCH;
    return lx_module_nearest_within(v, address, &left, ret);
}

int lx_each_module_symbol(struct osview *v, vmi_symbol_cb cb, void *data)
{
    struct symbol_search q = {.cb = cb, .data = data};
    int st = search_all(v, &q);
    return st > 0 ? ST_OK : st;
}

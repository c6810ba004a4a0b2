/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as a person writes them, and symbols as a person reads them. */
#include "cmd.h"

#include <stdlib.h>
#include <string.h>

struct nearest {
    const char *name;
    unsigned best;
    char *found;
};

static int compare_symbol(const struct vmi_symbol *s, void *data)
{
    struct nearest *n = data;
    if (is_nearer(n->name, s->name, &n->best)) {
        free(n->found);
        n->found = strdup(s->name);
    }
    return n->best == 1; /* nearer than one edit is only the name itself */
}

char *symbol_suggest(struct run *run, const char *name)
{
    struct nearest n = {.name = name, .best = 0xffff};
    struct vmi_outcome o;
    if (vmi_each_symbol(run->vmi, compare_symbol, &n, &o) != VMI_SUCCESS) {
        free(n.found);
        return NULL;
    }
    return n.found;
}

/* Sixteen hex digits without 0x are an address that was copied from somewhere. */
static bool looks_like_address(const char *s)
{
    size_t n = strspn(s, "0123456789abcdefABCDEF");
    return n >= 8 && s[n] == 0;
}

static int no_symbol(struct run *run, const char *name)
{
    char *near = symbol_suggest(run, name);
    if (near)
        complain(NULL, "there is no symbol '%s'; did you mean '%s'?", name, near);
    else if (looks_like_address(name))
        complain(NULL, "there is no symbol '%s'; an address starts with 0x: 0x%s", name, name);
    else
        complain("'tinyvmi symbols TARGET --search PATTERN' looks for names",
                 "there is no symbol '%s'", name);
    free(near);
    return EXIT_NO;
}

struct wanted {
    const char *name;
    bool found;
};

static int is_wanted(const struct vmi_module *m, void *data)
{
    struct wanted *w = data;
    w->found = !strcmp(m->name, w->name);
    return w->found;
}

/* Where the list cannot be read in full, a module that is not seen may still be there. */
static bool module_is_loaded(struct run *run, const char *name)
{
    struct wanted w = {.name = name};
    struct vmi_outcome o = {0};
    return vmi_each_module(run->vmi, is_wanted, &w, &o) != VMI_SUCCESS || o.partial || w.found;
}

/* "module:name" or "name" */
static int symbol_address(struct run *run, const char *text, uint64_t *ret)
{
    struct vmi_symbol s;
    char *module = strdup(text), *colon = module ? strchr(module, ':') : NULL;
    if (colon)
        *colon = 0;
    const char *name = colon ? text + (colon - module) + 1 : text;
    status_t found = vmi_symbol_by_name(run->vmi, colon ? module : NULL, name, &s);
    if (found != VMI_SUCCESS && colon && colon > module && !module_is_loaded(run, module)) {
        complain("'tinyvmi modules TARGET' lists them", "no module '%s' is loaded", module);
        free(module);
        return EXIT_NO;
    }
    free(module);
    if (found != VMI_SUCCESS)
        return no_symbol(run, name);
    *ret = s.address;
    return EXIT_WELL;
}

int address_parse(struct run *run, const char *text, bool symbols, uint64_t *ret)
{
    uint64_t base, offset = 0;
    if (parse_number(text, ret))
        return EXIT_WELL;
    if (!symbols)
        return usage_error(run, "'%s' is no address (examples: 0x1000, 4096)", text);
    /* The last + or - with a number behind it; symbols of the kernel hold neither. */
    const char *sign = text + strlen(text);
    while (sign > text && *sign != '+' && *sign != '-')
        sign--;
    bool split = sign > text && parse_number(sign + 1, &offset);
    if (sign > text && !split)
        return usage_error(run, "'%s' is no offset (examples: +0x10, -8)", sign);
    char *name = strndup(text, split ? (size_t)(sign - text) : strlen(text));
    if (!name || !*name) {
        free(name);
        return usage_error(run, "'%s' is no address (examples: 0xffffffff81000000, init_task+0x10)",
                           text);
    }
    int code = parse_number(name, &base) ? EXIT_WELL : symbol_address(run, name, &base);
    free(name);
    if (code == EXIT_WELL)
        *ret = split && *sign == '-' ? base - offset : base + offset;
    return code;
}

void str_symbol(struct run *run, struct str *s, uint64_t address)
{
    struct vmi_symbol sym;
    uint64_t offset;
    if (vmi_symbol_by_address(run->vmi, address, &sym, &offset) != VMI_SUCCESS)
        return;
    /* Absolute symbols are no addresses, and what is far behind the last symbol is not in it. */
    if ((sym.type | 32) == 'a' || offset >= (sym.size ? sym.size : 1 << 20))
        return;
    str_guest(s, sym.name, strlen(sym.name), 0);
    if (offset)
        str_fmt(s, "+0x%llx", (unsigned long long)offset);
    if (sym.module[0]) {
        str_puts(s, " [");
        str_guest(s, sym.module, strlen(sym.module), 0);
        str_puts(s, "]");
    }
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbols and types by name: the kernel's, then those of its modules. */
#include "vmi/access.h"

/* Text that `diag` holds about this very failure, or the words given. */
static status_t fail_or_tell(vmi_instance_t vmi, int st, const char *what, const char *name)
{
    if (vmi->diag.code == st && vmi->diag.text[0])
        return vmi_fail(vmi, st, NULL);
    return vmi_fail(vmi, st, "%s %.128s: %s", what, name, status_name(st));
}

/* ---- symbols --------------------------------------------------------------------------------- */

static int kernel_symbol(vmi_instance_t vmi, const char *name, struct vmi_symbol *ret)
{
    const struct symtab *t = &vmi->os.symbols;
    return t->ops ? t->ops->by_name(t->self, name, ret) : ST_ABSENT;
}

status_t vmi_symbol_by_name(vmi_instance_t vmi, const char *module, const char *name,
                            struct vmi_symbol *ret)
{
    struct vmi_symbol s;
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (!name || !ret)
        return vmi_fail(vmi, ST_INVALID, "no symbol was named");
    vmi->statistics.symbol_lookups++;
    diag_clear(&vmi->diag);
    int st = ST_ABSENT;
    if (!module || !*module)
        st = kernel_symbol(vmi, name, &s);
    if (st == ST_ABSENT && (!module || *module) && vmi->os.ops->module_symbol)
        st = vmi->os.ops->module_symbol(&vmi->os, module, name, &s);
    if (st != ST_OK)
        return fail_or_tell(vmi, st, "symbol", name);
    *ret = s;
    return VMI_SUCCESS;
}

/* Is this address in the kernel's own image, where no module can be? */
static bool in_kernel(const struct osview *os, uint64_t address)
{
    return address - os->info.text_va < os->info.image_size;
}

/*
 * Is the address in this symbol of the kernel, or is the symbol just the nearest in the table? In
 * the image, where no symbol's end is known, the nearest names the place; elsewhere (per-CPU and
 * absolute symbols) only its own size does. Of the last one below the image, "size" is the distance
 * to the image, which is most of the address space.
 */
static bool names_address(const struct osview *os, const struct vmi_symbol *s, uint64_t address)
{
    uint64_t offset = address - s->address, image = os->info.text_va;
    if (offset == 0 || os->info.image_size == 0)
        return true;
    if (in_kernel(os, address)) /* the last one has no size, and what is taken for the image may be
                                   a window around it */
        return in_kernel(os, s->address) && (s->size || offset < 1 << 20);
    if (in_kernel(os, s->address) || offset >= s->size)
        return false;
    return s->address > image || s->size < image - s->address;
}

status_t vmi_symbol_by_address(vmi_instance_t vmi, addr_t address, struct vmi_symbol *ret,
                               uint64_t *offset)
{
    struct vmi_symbol s, m;
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (!ret)
        return vmi_fail(vmi, ST_INVALID, "no place for the symbol was given");
    vmi->statistics.symbol_lookups++;
    struct osview *os = &vmi->os;
    int st =
        os->symbols.ops ? os->symbols.ops->by_address(os->symbols.self, address, &s) : ST_ABSENT;
    if (st == ST_OK && !names_address(os, &s, address))
        st = ST_ABSENT;
    if (!in_kernel(os, address) && os->ops->module_nearest &&
        os->ops->module_nearest(os, address, &m) == ST_OK &&
        (st != ST_OK || m.address > s.address)) {
        s = m;
        st = ST_OK;
    }
    if (st != ST_OK)
        return vmi_fail(vmi, st, "0x%llx is in no symbol of the kernel or of a module",
                        (unsigned long long)address);
    *ret = s;
    if (offset)
        *offset = address - s.address;
    return VMI_SUCCESS;
}

struct counter {
    vmi_symbol_cb cb;
    vmi_member_cb member_cb;
    void *data;
    struct vmi_outcome o;
    bool stopped;
};

static int count_symbol(const struct vmi_symbol *s, void *data)
{
    struct counter *c = data;
    c->o.count++;
    c->stopped = c->cb(s, c->data) != 0;
    return c->stopped;
}

status_t vmi_each_symbol(vmi_instance_t vmi, vmi_symbol_cb cb, void *data, struct vmi_outcome *ret)
{
    struct counter c = {.cb = cb, .data = data};
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (!cb)
        return vmi_fail(vmi, ST_INVALID, "no callback was given");
    const struct symtab *t = &vmi->os.symbols;
    if (!t->ops)
        return vmi_fail(vmi, ST_ABSENT,
                        "no symbols of this kernel are known: give a profile or a System.map");
    int st = t->ops->each(t->self, count_symbol, &c);
    if (st < 0)
        outcome_cut(&c.o, "the kernel's symbol table breaks off after %llu symbols: %s",
                    (unsigned long long)c.o.count, status_name(st));
    if (!c.stopped && vmi->os.ops->each_module_symbol) {
        st = vmi->os.ops->each_module_symbol(&vmi->os, count_symbol, &c);
        if (st < 0)
            outcome_cut(&c.o, "the symbols of the modules are not complete: %s",
                        vmi->diag.code == st && vmi->diag.text[0] ? vmi->diag.text
                                                                  : status_name(st));
    }
    if (ret)
        *ret = c.o;
    return VMI_SUCCESS;
}

/* ---- types ----------------------------------------------------------------------------------- */

/*
 * The types to ask, or NULL with the story recorded. "module:type" asks for a module's; *name goes
 * on behind the colon.
 */
static const struct types *types_of(vmi_instance_t vmi, const char **name)
{
    const char *argument = *name, *colon;
    if (!vmi_need_os(vmi))
        return NULL;
    if (!argument) {
        vmi_fail(vmi, ST_INVALID, "no name was given");
        return NULL;
    }
    if (!vmi->os.types.ops) {
        vmi_fail(vmi, ST_ABSENT,
                 "no types of this kernel are known: it carries no BTF; give a profile");
        return NULL;
    }
    diag_clear(&vmi->diag);
    if ((colon = strchr(argument, ':'))) {
        char module[64];
        const struct types *t;
        int st = ST_UNSUPPORTED;
        if ((size_t)(colon - argument) < sizeof module && vmi->os.ops->module_types) {
            memcpy(module, argument, (size_t)(colon - argument));
            module[colon - argument] = '\0';
            st = vmi->os.ops->module_types(&vmi->os, module, &t);
        }
        if (st != ST_OK) {
            vmi_fail(vmi, st,
                     vmi->diag.text[0] ? NULL : "types of modules are not known for this system");
            return NULL;
        }
        *name = colon + 1;
        return t;
    }
    return &vmi->os.types;
}

status_t vmi_type_member(vmi_instance_t vmi, const char *type, const char *path,
                         struct vmi_member *ret)
{
    struct vmi_member m;
    const struct types *t = types_of(vmi, type && path && ret ? &type : &(const char *){NULL});
    if (!t)
        return VMI_FAILURE;
    int st = t->ops->member(t->self, type, path, &m);
    if (st != ST_OK)
        return vmi_fail(vmi, st, "the kernel has no member %.64s.%.64s: %s", type, path,
                        status_name(st));
    *ret = m;
    return VMI_SUCCESS;
}

status_t vmi_type_size(vmi_instance_t vmi, const char *type, uint64_t *ret)
{
    const struct types *t = types_of(vmi, ret ? &type : &(const char *){NULL});
    if (!t)
        return VMI_FAILURE;
    int st = t->ops->size(t->self, type, ret);
    return st == ST_OK ? VMI_SUCCESS : fail_or_tell(vmi, st, "type", type);
}

static int count_member(const struct vmi_member *m, void *data)
{
    struct counter *c = data;
    c->o.count++;
    return c->member_cb(m, c->data);
}

status_t vmi_each_member(vmi_instance_t vmi, const char *type, vmi_member_cb cb, void *data,
                         struct vmi_outcome *ret)
{
    struct counter c = {.member_cb = cb, .data = data};
    const struct types *t = types_of(vmi, cb ? &type : &(const char *){NULL});
    if (!t)
        return VMI_FAILURE;
    int st = t->ops->each_member(t->self, type, count_member, &c);
    if (st < 0 && !c.o.count)
        return fail_or_tell(vmi, st, "type", type);
    if (st < 0)
        outcome_cut(&c.o, "the members of %.64s break off: %s", type, status_name(st));
    if (ret)
        *ret = c.o;
    return VMI_SUCCESS;
}

status_t vmi_enumerator(vmi_instance_t vmi, const char *name, int64_t *ret)
{
    const struct types *t = types_of(vmi, ret ? &name : &(const char *){NULL});
    if (!t)
        return VMI_FAILURE;
    int st = t->ops->enumerator(t->self, name, ret);
    return st == ST_OK ? VMI_SUCCESS : fail_or_tell(vmi, st, "enumerator", name);
}

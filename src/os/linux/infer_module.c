/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * struct module of kernels without types, inferred from the list of modules: what must hold for
 * every module that is loaded. infer.c explains the method.
 */
#include "os/linux/infer_inner.h"

#include <inttypes.h>

/* struct module begins: state, list, name (include/linux/module.h). */
static bool module_at(const struct infer *f, uint64_t node)
{
    uint8_t name[56];
    return lx_kernel_pointer(f->l, node) && u32_at(f, node - f->ps) < 4 &&
           aspace_read(f->as, GVA(node + 2 * f->ps), name, sizeof name, NULL) == ST_OK &&
           name_like(name, sizeof name);
}

/* The list head in the kernel's data: a circle through the head whose other nodes are modules. */
static bool infer_module_list(struct infer *f)
{
    struct linux_view *l = f->l;
    uint64_t span = MIN_OF(l->image.size, 64u << 20);
    uint8_t page[4096];
    for (uint64_t off = 0; off < span; off += sizeof page) {
        if (aspace_read(f->as, GVA(l->image.va + off), page, sizeof page, NULL) != ST_OK)
            continue;
        for (size_t i = 0; i + 2 * f->ps <= sizeof page; i += f->ps) {
            uint64_t head = l->image.va + off + i, node, n = 0;
            uint64_t next = f->ps == 8 ? le64(page + i) : le32(page + i);
            if (next - l->image.va < span || !lx_kernel_pointer(l, next) ||
                word(f, next + f->ps) != head || !module_at(f, next))
                continue;
            struct list_walk w;
            int st = ST_LIMIT;
            list_start(&w, f->as, f->ps, head, 4096);
            while (f->work && (st = list_next(&w, NULL, &node)) == 1 && module_at(f, node)) {
                f->work--;
                n++;
            }
            if (st == 0 && n) {
                l->modules = head;
                know(f, L_module_state, 0, 4);
                know(f, L_module_list, f->ps, 2 * f->ps);
                know(f, L_module_name, 3 * f->ps, 64 - f->ps);
                return true;
            }
        }
    }
    return false;
}

/* core_layout: a page-aligned base and the sizes after it; the module's own structure lies inside.
 */
static void infer_module_core(struct infer *f)
{
    struct linux_view *l = f->l;
    for (uint64_t off = 4 * f->ps; off < MODULE_SPAN; off += f->ps) {
        struct list_walk w;
        uint64_t node, n = 0;
        bool ok = true;
        list_start(&w, f->as, f->ps, l->modules, 4096);
        while (ok && list_next(&w, NULL, &node) == 1) {
            uint64_t mod = node - f->ps, base = word(f, mod + off);
            uint32_t size = u32_at(f, mod + off + f->ps), text = u32_at(f, mod + off + f->ps + 4);
            ok = base && !(base & 4095) && lx_kernel_pointer(l, base) && mod - base < size &&
                 text <= size && size < 256u << 20;
            n++;
        }
        if (ok && n) {
            know(f, L_module_core_base, (int64_t)off, f->ps);
            know(f, L_module_core_size, (int64_t)off + f->ps, 4);
            return;
        }
    }
}

/*
 * refcnt: two list heads (source_list: who uses us; target_list), the exit function, the count. It
 * is one more than there are users, at least (MODULE_REF_BASE).
 */
static void infer_module_refs(struct infer *f)
{
    struct linux_view *l = f->l;
    for (uint64_t off = 4 * f->ps; off < MODULE_SPAN; off += f->ps) {
        struct list_walk w, users;
        uint64_t node, user, total = 0, n = 0;
        bool ok = true;
        list_start(&w, f->as, f->ps, l->modules, 4096);
        while (ok && list_next(&w, NULL, &node) == 1) {
            uint64_t mod = node - f->ps, source = mod + off, target = source + 2 * f->ps, k = 0;
            uint64_t t = word(f, target), exit = word(f, target + 2 * f->ps);
            uint32_t count = u32_at(f, target + 3 * f->ps);
            if (!lx_kernel_pointer(l, t) || word(f, t + f->ps) != target ||
                (exit && exit < l->image.va)) {
                ok = false;
                break;
            }
            list_start(&users, f->as, f->ps, source, 256);
            int st;
            while ((st = list_next(&users, NULL, &user)) == 1)
                k++;
            ok = st == 0 && count >= k + 1 && count < 100000;
            total += k;
            n++;
        }
        if (ok && n && total) {
            know(f, L_module_refcnt, (int64_t)(off + 5 * f->ps), 4);
            return;
        }
    }
}

/*
 * kallsyms: a pointer to {symbols, number, strings, types}, all inside of the module; symbol 0 and
 * string 0 are empty (struct mod_kallsyms, include/linux/module.h).
 */
static bool has_symbols(const struct infer *f, uint64_t mod, uint64_t off)
{
    uint64_t base = word(f, mod + lx_off(f->l, L_module_core_base)), p = word(f, mod + off), symtab,
             strtab;
    uint32_t size = u32_at(f, mod + lx_off(f->l, L_module_core_size)), num;
    uint8_t first[25] = {0}, empty[25] = {0};
    if (!lx_kernel_pointer(f->l, p))
        return false;
    symtab = word(f, p);
    num = u32_at(f, p + f->ps);
    strtab = word(f, p + 2 * f->ps);
    size_t entry = f->ps == 8 ? 24 : 16;
    return num && num < 1 << 20 && in_bounds(symtab - base, num * entry, size) &&
           strtab - base < size && aspace_read(f->as, GVA(symtab), first, entry, NULL) == ST_OK &&
           !memcmp(first, empty, entry) &&
           aspace_read(f->as, GVA(strtab), first, 1, NULL) == ST_OK && !first[0];
}

static void infer_module_symbols(struct infer *f)
{
    if (!lx_has(f->l, L_module_core_base))
        return;
    for (uint64_t off = lx_off(f->l, L_module_core_base); off < MODULE_SPAN; off += f->ps) {
        struct list_walk w;
        uint64_t node, n = 0;
        bool ok = true;
        list_start(&w, f->as, f->ps, f->l->modules, 4096);
        while (ok && list_next(&w, NULL, &node) == 1) {
            ok = has_symbols(f, node - f->ps, off);
            n++;
        }
        if (ok && n) {
            know(f, L_module_kallsyms, (int64_t)off, f->ps);
            know(f, L_mod_kallsyms_symtab, 0, f->ps);
            know(f, L_mod_kallsyms_num, f->ps, 4);
            know(f, L_mod_kallsyms_strtab, 2 * f->ps, f->ps);
            know(f, L_mod_kallsyms_typetab, 3 * f->ps, f->ps);
            return;
        }
    }
}

void lx_infer_modules(struct infer *f)
{
    struct linux_view *l = f->l;
    if ((l->modules || infer_module_list(f)) && l->modules) {
        know(f, L_module_state, 0, 4);
        know(f, L_module_list, f->ps, 2 * f->ps);
        know(f, L_module_name, 3 * f->ps, 64 - f->ps);
        infer_module_core(f);
        infer_module_refs(f);
        infer_module_symbols(f);
        os_fact(l->v, "modules", "inferred from the list's shape", "list at %#" PRIx64, l->modules);
    }
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers: the list of loaded modules (KLDR_DATA_TABLE_ENTRY, whose first members are those of
 * LDR_DATA_TABLE_ENTRY), and the array in which the kernel remembers the last 50 that it unloaded.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "os/windows/windows.h"

enum { MAX_MODULES = 1 << 14, UNLOADED = 50 /* MI_UNLOADED_DRIVERS */ };

/* ---- unloaded ---- */

/*
 * UNLOADED_DRIVERS: Name (a UNICODE_STRING), StartAddress, EndAddress, CurrentTime. In no header;
 * debuggers that are published read it so (it is in minidumps, too), the same from XP to 11.
 */
static bool unloaded_at(struct windows_view *w, uint64_t at, vmi_module_cb cb, void *data,
                        struct vmi_outcome *o)
{
    const struct aspace *as = &w->v->kernel;
    unsigned ps = w->v->ptr_size;
    char name[256];
    uint64_t end, t;
    struct vmi_module m = {.name = name,
                           .path = "",
                           .state = "Unloaded",
                           .taints = "",
                           .refs = -1,
                           .flags = VMI_MODULE_UNLOADED};
    if (read_ptr(as, ps, at + 2 * ps, &m.base) != ST_OK ||
        read_ptr(as, ps, at + 3 * ps, &end) != ST_OK ||
        aspace_read64(as, GVA(at + 4 * ps), &t) != ST_OK) {
        outcome_cut(o, "the record of an unloaded driver at %#" PRIx64 " is not in memory", at);
        return false;
    }
    if (!m.base || end <= m.base) /* not used yet */
        return false;
    m.size = end - m.base;
    m.time_s = win_time(t);
    if (win_unicode(w, as, at, name, sizeof name) != ST_OK)
        m.flags |= VMI_RECORD_PARTIAL;
    o->count++;
    return cb(&m, data) != 0;
}

/* Newest first: MmLastUnloadedDriver counts them. */
static void unloaded(struct windows_view *w, vmi_module_cb cb, void *data, struct vmi_outcome *o)
{
    uint64_t variable, array, size = w->v->ptr_size == 8 ? 0x28 : 0x18;
    uint32_t newest = 0;
    if (win_symbol(w, "MmUnloadedDrivers", &variable) != ST_OK ||
        read_ptr(&w->v->kernel, w->v->ptr_size, variable, &array) != ST_OK ||
        !win_kernel_pointer(w, array))
        return;
    if (win_symbol(w, "MmLastUnloadedDriver", &variable) == ST_OK)
        (void)!aspace_read32(&w->v->kernel, GVA(variable), &newest);
    for (unsigned i = 0; i < UNLOADED; i++) {
        unsigned slot = (newest % UNLOADED + UNLOADED - 1 - i) % UNLOADED;
        if (unloaded_at(w, array + slot * size, cb, data, o))
            return;
    }
}

/* ---- loaded ---- */

/* *stop: the callback wants no more. */
static int loaded(struct windows_view *w, vmi_module_cb cb, void *data, struct vmi_outcome *ret,
                  bool *stop)
{
    struct osview *v = w->v;
    struct list_walk walk;
    uint64_t node, n;
    char wanted[192];
    if (!w->module_head)
        return diag_fail(v->diag, ST_UNSUPPORTED,
                         "the list of modules (PsLoadedModuleList) is neither exported by this "
                         "kernel nor told by its debugger block: give %s",
                         win_wanted(w, wanted, sizeof wanted));
    list_start(&walk, &v->kernel, v->ptr_size, w->module_head, MAX_MODULES);
    while (!*stop && list_next(&walk, ret, &node) == 1) {
        char name[512], path[1024];
        uint64_t entry = node - w->m[W_ldr_links].off;
        struct vmi_module m = {
            .object = entry, .name = name, .path = path, .state = "Live", .taints = "", .refs = -1};
        if (win_ptr(w, &v->kernel, entry, W_ldr_base, &m.base) != ST_OK ||
            win_read(w, &v->kernel, entry, W_ldr_size, 4, &n) != ST_OK) {
            outcome_cut(ret, "the module at %#" PRIx64 " is not in memory", entry);
            continue;
        }
        m.size = n & 0xffffffff;
        (void)!win_ptr(w, &v->kernel, entry, W_ldr_entry, &m.entry);
        if (win_unicode(w, &v->kernel, entry + w->m[W_ldr_name].off, name, sizeof name) != ST_OK) {
            m.flags |= VMI_RECORD_PARTIAL;
            outcome_cut(ret, "the name of the module at %#" PRIx64 " is damaged or not in memory",
                        entry);
        }
        if (win_unicode(w, &v->kernel, entry + w->m[W_ldr_path].off, path, sizeof path) != ST_OK)
            m.flags |= VMI_RECORD_PARTIAL;
        ret->count++;
        *stop = cb(&m, data) != 0;
    }
    return ST_OK;
}

int win_modules(struct osview *v, vmi_module_cb cb, void *data, struct vmi_outcome *ret)
{
    bool stop = false;
    int st = loaded(win_of(v), cb, data, ret, &stop);
    if (st == ST_OK && !stop)
        unloaded(win_of(v), cb, data, ret);
    return st;
}

/* ---- for the checks: which image is an address in ---- */

static int keep_image(const struct vmi_module *m, void *data)
{
    struct win_images *i = data;
    if (!m->size)
        return 0;
    if (i->nr == i->cap) {
        size_t cap = i->cap ? i->cap * 2 : 256;
        void *grown = realloc(i->image, cap * sizeof *i->image);
        if (!grown)
            return 1;
        i->image = grown;
        i->cap = cap;
    }
    i->image[i->nr].base = m->base;
    i->image[i->nr].size = m->size;
    size_t n = strnlen(m->name, sizeof i->image[i->nr].name - 1);
    memcpy(i->image[i->nr].name, m->name, n);
    i->image[i->nr++].name[n] = '\0';
    return 0;
}

int win_images_open(struct windows_view *w, struct win_images *ret, struct vmi_outcome *o)
{
    bool stop = false;
    *ret = (struct win_images){0};
    int st = loaded(w, keep_image, ret, o, &stop);
    if (st == ST_OK && stop)
        st = diag_fail(w->v->diag, ST_NOMEM, "no memory for the list of images");
    if (st != ST_OK)
        win_images_close(ret);
    return st;
}

void win_images_close(struct win_images *i)
{
    free(i->image);
    *i = (struct win_images){0};
}

const char *win_images_name(const struct win_images *i, uint64_t address)
{
    for (size_t k = 0; k < i->nr; k++)
        if (address - i->image[k].base < i->image[k].size)
            return i->image[k].name;
    return NULL;
}

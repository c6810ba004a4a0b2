/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handle tables. TableCode: the low two bits are the level, the rest the address of a page: of
 * entries (level 0), of pointers to such pages (1), or of pointers to those (2). A handle is four
 * times the index of its entry; the first entry of every page is the kernel's own. Windows
 * Internals (Russinovich, Solomon, Ionescu), "Handles and the process handle table", describes
 * this; the members' places come with the layout.
 *
 * An entry holds a pointer to the object's header with flags in its low bits, or, since Windows 8,
 * a field of so many bits of it.
 */
#include <inttypes.h>

#include "os/windows/windows.h"

enum { PAGE = 4096, MAX_PAGES = 1 << 14, LEVELS = 3 };

struct table_walk {
    struct windows_view *w;
    bool direct;
    int (*cb)(const struct win_entry *e, void *arg);
    void *arg;
    struct vmi_outcome *o;
    uint64_t table;
    unsigned pages; /* that may still be read */
    bool stop;
};

/* What the member at `m` of an entry is; 0: not known, or no such bytes. */
static uint64_t field(const struct win_member *m, const uint8_t *entry, unsigned size)
{
    uint64_t v = 0;
    if (!m->how || m->off >= size)
        return 0;
    memcpy(&v, entry + m->off, MIN_OF(size - m->off, m->bits ? 8u : m->size ? m->size : 4u));
    if (m->bits)
        v = v >> m->bit & (m->bits < 64 ? (1ULL << m->bits) - 1 : ~0ULL);
    return v;
}

/* The address that an entry holds; 0: the entry is free. */
static uint64_t pointer_of(const struct windows_view *w, const uint8_t *entry, unsigned size)
{
    const struct win_member *bits = &w->m[W_entry_bits];
    bool wide = w->v->ptr_size == 8;
    uint64_t p;
    if (bits->how) {
        p = field(bits, entry, size);
        if (!p || bits->bits > (wide ? 48 : 32))
            return 0;
        p <<= (wide ? 48 : 32) - bits->bits;
        return wide ? p | 0xffff000000000000ULL : p;
    }
    struct win_member object = w->m[W_entry_object];
    object.size = w->v->ptr_size;
    p = field(&object, entry, size) & ~(uint64_t)7;
    return win_kernel_pointer(w, p) ? p : 0;
}

static void visit_entries(struct table_walk *k, const uint8_t *page, uint64_t first)
{
    const struct windows_view *w = k->w;
    unsigned size = 2 * w->v->ptr_size;
    for (unsigned i = 1; i < PAGE / size && !k->stop; i++) {
        struct win_entry e = {.handle = (first + i) * 4,
                              .object = pointer_of(w, page + i * size, size)};
        if (!e.object)
            continue;
        if (!k->direct)
            e.object += w->m[W_header_body].off;
        e.access = (uint32_t)field(&w->m[W_entry_access], page + i * size, size);
        k->stop = k->cb(&e, k->arg) != 0;
    }
}

/* One table page of `level`; `first` is the number of its first entry. */
static void visit(struct table_walk *k, uint64_t at, unsigned level, uint64_t first)
{
    uint8_t page[PAGE];
    unsigned ps = k->w->v->ptr_size;
    uint64_t span = PAGE / (2 * ps); /* entries below one pointer */
    if (!k->pages) {
        outcome_cut(k->o, "the handle table at %#" PRIx64 " has more pages than the bound",
                    k->table);
        k->stop = true;
        return;
    }
    k->pages--;
    if (at & (PAGE - 1) || !win_kernel_pointer(k->w, at) ||
        aspace_read(&k->w->v->kernel, GVA(at), page, PAGE, NULL) != ST_OK) {
        outcome_cut(k->o,
                    "a page of the handle table at %#" PRIx64 " (%#" PRIx64
                    ") is damaged or not in memory",
                    k->table, at);
        return;
    }
    if (!level) {
        visit_entries(k, page, first);
        return;
    }
    for (unsigned l = 1; l < level; l++)
        span *= PAGE / ps;
    for (unsigned i = 0; i < PAGE / ps && !k->stop; i++) {
        uint64_t next = ps == 8 ? le64(page + i * 8) : le32(page + i * 4);
        if (next)
            visit(k, next, level - 1, first + i * span); /* at most two deep */
    }
}

int win_each_entry(struct windows_view *w, uint64_t table, bool direct,
                   int (*cb)(const struct win_entry *e, void *arg), void *arg,
                   struct vmi_outcome *o)
{
    uint64_t code;
    if (!win_has(w, W_table_code) || (!win_has(w, W_entry_bits) && !win_has(w, W_entry_object)))
        return ST_UNSUPPORTED;
    if (!win_kernel_pointer(w, table) ||
        win_ptr(w, &w->v->kernel, table, W_table_code, &code) != ST_OK)
        return ST_ABSENT;
    if ((code & 3) >= LEVELS)
        return ST_BROKEN;
    struct table_walk k = {
        .w = w, .direct = direct, .cb = cb, .arg = arg, .o = o, .table = table, .pages = MAX_PAGES};
    visit(&k, code & ~(uint64_t)3, (unsigned)(code & 3), 0);
    return ST_OK;
}

/* ---- the listing ---- */

struct listing {
    struct windows_view *w;
    vmi_handle_cb cb;
    void *data;
    struct vmi_outcome *o;
};

static int report(const struct win_entry *e, void *arg)
{
    struct listing *l = arg;
    struct windows_view *w = l->w;
    char type[64], name[1024];
    struct vmi_handle h = {
        .handle = e->handle, .object = e->object, .access = e->access, .type = type, .name = name};
    uint64_t n;
    win_object_type(w, e->object, type, sizeof type);
    win_object_name(w, e->object, type, name, sizeof name);
    if (!type[0])
        h.flags |= VMI_RECORD_PARTIAL;
    struct vmi_process p;
    if (!strcmp(type, "Process") && win_process_read(w, e->object, &p) == ST_OK) {
        h.pid = p.pid;
    } else if (!strcmp(type, "Thread") &&
               win_ptr(w, &w->v->kernel, e->object, W_thread_tid, &n) == ST_OK) {
        h.tid = (int32_t)n;
        /* CLIENT_ID: the process' id stands before the thread's */
        if (win_ptr(w, &w->v->kernel, e->object - w->v->ptr_size, W_thread_tid, &n) == ST_OK)
            h.pid = (int32_t)n;
    }
    l->o->count++;
    return l->cb(&h, l->data);
}

int win_handles(struct osview *v, const struct vmi_process *p, vmi_handle_cb cb, void *data,
                struct vmi_outcome *ret)
{
    struct windows_view *w = win_of(v);
    struct listing l = {w, cb, data, ret};
    uint64_t table;
    char wanted[192];
    int st = win_ptr(w, &v->kernel, p->object, W_process_handles, &table);
    if (st == ST_OK && !table) /* it has ended */
        return ST_OK;
    if (st == ST_OK)
        st = win_each_entry(w, table, false, report, &l, ret);
    if (st == ST_UNSUPPORTED)
        return diag_fail(
            v->diag, st,
            "where a process keeps its handles was neither told by a profile nor could "
            "it be inferred: give %s",
            win_wanted(w, wanted, sizeof wanted));
    if (st != ST_OK)
        return diag_fail(v->diag, st,
                         "the handle table of process %d (object at %#" PRIx64
                         ") is damaged or not in memory",
                         p->pid, p->object);
    return ST_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process' loader has loaded: the list in load order that its PEB leads to, and for a 32-bit
 * process of a 64-bit system the second loader's. All of it is user memory: the process can write
 * what it likes there, and parts may be paged out.
 */
#include <inttypes.h>

#include "os/windows/windows.h"

enum { MAX_DLLS = 1 << 14 };

/* Where a loader's entry has what, for one size of pointers. */
struct ldr {
    unsigned ptr_size;
    uint32_t list; /* in PEB_LDR_DATA */
    uint32_t links, base, entry, size, path, name, count, time;
    bool has_time;
};

/* The 32-bit layout: layout.h has the sources. */
static const struct ldr ldr32 = {4, 0x0c, 0, 0x18, 0x1c, 0x20, 0x24, 0x2c, 0x38, 0, false};

static struct ldr own_layout(const struct windows_view *w)
{
    return (struct ldr){.ptr_size = w->v->ptr_size,
                        .list = w->m[W_peb_ldr_list].off,
                        .links = w->m[W_ldr_links].off,
                        .base = w->m[W_ldr_base].off,
                        .entry = w->m[W_ldr_entry].off,
                        .size = w->m[W_ldr_size].off,
                        .path = w->m[W_ldr_path].off,
                        .name = w->m[W_ldr_name].off,
                        .count = w->m[W_ldr_count].off,
                        .time = w->m[W_ldr_time].off,
                        .has_time = win_has(w, W_ldr_time)};
}

struct job {
    const struct aspace *as;
    vmi_module_cb cb;
    void *data;
    struct vmi_outcome *o;
    int32_t pid;
    uint32_t flags; /* of each record */
    bool stop;
};

static void report(struct job *j, const struct ldr *l, uint64_t entry)
{
    char name[512], path[1024];
    uint32_t size;
    uint16_t count = 0;
    struct vmi_module m = {.object = entry,
                           .flags = j->flags,
                           .name = name,
                           .path = path,
                           .state = "Live",
                           .taints = ""};
    if (read_ptr(j->as, l->ptr_size, entry + l->base, &m.base) != ST_OK ||
        aspace_read32(j->as, GVA(entry + l->size), &size) != ST_OK) {
        outcome_cut(j->o, "process %d: the loader's entry at %#" PRIx64 " is not in memory", j->pid,
                    entry);
        return;
    }
    m.size = size;
    (void)!read_ptr(j->as, l->ptr_size, entry + l->entry, &m.entry);
    if (aspace_read(j->as, GVA(entry + l->count), &count, sizeof count, NULL) == ST_OK)
        m.refs = count == 0xffff ? -1 : count;
    if (win_unicode_as(j->as, l->ptr_size, entry + l->name, name, sizeof name) != ST_OK) {
        m.flags |= VMI_RECORD_PARTIAL;
        outcome_cut(j->o,
                    "process %d: the name of the DLL at %#" PRIx64 " is damaged or not in memory",
                    j->pid, m.base);
    }
    if (win_unicode_as(j->as, l->ptr_size, entry + l->path, path, sizeof path) != ST_OK)
        m.flags |= VMI_RECORD_PARTIAL;
    uint64_t t;
    if (l->has_time && aspace_read64(j->as, GVA(entry + l->time), &t) == ST_OK)
        m.time_s = win_time(t);
    j->o->count++;
    j->stop = j->cb(&m, j->data) != 0;
}

/* The list of the loader whose data a PEB names; `ldr_at`: where the PEB does. */
static void walk(struct job *j, const struct ldr *l, uint64_t ldr_at)
{
    struct list_walk list;
    uint64_t ldr, node;
    if (read_ptr(j->as, l->ptr_size, ldr_at, &ldr) != ST_OK) {
        outcome_cut(j->o, "process %d: its PEB is not in memory (at %#" PRIx64 ")", j->pid, ldr_at);
        return;
    }
    if (!ldr) /* it has not begun to run */
        return;
    list_start(&list, j->as, l->ptr_size, ldr + l->list, MAX_DLLS);
    while (!j->stop && list_next(&list, j->o, &node) == 1)
        report(j, l, node - l->links);
}

/* The PEB of 32 bit: EWOW64PROCESS begins with it since Windows 10, EPROCESS names it before. */
static uint64_t peb32(struct windows_view *w, const struct vmi_process *p)
{
    uint64_t at, peb;
    if (win_ptr(w, &w->v->kernel, p->object, W_process_wow64, &at) != ST_OK || !at)
        return 0;
    if (!win_kernel_pointer(w, at))
        return at <= UINT32_MAX ? at : 0;
    return read_ptr(&w->v->kernel, 8, at, &peb) == ST_OK && peb <= UINT32_MAX ? peb : 0;
}

int win_dlls(struct osview *v, const struct vmi_process *p, vmi_module_cb cb, void *data,
             struct vmi_outcome *ret)
{
    struct windows_view *w = win_of(v);
    struct aspace as;
    uint64_t peb;
    char wanted[192];
    if (!win_has(w, W_process_peb))
        return diag_fail(v->diag, ST_UNSUPPORTED,
                         "where a process keeps its PEB was neither told by a profile nor could it "
                         "be inferred: give %s",
                         win_wanted(w, wanted, sizeof wanted));
    int st = win_ptr(w, &v->kernel, p->object, W_process_peb, &peb);
    if (st != ST_OK)
        return diag_fail(v->diag, st, "process %d: its object at %#" PRIx64 " is not in memory",
                         p->pid, p->object);
    if (!peb) /* System, and what has no user memory */
        return ST_OK;
    if ((st = win_process_space(v, p, &as)) != ST_OK)
        return st;
    struct job j = {.as = &as, .cb = cb, .data = data, .o = ret, .pid = p->pid};
    struct ldr own = own_layout(w);
    walk(&j, &own, peb + w->m[W_peb_ldr].off);
    if (!p->wow64 || j.stop)
        return ST_OK;
    uint64_t second = peb32(w, p);
    if (!second) {
        outcome_cut(ret, "process %d is a 32-bit one: where its second PEB is is not known",
                    p->pid);
        return ST_OK;
    }
    j.flags = VMI_MODULE_WOW64;
    walk(&j, &ldr32, second + 0x0c);
    return ST_OK;
}

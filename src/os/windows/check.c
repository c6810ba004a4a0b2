/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What would have to be kept in step for a lie to hold: the list of processes against the process
 * objects in memory.
 *
 * An object is recognised by its first bytes, those of System (_DISPATCHER_HEADER: type 3 and the
 * size of a KPROCESS), and proved by a page table that translates the kernel to where it is: a
 * process that ended has none any more. The kernel's half of the address space is looked through by
 * its page tables, so that an object that crosses pages is whole.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/windows/windows.h"

enum {
    PAGE = 4096,
    MAX_TABLES = 1 << 16,
    MAX_OBJECTS = 1 << 16,
    SLOTS = 1 << 17,
    MAX_TRIED = 1 << 20
};

struct scan {
    struct windows_view *w;
    vmi_finding_cb cb;
    void *data;
    struct vmi_outcome *o;
    uint8_t type, size; /* of System's header */
    uint64_t kernel_pa;
    uint64_t *slot; /* physical addresses of the objects on the list and of those found: aliases
                       count once; 0: free */
    size_t nr, on_list, hidden;
    uint64_t pages, tried; /* that may still be looked at */
    bool stop;
};

static int report(struct scan *s, enum vmi_severity severity, uint64_t address, int32_t pid,
                  const char *text)
{
    struct vmi_finding f = {
        .severity = severity, .check = "processes", .text = text, .address = address, .pid = pid};
    s->o->count++;
    s->stop = s->cb(&f, s->data) != 0;
    return s->stop;
}

/* The place of an address in the set: its own, or where it would be put. */
static size_t place(const struct scan *s, uint64_t pa)
{
    size_t at = (size_t)(pa * 0x9e3779b97f4a7c15ULL >> 40) % SLOTS;
    while (s->slot[at] && s->slot[at] != pa)
        at = (at + 1) % SLOTS;
    return at;
}

static bool known(const struct scan *s, uint64_t pa)
{
    return s->slot[place(s, pa)] == pa;
}

/* False when there are more than there can be. */
static bool add(struct scan *s, uint64_t pa)
{
    if (s->nr == MAX_OBJECTS)
        return false;
    s->slot[place(s, pa)] = pa;
    s->nr++;
    return true;
}

static int listed(const struct vmi_process *p, void *data)
{
    struct scan *s = data;
    uint64_t pa, left;
    if (aspace_translate(&s->w->v->kernel, GVA(p->object), &pa, &left) == ST_OK && pa)
        s->on_list += add(s, pa);
    return s->nr == MAX_OBJECTS;
}

/* Is there a process that lives? */
static bool is_process(struct scan *s, uint64_t va, struct vmi_process *ret)
{
    struct windows_view *w = s->w;
    struct aspace as = w->v->kernel;
    uint64_t pa, left;
    if (win_process_read(w, va, ret) != ST_OK || ret->pid <= 0 || ret->pid & 3 || !ret->comm[0] ||
        ret->exit_time_s || !ret->dtb)
        return false;
    as.half[0].root = as.half[1].root = ret->dtb;
    return aspace_translate(&as, GVA(w->base), &pa, &left) == ST_OK && pa == s->kernel_pa;
}

static void look(struct scan *s, uint64_t va, uint64_t pa)
{
    struct vmi_process p;
    char text[160];
    if (!pa || known(s, pa) || !is_process(s, va, &p))
        return;
    s->hidden++;
    if (!add(s, pa)) {
        outcome_cut(
            s->o,
            "more process objects are in memory than there can be: looked through up to %#" PRIx64,
            va);
        s->stop = true;
        return;
    }
    snprintf(text, sizeof text,
             "process %d (%.15s) is in memory, has a page table in use and is not on the list",
             p.pid, p.comm);
    report(s, VMI_SEVERITY_ALERT, va, p.pid, text);
}

static int look_at_page(const struct walk *walk, void *arg)
{
    struct scan *s = arg;
    unsigned step = s->w->v->ptr_size * 2; /* pool blocks begin at such multiples */
    if (!(walk->rights & RIGHT_W))         /* a process object is written to all the time */
        return 0;
    for (uint64_t off = 0; off < walk->size; off += PAGE) {
        uint8_t page[PAGE];
        if (!s->pages--) {
            s->pages = 0;
            outcome_cut(
                s->o,
                "the kernel's half maps more pages than the bound: looked through up to %#" PRIx64,
                walk->va + off);
            return 1;
        }
        if (phys_read(&s->w->v->source->phys, walk->outer_pa + off, page, PAGE, NULL) != ST_OK)
            continue;
        for (unsigned i = 0; i < PAGE; i += step) {
            if (page[i] != s->type || page[i + 2] != s->size || page[i + 3])
                continue;
            if (!s->tried--) {
                s->tried = 0;
                outcome_cut(
                    s->o, "too much in memory looks like a process: looked through up to %#" PRIx64,
                    walk->va + off);
                return 1;
            }
            look(s, walk->va + off + i, walk->outer_pa + off + i);
            if (s->stop)
                return 1;
        }
    }
    return 0;
}

static int scan(struct scan *s)
{
    struct windows_view *w = s->w;
    uint8_t head[4];
    uint64_t left;
    struct vmi_outcome list = {0};
    char text[160];
    if (!w->system_process || !win_has(w, W_process_dtb) ||
        aspace_read(&w->v->kernel, GVA(w->system_process), head, 4, NULL) != ST_OK || !head[0] ||
        !head[2] || aspace_translate(&w->v->kernel, GVA(w->base), &s->kernel_pa, &left) != ST_OK) {
        report(s, VMI_SEVERITY_NOTE, 0, 0,
               "not checked: where the System process and the page tables of processes are is not "
               "known");
        return ST_OK;
    }
    s->type = head[0];
    s->size = head[2];
    int st = win_processes(w->v, 0, listed, s, &list);
    if (st != ST_OK)
        return st;
    uint64_t from = w->v->ptr_size == 8 ? 0xffff800000000000ULL : 0x80000000,
             to = w->v->ptr_size == 8 ? ~0ULL : 0xffffffff;
    if (w->v->form == FORM_X86_5LEVEL)
        from = 0xff00000000000000ULL;
    if (aspace_each_page(&w->v->kernel, from, to, MAX_TABLES, look_at_page, s) == ST_LIMIT)
        outcome_cut(s->o, "the kernel's half has more page tables than the bound: not all of it "
                          "was looked through");
    if (s->stop)
        return ST_OK;
    if (list.partial) {
        snprintf(text, sizeof text,
                 "the list breaks off after %zu processes; what follows there is reported as not "
                 "on the list",
                 s->on_list);
        report(s, VMI_SEVERITY_WARNING, 0, 0, text);
    } else if (!s->hidden) {
        snprintf(text, sizeof text,
                 "%zu processes on the list; no other process object with a page table in use is "
                 "in memory",
                 s->on_list);
        report(s, VMI_SEVERITY_OK, 0, 0, text);
    }
    return ST_OK;
}

int win_check(struct osview *v, vmi_finding_cb cb, void *data, struct vmi_outcome *ret)
{
    struct scan s = {
        .w = win_of(v), .cb = cb, .data = data, .o = ret, .pages = 1 << 24, .tried = MAX_TRIED};
    s.slot = calloc(SLOTS, sizeof *s.slot);
    if (!s.slot)
        return diag_fail(v->diag, ST_NOMEM, "no memory for the process objects");
    int st = scan(&s);
    free(s.slot);
    return st;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What would have to be kept in step for a lie to hold: the list of processes against the process
 * objects in memory; driver objects are found on the way. The other checks: check_ids.c,
 * check_tables.c.
 *
 * An object is recognised by its first bytes, those of System (_DISPATCHER_HEADER: type 3 and the
 * size of a KPROCESS), and proved by a page table that translates the kernel to where it is: a
 * process that ended has none any more. The kernel's half of the address space is looked through by
 * its page tables, so that an object that crosses pages is whole.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/windows/check.h"

enum {
    PAGE = 4096,
    MAX_TABLES = 1 << 16,
    SLOTS = 1 << 17,
    MAX_TRIED = 1 << 20,
    MAX_DRIVERS = 1024,
    IO_TYPE_DRIVER = 4 /* wdm.h */
};

/* ---- what the checks share ---- */

struct win_set {
    size_t nr;
    uint64_t slot[SLOTS]; /* 0: free */
};

struct win_set *win_set_new(void)
{
    return calloc(1, sizeof(struct win_set));
}

/* The place of a number: its own, or where it would be put. */
static size_t place(const struct win_set *s, uint64_t v)
{
    size_t at = (size_t)(v * 0x9e3779b97f4a7c15ULL >> 40) % SLOTS;
    while (s->slot[at] && s->slot[at] != v)
        at = (at + 1) % SLOTS;
    return at;
}

bool win_set_has(const struct win_set *s, uint64_t v)
{
    return s->slot[place(s, v)] == v;
}

bool win_set_add(struct win_set *s, uint64_t v)
{
    size_t at = place(s, v);
    if (s->slot[at] == v)
        return true;
    if (s->nr == WIN_MAX_OBJECTS)
        return false;
    s->slot[at] = v;
    s->nr++;
    return true;
}

void win_report(struct win_check *c, const char *check, enum vmi_severity severity,
                uint64_t address, int32_t pid, const char *fmt, ...)
{
    char text[256];
    struct vmi_finding f = {
        .severity = severity, .check = check, .text = text, .address = address, .pid = pid};
    va_list ap;
    if (c->stop)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->o->count++;
    c->stop = c->cb(&f, c->data) != 0;
}

bool win_check_listed(const struct win_check *c, uint64_t object)
{
    uint64_t pa, left;
    return aspace_translate(&c->w->v->kernel, GVA(object), &pa, &left) != ST_OK ||
           win_set_has(c->listed, pa);
}

static int listed(const struct vmi_process *p, void *data)
{
    struct win_check *c = data;
    uint64_t pa, left;
    if (aspace_translate(&c->w->v->kernel, GVA(p->object), &pa, &left) != ST_OK || !pa)
        return 0;
    c->on_list++;
    return !win_set_add(c->listed, pa);
}

/* ---- the look through the kernel's memory ---- */

struct scan {
    struct win_check *c;
    uint8_t type, size; /* of System's header; 0: processes are not looked for */
    uint64_t kernel_pa;
    size_t hidden;
    struct win_set *seen;  /* the hidden ones: aliases count once */
    uint64_t pages, tried; /* that may still be looked at */
};

/* Is there a process that lives? */
static bool is_process(struct scan *s, uint64_t va, struct vmi_process *ret)
{
    struct windows_view *w = s->c->w;
    struct aspace as = w->v->kernel;
    uint64_t pa, left;
    if (win_process_read(w, va, ret) != ST_OK || ret->pid <= 0 || ret->pid & 3 || !ret->comm[0] ||
        ret->exit_time_s || !ret->dtb)
        return false;
    as.half[0].root = as.half[1].root = ret->dtb;
    return aspace_translate(&as, GVA(w->base), &pa, &left) == ST_OK && pa == s->kernel_pa;
}

static void look_process(struct scan *s, uint64_t va, uint64_t pa)
{
    struct vmi_process p;
    if (!pa || win_set_has(s->c->listed, pa) || win_set_has(s->seen, pa) || !is_process(s, va, &p))
        return;
    s->hidden++;
    if (!win_set_add(s->seen, pa)) {
        outcome_cut(
            s->c->o,
            "more process objects are in memory than there can be: looked through up to %#" PRIx64,
            va);
        s->c->stop = true;
        return;
    }
    win_report(s->c, "processes", VMI_SEVERITY_ALERT, va, p.pid,
               "process %d (%.15s) is in memory, has a page table in use and is not on the list",
               p.pid, p.comm);
}

/* A DRIVER_OBJECT (wdm.h) is what its type and size say, and whose name is a path of the object
 * manager. */
static void look_driver(struct scan *s, uint64_t va)
{
    struct win_check *c = s->c;
    struct windows_view *w = c->w;
    char name[16] = "";
    unsigned at = w->v->ptr_size == 8 ? 0x38 : 0x1c;
    (void)!win_unicode(w, &w->v->kernel, va + at, name, sizeof name);
    if ((strncmp(name, "\\Driver\\", 8) && strncmp(name, "\\FileSystem\\", 12)) ||
        c->nr_drivers == MAX_DRIVERS)
        return;
    for (size_t i = 0; i < c->nr_drivers; i++)
        if (c->driver[i] == va)
            return;
    c->driver[c->nr_drivers++] = va;
}

/* One object of 8 bytes' (32 bit) or 16 bytes' alignment. */
static void look(struct scan *s, uint64_t va, uint64_t pa, const uint8_t *p)
{
    unsigned driver = s->c->w->v->ptr_size == 8 ? 0x150 : 0xa8;
    if (s->size && p[0] == s->type && p[2] == s->size && !p[3]) {
        s->tried--;
        look_process(s, va, pa);
    } else if (le16(p) == IO_TYPE_DRIVER && le16(p + 2) == driver) {
        s->tried--;
        look_driver(s, va);
    }
}

static int look_at_page(const struct walk *walk, void *arg)
{
    struct scan *s = arg;
    unsigned step = s->c->w->v->ptr_size * 2; /* pool blocks begin at such multiples */
    if (!(walk->rights & RIGHT_W))            /* an object is written to all the time */
        return 0;
    for (uint64_t off = 0; off < walk->size; off += PAGE) {
        uint8_t page[PAGE];
        if (!s->pages--) {
            s->pages = 0;
            outcome_cut(
                s->c->o,
                "the kernel's half maps more pages than the bound: looked through up to %#" PRIx64,
                walk->va + off);
            return 1;
        }
        if (phys_read(&s->c->w->v->source->phys, walk->outer_pa + off, page, PAGE, NULL) != ST_OK)
            continue;
        for (unsigned i = 0; i < PAGE; i += step) {
            look(s, walk->va + off + i, walk->outer_pa + off + i, page + i);
            if (!s->tried)
                outcome_cut(s->c->o,
                            "too much in memory looks like an object: looked through up to "
                            "%#" PRIx64,
                            walk->va + off);
            if (s->c->stop || !s->tried)
                return 1;
        }
    }
    return 0;
}

/* Processes by System's first bytes; false, and told: they are not known. */
static bool know_processes(struct scan *s)
{
    struct windows_view *w = s->c->w;
    uint8_t head[4];
    uint64_t left;
    if (w->system_process && win_has(w, W_process_dtb) &&
        aspace_read(&w->v->kernel, GVA(w->system_process), head, 4, NULL) == ST_OK && head[0] &&
        head[2] && aspace_translate(&w->v->kernel, GVA(w->base), &s->kernel_pa, &left) == ST_OK) {
        s->type = head[0];
        s->size = head[2];
        return true;
    }
    win_report(s->c, "processes", VMI_SEVERITY_NOTE, 0, 0,
               "not checked: where the System process and the page tables of processes are is not "
               "known");
    return false;
}

static void scan_memory(struct win_check *c, struct win_set *seen)
{
    struct windows_view *w = c->w;
    struct scan s = {.c = c, .seen = seen, .pages = 1 << 24, .tried = MAX_TRIED};
    bool processes = know_processes(&s);
    uint64_t from = w->v->ptr_size == 8 ? 0xffff800000000000ULL : 0x80000000,
             to = w->v->ptr_size == 8 ? ~0ULL : 0xffffffff;
    if (w->v->form == FORM_X86_5LEVEL)
        from = 0xff00000000000000ULL;
    if (aspace_each_page(&w->v->kernel, from, to, MAX_TABLES, look_at_page, &s) == ST_LIMIT)
        outcome_cut(c->o, "the kernel's half has more page tables than the bound: not all of it "
                          "was looked through");
    if (!processes || c->stop)
        return;
    if (c->list_partial)
        win_report(c, "processes", VMI_SEVERITY_WARNING, 0, 0,
                   "the list breaks off after %zu processes; what follows there is reported as not "
                   "on the list",
                   c->on_list);
    else if (!s.hidden)
        win_report(c, "processes", VMI_SEVERITY_OK, 0, 0,
                   "%zu processes on the list; no other process object with a page table in use is "
                   "in memory",
                   c->on_list);
}

/* ---- all of them ---- */

int win_check(struct osview *v, vmi_finding_cb cb, void *data, struct vmi_outcome *ret)
{
    struct win_check c = {.w = win_of(v), .cb = cb, .data = data, .o = ret};
    struct vmi_outcome list = {0}, modules = {0};
    struct win_set *seen = win_set_new();
    c.listed = win_set_new();
    c.driver = calloc(MAX_DRIVERS, sizeof *c.driver);
    int st = c.listed && c.driver && seen
                 ? ST_OK
                 : diag_fail(v->diag, ST_NOMEM, "no memory for the objects");
    if (st == ST_OK)
        st = win_processes(v, 0, listed, &c, &list);
    if (st == ST_OK) {
        c.list_partial = list.partial;
        c.have_images = win_images_open(c.w, &c.images, &modules) == ST_OK;
        if (c.have_images && modules.partial)
            outcome_cut(ret, "%s", modules.reason);
        scan_memory(&c, seen);
        if (!c.stop)
            win_check_ids(&c);
        win_check_drivers(&c);
        win_check_services(&c);
        win_check_interrupts(&c);
    }
    win_images_close(&c.images);
    free(c.listed);
    free(seen);
    free(c.driver);
    return st;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes by other ways than the list: the kernel's table of ids (PspCidTable) and the handles
 * that csrss, the Windows subsystem, has of every process of its session.
 */
#include <inttypes.h>
#include <strings.h>

#include "os/windows/check.h"

enum { MAX_ENTRIES = 1 << 20, MAX_CSRSS = 64 };

struct ids {
    struct win_check *c;
    unsigned left; /* entries that may still be looked at */
    const char *check, *where;
    unsigned processes, hidden;
    bool handles;      /* of a process: types are known by their names */
    uint8_t header[3]; /* a process' _DISPATCHER_HEADER: type and size */
};

/* Is it a process? Bodies in PspCidTable are threads', too. */
static bool is_process(const struct ids *s, uint64_t object)
{
    struct windows_view *w = s->c->w;
    uint8_t head[3];
    char type[32];
    if (aspace_read(&w->v->kernel, GVA(object), head, sizeof head, NULL) != ST_OK)
        return false;
    if (s->handles && (win_has(w, W_header_type) || win_has(w, W_header_type_index))) {
        win_object_type(w, object, type, sizeof type);
        return !strcmp(type, "Process");
    }
    return head[0] == s->header[0] && head[2] == s->header[2];
}

static int look(const struct win_entry *e, void *arg)
{
    struct ids *s = arg;
    struct windows_view *w = s->c->w;
    struct vmi_process p;
    if (!s->left--) {
        s->left = 0;
        outcome_cut(s->c->o, "%s: more entries than the bound", s->where);
        return 1;
    }
    if (!is_process(s, e->object) || win_process_read(w, e->object, &p) != ST_OK)
        return s->c->stop;
    s->processes++;
    /* one that ended may be kept alive by a handle */
    if (p.exit_time_s || win_check_listed(s->c, e->object))
        return s->c->stop;
    s->hidden++;
    win_report(s->c, s->check, VMI_SEVERITY_ALERT, e->object, p.pid,
               "process %d (%.15s) is in %s and not on the list", p.pid, p.comm, s->where);
    return s->c->stop;
}

static void conclude(struct ids *s, int st)
{
    if (st != ST_OK) {
        win_report(s->c, s->check, VMI_SEVERITY_NOTE, 0, 0,
                   "not checked: %s: not in memory, or their layout is not known", s->where);
        return;
    }
    if (!s->hidden && s->processes)
        win_report(s->c, s->check, VMI_SEVERITY_OK, 0, 0, "%u processes are in %s, all on the list",
                   s->processes, s->where);
}

static void cid_table(struct win_check *c)
{
    struct windows_view *w = c->w;
    struct ids s = {
        .c = c, .left = MAX_ENTRIES, .check = "ids", .where = "the kernel's table of ids"};
    uint64_t variable, table;
    int st = ST_ABSENT;
    if (win_symbol(w, "PspCidTable", &variable) == ST_OK &&
        read_ptr(&w->v->kernel, w->v->ptr_size, variable, &table) == ST_OK && w->system_process &&
        aspace_read(&w->v->kernel, GVA(w->system_process), s.header, 3, NULL) == ST_OK)
        st = win_each_entry(w, table, true, look, &s, c->o);
    conclude(&s, st);
}

struct csrss {
    struct ids *s;
    int st;
    unsigned tables;
};

static int of_csrss(const struct vmi_process *p, void *data)
{
    struct csrss *r = data;
    struct windows_view *w = r->s->c->w;
    uint64_t table;
    if (strcasecmp(p->comm, "csrss.exe") || p->exit_time_s)
        return 0;
    if (win_ptr(w, &w->v->kernel, p->object, W_process_handles, &table) != ST_OK || !table)
        return 0;
    if (r->tables++ == MAX_CSRSS)
        return 1;
    r->st = win_each_entry(w, table, false, look, r->s, r->s->c->o);
    return r->s->c->stop;
}

static void csrss_handles(struct win_check *c)
{
    struct ids s = {.c = c,
                    .left = MAX_ENTRIES,
                    .check = "handles",
                    .where = "csrss' handles",
                    .handles = true};
    struct csrss r = {.s = &s, .st = ST_UNSUPPORTED};
    struct vmi_outcome list = {0};
    if (c->w->system_process &&
        aspace_read(&c->w->v->kernel, GVA(c->w->system_process), s.header, 3, NULL) == ST_OK)
        (void)!win_processes(c->w->v, 0, of_csrss, &r, &list);
    conclude(&s, r.tables ? r.st : ST_ABSENT);
}

void win_check_ids(struct win_check *c)
{
    cid_table(c);
    if (!c->stop)
        csrss_handles(c);
}

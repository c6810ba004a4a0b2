/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes and threads: the list of active processes, one record an EPROCESS, command lines,
 * address spaces. */
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "os/windows/windows.h"

enum { MAX_PROCESSES = 1 << 20, NAME_BYTES = 15, WOW64_DLLS = 8 };

/* ---- one process ---- */

static void read_times(struct windows_view *w, struct vmi_process *p)
{
    const struct vmi_kernel *k = &w->v->info;
    uint64_t t;
    if (win_read(w, &w->v->kernel, p->object, W_process_create, 8, &t) == ST_OK) {
        p->start_time_s = win_time(t);
        if (k->boot_time_s && p->start_time_s > k->boot_time_s)
            p->start_ns = (p->start_time_s - k->boot_time_s) * 1000000000u;
    }
    if (win_read(w, &w->v->kernel, p->object, W_process_exit, 8, &t) == ST_OK)
        p->exit_time_s = win_time(t);
    p->state = p->exit_time_s ? 'X' : '?';
}

/* What no offset is known for: 0 in the record is no answer then. */
static uint32_t unknown(const struct windows_view *w)
{
    static const struct {
        enum layout_id id;
        uint32_t flag;
    } rows[] = {
        {W_process_ppid, VMI_UNKNOWN_PPID}, {W_process_create, VMI_UNKNOWN_START},
        {W_process_exit, VMI_UNKNOWN_EXIT}, {W_process_active_threads, VMI_UNKNOWN_THREADS},
        {W_process_dtb, VMI_UNKNOWN_DTB},
    };
    uint32_t flags = VMI_UNKNOWN_USER | VMI_UNKNOWN_STATE;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!win_has(w, rows[i].id))
            flags |= rows[i].flag;
    if (!win_has(w, W_process_session) && !win_has(w, W_process_peb))
        flags |= VMI_UNKNOWN_SESSION;
    if (w->v->ptr_size == 8 && !win_has(w, W_process_wow64) && !win_has(w, W_process_peb))
        flags |= VMI_UNKNOWN_WOW64;
    /* there are none before Vista */
    if (!win_has(w, W_process_protection) && !win_has(w, W_process_protected) && w->major > 5)
        flags |= VMI_UNKNOWN_PROTECTION;
    return flags;
}

static void read_protection(struct windows_view *w, struct vmi_process *p)
{
    uint64_t n;
    if (win_read(w, &w->v->kernel, p->object, W_process_protection, 1, &n) == ST_OK)
        p->protection = (uint8_t)n;
    else if (win_read(w, &w->v->kernel, p->object, W_process_protected, 4, &n) == ST_OK && n & 1)
        p->protection = 2; /* Vista to 8: one bit, what is "protected" later */
}

int win_process_read(struct windows_view *w, uint64_t object, struct vmi_process *ret)
{
    const struct aspace *as = &w->v->kernel;
    struct vmi_process p = {.object = object, .session = -1, .unknown = unknown(w)};
    uint64_t n;
    char name[NAME_BYTES + 1] = "";
    int st = win_ptr(w, as, object, W_process_pid, &n);
    if (st != ST_OK)
        return st;
    p.pid = p.tid = (int32_t)n;
    if ((st = aspace_read(as, GVA(object + w->m[W_process_name].off), name, NAME_BYTES, NULL)) !=
        ST_OK)
        return st;
    snprintf(p.comm, sizeof p.comm, "%s", name);
    if (win_ptr(w, as, object, W_process_dtb, &n) == ST_OK)
        p.dtb = paging_root(w->v->form, n);
    else
        p.flags |= VMI_RECORD_PARTIAL;
    /* bit 0 alone: this process has no second table */
    if (win_ptr(w, as, object, W_process_user_dtb, &n) == ST_OK &&
        paging_root(w->v->form, n) != p.dtb)
        p.user_dtb = paging_root(w->v->form, n);
    if (win_ptr(w, as, object, W_process_ppid, &n) == ST_OK)
        p.ppid = (int32_t)n;
    if (win_read(w, as, object, W_process_active_threads, 4, &n) == ST_OK)
        p.threads = (uint32_t)n;
    read_protection(w, &p);
    read_times(w, &p);
    if (object == w->system_process)
        p.flags |= VMI_PROCESS_KERNEL;
    *ret = p;
    return ST_OK;
}

/* Without an offset: the 64-bit loader of a 32-bit process has loaded wow64.dll, early. */
static bool has_wow64_dll(struct windows_view *w, const struct aspace *as, uint64_t peb)
{
    struct list_walk walk;
    uint64_t ldr, node;
    char name[32];
    if (win_ptr(w, as, peb, W_peb_ldr, &ldr) != ST_OK || !ldr)
        return false;
    list_start(&walk, as, 8, ldr + w->m[W_peb_ldr_list].off, WOW64_DLLS);
    while (list_next(&walk, NULL, &node) == 1)
        if (win_unicode(w, as, node - w->m[W_ldr_links].off + w->m[W_ldr_name].off, name,
                        sizeof name) == ST_OK &&
            !strcasecmp(name, "wow64.dll"))
            return true;
    return false;
}

void win_process_more(struct windows_view *w, struct vmi_process *p)
{
    const struct aspace *kernel = &w->v->kernel;
    struct aspace as;
    uint64_t at, id, peb = 0;
    bool session = win_has(w, W_process_session), wow64 = win_has(w, W_process_wow64);
    if (session && win_ptr(w, kernel, p->object, W_process_session, &at) == ST_OK &&
        win_kernel_pointer(w, at) && win_read(w, kernel, at, W_session_id, 4, &id) == ST_OK)
        p->session = (int32_t)id;
    if (wow64 && win_ptr(w, kernel, p->object, W_process_wow64, &at) == ST_OK)
        p->wow64 = w->v->ptr_size == 8 && at;
    if ((session && wow64) || !p->dtb ||
        win_ptr(w, kernel, p->object, W_process_peb, &peb) != ST_OK || !peb ||
        win_process_space(w->v, p, &as) != ST_OK)
        return;
    if (!session && win_read(w, &as, peb, W_peb_session, 4, &id) == ST_OK && id < 1 << 24)
        p->session = (int32_t)id;
    if (!wow64 && w->v->ptr_size == 8)
        p->wow64 = has_wow64_dll(w, &as, peb);
}

/* ---- all of them ---- */

/* The threads of a process in the form of processes. Returns 1 when the callback wants no more. */
struct as_process {
    const struct vmi_process *process;
    vmi_process_cb cb;
    void *data;
    struct vmi_outcome *o;
    bool stop;
};

static int as_process(const struct vmi_thread *t, void *data)
{
    struct as_process *a = data;
    struct vmi_process p = *a->process;
    p.object = t->object;
    p.tid = t->tid;
    p.flags |= VMI_PROCESS_THREAD | (t->flags & VMI_RECORD_PARTIAL);
    p.unknown = (p.unknown & ~(uint32_t)VMI_UNKNOWN_STATE) | (t->unknown & VMI_UNKNOWN_STATE);
    p.state = t->state;
    a->stop = a->cb(&p, a->data) != 0;
    return a->stop;
}

static bool can_list(const struct windows_view *w)
{
    return w->process_head && win_has(w, W_process_links) && win_has(w, W_process_pid) &&
           win_has(w, W_process_name);
}

/* The records as they are in the objects. */
static void each_object(struct windows_view *w, vmi_process_cb cb, void *data,
                        struct vmi_outcome *ret)
{
    struct list_walk walk;
    uint64_t node;
    list_start(&walk, &w->v->kernel, w->v->ptr_size, w->process_head, MAX_PROCESSES);
    while (list_next(&walk, ret, &node) == 1) {
        struct vmi_process p;
        uint64_t object = node - w->m[W_process_links].off;
        if (win_process_read(w, object, &p) != ST_OK) {
            outcome_cut(ret, "the process at %#" PRIx64 " is not in memory", object);
            continue;
        }
        if (cb(&p, data))
            break;
    }
}

struct list {
    struct windows_view *w;
    uint32_t flags;
    vmi_process_cb cb;
    void *data;
    struct vmi_outcome *o;
};

static int give(const struct vmi_process *object, void *data)
{
    struct list *l = data;
    struct vmi_process p = *object;
    win_process_more(l->w, &p);
    l->o->count++;
    if (l->cb(&p, l->data))
        return 1;
    if (!(l->flags & 1 /* VMI_LIST_THREADS */))
        return 0;
    struct as_process a = {&p, l->cb, l->data, l->o, false};
    if (win_threads(l->w->v, &p, as_process, &a, l->o) != ST_OK)
        outcome_cut(l->o, "%s", l->w->v->diag->text);
    return a.stop;
}

int win_processes(struct osview *v, uint32_t flags, vmi_process_cb cb, void *data,
                  struct vmi_outcome *ret)
{
    struct windows_view *w = win_of(v);
    struct list l = {w, flags, cb, data, ret};
    char wanted[192];
    if (!can_list(w))
        return diag_fail(v->diag, ST_UNSUPPORTED,
                         "where this kernel keeps its processes was neither told by a profile nor "
                         "could it be inferred: give %s",
                         win_wanted(w, wanted, sizeof wanted));
    each_object(w, give, &l, ret);
    return ST_OK;
}

int win_process(struct osview *v, int32_t pid, struct vmi_process *ret)
{
    return os_process_by_id(v, win_processes, win_has(win_of(v), W_thread_links), pid, ret);
}

/* ---- address spaces ---- */

static void remember_root(struct windows_view *w, uint64_t root, uint64_t object)
{
    unsigned at = w->next_rooted;
    for (unsigned i = 0; i < ARRAY_LEN(w->rooted); i++)
        if (w->rooted[i].root == root)
            at = i;
    if (at == w->next_rooted)
        w->next_rooted = (at + 1) % ARRAY_LEN(w->rooted);
    w->rooted[at].root = root;
    w->rooted[at].object = object;
}

struct by_root {
    uint64_t root, object;
};

static int match_root(const struct vmi_process *p, void *data)
{
    struct by_root *b = data;
    if (!p->dtb || (p->dtb != b->root && p->user_dtb != b->root))
        return 0;
    b->object = p->object;
    return 1;
}

/* Is it still the process of this table? A live guest reuses both. */
static bool still_rooted(struct windows_view *w, uint64_t object, uint64_t root)
{
    struct vmi_process p;
    if (!object)
        return !w->v->source->live; /* none has it: nothing can change that in a file */
    return !w->v->source->live ||
           (win_process_read(w, object, &p) == ST_OK && (p.dtb == root || p.user_dtb == root));
}

uint64_t win_process_of_root(struct windows_view *w, uint64_t root)
{
    struct by_root b = {root, 0};
    struct vmi_outcome o = {0};
    if (!root || !win_has(w, W_process_dtb) || !can_list(w))
        return 0;
    for (unsigned i = 0; i < ARRAY_LEN(w->rooted); i++)
        if (w->rooted[i].root == root && still_rooted(w, w->rooted[i].object, root))
            return w->rooted[i].object;
    each_object(w, match_root, &b, &o); /* reads the kernel's half alone: it does not come here */
    remember_root(w, root, b.object);
    return b.object;
}

int win_process_space(struct osview *v, const struct vmi_process *p, struct aspace *ret)
{
    if (!p->dtb)
        return diag_fail(v->diag, ST_ABSENT, "process %d (%s) has no page table", p->pid, p->comm);
    struct aspace as = v->kernel;
    as.half[0].root = as.half[1].root = p->dtb & as.half[0].form->root_mask;
    if (!(p->flags & VMI_PROCESS_THREAD))
        remember_root(win_of(v), as.half[0].root, p->object);
    *ret = as;
    return ST_OK;
}

int win_cmdline(struct osview *v, const struct vmi_process *p, char *buf, size_t size)
{
    struct windows_view *w = win_of(v);
    struct aspace as;
    uint64_t peb, at;
    if (!size)
        return ST_INVALID;
    buf[0] = '\0';
    int st = win_process_space(v, p, &as);
    if (st != ST_OK)
        return st;
    st = win_ptr(w, &v->kernel, p->object, W_process_peb, &peb);
    if (st != ST_OK)
        return diag_fail(v->diag, st,
                         "the command line of process %d: where its PEB is could not be inferred; "
                         "give a profile",
                         p->pid);
    if (!peb)
        return ST_OK;
    st = win_ptr(w, &as, peb, W_peb_parameters, &at);
    if (st == ST_OK)
        st = win_unicode(w, &as, at + w->m[W_parameters_cmdline].off, buf, size);
    if (st != ST_OK)
        return diag_fail(v->diag, st,
                         "the command line of process %d (PEB at %#" PRIx64 ") is not in memory",
                         p->pid, peb);
    return ST_OK;
}

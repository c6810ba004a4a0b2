/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks seen three ways: the list that ps shows, the IDR by which the kernel finds a pid, and
 * memory itself. A rootkit that unlinks a task from one must leave the others for the task to run.
 */
#include "os/linux/check.h"

#include <inttypes.h>
#include <stdlib.h>

#include "../platform/platform.h"

enum {
    XA_SLOTS = 64, /* XA_CHUNK_SIZE; 16 with CONFIG_BASE_SMALL */
    MAX_NODES =
        1 << 17, /* 4 million pids (PID_MAX_LIMIT), 64 in a leaf, and what is above the leaves */
    TASK_ALIGN = 64, /* task_struct is aligned to a cache line (kernel/fork.c) */
    TASK_DEAD = 0x80,
    MAX_SPAN = 64 << 10, /* no task_struct is larger; the types may be forged */
};

/* Where `v` is or belongs. Half of the slots are free; the multiplier is 2^64 over the golden
 * ratio. */
static size_t slot_of(const struct addr_set *s, uint64_t v)
{
    uint64_t h = (v ^ s->key) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32 ^ s->key >> 7) * 0x9e3779b97f4a7c15u;
    size_t mask = 2 * s->cap - 1, i = (size_t)(h >> 32) & mask;
    while (s->slot[i] && s->v[s->slot[i] - 1] != v)
        i = (i + 1) & mask;
    return i;
}

static int addr_set_grow(struct addr_set *s)
{
    struct addr_set n = {.nr = s->nr, .cap = s->cap ? s->cap * 2 : 256};
    n.key = plat_now_ns() * 0xd6e8feb86659fd93u ^ (uintptr_t)s->v; /* the guest cannot know it */
    if (n.cap > 8u << 20)
        return ST_LIMIT;
    n.v = realloc(s->v, n.cap * sizeof *n.v);
    if (!n.v)
        return ST_NOMEM;
    s->v = n.v;
    n.slot = calloc(2 * n.cap, sizeof *n.slot);
    if (!n.slot)
        return ST_NOMEM;
    for (size_t i = 0; i < n.nr; i++)
        n.slot[slot_of(&n, n.v[i])] = (uint32_t)i + 1;
    free(s->slot);
    *s = n;
    return ST_OK;
}

int addr_set_add(struct addr_set *s, uint64_t v)
{
    int st = s->nr == s->cap ? addr_set_grow(s) : ST_OK;
    if (st != ST_OK)
        return st;
    size_t i = slot_of(s, v);
    if (s->slot[i])
        return ST_OK;
    s->v[s->nr++] = v;
    s->slot[i] = (uint32_t)s->nr;
    return ST_OK;
}

bool addr_set_has(const struct addr_set *s, uint64_t v)
{
    return s->nr && s->slot[slot_of(s, v)];
}

void addr_set_free(struct addr_set *s)
{
    free(s->v);
    free(s->slot);
    *s = (struct addr_set){0};
}

static int add_task(const struct vmi_process *p, void *data)
{
    return addr_set_add(data, p->object) != ST_OK;
}

/* ---- the IDR ---- */

struct idr_walk {
    struct check *c;
    struct addr_set *listed, *found;
    uint64_t nodes, missing;
    uint64_t left; /* pids that may still be looked at */
    unsigned slots;
};

static void idr_pid(struct idr_walk *w, uint64_t pid)
{
    struct linux_view *l = w->c->l;
    uint64_t node, type = lx_has(l, L_pidtype_pid) ? lx_off(l, L_pidtype_pid) : 0;
    struct vmi_process p;
    if (!w->left) {
        outcome_cut(w->c->o,
                    "the pid table has more pids than tasks fit into memory; the one at %#" PRIx64
                    " is not looked at",
                    pid);
        return;
    }
    w->left--;
    if (read_ptr(&l->v->kernel, l->v->ptr_size,
                 pid + lx_off(l, L_pid_tasks) + type * l->v->ptr_size, &node) != ST_OK ||
        !node)
        return; /* a pid that only names a group or session */
    uint64_t task = node - lx_off(l, L_task_pid_links) - type * 2 * l->v->ptr_size;
    (void)addr_set_add(w->found, task);
    if (addr_set_has(w->listed, task))
        return;
    w->missing++;
    if (lx_process_read(l, task, &p) != ST_OK)
        check_report(w->c, VMI_SEVERITY_WARNING, "tasks", task, 0,
                     "the pid table names a task at %#" PRIx64 " that is not in memory", task);
    else
        check_report(w->c, VMI_SEVERITY_ALERT, "tasks", task, p.tid,
                     "task %d (%s) is in the pid table, but not on the task list", p.tid, p.comm);
}

/* Depth is bounded by the shift, which must fall by 6 (or 4) at each level: lib/xarray.c. */
static void idr_node(struct idr_walk *w, uint64_t entry, unsigned depth)
{
    struct linux_view *l = w->c->l;
    if (!entry || w->c->stopped)
        return;
    if ((entry & 3) != 2) {
        if (!(entry & 3) && lx_kernel_pointer(l, entry))
            idr_pid(w, entry);
        return;
    }
    if (depth > 6 || w->nodes >= MAX_NODES) {
        outcome_cut(w->c->o, "the pid table's tree is damaged at %#" PRIx64, entry);
        return;
    }
    w->nodes++;
    uint64_t slots = (entry & ~3ULL) + lx_off(l, L_xa_node_slots);
    for (unsigned i = 0; i < w->slots && w->left && w->nodes < MAX_NODES; i++) {
        uint64_t next;
        if (read_ptr(&l->v->kernel, l->v->ptr_size, slots + i * l->v->ptr_size, &next) != ST_OK) {
            outcome_cut(w->c->o, "a node of the pid table at %#" PRIx64 " is not in memory",
                        entry & ~(uint64_t)3);
            return;
        }
        idr_node(w, next, depth + 1);
    }
}

/* The first pid namespace: by its symbol, or as the one in which pid 1's own pid counts. */
static int first_namespace(struct linux_view *l, uint64_t *ret)
{
    struct vmi_process one;
    uint64_t pid;
    if (lx_symbol(l, "init_pid_ns", ret) == ST_OK)
        return ST_OK;
    if (!lx_has(l, L_pid_numbers) || !lx_has(l, L_upid_ns) || lx_process(l->v, 1, &one) != ST_OK ||
        lx_ptr(l, one.object, L_task_thread_pid, &pid) != ST_OK)
        return ST_ABSENT;
    return lx_ptr(l, pid + lx_off(l, L_pid_numbers), L_upid_ns, ret);
}

static void check_idr(struct check *c, struct addr_set *listed, struct addr_set *found)
{
    struct linux_view *l = c->l;
    uint64_t ns, head;
    struct idr_walk w = {.c = c,
                         .listed = listed,
                         .found = found,
                         .slots = XA_SLOTS,
                         .left = 2 * lx_most(l, L_task_size, 4 << 20)};
    if (first_namespace(l, &ns) != ST_OK || !lx_has(l, L_pidns_idr) || !lx_has(l, L_idr_head) ||
        !lx_has(l, L_xa_node_slots) || !lx_has(l, L_pid_tasks) || !lx_has(l, L_task_pid_links)) {
        check_report(
            c, VMI_SEVERITY_NOTE, "tasks", 0, 0,
            "not compared with the pid table: its symbol (init_pid_ns) or types are missing");
        return;
    }
    if (l->m[L_xa_node_slots].size)
        w.slots = MIN_OF(l->m[L_xa_node_slots].size / l->v->ptr_size, 64u);
    if (read_ptr(&l->v->kernel, l->v->ptr_size, ns + lx_off(l, L_pidns_idr) + lx_off(l, L_idr_head),
                 &head) != ST_OK) {
        check_unread(c, "tasks", ns,
                     "the pid table of the namespace at %#" PRIx64 " is not in memory", ns);
        return;
    }
    idr_node(&w, head, 0);
    if (w.nodes >= MAX_NODES || !w.left)
        outcome_cut(c->o, "the pid table's tree at %#" PRIx64 " is larger than any can be",
                    head & ~(uint64_t)3);
    for (size_t i = 0; i < listed->nr && found->nr; i++) {
        struct vmi_process p;
        if (addr_set_has(found, listed->v[i]) || lx_process_read(l, listed->v[i], &p) != ST_OK ||
            p.state == 'X')
            continue;
        check_report(c, VMI_SEVERITY_ALERT, "tasks", listed->v[i], p.tid,
                     "task %d (%s) is on the task list, but not in the pid table", p.tid, p.comm);
    }
}

/* ---- memory ---- */

struct scan {
    struct check *c;
    struct addr_set *known;
    uint64_t span; /* bytes of a task that are looked at */
    uint64_t seen;
};

/* Does the object at virtual address `va`, whose bytes are `p`, look like a task that runs or could
 * run? */
static bool live_task(const struct scan *s, const uint8_t *p, uint64_t va)
{
    struct linux_view *l = s->c->l;
    bool wide = l->v->ptr_size == 8;
    uint64_t leader =
        wide ? le64(p + lx_off(l, L_task_group_leader)) : le32(p + lx_off(l, L_task_group_leader));
    uint32_t pid = le32(p + lx_off(l, L_task_pid)), tgid = le32(p + lx_off(l, L_task_tgid));
    if (!pid || pid >= 4u << 20 || !tgid || tgid >= 4u << 20)
        return false;
    if (pid == tgid ? leader != va : !lx_kernel_pointer(l, leader) || leader == va)
        return false;
    if (le32(p + lx_off(l, L_task_state)) & TASK_DEAD ||
        le32(p + lx_off(l, L_task_exit_state)) & 16)
        return false;
    if (lx_has(l, L_task_usage) &&
        (!le32(p + lx_off(l, L_task_usage)) || le32(p + lx_off(l, L_task_usage)) > 1u << 20))
        return false;
    return p[lx_off(l, L_task_comm) + 15] == '\0';
}

/* The last word on a candidate: its thread group's leader, signal and credentials lead somewhere
 * consistent. */
static bool confirmed(struct linux_view *l, uint64_t va)
{
    uint64_t leader, tgid, own, cred, head, node, uid;
    if (lx_ptr(l, va, L_task_group_leader, &leader) != ST_OK ||
        lx_read(l, leader, L_task_pid, &tgid) != ST_OK ||
        lx_read(l, va, L_task_tgid, &own) != ST_OK || tgid != own)
        return false;
    if (lx_ptr(l, va, L_task_cred, &cred) != ST_OK || lx_read(l, cred, L_cred_uid, &uid) != ST_OK)
        return false;
    if (!lx_has(l, L_task_thread_node)) /* else it must hang where its signal_struct says */
        return true;
    return read_ptr(&l->v->kernel, l->v->ptr_size, va + lx_off(l, L_task_thread_node), &head) ==
               ST_OK &&
           read_ptr(&l->v->kernel, l->v->ptr_size, head + l->v->ptr_size, &node) == ST_OK &&
           node == va + lx_off(l, L_task_thread_node);
}

static void scan_extent(struct scan *s, const uint8_t *p, uint64_t pa, size_t n)
{
    struct linux_view *l = s->c->l;
    for (size_t off = 0; off + s->span <= n && !s->c->stopped; off += TASK_ALIGN) {
        uint64_t va = l->v->info.direct_map + pa + off;
        struct vmi_process t;
        if (!live_task(s, p + off, va))
            continue;
        if (addr_set_has(s->known, va)) {
            s->seen++;
            continue;
        }
        if (!confirmed(l, va) || lx_process_read(l, va, &t) != ST_OK)
            continue;
        check_report(
            s->c, VMI_SEVERITY_ALERT, "tasks", va, t.tid,
            "task %d (%s) was found in memory, but neither on the task list nor in the pid table",
            t.tid, t.comm);
    }
}

/* How many of the known tasks are live and in the linear map: the scan must see as many. */
static uint64_t expected(const struct scan *s)
{
    struct linux_view *l = s->c->l;
    uint8_t *task = malloc((size_t)s->span);
    uint64_t n = 0, pa, left;
    for (size_t i = 0; task && i < s->known->nr; i++) {
        uint64_t va = s->known->v[i];
        n += aspace_read(&l->v->kernel, GVA(va), task, (size_t)s->span, NULL) == ST_OK &&
             live_task(s, task, va) &&
             aspace_translate(&l->v->kernel, GVA(va), &pa, &left) == ST_OK &&
             va == l->v->info.direct_map + pa;
    }
    free(task);
    return n;
}

/* Returns how many of the known tasks the scan saw; *want: how many it should have. */
static uint64_t check_scan(struct check *c, struct addr_set *known, uint64_t *want)
{
    struct linux_view *l = c->l;
    struct phys *phys = &l->v->source->phys;
    struct scan s = {.c = c, .known = known};
    static const enum layout_id needed[] = {L_task_group_leader, L_task_pid,        L_task_tgid,
                                            L_task_state,        L_task_exit_state, L_task_comm};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (!lx_has(l, needed[i]) || !l->v->info.direct_map) {
            check_report(
                c, VMI_SEVERITY_NOTE, "tasks", 0, 0, "memory was not scanned for tasks: %s",
                l->v->info.direct_map ? "types are missing" : "the linear map is not known");
            return 0;
        }
        s.span = MAX_OF(s.span, lx_off(l, needed[i]) + 16);
    }
    if (s.span > MAX_SPAN) {
        check_unread(c, "tasks", 0,
                     "memory was not scanned for tasks: a task_struct of %" PRIu64
                     " bytes cannot be",
                     s.span);
        return 0;
    }
    uint8_t *copy = NULL;
    enum { CHUNK = 1 << 20 };
    for (uint64_t end, at = 0; !c->stopped && (at = phys_next_data(phys, at, &end)) != UINT64_MAX;
         at = end) {
        /* whole tasks only: a run of touched pages begins at a page, a task at a cache line */
        for (uint64_t pa = at; pa < end && !c->stopped;) {
            size_t avail = 0, got;
            const struct phys_range *r = phys_find(phys, pa);
            const uint8_t *p = r && r->host ? phys_ptr(phys, pa, &avail) : NULL;
            if (p) {
                got = (size_t)MIN_OF((uint64_t)avail, end - pa);
                scan_extent(&s, p, pa, got);
                pa += got;
                continue;
            }
            if (!copy && !(copy = malloc(CHUNK)))
                break;
            size_t piece = (size_t)MIN_OF((uint64_t)CHUNK, end - pa);
            int st = phys_read(phys, pa, copy, piece, &got);
            scan_extent(&s, copy, pa, got);
            if (st != ST_OK)
                got = (got & ~(size_t)4095) + 4096; /* step over the page that is not there */
            else if (piece == CHUNK)
                got -= (size_t)(s.span + 63) & ~(size_t)63; /* a task may lie across two pieces */
            pa += got;
        }
    }
    free(copy);
    *want = expected(&s);
    return s.seen;
}

void check_tasks(struct check *c)
{
    struct linux_view *l = c->l;
    struct addr_set listed = {0}, found = {0};
    struct vmi_outcome o = {0};
    if (lx_processes(l->v, 1 /* with threads */, add_task, &listed, &o) != ST_OK) {
        check_report(c, VMI_SEVERITY_NOTE, "tasks", 0, 0, "not checked: %s", l->v->diag->text);
        return;
    }
    if (o.partial)
        check_report(c, VMI_SEVERITY_WARNING, "tasks", 0, 0, "the task list is damaged: %s",
                     o.reason);
    check_idr(c, &listed, &found);
    for (size_t i = 0; i < found.nr; i++)
        if (!addr_set_has(&listed, found.v[i]))
            (void)addr_set_add(&listed, found.v[i]);
    uint64_t want = 0, seen = check_scan(c, &listed, &want);
    size_t pids = found.nr;
    if (seen < want)
        check_unread(c, "tasks", 0, "the scan of memory saw %" PRIu64 " of %" PRIu64 " live tasks",
                     seen, want);
    if (!pids && !want) /* compared with nothing: nothing agrees */
        c->findings++;
    check_done(c, "tasks", "%zu tasks on the list%s%s agree (%" PRIu64 " are live)", listed.nr,
               pids ? want ? ", in the pid table" : " and in the pid table" : "",
               want ? " and in memory" : "", want);
    addr_set_free(&listed);
    addr_set_free(&found);
}

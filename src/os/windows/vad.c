/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process' memory: its tree of VADs (virtual address descriptors), in the order of addresses. The
 * tree is the guest's: it is walked with a stack of bounded depth, each node must lie between its
 * ancestors, and the number of nodes is bounded.
 */
#include <inttypes.h>

#include "os/windows/windows.h"

enum { MAX_DEPTH = 64, MAX_VADS = 1 << 20 };

int win_vad_read(const struct windows_view *w, uint64_t node, struct win_vad *ret)
{
    const struct aspace *as = &w->v->kernel;
    struct win_vad d = {.node = node};
    uint64_t high;
    int st;
    if ((st = win_ptr(w, as, node, W_vad_left, &d.left)) != ST_OK ||
        (st = win_ptr(w, as, node, W_vad_right, &d.right)) != ST_OK ||
        (st = win_read(w, as, node, W_vad_start, w->v->ptr_size, &d.start)) != ST_OK ||
        (st = win_read(w, as, node, W_vad_end, w->v->ptr_size, &d.end)) != ST_OK)
        return st;
    /* 8.1 and later on x64: 32 bits, and 8 more in a byte of their own */
    if (win_read(w, as, node, W_vad_start_high, 1, &high) == ST_OK)
        d.start |= high << 32;
    if (win_read(w, as, node, W_vad_end_high, 1, &high) == ST_OK)
        d.end |= high << 32;
    if (d.start > d.end || d.end >> 45)
        return ST_BROKEN;
    *ret = d;
    return ST_OK;
}

int win_vad_find(const struct windows_view *w, uint64_t process, uint64_t va, struct win_vad *ret)
{
    uint64_t node, page = va >> 12;
    struct win_vad d;
    if (!win_has(w, W_process_vads) || !win_has(w, W_vad_left) || !win_has(w, W_vad_start))
        return ST_UNSUPPORTED;
    int st = win_ptr(w, &w->v->kernel, process, W_process_vads, &node);
    for (unsigned i = 0; st == ST_OK && i < MAX_DEPTH; i++) {
        if (!win_kernel_pointer(w, node))
            return ST_ABSENT;
        if ((st = win_vad_read(w, node, &d)) != ST_OK)
            return st;
        if (page >= d.start && page <= d.end) {
            *ret = d;
            return ST_OK;
        }
        node = page < d.start ? d.left : d.right;
    }
    return st == ST_OK ? ST_LIMIT : st;
}

/* The file that is mapped, when there is one. */
static void file_of(const struct windows_view *w, const struct win_vad *d, char *buf, size_t size)
{
    const struct aspace *as = &w->v->kernel;
    uint64_t at, area = 0, file;
    buf[0] = '\0';
    if (win_ptr(w, as, d->node, W_vad_subsection, &at) == ST_OK && win_kernel_pointer(w, at))
        (void)!win_ptr(w, as, at, W_subsection_control, &area);
    else if (win_ptr(w, as, d->node, W_vad_control, &at) == ST_OK)
        area = at;
    if (!win_kernel_pointer(w, area) || win_ptr(w, as, area, W_control_file, &file) != ST_OK)
        return;
    file &=
        w->v->ptr_size == 8
            ? ~15ULL
            : ~7ULL; /* an EX_FAST_REF's count since Vista; objects are aligned so before, too */
    if (win_kernel_pointer(w, file) && win_has(w, W_file_name))
        (void)win_unicode(w, as, file + w->m[W_file_name].off, buf, size);
}

static int report(const struct windows_view *w, const struct win_vad *d, vmi_vma_cb cb, void *data,
                  struct vmi_outcome *o)
{
    /* The kernel's protections 0 to 7 (MM_NOACCESS ... MM_EXECUTE_WRITECOPY); 8 and 16 more are
     * guard and no-cache */
    static const struct {
        bool r, w, x;
    } rights[8] = {{0, 0, 0}, {1, 0, 0}, {0, 0, 1}, {1, 0, 1},
                   {1, 1, 0}, {1, 1, 0}, {1, 1, 1}, {1, 1, 1}};
    char path[1024] = "";
    struct vmi_vma m = {.start = d->start << 12, .end = (d->end + 1) << 12, .path = path};
    const struct aspace *as = &w->v->kernel;
    uint64_t n = 0, private = 1;
    uint64_t flags = d->node + w->m[W_vad_flags].off;
    if (win_has(w, W_vad_flags) && win_read(w, as, flags, W_flag_protection, 4, &n) == ST_OK) {
        m.read = rights[n & 7].r;
        m.write = rights[n & 7].w;
        m.exec = rights[n & 7].x;
    } else {
        m.flags |= VMI_RECORD_PARTIAL;
    }
    if (win_has(w, W_vad_flags) && win_read(w, as, flags, W_flag_private, 4, &private) != ST_OK)
        m.flags |= VMI_RECORD_PARTIAL;
    m.shared = !private && (n & 5) != 5; /* copied when it is written to: nobody else sees it */
    if (!private) /* a private one is shorter: what would be its section belongs to somebody else */
        file_of(w, d, path, sizeof path);
    o->count++;
    return cb(&m, data);
}

struct tree {
    struct win_vad stack[MAX_DEPTH];
    uint64_t low[MAX_DEPTH]; /* page numbers that a subtree must be between: [low, high) */
    uint64_t high[MAX_DEPTH];
    unsigned depth;
    uint64_t left; /* nodes that may still be looked at */
};

/* Goes down to the leftmost node below `node`. */
static void descend(const struct windows_view *w, struct tree *t, uint64_t node, uint64_t low,
                    uint64_t high, struct vmi_outcome *o)
{
    while (node) {
        struct win_vad d;
        if (t->depth == MAX_DEPTH || !t->left) {
            outcome_cut(o, "the tree of VADs is deeper or larger than the bound at %#" PRIx64,
                        node);
            return;
        }
        t->left--;
        int st = win_kernel_pointer(w, node) ? win_vad_read(w, node, &d) : ST_BROKEN;
        if (st == ST_OK && (d.start < low || d.end >= high))
            st = ST_BROKEN;
        if (st != ST_OK) {
            outcome_cut(o, "the VAD at %#" PRIx64 " %s", node,
                        st == ST_ABSENT ? "is not in memory" : "does not belong where it hangs");
            return;
        }
        t->stack[t->depth] = d;
        t->low[t->depth] = low;
        t->high[t->depth] = high;
        t->depth++;
        high = d.start;
        node = d.left;
    }
}

int win_vmas(struct osview *v, const struct vmi_process *p, vmi_vma_cb cb, void *data,
             struct vmi_outcome *ret)
{
    struct windows_view *w = win_of(v);
    struct tree t = {.left = MAX_VADS};
    uint64_t root;
    char wanted[192];
    if (!win_has(w, W_process_vads) || !win_has(w, W_vad_left) || !win_has(w, W_vad_start))
        return diag_fail(v->diag, ST_UNSUPPORTED,
                         "where a process keeps its memory map (VADs) was neither told by a "
                         "profile nor could it be inferred: give %s",
                         win_wanted(w, wanted, sizeof wanted));
    int st = win_ptr(w, &v->kernel, p->object, W_process_vads, &root);
    if (st != ST_OK)
        return diag_fail(v->diag, st, "process %d: its object at %#" PRIx64 " is not in memory",
                         p->pid, p->object);
    descend(w, &t, root, 0, 1ULL << 45, ret);
    while (t.depth) {
        struct win_vad d = t.stack[--t.depth];
        uint64_t high = t.high[t.depth];
        if (report(w, &d, cb, data, ret))
            break;
        descend(w, &t, d.right, d.end + 1, high, ret);
    }
    return ST_OK;
}

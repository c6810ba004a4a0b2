/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The areas of a process' memory, as /proc/PID/maps lists them (fs/proc/task_mmu.c, show_map_vma).
 * They hang in a maple tree since 6.1 (mm_struct.mm_mt; lib/maple_tree.c,
 * include/linux/maple_tree.h) and in a sorted list before (mm_struct.mmap).
 *
 * Areas never overlap and are in ascending order. That is also what bounds the walk over forged
 * memory: an area that does not lie behind the one before is not believed.
 */
#include "os/linux/path.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    MAX_VMAS = 1 << 20,   /* vm.max_map_count is 65,530 unless the administrator raised it */
    MAX_NODES = 1 << 20,  /* of one maple tree */
    MAX_DEPTH = 31,       /* MAPLE_HEIGHT_MAX */
    NODE_BYTES = 256,     /* sizeof(struct maple_node), which is also its alignment */
    MAX_SLOTS = 64,       /* 31 with 8-byte pointers, 63 with 4 */
    ANON_NAME_BYTES = 80, /* ANON_VMA_NAME_MAX_LEN, include/linux/mm_inline.h, 0 included */
};

enum { VM_READ = 1, VM_WRITE = 2, VM_EXEC = 4, VM_MAYSHARE = 0x80 }; /* include/linux/mm.h */

struct vma_walk {
    const struct linux_view *l;
    uint64_t mm;
    vmi_vma_cb cb;
    void *data;
    struct vmi_outcome *o;
    uint64_t brk, start_brk, start_stack;
    unsigned page_shift;
    uint64_t next;       /* end of the last area */
    uint64_t left;       /* areas that may still be given */
    uint64_t nodes_left; /* tree nodes that may still be read */
    uint64_t steps;      /* see LX_LISTING_STEPS */
    bool stopped;        /* by the callback */
    char path[LX_PATH_MAX];
};

/*
 * The path that the user opened, of a file that stands for a layer of another (overlayfs): struct
 * backing_file has it behind the file. Its mark is FMODE_BACKING, bit 25 from 6.5 and bit 24
 * since 6.14, and each bit has another meaning in the other kernels. So what lies there must be a
 * path, too: its dentry is of the file system of its mount.
 */
static bool user_path(const struct linux_view *l, uint64_t file, struct lx_path *ret)
{
    enum { BITS_24_AND_25 = 3 << 24 };
    struct lx_path p;
    uint64_t mode, sb, mnt_sb;
    if (!lx_has(l, L_backing_file_user_path) || lx_read(l, file, L_file_mode, &mode) != ST_OK ||
        !(mode & BITS_24_AND_25) ||
        lx_path_read(l, file + lx_off(l, L_backing_file_user_path), &p) != ST_OK ||
        !lx_kernel_pointer(l, p.mnt) || !lx_kernel_pointer(l, p.dentry) ||
        lx_ptr(l, p.mnt, L_vfsmount_sb, &mnt_sb) != ST_OK ||
        lx_ptr(l, p.dentry, L_dentry_sb, &sb) != ST_OK || !sb || sb != mnt_sb)
        return false;
    *ret = p;
    return true;
}

/* Device, inode and path of the mapped file. */
static void read_file(struct vma_walk *w, uint64_t file, struct vmi_vma *vma)
{
    const struct linux_view *l = w->l;
    uint64_t inode, sb, v;
    struct lx_path path;
    bool backing = user_path(l, file, &path);
    if ((!backing && lx_path_read(l, file + lx_off(l, L_file_path), &path) != ST_OK) ||
        lx_path_text(l, &path, NULL, &w->steps, w->path, sizeof w->path, NULL) != ST_OK)
        vma->flags |= VMI_RECORD_PARTIAL;
    int st = backing ? lx_ptr(l, path.dentry, L_dentry_inode, &inode)
                     : lx_ptr(l, file, L_file_inode, &inode);
    if (st == ST_OK && lx_read(l, inode, L_inode_ino, &v) == ST_OK)
        vma->inode = v;
    else
        vma->flags |= VMI_RECORD_PARTIAL;
    if (st == ST_OK && lx_ptr(l, inode, L_inode_sb, &sb) == ST_OK &&
        lx_read(l, sb, L_sb_dev, &v) == ST_OK) {
        vma->major = lx_dev_major(v);
        vma->minor = lx_dev_minor(v);
    } else {
        vma->flags |= VMI_RECORD_PARTIAL;
    }
}

/*
 * The name that the kernel gave to memory of its own ([vdso], [vvar], [sigpage]): vm_ops->name is
 * special_mapping_name, the text is in the vm_special_mapping. Some kernels have no symbol to tell
 * it by; the brackets are checked instead.
 */
static bool special_name(struct vma_walk *w, uint64_t vma)
{
    const struct linux_view *l = w->l;
    uint64_t ops, fn, known, mapping, at;
    char name[64];
    if (lx_ptr(l, vma, L_vma_ops, &ops) != ST_OK || !ops ||
        lx_ptr(l, ops, L_vm_ops_name, &fn) != ST_OK || !fn)
        return false;
    if (lx_symbol(l, "special_mapping_name", &known) == ST_OK && known != fn)
        return false;
    if (lx_ptr(l, vma, L_vma_private, &mapping) != ST_OK ||
        lx_ptr(l, mapping, L_special_mapping_name, &at) != ST_OK ||
        lx_text(l, at, name, sizeof name) != ST_OK || name[0] != '[')
        return false;
    memcpy(w->path, name, sizeof name);
    return true;
}

/* What the process called it: prctl(PR_SET_VMA_ANON_NAME), since 5.17; for shared memory, which has
 * a file, since 6.2. */
static bool anon_name(struct vma_walk *w, uint64_t vma, bool has_file)
{
    const struct linux_view *l = w->l;
    uint64_t at;
    char name[ANON_NAME_BYTES];
    /* Until 6.2 it shared its place with the file's tree node. */
    if (has_file &&
        (!lx_has(l, L_vma_shared) || lx_off(l, L_vma_shared) == lx_off(l, L_vma_anon_name)))
        return false;
    if (lx_ptr(l, vma, L_vma_anon_name, &at) != ST_OK || !at || !lx_has(l, L_anon_name_text) ||
        lx_text(l, at + lx_off(l, L_anon_name_text), name, sizeof name) != ST_OK)
        return false;
    snprintf(w->path, sizeof w->path, has_file ? "[anon_shmem:%s]" : "[anon:%s]", name);
    return true;
}

/* Names in the order of precedence of show_map_vma. */
static void read_name(struct vma_walk *w, uint64_t at, uint64_t file, struct vmi_vma *vma)
{
    w->path[0] = '\0';
    if (file) {
        read_file(w, file, vma);
        (void)anon_name(w, at, true);
        return;
    }
    if (special_name(w, at))
        return;
    if (vma->start <= w->brk && vma->end >= w->start_brk && w->brk)
        snprintf(w->path, sizeof w->path, "[heap]");
    else if (vma->start <= w->start_stack && vma->end >= w->start_stack && w->start_stack)
        snprintf(w->path, sizeof w->path, "[stack]");
    else
        (void)anon_name(w, at, false);
}

static void read_flags(const struct linux_view *l, uint64_t at, struct vmi_vma *vma)
{
    uint64_t flags;
    if (lx_read(l, at, L_vma_flags, &flags) != ST_OK) {
        vma->flags |= VMI_RECORD_PARTIAL;
        return;
    }
    vma->read = flags & VM_READ;
    vma->write = flags & VM_WRITE;
    vma->exec = flags & VM_EXEC;
    vma->shared = flags & VM_MAYSHARE;
}

/* Gives one area to the callback. Non-zero: the walk ends. */
static int give(struct vma_walk *w, uint64_t at)
{
    const struct linux_view *l = w->l;
    struct vmi_vma vma = {.path = w->path};
    uint64_t file = 0;
    if (lx_ptr(l, at, L_vma_start, &vma.start) != ST_OK ||
        lx_ptr(l, at, L_vma_end, &vma.end) != ST_OK) {
        outcome_cut(w->o, "the area at %#" PRIx64 " is not in memory", at);
        return 0;
    }
    if (vma.start < w->next || vma.end <= vma.start) {
        outcome_cut(w->o,
                    "the area at %#" PRIx64 " (%#" PRIx64 "-%#" PRIx64
                    ") is not behind the one before it",
                    at, vma.start, vma.end);
        return 0;
    }
    if (!w->left-- || !w->steps) {
        outcome_cut(w->o, "more than %d areas, or paths as long as no guest has them", MAX_VMAS);
        return 1;
    }
    w->next = vma.end;
    read_flags(l, at, &vma);
    if (lx_ptr(l, at, L_vma_file, &file) != ST_OK)
        vma.flags |= VMI_RECORD_PARTIAL;
    if (file && lx_ptr(l, at, L_vma_pgoff, &vma.offset) == ST_OK)
        vma.offset <<= w->page_shift;
    read_name(w, at, file, &vma);
    w->o->count++;
    w->stopped = w->cb(&vma, w->data) != 0;
    return w->stopped;
}

/* ---- the maple tree ---- */

enum { MAPLE_DENSE, MAPLE_LEAF_64, MAPLE_RANGE_64, MAPLE_ARANGE_64 }; /* enum maple_type */

/* A node, decoded. Pivot i is the last index that slot i covers; the last slot has none: it goes to
 * the node's end. */
struct maple_node {
    bool leaf, dense;
    unsigned slots, pivots;
    uint64_t slot[MAX_SLOTS], pivot[MAX_SLOTS];
};

static unsigned words(const struct linux_view *l, enum layout_id id)
{
    return l->m[id].size / l->v->ptr_size;
}

static void take(uint64_t *to, const uint8_t *from, unsigned n, unsigned ptr_size)
{
    for (unsigned i = 0; i < n; i++)
        to[i] = ptr_size == 8 ? le64(from + 8 * i) : le32(from + 4 * i);
}

/* Where the arrays of a type of node are, in words; false when this is no type that has any. */
static bool node_shape(const struct linux_view *l, unsigned type, struct maple_node *ret,
                       uint64_t *pivot_at, uint64_t *slot_at)
{
    enum layout_id pivot = type == MAPLE_ARANGE_64 ? L_ma64_pivot : L_mr64_pivot;
    enum layout_id slot = type == MAPLE_ARANGE_64 ? L_ma64_slot : L_mr64_slot;
    ret->leaf = type < MAPLE_RANGE_64;
    ret->dense = type == MAPLE_DENSE;
    if (type > MAPLE_ARANGE_64)
        return false;
    if (ret->dense) { /* all slots behind the parent, one index each */
        ret->slots = NODE_BYTES / l->v->ptr_size - 1;
        ret->pivots = 0;
        *pivot_at = 0;
        *slot_at = l->v->ptr_size;
        return true;
    }
    ret->slots = words(l, slot);
    ret->pivots = words(l, pivot);
    *pivot_at = lx_off(l, pivot);
    *slot_at = lx_off(l, slot);
    return ret->slots && ret->slots <= MAX_SLOTS && ret->pivots + 1 == ret->slots &&
           in_bounds(*pivot_at, (uint64_t)ret->pivots * l->v->ptr_size, NODE_BYTES) &&
           in_bounds(*slot_at, (uint64_t)ret->slots * l->v->ptr_size, NODE_BYTES);
}

/* An encoded node is its address (256-byte aligned) with the type in bits 3 to 6. */
static int read_node(const struct linux_view *l, uint64_t enode, struct maple_node *ret)
{
    uint8_t raw[NODE_BYTES];
    uint64_t pivot_at, slot_at, at = enode & ~(uint64_t)(NODE_BYTES - 1);
    if (!node_shape(l, enode >> 3 & 15, ret, &pivot_at, &slot_at))
        return ST_BROKEN;
    int st = aspace_read(&l->v->kernel, GVA(at), raw, sizeof raw, NULL);
    if (st != ST_OK)
        return st;
    take(ret->pivot, raw + pivot_at, ret->pivots, l->v->ptr_size);
    take(ret->slot, raw + slot_at, ret->slots, l->v->ptr_size);
    return ST_OK;
}

static int give_node(struct vma_walk *w, uint64_t enode, uint64_t min, uint64_t max,
                     unsigned depth);

/* One slot, which covers [lo, hi]. Values with bit 1 set are the tree's own marks, not areas. */
static int give_slot(struct vma_walk *w, const struct maple_node *n, uint64_t slot, uint64_t lo,
                     uint64_t hi, unsigned depth)
{
    if (!n->leaf)
        return give_node(w, slot, lo, hi, depth + 1);
    if (slot & (w->l->v->ptr_size - 1)) {
        if (slot > 4096) /* the tree's own marks are small */
            outcome_cut(w->o,
                        "the maple tree of the mm at %#" PRIx64 " has an area at %#" PRIx64
                        ", which is no address",
                        w->mm, slot);
        return 0;
    }
    return slot ? give(w, slot) : 0;
}

/* Recursion is bounded by MAX_DEPTH, the number of nodes by nodes_left. */
static int give_node(struct vma_walk *w, uint64_t enode, uint64_t min, uint64_t max, unsigned depth)
{
    struct maple_node n;
    if (depth > MAX_DEPTH || !w->nodes_left--) {
        outcome_cut(w->o,
                    "the maple tree of the mm at %#" PRIx64 " is deeper or larger than any can be",
                    w->mm);
        return 1;
    }
    int st = read_node(w->l, enode, &n);
    if (st != ST_OK) {
        outcome_cut(w->o, "the maple tree's node %#" PRIx64 " is %s", enode,
                    st == ST_BROKEN ? "of no known type" : "not in memory");
        return 0;
    }
    uint64_t lo = min;
    for (unsigned i = 0; i < n.slots; i++) {
        uint64_t hi = n.dense ? lo : i < n.pivots ? n.pivot[i] : max;
        if (!hi && i && !n.dense)
            hi = max; /* a pivot of 0 behind the first ends the node */
        if (hi < lo || hi > max) {
            outcome_cut(w->o, "the maple tree's node %#" PRIx64 " has a pivot out of order", enode);
            return 0;
        }
        if (give_slot(w, &n, n.slot[i], lo, hi, depth))
            return 1;
        if (hi == max)
            break;
        lo = hi + 1;
    }
    return 0;
}

static int walk_tree(struct vma_walk *w)
{
    static const enum layout_id need[] = {L_mr64_pivot, L_mr64_slot, L_ma64_pivot, L_ma64_slot};
    uint64_t root;
    int st = lx_require(w->l, "the memory areas", need, ARRAY_LEN(need));
    if (st != ST_OK)
        return st;
    if ((st = lx_ptr(w->l, w->mm, L_mm_mt_root, &root)) != ST_OK)
        return diag_fail(w->l->v->diag, st, "the mm_struct at %#" PRIx64 " is not in memory",
                         w->mm);
    /* A node has the low bits 10 and an address (xa_is_node); anything else would be an entry at
     * index 0 alone. */
    if (root && ((root & 3) != 2 || root <= 4096))
        outcome_cut(w->o, "the maple tree of the mm at %#" PRIx64 " has no node as its root",
                    w->mm);
    else if (root)
        (void)give_node(w, root, 0, w->l->v->ptr_size == 8 ? UINT64_MAX : UINT32_MAX, 0);
    return ST_OK;
}

/* ---- before 6.1 ---- */

static int walk_list(struct vma_walk *w)
{
    uint64_t at, before;
    int st = lx_ptr(w->l, w->mm, L_mm_mmap, &at);
    if (st != ST_OK)
        return diag_fail(w->l->v->diag, st, "the mm_struct at %#" PRIx64 " is not in memory",
                         w->mm);
    while (at) {
        before = w->next;
        if (give(w, at) || w->next == before)
            break; /* an area that was not believed has no successor to believe either */
        if (lx_ptr(w->l, at, L_vma_next, &at) != ST_OK) {
            outcome_cut(w->o, "the area behind the one at %#" PRIx64 " is not in memory", at);
            break;
        }
    }
    return ST_OK;
}

/*
 * x86-64's page at a fixed address for programs of long ago: it belongs to no mm, but maps lists it
 * when it is switched on (arch/x86/entry/vsyscall/vsyscall_64.c: vsyscall_mode is EMULATE, XONLY or
 * NONE; gate_vma). 32-bit programs, which have nothing above 4 GiB, do without.
 */
static void give_gate(struct vma_walk *w)
{
    enum { NONE = 2 };
    uint64_t mode_at, gate, start;
    uint32_t mode;
    if (w->stopped || w->next <= UINT32_MAX || w->l->v->arch != ARCH_X86_64 ||
        lx_symbol(w->l, "vsyscall_mode", &mode_at) != ST_OK ||
        lx_symbol(w->l, "gate_vma", &gate) != ST_OK ||
        aspace_read32(&w->l->v->kernel, GVA(mode_at), &mode) != ST_OK || mode >= NONE ||
        lx_ptr(w->l, gate, L_vma_start, &start) != ST_OK || start != 0xffffffffff600000)
        return;
    struct vmi_vma vma = {.start = start, .end = start + 4096, .path = "[vsyscall]"};
    read_flags(w->l, gate, &vma);
    w->o->count++;
    (void)w->cb(&vma, w->data);
}

int lx_vmas(struct osview *v, const struct vmi_process *p, vmi_vma_cb cb, void *data,
            struct vmi_outcome *ret)
{
    static const enum layout_id need[] = {
        L_vma_start,     L_vma_end,   L_vma_flags,    L_vma_file,        L_vma_pgoff,
        L_file_path,     L_path_mnt,  L_path_dentry,  L_dentry_parent,   L_dentry_name,
        L_vfsmount_root, L_mount_mnt, L_mount_parent, L_mount_mountpoint};
    const struct linux_view *l = lx_of(v);
    struct vma_walk w = {.l = l,
                         .mm = p->mm,
                         .cb = cb,
                         .data = data,
                         .o = ret,
                         .left = MAX_VMAS,
                         .nodes_left = MAX_NODES,
                         .steps = LX_LISTING_STEPS};
    const struct paging_form *form = paging_form(v->form);
    int st = lx_require(l, "the memory areas", need, ARRAY_LEN(need));
    if (st != ST_OK)
        return st;
    if (!p->mm)
        return ST_OK; /* a kernel thread or a zombie has none */
    w.page_shift = form->level[form->levels - 1].shift;
    (void)lx_ptr(l, p->mm, L_mm_brk, &w.brk);
    (void)lx_ptr(l, p->mm, L_mm_start_brk, &w.start_brk);
    (void)lx_ptr(l, p->mm, L_mm_start_stack, &w.start_stack);
    if (lx_has(l, L_mm_mt_root))
        st = walk_tree(&w);
    else if (lx_has(l, L_mm_mmap) && lx_has(l, L_vma_next))
        st = walk_list(&w);
    else
        st = diag_fail(v->diag, ST_UNSUPPORTED,
                       "the memory areas: mm_struct has neither mm_mt nor mmap");
    if (st == ST_OK)
        give_gate(&w);
    return st;
}

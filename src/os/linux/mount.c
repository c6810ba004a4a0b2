/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounts as a process sees them. Facts: fs/proc_namespace.c (show_mountinfo, show_vfsmnt: what is
 * shown and in which order), include/linux/mount.h (MNT_*), include/linux/fs.h (SB_*), fs/mount.h:
 * a namespace's mounts are in a list until 6.7 and in a tree ordered by their unique id since 6.8.
 */
#include "os/linux/path.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    MAX_MOUNTS = 1 << 20, /* sysctl fs.mount-max is 100,000 */
    MAX_DEPTH = 128,      /* of the tree: twice the binary logarithm of any number of mounts */
    DEVNAME_BYTES = 1024,
    MNT_READONLY = 0x40,
    MNT_CURSOR =
        0x10000000, /* 5.8 to 6.7: a reader of /proc/mounts left its place in the list, no mount */
    SB_RDONLY = 1,
};

struct mount_walk {
    const struct linux_view *l;
    struct lx_path root; /* the process' root directory */
    vmi_mount_cb cb;
    void *data;
    struct vmi_outcome *o;
    uint64_t steps; /* see LX_LISTING_STEPS */
    char source[DEVNAME_BYTES], type[128], options[160], mount_root[LX_PATH_MAX],
        target[LX_PATH_MAX];
};

struct option {
    uint32_t bit;
    const char *text;
};

static void add_options(char *buf, size_t size, uint64_t flags, const struct option *o, size_t n)
{
    size_t at = strlen(buf);
    for (size_t i = 0; i < n; i++)
        if (flags & o[i].bit && at < size)
            at += (size_t)snprintf(buf + at, size - at, ",%s", o[i].text);
}

/* As /proc/mounts has them, but for what the file system itself adds: the superblock's, then the
 * mount's. */
static void make_options(struct mount_walk *w, uint64_t mnt_flags, uint64_t sb_flags)
{
    static const struct option sb[] = {
        {0x10, "sync"}, {0x80, "dirsync"}, {0x40, "mand"}, {1 << 25, "lazytime"}};
    static const struct option mnt[] = {
        {0x01, "nosuid"},     {0x02, "nodev"},    {0x04, "noexec"},     {0x08, "noatime"},
        {0x10, "nodiratime"}, {0x20, "relatime"}, {0x80, "nosymfollow"}};
    bool ro = mnt_flags & MNT_READONLY || sb_flags & SB_RDONLY;
    snprintf(w->options, sizeof w->options, ro ? "ro" : "rw");
    add_options(w->options, sizeof w->options, sb_flags, sb, ARRAY_LEN(sb));
    add_options(w->options, sizeof w->options, mnt_flags, mnt, ARRAY_LEN(mnt));
}

/* Device, type and flags of the file system. */
static bool read_fs(struct mount_walk *w, uint64_t vfsmount, uint64_t mnt_flags,
                    struct vmi_mount *m)
{
    const struct linux_view *l = w->l;
    uint64_t sb, v, sb_flags = 0;
    snprintf(w->type, sizeof w->type, "none");
    bool whole = lx_ptr(l, vfsmount, L_vfsmount_sb, &sb) == ST_OK;
    if (whole && lx_read(l, sb, L_sb_dev, &v) == ST_OK) {
        m->major = lx_dev_major(v);
        m->minor = lx_dev_minor(v);
    }
    whole = whole && lx_read(l, sb, L_sb_flags, &sb_flags) == ST_OK &&
            lx_fstype_text(l, sb, w->type, sizeof w->type) == ST_OK;
    make_options(w, mnt_flags, sb_flags);
    return whole;
}

static bool read_ids(const struct linux_view *l, uint64_t mount, struct vmi_mount *m)
{
    uint64_t v, parent;
    if (lx_read(l, mount, L_mount_id, &v) != ST_OK)
        return false;
    m->id = (int32_t)v;
    if (lx_ptr(l, mount, L_mount_parent, &parent) != ST_OK ||
        lx_read(l, parent, L_mount_id, &v) != ST_OK)
        return false;
    m->parent = (int32_t)v;
    return true;
}

static bool read_source(struct mount_walk *w, uint64_t mount)
{
    uint64_t at;
    snprintf(w->source, sizeof w->source, "none");
    if (lx_ptr(w->l, mount, L_mount_devname, &at) != ST_OK)
        return false;
    return !at || lx_text(w->l, at, w->source, sizeof w->source) == ST_OK;
}

/* One struct mount. Non-zero: the callback wants no more. */
static int give(struct mount_walk *w, uint64_t mount)
{
    const struct linux_view *l = w->l;
    uint64_t vfsmount = mount + lx_off(l, L_mount_mnt), flags;
    struct lx_path at = {.mnt = vfsmount};
    struct vmi_mount m = {.root = w->mount_root,
                          .target = w->target,
                          .options = w->options,
                          .type = w->type,
                          .source = w->source};
    enum lx_path_end end = LX_PATH_TOP;
    if (lx_read(l, vfsmount, L_vfsmount_flags, &flags) != ST_OK ||
        lx_ptr(l, vfsmount, L_vfsmount_root, &at.dentry) != ST_OK) {
        outcome_cut(w->o, "the mount at %#" PRIx64 " is not in memory", mount);
        return 0;
    }
    if (flags & MNT_CURSOR)
        return 0;
    if (!w->steps) {
        outcome_cut(w->o, "the mounts have paths as long as no guest has them");
        return 1;
    }
    bool whole =
        lx_path_text(l, &at, &w->root, &w->steps, w->target, sizeof w->target, &end) == ST_OK;
    if (whole && end != LX_PATH_ROOT)
        return 0; /* not below the process' root: mountinfo leaves it out, too */
    whole &= lx_dentry_text(l, at.dentry, &w->steps, w->mount_root, sizeof w->mount_root) == ST_OK;
    whole &= read_ids(l, mount, &m);
    whole &= read_fs(w, vfsmount, flags, &m);
    whole &= read_source(w, mount);
    if (!whole)
        m.flags |= VMI_RECORD_PARTIAL;
    w->o->count++;
    return w->cb(&m, w->data);
}

static void walk_list(struct mount_walk *w, uint64_t ns)
{
    struct list_walk list;
    uint64_t node;
    list_start(&list, &w->l->v->kernel, w->l->v->ptr_size, ns + lx_off(w->l, L_mntns_list),
               MAX_MOUNTS);
    while (list_next(&list, w->o, &node) == 1)
        if (give(w, node - lx_off(w->l, L_mount_list)))
            return;
}

/*
 * A red-black tree in order, left to right. `stack` holds the nodes whose right side is still to
 * come. Ids ascend: what does not is a cycle or forged.
 */
static void walk_tree(struct mount_walk *w, uint64_t root)
{
    uint64_t stack[MAX_DEPTH], node = root, id, last = 0;
    unsigned depth = 0;
    for (uint64_t left = MAX_MOUNTS; node || depth;) {
        if (node && depth < MAX_DEPTH) {
            stack[depth++] = node;
            if (lx_ptr(w->l, node, L_rb_left, &node) == ST_OK)
                continue;
            outcome_cut(w->o, "the tree of mounts breaks off: %#" PRIx64 " is not in memory", node);
            depth--; /* neither is its mount */
            node = 0;
            continue;
        }
        if (node || !left--) {
            outcome_cut(w->o,
                        "the tree of mounts at %#" PRIx64 " is deeper or larger than any can be",
                        root);
            return;
        }
        node = stack[--depth];
        uint64_t mount = node - lx_off(w->l, L_mount_node);
        if (lx_read(w->l, mount, L_mount_id_unique, &id) == ST_OK) {
            if (id <= last) {
                outcome_cut(w->o,
                            "the tree of mounts at %#" PRIx64
                            " is damaged: ids do not ascend at %#" PRIx64,
                            root, mount);
                return;
            }
            last = id;
        }
        if (give(w, mount))
            return;
        if (lx_ptr(w->l, node, L_rb_right, &node) != ST_OK) {
            outcome_cut(w->o, "the tree of mounts breaks off at %#" PRIx64, node);
            return;
        }
    }
}

int lx_mounts(struct osview *v, const struct vmi_process *p, vmi_mount_cb cb, void *data,
              struct vmi_outcome *ret)
{
    static const enum layout_id need[] = {
        L_task_fs,     L_fs_root,       L_task_nsproxy, L_nsproxy_mnt_ns,  L_path_mnt,
        L_path_dentry, L_dentry_parent, L_dentry_name,  L_vfsmount_root,   L_vfsmount_flags,
        L_vfsmount_sb, L_mount_mnt,     L_mount_parent, L_mount_mountpoint};
    const struct linux_view *l = lx_of(v);
    struct mount_walk w = {.l = l, .cb = cb, .data = data, .o = ret, .steps = LX_LISTING_STEPS};
    uint64_t fs, nsproxy, ns, root;
    int st = lx_require(l, "the mounts", need, ARRAY_LEN(need));
    if (st != ST_OK)
        return st;
    bool list = lx_has(l, L_mntns_list) && lx_has(l, L_mount_list);
    bool tree = lx_has(l, L_mntns_mounts) && lx_has(l, L_mount_node) && lx_has(l, L_rb_left) &&
                lx_has(l, L_rb_right);
    if (!list && !tree)
        return diag_fail(
            v->diag, ST_UNSUPPORTED,
            "the mounts: mnt_namespace has neither a list nor a tree of them that is known");
    if ((st = lx_ptr(l, p->object, L_task_fs, &fs)) != ST_OK ||
        (st = lx_ptr(l, p->object, L_task_nsproxy, &nsproxy)) != ST_OK)
        return diag_fail(v->diag, st,
                         "the mounts of process %d: its task at %#" PRIx64 " is not in memory",
                         p->pid, p->object);
    if (!fs || !nsproxy)
        return diag_fail(v->diag, ST_ABSENT,
                         "process %d (%s) has no mounts: it is exiting or a zombie", p->pid,
                         p->comm);
    if ((st = lx_ptr(l, nsproxy, L_nsproxy_mnt_ns, &ns)) != ST_OK ||
        (st = lx_path_read(l, fs + lx_off(l, L_fs_root), &w.root)) != ST_OK)
        return diag_fail(v->diag, st,
                         "the mounts of process %d: its namespaces at %#" PRIx64
                         " or its root at %#" PRIx64 " are not in memory",
                         p->pid, nsproxy, fs);
    if (list) {
        walk_list(&w, ns);
    } else {
        if ((st = lx_ptr(l, ns, L_mntns_mounts, &root)) != ST_OK)
            return diag_fail(v->diag, st, "the mount namespace at %#" PRIx64 " is not in memory",
                             ns);
        walk_tree(&w, root);
    }
    return ST_OK;
}

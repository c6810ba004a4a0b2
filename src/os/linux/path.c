/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paths. Facts: fs/d_path.c (prepend_path, d_path, simple_dname, dynamic_dname),
 * include/linux/dcache.h (d_unlinked), fs/pipe.c, net/socket.c, fs/anon_inodes.c, fs/nsfs.c,
 * fs/pidfs.c, drivers/dma-buf/dma-buf.c (their d_dname).
 */
#include "os/linux/path.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    NAME_BYTES = 255, /* NAME_MAX, include/uapi/linux/limits.h; also what names of pseudo files are
                         held to */
    MAX_STEPS = 4096, /* dentries and mounts in one climb: a path of PATH_MAX bytes has at most 2048
                         names */
    FSTYPE_BYTES = 48, /* of a file system's name; the longest in the tree is 15 */
};

/* Text that grows to the left, as d_path builds it. */
struct leftward {
    char *buf;
    size_t at; /* first byte in use */
};

static bool put(struct leftward *t, const char *s, size_t n)
{
    bool fits = n <= t->at;
    size_t part = fits ? n : t->at;
    memcpy(t->buf + t->at - part, s + n - part, part);
    t->at -= part;
    return fits;
}

/* Starts with the terminator in place. size > 0. */
static struct leftward leftward(char *buf, size_t size)
{
    buf[size - 1] = '\0';
    return (struct leftward){buf, size - 1};
}

/* Moves the text to the start of its buffer. */
static void settle(struct leftward *t, size_t size)
{
    memmove(t->buf, t->buf + t->at, size - t->at);
    t->at = 0;
}

int lx_path_read(const struct linux_view *l, uint64_t at, struct lx_path *ret)
{
    struct lx_path p;
    int st = lx_ptr(l, at, L_path_mnt, &p.mnt);
    if (st == ST_OK)
        st = lx_ptr(l, at, L_path_dentry, &p.dentry);
    if (st == ST_OK)
        *ret = p;
    return st;
}

/* The name of one dentry into name[NAME_BYTES + 1]; it may hold any byte but is terminated, too. */
static int dentry_name(const struct linux_view *l, uint64_t dentry, char *name, size_t *ret)
{
    uint64_t at, len;
    int st = lx_ptr(l, dentry, L_dentry_name, &at);
    if (st == ST_OK)
        st = lx_read(l, dentry, L_dentry_name_len, &len);
    if (st != ST_OK)
        return st;
    if (len > NAME_BYTES)
        return ST_BROKEN;
    st = aspace_read(&l->v->kernel, GVA(at), name, (size_t)len, NULL);
    if (st != ST_OK)
        return st;
    name[len] = '\0';
    if (memchr(name, '\0', (size_t)len))
        return ST_BROKEN;
    *ret = (size_t)len;
    return ST_OK;
}

/* One dentry's "/name" to the left. */
static int put_name(const struct linux_view *l, uint64_t dentry, struct leftward *t)
{
    char name[NAME_BYTES + 1];
    size_t n = 0;
    int st = dentry_name(l, dentry, name, &n);
    if (st != ST_OK)
        return st;
    return put(t, name, n) && put(t, "/", 1) ? ST_OK : ST_LIMIT;
}

/* Unhashed and not a root: d_unlinked(). A kernel whose types lack d_hash tells nothing of it. */
static bool is_deleted(const struct linux_view *l, uint64_t dentry)
{
    uint64_t pprev, parent;
    return lx_ptr(l, dentry, L_dentry_hash_pprev, &pprev) == ST_OK && !pprev &&
           lx_ptr(l, dentry, L_dentry_parent, &parent) == ST_OK && parent != dentry;
}

/* From a mount's root to the place where it is mounted. *up false: it has no parent. */
static int cross_mount(const struct linux_view *l, struct lx_path *p, bool *up)
{
    uint64_t mount = p->mnt - lx_off(l, L_mount_mnt), parent, mountpoint;
    int st = lx_ptr(l, mount, L_mount_parent, &parent);
    if (st == ST_OK)
        st = lx_ptr(l, mount, L_mount_mountpoint, &mountpoint);
    if (st != ST_OK)
        return st;
    *up = parent != mount;
    if (*up)
        *p = (struct lx_path){parent + lx_off(l, L_mount_mnt), mountpoint};
    return ST_OK;
}

/* Climbs from `p` to `root` or to the top, names to the left. */
static int climb(const struct linux_view *l, struct lx_path p, const struct lx_path *root,
                 uint64_t *steps, struct leftward *t, enum lx_path_end *end)
{
    for (unsigned step = 0; step < MAX_STEPS && *steps; step++, (*steps)--) {
        uint64_t mnt_root, parent;
        int st;
        if (root && p.mnt == root->mnt && p.dentry == root->dentry) {
            *end = LX_PATH_ROOT;
            return ST_OK;
        }
        if ((st = lx_ptr(l, p.mnt, L_vfsmount_root, &mnt_root)) != ST_OK)
            return st;
        if (p.dentry == mnt_root) {
            bool up;
            if ((st = cross_mount(l, &p, &up)) != ST_OK)
                return st;
            if (up)
                continue;
            *end = LX_PATH_TOP;
            return ST_OK;
        }
        if ((st = lx_ptr(l, p.dentry, L_dentry_parent, &parent)) != ST_OK)
            return st;
        if (parent == p.dentry) {
            *end = LX_PATH_ESCAPED;
            return ST_OK;
        }
        if ((st = put_name(l, p.dentry, t)) != ST_OK)
            return st;
        p.dentry = parent;
    }
    return ST_LIMIT;
}

int lx_fstype_text(const struct linux_view *l, uint64_t sb, char *buf, size_t size)
{
    uint64_t type, at;
    char name[FSTYPE_BYTES], sub[FSTYPE_BYTES] = "";
    int st = lx_ptr(l, sb, L_sb_type, &type);
    if (st == ST_OK)
        st = lx_ptr(l, type, L_fstype_name, &at);
    if (st == ST_OK)
        st = lx_text(l, at, name, sizeof name);
    if (st != ST_OK)
        return st;
    if (lx_ptr(l, sb, L_sb_subtype, &at) == ST_OK && at && lx_text(l, at, sub, sizeof sub) != ST_OK)
        sub[0] = '\0';
    int n = snprintf(buf, size, "%s%s%s", name, sub[0] ? "." : "", sub);
    return n >= 0 && (size_t)n < size ? ST_OK : ST_LIMIT;
}

/* Does its file system make the name (d_op->d_dname), and is it not the root of its mount? */
static bool is_pseudo(const struct linux_view *l, const struct lx_path *p)
{
    uint64_t op, dname, root;
    if (lx_ptr(l, p->dentry, L_dentry_op, &op) != ST_OK || !op ||
        lx_ptr(l, op, L_dentry_ops_dname, &dname) != ST_OK || !dname)
        return false;
    return lx_ptr(l, p->mnt, L_vfsmount_root, &root) != ST_OK || root != p->dentry;
}

/* The kind of a namespace, "net": inode->i_private is its ns_common since 3.19, whatever d_fsdata
 * is. */
static int ns_kind(const struct linux_view *l, uint64_t inode, char *buf, size_t size)
{
    uint64_t ns, ops, name;
    int st = lx_ptr(l, inode, L_inode_private, &ns);
    if (st == ST_OK)
        st = lx_ptr(l, ns, L_ns_ops, &ops);
    if (st == ST_OK)
        st = lx_ptr(l, ops, L_ns_ops_name, &name);
    return st == ST_OK ? lx_text(l, name, buf, size) : st;
}

/* "/dmabuf:NAME", or without the name that user space did not give. */
static void dmabuf_text(const struct linux_view *l, uint64_t dentry, const char *name, char *buf,
                        size_t size)
{
    uint64_t dmabuf, at;
    char given[64] = "";
    if (lx_ptr(l, dentry, L_dentry_fsdata, &dmabuf) == ST_OK &&
        lx_ptr(l, dmabuf, L_dma_buf_name, &at) == ST_OK && at &&
        lx_text(l, at, given, sizeof given) != ST_OK)
        given[0] = '\0';
    snprintf(buf, size, "/%s:%s", name, given);
}

/*
 * A name that is made: by the type of the file system, since the functions behind d_dname have no
 * symbols everywhere. All that is not named here uses simple_dname (shmem, hugetlb, aio,
 * secretmem).
 */
static int pseudo_text(const struct linux_view *l, uint64_t dentry, char *buf, size_t size)
{
    char type[FSTYPE_BYTES * 2] = "", name[NAME_BYTES + 1] = "", kind[32];
    uint64_t sb, inode = 0, ino = 0;
    size_t n;
    int st = dentry_name(l, dentry, name, &n);
    if (lx_ptr(l, dentry, L_dentry_sb, &sb) == ST_OK &&
        lx_fstype_text(l, sb, type, sizeof type) != ST_OK)
        type[0] = '\0';
    bool have_ino = lx_ptr(l, dentry, L_dentry_inode, &inode) == ST_OK &&
                    lx_read(l, inode, L_inode_ino, &ino) == ST_OK;
    if (!strcmp(type, "pipefs") || !strcmp(type, "sockfs")) {
        snprintf(buf, size, "%s:[%" PRIu64 "]", type[0] == 'p' ? "pipe" : "socket", ino);
        return have_ino ? ST_OK : ST_ABSENT;
    }
    if (!strcmp(type, "nsfs")) {
        int kind_st = ns_kind(l, inode, kind, sizeof kind);
        snprintf(buf, size, "%s:[%" PRIu64 "]", kind_st == ST_OK ? kind : "?", ino);
        return have_ino ? kind_st : ST_ABSENT;
    }
    if (!strcmp(type, "pidfs")) { /* since 6.9 */
        snprintf(buf, size, "anon_inode:[pidfd]");
        return ST_OK;
    }
    if (!strcmp(type, "anon_inodefs"))
        snprintf(buf, size, "anon_inode:%s", name);
    else if (!strcmp(type, "dmabuf"))
        dmabuf_text(l, dentry, name, buf, size);
    else
        snprintf(buf, size, "/%s (deleted)", name);
    return st;
}

int lx_path_text(const struct linux_view *l, const struct lx_path *path, const struct lx_path *root,
                 uint64_t *steps, char *buf, size_t size, enum lx_path_end *end)
{
    enum lx_path_end where = LX_PATH_TOP;
    if (!size)
        return ST_INVALID;
    if (is_pseudo(l, path)) {
        int st = pseudo_text(l, path->dentry, buf, size);
        if (st == ST_OK && end)
            *end = LX_PATH_PSEUDO;
        return st;
    }
    struct leftward t = leftward(buf, size);
    bool room = !is_deleted(l, path->dentry) || put(&t, " (deleted)", 10);
    size_t before = t.at;
    int st = room ? climb(l, *path, root, steps, &t, &where) : ST_LIMIT;
    if (st == ST_OK && t.at == before && !put(&t, "/", 1))
        st = ST_LIMIT;
    settle(&t, size);
    if (st == ST_OK && end)
        *end = where;
    return st;
}

int lx_dentry_text(const struct linux_view *l, uint64_t dentry, uint64_t *steps, char *buf,
                   size_t size)
{
    if (!size)
        return ST_INVALID;
    struct leftward t = leftward(buf, size);
    int st = is_deleted(l, dentry) && !put(&t, "//deleted", 9) ? ST_LIMIT : ST_OK;
    size_t before = t.at;
    for (unsigned step = 0; st == ST_OK; step++, (*steps)--) {
        uint64_t parent;
        if (step == MAX_STEPS || !*steps) {
            st = ST_LIMIT;
            break;
        }
        if ((st = lx_ptr(l, dentry, L_dentry_parent, &parent)) != ST_OK || parent == dentry)
            break;
        st = put_name(l, dentry, &t);
        dentry = parent;
    }
    if (st == ST_OK && t.at == before && !put(&t, "/", 1))
        st = ST_LIMIT;
    settle(&t, size);
    return st;
}

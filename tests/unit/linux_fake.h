/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Linux view over memory that a test makes by hand. Structures have no real layout: every object
 * is OBJECT_BYTES long and member `id` lies at 16 * id, so that no two members meet; what contains
 * others by value (FAR) begins behind them.
 */
#ifndef TINYVMI_TESTS_LINUX_FAKE_H
#define TINYVMI_TESTS_LINUX_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/linux/linux.h"

enum { FAKE_BYTES = 64 << 20, OBJECT_BYTES = 0x8000, FAR = 0x4000 };

_Static_assert(16 * L_COUNT <= FAR, "members of an object meet what lies behind them");

struct fake {
    uint8_t *mem; /* guest-physical 0 .. FAKE_BYTES */
    uint64_t base, used;
    struct phys phys;
    struct diag diag;
    struct osview v;
    struct linux_view l;
};

static inline void fake_member(struct fake *f, enum layout_id id, uint64_t off, uint32_t size)
{
    f->l.m[id] = (struct lx_member){.off = (int64_t)off, .size = size, .known = true};
}

static inline void fake_absent(struct fake *f, enum layout_id id)
{
    f->l.m[id].known = false;
}

/* What has a size of its own or lies elsewhere. */
static inline void fake_layout(struct fake *f, unsigned ptr_size)
{
    static const enum layout_id contains[] = {L_mount_mnt,         L_fs_root,
                                              L_file_path,         L_backing_file_user_path,
                                              L_mount_node,        L_socket_alloc_inode,
                                              L_hashinfo_listening};
    static const struct {
        enum layout_id id;
        uint32_t size;
    } sized[] = {{L_dentry_name_len, 4},
                 {L_vfsmount_flags, 4},
                 {L_inode_mode, 2},
                 {L_sb_dev, 4},
                 {L_fdt_max_fds, 4},
                 {L_file_flags, 4},
                 {L_file_mode, 4},
                 {L_file_pos, 8},
                 {L_mount_id, 4},
                 {L_mount_id_unique, 8},
                 {L_skc_family, 2},
                 {L_skc_state, 1},
                 {L_skc_daddr, 4},
                 {L_skc_num, 2},
                 {L_skc_rcv_saddr, 4},
                 {L_skc_dport, 2},
                 {L_tw_substate, 1},
                 {L_sk_uid, 4},
                 {L_sk_type, 2},
                 {L_unix_addr_len, 4},
                 {L_udp_table_mask, 4},
                 {L_hashinfo_ehash_mask, 4},
                 {L_hashinfo_lhash2_mask, 4},
                 {L_task_pid, 4},
                 {L_task_tgid, 4},
                 {L_task_comm, 16},
                 {L_task_flags, 4},
                 {L_task_exit_state, 4}};
    for (int i = 0; i < L_COUNT; i++)
        fake_member(f, (enum layout_id)i, 16 * (uint64_t)i, ptr_size);
    for (size_t i = 0; i < ARRAY_LEN(contains); i++)
        f->l.m[contains[i]].off = FAR;
    for (size_t i = 0; i < ARRAY_LEN(sized); i++)
        f->l.m[sized[i].id].size = sized[i].size;
    fake_member(f, L_socket_alloc_socket, 0, 0);
    fake_member(f, L_anon_name_text, 4, 0);
    /* include/linux/maple_tree.h: a node is 256 bytes */
    uint32_t range = ptr_size == 8 ? 16 : 32, arange = ptr_size == 8 ? 10 : 21;
    fake_member(f, L_mr64_pivot, ptr_size, (range - 1) * ptr_size);
    fake_member(f, L_mr64_slot, (uint64_t)range * ptr_size, range * ptr_size);
    fake_member(f, L_ma64_pivot, ptr_size, (arange - 1) * ptr_size);
    fake_member(f, L_ma64_slot, (uint64_t)arange * ptr_size, arange * ptr_size);
    fake_member(f, L_unix_addr_name, 8 + 16 * (uint64_t)L_unix_addr_name, 0);
}

/* ptr_size 8: x86-64, memory at the start of the direct map; 4: i386 at 0xc0000000. Beyond
 * FAKE_BYTES nothing is there. */
static inline struct fake *fake_new(unsigned ptr_size)
{
    struct fake *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->mem = calloc(1, FAKE_BYTES);
    assert_non_null(f->mem);
    phys_init(&f->phys, NULL, NULL);
    assert_int_equal(
        phys_add(&f->phys, &(struct phys_range){.start = 0, .len = FAKE_BYTES, .host = f->mem}),
        ST_OK);
    if (ptr_size == 8) {
        f->base = 0xffff888000000000;
        ((uint64_t *)(void *)f->mem)[0x1000 / 8 + 273] = 0x2003; /* level 4: index of the base */
        ((uint64_t *)(void *)f->mem)[0x2000 / 8] = 0x83;         /* level 3: 1 GiB from 0 */
    } else {
        f->base = 0xc0000000;
        for (uint32_t i = 0; i < FAKE_BYTES >> 22; i++)
            ((uint32_t *)(void *)f->mem)[0x1000 / 4 + (0xc0000000 >> 22) + i] = i << 22 | 0x83;
    }
    f->v.form = ptr_size == 8 ? FORM_X86_4LEVEL : FORM_X86_LEGACY;
    aspace_init(&f->v.kernel, &f->phys, f->v.form, 0x1000);
    f->v.arch = ptr_size == 8 ? ARCH_X86_64 : ARCH_X86;
    f->v.ptr_size = ptr_size;
    f->v.diag = &f->diag;
    f->v.impl = &f->l;
    f->l.v = &f->v;
    f->used = 0x4000;
    fake_layout(f, ptr_size);
    return f;
}

static inline void fake_free(struct fake *f)
{
    phys_deinit(&f->phys);
    free(f->mem);
    free(f);
}

/* Zeroed guest memory, aligned to 256; its address. */
static inline uint64_t fake_alloc(struct fake *f, uint64_t n)
{
    uint64_t at = f->used;
    f->used += (n + 255) & ~255ULL;
    assert_true(f->used <= FAKE_BYTES);
    return f->base + at;
}

static inline uint64_t fake_object(struct fake *f)
{
    return fake_alloc(f, OBJECT_BYTES);
}

static inline void fake_put(struct fake *f, uint64_t at, const void *bytes, size_t n)
{
    assert_true(at >= f->base && at - f->base + n <= FAKE_BYTES);
    memcpy(f->mem + (at - f->base), bytes, n);
}

static inline void fake_put_ptr(struct fake *f, uint64_t at, uint64_t value)
{
    fake_put(f, at, &value, f->v.ptr_size);
}

static inline void fake_set(struct fake *f, uint64_t object, enum layout_id id, uint64_t value)
{
    fake_put(f, object + lx_off(&f->l, id), &value, f->l.m[id].size);
}

static inline uint64_t fake_text(struct fake *f, const char *text)
{
    uint64_t at = fake_alloc(f, strlen(text) + 1);
    fake_put(f, at, text, strlen(text) + 1);
    return at;
}

/* ---- files ---- */

/* A hashed dentry; parent 0: a root. */
static inline uint64_t fake_dentry(struct fake *f, const char *name, uint64_t parent)
{
    uint64_t d = fake_object(f);
    fake_set(f, d, L_dentry_name, fake_text(f, name));
    fake_set(f, d, L_dentry_name_len, strlen(name));
    fake_set(f, d, L_dentry_parent, parent ? parent : d);
    fake_set(f, d, L_dentry_hash_pprev, f->base);
    return d;
}

/* A struct mount with the root dentry `root`, mounted on `on` of `parent`; parent 0: the top. */
static inline uint64_t fake_mount(struct fake *f, uint64_t root, uint64_t parent, uint64_t on)
{
    uint64_t m = fake_object(f);
    fake_set(f, m, L_mount_parent, parent ? parent : m);
    fake_set(f, m, L_mount_mountpoint, parent ? on : root);
    fake_set(f, m + lx_off(&f->l, L_mount_mnt), L_vfsmount_root, root);
    return m;
}

static inline uint64_t fake_vfsmount(const struct fake *f, uint64_t mount)
{
    return mount + lx_off(&f->l, L_mount_mnt);
}

static inline uint64_t fake_sb(struct fake *f, const char *type, uint64_t dev)
{
    uint64_t sb = fake_object(f), t = fake_object(f);
    fake_set(f, t, L_fstype_name, fake_text(f, type));
    fake_set(f, sb, L_sb_type, t);
    fake_set(f, sb, L_sb_dev, dev);
    return sb;
}

static inline uint64_t fake_inode(struct fake *f, uint64_t sb, uint64_t ino, uint64_t mode)
{
    uint64_t i = fake_object(f);
    fake_set(f, i, L_inode_sb, sb);
    fake_set(f, i, L_inode_ino, ino);
    fake_set(f, i, L_inode_mode, mode);
    return i;
}

static inline uint64_t fake_file(struct fake *f, uint64_t mount, uint64_t dentry, uint64_t inode)
{
    uint64_t file = fake_object(f), path = file + lx_off(&f->l, L_file_path);
    fake_set(f, path, L_path_mnt, fake_vfsmount(f, mount));
    fake_set(f, path, L_path_dentry, dentry);
    fake_set(f, file, L_file_inode, inode);
    return file;
}

/* A dentry whose file system makes the name. */
static inline uint64_t fake_pseudo(struct fake *f, const char *type, const char *name, uint64_t ino)
{
    uint64_t d = fake_dentry(f, name, 0), op = fake_object(f), sb = fake_sb(f, type, 7);
    fake_set(f, op, L_dentry_ops_dname, f->base + 0x1234);
    fake_set(f, d, L_dentry_op, op);
    fake_set(f, d, L_dentry_sb, sb);
    fake_set(f, d, L_dentry_inode, fake_inode(f, sb, ino, 0));
    return d;
}

/* ---- tasks ---- */

/* The table of open files of a new task: `n` pointers, all of them open where they are not 0. */
static inline uint64_t fake_task(struct fake *f, const uint64_t *file, unsigned n, uint64_t max_fds)
{
    uint64_t task = fake_object(f), files = fake_object(f), fdt = fake_object(f),
             fd = fake_alloc(f, (uint64_t)n * 8 + 4096);
    uint64_t open = fake_alloc(f, 4096), cloexec = fake_alloc(f, 4096);
    for (unsigned i = 0; i < n; i++) {
        uint64_t byte = open + i / 8;
        fake_put_ptr(f, fd + (uint64_t)i * f->v.ptr_size, file[i]);
        if (file[i])
            f->mem[byte - f->base] |= (uint8_t)(1u << i % 8);
    }
    fake_set(f, task, L_task_files, files);
    fake_set(f, files, L_files_fdt, fdt);
    fake_set(f, fdt, L_fdt_max_fds, max_fds);
    fake_set(f, fdt, L_fdt_fd, fd);
    fake_set(f, fdt, L_fdt_open_fds, open);
    fake_set(f, fdt, L_fdt_close_on_exec, cloexec);
    return task;
}

#endif

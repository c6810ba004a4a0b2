/* SPDX-License-Identifier: BSD-2-Clause */
/* Open files and mounts: the tables as they should be, and as a hostile guest forges them. */
#include "linux_fake.h"

#include "os/linux/file.h"
#include "os/linux/path.h"

static struct {
    char text[8192];
    size_t at, count, partial, stop_after;
} seen;
static struct vmi_outcome outcome;

static void reset(void)
{
    memset(&seen, 0, sizeof seen);
    outcome = (struct vmi_outcome){0};
}

static void add(const char *line)
{
    int n = snprintf(seen.text + seen.at, sizeof seen.text - seen.at, "%s\n", line);
    seen.at = MIN_OF(seen.at + (size_t)n, sizeof seen.text - 1);
    seen.count++;
}

/* ---- files ---- */

static int note_file(const struct vmi_file *v, void *data)
{
    char line[512];
    (void)data;
    snprintf(line, sizeof line, "%d %s %s 0%o %llu %llu", v->fd, v->path, v->type, v->open_flags,
             (unsigned long long)v->position, (unsigned long long)v->inode);
    add(line);
    seen.partial += (v->flags & VMI_RECORD_PARTIAL) != 0;
    return seen.count == seen.stop_after;
}

static int list_files(struct fake *f, uint64_t task)
{
    struct vmi_process p = {.pid = 1, .object = task};
    size_t stop = seen.stop_after;
    reset();
    seen.stop_after = stop;
    return lx_files(&f->v, &p, note_file, NULL, &outcome);
}

static void files(unsigned ptr_size)
{
    struct fake *f = fake_new(ptr_size);
    uint64_t root = fake_dentry(f, "/", 0), top = fake_mount(f, root, 0, 0),
             sb = fake_sb(f, "ext4", 3);
    uint64_t a = fake_file(f, top, fake_dentry(f, "a", root), fake_inode(f, sb, 10, 0100644));
    uint64_t dir = fake_file(f, top, root, fake_inode(f, sb, 2, 0040755));
    uint64_t event = fake_file(f, top, fake_pseudo(f, "anon_inodefs", "[eventfd]", 5),
                               fake_inode(f, sb, 5, 0600));
    uint64_t table[130] = {a, 0, dir, event}, task;
    table[129] = a;
    fake_set(f, a, L_file_flags, 0100002);
    fake_set(f, a, L_file_pos, 4096);
    task = fake_task(f, table, 130, 192);
    assert_int_equal(list_files(f, task), ST_OK);
    assert_string_equal(
        seen.text, "0 /a file 0100002 4096 10\n2 / dir 00 0 2\n3 anon_inode:[eventfd] anon 00 0 5\n"
                   "129 /a file 0100002 4096 10\n");
    assert_false(outcome.partial);
    assert_int_equal(outcome.count, 4);
    uint64_t files_at, fdt, cloexec;
    assert_int_equal(lx_ptr(&f->l, task, L_task_files, &files_at), ST_OK);
    assert_int_equal(lx_ptr(&f->l, files_at, L_files_fdt, &fdt), ST_OK);
    assert_int_equal(lx_ptr(&f->l, fdt, L_fdt_close_on_exec, &cloexec), ST_OK);
    fake_put(f, cloexec, "\x04", 1);
    assert_int_equal(list_files(f, task), ST_OK);
    assert_non_null(strstr(seen.text, "2 / dir 02000000 0 2\n"));
    fake_set(f, fdt, L_fdt_max_fds, 3); /* what lies beyond does not count */
    assert_int_equal(list_files(f, task), ST_OK);
    assert_int_equal(seen.count, 2);
    fake_set(f, task, L_task_files, 0);
    assert_int_equal(list_files(f, task), ST_OK);
    assert_int_equal(seen.count, 0);
    assert_false(outcome.partial);
    fake_free(f);
}

static void open_files(void **state)
{
    (void)state;
    files(8);
    files(4);
}

static void forged_tables(void **state)
{
    (void)state;
    struct fake *f = fake_new(8);
    uint64_t table[64] = {0}, task, files_at, fdt;
    for (size_t i = 0; i < 64; i++)
        table[i] = 0x10 + i; /* files that are not there */
    task = fake_task(f, table, 64, 0xffffffff);
    assert_int_equal(list_files(f, task), ST_OK);
    assert_true(outcome.partial);
    assert_non_null(strstr(outcome.reason, "claims 4294967295 entries"));
    assert_true(seen.count >= 64);
    assert_int_equal(seen.partial, seen.count);
    seen.stop_after = 5;
    assert_int_equal(list_files(f, task), ST_OK);
    assert_int_equal(seen.count, 5);
    seen.stop_after = 0;
    assert_int_equal(lx_ptr(&f->l, task, L_task_files, &files_at), ST_OK);
    assert_int_equal(lx_ptr(&f->l, files_at, L_files_fdt, &fdt), ST_OK);
    static const enum layout_id arrays[] = {L_fdt_fd, L_fdt_open_fds, L_fdt_close_on_exec};
    for (size_t i = 0; i < ARRAY_LEN(arrays);
         i++) { /* each array behind the end of memory, or at the end of the address space */
        uint64_t was;
        assert_int_equal(lx_ptr(&f->l, fdt, arrays[i], &was), ST_OK);
        fake_set(f, fdt, L_fdt_max_fds, 1 << 20);
        fake_set(f, fdt, arrays[i], f->base + FAKE_BYTES - 8);
        assert_int_equal(list_files(f, task), ST_OK);
        assert_true(outcome.partial);
        fake_set(f, fdt, arrays[i], UINT64_MAX - 7);
        assert_int_equal(list_files(f, task), ST_OK);
        assert_true(outcome.partial);
        fake_set(f, fdt, arrays[i], was);
    }
    fake_set(f, files_at, L_files_fdt, 0x10);
    assert_int_equal(list_files(f, task), ST_ABSENT);
    fake_free(f);
}

static int count(const struct lx_fd *one, void *data)
{
    (void)one;
    (void)data;
    seen.count++;
    return 0;
}

/* The whole bitmap set, and one file in all places: bounded by the number of descriptors. */
static void everything_open(void **state)
{
    (void)state;
    struct fake *f = fake_new(8);
    uint64_t left = 1000, task = fake_task(f, NULL, 0, 1 << 20), files_at, fdt,
             open = fake_alloc(f, 1 << 17);
    uint64_t fd = fake_alloc(f, 8 << 20);
    assert_int_equal(lx_ptr(&f->l, task, L_task_files, &files_at), ST_OK);
    assert_int_equal(lx_ptr(&f->l, files_at, L_files_fdt, &fdt), ST_OK);
    memset(f->mem + (open - f->base), 0xff, 1 << 17);
    memset(f->mem + (fd - f->base), 0x11, 8 << 20);
    fake_set(f, fdt, L_fdt_open_fds, open);
    fake_set(f, fdt, L_fdt_close_on_exec, open);
    fake_set(f, fdt, L_fdt_fd, fd);
    assert_int_equal(list_files(f, task), ST_OK);
    assert_int_equal(seen.count, 1 << 20);
    reset();
    assert_int_equal(lx_each_fd(&f->l, task, &left, count, NULL, &outcome), ST_OK);
    assert_int_equal(seen.count, 999); /* and one for the piece of the bitmap */
    assert_int_equal(left, 0);
    assert_true(outcome.partial);
    fake_free(f);
}

/* ---- mounts ---- */

static int note_mount(const struct vmi_mount *v, void *data)
{
    char line[512];
    (void)data;
    snprintf(line, sizeof line, "%d %d %u:%u %s %s %s %s %s", v->id, v->parent, v->major, v->minor,
             v->root, v->target, v->options, v->type, v->source);
    add(line);
    seen.partial += (v->flags & VMI_RECORD_PARTIAL) != 0;
    return seen.count == seen.stop_after;
}

struct mounts {
    struct fake *f;
    uint64_t task, ns, fs, root, top, mount[3];
};

static struct mounts mounts_new(void)
{
    struct mounts m = {.f = fake_new(8)};
    struct fake *f = m.f;
    uint64_t nsproxy = fake_object(f), sb = fake_sb(f, "ext4", 8 << 20 | 1),
             tmp = fake_sb(f, "tmpfs", 20), data;
    m.task = fake_object(f);
    m.ns = fake_object(f);
    m.fs = fake_object(f);
    m.root = fake_dentry(f, "/", 0);
    m.top = m.mount[0] = fake_mount(f, m.root, 0, 0);
    data = fake_dentry(f, "data", m.root);
    m.mount[1] = fake_mount(f, fake_dentry(f, "/", 0), m.top, fake_dentry(f, "tmp", m.root));
    m.mount[2] = fake_mount(f, data, m.mount[1], fake_dentry(f, "bind", m.root));
    fake_set(f, m.mount[2], L_mount_parent, m.top);
    for (unsigned i = 0; i < 3; i++) {
        fake_set(f, fake_vfsmount(f, m.mount[i]), L_vfsmount_sb, i == 1 ? tmp : sb);
        fake_set(f, m.mount[i], L_mount_id, 20 + i);
        fake_set(f, m.mount[i], L_mount_id_unique, 100 + i);
        fake_set(f, m.mount[i], L_mount_devname, fake_text(f, i == 1 ? "tmpfs" : "/dev/sda1"));
    }
    fake_set(f, fake_vfsmount(f, m.mount[1]), L_vfsmount_flags, 0x01 | 0x02 | 0x20);
    fake_set(f, fake_vfsmount(f, m.mount[2]), L_vfsmount_flags, 0x40 | 0x08);
    fake_set(f, m.task, L_task_fs, m.fs);
    fake_set(f, m.task, L_task_nsproxy, nsproxy);
    fake_set(f, nsproxy, L_nsproxy_mnt_ns, m.ns);
    fake_set(f, m.fs + FAR, L_path_mnt, fake_vfsmount(f, m.top));
    fake_set(f, m.fs + FAR, L_path_dentry, m.root);
    return m;
}

static const char three_mounts[] = "20 20 8:1 / / rw ext4 /dev/sda1\n"
                                   "21 20 0:20 / /tmp rw,nosuid,nodev,relatime tmpfs tmpfs\n"
                                   "22 20 8:1 /data /bind ro,noatime ext4 /dev/sda1\n";

static int list_mounts(struct mounts *m)
{
    struct vmi_process p = {.pid = 1, .object = m->task};
    reset();
    return lx_mounts(&m->f->v, &p, note_mount, NULL, &outcome);
}

static void link_list(struct mounts *m)
{
    uint64_t at = m->ns + lx_off(&m->f->l, L_mntns_list);
    for (unsigned i = 0; i <= 3; i++) {
        uint64_t next = i < 3 ? m->mount[i] + lx_off(&m->f->l, L_mount_list)
                              : m->ns + lx_off(&m->f->l, L_mntns_list);
        fake_put_ptr(m->f, at, next);
        at = next;
    }
}

static void mounts_in_a_list(void **state)
{
    (void)state;
    struct mounts m = mounts_new();
    struct fake *f = m.f;
    link_list(&m);
    assert_int_equal(list_mounts(&m), ST_OK);
    assert_string_equal(seen.text, three_mounts);
    assert_int_equal(seen.partial, 0);
    assert_false(outcome.partial);
    fake_set(f, fake_vfsmount(f, m.mount[1]), L_vfsmount_flags, 0x10000000); /* a reader's cursor */
    assert_int_equal(list_mounts(&m), ST_OK);
    assert_int_equal(seen.count, 2);
    /* A process in a chroot sees what is below it. */
    fake_set(f, m.fs + FAR, L_path_mnt, fake_vfsmount(f, m.mount[2]));
    uint64_t bind_root;
    assert_int_equal(lx_ptr(&f->l, fake_vfsmount(f, m.mount[2]), L_vfsmount_root, &bind_root),
                     ST_OK);
    fake_set(f, m.fs + FAR, L_path_dentry, bind_root);
    assert_int_equal(list_mounts(&m), ST_OK);
    assert_string_equal(seen.text, "22 20 8:1 /data / ro,noatime ext4 /dev/sda1\n");
    /* A list that runs back into itself, and one that leaves memory. */
    fake_put_ptr(f, m.mount[2] + lx_off(&f->l, L_mount_list),
                 m.mount[1] + lx_off(&f->l, L_mount_list));
    assert_int_equal(list_mounts(&m), ST_OK);
    assert_true(outcome.partial);
    fake_put_ptr(f, m.mount[0] + lx_off(&f->l, L_mount_list), 0x1000);
    assert_int_equal(list_mounts(&m), ST_OK);
    assert_true(outcome.partial);
    fake_set(f, m.task, L_task_nsproxy, 0);
    assert_int_equal(list_mounts(&m), ST_ABSENT); /* a zombie */
    fake_free(f);
}

static uint64_t rb(struct mounts *m, unsigned i)
{
    return m->mount[i] + lx_off(&m->f->l, L_mount_node);
}

static void mounts_in_a_tree(void **state)
{
    (void)state;
    struct mounts m = mounts_new();
    struct fake *f = m.f;
    fake_absent(f, L_mntns_list);
    fake_set(f, m.ns, L_mntns_mounts, rb(&m, 1));
    fake_set(f, rb(&m, 1), L_rb_left, rb(&m, 0));
    fake_set(f, rb(&m, 1), L_rb_right, rb(&m, 2));
    assert_int_equal(list_mounts(&m), ST_OK);
    assert_string_equal(seen.text, three_mounts);
    assert_false(outcome.partial);
    fake_set(f, rb(&m, 2), L_rb_right, rb(&m, 1)); /* runs in a circle: the ids do not ascend */
    assert_int_equal(list_mounts(&m), ST_OK);
    assert_int_equal(seen.count, 3);
    assert_true(outcome.partial);
    fake_absent(f, L_mount_id_unique); /* without ids the depth ends it */
    fake_set(f, rb(&m, 0), L_rb_left, rb(&m, 1));
    assert_int_equal(list_mounts(&m), ST_OK);
    assert_true(outcome.partial);
    fake_set(f, rb(&m, 0), L_rb_left, 0x10);
    fake_set(f, rb(&m, 2), L_rb_right, 0);
    assert_int_equal(list_mounts(&m), ST_OK);
    assert_string_equal(seen.text, three_mounts);
    assert_true(outcome.partial);
    fake_absent(f, L_rb_left);
    assert_int_equal(list_mounts(&m), ST_UNSUPPORTED);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_files),       cmocka_unit_test(forged_tables),
        cmocka_unit_test(everything_open),  cmocka_unit_test(mounts_in_a_list),
        cmocka_unit_test(mounts_in_a_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

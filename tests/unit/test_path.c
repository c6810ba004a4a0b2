/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths: what d_path() would print, and dentries and mounts that no kernel would make. */
#include "linux_fake.h"

#include "os/linux/path.h"

struct tree {
    struct fake *f;
    uint64_t top, root;              /* mount and root dentry of "/" */
    uint64_t mnt, inner, inner_root; /* "/mnt", and what is mounted on it */
    char text[LX_PATH_MAX];
    uint64_t steps;
    enum lx_path_end end;
};

static struct tree *tree_new(void)
{
    struct tree *t = calloc(1, sizeof *t);
    t->f = fake_new(8);
    t->root = fake_dentry(t->f, "/", 0);
    t->top = fake_mount(t->f, t->root, 0, 0);
    t->mnt = fake_dentry(t->f, "mnt", t->root);
    t->inner_root = fake_dentry(t->f, "/", 0);
    t->inner = fake_mount(t->f, t->inner_root, t->top, t->mnt);
    t->steps = LX_LISTING_STEPS;
    return t;
}

static void tree_free(struct tree *t)
{
    fake_free(t->f);
    free(t);
}

static int text(struct tree *t, uint64_t mount, uint64_t dentry, const struct lx_path *root)
{
    struct lx_path p = {fake_vfsmount(t->f, mount), dentry};
    memset(t->text, 'x', sizeof t->text);
    return lx_path_text(&t->f->l, &p, root, &t->steps, t->text, sizeof t->text, &t->end);
}

static void plain_paths(void **state)
{
    (void)state;
    struct tree *t = tree_new();
    uint64_t a = fake_dentry(t->f, "a b\nc", t->inner_root), b = fake_dentry(t->f, "deep", a);
    assert_int_equal(text(t, t->top, t->root, NULL), ST_OK);
    assert_string_equal(t->text, "/");
    assert_int_equal(t->end, LX_PATH_TOP);
    assert_int_equal(text(t, t->top, t->mnt, NULL), ST_OK);
    assert_string_equal(t->text, "/mnt");
    assert_int_equal(text(t, t->inner, b, NULL), ST_OK);
    assert_string_equal(t->text, "/mnt/a b\nc/deep");
    struct lx_path root = {fake_vfsmount(t->f, t->inner), t->inner_root};
    assert_int_equal(text(t, t->inner, b, &root), ST_OK);
    assert_string_equal(t->text, "/a b\nc/deep");
    assert_int_equal(t->end, LX_PATH_ROOT);
    assert_int_equal(text(t, t->inner, t->inner_root, &root), ST_OK);
    assert_string_equal(t->text, "/");
    assert_int_equal(text(t, t->top, t->mnt, &root), ST_OK);
    assert_int_equal(t->end, LX_PATH_TOP); /* not below that root */
    tree_free(t);
}

static void deleted(void **state)
{
    (void)state;
    struct tree *t = tree_new();
    uint64_t gone = fake_dentry(t->f, "gone", t->root), root = t->root;
    fake_set(t->f, gone, L_dentry_hash_pprev, 0);
    assert_int_equal(text(t, t->top, gone, NULL), ST_OK);
    assert_string_equal(t->text, "/gone (deleted)");
    assert_int_equal(lx_dentry_text(&t->f->l, gone, &t->steps, t->text, sizeof t->text), ST_OK);
    assert_string_equal(t->text, "/gone//deleted");
    fake_set(t->f, root, L_dentry_hash_pprev, 0); /* roots are never hashed */
    assert_int_equal(text(t, t->top, root, NULL), ST_OK);
    assert_string_equal(t->text, "/");
    tree_free(t);
}

static void pseudo_names(void **state)
{
    (void)state;
    static const struct {
        const char *type, *name, *want;
    } rows[] = {{"pipefs", "", "pipe:[77]"},
                {"sockfs", "", "socket:[77]"},
                {"anon_inodefs", "[eventfd]", "anon_inode:[eventfd]"},
                {"anon_inodefs", "inotify", "anon_inode:inotify"},
                {"pidfs", "", "anon_inode:[pidfd]"},
                {"tmpfs", "memfd:x y", "/memfd:x y (deleted)"},
                {"dmabuf", "dmabuf", "/dmabuf:"}};
    struct tree *t = tree_new();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t d = fake_pseudo(t->f, rows[i].type, rows[i].name, 77);
        assert_int_equal(text(t, t->top, d, NULL), ST_OK);
        assert_string_equal(t->text, rows[i].want);
        assert_int_equal(t->end, LX_PATH_PSEUDO);
    }
    uint64_t d = fake_pseudo(t->f, "nsfs", "", 4026531840), inode, ns = fake_object(t->f),
             ops = fake_object(t->f);
    assert_int_equal(lx_ptr(&t->f->l, d, L_dentry_inode, &inode), ST_OK);
    fake_set(t->f, inode, L_inode_private, ns);
    fake_set(t->f, ns, L_ns_ops, ops);
    fake_set(t->f, ops, L_ns_ops_name, fake_text(t->f, "net"));
    assert_int_equal(text(t, t->top, d, NULL), ST_OK);
    assert_string_equal(t->text, "net:[4026531840]");
    fake_set(t->f, d, L_dentry_inode, 0x1234); /* not in memory */
    assert_int_equal(text(t, t->top, d, NULL), ST_ABSENT);
    tree_free(t);
}

static void forged_names(void **state)
{
    (void)state;
    struct tree *t = tree_new();
    uint64_t a = fake_dentry(t->f, "a", t->root), b = fake_dentry(t->f, "b", a),
             c = fake_dentry(t->f, "c", b);
    static const uint64_t lengths[] = {256, 0x7fffffff, 0xffffffff, 2 /* holds a 0 */};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        fake_set(t->f, b, L_dentry_name_len, lengths[i]);
        assert_int_equal(text(t, t->top, c, NULL), ST_BROKEN);
        assert_string_equal(t->text, "/c"); /* what was there */
    }
    fake_set(t->f, b, L_dentry_name_len, 1);
    fake_set(t->f, b, L_dentry_name, t->f->base + FAKE_BYTES); /* behind the end of memory */
    assert_int_equal(text(t, t->top, c, NULL), ST_ABSENT);
    assert_string_equal(t->text, "/c");
    tree_free(t);
}

static void cycles(void **state)
{
    (void)state;
    struct tree *t = tree_new();
    uint64_t a = fake_dentry(t->f, "a", t->root), b = fake_dentry(t->f, "b", a);
    fake_set(t->f, a, L_dentry_parent, b);
    assert_int_equal(text(t, t->top, b, NULL), ST_LIMIT);
    assert_int_equal(strlen(t->text), LX_PATH_MAX - 1);
    assert_int_equal(lx_dentry_text(&t->f->l, b, &t->steps, t->text, sizeof t->text), ST_LIMIT);
    fake_set(t->f, a, L_dentry_name_len, 0); /* without a byte of text only the steps bound it */
    fake_set(t->f, b, L_dentry_name_len, 0);
    assert_int_equal(text(t, t->top, b, NULL), ST_LIMIT);
    fake_set(t->f, a, L_dentry_parent,
             a); /* its own parent, and not its mount's root: a tree that hangs nowhere */
    fake_set(t->f, b, L_dentry_name_len, 1);
    assert_int_equal(text(t, t->top, b, NULL), ST_OK);
    assert_string_equal(t->text, "/b");
    assert_int_equal(t->end, LX_PATH_ESCAPED);
    /* two mounts, each mounted on the other's root */
    fake_set(t->f, t->top, L_mount_parent, t->inner);
    fake_set(t->f, t->top, L_mount_mountpoint, t->inner_root);
    fake_set(t->f, t->inner, L_mount_mountpoint, t->root);
    assert_int_equal(text(t, t->inner, t->inner_root, NULL), ST_LIMIT);
    tree_free(t);
}

static void common_bound(void **state)
{
    (void)state;
    struct tree *t = tree_new();
    uint64_t a = fake_dentry(t->f, "a", t->root), b = fake_dentry(t->f, "b", a);
    t->steps = 3;
    assert_int_equal(text(t, t->top, b, NULL), ST_OK); /* b, a; the top ends it */
    assert_int_equal(t->steps, 1);
    assert_int_equal(text(t, t->top, b, NULL), ST_LIMIT);
    assert_int_equal(t->steps, 0);
    assert_int_equal(lx_dentry_text(&t->f->l, b, &t->steps, t->text, sizeof t->text), ST_LIMIT);
    assert_int_equal(t->steps, 0);
    tree_free(t);
}

static void small_buffers(void **state)
{
    (void)state;
    struct tree *t = tree_new();
    uint64_t a = fake_dentry(t->f, "abc", t->root), b = fake_dentry(t->f, "def", a);
    struct lx_path p = {fake_vfsmount(t->f, t->top), b};
    for (size_t size = 0; size <= 10; size++) {
        char *buf = malloc(size + 1); /* ASan guards what is behind `size` where it is exact */
        buf[size] = 'x';
        int st = lx_path_text(&t->f->l, &p, NULL, &t->steps, buf, size, NULL);
        assert_int_equal(st, !size ? ST_INVALID : size < 9 ? ST_LIMIT : ST_OK);
        assert_int_equal(buf[size], 'x');
        if (size)
            assert_string_equal(buf, &"/abc/def"[size < 9 ? 9 - size : 0]);
        free(buf);
    }
    tree_free(t);
}

static void missing_layout(void **state)
{
    (void)state;
    struct fake *f = fake_new(8);
    static const enum layout_id need[] = {L_path_mnt, L_dentry_name, L_dentry_parent};
    assert_int_equal(lx_require(&f->l, "the test", need, ARRAY_LEN(need)), ST_OK);
    fake_absent(f, L_dentry_name);
    assert_int_equal(lx_require(&f->l, "the test", need, ARRAY_LEN(need)), ST_UNSUPPORTED);
    assert_non_null(strstr(f->diag.text, "dentry.d_name.name is not known"));
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_paths),   cmocka_unit_test(deleted),
        cmocka_unit_test(pseudo_names),  cmocka_unit_test(forged_names),
        cmocka_unit_test(cycles),        cmocka_unit_test(common_bound),
        cmocka_unit_test(small_buffers), cmocka_unit_test(missing_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

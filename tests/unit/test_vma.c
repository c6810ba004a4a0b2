/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory areas: the maple tree with 8- and 4-byte pointers, the list of older kernels, names, and
 * forged trees. */
#include "linux_fake.h"

#include "os/linux/path.h"

enum { DENSE, LEAF, RANGE, ARANGE };

struct seen {
    char text[16384];
    size_t at, count, partial, stop_after;
};

static int note(const struct vmi_vma *v, void *data)
{
    struct seen *s = data;
    if (s->at < sizeof s->text - 200)
        s->at += (size_t)snprintf(s->text + s->at, sizeof s->text - s->at,
                                  "%llx-%llx %c%c%c%c %llx %u:%u %llu %s\n",
                                  (unsigned long long)v->start, (unsigned long long)v->end,
                                  v->read ? 'r' : '-', v->write ? 'w' : '-', v->exec ? 'x' : '-',
                                  v->shared ? 's' : 'p', (unsigned long long)v->offset, v->major,
                                  v->minor, (unsigned long long)v->inode, v->path);
    s->partial += (v->flags & VMI_RECORD_PARTIAL) != 0;
    return ++s->count == s->stop_after;
}

static struct seen seen;
static struct vmi_outcome outcome;

static int list(struct fake *f, uint64_t mm)
{
    struct vmi_process p = {.pid = 1, .mm = mm};
    size_t stop_after = seen.stop_after;
    seen = (struct seen){.stop_after = stop_after};
    outcome = (struct vmi_outcome){0};
    return lx_vmas(&f->v, &p, note, &seen, &outcome);
}

static uint64_t area(struct fake *f, uint64_t start, uint64_t end, uint64_t flags)
{
    uint64_t a = fake_object(f);
    fake_set(f, a, L_vma_start, start);
    fake_set(f, a, L_vma_end, end);
    fake_set(f, a, L_vma_flags, flags);
    return a;
}

/* A node of `n` slots; pivot[i] is the last index of slot i, the last one used has none. Returned
 * encoded. */
static uint64_t node(struct fake *f, unsigned type, unsigned n, const uint64_t *slot,
                     const uint64_t *pivot)
{
    uint64_t at = fake_alloc(f, 256);
    unsigned size = f->v.ptr_size;
    enum layout_id p = type == ARANGE ? L_ma64_pivot : L_mr64_pivot,
                   s = type == ARANGE ? L_ma64_slot : L_mr64_slot;
    uint64_t slot_at = type == DENSE ? size : lx_off(&f->l, s);
    for (unsigned i = 0; i < n; i++) {
        fake_put_ptr(f, at + slot_at + (uint64_t)i * size, slot[i]);
        if (type != DENSE && (i + 1) * size <= f->l.m[p].size)
            fake_put_ptr(f, at + lx_off(&f->l, p) + (uint64_t)i * size, pivot[i]);
    }
    return at | type << 3 | 4;
}

static uint64_t mm_with_root(struct fake *f, uint64_t enode)
{
    uint64_t mm = fake_object(f);
    fake_set(f, mm, L_mm_mt_root, enode ? enode | 2 : 0);
    return mm;
}

static void one_leaf(unsigned ptr_size)
{
    struct fake *f = fake_new(ptr_size);
    uint64_t a = area(f, 0x1000, 0x3000, 5), b = area(f, 0x5000, 0x6000, 0x83);
    uint64_t slots[] = {0, a, 0, b, 0}, pivots[] = {0xfff, 0x2fff, 0x4fff, 0x5fff, 0};
    assert_int_equal(list(f, mm_with_root(f, node(f, LEAF, 5, slots, pivots))), ST_OK);
    assert_string_equal(seen.text, "1000-3000 r-xp 0 0:0 0 \n5000-6000 rw-s 0 0:0 0 \n");
    assert_false(outcome.partial);
    assert_int_equal(outcome.count, 2);
    seen.stop_after = 1;
    assert_int_equal(list(f, mm_with_root(f, node(f, LEAF, 5, slots, pivots))), ST_OK);
    assert_int_equal(seen.count, 1);
    seen.stop_after = 0;
    assert_int_equal(list(f, mm_with_root(f, 0)), ST_OK); /* an empty tree */
    assert_int_equal(outcome.count, 0);
    assert_int_equal(list(f, 0), ST_OK); /* a kernel thread */
    assert_false(outcome.partial);
    fake_free(f);
}

static void leaf(void **state)
{
    (void)state;
    one_leaf(8);
    one_leaf(4);
}

/* All slots of every node used: the last slot's end is the node's own. */
static void full_tree(unsigned ptr_size)
{
    struct fake *f = fake_new(ptr_size);
    unsigned n = f->l.m[L_mr64_slot].size / ptr_size, m = f->l.m[L_ma64_slot].size / ptr_size;
    uint64_t *leaves = calloc(m, sizeof *leaves), *ends = calloc(m, sizeof *ends), slots[64],
             pivots[64];
    uint64_t at = 0, ulong_max = ptr_size == 8 ? UINT64_MAX : UINT32_MAX;
    for (unsigned i = 0; i < m; i++) {
        for (unsigned k = 0; k < n; k++) {
            slots[k] = area(f, at, at + 0x1000, 1);
            at += 0x1000;
            pivots[k] = at - 1;
        }
        leaves[i] = node(f, LEAF, n, slots, pivots);
        ends[i] = i + 1 < m ? at - 1 : ulong_max;
    }
    assert_int_equal(list(f, mm_with_root(f, node(f, ARANGE, m, leaves, ends))), ST_OK);
    assert_int_equal(seen.count, n * m);
    assert_false(outcome.partial);
    free(leaves);
    free(ends);
    fake_free(f);
}

static void tree(void **state)
{
    (void)state;
    full_tree(8);
    full_tree(4);
}

static void forged_nodes(void **state)
{
    (void)state;
    struct fake *f = fake_new(8);
    uint64_t a = area(f, 0x1000, 0x2000, 1), slots[16], pivots[16];
    /* every slot of a node is the node itself: the depth bounds it, and the ranges become empty
     * before */
    uint64_t self = node(f, RANGE, 0, NULL, NULL), at = self & ~255ULL;
    for (unsigned i = 0; i < 16; i++) {
        fake_put_ptr(f, at + 128 + 8 * (uint64_t)i, self);
        if (i < 15)
            fake_put_ptr(f, at + 8 + 8 * (uint64_t)i, i + 1);
    }
    assert_int_equal(list(f, mm_with_root(f, self)), ST_OK);
    assert_true(outcome.partial);
    assert_int_equal(seen.count, 0);
    /* pivots that descend */
    for (unsigned i = 0; i < 16; i++) {
        slots[i] = a;
        pivots[i] = 0x100000 - i;
    }
    assert_int_equal(list(f, mm_with_root(f, node(f, LEAF, 16, slots, pivots))), ST_OK);
    assert_true(outcome.partial);
    assert_int_equal(seen.count, 1);
    /* the same area again and again */
    for (unsigned i = 0; i < 16; i++)
        pivots[i] = 0x1000 * (i + 1);
    assert_int_equal(list(f, mm_with_root(f, node(f, LEAF, 16, slots, pivots))), ST_OK);
    assert_true(outcome.partial);
    assert_int_equal(seen.count, 1);
    /* a type that no kernel has; a node that is not there; a root that is none */
    assert_int_equal(list(f, mm_with_root(f, (a & ~255ULL) | 9 << 3 | 4)), ST_OK);
    assert_true(outcome.partial);
    assert_int_equal(list(f, mm_with_root(f, (f->base + FAKE_BYTES) | LEAF << 3 | 4)), ST_OK);
    assert_true(outcome.partial);
    uint64_t mm = mm_with_root(f, 0);
    fake_set(f, mm, L_mm_mt_root, a);
    assert_int_equal(list(f, mm), ST_OK);
    assert_true(outcome.partial);
    /* areas of forged bounds, pointers that are no areas */
    slots[0] = area(f, 0x9000, 0x8000, 1);
    slots[1] = f->base + FAKE_BYTES;
    slots[2] = 0x406; /* XA_ZERO_ENTRY */
    slots[3] = 3;
    slots[4] = a;
    assert_int_equal(list(f, mm_with_root(f, node(f, LEAF, 5, slots, (uint64_t[]){1, 2, 3, 4, 0}))),
                     ST_OK);
    assert_true(outcome.partial);
    assert_int_equal(seen.count, 1);
    fake_free(f);
}

/* A node whose first slot is the node itself and covers all: nothing but the depth ends that. */
static void endless_node(void **state)
{
    (void)state;
    struct fake *f = fake_new(8);
    uint64_t at = fake_alloc(f, 256), enode = at | RANGE << 3 | 4;
    for (unsigned i = 0; i < 16; i++)
        fake_put_ptr(f, at + 128 + 8 * (uint64_t)i, enode);
    for (unsigned i = 0; i < 15; i++)
        fake_put_ptr(f, at + 8 + 8 * (uint64_t)i,
                     i ? 0 : UINT64_MAX); /* the first slot covers all */
    assert_int_equal(list(f, mm_with_root(f, enode)), ST_OK);
    assert_true(outcome.partial);
    assert_non_null(strstr(outcome.reason, "deeper or larger"));
    fake_free(f);
}

static void dense_node(void **state)
{
    (void)state;
    struct fake *f = fake_new(8);
    uint64_t a = area(f, 0x1000, 0x2000, 1), slots[] = {0, a};
    assert_int_equal(list(f, mm_with_root(f, node(f, DENSE, 2, slots, NULL))), ST_OK);
    assert_int_equal(seen.count, 1);
    fake_free(f);
}

static void old_list(void **state)
{
    (void)state;
    struct fake *f = fake_new(8);
    fake_absent(f, L_mm_mt_root);
    uint64_t a = area(f, 0x1000, 0x2000, 1), b = area(f, 0x2000, 0x3000, 3),
             c = area(f, 0x8000, 0x9000, 4), mm = fake_object(f);
    fake_set(f, mm, L_mm_mmap, a);
    fake_set(f, a, L_vma_next, b);
    fake_set(f, b, L_vma_next, c);
    assert_int_equal(list(f, mm), ST_OK);
    assert_int_equal(seen.count, 3);
    assert_false(outcome.partial);
    fake_set(f, c, L_vma_next, a); /* a cycle: what follows does not ascend */
    assert_int_equal(list(f, mm), ST_OK);
    assert_int_equal(seen.count, 3);
    assert_true(outcome.partial);
    fake_set(f, c, L_vma_next, 0x1234);
    assert_int_equal(list(f, mm), ST_OK);
    assert_int_equal(seen.count, 3);
    assert_true(outcome.partial);
    fake_absent(f, L_mm_mmap);
    assert_int_equal(list(f, mm), ST_UNSUPPORTED);
    fake_free(f);
}

static uint64_t named(struct fake *f, uint64_t start, uint64_t name)
{
    uint64_t a = area(f, start, start + 0x1000, 3), text = fake_alloc(f, 64);
    fake_put(f, text + lx_off(&f->l, L_anon_name_text), "a name", 7);
    fake_set(f, a, L_vma_anon_name, name ? name : text);
    return a;
}

static void names(void **state)
{
    (void)state;
    struct fake *f = fake_new(8);
    uint64_t root = fake_dentry(f, "/", 0), top = fake_mount(f, root, 0, 0),
             lib = fake_dentry(f, "lib", root);
    uint64_t file =
        fake_file(f, top, lib, fake_inode(f, fake_sb(f, "ext4", 8 << 20 | 3), 42, 0100644));
    uint64_t shm = fake_file(f, top, fake_pseudo(f, "tmpfs", "dev/zero", 9),
                             fake_inode(f, fake_sb(f, "tmpfs", 1), 9, 0100777));
    uint64_t text = area(f, 0x1000, 0x3000, 5), heap = area(f, 0x3000, 0x5000, 3),
             plain = area(f, 0x5000, 0x6000, 3);
    uint64_t anon = named(f, 0x6000, 0), both = named(f, 0x7000, 0),
             vdso = area(f, 0x8000, 0x9000, 5);
    uint64_t stack = area(f, 0xa000, 0xc000, 3), odd = named(f, 0xc000, 0x10);
    uint64_t ops = fake_object(f), special = fake_object(f);
    fake_set(f, text, L_vma_file, file);
    fake_set(f, text, L_vma_pgoff, 3);
    fake_set(f, plain, L_vma_pgoff, 5); /* not shown without a file */
    fake_set(f, both, L_vma_file, shm);
    fake_set(f, ops, L_vm_ops_name, f->base + 0x99);
    fake_set(f, vdso, L_vma_ops, ops);
    fake_set(f, vdso, L_vma_private, special);
    fake_set(f, special, L_special_mapping_name, fake_text(f, "[vdso]"));
    uint64_t slots[] = {text, heap, plain, anon, both, vdso, stack, odd};
    uint64_t pivots[] = {0x2fff, 0x4fff, 0x5fff, 0x6fff, 0x7fff, 0x9fff, 0xbfff, 0};
    uint64_t mm = mm_with_root(f, node(f, LEAF, 8, slots, pivots));
    fake_set(f, mm, L_mm_start_brk, 0x3800);
    fake_set(f, mm, L_mm_brk, 0x4800);
    fake_set(f, mm, L_mm_start_stack, 0xb123);
    assert_int_equal(list(f, mm), ST_OK);
    assert_string_equal(seen.text, "1000-3000 r-xp 3000 8:3 42 /lib\n"
                                   "3000-5000 rw-p 0 0:0 0 [heap]\n"
                                   "5000-6000 rw-p 0 0:0 0 \n"
                                   "6000-7000 rw-p 0 0:0 0 [anon:a name]\n"
                                   "7000-8000 rw-p 0 0:1 9 [anon_shmem:a name]\n"
                                   "8000-9000 r-xp 0 0:0 0 [vdso]\n"
                                   "a000-c000 rw-p 0 0:0 0 [stack]\n"
                                   "c000-d000 rw-p 0 0:0 0 \n");
    assert_int_equal(seen.partial, 0);
    /* until 6.2 the name of shared memory lay where the tree node of the file is */
    fake_member(f, L_vma_shared, lx_off(&f->l, L_vma_anon_name), 8);
    assert_int_equal(list(f, mm), ST_OK);
    assert_non_null(strstr(seen.text, "7000-8000 rw-p 0 0:1 9 /dev/zero (deleted)\n"));
    fake_set(f, text, L_vma_file, 0x10); /* a file that is not there: the area is told, marked */
    assert_int_equal(list(f, mm), ST_OK);
    assert_int_equal(seen.partial, 1);
    assert_int_equal(seen.count, 8);
    fake_free(f);
}

/* A file of overlayfs: the path and inode that the user sees are beside it, if the mark means what
 * it says. */
static void layered_file(void **state)
{
    (void)state;
    struct fake *f = fake_new(8);
    uint64_t root = fake_dentry(f, "/", 0), top = fake_mount(f, root, 0, 0),
             lower = fake_dentry(f, "lower", root);
    uint64_t seen_as = fake_dentry(f, "merged", root), sb = fake_sb(f, "overlay", 30),
             a = area(f, 0x1000, 0x2000, 5);
    uint64_t file = fake_file(f, top, lower, fake_inode(f, fake_sb(f, "ext4", 3), 5, 0100644)),
             user = file + 3 * FAR / 2;
    uint64_t mm = mm_with_root(f, node(f, LEAF, 2, (uint64_t[]){a, 0}, (uint64_t[]){0x1fff, 0}));
    fake_member(f, L_backing_file_user_path, 3 * FAR / 2, 0);
    fake_set(f, a, L_vma_file, file);
    fake_set(f, fake_vfsmount(f, top), L_vfsmount_sb, sb);
    fake_set(f, seen_as, L_dentry_sb, sb);
    fake_set(f, seen_as, L_dentry_inode, fake_inode(f, sb, 99, 0100644));
    fake_set(f, user, L_path_mnt, fake_vfsmount(f, top));
    fake_set(f, user, L_path_dentry, seen_as);
    static const struct {
        uint64_t mode;
        const char *want;
    } rows[] = {{1 << 24, "0:30 99 /merged\n"},
                {1 << 25, "0:30 99 /merged\n"},
                {1 << 26, "0:3 5 /lower\n"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fake_set(f, file, L_file_mode, rows[i].mode);
        assert_int_equal(list(f, mm), ST_OK);
        assert_non_null(strstr(seen.text, rows[i].want));
        assert_int_equal(seen.partial, 0);
    }
    fake_set(f, file, L_file_mode, 1 << 25);
    fake_set(f, user, L_path_mnt,
             0x600000001f); /* the next file's lock and mode: the mark means something else */
    assert_int_equal(list(f, mm), ST_OK);
    assert_non_null(strstr(seen.text, "0:3 5 /lower\n"));
    fake_free(f);
}

static void no_types(void **state)
{
    (void)state;
    struct fake *f = fake_new(8);
    fake_absent(f, L_vma_start);
    assert_int_equal(list(f, fake_object(f)), ST_UNSUPPORTED);
    assert_non_null(strstr(f->diag.text, "vm_area_struct.vm_start"));
    assert_non_null(strstr(f->diag.text, "--profile"));
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaf),         cmocka_unit_test(tree),
        cmocka_unit_test(forged_nodes), cmocka_unit_test(endless_node),
        cmocka_unit_test(dense_node),   cmocka_unit_test(old_list),
        cmocka_unit_test(names),        cmocka_unit_test(no_types),
        cmocka_unit_test(layered_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

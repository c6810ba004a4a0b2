/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest of plain bytes for the tests of the API: two ranges of memory with a hole between them,
 * page tables made by hand, a kernel with two symbols and two processes.
 */
#ifndef TINYVMI_TESTS_VMI_FAKE_H
#define TINYVMI_TESTS_VMI_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmi/access.h"
#include "vmi/init.h"

enum {
    LOW_SIZE = 4 << 20,   /* [0, 4 MiB) */
    HIGH_START = 6 << 20, /* a hole, then [6, 7 MiB) */
    HIGH_SIZE = 1 << 20,
    KERNEL_ROOT = 0x1000,
    USER_ROOT = 0x2000,
    TABLES = 0x3000, /* further tables, one page each */
    DATA = 0x200000, /* pages that the tests map */
    PID = 7,
};

#define KERNEL_VA                                                                                  \
    0xffffffff81000000ULL /* [KERNEL_VA, +16 pages) -> DATA, one page after the other */
#define SPLIT_VA                                                                                   \
    0xffffffff82000000ULL /* two pages that are far apart: DATA + 0x5000, then DATA + 0x1000 */
#define EDGE_VA 0xffffffff83000000ULL /* one page, and nothing behind it */
#define USER_VA 0x400000ULL           /* [USER_VA, +4 pages) of process 7 -> DATA + 0x8000 */

struct fake {
    uint8_t *low, *high;
    uint64_t next_table;
    vmi_instance_t vmi;
    uint64_t user_root;    /* what process 7 has at the moment */
    unsigned lookups;      /* of processes */
    struct vcpu_regs regs; /* of vCPU 0 */
};

static inline uint8_t *fake_at(struct fake *f, uint64_t pa)
{
    return pa < LOW_SIZE ? f->low + pa : f->high + (pa - HIGH_START);
}

static inline void fake_put64(struct fake *f, uint64_t pa, uint64_t v)
{
    memcpy(fake_at(f, pa), &v, sizeof v);
}

static inline uint64_t fake_get64(struct fake *f, uint64_t pa)
{
    return le64(fake_at(f, pa));
}

/* Maps a 4 KiB page in 4-level tables. */
static inline void fake_map(struct fake *f, uint64_t root, uint64_t va, uint64_t pa)
{
    uint64_t table = root;
    for (unsigned shift = 39; shift > 12; shift -= 9) {
        uint64_t at = table + (va >> shift & 511) * 8;
        if (!fake_get64(f, at)) {
            fake_put64(f, at, f->next_table | 7);
            f->next_table += 0x1000;
            assert_true(f->next_table <= DATA);
        }
        table = fake_get64(f, at) & ~0xfffULL;
    }
    fake_put64(f, table + (va >> 12 & 511) * 8, pa | 7);
}

/* ---- the source ------------------------------------------------------------------------------ */

static inline int fake_write(void *source, const struct phys_range *r, uint64_t at, const void *buf,
                             size_t n, size_t *done)
{
    (void)source;
    memcpy(r->host + (at - r->start), buf, n);
    *done = n;
    return ST_OK;
}

static inline unsigned fake_count(void *source)
{
    (void)source;
    return 1;
}

static inline int fake_registers(void *source, unsigned vcpu, struct vcpu_regs *ret)
{
    struct fake *f = source;
    if (vcpu)
        return ST_ABSENT;
    *ret = f->regs;
    return ST_OK;
}

static const struct phys_ops fake_phys_ops = {.write = fake_write};
static const struct vcpu_ops fake_vcpu_ops = {.count = fake_count, .registers = fake_registers};

static inline void fake_close(void *impl)
{
    (void)impl;
}

/* ---- the kernel ------------------------------------------------------------------------------ */

static inline int fake_symbol(void *self, const char *name, struct vmi_symbol *ret)
{
    (void)self;
    if (strcmp(name, "init_task") != 0 && strcmp(name, "edge") != 0)
        return ST_ABSENT;
    *ret = (struct vmi_symbol){.address = name[0] == 'i' ? KERNEL_VA + 0x100 : EDGE_VA + 0xffc,
                               .type = 'D',
                               .name = name,
                               .module = ""};
    return ST_OK;
}

static inline int fake_nearest(void *self, uint64_t address, struct vmi_symbol *ret)
{
    if (address < KERNEL_VA + 0x100)
        return ST_ABSENT;
    return fake_symbol(self, address < EDGE_VA + 0xffc ? "init_task" : "edge", ret);
}

static const struct symtab_ops fake_symtab_ops = {
    .kind = "fake", .by_name = fake_symbol, .by_address = fake_nearest};

static inline void fake_fill_process(struct fake *f, int32_t pid, struct vmi_process *ret)
{
    *ret = (struct vmi_process){
        .pid = pid, .tid = pid, .dtb = pid == PID ? f->user_root : KERNEL_ROOT};
    ret->flags = pid == PID ? 0 : VMI_PROCESS_KERNEL;
}

static inline int fake_process(struct osview *v, int32_t pid, struct vmi_process *ret)
{
    struct fake *f = v->impl;
    f->lookups++;
    if (pid != PID && pid != 2)
        return ST_ABSENT;
    fake_fill_process(f, pid, ret);
    return ST_OK;
}

static inline int fake_processes(struct osview *v, uint32_t flags, vmi_process_cb cb, void *data,
                                 struct vmi_outcome *o)
{
    (void)flags;
    for (int32_t pid = 2; pid <= PID; pid += PID - 2) {
        struct vmi_process p;
        fake_fill_process(v->impl, pid, &p);
        o->count++;
        if (cb(&p, data))
            break;
    }
    return ST_OK;
}

static inline int fake_space(struct osview *v, const struct vmi_process *p, struct aspace *ret)
{
    aspace_init(ret, &v->source->phys, FORM_X86_4LEVEL, p->dtb);
    return ST_OK;
}

static const struct os_ops fake_os_ops = {
    .process = fake_process, .processes = fake_processes, .process_space = fake_space};

/* ---- putting it together --------------------------------------------------------------------- */

static inline void fake_tables(struct fake *f)
{
    f->next_table = TABLES;
    for (unsigned i = 0; i < 16; i++)
        fake_map(f, KERNEL_ROOT, KERNEL_VA + i * 0x1000ULL, DATA + i * 0x1000ULL);
    fake_map(f, KERNEL_ROOT, SPLIT_VA, DATA + 0x5000);
    fake_map(f, KERNEL_ROOT, SPLIT_VA + 0x1000, DATA + 0x1000);
    fake_map(f, KERNEL_ROOT, EDGE_VA, DATA + 0x7000);
    for (unsigned i = 0; i < 4; i++)
        fake_map(f, USER_ROOT, USER_VA + i * 0x1000ULL, DATA + 0x8000 + i * 0x1000ULL);
    fake_put64(f, USER_ROOT + 511 * 8,
               fake_get64(f, KERNEL_ROOT + 511 * 8)); /* the kernel is mapped there, too */
    for (uint32_t i = 0; i < 0x10000; i += 4) {
        uint32_t v = 0x10000000 + i; /* each word tells where it is */
        memcpy(fake_at(f, DATA + i), &v, sizeof v);
    }
}

/* Gives the instance its kernel. */
static inline void fake_boot(struct fake *f)
{
    vmi_instance_t vmi = f->vmi;
    vmi->os = (struct osview){
        .ops = &fake_os_ops, .source = &vmi->source, .diag = &vmi->diag, .impl = f, .ptr_size = 8};
    vmi->os.symbols.ops = &fake_symtab_ops;
    vmi->os.info.os = VMI_KIND_LINUX;
    aspace_init(&vmi->os.kernel, &vmi->source.phys, FORM_X86_4LEVEL, KERNEL_ROOT);
    vmi->have_os = true;
    paging_from_os(vmi);
}

static inline struct fake *fake_new(bool with_os)
{
    struct fake *f = calloc(1, sizeof *f);
    struct source s = {.kind = "fake",
                       .name = "/tmp/fake.raw",
                       .vcpu = &fake_vcpu_ops,
                       .impl = f,
                       .close = fake_close};
    assert_non_null(f);
    f->low = calloc(1, LOW_SIZE);
    f->high = calloc(1, HIGH_SIZE);
    f->user_root = USER_ROOT;
    f->regs = (struct vcpu_regs){.have = REGS_CR | REGS_EFER,
                                 .cr0 = 1U << 31 | 1,
                                 .cr3 = KERNEL_ROOT,
                                 .cr4 = 1 << 5,
                                 .efer = 1 << 10};
    phys_init(&s.phys, &fake_phys_ops, f);
    assert_int_equal(
        phys_add(&s.phys, &(struct phys_range){.start = 0, .len = LOW_SIZE, .host = f->low}),
        ST_OK);
    assert_int_equal(
        phys_add(&s.phys,
                 &(struct phys_range){.start = HIGH_START, .len = HIGH_SIZE, .host = f->high}),
        ST_OK);
    f->vmi = instance_new(&s, VMI_FILE, NULL);
    assert_non_null(f->vmi);
    fake_tables(f);
    if (with_os)
        fake_boot(f);
    return f;
}

static inline void fake_free(struct fake *f)
{
    assert_int_equal(vmi_destroy(f->vmi), VMI_SUCCESS);
    free(f->low);
    free(f->high);
    free(f);
}

/* The newest failure's text has these words. */
static inline void assert_story(vmi_instance_t vmi, const char *words)
{
    const struct vmi_error *e = vmi_last_error(vmi);
    if (!strstr(e->text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, e->text);
    assert_int_not_equal(e->kind, VMI_ERROR_NONE);
}

#endif

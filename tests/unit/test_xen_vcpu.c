/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers over a made-up hypervisor that holds one vCPU's record: what is read, what a set
 * changes, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "xen/abi.h"
#include "xen/target.h"

struct plat_xen {
    struct xen_save_cpu cpu;
    uint8_t header[24];
    bool bad_header;
    unsigned paused, sets;
    struct xen_inject_event injected;
};

static struct plat_xen fake;

static long put_context(const uint8_t *p, size_t n)
{
    struct xen_save_descriptor d;
    size_t at = 0;
    unsigned order = 0;
    static const struct xen_save_descriptor wanted[] = {
        {SAVE_HEADER, 0, 24}, {SAVE_CPU, 0, sizeof(struct xen_save_cpu)}, {SAVE_END, 0, 0}};
    for (; at + sizeof d <= n; order++) {
        memcpy(&d, p + at, sizeof d);
        at += sizeof d;
        if (order > 2 || memcmp(&d, &wanted[order], sizeof d) != 0 || d.length > n - at)
            return -EINVAL;
        if (d.type == SAVE_HEADER && memcmp(p + at, fake.header, 24) != 0)
            return -EINVAL;
        if (d.type == SAVE_CPU)
            memcpy(&fake.cpu, p + at, sizeof fake.cpu);
        at += d.length;
    }
    fake.sets++;
    return order == 3 && at == n ? 0 : -EINVAL;
}

static long get_context(struct xen_hvmcontext_call *c)
{
    const struct xen_save_descriptor d = {fake.bad_header ? SAVE_CPU : SAVE_HEADER, 0, 24};
    if (c->buffer) {
        memcpy((void *)(uintptr_t)c->buffer, &d, sizeof d);
        memcpy((uint8_t *)(uintptr_t)c->buffer + sizeof d, fake.header, 24);
    }
    c->size = sizeof d + 24;
    return 0;
}

static long get_record(struct xen_hvmcontext_partial_call *c)
{
    if (c->type != SAVE_CPU || c->instance != 0)
        return -ENODATA;
    if (c->size < sizeof fake.cpu)
        return -ENOBUFS;
    memcpy((void *)(uintptr_t)c->buffer, &fake.cpu, sizeof fake.cpu);
    return 0;
}

static long domctl(struct xen_domctl_call *c)
{
    struct xen_hvmcontext_call *whole = (struct xen_hvmcontext_call *)c->payload;
    switch (c->command) {
    case DOMCTL_GETDOMAININFO:
        memset(c->payload, 0, sizeof c->payload);
        ((struct xen_getdomaininfo *)c->payload)->domain = c->domain;
        return 0;
    case DOMCTL_PAUSE:
        fake.paused++;
        return 0;
    case DOMCTL_UNPAUSE:
        fake.paused--;
        return 0;
    case DOMCTL_GETHVMCONTEXT_PARTIAL:
        return get_record((struct xen_hvmcontext_partial_call *)c->payload);
    case DOMCTL_GETHVMCONTEXT:
        return get_context(whole);
    case DOMCTL_SETHVMCONTEXT:
        assert_true(fake.paused > 0);
        return put_context((const uint8_t *)(uintptr_t)whole->buffer, whole->size);
    default:
        return -ENOSYS;
    }
}

long plat_xen_hypercall(struct plat_xen *x, unsigned op, uint64_t a1, uint64_t a2, uint64_t a3,
                        uint64_t a4, uint64_t a5)
{
    (void)x, (void)a4, (void)a5;
    if (op == HYPERCALL_DOMCTL)
        return domctl((struct xen_domctl_call *)(uintptr_t)a1);
    if (op != HYPERCALL_DM_OP || a1 != 7 || a2 != 1)
        return -ENOSYS;
    const struct xen_dm_buffer *b = (const struct xen_dm_buffer *)(uintptr_t)a3;
    assert_int_equal(b->size, sizeof fake.injected);
    memcpy(&fake.injected, (void *)(uintptr_t)b->address, sizeof fake.injected);
    return 0;
}

int plat_xen_open(struct plat_xen **ret, char *where, size_t where_size)
{
    (void)ret, (void)where, (void)where_size;
    return -ENOENT;
}

void plat_xen_close(struct plat_xen *x)
{
    (void)x;
}

void *plat_xen_buffer(struct plat_xen *x, size_t bytes)
{
    (void)x;
    return aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
}

void plat_xen_buffer_free(struct plat_xen *x, void *p, size_t bytes)
{
    (void)x, (void)bytes;
    free(p);
}

void *plat_xen_map(struct plat_xen *x, uint32_t domain, const uint64_t *frames, size_t n,
                   bool writable, int *error, int *failed)
{
    (void)x, (void)domain, (void)frames, (void)n, (void)writable, (void)error;
    *failed = -ESRCH;
    return NULL;
}

void plat_xen_unmap(struct plat_xen *x, void *p, size_t n)
{
    (void)x, (void)p, (void)n;
}

const uint64_t *plat_xen_m2p(struct plat_xen *x, size_t *entries)
{
    (void)x, (void)entries;
    return NULL;
}

/* ---- fixture ----------------------------------------------------------------------------------
 */

static int setup(void **state)
{
    struct xen_target *t = calloc(1, sizeof *t);
    bool exact;
    assert_non_null(t);
    memset(&fake, 0, sizeof fake);
    for (size_t i = 0; i < sizeof fake.cpu; i++) /* every byte differs from its neighbours */
        ((uint8_t *)&fake.cpu)[i] = (uint8_t)(i * 7 + 1);
    fake.cpu.cr4 = 0x6f0;
    memcpy(fake.header, "what Xen says of itself", 24);
    t->x.plat = &fake;
    t->x.page[0] = plat_xen_buffer(&fake, 4096);
    t->x.page[1] = plat_xen_buffer(&fake, 4096);
    t->x.domctl_version = 0x15;
    t->x.abi = xen_abi_of(4, 17, &exact);
    t->info.id = 7;
    t->info.kind = XEN_PVH;
    assert_int_equal(frames_init(&t->frames, &t->x, 7, NULL), ST_OK);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct xen_target *t = *state;
    frames_deinit(&t->frames);
    free(t->buffer);
    free(t->x.page[0]);
    free(t->x.page[1]);
    free(t);
    return 0;
}

static void test_read(void **state)
{
    struct vcpu_regs r;
    const struct xen_save_cpu *c = &fake.cpu;
    assert_int_equal(xen_vcpu_ops.registers(*state, 0, &r), ST_OK);
    assert_int_equal(r.gpr[0], c->rax);
    assert_int_equal(r.gpr[1], c->rbx); /* not the hardware's order */
    assert_int_equal(r.gpr[7], c->rsp);
    assert_int_equal(r.rip, c->rip);
    assert_int_equal(r.cr3, c->cr3);
    assert_int_equal(r.efer, c->efer);
    assert_int_equal(r.gs_base, c->base[4]);
    assert_int_equal(r.segment[0].rights, c->rights[0]);
    assert_int_equal(r.dr[7], c->dr7);
    assert_int_equal(r.lstar, c->lstar);
    assert_false(r.have & REGS_XCR0); /* CR4.OSXSAVE is clear */
    assert_int_equal(xen_vcpu_ops.registers(*state, 1, &r), ST_INVALID);
    assert_int_equal(xen_vcpu_ops.count(*state), 1);
}

/* A group is set, and nothing else of the record changes: the rest may have moved meanwhile. */
static void set_group(void *source, unsigned group, struct vcpu_regs *r)
{
    r->have = group;
    assert_int_equal(xen_vcpu_ops.set_registers(source, 0, r), ST_OK);
    assert_int_equal(fake.paused, 0);
}

static void test_set(void **state)
{
    struct vcpu_regs r;
    assert_int_equal(xen_vcpu_ops.registers(*state, 0, &r), ST_OK);
    struct xen_save_cpu was = fake.cpu;
    r.gpr[15] = 0x1122334455667788;
    r.cr3 = 0x5000;
    fake.cpu.tsc = was.tsc = 12345; /* goes on while the caller thinks */
    set_group(*state, REGS_GENERAL, &r);
    was.r15 = 0x1122334455667788;
    assert_memory_equal(&fake.cpu, &was, sizeof was);
    set_group(*state, REGS_CR, &r);
    was.cr3 = 0x5000;
    assert_memory_equal(&fake.cpu, &was, sizeof was);
    r.dr[7] = 0x401;
    r.segment[5].limit = 77;
    r.kernel_gs_base = 99;
    set_group(*state, REGS_DEBUG | REGS_DESCRIPTORS | REGS_SEGMENTS, &r);
    was.dr7 = 0x401;
    was.limit[5] = 77;
    was.shadow_gs = 99;
    for (unsigned i = 0; i < 8; i++)
        was.selector[i] &= 0xffff;
    assert_memory_equal(&fake.cpu, &was, sizeof was);
    assert_int_equal(fake.sets, 3);
}

static void test_refused(void **state)
{
    struct xen_target *t = *state;
    struct vcpu_regs r;
    uint8_t area[528];
    uint64_t pat, cap;
    size_t n;
    assert_int_equal(xen_vcpu_ops.registers(t, 0, &r), ST_OK);
    r.have = REGS_XCR0;
    assert_int_equal(xen_vcpu_ops.set_registers(t, 0, &r), ST_UNSUPPORTED);
    fake.bad_header = true;
    r.have = REGS_GENERAL;
    assert_int_equal(xen_vcpu_ops.set_registers(t, 0, &r), ST_BROKEN);
    assert_non_null(strstr(t->x.diag.text, "header"));
    assert_int_equal(fake.sets, 0);
    assert_int_equal(fake.paused, 0);
    assert_int_equal(xen_vcpu_ops.xsave(t, 0, area, sizeof area, &n), ST_UNSUPPORTED);
    assert_int_equal(xen_vcpu_ops.mtrr(t, 0, &pat, &cap), ST_UNSUPPORTED);
    t->no_registers = true;
    assert_int_equal(xen_vcpu_ops.registers(t, 0, &r), ST_UNSUPPORTED);
}

static void test_inject(void **state)
{
    assert_int_equal(xen_vcpu_ops.inject(*state, 0, 14, 6, 0xdeadb000), ST_OK);
    assert_int_equal(fake.injected.op, DMOP_INJECT_EVENT);
    assert_int_equal(fake.injected.vector, 14);
    assert_int_equal(fake.injected.error_code, 6);
    assert_int_equal(fake.injected.cr2, 0xdeadb000);
    assert_int_equal(xen_vcpu_ops.inject(*state, 9, 14, 6, 0), ST_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_read), TEST(test_set), TEST(test_refused),
                                       TEST(test_inject)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

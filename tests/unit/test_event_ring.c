/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots of all versions of Xen's event interface, and the ring they are in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "xen/abi_event.h"

/*
 * Offsets in the register block, read from the headers of one release each (xen/include/public/
 * vm_event.h of 4.10, 4.12, 4.13, 4.14, 4.17) and not from the code. 0xffff: not there.
 */
#define NONE 0xffff
static const struct {
    unsigned version, size;
    uint16_t r15, rflags, dr6, dr7, rip, cr3, efer, lstar, gdtr_base, npt_base, cs_base, fs_base,
        gs_base, cs_packed, gs_packed, shadow_gs, gdtr_limit, cs_sel, gs_sel;
    uint16_t msr_old, insn_length;
} layouts[] = {
    {2,    312, 120, 128,  NONE, 136,  144,  168,  208,  224,  NONE, NONE,
     NONE, 232, 240, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 8},
    {3,    312, 120, 128,  NONE, 136,  144,  168,  208,  224, NONE, NONE,
     NONE, 232, 240, NONE, NONE, NONE, NONE, NONE, NONE, 16,  8},
    {4,   376, 120, 128, 136, 144, 152,  176, 216, 232, NONE, NONE,
     240, 256, 264, 272, 292, 296, NONE, 304, 314, 16,  8},
    {5,   384, 120, 128, 136, 144, 152, 176, 216, 232, 240, NONE,
     248, 264, 272, 280, 300, 304, 312, 314, 324, 16,  8},
    {6,   384, 120, 128, 136, 144, 152, 176, 216, 232, 240, NONE,
     248, 264, 272, 280, 300, 304, 312, 314, 324, 16,  16},
    {7,   400, 120, 128, 136, 144, 152, 176, 216, 232, 240, 248,
     264, 280, 288, 296, 316, 320, 328, 330, 340, 16,  16},
};

static uint8_t page[4096] __attribute__((aligned(4096)));

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

static void put64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, 8);
}

static void header(uint8_t *slot, unsigned version, uint32_t flags, uint32_t reason, uint32_t vcpu)
{
    put32(slot, version);
    put32(slot + 4, flags);
    put32(slot + 8, reason);
    put32(slot + 12, vcpu);
}

/* Each byte of the register block says where it is. */
static void pattern(uint8_t *slot, size_t size)
{
    for (size_t i = SLOT_DATA; i < size; i++)
        slot[i] = (uint8_t)(i * 37 + (i >> 8));
}

static void same(const uint8_t *regs, uint16_t at, unsigned bytes, uint64_t value)
{
    uint64_t should = 0;
    if (at != NONE)
        memcpy(&should, regs + at, bytes);
    assert_int_equal(value, should);
}

static void registers_of_every_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        const struct slot_abi *abi = slot_abi_of(layouts[i].version);
        struct event_request q;
        uint8_t *slot = malloc(layouts[i].size), *regs = slot + SLOT_DATA;
        assert_non_null(abi);
        assert_int_equal(abi->size, layouts[i].size);
        memset(slot, 0, layouts[i].size);
        pattern(slot, layouts[i].size);
        header(slot, layouts[i].version, SLOT_VCPU_PAUSED | SLOT_ALTERNATE_P2M, 8, 3);
        slot[16] = 5;
        memset(&q, 0xee, sizeof q);
        assert_int_equal(slot_decode(abi, slot, 4, &q), ST_OK);
        assert_int_equal(q.kind, EVENT_GUEST_REQUEST);
        assert_int_equal(q.vcpu, 3);
        assert_int_equal(q.view, 5);
        assert_true(q.paused);
        same(regs, 0, 8, q.regs.gpr[GPR_RAX]);
        same(regs, 32, 8, q.regs.gpr[GPR_RSP]);
        same(regs, layouts[i].r15, 8, q.regs.gpr[15]);
        same(regs, layouts[i].rflags, 8, q.regs.rflags);
        same(regs, layouts[i].dr6, 8, q.regs.dr6);
        same(regs, layouts[i].dr7, 8, q.regs.dr7);
        same(regs, layouts[i].rip, 8, q.regs.rip);
        same(regs, layouts[i].cr3, 8, q.regs.cr3);
        same(regs, layouts[i].efer, 8, q.regs.efer);
        same(regs, layouts[i].lstar, 8, q.regs.lstar);
        same(regs, layouts[i].gdtr_base, 8, q.regs.gdtr_base);
        same(regs, layouts[i].npt_base, 8, q.regs.npt_base);
        same(regs, layouts[i].cs_base, 4, q.regs.seg[SEG_CS].base);
        same(regs, layouts[i].fs_base, 8, q.regs.seg[SEG_FS].base);
        same(regs, layouts[i].gs_base, 8, q.regs.seg[SEG_GS].base);
        same(regs, layouts[i].shadow_gs, 8, q.regs.shadow_gs);
        same(regs, layouts[i].gdtr_limit, 2, q.regs.gdtr_limit);
        same(regs, layouts[i].cs_sel, 2, q.regs.seg[SEG_CS].sel);
        same(regs, layouts[i].gs_sel, 2, q.regs.seg[SEG_GS].sel);
        if (layouts[i].gs_packed != NONE) {
            uint32_t v = le32(regs + layouts[i].gs_packed);
            assert_int_equal(q.regs.seg[SEG_GS].limit, v & 0xfffff);
            assert_int_equal(q.regs.seg[SEG_GS].ar, v >> 20);
            v = le32(regs + layouts[i].cs_packed);
            assert_int_equal(q.regs.seg[SEG_CS].ar, v >> 20);
        } else {
            assert_int_equal(q.regs.seg[SEG_CS].ar, le32(regs + 248) & 0xfff);
            assert_int_equal(q.regs.vmtrace_pos, UINT64_MAX);
        }
        free(slot);
    }
    assert_null(slot_abi_of(1));
    assert_null(slot_abi_of(8));
}

static void unions_of_every_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        const struct slot_abi *abi = slot_abi_of(layouts[i].version);
        uint8_t slot[SLOT_MAX] = {0}, *u = slot + SLOT_UNION;
        struct event_request q;
        header(slot, layouts[i].version, 0, 5, 0); /* MSR */
        put64(u, 0xc0000082);
        put64(u + 8, 0x1111);
        put64(u + 16, 0x2222);
        assert_int_equal(slot_decode(abi, slot, 1, &q), ST_OK);
        assert_int_equal(q.kind, EVENT_MSR);
        assert_int_equal(q.msr.index, 0xc0000082);
        assert_int_equal(q.msr.value, 0x1111);
        assert_int_equal(q.msr.previous, layouts[i].msr_old == NONE ? 0 : 0x2222);
        assert_false(q.paused);
        header(slot, layouts[i].version, SLOT_VCPU_PAUSED, 6, 0); /* INT3 */
        memset(u, 0, 32);
        put64(u, 0x77);
        put32(u + layouts[i].insn_length, 3);
        u[layouts[i].insn_length + 4] = 6;
        assert_int_equal(slot_decode(abi, slot, 1, &q), ST_OK);
        assert_int_equal(q.debug.gfn, 0x77);
        assert_int_equal(q.debug.insn_length, 3);
        assert_int_equal(q.debug.type, 6);
        put32(u + layouts[i].insn_length, 0); /* Xen did not say */
        assert_int_equal(slot_decode(abi, slot, 1, &q), ST_OK);
        assert_int_equal(q.debug.insn_length, 1);
    }
}

static void memory_and_the_rest(void **state)
{
    const struct slot_abi *abi = slot_abi_of(7);
    uint8_t slot[SLOT_MAX] = {0}, *u = slot + SLOT_UNION;
    struct event_request q;
    (void)state;
    header(slot, 7, SLOT_VCPU_PAUSED, 1, 0);
    put64(u, 0x1234);
    put64(u + 8, 0x5678);
    put64(u + 16, 0xffff888000001678);
    put32(u + 24, 3 | 8 | 32);
    assert_int_equal(slot_decode(abi, slot, 1, &q), ST_OK);
    assert_int_equal(q.memory.gfn, 0x1234);
    assert_int_equal(q.memory.offset, 0x678); /* never beyond a page */
    assert_int_equal(q.memory.gla, 0xffff888000001678);
    assert_int_equal(q.memory.access, ACCESS_R | ACCESS_W);
    assert_true(q.memory.gla_valid && q.memory.in_page_walk);
    put32(u + 24, 4);
    assert_int_equal(slot_decode(abi, slot, 1, &q), ST_OK);
    assert_int_equal(q.memory.gla, 0); /* not the one before */
    assert_false(q.memory.gla_valid || q.memory.in_page_walk);
    header(slot, 7, SLOT_VCPU_PAUSED, 16, 0);
    put32(u, 4);
    put32(u + 4, 0x00010cf8);
    assert_int_equal(slot_decode(abi, slot, 1, &q), ST_OK);
    assert_int_equal(q.io.port, 0xcf8);
    assert_true(q.io.in && !q.io.string);
    header(slot, 7, SLOT_VCPU_PAUSED, 13, 0);
    u[16] = 3;
    u[17] = 1;
    assert_int_equal(slot_decode(abi, slot, 1, &q), ST_OK);
    assert_int_equal(q.descriptor.table, EVENT_LDTR);
    assert_true(q.descriptor.write);
}

static void slots_that_make_no_sense(void **state)
{
    const struct slot_abi *abi = slot_abi_of(7);
    uint8_t slot[SLOT_MAX] = {0}, *u = slot + SLOT_UNION;
    struct event_request q;
    (void)state;
    header(slot, 6, SLOT_VCPU_PAUSED, 8, 0);
    assert_int_equal(slot_decode(abi, slot, 1, &q), ST_BROKEN);
    header(slot, 7, SLOT_VCPU_PAUSED, 8, 1); /* one vCPU: 0 */
    assert_int_equal(slot_decode(abi, slot, 1, &q), ST_BROKEN);
    header(slot, 7, SLOT_VCPU_PAUSED, 8, UINT32_MAX);
    assert_int_equal(slot_decode(abi, slot, 1, &q), ST_BROKEN);
    static const uint32_t reasons[] = {0, 2, 3, 17, 0x80000001, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        header(slot, 7, SLOT_VCPU_PAUSED, reasons[i], 0);
        assert_int_equal(slot_decode(abi, slot, 1, &q), ST_BROKEN);
        assert_true(q.paused); /* so that it can be answered */
    }
    header(slot, 7, SLOT_VCPU_PAUSED, 4, 0);
    put32(u, 4); /* control register 4 of 0 to 3 */
    assert_int_equal(slot_decode(abi, slot, 1, &q), ST_BROKEN);
    header(slot, 7, SLOT_VCPU_PAUSED, 13, 0);
    u[16] = 5;
    assert_int_equal(slot_decode(abi, slot, 1, &q), ST_BROKEN);
}

static struct event_request request_of(uint8_t *slot, unsigned version, uint32_t reason,
                                       bool paused)
{
    struct event_request q;
    memset(slot, 0, SLOT_MAX);
    pattern(slot, slot_abi_of(version)->size);
    header(slot, version, paused ? SLOT_VCPU_PAUSED : 0, reason, 0);
    if (reason == 13)
        slot[SLOT_UNION + 16] = 1;
    assert_int_equal(slot_decode(slot_abi_of(version), slot, 1, &q), ST_OK);
    return q;
}

static void responses(void **state)
{
    uint8_t slot[SLOT_MAX], before[SLOT_MAX];
    const char *why;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        const struct slot_abi *abi = slot_abi_of(layouts[i].version);
        struct event_request q = request_of(slot, layouts[i].version, 1, true);
        memcpy(before, slot, sizeof slot);
        struct event_reply r = {0};
        assert_int_equal(slot_respond(abi, slot, &q, &r, false, &why), ST_OK);
        assert_memory_equal(slot, before, sizeof slot); /* goes back as it came */
        r = (struct event_reply){.flags = REPLY_REGISTERS | REPLY_VIEW, .view = 0x102};
        q.regs.gpr[GPR_RAX] = 0xabcdef;
        q.regs.rip = 0xfedcba;
        assert_int_equal(slot_respond(abi, slot, &q, &r, true, &why), ST_OK);
        assert_int_equal(le32(slot + 4), SLOT_VCPU_PAUSED | SLOT_SET_REGISTERS |
                                             SLOT_ALTERNATE_P2M | SLOT_TOGGLE_SINGLESTEP);
        assert_int_equal(le16(slot + 16), 0x102);
        assert_int_equal(le64(slot + SLOT_DATA), 0xabcdef);
        assert_int_equal(le64(slot + SLOT_DATA + layouts[i].rip), 0xfedcba);
        assert_memory_equal(slot + SLOT_DATA + 8, before + SLOT_DATA + 8, 100); /* the others */
    }
}

static void responses_with_data(void **state)
{
    const struct slot_abi *abi = slot_abi_of(7);
    uint8_t slot[SLOT_MAX], data[256], insn[16] = {0x90, 0x90, 0xc3};
    const char *why;
    struct event_request q = request_of(slot, 7, 1, true);
    (void)state;
    memset(data, 0x5a, sizeof data);
    struct event_reply r = {.flags = REPLY_READ_DATA, .data = data, .data_size = 200};
    assert_int_equal(slot_respond(abi, slot, &q, &r, false, &why), ST_OK);
    assert_int_equal(le32(slot + 4), SLOT_VCPU_PAUSED | SLOT_EMULATE | SLOT_SET_EMUL_READ_DATA);
    assert_int_equal(le32(slot + SLOT_DATA), 200);
    assert_memory_equal(slot + SLOT_DATA + 4, data, 200);
    q = request_of(slot, 7, 6, true);
    r = (struct event_reply){.flags = REPLY_INSN, .data = insn, .data_size = sizeof insn};
    assert_int_equal(slot_respond(abi, slot, &q, &r, false, &why), ST_OK);
    assert_memory_equal(slot + SLOT_DATA, insn, sizeof insn);
    r = (struct event_reply){.flags = REPLY_FAST_STEP | REPLY_VIEW, .view = 0, .next_view = 3};
    q = request_of(slot, 7, 1, true);
    assert_int_equal(slot_respond(abi, slot, &q, &r, false, &why), ST_OK);
    assert_int_equal(le16(slot + SLOT_UNION), 3);
}

static void replies_that_cannot_be(void **state)
{
    uint8_t slot[SLOT_MAX], data[256] = {0};
    const char *why;
    (void)state;
    const struct {
        unsigned version;
        uint32_t reason;
        bool paused, toggle;
        struct event_reply reply;
    } cases[] = {
        {7, 1, false, false, {.flags = REPLY_EMULATE}},
        {7, 4, false, false, {.flags = REPLY_DENY}},
        {7, 1, false, true, {0}},
        {7, 1, true, false, {.flags = REPLY_READ_DATA}},
        {7, 1, true, false, {.flags = REPLY_READ_DATA, .data = data, .data_size = 257}},
        {2, 1, true, false, {.flags = REPLY_READ_DATA, .data = data, .data_size = 253}},
        {7, 1, true, false, {.flags = REPLY_READ_DATA, .data = data, .data_size = UINT32_MAX}},
        {7, 1, true, false, {.flags = REPLY_INSN, .data = data, .data_size = 16}},
        {7, 6, true, false, {.flags = REPLY_INSN, .data = data, .data_size = 15}},
        {7, 6, true, false, {.flags = REPLY_INSN | REPLY_REGISTERS, .data = data, .data_size = 16}},
        {7, 1, true, true, {.flags = REPLY_FAST_STEP}},
        {7, 1, true, false, {.flags = REPLY_FAST_STEP | REPLY_EMULATE}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct event_request q =
            request_of(slot, cases[i].version, cases[i].reason, cases[i].paused);
        why = NULL;
        assert_int_equal(slot_respond(slot_abi_of(cases[i].version), slot, &q, &cases[i].reply,
                                      cases[i].toggle, &why),
                         ST_INVALID);
        assert_non_null(why);
        assert_int_equal(le32(slot + 4), cases[i].paused ? SLOT_VCPU_PAUSED : 0); /* plain */
    }
    struct event_request q = request_of(slot, 2, 1, true);
    struct event_reply fits = {.flags = REPLY_READ_DATA, .data = data, .data_size = 252};
    assert_int_equal(slot_respond(slot_abi_of(2), slot, &q, &fits, false, &why), ST_OK);
}

/* ---- the ring ----------------------------------------------------------------------------------
 */

static void produce(uint32_t n)
{
    put32(page + RING_REQ_PROD, le32(page + RING_REQ_PROD) + n);
}

static void ring_of(struct event_ring *r, unsigned version, uint32_t start)
{
    ring_init(r, page, slot_abi_of(version));
    put32(page + RING_REQ_PROD, start);
    put32(page + RING_RSP_PROD, start);
    ring_attach(r, page, slot_abi_of(version));
}

static void ring_in_batches(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        struct event_ring r;
        uint8_t *slot, *first = NULL;
        ring_of(&r, layouts[i].version, UINT32_MAX - 3); /* counters wrap in the middle */
        assert_int_equal(r.slots, 8);
        assert_null(ring_take(&r));
        assert_false(ring_push(&r));
        produce(8);
        assert_int_equal(ring_pending(&r), 8);
        for (unsigned k = 0; k < 8; k++) {
            slot = ring_take(&r);
            assert_non_null(slot);
            assert_true(slot >= page + RING_HEADER && slot + layouts[i].size <= page + sizeof page);
            first = first ? first : slot;
        }
        assert_null(ring_take(&r));
        assert_ptr_equal(ring_answering(&r), first); /* in the order in which they were taken */
        for (unsigned k = 0; k < 8; k++)
            ring_answered(&r);
        assert_null(ring_answering(&r));
        assert_int_equal(le32(page + RING_RSP_PROD), UINT32_MAX - 3); /* not yet visible */
        assert_true(ring_push(&r));
        assert_int_equal(le32(page + RING_RSP_PROD), 4);
        assert_false(ring_push(&r));
    }
}

static void ring_with_a_hostile_producer(void **state)
{
    struct event_ring r;
    (void)state;
    ring_of(&r, 7, 0);
    put32(page + RING_REQ_PROD, 1000000); /* more than there are slots */
    assert_int_equal(ring_pending(&r), 8);
    for (unsigned k = 0; k < 8; k++)
        assert_non_null(ring_take(&r));
    assert_null(ring_take(&r)); /* none is overwritten before its answer */
    ring_answered(&r);
    assert_non_null(ring_take(&r));
    assert_null(ring_take(&r));
    put32(page + RING_REQ_PROD, 3); /* runs backwards */
    assert_true(ring_pending(&r) <= 8);
}

static void ring_that_somebody_left(void **state)
{
    struct event_ring r;
    (void)state;
    ring_init(&r, page, slot_abi_of(7));
    put32(page + RING_REQ_PROD, 13);
    put32(page + RING_RSP_PROD, 10);
    ring_attach(&r, page, slot_abi_of(7));
    assert_int_equal(ring_pending(&r), 3);
    assert_ptr_equal(ring_take(&r), page + RING_HEADER + (10 % 8) * 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_of_every_version),
        cmocka_unit_test(unions_of_every_version),
        cmocka_unit_test(memory_and_the_rest),
        cmocka_unit_test(slots_that_make_no_sense),
        cmocka_unit_test(responses),
        cmocka_unit_test(responses_with_data),
        cmocka_unit_test(replies_that_cannot_be),
        cmocka_unit_test(ring_in_batches),
        cmocka_unit_test(ring_with_a_hostile_producer),
        cmocka_unit_test(ring_that_somebody_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots of the event ring: what a request says, and the response in its place. */
#include "xen/abi_event.h"

/* ---- versions -------------------------------------------------------------------------------- */

struct slot_run {
    uint16_t from, to, bytes; /* from: in the slot's register block; to: in struct event_regs */
};

#define TO(member) ((uint16_t)offsetof(struct event_regs, member))
#define END                                                                                        \
    {                                                                                              \
        0, 0, 0                                                                                    \
    }

/* gpr, rflags; then dr7 to lstar: no dr6 yet. */
static const struct slot_run runs_2[] = {{0, 0, 136}, {136, TO(dr7), 96}, END};
static const struct slot_run runs_4[] = {{0, 0, 240}, END};
static const struct slot_run runs_5[] = {{0, 0, 248}, END};
static const struct slot_run runs_7[] = {{0, 0, 264}, END};
_Static_assert(TO(rflags) == 128 && TO(dr7) == 144 && TO(gdtr_base) == 240 && TO(shadow_gs) == 264,
               "the order of version 7");

static const struct slot_abi versions[] = {
    {.version = 2,
     .size = 312,
     .runs = runs_2,
     .fs_base = 232,
     .cs_rights = 248,
     .debug_length = 8},
    {.version = 3,
     .size = 312,
     .runs = runs_2,
     .fs_base = 232,
     .cs_rights = 248,
     .msr_old = 16,
     .debug_length = 8},
    {.version = 4,
     .size = 376,
     .runs = runs_4,
     .segments = 240,
     .selectors = 304,
     .msr_old = 16,
     .debug_length = 8},
    {.version = 5,
     .size = 384,
     .runs = runs_5,
     .segments = 248,
     .gdtr_limit = 312,
     .selectors = 314,
     .msr_old = 16,
     .debug_length = 8},
    {.version = 6,
     .size = 384,
     .runs = runs_5,
     .segments = 248,
     .gdtr_limit = 312,
     .selectors = 314,
     .msr_old = 16,
     .debug_length = 16,
     .debug_pending = 8},
    {.version = 7,
     .size = 400,
     .runs = runs_7,
     .segments = 264,
     .gdtr_limit = 328,
     .selectors = 330,
     .msr_old = 16,
     .debug_length = 16,
     .debug_pending = 8},
};

const struct slot_abi *slot_abi_of(unsigned version)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        if (versions[i].version == version)
            return &versions[i];
    return NULL;
}

uint32_t slot_replies(const struct slot_abi *abi, unsigned minor)
{
    uint32_t v = REPLY_EMULATE | REPLY_NO_WRITE | REPLY_READ_DATA | REPLY_INSN | REPLY_DENY |
                 REPLY_VIEW | REPLY_REGISTERS | REPLY_STEP_ON | REPLY_STEP_OFF | REPLY_REINJECT |
                 REPLY_NEXT_INTERRUPT;
    if (abi->version >= 6)
        v |= REPLY_FAST_STEP;
    if (abi->version >= 7)
        v |= REPLY_RESET_VMTRACE;
    if (minor >= 17)
        v |= REPLY_FORK_STATE | REPLY_FORK_MEMORY;
    return v;
}

/* ---- requests -------------------------------------------------------------------------------- */

/* Segments as of version 4: what lies behind `segments` is the same in all later ones. */
static void decode_segments(const struct slot_abi *abi, const uint8_t *regs, struct event_regs *ret)
{
    const uint8_t *p = regs + abi->segments;
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        ret->seg[i].base = i < SEG_FS ? le32(p + 4 * i) : le64(p + 16 + 8 * (i - SEG_FS));
        uint32_t packed = le32(p + 32 + 4 * i); /* limit:20 ar:12 */
        ret->seg[i].limit = packed & 0xfffff;
        ret->seg[i].ar = (uint16_t)(packed >> 20);
        ret->seg[i].sel = le16(regs + abi->selectors + 2 * i);
    }
    ret->shadow_gs = le64(p + 56);
    ret->gdtr_limit = abi->gdtr_limit ? le16(regs + abi->gdtr_limit) : 0;
}

static void decode_regs(const struct slot_abi *abi, const uint8_t *regs, struct event_regs *ret)
{
    /* Version 7 fills all; older ones leave what they do not tell. */
    if (abi->version < 7)
        *ret = (struct event_regs){.vmtrace_pos = UINT64_MAX};
    for (const struct slot_run *r = abi->runs; r->bytes; r++)
        memcpy((uint8_t *)ret + r->to, regs + r->from, r->bytes);
    if (abi->segments) {
        decode_segments(abi, regs, ret);
        return;
    }
    ret->seg[SEG_FS].base = le64(regs + abi->fs_base);
    ret->seg[SEG_GS].base = le64(regs + abi->fs_base + 8);
    ret->seg[SEG_CS].ar = (uint16_t)(le32(regs + abi->cs_rights) & 0xfff);
}

enum { MEM_R = 1, MEM_W = 2, MEM_X = 4, MEM_GLA_VALID = 8, MEM_IN_PAGE_WALK = 32 };

static bool decode_memory(const struct slot_abi *abi, const uint8_t *u, struct event_request *ret)
{
    (void)abi;
    uint32_t flags = le32(u + 24);
    ret->memory.gfn = le64(u);
    ret->memory.offset = le64(u + 8) & (4096 - 1);
    ret->memory.gla_valid = flags & MEM_GLA_VALID;
    ret->memory.gla = ret->memory.gla_valid ? le64(u + 16) : 0;
    ret->memory.access = flags & (MEM_R | MEM_W | MEM_X);
    ret->memory.in_page_walk = flags & MEM_IN_PAGE_WALK;
    return true;
}

static bool decode_cr(const struct slot_abi *abi, const uint8_t *u, struct event_request *ret)
{
    (void)abi;
    uint32_t index = le32(u);
    ret->cr.reg = (enum event_cr)index;
    ret->cr.value = le64(u + 8);
    ret->cr.previous = le64(u + 16);
    return index <= EVENT_XCR0;
}

static bool decode_msr(const struct slot_abi *abi, const uint8_t *u, struct event_request *ret)
{
    ret->msr.index = (uint32_t)le64(u);
    ret->msr.value = le64(u + 8);
    ret->msr.previous = abi->msr_old ? le64(u + abi->msr_old) : 0;
    return true;
}

static bool decode_debug(const struct slot_abi *abi, const uint8_t *u, struct event_request *ret)
{
    ret->debug.gfn = le64(u);
    ret->debug.pending = abi->debug_pending ? le64(u + abi->debug_pending) : 0;
    ret->debug.insn_length = le32(u + abi->debug_length);
    ret->debug.type = u[abi->debug_length + 4];
    if (ret->kind == EVENT_BREAKPOINT && !ret->debug.insn_length)
        ret->debug.insn_length = 1;
    return true;
}

static bool decode_step(const struct slot_abi *abi, const uint8_t *u, struct event_request *ret)
{
    (void)abi;
    ret->step.gfn = le64(u);
    return true;
}

static bool decode_cpuid(const struct slot_abi *abi, const uint8_t *u, struct event_request *ret)
{
    (void)abi;
    ret->cpuid.insn_length = le32(u);
    ret->cpuid.leaf = le32(u + 4);
    ret->cpuid.subleaf = le32(u + 8);
    return true;
}

static bool decode_interrupt(const struct slot_abi *abi, const uint8_t *u,
                             struct event_request *ret)
{
    (void)abi;
    ret->interrupt.vector = le32(u);
    ret->interrupt.type = le32(u + 4);
    ret->interrupt.error_code = le32(u + 8);
    ret->interrupt.cr2 = le64(u + 16);
    return true;
}

static bool decode_descriptor(const struct slot_abi *abi, const uint8_t *u,
                              struct event_request *ret)
{
    (void)abi;
    ret->descriptor.instr_info = le32(u);
    ret->descriptor.exit_info = le64(u);
    ret->descriptor.qualification = le64(u + 8);
    ret->descriptor.table = (enum event_table)u[16];
    ret->descriptor.write = u[17];
    return u[16] >= EVENT_IDTR && u[16] <= EVENT_TR;
}

static bool decode_vmexit(const struct slot_abi *abi, const uint8_t *u, struct event_request *ret)
{
    (void)abi;
    ret->vmexit.reason = le64(u);
    ret->vmexit.qualification = le64(u + 8);
    return true;
}

static bool decode_io(const struct slot_abi *abi, const uint8_t *u, struct event_request *ret)
{
    (void)abi;
    ret->io.bytes = le32(u);
    ret->io.port = le16(u + 4);
    ret->io.in = u[6];
    ret->io.string = u[7];
    return true;
}

static bool decode_nothing(const struct slot_abi *abi, const uint8_t *u, struct event_request *ret)
{
    (void)abi, (void)u, (void)ret;
    return true;
}

/* By VM_EVENT_REASON_*. Reasons 0, 2 and 3 (sharing, paging) never come on this ring. */
static const struct reason {
    enum event_kind kind;
    bool (*decode)(const struct slot_abi *abi, const uint8_t *u, struct event_request *ret);
} reasons[] = {
    [1] = {EVENT_MEMORY, decode_memory},
    [4] = {EVENT_CR, decode_cr},
    [5] = {EVENT_MSR, decode_msr},
    [6] = {EVENT_BREAKPOINT, decode_debug},
    [7] = {EVENT_STEP, decode_step},
    [8] = {EVENT_GUEST_REQUEST, decode_nothing},
    [9] = {EVENT_DEBUG, decode_debug},
    [10] = {EVENT_CPUID, decode_cpuid},
    [11] = {EVENT_PRIVILEGED_CALL, decode_nothing},
    [12] = {EVENT_INTERRUPT, decode_interrupt},
    [13] = {EVENT_DESCRIPTOR, decode_descriptor},
    [14] = {EVENT_EMULATION, decode_nothing},
    [15] = {EVENT_VMEXIT, decode_vmexit},
    [16] = {EVENT_IO, decode_io},
};

int slot_decode(const struct slot_abi *abi, const uint8_t *slot, unsigned vcpus,
                struct event_request *ret)
{
    uint32_t flags = le32(slot + 4), reason = le32(slot + 8);
    ret->kind = EVENT_KINDS;
    ret->vcpu = le32(slot + 12);
    ret->paused = flags & SLOT_VCPU_PAUSED;
    ret->nested = flags & SLOT_NESTED_P2M;
    ret->view = flags & SLOT_ALTERNATE_P2M ? le16(slot + 16) : 0;
    if (le32(slot) != abi->version || ret->vcpu >= vcpus || reason >= ARRAY_LEN(reasons) ||
        !reasons[reason].decode)
        return ST_BROKEN;
    ret->kind = reasons[reason].kind;
    decode_regs(abi, slot + SLOT_DATA, &ret->regs);
    return reasons[reason].decode(abi, slot + SLOT_UNION, ret) ? ST_OK : ST_BROKEN;
}

/* ---- responses ------------------------------------------------------------------------------- */

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static void put16(uint8_t *p, uint16_t v)
{
    memcpy(p, &v, sizeof v);
}

/* Replies whose flag is all there is to them. */
static const struct {
    uint32_t reply, flags;
} plain[] = {
    {REPLY_EMULATE, SLOT_EMULATE},
    {REPLY_NO_WRITE, SLOT_EMULATE | SLOT_EMULATE_NOWRITE},
    {REPLY_READ_DATA, SLOT_EMULATE | SLOT_SET_EMUL_READ_DATA},
    {REPLY_INSN, SLOT_EMULATE | SLOT_SET_EMUL_INSN_DATA},
    {REPLY_DENY, SLOT_DENY},
    {REPLY_VIEW, SLOT_ALTERNATE_P2M},
    {REPLY_REGISTERS, SLOT_SET_REGISTERS},
    {REPLY_FAST_STEP, SLOT_FAST_SINGLESTEP},
    {REPLY_NEXT_INTERRUPT, SLOT_GET_NEXT_INTERRUPT},
    {REPLY_RESET_VMTRACE, SLOT_RESET_VMTRACE},
    {REPLY_FORK_STATE, SLOT_RESET_FORK_STATE},
    {REPLY_FORK_MEMORY, SLOT_RESET_FORK_MEMORY},
};

enum { INSN_BYTES = 16, READ_DATA_MAX = 256 };

/* Why the reply cannot be given to this request, or NULL. */
static const char *refuse(const struct slot_abi *abi, const struct event_request *q,
                          const struct event_reply *reply, bool toggle)
{
    const uint32_t data = REPLY_READ_DATA | REPLY_INSN, f = reply->flags;
    const uint32_t idle = REPLY_REINJECT | REPLY_STEP_ON | REPLY_STEP_OFF;
    if (!q->paused && ((f & ~idle) || toggle))
        return "the vCPU did not wait for an answer, so it takes none";
    if ((f & data) == data || ((f & data) && (f & REPLY_REGISTERS)))
        return "registers, read data and an instruction exclude each other";
    if ((f & data) && !reply->data)
        return "it has no data";
    if ((f & REPLY_INSN) && (reply->data_size != INSN_BYTES || q->kind != EVENT_BREAKPOINT))
        return "an instruction is 16 bytes, and answers a breakpoint";
    if ((f & REPLY_READ_DATA) && (reply->data_size > READ_DATA_MAX ||
                                  reply->data_size > abi->size - SLOT_DATA - sizeof(uint32_t)))
        return "there is more read data than this Xen takes";
    if ((f & REPLY_FAST_STEP) &&
        (toggle || (f & (REPLY_EMULATE | REPLY_NO_WRITE | data | REPLY_DENY))))
        return "a fast step excludes stepping, emulation and denial";
    return NULL;
}

int slot_respond(const struct slot_abi *abi, uint8_t *slot, const struct event_request *request,
                 const struct event_reply *reply, bool toggle, const char **why)
{
    uint32_t flags = request->paused ? SLOT_VCPU_PAUSED : 0;
    put32(slot + 4, flags);
    *why = refuse(abi, request, reply, toggle);
    if (*why)
        return ST_INVALID;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (reply->flags & plain[i].reply)
            flags |= plain[i].flags;
    if (toggle)
        flags |= SLOT_TOGGLE_SINGLESTEP;
    if (reply->flags & REPLY_VIEW)
        put16(slot + 16, reply->view);
    if (reply->flags & REPLY_FAST_STEP)
        put16(slot + SLOT_UNION, reply->next_view);
    uint8_t *data = slot + SLOT_DATA;
    if (reply->flags & REPLY_REGISTERS)
        for (const struct slot_run *r = abi->runs; r->bytes; r++)
            memcpy(data + r->from, (const uint8_t *)&request->regs + r->to, r->bytes);
    if (reply->flags & REPLY_READ_DATA) {
        put32(data, reply->data_size);
        memcpy(data + 4, reply->data, reply->data_size);
    }
    if (reply->flags & REPLY_INSN)
        memcpy(data, reply->data, INSN_BYTES);
    put32(slot + 4, flags);
    return ST_OK;
}

void slot_release(const struct slot_abi *abi, uint8_t *slot, uint32_t vcpu)
{
    memset(slot, 0, abi->size);
    put32(slot, abi->version);
    put32(slot + 4, SLOT_VCPU_PAUSED);
    put32(slot + 12, vcpu);
}

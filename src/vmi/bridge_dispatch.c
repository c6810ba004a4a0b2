/* SPDX-License-Identifier: BSD-2-Clause */
/* A request as LibVMI's callback sees it, and what its response asks for. */
#include <stdlib.h>

#include "vmi/bridge.h"

/* ---- registers ------------------------------------------------------------------------------- */

#define SEGMENT(name, i)                                                                           \
    do {                                                                                           \
        x->name##_base = r->seg[i].base;                                                           \
        x->name##_limit = r->seg[i].limit;                                                         \
        x->name##_sel = r->seg[i].sel;                                                             \
        x->name##_arbytes = r->seg[i].ar;                                                          \
    } while (0)

static void fill_registers(x86_registers_t *x, const struct event_regs *r)
{
    _Static_assert(offsetof(x86_registers_t, rflags) == sizeof r->gpr &&
                       offsetof(x86_registers_t, rip) == 152,
                   "rax to r15 in the hardware's order, then rflags dr6 dr7 rip");
    memcpy(&x->rax, r->gpr, sizeof r->gpr);
    x->rflags = r->rflags;
    x->dr6 = r->dr6;
    x->dr7 = r->dr7;
    x->rip = r->rip;
    x->cr0 = r->cr0;
    x->cr2 = r->cr2;
    x->cr3 = r->cr3;
    x->cr4 = r->cr4;
    x->sysenter_cs = r->sysenter_cs;
    x->sysenter_esp = r->sysenter_esp;
    x->sysenter_eip = r->sysenter_eip;
    x->msr_efer = r->efer;
    x->msr_star = r->star;
    x->msr_lstar = r->lstar;
    SEGMENT(fs, SEG_FS);
    SEGMENT(gs, SEG_GS);
    SEGMENT(cs, SEG_CS);
    SEGMENT(ss, SEG_SS);
    SEGMENT(ds, SEG_DS);
    SEGMENT(es, SEG_ES);
    x->shadow_gs = r->shadow_gs;
    x->gdtr_base = r->gdtr_base;
    x->gdtr_limit = r->gdtr_limit;
    x->npt_base = r->npt_base;
    x->vmtrace_pos = r->vmtrace_pos;
}

static void take_registers(struct event_regs *r, const x86_registers_t *x)
{
    memcpy(r->gpr, &x->rax, sizeof r->gpr);
    r->rflags = x->rflags;
    r->rip = x->rip;
}

/* CR0.PG, CR4.PAE, EFER.LME */
static page_mode_t page_mode_of(const struct event_regs *r)
{
    if (!(r->cr0 >> 31 & 1))
        return VMI_PM_NONE;
    if (!(r->cr4 >> 5 & 1))
        return VMI_PM_LEGACY;
    return r->efer >> 8 & 1 ? VMI_PM_IA32E : VMI_PM_PAE;
}

/* ---- the event ------------------------------------------------------------------------------- */

static void fill_memory(vmi_event_t *e, const struct event_request *q)
{
    e->mem_event.gfn = q->memory.gfn;
    e->mem_event.offset = q->memory.offset;
    e->mem_event.gla = q->memory.gla;
    e->mem_event.gla_valid = q->memory.gla_valid;
    e->mem_event.gptw = q->memory.in_page_walk;
    e->mem_event.out_access = (vmi_mem_access_t)(q->memory.access << 1); /* R, W, X: bits 1 to 3 */
}

static void fill_debug(vmi_event_t *e, const struct event_request *q)
{
    if (q->kind == EVENT_DEBUG) {
        e->debug_event.gla = q->regs.rip;
        e->debug_event.gfn = q->debug.gfn;
        e->debug_event.offset = q->regs.rip & 0xfff;
        e->debug_event.insn_length = q->debug.insn_length;
        e->debug_event.type = q->debug.type;
        e->debug_event.reinject = -1;
        return;
    }
    e->interrupt_event.gla = q->regs.rip;
    e->interrupt_event.gfn = q->debug.gfn;
    e->interrupt_event.offset = q->regs.rip & 0xfff;
    e->interrupt_event.insn_length = q->debug.insn_length;
    e->interrupt_event.reinject = -1;
}

static void fill(vmi_event_t *e, const struct event_request *q)
{
    switch (q->kind) {
    case EVENT_MEMORY:
        fill_memory(e, q);
        break;
    case EVENT_CR:
        e->reg_event.value = q->cr.value;
        e->reg_event.previous = q->cr.previous;
        e->reg_event.out_access = VMI_REGACCESS_W;
        break;
    case EVENT_MSR:
        e->reg_event.value = q->msr.value;
        e->reg_event.previous = q->msr.previous;
        e->reg_event.msr = q->msr.index;
        e->reg_event.out_access = VMI_REGACCESS_W;
        break;
    case EVENT_BREAKPOINT:
    case EVENT_DEBUG:
        fill_debug(e, q);
        break;
    case EVENT_STEP:
        e->ss_event.gla = q->regs.rip;
        e->ss_event.gfn = q->step.gfn;
        e->ss_event.offset = q->regs.rip & 0xfff;
        break;
    case EVENT_CPUID:
        e->cpuid_event.insn_length = q->cpuid.insn_length;
        e->cpuid_event.leaf = q->cpuid.leaf;
        e->cpuid_event.subleaf = q->cpuid.subleaf;
        break;
    case EVENT_INTERRUPT:
        e->interrupt_event.vector = q->interrupt.vector;
        e->interrupt_event.type = q->interrupt.type;
        e->interrupt_event.error_code = q->interrupt.error_code;
        e->interrupt_event.cr2 = q->interrupt.cr2;
        break;
    case EVENT_DESCRIPTOR:
        e->descriptor_event.exit_info = q->descriptor.exit_info; /* and instr_info in it */
        e->descriptor_event.exit_qualification = q->descriptor.qualification;
        e->descriptor_event.descriptor = (uint8_t)q->descriptor.table;
        e->descriptor_event.is_write = q->descriptor.write;
        break;
    case EVENT_VMEXIT:
        e->vmexit_event.reason = q->vmexit.reason;
        e->vmexit_event.qualification = q->vmexit.qualification;
        break;
    case EVENT_IO:
        e->io_event.bytes = q->io.bytes;
        e->io_event.port = q->io.port;
        e->io_event.in = q->io.in;
        e->io_event.str = q->io.string;
        break;
    case EVENT_GUEST_REQUEST:
    case EVENT_EMULATION:
    case EVENT_PRIVILEGED_CALL:
    case EVENT_KINDS:
        break;
    }
}

/* ---- the response ---------------------------------------------------------------------------- */

static const struct {
    event_response_t response;
    uint32_t reply;
} plain[] = {
    {VMI_EVENT_RESPONSE_EMULATE, REPLY_EMULATE},
    {VMI_EVENT_RESPONSE_EMULATE_NOWRITE, REPLY_NO_WRITE},
    {VMI_EVENT_RESPONSE_DENY, REPLY_DENY},
    {VMI_EVENT_RESPONSE_SLAT_ID, REPLY_VIEW},
    {VMI_EVENT_RESPONSE_NEXT_SLAT_ID, REPLY_FAST_STEP},
    {VMI_EVENT_RESPONSE_RESET_VMTRACE, REPLY_RESET_VMTRACE},
    {VMI_EVENT_RESPONSE_RESET_FORK_STATE, REPLY_FORK_STATE},
    {VMI_EVENT_RESPONSE_RESET_FORK_MEM, REPLY_FORK_MEMORY},
};

static void free_read(void *data)
{
    emul_read_t *r = data;
    if (!r->dont_free)
        free(r);
}

static void free_insn(void *data)
{
    emul_insn_t *i = data;
    if (!i->dont_free)
        free(i);
}

/* Buffers of the program's: its pointer has the place of the registers' one, which it must have
 * replaced. */
static void take_buffer(vmi_instance_t vmi, vmi_event_t *e, event_response_t r,
                        struct event_reply *reply)
{
    const event_response_t both =
        VMI_EVENT_RESPONSE_SET_EMUL_READ_DATA | VMI_EVENT_RESPONSE_SET_EMUL_INSN;
    if (!(r & both))
        return;
    if (!e->emul_read || (void *)e->emul_read == (void *)&vmi->bridge->regs || (r & both) == both) {
        bridge_broke(vmi, "a callback asked for emulation with its own data and gave no buffer, or "
                          "asked for two");
        return;
    }
    if (r & VMI_EVENT_RESPONSE_SET_EMUL_READ_DATA) {
        reply->flags |= REPLY_READ_DATA;
        reply->data = e->emul_read->data;
        reply->data_size = e->emul_read->size;
        reply->release = free_read;
    } else {
        reply->flags |= REPLY_INSN;
        reply->data = e->emul_insn->data;
        reply->data_size = sizeof e->emul_insn->data;
        reply->release = free_insn;
    }
    reply->release_data = e->emul_read;
}

static void take_registers_of(vmi_instance_t vmi, vmi_event_t *e, event_response_t r,
                              struct event_request *q, struct event_reply *reply)
{
    if (!(r & VMI_EVENT_RESPONSE_SET_REGISTERS))
        return;
    if (!e->x86_regs || (reply->flags & (REPLY_READ_DATA | REPLY_INSN))) {
        bridge_broke(vmi, "a callback asked to set registers, and had replaced their pointer");
        return;
    }
    take_registers(&q->regs, e->x86_regs);
    reply->flags |= REPLY_REGISTERS;
}

static void toggle_step(vmi_instance_t vmi, const struct event_request *q)
{
    struct api_event *a = bridge_step_event_of(vmi, q->vcpu);
    if (!a) {
        bridge_broke(vmi,
                     "a callback toggled single-steps of vCPU %u, for which no single-step "
                     "event is registered",
                     q->vcpu);
        return;
    }
    bool on = q->vcpu < STEP_VCPUS && (a->hook.step.on >> q->vcpu & 1);
    if (monitor_step_vcpu(vmi->bridge->monitor, &a->hook, q->vcpu, !on) != ST_OK)
        bridge_broke(vmi, "%s", vmi->bridge->diag.text);
}

static bool has_next_interrupt(vmi_instance_t vmi)
{
    for (const struct api_event *a = vmi->bridge->events; a; a = a->next)
        if (a->hook.kind == EVENT_INTERRUPT)
            return true;
    return false;
}

static void take_reinject(vmi_instance_t vmi, const vmi_event_t *e, const struct event_request *q,
                          struct event_reply *reply)
{
    bool debug = q->kind == EVENT_DEBUG;
    int8_t reinject = debug ? e->debug_event.reinject : e->interrupt_event.reinject;
    if (q->kind != EVENT_BREAKPOINT && !debug)
        return;
    if (reinject == 0)
        return;
    if (reinject < 0)
        bridge_broke(vmi, "the callback of a %s event did not set `reinject`: the guest gets it",
                     event_kind_name(q->kind));
    reply->flags |= REPLY_REINJECT;
    reply->insn_length = debug ? e->debug_event.insn_length : e->interrupt_event.insn_length;
}

static void take_response(vmi_instance_t vmi, vmi_event_t *e, event_response_t r,
                          struct event_request *q, struct event_reply *reply)
{
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (r & plain[i].response)
            reply->flags |= plain[i].reply;
    reply->view = e->slat_id;
    reply->next_view = e->next_slat_id;
    take_buffer(vmi, e, r, reply);
    take_registers_of(vmi, e, r, q, reply);
    if (r & VMI_EVENT_RESPONSE_TOGGLE_SINGLESTEP)
        toggle_step(vmi, q);
    if (r & VMI_EVENT_RESPONSE_GET_NEXT_INTERRUPT) {
        if (has_next_interrupt(vmi))
            reply->flags |= REPLY_NEXT_INTERRUPT;
        else
            bridge_broke(vmi, "a callback asked for the next interrupt, for which no event "
                              "(INT_NEXT) is registered");
    }
}

/* ---- the call -------------------------------------------------------------------------------- */

void bridge_call(vmi_instance_t vmi, vmi_event_t *e, event_callback_t cb, struct event_request *q,
                 struct event_reply *reply)
{
    struct bridge *b = vmi->bridge;
    bool outer = b->in_callback;
    e->vcpu_id = q->vcpu;
    e->slat_id = q->view;
    e->page_mode = page_mode_of(&q->regs);
    fill_registers(&b->regs, &q->regs);
    e->x86_regs = &b->regs;
    b->in_callback = true;
    event_response_t r = cb(vmi, e);
    b->in_callback = outer;
    take_response(vmi, e, r, q, reply);
    e->x86_regs = NULL; /* it is valid in the callback only */
}

/* Some events get fewer requests than their trap raises. */
static bool wants(vmi_instance_t vmi, const struct api_event *a, const struct event_request *q)
{
    if (q->kind == EVENT_CR)
        return !a->event->reg_event.equal || a->event->reg_event.equal == q->cr.value;
    if (q->kind != EVENT_MSR || a->hook.msr.list)
        return true;
    for (const struct api_event *o = vmi->bridge->events; o; o = o->next)
        if (o->hook.kind == EVENT_MSR && o->hook.msr.list && o->hook.state == HOOK_ACTIVE)
            return false; /* an MSR_ALL event gets all */
    return true;
}

enum hook_result bridge_on_event(struct monitor *m, struct hook *hook, struct event_request *q,
                                 struct event_reply *reply)
{
    struct api_event *a = hook->data;
    vmi_instance_t vmi = a->vmi;
    vmi_event_t *e = a->event;
    (void)m;
    if (!wants(vmi, a, q))
        return HOOK_SEEN;
    if (q->kind == EVENT_MEMORY && e->mem_event.generic) { /* of several, the last one's counts */
        if (reply->release)
            reply->release(reply->release_data);
        *reply = (struct event_reply){0};
    }
    fill(e, q);
    bridge_call(vmi, e, e->callback, q, reply);
    take_reinject(vmi, e, q, reply);
    return HOOK_SEEN;
}

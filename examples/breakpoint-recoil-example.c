/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A breakpoint on a kernel function, put back after each hit: the original byte returns for one
 * single step.
 *
 *   breakpoint-recoil-example NAME SYMBOL [SOCKET]
 *
 * Single-stepping needs Intel. A vCPU that comes by during the step is not seen.
 */
#include "example.h"

struct state {
    vmi_event_t int3, step;
    addr_t address;
    uint8_t saved;
    bool set;
    unsigned long hits;
};

static bool put(vmi_instance_t vmi, const struct state *s, uint8_t byte)
{
    return vmi_write_va(vmi, s->address, 0, 1, &byte, NULL) == VMI_SUCCESS;
}

static event_response_t on_step(vmi_instance_t vmi, vmi_event_t *event)
{
    struct state *s = (struct state *)event->data;
    printf("vCPU %u: stepped to RIP 0x%" PRIx64 ", breakpoint set again\n", event->vcpu_id,
           (uint64_t)event->x86_regs->rip);
    if (!put(vmi, s, 0xcc))
        fprintf(stderr, "The breakpoint cannot be set again.\n");
    return VMI_EVENT_RESPONSE_TOGGLE_SINGLESTEP;
}

static event_response_t on_int3(vmi_instance_t vmi, vmi_event_t *event)
{
    struct state *s = (struct state *)event->data;
    interrupt_event_t *e = &event->interrupt_event;
    if (event->x86_regs->rip != s->address) { /* the guest's own */
        if (!e->insn_length)
            e->insn_length = 1;
        e->reinject = 1;
        return VMI_EVENT_RESPONSE_NONE;
    }
    e->reinject = 0;
    printf("vCPU %u: hit %lu at RIP 0x%" PRIx64 "\n", event->vcpu_id, ++s->hits,
           (uint64_t)event->x86_regs->rip);
    if (!put(vmi, s, s->saved))
        fprintf(stderr, "The original byte cannot be put back.\n");
    return VMI_EVENT_RESPONSE_TOGGLE_SINGLESTEP;
}

static bool start(vmi_instance_t vmi, struct state *s, const char *symbol)
{
    unsigned vcpus = vmi_get_num_vcpus(vmi);
    if (vmi_translate_ksym2v(vmi, symbol, &s->address) != VMI_SUCCESS ||
        vmi_read_va(vmi, s->address, 0, 1, &s->saved, NULL) != VMI_SUCCESS) {
        fprintf(stderr, "%s cannot be found or read.\n", symbol);
        return false;
    }
    s->int3.version = VMI_EVENTS_VERSION;
    s->int3.type = VMI_EVENT_INTERRUPT;
    s->int3.callback = on_int3;
    s->int3.data = s;
    s->int3.interrupt_event.intr = INT3;
    s->int3.interrupt_event.reinject = -1;
    s->step.version = VMI_EVENTS_VERSION;
    s->step.type = VMI_EVENT_SINGLESTEP;
    s->step.callback = on_step;
    s->step.data = s;
    s->step.ss_event.enable = 0; /* starts and ends by the callbacks' answers */
    for (unsigned i = 0; i < vcpus && i < MAX_SINGLESTEP_VCPUS; i++)
        SET_VCPU_SINGLESTEP(s->step.ss_event, i);
    if (vmi_register_event(vmi, &s->step) != VMI_SUCCESS ||
        vmi_register_event(vmi, &s->int3) != VMI_SUCCESS) {
        fprintf(stderr, "The events cannot be registered.\n");
        return false;
    }
    s->set = put(vmi, s, 0xcc);
    printf("Breakpoint %s at %s (0x%" PRIx64 ")\n", s->set ? "set" : "not set", symbol,
           (uint64_t)s->address);
    return s->set;
}

int main(int argc, char **argv)
{
    struct state s = {0};
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: breakpoint-recoil-example NAME SYMBOL [SOCKET]\n");
        return 1;
    }
    struct guest g = {.name = argv[1], .socket = argv[3]};
    vmi_instance_t vmi = guest_open(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    stop_on_signals();
    vmi_pause_vm(vmi);
    bool good = start(vmi, &s, argv[2]);
    vmi_resume_vm(vmi);
    good = good && listen_until_stopped(vmi);
    vmi_pause_vm(vmi);
    drain_events(vmi); /* a step that is under way sets it once more */
    if (s.set && !put(vmi, &s, s.saved))
        good = false;
    vmi_clear_event(vmi, &s.int3, NULL); /* also where it was never registered */
    vmi_clear_event(vmi, &s.step, NULL);
    vmi_resume_vm(vmi);
    vmi_destroy(vmi);
    printf("%lu hits\n", s.hits);
    return good ? 0 : 1;
}

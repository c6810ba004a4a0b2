/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints each CPUID instruction of the guest, with the answer that the hypervisor gives.
 *
 *   cpuid -n NAME | -d DOMID [-s SOCKET]
 */
#include "example.h"

static event_response_t on_cpuid(vmi_instance_t vmi, vmi_event_t *event)
{
    x86_registers_t *regs = event->x86_regs; /* the answer is in it already */
    (void)vmi;
    printf("CPUID leaf 0x%x subleaf 0x%x: EAX=0x%x EBX=0x%x ECX=0x%x EDX=0x%x\n",
           event->cpuid_event.leaf, event->cpuid_event.subleaf, (unsigned)regs->rax,
           (unsigned)regs->rbx, (unsigned)regs->rcx, (unsigned)regs->rdx);
    regs->rip += event->cpuid_event.insn_length; /* or the guest would run it again, for ever */
    return VMI_EVENT_RESPONSE_SET_REGISTERS;
}

int main(int argc, char **argv)
{
    struct guest g;
    vmi_event_t event = {0};
    if (!guest_from_options(&argc, argv, &g) || argc != 1) {
        fprintf(stderr, "usage: cpuid -n NAME | -d DOMID [-s SOCKET]\n");
        return 1;
    }
    vmi_instance_t vmi = guest_init(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    stop_on_signals();
    event.version = VMI_EVENTS_VERSION;
    event.type = VMI_EVENT_CPUID;
    event.callback = on_cpuid;
    if (vmi_register_event(vmi, &event) != VMI_SUCCESS) {
        fprintf(stderr, "The CPUID event cannot be registered.\n");
        vmi_destroy(vmi);
        return 1;
    }
    bool good = listen_until_stopped(vmi);
    return close_events(vmi, &event, good);
}

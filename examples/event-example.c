/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints each system call of a 64-bit guest: its number (RAX) and first argument (RDI).
 *
 *   event-example NAME [SOCKET]
 *
 * At the first switch of address spaces the pages of the two system call entries (LSTAR,
 * SYSENTER_EIP) are watched for execution; no operating system needs to be known. Memory events
 * need Intel's EPT.
 */
#include "example.h"

enum { ENTRIES = 2 };

struct entry {
    vmi_event_t event;
    const char *name;
    addr_t address;
    bool watched;
};

struct state {
    vmi_event_t cr3;
    struct entry entry[ENTRIES];
    bool done; /* the entries were looked up */
};

/* An instruction in the page: shown when it is the entry itself; then the page is executable for
 * one step, after which the event is registered again. */
static event_response_t on_execute(vmi_instance_t vmi, vmi_event_t *event)
{
    const struct entry *e = (const struct entry *)event->data;
    const x86_registers_t *regs = event->x86_regs;
    if (regs->rip == e->address)
        printf("vCPU %u: %s: RAX=%" PRIu64 " RDI=0x%" PRIx64 " (CR3 0x%" PRIx64 ")\n",
               event->vcpu_id, e->name, (uint64_t)regs->rax, (uint64_t)regs->rdi,
               (uint64_t)regs->cr3);
    vmi_clear_event(vmi, event, NULL);
    if (vmi_step_event(vmi, event, event->vcpu_id, 1, NULL) != VMI_SUCCESS)
        fprintf(stderr, "%s cannot be watched any more.\n", e->name);
    return VMI_EVENT_RESPONSE_NONE;
}

static void watch(vmi_instance_t vmi, struct entry *e, const char *name, addr_t address, addr_t cr3)
{
    addr_t pa;
    if (!address || vmi_pagetable_lookup(vmi, cr3, address, &pa) != VMI_SUCCESS)
        return; /* not in use, or not mapped */
    e->name = name;
    e->address = address;
    e->event.version = VMI_EVENTS_VERSION;
    e->event.type = VMI_EVENT_MEMORY;
    e->event.callback = on_execute;
    e->event.data = e;
    e->event.mem_event.gfn = pa >> 12;
    e->event.mem_event.in_access = VMI_MEMACCESS_X;
    /* two entries in one page: the second is refused, and one is enough to show */
    e->watched = vmi_register_event(vmi, &e->event) == VMI_SUCCESS;
    printf("%s: 0x%" PRIx64 "%s\n", name, (uint64_t)address,
           e->watched ? "" : " (cannot be watched)");
}

static event_response_t on_cr3(vmi_instance_t vmi, vmi_event_t *event)
{
    struct state *s = (struct state *)event->data;
    uint64_t sysenter = 0;
    if (s->done)
        return VMI_EVENT_RESPONSE_NONE;
    s->done = true;
    if (vmi_get_vcpureg(vmi, &sysenter, SYSENTER_EIP, event->vcpu_id) != VMI_SUCCESS)
        sysenter = 0;
    watch(vmi, &s->entry[0], "SYSCALL", event->x86_regs->msr_lstar, event->reg_event.value);
    watch(vmi, &s->entry[1], "SYSENTER", sysenter, event->reg_event.value);
    vmi_clear_event(vmi, event, NULL); /* it has served */
    return VMI_EVENT_RESPONSE_NONE;
}

int main(int argc, char **argv)
{
    struct state s = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: event-example NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_init(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    bool good = false;
    stop_on_signals();
    s.cr3.version = VMI_EVENTS_VERSION;
    s.cr3.type = VMI_EVENT_REGISTER;
    s.cr3.callback = on_cr3;
    s.cr3.data = &s;
    s.cr3.reg_event.reg = CR3;
    s.cr3.reg_event.in_access = VMI_REGACCESS_W;
    vmi_pause_vm(vmi);
    if (vmi_init_paging(vmi, 0) == VMI_PM_UNKNOWN)
        fprintf(stderr, "The guest's paging is not known.\n");
    else if (vmi_register_event(vmi, &s.cr3) != VMI_SUCCESS)
        fprintf(stderr, "The CR3 event cannot be registered.\n");
    else
        good = true;
    vmi_resume_vm(vmi);
    good = good && listen_until_stopped(vmi);
    vmi_pause_vm(vmi);
    drain_events(vmi);
    if (!s.done)
        vmi_clear_event(vmi, &s.cr3, NULL);
    for (unsigned i = 0; i < ENTRIES; i++)
        if (s.entry[i].watched) /* it may be away for a step: then closing takes it back */
            vmi_clear_event(vmi, &s.entry[i].event, NULL);
    vmi_resume_vm(vmi);
    vmi_destroy(vmi);
    return good ? 0 : 1;
}

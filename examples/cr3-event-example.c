/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints a line each time a vCPU switches to another address space.
 *
 *   cr3-event-example NAME [SOCKET]
 */
#include "example.h"

static event_response_t on_cr3(vmi_instance_t vmi, vmi_event_t *event)
{
    (void)vmi;
    printf("vCPU %u: CR3=0x%" PRIx64 " (was 0x%" PRIx64 ")\n", event->vcpu_id,
           (uint64_t)event->reg_event.value, (uint64_t)event->reg_event.previous);
    return VMI_EVENT_RESPONSE_NONE;
}

int main(int argc, char **argv)
{
    vmi_event_t event = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: cr3-event-example NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_init(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    stop_on_signals();
    event.version = VMI_EVENTS_VERSION;
    event.type = VMI_EVENT_REGISTER;
    event.callback = on_cr3;
    event.reg_event.reg = CR3;
    event.reg_event.in_access = VMI_REGACCESS_W;
    vmi_pause_vm(vmi);
    status_t st = vmi_register_event(vmi, &event);
    vmi_resume_vm(vmi);
    if (st != VMI_SUCCESS) {
        fprintf(stderr, "The CR3 event cannot be registered.\n");
        vmi_destroy(vmi);
        return 1;
    }
    bool good = listen_until_stopped(vmi);
    return close_events(vmi, &event, good);
}

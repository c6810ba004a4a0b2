/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the accesses to port 0xCF8, with which a guest chooses a PCI register.
 *
 *   io-event-example -n NAME | -d DOMID
 *
 * The event comes before the access is made, and for every port. To let it happen, the event is
 * taken back for one instruction (single-stepping: Intel). Where that cannot be, the first access
 * is all that is seen.
 */
#include "example.h"

enum { PCI_ADDRESS = 0xcf8 };

static event_response_t on_io(vmi_instance_t vmi, vmi_event_t *event)
{
    const io_event_t *e = &event->io_event;
    bool *once = (bool *)event->data;
    if (e->port == PCI_ADDRESS)
        printf("vCPU %u: port 0x%x %s, %u bytes, RAX=0x%" PRIx64 "\n", event->vcpu_id, e->port,
               e->in ? "in" : "out", e->bytes, (uint64_t)event->x86_regs->rax);
    vmi_clear_event(vmi, event, NULL);
    if (vmi_step_event(vmi, event, event->vcpu_id, 1, NULL) != VMI_SUCCESS && !*once) {
        fprintf(stderr, "This machine cannot single-step; no further access will be seen.\n");
        *once = true;
    }
    return VMI_EVENT_RESPONSE_NONE;
}

int main(int argc, char **argv)
{
    struct guest g;
    bool once = false;
    vmi_event_t event = {0};
    if (!guest_from_options(&argc, argv, &g) || argc != 1) {
        fprintf(stderr, "usage: io-event-example -n NAME | -d DOMID\n");
        return 1;
    }
    vmi_instance_t vmi = guest_init(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    stop_on_signals();
    SETUP_IO_EVENT(&event, on_io);
    event.data = &once;
    if (vmi_register_event(vmi, &event) != VMI_SUCCESS) {
        fprintf(stderr, "The I/O event cannot be registered.\n");
        vmi_destroy(vmi);
        return 1;
    }
    bool good = listen_until_stopped(vmi);
    /* it may be taken back at this moment, for a step: then there is nothing to clear */
    int status = close_events(vmi, &event, good);
    return good ? 0 : status;
}

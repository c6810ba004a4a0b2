/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints each software breakpoint (INT3) that the guest runs into, and gives it back to the guest.
 *
 *   interrupt-event-example NAME [SOCKET]
 */
#include "example.h"

static event_response_t on_int3(vmi_instance_t vmi, vmi_event_t *event)
{
    interrupt_event_t *e = &event->interrupt_event;
    (void)vmi;
    printf("Int 3 happened: GFN=%" PRIx64 " RIP=%" PRIx64 " Length: %u\n", (uint64_t)e->gfn,
           (uint64_t)e->gla, e->insn_length);
    if (!e->insn_length) /* not told by Xen before 4.8 */
        e->insn_length = 1;
    e->reinject = 1; /* it is the guest's own, a debugger's perhaps */
    return VMI_EVENT_RESPONSE_NONE;
}

int main(int argc, char **argv)
{
    vmi_event_t event = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: interrupt-event-example NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_init(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    stop_on_signals();
    SETUP_INTERRUPT_EVENT(&event, on_int3);
    if (vmi_register_event(vmi, &event) != VMI_SUCCESS) {
        fprintf(stderr, "The INT3 event cannot be registered.\n");
        vmi_destroy(vmi);
        return 1;
    }
    bool good = listen_until_stopped(vmi);
    return close_events(vmi, &event, good);
}

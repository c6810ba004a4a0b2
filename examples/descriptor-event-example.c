/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints each access to the descriptor-table registers (LGDT, SIDT and so on), and at the end how
 * many there were of each.
 *
 *   descriptor-event-example NAME [SOCKET]
 */
#include "example.h"

static const char *const names[] = {[VMI_DESCRIPTOR_IDTR] = "IDTR",
                                    [VMI_DESCRIPTOR_GDTR] = "GDTR",
                                    [VMI_DESCRIPTOR_LDTR] = "LDTR",
                                    [VMI_DESCRIPTOR_TR] = "TR"};

struct counts {
    unsigned long of[VMI_DESCRIPTOR_TR + 1];
};

static event_response_t on_access(vmi_instance_t vmi, vmi_event_t *event)
{
    const descriptor_event_t *e = &event->descriptor_event;
    struct counts *counts = (struct counts *)event->data;
    (void)vmi;
    bool known = e->descriptor >= VMI_DESCRIPTOR_IDTR && e->descriptor <= VMI_DESCRIPTOR_TR;
    if (known)
        counts->of[e->descriptor]++;
    printf("vCPU %u: %s of %s\n", event->vcpu_id, e->is_write ? "write" : "read",
           known ? names[e->descriptor] : "an unknown table");
    return VMI_EVENT_RESPONSE_EMULATE; /* the access was not made yet */
}

int main(int argc, char **argv)
{
    struct counts counts = {{0}};
    vmi_event_t event = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: descriptor-event-example NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_init(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    stop_on_signals();
    event.version = VMI_EVENTS_VERSION;
    event.type = VMI_EVENT_DESCRIPTOR_ACCESS;
    event.callback = on_access;
    event.data = &counts;
    if (vmi_register_event(vmi, &event) != VMI_SUCCESS) {
        fprintf(stderr, "The descriptor event cannot be registered.\n");
        vmi_destroy(vmi);
        return 1;
    }
    bool good = listen_until_stopped(vmi);
    int status = close_events(vmi, &event, good);
    for (unsigned i = VMI_DESCRIPTOR_IDTR; i <= VMI_DESCRIPTOR_TR; i++)
        printf("%s: %lu\n", names[i], counts.of[i]);
    return status;
}

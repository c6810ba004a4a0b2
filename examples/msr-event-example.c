/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints each write to a model-specific register.
 *
 *   msr-event-example NAME [SOCKET]
 */
#include "example.h"

static event_response_t on_msr(vmi_instance_t vmi, vmi_event_t *event)
{
    (void)vmi;
    printf("MSR write happened: MSR=%x Value=%" PRIx64 "\n", event->reg_event.msr,
           (uint64_t)event->reg_event.value);
    return VMI_EVENT_RESPONSE_NONE;
}

int main(int argc, char **argv)
{
    vmi_event_t event = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: msr-event-example NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_init(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    stop_on_signals();
    event.version = VMI_EVENTS_VERSION;
    event.type = VMI_EVENT_REGISTER;
    event.callback = on_msr;
    event.reg_event.reg = MSR_ALL;
    event.reg_event.in_access = VMI_REGACCESS_W;
    if (vmi_register_event(vmi, &event) != VMI_SUCCESS) {
        fprintf(stderr, "The MSR event cannot be registered.\n");
        vmi_destroy(vmi);
        return 1;
    }
    bool good = listen_until_stopped(vmi);
    return close_events(vmi, &event, good);
}

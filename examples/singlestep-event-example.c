/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints every instruction that the guest executes.
 *
 *   singlestep-event-example NAME [SOCKET]
 *
 * ctrl-C switches stepping off and on again on each vCPU, shows some more steps, and ends.
 */
#include "example.h"

static event_response_t on_step(vmi_instance_t vmi, vmi_event_t *event)
{
    (void)vmi;
    printf("Single-step event: VCPU:%u  GFN %" PRIx64 " GLA %016" PRIx64 "\n", event->vcpu_id,
           (uint64_t)event->ss_event.gfn, (uint64_t)event->ss_event.gla);
    return VMI_EVENT_RESPONSE_NONE;
}

/* Off and on, while nothing is on its way. */
static bool toggle_all(vmi_instance_t vmi, vmi_event_t *event, unsigned vcpus)
{
    bool good = true;
    vmi_pause_vm(vmi);
    drain_events(vmi);
    for (unsigned i = 0; i < vcpus; i++)
        good = vmi_toggle_single_step_vcpu(vmi, event, i, false) == VMI_SUCCESS && good;
    printf("Stepping is off on %u vCPUs.\n", vcpus);
    for (unsigned i = 0; i < vcpus; i++)
        good = vmi_toggle_single_step_vcpu(vmi, event, i, true) == VMI_SUCCESS && good;
    printf("And on again.\n");
    vmi_resume_vm(vmi);
    return good;
}

int main(int argc, char **argv)
{
    vmi_event_t event = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: singlestep-event-example NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_init(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    stop_on_signals();
    unsigned vcpus = vmi_get_num_vcpus(vmi);
    if (vcpus > MAX_SINGLESTEP_VCPUS)
        vcpus = MAX_SINGLESTEP_VCPUS;
    event.version = VMI_EVENTS_VERSION;
    event.type = VMI_EVENT_SINGLESTEP;
    event.callback = on_step;
    event.ss_event.enable = 1;
    for (unsigned i = 0; i < vcpus; i++)
        SET_VCPU_SINGLESTEP(event.ss_event, i);
    if (vmi_register_event(vmi, &event) != VMI_SUCCESS) {
        fprintf(stderr, "The single-step event cannot be registered.\n");
        vmi_destroy(vmi);
        return 1;
    }
    bool good = listen_until_stopped(vmi) && toggle_all(vmi, &event, vcpus);
    for (unsigned i = 0; good && i < 5; i++)
        good = vmi_events_listen(vmi, 500) == VMI_SUCCESS;
    return close_events(vmi, &event, good);
}

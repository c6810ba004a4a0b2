/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints what is executed in a page of the kernel, and has Xen emulate each instruction there, so
 * that the page stays watched.
 *
 *   xen-emulate-response NAME HEXADDR [SOCKET]
 *
 * Memory events need Intel's EPT.
 */
#include "example.h"

static event_response_t on_execute(vmi_instance_t vmi, vmi_event_t *event)
{
    const mem_access_event_t *e = &event->mem_event;
    (void)vmi;
    printf("vCPU %u: GLA 0x%" PRIx64 " GFN 0x%" PRIx64 " offset 0x%" PRIx64 " access %u\n",
           event->vcpu_id, (uint64_t)e->gla, (uint64_t)e->gfn, (uint64_t)e->offset, e->out_access);
    return VMI_EVENT_RESPONSE_EMULATE;
}

int main(int argc, char **argv)
{
    vmi_event_t event = {0};
    uint64_t address;
    addr_t pa;
    if (argc < 3 || argc > 4 || !parse_number(argv[2], 16, &address)) {
        fprintf(stderr, "usage: xen-emulate-response NAME HEXADDR [SOCKET]\n");
        return 1;
    }
    struct guest g = {.name = argv[1], .socket = argv[3]};
    vmi_instance_t vmi = guest_open(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    stop_on_signals();
    if (vmi_translate_kv2p(vmi, address, &pa) != VMI_SUCCESS) {
        fprintf(stderr, "The address is not mapped.\n");
        vmi_destroy(vmi);
        return 1;
    }
    event.version = VMI_EVENTS_VERSION;
    event.type = VMI_EVENT_MEMORY;
    event.callback = on_execute;
    event.mem_event.gfn = pa >> 12;
    event.mem_event.in_access = VMI_MEMACCESS_X;
    if (vmi_register_event(vmi, &event) != VMI_SUCCESS) {
        fprintf(stderr, "The page cannot be watched.\n");
        vmi_destroy(vmi);
        return 1;
    }
    bool good = listen_until_stopped(vmi);
    return close_events(vmi, &event, good);
}

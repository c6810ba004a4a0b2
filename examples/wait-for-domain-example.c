/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the domains that Xen creates and destroys, until one with this name can be opened.
 *
 *   wait-for-domain-example NAME
 *
 * Needs xenstore.
 */
#include "example.h"

static event_response_t on_domain(vmi_instance_t vmi, vmi_event_t *event)
{
    const watch_domain_event_t *e = &event->watch_event;
    (void)vmi;
    printf("Domain %u (%s) %s\n", e->domain, e->uuid ? e->uuid : "?",
           e->created ? "was created" : "was destroyed");
    return VMI_EVENT_RESPONSE_NONE;
}

static bool is_there(const char *name)
{
    vmi_mode_t mode;
    return vmi_get_access_mode(NULL, name, VMI_INIT_DOMAINNAME, NULL, &mode) == VMI_SUCCESS &&
           mode == VMI_XEN;
}

int main(int argc, char **argv)
{
    vmi_instance_t vmi = NULL;
    vmi_event_t event = {0};
    vmi_init_error_t error = VMI_INIT_ERROR_NONE;
    if (argc != 2) {
        fprintf(stderr, "usage: wait-for-domain-example NAME\n");
        return 1;
    }
    if (vmi_init(&vmi, VMI_XEN, NULL, VMI_INIT_DOMAINWATCH, NULL, &error) != VMI_SUCCESS) {
        fprintf(stderr, "Domains cannot be watched: initialisation error %d.\n", (int)error);
        return 1;
    }
    stop_on_signals();
    event.version = VMI_EVENTS_VERSION;
    event.type = VMI_EVENT_DOMAIN_WATCH;
    event.callback = on_domain;
    bool good = vmi_register_event(vmi, &event) == VMI_SUCCESS, found = false;
    if (good)
        printf("Waiting for domain %s...\n", argv[1]);
    else
        fprintf(stderr, "Domains cannot be watched: is xenstore running?\n");
    while (good && !stopped && !found) {
        good = vmi_events_listen(vmi, 500) == VMI_SUCCESS;
        found = is_there(argv[1]);
    }
    if (found)
        printf("%s is there.\n", argv[1]);
    vmi_clear_event(vmi, &event, NULL);
    vmi_destroy(vmi);
    return found ? 0 : 1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes a second view of the guest's memory (altp2m), switches all vCPUs to it and back.
 *
 *   switch-view-example NAME [SOCKET]
 *
 * Needs Intel, Xen with altp2m=1, and altp2m="external" in the guest's configuration.
 */
#include "example.h"

#include <libvmi/slat.h>

static bool say(const char *what, status_t st)
{
    printf("%s: %s\n", what, st == VMI_SUCCESS ? "done" : "failed");
    return st == VMI_SUCCESS;
}

static bool try_view(vmi_instance_t vmi)
{
    uint16_t view = 0;
    if (!say("Creating a view", vmi_slat_create(vmi, &view)))
        return false;
    printf("View %u\n", view);
    bool good = say("Switching to it", vmi_slat_switch(vmi, view));
    good = say("Switching back", vmi_slat_switch(vmi, 0)) && good;
    return say("Destroying the view", vmi_slat_destroy(vmi, view)) && good;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: switch-view-example NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_open(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    bool before = false, good = false;
    if (say("Asking whether views are on", vmi_slat_state(vmi, &before)) &&
        (before || say("Switching views on", vmi_slat_control(vmi, true)))) {
        good = try_view(vmi);
        if (!before) /* as it was found */
            good = say("Switching views off", vmi_slat_control(vmi, false)) && good;
    }
    vmi_destroy(vmi);
    return good ? 0 : 1;
}

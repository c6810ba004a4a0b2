/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many addresses of a Windows image in one go, through the public API, one JSON object a line.
 * usage: translate IMAGE [PROFILE] <"PID ADDRESS" lines
 */
#include <inttypes.h>
#include <stdio.h>
#include <tinyvmi/tinyvmi.h>

int main(int argc, char **argv)
{
    vmi_instance_t vmi;
    struct vmi_open_options options = {.profile = argc > 2 ? argv[2] : NULL};
    int pid;
    uint64_t va, pa;
    if (argc < 2 || vmi_open(&vmi, argv[1], &options) != VMI_SUCCESS) {
        fprintf(stderr, "%s\n",
                argc < 2 ? "usage: translate IMAGE [PROFILE]" : vmi_last_error(NULL)->text);
        return 1;
    }
    while (scanf("%d %" SCNu64, &pid, &va) == 2) {
        printf("{\"pid\": %d, \"va\": %" PRIu64 ", \"pa\": ", pid, va);
        if (vmi_translate_uv2p(vmi, va, pid, &pa) == VMI_SUCCESS)
            printf("%" PRIu64 "}\n", pa);
        else
            printf("null}\n");
    }
    vmi_destroy(vmi);
    return 0;
}

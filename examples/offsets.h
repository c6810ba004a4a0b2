/* SPDX-License-Identifier: BSD-2-Clause */
/* What linux-offsets and win-offsets share: NAME:0xHEX lines. */
#ifndef OFFSETS_H
#define OFFSETS_H

#include "example.h"

/* Status of the program. `names` ends with NULL. */
static inline int print_offsets(vmi_instance_t vmi, const char *const *names)
{
    int status = 0;
    for (; *names; names++) {
        addr_t v;
        if (vmi_get_offset(vmi, *names, &v) == VMI_SUCCESS) {
            printf("%s:0x%" PRIx64 "\n", *names, (uint64_t)v);
        } else {
            fprintf(stderr, "%s is not known.\n", *names);
            status = 1;
        }
    }
    return status;
}

/* A guest whose system is found with a profile, or without one where the library can. */
static inline vmi_instance_t open_with_profile(const struct guest *g, const char *json, os_t wanted)
{
    vmi_init_error_t error = VMI_INIT_ERROR_NONE;
    char empty[] = "{ }";
    vmi_instance_t vmi = guest_init(g, 0);
    if (!vmi)
        return NULL;
    vmi_pause_vm(vmi);
    os_t os = vmi_init_os(vmi, json ? VMI_CONFIG_JSON_PATH : VMI_CONFIG_STRING,
                          json ? (void *)(uintptr_t)json : empty, &error);
    vmi_resume_vm(vmi);
    if (os == wanted)
        return vmi;
    fprintf(stderr, "This kind of kernel was not found: initialisation error %d.\n", (int)error);
    vmi_destroy(vmi);
    return NULL;
}

#endif

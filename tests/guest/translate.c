/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translates many addresses of one target: reads lines "PID ADDRESS" or "=ROOT ADDRESS" and prints
 * the physical address or "-". For tests: one process for thousands of translations, through the
 * public API.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <tinyvmi/tinyvmi.h>

int main(int argc, char **argv)
{
    vmi_instance_t vmi;
    char space[64];
    uint64_t va;
    if (argc != 2) {
        fprintf(stderr, "usage: translate TARGET <QUESTIONS\n");
        return 2;
    }
    if (vmi_open(&vmi, argv[1], NULL) != VMI_SUCCESS) {
        fprintf(stderr, "%s\n", vmi_last_error(NULL)->text);
        return 1;
    }
    while (scanf("%63s %" SCNx64, space, &va) == 2) {
        addr_t pa;
        status_t st = space[0] == '='
                          ? vmi_pagetable_lookup(vmi, strtoull(space + 1, NULL, 0), va, &pa)
                          : vmi_translate_uv2p(vmi, va, (vmi_pid_t)atoi(space), &pa);
        if (st == VMI_SUCCESS)
            printf("%#" PRIx64 "\n", (uint64_t)pa);
        else
            printf("-\n");
    }
    vmi_destroy(vmi);
    return 0;
}

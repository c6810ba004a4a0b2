/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the numbers that a configuration entry of a Linux guest may hold, so that they are found
 * once and not at each start.
 *
 *   linux-offsets -n NAME | -d DOMID [-r JSON] [-k]
 *
 *   -r  an ISF profile; kernels with BTF need none
 *   -k  the address of the kernel's page table alone
 */
#include "offsets.h"

int main(int argc, char **argv)
{
    static const char *const all[] = {"linux_tasks",     "linux_mm",  "linux_pid",
                                      "linux_name",      "linux_pgd", "linux_kaslr",
                                      "linux_init_task", "kpgd",      NULL};
    static const char *const root[] = {"kpgd", NULL};
    struct guest g;
    const char *json = take_value(&argc, argv, "-r", "--json-kernel");
    bool only_root = take_flag(&argc, argv, "-k", "--kpgd");
    if (!guest_from_options(&argc, argv, &g) || argc != 1) {
        fprintf(stderr, "usage: linux-offsets -n NAME | -d DOMID [-r JSON] [-k]\n");
        return 1;
    }
    vmi_instance_t vmi = open_with_profile(&g, json, VMI_OS_LINUX);
    if (!vmi)
        return 1;
    int status = print_offsets(vmi, only_root ? root : all);
    vmi_destroy(vmi);
    return status;
}

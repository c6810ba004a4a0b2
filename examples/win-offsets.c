/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the numbers that a configuration entry of a Windows guest may hold, so that they are found
 * once and not at each start.
 *
 *   win-offsets -n NAME | -d DOMID -r JSON [-v] [-k] [-s SOCKET]
 *
 *   -r  the kernel's profile: win-guid names the file to make it from
 *   -v  says what was found     -k  the address of the kernel's page table alone
 *
 * LibVMI's program waits for the System process to run, and so needs events; here the library finds
 * that process by itself.
 */
#include "offsets.h"

int main(int argc, char **argv)
{
    static const char *const all[] = {"win_ntoskrnl", "win_ntoskrnl_va", "win_tasks", "win_pdbase",
                                      "win_pid",      "win_pname",       "win_kdvb",  "win_sysproc",
                                      "win_kpcr",     "win_kdbg",        "kpgd",      NULL};
    static const char *const root[] = {"kpgd", NULL};
    struct guest g;
    const char *json = take_value(&argc, argv, "-r", "--json-kernel");
    bool only_root = take_flag(&argc, argv, "-k", "--kpgd"),
         verbose = take_flag(&argc, argv, "-v", "--verbose");
    if (!guest_from_options(&argc, argv, &g) || argc != 1) {
        fprintf(stderr, "usage: win-offsets -n NAME | -d DOMID -r JSON [-v] [-k] [-s SOCKET]\n");
        return 1;
    }
    vmi_instance_t vmi = open_with_profile(&g, json, VMI_OS_WINDOWS);
    if (!vmi)
        return 1;
    if (verbose)
        printf("%s, build %u\n", vmi_get_winver_str(vmi), vmi_get_win_buildnumber(vmi));
    int status = print_offsets(vmi, only_root ? root : all);
    vmi_destroy(vmi);
    return status;
}

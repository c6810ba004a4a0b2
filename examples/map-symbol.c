/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints one page of the kernel's memory, from a symbol on.
 *
 *   map-symbol NAME SYMBOL [SOCKET]
 */
#include "example.h"

enum { SIZE = 4096 };

int main(int argc, char **argv)
{
    static unsigned char page[SIZE];
    size_t done = 0;
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: map-symbol NAME SYMBOL [SOCKET]\n");
        return 1;
    }
    struct guest g = {.name = argv[1], .socket = argv[3]};
    vmi_instance_t vmi = guest_open(&g, 0);
    if (!vmi)
        return 1;
    status_t st = vmi_read_ksym(vmi, argv[2], SIZE, page, &done);
    vmi_print_hex(page, done);
    if (st != VMI_SUCCESS)
        fprintf(stderr, "%zu of %d bytes could be read.\n", done, (int)SIZE);
    vmi_destroy(vmi);
    return st == VMI_SUCCESS ? 0 : 1;
}

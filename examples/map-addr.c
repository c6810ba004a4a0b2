/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints one page of the kernel's memory.
 *
 *   map-addr NAME HEXADDR [SOCKET]
 */
#include "example.h"

enum { SIZE = 4096 };

int main(int argc, char **argv)
{
    static unsigned char page[SIZE];
    uint64_t address;
    size_t done = 0;
    if (argc < 3 || argc > 4 || !parse_number(argv[2], 16, &address)) {
        fprintf(stderr, "usage: map-addr NAME HEXADDR [SOCKET]\n");
        return 1;
    }
    struct guest g = {.name = argv[1], .socket = argv[3]};
    vmi_instance_t vmi = guest_open(&g, 0);
    if (!vmi)
        return 1;
    status_t st = vmi_read_va(vmi, address, 0, SIZE, page, &done);
    vmi_print_hex(page, done);
    if (st != VMI_SUCCESS)
        fprintf(stderr, "%zu of %d bytes could be read.\n", done, (int)SIZE);
    vmi_destroy(vmi);
    return st == VMI_SUCCESS ? 0 : 1;
}

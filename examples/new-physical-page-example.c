/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives a guest a page of memory that it did not have, writes and reads it, and takes it away.
 *
 *   new-physical-page-example NAME [SOCKET]
 */
#include "example.h"

static int try_page(vmi_instance_t vmi, addr_t gfn)
{
    uint64_t written = 0xcafecafecafecafeULL, read = 0;
    addr_t at = gfn << 12;
    if (vmi_write_64_pa(vmi, at, &written) != VMI_SUCCESS) {
        fprintf(stderr, "The new page cannot be written.\n");
        return 1;
    }
    if (vmi_read_64_pa(vmi, at, &read) != VMI_SUCCESS) {
        fprintf(stderr, "The new page cannot be read.\n");
        return 1;
    }
    printf("Wrote 0x%" PRIx64 ", read 0x%" PRIx64 " at frame 0x%" PRIx64 "\n", written, read,
           (uint64_t)gfn);
    return read == written ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: new-physical-page-example NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_open(&g, 0);
    if (!vmi)
        return 1;
    int status = 1;
    addr_t gfn = vmi_get_next_available_gfn(vmi);
    if (!gfn) {
        fprintf(stderr, "No free frame is known.\n");
    } else if (vmi_alloc_gfn(vmi, gfn) != VMI_SUCCESS) {
        fprintf(stderr, "Frame 0x%" PRIx64 " cannot be added.\n", (uint64_t)gfn);
    } else {
        status = try_page(vmi, gfn);
        if (vmi_free_gfn(vmi, gfn) != VMI_SUCCESS) {
            fprintf(stderr, "Frame 0x%" PRIx64 " cannot be taken back.\n", (uint64_t)gfn);
            status = 1;
        }
    }
    vmi_destroy(vmi);
    return status;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies the first sector of a Xen guest's bootable disk into a file.
 *
 *   read-disk-example -n NAME | -d DOMID -f FILE
 */
#include "example.h"

enum { SECTOR = 512 };

static int save(const unsigned char *sector, const char *path)
{
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(sector, SECTOR, 1, f) == 1;
    if (f && fclose(f) != 0)
        good = false;
    if (!good)
        perror(path);
    return good ? 0 : 1;
}

static int copy_boot_sector(vmi_instance_t vmi, const char *path)
{
    unsigned char sector[SECTOR];
    unsigned n = 0;
    char **disks = vmi_get_disks(vmi, &n);
    int status = 1;
    if (!disks) {
        fprintf(stderr, "The guest's disks are not known.\n");
        return 1;
    }
    for (unsigned i = 0; i < n; i++) {
        bool bootable = false;
        if (status && vmi_disk_is_bootable(vmi, disks[i], &bootable) == VMI_SUCCESS && bootable) {
            printf("Reading the first sector of disk %s\n", disks[i]);
            if (vmi_read_disk(vmi, disks[i], 0, SECTOR, sector) == VMI_SUCCESS)
                status = save(sector, path);
            else
                fprintf(stderr, "It cannot be read.\n");
        }
        free(disks[i]);
    }
    free(disks);
    return status;
}

int main(int argc, char **argv)
{
    struct guest g;
    const char *path = take_value(&argc, argv, "-f", "--file");
    if (!guest_from_options(&argc, argv, &g) || argc != 1 || !path) {
        fprintf(stderr, "usage: read-disk-example -n NAME | -d DOMID -f FILE\n");
        return 1;
    }
    vmi_instance_t vmi = guest_init(&g, 0);
    if (!vmi)
        return 1;
    int status = 1;
    vmi_mode_t mode;
    if (vmi_get_access_mode(vmi, NULL, 0, NULL, &mode) != VMI_SUCCESS || mode != VMI_XEN) {
        fprintf(stderr, "Only Xen tells about its guests' disks.\n");
    } else {
        vmi_pause_vm(vmi);
        status = copy_boot_sector(vmi, path);
        vmi_resume_vm(vmi);
    }
    vmi_destroy(vmi);
    return status;
}

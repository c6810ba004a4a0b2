/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers of PE images (Microsoft, "PE Format"). The bytes are the guest's: every offset is
 * checked. */
#include <libvmi/peparse.h>

#include "vmi/image.h"
#include "vmi/image_pe.h"

enum { HEADER_BYTES = 1024, DIRECTORY_SLOTS = 16 };

/* The optional header's place, or NULL when the headers do not fit in `len`. */
static const uint8_t *optional_header(const uint8_t *image, size_t len)
{
    struct dos_header dos;
    struct pe_header pe;
    if (!image || len < sizeof dos)
        return NULL;
    memcpy(&dos, image, sizeof dos);
    if (dos.signature != IMAGE_DOS_HEADER || !in_bounds(dos.offset_to_pe, sizeof pe, len))
        return NULL;
    memcpy(&pe, image + dos.offset_to_pe, sizeof pe);
    uint64_t at = (uint64_t)dos.offset_to_pe + sizeof pe;
    if (pe.signature != IMAGE_NT_SIGNATURE || !in_bounds(at, sizeof(uint16_t), len))
        return NULL;
    uint16_t magic = le16(image + at);
    size_t size = magic == IMAGE_PE32_MAGIC        ? sizeof(struct optional_header_pe32)
                  : magic == IMAGE_PE32_PLUS_MAGIC ? sizeof(struct optional_header_pe32plus)
                                                   : 0;
    return size && in_bounds(at, size, len) ? image + at : NULL;
}

status_t peparse_validate_pe_image(const uint8_t *const image, size_t len)
{
    return optional_header(image, len) ? VMI_SUCCESS : VMI_FAILURE;
}

status_t peparse_get_image(vmi_instance_t vmi, const access_context_t *ctx, size_t len,
                           uint8_t *image)
{
    if (vmi_read(vmi, ctx, len, image, NULL) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (!optional_header(image, len))
        return vmi_fail(vmi, ST_BROKEN, "there are no headers of a PE image at 0x%llx",
                        (unsigned long long)ctx->addr);
    return VMI_SUCCESS;
}

void peparse_assign_headers(const uint8_t *const image, struct dos_header **dos_header,
                            struct pe_header **pe_header, uint16_t *optional_header_type,
                            void **optional_pe_header, struct optional_header_pe32 **oh_pe32,
                            struct optional_header_pe32plus **oh_pe32plus)
{
    if (!image)
        return;
    uint8_t *base =
        (uint8_t *)(uintptr_t)image; /* the results are not const in LibVMI's interface */
    struct dos_header *dos = (void *)base;
    struct pe_header *pe = (void *)(base + dos->offset_to_pe);
    void *optional = pe + 1;
    uint16_t magic = le16(optional);
    if (dos_header)
        *dos_header = dos;
    if (pe_header)
        *pe_header = pe;
    if (optional_header_type)
        *optional_header_type = magic;
    if (optional_pe_header)
        *optional_pe_header = optional;
    if (oh_pe32 && magic == IMAGE_PE32_MAGIC)
        *oh_pe32 = optional;
    if (oh_pe32plus && magic == IMAGE_PE32_PLUS_MAGIC)
        *oh_pe32plus = optional;
}

static struct image_data_directory directory(uint32_t entry_id, const uint16_t *type,
                                             const void *generic,
                                             const struct optional_header_pe32 *pe32,
                                             const struct optional_header_pe32plus *pe32plus)
{
    static const struct image_data_directory none;
    if (type && generic) {
        pe32 = *type == IMAGE_PE32_MAGIC ? generic : NULL;
        pe32plus = *type == IMAGE_PE32_PLUS_MAGIC ? generic : NULL;
    }
    uint32_t slots = pe32       ? pe32->number_of_rva_and_sizes
                     : pe32plus ? pe32plus->number_of_rva_and_sizes
                                : 0;
    if (entry_id >= MIN_OF(slots, (uint32_t)DIRECTORY_SLOTS))
        return none;
    return pe32 ? pe32->idd[entry_id] : pe32plus->idd[entry_id];
}

addr_t peparse_get_idd_rva(uint32_t entry_id, uint16_t *optional_header_type,
                           void *optional_header_, struct optional_header_pe32 *oh_pe32,
                           struct optional_header_pe32plus *oh_pe32plus)
{
    return directory(entry_id, optional_header_type, optional_header_, oh_pe32, oh_pe32plus)
        .virtual_address;
}

size_t peparse_get_idd_size(uint32_t entry_id, uint16_t *optional_header_type,
                            void *optional_header_, struct optional_header_pe32 *oh_pe32,
                            struct optional_header_pe32plus *oh_pe32plus)
{
    return directory(entry_id, optional_header_type, optional_header_, oh_pe32, oh_pe32plus).size;
}

static int fetch(vmi_instance_t vmi, const struct access *image, uint64_t rva, void *buf, size_t n)
{
    struct access a = *image;
    a.addr += rva;
    return access_read(vmi, &a, buf, n, NULL) == VMI_SUCCESS ? ST_OK : ST_ABSENT;
}

int pe_export_table(vmi_instance_t vmi, const struct access *image, struct export_table *et,
                    uint64_t *rva, uint64_t *size)
{
    uint8_t head[HEADER_BYTES], raw[sizeof *et] = {0};
    if (fetch(vmi, image, 0, head, sizeof head) != ST_OK)
        return ST_ABSENT;
    const uint8_t *optional = optional_header(head, sizeof head);
    if (!optional)
        return ST_BROKEN;
    uint16_t magic = le16(optional);
    struct image_data_directory d =
        directory(IMAGE_DIRECTORY_ENTRY_EXPORT, &magic, optional, NULL, NULL);
    if (!d.virtual_address)
        return ST_ABSENT;
    /* The flags are always 0, and with the page before paged out they alone may be missing. */
    if (fetch(vmi, image, d.virtual_address, raw, sizeof raw) != ST_OK &&
        fetch(vmi, image, (uint64_t)d.virtual_address + 4, raw + 4, sizeof raw - 4) != ST_OK)
        return ST_ABSENT;
    memcpy(et, raw, sizeof raw);
    if (et->export_flags || !et->name)
        return ST_BROKEN;
    *rva = d.virtual_address;
    *size = d.size;
    return ST_OK;
}

status_t peparse_get_export_table(vmi_instance_t vmi, const access_context_t *ctx,
                                  struct export_table *et, addr_t *export_table_rva,
                                  size_t *export_table_size)
{
    struct access a;
    struct export_table found;
    uint64_t rva, size;
    if (!et)
        return vmi_fail(vmi, ST_INVALID, "no place for the export table was given");
    if (access_context(vmi, ctx, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    int st = pe_export_table(vmi, &a, &found, &rva, &size);
    if (st != ST_OK)
        return vmi_fail(vmi, st, "the PE image at 0x%llx has no usable export table: %s",
                        (unsigned long long)a.addr, status_name(st));
    *et = found;
    if (export_table_rva)
        *export_table_rva = rva;
    if (export_table_size)
        *export_table_size = size;
    return VMI_SUCCESS;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing: the same contexts and page borders as reading. Sources that cannot be written say so. */
#include "vmi/access.h"

static status_t check_buffer(vmi_instance_t vmi, const void *buf, size_t n, size_t *done)
{
    if (done)
        *done = 0;
    if (!vmi)
        return VMI_FAILURE;
    return buf || !n ? VMI_SUCCESS : vmi_fail(vmi, ST_INVALID, "no buffer was given");
}

status_t vmi_write(vmi_instance_t vmi, const access_context_t *ctx, size_t count, void *buf,
                   size_t *bytes_written)
{
    struct access a;
    if (check_buffer(vmi, buf, count, bytes_written) != VMI_SUCCESS ||
        access_context(vmi, ctx, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    return access_write(vmi, &a, buf, count, bytes_written);
}

status_t vmi_write_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid, size_t count, void *buf,
                      size_t *bytes_written)
{
    struct access a;
    if (check_buffer(vmi, buf, count, bytes_written) != VMI_SUCCESS ||
        access_pid(vmi, pid, vaddr, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    return access_write(vmi, &a, buf, count, bytes_written);
}

status_t vmi_write_pa(vmi_instance_t vmi, addr_t paddr, size_t count, void *buf,
                      size_t *bytes_written)
{
    struct access a = {.addr = paddr, .pid = -1};
    if (check_buffer(vmi, buf, count, bytes_written) != VMI_SUCCESS)
        return VMI_FAILURE;
    return access_write(vmi, &a, buf, count, bytes_written);
}

status_t vmi_write_ksym(vmi_instance_t vmi, const char *sym, size_t count, void *buf,
                        size_t *bytes_written)
{
    struct access a;
    if (check_buffer(vmi, buf, count, bytes_written) != VMI_SUCCESS ||
        access_ksym(vmi, sym, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    return access_write(vmi, &a, buf, count, bytes_written);
}

/* One value of each width, through each of the four ways in. */
#define WRITE_WIDTH(name, type, width)                                                             \
    status_t vmi_write_##name(vmi_instance_t vmi, const access_context_t *ctx, type *value)        \
    {                                                                                              \
        size_t n = width;                                                                          \
        return n ? vmi_write(vmi, ctx, n, value, NULL) : VMI_FAILURE;                              \
    }                                                                                              \
    status_t vmi_write_##name##_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid, type *value)   \
    {                                                                                              \
        size_t n = width;                                                                          \
        return n ? vmi_write_va(vmi, vaddr, pid, n, value, NULL) : VMI_FAILURE;                    \
    }                                                                                              \
    status_t vmi_write_##name##_pa(vmi_instance_t vmi, addr_t paddr, type *value)                  \
    {                                                                                              \
        size_t n = width;                                                                          \
        return n ? vmi_write_pa(vmi, paddr, n, value, NULL) : VMI_FAILURE;                         \
    }                                                                                              \
    status_t vmi_write_##name##_ksym(vmi_instance_t vmi, const char *sym, type *value)             \
    {                                                                                              \
        size_t n = width;                                                                          \
        return n ? vmi_write_ksym(vmi, sym, n, value, NULL) : VMI_FAILURE;                         \
    }

/* As wide as the guest's addresses; 0, with the story recorded, when that is not known. */
static size_t addr_width(vmi_instance_t vmi)
{
    size_t width = vmi ? mode_width(vmi->page_mode) : 0;
    if (!width)
        vmi_fail(vmi, ST_INVALID, "the width of an address is not known: the page mode is not");
    return width;
}

WRITE_WIDTH(8, uint8_t, sizeof *value)
WRITE_WIDTH(16, uint16_t, sizeof *value)
WRITE_WIDTH(32, uint32_t, sizeof *value)
WRITE_WIDTH(64, uint64_t, sizeof *value)
WRITE_WIDTH(addr, addr_t, addr_width(vmi))

/* SPDX-License-Identifier: BSD-2-Clause */
/* The releases, as their public headers have them (domctl.h, sysctl.h, vm_event.h, memory.h). */
#include "xen/abi.h"

#include "core/bytes.h"

static const struct xen_abi rows[] = {
    /* minor domctl sysctl vm_event emulation_flags access_default */
    {10, 0x0e, 0x10, 2, 0, 10},   {11, 0x10, 0x11, 3, 96, 10},  {12, 0x11, 0x12, 4, 96, 10},
    {13, 0x12, 0x12, 5, 96, 10},  {14, 0x12, 0x13, 6, 96, 10},  {15, 0x13, 0x13, 7, 96, 10},
    {16, 0x14, 0x14, 7, 104, 10}, {17, 0x15, 0x15, 7, 104, 10}, {18, 0x16, 0x15, 7, 104, 10},
    {19, 0x17, 0x15, 7, 104, 10}, {20, 0x17, 0x15, 7, 104, 11}, {21, 0x17, 0x16, 7, 104, 11},
    {22, 0x18, 0x16, 7, 104, 11},
};

const struct xen_abi *xen_abi_of(unsigned major, unsigned minor, bool *exact)
{
    const struct xen_abi *best = &rows[0];
    *exact = false;
    if (major > 4)
        return &rows[ARRAY_LEN(rows) - 1];
    for (size_t i = 0; i < ARRAY_LEN(rows) && major == 4 && rows[i].minor <= minor; i++)
        best = &rows[i];
    *exact = major == 4 && best->minor == minor;
    return best;
}

const struct xen_abi *xen_abi_rows(size_t *n)
{
    *n = ARRAY_LEN(rows);
    return rows;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* What xen.c and xen_channels.c share: the devices that one connection has opened. */
#ifndef TINYVMI_PLATFORM_LINUX_XEN_LINUX_H
#define TINYVMI_PLATFORM_LINUX_XEN_LINUX_H

#include "../xen.h"

struct plat_xen {
    int privcmd, buffers; /* buffers: /dev/xen/hypercall, or -1 */
    int evtchn, store;    /* -1 until used */
    bool store_is_device; /* the kernel's xenbus, not xenstored's socket */
    uint32_t fired[64];   /* ports that were read and not yet answered to plat_xen_wait */
    unsigned fired_at, nr_fired;
    uint32_t masked[64]; /* ports that fired and are unmasked by the next wait */
    unsigned nr_masked;
    bool borrowed; /* evtchn is the program's */
};

#endif

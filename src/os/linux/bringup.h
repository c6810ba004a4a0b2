/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TINYVMI_OS_LINUX_BRINGUP_H
#define TINYVMI_OS_LINUX_BRINGUP_H

#include "os/os.h"

/* Looks for a Linux kernel in the source and makes a view of it. ST_ABSENT when there is none; see
 * os_open. */
MUST_USE int linux_probe(struct source *source, const struct os_options *options, struct diag *d,
                         struct osview *ret);

/* Re-reads what changes while the guest runs: uptime, host name, CPUs. */
int lx_refresh(struct osview *v);

void lx_close(struct osview *v);

#endif

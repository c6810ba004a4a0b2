/* SPDX-License-Identifier: BSD-2-Clause */
/* Offsets of kernels that carry no types, inferred from the shape of what lies in memory; each with
 * a check. */
#ifndef TINYVMI_OS_LINUX_INFER_H
#define TINYVMI_OS_LINUX_INFER_H

#include "os/linux/linux.h"

/*
 * Fills members of l->m that types did not give, and l->init_task where no symbol does; marks them
 * inferred. What cannot be inferred with a check that could have failed stays unknown.
 */
void lx_infer(struct linux_view *l);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TINYVMI_VMI_BREAKS_H
#define TINYVMI_VMI_BREAKS_H

#include "vmi/instance.h"

/* Clears all breakpoints of an instance; before its events are closed. */
void breaks_close(vmi_instance_t vmi);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The profile as json-c sees it, for programs that ask for it. Our own parser is sym/profile.h. */
#ifndef TINYVMI_VMI_JSON_H
#define TINYVMI_VMI_JSON_H

#include "vmi/instance.h"

void json_close(vmi_instance_t vmi);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmi/json.h"

void json_close(vmi_instance_t vmi)
{
    (void)vmi;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In place of src/vmi/json.c: there is no json-c in a unikernel. Profiles are read by the core's
 * own parser; the calls that hand out json-c's objects do not exist here, so that a program that
 * needs them does not link.
 */
#include "vmi/json.h"

void json_close(vmi_instance_t vmi)
{
    (void)vmi;
}

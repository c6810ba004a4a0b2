/* SPDX-License-Identifier: BSD-2-Clause */
/* The probe of os/os.c for Windows. */
#ifndef TINYVMI_OS_WINDOWS_BRINGUP_H
#define TINYVMI_OS_WINDOWS_BRINGUP_H

#include "os/os.h"

int windows_probe(struct source *source, const struct os_options *options, struct diag *d,
                  struct osview *ret);

#endif

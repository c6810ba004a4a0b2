/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TINYVMI_VMI_IMAGE_PE_H
#define TINYVMI_VMI_IMAGE_PE_H

#include <libvmi/peparse.h>

#include "vmi/access.h"

/* The export table of the image at `image->addr`, and where it is relative to the image. */
MUST_USE int pe_export_table(vmi_instance_t vmi, const struct access *image,
                             struct export_table *et, uint64_t *rva, uint64_t *size);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Symbols that images in guest memory export: ELF (image_elf.c) and PE (image_pe.c). Both read
 * hostile bytes. */
#ifndef TINYVMI_VMI_IMAGE_H
#define TINYVMI_VMI_IMAGE_H

#include "vmi/access.h"

enum { IMAGE_MAX_NAME = 4096 };

/*
 * An export by its name: *ret is its address. By its address: `name` (IMAGE_MAX_NAME bytes) is what
 * is exported at exactly `rva` from the image's start. `a->addr` is the image's header. ST_ABSENT:
 * there is none; ST_BROKEN: contradictory tables.
 */
MUST_USE int elf_symbol_by_name(vmi_instance_t vmi, const struct access *a, const char *name,
                                uint64_t *ret);
MUST_USE int elf_symbol_by_address(vmi_instance_t vmi, const struct access *a, uint64_t rva,
                                   char *name);
MUST_USE int pe_symbol_by_name(vmi_instance_t vmi, const struct access *a, const char *name,
                               uint64_t *ret);
MUST_USE int pe_symbol_by_address(vmi_instance_t vmi, const struct access *a, uint64_t rva,
                                  char *name);

/* All zeros. */
void page_info_clear(page_info_t *info);
/* Fills what a walk says into LibVMI's record; vaddr, paddr, size and the levels. Other members are
 * left alone. */
void page_info_of_walk(page_info_t *info, page_mode_t pm, const struct walk *w);

#endif

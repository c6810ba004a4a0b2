/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers of ELF core files (gABI; Linux include/uapi/linux/elf.h for the notes). */
#ifndef TINYVMI_CLI_ELFCORE_H
#define TINYVMI_CLI_ELFCORE_H

#include "text.h"

struct core_segment {
    uint64_t va, pa, size, file_at; /* file_at is filled by elfcore_headers */
    bool read, write, exec;
};

/* One note: name with its zero byte, description padded to 4 bytes. */
void elfcore_note(struct str *notes, const char *name, uint32_t type, const void *desc, size_t n);

/*
 * Everything before the segments' bytes, appended to *ret; the segments' places in the file are
 * set, page-aligned. `machine`: EM_*; `wide`: 64-bit. False: more segments than the format can
 * count, or sizes that do not fit.
 */
bool elfcore_headers(unsigned machine, bool wide, struct core_segment *segment, size_t n,
                     const struct str *notes, struct str *ret);

#endif

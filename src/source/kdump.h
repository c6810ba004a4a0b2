/* SPDX-License-Identifier: BSD-2-Clause */
/* The headers of a kdump file, read and checked by us before libkdumpfile sees it. */
#ifndef TINYVMI_SOURCE_KDUMP_H
#define TINYVMI_SOURCE_KDUMP_H

#include "source/open_file.h"

struct kdump_header {
    char machine[66]; /* uname -m of the dumped system */
    bool is64;
    unsigned version;
    uint64_t page_size;
    uint64_t bitmap_at, bitmap_size; /* of the bitmap of pages that are in the file: bit n is frame n */
    uint64_t frames;                 /* bits of it that count */
    uint64_t vmcoreinfo_at, vmcoreinfo_size, notes_at, notes_size; /* size 0: none */
};

/* ST_BROKEN with a story when anything that it points to is not in the file. */
MUST_USE int kdump_read_header(const struct plat_file *f, const char *name, struct kdump_header *ret, struct diag *d);

/* Adds a range for each run of frames that are in the file; coarser ones, with gaps in them, where there are too many. */
MUST_USE int kdump_add_ranges(const struct plat_file *f, const char *name, const struct kdump_header *h, struct phys *phys,
                              struct diag *d);

/* Does the file begin like a stream of makedumpfile's flattened format? */
bool kdump_is_flattened(struct bytes head);

/*
 * Replaces f, a flattened stream, by an unnamed temporary file that holds its bytes in their places. On failure f is
 * still open.
 */
MUST_USE int kdump_rearrange(struct plat_file *f, const char *name, struct diag *d);

#endif

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
    uint64_t bitmap_at,
        bitmap_size; /* of the bitmap of pages that are in the file: bit n is frame n */
    uint64_t first,
        frames; /* bits that count: [first, frames); first is not 0 in a part of a split dump */
    uint64_t descriptors_at; /* of the first page's descriptor */
    uint64_t vmcoreinfo_at, vmcoreinfo_size, notes_at, notes_size; /* size 0: none */
};

/* ST_BROKEN with a story when anything that it points to is not in the file. */
MUST_USE int kdump_read_header(const struct plat_file *f, const char *name,
                               struct kdump_header *ret, struct diag *d);

/*
 * Where each page of the file lies. libkdumpfile maps the file and does not ask how long it is: a
 * descriptor that points behind the end would end the process with a signal. So every page is
 * looked up here first.
 */
struct kdump_pages {
    const struct plat_file *f;
    const uint8_t *bitmap; /* in the mapping: bit n says that frame n is in the file */
    uint64_t first, frames, page_size, descriptors_at;
    uint32_t *rank; /* owned: how many bits are set before each block of the bitmap */
};

struct kdump_page {
    uint64_t at; /* file offset; pages with the same contents (zeros) share one */
    uint32_t size;
    bool packed;
};

/* `f` is mapped and outlives `ret`. ST_BROKEN when the file was cut before its last page, unless
 * `cut_is_fine`. */
MUST_USE int kdump_pages_init(const struct plat_file *f, const char *name,
                              const struct kdump_header *h, bool cut_is_fine,
                              struct kdump_pages *ret, struct diag *d);
void kdump_pages_deinit(struct kdump_pages *p);

/* ST_ABSENT: the frame is not in the file. ST_BROKEN: what says where it is lies. */
MUST_USE int kdump_page_at(const struct kdump_pages *p, uint64_t frame, struct kdump_page *ret);

/* Adds a range for each run of frames that are in the file; coarser ones, with gaps in them, where
 * there are too many. */
MUST_USE int kdump_add_ranges(const struct kdump_pages *p, const char *name, struct phys *phys,
                              struct diag *d);

/* Does the file begin like a stream of makedumpfile's flattened format? */
bool kdump_is_flattened(struct bytes head);

/*
 * Replaces f, a flattened stream, by an unnamed temporary file that holds its bytes in their
 * places, mapped as f was. On failure f is still open.
 */
MUST_USE int kdump_rearrange(struct plat_file *f, const char *name, struct diag *d);

#endif

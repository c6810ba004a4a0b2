/* SPDX-License-Identifier: BSD-2-Clause */
/* LiME files and AVML files are sequences of the same records; only an AVML record of version 2 is
 * compressed. */
#ifndef TINYVMI_SOURCE_LIME_AVML_H
#define TINYVMI_SOURCE_LIME_AVML_H

#include "source/open_file.h"

/* A piece of compressed guest memory, at most 64 KiB when unpacked. */
struct avml_chunk {
    uint64_t start; /* in the stream of all unpacked bytes of the file */
    uint64_t at;    /* file offset of the chunk's header */
};

struct avml_index {
    struct avml_chunk *chunk; /* ascending by start */
    size_t nr, cap;
    uint64_t unpacked; /* bytes in all chunks */
};

/*
 * Indexes the snappy frames of one record that unpack to `len` bytes, which begin in the file at
 * *at; leaves *at behind the record. ST_ABSENT: the file ends before; ret->unpacked says how far it
 * came.
 */
MUST_USE int avml_index_record(const char *name, struct bytes file, uint64_t len, uint64_t *at,
                               struct avml_index *ret, struct diag *d);

/* An opened LiME or AVML file. */
struct avml_cache;
struct lime_source {
    struct file_source base; /* first: file_vcpu_ops and file_write_ops rely on it */
    struct avml_index index;
    struct avml_cache *cache; /* NULL when nothing is compressed */
};

/* Unpacks chunk by chunk for ranges without host memory; `cookie` of these is the place in the
 * unpacked stream. */
extern const struct phys_ops avml_phys_ops;
MUST_USE int avml_cache_make(struct lime_source *l);
void avml_cache_free(struct lime_source *l);

/* Opens either. */
MUST_USE int lime_open_as(const char *kind, const char *path, const struct source_options *options,
                          struct diag *d, struct source *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of a profile: unpacked where it is .xz or .gz, and taken from the cache where the same
 * file was parsed before.
 */
#ifndef TINYVMI_VMI_PROFILE_FILE_H
#define TINYVMI_VMI_PROFILE_FILE_H

#include "core/bytes.h"
#include "core/status.h"
#include "platform/platform.h"

struct profile_file {
    struct plat_file file; /* what is mapped: the file, or what the cache has of it */
    uint8_t *owned;        /* else the bytes are here */
    struct bytes bytes;    /* for profile_open; p == NULL: none is open */
    bool cached;           /* the bytes are a compact profile out of the cache */
};

/*
 * Opens a profile of any form. A large one that must be parsed is kept as a compact profile in the
 * cache, and taken from there as long as the file's size and time of change, or its contents, are
 * the same. What cannot be cached is no failure.
 */
MUST_USE int profile_file_open(const char *path, struct diag *d, struct profile_file *ret);
void profile_file_close(struct profile_file *f);

/* The bytes of a file, unpacked, without the cache. */
MUST_USE int profile_file_load(const char *path, struct diag *d, struct profile_file *ret);

/* The name that the cache has for a file. */
void profile_cache_name(const char *path, char *buf, size_t size);

#endif

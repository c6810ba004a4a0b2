/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that the code above asks of the world, besides a C library (memory, strings, formatted
 * printing). platform/linux answers it with libc; the unikernel will with its own. Sources that
 * exist on one platform only (QEMU) may use that platform directly.
 */
#ifndef TINYVMI_PLATFORM_H
#define TINYVMI_PLATFORM_H

#include <stddef.h>
#include <stdint.h>

/* Monotonic nanoseconds since an arbitrary start. */
uint64_t plat_now_ns(void);

/* A whole file, read-only. Returns 0, or a negative errno. */
struct plat_file {
    int fd;
    uint64_t size;
    const uint8_t *map; /* the bytes, when mapped; else NULL */
};

/*
 * Opens. -EISDIR for a directory, -ENODATA for an empty file, -EINVAL for what is neither a file
 * nor a block device. mapped: 0 do not map, 1 map shared read-only, 2 map private writable.
 */
int plat_file_open(const char *path, int mapped, struct plat_file *ret);
/* Reads exactly n bytes at `at`; -EIO when the file ends first. */
int plat_file_read(const struct plat_file *f, uint64_t at, void *buf, size_t n);
/* Start of the next data at or after `at`, when the file is sparse; `at` itself when that is not
 * known. */
uint64_t plat_file_next_data(const struct plat_file *f, uint64_t at);
/* End of the data that starts at `at` (start of the next hole, or the file's size). */
uint64_t plat_file_next_hole(const struct plat_file *f, uint64_t at);
void plat_file_close(struct plat_file *f);

/* When the file's bytes last changed, in ns since 1970 (0: not known), and is it the caller's own?
 */
void plat_file_stamp(const struct plat_file *f, uint64_t *mtime_ns, int *own);

/*
 * Files that this program keeps for itself from run to run (Linux: below $TINYVMI_CACHE, else
 * $XDG_CACHE_HOME/tinyvmi, else ~/.cache/tinyvmi). plat_cache_path: the path of a name, for
 * plat_file_open; -ENOENT where there is no such place (TINYVMI_CACHE is empty). plat_cache_write:
 * the whole file or nothing, in place of an older one. Both give a negative errno.
 */
int plat_cache_path(const char *name, char *buf, size_t size);
int plat_cache_write(const char *name, const void *p, size_t n);

/*
 * The contents of an .xz or .gz file, by its first bytes; *ret is to be freed. -ENOMSG: it is
 * neither; -EBADMSG: damaged; -EFBIG: more than `limit` bytes; -ENOMEM; -ENOTSUP where nothing can
 * be unpacked.
 */
int plat_unpack(const uint8_t *p, size_t n, size_t limit, uint8_t **ret, size_t *ret_n);

#endif

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

#endif

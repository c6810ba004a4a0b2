/* SPDX-License-Identifier: BSD-2-Clause */
/* The C library has none: what LibVMI's programs and src/vmi/mmap.c need of it; memory.c answers.
 */
#ifndef TINYVMI_UNIKERNEL_SYS_MMAN_H
#define TINYVMI_UNIKERNEL_SYS_MMAN_H

#include <stddef.h>

#define PROT_NONE      0
#define PROT_READ      1
#define PROT_WRITE     2
#define PROT_EXEC      4
#define MREMAP_MAYMOVE 1
#define MAP_FAILED     ((void *)-1)

/* Guest memory is mapped once: a second mapping is the first one, and giving it back does nothing.
 */
void *mremap(void *p, size_t old_size, size_t new_size, int flags);
int mprotect(void *p, size_t n, int prot);
int munmap(void *p, size_t n);

#endif

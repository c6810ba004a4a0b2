/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bits of x86 page table entries (SDM volume 3, chapter 4). Macros only, built on VMI_GET_BIT of
 * libvmi.h. PAGE_SIZE(entry) takes the name that many programs have for 4096: include this header
 * only where it is meant.
 */
#ifndef LIBVMI_X86_H
#define LIBVMI_X86_H

/* entries in one table */
#define PTRS_PER_PDPI      4
#define PTRS_PER_PAE_PTE   512
#define PTRS_PER_PAE_PGD   512
#define PTRS_PER_NOPAE_PTE 1024
#define PTRS_PER_NOPAE_PGD 1024

/* each 0 or 1 */
#define PRESENT(_entry)         VMI_GET_BIT(_entry, 0)
#define READ_WRITE(_entry)      VMI_GET_BIT(_entry, 1)
#define USER_SUPERVISOR(_entry) VMI_GET_BIT(_entry, 2)
#define WRITE_THROUGH(_entry)   VMI_GET_BIT(_entry, 3)
#define CACHE_DISABLED(_entry)  VMI_GET_BIT(_entry, 4)
#define ACCESSED(_entry)        VMI_GET_BIT(_entry, 5)
#define DIRTY(_entry)           VMI_GET_BIT(_entry, 6)
#define PAGE_SIZE(_entry)       VMI_GET_BIT(_entry, 7)
#define GLOBAL_PAGE(_entry)     VMI_GET_BIT(_entry, 8)
#define NX(_entry)              VMI_GET_BIT(_entry, 63)

/* Windows, in entries that are not present */
#define PROTOTYPE(_entry)  VMI_GET_BIT(_entry, 10)
#define TRANSITION(_entry) VMI_GET_BIT(_entry, 11)

/* Whether the frame in the entry holds the page's contents. */
#define ENTRY_PRESENT(_transition_pages, _entry)                                                   \
    (PRESENT(_entry) || ((_transition_pages) && TRANSITION(_entry) && !PROTOTYPE(_entry)))

#endif /* LIBVMI_X86_H */

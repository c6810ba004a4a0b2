/* SPDX-License-Identifier: BSD-2-Clause */
/* Where in physical memory a Windows kernel may be: guesses, cheapest first, each to be proved by
 * whoever asked. */
#ifndef TINYVMI_OS_WINDOWS_FIND_H
#define TINYVMI_OS_WINDOWS_FIND_H

#include "os/os.h"
#include "source/source.h"
#include "xlat/xlat.h"

/* One guess: a page table. */
struct win_guess {
    const char *how;
    enum form_id form;
    uint64_t root;
    uint64_t entry; /* an address in the kernel image; 0: not known */
};

/*
 * Calls `prove` for one guess after the other until it answers ST_OK (returned), or no guess is
 * left (ST_ABSENT). `flags`: VMI_OPEN_NO_REGISTERS. Guesses of `effort` alone.
 */
int win_find(struct source *s, uint64_t flags, enum os_effort effort,
             int (*prove)(void *arg, const struct win_guess *g), void *arg);

/* Where KUSER_SHARED_DATA is in the kernel's half (ntddk.h: KI_USER_SHARED_DATA, SharedUserData).
 */
static inline uint64_t win_shared_data(enum form_id form)
{
    return form == FORM_X86_4LEVEL || form == FORM_X86_5LEVEL ? 0xfffff78000000000ULL : 0xffdf0000;
}

/*
 * The first byte of ntoskrnl in the space of a guess: an image that exports under that name.
 * `entry`: 0 or an address in it.
 */
MUST_USE int win_find_image(const struct aspace *as, enum form_id form, uint64_t entry,
                            uint64_t *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel debugger's data block, KDDEBUGGER_DATA64 (wdbgexts.h of the Windows SDK): a list
 * entry, the tag "KDBG", the size, then 64-bit fields whatever the system; addresses of 32-bit
 * systems are sign-extended. Pure: works on bytes.
 */
#ifndef TINYVMI_OS_WINDOWS_KDBG_H
#define TINYVMI_OS_WINDOWS_KDBG_H

#include "core/bytes.h"
#include "core/status.h"

enum { KDBG_TAG_AT = 16, KDBG_MIN = 0x208, KDBG_MAX = 0x400 };

struct kdbg {
    uint32_t size; /* bytes that the block has, at most KDBG_MAX of them looked at */
    uint8_t bytes[KDBG_MAX];
    unsigned ptr_size;
};

/* `block` is as in memory, decoded. ST_BROKEN unless the tag is there, the size makes sense and
 * KernBase is `base`. */
MUST_USE int kdbg_parse(struct bytes block, unsigned ptr_size, uint64_t base, struct kdbg *ret);

/*
 * Undoes the encoding of 64-bit Windows 8 and later, in place, for whole 8-byte words: with the
 * values of KiWaitNever and KiWaitAlways and the address of KdpDataBlockEncoded.
 */
void kdbg_decode(uint8_t *block, size_t n, uint64_t never, uint64_t always, uint64_t flag);

/* The next place at or after `from` in `page` where a block may begin (its tag is there), a
 * multiple of 4; page.n: none. */
size_t kdbg_search(struct bytes page, size_t from);

/* Address or value of a field by the name of the kernel's variable ("PsActiveProcessHead").
 * ST_ABSENT: no such, 0, or too short. */
MUST_USE int kdbg_field(const struct kdbg *k, const char *name, uint64_t *ret);
/* Field i of all that have a name, NULL when there are no more; *ret 0 when this block does not
 * have it. */
const char *kdbg_each(const struct kdbg *k, size_t i, uint64_t *ret);

/* Offsets that the block tells since Server 2003 and XP x64; 0: not told. */
struct kdbg_offsets {
    uint16_t process_size, peb, ppid, dtb;         /* EPROCESS */
    uint16_t thread_size, teb, thread_state;       /* ETHREAD, KTHREAD */
    uint16_t prcb_current, pcr_self, pcr_contains; /* KPRCB.CurrentThread, KPCR */
    uint8_t swizzle_bit; /* Windows 10 1903: which bit of an entry says that it is not inverted */
};
void kdbg_offsets(const struct kdbg *k, struct kdbg_offsets *ret);

#endif

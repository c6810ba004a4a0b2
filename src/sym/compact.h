/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compact profiles (.tvp): symbols and types in the form in which they are used, so that a file is
 * mapped, looked over once and asked in place; nothing is parsed. As plain bytes a profile may also
 * be a boot module.
 *
 * All numbers are little-endian.
 *
 *     0    8  magic "TINYVMI\n"
 *     8    4  version, 1
 *     12   4  bytes of a pointer in the guest: 4 or 8
 *     16   4  operating system: 1 Linux, 2 Windows (enum vmi_os_kind)
 *     20   4  number of symbols
 *     24   8  bytes of the whole
 *     32   8  compact_hash of the whole with these 8 bytes as 0
 *     40  24  of the file that it was made from: bytes, time of change (ns since 1970),
 * compact_hash 64  16  symbols: offset, bytes. 16 bytes each, ascending by address: u64 address
 * (link time, or RVA), u32 name (offset in the texts), u8 type, 3 zeros 80  16  order: u32 each,
 * the symbols ascending by name as strcmp has it; of one name the first is the one that a lookup
 * gives 96  16  texts: names, terminated; the last byte is 0 112 16  types: a BTF blob, or 0 bytes
 *     128 16  dialect that it was made from, terminated
 *     144 64  the kernel's build id in hex digits, terminated, or ""
 *     208 256 Linux: the kernel's banner, without its newline, terminated, or ""
 *     464 48  zeros
 *     512     the sections, each at a multiple of 8
 */
#ifndef TINYVMI_SYM_COMPACT_H
#define TINYVMI_SYM_COMPACT_H

#include "sym/profile.h"

/* What a profile was made from: 0 where it is not known. */
struct compact_origin {
    uint64_t size, mtime_ns, hash;
};

/* Is this a compact profile, of whatever version? */
bool compact_is(struct bytes b);

/*
 * Opens one in place: the bytes are borrowed. ST_ABSENT: it is none; ST_UNSUPPORTED: of another
 * version; ST_BROKEN. profile_close closes.
 */
MUST_USE int compact_open(struct bytes b, struct diag *d, struct profile *ret);

/* What it was made from; false when it is no compact profile of our version, or cut. */
bool compact_origin(struct bytes b, struct compact_origin *ret);

/*
 * Writes what is in a profile. Addresses at or above `from` become less by `slide`: 0, 0 for a
 * profile, the KASLR slide for what a running kernel says. `p->types` must be BTF or come from a
 * profile. *ret is to be freed.
 */
MUST_USE int compact_write(const struct profile *p, const struct compact_origin *origin,
                           uint64_t from, uint64_t slide, struct diag *d, uint8_t **ret, size_t *n);

/* Four lanes of multiplications: tells damage and change, not malice. */
uint64_t compact_hash(struct bytes b);

#endif

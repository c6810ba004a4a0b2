/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The paging forms as data. Included by the walker alone, so that the compiler can see through
 * them. Sources are named in xlat.h.
 */
#ifndef TINYVMI_XLAT_FORMS_H
#define TINYVMI_XLAT_FORMS_H

#include "xlat/xlat.h"

#define BITS(hi, lo) ((~0ULL >> (63 - (hi))) & (~0ULL << (lo)))

/*
 * While a walk goes on, RIGHT_X means that user mode may execute, and this that the kernel may. At
 * its end whoever the page belongs to decides.
 */
enum { RIGHT_KERNEL_X = 16, ALL_RIGHTS = RIGHT_R | RIGHT_W | RIGHT_X | RIGHT_U | RIGHT_KERNEL_X };

static inline unsigned right_if(bool may, unsigned right)
{
    return may ? right : 0;
}

static unsigned x86_rights(unsigned level, bool leaf, uint64_t e)
{
    (void)level;
    (void)leaf;
    return RIGHT_R | right_if(e & 2, RIGHT_W) | right_if(e & 4, RIGHT_U) |
           right_if(!(e >> 63), RIGHT_X | RIGHT_KERNEL_X);
}

/* 4-byte entries have no bit against execution. */
static unsigned legacy_rights(unsigned level, bool leaf, uint64_t e)
{
    return x86_rights(level, leaf, e & BITS(31, 0));
}

/* A PAE page-directory-pointer entry has no rights bits (SDM 3A table 5-8). */
static unsigned pae_rights(unsigned level, bool leaf, uint64_t e)
{
    return level ? x86_rights(level, leaf, e) : ALL_RIGHTS;
}

static unsigned ept_rights(unsigned level, bool leaf, uint64_t e)
{
    (void)level;
    (void)leaf;
    return right_if(e & 1, RIGHT_R) | right_if(e & 2, RIGHT_W) |
           right_if(e & 4, RIGHT_X | RIGHT_KERNEL_X) | RIGHT_U;
}

/* Long descriptors of tables: APTable 62:61, UXNTable (AArch32: XNTable) 60, PXNTable 59 (D8.4,
 * G5.5). */
static unsigned arm_table_rights(uint64_t e)
{
    return RIGHT_R | right_if(!(e >> 62 & 1), RIGHT_W) | right_if(!(e >> 61 & 1), RIGHT_U) |
           right_if(!(e >> 60 & 1), RIGHT_X) | right_if(!(e >> 59 & 1), RIGHT_KERNEL_X);
}

/* Of blocks and pages: AP[2] (bit 7) read-only, AP[1] (bit 6) user, UXN bit 54, PXN bit 53. */
static unsigned arm64_rights(unsigned level, bool leaf, uint64_t e)
{
    (void)level;
    if (!leaf)
        return arm_table_rights(e);
    return RIGHT_R | right_if(!(e >> 7 & 1), RIGHT_W) | right_if(e >> 6 & 1, RIGHT_U) |
           right_if(!(e >> 54 & 1), RIGHT_X) | right_if(!(e >> 53 & 1), RIGHT_KERNEL_X);
}

/* In AArch32 bit 54 is XN: against everybody's execution. */
static unsigned arm32_lpae_rights(unsigned level, bool leaf, uint64_t e)
{
    unsigned r = leaf ? arm64_rights(level, leaf, e) : arm_table_rights(e);
    return r & RIGHT_X ? r : r & ~(unsigned)RIGHT_KERNEL_X;
}

/*
 * Short descriptors: AP[2:0] is split (section 15,11:10; page 9,5:4); XN is bit 4 of a section, 15
 * of a large page, 0 of a small one; PXN is bit 0 of a section, 2 of a table. AP 000 is no access
 * at all (SCTLR.AFE clear, G5.6), execution included.
 */
static unsigned arm32_rights(unsigned level, bool leaf, uint64_t e)
{
    if (!leaf)
        return ALL_RIGHTS & ~right_if(e >> 2 & 1, RIGHT_KERNEL_X);
    unsigned ap =
        level ? (unsigned)((e >> 4 & 3) | (e >> 7 & 4)) : (unsigned)((e >> 10 & 3) | (e >> 13 & 4));
    bool xn = level ? (e & 2 ? e & 1 : e >> 15 & 1) : e >> 4 & 1;
    bool pxn = !level && e & 1;
    if (!ap)
        return 0;
    return RIGHT_R | right_if(!(ap & 4), RIGHT_W) | right_if(ap & 2, RIGHT_U) |
           right_if(!xn, RIGHT_X) | right_if(!xn && !pxn, RIGHT_KERNEL_X);
}

/* PSE-36: a 4 MiB page keeps physical bits 39:32 in entry bits 20:13 (SDM 3A table 5-4). */
static void fix_pse36(const struct paging_form *f, unsigned level, uint64_t e, bool *leaf,
                      uint64_t *addr, uint64_t *size)
{
    (void)f;
    (void)size;
    if (*leaf && level == 0)
        *addr |= (e >> 13 & 0xff) << 32;
}

/* 64 KiB granule: with 52-bit addresses bits 51:48 are in entry bits 15:12, without they are zero
 * (RES0). */
static void fix_arm64_64k(const struct paging_form *f, unsigned level, uint64_t e, bool *leaf,
                          uint64_t *addr, uint64_t *size)
{
    (void)f;
    (void)level;
    (void)leaf;
    (void)size;
    *addr |= (e >> 12 & 15) << 48;
}

/* FEAT_LPA2, 4 and 16 KiB granules: bits 51:50 are in entry bits 9:8; bits 49:12 are in place. */
static void fix_arm64_lpa2(const struct paging_form *f, unsigned level, uint64_t e, bool *leaf,
                           uint64_t *addr, uint64_t *size)
{
    (void)f;
    (void)level;
    (void)leaf;
    (void)size;
    *addr |= (e >> 8 & 3) << 50;
}

/*
 * Short descriptors. First level: 01 table (1 KiB, bits 31:10), 1x section of 1 MiB or, with bit
 * 18, supersection of 16 MiB with PA 39:36 in 8:5 and 35:32 in 23:20. Second level: 01 large page
 * of 64 KiB, 1x small page (G5.4).
 */
static void fix_arm32(const struct paging_form *f, unsigned level, uint64_t e, bool *leaf,
                      uint64_t *addr, uint64_t *size)
{
    (void)f;
    if (level == 0 && *leaf && e >> 18 & 1) {
        *size = 16 << 20;
        *addr = (e & BITS(31, 24)) | (e >> 20 & 15) << 32 | (e >> 5 & 15) << 36;
    } else if (level == 1 && !(e & 2)) {
        *size = 64 << 10;
        *addr = e & BITS(31, 16);
    }
}

/* No entry of this level ends the walk: (value & 0) is never 1. */
#define NO_LEAF .leaf_mask = 0, .leaf_val = 1

#define X86_TABLE(s, b)                                                                            \
    {                                                                                              \
        .shift = (s), .bits = (b), .leaf_mask = 0x80, .leaf_val = 0x80                             \
    }
#define X86_LARGE(s, b, p)                                                                         \
    {                                                                                              \
        .shift = (s), .bits = (b), .leaf_mask = 0x80, .leaf_val = 0x80, .leaf_addr = BITS(p, s)    \
    }
#define X86_PAGE(s, b, p)                                                                          \
    {                                                                                              \
        .shift = (s), .bits = (b), .leaf_addr = BITS(p, s)                                         \
    }

#define ARM_TABLE(s, b)                                                                            \
    {                                                                                              \
        .shift = (s), .bits = (b), .leaf_mask = 2, .leaf_val = 0                                   \
    }
#define ARM_BLOCK(s, b, p)                                                                         \
    {                                                                                              \
        .shift = (s), .bits = (b), .leaf_mask = 2, .leaf_val = 0, .leaf_addr = BITS(p, s)          \
    }
/* At the last level an entry is a page only with both low bits set; checked through
 * leaf_mask/leaf_val. */
#define ARM_PAGE(s, b, p)                                                                          \
    {                                                                                              \
        .shift = (s), .bits = (b), .leaf_mask = 3, .leaf_val = 3, .leaf_addr = BITS(p, s)          \
    }

#define X86_64(n, l, v)                                                                            \
    .name = (n), .levels = (l), .entry_size = 8, .va_bits = (v), .sign_extended = true,            \
    .root_mask = BITS(51, 12), .present_mask = 1, .table_addr = BITS(51, 12), .rights = x86_rights

#define EPT(n, l, v)                                                                               \
    .name = (n), .levels = (l), .entry_size = 8, .va_bits = (v), .root_mask = BITS(51, 12),        \
    .present_mask = 7, .table_addr = BITS(51, 12), .rights = ept_rights

#define ARM64(n, l, v, p, lo)                                                                      \
    .name = (n), .levels = (l), .entry_size = 8, .va_bits = (v), .upper_half = true,               \
    .root_mask = BITS(51, 4), .present_mask = 1, .table_addr = BITS(p, lo), .rights = arm64_rights

static const struct paging_form forms[FORM_COUNT] = {
    [FORM_X86_LEGACY] = {.name = "x86 legacy",
                         .levels = 2,
                         .entry_size = 4,
                         .va_bits = 32,
                         .root_mask = BITS(31, 12),
                         .present_mask = 1,
                         .table_addr = BITS(31, 12),
                         .fix = fix_pse36,
                         .rights = legacy_rights,
                         .level = {X86_LARGE(22, 10, 31), X86_PAGE(12, 10, 31)}},
    [FORM_X86_LEGACY_NOPSE] = {.name = "x86 legacy (no PSE)",
                               .levels = 2,
                               .entry_size = 4,
                               .va_bits = 32,
                               .root_mask = BITS(31, 12),
                               .present_mask = 1,
                               .table_addr = BITS(31, 12),
                               .rights = legacy_rights,
                               .level = {{.shift = 22, .bits = 10, NO_LEAF}, X86_PAGE(12, 10, 31)}},
    [FORM_X86_PAE] = {.name = "x86 PAE",
                      .levels = 3,
                      .entry_size = 8,
                      .va_bits = 32,
                      .root_mask = BITS(31, 5),
                      .present_mask = 1,
                      .table_addr = BITS(51, 12),
                      .rights = pae_rights,
                      .level = {{.shift = 30, .bits = 2, NO_LEAF},
                                X86_LARGE(21, 9, 51),
                                X86_PAGE(12, 9, 51)}},
    [FORM_X86_4LEVEL] = {X86_64("x86 4-level", 4, 48),
                         .level = {X86_TABLE(39, 9), X86_LARGE(30, 9, 51), X86_LARGE(21, 9, 51),
                                   X86_PAGE(12, 9, 51)}},
    [FORM_X86_5LEVEL] = {X86_64("x86 5-level", 5, 57),
                         .level = {X86_TABLE(48, 9), X86_TABLE(39, 9), X86_LARGE(30, 9, 51),
                                   X86_LARGE(21, 9, 51), X86_PAGE(12, 9, 51)}},
    [FORM_EPT_4LEVEL] = {EPT("EPT 4-level", 4, 48),
                         .level = {X86_TABLE(39, 9), X86_LARGE(30, 9, 51), X86_LARGE(21, 9, 51),
                                   X86_PAGE(12, 9, 51)}},
    [FORM_EPT_5LEVEL] = {EPT("EPT 5-level", 5, 57),
                         .level = {X86_TABLE(48, 9), X86_TABLE(39, 9), X86_LARGE(30, 9, 51),
                                   X86_LARGE(21, 9, 51), X86_PAGE(12, 9, 51)}},
    [FORM_ARM64_4K_39] = {ARM64("AArch64 4K, 39 bit", 3, 39, 47, 12),
                          .level = {ARM_BLOCK(30, 9, 47), ARM_BLOCK(21, 9, 47),
                                    ARM_PAGE(12, 9, 47)}},
    [FORM_ARM64_4K_48] = {ARM64("AArch64 4K, 48 bit", 4, 48, 47, 12),
                          .level = {ARM_TABLE(39, 9), ARM_BLOCK(30, 9, 47), ARM_BLOCK(21, 9, 47),
                                    ARM_PAGE(12, 9, 47)}},
    [FORM_ARM64_4K_52] = {ARM64("AArch64 4K, 52 bit", 5, 52, 49, 12), .fix = fix_arm64_lpa2,
                          .level = {ARM_TABLE(48, 4), ARM_BLOCK(39, 9, 49), ARM_BLOCK(30, 9, 49),
                                    ARM_BLOCK(21, 9, 49), ARM_PAGE(12, 9, 49)}},
    [FORM_ARM64_16K_36] = {ARM64("AArch64 16K, 36 bit", 2, 36, 47, 14),
                           .level = {ARM_BLOCK(25, 11, 47), ARM_PAGE(14, 11, 47)}},
    [FORM_ARM64_16K_47] = {ARM64("AArch64 16K, 47 bit", 3, 47, 47, 14),
                           .level = {ARM_TABLE(36, 11), ARM_BLOCK(25, 11, 47),
                                     ARM_PAGE(14, 11, 47)}},
    [FORM_ARM64_16K_48] = {ARM64("AArch64 16K, 48 bit", 4, 48, 47, 14),
                           .level = {ARM_TABLE(47, 1), ARM_TABLE(36, 11), ARM_BLOCK(25, 11, 47),
                                     ARM_PAGE(14, 11, 47)}},
    [FORM_ARM64_16K_52] = {ARM64("AArch64 16K, 52 bit", 4, 52, 49, 14), .fix = fix_arm64_lpa2,
                           .level = {ARM_TABLE(47, 5), ARM_BLOCK(36, 11, 49), ARM_BLOCK(25, 11, 49),
                                     ARM_PAGE(14, 11, 49)}},
    [FORM_ARM64_64K_42] = {ARM64("AArch64 64K, 42 bit", 2, 42, 47, 16), .fix = fix_arm64_64k,
                           .level = {ARM_BLOCK(29, 13, 47), ARM_PAGE(16, 13, 47)}},
    [FORM_ARM64_64K_48] = {ARM64("AArch64 64K, 48 bit", 3, 48, 47, 16), .fix = fix_arm64_64k,
                           .level = {ARM_TABLE(42, 6), ARM_BLOCK(29, 13, 47),
                                     ARM_PAGE(16, 13, 47)}},
    [FORM_ARM64_64K_52] = {ARM64("AArch64 64K, 52 bit", 3, 52, 47, 16), .fix = fix_arm64_64k,
                           .level = {ARM_BLOCK(42, 10, 47), ARM_BLOCK(29, 13, 47),
                                     ARM_PAGE(16, 13, 47)}},
    [FORM_ARM32_SHORT] = {.name = "AArch32 short",
                          .levels = 2,
                          .entry_size = 4,
                          .va_bits = 32,
                          .root_mask = BITS(31, 7),
                          .present_mask = 3,
                          .table_addr = BITS(31, 10),
                          .fix = fix_arm32,
                          .rights = arm32_rights,
                          .level = {{.shift = 20,
                                     .bits = 12,
                                     .leaf_mask = 2,
                                     .leaf_val = 2,
                                     .leaf_addr = BITS(31, 20)},
                                    {.shift = 12, .bits = 8, .leaf_addr = BITS(31, 12)}}},
    [FORM_ARM32_LPAE] = {.name = "AArch32 LPAE",
                         .levels = 3,
                         .entry_size = 8,
                         .va_bits = 32,
                         .root_mask = BITS(39, 5),
                         .present_mask = 1,
                         .table_addr = BITS(39, 12),
                         .rights = arm32_lpae_rights,
                         .level = {ARM_BLOCK(30, 2, 39), ARM_BLOCK(21, 9, 39),
                                   ARM_PAGE(12, 9, 39)}},
};

#endif

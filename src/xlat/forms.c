/* SPDX-License-Identifier: BSD-2-Clause */
/* The paging forms as data. Sources are named in xlat.h. */
#include "xlat/xlat.h"

#define BITS(hi, lo) ((~0ULL >> (63 - (hi))) & (~0ULL << (lo)))

static unsigned x86_rights(unsigned level, bool leaf, uint64_t e)
{
    (void)level;
    (void)leaf;
    return RIGHT_R | (e & 2 ? RIGHT_W : 0) | (e & 4 ? RIGHT_U : 0) | (e >> 63 ? 0 : RIGHT_X);
}

static unsigned legacy_rights(unsigned level, bool leaf, uint64_t e)
{
    return x86_rights(level, leaf, e & BITS(31, 0));
}

/* A PAE page-directory-pointer entry has no rights bits (SDM 3A table 5-8). */
static unsigned pae_rights(unsigned level, bool leaf, uint64_t e)
{
    return level ? x86_rights(level, leaf, e) : RIGHT_R | RIGHT_W | RIGHT_X | RIGHT_U;
}

static unsigned ept_rights(unsigned level, bool leaf, uint64_t e)
{
    (void)level;
    (void)leaf;
    return (e & 1 ? RIGHT_R : 0) | (e & 2 ? RIGHT_W : 0) | (e & 4 ? RIGHT_X : 0) | RIGHT_U;
}

/* AP[2] read-only, AP[1] user; UXN bit 54, PXN bit 53. Tables: APTable 62:61, UXNTable 60, PXNTable 59 (D8.4). */
static unsigned arm64_rights(unsigned level, bool leaf, uint64_t e)
{
    (void)level;
    if (!leaf)
        return RIGHT_R | (e & (1ULL << 62) ? 0 : RIGHT_W) | (e & (1ULL << 61) ? 0 : RIGHT_U) |
               ((e >> 59 & 3) == 3 ? 0 : RIGHT_X);
    bool user = e & (1 << 6);
    bool xn = user ? e & (1ULL << 54) : e & (1ULL << 53);
    return RIGHT_R | (e & (1 << 7) ? 0 : RIGHT_W) | (user ? RIGHT_U : 0) | (xn ? 0 : RIGHT_X);
}

/* Short descriptors: AP[2:0] is split (section 15,11:10; small page 9,5:4); XN is bit 4 of a section, 0 of a page. */
static unsigned arm32_rights(unsigned level, bool leaf, uint64_t e)
{
    if (!leaf)
        return RIGHT_R | RIGHT_W | RIGHT_X | RIGHT_U;
    unsigned ap = level ? (unsigned)(e >> 4 & 3) | (unsigned)(e >> 7 & 4)
                        : (unsigned)(e >> 10 & 3) | (unsigned)(e >> 13 & 4);
    bool xn;
    if (!level)
        xn = e & 16;
    else
        xn = e & 2 ? e & 1 : e & (1 << 15);
    return (ap ? RIGHT_R : 0) | (ap & 4 || !ap ? 0 : RIGHT_W) | (ap & 2 ? RIGHT_U : 0) | (xn ? 0 : RIGHT_X);
}

/* PSE-36: a 4 MiB page keeps physical bits 39:32 in entry bits 20:13 (SDM 3A table 5-4). */
static void fix_pse36(const struct paging_form *f, unsigned level, uint64_t e, bool *leaf, uint64_t *addr, uint64_t *size)
{
    (void)f;
    (void)size;
    if (*leaf && level == 0)
        *addr |= (e >> 13 & 0xff) << 32;
}

/* 64 KiB granule with 52-bit addresses: bits 51:48 are in entry bits 15:12. */
static void fix_arm64_64k(const struct paging_form *f, unsigned level, uint64_t e, bool *leaf, uint64_t *addr,
                          uint64_t *size)
{
    (void)f;
    (void)level;
    (void)leaf;
    (void)size;
    *addr |= (e >> 12 & 15) << 48;
}

/* FEAT_LPA2, 4 and 16 KiB granules: bits 51:50 are in entry bits 9:8; bits 49:12 are in place. */
static void fix_arm64_lpa2(const struct paging_form *f, unsigned level, uint64_t e, bool *leaf, uint64_t *addr,
                           uint64_t *size)
{
    (void)f;
    (void)level;
    (void)leaf;
    (void)size;
    *addr |= (e >> 8 & 3) << 50;
}

/*
 * Short descriptors. First level: 01 table (1 KiB, bits 31:10), 1x section of 1 MiB or, with bit 18, supersection of
 * 16 MiB with PA 39:36 in 8:5 and 35:32 in 23:20. Second level: 01 large page of 64 KiB, 1x small page (G5.4).
 */
static void fix_arm32(const struct paging_form *f, unsigned level, uint64_t e, bool *leaf, uint64_t *addr, uint64_t *size)
{
    (void)f;
    if (level == 0) {
        *leaf = e & 2;
        if (!*leaf) {
            *addr = e & BITS(31, 10);
        } else if (e & (1 << 18)) {
            *size = 16 << 20;
            *addr = (e & BITS(31, 24)) | (e >> 20 & 15) << 32 | (e >> 5 & 15) << 36;
        } else {
            *addr = e & BITS(31, 20);
        }
    } else if (!(e & 2)) {
        *size = 64 << 10;
        *addr = e & BITS(31, 16);
    }
}

#define X86_TABLE(s, b)    {.shift = (s), .bits = (b), .leaf_mask = 0x80, .leaf_val = 0x80}
#define X86_LARGE(s, b, p) {.shift = (s), .bits = (b), .leaf_mask = 0x80, .leaf_val = 0x80, .leaf_addr = BITS(p, s)}
#define X86_PAGE(s, b, p)  {.shift = (s), .bits = (b), .leaf_addr = BITS(p, s)}

#define ARM_TABLE(s, b)    {.shift = (s), .bits = (b), .leaf_mask = 2, .leaf_val = 0}
#define ARM_BLOCK(s, b, p) {.shift = (s), .bits = (b), .leaf_mask = 2, .leaf_val = 0, .leaf_addr = BITS(p, s)}
/* At the last level an entry is a page only with both low bits set; checked through leaf_mask/leaf_val. */
#define ARM_PAGE(s, b, p) {.shift = (s), .bits = (b), .leaf_mask = 3, .leaf_val = 3, .leaf_addr = BITS(p, s)}

#define X86_64(n, l, v)                                                                                                \
    .name = (n), .levels = (l), .entry_size = 8, .va_bits = (v), .sign_extended = true, .root_mask = BITS(51, 12),     \
    .present_mask = 1, .table_addr = BITS(51, 12), .rights = x86_rights

#define EPT(n, l, v)                                                                                                   \
    .name = (n), .levels = (l), .entry_size = 8, .va_bits = (v), .root_mask = BITS(51, 12), .present_mask = 7,         \
    .table_addr = BITS(51, 12), .rights = ept_rights

#define ARM64(n, l, v, p, lo)                                                                                          \
    .name = (n), .levels = (l), .entry_size = 8, .va_bits = (v), .root_mask = BITS(51, 6), .present_mask = 1,          \
    .table_addr = BITS(p, lo), .rights = arm64_rights

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
                               .level = {{.shift = 22, .bits = 10, .leaf_mask = ~0ULL}, X86_PAGE(12, 10, 31)}},
    [FORM_X86_PAE] = {.name = "x86 PAE",
                      .levels = 3,
                      .entry_size = 8,
                      .va_bits = 32,
                      .root_mask = BITS(31, 5),
                      .present_mask = 1,
                      .table_addr = BITS(51, 12),
                      .rights = pae_rights,
                      .level = {{.shift = 30, .bits = 2, .leaf_mask = ~0ULL},
                                X86_LARGE(21, 9, 51),
                                X86_PAGE(12, 9, 51)}},
    [FORM_X86_4LEVEL] = {X86_64("x86 4-level", 4, 48),
                         .level = {X86_TABLE(39, 9), X86_LARGE(30, 9, 51), X86_LARGE(21, 9, 51), X86_PAGE(12, 9, 51)}},
    [FORM_X86_5LEVEL] = {X86_64("x86 5-level", 5, 57),
                         .level = {X86_TABLE(48, 9), X86_TABLE(39, 9), X86_LARGE(30, 9, 51), X86_LARGE(21, 9, 51),
                                   X86_PAGE(12, 9, 51)}},
    [FORM_EPT_4LEVEL] = {EPT("EPT 4-level", 4, 48),
                         .level = {X86_TABLE(39, 9), X86_LARGE(30, 9, 51), X86_LARGE(21, 9, 51), X86_PAGE(12, 9, 51)}},
    [FORM_EPT_5LEVEL] = {EPT("EPT 5-level", 5, 57),
                         .level = {X86_TABLE(48, 9), X86_TABLE(39, 9), X86_LARGE(30, 9, 51), X86_LARGE(21, 9, 51),
                                   X86_PAGE(12, 9, 51)}},
    [FORM_ARM64_4K_39] = {ARM64("AArch64 4K, 39 bit", 3, 39, 47, 12),
                          .level = {ARM_BLOCK(30, 9, 47), ARM_BLOCK(21, 9, 47), ARM_PAGE(12, 9, 47)}},
    [FORM_ARM64_4K_48] = {ARM64("AArch64 4K, 48 bit", 4, 48, 47, 12),
                          .level = {ARM_TABLE(39, 9), ARM_BLOCK(30, 9, 47), ARM_BLOCK(21, 9, 47), ARM_PAGE(12, 9, 47)}},
    [FORM_ARM64_4K_52] = {ARM64("AArch64 4K, 52 bit", 5, 52, 49, 12),
                          .fix = fix_arm64_lpa2,
                          .level = {ARM_TABLE(48, 4), ARM_BLOCK(39, 9, 49), ARM_BLOCK(30, 9, 49), ARM_BLOCK(21, 9, 49),
                                    ARM_PAGE(12, 9, 49)}},
    [FORM_ARM64_16K_36] = {ARM64("AArch64 16K, 36 bit", 2, 36, 47, 14),
                           .level = {ARM_BLOCK(25, 11, 47), ARM_PAGE(14, 11, 47)}},
    [FORM_ARM64_16K_47] = {ARM64("AArch64 16K, 47 bit", 3, 47, 47, 14),
                           .level = {ARM_TABLE(36, 11), ARM_BLOCK(25, 11, 47), ARM_PAGE(14, 11, 47)}},
    [FORM_ARM64_16K_48] = {ARM64("AArch64 16K, 48 bit", 4, 48, 47, 14),
                           .level = {ARM_TABLE(47, 1), ARM_TABLE(36, 11), ARM_BLOCK(25, 11, 47), ARM_PAGE(14, 11, 47)}},
    [FORM_ARM64_16K_52] = {ARM64("AArch64 16K, 52 bit", 4, 52, 49, 14),
                           .fix = fix_arm64_lpa2,
                           .level = {ARM_TABLE(47, 5), ARM_BLOCK(36, 11, 49), ARM_BLOCK(25, 11, 49),
                                     ARM_PAGE(14, 11, 49)}},
    [FORM_ARM64_64K_42] = {ARM64("AArch64 64K, 42 bit", 2, 42, 47, 16),
                           .level = {ARM_BLOCK(29, 13, 47), ARM_PAGE(16, 13, 47)}},
    [FORM_ARM64_64K_48] = {ARM64("AArch64 64K, 48 bit", 3, 48, 47, 16),
                           .level = {ARM_TABLE(42, 6), ARM_BLOCK(29, 13, 47), ARM_PAGE(16, 13, 47)}},
    [FORM_ARM64_64K_52] = {ARM64("AArch64 64K, 52 bit", 3, 52, 47, 16),
                           .fix = fix_arm64_64k,
                           .level = {ARM_BLOCK(42, 10, 47), ARM_BLOCK(29, 13, 47), ARM_PAGE(16, 13, 47)}},
    [FORM_ARM32_SHORT] = {.name = "AArch32 short",
                          .levels = 2,
                          .entry_size = 4,
                          .va_bits = 32,
                          .root_mask = BITS(31, 7),
                          .present_mask = 3,
                          .table_addr = BITS(31, 10),
                          .fix = fix_arm32,
                          .rights = arm32_rights,
                          .level = {{.shift = 20, .bits = 12, .leaf_mask = 2, .leaf_val = 2, .leaf_addr = BITS(31, 20)},
                                    {.shift = 12, .bits = 8, .leaf_addr = BITS(31, 12)}}},
    [FORM_ARM32_LPAE] = {.name = "AArch32 LPAE",
                         .levels = 3,
                         .entry_size = 8,
                         .va_bits = 32,
                         .root_mask = BITS(39, 5),
                         .present_mask = 1,
                         .table_addr = BITS(39, 12),
                         .rights = arm64_rights,
                         .level = {ARM_BLOCK(30, 2, 39), ARM_BLOCK(21, 9, 39), ARM_PAGE(12, 9, 39)}},
};

const struct paging_form *paging_form(enum form_id id)
{
    return &forms[id];
}

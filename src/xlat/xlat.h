/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces: from guest-virtual to guest-physical, by the guest's own page tables, read anew
 * at every walk.
 *
 * A paging form is data (level widths and entry masks); there is one walker. What is known about a
 * guest from above (memory-encryption bit, entries that an operating system resolves although they
 * are not present) comes in as a parameter of the address space.
 *
 * Sources of the layouts: Intel SDM vol. 3A chapter 5 (paging) and vol. 3C 29.3 (EPT); Arm ARM DDI
 * 0487 chapter D8 (AArch64) and G5 (AArch32).
 */
#ifndef TINYVMI_XLAT_XLAT_H
#define TINYVMI_XLAT_XLAT_H

#include "phys/phys.h"

enum { XLAT_MAX_LEVELS = 5 };

enum form_id {
    FORM_X86_LEGACY,       /* 2 levels of 4-byte entries, 4 MiB pages with PSE-36 */
    FORM_X86_LEGACY_NOPSE, /* the same with CR4.PSE clear: no large pages */
    FORM_X86_PAE,
    FORM_X86_4LEVEL,
    FORM_X86_5LEVEL,
    FORM_EPT_4LEVEL,
    FORM_EPT_5LEVEL,
    FORM_ARM64_4K_39,
    FORM_ARM64_4K_48,
    FORM_ARM64_4K_52, /* FEAT_LPA2 */
    FORM_ARM64_16K_36,
    FORM_ARM64_16K_47,
    FORM_ARM64_16K_48,
    FORM_ARM64_16K_52, /* FEAT_LPA2 */
    FORM_ARM64_64K_42,
    FORM_ARM64_64K_48,
    FORM_ARM64_64K_52,
    FORM_ARM32_SHORT,
    FORM_ARM32_LPAE,
    FORM_COUNT
};

enum rights { RIGHT_R = 1, RIGHT_W = 2, RIGHT_X = 4, RIGHT_U = 8 }; /* U: user mode may use it */

/* One level of tables. Masks apply to the entry's value. */
struct form_level {
    uint8_t shift, bits;          /* which bits of the address index the table */
    uint64_t leaf_mask, leaf_val; /* an entry with (value & leaf_mask) == leaf_val ends the walk;
                                     mask 0 at the last level: all do */
    uint64_t leaf_addr;           /* address bits of a leaf; 0: a leaf is reserved at this level */
};

struct paging_form {
    const char *name;
    uint8_t levels, entry_size; /* entry_size: 4 or 8 bytes */
    uint8_t va_bits;
    bool sign_extended; /* the bits above va_bits repeat the highest one */
    bool upper_half; /* the bits above va_bits are all 0, or all 1 (Arm: the other root's half) */
    uint64_t root_mask;    /* address bits of the root register */
    uint64_t present_mask; /* an entry with none of these bits is not present */
    uint64_t table_addr;   /* address bits of an entry that points to a table */
    /* What the masks cannot say (addresses in two pieces, several kinds of entry): corrects *leaf
     * and *addr. */
    void (*fix)(const struct paging_form *f, unsigned level, uint64_t entry, bool *leaf,
                uint64_t *addr, uint64_t *size);
    /* The rights that this entry leaves (RIGHT_*); ANDed over the levels. */
    unsigned (*rights)(unsigned level, bool leaf, uint64_t entry);
    struct form_level level[XLAT_MAX_LEVELS];
};

const struct paging_form *paging_form(enum form_id id);

/*
 * The physical address of the top table out of a root register (CR3, EPTP, TTBRn) of the form:
 * without flags and ASID, and with the upper bits that 52-bit AArch64 keeps in TTBR bits 5:2.
 * aspace_init takes an address or, except for the latter, the register.
 */
uint64_t paging_root(enum form_id id, uint64_t reg);

struct aspace;

/*
 * What an operating system knows about entries that are not present for the hardware. Called for
 * such an entry; it answers ST_OK and an equivalent present entry in *ret, or ST_ABSENT. An entry
 * that points to a table serves many addresses: the answer for it must not depend on `va`.
 */
struct pte_policy {
    int (*resolve)(void *arg, const struct aspace *as, unsigned level, uint64_t entry, uint64_t va,
                   uint64_t *ret);
    void *arg;
    /* NULL, or: what such an entry means, for a person: "in transition". "": nothing is known.
     * `buf` is for what has to be written down. */
    const char *(*describe)(void *arg, const struct aspace *as, unsigned level, uint64_t entry,
                            uint64_t va, char *buf, size_t size);
};

/* A root that is not known: where no entry of any form can point to, so nothing is mapped. */
#define ASPACE_NO_ROOT (1ULL << 63)

struct aspace_half {
    const struct paging_form *form;
    uint64_t root; /* guest-physical (outer-virtual when nested), masked */
};

struct aspace {
    struct phys *phys;
    const struct aspace
        *outer; /* NULL, or the space through which all tables and results go (EPT) */
    struct aspace_half half[2]; /* [0] for addresses below split, [1] from split on; equal where
                                   there is one root */
    uint64_t split;
    uint64_t addr_clear; /* bits that are no address although the form says so: the SME/SEV C-bit */
    const struct pte_policy *policy;
};

/*
 * One root: for all addresses of x86, EPT and AArch32, for the upper half alone of AArch64 (the
 * kernel's; nothing is mapped in the lower half until half[0].root is set). The root is masked as
 * the form says.
 */
void aspace_init(struct aspace *as, struct phys *phys, enum form_id form, uint64_t root);
/* Two roots (Arm): `low` for addresses below `split`. */
void aspace_init_split(struct aspace *as, struct phys *phys, enum form_id low_form, uint64_t low,
                       enum form_id high_form, uint64_t high, uint64_t split);

enum walk_fault {
    WALK_OK,
    WALK_NOT_CANONICAL, /* the address is outside of what the form can translate */
    WALK_NOT_PRESENT,
    WALK_RESERVED,     /* a leaf where the architecture has none */
    WALK_TABLE_ABSENT, /* the table that the entry points to is not in guest memory */
    WALK_OUTER,        /* the outer space does not translate a table or the result */
};

/* The record of one walk. */
struct walk {
    uint64_t va, pa;   /* pa: valid when fault == WALK_OK */
    uint64_t outer_pa; /* nested: pa through the outer space; else == pa */
    uint64_t size;     /* bytes of the page; 0 when faulted */
    unsigned rights;
    enum walk_fault fault;
    unsigned levels; /* entries that were read; the walk ended at entry[levels - 1] */
    struct {
        uint64_t at,
            value; /* guest-physical address of the entry, and the entry as it is in memory */
    } entry[XLAT_MAX_LEVELS]; /* WALK_TABLE_ABSENT, WALK_OUTER: entry[levels].at, if there, is what
                                 could not be read */
    const struct paging_form *form;
};

/* Walks and records every level. ST_OK or ST_ABSENT (then ret->fault says why and the levels
 * reached are filled). */
int aspace_walk(const struct aspace *as, gva_t va, struct walk *ret);

/* The address alone: `ret` is where the byte lies (in phys), *left how many bytes its page goes on.
 */
MUST_USE int aspace_translate(const struct aspace *as, gva_t va, uint64_t *ret, uint64_t *left);

/* Copies n bytes. Stops at the first byte that has no page or no memory: ST_ABSENT, *done (may be
 * NULL) are valid. */
MUST_USE int aspace_read(const struct aspace *as, gva_t va, void *buf, size_t n, size_t *done);
MUST_USE int aspace_write(const struct aspace *as, gva_t va, const void *buf, size_t n,
                          size_t *done);

/*
 * A pointer to the memory at `va` and how many bytes are contiguous in the host from there,
 * following pages as long as they are neighbours (at most 1,024 of them). NULL when absent or when
 * the source cannot map.
 */
const uint8_t *aspace_ptr(const struct aspace *as, gva_t va, size_t *avail);

/* Numbers; *ret is untouched on failure. */
MUST_USE int aspace_read64(const struct aspace *as, gva_t va, uint64_t *ret);
MUST_USE int aspace_read32(const struct aspace *as, gva_t va, uint32_t *ret);

/*
 * Reads a C string of at most size-1 bytes into buf, always terminated. ST_LIMIT: no end within
 * size. ST_ABSENT: the memory ended first; buf holds what there was.
 */
int aspace_read_str(const struct aspace *as, gva_t va, char *buf, size_t size);

/*
 * Visits every present page of [from, to] in ascending order: w->va is its first byte (or `from`),
 * w->rights and w->entry as in aspace_walk. `visit` returns non-zero to stop (and that is
 * returned). Addresses that the form cannot translate are passed over. Bounded by `max_tables`
 * tables looked through: ST_LIMIT beyond.
 */
int aspace_each_page(const struct aspace *as, uint64_t from, uint64_t to, uint64_t max_tables,
                     int (*visit)(const struct walk *w, void *arg), void *arg);

/*
 * Does an x86 CR3 value name this page table (of 0: none)? Its low bits are a PCID; where Linux
 * isolates page tables, bit 12 chooses the user's half of an aligned pair (arch/x86/mm/tlb.c).
 */
static inline bool cr3_names(uint64_t cr3, uint64_t table)
{
    uint64_t root = cr3 & 0x000ffffffffff000ull;
    return table && (table == root || (!(table & 0x1000) && table == (root & ~0x1000ull)));
}

#endif

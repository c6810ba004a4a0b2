/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PE image as it lies in memory (not as in its file): headers, sections, exports, the name of its
 * PDB. Parts of it may be absent, and all of it may be forged: offsets are checked, counts are
 * bounded.
 *
 * Source of the layout: Microsoft, "PE Format" (learn.microsoft.com/windows/win32/debug/pe-format).
 * The CodeView record "RSDS" is described in the PDB documentation of LLVM and in Microsoft's
 * microsoft-pdb.
 */
#ifndef TINYVMI_SYM_PE_H
#define TINYVMI_SYM_PE_H

#include "core/bytes.h"
#include "core/status.h"

/* Reads the image at an offset from its first byte. ST_OK only when all n bytes were there. */
struct pe_reader {
    int (*read)(void *arg, uint64_t rva, void *buf, size_t n);
    void *arg;
};

enum {
    PE_I386 = 0x14c,
    PE_AMD64 = 0x8664,
    PE_ARM64 = 0xaa64,
    PE_MAX_NAME = 512,
    PE_MAX_SIZE = 1 << 30
};

struct pe_image {
    uint16_t machine;   /* PE_* */
    bool pe64;          /* PE32+ */
    uint32_t timestamp; /* of the linker, Unix time (newer images: a hash) */
    uint32_t size;      /* bytes in memory */
    uint32_t entry;     /* offset of the entry point */
    uint32_t checksum;
    uint64_t preferred; /* the address that it was linked or relocated for */
    uint16_t os_major, os_minor;
    uint16_t sections;
    uint32_t sections_at;
    struct {
        uint32_t at, size;
    } exports, debug;
};

struct pe_section {
    char name[9];
    uint32_t at, size;
    uint32_t flags; /* IMAGE_SCN_* */
};

struct pe_pdb {
    char file[PE_MAX_NAME]; /* as in the image: a file's name, sometimes with a path */
    char guid[33];          /* 32 hexadecimal digits, as the symbol server writes them */
    uint32_t age;
};

struct pe_export {
    const char *name; /* valid during the callback */
    uint32_t rva;
    uint32_t ordinal;
    bool forwarded; /* `rva` is that of a text "DLL.Name" */
};

/* ST_ABSENT: no page is there, or no PE; ST_BROKEN: it begins like one and contradicts itself. */
MUST_USE int pe_open(const struct pe_reader *r, struct pe_image *ret);

/* Section `i` of image->sections. */
MUST_USE int pe_section(const struct pe_reader *r, const struct pe_image *image, unsigned i,
                        struct pe_section *ret);

/* The first CodeView record of the debug directory. */
MUST_USE int pe_pdb(const struct pe_reader *r, const struct pe_image *image, struct pe_pdb *ret);

/* The name that the export directory gives the image ("ntoskrnl.exe"), cut to fit. */
MUST_USE int pe_own_name(const struct pe_reader *r, const struct pe_image *image, char *buf,
                         size_t size);

/*
 * All exports that have a name. A non-zero answer of `cb` ends the listing, which still succeeds.
 * Names that are not in memory are left out and counted in *missing (may be NULL). ST_ABSENT: no
 * directory, or its page is not there; ST_BROKEN.
 */
MUST_USE int pe_each_export(const struct pe_reader *r, const struct pe_image *image,
                            int (*cb)(const struct pe_export *e, void *arg), void *arg,
                            size_t *missing);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* What the ELF reader shares with the reader of Xen's dumps, which are ELF by their container only.
 */
#ifndef TINYVMI_SOURCE_ELF_H
#define TINYVMI_SOURCE_ELF_H

#include "source/elf_notes.h"

struct elf_header {
    bool is64;
    unsigned type, machine;
    uint64_t phoff, shoff;
    unsigned phentsize, shentsize, shstrndx;
    uint64_t phnum, shnum; /* resolved through section 0 when they did not fit */
};

struct elf_section {
    uint64_t name, offset, size, info;
};

/* An opening in progress. */
struct elf_opening {
    struct file_source *f;
    struct source *s;
    const struct source_options *options;
    struct diag *d;
    struct bytes m; /* the whole file */
    struct elf_header h;
    uint64_t note_bytes; /* read so far, by all PT_NOTEs together */
};

/* Section header `i`; ST_BROKEN with a story when it is not in the file. */
MUST_USE int elf_section_at(const struct elf_opening *o, uint64_t i, struct elf_section *ret);

/* Is it a dump of Xen's tools: no program headers, a section .xen_pages? */
bool elf_is_xen(const struct elf_opening *o);
/* Adds the pages and vCPUs of such a dump. */
MUST_USE int elf_xen_read(struct elf_opening *o);

#endif

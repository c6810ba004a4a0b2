/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's own symbol table, compressed as scripts/kallsyms.c writes it, read in place.
 *
 * Layouts (kernel/kallsyms.c, scripts/kallsyms.c): since 4.6 offsets relative to
 * kallsyms_relative_base; 6.2 added kallsyms_seqs_of_names; 6.4 moved the offsets behind the token
 * index; big symbols (ULEB128 length) since 6.1; absolute per-CPU offsets until 6.14; 7.0 dropped
 * relative_base, an offset then counts from its own place (commit a081b5789255), and tables are
 * aligned to 4 bytes no matter the pointers. The tables are found by content or at addresses that
 * vmcoreinfo names (since 6.0).
 */
#ifndef TINYVMI_SYM_KALLSYMS_H
#define TINYVMI_SYM_KALLSYMS_H

#include "sym/symtab.h"

/*
 * The kernel image (or a piece of it that holds the tables), as contiguous bytes at a known virtual
 * address.
 */
struct kallsyms_image {
    struct bytes bytes;
    /*
     * Virtual address of bytes.p[0]; 0 when unknown: then hints cannot be used and the form of 7.0
     * cannot be read, but relative_base tells where the kernel lies.
     */
    uint64_t va;
    unsigned ptr_size; /* 4 or 8 */
};

/*
 * Virtual addresses of the tables where somebody told us (vmcoreinfo); 0: unknown. They are checked
 * like any other.
 */
struct kallsyms_hint {
    uint64_t names, num_syms, token_table, token_index, offsets, relative_base;
};

/* Where the tables are: offsets into the image's bytes, and what was decided about their form. */
struct kallsyms_layout {
    uint64_t num_syms;         /* the number */
    uint64_t names, names_end; /* compressed names */
    uint64_t markers;          /* 0: none found (not needed) */
    uint64_t token_table, token_index;
    uint64_t offsets;       /* or addresses */
    uint64_t seqs_of_names; /* 0: the kernel has none */
    uint64_t relative_base; /* the value */
    unsigned offset_size;   /* bytes of an entry of `offsets` */
    enum {
        KALLSYMS_ABSOLUTE,
        KALLSYMS_RELATIVE,
        KALLSYMS_RELATIVE_PERCPU,
        KALLSYMS_RELATIVE_PLACE
    } encoding;
    bool named; /* _text or _stext was seen where the tables begin: these are a kernel's own */
};

/*
 * Finds the tables: at the hint's addresses if given and sane, else by the shape of the token
 * table. ST_ABSENT: nothing that looks like kallsyms; ST_BROKEN: found but contradictory. `d` gets
 * the story.
 */
MUST_USE int kallsyms_locate(const struct kallsyms_image *image, const struct kallsyms_hint *hint,
                             struct diag *d, struct kallsyms_layout *ret);

/*
 * A symtab over tables that were located. The bytes are borrowed and may change under us (live
 * guest): every access is bounded. Building the index reads all names once; a lookup afterwards
 * costs well below a microsecond.
 */
MUST_USE int kallsyms_open(const struct kallsyms_image *image, const struct kallsyms_layout *layout,
                           struct diag *d, struct symtab *ret);

#endif

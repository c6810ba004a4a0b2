/* SPDX-License-Identifier: BSD-2-Clause */
/* Where in physical memory a Linux kernel may be: guesses, cheapest first, each to be proved by
 * whoever asked. */
#ifndef TINYVMI_OS_LINUX_FIND_H
#define TINYVMI_OS_LINUX_FIND_H

#include "os/os.h"
#include "source/source.h"
#include "xlat/xlat.h"

/* One guess. */
struct lx_guess {
    const char *how; /* "CR3 of a vCPU", "vmcoreinfo in guest memory", ... */
    enum guest_arch arch;
    bool have_root;
    enum form_id form;    /* with have_root */
    uint64_t root;        /* physical */
    uint64_t addr_clear;  /* memory-encryption bit in page-table entries */
    uint64_t va;          /* first byte of the image; 0: not known */
    uint64_t pa, size;    /* the image, or a window that holds it */
    uint64_t ro, ro_size; /* offset and size of the part that is read-only and not executable; 0, 0:
                             not known */
    struct bytes vmcoreinfo; /* text, p == NULL: none */
};

/* What the user knows: 0 each for nothing. */
struct lx_hint {
    uint64_t kpgd; /* physical address of a page table that maps the kernel */
    uint64_t text; /* virtual address of _text, where it is known (i386 needs it) */
};

/*
 * Calls `prove` for one guess after the other until it answers ST_OK (returned), or no guess is
 * left (ST_ABSENT; ST_LIMIT when a finder had more places to look at than any honest guest has).
 * `flags`: VMI_OPEN_NO_VMCOREINFO, VMI_OPEN_NO_REGISTERS. Guesses of `effort` alone.
 */
int lx_find(struct source *s, uint64_t flags, enum os_effort effort, const struct lx_hint *hint,
            int (*prove)(void *arg, const struct lx_guess *g), void *arg);

/*
 * The root of the kernel's page tables, from the image alone: the page of the image through which
 * the image's own address translates to where it lies. Fills form, root of *g, whose va, pa, size
 * must be known.
 */
MUST_USE int lx_find_root(struct source *s, struct lx_guess *g);

/* Is there a top table at `root`, in any form of the architecture? Fills form and root of *g. */
MUST_USE int lx_root_at(struct source *s, struct lx_guess *g, uint64_t root);

/*
 * lx_find_root when only va is known and that the image lies in [pa, pa+size): a page in there
 * through which va translates into there. Fills form, root, pa, size; ro and ro_size become 0.
 */
MUST_USE int lx_find_root_in_window(struct source *s, struct lx_guess *g);

/* What the page tables of `g` (have_root) say about the image: fills va, pa, size, ro, ro_size.
 * ST_ABSENT: no kernel there. */
MUST_USE int lx_image_by_tables(struct source *s, struct lx_guess *g);

/* A line of a vmcoreinfo text: "SYMBOL(_stext)=ffff..." (base 16), "NUMBER(VA_BITS)=48" (as C
 * does), "KERNELOFFSET=..." (16). */
bool lx_vmcoreinfo_number(struct bytes text, const char *key, int base, uint64_t *ret);

/* The value of a line as text; false when there is none. */
bool lx_vmcoreinfo_text(struct bytes text, const char *key, char *buf, size_t size);

#endif

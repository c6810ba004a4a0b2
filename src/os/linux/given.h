/* SPDX-License-Identifier: BSD-2-Clause */
/* What the user says about the kernel: a profile, a System.map, LibVMI's keys. It wins over what is
 * found. */
#ifndef TINYVMI_OS_LINUX_GIVEN_H
#define TINYVMI_OS_LINUX_GIVEN_H

#include "os/linux/find.h"
#include "os/os.h"
#include "sym/profile.h"

struct linux_view;

struct lx_given {
    struct os_settings settings;
    struct profile profile;
    struct symtab sysmap;
    struct diag
        error; /* why one of them cannot be read; told when there is a kernel to use it for */
};

/* Opens what was given; what cannot be read is remembered in ret->error. */
void lx_given_open(const struct os_options *options, struct lx_given *ret);
void lx_given_close(struct lx_given *g);

/* Link-time address of a symbol: the System.map before the profile. ST_ABSENT. */
MUST_USE int lx_given_symbol(const struct lx_given *g, const char *name, uint64_t *ret);

/* Where to look first. */
void lx_given_hint(const struct lx_given *g, struct lx_hint *ret);

/* Does any table of symbols come from the user? */
bool lx_given_symbols(const struct lx_given *g);

/*
 * How far the kernel that runs is from where it is linked, by the addresses that it tells itself
 * (`running` and vmcoreinfo, may be empty), else by where its image begins; and from which
 * link-time address on it was moved (below are per-CPU and absolute symbols). ST_ABSENT: without
 * symbols nobody can tell.
 */
MUST_USE int lx_given_slide(const struct lx_given *g, const struct symtab *running,
                            struct bytes vmcoreinfo, uint64_t image_va, uint64_t *slide,
                            uint64_t *from);

/*
 * The image's virtual address where the guess did not know it: fills va (and root, form on arm64);
 * pa, size and *part_off move on when the image begins later than the guess. ST_ABSENT.
 */
MUST_USE int lx_given_place(const struct linux_view *l, struct lx_guess *g, uint64_t *part_off);

/* Offsets of members, before others are inferred: fills l->m. */
void lx_given_members(struct linux_view *l);
/* The idle task, where it runs: fills l->init_task. */
void lx_given_init_task(struct linux_view *l);

#endif

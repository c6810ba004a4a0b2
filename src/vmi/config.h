/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LibVMI's configuration: where it comes from (config.c) and how it is written (config_parse.c).
 * Everything belongs to the struct config that is filled; nothing is kept between calls.
 */
#ifndef TINYVMI_VMI_CONFIG_H
#define TINYVMI_VMI_CONFIG_H

#include "vmi/instance.h"

/* Keys that take a number; the second list is known to hash tables alone. */
/* clang-format off */
#define CONFIG_NUMBERS(N) \
    N(kpgd) \
    N(linux_tasks) N(linux_mm) N(linux_pid) N(linux_name) N(linux_pgd) N(linux_init_task) \
    N(linux_kaslr) N(linux_addr) \
    N(win_ntoskrnl) N(win_ntoskrnl_va) N(win_tasks) N(win_pdbase) N(win_pid) N(win_pname) \
    N(win_kdvb) N(win_kdbg) N(win_kpcr) N(win_sysproc) \
    N(freebsd_name) N(freebsd_pid) N(freebsd_vmspace) N(freebsd_pmap) N(freebsd_pgd) \
    N(aarch64_ttbr0_va_width) N(aarch64_ttbr1_va_width)
#define CONFIG_TABLE_NUMBERS(N) N(osx_name) N(osx_pid) N(osx_vmspace) N(osx_pmap) N(osx_pgd)
/* clang-format on */

enum config_number {
#define CONFIG_ENUM(name) CFG_##name,
    CONFIG_NUMBERS(CONFIG_ENUM) CONFIG_TABLE_NUMBERS(CONFIG_ENUM)
#undef CONFIG_ENUM
        CFG_COUNT
};

struct config {
    os_t ostype;           /* VMI_OS_UNKNOWN: not given, or no word that is known */
    page_mode_t page_mode; /* VMI_PM_UNKNOWN likewise */
    char *sysmap, *volatility_ist, *rekall_profile; /* paths, owned, or NULL */
    uint64_t ttbr_granule[2];                       /* bytes; 0: not given */
    uint64_t number[CFG_COUNT];                     /* 0: not given */
};

enum config_kind { CONFIG_NUMBER, CONFIG_WORD, CONFIG_PATH };

struct config_key {
    const char *name;
    enum config_kind kind;
    bool text_form; /* the text form knows it; else only a hash table */
    int number;     /* CONFIG_NUMBER: index into struct config.number */
};

extern const struct config_key config_keys[]; /* ends with a NULL name */

/* Sets a key from a hash table or the text; a word that makes no sense is not an error (LibVMI).
 * ST_NOMEM. */
MUST_USE int config_set_text(struct config *c, const char *key, const char *value);

/*
 * Parses the text form. `entry` is the guest's name: the last entry with this name is taken.
 * `body_only`: the text is one entry's body with its braces. ST_ABSENT: no such entry (*ret is
 * untouched); ST_BROKEN: a syntax error anywhere in the text, with the line in the story. *ret is
 * to be freed by config_free.
 */
MUST_USE int config_parse(struct bytes text, const char *entry, bool body_only, struct diag *d,
                          struct config **ret);

/*
 * Loads what vmi_init_os was given. ST_OK: *ret is set. ST_ABSENT: there is none for this guest,
 * and *missing says which part is (a Linux kernel needs none). Else it cannot be used: the story is
 * recorded, *missing is the program's error.
 */
MUST_USE int config_load(vmi_instance_t vmi, vmi_config_t mode, void *config, struct config **ret,
                         vmi_init_error_t *missing);

/* From a GHashTable (config_table.c). */
MUST_USE int config_from_table(void *table, struct diag *d, struct config **ret);

struct config *config_new(void);    /* NULL: no memory */
void config_free(struct config *c); /* NULL is fine */

/* The path of the JSON profile, or NULL. */
const char *config_profile(const struct config *c);

/* A configuration without a profile goes on with the one that an earlier one named; `old` may be
 * NULL. */
void config_take_profile(struct config *c, struct config *old);

/* What the operating-system layer is told of it. */
void config_settings(const struct config *c, struct os_settings *ret);

#endif

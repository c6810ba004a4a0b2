/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the Windows view share: the image, the resolved layout, small reads by member.
 */
#ifndef TINYVMI_OS_WINDOWS_WINDOWS_H
#define TINYVMI_OS_WINDOWS_WINDOWS_H

#include "os/list.h"
#include "os/os.h"
#include "os/windows/layout.h"
#include "sym/pe.h"

enum win_how { HOW_UNKNOWN, HOW_PROFILE, HOW_FIXED, HOW_INFERRED };

/* A resolved row of the layout. */
struct win_member {
    uint32_t off, size; /* bytes; size 0: not known, take a pointer's */
    uint8_t bit, bits;  /* a bit field */
    uint8_t how;        /* enum win_how */
};

struct windows_view {
    struct osview *v;
    struct win_member m[W_COUNT];
    struct pte_policy policy, transition_only;
    uint64_t base; /* the kernel image */
    struct pe_image image;
    struct pe_pdb pdb; /* file[0] == 0: its debug directory is not in memory */
    uint64_t kdbg;     /* address of the block; 0: not found, or encoded and not decoded */
    uint64_t process_head, module_head,
        system_process; /* addresses of the variables (the last: of the object); 0: not known */
    uint32_t build, major, minor;
};

static inline struct windows_view *win_of(struct osview *v)
{
    return v->impl;
}

static inline bool win_has(const struct windows_view *w, enum layout_id id)
{
    return w->m[id].how != HOW_UNKNOWN;
}

/* The member of the object at `at`, as a number; without types as many bytes as `size`.
 * ST_UNSUPPORTED: not known. */
MUST_USE int win_read(const struct windows_view *w, const struct aspace *as, uint64_t at,
                      enum layout_id id, unsigned size, uint64_t *ret);
MUST_USE int win_ptr(const struct windows_view *w, const struct aspace *as, uint64_t at,
                     enum layout_id id, uint64_t *ret);

/*
 * The UNICODE_STRING at `at` as UTF-8, at most size - 1 bytes, terminated; surrogates that stand
 * alone become U+FFFD. ST_BROKEN: an odd length, or one beyond its maximum; ST_ABSENT (buf is "").
 */
int win_unicode(const struct windows_view *w, const struct aspace *as, uint64_t at, char *buf,
                size_t size);
/* The same for `n` bytes of UTF-16 in memory. */
void win_utf8(const uint8_t *utf16, size_t n, char *buf, size_t size);

MUST_USE int win_symbol(const struct windows_view *w, const char *name, uint64_t *ret);
bool win_kernel_pointer(const struct windows_view *w, uint64_t p);

/* FILETIME to Unix seconds; 0 when it is 0 or before 1970. */
uint64_t win_time(uint64_t filetime);

void win_layout_resolve(struct windows_view *w); /* the profile's types, then what is fixed */

/* The policy for entries that are not present: transition, and prototype. pte.c */
void win_policy_init(struct windows_view *w);

/* Reads the image in the kernel's space: for pe.h. `arg` is a struct win_image_at. */
struct win_image_at {
    const struct aspace *as;
    uint64_t base;
};
int win_image_read(void *arg, uint64_t rva, void *buf, size_t n);

/* All of one process: its record from the object. */
MUST_USE int win_process_read(struct windows_view *w, uint64_t object, struct vmi_process *ret);

/* ---- the listings; all as in struct os_ops ---- */
int win_processes(struct osview *v, uint32_t flags, vmi_process_cb cb, void *data,
                  struct vmi_outcome *ret);
int win_process(struct osview *v, int32_t pid, struct vmi_process *ret);
int win_cmdline(struct osview *v, const struct vmi_process *p, char *buf, size_t size);
int win_process_space(struct osview *v, const struct vmi_process *p, struct aspace *ret);
int win_vmas(struct osview *v, const struct vmi_process *p, vmi_vma_cb cb, void *data,
             struct vmi_outcome *ret);
int win_modules(struct osview *v, vmi_module_cb cb, void *data, struct vmi_outcome *ret);
int win_check(struct osview *v, vmi_finding_cb cb, void *data, struct vmi_outcome *ret);

#endif

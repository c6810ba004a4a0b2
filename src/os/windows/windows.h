/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the Windows view share: the image, the resolved layout, small reads by member.
 */
#ifndef TINYVMI_OS_WINDOWS_WINDOWS_H
#define TINYVMI_OS_WINDOWS_WINDOWS_H

#include "os/list.h"
#include "os/os.h"
#include "os/windows/kdbg.h"
#include "os/windows/layout.h"
#include "sym/pe.h"

enum { WIN_CPUS = 64 };

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
    struct kdbg_offsets told; /* what the debugger block tells; 0: not told */
    uint32_t build, major, minor;
    bool server;            /* NtProductType */
    uint64_t pcr[WIN_CPUS]; /* KPCR of each processor that was found, in order */
    unsigned nr_pcr;
    uint64_t
        invalid_mask; /* bits that are inverted in entries that are not present; 0: not known */
    /* Objects: how a type is told; object.c */
    uint64_t type_table; /* ObTypeIndexTable; 0: not known */
    uint8_t type_cookie; /* ObHeaderCookie */
    bool type_encoded;   /* index, address and cookie are mixed (10 and later) */
    struct win_known_type {
        const char *name; /* static */
        uint8_t index;
    } type[16]; /* from the exported variables, where there is no table */
    unsigned nr_types;
    /* Which process a page table belongs to: the newest that were asked for. pte.c */
    struct {
        uint64_t root, object;
    } rooted[16];
    unsigned next_rooted;
    bool asking; /* a VAD is being looked for: the reads that this takes ask for none */
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
/* The same with pointers of another size: 32-bit processes of a 64-bit system. */
int win_unicode_as(const struct aspace *as, unsigned ptr_size, uint64_t at, char *buf, size_t size);
/* The same for `n` bytes of UTF-16 in memory. */
void win_utf8(const uint8_t *utf16, size_t n, char *buf, size_t size);

MUST_USE int win_symbol(const struct windows_view *w, const char *name, uint64_t *ret);
bool win_kernel_pointer(const struct windows_view *w, uint64_t p);

/* FILETIME to Unix seconds; 0 when it is 0 or before 1970. */
uint64_t win_time(uint64_t filetime);

void win_layout_resolve(struct windows_view *w); /* the profile's types, then what is fixed */

/* The policy for entries that are not present: transition, and prototype; then what symbols and
 * types add to it. pte.c */
void win_policy_init(struct windows_view *w);
void win_policy_settle(struct windows_view *w);

/* Reads the image in the kernel's space: for pe.h. `arg` is a struct win_image_at. */
struct win_image_at {
    const struct aspace *as;
    uint64_t base;
};
int win_image_read(void *arg, uint64_t rva, void *buf, size_t n);

/* KUSER_SHARED_DATA, and what is taken of it. */
enum { WIN_SHARED_SIZE = 0x3c4 };
struct win_shared {
    uint64_t up, now; /* since boot and FILETIME: 100 ns */
    uint32_t major, minor, build,
        processors; /* build: 0 before Windows 10; processors: 0 before 7 */
    bool server;
};
/* False: this is not the shared page of a running Windows. */
bool win_shared_parse(struct bytes page, struct win_shared *ret);

/* Finds processors' control regions (w->pcr); `registers`: vCPUs may be asked. pcr.c */
void win_pcr_find(struct windows_view *w, bool registers);
/* The kernel's page table, out of the KPCR that the user's page table maps. */
MUST_USE int win_kernel_root(const struct aspace *user, uint64_t kpcr, uint64_t *ret);
/* An image that is loaded: drivers and the kernel. */
struct win_images {
    struct {
        uint64_t base, size;
        char name[40];
    } * image;
    size_t nr, cap;
};
MUST_USE int win_images_open(struct windows_view *w, struct win_images *ret, struct vmi_outcome *o);
void win_images_close(struct win_images *i);
/* The image that an address is in; NULL: none. */
const char *win_images_name(const struct win_images *i, uint64_t address);

/* Objects of the object manager: `object` is the body. object.c */
void win_objects_open(struct windows_view *w);
/* Name of the type, "" when it is not known. */
void win_object_type(const struct windows_view *w, uint64_t object, char *buf, size_t size);
/* Its own name, or what stands for one: a file's, a key's path. */
void win_object_name(struct windows_view *w, uint64_t object, const char *type, char *buf,
                     size_t size);

/*
 * Calls `cb` for every entry in use of the handle table at `table`. `direct`: entries hold objects
 * (PspCidTable), not their headers.
 */
struct win_entry {
    uint64_t handle, object; /* body */
    uint32_t access;
};
MUST_USE int win_each_entry(struct windows_view *w, uint64_t table, bool direct,
                            int (*cb)(const struct win_entry *e, void *arg), void *arg,
                            struct vmi_outcome *o);

/* The process whose page table this is; 0: none. */
uint64_t win_process_of_root(struct windows_view *w, uint64_t root);

/* A VAD that an address is in. */
struct win_vad {
    uint64_t node, left, right, start, end; /* page numbers, end inclusive */
};
MUST_USE int win_vad_read(const struct windows_view *w, uint64_t node, struct win_vad *ret);
MUST_USE int win_vad_find(const struct windows_view *w, uint64_t process, uint64_t va,
                          struct win_vad *ret);

/* "the profile of ntkrnlmp.pdb, GUID ..., age 1 (...)": what to give. */
const char *win_wanted(const struct windows_view *w, char *buf, size_t size);

/* One process: its record from the object; what stands in its own memory (win_process_more). */
void win_process_more(struct windows_view *w, struct vmi_process *p);
MUST_USE int win_process_read(struct windows_view *w, uint64_t object, struct vmi_process *ret);

/* ---- the listings; all as in struct os_ops ---- */
int win_processes(struct osview *v, uint32_t flags, vmi_process_cb cb, void *data,
                  struct vmi_outcome *ret);
int win_process(struct osview *v, int32_t pid, struct vmi_process *ret);
int win_cmdline(struct osview *v, const struct vmi_process *p, char *buf, size_t size);
int win_process_space(struct osview *v, const struct vmi_process *p, struct aspace *ret);
int win_vmas(struct osview *v, const struct vmi_process *p, vmi_vma_cb cb, void *data,
             struct vmi_outcome *ret);
int win_threads(struct osview *v, const struct vmi_process *p, vmi_thread_cb cb, void *data,
                struct vmi_outcome *ret);
int win_dlls(struct osview *v, const struct vmi_process *p, vmi_module_cb cb, void *data,
             struct vmi_outcome *ret);
int win_handles(struct osview *v, const struct vmi_process *p, vmi_handle_cb cb, void *data,
                struct vmi_outcome *ret);
int win_modules(struct osview *v, vmi_module_cb cb, void *data, struct vmi_outcome *ret);
int win_check(struct osview *v, vmi_finding_cb cb, void *data, struct vmi_outcome *ret);

#endif

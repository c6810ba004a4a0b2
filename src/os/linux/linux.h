/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the Linux view share: the resolved layout and small reads by member. */
#ifndef TINYVMI_OS_LINUX_LINUX_H
#define TINYVMI_OS_LINUX_LINUX_H

#include "os/linux/given.h"
#include "os/linux/layout.h"
#include "os/list.h"
#include "os/os.h"

/* A resolved row of the layout. */
struct lx_member {
    int64_t off; /* bytes from the start of the structure; or the size, or the enumerator's value */
    uint32_t size;     /* bytes of the member */
    uint8_t bit, bits; /* a bit field: first bit from off, and width; else 0, 0 */
    bool known, inferred;
};

/* The kernel image in physical memory. */
struct lx_image {
    uint64_t va, pa; /* first byte; the image is contiguous in both */
    uint64_t size;
    const uint8_t *bytes; /* the image, mapped, or a private copy */
    uint8_t *copy;        /* owned; NULL when mapped */
    struct bytes held;    /* a mapping of ours, to be given back (phys_hold) */
};

struct linux_view {
    struct osview *v;
    struct lx_image image;
    struct lx_member m[L_COUNT];
    uint64_t init_task, modules, timekeeper; /* addresses of the variables; 0: not known */
    uint64_t flags;                          /* VMI_OPEN_NO_* */
    struct lx_given given;                   /* owned: what the user says */
    uint64_t found_task; /* the process that was looked up last, to be looked at first */
    int32_t found_pid;   /* 0: none */
    bool types_given;    /* v->types are the given profile's */
    struct symtab kallsyms, exports;          /* owned: what v->symbols is made of */
    char vmcoreinfo[4097];                    /* text of the note; "" when none was found */
    struct lx_module_types *module_types;     /* owned: what was asked for so far */
    char symbol_name[512], symbol_module[64]; /* texts of the newest module symbol given out */
};

static inline struct linux_view *lx_of(struct osview *v)
{
    return v->impl;
}

static inline bool lx_has(const struct linux_view *l, enum layout_id id)
{
    return l->m[id].known;
}

static inline uint64_t lx_off(const struct linux_view *l, enum layout_id id)
{
    return (uint64_t)l->m[id].off;
}

/* Reads an unsigned member of 1, 2, 4 or 8 bytes (or a bit field) of the object at `at`.
 * ST_UNSUPPORTED when the kernel has no such member. */
int lx_read(const struct linux_view *l, uint64_t at, enum layout_id id, uint64_t *ret);

/* Reads a pointer member; on any failure *ret is untouched. */
int lx_ptr(const struct linux_view *l, uint64_t at, enum layout_id id, uint64_t *ret);

/* Address of a kernel symbol (variables and functions of the kernel proper). ST_ABSENT. */
int lx_symbol(const struct linux_view *l, const char *name, uint64_t *ret);

/* Can this be a pointer into the kernel's half, aligned to a pointer? A cheap filter, no
 * translation. */
bool lx_kernel_pointer(const struct linux_view *l, uint64_t p);

/*
 * How many objects of this size (a row "sizeof:") the guest's memory can hold, at most `most`: what
 * bounds a listing in which lists that are short each can be forged to make a long product.
 */
uint64_t lx_most(const struct linux_view *l, enum layout_id size, uint64_t most);

/* Reads a text member (char array) or a text at an address: terminated, control characters kept. */
int lx_text(const struct linux_view *l, uint64_t at, char *buf, size_t size);

/* Offsets from types (or inferred). Fills l->m; never fails: what is absent is not known. */
void lx_layout_resolve(struct linux_view *l);

/*
 * ST_OK when the kernel's layout has all these members; else ST_UNSUPPORTED with the missing ones
 * by name in the view's diag. `what`: "the open files".
 */
MUST_USE int lx_require(const struct linux_view *l, const char *what, const enum layout_id *ids,
                        size_t n);

/* ---- the listings, one file each; all as in struct os_ops ---- */
int lx_processes(struct osview *v, uint32_t flags, vmi_process_cb cb, void *data,
                 struct vmi_outcome *ret);
int lx_process(struct osview *v, int32_t pid, struct vmi_process *ret);
int lx_process_read(struct linux_view *l, uint64_t task,
                    struct vmi_process *ret); /* fills the record of one task */
int lx_cmdline(struct osview *v, const struct vmi_process *p, char *buf, size_t size);
int lx_process_space(struct osview *v, const struct vmi_process *p, struct aspace *ret);
int lx_vmas(struct osview *v, const struct vmi_process *p, vmi_vma_cb cb, void *data,
            struct vmi_outcome *ret);
int lx_files(struct osview *v, const struct vmi_process *p, vmi_file_cb cb, void *data,
             struct vmi_outcome *ret);
int lx_modules(struct osview *v, vmi_module_cb cb, void *data, struct vmi_outcome *ret);
int lx_log(struct osview *v, vmi_log_cb cb, void *data, struct vmi_outcome *ret);
int lx_mounts(struct osview *v, const struct vmi_process *p, vmi_mount_cb cb, void *data,
              struct vmi_outcome *ret);
int lx_sockets(struct osview *v, vmi_socket_cb cb, void *data, struct vmi_outcome *ret);
int lx_frames(struct osview *v, const struct vmi_process *thread, const struct vmi_frame *from,
              vmi_frame_cb cb, void *data, struct vmi_outcome *ret);
int lx_current(struct osview *v, uint64_t percpu, struct vmi_process *ret);
int lx_process_by_root(struct osview *v, uint64_t root, uint64_t hint, struct vmi_process *ret);
int lx_syscall(struct osview *v, uint32_t nr, struct vmi_syscall *ret);
int lx_syscall_entry(struct osview *v, uint64_t first, uint64_t second, uint32_t *nr,
                     uint64_t args[6]);
int lx_check(struct osview *v, vmi_finding_cb cb, void *data, struct vmi_outcome *ret);
int lx_module_symbol(struct osview *v, const char *module, const char *name,
                     struct vmi_symbol *ret);
int lx_module_nearest(struct osview *v, uint64_t address, struct vmi_symbol *ret);
/* The same; *left is how many modules and symbols may still be looked at, by all calls together. At
 * 0: ST_LIMIT. */
int lx_module_nearest_within(struct osview *v, uint64_t address, uint64_t *left,
                             struct vmi_symbol *ret);
int lx_known_member(struct osview *v, const char *type, const char *member, uint64_t *ret);
int lx_each_module_symbol(struct osview *v, vmi_symbol_cb cb, void *data);
int lx_module_types(struct osview *v, const char *module, const struct types **ret);
void lx_module_types_close(struct linux_view *l);

#endif

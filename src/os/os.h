/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest's memory means. An osview is made once by a probe that recognises its kernel; all
 * offsets that it needs are resolved then, and what is missing is recorded by name. Listings are
 * bounded: a damaged or forged list is cut and the outcome says where.
 */
#ifndef TINYVMI_OS_OS_H
#define TINYVMI_OS_OS_H

#include <tinyvmi/records.h>

#include "source/source.h"
#include "sym/symtab.h"
#include "xlat/xlat.h"

struct osview;

/* Members may be NULL: not supported by this system. All take the outcome (never NULL here). */
struct os_ops {
    int (*processes)(struct osview *v, uint32_t flags, vmi_process_cb cb, void *data,
                     struct vmi_outcome *ret);
    int (*process)(struct osview *v, int32_t pid,
                   struct vmi_process *ret); /* by pid or tid; ST_ABSENT */
    int (*cmdline)(struct osview *v, const struct vmi_process *p, char *buf, size_t size);
    int (*vmas)(struct osview *v, const struct vmi_process *p, vmi_vma_cb cb, void *data,
                struct vmi_outcome *ret);
    int (*files)(struct osview *v, const struct vmi_process *p, vmi_file_cb cb, void *data,
                 struct vmi_outcome *ret);
    /* Threads of a process, or of all (p == NULL). */
    int (*threads)(struct osview *v, const struct vmi_process *p, vmi_thread_cb cb, void *data,
                   struct vmi_outcome *ret);
    int (*dlls)(struct osview *v, const struct vmi_process *p, vmi_module_cb cb, void *data,
                struct vmi_outcome *ret);
    int (*handles)(struct osview *v, const struct vmi_process *p, vmi_handle_cb cb, void *data,
                   struct vmi_outcome *ret);
    int (*modules)(struct osview *v, vmi_module_cb cb, void *data, struct vmi_outcome *ret);
    int (*log)(struct osview *v, vmi_log_cb cb, void *data, struct vmi_outcome *ret);
    int (*mounts)(struct osview *v, const struct vmi_process *p, vmi_mount_cb cb, void *data,
                  struct vmi_outcome *ret);
    int (*sockets)(struct osview *v, vmi_socket_cb cb, void *data, struct vmi_outcome *ret);
    int (*check)(struct osview *v, vmi_finding_cb cb, void *data, struct vmi_outcome *ret);
    /*
     * Kernel stack of a thread that does not run (`from` NULL), or from a CPU's registers (`thread`
     * NULL). ST_BUSY: the thread runs.
     */
    int (*frames)(struct osview *v, const struct vmi_process *thread, const struct vmi_frame *from,
                  vmi_frame_cb cb, void *data, struct vmi_outcome *ret);
    /* The thread that runs on the CPU with this kernel GS base. */
    int (*current)(struct osview *v, uint64_t percpu, struct vmi_process *ret);
    /* The process with this page table root (a CR3 value); `hint`: the object that had it, or 0.
     * ST_ABSENT. */
    int (*process_by_root)(struct osview *v, uint64_t root, uint64_t hint, struct vmi_process *ret);
    /* Name and parameters of a system call. ST_ABSENT. */
    int (*syscall)(struct osview *v, uint32_t nr, struct vmi_syscall *ret);
    /* At its entry point (the symbol do_syscall_64): what was called, from that function's first
     * two parameters. */
    int (*syscall_entry)(struct osview *v, uint64_t first, uint64_t second, uint32_t *nr,
                         uint64_t args[6]);
    /* Symbols of modules (the kernel's own are in v->symbols). */
    int (*module_symbol)(struct osview *v, const char *module, const char *name,
                         struct vmi_symbol *ret);
    int (*module_nearest)(struct osview *v, uint64_t address, struct vmi_symbol *ret);
    int (*each_module_symbol)(struct osview *v, vmi_symbol_cb cb, void *data);
    /* Types that a module has beyond the kernel's; *ret is the view's, until it is closed.
     * ST_ABSENT: no such module. */
    int (*module_types)(struct osview *v, const char *module, const struct types **ret);
    /* The address space of a process (its user half and the kernel). */
    int (*process_space)(struct osview *v, const struct vmi_process *p, struct aspace *ret);
    /* Refreshes what changes while the guest runs (uptime, host name) in v->kernel. */
    int (*refresh)(struct osview *v);
    /* Offset in bytes of a member that the view itself uses, also where no types tell it
     * (inferred). ST_ABSENT. */
    int (*known_member)(struct osview *v, const char *type, const char *member, uint64_t *ret);
    /* A number that the view found, by LibVMI's name for it ("win_kpcr"). ST_ABSENT. */
    int (*number)(struct osview *v, const char *name, uint64_t *ret);
    void (*close)(struct osview *v);
};

struct osview {
    const struct os_ops *ops;
    struct source *source; /* borrowed */
    struct diag *diag;     /* borrowed: the instance's */
    struct aspace kernel;  /* the kernel's address space */
    enum guest_arch arch;
    unsigned ptr_size;     /* bytes */
    enum form_id form;     /* of the kernel's half */
    struct symtab symbols; /* owned; slide is included */
    struct types types;    /* owned */
    struct vmi_kernel info;
    struct vmi_fact *fact; /* owned, nr_facts of them */
    size_t nr_facts;
    void *impl; /* the system's own */
};

/* What a user's configuration says (docs: LibVMI's keys); a value beats what is found. 0: not
 * given. */
struct os_settings {
    uint64_t kpgd;                      /* physical address of the kernel's page table */
    uint64_t tasks, mm, pid, name, pgd; /* task_struct.tasks .mm .pid .comm, mm_struct.pgd: bytes */
    uint64_t init_task;                 /* address, as it runs or as it was linked */
    uint64_t slide;                     /* KASLR */
    struct bytes sysmap;                /* text of a System.map, or p == NULL */
};

/*
 * How dear the guesses may be that a probe makes: os_open asks every system for its cheap ones
 * before it lets any of them look at all of memory.
 */
enum os_effort {
    OS_EFFORT_CHEAP, /* what the file, a vCPU, the first MiB and image headers tell */
    OS_EFFORT_PAGES, /* one look a page of all memory */
    OS_EFFORT_BYTES, /* every byte */
    OS_EFFORTS
};

struct os_options {
    enum os_effort effort; /* the guesses of this effort alone; os_open sets it */
    uint64_t flags;        /* VMI_OPEN_NO_* */
    struct bytes profile;  /* any form (sym/profile.h), or p == NULL; must stay until os_close */
    enum vmi_os_kind kind; /* only this system; VMI_KIND_NONE: any */
    const struct os_settings *settings; /* or NULL */
};

/* Tries every system that the build knows. ST_ABSENT: no kernel found; `d` tells what was looked
 * for and what to try. */
MUST_USE int os_open(struct source *source, const struct os_options *options, struct diag *d,
                     struct osview *ret);
void os_close(struct osview *v);

/* Records a fact; silently dropped beyond 64. */
void os_fact(struct osview *v, const char *name, const char *how, const char *value_fmt, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * The process with this id, by walking a system's own listing; with `threads` also a thread with
 * this id. ST_ABSENT, with the story, when there is none.
 */
MUST_USE int os_process_by_id(struct osview *v,
                              int (*list)(struct osview *v, uint32_t flags, vmi_process_cb cb,
                                          void *data, struct vmi_outcome *ret),
                              bool threads, int32_t id, struct vmi_process *ret);

/* Marks an outcome as cut, with the reason. The first reason stays. */
void outcome_cut(struct vmi_outcome *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

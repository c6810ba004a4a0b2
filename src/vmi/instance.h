/* SPDX-License-Identifier: BSD-2-Clause */
/* The instance behind vmi_instance_t: it owns one of each layer; nothing below points to it. */
#ifndef TINYVMI_VMI_INSTANCE_H
#define TINYVMI_VMI_INSTANCE_H

#include <tinyvmi/tinyvmi.h>

#include "os/os.h"
#include "source/source.h"
#include "vmi/ksym.h"
#include "vmi/map.h"
#include "vmi/profile_file.h"

/*
 * The newest virtual access that failed. A scan loop fails often, so the words for it are made only
 * when somebody asks (vmi_last_error): here is what they are made from.
 */
struct walk_story {
    bool failed;       /* the newest translation failed: for vmi_get_last_pagetable_lookup_fault */
    const char *verb;  /* "read", "write", "translate" */
    uint64_t va;       /* where the access began */
    size_t want, done; /* bytes */
    int32_t pid;       /* 0 kernel, > 0 process, -1 a page table that the caller named */
    page_mode_t pm, npm;
    uint64_t npt;
    struct aspace space; /* a copy; space.outer points to the instance's `outer` */
};

struct vmi_caches; /* what programs add themselves; vmi/cache.h */
struct config;     /* vmi/config.h */

struct vmi_instance {
    struct diag diag;       /* newest failure below */
    struct vmi_error error; /* the same, for the program */
    enum {
        STORY_TEXT,
        STORY_VIRTUAL,
        STORY_PHYSICAL
    } story; /* not STORY_TEXT: error.text is still to be made */
    int story_code;
    struct walk_story walk;
    char walk_note[128]; /* vmi_walk's: what the system makes of an absent entry */
    struct {
        const char *verb;
        uint64_t pa;
        size_t want, done;
    } physical;                     /* the same for STORY_PHYSICAL */
    access_context_t fault_context; /* what vmi_get_last_pagetable_lookup_fault answers */

    struct source source;
    char *name; /* as the program gave it */
    struct osview os;
    bool have_os;                /* `os` is valid */
    struct profile_file profile; /* `os` may be using its bytes in place */
    /* The process that was asked for last, where nothing can change: a source that is not live. */
    struct {
        vmi_pid_t pid; /* 0: none */
        struct aspace space;
        vmi_pid_t dtb_pid; /* 0: none */
        addr_t dtb;
    } memo;

    /*
     * The form of the guest's address spaces, once known: a space whose root is replaced by the one
     * of a context. With an OS it is a copy of the kernel's.
     */
    struct aspace space;
    bool have_space;
    page_mode_t page_mode; /* VMI_PM_UNKNOWN until known */
    struct aspace scratch; /* the space of the access that is under way */
    struct aspace outer;   /* its nested table */

    vmi_mode_t mode;
    uint64_t init_flags;
    bool warned_version;      /* of a context: one message per instance */
    struct config *config;    /* of the newest vmi_init_os; NULL: none */
    struct vmi_range *ranges; /* made on first request */
    size_t nr_ranges;
    struct vmi_statistics statistics;
    struct vmi_caches *caches; /* what programs add themselves (vmi_v2pcache_add and its siblings);
                                  NULL until used */
    struct ksym_cache *ksyms;  /* vmi/ksym.h; NULL until used */
    struct map names;          /* strings that were given out, each once; dropped by a flush */
    os_t profile_os;           /* of vmi_init_profile, until an OS is found */
    void *json;                /* json_object of the profile, parsed on first request; see json.c */
    const struct monitor_ops *monitor; /* NULL: events are not switched on */
    struct bridge *bridge;             /* their state; bridge.h */
    struct breakpoints *breakpoints;   /* made with the first; event/breakpoint.h */
    struct vmi_breakpoint *breakpoint; /* those of the program */
};

/* Records why a call failed and returns VMI_FAILURE; `code` is a ST_* value. Takes over
 * vmi->diag.text when fmt is NULL. */
status_t vmi_fail(vmi_instance_t vmi, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a call that has no instance to show for it: vmi_last_error(NULL) of this thread. */
status_t vmi_open_fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Moves the newest failure of an instance that is about to go to vmi_last_error(NULL). */
void vmi_open_fail_from(vmi_instance_t vmi);

/* An instance that was just opened has had no failure, whatever was tried on the way. */
void vmi_forget_errors(vmi_instance_t vmi);

/* A call that this kind of source cannot do: UNSUPPORTED, with the source's kind in the story.
 * `what`: "events", ... */
status_t vmi_unsupported(vmi_instance_t vmi, const char *what);

/* An OS is needed: true, or false with the story recorded (also for vmi == NULL). */
bool vmi_need_os(vmi_instance_t vmi);

/* A copy of a string that stays until a flush; equal strings are stored once. NULL: no memory. */
const char *vmi_intern(vmi_instance_t vmi, const char *text);

#endif

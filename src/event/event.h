/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a source with events offers: requests and replies in one form, whatever the hypervisor and
 * its version; traps as rows. event/monitor.h sits on it and is what the rest of the library uses.
 *
 * A request is an event of a vCPU. Every request gets exactly one answer, in the order in which
 * the requests were taken; answers become visible, and vCPUs go on, at flush. A source never loses
 * a request and never gives it twice.
 *
 * All calls answer ST_*; the story of a failure is in the diag given at open. What the guest can
 * choose (register values, addresses, leaves) is passed on unchecked; what indexes anything (vCPU,
 * kind, sizes) is checked below this interface.
 */
#ifndef TINYVMI_EVENT_EVENT_H
#define TINYVMI_EVENT_EVENT_H

#include "core/bytes.h"
#include "core/status.h"

enum event_kind {
    EVENT_MEMORY,          /* an access that the view's rights do not allow */
    EVENT_CR,              /* write to a control register or XCR0 */
    EVENT_MSR,             /* write to an MSR */
    EVENT_BREAKPOINT,      /* INT3 */
    EVENT_STEP,            /* an instruction was executed */
    EVENT_GUEST_REQUEST,   /* the guest's own hypercall for it */
    EVENT_DEBUG,           /* #DB */
    EVENT_CPUID,           /* rip is still on the instruction; rax..rdx hold the answer */
    EVENT_PRIVILEGED_CALL, /* ARM: SMC */
    EVENT_INTERRUPT,       /* the interrupt after REPLY_NEXT_INTERRUPT */
    EVENT_DESCRIPTOR,      /* IDTR, GDTR, LDTR, TR; rip is still on the instruction */
    EVENT_EMULATION,       /* an instruction could not be emulated */
    EVENT_VMEXIT,
    EVENT_IO, /* port access; rip is still on the instruction */
    EVENT_KINDS
};

/* "memory", "cr", ...; "?" for what is not a kind. Static. */
const char *event_kind_name(enum event_kind kind);

/* Accesses that raise an event (in traps), or that were tried (in requests). */
enum {
    ACCESS_R = 1,
    ACCESS_W = 2,
    ACCESS_X = 4,
    ACCESS_RWX = 7,
    ACCESS_NONE = 0,    /* no access raises an event */
    ACCESS_W2X = 8,     /* readable and executable; the first write makes it rw without an event */
    ACCESS_RWX2N = 16,  /* one event, the vCPU runs on, then everything is allowed */
    ACCESS_DEFAULT = 32 /* what the domain's default says */
};

enum event_cr { EVENT_CR0, EVENT_CR3, EVENT_CR4, EVENT_XCR0 };
enum event_table { EVENT_IDTR = 1, EVENT_GDTR, EVENT_LDTR, EVENT_TR };

/* Order of gpr[]: the hardware's, rax rcx rdx rbx rsp rbp rsi rdi r8 to r15. */
enum { GPR_RAX, GPR_RCX, GPR_RDX, GPR_RBX, GPR_RSP, GPR_RBP, GPR_RSI, GPR_RDI, GPR_R8 };
enum { SEG_CS, SEG_SS, SEG_DS, SEG_ES, SEG_FS, SEG_GS, SEG_COUNT };

/* The vCPU's state at the event. What the hypervisor's version does not tell is 0. The order up to
 * vmtrace_pos is that of Xen's newest ring, so that it is copied as it lies. */
struct event_regs {
    uint64_t gpr[16], rflags;
    uint64_t dr6, dr7, rip;
    uint64_t cr0, cr2, cr3, cr4;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t efer, star, lstar;
    uint64_t gdtr_base, npt_base, vmtrace_pos;
    uint64_t shadow_gs;
    struct {
        uint64_t base;
        uint32_t limit; /* in pages when the granularity bit of ar is set */
        uint16_t ar;    /* type:4 s dpl:2 p avl l db g: 12 bits, as x86_segment_flags_t */
        uint16_t sel;
    } seg[SEG_COUNT];
    uint16_t gdtr_limit;
};

struct event_request {
    enum event_kind kind;
    uint32_t vcpu; /* below the guest's number of vCPUs */
    bool paused;   /* the vCPU waits for the answer; else most replies have no effect */
    bool nested;   /* regs.npt_base is valid */
    uint16_t view; /* that the vCPU is in; 0 is the ordinary one */
    uint64_t id;   /* position in the source's order */
    union {
        struct {
            uint64_t gfn, offset, gla;
            uint8_t access; /* ACCESS_R | W | X; a write usually reports R, too */
            bool gla_valid, in_page_walk;
        } memory;
        struct {
            enum event_cr reg;
            uint64_t value, previous;
        } cr;
        struct {
            uint32_t index;
            uint64_t value, previous;
        } msr;
        struct {
            uint64_t gfn, pending; /* pending: DR6 bits, EVENT_DEBUG only */
            uint32_t insn_length;  /* 1 for INT3 */
            uint8_t type;          /* as the hardware numbers it */
        } debug;                   /* EVENT_BREAKPOINT, EVENT_DEBUG */
        struct {
            uint64_t gfn;
        } step;
        struct {
            uint32_t insn_length, leaf, subleaf;
        } cpuid;
        struct {
            uint32_t vector, type, error_code;
            uint64_t cr2;
        } interrupt;
        struct {
            enum event_table table;
            bool write;
            uint32_t instr_info;               /* Intel */
            uint64_t qualification, exit_info; /* Intel; AMD before Xen 4.14 */
        } descriptor;
        struct {
            uint64_t reason, qualification;
        } vmexit;
        struct {
            uint32_t bytes;
            uint16_t port;
            bool in, string;
        } io;
    };
    struct event_regs regs;
};

enum {
    REPLY_EMULATE = 1 << 0,   /* memory, descriptor: the instruction is emulated once */
    REPLY_NO_WRITE = 1 << 1,  /* ... without its writes to memory */
    REPLY_READ_DATA = 1 << 2, /* ... and reads `data` */
    REPLY_INSN = 1 << 3,      /* breakpoint: `data` (16 bytes) is executed instead */
    REPLY_DENY = 1 << 4,      /* CR, MSR: not written; the trap must be TRAP_DENIABLE */
    REPLY_VIEW = 1 << 5,      /* the vCPU goes on in `view` */
    REPLY_REGISTERS = 1 << 6, /* general registers, rip and rflags of the request's regs */
    REPLY_STEP_ON = 1 << 7,   /* the vCPU steps from here on */
    REPLY_STEP_OFF = 1 << 8,  /* ... no longer */
    REPLY_FAST_STEP = 1 << 9, /* one instruction, then `next_view`, without an event */
    REPLY_REINJECT = 1 << 10, /* breakpoint, debug: the guest gets it, with `insn_length` */
    REPLY_NEXT_INTERRUPT = 1 << 11,
    REPLY_RESET_VMTRACE = 1 << 12,
    REPLY_FORK_STATE = 1 << 13, /* a fork's vCPU state, or memory, becomes its parent's */
    REPLY_FORK_MEMORY = 1 << 14,
};

struct event_reply {
    uint32_t flags; /* REPLY_* */
    uint16_t view, next_view;
    uint32_t insn_length;
    const void *data; /* the hook's, until `release` */
    uint32_t data_size;
    /* Called (if not NULL) when the request has been answered; for a hook that gave data. */
    void (*release)(void *data);
    void *release_data;
};

enum {
    TRAP_ASYNC = 1,     /* CR, guest request, debug, vmexit: the vCPU does not wait */
    TRAP_ON_CHANGE = 2, /* CR, MSR: not for writes that change nothing */
    TRAP_DENIABLE = 4,  /* CR, MSR: REPLY_DENY will be used; excludes TRAP_ASYNC */
    TRAP_USERSPACE = 8, /* guest request: user mode may make it, too */
};

/* One trap to switch on or off. MEMORY and STEP: the kind as a whole; rights and vCPUs have calls
 * of their own. */
struct event_trap {
    enum event_kind kind;
    uint32_t flags;   /* TRAP_* */
    uint32_t reg;     /* CR: enum event_cr; MSR: index */
    uint64_t ignored; /* CR: no event when only these bits change */
};

struct event_access {
    uint64_t first, n; /* frames */
    uint16_t view;
    uint8_t access; /* ACCESS_*: what raises an event */
};

struct event_capabilities {
    uint32_t kinds;     /* bits 1 << EVENT_* */
    uint32_t replies;   /* REPLY_* that have an effect here */
    bool views;         /* can be switched on (the guest's configuration may still forbid it) */
    unsigned vcpus;     /* of the guest */
    unsigned interface; /* version of the hypervisor's event interface, 0: not known */
    char reason[160];   /* why kinds is 0 or lacks memory events; "" */
    char platform[40];  /* "Xen 4.17, AMD" */
};

/* Second-level views. Rights of frames in a view: event_ops.access. One vCPU: REPLY_VIEW. */
struct view_ops {
    MUST_USE int (*state)(void *events, bool *ret);
    MUST_USE int (*control)(void *events, bool on);
    MUST_USE int (*create)(void *events, uint16_t *ret);
    MUST_USE int (*destroy)(void *events, uint16_t view);
    MUST_USE int (*change)(void *events, uint16_t view); /* all vCPUs */
    MUST_USE int (*current)(void *events, unsigned vcpu, uint16_t *ret);
    /* In `view`, gfn shows the memory of `other`; UINT64_MAX: its own again. */
    MUST_USE int (*remap)(void *events, uint16_t view, uint64_t gfn, uint64_t other);
    /* Whether the guest may enter the view by itself (VMFUNC). */
    MUST_USE int (*visible)(void *events, uint16_t view, bool on);
};

struct source;

/* Views and what an old version lacks answer ST_UNSUPPORTED, with the name of what is missing in
 * the story. */
struct event_ops {
    /* Needs nothing switched on and changes nothing. */
    MUST_USE int (*capabilities)(const struct source *source, struct diag *d,
                                 struct event_capabilities *ret);
    /*
     * Takes the guest's event channel. ST_BUSY: another monitor has it (the story names it);
     * what a monitor that died has left is cleaned up first. `d` is kept for all later stories.
     * `channel` is NULL, or a handle of the platform's that the program waits on itself (Xen:
     * xenevtchn_handle); `wait` then never waits.
     */
    MUST_USE int (*open)(const struct source *source, void *channel, struct diag *d, void **ret);
    /* All traps off, all vCPUs running, requests that still wait answered. NULL is allowed. */
    void (*close)(void *events);
    MUST_USE int (*trap)(void *events, const struct event_trap *trap, bool on);
    /* In order; stops at the first failure, *done (may be NULL) entries have been set. */
    MUST_USE int (*access)(void *events, const struct event_access *list, size_t n, size_t *done);
    MUST_USE int (*get_access)(void *events, uint16_t view, uint64_t gfn, uint8_t *ret);
    /* For a vCPU that has no request under way; else use the reply. */
    MUST_USE int (*step)(void *events, unsigned vcpu, bool on);
    /* A memory violation without a listener stops the guest for good. */
    MUST_USE int (*listener_required)(void *events, bool on);
    /*
     * Remembers that the byte at a guest-physical address was `original` before the monitor changed
     * it, so that it is put back when the monitor dies in whatever way; or forgets it. ST_LIMIT:
     * too many. NULL: nothing is put back.
     */
    MUST_USE int (*patched)(void *events, uint64_t gpa, uint8_t original, bool on);
    const struct view_ops *view; /* NULL: none */

    /* The next request. ST_ABSENT: none now. ST_BROKEN: a slot that makes no sense was there; it
     * has been answered. Requests stay valid until flush. */
    MUST_USE int (*next)(void *events, struct event_request *ret);
    /* Answers the oldest request that has no answer yet, which must be `request`. A reply that
     * cannot be carried out is ST_*, and the request is answered without it. */
    MUST_USE int (*answer)(void *events, const struct event_request *request,
                           const struct event_reply *reply);
    /* Makes the answers visible, with one notification. */
    MUST_USE int (*flush)(void *events);
    unsigned (*pending)(void *events); /* requests that have not been taken */
    /* Waits for a request: ST_OK, ST_ABSENT (time over, or a signal), ST_IO: the guest has gone. */
    MUST_USE int (*wait)(void *events, uint64_t timeout_ns);
    int (*fd)(void *events); /* pollable, -1: none */
};

#endif

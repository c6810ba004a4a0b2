/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slots of Xen's event ring (xen/include/public/vm_event.h), by interface version as data, and
 * the numbers of the calls around it: domctl.h (vm_event_op, monitor_op), memory.h (access_op),
 * hvm/hvm_op.h (altp2m). Versions 2 (Xen 4.10) to 7 (4.15 to 4.22).
 *
 * A request and its response are one slot: what is not changed goes back as it came.
 */
#ifndef TINYVMI_XEN_ABI_EVENT_H
#define TINYVMI_XEN_ABI_EVENT_H

#include "event/event.h"

/* ---- slots ----------------------------------------------------------------------------------- */

enum { VM_EVENT_MIN = 2, VM_EVENT_MAX = 7, SLOT_MAX = 400, SLOT_UNION = 24, SLOT_DATA = 56 };

enum { /* VM_EVENT_FLAG_* */
       SLOT_VCPU_PAUSED = 1 << 0,
       SLOT_EMULATE = 1 << 2,
       SLOT_EMULATE_NOWRITE = 1 << 3,
       SLOT_TOGGLE_SINGLESTEP = 1 << 4,
       SLOT_SET_EMUL_READ_DATA = 1 << 5,
       SLOT_DENY = 1 << 6,
       SLOT_ALTERNATE_P2M = 1 << 7,
       SLOT_SET_REGISTERS = 1 << 8,
       SLOT_SET_EMUL_INSN_DATA = 1 << 9,
       SLOT_GET_NEXT_INTERRUPT = 1 << 10,
       SLOT_FAST_SINGLESTEP = 1 << 11,
       SLOT_NESTED_P2M = 1 << 12,
       SLOT_RESET_VMTRACE = 1 << 13,
       SLOT_RESET_FORK_STATE = 1 << 14,
       SLOT_RESET_FORK_MEMORY = 1 << 15,
};

struct slot_run; /* bytes of the register block that lie as in struct event_regs */

struct slot_abi {
    uint8_t version;
    uint16_t size; /* of a slot */
    const struct slot_run *runs;
    /* Offsets in the register block, 0: not there. `segments` is that of cs_base: four bases of 32
     * bits, fs and gs of 64, six packed limits and rights, shadow_gs, then (with gdtr_limit before
     * them, or not) six selectors. */
    uint16_t segments, gdtr_limit, selectors;
    uint16_t fs_base, cs_rights; /* versions 2 and 3: nothing more is told of segments */
    uint16_t msr_old;            /* offsets in the union, 0: not there */
    uint16_t debug_length, debug_pending;
};

/* NULL: not known. */
const struct slot_abi *slot_abi_of(unsigned version);

/*
 * What a slot says. ST_OK; ST_BROKEN: another version, a reason that is not known, a vCPU that the
 * guest has not. `ret` is written in any case as far as it is known (vcpu, paused).
 */
int slot_decode(const struct slot_abi *abi, const uint8_t *slot, unsigned vcpus,
                struct event_request *ret);

/*
 * Turns the request in the slot into its response. `toggle`: stepping of the vCPU changes.
 * ST_INVALID with a reason in *why: replies that exclude each other, that need a vCPU which waits,
 * or do not fit; the slot is then the plain response.
 */
int slot_respond(const struct slot_abi *abi, uint8_t *slot, const struct event_request *request,
                 const struct event_reply *reply, bool toggle, const char **why);
/* A response to nothing: lets a vCPU go on that waits for a ring that is gone. */
void slot_release(const struct slot_abi *abi, uint8_t *slot, uint32_t vcpu);

/* Replies that a Xen of this release carries out, as REPLY_*. */
uint32_t slot_replies(const struct slot_abi *abi, unsigned minor);

/* ---- the ring (xen/include/public/io/ring.h) --------------------------------------------------
 */

enum {
    RING_HEADER = 64,
    RING_REQ_PROD = 0,
    RING_REQ_EVENT = 4,
    RING_RSP_PROD = 8,
    RING_RSP_EVENT = 12
};

struct event_ring {
    uint8_t *page;
    const struct slot_abi *abi;
    uint32_t slots;                   /* a power of two */
    uint32_t taken, answered, pushed; /* counters that wrap, as Xen's */
};

/* A fresh ring: clears the page. */
void ring_init(struct event_ring *r, uint8_t *page, const struct slot_abi *abi);
/* A ring that somebody has used: goes on behind the last answer. */
void ring_attach(struct event_ring *r, uint8_t *page, const struct slot_abi *abi);
unsigned ring_pending(const struct event_ring *r);
/* The next request's slot, or NULL: none, or as many are unanswered as there are slots. */
uint8_t *ring_take(struct event_ring *r);
/* The slot to answer next, or NULL: all that were taken are answered. */
uint8_t *ring_answering(const struct event_ring *r);
void ring_answered(struct event_ring *r);
/* Makes the answers visible. False: there were none. */
bool ring_push(struct event_ring *r);

/* ---- calls ----------------------------------------------------------------------------------- */

enum { VM_EVENT_ENABLE = 0, VM_EVENT_DISABLE = 1, VM_EVENT_RESUME = 2, VM_EVENT_GET_VERSION = 3 };
enum { VM_EVENT_MODE_MONITOR = 2, DOMID_NONE = 0x7ff4 /* DOMID_INVALID: GET_VERSION wants it */ };
struct vm_event_call {       /* XEN_DOMCTL_vm_event_op */
    uint32_t op, mode, port; /* `port`: the version, for GET_VERSION (4.13) */
};

enum {
    MONITOR_ENABLE = 0,
    MONITOR_DISABLE = 1,
    MONITOR_GET_CAPABILITIES = 2,
    MONITOR_CONTROL_REGISTERS = 4, /* 4.14 */
};
enum { MONITOR_SINGLESTEP = 2, MONITOR_EVENTS = 32 };
struct monitor_call { /* XEN_DOMCTL_monitor_op */
    uint32_t op, event;
    union {
        struct {
            uint8_t index, sync, on_change, pad1;
            uint32_t pad2;
            uint64_t ignored;
        } cr;
        struct {
            uint32_t index;
            uint8_t on_change; /* 4.11 */
        } msr;
        struct {
            uint8_t sync, userspace;
        } request;
        uint8_t sync; /* debug exception, vmexit */
        uint8_t pad[16];
    };
};
_Static_assert(sizeof(struct vm_event_call) == 12 && sizeof(struct monitor_call) == 24,
               "as in domctl.h");

enum { DOMCTL_DEBUG_OP = 54, DOMCTL_SET_ACCESS_REQUIRED = 64 };
struct debug_call {
    uint32_t op, vcpu; /* op: 0 steps off, 1 on */
};

enum { MEMOP_ACCESS = 21, ACCESS_OP_SET = 0, ACCESS_OP_GET = 1, ACCESS_OP_SET_MULTI = 4 };
struct access_call {
    uint8_t op, access;
    uint16_t domain;
    uint32_t n;
    uint64_t first, frames, rights; /* addresses of lists, SET_MULTI */
};
_Static_assert(sizeof(struct access_call) == 32, "struct xen_mem_access_op");

enum {
    HVMOP_ALTP2M = 25,
    ALTP2M_GET_STATE = 1,
    ALTP2M_SET_STATE = 2,
    ALTP2M_CREATE = 4,
    ALTP2M_DESTROY = 5,
    ALTP2M_SWITCH = 6,
    ALTP2M_SET_ACCESS = 7,
    ALTP2M_CHANGE_GFN = 8,
    ALTP2M_SET_ACCESS_MULTI = 9, /* 4.11 */
    ALTP2M_GET_ACCESS = 12,      /* 4.12 */
    ALTP2M_GET_VIEW = 14,        /* 4.13 */
    ALTP2M_SET_VISIBILITY = 16,  /* 4.14 */
};
struct altp2m_call {
    uint32_t version, command; /* version 1 */
    uint16_t domain, pad1;
    uint32_t pad2;
    union {
        uint8_t state;
        struct {
            uint16_t view, access;
        } view;
        struct {
            uint16_t view, access;
            uint32_t pad;
            uint64_t gfn;
        } access;
        struct {
            uint16_t view, pad;
            uint32_t n;
            uint64_t done, frames, rights;
        } multi;
        struct {
            uint16_t view, pad1;
            uint32_t pad2;
            uint64_t from, to;
        } change;
        struct {
            uint32_t vcpu;
            uint16_t view;
        } current;
        struct {
            uint16_t view;
            uint8_t visible, pad;
        } visibility;
        uint8_t pad[64];
    };
};
_Static_assert(sizeof(struct altp2m_call) == 80, "struct xen_hvm_altp2m_op");

/* hvm/params.h */
enum { PARAM_MONITOR_RING = 28, PARAM_ALTP2M = 35 };
/* event_channel.h */
enum { EVTCHNOP_STATUS = 5, EVTCHN_UNBOUND = 1, EVTCHN_INTERDOMAIN = 2 };
struct evtchn_status_call {
    uint16_t domain, pad;
    uint32_t port;
    uint32_t status, vcpu;
    uint16_t remote, pad2;
    uint32_t remote_port;
};

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events: the guest does something, a callback of the program is called, and its return value
 * decides how the vCPU goes on.
 *
 * 1. Fill a vmi_event_t: version, type, callback, and the members marked IN of its kind; `data` is
 *    the program's own. The structure stays the program's, and must stay where it is until it is
 *    cleared.
 * 2. vmi_register_event sets the trap at once. The guest need not be paused; pause it to set
 *    several traps without an event in between.
 * 3. vmi_events_listen calls the callbacks. The event that a callback gets is the registered
 *    structure itself, with the members marked OUT filled in. `data` and `callback` are never
 *    touched.
 * 4. The callback returns a set of VMI_EVENT_RESPONSE bits; the vCPU resumes.
 * 5. vmi_clear_event takes the trap away. Nothing else does: a memory trap that stays set faults
 *    again as soon as the vCPU goes on, so its callback must clear it, relax it
 *    (vmi_set_mem_event), switch views, or ask for emulation.
 *
 * One event each: per register; per MSR index; per kind of interrupt; per frame and view; per
 * access mask of generic memory events (which exclude those on frames); per vCPU for single-steps;
 * and one of each other type. A place that is taken is a VMI_FAILURE.
 *
 * Every request of the guest is answered, whatever a callback did or left undone; LibVMI leaves the
 * vCPU stopped for good after a mistake. What the program did wrong shows as VMI_FAILURE of
 * vmi_events_listen.
 *
 * All calls need an instance that was opened with VMI_INIT_EVENTS. Sources that have events: Xen
 * HVM and PVH guests. Intel has all kinds; AMD has no memory, single-step and VMEXIT events (Xen
 * 4.22), which are refused at registration. PV guests and files have none. A guest has one monitor
 * at a time: opening fails while another one lives. When a monitor is killed, its guest goes on.
 */
#ifndef LIBVMI_EVENTS_H
#define LIBVMI_EVENTS_H

#include <stdbool.h>
#include <libvmi/libvmi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of the structures below; an event with another version is refused. */
#define VMI_EVENTS_VERSION 0x00000009

typedef uint16_t vmi_event_type_t;

#define VMI_EVENT_INVALID           0
#define VMI_EVENT_MEMORY            1 /* an access to guest memory (EPT) */
#define VMI_EVENT_REGISTER          2 /* a write to a control register or an MSR */
#define VMI_EVENT_SINGLESTEP        3 /* an instruction was executed */
#define VMI_EVENT_INTERRUPT         4 /* INT3, or the next interrupt */
#define VMI_EVENT_GUEST_REQUEST     5 /* the guest made the hypercall for it */
#define VMI_EVENT_CPUID             6
#define VMI_EVENT_DEBUG_EXCEPTION   7
#define VMI_EVENT_PRIVILEGED_CALL   8 /* ARM: SMC */
#define VMI_EVENT_DESCRIPTOR_ACCESS 9 /* IDTR, GDTR, LDTR, TR */
#define VMI_EVENT_FAILED_EMULATION  10
#define VMI_EVENT_DOMAIN_WATCH      11 /* a guest appeared or disappeared */
#define VMI_EVENT_VMEXIT            12
#define VMI_EVENT_IO                13 /* an access to an I/O port */

/* vCPUs that one single-step event can cover */
#define MAX_SINGLESTEP_VCPUS 32

/* ---- Access kinds -------------------------------------------------------------------------- */

/* Xen reports writes only: R and RW are refused. */
typedef uint8_t vmi_reg_access_t;

#define VMI_REGACCESS_INVALID 0
#define VMI_REGACCESS_N       (1 << 0)
#define VMI_REGACCESS_R       (1 << 1)
#define VMI_REGACCESS_W       (1 << 2)
#define VMI_REGACCESS_RW      (VMI_REGACCESS_R | VMI_REGACCESS_W)

/* The accesses that raise an event: what is not named stays allowed. R and RX are refused on Intel,
 * whose tables cannot say "write but not read". */
typedef uint8_t vmi_mem_access_t;

#define VMI_MEMACCESS_INVALID 0
#define VMI_MEMACCESS_N       (1 << 0) /* none: lifts a restriction */
#define VMI_MEMACCESS_R       (1 << 1)
#define VMI_MEMACCESS_W       (1 << 2)
#define VMI_MEMACCESS_X       (1 << 3)
#define VMI_MEMACCESS_RW      (VMI_MEMACCESS_R | VMI_MEMACCESS_W)
#define VMI_MEMACCESS_RX      (VMI_MEMACCESS_R | VMI_MEMACCESS_X)
#define VMI_MEMACCESS_WX      (VMI_MEMACCESS_W | VMI_MEMACCESS_X)
#define VMI_MEMACCESS_RWX     (VMI_MEMACCESS_R | VMI_MEMACCESS_W | VMI_MEMACCESS_X)
#define VMI_MEMACCESS_W2X     (1 << 4) /* rx; the first write turns it into rw, without an event */
#define VMI_MEMACCESS_RWX2N   (1 << 5) /* one event, with the vCPU running on, then rwx */

typedef uint8_t interrupts_t;

#define INT_INVALID 0
#define INT3        1 /* software breakpoint: the one-byte 0xCC */
#define INT_NEXT    2 /* the interrupt after a VMI_EVENT_RESPONSE_GET_NEXT_INTERRUPT */

#define VMI_DESCRIPTOR_IDTR 1
#define VMI_DESCRIPTOR_GDTR 2
#define VMI_DESCRIPTOR_LDTR 3
#define VMI_DESCRIPTOR_TR   4

/* ---- Responses ----------------------------------------------------------------------------- */
/*
 * What a callback returns. All but NONE need a vCPU that waits for the answer (not `async`). Bit 0
 * has no meaning and is ignored.
 */
typedef uint32_t event_response_t;
typedef uint32_t event_response_flags_t;

/* The vCPU goes on where it was. */
#define VMI_EVENT_RESPONSE_NONE 0
/* The instruction is emulated once with the trap still set (memory, descriptors). */
#define VMI_EVENT_RESPONSE_EMULATE (1u << 1)
/* The same, and what it writes to memory is dropped. */
#define VMI_EVENT_RESPONSE_EMULATE_NOWRITE (1u << 2)
/* The same as EMULATE, and what it reads is `*event->emul_read`, which the callback has set. */
#define VMI_EVENT_RESPONSE_SET_EMUL_READ_DATA (1u << 3)
/* The register or MSR is not written (XCR0: Xen writes it all the same). */
#define VMI_EVENT_RESPONSE_DENY (1u << 4)
/* Starts or stops single-stepping this vCPU; a single-step event (`enable` may be 0) receives the
 * steps. */
#define VMI_EVENT_RESPONSE_TOGGLE_SINGLESTEP (1u << 5)
/* The vCPU goes on in view `event->slat_id`. */
#define VMI_EVENT_RESPONSE_SLAT_ID          (1u << 6)
#define VMI_EVENT_RESPONSE_VMM_PAGETABLE_ID VMI_EVENT_RESPONSE_SLAT_ID /* its older name */
/* `*event->x86_regs`, changed by the callback, is loaded: Xen takes the 16 general registers, rip
 * and rflags. Not together with SET_EMUL_READ_DATA and SET_EMUL_INSN, whose pointer has the same
 * place. */
#define VMI_EVENT_RESPONSE_SET_REGISTERS (1u << 7)
/* INT3: the instruction in `*event->emul_insn`, which the callback has set, is executed instead. */
#define VMI_EVENT_RESPONSE_SET_EMUL_INSN (1u << 8)
/* The next interrupt raises an INT_NEXT event, which must be registered. */
#define VMI_EVENT_RESPONSE_GET_NEXT_INTERRUPT (1u << 9)
/* After one instruction in SLAT_ID's view, the vCPU is in view `event->next_slat_id`. */
#define VMI_EVENT_RESPONSE_NEXT_SLAT_ID (1u << 10)
/* The processor trace buffer starts again. */
#define VMI_EVENT_RESPONSE_RESET_VMTRACE (1u << 11)
/* A forked guest gets its parent's vCPU state, or memory, back. */
#define VMI_EVENT_RESPONSE_RESET_FORK_STATE (1u << 12)
#define VMI_EVENT_RESPONSE_RESET_FORK_MEM   (1u << 13)
/* the highest bit number */
#define __VMI_EVENT_RESPONSE_MAX 13

/*
 * Both are given to the library by setting the pointer in the event and returning the bit for it.
 * After the reply the library calls free() on the structure, unless `dont_free` is set. A bit whose
 * pointer was not set is ignored, and vmi_events_listen fails.
 */
typedef struct emul_read {
    uint32_t size; /* bytes of data, up to 256 */
    uint8_t dont_free;
    uint8_t _pad[3];
    uint8_t data[256];
} emul_read_t;

typedef struct emul_insn {
    uint8_t dont_free;
    uint8_t _pad[7];
    uint8_t data[16];
} emul_insn_t;

/* ---- The kinds of events ------------------------------------------------------------------- */

/* CR0, CR3, CR4, XCR0, MSR_ALL, or MSR_ANY with an index. A registered MSR_ALL event gets all MSR
 * writes; those with MSR_ANY get the rest. */
typedef struct reg_event {
    reg_t reg;                   /* IN */
    reg_t equal;                 /* IN: not 0: only writes of this value (not for MSRs) */
    uint8_t async;               /* IN: the vCPU does not wait (not for MSRs) */
    uint8_t onchange;            /* IN: no event for writes that change nothing (not for MSRs) */
    vmi_reg_access_t in_access;  /* IN: VMI_REGACCESS_W */
    vmi_reg_access_t out_access; /* OUT: VMI_REGACCESS_W */
    uint32_t _pad1;
    reg_t value;    /* OUT: being written */
    reg_t previous; /* OUT */
    uint32_t msr;   /* IN with MSR_ANY: the index, not 0. OUT: the index */
    uint32_t _pad2;
} reg_event_t;

/* An event on a frame is called if the attempted access shares a bit with `in_access`, and so is
 * every generic event; of several the last one's answer counts. With RWX2N it is called for any
 * access. */
typedef struct mem_access_event {
    addr_t gfn;                  /* IN: the frame; all ones if generic. OUT: where it was */
    uint8_t generic;             /* IN: for all frames restricted with vmi_set_mem_event */
    vmi_mem_access_t in_access;  /* IN */
    vmi_mem_access_t out_access; /* OUT: R, W, X that were attempted and not allowed */
    uint8_t gptw;                /* OUT: the guest's own page walk did it */
    uint8_t gla_valid;           /* OUT */
    uint8_t _pad[3];
    addr_t gla;    /* OUT: virtual address; 0 if not valid */
    addr_t offset; /* OUT: in the page */
} mem_access_event_t;

/* Guests that exist already are reported as created right after registration. The response is
 * ignored. */
typedef struct watch_domain_event {
    char *uuid;      /* OUT: valid in the callback only */
    uint32_t domain; /* OUT: id */
    bool created;    /* OUT: or else destroyed */
} watch_domain_event_t;

typedef struct interrupt_event {
    interrupts_t intr; /* IN */
    uint8_t _pad1[7];
    __extension__ union {
        __extension__ struct {
            /* INT3 */
            uint32_t insn_length; /* OUT; changed by the callback: of a re-injected one */
            /* OUT: -1. The callback must set it: 1 gives the breakpoint to the guest; 0 swallows
             * it, and rip stays on the 0xCC, so the callback must move rip, put the byte back, or
             * emulate. Left at -1 it is taken as 1, and vmi_events_listen fails. */
            int8_t reinject;
            uint8_t _pad2[3];
            addr_t gla;    /* OUT: rip of the 0xCC */
            addr_t gfn;    /* OUT: its frame */
            addr_t offset; /* OUT: in the page */
            uint16_t _pad3;
        };
        __extension__ struct {
            /* INT_NEXT: a report; the interrupt is delivered whatever the callback does */
            uint32_t vector;
            uint32_t type;
            uint32_t error_code;
            uint32_t _pad4;
            uint64_t cr2;
        };
    };
} interrupt_event_t;

typedef struct privcall_event {
    addr_t gla; /* OUT: pc; never re-injected */
    addr_t gfn;
    addr_t offset;
} privcall_event_t;

typedef struct single_step_event {
    uint32_t vcpus; /* IN: a mask; see SET_VCPU_SINGLESTEP */
    uint8_t enable; /* IN: start stepping at registration; 0: TOGGLE_SINGLESTEP will */
    uint8_t _pad[3];
    addr_t gla; /* OUT: rip of the next instruction */
    addr_t gfn;
    addr_t offset;
} single_step_event_t;

typedef struct debug_event {
    addr_t gla; /* OUT: rip */
    addr_t gfn;
    addr_t offset;
    uint32_t insn_length; /* OUT; changed by the callback: of a re-injected one */
    uint8_t type;         /* OUT: as the hardware numbers it */
    int8_t reinject;      /* OUT: -1; as in interrupt_event_t */
    uint16_t _pad;
} debug_event_t;

/* rax to rdx in `x86_regs` hold the answer already, and rip is still on the instruction: add
 * insn_length to it and return SET_REGISTERS, or it runs again for ever. */
typedef struct cpuid_event {
    uint32_t insn_length; /* OUT */
    uint32_t leaf;
    uint32_t subleaf;
    uint32_t _pad;
} cpuid_event_t;

/* rip is still on the instruction, and EMULATE does nothing: move rip (and set rax for an IN), or
 * clear the event. */
typedef struct {
    uint32_t bytes; /* OUT: width */
    uint16_t port;
    uint8_t in;  /* or else out */
    uint8_t str; /* a string instruction */
} io_event_t;

/* rip is still on the instruction: answer EMULATE. (The tag is spelled as LibVMI spells it.) */
typedef struct desriptor_event {
    __extension__ union {
        __extension__ struct {
            /* Intel */
            uint32_t instr_info;
            uint32_t _pad1;
            uint64_t exit_qualification;
        };
        uint64_t exit_info; /* AMD; 0 from Xen 4.14 on */
    };
    uint8_t descriptor; /* OUT: VMI_DESCRIPTOR_... */
    uint8_t is_write;
    uint8_t _pad2[6];
} descriptor_event_t;

typedef struct vmexit_event {
    uint8_t sync;    /* IN: the vCPU waits for the answer */
    uint64_t reason; /* OUT: as the hardware numbers it */
    uint64_t qualification;
} vmexit_event_t;

/* ---- The event ----------------------------------------------------------------------------- */

struct vmi_event;
typedef struct vmi_event vmi_event_t;

typedef event_response_t (*event_callback_t)(vmi_instance_t vmi, vmi_event_t *event);

/* Called when a clear or a swap is done and the library has let go of the event. */
typedef void (*vmi_event_free_t)(vmi_event_t *event, status_t rc);

struct vmi_event {
    uint32_t version;      /* IN: VMI_EVENTS_VERSION */
    vmi_event_type_t type; /* IN */
    /* IN at registration: the view of a memory event, which is remembered. OUT: the view that the
     * vCPU is in. Read after the callback if it returns SLAT_ID. */
    uint16_t slat_id;
    uint16_t next_slat_id; /* read after the callback if it returns NEXT_SLAT_ID */
    uint16_t _reserved[3];
    void *data;                /* the program's own */
    event_callback_t callback; /* IN */
    uint32_t vcpu_id;          /* OUT */
    page_mode_t page_mode;     /* OUT: of the vCPU */
    __extension__ union {
        reg_event_t reg_event;
        mem_access_event_t mem_event;
        single_step_event_t ss_event;
        interrupt_event_t interrupt_event;
        privcall_event_t privcall_event;
        cpuid_event_t cpuid_event;
        debug_event_t debug_event;
        descriptor_event_t descriptor_event;
        watch_domain_event_t watch_event;
        vmexit_event_t vmexit_event;
        io_event_t io_event;
    };
    /* The registers are a copy, valid until the callback returns. Xen fills all but msr_pat,
     * msr_cstar, tr_*, ldt_* and idtr_*; segment limits count pages where the granularity bit is
     * set. */
    __extension__ union {
        __extension__ union {
            x86_registers_t *x86_regs; /* OUT */
            arm_registers_t *arm_regs; /* OUT */
        };
        emul_read_t *emul_read; /* set by the callback, for SET_EMUL_READ_DATA */
        emul_insn_t *emul_insn; /* set by the callback, for SET_EMUL_INSN */
    };
};

/* ---- Filling events ------------------------------------------------------------------------ */

/* vCPU `_vcpu` of a single_step_event_t (the structure, not a pointer to it) */
#define SET_VCPU_SINGLESTEP(_ss_event, _vcpu)   ((_ss_event).vcpus |= (1u << (_vcpu)))
#define UNSET_VCPU_SINGLESTEP(_ss_event, _vcpu) ((_ss_event).vcpus &= ~(1u << (_vcpu)))
#define CHECK_VCPU_SINGLESTEP(_ss_event, _vcpu) ((_ss_event).vcpus & (1u << (_vcpu)))

/* These take a pointer, and leave all members alone that they have no argument for. */

#define SETUP_SINGLESTEP_EVENT(_event, _vcpu_mask, _callback, _enable)                             \
    do {                                                                                           \
        (_event)->version = VMI_EVENTS_VERSION;                                                    \
        (_event)->type = VMI_EVENT_SINGLESTEP;                                                     \
        (_event)->ss_event.vcpus = (_vcpu_mask);                                                   \
        (_event)->ss_event.enable = (_enable);                                                     \
        (_event)->callback = (_callback);                                                          \
    } while (0)

/* `_generic` true: `_gfn` is not used. The view is `slat_id`, which is left alone too. */
#define SETUP_MEM_EVENT(_event, _gfn, _access, _callback, _generic)                                \
    do {                                                                                           \
        (_event)->version = VMI_EVENTS_VERSION;                                                    \
        (_event)->type = VMI_EVENT_MEMORY;                                                         \
        (_event)->mem_event.in_access = (_access);                                                 \
        (_event)->mem_event.generic = (_generic);                                                  \
        (_event)->mem_event.gfn = (_event)->mem_event.generic ? ~(addr_t)0 : (addr_t)(_gfn);       \
        (_event)->callback = (_callback);                                                          \
    } while (0)

#define SETUP_REG_EVENT(_event, _reg, _access, _equal, _callback)                                  \
    do {                                                                                           \
        (_event)->version = VMI_EVENTS_VERSION;                                                    \
        (_event)->type = VMI_EVENT_REGISTER;                                                       \
        (_event)->reg_event.reg = (_reg);                                                          \
        (_event)->reg_event.in_access = (_access);                                                 \
        (_event)->reg_event.equal = (_equal);                                                      \
        (_event)->callback = (_callback);                                                          \
    } while (0)

/* INT3 */
#define SETUP_INTERRUPT_EVENT(_event, _callback)                                                   \
    do {                                                                                           \
        (_event)->version = VMI_EVENTS_VERSION;                                                    \
        (_event)->type = VMI_EVENT_INTERRUPT;                                                      \
        (_event)->interrupt_event.intr = INT3;                                                     \
        (_event)->interrupt_event.reinject = -1;                                                   \
        (_event)->callback = (_callback);                                                          \
    } while (0)

#define SETUP_PRIVCALL_EVENT(_event, _callback)                                                    \
    do {                                                                                           \
        (_event)->version = VMI_EVENTS_VERSION;                                                    \
        (_event)->type = VMI_EVENT_PRIVILEGED_CALL;                                                \
        (_event)->callback = (_callback);                                                          \
    } while (0)

#define SETUP_IO_EVENT(_event, _callback)                                                          \
    do {                                                                                           \
        (_event)->version = VMI_EVENTS_VERSION;                                                    \
        (_event)->type = VMI_EVENT_IO;                                                             \
        (_event)->callback = (_callback);                                                          \
    } while (0)

/* ---- Calls --------------------------------------------------------------------------------- */

/** VMI_EVENTS_VERSION of the library. */
VMI_API uint32_t vmi_events_version(void) NOEXCEPT;

/**
 * Sets a trap. Refused: another version, no callback, an unknown type, a place that is taken, what
 * the source cannot do. Nothing is changed then. VMI_EVENT_DOMAIN_WATCH works with VMI_INIT_EVENTS
 * as well as with VMI_INIT_DOMAINWATCH (LibVMI accepts it with the former and never delivers).
 * Memory events may be set on the same frame in several views (LibVMI: one); a frame beyond the
 * guest's memory is refused.
 */
VMI_API status_t vmi_register_event(vmi_instance_t vmi, vmi_event_t *event) NOEXCEPT;

/**
 * Replaces a registered memory event on a frame by another one on a frame. In a callback this is
 * queued (VMI_SUCCESS) and done when all pending events are handled; several swaps may wait, each
 * of its own event.
 * \param free_routine  optional; called with (swap_from, VMI_SUCCESS) once it is done
 */
VMI_API status_t vmi_swap_events(vmi_instance_t vmi, vmi_event_t *swap_from, vmi_event_t *swap_to,
                                 vmi_event_free_t free_routine) NOEXCEPT;

/**
 * Lifts a trap and forgets the event, of whatever type. An event that is not registered, or was
 * never filled in, is VMI_FAILURE and nothing else. In a callback it is queued (VMI_SUCCESS;
 * VMI_FAILURE if it is queued already): its callback is not called any more, and the trap is lifted
 * when all pending events are handled, before their vCPUs go on.
 * \param free_routine  optional; called with (event, result) once the library has let go of the
 *                      event
 */
VMI_API status_t vmi_clear_event(vmi_instance_t vmi, vmi_event_t *event,
                                 vmi_event_free_t free_routine) NOEXCEPT;

/**
 * Waits for up to `timeout` milliseconds until there are events (0: does not wait; above INT32_MAX:
 * without limit), and handles all there are, also those that come meanwhile. Time out and a signal
 * are VMI_SUCCESS. With the program's own event-channel handle (VMI_INIT_DATA_XEN_EVTCHN) it never
 * waits.
 *
 * VMI_FAILURE: not opened for events, the channel broke, or an event could not be answered as the
 * program said: there was no handler, `reinject` was left at -1, a response had no buffer. All
 * events are answered also then.
 */
VMI_API status_t vmi_events_listen(vmi_instance_t vmi, uint32_t timeout) NOEXCEPT;

/** Number of events that wait, or -1 on failure and where there can be none. */
VMI_API int vmi_are_events_pending(vmi_instance_t vmi) NOEXCEPT;

/** Xen: whether a violation without anyone listening stops the guest, or just goes on. */
VMI_API status_t vmi_event_listener_required(vmi_instance_t vmi, bool required) NOEXCEPT;

/** The event registered for a register (not MSR_ANY), or NULL. */
VMI_API vmi_event_t *vmi_get_reg_event(vmi_instance_t vmi, reg_t reg) NOEXCEPT;

/**
 * The generic event with exactly this access mask, else the one on this frame (of several views,
 * the lowest), else NULL.
 */
VMI_API vmi_event_t *vmi_get_mem_event(vmi_instance_t vmi, addr_t gfn,
                                       vmi_mem_access_t access) NOEXCEPT;

/** The event that covers this vCPU, or NULL. */
VMI_API vmi_event_t *vmi_get_singlestep_event(vmi_instance_t vmi, uint32_t vcpu) NOEXCEPT;

/**
 * Restricts one frame in one view without an event of its own; VMI_MEMACCESS_N lifts it. Anything
 * else needs a generic memory event that shares a bit with `access`. Effective at once, in
 * callbacks too.
 */
VMI_API status_t vmi_set_mem_event(vmi_instance_t vmi, addr_t gfn, vmi_mem_access_t access,
                                   uint16_t vmm_pagetable_id) NOEXCEPT;

/** The same for the frames from `gfn_start` up to, but not including, `gfn_end`. */
VMI_API status_t vmi_set_mem_event_range(vmi_instance_t vmi, addr_t gfn_start, addr_t gfn_end,
                                         vmi_mem_access_t access,
                                         uint16_t vmm_pagetable_id) NOEXCEPT;

/**
 * Single-steps a vCPU for `steps` instructions (at least 1), then calls `cb` with `event`, or, if
 * that is NULL, registers `event` again. The event must have been cleared before, normally in the
 * same callback: its trap is away while this vCPU steps. Several may be under way on one vCPU.
 * Fails for a vCPU that the guest does not have, and when the program steps that vCPU by an event
 * of its own.
 */
VMI_API status_t vmi_step_event(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu_id,
                                uint64_t steps, event_callback_t cb) NOEXCEPT;

/** Takes the vCPU out of the event and stops stepping it. Prefer vmi_toggle_single_step_vcpu. */
VMI_API status_t vmi_stop_single_step_vcpu(vmi_instance_t vmi, vmi_event_t *event,
                                           uint32_t vcpu) NOEXCEPT;

/**
 * true: adds the vCPU to the event, and starts stepping if `ss_event.enable` is set; nothing
 * happens if it is there already. false: takes it out, VMI_FAILURE if it was not there. Not in a
 * callback, which returns TOGGLE_SINGLESTEP instead. Pause the guest and listen until nothing is
 * pending before.
 */
VMI_API status_t vmi_toggle_single_step_vcpu(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu,
                                             bool enabled) NOEXCEPT;

/** Stops all stepping and forgets all single-step events. */
VMI_API status_t vmi_shutdown_single_step(vmi_instance_t vmi) NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* LIBVMI_EVENTS_H */

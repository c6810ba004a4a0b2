/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Software breakpoints in a guest, on its event monitor: any number, removed safely, safe with
 * several vCPUs.
 *
 * A breakpoint is an INT3 (0xcc) at a guest-physical address, so code that several processes share
 * hits for all of them. How much the guest can see of it depends on the hypervisor:
 *
 * BREAK_VIEW     The byte is in a copy of the frame that only execution sees: a second view, in
 *                which all vCPUs run, has the copy, execute-only; a read or write goes to the
 *                guest's own frame by one step in the ordinary view. Invisible.
 * BREAK_MEMORY   The byte is in the guest's frame; reads of the frame are answered with the
 *                original bytes. Invisible to the guest's reads, not to other VMs' or devices'.
 * BREAK_VISIBLE  The byte is in the guest's frame and the guest can read it (AMD).
 *
 * BREAK_VIEW and BREAK_MEMORY have run over a made-up hypervisor only
 * (tests/unit/test_breakpoint.c).
 *
 * The instruction under the byte is never put back to be executed, as no other vCPU must run past
 * it meanwhile: one without an effect is stepped over, others are executed by the hypervisor's
 * emulator. A guest's own INT3s reach the guest.
 */
#ifndef TINYVMI_EVENT_BREAKPOINT_H
#define TINYVMI_EVENT_BREAKPOINT_H

#include "event/monitor.h"

struct breakpoints;
struct break_place;

enum break_method { BREAK_VISIBLE, BREAK_MEMORY, BREAK_VIEW };

enum { BREAK_INSN = 16 }; /* bytes: the longest instruction has 15 */

struct breakpoint {
    uint64_t gpa;             /* guest-physical address of the instruction */
    uint8_t insn[BREAK_INSN]; /* the guest's bytes there, as execution sees them (they may go on in
                                 another frame) */
    uint8_t insn_size;        /* how many of them are known; at least what is left of the frame */
    /* The guest is at the breakpoint. Breakpoints may be added and removed here, this one, too. */
    void (*hit)(struct breakpoints *b, struct breakpoint *p, const struct event_request *request);
    void *data;

    struct breakpoint *next; /* the rest is the manager's */
    struct break_place *place;
    uint64_t turn;
};

struct break_statistics {
    uint64_t hits;
    uint64_t stepped_over, emulated; /* how the instruction was done */
    uint64_t reads, writes;          /* of frames with breakpoints, by the guest */
};

/*
 * `hidden`: use a way that hides the bytes when the hypervisor has one; false: BREAK_VISIBLE.
 * ST_UNSUPPORTED when INT3 cannot be trapped here.
 */
MUST_USE int breakpoints_open(struct monitor *m, bool hidden, struct breakpoints **ret);
/* All bytes are the guest's again. Not in a hit. NULL is allowed. */
void breakpoints_close(struct breakpoints *b);

struct monitor *breakpoints_monitor(const struct breakpoints *b);
enum break_method breakpoints_method(const struct breakpoints *b);
const struct break_statistics *breakpoints_statistics(const struct breakpoints *b);

/* The structure stays the caller's, and in its place, until removed. The guest may run. */
MUST_USE int breakpoint_add(struct breakpoints *b, struct breakpoint *p);
void breakpoint_remove(struct breakpoints *b, struct breakpoint *p);

/* Length of an instruction that does nothing (NOP in its forms, ENDBR), 0 for any other. */
unsigned break_nop_length(const uint8_t *insn, size_t n);

#endif

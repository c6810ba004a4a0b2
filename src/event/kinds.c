/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/event.h"

const char *event_kind_name(enum event_kind kind)
{
    static const char *const names[EVENT_KINDS] = {
        [EVENT_MEMORY] = "memory",
        [EVENT_CR] = "control-register",
        [EVENT_MSR] = "MSR",
        [EVENT_BREAKPOINT] = "breakpoint",
        [EVENT_STEP] = "single-step",
        [EVENT_GUEST_REQUEST] = "guest-request",
        [EVENT_DEBUG] = "debug-exception",
        [EVENT_CPUID] = "CPUID",
        [EVENT_PRIVILEGED_CALL] = "privileged-call",
        [EVENT_INTERRUPT] = "next-interrupt",
        [EVENT_DESCRIPTOR] = "descriptor-table",
        [EVENT_EMULATION] = "failed-emulation",
        [EVENT_VMEXIT] = "VM-exit",
        [EVENT_IO] = "port",
    };
    return (unsigned)kind < EVENT_KINDS ? names[kind] : "?";
}

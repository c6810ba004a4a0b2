/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A breakpoint on a kernel function that never leaves memory: at each hit the hypervisor executes
 * the instruction that the breakpoint hides.
 *
 *   breakpoint-emulate-example NAME SYMBOL OPCODE_SIZE [SOCKET]
 *
 * OPCODE_SIZE: the length of the symbol's first instruction in bytes, 1 to 15.
 */
#include "example.h"

enum { LONGEST = 15 };
static const uint8_t breakpoint = 0xcc;

struct state {
    addr_t address, pa;
    emul_insn_t insn;
    uint8_t length;
};

static event_response_t on_int3(vmi_instance_t vmi, vmi_event_t *event)
{
    struct state *s = (struct state *)event->data;
    interrupt_event_t *e = &event->interrupt_event;
    (void)vmi;
    printf("Int 3 happened: GFN=%" PRIx64 " RIP=%" PRIx64 " Length: %u\n", (uint64_t)e->gfn,
           (uint64_t)e->gla, e->insn_length);
    if (e->gla != s->address) { /* the guest's own */
        if (!e->insn_length)
            e->insn_length = 1;
        e->reinject = 1;
        return VMI_EVENT_RESPONSE_NONE;
    }
    e->reinject = 0;
    event->emul_insn =
        &s->insn; /* shares its place with the registers: not to be used after this */
    return VMI_EVENT_RESPONSE_SET_EMUL_INSN;
}

/* The instruction is saved; what the emulator might read behind it are NOPs. */
static bool save(vmi_instance_t vmi, struct state *s, const char *symbol)
{
    memset(s->insn.data, 0x90, sizeof s->insn.data);
    s->insn.dont_free = 1;
    if (vmi_translate_ksym2v(vmi, symbol, &s->address) != VMI_SUCCESS ||
        vmi_translate_kv2p(vmi, s->address, &s->pa) != VMI_SUCCESS ||
        vmi_read_va(vmi, s->address, 0, s->length, s->insn.data, NULL) != VMI_SUCCESS)
        return false;
    printf("Symbol %s: 0x%" PRIx64 ", physical 0x%" PRIx64 ", opcode", symbol, (uint64_t)s->address,
           (uint64_t)s->pa);
    for (unsigned i = 0; i < s->length; i++)
        printf(" %02x", s->insn.data[i]);
    printf("\n");
    return true;
}

static bool put(vmi_instance_t vmi, const struct state *s, uint8_t byte)
{
    return vmi_write_8_pa(vmi, s->pa, &byte) == VMI_SUCCESS;
}

int main(int argc, char **argv)
{
    struct state s = {0};
    vmi_event_t event = {0};
    uint64_t length;
    if (argc < 4 || argc > 5 || !parse_number(argv[3], 0, &length) || !length || length > LONGEST) {
        fprintf(stderr, "usage: breakpoint-emulate-example NAME SYMBOL OPCODE_SIZE [SOCKET]\n");
        return 1;
    }
    struct guest g = {.name = argv[1], .socket = argv[4]};
    s.length = (uint8_t)length;
    vmi_instance_t vmi = guest_open(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    bool good = false, set = false;
    stop_on_signals();
    SETUP_INTERRUPT_EVENT(&event, on_int3);
    event.data = &s;
    vmi_pause_vm(vmi);
    if (!save(vmi, &s, argv[2]))
        fprintf(stderr, "%s cannot be found or read.\n", argv[2]);
    else if (vmi_register_event(vmi, &event) != VMI_SUCCESS)
        fprintf(stderr, "The INT3 event cannot be registered.\n");
    else
        good = set = put(vmi, &s, breakpoint);
    vmi_resume_vm(vmi);
    good = good && listen_until_stopped(vmi);
    vmi_pause_vm(vmi);
    if (set && !put(vmi, &s, s.insn.data[0])) /* first, so that none is hit any more */
        good = false;
    drain_events(vmi);
    vmi_clear_event(vmi, &event, NULL);
    vmi_resume_vm(vmi);
    vmi_destroy(vmi);
    return good ? 0 : 1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Follows one process, the one that vCPU 0 runs at the start: while it is on a vCPU, each
 * instruction that is executed in the page where it was found is printed.
 *
 *   step-event-example NAME [SOCKET]
 *
 * Memory events need Intel's EPT.
 */
#include "example.h"

struct state {
    vmi_event_t cr3, mem;
    addr_t dtb; /* of the process */
    enum {
        OFF,
        ON,
        LEAVING,  /* is being taken back: the structure is still in use */
        STEPPING, /* taken back for one instruction */
    } watch;
    bool wanted; /* the process is running */
};

static struct state *state_of(vmi_event_t *event)
{
    return (struct state *)event->data;
}

static void start(vmi_instance_t vmi, struct state *s)
{
    if (vmi_register_event(vmi, &s->mem) == VMI_SUCCESS)
        s->watch = ON;
    else
        s->watch = OFF;
}

static event_response_t on_stepped(vmi_instance_t vmi, vmi_event_t *event)
{
    struct state *s = state_of(event);
    s->watch = OFF;
    if (s->wanted)
        start(vmi, s);
    return VMI_EVENT_RESPONSE_NONE;
}

static event_response_t on_execute(vmi_instance_t vmi, vmi_event_t *event)
{
    struct state *s = state_of(event);
    const mem_access_event_t *e = &event->mem_event;
    printf("Executing: vCPU %u GLA 0x%" PRIx64 " GFN 0x%" PRIx64 " offset 0x%" PRIx64
           " access %u\n",
           event->vcpu_id, (uint64_t)e->gla, (uint64_t)e->gfn, (uint64_t)e->offset, e->out_access);
    if (s->watch != ON) /* on its way out, for a switch of processes */
        return VMI_EVENT_RESPONSE_NONE;
    vmi_clear_event(vmi, event, NULL);
    if (vmi_step_event(vmi, event, event->vcpu_id, 1, on_stepped) == VMI_SUCCESS)
        s->watch = STEPPING;
    else
        s->watch = OFF;
    return VMI_EVENT_RESPONSE_NONE;
}

static void left(vmi_event_t *event, status_t rc)
{
    (void)rc;
    state_of(event)->watch = OFF;
}

static event_response_t on_cr3(vmi_instance_t vmi, vmi_event_t *event)
{
    struct state *s = state_of(event);
    /* the low bits are the PCID; bit 12 tells the two halves of a pair of tables (KPTI) */
    s->wanted = (event->reg_event.value & ~0x1fffULL) == (s->dtb & ~0x1fffULL);
    if (s->wanted && s->watch == OFF) {
        start(vmi, s);
    } else if (!s->wanted && s->watch == ON) {
        s->watch = LEAVING;
        if (vmi_clear_event(vmi, &s->mem, left) != VMI_SUCCESS)
            s->watch = ON;
    }
    return VMI_EVENT_RESPONSE_NONE;
}

/* The process and the page that vCPU 0 is in. */
static bool find_process(vmi_instance_t vmi, struct state *s)
{
    uint64_t cr3, rip;
    vmi_pid_t pid = 0;
    addr_t pa;
    if (vmi_get_vcpureg(vmi, &cr3, CR3, 0) != VMI_SUCCESS ||
        vmi_get_vcpureg(vmi, &rip, RIP, 0) != VMI_SUCCESS)
        return false;
    if (vmi_dtb_to_pid(vmi, cr3, &pid) != VMI_SUCCESS)
        pid = 0;
    if ((pid == 0 || vmi_translate_uv2p(vmi, rip, pid, &pa) != VMI_SUCCESS) &&
        vmi_translate_kv2p(vmi, rip, &pa) != VMI_SUCCESS)
        return false;
    s->dtb = cr3;
    printf("Process %d, RIP 0x%" PRIx64 ", frame 0x%" PRIx64 "\n", (int)pid, rip,
           (uint64_t)(pa >> 12));
    SETUP_MEM_EVENT(&s->mem, pa >> 12, VMI_MEMACCESS_X, on_execute, false);
    s->mem.data = s;
    return true;
}

int main(int argc, char **argv)
{
    struct state s = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: step-event-example NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_open(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    bool good = false;
    stop_on_signals();
    SETUP_REG_EVENT(&s.cr3, CR3, VMI_REGACCESS_W, 0, on_cr3);
    s.cr3.data = &s;
    vmi_pause_vm(vmi);
    if (!find_process(vmi, &s))
        fprintf(stderr, "Where vCPU 0 is cannot be found.\n");
    else if (vmi_register_event(vmi, &s.cr3) != VMI_SUCCESS)
        fprintf(stderr, "The CR3 event cannot be registered.\n");
    else
        good = true;
    vmi_resume_vm(vmi);
    good = good && listen_until_stopped(vmi);
    vmi_pause_vm(vmi);
    drain_events(vmi);
    vmi_clear_event(vmi, &s.cr3, NULL);
    if (s.watch == ON)
        vmi_clear_event(vmi, &s.mem, NULL);
    vmi_resume_vm(vmi);
    vmi_destroy(vmi); /* a step that is under way ends here */
    return good ? 0 : 1;
}

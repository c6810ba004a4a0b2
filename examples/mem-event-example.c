/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints each instruction that is executed in the page where vCPU 0 is now.
 *
 *   mem-event-example NAME [SOCKET]
 *
 * The page may not be executed; at each violation it may, for one step, and then not again. Another
 * vCPU that runs through it in the meantime is not seen.
 */
#include "example.h"

/* Both callbacks need the frame. */
struct state {
    addr_t gfn;
};

static event_response_t on_step(vmi_instance_t vmi, vmi_event_t *event)
{
    const struct state *s = (const struct state *)event->data;
    if (vmi_set_mem_event(vmi, s->gfn, VMI_MEMACCESS_X, 0) != VMI_SUCCESS)
        fprintf(stderr, "The page cannot be watched any more.\n");
    return VMI_EVENT_RESPONSE_TOGGLE_SINGLESTEP;
}

static event_response_t on_access(vmi_instance_t vmi, vmi_event_t *event)
{
    const mem_access_event_t *e = &event->mem_event;
    printf("mem_event: at GFN 0x%" PRIx64 ", access %c%c%c, RIP 0x%" PRIx64 "\n", (uint64_t)e->gfn,
           e->out_access & VMI_MEMACCESS_R ? 'r' : '-', e->out_access & VMI_MEMACCESS_W ? 'w' : '-',
           e->out_access & VMI_MEMACCESS_X ? 'x' : '-', (uint64_t)event->x86_regs->rip);
    vmi_set_mem_event(vmi, e->gfn, VMI_MEMACCESS_N, 0);
    return VMI_EVENT_RESPONSE_TOGGLE_SINGLESTEP;
}

/* The frame that vCPU 0 is executing. */
static bool find_frame(vmi_instance_t vmi, struct state *s)
{
    uint64_t rip, cr3;
    addr_t pa;
    if (vmi_get_vcpureg(vmi, &rip, RIP, 0) != VMI_SUCCESS ||
        vmi_get_vcpureg(vmi, &cr3, CR3, 0) != VMI_SUCCESS ||
        vmi_pagetable_lookup(vmi, cr3, rip, &pa) != VMI_SUCCESS)
        return false;
    s->gfn = pa >> 12;
    printf("Watching frame 0x%" PRIx64 " (RIP 0x%" PRIx64 ")\n", (uint64_t)s->gfn, rip);
    return true;
}

static bool watch(vmi_instance_t vmi, struct state *s, vmi_event_t *mem, vmi_event_t *step)
{
    unsigned vcpus = vmi_get_num_vcpus(vmi);
    if (!vcpus || vcpus > MAX_SINGLESTEP_VCPUS)
        return false;
    SETUP_MEM_EVENT(mem, ~0ULL, VMI_MEMACCESS_X, on_access, true);
    SETUP_SINGLESTEP_EVENT(step, (uint32_t)VMI_BIT_MASK(0, vcpus - 1), on_step, 0);
    mem->data = s;
    step->data = s;
    return vmi_register_event(vmi, step) == VMI_SUCCESS &&
           vmi_register_event(vmi, mem) == VMI_SUCCESS &&
           vmi_set_mem_event(vmi, s->gfn, VMI_MEMACCESS_X, 0) == VMI_SUCCESS;
}

int main(int argc, char **argv)
{
    struct state s = {0};
    vmi_event_t mem = {0}, step = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: mem-event-example NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_init(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    stop_on_signals();
    bool good = false;
    vmi_pause_vm(vmi);
    if (vmi_init_paging(vmi, 0) == VMI_PM_UNKNOWN || !find_frame(vmi, &s))
        fprintf(stderr, "Where vCPU 0 is cannot be found.\n");
    else if (!watch(vmi, &s, &mem, &step))
        fprintf(stderr, "The page cannot be watched: memory events need Intel's EPT.\n");
    else
        good = true;
    vmi_resume_vm(vmi);
    good = good && listen_until_stopped(vmi);
    vmi_pause_vm(vmi);
    drain_events(vmi);
    vmi_set_mem_event(vmi, s.gfn, VMI_MEMACCESS_N, 0);
    vmi_clear_event(vmi, &step, NULL);
    vmi_clear_event(vmi, &mem, NULL);
    vmi_resume_vm(vmi);
    vmi_destroy(vmi);
    return good ? 0 : 1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows: takes NtLoadDriver out of the table of system calls, and shows the original to whoever
 * reads it (as PatchGuard does).
 *
 *   fool-patchguard NAME [SOCKET]
 *
 * Memory events need Intel's EPT. Needs a configuration entry with the kernel's profile.
 */
#include "example.h"

enum { MAX_CALLS = 1024, PAGE = 4096 };

struct state {
    addr_t entry; /* address in the kernel */
    addr_t gfn;
    uint64_t original; /* 4 bytes of it on 64-bit guests, too: there entries are offsets */
    emul_read_t read;
};

/* The entry of the table that leads to `function`; its index, or -1. */
static int find_call(vmi_instance_t vmi, addr_t table, addr_t function)
{
    bool offsets = vmi_get_address_width(vmi) == 8;
    for (int i = 0; i < MAX_CALLS; i++) {
        uint32_t v;
        if (vmi_read_32_va(vmi, table + (addr_t)i * 4, 0, &v) != VMI_SUCCESS)
            return -1;
        /* since Vista x64: (offset from the table) << 4 | arguments on the stack */
        addr_t target = offsets ? table + (addr_t)(int64_t)((int32_t)v >> 4) : v;
        if (target == function)
            return i;
    }
    return -1;
}

/* Reads show what was there; writes go through, and the entry stays ours as long as nobody writes
 * it. */
static event_response_t on_access(vmi_instance_t vmi, vmi_event_t *event)
{
    struct state *s = (struct state *)event->data;
    const mem_access_event_t *e = &event->mem_event;
    addr_t at = (s->gfn << 12) + e->offset, entry = (s->gfn << 12) + s->entry % PAGE;
    size_t n = PAGE - e->offset % PAGE, done = 0;
    printf("%s of the table at offset 0x%" PRIx64 ", RIP 0x%" PRIx64 "\n",
           e->out_access & VMI_MEMACCESS_W ? "Write" : "Read", (uint64_t)e->offset,
           (uint64_t)event->x86_regs->rip);
    if (n > sizeof s->read.data)
        n = sizeof s->read.data;
    if (vmi_read_pa(vmi, at, n, s->read.data, &done) != VMI_SUCCESS)
        return VMI_EVENT_RESPONSE_EMULATE;
    for (unsigned i = 0; i < 4; i++) /* bytes of the entry that lie in this window */
        if (entry + i >= at && entry + i < at + n)
            s->read.data[entry + i - at] = (uint8_t)(s->original >> i * 8);
    s->read.size = (uint32_t)n;
    s->read.dont_free = 1;
    event->emul_read = &s->read; /* shares its place with the registers */
    return VMI_EVENT_RESPONSE_SET_EMUL_READ_DATA;
}

static bool find_entry(vmi_instance_t vmi, struct state *s)
{
    addr_t table, function, pa;
    uint32_t v;
    if (vmi_translate_ksym2v(vmi, "KiServiceTable", &table) != VMI_SUCCESS ||
        vmi_translate_ksym2v(vmi, "NtLoadDriver", &function) != VMI_SUCCESS)
        return false;
    int i = find_call(vmi, table, function);
    if (i < 0)
        return false;
    s->entry = table + (addr_t)i * 4;
    if (vmi_read_32_va(vmi, s->entry, 0, &v) != VMI_SUCCESS ||
        vmi_translate_kv2p(vmi, s->entry, &pa) != VMI_SUCCESS)
        return false;
    s->original = v;
    s->gfn = pa >> 12;
    printf("NtLoadDriver is system call %d, entry 0x%" PRIx64 " = 0x%x\n", i, (uint64_t)s->entry,
           v);
    return true;
}

static bool put(vmi_instance_t vmi, const struct state *s, uint32_t value)
{
    return vmi_write_32_va(vmi, s->entry, 0, &value) == VMI_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct state s;
    vmi_event_t event = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: fool-patchguard NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_open(&g, VMI_INIT_EVENTS);
    if (!vmi)
        return 1;
    bool good = false, set = false;
    stop_on_signals();
    vmi_pause_vm(vmi);
    if (!find_entry(vmi, &s)) {
        fprintf(stderr, "The entry of NtLoadDriver cannot be found.\n");
    } else {
        /* EPT cannot refuse reads alone */
        SETUP_MEM_EVENT(&event, s.gfn, VMI_MEMACCESS_RW, on_access, false);
        event.data = &s;
        if (vmi_register_event(vmi, &event) != VMI_SUCCESS)
            fprintf(stderr, "The table cannot be watched.\n");
        else
            good = set = put(vmi, &s, 0);
    }
    vmi_resume_vm(vmi);
    good = good && listen_until_stopped(vmi);
    vmi_pause_vm(vmi);
    drain_events(vmi);
    if (set && !put(vmi, &s, (uint32_t)s.original))
        good = false;
    vmi_clear_event(vmi, &event, NULL);
    vmi_resume_vm(vmi);
    vmi_destroy(vmi);
    return good ? 0 : 1;
}

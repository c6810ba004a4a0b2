/* SPDX-License-Identifier: BSD-2-Clause */
/* Who reads, writes or executes a piece of memory. */
#include "stream.h"
#include "verbs.h"

#include <libvmi/events.h>
#include <stdlib.h>
#include <string.h>

enum { TIME, VCPU, PID, TID, COMM, ACCESS, ADDRESS, PHYSICAL, BY_RIP, SYMBOL, CR3_VALUE };

static const struct column columns[] = {
    [TIME] = {"TIME", "time", "seconds since the watch began", COLUMN_RIGHT},
    [VCPU] = {"CPU", "vcpu", "the vCPU", COLUMN_RIGHT},
    [PID] = {"PID", "pid", "process; null: not known", COLUMN_RIGHT},
    [TID] = {NULL, "tid", "thread", 0},
    [COMM] = {"COMM", "comm", "its name", 0},
    [ACCESS] = {"ACCESS", "access", "r, w, x: what was tried", 0},
    [ADDRESS] = {"ADDRESS", "address", "virtual address; null: not known", 0},
    [PHYSICAL] = {NULL, "physical", "guest-physical address", 0},
    [BY_RIP] = {NULL, "rip", "the instruction that did it", 0},
    [SYMBOL] = {"BY", "by", "the function that it is in", 0},
    [CR3_VALUE] = {NULL, "cr3", "page table", 0},
    {0},
};

enum { MAX_FRAMES = 16, FRAME = 4096, MAX_INSTRUCTION = 64 };

struct touch {
    uint64_t time_ns, gla, gpa, rip, cr3;
    struct vmi_process process;
    bool known, gla_valid;
    uint8_t access;
    uint32_t vcpu;
};

struct watched {
    vmi_event_t event;
    uint64_t first, end; /* guest-physical bytes of interest */
    struct memwatch *owner;
};

struct memwatch {
    struct stream s;
    struct watched frame[MAX_FRAMES];
    unsigned frames;
    uint8_t access;
    uint64_t beside; /* accesses to the same frames that are of no interest */
};

static event_response_t on_access(vmi_instance_t vmi, vmi_event_t *event)
{
    struct watched *f = event->data;
    struct memwatch *w = f->owner;
    const mem_access_event_t *m = &event->mem_event;
    uint64_t gpa = m->gfn * FRAME + m->offset;
    /* an access begins before what it touches: the widest has 64 bytes */
    if (gpa >= f->end || gpa + MAX_INSTRUCTION <= f->first) {
        w->beside++;
        return VMI_EVENT_RESPONSE_EMULATE;
    }
    struct touch *t = stream_record(&w->s);
    if (t) {
        bool user = event->x86_regs->cs_sel & 3;
        *t = (struct touch){.time_ns = host_now_ns(),
                            .gla = m->gla,
                            .gla_valid = m->gla_valid,
                            .gpa = gpa,
                            .rip = event->x86_regs->rip,
                            .cr3 = event->x86_regs->cr3,
                            .access = m->out_access,
                            .vcpu = event->vcpu_id};
        t->known =
            vmi_process_on_cpu(vmi, user ? event->x86_regs->shadow_gs : event->x86_regs->gs_base,
                               &t->process) == VMI_SUCCESS;
    }
    return VMI_EVENT_RESPONSE_EMULATE;
}

static void put(struct stream *stream, const void *record)
{
    const struct touch *t = record;
    struct listing *l = &stream->l;
    struct str by = {0};
    char access[4] = "";
    snprintf(access, sizeof access, "%s%s%s", t->access & VMI_MEMACCESS_R ? "r" : "",
             t->access & VMI_MEMACCESS_W ? "w" : "", t->access & VMI_MEMACCESS_X ? "x" : "");
    cell_seconds(l, TIME, stream_since(stream, t->time_ns));
    cell_u64(l, VCPU, t->vcpu);
    if (t->known) {
        cell_i64(l, PID, t->process.pid);
        cell_i64(l, TID, t->process.tid);
        cell_guest(l, COMM, t->process.comm);
    }
    cell_own(l, ACCESS, access);
    if (t->gla_valid)
        cell_address(l, ADDRESS, t->gla);
    cell_address(l, PHYSICAL, t->gpa);
    cell_address(l, BY_RIP, t->rip);
    cell_address(l, CR3_VALUE, t->cr3);
    str_symbol(stream->run, &by, t->rip);
    if (!by.p || !by.p[0])
        str_fmt(&by, "%#llx", (unsigned long long)t->rip);
    cell_guest(l, SYMBOL, by.p);
    row_end(l);
    str_free(&by);
}

/* Traps the frames of [va, va+size). */
static int trap(struct memwatch *w, vmi_pid_t pid, uint64_t va, uint64_t size)
{
    struct run *run = w->s.run;
    for (uint64_t at = va; at < va + size;) {
        uint64_t part = FRAME - at % FRAME;
        struct watched *f = &w->frame[w->frames];
        addr_t pa = 0;
        part = part < va + size - at ? part : va + size - at;
        if ((pid ? vmi_translate_uv2p(run->vmi, at, pid, &pa)
                 : vmi_translate_kv2p(run->vmi, at, &pa)) != VMI_SUCCESS) {
            guest_error(run, "the memory is not there");
            return EXIT_NO;
        }
        *f = (struct watched){.first = pa, .end = pa + part, .owner = w};
        f->event.data = f;
        SETUP_MEM_EVENT(&f->event, pa / FRAME, w->access, on_access, 0);
        if (vmi_register_event(run->vmi, &f->event) != VMI_SUCCESS) {
            guest_error(run, "cannot watch this memory");
            return EXIT_TARGET;
        }
        w->frames++;
        at += part;
    }
    return EXIT_WELL;
}

static int access_of(struct run *run, uint8_t *ret)
{
    const char *text = opt(run, "access");
    *ret = VMI_MEMACCESS_RW;
    if (!text)
        return EXIT_WELL;
    *ret = VMI_MEMACCESS_INVALID;
    for (const char *p = text; *p; p++) {
        if (!strchr("rwx", *p))
            return usage_error(run, "--access %s: the letters are r, w and x", text);
        *ret |= *p == 'r' ? VMI_MEMACCESS_RW : *p == 'w' ? VMI_MEMACCESS_W : VMI_MEMACCESS_X;
    }
    return EXIT_WELL;
}

static int run(struct run *run)
{
    struct memwatch *w = memory_grow(NULL, 1, sizeof *w);
    memset(w, 0, sizeof *w);
    vmi_pid_t pid = 0;
    uint64_t va = 0, size = 8;
    int code = opt_pid(run, "pid", &pid);
    if (!code && !(code = opt_size(run, "size", &size)))
        code = access_of(run, &w->access);
    if (!code && (!size || size > (MAX_FRAMES - 1) * FRAME))
        code = usage_error(run, "--size is 1 to %d", (MAX_FRAMES - 1) * FRAME);
    w->s.put = put;
    w->s.data = w;
    if (!code && !(code = stream_open(&w->s, run, sizeof(struct touch), columns))) {
        w->s.l.width[TIME] = 10;
        w->s.l.width[PID] = 6;
        w->s.l.width[COMM] = 16;
        w->s.l.width[ADDRESS] = 18;
        code = address_parse(run, operand(run, 1), true, &va);
        if (!code)
            code = trap(w, pid, va, size);
        if (!code)
            code = stream_listen(&w->s);
        for (unsigned i = 0; i < w->frames; i++)
            (void)vmi_clear_event(run->vmi, &w->frame[i].event, NULL);
        code = stream_close(&w->s, code);
    }
    free(w);
    return code;
}

const struct verb verb_watchmem = {
    .name = "watchmem",
    .purpose = "who reads, writes or executes a piece of a running guest's memory",
    .operands = (const struct operand[]){TARGET_OPERAND,
                                         {"ADDRESS", "symbol, symbol+offset or address", 0},
                                         {0}},
    .options =
        (const struct option_row[]){{"size", 'S', "BYTES", "how much (default: 8)", 0, NULL},
                                    {"access", 'a', "rwx", "which accesses (default: rw)", 0, NULL},
                                    {"pid", 'p', "PID", "an address of this process", 0, NULL},
                                    STREAM_OPTIONS,
                                    {0}},
    .about =
        (const char *const[]){
            "Takes the rights from the frames that hold the bytes; each access to them stops its "
            "vCPU, is emulated, and shown if it touches the bytes. Accesses elsewhere in the same "
            "4 KiB cost as much: watch what is rarely used.",
            "Needs a Xen guest (HVM or PVH) on an Intel processor: AMD's tables offer no such "
            "events. Intel's cannot refuse reads alone, so r watches writes, too.",
            NULL},
    .columns = columns,
    .examples = (const struct example[]){{"tinyvmi watchmem xen:web modprobe_path --size 16 -a w",
                                          "who changes the kernel's helper program"},
                                         {0}},
    .see_also = "break trace v2p",
    .flags = VERB_TARGET,
    .run = run,
};

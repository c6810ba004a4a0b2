/* SPDX-License-Identifier: BSD-2-Clause */
/* Breakpoints on functions of a running guest. */
#include "stream.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

enum {
    TIME,
    VCPU,
    PID,
    TID,
    COMM,
    SYMBOL,
    ADDRESS,
    A0,
    A1,
    A2,
    A3,
    MODE,
    CR3_VALUE,
    REGISTERS,
    STACK
};

static const struct column columns[] = {
    [TIME] = {"TIME", "time", "seconds since the breakpoints were set", COLUMN_RIGHT},
    [VCPU] = {"CPU", "vcpu", "the vCPU", COLUMN_RIGHT},
    [PID] = {"PID", "pid", "process that runs on it; null: not known", COLUMN_RIGHT},
    [TID] = {NULL, "tid", "its thread", 0},
    [COMM] = {"COMM", "comm", "the thread's name", 0},
    [SYMBOL] = {"FUNCTION", "symbol", "what the breakpoint is on", 0},
    [ADDRESS] = {NULL, "address", "its address", 0},
    [A0] = {"RDI", "rdi", "first argument of a function", COLUMN_RIGHT},
    [A1] = {"RSI", "rsi", "second", COLUMN_RIGHT},
    [A2] = {"RDX", "rdx", "third", COLUMN_RIGHT},
    [A3] = {"RCX", "rcx", "fourth", COLUMN_RIGHT},
    [MODE] = {NULL, "user", "true: in user mode", 0},
    [CR3_VALUE] = {NULL, "cr3", "page table", 0},
    [REGISTERS] = {NULL, "registers", "all general registers, as text", 0},
    [STACK] = {NULL, "stack", "with --stack: array of the functions that called it, newest first",
               0},
    {0},
};

enum { MAX_POINTS = 256, DEPTH = 24, FRAME_TEXT = 96 };

struct hit {
    struct vmi_hit hit;
    struct vmi_process process;
    bool known;
    unsigned point, frames;
    uint64_t frame[DEPTH];
};

struct point {
    const char *name;
    addr_t address;
    vmi_breakpoint_t b;
    struct breaks *owner;
};

struct breaks {
    struct stream s;
    struct point point[MAX_POINTS];
    unsigned points;
    bool stack, registers;
    vmi_pid_t pid;
};

/* ---- while the vCPU waits: only what cannot be asked later ---- */

static int keep_frame(const struct vmi_frame *f, void *data)
{
    struct hit *h = data;
    if (h->frames == DEPTH)
        return 1;
    h->frame[h->frames++] = f->exact ? f->ip : f->ip - 1;
    return 0;
}

static int on_hit(vmi_instance_t vmi, const struct vmi_hit *hit, void *data)
{
    struct point *p = data;
    struct breaks *b = p->owner;
    struct hit *h = stream_record(&b->s);
    if (!h)
        return 0;
    *h = (struct hit){.hit = *hit, .point = (unsigned)(p - b->point)};
    h->known = vmi_process_on_cpu(vmi, hit->percpu, &h->process) == VMI_SUCCESS;
    if (b->stack && !hit->user) {
        struct vmi_frame from = {.ip = hit->rip, .sp = hit->gpr[4], .bp = hit->gpr[5]};
        (void)vmi_each_frame_from(vmi, &from, keep_frame, h, NULL);
    }
    return 0;
}

/* ---- between two looks at the guest ---- */

/* `ip` is the last byte of the call: its function may end there. Shown as the kernel does, with the
 * return address. */
static void frame_text(struct breaks *b, uint64_t ip, char *buf, size_t size)
{
    struct vmi_symbol s;
    uint64_t offset;
    if (vmi_symbol_by_address(b->s.run->vmi, ip, &s, &offset) == VMI_SUCCESS)
        snprintf(buf, size, "%.60s+%#llx%s%.24s%s", s.name, (unsigned long long)offset + 1,
                 s.module[0] ? " [" : "", s.module, s.module[0] ? "]" : "");
    else
        snprintf(buf, size, "%#llx", (unsigned long long)ip + 1);
}

static void put_registers(struct str *s, const struct vmi_hit *h)
{
    static const char *const name[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    for (unsigned i = 0; i < 16; i++)
        str_fmt(s, "%s%s=%#llx", i ? " " : "", name[i], (unsigned long long)h->gpr[i]);
    str_fmt(s, " rflags=%#llx", (unsigned long long)h->rflags);
}

static void put(struct stream *stream, const void *record)
{
    struct breaks *b = stream->data;
    const struct hit *h = record;
    struct listing *l = &stream->l;
    struct str regs = {0}, stack = {0};
    char text[FRAME_TEXT];
    static const unsigned argument[] = {7, 6, 2, 1}; /* rdi rsi rdx rcx */
    cell_seconds(l, TIME, stream_since(stream, h->hit.time_ns));
    cell_u64(l, VCPU, h->hit.vcpu);
    if (h->known) {
        cell_i64(l, PID, h->process.pid);
        cell_i64(l, TID, h->process.tid);
        cell_guest(l, COMM, h->process.comm);
    }
    cell_own(l, SYMBOL, b->point[h->point].name);
    cell_address(l, ADDRESS, h->hit.address);
    for (unsigned i = 0; i < 4; i++)
        cell_address(l, A0 + i, h->hit.gpr[argument[i]]);
    cell_bool(l, MODE, h->hit.user);
    cell_address(l, CR3_VALUE, h->hit.cr3);
    put_registers(&regs, &h->hit);
    cell_own(l, REGISTERS, regs.p);
    for (unsigned i = 1; i < h->frames; i++) {
        frame_text(b, h->frame[i], text, sizeof text);
        str_fmt(&stack, "%s\n", text);
    }
    if (b->stack)
        cell_list(l, STACK, stack.p ? stack.p : "");
    row_end(l);
    if (!stream->run->json) {
        FILE *f = stream->run->out.f;
        listing_settle(l);
        if (b->registers)
            fprintf(f, "        %s\n", regs.p);
        for (unsigned i = 1; i < h->frames; i++) {
            struct str visible = {0};
            frame_text(b, h->frame[i], text, sizeof text);
            str_guest(&visible, text, strlen(text), 0);
            fprintf(f, "        %2u  %s\n", i, visible.p);
            str_free(&visible);
        }
    }
    str_free(&regs);
    str_free(&stack);
}

static int set_all(struct breaks *b)
{
    struct run *run = b->s.run;
    for (unsigned i = 0; i < b->points; i++) {
        struct point *p = &b->point[i];
        int code = address_parse(run, p->name, true, &p->address);
        if (code)
            return code;
        if (vmi_breakpoint_set(run->vmi, b->pid, p->address, on_hit, p, &p->b) != VMI_SUCCESS) {
            guest_error(run, "cannot set the breakpoint");
            return EXIT_TARGET;
        }
    }
    if (run->out.terminal)
        fprintf(stderr, "%u breakpoint%s set, %s; Ctrl-C ends\n", b->points,
                b->points == 1 ? "" : "s", vmi_breakpoint_method(run->vmi));
    return EXIT_WELL;
}

static int run(struct run *run)
{
    struct breaks *b = memory_grow(NULL, 1, sizeof *b);
    memset(b, 0, sizeof *b);
    int code = opt_pid(run, "pid", &b->pid);
    for (unsigned i = 1; operand(run, i) && !code; i++) {
        if (b->points == MAX_POINTS)
            code = usage_error(run, "more than %d breakpoints", (int)MAX_POINTS);
        else
            b->point[b->points++] = (struct point){.name = operand(run, i), .owner = b};
    }
    b->stack = opt(run, "stack");
    b->registers = opt(run, "registers");
    b->s.put = put;
    b->s.data = b;
    if (!code && !(code = stream_open(&b->s, run, sizeof(struct hit), columns))) {
        b->s.l.width[TIME] = 10;
        b->s.l.width[PID] = 6;
        b->s.l.width[COMM] = 16;
        code = set_all(b);
        if (!code)
            code = stream_listen(&b->s);
        for (unsigned i = 0; i < b->points; i++)
            (void)vmi_breakpoint_clear(run->vmi, b->point[i].b);
        code = stream_close(&b->s, code);
    }
    free(b);
    return code;
}

const struct verb verb_break = {
    .name = "break",
    .purpose = "who calls a function of a running guest, with what, from where",
    .operands =
        (const struct operand[]){
            TARGET_OPERAND, {"FUNCTION", "symbol, symbol+offset or address", OPERAND_MANY}, {0}},
    .options =
        (const struct option_row[]){
            {"stack", 's', NULL, "show the functions that called it", 0, NULL},
            {"registers", 'r', NULL, "show all general registers", 0, NULL},
            {"pid", 'p', "PID", "an address of this process; only its hits are shown", 0, NULL},
            STREAM_OPTIONS,
            {0}},
    .about =
        (const char *const[]){
            "Sets a breakpoint on each function and shows every time that a vCPU comes there: "
            "the process, the first four arguments, and with --stack the calls that led there. "
            "The guest waits only while the hit is written down, and goes on.",
            "Needs a Xen guest (HVM or PVH). Where the hypervisor has second views (Intel, altp2m "
            "in the guest's configuration) the guest cannot see the breakpoint; elsewhere it "
            "could by reading its own code. When the program ends, in whatever way, the guest's "
            "code is as it was.",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){
            {"tinyvmi break xen:web do_sys_openat2", "each file that is opened"},
            {"tinyvmi break xen:web --stack -n 1 tcp_v4_connect", "who connects, and from where"},
            {0}},
    .see_also = "trace watchmem symbols stack",
    .flags = VERB_TARGET,
    .run = run,
};

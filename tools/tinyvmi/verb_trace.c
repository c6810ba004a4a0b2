/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes as they are scheduled (writes to CR3), or system calls (a breakpoint at their entry).
 */
#include "arguments.h"
#include "stream.h"
#include "verbs.h"

#include <libvmi/events.h>
#include <stdlib.h>
#include <string.h>

enum { TIME, VCPU, PID, TID, COMM, EVENT, CALL, NR, ARGUMENTS, CR3_VALUE };

static const struct column columns[] = {
    [TIME] = {"TIME", "time", "seconds since the trace began", COLUMN_RIGHT},
    [VCPU] = {"CPU", "vcpu", "the vCPU", COLUMN_RIGHT},
    [PID] = {"PID", "pid", "process; null: not known", COLUMN_RIGHT},
    [TID] = {NULL, "tid", "thread", 0},
    [COMM] = {"COMM", "comm", "its name", 0},
    [EVENT] = {NULL, "event", "run: the process gets the CPU; syscall", 0},
    [CALL] = {NULL, "call", "syscall: its name", 0},
    [NR] = {NULL, "nr", "syscall: its number", 0},
    [ARGUMENTS] = {"EVENT", "arguments", "syscall: its arguments, decoded", 0},
    [CR3_VALUE] = {NULL, "cr3", "run: the page table that is loaded", 0},
    {0},
};

enum { ROOTS = 256, CALLS = 1024 };

struct happening {
    uint64_t time_ns, cr3;
    struct vmi_process process;
    bool known, call;
    uint32_t vcpu, nr;
    char text[ARGUMENTS_TEXT];
};

struct trace {
    struct stream s;
    bool calls;
    const char *only; /* names of system calls, commas between; NULL: all */
    vmi_pid_t pid;    /* 0: all */
    vmi_event_t cr3;
    vmi_breakpoint_t entry;
    struct vmi_process root[ROOTS];  /* who had this page table the last time: a hint */
    struct vmi_syscall *call[CALLS]; /* what the kernel said of each, once */
    bool wanted[CALLS];
};

static bool is_wanted(const struct trace *t, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = t->only; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (!strncmp(p, name, n) && (p[n] == ',' || !p[n]))
            return true;
    }
    return !t->only;
}

/* ---- while the vCPU waits ---- */

static event_response_t on_cr3(vmi_instance_t vmi, vmi_event_t *event)
{
    struct trace *t = event->data;
    uint64_t root = event->reg_event.value;
    struct vmi_process *hint = &t->root[(root >> 12) % ROOTS], p;
    bool known = vmi_process_by_dtb(vmi, root, hint->object ? hint : NULL, &p) == VMI_SUCCESS;
    if (known)
        *hint = p;
    if (t->pid && (!known || p.pid != t->pid))
        return VMI_EVENT_RESPONSE_NONE;
    struct happening *h = stream_record(&t->s);
    if (h) {
        *h = (struct happening){
            .time_ns = host_now_ns(), .cr3 = root, .known = known, .vcpu = event->vcpu_id};
        if (known)
            h->process = p;
    }
    return VMI_EVENT_RESPONSE_NONE;
}

static const struct vmi_syscall *describe(struct trace *t, uint32_t nr)
{
    if (nr >= CALLS)
        return NULL;
    if (!t->call[nr]) {
        struct vmi_syscall *s = t->call[nr] = memory_grow(NULL, 1, sizeof *s);
        if (vmi_syscall_by_number(t->s.run->vmi, nr, s) != VMI_SUCCESS) {
            *s = (struct vmi_syscall){.nr = nr, .args = 6};
            snprintf(s->name, sizeof s->name, "syscall_%u", nr);
        }
        t->wanted[nr] = is_wanted(t, s->name);
    }
    return t->wanted[nr] ? t->call[nr] : NULL;
}

static int on_call(vmi_instance_t vmi, const struct vmi_hit *hit, void *data)
{
    struct trace *t = data;
    uint64_t argument[6];
    uint32_t nr;
    struct vmi_process p;
    if (vmi_syscall_entry(vmi, hit->gpr[7], hit->gpr[6], &nr, argument) != VMI_SUCCESS)
        return 0;
    bool known = vmi_process_on_cpu(vmi, hit->percpu, &p) == VMI_SUCCESS;
    if (t->pid && (!known || p.pid != t->pid))
        return 0;
    const struct vmi_syscall *s = describe(t, nr);
    if (!s && nr < CALLS)
        return 0;
    struct happening *h = stream_record(&t->s);
    if (!h)
        return 0;
    *h = (struct happening){.time_ns = hit->time_ns,
                            .cr3 = hit->cr3,
                            .known = known,
                            .call = true,
                            .vcpu = hit->vcpu,
                            .nr = nr};
    if (known)
        h->process = p;
    if (s) /* now: texts and structures may be gone when the call has ended */
        arguments_text(vmi, s, argument, hit->cr3, h->text, sizeof h->text);
    return 0;
}

/* ---- between two looks at the guest ---- */

static void put(struct stream *stream, const void *record)
{
    struct trace *t = stream->data;
    const struct happening *h = record;
    const struct vmi_kernel *kernel = vmi_kernel_info(stream->run->vmi);
    struct listing *l = &stream->l;
    struct str text = {0};
    cell_seconds(l, TIME, stream_since(stream, h->time_ns));
    cell_u64(l, VCPU, h->vcpu);
    if (h->known) {
        cell_i64(l, PID, h->process.pid);
        cell_i64(l, TID, h->process.tid);
        cell_guest(l, COMM, h->process.comm);
    }
    cell_own(l, EVENT, h->call ? "syscall" : "run");
    if (h->call) {
        const struct vmi_syscall *s = h->nr < CALLS ? t->call[h->nr] : NULL;
        cell_u64(l, NR, h->nr);
        if (s)
            cell_guest(l, CALL, s->name);
        str_fmt(&text, "%s(", s ? s->name : "?");
        cell_guest(l, ARGUMENTS, h->text)->before = text.p;
        l->cell[ARGUMENTS].after = ")";
    } else {
        cell_address(l, CR3_VALUE, h->cr3);
        bool own = !h->known && kernel && (h->cr3 & ~0x1fffull) == kernel->root;
        str_fmt(&text, "%s page table %#llx",
                h->known ? "runs,"
                : own    ? "the kernel's own"
                         : "no process has the",
                (unsigned long long)h->cr3);
        if (!stream->run->json)
            cell_own(l, ARGUMENTS, text.p);
    }
    row_end(l);
    str_free(&text);
}

static int start_processes(struct trace *t)
{
    t->cr3 = (vmi_event_t){.data = t};
    SETUP_REG_EVENT(&t->cr3, CR3, VMI_REGACCESS_W, 0, on_cr3);
    if (vmi_register_event(t->s.run->vmi, &t->cr3) == VMI_SUCCESS)
        return EXIT_WELL;
    guest_error(t->s.run, "cannot trap the scheduling of processes");
    return EXIT_TARGET;
}

static int start_calls(struct trace *t)
{
    struct run *run = t->s.run;
    struct vmi_symbol s;
    if (vmi_symbol_by_name(run->vmi, "", "do_syscall_64", &s) != VMI_SUCCESS) {
        guest_error(run, "cannot find where system calls enter this kernel");
        return EXIT_KERNEL;
    }
    if (vmi_breakpoint_set(run->vmi, 0, s.address, on_call, t, &t->entry) != VMI_SUCCESS) {
        guest_error(run, "cannot set a breakpoint on do_syscall_64");
        return EXIT_TARGET;
    }
    if (run->out.terminal)
        fprintf(stderr, "one breakpoint, on do_syscall_64, %s; Ctrl-C ends\n",
                vmi_breakpoint_method(run->vmi));
    return EXIT_WELL;
}

static int run(struct run *run)
{
    struct trace *t = memory_grow(NULL, 1, sizeof *t);
    memset(t, 0, sizeof *t);
    t->only = opt(run, "only");
    t->calls = opt(run, "syscalls") || t->only;
    t->s.put = put;
    t->s.data = t;
    int code = opt_pid(run, "pid", &t->pid);
    if (!code && !(code = stream_open(&t->s, run, sizeof(struct happening), columns))) {
        t->s.l.width[TIME] = 10;
        t->s.l.width[PID] = 6;
        t->s.l.width[COMM] = 16;
        code = t->calls ? start_calls(t) : start_processes(t);
        if (!code) {
            code = stream_listen(&t->s);
            if (t->calls)
                (void)vmi_breakpoint_clear(run->vmi, t->entry);
            else
                (void)vmi_clear_event(run->vmi, &t->cr3, NULL);
        }
        code = stream_close(&t->s, code);
    }
    for (unsigned i = 0; i < CALLS; i++)
        free(t->call[i]);
    free(t);
    return code;
}

const struct verb verb_trace = {
    .name = "trace",
    .purpose = "what a running guest does: processes as they are scheduled, or system calls",
    .operands = (const struct operand[]){TARGET_OPERAND, {0}},
    .options =
        (const struct option_row[]){
            {"syscalls", 's', NULL, "system calls, with their arguments", 0, NULL},
            {"only", 'o', "NAMES", "these system calls alone: openat,execve", 0, NULL},
            {"pid", 'p', "PID", "this process alone", 0, NULL},
            STREAM_OPTIONS,
            {0}},
    .about =
        (const char *const[]){
            "Without options: a row each time that a vCPU loads another page table, with the "
            "process that it belongs to.",
            "With --syscalls: a row each time that a system call enters the kernel (64-bit calls; "
            "a breakpoint on do_syscall_64). Names and parameters are what the guest's kernel "
            "itself says of them; texts and small structures are read from the process' memory "
            "and laid out by the kernel's own types. What is not in memory is shown as its "
            "address.",
            "Needs a Xen guest (HVM or PVH). Rows that come faster than they can be written wait "
            "in a buffer; what does not fit is counted and told at the end (exit code 5).",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){
            {"tinyvmi trace xen:web --for 5s", "who runs"},
            {"tinyvmi trace xen:web --only openat,execve,connect", "files, programs, connections"},
            {"tinyvmi trace xen:web -s -p 812 --json | jq -r .call | sort | uniq -c",
             "which system calls process 812 makes, and how often"},
            {0}},
    .see_also = "break watchmem watch ps",
    .flags = VERB_TARGET,
    .run = run,
};

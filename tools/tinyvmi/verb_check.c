/* SPDX-License-Identifier: BSD-2-Clause */
#include <unistd.h>

#include "verbs.h"

#include <string.h>

enum { SEVERITY, CHECK, TEXT, ADDRESS, PID };

static const struct column columns[] = {
    [SEVERITY] = {NULL, "severity", "ok, note, warning, alert", 0},
    [CHECK] = {NULL, "check",
               "tasks, modules, syscalls, idt, ftrace, kprobes; Windows: processes, ids, handles, "
               "drivers, syscalls, idt",
               0},
    [TEXT] = {NULL, "text", "what was found", 0},
    [ADDRESS] = {NULL, "address", "of the thing; null: there is none", 0},
    [PID] = {NULL, "pid", "null: it is not about a process", 0},
    {0},
};

struct checks {
    bool waiting; /* a word on stderr waits for the first answer */
    struct run *run;
    struct listing l;
    unsigned seen[4];
};

static const struct {
    const char *name, *mark, *ascii;
    enum colour colour;
} severities[] = {
    [VMI_SEVERITY_OK] = {"ok", "✓", "ok", GREEN},
    [VMI_SEVERITY_NOTE] = {"note", "·", "-", DIM},
    [VMI_SEVERITY_WARNING] = {"warning", "!", "!", YELLOW},
    [VMI_SEVERITY_ALERT] = {"alert", "✗", "!!", RED},
};

/* Does the text name the task already: "task 812 (sshd) is ...", "process 812 ..."? */
static bool tells_pid(const char *text, int pid)
{
    static const char *const words[] = {"task", "process"};
    char name[32];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = (size_t)snprintf(name, sizeof name, "%s %d", words[i], pid);
        for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
            if (at[n] < '0' || at[n] > '9')
                return true;
    }
    return false;
}

/* "✓  tasks     all 92 tasks ...", wrapped: a finding is not cut. */
static void put_text(struct checks *c, const struct vmi_finding *f, enum vmi_severity s)
{
    struct out *o = &c->run->out;
    struct str text = {0}, wrapped = {0};
    enum { INDENT = 14 };
    str_guest(&text, f->text, strlen(f->text), 0);
    if (f->address) {
        struct str name = {0};
        str_symbol(c->run, &name, f->address);
        str_fmt(&text, " (at 0x%llx%s%s)", (unsigned long long)f->address, name.n ? ", " : "",
                name.n ? name.p : "");
        str_free(&name);
    }
    if (f->pid && !tells_pid(f->text, f->pid))
        str_fmt(&text, " [pid %d]", f->pid);
    str_wrap(&wrapped, text.p ? text.p : "", INDENT, o->terminal && o->width ? o->width : SIZE_MAX);
    const char *mark = o->utf8 ? severities[s].mark : severities[s].ascii;
    fprintf(o->f, "%s%s%s%*s%-10s %s", colour_on(o, severities[s].colour), mark,
            colour_off(o, severities[s].colour), 3 - (int)text_columns(mark, strlen(mark)), "",
            f->check, wrapped.n > INDENT ? wrapped.p + INDENT : "\n");
    str_free(&text);
    str_free(&wrapped);
}

static void answered(struct checks *c)
{
    if (c->waiting)
        fputs("\r\033[K", stderr);
    c->waiting = false;
}

static int put(const struct vmi_finding *f, void *data)
{
    struct checks *c = data;
    answered(c);
    enum vmi_severity s = f->severity > VMI_SEVERITY_ALERT ? VMI_SEVERITY_ALERT : f->severity;
    c->seen[s]++;
    if (!c->run->json) {
        put_text(c, f, s);
        return 0;
    }
    cell_own(&c->l, SEVERITY, severities[s].name);
    cell_guest(&c->l, CHECK, f->check);
    cell_guest(&c->l, TEXT, f->text);
    if (f->address)
        cell_address(&c->l, ADDRESS, f->address);
    if (f->pid)
        cell_i64(&c->l, PID, f->pid);
    row_end(&c->l);
    return 0;
}

static int run(struct run *run)
{
    struct vmi_outcome o = {0};
    struct checks c = {.run = run};
    run_listing(run, &c.l);
    /* the library gives no steps: say at least what takes the time; the first answer takes its
     * place */
    if (isatty(STDERR_FILENO)) {
        fputs("looking through the guest's memory ...", stderr);
        c.waiting = true;
    }
    status_t status = vmi_check(run->vmi, put, &c, &o);
    answered(&c);
    listing_end(&c.l);
    unsigned found = c.seen[VMI_SEVERITY_WARNING] + c.seen[VMI_SEVERITY_ALERT];
    if (status == VMI_SUCCESS && !run->json)
        fprintf(run->out.f, "\n%u agreed, %u warning%s, %u alert%s, %u not answered\n",
                c.seen[VMI_SEVERITY_OK], c.seen[VMI_SEVERITY_WARNING],
                c.seen[VMI_SEVERITY_WARNING] == 1 ? "" : "s", c.seen[VMI_SEVERITY_ALERT],
                c.seen[VMI_SEVERITY_ALERT] == 1 ? "" : "s", c.seen[VMI_SEVERITY_NOTE]);
    int code = outcome_code(run, status, &o, "cannot check");
    if (code == EXIT_WELL && c.seen[VMI_SEVERITY_OK] == 0 && !found && c.seen[VMI_SEVERITY_NOTE]) {
        complain(NULL, "no check could be answered for this kernel");
        code = EXIT_PARTIAL;
    }
    /* What was found weighs more than what is missing. */
    return found ? EXIT_NO : code;
}

const struct verb verb_check = {
    .name = "check",
    .purpose = "what does not agree: hidden tasks and modules, patched tables, hooks",
    .operands = (const struct operand[]){TARGET_OPERAND, {0}},
    .about =
        (const char *const[]){
            "Compares what the kernel tells in several places: tasks by list, by process id and by "
            "scanning memory; modules by list, by sysfs and by the tree of their addresses; the "
            "entries of the system call table and the interrupt table with the kernel's text; "
            "ftrace and kprobe hooks. Windows: processes by list, by scanning the kernel's memory, "
            "by the kernel's table of ids and by csrss' handles; the addresses in driver objects, "
            "in "
            "the system call table and in the interrupt tables with the images that are loaded. "
            "A running guest changes while it is read: look again before you believe a warning.",
            NULL},
    .columns = columns,
    .examples = (const struct example[]){{"tinyvmi check qemu:web1 && echo fine",
                                          "for scripts: exit code 1 when "
                                          "something does not agree"},
                                         {0}},
    .says_no = "something does not agree: a warning or an alert",
    .see_also = "ps modules symbols",
    .flags = VERB_KERNEL,
    .run = run,
};

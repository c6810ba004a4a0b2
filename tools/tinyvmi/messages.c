/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told when something went wrong, and the exit code that goes with it. */
#include "cmd.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct exit_code exit_codes[] = {
    {EXIT_WELL, "all is well"},
    {EXIT_NO, "the answer is no: not found, not mapped, or check found something"},
    {EXIT_USAGE, "wrong usage"},
    {EXIT_TARGET, "the target cannot be opened, or is gone"},
    {EXIT_KERNEL, "no kernel was found in it, or this cannot be answered for its kernel"},
    {EXIT_PARTIAL, "the answer is partial: what was printed is valid, something is missing"},
    {EXIT_HOST, "the host failed: output could not be written, out of memory"},
    {EXIT_INTERRUPTED, "interrupted"},
    {0, NULL},
};

static void line(const char *before, const char *text)
{
    struct str s = {0};
    str_guest(&s, text, strlen(text), 0);
    fprintf(stderr, "%s%s\n", before, s.p ? s.p : "");
    str_free(&s);
}

static void complain_v(const char *hint, const char *fmt, va_list ap)
{
    char text[1024];
    vsnprintf(text, sizeof text, fmt, ap);
    fflush(stdout); /* what was printed before the failure comes first */
    line("tinyvmi: ", text);
    if (hint)
        line("  hint: ", hint);
}

void complain(const char *hint, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    complain_v(hint, fmt, ap);
    va_end(ap);
}

int usage_error(const struct run *run, const char *fmt, ...)
{
    char hint[96];
    va_list ap;
    va_start(ap, fmt);
    if (run && run->verb)
        snprintf(hint, sizeof hint, "'tinyvmi %s --help' shows the usage", run->verb->name);
    else
        snprintf(hint, sizeof hint, "'tinyvmi --help' lists the verbs");
    complain_v(hint, fmt, ap);
    va_end(ap);
    return EXIT_USAGE;
}

static int code_of(enum vmi_error_kind kind)
{
    switch (kind) {
    case VMI_ERROR_ABSENT:
        return EXIT_NO;
    case VMI_ERROR_INVALID:
        return EXIT_USAGE;
    case VMI_ERROR_DENIED:
    case VMI_ERROR_BUSY:
    case VMI_ERROR_IO:
        return EXIT_TARGET;
    case VMI_ERROR_NO_MEMORY:
        return EXIT_HOST;
    case VMI_ERROR_LIMIT:
        return EXIT_PARTIAL;
    default:
        return EXIT_KERNEL;
    }
}

int guest_error(const struct run *run, const char *what)
{
    const struct vmi_error *e = vmi_last_error(run->vmi);
    const char *hint = NULL;
    if (e->kind == VMI_ERROR_UNSUPPORTED)
        hint = "'tinyvmi info' shows what is known about this kernel; --profile FILE adds what it "
               "does not carry itself";
    complain(hint, "%s%s%s", what ? what : "", what ? ": " : "",
             e->text[0] ? e->text : "no reason was given");
    return code_of(e->kind);
}

/* ---- opening --------------------------------------------------------------------------------- */

static const char *target_hint(enum vmi_error_kind kind, const char *target)
{
    switch (kind) {
    case VMI_ERROR_DENIED:
        return "run it as root, or as the user who owns the file or runs the virtual machine";
    case VMI_ERROR_BUSY:
        return "close what holds it (a second QMP client, a debugger), or give QEMU another -qmp "
               "socket";
    case VMI_ERROR_BROKEN:
    case VMI_ERROR_UNSUPPORTED:
        if (strncmp(target, "xen:", 4) == 0)
            return "in dom0, 'tinyvmi list' shows the domains";
        return "--format FORMAT forces the format of a memory file";
    default:
        return strchr(target, ':') ? "'tinyvmi list' shows the virtual machines on this machine"
                                   : "a target is the path of a memory file or 'qemu:NAME' or "
                                     "'xen:NAME'; see 'tinyvmi list'";
    }
}

static uint64_t open_flags(const struct run *run)
{
    static const struct {
        const char *name;
        uint64_t flag;
    } row[] = {
        {"no-vmcoreinfo", VMI_OPEN_NO_VMCOREINFO}, {"no-btf", VMI_OPEN_NO_BTF},
        {"no-kallsyms", VMI_OPEN_NO_KALLSYMS},     {"no-qmp", VMI_OPEN_NO_QMP},
        {"no-registers", VMI_OPEN_NO_REGISTERS},
    };
    uint64_t flags = 0;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (opt(run, row[i].name))
            flags |= row[i].flag;
    return flags;
}

int target_open(struct run *run, uint64_t flags)
{
    struct vmi_open_options o = {.flags = flags | open_flags(run),
                                 .profile = opt(run, "profile"),
                                 .format = opt(run, "format"),
                                 .config = opt(run, "config")};
    if (vmi_open(&run->vmi, run->target, &o) == VMI_SUCCESS)
        return EXIT_WELL;
    struct vmi_error why = *vmi_last_error(NULL);
    if (!(flags & VMI_OPEN_MEMORY_ONLY)) {
        /* Is it the memory that cannot be opened, or the kernel that is not found in it? */
        vmi_instance_t memory = NULL;
        o.flags |= VMI_OPEN_MEMORY_ONLY;
        if (vmi_open(&memory, run->target, &o) == VMI_SUCCESS) {
            vmi_destroy(memory);
            complain(run->verb->flags & VERB_TARGET
                         ? "--profile FILE helps with a kernel that carries no symbols"
                         : "'tinyvmi info' shows the memory; 'read --phys' and 'dump' need no "
                           "kernel; --profile FILE "
                           "helps with a kernel that carries no symbols",
                     "%s", why.text);
            return EXIT_KERNEL;
        }
    }
    complain(target_hint(why.kind, run->target), "%s", why.text);
    return EXIT_TARGET;
}

/* ---- listings -------------------------------------------------------------------------------- */

void run_listing(struct run *run, struct listing *l)
{
    listing_start(l, &run->out, run->json ? LISTING_JSON : LISTING_TABLE, !opt(run, "no-headings"),
                  run->verb->columns);
}

void note_flags(struct run *run, uint32_t flags)
{
    if (flags & VMI_RECORD_PARTIAL)
        run->partial_rows = true;
}

int outcome_code(struct run *run, status_t status, const struct vmi_outcome *o, const char *what)
{
    if (status != VMI_SUCCESS)
        return guest_error(run, what);
    if (o->partial) {
        complain(NULL, "the list is not complete: %s",
                 o->reason[0] ? o->reason : "no reason was given");
        return EXIT_PARTIAL;
    }
    if (run->partial_rows) {
        complain(NULL, "some fields could not be read; they are empty or 0");
        return EXIT_PARTIAL;
    }
    return EXIT_WELL;
}

int process_listing(struct run *run, struct listing *l, vmi_pid_t *ret)
{
    int code = operand_pid(run, 1, ret);
    if (code)
        return code;
    if (*ret == 0) {
        complain("'tinyvmi ps TARGET' lists them", "there is no process 0");
        return EXIT_NO;
    }
    run_listing(run, l);
    return EXIT_WELL;
}

int process_listing_end(struct run *run, struct listing *l, status_t status,
                        const struct vmi_outcome *o, vmi_pid_t pid, const char *what)
{
    struct vmi_process p;
    char failed[64];
    snprintf(failed, sizeof failed, "cannot list the %s", what);
    int code = run_listing_end(run, l, status, o, failed);
    if (code == EXIT_WELL && o->count == 0 && vmi_get_process(run->vmi, pid, &p) == VMI_SUCCESS &&
        (p.flags & VMI_PROCESS_KERNEL))
        fprintf(stderr, "tinyvmi: %d is a kernel thread: it has no %s\n", pid, what);
    return code;
}

int run_listing_end(struct run *run, struct listing *l, status_t status,
                    const struct vmi_outcome *o, const char *what)
{
    listing_end(l);
    return outcome_code(run, status, o, what);
}

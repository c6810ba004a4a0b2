/* SPDX-License-Identifier: BSD-2-Clause */
/* What a rootkit hides, and hooks: vmi_check must tell. On the dump as it is it must have nothing
 * to tell. */
#include "hostile.h"

/* What to look for among the findings. */
struct wanted {
    const char *check;
    int32_t pid;         /* 0: any */
    const char *text[2]; /* parts of the text; NULL: any */
    enum vmi_severity least;
    bool found;
    unsigned alarms; /* findings beyond a note */
    char first[320]; /* the first of them */
};

static int on_finding(const struct vmi_finding *f, void *data)
{
    struct wanted *w = data;
    if (f->severity > VMI_SEVERITY_NOTE && !w->alarms++)
        snprintf(w->first, sizeof w->first, "%s: %s", f->check, f->text);
    if (f->severity >= w->least && !strcmp(f->check, w->check) && (!w->pid || f->pid == w->pid) &&
        (!w->text[0] || strstr(f->text, w->text[0])) &&
        (!w->text[1] || strstr(f->text, w->text[1])))
        w->found = true;
    return 0;
}

static void must_tell(vmi_instance_t vmi, const struct forgery *f, struct wanted w)
{
    double began = now();
    if (vmi_check(vmi, on_finding, &w, NULL) != VMI_SUCCESS)
        say_fail(f->name, "vmi_check failed: %s", vmi_last_error(vmi)->text);
    if (now() - began > limit)
        say_fail(f->name, "vmi_check took %.1f s", now() - began);
    if (!w.found)
        say_fail(f->name, "no such finding; the first of %u: %s", w.alarms, w.first);
    say_ok(f->name);
}

static void untouched(vmi_instance_t vmi, const struct forgery *f)
{
    struct wanted w = {.check = "", .least = VMI_SEVERITY_ALERT};
    if (vmi_check(vmi, on_finding, &w, NULL) != VMI_SUCCESS)
        say_fail(f->name, "vmi_check failed: %s", vmi_last_error(vmi)->text);
    if (w.alarms)
        say_fail(f->name, "%u alarms on a dump that nobody touched, the first: %s", w.alarms,
                 w.first);
    for (enum listing i = 0; i < LIST_COUNT; i++) {
        struct answer a;
        list_one(vmi, i, 1, &a);
        if (a.status == VMI_SUCCESS && a.outcome.partial)
            say_fail(f->name, "listing %d of a dump that nobody touched is cut: %s", (int)i,
                     a.outcome.reason);
    }
    say_ok(f->name);
}

/* ---- tasks and modules ---- */

static void unlink_entry(vmi_instance_t vmi, const struct forgery *f, uint64_t node)
{
    uint64_t width = vmi_get_address_width(vmi), next = get(vmi, f, node),
             prev = get(vmi, f, node + width);
    put(vmi, f, prev, next);
    put(vmi, f, next + width, prev);
}

static int is_pid(const struct vmi_process *p, void *data)
{
    int32_t *pid = data;
    if (p->pid != *pid)
        return 0;
    *pid = -1;
    return 1;
}

/* Clears the slot of a pid in the namespace's table: lib/xarray.c; a node's shift tells which bits
 * of the index it uses. */
static void clear_pid(vmi_instance_t vmi, const struct forgery *f, const struct vmi_process *p)
{
    const char *head = has(vmi, "idr", "idr_rt.xa_head") ? "idr_rt.xa_head" : "idr_rt.rnode";
    uint64_t at =
        sym(vmi, f, "init_pid_ns") + off(vmi, f, "pid_namespace", "idr") + off(vmi, f, "idr", head);
    uint64_t width = vmi_get_address_width(vmi), index = (uint64_t)p->pid;
    for (int depth = 0; depth < 6; depth++) {
        uint64_t entry = get(vmi, f, at), node = entry & ~3ULL;
        uint8_t shift = 0;
        if ((entry & 3) != 2)
            break;
        if (vmi_read_va(vmi, node + off(vmi, f, "xa_node", "shift"), 0, 1, &shift, NULL) !=
            VMI_SUCCESS)
            say_fail(f->name, "the test cannot read the table of pids");
        at = node + off(vmi, f, "xa_node", "slots") + (index >> shift & 63) * width;
    }
    if (get(vmi, f, at) != get(vmi, f, p->object + off(vmi, f, "task_struct", "thread_pid")))
        say_fail(f->name, "the test did not find pid %d in its table", p->pid);
    put(vmi, f, at, 0);
}

/* argument: 1 also out of the table of pids */
static void hide_task(vmi_instance_t vmi, const struct forgery *f)
{
    struct vmi_process p = victim(vmi, f);
    int32_t pid = p.pid;
    unlink_entry(vmi, f, p.object + off(vmi, f, "task_struct", "tasks"));
    if (f->argument)
        clear_pid(vmi, f, &p);
    (void)vmi_each_process(vmi, 0, is_pid, &pid, NULL);
    if (pid < 0)
        say_fail(f->name, "pid %d is still listed: the test did not hide it", p.pid);
    must_tell(vmi, f,
              (struct wanted){.check = "tasks",
                              .pid = p.pid,
                              .text = {p.comm, f->argument ? "memory" : NULL},
                              .least = VMI_SEVERITY_ALERT});
}

static void hide_pid_only(vmi_instance_t vmi, const struct forgery *f)
{
    struct vmi_process p = victim(vmi, f);
    clear_pid(vmi, f, &p);
    must_tell(
        vmi, f,
        (struct wanted){
            .check = "tasks", .pid = p.pid, .text = {p.comm, NULL}, .least = VMI_SEVERITY_ALERT});
}

static void hide_module(vmi_instance_t vmi, const struct forgery *f)
{
    struct vmi_module m;
    char name[64];
    uint64_t mod = module_at(vmi, f, 3, &m, name);
    unlink_entry(vmi, f, mod + off(vmi, f, "module", "list"));
    must_tell(
        vmi, f,
        (struct wanted){.check = "modules", .text = {name, NULL}, .least = VMI_SEVERITY_ALERT});
}

static void hide_module_from_sysfs(vmi_instance_t vmi, const struct forgery *f)
{
    struct vmi_module m;
    char name[64];
    uint64_t mod = module_at(vmi, f, 3, &m, name);
    unlink_entry(vmi, f, mod + off(vmi, f, "module", "list"));
    unlink_entry(vmi, f, mod + off(vmi, f, "module", "mkobj.kobj.entry"));
    sym(vmi, f, "mod_tree");
    must_tell(
        vmi, f,
        (struct wanted){.check = "modules", .text = {name, "tree"}, .least = VMI_SEVERITY_ALERT});
}

/* ---- hooks; argument 0: into a module, 1: into memory that is nobody's ---- */

static uint64_t hook(vmi_instance_t vmi, const struct forgery *f, char name[64])
{
    struct vmi_module m;
    module_at(vmi, f, 2, &m, name);
    if (!f->argument)
        return m.base + 0x40;
    snprintf(name, 64, "no module");
    return 0xffffffffdead0000;
}

static void hook_syscall(vmi_instance_t vmi, const struct forgery *f)
{
    char name[64];
    uint64_t at = sym(vmi, f, "sys_call_table") + 59 * vmi_get_address_width(vmi),
             to = hook(vmi, f, name);
    put(vmi, f, at, to);
    must_tell(
        vmi, f,
        (struct wanted){.check = "syscalls", .text = {"[59]", name}, .least = VMI_SEVERITY_ALERT});
}

static void hook_interrupt(vmi_instance_t vmi, const struct forgery *f)
{
    char name[64];
    uint64_t at = sym(vmi, f, "idt_table") + 14 * 16, to = hook(vmi, f, name);
    uint16_t low = (uint16_t)to, mid = (uint16_t)(to >> 16);
    uint32_t high = (uint32_t)(to >> 32);
    put_bytes(vmi, f, at, &low, 2);
    put_bytes(vmi, f, at + 6, &mid, 2);
    put_bytes(vmi, f, at + 8, &high, 4);
    must_tell(
        vmi, f,
        (struct wanted){.check = "idt", .text = {"gate 14 ", name}, .least = VMI_SEVERITY_ALERT});
}

static void hook_ftrace(vmi_instance_t vmi, const struct forgery *f)
{
    char name[64];
    uint64_t ops = room(vmi, f) + 0x100, to = hook(vmi, f, name);
    put(vmi, f, ops + off(vmi, f, "ftrace_ops", "func"), to);
    put(vmi, f, ops + off(vmi, f, "ftrace_ops", "next"), sym(vmi, f, "ftrace_list_end"));
    put(vmi, f, sym(vmi, f, "ftrace_ops_list"), ops);
    must_tell(
        vmi, f,
        (struct wanted){.check = "ftrace", .text = {name, NULL}, .least = VMI_SEVERITY_WARNING});
}

static void hook_kprobe(vmi_instance_t vmi, const struct forgery *f)
{
    char name[64];
    uint64_t probe = room(vmi, f) + 0x400, to = hook(vmi, f, name);
    put(vmi, f, probe + off(vmi, f, "kprobe", "addr"), sym(vmi, f, "schedule"));
    put(vmi, f, probe + off(vmi, f, "kprobe", "pre_handler"), to);
    put(vmi, f, probe + off(vmi, f, "kprobe", "hlist"), 0);
    put(vmi, f, sym(vmi, f, "kprobe_table") + 7 * vmi_get_address_width(vmi),
        probe + off(vmi, f, "kprobe", "hlist"));
    must_tell(vmi, f,
              (struct wanted){
                  .check = "kprobes", .text = {"schedule", name}, .least = VMI_SEVERITY_WARNING});
}

/* A table that ends in the middle, as if nothing followed. */
static void end_table_early(vmi_instance_t vmi, const struct forgery *f)
{
    char name[64];
    uint64_t width = vmi_get_address_width(vmi), at = sym(vmi, f, "sys_call_table");
    struct forgery to_module = *f;
    to_module.argument = 0;
    put(vmi, f, at + 10 * width, 0x1234); /* no kernel pointer: looks like what follows the table */
    put(vmi, f, at + 59 * width, hook(vmi, &to_module, name));
    must_tell(
        vmi, f,
        (struct wanted){.check = "syscalls", .text = {"[59]", name}, .least = VMI_SEVERITY_ALERT});
}

const struct forgery hide_tests[] = {
    {"nothing is told of an untouched dump", untouched, 0, 0},
    {"a task that is off the list is told", hide_task, 0, 0},
    {"a task that is off the list and out of the pid table is told", hide_task, 0, 1},
    {"a task that is out of the pid table alone is told", hide_pid_only, 0, 0},
    {"a module that is off the list is told", hide_module, 0, 0},
    {"a module that is off the list and out of sysfs is told", hide_module_from_sysfs, 0, 0},
    {"a system call into a module is told", hook_syscall, 0, 0},
    {"a system call into nowhere is told", hook_syscall, 0, 1},
    {"a hook behind a false end of the system call table is told", end_table_early, 0, 0},
    {"an interrupt gate into a module is told", hook_interrupt, 0, 0},
    {"an interrupt gate into nowhere is told", hook_interrupt, 0, 1},
    {"a function tracer in a module is told", hook_ftrace, 0, 0},
    {"a function tracer in nowhere is told", hook_ftrace, 0, 1},
    {"a probe handled in a module is told", hook_kprobe, 0, 0},
    {"a probe handled nowhere is told", hook_kprobe, 0, 1},
    {0},
};

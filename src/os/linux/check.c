/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What does not agree: the same thing asked in several places, and pointers that must stay in
 * kernel code. A finding is a reason to look, not a verdict: tracers and live patches hook the
 * kernel, too, and are then named with their module.
 */
#include "os/linux/check.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    MAX_MODULES = 16384,
    MAX_TREE = 1 << 17, /* nodes: since 6.4 up to seven a module */
    MAX_HOOKS = 4096,
    MAX_SEARCH = 1 << 22, /* see lx_module_nearest_within */
};

enum { MAX_FINDINGS = 1000 }; /* of one check: what comes behind them is cut */

void check_report(struct check *c, enum vmi_severity severity, const char *check, uint64_t address,
                  int32_t pid, const char *fmt, ...)
{
    char text[320];
    va_list ap;
    if (c->stopped)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct vmi_finding f = {
        .severity = severity, .check = check, .text = text, .address = address, .pid = pid};
    if (severity > VMI_SEVERITY_NOTE && c->findings++ >= MAX_FINDINGS) {
        outcome_cut(c->o, "more than %d findings of one check", MAX_FINDINGS);
        return;
    }
    c->o->count++;
    c->stopped = c->cb(&f, c->data) != 0;
}

void check_unread(struct check *c, const char *check, uint64_t address, const char *fmt, ...)
{
    char text[192];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    outcome_cut(c->o, "%s", text);
    check_report(c, VMI_SEVERITY_NOTE, check, address, 0, "not all was checked: %s", text);
    c->findings++;
}

void check_done(struct check *c, const char *check, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!c->findings)
        check_report(c, VMI_SEVERITY_OK, check, 0, 0, "%s", text);
    c->findings = 0;
}

/* ---- modules ---- */

static int add_module(const struct vmi_module *m, void *data)
{
    return addr_set_add(data, m->object) != ST_OK;
}

static void name_of(struct linux_view *l, uint64_t mod, char *buf, size_t size)
{
    if (!lx_has(l, L_module_name) ||
        lx_text(l, mod + lx_off(l, L_module_name), buf, MIN_OF(size, (size_t)56)) < ST_ABSENT)
        snprintf(buf, size, "?");
    for (char *p = buf; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
}

/* A module seen in another place than the list. */
static void compare_module(struct check *c, struct addr_set *listed, struct addr_set *found,
                           uint64_t mod, const char *where)
{
    char name[64];
    if (addr_set_has(found, mod)) /* since 6.4 a module has several places in the tree */
        return;
    (void)addr_set_add(found, mod);
    if (addr_set_has(listed, mod))
        return;
    name_of(c->l, mod, name, sizeof name);
    check_report(c, VMI_SEVERITY_ALERT, "modules", mod, 0,
                 "module \"%s\" at %#" PRIx64 " is %s, but not on the module list", name, mod,
                 where);
}

static void missing_modules(struct check *c, const struct addr_set *listed, struct addr_set *found,
                            const char *where)
{
    char name[64];
    for (size_t i = 0; i < listed->nr; i++) {
        if (addr_set_has(found, listed->v[i]))
            continue;
        name_of(c->l, listed->v[i], name, sizeof name);
        check_report(c, VMI_SEVERITY_ALERT, "modules", listed->v[i], 0,
                     "module \"%s\" is on the module list, but not %s", name, where);
    }
}

/* sysfs' set of modules: by its symbol, or as the one that a listed module says it is in. */
static int module_kset(struct linux_view *l, const struct addr_set *listed, uint64_t *ret)
{
    uint64_t at;
    if (lx_symbol(l, "module_kset", &at) == ST_OK)
        return read_ptr(&l->v->kernel, l->v->ptr_size, at, ret);
    return listed->nr ? lx_ptr(l, listed->v[0], L_module_mkobj_kset, ret) : ST_ABSENT;
}

static bool by_kset(struct check *c, struct addr_set *listed, struct addr_set *found)
{
    struct linux_view *l = c->l;
    uint64_t kset, node, mod;
    struct list_walk w;
    if (!lx_has(l, L_kset_list) || !lx_has(l, L_kobject_entry) ||
        !lx_has(l, L_module_kobject_mod) || module_kset(l, listed, &kset) != ST_OK)
        return false;
    list_start(&w, &l->v->kernel, l->v->ptr_size, kset + lx_off(l, L_kset_list), MAX_MODULES);
    while (list_next(&w, c->o, &node) == 1) {
        uint64_t object = node - lx_off(l, L_kobject_entry) - lx_off(l, L_module_kobject_kobj);
        if (lx_ptr(l, object, L_module_kobject_mod, &mod) == ST_OK && mod) /* null: built in */
            compare_module(c, listed, found, mod, "in sysfs");
    }
    return true;
}

struct tree {
    uint64_t
        at[128]; /* nodes still to visit: a red-black tree is not deeper than twice its logarithm */
    unsigned nr, visited;
};

static bool by_tree(struct check *c, struct addr_set *listed, struct addr_set *found)
{
    struct linux_view *l = c->l;
    uint64_t at, root, mod, left, right;
    struct tree t = {.nr = 0};
    if (lx_symbol(l, "mod_tree", &at) != ST_OK || !lx_has(l, L_mod_tree_tree) ||
        !lx_has(l, L_mod_tree_node_mod) || !lx_has(l, L_mod_tree_node_node) ||
        !lx_has(l, L_rb_left) || !lx_has(l, L_rb_right) ||
        read_ptr(&l->v->kernel, l->v->ptr_size, at + lx_off(l, L_mod_tree_tree), &root) != ST_OK)
        return false;
    for (uint64_t node = root; node || t.nr; node = t.nr ? t.at[--t.nr] : 0) {
        if (!node)
            continue;
        if (++t.visited > MAX_TREE || lx_ptr(l, node, L_rb_left, &left) != ST_OK ||
            lx_ptr(l, node, L_rb_right, &right) != ST_OK) {
            outcome_cut(c->o, "the module address tree is damaged at %#" PRIx64, node);
            break;
        }
        uint64_t object = node - lx_off(l, L_mod_tree_node_node);
        if (lx_ptr(l, object, L_mod_tree_node_mod, &mod) == ST_OK && mod)
            compare_module(c, listed, found, mod, "in the module address tree");
        if (t.nr + 2 > ARRAY_LEN(t.at)) {
            outcome_cut(c->o, "the module address tree is deeper than any can be at %#" PRIx64,
                        node);
            break;
        }
        if (left)
            t.at[t.nr++] = left;
        if (right)
            t.at[t.nr++] = right;
    }
    return true;
}

static void check_modules(struct check *c)
{
    struct linux_view *l = c->l;
    struct addr_set listed = {0}, kset = {0}, tree = {0};
    struct vmi_outcome o = {0};
    if (lx_modules(l->v, add_module, &listed, &o) != ST_OK) {
        check_report(c, VMI_SEVERITY_NOTE, "modules", 0, 0, "not checked: %s", l->v->diag->text);
        return;
    }
    if (o.partial)
        check_report(c, VMI_SEVERITY_WARNING, "modules", 0, 0, "the module list is damaged: %s",
                     o.reason);
    bool in_kset = by_kset(c, &listed, &kset), in_tree = by_tree(c, &listed, &tree);
    if (in_kset)
        missing_modules(c, &listed, &kset, "in sysfs");
    else
        check_report(c, VMI_SEVERITY_NOTE, "modules", 0, 0,
                     "not compared with sysfs: no symbol module_kset, or types are missing");
    if (in_tree)
        missing_modules(c, &listed, &tree, "in the module address tree");
    else
        check_report(
            c, VMI_SEVERITY_NOTE, "modules", 0, 0,
            "not compared with the address tree: no symbol mod_tree, or types are missing");
    if (!in_kset && !in_tree) /* compared with nothing: nothing agrees */
        c->findings++;
    check_done(c, "modules", "%zu modules on the list%s%s agree", listed.nr,
               in_kset ? in_tree ? ", in sysfs" : " and in sysfs" : "",
               in_tree ? " and in the address tree" : "");
    addr_set_free(&listed);
    addr_set_free(&kset);
    addr_set_free(&tree);
}

/* ---- pointers into code ---- */

struct text {
    uint64_t start, end;
};

static bool kernel_text(struct linux_view *l, struct text *ret)
{
    return lx_symbol(l, "_stext", &ret->start) == ST_OK &&
           lx_symbol(l, "_etext", &ret->end) == ST_OK && ret->end > ret->start;
}

/* "function+0x10 of module x", "module x", "memory of no module": whose code an address is. */
static const char *whose(struct check *c, uint64_t at, char *buf, size_t size)
{
    struct vmi_symbol s;
    int st = lx_module_nearest_within(c->l->v, at, &c->search_left, &s);
    if (st == ST_LIMIT)
        snprintf(buf, size, "memory of a module not looked for, since there were too many");
    else if (st == ST_OK)
        snprintf(buf, size, "%s+%#" PRIx64 " of module %s", s.name, at - s.address, s.module);
    else
        snprintf(buf, size, "memory of no module");
    return buf;
}

/*
 * Entries of a table of functions, without what pads it: the pointers that it begins with, and all
 * up to the last one that is kernel code, so that a forged entry in the middle does not look like
 * the end.
 */
static uint64_t table_end(struct linux_view *l, const struct vmi_symbol *s, const struct text *t)
{
    uint64_t most = MIN_OF(s->size / l->v->ptr_size, 1024u), first = 0, n = most, f;
    while (first < most &&
           read_ptr(&l->v->kernel, l->v->ptr_size, s->address + first * l->v->ptr_size, &f) ==
               ST_OK &&
           lx_kernel_pointer(l, f & ~7ULL))
        first++;
    while (n > first && (read_ptr(&l->v->kernel, l->v->ptr_size,
                                  s->address + (n - 1) * l->v->ptr_size, &f) != ST_OK ||
                         f - t->start >= t->end - t->start))
        n--;
    return n;
}

static void check_syscalls(struct check *c)
{
    static const char *const tables[] = {"sys_call_table", "ia32_sys_call_table",
                                         "x32_sys_call_table", "compat_sys_call_table"};
    struct linux_view *l = c->l;
    struct text t;
    uint64_t entries = 0, seen = 0;
    if (!kernel_text(l, &t)) {
        check_report(c, VMI_SEVERITY_NOTE, "syscalls", 0, 0,
                     "not checked: no symbols _stext and _etext");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        struct vmi_symbol s;
        if (l->v->symbols.ops->by_name(l->v->symbols.self, tables[i], &s) != ST_OK)
            continue;
        seen++;
        for (uint64_t n = 0, end = table_end(l, &s, &t); n < end && !c->stopped; n++) {
            uint64_t f;
            char owner[192];
            if (read_ptr(&l->v->kernel, l->v->ptr_size, s.address + n * l->v->ptr_size, &f) !=
                ST_OK) {
                check_unread(c, "syscalls", s.address, "%s at %#" PRIx64 " is not all in memory",
                             tables[i], s.address);
                break;
            }
            entries++;
            if (f - t.start >= t.end - t.start)
                check_report(c, VMI_SEVERITY_ALERT, "syscalls", f, 0,
                             "%s[%" PRIu64 "] points outside of kernel text, to %#" PRIx64 ": %s",
                             tables[i], n, f, whose(c, f, owner, sizeof owner));
        }
    }
    uint64_t direct;
    if (seen && lx_symbol(l, "x64_sys_call", &direct) ==
                    ST_OK) /* since 6.9, and in stable kernels: 1e3ad78334a6 */
        check_report(c, VMI_SEVERITY_NOTE, "syscalls", direct, 0,
                     "this kernel dispatches by direct calls in x64_sys_call, not by the table: a "
                     "change of that code is not seen");
    if (!seen)
        check_report(c, VMI_SEVERITY_NOTE, "syscalls", 0, 0,
                     "not checked: no symbol sys_call_table");
    else if (!entries)
        check_unread(c, "syscalls", 0, "the table of system calls cannot be read");
    else
        check_done(c, "syscalls", "%" PRIu64 " entries point into kernel text", entries);
}

static void check_idt(struct check *c)
{
    struct linux_view *l = c->l;
    struct text t, boot = {0};
    uint64_t table, gates = 0;
    struct vmi_symbol early;
    unsigned size = l->v->ptr_size == 8 ? 16 : 8;
    if (l->v->arch != ARCH_X86 && l->v->arch != ARCH_X86_64)
        return;
    if (!kernel_text(l, &t) || lx_symbol(l, "idt_table", &table) != ST_OK) {
        check_report(c, VMI_SEVERITY_NOTE, "idt", 0, 0, "not checked: no symbol idt_table");
        return;
    }
    if (l->v->symbols.ops->by_name(l->v->symbols.self, "early_idt_handler_array", &early) == ST_OK)
        boot = (struct text){early.address, early.address + early.size};
    for (unsigned n = 0; n < 256 && !c->stopped; n++) {
        uint8_t g[16] = {
            0}; /* SDM 3A 6.14.1: offset 15:0, selector, type, offset 31:16, offset 63:32 */
        char owner[192];
        if (aspace_read(&l->v->kernel, GVA(table + n * size), g, size, NULL) != ST_OK) {
            check_unread(c, "idt", table,
                         "the interrupt table at %#" PRIx64 " is not all in memory", table);
            break;
        }
        if (!(g[5] & 0x80) ||
            (g[5] & 0x1f) == 5) /* not present; a task gate (i386's double fault) has no address */
            continue;
        uint64_t f =
            le16(g) | (uint64_t)le16(g + 6) << 16 | (size == 16 ? (uint64_t)le32(g + 8) << 32 : 0);
        gates++;
        /* exceptions that the architecture reserves keep their boot-time handlers
         * (arch/x86/kernel/head_64.S) */
        if (n < 32 && f - boot.start < boot.end - boot.start)
            continue;
        if (f - t.start >= t.end - t.start)
            check_report(c, VMI_SEVERITY_ALERT, "idt", f, 0,
                         "interrupt gate %u points outside of kernel text, to %#" PRIx64 ": %s", n,
                         f, whose(c, f, owner, sizeof owner));
    }
    if (!gates && !c->findings)
        check_unread(c, "idt", table, "the interrupt table at %#" PRIx64 " has no gate", table);
    check_done(c, "idt", "%" PRIu64 " gates point into kernel text", gates);
}

static void check_ftrace(struct check *c)
{
    struct linux_view *l = c->l;
    struct text t;
    uint64_t at, op, next, end, f, n = 0;
    char owner[192];
    if (!kernel_text(l, &t) || lx_symbol(l, "ftrace_ops_list", &at) != ST_OK ||
        lx_symbol(l, "ftrace_list_end", &end) != ST_OK || !lx_has(l, L_ftrace_ops_func) ||
        !lx_has(l, L_ftrace_ops_next)) {
        check_report(c, VMI_SEVERITY_NOTE, "ftrace", 0, 0,
                     "not checked: no symbol ftrace_ops_list, or types are missing");
        return;
    }
    if (read_ptr(&l->v->kernel, l->v->ptr_size, at, &op) != ST_OK) {
        check_unread(c, "ftrace", at, "ftrace_ops_list at %#" PRIx64 " is not in memory", at);
        return;
    }
    for (; op && op != end && n < MAX_HOOKS && !c->stopped; n++) {
        if (lx_ptr(l, op, L_ftrace_ops_func, &f) != ST_OK) {
            check_unread(c, "ftrace", op, "the ftrace list is damaged at %#" PRIx64, op);
            break;
        }
        bool inside = f - t.start < t.end - t.start;
        check_report(c, inside ? VMI_SEVERITY_NOTE : VMI_SEVERITY_WARNING, "ftrace", f, 0,
                     "functions are traced by %#" PRIx64 ": %s", f,
                     inside ? "the kernel's own" : whose(c, f, owner, sizeof owner));
        if (lx_ptr(l, op, L_ftrace_ops_next, &next) != ST_OK || next == op) {
            check_unread(c, "ftrace", op, "the ftrace list is damaged at %#" PRIx64, op);
            break;
        }
        op = next;
    }
    if (n >= MAX_HOOKS)
        check_unread(c, "ftrace", at, "the ftrace list at %#" PRIx64 " is longer than any can be",
                     at);
    check_done(c, "ftrace", "%" PRIu64 " tracers of functions, none outside of the kernel", n);
}

/* One probe on `at`: whose code handles it. */
static void report_probe(struct check *c, const struct text *t, uint64_t probe, uint64_t at)
{
    struct linux_view *l = c->l;
    uint64_t handler = 0, wrapper;
    struct vmi_symbol s = {.name = "?"};
    char owner[192] = "the kernel";
    (void)lx_ptr(l, probe, L_kprobe_pre_handler, &handler);
    /* a return probe's own handler stands behind the kernel's (struct kretprobe begins with its
     * kprobe) */
    if (lx_symbol(l, "pre_handler_kretprobe", &wrapper) == ST_OK && handler == wrapper &&
        lx_has(l, L_kretprobe_handler))
        (void)lx_ptr(l, probe, L_kretprobe_handler, &handler);
    bool inside = !handler || handler - t->start < t->end - t->start;
    if (!inside)
        whose(c, handler, owner, sizeof owner);
    if (at - l->image.va < l->image.size)
        (void)l->v->symbols.ops->by_address(l->v->symbols.self, at, &s);
    else if (lx_module_nearest_within(l->v, at, &c->search_left, &s) != ST_OK)
        s.name = "?";
    check_report(c, inside ? VMI_SEVERITY_NOTE : VMI_SEVERITY_WARNING, "kprobes", at, 0,
                 "a probe on %s (%#" PRIx64 ") is handled by %s", s.name, at, owner);
}

/* A probe of the table; several on one address hang on the list of one that stands for all. */
static void report_probes(struct check *c, const struct text *t, uint64_t probe)
{
    struct linux_view *l = c->l;
    uint64_t at = 0, handler = 0, all, node;
    struct list_walk w;
    (void)lx_ptr(l, probe, L_kprobe_addr, &at);
    (void)lx_ptr(l, probe, L_kprobe_pre_handler, &handler);
    if (lx_symbol(l, "aggr_pre_handler", &all) != ST_OK || handler != all ||
        !lx_has(l, L_kprobe_list)) {
        report_probe(c, t, probe, at);
        return;
    }
    list_start(&w, &l->v->kernel, l->v->ptr_size, probe + lx_off(l, L_kprobe_list), MAX_HOOKS);
    while (!c->stopped && list_next(&w, c->o, &node) == 1)
        report_probe(c, t, node - lx_off(l, L_kprobe_list), at);
}

static void check_kprobes(struct check *c)
{
    enum { BUCKETS = 64 }; /* KPROBE_TABLE_SIZE, kernel/kprobes.c */
    struct linux_view *l = c->l;
    struct text t;
    uint64_t table, node, next, n = 0;
    if (!kernel_text(l, &t) || lx_symbol(l, "kprobe_table", &table) != ST_OK ||
        !lx_has(l, L_kprobe_addr) || !lx_has(l, L_kprobe_hlist)) {
        check_report(c, VMI_SEVERITY_NOTE, "kprobes", 0, 0,
                     "not checked: no symbol kprobe_table, or types are missing");
        return;
    }
    for (unsigned i = 0; i < BUCKETS && !c->stopped; i++) {
        if (read_ptr(&l->v->kernel, l->v->ptr_size, table + i * l->v->ptr_size, &node) != ST_OK) {
            check_unread(c, "kprobes", table,
                         "the table of probes at %#" PRIx64 " is not all in memory", table);
            break;
        }
        while (node && n < MAX_HOOKS && !c->stopped) {
            n++;
            report_probes(c, &t, node - lx_off(l, L_kprobe_hlist));
            if (read_ptr(&l->v->kernel, l->v->ptr_size, node, &next) != ST_OK || next == node) {
                check_unread(c, "kprobes", node, "a chain of probes is damaged at %#" PRIx64, node);
                break;
            }
            node = next;
        }
    }
    if (n >= MAX_HOOKS)
        check_unread(c, "kprobes", table,
                     "the table of probes at %#" PRIx64 " has more than any can have", table);
    check_done(c, "kprobes", "%" PRIu64 " probes, none handled outside of the kernel", n);
}

int lx_check(struct osview *v, vmi_finding_cb cb, void *data, struct vmi_outcome *ret)
{
    static void (*const checks[])(struct check *) = {check_tasks, check_modules, check_syscalls,
                                                     check_idt,   check_ftrace,  check_kprobes};
    struct check c = {.l = lx_of(v), .cb = cb, .data = data, .o = ret, .search_left = MAX_SEARCH};
    for (size_t i = 0; i < ARRAY_LEN(checks) && !c.stopped; i++) {
        c.findings = 0;
        checks[i](&c);
    }
    return ST_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Cycles, lengths and pointers that lie: every listing ends, and says that it was cut. */
#include "hostile.h"

enum { CYCLE, SELF, NIL, UNMAPPED, USER, ODD }; /* what a pointer is made to be */

static uint64_t bad_pointer(vmi_instance_t vmi, uint64_t kind, uint64_t self)
{
    bool wide = vmi_get_address_width(vmi) == 8;
    switch (kind) {
    case SELF:
        return self;
    case NIL:
        return 0;
    case UNMAPPED:
        return wide ? 0xfffffff012345000 : 0xfffe0000;
    case USER:
        return 0x400000;
    default:
        return self + 3;
    }
}

/* The node that is n entries behind `head`. */
static uint64_t entry_at(vmi_instance_t vmi, const struct forgery *f, uint64_t head, unsigned n)
{
    uint64_t at = head;
    while (n--) {
        at = get(vmi, f, at);
        if (at == head)
            say_skip(f->name, "the list is too short");
    }
    return at;
}

static void break_list(vmi_instance_t vmi, const struct forgery *f, uint64_t head)
{
    uint64_t at = entry_at(vmi, f, head, 6);
    put(vmi, f, at,
        f->argument == CYCLE ? entry_at(vmi, f, head, 3) : bad_pointer(vmi, f->argument, at));
    must_notice(vmi, f, 1);
}

static void task_list(vmi_instance_t vmi, const struct forgery *f)
{
    break_list(vmi, f, sym(vmi, f, "init_task") + off(vmi, f, "task_struct", "tasks"));
}

static void module_list(vmi_instance_t vmi, const struct forgery *f)
{
    break_list(vmi, f, sym(vmi, f, "modules"));
}

static void thread_list(vmi_instance_t vmi, const struct forgery *f)
{
    struct vmi_process p = victim(vmi, f);
    uint64_t node = p.object + off(vmi, f, "task_struct", "thread_node");
    put(vmi, f, node, bad_pointer(vmi, f->argument, node));
    must_notice(vmi, f, p.pid);
}

/* All processes claim the threads of the whole task list: a product that no list alone shows. */
static void shared_threads(vmi_instance_t vmi, const struct forgery *f)
{
    uint64_t head = sym(vmi, f, "init_task") + off(vmi, f, "task_struct", "tasks"), node = head;
    uint64_t signal = off(vmi, f, "task_struct", "signal"),
             shared = get(vmi, f, sym(vmi, f, "init_task") + signal);
    uint64_t tasks = off(vmi, f, "task_struct", "tasks"),
             thread = off(vmi, f, "task_struct", "thread_node");
    put(vmi, f, shared + off(vmi, f, "signal_struct", "thread_head"),
        get(vmi, f, head) - tasks + thread);
    for (unsigned i = 0; i < 4096 && (node = get(vmi, f, node)) != head; i++) {
        uint64_t next = get(vmi, f, node);
        put(vmi, f, node - tasks + signal, shared);
        put(vmi, f, node - tasks + thread,
            next == head ? shared + off(vmi, f, "signal_struct", "thread_head")
                         : next - tasks + thread);
    }
    must_end(vmi, f, 1);
}

/* A task every 72 bytes of kernel text, all in one thread group that has them all. */
static void many_tasks(vmi_instance_t vmi, const struct forgery *f)
{
    uint64_t init = sym(vmi, f, "init_task"), tasks = off(vmi, f, "task_struct", "tasks"),
             head = init + tasks;
    uint64_t signal = off(vmi, f, "task_struct", "signal"), shared = get(vmi, f, init + signal);
    uint64_t thread = off(vmi, f, "task_struct", "thread_node"), at = sym(vmi, f, "_stext"),
             end = sym(vmi, f, "_etext") - 16384;
    put(vmi, f, head, at + tasks);
    put(vmi, f, shared + off(vmi, f, "signal_struct", "thread_head"), at + thread);
    for (; at < end; at += 72) {
        put(vmi, f, at + tasks, at + 72 + tasks);
        put(vmi, f, at + thread, at + 72 + thread);
        put(vmi, f, at + signal, shared);
    }
    put(vmi, f, at + tasks, head);
    put(vmi, f, at + thread, shared + off(vmi, f, "signal_struct", "thread_head"));
    must_notice(vmi, f, 1);
}

/* ---- a process' own: argument is a kind of pointer ---- */

static uint64_t member_at(vmi_instance_t vmi, const struct forgery *f, const struct vmi_process *p,
                          const char *member)
{
    return p->object + off(vmi, f, "task_struct", member);
}

static void nsproxy(vmi_instance_t vmi, const struct forgery *f)
{
    struct vmi_process p = victim(vmi, f);
    uint64_t at = member_at(vmi, f, &p, "nsproxy");
    put(vmi, f, at, bad_pointer(vmi, f->argument, get(vmi, f, at)));
    must_notice(vmi, f, p.pid);
}

/* The list or tree of the mount namespace. */
static void mount_namespace(vmi_instance_t vmi, const struct forgery *f)
{
    struct vmi_process p = victim(vmi, f);
    uint64_t ns = get(
        vmi, f, get(vmi, f, member_at(vmi, f, &p, "nsproxy")) + off(vmi, f, "nsproxy", "mnt_ns"));
    if (has(vmi, "mnt_namespace", "mounts.rb_node")) {
        uint64_t root = get(vmi, f, ns + off(vmi, f, "mnt_namespace", "mounts.rb_node"));
        put(vmi, f, root + off(vmi, f, "rb_node", f->argument == CYCLE ? "rb_right" : "rb_left"),
            f->argument == CYCLE ? root : bad_pointer(vmi, f->argument, root));
        if (f->argument == NIL)
            say_skip(f->name, "a tree without its left half is a tree");
    } else {
        uint64_t head = ns + off(vmi, f, "mnt_namespace", "list"), at = entry_at(vmi, f, head, 3);
        put(vmi, f, at,
            f->argument == CYCLE ? entry_at(vmi, f, head, 1) : bad_pointer(vmi, f->argument, at));
    }
    must_notice(vmi, f, p.pid);
}

struct fd_search {
    int fd;
};

static int regular(const struct vmi_file *file, void *data)
{
    struct fd_search *s = data;
    if (file->path[0] != '/' || strlen(file->path) < 4)
        return 0;
    s->fd = file->fd;
    return 1;
}

/* An open file with a path, of any process: its struct file; *pid is whose. */
static uint64_t a_file(vmi_instance_t vmi, const struct forgery *f, int32_t *pid)
{
    struct fd_search s = {-1};
    struct vmi_process p = victim(vmi, f);
    (void)vmi_each_file(vmi, p.pid, regular, &s, NULL);
    if (s.fd < 0)
        say_skip(f->name, "process %d has no open file with a path", p.pid);
    *pid = p.pid;
    uint64_t fdt = get(
        vmi, f, get(vmi, f, member_at(vmi, f, &p, "files")) + off(vmi, f, "files_struct", "fdt"));
    return get(vmi, f,
               get(vmi, f, fdt + off(vmi, f, "fdtable", "fd")) +
                   (uint64_t)s.fd * vmi_get_address_width(vmi));
}

/* The dentry of the program that a process runs, which is not in the root directory of its mount.
 */
static uint64_t a_program(vmi_instance_t vmi, const struct forgery *f, int32_t *pid)
{
    struct vmi_process p = victim(vmi, f);
    const char *path = has(vmi, "file", "f_path") ? "f_path" : "__f_path";
    *pid = p.pid;
    uint64_t file = get(vmi, f, p.mm + off(vmi, f, "mm_struct", "exe_file"));
    return get(vmi, f, file + off(vmi, f, "file", path) + off(vmi, f, "path", "dentry"));
}

static void dentry_parent(vmi_instance_t vmi, const struct forgery *f)
{
    int32_t pid;
    uint64_t dentry = a_program(vmi, f, &pid);
    uint64_t parent_at = off(vmi, f, "dentry", "d_parent"),
             parent = get(vmi, f, dentry + parent_at);
    if (f->argument == CYCLE)
        put(vmi, f, parent + parent_at, dentry);
    put(vmi, f, dentry + parent_at,
        f->argument == CYCLE ? parent : bad_pointer(vmi, f->argument, dentry));
    must_notice(vmi, f, pid);
}

static void dentry_name(vmi_instance_t vmi, const struct forgery *f)
{
    int32_t pid;
    uint32_t length = (uint32_t)f->argument;
    const char *path = has(vmi, "file", "f_path") ? "f_path" : "__f_path";
    const char *name = has(vmi, "dentry", "d_name.len") ? "d_name.len" : "__d_name.len";
    uint64_t dentry = get(
        vmi, f, a_file(vmi, f, &pid) + off(vmi, f, "file", path) + off(vmi, f, "path", "dentry"));
    put_bytes(vmi, f, dentry + off(vmi, f, "dentry", name), &length, sizeof length);
    must_notice(vmi, f, pid);
}

static void fd_table(vmi_instance_t vmi, const struct forgery *f)
{
    struct vmi_process p = victim(vmi, f);
    uint32_t max = UINT32_MAX;
    uint64_t fdt = get(
        vmi, f, get(vmi, f, member_at(vmi, f, &p, "files")) + off(vmi, f, "files_struct", "fdt"));
    put_bytes(vmi, f, fdt + off(vmi, f, "fdtable", "max_fds"), &max, sizeof max);
    if (f->argument) { /* all bits set, all files the same page */
        put(vmi, f, fdt + off(vmi, f, "fdtable", "open_fds"), sym(vmi, f, "_stext"));
        put(vmi, f, fdt + off(vmi, f, "fdtable", "fd"), sym(vmi, f, "_stext"));
    }
    must_notice(vmi, f, p.pid);
}

/* ---- memory areas ---- */

/* The node's type in bits 3 to 6, its slots behind the parent and the pivots:
 * include/linux/maple_tree.h. */
static void maple(vmi_instance_t vmi, const struct forgery *f)
{
    struct vmi_process p = victim(vmi, f);
    if (!has(vmi, "mm_struct", "mm_mt.ma_root")) {
        uint64_t vma = get(vmi, f, p.mm + off(vmi, f, "mm_struct", "mmap"));
        if (f->argument == NIL)
            say_skip(f->name, "this kernel has a list, and one that ends early is a list");
        put(vmi, f, vma + off(vmi, f, "vm_area_struct", "vm_next"),
            f->argument == CYCLE ? vma : bad_pointer(vmi, f->argument, vma));
        must_notice(vmi, f, p.pid);
        return;
    }
    uint64_t at = p.mm + off(vmi, f, "mm_struct", "mm_mt.ma_root"), root = get(vmi, f, at),
             node = root & ~0xffULL;
    bool arange = (root >> 3 & 15) == 3;
    uint64_t slots = node + off(vmi, f, arange ? "maple_arange_64" : "maple_range_64", "slot");
    uint64_t pivots = node + off(vmi, f, arange ? "maple_arange_64" : "maple_range_64", "pivot");
    switch (f->argument) {
    case CYCLE: /* a branch that is its own child, with the same range */
        root = (root & ~0x78ULL) | 2 << 3;
        slots = node + off(vmi, f, "maple_range_64", "slot");
        pivots = node + off(vmi, f, "maple_range_64", "pivot");
        put(vmi, f, at, root);
        for (unsigned i = 0; i < 15; i++) {
            put(vmi, f, slots + i * 8, root);
            put(vmi, f, pivots + i * 8, i + 1);
        }
        put(vmi, f, slots + 15 * 8, root);
        break;
    case SELF:
        put(vmi, f, slots, root);
        break;
    case ODD: /* no known type */
        put(vmi, f, at, root | 15 << 3);
        break;
    case NIL: /* pivots that descend */
        put(vmi, f, pivots, 0x7fffffffffff);
        put(vmi, f, pivots + 8, 0x1000);
        break;
    default:
        put(vmi, f, at, bad_pointer(vmi, f->argument, root) | (root & 0xff));
        break;
    }
    must_notice(vmi, f, p.pid);
}

/* ---- the log ---- */

enum {
    LOG_HEAD,
    LOG_TAIL,
    LOG_COUNT_BITS,
    LOG_SIZE_BITS,
    LOG_DATA,
    LOG_DESCS,
    LOG_INFOS,
    LOG_TEXT_LENGTHS
};

static void log_ring(vmi_instance_t vmi, const struct forgery *f)
{
    uint64_t prb = get(vmi, f, sym(vmi, f, "prb"));
    uint64_t descs = prb + off(vmi, f, "printk_ringbuffer", "desc_ring"),
             texts = prb + off(vmi, f, "printk_ringbuffer", "text_data_ring");
    uint64_t head = descs + off(vmi, f, "prb_desc_ring", "head_id"),
             tail = descs + off(vmi, f, "prb_desc_ring", "tail_id");
    uint32_t bits = 63, length = 0xffff;
    switch (f->argument) {
    case LOG_HEAD:
        put(vmi, f, head, get(vmi, f, head) + (1ULL << 40));
        break;
    case LOG_TAIL:
        put(vmi, f, tail, get(vmi, f, head) + 1);
        put(vmi, f, head, 0);
        break;
    case LOG_COUNT_BITS:
        put_bytes(vmi, f, descs + off(vmi, f, "prb_desc_ring", "count_bits"), &bits, 4);
        break;
    case LOG_SIZE_BITS:
        put_bytes(vmi, f, texts + off(vmi, f, "prb_data_ring", "size_bits"), &bits, 4);
        break;
    case LOG_DATA:
        put(vmi, f, texts + off(vmi, f, "prb_data_ring", "data"), bad_pointer(vmi, UNMAPPED, 0));
        break;
    case LOG_DESCS:
        put(vmi, f, descs + off(vmi, f, "prb_desc_ring", "descs"), bad_pointer(vmi, UNMAPPED, 0));
        break;
    case LOG_INFOS:
        put(vmi, f, descs + off(vmi, f, "prb_desc_ring", "infos"), bad_pointer(vmi, USER, 0));
        break;
    default: {
        uint64_t info = get(vmi, f, descs + off(vmi, f, "prb_desc_ring", "infos")), size;
        if (vmi_type_size(vmi, "printk_info", &size) != VMI_SUCCESS)
            say_skip(f->name, "no type printk_info");
        for (unsigned i = 0; i < 64; i++)
            put_bytes(vmi, f, info + i * size + off(vmi, f, "printk_info", "text_len"), &length, 2);
    }
    }
    must_notice(vmi, f, 1);
}

/* ---- hooks without an end, and many modules ---- */

static void endless_hooks(vmi_instance_t vmi, const struct forgery *f)
{
    uint64_t ops = room(vmi, f) + 0x100, probe = room(vmi, f) + 0x400,
             node = probe + off(vmi, f, "kprobe", "hlist");
    struct vmi_module m;
    char name[64];
    module_at(vmi, f, 2, &m, name);
    put(vmi, f, ops + off(vmi, f, "ftrace_ops", "func"), m.base + 16);
    put(vmi, f, ops + off(vmi, f, "ftrace_ops", "next"), ops);
    put(vmi, f, sym(vmi, f, "ftrace_ops_list"), ops);
    put(vmi, f, probe + off(vmi, f, "kprobe", "pre_handler"), m.base + 16);
    put(vmi, f, node, node);
    for (unsigned i = 0; i < 64; i++)
        put(vmi, f, sym(vmi, f, "kprobe_table") + i * 8, node);
    for (unsigned i = 0; i < 300; i++)
        put(vmi, f, sym(vmi, f, "sys_call_table") + i * 8, m.base + 16 + i);
    must_notice(vmi, f, 1);
}

/* Thousands of forged modules in module text, each claiming a million symbols. argument: bytes of
 * one. */
static void many_modules(vmi_instance_t vmi, const struct forgery *f)
{
    uint64_t head = sym(vmi, f, "modules"), list = off(vmi, f, "module", "list"),
             kall = off(vmi, f, "module", "kallsyms");
    uint64_t text = sym(vmi, f, "_stext") & ~0xfffULL, fake = room(vmi, f) + 0x200, at = text,
             last = head;
    uint32_t num = 1 << 20;
    put(vmi, f, fake + off(vmi, f, "mod_kallsyms", "symtab"), text);
    put(vmi, f, fake + off(vmi, f, "mod_kallsyms", "strtab"), text);
    put_bytes(vmi, f, fake + off(vmi, f, "mod_kallsyms", "num_symtab"), &num, 4);
    for (unsigned i = 0; i < 8000; i++, at += f->argument) {
        put_bytes(vmi, f, at + off(vmi, f, "module", "name"), "evil", 5);
        put(vmi, f, last, at + list);
        put(vmi, f, at + kall, fake);
        last = at + list;
    }
    put(vmi, f, last, head);
    struct vmi_symbol s;
    double began = now();
    (void)vmi_symbol_by_name(vmi, NULL, "no_such_symbol_anywhere", &s);
    (void)vmi_symbol_by_address(vmi, 0xffffffffc0123456, &s, NULL);
    if (now() - began > limit)
        say_fail(f->name, "two symbols took %.1f s", now() - began);
    must_end(vmi, f, 1);
}

/* The pid table's and the module tree's nodes that are their own children. */
static void tree_cycles(vmi_instance_t vmi, const struct forgery *f)
{
    const char *member = has(vmi, "idr", "idr_rt.xa_head") ? "idr_rt.xa_head" : "idr_rt.rnode";
    uint64_t at = sym(vmi, f, "init_pid_ns") + off(vmi, f, "pid_namespace", "idr") +
                  off(vmi, f, "idr", member);
    uint64_t entry = get(vmi, f, at), slots = (entry & ~3ULL) + off(vmi, f, "xa_node", "slots");
    for (unsigned i = 0; i < 64; i++)
        put(vmi, f, slots + i * 8, i < 8 ? entry : (uint64_t)sym(vmi, f, "init_struct_pid"));
    uint64_t root =
        get(vmi, f, sym(vmi, f, "mod_tree") + off(vmi, f, "mod_tree_root", "root.tree"));
    put(vmi, f, root + off(vmi, f, "rb_node", "rb_left"), root);
    put(vmi, f, root + off(vmi, f, "rb_node", "rb_right"), root);
    must_notice(vmi, f, 1);
}

/* ---- page tables ---- */

/* argument: flags of the entries, which all lead back to the table. */
static void own_table(vmi_instance_t vmi, const struct forgery *f)
{
    struct vmi_process p = victim(vmi, f);
    uint64_t table = room(vmi, f), pa = 0, got;
    if (vmi_translate_kv2p(vmi, table, &pa) != VMI_SUCCESS || vmi_get_address_width(vmi) != 8)
        say_skip(f->name, "not for this kernel");
    uint64_t entry = pa | f->argument;
    for (unsigned i = 0; i < 512; i++)
        put_bytes(vmi, f, table + i * 8, &entry, 8);
    put(vmi, f, p.mm + off(vmi, f, "mm_struct", "pgd"), table);
    vmi_pidcache_flush(vmi);
    double began = now();
    for (uint64_t va = 0x1000; va < 1ULL << 47; va = va * 3) {
        struct vmi_walk w;
        (void)vmi_walk(vmi, p.pid, va, &w);
        (void)vmi_read_64_va(vmi, va, p.pid, &got);
    }
    if (now() - began > limit)
        say_fail(f->name, "walks took %.1f s", now() - began);
    must_end(vmi, f, p.pid);
}

/* The kernel's own table leads to itself: all is gone, nothing ends badly. */
static void kernel_table(vmi_instance_t vmi, const struct forgery *f)
{
    uint64_t root = vmi_kernel_info(vmi)->root, entry = root | f->argument;
    static uint64_t forged[512];
    for (unsigned i = 0; i < 512; i++)
        forged[i] = entry;
    if (vmi_write_pa(vmi, root, sizeof forged, forged, NULL) != VMI_SUCCESS)
        say_fail(f->name, "the test cannot write the root");
    must_end(vmi, f, 1);
}

#define POINTERS(text, function, listing)                                                          \
    {text " in a cycle", function, listing, CYCLE}, {text " to itself", function, listing, SELF},  \
        {text " to address 0", function, listing, NIL},                                            \
        {text " to nowhere", function, listing, UNMAPPED},                                         \
    {                                                                                              \
        text " to user memory", function, listing, USER                                            \
    }

const struct forgery list_tests[] = {
    POINTERS("the task list leads", task_list, LIST_PROCESSES),
    POINTERS("the module list leads", module_list, LIST_MODULES),
    {"a thread list leads to itself", thread_list, LIST_PROCESSES, SELF},
    {"a thread list leads to nowhere", thread_list, LIST_PROCESSES, UNMAPPED},
    {"all processes share all threads", shared_threads, LIST_PROCESSES, 0},
    {"200,000 tasks that share all threads", many_tasks, LIST_PROCESSES, 0},
    {"a process' namespaces are nowhere", nsproxy, LIST_MOUNTS, UNMAPPED},
    {"a process' namespaces are in user memory", nsproxy, LIST_MOUNTS, USER},
    POINTERS("the mounts lead", mount_namespace, LIST_MOUNTS),
    {"dentries lead in a cycle", dentry_parent, LIST_VMAS, CYCLE},
    {"a dentry leads to nowhere", dentry_parent, LIST_VMAS, UNMAPPED},
    {"a dentry leads to user memory", dentry_parent, LIST_VMAS, USER},
    {"a dentry's name is 2^32-1 bytes long", dentry_name, LIST_FILES, UINT32_MAX},
    {"a dentry's name is 256 bytes long", dentry_name, LIST_FILES, 256},
    {"a table of files claims 2^32-1 entries", fd_table, LIST_FILES, 0},
    {"a table of files claims 2^32-1 entries, all open", fd_table, LIST_FILES, 1},
    {"the memory areas are in a cycle", maple, LIST_VMAS, CYCLE},
    {"a memory area is the tree's root", maple, LIST_VMAS, SELF},
    {"the tree of areas is of no known type", maple, LIST_VMAS, ODD},
    {"the tree of areas has pivots that descend", maple, LIST_VMAS, NIL},
    {"the tree of areas is nowhere", maple, LIST_VMAS, UNMAPPED},
    {"the tree of areas is in user memory", maple, LIST_VMAS, USER},
    {"the log's newest id lies", log_ring, LIST_LOG, LOG_HEAD},
    {"the log's oldest id lies", log_ring, LIST_LOG, LOG_TAIL},
    {"the log has 2^63 records", log_ring, LIST_LOG, LOG_COUNT_BITS},
    {"the log has 2^63 bytes", log_ring, LIST_LOG, LOG_SIZE_BITS},
    {"the log's text is nowhere", log_ring, LIST_LOG, LOG_DATA},
    {"the log's records are nowhere", log_ring, LIST_LOG, LOG_DESCS},
    {"the log's times are in user memory", log_ring, LIST_LOG, LOG_INFOS},
    {"the log's records claim 65,535 bytes", log_ring, LIST_LOG, LOG_TEXT_LENGTHS},
    {"tracers and probes have no end", endless_hooks, LIST_CHECK, 0},
    {"8,000 modules with a million symbols each", many_modules, LIST_SYMBOLS, 1024},
    {"8,000 modules that overlap", many_modules, LIST_SYMBOLS, 64},
    {"the trees of pids and modules lead to themselves", tree_cycles, LIST_CHECK, 0},
    {"a process' page table leads to itself", own_table, LIST_CMDLINE, 0x67},
    {"a process' page table leads to itself, in large pages", own_table, LIST_CMDLINE, 0xe7},
    {"the kernel's page table leads to itself", kernel_table, LIST_PROCESSES, 0x67},
    {"the kernel's page table leads to itself, in large pages", kernel_table, LIST_PROCESSES, 0xe7},
    {"the kernel's page table has all bits set", kernel_table, LIST_PROCESSES, ~0ULL},
    {"the kernel's page table is empty", kernel_table, LIST_PROCESSES, 1ULL << 62},
    {0},
};

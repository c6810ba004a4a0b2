/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PID,
    TID,
    PPID,
    UID,
    EUID,
    GID,
    STATE,
    START_TEXT,
    START,
    START_NS,
    EXIT_TEXT,
    EXIT,
    SESSION,
    WOW64,
    PROTECTION,
    THREADS,
    KERNEL,
    OBJECT,
    DTB,
    USER_DTB,
    COMM,
    CMDLINE
};

static const struct column columns[] = {
    [PID] = {"PID", "pid", "process id (of the thread group)", COLUMN_RIGHT},
    [TID] = {"TID", "tid", "thread id; the process id for the first thread", COLUMN_RIGHT},
    [PPID] = {"PPID", "ppid", "the parent's process id", COLUMN_RIGHT},
    [UID] = {"UID", "uid", "real user id", COLUMN_RIGHT},
    [EUID] = {NULL, "euid", "effective user id", 0},
    [GID] = {NULL, "gid", "real group id", 0},
    [STATE] = {"S", "state",
               "R running, S sleeping, D disk, T stopped, t traced, Z zombie, X dead, I idle", 0},
    [START_TEXT] = {"START", NULL, NULL, COLUMN_RIGHT},
    [START] = {NULL, "start_time", "when it was started, seconds since 1970; null: unknown", 0},
    [START_NS] = {NULL, "start_ns", "when it was started, nanoseconds since the guest's boot", 0},
    [EXIT_TEXT] = {"EXIT", NULL, NULL, COLUMN_RIGHT},
    [EXIT] = {NULL, "exit_time",
              "Windows: when it ended, seconds since 1970; null: it lives, or "
              "unknown",
              0},
    [SESSION] = {"SESS", "session", "Windows: its session; null: none, or unknown", COLUMN_RIGHT},
    [WOW64] = {"WOW", "wow64", "Windows: a 32-bit process of a 64-bit system", 0},
    [PROTECTION] = {"PROT", "protection",
                    "Windows: P protected, PPL protected light, and by whom: PPL-Lsa; empty: not",
                    0},
    [THREADS] = {"THR", "threads", "number of its threads", COLUMN_RIGHT},
    [KERNEL] = {NULL, "kernel_thread", "has no memory of its own", 0},
    [OBJECT] = {NULL, "object", "address of its task_struct or EPROCESS", 0},
    [DTB] = {"PAGE TABLE", "dtb", "physical address of its page table", 0},
    [USER_DTB] = {NULL, "user_dtb",
                  "Windows: of the one that user mode runs on, where that is another; else null",
                  0},
    [COMM] = {"COMM", "comm", "its short name; in the table, kernel threads are in brackets", 0},
    [CMDLINE] = {"COMMAND LINE", "cmdline",
                 "arguments, a blank between each; null: could not be read, or not asked for", 0},
    {0},
};

enum { CMDLINE_SIZE = 64 * 1024, DEEPEST_LINES = 40 };

struct ps {
    struct run *run;
    struct listing l;
    struct vmi_process *process; /* in the guest's order */
    size_t n, cap;
    vmi_pid_t only; /* -1: all */
    bool tree, cmdlines, threads, windows;
    char *buf;
    uint64_t now_s; /* the guest's clock; 0: unknown */
    /* Tree: indices into process, -1 for none. */
    long *first_child, *next_sibling, *parent;
    struct str lines;
};

static int keep(const struct vmi_process *p, void *data)
{
    struct ps *ps = data;
    if (ps->only >= 0 && p->pid != ps->only && p->tid != ps->only)
        return 0;
    if (ps->n == ps->cap) {
        ps->cap = ps->cap ? ps->cap * 2 : 256;
        ps->process = memory_grow(ps->process, ps->cap, sizeof *ps->process);
    }
    ps->process[ps->n++] = *p;
    return 0;
}

/* As ps does: the time for what is younger than a day, else the date. */
static const char *time_text(const struct ps *ps, uint64_t time_s, char *buf, size_t size)
{
    time_t t = (time_t)time_s;
    struct tm tm;
    uint64_t age = ps->now_s > time_s ? ps->now_s - time_s : 0;
    bool young = age < 86400, this_year = age < 300 * 86400ull;
    const char *format = young ? "%H:%M:%S" : this_year ? "%b%d" : "%Y-%m-%d";
    if (!gmtime_r(&t, &tm) || !strftime(buf, size, format, &tm))
        snprintf(buf, size, "?");
    return buf;
}

static const char *start_text(const struct ps *ps, const struct vmi_process *p, char *buf,
                              size_t size)
{
    if (p->start_time_s != 0 && p->start_time_s <= 253402300799)
        return time_text(ps, p->start_time_s, buf, size);
    if (ps->windows)
        return "";
    snprintf(buf, size, "+%.1fs", (double)p->start_ns / 1e9);
    return buf;
}

/* _PS_PROTECTION: type and signer, as the public PDBs name them (PsProtectedSignerLsa, ...). */
static const char *protection_text(uint8_t protection, char *buf, size_t size)
{
    static const char *const type[] = {"", "PPL", "P", "?"};
    static const char *const signer[] = {"",    "Authenticode", "CodeGen", "Antimalware",
                                         "Lsa", "Windows",      "WinTcb",  "WinSystem",
                                         "App"};
    unsigned by = protection >> 4;
    if (!(protection & 7))
        return "";
    snprintf(buf, size, "%s%s%s", type[(protection & 7) < 3 ? protection & 7 : 3],
             by && by < 9 ? "-" : "", by < 9 ? signer[by] : "");
    return buf;
}

/* What Windows alone has; what is not known stays empty. */
static void put_windows(struct ps *ps, const struct vmi_process *p, char exit[32],
                        char protection[32])
{
    struct listing *l = &ps->l;
    if (p->exit_time_s && p->exit_time_s <= 253402300799) {
        cell_own(l, EXIT_TEXT, time_text(ps, p->exit_time_s, exit, 32));
        cell_u64(l, EXIT, p->exit_time_s);
    }
    if (p->session >= 0)
        cell_i64(l, SESSION, p->session);
    if (!(p->unknown & VMI_UNKNOWN_WOW64))
        cell_bool(l, WOW64, p->wow64);
    if (!(p->unknown & VMI_UNKNOWN_PROTECTION))
        cell_own(l, PROTECTION, protection_text(p->protection, protection, 32));
    if (p->user_dtb)
        cell_address(l, USER_DTB, p->user_dtb);
}

static void put(struct ps *ps, const struct vmi_process *p, const char *lines)
{
    struct listing *l = &ps->l;
    char start[32], exit[32], protection[32], state[2] = {p->state, 0};
    bool kernel = p->flags & VMI_PROCESS_KERNEL, thread = p->flags & VMI_PROCESS_THREAD;
    struct str before = {0};
    note_flags(ps->run, p->flags);
    cell_i64(l, PID, p->pid);
    cell_i64(l, TID, p->tid);
    if (!(p->unknown & VMI_UNKNOWN_PPID))
        cell_i64(l, PPID, p->ppid);
    if (!(p->unknown & VMI_UNKNOWN_USER)) {
        cell_u64(l, UID, p->uid);
        cell_u64(l, EUID, p->euid);
        cell_u64(l, GID, p->gid);
    }
    struct cell *c = cell_guest(l, STATE, state);
    c->colour = p->state == 'R' ? GREEN : p->state == 'D' || p->state == 'Z' ? RED : PLAIN;
    cell_own(l, START_TEXT, start_text(ps, p, start, sizeof start));
    if (p->start_time_s)
        cell_u64(l, START, p->start_time_s);
    if (!(p->unknown & VMI_UNKNOWN_START))
        cell_u64(l, START_NS, p->start_ns);
    if (ps->windows)
        put_windows(ps, p, exit, protection);
    if (!(p->unknown & VMI_UNKNOWN_THREADS))
        cell_u64(l, THREADS, p->threads);
    cell_bool(l, KERNEL, kernel);
    cell_address(l, OBJECT, p->object);
    if (!(p->unknown & VMI_UNKNOWN_DTB))
        cell_address(l, DTB, p->dtb);
    str_puts(&before, lines);
    str_puts(&before, kernel ? "[" : thread ? "{" : "");
    c = cell_guest_n(l, COMM, p->comm, strnlen(p->comm, sizeof p->comm));
    c->before = before.p ? before.p : "";
    c->after = kernel ? "]" : thread ? "}" : "";
    if (ps->cmdlines && !kernel &&
        vmi_process_cmdline(ps->run->vmi, p, ps->buf, CMDLINE_SIZE) == VMI_SUCCESS)
        cell_guest_n(l, CMDLINE, ps->buf, strnlen(ps->buf, CMDLINE_SIZE));
    if (kernel)
        l->row_colour = DIM;
    row_end(l);
    str_free(&before);
}

/* ---- the tree -------------------------------------------------------------------------------- */

struct by_tid {
    int32_t tid;
    long at;
};

static int compare_tid(const void *a, const void *b)
{
    const struct by_tid *x = a, *y = b;
    if (x->tid != y->tid)
        return x->tid < y->tid ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static long find_tid(const struct by_tid *index, size_t n, int32_t tid)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (index[mid].tid < tid)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && index[low].tid == tid ? index[low].at : -1;
}

/* A thread hangs below its process, a process below its parent. */
static void link_tree(struct ps *ps)
{
    struct by_tid *index = memory_grow(NULL, ps->n, sizeof *index);
    ps->first_child = memory_grow(NULL, ps->n, sizeof(long));
    ps->next_sibling = memory_grow(NULL, ps->n, sizeof(long));
    ps->parent = memory_grow(NULL, ps->n, sizeof(long));
    for (size_t i = 0; i < ps->n; i++) {
        index[i] = (struct by_tid){ps->process[i].tid, (long)i};
        ps->first_child[i] = ps->next_sibling[i] = -1;
    }
    qsort(index, ps->n, sizeof *index, compare_tid);
    for (size_t i = ps->n; i-- > 0;) {
        const struct vmi_process *p = &ps->process[i];
        long up = find_tid(index, ps->n, p->flags & VMI_PROCESS_THREAD ? p->pid : p->ppid);
        if (up == (long)i)
            up = -1;
        ps->parent[i] = up;
        if (up >= 0) { /* backwards, so that children end up in the guest's order */
            ps->next_sibling[i] = ps->first_child[up];
            ps->first_child[up] = (long)i;
        }
    }
    free(index);
}

/* "│ ├─": built from the ancestors. Lines are drawn for so many levels; below, rows stand at the
 * same place. */
static const char *tree_lines(struct ps *ps, long i, long root)
{
    static const char *const art[2][4] = {{"| ", "  ", "|-", "`-"}, {"│ ", "  ", "├─", "└─"}};
    const char *const *a = art[ps->run->out.utf8];
    long chain[DEEPEST_LINES];
    int n = 0;
    for (long up = i; up != root && n < DEEPEST_LINES; up = ps->parent[up])
        chain[n++] = up;
    ps->lines.n = 0;
    str_puts(&ps->lines, "");
    for (int k = n - 1; k >= 0; k--) {
        bool last = ps->next_sibling[chain[k]] < 0;
        str_puts(&ps->lines, k == 0 ? a[last ? 3 : 2] : a[last]);
    }
    return ps->lines.p;
}

/* Depth first without recursion: down, else beside, else up until something is beside. */
static void put_subtree(struct ps *ps, long root, bool *seen)
{
    long i = root;
    while (i >= 0) {
        if (!seen[i]) {
            seen[i] = true;
            put(ps, &ps->process[i], tree_lines(ps, i, root));
        }
        long down = ps->first_child[i];
        if (down >= 0 && !seen[down]) {
            i = down;
            continue;
        }
        while (i != root && ps->next_sibling[i] < 0)
            i = ps->parent[i];
        i = i == root ? -1 : ps->next_sibling[i];
    }
}

static void put_tree(struct ps *ps)
{
    if (ps->n == 0)
        return;
    bool *seen = memory_grow(NULL, ps->n, sizeof *seen);
    memset(seen, 0, ps->n * sizeof *seen);
    link_tree(ps);
    for (size_t i = 0; i < ps->n; i++)
        if (ps->parent[i] < 0)
            put_subtree(ps, (long)i, seen);
    /* Forged parents that form a ring hang below no root: each ring is opened where it is met
     * first. */
    for (size_t i = 0; i < ps->n; i++) {
        if (seen[i])
            continue;
        long at = ps->parent[i], up = at >= 0 ? ps->first_child[at] : -1;
        if (up == (long)i)
            ps->first_child[at] = ps->next_sibling[i];
        for (; up >= 0 && up != (long)i; up = ps->next_sibling[up])
            if (ps->next_sibling[up] == (long)i)
                ps->next_sibling[up] = ps->next_sibling[i];
        ps->next_sibling[i] = ps->parent[i] = -1;
        put_subtree(ps, (long)i, seen);
    }
    free(seen);
    free(ps->first_child);
    free(ps->next_sibling);
    free(ps->parent);
}

/* ---- the verb -------------------------------------------------------------------------------- */

/* What the other systems have. */
static void hide_columns(struct ps *ps)
{
    static const unsigned windows[] = {EXIT_TEXT, SESSION, WOW64, PROTECTION, THREADS, DTB};
    for (size_t i = 0; !ps->windows && i < sizeof windows / sizeof windows[0]; i++)
        listing_hide(&ps->l, windows[i]);
    if (ps->windows) {
        listing_hide(&ps->l, UID);
        listing_hide(&ps->l, STATE);
    }
}

static int run(struct run *run)
{
    struct vmi_outcome o = {0};
    struct ps ps = {.run = run, .only = -1};
    const struct vmi_kernel *k = vmi_kernel_info(run->vmi);
    int code = opt_pid(run, "pid", &ps.only);
    if (code)
        return code;
    ps.tree = opt(run, "tree") != NULL && !run->json;
    ps.threads = opt(run, "threads") != NULL;
    ps.windows = k && k->os == VMI_KIND_WINDOWS;
    ps.cmdlines = !opt(run, "no-cmdline");
    ps.now_s = k && k->boot_time_s ? k->boot_time_s + k->uptime_ns / 1000000000 : 0;
    status_t status = vmi_each_process(run->vmi, ps.threads ? VMI_LIST_THREADS : 0, keep, &ps, &o);
    ps.buf = memory_grow(NULL, CMDLINE_SIZE, 1);
    run_listing(run, &ps.l);
    hide_columns(&ps);
    if (!ps.threads)
        listing_hide(&ps.l, TID);
    if (!ps.cmdlines)
        listing_hide(&ps.l, CMDLINE);
    if (ps.tree)
        put_tree(&ps);
    for (size_t i = 0; !ps.tree && i < ps.n; i++)
        put(&ps, &ps.process[i], "");
    code = run_listing_end(run, &ps.l, status, &o, "cannot list the processes");
    if (code == EXIT_WELL && ps.only >= 0 && ps.n == 0) {
        complain(NULL, "there is no process %d", ps.only);
        code = EXIT_NO;
    }
    free(ps.process);
    free(ps.buf);
    str_free(&ps.lines);
    return code;
}

const struct verb verb_ps = {
    .name = "ps",
    .purpose = "processes: id, parent, user, state, start, name, command line",
    .operands = (const struct operand[]){TARGET_OPERAND, {0}},
    .options =
        (const struct option_row[]){
            {"threads", 'T', NULL, "one row a thread", 0, NULL},
            {"tree", 't', NULL, "show who started whom", 0, NULL},
            {"pid", 'p', "PID", "this process alone", 0, NULL},
            {"no-cmdline", 0, NULL, "do not read the command lines", 0, NULL},
            {0},
        },
    .about =
        (const char *const[]){
            "Kernel threads are in [brackets], threads beside a process' first in {braces}. "
            "START is the guest's time in UTC: the time of day for what was started within "
            "its last 24 hours, else the date; +12.3s is time since boot, where the guest's "
            "clock is not known. Command lines are read from the processes' own memory; one "
            "that is swapped out is empty.",
            "Windows: SESS is the session, WOW tells 32-bit processes of a 64-bit system, PROT "
            "what protects a process (PPL-Lsa: protected light, for Lsa), THR the number of "
            "threads. What neither a profile nor the memory tells is empty; in JSON it is null.",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){
            {"tinyvmi ps qemu:web1 --tree", "who started whom"},
            {"tinyvmi ps memory.raw -p 1", "process 1 of a dump"},
            {"tinyvmi ps memory.raw --json | jq 'map(select(.kernel_thread | not)) | length'",
             "how many user processes there are"},
            {0}},
    .says_no = "there is no such process",
    .see_also = "maps files net watch check",
    .flags = VERB_KERNEL,
    .run = run,
};

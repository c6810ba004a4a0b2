/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernels without types (Debian's i386 kernels carry no BTF). First what vmcoreinfo tells (OFFSET
 * and SIZE lines); then the shape of memory: members of task_struct are found by what must hold for
 * every task on the list, with the idle task, init (pid 1) and kthreadd (pid 2) as fixed points. A
 * member is taken only when exactly what was expected holds for all sampled tasks, so each step can
 * fail, and then its member stays unknown.
 *
 * Facts used: order of members in include/linux/sched.h, cred.h, mm_types.h, module.h (stable
 * from 5.2 to 6.12); values from the same headers (PF_KTHREAD, SIGCHLD as exit signal, task
 * states).
 */
#include "os/linux/infer.h"

#include <inttypes.h>
#include <stdio.h>

#include "os/linux/find.h"

enum {
    TASK_SPAN = 16384, /* no task_struct is larger */
    MM_SPAN = 2048,
    MODULE_SPAN = 2048,
    SAMPLES = 256,
    MAX_WORK = 4 << 20,
    PF_KTHREAD = 0x00200000,
};

struct infer {
    struct linux_view *l;
    const struct aspace *as;
    unsigned ps;            /* pointer size */
    uint64_t task[SAMPLES]; /* [0] the idle task, then in list order */
    uint64_t mm[SAMPLES];   /* 0 for kernel threads */
    size_t nr;
    size_t init, kthreadd; /* indices of pid 1 and 2 */
    uint64_t work; /* list entries that may still be looked at: a forged image offers any number of
                      lists */
};

static uint64_t word(const struct infer *f, uint64_t at)
{
    uint64_t v;
    return read_ptr(f->as, f->ps, at, &v) == ST_OK ? v : ~0ULL;
}

static uint32_t u32_at(const struct infer *f, uint64_t at)
{
    uint32_t v;
    return aspace_read32(f->as, GVA(at), &v) == ST_OK ? v : ~0u;
}

static void know(struct infer *f, enum layout_id id, int64_t off, uint32_t size)
{
    if (!f->l->m[id].known)
        f->l->m[id] = (struct lx_member){.off = off, .size = size, .known = true, .inferred = true};
}

/* ---- vmcoreinfo ---- */

/* Rows that vmcoreinfo gives (kernel/crash_core.c, kernel/printk/printk.c), with the size that it
 * does not tell; 0: a long. */
static const struct {
    enum layout_id id;
    const char *key;
    uint8_t size;
} note_rows[] = {
    {L_uts_name, "OFFSET(uts_namespace.name)", 0},
    {L_prb_desc_ring, "OFFSET(printk_ringbuffer.desc_ring)", 0},
    {L_prb_text_ring, "OFFSET(printk_ringbuffer.text_data_ring)", 0},
    {L_desc_ring_count_bits, "OFFSET(prb_desc_ring.count_bits)", 4},
    {L_desc_ring_descs, "OFFSET(prb_desc_ring.descs)", 0},
    {L_desc_ring_infos, "OFFSET(prb_desc_ring.infos)", 0},
    {L_desc_ring_head, "OFFSET(prb_desc_ring.head_id)", 0},
    {L_desc_ring_tail, "OFFSET(prb_desc_ring.tail_id)", 0},
    {L_data_ring_size_bits, "OFFSET(prb_data_ring.size_bits)", 4},
    {L_data_ring_data, "OFFSET(prb_data_ring.data)", 0},
    {L_prb_desc_size, "SIZE(prb_desc)", 0},
    {L_prb_desc_state, "OFFSET(prb_desc.state_var)", 0},
    {L_prb_desc_text_lpos, "OFFSET(prb_desc.text_blk_lpos)", 0},
    {L_blk_lpos_begin, "OFFSET(prb_data_blk_lpos.begin)", 0},
    {L_blk_lpos_next, "OFFSET(prb_data_blk_lpos.next)", 0},
    {L_printk_info_size, "SIZE(printk_info)", 0},
    {L_printk_info_seq, "OFFSET(printk_info.seq)", 8},
    {L_printk_info_ts, "OFFSET(printk_info.ts_nsec)", 8},
    {L_printk_info_text_len, "OFFSET(printk_info.text_len)", 2},
    {L_printk_log_size, "SIZE(printk_log)", 0},
    {L_printk_log_ts, "OFFSET(printk_log.ts_nsec)", 8},
    {L_printk_log_len, "OFFSET(printk_log.len)", 2},
    {L_printk_log_text_len, "OFFSET(printk_log.text_len)", 2},
};

static void from_vmcoreinfo(struct infer *f)
{
    struct linux_view *l = f->l;
    struct bytes text = {(const uint8_t *)l->vmcoreinfo, strlen(l->vmcoreinfo)};
    uint64_t v;
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(note_rows); i++) {
        if (l->m[note_rows[i].id].known || !lx_vmcoreinfo_number(text, note_rows[i].key, 0, &v) ||
            v > 1 << 20)
            continue;
        l->m[note_rows[i].id] =
            (struct lx_member){.off = (int64_t)v,
                               .size = note_rows[i].size ? note_rows[i].size : f->ps,
                               .known = true};
        n++;
    }
    if (lx_has(l, L_printk_info_text_len) &&
        !lx_has(l, L_printk_info_facility)) /* the next member, one byte */
        know(f, L_printk_info_facility, l->m[L_printk_info_text_len].off + 2, 1);
    if (lx_has(l, L_uts_name) &&
        !lx_has(l, L_utsname_nodename)) { /* include/uapi/linux/utsname.h: fields of 65 bytes */
        know(f, L_utsname_nodename, 65, 65);
        know(f, L_utsname_release, 130, 65);
    }
    if (n)
        os_fact(l->v, "offsets", "vmcoreinfo", "%zu", n);
}

/* ---- the task list ---- */

static bool name_like(const uint8_t *s, size_t n)
{
    size_t len = strnlen((const char *)s, n);
    if (!len || len == n)
        return false;
    for (size_t i = 0; i < len; i++)
        if (s[i] < 0x20 || s[i] > 0x7e)
            return false;
    return true;
}

/* 2: a name of printable characters; 1: a terminated one (a process may call itself anything); 0:
 * none. */
static unsigned has_name(const struct infer *f, uint64_t task, uint64_t comm)
{
    uint8_t name[16];
    if (aspace_read(f->as, GVA(task + comm), name, sizeof name, NULL) != ST_OK ||
        !memchr(name, '\0', sizeof name))
        return 0;
    return name_like(name, sizeof name) ? 2 : 1;
}

/* Is there a task list at `off`? Collects it when its nodes have names at `comm`. */
static bool collect(struct infer *f, uint64_t off, uint64_t comm)
{
    struct list_walk w;
    uint64_t node, init = f->l->init_task;
    uint64_t next = word(f, init + off), prev = word(f, init + off + f->ps);
    if (!lx_kernel_pointer(f->l, next) || !lx_kernel_pointer(f->l, prev) || next == init + off ||
        word(f, next + f->ps) != init + off || word(f, prev) != init + off)
        return false;
    f->nr = 1;
    f->task[0] = init;
    list_start(&w, f->as, f->ps, init + off, 1 << 20);
    int st = ST_LIMIT;
    size_t printable = 0;
    while (f->work && (st = list_next(&w, NULL, &node)) == 1 && f->nr < SAMPLES) {
        f->work--;
        unsigned name = has_name(f, node - off, comm);
        if (!name)
            return false;
        printable += name == 2;
        f->task[f->nr++] = node - off;
    }
    return st >= 0 && f->nr >= 4 && printable >= f->nr / 2;
}

static bool infer_list(struct infer *f)
{
    static const char idle[][16] = {"swapper/0", "swapper"};
    uint8_t span[64];
    uint64_t init = f->l->init_task;
    for (uint64_t comm = 0; comm < TASK_SPAN; comm += 4) {
        if (aspace_read(f->as, GVA(init + comm), span, 16, NULL) != ST_OK)
            return false;
        if (memcmp(span, idle[0], 10) && memcmp(span, idle[1], 8))
            continue;
        for (uint64_t off = 0; off < comm; off += f->ps)
            if (collect(f, off, comm)) {
                know(f, L_task_comm, (int64_t)comm, 16);
                know(f, L_task_tasks, (int64_t)off, 2 * f->ps);
                return true;
            }
    }
    return false;
}

/* pid and tgid: neighbours, equal for all on the list, 0 for the idle task, 1 and 2 among the
 * first, all different. */
static bool infer_pid(struct infer *f)
{
    for (uint64_t off = 0; off < TASK_SPAN; off += 4) {
        bool ok = true;
        size_t one = 0, two = 0;
        uint32_t last = 0;
        for (size_t i = 0; i < f->nr && ok; i++) {
            uint32_t pid = u32_at(f, f->task[i] + off);
            ok = pid == u32_at(f, f->task[i] + off + 4) && pid < 4u << 20 &&
                 (i ? pid != last : pid == 0);
            last = pid;
            one = pid == 1 ? i : one;
            two = pid == 2 ? i : two;
        }
        if (ok && one && two) {
            know(f, L_task_pid, (int64_t)off, 4);
            know(f, L_task_tgid, (int64_t)off + 4, 4);
            f->init = one;
            f->kthreadd = two;
            return true;
        }
    }
    return false;
}

/* mm and active_mm: neighbours; mm is null for kernel threads, else equal to active_mm (or the task
 * is exiting). */
static bool infer_mm(struct infer *f)
{
    for (uint64_t off = lx_off(f->l, L_task_tasks); off < TASK_SPAN; off += f->ps) {
        bool ok = lx_kernel_pointer(f->l, word(f, f->task[f->init] + off)) &&
                  !word(f, f->task[f->kthreadd] + off) && !word(f, f->task[0] + off);
        for (size_t i = 0; i < f->nr && ok; i++) {
            uint64_t mm = word(f, f->task[i] + off);
            ok = !mm || (lx_kernel_pointer(f->l, mm) && mm == word(f, f->task[i] + off + f->ps));
            f->mm[i] = mm;
        }
        if (ok) {
            know(f, L_task_mm, (int64_t)off, f->ps);
            know(f, L_task_active_mm, (int64_t)off + f->ps, f->ps);
            return true;
        }
    }
    return false;
}

/*
 * flags: PF_KTHREAD on kthreadd and on no task that has memory. exit_state: two ints before
 * exit_signal, which is SIGCHLD for most processes with memory (execve sets it).
 */
static void infer_flags(struct infer *f)
{
    for (uint64_t off = 0; off < 128; off += 4) {
        bool ok = u32_at(f, f->task[f->kthreadd] + off) & PF_KTHREAD;
        size_t threads = 0;
        for (size_t i = 0; i < f->nr && ok; i++) {
            bool kernel = u32_at(f, f->task[i] + off) & PF_KTHREAD;
            ok = !(kernel && f->mm[i]) && u32_at(f, f->task[i] + off) != ~0u;
            threads += kernel;
        }
        if (ok && threads > f->nr / 8) {
            know(f, L_task_flags, (int64_t)off, 4);
            break;
        }
    }
    for (uint64_t off = lx_off(f->l, L_task_active_mm); off < lx_off(f->l, L_task_pid); off += 4) {
        bool ok = u32_at(f, f->task[f->init] + off + 8) == 17;
        size_t users = 0, chld = 0;
        for (size_t i = 0; i < f->nr && ok; i++) {
            uint32_t state = u32_at(f, f->task[i] + off);
            ok = state == 0 || state == 16 || state == 32;
            users += f->mm[i] != 0;
            chld += f->mm[i] && u32_at(f, f->task[i] + off + 8) == 17;
        }
        if (ok && chld > users / 4 * 3) {
            know(f, L_task_exit_state, (int64_t)off, 4);
            break;
        }
    }
}

/* state: among the first members; every value is a task state, idle workers have TASK_IDLE, most
 * tasks sleep. */
static void infer_state(struct infer *f)
{
    for (uint64_t off = 0; off < 64; off += 4) {
        size_t asleep = 0, idle = 0;
        bool ok = true;
        for (size_t i = 0; i < f->nr && ok; i++) {
            uint32_t s = u32_at(f, f->task[i] + off);
            ok = (s & ~0x7fffu) == 0 && ((s & 0xff) == 0 || ((s & 0xff) & ((s & 0xff) - 1)) == 0);
            asleep += (s & 3) != 0;
            idle += (s & 0x402) == 0x402;
        }
        if (ok && idle && asleep > f->nr / 2) {
            know(f, L_task_state, (int64_t)off, 4);
            return;
        }
    }
}

/* real_parent and parent: neighbours, equal; the idle task is the parent of init, of kthreadd and
 * of itself. */
static void infer_parent(struct infer *f)
{
    for (uint64_t off = lx_off(f->l, L_task_pid); off < TASK_SPAN; off += f->ps) {
        bool ok = true;
        static const size_t none = 0;
        const size_t fixed[] = {none, f->init, f->kthreadd};
        for (size_t i = 0; i < ARRAY_LEN(fixed) && ok; i++)
            ok = word(f, f->task[fixed[i]] + off) == f->task[0] &&
                 word(f, f->task[fixed[i]] + off + f->ps) == f->task[0];
        for (size_t i = 0; i < f->nr && ok; i++)
            ok = lx_kernel_pointer(f->l, word(f, f->task[i] + off));
        if (ok) {
            know(f, L_task_real_parent, (int64_t)off, f->ps);
            return;
        }
    }
}

/* real_cred and cred: equal neighbours shortly before comm; there uid, gid, suid, sgid, euid, ...
 * of which root has zeros. */
static void infer_cred(struct infer *f)
{
    uint64_t comm = lx_off(f->l, L_task_comm);
    for (uint64_t off = comm - 2 * f->ps; off + 8 * f->ps > comm; off -= f->ps) {
        for (unsigned uid = 4; uid <= 8; uid += 4) {
            bool ok = true;
            size_t same = 0;
            for (size_t i = 0; i < f->nr && ok; i++) {
                uint64_t c = word(f, f->task[i] + off);
                ok = lx_kernel_pointer(f->l, c) && c == word(f, f->task[i] + off + f->ps);
                same += ok && u32_at(f, c + uid) == u32_at(f, c + uid + 8) &&
                        u32_at(f, c + uid) == u32_at(f, c + uid + 16) &&
                        u32_at(f, c + uid + 4) == u32_at(f, c + uid + 12) &&
                        u32_at(f, c + uid) < 0x7fffffff;
            }
            uint64_t root = word(f, f->task[f->init] + off);
            if (ok && same >= f->nr - f->nr / 8 && !u32_at(f, root + uid) &&
                !u32_at(f, root + uid + 4) && u32_at(f, root + uid - 4)) {
                know(f, L_task_cred, (int64_t)off, f->ps);
                know(f, L_cred_uid, uid, 4);
                know(f, L_cred_gid, uid + 4, 4);
                know(f, L_cred_euid, uid + 16, 4);
                return;
            }
        }
    }
}

/* start_time and start_boottime: 64-bit neighbours that never fall along the list (it is in order
 * of creation). */
static void infer_start(struct infer *f)
{
    for (uint64_t off = lx_off(f->l, L_task_pid); off < lx_off(f->l, L_task_comm); off += 4) {
        uint64_t last = 0, first = 0, mono, boot;
        bool ok = true;
        for (size_t i = 1; i < f->nr && ok; i++) {
            ok = aspace_read64(f->as, GVA(f->task[i] + off), &mono) == ST_OK &&
                 aspace_read64(f->as, GVA(f->task[i] + off + 8), &boot) == ST_OK && mono >= last &&
                 boot >= mono && boot - mono < 1ULL << 53 && mono < 1ULL << 60;
            first = i == 1 ? mono : first;
            last = mono;
        }
        if (ok && last > first && last > 1000000) {
            know(f, L_task_start_time, (int64_t)off, 8);
            know(f, L_task_start_boottime, (int64_t)off + 8, 8);
            return;
        }
    }
}

/*
 * thread_node hangs on signal->thread_head, alone for a task with one thread; signal's nr_threads
 * (1 then) stands one or two ints before the head (quick_threads came in 5.17), after two counters.
 */
static void infer_threads(struct infer *f)
{
    for (uint64_t off = lx_off(f->l, L_task_pid); off < lx_off(f->l, L_task_comm); off += f->ps) {
        uint64_t node = f->task[f->kthreadd] + off, head = word(f, node);
        if (!lx_kernel_pointer(f->l, head) || head == node || head != word(f, node + f->ps) ||
            word(f, head) != node || word(f, head + f->ps) != node)
            continue;
        for (unsigned before = 12; before <= 16; before += 4) {
            uint64_t signal = head - before;
            if (u32_at(f, signal + 8) != 1 || u32_at(f, signal + 4) != 1)
                continue;
            for (uint64_t s = off + 2 * f->ps; s < lx_off(f->l, L_task_comm) + 64 * f->ps;
                 s += f->ps) {
                bool ok = true;
                for (size_t i = 0; i < f->nr && ok; i++) {
                    uint64_t sig = word(f, f->task[i] + s);
                    ok = lx_kernel_pointer(f->l, sig) && u32_at(f, sig + 8) < 100000;
                }
                if (ok && word(f, f->task[f->kthreadd] + s) == signal) {
                    know(f, L_task_thread_node, (int64_t)off, 2 * f->ps);
                    know(f, L_task_signal, (int64_t)s, f->ps);
                    know(f, L_signal_thread_head, before, 2 * f->ps);
                    know(f, L_signal_nr_threads, 8, 4);
                    return;
                }
            }
        }
    }
}

/* ---- mm_struct ---- */

/* pgd: the pointer through which, as a page table, the idle task lies where it lies. */
static void infer_pgd(struct infer *f)
{
    uint64_t want, left;
    if (aspace_translate(f->as, GVA(f->l->init_task), &want, &left) != ST_OK)
        return;
    for (uint64_t off = 0; off < MM_SPAN; off += f->ps) {
        bool ok = true;
        size_t seen = 0;
        for (size_t i = 0; i < f->nr && ok; i++) {
            struct aspace as = *f->as;
            uint64_t p, pa, got;
            if (!f->mm[i])
                continue;
            p = word(f, f->mm[i] + off);
            ok = lx_kernel_pointer(f->l, p) && !(p & 31) &&
                 aspace_translate(f->as, GVA(p), &pa, &left) == ST_OK;
            if (!ok)
                break;
            as.half[0].root = as.half[1].root = pa;
            ok = aspace_translate(&as, GVA(f->l->init_task), &got, &left) == ST_OK && got == want;
            seen++;
        }
        if (ok && seen) {
            know(f, L_mm_pgd, (int64_t)off, f->ps);
            return;
        }
    }
}

/* arg_start < arg_end == env_start < env_end, all on one stack; three more user addresses stand
 * before them. */
static void infer_args(struct infer *f)
{
    for (uint64_t off = 3 * f->ps; off < MM_SPAN; off += f->ps) {
        bool ok = true;
        size_t seen = 0;
        for (size_t i = 0; i < f->nr && ok; i++) {
            uint64_t a[4];
            if (!f->mm[i])
                continue;
            for (size_t k = 0; k < 4; k++)
                a[k] = word(f, f->mm[i] + off + k * f->ps);
            uint64_t stack = word(f, f->mm[i] + off - f->ps);
            ok = a[0] && a[0] <= a[1] && a[1] == a[2] && a[2] <= a[3] && a[3] - a[0] < 6 << 20 &&
                 a[0] < ~0ULL >> 16 && stack <= a[0] && a[0] - stack < 1 << 20 &&
                 !lx_kernel_pointer(f->l, a[3] & ~(uint64_t)(f->ps - 1));
            seen++;
        }
        if (ok && seen) {
            know(f, L_mm_arg_start, (int64_t)off, f->ps);
            know(f, L_mm_arg_end, (int64_t)(off + f->ps), f->ps);
            know(f, L_mm_env_end, (int64_t)(off + 3 * f->ps), f->ps);
            return;
        }
    }
}

static void infer_tasks(struct infer *f)
{
    struct linux_view *l = f->l;
    if (!infer_list(f) || !infer_pid(f))
        return;
    if (infer_mm(f)) {
        infer_flags(f);
        infer_pgd(f);
        infer_args(f);
    }
    infer_state(f);
    infer_parent(f);
    infer_cred(f);
    infer_start(f);
    infer_threads(f);
    size_t n = 0;
    for (size_t i = 0; i < L_COUNT; i++)
        n += l->m[i].inferred;
    l->v->info.inferred = true;
    os_fact(l->v, "offsets", "inferred from the idle task and its list",
            "%zu members, checked on %zu tasks", n, f->nr);
}

/*
 * The idle task where types are known but no symbol: in the kernel's data, a task named swapper
 * with pid 0 that is its own parent and on a list whose entries have names.
 */
static bool find_init_task(struct infer *f)
{
    struct linux_view *l = f->l;
    uint64_t span = MIN_OF(l->image.size, 128u << 20), comm = lx_off(l, L_task_comm);
    uint8_t page[4096];
    for (uint64_t off = 0; off < span; off += sizeof page) {
        if (aspace_read(f->as, GVA(l->image.va + off), page, sizeof page, NULL) != ST_OK)
            continue;
        for (size_t i = 0; i + 16 <= sizeof page; i += 4) {
            if (memcmp(page + i, "swapper", 7))
                continue;
            l->init_task = l->image.va + off + i - comm;
            if (u32_at(f, l->init_task + lx_off(l, L_task_pid)) == 0 &&
                word(f, l->init_task + lx_off(l, L_task_real_parent)) == l->init_task &&
                collect(f, lx_off(l, L_task_tasks), comm))
                return true;
        }
    }
    l->init_task = 0;
    return false;
}

/* ---- modules ---- */

/* struct module begins: state, list, name (include/linux/module.h). */
static bool module_at(const struct infer *f, uint64_t node)
{
    uint8_t name[56];
    return lx_kernel_pointer(f->l, node) && u32_at(f, node - f->ps) < 4 &&
           aspace_read(f->as, GVA(node + 2 * f->ps), name, sizeof name, NULL) == ST_OK &&
           name_like(name, sizeof name);
}

/* The list head in the kernel's data: a circle through the head whose other nodes are modules. */
static bool infer_module_list(struct infer *f)
{
    struct linux_view *l = f->l;
    uint64_t span = MIN_OF(l->image.size, 64u << 20);
    uint8_t page[4096];
    for (uint64_t off = 0; off < span; off += sizeof page) {
        if (aspace_read(f->as, GVA(l->image.va + off), page, sizeof page, NULL) != ST_OK)
            continue;
        for (size_t i = 0; i + 2 * f->ps <= sizeof page; i += f->ps) {
            uint64_t head = l->image.va + off + i, node, n = 0;
            uint64_t next = f->ps == 8 ? le64(page + i) : le32(page + i);
            if (next - l->image.va < span || !lx_kernel_pointer(l, next) ||
                word(f, next + f->ps) != head || !module_at(f, next))
                continue;
            struct list_walk w;
            int st = ST_LIMIT;
            list_start(&w, f->as, f->ps, head, 4096);
            while (f->work && (st = list_next(&w, NULL, &node)) == 1 && module_at(f, node)) {
                f->work--;
                n++;
            }
            if (st == 0 && n) {
                l->modules = head;
                know(f, L_module_state, 0, 4);
                know(f, L_module_list, f->ps, 2 * f->ps);
                know(f, L_module_name, 3 * f->ps, 64 - f->ps);
                return true;
            }
        }
    }
    return false;
}

/* core_layout: a page-aligned base and the sizes after it; the module's own structure lies inside.
 */
static void infer_module_core(struct infer *f)
{
    struct linux_view *l = f->l;
    for (uint64_t off = 4 * f->ps; off < MODULE_SPAN; off += f->ps) {
        struct list_walk w;
        uint64_t node, n = 0;
        bool ok = true;
        list_start(&w, f->as, f->ps, l->modules, 4096);
        while (ok && list_next(&w, NULL, &node) == 1) {
            uint64_t mod = node - f->ps, base = word(f, mod + off);
            uint32_t size = u32_at(f, mod + off + f->ps), text = u32_at(f, mod + off + f->ps + 4);
            ok = base && !(base & 4095) && lx_kernel_pointer(l, base) && mod - base < size &&
                 text <= size && size < 256u << 20;
            n++;
        }
        if (ok && n) {
            know(f, L_module_core_base, (int64_t)off, f->ps);
            know(f, L_module_core_size, (int64_t)off + f->ps, 4);
            return;
        }
    }
}

/*
 * refcnt: two list heads (source_list: who uses us; target_list), the exit function, the count. It
 * is one more than there are users, at least (MODULE_REF_BASE).
 */
static void infer_module_refs(struct infer *f)
{
    struct linux_view *l = f->l;
    for (uint64_t off = 4 * f->ps; off < MODULE_SPAN; off += f->ps) {
        struct list_walk w, users;
        uint64_t node, user, total = 0, n = 0;
        bool ok = true;
        list_start(&w, f->as, f->ps, l->modules, 4096);
        while (ok && list_next(&w, NULL, &node) == 1) {
            uint64_t mod = node - f->ps, source = mod + off, target = source + 2 * f->ps, k = 0;
            uint64_t t = word(f, target), exit = word(f, target + 2 * f->ps);
            uint32_t count = u32_at(f, target + 3 * f->ps);
            if (!lx_kernel_pointer(l, t) || word(f, t + f->ps) != target ||
                (exit && exit < l->image.va)) {
                ok = false;
                break;
            }
            list_start(&users, f->as, f->ps, source, 256);
            int st;
            while ((st = list_next(&users, NULL, &user)) == 1)
                k++;
            ok = st == 0 && count >= k + 1 && count < 100000;
            total += k;
            n++;
        }
        if (ok && n && total) {
            know(f, L_module_refcnt, (int64_t)(off + 5 * f->ps), 4);
            return;
        }
    }
}

/*
 * kallsyms: a pointer to {symbols, number, strings, types}, all inside of the module; symbol 0 and
 * string 0 are empty (struct mod_kallsyms, include/linux/module.h).
 */
static bool has_symbols(const struct infer *f, uint64_t mod, uint64_t off)
{
    uint64_t base = word(f, mod + lx_off(f->l, L_module_core_base)), p = word(f, mod + off), symtab,
             strtab;
    uint32_t size = u32_at(f, mod + lx_off(f->l, L_module_core_size)), num;
    uint8_t first[25] = {0}, empty[25] = {0};
    if (!lx_kernel_pointer(f->l, p))
        return false;
    symtab = word(f, p);
    num = u32_at(f, p + f->ps);
    strtab = word(f, p + 2 * f->ps);
    size_t entry = f->ps == 8 ? 24 : 16;
    return num && num < 1 << 20 && in_bounds(symtab - base, num * entry, size) &&
           strtab - base < size && aspace_read(f->as, GVA(symtab), first, entry, NULL) == ST_OK &&
           !memcmp(first, empty, entry) &&
           aspace_read(f->as, GVA(strtab), first, 1, NULL) == ST_OK && !first[0];
}

static void infer_module_symbols(struct infer *f)
{
    if (!lx_has(f->l, L_module_core_base))
        return;
    for (uint64_t off = lx_off(f->l, L_module_core_base); off < MODULE_SPAN; off += f->ps) {
        struct list_walk w;
        uint64_t node, n = 0;
        bool ok = true;
        list_start(&w, f->as, f->ps, f->l->modules, 4096);
        while (ok && list_next(&w, NULL, &node) == 1) {
            ok = has_symbols(f, node - f->ps, off);
            n++;
        }
        if (ok && n) {
            know(f, L_module_kallsyms, (int64_t)off, f->ps);
            know(f, L_mod_kallsyms_symtab, 0, f->ps);
            know(f, L_mod_kallsyms_num, f->ps, 4);
            know(f, L_mod_kallsyms_strtab, 2 * f->ps, f->ps);
            know(f, L_mod_kallsyms_typetab, 3 * f->ps, f->ps);
            return;
        }
    }
}

void lx_infer(struct linux_view *l)
{
    struct infer f = {.l = l, .as = &l->v->kernel, .ps = l->v->ptr_size, .work = MAX_WORK};
    from_vmcoreinfo(&f);
    if (!l->init_task && lx_has(l, L_task_tasks) && find_init_task(&f))
        os_fact(l->v, "init_task", "the idle task's name and list in kernel data", "%#" PRIx64,
                l->init_task);
    if (l->init_task && !lx_has(l, L_task_tasks))
        infer_tasks(&f);
    if (l->modules && lx_has(l, L_module_list))
        return;
    if ((l->modules || infer_module_list(&f)) && l->modules) {
        know(&f, L_module_state, 0, 4);
        know(&f, L_module_list, f.ps, 2 * f.ps);
        know(&f, L_module_name, 3 * f.ps, 64 - f.ps);
        infer_module_core(&f);
        infer_module_refs(&f);
        infer_module_symbols(&f);
        os_fact(l->v, "modules", "inferred from the list's shape", "list at %#" PRIx64, l->modules);
    }
}

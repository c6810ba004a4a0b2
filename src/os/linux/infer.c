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
#include "os/linux/infer_inner.h"

#include <inttypes.h>
#include <stdio.h>

#include "os/linux/find.h"

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

void lx_infer(struct linux_view *l)
{
    struct infer f = {.l = l, .as = &l->v->kernel, .ps = l->v->ptr_size, .work = MAX_WORK};
    from_vmcoreinfo(&f);
    if (!l->init_task && lx_has(l, L_task_tasks) && find_init_task(&f))
        os_fact(l->v, "init_task", "the idle task's name and list in kernel data", "%#" PRIx64,
                l->init_task);
    if (l->init_task && (!l->v->types.ops || !lx_has(l, L_task_tasks))) /* what was given stays */
        infer_tasks(&f);
    if (l->modules && lx_has(l, L_module_list))
        return;
    lx_infer_modules(&f);
}

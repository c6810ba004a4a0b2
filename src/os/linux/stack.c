/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel stacks. x86-64 is unwound by the kernel's own ORC tables, which lie in its memory (sorted
 * addresses beside one entry each: arch/x86/include/asm/orc_types.h, arch/x86/kernel/unwind_orc.c,
 * Linux 4.14 and later), arm64 by its frame records (arch/arm64/kernel/stacktrace.c).
 *
 * The guest can forge stacks and tables: frames are counted, addresses must be kernel addresses,
 * and a search in a table halves it every time.
 */
#include <inttypes.h>

#include "os/linux/linux.h"

enum {
    MAX_FRAMES = 256, /* interrupts on top of exceptions on top of a task, and room */
    ORC_BYTES = 16,   /* an entry has 6; room for what may come */
    MAX_ORCS = 4 << 20,
    NO_REGISTER = 255,
};

/*
 * How entries number what an address is based on. No type tells it; the entry of a function's first
 * instruction does, where the caller's stack is at sp + 8. The indirect forms are used where a
 * stack is switched (entry code), which no sleeping thread is in.
 */
static const struct orc_numbers {
    uint8_t sp, bp, previous_sp, bp_indirect, sp_indirect;
} orc_numbers[] = {
    {5, 4, 1, 8, 9},                     /* orc_types.h, Linux 4.14 to 6.18 */
    {3, 4, 8, NO_REGISTER, NO_REGISTER}, /* read from the tables of Debian's 7.2 */
};

enum orc_kind { ORC_CALL, ORC_REGS, ORC_REGS_PARTIAL, ORC_END, ORC_UNKNOWN };

struct orc {
    enum orc_kind kind;
    int64_t sp_offset, bp_offset;
    unsigned sp_reg, bp_reg;
};

struct unwind {
    struct linux_view *l;
    uint64_t ip, sp, bp;
    uint64_t regs; /* pt_regs that the bp may still be taken from; 0: none */
    bool exact;    /* ip is the next instruction, not a return address */
    struct {
        uint64_t ip, entry, n;
    } kernel; /* the kernel's own table; n == 0: none */
    uint64_t text, etext;
    const struct orc_numbers *number;
};

/* ---- tables ------------------------------------------------------------------------------- */

/* A bit field, or two bytes, of an entry. 0 when this kernel's entries do not have it. */
static uint64_t orc_field(const struct linux_view *l, const uint8_t entry[ORC_BYTES],
                          enum layout_id id)
{
    const struct lx_member *m = &l->m[id];
    unsigned bits = m->bits ? m->bits : m->size * 8;
    uint64_t first = (uint64_t)m->off * 8 + m->bit, v = 0;
    if (!m->known || m->off < 0 || bits > 16 || first + bits > ORC_BYTES * 8)
        return 0;
    for (unsigned i = 0; i < bits; i++)
        v |= (uint64_t)((entry[(first + i) / 8] >> ((first + i) % 8)) & 1) << i;
    return v;
}

/* Types were renumbered in 6.4, when the flag "end" became one of them. */
static enum orc_kind orc_kind(const struct linux_view *l, const uint8_t entry[ORC_BYTES])
{
    static const enum orc_kind before[] = {ORC_CALL, ORC_REGS, ORC_REGS_PARTIAL};
    static const enum orc_kind since[] = {ORC_UNKNOWN, ORC_END, ORC_CALL, ORC_REGS,
                                          ORC_REGS_PARTIAL};
    uint64_t type = orc_field(l, entry, L_orc_type);
    if (lx_has(l, L_orc_end)) {
        if (orc_field(l, entry, L_orc_end))
            return ORC_END;
        return type < ARRAY_LEN(before) ? before[type] : ORC_UNKNOWN;
    }
    return type < ARRAY_LEN(since) ? since[type] : ORC_UNKNOWN;
}

/* Address that the i-th entry begins to describe: an offset from the place where it is stored. */
static int orc_address(const struct linux_view *l, uint64_t table, uint64_t i, uint64_t *ret)
{
    int32_t offset;
    uint64_t at = table + i * 4;
    int st = aspace_read(&l->v->kernel, GVA(at), &offset, sizeof offset, NULL);
    if (st == ST_OK)
        *ret = at + (uint64_t)(int64_t)offset;
    return st;
}

/* The last entry at or below ip. */
static int orc_search(const struct linux_view *l, uint64_t ips, uint64_t entries, uint64_t n,
                      uint64_t ip, struct orc *ret)
{
    uint64_t low = 0, high = n, size = lx_off(l, L_orc_size), address;
    uint8_t entry[ORC_BYTES] = {0};
    if (!n || n > MAX_ORCS || size < 4 || size > ORC_BYTES)
        return ST_ABSENT;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        int st = orc_address(l, ips, middle, &address);
        if (st != ST_OK)
            return st;
        if (address <= ip)
            low = middle;
        else
            high = middle;
    }
    int st = orc_address(l, ips, low, &address);
    if (st == ST_OK && address > ip)
        st = ST_ABSENT;
    if (st == ST_OK)
        st = aspace_read(&l->v->kernel, GVA(entries + low * size), entry, (size_t)size, NULL);
    if (st != ST_OK)
        return st;
    *ret = (struct orc){
        .kind = orc_kind(l, entry),
        .sp_offset = (int16_t)orc_field(l, entry, L_orc_sp_offset),
        .bp_offset = (int16_t)orc_field(l, entry, L_orc_bp_offset),
        .sp_reg = (unsigned)orc_field(l, entry, L_orc_sp_reg),
        .bp_reg = (unsigned)orc_field(l, entry, L_orc_bp_reg),
    };
    return ST_OK;
}

struct find_module {
    uint64_t ip, object;
};

static int match_module(const struct vmi_module *m, void *data)
{
    struct find_module *f = data;
    if (f->ip - m->base >= m->size && f->ip - m->init_base >= m->init_size)
        return 0;
    f->object = m->object;
    return 1;
}

/* The entry of a module's table: struct mod_arch_specific, arch/x86/include/asm/module.h. */
static int orc_of_module(const struct unwind *u, uint64_t ip, struct orc *ret)
{
    struct linux_view *l = u->l;
    struct find_module f = {.ip = ip};
    struct vmi_outcome o = {0};
    uint64_t n, ips, entries;
    int st = lx_modules(l->v, match_module, &f, &o);
    if (st < 0 || !f.object)
        return ST_ABSENT;
    if (lx_read(l, f.object, L_module_num_orcs, &n) != ST_OK ||
        lx_ptr(l, f.object, L_module_orc_ip, &ips) != ST_OK ||
        lx_ptr(l, f.object, L_module_orc, &entries) != ST_OK)
        return ST_ABSENT;
    return orc_search(l, ips, entries, n, ip, ret);
}

static int orc_of(const struct unwind *u, uint64_t ip, struct orc *ret)
{
    if (ip - u->text < u->etext - u->text)
        return orc_search(u->l, u->kernel.ip, u->kernel.entry, u->kernel.n, ip, ret);
    return orc_of_module(u, ip, ret);
}

/* ---- x86-64 ------------------------------------------------------------------------------- */

static int word(const struct unwind *u, uint64_t at, uint64_t *ret)
{
    if (!lx_kernel_pointer(u->l, at))
        return ST_BROKEN;
    return aspace_read(&u->l->v->kernel, GVA(at), ret, 8, NULL);
}

/* The stack pointer of the caller, or where its registers were saved. */
static int caller_sp(const struct unwind *u, const struct orc *o, uint64_t *ret)
{
    const struct orc_numbers *number = u->number;
    uint64_t offset = (uint64_t)o->sp_offset;
    int st = ST_OK;
    if (o->sp_reg == number->sp) {
        *ret = u->sp + offset;
    } else if (o->sp_reg == number->bp) {
        *ret = u->bp + offset;
    } else if (o->sp_reg == number->bp_indirect) {
        st = word(u, u->bp + offset, ret);
    } else if (o->sp_reg == number->sp_indirect) {
        st = word(u, u->sp, ret);
        if (st == ST_OK)
            *ret += offset;
    } else { /* r10, r13, di, dx: only in code that realigns the stack and never sleeps */
        st = ST_UNSUPPORTED;
    }
    return st;
}

/* ip and sp from a pt_regs; ST_ABSENT when it was user mode that was interrupted: the end. */
static int from_registers(struct unwind *u, uint64_t regs, bool whole)
{
    uint64_t cs;
    int st = lx_read(u->l, regs, L_pt_regs_cs, &cs);
    if (st == ST_OK && (cs & 3))
        return ST_ABSENT;
    if (st == ST_OK)
        st = lx_read(u->l, regs, L_pt_regs_ip, &u->ip);
    if (st == ST_OK)
        st = lx_read(u->l, regs, L_pt_regs_sp, &u->sp);
    u->regs = whole ? regs : 0;
    u->exact = true;
    return st;
}

/* One frame up. ST_ABSENT: this was the last. */
static int step_x86(struct unwind *u)
{
    struct orc o;
    uint64_t sp, bp, cs = 0;
    int st = orc_of(u, u->exact ? u->ip : u->ip - 1, &o);
    if (st != ST_OK)
        return st == ST_ABSENT ? ST_UNSUPPORTED : st;
    if (o.kind == ORC_END)
        return ST_ABSENT;
    if (o.kind == ORC_UNKNOWN)
        return ST_UNSUPPORTED;
    st = caller_sp(u, &o, &sp);
    if (st != ST_OK)
        return st;
    uint64_t regs = u->regs;
    if (o.kind == ORC_CALL) {
        st = word(u, sp - 8, &u->ip);
        u->sp = sp;
        u->exact = false;
        u->regs = 0;
    } else {
        bool whole = o.kind == ORC_REGS;
        uint64_t at = whole ? sp : sp - lx_off(u->l, L_pt_regs_ip);
        if (!lx_kernel_pointer(u->l, at) || lx_read(u->l, at, L_pt_regs_cs, &cs) != ST_OK)
            return ST_BROKEN;
        st = from_registers(u, at, whole);
    }
    if (st != ST_OK)
        return st;
    if (o.bp_reg == u->number->previous_sp)
        st = word(u, sp + (uint64_t)o.bp_offset, &bp);
    else if (o.bp_reg == u->number->bp)
        st = word(u, u->bp + (uint64_t)o.bp_offset, &bp);
    else if (u->regs || regs)
        st = lx_read(u->l, u->regs ? u->regs : regs, L_pt_regs_bp, &bp);
    else
        bp = u->bp;
    if (st == ST_OK)
        u->bp = bp;
    return st;
}

/* Where a task that does not run went to sleep: struct inactive_task_frame,
 * arch/x86/include/asm/switch_to.h. */
static int begin_x86(struct unwind *u, uint64_t task)
{
    static const enum layout_id needs[] = {L_thread_sp, L_inactive_size, L_inactive_bp,
                                           L_inactive_ret};
    struct linux_view *l = u->l;
    uint64_t frame;
    int st = lx_require(l, "kernel stacks", needs, ARRAY_LEN(needs));
    if (st == ST_OK)
        st = lx_ptr(l, task, L_thread_sp, &frame);
    if (st == ST_OK)
        st = lx_read(l, frame, L_inactive_ret, &u->ip);
    if (st == ST_OK)
        st = lx_read(l, frame, L_inactive_bp, &u->bp);
    if (st == ST_OK)
        u->sp = frame + lx_off(l, L_inactive_size);
    return st;
}

static int open_tables(struct unwind *u)
{
    static const enum layout_id needs[] = {
        L_orc_size, L_orc_sp_offset, L_orc_bp_offset, L_orc_sp_reg, L_orc_bp_reg,
        L_orc_type, L_pt_regs_ip,    L_pt_regs_sp,    L_pt_regs_bp, L_pt_regs_cs};
    struct linux_view *l = u->l;
    struct orc o;
    uint64_t stop, at;
    int st = lx_require(l, "kernel stacks", needs, ARRAY_LEN(needs));
    if (st != ST_OK)
        return st;
    if (lx_symbol(l, "__start_orc_unwind_ip", &u->kernel.ip) != ST_OK ||
        lx_symbol(l, "__stop_orc_unwind_ip", &stop) != ST_OK || stop <= u->kernel.ip ||
        lx_symbol(l, "__start_orc_unwind", &u->kernel.entry) != ST_OK ||
        lx_symbol(l, "_stext", &u->text) != ST_OK || lx_symbol(l, "_etext", &u->etext) != ST_OK)
        return diag_fail(l->v->diag, ST_UNSUPPORTED,
                         "this kernel has no ORC tables (or no symbols that name them), by which "
                         "its stacks could be unwound");
    u->kernel.n = (stop - u->kernel.ip) / 4;
    if (lx_symbol(l, "schedule", &at) == ST_OK && orc_of(u, at, &o) == ST_OK &&
        o.sp_offset == (int)l->v->ptr_size)
        for (size_t i = 0; i < ARRAY_LEN(orc_numbers); i++)
            if (o.sp_reg == orc_numbers[i].sp)
                u->number = &orc_numbers[i];
    if (!u->number)
        return diag_fail(l->v->diag, ST_UNSUPPORTED,
                         "the ORC tables of this kernel are of a form that is not known");
    return ST_OK;
}

/* ---- arm64 -------------------------------------------------------------------------------- */

/* A return address without its pointer authentication code: kernel addresses are all ones above
 * the width of virtual addresses (48 or 52 bits). */
static uint64_t without_pac(const struct unwind *u, uint64_t ip)
{
    uint64_t narrow = ip | 0xffffull << 48, wide = ip | 0xfffull << 52;
    if (!(ip >> 55 & 1))
        return ip;
    return narrow - u->text < u->etext - u->text ? narrow : wide;
}

/* Frame records: the caller's frame pointer, and the return address beside it. */
static int step_arm64(struct unwind *u)
{
    uint64_t fp, lr;
    if (!u->bp)
        return ST_ABSENT;
    if (u->bp % 8)
        return ST_BROKEN;
    int st = word(u, u->bp, &fp);
    if (st == ST_OK)
        st = word(u, u->bp + 8, &lr);
    if (st != ST_OK)
        return st;
    if (!lr && !fp)
        return ST_ABSENT;
    u->sp = u->bp + 16;
    u->bp = fp;
    u->ip = without_pac(u, lr);
    return ST_OK;
}

static int begin_arm64(struct unwind *u, uint64_t task)
{
    static const enum layout_id needs[] = {L_cpu_context_fp, L_cpu_context_sp, L_cpu_context_pc};
    struct linux_view *l = u->l;
    int st = lx_require(l, "kernel stacks", needs, ARRAY_LEN(needs));
    if (st == ST_OK)
        st = lx_read(l, task, L_cpu_context_fp, &u->bp);
    if (st == ST_OK)
        st = lx_read(l, task, L_cpu_context_sp, &u->sp);
    if (st == ST_OK)
        st = lx_read(l, task, L_cpu_context_pc, &u->ip);
    if (st == ST_OK)
        u->ip = without_pac(u, u->ip);
    return st;
}

/* ---- both --------------------------------------------------------------------------------- */

static int start(struct unwind *u, const struct vmi_process *thread, const struct vmi_frame *from)
{
    struct osview *v = u->l->v;
    bool arm = v->arch == ARCH_ARM64;
    uint64_t running = 0;
    int st = ST_OK;
    if (v->arch != ARCH_X86_64 && !arm)
        return diag_fail(v->diag, ST_UNSUPPORTED,
                         "kernel stacks are unwound on x86-64 and arm64 only");
    if (arm) {
        (void)lx_symbol(u->l, "_stext", &u->text);
        (void)lx_symbol(u->l, "_etext", &u->etext);
    } else {
        st = open_tables(u);
    }
    if (st != ST_OK)
        return st;
    if (from) {
        u->ip = from->ip;
        u->sp = from->sp;
        u->bp = from->bp;
        u->exact = true;
        return ST_OK;
    }
    if (thread->state == 'Z' || thread->state == 'X')
        return diag_fail(v->diag, ST_ABSENT, "thread %d (%s) has ended: it has no stack any more",
                         thread->tid, thread->comm);
    if (lx_read(u->l, thread->object, L_task_on_cpu, &running) == ST_OK && running)
        return diag_fail(v->diag, ST_BUSY,
                         "thread %d (%s) runs on a CPU: its stack is known to its registers only",
                         thread->tid, thread->comm);
    return arm ? begin_arm64(u, thread->object) : begin_x86(u, thread->object);
}

int lx_frames(struct osview *v, const struct vmi_process *thread, const struct vmi_frame *from,
              vmi_frame_cb cb, void *data, struct vmi_outcome *ret)
{
    struct unwind u = {.l = lx_of(v)};
    int st = start(&u, thread, from);
    if (st != ST_OK)
        return st;
    for (unsigned n = 0; n < MAX_FRAMES; n++) {
        struct vmi_frame f = {.ip = u.ip, .sp = u.sp, .bp = u.bp, .exact = u.exact};
        if (!lx_kernel_pointer(u.l, u.ip & ~7ull)) {
            if (n == 0 && !from)
                outcome_cut(ret, "the stack begins at %#" PRIx64 ", which is no kernel code", u.ip);
            return ST_OK;
        }
        ret->count++;
        if (cb(&f, data))
            return ST_OK;
        uint64_t sp = u.sp;
        st = v->arch == ARCH_ARM64 ? step_arm64(&u) : step_x86(&u);
        if (st == ST_ABSENT)
            return ST_OK;
        if (st != ST_OK) {
            outcome_cut(
                ret, "the frame above %#" PRIx64 " (stack %#" PRIx64 ") cannot be found: %s", f.ip,
                sp, st == ST_UNSUPPORTED ? "its code has no unwind entry" : status_name(st));
            return ST_OK;
        }
    }
    outcome_cut(ret, "more than %d frames: the rest is not shown", (int)MAX_FRAMES);
    return ST_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Live QEMU guests, unpatched, started by anyone: "qemu:NAME", "qemu:PID",
 * "qemu:/path/to/qmp.sock".
 *
 * QMP is asked once, when the guest is opened, for the layout of memory; then the socket is given
 * back, since QEMU serves one client at a time and others need it. Registers and pauses connect
 * anew. While we hold the guest paused, the connection is kept, so that nobody can take from us the
 * means to resume it. A process that is killed between pause and resume leaves its guest paused, as
 * any debugger does: `cont` on the monitor resumes it. The layout is that of the time of opening:
 * memory that is plugged in later is not seen, what is unplugged reads as absent.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"
#include "source/qemu.h"

struct qemu {
    struct qemu_process process;
    struct qemu_mem mem;
    struct qemu_layout layout;
    struct qmp qmp;
    char address[256]; /* of the QMP socket, "" when there is none */
    unsigned vcpus, paused;
    bool stopped_by_us, no_registers;
    struct diag story;
};

/* ---- physical memory ------------------------------------------------------------------------- */

/* Words for a failure of qemu_mem, which has none. */
static int tell(struct qemu *q, int st, const char *verb, uint64_t at)
{
    if (st == ST_OK)
        return st;
    if (st == ST_IO)
        return diag_fail(&q->story, st, "the QEMU process %d ended", q->process.pid);
    return diag_fail(&q->story, st, "guest-physical 0x%llx of QEMU process %d: cannot %s it (%s)",
                     (unsigned long long)at, q->process.pid, verb, status_name(st));
}

/* A range's cookie is the host address of its first byte. */
static int read_phys(void *source, const struct phys_range *r, uint64_t at, void *buf, size_t n,
                     size_t *done)
{
    struct qemu *q = source;
    int st = qemu_mem_read(&q->mem, r->cookie + (at - r->start), buf, n, done);
    return st == ST_OK ? st : tell(q, st, "read", at + *done);
}

static bool is_rom(const struct qemu *q, uint64_t at)
{
    for (size_t i = 0; i < q->layout.nr; i++)
        if (at - q->layout.piece[i].start < q->layout.piece[i].len)
            return q->layout.piece[i].rom;
    return false;
}

static int write_phys(void *source, const struct phys_range *r, uint64_t at, const void *buf,
                      size_t n, size_t *done)
{
    struct qemu *q = source;
    *done = 0;
    if (is_rom(q, at))
        return diag_fail(&q->story, ST_DENIED, "guest-physical 0x%llx is read-only memory",
                         (unsigned long long)at);
    int st = qemu_mem_write(&q->mem, r->cookie + (at - r->start), buf, n, done);
    return st == ST_OK ? st : tell(q, st, "write", at + *done);
}

static uint64_t next_data(void *source, const struct phys_range *r, uint64_t at, uint64_t *end)
{
    struct qemu *q = source;
    uint64_t stop,
        hva = qemu_mem_next_data(&q->mem, r->cookie + (at - r->start), r->cookie + r->len, &stop);
    if (hva < r->cookie + r->len)
        *end = r->start + (stop - r->cookie);
    return r->start + (hva - r->cookie);
}

static const struct phys_ops phys_ops = {
    .read = read_phys, .write = write_phys, .next_data = next_data};

static int alive(void *impl)
{
    struct qemu *q = impl;
    return qemu_mem_alive(&q->mem) ? ST_OK : tell(q, ST_IO, NULL, 0);
}

/* Adds a piece, in as many ranges as the process has mappings for it. */
static int add_ranges(struct qemu *q, const struct qemu_piece *p, struct phys *phys)
{
    for (uint64_t done = 0; done < p->len;) {
        struct qemu_vma v;
        uint64_t hva = p->hva + done;
        if (!qemu_mem_vma(&q->mem, hva, &v) || !v.read)
            return diag_fail(&q->story, ST_ABSENT,
                             "QEMU process %d has nothing at 0x%llx, where guest-physical 0x%llx "
                             "should be",
                             q->process.pid, (unsigned long long)hva,
                             (unsigned long long)(p->start + done));
        const struct qemu_view *w = qemu_mem_view(&q->mem, &v);
        struct phys_range r = {.start = p->start + done,
                               .len = MIN_OF(p->len - done, v.end - hva),
                               .host = w ? w->host + (hva - w->start) : NULL,
                               .cookie = hva};
        int st = phys_add(phys, &r);
        if (st != ST_OK)
            return diag_fail(&q->story, st, "QEMU process %d: too many pieces of memory",
                             q->process.pid);
        done += r.len;
    }
    return ST_OK;
}

/* ---- vCPUs ----------------------------------------------------------------------------------- */

static int connect_qmp(struct qemu *q)
{
    if (q->qmp.fd >= 0)
        return ST_OK;
    qmp_close(&q->qmp);
    char state = qemu_process_state(q->process.pid);
    if (!state)
        return tell(q, ST_IO, NULL, 0);
    if (state == 'T' || state == 't')
        return diag_fail(
            &q->story, ST_BUSY,
            "the QEMU process %d is stopped (by a signal or a debugger) and answers nothing",
            q->process.pid);
    return qmp_open(q->address, QMP_GREETING_MS, &q->story, &q->qmp);
}

/* Gives the socket back, unless the guest waits for us to resume it. Passes `st` on, telling when
 * QEMU has gone. */
static int release_qmp(struct qemu *q, int st)
{
    if (!q->stopped_by_us || q->qmp.fd < 0)
        qmp_close(&q->qmp);
    return st == ST_IO && !qemu_mem_alive(&q->mem) ? tell(q, st, NULL, 0) : st;
}

static unsigned vcpu_count(void *source)
{
    return ((struct qemu *)source)->vcpus;
}

static int read_registers(struct qemu *q, unsigned vcpu, struct vcpu_regs *ret)
{
    const char *text;
    int st = connect_qmp(q);
    if (st == ST_OK)
        st = qmp_human(&q->qmp, "info registers -a", &q->story, &text);
    if (st != ST_OK)
        return st;
    st = qemu_registers_parse(text, vcpu, ret);
    return st == ST_OK ? st
                       : diag_fail(&q->story, st,
                                   "QEMU's `info registers -a` tells nothing about vCPU %u", vcpu);
}

static int vcpu_registers(void *source, unsigned vcpu, struct vcpu_regs *ret)
{
    struct qemu *q = source;
    if (q->no_registers || !q->address[0])
        return diag_fail(&q->story, ST_UNSUPPORTED, "registers of QEMU process %d: %s",
                         q->process.pid,
                         q->no_registers ? "not wanted" : "there is no QMP socket to ask");
    return release_qmp(q, read_registers(q, vcpu, ret));
}

static int query_running(struct qemu *q, bool *ret)
{
    struct bytes reply;
    struct json j;
    int st = qmp_execute(&q->qmp, "query-status", NULL, &q->story, &reply);
    if (st != ST_OK)
        return st;
    if (!json_find(reply, "return.running", &j) || (j.token != JSON_TRUE && j.token != JSON_FALSE))
        return diag_fail(&q->story, ST_BROKEN, "QMP query-status: no \"running\" in the answer");
    *ret = j.token == JSON_TRUE;
    return ST_OK;
}

/* A guest that somebody else has paused stays as it is, now and when we resume. */
static int stop_guest(struct qemu *q)
{
    struct bytes reply;
    bool running = false;
    int st = connect_qmp(q);
    if (st == ST_OK)
        st = query_running(q, &running);
    if (st != ST_OK || !running)
        return st;
    st = qmp_execute(&q->qmp, "stop", NULL, &q->story, &reply);
    q->stopped_by_us = st == ST_OK;
    return st;
}

static int continue_guest(struct qemu *q)
{
    struct bytes reply;
    if (!q->stopped_by_us)
        return ST_OK;
    int st = connect_qmp(q);
    if (st == ST_OK)
        st = qmp_execute(&q->qmp, "cont", NULL, &q->story, &reply);
    q->stopped_by_us = st != ST_OK;
    return st;
}

static int vcpu_pause(void *source)
{
    struct qemu *q = source;
    if (q->paused) {
        q->paused++;
        return ST_OK;
    }
    int st = release_qmp(q, stop_guest(q));
    q->paused += st == ST_OK;
    return st;
}

static int vcpu_resume(void *source)
{
    struct qemu *q = source;
    if (!q->paused)
        return diag_fail(&q->story, ST_INVALID, "the guest is not paused by us");
    if (q->paused > 1) {
        q->paused--;
        return ST_OK;
    }
    int st = release_qmp(q, continue_guest(q));
    q->paused -= st == ST_OK;
    return st;
}

static const struct vcpu_ops vcpu_ops = {
    .count = vcpu_count, .registers = vcpu_registers, .pause = vcpu_pause, .resume = vcpu_resume};

/* Without a QMP socket: the count is known from the command line. */
static const struct vcpu_ops vcpu_ops_mute = {.count = vcpu_count, .registers = vcpu_registers};

/* ---- opening --------------------------------------------------------------------------------- */

static void close_qemu(void *impl)
{
    struct qemu *q = impl;
    (void)continue_guest(q);
    qmp_close(&q->qmp);
    qemu_mem_close(&q->mem);
    free(q->layout.piece);
    free(q);
}

/* A 64-bit PC may run a 32-bit kernel: its registers tell. */
static enum guest_arch find_arch(struct qemu *q)
{
    enum { EFER_LMA = 1 << 10, CR0_PG_BIT = 31, NOT_64BIT = 1 << 4 };
    struct vcpu_regs r;
    if (q->no_registers || q->qmp.fd < 0 || read_registers(q, 0, &r) != ST_OK)
        return strcmp(q->process.exe, "qemu-system-aarch64") ? ARCH_UNKNOWN : ARCH_ARM64;
    if (!(r.have & REGS_CR))
        return r.pstate & NOT_64BIT ? ARCH_ARM32 : ARCH_ARM64;
    if ((r.have & REGS_EFER) && (r.efer & EFER_LMA))
        return ARCH_X86_64;
    return r.cr0 >> CR0_PG_BIT & 1 ? ARCH_X86 : ARCH_UNKNOWN;
}

static unsigned count_vcpus(struct qemu *q)
{
    struct bytes reply;
    struct json j;
    unsigned n = 0;
    if (qmp_execute(&q->qmp, "query-cpus-fast", NULL, &q->story, &reply) != ST_OK ||
        !json_find(reply, "return", &j) || j.token != JSON_ARRAY)
        return q->process.args.vcpus;
    while (n < 4096 && json_next(&j) == JSON_OBJECT) {
        n++;
        json_skip(&j);
    }
    return n;
}

/* Connects to the first QMP socket that answers; the address of one that is held is kept for later.
 */
static int find_monitor(struct qemu *q)
{
    char address[sizeof q->address];
    int best = ST_ABSENT;
    diag_fail(&q->story, ST_ABSENT, "QEMU process %d has no QMP socket", q->process.pid);
    for (unsigned i = 0; i < q->process.args.nr_sockets; i++) {
        if (!qemu_socket_address(&q->process, i, address, sizeof address))
            continue;
        if (best != ST_BUSY)
            memcpy(q->address, address, sizeof address);
        int st = qmp_open(address, QMP_GREETING_MS, &q->story, &q->qmp);
        if (st == ST_OK) {
            memcpy(q->address, address, sizeof address);
            return ST_OK;
        }
        best = st == ST_BUSY || best == ST_ABSENT ? st : best;
    }
    return best;
}

static int ask_layout(struct qemu *q)
{
    int st = qemu_layout_ask(&q->qmp, &q->mem, &q->story, &q->layout);
    if (st == ST_OK)
        q->vcpus = count_vcpus(q);
    return st;
}

/* `why`: a few words on why QMP was not asked. */
static int infer_layout(struct qemu *q, const char *why)
{
    char note[sizeof q->layout.note];
    int st = qemu_layout_infer(&q->process, &q->mem, &q->story, &q->layout);
    if (st != ST_OK)
        return diag_wrap(&q->story, st, "%s", why);
    snprintf(note, sizeof note, "%s: %.*s", why, (int)(sizeof note - strlen(why) - 3),
             q->layout.note);
    memcpy(q->layout.note, note, sizeof note);
    return ST_OK;
}

static const char *why_no_monitor(int st)
{
    switch (st) {
    case ST_BUSY:
        return "another client holds QMP (add a second -qmp socket)";
    case ST_DENIED:
        return "no permission for the QMP socket";
    case ST_ABSENT:
        return "no QMP socket";
    default:
        return "QMP failed";
    }
}

/* `address`: the user's own QMP socket, which must work; or NULL. */
static int find_layout(struct qemu *q, const char *address, uint64_t flags)
{
    if (flags & SOURCE_NO_QMP)
        return infer_layout(q, "QMP not wanted");
    char state = qemu_process_state(q->process.pid);
    if (state == 'T' || state == 't')
        return infer_layout(q, "QEMU is stopped by a signal");
    int st;
    if (address) {
        snprintf(q->address, sizeof q->address, "%s", address);
        st = qmp_open(address, QMP_GREETING_MS, &q->story, &q->qmp);
        if (st != ST_OK)
            return st;
        return ask_layout(q);
    }
    st = find_monitor(q);
    if (st == ST_OK)
        st = ask_layout(q);
    return st == ST_OK ? st : infer_layout(q, why_no_monitor(st));
}

static int open_process(struct qemu *q, const char *address, uint64_t flags, struct source *s)
{
    int st = qemu_mem_open(&q->process, &q->story, &q->mem);
    if (st != ST_OK)
        return st;
    st = find_layout(q, address, flags);
    for (size_t i = 0; st == ST_OK && i < q->layout.nr; i++)
        st = add_ranges(q, &q->layout.piece[i], &s->phys);
    if (st == ST_OK)
        s->arch = find_arch(q);
    qmp_close(&q->qmp);
    return st;
}

static int open_found(const struct qemu_process *p, const char *address, uint64_t flags,
                      struct diag *d, struct source *ret)
{
    struct qemu *q = calloc(1, sizeof *q);
    if (!q)
        return diag_fail(d, ST_NOMEM, "out of memory");
    q->process = *p;
    q->mem = (struct qemu_mem){.proc_fd = -1, .mem_fd = -1, .pagemap_fd = -1};
    q->qmp.fd = -1;
    q->vcpus = p->args.vcpus;
    q->no_registers = flags & SOURCE_NO_REGISTERS;
    struct source s = {.kind = "qemu",
                       .id = (uint64_t)p->pid,
                       .live = true,
                       .impl = q,
                       .close = close_qemu,
                       .story = &q->story,
                       .alive = alive};
    phys_init(&s.phys, &phys_ops, q);
    int st = open_process(q, address, flags, &s);
    if (st != ST_OK) {
        diag_fail(d, st, "%s", q->story.text);
        phys_deinit(&s.phys);
        close_qemu(q);
        return st;
    }
    diag_clear(&q->story);
    if (flags & SOURCE_NO_QMP)
        q->address[0] = '\0';
    s.vcpu = q->address[0] ? &vcpu_ops : &vcpu_ops_mute;
    snprintf(s.name, sizeof s.name, "%s", p->args.name[0] ? p->args.name : p->exe);
    snprintf(s.layout_note, sizeof s.layout_note, "%s", q->layout.note);
    *ret = s;
    return ST_OK;
}

static int qemu_open(const char *name, const struct source_options *options, struct diag *d,
                     struct source *ret)
{
    uint64_t flags = options ? options->flags : 0;
    if (!*name)
        return diag_fail(d, ST_INVALID,
                         "qemu: needs a name, a process id or the path of a QMP socket behind it");
    struct qemu_process *p = calloc(1, sizeof *p);
    if (!p)
        return diag_fail(d, ST_NOMEM, "out of memory");
    int st = qemu_find_process(name, d, p);
    if (st == ST_OK)
        st = open_found(p, strchr(name, '/') ? name : NULL, flags, d, ret);
    free(p);
    return st;
}

const struct source_kind qemu_source_kind = {
    .prefix = "qemu:", .open = qemu_open, .list = qemu_list};

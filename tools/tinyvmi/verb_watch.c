/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks at the process list again and again. Between two looks a process may come and go unseen; an
 * event that tells of each needs a hypervisor that traps it.
 */
#include "verbs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIME_TEXT, TIME, EVENT, PID, PPID, UID, START, SEEN, COMM, BEFORE, CMDLINE };

static const struct column columns[] = {
    [TIME_TEXT] = {"TIME", NULL, NULL, 0},
    [TIME] = {NULL, "time", "when it was seen: seconds since 1970, the host's clock", 0},
    [EVENT] = {"EVENT", "event", "there (with --initial), start, exec, rename, end", 0},
    [PID] = {"PID", "pid", "process id", COLUMN_RIGHT},
    [PPID] = {"PPID", "ppid", "the parent's process id", COLUMN_RIGHT},
    [UID] = {"UID", "uid", "real user id", COLUMN_RIGHT},
    [START] = {NULL, "start_ns", "when it was started, nanoseconds since the guest's boot", 0},
    [SEEN] = {NULL, "seen_for", "end: seconds since it was seen first", 0},
    [COMM] = {"COMM", "comm", "its short name", 0},
    [BEFORE] = {NULL, "comm_before", "exec and rename: the name before", 0},
    [CMDLINE] = {"COMMAND LINE", "cmdline", "its arguments; null: could not be read", 0},
    {0},
};

enum { CMDLINE_SIZE = 16 * 1024, PATIENCE = 20, TEXT_SIZE = 32 };

struct seen {
    struct vmi_process p;
    uint64_t since_ns; /* host's clock */
};

struct look { /* one snapshot, sorted by pid */
    struct seen *at;
    size_t n, cap;
};

struct watch {
    struct run *run;
    struct listing l;
    struct look now, last;
    char *buf;
    uint64_t clock; /* of this look: host, since 1970 */
};

static int keep(const struct vmi_process *p, void *data)
{
    struct watch *w = data;
    struct look *look = &w->now;
    if (look->n == look->cap) {
        look->cap = look->cap ? look->cap * 2 : 256;
        look->at = memory_grow(look->at, look->cap, sizeof *look->at);
    }
    look->at[look->n++] = (struct seen){*p, w->clock};
    return 0;
}

static int by_pid(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    return x->p.pid < y->p.pid ? -1 : x->p.pid > y->p.pid;
}

static void event(struct watch *w, const char *what, enum colour colour, const struct seen *s,
                  const char *before)
{
    struct listing *l = &w->l;
    const struct vmi_process *p = &s->p;
    char text[TEXT_SIZE] = "", seconds[TEXT_SIZE];
    struct str was = {0};
    bool ended = !strcmp(what, "end");
    time_t t = (time_t)(w->clock / 1000000000);
    struct tm tm;
    if (localtime_r(&t, &tm))
        strftime(text, sizeof text, "%H:%M:%S", &tm);
    snprintf(seconds, sizeof seconds, "%s.%03u", text, (unsigned)(w->clock / 1000000 % 1000));
    cell_own(l, TIME_TEXT, seconds);
    cell_seconds(l, TIME, w->clock);
    if (ended)
        cell_seconds(l, SEEN, w->clock - s->since_ns);
    cell_own(l, EVENT, what)->colour = colour;
    cell_i64(l, PID, p->pid);
    cell_i64(l, PPID, p->ppid);
    cell_u64(l, UID, p->uid);
    cell_u64(l, START, p->start_ns);
    struct cell *c = cell_guest_n(l, COMM, p->comm, strnlen(p->comm, sizeof p->comm));
    if (p->flags & VMI_PROCESS_KERNEL) {
        c->before = "[";
        c->after = "]";
    }
    if (before) {
        cell_guest_n(l, BEFORE, before, strnlen(before, sizeof p->comm));
        str_puts(&was, "(was ");
        str_guest(&was, before, strnlen(before, sizeof p->comm), 0);
        str_puts(&was, ") ");
    }
    if (!ended && !(p->flags & VMI_PROCESS_KERNEL) &&
        vmi_process_cmdline(w->run->vmi, p, w->buf, CMDLINE_SIZE) == VMI_SUCCESS)
        cell_guest_n(l, CMDLINE, w->buf, strnlen(w->buf, CMDLINE_SIZE));
    l->cell[CMDLINE].before = was.p;
    row_end(l);
    str_free(&was);
}

static bool same(const struct seen *a, const struct seen *b)
{
    return a->p.pid == b->p.pid && a->p.start_ns == b->p.start_ns;
}

/* A list that is read while it changes may lack somebody: ask for it by its id before it is called
 * ended. */
static bool is_still_there(struct watch *w, const struct seen *old)
{
    struct seen now = {0};
    return vmi_get_process(w->run->vmi, old->p.pid, &now.p) == VMI_SUCCESS && same(old, &now);
}

static void changed(struct watch *w, const struct seen *old, struct seen *now)
{
    now->since_ns = old->since_ns;
    if (now->p.mm != old->p.mm && now->p.mm && old->p.mm)
        event(w, "exec", CYAN, now, old->p.comm);
    else if (strncmp(now->p.comm, old->p.comm, sizeof old->p.comm) != 0)
        event(w, "rename", YELLOW, now, old->p.comm);
}

/* Both are sorted: walk them side by side. Who is still there, though not in the list, is carried
 * over. */
static void compare(struct watch *w)
{
    size_t i = 0, k = 0, n = w->now.n;
    while (i < w->last.n || k < n) {
        struct seen *old = i < w->last.n ? &w->last.at[i] : NULL;
        struct seen *now = k < n ? &w->now.at[k] : NULL;
        if (old && now && same(old, now)) {
            changed(w, old, now);
            i++;
            k++;
        } else if (!now || (old && old->p.pid <= now->p.pid)) {
            struct seen gone = *old;
            i++;
            if (is_still_there(w, &gone)) {
                keep(&gone.p, w);
                w->now.at[w->now.n - 1].since_ns = gone.since_ns;
            } else {
                event(w, "end", RED, &gone, NULL);
            }
        } else {
            event(w, "start", GREEN, now, NULL);
            k++;
        }
    }
    if (w->now.n != n)
        qsort(w->now.at, w->now.n, sizeof *w->now.at, by_pid);
}

static bool look(struct watch *w)
{
    struct vmi_outcome o = {0};
    w->now.n = 0;
    w->clock = host_wall_ns();
    if (vmi_each_process(w->run->vmi, 0, keep, w, &o) != VMI_SUCCESS || w->now.n == 0)
        return false;
    qsort(w->now.at, w->now.n, sizeof *w->now.at, by_pid);
    return true;
}

static void remember(struct watch *w)
{
    struct look t = w->last;
    w->last = w->now;
    w->now = t;
}

static int loop(struct watch *w, uint64_t interval, uint64_t until)
{
    unsigned failures = 0;
    while (!host_interrupted() && (until == 0 || host_now_ns() < until)) {
        uint64_t left = until ? until - host_now_ns() : interval;
        host_sleep(left < interval ? left : interval);
        if (host_interrupted())
            break;
        if (!look(w)) {
            enum vmi_error_kind kind = vmi_last_error(w->run->vmi)->kind;
            if (kind == VMI_ERROR_IO || ++failures == PATIENCE)
                return guest_error(w->run, "the guest cannot be read any more"), EXIT_TARGET;
            continue;
        }
        failures = 0;
        compare(w);
        remember(w);
        listing_settle(&w->l);
        if (ferror(w->run->out.f))
            break;
    }
    return EXIT_WELL;
}

static void start_listing(struct watch *w)
{
    struct run *run = w->run;
    listing_start(&w->l, &run->out, run->json ? LISTING_JSON_LINES : LISTING_TABLE,
                  !opt(run, "no-headings"), columns);
    /* Rows come one by one: places for what is usual. */
    w->l.width[EVENT] = 6;
    w->l.width[PID] = w->l.width[PPID] = 6;
    w->l.width[UID] = 5;
    w->l.width[COMM] = 16;
}

static int run(struct run *run)
{
    struct watch w = {.run = run};
    uint64_t interval = 200000000, duration = 0;
    bool live = false;
    int code = opt_duration(run, "interval", &interval);
    if (code || (code = opt_duration(run, "for", &duration)))
        return code;
    if (interval < 1000000)
        return usage_error(run, "--interval is at least 1ms");
    vmi_source_kind(run->vmi, &live);
    if (!live)
        return usage_error(run, "%s is a file; only a running guest can be watched", run->target);
    host_hold_signals();
    w.buf = memory_grow(NULL, CMDLINE_SIZE, 1);
    start_listing(&w);
    uint64_t until = duration ? host_now_ns() + duration : 0;
    if (!look(&w)) {
        code = guest_error(run, "cannot list the processes");
    } else {
        for (size_t i = 0; i < w.now.n && opt(run, "initial"); i++)
            event(&w, "there", PLAIN, &w.now.at[i], NULL);
        listing_settle(&w.l);
        remember(&w);
        code = loop(&w, interval, until);
    }
    listing_end(&w.l);
    free(w.buf);
    free(w.now.at);
    free(w.last.at);
    return code;
}

const struct verb verb_watch = {
    .name = "watch",
    .purpose = "processes of a running guest that start, change their program, and end",
    .operands = (const struct operand[]){TARGET_OPERAND, {0}},
    .options =
        (const struct option_row[]){
            {"interval", 'i', "TIME", "look this often: 50ms, 1s (default: 200ms)", 0, NULL},
            {"for", 'd', "TIME", "end after this time: 30s, 5m (default: Ctrl-C ends it)", 0, NULL},
            {"initial", 'a', NULL, "list what is there at the start, too", 0, NULL},
            {0},
        },
    .about =
        (const char *const[]){
            "The guest is neither paused nor changed: its process list is read again and again, "
            "so what lives shorter than the interval may pass unseen. TIME is the host's clock. "
            "With --json, one object a line.",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){
            {"tinyvmi watch qemu:web1", "until Ctrl-C"},
            {"tinyvmi watch qemu:web1 --for 10s --json | jq -c 'select(.event == \"start\")'",
             "what is started within ten seconds"},
            {0}},
    .see_also = "ps check",
    .flags = VERB_KERNEL,
    .run = run,
};

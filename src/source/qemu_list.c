/* SPDX-License-Identifier: BSD-2-Clause */
/* Which QEMU guests there are: one of them by what a person calls it, or all with what can be told
 * from outside. */
#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"
#include "source/qemu.h"

enum { LIST_GREETING_MS = 300 };

/* ---- by name --------------------------------------------------------------------------------- */

struct name_search {
    const char *name;
    struct qemu_process *found;
    unsigned matches, guests;
    char list[320]; /* for the message */
    bool only_matches;
};

static int compare_name(const struct qemu_process *p, void *arg)
{
    struct name_search *s = arg;
    bool match = !strcmp(p->args.name, s->name);
    s->guests++;
    if (match && !s->matches++)
        *s->found = *p;
    size_t n = strlen(s->list);
    if (match || !s->only_matches)
        snprintf(s->list + n, sizeof s->list - n, "%sqemu:%s%s%d%s", n ? ", " : "", p->args.name,
                 p->args.name[0] ? " (qemu:" : "", p->pid, p->args.name[0] ? ")" : "");
    return 0;
}

static int find_by_name(const char *name, struct diag *d, struct qemu_process *ret)
{
    struct name_search s = {.name = name, .found = ret};
    qemu_each_process(compare_name, &s);
    if (s.matches == 1)
        return ST_OK;
    if (!s.guests)
        return diag_fail(d, ST_ABSENT,
                         "qemu:%s: no QEMU guest runs on this machine that can be seen from here",
                         name);
    if (!s.matches)
        return diag_fail(d, ST_ABSENT, "qemu:%s: no such guest; there %s %s", name,
                         s.guests == 1 ? "is" : "are", s.list);
    s = (struct name_search){.name = name, .found = ret, .only_matches = true};
    qemu_each_process(compare_name, &s);
    return diag_fail(d, ST_INVALID,
                     "qemu:%s: %u guests have that name, say which by its process: %s", name,
                     s.matches, s.list);
}

static bool all_digits(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10;
}

int qemu_find_process(const char *name, struct diag *d, struct qemu_process *ret)
{
    if (strchr(name, '/'))
        return qemu_process_of_socket(name, d, ret);
    if (all_digits(name) && qemu_process_read(atoi(name), ret) == ST_OK)
        return ST_OK;
    return find_by_name(name, d, ret);
}

/* ---- all ------------------------------------------------------------------------------------- */

struct listing {
    struct vmi_target *target;
    size_t nr, cap;
    bool cut;
};

static const char *path_kind(const struct qemu_vma *v)
{
    if (v->path_n >= 7 && !memcmp(v->path, "/memfd:", 7))
        return "memfd";
    return v->path_n >= 9 && !memcmp(v->path, "/dev/shm/", 9) ? "shared memory" : "file";
}

static void describe_access(const struct qemu_process *p, struct vmi_target *t)
{
    struct qemu_mem m;
    struct qemu_vma v;
    struct diag d;
    int st = qemu_mem_open(p, &d, &m);
    if (st != ST_OK) {
        snprintf(t->access, sizeof t->access, "%s",
                 st == ST_DENIED ? "no permission: run as root or in QEMU's user"
                                 : "the process ended");
        return;
    }
    const char *how = m.by_file ? "/proc/PID/mem" : "process_vm_readv";
    if (qemu_main_vma(p, &m, &v) != ST_OK)
        snprintf(t->access, sizeof t->access, "%s", how);
    else if (!v.inode)
        snprintf(t->access, sizeof t->access, "anonymous, %s", how);
    else if (qemu_mem_view(&m, &v))
        snprintf(t->access, sizeof t->access, "%s, mapped", path_kind(&v));
    else
        snprintf(t->access, sizeof t->access, "%s%s, %s", v.shared ? "" : "private ", path_kind(&v),
                 how);
    qemu_mem_close(&m);
}

static void describe_state(const struct qemu_process *p, struct vmi_target *t)
{
    struct qmp q = {.fd = -1};
    struct bytes reply;
    struct json j;
    char address[256];
    char state = qemu_process_state(p->pid);
    if (state == 'T' || state == 't') {
        snprintf(t->state, sizeof t->state, "stopped by a signal");
        return;
    }
    for (unsigned i = 0; q.fd < 0 && i < p->args.nr_sockets; i++)
        if (!qemu_socket_address(p, i, address, sizeof address) ||
            qmp_open(address, LIST_GREETING_MS, NULL, &q) != ST_OK)
            q.fd = -1;
    if (q.fd < 0)
        return;
    if (qmp_execute(&q, "query-status", NULL, NULL, &reply) == ST_OK &&
        !json_find_text(reply, "return.status", t->state, sizeof t->state))
        t->state[0] = '\0';
    if (qmp_execute(&q, "query-memory-size-summary", NULL, NULL, &reply) == ST_OK) {
        uint64_t base =
            json_find(reply, "return.base-memory", &j) && j.token == JSON_INTEGER ? j.value : 0;
        uint64_t plugged =
            json_find(reply, "return.plugged-memory", &j) && j.token == JSON_INTEGER ? j.value : 0;
        if (base && !add_fits(base, plugged, &t->memory))
            t->memory = base;
    }
    qmp_close(&q);
}

static int list_process(const struct qemu_process *p, void *arg)
{
    struct listing *l = arg;
    if (l->nr == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        struct vmi_target *t = realloc(l->target, cap * sizeof *t);
        l->cut = !t;
        if (!t)
            return 1;
        l->target = t;
        l->cap = cap;
    }
    struct vmi_target *t = &l->target[l->nr++];
    *t = (struct vmi_target){
        .kind = "qemu", .id = p->pid, .memory = p->args.memory, .vcpus = p->args.vcpus};
    snprintf(t->name, sizeof t->name, "%s", p->args.name);
    describe_state(p, t);
    describe_access(p, t);
    return 0;
}

/* By name where that is enough, by process otherwise. */
static void name_target(struct listing *l, struct vmi_target *t)
{
    unsigned same = 0;
    for (size_t i = 0; i < l->nr; i++)
        same += !strcmp(l->target[i].name, t->name);
    if (t->name[0] && same == 1 && !all_digits(t->name) && !strchr(t->name, '/'))
        snprintf(t->target, sizeof t->target, "qemu:%s", t->name);
    else
        snprintf(t->target, sizeof t->target, "qemu:%lld", (long long)t->id);
}

int qemu_list(vmi_target_cb cb, void *data, struct vmi_outcome *ret)
{
    struct listing l = {0};
    qemu_each_process(list_process, &l);
    for (size_t i = 0; i < l.nr; i++) {
        name_target(&l, &l.target[i]);
        ret->count++;
        if (cb(&l.target[i], data))
            break;
    }
    if (l.cut && !ret->partial) {
        ret->partial = true;
        snprintf(ret->reason, sizeof ret->reason, "out of memory");
    }
    free(l.target);
    return ST_OK;
}

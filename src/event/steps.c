/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single-steps. A vCPU steps while a hook has it on, or a job of it is under way. For the vCPU of
 * the request under way that is said with the reply; for others the source is told after the
 * batch, when no answer for them is on its way that could undo it.
 */
#include <stdlib.h>

#include "event/monitor_inner.h"

static bool hook_steps(const struct hook *h, unsigned vcpu)
{
    return h->state == HOOK_ACTIVE && vcpu < STEP_VCPUS && (h->step.on >> vcpu & 1);
}

bool steps_wanted(const struct monitor *m, unsigned vcpu)
{
    if (m->job_count[vcpu])
        return true;
    for (const struct hook *h = m->hooks[EVENT_STEP]; h; h = h->next)
        if (hook_steps(h, vcpu))
            return true;
    return false;
}

bool monitor_steps(const struct monitor *m, unsigned vcpu)
{
    return vcpu < m->caps.vcpus && steps_wanted(m, vcpu);
}

int steps_sync(struct monitor *m)
{
    int first = ST_OK;
    if (!m->steps_changed)
        return ST_OK;
    m->steps_changed = false;
    for (unsigned v = 0; v < m->caps.vcpus; v++) {
        bool on = steps_wanted(m, v);
        if (on == m->steps[v])
            continue;
        int st = m->ops->step(m->events, v, on);
        if (st == ST_OK)
            m->steps[v] = on;
        first = first == ST_OK ? st : first;
    }
    return first;
}

/* Something has changed: at once, or with the batch. */
static int changed(struct monitor *m)
{
    m->steps_changed = true;
    return m->in_batch ? ST_OK : steps_sync(m);
}

static int check_vcpu(struct monitor *m, unsigned vcpu)
{
    if (vcpu < m->caps.vcpus)
        return ST_OK;
    return diag_fail(m->diag, ST_INVALID, "the guest has no vCPU %u: it has %u", vcpu,
                     m->caps.vcpus);
}

int monitor_step_vcpu(struct monitor *m, struct hook *h, unsigned vcpu, bool on)
{
    int st = check_vcpu(m, vcpu);
    if (st != ST_OK)
        return st;
    if (vcpu >= STEP_VCPUS || h->kind != EVENT_STEP || h->state != HOOK_ACTIVE)
        return diag_fail(m->diag, ST_INVALID, "that hook cannot step vCPU %u", vcpu);
    uint64_t before = h->step.on;
    h->step.vcpus = on ? h->step.vcpus | UINT64_C(1) << vcpu : h->step.vcpus;
    h->step.on = on ? before | UINT64_C(1) << vcpu : before & ~(UINT64_C(1) << vcpu);
    st = changed(m);
    if (st != ST_OK)
        h->step.on = before;
    return st;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

int monitor_step(struct monitor *m, struct step_job *job)
{
    int st = check_vcpu(m, job->vcpu);
    if (st != ST_OK)
        return st;
    if (!job->steps || !job->done)
        return diag_fail(m->diag, ST_INVALID, "at least one step is needed, and who is told");
    st = traps_need_steps(m);
    if (st != ST_OK)
        return st;
    struct step_job **at = &m->jobs; /* those that are asked for first are done first */
    while (*at)
        at = &(*at)->next;
    *at = job;
    job->next = NULL;
    m->job_count[job->vcpu]++;
    st = changed(m);
    if (st != ST_OK)
        monitor_cancel(m, job);
    return st;
}

int monitor_cancel(struct monitor *m, struct step_job *job)
{
    for (struct step_job **at = &m->jobs; *at; at = &(*at)->next) {
        if (*at != job)
            continue;
        *at = job->next;
        job->next = NULL;
        m->job_count[job->vcpu]--;
        return changed(m);
    }
    return ST_ABSENT;
}

/* A job of this vCPU whose steps are done, taken off the list; NULL: none. */
static struct step_job *take_done(struct monitor *m, unsigned vcpu)
{
    for (struct step_job **at = &m->jobs; *at; at = &(*at)->next) {
        struct step_job *j = *at;
        if (j->vcpu != vcpu || j->steps)
            continue;
        *at = j->next;
        j->next = NULL;
        m->job_count[vcpu]--;
        return j;
    }
    return NULL;
}

bool steps_dispatch(struct monitor *m, struct event_request *q, struct event_reply *reply)
{
    bool mine = false;
    struct step_job *done;
    for (struct step_job *j = m->jobs; j; j = j->next) {
        mine |= j->vcpu == q->vcpu;
        j->steps -= j->vcpu == q->vcpu;
    }
    /* One by one: what is called may cancel others, and start new ones. */
    while ((done = take_done(m, q->vcpu)))
        done->done(m, done, q, reply);
    return mine;
}

void steps_cancel_all(struct monitor *m)
{
    while (m->jobs) {
        struct step_job *j = m->jobs;
        m->jobs = j->next;
        m->job_count[j->vcpu]--;
        m->steps_changed = true;
        j->next = NULL;
        j->done(m, j, NULL, NULL);
    }
}

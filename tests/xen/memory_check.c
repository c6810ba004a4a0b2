/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory events, single-steps and views of a Xen guest on Intel, through LibVMI's API. Each check
 * traps what the guest's kernel does all the time, and prints "ok NAME ..." or "FAIL NAME ...".
 *
 *   memory_check TARGET SECONDS [NAME...]    SECONDS: for each check
 *
 * Exit 0 when all are ok; 3 when the guest has no memory events (the reason is on stderr).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libvmi/events.h>
#include <libvmi/libvmi.h>
#include <libvmi/slat.h>
#include <tinyvmi/tinyvmi.h>

enum { WANTED = 20 };

/* What one check has seen. */
struct check {
    unsigned events, steps, wrong;
    char why[200]; /* the first thing that was wrong */
    addr_t gfn, gfn_end, va;
    uint16_t view;
    bool stop;
    vmi_event_t event, step;
};

static unsigned limit_seconds;

static void wrong(struct check *c, const char *what, addr_t is, addr_t should)
{
    if (!c->wrong++)
        snprintf(c->why, sizeof c->why, "%s is 0x%lx, not 0x%lx", what, is, should);
}

static void look(vmi_instance_t vmi, struct check *c, vmi_event_t *e)
{
    addr_t pa = 0;
    c->events++;
    if (e->mem_event.gfn < c->gfn || e->mem_event.gfn >= c->gfn_end)
        wrong(c, "gfn", e->mem_event.gfn, c->gfn);
    if (!(e->mem_event.out_access & e->mem_event.in_access))
        wrong(c, "access", e->mem_event.out_access, e->mem_event.in_access);
    if (!e->mem_event.gla_valid || e->mem_event.gptw)
        return;
    if ((e->mem_event.gla & 0xfff) != e->mem_event.offset)
        wrong(c, "gla's offset", e->mem_event.gla & 0xfff, e->mem_event.offset);
    if (e->mem_event.out_access == VMI_MEMACCESS_X && e->mem_event.gla != e->x86_regs->rip)
        wrong(c, "gla of an execution", e->mem_event.gla, e->x86_regs->rip);
    if (vmi_pagetable_lookup(vmi, e->x86_regs->cr3, e->mem_event.gla, &pa) == VMI_SUCCESS &&
        pa >> 12 != e->mem_event.gfn)
        wrong(c, "what gla translates to", pa >> 12, e->mem_event.gfn);
}

static bool listen(vmi_instance_t vmi, struct check *c)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    for (time_t end = t.tv_sec + limit_seconds; t.tv_sec < end && !c->stop;) {
        if (vmi_events_listen(vmi, 200) != VMI_SUCCESS && !c->wrong++)
            snprintf(c->why, sizeof c->why, "%.190s", vmi_last_error(vmi)->text);
        clock_gettime(CLOCK_MONOTONIC, &t);
    }
    return c->stop;
}

static bool fail(vmi_instance_t vmi, struct check *c)
{
    c->wrong++;
    snprintf(c->why, sizeof c->why, "%.190s", vmi_last_error(vmi)->text);
    return false;
}

static bool clear(vmi_instance_t vmi, struct check *c, vmi_event_t *e)
{
    vmi_pause_vm(vmi);
    while (vmi_are_events_pending(vmi) > 0)
        (void)vmi_events_listen(vmi, 0);
    bool ok = vmi_clear_event(vmi, e, NULL) == VMI_SUCCESS || fail(vmi, c);
    vmi_resume_vm(vmi);
    return ok;
}

/* ---- answers -----------------------------------------------------------------------------------
 */

/* Lifts the restriction, steps over, registers again. */
static event_response_t step_over(vmi_instance_t vmi, vmi_event_t *e)
{
    struct check *c = e->data;
    look(vmi, c, e);
    if (c->stop)
        return VMI_EVENT_RESPONSE_NONE;
    c->stop = c->events >= WANTED;
    if (vmi_clear_event(vmi, e, NULL) != VMI_SUCCESS ||
        vmi_step_event(vmi, e, e->vcpu_id, 1, NULL) != VMI_SUCCESS)
        fail(vmi, c);
    return VMI_EVENT_RESPONSE_NONE;
}

static event_response_t emulate(vmi_instance_t vmi, vmi_event_t *e)
{
    struct check *c = e->data;
    look(vmi, c, e);
    c->stop = c->events >= WANTED;
    return VMI_EVENT_RESPONSE_EMULATE;
}

static event_response_t relax(vmi_instance_t vmi, vmi_event_t *e)
{
    struct check *c = e->data;
    look(vmi, c, e);
    c->stop = c->events >= WANTED;
    if (vmi_set_mem_event(vmi, e->mem_event.gfn, VMI_MEMACCESS_N, 0) != VMI_SUCCESS)
        fail(vmi, c);
    return VMI_EVENT_RESPONSE_NONE;
}

static event_response_t leave_view(vmi_instance_t vmi, vmi_event_t *e)
{
    struct check *c = e->data;
    look(vmi, c, e);
    if (e->slat_id != c->view)
        wrong(c, "view", e->slat_id, c->view);
    e->slat_id = 0;
    return VMI_EVENT_RESPONSE_SLAT_ID | VMI_EVENT_RESPONSE_TOGGLE_SINGLESTEP;
}

static event_response_t enter_view(vmi_instance_t vmi, vmi_event_t *e)
{
    struct check *c = e->data;
    (void)vmi;
    c->steps++;
    c->stop = c->steps >= WANTED;
    e->slat_id = c->stop ? 0 : c->view;
    return VMI_EVENT_RESPONSE_SLAT_ID | VMI_EVENT_RESPONSE_TOGGLE_SINGLESTEP;
}

static event_response_t fast(vmi_instance_t vmi, vmi_event_t *e)
{
    struct check *c = e->data;
    look(vmi, c, e);
    c->stop = c->events >= WANTED;
    e->slat_id = 0;
    e->next_slat_id = c->stop ? 0 : c->view;
    return c->stop ? VMI_EVENT_RESPONSE_SLAT_ID
                   : VMI_EVENT_RESPONSE_SLAT_ID | VMI_EVENT_RESPONSE_NEXT_SLAT_ID;
}

static event_response_t count_step(vmi_instance_t vmi, vmi_event_t *e)
{
    struct check *c = e->data;
    (void)vmi;
    c->steps++;
    if (e->ss_event.gla != e->x86_regs->rip)
        wrong(c, "gla of a step", e->ss_event.gla, e->x86_regs->rip);
    c->stop = c->steps >= 5 * WANTED;
    return VMI_EVENT_RESPONSE_NONE;
}

/* ---- checks ------------------------------------------------------------------------------------
 */

/* The frame of a kernel symbol. */
static bool at_symbol(vmi_instance_t vmi, struct check *c, const char *symbol)
{
    addr_t pa;
    if (vmi_translate_ksym2v(vmi, symbol, &c->va) != VMI_SUCCESS ||
        vmi_translate_kv2p(vmi, c->va, &pa) != VMI_SUCCESS)
        return fail(vmi, c);
    c->gfn = pa >> 12;
    c->gfn_end = c->gfn + 1;
    return true;
}

static bool on_frame(vmi_instance_t vmi, struct check *c, const char *symbol,
                     vmi_mem_access_t access, event_callback_t callback)
{
    if (!at_symbol(vmi, c, symbol))
        return false;
    SETUP_MEM_EVENT(&c->event, c->gfn, access, callback, false);
    c->event.data = c;
    if (vmi_register_event(vmi, &c->event) != VMI_SUCCESS)
        return fail(vmi, c);
    bool enough = listen(vmi, c);
    (void)vmi_events_listen(vmi, 200); /* a step that is under way registers the event again */
    return clear(vmi, c, &c->event) && enough;
}

/* Executed at every timer tick, and written by it. */
#define CODE "update_process_times"
#define DATA "jiffies"

static bool check_x(vmi_instance_t vmi, struct check *c)
{
    return on_frame(vmi, c, CODE, VMI_MEMACCESS_X, step_over);
}

static bool check_w(vmi_instance_t vmi, struct check *c)
{
    return on_frame(vmi, c, DATA, VMI_MEMACCESS_W, step_over);
}

static bool check_rw(vmi_instance_t vmi, struct check *c)
{
    return on_frame(vmi, c, DATA, VMI_MEMACCESS_RW, step_over);
}

static bool check_emulate(vmi_instance_t vmi, struct check *c)
{
    return on_frame(vmi, c, DATA, VMI_MEMACCESS_W, emulate);
}

static bool check_range(vmi_instance_t vmi, struct check *c)
{
    if (!at_symbol(vmi, c, "_text"))
        return false;
    c->gfn_end = c->gfn + 1024;
    SETUP_MEM_EVENT(&c->event, 0, VMI_MEMACCESS_X, relax, true);
    c->event.data = c;
    if (vmi_register_event(vmi, &c->event) != VMI_SUCCESS ||
        vmi_set_mem_event_range(vmi, c->gfn, c->gfn_end, VMI_MEMACCESS_X, 0) != VMI_SUCCESS)
        return fail(vmi, c);
    bool enough = listen(vmi, c);
    if (vmi_set_mem_event_range(vmi, c->gfn, c->gfn_end, VMI_MEMACCESS_N, 0) != VMI_SUCCESS)
        return fail(vmi, c);
    return clear(vmi, c, &c->event) && enough;
}

static bool check_step(vmi_instance_t vmi, struct check *c)
{
    SETUP_SINGLESTEP_EVENT(&c->step, 1, count_step, true);
    c->step.data = c;
    if (vmi_register_event(vmi, &c->step) != VMI_SUCCESS)
        return fail(vmi, c);
    bool enough = listen(vmi, c);
    return clear(vmi, c, &c->step) && enough;
}

static bool in_view(vmi_instance_t vmi, struct check *c, event_callback_t callback, bool steps)
{
    bool on;
    if (vmi_slat_state(vmi, &on) != VMI_SUCCESS || vmi_slat_control(vmi, true) != VMI_SUCCESS ||
        vmi_slat_create(vmi, &c->view) != VMI_SUCCESS || !at_symbol(vmi, c, CODE))
        return fail(vmi, c);
    /* All frames are in the view from the start: Xen would copy each at its first access, and what
     * goes wrong then would look like ours. */
    if (vmi_set_mem_event_range(vmi, 0, vmi_get_memsize(vmi) >> 12, VMI_MEMACCESS_N, c->view) !=
        VMI_SUCCESS)
        return fail(vmi, c);
    SETUP_MEM_EVENT(&c->event, c->gfn, VMI_MEMACCESS_X, callback, false);
    c->event.slat_id = c->view;
    c->event.data = c;
    SETUP_SINGLESTEP_EVENT(&c->step, 1, enter_view, false);
    c->step.data = c;
    if (vmi_register_event(vmi, &c->event) != VMI_SUCCESS ||
        (steps && vmi_register_event(vmi, &c->step) != VMI_SUCCESS) ||
        vmi_slat_switch(vmi, c->view) != VMI_SUCCESS)
        return fail(vmi, c);
    bool enough = listen(vmi, c);
    vmi_pause_vm(vmi);
    bool ok = vmi_slat_switch(vmi, 0) == VMI_SUCCESS || fail(vmi, c);
    vmi_resume_vm(vmi);
    ok = clear(vmi, c, &c->event) && ok;
    if (steps)
        ok = clear(vmi, c, &c->step) && ok;
    if (vmi_slat_destroy(vmi, c->view) != VMI_SUCCESS || vmi_slat_control(vmi, on) != VMI_SUCCESS)
        return fail(vmi, c);
    return ok && enough;
}

static bool check_view(vmi_instance_t vmi, struct check *c)
{
    return in_view(vmi, c, leave_view, true);
}

static bool check_fast(vmi_instance_t vmi, struct check *c)
{
    return in_view(vmi, c, fast, false);
}

static const struct {
    const char *name;
    bool (*run)(vmi_instance_t vmi, struct check *c);
} checks[] = {
    {"execute", check_x},       {"write", check_w},        {"read-write", check_rw},
    {"emulate", check_emulate}, {"range", check_range},    {"step", check_step},
    {"view", check_view},       {"fast-step", check_fast},
};

static bool asked(int argc, char **argv, const char *name)
{
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc <= 3;
}

int main(int argc, char **argv)
{
    vmi_instance_t vmi;
    vmi_init_error_t error;
    int bad = 0;
    if (argc < 3)
        return fprintf(stderr, "usage: memory_check TARGET SECONDS [NAME...]\n"), 2;
    limit_seconds = (unsigned)strtoul(argv[2], NULL, 0);
    if (vmi_init_complete(&vmi, argv[1], VMI_INIT_DOMAINNAME | VMI_INIT_EVENTS, NULL,
                          VMI_CONFIG_GLOBAL_FILE_ENTRY, NULL, &error) != VMI_SUCCESS)
        return fprintf(stderr, "memory_check: %s\n", vmi_last_error(NULL)->text), 1;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && bad != 3; i++) {
        if (!asked(argc, argv, checks[i].name))
            continue;
        struct check c = {0};
        bool ok = checks[i].run(vmi, &c) && !c.wrong;
        printf("%s %s: %u events, %u steps%s%s\n", ok ? "ok" : "FAIL", checks[i].name, c.events,
               c.steps, c.why[0] ? ": " : "", c.why);
        fflush(stdout);
        if (!ok && vmi_last_error(vmi)->kind == VMI_ERROR_UNSUPPORTED && !c.events) {
            fprintf(stderr, "memory_check: %s\n", vmi_last_error(vmi)->text);
            bad = 3;
        } else {
            bad |= !ok;
        }
    }
    vmi_destroy(vmi);
    return bad;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between LibVMI's events and the monitor (event/monitor.h): each registered vmi_event_t has a hook
 * here. events.c has checked what holds for every source.
 */
#ifndef TINYVMI_VMI_BRIDGE_H
#define TINYVMI_VMI_BRIDGE_H

#include "event/monitor.h"
#include "vmi/monitor.h"

/* One registered event. */
struct api_event {
    struct hook hook; /* hook.data is this */
    vmi_instance_t vmi;
    vmi_event_t *event; /* the program's */
    vmi_event_free_t free_routine;
    vmi_event_t *swap_to; /* a swap waits for the end of the batch */
    addr_t gfn;           /* MEMORY, as registered: the program's structure is overwritten */
    uint16_t view;
    uint8_t access; /* VMI_MEMACCESS_*, as registered */
    struct api_event *next;
};

/* A vmi_step_event that is under way. */
struct api_step {
    struct step_job job; /* job.data is this */
    vmi_instance_t vmi;
    vmi_event_t *event;
    event_callback_t cb;
    struct api_step *next;
};

struct api_watch;

struct bridge {
    struct monitor *monitor; /* NULL: opened for the domain watch alone */
    struct diag diag;
    struct api_event *events;
    struct api_step *steps;
    struct api_watch *watch; /* NULL: none registered */
    x86_registers_t regs;    /* of the callback under way */
    bool in_callback;
    bool broke;     /* a callback broke a rule in this vmi_events_listen */
    char rule[160]; /* which */
};

extern const struct monitor_ops bridge_ops;

/* Switches events on. `channel`: the program's own event-channel handle, or NULL. The story is in
 * the instance's diag on failure. */
MUST_USE int bridge_open(vmi_instance_t vmi, void *channel);
/* For an instance that is opened for the domain watch. */
MUST_USE int bridge_open_watch(vmi_instance_t vmi);
void bridge_close(vmi_instance_t vmi);
/* Takes over the monitor's story. */
status_t bridge_fail(vmi_instance_t vmi, int st);
/* A rule that the program broke: vmi_events_listen will fail. */
void bridge_broke(vmi_instance_t vmi, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- bridge_register.c --------------------------------------------------------------------------
 */
status_t bridge_add(vmi_instance_t vmi, vmi_event_t *event);
status_t bridge_clear(vmi_instance_t vmi, vmi_event_t *event, vmi_event_free_t free_routine);
status_t bridge_swap(vmi_instance_t vmi, vmi_event_t *from, vmi_event_t *to,
                     vmi_event_free_t free_routine);
/* The registration of this structure, or NULL. */
struct api_event *bridge_find(vmi_instance_t vmi, const vmi_event_t *event);
uint8_t bridge_access(vmi_mem_access_t access); /* as ACCESS_* */

/* ---- bridge_dispatch.c --------------------------------------------------------------------------
 */
enum hook_result bridge_on_event(struct monitor *m, struct hook *hook, struct event_request *q,
                                 struct event_reply *reply);
/* Calls `cb` for an event whose step is done. */
void bridge_call(vmi_instance_t vmi, vmi_event_t *event, event_callback_t cb,
                 struct event_request *q, struct event_reply *reply);

/* ---- bridge_steps.c -----------------------------------------------------------------------------
 */
struct api_event *bridge_step_event_of(vmi_instance_t vmi, uint32_t vcpu);
status_t bridge_step(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu, uint64_t steps,
                     event_callback_t cb);
status_t bridge_toggle_step(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu, bool enabled);
status_t bridge_stop_step(vmi_instance_t vmi, vmi_event_t *event, uint32_t vcpu);
status_t bridge_stop_all_steps(vmi_instance_t vmi);

/* ---- bridge_watch.c -----------------------------------------------------------------------------
 */
status_t watch_add(vmi_instance_t vmi, vmi_event_t *event);
status_t watch_clear(vmi_instance_t vmi, vmi_event_free_t free_routine);
vmi_event_t *watch_event(const struct bridge *b);
/* Reports what has changed; with a watch-only instance, waits. */
MUST_USE int watch_listen(vmi_instance_t vmi, uint64_t timeout_ns);
bool watch_news(const struct bridge *b); /* something is to be told without waiting */
void watch_close(struct bridge *b);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Breakpoints of tinyvmi.h on event/breakpoint.h. */
#include <stdlib.h>

#include "event/breakpoint.h"
#include "platform/platform.h"
#include "vmi/access.h"
#include "vmi/breaks.h"
#include "vmi/bridge.h"

struct vmi_breakpoint {
    struct breakpoint at;
    vmi_instance_t vmi;
    vmi_hit_cb cb;
    void *data;
    addr_t va;
    uint64_t dtb;                /* of the process; 0: any */
    bool calling, cleared;       /* in its callback; to be freed after it */
    struct vmi_breakpoint *next; /* of the instance */
};

static void forget(struct vmi_breakpoint *b)
{
    struct vmi_breakpoint **at = &b->vmi->breakpoint;
    while (*at && *at != b)
        at = &(*at)->next;
    if (*at)
        *at = b->next;
    breakpoint_remove(b->vmi->breakpoints, &b->at);
    if (b->calling)
        b->cleared = true;
    else
        free(b);
}

static void hit(struct breakpoints *all, struct breakpoint *at, const struct event_request *q)
{
    struct vmi_breakpoint *b = at->data;
    const struct event_regs *r = &q->regs;
    bool user = (r->seg[SEG_CS].sel & 3) == 3;
    (void)all;
    if (b->dtb && !cr3_names(r->cr3, b->dtb))
        return;
    struct vmi_hit h = {
        .address = b->va,
        .time_ns = plat_now_ns(),
        .rip = r->rip,
        .rflags = r->rflags,
        .cr3 = r->cr3,
        .percpu = user ? r->shadow_gs : r->seg[SEG_GS].base,
        .vcpu = q->vcpu,
        .user = user,
    };
    memcpy(h.gpr, r->gpr, sizeof h.gpr);
    b->calling = true;
    int end = b->cb(b->vmi, &h, b->data);
    b->calling = false;
    if (end && !b->cleared)
        forget(b);
    else if (b->cleared)
        free(b);
}

/* The manager is made with the first breakpoint. */
static status_t need_manager(vmi_instance_t vmi)
{
    struct monitor *m;
    if (vmi->breakpoints)
        return VMI_SUCCESS;
    if (vmi_enable_events(vmi) != VMI_SUCCESS)
        return VMI_FAILURE;
    m = vmi->bridge->monitor;
    int st = breakpoints_open(m, true, &vmi->breakpoints);
    if (st != ST_OK)
        return vmi_fail(vmi, st, "breakpoints: %s", monitor_diag(m)->text);
    return VMI_SUCCESS;
}

status_t vmi_breakpoint_set(vmi_instance_t vmi, vmi_pid_t pid, addr_t va, vmi_hit_cb cb, void *data,
                            vmi_breakpoint_t *ret)
{
    struct aspace space;
    struct vmi_process p = {0};
    uint64_t left;
    size_t got = 0;
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (!cb || !ret)
        return vmi_fail(vmi, ST_INVALID, "a breakpoint needs a callback and a place for itself");
    space = vmi->os.kernel;
    if (pid) {
        if (access_process(vmi, pid, &p) != VMI_SUCCESS)
            return VMI_FAILURE;
        int st = vmi->os.ops->process_space ? vmi->os.ops->process_space(&vmi->os, &p, &space)
                                            : ST_UNSUPPORTED;
        if (st != ST_OK)
            return vmi_fail(vmi, st, "the address space of process %d is not known", (int)pid);
    }
    if (need_manager(vmi) != VMI_SUCCESS)
        return VMI_FAILURE;
    struct vmi_breakpoint *b = calloc(1, sizeof *b);
    if (!b)
        return vmi_fail(vmi, ST_NOMEM, "no memory for a breakpoint");
    *b = (struct vmi_breakpoint){.vmi = vmi, .cb = cb, .data = data, .va = va, .dtb = p.dtb};
    b->at.hit = hit;
    b->at.data = b;
    int st = aspace_translate(&space, GVA(va), &b->at.gpa, &left);
    if (st == ST_OK)
        (void)!aspace_read(&space, GVA(va), b->at.insn, BREAK_INSN, &got);
    b->at.insn_size = (uint8_t)got;
    if (st != ST_OK || !got) {
        free(b);
        return vmi_fail(vmi, st == ST_OK ? ST_ABSENT : st,
                        "there is no memory at %#lx to set a breakpoint in: %s", (unsigned long)va,
                        status_name(st == ST_OK ? ST_ABSENT : st));
    }
    st = breakpoint_add(vmi->breakpoints, &b->at);
    if (st != ST_OK) {
        struct monitor *m = breakpoints_monitor(vmi->breakpoints);
        free(b);
        return vmi_fail(vmi, st, "%s", monitor_diag(m)->text);
    }
    b->next = vmi->breakpoint;
    vmi->breakpoint = b;
    *ret = b;
    return VMI_SUCCESS;
}

status_t vmi_breakpoint_clear(vmi_instance_t vmi, vmi_breakpoint_t b)
{
    if (!vmi)
        return VMI_FAILURE;
    if (!b)
        return VMI_SUCCESS;
    for (struct vmi_breakpoint *p = vmi->breakpoint; p; p = p->next)
        if (p == b) {
            forget(b);
            return VMI_SUCCESS;
        }
    return vmi_fail(vmi, ST_INVALID, "this is no breakpoint of this instance");
}

const char *vmi_breakpoint_method(vmi_instance_t vmi)
{
    static const char *const name[] = {[BREAK_VISIBLE] = "visible to the guest",
                                       [BREAK_MEMORY] = "hidden from reads",
                                       [BREAK_VIEW] = "hidden (second view)"};
    return vmi && vmi->breakpoints ? name[breakpoints_method(vmi->breakpoints)] : "";
}

status_t vmi_get_breakpoint_counts(vmi_instance_t vmi, struct vmi_breakpoint_counts *ret)
{
    if (!vmi)
        return VMI_FAILURE;
    if (!ret)
        return vmi_fail(vmi, ST_INVALID, "no place for the counters was given");
    *ret = (struct vmi_breakpoint_counts){0};
    if (vmi->breakpoints) {
        const struct break_statistics *b = breakpoints_statistics(vmi->breakpoints);
        *ret = (struct vmi_breakpoint_counts){b->hits, b->stepped_over, b->emulated, b->reads,
                                              b->writes};
    }
    return VMI_SUCCESS;
}

void breaks_close(vmi_instance_t vmi)
{
    while (vmi->breakpoint)
        forget(vmi->breakpoint);
    breakpoints_close(vmi->breakpoints);
    vmi->breakpoints = NULL;
}

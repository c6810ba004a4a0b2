/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event channels (the 2-level form) and time.
 *
 * Upcalls are shut except in SCHEDOP_block, which opens them and sleeps in one step
 * (xen/include/public/xen.h, evtchn_upcall_mask). The upcall itself shuts them again and goes on
 * behind the block: so no code of ours is ever interrupted, and none needs to poll.
 */
#include "guest.h"

#include <xen-public/event_channel.h>
#include <xen-public/sched.h>
#include <xen-public/vcpu.h>

#include "platform/platform.h"

enum { WORD_BITS = 64 };

static struct {
    struct shared_info *shared;
    unsigned long fired[WORD_BITS]; /* ports that fired and were not asked for yet */
    uint32_t timer;                 /* port */
} ev;

static unsigned long *pending_word(uint32_t port)
{
    return &ev.shared->evtchn_pending[port / WORD_BITS % WORD_BITS];
}

static unsigned long *mask_word(uint32_t port)
{
    return &ev.shared->evtchn_mask[port / WORD_BITS % WORD_BITS];
}

void event_mask(uint32_t port)
{
    __atomic_fetch_or(mask_word(port), 1ul << port % WORD_BITS, __ATOMIC_SEQ_CST);
}

/* What fired while the port was masked was not announced: it is taken over here. */
void event_unmask(uint32_t port)
{
    unsigned long bit = 1ul << port % WORD_BITS;
    __atomic_fetch_and(mask_word(port), ~bit, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(pending_word(port), __ATOMIC_SEQ_CST) & bit) {
        __atomic_fetch_and(pending_word(port), ~bit, __ATOMIC_SEQ_CST);
        ev.fired[port / WORD_BITS % WORD_BITS] |= bit;
    }
}

void event_notify(uint32_t port)
{
    struct evtchn_send send = {.port = port};
    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, PTR(&send), 0, 0, 0);
}

/* Takes over what Xen announced since the last time. Was there anything? */
static bool collect(void)
{
    struct vcpu_info *vcpu = &ev.shared->vcpu_info[0];
    bool any = false;
    /* In this order: what comes after the first line sets it again, and the next look finds it. */
    __atomic_store_n(&vcpu->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
    unsigned long selected = __atomic_exchange_n(&vcpu->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    for (; selected; selected &= selected - 1) {
        unsigned i = (unsigned)__builtin_ctzl(selected);
        unsigned long open = ~__atomic_load_n(&ev.shared->evtchn_mask[i], __ATOMIC_SEQ_CST);
        unsigned long new =
            __atomic_fetch_and(&ev.shared->evtchn_pending[i], ~open, __ATOMIC_SEQ_CST) & open;
        ev.fired[i] |= new;
        any |= new != 0;
    }
    return any;
}

bool event_take(uint32_t port)
{
    unsigned long bit = 1ul << port % WORD_BITS, *word = &ev.fired[port / WORD_BITS % WORD_BITS];
    if (!(*word & bit))
        collect();
    bool was = *word & bit;
    *word &= ~bit;
    return was;
}

void event_block(uint64_t deadline)
{
    if (collect())
        return;
    if (deadline != UINT64_MAX) {
        if (deadline <= plat_now_ns())
            return;
        /* A time that is past by now fires at once. */
        struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = deadline};
        hypercall(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, PTR(&timer), 0, 0);
    }
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0, 0, 0);
    __atomic_store_n(&ev.shared->vcpu_info[0].evtchn_upcall_mask, 1, __ATOMIC_SEQ_CST);
    if (deadline != UINT64_MAX)
        hypercall(__HYPERVISOR_vcpu_op, VCPUOP_stop_singleshot_timer, 0, 0, 0, 0);
    collect();
}

/* ---- time ------------------------------------------------------------------------------------ */

/* xen/include/public/xen.h, struct vcpu_time_info. Versions are odd while Xen writes. */
uint64_t plat_now_ns(void)
{
    const volatile struct vcpu_time_info *t = &ev.shared->vcpu_info[0].time;
    uint32_t version;
    uint64_t now;
    do {
        version = t->version;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        uint64_t delta = __builtin_ia32_rdtsc() - t->tsc_timestamp;
        delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift : delta << t->tsc_shift;
        now = t->system_time + (uint64_t)((unsigned __int128)delta * t->tsc_to_system_mul >> 32);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (version & 1 || version != t->version);
    return now;
}

uint64_t time_wall_ns(void)
{
    const volatile struct shared_info *s = ev.shared;
    uint32_t version;
    uint64_t start;
    do {
        version = s->wc_version;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        start = ((uint64_t)s->wc_sec_hi << 32 | s->wc_sec) * 1000000000u + s->wc_nsec;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (version & 1 || version != s->wc_version);
    return start + plat_now_ns();
}

void event_start(struct shared_info *shared)
{
    ev.shared = shared;
    for (unsigned i = 0; i < WORD_BITS; i++)
        __atomic_store_n(&shared->evtchn_mask[i], ~0ul, __ATOMIC_SEQ_CST);
    hypercall(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0, 0, 0);
    struct evtchn_bind_virq bind = {.virq = VIRQ_TIMER, .vcpu = 0};
    if (hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, PTR(&bind), 0, 0, 0) == 0) {
        ev.timer = bind.port;
        event_unmask(bind.port);
    }
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our side of the event ring (xen/include/public/io/ring.h). The page is shared with the hypervisor
 * alone: it is taken out of the guest's memory when it is set up.
 */
#include "xen/abi_event.h"

#define AT(r, offset) ((uint32_t *)(void *)((r)->page + (offset)))

static uint32_t slots_of(const struct slot_abi *abi)
{
    uint32_t n = (4096 - RING_HEADER) / abi->size;
    return 1u << (31 - __builtin_clz(n));
}

void ring_init(struct event_ring *r, uint8_t *page, const struct slot_abi *abi)
{
    *r = (struct event_ring){.page = page, .abi = abi, .slots = slots_of(abi)};
    memset(page, 0, 4096);
    *AT(r, RING_REQ_EVENT) = 1;
    *AT(r, RING_RSP_EVENT) = 1;
}

void ring_attach(struct event_ring *r, uint8_t *page, const struct slot_abi *abi)
{
    *r = (struct event_ring){.page = page, .abi = abi, .slots = slots_of(abi)};
    r->taken = r->answered = r->pushed = __atomic_load_n(AT(r, RING_RSP_PROD), __ATOMIC_ACQUIRE);
}

unsigned ring_pending(const struct event_ring *r)
{
    uint32_t there = __atomic_load_n(AT(r, RING_REQ_PROD), __ATOMIC_ACQUIRE) - r->taken;
    uint32_t room = r->slots - (r->taken - r->answered);
    return there < room ? there : room;
}

static uint8_t *slot_at(const struct event_ring *r, uint32_t index)
{
    return r->page + RING_HEADER + (size_t)(index & (r->slots - 1)) * r->abi->size;
}

uint8_t *ring_take(struct event_ring *r)
{
    if (!ring_pending(r))
        return NULL;
    return slot_at(r, r->taken++);
}

uint8_t *ring_answering(const struct event_ring *r)
{
    return r->answered == r->taken ? NULL : slot_at(r, r->answered);
}

void ring_answered(struct event_ring *r)
{
    r->answered++;
}

bool ring_push(struct event_ring *r)
{
    if (r->pushed == r->answered)
        return false;
    *AT(r, RING_REQ_EVENT) = r->taken + 1;
    __atomic_store_n(AT(r, RING_RSP_PROD), r->answered, __ATOMIC_RELEASE);
    r->pushed = r->answered;
    return true;
}

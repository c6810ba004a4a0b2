/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event ring of a hypervisor that lies, or is newer than we: the input is the interface
 * version, what is replied, and the ring's page. Whatever is in it, each slot that is taken is
 * answered once, inside of the page, and a plain answer changes nothing but the flags.
 */
#include <stdint.h>
#include <stdlib.h>

#include "xen/abi_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 16, PAGE = 4096 };

static void answer(struct event_ring *r, uint8_t *slot, const struct event_request *q,
                   const uint8_t *head)
{
    uint8_t data[256] = {0};
    const char *why = NULL;
    struct event_reply reply = {.flags = le32(head + 1),
                                .view = head[5],
                                .next_view = head[6],
                                .data = head[7] & 1 ? data : NULL,
                                .data_size = le16(head + 8)};
    if (reply.data_size > sizeof data && head[7] & 2)
        reply.data_size = sizeof data;
    int st = slot_respond(r->abi, slot, q, &reply, head[7] & 4, &why);
    if ((st != ST_OK) != (why != NULL))
        abort();
    if (st != ST_OK && (le32(slot + 4) & ~(uint32_t)SLOT_VCPU_PAUSED))
        abort();
    if (q->paused != (bool)(le32(slot + 4) & SLOT_VCPU_PAUSED))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event_request q;
    struct event_ring r;
    if (size < HEAD)
        return 0;
    const struct slot_abi *abi = slot_abi_of(VM_EVENT_MIN + data[0] % 6);
    uint8_t *page = malloc(PAGE); /* its own, so that a sanitizer sees every byte beyond */
    unsigned vcpus = 1 + data[10] % 8, taken = 0;
    if (!page || !abi)
        abort();
    memset(page, 0, PAGE);
    memcpy(page, data + HEAD, size - HEAD < PAGE ? size - HEAD : PAGE);
    ring_attach(&r, page, abi);
    for (uint8_t *slot; (slot = ring_take(&r)) && taken < 100; taken++) {
        memset(&q, 0, sizeof q);
        int st = slot_decode(abi, slot, vcpus, &q);
        if (st == ST_OK && (q.vcpu >= vcpus || (unsigned)q.kind >= EVENT_KINDS))
            abort();
        if (ring_answering(&r) != slot)
            abort();
        answer(&r, slot, &q, data);
        ring_answered(&r);
        if (ring_pending(&r) > r.slots)
            abort();
    }
    if (ring_push(&r) != (taken > 0) || le32(page + RING_RSP_PROD) != r.answered)
        abort();
    free(page);
    return 0;
}

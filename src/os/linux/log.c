/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's log: the lockless ring buffer of descriptors (since 5.10,
 * kernel/printk/printk_ringbuffer.c) or the ring of records before it (struct printk_log in
 * log_buf). Both are read as the guest may be writing them: a record that was being replaced is
 * skipped, ids and lengths are checked, the walk is bounded by the buffer's own size.
 */
#include "os/linux/linux.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    MAX_BITS = 25,                /* CONFIG_LOG_BUF_SHIFT goes to 25 */
    MAX_DESC_BITS = MAX_BITS - 5, /* PRB_AVGBITS: a descriptor for each 32 bytes of text */
    MAX_TEXT = 64 << 10,          /* text_len is 16 bits wide */
};

/* States of a descriptor in the top two bits of its state word. */
enum { DESC_COMMITTED = 1, DESC_FINALIZED = 2 };

struct ring {
    struct linux_view *l;
    uint64_t descs, infos, data;
    uint64_t count, size;
    uint64_t left; /* bytes of text that its records may still have */
    char *text;    /* MAX_TEXT + 1 */
};

static int open_ring(struct linux_view *l, uint64_t at, struct ring *r, uint64_t *head,
                     uint64_t *tail)
{
    uint64_t bits, size_bits;
    uint64_t desc_ring = at + lx_off(l, L_prb_desc_ring),
             text_ring = at + lx_off(l, L_prb_text_ring);
    if (lx_read(l, desc_ring, L_desc_ring_count_bits, &bits) != ST_OK ||
        lx_ptr(l, desc_ring, L_desc_ring_descs, &r->descs) != ST_OK ||
        lx_ptr(l, desc_ring, L_desc_ring_infos, &r->infos) != ST_OK ||
        lx_ptr(l, desc_ring, L_desc_ring_head, head) != ST_OK ||
        lx_ptr(l, desc_ring, L_desc_ring_tail, tail) != ST_OK ||
        lx_read(l, text_ring, L_data_ring_size_bits, &size_bits) != ST_OK ||
        lx_ptr(l, text_ring, L_data_ring_data, &r->data) != ST_OK)
        return ST_ABSENT;
    if (bits > MAX_DESC_BITS || size_bits > MAX_BITS)
        return ST_BROKEN;
    r->count = 1ULL << bits;
    r->size = 1ULL << size_bits;
    r->left = r->size + MAX_TEXT; /* the guest may write a record while we read */
    return ST_OK;
}

/* Where the text of a block is: after its id word, at the start of the buffer when it was wrapped.
 */
static int block(const struct ring *r, uint64_t begin, uint64_t next, uint64_t *ret, uint64_t *len)
{
    uint64_t word = r->l->v->ptr_size, from = begin & (r->size - 1);
    if (begin & 1) { /* no text: lpos FAILED_LPOS or NO_LPOS */
        *len = 0;
        return ST_OK;
    }
    if (begin / r->size == next / r->size && begin < next)
        *len = next - begin;
    else if (begin / r->size + 1 == next / r->size || next / r->size == 0) {
        from = 0;
        *len = next & (r->size - 1);
    } else
        return ST_BROKEN;
    if (*len < word || *len > r->size - from)
        return ST_BROKEN;
    *ret = r->data + from + word;
    *len -= word;
    return ST_OK;
}

/*
 * One record by its id. ST_ABSENT: reserved, being replaced, or lost; skip it. ST_LIMIT: all
 * records so far have more text than the ring has room for.
 */
static int ring_record(struct ring *r, uint64_t id, struct vmi_log_line *ret)
{
    struct linux_view *l = r->l;
    unsigned shift = l->v->ptr_size * 8 - 2;
    uint64_t i = id & (r->count - 1), state, begin, next, at = 0, room, len, v;
    uint64_t desc = r->descs + i * lx_off(l, L_prb_desc_size),
             info = r->infos + i * lx_off(l, L_printk_info_size);
    if (lx_ptr(l, desc, L_prb_desc_state, &state) != ST_OK)
        return ST_BROKEN;
    if ((state & ((1ULL << shift) - 1)) != id)
        return ST_ABSENT;
    if (state >> shift != DESC_COMMITTED && state >> shift != DESC_FINALIZED)
        return ST_ABSENT;
    uint64_t lpos = desc + lx_off(l, L_prb_desc_text_lpos);
    if (lx_ptr(l, lpos, L_blk_lpos_begin, &begin) != ST_OK ||
        lx_ptr(l, lpos, L_blk_lpos_next, &next) != ST_OK ||
        block(r, begin, next, &at, &room) != ST_OK ||
        lx_read(l, info, L_printk_info_text_len, &len) != ST_OK)
        return ST_BROKEN;
    struct vmi_log_line line = {.text = r->text};
    size_t got = 0;
    if (len > room) {
        len = room;
        line.flags |= VMI_RECORD_PARTIAL;
    }
    len = MIN_OF(len, (uint64_t)MAX_TEXT);
    if (len > r->left)
        return ST_LIMIT;
    r->left -= len;
    if (len && aspace_read(&l->v->kernel, GVA(at), r->text, (size_t)len, &got) != ST_OK)
        line.flags |= VMI_RECORD_PARTIAL;
    r->text[got] = '\0';
    line.length = got;
    (void)lx_read(l, info, L_printk_info_seq, &line.seq);
    (void)lx_read(l, info, L_printk_info_ts, &line.time_ns);
    if (lx_read(l, info, L_printk_info_facility, &v) == ST_OK)
        line.facility = (uint32_t)v;
    if (lx_read(l, info, L_printk_info_level, &v) == ST_OK)
        line.level = (uint32_t)v;
    else if (lx_has(l, L_printk_info_facility) && /* flags:5, level:3 follow the facility byte */
             aspace_read(&l->v->kernel, GVA(info + lx_off(l, L_printk_info_facility) + 1), &v, 1,
                         NULL) == ST_OK)
        line.level = (uint32_t)(v >> 5 & 7);
    *ret = line;
    return ST_OK;
}

static int ring_log(struct linux_view *l, uint64_t at, vmi_log_cb cb, void *data,
                    struct vmi_outcome *o)
{
    struct ring r = {.l = l};
    uint64_t head, tail, mask = (1ULL << (l->v->ptr_size * 8 - 2)) - 1;
    int st = open_ring(l, at, &r, &head, &tail);
    if (st != ST_OK)
        return diag_fail(l->v->diag, st, "the kernel log's ring buffer at %#" PRIx64 " is %s", at,
                         st == ST_BROKEN ? "damaged: its size is impossible" : "not readable");
    r.text = malloc(MAX_TEXT + 1);
    if (!r.text)
        return diag_fail(l->v->diag, ST_NOMEM, "out of memory");
    uint64_t n = ((head - tail) & mask) + 1;
    if (n > r.count) {
        outcome_cut(o,
                    "the log's descriptor ids at %#" PRIx64 " do not agree; the newest %" PRIu64
                    " are shown",
                    at, r.count);
        tail = head - r.count + 1;
        n = r.count;
    }
    for (uint64_t i = 0; i < n; i++) {
        struct vmi_log_line line;
        st = ring_record(&r, (tail + i) & mask, &line);
        if (st == ST_BROKEN)
            outcome_cut(
                o, "log record %" PRIu64 " of the ring at %#" PRIx64 " is damaged or not in memory",
                (tail + i) & mask, at);
        if (st == ST_LIMIT) {
            outcome_cut(o,
                        "the records of the log's ring at %#" PRIx64
                        " tell of more text than the %" PRIu64 " bytes at %#" PRIx64
                        " that it has for them: they overlap",
                        at, r.size, r.data);
            break;
        }
        if (st != ST_OK)
            continue;
        o->count++;
        if (cb(&line, data))
            break;
    }
    free(r.text);
    return ST_OK;
}

/* ---- before 5.10 ---- */

static int record_log(struct linux_view *l, uint64_t buf, vmi_log_cb cb, void *data,
                      struct vmi_outcome *o)
{
    uint64_t at, first, next, len, size = 0;
    if (lx_symbol(l, "log_first_idx", &at) != ST_OK ||
        aspace_read(&l->v->kernel, GVA(at), memset(&first, 0, 8), 4, NULL) != ST_OK ||
        lx_symbol(l, "log_next_idx", &at) != ST_OK ||
        aspace_read(&l->v->kernel, GVA(at), memset(&next, 0, 8), 4, NULL) != ST_OK ||
        lx_symbol(l, "log_buf_len", &at) != ST_OK ||
        aspace_read(&l->v->kernel, GVA(at), &size, 4, NULL) != ST_OK)
        return diag_fail(l->v->diag, ST_UNSUPPORTED,
                         "the kernel log's indices are not known: no symbol log_first_idx");
    if (size > 1ULL << MAX_BITS || first >= size || next > size)
        return diag_fail(l->v->diag, ST_BROKEN, "the kernel log's indices are damaged");
    char *text = malloc(MAX_TEXT + 1);
    if (!text)
        return diag_fail(l->v->diag, ST_NOMEM, "out of memory");
    uint64_t hdr = lx_off(l, L_printk_log_size), left = size / hdr + 2;
    bool wrapped = false;
    while (first != next && left--) {
        struct vmi_log_line line = {.text = text};
        uint64_t rec = buf + first, text_len, v;
        size_t got = 0;
        if (lx_read(l, rec, L_printk_log_len, &len) != ST_OK ||
            lx_read(l, rec, L_printk_log_text_len, &text_len) != ST_OK) {
            outcome_cut(o, "the log record at %#" PRIx64 " is not in memory", rec);
            break;
        }
        if (!len && !wrapped) { /* the rest of the buffer was too small: go on at its start */
            wrapped = true;
            first = 0;
            continue;
        }
        if (len < hdr || text_len > len - hdr || len > size - first) {
            outcome_cut(o, "the log record at %#" PRIx64 " is damaged", rec);
            break;
        }
        if (aspace_read(&l->v->kernel, GVA(rec + hdr), text,
                        (size_t)MIN_OF(text_len, (uint64_t)MAX_TEXT), &got) != ST_OK)
            line.flags |= VMI_RECORD_PARTIAL;
        text[got] = '\0';
        line.length = got;
        (void)lx_read(l, rec, L_printk_log_ts, &line.time_ns);
        if (lx_read(l, rec, L_printk_log_facility, &v) == ST_OK)
            line.facility = (uint32_t)v;
        if (lx_read(l, rec, L_printk_log_level, &v) == ST_OK)
            line.level = (uint32_t)v;
        line.seq = o->count++;
        if (cb(&line, data))
            break;
        first += len;
    }
    free(text);
    return ST_OK;
}

int lx_log(struct osview *v, vmi_log_cb cb, void *data, struct vmi_outcome *ret)
{
    struct linux_view *l = lx_of(v);
    uint64_t at, ring;
    if (lx_symbol(l, "prb", &at) == ST_OK && lx_has(l, L_prb_desc_ring) &&
        read_ptr(&v->kernel, v->ptr_size, at, &ring) == ST_OK)
        return ring_log(l, ring, cb, data, ret);
    if (lx_symbol(l, "log_buf", &at) == ST_OK && lx_has(l, L_printk_log_size) &&
        lx_off(l, L_printk_log_size) && read_ptr(&v->kernel, v->ptr_size, at, &ring) == ST_OK)
        return record_log(l, ring, cb, data, ret);
    return diag_fail(v->diag, ST_UNSUPPORTED,
                     "the kernel log needs the symbol prb (or log_buf) and the types of its "
                     "records: give a profile");
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the log of a Linux kernel.
 *
 *   dmesg -n NAME | -d DOMID [-j JSON]
 *
 * Both forms that the log had: descriptors, infos and texts in rings of their own (struct
 * printk_ringbuffer, since 5.10), and before that records one behind the other (struct printk_log).
 */
#include "example.h"

enum { MAX_RECORDS = 1 << 20, MAX_TEXT = 64 << 10, MAX_LOG = 64 << 20 };

static bool offset(vmi_instance_t vmi, const char *type, const char *name, addr_t *ret)
{
    if (vmi_get_kernel_struct_offset(vmi, type, name, ret) == VMI_SUCCESS)
        return true;
    fprintf(stderr, "The offset of %s.%s is not known.\n", type, name);
    return false;
}

static void print_record(uint64_t ns, const char *text, size_t n)
{
    printf("[%5" PRIu64 ".%06" PRIu64 "] ", ns / 1000000000, ns / 1000 % 1000000);
    fwrite(text, 1, n, stdout);
    putchar('\n');
}

/* ---- since 5.10 (kernel/printk/printk_ringbuffer.h) ------------------------------------------ */

struct rings {
    addr_t count_bits, descs, infos, head_id, tail_id;        /* prb_desc_ring */
    addr_t size_bits, data;                                   /* prb_data_ring */
    addr_t desc_ring, text_ring;                              /* in printk_ringbuffer */
    addr_t state, lpos, begin, next;                          /* prb_desc */
    addr_t desc_size, ts_nsec, text_len, dev_info, info_size; /* printk_info */
    addr_t word;                                              /* bytes of an unsigned long */
    uint64_t count, descs_at, infos_at, data_at, data_size, head, tail;
};

static bool ring_offsets(vmi_instance_t vmi, struct rings *r)
{
    return offset(vmi, "printk_ringbuffer", "desc_ring", &r->desc_ring) &&
           offset(vmi, "printk_ringbuffer", "text_data_ring", &r->text_ring) &&
           offset(vmi, "prb_desc_ring", "count_bits", &r->count_bits) &&
           offset(vmi, "prb_desc_ring", "descs", &r->descs) &&
           offset(vmi, "prb_desc_ring", "infos", &r->infos) &&
           offset(vmi, "prb_desc_ring", "head_id", &r->head_id) &&
           offset(vmi, "prb_desc_ring", "tail_id", &r->tail_id) &&
           offset(vmi, "prb_data_ring", "size_bits", &r->size_bits) &&
           offset(vmi, "prb_data_ring", "data", &r->data) &&
           offset(vmi, "prb_desc", "state_var", &r->state) &&
           offset(vmi, "prb_desc", "text_blk_lpos", &r->lpos) &&
           offset(vmi, "prb_data_blk_lpos", "begin", &r->begin) &&
           offset(vmi, "prb_data_blk_lpos", "next", &r->next) &&
           offset(vmi, "printk_info", "ts_nsec", &r->ts_nsec) &&
           offset(vmi, "printk_info", "text_len", &r->text_len) &&
           offset(vmi, "printk_info", "dev_info", &r->dev_info);
}

static bool ring_numbers(vmi_instance_t vmi, struct rings *r)
{
    addr_t prb;
    uint32_t count_bits, size_bits;
    if (vmi_read_addr_ksym(vmi, "prb", &prb) != VMI_SUCCESS ||
        vmi_read_32_va(vmi, prb + r->desc_ring + r->count_bits, 0, &count_bits) != VMI_SUCCESS ||
        vmi_read_addr_va(vmi, prb + r->desc_ring + r->descs, 0, &r->descs_at) != VMI_SUCCESS ||
        vmi_read_addr_va(vmi, prb + r->desc_ring + r->infos, 0, &r->infos_at) != VMI_SUCCESS ||
        vmi_read_addr_va(vmi, prb + r->desc_ring + r->head_id, 0, &r->head) != VMI_SUCCESS ||
        vmi_read_addr_va(vmi, prb + r->desc_ring + r->tail_id, 0, &r->tail) != VMI_SUCCESS ||
        vmi_read_32_va(vmi, prb + r->text_ring + r->size_bits, 0, &size_bits) != VMI_SUCCESS ||
        vmi_read_addr_va(vmi, prb + r->text_ring + r->data, 0, &r->data_at) != VMI_SUCCESS)
        return false;
    if (count_bits > 20 || size_bits > 26)
        return false;
    r->word = vmi_get_address_width(vmi);
    r->desc_size = r->lpos + 2 * r->word; /* state, begin, next */
    /* struct dev_printk_info is char [16], char [48]; then up to the next multiple of a word */
    r->info_size = (r->dev_info + 64 + r->word - 1) / r->word * r->word;
    r->count = 1ULL << count_bits;
    r->data_size = 1ULL << size_bits;
    return true;
}

/* The text of a record: behind the id that begins its block; a block that would reach over the end
 * of the ring lies at the start. */
static void print_ring_record(vmi_instance_t vmi, const struct rings *r, uint64_t id)
{
    static char text[MAX_TEXT];
    addr_t desc = r->descs_at + id % r->count * r->desc_size,
           info = r->infos_at + id % r->count * r->info_size, state, begin, next;
    uint64_t ns;
    uint16_t length;
    size_t done = 0;
    if (vmi_read_addr_va(vmi, desc + r->state, 0, &state) != VMI_SUCCESS ||
        vmi_read_addr_va(vmi, desc + r->lpos + r->begin, 0, &begin) != VMI_SUCCESS ||
        vmi_read_addr_va(vmi, desc + r->lpos + r->next, 0, &next) != VMI_SUCCESS ||
        vmi_read_64_va(vmi, info + r->ts_nsec, 0, &ns) != VMI_SUCCESS ||
        vmi_read_16_va(vmi, info + r->text_len, 0, &length) != VMI_SUCCESS)
        return;
    unsigned shift = (unsigned)r->word * 8 - 2;
    unsigned what = (unsigned)(state >> shift) & 3; /* 1 committed, 2 finalized */
    if (what != 1 && what != 2)
        return;
    if (!(begin & 1)) { /* odd positions: a record without text */
        uint64_t at = begin % r->data_size;
        if (begin / r->data_size != (next - 1) / r->data_size)
            at = 0;
        uint64_t room = next % r->data_size > at ? next % r->data_size - at : r->data_size - at;
        if (room < r->word)
            return;
        if (length > room - r->word)
            length = (uint16_t)(room - r->word);
        vmi_read_va(vmi, r->data_at + at + r->word, 0, length, text, &done);
    }
    print_record(ns, text, done);
}

static int print_rings(vmi_instance_t vmi)
{
    struct rings r;
    if (!ring_offsets(vmi, &r) || !ring_numbers(vmi, &r)) {
        fprintf(stderr, "The kernel's log cannot be read.\n");
        return 1;
    }
    uint64_t mask = (1ULL << (r.word * 8 - 2)) - 1;
    for (uint64_t i = 0, id = r.tail & mask; i < r.count; i++, id = (id + 1) & mask) {
        print_ring_record(vmi, &r, id);
        if (id == (r.head & mask))
            break;
    }
    return 0;
}

/* ---- before 5.10 (kernel/printk/printk.c) ---------------------------------------------------- */

static int print_records(vmi_instance_t vmi)
{
    static char text[MAX_TEXT];
    addr_t buffer, ts_at, len_at, text_len_at, size;
    uint32_t first, next, length;
    if (vmi_read_addr_ksym(vmi, "log_buf", &buffer) != VMI_SUCCESS ||
        vmi_read_32_ksym(vmi, "log_buf_len", &length) != VMI_SUCCESS ||
        vmi_read_32_ksym(vmi, "log_first_idx", &first) != VMI_SUCCESS ||
        vmi_read_32_ksym(vmi, "log_next_idx", &next) != VMI_SUCCESS || length > MAX_LOG ||
        !offset(vmi, "printk_log", "ts_nsec", &ts_at) ||
        !offset(vmi, "printk_log", "len", &len_at) ||
        !offset(vmi, "printk_log", "text_len", &text_len_at)) {
        fprintf(stderr, "The kernel's log cannot be read.\n");
        return 1;
    }
    size = vmi_get_kernel_struct_offset(vmi, "printk_log", "caller_id", &size) == VMI_SUCCESS
               ? size + 4
               : 16; /* the text is behind the record's head */
    for (unsigned i = 0; i < MAX_RECORDS && first != next && first < length; i++) {
        uint64_t ns;
        uint16_t len, text_len;
        size_t done = 0;
        if (vmi_read_64_va(vmi, buffer + first + ts_at, 0, &ns) != VMI_SUCCESS ||
            vmi_read_16_va(vmi, buffer + first + len_at, 0, &len) != VMI_SUCCESS ||
            vmi_read_16_va(vmi, buffer + first + text_len_at, 0, &text_len) != VMI_SUCCESS)
            return 1;
        if (!len) { /* the rest of the buffer is unused: go on at its start */
            if (!first)
                break;
            first = 0;
            continue;
        }
        vmi_read_va(vmi, buffer + first + size, 0, text_len, text, &done);
        print_record(ns, text, done);
        first += len;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct guest g;
    const char *json = take_value(&argc, argv, "-j", "--json");
    if (!guest_from_options(&argc, argv, &g) || argc != 1) {
        fprintf(stderr, "usage: dmesg -n NAME | -d DOMID [-j JSON]\n");
        return 1;
    }
    g.json = json;
    vmi_instance_t vmi = guest_open(&g, 0);
    if (!vmi)
        return 1;
    int status = 1;
    addr_t at;
    vmi_pause_vm(vmi);
    if (vmi_get_ostype(vmi) != VMI_OS_LINUX)
        fprintf(stderr, "Only Linux has this log.\n");
    else if (vmi_translate_ksym2v(vmi, "prb", &at) == VMI_SUCCESS)
        status = print_rings(vmi);
    else
        status = print_records(vmi);
    vmi_resume_vm(vmi);
    vmi_destroy(vmi);
    return status;
}

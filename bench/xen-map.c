/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * map-addr: 500 consecutive reads of 4 KiB at kernel virtual addresses of a Xen domain, in dom0.
 *
 *     xen-map TARGET [ROUNDS]      an HVM or PVH guest: a PV guest's frames have other numbers in
 * Xen
 *
 * Ours, cold: the first reads of an instance that was just opened, page tables included. Ours,
 * warm: the same reads again. The reference maps each page for itself, as xc_map_foreign_range does
 * (one mmap and one privcmd request a page), copies it and unmaps it; it is told where each page
 * lies and walks no page table. All in one process, alternating; the medians of ROUNDS (5) are
 * printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tinyvmi/tinyvmi.h>

#include "platform/platform.h"
#include "platform/xen.h"

enum { PAGES = 500, PAGE = 4096, MAX_ROUNDS = 99 };

struct bench {
    const char *target;
    uint64_t domain, dtb, from, frame[PAGES];
    struct plat_xen *xen;
    uint8_t reference[PAGES][64]; /* the beginning of each page, to compare */
    double cold[MAX_ROUNDS], warm[MAX_ROUNDS], each[MAX_ROUNDS];
};

static void fail(vmi_instance_t vmi, const char *what)
{
    fprintf(stderr, "xen-map: %s: %s\n", what, vmi_last_error(vmi)->text);
    exit(1);
}

static double us_since(uint64_t start)
{
    return (double)(plat_now_ns() - start) / 1000 / PAGES;
}

/* The kernel's image: 500 pages in a row, and where they lie. */
static void prepare(struct bench *b)
{
    vmi_instance_t vmi;
    if (vmi_open(&vmi, b->target, NULL) != VMI_SUCCESS)
        fail(NULL, b->target);
    addr_t pa;
    if (vmi_translate_ksym2v(vmi, "_text", &b->from) != VMI_SUCCESS ||
        vmi_pid_to_dtb(vmi, 0, &b->dtb) != VMI_SUCCESS)
        fail(vmi, "the kernel's image");
    b->domain = vmi_get_vmid(vmi);
    for (unsigned i = 0; i < PAGES; i++) {
        if (vmi_translate_kv2p(vmi, b->from + (uint64_t)i * PAGE, &pa) != VMI_SUCCESS)
            fail(vmi, "a page of the kernel's image");
        b->frame[i] = pa / PAGE;
    }
    vmi_destroy(vmi);
}

static double ours(struct bench *b, vmi_instance_t vmi)
{
    static uint8_t page[PAGE];
    uint64_t start = plat_now_ns();
    for (unsigned i = 0; i < PAGES; i++) {
        ACCESS_CONTEXT(ctx, .translate_mechanism = VMI_TM_PROCESS_DTB, .dtb = b->dtb,
                       .addr = b->from + (uint64_t)i * PAGE);
        if (vmi_read(vmi, &ctx, PAGE, page, NULL) != VMI_SUCCESS)
            fail(vmi, "reading");
        if (memcmp(page, b->reference[i], sizeof b->reference[i]) != 0) {
            fprintf(stderr, "xen-map: page %u differs from what is mapped by itself\n", i);
            exit(1);
        }
    }
    return us_since(start);
}

static double one_by_one(struct bench *b)
{
    static uint8_t page[PAGE];
    uint64_t start = plat_now_ns();
    for (unsigned i = 0; i < PAGES; i++) {
        int error, failed;
        void *p =
            plat_xen_map(b->xen, (uint32_t)b->domain, &b->frame[i], 1, false, &error, &failed);
        if (!p) {
            fprintf(stderr, "xen-map: frame 0x%llx cannot be mapped: %s\n",
                    (unsigned long long)b->frame[i], strerror(-failed));
            exit(1);
        }
        memcpy(page, p, PAGE);
        plat_xen_unmap(b->xen, p, 1);
        memcpy(b->reference[i], page, sizeof b->reference[i]);
    }
    return us_since(start);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
    qsort(v, n, sizeof *v, compare);
    return v[n / 2];
}

int main(int argc, char **argv)
{
    static struct bench b;
    char where[64];
    unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 5;
    if (argc < 2 || !rounds || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: xen-map TARGET [ROUNDS]\n");
        return 2;
    }
    b.target = argv[1];
    prepare(&b);
    int err = plat_xen_open(&b.xen, where, sizeof where);
    if (err) {
        fprintf(stderr, "xen-map: %s: %s\n", where, strerror(-err));
        return 1;
    }
    static const struct vmi_open_options memory_only = {.flags = VMI_OPEN_MEMORY_ONLY};
    for (unsigned i = 0; i < rounds; i++) {
        vmi_instance_t vmi;
        b.each[i] = one_by_one(&b);
        if (vmi_open(&vmi, b.target, &memory_only) != VMI_SUCCESS)
            fail(NULL, b.target);
        b.cold[i] = ours(&b, vmi);
        b.warm[i] = ours(&b, vmi);
        vmi_destroy(vmi);
    }
    double each = median(b.each, rounds), cold = median(b.cold, rounds),
           warm = median(b.warm, rounds);
    printf("%u reads of 4 KiB, us each, median of %u rounds\n", PAGES, rounds);
    printf("one mapping a page  %9.2f\n", each);
    printf("cold                %9.2f  %6.1f times faster\n", cold, each / cold);
    printf("warm                %9.2f  %6.1f times faster\n", warm, each / warm);
    plat_xen_close(b.xen);
    return 0;
}

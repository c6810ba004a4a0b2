/* SPDX-License-Identifier: BSD-2-Clause */
/* A source of kind "xen": one domain, and what its files share. */
#ifndef TINYVMI_XEN_TARGET_H
#define TINYVMI_XEN_TARGET_H

#include "source/source.h"
#include "xen/frames.h"
#include "xen/pv.h"

struct xen_target {
    struct xen x;
    struct xen_domain_info info; /* as it was when it was opened */
    char name[96];
    struct xen_frames frames;
    struct xen_pv *pv; /* NULL: HVM, PVH */
    unsigned paused;   /* by us; each counts in Xen, too */
    bool no_registers;
    uint8_t save_header[24]; /* of an HVM context, once it was asked for */
    bool have_save_header;
    uint8_t *buffer; /* for hypercalls that give much, grown on demand */
    size_t buffer_size;
    uint64_t populated, raised; /* frames that we added; pages of its limit that we added */
};

/* A hypercall buffer of at least n bytes, the same one every time; NULL with the story. */
void *target_buffer(struct xen_target *t, size_t n);

/* layout.c: the ranges of physical memory. `note` gets what was assumed. */
MUST_USE int target_layout(struct xen_target *t, struct phys *phys, char *note, size_t size);

MUST_USE int target_highest_frame(struct xen_target *t, uint64_t *ret);

/* hold.c */
const uint8_t *target_hold(void *source, const struct phys_range *r, uint64_t at, size_t n);
void target_release(void *source, const uint8_t *p, size_t n);

/* vcpu.c, guest.c */
extern const struct vcpu_ops xen_vcpu_ops;
extern const struct domain_ops xen_domain_ops;
/* Resumes what we hold paused. */
void target_resume_all(struct xen_target *t);
/* 64 or 32, of vCPU 0; 0 when it cannot be told. */
unsigned target_width(struct xen_target *t);
/* ST_OK, or ST_IO with the story when the domain has ended. */
MUST_USE int target_alive(struct xen_target *t);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The instance behind vmi_instance_t: it owns one of each layer; nothing below points to it. */
#ifndef TINYVMI_VMI_INSTANCE_H
#define TINYVMI_VMI_INSTANCE_H

#include <tinyvmi/tinyvmi.h>

#include "os/os.h"
#include "source/source.h"

struct vmi_instance {
    struct diag diag;         /* newest failure below */
    struct vmi_error error;   /* the same, for the program */
    struct source source;
    struct osview os;
    bool have_os;             /* `os` is valid */
    struct aspace space;      /* for calls before an OS is known: the vCPU's or a configured root */
    bool have_space;
    page_mode_t page_mode;    /* VMI_PM_UNKNOWN until known */
    vmi_mode_t mode;
    uint64_t init_flags;
    struct vmi_range *ranges; /* made on first request */
    size_t nr_ranges;
    struct vmi_statistics statistics;
    struct vmi_caches *caches; /* what programs add themselves (vmi_v2pcache_add and its siblings); NULL until used */
};

/* Records why a call failed and returns VMI_FAILURE; `code` is a ST_* value. Takes over vmi->diag.text when fmt is NULL. */
status_t vmi_fail(vmi_instance_t vmi, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif

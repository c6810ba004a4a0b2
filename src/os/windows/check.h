/* SPDX-License-Identifier: BSD-2-Clause */
/* What the checks share: where findings go, the images that addresses are compared with. */
#ifndef TINYVMI_OS_WINDOWS_CHECK_H
#define TINYVMI_OS_WINDOWS_CHECK_H

#include "os/windows/windows.h"

enum { WIN_MAX_OBJECTS = 1 << 16 };

struct win_check {
    struct windows_view *w;
    vmi_finding_cb cb;
    void *data;
    struct vmi_outcome *o;
    bool stop; /* the callback wants no more */
    struct win_images images;
    bool have_images; /* the list of modules could be read */
    /* Processes that are on the list: physical addresses, aliases count once. */
    struct win_set *listed;
    size_t on_list;
    bool list_partial;
    /* Driver objects that the look through memory found. */
    uint64_t *driver;
    size_t nr_drivers;
};

/* A set of numbers that are not 0, of bounded size. */
struct win_set;
struct win_set *win_set_new(void); /* NULL: no memory; free() */
bool win_set_has(const struct win_set *s, uint64_t v);
/* False: it is full. */
bool win_set_add(struct win_set *s, uint64_t v);

void win_report(struct win_check *c, const char *check, enum vmi_severity severity,
                uint64_t address, int32_t pid, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* Is this process on the list? True, too, when the address is not in memory. */
bool win_check_listed(const struct win_check *c, uint64_t object);

/* The checks; each reports what it found, or that it could not be made. */
void win_check_ids(struct win_check *c);        /* PspCidTable, csrss' handles */
void win_check_drivers(struct win_check *c);    /* driver objects against images */
void win_check_services(struct win_check *c);   /* system calls */
void win_check_interrupts(struct win_check *c); /* interrupt tables */

#endif

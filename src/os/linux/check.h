/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the consistency checks share. */
#ifndef TINYVMI_OS_LINUX_CHECK_H
#define TINYVMI_OS_LINUX_CHECK_H

#include "os/linux/linux.h"

struct check {
    struct linux_view *l;
    vmi_finding_cb cb;
    void *data;
    struct vmi_outcome *o;
    bool stopped;      /* the callback wants no more */
    uint64_t findings; /* of the check that runs: notes excluded */
    uint64_t
        search_left; /* see lx_module_nearest_within: names of addresses, of all checks together */
};

/* Gives one finding to the caller. */
void check_report(struct check *c, enum vmi_severity severity, const char *check, uint64_t address,
                  int32_t pid, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/*
 * Something that the check needs could not be read: a note, the outcome is marked as cut, and the
 * check will not say that all agreed.
 */
void check_unread(struct check *c, const char *check, uint64_t address, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Ends a check: an OK record with this text when nothing was found. */
void check_done(struct check *c, const char *check, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Tasks by the list, by the pid namespace's IDR, by scanning memory. */
void check_tasks(struct check *c);

/* A growing set of addresses, in the order in which they came; asking and adding may alternate. */
struct addr_set {
    uint64_t key; /* of the hash: a guest that knew it could crowd one place */
    uint64_t *v;
    size_t nr, cap;
    uint32_t *slot; /* 2 * cap of them: index into v, and 1; 0 is free */
};
int addr_set_add(struct addr_set *s,
                 uint64_t v); /* ST_OK also when it is there, ST_NOMEM, ST_LIMIT beyond 8 million */
bool addr_set_has(const struct addr_set *s, uint64_t v);
void addr_set_free(struct addr_set *s);

#endif

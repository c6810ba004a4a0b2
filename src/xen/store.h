/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xenstore's wire (xen/include/public/io/xs_wire.h, docs/misc/xenstore.txt): the part that is pure,
 * so that it can be fuzzed, and what a connection keeps.
 */
#ifndef TINYVMI_XEN_STORE_H
#define TINYVMI_XEN_STORE_H

#include "xen/xen.h"

enum { STORE_HEADER = 16, STORE_PAYLOAD_MAX = 4096, STORE_EVENTS_MAX = 256 };

enum store_type {
    STORE_DIRECTORY = 1,
    STORE_READ = 2,
    STORE_GET_PERMS = 3,
    STORE_WATCH = 4,
    STORE_UNWATCH = 5,
    STORE_WRITE = 11,
    STORE_RM = 13,
    STORE_SET_PERMS = 14,
    STORE_WATCH_EVENT = 15,
    STORE_ERROR = 16,
    STORE_DIRECTORY_PART = 22,
};

struct store_message {
    uint32_t type, id;
    const uint8_t *payload; /* in the bytes that were given */
    uint32_t n;
};

/* The message at the start of [p, p+n): the bytes that it takes, 0 when more are needed,
 * ST_BROKEN when these can be none. */
int store_parse(const uint8_t *p, size_t n, struct store_message *ret);

/* Path and token of a watch event: both terminated inside the payload. False: it is broken. */
bool store_parse_event(const struct store_message *m, const char **path, const char **token);

/* The errno value of an error's name ("ENOENT"), 0 when it is none. */
int store_parse_error(const struct store_message *m);

/* The next of the terminated strings in [*p, end), NULL at the end or when one has no end. */
const char *store_next_string(const char **p, const char *end);

struct store_event {
    char *path, *token; /* one block; path's is freed */
};

struct xen_store {
    uint32_t id;              /* of the newest request */
    uint64_t silent_until_ns; /* nobody answers: who asks for many names waits once */
    uint8_t in[STORE_HEADER + STORE_PAYLOAD_MAX];
    size_t have;                            /* bytes in `in` */
    uint8_t payload[STORE_PAYLOAD_MAX + 1]; /* of the newest answer, terminated */
    uint32_t payload_n;
    struct store_event event[STORE_EVENTS_MAX]; /* a ring */
    unsigned first_event, nr_events;
};

/* Frees what a connection keeps; xen_close. */
void xen_store_close(struct xen *x);

#endif

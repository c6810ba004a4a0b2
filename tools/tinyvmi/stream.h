/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows that come from a running guest's events. A callback must not wait for who reads our output,
 * for a vCPU waits meanwhile: records go into a buffer of fixed size, and are written between two
 * looks at the guest. What does not fit is counted as missed, never waited for.
 */
#ifndef TINYVMI_CLI_STREAM_H
#define TINYVMI_CLI_STREAM_H

#include "cmd.h"

struct stream {
    struct run *run;
    struct listing l;
    void (*put)(struct stream *s, const void *record); /* writes one row */
    void *data;
    uint8_t *record; /* `room` of `size` bytes each */
    size_t size, room, first, used;
    uint64_t strange;                     /* events that could not be handled */
    uint64_t seen, missed, written, most; /* most: end after so many, 0: no limit */
    uint64_t start_ns, until;             /* host_now_ns; until 0: no limit */
};

/* "for", "count", "buffer" */
#define STREAM_OPTIONS                                                                             \
    {"for", 'd', "TIME", "end after this time: 30s, 5m (default: Ctrl-C ends it)", 0, NULL},       \
        {"count", 'n', "N", "end after N rows", 0, NULL},                                          \
    {                                                                                              \
        "buffer", 0, "N",                                                                          \
            "keep at most N rows that wait to be written (default: 65536, "                        \
            "or a quarter of a small machine's memory)",                                           \
            0, NULL                                                                                \
    }

/* Opens the target for events. 0, or the exit code after a message. */
int stream_open(struct stream *s, struct run *run, size_t size, const struct column *columns);
/* A place for a record, or NULL: it is counted as missed. */
void *stream_record(struct stream *s);
/* Listens until Ctrl-C, the end of time or of the count, or of the guest: exit code. */
int stream_listen(struct stream *s);
/* Ends the listing and says on standard error what was missed. */
int stream_close(struct stream *s, int code);

/* Nanoseconds since the stream began, for a time of the host's monotonic clock. */
uint64_t stream_since(const struct stream *s, uint64_t ns);

#endif

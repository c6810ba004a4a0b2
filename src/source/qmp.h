/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's machine protocol: JSON objects over a stream (QEMU's docs/interop/qmp-spec). QEMU serves
 * one client a socket at a time; a second one is accepted by the kernel and then hears nothing, so
 * every wait here ends with a message.
 *
 * QEMU is trusted more than its guest, but a guest that broke out of it must not get further:
 * replies are bounded and read by the project's JSON tokenizer.
 */
#ifndef TINYVMI_SOURCE_QMP_H
#define TINYVMI_SOURCE_QMP_H

#include "core/bytes.h"
#include "core/status.h"

enum { QMP_GREETING_MS = 1000, QMP_REPLY_MS = 5000 };

struct qmp {
    int fd; /* -1: not connected */
    char where[256];
    uint8_t *buf; /* have bytes of cap received; the newest message is the first `taken` of them */
    size_t have, cap, taken;
    char *text; /* the newest answer to qmp_human */
};

/* How far a stream was searched for the end of its first JSON object. */
struct qmp_frame {
    size_t seen;
    uint64_t depth;
    bool in_string, escaped;
};

enum qmp_kind { QMP_GREETING, QMP_RETURN, QMP_FAILED, QMP_EVENT, QMP_OTHER };

/*
 * Length of the first complete JSON object (or array) in `b`, white space before it included, or 0
 * when more bytes are needed. `f` starts zeroed and is kept while bytes are added. Only brackets
 * and strings are told apart here.
 */
size_t qmp_message_end(struct bytes b, struct qmp_frame *f);

/* What a message is. ST_BROKEN when it is no JSON object. */
MUST_USE int qmp_classify(struct bytes message, enum qmp_kind *ret);

/*
 * Connects to "/path/of.sock" or "tcp:HOST:PORT" (HOST numeric, "localhost" or ""), waits at most
 * `greeting_ms` for the greeting and leaves negotiation mode. ST_BUSY: somebody else holds the
 * socket; ST_ABSENT: nobody listens; ST_DENIED.
 */
MUST_USE int qmp_open(const char *address, unsigned greeting_ms, struct diag *d, struct qmp *ret);
void qmp_close(struct qmp *q); /* also for one that was zeroed with fd -1 */

/*
 * Sends a command without arguments, or with `arguments` (JSON text of an object), and waits at
 * most QMP_REPLY_MS for the answer; events are passed over. *ret is the whole message (paths begin
 * with "return"), valid until the next call. ST_UNSUPPORTED: QEMU answered with an error, which is
 * in `d`. ST_IO: the connection broke; close it then.
 */
MUST_USE int qmp_execute(struct qmp *q, const char *command, const char *arguments, struct diag *d,
                         struct bytes *ret);

/* A line for the human monitor. *ret is its output, terminated, valid until the next call. */
MUST_USE int qmp_human(struct qmp *q, const char *line, struct diag *d, const char **ret);

#endif

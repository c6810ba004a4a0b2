/* SPDX-License-Identifier: BSD-2-Clause */
/* The two kinds of dump: of the machine (verb_dump.c) and of one process (dump_process.c). */
#ifndef TINYVMI_CLI_DUMP_H
#define TINYVMI_CLI_DUMP_H

#include "cmd.h"
#include "outfile.h"

enum { DUMP_CHUNK = 1 << 20, DUMP_PAGE = 4096 };

struct dump {
    struct run *run;
    const char *path, *to;
    bool force;
    struct progress progress;
    uint64_t total, done;
    uint64_t missing;   /* bytes that could not be read */
    uint64_t untouched; /* bytes of a process that have no page (yet): nothing is lost in anonymous
                           memory */
    uint8_t *buf;       /* DUMP_CHUNK bytes */
};

int dump_process(struct dump *d, vmi_pid_t pid);
/* EM_* of the guest; 0 when it is not known. */
unsigned dump_machine(const struct run *run, bool *wide);

#endif

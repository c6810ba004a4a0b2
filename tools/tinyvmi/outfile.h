/* SPDX-License-Identifier: BSD-2-Clause */
/* A file that appears under its name only when it is complete. */
#ifndef TINYVMI_CLI_OUTFILE_H
#define TINYVMI_CLI_OUTFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct outfile {
    FILE *f;
    const char *path; /* borrowed */
    char *temporary;  /* NULL: written in place (a pipe, a device) */
    bool replace;
};

/* 0, or an exit code after a message. Without `replace`, a file that exists is left alone. */
int outfile_open(struct outfile *o, const char *path, bool replace);
/* Writes at an offset; zero pages become holes. 0, or an exit code after a message. */
int outfile_write_at(struct outfile *o, uint64_t at, const void *p, uint64_t n);
/* Sets the size, for a hole at the end. */
int outfile_set_size(struct outfile *o, uint64_t size);
/* Closes and renames. 0, or an exit code after a message. */
int outfile_commit(struct outfile *o);
void outfile_abandon(struct outfile *o);

#endif

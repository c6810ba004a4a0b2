/* SPDX-License-Identifier: BSD-2-Clause */
/* What the memory files have in common: the opened file, the vCPU registers found in it, its way
 * out. */
#ifndef TINYVMI_SOURCE_OPEN_FILE_H
#define TINYVMI_SOURCE_OPEN_FILE_H

#include "platform/platform.h"
#include "source/source.h"

/* The vCPUs that a file's notes tell about. */
struct cpu_notes {
    struct vcpu_regs *regs; /* nr of them, owned */
    unsigned nr;
    unsigned prstatus, qemu; /* notes of each kind seen so far: the next one belongs to this vCPU */
    bool hidden;             /* SOURCE_NO_REGISTERS: the count is told, the registers are not */
};

/* The impl of every file source starts with this. */
struct file_source {
    struct plat_file file;
    struct cpu_notes cpus;
    char *vmcoreinfo; /* owned copy, or NULL when there is none or it lies in the mapping */
    uint64_t missing; /* bytes that headers promise beyond the end of the file */
};

extern const struct vcpu_ops file_vcpu_ops;
/* For files whose ranges are all mapped privately (SOURCE_COPY_ON_WRITE); other files need no ops.
 */
extern const struct phys_ops file_write_ops;

/*
 * Opens `path` into `f` and begins `ret`: kind, name, phys. Mapped as the options ask when
 * `mapped`, else not at all. On failure nothing is left open and `d` names the path and the remedy.
 */
MUST_USE int file_source_open(const char *path, const char *kind, bool mapped,
                              const struct source_options *options, struct diag *d,
                              struct file_source *f, struct source *ret);
/* Frees what file_source_open and the notes acquired, not `f` itself. */
void file_source_close(struct file_source *f);
/* As struct source's close, for an impl that is a plain struct file_source from malloc. */
void file_source_free(void *impl);

/* Says in words why a file could not be opened; `err` is a negative errno. Returns a ST_*. */
int file_open_failed(const char *path, int err, struct diag *d);

/*
 * Adds guest memory [start, start+len) that lies in the mapped file at `at`. What the file promises
 * but does not hold is an error, unless the format was named by the user: then what is there is
 * added and f->missing counts the rest. `what` names the piece ("segment 3") for the message.
 */
MUST_USE int file_add_mapped(struct source *s, struct file_source *f,
                             const struct source_options *options, uint64_t start, uint64_t len,
                             uint64_t at, const char *what, struct diag *d);

/* Ends an opening: leaves a note when data is missing, fails when there is no memory at all. */
MUST_USE int file_source_finish(struct source *s, struct file_source *f, struct diag *d);

#endif

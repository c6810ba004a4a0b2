/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a verb is: rows of data that the option parser, the help, the manual pages and the shell
 * completion all read, and a function. One file a verb; verbs.c lists them.
 */
#ifndef TINYVMI_CLI_CMD_H
#define TINYVMI_CLI_CMD_H

#include <tinyvmi/tinyvmi.h>

#include "listing.h"
#include "out.h"

/* Exit codes; documented by help.c and man.c from one table. */
enum {
    EXIT_WELL = 0,
    EXIT_NO = 1,      /* the answer is "no", or something was found that should not be */
    EXIT_USAGE = 2,   /* the command line */
    EXIT_TARGET = 3,  /* the target cannot be opened, or is gone */
    EXIT_KERNEL = 4,  /* no kernel found, or this cannot be answered for it */
    EXIT_PARTIAL = 5, /* what was printed is valid, something is missing */
    EXIT_HOST = 6,    /* output could not be written, no memory */
    EXIT_INTERRUPTED = 130,
};

struct exit_code {
    int code;
    const char *about;
};
extern const struct exit_code exit_codes[]; /* ends with about == NULL */

enum {
    OPTION_HIDDEN = 1, /* for tests */
    OPTION_FILE = 2,   /* the value is a path: for completion */
};

struct option_row {
    const char *name;  /* "threads" for --threads; NULL ends the rows */
    char letter;       /* 'T' for -T, or 0 */
    const char *value; /* "PID": takes a value, called so in the help; NULL: a flag */
    const char *about;
    unsigned flags;
    const char *choices; /* "auto always never": the values that there are; NULL: any */
};

enum { OPERAND_OPTIONAL = 1, OPERAND_MANY = 2, OPERAND_FILE = 4 };

struct operand {
    const char *name; /* "TARGET", "PID"; NULL ends the rows */
    const char *about;
    unsigned flags;
};

struct example {
    const char *command, *about;
};

enum {
    VERB_KERNEL = 1, /* the target is opened, with its kernel, before run */
    VERB_TARGET = 2, /* takes a target, but opens it itself */
    VERB_NO_JSON = 4,
    VERB_SHELL = 8, /* completion, man, help: not about guests; listed last */
};

struct run;

struct verb {
    const char *name;
    const char *purpose; /* one line, no full stop */
    const struct operand *operands;
    const struct option_row *options; /* or NULL */
    const char *const *about;         /* paragraphs, ends with NULL; or NULL */
    const struct column *columns;     /* fields of the JSON records, or NULL */
    const struct example *examples;   /* ends with command == NULL */
    const char *says_no;              /* what exit code 1 means here, or NULL */
    const char *see_also;             /* names of verbs, blanks between */
    unsigned flags;
    int (*run)(struct run *run);
};

extern const struct verb *const verbs[]; /* ends with NULL */
const struct verb *verb_find(const char *name);
const char *verb_suggest(const char *name); /* a verb's name that may have been meant, or NULL */

extern const struct option_row common_options[], table_options[], target_options[];

/* ---- one run --------------------------------------------------------------------------------- */

enum { MAX_ARGS = 64 };

struct args {
    struct {
        const struct option_row *row;
        const char *value;
    } option[MAX_ARGS];
    unsigned options;
    const char *operand[MAX_ARGS];
    unsigned operands;
};

struct run {
    const struct verb *verb;
    struct args args;
    struct out out;
    bool json;
    const char *target; /* NULL for verbs without one */
    vmi_instance_t vmi; /* closed by main */
    bool partial_rows;  /* a record had VMI_RECORD_PARTIAL */
};

/* Sorts the command line into run->args by the verb's rows. 0, or EXIT_USAGE after a message. */
int args_parse(struct run *run, int argc, char **argv);

/* The value of an option ("" for a flag), NULL when it was not given. The last one counts. */
const char *opt(const struct run *run, const char *name);
/* Typed values; *ret stays as it is when the option was not given. 0, or EXIT_USAGE after a
 * message. */
int opt_pid(const struct run *run, const char *name, vmi_pid_t *ret);
int opt_size(const struct run *run, const char *name, uint64_t *ret);
int opt_duration(const struct run *run, const char *name, uint64_t *ret);
/* Operand i (0: the target), NULL when it was not given. */
const char *operand(const struct run *run, unsigned i);
int operand_pid(const struct run *run, unsigned i, vmi_pid_t *ret);

/* ---- messages -------------------------------------------------------------------------------- */

/* "tinyvmi: ..." on standard error, one line, guest text in it made visible. The hint may be NULL.
 */
void complain(const char *hint, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for the command line: the hint is where to find help. Returns EXIT_USAGE. */
int usage_error(const struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Tells why a call on the guest failed; `what` ("cannot list the modules") may be NULL. Returns the
 * exit code. */
int guest_error(const struct run *run, const char *what);

/* Opens the target; with VMI_OPEN_MEMORY_ONLY no kernel is looked for. 0, or the exit code after a
 * message. */
int target_open(struct run *run, uint64_t flags);

/* ---- listings -------------------------------------------------------------------------------- */

/* Starts a listing of the verb's columns in the form that was asked for. */
void run_listing(struct run *run, struct listing *l);
/* Notes a record's flags, for the exit code. */
void note_flags(struct run *run, uint32_t flags);
/* Ends it and tells what is missing: exit code. `what`: "cannot list the modules". */
int run_listing_end(struct run *run, struct listing *l, status_t status,
                    const struct vmi_outcome *o, const char *what);
/* The last part of that: the exit code of a call that has an outcome. */
int outcome_code(struct run *run, status_t status, const struct vmi_outcome *o, const char *what);

/* Starts a listing of what one process has: operand 1 is its pid. 0, or the exit code after a
 * message. */
int process_listing(struct run *run, struct listing *l, vmi_pid_t *ret);
/* Ends it; an empty one of a kernel thread says so. `what`: "open files". */
int process_listing_end(struct run *run, struct listing *l, status_t status,
                        const struct vmi_outcome *o, vmi_pid_t pid, const char *what);

/* ---- addresses ------------------------------------------------------------------------------- */

/*
 * "0xffffffff81000000", "4096", "init_task", "init_task+0x10", "ext4:ext4_readdir-8". `symbols`:
 * names may be used. 0, or the exit code after a message.
 */
int address_parse(struct run *run, const char *text, bool symbols, uint64_t *ret);
/* Name of a symbol like `name` that the guest has, for "did you mean"; NULL, or to be freed. */
char *symbol_suggest(struct run *run, const char *name);
/* "init_task+0x10 [ext4]": the symbol that an address is in; "" when there is none. */
void str_symbol(struct run *run, struct str *s, uint64_t address);

/* ---- help ------------------------------------------------------------------------------------ */

int help_overview(struct out *o);
int help_verb(struct out *o, const struct verb *verb);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* tinyvmi VERB TARGET [options] */
#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum colour_choice colour_choice(const struct run *run)
{
    const char *when = opt(run, "color");
    if (!when || !strcmp(when, "auto"))
        return COLOUR_AUTO;
    return !strcmp(when, "always") ? COLOUR_ALWAYS : COLOUR_NEVER;
}

/* A full disk is no success. */
static int finish_output(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (errno != EPIPE)
        complain(NULL, "cannot write the output: %s", strerror(errno));
    return EXIT_HOST;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
    struct run run = {.verb = verb};
    int code = args_parse(&run, argc, argv);
    if (code)
        return code;
    out_init(&run.out, colour_choice(&run));
    if (opt(&run, "help"))
        return help_verb(&run.out, verb);
    run.json = opt(&run, "json") != NULL;
    if (verb->flags & (VERB_KERNEL | VERB_TARGET))
        run.target = operand(&run, 0);
    if (verb->flags & VERB_KERNEL)
        code = target_open(&run, 0);
    if (code == EXIT_WELL)
        code = verb->run(&run);
    if (run.vmi)
        vmi_destroy(run.vmi);
    return code;
}

static int unknown_verb(const char *name)
{
    const char *near = verb_suggest(name);
    if (near)
        return usage_error(NULL, "unknown verb '%s'; did you mean '%s'?", name, near);
    return usage_error(NULL, "unknown verb '%s'", name);
}

static int dispatch(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "--help";
    struct out out;
    out_init(&out, COLOUR_AUTO);
    if (!strcmp(first, "--help") || !strcmp(first, "-h"))
        return help_overview(&out);
    if (!strcmp(first, "--version") || !strcmp(first, "-V")) {
        printf("tinyvmi %s\n", tinyvmi_version());
        return EXIT_WELL;
    }
    if (first[0] == '-')
        return usage_error(NULL, "the verb comes first, not '%s'", first);
    const struct verb *verb = verb_find(first);
    return verb ? run_verb(verb, argc - 2, argv + 2) : unknown_verb(first);
}

int main(int argc, char **argv)
{
    return finish_output(dispatch(argc, argv));
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line, sorted by the rows of a verb. */
#include "cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct option_row common_options[] = {
    {"color", 0, "WHEN", "colours: auto (on a terminal, unless NO_COLOR is set), always, never", 0,
     "auto always never"},
    {"help", 'h', NULL, "show this text", 0, NULL},
    {0},
};

const struct option_row table_options[] = {
    {"json", 'j', NULL, "print JSON", 0, NULL},
    {"no-headings", 'H', NULL, "no line of headings above the table", 0, NULL},
    {0},
};

const struct option_row target_options[] = {
    {"profile", 0, "FILE",
     "take symbols and types from this file: ISF (.json, .xz, .gz), Rekall, a compact profile, "
     "System.map, vmlinux, BTF",
     OPTION_FILE, NULL},
    {"config", 0, "FILE",
     "take what a libvmi.conf says of this guest; or the text of an entry itself: '{ sysmap = "
     "\"./System.map\"; }'",
     OPTION_FILE, NULL},
    {"format", 0, "FORMAT",
     "format of the memory file: raw, elf, lime, avml, kdump, windows-crash (default: by its first "
     "bytes); "
     "raw@ADDRESS: raw, and memory begins at this guest-physical address",
     0, "raw raw@ elf lime avml kdump"},
    {"no-vmcoreinfo", 0, NULL, "pretend that there is no vmcoreinfo note", OPTION_HIDDEN, NULL},
    {"no-btf", 0, NULL, "pretend that there is no BTF", OPTION_HIDDEN, NULL},
    {"no-kallsyms", 0, NULL, "pretend that there is no kallsyms", OPTION_HIDDEN, NULL},
    {"no-qmp", 0, NULL, "do not use QEMU's QMP socket", OPTION_HIDDEN, NULL},
    {"no-registers", 0, NULL, "pretend that no vCPU registers are known", OPTION_HIDDEN, NULL},
    {0},
};

/* All rows that hold for a verb, set by set. */
static unsigned option_sets(const struct verb *v, const struct option_row *ret[4])
{
    unsigned n = 0;
    if (v->options)
        ret[n++] = v->options;
    if (!(v->flags & VERB_NO_JSON))
        ret[n++] = table_options;
    if (v->flags & (VERB_KERNEL | VERB_TARGET))
        ret[n++] = target_options;
    ret[n++] = common_options;
    return n;
}

static const struct option_row *find_long(const struct verb *v, const char *name, size_t len)
{
    const struct option_row *set[4];
    unsigned n = option_sets(v, set);
    for (unsigned i = 0; i < n; i++)
        for (const struct option_row *r = set[i]; r->name; r++)
            if (strlen(r->name) == len && !strncmp(r->name, name, len))
                return r;
    return NULL;
}

static const struct option_row *find_letter(const struct verb *v, char letter)
{
    const struct option_row *set[4];
    unsigned n = option_sets(v, set);
    for (unsigned i = 0; i < n; i++)
        for (const struct option_row *r = set[i]; r->name; r++)
            if (r->letter == letter)
                return r;
    return NULL;
}

static int unknown_long(const struct run *run, const char *name, size_t len)
{
    const struct option_row *set[4];
    unsigned n = option_sets(run->verb, set), best = 0xffff;
    const char *near = NULL;
    char typed[64];
    snprintf(typed, sizeof typed, "%.*s", (int)len, name);
    for (unsigned i = 0; i < n; i++)
        for (const struct option_row *r = set[i]; r->name; r++)
            if (!(r->flags & OPTION_HIDDEN) && is_nearer(typed, r->name, &best))
                near = r->name;
    if (near)
        return usage_error(run, "unknown option '--%s'; did you mean '--%s'?", typed, near);
    return usage_error(run, "unknown option '--%s'", typed);
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *c = choices; *c;) {
        size_t n = strcspn(c, " ");
        if (n == len && !strncmp(c, value, n))
            return true;
        c += n;
        c += *c == ' ';
    }
    return false;
}

static int take(struct run *run, const struct option_row *row, const char *value)
{
    struct args *a = &run->args;
    /* a choice that ends in '@' takes what follows it */
    const char *at = strchr(value, '@');
    char head[32] = "";
    if (at && (size_t)(at - value) + 2 < sizeof head)
        snprintf(head, sizeof head, "%.*s", (int)(at - value) + 1, value);
    if (row->choices && !is_choice(row->choices, value) && !(at && is_choice(row->choices, head)))
        return usage_error(run, "--%s is one of: %s; not '%s'", row->name, row->choices, value);
    if (a->options == MAX_ARGS)
        return usage_error(run, "too many options");
    a->option[a->options].row = row;
    a->option[a->options++].value = value;
    return 0;
}

static int parse_long(struct run *run, char **argv, int argc, int *i)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct option_row *row = find_long(run->verb, name, len);
    if (!row)
        return unknown_long(run, name, len);
    if (!row->value)
        return equals ? usage_error(run, "--%s takes no value", row->name) : take(run, row, "");
    if (equals)
        return take(run, row, equals + 1);
    if (*i + 1 >= argc)
        return usage_error(run, "--%s needs a value: %s", row->name, row->value);
    return take(run, row, argv[++*i]);
}

/* "-tT", "-p12", "-p 12" */
static int parse_letters(struct run *run, char **argv, int argc, int *i)
{
    for (const char *c = argv[*i] + 1; *c; c++) {
        const struct option_row *row = find_letter(run->verb, *c);
        int code;
        if (!row)
            return usage_error(run, "unknown option '-%c'", *c);
        if (!row->value) {
            if ((code = take(run, row, "")))
                return code;
            continue;
        }
        if (c[1])
            return take(run, row, c + 1);
        if (*i + 1 >= argc)
            return usage_error(run, "-%c needs a value: %s", *c, row->value);
        return take(run, row, argv[++*i]);
    }
    return 0;
}

static int check_operands(const struct run *run)
{
    const struct operand *o = run->verb->operands;
    unsigned need = 0, most = 0;
    bool many = false;
    for (; o && o->name; o++) {
        most++;
        need += !(o->flags & OPERAND_OPTIONAL);
        many |= (o->flags & OPERAND_MANY) != 0;
    }
    if (run->args.operands < need)
        return usage_error(run, "%s is missing", run->verb->operands[run->args.operands].name);
    if (run->args.operands > most && !many)
        return usage_error(run, "'%s' is too much", run->args.operand[most]);
    return 0;
}

int args_parse(struct run *run, int argc, char **argv)
{
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        const char *a = argv[i];
        int code = 0;
        if (!only_operands && !strcmp(a, "--"))
            only_operands = true;
        else if (!only_operands && !strncmp(a, "--", 2))
            code = parse_long(run, argv, argc, &i);
        else if (!only_operands && a[0] == '-' && a[1])
            code = parse_letters(run, argv, argc, &i);
        else if (run->args.operands == MAX_ARGS)
            code = usage_error(run, "too many arguments");
        else
            run->args.operand[run->args.operands++] = a;
        if (code)
            return code;
    }
    /* --help is answered whatever else is there or missing. */
    if (opt(run, "help"))
        return 0;
    return check_operands(run);
}

const char *opt(const struct run *run, const char *name)
{
    for (unsigned i = run->args.options; i-- > 0;)
        if (!strcmp(run->args.option[i].row->name, name))
            return run->args.option[i].value;
    return NULL;
}

int opt_pid(const struct run *run, const char *name, vmi_pid_t *ret)
{
    const char *v = opt(run, name);
    if (v && !parse_pid(v, ret))
        return usage_error(run, "--%s: '%s' is no process id", name, v);
    return 0;
}

int opt_size(const struct run *run, const char *name, uint64_t *ret)
{
    const char *v = opt(run, name);
    if (v && !parse_size(v, ret))
        return usage_error(run, "--%s: '%s' is no size (examples: 64, 0x40, 4k, 2M)", name, v);
    return 0;
}

int opt_duration(const struct run *run, const char *name, uint64_t *ret)
{
    const char *v = opt(run, name);
    if (v && !parse_duration(v, ret))
        return usage_error(run, "--%s: '%s' is no duration (examples: 200ms, 1.5s, 2m)", name, v);
    return 0;
}

const char *operand(const struct run *run, unsigned i)
{
    return i < run->args.operands ? run->args.operand[i] : NULL;
}

int operand_pid(const struct run *run, unsigned i, vmi_pid_t *ret)
{
    const char *v = operand(run, i);
    if (v && !parse_pid(v, ret))
        return usage_error(run, "'%s' is no process id", v);
    return 0;
}

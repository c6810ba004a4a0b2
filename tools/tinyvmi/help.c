/* SPDX-License-Identifier: BSD-2-Clause */
/* Help from the tables of the verbs. */
#include "verbs.h"

#include <string.h>

enum { WIDEST = 96, OPTION_COLUMN = 24 };

static size_t help_width(const struct out *o)
{
    return o->width && o->width < WIDEST ? o->width : WIDEST;
}

static void heading(struct out *o, const char *text)
{
    fprintf(o->f, "\n%s%s%s\n", colour_on(o, BOLD), text, colour_off(o, BOLD));
}

static void paragraph(struct out *o, const char *text, size_t indent)
{
    struct str s = {0};
    str_wrap(&s, text, indent, help_width(o));
    fputs(s.p, o->f);
    str_free(&s);
}

/* "  left part        what it is, wrapped below itself" */
static void two_columns(struct out *o, const char *left, const char *right, size_t column)
{
    struct str s = {0};
    size_t width = help_width(o);
    size_t used = 2 + text_columns(left, strlen(left));
    if (width < column + 20)
        column = 6;
    str_wrap(&s, right, column, width);
    fprintf(o->f, "  %s", left);
    if (used + 2 > column)
        fprintf(o->f, "\n%s", s.p);
    else
        fprintf(o->f, "%*s%s", (int)(column - used), "", s.p + column);
    str_free(&s);
}

static void synopsis(struct str *s, const struct verb *v)
{
    str_fmt(s, "tinyvmi %s", v->name);
    for (const struct operand *p = v->operands; p && p->name; p++) {
        bool optional = p->flags & OPERAND_OPTIONAL;
        str_fmt(s, optional ? " [%s%s]" : " %s%s", p->name, p->flags & OPERAND_MANY ? "..." : "");
    }
    str_puts(s, " [options]");
}

static void option_rows(struct out *o, const struct option_row *rows)
{
    for (const struct option_row *r = rows; r && r->name; r++) {
        struct str s = {0};
        if (r->flags & OPTION_HIDDEN)
            continue;
        if (r->letter)
            str_fmt(&s, "-%c, --%s", r->letter, r->name);
        else
            str_fmt(&s, "    --%s", r->name);
        if (r->value)
            str_fmt(&s, " %s", r->value);
        two_columns(o, s.p, r->about, OPTION_COLUMN + 2);
        str_free(&s);
    }
}

static void fields(struct out *o, const struct verb *v)
{
    if (!v->columns || (v->flags & VERB_NO_JSON))
        return;
    heading(o, "JSON fields");
    for (const struct column *c = v->columns; c->title || c->field; c++)
        if (c->field)
            two_columns(o, c->field, c->about ? c->about : "", OPTION_COLUMN - 4);
}

static void see_also(struct out *o, const char *names)
{
    heading(o, "See also");
    fputs(" ", o->f);
    for (const char *sep = ""; names && *names; sep = ",") {
        size_t n = strcspn(names, " ");
        fprintf(o->f, "%s tinyvmi %.*s", sep, (int)n, names);
        names += n;
        names += *names == ' ';
    }
    fputc('\n', o->f);
}

int help_verb(struct out *o, const struct verb *v)
{
    struct str s = {0};
    synopsis(&s, v);
    struct str purpose = {0};
    str_wrap(&purpose, v->purpose, strlen("tinyvmi : ") + strlen(v->name), help_width(o));
    fprintf(o->f, "%stinyvmi %s%s: %s", colour_on(o, BOLD), v->name, colour_off(o, BOLD),
            purpose.p + strlen("tinyvmi : ") + strlen(v->name));
    str_free(&purpose);
    heading(o, "Usage");
    fprintf(o->f, "  %s\n", s.p);
    str_free(&s);
    for (const struct operand *p = v->operands; p && p->name; p++)
        two_columns(o, p->name, p->about, OPTION_COLUMN - 4);
    for (const char *const *text = v->about; text && *text; text++) {
        fputc('\n', o->f);
        paragraph(o, *text, 2);
    }
    heading(o, "Options");
    option_rows(o, v->options);
    if (!(v->flags & VERB_NO_JSON))
        option_rows(o, table_options);
    if (v->flags & (VERB_KERNEL | VERB_TARGET))
        option_rows(o, target_options);
    option_rows(o, common_options);
    fields(o, v);
    if (v->examples)
        heading(o, "Examples");
    for (const struct example *e = v->examples; e && e->command; e++) {
        fprintf(o->f, "  %s%s%s\n", colour_on(o, CYAN), e->command, colour_off(o, CYAN));
        paragraph(o, e->about, 6);
    }
    heading(o, "Exit codes");
    for (const struct exit_code *c = exit_codes; c->about; c++) {
        char code[8];
        if ((v->flags & VERB_SHELL) && c->code != EXIT_WELL && c->code != EXIT_USAGE &&
            c->code != EXIT_HOST)
            continue;
        snprintf(code, sizeof code, "%d", c->code);
        two_columns(o, code, c->code == EXIT_NO && v->says_no ? v->says_no : c->about, 7);
    }
    if (v->see_also)
        see_also(o, v->see_also);
    return EXIT_WELL;
}

static void verb_rows(struct out *o, bool shell)
{
    for (const struct verb *const *v = verbs; *v; v++) {
        bool is_shell = (*v)->flags & VERB_SHELL;
        if (is_shell == shell)
            two_columns(o, (*v)->name, (*v)->purpose, 14);
    }
}

int help_overview(struct out *o)
{
    fprintf(o->f,
            "%stinyvmi%s: a running virtual machine or a memory dump, explained from its memory "
            "alone\n",
            colour_on(o, BOLD), colour_off(o, BOLD));
    heading(o, "Usage");
    fprintf(o->f, "  tinyvmi VERB TARGET [options]\n  tinyvmi VERB --help\n");
    heading(o, "Verbs");
    verb_rows(o, false);
    fputc('\n', o->f);
    verb_rows(o, true);
    heading(o, "Targets");
    two_columns(o, "PATH",
                "a memory file: raw, ELF core, LiME, AVML, kdump, Windows crash dump (file:PATH "
                "where that is ambiguous)",
                26);
    two_columns(o, "qemu:NAME", "a running QEMU/KVM guest, by its name", 26);
    two_columns(o, "qemu:PID", "... by the id of its process", 26);
    two_columns(o, "qemu:/path/to/qmp.sock", "... by its QMP socket", 26);
    two_columns(o, "xen:NAME", "a Xen domain (in dom0), by its name, id or UUID", 26);
    heading(o, "Examples");
    static const struct example example[] = {
        {"tinyvmi list", "which virtual machines run here"},
        {"tinyvmi info qemu:web1",
         "which kernel, since when, where in memory, and how that was found"},
        {"tinyvmi ps --tree qemu:web1", "its processes"},
        {"tinyvmi maps memory.elf 1", "what process 1 of a dump has mapped"},
        {"tinyvmi ps dump.raw --json | jq -r '.[] | select(.uid == 0) | .comm'",
         "for scripts: JSON"},
        {0},
    };
    for (const struct example *e = example; e->command; e++)
        fprintf(o->f, "  %s%s%s\n      %s\n", colour_on(o, CYAN), e->command, colour_off(o, CYAN),
                e->about);
    heading(o, "Exit codes");
    for (const struct exit_code *c = exit_codes; c->about; c++) {
        char code[8];
        snprintf(code, sizeof code, "%d", c->code);
        two_columns(o, code, c->about, 7);
    }
    fputc('\n', o->f);
    paragraph(o,
              "Text that comes from a guest is not trusted: control characters, invisible "
              "characters and bytes that are "
              "not UTF-8 are shown as \\x1b or \\u202e in tables. In JSON, a byte that is not "
              "UTF-8 is \\u0080 to \\u00ff.",
              0);
    return EXIT_WELL;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int run_help(struct run *run)
{
    const char *name = operand(run, 0);
    const struct verb *v = name ? verb_find(name) : NULL;
    if (!name)
        return help_overview(&run->out);
    if (v)
        return help_verb(&run->out, v);
    const char *near = verb_suggest(name);
    if (near)
        return usage_error(NULL, "unknown verb '%s'; did you mean '%s'?", name, near);
    return usage_error(NULL, "unknown verb '%s'", name);
}

const struct verb verb_help = {
    .name = "help",
    .purpose = "explain a verb",
    .operands = (const struct operand[]){{"VERB", "the verb", OPERAND_OPTIONAL}, {0}},
    .flags = VERB_NO_JSON | VERB_SHELL,
    .run = run_help,
};

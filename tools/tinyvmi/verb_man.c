/* SPDX-License-Identifier: BSD-2-Clause */
/* Manual pages (man(7) macros) from the tables of the verbs. */
#include "verbs.h"

#include <string.h>

/* Text for roff: backslashes and hyphens, and no line that starts with a control character. */
static void roff(FILE *f, const char *s)
{
    bool start = true;
    for (; *s; s++) {
        if (start && (*s == '.' || *s == '\''))
            fputs("\\&", f);
        start = *s == '\n';
        if (*s == '\\')
            fputs("\\e", f);
        else if (*s == '-')
            fputs("\\-", f);
        else if (*s == '~' || *s == '^' || *s == '`' || *s == '\'')
            fputs(*s == '~' ? "\\(ti" : *s == '^' ? "\\(ha" : *s == '`' ? "\\(ga" : "\\(aq", f);
        else
            fputc(*s, f);
    }
}

static void text(FILE *f, const char *s)
{
    roff(f, s);
    fputc('\n', f);
}

static void item(FILE *f, const char *term, const char *value, const char *about)
{
    fputs(".TP\n\\fB", f);
    roff(f, term);
    fputs("\\fR", f);
    if (value) {
        fputs(" \\fI", f);
        roff(f, value);
        fputs("\\fR", f);
    }
    fputc('\n', f);
    text(f, about);
}

static void upper(FILE *f, const char *s)
{
    for (; *s; s++)
        fputc(*s >= 'a' && *s <= 'z' ? *s - 32 : *s, f);
}

static void head(FILE *f, const char *verb)
{
    fputs(".TH TINYVMI", f);
    if (verb) {
        fputc('-', f);
        upper(f, verb);
    }
    fprintf(f, " 1 \"\" \"TinyVMI %s\" \"TinyVMI\"\n", tinyvmi_version());
}

static void options(FILE *f, const struct option_row *rows)
{
    for (const struct option_row *r = rows; r && r->name; r++) {
        char term[64];
        if (r->flags & OPTION_HIDDEN)
            continue;
        if (r->letter)
            snprintf(term, sizeof term, "-%c, --%s", r->letter, r->name);
        else
            snprintf(term, sizeof term, "--%s", r->name);
        item(f, term, r->value, r->about);
    }
}

static void codes(FILE *f, const char *says_no)
{
    fputs(".SH \"EXIT STATUS\"\n", f);
    for (const struct exit_code *c = exit_codes; c->about; c++) {
        char code[8];
        snprintf(code, sizeof code, "%d", c->code);
        item(f, code, NULL, c->code == EXIT_NO && says_no ? says_no : c->about);
    }
}

static void examples(FILE *f, const struct example *e)
{
    if (!e)
        return;
    fputs(".SH EXAMPLES\n", f);
    for (; e->command; e++) {
        fputs(".PP\n", f);
        text(f, e->about);
        fputs(".PP\n.RS 4\n.nf\n", f);
        text(f, e->command);
        fputs(".fi\n.RE\n", f);
    }
}

static void see_also(FILE *f, const char *names)
{
    fputs(".SH \"SEE ALSO\"\n.BR tinyvmi (1)", f);
    while (names && *names) {
        size_t n = strcspn(names, " ");
        fprintf(f, ",\n.BR tinyvmi\\-%.*s (1)", (int)n, names);
        names += n;
        names += *names == ' ';
    }
    fputc('\n', f);
}

static void synopsis(FILE *f, const struct verb *v)
{
    fprintf(f, ".SH SYNOPSIS\n\\fBtinyvmi %s\\fR", v->name);
    for (const struct operand *p = v->operands; p && p->name; p++) {
        bool optional = p->flags & OPERAND_OPTIONAL;
        fprintf(f, optional ? " [\\fI%s\\fR%s]" : " \\fI%s\\fR%s", p->name,
                p->flags & OPERAND_MANY ? "..." : "");
    }
    fputs(" [\\fIoptions\\fR]\n", f);
}

static int man_verb(FILE *f, const struct verb *v)
{
    head(f, v->name);
    fprintf(f, ".SH NAME\ntinyvmi\\-%s \\- ", v->name);
    text(f, v->purpose);
    synopsis(f, v);
    fputs(".SH DESCRIPTION\n", f);
    for (const char *const *a = v->about; a && *a; a++) {
        text(f, *a);
        fputs(".PP\n", f);
    }
    for (const struct operand *p = v->operands; p && p->name; p++)
        item(f, p->name, NULL, p->about);
    fputs(".SH OPTIONS\n", f);
    options(f, v->options);
    if (!(v->flags & VERB_NO_JSON))
        options(f, table_options);
    if (v->flags & (VERB_KERNEL | VERB_TARGET))
        options(f, target_options);
    options(f, common_options);
    if (v->columns && !(v->flags & VERB_NO_JSON)) {
        fputs(".SH \"JSON FIELDS\"\n", f);
        for (const struct column *c = v->columns; c->title || c->field; c++)
            if (c->field)
                item(f, c->field, NULL, c->about ? c->about : "");
    }
    codes(f, v->says_no);
    examples(f, v->examples);
    see_also(f, v->see_also);
    return EXIT_WELL;
}

static int man_overview(FILE *f)
{
    head(f, NULL);
    fputs(".SH NAME\ntinyvmi \\- a running virtual machine or a memory dump, explained from its "
          "memory alone\n"
          ".SH SYNOPSIS\n\\fBtinyvmi\\fR \\fIVERB\\fR \\fITARGET\\fR [\\fIoptions\\fR]\n"
          ".SH DESCRIPTION\n",
          f);
    text(f, "Finds the kernel in the memory of a running QEMU/KVM guest or of a memory dump, and "
            "tells what it is doing. "
            "No profile, no symbols and no configuration are needed, and nothing is installed in "
            "the guest.");
    fputs(".SH VERBS\n", f);
    for (const struct verb *const *v = verbs; *v; v++)
        item(f, (*v)->name, NULL, (*v)->purpose);
    fputs(".SH TARGETS\n", f);
    item(f, "PATH, file:PATH", NULL,
         "a memory file: raw, ELF core, LiME, AVML, kdump, Windows crash dump");
    item(f, "qemu:NAME, qemu:PID, qemu:/path/to/qmp.sock", NULL, "a running QEMU/KVM guest");
    item(f, "xen:NAME, xen:ID, xen:UUID", NULL, "a Xen domain, in dom0");
    fputs(".SH \"GUEST TEXT\"\n", f);
    text(f, "Text that comes from a guest is not trusted. In tables, control characters, invisible "
            "characters, those "
            "that change the direction of writing, and bytes that are not UTF-8 are shown as \\x1b "
            "or \\u202e. In JSON, a "
            "byte that is not UTF-8 is written as \\u0080 to \\u00ff.");
    fputs(".SH ENVIRONMENT\n", f);
    item(f, "NO_COLOR", NULL, "when set and not empty: no colours, unless --color=always");
    item(f, "COLUMNS", NULL, "width of tables and help where the output is no terminal");
    codes(f, NULL);
    fputs(".SH \"SEE ALSO\"\n", f);
    const char *sep = "";
    for (const struct verb *const *v = verbs; *v; v++) {
        fprintf(f, "%s.BR tinyvmi\\-%s (1)", sep, (*v)->name);
        sep = ",\n";
    }
    fputc('\n', f);
    return EXIT_WELL;
}

static int run(struct run *run)
{
    const char *name = operand(run, 0);
    if (!name)
        return man_overview(run->out.f);
    const struct verb *v = verb_find(name);
    return v ? man_verb(run->out.f, v) : usage_error(run, "unknown verb '%s'", name);
}

const struct verb verb_man = {
    .name = "man",
    .purpose = "print the manual page of a verb, or of tinyvmi",
    .operands =
        (const struct operand[]){{"VERB", "the verb (default: the overview)", OPERAND_OPTIONAL},
                                 {0}},
    .examples = (const struct example[]){{"tinyvmi man ps | man -l -", "read it"}, {0}},
    .flags = VERB_NO_JSON | VERB_SHELL,
    .run = run,
};

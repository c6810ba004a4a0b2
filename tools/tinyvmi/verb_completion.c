/* SPDX-License-Identifier: BSD-2-Clause */
/* Shell completion from the tables of the verbs. */
#include "verbs.h"

#include <string.h>

static unsigned sets_of(const struct verb *v, const struct option_row *ret[4])
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

typedef void (*option_fn)(FILE *f, const struct verb *v, const struct option_row *r);

static void each_option(FILE *f, const struct verb *v, option_fn fn)
{
    const struct option_row *set[4];
    unsigned n = sets_of(v, set);
    for (unsigned i = 0; i < n; i++)
        for (const struct option_row *r = set[i]; r->name; r++)
            if (!(r->flags & OPTION_HIDDEN))
                fn(f, v, r);
}

static void verb_names(FILE *f, const char *only_with_target)
{
    const char *sep = "";
    for (const struct verb *const *v = verbs; *v; v++) {
        if (only_with_target && !((*v)->flags & (VERB_KERNEL | VERB_TARGET)))
            continue;
        fprintf(f, "%s%s", sep, (*v)->name);
        sep = only_with_target ? only_with_target : " ";
    }
}

/* Within single quotes. */
static void quoted(FILE *f, const char *s)
{
    for (; *s; s++)
        if (*s == '\'')
            fputs("'\\''", f);
        else
            fputc(*s, f);
}

/* ---- bash ------------------------------------------------------------------------------------ */

static void bash_name(FILE *f, const struct verb *v, const struct option_row *r)
{
    (void)v;
    fprintf(f, " --%s", r->name);
}

static void bash_value(FILE *f, const struct verb *v, const struct option_row *r)
{
    if (!r->value)
        return;
    fprintf(f, "    %s:--%s", v->name, r->name);
    if (r->letter)
        fprintf(f, "|%s:-%c", v->name, r->letter);
    if (r->choices)
        fprintf(f, ") COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", r->choices);
    else if (r->flags & OPTION_FILE)
        fputs(") COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", f);
    else
        fputs(") return ;;\n", f);
}

static void bash(FILE *f)
{
    fputs("# bash completion for tinyvmi; made by 'tinyvmi completion bash'\n"
          "_tinyvmi() {\n"
          "  # The line as it is: bash breaks words at colons, and qemu:NAME is one\n"
          "  local line=${COMP_LINE:0:COMP_POINT} cur prev verb word colon words\n"
          "  read -ra words <<< \"$line\"\n"
          "  [[ $line == *[[:space:]] ]] && words+=('')\n"
          "  cur=${words[-1]} prev=${words[-2]} verb=${words[1]}\n"
          "  [[ $cur == --*=* ]] && prev=${cur%%=*} cur=${cur#*=}\n"
          "  COMPREPLY=()\n"
          "  if ((${#words[@]} <= 2)); then\n"
          "    COMPREPLY=($(compgen -W '",
          f);
    verb_names(f, NULL);
    fputs(" --help --version' -- \"$cur\"))\n    return\n  fi\n  case $verb:$prev in\n", f);
    for (const struct verb *const *v = verbs; *v; v++)
        each_option(f, *v, bash_value);
    fputs("  esac\n  case $verb:$cur in\n", f);
    for (const struct verb *const *v = verbs; *v; v++) {
        fprintf(f, "    %s:-*) COMPREPLY=($(compgen -W '", (*v)->name);
        each_option(f, *v, bash_name);
        fputs("' -- \"$cur\")) ;;\n", f);
    }
    fputs("    help:*|man:*) COMPREPLY=($(compgen -W '", f);
    verb_names(f, NULL);
    fputs("' -- \"$cur\")) ;;\n    completion:*) COMPREPLY=($(compgen -W 'bash zsh fish' -- "
          "\"$cur\")) ;;\n    ",
          f);
    verb_names(f, ":*|");
    fputs(":*)\n"
          "      COMPREPLY=($(compgen -W \"$(tinyvmi list --names 2>/dev/null)\" -- \"$cur\") "
          "$(compgen -f -- \"$cur\"))\n"
          "      if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
          "        colon=${cur%\"${cur##*:}\"}\n"
          "        for word in \"${!COMPREPLY[@]}\"; do "
          "COMPREPLY[word]=${COMPREPLY[word]#\"$colon\"}; done\n"
          "      fi ;;\n"
          "  esac\n"
          "}\n"
          "complete -o filenames -o nosort -F _tinyvmi tinyvmi 2>/dev/null || complete -F _tinyvmi "
          "tinyvmi\n",
          f);
}

/* ---- zsh ------------------------------------------------------------------------------------- */

/* Brackets and colons have a meaning for _arguments. */
static void zsh_text(FILE *f, const char *s)
{
    for (; *s; s++) {
        if (*s == '[' || *s == ']' || *s == ':' || *s == '\\')
            fputc('\\', f);
        if (*s == '\'')
            fputs("'\\''", f);
        else
            fputc(*s, f);
    }
}

static void zsh_option(FILE *f, const struct verb *v, const struct option_row *r)
{
    (void)v;
    fputs("        ", f);
    if (r->letter)
        fprintf(f, "'(-%c --%s)'{-%c%s,--%s%s}'", r->letter, r->name, r->letter,
                r->value ? "+" : "", r->name, r->value ? "=" : "");
    else
        fprintf(f, "'--%s%s", r->name, r->value ? "=" : "");
    fputc('[', f);
    zsh_text(f, r->about);
    fputc(']', f);
    if (r->value) {
        fputc(':', f);
        zsh_text(f, r->value);
        fputc(':', f);
        if (r->choices)
            fprintf(f, "(%s)", r->choices);
        else if (r->flags & OPTION_FILE)
            fputs("_files", f);
    }
    fputs("' \\\n", f);
}

static void zsh_operands(FILE *f, const struct verb *v)
{
    int place = 1;
    for (const struct operand *p = v->operands; p && p->name; p++, place++) {
        const char *action = !strcmp(p->name, "TARGET")  ? "_tinyvmi_target"
                             : !strcmp(p->name, "VERB")  ? "_tinyvmi_verb"
                             : !strcmp(p->name, "SHELL") ? "(bash zsh fish)"
                             : p->flags & OPERAND_FILE   ? "_files"
                                                         : " ";
        if (p->flags & OPERAND_MANY)
            fprintf(f, "        '*:%s:%s' \\\n", p->name, action);
        else
            fprintf(f, "        '%d:%s:%s' \\\n", place, p->name, action);
    }
}

static void zsh(FILE *f)
{
    fputs(
        "#compdef tinyvmi\n# zsh completion for tinyvmi; made by 'tinyvmi completion zsh'\n"
        "_tinyvmi_target() {\n"
        "  local -a targets\n"
        "  targets=(${(f)\"$(tinyvmi list --names 2>/dev/null)\"})\n"
        "  _alternative 'machines:virtual machine:compadd -a targets' 'files:memory file:_files'\n"
        "}\n"
        "_tinyvmi_verb() {\n  local -a verbs\n  verbs=(\n",
        f);
    for (const struct verb *const *v = verbs; *v; v++) {
        fprintf(f, "    '%s:", (*v)->name);
        quoted(f, (*v)->purpose);
        fputs("'\n", f);
    }
    fputs("  )\n  _describe verb verbs\n}\n"
          "_tinyvmi() {\n"
          "  if ((CURRENT == 2)); then\n    _tinyvmi_verb\n    return\n  fi\n"
          "  local verb=$words[2]\n  shift words\n  ((CURRENT--))\n"
          "  case $verb in\n",
          f);
    for (const struct verb *const *v = verbs; *v; v++) {
        fprintf(f, "    %s)\n      _arguments -s \\\n", (*v)->name);
        each_option(f, *v, zsh_option);
        zsh_operands(f, *v);
        fputs("        && return ;;\n", f);
    }
    fputs("  esac\n}\n"
          "if [ \"$funcstack[1]\" = _tinyvmi ]; then _tinyvmi \"$@\"; else compdef _tinyvmi "
          "tinyvmi; fi\n",
          f);
}

/* ---- fish ------------------------------------------------------------------------------------ */

static void fish_text(FILE *f, const char *s)
{
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\')
            fputc('\\', f);
        fputc(*s, f);
    }
}

static void fish_option(FILE *f, const struct verb *v, const struct option_row *r)
{
    fprintf(f, "complete -c tinyvmi -n '__fish_seen_subcommand_from %s' -l %s", v->name, r->name);
    if (r->letter)
        fprintf(f, " -s %c", r->letter);
    if (r->value)
        fputs(r->flags & OPTION_FILE ? " -r -F" : " -x", f);
    if (r->choices)
        fprintf(f, " -a '%s'", r->choices);
    fputs(" -d '", f);
    fish_text(f, r->about);
    fputs("'\n", f);
}

static void fish(FILE *f)
{
    fputs("# fish completion for tinyvmi; made by 'tinyvmi completion fish'\n", f);
    for (const struct verb *const *v = verbs; *v; v++) {
        fprintf(f, "complete -c tinyvmi -n __fish_use_subcommand -f -a %s -d '", (*v)->name);
        fish_text(f, (*v)->purpose);
        fputs("'\n", f);
    }
    fputs("complete -c tinyvmi -n '__fish_seen_subcommand_from ", f);
    verb_names(f, " ");
    fputs("' -a '(tinyvmi list --names 2>/dev/null)' -d 'virtual machine'\n"
          "complete -c tinyvmi -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n"
          "complete -c tinyvmi -n '__fish_seen_subcommand_from help man' -f -a '",
          f);
    verb_names(f, NULL);
    fputs("'\n", f);
    for (const struct verb *const *v = verbs; *v; v++)
        each_option(f, *v, fish_option);
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int run(struct run *run)
{
    static const struct {
        const char *name;
        void (*print)(FILE *f);
    } shell[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    for (size_t i = 0; i < sizeof shell / sizeof *shell; i++) {
        if (!strcmp(operand(run, 0), shell[i].name)) {
            shell[i].print(run->out.f);
            return EXIT_WELL;
        }
    }
    return usage_error(run, "'%s' is no shell that is known: bash, zsh, fish", operand(run, 0));
}

const struct verb verb_completion = {
    .name = "completion",
    .purpose = "print a completion script for bash, zsh or fish",
    .operands = (const struct operand[]){{"SHELL", "bash, zsh or fish", 0}, {0}},
    .examples =
        (const struct example[]){
            {"source <(tinyvmi completion bash)", "for this shell"},
            {"tinyvmi completion bash > /etc/bash_completion.d/tinyvmi", "for all"},
            {"tinyvmi completion zsh > /usr/local/share/zsh/site-functions/_tinyvmi", "zsh"},
            {"tinyvmi completion fish > ~/.config/fish/completions/tinyvmi.fish", "fish"},
            {0},
        },
    .flags = VERB_NO_JSON | VERB_SHELL,
    .run = run,
};

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text form of the configuration:
 *
 *     NAME { key = value; key = "text"; }      # comment
 *
 * A word is the longest run of letters, digits and / . _ @ - . It is a key if it equals one; a
 * number if it is decimal, octal (leading 0) or 0x and hex digits; a NAME if it starts with a
 * letter or digit, has two characters or more and none of / and @; else a path. What LibVMI takes
 * is taken, and what it refuses is refused, so that a file that works here works there.
 */
#include "vmi/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

enum { MAX_WORD = 1023 };

enum token {
    T_END,
    T_OPEN,
    T_CLOSE,
    T_EQUALS,
    T_SEMICOLON,
    T_QUOTE,
    T_KEY,
    T_NUMBER,
    T_NAME,
    T_PATH,
    T_ERROR
};

struct lexer {
    const char *p, *end;
    unsigned line;
    struct diag *d;
    enum token token;
    char word[MAX_WORD + 1]; /* of T_KEY, T_NUMBER, T_NAME, T_PATH */
    const struct config_key *key;
};

/* ---- words ----------------------------------------------------------------------------------- */

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || strchr("/._@-", c) != NULL;
}

static bool all_of(const char *s, int (*is)(int))
{
    while (*s && is((unsigned char)*s))
        s++;
    return !*s;
}

static const struct config_key *find_key(const char *word)
{
    for (const struct config_key *k = config_keys; k->name; k++)
        if (k->text_form && strcmp(k->name, word) == 0)
            return k;
    return NULL;
}

static enum token class_of(struct lexer *l)
{
    const char *w = l->word;
    l->key = find_key(w);
    if (l->key)
        return T_KEY;
    if (all_of(w, isdigit) || (w[0] == '0' && w[1] == 'x' && w[2] && all_of(w + 2, isxdigit)))
        return T_NUMBER;
    if (isalnum((unsigned char)w[0]) && w[1] && !strpbrk(w, "/@"))
        return T_NAME;
    return T_PATH;
}

static enum token lex_error(struct lexer *l, const char *what)
{
    diag_fail(l->d, ST_BROKEN, "configuration, line %u: %s", l->line, what);
    return T_ERROR;
}

static enum token lex_word(struct lexer *l)
{
    size_t n = 0;
    while (l->p + n < l->end && l->p[n] && is_word_char(l->p[n]))
        n++;
    if (n > MAX_WORD)
        return lex_error(l, "a word is longer than 1023 characters");
    memcpy(l->word, l->p, n);
    l->word[n] = '\0';
    l->p += n;
    return class_of(l);
}

/* Passes over blanks and comments; false: a comment does not end with a newline. */
static bool skip_blanks(struct lexer *l)
{
    while (l->p < l->end) {
        if (*l->p == '#') {
            const char *nl = memchr(l->p, '\n', (size_t)(l->end - l->p));
            if (!nl)
                return false;
            l->p = nl;
        }
        if (*l->p == '\n')
            l->line++;
        else if (!strchr(" \t\r", *l->p) || !*l->p)
            break;
        l->p++;
    }
    return true;
}

static enum token next(struct lexer *l)
{
    static const char marks[] = "{}=;\"";
    if (!skip_blanks(l))
        return l->token = lex_error(l, "a comment on the last line needs a newline behind it");
    if (l->p == l->end)
        return l->token = T_END;
    const char *mark = *l->p ? strchr(marks, *l->p) : NULL;
    if (mark) {
        l->p++;
        return l->token = (enum token)(T_OPEN + (mark - marks));
    }
    if (!*l->p || !is_word_char(*l->p))
        return l->token = lex_error(l, "there is a character that has no meaning here");
    return l->token = lex_word(l);
}

/* ---- grammar --------------------------------------------------------------------------------- */

static int syntax(struct lexer *l, const char *expected)
{
    if (l->token == T_ERROR)
        return ST_BROKEN;
    if (l->token >= T_KEY)
        return diag_fail(l->d, ST_BROKEN, "configuration, line %u: expected %s before \"%.64s\"",
                         l->line, expected, l->word);
    return diag_fail(l->d, ST_BROKEN, "configuration, line %u: expected %s", l->line, expected);
}

static int expect(struct lexer *l, enum token t, const char *expected)
{
    if (l->token != t)
        return syntax(l, expected);
    next(l);
    return ST_OK;
}

static int number_value(struct lexer *l, struct config *c, int number)
{
    char *end;
    if (l->token != T_NUMBER)
        return syntax(l, "a number (decimal, or 0x and hex digits; no quotes, no sign)");
    errno = 0;
    uint64_t v = strtoull(l->word, &end, 0);
    if (errno || *end)
        return diag_fail(l->d, ST_BROKEN, "configuration, line %u: %.64s is no number of 64 bits",
                         l->line, l->word);
    c->number[number] = v;
    next(l);
    return ST_OK;
}

static int text_value(struct lexer *l, struct config *c, const struct config_key *key)
{
    char value[MAX_WORD + 1];
    int st = expect(l, T_QUOTE, "a text in double quotes");
    if (st != ST_OK)
        return st;
    if (key->kind == CONFIG_WORD && l->token != T_NAME)
        return syntax(l, "a word of two or more letters, digits, . _ -");
    if (key->kind == CONFIG_PATH && l->token != T_PATH)
        return syntax(l, "a path: it needs a / or @ somewhere (\"./System.map\"), and letters, "
                         "digits, / . _ @ - alone");
    memcpy(value, l->word, sizeof value);
    next(l);
    st = expect(l, T_QUOTE, "a closing quote");
    if (st != ST_OK)
        return st;
    st = config_set_text(c, key->name, value);
    return st == ST_OK ? ST_OK : diag_fail(l->d, st, "no memory for the configuration");
}

static int assignment(struct lexer *l, struct config *c)
{
    const struct config_key *key = l->key;
    if (l->token != T_KEY)
        return syntax(l, "a key that is known, or }");
    next(l);
    int st = expect(l, T_EQUALS, "=");
    if (st == ST_OK)
        st = key->kind == CONFIG_NUMBER ? number_value(l, c, key->number) : text_value(l, c, key);
    if (st == ST_OK && l->token != T_SEMICOLON)
        return syntax(l, "; after a value");
    return st;
}

/* { assignments } */
static int body(struct lexer *l, struct config *c)
{
    int st = expect(l, T_OPEN, "{");
    while (st == ST_OK && l->token != T_CLOSE) {
        if (l->token != T_SEMICOLON)
            st = assignment(l, c);
        if (st == ST_OK)
            st = expect(l, T_SEMICOLON, ";");
    }
    return st == ST_OK ? expect(l, T_CLOSE, "}") : st;
}

/* One entry; it replaces *found when it is the wanted one. */
static int entry(struct lexer *l, bool wanted, struct config **found)
{
    struct config *c = config_new();
    if (!c)
        return diag_fail(l->d, ST_NOMEM, "no memory for the configuration");
    int st = body(l, c);
    if (st != ST_OK || !wanted) {
        config_free(c);
        return st;
    }
    config_free(*found);
    *found = c;
    return ST_OK;
}

int config_parse(struct bytes text, const char *name, bool body_only, struct diag *d,
                 struct config **ret)
{
    struct lexer l = {
        .p = (const char *)text.p, .end = (const char *)text.p + text.n, .line = 1, .d = d};
    struct config *found = NULL;
    int st = ST_OK;
    next(&l);
    if (body_only)
        st = entry(&l, true, &found);
    while (st == ST_OK && l.token != T_END) {
        if (l.token != T_NAME) {
            st = syntax(&l, "the name of an entry (two or more letters, digits, . _ -)");
            break;
        }
        bool wanted = strcmp(l.word, name) == 0;
        next(&l);
        st = entry(&l, wanted, &found);
    }
    if (st == ST_OK && !found)
        st = diag_fail(d, ST_ABSENT, "the configuration has no entry \"%s\"", name);
    if (st != ST_OK) {
        config_free(found);
        return st;
    }
    *ret = found;
    return ST_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "json.h"

#include <string.h>

#include "text.h"

enum { DEEPEST = 7 };

static void indent(struct json *j)
{
    fputc('\n', j->f);
    for (unsigned i = 0; i < j->depth; i++)
        fputs("  ", j->f);
}

/* What stands between the last element and the next. */
static void element(struct json *j)
{
    if (j->after_key) {
        j->after_key = false;
        return;
    }
    if (j->started[j->depth])
        fputc(',', j->f);
    if (j->depth && j->depth <= j->lines)
        indent(j);
    else if (j->started[j->depth])
        fputc(' ', j->f);
    j->started[j->depth] = true;
}

void json_open(struct json *j, char bracket)
{
    element(j);
    fputc(bracket, j->f);
    if (j->depth < DEEPEST)
        j->depth++;
    j->started[j->depth] = false;
}

void json_close(struct json *j, char bracket)
{
    bool any = j->started[j->depth], lines = j->depth <= j->lines;
    if (j->depth)
        j->depth--;
    if (any && lines)
        indent(j);
    fputc(bracket, j->f);
    if (j->depth == 0) {
        fputc('\n', j->f);
        j->started[0] = false;
    }
}

void json_key(struct json *j, const char *key)
{
    element(j);
    fprintf(j->f, "\"%s\": ", key);
    j->after_key = true;
}

void json_u64(struct json *j, uint64_t v)
{
    element(j);
    fprintf(j->f, "%llu", (unsigned long long)v);
}

void json_i64(struct json *j, int64_t v)
{
    element(j);
    fprintf(j->f, "%lld", (long long)v);
}

void json_seconds(struct json *j, uint64_t ns)
{
    element(j);
    fprintf(j->f, "%llu.%06llu", (unsigned long long)(ns / 1000000000),
            (unsigned long long)(ns % 1000000000 / 1000));
}

void json_address(struct json *j, uint64_t v)
{
    element(j);
    fprintf(j->f, "\"0x%llx\"", (unsigned long long)v);
}

static void character(FILE *f, uint32_t c, const char *bytes, size_t len)
{
    if (c == '"' || c == '\\')
        fprintf(f, "\\%c", (char)c);
    else if (c == '\n' || c == '\t')
        fputs(c == '\n' ? "\\n" : "\\t", f);
    else if (is_deceptive(c) && c > 0xffff)
        fprintf(f, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                0xdc00 + ((c - 0x10000) & 0x3ff));
    else if (is_deceptive(c))
        fprintf(f, "\\u%04x", c);
    else
        fwrite(bytes, 1, len, f);
}

void json_text(struct json *j, const char *text, size_t n)
{
    element(j);
    fputc('"', j->f);
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = utf8_decode(text + i, n - i, &c);
        if (len)
            character(j->f, c, text + i, len);
        else
            fprintf(j->f, "\\u%04x", (unsigned char)text[i]);
        i += len ? len : 1;
    }
    fputc('"', j->f);
}

void json_string(struct json *j, const char *text)
{
    json_text(j, text, strlen(text));
}

void json_bool(struct json *j, bool v)
{
    element(j);
    fputs(v ? "true" : "false", j->f);
}

void json_null(struct json *j)
{
    element(j);
    fputs("null", j->f);
}

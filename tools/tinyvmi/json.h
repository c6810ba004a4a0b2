/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON (RFC 8259) as it is written, without a tree. Guest text: bytes that are not valid UTF-8
 * become \u0080 to \u00ff, one for each byte; control and invisible characters are escaped, too, so
 * that looking at the output is safe.
 */
#ifndef TINYVMI_CLI_JSON_H
#define TINYVMI_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *f;
    unsigned
        lines; /* containers nested less deep than this put each element on a line of its own */
    unsigned depth;
    bool started[8]; /* the container at this depth has an element */
    bool after_key;
};

void json_open(struct json *j, char bracket); /* '[' or '{' */
void json_close(struct json *j, char bracket);
void json_key(struct json *j, const char *key);
void json_u64(struct json *j, uint64_t v);
void json_i64(struct json *j, int64_t v);
void json_seconds(struct json *j, uint64_t ns); /* 12.345678 */
void json_address(struct json *j, uint64_t v);  /* "0x1000" */
void json_text(struct json *j, const char *text, size_t n);
void json_string(struct json *j, const char *text);
void json_bool(struct json *j, bool v);
void json_null(struct json *j);

#endif

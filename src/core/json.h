/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON (RFC 8259) as a pull tokenizer: the caller asks for one token after the other and no tree is
 * ever built. Nothing is allocated, the depth is bounded, and the bytes may come from anybody.
 *
 * Text is given as the raw slice between the quotes, escapes not undone: what the caller looks for
 * seldom has any, and json_is and json_unescape care for the rest. Escapes and numbers are checked
 * here, UTF-8 is not.
 *
 *     struct json j;
 *     json_init(&j, doc);
 *     if (json_next(&j) == JSON_OBJECT)
 *         while (json_next(&j) == JSON_KEY)
 *             if (json_is(&j, "pid") && json_next(&j) == JSON_INTEGER)
 *                 pid = j.value;
 *             else
 *                 json_skip(&j);
 *     if (j.token == JSON_ERROR)
 *         return diag_fail(d, ST_BROKEN, "line %u: %s", json_line(&j), j.error);
 */
#ifndef TINYVMI_CORE_JSON_H
#define TINYVMI_CORE_JSON_H

#include "core/bytes.h"

#define JSON_DEPTH 64

enum json_token {
    JSON_END,   /* the document is complete, and nothing but white space follows */
    JSON_ERROR, /* sticky: json.error tells, json_line where */
    JSON_OBJECT,
    JSON_OBJECT_END,
    JSON_ARRAY,
    JSON_ARRAY_END,
    JSON_KEY,     /* text */
    JSON_STRING,  /* text */
    JSON_INTEGER, /* value and negative; text has the digits. What passes 2^64-1 is a JSON_REAL. */
    JSON_REAL,    /* text has the number as it was written */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

struct json {
    enum json_token token; /* the newest */
    struct bytes text;     /* of a key, string or number: a slice of the document, not terminated */
    uint64_t value;        /* of an integer: its magnitude */
    bool negative;
    unsigned depth;    /* objects and arrays that are open */
    const char *error; /* static text */
    /* The tokenizer's own: */
    const uint8_t *begin, *p, *end;
    uint64_t objects; /* bit n: level n is an object, not an array */
    uint8_t expect;
};

void json_init(struct json *j, struct bytes doc);
enum json_token json_next(struct json *j);

/*
 * Passes over the rest of the value at the newest token: to the matching end of an object or array
 * that has just begun, over the whole value that belongs to a key, nothing for a plain value.
 * Returns the last token seen: JSON_ERROR or not.
 */
enum json_token json_skip(struct json *j);

/* Is the text of the newest token, escapes undone, this? */
bool json_is(const struct json *j, const char *text);

/* The value of the newest token when it is an integer that fits. */
bool json_i64(const struct json *j, int64_t *ret);

/*
 * Line of the document, from 1, that the tokenizer has come to. Counts from the start: for
 * messages.
 */
unsigned json_line(const struct json *j);

/*
 * Undoes the escapes of a slice that the tokenizer gave. Terminates `buf` always (size > 0) and
 * cuts what does not fit, never inside a character that was escaped; returns the length that the
 * whole text has, so that >= size means cut. \u0000 and lone surrogates become U+FFFD.
 */
size_t json_unescape(struct bytes raw, char *buf, size_t size);

/*
 * The value at a path of keys and array indices, dots between ("return.0.props.id"), in a small
 * document: reads it from the start. `ret` stands at the value's token. False when there is none or
 * when the document breaks before it; then `ret` is untouched. A path of "" is the whole document.
 */
bool json_find(struct bytes doc, const char *path, struct json *ret);

/*
 * json_find, and the text of the string there into `buf` as json_unescape does it; false also when
 * it is cut.
 */
bool json_find_text(struct bytes doc, const char *path, char *buf, size_t size);

#endif

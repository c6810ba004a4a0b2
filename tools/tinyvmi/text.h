/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for people: growing strings, guest text made visible, widths on a terminal, numbers with
 * units.
 *
 * Guest text is hostile: a process may call itself "\x1b]0;...\x07" or hold a right-to-left
 * override. What is no plain printable character is shown as \x1b (a byte) or \u202e (a character);
 * a backslash of the guest's own stays as it is, so that the tables read well. JSON output is the
 * unambiguous form.
 */
#ifndef TINYVMI_CLI_TEXT_H
#define TINYVMI_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing string, always terminated once something was added. {0} is empty. Out of memory ends
 * the program. */
struct str {
    char *p;
    size_t n, cap;
};

void *memory_grow(void *p, size_t count,
                  size_t size); /* realloc of count * size bytes, or the end of the program */
void str_add(struct str *s, const char *text, size_t n);
void str_puts(struct str *s, const char *text);
void str_fmt(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull));
void str_pad(struct str *s, size_t spaces);
void str_free(struct str *s);

enum { GUEST_KEEP_TABS = 1 }; /* a tab is harmless outside of tables */

/* Appends guest text in its visible form. */
void str_guest(struct str *s, const char *text, size_t n, unsigned flags);

/* The character at s (n bytes left): its length in bytes, 0 when it is not valid UTF-8. */
size_t utf8_decode(const char *s, size_t n, uint32_t *ret);
/* Control characters, invisible ones and those that change the direction of writing. */
bool is_deceptive(uint32_t c);
/* Columns that a character takes: 0 combining, 2 wide, else 1. */
unsigned char_columns(uint32_t c);
/* Columns that clean text takes. */
size_t text_columns(const char *s, size_t n);
/* How many bytes of clean text fit into `columns`. */
size_t text_fit(const char *s, size_t n, size_t columns);

/* "512 MiB", "1.5 GiB", "640 B". */
void str_size(struct str *s, uint64_t bytes);
/* "13.0 s", "4 min 10 s", "3 d 4 h", "12.3 ms". */
void str_duration(struct str *s, uint64_t ns);
/* "156,234" */
void str_count(struct str *s, uint64_t n);
/* "2026-11-23 19:46:26 UTC" */
void str_utc(struct str *s, uint64_t unix_s);

/* Paragraph text, broken at blanks so that lines end before `width`, every line behind `indent`
 * blanks. */
void str_wrap(struct str *s, const char *text, size_t indent, size_t width);

/* Values of options and operands. false: not such a value. */
bool parse_number(const char *text, uint64_t *ret); /* decimal or 0x... */
bool parse_size(const char *text,
                uint64_t *ret); /* with k, M, G, T (powers of 1024), also "KiB", "MB" */
bool parse_duration(const char *text,
                    uint64_t *ret); /* "200ms", "5s", "2m", "1h"; plain: seconds; nanoseconds out */
bool parse_pid(const char *text, int32_t *ret); /* 0 to 2^31-1 */

/* Shell pattern: * ? and [a-z] sets. No pattern takes more than length * length steps. */
bool glob_match(const char *pattern, const char *text);
/* Does every '[' of the pattern have its ']'? */
bool glob_is_whole(const char *p);
/* Edits (insert, delete, replace, swap neighbours) between two names; names beyond 63 characters
 * count as far. */
unsigned edit_distance(const char *a, const char *b);
/* Is `b` near enough to `a` to be what was meant? Keeps the nearest seen: start with *best =
 * 0xffff. */
bool is_nearer(const char *a, const char *b, unsigned *best);

#endif

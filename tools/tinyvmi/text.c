/* SPDX-License-Identifier: BSD-2-Clause */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *memory_grow(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        bytes = SIZE_MAX;
    void *q = realloc(p, bytes ? bytes : 1);
    if (!q) {
        fputs("tinyvmi: out of memory\n", stderr);
        exit(6);
    }
    return q;
}

static void str_room(struct str *s, size_t more)
{
    if (more < s->cap - s->n)
        return;
    size_t cap = s->cap ? s->cap : 64;
    while (cap - s->n <= more)
        cap *= 2;
    s->p = memory_grow(s->p, cap, 1);
    s->cap = cap;
}

void str_add(struct str *s, const char *text, size_t n)
{
    str_room(s, n);
    if (n)
        memcpy(s->p + s->n, text, n);
    s->n += n;
    s->p[s->n] = 0;
}

void str_puts(struct str *s, const char *text)
{
    str_add(s, text, strlen(text));
}

void str_fmt(struct str *s, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0) {
        str_room(s, (size_t)n + 1);
        vsnprintf(s->p + s->n, (size_t)n + 1, fmt, again);
        s->n += (size_t)n;
    }
    va_end(again);
}

void str_pad(struct str *s, size_t spaces)
{
    str_room(s, spaces);
    memset(s->p + s->n, ' ', spaces);
    s->n += spaces;
    s->p[s->n] = 0;
}

void str_free(struct str *s)
{
    free(s->p);
    *s = (struct str){0};
}

/* ---- characters ------------------------------------------------------------------------------ */

size_t utf8_decode(const char *text, size_t n, uint32_t *ret)
{
    const uint8_t *s = (const uint8_t *)text;
    if (n == 0)
        return 0;
    if (s[0] < 0x80) {
        *ret = s[0];
        return 1;
    }
    size_t len = s[0] >= 0xf0 && s[0] < 0xf5   ? 4
                 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
                 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                                               : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t c = s[0] & (0xff >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    /* Longer than needed, surrogates, beyond the last character (Unicode 15, table 3-7). */
    if ((len == 3 && c < 0x800) || (len == 4 && c < 0x10000) || (c >= 0xd800 && c < 0xe000) ||
        c > 0x10ffff)
        return 0;
    *ret = c;
    return len;
}

struct span {
    uint32_t first, last;
};

static bool in_spans(const struct span *span, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++)
        if (c >= span[i].first && c <= span[i].last)
            return true;
    return false;
}

bool is_deceptive(uint32_t c)
{
    static const struct span spans[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},       {0x34f, 0x34f},   {0x61c, 0x61c},
        {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},   {0x200b, 0x200f}, {0x2028, 0x202e},
        {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
        {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff},
    };
    if (c >= 0x20 && c < 0x7f)
        return false;
    return in_spans(spans, sizeof spans / sizeof *spans, c);
}

/*
 * The common blocks alone (Unicode 15, East Asian Width and general category Mn): an unknown script
 * may push a column by some places, which is no harm. libc's wcwidth depends on the locale, and
 * output here must not.
 */
unsigned char_columns(uint32_t c)
{
    static const struct span none[] = {
        {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
        {0x6d6, 0x6dc},   {0x900, 0x902},   {0x93c, 0x93c},   {0x941, 0x948},   {0xe31, 0xe31},
        {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff},
        {0x302a, 0x302d}, {0x3099, 0x309a}, {0xfe20, 0xfe2f},
    };
    static const struct span wide[] = {
        {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x25fd, 0x25fe},
        {0x2614, 0x2615},   {0x267f, 0x267f},   {0x26a1, 0x26a1},   {0x2705, 0x2705},
        {0x270a, 0x270b},   {0x2728, 0x2728},   {0x274c, 0x274c},   {0x2795, 0x2797},
        {0x2b1b, 0x2b1c},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97c},
        {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
        {0xffe0, 0xffe6},   {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f19a},
        {0x1f200, 0x1f320}, {0x1f32d, 0x1f3f0}, {0x1f400, 0x1f64f}, {0x1f680, 0x1f6ff},
        {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
    };
    if (c < 0x300)
        return 1;
    if (in_spans(none, sizeof none / sizeof *none, c))
        return 0;
    return in_spans(wide, sizeof wide / sizeof *wide, c) ? 2 : 1;
}

void str_guest(struct str *s, const char *text, size_t n, unsigned flags)
{
    size_t plain = 0; /* start of what is copied as it is */
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = utf8_decode(text + i, n - i, &c);
        bool keep = len && (!is_deceptive(c) || (c == '\t' && (flags & GUEST_KEEP_TABS)));
        if (keep) {
            i += len;
            continue;
        }
        str_add(s, text + plain, i - plain);
        if (len <= 1)
            str_fmt(s, "\\x%02x", (unsigned char)text[i]);
        else
            str_fmt(s, c > 0xffff ? "\\U%08x" : "\\u%04x", c);
        i += len ? len : 1;
        plain = i;
    }
    str_add(s, text + plain, n - plain);
}

size_t text_columns(const char *s, size_t n)
{
    size_t columns = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = utf8_decode(s + i, n - i, &c);
        columns += len ? char_columns(c) : 1;
        i += len ? len : 1;
    }
    return columns;
}

size_t text_fit(const char *s, size_t n, size_t columns)
{
    size_t i = 0, used = 0;
    while (i < n) {
        uint32_t c = 0;
        size_t len = utf8_decode(s + i, n - i, &c);
        used += len ? char_columns(c) : 1;
        if (used > columns)
            break;
        i += len ? len : 1;
    }
    return i;
}

/* ---- numbers --------------------------------------------------------------------------------- */

void str_size(struct str *s, uint64_t bytes)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned u = 0;
    uint64_t whole = bytes, rest = 0;
    while (whole >= 1024 && u < 6) {
        rest = whole % 1024;
        whole /= 1024;
        u++;
    }
    unsigned tenth = (unsigned)(rest * 10 / 1024);
    if (u == 0 || tenth == 0 || whole >= 100)
        str_fmt(s, "%llu %s", (unsigned long long)whole, unit[u]);
    else
        str_fmt(s, "%llu.%u %s", (unsigned long long)whole, tenth, unit[u]);
}

void str_duration(struct str *s, uint64_t ns)
{
    uint64_t sec = ns / 1000000000;
    if (ns < 1000000)
        str_fmt(s, "%.0f us", (double)ns / 1e3);
    else if (sec == 0)
        str_fmt(s, "%.1f ms", (double)ns / 1e6);
    else if (sec < 60)
        str_fmt(s, "%.1f s", (double)ns / 1e9);
    else if (sec < 3600)
        str_fmt(s, "%u min %u s", (unsigned)(sec / 60), (unsigned)(sec % 60));
    else if (sec < 86400)
        str_fmt(s, "%u h %u min", (unsigned)(sec / 3600), (unsigned)(sec / 60 % 60));
    else
        str_fmt(s, "%llu d %u h", (unsigned long long)(sec / 86400), (unsigned)(sec / 3600 % 24));
}

void str_count(struct str *s, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            str_add(s, ",", 1);
        str_add(s, digits + i, 1);
    }
}

void str_utc(struct str *s, uint64_t unix_s)
{
    struct tm tm;
    char buf[40];
    time_t t = (time_t)unix_s;
    if (unix_s > 253402300799 || !gmtime_r(&t, &tm) ||
        !strftime(buf, sizeof buf, "%Y-%m-%d %H:%M:%S UTC", &tm))
        str_fmt(s, "%llu s after 1970", (unsigned long long)unix_s);
    else
        str_puts(s, buf);
}

void str_wrap(struct str *s, const char *text, size_t indent, size_t width)
{
    size_t at = 0;
    while (*text == ' ')
        text++;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (at && at + 1 + len > width) {
            str_add(s, "\n", 1);
            at = 0;
        }
        if (at == 0) {
            str_pad(s, indent);
            at = indent;
        } else {
            str_add(s, " ", 1);
            at++;
        }
        str_add(s, text, len);
        at += text_columns(text, len);
        text += len;
        while (*text == ' ')
            text++;
    }
    str_add(s, "\n", 1);
}

/* ---- values that a person types -------------------------------------------------------------- */

/* Digits only (no sign, no blanks, as strtoull would take); *end is behind them. */
static bool parse_digits(const char *text, uint64_t *ret, const char **end)
{
    unsigned base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    uint64_t v = 0;
    const char *start = text;
    for (;; text++) {
        unsigned d;
        if (*text >= '0' && *text <= '9')
            d = (unsigned)(*text - '0');
        else if (base == 16 && ((*text | 32) >= 'a' && (*text | 32) <= 'f'))
            d = (unsigned)((*text | 32) - 'a' + 10);
        else
            break;
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v))
            return false;
    }
    *ret = v;
    *end = text;
    return text != start;
}

bool parse_number(const char *text, uint64_t *ret)
{
    uint64_t v;
    const char *end;
    if (!parse_digits(text, &v, &end) || *end)
        return false;
    *ret = v;
    return true;
}

bool parse_size(const char *text, uint64_t *ret)
{
    static const char units[] = "kmgt";
    uint64_t v;
    const char *end;
    if (!parse_digits(text, &v, &end))
        return false;
    if (*end) {
        const char *u = strchr(units, *end | 32);
        if (!u || (strcmp(end + 1, "") && strcmp(end + 1, "iB") && strcmp(end + 1, "B")))
            return false;
        if (__builtin_mul_overflow(v, 1ull << (10 * (unsigned)(u - units + 1)), &v))
            return false;
    }
    *ret = v;
    return true;
}

bool parse_duration(const char *text, uint64_t *ret)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } unit[] = {{"", 1000000000},   {"s", 1000000000},    {"ms", 1000000},     {"us", 1000},
                {"m", 60000000000}, {"min", 60000000000}, {"h", 3600000000000}};
    uint64_t v, fraction = 0, scale = 1;
    const char *end;
    if (!parse_digits(text, &v, &end))
        return false;
    if (*end == '.')
        for (end++; *end >= '0' && *end <= '9' && scale < 1000000; end++, scale *= 10)
            fraction = fraction * 10 + (uint64_t)(*end - '0');
    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++) {
        if (strcmp(end, unit[i].name))
            continue;
        if (__builtin_mul_overflow(v, unit[i].ns, &v))
            return false;
        return !__builtin_add_overflow(v, fraction * unit[i].ns / scale, ret);
    }
    return false;
}

bool parse_pid(const char *text, int32_t *ret)
{
    uint64_t v;
    if (!parse_number(text, &v) || v > INT32_MAX)
        return false;
    *ret = (int32_t)v;
    return true;
}

/* ---- patterns and near misses ---------------------------------------------------------------- */

/* Does c belong to the set at p ('[' at p[0])? *next is behind ']'; NULL: there is none, so '['
 * stands for itself. */
static bool in_set(const char *p, char c, const char **next)
{
    bool negated = p[1] == '!' || p[1] == '^', found = false;
    const char *q = p + 1 + negated, *first = q;
    for (; *q && (*q != ']' || q == first); q++) {
        if (q[1] == '-' && q[2] && q[2] != ']') {
            found |=
                (unsigned char)c >= (unsigned char)*q && (unsigned char)c <= (unsigned char)q[2];
            q += 2;
        } else {
            found |= c == *q;
        }
    }
    *next = *q ? q + 1 : NULL;
    return found != negated;
}

bool glob_is_whole(const char *p)
{
    const char *next;
    for (; *p; p = next) {
        next = p + 1;
        if (*p == '[')
            in_set(p, 0, &next);
        if (!next)
            return false;
    }
    return true;
}

/* One pattern element against one character. */
static bool match_one(const char *p, char c, const char **next)
{
    *next = p + 1;
    if (*p == '?')
        return true;
    if (*p == '[') {
        bool in = in_set(p, c, next);
        if (*next)
            return in;
        *next = p + 1;
    }
    return *p == c;
}

bool glob_match(const char *p, const char *text)
{
    /* Going back to the last star alone is enough: an earlier one need never take more. */
    const char *star = NULL, *mark = NULL;
    while (*text) {
        const char *next;
        if (*p == '*') {
            star = ++p;
            mark = text;
        } else if (*p && match_one(p, *text, &next)) {
            p = next;
            text++;
        } else if (star) {
            p = star;
            text = ++mark;
        } else {
            return false;
        }
    }
    while (*p == '*')
        p++;
    return *p == 0;
}

unsigned edit_distance(const char *a, const char *b)
{
    enum { LONGEST = 63 };
    unsigned row[3][LONGEST + 1];
    size_t na = strnlen(a, LONGEST + 1), nb = strnlen(b, LONGEST + 1);
    if (na > LONGEST || nb > LONGEST)
        return 0xffff;
    for (size_t j = 0; j <= nb; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);
            best = up[j] + 1 < best ? up[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                up2[j - 2] + 1 < best)
                best = up2[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[na % 3][nb];
}

bool is_nearer(const char *a, const char *b, unsigned *best)
{
    size_t na = strlen(a), nb = strlen(b), gap = na > nb ? na - nb : nb - na;
    unsigned limit = na <= 3 ? 1 : na <= 7 ? 2 : 3;
    if (gap > limit || gap >= *best)
        return false;
    unsigned d = edit_distance(a, b);
    if (d > limit || d >= *best)
        return false;
    *best = d;
    return true;
}

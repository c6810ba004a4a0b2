/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/json.h"

enum {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END,
    EXPECT_KEY,
    EXPECT_KEY_OR_END,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING
};

#define EVERY_BYTE(c) (0x0101010101010101ull * (c))

void json_init(struct json *j, struct bytes doc)
{
    const uint8_t *p = doc.n ? doc.p : (const uint8_t *)"";

    *j = (struct json){
        .token = JSON_END, .begin = p, .p = p, .end = p + doc.n, .expect = EXPECT_VALUE};
}

static enum json_token fail(struct json *j, const char *error)
{
    j->error = error;
    return j->token = JSON_ERROR;
}

static void skip_space(struct json *j)
{
    const uint8_t *p = j->p, *end = j->end;

    /* Profiles are indented: most of their bytes are runs of blanks. */
    for (;;) {
        while (end - p >= 8 && le64(p) == EVERY_BYTE(' '))
            p += 8;
        if (p == end || *p > ' ' || (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t'))
            break;
        p++;
    }
    j->p = p;
}

/*
 * The first byte at or after `p` that ends a plain run of text: a quote, a backslash, a control
 * character.
 */
static const uint8_t *text_end(const uint8_t *p, const uint8_t *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t v = le64(p), quote = v ^ EVERY_BYTE('"'), slash = v ^ EVERY_BYTE('\\');
        /* The lowest bit set is exact; borrows make false ones only above a true one. */
        uint64_t hit = ((quote - EVERY_BYTE(1)) & ~quote) | ((slash - EVERY_BYTE(1)) & ~slash) |
                       ((v - EVERY_BYTE(0x20)) & ~v);

        hit &= EVERY_BYTE(0x80);
        if (hit)
            return p + __builtin_ctzll(hit) / 8;
    }
    while (p < end && *p != '"' && *p != '\\' && *p >= 0x20)
        p++;
    return p;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const uint8_t *p, const uint8_t *end)
{
    int32_t v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p[i]);
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* Length of the escape at `p` (a backslash), or 0 when it is none. */
static unsigned escape_length(const uint8_t *p, const uint8_t *end)
{
    if (end - p < 2)
        return 0;
    if (p[1] == 'u')
        return hex4(p + 2, end) >= 0 ? 6 : 0;
    return p[1] && strchr("\"\\/bfnrt", p[1]) ? 2 : 0;
}

/* A string's text; j->p stands behind its opening quote. */
static bool scan_text(struct json *j)
{
    const uint8_t *start = j->p;
    const uint8_t *p = start;

    for (;;) {
        p = text_end(p, j->end);
        if (p == j->end) {
            fail(j, "a string has no end");
            return false;
        }
        if (*p == '"')
            break;
        j->p = p;
        if (*p != '\\') {
            fail(j, "a control character in a string");
            return false;
        }
        unsigned n = escape_length(p, j->end);
        if (!n) {
            fail(j, "an escape that JSON does not know");
            return false;
        }
        p += n;
    }
    j->text = (struct bytes){start, (size_t)(p - start)};
    j->p = p + 1;
    return true;
}

static const uint8_t *digits(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static enum json_token scan_number(struct json *j)
{
    const uint8_t *start = j->p, *p = start, *end = j->end;
    enum json_token token = JSON_INTEGER;
    uint64_t v = 0;

    j->negative = *p == '-';
    p += j->negative;
    const uint8_t *first = p;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            token = JSON_REAL;
    if (p == first || (*first == '0' && p - first > 1))
        return fail(j, "a number that JSON does not know");
    if (p < end && *p == '.') {
        const uint8_t *fraction = p + 1;
        token = JSON_REAL;
        p = digits(fraction, end);
        if (p == fraction)
            return fail(j, "a number ends in its decimal point");
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        token = JSON_REAL;
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        const uint8_t *exponent = p;
        p = digits(p, end);
        if (p == exponent)
            return fail(j, "a number has no exponent behind its e");
    }
    j->text = (struct bytes){start, (size_t)(p - start)};
    j->value = token == JSON_INTEGER ? v : 0;
    j->p = p;
    return j->token = token;
}

static enum json_token scan_word(struct json *j, const char *word, size_t n, enum json_token token)
{
    if ((size_t)(j->end - j->p) < n || memcmp(j->p, word, n))
        return fail(j, "a word that JSON does not know");
    j->p += n;
    return j->token = token;
}

static enum json_token open_level(struct json *j, bool object)
{
    if (j->depth == JSON_DEPTH)
        return fail(j, "nested too deeply");
    uint64_t bit = 1ull << j->depth;
    j->objects = object ? j->objects | bit : j->objects & ~bit;
    j->depth++;
    j->p++;
    j->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
    return j->token = object ? JSON_OBJECT : JSON_ARRAY;
}

static bool in_object(const struct json *j)
{
    return j->depth && (j->objects >> (j->depth - 1) & 1);
}

static enum json_token close_level(struct json *j)
{
    bool object = in_object(j);

    if (*j->p != (object ? '}' : ']'))
        return fail(j, "an object or array is closed by the other's bracket");
    j->p++;
    j->depth--;
    j->expect = j->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
    return j->token = object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

static enum json_token scan_value(struct json *j)
{
    uint8_t c = *j->p;

    if (c == '{' || c == '[')
        return open_level(j, c == '{');
    j->expect = j->depth ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
    switch (c) {
    case '"':
        j->p++;
        return scan_text(j) ? (j->token = JSON_STRING) : JSON_ERROR;
    case 't':
        return scan_word(j, "true", 4, JSON_TRUE);
    case 'f':
        return scan_word(j, "false", 5, JSON_FALSE);
    case 'n':
        return scan_word(j, "null", 4, JSON_NULL);
    case '-':
    case '0' ... '9':
        return scan_number(j);
    default:
        return fail(j, "a value should begin here");
    }
}

static enum json_token scan_key(struct json *j)
{
    if (*j->p != '"')
        return fail(j, "a key should begin here");
    j->p++;
    if (!scan_text(j))
        return JSON_ERROR;
    skip_space(j);
    if (j->p == j->end || *j->p != ':')
        return fail(j, "a key has no colon behind it");
    j->p++;
    j->expect = EXPECT_VALUE;
    return j->token = JSON_KEY;
}

enum json_token json_next(struct json *j)
{
    if (j->token == JSON_ERROR)
        return JSON_ERROR;
    skip_space(j);
    if (j->expect == EXPECT_NOTHING)
        return j->p == j->end ? (j->token = JSON_END) : fail(j, "something follows the document");
    if (j->p == j->end)
        return fail(j, "the document breaks off");

    uint8_t c = *j->p;
    if (j->expect == EXPECT_COMMA_OR_END) {
        if (c != ',')
            return c == '}' || c == ']' ? close_level(j)
                                        : fail(j, "a comma or the end should be here");
        j->p++;
        j->expect = in_object(j) ? EXPECT_KEY : EXPECT_VALUE;
        skip_space(j);
        if (j->p == j->end)
            return fail(j, "the document breaks off");
        c = *j->p;
    } else if ((j->expect == EXPECT_KEY_OR_END && c == '}') ||
               (j->expect == EXPECT_VALUE_OR_END && c == ']')) {
        return close_level(j);
    }
    return j->expect == EXPECT_KEY || j->expect == EXPECT_KEY_OR_END ? scan_key(j) : scan_value(j);
}

enum json_token json_skip(struct json *j)
{
    if (j->token == JSON_KEY)
        json_next(j);
    if (j->token != JSON_OBJECT && j->token != JSON_ARRAY)
        return j->token;
    unsigned level = j->depth;
    while (json_next(j) != JSON_ERROR && j->depth >= level)
        ;
    return j->token;
}

/*
 * The character that the \u escape at *at stands for; *at moves behind it, and behind its second
 * half if it is a pair.
 */
static uint32_t unescape_unicode(const uint8_t **at, const uint8_t *end)
{
    int32_t c = hex4(*at + 2, end);

    *at += 6;
    if (c >= 0xd800 && c < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        int32_t low = hex4(*at + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            *at += 6;
            return 0x10000u + ((uint32_t)(c - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
        }
    }
    return c <= 0 || (c >= 0xd800 && c < 0xe000) ? 0xfffd : (uint32_t)c;
}

/*
 * One character or plain byte of a slice, undone into `out`; returns how many bytes it has there.
 */
static unsigned next_character(const uint8_t **at, const uint8_t *end, char out[4])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const uint8_t *p = *at;

    if (*p == '\\' && escape_length(p, end) == 6)
        return put_utf8(unescape_unicode(at, end), out);
    if (*p == '\\' && end - p >= 2) {
        const char *found = p[1] ? strchr(from, p[1]) : NULL;
        out[0] = found ? to[found - from] : (char)p[1];
        *at = p + 2;
        return 1;
    }
    out[0] = (char)*p;
    *at = p + 1;
    return 1;
}

size_t json_unescape(struct bytes raw, char *buf, size_t size)
{
    const uint8_t *p = raw.p, *end = raw.n ? raw.p + raw.n : raw.p;
    size_t whole = 0, kept = 0;

    while (p < end) {
        char out[4];
        unsigned n = next_character(&p, end, out);
        if (kept == whole && n < size - kept) {
            memcpy(buf + kept, out, n);
            kept += n;
        }
        whole += n;
    }
    buf[kept] = 0;
    return whole;
}

bool json_is(const struct json *j, const char *text)
{
    size_t n = strlen(text);

    if (j->text.n == n && !memcmp(j->text.p, text, n))
        return !memchr(text, '\\', n);
    if (j->text.n <= n || !memchr(j->text.p, '\\', j->text.n))
        return false;
    const uint8_t *p = j->text.p, *end = p + j->text.n;
    size_t at = 0;
    while (p < end) {
        char out[4];
        unsigned k = next_character(&p, end, out);
        if (k > n - at || memcmp(out, text + at, k))
            return false;
        at += k;
    }
    return at == n;
}

bool json_i64(const struct json *j, int64_t *ret)
{
    if (j->token != JSON_INTEGER || j->value > (uint64_t)INT64_MAX + j->negative)
        return false;
    *ret = (int64_t)(j->negative ? 0 - j->value : j->value);
    return true;
}

unsigned json_line(const struct json *j)
{
    unsigned line = 1;

    for (const uint8_t *p = j->begin; p < j->p; p++)
        line += *p == '\n';
    return line;
}

/* Inside an object that has just begun: moves to the value of the key [name, name+n). */
static bool enter_key(struct json *j, const char *name, size_t n)
{
    char key[128];

    if (n >= sizeof key)
        return false;
    memcpy(key, name, n);
    key[n] = 0;
    while (json_next(j) == JSON_KEY) {
        if (json_is(j, key))
            return json_next(j) != JSON_ERROR;
        json_skip(j);
    }
    return false;
}

/*
 * Inside an array that has just begun: moves to the item whose index is the number [name, name+n).
 */
static bool enter_item(struct json *j, const char *name, size_t n)
{
    uint32_t index = 0;

    if (!n || n > 6)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        index = index * 10 + (uint32_t)(name[i] - '0');
    }
    for (;;) {
        if (json_next(j) == JSON_ARRAY_END || j->token == JSON_ERROR)
            return false;
        if (!index--)
            return true;
        json_skip(j);
    }
}

bool json_find(struct bytes doc, const char *path, struct json *ret)
{
    struct json j;

    json_init(&j, doc);
    json_next(&j);
    while (*path && j.token != JSON_ERROR) {
        size_t n = strcspn(path, ".");
        bool found = j.token == JSON_OBJECT ? enter_key(&j, path, n)
                                            : j.token == JSON_ARRAY && enter_item(&j, path, n);
        if (!found)
            return false;
        path += n + (path[n] == '.');
    }
    if (j.token == JSON_ERROR)
        return false;
    *ret = j;
    return true;
}

bool json_find_text(struct bytes doc, const char *path, char *buf, size_t size)
{
    struct json j;

    if (!json_find(doc, path, &j) || j.token != JSON_STRING)
        return false;
    if (j.text.n >= size && !memchr(j.text.p, '\\', j.text.n))
        return false;
    return json_unescape(j.text, buf, size) < size;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BTF types as C declarations without a name. A declarator grows from the inside: a pointer goes in
 * front of what is there, an array or a function behind it, and a pointer that an array or function
 * follows wants parentheses.
 */
#include "sym/btf_inner.h"

#define MAX_PARAMETERS 12
#define MAX_NESTING    2 /* functions that take functions */

struct text {
    char s[512];
    size_t n;
    bool cut;
};

static void append(struct text *t, const char *s)
{
    size_t n = strlen(s);

    if (n > sizeof t->s - 1 - t->n) {
        t->cut = true;
        n = sizeof t->s - 1 - t->n;
    }
    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

static void prepend(struct text *t, const char *s)
{
    size_t n = strlen(s);

    if (n > sizeof t->s - 1 - t->n) {
        t->cut = true;
        return;
    }
    memmove(t->s + n, t->s, t->n + 1);
    memcpy(t->s, s, n);
    t->n += n;
}

static void parenthesize(struct text *t)
{
    if (t->s[0] == '*') {
        prepend(t, "(");
        append(t, ")");
    }
}

static void append_number(struct text *t, uint32_t v)
{
    char digits[11];
    char *p = digits + sizeof digits - 1;

    *p = 0;
    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    append(t, p);
}

static const char *keyword(const struct btf_type *t)
{
    switch (t->kind) {
    case BTF_STRUCT:
        return "struct ";
    case BTF_UNION:
        return "union ";
    case BTF_FWD:
        return t->flag ? "union " : "struct ";
    case BTF_ENUM:
    case BTF_ENUM64:
        return "enum ";
    default:
        return "";
    }
}

/* The name that a declaration starts with, put in front of its declarator. */
static void put_base(const struct btf *b, const struct btf_type *base, const char *qualifiers,
                     struct text *t)
{
    char name[BTF_MAX_NAME];
    struct text head = {.n = 0};

    append(&head, qualifiers);
    append(&head, keyword(base));
    btf_string(b, base->name, name, sizeof name);
    if (base->kind == BTF_VOID)
        append(&head, "void");
    else
        append(&head, name[0] ? name : *keyword(base) ? "{...}" : "?");
    if (t->n)
        append(&head, " ");
    append(&head, t->s);
    head.cut |= t->cut;
    *t = head;
}

static void declaration(const struct btf *b, uint32_t id, unsigned nesting, struct text *t);

static void append_parameters(const struct btf *b, const struct btf_type *proto, unsigned nesting,
                              struct text *t)
{
    append(t, "(");
    if (!proto->vlen)
        append(t, "void");
    for (unsigned i = 0; i < proto->vlen && !t->cut; i++) {
        struct text parameter = {.n = 0};
        uint32_t id = le32(proto->more + 8 * i + 4);
        append(t, i ? ", " : "");
        /* No type stands for the "..." of a variadic function. */
        if (!id || i == MAX_PARAMETERS || nesting == MAX_NESTING) {
            append(t, "...");
            break;
        }
        declaration(b, id, nesting + 1, &parameter);
        append(t, parameter.s);
        t->cut |= parameter.cut;
    }
    append(t, ")");
}

/* Qualifiers met since the last pointer, as bits. */
enum { IS_CONST = 1, IS_VOLATILE = 2, IS_RESTRICT = 4 };

static const char *qualifier_text(unsigned bits)
{
    static const char *const text[8] = {
        "",          "const ",          "volatile ",          "const volatile ",
        "restrict ", "const restrict ", "volatile restrict ", "const volatile restrict ",
    };
    return text[bits & 7];
}

static void prepend_pointer(struct text *t, unsigned qualifiers)
{
    /* "*const " before a further declarator, "*const" at its end. */
    char star[40] = "*";
    size_t n = strlen(qualifier_text(qualifiers));

    memcpy(star + 1, qualifier_text(qualifiers), n + 1);
    if (n && !t->n)
        star[n] = 0;
    prepend(t, star);
}

static void declaration(const struct btf *b, uint32_t id, unsigned nesting, struct text *t)
{
    unsigned qualifiers = 0;

    for (unsigned i = 0; i < BTF_MAX_CHAIN; i++) {
        struct btf_type type;
        if (!btf_type(b, id, &type))
            break;
        id = type.size;
        switch (type.kind) {
        case BTF_PTR:
            prepend_pointer(t, qualifiers);
            qualifiers = 0;
            break;
        case BTF_CONST:
            qualifiers |= IS_CONST;
            break;
        case BTF_VOLATILE:
            qualifiers |= IS_VOLATILE;
            break;
        case BTF_RESTRICT:
            qualifiers |= IS_RESTRICT;
            break;
        case BTF_TYPE_TAG:
            break;
        case BTF_ARRAY:
            id = le32(type.more);
            parenthesize(t);
            append(t, "[");
            append_number(t, le32(type.more + 8));
            append(t, "]");
            break;
        case BTF_FUNC_PROTO:
            parenthesize(t);
            append_parameters(b, &type, nesting, t);
            break;
        default:
            put_base(b, &type, qualifier_text(qualifiers), t);
            return;
        }
    }
    prepend(t, "? ");
}

void btf_text(const struct btf *b, uint32_t id, char *buf, size_t size)
{
    struct text t = {.n = 0};

    declaration(b, id, 0, &t);
    t.cut |= t.n >= size;
    size_t n = MIN_OF(t.n, size - 1);
    memcpy(buf, t.s, n);
    buf[n] = 0;
    if (t.cut && n >= 3)
        memcpy(buf + n - 3, "...", 3);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ISF, Volatility 3's Intermediate Symbol Format (its schemas 4.0.0 to 6.2.0; made by dwarf2json
 * for Linux and by pdbconv for Windows): base_types, user_types, enums and symbols by name, in any
 * order.
 */
#include "sym/profile_inner.h"

struct isf_type {
    uint32_t id;
    uint64_t position, bits; /* of a bit field */
    bool function;
};

static bool text_is(struct bytes s, const char *text)
{
    return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

/* A named type, by the kind that refers to it. */
static uint32_t named_type(struct profile_parser *p, struct bytes kind, struct bytes name)
{
    if (text_is(kind, "base"))
        return text_is(name, "void") ? 0 : typebook_named(p->types, BOOK_BASE, name);
    return typebook_named(p->types, text_is(kind, "enum") ? BOOK_ENUM : BOOK_USER, name);
}

/*
 * A type descriptor; the newest token is the key it belongs to. Nested ones are nested in the
 * document, whose depth the tokenizer bounds.
 */
static struct isf_type parse_type(struct profile_parser *p)
{
    struct isf_type t = {0}, of = {0};
    struct bytes kind = {0}, name = {0};
    uint64_t count = 0;
    char kept[PROFILE_NAME];

    if (!profile_object(p))
        return t;
    while (profile_key(p)) {
        if (json_is(&p->json, "kind")) {
            json_next(&p->json);
            kind = p->json.text;
            json_skip(&p->json);
        } else if (json_is(&p->json, "name")) {
            json_next(&p->json);
            name = profile_name(p);
            /* A nested descriptor may come behind it and need the room. */
            if (name.p == (const uint8_t *)p->name)
                name.p = memcpy(kept, p->name, name.n);
            json_skip(&p->json);
        } else if (json_is(&p->json, "subtype") || json_is(&p->json, "type")) {
            of = parse_type(p);
        } else if (!(json_is(&p->json, "count")          ? profile_u64(p, &count)
                     : json_is(&p->json, "bit_position") ? profile_u64(p, &t.position)
                     : json_is(&p->json, "bit_length")   ? profile_u64(p, &t.bits)
                                                         : false)) {
            json_skip(&p->json);
        }
    }
    if (text_is(kind, "pointer"))
        t.id = typebook_derived(p->types, BTF_PTR, of.id, 0);
    else if (text_is(kind, "array"))
        t.id = typebook_derived(p->types, BTF_ARRAY, of.id, count);
    else if (text_is(kind, "function"))
        t.id = typebook_derived(p->types, BTF_FUNC_PROTO, 0, 0);
    else if (text_is(kind, "bitfield"))
        t.id = of.id;
    else if (name.n)
        t.id = named_type(p, kind, name);
    t.function = text_is(kind, "function");
    return t;
}

static void parse_field(struct profile_parser *p)
{
    char kept[PROFILE_NAME];
    struct bytes name = profile_name(p);
    struct isf_type type = {0};
    uint64_t offset = 0;
    bool anonymous = name.n > 14 && !memcmp(name.p, "unnamed_field_", 14), placed = false;

    if (name.p == (const uint8_t *)p->name)
        name.p = memcpy(kept, p->name, name.n);
    if (!profile_object(p))
        return;
    while (profile_key(p)) {
        if (json_is(&p->json, "type")) {
            type = parse_type(p);
        } else if (json_is(&p->json, "offset")) {
            placed = profile_u64(p, &offset);
        } else if (json_is(&p->json, "anonymous")) {
            anonymous |= json_next(&p->json) == JSON_TRUE;
            json_skip(&p->json);
        } else {
            json_skip(&p->json);
        }
    }
    if (placed && offset < UINT32_MAX && type.position <= 64 && type.bits <= 64)
        typebook_member(p->types, anonymous ? (struct bytes){0} : name, type.id,
                        offset * 8 + type.position, (uint32_t)type.bits);
}

static void parse_user_type(struct profile_parser *p)
{
    uint32_t id = typebook_named(p->types, BOOK_USER, profile_name(p));
    unsigned kind = BTF_STRUCT;
    uint64_t size = 0;

    if (!profile_object(p))
        return;
    while (profile_key(p)) {
        if (json_is(&p->json, "size")) {
            profile_u64(p, &size);
        } else if (json_is(&p->json, "kind")) {
            kind = json_next(&p->json) == JSON_STRING && json_is(&p->json, "union") ? BTF_UNION
                                                                                    : BTF_STRUCT;
            json_skip(&p->json);
        } else if (json_is(&p->json, "fields")) {
            if (profile_object(p))
                while (profile_key(p))
                    parse_field(p);
        } else {
            json_skip(&p->json);
        }
    }
    typebook_define(p->types, id, kind, size);
}

static void parse_base_type(struct profile_parser *p)
{
    bool pointer = json_is(&p->json, "pointer"), real = false;
    uint32_t id = typebook_named(p->types, BOOK_BASE, profile_name(p));
    uint64_t size = 0;

    if (!profile_object(p))
        return;
    while (profile_key(p)) {
        if (json_is(&p->json, "size")) {
            profile_u64(p, &size);
        } else if (json_is(&p->json, "kind")) {
            real = json_next(&p->json) == JSON_STRING && json_is(&p->json, "float");
            json_skip(&p->json);
        } else {
            json_skip(&p->json);
        }
    }
    if (pointer && (size == 4 || size == 8))
        p->ptr_size = (unsigned)size;
    typebook_define(p->types, id, real ? BTF_FLOAT : BTF_INT, size);
}

static void parse_enum(struct profile_parser *p)
{
    uint32_t id = typebook_named(p->types, BOOK_ENUM, profile_name(p));
    uint64_t size = 4, value;

    if (!profile_object(p))
        return;
    while (profile_key(p)) {
        if (json_is(&p->json, "size")) {
            profile_u64(p, &size);
        } else if (json_is(&p->json, "constants") && profile_object(p)) {
            while (profile_key(p)) {
                char kept[PROFILE_NAME];
                struct bytes name = profile_name(p);
                if (name.p == (const uint8_t *)p->name)
                    name.p = memcpy(kept, p->name, name.n);
                if (profile_u64(p, &value))
                    typebook_enumerator(p->types, name, (int64_t)value);
            }
        } else {
            json_skip(&p->json);
        }
    }
    typebook_define(p->types, id, BTF_ENUM, size);
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The constant's text, up to its NUL or newline; cut to the room. */
static void decode_banner(struct bytes coded, char *buf, size_t size)
{
    uint32_t bits = 0, have = 0;
    size_t n = 0;

    for (size_t i = 0; i < coded.n && n < size - 1; i++) {
        int digit = base64_digit(coded.p[i]);
        if (digit < 0)
            break;
        bits = (bits << 6 | (uint32_t)digit) & 0xffffff;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        uint8_t c = (uint8_t)(bits >> have);
        if (!c || c == '\n')
            break;
        buf[n++] = (char)(c < ' ' || c > '~' ? '?' : c);
    }
    buf[n] = 0;
}

static void parse_symbol(struct profile_parser *p)
{
    char kept[PROFILE_NAME];
    struct bytes name = profile_name(p);
    bool banner = json_is(&p->json, "linux_banner"), function = false, placed = false;
    uint64_t address = 0;

    if (name.p == (const uint8_t *)p->name)
        name.p = memcpy(kept, p->name, name.n);
    if (!profile_object(p))
        return;
    while (profile_key(p)) {
        if (json_is(&p->json, "address")) {
            placed = profile_u64(p, &address);
        } else if (json_is(&p->json, "type")) {
            function = parse_type(p).function;
        } else if (banner && json_is(&p->json, "constant_data")) {
            if (json_next(&p->json) == JSON_STRING)
                decode_banner(p->json.text, p->banner, sizeof p->banner);
            json_skip(&p->json);
        } else {
            json_skip(&p->json);
        }
    }
    if (placed)
        symlist_add(p->symbols, name, address, function ? 'T' : '?');
}

static void parse_metadata(struct profile_parser *p)
{
    if (!profile_object(p))
        return;
    while (profile_key(p)) {
        if (json_is(&p->json, "linux"))
            p->os = VMI_KIND_LINUX;
        else if (json_is(&p->json, "windows"))
            p->os = VMI_KIND_WINDOWS;
        json_skip(&p->json);
    }
}

bool isf_section(struct profile_parser *p)
{
    static const struct {
        const char *key;
        void (*item)(struct profile_parser *p);
    } section[] = {
        {"base_types", parse_base_type},
        {"user_types", parse_user_type},
        {"enums", parse_enum},
        {"symbols", parse_symbol},
    };

    if (json_is(&p->json, "metadata")) {
        parse_metadata(p);
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(section); i++) {
        if (!json_is(&p->json, section[i].key))
            continue;
        if (profile_object(p))
            while (profile_key(p))
                section[i].item(p);
        return true;
    }
    return false;
}

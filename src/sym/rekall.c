/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rekall's profiles, made from PDB files or DWARF: $STRUCTS ("name": [size, {"member": [offset,
 * [type, arguments]]}]), $CONSTANTS and $FUNCTIONS ("name": address), $ENUMS ("name": {"value":
 * "enumerator"}), $METADATA.
 */
#include "sym/profile_inner.h"

/* The arguments of a type: {"target": type, "target_args": its arguments, "count": ...}. */
struct arguments {
    uint32_t target; /* the id of target with target_args */
    struct bytes enum_name;
    uint64_t count, size, start_bit, end_bit;
    bool has_count, has_size;
};

static bool name_is(struct bytes s, const char *text)
{
    return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

static uint32_t make_type(struct profile_parser *p, struct bytes name, const struct arguments *a)
{
    if (!name.n || name_is(name, "Void") || name_is(name, "void"))
        return 0;
    if (name_is(name, "Pointer"))
        return typebook_derived(p->types, BTF_PTR, a->target, 0);
    if (name_is(name, "Array"))
        return a->has_size && !a->has_count
                   ? typebook_array_of_bytes(p->types, a->target, a->size)
                   : typebook_derived(p->types, BTF_ARRAY, a->target, a->count);
    if (name_is(name, "Function"))
        return typebook_derived(p->types, BTF_FUNC_PROTO, 0, 0);
    if (name_is(name, "BitField"))
        return a->target;
    if (name_is(name, "Enumeration"))
        return a->enum_name.n ? typebook_named(p->types, BOOK_ENUM, a->enum_name) : a->target;
    return typebook_named(p->types, BOOK_USER, name);
}

/*
 * Names inside types are taken as they are written: none has escapes, and one that has stays
 * undescribed.
 */
static struct bytes raw_text(struct profile_parser *p)
{
    struct bytes text = {0};

    if (json_next(&p->json) == JSON_STRING)
        text = p->json.text;
    json_skip(&p->json);
    return text;
}

/*
 * Arguments whose object has just begun. Nested ones are nested in the document, whose depth the
 * tokenizer bounds.
 */
static struct arguments parse_arguments(struct profile_parser *p)
{
    struct arguments a = {0}, inner = {0};
    struct bytes target = {0};

    while (profile_key(p)) {
        if (json_is(&p->json, "target")) {
            target = raw_text(p);
        } else if (json_is(&p->json, "target_args")) {
            if (profile_object(p))
                inner = parse_arguments(p);
        } else if (json_is(&p->json, "enum_name")) {
            a.enum_name = raw_text(p);
        } else if (json_is(&p->json, "count")) {
            a.has_count = profile_u64(p, &a.count);
        } else if (json_is(&p->json, "size")) {
            a.has_size = profile_u64(p, &a.size);
        } else if (json_is(&p->json, "start_bit")) {
            profile_u64(p, &a.start_bit);
        } else if (json_is(&p->json, "end_bit")) {
            profile_u64(p, &a.end_bit);
        } else {
            json_skip(&p->json);
        }
    }
    a.target = make_type(p, target, &inner);
    return a;
}

/* Leaves what was entered since the document was this deep, whatever is still in it. */
static void leave(struct profile_parser *p, unsigned depth)
{
    while (p->json.depth > depth && json_next(&p->json) != JSON_ERROR)
        ;
}

/* "name": [offset, [type, {arguments}]] */
static void parse_member(struct profile_parser *p)
{
    unsigned depth = p->json.depth;
    char kept[PROFILE_NAME];
    struct bytes name = profile_name(p);
    struct arguments a = {0};
    uint64_t offset;

    if (name.p == (const uint8_t *)p->name)
        name.p = memcpy(kept, p->name, name.n);
    if (json_next(&p->json) == JSON_ARRAY && profile_u64(p, &offset) && offset < UINT32_MAX &&
        json_next(&p->json) == JSON_ARRAY && json_next(&p->json) == JSON_STRING) {
        struct bytes type = p->json.text;
        uint64_t first = 0, bits = 0;
        if (json_next(&p->json) == JSON_OBJECT)
            a = parse_arguments(p);
        if (name_is(type, "BitField") && a.end_bit <= 64 && a.start_bit < a.end_bit) {
            first = a.start_bit;
            bits = a.end_bit - a.start_bit;
        }
        typebook_member(p->types, name, make_type(p, type, &a), offset * 8 + first, (uint32_t)bits);
    }
    leave(p, depth);
}

/* "name": [size, {"member": ...}] */
static void parse_struct(struct profile_parser *p)
{
    unsigned depth = p->json.depth;
    uint32_t id = typebook_named(p->types, BOOK_USER, profile_name(p));
    uint64_t size = 0;

    if (json_next(&p->json) == JSON_ARRAY && profile_u64(p, &size) &&
        json_next(&p->json) == JSON_OBJECT)
        while (profile_key(p))
            parse_member(p);
    typebook_define(p->types, id, BTF_STRUCT, size);
    leave(p, depth);
}

/* "name": {"value": "enumerator"}; "-" stands for all other values. */
static void parse_enum(struct profile_parser *p)
{
    uint32_t id = typebook_named(p->types, BOOK_ENUM, profile_name(p));

    if (!profile_object(p))
        return;
    while (profile_key(p)) {
        struct bytes digits = p->json.text;
        struct json number;
        int64_t value;
        json_init(&number, digits);
        json_next(&number);
        if (json_next(&p->json) == JSON_STRING && !json_is(&p->json, "-") &&
            json_i64(&number, &value))
            typebook_enumerator(p->types, profile_name(p), value);
        json_skip(&p->json);
    }
    typebook_define(p->types, id, BTF_ENUM, 4);
}

static void parse_symbol(struct profile_parser *p, char type)
{
    char kept[PROFILE_NAME];
    struct bytes name = profile_name(p);
    uint64_t address;

    if (name.p == (const uint8_t *)p->name)
        name.p = memcpy(kept, p->name, name.n);
    if (profile_u64(p, &address))
        symlist_add(p->symbols, name, address, type);
}

static void parse_constant(struct profile_parser *p)
{
    parse_symbol(p, 'D');
}

static void parse_function(struct profile_parser *p)
{
    parse_symbol(p, 'T');
}

static void parse_metadata(struct profile_parser *p)
{
    bool arch = json_is(&p->json, "arch"), class = json_is(&p->json, "ProfileClass");

    if (json_next(&p->json) == JSON_STRING) {
        if (arch)
            p->ptr_size = json_is(&p->json, "I386") ? 4 : 8;
        if (class)
            p->os = json_is(&p->json, "Linux") ? VMI_KIND_LINUX : VMI_KIND_WINDOWS;
    }
    json_skip(&p->json);
}

bool rekall_section(struct profile_parser *p)
{
    static const struct {
        const char *key;
        void (*item)(struct profile_parser *p);
    } section[] = {
        {"$METADATA", parse_metadata},  {"$STRUCTS", parse_struct},     {"$ENUMS", parse_enum},
        {"$CONSTANTS", parse_constant}, {"$FUNCTIONS", parse_function},
    };

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

static bool has_word(struct bytes name, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= name.n; i++)
        if (!memcmp(name.p + i, word, n))
            return true;
    return false;
}

/*
 * Rekall tells no sizes of C's own types. A Windows long has four bytes always, a Linux one as many
 * as a pointer.
 */
static uint64_t plain_size(struct bytes name, const void *data)
{
    static const struct {
        const char *word;
        uint64_t size;
    } plain[] = {
        {"long long", 8}, {"double", 8}, {"float", 4}, {"char", 1}, {"ool", 1},
        {"short", 2},     {"wchar", 2},  {"long", 0},  {"int", 4},  {"unsigned", 4},
    };
    const struct profile_parser *p = data;

    for (size_t i = 0; i < name.n; i++)
        if (!(name.p[i] == ' ' || (name.p[i] >= 'a' && name.p[i] <= 'z') ||
              (name.p[i] == '_' && !i) || (name.p[i] == 'B' && i == 1)))
            return 0;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (has_word(name, plain[i].word))
            return plain[i].size ? plain[i].size : p->os == VMI_KIND_LINUX ? p->ptr_size : 4;
    return 0;
}

void rekall_end(struct profile_parser *p)
{
    typebook_define_plain(p->types, plain_size, p);
}

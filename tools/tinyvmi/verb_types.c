/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

enum { STRUCT, NAME, OFFSET, SIZE, BIT_OFFSET, BIT_SIZE, DEPTH, TYPE };

static const struct column columns[] = {
    [STRUCT] = {NULL, "struct", "the type that it is a member of", 0},
    [NAME] = {"MEMBER", "name",
              "its name, or the path that was asked for; \"\" for an anonymous struct or union", 0},
    [OFFSET] = {"OFFSET", "offset", "bytes from the start of the outermost type", COLUMN_RIGHT},
    [SIZE] = {"SIZE", "size", "bytes of its type", COLUMN_RIGHT},
    [BIT_OFFSET] = {NULL, "bit_offset", "bits from the start of the outermost type", 0},
    [BIT_SIZE] = {NULL, "bit_size", "of a bit field; null: it is none", 0},
    [DEPTH] = {NULL, "depth", "how many anonymous structs or unions it is in", 0},
    [TYPE] = {"TYPE", "type", "its type in C", 0},
    {0},
};

enum { DEEPEST = 16, STEP = 4, TYPE_WIDTH = 32, NARROW_TYPE_WIDTH = 24, COMMENT_WIDTH = 21 };

struct member {
    struct vmi_member m;
    char *type, *name;
};

struct layout {
    struct run *run;
    const char *pattern; /* NULL: all */
    struct member *member;
    size_t n, cap;
    struct listing l;
    size_t type_width; /* columns for a member's type */
    unsigned holes;
    uint64_t hole_bits;
};

static int keep(const struct vmi_member *m, void *data)
{
    struct layout *lay = data;
    if (lay->pattern && (!m->name[0] || !glob_match(lay->pattern, m->name)))
        return 0;
    if (lay->n == lay->cap) {
        lay->cap = lay->cap ? lay->cap * 2 : 128;
        lay->member = memory_grow(lay->member, lay->cap, sizeof *lay->member);
    }
    struct str type = {0}, name = {0};
    str_puts(&type, m->type ? m->type : "");
    str_puts(&name, m->name ? m->name : "");
    lay->member[lay->n++] = (struct member){*m, type.p, name.p};
    return 0;
}

static void forget(struct layout *lay)
{
    for (size_t i = 0; i < lay->n; i++) {
        free(lay->member[i].type);
        free(lay->member[i].name);
    }
    lay->n = lay->holes = 0;
    lay->hole_bits = 0;
}

struct nearest {
    const char *name;
    unsigned best;
    char *found;
};

static char *type_suggest(struct run *run, const char *name);

/* ---- rows ------------------------------------------------------------------------------------ */

static void put_row(struct layout *lay, const char *type, const char *name,
                    const struct vmi_member *m)
{
    struct listing *l = &lay->l;
    cell_own(l, STRUCT, type);
    cell_guest(l, NAME, name);
    cell_u64(l, OFFSET, m->bit_offset / 8);
    cell_u64(l, SIZE, m->size);
    cell_u64(l, BIT_OFFSET, m->bit_offset);
    if (m->bit_size)
        cell_u64(l, BIT_SIZE, m->bit_size);
    cell_u64(l, DEPTH, m->depth);
    cell_guest(l, TYPE, m->type ? m->type : "");
    row_end(l);
}

/* ---- as pahole prints it --------------------------------------------------------------------- */

static bool is_anonymous(const struct member *m)
{
    return m->name[0] == 0 && (!strncmp(m->type, "struct", 6) || !strncmp(m->type, "union", 5));
}

/* "char [16]" and a name: "char", "comm[16]"; "int (*)(void)": "", "int (*get)(void)". */
static void split_declaration(const struct member *m, struct str *type, struct str *rest)
{
    const char *pointer = strstr(m->type, "(*"), *array = strchr(m->type, '[');
    if (pointer) {
        size_t n = (size_t)(pointer - m->type) + 2;
        while (m->type[n] == '*')
            n++;
        str_guest(rest, m->type, n, 0);
        str_guest(rest, m->name, strlen(m->name), 0);
        str_guest(rest, m->type + n, strlen(m->type + n), 0);
        return;
    }
    size_t n = array ? (size_t)(array - m->type) : strlen(m->type);
    while (n && m->type[n - 1] == ' ')
        n--;
    str_guest(type, m->type, n, 0);
    str_guest(rest, m->name, strlen(m->name), 0);
    if (array)
        str_guest(rest, array, strlen(array), 0);
    if (m->m.bit_size)
        str_fmt(rest, ":%u", m->m.bit_size);
}

static void declaration(const struct layout *lay, const struct member *m, struct str *s)
{
    struct str type = {0}, rest = {0};
    unsigned depth = m->m.depth < DEEPEST ? m->m.depth : DEEPEST;
    size_t indent = (size_t)(depth + 1) * STEP, column = indent + lay->type_width;
    str_pad(s, indent);
    if (is_anonymous(m)) {
        str_puts(s, !strncmp(m->type, "union", 5) ? "union {" : "struct {");
        return;
    }
    split_declaration(m, &type, &rest);
    size_t from = s->n;
    if (type.n) {
        str_add(s, type.p, type.n);
        size_t used = indent + text_columns(s->p + from, s->n - from);
        str_pad(s, used < column ? column - used : 1);
    }
    str_puts(s, rest.p ? rest.p : "");
    str_puts(s, ";");
    str_free(&type);
    str_free(&rest);
}

static void put_line(struct layout *lay, struct str *s, size_t column, const struct member *m)
{
    struct out *o = &lay->run->out;
    uint64_t unit = m->m.size ? m->m.size * 8 : 8;
    size_t used = text_columns(s->p, s->n);
    fprintf(o->f, "%s%*s  %s", s->p, (int)(used < column ? column - used : 0), "",
            colour_on(o, DIM));
    if (m->m.bit_size && unit)
        fprintf(o->f, "/* %5llu:%2llu %4llu */",
                (unsigned long long)(m->m.bit_offset / unit * (unit / 8)),
                (unsigned long long)(m->m.bit_offset % unit), (unsigned long long)m->m.size);
    else
        fprintf(o->f, "/* %5llu    %4llu */", (unsigned long long)(m->m.bit_offset / 8),
                (unsigned long long)m->m.size);
    fprintf(o->f, "%s\n", colour_off(o, DIM));
}

static void put_hole(struct layout *lay, unsigned depth, uint64_t bits)
{
    struct out *o = &lay->run->out;
    int indent = (int)((depth < DEEPEST ? depth : DEEPEST) + 1) * STEP;
    lay->holes++;
    lay->hole_bits += bits;
    fprintf(o->f, "%*s%s", indent, "", colour_on(o, YELLOW));
    if (bits % 8)
        fprintf(o->f, "/* %llu bit%s hole */", (unsigned long long)bits, bits == 1 ? "" : "s");
    else
        fprintf(o->f, "/* %llu byte%s hole */", (unsigned long long)(bits / 8),
                bits == 8 ? "" : "s");
    fprintf(o->f, "%s\n", colour_off(o, YELLOW));
}

static uint64_t end_of(const struct member *m)
{
    return m->m.bit_offset + (m->m.bit_size ? m->m.bit_size : m->m.size * 8);
}

/* Every member begins at 0: a union. The records do not tell what the outermost type is. */
static bool looks_like_union(const struct layout *lay)
{
    size_t direct = 0;
    for (size_t i = 0; i < lay->n; i++) {
        if (lay->member[i].m.depth)
            continue;
        if (lay->member[i].m.bit_offset)
            return false;
        direct++;
    }
    return direct > 1;
}

struct level {
    uint64_t end; /* bits, of the last member */
    bool is_union;
    const struct member *opened;
};

static void close_level(struct layout *lay, struct level *level, unsigned depth, size_t column)
{
    struct str s = {0};
    str_pad(&s, (size_t)depth * STEP);
    str_puts(&s, "};");
    put_line(lay, &s, column, level[depth].opened);
    str_free(&s);
}

static void put_members(struct layout *lay, struct level *level, size_t column)
{
    unsigned open = 0; /* anonymous levels that are open now */
    for (size_t i = 0; i < lay->n; i++) {
        const struct member *m = &lay->member[i];
        unsigned depth = m->m.depth < open ? m->m.depth : open;
        for (; open > depth; open--)
            close_level(lay, level, open, column);
        if (!level[depth].is_union && m->m.bit_offset > level[depth].end)
            put_hole(lay, depth, m->m.bit_offset - level[depth].end);
        if (end_of(m) > level[depth].end)
            level[depth].end = end_of(m);
        struct str s = {0};
        declaration(lay, m, &s);
        bool opens = is_anonymous(m) && i + 1 < lay->n && lay->member[i + 1].m.depth > depth &&
                     open < DEEPEST;
        if (opens) {
            fprintf(lay->run->out.f, "%s\n", s.p);
            level[++open] = (struct level){m->m.bit_offset, !strncmp(m->type, "union", 5), m};
        } else {
            if (is_anonymous(m))
                str_puts(&s, " };");
            put_line(lay, &s, column, m);
        }
        str_free(&s);
    }
    for (; open > 0; open--)
        close_level(lay, level, open, column);
}

static void put_layout(struct layout *lay, const char *type, uint64_t size)
{
    struct out *o = &lay->run->out;
    struct level level[DEEPEST + 1] = {{.is_union = looks_like_union(lay)}};
    size_t column = 0, direct = 0;
    size_t widest = o->terminal && o->width > COMMENT_WIDTH + 40 ? o->width - COMMENT_WIDTH : 72;
    lay->type_width = widest < 72 ? NARROW_TYPE_WIDTH : TYPE_WIDTH;
    for (size_t i = 0; i < lay->n; i++) {
        struct str s = {0};
        declaration(lay, &lay->member[i], &s);
        size_t w = text_columns(s.p, s.n);
        if (w > column)
            column = w < widest ? w : widest;
        direct += lay->member[i].m.depth == 0;
        str_free(&s);
    }
    fprintf(o->f, "%s%s %s%s {\n", colour_on(o, BOLD), level[0].is_union ? "union" : "struct", type,
            colour_off(o, BOLD));
    put_members(lay, level, column);
    fprintf(o->f, "\n%*s%s/* size: %llu, members: %zu", STEP, "", colour_on(o, DIM),
            (unsigned long long)size, direct);
    if (lay->holes)
        fprintf(o->f, ", holes: %u, %llu bytes", lay->holes,
                (unsigned long long)(lay->hole_bits / 8));
    if (!level[0].is_union && size > (level[0].end + 7) / 8)
        fprintf(o->f, ", padding: %llu", (unsigned long long)(size - (level[0].end + 7) / 8));
    fprintf(o->f, " */%s\n};\n", colour_off(o, DIM));
}

/* ---- names of types -------------------------------------------------------------------------- */

static int compare_type(const struct vmi_type *t, void *data)
{
    struct nearest *n = data;
    if (is_nearer(n->name, t->name, &n->best)) {
        free(n->found);
        n->found = strdup(t->name);
    }
    return n->best == 1;
}

static char *type_suggest(struct run *run, const char *name)
{
    struct nearest n = {.name = name, .best = 0xffff};
    vmi_each_type(run->vmi, compare_type, &n, NULL);
    return n.found;
}

static int put_type(const struct vmi_type *t, void *data)
{
    struct layout *lay = data;
    if (!glob_match(lay->pattern, t->name))
        return 0;
    cell_own(&lay->l, 0, t->kind);
    cell_guest(&lay->l, 1, t->name);
    if (t->size)
        cell_u64(&lay->l, 2, t->size);
    row_end(&lay->l);
    return 0;
}

static int search_types(struct layout *lay)
{
    static const struct column type_columns[] = {{"KIND", "kind", NULL, 0},
                                                 {"NAME", "name", NULL, 0},
                                                 {"SIZE", "size", NULL, COLUMN_RIGHT},
                                                 {0}};
    struct run *run = lay->run;
    struct vmi_outcome o = {0};
    listing_start(&lay->l, &run->out, run->json ? LISTING_JSON : LISTING_TABLE,
                  !opt(run, "no-headings"), type_columns);
    status_t status = vmi_each_type(run->vmi, put_type, lay, &o);
    int code = run_listing_end(run, &lay->l, status, &o, "cannot list the types");
    if (code == EXIT_WELL && lay->l.rows == 0) {
        complain(strpbrk(lay->pattern, "*?[") ? NULL
                                              : "a pattern needs stars to match a part: '*name*'",
                 "no type matches");
        return EXIT_NO;
    }
    return code;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int no_type(struct run *run, const char *type)
{
    const struct vmi_error *e = vmi_last_error(run->vmi);
    int64_t value;
    const struct vmi_kernel *k = vmi_kernel_info(run->vmi);
    if (e->kind != VMI_ERROR_ABSENT)
        return guest_error(run, type);
    if (k && k->types == 0) {
        complain("--profile FILE adds them", "%s", e->text);
        return EXIT_KERNEL;
    }
    if (vmi_enumerator(run->vmi, type, &value) == VMI_SUCCESS) {
        if (run->json) {
            struct json j = {.f = run->out.f};
            json_open(&j, '{');
            json_key(&j, "enumerator");
            json_string(&j, type);
            json_key(&j, "value");
            json_i64(&j, value);
            json_close(&j, '}');
        } else {
            fprintf(run->out.f, "%s = %lld\n", type, (long long)value);
        }
        return EXIT_WELL;
    }
    char *near = type_suggest(run, type);
    if (near)
        complain(NULL, "there is no type '%s'; did you mean '%s'?", type, near);
    else
        complain("'tinyvmi types TARGET --search PATTERN' looks for names",
                 "there is no struct, union, typedef or enumerator '%s'", type);
    free(near);
    return EXIT_NO;
}

static int one_member(struct layout *lay, const char *type, const char *path)
{
    struct vmi_member m;
    struct run *run = lay->run;
    uint64_t size;
    if (vmi_type_member(run->vmi, type, path, &m) == VMI_SUCCESS) {
        run_listing(run, &lay->l);
        put_row(lay, type, path, &m);
        listing_end(&lay->l);
        return EXIT_WELL;
    }
    if (vmi_type_size(run->vmi, type, &size) != VMI_SUCCESS)
        return no_type(run, type);
    struct vmi_outcome o;
    unsigned best = 0xffff;
    const char *near = NULL;
    lay->pattern = NULL;
    if (vmi_each_member(run->vmi, type, keep, lay, &o) == VMI_SUCCESS)
        for (size_t i = 0; i < lay->n; i++)
            if (is_nearer(path, lay->member[i].name, &best))
                near = lay->member[i].name;
    if (near)
        complain(NULL, "struct %s has no member '%s'; did you mean '%s'?", type, path, near);
    else
        complain(NULL, "struct %s has no member '%s'", type, path);
    return EXIT_NO;
}

static int name_kind(const struct vmi_type *t, void *data)
{
    struct nearest *n = data;
    if (strcmp(t->name, n->name) != 0)
        return 0;
    n->found = strdup(t->kind);
    return 1;
}

/* A type that has no members: a typedef of something else, an enum, a base type. */
static int plain_type(struct run *run, const char *type, uint64_t size)
{
    struct nearest n = {.name = type};
    vmi_each_type(run->vmi, name_kind, &n, NULL);
    const char *kind = n.found ? n.found : "base"; /* the list holds all but those */
    if (run->json) {
        struct json j = {.f = run->out.f};
        json_open(&j, '{');
        json_key(&j, "type");
        json_text(&j, type, strlen(type));
        json_key(&j, "kind");
        json_string(&j, kind);
        json_key(&j, "size");
        json_u64(&j, size);
        json_close(&j, '}');
    } else {
        fprintf(run->out.f, "%s%s%s;  %s/* size: %llu */%s\n", n.found ? kind : "",
                n.found ? " " : "", type, colour_on(&run->out, DIM), (unsigned long long)size,
                colour_off(&run->out, DIM));
    }
    free(n.found);
    return EXIT_WELL;
}

static int whole_type(struct layout *lay, const char *type)
{
    struct run *run = lay->run;
    struct vmi_outcome o = {0};
    uint64_t size;
    if (vmi_type_size(run->vmi, type, &size) != VMI_SUCCESS)
        return no_type(run, type);
    status_t status = vmi_each_member(run->vmi, type, keep, lay, &o);
    if (status != VMI_SUCCESS && vmi_last_error(run->vmi)->kind == VMI_ERROR_ABSENT &&
        !lay->pattern)
        return plain_type(run, type, size);
    if (status != VMI_SUCCESS)
        return guest_error(run, type);
    if (run->json || lay->pattern) {
        run_listing(run, &lay->l);
        for (size_t i = 0; i < lay->n; i++)
            put_row(lay, type, lay->member[i].name,
                    &(struct vmi_member){.bit_offset = lay->member[i].m.bit_offset,
                                         .size = lay->member[i].m.size,
                                         .bit_size = lay->member[i].m.bit_size,
                                         .depth = lay->member[i].m.depth,
                                         .type = lay->member[i].type});
        listing_end(&lay->l);
    } else {
        put_layout(lay, type, size);
    }
    if (lay->pattern && lay->n == 0 && !o.partial) {
        complain(NULL, "no member of %s matches '%s'", type, lay->pattern);
        return EXIT_NO;
    }
    return outcome_code(run, status, &o, type);
}

static int run(struct run *run)
{
    struct layout lay = {.run = run, .pattern = opt(run, "search")};
    const char *what = operand(run, 1);
    if (lay.pattern && !glob_is_whole(lay.pattern))
        return usage_error(run, "the pattern '%s' has a '[' without a ']'", lay.pattern);
    if (!what)
        return lay.pattern ? search_types(&lay)
                           : usage_error(run, "which one? TYPE, or --search PATTERN");
    for (const char *const *tag = (const char *const[]){"struct ", "union ", "enum ", NULL}; *tag;
         tag++)
        if (!strncmp(what, *tag, strlen(*tag)))
            what += strlen(*tag);
    char *type = strdup(what), *dot = type ? strchr(type, '.') : NULL;
    if (!type)
        return EXIT_HOST;
    if (dot)
        *dot = 0;
    int code = dot ? one_member(&lay, type, dot + 1) : whole_type(&lay, type);
    forget(&lay);
    free(lay.member);
    free(type);
    return code;
}

const struct verb verb_types = {
    .name = "types",
    .purpose = "the layout of a structure of this very kernel",
    .operands =
        (const struct operand[]){
            TARGET_OPERAND,
            {"TYPE",
             "struct, union, typedef or enumerator; TYPE.member[.member...] for one "
             "member's offset; MODULE:TYPE for a type that a module adds",
             OPERAND_OPTIONAL},
            {0}},
    .options =
        (const struct option_row[]){
            {"search", 's', "PATTERN",
             "with TYPE, its members whose name matches; without, all types (* is any text)", 0,
             NULL},
            {0},
        },
    .about =
        (const char *const[]){
            "Prints offset and size in bytes behind every member, bit fields as offset:bit, and "
            "the holes between them; anonymous structs and unions are opened. A member is found "
            "inside anonymous ones, too, and a dotted path goes into embedded structures.",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){
            {"tinyvmi types memory.raw task_struct", "all of it"},
            {"tinyvmi types memory.raw task_struct.comm", "one member"},
            {"tinyvmi types memory.raw task_struct -s '*pid*'", "members that match"},
            {"tinyvmi types memory.raw -s 'nf_conn*'", "types that match"},
            {"tinyvmi types memory.raw PIDTYPE_TGID", "the value of an enumerator"},
            {"tinyvmi types memory.raw ext4:ext4_inode_info", "a type of a module"},
            {0}},
    .says_no = "there is no such type or member",
    .see_also = "symbols read",
    .flags = VERB_KERNEL,
    .run = run,
};

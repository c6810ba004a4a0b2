/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Damage that opening meets: forged symbol tables, types and vmcoreinfo in a copy of the file. And
 * damage at random, in the pages that tasks and modules lead to, with a seed that makes it again.
 */
#include "hostile.h"

#include <inttypes.h>

/* ---- opening a damaged image ---- */

enum { MOST_TYPES = 300 };

struct names {
    unsigned n;
    char name[MOST_TYPES][64];
};

static int on_type(const struct vmi_type *t, void *data)
{
    struct names *all = data;
    if (strlen(t->name) < 64)
        strcpy(all->name[all->n++ % MOST_TYPES], t->name);
    return 0;
}

static int on_member(const struct vmi_member *m, void *data)
{
    *(uint64_t *)data += strlen(m->name) + strlen(m->type);
    return 0;
}

/* Asks for many types: their members, sizes. */
static void ask_types(vmi_instance_t vmi, const struct forgery *f)
{
    static struct names all;
    double began = now();
    uint64_t size, bytes = 0;
    (void)vmi_each_type(vmi, on_type, &all, NULL);
    for (unsigned i = 0; i < all.n && i < MOST_TYPES; i++) {
        (void)vmi_each_member(vmi, all.name[i], on_member, &bytes, NULL);
        (void)vmi_type_size(vmi, all.name[i], &size);
    }
    (void)vmi_each_member(vmi, "task_struct", on_member, &bytes, NULL);
    if (now() - began > limit)
        say_fail(f->name, "the types took %.1f s", now() - began);
}

/* Opens the damaged copy, with vmcoreinfo and without. It may fail, with a text, or go on with what
 * is whole. */
static void open_image(const struct forgery *f)
{
    static const uint64_t ways[] = {0, VMI_OPEN_NO_VMCOREINFO, VMI_OPEN_NO_REGISTERS};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct vmi_open_options options = {.flags = VMI_OPEN_COPY_ON_WRITE | ways[i]};
        vmi_instance_t vmi;
        double began = now();
        status_t st = vmi_open(&vmi, image_path, &options);
        if (now() - began > limit)
            say_fail(f->name, "opening took %.1f s", now() - began);
        if (st != VMI_SUCCESS) {
            if (strlen(vmi_last_error(NULL)->text) < 20)
                say_fail(f->name, "opening fails without a word");
            continue;
        }
        ask_types(vmi, f);
        list_all(f->name, vmi, LIST_CHECK, 1);
        vmi_destroy(vmi);
    }
    say_ok(f->name);
}

static uint64_t physical(vmi_instance_t vmi, const struct forgery *f, uint64_t va)
{
    uint64_t pa;
    if (vmi_translate_kv2p(vmi, va, &pa) != VMI_SUCCESS)
        say_skip(f->name, "%#" PRIx64 " is not mapped", va);
    return pa;
}

/* ---- vmcoreinfo and the symbol tables that it names ---- */

static void vmcoreinfo_text(vmi_instance_t vmi, const struct forgery *f, char text[4097],
                            uint64_t *pa)
{
    uint64_t at = get(vmi, f, sym(vmi, f, "vmcoreinfo_data")),
             n = get(vmi, f, sym(vmi, f, "vmcoreinfo_size"));
    n = n < 4096 ? n : 4096;
    if (vmi_read_va(vmi, at, 0, n, text, NULL) != VMI_SUCCESS)
        say_skip(f->name, "vmcoreinfo is not in memory");
    text[n] = '\0';
    *pa = physical(vmi, f, at);
}

/* The address of a table of kallsyms, which vmcoreinfo tells since 6.0 (kernel/vmcore_info.c). */
static uint64_t table(vmi_instance_t vmi, const struct forgery *f, const char *name)
{
    char text[4097], key[80];
    uint64_t pa;
    vmcoreinfo_text(vmi, f, text, &pa);
    snprintf(key, sizeof key, "SYMBOL(%s)=", name);
    const char *p = strstr(text, key);
    if (!p)
        say_skip(f->name, "vmcoreinfo does not name %s", name);
    return physical(vmi, f, strtoull(p + strlen(key), NULL, 16));
}

enum { NUM_SYMS, LONG_NAMES, EMPTY_NAMES, TOKEN_INDEX, TOKEN_TABLE, OFFSETS, RELATIVE_BASE };

static void kallsyms(vmi_instance_t vmi, const struct forgery *f)
{
    static const char *const tables[] = {
        "kallsyms_num_syms",    "kallsyms_names",   "kallsyms_names",        "kallsyms_token_index",
        "kallsyms_token_table", "kallsyms_offsets", "kallsyms_relative_base"};
    static const size_t lengths[] = {4, 1 << 16, 1 << 16, 512, 900, 1 << 16, 8};
    static uint8_t bytes[1 << 16];
    memset(bytes,
           f->argument == EMPTY_NAMES   ? 0
           : f->argument == TOKEN_TABLE ? 'A'
                                        : 0xff,
           sizeof bytes);
    if (f->argument == LONG_NAMES) /* lengths that end far behind the table, byte by byte */
        memset(bytes, 0x7f, sizeof bytes / 2);
    image_write(table(vmi, f, tables[f->argument]), bytes, lengths[f->argument]);
    open_image(f);
}

/* argument: what all digits become; 0: the text is destroyed */
static void vmcoreinfo(vmi_instance_t vmi, const struct forgery *f)
{
    char text[4097];
    uint64_t pa;
    bool value = false;
    vmcoreinfo_text(vmi, f, text, &pa);
    for (char *p = text; *p; p++) {
        value = *p == '=' ? true : *p == '\n' ? false : value;
        if (!f->argument && p - text >= 10)
            *p = (char)0xff;
        else if (f->argument && value && strchr("0123456789abcdef", *p) && p - text > 60)
            *p = (char)f->argument;
    }
    image_write(pa, text, strlen(text));
    open_image(f);
}

/* ---- BTF: include/uapi/linux/btf.h ---- */

enum {
    BTF_LENGTHS,
    BTF_HEADER_LENGTH,
    TYPEDEF_CYCLE,
    NAME_OFFSETS,
    HUGE_VLEN,
    SELF_ARRAYS,
    SELF_STRUCTS,
    NO_TERMINATORS
};

struct btf_image {
    uint8_t *p;
    uint64_t n, pa;
    uint32_t types, types_end, strings; /* offsets */
};

static void read_btf(vmi_instance_t vmi, const struct forgery *f, struct btf_image *ret)
{
    uint64_t at = sym(vmi, f, "__start_BTF"), end = sym(vmi, f, "__stop_BTF");
    struct btf_image b = {.n = end - at};
    uint32_t h[6];
    if (end <= at || b.n > 64 << 20 || !(b.p = malloc(b.n)) ||
        vmi_read_va(vmi, at, 0, b.n, b.p, NULL) != VMI_SUCCESS)
        say_skip(f->name, "the types are not in memory");
    memcpy(h, b.p, sizeof h); /* magic, hdr_len, type_off, type_len, str_off, str_len */
    b.types = h[1] + h[2];
    b.types_end = b.types + h[3];
    b.strings = h[1] + h[4];
    b.pa = physical(vmi, f, at);
    *ret = b;
}

/* Bytes that follow a type's 12. */
static uint32_t behind(unsigned kind, uint32_t vlen)
{
    static const uint8_t fixed[] = {[1] = 4, [3] = 12, [14] = 4, [17] = 4},
                         each[] = {[4] = 12, [5] = 12, [6] = 8, [13] = 8, [15] = 12, [19] = 12};
    return (kind < sizeof fixed ? fixed[kind] : 0) + (kind < sizeof each ? each[kind] * vlen : 0);
}

static void forge_type(uint8_t *p, unsigned kind, uint32_t vlen, uint32_t id, uint64_t how)
{
    static const uint32_t all = UINT32_MAX;
    const uint32_t array[] = {id, id, all}, member = id;
    if (how == NAME_OFFSETS)
        memcpy(p, &all, 4);
    if (how == HUGE_VLEN && id % 7 == 3)
        memcpy(p + 4, "\xff\xff", 2);
    if (how == TYPEDEF_CYCLE && (kind == 8 || (kind >= 9 && kind <= 11) || kind == 2))
        memcpy(p + 8, &member, 4);
    if (how == SELF_ARRAYS && kind == 3)
        memcpy(p + 12, array, sizeof array);
    if (how == SELF_STRUCTS && (kind == 4 || kind == 5))
        for (uint32_t i = 0; i < vlen;
             i++) { /* all members are without a name and of the struct itself */
            memset(p + 12 + 12 * i, 0, 4);
            memcpy(p + 16 + 12 * i, &member, 4);
        }
}

static void btf(vmi_instance_t vmi, const struct forgery *f)
{
    static const uint32_t all = UINT32_MAX;
    struct btf_image b;
    read_btf(vmi, f, &b);
    if (f->argument == BTF_LENGTHS) {
        memcpy(b.p + 12, &all, 4);
        memcpy(b.p + 20, &all, 4);
    } else if (f->argument == BTF_HEADER_LENGTH) {
        memcpy(b.p + 4, &all, 4);
    } else if (f->argument == NO_TERMINATORS) {
        for (uint64_t i = b.strings + 1; i < b.n; i++)
            b.p[i] = b.p[i] ? b.p[i] : '_';
    }
    uint32_t id = 1;
    for (uint32_t at = b.types; at + 12 <= b.types_end && at + 12 <= b.n; id++) {
        uint32_t info;
        memcpy(&info, b.p + at + 4, 4);
        uint32_t next = at + 12 + behind(info >> 24 & 31, info & 0xffff);
        if (next > b.n)
            break;
        forge_type(b.p + at, info >> 24 & 31, info & 0xffff, id, f->argument);
        at = next;
    }
    image_write(b.pa, b.p, b.n);
    free(b.p);
    open_image(f);
}

/* The kernel's own top table leads to itself, or is empty, before anything is known. */
static void root(vmi_instance_t vmi, const struct forgery *f)
{
    static uint64_t entries[512];
    for (unsigned i = 0; i < 512; i++)
        entries[i] = f->argument ? vmi_kernel_info(vmi)->root | f->argument : 0;
    image_write(vmi_kernel_info(vmi)->root, entries, sizeof entries);
    open_image(f);
}

/* ---- damage at random ---- */

enum { MOST_OBJECTS = 6000, PAGE = 4096 };

struct objects {
    unsigned n;
    uint64_t at[MOST_OBJECTS];
    unsigned pids;
    int32_t pid[256];
};

static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
    random_state ^= random_state << 13; /* xorshift64 */
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

static int add_task(const struct vmi_process *p, void *data)
{
    struct objects *o = data;
    if (o->n < MOST_OBJECTS)
        o->at[o->n++] = p->object;
    if (o->pids < 256)
        o->pid[o->pids++] = p->pid;
    return 0;
}

static int add_module(const struct vmi_module *m, void *data)
{
    struct objects *o = data;
    if (o->n < MOST_OBJECTS)
        o->at[o->n++] = m->object;
    return 0;
}

/* Tasks, modules, and what the pointers in them lead to, and so on: files, dentries, mounts, areas,
 * namespaces. */
static void collect(vmi_instance_t vmi, struct objects *o)
{
    uint64_t word[128], width = vmi_get_address_width(vmi);
    (void)vmi_each_process(vmi, VMI_LIST_THREADS, add_task, o, NULL);
    (void)vmi_each_module(vmi, add_module, o, NULL);
    for (unsigned i = 0; i < o->n && o->n < MOST_OBJECTS; i++) {
        memset(word, 0, sizeof word);
        (void)vmi_read_va(vmi, o->at[i], 0, sizeof word, word, NULL);
        for (unsigned k = 0; k < sizeof word / width && o->n < MOST_OBJECTS; k++) {
            uint64_t v = width == 8 ? word[k] : (uint32_t)(word[k / 2] >> (k % 2 * 32));
            if ((width == 8 ? v >> 47 == 0x1ffff : v >= 0xc0000000) && v % width == 0 &&
                draw(4) == 0)
                o->at[o->n++] = v;
        }
    }
}

static void damage(vmi_instance_t vmi, const struct objects *o)
{
    static uint8_t page[PAGE];
    uint64_t at = o->at[draw(o->n)] + draw(128) * 8, v = 0;
    switch (draw(40) ? draw(8) : 8) {
    case 0: /* a bit */
    case 1:
        if (vmi_read_64_va(vmi, at, 0, &v) != VMI_SUCCESS)
            return;
        v ^= 1ULL << draw(64);
        break;
    case 2:
        v = 0;
        break;
    case 3:
        v = UINT64_MAX >> draw(64);
        break;
    case 4:
        v = at;
        break;
    case 5:
        v = o->at[draw(o->n)] + draw(64) * 8;
        break;
    case 6:
        v = 0x400000 + draw(1 << 20);
        break;
    case 7:
        v = random_state;
        break;
    default:
        for (unsigned i = 0; i < PAGE; i++)
            page[i] = (uint8_t)draw(256);
        (void)vmi_write_va(vmi, at & ~(uint64_t)(PAGE - 1), 0, PAGE, page, NULL);
        return;
    }
    (void)vmi_write_va(vmi, at, 0, 8, &v, NULL);
}

/* argument: which part of the rounds */
static void random_damage(vmi_instance_t vmi, const struct forgery *f)
{
    static struct objects o;
    random_state = (seed + 1) * 0x9e3779b97f4a7c15u + f->argument;
    for (uint64_t round = 0; round < (rounds + 3) / 4; round++) {
        struct vmi_open_options options = {.flags = VMI_OPEN_COPY_ON_WRITE};
        char name[128];
        vmi_instance_t one;
        if (!round)
            collect(vmi, &o);
        if (!o.n || !o.pids || vmi_open(&one, image_path, &options) != VMI_SUCCESS)
            say_fail(f->name, "the copy cannot be opened, or has no tasks");
        for (uint64_t n = 1 + draw(400); n; n--)
            damage(one, &o);
        snprintf(name, sizeof name, "%s: seed %" PRIu64 ", round %" PRIu64, f->name, seed, round);
        list_all(name, one, LIST_CHECK, o.pid[draw(o.pids)]);
        vmi_destroy(one);
    }
    say_ok(f->name);
}

const struct forgery image_tests[] = {
    {"opening: 2^32-1 symbols", kallsyms, 0, NUM_SYMS},
    {"opening: symbols' names longer than their table", kallsyms, 0, LONG_NAMES},
    {"opening: symbols' names of no bytes", kallsyms, 0, EMPTY_NAMES},
    {"opening: the index of tokens lies", kallsyms, 0, TOKEN_INDEX},
    {"opening: tokens without an end", kallsyms, 0, TOKEN_TABLE},
    {"opening: symbols' offsets lie", kallsyms, 0, OFFSETS},
    {"opening: the symbols' base lies", kallsyms, 0, RELATIVE_BASE},
    {"opening: vmcoreinfo of f", vmcoreinfo, 0, 'f'},
    {"opening: vmcoreinfo of 0", vmcoreinfo, 0, '0'},
    {"opening: vmcoreinfo destroyed", vmcoreinfo, 0, 0},
    {"opening: types of 2^32-1 bytes", btf, 0, BTF_LENGTHS},
    {"opening: types behind a header of 2^32-1 bytes", btf, 0, BTF_HEADER_LENGTH},
    {"opening: typedefs and pointers to themselves", btf, 0, TYPEDEF_CYCLE},
    {"opening: types' names out of range", btf, 0, NAME_OFFSETS},
    {"opening: structs of 65,535 members", btf, 0, HUGE_VLEN},
    {"opening: arrays of themselves", btf, 0, SELF_ARRAYS},
    {"opening: structs in themselves", btf, 0, SELF_STRUCTS},
    {"opening: types' names without an end", btf, 0, NO_TERMINATORS},
    {"opening: the top page table is empty", root, 0, 0},
    {"opening: the top page table leads to itself", root, 0, 0x67},
    {"opening: the top page table leads to itself, in large pages", root, 0, 0xe7},
    {"random damage, first part", random_damage, 0, 0},
    {"random damage, second part", random_damage, 0, 1},
    {"random damage, third part", random_damage, 0, 2},
    {"random damage, last part", random_damage, 0, 3},
    {0},
};

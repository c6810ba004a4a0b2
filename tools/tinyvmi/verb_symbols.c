/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

enum { ADDRESS, TYPE, NAME, OFFSET, SIZE, MODULE };

static const struct column columns[] = {
    [ADDRESS] = {"ADDRESS", "address", "virtual address; the KASLR slide is in it", 0},
    [TYPE] = {"T", "type", "as nm prints it: T text, D data, B bss, R read-only; capital: global",
              0},
    [NAME] = {"NAME", "name",
              "its name; in the table with the offset of the address that was asked for", 0},
    [OFFSET] = {NULL, "offset", "of the address that was asked for, in bytes", 0},
    [SIZE] = {"SIZE", "size", "bytes to the next symbol; null: unknown", COLUMN_RIGHT},
    [MODULE] = {"MODULE", "module", "\"\" for the kernel itself", 0},
    {0},
};

struct search {
    struct run *run;
    struct listing l;
    const char *pattern; /* NULL: all */
    const char *module;  /* NULL: all */
};

static void put(struct listing *l, const struct vmi_symbol *s, uint64_t asked, uint64_t offset)
{
    char address[24], type[2] = {s->type, 0}, after[32] = "";
    snprintf(address, sizeof address, "0x%016llx", (unsigned long long)asked);
    if (offset)
        snprintf(after, sizeof after, "+0x%llx", (unsigned long long)offset);
    if (l->form == LISTING_TABLE)
        cell_own(l, ADDRESS, address);
    else
        cell_address(l, ADDRESS, asked);
    cell_guest(l, TYPE, type);
    cell_guest(l, NAME, s->name)->after = after;
    cell_u64(l, OFFSET, offset);
    if (s->size)
        cell_u64(l, SIZE, s->size);
    cell_guest(l, MODULE, s->module);
    row_end(l);
}

static int each(const struct vmi_symbol *s, void *data)
{
    struct search *search = data;
    if (search->module && strcmp(search->module, s->module) != 0)
        return 0;
    if (!search->pattern || glob_match(search->pattern, s->name))
        put(&search->l, s, s->address, 0);
    return 0;
}

static int search_all(struct run *run, struct search *s)
{
    struct vmi_outcome o = {0};
    status_t status = vmi_each_symbol(run->vmi, each, s, &o);
    int code = run_listing_end(run, &s->l, status, &o, "cannot list the symbols");
    if (code == EXIT_WELL && s->l.rows == 0) {
        complain(s->pattern && !strpbrk(s->pattern, "*?[")
                     ? "a pattern needs stars to match a part: '*name*'"
                     : NULL,
                 "no symbol matches");
        return EXIT_NO;
    }
    return code;
}

static int look_up(struct run *run, struct listing *l, const char *what, const char *module)
{
    struct vmi_symbol s;
    uint64_t address, offset = 0;
    if (parse_number(what, &address)) {
        if (vmi_symbol_by_address(run->vmi, address, &s, &offset) != VMI_SUCCESS)
            return guest_error(run, NULL);
        put(l, &s, address, offset);
        return EXIT_WELL;
    }
    /* A plain name may be in several modules: the first one; -m or module:name picks. */
    if (!strpbrk(what, ":+-")) {
        if (vmi_symbol_by_name(run->vmi, module, what, &s) == VMI_SUCCESS) {
            put(l, &s, s.address, 0);
            return EXIT_WELL;
        }
        if (module) {
            complain(NULL, "module '%s' has no symbol '%s'", module, what);
            return EXIT_NO;
        }
    }
    int code = address_parse(run, what, true, &address);
    if (code)
        return code;
    if (vmi_symbol_by_address(run->vmi, address, &s, &offset) != VMI_SUCCESS)
        return guest_error(run, what);
    put(l, &s, address, offset);
    return EXIT_WELL;
}

static int run(struct run *run)
{
    struct search s = {.run = run, .pattern = opt(run, "search"), .module = opt(run, "module")};
    bool all = s.pattern || opt(run, "all") || (s.module && !operand(run, 1));
    if (!all && !operand(run, 1))
        return usage_error(run, "which one? NAME, 0xADDRESS, --search PATTERN or --all");
    if (s.pattern && !glob_is_whole(s.pattern))
        return usage_error(run, "the pattern '%s' has a '[' without a ']'", s.pattern);
    run_listing(run, &s.l);
    if (all)
        return search_all(run, &s);
    int code = EXIT_WELL;
    for (unsigned i = 1; operand(run, i); i++) {
        int one = look_up(run, &s.l, operand(run, i), s.module);
        code = one ? one : code;
    }
    listing_end(&s.l);
    return code;
}

const struct verb verb_symbols = {
    .name = "symbols",
    .purpose = "symbols of the kernel and its modules: name to address, address to name",
    .operands =
        (const struct operand[]){TARGET_OPERAND,
                                 {"SYMBOL", "a name, name+offset, module:name, or an address 0x...",
                                  OPERAND_OPTIONAL | OPERAND_MANY},
                                 {0}},
    .options =
        (const struct option_row[]){
            {"search", 's', "PATTERN",
             "all names that match: * any text, ? one character, [a-f] a set", 0, NULL},
            {"all", 'a', NULL, "all of them", 0, NULL},
            {"module", 'm', "MODULE", "of this module; \"\" is the kernel itself", 0, NULL},
            {0},
        },
    .columns = columns,
    .examples =
        (const struct example[]){
            {"tinyvmi symbols memory.raw init_task jiffies_64", "where they are"},
            {"tinyvmi symbols memory.raw 0xffffffff81a3c0d4", "what is there"},
            {"tinyvmi symbols qemu:web1 -s '*_sys_open*'", "names that match"},
            {"tinyvmi symbols qemu:web1 -m ext4", "all symbols of a module"},
            {0}},
    .says_no = "a symbol was not found",
    .see_also = "types read v2p",
    .flags = VERB_KERNEL,
    .run = run,
};

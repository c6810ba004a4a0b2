/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of verbs, in the order of the help. */
#include "verbs.h"

#include <string.h>

/* One line each: a verb is added without touching its neighbours. */
/* clang-format off */
const struct verb *const verbs[] = {
    &verb_list,
    &verb_info,
    &verb_ps,
    &verb_threads,
    &verb_watch,
    &verb_trace,
    &verb_break,
    &verb_watchmem,
    &verb_maps,
    &verb_stack,
    &verb_dlls,
    &verb_files,
    &verb_handles,
    &verb_net,
    &verb_mounts,
    &verb_modules,
    &verb_dmesg,
    &verb_check,
    &verb_symbols,
    &verb_types,
    &verb_v2p,
    &verb_read,
    &verb_dump,
    &verb_profile,
    &verb_grant,
    &verb_help,
    &verb_man,
    &verb_completion,
    NULL,
};
/* clang-format on */

const struct verb *verb_find(const char *name)
{
    for (const struct verb *const *v = verbs; *v; v++)
        if (!strcmp((*v)->name, name))
            return *v;
    return NULL;
}

const char *verb_suggest(const char *name)
{
    static const struct {
        const char *typed, *verb;
    } other[] = {/* what other tools call it */
                 {"lsmod", "modules"},    {"pslist", "ps"},        {"pstree", "ps"},
                 {"processes", "ps"},     {"kallsyms", "symbols"}, {"sym", "symbols"},
                 {"pahole", "types"},     {"struct", "types"},     {"log", "dmesg"},
                 {"vmas", "maps"},        {"lsof", "files"},       {"netstat", "net"},
                 {"ss", "net"},           {"sockets", "net"},      {"mount", "mounts"},
                 {"translate", "v2p"},    {"vtop", "v2p"},         {"hexdump", "read"},
                 {"rd", "read"},          {"banner", "info"},      {"top", "watch"},
                 {"malfind", "check"},    {"ls", "list"},          {"version", "--version"},
                 {"dlllist", "dlls"},     {"ldrmodules", "dlls"},  {"handle", "handles"},
                 {"thrdscan", "threads"}, {"drivers", "modules"},  {"vadinfo", "maps"}};
    unsigned best = 0xffff;
    const char *near = NULL;
    for (const struct verb *const *v = verbs; *v; v++)
        if (is_nearer(name, (*v)->name, &best))
            near = (*v)->name;
    for (size_t i = 0; !near && i < sizeof other / sizeof *other; i++)
        if (!strcmp(name, other[i].typed))
            near = other[i].verb;
    return near;
}

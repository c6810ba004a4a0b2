/* SPDX-License-Identifier: BSD-2-Clause */
/* One const struct verb a file, verb_NAME.c. */
#ifndef TINYVMI_CLI_VERBS_H
#define TINYVMI_CLI_VERBS_H

#include "cmd.h"

/* clang-format off */
extern const struct verb verb_break;
extern const struct verb verb_check;
extern const struct verb verb_completion;
extern const struct verb verb_dlls;
extern const struct verb verb_dmesg;
extern const struct verb verb_dump;
extern const struct verb verb_files;
extern const struct verb verb_grant;
extern const struct verb verb_handles;
extern const struct verb verb_help;
extern const struct verb verb_info;
extern const struct verb verb_list;
extern const struct verb verb_man;
extern const struct verb verb_maps;
extern const struct verb verb_modules;
extern const struct verb verb_mounts;
extern const struct verb verb_net;
extern const struct verb verb_profile;
extern const struct verb verb_ps;
extern const struct verb verb_read;
extern const struct verb verb_stack;
extern const struct verb verb_symbols;
extern const struct verb verb_threads;
extern const struct verb verb_trace;
extern const struct verb verb_types;
extern const struct verb verb_v2p;
extern const struct verb verb_watch;
extern const struct verb verb_watchmem;
/* clang-format on */

/* The operand that most verbs begin with. */
#define TARGET_OPERAND                                                                             \
    {                                                                                              \
        "TARGET",                                                                                  \
            "a memory file, or a virtual machine: qemu:NAME, qemu:PID, "                           \
            "qemu:/path/to/qmp.sock, xen:NAME, xen:ID",                                            \
            0                                                                                      \
    }

#endif

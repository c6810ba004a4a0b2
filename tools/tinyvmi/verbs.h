/* SPDX-License-Identifier: BSD-2-Clause */
/* One const struct verb a file, verb_NAME.c. */
#ifndef TINYVMI_CLI_VERBS_H
#define TINYVMI_CLI_VERBS_H

#include "cmd.h"

extern const struct verb verb_list, verb_info, verb_ps, verb_modules, verb_symbols, verb_types,
    verb_dmesg, verb_maps, verb_files, verb_net, verb_mounts, verb_read, verb_v2p, verb_dump,
    verb_watch, verb_check, verb_threads, verb_dlls, verb_handles, verb_profile, verb_help,
    verb_man, verb_completion;

/* The operand that most verbs begin with. */
#define TARGET_OPERAND                                                                             \
    {                                                                                              \
        "TARGET",                                                                                  \
            "a memory file, or a virtual machine: qemu:NAME, qemu:PID, qemu:/path/to/qmp.sock", 0  \
    }

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF notes of a memory dump: vCPU registers and vmcoreinfo. ELF and kdump files carry the same
 * ones. */
#ifndef TINYVMI_SOURCE_ELF_NOTES_H
#define TINYVMI_SOURCE_ELF_NOTES_H

#include "source/open_file.h"

enum {
    ELF_MACHINE_386 = 3,
    ELF_MACHINE_ARM = 40,
    ELF_MACHINE_X86_64 = 62,
    ELF_MACHINE_AARCH64 = 183
};

enum guest_arch elf_machine_arch(unsigned machine);

/* One note; the views lie in the bytes that were given. */
struct elf_note {
    struct bytes name; /* without the terminating zero */
    uint32_t type;
    struct bytes desc;
};

/* Takes the next note off the front of `notes`; false at the end or when what is left is no whole
 * note. */
bool elf_note_next(struct bytes *notes, struct elf_note *ret);

/*
 * Reads what is known of all notes in `notes` into `cpus`, and points *vmcoreinfo (when not NULL
 * and not yet set) at the text. Damaged notes end the reading, silently: registers are a hint,
 * memory is not. ST_NOMEM is the only failure.
 */
MUST_USE int elf_notes_read(struct bytes notes, enum guest_arch arch, struct cpu_notes *cpus,
                            struct bytes *vmcoreinfo);

/* What the size of the first NT_PRSTATUS tells; ARCH_UNKNOWN when there is none. */
enum guest_arch elf_notes_arch(struct bytes notes);

/* The registers of vCPU `index`, growing the table; NULL beyond 4,096 vCPUs or without memory. */
struct vcpu_regs *cpu_notes_at(struct cpu_notes *c, unsigned index);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments of a system call as text, by the types that the guest's kernel gives them. */
#ifndef TINYVMI_CLI_ARGUMENTS_H
#define TINYVMI_CLI_ARGUMENTS_H

#include <tinyvmi/tinyvmi.h>

enum { ARGUMENTS_TEXT = 512 };

/*
 * "dfd=-100, filename=\"/etc/passwd\", flags=0x80000". Texts and structures that pointers lead to
 * are read through page table `cr3`; what cannot be read is an address. Cut at size-1 bytes; bytes
 * are the guest's.
 */
void arguments_text(vmi_instance_t vmi, const struct vmi_syscall *s, const uint64_t argument[6],
                    addr_t cr3, char *buf, size_t size);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Offsets that no profile tells, from memory. */
#ifndef TINYVMI_OS_WINDOWS_INFER_H
#define TINYVMI_OS_WINDOWS_INFER_H

#include "os/windows/kdbg.h"
#include "os/windows/windows.h"

/*
 * Fills what is unknown of EPROCESS in w->m, and w->process_head; needs w->system_process, the
 * image and the kernel's space. `told`: offsets of the debugger block, taken when they pass the
 * same checks. What cannot be proved stays unknown.
 */
void win_infer_processes(struct windows_view *w, const struct kdbg_offsets *told);

#endif

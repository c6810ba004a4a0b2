/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows crash dumps: a header of one page ("PAGEDUMP", 32 bit) or two ("PAGEDU64", 64 bit), then
 * memory in one of two orders:
 *
 * - full (DumpType 1): the runs of the header's physical memory descriptor, one after the other;
 * - by a bitmap ("FDMP" or "SDMP" behind the header; DumpType 2, 5, 6, 7): the pages whose bits are
 *   set, ascending.
 *
 * Headers: volatility, plugins/overlays/windows/crash_vtypes.py (_DMP_HEADER: 32 bit); QEMU 9.0,
 * include/qemu/win_dump_defs.h (WinDumpHeader64, WinContext64). The bitmap's header since Windows 8
 * (DumpType 5 to 7, the same in 32 and 64 bit): volatility3, framework/layers/crash.py, and
 * 0vercl0k/kdmp-parser, src/lib/kdmp-parser-structs.h (BMP_HEADER64). The one before (DumpType 2):
 * _SUMMARY_DUMP32, _SUMMARY_DUMP64 of the Windows 10 WDK's symbols. Registers: winnt.h (CONTEXT).
 */
#ifndef TINYVMI_SOURCE_WIN_CRASH_H
#define TINYVMI_SOURCE_WIN_CRASH_H

#include "source/open_file.h"

enum { CRASH_PAGE = 4096, CRASH_MAX_RUNS = 86 };

/* Frames that lie in a row in guest memory and in the file. */
struct crash_run {
    uint64_t frame, count; /* of CRASH_PAGE bytes */
    uint64_t at;           /* file offset */
};

struct crash_header {
    bool is64, pae;
    uint32_t type, processors;
    struct windows_hints hints;
    uint64_t context_at; /* file offset of the CONTEXT */
    /* full */
    uint32_t nr_runs;
    struct crash_run run[CRASH_MAX_RUNS];
    /* by a bitmap; 0 bits: full */
    uint64_t bitmap_at, bits, pages, first_page; /* file offsets, numbers of bits and of pages */
};

bool crash_is_dump(struct bytes head);

/* Reads and checks the headers; all that they point to is inside the file, but for the memory. */
MUST_USE int crash_read_header(struct bytes file, const char *name, struct crash_header *ret,
                               struct diag *d);

/* The general registers of the CONTEXT; false when it holds none. */
bool crash_read_context(struct bytes file, const struct crash_header *h, struct vcpu_regs *ret);

#endif

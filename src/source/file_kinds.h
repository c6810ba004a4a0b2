/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of memory files: rows for the build's table. */
#ifndef TINYVMI_SOURCE_FILE_KINDS_H
#define TINYVMI_SOURCE_FILE_KINDS_H

#include "source/source.h"

extern const struct source_kind elf_source_kind, lime_source_kind, avml_source_kind,
    kdump_source_kind, crash_source_kind, raw_source_kind;

#endif

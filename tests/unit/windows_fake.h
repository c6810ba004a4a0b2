/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Windows view over a quarter MiB of made-up memory: 56 data pages that are mapped twice, in the
 * kernel's half and in user memory, and the layout of Windows 10 2004. For unit tests and fuzzing.
 */
#ifndef TINYVMI_TESTS_WINDOWS_FAKE_H
#define TINYVMI_TESTS_WINDOWS_FAKE_H

#include <stdlib.h>

#include "os/windows/windows.h"

enum {
    FAKE_PAGES = 64,
    FAKE_DATA = 8,
    FAKE_DATA_PAGES = FAKE_PAGES - FAKE_DATA,
    FAKE_ROOT = 7 * 4096,
    FAKE_SECOND = (FAKE_PAGES - 1) * 4096 /* for a copy of the top table */
};

#define FAKE_KERNEL 0xffff800000000000ULL /* where data page 0 is */
#define FAKE_USER   0x100000ULL           /* the same pages, for user mode */

struct fake {
    struct source s;
    struct osview v;
    struct windows_view w;
    struct diag d;
    _Alignas(4096) uint8_t mem[FAKE_PAGES * 4096];
};

static inline void fake_put(struct fake *f, uint64_t pa, uint64_t v, size_t n)
{
    memcpy(f->mem + pa, &v, n);
}

/* The physical address of an offset in the data. */
static inline uint64_t fake_pa(uint64_t offset)
{
    return FAKE_DATA * 4096 + offset;
}

/* Where the last-level entry of data page i is: the kernel's, the user's. */
static inline uint64_t fake_kernel_pte(unsigned i)
{
    return 3 * 4096 + i * 8;
}

static inline uint64_t fake_user_pte(unsigned i)
{
    return 6 * 4096 + 256 * 8 + i * 8;
}

static inline void fake_member(struct fake *f, enum layout_id id, uint32_t off, unsigned size)
{
    f->w.m[id] = (struct win_member){.off = off, .size = size, .how = HOW_PROFILE};
}

/* Layout of Windows 10 2004, x64, in the order of layout.h. */
static inline void fake_layout(struct fake *f)
{
    static const struct {
        enum layout_id id;
        uint16_t off;
        uint8_t size;
    } rows[] = {
        {W_process_dtb, 0x28, 8},     {W_process_pid, 0x440, 8},
        {W_process_links, 0x448, 16}, {W_process_ppid, 0x540, 8},
        {W_process_name, 0x5a8, 15},  {W_process_create, 0x468, 8},
        {W_process_exit, 0x840, 8},   {W_process_thread_list, 0x5e0, 16},
        {W_process_peb, 0x550, 8},    {W_process_handles, 0x570, 8},
        {W_process_wow64, 0x580, 8},  {W_process_vads, 0x7d8, 8},
        {W_thread_links, 0x4e8, 16},  {W_thread_tid, 0x480, 8},
        {W_thread_state, 0x184, 1},   {W_thread_wait, 0x283, 1},
        {W_table_code, 8, 8},         {W_header_type_index, 0x18, 1},
        {W_header_info, 0x1a, 1},     {W_type_name, 0x10, 16},
        {W_kcb_parent, 0x20, 8},      {W_kcb_name, 0x28, 8},
        {W_key_name_length, 0x18, 2}, {W_key_name, 0x1a, 0},
        {W_key_compressed, 0, 1},     {W_vad_left, 0, 8},
        {W_vad_right, 8, 8},          {W_vad_start, 0x18, 4},
        {W_vad_end, 0x1c, 4},         {W_vad_start_high, 0x20, 1},
        {W_vad_end_high, 0x21, 1},    {W_vad_flags, 0x30, 4},
        {W_vad_subsection, 0x48, 8},  {W_vad_first_proto, 0x50, 8},
        {W_vad_last_proto, 0x58, 8},  {W_control_file, 0x40, 8},
        {W_subsection_base, 0x08, 8}, {W_subsection_next, 0x10, 8},
        {W_subsection_ptes, 0x2c, 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        fake_member(f, rows[i].id, rows[i].off, rows[i].size);
    f->w.m[W_entry_bits] =
        (struct win_member){.size = 8, .bit = 20, .bits = 44, .how = HOW_PROFILE};
    f->w.m[W_entry_access] =
        (struct win_member){.off = 8, .size = 4, .bits = 25, .how = HOW_PROFILE};
    f->w.m[W_flag_protection] = (struct win_member){.bit = 7, .bits = 5, .how = HOW_PROFILE};
    f->w.m[W_flag_private] = (struct win_member){.off = 2, .bit = 4, .bits = 1, .how = HOW_PROFILE};
}

/* All data pages are present and writable. */
static inline void fake_tables(struct fake *f)
{
    const uint64_t table = 7; /* present, writable, user */
    fake_put(f, FAKE_ROOT + 256 * 8, 1 * 4096 | table, 8);
    fake_put(f, 1 * 4096, 2 * 4096 | table, 8);
    fake_put(f, 2 * 4096, 3 * 4096 | table, 8);
    fake_put(f, FAKE_ROOT, 4 * 4096 | table, 8);
    fake_put(f, 4 * 4096, 5 * 4096 | table, 8);
    fake_put(f, 5 * 4096, 6 * 4096 | table, 8);
    for (unsigned i = 0; i < FAKE_DATA_PAGES; i++) {
        fake_put(f, fake_kernel_pte(i), (FAKE_DATA + i) * 4096ULL | 3, 8);
        fake_put(f, fake_user_pte(i), (FAKE_DATA + i) * 4096ULL | 7, 8);
    }
}

/* f->mem may hold anything; the tables are written over its first pages. */
static inline bool fake_open(struct fake *f)
{
    struct phys_range r = {.len = sizeof f->mem, .host = f->mem};
    f->s = (struct source){.kind = "raw", .name = "fake"};
    f->v = (struct osview){.source = &f->s, .diag = &f->d, .impl = &f->w};
    f->d = (struct diag){0};
    f->w = (struct windows_view){.v = &f->v, .major = 10, .build = 19041};
    phys_init(&f->s.phys, NULL, NULL);
    if (phys_add(&f->s.phys, &r) != ST_OK)
        return false;
    memset(f->mem, 0, FAKE_DATA * 4096);
    fake_tables(f);
    aspace_init(&f->v.kernel, &f->s.phys, FORM_X86_4LEVEL, FAKE_ROOT);
    f->v.form = FORM_X86_4LEVEL;
    f->v.ptr_size = 8;
    f->v.arch = ARCH_X86_64;
    f->w.base = FAKE_KERNEL + 0x30000;
    f->w.image.size = 0x8000;
    f->w.process_head = FAKE_KERNEL + 0x30000;
    f->w.system_process = FAKE_KERNEL;
    fake_layout(f);
    win_layout_resolve(&f->w); /* what is fixed */
    win_policy_init(&f->w);
    return true;
}

static inline void fake_close(struct fake *f)
{
    phys_deinit(&f->s.phys);
    free(f->v.fact);
}

#endif

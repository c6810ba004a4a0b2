/* SPDX-License-Identifier: BSD-2-Clause */
/* The headers of a Windows crash dump: win_crash.h names where each number is from. */
#include <inttypes.h>

#include "source/win_crash.h"

/* Where a field is, in the 32-bit and in the 64-bit header. */
enum field {
    DTB,
    MODULES,
    PROCESSES,
    MACHINE,
    PROCESSORS,
    KDBG,
    MEMORY,
    CONTEXT,
    TYPE,
    HEADER_END,
    NR_FIELDS
};

static const uint16_t where[2][NR_FIELDS] = {
    {0x10, 0x18, 0x1c, 0x20, 0x24, 0x60, 0x64, 0x320, 0xf88, 0x1000},
    {0x10, 0x20, 0x28, 0x30, 0x34, 0x80, 0x88, 0x348, 0xf98, 0x2000},
};

enum { PAE_ENABLED_AT = 0x5c, I386 = 0x14c, AMD64 = 0x8664, ARM64 = 0xaa64 };

enum dump_type {
    FULL = 1,
    SUMMARY = 2,
    HEADER_ONLY = 3,
    TRIAGE = 4,
    BITMAP_FIRST = 5,
    BITMAP_LAST = 7
};

bool crash_is_dump(struct bytes head)
{
    return head.n >= 8 && (!memcmp(head.p, "PAGEDUMP", 8) || !memcmp(head.p, "PAGEDU64", 8));
}

static uint64_t word(struct bytes file, const struct crash_header *h, uint64_t at)
{
    return h->is64 ? le64(file.p + at) : le32(file.p + at);
}

/*
 * PHYSICAL_MEMORY_DESCRIPTOR: how many runs, how many pages, then {first page, how many pages}; all
 * but the first number are of a pointer's size.
 */
static int read_runs(struct bytes file, const char *name, struct crash_header *h, struct diag *d)
{
    unsigned size = h->is64 ? 8 : 4;
    uint64_t at = where[h->is64][MEMORY], to = where[h->is64][HEADER_END];
    uint32_t nr = le32(file.p + at), most = (where[h->is64][CONTEXT] - at - 2 * size) / (2 * size);
    if (!nr || nr > most)
        return diag_fail(d, ST_BROKEN,
                         "%s: its header says that memory is in %" PRIu32
                         " runs, but there is room for 1 to %" PRIu32
                         ": the header is damaged or was not filled in",
                         name, nr, most);
    at += 2 * size;
    for (uint32_t i = 0; i < nr; i++, at += 2 * size) {
        struct crash_run r = {word(file, h, at), word(file, h, at + size), to};
        uint64_t bytes, end;
        if (!add_fits(r.frame, r.count, &end) || end > UINT64_MAX / CRASH_PAGE ||
            !mul_fits(r.count, CRASH_PAGE, &bytes) || !add_fits(to, bytes, &to))
            return diag_fail(d, ST_BROKEN,
                             "%s: run %" PRIu32
                             " of memory goes over the end of all addresses: %#" PRIx64
                             " pages from page %#" PRIx64,
                             name, i, r.count, r.frame);
        h->run[h->nr_runs++] = r;
    }
    return ST_OK;
}

/* The bitmap's header, behind the dump's own. */
static int read_bitmap(struct bytes file, const char *name, struct crash_header *h, struct diag *d)
{
    uint64_t at = where[h->is64][HEADER_END];
    struct bytes s = bytes_sub(file, at, 0x38);
    if (!s.p)
        return diag_fail(d, ST_BROKEN,
                         "%s: the file ends at %#zx, before the header of its bitmap: it was cut",
                         name, file.n);
    if ((memcmp(s.p, "SDMP", 4) && memcmp(s.p, "FDMP", 4)) || memcmp(s.p + 4, "DUMP", 4))
        return diag_fail(d, ST_BROKEN,
                         "%s: dump type %" PRIu32 " should have a bitmap at file offset %#" PRIx64
                         ", but its signature is not there",
                         name, h->type, at);
    if (h->type == SUMMARY) {
        h->first_page = le32(s.p + 0xc);
        h->bits = le32(s.p + 0x10);
        h->pages = le32(s.p + 0x14);
        h->bitmap_at = at + (h->is64 ? 0x28 : 0x20);
    } else {
        h->first_page = le64(s.p + 0x20);
        h->pages = le64(s.p + 0x28);
        h->bits = le64(s.p + 0x30);
        h->bitmap_at = at + 0x38;
    }
    if (!h->bits || h->bits > file.n * 8 || !in_bounds(h->bitmap_at, (h->bits + 7) / 8, file.n) ||
        h->bits > UINT64_MAX / CRASH_PAGE)
        return diag_fail(d, ST_BROKEN,
                         "%s: its bitmap of %#" PRIx64 " bits at file offset %#" PRIx64
                         " does not end in the file, which is %#zx bytes long",
                         name, h->bits, h->bitmap_at, file.n);
    if (h->first_page < h->bitmap_at + (h->bits + 7) / 8)
        return diag_fail(d, ST_BROKEN,
                         "%s: its pages should begin at file offset %#" PRIx64
                         ", which is inside of its headers and bitmap",
                         name, h->first_page);
    return ST_OK;
}

static int read_memory(struct bytes file, const char *name, struct crash_header *h, struct diag *d)
{
    switch (h->type) {
    case FULL:
        return read_runs(file, name, h, d);
    case SUMMARY:
        return read_bitmap(file, name, h, d);
    case HEADER_ONLY:
    case TRIAGE:
        return diag_fail(d, ST_UNSUPPORTED,
                         "%s: is a small crash dump (type %" PRIu32
                         "), which holds no physical memory; make a kernel or complete dump",
                         name, h->type);
    default:
        if (h->type >= BITMAP_FIRST && h->type <= BITMAP_LAST)
            return read_bitmap(file, name, h, d);
        return diag_fail(d, ST_UNSUPPORTED,
                         "%s: is a crash dump of type %" PRIu32
                         "; known are full ones (1) and those with a bitmap (2, 5, 6, 7)",
                         name, h->type);
    }
}

static int check_machine(struct bytes file, const char *name, const struct crash_header *h,
                         struct diag *d)
{
    uint32_t machine = le32(file.p + where[h->is64][MACHINE]);
    if (machine == (h->is64 ? AMD64 : I386))
        return ST_OK;
    return diag_fail(d, ST_UNSUPPORTED, "%s: is a crash dump of machine %#" PRIx32 "%s, not of x86",
                     name, machine, machine == ARM64 ? " (ARM64)" : "");
}

int crash_read_header(struct bytes file, const char *name, struct crash_header *ret, struct diag *d)
{
    struct crash_header h = {.is64 = file.n >= 8 && !memcmp(file.p, "PAGEDU64", 8)};
    const uint16_t *w = where[h.is64];
    if (!crash_is_dump(file))
        return diag_fail(d, ST_BROKEN,
                         "%s: does not begin with PAGEDUMP or PAGEDU64, as a crash dump does",
                         name);
    if (file.n < w[HEADER_END])
        return diag_fail(d, ST_BROKEN,
                         "%s: the file ends at %#zx, within its header: it was cut; copy it again",
                         name, file.n);
    int st = check_machine(file, name, &h, d);
    if (st != ST_OK)
        return st;
    h.type = le32(file.p + w[TYPE]);
    h.processors = le32(file.p + w[PROCESSORS]);
    h.pae = !h.is64 && file.p[PAE_ENABLED_AT] == 1;
    h.context_at = w[CONTEXT];
    h.hints = (struct windows_hints){
        .dtb = word(file, &h, w[DTB]),
        .kdbg = word(file, &h, w[KDBG]),
        .processes = word(file, &h, w[PROCESSES]),
        .modules = word(file, &h, w[MODULES]),
        .paging = h.is64  ? HINT_PAGING_64
                  : h.pae ? HINT_PAGING_PAE
                          : HINT_PAGING_LEGACY,
    };
    st = read_memory(file, name, &h, d);
    if (st == ST_OK)
        *ret = h;
    return st;
}

/* ---- registers
 * ------------------------------------------------------------------------------------------------------
 */

/* CONTEXT_CONTROL and CONTEXT_INTEGER of the architecture. */
enum { CONTEXT_I386 = 0x10003, CONTEXT_AMD64 = 0x100003 };

/* Where CONTEXT keeps rax rbx rcx rdx rbp rsi rdi rsp r8..r15. */
static const uint8_t gpr64[16] = {0x78, 0x90, 0x80, 0x88, 0xa0, 0xa8, 0xb0, 0x98,
                                  0xb8, 0xc0, 0xc8, 0xd0, 0xd8, 0xe0, 0xe8, 0xf0};
static const uint8_t gpr32[8] = {0xb0, 0xa4, 0xac, 0xa8, 0xb4, 0xa0, 0x9c, 0xc4};

bool crash_read_context(struct bytes file, const struct crash_header *h, struct vcpu_regs *ret)
{
    struct bytes c = bytes_sub(file, h->context_at, 0x100);
    struct vcpu_regs r = {.have = REGS_GENERAL};
    uint32_t want = h->is64 ? CONTEXT_AMD64 : CONTEXT_I386;
    if (!c.p || (le32(c.p + (h->is64 ? 0x30 : 0)) & want) != want)
        return false;
    if (h->is64) {
        for (unsigned i = 0; i < 16; i++)
            r.gpr[i] = le64(c.p + gpr64[i]);
        r.rip = le64(c.p + 0xf8);
        r.rflags = le32(c.p + 0x44);
    } else {
        for (unsigned i = 0; i < 8; i++)
            r.gpr[i] = le32(c.p + gpr32[i]);
        r.rip = le32(c.p + 0xb8);
        r.rflags = le32(c.p + 0xc0);
    }
    *ret = r;
    return true;
}

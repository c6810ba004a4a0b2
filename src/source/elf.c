/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ELF cores of machines: QEMU's dump-guest-memory (with and without paging), virsh dump
 * --memory-only, /proc/vmcore, makedumpfile -E, and the container of Xen's dumps (elf_xen.c).
 * Layout: the System V gABI, chapters 4 and 5.
 */
#include "source/elf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/file_kinds.h"

enum { ET_CORE = 4, PT_LOAD = 1, PT_NOTE = 4, PN_XNUM = 0xffff };
enum { EHDR_32 = 52, EHDR_64 = 64, PHDR_32 = 32, PHDR_64 = 56, SHDR_32 = 40, SHDR_64 = 64 };
/* The kernel's and QEMU's own limit on program headers is far below; it bounds our time on a lying
 * header. */
enum { MAX_PHDRS = 4 << 20 };
/*
 * Notes that are read, over all PT_NOTEs: any number of these may lie over the same bytes. The most
 * that is written is some 1 KiB a vCPU.
 */
enum { MAX_NOTE_BYTES = 64 << 20 };

struct segment {
    uint32_t type;
    uint64_t offset, vaddr, paddr, filesz, memsz;
};

static bool elf_probe(struct bytes head, uint64_t file_size)
{
    (void)file_size;
    return head.n >= 4 && !memcmp(head.p, "\177ELF", 4);
}

int elf_section_at(const struct elf_opening *o, uint64_t i, struct elf_section *ret)
{
    bool is64 = o->h.is64;
    uint64_t at, step;
    if (!mul_fits(i, o->h.shentsize, &step) || !add_fits(o->h.shoff, step, &at))
        at = UINT64_MAX;
    struct bytes b = bytes_sub(o->m, at, is64 ? SHDR_64 : SHDR_32);
    if (!b.p || o->h.shentsize < b.n)
        return diag_fail(o->d, ST_BROKEN,
                         "%s: section header %" PRIu64 " (of the table at file offset %#" PRIx64
                         ") is not in the file: it was cut, or its header lies",
                         o->s->name, i, o->h.shoff);
    *ret = is64 ? (struct elf_section){.name = le32(b.p),
                                       .offset = le64(b.p + 24),
                                       .size = le64(b.p + 32),
                                       .info = le32(b.p + 44)}
                : (struct elf_section){.name = le32(b.p),
                                       .offset = le32(b.p + 16),
                                       .size = le32(b.p + 20),
                                       .info = le32(b.p + 28)};
    return ST_OK;
}

/* Counts that do not fit into 16 bits are kept in section header 0. */
static int resolve_counts(struct elf_opening *o)
{
    struct elf_header *h = &o->h;
    if (h->phnum != PN_XNUM && (h->shnum || !h->shoff))
        return ST_OK;
    struct elf_section s0;
    int st = elf_section_at(o, 0, &s0);
    if (st != ST_OK)
        return h->phnum == PN_XNUM ? st : ST_OK;
    if (h->phnum == PN_XNUM)
        h->phnum = s0.info;
    if (!h->shnum)
        h->shnum = s0.size;
    return ST_OK;
}

static int read_header(struct elf_opening *o)
{
    const uint8_t *p = o->m.p;
    const char *name = o->s->name;
    if (o->m.n < EHDR_32 || (p[4] == 2 && o->m.n < EHDR_64))
        return diag_fail(o->d, ST_BROKEN,
                         "%s: ends within the ELF header, at %#zx: it was cut; copy it again", name,
                         o->m.n);
    if (memcmp(p, "\177ELF", 4))
        return diag_fail(o->d, ST_BROKEN, "%s: does not begin like an ELF file", name);
    if ((p[4] != 1 && p[4] != 2) || (p[5] != 1 && p[5] != 2))
        return diag_fail(o->d, ST_BROKEN,
                         "%s: ELF class %u, byte order %u at file offset 4: neither exists", name,
                         p[4], p[5]);
    if (p[5] == 2)
        return diag_fail(o->d, ST_UNSUPPORTED,
                         "%s: a dump of a big-endian machine; these are not supported", name);
    struct elf_header *h = &o->h;
    h->is64 = p[4] == 2;
    h->type = le16(p + 16);
    h->machine = le16(p + 18);
    h->phoff = h->is64 ? le64(p + 32) : le32(p + 28);
    h->shoff = h->is64 ? le64(p + 40) : le32(p + 32);
    const uint8_t *q = p + (h->is64 ? 54 : 42);
    h->phentsize = le16(q);
    h->phnum = le16(q + 2);
    h->shentsize = le16(q + 4);
    h->shnum = le16(q + 6);
    h->shstrndx = le16(q + 8);
    if (h->type != ET_CORE)
        return diag_fail(o->d, ST_UNSUPPORTED,
                         "%s: an ELF file of type %u (%s), not a dump of memory", name, h->type,
                         h->type == 1   ? "object file"
                         : h->type == 2 ? "program"
                         : h->type == 3 ? "program or library"
                                        : "unknown");
    return resolve_counts(o);
}

static int segment_at(const struct elf_opening *o, uint64_t i, struct segment *ret)
{
    uint64_t at;
    if (!add_fits(o->h.phoff, i * o->h.phentsize, &at))
        at = UINT64_MAX;
    struct bytes b = bytes_sub(o->m, at, o->h.is64 ? PHDR_64 : PHDR_32);
    if (!b.p)
        return diag_fail(o->d, ST_BROKEN,
                         "%s: program header %" PRIu64 " of %" PRIu64
                         " would lie at file offset %#" PRIx64
                         ", but the file ends at %#zx: it was cut, or its header lies",
                         o->s->name, i, o->h.phnum, at, o->m.n);
    const uint8_t *p = b.p;
    *ret = o->h.is64 ? (struct segment){le32(p),      le64(p + 8),  le64(p + 16),
                                        le64(p + 24), le64(p + 32), le64(p + 40)}
                     : (struct segment){le32(p),      le32(p + 4),  le32(p + 8),
                                        le32(p + 12), le32(p + 16), le32(p + 20)};
    return ST_OK;
}

/* Beyond the limit notes are left out, as damaged ones are: they are hints. */
static int read_note_segment(struct elf_opening *o, const struct segment *g)
{
    uint64_t at = MIN_OF(g->offset, (uint64_t)o->m.n);
    uint64_t len = MIN_OF(MIN_OF(g->filesz, o->m.n - at), MAX_NOTE_BYTES - o->note_bytes);
    struct bytes notes = bytes_sub(o->m, at, len);
    o->note_bytes += len;
    int st = elf_notes_read(notes, o->s->arch, &o->f->cpus, &o->s->vmcoreinfo);
    return st == ST_OK ? ST_OK : diag_fail(o->d, st, "%s: out of memory for its notes", o->s->name);
}

/* What the program headers say about a file as a whole. */
struct survey {
    uint64_t loads, at_zero; /* PT_LOADs with data, and how many of them claim physical address 0 */
};

static int read_load_segment(struct elf_opening *o, uint64_t i, const struct segment *g,
                             struct survey *v)
{
    /* What has no bytes in the file is a hole: memory that the dump left out, not zeros. */
    uint64_t len = g->memsz ? MIN_OF(g->filesz, g->memsz) : g->filesz;
    if (!len)
        return ST_OK;
    v->loads++;
    v->at_zero += !g->paddr;
    /* /proc/kcore marks what has no physical address so (fs/proc/kcore.c). */
    if (g->paddr == UINT64_MAX || (!o->h.is64 && g->paddr == UINT32_MAX))
        return ST_OK;
    char what[48];
    snprintf(what, sizeof what, "program header %" PRIu64, i);
    return file_add_mapped(o->s, o->f, o->options, g->paddr, len, g->offset, what, o->d);
}

static int read_segments(struct elf_opening *o)
{
    const struct elf_header *h = &o->h;
    if (h->phnum > MAX_PHDRS)
        return diag_fail(o->d, ST_LIMIT,
                         "%s: says that it has %" PRIu64
                         " program headers; more than %d are not believed",
                         o->s->name, h->phnum, MAX_PHDRS);
    if (h->phnum && h->phentsize < (h->is64 ? PHDR_64 : PHDR_32))
        return diag_fail(o->d, ST_BROKEN,
                         "%s: says that a program header has %u bytes, which is too few",
                         o->s->name, h->phentsize);
    struct survey v = {0};
    for (uint64_t i = 0; i < h->phnum; i++) {
        struct segment g = {0};
        int st = segment_at(o, i, &g);
        if (st == ST_OK && g.type == PT_NOTE)
            st = read_note_segment(o, &g);
        else if (st == ST_OK && g.type == PT_LOAD)
            st = read_load_segment(o, i, &g, &v);
        if (st != ST_OK)
            return st;
    }
    if (v.loads > 1 && v.at_zero == v.loads)
        return diag_fail(o->d, ST_UNSUPPORTED,
                         "%s: no segment has a physical address: this is the core of one process, "
                         "not the memory of a machine",
                         o->s->name);
    return ST_OK;
}

static int elf_read(struct elf_opening *o)
{
    int st = read_header(o);
    if (st != ST_OK)
        return st;
    o->s->arch = elf_machine_arch(o->h.machine);
    st = elf_is_xen(o) ? elf_xen_read(o) : read_segments(o);
    return st == ST_OK ? file_source_finish(o->s, o->f, o->d) : st;
}

static int elf_open(const char *path, const struct source_options *options, struct diag *d,
                    struct source *ret)
{
    struct source s;
    struct file_source *f = malloc(sizeof *f);
    if (!f)
        return diag_fail(d, ST_NOMEM, "%s: out of memory", path);
    int st = file_source_open(path, "elf", true, options, d, f, &s);
    if (st != ST_OK) {
        free(f);
        return st;
    }
    struct elf_opening o = {
        .f = f, .s = &s, .options = options, .d = d, .m = {f->file.map, (size_t)f->file.size}};
    st = elf_read(&o);
    if (st != ST_OK) {
        phys_deinit(&s.phys);
        file_source_free(f);
        return st;
    }
    s.close = file_source_free;
    *ret = s;
    return ST_OK;
}

const struct source_kind elf_source_kind = {.format = "elf", .probe = elf_probe, .open = elf_open};

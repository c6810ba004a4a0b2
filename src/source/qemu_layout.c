/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
/* Where guest-physical memory lies in the QEMU process: as QEMU tells, or as its command line and
 * mappings suggest. */
#include <stdio.h>
#include <stdlib.h>

#include "source/qemu.h"

#define GIB (UINT64_C(1) << 30)

static int add_piece(struct qemu_layout *l, struct qemu_piece p)
{
    struct qemu_piece *last = l->nr ? &l->piece[l->nr - 1] : NULL;
    if (last && p.hva && last->rom == p.rom && last->start + last->len == p.start &&
        last->hva + last->len == p.hva) {
        last->len += p.len;
        return ST_OK;
    }
    if (l->nr == QEMU_MAX_PIECES)
        return ST_LIMIT;
    if (!(l->nr & (l->nr - 1))) { /* full at every power of two */
        struct qemu_piece *q = realloc(l->piece, (l->nr ? l->nr * 2 : 1) * sizeof *q);
        if (!q)
            return ST_NOMEM;
        l->piece = q;
    }
    l->piece[l->nr++] = p;
    return ST_OK;
}

/* ---- asked ----------------------------------------------------------------------------------- */

static bool parse_hex(const char **p, char stop, uint64_t *ret)
{
    char *end;
    if (!strchr("0123456789abcdefABCDEF", **p) || !**p)
        return false;
    *ret = strtoull(*p, &end, 16);
    if (end - *p > 16 || *end != stop)
        return false;
    *p = end + 1;
    return true;
}

/* "  0000000000100000-000000003fffffff (prio 0, ram): pc.ram @0000000000100000 KVM" */
static bool parse_range(const char *line, struct qemu_piece *ret)
{
    uint64_t first, last;
    while (*line == ' ')
        line++;
    if (!parse_hex(&line, '-', &first) || !parse_hex(&line, ' ', &last) || last < first ||
        last - first == UINT64_MAX)
        return false;
    const char *type = strchr(line, ','), *end = type ? strchr(type, ')') : NULL;
    if (strncmp(line, "(prio ", 6) || !end || type[1] != ' ')
        return false;
    type += 2;
    if (!strncmp(type, "nv-", 3))
        type += 3;
    bool ram = !strncmp(type, "ram)", 4), rom = !strncmp(type, "rom)", 4);
    if (!ram && !rom)
        return false; /* romd may answer with a flash chip's status, ramd is a device's own, the
                         rest is no memory */
    *ret = (struct qemu_piece){.start = first, .len = last - first + 1, .rom = rom};
    return true;
}

int qemu_mtree_parse(const char *text, struct qemu_layout *ret)
{
    struct qemu_layout l = {0};
    bool ours = false;
    int st = ST_OK;
    while (*text && st == ST_OK) {
        char line[256];
        size_t n = strcspn(text, "\n"), cut = MIN_OF(n, sizeof line - 1);
        struct qemu_piece piece;
        memcpy(line, text, cut);
        line[cut] = '\0';
        text += n + (text[n] == '\n');
        if (!strncmp(line, "FlatView", 8)) {
            if (l.nr)
                break;
            ours = false;
        } else if (strstr(line, "AS \"memory\"")) {
            ours = true;
        } else if (ours && parse_range(line, &piece)) {
            st = add_piece(&l, piece);
        }
    }
    if (st == ST_OK && !l.nr)
        st = ST_BROKEN;
    if (st != ST_OK) {
        free(l.piece);
        return st;
    }
    *ret = l;
    return ST_OK;
}

uint64_t qemu_gpa2hva_parse(const char *text)
{
    /* "Host virtual address for 0x1000 (pc.ram) is 0x7f933fe01000"; the name in brackets is QEMU's,
     * not the guest's. */
    const char *p = strstr(text, "Host virtual address"), *is = NULL;
    for (const char *q = p; q && (q = strstr(q, " is 0x")); q++)
        is = q;
    return is ? strtoull(is + 6, NULL, 16) : 0;
}

/* The first word in the process' memory of a piece that is not zero: its address, or 0. Looks at 64
 * pages. */
static uint64_t find_word(struct qemu_mem *m, const struct qemu_piece *p)
{
    uint64_t end = p->hva + (p->len & ~UINT64_C(4095)), at = p->hva, stop, word[512];
    for (unsigned tries = 0; tries < 64; tries++, at += sizeof word) {
        size_t done;
        at = at < end ? qemu_mem_next_data(m, at, end, &stop) & ~UINT64_C(7) : end;
        if (at >= end || end - at < sizeof word ||
            qemu_mem_read(m, at, word, sizeof word, &done) != ST_OK)
            return 0;
        for (size_t i = 0; i < ARRAY_LEN(word); i++)
            if (word[i])
                return at + i * sizeof word[0];
    }
    return 0;
}

/* Does QEMU's own view of an address agree with the process' memory? Unknown (ST_ABSENT) where all
 * is zero. */
static int compare_at(struct qmp *q, struct qemu_mem *m, const struct qemu_piece *p, struct diag *d)
{
    uint64_t at = find_word(m, p);
    for (unsigned attempt = 0; at && attempt < 4;
         attempt++) { /* a running guest may change it meanwhile */
        char line[64];
        const char *answer, *colon;
        uint64_t now;
        size_t done;
        snprintf(line, sizeof line, "xp /1xg 0x%llx",
                 (unsigned long long)(p->start + (at - p->hva)));
        if (qmp_human(q, line, d, &answer) != ST_OK || !(colon = strstr(answer, ": 0x")))
            return ST_ABSENT;
        if (qemu_mem_read(m, at, &now, 8, &done) == ST_OK && strtoull(colon + 2, NULL, 16) == now)
            return ST_OK;
    }
    return at ? ST_BROKEN : ST_ABSENT;
}

static int check_some(struct qmp *q, struct qemu_mem *m, const struct qemu_layout *l,
                      struct diag *d)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < l->nr && wrong < 3; i++) {
        int st = compare_at(q, m, &l->piece[i], d);
        if (st == ST_OK)
            return ST_OK;
        wrong += st == ST_BROKEN;
    }
    return wrong ? diag_fail(d, ST_BROKEN,
                             "QEMU's monitor and the memory of process %d do not agree", m->pid)
                 : ST_OK;
}

static int ask_addresses(struct qmp *q, const struct qemu_layout *asked, struct diag *d,
                         struct qemu_layout *ret)
{
    for (size_t i = 0; i < asked->nr; i++) {
        struct qemu_piece p = asked->piece[i];
        char line[64];
        const char *answer;
        snprintf(line, sizeof line, "gpa2hva 0x%llx", (unsigned long long)p.start);
        int st = qmp_human(q, line, d, &answer);
        if (st != ST_OK)
            return st;
        p.hva = qemu_gpa2hva_parse(answer);
        /* Gone meanwhile (the BIOS moves windows about), or too small to be looked up: a hole. */
        if (p.hva && (st = add_piece(ret, p)) != ST_OK)
            return diag_fail(d, st, "layout of guest memory: more than %d pieces", QEMU_MAX_PIECES);
    }
    return ret->nr
               ? ST_OK
               : diag_fail(d, ST_UNSUPPORTED, "QEMU's monitor tells no host addresses (gpa2hva)");
}

int qemu_layout_ask(struct qmp *q, struct qemu_mem *m, struct diag *d, struct qemu_layout *ret)
{
    struct qemu_layout asked, l = {0};
    const char *text;
    int st = qmp_human(q, "info mtree -f", d, &text);
    if (st != ST_OK)
        return st;
    st = qemu_mtree_parse(text, &asked);
    if (st != ST_OK)
        return diag_fail(d, st, "layout of guest memory: QEMU's `info mtree -f` is not understood");
    st = ask_addresses(q, &asked, d, &l);
    free(asked.piece);
    if (st == ST_OK)
        st = check_some(q, m, &l, d);
    if (st != ST_OK) {
        free(l.piece);
        return st;
    }
    *ret = l;
    return ST_OK;
}

/* ---- inferred: the boards -------------------------------------------------------------------- */

enum split { SPLIT_NONE, SPLIT_I440FX, SPLIT_Q35, SPLIT_MICROVM };

static const struct board {
    const char *exe, *machine, *name; /* a prefix of the program, a part of the type ("" any) */
    uint64_t base;
    enum split split;
} boards[] = {
    /* hw/arm/virt.c: VIRT_MEM; hw/arm/sbsa-ref.c: SBSA_MEM; hw/riscv/virt.c: VIRT_DRAM */
    {"qemu-system-aarch64", "virt", "virt", GIB, SPLIT_NONE},
    {"qemu-system-arm", "virt", "virt", GIB, SPLIT_NONE},
    {"qemu-system-aarch64", "sbsa", "sbsa-ref", GIB << 10, SPLIT_NONE},
    {"qemu-system-aarch64", "", "an unknown board", 0, SPLIT_NONE},
    {"qemu-system-arm", "", "an unknown board", 0, SPLIT_NONE},
    {"qemu-system-riscv", "virt", "virt", 2 * GIB, SPLIT_NONE},
    {"qemu-system-x86_64", "q35", "q35", 0, SPLIT_Q35},
    {"qemu-system-i386", "q35", "q35", 0, SPLIT_Q35},
    {"qemu-kvm", "q35", "q35", 0, SPLIT_Q35},
    {"kvm", "q35", "q35", 0, SPLIT_Q35},
    {"qemu-kvm", "virt", "virt", GIB, SPLIT_NONE}, /* RHEL on arm64 */
    {"", "microvm", "microvm", 0, SPLIT_MICROVM},
    {"qemu-system-x86_64", "", "i440fx", 0, SPLIT_I440FX},
    {"qemu-system-i386", "", "i440fx", 0, SPLIT_I440FX},
    {"qemu-kvm", "", "i440fx", 0, SPLIT_I440FX},
    {"kvm", "", "i440fx", 0, SPLIT_I440FX},
    {"", "", "an unknown board", 0, SPLIT_NONE},
};

static const struct board *find_board(const char *exe, const struct qemu_cmdline *args)
{
    const struct board *b = boards;
    while (strncmp(exe, b->exe, strlen(b->exe)) || !strstr(args->machine, b->machine))
        b++; /* the last row fits all */
    return b;
}

/*
 * RAM below 4 GiB. hw/i386/pc_piix.c: pc_init1 (3.5 GiB; a guest that does not fit gets 3 GiB, so
 * that what lies above is aligned), hw/i386/pc_q35.c: pc_q35_init, hw/i386/microvm.c:
 * microvm_memory_init.
 */
static uint64_t low_memory(enum split split, uint64_t ram, uint64_t max)
{
    uint64_t low = 0;
    switch (split) {
    case SPLIT_NONE:
        return ram;
    case SPLIT_I440FX:
        low = max ? max : UINT64_C(0xe0000000);
        if (ram >= low)
            low = MIN_OF(low, UINT64_C(0xc0000000));
        break;
    case SPLIT_Q35:
        low = ram >= UINT64_C(0xb0000000) ? UINT64_C(0x80000000) : UINT64_C(0xb0000000);
        low = max ? MIN_OF(low, max) : low;
        break;
    case SPLIT_MICROVM:
        low = ram >= UINT64_C(0xc0000000) ? UINT64_C(0xc0000000) : ram;
        low = max ? MIN_OF(low, max) : low;
        break;
    }
    return MIN_OF(low, ram);
}

size_t qemu_board_layout(const char *exe, const struct qemu_cmdline *args,
                         struct qemu_piece piece[4], const char **board)
{
    enum { VGA = 0xa0000, VGA_END = 0xc0000 };
    const struct board *b = find_board(exe, args);
    uint64_t ram = args->memory, low = low_memory(b->split, ram, args->max_below_4g);
    size_t n = 0;
    *board = b->name;
    if (b->split == SPLIT_NONE || b->split == SPLIT_MICROVM || low <= VGA_END) {
        piece[n++] = (struct qemu_piece){.start = b->base, .len = low};
    } else { /* a PC shows the graphics adapter there */
        piece[n++] = (struct qemu_piece){.start = 0, .len = VGA};
        piece[n++] = (struct qemu_piece){.start = VGA_END, .len = low - VGA_END, .hva = VGA_END};
    }
    if (ram > low)
        piece[n++] = (struct qemu_piece){.start = 4 * GIB, .len = ram - low, .hva = low};
    return n;
}

/* ---- inferred: the mappings ------------------------------------------------------------------ */

/* What one block of RAM should look like in the process. */
struct block {
    uint64_t size, hva;
    const char *path; /* or NULL */
    int kind;         /* BACKEND_* */
};

/* Neighbouring VMAs of one kind, joined: madvise and mlock split them. */
static bool next_area(const char **p, struct qemu_vma *ret)
{
    struct qemu_vma v, area = {0};
    const char *behind = *p;
    while (qemu_vma_next(&behind, &v)) {
        bool fits = v.end && v.read && v.write && !v.exec &&
                    (!v.path_n || v.path[0] != '[' || !strncmp(v.path, "[anon", 5));
        bool joins = area.end && fits && v.start == area.end && v.inode == area.inode &&
                     v.shared == area.shared &&
                     (!v.inode || v.offset == area.offset + (area.end - area.start));
        if (area.end && !joins)
            break;
        if (fits && !area.end)
            area = v;
        else if (joins)
            area.end = v.end;
        *p = behind;
    }
    *ret = area;
    return area.end != 0;
}

static bool path_has(const struct qemu_vma *v, const char *text)
{
    return *text && v->path_n >= strlen(text) && memmem(v->path, v->path_n, text, strlen(text));
}

/* A BIOS leaves the size of base memory in KiB at 0x413: 640, or a little less. */
static bool has_bios_data(struct qemu_mem *m, uint64_t hva)
{
    uint16_t kib;
    size_t done;
    return qemu_mem_read(m, hva + 0x413, &kib, sizeof kib, &done) == ST_OK && kib >= 500 &&
           kib <= 640;
}

static unsigned score(struct qemu_mem *m, const struct qemu_vma *v, const struct block *b)
{
    unsigned s = 1;
    if (v->end - v->start < b->size)
        return 0;
    if (b->path)
        s += path_has(v, b->path) ? 16 : 0;
    else if (b->kind == BACKEND_MEMFD)
        s += path_has(v, "/memfd:") ? 16 : 0;
    else
        s += v->inode ? 0 : 8;
    s += v->end - v->start == b->size ? 4 : 0;
    s += has_bios_data(m, v->end - b->size) ? 2 : 0;
    return s;
}

/* QEMU leaves a page without rights behind RAM (util/mmap-alloc.c), so RAM ends where its mapping
 * ends. */
static int find_block(struct qemu_mem *m, const struct block *before, size_t nr, struct block *b,
                      bool *unsure)
{
    unsigned best = 0, ties = 0;
    struct qemu_vma v;
    for (const char *p = m->maps; next_area(&p, &v);) {
        bool used = false;
        for (size_t i = 0; i < nr; i++)
            used = used || (before[i].hva >= v.start && before[i].hva < v.end);
        unsigned s = used ? 0 : score(m, &v, b);
        ties = s > best ? 0 : ties + (s == best && s);
        if (s > best) {
            best = s;
            b->hva = v.end - b->size;
        }
    }
    *unsure = *unsure || ties;
    return best ? ST_OK : ST_ABSENT;
}

/* What backs RAM: the boards' single block, or one block a NUMA node. */
static size_t expected_blocks(const struct qemu_process *p, struct block block[QEMU_MAX_NODES])
{
    const struct qemu_cmdline *a = &p->args;
    size_t n = 0;
    for (unsigned node = 0; node < MAX_OF(a->nr_nodes, 1u); node++) {
        struct block b = {.size = a->nr_nodes ? 0 : a->memory,
                          .path = a->mem_path[0] ? a->mem_path : NULL};
        const char *id = a->nr_nodes ? a->node[node] : a->memory_backend;
        for (unsigned i = 0; i < a->nr_backends; i++) {
            const struct qemu_backend *k = &a->backend[i];
            if (!strcmp(k->id, id) && *id)
                b = (struct block){.size = k->size ? k->size : a->memory,
                                   .path = k->path[0] ? k->path : NULL,
                                   .kind = k->kind};
        }
        if (b.size)
            block[n++] = b;
    }
    return n;
}

static int find_blocks(const struct qemu_process *p, struct qemu_mem *m, struct diag *d,
                       struct block block[QEMU_MAX_NODES], size_t *nr, bool *unsure)
{
    *nr = expected_blocks(p, block);
    *unsure = false;
    for (size_t i = 0; i < *nr; i++)
        if (find_block(m, block, i, &block[i], unsure) != ST_OK)
            return diag_fail(
                d, ST_ABSENT,
                "QEMU process %d: no mapping of %llu MiB, as its command line says, is there",
                p->pid, (unsigned long long)(block[i].size >> 20));
    return *nr ? ST_OK
               : diag_fail(d, ST_ABSENT, "QEMU process %d: its command line tells no memory size",
                           p->pid);
}

int qemu_main_vma(const struct qemu_process *p, struct qemu_mem *m, struct qemu_vma *ret)
{
    struct block block[QEMU_MAX_NODES];
    size_t nr;
    bool unsure;
    int st = find_blocks(p, m, NULL, block, &nr, &unsure);
    if (st != ST_OK)
        return st;
    return qemu_mem_vma(m, block[0].hva, ret) ? ST_OK : ST_ABSENT;
}

/* Lays a piece of RAM over the blocks, which follow each other. */
static int place(const struct qemu_piece *board, const struct block *block, size_t nr,
                 struct qemu_layout *l)
{
    uint64_t at = 0;
    int st = ST_OK;
    for (size_t i = 0; i < nr && st == ST_OK; at += block[i++].size) {
        uint64_t from = MAX_OF(at, board->hva),
                 to = MIN_OF(at + block[i].size, board->hva + board->len);
        if (from < to)
            st = add_piece(l, (struct qemu_piece){.start = board->start + (from - board->hva),
                                                  .len = to - from,
                                                  .hva = block[i].hva + (from - at)});
    }
    return st;
}

int qemu_layout_infer(const struct qemu_process *p, struct qemu_mem *m, struct diag *d,
                      struct qemu_layout *ret)
{
    struct qemu_piece piece[4];
    struct block block[QEMU_MAX_NODES];
    struct qemu_layout l = {0};
    const char *board;
    size_t nr;
    bool unsure;
    int st = find_blocks(p, m, d, block, &nr, &unsure);
    if (st != ST_OK)
        return st;
    size_t pieces = qemu_board_layout(p->exe, &p->args, piece, &board);
    for (size_t i = 0; i < pieces && st == ST_OK; i++)
        st = place(&piece[i], block, nr, &l);
    if (st == ST_OK && !l.nr)
        st = ST_ABSENT;
    if (st != ST_OK) {
        free(l.piece);
        return diag_fail(d, st, "QEMU process %d: the layout of its memory cannot be inferred",
                         p->pid);
    }
    snprintf(l.note, sizeof l.note,
             "layout inferred: %s, %llu MiB%s; hot-plugged memory is missing", board,
             (unsigned long long)(p->args.memory >> 20),
             unsure ? ", one of several mappings that fit" : "");
    *ret = l;
    return ST_OK;
}

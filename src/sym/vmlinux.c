/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF as elf(5) has it; both classes, little-endian. */
#define _GNU_SOURCE
#include "sym/vmlinux.h"

#include <stdio.h>

#include "sym/btf.h"
#include "sym/kallsyms.h"
#include "sym/symlist.h"

enum {
    MAX_SECTIONS = 65536,
    MAX_SYMBOLS = 1 << 22,
    SHT_SYMTAB = 2,
    SHT_NOTE = 7,
    SHT_NOBITS = 8,
    PT_LOAD = 1,
    STT_OBJECT = 1,
    STT_FUNC = 2,
    STT_SECTION = 3,
    SHN_ABS = 0xfff1,
    NT_GNU_BUILD_ID = 3,
};

struct elf {
    struct bytes file;
    bool wide; /* 64 bits */
    uint64_t shoff, phoff;
    uint32_t shentsize, shnum, phentsize, phnum;
    struct bytes names;
};

struct section {
    struct bytes bytes, name;
    uint32_t type, link;
    uint64_t entsize;
};

/* A word of the file: as wide as the class has it. */
static uint64_t word(const struct elf *e, const uint8_t *p, unsigned at32, unsigned at64)
{
    return e->wide ? le64(p + at64) : le32(p + at32);
}

static bool section_at(const struct elf *e, uint32_t i, struct section *ret)
{
    struct bytes h = bytes_sub(e->file, e->shoff + (uint64_t)i * e->shentsize, e->wide ? 64 : 40);

    if (!h.p)
        return false;
    *ret = (struct section){.type = le32(h.p + 4), .link = le32(h.p + (e->wide ? 40 : 24))};
    ret->entsize = word(e, h.p, 36, 56);
    if (ret->type != SHT_NOBITS)
        ret->bytes = bytes_sub(e->file, word(e, h.p, 16, 24), word(e, h.p, 20, 32));
    uint32_t name = le32(h.p);
    if (name < e->names.n)
        ret->name = (struct bytes){e->names.p + name,
                                   strnlen((const char *)e->names.p + name, e->names.n - name)};
    return true;
}

static bool elf_open(struct bytes file, struct elf *ret)
{
    struct elf e = {.file = file, .wide = file.n > 64 && file.p[4] == 2};
    struct section names;

    if (file.n < 64 || memcmp(file.p, "\177ELF", 4) || (file.p[4] != 1 && file.p[4] != 2) ||
        file.p[5] != 1)
        return false;
    e.phoff = word(&e, file.p, 28, 32);
    e.shoff = word(&e, file.p, 32, 40);
    const uint8_t *sizes = file.p + (e.wide ? 54 : 42);
    e.phentsize = le16(sizes);
    e.phnum = le16(sizes + 2);
    e.shentsize = le16(sizes + 4);
    e.shnum = le16(sizes + 6);
    if (e.shoff > file.n || e.phoff > file.n || (e.shnum && e.shentsize < (e.wide ? 64 : 40)) ||
        (e.phnum && e.phentsize < (e.wide ? 56 : 32)))
        return false;
    if (section_at(&e, le16(sizes + 8), &names))
        e.names = names.bytes;
    *ret = e;
    return true;
}

static bool is_name(struct bytes name, const char *text)
{
    return name.n == strlen(text) && !memcmp(name.p, text, name.n);
}

/* ---- symbols --------------------------------------------------------------------------------- */

static char letter(uint8_t info, uint16_t shndx)
{
    char c = (info & 15) == STT_FUNC ? 't' : shndx == SHN_ABS ? 'a' : 'd';

    return info >> 4 ? (char)(c - 'a' + 'A') : c;
}

static int open_symtab(const struct elf *e, const struct section *s, struct diag *d,
                       struct symtab *ret)
{
    struct section strings;
    unsigned size = e->wide ? 24 : 16;
    struct symlist *l = symlist_new("vmlinux");

    if (!l)
        return diag_fail(d, ST_NOMEM, "no memory for symbols");
    if (s->link < e->shnum && section_at(e, s->link, &strings) && strings.bytes.p) {
        for (uint64_t i = 1; i < MIN_OF(s->bytes.n / size, (uint64_t)MAX_SYMBOLS); i++) {
            const uint8_t *p = s->bytes.p + i * size;
            uint8_t info = p[e->wide ? 4 : 12];
            uint16_t shndx = le16(p + (e->wide ? 6 : 14));
            uint32_t name = le32(p);
            if ((info & 15) >= STT_SECTION || !shndx || name >= strings.bytes.n)
                continue;
            struct bytes text = {strings.bytes.p + name, 0};
            text.n = strnlen((const char *)text.p, strings.bytes.n - name);
            symlist_add(l, text, e->wide ? le64(p + 8) : le32(p + 4), letter(info, shndx));
        }
    }
    int st = symlist_count(l) ? symlist_finish(l, ret) : ST_ABSENT;
    if (st != ST_OK)
        symlist_free(l);
    return st;
}

/* A stripped kernel still has kallsyms in one of its segments. */
static int open_kallsyms(const struct elf *e, struct symtab *ret)
{
    for (uint32_t i = 0; i < e->phnum; i++) {
        struct kallsyms_layout layout;
        struct kallsyms_image image = {.ptr_size = e->wide ? 8 : 4};
        struct bytes h =
            bytes_sub(e->file, e->phoff + (uint64_t)i * e->phentsize, e->wide ? 56 : 32);
        if (!h.p || le32(h.p) != PT_LOAD)
            continue;
        image.bytes = bytes_sub(e->file, word(e, h.p, 4, 8), word(e, h.p, 16, 32));
        image.va = word(e, h.p, 8, 16);
        if (image.bytes.p && kallsyms_locate(&image, NULL, NULL, &layout) == ST_OK &&
            kallsyms_open(&image, &layout, NULL, ret) == ST_OK)
            return ST_OK;
    }
    return ST_ABSENT;
}

/* ---- names ----------------------------------------------------------------------------------- */

const uint8_t *banner_search(struct bytes image, char *buf, size_t size)
{
    static const char start[] = "Linux version ";
    const uint8_t *p = image.p, *end = image.p + image.n;

    while (p && p < end && (p = memmem(p, (size_t)(end - p), start, sizeof start - 1))) {
        const uint8_t *v = p + sizeof start - 1;
        const uint8_t *nul = memchr(p, '\0', MIN_OF((size_t)(end - p), size));
        const uint8_t *number = nul ? memchr(p, '#', (size_t)(nul - p)) : NULL;
        /* Debian's 6.1 keeps a second one whose "#" has no number: init/version.c before its time
         * stamp */
        if (number && v < nul && *v >= '2' && *v <= '9' && number[1] >= '0' && number[1] <= '9') {
            memcpy(buf, p, (size_t)(nul - p));
            buf[nul - p] = '\0';
            buf[strcspn(buf, "\n")] = '\0';
            return p;
        }
        p = v;
    }
    return NULL;
}

void build_id_of_notes(struct bytes notes, char *buf, size_t size)
{
    /* name size, data size, type; both texts are padded to 4 */
    for (uint64_t at = 0; in_bounds(at, 12, notes.n);) {
        uint64_t name = le32(notes.p + at), data = le32(notes.p + at + 4);
        uint32_t type = le32(notes.p + at + 8);
        uint64_t text = at + 12 + ((name + 3) & ~3ull);
        struct bytes id = bytes_sub(notes, text, data);
        if (!id.p)
            return;
        if (type == NT_GNU_BUILD_ID && name == 4 && !memcmp(notes.p + at + 12, "GNU", 4) &&
            data * 2 < size)
            for (size_t i = 0; i < id.n; i++)
                snprintf(buf + 2 * i, 3, "%02x", id.p[i]);
        at = text + ((data + 3) & ~3ull);
    }
}

int vmlinux_open(struct bytes file, struct diag *d, struct profile *ret)
{
    struct profile p = {.os = VMI_KIND_LINUX, .dialect = "vmlinux"};
    struct section s;
    struct elf e;
    int st = ST_OK;

    if (!elf_open(file, &e))
        return diag_fail(d, ST_BROKEN, "profile: an ELF file that is damaged, or big-endian");
    p.ptr_size = e.wide ? 8 : 4;
    for (uint32_t i = 0; i < e.shnum && st == ST_OK && section_at(&e, i, &s); i++) {
        if (!s.bytes.p)
            continue;
        if (is_name(s.name, ".BTF") && !p.types.ops)
            st = btf_open(s.bytes, p.ptr_size, NULL, d, &p.types);
        else if (s.type == SHT_SYMTAB && !p.symbols.ops)
            st = open_symtab(&e, &s, d, &p.symbols);
        else if (s.type == SHT_NOTE && !p.build_id[0])
            build_id_of_notes(s.bytes, p.build_id, sizeof p.build_id);
        st = st == ST_ABSENT ? ST_OK : st;
    }
    if (st == ST_OK && !p.symbols.ops)
        (void)!open_kallsyms(&e, &p.symbols);
    if (st == ST_OK && !p.symbols.ops && !p.types.ops)
        st = diag_fail(d, ST_ABSENT,
                       "profile: an ELF file without types (.BTF) and without symbols: is it a "
                       "kernel's vmlinux?");
    if (st != ST_OK) {
        profile_close(&p);
        return st;
    }
    (void)!banner_search(file, p.banner, sizeof p.banner);
    *ret = p;
    return ST_OK;
}

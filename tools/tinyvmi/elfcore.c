/* SPDX-License-Identifier: BSD-2-Clause */
#include "elfcore.h"

#include <elf.h>
#include <string.h>

enum { PAGE = 4096, MOST_SEGMENTS = 0xfff0 };

void elfcore_note(struct str *notes, const char *name, uint32_t type, const void *desc, size_t n)
{
    static const char zero[4];
    Elf64_Nhdr head = {
        .n_namesz = (uint32_t)strlen(name) + 1, .n_descsz = (uint32_t)n, .n_type = type};
    str_add(notes, (const char *)&head, sizeof head);
    str_add(notes, name, head.n_namesz);
    str_add(notes, zero, -head.n_namesz & 3);
    str_add(notes, desc, n);
    str_add(notes, zero, -n & 3);
}

static void put_ehdr(struct str *s, unsigned machine, bool wide, unsigned phdrs)
{
    unsigned char ident[EI_NIDENT] = {
        ELFMAG0,     ELFMAG1,   ELFMAG2, ELFMAG3, wide ? ELFCLASS64 : ELFCLASS32,
        ELFDATA2LSB, EV_CURRENT};
    Elf64_Ehdr e = {.e_type = ET_CORE,
                    .e_machine = (uint16_t)machine,
                    .e_version = EV_CURRENT,
                    .e_phoff = sizeof(Elf64_Ehdr),
                    .e_ehsize = sizeof(Elf64_Ehdr),
                    .e_phentsize = sizeof(Elf64_Phdr),
                    .e_phnum = (uint16_t)phdrs};
    Elf32_Ehdr n = {.e_type = ET_CORE,
                    .e_machine = (uint16_t)machine,
                    .e_version = EV_CURRENT,
                    .e_phoff = sizeof(Elf32_Ehdr),
                    .e_ehsize = sizeof(Elf32_Ehdr),
                    .e_phentsize = sizeof(Elf32_Phdr),
                    .e_phnum = (uint16_t)phdrs};
    memcpy(e.e_ident, ident, sizeof ident);
    memcpy(n.e_ident, ident, sizeof ident);
    if (wide)
        str_add(s, (const char *)&e, sizeof e);
    else
        str_add(s, (const char *)&n, sizeof n);
}

static void put_phdr(struct str *s, bool wide, uint32_t type, const struct core_segment *c,
                     uint64_t file_size)
{
    uint32_t flags = (c->read ? PF_R : 0u) | (c->write ? PF_W : 0u) | (c->exec ? PF_X : 0u);
    uint64_t align = type == PT_NOTE ? 4 : PAGE;
    if (wide) {
        Elf64_Phdr p = {.p_type = type,
                        .p_flags = flags,
                        .p_offset = c->file_at,
                        .p_vaddr = c->va,
                        .p_paddr = c->pa,
                        .p_filesz = file_size,
                        .p_memsz = c->size,
                        .p_align = align};
        str_add(s, (const char *)&p, sizeof p);
    } else {
        Elf32_Phdr p = {.p_type = type,
                        .p_flags = flags,
                        .p_offset = (uint32_t)c->file_at,
                        .p_vaddr = (uint32_t)c->va,
                        .p_paddr = (uint32_t)c->pa,
                        .p_filesz = (uint32_t)file_size,
                        .p_memsz = (uint32_t)c->size,
                        .p_align = (uint32_t)align};
        str_add(s, (const char *)&p, sizeof p);
    }
}

bool elfcore_headers(unsigned machine, bool wide, struct core_segment *segment, size_t n,
                     const struct str *notes, struct str *ret)
{
    if (n > MOST_SEGMENTS)
        return false;
    uint64_t ehdr = wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
    uint64_t phdr = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    uint64_t notes_at = ehdr + phdr * (n + 1), at = notes_at + notes->n;
    for (size_t i = 0; i < n; i++) {
        if (__builtin_add_overflow(at, PAGE - 1, &at))
            return false;
        at &= ~(uint64_t)(PAGE - 1);
        segment[i].file_at = at;
        if (__builtin_add_overflow(at, segment[i].size, &at) || at > INT64_MAX)
            return false;
        if (!wide && (at > UINT32_MAX || segment[i].va > UINT32_MAX))
            return false;
    }
    put_ehdr(ret, machine, wide, (unsigned)n + 1);
    put_phdr(ret, wide, PT_NOTE, &(struct core_segment){.file_at = notes_at}, notes->n);
    for (size_t i = 0; i < n; i++)
        put_phdr(ret, wide, PT_LOAD, &segment[i], segment[i].size);
    str_add(ret, notes->p ? notes->p : "", notes->n);
    return true;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an ELF image in guest memory exports: its dynamic symbols, through DT_GNU_HASH or DT_HASH
 * (System V gABI chapter 5; the GNU hash table as glibc's elf/dl-lookup.c reads it). Every count
 * and every address is the guest's: all walks are bounded, and every access goes through the
 * guest's page tables.
 */
#include "vmi/image.h"

#include <elf.h>

enum {
    MAX_SEGMENTS = 256,
    MAX_DYNAMIC = 1024,
    MAX_CHAIN = 1 << 16,
    MAX_SYMBOLS = 1 << 21,
    CHUNK = 128, /* symbols or words that are read at once */
};

struct elf {
    vmi_instance_t vmi;
    const struct access *a;
    bool is64;
    uint64_t bias; /* added to an address in the file */
    uint64_t dynamic, dynamic_size;
    uint64_t symtab, strtab, strsz, hash, gnu_hash, versym; /* 0: none */
};

static int fetch(const struct elf *e, uint64_t va, void *buf, size_t n)
{
    struct access a = *e->a;
    a.addr = va;
    return access_read(e->vmi, &a, buf, n, NULL) == VMI_SUCCESS ? ST_OK : ST_ABSENT;
}

static int fetch32(const struct elf *e, uint64_t va, uint32_t *ret)
{
    return fetch(e, va, ret, sizeof *ret);
}

/* ---- headers --------------------------------------------------------------------------------- */

static int read_segments(struct elf *e, uint64_t phoff, unsigned entsize, unsigned n)
{
    bool have_load = false;
    if (n > MAX_SEGMENTS || entsize < (e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
        return ST_BROKEN;
    uint64_t dynamic = 0, base = e->a->addr;
    for (unsigned i = 0; i < n; i++) {
        union {
            Elf64_Phdr p64;
            Elf32_Phdr p32;
        } u;
        if (fetch(e, base + phoff + (uint64_t)i * entsize, &u,
                  e->is64 ? sizeof u.p64 : sizeof u.p32) != ST_OK)
            return ST_ABSENT;
        uint32_t type = e->is64 ? u.p64.p_type : u.p32.p_type;
        uint64_t va = e->is64 ? u.p64.p_vaddr : u.p32.p_vaddr,
                 off = e->is64 ? u.p64.p_offset : u.p32.p_offset;
        if (type == PT_LOAD && !have_load) {
            e->bias = base - (va - off);
            have_load = true;
        } else if (type == PT_DYNAMIC) {
            dynamic = va;
            e->dynamic_size = e->is64 ? u.p64.p_memsz : u.p32.p_memsz;
        }
    }
    e->dynamic = e->bias + dynamic;
    return have_load && dynamic ? ST_OK : ST_ABSENT;
}

/* The loader of some systems (glibc) relocates the pointers in the dynamic section, that of others
 * does not. */
static uint64_t pointer(const struct elf *e, uint64_t v)
{
    return v >= e->a->addr ? v : e->bias + v;
}

static int read_dynamic(struct elf *e)
{
    size_t size = e->is64 ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
    uint64_t n = MIN_OF(e->dynamic_size / size, (uint64_t)MAX_DYNAMIC);
    for (uint64_t i = 0; i < n; i++) {
        union {
            Elf64_Dyn d64;
            Elf32_Dyn d32;
        } u;
        if (fetch(e, e->dynamic + i * size, &u, size) != ST_OK)
            return ST_ABSENT;
        int64_t tag = e->is64 ? u.d64.d_tag : u.d32.d_tag;
        uint64_t v = e->is64 ? u.d64.d_un.d_val : u.d32.d_un.d_val;
        if (tag == DT_NULL)
            break;
        if (tag == DT_SYMTAB)
            e->symtab = pointer(e, v);
        else if (tag == DT_STRTAB)
            e->strtab = pointer(e, v);
        else if (tag == DT_STRSZ)
            e->strsz = v;
        else if (tag == DT_HASH)
            e->hash = pointer(e, v);
        else if (tag == DT_GNU_HASH)
            e->gnu_hash = pointer(e, v);
        else if (tag == DT_VERSYM)
            e->versym = pointer(e, v);
    }
    return e->symtab && e->strtab && (e->hash || e->gnu_hash) ? ST_OK : ST_ABSENT;
}

static int elf_open(struct elf *e, vmi_instance_t vmi, const struct access *a)
{
    union {
        Elf64_Ehdr e64;
        Elf32_Ehdr e32;
    } u = {0};
    *e = (struct elf){.vmi = vmi, .a = a};
    if (fetch(e, a->addr, &u, sizeof u.e32) != ST_OK)
        return ST_ABSENT;
    const uint8_t *ident = u.e32.e_ident;
    e->is64 = ident[EI_CLASS] == ELFCLASS64;
    if (memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_DATA] != ELFDATA2LSB ||
        (!e->is64 && ident[EI_CLASS] != ELFCLASS32))
        return ST_BROKEN;
    if (e->is64 && fetch(e, a->addr, &u, sizeof u.e64) != ST_OK)
        return ST_ABSENT;
    int st = e->is64 ? read_segments(e, u.e64.e_phoff, u.e64.e_phentsize, u.e64.e_phnum)
                     : read_segments(e, u.e32.e_phoff, u.e32.e_phentsize, u.e32.e_phnum);
    return st == ST_OK ? read_dynamic(e) : st;
}

/* ---- symbols --------------------------------------------------------------------------------- */

struct elf_symbol {
    uint32_t name;
    bool exported;
    uint64_t value;
};

static size_t symbol_size(const struct elf *e)
{
    return e->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

static struct elf_symbol decode_symbol(const struct elf *e, const uint8_t *p)
{
    struct elf_symbol s;
    uint8_t info;
    uint16_t section;
    if (e->is64) {
        Elf64_Sym sym;
        memcpy(&sym, p, sizeof sym);
        s.name = sym.st_name, s.value = sym.st_value, info = sym.st_info, section = sym.st_shndx;
    } else {
        Elf32_Sym sym;
        memcpy(&sym, p, sizeof sym);
        s.name = sym.st_name, s.value = sym.st_value, info = sym.st_info, section = sym.st_shndx;
    }
    unsigned bind = info >> 4, type = info & 15;
    s.exported = section != SHN_UNDEF && type != STT_TLS && type <= STT_GNU_IFUNC &&
                 type != STT_SECTION && type != STT_FILE &&
                 (bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE);
    return s;
}

/* Does symbol `index` have this name (n characters)? */
static int symbol_is(const struct elf *e, uint64_t index, const char *name, size_t n,
                     struct elf_symbol *ret)
{
    uint8_t raw[sizeof(Elf64_Sym)];
    char have[IMAGE_MAX_NAME];
    if (fetch(e, e->symtab + index * symbol_size(e), raw, symbol_size(e)) != ST_OK)
        return ST_BROKEN;
    *ret = decode_symbol(e, raw);
    if (!ret->exported || !in_bounds(ret->name, n + 1, e->strsz))
        return ST_ABSENT;
    if (fetch(e, e->strtab + ret->name, have, n + 1) != ST_OK)
        return ST_BROKEN;
    return memcmp(have, name, n + 1) == 0 ? ST_OK : ST_ABSENT;
}

/* Bit 15 of a version index: an older version of the symbol, which a new link would not get (Sun's
 * and GNU's versioning). */
static bool is_old_version(const struct elf *e, uint64_t index)
{
    uint16_t version;
    return e->versym && fetch(e, e->versym + index * 2, &version, sizeof version) == ST_OK &&
           version & 0x8000;
}

/* Takes symbol `index` if it has the name; an old version only until the present one comes. Returns
 * true when done. */
static bool consider(const struct elf *e, uint64_t index, const char *name, size_t n, bool *found,
                     uint64_t *va)
{
    struct elf_symbol s;
    if (symbol_is(e, index, name, n, &s) != ST_OK)
        return false;
    bool old = is_old_version(e, index);
    if (!*found || !old)
        *va = e->bias + s.value;
    *found = true;
    return !old;
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t h = 5381;
    for (const char *p = name; *p; p++)
        h = h * 33 + (uint8_t)*p;
    return h;
}

static uint32_t sysv_hash(const char *name)
{
    uint32_t h = 0;
    for (const char *p = name; *p; p++) {
        h = (h << 4) + (uint8_t)*p;
        uint32_t top = h & 0xf0000000;
        h ^= top >> 24;
        h &= ~top;
    }
    return h;
}

struct gnu_table {
    uint32_t nbuckets, first, bloom_size, bloom_shift;
    uint64_t bloom, buckets, chains;
};

static int open_gnu(const struct elf *e, struct gnu_table *t)
{
    uint32_t head[4];
    unsigned word = e->is64 ? 8 : 4;
    if (fetch(e, e->gnu_hash, head, sizeof head) != ST_OK)
        return ST_ABSENT;
    if (!head[0] || !head[2] || head[0] > MAX_SYMBOLS || head[1] > MAX_SYMBOLS)
        return ST_BROKEN;
    t->nbuckets = head[0], t->first = head[1], t->bloom_size = head[2], t->bloom_shift = head[3];
    t->bloom = e->gnu_hash + sizeof head;
    t->buckets = t->bloom + (uint64_t)t->bloom_size * word;
    t->chains = t->buckets + (uint64_t)t->nbuckets * 4;
    return ST_OK;
}

static int lookup_gnu(const struct elf *e, const char *name, size_t n, uint64_t *ret)
{
    struct gnu_table t;
    uint32_t h = gnu_hash(name), bits = e->is64 ? 64 : 32, index, hash = 0;
    uint64_t filter = 0, va = 0;
    bool found = false;
    int st = open_gnu(e, &t);
    if (st != ST_OK)
        return st;
    if (fetch(e, t.bloom + (uint64_t)(h / bits % t.bloom_size) * (bits / 8), &filter, bits / 8) !=
        ST_OK)
        return ST_BROKEN;
    uint32_t shifted = t.bloom_shift < 32 ? h >> t.bloom_shift : 0;
    if (!(filter >> (h % bits) & filter >> (shifted % bits) & 1))
        return ST_ABSENT;
    if (fetch32(e, t.buckets + (uint64_t)(h % t.nbuckets) * 4, &index) != ST_OK)
        return ST_BROKEN;
    if (index < t.first)
        return ST_ABSENT;
    for (unsigned i = 0; i < MAX_CHAIN && !(hash & 1); i++, index++) {
        if (fetch32(e, t.chains + (uint64_t)(index - t.first) * 4, &hash) != ST_OK)
            break;
        if ((hash | 1) == (h | 1) && consider(e, index, name, n, &found, &va))
            break;
    }
    if (found)
        *ret = va;
    return found ? ST_OK : ST_ABSENT;
}

static int lookup_sysv(const struct elf *e, const char *name, size_t n, uint64_t *ret)
{
    uint32_t head[2], index;
    uint64_t va = 0;
    bool found = false;
    if (fetch(e, e->hash, head, sizeof head) != ST_OK)
        return ST_ABSENT;
    if (!head[0] || head[0] > MAX_SYMBOLS || head[1] > MAX_SYMBOLS)
        return ST_BROKEN;
    uint64_t at = e->hash + sizeof head + (uint64_t)(sysv_hash(name) % head[0]) * 4;
    for (unsigned i = 0; i < MAX_CHAIN; i++) {
        if (fetch32(e, at, &index) != ST_OK || !index || index >= head[1])
            break;
        if (consider(e, index, name, n, &found, &va))
            break;
        at = e->hash + sizeof head + ((uint64_t)head[0] + index) * 4;
    }
    if (found)
        *ret = va;
    return found ? ST_OK : ST_ABSENT;
}

int elf_symbol_by_name(vmi_instance_t vmi, const struct access *a, const char *name, uint64_t *ret)
{
    struct elf e;
    size_t n = strlen(name);
    if (!n || n >= IMAGE_MAX_NAME)
        return ST_ABSENT;
    int st = elf_open(&e, vmi, a);
    if (st != ST_OK)
        return st;
    return e.gnu_hash ? lookup_gnu(&e, name, n, ret) : lookup_sysv(&e, name, n, ret);
}

/* ---- by address ------------------------------------------------------------------------------ */

/* One past the last symbol that the GNU table knows: the end of the chain of the highest bucket. */
static int count_gnu(const struct elf *e, uint32_t *ret)
{
    struct gnu_table t;
    uint32_t words[CHUNK], last = 0, hash = 0;
    int st = open_gnu(e, &t);
    if (st != ST_OK)
        return st;
    for (uint32_t i = 0; i < t.nbuckets; i += CHUNK) {
        uint32_t n = MIN_OF(t.nbuckets - i, (uint32_t)CHUNK);
        if (fetch(e, t.buckets + (uint64_t)i * 4, words, n * 4) != ST_OK)
            return ST_BROKEN;
        for (uint32_t j = 0; j < n; j++)
            last = MAX_OF(last, words[j]);
    }
    if (last < t.first || last > MAX_SYMBOLS)
        return last ? ST_BROKEN : ST_ABSENT;
    for (unsigned i = 0; i < MAX_CHAIN && !(hash & 1); i++, last++)
        if (fetch32(e, t.chains + (uint64_t)(last - t.first) * 4, &hash) != ST_OK)
            return ST_BROKEN;
    *ret = last;
    return ST_OK;
}

static int count_symbols(const struct elf *e, uint32_t *ret)
{
    uint32_t head[2];
    if (e->gnu_hash)
        return count_gnu(e, ret);
    if (fetch(e, e->hash, head, sizeof head) != ST_OK)
        return ST_ABSENT;
    *ret = MIN_OF(head[1], (uint32_t)MAX_SYMBOLS);
    return ST_OK;
}

static int read_name(const struct elf *e, uint32_t at, char *name)
{
    if (at >= e->strsz)
        return ST_BROKEN;
    size_t room = (size_t)MIN_OF(e->strsz - at, (uint64_t)IMAGE_MAX_NAME);
    int st = aspace_read_str(e->a->space, GVA(e->strtab + at), name, room);
    return st == ST_OK && name[0] ? ST_OK : ST_BROKEN;
}

int elf_symbol_by_address(vmi_instance_t vmi, const struct access *a, uint64_t rva, char *name)
{
    struct elf e;
    uint8_t raw[CHUNK * sizeof(Elf64_Sym)];
    uint32_t n;
    int st = elf_open(&e, vmi, a);
    if (st == ST_OK)
        st = count_symbols(&e, &n);
    if (st != ST_OK)
        return st;
    size_t size = symbol_size(&e);
    for (uint32_t i = 0; i < n; i += CHUNK) {
        uint32_t piece = MIN_OF(n - i, (uint32_t)CHUNK);
        if (fetch(&e, e.symtab + (uint64_t)i * size, raw, piece * size) != ST_OK)
            return ST_ABSENT;
        for (uint32_t j = 0; j < piece; j++) {
            struct elf_symbol s = decode_symbol(&e, raw + j * size);
            if (s.exported && e.bias + s.value == a->addr + rva &&
                read_name(&e, s.name, name) == ST_OK)
                return ST_OK;
        }
    }
    return ST_ABSENT;
}

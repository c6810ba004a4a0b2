/* SPDX-License-Identifier: BSD-2-Clause */
/* The user memory of one process: an ELF core, or a directory with a file for each mapping. */
#include "dump.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "elfcore.h"

struct mappings {
    struct core_segment *at;
    char **path;
    uint64_t *offset;
    size_t n, cap;
};

static int keep(const struct vmi_vma *v, void *data)
{
    struct mappings *m = data;
    if (v->end <= v->start)
        return 0;
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 128;
        m->at = memory_grow(m->at, m->cap, sizeof *m->at);
        m->path = memory_grow(m->path, m->cap, sizeof *m->path);
        m->offset = memory_grow(m->offset, m->cap, sizeof *m->offset);
    }
    m->at[m->n] = (struct core_segment){.va = v->start,
                                        .size = v->end - v->start,
                                        .read = v->read,
                                        .write = v->write,
                                        .exec = v->exec};
    m->offset[m->n] = v->offset;
    m->path[m->n++] = strdup(v->path ? v->path : "");
    return 0;
}

static void forget(struct mappings *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->path[i]);
    free(m->path);
    free(m->offset);
    free(m->at);
}

/* The entry at which a walk ended, and how many bytes it stands for. */
struct last_entry {
    uint64_t value, span;
};

enum { SPAN_4K = 12, SPAN_2M = 21, SPAN_4M = 22, SPAN_1G = 30, SPAN_512G = 39 };

static struct last_entry pick(const uint64_t (*row)[3], size_t n)
{
    for (size_t i = 0; i < n; i++) /* location, value, log2 of the span; the lowest level first */
        if (row[i][0])
            return (struct last_entry){row[i][1], 1ull << row[i][2]};
    return (struct last_entry){0, 1ull << SPAN_4K};
}

/*
 * A mapping of gigabytes with a few pages in it is common: what an upper entry leaves unmapped is
 * skipped at once. The spans of AArch64 are those of the smallest granule, so never too long.
 */
static struct last_entry last_entry(const page_info_t *i)
{
    const uint64_t ia32e[][3] = {
        {i->x86_ia32e.pte_location, i->x86_ia32e.pte_value, SPAN_4K},
        {i->x86_ia32e.pgd_location, i->x86_ia32e.pgd_value, SPAN_2M},
        {i->x86_ia32e.pdpte_location, i->x86_ia32e.pdpte_value, SPAN_1G},
        {i->x86_ia32e.pml4e_location, i->x86_ia32e.pml4e_value, SPAN_512G}};
    const uint64_t pae[][3] = {{i->x86_pae.pte_location, i->x86_pae.pte_value, SPAN_4K},
                               {i->x86_pae.pgd_location, i->x86_pae.pgd_value, SPAN_2M},
                               {i->x86_pae.pdpe_location, i->x86_pae.pdpe_value, SPAN_1G}};
    const uint64_t legacy[][3] = {{i->x86_legacy.pte_location, i->x86_legacy.pte_value, SPAN_4K},
                                  {i->x86_legacy.pgd_location, i->x86_legacy.pgd_value, SPAN_4M}};
    const uint64_t arm[][3] = {{i->arm_aarch64.tld_location, i->arm_aarch64.tld_value, SPAN_4K},
                               {i->arm_aarch64.sld_location, i->arm_aarch64.sld_value, SPAN_2M},
                               {i->arm_aarch64.fld_location, i->arm_aarch64.fld_value, SPAN_1G}};
    switch (i->pm) {
    case VMI_PM_IA32E:
        return pick(ia32e, 4);
    case VMI_PM_PAE:
        return pick(pae, 3);
    case VMI_PM_LEGACY:
        return pick(legacy, 2);
    case VMI_PM_AARCH64:
        return pick(arm, 3);
    default:
        return (struct last_entry){0, 1ull << SPAN_4K};
    }
}

/* Bytes from here that cannot be read, counted as lost, or as never used: an entry of 0 stands for
 * no page. */
static uint64_t skip(struct dump *d, uint64_t dtb, uint64_t va, uint64_t most)
{
    page_info_t info = {0};
    bool mapped = vmi_pagetable_lookup_extended(d->run->vmi, dtb, va, &info) == VMI_SUCCESS;
    struct last_entry e = mapped ? (struct last_entry){1, DUMP_PAGE} : last_entry(&info);
    uint64_t n = e.span - (va & (e.span - 1));
    n = n < most ? n : most;
    if (e.value == 0)
        d->untouched += n;
    else
        d->missing += n;
    return n;
}

static int copy_mapping(struct dump *d, struct outfile *f, uint64_t dtb,
                        const struct core_segment *s, uint64_t file_at)
{
    for (uint64_t i = 0; i < s->size;) {
        access_context_t ctx = {.version = ACCESS_CONTEXT_VERSION};
        uint64_t n = s->size - i < DUMP_CHUNK ? s->size - i : DUMP_CHUNK;
        size_t got = 0;
        ctx.tm = VMI_TM_PROCESS_DTB;
        ctx.addr = s->va + i;
        ctx.dtb = dtb;
        status_t status = vmi_read(d->run->vmi, &ctx, n, d->buf, &got);
        int code = got ? outfile_write_at(f, file_at + i, d->buf, got) : EXIT_WELL;
        if (code)
            return code;
        i += got;
        if ((status != VMI_SUCCESS || got == 0) && i < s->size)
            i += skip(d, dtb, s->va + i, s->size - i);
        progress_at(&d->progress, d->done + i);
        if (host_interrupted())
            return EXIT_INTERRUPTED;
    }
    d->done += s->size;
    return EXIT_WELL;
}

/* ---- ELF ------------------------------------------------------------------------------------- */

static void put_word(struct str *s, bool wide, uint64_t v)
{
    uint32_t narrow = (uint32_t)v;
    if (wide)
        str_add(s, (const char *)&v, sizeof v);
    else
        str_add(s, (const char *)&narrow, sizeof narrow);
}

/* NT_FILE (fs/binfmt_elf.c, fill_files_note): count, page size, {start, end, offset in pages}...,
 * names. */
static void add_files(struct str *notes, bool wide, const struct mappings *m)
{
    struct str s = {0};
    uint64_t count = 0;
    for (size_t i = 0; i < m->n; i++)
        count += m->path[i] && m->path[i][0] == '/';
    put_word(&s, wide, count);
    put_word(&s, wide, DUMP_PAGE);
    for (size_t i = 0; i < m->n; i++) {
        if (!m->path[i] || m->path[i][0] != '/')
            continue;
        put_word(&s, wide, m->at[i].va);
        put_word(&s, wide, m->at[i].va + m->at[i].size);
        put_word(&s, wide, m->offset[i] / DUMP_PAGE);
    }
    for (size_t i = 0; i < m->n; i++)
        if (m->path[i] && m->path[i][0] == '/')
            str_add(&s, m->path[i], strlen(m->path[i]) + 1);
    elfcore_note(notes, "CORE", NT_FILE, s.p, s.n);
    str_free(&s);
}

/* struct elf_prpsinfo, include/linux/elfcore.h: flag is a long, uid and gid are 16 bits wide on
 * i386 only. */
static void add_prpsinfo(struct str *notes, struct run *run, bool wide, unsigned machine,
                         const struct vmi_process *p)
{
    struct str s = {0};
    char head[4] = {0, p->state, p->state == 'Z', 0}, name[16] = {0}, args[80] = {0};
    uint32_t ids[4] = {(uint32_t)p->pid, (uint32_t)p->ppid, (uint32_t)p->pid, (uint32_t)p->pid};
    str_add(&s, head, sizeof head);
    if (wide)
        str_add(&s, "\0\0\0", 4);
    put_word(&s, wide, 0);
    if (machine == EM_386) {
        uint16_t id[2] = {(uint16_t)p->uid, (uint16_t)p->gid};
        str_add(&s, (const char *)id, sizeof id);
    } else {
        uint32_t id[2] = {p->uid, p->gid};
        str_add(&s, (const char *)id, sizeof id);
    }
    str_add(&s, (const char *)ids, sizeof ids);
    memcpy(name, p->comm, strnlen(p->comm, sizeof name - 1));
    vmi_process_cmdline(run->vmi, p, args, sizeof args);
    str_add(&s, name, sizeof name);
    str_add(&s, args, sizeof args);
    elfcore_note(notes, "CORE", NT_PRPSINFO, s.p, s.n);
    str_free(&s);
}

static int write_core(struct dump *d, struct outfile *f, const struct vmi_process *p,
                      struct mappings *m)
{
    struct str notes = {0}, head = {0};
    bool wide;
    unsigned machine = dump_machine(d->run, &wide);
    uint64_t end = 0;
    int code = EXIT_WELL;
    add_prpsinfo(&notes, d->run, wide, machine, p);
    add_files(&notes, wide, m);
    if (!elfcore_headers(machine, wide, m->at, m->n, &notes, &head)) {
        complain("--to dir has no such limit",
                 "the process has more mappings than an ELF file can have");
        code = EXIT_HOST;
    } else {
        code = outfile_write_at(f, 0, head.p, head.n);
        end = head.n;
    }
    for (size_t i = 0; i < m->n && code == EXIT_WELL; i++) {
        code = copy_mapping(d, f, p->dtb, &m->at[i], m->at[i].file_at);
        end = m->at[i].file_at + m->at[i].size;
    }
    str_free(&notes);
    str_free(&head);
    return code ? code : outfile_set_size(f, end);
}

static int dump_core(struct dump *d, const struct vmi_process *p, struct mappings *m)
{
    struct outfile f;
    int code = outfile_open(&f, d->path, d->force);
    if (code)
        return code;
    code = write_core(d, &f, p, m);
    if (code) {
        outfile_abandon(&f);
        return code;
    }
    return outfile_commit(&f);
}

/* ---- a directory ----------------------------------------------------------------------------- */

static int dump_directory(struct dump *d, const struct vmi_process *p, struct mappings *m)
{
    int code = EXIT_WELL;
    if (mkdir(d->path, 0700) && !(errno == EEXIST && d->force)) {
        int error = errno;
        complain(error == EEXIST ? "--force writes into it" : NULL,
                 "cannot create the directory %s: %s", d->path, strerror(error));
        return error == EEXIST ? EXIT_USAGE : EXIT_HOST;
    }
    for (size_t i = 0; i < m->n && code == EXIT_WELL; i++) {
        const struct core_segment *s = &m->at[i];
        struct outfile f;
        struct str name = {0};
        str_fmt(&name, "%s/%llx-%llx.%c%c%c", d->path, (unsigned long long)s->va,
                (unsigned long long)(s->va + s->size), s->read ? 'r' : '-', s->write ? 'w' : '-',
                s->exec ? 'x' : '-');
        code = outfile_open(&f, name.p, d->force);
        if (code == EXIT_WELL) {
            code = copy_mapping(d, &f, p->dtb, s, 0);
            code = code ? code : outfile_set_size(&f, s->size);
            if (code)
                outfile_abandon(&f);
            else
                code = outfile_commit(&f);
        }
        str_free(&name);
    }
    return code;
}

int dump_process(struct dump *d, vmi_pid_t pid)
{
    struct vmi_process p;
    struct vmi_outcome o = {0};
    struct mappings m = {0};
    if (vmi_get_process(d->run->vmi, pid, &p) != VMI_SUCCESS)
        return guest_error(d->run, NULL);
    if (p.flags & VMI_PROCESS_KERNEL) {
        complain(NULL, "%d is a kernel thread; it has no memory of its own", pid);
        return EXIT_NO;
    }
    if (vmi_each_vma(d->run->vmi, pid, keep, &m, &o) != VMI_SUCCESS) {
        forget(&m);
        return guest_error(d->run, "cannot list the mappings");
    }
    for (size_t i = 0; i < m.n; i++)
        d->total += m.at[i].size;
    progress_start(&d->progress, "dumping", d->total);
    int code = !strcmp(d->to, "dir") ? dump_directory(d, &p, &m) : dump_core(d, &p, &m);
    progress_end(&d->progress);
    if (code == EXIT_WELL && o.partial) {
        complain(NULL, "the list of mappings is not complete: %s", o.reason);
        code = EXIT_PARTIAL;
    }
    forget(&m);
    return code;
}

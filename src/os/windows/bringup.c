/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a guess about the page table to a view: KUSER_SHARED_DATA proves the guess, the image is
 * found through it, then symbols (exports, a profile, the debugger block), offsets (a profile, or
 * inferred), facts.
 */
#include "os/windows/bringup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <tinyvmi/tinyvmi.h>

#include "os/windows/find.h"
#include "os/windows/infer.h"
#include "os/windows/kdbg.h"
#include "os/windows/symbols.h"
#include "os/windows/version.h"
#include "os/windows/windows.h"

enum { MAX_SEARCHES = 16, MAX_TAGS = 1024 };

struct bringup {
    struct windows_view *w;
    unsigned searches;      /* for an image, made so far: only a forged memory asks for many */
    struct win_guess guess; /* the proved one */
};

/* ---- proving a guess ---- */

static int read_shared(const struct aspace *as, enum form_id form, struct win_shared *ret)
{
    uint8_t page[WIN_SHARED_SIZE];
    int st = aspace_read(as, GVA(win_shared_data(form)), page, sizeof page, NULL);
    if (st != ST_OK)
        return st;
    return win_shared_parse((struct bytes){page, sizeof page}, ret) ? ST_OK : ST_BROKEN;
}

int win_image_read(void *arg, uint64_t rva, void *buf, size_t n)
{
    const struct win_image_at *a = arg;
    return aspace_read(a->as, GVA(a->base + rva), buf, n, NULL);
}

static int prove(void *arg, const struct win_guess *g)
{
    struct bringup *b = arg;
    struct windows_view *w = b->w;
    struct osview *v = w->v;
    struct aspace as;
    struct win_shared shared;
    aspace_init(&as, &v->source->phys, g->form, paging_root(g->form, g->root));
    if (read_shared(&as, g->form, &shared) != ST_OK)
        return ST_ABSENT;
    if (b->searches++ >= MAX_SEARCHES || win_find_image(&as, g->form, g->entry, &w->base) != ST_OK)
        return ST_ABSENT;
    struct win_image_at at = {&as, w->base};
    struct pe_reader r = {win_image_read, &at};
    if (pe_open(&r, &w->image) != ST_OK)
        return ST_ABSENT;
    (void)!pe_pdb(&r, &w->image, &w->pdb);
    v->kernel = as;
    v->form = g->form;
    v->ptr_size = g->form == FORM_X86_4LEVEL || g->form == FORM_X86_5LEVEL ? 8 : 4;
    v->arch = v->ptr_size == 8 ? ARCH_X86_64 : ARCH_X86;
    b->guess = *g;
    return ST_OK;
}

/* ---- the debugger block ---- */

/* The block at `at`, decoded when it is encoded and the keys are known. */
static int read_kdbg(struct windows_view *w, uint64_t at, struct kdbg *ret)
{
    uint8_t block[KDBG_MAX];
    uint64_t never_at, always_at, flag, never, always;
    size_t n = 0;
    (void)!aspace_read(&w->v->kernel, GVA(at), block, sizeof block, &n);
    if (kdbg_parse((struct bytes){block, n}, w->v->ptr_size, w->base, ret) == ST_OK)
        return ST_OK;
    if (w->v->ptr_size != 8 || win_symbol(w, "KiWaitNever", &never_at) != ST_OK ||
        win_symbol(w, "KiWaitAlways", &always_at) != ST_OK ||
        win_symbol(w, "KdpDataBlockEncoded", &flag) != ST_OK ||
        aspace_read64(&w->v->kernel, GVA(never_at), &never) != ST_OK ||
        aspace_read64(&w->v->kernel, GVA(always_at), &always) != ST_OK)
        return ST_ABSENT;
    kdbg_decode(block, n, never, always, flag);
    return kdbg_parse((struct bytes){block, n}, w->v->ptr_size, w->base, ret);
}

/* Without a symbol: the tag, in the image. */
static int scan_kdbg(struct windows_view *w, uint64_t *at, struct kdbg *ret)
{
    uint8_t buf[2 * 4096];
    unsigned left = MAX_TAGS;
    for (uint64_t rva = 0; rva < w->image.size && left; rva += 4096) {
        size_t n = 0;
        (void)!aspace_read(&w->v->kernel, GVA(w->base + rva), buf, sizeof buf, &n);
        struct bytes page = {buf, MIN_OF(n, (size_t)4096 + KDBG_TAG_AT + 4)};
        for (size_t i = 0; left && (i = kdbg_search(page, i)) < page.n; i += 4, left--)
            if (read_kdbg(w, w->base + rva + i, ret) == ST_OK) {
                *at = w->base + rva + i;
                return ST_OK;
            }
    }
    return ST_ABSENT;
}

static void open_kdbg(struct windows_view *w)
{
    struct kdbg k;
    uint64_t at;
    const char *how = "symbol KdDebuggerDataBlock";
    int st = win_symbol(w, "KdDebuggerDataBlock", &at);
    if (st == ST_OK)
        st = read_kdbg(w, at, &k);
    if (st != ST_OK) {
        how = "its tag in the kernel image";
        st = scan_kdbg(w, &at, &k);
    }
    if (st != ST_OK) {
        os_fact(w->v, "debugger block", "looked for its tag in the kernel image", "%s",
                w->v->ptr_size == 8
                    ? "not found: encoded (the keys are in a profile), or not in memory"
                    : "not found");
        return;
    }
    w->kdbg = at;
    kdbg_offsets(&k, &w->told);
    win_symbols_add_kdbg(w, &k);
    os_fact(w->v, "debugger block", how, "%#" PRIx64 ", %u bytes", at, k.size);
}

/* ---- variables, offsets, root ---- */

static void find_variables(struct windows_view *w)
{
    uint64_t at;
    (void)!win_symbol(w, "PsActiveProcessHead", &w->process_head);
    (void)!win_symbol(w, "PsLoadedModuleList", &w->module_head);
    if (win_symbol(w, "PsInitialSystemProcess", &at) != ST_OK ||
        read_ptr(&w->v->kernel, w->v->ptr_size, at, &w->system_process) != ST_OK ||
        !win_kernel_pointer(w, w->system_process))
        w->system_process = 0;
}

/* The System process' page table: it maps no user memory, and the guess may have been any process'.
 */
static void settle_root(struct bringup *b)
{
    struct windows_view *w = b->w;
    struct osview *v = w->v;
    uint64_t reg, pa, want, left;
    const char *how = b->guess.how;
    struct aspace as = v->kernel;
    if (w->system_process &&
        win_ptr(w, &v->kernel, w->system_process, W_process_dtb, &reg) == ST_OK) {
        as.half[0].root = as.half[1].root = paging_root(v->form, reg);
        if (aspace_translate(&v->kernel, GVA(w->base), &want, &left) == ST_OK &&
            aspace_translate(&as, GVA(w->base), &pa, &left) == ST_OK && pa == want) {
            v->kernel = as;
            how = "DirectoryTableBase of the System process";
        }
    }
    v->info.root = v->kernel.half[1].root;
    os_fact(v, "page table root", how, "%#" PRIx64 ", %s", v->info.root,
            paging_form(v->form)->name);
}

/* ---- facts ---- */

static void read_version(struct windows_view *w)
{
    struct vmi_kernel *k = &w->v->info;
    char lab[128] = "";
    uint64_t at;
    uint32_t n;
    if (win_symbol(w, "NtBuildNumber", &at) == ST_OK &&
        aspace_read32(&w->v->kernel, GVA(at), &n) == ST_OK)
        w->build = n & 0xffff; /* the high bits tell free (0xf) from checked (0xc) */
    if (win_symbol(w, "NtBuildLab", &at) == ST_OK)
        (void)aspace_read_str(&w->v->kernel, GVA(at), lab, sizeof lab);
    snprintf(k->release, sizeof k->release, "%u.%u.%u", w->major, w->minor, w->build);
    snprintf(k->banner, sizeof k->banner, "%s (build %u)%s%s",
             win_version_name(w->build, w->server), w->build, lab[0] ? ", " : "", lab);
    k->build = w->build;
    k->major = w->major;
    k->minor = w->minor;
}

static int win_refresh(struct osview *v)
{
    struct windows_view *w = win_of(v);
    struct vmi_kernel *k = &v->info;
    struct win_shared s;
    int st = read_shared(&v->kernel, v->form, &s);
    if (st != ST_OK)
        return st;
    w->major = s.major;
    w->minor = s.minor;
    w->server = s.server;
    if (!w->build)
        w->build = s.build;
    if (s.up < s.now && s.up < UINT64_MAX / 100) {
        k->uptime_ns = s.up * 100;
        k->boot_time_s = win_time(s.now - s.up);
    }
    k->cpus_online = s.processors;
    return ST_OK;
}

static int has_two_tables(const struct vmi_process *p, void *data)
{
    bool *two = data;
    *two = p->user_dtb != 0;
    return *two;
}

/* KPTI ("kernel virtual address shadow"): the kernel says so, or a process has a second table. */
static void find_isolation(struct windows_view *w)
{
    struct osview *v = w->v;
    struct vmi_outcome o = {0};
    uint64_t at;
    uint8_t on = 0;
    bool two = false;
    if (win_symbol(w, "KiKvaShadow", &at) == ST_OK)
        (void)!aspace_read(&v->kernel, GVA(at), &on, 1, NULL);
    if (!on && win_has(w, W_process_user_dtb) && w->process_head && win_has(w, W_process_links))
        (void)!win_processes(v, 0, has_two_tables, &two, &o);
    v->info.page_table_isolation = on || two;
    if (v->info.page_table_isolation)
        os_fact(v, "page table isolation", on ? "symbol KiKvaShadow" : "processes have two tables",
                "user mode runs on tables of its own");
}

static void kernel_facts(struct bringup *b)
{
    struct windows_view *w = b->w;
    struct osview *v = w->v;
    struct vmi_kernel *k = &v->info;
    uint64_t left;
    k->os = VMI_KIND_WINDOWS;
    snprintf(k->arch, sizeof k->arch, "%s", v->ptr_size == 8 ? "x86-64" : "i386");
    snprintf(k->paging, sizeof k->paging, "%s", paging_form(v->form)->name);
    k->text_va = w->base;
    (void)!aspace_translate(&v->kernel, GVA(w->base), &k->text_pa, &left);
    k->image_size = w->image.size;
    k->symbols = v->symbols.ops ? v->symbols.ops->count(v->symbols.self) : 0;
    k->types = v->types.ops ? v->types.ops->count(v->types.self) : 0;
    os_fact(v, "kernel",
            b->guess.entry ? "downwards from the low stub's entry point"
                           : "image that exports as ntoskrnl.exe",
            "image at %#" PRIx64 ", physical %#" PRIx64, w->base, k->text_pa);
    if (w->pdb.file[0])
        os_fact(v, "PDB", "debug directory of the kernel image", "%.48s, GUID %s, age %u",
                w->pdb.file, w->pdb.guid, w->pdb.age);
    if (!v->types.ops && w->pdb.file[0])
        os_fact(
            v, "profile",
            "none given: get this PDB, make its ISF (pdbconv.py of Volatility 3), --profile FILE",
            "https://msdl.microsoft.com/download/symbols/%.24s/%s%X/%.24s", w->pdb.file,
            w->pdb.guid, w->pdb.age, w->pdb.file);
    find_isolation(w);
}

/* ---- the probe ---- */

static int win_known_member(struct osview *v, const char *type, const char *member, uint64_t *ret)
{
    struct windows_view *w = win_of(v);
    static const struct {
        const char *type, *member;
        enum layout_id id;
    } rows[] = {
        {"_KPROCESS", "DirectoryTableBase", W_process_dtb},
        {"_EPROCESS", "UniqueProcessId", W_process_pid},
        {"_EPROCESS", "ActiveProcessLinks", W_process_links},
        {"_EPROCESS", "ImageFileName", W_process_name},
        {"_EPROCESS", "InheritedFromUniqueProcessId", W_process_ppid},
        {"_EPROCESS", "Peb", W_process_peb},
        {"_EPROCESS", "CreateTime", W_process_create},
        {"_LDR_DATA_TABLE_ENTRY", "BaseDllName", W_ldr_name},
        {"_LDR_DATA_TABLE_ENTRY", "DllBase", W_ldr_base},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!strcmp(rows[i].type, type) && !strcmp(rows[i].member, member) &&
            win_has(w, rows[i].id)) {
            *ret = w->m[rows[i].id].off;
            return ST_OK;
        }
    return ST_ABSENT;
}

/* LibVMI's names; "win_server" is ours. */
static int win_number(struct osview *v, const char *name, uint64_t *ret)
{
    struct windows_view *w = win_of(v);
    uint64_t pcr = 0;
    if (win_symbol(w, "KiInitialPCR", &pcr) == ST_OK)
        pcr -= w->base;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"win_ntoskrnl", v->info.text_pa},
        {"win_ntoskrnl_va", w->base},
        {"win_kdvb", w->kdbg},
        {"win_kdbg", w->kdbg ? w->kdbg - w->base : 0},
        {"win_sysproc", w->system_process},
        {"win_kpcr", pcr},
        {"win_server", w->server},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!strcmp(rows[i].name, name)) {
            *ret = rows[i].value;
            return ST_OK;
        }
    return ST_ABSENT;
}

static void win_close(struct osview *v)
{
    free(v->impl);
    v->impl = NULL;
}

static const struct os_ops windows_ops = {
    .processes = win_processes,
    .process = win_process,
    .cmdline = win_cmdline,
    .vmas = win_vmas,
    .threads = win_threads,
    .dlls = win_dlls,
    .handles = win_handles,
    .modules = win_modules,
    .number = win_number,
    .check = win_check,
    .process_space = win_process_space,
    .refresh = win_refresh,
    .known_member = win_known_member,
    .close = win_close,
};

/* What the probes before this one tell is as interesting: it stays in front. */
static int nothing_found(const struct source *source, const struct os_options *options,
                         struct diag *d)
{
    char before[sizeof d->text] = "";
    if (options->effort == OS_EFFORT_BYTES && options->kind == VMI_KIND_NONE &&
        d->code == ST_ABSENT)
        snprintf(before, sizeof before, "%.380s; ", d->text);
    return diag_fail(
        d, ST_ABSENT,
        "%sno Windows kernel was found in %s: no table maps itself and KUSER_SHARED_DATA", before,
        source->name);
}

int windows_probe(struct source *source, const struct os_options *options, struct diag *d,
                  struct osview *ret)
{
    struct windows_view *w = calloc(1, sizeof *w);
    struct bringup b = {.w = w};
    if (!w)
        return diag_fail(d, ST_NOMEM, "out of memory");
    *ret = (struct osview){.ops = &windows_ops, .source = source, .diag = d, .impl = w};
    w->v = ret;
    if (win_find(source, options->flags, options->effort, prove, &b) != ST_OK)
        return nothing_found(source, options, d);
    win_policy_init(w);
    int st = win_symbols_open(w, options->profile);
    if (st != ST_OK)
        return st == ST_ABSENT ? ST_BROKEN : st; /* it is Windows: no other system is to be tried */
    win_layout_resolve(w);
    win_policy_settle(w);
    open_kdbg(w);
    find_variables(w);
    (void)!win_refresh(ret);
    read_version(w);
    win_infer_processes(w, &w->told);
    settle_root(&b);
    win_pcr_find(w, !(options->flags & VMI_OPEN_NO_REGISTERS));
    win_objects_open(w);
    kernel_facts(&b);
    return ST_OK;
}

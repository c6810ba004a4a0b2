/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a guess about where the kernel is to a view of it: symbols, types, offsets, page tables,
 * facts. A guess is proved when the image has a kernel banner and symbols that can be decoded (or a
 * profile gives them).
 */
#define _GNU_SOURCE
#include "os/linux/bringup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <tinyvmi/tinyvmi.h>

#include "../platform/platform.h"
#include "os/linux/find.h"
#include "os/linux/infer.h"
#include "os/linux/linux.h"
#include "os/linux/symbols.h"
#include "sym/btf.h"
#include "sym/kallsyms.h"
#include "sym/vmlinux.h"

struct bringup {
    struct linux_view *l;
    struct bytes part;   /* the searched part of the image */
    uint64_t part_off;   /* where it begins in the image */
    struct diag refused; /* why what the user gave was refused: ends the search */
};

/* ---- the image's bytes ---- */

static void drop_image(struct linux_view *l)
{
    free(l->image.copy);
    if (l->image.held.p)
        phys_release(&l->v->source->phys, l->image.held.p, l->image.held.n);
    l->image.copy = NULL;
    l->image.held = (struct bytes){0};
}

/* Makes [off, off+n) of the image readable: mapped where the source maps, else a private copy. */
static int image_bytes(struct bringup *b, const struct lx_guess *g, uint64_t off, uint64_t n)
{
    struct linux_view *l = b->l;
    struct phys *phys = &l->v->source->phys;
    size_t avail, got;
    const uint8_t *p = phys_ptr(phys, g->pa + off, &avail);
    drop_image(l);
    if (p && avail >= n && phys_find(phys, g->pa + off)->host) {
        b->part = (struct bytes){p, (size_t)n};
    } else if ((p = phys_hold(phys, g->pa + off, (size_t)n)) != NULL) {
        b->part = l->image.held = (struct bytes){p, (size_t)n};
    } else {
        uint8_t *copy = malloc((size_t)n);
        if (!copy)
            return ST_NOMEM;
        int st = phys_read(phys, g->pa + off, copy, (size_t)n, &got);
        if (st != ST_OK && got < n / 2) {
            free(copy);
            return st;
        }
        l->image.copy = copy;
        b->part = (struct bytes){copy, got};
    }
    b->part_off = off;
    return ST_OK;
}

/* ---- symbols ---- */

static void kallsyms_hint(const struct lx_guess *g, struct kallsyms_hint *ret)
{
    static const struct {
        const char *key;
        size_t at;
    } rows[] = {{"SYMBOL(kallsyms_names)", offsetof(struct kallsyms_hint, names)},
                {"SYMBOL(kallsyms_num_syms)", offsetof(struct kallsyms_hint, num_syms)},
                {"SYMBOL(kallsyms_token_table)", offsetof(struct kallsyms_hint, token_table)},
                {"SYMBOL(kallsyms_token_index)", offsetof(struct kallsyms_hint, token_index)},
                {"SYMBOL(kallsyms_offsets)", offsetof(struct kallsyms_hint, offsets)},
                {"SYMBOL(kallsyms_relative_base)", offsetof(struct kallsyms_hint, relative_base)}};
    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < ARRAY_LEN(rows) && g->vmcoreinfo.p; i++)
        (void)lx_vmcoreinfo_number(g->vmcoreinfo, rows[i].key, 16,
                                   (uint64_t *)((char *)ret + rows[i].at));
}

static int open_kallsyms(struct bringup *b, const struct lx_guess *g)
{
    struct linux_view *l = b->l;
    struct kallsyms_hint hint;
    struct kallsyms_layout layout;
    struct kallsyms_image image = {.bytes = b->part,
                                   .va = g->va ? g->va + b->part_off : 0,
                                   .ptr_size = g->arch == ARCH_X86 ? 4 : 8};
    if (l->flags & VMI_OPEN_NO_KALLSYMS)
        return ST_ABSENT;
    kallsyms_hint(g, &hint);
    int st = kallsyms_locate(&image, &hint, NULL, &layout);
    if (st != ST_OK)
        return st;
    return kallsyms_open(&image, &layout, NULL, &l->kallsyms);
}

static int symbol_of(const struct symtab *t, const char *name, uint64_t *ret)
{
    struct vmi_symbol s;
    int st = t->ops ? t->ops->by_name(t->self, name, &s) : ST_ABSENT;
    if (st == ST_OK)
        *ret = s.address;
    return st;
}

/* The same by all that is known: the kernel's own table, else what the user gave, moved. */
static int known_symbol(const struct linux_view *l, const struct lx_guess *g, const char *name,
                        uint64_t *ret)
{
    uint64_t slide, from, va;
    if (symbol_of(&l->kallsyms, name, ret) == ST_OK)
        return ST_OK;
    if (!g->va ||
        lx_given_slide(&l->given, &l->kallsyms, g->vmcoreinfo, g->va, &slide, &from) != ST_OK ||
        lx_given_symbol(&l->given, name, &va) != ST_OK)
        return ST_ABSENT;
    *ret = va >= from ? va + slide : va;
    return ST_OK;
}

/* The image's virtual address when the guess did not know it: from a symbol whose place in the
 * image is known. */
static int settle_va(struct bringup *b, struct lx_guess *g)
{
    uint64_t va;
    char banner[256];
    /* tables of arm64 with 4 KiB pages read like those of x86-64: where the kernel is linked tells
     * the two apart */
    if (!g->va && g->arch != ARCH_X86 && symbol_of(&b->l->kallsyms, "_stext", &va) == ST_OK &&
        (g->arch == ARCH_X86_64) != (va >= 0xffffffff80000000ULL))
        return ST_ABSENT;
    if (g->va)
        return ST_OK;
    if (g->arch == ARCH_X86) {
        /* the linear map; checked by the page tables below */
        uint64_t pa = g->pa;
        if (symbol_of(&b->l->kallsyms, "_text", &va) != ST_OK || va - 0xc0000000 - pa >= g->size)
            return lx_given_symbols(&b->l->given) ? lx_given_place(b->l, g, &b->part_off)
                                                  : ST_ABSENT;
        g->va = va;
        g->pa = va - 0xc0000000;
        g->size -= g->pa - pa;
        b->part_off -= g->pa - pa;
        return ST_OK;
    }
    if (g->arch == ARCH_ARM64 && !strcmp(g->how, "arm64 image header") &&
        symbol_of(&b->l->kallsyms, "_text", &va) == ST_OK) {
        g->va = va;
        return ST_OK;
    }
    if (symbol_of(&b->l->kallsyms, "linux_banner", &va) == ST_OK) {
        const uint8_t *p = banner_search(b->part, banner, sizeof banner);
        if (p) {
            g->va = va - (b->part_off + (uint64_t)(p - b->part.p));
            return ST_OK;
        }
    }
    if (symbol_of(&b->l->kallsyms, "_stext", &va) == ST_OK) {
        uint64_t pa = g->pa;
        g->va = va;
        if (lx_find_root_in_window(b->l->v->source, g) == ST_OK) {
            b->part_off -= g->pa - pa;
            return ST_OK;
        }
        g->va = 0;
    }
    return lx_given_symbols(&b->l->given) ? lx_given_place(b->l, g, &b->part_off) : ST_ABSENT;
}

/* ---- page tables ---- */

static void set_space(struct linux_view *l, const struct lx_guess *g)
{
    struct osview *v = l->v;
    v->arch = g->arch;
    v->ptr_size = g->arch == ARCH_X86 || g->arch == ARCH_ARM32 ? 4 : 8;
    v->form = g->form;
    aspace_init(&v->kernel, &v->source->phys, g->form, g->root);
    v->kernel.addr_clear = g->addr_clear;
    if (g->arch == ARCH_ARM64)
        v->kernel.split = 1ULL << 63;
}

/* The kernel's own top table, where the guess had another's (a process's, the trampoline's) or
 * none. */
static int settle_root(struct bringup *b, struct lx_guess *g, const char **how)
{
    static const char *const names[] = {"init_top_pgt", "swapper_pg_dir", "init_level4_pgt"};
    struct linux_view *l = b->l;
    uint64_t va, pa, left, given = l->given.settings.kpgd;
    struct aspace as;
    *how = g->how;
    if (given && g->have_root && g->root == (given & paging_form(g->form)->root_mask))
        return ST_OK; /* the user's word */
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (known_symbol(l, g, names[i], &va) != ST_OK || va - g->va >= g->size)
            continue;
        if (!g->have_root && lx_root_at(l->v->source, g, va - g->va + g->pa) == ST_OK) {
            *how = names[i];
            return ST_OK;
        }
        if (!g->have_root)
            continue;
        aspace_init(&as, &l->v->source->phys, g->form, va - g->va + g->pa);
        as.addr_clear = g->addr_clear;
        as.split = g->arch == ARCH_ARM64 ? 1ULL << 63 : 0;
        if (aspace_translate(&as, GVA(g->va), &pa, &left) == ST_OK && pa == g->pa) {
            g->root = va - g->va + g->pa;
            *how = names[i];
            return ST_OK;
        }
    }
    if (g->have_root && (g->arch != ARCH_X86_64 || !strcmp(g->how, "CR3 of a vCPU")))
        return ST_OK;
    *how = "page of the image that maps the image";
    return lx_find_root(l->v->source, g);
}

/* ---- types ---- */

static void open_types(struct bringup *b, const struct lx_guess *g)
{
    struct linux_view *l = b->l;
    struct osview *v = l->v;
    uint64_t start, stop;
    struct bytes blob = {0};
    const char *how = "__start_BTF";
    if (l->flags & VMI_OPEN_NO_BTF)
        return;
    if (lx_symbol(l, "__start_BTF", &start) == ST_OK &&
        lx_symbol(l, "__stop_BTF", &stop) == ST_OK && stop > start)
        blob = bytes_sub(b->part, start - g->va - b->part_off, stop - start);
    if (!blob.p || btf_open(blob, v->ptr_size, NULL, NULL, &v->types) != ST_OK) {
        how = "BTF's magic number";
        for (uint64_t from = 0; btf_search(b->part, from, &blob) == ST_OK;
             from = (uint64_t)(blob.p - b->part.p) + 2)
            if (btf_open(blob, v->ptr_size, NULL, NULL, &v->types) == ST_OK)
                break;
    }
    if (v->types.ops) {
        v->info.types = v->types.ops->count(v->types.self);
        os_fact(v, "types", how, "%" PRIu64 " types of BTF", v->info.types);
    }
}

/* ---- facts ---- */

static const struct {
    enum guest_arch arch;
    const char *name;
    uint64_t link_va; /* of _text without KASLR; 0: not the same for all */
} arch_rows[] = {
    {ARCH_X86, "i386", 0xc1000000},
    {ARCH_X86_64, "x86-64", 0xffffffff81000000},
    {ARCH_ARM64, "arm64", 0},
    {ARCH_ARM32, "arm", 0},
};

static void kernel_facts(struct bringup *b, const struct lx_guess *g, const char *root_how)
{
    struct linux_view *l = b->l;
    struct osview *v = l->v;
    struct vmi_kernel *k = &v->info;
    uint64_t n;
    k->os = VMI_KIND_LINUX;
    for (size_t i = 0; i < ARRAY_LEN(arch_rows); i++)
        if (arch_rows[i].arch == g->arch) {
            snprintf(k->arch, sizeof k->arch, "%s", arch_rows[i].name);
            k->slide = (int64_t)(g->va - arch_rows[i].link_va);
            k->slide_known = arch_rows[i].link_va != 0;
        }
    if (g->vmcoreinfo.p && lx_vmcoreinfo_number(g->vmcoreinfo, "KERNELOFFSET", 16, &n)) {
        k->slide = (int64_t)n;
        k->slide_known = true;
    }
    snprintf(k->paging, sizeof k->paging, "%s", paging_form(g->form)->name);
    (void)sscanf(k->banner, "Linux version %71s", k->release);
    k->text_va = g->va;
    k->text_pa = g->pa;
    /* arm64's image begins with its header, one segment in front of _stext, where the guess may be
     */
    if (symbol_of(&l->kallsyms, "_text", &n) == ST_OK && g->va - n <= 1 << 20 && n <= g->va) {
        k->text_va = n;
        k->text_pa = g->pa - (g->va - n);
    }
    k->image_size = g->size;
    k->root = v->kernel.half[1].root;
    if (g->arch == ARCH_X86_64) {
        k->phys_base = g->pa - (g->va - 0xffffffff80000000ULL);
    }
    os_fact(v, "kernel", g->how, "image at %#" PRIx64 ", physical %#" PRIx64, g->va, g->pa);
    os_fact(v, "page table root", root_how, "%#" PRIx64 ", %s", k->root, k->paging);
    if (k->slide_known)
        os_fact(v, "KASLR slide",
                g->vmcoreinfo.p ? "vmcoreinfo" : "image address less link address", "%#" PRIx64,
                (uint64_t)k->slide);
}

/* The linear map: where the kernel says it is, or where a task that was allocated lies. */
static void find_direct_map(struct linux_view *l)
{
    struct vmi_kernel *k = &l->v->info;
    uint64_t at, next, pa, left;
    const char *how = "page_offset_base";
    if (lx_symbol(l, "page_offset_base", &at) != ST_OK ||
        aspace_read64(&l->v->kernel, GVA(at), &k->direct_map) != ST_OK) {
        how = "the second task's addresses";
        if (!l->init_task || lx_ptr(l, l->init_task, L_task_tasks, &next) != ST_OK ||
            aspace_translate(&l->v->kernel, GVA(next), &pa, &left) != ST_OK ||
            (next - pa) & 0xfffff)
            return;
        k->direct_map = next - pa;
    }
    os_fact(l->v, "linear map", how, "%#" PRIx64, k->direct_map);
}

/* Page-table isolation: the top table is the lower half of an 8 KiB pair; the user half maps user
 * entries, too. */
static void detect_isolation(struct linux_view *l)
{
    uint64_t flag, at, word;
    struct vmi_kernel *k = &l->v->info;
    if (l->v->arch != ARCH_X86_64)
        return;
    /* X86_FEATURE_PTI is word 7 bit 11 of the capabilities (arch/x86/include/asm/cpufeatures.h,
     * since 4.15) */
    if (lx_symbol(l, "boot_cpu_data", &at) == ST_OK && lx_has(l, L_cpuinfo_capability) &&
        aspace_read64(&l->v->kernel, GVA(at + lx_off(l, L_cpuinfo_capability) + 7 * 4), &word) ==
            ST_OK) {
        k->page_table_isolation = word >> 11 & 1;
        os_fact(l->v, "page table isolation", "boot_cpu_data.x86_capability", "%s",
                k->page_table_isolation ? "on" : "off");
        return;
    }
    if (lx_symbol(l, "init_mm", &flag) == ST_OK)
        os_fact(l->v, "page table isolation", "not known", "?");
}

/*
 * The timekeeper: in tk_core, behind its sequence counter (kernel/time/timekeeping.c); where
 * kallsyms has no variables, the object in kernel data whose offs_real is its wall_to_monotonic
 * with the sign turned, as the kernel keeps them.
 */
static void find_timekeeper(struct linux_view *l)
{
    struct osview *v = l->v;
    uint64_t at, real, sec, nsec;
    uint8_t page[4096 + 16];
    if (!lx_has(l, L_timekeeper_xtime_sec) || !lx_has(l, L_timekeeper_offs_real))
        return;
    if (lx_symbol(l, "tk_core", &at) == ST_OK) {
        l->timekeeper =
            at + (lx_has(l, L_tk_data_timekeeper) ? lx_off(l, L_tk_data_timekeeper) : 8);
        return;
    }
    for (uint64_t off = 0; off < MIN_OF(l->image.size, 128u << 20); off += 4096) {
        if (aspace_read(&v->kernel, GVA(l->image.va + off), page, 4096, NULL) != ST_OK)
            continue;
        for (size_t i = 0; i < 4096; i += 8) {
            real = le64(page + i);
            if (real < 1000000000ULL * 1000000000 ||
                real > 4000000000ULL * 1000000000) /* 2001 to 2096 */
                continue;
            at = l->image.va + off + i - lx_off(l, L_timekeeper_offs_real);
            if (lx_read(l, at, L_timekeeper_wall_to_mono, &sec) == ST_OK &&
                lx_read(l, at, L_timekeeper_wall_to_mono_nsec, &nsec) == ST_OK &&
                real == (uint64_t) - (int64_t)(sec * 1000000000u + nsec) &&
                lx_read(l, at, L_timekeeper_xtime_sec, &sec) == ST_OK &&
                sec >= real / 1000000000u && sec - real / 1000000000u < 100u * 365 * 86400) {
                l->timekeeper = at;
                os_fact(v, "timekeeper", "offsets that must be each other's negative", "%#" PRIx64,
                        at);
                return;
            }
        }
    }
}

int lx_refresh(struct osview *v)
{
    struct linux_view *l = lx_of(v);
    struct vmi_kernel *k = &v->info;
    uint64_t at, n, real = 0, boot = 0, sec = 0;
    if (lx_has(l, L_uts_name) && lx_symbol(l, "init_uts_ns", &at) == ST_OK)
        (void)lx_text(l, at + lx_off(l, L_uts_name) + lx_off(l, L_utsname_nodename), k->hostname,
                      MIN_OF(sizeof k->hostname, (size_t)65));
    if (lx_symbol(l, "__num_online_cpus", &at) == ST_OK &&
        aspace_read64(&v->kernel, GVA(at), &n) == ST_OK)
        k->cpus_online = (uint32_t)n;
    if (lx_has(l, L_timekeeper_xtime_sec) && l->timekeeper) {
        at = l->timekeeper;
        if (lx_read(l, at, L_timekeeper_xtime_sec, &sec) == ST_OK &&
            lx_read(l, at, L_timekeeper_offs_real, &real) == ST_OK &&
            lx_read(l, at, L_timekeeper_offs_boot, &boot) == ST_OK && real > boot &&
            sec > (real - boot) / 1000000000u) {
            uint64_t shift = 0, frac = 0;
            k->boot_time_s = (real - boot) / 1000000000u;
            if (lx_read(l, at, L_timekeeper_shift, &shift) == ST_OK && shift < 64 &&
                lx_read(l, at, L_timekeeper_xtime_nsec, &frac) == ST_OK)
                frac >>= shift;
            k->uptime_ns = sec * 1000000000u + (frac < 1000000000u ? frac : 0) - (real - boot);
        }
    }
    return ST_OK;
}

static const struct os_ops linux_ops = {
    .processes = lx_processes,
    .process = lx_process,
    .cmdline = lx_cmdline,
    .vmas = lx_vmas,
    .files = lx_files,
    .modules = lx_modules,
    .log = lx_log,
    .mounts = lx_mounts,
    .sockets = lx_sockets,
    .check = lx_check,
    .frames = lx_frames,
    .current = lx_current,
    .process_by_root = lx_process_by_root,
    .syscall = lx_syscall,
    .syscall_entry = lx_syscall_entry,
    .module_symbol = lx_module_symbol,
    .module_nearest = lx_module_nearest,
    .each_module_symbol = lx_each_module_symbol,
    .module_types = lx_module_types,
    .process_space = lx_process_space,
    .refresh = lx_refresh,
    .known_member = lx_known_member,
    .close = lx_close,
};

/* A given profile keeps its types. */
static void close_types(struct linux_view *l)
{
    struct osview *v = l->v;
    if (v->types.ops && !l->types_given)
        v->types.ops->close(v->types.self);
    v->types = (struct types){0};
    l->types_given = false;
}

void lx_close(struct osview *v)
{
    struct linux_view *l = lx_of(v);
    if (!l)
        return;
    lx_symbols_close(l);
    lx_module_types_close(l);
    close_types(l);
    lx_given_close(&l->given);
    drop_image(l);
    free(l);
    v->impl = NULL;
}

/* Undoes what a guess that failed left behind. */
static void drop(struct linux_view *l)
{
    lx_symbols_close(l);
    close_types(l);
    l->v->nr_facts = 0;
    memset(&l->v->info, 0, sizeof l->v->info);
    memset(l->m, 0, sizeof l->m);
}

/*
 * Does what the user gave tell where this very banner is? Then it is this kernel's, complete, and
 * moved as we think: the kernel's own table need not be decoded.
 */
static bool given_fits(const struct bringup *b, const struct lx_guess *g, const uint8_t *banner)
{
    const struct lx_given *given = &b->l->given;
    const struct symtab *t = given->sysmap.ops ? &given->sysmap : &given->profile.symbols;
    uint64_t slide, from, at, task;
    return g->va && t->ops && t->ops->count(t->self) >= 10000 &&
           lx_given_slide(given, &b->l->kallsyms, g->vmcoreinfo, g->va, &slide, &from) == ST_OK &&
           lx_given_symbol(given, "linux_banner", &at) == ST_OK &&
           lx_given_symbol(given, "init_task", &task) == ST_OK &&
           at + slide == g->va + b->part_off + (uint64_t)(banner - b->part.p);
}

static int prove(void *arg, const struct lx_guess *guess)
{
    struct bringup *b = arg;
    struct linux_view *l = b->l;
    struct lx_guess g = *guess;
    const char *root_how;
    char banner[256];
    if (b->refused.code != ST_OK)
        return ST_ABSENT;
    if (!g.size ||
        image_bytes(b, &g, g.ro_size ? g.ro : 0, g.ro_size ? g.ro_size : g.size) != ST_OK)
        return ST_ABSENT;
    const uint8_t *at = banner_search(b->part, banner, sizeof banner);
    if (!at)
        return ST_ABSENT;
    if (l->given.error.code != ST_OK) {
        b->refused = l->given.error;
        return ST_ABSENT;
    }
    int st = given_fits(b, &g, at) ? ST_ABSENT : open_kallsyms(b, &g);
    if (st != ST_OK && !lx_given_symbols(&l->given))
        return st;
    if (settle_va(b, &g) != ST_OK || settle_root(b, &g, &root_how) != ST_OK) {
        drop(l);
        return ST_ABSENT;
    }
    set_space(l, &g);
    snprintf(l->v->info.banner, sizeof l->v->info.banner, "%s", banner);
    l->image.va = g.va;
    l->image.pa = g.pa;
    l->image.size = g.size;
    l->vmcoreinfo[0] = '\0';
    if (g.vmcoreinfo.p && g.vmcoreinfo.n < sizeof l->vmcoreinfo) {
        memcpy(l->vmcoreinfo, g.vmcoreinfo.p, g.vmcoreinfo.n);
        l->vmcoreinfo[g.vmcoreinfo.n] = '\0';
    }
    kernel_facts(b, &g, root_how);
    st = lx_symbols_open(l, b->part, g.va + b->part_off);
    if (st != ST_OK) {
        if (st == ST_INVALID)
            b->refused = *l->v->diag;
        drop(l);
        return st;
    }
    if (!l->v->types.ops)
        open_types(b, &g);
    lx_layout_resolve(l);
    lx_given_members(l);
    (void)lx_symbol(l, "init_task", &l->init_task);
    (void)lx_symbol(l, "modules", &l->modules);
    lx_given_init_task(l);
    lx_infer(l);
    find_direct_map(l);
    return ST_OK;
}

int linux_probe(struct source *source, const struct os_options *options, struct diag *d,
                struct osview *ret)
{
    uint64_t began = plat_now_ns();
    struct linux_view *l = calloc(1, sizeof *l);
    struct bringup b = {.l = l};
    if (!l)
        return diag_fail(d, ST_NOMEM, "out of memory");
    *ret = (struct osview){.ops = &linux_ops, .source = source, .diag = d, .impl = l};
    l->v = ret;
    l->flags = options->flags;
    lx_given_open(options, &l->given);
    struct lx_hint hint;
    lx_given_hint(&l->given, &hint);
    int st = lx_find(source, options->flags, options->effort, &hint, prove, &b);
    if (b.refused.code != ST_OK) {
        lx_close(ret);
        *d = b.refused;
        return d->code;
    }
    if (st != ST_OK) {
        lx_close(ret);
        if (st == ST_LIMIT)
            return diag_fail(d, ST_LIMIT,
                             "no Linux kernel was found in %s: more places look like one than any "
                             "guest has; its memory may "
                             "be forged",
                             source->name);
        return diag_fail(d, ST_ABSENT,
                         "no Linux kernel was found in %s (looked at %sthe real-mode page tables, "
                         "image headers, vmcoreinfo and "
                         "kallsyms in all of memory): is this a whole dump of a Linux guest, taken "
                         "after it booted?",
                         source->name, source->vcpu ? "vCPU registers, " : "");
    }
    if (source->layout_note[0])
        os_fact(ret, "memory layout", "what the source says", "%.120s", source->layout_note);
    find_timekeeper(l);
    lx_refresh(ret);
    detect_isolation(l);
    ret->info.build_ns = plat_now_ns() - began;
    return ST_OK;
}

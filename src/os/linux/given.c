/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "os/linux/given.h"

#include <inttypes.h>

#include "os/linux/linux.h"
#include "sym/sysmap.h"

void lx_given_open(const struct os_options *options, struct lx_given *ret)
{
    struct lx_given g = {.profile.os = VMI_KIND_NONE};

    if (options->settings)
        g.settings = *options->settings;
    if (options->profile.p && profile_open(options->profile, &g.error, &g.profile) != ST_OK)
        diag_wrap(&g.error, g.error.code, "the profile cannot be read");
    if (g.settings.sysmap.p && g.error.code == ST_OK)
        (void)!sysmap_open(g.settings.sysmap, &g.error, &g.sysmap);
    *ret = g;
}

void lx_given_close(struct lx_given *g)
{
    profile_close(&g->profile);
    if (g->sysmap.ops)
        g->sysmap.ops->close(g->sysmap.self);
    *g = (struct lx_given){.profile.os = VMI_KIND_NONE};
}

int lx_given_symbol(const struct lx_given *g, const char *name, uint64_t *ret)
{
    const struct symtab *const tables[] = {&g->sysmap, &g->profile.symbols};
    struct vmi_symbol s;

    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (!tables[i]->ops || tables[i]->ops->by_name(tables[i]->self, name, &s) != ST_OK)
            continue;
        *ret = s.address;
        return ST_OK;
    }
    return ST_ABSENT;
}

void lx_given_hint(const struct lx_given *g, struct lx_hint *ret)
{
    static const char *const roots[] = {"init_top_pgt", "init_level4_pgt", "swapper_pg_dir"};
    struct lx_hint h = {.kpgd = g->settings.kpgd};
    uint64_t text = 0, root;

    if (lx_given_symbol(g, "_text", &text) == ST_OK)
        h.text = text + g->settings.slide;
    /* x86 links the kernel at a fixed distance from physical memory, which only KASLR changes */
    for (size_t i = 0; i < ARRAY_LEN(roots) && text && !h.kpgd; i++)
        if (lx_given_symbol(g, roots[i], &root) == ST_OK)
            h.kpgd = text >= 0xffffffff80000000 ? root - 0xffffffff80000000
                     : text < 1ULL << 32        ? root - 0xc0000000 + g->settings.slide
                                                : 0;
    *ret = h;
}

bool lx_given_symbols(const struct lx_given *g)
{
    return g->sysmap.ops || g->profile.symbols.ops;
}

int lx_given_slide(const struct lx_given *g, const struct symtab *running, struct bytes vmcoreinfo,
                   uint64_t image_va, uint64_t *slide, uint64_t *from)
{
    static const struct {
        const char *name, *key;
    } rows[] = {{"_stext", "SYMBOL(_stext)"}, {"_text", NULL}, {"_stext", NULL}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct vmi_symbol s = {.address = image_va};
        uint64_t text;
        bool told;
        if (lx_given_symbol(g, rows[i].name, &text) != ST_OK)
            continue;
        told = running->ops && running->ops->by_name(running->self, rows[i].name, &s) == ST_OK;
        /* the image may have been found by its text, which begins a segment behind it on arm64 */
        if (!told && rows[i].key &&
            !(vmcoreinfo.p && lx_vmcoreinfo_number(vmcoreinfo, rows[i].key, 16, &s.address)))
            continue;
        *slide = g->settings.slide ? g->settings.slide : s.address - text;
        *from = text & ~0x3fffffffULL;
        return ST_OK;
    }
    return ST_ABSENT;
}

static int text_page(const struct walk *w, void *arg)
{
    struct lx_guess *g = arg;
    if (!(w->rights & RIGHT_X) || g->pa - w->pa >= w->size)
        return 0;
    g->va = w->va + (g->pa - w->pa);
    return 1;
}

/*
 * arm64 without a table of its own: the link-time distance of swapper_pg_dir from the image's
 * header tells the root, and the root where the image is mapped to be executed.
 */
static int place_arm64(const struct linux_view *l, struct lx_guess *g)
{
    static const enum form_id forms[] = {FORM_ARM64_4K_48,  FORM_ARM64_4K_39,  FORM_ARM64_4K_52,
                                         FORM_ARM64_64K_48, FORM_ARM64_64K_52, FORM_ARM64_64K_42,
                                         FORM_ARM64_16K_47, FORM_ARM64_16K_48, FORM_ARM64_16K_36,
                                         FORM_ARM64_16K_52};
    uint64_t text, root, header = g->pa;
    if (lx_given_symbol(&l->given, "_text", &text) != ST_OK ||
        lx_given_symbol(&l->given, "swapper_pg_dir", &root) != ST_OK || root - text >= g->size)
        return ST_ABSENT;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct aspace as;
        /* the header's page itself is not mapped: text begins a segment, 64 KiB, behind it */
        struct lx_guess at = {.pa = header + 0x10000};
        aspace_init(&as, &l->v->source->phys, forms[i], header + (root - text));
        as.split = 1ULL << 63;
        (void)!aspace_each_page(&as, 1ULL << 63, UINT64_MAX, 1 << 14, text_page, &at);
        if (!at.va)
            continue;
        g->va = at.va - 0x10000;
        g->root = as.half[1].root;
        g->form = forms[i];
        g->have_root = true;
        return ST_OK;
    }
    return ST_ABSENT;
}

int lx_given_place(const struct linux_view *l, struct lx_guess *g, uint64_t *part_off)
{
    uint64_t text;
    if (g->arch == ARCH_ARM64 && !strcmp(g->how, "arm64 image header"))
        return place_arm64(l, g);
    /* i386: the linear map; its KASLR moves both addresses alike */
    if (g->arch != ARCH_X86 || lx_given_symbol(&l->given, "_text", &text) != ST_OK)
        return ST_ABSENT;
    text += l->given.settings.slide;
    if (text - 0xc0000000 - g->pa >= g->size)
        return ST_ABSENT;
    uint64_t skip = text - 0xc0000000 - g->pa;
    g->va = text;
    g->pa += skip;
    g->size -= skip;
    *part_off -= skip;
    return ST_OK;
}

void lx_given_members(struct linux_view *l)
{
    const struct os_settings *s = &l->given.settings;
    const uint32_t ps = l->v->ptr_size;
    const struct {
        enum layout_id id;
        uint64_t off;
        uint32_t size;
    } rows[] = {{L_task_tasks, s->tasks, 2 * ps},
                {L_task_mm, s->mm, ps},
                {L_task_pid, s->pid, 4},
                {L_task_comm, s->name, 16},
                {L_mm_pgd, s->pgd, ps}};
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!rows[i].off || rows[i].off >= 1 << 20)
            continue;
        l->m[rows[i].id] =
            (struct lx_member){.off = (int64_t)rows[i].off, .size = rows[i].size, .known = true};
        n++;
    }
    if (n)
        os_fact(l->v, "offsets", "configuration", "%zu", n);
}

/* Is this the idle task? Its name is where it was said to be, or somewhere in the structure. */
static bool is_idle_task(struct linux_view *l, uint64_t at)
{
    static const char idle[] = "swapper";
    uint8_t bytes[16384];
    size_t n = 0;

    if (lx_has(l, L_task_comm))
        return aspace_read(&l->v->kernel, GVA(at + lx_off(l, L_task_comm)), bytes, 7, NULL) ==
                   ST_OK &&
               !memcmp(bytes, idle, 7);
    (void)!aspace_read(&l->v->kernel, GVA(at), bytes, sizeof bytes, &n);
    return memmem(bytes, n, idle, 7) != NULL;
}

void lx_given_init_task(struct linux_view *l)
{
    const struct os_settings *s = &l->given.settings;
    const uint64_t slide = s->slide ? s->slide : (uint64_t)l->v->info.slide;
    const uint64_t at[] = {s->init_task, s->init_task + slide};

    if (!s->init_task)
        return;
    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        if (!is_idle_task(l, at[i]))
            continue;
        l->init_task = at[i];
        os_fact(l->v, "init_task", "configuration", "%#" PRIx64, at[i]);
        return;
    }
    os_fact(l->v, "init_task", "no idle task is where the configuration says", "%#" PRIx64,
            s->init_task);
}

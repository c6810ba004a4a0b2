/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Windows view found by a CR3, then on images changed at random: nothing may crash, hang or
 * give more than was bounded. Run with sanitizers for what a plain run does not see. usage: hostile
 * IMAGE PROFILE|- ROUNDS SEED
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "os/os.h"

enum { PAGE = 4096, CHANGES = 64 };

struct image {
    uint8_t *p;
    size_t n;
    uint32_t *page; /* pages that hold anything */
    size_t pages;
};

static uint64_t state;

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static bool load(const char *path, uint8_t **ret, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END))
        return false;
    long size = ftell(f);
    rewind(f);
    *ret = malloc((size_t)size);
    *n = (size_t)size;
    bool whole = *ret && fread(*ret, 1, *n, f) == *n;
    fclose(f);
    return whole;
}

static unsigned long given;

static int text(const char *s)
{
    given += strlen(s); /* reads all of it */
    return 0;
}

static int vma(const struct vmi_vma *m, void *data)
{
    (void)data;
    return text(m->path);
}

static int module(const struct vmi_module *m, void *data)
{
    (void)data;
    return text(m->name) + text(m->path);
}

static int thread(const struct vmi_process *p, void *data)
{
    (void)data;
    return text(p->comm);
}

static int kernel_thread(const struct vmi_thread *t, void *data)
{
    (void)data;
    return text(t->comm) + text(t->wait_reason);
}

static int handle(const struct vmi_handle *h, void *data)
{
    (void)data;
    return text(h->type) + text(h->name);
}

/* What the entries of some addresses are, and what they mean. */
static void entries(struct osview *v, const struct vmi_process *p)
{
    struct aspace as;
    if (v->ops->process_space(v, p, &as) != ST_OK)
        return;
    for (unsigned i = 0; i < 24; i++) {
        static const uint64_t regions[] = {0x150000, 0x500000,  0x600000,
                                           0x610000, 0x1000000, 0x7c900000};
        uint64_t va =
            (v->ptr_size == 8 && i >= 16 ? 0x7ffb10000000 : regions[i / 4]) + i % 4 * PAGE;
        struct walk w = {0};
        char note[200];
        if (aspace_walk(&as, GVA(va), &w) != ST_OK && as.policy && as.policy->describe && w.levels)
            text(as.policy->describe(as.policy->arg, &as, w.levels - 1, w.entry[w.levels - 1].value,
                                     va, note, sizeof note));
    }
}

static int process(const struct vmi_process *p, void *data)
{
    struct osview *v = data;
    struct vmi_outcome o = {0};
    char line[256];
    text(p->comm);
    if (v->ops->cmdline(v, p, line, sizeof line) == ST_OK)
        text(line);
    (void)!v->ops->vmas(v, p, vma, NULL, &o);
    (void)!v->ops->threads(v, p, kernel_thread, NULL, &o);
    (void)!v->ops->dlls(v, p, module, NULL, &o);
    (void)!v->ops->handles(v, p, handle, NULL, &o);
    entries(v, p);
    return 0;
}

static int finding(const struct vmi_finding *f, void *data)
{
    (void)data;
    return text(f->text);
}

static bool once(struct image *im, struct bytes profile)
{
    struct source s = {.kind = "raw", .name = "hostile"};
    struct phys_range r = {.len = im->n, .host = im->p};
    struct os_options options = {.kind = VMI_KIND_WINDOWS, .profile = profile};
    struct diag d = {0};
    struct osview v;
    struct vmi_outcome o = {0};
    phys_init(&s.phys, NULL, NULL);
    bool found = phys_add(&s.phys, &r) == ST_OK && os_open(&s, &options, &d, &v) == ST_OK;
    if (found) {
        (void)!v.ops->processes(&v, 0, process, &v, &o);
        (void)!v.ops->processes(&v, 1, thread, NULL, &o);
        (void)!v.ops->modules(&v, module, NULL, &o);
        (void)!v.ops->check(&v, finding, NULL, &o);
        os_close(&v);
    }
    phys_deinit(&s.phys);
    return found;
}

/* ---- a vCPU that shows the page table of some process: another way to the same kernel ---- */

static uint64_t some_dtb, users_dtb, some_form;

static int some_registers(void *source, unsigned vcpu, struct vcpu_regs *ret)
{
    (void)source;
    (void)vcpu;
    *ret = (struct vcpu_regs){.have = REGS_CR | REGS_EFER, .cr0 = 0x80000001, .cr3 = some_dtb};
    ret->cr4 = some_form == FORM_X86_LEGACY ? 0 : some_form == FORM_X86_5LEVEL ? 0x1020 : 0x20;
    ret->efer = some_form == FORM_X86_4LEVEL || some_form == FORM_X86_5LEVEL ? 0x500 : 0;
    return ST_OK;
}

static int newest_dtb(const struct vmi_process *p, void *data)
{
    (void)data;
    if (!p->exit_time_s)
        some_dtb = p->dtb;
    if (!p->exit_time_s && p->user_dtb)
        users_dtb = p->user_dtb;
    return 0;
}

/* Opens the image with `some_dtb` in CR3. */
static bool same_root(struct source *s, const struct os_options *options, uint64_t root,
                      bool by_cr3)
{
    struct diag d = {0};
    struct osview v;
    bool same, used = false;
    if (os_open(s, options, &d, &v) != ST_OK)
        return false;
    same = v.info.root == root;
    /* where a low stub was the way, it tells where the image is */
    for (size_t i = 0; i < v.nr_facts; i++)
        used |= !strcmp(v.fact[i].how, "image that exports as ntoskrnl.exe");
    os_close(&v);
    return same && (used || !by_cr3);
}

static bool same_by_registers(struct image *im, struct bytes profile)
{
    static const struct vcpu_ops vcpu = {.registers = some_registers};
    struct source s = {.kind = "raw", .name = "registers"};
    struct phys_range r = {.len = im->n, .host = im->p};
    struct os_options options = {.kind = VMI_KIND_WINDOWS, .profile = profile};
    struct diag d = {0};
    struct osview v;
    struct vmi_outcome o = {0};
    bool same = false;
    phys_init(&s.phys, NULL, NULL);
    users_dtb = 0;
    if (phys_add(&s.phys, &r) == ST_OK && os_open(&s, &options, &d, &v) == ST_OK) {
        uint64_t root = v.info.root;
        (void)!v.ops->processes(&v, 0, newest_dtb, NULL, &o);
        some_form = v.form;
        os_close(&v);
        s.vcpu = &vcpu;
        same = root != some_dtb && same_root(&s, &options, root, true);
        if (users_dtb && same) { /* it lacks the kernel: another way must be found */
            some_dtb = users_dtb;
            same = same_root(&s, &options, root, false);
        }
    }
    phys_deinit(&s.phys);
    return same;
}

/* One change of a byte, of a word to an edge value, or a pointer to another that is in memory
 * already. */
static size_t change(struct image *im)
{
    size_t at = (size_t)im->page[rnd() % im->pages] * PAGE + rnd() % (PAGE / 8) * 8;
    static const uint64_t edges[] = {
        0, 1, ~0ULL, 1ULL << 63, 0x7fffffffffffffff, 0xfffffffffffffff8, 0xffff, 0xfffe0000fffe};
    uint64_t v = le64(im->p + at);
    switch (rnd() % 4) {
    case 0:
        v ^= 1ULL << rnd() % 64;
        break;
    case 1:
        v = edges[rnd() % ARRAY_LEN(edges)];
        break;
    case 2:
        v = le64(im->p + (size_t)im->page[rnd() % im->pages] * PAGE + rnd() % (PAGE / 8) * 8);
        break;
    default:
        v += (rnd() % 33 - 16) * 8;
    }
    memcpy(im->p + at, &v, 8);
    return at;
}

int main(int argc, char **argv)
{
    struct image im = {0};
    struct bytes profile = {0};
    uint8_t *was, *json = NULL;
    size_t found = 0, n = 0;
    if (argc != 5 || !load(argv[1], &im.p, &im.n) ||
        (argv[2][0] != '-' && !load(argv[2], &json, &n)))
        return 2;
    profile = (struct bytes){json, n};
    was = malloc(im.n);
    im.page = calloc(im.n / PAGE, sizeof *im.page);
    if (!was || !im.page)
        return 2;
    memcpy(was, im.p, im.n);
    for (size_t i = 0; i < im.n / PAGE; i++)
        for (size_t k = 0; k < PAGE; k++)
            if (im.p[i * PAGE + k]) {
                im.page[im.pages++] = (uint32_t)i;
                break;
            }
    if (!same_by_registers(&im, profile)) {
        printf("CR3 of a vCPU does not lead to the same kernel\n");
        return 1;
    }
    state = strtoull(argv[4], NULL, 0) * 2654435761u + 88172645463325252ULL;
    struct timespec a, b;
    double longest = 0;
    for (unsigned long i = 0, rounds = strtoul(argv[3], NULL, 0); i < rounds; i++) {
        size_t changed[CHANGES * 16], nr = 1u << rnd() % 11;
        nr = MIN_OF(nr, ARRAY_LEN(changed));
        for (size_t k = 0; k < nr; k++)
            changed[k] = change(&im);
        clock_gettime(CLOCK_MONOTONIC, &a);
        found += once(&im, profile);
        clock_gettime(CLOCK_MONOTONIC, &b);
        double t = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
        longest = MAX_OF(longest, t);
        for (size_t k = 0; k < nr; k++)
            memcpy(im.p + changed[k], was + changed[k], 8);
    }
    printf("%zu of %s images were opened, %lu bytes of text, longest %.3f s\n", found, argv[3],
           given, longest);
    free(was);
    free(im.p);
    free(im.page);
    free(json);
    return found && longest < 10 ? 0 : 1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offsets in EPROCESS without a profile, from what must hold for the System process and all on its
 * list. A member is taken only when exactly what was expected holds for all sampled processes; else
 * it stays unknown.
 *
 * Facts used, true from Windows XP to 11: the System process is called "System", has the id 4 and
 * no PEB; UniqueProcessId is followed by ActiveProcessLinks; ids are multiples of 4; the list's
 * head is in the kernel image; the first process that System starts (smss) has the parent 4;
 * CreateTime is a FILETIME; a PEB is a page of user memory that tells the address of an image.
 */
#include <stdio.h>
#include <stdlib.h>

#include "os/windows/find.h"
#include "os/windows/infer.h"
#include "os/windows/infer_inner.h"

enum { FIRST_NAME = 0x100 };

static void sample(struct infer *f, uint64_t object)
{
    if (f->nr == INFER_SAMPLES)
        return;
    f->p[f->nr].object = object;
    (void)!aspace_read(f->as, GVA(object), f->p[f->nr].bytes, INFER_SPAN, &f->p[f->nr].n);
    f->nr++;
}

static bool name_like(const struct infer *f, size_t i, size_t off)
{
    const uint8_t *s = f->p[i].bytes + off;
    if (off + 15 > f->p[i].n || !s[0])
        return false;
    for (size_t k = 0; k < 15 && s[k]; k++)
        if (s[k] < 0x20 || s[k] == 0x7f)
            return false;
    return true;
}

/* Walks the list through `links` and samples the processes. The head is the one entry in the kernel
 * image. */
static bool walk(struct infer *f, size_t links, size_t name, uint64_t *head)
{
    struct windows_view *w = f->w;
    struct list_walk list;
    uint64_t node;
    int st;
    f->nr = 1;
    *head = 0;
    list_start(&list, f->as, f->ps, f->p[0].object + links, 1 << 20);
    while ((st = list_next(&list, NULL, &node)) == 1) {
        if (node - w->base < w->image.size) {
            if (*head)
                return false;
            *head = node;
            continue;
        }
        if (!win_kernel_pointer(w, node) || f->nr == INFER_SAMPLES)
            break;
        sample(f, node - links);
        if (f->p[f->nr - 1].n <
            MAX_OF(links + 2 * f->ps, name + 15)) { /* not all of it is in memory */
            f->nr--;
            break;
        }
        uint64_t pid = infer_word(f, f->nr - 1, links - f->ps);
        if (pid & 3 || !pid || pid > 1 << 26 || !name_like(f, f->nr - 1, name))
            return false;
        f->p[f->nr - 1].pid = (uint32_t)pid;
    }
    /* a list that breaks off is as good: what came before was as it must be, and the head is also
     * before System, the first */
    uint64_t back, next;
    if (!*head && read_ptr(f->as, f->ps, f->p[0].object + links + f->ps, &back) == ST_OK &&
        back - w->base < w->image.size && read_ptr(f->as, f->ps, back, &next) == ST_OK &&
        next == f->p[0].object + links)
        *head = back;
    return *head && f->nr > 1;
}

static bool find_list(struct infer *f)
{
    struct windows_view *w = f->w;
    size_t name = 0;
    for (size_t off = FIRST_NAME; off + 15 <= f->p[0].n && !name; off += 4)
        if (!memcmp(f->p[0].bytes + off, "System\0\0", 8))
            name = off;
    for (size_t off = f->ps; name && off + 3 * f->ps <= f->p[0].n; off += f->ps) {
        uint64_t next = infer_word(f, 0, off + f->ps), back, head;
        if (infer_word(f, 0, off) != 4 || !win_kernel_pointer(w, next) ||
            read_ptr(f->as, f->ps, next + f->ps, &back) != ST_OK ||
            back != f->p[0].object + off + f->ps || !walk(f, off + f->ps, name, &head))
            continue;
        infer_know(f, W_process_name, name, 15);
        infer_know(f, W_process_pid, off, f->ps);
        infer_know(f, W_process_links, off + f->ps, 2 * f->ps);
        if (!w->process_head)
            w->process_head = head;
        return true;
    }
    return false;
}

/* Does a page table root translate the kernel image to where it is? */
static bool is_root(const struct infer *f, uint64_t reg)
{
    struct aspace as = *f->as;
    uint64_t pa, want, left, root = paging_root(f->w->v->form, reg);
    as.half[0].root = as.half[1].root = root;
    return root && aspace_translate(f->as, GVA(f->w->base), &want, &left) == ST_OK &&
           aspace_translate(&as, GVA(f->w->base), &pa, &left) == ST_OK && pa == want;
}

static void find_dtb(struct infer *f, size_t told)
{
    size_t from = told ? told : 0x10, to = told ? told : 0x40;
    for (size_t off = from; off <= to; off += f->ps) {
        size_t good = 0, same = 0;
        for (size_t i = 0; i < f->nr; i++) {
            good += is_root(f, infer_word(f, i, off));
            same += i && infer_word(f, i, off) == infer_word(f, 0, off);
        }
        /* those that ended may have none any more; no other process has System's */
        if (is_root(f, infer_word(f, 0, off)) && good >= 2 && good * 4 >= f->nr * 3 && !same) {
            infer_know(f, W_process_dtb, off, f->ps);
            return;
        }
    }
}

/* The parent of System is 0 and that of the next process is System; all are ids. */
static void find_ppid(struct infer *f, size_t told)
{
    size_t found = 0;
    for (size_t off = f->w->m[W_process_links].off + 2 * f->ps; off + f->ps <= f->p[0].n;
         off += f->ps) {
        size_t known = 0, distinct = 0;
        bool good =
            (!told || off == told) && infer_word(f, 0, off) == 0 && infer_word(f, 1, off) == 4;
        for (size_t i = 1; i < f->nr && good; i++) {
            uint64_t v = infer_word(f, i, off);
            good = v && !(v & 3) && v < 1 << 26 && v != f->p[i].pid;
            distinct += v != 4;
            for (size_t k = 0; k < f->nr; k++)
                known += f->p[k].pid == v;
        }
        if (!good || known * 2 < f->nr - 1 || (f->nr > 4 && !distinct))
            continue;
        if (found)
            return; /* two places fit: none is known */
        found = off;
    }
    if (found)
        infer_know(f, W_process_ppid, found, f->ps);
}

/* The shared clock is the upper bound; Windows XP keeps none for System. */
static void find_create(struct infer *f)
{
    struct windows_view *w = f->w;
    const uint64_t y2000 = 125911584000000000ULL;
    uint8_t clock[12];
    size_t found = 0;
    if (aspace_read(f->as, GVA(win_shared_data(w->v->form) + 0x14), clock, sizeof clock, NULL) !=
        ST_OK)
        return;
    uint64_t now = (uint64_t)le32(clock + 4) << 32 | le32(clock);
    for (size_t off = 8; off + 8 <= f->p[0].n; off += 8) {
        bool good = true;
        for (size_t i = 0; i < f->nr && good; i++) {
            uint64_t t = off + 8 <= f->p[i].n ? le64(f->p[i].bytes + off) : 0;
            good = (t > y2000 && t <= now) || (!i && !t);
        }
        if (!good)
            continue;
        if (found)
            return;
        found = off;
    }
    if (found)
        infer_know(f, W_process_create, found, 8);
}

/* Does a PEB in the process' own space tell where an image is? */
static bool is_peb(const struct infer *f, size_t i, uint64_t peb)
{
    struct windows_view *w = f->w;
    struct aspace as = *f->as;
    uint64_t image;
    uint16_t magic;
    as.half[0].root = as.half[1].root =
        paging_root(w->v->form, infer_word(f, i, w->m[W_process_dtb].off));
    return win_ptr(w, &as, peb, W_peb_image, &image) == ST_OK && image &&
           !win_kernel_pointer(w, image) && !(image & 0xfff) &&
           aspace_read(&as, GVA(image), &magic, sizeof magic, NULL) == ST_OK && magic == 0x5a4d;
}

static void find_peb(struct infer *f, size_t told)
{
    for (size_t off = f->w->m[W_process_links].off;
         win_has(f->w, W_process_dtb) && off + f->ps <= f->p[0].n; off += f->ps) {
        size_t tried = 0, good = 0;
        if ((told && off != told) || infer_word(f, 0, off))
            continue;
        for (size_t i = 1; i < f->nr; i++) {
            uint64_t v = infer_word(f, i, off);
            if (!v)
                continue;
            tried++;
            good += !(v & 0xfff) && !win_kernel_pointer(f->w, v) && is_peb(f, i, v);
        }
        if (good && good * 2 >= tried && good * 2 >= f->nr - 1) {
            infer_know(f, W_process_peb, off, f->ps);
            return;
        }
    }
}

bool infer_space(const struct infer *f, size_t i, struct aspace *as, uint64_t *peb)
{
    struct windows_view *w = f->w;
    if (!win_has(w, W_process_dtb) || !win_has(w, W_process_peb) || !i)
        return false;
    uint64_t at = infer_word(f, i, w->m[W_process_peb].off),
             reg = infer_word(f, i, w->m[W_process_dtb].off);
    if (!at || at == ~0ULL || win_kernel_pointer(w, at) || reg == ~0ULL)
        return false;
    *as = *f->as;
    as->half[0].root = as->half[1].root = paging_root(w->v->form, reg);
    *peb = at;
    return true;
}

/* Nothing while it lives, later than CreateTime once it has ended; some have, and one place fits.
 */
static void find_exit(struct infer *f)
{
    struct windows_view *w = f->w;
    size_t create = w->m[W_process_create].off, found = 0;
    struct win_shared s;
    uint8_t page[WIN_SHARED_SIZE];
    if (!win_has(w, W_process_create) ||
        aspace_read(f->as, GVA(win_shared_data(w->v->form)), page, sizeof page, NULL) != ST_OK ||
        !win_shared_parse((struct bytes){page, sizeof page}, &s))
        return;
    for (size_t off = 8; off + 8 <= f->p[0].n; off += 8) {
        size_t ended = 0, good = 0;
        for (size_t i = 0; i < f->nr; i++) {
            uint64_t t = off + 8 <= f->p[i].n ? le64(f->p[i].bytes + off) : 1,
                     began = create + 8 <= f->p[i].n ? le64(f->p[i].bytes + create) : 0;
            bool after = began && t > began && t <= s.now;
            ended += after;
            good += !t || after;
        }
        if (!ended || ended * 2 > f->nr || good != f->nr)
            continue;
        if (found)
            return;
        found = off;
    }
    if (found)
        infer_know(f, W_process_exit, found, 8);
}

/*
 * The second table of KPTI: it maps the process' own memory as the first does, and not the kernel's
 * image. All of two thirds of the processes have one, at one place.
 */
static bool is_user_root(const struct infer *f, size_t i, uint64_t reg)
{
    struct aspace first, second;
    uint64_t peb, a, b, left;
    if (!reg || reg == ~0ULL || !infer_space(f, i, &first, &peb))
        return false;
    second = first;
    second.half[0].root = second.half[1].root = paging_root(f->w->v->form, reg);
    second.policy = NULL;
    return second.half[0].root && second.half[0].root != first.half[0].root &&
           aspace_translate(&first, GVA(peb), &a, &left) == ST_OK &&
           aspace_translate(&second, GVA(peb), &b, &left) == ST_OK && a == b &&
           aspace_translate(&second, GVA(f->w->base), &b, &left) != ST_OK;
}

static void find_user_dtb(struct infer *f)
{
    size_t found = 0;
    if (f->ps != 8 || win_has(f->w, W_process_user_dtb))
        return;
    for (size_t off = 0x40; off + 8 <= f->w->m[W_process_pid].off; off += 8) {
        size_t good = 0, tried = 0;
        for (size_t i = 1; i < f->nr; i++) {
            struct aspace as;
            uint64_t peb;
            tried += infer_space(f, i, &as, &peb);
            good += is_user_root(f, i, infer_word(f, i, off));
            if (tried >= 4 && !good)
                break;
        }
        if (good < 2 || good * 3 < tried * 2)
            continue;
        if (found)
            return;
        found = off;
    }
    if (found)
        infer_know(f, W_process_user_dtb, found, 8);
}

/* What is still not known, by name: told up front, so that an empty answer is no surprise. */
static void tell(const struct infer *f)
{
    static const struct {
        enum layout_id id;
        const char *what;
    } rows[] = {
        {W_process_dtb, "page tables"},
        {W_process_ppid, "parents"},
        {W_process_create, "times"},
        {W_process_exit, "exit times"},
        {W_process_peb, "PEB"},
        {W_process_handles, "handles"},
        {W_process_vads, "VADs"},
        {W_flag_protection, "their rights"},
        {W_thread_links, "threads"},
        {W_thread_state, "their states"},
        {W_thread_start, "where they begin"},
        {W_process_protection, "protection"},
    };
    char missing[128] = "";
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!win_has(f->w, rows[i].id) && n < sizeof missing)
            n += (size_t)snprintf(missing + n, sizeof missing - n, "%s%s", n ? ", " : "",
                                  rows[i].what);
    os_fact(f->w->v, "offsets", "inferred from the System process and its neighbours",
            "from %zu processes%s%s", f->nr, n ? "; not: " : "", missing);
}

void win_infer_processes(struct windows_view *w, const struct kdbg_offsets *told)
{
    if (!w->system_process || (win_has(w, W_process_pid) && win_has(w, W_process_peb)))
        return;
    struct infer *f = calloc(1, sizeof *f); /* half a MiB: too much for a stack */
    if (!f)
        return;
    f->w = w;
    f->as = &w->v->kernel;
    f->ps = w->v->ptr_size;
    sample(f, w->system_process);
    if (f->p[0].n >= FIRST_NAME && find_list(f)) {
        f->p[0].pid = 4;
        find_dtb(f, told->dtb);
        find_ppid(f, told->ppid);
        find_create(f);
        find_exit(f);
        find_peb(f, told->peb);
        find_user_dtb(f);
        infer_threads(f);
        infer_handles(f);
        infer_vads(f);
        w->v->info.inferred = true;
        tell(f);
    }
    free(f);
}

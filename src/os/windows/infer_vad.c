/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VADs without a profile.
 *
 * The nodes of the tree have had few arrangements (public PDBs; each row names the versions). For
 * each, and each place in EPROCESS, a pointer there must be the root of a tree in which the page of
 * the process' PEB and that of its image are found, for all sampled processes; the root points back
 * to nothing or into EPROCESS, as hints to other nodes do not. Where protection is in the flags
 * follows from the same two nodes: a PEB is private and written to (4), an image is neither and
 * copied when it is written to (7).
 */
#include "os/windows/infer_inner.h"

enum { MOST_SAMPLES = 24 }; /* a tree costs more than a word */

struct shape {
    unsigned ps;
    uint8_t left, right, parent, start, end, width; /* width: of the page numbers, bytes */
    uint8_t high;                                   /* two bytes with bits 32 and up; 0: none */
    uint8_t flags, section, first, last; /* section: the subsection or the control area */
    bool control;                        /* it is the control area */
};

static const struct shape shapes[] = {
    /* x64: 8.1 to 11 */
    {8, 0x00, 0x08, 0x10, 0x18, 0x1c, 4, 0x20, 0x30, 0x48, 0x50, 0x58, false},
    /* x64: Vista, 7 */
    {8, 0x08, 0x10, 0x00, 0x18, 0x20, 8, 0, 0x28, 0x48, 0x50, 0x58, false},
    /* x64: XP, Server 2003 */
    {8, 0x08, 0x10, 0x00, 0x18, 0x20, 8, 0, 0x28, 0x30, 0x38, 0x40, true},
    /* 32 bit: XP */
    {4, 0x0c, 0x10, 0x08, 0x00, 0x04, 4, 0, 0x14, 0x18, 0x1c, 0x20, true},
    /* 32 bit: Server 2003 */
    {4, 0x04, 0x08, 0x00, 0x0c, 0x10, 4, 0, 0x14, 0x18, 0x1c, 0x20, true},
    /* 32 bit: Vista, 7 */
    {4, 0x04, 0x08, 0x00, 0x0c, 0x10, 4, 0, 0x14, 0x24, 0x28, 0x2c, false},
    /* 32 bit: 8.1, 10 */
    {4, 0x00, 0x04, 0x08, 0x0c, 0x10, 4, 0, 0x1c, 0x2c, 0x30, 0x34, false},
};

/* The members that a shape settles. */
static const enum layout_id settled[] = {
    W_process_vads,    W_vad_left,       W_vad_right,       W_vad_start,      W_vad_end,
    W_vad_start_high,  W_vad_end_high,   W_vad_flags,       W_vad_subsection, W_vad_control,
    W_vad_first_proto, W_vad_last_proto, W_flag_protection, W_flag_private};

static void forget(struct windows_view *w)
{
    for (size_t i = 0; i < ARRAY_LEN(settled); i++)
        if (w->m[settled[i]].how == HOW_INFERRED)
            w->m[settled[i]] = (struct win_member){0};
}

static void take(struct infer *f, const struct shape *s, size_t root)
{
    infer_know(f, W_process_vads, root, s->ps);
    infer_know(f, W_vad_left, s->left, s->ps);
    infer_know(f, W_vad_right, s->right, s->ps);
    infer_know(f, W_vad_start, s->start, s->width);
    infer_know(f, W_vad_end, s->end, s->width);
    if (s->high) {
        infer_know(f, W_vad_start_high, s->high, 1);
        infer_know(f, W_vad_end_high, s->high + 1u, 1);
    }
    infer_know(f, W_vad_flags, s->flags, s->width);
    infer_know(f, s->control ? W_vad_control : W_vad_subsection, s->section, s->ps);
    infer_know(f, W_vad_first_proto, s->first, s->ps);
    infer_know(f, W_vad_last_proto, s->last, s->ps);
}

/* Is what sample i has at `off` the root of its tree, not another node of it? */
static bool is_root(const struct infer *f, size_t i, size_t off, const struct shape *s)
{
    uint64_t node = infer_word(f, i, off), parent;
    if (!win_kernel_pointer(f->w, node) ||
        read_ptr(f->as, s->ps, node + s->parent, &parent) != ST_OK)
        return false;
    parent &= ~(uint64_t)7; /* balance */
    return !parent || parent - f->p[i].object < INFER_SPAN;
}

/* The nodes of the PEB and of the image in sample i's tree. */
static bool find_nodes(const struct infer *f, size_t i, uint64_t *peb_node, uint64_t *image_node)
{
    struct aspace as;
    struct win_vad peb_vad, image_vad;
    uint64_t peb, image;
    if (!infer_space(f, i, &as, &peb) || win_ptr(f->w, &as, peb, W_peb_image, &image) != ST_OK ||
        !image || win_vad_find(f->w, f->p[i].object, peb, &peb_vad) != ST_OK ||
        win_vad_find(f->w, f->p[i].object, image, &image_vad) != ST_OK ||
        peb_vad.node == image_vad.node)
        return false;
    *peb_node = peb_vad.node;
    *image_node = image_vad.node;
    return true;
}

/* How many of the samples with a PEB fit; 0 as soon as the first one does not. */
static size_t fitting(struct infer *f, const struct shape *s, size_t off, size_t *with_peb)
{
    size_t good = 0;
    *with_peb = 0;
    for (size_t i = 1; i < f->nr && *with_peb < MOST_SAMPLES; i++) {
        struct aspace as;
        uint64_t peb, image;
        if (!infer_space(f, i, &as, &peb))
            continue;
        ++*with_peb;
        good += is_root(f, i, off, s) && find_nodes(f, i, &peb, &image);
        if (!good && *with_peb == 3)
            return 0;
    }
    return good;
}

/* ---- flags ---- */

/* Where a protection (5 bits) and the bit "private" can be: MMVAD_FLAGS of the public PDBs. */
static const struct {
    uint8_t width, protection, private;
} flag_places[] = {
    {4, 24, 31},             /* 32 bit: XP to 7 */
    {8, 56, 63},             /* x64: XP to 7 */
    {4, 3, 15},              /* 8, 8.1, 10 until 1809 */
    {4, 3, 14},  {4, 7, 20}, /* 10 since 1903 */
    {4, 7, 21},              /* 11 */
    {4, 7, 19},
};

static bool flags_fit(const struct infer *f, const struct shape *s, size_t k)
{
    size_t good = 0, tried = 0;
    for (size_t i = 1; i < f->nr; i++) {
        uint64_t node[2], v[2] = {0};
        if (!find_nodes(f, i, &node[0], &node[1]))
            continue;
        tried++;
        if (aspace_read(f->as, GVA(node[0] + s->flags), &v[0], s->width, NULL) != ST_OK ||
            aspace_read(f->as, GVA(node[1] + s->flags), &v[1], s->width, NULL) != ST_OK)
            continue;
        good += (v[0] >> flag_places[k].protection & 31) == 4 &&
                (v[1] >> flag_places[k].protection & 31) == 7 &&
                (v[0] >> flag_places[k].private & 1) && !(v[1] >> flag_places[k].private & 1);
    }
    return good >= 2 && good * 4 >= tried * 3;
}

static void find_flags(struct infer *f, const struct shape *s)
{
    size_t found = ARRAY_LEN(flag_places);
    for (size_t k = 0; k < ARRAY_LEN(flag_places); k++) {
        if (flag_places[k].width != s->width || !flags_fit(f, s, k))
            continue;
        if (found < ARRAY_LEN(flag_places)) { /* two fit */
            found = ARRAY_LEN(flag_places);
            break;
        }
        found = k;
    }
    struct windows_view *w = f->w;
    if (found == ARRAY_LEN(flag_places) || w->m[W_flag_protection].how)
        return;
    w->m[W_flag_protection] = (struct win_member){.off = flag_places[found].protection / 8u,
                                                  .bit = flag_places[found].protection % 8,
                                                  .bits = 5,
                                                  .how = HOW_INFERRED};
    w->m[W_flag_private] = (struct win_member){.off = flag_places[found].private / 8u,
                                               .bit = flag_places[found].private % 8,
                                               .bits = 1,
                                               .how = HOW_INFERRED};
}

/* ---- the file of a section ---- */

/* CONTROL_AREA.FilePointer: a FILE_OBJECT says what it is with its type and size (wdm.h). */
static void find_file(struct infer *f)
{
    struct windows_view *w = f->w;
    size_t found = 0;
    for (size_t off = 4 * f->ps; off <= 0x60; off += f->ps) {
        size_t good = 0, tried = 0;
        for (size_t i = 1; i < f->nr; i++) {
            uint64_t peb, image, area, file;
            uint16_t head[2];
            if (!find_nodes(f, i, &peb, &image) ||
                (win_ptr(w, f->as, image, W_vad_control, &area) != ST_OK &&
                 (win_ptr(w, f->as, image, W_vad_subsection, &area) != ST_OK ||
                  win_ptr(w, f->as, area, W_subsection_control, &area) != ST_OK)))
                continue;
            tried++;
            if (read_ptr(f->as, f->ps, area + off, &file) != ST_OK)
                continue;
            file &= f->ps == 8 ? ~15ULL : ~7ULL;
            good += aspace_read(f->as, GVA(file), head, sizeof head, NULL) == ST_OK &&
                    head[0] == 5 && head[1] == (f->ps == 8 ? 0xd8 : 0x70);
        }
        if (good < 2 || good * 4 < tried * 3)
            continue;
        if (found)
            return;
        found = off;
    }
    if (found)
        infer_know(f, W_control_file, found, f->ps);
}

void infer_vads(struct infer *f)
{
    const struct shape *best = NULL;
    size_t at = 0, most = 0, found = 0;
    if (win_has(f->w, W_process_vads) || !win_has(f->w, W_process_peb))
        return;
    for (size_t k = 0; k < ARRAY_LEN(shapes); k++)
        for (size_t off = f->w->m[W_process_links].off;
             shapes[k].ps == f->ps && off + f->ps <= f->p[0].n; off += f->ps) {
            size_t with_peb;
            if (f->nr < 2 || !is_root(f, 1, off, &shapes[k]))
                continue;
            take(f, &shapes[k], off);
            size_t good = fitting(f, &shapes[k], off, &with_peb);
            forget(f->w);
            /* what lies behind the object may be another process with the same addresses: the place
             * is the one that fits best */
            if (good < 2 || good * 4 < with_peb * 3 || good < most)
                continue;
            /* two arrangements that differ in the section alone both fit: the first is taken, and
             * find_file proves it */
            bool same = best && good == most && off == at && shapes[k].left == best->left &&
                        shapes[k].start == best->start;
            found = good > most ? 1 : found + !same;
            if (good > most) {
                best = &shapes[k];
                at = off;
                most = good;
            }
        }
    if (found != 1)
        return;
    for (const struct shape *s = best; s < shapes + ARRAY_LEN(shapes); s++) {
        if (s->ps != best->ps || s->left != best->left || s->start != best->start ||
            s->flags != best->flags)
            continue;
        take(f, s, at);
        find_flags(f, s);
        find_file(f);
        if (win_has(f->w, W_control_file))
            return;
        forget(f->w);
    }
    take(f, best, at); /* no file could be proved */
    find_flags(f, best);
    f->w->m[W_vad_subsection] = f->w->m[W_vad_control] = (struct win_member){0};
    f->w->m[W_vad_first_proto] = f->w->m[W_vad_last_proto] = (struct win_member){0};
}

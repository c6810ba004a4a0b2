/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handle tables without a profile.
 *
 * A HANDLE_TABLE points back to its process (QuotaProcess) and has its id (UniqueProcessId). Two
 * arrangements exist in the public PDBs: from XP to 7 TableCode comes first; since 8 two counters
 * do. The place in EPROCESS is the one whose tables do so for all sampled processes but System
 * (which has no quota). How an entry holds its object is tried, too: the one is taken by which the
 * entries lead to headers of objects.
 */
#include "os/windows/infer_inner.h"

enum { TRIED_ENTRIES = 64 };

struct arrangement {
    uint8_t code, process, pid;
};

static const struct arrangement arrangements[2][2] = {
    {{0, 4, 8}, {8, 0x0c, 0x18}},    /* 32 bit */
    {{0, 8, 0x10}, {8, 0x10, 0x28}}, /* 64 bit */
};

static bool is_table(const struct infer *f, size_t i, uint64_t table, const struct arrangement *a)
{
    uint64_t process, pid, code;
    return win_kernel_pointer(f->w, table) &&
           read_ptr(f->as, f->ps, table + a->process, &process) == ST_OK &&
           process == f->p[i].object && read_ptr(f->as, f->ps, table + a->pid, &pid) == ST_OK &&
           pid == f->p[i].pid && read_ptr(f->as, f->ps, table + a->code, &code) == ST_OK &&
           (code & 3) != 3 && win_kernel_pointer(f->w, code & ~(uint64_t)7);
}

/* The only place and arrangement that fit; false: none, or several. */
static bool find_table(const struct infer *f, size_t *off, const struct arrangement **ret)
{
    unsigned found = 0;
    for (unsigned k = 0; k < 2; k++)
        for (size_t at = f->w->m[W_process_links].off; at + f->ps <= f->p[0].n; at += f->ps) {
            const struct arrangement *a = &arrangements[f->ps == 8][k];
            size_t good = 0, have = 0;
            for (size_t i = 1; i < f->nr; i++) { /* 0: it has ended */
                uint64_t v = infer_word(f, i, at);
                have += v && v != ~0ULL;
                good += is_table(f, i, v, a);
            }
            if (good < 2 || good * 4 < have * 3 || have * 2 < f->nr - 1)
                continue;
            found++;
            *off = at;
            *ret = a;
        }
    return found == 1;
}

/* ---- entries ---- */

struct tried {
    const struct infer *f;
    unsigned n, good;
};

/* Counts of references and handles as an object in use has them: OBJECT_HEADER begins with them. */
static int try_entry(const struct win_entry *e, void *arg)
{
    struct tried *t = arg;
    const struct windows_view *w = t->f->w;
    uint64_t header = e->object - w->m[W_header_body].off, references, handles;
    t->n++;
    t->good += !(header & 7) && read_ptr(t->f->as, t->f->ps, header, &references) == ST_OK &&
               read_ptr(t->f->as, t->f->ps, header + t->f->ps, &handles) == ST_OK && references &&
               references < 1 << 28 && handles && handles < 1 << 24;
    return t->n == TRIED_ENTRIES;
}

static bool entries_fit(struct infer *f, size_t off)
{
    struct tried t = {.f = f};
    struct vmi_outcome o = {0};
    for (size_t i = 1; i < MIN_OF(f->nr, (size_t)16) && t.n < TRIED_ENTRIES; i++)
        (void)!win_each_entry(f->w, infer_word(f, i, off), false, try_entry, &t, &o);
    return t.n >= 4 && t.good * 10 >= t.n * 9;
}

/* Ways to hold an object: a pointer; since Windows 8 (32 bit) 29 bits from the third on; since 8.1
 * (64 bit) 44 bits from the 20th on. The rights are 25 bits of the second word then. */
static bool find_entry(struct infer *f, size_t off)
{
    struct windows_view *w = f->w;
    if (!win_has(w, W_entry_bits) && !win_has(w, W_entry_object)) {
        w->m[W_entry_bits] =
            f->ps == 8 ? (struct win_member){.size = 8, .bit = 20, .bits = 44, .how = HOW_INFERRED}
                       : (struct win_member){.size = 4, .bit = 3, .bits = 29, .how = HOW_INFERRED};
        w->m[W_entry_access] =
            (struct win_member){.off = f->ps, .size = 4, .bits = 25, .how = HOW_INFERRED};
        if (w->m[W_table_code].off && entries_fit(f, off))
            return true;
        w->m[W_entry_bits] = (struct win_member){0};
        w->m[W_entry_object] = (struct win_member){.size = f->ps, .how = HOW_INFERRED};
        w->m[W_entry_access] = (struct win_member){.off = f->ps, .size = 4, .how = HOW_INFERRED};
        if (entries_fit(f, off))
            return true;
        w->m[W_entry_object] = w->m[W_entry_access] = (struct win_member){0};
        return false;
    }
    return true;
}

void infer_handles(struct infer *f)
{
    size_t off = 0;
    const struct arrangement *a = NULL;
    if (win_has(f->w, W_process_handles) || !find_table(f, &off, &a))
        return;
    infer_know(f, W_table_code, a->code, f->ps);
    infer_know(f, W_table_process, a->process, f->ps);
    if (find_entry(f, off)) {
        infer_know(f, W_process_handles, off, f->ps);
    } else {
        f->w->m[W_table_code] = f->w->m[W_table_process] = (struct win_member){0};
    }
}

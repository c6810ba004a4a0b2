/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads without a profile.
 *
 * EPROCESS.ThreadListHead is the head of a list whose entries lie in objects that hold, shortly in
 * front of the entry, the process' id and a thread's (CLIENT_ID): true from Windows XP to 11, and
 * of no other list. The object begins where a dispatcher header of type 6 is (KOBJECTS, ntddk.h)
 * and a list of waiters that is whole, or its size; exactly one distance must do for all. The TEB
 * is what its own first part says it is (NT_TIB.Self, winnt.h; ClientId and the PEB behind it,
 * winternl.h).
 */
#include "os/windows/find.h"
#include "os/windows/infer_inner.h"

enum {
    MOST_BACK = 0x200, /* of CLIENT_ID before the list entry */
    MOST_START = 0x900,
    THREADS = 32, /* that are sampled */
    THREAD_OBJECT = 6,
    MAX_COUNTED = 4096,
};

struct threads {
    struct infer *f;
    size_t head, back;       /* offset of the list's head; of CLIENT_ID in front of an entry */
    uint64_t node[THREADS];  /* entries */
    size_t process[THREADS]; /* of which sample */
    unsigned nr;
};

static bool is_tid(uint64_t v)
{
    return v && !(v & 3) && v < 1 << 26;
}

/* Does sample i have at `off` the head of a list that has entries, and is whole at both ends? */
static bool is_head(const struct infer *f, size_t i, size_t off, uint64_t *first)
{
    uint64_t at = f->p[i].object + off, next = infer_word(f, i, off), back;
    if (next == at || !win_kernel_pointer(f->w, next) ||
        read_ptr(f->as, f->ps, next + f->ps, &back) != ST_OK || back != at)
        return false;
    *first = next;
    return true;
}

/* Is CLIENT_ID of this process `back` bytes in front of the entry? */
static bool is_client(const struct infer *f, size_t i, uint64_t node, size_t back)
{
    uint64_t pid, tid;
    return read_ptr(f->as, f->ps, node - back, &pid) == ST_OK && pid == f->p[i].pid &&
           read_ptr(f->as, f->ps, node - back + f->ps, &tid) == ST_OK && is_tid(tid);
}

/* How many samples have a list at `off` whose first entry fits, and how many have one at all. */
static void count(const struct infer *f, size_t off, size_t back, size_t *good, size_t *lists)
{
    uint64_t node;
    *good = *lists = 0;
    for (size_t i = 0; i < f->nr; i++)
        if (is_head(f, i, off, &node)) {
            ++*lists;
            *good += is_client(f, i, node, back);
        }
}

static bool find_list(struct threads *t)
{
    struct infer *f = t->f;
    size_t found = 0;
    for (size_t off = f->w->m[W_process_links].off; off + 2 * f->ps <= f->p[0].n; off += f->ps) {
        uint64_t node;
        if (!is_head(f, 0, off, &node))
            continue;
        for (size_t back = 2 * f->ps; back <= MOST_BACK; back += f->ps) {
            size_t good, lists;
            if (!is_client(f, 0, node, back))
                continue;
            count(f, off, back, &good, &lists);
            if (good < 2 || good * 4 < lists * 3 || lists * 2 < f->nr)
                continue;
            found++;
            t->head = off;
            t->back = back;
        }
    }
    return found == 1;
}

static void sample_threads(struct threads *t)
{
    struct infer *f = t->f;
    unsigned each = f->nr < 8 ? 4 : 2;
    for (size_t i = 0; i < f->nr && t->nr < THREADS; i++) {
        struct list_walk list;
        uint64_t node;
        list_start(&list, f->as, f->ps, f->p[i].object + t->head, each);
        while (t->nr < THREADS && list_next(&list, NULL, &node) == 1)
            if (is_client(f, i, node, t->back)) {
                t->node[t->nr] = node;
                t->process[t->nr++] = i;
            }
    }
}

/* A dispatcher header of a thread: its type, then its size and no signal (until Vista; flags took
 * the size's place), or its list of waiters. */
static bool is_thread(const struct infer *f, uint64_t at)
{
    uint8_t h[8];
    uint64_t next, back, head = at + 8;
    if (aspace_read(f->as, GVA(at), h, sizeof h, NULL) != ST_OK || h[0] != THREAD_OBJECT)
        return false;
    if (!h[1] && h[2] && !h[3] && !le32(h + 4))
        return true;
    return read_ptr(f->as, f->ps, head, &next) == ST_OK && win_kernel_pointer(f->w, next) &&
           read_ptr(f->as, f->ps, next + f->ps, &back) == ST_OK && back == head;
}

/* Where the object begins: how far in front of the entry; 0: no distance, or several do. */
static size_t find_start(const struct threads *t)
{
    size_t found = 0;
    for (size_t d = t->back + 2 * t->f->ps; d <= MOST_START; d += t->f->ps) {
        unsigned good = 0;
        while (good < t->nr && is_thread(t->f, t->node[good] - d))
            good++;
        if (good < t->nr)
            continue;
        if (found)
            return 0;
        found = d;
    }
    return found;
}

/* Is this a thread's TEB, in its process' space? */
static bool is_teb(const struct threads *t, unsigned k, uint64_t teb)
{
    const struct infer *f = t->f;
    struct aspace as;
    uint64_t peb, self, own;
    return teb && !(teb & 0xfff) && !win_kernel_pointer(f->w, teb) &&
           infer_space(f, t->process[k], &as, &peb) &&
           read_ptr(&as, f->ps, teb + 6 * f->ps, &self) == ST_OK && self == teb &&
           read_ptr(&as, f->ps, teb + (f->ps == 8 ? 0x60 : 0x30), &own) == ST_OK && own == peb;
}

static void find_teb(struct threads *t, size_t start)
{
    struct infer *f = t->f;
    size_t found = 0;
    for (size_t off = 2 * f->ps; off + f->ps <= start && off < 0x300; off += f->ps) {
        unsigned good = 0, tried = 0;
        for (unsigned k = 0; k < t->nr; k++) {
            struct aspace as;
            uint64_t v, peb;
            if (!infer_space(f, t->process[k], &as, &peb))
                continue;
            tried++;
            good +=
                read_ptr(f->as, f->ps, t->node[k] - start + off, &v) == ST_OK && is_teb(t, k, v);
        }
        if (good < 2 || good * 4 < tried * 3)
            continue;
        if (found)
            return;
        found = off;
    }
    if (found)
        infer_know(f, W_thread_teb, found, f->ps);
}

/* Is there at `off` of every sampled thread a time from its process' beginning to now? `shift`:
 * Windows XP and 2003 keep flags in the low bits. */
static bool is_create(const struct threads *t, size_t start, size_t off, unsigned shift,
                      uint64_t now)
{
    const struct infer *f = t->f;
    size_t at = f->w->m[W_process_create].off;
    const uint64_t y2000 = 125911584000000000ULL;
    for (unsigned k = 0; k < t->nr; k++) {
        size_t i = t->process[k];
        uint64_t v, began = at + 8 <= f->p[i].n ? le64(f->p[i].bytes + at) : 0;
        if (aspace_read64(f->as, GVA(t->node[k] - start + off), &v) != ST_OK)
            return false;
        v >>= shift;
        if (v < MAX_OF(began, y2000) || v > now)
            return false;
    }
    return true;
}

static void find_create(struct threads *t, size_t start)
{
    struct infer *f = t->f;
    struct windows_view *w = f->w;
    uint8_t page[WIN_SHARED_SIZE];
    struct win_shared s;
    unsigned shift = w->major == 5 ? 3 : 0;
    size_t found = 0;
    if (!win_has(w, W_process_create) || w->v->info.boot_time_s == 0 ||
        aspace_read(f->as, GVA(win_shared_data(w->v->form)), page, sizeof page, NULL) != ST_OK ||
        !win_shared_parse((struct bytes){page, sizeof page}, &s))
        return;
    for (size_t off = 8; off + 8 <= start + 0x400; off += 8) {
        if (!is_create(t, start, off, shift, s.now))
            continue;
        if (found)
            return;
        found = off;
    }
    if (!found)
        return;
    infer_know(f, W_thread_create, found, 8);
    if (shift)
        infer_know(f, W_thread_nested, found, 1);
}

/* State: only where the debugger block tells it, and all that were sampled are in a state. */
static void find_state(struct threads *t, size_t start)
{
    struct infer *f = t->f;
    uint8_t state;
    for (unsigned k = 0; k < t->nr; k++)
        if (!f->w->told.thread_state || f->w->told.thread_state >= start ||
            aspace_read(f->as, GVA(t->node[k] - start + f->w->told.thread_state), &state, 1,
                        NULL) != ST_OK ||
            state > 9)
            return;
    infer_know(f, W_thread_state, f->w->told.thread_state, 1);
}

/* ActiveThreads: the number of entries of every sample's list; exactly one place fits. */
static void find_count(struct threads *t)
{
    struct infer *f = t->f;
    uint32_t have[INFER_SAMPLES];
    size_t found = 0;
    bool differ = false;
    for (size_t i = 0; i < f->nr; i++) {
        struct list_walk list;
        uint64_t node;
        have[i] = 0;
        list_start(&list, f->as, f->ps, f->p[i].object + t->head, MAX_COUNTED);
        while (list_next(&list, NULL, &node) == 1)
            have[i]++;
        differ |= have[i] != have[0];
    }
    if (!differ) /* too little to tell it by */
        return;
    for (size_t off = t->head; off + 4 <= f->p[0].n; off += 4) {
        size_t good = 0;
        for (size_t i = 0; i < f->nr; i++)
            good += off + 4 <= f->p[i].n && le32(f->p[i].bytes + off) == have[i];
        if (good != f->nr)
            continue;
        if (found)
            return;
        found = off;
    }
    if (found)
        infer_know(f, W_process_active_threads, found, 4);
}

void infer_threads(struct infer *f)
{
    struct threads t = {.f = f};
    if (win_has(f->w, W_process_thread_list) || !find_list(&t))
        return;
    sample_threads(&t);
    size_t start = t.nr >= 4 ? find_start(&t) : 0;
    if (!start)
        return;
    infer_know(f, W_process_thread_list, t.head, 2 * f->ps);
    infer_know(f, W_thread_links, start, 2 * f->ps);
    infer_know(f, W_thread_tid, start - t.back + f->ps, f->ps);
    find_teb(&t, start);
    find_create(&t, start);
    find_state(&t, start);
    find_count(&t);
}

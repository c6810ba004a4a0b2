/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that infer share: the sampled processes. */
#ifndef TINYVMI_OS_WINDOWS_INFER_INNER_H
#define TINYVMI_OS_WINDOWS_INFER_INNER_H

#include "os/windows/windows.h"

enum { INFER_SPAN = 4096, INFER_SAMPLES = 128 };

struct infer {
    struct windows_view *w;
    const struct aspace *as;
    unsigned ps; /* bytes of a pointer */
    size_t nr;
    struct {
        uint64_t object;
        uint32_t pid;
        uint8_t bytes[INFER_SPAN];
        size_t n;
    } p[INFER_SAMPLES]; /* [0]: System */
};

/* The pointer-sized word at `off` of sample i; all ones: it is not there. */
static inline uint64_t infer_word(const struct infer *f, size_t i, size_t off)
{
    if (off + f->ps > f->p[i].n)
        return ~0ULL;
    return f->ps == 8 ? le64(f->p[i].bytes + off) : le32(f->p[i].bytes + off);
}

/* What a profile told stays. */
static inline void infer_know(struct infer *f, enum layout_id id, size_t off, unsigned size)
{
    if (!f->w->m[id].how)
        f->w->m[id] = (struct win_member){.off = (uint32_t)off, .size = size, .how = HOW_INFERRED};
}

/* The space of a sampled process, and its PEB there; false: it has none, or they are not known. */
bool infer_space(const struct infer *f, size_t i, struct aspace *as, uint64_t *peb);

void infer_threads(struct infer *f); /* ETHREAD, ThreadListHead, ActiveThreads; infer_thread.c */
void infer_handles(struct infer *f); /* ObjectTable, HANDLE_TABLE, its entries; infer_handle.c */
void infer_vads(struct infer *f);    /* VadRoot, the nodes; infer_vad.c */

#endif

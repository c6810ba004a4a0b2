/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the inference share: what is known so far, and small reads. */
#ifndef TINYVMI_OS_LINUX_INFER_INNER_H
#define TINYVMI_OS_LINUX_INFER_INNER_H

#include "os/linux/infer.h"

enum {
    TASK_SPAN = 16384, /* no task_struct is larger */
    MM_SPAN = 2048,
    MODULE_SPAN = 2048,
    SAMPLES = 256,
    MAX_WORK = 4 << 20,
    PF_KTHREAD = 0x00200000,
};

struct infer {
    struct linux_view *l;
    const struct aspace *as;
    unsigned ps;            /* pointer size */
    uint64_t task[SAMPLES]; /* [0] the idle task, then in list order */
    uint64_t mm[SAMPLES];   /* 0 for kernel threads */
    size_t nr;
    size_t init, kthreadd; /* indices of pid 1 and 2 */
    uint64_t work; /* list entries that may still be looked at: a forged image offers any number of
                      lists */
};

static inline uint64_t word(const struct infer *f, uint64_t at)
{
    uint64_t v;
    return read_ptr(f->as, f->ps, at, &v) == ST_OK ? v : ~0ULL;
}

static inline uint32_t u32_at(const struct infer *f, uint64_t at)
{
    uint32_t v;
    return aspace_read32(f->as, GVA(at), &v) == ST_OK ? v : ~0u;
}

static inline void know(struct infer *f, enum layout_id id, int64_t off, uint32_t size)
{
    if (!f->l->m[id].known)
        f->l->m[id] = (struct lx_member){.off = off, .size = size, .known = true, .inferred = true};
}

static inline bool name_like(const uint8_t *s, size_t n)
{
    size_t len = strnlen((const char *)s, n);
    if (!len || len == n)
        return false;
    for (size_t i = 0; i < len; i++)
        if (s[i] < 0x20 || s[i] > 0x7e)
            return false;
    return true;
}

/* The module list and the members of struct module. */
void lx_infer_modules(struct infer *f);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON text on its way out, in pieces. */
#ifndef TINYVMI_SYM_ISF_OUT_H
#define TINYVMI_SYM_ISF_OUT_H

#include "core/bytes.h"

enum { ISF_BUFFER = 1 << 16 };

struct isf_out {
    int (*put)(const void *bytes, size_t n, void *data); /* non-zero: no more */
    void *data;
    bool stopped;
    size_t n;
    char buffer[ISF_BUFFER];
};

void isf_flush(struct isf_out *w);
void isf_put_n(struct isf_out *w, const char *s, size_t n); /* at most ISF_BUFFER */
void isf_put(struct isf_out *w, const char *s);
void isf_put_u64(struct isf_out *w, uint64_t v);
void isf_put_i64(struct isf_out *w, int64_t v);
/* A string in quotes. Names come from the guest: what is not plain ASCII is escaped. */
void isf_put_text(struct isf_out *w, const char *s);

#endif

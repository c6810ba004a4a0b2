/* SPDX-License-Identifier: BSD-2-Clause */
/* Types of the kernel's variables that BTF does not tell. */
#ifndef TINYVMI_SYM_ISF_KNOWN_H
#define TINYVMI_SYM_ISF_KNOWN_H

#include <stdbool.h>

struct isf_known {
    const char *name, *type; /* `type` as BTF names it */
    bool pointer;            /* the variable is a pointer to it */
};

/* NULL: it is not in the list. */
const struct isf_known *isf_known(const char *name);

#endif

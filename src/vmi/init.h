/* SPDX-License-Identifier: BSD-2-Clause */
/* Making an instance, as vmi_open, vmi_init and the tests do. */
#ifndef TINYVMI_VMI_INIT_H
#define TINYVMI_VMI_INIT_H

#include "vmi/instance.h"

/*
 * An instance over a source that is open; it is moved in, and closed by vmi_destroy. `name` is
 * copied; NULL: the source's. NULL when there is no memory; the source is then still the caller's.
 */
vmi_instance_t instance_new(struct source *source, vmi_mode_t mode, const char *name);

/*
 * Finds the operating system with what vmi->config says (NULL: nothing). `flags`: VMI_OPEN_*. Else
 * the story is recorded, and the instance has no system.
 */
MUST_USE vmi_init_error_t instance_find_configured(vmi_instance_t vmi, uint64_t flags);

/* The mode that a source's kind belongs to. */
vmi_mode_t mode_of_source(const struct source *s);

/* What a program calls the system that was found. */
os_t os_of_kind(enum vmi_os_kind kind);

#endif

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

/* Finds the operating system. On failure the story is recorded, and the instance has none. */
MUST_USE status_t instance_find_os(vmi_instance_t vmi, const struct os_options *options);

/* The mode that a source's kind belongs to. */
vmi_mode_t mode_of_source(const struct source *s);

/* What a program calls the system that was found. */
os_t os_of_kind(enum vmi_os_kind kind);

#endif

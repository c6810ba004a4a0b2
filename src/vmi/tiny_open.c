/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening any target, and what is known about it. */
#include "vmi/access.h"
#include "vmi/config.h"
#include "vmi/init.h"

#include <stdlib.h>

_Static_assert(SOURCE_NO_QMP == VMI_OPEN_NO_QMP && SOURCE_COPY_ON_WRITE == VMI_OPEN_COPY_ON_WRITE &&
                   SOURCE_NO_REGISTERS == VMI_OPEN_NO_REGISTERS,
               "the flags are passed through");

const char *tinyvmi_version(void)
{
    return TINYVMI_VERSION;
}

/* The path as the program gave it: a target may say "file:" in front. */
static const char *name_of_target(const char *target, const struct source *s)
{
    if (mode_of_source(s) != VMI_FILE)
        return NULL;
    return strncmp(target, "file:", 5) == 0 ? target + 5 : target;
}

static status_t load_config(vmi_instance_t vmi, const char *config)
{
    vmi_init_error_t missing;
    vmi_config_t mode = *config == '{' ? VMI_CONFIG_STRING : VMI_CONFIG_FILE_PATH;
    int st = config_load(vmi, mode, (void *)(uintptr_t)config, &vmi->config, &missing);
    if (st == ST_ABSENT)
        return vmi->diag.code == ST_ABSENT && vmi->diag.text[0]
                   ? vmi_fail(vmi, st, NULL)
                   : vmi_fail(vmi, st, "%s has no entry for this guest", config);
    return st == ST_OK ? VMI_SUCCESS : vmi_fail(vmi, st, NULL);
}

/* With what the caller knows about the kernel. */
static status_t find_os(vmi_instance_t vmi, const struct vmi_open_options *o)
{
    if (o->config && load_config(vmi, o->config) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (o->profile) {
        if (!vmi->config)
            vmi->config = config_new();
        if (!vmi->config || config_set_text(vmi->config, "volatility_ist", o->profile) != ST_OK)
            return vmi_fail(vmi, ST_NOMEM, "no memory for the profile's name");
    }
    return instance_find_configured(vmi, o->flags) == VMI_INIT_ERROR_NONE ? VMI_SUCCESS
                                                                          : VMI_FAILURE;
}

status_t vmi_open(vmi_instance_t *vmi, const char *target, const struct vmi_open_options *options)
{
    static const struct vmi_open_options none;
    struct source source;
    struct diag d = {0};
    if (!vmi || !target)
        return vmi_open_fail(ST_INVALID, "no target was named");
    *vmi = NULL;
    if (!options)
        options = &none;
    struct source_options so = {.flags = options->flags, .format = options->format};
    int st = source_open(target, &so, &d, &source);
    if (st != ST_OK)
        return vmi_open_fail(st, "%s", d.text);
    vmi_instance_t made =
        instance_new(&source, mode_of_source(&source), name_of_target(target, &source));
    if (!made) {
        source_close(&source);
        return vmi_open_fail(ST_NOMEM, "no memory for an instance");
    }
    if (!(options->flags & VMI_OPEN_MEMORY_ONLY) && find_os(made, options) != VMI_SUCCESS) {
        vmi_open_fail_from(made);
        vmi_destroy(made);
        return VMI_FAILURE;
    }
    if (options->flags & VMI_OPEN_MEMORY_ONLY)
        vmi_init_paging(made, 0); /* helpful where there are registers, not needed */
    vmi_forget_errors(made);
    *vmi = made;
    return VMI_SUCCESS;
}

status_t vmi_list_targets(vmi_target_cb cb, void *data, struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    if (!cb)
        return vmi_open_fail(ST_INVALID, "no callback was given");
    int st = source_list(cb, data, &o);
    if (ret)
        *ret = o;
    return st >= 0 ? VMI_SUCCESS
                   : vmi_open_fail(st, "the targets on this machine cannot be listed: %s",
                                   status_name(st));
}

const struct vmi_kernel *vmi_kernel_info(vmi_instance_t vmi)
{
    if (!vmi_need_os(vmi))
        return NULL;
    if (vmi->source.live && vmi->os.ops->refresh)
        (void)!vmi->os.ops->refresh(&vmi->os); /* what cannot be read anew stays as it was */
    return &vmi->os.info;
}

const struct vmi_fact *vmi_kernel_facts(vmi_instance_t vmi, size_t *n)
{
    if (n)
        *n = 0;
    if (!n || !vmi_need_os(vmi))
        return NULL;
    *n = vmi->os.nr_facts;
    return vmi->os.fact;
}

const char *vmi_source_kind(vmi_instance_t vmi, bool *live)
{
    if (!vmi)
        return NULL;
    if (live)
        *live = vmi->source.live;
    return vmi->source.kind;
}

const struct vmi_range *vmi_memory_ranges(vmi_instance_t vmi, size_t *n)
{
    if (n)
        *n = 0;
    if (!vmi || !n)
        return NULL;
    const struct phys *p = &vmi->source.phys;
    if (!vmi->ranges && p->nr) {
        vmi->ranges = calloc(p->nr, sizeof *vmi->ranges);
        if (!vmi->ranges) {
            vmi_fail(vmi, ST_NOMEM, "no memory for the ranges of memory");
            return NULL;
        }
        bool can_map = p->ops && p->ops->map;
        vmi->nr_ranges = p->nr;
        for (size_t i = 0; i < p->nr; i++)
            vmi->ranges[i] = (struct vmi_range){.start = p->range[i].start,
                                                .size = p->range[i].len,
                                                .mapped = p->range[i].host || can_map};
    }
    *n = vmi->nr_ranges;
    return vmi->ranges;
}

status_t vmi_get_statistics(vmi_instance_t vmi, struct vmi_statistics *ret)
{
    if (!vmi || !ret)
        return vmi_fail(vmi, ST_INVALID, "no place for the statistics was given");
    *ret = vmi->statistics;
    return VMI_SUCCESS;
}

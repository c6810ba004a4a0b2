/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing, LibVMI's way. vmi_open is in tiny_open.c; both make the same instance. */
#define _GNU_SOURCE
#include "vmi/init.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/platform.h"
#include "vmi/access.h"
#include "vmi/breaks.h"
#include "vmi/bridge.h"
#include "vmi/config.h"
#include "vmi/json.h"

/* ---- the instance ---------------------------------------------------------------------------- */

vmi_instance_t instance_new(struct source *source, vmi_mode_t mode, const char *name)
{
    vmi_instance_t vmi = calloc(1, sizeof *vmi);
    char *copy = strdup(name ? name : source->name);
    if (!vmi || !copy) {
        free(vmi);
        free(copy);
        return NULL;
    }
    vmi->source = *source;
    vmi->name = copy;
    vmi->mode = mode;
    vmi->page_mode = VMI_PM_UNKNOWN;
    return vmi;
}

static void close_os(vmi_instance_t vmi)
{
    if (vmi->have_os)
        os_close(&vmi->os);
    vmi->have_os = false;
    profile_file_close(&vmi->profile);
    vmi->memo.pid = vmi->memo.dtb_pid = 0;
    free(vmi->ksyms);
    vmi->ksyms = NULL;
    vmi->space.policy = NULL; /* it was the view's */
}

status_t vmi_destroy(vmi_instance_t vmi)
{
    if (!vmi)
        return VMI_FAILURE;
    breaks_close(vmi);
    bridge_close(vmi);
    close_os(vmi);
    json_close(vmi);
    config_free(vmi->config);
    cache_close(vmi);
    map_deinit(&vmi->names);
    source_close(&vmi->source);
    free(vmi->ranges);
    free(vmi->name);
    free(vmi);
    return VMI_SUCCESS;
}

/*
 * Finds the operating system, with the profile of this path (NULL: none). On failure the story is
 * recorded, and the instance has none.
 */
static status_t find_os(vmi_instance_t vmi, const struct os_options *options, const char *profile)
{
    struct os_options with = *options;
    close_os(vmi);
    diag_clear(&vmi->diag);
    int st = profile ? profile_file_open(profile, &vmi->diag, &vmi->profile) : ST_OK;
    if (st != ST_OK)
        return vmi_fail(vmi, st, NULL);
    if (profile)
        with.profile = vmi->profile.bytes;
    st = os_open(&vmi->source, &with, &vmi->diag, &vmi->os);
    if (st != ST_OK) {
        profile_file_close(&vmi->profile);
        return vmi_fail(vmi, st, NULL);
    }
    vmi->have_os = true;
    paging_from_os(vmi);
    return VMI_SUCCESS;
}

vmi_mode_t mode_of_source(const struct source *s)
{
    if (strcmp(s->kind, "qemu") == 0)
        return VMI_KVM;
    return strcmp(s->kind, "xen") == 0 ? VMI_XEN : VMI_FILE;
}

os_t os_of_kind(enum vmi_os_kind kind)
{
    return kind == VMI_KIND_LINUX     ? VMI_OS_LINUX
           : kind == VMI_KIND_WINDOWS ? VMI_OS_WINDOWS
                                      : VMI_OS_UNKNOWN;
}

/* ---- which source ---------------------------------------------------------------------------- */

static const char *prefix_of_mode(vmi_mode_t mode)
{
    return mode == VMI_XEN ? "xen:" : mode == VMI_KVM ? "qemu:" : mode == VMI_FILE ? "file:" : NULL;
}

static bool mode_built_in(vmi_mode_t mode)
{
    const char *prefix = prefix_of_mode(mode);
    if (mode == VMI_FILE)
        return true;
    for (size_t i = 0; prefix && source_kinds[i]; i++)
        if (source_kinds[i]->prefix && strcmp(source_kinds[i]->prefix, prefix) == 0)
            return true;
    return false;
}

struct search {
    const char *name; /* NULL: by id */
    uint64_t id;
    unsigned found[2]; /* in VMI_XEN, VMI_KVM */
};

static int match_target(const struct vmi_target *t, void *data)
{
    struct search *s = data;
    unsigned mode = strcmp(t->kind, "xen") == 0 ? VMI_XEN : VMI_KVM;
    if (s->name ? strcmp(t->name, s->name) == 0 : t->id >= 0 && (uint64_t)t->id == s->id)
        s->found[mode]++;
    return 0;
}

static bool is_file(const char *path)
{
    struct plat_file f;
    if (plat_file_open(path, 0, &f) != 0)
        return false;
    plat_file_close(&f);
    return true;
}

/* A name with the prefix of a kind says itself what it is. */
static bool mode_by_prefix(const char *name, vmi_mode_t *ret)
{
    for (vmi_mode_t m = VMI_XEN; m <= VMI_FILE; m++) {
        const char *prefix = prefix_of_mode(m);
        if (strncmp(name, prefix, strlen(prefix)) == 0 && mode_built_in(m)) {
            *ret = m;
            return true;
        }
    }
    return false;
}

static status_t detect(const char *name, uint64_t id, vmi_mode_t *ret)
{
    struct search s = {.name = name, .id = id};
    struct vmi_outcome o;
    if (name && mode_by_prefix(name, ret))
        return VMI_SUCCESS;
    if (!name || !strchr(name, '/')) /* no guest has a name like a path */
        (void)!source_list(match_target, &s, &o);
    unsigned guests = s.found[VMI_XEN] + s.found[VMI_KVM];
    if (guests > 1)
        return vmi_open_fail(ST_INVALID, "%u guests have this name: open one by its id", guests);
    if (guests) {
        *ret = s.found[VMI_XEN] ? VMI_XEN : VMI_KVM;
        return VMI_SUCCESS;
    }
    if (name && is_file(name)) {
        *ret = VMI_FILE;
        return VMI_SUCCESS;
    }
    return name
               ? vmi_open_fail(ST_ABSENT, "%s is no guest on this machine and no memory file", name)
               : vmi_open_fail(ST_ABSENT, "no guest on this machine has the id %" PRIu64, id);
}

status_t vmi_get_access_mode(vmi_instance_t vmi, const void *domain, uint64_t init_flags,
                             vmi_init_data_t *init_data, vmi_mode_t *mode)
{
    (void)init_data;
    if (!mode)
        return vmi_fail(vmi, ST_INVALID, "no place for the mode was given");
    if (vmi) {
        *mode = vmi->mode;
        return VMI_SUCCESS;
    }
    bool by_name = init_flags & VMI_INIT_DOMAINNAME, by_id = init_flags & VMI_INIT_DOMAINID;
    if (!domain || by_name == by_id)
        return vmi_open_fail(ST_INVALID, "a guest is looked for by its name or by its id");
    return by_name ? detect(domain, 0, mode) : detect(NULL, *(const uint64_t *)domain, mode);
}

/* ---- vmi_init -------------------------------------------------------------------------------- */

static void set_init_error(vmi_init_error_t *error, vmi_init_error_t value)
{
    if (error)
        *error = value;
}

/*
 * LibVMI says on stderr why a guest cannot be opened; its programs have no other way to tell. The
 * prefix is LibVMI's.
 */
static void say_error(const struct vmi_error *e)
{
    fprintf(stderr, "VMI_ERROR: %s\n", e->text);
}

/* The data of the first entry of this type, or NULL. */
static const void *init_datum(const vmi_init_data_t *data, uint64_t type)
{
    for (uint64_t i = 0; data && i < data->count; i++)
        if (data->entry[i].type == type)
            return data->entry[i].data;
    return NULL;
}

/* What source_open takes; to be freed. NULL with *why and the story. */
static char *target_name(vmi_mode_t mode, const void *domain, uint64_t flags,
                         const vmi_init_data_t *data, vmi_init_error_t *why)
{
    const uint64_t naming = flags & (VMI_INIT_DOMAINNAME | VMI_INIT_DOMAINID | VMI_INIT_DOMAINUUID);
    const char *prefix = prefix_of_mode(mode),
               *socket = init_datum(data, VMI_INIT_DATA_KVMI_SOCKET);
    char *target = NULL;
    int n = -1;
    *why = VMI_INIT_ERROR_VM_NOT_FOUND;
    if (!domain || __builtin_popcountll(naming) != 1) {
        vmi_open_fail(
            ST_INVALID,
            "exactly one of VMI_INIT_DOMAINNAME, _DOMAINID and _DOMAINUUID names the guest");
        return NULL;
    }
    if (naming != VMI_INIT_DOMAINNAME && mode == VMI_FILE)
        vmi_open_fail(ST_INVALID, "a memory file is named by its path (VMI_INIT_DOMAINNAME)");
    else if (naming == VMI_INIT_DOMAINUUID && mode != VMI_XEN)
        vmi_open_fail(ST_UNSUPPORTED, "only Xen guests can be named by a UUID");
    else if (mode == VMI_KVM && socket)
        n = asprintf(&target, "%s%s", prefix, socket);
    else if (naming == VMI_INIT_DOMAINID)
        n = asprintf(&target, "%s%" PRIu64, prefix, *(const uint64_t *)domain);
    else
        n = asprintf(&target, "%s%s", strncmp(domain, prefix, strlen(prefix)) == 0 ? "" : prefix,
                     (const char *)domain);
    return n < 0 ? NULL : target;
}

/* Keeps only those parts of memory that the program's map has. */
static int restrict_memory(struct phys *p, const memory_map_t *map)
{
    struct phys kept;
    int st = ST_OK;
    phys_init(&kept, p->ops, p->source);
    for (uint64_t m = 0; m < map->count && st == ST_OK; m++) {
        for (size_t i = 0; i < p->nr && st == ST_OK; i++) {
            const struct phys_range *r = &p->range[i];
            uint64_t from = MAX_OF(r->start, map->range[m][0]), last = r->start + (r->len - 1);
            if (!map->range[m][1] || from > last || map->range[m][1] <= from)
                continue;
            uint64_t skip = from - r->start, len = MIN_OF(last, map->range[m][1] - 1) - from + 1;
            st = phys_add(&kept, &(struct phys_range){.start = from,
                                                      .len = len,
                                                      .host = r->host ? r->host + skip : NULL,
                                                      .cookie = r->cookie + skip});
        }
    }
    if (st != ST_OK) {
        phys_deinit(&kept);
        return st;
    }
    phys_deinit(p);
    *p = kept;
    return ST_OK;
}

/* Events and the domain watch, where they are asked for. */
static vmi_init_error_t start_events(vmi_instance_t vmi, const vmi_init_data_t *data,
                                     vmi_instance_t *ret)
{
    int st = ST_OK;
    if (vmi->init_flags & VMI_INIT_EVENTS)
        st = bridge_open(vmi, (void *)init_datum(data, VMI_INIT_DATA_XEN_EVTCHN));
    else if (vmi->init_flags & VMI_INIT_DOMAINWATCH)
        st = bridge_open_watch(vmi);
    if (st != ST_OK) {
        vmi_open_fail(st, "%s", vmi->diag.text);
        vmi_destroy(vmi);
        return VMI_INIT_ERROR_EVENTS;
    }
    *ret = vmi;
    return VMI_INIT_ERROR_NONE;
}

/* An instance that can do nothing but watch domains come and go. */
static vmi_init_error_t open_watch(vmi_instance_t *ret, vmi_mode_t mode)
{
    struct source none = {.kind = "xen"};
    if (mode != VMI_XEN) {
        vmi_open_fail(ST_UNSUPPORTED, "only Xen's domains can be watched");
        return VMI_INIT_ERROR_EVENTS;
    }
    vmi_instance_t vmi = instance_new(&none, mode, "");
    if (!vmi) {
        vmi_open_fail(ST_NOMEM, "no memory for an instance");
        return VMI_INIT_ERROR_DRIVER;
    }
    vmi->init_flags = VMI_INIT_DOMAINWATCH;
    return start_events(vmi, NULL, ret);
}

static vmi_init_error_t open_instance(vmi_instance_t *ret, vmi_mode_t mode, const void *domain,
                                      uint64_t flags, const vmi_init_data_t *data)
{
    struct source_options options = {0};
    struct source source;
    struct diag d = {0};
    vmi_init_error_t why;
    if (!mode_built_in(mode)) {
        vmi_open_fail(ST_UNSUPPORTED, "this library was built without the mode %d", (int)mode);
        return VMI_INIT_ERROR_DRIVER_NOT_DETECTED;
    }
    if (flags == VMI_INIT_DOMAINWATCH)
        return open_watch(ret, mode);
    char *target = target_name(mode, domain, flags, data, &why);
    if (!target)
        return why;
    int st = source_open(target, &options, &d, &source);
    free(target);
    if (st != ST_OK) {
        vmi_open_fail(st, "%s", d.text);
        return st == ST_ABSENT ? VMI_INIT_ERROR_VM_NOT_FOUND : VMI_INIT_ERROR_DRIVER;
    }
    const memory_map_t *map = init_datum(data, VMI_INIT_DATA_MEMMAP);
    if (map)
        st = restrict_memory(&source.phys, map);
    vmi_instance_t vmi = NULL;
    if (st == ST_OK)
        vmi = instance_new(&source, mode, mode == VMI_FILE ? domain : NULL);
    if (!vmi) {
        source_close(&source);
        vmi_open_fail(st == ST_OK ? ST_NOMEM : st, "the instance cannot be made: %s",
                      status_name(st == ST_OK ? ST_NOMEM : st));
        return VMI_INIT_ERROR_DRIVER;
    }
    vmi->init_flags = flags;
    return start_events(vmi, data, ret);
}

status_t vmi_init(vmi_instance_t *vmi, vmi_mode_t mode, const void *domain, uint64_t init_flags,
                  vmi_init_data_t *init_data, vmi_init_error_t *error)
{
    if (!vmi) {
        set_init_error(error, VMI_INIT_ERROR_DRIVER);
        return vmi_open_fail(ST_INVALID, "no place for the instance was given");
    }
    *vmi = NULL;
    vmi_init_error_t why = open_instance(vmi, mode, domain, init_flags, init_data);
    set_init_error(error, why);
    if (why != VMI_INIT_ERROR_NONE)
        say_error(vmi_last_error(NULL));
    return why == VMI_INIT_ERROR_NONE ? VMI_SUCCESS : VMI_FAILURE;
}

status_t vmi_init_complete(vmi_instance_t *vmi, const void *domain, uint64_t init_flags,
                           vmi_init_data_t *init_data, vmi_config_t config_mode, void *config,
                           vmi_init_error_t *error)
{
    vmi_init_error_t why = VMI_INIT_ERROR_DRIVER_NOT_DETECTED;
    vmi_mode_t mode;
    if (vmi)
        *vmi = NULL;
    set_init_error(error, why);
    if (vmi_get_access_mode(NULL, domain, init_flags, init_data, &mode) != VMI_SUCCESS) {
        say_error(vmi_last_error(NULL));
        return VMI_FAILURE;
    }
    if (vmi_init(vmi, mode, domain, init_flags, init_data, error) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (mode != VMI_FILE) /* without registers the kernel is found all the same */
        vmi_init_paging(*vmi, 0);
    if (vmi_init_os(*vmi, config_mode, config, error) != VMI_OS_UNKNOWN) {
        vmi_forget_errors(*vmi);
        return VMI_SUCCESS;
    }
    vmi_open_fail_from(*vmi);
    vmi_destroy(*vmi);
    *vmi = NULL;
    return VMI_FAILURE;
}

/* ---- paging and operating system ------------------------------------------------------------- */

page_mode_t vmi_init_paging(vmi_instance_t vmi, uint64_t flags)
{
    struct vcpu_regs regs = {0};
    struct aspace space;
    page_mode_t pm;
    (void)flags; /* transition pages matter to Windows guests alone */
    if (!vmi)
        return VMI_PM_UNKNOWN;
    if (!vmi->source.vcpu || !vmi->source.vcpu->registers) {
        vmi_unsupported(vmi, "vCPU registers to tell the page mode from");
        return VMI_PM_UNKNOWN;
    }
    int st = vmi->source.vcpu->registers(vmi->source.impl, 0, &regs);
    if (st == ST_OK)
        st = paging_of_registers(vmi, &regs, &pm, &space);
    if (st != ST_OK) {
        vmi_fail(vmi, st, "the registers of vCPU 0 do not tell the page mode: %s", status_name(st));
        return VMI_PM_UNKNOWN;
    }
    vmi->page_mode = pm;
    vmi->have_space = pm != VMI_PM_NONE;
    if (vmi->have_os) /* the kernel's own form is the better source, once it is known */
        paging_from_os(vmi);
    else if (vmi->have_space)
        vmi->space = space;
    return pm;
}

static enum vmi_os_kind wanted_kind(const struct config *c)
{
    if (!c || config_profile(c)) /* a profile says itself what it is for */
        return VMI_KIND_NONE;
    return c->ostype == VMI_OS_LINUX     ? VMI_KIND_LINUX
           : c->ostype == VMI_OS_WINDOWS ? VMI_KIND_WINDOWS
                                         : VMI_KIND_NONE;
}

vmi_init_error_t instance_find_configured(vmi_instance_t vmi, uint64_t flags)
{
    const struct config *c = vmi->config;
    struct os_settings settings = {0};
    struct os_options options = {.flags = flags, .settings = &settings, .kind = wanted_kind(c)};
    struct plat_file sysmap = {.fd = -1};
    int err = 0;
    if (c && !config_profile(c) && (c->ostype == VMI_OS_FREEBSD || c->ostype == VMI_OS_OSX)) {
        vmi_fail(vmi, ST_UNSUPPORTED, "FreeBSD and macOS guests are not supported");
        return VMI_INIT_ERROR_OS;
    }
    if (c) {
        config_settings(c, &settings);
        paging_from_config(vmi, c->page_mode);
    }
    if (c && c->sysmap && (err = plat_file_open(c->sysmap, 1, &sysmap)) != 0) {
        vmi_fail(vmi, ST_IO, "%s, which the configuration names, cannot be read: %s", c->sysmap,
                 strerror(-err));
        return VMI_INIT_ERROR_NO_CONFIG;
    }
    settings.sysmap = (struct bytes){sysmap.map, sysmap.size};
    status_t found = find_os(vmi, &options, c ? config_profile(c) : NULL);
    plat_file_close(&sysmap);
    if (found == VMI_SUCCESS)
        return VMI_INIT_ERROR_NONE;
    /* a file that the configuration names and that cannot be read is the configuration's fault */
    return vmi->diag.code == ST_IO && c && config_profile(c) ? VMI_INIT_ERROR_NO_CONFIG
                                                             : VMI_INIT_ERROR_OS;
}

/* Does the new configuration name another profile than the one that is loaded? */
static bool changes_profile(const struct config *old, const struct config *new)
{
    const char *had = old ? config_profile(old) : NULL, *has = config_profile(new);
    return had && has && strcmp(had, has) != 0;
}

os_t vmi_init_os(vmi_instance_t vmi, vmi_config_t config_mode, void *config,
                 vmi_init_error_t *error)
{
    struct config *c = NULL;
    vmi_init_error_t missing = VMI_INIT_ERROR_NONE;
    set_init_error(error, VMI_INIT_ERROR_OS);
    if (!vmi)
        return VMI_OS_UNKNOWN;
    int st = config_load(vmi, config_mode, config, &c, &missing);
    if (st != ST_OK && st != ST_ABSENT) {
        set_init_error(error, missing);
        say_error(vmi_last_error(vmi));
        return VMI_OS_UNKNOWN;
    }
    if (c)
        config_take_profile(c, vmi->config);
    if (c && vmi->json && changes_profile(vmi->config, c))
        json_close(vmi);
    if (c) {
        config_free(vmi->config);
        vmi->config = c;
    }
    vmi_init_error_t why = instance_find_configured(vmi, 0);
    if (why != VMI_INIT_ERROR_NONE && missing != VMI_INIT_ERROR_NONE)
        why = missing;
    set_init_error(error, why);
    if (why != VMI_INIT_ERROR_NONE)
        say_error(vmi_last_error(vmi));
    return why == VMI_INIT_ERROR_NONE ? os_of_kind(vmi->os.info.os) : VMI_OS_UNKNOWN;
}

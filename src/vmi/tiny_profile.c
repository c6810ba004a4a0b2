/* SPDX-License-Identifier: BSD-2-Clause */
/* Profiles written: of the guest that is looked at, or out of a file. */
#define _GNU_SOURCE
#include "vmi/access.h"
#include "vmi/profile_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "sym/compact.h"
#include "sym/isf_write.h"
#include "sym/vmlinux.h"

/* What goes out, counted. */
struct counted {
    vmi_write_cb cb;
    void *data;
    uint64_t bytes;
};

static int put(const void *bytes, size_t n, void *data)
{
    struct counted *c = data;
    c->bytes += n;
    return c->cb(bytes, n, c->data);
}

static int write_form(const struct profile *p, enum vmi_profile_form form,
                      const struct compact_origin *origin, uint64_t from, uint64_t slide,
                      struct counted *c, struct diag *d)
{
    uint8_t *made;
    size_t n;
    if (form == VMI_PROFILE_ISF)
        return isf_write(p, from, slide, put, c, d);
    if (form != VMI_PROFILE_COMPACT)
        return diag_fail(d, ST_INVALID, "%d is no form of a profile", (int)form);
    int st = compact_write(p, origin, from, slide, d, &made, &n);
    if (st != ST_OK)
        return st;
    if (put(made, n, c))
        st = diag_fail(d, ST_IO, "writing was broken off");
    free(made);
    return st;
}

static void tell(const struct profile *p, uint64_t bytes, struct vmi_profile_info *info)
{
    if (!info)
        return;
    *info = (struct vmi_profile_info){.os = p->os, .bytes = bytes};
    memcpy(info->dialect, p->dialect, sizeof info->dialect);
    memcpy(info->banner, p->banner, sizeof info->banner);
    memcpy(info->build_id, p->build_id, sizeof info->build_id);
    info->symbols = p->symbols.ops ? p->symbols.ops->count(p->symbols.self) : 0;
    info->types = p->types.ops ? p->types.ops->count(p->types.self) : 0;
}

/* ---- of a guest ------------------------------------------------------------------------------ */

static void find_build_id(const struct osview *os, struct profile *p)
{
    const struct symtab *t = &os->symbols;
    struct vmi_symbol first, end;
    uint8_t notes[4096];
    size_t n = 0;
    if (os->info.os != VMI_KIND_LINUX || !t->ops ||
        t->ops->by_name(t->self, "__start_notes", &first) != ST_OK ||
        t->ops->by_name(t->self, "__stop_notes", &end) != ST_OK ||
        end.address - first.address > sizeof notes)
        return;
    (void)!aspace_read(&os->kernel, GVA(first.address), notes,
                       (size_t)(end.address - first.address), &n);
    build_id_of_notes((struct bytes){notes, n}, p->build_id, sizeof p->build_id);
}

status_t vmi_profile_write(vmi_instance_t vmi, enum vmi_profile_form form, vmi_write_cb cb,
                           void *data, struct vmi_profile_info *info)
{
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (!cb)
        return vmi_fail(vmi, ST_INVALID, "no callback was given");
    const struct osview *os = &vmi->os;
    struct counted c = {cb, data, 0};
    struct profile p = {.types = os->types,
                        .symbols = os->symbols,
                        .os = os->info.os,
                        .ptr_size = os->ptr_size,
                        .dialect = "guest"};
    uint64_t slide = os->info.slide_known ? (uint64_t)os->info.slide : 0;
    /* below are per-CPU and absolute symbols, which do not move; of Windows, all are RVAs */
    uint64_t from = os->info.os == VMI_KIND_LINUX ? os->info.text_va & ~0x3fffffffULL : 0;
    if (os->info.os == VMI_KIND_WINDOWS)
        slide = os->info.text_va;
    if (os->info.os == VMI_KIND_LINUX)
        memcpy(p.banner, os->info.banner, sizeof p.banner);
    find_build_id(os, &p);
    diag_clear(&vmi->diag);
    int st = write_form(&p, form, NULL, from, slide, &c, &vmi->diag);
    if (st != ST_OK)
        return vmi_fail(vmi, st, NULL);
    tell(&p, c.bytes, info);
    return VMI_SUCCESS;
}

/* ---- out of a file --------------------------------------------------------------------------- */

struct input {
    struct profile_file file, types_file;
    struct profile p, types;
};

static void input_close(struct input *in)
{
    if (in->types.types.ops) /* they were lent to in->p */
        in->p.types = (struct types){0};
    profile_close(&in->p);
    profile_close(&in->types);
    profile_file_close(&in->file);
    profile_file_close(&in->types_file);
}

static int open_one(const char *path, struct profile_file *f, struct profile *p, struct diag *d)
{
    int st = profile_file_load(path, d, f);
    if (st == ST_OK && (st = profile_open(f->bytes, d, p)) != ST_OK)
        diag_wrap(d, st, "%s", path);
    return st;
}

static int input_open(const char *file, const char *types, struct diag *d, struct input *in)
{
    *in = (struct input){.p.os = VMI_KIND_NONE};
    int st = file ? open_one(file, &in->file, &in->p, d)
                  : diag_fail(d, ST_INVALID, "no profile was named");
    if (st == ST_OK && in->p.os == VMI_KIND_NONE)
        st = diag_fail(d, ST_BROKEN, "%s does not say which operating system it is for", file);
    if (st == ST_OK && types) {
        st = open_one(types, &in->types_file, &in->types, d);
        if (st == ST_OK && !in->types.types.ops)
            st = diag_fail(d, ST_ABSENT, "%s has no types", types);
    }
    if (st != ST_OK) {
        input_close(in);
        return st;
    }
    if (types) {
        if (in->p.types.ops)
            in->p.types.ops->close(in->p.types.self);
        in->p.types = in->types.types;
        in->p.ptr_size = in->types.ptr_size;
        if (!in->p.banner[0])
            memcpy(in->p.banner, in->types.banner, sizeof in->p.banner);
        if (!in->p.build_id[0])
            memcpy(in->p.build_id, in->types.build_id, sizeof in->p.build_id);
    }
    return ST_OK;
}

static int convert(const char *file, const char *types, enum vmi_profile_form form,
                   struct counted *c, struct diag *d, struct vmi_profile_info *info)
{
    struct input in;
    struct compact_origin origin = {0};
    int own, st = input_open(file, types, d, &in);
    if (st != ST_OK)
        return st;
    struct bytes whole = {in.file.file.map, in.file.file.size};
    origin.size = whole.n;
    plat_file_stamp(&in.file.file, &origin.mtime_ns, &own);
    origin.hash = compact_hash(whole);
    st = write_form(&in.p, form, &origin, 0, 0, c, d);
    if (st == ST_OK)
        tell(&in.p, c->bytes, info);
    input_close(&in);
    return st;
}

status_t vmi_profile_convert(const char *file, const char *types, enum vmi_profile_form form,
                             vmi_write_cb cb, void *data, struct vmi_profile_info *info)
{
    struct counted c = {cb, data, 0};
    struct diag d = {0};
    if (!cb)
        return vmi_open_fail(ST_INVALID, "no callback was given");
    int st = convert(file, types, form, &c, &d, info);
    return st == ST_OK ? VMI_SUCCESS : vmi_open_fail(st, "%s", d.text);
}

/* A compact profile comes in one piece. */
static int put_into_cache(const void *bytes, size_t n, void *data)
{
    return plat_cache_write(data, bytes, n);
}

status_t vmi_profile_cache(const char *file, const char *types, char *path, size_t size,
                           struct vmi_profile_info *info)
{
    char name[64], kept[PATH_MAX];
    struct counted c = {put_into_cache, name, 0};
    struct diag d = {0};
    if (!file)
        return vmi_open_fail(ST_INVALID, "no profile was named");
    profile_cache_name(file, name, sizeof name);
    if (plat_cache_path(name, kept, sizeof kept) != 0)
        return vmi_open_fail(ST_ABSENT, "there is no place for a cache: neither TINYVMI_CACHE nor "
                                        "XDG_CACHE_HOME nor HOME is set");
    int st = convert(file, types, VMI_PROFILE_COMPACT, &c, &d, info);
    if (st == ST_IO && c.bytes)
        return vmi_open_fail(ST_IO, "%s cannot be written", kept);
    if (st != ST_OK)
        return vmi_open_fail(st, "%s", d.text);
    if (path)
        snprintf(path, size, "%s", kept);
    return VMI_SUCCESS;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "vmi/profile_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "sym/compact.h"

enum { MAX_UNPACKED = 1 << 30, WORTH_KEEPING = 1 << 20 };

void profile_file_close(struct profile_file *f)
{
    if (f->file.map) /* else none is open: zeros are a valid state */
        plat_file_close(&f->file);
    free(f->owned);
    *f = (struct profile_file){.file.fd = -1};
}

static int map_file(const char *path, struct diag *d, struct profile_file *ret)
{
    struct profile_file f = {.file.fd = -1};
    int err = plat_file_open(path, 1, &f.file);

    if (err)
        return diag_fail(d, ST_IO, "the profile %s cannot be read: %s", path, strerror(-err));
    f.bytes = (struct bytes){f.file.map, f.file.size};
    *ret = f;
    return ST_OK;
}

/* Unpacks what is packed; else leaves it. */
static int unpack(const char *path, struct diag *d, struct profile_file *f)
{
    uint8_t *p = NULL;
    size_t n = 0;
    int err = plat_unpack(f->bytes.p, f->bytes.n, MAX_UNPACKED, &p, &n);

    if (err == -ENOMSG || (err == -ENOTSUP && f->bytes.p[0] == '{'))
        return ST_OK;
    if (err)
        return diag_fail(d,
                         err == -ENOMEM    ? ST_NOMEM
                         : err == -EFBIG   ? ST_LIMIT
                         : err == -ENOTSUP ? ST_UNSUPPORTED
                                           : ST_BROKEN,
                         "the profile %s cannot be unpacked: %s", path,
                         err == -EBADMSG ? "it is damaged" : strerror(-err));
    f->owned = p;
    f->bytes = (struct bytes){p, n};
    return ST_OK;
}

int profile_file_load(const char *path, struct diag *d, struct profile_file *ret)
{
    struct profile_file f;
    int st = map_file(path, d, &f);

    if (st != ST_OK)
        return st;
    st = unpack(path, d, &f);
    if (st == ST_OK)
        *ret = f;
    else
        profile_file_close(&f);
    return st;
}

/* ---- the cache ------------------------------------------------------------------------------- */

void profile_cache_name(const char *path, char *buf, size_t size)
{
    char *real = realpath(path, NULL);
    const char *name = real ? real : path;
    struct bytes b = {(const uint8_t *)name, strlen(name)};

    snprintf(buf, size, "compact/%016llx.tvp", (unsigned long long)compact_hash(b));
    free(real);
}

/* What the cache has of this file, when it is of the same file. */
static bool from_cache(const char *name, const struct profile_file *original,
                       struct compact_origin *now, struct profile_file *ret)
{
    char path[PATH_MAX];
    struct compact_origin then;
    struct profile_file f;
    uint64_t unused;
    int own;

    if (plat_cache_path(name, path, sizeof path) != 0 || map_file(path, NULL, &f) != ST_OK)
        return false;
    plat_file_stamp(&f.file, &unused, &own);
    bool same = own && compact_origin(f.bytes, &then) && then.size == now->size;
    if (same && (then.mtime_ns != now->mtime_ns || !now->mtime_ns)) {
        now->hash = compact_hash(original->bytes);
        same = then.hash == now->hash;
    }
    if (!same) {
        profile_file_close(&f);
        return false;
    }
    f.cached = true;
    *ret = f;
    return true;
}

/* Parses, writes into the cache, and goes on with what was written. */
static int keep(const char *name, const char *path, const struct compact_origin *origin,
                struct diag *d, struct profile_file *f)
{
    struct profile p;
    uint8_t *made;
    size_t n;
    int st = profile_open(f->bytes, d, &p);

    if (st != ST_OK)
        return diag_wrap(d, st, "%s", path);
    if (p.os == VMI_KIND_NONE) { /* whoever asked will say what is wrong with it */
        profile_close(&p);
        return ST_OK;
    }
    st = compact_write(&p, origin, 0, 0, d, &made, &n);
    profile_close(&p);
    if (st != ST_OK)
        return st;
    (void)!plat_cache_write(name, made, n);
    profile_file_close(f);
    f->owned = made;
    f->bytes = (struct bytes){made, n};
    return ST_OK;
}

int profile_file_open(const char *path, struct diag *d, struct profile_file *ret)
{
    struct profile_file f, cached;
    struct compact_origin now = {0};
    char name[64], place[PATH_MAX];
    int own, st = map_file(path, d, &f);

    if (st != ST_OK)
        return st;
    bool packed = f.bytes.p[0] == 0x1f || f.bytes.p[0] == 0xfd;
    if (f.bytes.p[0] != '{' && !packed && !compact_is(f.bytes)) {
        *ret = f; /* other forms are quicker to read than to keep */
        return ST_OK;
    }
    now.size = f.bytes.n;
    plat_file_stamp(&f.file, &now.mtime_ns, &own);
    bool worth = !compact_is(f.bytes) && (packed || f.bytes.n >= WORTH_KEEPING) &&
                 plat_cache_path("", place, sizeof place) == 0;
    profile_cache_name(path, name, sizeof name);
    if (worth && from_cache(name, &f, &now, &cached)) {
        profile_file_close(&f);
        *ret = cached;
        return ST_OK;
    }
    if (worth && !now.hash)
        now.hash = compact_hash(f.bytes);
    st = unpack(path, d, &f);
    if (st == ST_OK && worth)
        st = keep(name, path, &now, d, &f);
    if (st == ST_OK)
        *ret = f;
    else
        profile_file_close(&f);
    return st;
}

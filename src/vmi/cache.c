/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmi/access.h"

#include <stdlib.h>

/* A root without the bits that are no address (PCID), as the guest's form has it. */
static uint64_t plain_root(vmi_instance_t vmi, uint64_t pt)
{
    return vmi->have_space ? pt & vmi->space.half[1].form->root_mask : pt & ~0xfffULL;
}

static struct vmi_caches *caches_of(vmi_instance_t vmi)
{
    if (!vmi)
        return NULL;
    if (!vmi->caches)
        vmi->caches = calloc(1, sizeof *vmi->caches);
    if (!vmi->caches)
        vmi_fail(vmi, ST_NOMEM, "no memory for a cache");
    return vmi->caches;
}

static void add(vmi_instance_t vmi, struct map *m, const struct map_key *key, uint64_t value,
                const char *text)
{
    if (map_put(m, key, value, text, NULL) != ST_OK)
        vmi_fail(vmi, ST_NOMEM, "no memory for a cache entry");
}

void cache_close(vmi_instance_t vmi)
{
    struct vmi_caches *c = vmi->caches;
    if (!c)
        return;
    map_deinit(&c->v2p);
    map_deinit(&c->sym);
    map_deinit(&c->rva);
    map_deinit(&c->pid);
    free(c);
    vmi->caches = NULL;
}

/* ---- translations ---------------------------------------------------------------------------- */

static struct map_key v2p_key(uint64_t va, uint64_t root, uint64_t npt, page_mode_t pm)
{
    return (struct map_key){.n = {va >> 12, root, npt & ~0xfffULL, pm}};
}

bool cache_get_v2p(vmi_instance_t vmi, uint64_t va, uint64_t root, uint64_t npt, page_mode_t pm,
                   uint64_t *pa)
{
    if (!cache_has_v2p(vmi))
        return false;
    struct map_key key = v2p_key(va, root, npt, pm);
    const struct map_entry *e = map_get(&vmi->caches->v2p, &key);
    if (!e)
        return false;
    *pa = e->value << 12 | (va & 0xfff);
    return true;
}

void vmi_v2pcache_nested_add(vmi_instance_t vmi, addr_t va, addr_t pt, addr_t npt, addr_t pa)
{
    struct vmi_caches *c = caches_of(vmi);
    if (!c)
        return;
    struct map_key key = v2p_key(va, plain_root(vmi, pt), npt, vmi->page_mode);
    add(vmi, &c->v2p, &key, pa >> 12, NULL);
}

void vmi_v2pcache_add(vmi_instance_t vmi, addr_t va, addr_t pt, addr_t pa)
{
    vmi_v2pcache_nested_add(vmi, va, pt, 0, pa);
}

struct v2p_filter {
    uint64_t root, npt;
    bool any_root, any_npt;
};

static bool v2p_matches(const struct map_entry *e, const void *arg)
{
    const struct v2p_filter *f = arg;
    return (f->any_root || e->key.n[1] == f->root) && (f->any_npt || e->key.n[2] == f->npt);
}

static void flush_v2p(vmi_instance_t vmi, addr_t pt, const struct v2p_filter *rest)
{
    if (!vmi || !vmi->caches)
        return;
    struct v2p_filter f = *rest;
    f.any_root = pt == ~0ULL;
    f.root = plain_root(vmi, pt);
    map_remove(&vmi->caches->v2p, v2p_matches, &f);
}

void vmi_v2pcache_flush(vmi_instance_t vmi, addr_t pt)
{
    flush_v2p(vmi, pt, &(struct v2p_filter){.any_npt = pt == ~0ULL});
}

void vmi_v2pcache_nested_flush(vmi_instance_t vmi, addr_t pt, addr_t npt)
{
    flush_v2p(vmi, pt, &(struct v2p_filter){.any_npt = npt == ~0ULL, .npt = npt & ~0xfffULL});
}

/* ---- symbols --------------------------------------------------------------------------------- */

bool cache_get_symbol(vmi_instance_t vmi, uint64_t base, enum cache_by by, uint64_t whose,
                      const char *name, uint64_t *va)
{
    if (!vmi->caches)
        return false;
    struct map_key key = {.n = {base, by, whose}, .text = name};
    const struct map_entry *e = map_get(&vmi->caches->sym, &key);
    if (!e)
        return false;
    *va = e->value;
    return true;
}

void vmi_symcache_add(vmi_instance_t vmi, addr_t base_addr, vmi_pid_t pid, char *sym, addr_t va)
{
    struct vmi_caches *c = sym ? caches_of(vmi) : NULL;
    if (!c)
        return;
    struct map_key key = {.n = {base_addr, CACHE_BY_PID, (uint64_t)(int64_t)pid}, .text = sym};
    add(vmi, &c->sym, &key, va, NULL);
    addr_t root;
    if (vmi_pid_to_dtb(vmi, pid, &root) != VMI_SUCCESS)
        return;
    key.n[1] = CACHE_BY_ROOT;
    key.n[2] = plain_root(vmi, root);
    add(vmi, &c->sym, &key, va, NULL);
}

void vmi_symcache_flush(vmi_instance_t vmi)
{
    if (!vmi)
        return;
    map_remove(&vmi->names, NULL, NULL);
    if (vmi->caches)
        map_remove(&vmi->caches->sym, NULL, NULL);
}

const char *cache_get_rva(vmi_instance_t vmi, uint64_t base, uint64_t root, uint64_t rva)
{
    if (!vmi->caches)
        return NULL;
    struct map_key key = {.n = {base, root, rva}};
    const struct map_entry *e = map_get(&vmi->caches->rva, &key);
    return e ? e->text : NULL;
}

void vmi_rvacache_add(vmi_instance_t vmi, addr_t base_addr, vmi_pid_t pid, addr_t rva, char *sym)
{
    addr_t root;
    struct vmi_caches *c = sym ? caches_of(vmi) : NULL;
    if (!c || vmi_pid_to_dtb(vmi, pid, &root) != VMI_SUCCESS)
        return;
    struct map_key key = {.n = {base_addr, plain_root(vmi, root), rva}};
    add(vmi, &c->rva, &key, 0, sym);
}

void vmi_rvacache_flush(vmi_instance_t vmi)
{
    if (!vmi)
        return;
    map_remove(&vmi->names, NULL, NULL);
    if (vmi->caches)
        map_remove(&vmi->caches->rva, NULL, NULL);
}

/* ---- processes ------------------------------------------------------------------------------- */

bool cache_get_pid(vmi_instance_t vmi, vmi_pid_t pid, uint64_t *root)
{
    if (!vmi->caches)
        return false;
    struct map_key key = {.n = {(uint64_t)pid}};
    const struct map_entry *e = map_get(&vmi->caches->pid, &key);
    if (!e)
        return false;
    *root = e->value;
    return true;
}

static bool same_pid(const struct map_entry *e, const void *arg)
{
    return e->key.n[0] == (uint64_t) * (const vmi_pid_t *)arg;
}

bool cache_drop_pid(vmi_instance_t vmi, vmi_pid_t pid)
{
    uint64_t root;
    if (!cache_get_pid(vmi, pid, &root))
        return false;
    map_remove(&vmi->caches->pid, same_pid, &pid);
    return true;
}

void vmi_pidcache_add(vmi_instance_t vmi, vmi_pid_t pid, addr_t dtb)
{
    struct vmi_caches *c = pid > 0 ? caches_of(vmi) : NULL;
    if (!c)
        return;
    struct map_key key = {.n = {(uint64_t)pid}};
    add(vmi, &c->pid, &key, dtb, NULL);
}

void vmi_pidcache_flush(vmi_instance_t vmi)
{
    if (vmi && vmi->caches)
        map_remove(&vmi->caches->pid, NULL, NULL);
}

void vmi_pagecache_flush(vmi_instance_t vmi)
{
    (void)vmi; /* guest pages are mapped or read anew: there is nothing to let go of */
}

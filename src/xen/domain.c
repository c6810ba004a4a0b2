/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains: what Xen tells of them, by which name a person means one, pause and resume. */
#include "xen/xen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "xen/abi.h"

/* ---- information ----------------------------------------------------------------------------- */

static enum xen_kind kind_of(const struct xen *x, const struct xen_getdomaininfo *g)
{
    uint32_t emulated = 0;
    if (!(g->flags & DOMINF_HVM))
        return XEN_PV;
    if (!x->abi->emulation_flags) /* Xen 4.10 does not tell */
        return XEN_HVM;
    memcpy(&emulated, (const uint8_t *)g + x->abi->emulation_flags, sizeof emulated);
    return emulated & (EMULATED_RTC | EMULATED_PIC | EMULATED_PIT) ? XEN_HVM : XEN_PVH;
}

static void take_info(const struct xen *x, const struct xen_getdomaininfo *g,
                      struct xen_domain_info *ret)
{
    *ret = (struct xen_domain_info){
        .id = g->domain,
        .kind = kind_of(x, g),
        .dying = g->flags & DOMINF_DYING,
        .shutdown = g->flags & DOMINF_SHUTDOWN,
        .paused = g->flags & DOMINF_PAUSED,
        .blocked = g->flags & DOMINF_BLOCKED,
        .running = g->flags & DOMINF_RUNNING,
        .debugged = g->flags & DOMINF_DEBUGGED,
        .hap = g->flags & DOMINF_HAP,
        .shutdown_reason = g->flags >> DOMINF_REASON_SHIFT & 0xff,
        .pages = g->tot_pages,
        .max_pages = g->max_pages,
        .shared_info_frame = g->shared_info_frame,
        .vcpus_online = g->nr_online_vcpus,
        .vcpu_max = g->max_vcpu_id == UINT32_MAX ? 0 : g->max_vcpu_id,
    };
    memcpy(ret->uuid, g->handle, sizeof ret->uuid);
}

/* Older releases answer with the next domain when there is none with this id. */
static long ask_info(struct xen *x, uint32_t id, struct xen_domain_info *ret)
{
    struct xen_getdomaininfo g = {0};
    long v =
        id < DOMID_FIRST_RESERVED ? xen_domctl(x, DOMCTL_GETDOMAININFO, id, &g, sizeof g) : -ESRCH;
    if (v >= 0)
        take_info(x, &g, ret);
    return v;
}

enum { HVM_PARAM_STORE_PFN = 1, XENMEM_CURRENT_RESERVATION = 3 };

/*
 * Without the right to ask for domains, one that we are the device model of still answers about its
 * memory (xen/include/xsm/dummy.h: XSM_TARGET). Only HVM and PVH guests have device models.
 */
static bool ask_as_device_model(struct xen *x, uint32_t id, struct xen_domain_info *ret)
{
    struct xen_hvm_param_call c = {.domain = (uint16_t)id, .index = HVM_PARAM_STORE_PFN};
    uint16_t domain[4] = {(uint16_t)id};
    if (xen_hvm_op(x, HVMOP_GET_PARAM, &c, sizeof c) < 0)
        return false;
    long pages = xen_memory_op(x, XENMEM_CURRENT_RESERVATION, domain, sizeof domain);
    *ret = (struct xen_domain_info){.id = id,
                                    .kind = XEN_PVH,
                                    .hap = true,
                                    .pages = pages > 0 ? (uint64_t)pages : 0,
                                    .vcpus_online = 1};
    ret->max_pages = ret->pages;
    return true;
}

/* The next one of those; there is one at most, but nobody tells its id. */
static long next_as_device_model(struct xen *x, uint32_t from, struct xen_domain_info *ret)
{
    for (uint32_t id = from; id < DOMID_FIRST_RESERVED; id++)
        if (ask_as_device_model(x, id, ret))
            return 0;
    return from ? -ESRCH : -EPERM;
}

int xen_domain_info(struct xen *x, uint32_t id, struct xen_domain_info *ret)
{
    struct xen_domain_info info;
    long v = ask_info(x, id, &info);
    if ((v == -EPERM || v == -EACCES) && ask_as_device_model(x, id, &info))
        v = 0;
    if (v >= 0 && info.id != id)
        v = -ESRCH;
    if (v < 0)
        return xen_fail(x, v, id, "asking for its state");
    *ret = info;
    return ST_OK;
}

/*
 * The list of sysctl is the sure way. Its entries have grown (96, 104, 112 bytes), but the first
 * one of them begins the same in all releases.
 */
int xen_domain_next(struct xen *x, uint32_t from, struct xen_domain_info *ret)
{
    struct xen_domain_info info;
    long v = -EACCES;
    if (from >= DOMID_FIRST_RESERVED)
        return xen_fail(x, -ESRCH, from, "looking for the next domain");
    if (x->sysctl_version) {
        struct xen_domaininfolist_call c = {
            .first = (uint16_t)from, .max = 1, .buffer = (uintptr_t)x->page[1]};
        v = xen_sysctl(x, SYSCTL_GETDOMAININFOLIST, &c, sizeof c);
        if (v >= 0) {
            struct xen_getdomaininfo g;
            memcpy(&g, x->page[1], sizeof g);
            take_info(x, &g, &info);
            v = c.n ? 0 : -ESRCH;
        }
    }
    if (v == -EACCES || v == -EPERM)
        v = ask_info(x, from, &info);
    if (v == -EACCES || v == -EPERM)
        v = next_as_device_model(x, from, &info);
    if (v >= 0 && info.id < from)
        v = -ESRCH;
    if (v < 0)
        return xen_fail(x, v, from, "looking for the next domain");
    *ret = info;
    return ST_OK;
}

void xen_domain_name(struct xen *x, uint32_t id, char *ret, size_t size)
{
    char path[64];
    size_t n;
    struct diag before = x->diag;
    snprintf(path, sizeof path, "/local/domain/%u/name", (unsigned)id);
    ret[0] = '\0';
    if (xen_store_read(x, path, ret, size, &n) != ST_OK)
        ret[0] = '\0';
    x->diag = before;
}

/* ---- by what a person calls it --------------------------------------------------------------- */

static bool parse_id(const char *text, uint32_t *ret)
{
    size_t n = strspn(text, "0123456789");
    if (!n || text[n] || n > 5)
        return false;
    unsigned long v = strtoul(text, NULL, 10);
    *ret = (uint32_t)v;
    return v < DOMID_FIRST_RESERVED;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* 32 hex digits, with dashes or without. */
static bool parse_uuid(const char *text, uint8_t ret[16])
{
    unsigned n = 0;
    memset(ret, 0, 16);
    for (; *text; text++) {
        int d = hex_digit(*text);
        if (*text == '-')
            continue;
        if (d < 0 || n == 32)
            return false;
        ret[n / 2] = (uint8_t)(ret[n / 2] << 4 | d);
        n++;
    }
    return n == 32;
}

struct xen_wanted {
    const char *name;
    bool by_uuid;
    uint8_t uuid[16];
    unsigned matches;
    uint32_t nameless; /* one whose name we may not read */
    char all[256], same[128]; /* for the messages */
};

static void append(char *list, size_t size, uint32_t id, const char *name)
{
    size_t n = strlen(list);
    if (n < size)
        snprintf(list + n, size - n, "%s%s%s%u%s", n ? ", " : "", name, name[0] ? " (" : "",
                 (unsigned)id, name[0] ? ")" : "");
}

static int search(struct xen *x, struct xen_wanted *w, struct xen_domain_info *ret)
{
    struct xen_domain_info info;
    int st;
    for (uint32_t at = 0; (st = xen_domain_next(x, at, &info)) == ST_OK; at = info.id + 1) {
        char name[96];
        xen_domain_name(x, info.id, name, sizeof name);
        append(w->all, sizeof w->all, info.id, name);
        if (!name[0])
            w->nameless = info.id;
        if (w->by_uuid ? memcmp(w->uuid, info.uuid, 16) != 0 : strcmp(name, w->name) != 0)
            continue;
        if (info.dying) /* the one that it is about to be replaced by is meant */
            continue;
        append(w->same, sizeof w->same, info.id, "");
        if (!w->matches++)
            *ret = info;
    }
    return st == ST_ABSENT ? ST_OK : st;
}

/* A domain other than dom0 reads no names of others before dom0 lets it. */
static int name_hidden(struct xen *x, const struct xen_wanted *w)
{
    char own[16];
    size_t n;
    struct diag before = x->diag;
    bool told = xen_store_read(x, "domid", own, sizeof own, &n) == ST_OK;
    x->diag = before;
    return diag_fail(&x->diag, ST_ABSENT,
                     "xen:%s: no domain is seen to have this name, but the name of %u may not be "
                     "read here. Let it be read, in dom0: tinyvmi grant %s %s (or xenstore-chmod "
                     "/local/domain/%u/name n0 r%u r%s); or give the target's UUID",
                     w->name, (unsigned)w->nameless, told ? own : "INTROSPECTOR", w->name,
                     (unsigned)w->nameless, (unsigned)w->nameless, told ? own : "INTROSPECTOR");
}

int xen_domain_find(struct xen *x, const char *which, struct xen_domain_info *ret)
{
    struct xen_wanted w = {.name = which, .nameless = DOMID_FIRST_RESERVED};
    struct xen_domain_info found = {0};
    bool only_id = !strncmp(which, "domid:", 6);
    uint32_t id;
    if (parse_id(only_id ? which + 6 : which, &id)) {
        int st = xen_domain_info(x, id, ret);
        if (st != ST_ABSENT)
            return st;
    } else if (only_id) {
        return diag_fail(&x->diag, ST_INVALID, "xen:%s: domid: is followed by a domain's number",
                         which);
    }
    w.by_uuid = parse_uuid(which, w.uuid);
    int st = search(x, &w, &found);
    if (st != ST_OK)
        return st;
    if (w.matches == 1) {
        *ret = found;
        return ST_OK;
    }
    if (w.matches)
        return diag_fail(&x->diag, ST_INVALID,
                         "xen:%s: %u domains are called so, say which by its id: %s", which,
                         w.matches, w.same);
    if (!w.by_uuid && w.nameless != DOMID_FIRST_RESERVED)
        return name_hidden(x, &w);
    return diag_fail(&x->diag, ST_ABSENT, "xen:%s: there is no such domain; there %s %s", which,
                     strchr(w.all, ',') ? "are" : "is", w.all[0] ? w.all : "none to be seen");
}

/* ---- pause and resume ------------------------------------------------------------------------ */

int xen_domain_pause(struct xen *x, uint32_t id)
{
    long v = xen_domctl(x, DOMCTL_PAUSE, id, NULL, 0);
    return v < 0 ? xen_fail(x, v, id, "pausing it") : ST_OK;
}

int xen_domain_resume(struct xen *x, uint32_t id)
{
    long v = xen_domctl(x, DOMCTL_UNPAUSE, id, NULL, 0);
    return v < 0 ? xen_fail(x, v, id, "resuming it") : ST_OK;
}

/* ---- parameters ------------------------------------------------------------------------------ */

int xen_param_get(struct xen *x, uint32_t id, uint32_t index, uint64_t *ret)
{
    struct xen_hvm_param_call c = {.domain = (uint16_t)id, .index = index};
    long v = xen_hvm_op(x, HVMOP_GET_PARAM, &c, sizeof c);
    if (v < 0)
        return xen_fail(x, v, id, "reading an HVM parameter");
    *ret = c.value;
    return ST_OK;
}

int xen_param_set(struct xen *x, uint32_t id, uint32_t index, uint64_t value)
{
    struct xen_hvm_param_call c = {.domain = (uint16_t)id, .index = index, .value = value};
    long v = xen_hvm_op(x, HVMOP_SET_PARAM, &c, sizeof c);
    return v < 0 ? xen_fail(x, v, id, "setting an HVM parameter") : ST_OK;
}

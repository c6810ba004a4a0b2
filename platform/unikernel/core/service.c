/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the program is run: once, or for a target that is not there yet (--wait), or for each life of
 * it (--service). A target is waited for by xenstore: a domain's name that becomes readable for us
 * fires a watch, whether the domain is new or the permission is (docs/unikernel.md).
 */
#include "platform/unikernel/service.h"

#include <stdio.h>
#include <string.h>

#include <tinyvmi/tinyvmi.h>

#include "platform/platform.h"
#include "xen/xen.h"

void own_state(const char *key, const char *value);
bool own_stop_requested(void);

/* A domain that is found by its UUID announces itself to dom0 alone: so often we look. The kernel
 * of a domain that is starting has no sign at all. */
#define LOOK_NS (UINT64_C(1000) * 1000000u)

enum {
    STATUS_USAGE = 2,
    STATUS_TARGET = 3, /* of the command: the target is gone */
    STATUS_KERNEL = 4, /* its kernel cannot answer (yet) */
    STATUS_HOST = 6,
    STATUS_STOPPED = 130,
};

struct wanted {
    const char *name; /* without "xen:" */
    bool wait, service;
};

/* The options before the program's own. Returns how many words they are, or -1. */
static int take_options(int argc, char **argv, struct wanted *w)
{
    int i = 1;
    for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
        if (!strcmp(argv[i], "--wait"))
            w->wait = true;
        else if (!strcmp(argv[i], "--service"))
            w->wait = w->service = true;
        else
            break; /* the program's */
    }
    for (int k = i; k < argc && !w->name; k++)
        if (!strncmp(argv[k], "xen:", 4))
            w->name = argv[k] + 4;
    if (!w->wait || w->name)
        return i - 1;
    printf("tinyvmi: --wait and --service need a target: xen:NAME, xen:ID or xen:UUID\n");
    return -1;
}

static void drain_events(struct xen *x)
{
    char path[256], token[32];
    while (xen_store_event(x, path, sizeof path, token, sizeof token) == ST_OK)
        continue;
}

/* Not an id nor a UUID: only a name is announced, when dom0 lets us read it. */
static bool is_name(const char *text)
{
    size_t digits = strspn(text, "0123456789"), hex = strspn(text, "0123456789abcdefABCDEF-");
    return strncmp(text, "domid:", 6) && text[digits] && (text[hex] || hex < 32);
}

/* ST_OK: it is there. ST_ABSENT: we are to stop. */
static int wait_domain(struct xen *x, const struct wanted *w)
{
    bool said = false;
    bool told = xen_store_watch(x, "/local/domain", "tinyvmi") == ST_OK && is_name(w->name);
    for (;;) {
        struct xen_domain_info info;
        uint32_t port;
        int st = xen_domain_find(x, w->name, &info);
        if (st != ST_ABSENT && st != ST_DENIED) /* what is denied now may be granted yet */
            return st;
        if (own_stop_requested())
            return ST_ABSENT;
        if (!said) {
            printf("tinyvmi: waiting: %s\n", x->diag.text);
            own_state("state", "waiting");
        }
        said = true;
        plat_xen_wait(x->plat, told ? UINT64_MAX : LOOK_NS, &port);
        drain_events(x);
    }
}

static int count_two(const struct vmi_process *p, void *data)
{
    unsigned *n = data;
    (void)p;
    return ++*n == 2;
}

/* Has the system of the target its first processes? */
static bool is_up(vmi_instance_t vmi)
{
    struct vmi_outcome o;
    unsigned n = 0;
    return vmi_each_process(vmi, 0, count_two, &n, &o) == VMI_SUCCESS && n == 2;
}

/* A domain is there long before its kernel is. */
static bool wait_kernel(struct xen *x, const struct wanted *w)
{
    char target[128];
    struct xen_domain_info info;
    snprintf(target, sizeof target, "xen:%s", w->name);
    while (!own_stop_requested() && xen_domain_find(x, w->name, &info) == ST_OK) {
        vmi_instance_t vmi;
        uint32_t port;
        if (vmi_open(&vmi, target, NULL) == VMI_SUCCESS) {
            bool up = is_up(vmi);
            vmi_destroy(vmi);
            if (up)
                return true;
        } else {
            enum vmi_error_kind kind = vmi_last_error(NULL)->kind;
            if (kind == VMI_ERROR_DENIED || kind == VMI_ERROR_NO_MEMORY)
                return true; /* waiting does not help: the program will say it */
        }
        plat_xen_wait(x->plat, LOOK_NS, &port);
        drain_events(x);
    }
    return false;
}

/* 0, or the status to end with. */
static int wait_target(const struct wanted *w)
{
    struct xen x;
    int st = xen_open(&x);
    if (st == ST_OK)
        st = wait_domain(&x, w);
    bool ready = st == ST_OK && wait_kernel(&x, w);
    if (st != ST_OK && st != ST_ABSENT)
        printf("tinyvmi: %s\n", x.diag.text);
    if (x.plat) /* xenstored keeps watches as long as the domain lives */
        (void)!xen_store_unwatch(&x, "/local/domain", "tinyvmi");
    xen_close(&x);
    if (own_stop_requested())
        return STATUS_STOPPED;
    return ready ? 0 : st == ST_OK ? STATUS_TARGET : STATUS_HOST;
}

__attribute__((visibility("default"))) int service_run(int argc, char **argv,
                                                       int (*program)(int, char **))
{
    struct wanted w = {0};
    int taken = take_options(argc, argv, &w), status;
    if (taken < 0)
        return STATUS_USAGE;
    argv[taken] = argv[0];
    do {
        status = w.wait ? wait_target(&w) : 0;
        if (status == STATUS_TARGET && w.service)
            continue; /* it came and went */
        if (status)
            break;
        own_state("state", "running");
        status = program(argc - taken, argv + taken);
        fflush(stdout);
    } while (w.service && (status == STATUS_TARGET || status == STATUS_KERNEL) &&
             !own_stop_requested());
    own_state("state", "ended");
    return status;
}

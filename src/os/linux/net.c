/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets: TCP, UDP and unix, of all network namespaces, the machine's own first.
 *
 * Facts: include/net/inet_hashtables.h (listening sockets are in listening_hash until 5.18, in
 * lhash2 since; a namespace may have tables of its own since 6.1), net/ipv4/udp.c (udp_table, per
 * namespace since 6.2), net/unix/af_unix.c (unix_socket_table until 5.19, net.unx.table since),
 * include/net/sock.h, include/linux/list_nulls.h (a chain ends with an odd value).
 *
 * Sockets are collected first and given afterwards: the tables are shared by the namespaces.
 * Everything that grows with what the guest claims has a bound.
 */
#include "os/linux/net.h"
#include "os/linux/path.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    MAX_SOCKETS = 1 << 20, /* collected, and visited in the chains */
    MAX_BUCKETS = 1 << 24, /* of all tables */
    MAX_NETS = 4096,
    UNIX_BUCKETS =
        512, /* 2 * UNIX_HASH_SIZE as it was, UNIX_HASH_SIZE since 6.0 (include/net/af_unix.h) */
    LISTENING_BUCKETS = 32, /* INET_LHTABLE_SIZE */
    PIECE_BYTES = 4096,     /* of a table of buckets, read at once */
};

struct found {
    uint64_t sock;
    uint32_t net;   /* index into nets; MAX_NETS: of none that is known */
    uint32_t order; /* as it was found */
    enum lx_socket_kind kind;
};

struct socket_walk {
    const struct linux_view *l;
    struct vmi_outcome *o;
    enum lx_socket_kind kind; /* of the table that is walked: its IPv4 */
    uint64_t net[MAX_NETS];
    size_t nr_nets;
    uint32_t last_net; /* most sockets are of the same as the one before */
    struct found *found;
    size_t nr_found, cap;
    uint64_t steps; /* nodes visited */
    uint64_t buckets_left;
    bool full;
};

/* ---- namespaces ---- */

static void add_net(struct socket_walk *w, uint64_t net)
{
    for (size_t i = 0; i < w->nr_nets; i++)
        if (w->net[i] == net)
            return;
    if (w->nr_nets < MAX_NETS)
        w->net[w->nr_nets++] = net;
    else
        outcome_cut(w->o, "more than %d network namespaces", MAX_NETS);
}

/* init_net, or, where it has no symbol, the namespace of the idle task, which is the same. */
static int first_net(const struct linux_view *l, uint64_t *ret)
{
    uint64_t nsproxy;
    int st = lx_symbol(l, "init_net", ret);
    if (st == ST_OK)
        return st;
    st = l->init_task ? lx_ptr(l, l->init_task, L_task_nsproxy, &nsproxy) : ST_ABSENT;
    return st == ST_OK ? lx_ptr(l, nsproxy, L_nsproxy_net_ns, ret) : st;
}

static void collect_nets(struct socket_walk *w)
{
    const struct linux_view *l = w->l;
    uint64_t head, node;
    struct list_walk list;
    if (lx_symbol(l, "net_namespace_list", &head) != ST_OK || !lx_has(l, L_net_list))
        return;
    list_start(&list, &l->v->kernel, l->v->ptr_size, head, MAX_NETS);
    while (list_next(&list, w->o, &node) == 1)
        add_net(w, node - lx_off(l, L_net_list));
}

/* A kernel without namespaces has no skc_net: all sockets are the machine's. */
static uint32_t net_of(struct socket_walk *w, uint64_t sock)
{
    uint64_t net;
    if (!lx_has(w->l, L_skc_net))
        return 0;
    if (lx_ptr(w->l, sock, L_skc_net, &net) != ST_OK)
        return MAX_NETS;
    if (w->last_net < w->nr_nets && w->net[w->last_net] == net)
        return w->last_net;
    for (size_t i = 0; i < w->nr_nets; i++)
        if (w->net[i] == net)
            return w->last_net = (uint32_t)i;
    return MAX_NETS;
}

/* ---- chains and tables ---- */

static void add_socket(struct socket_walk *w, uint64_t sock)
{
    if (w->nr_found == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 256;
        struct found *grown = realloc(w->found, cap * sizeof *grown);
        if (!grown) {
            outcome_cut(w->o, "no memory for more than %zu sockets", w->nr_found);
            w->full = true;
            return;
        }
        w->found = grown;
        w->cap = cap;
    }
    enum lx_socket_kind kind = w->kind;
    uint64_t family;
    if (kind != LX_SOCKET_UNIX && lx_read(w->l, sock, L_skc_family, &family) == ST_OK &&
        family == LX_AF_INET6)
        kind++;
    w->found[w->nr_found] = (struct found){sock, net_of(w, sock), (uint32_t)w->nr_found, kind};
    w->nr_found++;
}

/*
 * The sockets of one chain, whose first node is `node`: ends at 0 or at an odd value
 * (list_nulls.h). Brent's cycle detection; all chains together are bounded, too, since forged
 * buckets may share one.
 */
static void walk_chain(struct socket_walk *w, uint64_t node)
{
    uint64_t saved = 0, power = 1, lap = 0;
    while (node && !(node & 1) && !w->full) {
        if (node == saved) {
            outcome_cut(w->o, "a chain of sockets runs in a circle at %#" PRIx64, node);
            return;
        }
        if (w->steps++ >= MAX_SOCKETS) {
            outcome_cut(w->o, "more than %d sockets", MAX_SOCKETS);
            w->full = true;
            return;
        }
        if (lap++ == power) {
            saved = node;
            power *= 2;
            lap = 1;
        }
        uint64_t next;
        if (read_ptr(&w->l->v->kernel, w->l->v->ptr_size, node, &next) != ST_OK) {
            outcome_cut(w->o, "the socket at %#" PRIx64 " is not in memory",
                        node - lx_off(w->l, L_skc_node));
            return;
        }
        add_socket(w, node - lx_off(w->l, L_skc_node));
        node = next;
    }
}

/* `n` buckets of `size` bytes, the chain's first node `head` bytes into each. */
static void walk_buckets(struct socket_walk *w, uint64_t at, uint64_t n, uint64_t size,
                         uint64_t head)
{
    uint8_t raw[PIECE_BYTES];
    unsigned ptr_size = w->l->v->ptr_size;
    if (size < ptr_size || size > PIECE_BYTES || !in_bounds(head, ptr_size, size)) {
        outcome_cut(w->o, "the buckets of the table at %#" PRIx64 " have no known form", at);
        return;
    }
    if (n > w->buckets_left) {
        outcome_cut(w->o,
                    "the table at %#" PRIx64 " claims %" PRIu64 " buckets; %" PRIu64
                    " were looked at",
                    at, n, w->buckets_left);
        n = w->buckets_left;
    }
    w->buckets_left -= n;
    uint64_t each = PIECE_BYTES / size;
    for (uint64_t i = 0; i < n && !w->full; i += each) {
        uint64_t here = MIN_OF(each, n - i);
        if (aspace_read(&w->l->v->kernel, GVA(at + i * size), raw, (size_t)(here * size), NULL) !=
            ST_OK) {
            outcome_cut(w->o, "the table of sockets at %#" PRIx64 " breaks off at %#" PRIx64, at,
                        at + i * size);
            return;
        }
        for (uint64_t k = 0; k < here; k++) {
            const uint8_t *p = raw + k * size + head;
            walk_chain(w, ptr_size == 8 ? le64(p) : le32(p));
        }
    }
}

static void walk_tcp(struct socket_walk *w, uint64_t hashinfo)
{
    const struct linux_view *l = w->l;
    uint64_t at, mask;
    w->kind = LX_SOCKET_TCP4;
    if (lx_has(l, L_hashinfo_listening))
        walk_buckets(w, hashinfo + lx_off(l, L_hashinfo_listening), LISTENING_BUCKETS,
                     lx_off(l, L_listen_bucket_size), lx_off(l, L_listen_bucket_head));
    else if (lx_ptr(l, hashinfo, L_hashinfo_lhash2, &at) == ST_OK &&
             lx_read(l, hashinfo, L_hashinfo_lhash2_mask, &mask) == ST_OK)
        walk_buckets(w, at, mask + 1, lx_off(l, L_listen_bucket_size),
                     lx_off(l, L_listen_bucket_head));
    else
        outcome_cut(w->o, "the listening TCP sockets at %#" PRIx64 " are not in memory", hashinfo);
    if (lx_ptr(l, hashinfo, L_hashinfo_ehash, &at) == ST_OK &&
        lx_read(l, hashinfo, L_hashinfo_ehash_mask, &mask) == ST_OK)
        walk_buckets(w, at, mask + 1, lx_off(l, L_ehash_bucket_size), 0);
    else
        outcome_cut(w->o, "the connected TCP sockets at %#" PRIx64 " are not in memory", hashinfo);
}

static void walk_udp(struct socket_walk *w, uint64_t table)
{
    const struct linux_view *l = w->l;
    uint64_t at, mask;
    w->kind = LX_SOCKET_UDP4;
    if (lx_ptr(l, table, L_udp_table_hash, &at) == ST_OK &&
        lx_read(l, table, L_udp_table_mask, &mask) == ST_OK)
        walk_buckets(w, at, mask + 1, lx_off(l, L_udp_slot_size), lx_off(l, L_udp_slot_head));
    else
        outcome_cut(w->o, "the table of UDP sockets at %#" PRIx64 " is not in memory", table);
}

/*
 * A table of each namespace: the namespace's own where its member is known and set, else the
 * machine's, which has a symbol. Each once. False: there is none.
 */
static bool each_table(struct socket_walk *w, enum layout_id member, const char *symbol,
                       void (*walk)(struct socket_walk *, uint64_t))
{
    uint64_t common = 0, table, last = 0;
    bool any = lx_symbol(w->l, symbol, &common) == ST_OK && common;
    if (any)
        walk(w, common);
    for (size_t i = 0; i < w->nr_nets; i++) {
        if (lx_ptr(w->l, w->net[i], member, &table) != ST_OK || !table || table == common ||
            table == last)
            continue;
        any = true;
        last = table;
        walk(w, table);
    }
    return any;
}

static void walk_unix(struct socket_walk *w, uint64_t buckets)
{
    w->kind = LX_SOCKET_UNIX;
    walk_buckets(w, buckets, UNIX_BUCKETS, w->l->v->ptr_size, 0);
}

static int compare_found(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->net != y->net)
        return x->net < y->net ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* ---- the listing ---- */

static int need_layout(const struct linux_view *l)
{
    static const enum layout_id need[] = {L_skc_node,
                                          L_skc_family,
                                          L_skc_state,
                                          L_skc_dport,
                                          L_skc_num,
                                          L_skc_daddr,
                                          L_skc_rcv_saddr,
                                          L_sk_socket,
                                          L_sk_type,
                                          L_hashinfo_ehash,
                                          L_hashinfo_ehash_mask,
                                          L_ehash_bucket_size,
                                          L_listen_bucket_size,
                                          L_listen_bucket_head,
                                          L_udp_table_hash,
                                          L_udp_table_mask,
                                          L_udp_slot_size,
                                          L_udp_slot_head};
    return lx_require(l, "the sockets", need, ARRAY_LEN(need));
}

static void collect(struct socket_walk *w)
{
    uint64_t buckets;
    if (!each_table(w, L_net_tcp_hashinfo, "tcp_hashinfo", walk_tcp))
        outcome_cut(w->o, "no table of TCP sockets: neither the symbol tcp_hashinfo nor the "
                          "namespace's member is known");
    if (!each_table(w, L_net_udp_table, "udp_table", walk_udp))
        outcome_cut(w->o, "no table of UDP sockets: neither the symbol udp_table nor the "
                          "namespace's member is known");
    if (lx_has(w->l, L_net_unix_buckets)) {
        for (size_t i = 0; i < w->nr_nets; i++)
            if (lx_ptr(w->l, w->net[i], L_net_unix_buckets, &buckets) == ST_OK && buckets)
                walk_unix(w, buckets);
    } else if (lx_symbol(w->l, "unix_socket_table", &buckets) == ST_OK) {
        walk_unix(w, buckets);
    } else {
        outcome_cut(w->o,
                    "no table of unix sockets: neither unix_socket_table nor net.unx is known");
    }
}

int lx_sockets(struct osview *v, vmi_socket_cb cb, void *data, struct vmi_outcome *ret)
{
    const struct linux_view *l = lx_of(v);
    uint64_t net;
    int st = need_layout(l);
    if (st != ST_OK)
        return st;
    struct socket_walk *w = calloc(1, sizeof *w);
    if (!w)
        return diag_fail(v->diag, ST_NOMEM, "no memory for the list of network namespaces");
    *w = (struct socket_walk){.l = l, .o = ret, .buckets_left = MAX_BUCKETS};
    if (first_net(l, &net) == ST_OK)
        add_net(w, net);
    collect_nets(w);
    collect(w);
    if (w->nr_found)
        qsort(w->found, w->nr_found, sizeof *w->found, compare_found);
    struct lx_holders holders;
    lx_holders_open(v, ret, &holders);
    for (size_t i = 0; i < w->nr_found; i++) {
        if (lx_socket_give(l, &holders, w->found[i].sock, w->found[i].kind, cb, data, ret))
            break;
    }
    lx_holders_close(&holders);
    free(w->found);
    free(w);
    return ST_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One socket as a record, and who holds it. Facts: include/net/sock.h,
 * include/net/inet_timewait_sock.h, include/net/tcp_states.h, net/ipv4/tcp_ipv4.c (what
 * /proc/net/tcp shows of half sockets), net/unix/af_unix.c (unix_seq_show), include/net/af_unix.h.
 */
#include "os/linux/file.h"
#include "os/linux/net.h"
#include "os/linux/path.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    MAX_HELD_FILES = 1 << 22
}; /* open files that are looked at for sockets, of all processes together */

/* ---- holders ---- */

/* Adds one descriptor when it is a socket's. The file and its socket point to each other: else it
 * is no socket. */
static int add_holder(const struct lx_fd *fd, void *data)
{
    enum { S_IFMT_GUEST = 0170000, S_IFSOCK_GUEST = 0140000 };
    struct lx_holders *h = data;
    const struct linux_view *l = h->l;
    uint64_t inode, mode, socket, file;
    if (lx_ptr(l, fd->file, L_file_inode, &inode) != ST_OK ||
        lx_read(l, inode, L_inode_mode, &mode) != ST_OK ||
        (mode & S_IFMT_GUEST) != S_IFSOCK_GUEST ||
        lx_ptr(l, fd->file, L_file_private, &socket) != ST_OK ||
        lx_ptr(l, socket, L_socket_file, &file) != ST_OK || file != fd->file)
        return 0;
    if (h->nr == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : 256;
        struct lx_holder *grown = realloc(h->holder, cap * sizeof *grown);
        if (!grown) {
            outcome_cut(h->o, "no memory for the holders of more than %zu sockets", h->nr);
            return 1;
        }
        h->holder = grown;
        h->cap = cap;
    }
    struct lx_holder *one = &h->holder[h->nr++];
    *one = (struct lx_holder){.socket = socket, .pid = h->pid, .fd = fd->fd};
    memcpy(one->comm, h->comm, sizeof one->comm);
    return 0;
}

static int holders_of_process(const struct vmi_process *p, void *data)
{
    struct lx_holders *h = data;
    uint64_t files;
    if (p->flags & VMI_PROCESS_KERNEL || lx_ptr(h->l, p->object, L_task_files, &files) != ST_OK ||
        files == h->files)
        return 0;
    h->files = files; /* threads share it, but where the leader has ended it is theirs alone */
    h->pid = p->pid;
    memcpy(h->comm, p->comm, sizeof h->comm);
    h->comm[sizeof h->comm - 1] = '\0';
    if (lx_each_fd(h->l, p->object, &h->files_left, add_holder, h, h->o) != ST_OK)
        outcome_cut(h->o, "the open files of process %d are not in memory", p->pid);
    return 0;
}

static int compare_holder(const void *a, const void *b)
{
    const struct lx_holder *x = a, *y = b;
    if (x->socket != y->socket)
        return x->socket < y->socket ? -1 : 1;
    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    return x->fd < y->fd ? -1 : x->fd > y->fd;
}

void lx_holders_open(struct osview *v, struct vmi_outcome *o, struct lx_holders *ret)
{
    static const enum layout_id need[] = {L_file_inode, L_inode_mode, L_file_private, L_socket_file,
                                          L_task_files};
    struct vmi_outcome processes = {0};
    *ret = (struct lx_holders){.l = lx_of(v), .o = o, .files_left = MAX_HELD_FILES};
    for (size_t i = 0; i < ARRAY_LEN(need); i++)
        if (!lx_has(ret->l, need[i]))
            return;
    if (lx_processes(v, 1 /* VMI_LIST_THREADS */, holders_of_process, ret, &processes) != ST_OK ||
        processes.partial)
        outcome_cut(o, "the holders of some sockets are not known: %s",
                    processes.partial ? processes.reason : "the process list cannot be read");
    if (ret->nr)
        qsort(ret->holder, ret->nr, sizeof *ret->holder, compare_holder);
}

void lx_holders_close(struct lx_holders *h)
{
    free(h->holder);
    *h = (struct lx_holders){0};
}

const struct lx_holder *lx_holder_of(const struct lx_holders *h, uint64_t socket)
{
    size_t low = 0, high = h->nr;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (h->holder[mid].socket < socket)
            low = mid + 1;
        else
            high = mid;
    }
    return low < h->nr && h->holder[low].socket == socket ? &h->holder[low] : NULL;
}

/* ---- the record ---- */

enum { TCP_ESTABLISHED = 1, TCP_TIME_WAIT = 6, TCP_LISTEN = 10, TCP_NEW_SYN_RECV = 12 };

static const char *tcp_state(uint64_t state)
{
    static const char *const names[] = {
        "",      "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
        "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "SYN_RECV"};
    return state < ARRAY_LEN(names) ? names[state] : "";
}

/* Datagram and unix sockets borrow TCP's numbers; one that is not connected is in CLOSE, which
 * would mislead. */
static const char *plain_state(uint64_t state)
{
    return state == TCP_ESTABLISHED || state == TCP_LISTEN ? tcp_state(state) : "";
}

static bool read_addresses(const struct linux_view *l, uint64_t sock, bool v6, struct vmi_socket *s)
{
    uint64_t port, num, v;
    if (lx_read(l, sock, L_skc_dport, &port) != ST_OK || lx_read(l, sock, L_skc_num, &num) != ST_OK)
        return false;
    s->remote_port = __builtin_bswap16((uint16_t)port);
    s->local_port = (uint16_t)num;
    if (v6)
        return lx_has(l, L_skc_v6_daddr) && lx_has(l, L_skc_v6_rcv_saddr) &&
               aspace_read(&l->v->kernel, GVA(sock + lx_off(l, L_skc_v6_rcv_saddr)), s->local, 16,
                           NULL) == ST_OK &&
               aspace_read(&l->v->kernel, GVA(sock + lx_off(l, L_skc_v6_daddr)), s->remote, 16,
                           NULL) == ST_OK;
    if (lx_read(l, sock, L_skc_rcv_saddr, &v) != ST_OK)
        return false;
    memcpy(s->local, &v, 4);
    if (lx_read(l, sock, L_skc_daddr, &v) != ST_OK)
        return false;
    memcpy(s->remote, &v, 4);
    return true;
}

/* The owner's id, inode number and holder, of a whole socket (not a half one). */
static bool read_owner(const struct linux_view *l, const struct lx_holders *h, uint64_t sock,
                       struct vmi_socket *s)
{
    uint64_t v, socket;
    if (lx_read(l, sock, L_sk_uid, &v) == ST_OK)
        s->uid = (uint32_t)v;
    if (lx_ptr(l, sock, L_sk_socket, &socket) != ST_OK)
        return false;
    if (!socket)
        return true; /* an orphan: closed, or not accepted yet */
    const struct lx_holder *one = lx_holder_of(h, socket);
    if (one) {
        s->pid = one->pid;
        s->fd = one->fd;
        s->comm = one->comm;
    }
    if (!lx_has(l, L_socket_alloc_socket) || !lx_has(l, L_socket_alloc_inode))
        return false;
    uint64_t inode = socket - lx_off(l, L_socket_alloc_socket) + lx_off(l, L_socket_alloc_inode);
    return lx_read(l, inode, L_inode_ino, &s->inode) == ST_OK;
}

/*
 * TCP has half sockets in its tables, of which only the common part exists: time-wait (shown with
 * the state that it waits in) and a connection that is being set up (shown with its listener's
 * user).
 */
static bool read_half(const struct linux_view *l, uint64_t sock, uint64_t state,
                      struct vmi_socket *s)
{
    uint64_t v, listener;
    if (state == TCP_TIME_WAIT) {
        if (lx_read(l, sock, L_tw_substate, &v) == ST_OK)
            s->state = tcp_state(v);
        return true;
    }
    if (lx_ptr(l, sock, L_skc_listener, &listener) != ST_OK ||
        lx_read(l, listener, L_sk_uid, &v) != ST_OK)
        return false;
    s->uid = (uint32_t)v;
    return true;
}

static bool read_inet(const struct linux_view *l, const struct lx_holders *h, uint64_t sock,
                      enum lx_socket_kind kind, struct vmi_socket *s)
{
    bool tcp = kind == LX_SOCKET_TCP4 || kind == LX_SOCKET_TCP6;
    uint64_t state;
    bool whole = read_addresses(l, sock, kind == LX_SOCKET_TCP6 || kind == LX_SOCKET_UDP6, s);
    if (lx_read(l, sock, L_skc_state, &state) != ST_OK)
        return false;
    s->state = tcp ? tcp_state(state) : plain_state(state);
    if (tcp && (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV))
        return read_half(l, sock, state, s) && whole;
    return read_owner(l, h, sock, s) && whole;
}

/* The name that a unix socket is bound to into path[UNIX_PATH_BYTES]; an abstract one, and each 0
 * in it, as '@'. */
static bool read_unix_path(const struct linux_view *l, uint64_t sock, char *path)
{
    uint64_t addr, len;
    if (lx_ptr(l, sock, L_unix_addr, &addr) != ST_OK)
        return false;
    if (!addr)
        return true;
    if (!lx_has(l, L_unix_addr_name) || lx_read(l, addr, L_unix_addr_len, &len) != ST_OK ||
        len > LX_UNIX_PATH_BYTES)
        return false;
    if (len <= 2) /* the family alone */
        return true;
    size_t n = (size_t)len - 2;
    if (aspace_read(&l->v->kernel, GVA(addr + lx_off(l, L_unix_addr_name) + 2), path, n, NULL) !=
        ST_OK) {
        path[0] = '\0';
        return false;
    }
    path[n] = '\0';
    if (!path[0])
        for (size_t i = 0; i < n; i++)
            path[i] = path[i] ? path[i] : '@';
    return true;
}

static bool read_unix(const struct linux_view *l, const struct lx_holders *h, uint64_t sock,
                      char *path, struct vmi_socket *s)
{
    uint64_t v;
    bool whole = read_owner(l, h, sock, s);
    if (lx_read(l, sock, L_skc_state, &v) == ST_OK)
        s->state = plain_state(v);
    else
        whole = false;
    if (lx_read(l, sock, L_sk_type, &v) == ST_OK)
        s->kind = v == 1 ? "STREAM" : v == 2 ? "DGRAM" : v == 5 ? "SEQPACKET" : "";
    else
        whole = false;
    return read_unix_path(l, sock, path) && whole;
}

int lx_socket_give(const struct linux_view *l, const struct lx_holders *h, uint64_t sock,
                   enum lx_socket_kind kind, vmi_socket_cb cb, void *data, struct vmi_outcome *o)
{
    static const char *const protos[] = {"tcp", "tcp6", "udp", "udp6", "unix"};
    char path[LX_UNIX_PATH_BYTES] = "";
    struct vmi_socket s = {.proto = protos[kind],
                           .object = sock,
                           .fd = -1,
                           .state = "",
                           .comm = "",
                           .kind = "",
                           .path = path};
    bool whole =
        kind == LX_SOCKET_UNIX ? read_unix(l, h, sock, path, &s) : read_inet(l, h, sock, kind, &s);
    if (!whole)
        s.flags |= VMI_RECORD_PARTIAL;
    o->count++;
    return cb(&s, data);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two files about sockets share: net.c finds them in their tables, socket.c reads one and
 * knows who holds it. */
#ifndef TINYVMI_OS_LINUX_NET_H
#define TINYVMI_OS_LINUX_NET_H

#include "os/linux/linux.h"

enum { LX_AF_INET6 = 10 };         /* include/linux/socket.h */
enum { LX_UNIX_PATH_BYTES = 112 }; /* sizeof(struct sockaddr_un) is 110; with its 0 behind */

/* In the order in which they are listed. The IPv6 kind follows its IPv4. */
enum lx_socket_kind {
    LX_SOCKET_TCP4,
    LX_SOCKET_TCP6,
    LX_SOCKET_UDP4,
    LX_SOCKET_UDP6,
    LX_SOCKET_UNIX
};

/* A descriptor of a socket. */
struct lx_holder {
    uint64_t socket; /* struct socket */
    int32_t pid, fd;
    char comm[24];
};

/* The descriptors of all sockets of all processes, sorted. */
struct lx_holders {
    const struct linux_view *l;
    struct vmi_outcome *o;
    struct lx_holder *holder; /* owned */
    size_t nr, cap;
    uint64_t files_left;
    uint64_t files; /* files_struct of the task that was looked through last */
    int32_t pid;    /* its process */
    char comm[24];
};

/* Looks through the open files of all processes, once. Never fails: what is not found has no
 * holder; `o` says why. */
void lx_holders_open(struct osview *v, struct vmi_outcome *o, struct lx_holders *ret);
void lx_holders_close(struct lx_holders *h);

/* The holder with the lowest pid and descriptor, or NULL. Borrowed. */
const struct lx_holder *lx_holder_of(const struct lx_holders *h, uint64_t socket);

/* Reads the struct sock at `sock` and gives it to the callback, whose answer is returned. */
int lx_socket_give(const struct linux_view *l, const struct lx_holders *h, uint64_t sock,
                   enum lx_socket_kind kind, vmi_socket_cb cb, void *data, struct vmi_outcome *o);

#endif

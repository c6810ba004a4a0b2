/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <arpa/inet.h>
#include <string.h>

enum {
    PROTO,
    STATE,
    KIND,
    LOCAL,
    REMOTE,
    LOCAL_ADDRESS,
    LOCAL_PORT,
    REMOTE_ADDRESS,
    REMOTE_PORT,
    UID,
    PID,
    COMM,
    FD,
    INODE,
    OBJECT,
    PATH,
    PROCESS
};

static const struct column columns[] = {
    [PROTO] = {"PROTO", "proto", "tcp, tcp6, udp, udp6, unix", 0},
    [STATE] = {"STATE", "state", "LISTEN, ESTABLISHED, ...", 0},
    [KIND] = {NULL, "kind", "unix: STREAM, DGRAM, SEQPACKET", 0},
    [LOCAL] = {"LOCAL", NULL, NULL, 0},
    [REMOTE] = {"REMOTE", NULL, NULL, 0},
    [LOCAL_ADDRESS] = {NULL, "local_address", "null for unix sockets", 0},
    [LOCAL_PORT] = {NULL, "local_port", "null for unix sockets", 0},
    [REMOTE_ADDRESS] = {NULL, "remote_address", "null for unix sockets", 0},
    [REMOTE_PORT] = {NULL, "remote_port", "null for unix sockets", 0},
    [UID] = {"UID", "uid", "user id of the socket", COLUMN_RIGHT},
    [PID] = {NULL, "pid", "a process that holds it; null: none was found", 0},
    [COMM] = {NULL, "comm", "that process' name", 0},
    [FD] = {NULL, "fd", "its descriptor there", 0},
    [INODE] = {"INODE", "inode", "as in socket:[INODE]", COLUMN_RIGHT},
    [OBJECT] = {NULL, "object", "address of the struct sock", 0},
    [PATH] = {NULL, "path", "unix: its path, @name for an abstract one", 0},
    [PROCESS] = {"PROCESS", NULL, NULL, 0},
    {0},
};

struct list {
    struct run *run;
    struct listing l;
    bool tcp, udp, unix_, listening;
    char bare[2][INET6_ADDRSTRLEN], full[2][64]; /* of the row: local, remote */
};

static bool starts(const char *s, const char *with)
{
    return !strncmp(s, with, strlen(with));
}

static bool wanted(const struct list *list, const struct vmi_socket *s)
{
    bool any = !(list->tcp || list->udp || list->unix_);
    bool kind = any || (list->tcp && starts(s->proto, "tcp")) ||
                (list->udp && starts(s->proto, "udp")) || (list->unix_ && starts(s->proto, "unix"));
    /* A UDP socket with no peer is what ss -l calls listening. */
    bool waits = !strcmp(s->state, "LISTEN") || (starts(s->proto, "udp") && s->remote_port == 0);
    return kind && (!list->listening || waits);
}

static void address_text(const struct vmi_socket *s, const uint8_t *address, uint16_t port,
                         char *bare, char *full)
{
    bool six = s->proto[0] && s->proto[strlen(s->proto) - 1] == '6';
    if (!inet_ntop(six ? AF_INET6 : AF_INET, address, bare, INET6_ADDRSTRLEN))
        strcpy(bare, "?");
    if (port)
        snprintf(full, 64, six ? "[%s]:%u" : "%s:%u", bare, port);
    else
        snprintf(full, 64, six ? "[%s]:*" : "%s:*", bare);
}

static void put_inet(struct list *list, const struct vmi_socket *s)
{
    struct listing *l = &list->l;
    address_text(s, s->local, s->local_port, list->bare[0], list->full[0]);
    address_text(s, s->remote, s->remote_port, list->bare[1], list->full[1]);
    cell_own(l, LOCAL, list->full[0]);
    cell_own(l, REMOTE, list->full[1]);
    cell_own(l, LOCAL_ADDRESS, list->bare[0]);
    cell_u64(l, LOCAL_PORT, s->local_port);
    cell_own(l, REMOTE_ADDRESS, list->bare[1]);
    cell_u64(l, REMOTE_PORT, s->remote_port);
}

static void put_row(struct listing *l, const struct vmi_socket *s)
{
    char pid[16];
    cell_guest(l, PROTO, s->proto);
    cell_guest(l, STATE, s->state)->colour = !strcmp(s->state, "LISTEN") ? GREEN : PLAIN;
    if (s->kind[0])
        cell_guest(l, KIND, s->kind);
    cell_u64(l, UID, s->uid);
    if (s->pid > 0) {
        snprintf(pid, sizeof pid, "%d/", s->pid);
        cell_i64(l, PID, s->pid);
        cell_guest(l, COMM, s->comm);
        cell_i64(l, FD, s->fd);
        cell_guest(l, PROCESS, s->comm)->before = pid;
    }
    cell_u64(l, INODE, s->inode);
    cell_address(l, OBJECT, s->object);
    row_end(l);
}

static int put(const struct vmi_socket *s, void *data)
{
    struct list *list = data;
    struct listing *l = &list->l;
    if (!wanted(list, s))
        return 0;
    note_flags(list->run, s->flags);
    if (starts(s->proto, "unix")) {
        struct cell *c = cell_guest(l, LOCAL, s->path);
        if (!s->path[0])
            *c = (struct cell){.kind = CELL_OWN, .text = "*", .n = 1};
        cell_guest(l, REMOTE, s->kind);
        cell_guest(l, PATH, s->path);
    } else {
        put_inet(list, s);
    }
    put_row(l, s);
    return 0;
}

static int run(struct run *run)
{
    struct vmi_outcome o = {0};
    struct list list = {.run = run,
                        .tcp = opt(run, "tcp"),
                        .udp = opt(run, "udp"),
                        .unix_ = opt(run, "unix"),
                        .listening = opt(run, "listening")};
    run_listing(run, &list.l);
    status_t status = vmi_each_socket(run->vmi, put, &list, &o);
    return run_listing_end(run, &list.l, status, &o, "cannot list the sockets");
}

const struct verb verb_net = {
    .name = "net",
    .purpose = "TCP, UDP and unix sockets, and who holds them",
    .operands = (const struct operand[]){TARGET_OPERAND, {0}},
    .options =
        (const struct option_row[]){
            {"tcp", 't', NULL, "TCP", 0, NULL},
            {"udp", 'u', NULL, "UDP", 0, NULL},
            {"unix", 'x', NULL, "unix sockets", 0, NULL},
            {"listening", 'l', NULL, "those that wait for a peer", 0, NULL},
            {0},
        },
    .about =
        (const char *const[]){
            "Without -t, -u or -x, all. For unix sockets, LOCAL is the path (@ for an abstract "
            "name, * for none) and REMOTE the kind. PROCESS is one that holds the socket; it "
            "may be shared.",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){
            {"tinyvmi net qemu:web1 -tul", "what listens"},
            {"tinyvmi net memory.raw --json | jq '.[] | select(.state == \"ESTABLISHED\")'",
             "who talks to whom"},
            {0}},
    .see_also = "ps files",
    .flags = VERB_KERNEL,
    .run = run,
};

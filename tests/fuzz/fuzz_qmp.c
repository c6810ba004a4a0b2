/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that a QEMU process tells about itself. The first byte chooses who reads the rest: the
 * QMP client (through a socket pair), or one of the parsers of the monitor's texts, of
 * /proc/PID/maps and of the command line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include "source/qemu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void client(const uint8_t *data, size_t size)
{
    int pair[2];
    struct qmp q = {.where = "fuzz", .buf = malloc(16), .cap = 16};
    struct diag d = {0};
    struct bytes reply;
    const char *text;
    if (size > 65536 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair)) {
        free(q.buf);
        return;
    }
    q.fd = pair[0];
    if (send(pair[1], data, size, MSG_NOSIGNAL) == (ssize_t)size) {
        shutdown(pair[1], SHUT_WR);
        if (qmp_human(&q, "info mtree -f", &d, &text) == ST_OK && strlen(text) > size)
            abort();
        while (qmp_execute(&q, "query-status", NULL, &d, &reply) == ST_OK)
            if (reply.n > size)
                abort();
    }
    close(pair[1]);
    qmp_close(&q);
}

static void maps(const char *text)
{
    struct qemu_vma v;
    for (const char *p = text; qemu_vma_next(&p, &v);)
        if (v.end && (v.end <= v.start || v.path + v.path_n > p))
            abort();
}

static void mtree(const char *text)
{
    struct qemu_layout l;
    if (qemu_mtree_parse(text, &l) != ST_OK)
        return;
    for (size_t i = 0; i < l.nr; i++)
        if (!l.piece[i].len || l.piece[i].start + (l.piece[i].len - 1) < l.piece[i].start)
            abort();
    free(l.piece);
}

static void cmdline(const char *text, size_t size)
{
    static struct qemu_cmdline c;
    struct qemu_piece piece[4];
    const char *board;
    qemu_cmdline_parse((struct bytes){(const uint8_t *)text, size + 1}, &c);
    size_t n = qemu_board_layout("qemu-system-x86_64", &c, piece, &board);
    if (!n || n > 4 || c.nr_sockets > QEMU_MAX_SOCKETS)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    uint8_t who = *data++;
    char *text = malloc(size); /* one less than size, and a NUL */
    struct vcpu_regs r;
    memcpy(text, data, --size);
    text[size] = '\0';
    switch (who) {
    case 'q':
        client(data, size);
        break;
    case 'm':
        mtree(text);
        break;
    case 'h':
        (void)qemu_gpa2hva_parse(text);
        break;
    case 'r':
        for (unsigned i = 0; i < 3; i++)
            if (qemu_registers_parse(text, i, &r) == ST_OK && !r.have)
                abort();
        break;
    case 'v':
        maps(text);
        break;
    case 'c':
        cmdline(text, size);
        break;
    default:
        break;
    }
    free(text);
    return 0;
}

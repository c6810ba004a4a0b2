/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets: tables, half sockets, names and holders, and chains and masks that a hostile guest
 * forges. */
#include "linux_fake.h"

#include "os/linux/net.h"

static struct {
    char text[16384];
    size_t at, count, partial;
} seen;
static struct vmi_outcome outcome;

static int note(const struct vmi_socket *s, void *data)
{
    char line[400];
    (void)data;
    if (!strcmp(s->proto, "unix"))
        snprintf(line, sizeof line, "%s %s %s '%s' ino %llu uid %u %d/%d %s\n", s->proto, s->kind,
                 s->state, s->path, (unsigned long long)s->inode, s->uid, s->pid, s->fd, s->comm);
    else
        snprintf(line, sizeof line,
                 "%s %s %02x%02x%02x%02x:%u %02x..%02x:%u ino %llu uid %u %d/%d %s\n", s->proto,
                 s->state, s->local[0], s->local[1], s->local[2], s->local[3], s->local_port,
                 s->remote[0], s->remote[15], s->remote_port, (unsigned long long)s->inode, s->uid,
                 s->pid, s->fd, s->comm);
    int n = snprintf(seen.text + seen.at, sizeof seen.text - seen.at, "%s", line);
    seen.at = MIN_OF(seen.at + (size_t)n, sizeof seen.text - 1);
    seen.partial += (s->flags & VMI_RECORD_PARTIAL) != 0;
    seen.count++;
    return 0;
}

/* A machine with one namespace, tables of 4 buckets each, no processes but the idle task. */
struct machine {
    struct fake *f;
    uint64_t net, hashinfo, listening, ehash, udp, udp_hash, unix_buckets, init;
};

static struct machine machine_new(unsigned ptr_size)
{
    struct machine m = {.f = fake_new(ptr_size)};
    struct fake *f = m.f;
    uint64_t nsproxy = fake_object(f);
    m.net = fake_object(f);
    m.hashinfo = fake_object(f);
    m.udp = fake_object(f);
    m.init = fake_object(f);
    m.listening = fake_alloc(f, 4096);
    m.ehash = fake_alloc(f, 4096);
    m.udp_hash = fake_alloc(f, 4096);
    m.unix_buckets = fake_alloc(f, 4096);
    fake_absent(f, L_hashinfo_listening);
    fake_absent(f, L_task_thread_node);
    fake_member(f, L_listen_bucket_size, 16, 0);
    fake_member(f, L_listen_bucket_head, 8, 0);
    fake_member(f, L_ehash_bucket_size, ptr_size, 0);
    fake_member(f, L_udp_slot_size, 16, 0);
    fake_member(f, L_udp_slot_head, 0, 0);
    fake_set(f, m.net, L_net_tcp_hashinfo, m.hashinfo);
    fake_set(f, m.net, L_net_udp_table, m.udp);
    fake_set(f, m.net, L_net_unix_buckets, m.unix_buckets);
    fake_set(f, m.hashinfo, L_hashinfo_lhash2, m.listening);
    fake_set(f, m.hashinfo, L_hashinfo_lhash2_mask, 3);
    fake_set(f, m.hashinfo, L_hashinfo_ehash, m.ehash);
    fake_set(f, m.hashinfo, L_hashinfo_ehash_mask, 3);
    fake_set(f, m.udp, L_udp_table_hash, m.udp_hash);
    fake_set(f, m.udp, L_udp_table_mask, 3);
    fake_set(f, m.init, L_task_nsproxy, nsproxy);
    fake_set(f, nsproxy, L_nsproxy_net_ns, m.net);
    f->l.init_task = m.init;
    fake_put_ptr(f, m.init + lx_off(&f->l, L_task_tasks), m.init + lx_off(&f->l, L_task_tasks));
    return m;
}

static int list(struct machine *m)
{
    memset(&seen, 0, sizeof seen);
    outcome = (struct vmi_outcome){0};
    return lx_sockets(&m->f->v, note, NULL, &outcome);
}

/* A socket at the front of the chain that begins at `bucket`; `end` is what an empty chain holds.
 */
static uint64_t sock(struct machine *m, uint64_t bucket, uint64_t end, unsigned family,
                     unsigned state)
{
    struct fake *f = m->f;
    uint64_t s = fake_object(f), first = end;
    memcpy(&first, f->mem + (bucket - f->base), f->v.ptr_size);
    fake_put_ptr(f, s + lx_off(&f->l, L_skc_node), first ? first : end);
    fake_put_ptr(f, bucket, s + lx_off(&f->l, L_skc_node));
    fake_set(f, s, L_skc_net, m->net);
    fake_set(f, s, L_skc_family, family);
    fake_set(f, s, L_skc_state, state);
    fake_set(f, s, L_skc_num, 80);
    fake_set(f, s, L_skc_rcv_saddr, 0x0100007f);
    return s;
}

/* Gives a socket its struct socket and inode. */
static uint64_t owned(struct machine *m, uint64_t s, uint64_t ino)
{
    uint64_t socket = fake_object(m->f);
    fake_set(m->f, s, L_sk_socket, socket);
    fake_set(m->f, socket + FAR, L_inode_ino, ino);
    return socket;
}

static void tcp(unsigned ptr_size)
{
    struct machine m = machine_new(ptr_size);
    struct fake *f = m.f;
    uint64_t s = sock(&m, m.listening + 16 + 8, 3, 2, 10);
    fake_set(f, s, L_sk_uid, 33);
    owned(&m, s, 100);
    s = sock(&m, m.ehash + 2 * ptr_size, 5, 2, 1);
    fake_set(f, s, L_skc_dport, 0x5000); /* network order: 80 */
    fake_set(f, s, L_skc_daddr, 0x0200000a);
    s = sock(&m, m.ehash + 2 * ptr_size, 5, 10, 8);
    fake_put(f, s + lx_off(&f->l, L_skc_v6_rcv_saddr), "\x20\x01\x0d\xb8", 4);
    fake_put(f, s + lx_off(&f->l, L_skc_v6_daddr), "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x09", 16);
    s = sock(&m, m.ehash, 1, 2, 6); /* time-wait: the common part and its own state */
    fake_set(f, s, L_tw_substate, 5);
    s = sock(&m, m.ehash, 1, 2, 12); /* being set up */
    uint64_t listener = fake_object(f);
    fake_set(f, listener, L_sk_uid, 1000);
    fake_set(f, s, L_skc_listener, listener);
    assert_int_equal(list(&m), ST_OK);
    assert_string_equal(seen.text, "tcp LISTEN 7f000001:80 00..00:0 ino 100 uid 33 0/-1 \n"
                                   "tcp SYN_RECV 7f000001:80 00..00:0 ino 0 uid 1000 0/-1 \n"
                                   "tcp FIN_WAIT2 7f000001:80 00..00:0 ino 0 uid 0 0/-1 \n"
                                   "tcp ESTABLISHED 7f000001:80 0a..00:80 ino 0 uid 0 0/-1 \n"
                                   "tcp6 CLOSE_WAIT 20010db8:80 fe..09:0 ino 0 uid 0 0/-1 \n");
    assert_false(outcome.partial);
    assert_int_equal(seen.partial, 0);
    assert_int_equal(outcome.count, 5);
    fake_free(f);
}

static void tcp_tables(void **state)
{
    (void)state;
    tcp(8);
    tcp(4);
}

static uint64_t unix_sock(struct machine *m, unsigned bucket, const char *name, unsigned length,
                          unsigned type, unsigned state)
{
    struct fake *f = m->f;
    uint64_t s = sock(m, m->unix_buckets + 8 * bucket, 0, 1, state), addr = fake_object(f);
    fake_set(f, s, L_sk_type, type);
    if (length) {
        fake_set(f, s, L_unix_addr, addr);
        fake_set(f, addr, L_unix_addr_len, length + 2);
        fake_put(f, addr + lx_off(&f->l, L_unix_addr_name) + 2, name, MIN_OF(length, 200u));
    }
    return s;
}

static void udp_and_unix(void **state)
{
    (void)state;
    static char long_name[200];
    struct machine m = machine_new(8);
    memset(long_name, 'n', sizeof long_name);
    sock(&m, m.udp_hash, 0, 2, 7);
    sock(&m, m.udp_hash + 48, 0, 10, 1);
    unix_sock(&m, 0, "/run/x", 7, 1, 10);
    unix_sock(&m, 1, "\0abs\0tract", 10, 5, 7);
    unix_sock(&m, 2, NULL, 0, 2, 1);
    unix_sock(&m, 511, long_name, 108, 1, 1);
    assert_int_equal(list(&m), ST_OK);
    assert_int_equal(seen.count, 6);
    assert_int_equal(seen.partial, 0);
    assert_non_null(strstr(seen.text, "udp  7f000001:80 "));
    assert_non_null(strstr(seen.text, "udp6 ESTABLISHED "));
    assert_non_null(strstr(seen.text, "unix STREAM LISTEN '/run/x' "));
    assert_non_null(strstr(seen.text, "unix SEQPACKET  '@abs@tract' "));
    assert_non_null(strstr(seen.text, "unix DGRAM ESTABLISHED '' "));
    assert_non_null(strstr(seen.text, "nnnnnnnn' "));
    fake_free(m.f);
    static const unsigned lengths[] = {111, 200, 0x7ffffffe, 0xfffffff0};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) { /* an address longer than any */
        m = machine_new(8);
        unix_sock(&m, 0, long_name, lengths[i], 1, 1);
        assert_int_equal(list(&m), ST_OK);
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.partial, 1);
        assert_non_null(strstr(seen.text, "ESTABLISHED '' "));
        fake_free(m.f);
    }
}

/* The socket's file in the table of a process, among files that are no socket or only say so. */
static void holders(void **state)
{
    (void)state;
    struct machine m = machine_new(8);
    struct fake *f = m.f;
    uint64_t s = sock(&m, m.listening + 8, 1, 2, 10), socket = owned(&m, s, 7);
    uint64_t file = fake_file(f, fake_object(f), fake_object(f), fake_inode(f, 0, 7, 0140777));
    uint64_t regular = fake_file(f, fake_object(f), fake_object(f), fake_inode(f, 0, 8, 0100644));
    uint64_t liar = fake_file(f, fake_object(f), fake_object(f), fake_inode(f, 0, 7, 0140777));
    fake_set(f, file, L_file_private, socket);
    fake_set(f, regular, L_file_private, socket);
    fake_set(f, liar, L_file_private, socket); /* the socket does not know this file */
    fake_set(f, socket, L_socket_file, file);
    uint64_t table[] = {regular, liar, 0, file, file}, task = fake_task(f, table, 5, 64);
    fake_set(f, task, L_task_pid, 42);
    fake_set(f, task, L_task_tgid, 42);
    fake_put(f, task + lx_off(&f->l, L_task_comm), "sshd", 4);
    uint64_t off = lx_off(&f->l, L_task_tasks);
    fake_put_ptr(f, m.init + off, task + off);
    fake_put_ptr(f, task + off, m.init + off);
    assert_int_equal(list(&m), ST_OK);
    assert_string_equal(seen.text, "tcp LISTEN 7f000001:80 00..00:0 ino 7 uid 0 42/3 sshd\n");
    assert_false(outcome.partial);
    /* A process list that is damaged costs the holders, not the sockets. */
    fake_put_ptr(f, m.init + off, 0x1000);
    assert_int_equal(list(&m), ST_OK);
    assert_int_equal(seen.count, 1);
    assert_true(outcome.partial);
    fake_free(f);
}

static void namespaces(void **state)
{
    (void)state;
    struct machine m = machine_new(8);
    uint64_t other = fake_object(m.f), mine = m.net;
    m.net = other;
    sock(&m, m.ehash, 1, 2, 1); /* of a namespace that is in no list: told last */
    m.net = mine;
    fake_set(m.f, sock(&m, m.ehash + 8, 3, 10, 1), L_skc_num, 443);
    assert_int_equal(list(&m), ST_OK);
    assert_int_equal(seen.count, 2);
    assert_true(!strncmp(seen.text, "tcp6 ESTABLISHED 00000000:443", 29));
    fake_free(m.f);
}

static void forged_chains(void **state)
{
    (void)state;
    struct machine m = machine_new(8);
    struct fake *f = m.f;
    uint64_t a = sock(&m, m.ehash, 1, 2, 1), b = sock(&m, m.ehash, 1, 2, 1),
             node = lx_off(&f->l, L_skc_node);
    fake_put_ptr(f, a + node, b + node); /* b, a, b, a ... */
    assert_int_equal(list(&m), ST_OK);
    assert_true(outcome.partial);
    assert_true(seen.count >= 2 && seen.count < 10);
    fake_put_ptr(f, a + node, a + node);
    assert_int_equal(list(&m), ST_OK);
    assert_true(outcome.partial);
    fake_put_ptr(f, a + node, 0x1000); /* not in memory */
    assert_int_equal(list(&m), ST_OK);
    assert_true(outcome.partial);
    assert_int_equal(seen.count, 2);
    fake_put_ptr(f, a + node, 1);
    fake_set(f, m.hashinfo, L_hashinfo_ehash_mask,
             0xffffffff); /* a table that ends where memory does */
    assert_int_equal(list(&m), ST_OK);
    assert_true(outcome.partial);
    fake_set(f, m.hashinfo, L_hashinfo_ehash, UINT64_MAX - 100);
    assert_int_equal(list(&m), ST_OK);
    assert_true(outcome.partial);
    fake_member(f, L_ehash_bucket_size, 0, 0); /* types that lie */
    assert_int_equal(list(&m), ST_OK);
    assert_true(outcome.partial);
    fake_member(f, L_ehash_bucket_size, UINT32_MAX, 0);
    assert_int_equal(list(&m), ST_OK);
    assert_true(outcome.partial);
    fake_free(f);
}

/* A long chain that all of many buckets share: what is visited is bounded as a whole. */
static void shared_chain(void **state)
{
    (void)state;
    struct machine m = machine_new(8);
    struct fake *f = m.f;
    uint64_t table = fake_alloc(f, 8 << 16), first = 0, node = 0;
    for (unsigned i = 0; i < 200; i++) {
        uint64_t s = sock(&m, m.ehash, 1, 2, 1);
        node = s + lx_off(&f->l, L_skc_node);
        first = first ? first : s;
    }
    for (unsigned i = 0; i < 1 << 16; i++)
        fake_put_ptr(f, table + 8 * (uint64_t)i, node);
    fake_set(f, m.hashinfo, L_hashinfo_ehash, table);
    fake_set(f, m.hashinfo, L_hashinfo_ehash_mask, (1 << 16) - 1);
    assert_int_equal(list(&m), ST_OK);
    assert_true(outcome.partial);
    assert_int_equal(seen.count, 1 << 20);
    fake_free(f);
}

static void no_tables(void **state)
{
    (void)state;
    struct machine m = machine_new(8);
    fake_set(m.f, m.net, L_net_tcp_hashinfo, 0);
    fake_set(m.f, m.net, L_net_udp_table, 0);
    fake_set(m.f, m.net, L_net_unix_buckets, 0x10);
    assert_int_equal(list(&m), ST_OK);
    assert_true(outcome.partial);
    assert_int_equal(seen.count, 0);
    fake_absent(m.f, L_skc_node);
    assert_int_equal(list(&m), ST_UNSUPPORTED);
    assert_non_null(strstr(m.f->diag.text, "sock_common.skc_nulls_node"));
    fake_free(m.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_tables),   cmocka_unit_test(udp_and_unix),
        cmocka_unit_test(holders),      cmocka_unit_test(namespaces),
        cmocka_unit_test(no_tables),    cmocka_unit_test(forged_chains),
        cmocka_unit_test(shared_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

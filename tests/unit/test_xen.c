/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver over a made-up hypervisor: versions, domains, frames that come and go, layout, PV. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/platform.h"
#include "xen/abi.h"
#include "xen/target.h"

extern const struct source_kind xen_source_kind;

/* ---- the hypervisor: one guest of a few pages, which lie in a memfd ---------------------------
 */

enum { NO_PAGE = -1, MAX_FRAMES = 1 << 20, POOL = 4096, MFN_BASE = 1000 };

struct plat_xen {
    unsigned minor;
    uint32_t domctl, sysctl; /* versions; 0: refused */
    bool there[4], dying;    /* domains 0 to 3 */
    uint64_t tot_pages;
    int memory;              /* the memfd */
    int page[MAX_FRAMES];    /* of domain 1: page of the memfd, by frame (PV: by mfn) */
    bool hidden[MAX_FRAMES]; /* can be mapped, but Xen does not own up to it */
    uint64_t max_gpfn;
    bool pv, no_pageinfo;
    unsigned probes, maps, paused;
    uint64_t shared_info_frame;
    uint64_t m2p[POOL + MFN_BASE];
    uint8_t say[4096]; /* xenstore's answer */
    size_t said, n;
};

static struct plat_xen *xen; /* the fixture's: the driver opens its connections itself */

static uint8_t *memory_at(int page)
{
    static uint8_t *all;
    if (!all)
        all = mmap(NULL, (size_t)POOL * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, xen->memory, 0);
    return all + (size_t)page * 4096;
}

int plat_xen_open(struct plat_xen **ret, char *where, size_t where_size)
{
    (void)where, (void)where_size;
    *ret = xen;
    return xen ? 0 : -ENOENT;
}

void plat_xen_close(struct plat_xen *x)
{
    (void)x;
}

void *plat_xen_buffer(struct plat_xen *x, size_t bytes)
{
    (void)x;
    return aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
}

void plat_xen_buffer_free(struct plat_xen *x, void *p, size_t bytes)
{
    (void)x, (void)bytes;
    free(p);
}

static void fill_info(uint32_t id, struct xen_getdomaininfo *g)
{
    memset(g, 0, sizeof *g);
    g->domain = (uint16_t)id;
    g->flags = (id % 2 && !xen->pv ? DOMINF_HVM : 0) | (id == 1 && xen->dying ? DOMINF_DYING : 0) |
               (xen->paused ? DOMINF_PAUSED : 0);
    g->tot_pages = xen->tot_pages;
    g->max_pages = xen->tot_pages;
    g->shared_info_frame = xen->shared_info_frame;
    memset(g->handle, (int)(id == 3 ? 1 : id), 16); /* 3 is 1 after a reboot */
}

static uint32_t next_domain(uint32_t from)
{
    while (from < 4 && !xen->there[from])
        from++;
    return from;
}

static bool frame_is_there(uint64_t frame)
{
    return frame < MAX_FRAMES && xen->page[frame] != NO_PAGE;
}

static long pageinfo(struct xen_pageinfo_call *c)
{
    uint64_t *f = (uint64_t *)(uintptr_t)c->frames;
    xen->probes++;
    if (xen->no_pageinfo)
        return -EPERM;
    if (c->n > PAGEINFO_MAX)
        return -E2BIG;
    for (uint64_t i = 0; i < c->n; i++)
        f[i] = frame_is_there(f[i]) && !xen->hidden[f[i]] ? 0 : (uint64_t)PAGEINFO_ABSENT << 28;
    return 0;
}

static long domctl(struct xen_domctl_call *c)
{
    if (c->version != xen->domctl)
        return -EACCES;
    if (c->command == DOMCTL_GETDOMAININFO) {
        uint32_t id = next_domain(c->domain);
        if (id > 3)
            return -ESRCH;
        fill_info(id, (struct xen_getdomaininfo *)c->payload);
        return 0;
    }
    if (c->domain > 3 || !xen->there[c->domain])
        return -ESRCH;
    switch (c->command) {
    case DOMCTL_GETPAGEFRAMEINFO3:
        return pageinfo((struct xen_pageinfo_call *)c->payload);
    case DOMCTL_GET_ADDRESS_SIZE:
        *(uint32_t *)c->payload = 64;
        return 0;
    case DOMCTL_PAUSE:
        xen->paused++;
        return 0;
    case DOMCTL_UNPAUSE:
        xen->paused--;
        return 0;
    default:
        return -ENOSYS;
    }
}

static long sysctl(struct xen_sysctl_call *c)
{
    struct xen_domaininfolist_call *l = (struct xen_domaininfolist_call *)c->payload;
    if (c->version != xen->sysctl)
        return -EACCES;
    uint32_t id = next_domain(l->first);
    l->n = id < 4;
    if (l->n)
        fill_info(id, (struct xen_getdomaininfo *)(uintptr_t)l->buffer);
    return 0;
}

long plat_xen_hypercall(struct plat_xen *x, unsigned op, uint64_t a1, uint64_t a2, uint64_t a3,
                        uint64_t a4, uint64_t a5)
{
    (void)a3, (void)a4, (void)a5;
    switch (op) {
    case HYPERCALL_XEN_VERSION:
        return a1 == XENVER_VERSION ? (long)(4 << 16 | x->minor) : 0;
    case HYPERCALL_DOMCTL:
        return domctl((struct xen_domctl_call *)(uintptr_t)a1);
    case HYPERCALL_SYSCTL:
        return sysctl((struct xen_sysctl_call *)(uintptr_t)a1);
    case HYPERCALL_MEMORY_OP:
        return a1 == XENMEM_MAXIMUM_GPFN ? (long)x->max_gpfn : -ENOSYS;
    default:
        (void)a2;
        return -ENOSYS;
    }
}

void *plat_xen_map(struct plat_xen *x, uint32_t domain, const uint64_t *frames, size_t n,
                   bool writable, int *error, int *failed)
{
    size_t there = 0;
    if (domain != 1 || !x->there[1]) {
        *failed = -ESRCH;
        return NULL;
    }
    uint8_t *p = mmap(NULL, n * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    for (size_t i = 0; i < n; i++) {
        error[i] = frame_is_there(frames[i]) ? 0 : -EINVAL;
        if (error[i])
            continue;
        assert_ptr_not_equal(mmap(p + i * 4096, 4096, PROT_READ | (writable ? PROT_WRITE : 0),
                                  MAP_SHARED | MAP_FIXED, x->memory,
                                  (off_t)x->page[frames[i]] * 4096),
                             MAP_FAILED);
        there++;
    }
    x->maps++;
    if (there)
        return p;
    munmap(p, n * 4096);
    *failed = -ENOENT;
    return NULL;
}

void plat_xen_unmap(struct plat_xen *x, void *p, size_t n)
{
    (void)x;
    munmap(p, n * 4096);
}

const uint64_t *plat_xen_m2p(struct plat_xen *x, size_t *entries)
{
    *entries = ARRAY_LEN(x->m2p);
    return x->m2p;
}

/* xenstore answers each request for a name with "name" and the domain's number. */
long plat_xen_store_write(struct plat_xen *x, const void *p, size_t n)
{
    const uint8_t *b = p;
    const char *path = (const char *)b + 16;
    char text[32] = "ENOENT";
    uint32_t type = 16;
    unsigned id;
    if (sscanf(path, "/local/domain/%u/name", &id) == 1) {
        snprintf(text, sizeof text, "%s", id == 2 ? "other" : id == 0 ? "Domain-0" : "target");
        type = 2;
    }
    uint32_t header[4] = {type, le32(b + 4), 0, (uint32_t)strlen(text) + (type == 16)};
    memcpy(x->say, header, sizeof header);
    memcpy(x->say + sizeof header, text, header[3]);
    x->said = 0;
    x->n = sizeof header + header[3];
    return (long)n;
}

long plat_xen_store_read(struct plat_xen *x, void *p, size_t n, uint64_t timeout_ns)
{
    (void)timeout_ns;
    size_t take = MIN_OF(n, x->n - x->said);
    if (!take)
        return -ETIMEDOUT;
    memcpy(p, x->say + x->said, take);
    x->said += take;
    return (long)take;
}

void plat_xen_store_close(struct plat_xen *x)
{
    (void)x;
}

/* Event channels are not what this is about. */
int plat_xen_bind(struct plat_xen *x, uint32_t domain, uint32_t remote_port, uint32_t *ret)
{
    (void)x, (void)domain, (void)remote_port, (void)ret;
    return -ENOSYS;
}

int plat_xen_bind_virq(struct plat_xen *x, unsigned virq, uint32_t *ret)
{
    (void)x, (void)virq, (void)ret;
    return -ENOSYS;
}

int plat_xen_unbind(struct plat_xen *x, uint32_t port)
{
    (void)x, (void)port;
    return -ENOSYS;
}

int plat_xen_notify(struct plat_xen *x, uint32_t port)
{
    (void)x, (void)port;
    return -ENOSYS;
}

int plat_xen_wait(struct plat_xen *x, uint64_t timeout_ns, uint32_t *port)
{
    (void)x, (void)timeout_ns, (void)port;
    return 0;
}

int plat_xen_event_fd(struct plat_xen *x)
{
    (void)x;
    return -1;
}

int plat_xen_adopt_events(struct plat_xen *x, void *handle)
{
    (void)x, (void)handle;
    return -ENOSYS;
}

void plat_xen_unmask(struct plat_xen *x, uint32_t port)
{
    (void)x, (void)port;
}

/* ---- fixture ----------------------------------------------------------------------------------
 */

static int setup(void **state)
{
    static int memory = -1;
    if (memory < 0) {
        memory = memfd_create("guest", 0);
        assert_int_equal(ftruncate(memory, (off_t)POOL * 4096), 0);
    }
    xen = malloc(sizeof *xen);
    assert_non_null(xen);
    memset(xen, 0, sizeof *xen);
    memset(xen->page, 0xff, sizeof xen->page);
    xen->minor = 17;
    xen->domctl = xen->sysctl = 0x15;
    xen->memory = memory;
    xen->there[0] = xen->there[1] = true;
    *state = xen;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(xen);
    xen = NULL;
    return 0;
}

/* Gives the guest frames [first, first + n), whose pages say their number in their first word. */
static void populate(uint64_t first, unsigned n)
{
    static int next;
    for (uint64_t i = first; i < first + n; i++) {
        next = (next + 1) % POOL;
        xen->page[i] = next;
        memset(memory_at(next), 0, 4096);
        memcpy(memory_at(next), &i, sizeof i);
        xen->tot_pages++;
        xen->max_gpfn = MAX_OF(xen->max_gpfn, i);
    }
}

static int open_target(const char *name, struct source *s, struct diag *d)
{
    static const struct source_options none;
    *d = (struct diag){0};
    return xen_source_kind.open(name, &none, d, s);
}

static void must_open(struct source *s)
{
    struct diag d;
    int st = open_target("target", s, &d);
    if (st != ST_OK)
        print_message("%s\n", d.text);
    assert_int_equal(st, ST_OK);
}

static struct xen_target *target_of(const struct source *s)
{
    return s->impl;
}

static int read_frame(struct source *s, uint64_t frame, uint64_t *ret)
{
    return phys_read(&s->phys, frame * 4096, ret, sizeof *ret, NULL);
}

#define assert_frame(s, frame)                                                                     \
    do {                                                                                           \
        uint64_t v_ = 0;                                                                           \
        assert_int_equal(read_frame(s, frame, &v_), ST_OK);                                        \
        assert_int_equal(v_, frame);                                                               \
    } while (0)

static void wait_for_freshness(void)
{
    usleep((useconds_t)(FRAMES_FRESH_NS / 1000 + 10000));
}

/* ---- versions ---------------------------------------------------------------------------------
 */

static void test_rows(void **state)
{
    (void)state;
    size_t n;
    bool exact;
    const struct xen_abi *row = xen_abi_rows(&n);
    assert_true(n >= 13);
    for (size_t i = 1; i < n; i++) {
        assert_int_equal(row[i].minor, row[i - 1].minor + 1);
        assert_true(row[i].domctl >= row[i - 1].domctl && row[i].sysctl >= row[i - 1].sysctl);
        assert_true(row[i].vm_event >= row[i - 1].vm_event);
    }
    assert_int_equal(xen_abi_of(4, 17, &exact)->domctl, 0x15);
    assert_true(exact);
    assert_int_equal(xen_abi_of(4, 99, &exact)->minor, row[n - 1].minor);
    assert_false(exact);
    assert_int_equal(xen_abi_of(5, 0, &exact)->minor, row[n - 1].minor);
    assert_false(exact);
    assert_int_equal(xen_abi_of(4, 9, &exact)->minor, 10);
    assert_false(exact);
}

static void test_no_xen(void **state)
{
    (void)state;
    struct plat_xen *kept = xen;
    struct source s;
    struct diag d;
    xen = NULL;
    assert_int_equal(open_target("target", &s, &d), ST_UNSUPPORTED);
    assert_non_null(strstr(d.text, "/dev/xen/privcmd"));
    xen = kept;
}

/* A Xen that has no row: its version is found, and the guest opens with a word about it. */
static void test_newer(void **state)
{
    (void)state;
    struct source s;
    xen->minor = 31;
    xen->domctl = 0x1d;
    xen->sysctl = 0x19;
    populate(0, 1024);
    must_open(&s);
    assert_int_equal(target_of(&s)->x.domctl_version, 0x1d);
    assert_int_equal(target_of(&s)->x.sysctl_version, 0x19);
    assert_non_null(strstr(s.layout_note, "4.31"));
    assert_frame(&s, 17);
    source_close(&s);
}

static void test_denied(void **state)
{
    (void)state;
    struct source s;
    struct diag d;
    xen->domctl = xen->sysctl = 0;
    assert_int_equal(open_target("target", &s, &d), ST_DENIED);
    assert_non_null(strstr(d.text, "4.17"));
    assert_non_null(strstr(d.text, "domctl"));
}

/* ---- names ------------------------------------------------------------------------------------
 */

static void test_find(void **state)
{
    (void)state;
    static const char *const good[] = {"target", "1", "domid:1",
                                       "01010101-0101-0101-0101-010101010101",
                                       "01010101010101010101010101010101"};
    struct source s;
    struct diag d;
    populate(0, 512);
    xen->there[2] = true;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(open_target(good[i], &s, &d), ST_OK);
        assert_int_equal(s.id, 1);
        assert_string_equal(s.name, "target");
        source_close(&s);
    }
    assert_int_equal(open_target("nosuch", &s, &d), ST_ABSENT);
    assert_non_null(strstr(d.text, "target (1), other (2)"));
    assert_int_equal(open_target("7", &s, &d), ST_ABSENT);
    assert_int_equal(open_target("domid:x", &s, &d), ST_INVALID);
    assert_int_equal(open_target("", &s, &d), ST_INVALID);
    assert_int_equal(open_target("Domain-0", &s, &d), ST_INVALID);
    xen->there[3] = true; /* of the same name */
    assert_int_equal(open_target("target", &s, &d), ST_INVALID);
    assert_non_null(strstr(d.text, "1, 3"));
    xen->dying = true; /* one of them is ending */
    assert_int_equal(open_target("target", &s, &d), ST_OK);
    assert_int_equal(s.id, 3);
    source_close(&s);
}

/* ---- layout -----------------------------------------------------------------------------------
 */

static void test_layout(void **state)
{
    (void)state;
    struct source s;
    populate(0, 1300);
    populate(0xfeff8, 8);
    populate(5 * 512 + 7, 60); /* the samples do not hit these */
    must_open(&s);
    assert_int_equal(s.phys.nr, 3);
    assert_int_equal(s.phys.range[0].start, 0);
    assert_int_equal(s.phys.range[0].len, 1300 * 4096);
    assert_int_equal(s.phys.range[1].start, (5 * 512 + 7) * 4096);
    assert_int_equal(s.phys.range[1].len, 60 * 4096);
    assert_int_equal(s.phys.range[2].start, 0xfeff8000);
    assert_int_equal(s.phys.range[2].len, 0x8000);
    source_close(&s);
}

static void test_layout_untold(void **state)
{
    (void)state;
    struct source s;
    uint64_t v;
    populate(0, 600);
    populate(2000, 1);
    xen->no_pageinfo = true;
    must_open(&s);
    assert_int_equal(s.phys.nr, 1);
    assert_int_equal(phys_end(&s.phys), 2001 * 4096);
    assert_non_null(strstr(s.layout_note, "Xen"));
    assert_frame(&s, 599);
    assert_frame(&s, 2000);
    assert_int_equal(read_frame(&s, 1500, &v), ST_ABSENT);
    source_close(&s);
}

/* ---- frames -----------------------------------------------------------------------------------
 */

static void test_read_write(void **state)
{
    (void)state;
    struct source s;
    uint64_t v = 0x1122334455667788, w = 0;
    uint8_t *block = malloc(1024 * 4096);
    size_t done = 0;
    populate(0, 1024);
    must_open(&s);
    for (uint64_t i = 0; i < 1024; i += 31)
        assert_frame(&s, i);
    assert_int_equal(target_of(&s)->frames.maps, 2); /* two chunks, each once */
    assert_int_equal(phys_read(&s.phys, 0, block, 1024 * 4096, &done), ST_OK);
    assert_int_equal(done, 1024 * 4096);
    assert_int_equal(le64(block + 777 * 4096), 777);
    assert_int_equal(phys_write(&s.phys, 5 * 4096 - 4, &v, sizeof v, NULL), ST_OK); /* two frames */
    assert_int_equal(phys_read(&s.phys, 5 * 4096 - 4, &w, sizeof w, NULL), ST_OK);
    assert_int_equal(w, v);
    assert_int_equal(phys_write(&s.phys, 1024 * 4096, &v, sizeof v, NULL), ST_ABSENT);
    source_close(&s);
    free(block);
}

/* Ballooned out and in again: what Xen keeps for our mapping's sake must not be read. */
static void test_balloon(void **state)
{
    (void)state;
    struct source s;
    uint64_t v;
    populate(0, 512);
    must_open(&s);
    assert_frame(&s, 100);
    xen->page[100] = NO_PAGE; /* the count of pages does not fall: we hold it */
    wait_for_freshness();
    assert_int_equal(read_frame(&s, 100, &v), ST_ABSENT);
    assert_int_equal(phys_write(&s.phys, 100 * 4096, &v, sizeof v, NULL), ST_ABSENT);
    assert_frame(&s, 101);
    populate(100, 1); /* another page; the count rises */
    uint64_t text = 0xabcdef;
    memcpy(memory_at(xen->page[100]), &text, sizeof text);
    wait_for_freshness();
    assert_int_equal(read_frame(&s, 100, &v), ST_OK);
    assert_int_equal(v, 0xabcdef);
    source_close(&s);
}

/* With the guest paused by us there is no moment of doubt, and nothing is asked again. */
static void test_paused(void **state)
{
    (void)state;
    struct source s;
    uint64_t v;
    populate(0, 512);
    must_open(&s);
    assert_frame(&s, 100);
    xen->page[100] = NO_PAGE;
    assert_int_equal(s.vcpu->pause(s.impl), ST_OK);
    assert_int_equal(xen->paused, 1);
    assert_int_equal(read_frame(&s, 100, &v), ST_ABSENT);
    unsigned probes = xen->probes, maps = xen->maps;
    wait_for_freshness();
    assert_frame(&s, 101);
    assert_int_equal(xen->probes, probes);
    assert_int_equal(xen->maps, maps);
    assert_int_equal(s.vcpu->resume(s.impl), ST_OK);
    assert_int_equal(s.vcpu->resume(s.impl), ST_INVALID);
    assert_int_equal(s.vcpu->pause(s.impl), ST_OK);
    source_close(&s); /* resumes */
    assert_int_equal(xen->paused, 0);
}

/* A frame that can be mapped although Xen does not own up to it is not mapped over and over. */
static void test_hidden_frame(void **state)
{
    (void)state;
    struct source s;
    populate(0, 512);
    xen->hidden[16] = true;
    must_open(&s);
    for (unsigned i = 0; i < 4; i++) {
        assert_frame(&s, 16);
        assert_frame(&s, 17);
        wait_for_freshness();
    }
    assert_true(target_of(&s)->frames.maps <= 2);
    source_close(&s);
}

static void test_budget(void **state)
{
    (void)state;
    struct source s;
    enum { CHUNKS = FRAMES_BUDGET + 40 };
    for (uint64_t i = 0; i < CHUNKS; i++)
        populate(i * CHUNK_FRAMES, 1);
    must_open(&s);
    for (unsigned round = 0; round < 2; round++)
        for (uint64_t i = 0; i < CHUNKS; i++) {
            assert_frame(&s, i * CHUNK_FRAMES);
            assert_frame(&s, 0); /* always in use: stays */
            assert_true(target_of(&s)->frames.nr <= FRAMES_BUDGET);
        }
    assert_int_equal(target_of(&s)->frames.nr, FRAMES_BUDGET);
    assert_true(target_of(&s)->frames.maps <= 2 * CHUNKS);
    source_close(&s);
}

static void test_next_data(void **state)
{
    (void)state;
    struct source s;
    uint64_t end, at = 0, frames = 0;
    populate(0, 1536);
    for (unsigned i = 512; i < 1024; i++)
        if (i != 600)
            xen->page[i] = NO_PAGE;
    must_open(&s);
    xen->page[1030] = NO_PAGE;
    for (; (at = phys_next_data(&s.phys, at, &end)) != UINT64_MAX; at = end) {
        assert_true(end > at);
        for (uint64_t f = at / 4096; f < end / 4096; f++, frames++)
            assert_frame(&s, f);
    }
    assert_int_equal(frames, 1024);
    source_close(&s);
}

/* ---- the end of a domain ----------------------------------------------------------------------
 */

static void test_gone(void **state)
{
    (void)state;
    struct source s;
    uint64_t v = 0;
    populate(0, 1024);
    must_open(&s);
    assert_frame(&s, 3);
    assert_int_equal(s.alive(s.impl), ST_OK);
    xen->there[1] = false;
    xen->there[3] = true; /* it has rebooted */
    wait_for_freshness();
    assert_frame(&s, 3); /* as it was left */
    assert_int_equal(read_frame(&s, 1000, &v), ST_IO);
    assert_non_null(strstr(s.story->text, "rebooted and is domain 3"));
    assert_int_equal(phys_write(&s.phys, 0, &v, sizeof v, NULL), ST_IO);
    assert_int_equal(s.alive(s.impl), ST_IO);
    assert_int_equal(s.vcpu->pause(s.impl), ST_IO);
    source_close(&s);
}

/* ---- PV ---------------------------------------------------------------------------------------
 */

/* Frame numbers are machine frames here; the guest's frame i is machine frame MFN_BASE + 2 i. */
static void make_pv(unsigned nr)
{
    uint64_t list = MFN_BASE + 3001, middle = MFN_BASE + 3003, top = MFN_BASE + 3005, v;
    populate(list, 1);
    populate(middle, 1);
    populate(top, 1);
    populate(MFN_BASE + 3007, 1);
    memset(xen->m2p, 0xff, sizeof xen->m2p);
    memset(memory_at(xen->page[list]), 0xff, 4096);
    for (uint64_t i = 0; i < nr; i++) {
        v = MFN_BASE + 2 * i;
        populate(v, 1);
        memcpy(memory_at(xen->page[v]), &i, sizeof i);
        memcpy(memory_at(xen->page[list]) + i * 8, &v, sizeof v);
        xen->m2p[v] = i;
    }
    memcpy(memory_at(xen->page[middle]), &list, sizeof list);
    memcpy(memory_at(xen->page[top]), &middle, sizeof middle);
    xen->shared_info_frame = MFN_BASE + 3007;
    uint8_t *shared = memory_at(xen->page[xen->shared_info_frame]);
    uint64_t max = nr;
    memset(shared, 0, 4096);
    memcpy(shared + SHARED_INFO_MAX_PFN, &max, sizeof max);
    memcpy(shared + SHARED_INFO_FRAME_LISTS, &top, sizeof top);
    xen->pv = true;
}

static void test_pv(void **state)
{
    (void)state;
    struct source s;
    uint64_t v, gone = UINT64_MAX;
    make_pv(200);
    must_open(&s);
    assert_int_equal(phys_end(&s.phys), 200 * 4096);
    for (uint64_t i = 0; i < 200; i += 7)
        assert_frame(&s, i);
    /* out of a page table: a machine address */
    v = (MFN_BASE + 2 * 9) * 4096 + 5;
    assert_int_equal(s.phys.ops->from_entry(s.impl, &v), ST_OK);
    assert_int_equal(v, 9 * 4096 + 5);
    v = (MFN_BASE + 1) * 4096; /* another's */
    assert_int_equal(s.phys.ops->from_entry(s.impl, &v), ST_ABSENT);
    xen->m2p[MFN_BASE + 1] = 4; /* the table says it is the guest's, the guest does not */
    assert_int_equal(s.phys.ops->from_entry(s.impl, &v), ST_ABSENT);
    v = UINT64_MAX;
    assert_int_equal(s.phys.ops->from_entry(s.impl, &v), ST_ABSENT);
    /* given back: at once */
    uint8_t *list = memory_at(xen->page[MFN_BASE + 3001]);
    memcpy(list + 7 * 8, &gone, sizeof gone);
    assert_int_equal(read_frame(&s, 7, &v), ST_ABSENT);
    assert_frame(&s, 14);
    v = MFN_BASE + 2 * 15; /* another page in its place: that of frame 15 */
    memcpy(list + 7 * 8, &v, sizeof v);
    assert_int_equal(read_frame(&s, 7, &v), ST_OK);
    assert_int_equal(v, 15);
    source_close(&s);
}

static void test_pv_hostile(void **state)
{
    (void)state;
    struct source s;
    struct diag d;
    uint64_t v = UINT64_MAX;
    make_pv(64);
    uint8_t *shared = memory_at(xen->page[xen->shared_info_frame]);
    memcpy(shared + SHARED_INFO_MAX_PFN, &v, sizeof v);
    assert_int_equal(open_target("target", &s, &d), ST_BROKEN);
    v = 0;
    memcpy(shared + SHARED_INFO_MAX_PFN, &v, sizeof v);
    assert_int_equal(open_target("target", &s, &d), ST_ABSENT);
    v = 1 << 20;
    memcpy(shared + SHARED_INFO_MAX_PFN, &v, sizeof v);
    memcpy(shared + SHARED_INFO_P2M_CR3, &v, sizeof v); /* a page table that is none */
    memcpy(shared + SHARED_INFO_P2M_VADDR, &v, sizeof v);
    must_open(&s);
    for (uint64_t i = 0; i < 1 << 20; i += 4099)
        assert_int_equal(read_frame(&s, i, &v), ST_ABSENT);
    source_close(&s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_rows),          TEST(test_no_xen),       TEST(test_newer),
        TEST(test_denied),        TEST(test_find),         TEST(test_layout),
        TEST(test_layout_untold), TEST(test_read_write),   TEST(test_balloon),
        TEST(test_paused),        TEST(test_hidden_frame), TEST(test_budget),
        TEST(test_next_data),     TEST(test_gone),         TEST(test_pv),
        TEST(test_pv_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

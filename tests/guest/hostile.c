/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile guest must not crash, hang or fool TinyVMI. Opens a dump of a real guest with copy on
 * write, forges the kernel's memory in the private copy, and looks at what the listings say of it.
 *
 * usage: hostile DUMP [SEED [ROUNDS [NAME]]]; prints "ok NAME", "FAIL NAME: why", "skip NAME: why".
 * HOSTILE_SECONDS: what a listing may take (5). Each test runs in a process of its own: a crash is
 * a failure of one.
 */
#define _GNU_SOURCE
#include "hostile.h"

#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double limit = 5;
const char *image_path;
uint64_t seed = 1, rounds = 20;

/* What image tests changed, in memory that they share with the parent. */
struct patches {
    unsigned n;
    struct {
        uint64_t at, n;
    } patch[4096];
};
static struct patches *patches;
static uint8_t *image, *original;
static size_t image_size;

/* ---- verdicts ---- */

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void say_ok(const char *name)
{
    printf("ok hostile: %s\n", name);
    fflush(stdout);
}

static void end_with(const char *word, const char *name, const char *fmt, va_list ap)
{
    char text[600];
    vsnprintf(text, sizeof text, fmt, ap);
    printf("%s hostile: %s: %s\n", word, name, text);
    fflush(stdout);
    _exit(0);
}

void say_fail(const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    end_with("FAIL", name, fmt, ap);
    abort();
}

void say_skip(const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    end_with("skip", name, fmt, ap);
    abort();
}

/* ---- listings ---- */

struct count {
    bool marked;
    uint64_t bytes; /* touches every text, so that the sanitizers see a bad one */
};

static int on_process(const struct vmi_process *p, void *data)
{
    struct count *c = data;
    c->marked |= p->flags & VMI_RECORD_PARTIAL;
    c->bytes += strlen(p->comm);
    return 0;
}

static int on_module(const struct vmi_module *m, void *data)
{
    struct count *c = data;
    c->marked |= m->flags & VMI_RECORD_PARTIAL;
    c->bytes += strlen(m->name) + strlen(m->state) + strlen(m->taints) + strlen(m->path);
    return 0;
}

static int on_line(const struct vmi_log_line *l, void *data)
{
    struct count *c = data;
    c->marked |= l->flags & VMI_RECORD_PARTIAL;
    for (size_t i = 0; i < l->length; i++)
        c->bytes += (uint8_t)l->text[i];
    return 0;
}

static int on_mount(const struct vmi_mount *m, void *data)
{
    struct count *c = data;
    c->marked |= m->flags & VMI_RECORD_PARTIAL;
    c->bytes += strlen(m->root) + strlen(m->target) + strlen(m->options) + strlen(m->type) +
                strlen(m->source);
    return 0;
}

static int on_socket(const struct vmi_socket *s, void *data)
{
    struct count *c = data;
    c->marked |= s->flags & VMI_RECORD_PARTIAL;
    c->bytes +=
        strlen(s->proto) + strlen(s->state) + strlen(s->comm) + strlen(s->kind) + strlen(s->path);
    return 0;
}

static int on_vma(const struct vmi_vma *v, void *data)
{
    struct count *c = data;
    c->marked |= v->flags & VMI_RECORD_PARTIAL;
    c->bytes += strlen(v->path);
    return 0;
}

static int on_file(const struct vmi_file *f, void *data)
{
    struct count *c = data;
    c->marked |= f->flags & VMI_RECORD_PARTIAL;
    c->bytes += strlen(f->path) + strlen(f->type);
    return 0;
}

static int on_finding(const struct vmi_finding *f, void *data)
{
    struct count *c = data;
    c->marked |= f->severity > VMI_SEVERITY_NOTE;
    c->bytes += strlen(f->text) + strlen(f->check);
    return 0;
}

static int on_symbol(const struct vmi_symbol *s, void *data)
{
    struct count *c = data;
    c->bytes += strlen(s->name) + strlen(s->module);
    return 0;
}

static int on_cmdline(const struct vmi_process *p, void *data)
{
    struct count *c = ((void **)data)[0];
    char text[4096];
    c->marked |=
        p->mm && vmi_process_cmdline(((void **)data)[1], p, text, sizeof text) != VMI_SUCCESS;
    c->bytes += strlen(text);
    return 0;
}

static const char *const listing_names[] = {"processes", "modules", "log",     "mounts", "sockets",
                                            "vmas",      "files",   "cmdline", "check",  "symbols"};

void list_one(vmi_instance_t vmi, enum listing which, vmi_pid_t pid, struct answer *ret)
{
    struct count c = {0};
    void *both[] = {&c, vmi};
    double began = now();
    struct answer a = {.status = VMI_FAILURE};
    struct vmi_outcome *o = &a.outcome;
    switch (which) {
    case LIST_PROCESSES:
        a.status = vmi_each_process(vmi, VMI_LIST_THREADS, on_process, &c, o);
        break;
    case LIST_MODULES:
        a.status = vmi_each_module(vmi, on_module, &c, o);
        break;
    case LIST_LOG:
        a.status = vmi_each_log_line(vmi, on_line, &c, o);
        break;
    case LIST_MOUNTS:
        a.status = vmi_each_mount(vmi, pid, on_mount, &c, o);
        break;
    case LIST_SOCKETS:
        a.status = vmi_each_socket(vmi, on_socket, &c, o);
        break;
    case LIST_VMAS:
        a.status = vmi_each_vma(vmi, pid, on_vma, &c, o);
        break;
    case LIST_FILES:
        a.status = vmi_each_file(vmi, pid, on_file, &c, o);
        break;
    case LIST_CMDLINE:
        a.status = vmi_each_process(vmi, 0, on_cmdline, both, o);
        break;
    case LIST_CHECK:
        a.status = vmi_check(vmi, on_finding, &c, o);
        break;
    default:
        a.status = vmi_each_symbol(vmi, on_symbol, &c, o);
        break;
    }
    a.seconds = now() - began;
    a.marked = c.marked || a.outcome.partial;
    if (a.status != VMI_SUCCESS)
        snprintf(a.error, sizeof a.error, "%s", vmi_last_error(vmi)->text);
    *ret = a;
}

struct answer list_all(const char *name, vmi_instance_t vmi, enum listing which, vmi_pid_t pid)
{
    struct answer one, ret = {0};
    for (enum listing i = 0; i < LIST_COUNT; i++) {
        list_one(vmi, i, pid, &one);
        if (one.seconds > limit)
            say_fail(name, "the listing of %s took %.1f s", listing_names[i], one.seconds);
        if (one.status != VMI_SUCCESS && !one.error[0])
            say_fail(name, "the listing of %s failed without a word", listing_names[i]);
        if (one.outcome.partial && !one.outcome.reason[0])
            say_fail(name, "the listing of %s was cut without a reason", listing_names[i]);
        if (i == which)
            ret = one;
    }
    return ret;
}

void must_notice(vmi_instance_t vmi, const struct forgery *f, vmi_pid_t pid)
{
    struct answer a = list_all(f->name, vmi, f->listing, pid);
    if (a.status != VMI_SUCCESS && !strstr(a.error, "0x"))
        say_fail(f->name, "the error names no address: %s", a.error);
    if (a.status == VMI_SUCCESS && !a.marked)
        say_fail(f->name, "the listing of %s shows %" PRIu64 " records and is not marked",
                 listing_names[f->listing], a.outcome.count);
    if (a.status == VMI_SUCCESS && a.outcome.partial && !strstr(a.outcome.reason, "0x"))
        say_fail(f->name, "the reason names no address: %s", a.outcome.reason);
    say_ok(f->name);
}

void must_end(vmi_instance_t vmi, const struct forgery *f, vmi_pid_t pid)
{
    list_all(f->name, vmi, f->listing, pid);
    say_ok(f->name);
}

/* ---- memory ---- */

bool has(vmi_instance_t vmi, const char *type, const char *member)
{
    struct vmi_member m;
    return vmi_type_member(vmi, type, member, &m) == VMI_SUCCESS;
}

uint64_t off(vmi_instance_t vmi, const struct forgery *f, const char *type, const char *member)
{
    struct vmi_member m;
    if (vmi_type_member(vmi, type, member, &m) != VMI_SUCCESS)
        say_skip(f->name, "this kernel has no %s.%s, or no types", type, member);
    return m.bit_offset / 8;
}

uint64_t sym(vmi_instance_t vmi, const struct forgery *f, const char *name)
{
    struct vmi_symbol s;
    if (vmi_symbol_by_name(vmi, "", name, &s) != VMI_SUCCESS)
        say_skip(f->name, "this kernel has no symbol %s", name);
    return s.address;
}

uint64_t get(vmi_instance_t vmi, const struct forgery *f, uint64_t at)
{
    uint64_t v = 0;
    if (vmi_read_va(vmi, at, 0, vmi_get_address_width(vmi), &v, NULL) != VMI_SUCCESS)
        say_fail(f->name, "the test cannot read %#" PRIx64, at);
    return v;
}

void put_bytes(vmi_instance_t vmi, const struct forgery *f, uint64_t at, const void *p, size_t n)
{
    if (vmi_write_va(vmi, at, 0, n, (void *)(uintptr_t)p, NULL) != VMI_SUCCESS)
        say_fail(f->name, "the test cannot write %#" PRIx64 ": %s", at, vmi_last_error(vmi)->text);
}

void put(vmi_instance_t vmi, const struct forgery *f, uint64_t at, uint64_t value)
{
    put_bytes(vmi, f, at, &value, vmi_get_address_width(vmi));
}

static int count_file(const struct vmi_file *f, void *data)
{
    *(unsigned *)data += !strcmp(f->type, "file") || !strcmp(f->type, "chr");
    return 0;
}

static int on_candidate(const struct vmi_process *p, void *data)
{
    struct vmi_process *list = data;
    if (p->mm && p->pid != 1 && p->threads == 1 && list[0].pid < 64)
        list[++list[0].pid] = *p;
    return 0;
}

struct vmi_process victim(vmi_instance_t vmi, const struct forgery *f)
{
    static struct vmi_process list[66];
    list[0].pid = 0;
    (void)vmi_each_process(vmi, 0, on_candidate, list, NULL);
    for (int i = list[0].pid; i > 0; i--) {
        unsigned n = 0;
        (void)vmi_each_file(vmi, list[i].pid, count_file, &n, NULL);
        if (n > 2)
            return list[i];
    }
    if (list[0].pid)
        return list[1];
    say_skip(f->name, "the guest has no process for it");
}

struct nth {
    unsigned left;
    struct vmi_module *ret;
    char *name;
    uint64_t object;
};

static int on_nth(const struct vmi_module *m, void *data)
{
    struct nth *n = data;
    if (n->left--)
        return 0;
    n->object = m->object;
    *n->ret = *m;
    snprintf(n->name, 64, "%s", m->name);
    return 1;
}

uint64_t module_at(vmi_instance_t vmi, const struct forgery *f, unsigned i, struct vmi_module *ret,
                   char name[64])
{
    struct nth n = {i, ret, name, 0};
    if (vmi_each_module(vmi, on_nth, &n, NULL) != VMI_SUCCESS || !n.object)
        say_skip(f->name, "the guest has not so many modules");
    return n.object;
}

uint64_t room(vmi_instance_t vmi, const struct forgery *f)
{
    return sym(vmi, f, "empty_zero_page");
}

/* ---- the frame ---- */

/* Where a physical address is in the file: raw, or an ELF core of 64 bits. */
static uint64_t file_at(uint64_t pa)
{
    const Elf64_Ehdr *e = (const Elf64_Ehdr *)(const void *)original;
    if (memcmp(original, ELFMAG, SELFMAG) != 0)
        return pa;
    const Elf64_Phdr *p = (const Elf64_Phdr *)(const void *)(original + e->e_phoff);
    for (unsigned i = 0; i < e->e_phnum; i++)
        if (p[i].p_type == PT_LOAD && pa - p[i].p_paddr < p[i].p_filesz)
            return pa - p[i].p_paddr + p[i].p_offset;
    return UINT64_MAX;
}

void image_write(uint64_t pa, const void *p, size_t n)
{
    pa = file_at(pa);
    if (pa >= image_size || n > image_size - pa)
        return;
    if (patches->n >= sizeof patches->patch / sizeof *patches->patch)
        return;
    patches->patch[patches->n].at = pa;
    patches->patch[patches->n++].n = n;
    memcpy(image + pa, p, n);
}

static void mend_image(void)
{
    for (unsigned i = 0; i < patches->n; i++)
        memcpy(image + patches->patch[i].at, original + patches->patch[i].at, patches->patch[i].n);
    patches->n = 0;
}

/* A private copy of the file, without a name; image tests change it before they open it. */
static void copy_image(const char *path)
{
    struct stat st;
    static char name[64];
    int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("hostile", 0);
    if (from < 0 || to < 0 || fstat(from, &st) || ftruncate(to, st.st_size))
        return;
    size_t n = (size_t)st.st_size;
    original = mmap(NULL, n, PROT_READ, MAP_SHARED, from, 0);
    image = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);
    if (original == MAP_FAILED || image == MAP_FAILED)
        return;
    memcpy(image, original, n);
    image_size = n;
    snprintf(name, sizeof name, "/proc/self/fd/%d", to);
    image_path = name;
}

static void child(const char *path, const struct forgery *f)
{
    struct vmi_open_options options = {.flags = VMI_OPEN_COPY_ON_WRITE};
    vmi_instance_t vmi;
    if (vmi_open(&vmi, path, &options) != VMI_SUCCESS)
        say_fail(f->name, "the dump cannot be opened: %s", vmi_last_error(NULL)->text);
    f->run(vmi, f);
    vmi_destroy(vmi);
    exit(0); /* with the leak checker, where there is one */
}

static void run(const char *path, const struct forgery *f)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm((unsigned)(limit * 24)); /* a hang is a crash by SIGALRM */
        child(path, f);
    }
    waitpid(pid, &status, 0);
    mend_image();
    if (WIFSIGNALED(status))
        printf("FAIL hostile: %s: ended by signal %d (%s)\n", f->name, WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status))
        printf("FAIL hostile: %s: exit %d\n", f->name, WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
    const struct forgery *const groups[] = {hide_tests, list_tests, image_tests};
    if (argc < 2 || argc > 5) {
        fprintf(stderr, "usage: hostile DUMP [SEED [ROUNDS [NAME]]]\n");
        return 2;
    }
    if (getenv("HOSTILE_SECONDS"))
        limit = atof(getenv("HOSTILE_SECONDS"));
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
    rounds = argc > 3 ? strtoull(argv[3], NULL, 0) : rounds;
    patches =
        mmap(NULL, sizeof *patches, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (patches == MAP_FAILED)
        return 1;
    copy_image(argv[1]);
    printf("       seed %" PRIu64 ", %" PRIu64 " rounds of random damage\n", seed, rounds);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        for (const struct forgery *f = groups[g]; f->name; f++)
            if (argc < 5 || strstr(f->name, argv[4]))
                run(argv[1], f);
    return 0;
}

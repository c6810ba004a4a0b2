/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's command line, as far as it tells which guest this is, where its monitor listens and what
 * backs its memory. */
#include <stdio.h>
#include <stdlib.h>

#include "core/json.h"
#include "source/qemu.h"

/* One "key=value" of an option's argument; a comma inside is written twice (QEMU's
 * util/qemu-option.c). */
struct option {
    char key[256], value[256];
    bool has_value;
};

static size_t copy_until(const char *p, const char *stop, char *buf, size_t size)
{
    size_t i = 0, n = 0;
    while (p[i]) {
        if (p[i] == ',' && p[i + 1] == ',')
            i++;
        else if (strchr(stop, p[i]))
            break;
        if (n + 1 < size)
            buf[n++] = p[i];
        i++;
    }
    buf[n] = '\0';
    return i;
}

/* Takes the next option off *p. */
static bool next_option(const char **p, struct option *o)
{
    const char *q = *p;
    if (!*q)
        return false;
    q += copy_until(q, "=,", o->key, sizeof o->key);
    o->value[0] = '\0';
    o->has_value = *q == '=';
    if (o->has_value)
        q += 1 + copy_until(q + 1, ",", o->value, sizeof o->value);
    *p = *q == ',' ? q + 1 : q;
    return true;
}

/* Value of `key` in an argument; `implied`: the key that a first option without "=" stands for. */
static bool option_value(const char *arg, const char *key, const char *implied, char *buf,
                         size_t size)
{
    struct option o;
    bool first = true, found = false;
    for (const char *p = arg; next_option(&p, &o); first = false) {
        const char *value = o.has_value ? o.value : implied && first ? o.key : "on";
        const char *name = !o.has_value && implied && first ? implied : o.key;
        if (!strcmp(name, key)) {
            snprintf(buf, size, "%s", value);
            found = true; /* the last one wins, as in QEMU */
        }
    }
    return found;
}

static bool is_on(const char *value)
{
    return !strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "true");
}

uint64_t qemu_parse_size(const char *text, uint64_t plain_unit)
{
    char *end;
    if (*text < '0' || *text > '9')
        return 0;
    unsigned long long n = strtoull(text, &end, 0);
    double fraction = *end == '.' ? strtod(text, &end) : 0; /* "1.5G" */
    static const char units[] = "bkmgtpe";
    uint64_t unit = plain_unit, ret;
    if (*end) {
        const char *u = strchr(units, *end | 0x20);
        if (!u)
            return 0;
        unit = UINT64_C(1) << (10 * (u - units));
    }
    if (fraction > 0)
        return fraction * (double)unit < 9e18 ? (uint64_t)(fraction * (double)unit) : 0;
    return mul_fits(n, unit, &ret) ? ret : 0;
}

/* ---- the options ----------------------------------------------------------------------------- */

static void on_name(const char *arg, struct qemu_cmdline *c)
{
    option_value(arg, "guest", "guest", c->name, sizeof c->name);
}

static void on_uuid(const char *arg, struct qemu_cmdline *c)
{
    snprintf(c->uuid, sizeof c->uuid, "%s", arg);
}

static void on_memory(const char *arg, struct qemu_cmdline *c)
{
    char size[64];
    if (option_value(arg, "size", "size", size, sizeof size))
        c->memory = qemu_parse_size(size, 1 << 20);
}

static void on_smp(const char *arg, struct qemu_cmdline *c)
{
    static const char *const parts[] = {"sockets", "dies",  "clusters",
                                        "modules", "cores", "threads"};
    char n[32];
    unsigned long product = 1;
    if (option_value(arg, "cpus", "cpus", n, sizeof n)) {
        product = strtoul(n, NULL, 0);
    } else {
        for (size_t i = 0; i < ARRAY_LEN(parts); i++)
            if (option_value(arg, parts[i], NULL, n, sizeof n))
                product = MIN_OF(product, 4096) * MIN_OF(strtoul(n, NULL, 0), 4096);
    }
    c->vcpus = (unsigned)MIN_OF(MAX_OF(product, 1), 4096);
}

static void on_machine(const char *arg, struct qemu_cmdline *c)
{
    char size[64];
    option_value(arg, "type", "type", c->machine, sizeof c->machine);
    option_value(arg, "memory-backend", NULL, c->memory_backend, sizeof c->memory_backend);
    if (option_value(arg, "max-ram-below-4g", NULL, size, sizeof size))
        c->max_below_4g = qemu_parse_size(size, 1);
}

static void on_mem_path(const char *arg, struct qemu_cmdline *c)
{
    snprintf(c->mem_path, sizeof c->mem_path, "%s", arg);
}

static void on_numa(const char *arg, struct qemu_cmdline *c)
{
    char kind[16], dev[64];
    if (option_value(arg, "type", "type", kind, sizeof kind) && !strcmp(kind, "node") &&
        c->nr_nodes < QEMU_MAX_NODES && option_value(arg, "memdev", NULL, dev, sizeof dev))
        memcpy(c->node[c->nr_nodes++], dev, sizeof dev);
}

/* An object's property in either notation: key=value or JSON (libvirt writes JSON). */
static bool property(const char *arg, const char *key, char *buf, size_t size)
{
    if (arg[0] != '{')
        return option_value(arg, key, !strcmp(key, "qom-type") ? "qom-type" : NULL, buf, size);
    struct bytes doc = {(const uint8_t *)arg, strlen(arg)};
    struct json j;
    if (!json_find(doc, key, &j))
        return false;
    if (j.token == JSON_STRING)
        return json_unescape(j.text, buf, size) < size;
    if (j.token == JSON_INTEGER && !j.negative)
        return (size_t)snprintf(buf, size, "%llu", (unsigned long long)j.value) < size;
    return false;
}

static void on_object(const char *arg, struct qemu_cmdline *c)
{
    char type[64], size[64];
    struct qemu_backend *b = &c->backend[c->nr_backends];
    if (c->nr_backends == QEMU_MAX_BACKENDS || !property(arg, "qom-type", type, sizeof type) ||
        strncmp(type, "memory-backend-", 15))
        return;
    *b = (struct qemu_backend){.kind = BACKEND_RAM};
    if (!strcmp(type + 15, "memfd"))
        b->kind = BACKEND_MEMFD;
    else if (!strcmp(type + 15, "file"))
        b->kind = BACKEND_FILE;
    if (!property(arg, "id", b->id, sizeof b->id))
        return;
    if (property(arg, "size", size, sizeof size))
        b->size = qemu_parse_size(size, 1);
    if (!property(arg, "mem-path", b->path, sizeof b->path))
        b->path[0] = '\0';
    c->nr_backends++;
}

static void add_socket(struct qemu_cmdline *c, const char *text)
{
    size_t n = strlen(text);
    if (n && n < sizeof c->socket[0] && c->nr_sockets < QEMU_MAX_SOCKETS)
        memcpy(c->socket[c->nr_sockets++], text, n + 1);
}

/* -chardev socket,id=ID,path=PATH|fd=N|host=,port=,server=on */
static void add_chardev(struct qemu_cmdline *c, const char *arg)
{
    char value[256], port[32], text[300];
    if (!option_value(arg, "backend", "backend", value, sizeof value) || strcmp(value, "socket"))
        return;
    if (!option_value(arg, "server", NULL, value, sizeof value) || !is_on(value))
        return; /* QEMU is the client there */
    if (option_value(arg, "path", NULL, value, sizeof value)) {
        add_socket(c, value);
    } else if (option_value(arg, "fd", NULL, value, sizeof value)) {
        snprintf(text, sizeof text, "fd:%s", value);
        add_socket(c, text);
    } else if (option_value(arg, "port", NULL, port, sizeof port)) {
        if (!option_value(arg, "host", NULL, value, sizeof value))
            value[0] = '\0';
        snprintf(text, sizeof text, "tcp:%s:%s", value, port);
        add_socket(c, text);
    }
}

/* -qmp unix:PATH,server=on,wait=off and its older spelling "unix:PATH,server,nowait";
 * tcp:HOST:PORT,... */
static void on_qmp(const char *arg, struct qemu_cmdline *c)
{
    char server[16], text[256];
    bool is_unix = !strncmp(arg, "unix:", 5), is_tcp = !strncmp(arg, "tcp:", 4);
    if ((!is_unix && !is_tcp) || !option_value(arg, "server", NULL, server, sizeof server) ||
        !is_on(server))
        return;
    copy_until(is_unix ? arg + 5 : arg, ",", text, sizeof text);
    add_socket(c, text);
}

/* ---- the argument list ----------------------------------------------------------------------- */

static const struct {
    const char *option;
    void (*on)(const char *arg, struct qemu_cmdline *c);
} rows[] = {
    {"name", on_name},       {"uuid", on_uuid}, {"m", on_memory},          {"smp", on_smp},
    {"machine", on_machine}, {"M", on_machine}, {"mem-path", on_mem_path}, {"numa", on_numa},
    {"object", on_object},   {"qmp", on_qmp},   {"qmp-pretty", on_qmp},
};

/* The argument that starts at `p`, and the one behind it in *next (NULL: it is the last). */
static const char *argument_after(struct bytes args, const char *p)
{
    const char *end = (const char *)args.p + args.n;
    const char *nul = memchr(p, '\0', (size_t)(end - p));
    return nul && nul + 1 < end ? nul + 1 : NULL;
}

/* "-name" and "--name" are the same. NULL: not an option. */
static const char *option_name(const char *arg)
{
    if (arg[0] != '-' || !arg[1])
        return NULL;
    return arg[1] == '-' ? arg + 2 : arg + 1;
}

/* Calls `on` for each option with an argument that is called `name`. */
static void each_option(struct bytes args, const char *name, void (*on)(const char *, void *),
                        void *data)
{
    for (const char *p = (const char *)args.p; p; p = argument_after(args, p)) {
        const char *opt = option_name(p), *value = argument_after(args, p);
        if (opt && value && !strcmp(opt, name)) {
            on(value, data);
            p = value;
        }
    }
}

struct monitors {
    struct bytes args;
    struct qemu_cmdline *c;
    char chardev[64];
};

static void on_chardev(const char *arg, void *data)
{
    struct monitors *m = data;
    char id[64];
    if (option_value(arg, "id", NULL, id, sizeof id) && !strcmp(id, m->chardev))
        add_chardev(m->c, arg);
}

/* -mon chardev=ID,mode=control: a monitor on a chardev that may be defined before or behind it. */
static void on_mon(const char *arg, void *data)
{
    struct monitors *m = data;
    char mode[16];
    if (option_value(arg, "mode", NULL, mode, sizeof mode) && !strcmp(mode, "control") &&
        option_value(arg, "chardev", "chardev", m->chardev, sizeof m->chardev))
        each_option(m->args, "chardev", on_chardev, m);
}

/* -qmp chardev:ID */
static void on_qmp_chardev(const char *arg, void *data)
{
    struct monitors *m = data;
    if (strncmp(arg, "chardev:", 8))
        return;
    snprintf(m->chardev, sizeof m->chardev, "%s", arg + 8);
    each_option(m->args, "chardev", on_chardev, m);
}

void qemu_cmdline_parse(struct bytes args, struct qemu_cmdline *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->memory = 128 << 20; /* QEMU's default for most boards */
    ret->vcpus = 1;
    if (!args.n || args.p[args.n - 1])
        return; /* not terminated: not what the kernel gives */
    for (const char *p = (const char *)args.p; p; p = argument_after(args, p)) {
        const char *opt = option_name(p), *value = argument_after(args, p);
        for (size_t i = 0; opt && value && i < ARRAY_LEN(rows); i++) {
            if (!strcmp(opt, rows[i].option)) {
                rows[i].on(value, ret);
                p = value;
                break;
            }
        }
    }
    struct monitors m = {.args = args, .c = ret};
    each_option(args, "mon", on_mon, &m);
    each_option(args, "qmp", on_qmp_chardev, &m);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "arguments.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TEXT = 96, MAX_STRUCT = 64, MAX_MEMBERS = 8 };

struct text {
    char *p;
    size_t n, size;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->p + t->n, t->size - t->n, fmt, ap);
    va_end(ap);
    if (n > 0)
        t->n = t->n + (size_t)n < t->size ? t->n + (size_t)n : t->size - 1;
}

static access_context_t user(addr_t cr3, addr_t va)
{
    return (access_context_t){.version = ACCESS_CONTEXT_VERSION,
                              .tm = VMI_TM_PROCESS_PT,
                              .pt = cr3 & 0x000ffffffffff000ull,
                              .addr = va};
}

/* A terminated text, at most MAX_TEXT bytes of it. */
static bool add_string(struct text *t, vmi_instance_t vmi, addr_t cr3, addr_t va)
{
    char buf[MAX_TEXT + 1];
    size_t got = 0;
    access_context_t ctx = user(cr3, va);
    (void)vmi_read(vmi, &ctx, MAX_TEXT, buf, &got);
    if (got > MAX_TEXT)
        got = MAX_TEXT;
    size_t n = strnlen(buf, got);
    if (!got)
        return false;
    add(t, "\"%.*s\"%s", (int)n, buf, n == got ? "..." : "");
    return true;
}

struct members {
    struct text *t;
    const uint8_t *bytes;
    size_t size;
    unsigned n;
};

static int add_member(const struct vmi_member *m, void *data)
{
    struct members *s = data;
    uint64_t v = 0, at = m->bit_offset / 8;
    if (!m->name[0] || m->bit_size || m->bit_offset % 8 ||
        (m->size != 1 && m->size != 2 && m->size != 4 && m->size != 8) || at > s->size ||
        m->size > s->size - at)
        return 0;
    if (s->n++ == MAX_MEMBERS) {
        add(s->t, ", ...");
        return 1;
    }
    memcpy(&v, s->bytes + at, (size_t)m->size);
    add(s->t, "%s%s=", s->n > 1 ? ", " : "", m->name);
    add(s->t, v < 1u << 20 ? "%" PRIu64 : "%#" PRIx64, v);
    return 0;
}

/* "const struct timespec64 *": {tv_sec=1, tv_nsec=0} */
static bool add_struct(struct text *t, vmi_instance_t vmi, addr_t cr3, addr_t va, const char *type)
{
    char name[56];
    uint8_t bytes[MAX_STRUCT];
    uint64_t size;
    access_context_t ctx = user(cr3, va);
    if (sscanf(type, "const struct %55[A-Za-z0-9_] *", name) != 1 ||
        vmi_type_size(vmi, name, &size) != VMI_SUCCESS || !size || size > MAX_STRUCT ||
        vmi_read(vmi, &ctx, (size_t)size, bytes, NULL) != VMI_SUCCESS)
        return false;
    struct members m = {t, bytes, (size_t)size, 0};
    add(t, "{");
    (void)vmi_each_member(vmi, name, add_member, &m, NULL);
    add(t, "}");
    return true;
}

static bool is_one_of(const char *s, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(s, *names))
            return true;
    return false;
}

static void add_value(struct text *t, vmi_instance_t vmi, addr_t cr3, const char *type,
                      const char *name, uint64_t v)
{
    static const char *const is_signed[] = {"int",    "pid_t",  "long",  "ssize_t", "off_t",
                                            "loff_t", "time_t", "key_t", NULL};
    static const char *const is_count[] = {"size_t", "unsigned int",  "unsigned", "uid_t",
                                           "gid_t",  "aio_context_t", NULL};
    static const char *const is_bits[] = {"flags", "mode",    "prot",    "cmd", "request",
                                          "op",    "options", "umode_t", NULL};
    static const char *const no_text[] = {"buf", "buffer", "vec", "uaddr", "addr", NULL};
    const char *star = strchr(type, '*');
    if (star && v && !strncmp(type, "const char *", 12) && !strchr(star + 1, '*') &&
        !is_one_of(name, no_text) && add_string(t, vmi, cr3, v))
        return;
    if (star && v && !strchr(star + 1, '*') && add_struct(t, vmi, cr3, v, type))
        return;
    if (star && !v)
        add(t, "NULL");
    else if (!star && is_one_of(type, is_signed) && !is_one_of(name, is_bits))
        add(t, "%" PRId64,
            !strcmp(type, "int") || !strcmp(type, "pid_t") ? (int64_t)(int32_t)v : (int64_t)v);
    else if (!star && is_one_of(type, is_count) && !is_one_of(name, is_bits))
        add(t, "%" PRIu64, !strncmp(type, "unsigned", 8) ? v & UINT32_MAX : v);
    else
        add(t, "%#" PRIx64, v);
}

void arguments_text(vmi_instance_t vmi, const struct vmi_syscall *s, const uint64_t argument[6],
                    addr_t cr3, char *buf, size_t size)
{
    struct text t = {buf, 0, size};
    buf[0] = '\0';
    for (unsigned i = 0; i < s->args && i < 6; i++) {
        add(&t, "%s%s%s", i ? ", " : "", s->arg[i].name, s->arg[i].name[0] ? "=" : "");
        add_value(&t, vmi, cr3, s->arg[i].type, s->arg[i].name, argument[i]);
    }
}

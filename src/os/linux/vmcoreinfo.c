/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vmcoreinfo note: lines "KEY=value" that the kernel writes for crash tools
 * (kernel/crash_core.c, Documentation/admin-guide/kdump/vmcoreinfo.rst). The text lives in guest
 * memory: it is a hint, never trusted.
 */
#include "os/linux/find.h"

#include <stdlib.h>

static struct bytes line_of(struct bytes text, const char *key)
{
    size_t n = strlen(key);
    const uint8_t *p = text.p, *end = text.p + text.n;
    while (p && p < end) {
        const uint8_t *nl = memchr(p, '\n', (size_t)(end - p));
        const uint8_t *stop = nl ? nl : end;
        if ((size_t)(stop - p) > n && p[n] == '=' && !memcmp(p, key, n))
            return (struct bytes){p + n + 1, (size_t)(stop - p) - n - 1};
        if (!nl || *p == '\0')
            break;
        p = nl + 1;
    }
    return (struct bytes){0};
}

bool lx_vmcoreinfo_text(struct bytes text, const char *key, char *buf, size_t size)
{
    struct bytes b = line_of(text, key);
    if (!b.p || b.n >= size)
        return false;
    memcpy(buf, b.p, b.n);
    buf[b.n] = '\0';
    return true;
}

bool lx_vmcoreinfo_number(struct bytes text, const char *key, int base, uint64_t *ret)
{
    char buf[40], *end;
    if (!lx_vmcoreinfo_text(text, key, buf, sizeof buf) || !buf[0])
        return false;
    /* phys_base is printed as a signed decimal (NUMBER(phys_base)=-12345) */
    uint64_t v = buf[0] == '-' ? (uint64_t)strtoll(buf, &end, base) : strtoull(buf, &end, base);
    if (*end && *end != '\r' && *end != ' ')
        return false;
    *ret = v;
    return true;
}

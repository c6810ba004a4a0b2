/* SPDX-License-Identifier: BSD-2-Clause */
/* xenstore's messages, out of bytes. */
#include "xen/store.h"

#include <errno.h>

int store_parse(const uint8_t *p, size_t n, struct store_message *ret)
{
    if (n < STORE_HEADER)
        return 0;
    uint32_t len = le32(p + 12);
    if (len > STORE_PAYLOAD_MAX)
        return ST_BROKEN;
    if (n - STORE_HEADER < len)
        return 0;
    *ret = (struct store_message){le32(p), le32(p + 4), p + STORE_HEADER, len};
    return (int)(STORE_HEADER + len);
}

const char *store_next_string(const char **p, const char *end)
{
    const char *s = *p;
    const char *zero = s < end ? memchr(s, '\0', (size_t)(end - s)) : NULL;
    if (!zero)
        return NULL;
    *p = zero + 1;
    return s;
}

bool store_parse_event(const struct store_message *m, const char **path, const char **token)
{
    const char *at = (const char *)m->payload, *end = at + m->n;
    const char *first = store_next_string(&at, end), *second = store_next_string(&at, end);
    if (!first || !second)
        return false;
    *path = first;
    *token = second;
    return true;
}

int store_parse_error(const struct store_message *m)
{
    static const struct {
        const char *name;
        int value;
    } rows[] = {
        {"EINVAL", EINVAL},       {"EACCES", EACCES},   {"EEXIST", EEXIST}, {"EISDIR", EISDIR},
        {"ENOENT", ENOENT},       {"ENOMEM", ENOMEM},   {"ENOSPC", ENOSPC}, {"EIO", EIO},
        {"ENOTEMPTY", ENOTEMPTY}, {"ENOSYS", ENOSYS},   {"EROFS", EROFS},   {"EBUSY", EBUSY},
        {"EAGAIN", EAGAIN},       {"EISCONN", EISCONN}, {"E2BIG", E2BIG},   {"EPERM", EPERM}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = strlen(rows[i].name);
        if (m->n >= n && !memcmp(m->payload, rows[i].name, n) && (m->n == n || !m->payload[n]))
            return rows[i].value;
    }
    return 0;
}

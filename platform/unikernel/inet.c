/* SPDX-License-Identifier: BSD-2-Clause */
/* Network addresses as text, IPv6 as RFC 5952 wants it. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static int print_v6(const uint8_t *a, char *text, size_t size)
{
    unsigned from = 8, most = 1; /* the longest run of zeros, two or more */
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = 0;
        while (i + n < 8 && !a[2 * (i + n)] && !a[2 * (i + n) + 1])
            n++;
        if (n > most) {
            most = n;
            from = i;
        }
    }
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!memcmp(a, mapped, sizeof mapped))
        return snprintf(text, size, "::ffff:%u.%u.%u.%u", a[12], a[13], a[14], a[15]);
    int at = 0;
    for (unsigned i = 0; i < 8; i++) {
        if (i == from) {
            at += snprintf(text + at, size - (size_t)at, "::");
            i += most - 1;
            continue;
        }
        const char *colon = i == 0 || i == from + most ? "" : ":";
        at += snprintf(text + at, size - (size_t)at, "%s%x", colon,
                       (unsigned)a[2 * i] << 8 | a[2 * i + 1]);
    }
    return at;
}

const char *inet_ntop(int family, const void *address, char *ret, unsigned size)
{
    char text[INET6_ADDRSTRLEN];
    const uint8_t *a = address;
    int n = family == AF_INET6 ? print_v6(a, text, sizeof text)
                               : snprintf(text, sizeof text, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
    if ((unsigned)n >= size)
        return NULL;
    return memcpy(ret, text, (size_t)n + 1);
}

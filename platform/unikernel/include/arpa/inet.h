/* SPDX-License-Identifier: BSD-2-Clause */
/* The C library has no addresses of networks: what printing them needs. */
#ifndef TINYVMI_UNIKERNEL_ARPA_INET_H
#define TINYVMI_UNIKERNEL_ARPA_INET_H

#include <stdint.h>

#define AF_INET          2
#define AF_INET6         10
#define INET_ADDRSTRLEN  16
#define INET6_ADDRSTRLEN 46

/* As in POSIX; in inet.c. */
const char *inet_ntop(int family, const void *address, char *ret, unsigned size);

static inline uint16_t ntohs(uint16_t x)
{
    return __builtin_bswap16(x);
}

static inline uint32_t ntohl(uint32_t x)
{
    return __builtin_bswap32(x);
}

#define htons ntohs
#define htonl ntohl

#endif

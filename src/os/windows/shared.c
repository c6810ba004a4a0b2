/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KUSER_SHARED_DATA, the page that every process sees. Offsets: ntddk.h; none of those that are
 * read here ever moved. Pure: works on bytes.
 */
#include "os/windows/windows.h"

enum {
    INTERRUPT_TIME = 0x08,
    SYSTEM_TIME = 0x14,
    SYSTEM_ROOT = 0x30,
    BUILD = 0x260,        /* since Windows 10 */
    PRODUCT_TYPE = 0x264, /* 1 workstation, 2 domain controller, 3 server */
    MAJOR = 0x26c,
    MINOR = 0x270,
    PROCESSORS = 0x3c0, /* since Windows 7 */
};

/* KSYSTEM_TIME: low, high, and high again for readers without a lock. */
static uint64_t time_at(const uint8_t *p)
{
    return (uint64_t)le32(p + 4) << 32 | le32(p);
}

bool win_shared_parse(struct bytes page, struct win_shared *ret)
{
    if (page.n < WIN_SHARED_SIZE)
        return false;
    const uint8_t *p = page.p;
    struct win_shared s = {.major = le32(p + MAJOR),
                           .minor = le32(p + MINOR),
                           .up = time_at(p + INTERRUPT_TIME),
                           .now = time_at(p + SYSTEM_TIME)};
    uint16_t drive = le16(p + SYSTEM_ROOT);
    uint32_t type = le32(p + PRODUCT_TYPE);
    bool version = (s.major == 5 || s.major == 6 || s.major == 10) && s.minor <= 3;
    if (!version || drive < 'A' || drive > 'Z' || le16(p + SYSTEM_ROOT + 2) != ':' ||
        le16(p + SYSTEM_ROOT + 4) != '\\')
        return false;
    s.server = type == 2 || type == 3;
    if (s.major == 10)
        s.build = le32(p + BUILD) & 0xffff;
    if (s.major > 6 || (s.major == 6 && s.minor >= 1))
        s.processors = le32(p + PROCESSORS);
    *ret = s;
    return true;
}

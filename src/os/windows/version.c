/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Build numbers. Sources: Microsoft, "Windows 10 release information", "Windows 11 release
 * information" and "Windows Server release information" (learn.microsoft.com, release health), and
 * "Operating System Version" with the remarks of OSVERSIONINFOEXW for what came before.
 */
#include "os/windows/version.h"

#include "os/windows/kdbg.h"

static const struct {
    uint16_t build;
    uint8_t major, minor;
    enum win_version version, server_version;
    const char *name, *server;
} builds[] = {
    {2195, 5, 0, WIN_2000, WIN_2000, "Windows 2000", "Windows 2000 Server"},
    {2600, 5, 1, WIN_XP, WIN_XP, "Windows XP", "Windows XP"},
    {3790, 5, 2, WIN_XP, WIN_2003, "Windows XP x64", "Windows Server 2003"},
    {6000, 6, 0, WIN_VISTA, WIN_2008, "Windows Vista", "Windows Server 2008"},
    {6001, 6, 0, WIN_VISTA, WIN_2008, "Windows Vista SP1", "Windows Server 2008"},
    {6002, 6, 0, WIN_VISTA, WIN_2008, "Windows Vista SP2", "Windows Server 2008 SP2"},
    {6003, 6, 0, WIN_VISTA, WIN_2008, "Windows Vista SP2", "Windows Server 2008 SP2"},
    {7600, 6, 1, WIN_7, WIN_7, "Windows 7", "Windows Server 2008 R2"},
    {7601, 6, 1, WIN_7, WIN_7, "Windows 7 SP1", "Windows Server 2008 R2 SP1"},
    {9200, 6, 2, WIN_8, WIN_8, "Windows 8", "Windows Server 2012"},
    {9600, 6, 3, WIN_8, WIN_8, "Windows 8.1", "Windows Server 2012 R2"},
    {10240, 10, 0, WIN_10, WIN_10, "Windows 10 1507", "Windows Server"},
    {10586, 10, 0, WIN_10, WIN_10, "Windows 10 1511", "Windows Server"},
    {14393, 10, 0, WIN_10, WIN_10, "Windows 10 1607", "Windows Server 2016"},
    {15063, 10, 0, WIN_10, WIN_10, "Windows 10 1703", "Windows Server"},
    {16299, 10, 0, WIN_10, WIN_10, "Windows 10 1709", "Windows Server 1709"},
    {17134, 10, 0, WIN_10, WIN_10, "Windows 10 1803", "Windows Server 1803"},
    {17763, 10, 0, WIN_10, WIN_10, "Windows 10 1809", "Windows Server 2019"},
    {18362, 10, 0, WIN_10, WIN_10, "Windows 10 1903", "Windows Server 1903"},
    {18363, 10, 0, WIN_10, WIN_10, "Windows 10 1909", "Windows Server 1909"},
    {19041, 10, 0, WIN_10, WIN_10, "Windows 10 2004", "Windows Server 2004"},
    {19042, 10, 0, WIN_10, WIN_10, "Windows 10 20H2", "Windows Server 20H2"},
    {19043, 10, 0, WIN_10, WIN_10, "Windows 10 21H1", "Windows Server"},
    {19044, 10, 0, WIN_10, WIN_10, "Windows 10 21H2", "Windows Server"},
    {19045, 10, 0, WIN_10, WIN_10, "Windows 10 22H2", "Windows Server"},
    {20348, 10, 0, WIN_10, WIN_10, "Windows 10", "Windows Server 2022"},
    {22000, 10, 0, WIN_11, WIN_11, "Windows 11 21H2", "Windows Server"},
    {22621, 10, 0, WIN_11, WIN_11, "Windows 11 22H2", "Windows Server"},
    {22631, 10, 0, WIN_11, WIN_11, "Windows 11 23H2", "Windows Server"},
    {25398, 10, 0, WIN_11, WIN_11, "Windows 11", "Windows Server 23H2"},
    {26100, 10, 0, WIN_11, WIN_11, "Windows 11 24H2", "Windows Server 2025"},
    {26200, 10, 0, WIN_11, WIN_11, "Windows 11 25H2", "Windows Server"},
};

enum win_version win_version_of(uint32_t build, uint32_t major, uint32_t minor, bool server)
{
    size_t i = ARRAY_LEN(builds), at = ARRAY_LEN(builds);
    while (i-- > 0 && at == ARRAY_LEN(builds))
        if (build && builds[i].build <= build)
            at = i;
    if (at == ARRAY_LEN(builds) ||
        (builds[at].build != build && (builds[at].major != major || builds[at].minor != minor)))
        for (i = 0, at = ARRAY_LEN(builds); i < ARRAY_LEN(builds); i++)
            if (builds[i].major == major && builds[i].minor == minor && at == ARRAY_LEN(builds))
                at = i;
    if (at == ARRAY_LEN(builds))
        return WIN_UNKNOWN;
    return server ? builds[at].server_version : builds[at].version;
}

const char *win_version_name(uint32_t build, bool server)
{
    for (size_t i = 0; i < ARRAY_LEN(builds); i++)
        if (builds[i].build == build)
            return server ? builds[i].server : builds[i].name;
    return server ? "Windows Server" : "Windows";
}

/* Sizes of KDDEBUGGER_DATA64 as wdbgexts.h of each SDK has it. */
enum win_version kdbg_version(struct bytes head)
{
    static const struct {
        uint16_t size;
        enum win_version version;
    } sizes[] = {{0x208, WIN_2000}, {0x290, WIN_XP}, {0x318, WIN_2003}, {0x328, WIN_VISTA},
                 {0x330, WIN_2008}, {0x340, WIN_7},  {0x360, WIN_8}};
    if (head.n < KDBG_TAG_AT + 8 || memcmp(head.p + KDBG_TAG_AT, "KDBG", 4))
        return WIN_UNKNOWN;
    uint32_t size = le32(head.p + KDBG_TAG_AT + 4);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        if (sizes[i].size == size)
            return sizes[i].version;
    return size > 0x360 && size < 0x1000 ? WIN_10 : WIN_UNKNOWN;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Which Windows a build is. Pure data. */
#ifndef TINYVMI_OS_WINDOWS_VERSION_H
#define TINYVMI_OS_WINDOWS_VERSION_H

#include "core/bytes.h"

enum win_version {
    WIN_UNKNOWN,
    WIN_2000,
    WIN_XP,
    WIN_2003, /* and XP x64's server */
    WIN_VISTA,
    WIN_2008,
    WIN_7,  /* and Server 2008 R2 */
    WIN_8,  /* and 8.1, Server 2012 and 2012 R2 */
    WIN_10, /* and Server 2016 to 2022 */
    WIN_11, /* and Server 2025 */
};

/*
 * By the build's number; of builds that the table does not have (insider builds) by the nearest
 * that is not newer, when it is of the same version. `server`: KUSER_SHARED_DATA.NtProductType says
 * so.
 */
enum win_version win_version_of(uint32_t build, uint32_t major, uint32_t minor, bool server);

/* "Windows 10 22H2", "Windows Server 2019"; "Windows" for what the table does not have. */
const char *win_version_name(uint32_t build, bool server);

/* By the size of the debugger block, whose first bytes these are. */
enum win_version kdbg_version(struct bytes head);

#endif

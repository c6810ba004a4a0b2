/* SPDX-License-Identifier: BSD-2-Clause */
/* In place of tools/tinyvmi/host.c: the console is no terminal whose width could be asked for. */
#include "guest.h"
#include "platform/platform.h"
#include "tools/tinyvmi/out.h"

bool host_is_terminal(FILE *f)
{
    (void)f;
    return false;
}

unsigned host_columns(bool terminal)
{
    (void)terminal;
    return 0;
}

bool host_is_utf8(void)
{
    return true; /* xl console hands bytes on */
}

size_t host_spare_memory(void)
{
    return mm_free_bytes();
}

uint64_t host_now_ns(void)
{
    return plat_now_ns();
}

uint64_t host_wall_ns(void)
{
    return time_wall_ns();
}

/* What ends a verb here is a request in xenstore: nothing to hold back. */
void host_hold_signals(void)
{
}

bool host_interrupted(void)
{
    return own_stop_requested();
}

void host_sleep(uint64_t ns)
{
    uint64_t end = plat_now_ns() + ns;
    while (plat_now_ns() < end && !own_stop_requested())
        event_block(end);
}

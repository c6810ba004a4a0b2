/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals, as far as a program knows one here: "xl shutdown" is its SIGTERM. The handler runs where
 * the request is noticed: while the program waits for events, sleeps or reads the console.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "guest.h"

enum { SIGNALS = 32 };

static struct sigaction actions[SIGNALS];

int sigaction(int number, const struct sigaction *restrict new, struct sigaction *restrict old)
{
    if (number <= 0 || number >= SIGNALS) {
        errno = EINVAL;
        return -1;
    }
    if (old)
        *old = actions[number];
    if (new)
        actions[number] = *new;
    return 0;
}

int sigprocmask(int how, const sigset_t *new, sigset_t *old)
{
    (void)how;
    (void)new;
    if (old)
        *old = 0;
    return 0;
}

unsigned alarm(unsigned seconds)
{
    (void)seconds;
    return 0; /* nothing to interrupt: waits have time limits of their own */
}

void signal_stop(void)
{
    const struct sigaction *a = &actions[SIGTERM];
    if (a->sa_handler != SIG_DFL && a->sa_handler != SIG_IGN)
        a->sa_handler(SIGTERM);
}

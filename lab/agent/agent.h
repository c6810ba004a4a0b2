/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program inside a lab guest. As PID 1 it sets up a known state (state.c), writes what the
 * guest's own /proc says about it to the host (truth.c), says READY, and then obeys commands
 * (agent.c). Under another name it is one of the processes of that known state.
 */
#ifndef LAB_AGENT_H
#define LAB_AGENT_H

#include <sys/types.h>

/* Prints "agent: ..." with errno's text to the console and, in PID 1, halts the guest: a guest that
 * is not in the known state is of no use. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);

/* Starts every process of the known state and returns when each of them has finished its own
 * set-up. */
void state_start(void);

/* Starts PATH with these arguments; argv ends with NULL. */
pid_t state_spawn(const char *path, char *const argv[]);

/* Runs as the role that argv[0]'s last component names; returns only when there is no such role. */
void state_run_role(int argc, char *argv[]);

/* Writes the guest's view of itself to path, as a tar archive. */
void truth_write(const char *path);

#endif

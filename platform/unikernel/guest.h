/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The unikernel's own parts, as they see each other. One vCPU, one thread, upcalls open only while
 * the domain is blocked: nothing here is entered twice. What Xen gives the domain once (its page
 * tables, its console, its clock) is state of one file each, since there is one machine.
 */
#ifndef TINYVMI_UNIKERNEL_GUEST_H
#define TINYVMI_UNIKERNEL_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen-public/xen.h>

#include "hypercall.h"

enum { PAGE = 4096 };

/* start.S and link.lds */
extern char image_start[], image_text_end[], image_rodata_end[], image_end[];
extern char image_stack_guard[], image_stack_guard_2[], image_stack_end[];
void upcall_entry(void);
void failsafe_entry(void);

/* mm.c: own memory. Page n of the domain lies at image_start + n * PAGE. */
void mm_start(const struct start_info *si);
void mm_seal(void);                     /* what is not written after start-up becomes read-only */
void *mm_own_frame(uint64_t mfn);       /* where a frame of ours is mapped; NULL */
void *mm_shared_info(uint64_t machine); /* mapped at start-up */
void *mm_break(ptrdiff_t bytes);        /* the heap's end; NULL: no memory */
size_t mm_free_bytes(void);             /* that the heap can still grow by */
struct mm_usage {
    size_t all, start, heap, tables; /* bytes */
};
void mm_usage(struct mm_usage *ret);
bool mm_is_text(uint64_t address);
/* Machine address of the page table entry for an address of the window, whose tables are made
 * first. false: no memory for them. */
bool mm_entry(uint64_t address, uint64_t *ret);

/* window.c: other domains' frames, next to each other. plat_xen_map's results. */
int window_map(uint32_t domain, const uint64_t *frames, size_t n, bool writable, int *error,
               void **ret);
void window_unmap(void *p, size_t n);

/* trap.c */
void trap_start(struct shared_info *shared);

/* event.c: event channels and time */
void event_start(struct shared_info *shared);
void event_unmask(uint32_t port);
void event_mask(uint32_t port);
void event_notify(uint32_t port);
bool event_take(uint32_t port); /* did it fire? Forgets it. */
/* Waits until something fired or `deadline` (of plat_now_ns; UINT64_MAX: none) is past. */
void event_block(uint64_t deadline);
uint64_t time_wall_ns(void);

/* console.c */
void console_start(void *ring, uint32_t port);
void console_write(const char *p, size_t n);
int console_getc(void); /* waits for a key; -1: no console */
void console_drain(void);
void emergency(const char *text); /* to the console and to Xen's log, whatever state we are in */

/* xenstore.c: one ring, several users of it, told apart by `who` */
enum { STORE_USERS = 8 };
void store_start(void *ring, uint32_t port);
bool store_connected(void);
int store_attach(void); /* a number for a new user, or -1 */
void store_detach(int who);
long store_send(int who, const void *p, size_t n); /* pieces of messages */
long store_receive(int who, void *p, size_t n, uint64_t timeout_ns);
bool store_has_bytes(int who); /* moves in what has come */

/* own.c: the domain's own keys in xenstore */
void own_start(void);
bool own_stop_requested(void);                      /* xl shutdown, or data/tinyvmi/stop */
void own_state(const char *key, const char *value); /* under data/tinyvmi */

/* ramdisk.c */
void ramdisk_start(const void *p, size_t n);
extern const char *const ramdisk_path;

void signal_stop(void); /* signals.c: the program's handler of SIGTERM */

void guards_run(void); /* xen.c: gives the targets back what was not given back */

void guest_end(int status) __attribute__((noreturn)); /* powers off; status as the command's */
void guest_crash(void) __attribute__((noreturn));

#endif

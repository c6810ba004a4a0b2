/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the hostile-guest test share: hostile.c (the frame), hostile_hide.c,
 * hostile_lists.c, hostile_image.c. */
#ifndef TESTS_GUEST_HOSTILE_H
#define TESTS_GUEST_HOSTILE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tinyvmi/tinyvmi.h>

enum listing {
    LIST_PROCESSES,
    LIST_MODULES,
    LIST_LOG,
    LIST_MOUNTS,
    LIST_SOCKETS,
    LIST_VMAS,
    LIST_FILES,
    LIST_CMDLINE,
    LIST_CHECK,
    LIST_SYMBOLS,
    LIST_COUNT
};

/* How one listing ended. */
struct answer {
    status_t status;
    struct vmi_outcome outcome;
    bool marked; /* cut, or a record that says that it is not whole */
    double seconds;
    char error[512]; /* when it could not start */
};

/* One test: in a process of its own, with an instance of its own whose memory it may write. */
struct forgery {
    const char *name;
    void (*run)(vmi_instance_t vmi, const struct forgery *f);
    enum listing listing; /* the one that must notice */
    uint64_t argument;
};

extern const struct forgery hide_tests[], list_tests[], image_tests[];

/* ---- verdicts: each prints its line; the last three end the test ---- */
void say_ok(const char *name);
void say_fail(const char *name, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
void say_skip(const char *name, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
double now(void);
extern double limit; /* seconds that a listing may take */

/* The copy of the dump that image tests may change ("/proc/self/fd/N"); offsets as in the file. It
 * is mended afterwards. */
extern const char *image_path;
extern uint64_t seed, rounds;
void image_write(uint64_t pa, const void *p, size_t n);

/* ---- listings ---- */
void list_one(vmi_instance_t vmi, enum listing which, vmi_pid_t pid, struct answer *ret);
/* Runs all of them: fails the test when one is slow. Returns the answer of `which`. */
struct answer list_all(const char *name, vmi_instance_t vmi, enum listing which, vmi_pid_t pid);
/* list_all, and the listing must be marked, or refuse with an address. Prints the verdict. */
void must_notice(vmi_instance_t vmi, const struct forgery *f, vmi_pid_t pid);
/* list_all alone: it ends and does not crash. */
void must_end(vmi_instance_t vmi, const struct forgery *f, vmi_pid_t pid);

/* ---- memory: a type, symbol or address that the kernel lacks ends the test as skipped ---- */
uint64_t off(vmi_instance_t vmi, const struct forgery *f, const char *type, const char *member);
bool has(vmi_instance_t vmi, const char *type, const char *member);
uint64_t sym(vmi_instance_t vmi, const struct forgery *f, const char *name);
uint64_t get(vmi_instance_t vmi, const struct forgery *f, uint64_t at);
void put(vmi_instance_t vmi, const struct forgery *f, uint64_t at, uint64_t value);
void put_bytes(vmi_instance_t vmi, const struct forgery *f, uint64_t at, const void *p, size_t n);

/* A process with user memory, not init, that can be spared; it has open files. */
struct vmi_process victim(vmi_instance_t vmi, const struct forgery *f);
/* The object of the module list's entry i. */
uint64_t module_at(vmi_instance_t vmi, const struct forgery *f, unsigned i, struct vmi_module *ret,
                   char name[64]);

/* A page of the kernel's that nothing else reads (empty_zero_page): room for forged objects. */
uint64_t room(vmi_instance_t vmi, const struct forgery *f);

#endif

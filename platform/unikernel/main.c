/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From Xen's first instruction to main(argc, argv), and from its status to power-off. The command
 * line is the program's: words, with ' and " to hold words together.
 */
#include "guest.h"
#include "service.h"
#include "words.h"

#include <xen-public/sched.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char image_tdata_start[], image_tdata_end[], image_tls_size[], image_tls_align[];
extern void (*image_init_start[])(void), (*image_init_end[])(void);
extern struct {
    void *self; /* fs:0, as the x86-64 ABI wants it */
    uint64_t unused[4];
    uint64_t canary; /* fs:0x28, read by the stack protector */
} thread_block;

int main(int argc, char **argv);
void guest_start(const struct start_info *si) __attribute__((noreturn));

enum { MAX_WORDS = 64 };

static char words[MAX_GUEST_CMDLINE + 16];

void guest_end(int status)
{
    guards_run();
    console_drain();
    /* 1 to 5 mean reboot, suspend, crash, ... to the toolstack (xen/include/public/sched.h): the
     * command's own, which are small, come behind them. */
    unsigned code = (unsigned)status & 0xff;
    struct sched_shutdown shutdown = {.reason = code && code < 16 ? 16 + code : code};
    for (;;)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, PTR(&shutdown), 0, 0, 0);
}

void guest_crash(void)
{
    static bool again;
    if (!again) {
        again = true;
        guards_run();
    }
    console_drain();
    struct sched_shutdown shutdown = {.reason = SHUTDOWN_crash};
    for (;;)
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, PTR(&shutdown), 0, 0, 0);
}

/* The thread's own variables and the stack protector's secret. Before this, fs points to zeros. */
static __attribute__((noinline, no_stack_protector)) void start_thread(void)
{
    size_t size = (size_t)image_tls_size, align = (size_t)image_tls_align;
    if (align)
        size = (size + align - 1) / align * align;
    char *at = (char *)&thread_block - size;
    memcpy(at, image_tdata_start, (size_t)(image_tdata_end - image_tdata_start));
    thread_block.self = &thread_block;
    uint32_t a, c, d, b;
    unsigned long long random = __builtin_ia32_rdtsc() * 0x9e3779b97f4a7c15ull;
    __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(1), "c"(0));
    if (c & 1u << 30) { /* RDRAND */
        unsigned long long value = 0;
        __asm__ volatile("rdrand %0" : "+r"(value)::"cc");
        random ^= value;
    }
    thread_block.canary = random & ~0xffull; /* a zero byte stops string overruns */
}

__attribute__((no_stack_protector)) void guest_start(const struct start_info *si)
{
    char *argv[MAX_WORDS + 2];
    start_thread();
    mm_start(si);
    struct shared_info *shared = mm_shared_info(si->shared_info);
    if (!shared) {
        emergency("tinyvmi: the shared page cannot be mapped\n");
        guest_crash();
    }
    trap_start(shared);
    event_start(shared);
    console_start(mm_own_frame(si->console.domU.mfn), si->console.domU.evtchn);
    store_start(mm_own_frame(si->store_mfn), si->store_evtchn);
    ramdisk_start((const void *)si->mod_start, si->mod_len);
    memcpy(words, "tinyvmi", sizeof "tinyvmi");
    memcpy(words + sizeof "tinyvmi", si->cmd_line,
           strnlen((const char *)si->cmd_line, MAX_GUEST_CMDLINE - 1));
    mm_seal();
    for (void (**f)(void) = image_init_start; f < image_init_end; f++)
        (*f)();
    own_start();
    argv[0] = words;
    int n = command_line(words + sizeof "tinyvmi", argv + 1, MAX_WORDS);
    if (n < 0) {
        printf("tinyvmi: the command line (extra=) has an open quote or more than %d words\n",
               MAX_WORDS);
        exit(2);
    }
    exit(service_run(n + 1, argv, main));
}

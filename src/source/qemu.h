/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Live QEMU guests: what the pieces of this source share. qemu_cmdline.c reads a command line,
 * qemu_proc.c finds the processes, qemu_layout.c tells where guest-physical memory lies in the
 * process, qemu_mem.c reads it there, qemu_regs.c reads the monitor's register dump, qemu_list.c
 * finds and lists guests, qemu.c is the source.
 */
#ifndef TINYVMI_SOURCE_QEMU_H
#define TINYVMI_SOURCE_QEMU_H

#include <sys/types.h>

#include "source/qmp.h"
#include "source/source.h"

/* ---- qemu_cmdline.c: pure -------------------------------------------------------------------- */

enum { QEMU_MAX_SOCKETS = 4, QEMU_MAX_BACKENDS = 16, QEMU_MAX_NODES = 16 };

/* One -object memory-backend-*. */
struct qemu_backend {
    char id[64];
    char path[256]; /* mem-path, or "" */
    enum { BACKEND_RAM, BACKEND_MEMFD, BACKEND_FILE } kind;
    uint64_t size; /* bytes; 0: not given */
};

struct qemu_cmdline {
    char name[96]; /* "" when not given */
    char uuid[40];
    char machine[64];        /* type, "" when not given */
    char mem_path[256];      /* -mem-path */
    char memory_backend[64]; /* -machine memory-backend= */
    uint64_t memory;         /* bytes, without what was hot-plugged */
    uint64_t max_below_4g;   /* -machine max-ram-below-4g=, 0 when not given */
    unsigned vcpus;
    /* QMP server sockets as they are written: a path, "tcp:HOST:PORT" or "fd:N". */
    char socket[QEMU_MAX_SOCKETS][256];
    unsigned nr_sockets;
    struct qemu_backend backend[QEMU_MAX_BACKENDS];
    unsigned nr_backends;
    char node[QEMU_MAX_NODES][64]; /* -numa node,memdev=ID in order */
    unsigned nr_nodes;
};

/* `args`: NUL-separated as in /proc/PID/cmdline. What is not understood is passed over. */
void qemu_cmdline_parse(struct bytes args, struct qemu_cmdline *ret);

/* "5G", "256M", "size=1024k", "4194304" with a unit for plain numbers; 0 when it is none or does
 * not fit. */
uint64_t qemu_parse_size(const char *text, uint64_t plain_unit);

/* ---- qemu_proc.c ----------------------------------------------------------------------------- */

struct qemu_process {
    int pid;
    uid_t uid;
    char exe[64]; /* last component: "qemu-system-x86_64" */
    struct qemu_cmdline args;
};

/* Is this process a QEMU system emulator? Fills *ret. ST_ABSENT: no such process, or another
 * program. */
MUST_USE int qemu_process_read(int pid, struct qemu_process *ret);

/* Visits all QEMU processes, ascending by pid, until `visit` returns non-zero. */
void qemu_each_process(int (*visit)(const struct qemu_process *p, void *arg), void *arg);

/* A socket of args.socket as qmp_open takes it: seen from us, not from the process. False when it
 * cannot be told. */
bool qemu_socket_address(const struct qemu_process *p, unsigned i, char *ret, size_t size);

/* The process that serves a socket's path. */
MUST_USE int qemu_process_of_socket(const char *path, struct diag *d, struct qemu_process *ret);

/* State letter of /proc/PID/stat ('T': stopped); 0 when the process is gone. */
char qemu_process_state(int pid);

/* A small file of /proc, whole and terminated; the caller frees. NULL with errno. At most `max`
 * bytes. */
char *qemu_slurp(const char *path, size_t max, size_t *n);

/* ---- qemu_mem.c ------------------------------------------------------------------------------ */

/* One line of /proc/PID/maps. */
struct qemu_vma {
    uint64_t start, end, offset, inode;
    unsigned major, minor;
    bool read, write, exec, shared;
    const char *path; /* in the text, path_n bytes, not terminated */
    size_t path_n;
};

/* Parses the line at *p and moves *p behind it. False at the end; a line that is no VMA gives an
 * empty one (end 0). */
bool qemu_vma_next(const char **p, struct qemu_vma *ret);

/* A shared file that backs guest memory, mapped here, too. */
struct qemu_view {
    uint64_t start, end, offset; /* of the VMA in QEMU, and in the file */
    uint8_t *host;
    int fd;
};

struct qemu_mem {
    int pid, proc_fd; /* proc_fd: /proc/PID, which stays that of this very process */
    int mem_fd, pagemap_fd;
    bool by_file;         /* process_vm_readv is refused, /proc/PID/mem is not */
    char *maps;           /* text of /proc/PID/maps when it was opened */
    struct qemu_vma last; /* that answered last */
    struct qemu_view *view;
    size_t nr_views;
    uint64_t checked_ns; /* when the process was last seen */
};

/* ST_DENIED with what to do; ST_IO when the process is gone. */
MUST_USE int qemu_mem_open(const struct qemu_process *p, struct diag *d, struct qemu_mem *ret);
void qemu_mem_close(struct qemu_mem *m);

/* Memory of the process at a host address. *done bytes were copied. ST_IO: the process is gone. */
MUST_USE int qemu_mem_read(struct qemu_mem *m, uint64_t hva, void *buf, size_t n, size_t *done);
MUST_USE int qemu_mem_write(struct qemu_mem *m, uint64_t hva, const void *buf, size_t n,
                            size_t *done);

/* First address in [hva, end) that was ever touched, or `end`; in *stop where untouched memory
 * follows, at most `end`. */
uint64_t qemu_mem_next_data(struct qemu_mem *m, uint64_t hva, uint64_t end, uint64_t *stop);

bool qemu_mem_alive(struct qemu_mem *m);

/* The VMA that holds hva. */
bool qemu_mem_vma(struct qemu_mem *m, uint64_t hva, struct qemu_vma *ret);

/*
 * A view of the shared file behind this VMA, made on first use and compared with the process. NULL:
 * private or anonymous memory, or a file that cannot be opened: to be read through the process.
 */
const struct qemu_view *qemu_mem_view(struct qemu_mem *m, const struct qemu_vma *v);

/* ---- qemu_layout.c --------------------------------------------------------------------------- */

enum { QEMU_MAX_PIECES = 4096 };

/* A piece of guest-physical memory and where it lies in the process. */
struct qemu_piece {
    uint64_t start, len, hva;
    bool rom; /* the guest cannot write it */
};

struct qemu_layout {
    struct qemu_piece *piece; /* malloced */
    size_t nr;
    char note[160]; /* what was assumed, or "" */
};

/*
 * RAM and ROM of the address space "memory" in the output of `info mtree -f` (memory_region_type in
 * QEMU's system/memory.c: ram, rom, romd, ramd, i/o, nv-ram), hva 0. ST_BROKEN when there is none.
 */
MUST_USE int qemu_mtree_parse(const char *text, struct qemu_layout *ret);

/* Host address out of `gpa2hva`'s answer; 0 when it has none. */
uint64_t qemu_gpa2hva_parse(const char *text);

/* Asks QEMU. */
MUST_USE int qemu_layout_ask(struct qmp *q, struct qemu_mem *m, struct diag *d,
                             struct qemu_layout *ret);

/* Concludes from the command line and the process' mappings. */
MUST_USE int qemu_layout_infer(const struct qemu_process *p, struct qemu_mem *m, struct diag *d,
                               struct qemu_layout *ret);

/* The host address of the first block of guest RAM as it is inferred: to tell how memory can be
 * accessed. */
MUST_USE int qemu_main_vma(const struct qemu_process *p, struct qemu_mem *m, struct qemu_vma *ret);

/* Where boards put the start of RAM and split it: fills up to 4 pieces whose hva are offsets into
 * RAM. Pure. */
size_t qemu_board_layout(const char *exe, const struct qemu_cmdline *args,
                         struct qemu_piece piece[4], const char **board);

/* ---- qemu_regs.c: pure ----------------------------------------------------------------------- */

/*
 * Registers of one vCPU out of `info registers -a` (x86: target/i386/cpu-dump.c; Arm:
 * target/arm/cpu.c, which prints no TTBR: only x, sp, pc and pstate, with REGS_GENERAL). ST_ABSENT:
 * no such vCPU; ST_BROKEN: not understood.
 */
MUST_USE int qemu_registers_parse(const char *text, unsigned vcpu, struct vcpu_regs *ret);

/* ---- qemu_list.c ----------------------------------------------------------------------------- */

/* The process that a person means: a name, a process id, or the path of a QMP socket. */
MUST_USE int qemu_find_process(const char *name, struct diag *d, struct qemu_process *ret);

/* source_kind.list */
int qemu_list(vmi_target_cb cb, void *data, struct vmi_outcome *ret);

extern const struct source_kind qemu_source_kind; /* qemu.c */

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What TinyVMI tells about a guest, as plain data: the vocabulary that the operating-system layer,
 * the library's API and the command share. No functions, no state.
 *
 * Rules for all records: addresses are guest addresses; a text pointer is valid only during the
 * callback that got it; fields that could not be read are 0 (or an empty text) and the record has
 * VMI_RECORD_PARTIAL in `flags`.
 */
#ifndef TINYVMI_RECORDS_H
#define TINYVMI_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMI_RECORD_PARTIAL                                                                         \
    0x80000000u /* in any record's flags: something in it could not be read */

/* How a listing ended. */
struct vmi_outcome {
    uint64_t count;   /* records given to the callback */
    bool partial;     /* the list was cut: damaged, forged, changing, or a bound was reached */
    char reason[192]; /* why, with the address; empty when not partial */
};

/* ---- the kernel
 * ------------------------------------------------------------------------------------------------
 */

enum vmi_os_kind { VMI_KIND_NONE, VMI_KIND_LINUX, VMI_KIND_WINDOWS };

/* One fact and how it was come by: "vmcoreinfo", "CR3 of vCPU 0", "inferred from the idle task",
 * ... */
struct vmi_fact {
    char name[32];
    char value[128];
    char how[96];
};

struct vmi_kernel {
    enum vmi_os_kind os;
    char banner[256]; /* Linux: linux_banner; Windows: build lab */
    char release[72]; /* "6.1.0-27-amd64" */
    char arch[16];    /* "x86-64", "i386", "arm64" */
    char paging[32];  /* name of the paging form */
    char hostname[72];
    uint64_t text_va, text_pa; /* first byte of the kernel image: virtual, physical */
    uint64_t image_size;       /* bytes */
    int64_t slide;             /* KASLR: virtual minus link-time address */
    bool slide_known;
    uint64_t root; /* physical address of the kernel's top page table */
    bool page_table_isolation;
    uint64_t phys_base;   /* Linux x86-64: as the kernel has it */
    uint64_t direct_map;  /* virtual address of physical 0 in the linear map; 0 when unknown */
    uint64_t boot_time_s; /* Unix time; 0 when unknown */
    uint64_t uptime_ns;   /* 0 when unknown */
    uint32_t cpus_online;
    uint64_t symbols, types;      /* how many are known */
    uint64_t build_ns;            /* host time that it took to find and understand the kernel */
    bool inferred;                /* some offsets were inferred from memory, not read from types */
    uint32_t build, major, minor; /* Windows: build number and version; 0 when unknown */
};

/* ---- processes
 * -------------------------------------------------------------------------------------------------
 */

enum {
    VMI_PROCESS_KERNEL = 1, /* kernel thread: no user memory of its own */
    VMI_PROCESS_THREAD = 2, /* not the leader of its thread group */
};

/* What is not known about a kernel's processes at all, so that 0 is no answer: in `unknown`. */
enum {
    VMI_UNKNOWN_PPID = 1,
    VMI_UNKNOWN_START = 2,
    VMI_UNKNOWN_EXIT = 4,
    VMI_UNKNOWN_THREADS = 8,
    VMI_UNKNOWN_SESSION = 16,
    VMI_UNKNOWN_WOW64 = 32,
    VMI_UNKNOWN_PROTECTION = 64,
    VMI_UNKNOWN_DTB = 128,
    VMI_UNKNOWN_USER = 256,       /* uid, gid, euid */
    VMI_UNKNOWN_STATE = 512,      /* threads: state and wait reason */
    VMI_UNKNOWN_ADDRESSES = 1024, /* threads: start addresses and TEB */
};

struct vmi_process {
    uint64_t object; /* task_struct or EPROCESS, virtual */
    uint64_t mm;     /* mm_struct; 0 for kernel threads */
    uint64_t dtb;    /* physical address of the top page table; the kernel's for kernel threads */
    int32_t pid, tid, ppid; /* pid: thread group; tid == pid for a leader */
    uint32_t uid, gid, euid;
    uint32_t threads; /* in the thread group */
    uint32_t flags;
    char state;            /* as /proc/PID/stat prints it: R S D T t Z X I ...; '?' unknown */
    uint64_t start_ns;     /* since boot (CLOCK_BOOTTIME where the kernel has it) */
    uint64_t start_time_s; /* Unix time; 0 when the boot time is unknown */
    char comm[64];
    uint64_t exit_time_s; /* Windows: Unix time; 0 while it lives, or unknown */
    int32_t session;      /* Windows: -1 none, or unknown */
    bool wow64;           /* Windows: a 32-bit process of a 64-bit system */
    uint8_t protection;   /* Windows: _PS_PROTECTION: type in bits 2:0, signer in bits 7:4 */
    uint64_t
        user_dtb; /* Windows: the table that user mode runs on, where it is another one; else 0 */
    uint32_t unknown; /* VMI_UNKNOWN_* */
};

/* A thread of any system. */
struct vmi_thread {
    uint64_t object;  /* task_struct or ETHREAD; 0 when where it begins is not known */
    uint64_t process; /* task_struct of the leader, or EPROCESS */
    int32_t pid, tid;
    uint32_t flags;          /* VMI_PROCESS_*, VMI_RECORD_PARTIAL */
    uint32_t unknown;        /* VMI_UNKNOWN_START, _EXIT, _STATE, _ADDRESSES */
    char state;              /* as struct vmi_process has it */
    int32_t priority;        /* Windows */
    const char *wait_reason; /* Windows, when it waits: "Executive", "UserRequest", ...; else "" */
    uint64_t start_address;  /* Windows: where the kernel started it */
    uint64_t user_start;     /* Windows: Win32StartAddress */
    uint64_t teb;            /* Windows; 0: none */
    uint64_t start_time_s;   /* Unix time; 0 when unknown */
    uint64_t exit_time_s;    /* Unix time; 0 while it lives */
    char comm[64];           /* its own name, or the process' */
};

/* An open handle of a Windows process. */
struct vmi_handle {
    uint64_t handle; /* its value in the process */
    uint64_t object; /* address of the object's body */
    uint32_t access; /* granted: ACCESS_MASK */
    uint32_t flags;
    int32_t pid, tid; /* a process' or a thread's handle: which; else 0 */
    const char *type; /* "File", "Key", "Process", ...; "" when it is not known */
    const char *name; /* of the object; "" when it has none */
};

struct vmi_vma {
    uint64_t start, end; /* [start, end) */
    uint64_t offset;     /* bytes into the file */
    uint64_t inode;
    uint32_t major, minor;
    uint32_t flags;
    bool read, write, exec, shared;
    const char *path; /* file's path, or "[heap]", "[stack]", "[vdso]", "[anon:...]"; "" for
                         anonymous memory */
};

struct vmi_file {
    int32_t fd;
    uint32_t mode;       /* S_IFMT bits of the inode */
    uint32_t open_flags; /* O_* as fdinfo prints them */
    uint64_t position;   /* bytes */
    uint64_t inode;
    uint32_t flags;
    const char *type; /* "file", "dir", "chr", "blk", "fifo", "socket", "link", "anon" */
    const char *path; /* as readlink of /proc/PID/fd/N: "/etc/passwd", "pipe:[123]", "socket:[4]",
                         "anon_inode:..." */
};

/* ---- modules, log, mounts, sockets
 * ----------------------------------------------------------------------------- */

enum {
    VMI_MODULE_UNLOADED = 1, /* Windows: a driver that was there; object is 0 */
    VMI_MODULE_WOW64 = 2,    /* Windows: of the 32-bit loader's lists */
};

struct vmi_module {
    uint64_t object;     /* struct module or LDR entry */
    uint64_t base, size; /* text and what follows it, as /proc/modules prints them */
    uint64_t init_base, init_size;
    int32_t refs;
    uint32_t flags;
    const char *name;
    const char *state;  /* "Live", "Loading", "Unloading", "Unformed" */
    const char *taints; /* letters, "" when none */
    const char *path;   /* Windows: file */
    uint64_t time_s;    /* Windows: an unloaded driver's end, a DLL's beginning; 0 when unknown */
    uint64_t entry;     /* Windows DLLs: entry point; 0: none */
};

struct vmi_log_line {
    uint64_t time_ns; /* since boot */
    uint32_t level, facility;
    uint32_t flags;
    uint64_t seq;
    const char *text; /* not terminated by a newline; may contain control characters of the guest's
                         choice */
    size_t length;
};

struct vmi_mount {
    int32_t id, parent;
    uint32_t major, minor;
    uint32_t flags;
    const char *root, *target; /* as in /proc/PID/mountinfo */
    const char *options;       /* "rw,nosuid,..." */
    const char *type, *source;
};

struct vmi_socket {
    const char *proto;             /* "tcp", "tcp6", "udp", "udp6", "unix" */
    const char *state;             /* "LISTEN", "ESTABLISHED", ...; "" where there is none */
    uint8_t local[16], remote[16]; /* 4 or 16 bytes, network order */
    uint16_t local_port, remote_port;
    uint64_t inode;
    uint32_t uid;
    uint32_t flags;
    int32_t pid;      /* a process that holds it; 0 when none was found */
    int32_t fd;       /* its descriptor there; -1 */
    uint64_t object;  /* struct sock */
    const char *comm; /* that process' name, "" */
    const char *kind; /* unix: "STREAM", "DGRAM", "SEQPACKET"; else "" */
    const char *path; /* unix: path, or "@name" for an abstract one; else "" */
};

/* ---- what does not agree
 * --------------------------------------------------------------------------------------- */

enum vmi_severity { VMI_SEVERITY_OK, VMI_SEVERITY_NOTE, VMI_SEVERITY_WARNING, VMI_SEVERITY_ALERT };

struct vmi_finding {
    enum vmi_severity severity; /* OK: the check was made and everything agreed */
    const char *check;          /* "tasks", "modules", "syscalls", "idt", "ftrace", "kprobes" */
    const char *text;           /* what was found, in a sentence */
    uint64_t address;           /* of the thing; 0 when there is none */
    int32_t pid;                /* 0 when it is not about a process */
};

/* ---- stacks, system calls
 * ------------------------------------------------------------------------------------- */

struct vmi_frame {
    uint64_t ip; /* a return address, or, with `exact`, the next instruction */
    uint64_t sp, bp;
    bool exact;
};

struct vmi_syscall {
    uint32_t nr;
    uint32_t args; /* how many */
    char name[48]; /* "openat" */
    struct {
        char type[56], name[32]; /* "const char *", "filename"; "" when not known */
    } arg[6];
};

/* ---- what a guest does
 * --------------------------------------------------------------------------------------- */

/* A vCPU at a breakpoint. */
struct vmi_hit {
    uint64_t address;     /* of the breakpoint, virtual */
    uint64_t time_ns;     /* host's monotonic clock */
    uint64_t gpr[16];     /* rax rcx rdx rbx rsp rbp rsi rdi r8 to r15 */
    uint64_t rip, rflags; /* rip is `address`, unless it is mapped twice */
    uint64_t cr3;
    uint64_t percpu; /* kernel GS base: for vmi_process_on_cpu */
    uint32_t vcpu;
    bool user; /* in user mode */
};

struct vmi_breakpoint_counts {
    uint64_t hits;
    uint64_t stepped_over, emulated; /* how the instruction was done */
    uint64_t reads, writes;          /* of frames with breakpoints, by the guest */
};

/* ---- symbols and types
 * ----------------------------------------------------------------------------------------- */

struct vmi_symbol {
    uint64_t address; /* virtual, slide included */
    uint64_t size;    /* bytes to the next symbol; 0 when unknown */
    char type;        /* as nm prints it: T t D d B b R r A ...; '?' unknown */
    const char *name;
    const char *module; /* "" for the kernel itself */
};

struct vmi_member {
    uint64_t bit_offset; /* from the start of the structure; bytes * 8 for what is no bit field */
    uint64_t size;       /* bytes of the member's type; 0 for a flexible array */
    uint32_t bit_size;   /* of a bit field, else 0 */
    uint32_t depth;      /* 0: direct member; 1: inside an anonymous struct or union, ... */
    const char *
        type; /* C declaration without the name: "struct list_head", "char [16]"; "" when unknown */
    const char *name; /* "" for an anonymous struct or union */
};

struct vmi_type {
    const char *kind; /* "struct", "union", "enum", "typedef" */
    const char *name;
    uint64_t size; /* bytes; 0 when unknown */
};

/* ---- memory
 * ----------------------------------------------------------------------------------------------------
 */

struct vmi_range {
    uint64_t start, size; /* guest-physical bytes */
    bool mapped;          /* read without copying */
};

struct vmi_walk_level {
    const char *name;        /* "PML4E", "PTE", ... as the architecture calls the entry */
    uint64_t address, value; /* of the entry: guest-physical */
};

struct vmi_walk {
    uint64_t va, pa;
    uint64_t page_size; /* 0: not mapped */
    bool read, write, exec, user;
    uint32_t levels;
    struct vmi_walk_level level[5];
    const char *form;  /* paging form */
    const char *fault; /* "" or why the walk ended: "not present", "not canonical", "table is not in
                          memory", ... */
    const char *note;  /* what the operating system makes of an entry that is not present for the
                          hardware: "in transition", ...; "" when there is nothing to say. Valid
                          until  the instance's next walk. */
};

/* What runs a live guest, and the events that it can raise in it. */
struct vmi_hypervisor {
    char name[96];    /* "Xen 4.17.5, PVH domain 1" */
    char events[256]; /* their names, with a space between; "" none */
    bool views;       /* second-level views can be made (the guest's configuration may forbid it) */
    char lacks[192];  /* which are missing and why; "" when nothing is known to be */
};

/* A virtual machine or memory file on this machine that can be opened. */
struct vmi_target {
    char target[160]; /* what vmi_open takes: "qemu:4711", "xen:3" */
    char kind[16];    /* "qemu", "xen" */
    char name[96];
    int64_t id;      /* pid or domain id */
    uint64_t memory; /* bytes; 0 when unknown */
    uint32_t vcpus;  /* 0 when unknown */
    char state[24];  /* "running", "paused", ...; "" unknown */
    char access[96]; /* how its memory can be read, or why not */
};

typedef int (*vmi_process_cb)(const struct vmi_process *process, void *data);
typedef int (*vmi_thread_cb)(const struct vmi_thread *thread, void *data);
typedef int (*vmi_handle_cb)(const struct vmi_handle *handle, void *data);
typedef int (*vmi_vma_cb)(const struct vmi_vma *vma, void *data);
typedef int (*vmi_file_cb)(const struct vmi_file *file, void *data);
typedef int (*vmi_module_cb)(const struct vmi_module *module, void *data);
typedef int (*vmi_log_cb)(const struct vmi_log_line *line, void *data);
typedef int (*vmi_mount_cb)(const struct vmi_mount *mount, void *data);
typedef int (*vmi_socket_cb)(const struct vmi_socket *socket, void *data);
typedef int (*vmi_frame_cb)(const struct vmi_frame *frame, void *data);
typedef int (*vmi_finding_cb)(const struct vmi_finding *finding, void *data);
typedef int (*vmi_symbol_cb)(const struct vmi_symbol *symbol, void *data);
typedef int (*vmi_member_cb)(const struct vmi_member *member, void *data);
typedef int (*vmi_type_cb)(const struct vmi_type *type, void *data);
typedef int (*vmi_target_cb)(const struct vmi_target *target, void *data);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TinyVMI beyond LibVMI's API: open any target by name, ask what runs there, walk it.
 *
 * Callbacks: a listing calls `cb` once a record, in the guest's own order; a non-zero return ends
 * the listing (the call still succeeds). `ret` of type struct vmi_outcome may be NULL. VMI_FAILURE
 * means that the listing could not start; a listing that was cut is VMI_SUCCESS with ret->partial
 * set. vmi_last_error() has the reason of a failure.
 *
 * Threads: an instance may be used by one thread at a time; different instances are independent.
 */
#ifndef TINYVMI_TINYVMI_H
#define TINYVMI_TINYVMI_H

#include <libvmi/libvmi.h>
#include <tinyvmi/records.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors
 * ----------------------------------------------------------------------------------------------------
 */

enum vmi_error_kind {
    VMI_ERROR_NONE,
    VMI_ERROR_ABSENT,      /* not there: a hole, a page that is not present, an unknown name */
    VMI_ERROR_BROKEN,      /* the bytes contradict themselves: damaged, forged, or something else */
    VMI_ERROR_UNSUPPORTED, /* this source cannot, or it is not implemented */
    VMI_ERROR_DENIED,      /* the host refuses */
    VMI_ERROR_BUSY,        /* somebody else holds it */
    VMI_ERROR_IO,          /* file, socket or process failed */
    VMI_ERROR_NO_MEMORY,
    VMI_ERROR_INVALID, /* the caller's argument */
    VMI_ERROR_LIMIT,   /* a bound against hostile data was reached */
};

struct vmi_error {
    enum vmi_error_kind kind;
    char text[512]; /* what was being read, where, and what to try */
};

/*
 * The newest failure of this instance, or (vmi NULL) of the newest vmi_open/vmi_init in this
 * thread. Never NULL; valid until the next call on the instance. kind is VMI_ERROR_NONE when
 * nothing failed yet. Successful calls leave it alone.
 */
VMI_API const struct vmi_error *vmi_last_error(vmi_instance_t vmi) NOEXCEPT;

/* "0.1.0". Static. */
VMI_API const char *tinyvmi_version(void) NOEXCEPT;

/* ---- opening
 * ---------------------------------------------------------------------------------------------------
 */

#define VMI_OPEN_MEMORY_ONLY 1u /* physical memory and vCPUs; no operating system */
#define VMI_OPEN_NO_VMCOREINFO                                                                     \
    2u                             /* pretend that there is no vmcoreinfo: tests of the fallbacks  \
                                    */
#define VMI_OPEN_NO_BTF        4u  /* pretend that there is no BTF */
#define VMI_OPEN_NO_KALLSYMS   8u  /* pretend that there is no kallsyms */
#define VMI_OPEN_NO_QMP        16u /* QEMU: do not use the QMP socket, infer the layout of memory */
#define VMI_OPEN_COPY_ON_WRITE 32u /* files: writes change a private copy, never the file */
#define VMI_OPEN_NO_REGISTERS  64u /* pretend that no vCPU registers are known */

struct vmi_open_options {
    uint64_t flags;      /* VMI_OPEN_* */
    const char *profile; /* path of a profile of any form (below), or NULL */
    const char *format;  /* force a file format: "raw", "elf", "lime", "avml", "kdump"; NULL: by its
                            first bytes */
    const char *config;  /* a libvmi.conf's path, or an entry's text "{ ... }" with LibVMI's keys;
                            `profile` beats the one that it names. NULL: none */
};

/*
 * Opens a target and finds its kernel: a path of a memory file ("file:PATH" where the name is
 * ambiguous), "qemu:NAME", "qemu:PID", "qemu:/path/to/qmp.sock", "xen:NAME", "xen:ID". `options`
 * may be NULL. On success *vmi is to be closed by vmi_destroy; on failure *vmi is NULL and
 * vmi_last_error(NULL) tells why. When memory could be opened but no kernel was found, the call
 * fails, unless VMI_OPEN_MEMORY_ONLY.
 */
VMI_API status_t vmi_open(vmi_instance_t *vmi, const char *target,
                          const struct vmi_open_options *options) NOEXCEPT;

/* The virtual machines on this machine that can be opened. */
VMI_API status_t vmi_list_targets(vmi_target_cb cb, void *data, struct vmi_outcome *ret) NOEXCEPT;

struct vmi_grant {
    uint32_t introspector, target; /* domain ids */
    int memory;                    /* it may map the target's memory now */
    char why_not[200];             /* or why not */
};

/*
 * In Xen's dom0, for an introspector that is a domain of its own (the unikernel): the target's name
 * becomes readable for it, and where no XSM policy decides it becomes the target's device model,
 * which may map its memory: no events, no registers. Both are named by name, id or UUID.
 */
VMI_API status_t vmi_xen_grant(const char *introspector, const char *target,
                               struct vmi_grant *ret) NOEXCEPT;

/* ---- the guest
 * -------------------------------------------------------------------------------------------------
 */

/* What is known about the kernel. Borrowed, valid until vmi_destroy; NULL when no kernel was found.
 */
VMI_API const struct vmi_kernel *vmi_kernel_info(vmi_instance_t vmi) NOEXCEPT;

/* How each fact was found, in the order in which it was: borrowed array of *n facts. */
VMI_API const struct vmi_fact *vmi_kernel_facts(vmi_instance_t vmi, size_t *n) NOEXCEPT;

/* Kind of source ("raw", "elf", "qemu", ...), and whether the guest runs while it is read. */
VMI_API const char *vmi_source_kind(vmi_instance_t vmi, bool *live) NOEXCEPT;

/* What runs the guest, and which events it can raise; nothing is switched on for it. VMI_FAILURE
 * for files, and for sources that do not tell. */
VMI_API status_t vmi_hypervisor_info(vmi_instance_t vmi, struct vmi_hypervisor *ret) NOEXCEPT;

/* Ranges of guest-physical memory: borrowed array, ascending. */
VMI_API const struct vmi_range *vmi_memory_ranges(vmi_instance_t vmi, size_t *n) NOEXCEPT;

/* ---- listings
 * --------------------------------------------------------------------------------------------------
 */

#define VMI_LIST_THREADS 1u /* processes: one record a thread */

VMI_API status_t vmi_each_process(vmi_instance_t vmi, uint32_t flags, vmi_process_cb cb, void *data,
                                  struct vmi_outcome *ret) NOEXCEPT;

/* The process with this pid (a thread's id is found, too). ABSENT when there is none. */
VMI_API status_t vmi_get_process(vmi_instance_t vmi, vmi_pid_t pid,
                                 struct vmi_process *ret) NOEXCEPT;

/*
 * The command line, arguments separated by single spaces, at most size-1 bytes, terminated. An
 * empty text for kernel threads and zombies. Bytes are the guest's: they may be control characters.
 * VMI_FAILURE (with what could be read in buf) when its page is not in memory.
 */
VMI_API status_t vmi_process_cmdline(vmi_instance_t vmi, const struct vmi_process *process,
                                     char *buf, size_t size) NOEXCEPT;

VMI_API status_t vmi_each_vma(vmi_instance_t vmi, vmi_pid_t pid, vmi_vma_cb cb, void *data,
                              struct vmi_outcome *ret) NOEXCEPT;
VMI_API status_t vmi_each_file(vmi_instance_t vmi, vmi_pid_t pid, vmi_file_cb cb, void *data,
                               struct vmi_outcome *ret) NOEXCEPT;
/* The threads of a process, or of all (pid -1), process by process. */
VMI_API status_t vmi_each_thread(vmi_instance_t vmi, vmi_pid_t pid, vmi_thread_cb cb, void *data,
                                 struct vmi_outcome *ret) NOEXCEPT;
/* Windows: what the loader of a process has loaded, the program first; of a 32-bit process of a
 * 64-bit system the 64-bit loader's, then (VMI_MODULE_WOW64) the 32-bit one's. */
VMI_API status_t vmi_each_dll(vmi_instance_t vmi, vmi_pid_t pid, vmi_module_cb cb, void *data,
                              struct vmi_outcome *ret) NOEXCEPT;
/* Windows: the open handles of a process, ascending. */
VMI_API status_t vmi_each_handle(vmi_instance_t vmi, vmi_pid_t pid, vmi_handle_cb cb, void *data,
                                 struct vmi_outcome *ret) NOEXCEPT;
/* Windows: drivers, then (VMI_MODULE_UNLOADED) those that were unloaded, newest first. */
VMI_API status_t vmi_each_module(vmi_instance_t vmi, vmi_module_cb cb, void *data,
                                 struct vmi_outcome *ret) NOEXCEPT;
VMI_API status_t vmi_each_log_line(vmi_instance_t vmi, vmi_log_cb cb, void *data,
                                   struct vmi_outcome *ret) NOEXCEPT;
/* Mounts as process `pid` sees them; pid 1 is what /proc/mounts shows to most. */
VMI_API status_t vmi_each_mount(vmi_instance_t vmi, vmi_pid_t pid, vmi_mount_cb cb, void *data,
                                struct vmi_outcome *ret) NOEXCEPT;
VMI_API status_t vmi_each_socket(vmi_instance_t vmi, vmi_socket_cb cb, void *data,
                                 struct vmi_outcome *ret) NOEXCEPT;

/*
 * Compares what the kernel tells in several places. One record with VMI_SEVERITY_OK for each check
 * that agreed, one for each finding otherwise, a NOTE for a check that could not be made.
 */
VMI_API status_t vmi_check(vmi_instance_t vmi, vmi_finding_cb cb, void *data,
                           struct vmi_outcome *ret) NOEXCEPT;

/* ---- stacks, system calls
 * ------------------------------------------------------------------------------------- */

/*
 * The kernel stack of a thread that does not run, newest frame first, unwound by the kernel's own
 * ORC tables (x86-64) or frame records (arm64). BUSY when it runs on a CPU now: then only its
 * registers know. A stack that could not be followed to its end is partial.
 */
VMI_API status_t vmi_each_frame(vmi_instance_t vmi, const struct vmi_process *thread,
                                vmi_frame_cb cb, void *data, struct vmi_outcome *ret) NOEXCEPT;

/* The same from a CPU's registers: ip, sp, bp of `from`; ip in the kernel. `from` is given first.
 */
VMI_API status_t vmi_each_frame_from(vmi_instance_t vmi, const struct vmi_frame *from,
                                     vmi_frame_cb cb, void *data, struct vmi_outcome *ret) NOEXCEPT;

/* The thread that runs on the CPU whose per-CPU area begins at `percpu`: its GS base while it is
 * in the kernel, the shadow GS base (MSR 0xc0000102) while it is in user mode. x86-64. */
VMI_API status_t vmi_process_on_cpu(vmi_instance_t vmi, addr_t percpu,
                                    struct vmi_process *ret) NOEXCEPT;

/* The process with this page table (a CR3 value, as it is). `hint`: the record that was right the
 * last time, or NULL; believed only when the guest's memory still says so. ABSENT: none has it. */
VMI_API status_t vmi_process_by_dtb(vmi_instance_t vmi, addr_t dtb, const struct vmi_process *hint,
                                    struct vmi_process *ret) NOEXCEPT;

/* Name and parameters of a system call, as this kernel describes them. */
VMI_API status_t vmi_syscall_by_number(vmi_instance_t vmi, uint32_t nr,
                                       struct vmi_syscall *ret) NOEXCEPT;

/* For a breakpoint on the first instruction of do_syscall_64 (x86-64): which call it is and its six
 * arguments, from the values of RDI and RSI there. */
VMI_API status_t vmi_syscall_entry(vmi_instance_t vmi, uint64_t first, uint64_t second,
                                   uint32_t *nr, uint64_t args[6]) NOEXCEPT;

/* ---- breakpoints
 * ----------------------------------------------------------------------------------------------
 */

/*
 * Software breakpoints in a running guest: any number, safe with several vCPUs. They need a source
 * with events (Xen, HVM and PVH guests), which the first one switches on; vmi_events_listen calls
 * the callbacks. The instruction is executed by the hypervisor or stepped over, and is never put
 * back, so no vCPU runs past it.
 *
 * The callback may set and clear breakpoints, this one, too; a non-zero return clears this one.
 */
typedef struct vmi_breakpoint *vmi_breakpoint_t;
typedef int (*vmi_hit_cb)(vmi_instance_t vmi, const struct vmi_hit *hit, void *data);

/*
 * At a virtual address of process `pid` (0: the kernel). The byte is set where the address is
 * mapped now, so code that several processes share hits for all of them; with a pid only hits in
 * its address space are reported. ABSENT when the page is not in memory.
 */
VMI_API status_t vmi_breakpoint_set(vmi_instance_t vmi, vmi_pid_t pid, addr_t va, vmi_hit_cb cb,
                                    void *data, vmi_breakpoint_t *ret) NOEXCEPT;
/* Frees it. NULL is allowed. What is left at vmi_destroy goes with it. */
VMI_API status_t vmi_breakpoint_clear(vmi_instance_t vmi, vmi_breakpoint_t b) NOEXCEPT;

/*
 * How much the guest can see of breakpoints: "hidden (second view)", "hidden from reads", "visible
 * to the guest", or "" before the first is set. Static.
 */
VMI_API const char *vmi_breakpoint_method(vmi_instance_t vmi) NOEXCEPT;

VMI_API status_t vmi_get_breakpoint_counts(vmi_instance_t vmi,
                                           struct vmi_breakpoint_counts *ret) NOEXCEPT;

/* ---- symbols and types
 * ----------------------------------------------------------------------------------------- */

/* Name to address, kernel first, then modules; `module` may restrict it ("" the kernel, NULL any).
 */
VMI_API status_t vmi_symbol_by_name(vmi_instance_t vmi, const char *module, const char *name,
                                    struct vmi_symbol *ret) NOEXCEPT;

/* The nearest symbol at or below an address: *offset is the distance. The strings in ret are valid
 * until the next call. */
VMI_API status_t vmi_symbol_by_address(vmi_instance_t vmi, addr_t address, struct vmi_symbol *ret,
                                       uint64_t *offset) NOEXCEPT;

/* All symbols of the kernel, then those of the modules. */
VMI_API status_t vmi_each_symbol(vmi_instance_t vmi, vmi_symbol_cb cb, void *data,
                                 struct vmi_outcome *ret) NOEXCEPT;

/*
 * A member by name, searched also inside anonymous structs and unions; `path` may be dotted
 * ("mm.pgd" descends into an embedded struct). ret->bit_offset counts from the start of the
 * outermost type. `type`: "task_struct", a union, or a typedef; "module:type" asks for a type that
 * a loaded module has beyond the kernel's (here and in the next four).
 */
VMI_API status_t vmi_type_member(vmi_instance_t vmi, const char *type, const char *path,
                                 struct vmi_member *ret) NOEXCEPT;
VMI_API status_t vmi_type_size(vmi_instance_t vmi, const char *type, uint64_t *ret) NOEXCEPT;

/* All members, anonymous ones opened (an anonymous struct itself is given, too, with an empty
 * name). */
VMI_API status_t vmi_each_member(vmi_instance_t vmi, const char *type, vmi_member_cb cb, void *data,
                                 struct vmi_outcome *ret) NOEXCEPT;

/* The names of all types that have one. UNSUPPORTED where the types come from a profile that does
 * not list them. */
VMI_API status_t vmi_each_type(vmi_instance_t vmi, vmi_type_cb cb, void *data,
                               struct vmi_outcome *ret) NOEXCEPT;

/* Value of an enumerator ("PIDTYPE_TGID"). */
VMI_API status_t vmi_enumerator(vmi_instance_t vmi, const char *name, int64_t *ret) NOEXCEPT;

/* ---- profiles
 * --------------------------------------------------------------------------------------------------
 */

/*
 * A profile is what is known about a kernel without its memory: symbols at their link-time
 * addresses, types. Read: ISF (Volatility 3; also .xz and .gz), Rekall, a compact profile,
 * System.map (symbols alone), a BTF blob (types alone), vmlinux (ELF). They are told apart by
 * content.
 */
enum vmi_profile_form {
    VMI_PROFILE_COMPACT, /* ours: used in place, nothing is parsed (src/sym/compact.h) */
    VMI_PROFILE_ISF,     /* JSON, schema 6.2.0: what Volatility 3 and LibVMI read; needs types */
};

struct vmi_profile_info {
    enum vmi_os_kind os;
    char dialect[16];  /* what it was read from: "ISF", "System.map", "guest", ... */
    char banner[256];  /* of a Linux kernel; "" when it is not told */
    char build_id[64]; /* hex digits, or "" */
    uint64_t symbols, types;
    uint64_t bytes; /* written */
};

/* Takes a part of what is written, in order; non-zero ends it, and the call fails. */
typedef int (*vmi_write_cb)(const void *bytes, size_t n, void *data);

/*
 * Writes a profile of the kernel that is looked at: its own symbols (those of modules are not in
 * it) and types. `info` may be NULL.
 */
VMI_API status_t vmi_profile_write(vmi_instance_t vmi, enum vmi_profile_form form, vmi_write_cb cb,
                                   void *data, struct vmi_profile_info *info) NOEXCEPT;

/*
 * The same out of a file. `types`: another file (BTF, vmlinux, a profile) whose types are taken,
 * for a System.map; or NULL. Failures: vmi_last_error(NULL).
 */
VMI_API status_t vmi_profile_convert(const char *file, const char *types,
                                     enum vmi_profile_form form, vmi_write_cb cb, void *data,
                                     struct vmi_profile_info *info) NOEXCEPT;

/*
 * Puts the compact form of a file into the cache: from then on opening with this file parses
 * nothing, until its contents change. (A JSON profile of a MiB or more is put there when it is
 * opened first.) The cache's file is written to `path` when that is not NULL.
 */
VMI_API status_t vmi_profile_cache(const char *file, const char *types, char *path, size_t size,
                                   struct vmi_profile_info *info) NOEXCEPT;

/* ---- memory
 * ----------------------------------------------------------------------------------------------------
 */

/* One part of a scatter read. done and status are filled. */
struct vmi_part {
    addr_t addr;  /* virtual in the context's address space, or physical */
    void *buf;    /* caller's, `count` bytes */
    size_t count; /* bytes wanted */
    size_t done;  /* bytes read */
    status_t status;
};

/*
 * Reads many pieces through one context (ctx->addr is ignored): its page table is looked up once.
 * VMI_SUCCESS when all parts were read whole; else VMI_FAILURE, each part says for itself.
 */
VMI_API status_t vmi_read_many(vmi_instance_t vmi, const access_context_t *ctx,
                               struct vmi_part *parts, size_t n) NOEXCEPT;

/* The entries of every level for a virtual address of pid (0: the kernel). VMI_SUCCESS also when it
 * is not mapped (ret->fault). */
VMI_API status_t vmi_walk(vmi_instance_t vmi, vmi_pid_t pid, addr_t va,
                          struct vmi_walk *ret) NOEXCEPT;

/*
 * The next run of guest-physical memory at or after `pa` that the guest has touched, as far as the
 * source knows (else the next range): [*start, *end). VMI_FAILURE when nothing follows. What was
 * not touched reads as zeros; reading it in a live guest makes the host allocate it, so scans
 * should go by this.
 */
VMI_API status_t vmi_next_data(vmi_instance_t vmi, addr_t pa, addr_t *start, addr_t *end) NOEXCEPT;

/*
 * A pointer to guest-physical memory, *avail bytes of which are contiguous; valid until
 * vmi_destroy. Zero copy: a live guest changes under it. NULL when it is a hole, or when the source
 * can only be read.
 */
VMI_API const void *vmi_map_pa(vmi_instance_t vmi, addr_t pa, size_t *avail) NOEXCEPT;

/* Bytes of private memory that the instance holds now, and counters since it was opened. */
struct vmi_statistics {
    uint64_t symbol_lookups, process_walks, bytes_read;
};
VMI_API status_t vmi_get_statistics(vmi_instance_t vmi, struct vmi_statistics *ret) NOEXCEPT;

/* ---- events
 * ----------------------------------------------------------------------------------------------------
 */

/*
 * Switches events on for an instance that was opened without VMI_INIT_EVENTS (vmi_open): from then
 * on the calls of <libvmi/events.h> work on it. Again: VMI_SUCCESS. VMI_FAILURE where the guest has
 * none, or another monitor has them (VMI_ERROR_BUSY; the text names it).
 */
VMI_API status_t vmi_enable_events(vmi_instance_t vmi) NOEXCEPT;

/* Since events were switched on. No event is ever lost: a guest waits when the ring is full. */
struct vmi_event_statistics {
    uint64_t taken, answered; /* differ in a callback only */
    uint64_t batches;         /* of events that were answered with one notification */
    uint32_t largest_batch;
    uint64_t spurious;  /* raised before their trap was lifted, taken after: the guest went on */
    uint64_t unhandled; /* nobody had registered for them: answered so that the guest went on */
    uint64_t malformed; /* the hypervisor's slot made no sense: answered all the same */
    uint64_t failed;    /* answers that could not be carried out as the program asked */
};
VMI_API status_t vmi_get_event_statistics(vmi_instance_t vmi,
                                          struct vmi_event_statistics *ret) NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif

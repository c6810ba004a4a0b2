/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xen's interface in numbers: what is asked, and what the structures look like. Read in the public
 * headers of Xen (xen/include/public/); where nothing else is said they have been as here from 4.10
 * to 4.22. What changed between releases is a row of struct xen_abi.
 */
#ifndef TINYVMI_XEN_ABI_H
#define TINYVMI_XEN_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- hypercalls: xen.h ----------------------------------------------------------------------- */

enum {
    HYPERCALL_MEMORY_OP = 12,
    HYPERCALL_XEN_VERSION = 17,
    HYPERCALL_EVENT_CHANNEL_OP = 32,
    HYPERCALL_HVM_OP = 34,
    HYPERCALL_SYSCTL = 35,
    HYPERCALL_DOMCTL = 36,
    HYPERCALL_DM_OP = 41,
};

enum {
    DOMID_FIRST_RESERVED = 0x7ff0,
    DOMID_NOBODY = 0x7fef, /* the last that could be; never seen in use */
    DOMID_SELF = 0x7ff0,
    DOMID_XEN = 0x7ff2, /* owner of the machine-to-physical table */
};

/* version.h */
enum { XENVER_VERSION = 0, XENVER_EXTRAVERSION = 1, XENVER_CAPABILITIES = 3 };
enum { XEN_EXTRAVERSION_BYTES = 16, XEN_CAPABILITIES_BYTES = 1024 };

/* ---- what changed between releases ----------------------------------------------------------- */

struct xen_abi {
    uint8_t minor; /* of Xen 4.minor */
    uint32_t domctl, sysctl;
    uint8_t vm_event; /* VM_EVENT_INTERFACE_VERSION */
    /*
     * Where getdomaininfo has arch_config.emulation_flags, 0: not at all. 4.11 appended it, 4.16
     * put gpaddr_bits and padding before it.
     */
    uint8_t emulation_flags;
    uint8_t access_default; /* XENMEM_access_default: 4.20 inserted XENMEM_access_r_pw before it */
};

/* The row of this release; of the nearest older one with *exact false when it is not known. Never
 * NULL. */
const struct xen_abi *xen_abi_of(unsigned major, unsigned minor, bool *exact);
/* All rows, oldest first. */
const struct xen_abi *xen_abi_rows(size_t *n);

/* ---- domctl.h -------------------------------------------------------------------------------- */

enum {
    DOMCTL_PAUSE = 3,
    DOMCTL_UNPAUSE = 4,
    DOMCTL_GETDOMAININFO = 5,
    DOMCTL_MAX_MEM = 11,
    DOMCTL_SETVCPUCONTEXT = 12,
    DOMCTL_GETVCPUCONTEXT = 13,
    DOMCTL_GETVCPUINFO = 14,
    DOMCTL_GETHVMCONTEXT = 33,
    DOMCTL_SETHVMCONTEXT = 34,
    DOMCTL_GET_ADDRESS_SIZE = 36,
    DOMCTL_GETHVMCONTEXT_PARTIAL = 55,
    DOMCTL_VM_EVENT_OP = 56,
    DOMCTL_GETTSCINFO = 59,
    DOMCTL_GETPAGEFRAMEINFO3 = 61,
    DOMCTL_GETVCPUEXTSTATE = 63,
    DOMCTL_GET_VCPU_MSRS = 72,
    DOMCTL_MONITOR_OP = 77,
};

enum { DOMCTL_PAYLOAD = 128, SYSCTL_PAYLOAD = 128 };

struct xen_domctl_call {
    uint32_t command, version;
    uint16_t domain, pad[3];
    uint8_t payload[DOMCTL_PAYLOAD];
};
_Static_assert(sizeof(struct xen_domctl_call) == 144, "struct xen_domctl");

/*
 * XEN_DOMCTL_getdomaininfo: 96 bytes in 4.10, 112 in 4.22; up to `handle` as here in all of them.
 * The list of sysctl has one after another, so the size matters there.
 */
struct xen_getdomaininfo {
    uint16_t domain, pad1;
    uint32_t flags;
    uint64_t tot_pages, max_pages, outstanding_pages, shr_pages, paged_pages;
    uint64_t shared_info_frame, cpu_time;
    uint32_t nr_online_vcpus, max_vcpu_id, ssidref;
    uint8_t handle[16];
    uint32_t cpupool;
    uint8_t rest[DOMCTL_PAYLOAD - 96];
};
_Static_assert(sizeof(struct xen_getdomaininfo) == DOMCTL_PAYLOAD &&
                   offsetof(struct xen_getdomaininfo, shared_info_frame) == 48 &&
                   offsetof(struct xen_getdomaininfo, max_vcpu_id) == 68 &&
                   offsetof(struct xen_getdomaininfo, handle) == 76 &&
                   offsetof(struct xen_getdomaininfo, cpupool) == 92,
               "struct xen_domctl_getdomaininfo");

enum {
    DOMINF_DYING = 1 << 0,
    DOMINF_HVM = 1 << 1,
    DOMINF_SHUTDOWN = 1 << 2,
    DOMINF_PAUSED = 1 << 3,
    DOMINF_BLOCKED = 1 << 4,
    DOMINF_RUNNING = 1 << 5,
    DOMINF_DEBUGGED = 1 << 6,
    DOMINF_HAP = 1 << 8,
    DOMINF_REASON_SHIFT = 16, /* 8 bits */
};
/* arch-x86/xen.h, XEN_X86_EMU_*: PVH domains have at most a local APIC. */
enum { EMULATED_RTC = 1 << 3, EMULATED_PIC = 1 << 5, EMULATED_PIT = 1 << 8 };

struct xen_vcpucontext_call { /* XEN_DOMCTL_getvcpucontext, setvcpucontext */
    uint32_t vcpu, pad;
    uint64_t context; /* address of a struct xen_pv_context */
};

struct xen_hvmcontext_call { /* XEN_DOMCTL_gethvmcontext, sethvmcontext */
    uint32_t size, pad;
    uint64_t buffer; /* 0: ask for the size */
};

struct xen_hvmcontext_partial_call {
    uint32_t type, instance;
    uint64_t size, buffer;
};

struct xen_vcpuinfo_call { /* XEN_DOMCTL_getvcpuinfo */
    uint32_t vcpu;
    uint8_t online, blocked, running, pad;
    uint64_t cpu_time;
    uint32_t cpu, pad2;
};

struct xen_tscinfo_call {
    uint32_t mode, khz, incarnation, pad;
    uint64_t elapsed_ns;
};

/*
 * XEN_DOMCTL_getpageframeinfo3: `frames` holds up to 1024 frame numbers, and then their types in
 * bits 28 to 31: 15 is no frame, 13 a broken one.
 */
struct xen_pageinfo_call {
    uint64_t n, frames;
};
enum { PAGEINFO_MAX = 1024, PAGEINFO_ABSENT = 15, PAGEINFO_BROKEN = 13 };

struct xen_extstate_call { /* XEN_DOMCTL_getvcpuextstate */
    uint32_t vcpu, pad;
    uint64_t features, size, buffer;
};

struct xen_addresssize_call {
    uint32_t bits;
};

struct xen_maxmem_call {
    uint64_t kib;
};

/* ---- sysctl.h -------------------------------------------------------------------------------- */

enum { SYSCTL_GETDOMAININFOLIST = 6 };

struct xen_sysctl_call {
    uint32_t command, version;
    uint8_t payload[SYSCTL_PAYLOAD];
};
_Static_assert(sizeof(struct xen_sysctl_call) == 136, "struct xen_sysctl");

struct xen_domaininfolist_call {
    uint16_t first, pad;
    uint32_t max;
    uint64_t buffer;
    uint32_t n, pad2;
};

/* ---- memory.h -------------------------------------------------------------------------------- */

enum {
    XENMEM_DECREASE_RESERVATION = 1,
    XENMEM_MAXIMUM_RAM_PAGE = 2,
    XENMEM_MACHPHYS_MFN_LIST = 5,
    XENMEM_POPULATE_PHYSMAP = 6,
    XENMEM_MAXIMUM_GPFN = 14,
};

struct xen_reservation {
    uint64_t frames, n; /* address of the frame numbers */
    uint32_t order, flags;
    uint16_t domain, pad[3];
};
_Static_assert(sizeof(struct xen_reservation) == 32, "struct xen_memory_reservation");

struct xen_machphys_list { /* 2 MiB of the table an extent */
    uint32_t max, pad;
    uint64_t frames;
    uint32_t n, pad2;
};
_Static_assert(sizeof(struct xen_machphys_list) == 24, "struct xen_machphys_mfn_list");

/* ---- hvm/hvm_op.h, hvm/params.h, hvm/dm_op.h ------------------------------------------------- */

enum { HVMOP_SET_PARAM = 0, HVMOP_GET_PARAM = 1 };

struct xen_hvm_param_call {
    uint16_t domain, pad;
    uint32_t index;
    uint64_t value;
};

enum { DMOP_INJECT_EVENT = 13, DMOP_HARDWARE_EXCEPTION = 3 };

struct xen_inject_event { /* struct xen_dm_op with xen_dm_op_inject_event in it: 4.9 and later */
    uint32_t op, pad;
    uint32_t vcpu;
    uint8_t vector, type, length, pad0;
    uint32_t error_code, pad1;
    uint64_t cr2;
};
_Static_assert(offsetof(struct xen_inject_event, cr2) == 24, "struct xen_dm_op");

struct xen_dm_buffer { /* struct xen_dm_op_buf */
    uint64_t address, size;
};

/* ---- hvm/save.h, arch-x86/hvm/save.h --------------------------------------------------------- */

enum {
    SAVE_END = 0,
    SAVE_HEADER = 1,
    SAVE_CPU = 2,
    SAVE_MTRR = 14,
    SAVE_XSAVE = 16,
    SAVE_MSR = 20
};

struct xen_save_descriptor {
    uint16_t type, instance;
    uint32_t length; /* without this */
};

/* HVM_SAVE_TYPE(CPU), 4.7 and later. Segments in the order cs ds es fs gs ss tr ldtr. */
struct xen_save_cpu {
    uint8_t fpu[512];
    uint64_t rax, rbx, rcx, rdx, rbp, rsi, rdi, rsp, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    uint64_t cr0, cr2, cr3, cr4;
    uint64_t dr0, dr1, dr2, dr3, dr6, dr7;
    uint32_t selector[8];
    uint32_t limit[8], idtr_limit, gdtr_limit;
    uint64_t base[8], idtr_base, gdtr_base;
    uint32_t rights[8];
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t shadow_gs;
    uint64_t msr_flags, lstar, star, cstar, syscall_mask, efer, tsc_aux;
    uint64_t tsc;
    uint32_t pending_event, error_code;
    uint32_t flags, pad;
};
_Static_assert(sizeof(struct xen_save_cpu) == 1032, "struct hvm_hw_cpu");

struct xen_save_mtrr {
    uint64_t pat, variable[16], fixed[11], cap, def_type;
};
_Static_assert(sizeof(struct xen_save_mtrr) == 240, "struct hvm_hw_mtrr");

struct xen_save_xsave { /* what follows depends on the CPU */
    uint64_t feature_mask, xcr0, xcr0_accum;
    uint8_t fpu_sse[512];
    uint64_t xstate_bv, xcomp_bv, reserved[6];
};
_Static_assert(sizeof(struct xen_save_xsave) == 600, "struct hvm_hw_cpu_xsave");

/* ---- PV guests: xen.h, arch-x86/xen.h, arch-x86/xen-x86_64.h --------------------------------- */

struct xen_pv_registers { /* struct cpu_user_regs */
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint32_t error_code, entry_vector;
    uint64_t rip;
    uint16_t cs, pad0;
    uint8_t upcall_mask, pad1[3];
    uint64_t rflags, rsp;
    uint16_t ss, pad2[3], es, pad3[3], ds, pad4[3], fs, pad5[3], gs, pad6[3];
};
_Static_assert(sizeof(struct xen_pv_registers) == 200, "struct cpu_user_regs");

struct xen_pv_context { /* struct vcpu_guest_context of a 64-bit guest */
    uint8_t fpu[512];
    uint64_t flags;
    struct xen_pv_registers regs;
    struct {
        uint8_t vector, flags;
        uint16_t cs;
        uint32_t pad;
        uint64_t address;
    } trap[256];
    uint64_t ldt_base, ldt_entries, gdt_frames[16], gdt_entries;
    uint64_t kernel_ss, kernel_sp;
    uint64_t cr[8]; /* [1]: the page table of user mode */
    uint64_t dr[8];
    uint64_t event_callback, failsafe_callback, syscall_callback, vm_assist;
    uint64_t fs_base, gs_base_kernel, gs_base_user;
};
_Static_assert(sizeof(struct xen_pv_context) == 5168 &&
                   offsetof(struct xen_pv_context, ldt_base) == 4816 &&
                   offsetof(struct xen_pv_context, cr) == 4984 &&
                   offsetof(struct xen_pv_context, fs_base) == 5144,
               "struct vcpu_guest_context");
enum { PV_IN_KERNEL = 1 << 2 };

/*
 * arch_shared_info of a 64-bit guest's shared info page. p2m_cr3, p2m_vaddr and p2m_generation are
 * new in 4.6's header; a guest that does not know them leaves zeros.
 */
enum {
    SHARED_INFO_MAX_PFN = 3088,
    SHARED_INFO_FRAME_LISTS = 3096,
    SHARED_INFO_P2M_CR3 = 3112,
    SHARED_INFO_P2M_VADDR = 3120,
    SHARED_INFO_P2M_GENERATION = 3128,
};

#endif

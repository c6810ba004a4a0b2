/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The LibVMI interface as TinyVMI answers it: looking at a running guest, or at a dump of one, from
 * outside. Programs written for LibVMI compile against this header unchanged. What goes beyond it
 * (error texts, typed lists of processes, kernels without configuration) is in tinyvmi/tinyvmi.h.
 *
 * Rules that hold for every call
 *
 * Instance    A NULL instance fails: VMI_FAILURE, NULL, 0 or false; no call crashes on it, so
 *             clean-up code may run whatever happened before. The same holds for a NULL pointer
 *             where a result or an input is required; an argument that may be NULL is marked
 *             "optional".
 * Failure     VMI_FAILURE also when a source cannot do what is asked (a dump has no events): never
 *             success with nothing done. vmi_last_error() in tinyvmi.h tells what went wrong.
 * Results     Where a call fails and its comment does not say what the out parameter then holds,
 *             the value is unspecified. "Untouched" means that the caller's value is still there.
 * Addresses   In bytes. A gfn or pfn is a guest-physical address divided by 4096. "Physical"
 *             without more is the guest's physical.
 * Ownership   `char *`, `uint16_t *` results belong to the caller: free(). `const` results belong
 *             to the instance, for as long as the comment says.
 * Byte order  Values are taken as they lie in the guest: little-endian guests on little-endian
 *             hosts.
 * Coherence   Guest memory and guest page tables are looked at anew by every call. Only what a
 *             program itself adds to a cache (vmi_v2pcache_add and the like) is ever answered from
 *             one. A guest that runs changes in between: vmi_pause_vm is the caller's choice.
 * Threads     Instances are independent of each other and may be used by different threads. One
 *             instance: one thread at a time.
 * stdout      Belongs to the program; only the vmi_print_hex family writes there. Messages go to
 *             stderr.
 */
#ifndef LIBVMI_H
#define LIBVMI_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <stdio.h>
#include <sys/mman.h>
#include <errno.h>
#include <string.h>
#include <stdbool.h>

#ifdef __cplusplus
#define NOEXCEPT noexcept
extern "C" {
#else
#define NOEXCEPT
#endif

/* The library is built with hidden visibility: what carries this is exported. */
#define VMI_API __attribute__((visibility("default")))

/* ---- Opening: flags, modes, errors --------------------------------------------------------- */

/* init_flags: how `domain` names the guest, and what else is wanted. */
#define VMI_INIT_DOMAINNAME  (1u << 0) /* domain is `const char *`: a name, or a file's path */
#define VMI_INIT_DOMAINID    (1u << 1) /* domain is `const uint64_t *` */
#define VMI_INIT_EVENTS      (1u << 2) /* events.h will be used */
#define VMI_INIT_DOMAINUUID  (1u << 3) /* domain is `const char *`: a UUID (Xen only) */
#define VMI_INIT_DOMAINWATCH (1u << 4) /* guests that come and go; needs no guest itself */
#define VMI_INIT_V2SYM       (1u << 5) /* what vmi_translate_v2ksym needs for Windows */

/* A domain id that no guest has. */
#define VMI_INVALID_DOMID (~0ULL)

/* The kind of source. */
typedef enum vmi_mode {
    VMI_XEN = 0,
    VMI_KVM = 1,       /* a QEMU guest, with KVM or without, unpatched */
    VMI_FILE = 2,      /* a memory dump, in any format that TinyVMI knows */
    VMI_BAREFLANK = 3, /* for the number only: never built in */
} vmi_mode_t;

/* Where the settings of a guest come from, and what `config` points to. A configuration is parsed
 * for the instance alone, and a failed one leaves nothing behind. */
typedef enum vmi_config {
    /* config is ignored. The first that can be opened of ./libvmi.conf, etc/libvmi.conf in the home
     * of the user named by SUDO_USER, $HOME/etc/libvmi.conf, /etc/libvmi.conf; the entry of this
     * guest. */
    VMI_CONFIG_GLOBAL_FILE_ENTRY = 0,
    /* `const char *`: the body of one entry with its braces, "{ ostype = \"Linux\"; }" */
    VMI_CONFIG_STRING = 1,
    /* `GHashTable *`, borrowed for the call: keys are strings; values are strings for keys that
     * take text, and `uint64_t *` for those that take numbers */
    VMI_CONFIG_GHASHTABLE = 2,
    /* `const char *`: the path of a JSON profile (Volatility 3 ISF or Rekall), and nothing else */
    VMI_CONFIG_JSON_PATH = 3,
    /* `const char *`: the path of a file as in GLOBAL_FILE_ENTRY; a file that cannot be opened is
     * VMI_INIT_ERROR_NO_CONFIG */
    VMI_CONFIG_FILE_PATH = 4,
} vmi_config_t;

typedef enum status {
    VMI_SUCCESS = 0,
    VMI_FAILURE = 1,
} status_t;

/* How far opening came. */
typedef enum vmi_init_error {
    VMI_INIT_ERROR_NONE = 0,
    VMI_INIT_ERROR_DRIVER_NOT_DETECTED = 1, /* no source has it, or mode not built in */
    VMI_INIT_ERROR_DRIVER = 2,              /* the source refused: rights, format, memory size */
    VMI_INIT_ERROR_VM_NOT_FOUND = 3,        /* no such guest, or not exactly one naming flag */
    VMI_INIT_ERROR_PAGING = 4,
    VMI_INIT_ERROR_OS = 5,
    VMI_INIT_ERROR_EVENTS = 6,
    VMI_INIT_ERROR_NO_CONFIG = 7,       /* nothing to read, unreadable, or a syntax error in it */
    VMI_INIT_ERROR_NO_CONFIG_ENTRY = 8, /* no entry for this guest, or no usable ostype */
} vmi_init_error_t;

/* What an entry of vmi_init_data_t carries. */
typedef enum {
    VMI_INIT_DATA_XEN_EVTCHN = 0,  /* an open Xen event-channel handle; the caller polls it */
    VMI_INIT_DATA_MEMMAP = 1,      /* `memory_map_t *` */
    VMI_INIT_DATA_KVMI_SOCKET = 2, /* `const char *`: path; here of the QMP socket */
} vmi_init_data_type_t;

typedef struct {
    uint64_t type; /* a vmi_init_data_type_t; entries of unknown type are ignored */
    void *data;
} vmi_init_data_entry_t;

/* Allocate sizeof(vmi_init_data_t) + count * sizeof(vmi_init_data_entry_t). Only read during the
 * call that it is given to; an event-channel handle must stay open until vmi_destroy. */
__extension__ typedef struct {
    uint64_t count;
    vmi_init_data_entry_t entry[];
} vmi_init_data_t;

/* The ranges of guest-physical memory that exist: start, and the address of the last byte's
 * successor. Reads outside of them fail. Copied, ranges included. */
__extension__ typedef struct {
    uint64_t count;
    uint64_t range[][2];
} memory_map_t;

/* No call uses it; programs for later LibVMI versions name it. */
typedef enum firmware {
    VMI_FIRMWARE_UNKNOWN = 0,
    VMI_FIRMWARE_LEGACY = 1,
    VMI_FIRMWARE_UEFI = 2,
} firmware_t;

/* ---- The guest's operating system and architecture ----------------------------------------- */

typedef enum os {
    VMI_OS_UNKNOWN = 0,
    VMI_OS_LINUX = 1,
    VMI_OS_WINDOWS = 2,
    VMI_OS_FREEBSD = 3,
    VMI_OS_OSX = 4,
} os_t;

/* There is no value of its own for Windows 11, which says 10. */
typedef enum win_ver {
    VMI_OS_WINDOWS_NONE = 0, /* not Windows */
    VMI_OS_WINDOWS_UNKNOWN = 1,
    VMI_OS_WINDOWS_2000 = 2,
    VMI_OS_WINDOWS_XP = 3,
    VMI_OS_WINDOWS_2003 = 4,
    VMI_OS_WINDOWS_VISTA = 5,
    VMI_OS_WINDOWS_2008 = 6,
    VMI_OS_WINDOWS_7 = 7,
    VMI_OS_WINDOWS_8 = 8,
    VMI_OS_WINDOWS_10 = 9,
} win_ver_t;

typedef struct {
    win_ver_t version;
    uint16_t buildnumber;
    uint16_t major; /* of the kernel image's PE header; 0 when the build number said enough */
    uint16_t minor;
} win_build_info_t;

typedef enum arch {
    VMI_ARCH_UNKNOWN = 0,
    VMI_ARCH_X86 = 1,
    VMI_ARCH_X86_64 = 2,
    VMI_ARCH_ARM32 = 3,
    VMI_ARCH_ARM64 = 4,
} vmi_arch_t;

/* ---- Addresses and paging ------------------------------------------------------------------ */

/* An address of whatever kind. On 64-bit Linux this is `unsigned long`, and programs rely on it. */
typedef uint64_t addr_t;
/* A register number (below), and the value of a register. */
typedef uint64_t reg_t;
typedef int32_t vmi_pid_t;

/* The paging form of an address space. 5-level x86 has no number here: such guests say IA32E and
 * are walked with five levels. */
typedef uint32_t page_mode_t;

#define VMI_PM_NONE    0 /* paging is off; in a context: the instance's mode */
#define VMI_PM_UNKNOWN 1
#define VMI_PM_LEGACY  2 /* x86, 32-bit entries */
#define VMI_PM_PAE     3
#define VMI_PM_IA32E   4
#define VMI_PM_AARCH32 5
#define VMI_PM_AARCH64 6
#define VMI_PM_EPT_4L  7
#define VMI_PM_EPT_5L  8

/* For vmi_init_paging: entries of Windows that are in transition count as present. */
#define VMI_PM_INITFLAG_TRANSITION_PAGES 1

/* Bytes that one entry maps. */
typedef enum page_size {
    VMI_PS_UNKNOWN = 0,
    VMI_PS_1KB = 0x400,
    VMI_PS_4KB = 0x1000,
    VMI_PS_16KB = 0x4000,
    VMI_PS_64KB = 0x10000,
    VMI_PS_1MB = 0x100000,
    VMI_PS_2MB = 0x200000,
    VMI_PS_4MB = 0x400000,
    VMI_PS_16MB = 0x1000000,
    VMI_PS_32MB = 0x2000000,
    VMI_PS_512MB = 0x20000000,
    VMI_PS_1GB = 0x40000000,
} page_size_t;

/* How the address in a context is meant. */
typedef uint32_t translation_mechanism_t;

#define VMI_TM_NONE          0 /* physical */
#define VMI_TM_PROCESS_DTB   1 /* virtual, through the page table in the context */
#define VMI_TM_PROCESS_PT    1 /* the same */
#define VMI_TM_PROCESS_PID   2 /* virtual, in the process with the pid in the context */
#define VMI_TM_KERNEL_SYMBOL 3 /* a kernel symbol's name, through the kernel's page table */

#define ACCESS_CONTEXT_VERSION 1u

/*
 * Says which bytes an access means. All zero but `version` is a physical access at 0.
 *
 * `addr` and `ksym` share their storage, and so do `pt`, `page_table`, `dtb` and `pid`: set the one
 * that `tm` asks for. `pm` 0 is the instance's mode, another value walks in that mode, for writes
 * too. With `npt` and `npm` (EPT) what would be physical is looked up in that nested table first.
 * An access fails when the mechanism is unknown, when a page table is given or 0 and no usable mode
 * is known, when the pid is negative or not found, and when the symbol is not found. A wrong
 * `version` is accepted, with one message per instance.
 */
typedef struct {
    uint32_t version; /* ACCESS_CONTEXT_VERSION */
    uint32_t _pad;
    __extension__ union {
        page_mode_t pm;
        page_mode_t page_mode;
    };
    __extension__ union {
        page_mode_t npm;
        page_mode_t nested_page_mode;
    };
    __extension__ union {
        addr_t npt;
        addr_t nested_page_table;
    };
    __extension__ union {
        translation_mechanism_t tm;
        translation_mechanism_t translate_mechanism;
    };
    uint32_t _pad2;
    __extension__ union {
        __extension__ struct {
            addr_t addr;
            __extension__ union {
                addr_t pt;
                addr_t page_table;
                addr_t dtb;
                vmi_pid_t pid;
            };
        };
        const char *ksym; /* borrowed for the call */
    };
} access_context_t;

/* Declares a local access_context_t with the designated initialisers that follow the name (or
 * none). In C++ they must come in the order of the members above. */
#ifdef __cplusplus
/* g++ -Wextra would ask for all members, and takes no pragma inside of the declaration. */
/* clang-format off */
#define ACCESS_CONTEXT(_context, ...)                                                              \
    _Pragma("GCC diagnostic push")                                                                 \
    _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")                             \
    access_context_t _context = {.version = ACCESS_CONTEXT_VERSION, __VA_ARGS__};                  \
    _Pragma("GCC diagnostic pop") static_assert(true, "")
/* clang-format on */
#else
#define ACCESS_CONTEXT(_context, ...)                                                              \
    access_context_t _context = {.version = ACCESS_CONTEXT_VERSION, __VA_ARGS__}
#endif

/* What a page table lookup saw. `*_location` is the physical address of an entry, `*_value` what it
 * held; levels that the walk did not reach are 0. */
typedef struct page_info {
    addr_t vaddr;
    addr_t paddr; /* 0: not translated */
    addr_t naddr; /* the outer physical address of a nested lookup */
    page_size_t size;
    page_size_t nsize; /* size of the page in the nested table */
    addr_t pt;
    page_mode_t pm; /* says which of the structures below is in use */
    addr_t npt;
    page_mode_t npm;
    __extension__ union {
        struct {
            addr_t pte_value_prev; /* a Windows prototype entry: what the table itself held */
            addr_t pte_location;
            addr_t pte_value;
            addr_t pgd_location;
            addr_t pgd_value;
        } x86_legacy;
        struct {
            addr_t pte_value_prev;
            addr_t pte_location;
            addr_t pte_value;
            addr_t pgd_location;
            addr_t pgd_value;
            addr_t pdpe_location;
            addr_t pdpe_value;
        } x86_pae;
        struct {
            addr_t pte_value_prev;
            addr_t pte_location;
            addr_t pte_value;
            addr_t pgd_location; /* the page directory: what maps 2 MB */
            addr_t pgd_value;
            addr_t pdpte_location;
            addr_t pdpte_value;
            addr_t pml4e_location;
            addr_t pml4e_value;
        } x86_ia32e;
        struct {
            uint32_t fld_location;
            uint32_t fld_value;
            uint32_t sld_location;
            uint32_t sld_value;
        } arm_aarch32;
        struct {
            uint64_t zld_location;
            uint64_t zld_value;
            uint64_t fld_location;
            uint64_t fld_value;
            uint64_t sld_location;
            uint64_t sld_value;
            uint64_t tld_location;
            uint64_t tld_value;
        } arm_aarch64;
    };
} page_info_t;

/* Bit number `_bit` (0 to 63) of a 64-bit value: 0 or 1. */
#define VMI_GET_BIT(_reg, _bit) ((int)(((uint64_t)(_reg) >> (_bit)) & 1u))

/* The bits from `_a` to `_b`, both included (0 to 63), as unsigned long long. */
#define VMI_BIT_MASK(_a, _b) ((~0ULL >> (63 - (_b))) & (~0ULL << (_a)))

/* ---- Registers ----------------------------------------------------------------------------- */

/* x86 general registers; the 64-bit names are the same numbers */
#define EAX    0
#define EBX    1
#define ECX    2
#define EDX    3
#define EBP    4
#define ESI    5
#define EDI    6
#define ESP    7
#define EIP    8
#define EFLAGS 9

#define RAX    EAX
#define RBX    EBX
#define RCX    ECX
#define RDX    EDX
#define RBP    EBP
#define RSI    ESI
#define RDI    EDI
#define RSP    ESP
#define RIP    EIP
#define RFLAGS EFLAGS

#define R8  10
#define R9  11
#define R10 12
#define R11 13
#define R12 14
#define R13 15
#define R14 16
#define R15 17

/* control and debug registers */
#define CR0  18
#define CR2  19
#define CR3  20
#define CR4  21
#define XCR0 22
#define DR0  23
#define DR1  24
#define DR2  25
#define DR3  26
#define DR6  27
#define DR7  28

/* segments: selectors, limits, bases, access rights */
#define CS_SEL   29
#define DS_SEL   30
#define ES_SEL   31
#define FS_SEL   32
#define GS_SEL   33
#define SS_SEL   34
#define TR_SEL   35
#define LDTR_SEL 36

#define CS_LIMIT   37
#define DS_LIMIT   38
#define ES_LIMIT   39
#define FS_LIMIT   40
#define GS_LIMIT   41
#define SS_LIMIT   42
#define TR_LIMIT   43
#define LDTR_LIMIT 44
#define IDTR_LIMIT 45
#define GDTR_LIMIT 46

#define CS_BASE   47
#define DS_BASE   48
#define ES_BASE   49
#define FS_BASE   50
#define GS_BASE   51
#define SS_BASE   52
#define TR_BASE   53
#define LDTR_BASE 54
#define IDTR_BASE 55
#define GDTR_BASE 56

#define CS_ARBYTES   57
#define DS_ARBYTES   58
#define ES_ARBYTES   59
#define FS_ARBYTES   60
#define GS_ARBYTES   61
#define SS_ARBYTES   62
#define TR_ARBYTES   63
#define LDTR_ARBYTES 64

#define SYSENTER_CS  65
#define SYSENTER_ESP 66
#define SYSENTER_EIP 67
#define SHADOW_GS    68
#define TSC          69
#define MSR_FLAGS    70 /* a field of Xen's saved vCPU state, not an MSR */

/* MSRs; the index of each is behind it */
#define MSR_LSTAR        71 /* 0xc0000082 */
#define MSR_CSTAR        72 /* 0xc0000083 */
#define MSR_SYSCALL_MASK 73 /* 0xc0000084 */
#define MSR_EFER         74 /* 0xc0000080 */
#define MSR_TSC_AUX      75 /* 0xc0000103 */

/* events only: every MSR of these tables that has an index */
#define MSR_ALL 76

/* ARM, 32 bits. R8 to R15 are the numbers above. */
#define SCTLR    77
#define CPSR     78
#define TTBCR    79
#define TTBR0    80
#define TTBR1    81
#define R0       82
#define R1       83
#define R2       84
#define R3       85
#define R4       86
#define R5       87
#define R6       88
#define R7       89
#define SPSR_SVC 90
#define SPSR_FIQ 91
#define SPSR_IRQ 92
#define SPSR_UND 93
#define SPSR_ABT 94
#define LR_IRQ   95
#define SP_IRQ   96
#define LR_SVC   97
#define SP_SVC   98
#define LR_ABT   99
#define SP_ABT   100
#define LR_UND   101
#define SP_UND   102
#define R8_FIQ   103
#define R9_FIQ   104
#define R10_FIQ  105
#define R11_FIQ  106
#define R12_FIQ  107
#define SP_FIQ   108
#define LR_FIQ   109

/* ARM, 64 bits */
#define SP_EL0  110
#define SP_EL1  111
#define ELR_EL1 112

/* 113 to 117 are free */
#define PC     118
#define PC32   PC
#define PC64   PC
#define SP_USR R13
#define LR_USR R14

/* the AArch64 names of numbers above, as AArch32 state is seen from AArch64 */
#define X0  R0
#define X1  R1
#define X2  R2
#define X3  R3
#define X4  R4
#define X5  R5
#define X6  R6
#define X7  R7
#define X8  R8
#define X9  R9
#define X10 R10
#define X11 R11
#define X12 R12
#define X13 R13
#define X14 R14
#define X15 R15
#define X16 LR_IRQ
#define X17 SP_IRQ
#define X18 LR_SVC
#define X19 SP_SVC
#define X20 LR_ABT
#define X21 SP_ABT
#define X22 LR_UND
#define X23 SP_UND
#define X24 R8_FIQ
#define X25 R9_FIQ
#define X26 R10_FIQ
#define X27 R11_FIQ
#define X28 R12_FIQ
#define X29 SP_FIQ
#define X30 LR_FIQ

#define SPSR_EL1 SPSR_SVC
#define TCR_EL1  TTBCR

/* more MSRs */
#define MSR_STAR                  119 /* 0xc0000081 */
#define MSR_SHADOW_GS_BASE        120 /* 0xc0000102 */
#define MSR_MTRRfix64K_00000      121 /* 0x250 */
#define MSR_MTRRfix16K_80000      122 /* 0x258 */
#define MSR_MTRRfix16K_A0000      123 /* 0x259 */
#define MSR_MTRRfix4K_C0000       124 /* 0x268 */
#define MSR_MTRRfix4K_C8000       125 /* 0x269 */
#define MSR_MTRRfix4K_D0000       126 /* 0x26a */
#define MSR_MTRRfix4K_D8000       127 /* 0x26b */
#define MSR_MTRRfix4K_E0000       128 /* 0x26c */
#define MSR_MTRRfix4K_E8000       129 /* 0x26d */
#define MSR_MTRRfix4K_F0000       130 /* 0x26e */
#define MSR_MTRRfix4K_F8000       131 /* 0x26f */
#define MSR_MTRRdefType           132 /* 0x2ff */
#define MSR_IA32_MC0_CTL          133 /* 0x400 */
#define MSR_IA32_MC0_STATUS       134 /* 0x401 */
#define MSR_IA32_MC0_ADDR         135 /* 0x402 */
#define MSR_IA32_MC0_MISC         136 /* 0x403 */
#define MSR_IA32_MC1_CTL          137 /* 0x404 */
#define MSR_IA32_MC0_CTL2         138 /* 0x280 */
#define MSR_AMD_PATCHLEVEL        139 /* 0x8b */
#define MSR_AMD64_TSC_RATIO       140 /* 0xc0000104 */
#define MSR_IA32_P5_MC_ADDR       141 /* 0x0 */
#define MSR_IA32_P5_MC_TYPE       142 /* 0x1 */
#define MSR_IA32_TSC              143 /* 0x10 */
#define MSR_IA32_PLATFORM_ID      144 /* 0x17 */
#define MSR_IA32_EBL_CR_POWERON   145 /* 0x2a */
#define MSR_IA32_EBC_FREQUENCY_ID 146 /* 0x2c */
#define MSR_IA32_FEATURE_CONTROL  147 /* 0x3a */
#define MSR_IA32_SYSENTER_CS      148 /* 0x174 */
#define MSR_IA32_SYSENTER_ESP     149 /* 0x175 */
#define MSR_IA32_SYSENTER_EIP     150 /* 0x176 */
#define MSR_IA32_MISC_ENABLE      151 /* 0x1a0 */
#define MSR_HYPERVISOR            152 /* no index */

/* events only: the MSR whose index is in the event. MSR_UNDEFINED is its old name. */
#define MSR_ANY       153
#define MSR_UNDEFINED 153

typedef struct x86_mtrr_regs {
    uint64_t msr_pat_cr;
    uint64_t msr_mtrr_cap;
} mtrr_regs_t;

/* Access rights of a segment as Xen packs them: the descriptor's bits 40 to 47, then 52 to 55. */
typedef struct x86_segment_flags {
    uint16_t type : 4;
    uint16_t s : 1;
    uint16_t dpl : 2;
    uint16_t p : 1;
    uint16_t avl : 1;
    uint16_t l : 1;
    uint16_t db : 1;
    uint16_t g : 1;
    uint16_t pad : 4;
    uint16_t pad2;
    uint32_t pad3;
} x86_segment_flags_t;

typedef struct x86_regs {
    uint64_t rax;
    uint64_t rcx;
    uint64_t rdx;
    uint64_t rbx;
    uint64_t rsp;
    uint64_t rbp;
    uint64_t rsi;
    uint64_t rdi;
    uint64_t r8;
    uint64_t r9;
    uint64_t r10;
    uint64_t r11;
    uint64_t r12;
    uint64_t r13;
    uint64_t r14;
    uint64_t r15;
    uint64_t rflags;
    uint64_t dr6;
    uint64_t dr7;
    uint64_t rip;
    uint64_t cr0;
    uint64_t cr2;
    uint64_t cr3;
    uint64_t cr4;
    uint64_t sysenter_cs;
    uint64_t sysenter_esp;
    uint64_t sysenter_eip;
    uint64_t msr_efer;
    uint64_t msr_star;
    uint64_t msr_lstar;
    uint64_t msr_pat;
    uint64_t msr_cstar;
    uint64_t fs_base;
    uint64_t fs_limit;
    uint64_t fs_sel;
    __extension__ union {
        uint64_t fs_arbytes;
        x86_segment_flags_t fs_flags;
    };
    uint64_t gs_base;
    uint64_t gs_limit;
    uint64_t gs_sel;
    __extension__ union {
        uint64_t gs_arbytes;
        x86_segment_flags_t gs_flags;
    };
    uint64_t cs_base;
    uint64_t cs_limit;
    uint64_t cs_sel;
    __extension__ union {
        uint64_t cs_arbytes;
        x86_segment_flags_t cs_flags;
    };
    uint64_t ss_base;
    uint64_t ss_limit;
    uint64_t ss_sel;
    __extension__ union {
        uint64_t ss_arbytes;
        x86_segment_flags_t ss_flags;
    };
    uint64_t ds_base;
    uint64_t ds_limit;
    uint64_t ds_sel;
    __extension__ union {
        uint64_t ds_arbytes;
        x86_segment_flags_t ds_flags;
    };
    uint64_t es_base;
    uint64_t es_limit;
    uint64_t es_sel;
    __extension__ union {
        uint64_t es_arbytes;
        x86_segment_flags_t es_flags;
    };
    uint64_t tr_base;
    uint64_t tr_limit;
    uint64_t tr_sel;
    __extension__ union {
        uint64_t tr_arbytes;
        x86_segment_flags_t tr_flags;
    };
    uint64_t ldt_base;
    uint64_t ldt_limit;
    uint64_t ldt_sel;
    __extension__ union {
        uint64_t ldt_arbytes;
        x86_segment_flags_t ldt_flags;
    };
    uint64_t shadow_gs;
    uint64_t idtr_base;
    uint64_t idtr_limit;
    uint64_t gdtr_base;
    uint64_t gdtr_limit;
    uint64_t npt_base;    /* the nested table in use, when the guest is itself a hypervisor */
    uint64_t vmtrace_pos; /* how far the processor trace buffer is filled */
} x86_registers_t;

typedef struct arm_registers {
    uint64_t ttbr0;
    uint64_t ttbr1;
    uint64_t ttbcr;
    uint64_t pc;
    uint32_t cpsr;
    uint32_t _pad;
} arm_registers_t;

__extension__ typedef struct registers {
    __extension__ union {
        x86_registers_t x86;
        arm_registers_t arm;
    };
} registers_t;

/* The legacy region and the two words that the header starts with (SDM volume 1, chapter 13). */
typedef struct xsave_area {
    char fpu_sse[512];
    uint64_t xstate_bv;
    uint64_t xcomp_bv;
} xsave_area_t;

/* ---- Other types --------------------------------------------------------------------------- */

/* A string that is not plain bytes. */
typedef struct _ustring {
    size_t length; /* in bytes, without terminator */
    uint8_t *contents;
    const char *encoding; /* an iconv name, not owned by the structure */
} unicode_string_t;

/* What the hypervisor says of a guest; each 0 or 1. */
typedef struct domain_status {
    unsigned int dying : 1;
    unsigned int shutdown : 1;
    unsigned int paused : 1;
    unsigned int blocked : 1;
    unsigned int running : 1;
    unsigned int debugged : 1;
} domain_status_t;

/* One opened guest or file. */
typedef struct vmi_instance *vmi_instance_t;

/* ---- Opening and closing ------------------------------------------------------------------- */

/**
 * Opens a guest or a file for physical memory and vCPU access. The page mode and the OS are unknown
 * afterwards.
 *
 * Exactly one of VMI_INIT_DOMAINNAME, _DOMAINID and _DOMAINUUID names the guest (_DOMAINWATCH
 * alone: `domain` may be NULL, and domain-watch events are all that can be used). Files take a
 * name: their path, of a regular file or a device; its last component is the name that
 * configuration entries are looked up by. A QEMU guest's name is what it was started with (-name),
 * its id the process id. A Xen guest's memory limit is not changed. `init_data` is optional.
 *
 * \param vmi    the instance; NULL after a failure, which leaves nothing open and no trap set
 * \param error  optional; VMI_INIT_ERROR_NONE after success, else the reason
 *
 * LibVMI leaves both as they are when the mode is not built in, and the error when it succeeds.
 */
VMI_API status_t vmi_init(vmi_instance_t *vmi, vmi_mode_t mode, const void *domain,
                          uint64_t init_flags, vmi_init_data_t *init_data,
                          vmi_init_error_t *error) NOEXCEPT;

/**
 * Finds out the mode, then vmi_init, paging (not for files) and vmi_init_os. The guest is given by
 * name or id. Errors and results as those of the three; on failure `*vmi` is NULL (LibVMI: its old
 * value).
 */
VMI_API status_t vmi_init_complete(vmi_instance_t *vmi, const void *domain, uint64_t init_flags,
                                   vmi_init_data_t *init_data, vmi_config_t config_mode,
                                   void *config, vmi_init_error_t *error) NOEXCEPT;

/**
 * Reads the registers of vCPU 0 and sets the instance's page mode by them: VMI_PM_NONE with paging
 * off. May be called again, as when a guest has gone on booting.
 *
 * \param flags  0 or VMI_PM_INITFLAG_TRANSITION_PAGES (x86)
 * \return the mode, or VMI_PM_UNKNOWN where there are no registers to read (most files); a mode
 *         that is known then stays (LibVMI forgets it)
 */
VMI_API page_mode_t vmi_init_paging(vmi_instance_t vmi, uint64_t flags) NOEXCEPT;

/**
 * Reads the configuration, and finds the kernel: its page table, its base, the offsets. Sets the
 * page mode if it is not known yet. May be called again after a failure; a page mode that came from
 * the configuration then stays.
 *
 * A setting beats a profile, which beats what is found in memory. A Linux kernel needs no setting
 * at all: without a configuration it is recognised, and VMI_INIT_ERROR_NO_CONFIG or
 * _NO_CONFIG_ENTRY is the answer only if that fails too (LibVMI: always).
 *
 * \param error  optional; _NONE after success, else NO_CONFIG, NO_CONFIG_ENTRY, PAGING or OS
 * \return the OS, or VMI_OS_UNKNOWN
 */
VMI_API os_t vmi_init_os(vmi_instance_t vmi, vmi_config_t config_mode, void *config,
                         vmi_init_error_t *error) NOEXCEPT;

/**
 * Delivers what events are pending, lifts all traps, closes the source and frees the instance with
 * all that it owns. Event structures stay the program's, and free routines of events that are still
 * registered are not called. Fails for NULL only.
 */
VMI_API status_t vmi_destroy(vmi_instance_t vmi) NOEXCEPT;

/** The architecture that the library runs on. */
VMI_API vmi_arch_t vmi_get_library_arch(void) NOEXCEPT;

/**
 * With an instance: its mode, always; the other arguments are ignored. With NULL: looks for the
 * guest by name or id (exactly one flag), and succeeds if exactly one source has it. A file counts
 * only if no guest has that name. `*mode` is untouched on failure.
 */
VMI_API status_t vmi_get_access_mode(vmi_instance_t vmi, const void *domain, uint64_t init_flags,
                                     vmi_init_data_t *init_data, vmi_mode_t *mode) NOEXCEPT;

/* ---- Translation --------------------------------------------------------------------------- */

/**
 * Kernel virtual to physical. `*paddr` is 0 when the walk failed, and untouched when no kernel page
 * table is known yet.
 */
VMI_API status_t vmi_translate_kv2p(vmi_instance_t vmi, addr_t vaddr, addr_t *paddr) NOEXCEPT;

/**
 * Virtual address of a process to physical; pid 0 is the kernel, a negative one fails. When the
 * walk fails with a page table that was looked up before, the process is looked up anew once.
 * `*paddr` is 0 on failure.
 */
VMI_API status_t vmi_translate_uv2p(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                                    addr_t *paddr) NOEXCEPT;

/**
 * Kernel symbol to virtual address, with KASLR taken into account (absolute and per-CPU symbols are
 * not moved), sign-extended. `*vaddr` is 0 on failure.
 */
VMI_API status_t vmi_translate_ksym2v(vmi_instance_t vmi, const char *symbol,
                                      addr_t *vaddr) NOEXCEPT;

/**
 * A symbol that an image exports: the image's header is at `ctx->addr` (PE for Windows, ELF else;
 * the context names a page table or a pid). Names match exactly, forwarded exports fail. `*vaddr`
 * is 0 on failure.
 */
VMI_API status_t vmi_translate_sym2v(vmi_instance_t vmi, const access_context_t *ctx,
                                     const char *symbol, addr_t *vaddr) NOEXCEPT;

/**
 * The name that the image at `ctx->addr` exports at exactly this offset from it, or NULL. FreeBSD:
 * the kernel's symbol at that address. The string belongs to the instance, always (LibVMI:
 * sometimes the caller's), and is valid until vmi_rvacache_flush, vmi_symcache_flush or
 * vmi_destroy.
 */
VMI_API const char *vmi_translate_v2sym(vmi_instance_t vmi, const access_context_t *ctx,
                                        addr_t rva) NOEXCEPT;

/**
 * The kernel's symbol at exactly this address, or NULL; for the nearest one below see tinyvmi.h.
 * The context is the kernel: pid 0, or the kernel's page table. Windows needs VMI_INIT_V2SYM and an
 * ISF profile. Ownership as vmi_translate_v2sym; the two never answer with each other's result.
 */
VMI_API const char *vmi_translate_v2ksym(vmi_instance_t vmi, const access_context_t *ctx,
                                         addr_t va) NOEXCEPT;

/**
 * Physical address of a process's page table; of a Linux kernel thread, the one that it borrows.
 * pid 0 is the kernel, and `*dtb` is untouched while that is not known. An unknown or negative pid
 * fails with `*dtb` 0.
 */
VMI_API status_t vmi_pid_to_dtb(vmi_instance_t vmi, vmi_pid_t pid, addr_t *dtb) NOEXCEPT;

/**
 * The first process in the guest's list with this page table; bits that hold a PCID or pick the
 * half of a page table pair (KPTI) are ignored. Walks the process list, boundedly. `*pid` is -1 on
 * failure.
 */
VMI_API status_t vmi_dtb_to_pid(vmi_instance_t vmi, addr_t dtb, vmi_pid_t *pid) NOEXCEPT;

/**
 * Virtual to physical through the page table at `pt` (physical; low bits such as a PCID are
 * ignored) in the instance's mode. `*paddr` is 0 after a failed walk, untouched when the mode is
 * not usable.
 */
VMI_API status_t vmi_pagetable_lookup(vmi_instance_t vmi, addr_t pt, addr_t vaddr,
                                      addr_t *paddr) NOEXCEPT;

/**
 * The same, and every entry on the way. `*info` is zeroed first; on failure the levels that were
 * reached are filled and `paddr` is 0.
 */
VMI_API status_t vmi_pagetable_lookup_extended(vmi_instance_t vmi, addr_t pt, addr_t vaddr,
                                               page_info_t *info) NOEXCEPT;

/**
 * Lookup with everything given. With `npm` VMI_PM_EPT_4L all tables and the result are themselves
 * looked up in the nested table `npt`: `*paddr` is the inner physical address, `*naddr` the outer
 * one. With `npm` VMI_PM_NONE and `npt` 0 it is a plain lookup, and `naddr` is optional. To look up
 * in a nested table alone, give it as `pt`, `pm`. Both results are untouched on failure.
 */
VMI_API status_t vmi_nested_pagetable_lookup(vmi_instance_t vmi, addr_t npt, page_mode_t npm,
                                             addr_t pt, page_mode_t pm, addr_t vaddr, addr_t *paddr,
                                             addr_t *naddr) NOEXCEPT;

/**
 * The same, and every entry on the way as in vmi_pagetable_lookup_extended; `naddr`, `npt`, `npm`
 * and `nsize` are filled too. LibVMI declares this call and lacks it.
 */
VMI_API status_t vmi_nested_pagetable_lookup_extended(vmi_instance_t vmi, addr_t npt,
                                                      page_mode_t npm, addr_t pt, page_mode_t pm,
                                                      addr_t vaddr, page_info_t *info) NOEXCEPT;

/**
 * Where the last walk failed, as a context (tm VMI_TM_PROCESS_PT, pt, addr, pm, npt, npm); NULL
 * when it succeeded or there was none. Belongs to the instance, overwritten by the next call that
 * translates.
 */
VMI_API const access_context_t *vmi_get_last_pagetable_lookup_fault(vmi_instance_t vmi) NOEXCEPT;

/* ---- Reading ------------------------------------------------------------------------------- */
/*
 * Each page is translated by itself, so a read may span frames that are apart. It stops at the
 * first page that has no translation or no memory: VMI_FAILURE, with the bytes up to there in the
 * buffer and their number in `*bytes_read`. A read of 0 bytes succeeds.
 *
 *   vmi_read*(ctx)   as the context says
 *   ..._ksym         at a kernel symbol
 *   ..._va           at a virtual address of a process; pid 0 is the kernel
 *   ..._pa           at a physical address; works right after vmi_init
 *
 * The calls with a width read one value. An "addr" is 8 bytes in modes IA32E and AARCH64, 4 bytes,
 * zero-extended, in LEGACY, PAE and AARCH32; with any other mode the call fails and `*value` is
 * untouched. On failure a value may hold those of its bytes that could be read; a 4-byte "addr" is
 * then 0.
 *
 * Strings end before the first terminator, before the first page that cannot be read, and at the
 * latest after 1 MiB; the result is always terminated, and NULL only if nothing could be read.
 * free() it. LibVMI has no limit, and misreads strings at kernel symbols.
 */

/** \param bytes_read  optional; always written when it is given */
VMI_API status_t vmi_read(vmi_instance_t vmi, const access_context_t *ctx, size_t count, void *buf,
                          size_t *bytes_read) NOEXCEPT;
VMI_API status_t vmi_read_8(vmi_instance_t vmi, const access_context_t *ctx,
                            uint8_t *value) NOEXCEPT;
VMI_API status_t vmi_read_16(vmi_instance_t vmi, const access_context_t *ctx,
                             uint16_t *value) NOEXCEPT;
VMI_API status_t vmi_read_32(vmi_instance_t vmi, const access_context_t *ctx,
                             uint32_t *value) NOEXCEPT;
VMI_API status_t vmi_read_64(vmi_instance_t vmi, const access_context_t *ctx,
                             uint64_t *value) NOEXCEPT;
VMI_API status_t vmi_read_addr(vmi_instance_t vmi, const access_context_t *ctx,
                               addr_t *value) NOEXCEPT;

/** Bytes up to a zero byte. An empty string is a result, not a failure. */
VMI_API char *vmi_read_str(vmi_instance_t vmi, const access_context_t *ctx) NOEXCEPT;

/** 16-bit units up to a zero one, at any address, odd ones too. */
VMI_API uint16_t *vmi_read_wstr(vmi_instance_t vmi, const access_context_t *ctx) NOEXCEPT;

/**
 * A Windows UNICODE_STRING (16 bytes in mode IA32E, else 8) and the buffer that it points to, in
 * the same address space. NULL if its length exceeds its maximum, if any part is unreadable (there
 * are no partial strings here), or if the guest is not Windows. Free with vmi_free_unicode_str. The
 * length is in bytes, two zero bytes follow, the encoding is "UTF-16".
 */
VMI_API unicode_string_t *vmi_read_unicode_str(vmi_instance_t vmi,
                                               const access_context_t *ctx) NOEXCEPT;

/** The same with the structure laid out for `mode`: 32-bit processes of 64-bit Windows. */
VMI_API unicode_string_t *vmi_read_unicode_str_pm(vmi_instance_t vmi, const access_context_t *ctx,
                                                  page_mode_t mode) NOEXCEPT;

VMI_API status_t vmi_read_ksym(vmi_instance_t vmi, const char *sym, size_t count, void *buf,
                               size_t *bytes_read) NOEXCEPT;
VMI_API status_t vmi_read_8_ksym(vmi_instance_t vmi, const char *sym, uint8_t *value) NOEXCEPT;
VMI_API status_t vmi_read_16_ksym(vmi_instance_t vmi, const char *sym, uint16_t *value) NOEXCEPT;
VMI_API status_t vmi_read_32_ksym(vmi_instance_t vmi, const char *sym, uint32_t *value) NOEXCEPT;
VMI_API status_t vmi_read_64_ksym(vmi_instance_t vmi, const char *sym, uint64_t *value) NOEXCEPT;
VMI_API status_t vmi_read_addr_ksym(vmi_instance_t vmi, const char *sym, addr_t *value) NOEXCEPT;
VMI_API char *vmi_read_str_ksym(vmi_instance_t vmi, const char *sym) NOEXCEPT;

VMI_API status_t vmi_read_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid, size_t count,
                             void *buf, size_t *bytes_read) NOEXCEPT;
VMI_API status_t vmi_read_8_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                               uint8_t *value) NOEXCEPT;
VMI_API status_t vmi_read_16_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                                uint16_t *value) NOEXCEPT;
VMI_API status_t vmi_read_32_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                                uint32_t *value) NOEXCEPT;
VMI_API status_t vmi_read_64_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                                uint64_t *value) NOEXCEPT;
VMI_API status_t vmi_read_addr_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                                  addr_t *value) NOEXCEPT;
VMI_API char *vmi_read_str_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid) NOEXCEPT;
VMI_API uint16_t *vmi_read_wstr_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid) NOEXCEPT;
VMI_API unicode_string_t *vmi_read_unicode_str_va(vmi_instance_t vmi, addr_t vaddr,
                                                  vmi_pid_t pid) NOEXCEPT;

VMI_API status_t vmi_read_pa(vmi_instance_t vmi, addr_t paddr, size_t count, void *buf,
                             size_t *bytes_read) NOEXCEPT;
VMI_API status_t vmi_read_8_pa(vmi_instance_t vmi, addr_t paddr, uint8_t *value) NOEXCEPT;
VMI_API status_t vmi_read_16_pa(vmi_instance_t vmi, addr_t paddr, uint16_t *value) NOEXCEPT;
VMI_API status_t vmi_read_32_pa(vmi_instance_t vmi, addr_t paddr, uint32_t *value) NOEXCEPT;
VMI_API status_t vmi_read_64_pa(vmi_instance_t vmi, addr_t paddr, uint64_t *value) NOEXCEPT;
VMI_API status_t vmi_read_addr_pa(vmi_instance_t vmi, addr_t paddr, addr_t *value) NOEXCEPT;
VMI_API char *vmi_read_str_pa(vmi_instance_t vmi, addr_t paddr) NOEXCEPT;
VMI_API uint16_t *vmi_read_wstr_pa(vmi_instance_t vmi, addr_t paddr) NOEXCEPT;

/**
 * Converts between encodings (iconv's names; UTF-8, UTF-16, UTF-32 with or without LE or BE,
 * WCHAR_T and ASCII everywhere, others where the platform has iconv). `out` is the caller's
 * structure: on success `contents` is a new buffer that the caller frees with free(), followed by a
 * terminator of the output's width, `length` its bytes without that, `encoding` the pointer that
 * was passed. On failure, as for an input without an encoding, `*out` is all zero. The output may
 * be of any size (LibVMI: twice the input).
 */
VMI_API status_t vmi_convert_str_encoding(const unicode_string_t *in, unicode_string_t *out,
                                          const char *outencoding) NOEXCEPT;

/** Frees contents and structure; not for a structure on the stack. NULL does nothing. */
VMI_API void vmi_free_unicode_str(unicode_string_t *p_us) NOEXCEPT;

/* ---- Writing ------------------------------------------------------------------------------- */
/*
 * Contexts, page borders and widths as in reading; `bytes_written` is optional and counts what was
 * written before the first page that could not be. Files refuse all writes, with 0 bytes, unless
 * they were opened copy-on-write (tinyvmi.h). The context's `pm` counts here too, and an unknown
 * mechanism is a failure: LibVMI ignores the one and reports the other as success.
 */

VMI_API status_t vmi_write(vmi_instance_t vmi, const access_context_t *ctx, size_t count, void *buf,
                           size_t *bytes_written) NOEXCEPT;
VMI_API status_t vmi_write_8(vmi_instance_t vmi, const access_context_t *ctx,
                             uint8_t *value) NOEXCEPT;
VMI_API status_t vmi_write_16(vmi_instance_t vmi, const access_context_t *ctx,
                              uint16_t *value) NOEXCEPT;
VMI_API status_t vmi_write_32(vmi_instance_t vmi, const access_context_t *ctx,
                              uint32_t *value) NOEXCEPT;
VMI_API status_t vmi_write_64(vmi_instance_t vmi, const access_context_t *ctx,
                              uint64_t *value) NOEXCEPT;
VMI_API status_t vmi_write_addr(vmi_instance_t vmi, const access_context_t *ctx,
                                addr_t *value) NOEXCEPT;

VMI_API status_t vmi_write_ksym(vmi_instance_t vmi, const char *sym, size_t count, void *buf,
                                size_t *bytes_written) NOEXCEPT;
VMI_API status_t vmi_write_8_ksym(vmi_instance_t vmi, const char *sym, uint8_t *value) NOEXCEPT;
VMI_API status_t vmi_write_16_ksym(vmi_instance_t vmi, const char *sym, uint16_t *value) NOEXCEPT;
VMI_API status_t vmi_write_32_ksym(vmi_instance_t vmi, const char *sym, uint32_t *value) NOEXCEPT;
VMI_API status_t vmi_write_64_ksym(vmi_instance_t vmi, const char *sym, uint64_t *value) NOEXCEPT;
VMI_API status_t vmi_write_addr_ksym(vmi_instance_t vmi, const char *sym, addr_t *value) NOEXCEPT;

VMI_API status_t vmi_write_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid, size_t count,
                              void *buf, size_t *bytes_written) NOEXCEPT;
VMI_API status_t vmi_write_8_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                                uint8_t *value) NOEXCEPT;
VMI_API status_t vmi_write_16_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                                 uint16_t *value) NOEXCEPT;
VMI_API status_t vmi_write_32_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                                 uint32_t *value) NOEXCEPT;
VMI_API status_t vmi_write_64_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                                 uint64_t *value) NOEXCEPT;
VMI_API status_t vmi_write_addr_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                                   addr_t *value) NOEXCEPT;

VMI_API status_t vmi_write_pa(vmi_instance_t vmi, addr_t paddr, size_t count, void *buf,
                              size_t *bytes_written) NOEXCEPT;
VMI_API status_t vmi_write_8_pa(vmi_instance_t vmi, addr_t paddr, uint8_t *value) NOEXCEPT;
VMI_API status_t vmi_write_16_pa(vmi_instance_t vmi, addr_t paddr, uint16_t *value) NOEXCEPT;
VMI_API status_t vmi_write_32_pa(vmi_instance_t vmi, addr_t paddr, uint32_t *value) NOEXCEPT;
VMI_API status_t vmi_write_64_pa(vmi_instance_t vmi, addr_t paddr, uint64_t *value) NOEXCEPT;
VMI_API status_t vmi_write_addr_pa(vmi_instance_t vmi, addr_t paddr, addr_t *value) NOEXCEPT;

/* ---- Mapping guest memory ------------------------------------------------------------------ */
/*
 * Each pointer that is filled in maps one 4 KiB page of the guest itself (no copy) until the
 * program calls munmap(p, 4096) on it; that may be after vmi_destroy. `prot` is PROT_READ,
 * PROT_WRITE or both. `count` pointers must fit in `access_ptrs`; on failure they are unspecified
 * and nothing is mapped. Works where the source's memory can be mapped: Xen, QEMU with a shared
 * backend, uncompressed dumps (read only).
 */

/**
 * A virtual range (contexts with a page table, a pid or a symbol). A page without a translation
 * leaves NULL in its place, and the call succeeds even if all of them do.
 */
VMI_API status_t vmi_mmap_guest(vmi_instance_t vmi, const access_context_t *ctx, size_t num_pages,
                                int prot, void **access_ptrs) NOEXCEPT;

/** Exactly these frames; one that cannot be mapped fails them all. */
VMI_API status_t vmi_mmap_guest_pfns(vmi_instance_t vmi, unsigned long *pfns, size_t num_pages,
                                     int prot, void **access_ptrs) NOEXCEPT;

/** Consecutive frames, beginning with the one that holds `paddr`; all or none. */
VMI_API status_t vmi_mmap_guest_pa(vmi_instance_t vmi, addr_t paddr, size_t num_pages, int prot,
                                   void **access_ptrs) NOEXCEPT;

/* ---- Symbols and profiles ------------------------------------------------------------------ */

/**
 * A number that was resolved when the OS was initialised, by its name in the configuration:
 * linux_tasks, linux_mm, linux_pid, linux_name, linux_pgd, linux_kaslr (the slide), linux_init_task
 * (as it runs), kpgd; win_ntoskrnl, win_ntoskrnl_va, win_tasks, win_pdbase, win_pid, win_pname,
 * win_kdvb, win_sysproc (virtual), win_kpcr, win_kdbg, kpgd; freebsd_name and so on; osx_name and
 * so on, osx_procsize, kslide, kernel_load_address.
 *
 * Fails for an unknown name and without an OS, and for a member whose offset was not found (LibVMI
 * answers 0, which is a member too); an address or a slide that was not found is 0. `*offset` is
 * untouched on failure.
 */
VMI_API status_t vmi_get_offset(vmi_instance_t vmi, const char *offset_name,
                                addr_t *offset) NOEXCEPT;

/**
 * Offset of a structure's member in bytes, from the profile or, for Linux, from the types that the
 * kernel carries. Members of anonymous members count as the structure's own. `*addr` is untouched
 * on failure.
 */
VMI_API status_t vmi_get_kernel_struct_offset(vmi_instance_t vmi, const char *struct_name,
                                              const char *member, addr_t *addr) NOEXCEPT;

/**
 * Path from the configuration, owned by the instance until vmi_destroy; NULL if not Linux or none.
 */
VMI_API const char *vmi_get_linux_sysmap(vmi_instance_t vmi) NOEXCEPT;
/** The same for FreeBSD. */
VMI_API const char *vmi_get_freebsd_sysmap(vmi_instance_t vmi) NOEXCEPT;
/** Path of the JSON profile, of either dialect; NULL if none. */
VMI_API const char *vmi_get_rekall_path(vmi_instance_t vmi) NOEXCEPT;
/** Path of the JSON profile, else of the System.map, else NULL. */
VMI_API const char *vmi_get_os_profile_path(vmi_instance_t vmi) NOEXCEPT;

/* ---- The guest ----------------------------------------------------------------------------- */

/** The guest's name; a file's path as it was given. The caller frees it. */
VMI_API char *vmi_get_name(vmi_instance_t vmi) NOEXCEPT;

/** Xen: the domain id. QEMU: the process id. A file: 0. */
VMI_API uint64_t vmi_get_vmid(vmi_instance_t vmi) NOEXCEPT;

/**
 * Live guests: the mode that this vCPU is in now, VMI_PM_NONE with paging off; the instance's own
 * mode is not touched (LibVMI overwrites it). Files: the instance's mode. VMI_PM_UNKNOWN on
 * failure.
 */
VMI_API page_mode_t vmi_get_page_mode(vmi_instance_t vmi, unsigned long vcpu) NOEXCEPT;

/** Bytes of an address in the instance's mode: 8 or 4; 0 while that is unknown. */
VMI_API uint8_t vmi_get_address_width(vmi_instance_t vmi) NOEXCEPT;

VMI_API os_t vmi_get_ostype(vmi_instance_t vmi) NOEXCEPT;

/** false, with `*info` untouched, if the guest is not Windows. */
VMI_API bool vmi_get_windows_build_info(vmi_instance_t vmi, win_build_info_t *info) NOEXCEPT;

/** VMI_OS_WINDOWS_NONE if the guest is not Windows. */
VMI_API win_ver_t vmi_get_winver(vmi_instance_t vmi) NOEXCEPT;

/** 0 if the guest is not Windows, or the number is not known. */
VMI_API uint16_t vmi_get_win_buildnumber(vmi_instance_t vmi) NOEXCEPT;

/** The enumerator of vmi_get_winver as a constant string: "VMI_OS_WINDOWS_10". Never NULL. */
VMI_API const char *vmi_get_winver_str(vmi_instance_t vmi) NOEXCEPT;

/** The version, searched for from the KDBG block at this physical address. */
VMI_API win_ver_t vmi_get_winver_manual(vmi_instance_t vmi, addr_t kdvb_pa) NOEXCEPT;

/** Bytes of memory that the guest has now, or that the dump holds; 0 on failure. */
VMI_API uint64_t vmi_get_memsize(vmi_instance_t vmi) NOEXCEPT;

/** One past the highest physical address of memory. There may be holes below it. 0 on failure. */
VMI_API addr_t vmi_get_max_physical_address(vmi_instance_t vmi) NOEXCEPT;

/** A frame number above all memory, for vmi_alloc_gfn (Xen); 0 on failure. */
VMI_API addr_t vmi_get_next_available_gfn(vmi_instance_t vmi) NOEXCEPT;

/** Gives the guest a page of memory at this frame (Xen), raising its limit if that is needed. */
VMI_API status_t vmi_alloc_gfn(vmi_instance_t vmi, uint64_t gfn) NOEXCEPT;

/** Takes it away again. */
VMI_API status_t vmi_free_gfn(vmi_instance_t vmi, uint64_t gfn) NOEXCEPT;

/** Number of vCPUs; 0 for a file. */
VMI_API unsigned int vmi_get_num_vcpus(vmi_instance_t vmi) NOEXCEPT;

/** Xen. All flags are right here; in LibVMI only `dying` can be. */
VMI_API status_t vmi_get_domain_status(vmi_instance_t vmi, domain_status_t *domain_status);

/**
 * Stops all vCPUs. Pauses are counted, and each needs its own vmi_resume_vm. For a file both
 * succeed and do nothing.
 */
VMI_API status_t vmi_pause_vm(vmi_instance_t vmi) NOEXCEPT;

/** Undoes one vmi_pause_vm. One too many does no harm, but may be a VMI_FAILURE. */
VMI_API status_t vmi_resume_vm(vmi_instance_t vmi) NOEXCEPT;

/* ---- vCPUs --------------------------------------------------------------------------------- */

/**
 * One register. Which there are depends on the source: Xen HVM has nearly all, QEMU those that QMP
 * shows, a dump those that are stored in it and CR3, the kernel's page table, for any vCPU.
 * `*value` is untouched on failure.
 */
VMI_API status_t vmi_get_vcpureg(vmi_instance_t vmi, uint64_t *value, reg_t reg,
                                 unsigned long vcpu) NOEXCEPT;

/**
 * All registers. Members that the source does not have stay as they are: start from zeros.
 * Untouched on failure.
 */
VMI_API status_t vmi_get_vcpuregs(vmi_instance_t vmi, registers_t *regs,
                                  unsigned long vcpu) NOEXCEPT;

/** Pauses the guest for the change. Xen HVM; the registers that can be read. */
VMI_API status_t vmi_set_vcpureg(vmi_instance_t vmi, uint64_t value, reg_t reg,
                                 unsigned long vcpu) NOEXCEPT;

/**
 * Sets rax to r15, rip, rflags, cr0, cr2 to cr4, dr7, fs_base, gs_base, cs_arbytes, sysenter_*,
 * msr_lstar, msr_efer and msr_star; the others are ignored. Get, change, set. Xen HVM.
 */
VMI_API status_t vmi_set_vcpuregs(vmi_instance_t vmi, registers_t *regs,
                                  unsigned long vcpu) NOEXCEPT;

/** PAT and MTRR capability of a vCPU (Xen HVM). */
VMI_API status_t vmi_get_vcpumtrr(vmi_instance_t vmi, mtrr_regs_t *hwMtrr,
                                  unsigned long vcpu) NOEXCEPT;

/** The legacy part of a vCPU's XSAVE area (Xen HVM). */
VMI_API status_t vmi_get_xsave_info(vmi_instance_t vmi, unsigned long vcpu,
                                    xsave_area_t *xsave_info) NOEXCEPT;

/** How Xen keeps the guest's TSC: mode, nanoseconds since boot, frequency in kHz, migrations. */
VMI_API status_t vmi_get_tsc_info(vmi_instance_t vmi, uint32_t *tsc_mode, uint64_t *elapsed_nsec,
                                  uint32_t *gtsc_khz, uint32_t *incarnation) NOEXCEPT;

/**
 * Makes the vCPU take a page fault at this address, so that the guest brings a page in. The vCPU
 * must be in user mode in the address space that is meant. An error code of all ones means none.
 * Xen.
 */
VMI_API status_t vmi_request_page_fault(vmi_instance_t vmi, unsigned long vcpu,
                                        uint64_t virtual_address, uint32_t error_code) NOEXCEPT;

/* ---- Printing ------------------------------------------------------------------------------ */

/**
 * Prints bytes to stdout, 16 in a row: offset (8 hex digits), two groups of 8 bytes, and the
 * characters, a dot for those that cannot be printed. The others read first and print nothing if
 * any byte is unreadable.
 */
VMI_API void vmi_print_hex(const unsigned char *data, unsigned long length) NOEXCEPT;
VMI_API void vmi_print_hex_ksym(vmi_instance_t vmi, const char *sym, size_t length) NOEXCEPT;
/** Every page is translated by itself (LibVMI: the first one only). */
VMI_API void vmi_print_hex_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,
                              size_t length) NOEXCEPT;
VMI_API void vmi_print_hex_pa(vmi_instance_t vmi, addr_t paddr, size_t length) NOEXCEPT;

/* ---- Disks (Xen: raw devices and qcow2 files) ---------------------------------------------- */

/**
 * Reads `count` bytes, not 0, from byte `offset` of a connected disk (not a CD-ROM). All or none.
 */
VMI_API status_t vmi_read_disk(vmi_instance_t vmi, const char *device_id, uint64_t offset,
                               uint64_t count, void *buffer) NOEXCEPT;

/**
 * The disks' ids; the caller frees each string and the array. NULL and untouched `*num` on failure.
 */
VMI_API char **vmi_get_disks(vmi_instance_t vmi, unsigned int *num) NOEXCEPT;

/** Whether the guest boots from it. `*bootable` is untouched on failure. */
VMI_API status_t vmi_disk_is_bootable(vmi_instance_t vmi, const char *device_id,
                                      bool *bootable) NOEXCEPT;

/* ---- Caches -------------------------------------------------------------------------------- */
/*
 * Translations are not cached here (see the head of this file): what these calls add is answered
 * until it is flushed, and there is nothing else to flush but names and mappings. A flush never
 * fails.
 */

/** Drops the translations that were added for one page table, or all of them if `pt` is ~0ull. */
VMI_API void vmi_v2pcache_flush(vmi_instance_t vmi, addr_t pt) NOEXCEPT;

/** The same for translations that went through the nested table `npt`; ~0ull is any. */
VMI_API void vmi_v2pcache_nested_flush(vmi_instance_t vmi, addr_t pt, addr_t npt) NOEXCEPT;

/**
 * From now on the page of `va` translates to the page of `pa` in the address space `pt`, in the
 * instance's present mode. 0 is an address as any other (LibVMI ignores the call).
 */
VMI_API void vmi_v2pcache_add(vmi_instance_t vmi, addr_t va, addr_t pt, addr_t pa) NOEXCEPT;
VMI_API void vmi_v2pcache_nested_add(vmi_instance_t vmi, addr_t va, addr_t pt, addr_t npt,
                                     addr_t pa) NOEXCEPT;

/** Forgets the symbols that were added or looked up. */
VMI_API void vmi_symcache_flush(vmi_instance_t vmi) NOEXCEPT;

/**
 * From now on `sym` of the image at `base_addr` in process `pid` is at `va`; base 0 and pid 0 make
 * it a kernel symbol. The name is copied, whatever its length. Lookups by pid and by page table
 * both find it.
 */
VMI_API void vmi_symcache_add(vmi_instance_t vmi, addr_t base_addr, vmi_pid_t pid, char *sym,
                              addr_t va) NOEXCEPT;

/**
 * Forgets the names that vmi_translate_v2sym and vmi_translate_v2ksym gave: they become invalid.
 */
VMI_API void vmi_rvacache_flush(vmi_instance_t vmi) NOEXCEPT;

/**
 * From now on vmi_translate_v2sym answers `sym` there. The name is copied. Ignored for an unknown
 * pid.
 */
VMI_API void vmi_rvacache_add(vmi_instance_t vmi, addr_t base_addr, vmi_pid_t pid, addr_t rva,
                              char *sym) NOEXCEPT;

/** Forgets which page table belongs to which process. */
VMI_API void vmi_pidcache_flush(vmi_instance_t vmi) NOEXCEPT;

/** From now on process `pid` has this page table. The kernel's (pid 0) cannot be changed so. */
VMI_API void vmi_pidcache_add(vmi_instance_t vmi, vmi_pid_t pid, addr_t dtb) NOEXCEPT;

/** Lets go of the mappings of guest pages. */
VMI_API void vmi_pagecache_flush(vmi_instance_t vmi) NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* LIBVMI_H */

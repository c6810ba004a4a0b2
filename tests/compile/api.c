/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every identifier of the LibVMI interface: the value of each constant, the size of each type, the
 * offset of each member, the exact type of each function, the effect of each macro.
 *
 *   for CC in gcc clang; do $CC -std=c11 -Wall -Wextra -Werror -Iinclude \
 *       -Iinclude/compat -c tests/compile/api.c -o /dev/null; done
 *   for CXX in g++ clang++; do $CXX -std=c++17 -Wall -Wextra -Werror -Iinclude \
 *       -Iinclude/compat -c tests/compile/api_cxx.cc -o /dev/null; done
 *
 * tests/compile/check.sh does that and more. Linked with the library, and with json-c if its header
 * is there, the program proves that each function that is declared is also defined.
 */
#ifdef __cplusplus
#include <type_traits>
#endif

#define LIBVMI_EXTRA_GLIB
#ifdef __has_include
#if __has_include(<json-c/json.h>)
#define LIBVMI_EXTRA_JSON
#endif
#endif

#include <libvmi/events.h>
#include <libvmi/slat.h>
#include <libvmi/peparse.h>
#include <libvmi/libvmi_extra.h>
#include <libvmi/x86.h>

#ifdef __cplusplus
#define CHECK(condition, text)      static_assert(condition, text)
#define SAME_TYPE(expression, type) std::is_same<decltype(expression), type>::value
#define IS_FUNCTION(result, name, arguments)                                                       \
    std::is_same<decltype(&name), result(*) arguments noexcept>::value
#define IS_THROWING_FUNCTION(result, name, arguments)                                              \
    std::is_same<decltype(&name), result(*) arguments>::value
#else
#define CHECK(condition, text)               _Static_assert(condition, text)
#define SAME_TYPE(expression, type)          _Generic((expression), type : 1, default : 0)
#define IS_FUNCTION(result, name, arguments) _Generic(&name, result(*) arguments : 1, default : 0)
#define IS_THROWING_FUNCTION                 IS_FUNCTION
#endif

/* ---- Guards -------------------------------------------------------------------------------- */

#if !defined(LIBVMI_H) || !defined(LIBVMI_EVENTS_H) || !defined(LIBVMI_SLAT_H) ||                  \
    !defined(LIBVMI_EXTRA_H) || !defined(LIBVMI_X86_H) || !defined(LIBVMI_PEPARSE_H)
#error "an include guard has another name"
#endif
#ifndef NOEXCEPT
#error "NOEXCEPT is missing"
#endif

/* ---- Constants ----------------------------------------------------------------------------- */

#define VALUE(constant, number) CHECK((unsigned long long)(constant) == (number), #constant)
#include "api_values.h"
VALUE(VMI_INVALID_DOMID, ~0ULL);
VALUE(VMI_EVENTS_VERSION, 0x00000009);

/* these are told apart by the preprocessor in programs that support several versions */
#if VMI_EVENTS_VERSION != 9 || ACCESS_CONTEXT_VERSION != 1 || VMI_PM_EPT_4L != 7 ||                \
    VMI_MEMACCESS_RWX2N != 32 || VMI_EVENT_IO != 13 || VMI_TM_PROCESS_PT != 1 || MSR_ANY != 153
#error "not usable in #if"
#endif

CHECK(SAME_TYPE(VMI_INIT_DOMAINNAME, unsigned int), "init flags are unsigned int");
CHECK(SAME_TYPE(VMI_INIT_V2SYM, unsigned int), "init flags are unsigned int");
CHECK(SAME_TYPE(ACCESS_CONTEXT_VERSION, unsigned int), "the version is unsigned int");
CHECK(SAME_TYPE(VMI_PM_IA32E, int), "page modes are int");
CHECK(SAME_TYPE(VMI_TM_NONE, int), "translation mechanisms are int");
CHECK(SAME_TYPE(CR3, int), "registers are int");

/* ---- Types --------------------------------------------------------------------------------- */

CHECK(SAME_TYPE((addr_t)0, unsigned long), "programs pass unsigned long * for addr_t *");
CHECK(SAME_TYPE((reg_t)0, unsigned long), "programs pass unsigned long * for reg_t *");
CHECK(SAME_TYPE((vmi_pid_t)0, int32_t), "");
CHECK(SAME_TYPE((page_mode_t)0, uint32_t), "");
CHECK(SAME_TYPE((translation_mechanism_t)0, uint32_t), "");
CHECK(SAME_TYPE((vmi_event_type_t)0, uint16_t), "");
CHECK(SAME_TYPE((vmi_reg_access_t)0, uint8_t), "");
CHECK(SAME_TYPE((vmi_mem_access_t)0, uint8_t), "");
CHECK(SAME_TYPE((interrupts_t)0, uint8_t), "");
CHECK(SAME_TYPE((event_response_t)0, uint32_t), "");
CHECK(SAME_TYPE((event_response_flags_t)0, uint32_t), "");
CHECK(SAME_TYPE((vmi_instance_t)0, struct vmi_instance *), "");
CHECK(SAME_TYPE((event_callback_t)0, event_response_t (*)(vmi_instance_t, vmi_event_t *)), "");
CHECK(SAME_TYPE((vmi_event_free_t)0, void (*)(vmi_event_t *, status_t)), "");
CHECK(SAME_TYPE(&((vmi_event_t *)0)->callback, event_callback_t *), "");
CHECK(SAME_TYPE(&((vmi_event_t *)0)->data, void **), "");
CHECK(SAME_TYPE(&((vmi_event_t *)0)->x86_regs, x86_registers_t **), "");
CHECK(SAME_TYPE(&((vmi_event_t *)0)->arm_regs, arm_registers_t **), "");
CHECK(SAME_TYPE(&((vmi_event_t *)0)->emul_read, emul_read_t **), "");
CHECK(SAME_TYPE(&((vmi_event_t *)0)->emul_insn, emul_insn_t **), "");
CHECK(SAME_TYPE(&((watch_domain_event_t *)0)->created, bool *), "");
CHECK(SAME_TYPE(&((watch_domain_event_t *)0)->uuid, char **), "");
CHECK(SAME_TYPE(&((interrupt_event_t *)0)->reinject, int8_t *), "");
CHECK(SAME_TYPE(&((debug_event_t *)0)->reinject, int8_t *), "");
CHECK(SAME_TYPE(&((page_info_t *)0)->size, page_size_t *), "");
CHECK(SAME_TYPE(&((page_info_t *)0)->nsize, page_size_t *), "");
CHECK(SAME_TYPE(&((access_context_t *)0)->ksym, const char **), "");
CHECK(SAME_TYPE(&((access_context_t *)0)->pid, vmi_pid_t *), "");
CHECK(SAME_TYPE(&((unicode_string_t *)0)->contents, uint8_t **), "");
CHECK(SAME_TYPE(&((unicode_string_t *)0)->encoding, const char **), "");
CHECK(SAME_TYPE(&((struct pe_header *)0)->signature, int32_t *), "");

/* the tag of each type that has one */
CHECK(SAME_TYPE((vmi_mode_t)0, enum vmi_mode), "");
CHECK(SAME_TYPE((vmi_config_t)0, enum vmi_config), "");
CHECK(SAME_TYPE((status_t)0, enum status), "");
CHECK(SAME_TYPE((vmi_init_error_t)0, enum vmi_init_error), "");
CHECK(SAME_TYPE((firmware_t)0, enum firmware), "");
CHECK(SAME_TYPE((os_t)0, enum os), "");
CHECK(SAME_TYPE((win_ver_t)0, enum win_ver), "");
CHECK(SAME_TYPE((vmi_arch_t)0, enum arch), "");
CHECK(SAME_TYPE((page_size_t)0, enum page_size), "");
CHECK(SAME_TYPE((mtrr_regs_t *)0, struct x86_mtrr_regs *), "");
CHECK(SAME_TYPE((x86_segment_flags_t *)0, struct x86_segment_flags *), "");
CHECK(SAME_TYPE((x86_registers_t *)0, struct x86_regs *), "");
CHECK(SAME_TYPE((arm_registers_t *)0, struct arm_registers *), "");
CHECK(SAME_TYPE((registers_t *)0, struct registers *), "");
CHECK(SAME_TYPE((xsave_area_t *)0, struct xsave_area *), "");
CHECK(SAME_TYPE((page_info_t *)0, struct page_info *), "");
CHECK(SAME_TYPE((unicode_string_t *)0, struct _ustring *), "");
CHECK(SAME_TYPE((domain_status_t *)0, struct domain_status *), "");
CHECK(SAME_TYPE((emul_read_t *)0, struct emul_read *), "");
CHECK(SAME_TYPE((emul_insn_t *)0, struct emul_insn *), "");
CHECK(SAME_TYPE((reg_event_t *)0, struct reg_event *), "");
CHECK(SAME_TYPE((mem_access_event_t *)0, struct mem_access_event *), "");
CHECK(SAME_TYPE((watch_domain_event_t *)0, struct watch_domain_event *), "");
CHECK(SAME_TYPE((interrupt_event_t *)0, struct interrupt_event *), "");
CHECK(SAME_TYPE((privcall_event_t *)0, struct privcall_event *), "");
CHECK(SAME_TYPE((single_step_event_t *)0, struct single_step_event *), "");
CHECK(SAME_TYPE((debug_event_t *)0, struct debug_event *), "");
CHECK(SAME_TYPE((cpuid_event_t *)0, struct cpuid_event *), "");
CHECK(SAME_TYPE((descriptor_event_t *)0, struct desriptor_event *), "");
CHECK(SAME_TYPE((vmexit_event_t *)0, struct vmexit_event *), "");
CHECK(SAME_TYPE((vmi_event_t *)0, struct vmi_event *), "");

/* ---- Layout -------------------------------------------------------------------------------- */

#define SIZE(type, bytes)           CHECK(sizeof(type) == (bytes), #type)
#define OFFSET(type, member, bytes) CHECK(offsetof(type, member) == (bytes), #type "." #member)
#include "api_layout.h"

SIZE(addr_t, 8);
SIZE(reg_t, 8);
SIZE(vmi_pid_t, 4);
SIZE(page_size_t, 4);
SIZE(vmi_init_data_type_t, 4);
SIZE(event_callback_t, 8);
SIZE(vmi_event_free_t, 8);
SIZE(vmi_init_data_t, 8);
SIZE(memory_map_t, 8);
SIZE(x86_segment_flags_t, 8);
SIZE(domain_status_t, 4);
SIZE(((page_info_t *)0)->x86_legacy, 40);
SIZE(((page_info_t *)0)->x86_pae, 56);
SIZE(((page_info_t *)0)->x86_ia32e, 72);
SIZE(((page_info_t *)0)->arm_aarch32, 16);
SIZE(((page_info_t *)0)->arm_aarch64, 64);
SIZE(((memory_map_t *)0)->range[0], 16);
OFFSET(vmi_init_data_t, count, 0);
OFFSET(vmi_init_data_t, entry, 8);
OFFSET(memory_map_t, count, 0);
OFFSET(memory_map_t, range, 8);
OFFSET(x86_segment_flags_t, pad2, 2);
OFFSET(x86_segment_flags_t, pad3, 4);

/* ---- Functions ----------------------------------------------------------------------------- */

/* two of them are deprecated, which is checked below */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define F(result, name, arguments)                                                                 \
    CHECK(IS_FUNCTION(result, name, arguments), #name);                                            \
    __attribute__((unused)) static result(*const pointer_to_##name) arguments = name;
#define F_THROWS(result, name, arguments)                                                          \
    CHECK(IS_THROWING_FUNCTION(result, name, arguments), #name);                                   \
    __attribute__((unused)) static result(*const pointer_to_##name) arguments = name;
#include "api_functions.h"
#undef F
#undef F_THROWS

/* what gcc alone can tell: visibility, and the attribute of the deprecated ones */
#if defined(__GNUC__) && !defined(__clang__) && !defined(__cplusplus) && __GNUC__ >= 9
#define F(result, name, arguments)                                                                 \
    CHECK(__builtin_has_attribute(name, visibility("default")), #name " is not exported");
#define F_THROWS F
#include "api_functions.h"
#undef F
#undef F_THROWS
CHECK(__builtin_has_attribute(vmi_slat_get_domain_state, deprecated), "");
CHECK(__builtin_has_attribute(vmi_slat_set_domain_state, deprecated), "");
CHECK(!__builtin_has_attribute(vmi_slat_state, deprecated), "");
#endif

#define F(result, name, arguments)        {#name, (void (*)(void))(name)},
#define F_THROWS(result, name, arguments) {#name, (void (*)(void))(name)},
static const struct {
    const char *name;
    void (*function)(void);
} functions[] = {
#include "api_functions.h"
};

/* ---- Macros -------------------------------------------------------------------------------- */

CHECK(VMI_BIT_MASK(0, 0) == 1 && VMI_BIT_MASK(0, 63) == ~0ULL &&
          VMI_BIT_MASK(12, 51) == 0xffffffffff000,
      "");
CHECK(VMI_BIT_MASK(63, 63) == 1ULL << 63 && SAME_TYPE(VMI_BIT_MASK(1, 2), unsigned long long), "");
CHECK(VMI_GET_BIT(5, 0) == 1 && VMI_GET_BIT(5, 1) == 0 && VMI_GET_BIT(1ULL << 63, 63) == 1, "");
CHECK(PRESENT(1) && READ_WRITE(2) && USER_SUPERVISOR(4) && WRITE_THROUGH(8), "");
CHECK(CACHE_DISABLED(0x10) && ACCESSED(0x20) && DIRTY(0x40) && PAGE_SIZE(0x80), "");
CHECK(GLOBAL_PAGE(0x100) && PROTOTYPE(0x400) && TRANSITION(0x800) && NX(1ULL << 63), "");
CHECK(!PRESENT(~1ULL) && !PAGE_SIZE(~0x80ULL) && !NX(~0ULL >> 1), "");
CHECK(ENTRY_PRESENT(0, 1) && ENTRY_PRESENT(1, 1) && !ENTRY_PRESENT(0, 0x800), "");
CHECK(ENTRY_PRESENT(1, 0x800) && !ENTRY_PRESENT(1, 0xc00) && !ENTRY_PRESENT(1, 0), "");

static event_response_t callback(vmi_instance_t vmi, vmi_event_t *event)
{
    (void)vmi;
    (void)event;
    return VMI_EVENT_RESPONSE_NONE;
}

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                 \
            failed++;                                                                              \
        }                                                                                          \
    } while (0)

static int check_macros(void)
{
    int failed = 0;

    ACCESS_CONTEXT(physical);
    EXPECT(physical.version == 1 && physical.tm == VMI_TM_NONE && physical.addr == 0);
    EXPECT(physical.pm == 0 && physical.npm == 0 && physical.npt == 0 && physical.pt == 0);

    single_step_event_t step = {};
    SET_VCPU_SINGLESTEP(step, 31);
    SET_VCPU_SINGLESTEP(step, 0);
    EXPECT(step.vcpus == 0x80000001 && CHECK_VCPU_SINGLESTEP(step, 31));
    UNSET_VCPU_SINGLESTEP(step, 31);
    EXPECT(step.vcpus == 1 && !CHECK_VCPU_SINGLESTEP(step, 31) && CHECK_VCPU_SINGLESTEP(step, 0));

    /* each event starts from all ones, so that what a macro leaves alone can be seen */
    vmi_event_t event;
    const vmi_event_t *const e = &event;
#define FRESH() memset(&event, 0xff, sizeof(event))
#define COMMON(t)                                                                                  \
    (e->version == 9 && e->type == (t) && e->callback == callback && e->slat_id == 0xffff &&       \
     e->next_slat_id == 0xffff && e->vcpu_id == ~0u && e->page_mode == ~0u &&                      \
     e->data == (void *)-1)

    FRESH();
    SETUP_SINGLESTEP_EVENT(&event, 5, callback, true);
    EXPECT(COMMON(VMI_EVENT_SINGLESTEP) && e->ss_event.vcpus == 5 && e->ss_event.enable == 1);
    EXPECT(e->ss_event.gla == ~0ull);

    FRESH();
    SETUP_MEM_EVENT(&event, 0x1234, VMI_MEMACCESS_RWX, callback, 0);
    EXPECT(COMMON(VMI_EVENT_MEMORY) && e->mem_event.gfn == 0x1234 && e->mem_event.generic == 0);
    EXPECT(e->mem_event.in_access == VMI_MEMACCESS_RWX && e->mem_event.out_access == 0xff);
    SETUP_MEM_EVENT(&event, 0x1234, VMI_MEMACCESS_X, callback, true);
    EXPECT(e->mem_event.gfn == ~0ull && e->mem_event.generic == 1);

    FRESH();
    SETUP_REG_EVENT(&event, CR3, VMI_REGACCESS_W, 7, callback);
    EXPECT(COMMON(VMI_EVENT_REGISTER) && e->reg_event.reg == CR3 && e->reg_event.equal == 7);
    EXPECT(e->reg_event.in_access == VMI_REGACCESS_W && e->reg_event.async == 0xff);
    EXPECT(e->reg_event.onchange == 0xff && e->reg_event.msr == ~0u);

    FRESH();
    SETUP_INTERRUPT_EVENT(&event, callback);
    EXPECT(COMMON(VMI_EVENT_INTERRUPT) && e->interrupt_event.intr == INT3);
    EXPECT(e->interrupt_event.reinject == -1 && e->interrupt_event.insn_length == ~0u);

    FRESH();
    SETUP_PRIVCALL_EVENT(&event, callback);
    EXPECT(COMMON(VMI_EVENT_PRIVILEGED_CALL));

    FRESH();
    SETUP_IO_EVENT(&event, callback);
    EXPECT(COMMON(VMI_EVENT_IO));

    /* bit fields: their place in the word, and that each is named */
    union {
        uint64_t word;
        x86_segment_flags_t flags;
    } segment = {0};
    segment.flags.type = 0xb;
    segment.flags.s = 1;
    segment.flags.dpl = 2;
    segment.flags.p = 1;
    EXPECT(segment.word == 0xdb);
    segment.flags.avl = 1;
    EXPECT(segment.word == 0x1db);
    segment.flags.l = 1;
    EXPECT(segment.word == 0x3db);
    segment.flags.db = 1;
    EXPECT(segment.word == 0x7db);
    segment.flags.g = 1;
    EXPECT(segment.word == 0xfdb);
    segment.flags.pad = 0xf;
    EXPECT(segment.word == 0xffdb);

    union {
        unsigned int word;
        domain_status_t status;
    } domain = {0};
    domain.status.dying = 1;
    domain.status.paused = 1;
    domain.status.running = 1;
    EXPECT(domain.word == 0x15);
    domain.status.shutdown = 1;
    domain.status.blocked = 1;
    domain.status.debugged = 1;
    EXPECT(domain.word == 0x3f);
    return failed;
}

int main(void)
{
    int failed = check_macros();
    const unsigned int count = sizeof(functions) / sizeof(functions[0]);

    for (unsigned int i = 0; i < count; i++)
        EXPECT(functions[i].function != NULL && functions[i].name != NULL);
    printf("%u functions, %d failed\n", count, failed);
    return failed != 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How programs use the interface, in small: what LibVMI's users write must compile without a
 * warning. Nothing here is meant to be run.
 *
 *   for CC in gcc clang; do $CC -std=gnu99 -Wall -Wextra -Werror -Iinclude -Iinclude/compat \
 *       -c tests/compile/idioms.c -o /dev/null; done
 *   for CXX in g++ clang++; do $CXX -std=c++17 -Wall -Wextra -Werror -Iinclude -Iinclude/compat \
 *       -c tests/compile/idioms_cxx.cc -o /dev/null; done
 *
 * tests/compile/check.sh does that and more.
 */

/* programs have a PAGE_SIZE of their own, and some include one header only */
#define PAGE_SIZE 0x1000
#define LIBVMI_EXTRA_GLIB
#include <libvmi/events.h>
#include <libvmi/libvmi_extra.h>
#include <libvmi/slat.h>
#include <stdlib.h>

#if PAGE_SIZE != 0x1000
#error "libvmi.h must leave PAGE_SIZE alone"
#endif

/* ---- Opening ------------------------------------------------------------------------------- */

static vmi_instance_t open_guest(char *name, char *socket)
{
    vmi_instance_t vmi = {0};
    vmi_init_data_t *init_data = NULL;
    vmi_init_error_t error;
    vmi_mode_t mode;
    uint64_t domid = VMI_INVALID_DOMID;
    uint8_t init = VMI_INIT_DOMAINNAME, config_type = VMI_CONFIG_GLOBAL_FILE_ENTRY;
    void *domain = (void *)name;
    bool with_id = domid != VMI_INVALID_DOMID;

    if (socket) {
        init_data =
            (vmi_init_data_t *)malloc(sizeof(vmi_init_data_t) + sizeof(vmi_init_data_entry_t));
        init_data->count = 1;
        init_data->entry[0].type = VMI_INIT_DATA_KVMI_SOCKET;
        init_data->entry[0].data = strdup(socket);
    }
    if (with_id) {
        domain = (void *)&domid;
        init = VMI_INIT_DOMAINID;
    }
    if (VMI_FAILURE == vmi_get_access_mode(NULL, domain, init, init_data, &mode))
        return NULL;
    if (VMI_FAILURE == vmi_init(&vmi, mode, domain, init | VMI_INIT_EVENTS, init_data, NULL))
        return NULL;
    if (VMI_PM_UNKNOWN == vmi_init_paging(vmi, 0) ||
        VMI_OS_UNKNOWN == vmi_init_os(vmi, (vmi_config_t)config_type, NULL, &error))
        vmi_destroy(vmi);
    if (vmi_init_complete(&vmi, domain, VMI_INIT_DOMAINNAME, init_data,
                          VMI_CONFIG_GLOBAL_FILE_ENTRY, NULL, &error) == VMI_FAILURE) {
        printf("error %d\n", error);
        vmi_resume_vm(vmi);
        vmi_destroy(vmi);
    }
    if (init_data) {
        free(init_data->entry[0].data);
        free(init_data);
    }
    return vmi;
}

static void open_with_map(const char *path)
{
    vmi_instance_t vmi = NULL;
    memory_map_t *map = (memory_map_t *)malloc(sizeof(memory_map_t) + 2 * sizeof(map->range[0]));
    struct {
        uint64_t count;
        vmi_init_data_entry_t entry[1];
    } data;

    map->count = 2;
    map->range[0][0] = 0;
    map->range[0][1] = 0xa0000;
    data.count = 1;
    data.entry[0].type = VMI_INIT_DATA_MEMMAP;
    data.entry[0].data = map;
    vmi_init(&vmi, VMI_FILE, path, VMI_INIT_DOMAINNAME, (vmi_init_data_t *)&data, NULL);
    free(map);
}

static void open_with_table(vmi_instance_t vmi)
{
    GHashTable *config = g_hash_table_new(g_str_hash, g_str_equal);
    uint64_t tasks = 0x2d0;
    char key[] = "ostype", text[] = "Linux", number[] = "linux_tasks";

    g_hash_table_insert(config, key, text);
    g_hash_table_insert(config, number, &tasks);
    vmi_init_os(vmi, VMI_CONFIG_GHASHTABLE, config, NULL);
    g_hash_table_remove(config, key);
    g_hash_table_destroy(config);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static void list_processes(vmi_instance_t vmi)
{
    /* whatever has the size of an address is passed as one */
    unsigned long tasks_offset = 0, pid_offset = 0;
    size_t name_offset = 0;
    addr_t list_head = 0, cur = 0, next = 0;
    vmi_pid_t pid = 0;
    char *procname = NULL;
    status_t status;

    if (VMI_FAILURE == vmi_get_offset(vmi, "linux_tasks", &tasks_offset) ||
        VMI_FAILURE == vmi_get_offset(vmi, "linux_pid", &pid_offset) ||
        VMI_FAILURE == vmi_get_offset(vmi, "linux_name", &name_offset))
        return;
    if (VMI_FAILURE == vmi_translate_ksym2v(vmi, "init_task", &list_head))
        return;
    cur = list_head += tasks_offset;
    status = vmi_read_addr_va(vmi, cur, 0, &next);
    vmi_read_32_va(vmi, cur - tasks_offset + pid_offset, 0, (uint32_t *)&pid);
    procname = vmi_read_str_va(vmi, cur - tasks_offset + name_offset, 0);
    printf("[%5d] %s (struct addr:%lx) %d\n", pid, procname, cur - tasks_offset, status);
    free(procname);
}

static void list_modules(vmi_instance_t vmi)
{
    addr_t next_module = 0;
    unicode_string_t *us = NULL;
    unicode_string_t out = {0, NULL, NULL};
    char *name = vmi_get_name(vmi);

    vmi_read_addr_ksym(vmi, (char *)"PsLoadedModuleList", &next_module);
    if (VMI_PM_IA32E == vmi_get_page_mode(vmi, 0))
        us = vmi_read_unicode_str_va(vmi, next_module + 0x58, 0);
    if (us && VMI_SUCCESS == vmi_convert_str_encoding(us, &out, "UTF-8"))
        printf("%s %s\n", name, out.contents);
    if (us)
        vmi_free_unicode_str(us);
    free(out.contents);
    free(name);
}

static void dump(vmi_instance_t vmi, const char *sym)
{
    unsigned char memory[PAGE_SIZE];
    unsigned char page[VMI_PS_4KB];
    size_t bytes_read;

    if (VMI_SUCCESS == vmi_read_ksym(vmi, sym, PAGE_SIZE, memory, &bytes_read))
        vmi_print_hex(memory, PAGE_SIZE);
    if (VMI_SUCCESS == vmi_read_pa(vmi, 0, sizeof(page), page, NULL))
        vmi_print_hex(page, bytes_read);
}

static void contexts(vmi_instance_t vmi, addr_t dtb, addr_t va)
{
    uint64_t value;
    addr_t addr;

    ACCESS_CONTEXT(none);
    ACCESS_CONTEXT(by_dtb, .translate_mechanism = VMI_TM_PROCESS_DTB, .addr = va, .dtb = dtb);
    ACCESS_CONTEXT(by_pid, .tm = VMI_TM_PROCESS_PID, .addr = va, .pid = 4);
    ACCESS_CONTEXT(by_name, .tm = VMI_TM_KERNEL_SYMBOL, .ksym = "init_task");
    none.addr = va;
    vmi_read_64(vmi, &none, &value);
    vmi_read_64(vmi, &by_dtb, &value);
    vmi_read_addr(vmi, &by_pid, &addr);
    vmi_read_addr(vmi, &by_name, &addr);
#ifndef __cplusplus
    /* every spelling of every member, in any order; C++ has designated initialisers from C++20 on
     * only, in order only, and without those of anonymous members in g++ */
    const access_context_t spellings[] = {
        {.version = ACCESS_CONTEXT_VERSION, .translate_mechanism = VMI_TM_NONE, .addr = va},
        {.dtb = dtb, .addr = va, .tm = VMI_TM_PROCESS_DTB},
        {.tm = VMI_TM_PROCESS_PT, .pt = dtb, .addr = va, .pm = VMI_PM_PAE},
        {.tm = VMI_TM_PROCESS_PT, .page_table = dtb, .addr = va, .page_mode = VMI_PM_IA32E},
        {.tm = VMI_TM_PROCESS_PID, .pid = -1, .addr = va, .npt = dtb, .npm = VMI_PM_EPT_4L},
        {.nested_page_table = dtb, .nested_page_mode = VMI_PM_EPT_4L, .addr = va},
        {.translate_mechanism = VMI_TM_KERNEL_SYMBOL, .ksym = "init_task"},
    };
    access_context_t ctx = {
        .version = ACCESS_CONTEXT_VERSION,
        .translate_mechanism = VMI_TM_PROCESS_DTB,
    };
    ctx.dtb = dtb;
    ctx.addr = va;
    vmi_read_64(vmi, &ctx, &value);
    ACCESS_CONTEXT(reordered, .dtb = dtb, .addr = va, .translate_mechanism = VMI_TM_PROCESS_PT);
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
        vmi_read_64(vmi, &spellings[i], &value);
    vmi_read_64(vmi, &reordered, &value);
#endif
}

static void list_pages(vmi_instance_t vmi, reg_t cr3)
{
    GSList *list = vmi_get_va_pages(vmi, (addr_t)cr3), *loop = list;

    while (loop) {
        page_info_t *page = (page_info_t *)loop->data;
        if (page->size == VMI_PS_4KB)
            printf("%lx %lx %lx\n", page->vaddr, page->paddr, page->x86_ia32e.pte_value);
        else if (page->size == VMI_PS_2MB)
            printf("%lx\n", page->x86_ia32e.pgd_value);
        g_free(loop->data);
        loop = loop->next;
    }
    g_slist_free(list);
}

/* ---- Events -------------------------------------------------------------------------------- */

static vmi_event_t cr3_event;
static vmi_event_t interrupt_event;
static vmi_event_t step_event;
static emul_insn_t emul;
static int interrupted = 0;

static void free_event(vmi_event_t *event, status_t rc)
{
    (void)rc;
    free(event);
}

static event_response_t on_step(vmi_instance_t vmi, vmi_event_t *event)
{
    vmi_event_t *again = (vmi_event_t *)event->data;

    printf("%u %lx %lx\n", event->vcpu_id, event->ss_event.gfn, event->ss_event.gla);
    vmi_set_mem_event(vmi, again->mem_event.gfn, VMI_MEMACCESS_X, 0);
    return VMI_EVENT_RESPONSE_TOGGLE_SINGLESTEP | VMI_EVENT_RESPONSE_SLAT_ID;
}

static event_response_t on_access(vmi_instance_t vmi, vmi_event_t *event)
{
    static emul_read_t reading;
    char access[] = {(event->mem_event.out_access & VMI_MEMACCESS_R) ? 'r' : '-',
                     (event->mem_event.out_access & VMI_MEMACCESS_W) ? 'w' : '-',
                     (event->mem_event.out_access & VMI_MEMACCESS_X) ? 'x' : '-', 0};

    printf("%s at %lx, rip %lx, %u\n", access,
           (event->mem_event.gfn << 12) + event->mem_event.offset, event->x86_regs->rip,
           GPOINTER_TO_UINT(event->data));
    if (event->mem_event.gla_valid && event->x86_regs->cr3 == 0) {
        reading.dont_free = 1;
        reading.size = 8;
        memset(reading.data, 0, sizeof(reading.data));
        event->emul_read = &reading;
        return VMI_EVENT_RESPONSE_SET_EMUL_READ_DATA;
    }
    vmi_clear_event(vmi, event, NULL);
    vmi_step_event(vmi, event, event->vcpu_id, 1, NULL);
    return 0;
}

static event_response_t on_interrupt(vmi_instance_t vmi, vmi_event_t *event)
{
    (void)vmi;
    if (!event->interrupt_event.insn_length)
        event->interrupt_event.insn_length = 1;
    event->interrupt_event.reinject = 0;
    event->emul_insn = &emul;
    emul.dont_free = 1;
    return VMI_EVENT_RESPONSE_SET_EMUL_INSN;
}

static event_response_t on_register(vmi_instance_t vmi, vmi_event_t *event)
{
    vmi_pid_t pid = -1;

    vmi_dtb_to_pid(vmi, event->reg_event.value, &pid);
    printf("%u: %lx by %d\n", event->reg_event.msr, event->reg_event.value, pid);
    event->x86_regs->rip += event->cpuid_event.insn_length;
    return VMI_EVENT_RESPONSE_SET_REGISTERS;
}

static void events(vmi_instance_t vmi)
{
    vmi_event_t *mem_event = (vmi_event_t *)calloc(1, sizeof(vmi_event_t)), copy;
    vmi_event_t local = {};
    unsigned int vcpus = vmi_get_num_vcpus(vmi);
    reg_t rip, cr3;
    uint64_t gfn;
    bool state;
    uint16_t view;

    memset(&cr3_event, 0, sizeof(vmi_event_t));
    cr3_event.version = VMI_EVENTS_VERSION;
    cr3_event.type = VMI_EVENT_REGISTER;
    cr3_event.callback = on_register;
    cr3_event.reg_event.reg = CR3;
    cr3_event.reg_event.in_access = VMI_REGACCESS_W;
    if (vmi_register_event(vmi, &cr3_event) == VMI_FAILURE)
        fprintf(stderr, "failed\n");
    copy = cr3_event;
    copy.reg_event.reg = MSR_ALL;

    SETUP_REG_EVENT(&local, MSR_ANY, VMI_REGACCESS_W, 0, on_register);
    local.reg_event.msr = 0xc0000082;
    SETUP_INTERRUPT_EVENT(&interrupt_event, on_interrupt);
    SETUP_SINGLESTEP_EVENT(&step_event, VMI_BIT_MASK(0, vcpus - 1), on_step, false);
    SETUP_SINGLESTEP_EVENT(&step_event, 1u << 0, on_step, 0);
    for (unsigned int vcpu = 0; vcpu < vcpus; vcpu++)
        SET_VCPU_SINGLESTEP(step_event.ss_event, vcpu);
    if (CHECK_VCPU_SINGLESTEP(step_event.ss_event, 1))
        UNSET_VCPU_SINGLESTEP(step_event.ss_event, 1);
    step_event.data = mem_event;

    vmi_get_vcpureg(vmi, &rip, RIP, 0);
    vmi_get_vcpureg(vmi, &cr3, CR3, 0);
    cr3 &= VMI_BIT_MASK(12, 51);
    vmi_pagetable_lookup(vmi, cr3, rip, &gfn);
    gfn >>= 12;
    SETUP_MEM_EVENT(mem_event, gfn, VMI_MEMACCESS_RW, on_access, 0);
    SETUP_MEM_EVENT(mem_event, ~0ULL, VMI_MEMACCESS_X, on_access, 1);
    mem_event->data = GUINT_TO_POINTER(7);
    SETUP_PRIVCALL_EVENT(&local, on_register);
    SETUP_IO_EVENT(&local, on_register);

    while (!interrupted) {
        if (vmi_events_listen(vmi, 500) != VMI_SUCCESS)
            interrupted = -1;
    }
    vmi_pause_vm(vmi);
    while (vmi_are_events_pending(vmi) > 0)
        vmi_events_listen(vmi, 0);
    vmi_clear_event(vmi, mem_event, free_event);
    vmi_clear_event(vmi, &copy, NULL);
    if (vmi_slat_state(vmi, &state) == VMI_SUCCESS && vmi_slat_control(vmi, true) == VMI_SUCCESS)
        vmi_slat_create(vmi, &view);
    vmi_resume_vm(vmi);
}

static void registers(vmi_instance_t vmi)
{
    registers_t regs;
    addr_t pt;

    memset(&regs, 0, sizeof(regs));
    if (vmi_get_vcpuregs(vmi, &regs, 0) == VMI_FAILURE)
        return;
    pt = regs.x86.cr3 & ~0xfffull;
    regs.x86.fs_flags.dpl = 3;
    printf("%lx %lx %x\n", pt, regs.x86.gs_base, regs.x86.cs_flags.type);
    regs.arm.pc = 0;
}

int main(int argc, char **argv)
{
    vmi_instance_t vmi = open_guest(argv[1], argc > 2 ? argv[2] : NULL);

    open_with_map(argv[1]);
    open_with_table(vmi);
    list_processes(vmi);
    list_modules(vmi);
    dump(vmi, argv[1]);
    contexts(vmi, 0, 0);
    list_pages(vmi, 0);
    events(vmi);
    registers(vmi);
    return vmi_destroy(vmi) == VMI_SUCCESS ? 0 : 1;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses, page tables, processes, page lists; registers and mappings; and what failures leave in
 * the results. */
#define _GNU_SOURCE
#define LIBVMI_EXTRA_GLIB
#include <libvmi/libvmi_extra.h>

#include <sys/mman.h>

#include "vmi_fake.h"

static int setup(void **state)
{
    *state = fake_new(true);
    return 0;
}

static int setup_without_os(void **state)
{
    *state = fake_new(false);
    return 0;
}

static int teardown(void **state)
{
    fake_free(*state);
    return 0;
}

static void addresses(void **state)
{
    vmi_instance_t vmi = ((struct fake *)*state)->vmi;
    addr_t pa = 77;
    assert_int_equal(vmi_translate_kv2p(vmi, KERNEL_VA + 0x1234, &pa), VMI_SUCCESS);
    assert_true(pa == DATA + 0x1234);
    assert_int_equal(vmi_translate_kv2p(vmi, 0x1234, &pa), VMI_FAILURE);
    assert_true(pa == 0);
    assert_int_equal(vmi_translate_uv2p(vmi, USER_VA + 5, PID, &pa), VMI_SUCCESS);
    assert_true(pa == DATA + 0x8005);
    assert_int_equal(vmi_translate_uv2p(vmi, KERNEL_VA, 0, &pa), VMI_SUCCESS);
    assert_true(pa == DATA);
    pa = 77;
    assert_int_equal(vmi_translate_uv2p(vmi, USER_VA, 99, &pa), VMI_FAILURE);
    assert_true(pa == 0);
    assert_int_equal(vmi_translate_uv2p(vmi, USER_VA, -1, &pa), VMI_FAILURE);
    assert_int_equal(vmi_translate_kv2p(NULL, 0, &pa), VMI_FAILURE);
    assert_int_equal(vmi_translate_kv2p(vmi, 0, NULL), VMI_FAILURE);
}

static void symbols(void **state)
{
    vmi_instance_t vmi = ((struct fake *)*state)->vmi;
    addr_t va = 77;
    assert_int_equal(vmi_translate_ksym2v(vmi, "init_task", &va), VMI_SUCCESS);
    assert_true(va == KERNEL_VA + 0x100);
    assert_int_equal(vmi_translate_ksym2v(vmi, "nothing", &va), VMI_FAILURE);
    assert_true(va == 0);
    assert_int_equal(vmi_translate_ksym2v(vmi, NULL, &va), VMI_FAILURE);
    ACCESS_CONTEXT(kernel, .tm = VMI_TM_PROCESS_PID);
    ACCESS_CONTEXT(root, .tm = VMI_TM_PROCESS_PT, .pt = KERNEL_ROOT);
    ACCESS_CONTEXT(other, .tm = VMI_TM_PROCESS_PT, .pt = USER_ROOT);
    const char *name = vmi_translate_v2ksym(vmi, &kernel, KERNEL_VA + 0x100);
    assert_string_equal(name, "init_task");
    assert_ptr_equal(vmi_translate_v2ksym(vmi, &root, KERNEL_VA + 0x100),
                     name); /* the library's own, the same each time */
    assert_null(vmi_translate_v2ksym(vmi, &other, KERNEL_VA + 0x100));
    assert_null(vmi_translate_v2ksym(vmi, &kernel, KERNEL_VA + 0x101)); /* exact hits only */
    assert_null(vmi_translate_v2ksym(vmi, &kernel, 5));
    assert_null(vmi_translate_v2ksym(vmi, NULL, 5));
    struct vmi_symbol s;
    uint64_t offset;
    assert_int_equal(vmi_symbol_by_address(vmi, KERNEL_VA + 0x105, &s, &offset), VMI_SUCCESS);
    assert_string_equal(s.name, "init_task");
    assert_int_equal(offset, 5);
    assert_int_equal(vmi_symbol_by_name(vmi, "some_module", "init_task", &s), VMI_FAILURE);
    assert_int_equal(vmi_symbol_by_name(vmi, "", "init_task", &s), VMI_SUCCESS);
}

static void processes(void **state)
{
    struct fake *f = *state;
    addr_t dtb = 77;
    vmi_pid_t pid = 77;
    assert_int_equal(vmi_pid_to_dtb(f->vmi, PID, &dtb), VMI_SUCCESS);
    assert_true(dtb == USER_ROOT);
    assert_int_equal(vmi_pid_to_dtb(f->vmi, 0, &dtb), VMI_SUCCESS);
    assert_true(dtb == KERNEL_ROOT);
    assert_int_equal(vmi_pid_to_dtb(f->vmi, 99, &dtb), VMI_FAILURE);
    assert_true(dtb == 0);
    assert_int_equal(vmi_dtb_to_pid(f->vmi, USER_ROOT | 0x123, &pid), VMI_SUCCESS); /* a PCID */
    assert_int_equal(pid, PID);
    assert_int_equal(vmi_dtb_to_pid(f->vmi, KERNEL_ROOT, &pid), VMI_SUCCESS);
    assert_int_equal(pid, 0);
    assert_int_equal(vmi_dtb_to_pid(f->vmi, 0x7000, &pid), VMI_FAILURE);
    assert_int_equal(pid, -1);
    f->vmi->os.info.page_table_isolation = true; /* the user's half of the pair is the next page */
    assert_int_equal(vmi_dtb_to_pid(f->vmi, USER_ROOT | 0x1000, &pid), VMI_SUCCESS);
    assert_int_equal(pid, PID);
}

static void before_an_os_is_known(void **state)
{
    vmi_instance_t vmi = ((struct fake *)*state)->vmi;
    addr_t v = 77;
    vmi_pid_t pid = 5;
    page_info_t info;
    assert_int_equal(vmi_translate_kv2p(vmi, KERNEL_VA, &v), VMI_FAILURE);
    assert_int_equal(vmi_pid_to_dtb(vmi, 0, &v), VMI_FAILURE);
    assert_int_equal(vmi_pagetable_lookup(vmi, KERNEL_ROOT, KERNEL_VA, &v), VMI_FAILURE);
    assert_int_equal(vmi_get_offset(vmi, "linux_tasks", &v), VMI_FAILURE);
    assert_int_equal(vmi_get_kernel_struct_offset(vmi, "task_struct", "mm", &v), VMI_FAILURE);
    assert_true(v == 77); /* untouched where the call could not begin */
    assert_int_equal(vmi_dtb_to_pid(vmi, USER_ROOT, &pid), VMI_FAILURE);
    assert_int_equal(pid, -1);
    assert_int_equal(vmi_pagetable_lookup_extended(vmi, KERNEL_ROOT, KERNEL_VA, &info),
                     VMI_FAILURE);
    assert_int_equal(vmi_get_address_width(vmi), 0);
    assert_int_equal(vmi_get_ostype(vmi), VMI_OS_UNKNOWN);
    assert_null(vmi_kernel_info(vmi));
    assert_int_equal(vmi_each_process(vmi, 0, NULL, NULL, NULL), VMI_FAILURE);
}

static void lookups(void **state)
{
    struct fake *f = *state;
    addr_t pa = 77, na = 78;
    page_info_t info;
    assert_int_equal(vmi_pagetable_lookup(f->vmi, USER_ROOT | 1, USER_VA, &pa), VMI_SUCCESS);
    assert_true(pa == DATA + 0x8000);
    assert_int_equal(vmi_pagetable_lookup(f->vmi, USER_ROOT, 0, &pa), VMI_FAILURE);
    assert_true(pa == 0);
    assert_int_equal(vmi_pagetable_lookup_extended(f->vmi, KERNEL_ROOT, KERNEL_VA + 0x1010, &info),
                     VMI_SUCCESS);
    assert_true(info.vaddr == KERNEL_VA + 0x1010 && info.paddr == DATA + 0x1010 &&
                info.pt == KERNEL_ROOT);
    assert_int_equal(info.pm, VMI_PM_IA32E);
    assert_int_equal(info.size, VMI_PS_4KB);
    assert_true(info.x86_ia32e.pml4e_location == KERNEL_ROOT + 511 * 8);
    assert_true(info.x86_ia32e.pte_value == (DATA + 0x1000) + 7);
    assert_true(fake_get64(f, info.x86_ia32e.pgd_location) == info.x86_ia32e.pgd_value);
    assert_true(fake_get64(f, info.x86_ia32e.pdpte_location) == info.x86_ia32e.pdpte_value);
    assert_int_equal(vmi_pagetable_lookup_extended(f->vmi, KERNEL_ROOT, EDGE_VA + 0x1000, &info),
                     VMI_FAILURE);
    assert_true(info.paddr == 0 &&
                info.x86_ia32e.pgd_value != 0); /* the levels that were reached */
    assert_true(info.x86_ia32e.pte_value == 0 && info.x86_ia32e.pte_location != 0);
    pa = 77;
    assert_int_equal(
        vmi_nested_pagetable_lookup(f->vmi, 0, 0, KERNEL_ROOT, VMI_PM_IA32E, KERNEL_VA, &pa, NULL),
        VMI_SUCCESS);
    assert_true(pa == DATA);
    pa = 77;
    assert_int_equal(
        vmi_nested_pagetable_lookup(f->vmi, 0, 0, KERNEL_ROOT, VMI_PM_IA32E, 0, &pa, &na),
        VMI_FAILURE);
    assert_int_equal(vmi_nested_pagetable_lookup(f->vmi, 0, 0, KERNEL_ROOT, 0, KERNEL_VA, &pa, &na),
                     VMI_FAILURE);
    assert_int_equal(vmi_nested_pagetable_lookup(f->vmi, 1, VMI_PM_EPT_4L, KERNEL_ROOT,
                                                 VMI_PM_IA32E, 0, &pa, NULL),
                     VMI_FAILURE);
    assert_true(pa == 77 && na == 78);
}

/* The guest's own paging, one level further in: an EPT that shifts every address by 64 KiB. */
static void nested(void **state)
{
    struct fake *f = *state;
    uint64_t ept = 0x100000, pa = 0, na = 0, shift = 0x10000;
    fake_put64(f, ept, (ept + 0x1000) | 7);
    fake_put64(f, ept + 0x1000, (ept + 0x2000) | 7);
    for (unsigned i = 0; i < 2; i++) {
        fake_put64(f, ept + 0x2000 + i * 8, (ept + 0x3000 + i * 0x1000) | 7);
        for (unsigned j = 0; j < 512; j++)
            fake_put64(f, ept + 0x3000 + i * 0x1000 + j * 8, ((i << 21 | j << 12) + shift) | 7);
    }
    /* the inner tables, where the inner guest thinks they are at 0x20000 */
    uint64_t root = 0x20000, va = 0x400123;
    fake_put64(f, root + shift, (root + 0x1000) | 7);
    fake_put64(f, root + shift + 0x1000, (root + 0x2000) | 7);
    fake_put64(f, root + shift + 0x2000 + 2 * 8, (root + 0x3000) | 7);
    fake_put64(f, root + shift + 0x3000, 0x200000 | 7);
    assert_int_equal(
        vmi_nested_pagetable_lookup(f->vmi, ept, VMI_PM_EPT_4L, root, VMI_PM_IA32E, va, &pa, &na),
        VMI_SUCCESS);
    assert_true(pa == 0x200123 && na == 0x210123);
    page_info_t info;
    assert_int_equal(vmi_nested_pagetable_lookup_extended(f->vmi, ept, VMI_PM_EPT_4L, root,
                                                          VMI_PM_IA32E, va, &info),
                     VMI_SUCCESS);
    assert_true(info.paddr == pa && info.naddr == na && info.npt == ept &&
                info.npm == VMI_PM_EPT_4L);
    assert_int_equal(info.nsize, VMI_PS_4KB);
    /* the nested table alone */
    assert_int_equal(
        vmi_nested_pagetable_lookup(f->vmi, 0, 0, ept, VMI_PM_EPT_4L, 0x1234, &pa, NULL),
        VMI_SUCCESS);
    assert_true(pa == 0x11234);
    /* and reads through both */
    uint32_t word = 0, magic = 0xabcd;
    memcpy(fake_at(f, 0x210120), &magic, 4);
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PT, .addr = 0x400120, .pt = root, .pm = VMI_PM_IA32E,
                   .npt = ept, .npm = VMI_PM_EPT_4L);
    assert_int_equal(vmi_read_32(f->vmi, &ctx, &word), VMI_SUCCESS);
    assert_int_equal(word, magic);
    ACCESS_CONTEXT(physical, .addr = 0x200120, .npt = ept, .npm = VMI_PM_EPT_4L);
    assert_int_equal(vmi_read_32(f->vmi, &physical, &word), VMI_SUCCESS);
    assert_int_equal(word, magic);
    physical.addr = 0x40000000;
    assert_int_equal(vmi_read_32(f->vmi, &physical, &word), VMI_FAILURE);
}

static void five_levels(void **state)
{
    struct fake *f = *state;
    addr_t pa = 0;
    uint64_t root5 = 0x100000;
    fake_put64(f, root5 + 511 * 8, KERNEL_ROOT | 7); /* the highest 256 TiB */
    aspace_init(&f->vmi->os.kernel, &f->vmi->source.phys, FORM_X86_5LEVEL, root5);
    paging_from_os(f->vmi);
    assert_int_equal(vmi_get_page_mode(f->vmi, 0), VMI_PM_IA32E); /* what programs switch on */
    assert_int_equal(vmi_translate_kv2p(f->vmi, KERNEL_VA, &pa), VMI_SUCCESS);
    assert_true(pa == DATA);
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PT, .addr = KERNEL_VA, .pt = root5,
                   .pm = VMI_PM_IA32E);
    uint32_t v;
    assert_int_equal(vmi_read_32(f->vmi, &ctx, &v), VMI_SUCCESS);
    struct vmi_walk w;
    assert_int_equal(vmi_walk(f->vmi, 0, KERNEL_VA, &w), VMI_SUCCESS);
    assert_int_equal(w.levels, 5);
    assert_string_equal(w.level[0].name, "PML5E");
    assert_string_equal(w.level[4].name, "PTE");
}

static void walks(void **state)
{
    struct fake *f = *state;
    struct vmi_walk w;
    assert_int_equal(vmi_walk(f->vmi, PID, USER_VA + 1, &w), VMI_SUCCESS);
    assert_true(w.pa == DATA + 0x8001 && w.page_size == 4096 && w.read && w.write && w.exec &&
                w.user);
    assert_string_equal(w.fault, "");
    assert_int_equal(vmi_walk(f->vmi, 0, EDGE_VA + 0x1000, &w), VMI_SUCCESS);
    assert_true(w.page_size == 0 && w.levels == 4);
    assert_string_equal(w.fault, "not present");
    assert_int_equal(vmi_walk(f->vmi, 0, 1ULL << 50, &w), VMI_SUCCESS);
    assert_string_equal(w.fault, "not canonical");
    assert_int_equal(vmi_walk(f->vmi, 99, 0, &w), VMI_FAILURE);
}

static void page_lists(void **state)
{
    struct fake *f = *state;
    GSList *list = vmi_get_va_pages(f->vmi, USER_ROOT);
    uint64_t last = UINT64_MAX;
    unsigned n = 0;
    while (list) { /* descending addresses */
        page_info_t *p = list->data;
        GSList *next = list->next;
        assert_true(p->vaddr < last && p->size == VMI_PS_4KB && p->pt == USER_ROOT && p->pm == 0 &&
                    p->npm == 0);
        if (p->vaddr == USER_VA)
            assert_true(p->paddr == DATA + 0x8000 && p->x86_ia32e.pte_value == p->paddr + 7);
        last = p->vaddr;
        n++;
        g_free(p);
        g_slist_free_1(list);
        list = next;
    }
    assert_int_equal(n, 16 + 2 + 1 + 4);
    assert_true(last == USER_VA);
    assert_null(vmi_get_va_pages(f->vmi, 0x7000));
    assert_null(vmi_get_va_pages(NULL, USER_ROOT));
    assert_null(vmi_get_nested_va_pages(f->vmi, 0, 0, USER_ROOT, VMI_PM_AARCH64));
}

static void large_pages(void **state)
{
    struct fake *f = *state;
    fake_put64(f, 0x100000, 0x101000 | 7);
    fake_put64(f, 0x101000 + 8, 0x40000000 | 0x87); /* 1 GiB at 1 GiB */
    page_info_t info;
    assert_int_equal(vmi_pagetable_lookup_extended(f->vmi, 0x100000, 0x40000123, &info),
                     VMI_SUCCESS);
    assert_true(info.size == VMI_PS_1GB && info.paddr == 0x40000123 &&
                info.x86_ia32e.pte_location == 0);
    GSList *list = vmi_get_va_pages(f->vmi, 0x100000);
    assert_non_null(list);
    assert_null(list->next);
    assert_int_equal(((page_info_t *)list->data)->size, VMI_PS_1GB);
    g_slist_free_full(list, g_free);
}

static void registers(void **state)
{
    struct fake *f = *state;
    uint64_t v = 77;
    registers_t regs;
    f->regs.have = (int)f->regs.have | REGS_GENERAL;
    f->regs.gpr[0] = 0xaa;
    f->regs.rip = KERNEL_VA;
    assert_int_equal(vmi_get_vcpureg(f->vmi, &v, RAX, 0), VMI_SUCCESS);
    assert_true(v == 0xaa);
    assert_int_equal(vmi_get_vcpureg(f->vmi, &v, CR3, 5),
                     VMI_SUCCESS); /* a file: the kernel's, for any vCPU */
    assert_true(v == KERNEL_ROOT);
    v = 77;
    assert_int_equal(vmi_get_vcpureg(f->vmi, &v, MSR_LSTAR, 0), VMI_FAILURE);
    assert_int_equal(vmi_get_vcpureg(f->vmi, &v, FS_BASE, 0),
                     VMI_FAILURE); /* not among what the source has */
    assert_int_equal(vmi_get_vcpureg(f->vmi, &v, RAX, 1), VMI_FAILURE);
    assert_true(v == 77);
    memset(&regs, 0xee, sizeof regs);
    assert_int_equal(vmi_get_vcpuregs(f->vmi, &regs, 0), VMI_SUCCESS);
    assert_true(regs.x86.rax == 0xaa && regs.x86.rip == KERNEL_VA && regs.x86.cr3 == KERNEL_ROOT);
    assert_true(regs.x86.dr7 == 0xeeeeeeeeeeeeeeee);
    assert_int_equal(vmi_set_vcpureg(f->vmi, 1, RAX, 0), VMI_FAILURE);
    assert_int_equal(vmi_get_num_vcpus(f->vmi), 0); /* a file */
    f->vmi->source.live = true;
    assert_int_equal(vmi_get_num_vcpus(f->vmi), 1);
    assert_int_equal(vmi_get_page_mode(f->vmi, 0), VMI_PM_IA32E);
    f->regs.cr0 = 1;
    assert_int_equal(vmi_get_page_mode(f->vmi, 0), VMI_PM_NONE);
    assert_int_equal(f->vmi->page_mode, VMI_PM_IA32E); /* the instance's own is not touched */
    f->regs.cr0 = 1U << 31;
    f->regs.efer = 0;
    assert_int_equal(vmi_get_page_mode(f->vmi, 0), VMI_PM_PAE);
    f->regs.cr4 = 0;
    assert_int_equal(vmi_get_page_mode(f->vmi, 0), VMI_PM_LEGACY);
    assert_int_equal(vmi_get_page_mode(f->vmi, 7), VMI_PM_UNKNOWN);
    assert_int_equal(vmi_pause_vm(f->vmi), VMI_FAILURE); /* this source cannot */
    f->vmi->source.live = false;
    assert_int_equal(vmi_pause_vm(f->vmi), VMI_SUCCESS);
    assert_int_equal(vmi_resume_vm(f->vmi), VMI_SUCCESS);
}

static void mappings(void **state)
{
    struct fake *f = *state;
    void *p[3] = {NULL, NULL, NULL};
    unsigned long pfn[2] = {DATA >> 12, (LOW_SIZE >> 12) + 1};
    struct phys_range *r = &f->vmi->source.phys.range[0];
    uint8_t *shared =
        mmap(NULL, LOW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    void *second = mremap(shared, 0, 4096, MREMAP_MAYMOVE); /* what the library does; mmap.c */
    if (second == MAP_FAILED) {
        munmap(shared, LOW_SIZE);
        print_message("skip: nothing can be mapped a second time here (valgrind)\n");
        skip();
    }
    munmap(second, 4096);
    memcpy(shared, f->low, LOW_SIZE);
    r->host = shared; /* as a source that has mapped its guest */
    ACCESS_CONTEXT(ctx, .tm = VMI_TM_PROCESS_PID, .addr = EDGE_VA + 0x10, .pid = 0);
    assert_int_equal(vmi_mmap_guest(f->vmi, &ctx, 2, PROT_READ | PROT_WRITE, p), VMI_SUCCESS);
    assert_non_null(p[0]);
    assert_null(p[1]); /* no translation */
    assert_int_equal(le32(p[0]), 0x10007000);
    memcpy(p[0], "live", 4); /* the guest's own memory, no copy */
    assert_memory_equal(shared + DATA + 0x7000, "live", 4);
    assert_int_equal(munmap(p[0], 4096), 0);
    assert_int_equal(vmi_mmap_guest_pa(f->vmi, DATA + 5, 2, PROT_READ, p), VMI_SUCCESS);
    assert_int_equal(le32(p[1]), 0x10001000);
    munmap(p[0], 4096);
    munmap(p[1], 4096);
    assert_int_equal(vmi_mmap_guest_pfns(f->vmi, pfn, 1, PROT_READ, p), VMI_SUCCESS);
    munmap(p[0], 4096);
    assert_int_equal(vmi_mmap_guest_pfns(f->vmi, pfn, 2, PROT_READ, p), VMI_FAILURE);
    assert_story(f->vmi, "no memory is at frame");
    ctx.tm = VMI_TM_NONE;
    assert_int_equal(vmi_mmap_guest(f->vmi, &ctx, 1, PROT_READ, p), VMI_FAILURE);
    assert_int_equal(vmi_mmap_guest_pa(f->vmi, DATA, 1, 0, p), VMI_FAILURE);
    r->host = shared + 8; /* pages that do not lie at page borders */
    assert_int_equal(vmi_mmap_guest_pa(f->vmi, DATA, 1, PROT_READ, p), VMI_FAILURE);
    assert_int_equal(vmi_last_error(f->vmi)->kind, VMI_ERROR_UNSUPPORTED);
    r->host = f->low;
    munmap(shared, LOW_SIZE);
    assert_int_equal(vmi_mmap_guest_pa(NULL, DATA, 1, PROT_READ, p), VMI_FAILURE);
}

/* A source that maps a page once more itself: here a single one. */
static int map_one(void *source, uint64_t at, bool writable, void **ret)
{
    struct fake *f = source;
    if (at != HIGH_START + 0x1000)
        return at == HIGH_START ? ST_DENIED : ST_ABSENT;
    *ret = mmap(NULL, 4096, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED | MAP_ANONYMOUS, -1,
                0);
    f->lookups++;
    return *ret == MAP_FAILED ? ST_NOMEM : ST_OK;
}

static void mappings_by_the_source(void **state)
{
    static const struct phys_ops ops = {.own_mapping = map_one};
    struct fake *f = *state;
    struct phys *phys = &f->vmi->source.phys;
    const struct phys_ops *before = phys->ops;
    void *p[2] = {NULL, NULL};
    unsigned long pfn[2] = {(HIGH_START >> 12) + 1, HIGH_START >> 12};
    uint8_t *host = phys->range[1].host;
    phys->range[1].host = NULL; /* read, not mapped */
    phys->ops = &ops;
    assert_int_equal(vmi_mmap_guest_pa(f->vmi, HIGH_START + 0x1004, 1, PROT_READ, p), VMI_SUCCESS);
    assert_non_null(p[0]);
    assert_int_equal(munmap(p[0], 4096), 0);
    assert_int_equal(vmi_mmap_guest_pfns(f->vmi, pfn, 1, PROT_READ | PROT_WRITE, p), VMI_SUCCESS);
    memset(p[0], 1, 4096);
    munmap(p[0], 4096);
    assert_int_equal(vmi_mmap_guest_pfns(f->vmi, pfn, 2, PROT_READ, p), VMI_FAILURE);
    assert_int_equal(vmi_last_error(f->vmi)->kind, VMI_ERROR_DENIED);
    assert_int_equal(vmi_mmap_guest_pa(f->vmi, HIGH_START + 0x2000, 1, PROT_READ, p), VMI_FAILURE);
    assert_int_equal(vmi_last_error(f->vmi)->kind, VMI_ERROR_ABSENT);
    assert_int_equal(f->lookups, 3);
    phys->ops = before; /* which cannot */
    assert_int_equal(vmi_mmap_guest_pa(f->vmi, HIGH_START, 1, PROT_READ, p), VMI_FAILURE);
    assert_int_equal(vmi_last_error(f->vmi)->kind, VMI_ERROR_UNSUPPORTED);
    phys->range[1].host = host;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(addresses),
        T(symbols),
        T(processes),
        cmocka_unit_test_setup_teardown(before_an_os_is_known, setup_without_os, teardown),
        T(lookups),
        T(nested),
        T(five_levels),
        T(walks),
        T(page_lists),
        T(large_pages),
        T(registers),
        T(mappings),
        T(mappings_by_the_source),
    };
    return cmocka_run_group_tests_name("vmi translate", tests, NULL, NULL);
}

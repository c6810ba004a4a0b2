/* SPDX-License-Identifier: BSD-2-Clause */
/* Exports of ELF and PE images that lie in a guest's memory, sound ones and forged ones. */
#include <elf.h>

#include <libvmi/peparse.h>

#include "vmi_fake.h"

#define IMAGE    (USER_VA)       /* the image's header, in process 7 */
#define IMAGE_PA (DATA + 0x8000) /* four pages from there */

static int setup(void **state)
{
    struct fake *f = fake_new(true);
    memset(fake_at(f, IMAGE_PA), 0, 0x4000);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fake_free(*state);
    return 0;
}

static const access_context_t image_context = {
    .version = ACCESS_CONTEXT_VERSION, .tm = VMI_TM_PROCESS_PID, .addr = IMAGE, .pid = PID};

/* ---- ELF ------------------------------------------------------------------------------------- */

enum { DYN = 0x200, SYM = 0x400, STR = 0x600, HASH = 0x800, GNU = 0xa00, VER = 0xc00 };

static const char strings[] = "\0alpha\0beta\0gamma\0alphabet";

static Elf64_Sym symbol(unsigned name, uint64_t value, unsigned bind, unsigned section)
{
    return (Elf64_Sym){.st_name = name,
                       .st_value = value,
                       .st_info = (uint8_t)(bind << 4 | STT_FUNC),
                       .st_shndx = (uint16_t)section};
}

static uint32_t gnu(const char *s)
{
    uint32_t h = 5381;
    while (*s)
        h = h * 33 + (uint8_t)*s++;
    return h;
}

/* A shared object with alpha (an old and a present version), beta, and gamma, which is not defined.
 */
static void make_elf(uint8_t *p, bool with_gnu, uint64_t load_bias)
{
    Elf64_Ehdr h = {
        .e_type = ET_DYN, .e_machine = EM_X86_64, .e_phoff = 64, .e_phentsize = 56, .e_phnum = 2};
    memcpy(h.e_ident, ELFMAG "\2\1\1", 7);
    Elf64_Phdr ph[2] = {{.p_type = PT_LOAD, .p_memsz = 0x4000},
                        {.p_type = PT_DYNAMIC, .p_vaddr = DYN, .p_memsz = 0x100}};
    Elf64_Dyn dyn[] = {{.d_tag = DT_STRTAB, .d_un.d_ptr = STR + load_bias},
                       {.d_tag = DT_SYMTAB, .d_un.d_ptr = SYM + load_bias},
                       {.d_tag = DT_STRSZ, .d_un.d_val = sizeof strings},
                       {.d_tag = DT_VERSYM, .d_un.d_ptr = VER + load_bias},
                       {.d_tag = with_gnu ? DT_GNU_HASH : DT_HASH,
                        .d_un.d_ptr = (with_gnu ? GNU : HASH) + load_bias},
                       {.d_tag = DT_NULL}};
    Elf64_Sym sym[] = {{0},
                       symbol(13, 0, STB_GLOBAL, SHN_UNDEF),
                       symbol(1, 0x100, STB_GLOBAL, 1),
                       symbol(1, 0x180, STB_GLOBAL, 1),
                       symbol(7, 0x200, STB_WEAK, 1)};
    uint16_t versions[] = {0, 0, 2 | 0x8000, 3, 1};
    uint32_t sysv[] = {1, 5, 1, 0, 2, 3, 4, 0}; /* one bucket: the chain goes through all */
    uint32_t table[4 + 2 + 1 + 3] = {
        1, 2, 1, 0, ~0u, ~0u, 2, gnu("alpha") & ~1u, gnu("alpha") & ~1u, gnu("beta") | 1};
    memcpy(p, &h, sizeof h);
    memcpy(p + 64, ph, sizeof ph);
    memcpy(p + DYN, dyn, sizeof dyn);
    memcpy(p + SYM, sym, sizeof sym);
    memcpy(p + STR, strings, sizeof strings);
    memcpy(p + HASH, sysv, sizeof sysv);
    memcpy(p + GNU, table, sizeof table);
    memcpy(p + VER, versions, sizeof versions);
}

static void check_elf(struct fake *f)
{
    addr_t va = 77;
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "alpha", &va), VMI_SUCCESS);
    assert_true(va == IMAGE + 0x180); /* the present version */
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "beta", &va), VMI_SUCCESS);
    assert_true(va == IMAGE + 0x200);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "gamma", &va), VMI_FAILURE);
    assert_true(va == 0);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "alphabet", &va), VMI_FAILURE);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "alph", &va), VMI_FAILURE);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "", &va), VMI_FAILURE);
    assert_string_equal(vmi_translate_v2sym(f->vmi, &image_context, 0x200), "beta");
    assert_string_equal(vmi_translate_v2sym(f->vmi, &image_context, 0x100), "alpha");
    assert_null(vmi_translate_v2sym(f->vmi, &image_context, 0x101));
    assert_null(vmi_translate_v2sym(f->vmi, &image_context, 0));
}

static void q35_elf_images(void **state)
{
    struct fake *f = *state;
    for (int i = 0; i < 4;
         i++) { /* each hash table; with pointers as in the file, and as glibc relocates them */
        make_elf(fake_at(f, IMAGE_PA), i & 1, i & 2 ? IMAGE : 0);
        check_elf(f);
    }
    access_context_t kernel = {.version = 1, .tm = VMI_TM_KERNEL_SYMBOL, .ksym = "init_task"};
    addr_t va;
    assert_int_equal(vmi_translate_sym2v(f->vmi, &kernel, "alpha", &va), VMI_FAILURE);
    assert_int_equal(vmi_translate_sym2v(f->vmi, NULL, "alpha", &va), VMI_FAILURE);
    assert_int_equal(vmi_translate_sym2v(NULL, &image_context, "alpha", &va), VMI_FAILURE);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, NULL, &va), VMI_FAILURE);
}

static void q35_forged_elf_images(void **state)
{
    struct fake *f = *state;
    uint8_t *p = fake_at(f, IMAGE_PA);
    addr_t va;
    static const uint32_t poison[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
    for (unsigned at = 0; at < 0xd00;
         at += 4) { /* each word once with each poison: an answer, in bounded time */
        for (size_t v = 0; v < ARRAY_LEN(poison); v++) {
            make_elf(p, at & 4, 0);
            memcpy(p + at, &poison[v], 4);
            (void)!vmi_translate_sym2v(f->vmi, &image_context, "alpha", &va);
            (void)vmi_translate_v2sym(f->vmi, &image_context, 0x200);
        }
    }
    make_elf(p, false, 0);
    uint32_t loop[] = {1, 5, 2, 0, 0, 2, 2, 2}; /* a chain that runs in a circle */
    memcpy(p + HASH, loop, sizeof loop);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "beta", &va), VMI_FAILURE);
    memset(p, 0, 64);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "beta", &va), VMI_FAILURE);
    assert_story(f->vmi, "no ELF or PE image");
}

/* ---- PE -------------------------------------------------------------------------------------- */

enum {
    PE = 0x80,
    EXPORTS = 0x1000,
    FUNCTIONS = 0x1100,
    NAMES = 0x1200,
    ORDINALS = 0x1300,
    TEXTS = 0x1400
};

static void make_pe(uint8_t *p)
{
    static const char *const names[] = {"KeAlpha", "KeBeta", "NtForward"};
    struct dos_header dos = {.signature = IMAGE_DOS_HEADER, .offset_to_pe = PE};
    struct pe_header pe = {.signature = IMAGE_NT_SIGNATURE};
    struct optional_header_pe32plus oh = {.magic = IMAGE_PE32_PLUS_MAGIC,
                                          .number_of_rva_and_sizes = 16};
    oh.idd[IMAGE_DIRECTORY_ENTRY_EXPORT] = (struct image_data_directory){EXPORTS, 0x600};
    struct export_table et = {.name = TEXTS,
                              .number_of_functions = 4,
                              .number_of_names = 3,
                              .address_of_functions = FUNCTIONS,
                              .address_of_names = NAMES,
                              .address_of_name_ordinals = ORDINALS};
    uint32_t functions[] = {0x2040, 0, 0x2080, EXPORTS + 0x500}; /* the last one is a forwarder */
    uint16_t ordinals[] = {2, 0, 3};
    memcpy(p, &dos, sizeof dos);
    memcpy(p + PE, &pe, sizeof pe);
    memcpy(p + PE + sizeof pe, &oh, sizeof oh);
    memcpy(p + EXPORTS, &et, sizeof et);
    memcpy(p + FUNCTIONS, functions, sizeof functions);
    memcpy(p + ORDINALS, ordinals, sizeof ordinals);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t at = TEXTS + 0x20 * i;
        memcpy(p + NAMES + 4 * i, &at, 4);
        strcpy((char *)p + at, names[i]);
    }
}

static void q53_pe_images(void **state)
{
    struct fake *f = *state;
    uint8_t *p = fake_at(f, IMAGE_PA), head[1024];
    addr_t va = 77, rva;
    size_t size;
    struct export_table et;
    make_pe(p);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "KeAlpha", &va), VMI_SUCCESS);
    assert_true(va == IMAGE + 0x2080);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "KeBeta", &va), VMI_SUCCESS);
    assert_true(va == IMAGE + 0x2040);
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "KeBet", &va),
                     VMI_FAILURE); /* no prefixes */
    assert_int_equal(vmi_translate_sym2v(f->vmi, &image_context, "NtForward", &va), VMI_FAILURE);
    assert_true(va == 0);
    assert_string_equal(vmi_translate_v2sym(f->vmi, &image_context, 0x2080), "KeAlpha");
    assert_null(vmi_translate_v2sym(f->vmi, &image_context, 0x2081));
    assert_int_equal(peparse_get_export_table(f->vmi, &image_context, &et, &rva, &size),
                     VMI_SUCCESS);
    assert_true(rva == EXPORTS && size == 0x600 && et.number_of_names == 3);
    assert_int_equal(peparse_get_export_table(f->vmi, &image_context, &et, NULL, NULL),
                     VMI_SUCCESS);
    assert_int_equal(peparse_get_image(f->vmi, &image_context, sizeof head, head), VMI_SUCCESS);
    struct optional_header_pe32plus *plus = NULL;
    struct optional_header_pe32 *narrow = NULL;
    struct pe_header *pe = NULL;
    uint16_t magic = 0;
    void *optional = NULL;
    peparse_assign_headers(head, NULL, &pe, &magic, &optional, &narrow, &plus);
    assert_true((uint8_t *)pe == head + PE && magic == IMAGE_PE32_PLUS_MAGIC && plus == optional &&
                !narrow);
    assert_true(peparse_get_idd_rva(0, &magic, optional, NULL, NULL) == EXPORTS);
    assert_true(peparse_get_idd_rva(0, NULL, NULL, NULL, plus) == EXPORTS);
    assert_int_equal(peparse_get_idd_size(0, NULL, NULL, NULL, plus), 0x600);
    plus->number_of_rva_and_sizes = 6; /* slots 0 to 5 */
    plus->idd[6].virtual_address = 5;
    assert_true(peparse_get_idd_rva(6, NULL, NULL, NULL, plus) == 0);
    plus->number_of_rva_and_sizes = 1000;
    assert_true(peparse_get_idd_rva(16, NULL, NULL, NULL, plus) == 0);
    assert_true(peparse_get_idd_rva(0, NULL, NULL, NULL, NULL) == 0);
}

static void q53_forged_pe_images(void **state)
{
    struct fake *f = *state;
    uint8_t *p = fake_at(f, IMAGE_PA), head[512] = {0};
    addr_t va;
    struct export_table et;
    static const uint32_t poison[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xffff};
    for (unsigned at = 0; at < 0x1500; at += 4) {
        for (size_t v = 0; v < ARRAY_LEN(poison); v++) {
            make_pe(p);
            memcpy(p + at, &poison[v], 4);
            (void)!vmi_translate_sym2v(f->vmi, &image_context, "KeAlpha", &va);
            (void)vmi_translate_v2sym(f->vmi, &image_context, 0x2080);
        }
    }
    make_pe(p);
    p[EXPORTS] = 1; /* reserved flags */
    assert_int_equal(peparse_get_export_table(f->vmi, &image_context, &et, NULL, NULL),
                     VMI_FAILURE);
    make_pe(p);
    memcpy(head, p, sizeof head);
    assert_int_equal(peparse_validate_pe_image(head, sizeof head), VMI_SUCCESS);
    for (size_t n = 0; n < PE + sizeof(struct pe_header) + sizeof(struct optional_header_pe32plus);
         n++)
        assert_int_equal(peparse_validate_pe_image(head, n), VMI_FAILURE);
    memset(head + 60, 0xff, 4);
    assert_int_equal(peparse_validate_pe_image(head, sizeof head), VMI_FAILURE);
    assert_int_equal(peparse_validate_pe_image(NULL, 100), VMI_FAILURE);
    assert_int_equal(peparse_get_image(NULL, &image_context, sizeof head, head), VMI_FAILURE);
    assert_int_equal(peparse_get_export_table(NULL, &image_context, &et, NULL, NULL), VMI_FAILURE);
    /* the export table's first word alone on a page that is not there counts as 0 */
    make_pe(p);
    uint32_t at = 0x3ffc;
    memcpy(p + PE + sizeof(struct pe_header) + offsetof(struct optional_header_pe32plus, idd), &at,
           4);
    memcpy(fake_at(f, DATA + 0x20000), p + EXPORTS + 4, sizeof et - 4);
    fake_map(f, USER_ROOT, IMAGE + 0x4000, DATA + 0x20000);
    fake_map(f, USER_ROOT, IMAGE + 0x3000, LOW_SIZE); /* a hole */
    assert_int_equal(peparse_get_export_table(f->vmi, &image_context, &et, NULL, NULL),
                     VMI_SUCCESS);
    assert_true(et.export_flags == 0 && et.number_of_names == 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {T(q35_elf_images), T(q35_forged_elf_images),
                                       T(q53_pe_images), T(q53_forged_pe_images)};
    return cmocka_run_group_tests_name("vmi image", tests, NULL, NULL);
}

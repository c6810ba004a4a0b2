/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the kernel of a Windows guest in its physical memory, and prints what names its profile.
 *
 *   win-guid name NAME [SOCKET]
 *   win-guid domid DOMID [SOCKET]
 *
 * No profile is needed. What is read lies within the kernel's first large page, which is contiguous
 * in physical memory; an image that is spread over small pages is passed over.
 */
#include "example.h"

#include <libvmi/peparse.h>

enum { MACHINE_I386 = 0x14c, MACHINE_AMD64 = 0x8664, DEBUG_CODEVIEW = 2, MAX_SECTIONS = 96 };

/* PE/COFF specification, "Debug Directory". */
struct debug_entry {
    uint32_t characteristics, time_date_stamp;
    uint16_t major, minor;
    uint32_t type, size, rva, file_offset;
};

/* What a linker leaves behind so that a debugger finds the PDB ("RSDS"). */
struct codeview {
    uint32_t signature;
    uint32_t guid1;
    uint16_t guid2, guid3;
    uint8_t guid4[8];
    uint32_t age;
    char name[64];
};

struct kernel {
    addr_t pa;
    uint8_t image[VMI_PS_4KB];
    struct pe_header *pe;
    uint16_t magic;
    struct optional_header_pe32 *pe32;
    struct optional_header_pe32plus *pe32plus;
};

static addr_t directory(struct kernel *k, uint32_t which)
{
    return peparse_get_idd_rva(which, NULL, NULL, k->pe32, k->pe32plus);
}

/* Is there an image here whose export table calls it the kernel? */
static bool is_kernel(vmi_instance_t vmi, struct kernel *k)
{
    struct export_table et;
    ACCESS_CONTEXT(ctx, .addr = k->pa);
    void *optional;
    if (k->image[0] != 'M' || k->image[1] != 'Z' ||
        peparse_get_image(vmi, &ctx, sizeof k->image, k->image) != VMI_SUCCESS)
        return false;
    k->pe32 = NULL;
    k->pe32plus = NULL;
    peparse_assign_headers(k->image, NULL, &k->pe, &k->magic, &optional, &k->pe32, &k->pe32plus);
    addr_t rva = directory(k, IMAGE_DIRECTORY_ENTRY_EXPORT);
    if ((!k->pe32 && !k->pe32plus) || !rva ||
        vmi_read_pa(vmi, k->pa + rva, sizeof et, &et, NULL) != VMI_SUCCESS || !et.name)
        return false;
    char *name = vmi_read_str_pa(vmi, k->pa + et.name);
    bool is = name && strcmp(name, "ntoskrnl.exe") == 0;
    free(name);
    return is;
}

static bool read_codeview(vmi_instance_t vmi, struct kernel *k, struct codeview *ret)
{
    addr_t rva = directory(k, IMAGE_DIRECTORY_ENTRY_DEBUG);
    size_t n = peparse_get_idd_size(IMAGE_DIRECTORY_ENTRY_DEBUG, NULL, NULL, k->pe32, k->pe32plus) /
               sizeof(struct debug_entry);
    for (size_t i = 0; rva && i < n && i < 16; i++) {
        struct debug_entry e;
        if (vmi_read_pa(vmi, k->pa + rva + i * sizeof e, sizeof e, &e, NULL) != VMI_SUCCESS)
            return false;
        memset(ret, 0, sizeof *ret);
        size_t size = e.size < sizeof *ret - 1 ? e.size : sizeof *ret - 1;
        if (e.type == DEBUG_CODEVIEW &&
            vmi_read_pa(vmi, k->pa + e.rva, size, ret, NULL) == VMI_SUCCESS)
            return ret->signature == 0x53445352; /* "RSDS" */
    }
    return false;
}

/* What the four builds of the kernel were called (Microsoft's PDB names). */
static const char *variant(const char *pdb)
{
    if (strcmp(pdb, "ntoskrnl.pdb") == 0)
        return "Single-processor without PAE";
    if (strcmp(pdb, "ntkrnlmp.pdb") == 0)
        return "Multi-processor without PAE";
    if (strcmp(pdb, "ntkrnlpa.pdb") == 0)
        return "Single-processor with PAE";
    return strcmp(pdb, "ntkrpamp.pdb") == 0 ? "Multi-processor with PAE" : "Unknown variant";
}

static const char *version(unsigned major, unsigned minor)
{
    static const struct {
        unsigned major, minor;
        const char *name;
    } names[] = {{5, 0, "Windows 2000"},  {5, 1, "Windows XP"},          {5, 2, "Windows 2003"},
                 {6, 0, "Windows Vista"}, {6, 1, "Windows 7"},           {6, 2, "Windows 8"},
                 {6, 3, "Windows 8.1"},   {10, 0, "Windows 10 or later"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].major == major && names[i].minor == minor)
            return names[i].name;
    return "Windows of an unknown version";
}

static void print_guids(vmi_instance_t vmi, struct kernel *k, uint32_t size_of_image)
{
    struct codeview cv;
    printf("\tPE GUID: %.8x%.5x\n", k->pe->time_date_stamp, size_of_image);
    if (!read_codeview(vmi, k, &cv)) {
        printf("\tPDB GUID: not in memory\n");
        return;
    }
    printf("\tPDB GUID: %.8x%.4x%.4x", cv.guid1, cv.guid2, cv.guid3);
    for (size_t i = 0; i < sizeof cv.guid4; i++)
        printf("%.2x", cv.guid4[i]);
    printf("%.1x\n", cv.age);
    printf("\tKernel filename: %s\n\t%s\n", cv.name,
           k->pe32plus ? "Multi-processor" : variant(cv.name));
}

static void print_sections(const struct kernel *k)
{
    size_t at = (size_t)((const uint8_t *)k->pe - k->image) + sizeof *k->pe +
                k->pe->size_of_optional_header;
    for (unsigned i = 0; i < k->pe->number_of_sections && i < MAX_SECTIONS; i++) {
        struct section_header s;
        if (at + sizeof s > sizeof k->image)
            return;
        memcpy(&s, k->image + at, sizeof s);
        printf("\tSection %u: %.8s\n", i + 1, s.short_name);
        at += sizeof s;
    }
}

static void print_kernel(vmi_instance_t vmi, struct kernel *k)
{
    unsigned major = k->pe32 ? k->pe32->major_os_version : k->pe32plus->major_os_version,
             minor = k->pe32 ? k->pe32->minor_os_version : k->pe32plus->minor_os_version;
    printf("Windows Kernel found @ 0x%" PRIx64 "\n", (uint64_t)k->pa);
    printf("\tVersion: %s-bit %s\n", k->pe32plus ? "64" : "32", version(major, minor));
    print_guids(vmi, k, k->pe32 ? k->pe32->size_of_image : k->pe32plus->size_of_image);
    printf("\tSignature: %d.\n\tMachine: %u.\n", k->pe->signature, k->pe->machine);
    printf("\t# of sections: %u.\n\t# of symbols: %u.\n", k->pe->number_of_sections,
           k->pe->number_of_symbols);
    printf("\tTimestamp: %u.\n\tCharacteristics: %u.\n", k->pe->time_date_stamp,
           k->pe->characteristics);
    printf("\tOptional header size: %u.\n\tOptional header type: 0x%x\n",
           k->pe->size_of_optional_header, k->magic);
    print_sections(k);
}

int main(int argc, char **argv)
{
    struct guest g = {0};
    static struct kernel k;
    bool by_name = argc > 1 && strcmp(argv[1], "name") == 0,
         by_id = argc > 1 && strcmp(argv[1], "domid") == 0;
    if (argc < 3 || argc > 4 || (!by_name && !by_id) ||
        (by_id && !parse_number(argv[2], 0, &g.id))) {
        fprintf(stderr, "usage: win-guid name NAME | domid DOMID [SOCKET]\n");
        return 1;
    }
    g.name = by_name ? argv[2] : NULL;
    g.socket = argv[3];
    vmi_instance_t vmi = guest_init(&g, 0);
    if (!vmi)
        return 1;
    unsigned found = 0;
    stop_on_signals();
    addr_t end = vmi_get_max_physical_address(vmi);
    for (k.pa = 0; k.pa < end && !stopped; k.pa += VMI_PS_4KB) {
        if (vmi_read_pa(vmi, k.pa, 2, k.image, NULL) == VMI_SUCCESS && is_kernel(vmi, &k)) {
            print_kernel(vmi, &k);
            found++;
        }
    }
    if (!found)
        fprintf(stderr, "No Windows kernel was found.\n");
    vmi_destroy(vmi);
    return found ? 0 : 1;
}

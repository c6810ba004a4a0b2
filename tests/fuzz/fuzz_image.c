/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF and PE images in a guest's memory: the input is the image, mapped page by page, with a hole
 * behind it. */
#include <stdlib.h>

#include "vmi/image.h"
#include "vmi/init.h"

enum { IMAGE_SIZE = 64 << 10, TABLES = 0x1000000, PAGES = IMAGE_SIZE / 4096 };

static uint64_t tables[4][512];
static uint8_t memory[IMAGE_SIZE];

/* A 4-level space in which the image lies at 0x400000. */
static void make_space(struct aspace *as, struct phys *phys)
{
    for (unsigned level = 0; level < 3; level++)
        tables[level][level == 2 ? 2 : 0] = (TABLES + (level + 1) * 4096u) | 7;
    for (unsigned i = 0; i < PAGES; i++)
        tables[3][i] = i * 4096u | 7;
    aspace_init(as, phys, FORM_X86_4LEVEL, TABLES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source source = {.kind = "fuzz"};
    char name[IMAGE_MAX_NAME];
    struct aspace as;
    uint64_t va;
    size = size < IMAGE_SIZE ? size : IMAGE_SIZE;
    memcpy(memory, data, size);
    memset(memory + size, 0, IMAGE_SIZE - size);
    phys_init(&source.phys, NULL, NULL);
    if (phys_add(&source.phys,
                 &(struct phys_range){.start = 0, .len = IMAGE_SIZE, .host = memory}) != ST_OK ||
        phys_add(&source.phys, &(struct phys_range){.start = TABLES,
                                                    .len = sizeof tables,
                                                    .host = (uint8_t *)tables}) != ST_OK)
        return 0;
    vmi_instance_t vmi = instance_new(&source, VMI_FILE, NULL);
    if (!vmi)
        return 0;
    make_space(&as, &vmi->source.phys);
    struct access a = {.space = &as, .addr = 0x400000, .pid = -1, .pm = VMI_PM_IA32E};
    (void)!elf_symbol_by_name(vmi, &a, "alpha", &va);
    (void)!elf_symbol_by_address(vmi, &a, 0x200, name);
    (void)!pe_symbol_by_name(vmi, &a, "KeAlpha", &va);
    (void)!pe_symbol_by_address(vmi, &a, 0x2080, name);
    vmi_destroy(vmi);
    return 0;
}

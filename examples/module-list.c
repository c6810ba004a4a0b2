/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists the names of the loaded kernel modules, one a line.
 *
 *   module-list NAME [SOCKET]
 */
#include "example.h"

enum { MAX_MODULES = 1 << 16 }; /* a list that goes in circles ends here */

/* struct module begins { enum state; struct list_head list; char name[] }: the name is two pointers
 * behind the entry. */
static char *linux_name(vmi_instance_t vmi, addr_t entry)
{
    return vmi_read_str_va(vmi, entry + 2u * vmi_get_address_width(vmi), 0);
}

/* LDR_DATA_TABLE_ENTRY.BaseDllName, in the public symbols of every Windows since XP. */
static char *windows_name(vmi_instance_t vmi, addr_t entry)
{
    addr_t at = entry + (vmi_get_page_mode(vmi, 0) == VMI_PM_IA32E ? 0x58 : 0x2c);
    unicode_string_t *raw = vmi_read_unicode_str_va(vmi, at, 0), text = {0};
    char *name = NULL;
    if (raw && vmi_convert_str_encoding(raw, &text, "UTF-8") == VMI_SUCCESS)
        name = (char *)text.contents;
    vmi_free_unicode_str(raw);
    return name;
}

static int list_modules(vmi_instance_t vmi, const char *head_symbol,
                        char *(*name_of)(vmi_instance_t vmi, addr_t entry))
{
    addr_t head, entry;
    if (vmi_translate_ksym2v(vmi, head_symbol, &head) != VMI_SUCCESS ||
        vmi_read_addr_ksym(vmi, head_symbol, &entry) != VMI_SUCCESS) {
        fprintf(stderr, "The kernel's module list (%s) is not known.\n", head_symbol);
        return 1;
    }
    for (unsigned i = 0; entry != head; i++) {
        char *name = name_of(vmi, entry);
        printf("%s\n", name ? name : "?");
        free(name);
        if (i >= MAX_MODULES || vmi_read_addr_va(vmi, entry, 0, &entry) != VMI_SUCCESS) {
            fprintf(stderr, "The list breaks off.\n");
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: module-list NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    vmi_instance_t vmi = guest_open(&g, 0);
    if (!vmi)
        return 1;
    int status = 1;
    vmi_pause_vm(vmi);
    if (vmi_get_ostype(vmi) == VMI_OS_LINUX)
        status = list_modules(vmi, "modules", linux_name);
    else if (vmi_get_ostype(vmi) == VMI_OS_WINDOWS)
        status = list_modules(vmi, "PsLoadedModuleList", windows_name);
    vmi_resume_vm(vmi);
    vmi_destroy(vmi);
    return status;
}

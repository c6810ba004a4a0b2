/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists the pages of each address space that a vCPU switches to: how many there are, and each that
 * cannot be read.
 *
 *   va-pages NAME [SOCKET]
 *
 * A guest without events (a memory file, QEMU) has the pages of its kernel's page table listed.
 */
#define LIBVMI_EXTRA_GLIB
#include "example.h"

#include <libvmi/libvmi_extra.h>

static void list_pages(vmi_instance_t vmi, addr_t dtb)
{
    GSList *list = vmi_get_va_pages(vmi, dtb);
    printf("Page table 0x%" PRIx64 " has %u used pages\n", (uint64_t)dtb, g_slist_length(list));
    for (GSList *l = list; l; l = l->next) {
        const page_info_t *page = (const page_info_t *)l->data;
        uint64_t word;
        ACCESS_CONTEXT(ctx, .translate_mechanism = VMI_TM_PROCESS_DTB, .addr = page->vaddr,
                       .dtb = page->pt);
        if (vmi_read_64(vmi, &ctx, &word) != VMI_SUCCESS)
            printf("\tFailed to read page at 0x%" PRIx64 " (size 0x%x)\n", (uint64_t)page->vaddr,
                   (unsigned)page->size);
    }
    g_slist_free_full(list, free);
}

static event_response_t on_cr3(vmi_instance_t vmi, vmi_event_t *event)
{
    list_pages(vmi, event->reg_event.value);
    return VMI_EVENT_RESPONSE_NONE;
}

static int list_once(vmi_instance_t vmi)
{
    addr_t dtb;
    vmi_pause_vm(vmi);
    status_t st = vmi_pid_to_dtb(vmi, 0, &dtb);
    if (st == VMI_SUCCESS)
        list_pages(vmi, dtb);
    else
        fprintf(stderr, "The kernel's page table is not known.\n");
    vmi_resume_vm(vmi);
    vmi_destroy(vmi);
    return st == VMI_SUCCESS ? 0 : 1;
}

int main(int argc, char **argv)
{
    vmi_event_t event = {0};
    vmi_mode_t mode;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: va-pages NAME [SOCKET]\n");
        return 1;
    }
    struct guest g = guest_from_words(argc, argv, 1);
    bool known = vmi_get_access_mode(NULL, g.name, VMI_INIT_DOMAINNAME, NULL, &mode) == VMI_SUCCESS;
    bool events = known && mode == VMI_XEN;
    vmi_instance_t vmi = guest_open(&g, events ? VMI_INIT_EVENTS : 0);
    if (!vmi)
        return 1;
    if (!events)
        return list_once(vmi);
    stop_on_signals();
    SETUP_REG_EVENT(&event, CR3, VMI_REGACCESS_W, 0, on_cr3);
    if (vmi_register_event(vmi, &event) != VMI_SUCCESS) {
        fprintf(stderr, "The CR3 event cannot be registered.\n");
        vmi_destroy(vmi);
        return 1;
    }
    bool good = listen_until_stopped(vmi);
    return close_events(vmi, &event, good);
}

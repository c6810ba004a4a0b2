/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program as LibVMI's users write them, for tests/compat/installed: C and C++, with whatever
 * GLib the installed library goes with. usage: linked MEMORY-FILE, whose first page is the top of
 * 4-level page tables
 */
#define LIBVMI_EXTRA_GLIB
#include <libvmi/events.h>
#include <libvmi/libvmi.h>
#include <libvmi/slat.h>
#include <glib.h>
#include <libvmi/libvmi_extra.h>
#include <stdlib.h>

static int failed;

static void check(int so, const char *what)
{
    if (so)
        return;
    printf("not so: %s\n", what);
    failed = 1;
}

/* A table of the program's own GLib goes in: its page mode must arrive. */
static void table(vmi_instance_t vmi)
{
    GHashTable *config = g_hash_table_new(g_str_hash, g_str_equal);
    char key[] = "ostype", os[] = "Linux", mode_key[] = "pagemode", mode[] = "VMI_PM_IA32E";
    vmi_init_error_t error = VMI_INIT_ERROR_NONE;
    g_hash_table_insert(config, key, os);
    g_hash_table_insert(config, mode_key, mode);
    check(vmi_init_os(vmi, VMI_CONFIG_GHASHTABLE, config, &error) == VMI_OS_UNKNOWN &&
              error == VMI_INIT_ERROR_OS,
          "no kernel is found");
    check(vmi_get_page_mode(vmi, 0) == VMI_PM_IA32E, "the table was read");
    check(g_hash_table_size(config) == 2, "the table stays the program's");
    g_hash_table_destroy(config);
}

/* A list of the library's comes out, and the program's own GLib frees it. */
static void list(vmi_instance_t vmi)
{
    GSList *pages = vmi_get_va_pages(vmi, 0), *l;
    unsigned n = 0;
    for (l = pages; l; l = l->next, n++)
        free(l->data);
    check(n == 3 && g_slist_length(pages) == 3, "three pages");
    g_slist_free(pages);
}

int main(int argc, char **argv)
{
    vmi_instance_t vmi = NULL;
    vmi_event_t event;
    uint64_t v = 0;
    vmi_init_error_t error = VMI_INIT_ERROR_NONE;
    memset(&event, 0, sizeof event);
    if (argc != 2)
        return 2;
    if (vmi_init(&vmi, VMI_FILE, argv[1], VMI_INIT_DOMAINNAME, NULL, &error) != VMI_SUCCESS)
        return 3;
    table(vmi);
    list(vmi);
    ACCESS_CONTEXT(ctx);
    ctx.translate_mechanism = VMI_TM_PROCESS_DTB;
    ctx.addr = 0x2008;
    check(vmi_read_64(vmi, &ctx, &v) == VMI_SUCCESS && v == 0x1122334455667788ULL, "a read");
    check(vmi_events_version() == VMI_EVENTS_VERSION, "the version of events");
    check(vmi_register_event(vmi, &event) == VMI_FAILURE, "a file has no events");
    check(vmi_destroy(vmi) == VMI_SUCCESS, "closing");
    printf("%s\n", failed ? "failed" : "all is well");
    return failed;
}

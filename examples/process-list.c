/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists the processes of a guest, by walking the kernel's own list.
 *
 *   process-list NAME [SOCKET]
 *   process-list -n NAME | -d DOMID [-j JSON] [-s SOCKET]
 *
 * NAME is a domain or a memory file.
 */
#include "example.h"

enum { MAX_PROCESSES = 1 << 22 }; /* no guest has more; a list that goes in circles ends here */

struct list {
    const char *head_symbol;
    const char *tasks, *name, *pid; /* names of offsets */
    bool head_is_process;           /* Linux: the list goes through init_task itself */
};

static const struct list linux_list = {"init_task", "linux_tasks", "linux_name", "linux_pid", true},
                         windows_list = {"PsActiveProcessHead", "win_tasks", "win_pname", "win_pid",
                                         false};

static void heading(vmi_instance_t vmi)
{
    vmi_mode_t mode;
    char *name = vmi_get_name(vmi);
    if (vmi_get_access_mode(vmi, NULL, 0, NULL, &mode) == VMI_SUCCESS && mode == VMI_FILE)
        printf("Process listing for file %s\n", name ? name : "?");
    else
        printf("Process listing for VM %s (id=%" PRIu64 ")\n", name ? name : "?",
               vmi_get_vmid(vmi));
    free(name);
}

static void print_process(vmi_instance_t vmi, addr_t process, addr_t name_at, addr_t pid_at)
{
    uint32_t pid = 0;
    char *name = vmi_read_str_va(vmi, process + name_at, 0);
    vmi_read_32_va(vmi, process + pid_at, 0, &pid);
    printf("[%5d] %s (struct addr:%" PRIx64 ")\n", (int)pid, name ? name : "?", (uint64_t)process);
    free(name);
}

static int list_processes(vmi_instance_t vmi, const struct list *l)
{
    addr_t tasks, name, pid, head, entry;
    if (vmi_get_offset(vmi, l->tasks, &tasks) != VMI_SUCCESS ||
        vmi_get_offset(vmi, l->name, &name) != VMI_SUCCESS ||
        vmi_get_offset(vmi, l->pid, &pid) != VMI_SUCCESS ||
        vmi_translate_ksym2v(vmi, l->head_symbol, &head) != VMI_SUCCESS) {
        fprintf(stderr, "The kernel's process list is not known.\n");
        return 1;
    }
    if (l->head_is_process) {
        print_process(vmi, head, name, pid);
        head += tasks;
    }
    entry = head;
    for (unsigned i = 0; i < MAX_PROCESSES; i++) {
        if (vmi_read_addr_va(vmi, entry, 0, &entry) != VMI_SUCCESS) {
            fprintf(stderr, "The list breaks off.\n");
            return 1;
        }
        if (entry == head)
            return 0;
        print_process(vmi, entry - tasks, name, pid);
    }
    fprintf(stderr, "The list does not end.\n");
    return 1;
}

int main(int argc, char **argv)
{
    struct guest g;
    const char *json = take_value(&argc, argv, "-j", "--json");
    if (argc > 1 && argv[1][0] != '-') {
        g = guest_from_words(argc, argv, 1);
    } else if (!guest_from_options(&argc, argv, &g) || argc != 1) {
        fprintf(stderr, "usage: process-list NAME [SOCKET]\n"
                        "       process-list -n NAME | -d DOMID [-j JSON] [-s SOCKET]\n");
        return 1;
    }
    g.json = json;
    vmi_instance_t vmi = guest_open(&g, 0);
    if (!vmi)
        return 1;
    int status = 1;
    if (vmi_pause_vm(vmi) != VMI_SUCCESS) { /* so that the list holds still */
        fprintf(stderr, "The guest cannot be paused.\n");
    } else {
        heading(vmi);
        os_t os = vmi_get_ostype(vmi);
        if (os == VMI_OS_LINUX || os == VMI_OS_WINDOWS)
            status = list_processes(vmi, os == VMI_OS_LINUX ? &linux_list : &windows_list);
        else
            fprintf(stderr, "Only Linux and Windows guests are known here.\n");
        vmi_resume_vm(vmi);
    }
    vmi_destroy(vmi);
    return status;
}

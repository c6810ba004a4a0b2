/* Lists the processes of a guest or of a memory dump: first-monitor TARGET */
#include <stdio.h>
#include <tinyvmi/tinyvmi.h>

static int show(const struct vmi_process *p, void *data)
{
    unsigned *n = data;
    if (!(p->flags & VMI_PROCESS_KERNEL)) {
        printf("%6d  %s\n", (int)p->pid, p->comm);
        ++*n;
    }
    return *n == 5; /* five are enough: not 0 ends the listing */
}

int main(int argc, char **argv)
{
    vmi_instance_t vmi;
    struct vmi_outcome outcome;
    unsigned n = 0;
    if (argc != 2 || vmi_open(&vmi, argv[1], NULL) != VMI_SUCCESS) {
        fprintf(stderr, "%s\n", argc == 2 ? vmi_last_error(NULL)->text : "usage: first-monitor TARGET");
        return 1;
    }
    printf("%s\n", vmi_kernel_info(vmi)->release);
    if (vmi_each_process(vmi, 0, show, &n, &outcome) != VMI_SUCCESS)
        fprintf(stderr, "%s\n", vmi_last_error(vmi)->text);
    else if (outcome.partial)
        fprintf(stderr, "not all: %s\n", outcome.reason);
    vmi_destroy(vmi);
    return 0;
}

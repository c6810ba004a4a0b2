/* SPDX-License-Identifier: BSD-2-Clause */
/* The hex dumps: the only calls of the library that write to stdout. */
#include "vmi/access.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROW = 16 };

static void print_row(const unsigned char *p, unsigned long at, unsigned long n)
{
    printf("%08lx|  ", at);
    for (unsigned i = 0; i < ROW; i++) {
        if (i == ROW / 2)
            putchar(' ');
        if (i < n)
            printf("%02x ", p[i]);
        else
            printf("   ");
    }
    printf("  ");
    for (unsigned i = 0; i < n; i++)
        putchar(p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '.');
    putchar('\n');
}

void vmi_print_hex(const unsigned char *data, unsigned long length)
{
    for (unsigned long at = 0; data && at < length; at += ROW)
        print_row(data + at, at, MIN_OF(length - at, (unsigned long)ROW));
}

/* Nothing is printed unless all of it can be read. */
static void print_access(vmi_instance_t vmi, const struct access *a, size_t length)
{
    unsigned char *buf = malloc(length ? length : 1);
    if (!buf)
        vmi_fail(vmi, ST_NOMEM, "no memory for %zu bytes", length);
    else if (access_read(vmi, a, buf, length, NULL) == VMI_SUCCESS)
        vmi_print_hex(buf, length);
    free(buf);
}

void vmi_print_hex_ksym(vmi_instance_t vmi, const char *sym, size_t length)
{
    struct access a;
    if (access_ksym(vmi, sym, &a) == VMI_SUCCESS)
        print_access(vmi, &a, length);
}

void vmi_print_hex_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid, size_t length)
{
    struct access a;
    if (access_pid(vmi, pid, vaddr, &a) == VMI_SUCCESS)
        print_access(vmi, &a, length);
}

void vmi_print_hex_pa(vmi_instance_t vmi, addr_t paddr, size_t length)
{
    struct access a = {.addr = paddr, .pid = -1};
    if (vmi)
        print_access(vmi, &a, length);
}

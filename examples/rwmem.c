/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies a range of a guest's memory to a file, or a file into it, or lists the pages of an address
 * space with what may be done with them.
 *
 *   rwmem -n NAME | -d DOMID  -r ADDR -L LIMIT -f FILE  [-p PAGETABLE] [-K SOCKET]
 *   rwmem -n NAME | -d DOMID  -w ADDR -L LIMIT -f FILE  [-p PAGETABLE] [-K SOCKET]
 *   rwmem -n NAME | -d DOMID  -l                        [-p PAGETABLE] [-K SOCKET]
 *
 *   -L  bytes                    -p  physical address of the page table; -1: ADDR is physical.
 *                                    Without it: the one that vCPU 0 is using
 * Numbers may be hexadecimal (0x...).
 */
#define LIBVMI_EXTRA_GLIB
#include "example.h"

#include <libvmi/libvmi_extra.h>
#include <libvmi/x86.h>

enum { PAGE = 4096 };
#define PHYSICAL UINT64_MAX

struct request {
    const char *read, *write, *limit, *file, *table;
    bool list;
    uint64_t addr, size, dtb;
};

static bool parse(int *argc, char **argv, struct guest *g, struct request *r)
{
    *r = (struct request){.read = take_value(argc, argv, "-r", "--read"),
                          .write = take_value(argc, argv, "-w", "--write"),
                          .limit = take_value(argc, argv, "-L", "--limit"),
                          .file = take_value(argc, argv, "-f", "--file"),
                          .table = take_value(argc, argv, "-p", "--pagetable"),
                          .list = take_flag(argc, argv, "-l", "--list")};
    const char *socket = take_value(argc, argv, "-K", "--kvmi");
    if (!guest_from_options(argc, argv, g) || *argc != 1)
        return false;
    if (socket)
        g->socket = socket;
    if (r->table && strcmp(r->table, "-1") == 0)
        r->dtb = PHYSICAL;
    else if (r->table && !parse_number(r->table, 0, &r->dtb))
        return false;
    if (r->list)
        return !r->read && !r->write && r->dtb != PHYSICAL;
    const char *addr = r->read ? r->read : r->write;
    return !r->read != !r->write && r->file && parse_number(addr, 0, &r->addr) &&
           parse_number(r->limit, 0, &r->size);
}

/* The page table that vCPU 0 is using. */
static bool find_table(vmi_instance_t vmi, struct request *r)
{
    registers_t regs;
    uint64_t cr3;
    if (r->table)
        return true;
    if (vmi_get_vcpuregs(vmi, &regs, 0) == VMI_SUCCESS)
        r->dtb = regs.x86.cr3;
    else if (vmi_get_vcpureg(vmi, &cr3, CR3, 0) == VMI_SUCCESS)
        r->dtb = cr3; /* a memory file knows this one alone */
    else
        return false;
    return true;
}

/* Page by page; ends at the first one that is not there. */
static int copy(vmi_instance_t vmi, const struct request *r)
{
    unsigned char page[PAGE];
    ACCESS_CONTEXT(ctx, .tm = r->dtb == PHYSICAL ? VMI_TM_NONE : VMI_TM_PROCESS_DTB);
    FILE *f = fopen(r->file, r->read ? "wb" : "rb");
    uint64_t at = 0;
    bool good = f != NULL;
    if (r->dtb != PHYSICAL)
        ctx.dtb = r->dtb;
    while (good && at < r->size && !stopped) {
        size_t want = PAGE - (r->addr + at) % PAGE, done = 0;
        if (want > r->size - at)
            want = (size_t)(r->size - at);
        ctx.addr = r->addr + at;
        if (r->read) {
            good = vmi_read(vmi, &ctx, want, page, &done) == VMI_SUCCESS;
            good = fwrite(page, 1, done, f) == done && good;
        } else {
            want = fread(page, 1, want, f);
            if (!want)
                break; /* the file is shorter */
            good = vmi_write(vmi, &ctx, want, page, &done) == VMI_SUCCESS;
        }
        at += done;
    }
    if (!f || fclose(f) != 0)
        perror(r->file);
    printf("%" PRIu64 " of %" PRIu64 " bytes %s\n", at, r->size, r->read ? "read" : "written");
    return good ? 0 : 1;
}

static void print_page(const page_info_t *p, page_mode_t mode)
{
    printf("0x%016" PRIx64 " -> 0x%" PRIx64 " size 0x%x", (uint64_t)p->vaddr, (uint64_t)p->paddr,
           (unsigned)p->size);
    if (mode == VMI_PM_IA32E) { /* the entry that maps it */
        addr_t entry = p->size == VMI_PS_4KB   ? p->x86_ia32e.pte_value
                       : p->size == VMI_PS_2MB ? p->x86_ia32e.pgd_value
                                               : p->x86_ia32e.pdpte_value;
        printf(" r%c%c", READ_WRITE(entry) ? 'w' : '-', NX(entry) ? '-' : 'x');
    }
    putchar('\n');
}

static int list(vmi_instance_t vmi, addr_t dtb)
{
    page_mode_t mode = vmi_get_page_mode(vmi, 0);
    GSList *pages = vmi_get_va_pages(vmi, dtb);
    printf("%u pages in page table 0x%" PRIx64 "\n", g_slist_length(pages), (uint64_t)dtb);
    for (GSList *l = pages; l; l = l->next)
        print_page((const page_info_t *)l->data, mode);
    int status = pages ? 0 : 1;
    g_slist_free_full(pages, free);
    return status;
}

int main(int argc, char **argv)
{
    struct guest g;
    struct request r;
    if (!parse(&argc, argv, &g, &r)) {
        fprintf(stderr, "usage: rwmem -n NAME | -d DOMID -r ADDR | -w ADDR -L LIMIT -f FILE "
                        "[-p PAGETABLE] [-K SOCKET]\n"
                        "       rwmem -n NAME | -d DOMID -l [-p PAGETABLE] [-K SOCKET]\n");
        return 1;
    }
    /* Physical memory needs no operating system, nor do the page tables of a guest with registers.
     */
    vmi_instance_t vmi = guest_init(&g, 0);
    if (!vmi)
        return 1;
    char empty[] = "{ }";
    int status = 1;
    stop_on_signals();
    if (r.dtb != PHYSICAL && vmi_init_paging(vmi, 0) == VMI_PM_UNKNOWN &&
        vmi_init_os(vmi, VMI_CONFIG_STRING, empty, NULL) == VMI_OS_UNKNOWN)
        fprintf(stderr, "The guest's paging is not known.\n");
    else if (!find_table(vmi, &r))
        fprintf(stderr, "vCPU 0 does not tell its page table; give one with -p.\n");
    else
        status = r.list ? list(vmi, r.dtb) : copy(vmi, &r);
    vmi_destroy(vmi);
    return status;
}

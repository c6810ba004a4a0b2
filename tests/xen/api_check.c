/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LibVMI's calls on a Xen guest of the lab, in dom0: reads, a write that the guest notices,
 * registers, pause and resume. Prints "ok NAME" and "FAIL NAME: why".
 *
 *   api_check DOMAIN
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvmi/libvmi.h>
#include <tinyvmi/tinyvmi.h>

static int failed;

static void verdict(bool good, const char *name, const char *why)
{
    if (good) {
        printf("ok %s\n", name);
    } else {
        printf("FAIL %s: %s\n", name, why ? why : "");
        failed = 1;
    }
    fflush(stdout);
}

static const char *error_of(vmi_instance_t vmi)
{
    const struct vmi_error *error = vmi_last_error(vmi);
    return error ? error->text : "";
}

static void check_identity(vmi_instance_t vmi, const char *name)
{
    char *own = vmi_get_name(vmi);
    uint64_t id = vmi_get_vmid(vmi), size = vmi_get_memsize(vmi);
    char text[100];

    snprintf(text, sizeof(text), "name %s, id %" PRIu64 ", %" PRIu64 " bytes", own ? own : "none",
             id, size);
    verdict(own && !strcmp(own, name) && id > 0 && id < 0x7ff0 && size > 200u << 20 &&
                size < 300u << 20,
            "name, id and memory size", text);
    free(own);
}

static void check_read(vmi_instance_t vmi)
{
    char *banner = vmi_read_str_ksym(vmi, "linux_banner");
    verdict(banner && !strncmp(banner, "Linux version ", 14), "linux_banner", banner);
    free(banner);
}

static void check_pause(vmi_instance_t vmi)
{
    uint64_t first = 0, second = 1, jiffies[2] = {0, 1};
    status_t st = vmi_pause_vm(vmi);

    printf("paused\n");
    fflush(stdout);
    if (st == VMI_SUCCESS)
        st = vmi_read_ksym(vmi, "jiffies", 8, &jiffies[0], NULL);
    vmi_get_vcpureg(vmi, &first, RIP, 0);
    sleep(4);
    vmi_read_ksym(vmi, "jiffies", 8, &jiffies[1], NULL);
    vmi_get_vcpureg(vmi, &second, RIP, 0);
    verdict(st == VMI_SUCCESS && jiffies[0] == jiffies[1] && first == second,
            "a paused guest stands still", error_of(vmi));
    st = vmi_resume_vm(vmi);
    sleep(2);
    vmi_read_ksym(vmi, "jiffies", 8, &jiffies[1], NULL);
    verdict(st == VMI_SUCCESS && jiffies[1] > jiffies[0], "a resumed guest goes on", error_of(vmi));
}

static void check_registers(vmi_instance_t vmi)
{
    registers_t regs, again;
    uint64_t cr3 = 0, r15 = 0, dtb_pid = 0;
    vmi_pid_t pid = -1;

    vmi_pause_vm(vmi);
    bool got = vmi_get_vcpuregs(vmi, &regs, 0) == VMI_SUCCESS &&
               vmi_get_vcpureg(vmi, &cr3, CR3, 0) == VMI_SUCCESS;
    verdict(got && cr3 == regs.x86.cr3 && (regs.x86.cr0 & 0x80000001) == 0x80000001 &&
                regs.x86.msr_efer & 0x400,
            "registers of a vCPU in long mode", error_of(vmi));
    verdict(got && (regs.x86.rip >> 47 == 0x1ffff || regs.x86.cs_sel & 3),
            "its rip is in the kernel or user space", "");
    verdict(vmi_dtb_to_pid(vmi, cr3 & ~0xfffull, &pid) == VMI_SUCCESS || regs.x86.cs_sel == 0x10,
            "its page table is a process's", error_of(vmi));
    (void)dtb_pid;
    bool set = vmi_set_vcpureg(vmi, 0x5ee05ee0, R15, 0) == VMI_SUCCESS &&
               vmi_get_vcpureg(vmi, &r15, R15, 0) == VMI_SUCCESS;
    verdict(set && r15 == 0x5ee05ee0, "a register that was set is read back", error_of(vmi));
    set = vmi_set_vcpuregs(vmi, &regs, 0) == VMI_SUCCESS &&
          vmi_get_vcpuregs(vmi, &again, 0) == VMI_SUCCESS;
    verdict(set && again.x86.r15 == regs.x86.r15 && again.x86.rip == regs.x86.rip &&
                again.x86.cr3 == regs.x86.cr3 && again.x86.rsp == regs.x86.rsp &&
                again.x86.gs_base == regs.x86.gs_base,
            "all registers written back as they were", error_of(vmi));
    vmi_resume_vm(vmi);
}

/* The host name is in init_uts_ns, a name of 65 bytes after that of the system. */
static void check_write(vmi_instance_t vmi)
{
    char bytes[512];
    addr_t base = 0;
    size_t at, n = 0;

    if (vmi_translate_ksym2v(vmi, "init_uts_ns", &base) != VMI_SUCCESS ||
        vmi_read_va(vmi, base, 0, sizeof(bytes), bytes, &n) != VMI_SUCCESS) {
        verdict(false, "init_uts_ns", error_of(vmi));
        return;
    }
    for (at = 0; at + 10 < sizeof(bytes) && memcmp(bytes + at, "lab-guest", 10); at++)
        ;
    if (at + 10 >= sizeof(bytes)) {
        verdict(false, "the host name in init_uts_ns", "not found");
        return;
    }
    bool wrote = vmi_write_va(vmi, base + at, 0, 1, "L", &n) == VMI_SUCCESS && n == 1;
    verdict(wrote, "a write to the kernel", error_of(vmi));
    printf("renamed\n");
    fflush(stdout);
    sleep(4);
    wrote = vmi_write_va(vmi, base + at, 0, 1, "l", &n) == VMI_SUCCESS;
    verdict(wrote, "a write that puts it back", error_of(vmi));
}

int main(int argc, char **argv)
{
    vmi_instance_t vmi;
    vmi_init_error_t error;

    if (argc != 2) {
        fprintf(stderr, "usage: api_check DOMAIN\n");
        return 2;
    }
    if (vmi_init_complete(&vmi, argv[1], VMI_INIT_DOMAINNAME, NULL, VMI_CONFIG_GLOBAL_FILE_ENTRY,
                          NULL, &error) != VMI_SUCCESS) {
        fprintf(stderr, "api_check: %s\n", vmi_last_error(NULL)->text);
        return 1;
    }
    check_identity(vmi, argv[1]);
    check_read(vmi);
    check_pause(vmi);
    check_registers(vmi);
    check_write(vmi);
    vmi_destroy(vmi);
    return failed;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers about the kernel by name, and the paths of the profiles they came from. */
#include "vmi/access.h"
#include "vmi/config.h"

/* ---- members --------------------------------------------------------------------------------- */

/* From the kernel's types, else from what the view found out itself. */
static int member_offset(vmi_instance_t vmi, const char *type, const char *member, uint64_t *ret)
{
    const struct types *t = &vmi->os.types;
    struct vmi_member m;
    int st = t->ops ? t->ops->member(t->self, type, member, &m) : ST_ABSENT;
    if (st == ST_OK) {
        *ret = m.bit_offset / 8;
        return ST_OK;
    }
    return vmi->os.ops->known_member ? vmi->os.ops->known_member(&vmi->os, type, member, ret) : st;
}

status_t vmi_get_kernel_struct_offset(vmi_instance_t vmi, const char *struct_name,
                                      const char *member, addr_t *addr)
{
    uint64_t offset;
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (!struct_name || !member || !addr)
        return vmi_fail(vmi, ST_INVALID, "no structure, member or place for the offset was given");
    int st = member_offset(vmi, struct_name, member, &offset);
    if (st != ST_OK)
        return vmi_fail(vmi, st, "the offset of %.64s.%.64s is not known%s", struct_name, member,
                        vmi->os.types.ops ? "" : ": this kernel carries no types; give a profile");
    *addr = offset;
    return VMI_SUCCESS;
}

/* ---- LibVMI's names -------------------------------------------------------------------------- */

/* A row with a type is a member's offset; without, `found` or the view answers, and 0 stands for
 * what is not known. */
struct offset_name {
    const char *name;
    enum config_number number; /* what a configuration says wins; CFG_COUNT: nothing */
    const char *type, *member;
    uint64_t (*found)(vmi_instance_t vmi);
};

static uint64_t linux_slide(vmi_instance_t vmi)
{
    return (uint64_t)vmi->os.info.slide;
}

static uint64_t linux_init_task(vmi_instance_t vmi)
{
    addr_t va;
    return vmi_translate_ksym2v(vmi, "init_task", &va) == VMI_SUCCESS ? va : 0;
}

static uint64_t kernel_root(vmi_instance_t vmi)
{
    return vmi->os.kernel.half[1].root;
}

static const struct offset_name linux_names[] = {
    {"linux_tasks", CFG_linux_tasks, "task_struct", "tasks", NULL},
    {"linux_mm", CFG_linux_mm, "task_struct", "mm", NULL},
    {"linux_pid", CFG_linux_pid, "task_struct", "pid", NULL},
    {"linux_name", CFG_linux_name, "task_struct", "comm", NULL},
    {"linux_pgd", CFG_linux_pgd, "mm_struct", "pgd", NULL},
    {"linux_kaslr", CFG_linux_kaslr, NULL, NULL, linux_slide},
    /* as it runs: what a configuration gives may be the link-time address */
    {"linux_init_task", CFG_COUNT, NULL, NULL, linux_init_task},
    {"kpgd", CFG_kpgd, NULL, NULL, kernel_root},
    {NULL, CFG_COUNT, NULL, NULL, NULL},
};

static const struct offset_name windows_names[] = {
    {"win_tasks", CFG_win_tasks, "_EPROCESS", "ActiveProcessLinks", NULL},
    {"win_pdbase", CFG_win_pdbase, "_KPROCESS", "DirectoryTableBase", NULL},
    {"win_pid", CFG_win_pid, "_EPROCESS", "UniqueProcessId", NULL},
    {"win_pname", CFG_win_pname, "_EPROCESS", "ImageFileName", NULL},
    {"win_ntoskrnl", CFG_win_ntoskrnl, NULL, NULL, NULL},
    {"win_ntoskrnl_va", CFG_win_ntoskrnl_va, NULL, NULL, NULL},
    {"win_kdvb", CFG_win_kdvb, NULL, NULL, NULL},
    {"win_kdbg", CFG_win_kdbg, NULL, NULL, NULL},
    {"win_kpcr", CFG_win_kpcr, NULL, NULL, NULL},
    {"win_sysproc", CFG_win_sysproc, NULL, NULL, NULL},
    {"kpgd", CFG_kpgd, NULL, NULL, kernel_root},
    {NULL, CFG_COUNT, NULL, NULL, NULL},
};

static const struct offset_name *find_name(vmi_instance_t vmi, const char *name)
{
    const struct offset_name *n =
        vmi->os.info.os == VMI_KIND_WINDOWS ? windows_names : linux_names;
    while (n->name && strcmp(n->name, name) != 0)
        n++;
    return n->name ? n : NULL;
}

status_t vmi_get_offset(vmi_instance_t vmi, const char *offset_name, addr_t *offset)
{
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (!offset_name || !offset)
        return vmi_fail(vmi, ST_INVALID, "no name or no place for the offset was given");
    const struct offset_name *n = find_name(vmi, offset_name);
    if (!n)
        return vmi_fail(vmi, ST_INVALID, "\"%.64s\" is no offset of this operating system",
                        offset_name);
    if (vmi->config && n->number != CFG_COUNT && vmi->config->number[n->number]) {
        *offset = vmi->config->number[n->number];
        return VMI_SUCCESS;
    }
    if (n->type)
        return vmi_get_kernel_struct_offset(vmi, n->type, n->member, offset);
    uint64_t number = 0;
    if (n->found)
        number = n->found(vmi);
    else if (vmi->os.ops->number)
        (void)!vmi->os.ops->number(&vmi->os, n->name, &number);
    *offset = number;
    return VMI_SUCCESS;
}

/* ---- paths ----------------------------------------------------------------------------------- */

const char *vmi_get_linux_sysmap(vmi_instance_t vmi)
{
    return vmi && vmi->config && vmi_get_ostype(vmi) == VMI_OS_LINUX ? vmi->config->sysmap : NULL;
}

const char *vmi_get_freebsd_sysmap(vmi_instance_t vmi)
{
    return vmi && vmi->config && vmi_get_ostype(vmi) == VMI_OS_FREEBSD ? vmi->config->sysmap : NULL;
}

const char *vmi_get_rekall_path(vmi_instance_t vmi)
{
    return vmi && vmi->config ? config_profile(vmi->config) : NULL;
}

const char *vmi_get_os_profile_path(vmi_instance_t vmi)
{
    const char *profile = vmi_get_rekall_path(vmi);
    return profile || !vmi || !vmi->config ? profile : vmi->config->sysmap;
}

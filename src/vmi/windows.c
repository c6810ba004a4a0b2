/* SPDX-License-Identifier: BSD-2-Clause */
/* LibVMI's calls about the version of a Windows guest. */
#include "os/windows/kdbg.h"
#include "os/windows/version.h"
#include "vmi/access.h"

static bool is_windows(vmi_instance_t vmi)
{
    if (vmi && vmi->have_os && vmi->os.info.os == VMI_KIND_WINDOWS)
        return true;
    if (vmi)
        vmi_fail(vmi, ST_UNSUPPORTED, "the guest is not Windows");
    return false;
}

/* What LibVMI calls a version; it has no name for what came after 10. */
static win_ver_t winver(enum win_version v)
{
    static const win_ver_t names[] = {
        [WIN_UNKNOWN] = VMI_OS_WINDOWS_UNKNOWN,
        [WIN_2000] = VMI_OS_WINDOWS_2000,
        [WIN_XP] = VMI_OS_WINDOWS_XP,
        [WIN_2003] = VMI_OS_WINDOWS_2003,
        [WIN_VISTA] = VMI_OS_WINDOWS_VISTA,
        [WIN_2008] = VMI_OS_WINDOWS_2008,
        [WIN_7] = VMI_OS_WINDOWS_7,
        [WIN_8] = VMI_OS_WINDOWS_8,
        [WIN_10] = VMI_OS_WINDOWS_10,
        [WIN_11] = VMI_OS_WINDOWS_10,
    };
    return (unsigned)v < ARRAY_LEN(names) ? names[v] : VMI_OS_WINDOWS_UNKNOWN;
}

win_ver_t vmi_get_winver(vmi_instance_t vmi)
{
    uint64_t server = 0;
    if (!is_windows(vmi))
        return VMI_OS_WINDOWS_NONE;
    const struct vmi_kernel *k = &vmi->os.info;
    (void)!vmi->os.ops->number(&vmi->os, "win_server", &server);
    return winver(win_version_of(k->build, k->major, k->minor, server != 0));
}

bool vmi_get_windows_build_info(vmi_instance_t vmi, win_build_info_t *info)
{
    if (!is_windows(vmi) || !info)
        return false;
    const struct vmi_kernel *k = &vmi->os.info;
    *info = (win_build_info_t){.version = vmi_get_winver(vmi),
                               .buildnumber = (uint16_t)k->build,
                               .major = (uint16_t)k->major,
                               .minor = (uint16_t)k->minor};
    return true;
}

uint16_t vmi_get_win_buildnumber(vmi_instance_t vmi)
{
    return is_windows(vmi) ? (uint16_t)vmi->os.info.build : 0;
}

const char *vmi_get_winver_str(vmi_instance_t vmi)
{
#define NAME(v) [v] = #v
    static const char *const names[] = {NAME(VMI_OS_WINDOWS_NONE), NAME(VMI_OS_WINDOWS_UNKNOWN),
                                        NAME(VMI_OS_WINDOWS_2000), NAME(VMI_OS_WINDOWS_XP),
                                        NAME(VMI_OS_WINDOWS_2003), NAME(VMI_OS_WINDOWS_VISTA),
                                        NAME(VMI_OS_WINDOWS_2008), NAME(VMI_OS_WINDOWS_7),
                                        NAME(VMI_OS_WINDOWS_8),    NAME(VMI_OS_WINDOWS_10)};
#undef NAME
    unsigned v = vmi_get_winver(vmi);
    return v < ARRAY_LEN(names) ? names[v] : names[VMI_OS_WINDOWS_UNKNOWN];
}

/* The guest's own block: what else is known of the guest says more than the block. */
static bool is_own_block(vmi_instance_t vmi, addr_t pa)
{
    uint64_t va, own, left;
    return vmi->have_os && vmi->os.info.os == VMI_KIND_WINDOWS &&
           vmi->os.ops->number(&vmi->os, "win_kdvb", &va) == ST_OK && va &&
           aspace_translate(&vmi->os.kernel, GVA(va), &own, &left) == ST_OK && own == pa;
}

/* The size of the debugger block grew with most versions: that is all that a block alone tells (8
 * for 10 before 1903, too). */
win_ver_t vmi_get_winver_manual(vmi_instance_t vmi, addr_t kdvb_pa)
{
    uint8_t head[KDBG_TAG_AT + 8];
    struct access a = {.addr = kdvb_pa, .pid = -1};
    if (!vmi)
        return VMI_OS_WINDOWS_NONE;
    if (access_read(vmi, &a, head, sizeof head, NULL) != VMI_SUCCESS)
        return VMI_OS_WINDOWS_NONE;
    if (is_own_block(vmi, kdvb_pa))
        return vmi_get_winver(vmi);
    enum win_version v = kdbg_version((struct bytes){head, sizeof head});
    if (v == WIN_UNKNOWN)
        vmi_fail(vmi, ST_BROKEN,
                 "there is no debugger block (tag KDBG) of a known size at physical 0x%llx; since "
                 "Windows 8 it is encoded on 64 bit",
                 (unsigned long long)kdvb_pa);
    return winver(v);
}

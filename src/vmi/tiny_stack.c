/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel stacks, the task of a CPU or of a page table, and system calls. */
#include "vmi/access.h"

/* Is there a system whose view has this operation? */
static bool able(vmi_instance_t vmi, bool arguments, bool has_op, const char *what)
{
    if (!vmi_need_os(vmi))
        return false;
    if (!arguments) {
        vmi_fail(vmi, ST_INVALID, "%s: a pointer that is needed is NULL", what);
        return false;
    }
    if (!has_op) {
        vmi_fail(vmi, ST_UNSUPPORTED, "%s: not known for this system", what);
        return false;
    }
    diag_clear(&vmi->diag);
    return true;
}

#define HAS(op) (vmi && vmi->have_os && vmi->os.ops->op)

static status_t answer(vmi_instance_t vmi, int st, const char *what)
{
    if (st >= 0)
        return VMI_SUCCESS;
    return vmi->diag.text[0] && vmi->diag.code == st
               ? vmi_fail(vmi, st, NULL)
               : vmi_fail(vmi, st, "%s: %s", what, status_name(st));
}

static status_t frames(vmi_instance_t vmi, const struct vmi_process *thread,
                       const struct vmi_frame *from, vmi_frame_cb cb, void *data,
                       struct vmi_outcome *ret)
{
    struct vmi_outcome o = {0};
    if (!able(vmi, cb && (thread || from), HAS(frames), "kernel stacks"))
        return VMI_FAILURE;
    int st = vmi->os.ops->frames(&vmi->os, thread, from, cb, data, &o);
    if (st >= 0 && ret)
        *ret = o;
    return answer(vmi, st, "the stack cannot be read");
}

status_t vmi_each_frame(vmi_instance_t vmi, const struct vmi_process *thread, vmi_frame_cb cb,
                        void *data, struct vmi_outcome *ret)
{
    return frames(vmi, thread, NULL, cb, data, ret);
}

status_t vmi_each_frame_from(vmi_instance_t vmi, const struct vmi_frame *from, vmi_frame_cb cb,
                             void *data, struct vmi_outcome *ret)
{
    return frames(vmi, NULL, from, cb, data, ret);
}

status_t vmi_process_on_cpu(vmi_instance_t vmi, addr_t percpu, struct vmi_process *ret)
{
    if (!able(vmi, ret, HAS(current), "the running thread"))
        return VMI_FAILURE;
    return answer(vmi, vmi->os.ops->current(&vmi->os, percpu, ret),
                  "the running thread cannot be read");
}

status_t vmi_process_by_dtb(vmi_instance_t vmi, addr_t dtb, const struct vmi_process *hint,
                            struct vmi_process *ret)
{
    if (!able(vmi, ret, HAS(process_by_root), "the process of a page table"))
        return VMI_FAILURE;
    return answer(vmi, vmi->os.ops->process_by_root(&vmi->os, dtb, hint ? hint->object : 0, ret),
                  "processes cannot be listed");
}

status_t vmi_syscall_by_number(vmi_instance_t vmi, uint32_t nr, struct vmi_syscall *ret)
{
    if (!able(vmi, ret, HAS(syscall), "system calls"))
        return VMI_FAILURE;
    return answer(vmi, vmi->os.ops->syscall(&vmi->os, nr, ret), "the system call is not known");
}

status_t vmi_syscall_entry(vmi_instance_t vmi, uint64_t first, uint64_t second, uint32_t *nr,
                           uint64_t args[6])
{
    if (!able(vmi, nr && args, HAS(syscall_entry), "system calls"))
        return VMI_FAILURE;
    return answer(vmi, vmi->os.ops->syscall_entry(&vmi->os, first, second, nr, args),
                  "the system call cannot be read");
}

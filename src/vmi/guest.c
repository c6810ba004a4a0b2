/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest as a whole: its name, size, state and kind. */
#include "vmi/access.h"
#include "vmi/init.h"

#include <elf.h>
#include <stdlib.h>

char *vmi_get_name(vmi_instance_t vmi)
{
    char *copy = vmi ? strdup(vmi->name) : NULL;
    if (vmi && !copy)
        vmi_fail(vmi, ST_NOMEM, "no memory for the name");
    return copy;
}

uint64_t vmi_get_vmid(vmi_instance_t vmi)
{
    return vmi ? vmi->source.id : 0;
}

/* Our own ELF header, from the linker: it knows what we were built for without asking the
 * preprocessor. */
extern const Elf64_Ehdr __ehdr_start __attribute__((weak, visibility("hidden")));

vmi_arch_t vmi_get_library_arch(void)
{
    const Elf64_Ehdr *self = &__ehdr_start;
    if (!self)
        return VMI_ARCH_UNKNOWN;
    return self->e_machine == EM_X86_64    ? VMI_ARCH_X86_64
           : self->e_machine == EM_AARCH64 ? VMI_ARCH_ARM64
                                           : VMI_ARCH_UNKNOWN;
}

page_mode_t vmi_get_page_mode(vmi_instance_t vmi, unsigned long vcpu)
{
    struct vcpu_regs regs = {0};
    struct aspace space;
    page_mode_t pm;
    if (!vmi)
        return VMI_PM_UNKNOWN;
    const struct vcpu_ops *ops = vmi->source.vcpu;
    if (!vmi->source.live || !ops || !ops->registers)
        return vmi->page_mode;
    if (vcpu > UINT32_MAX) {
        vmi_fail(vmi, ST_INVALID, "the guest has no vCPU %lu", vcpu);
        return VMI_PM_UNKNOWN;
    }
    int st = ops->registers(vmi->source.impl, (unsigned)vcpu, &regs);
    if (st == ST_OK)
        st = paging_of_registers(vmi, &regs, &pm, &space);
    if (st == ST_OK)
        return pm;
    vmi_fail(vmi, st, "the page mode of vCPU %lu cannot be found: %s", vcpu, status_name(st));
    return VMI_PM_UNKNOWN;
}

uint8_t vmi_get_address_width(vmi_instance_t vmi)
{
    return vmi ? (uint8_t)mode_width(vmi->page_mode) : 0;
}

os_t vmi_get_ostype(vmi_instance_t vmi)
{
    if (!vmi)
        return VMI_OS_UNKNOWN;
    return vmi->have_os ? os_of_kind(vmi->os.info.os) : vmi->profile_os;
}

/* ---- memory and state ------------------------------------------------------------------------ */

uint64_t vmi_get_memsize(vmi_instance_t vmi)
{
    struct guest_status now;
    if (!vmi)
        return 0;
    if (vmi->source.domain && vmi->source.domain->status(vmi->source.impl, &now) == ST_OK)
        return now.pages << 12;
    return phys_size(&vmi->source.phys);
}

addr_t vmi_get_max_physical_address(vmi_instance_t vmi)
{
    return vmi ? phys_end(&vmi->source.phys) : 0;
}

/* The source's own story, where it tells one. */
static status_t source_result(vmi_instance_t vmi, int st, const char *what)
{
    if (st == ST_OK)
        return VMI_SUCCESS;
    const struct diag *story = vmi->source.story;
    return vmi_fail(vmi, st, "%s: %s", what,
                    story && story->code == st && story->text[0] ? story->text : status_name(st));
}

addr_t vmi_get_next_available_gfn(vmi_instance_t vmi)
{
    uint64_t frame;
    if (!vmi)
        return 0;
    if (!vmi->source.domain) {
        vmi_unsupported(vmi, "way to add memory to the guest");
        return 0;
    }
    int st = vmi->source.domain->free_frame(vmi->source.impl, &frame);
    return source_result(vmi, st, "no free frame is known") == VMI_SUCCESS ? frame : 0;
}

status_t vmi_alloc_gfn(vmi_instance_t vmi, uint64_t gfn)
{
    if (!vmi)
        return VMI_FAILURE;
    if (!vmi->source.domain)
        return vmi_unsupported(vmi, "way to add memory to the guest");
    if (gfn >= 1ULL << 40)
        return vmi_fail(vmi, ST_INVALID, "0x%llx is no frame number that can be",
                        (unsigned long long)gfn);
    int st = vmi->source.domain->populate(vmi->source.impl, gfn);
    if (st != ST_OK)
        return source_result(vmi, st, "memory cannot be added to the guest");
    const struct phys_range r = {.start = gfn << 12, .len = 4096, .cookie = gfn << 12};
    st = phys_add(&vmi->source.phys, &r);
    if (st != ST_OK) {
        (void)!vmi->source.domain->remove(vmi->source.impl, gfn);
        return vmi_fail(vmi, st, "the guest's memory is in too many pieces");
    }
    free(vmi->ranges); /* made anew on request */
    vmi->ranges = NULL;
    return VMI_SUCCESS;
}

/* The range stays, as the maximum does: its frame reads as absent. */
status_t vmi_free_gfn(vmi_instance_t vmi, uint64_t gfn)
{
    if (!vmi)
        return VMI_FAILURE;
    if (!vmi->source.domain)
        return vmi_unsupported(vmi, "way to take memory from the guest");
    int st = vmi->source.domain->remove(vmi->source.impl, gfn);
    return source_result(vmi, st, "memory cannot be taken from the guest");
}

unsigned int vmi_get_num_vcpus(vmi_instance_t vmi)
{
    if (!vmi || !vmi->source.live || !vmi->source.vcpu || !vmi->source.vcpu->count)
        return 0;
    return vmi->source.vcpu->count(vmi->source.impl);
}

status_t vmi_get_domain_status(vmi_instance_t vmi, domain_status_t *domain_status)
{
    struct guest_status now;
    if (!vmi || !domain_status)
        return vmi_fail(vmi, ST_INVALID, "no place for the status was given");
    if (!vmi->source.domain)
        return vmi_unsupported(vmi, "domain status (Xen has)");
    int st = vmi->source.domain->status(vmi->source.impl, &now);
    if (st != ST_OK)
        return source_result(vmi, st, "the domain's status cannot be read");
    *domain_status = (domain_status_t){.dying = now.dying,
                                       .shutdown = now.shutdown,
                                       .paused = now.paused,
                                       .blocked = now.blocked,
                                       .running = now.running,
                                       .debugged = now.debugged};
    return VMI_SUCCESS;
}

status_t vmi_pause_vm(vmi_instance_t vmi)
{
    if (!vmi)
        return VMI_FAILURE;
    if (!vmi->source.live) /* a file does not run */
        return VMI_SUCCESS;
    if (!vmi->source.vcpu || !vmi->source.vcpu->pause)
        return vmi_unsupported(vmi, "way to pause the guest");
    return source_result(vmi, vmi->source.vcpu->pause(vmi->source.impl),
                         "the guest cannot be paused");
}

status_t vmi_resume_vm(vmi_instance_t vmi)
{
    if (!vmi)
        return VMI_FAILURE;
    if (!vmi->source.live)
        return VMI_SUCCESS;
    if (!vmi->source.vcpu || !vmi->source.vcpu->resume)
        return vmi_unsupported(vmi, "way to resume the guest");
    return source_result(vmi, vmi->source.vcpu->resume(vmi->source.impl),
                         "the guest cannot be resumed");
}

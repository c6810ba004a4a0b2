/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmi/access.h"

#include <inttypes.h>
#include <stdio.h>

status_t access_fault(vmi_instance_t vmi, const struct access *a, const char *verb, size_t want,
                      size_t done, int code)
{
    vmi->story = STORY_VIRTUAL;
    vmi->story_code = code;
    vmi->walk = (struct walk_story){
        .failed = code == ST_ABSENT,
        .verb = verb,
        .va = a->addr,
        .want = want,
        .done = done,
        .pid = a->pid,
        .pm = a->pm,
        .npm = a->npm,
        .npt = a->npt,
        .space = *a->space,
    };
    return VMI_FAILURE;
}

status_t access_fault_pa(vmi_instance_t vmi, const char *verb, uint64_t pa, size_t want,
                         size_t done, int code)
{
    vmi->story = STORY_PHYSICAL;
    vmi->story_code = code;
    vmi->physical.verb = verb;
    vmi->physical.pa = pa;
    vmi->physical.want = want;
    vmi->physical.done = done;
    return VMI_FAILURE;
}

/* ---- resolving ------------------------------------------------------------------------------- */

status_t access_process(vmi_instance_t vmi, vmi_pid_t pid, struct vmi_process *ret)
{
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (pid <= 0)
        return vmi_fail(vmi, ST_INVALID, "%d is no process id", (int)pid);
    if (!vmi->os.ops->process)
        return vmi_fail(vmi, ST_UNSUPPORTED, "processes of this system cannot be looked up");
    vmi->statistics.process_walks++;
    diag_clear(&vmi->diag);
    int st = vmi->os.ops->process(&vmi->os, pid, ret);
    if (st == ST_ABSENT)
        return vmi_fail(vmi, st, "the guest has no process %d", (int)pid);
    return st == ST_OK
               ? VMI_SUCCESS
               : vmi_fail(vmi, st, vmi->diag.text[0] ? NULL : "process %d cannot be looked up: %s",
                          (int)pid, status_name(st));
}

/*
 * Puts a page table into a space of the guest's own form. Arm hardware never walks a process's
 * table for a kernel address; there the kernel's table stays in its half.
 */
static void replace_root(struct aspace *as, uint64_t pt)
{
    uint64_t low = pt & as->half[0].form->root_mask, high = pt & as->half[1].form->root_mask;
    if (!as->split) {
        as->half[0].root = as->half[1].root = low;
    } else if (as->half[1].root != high) {
        as->half[0].root = low;
        if (!as->half[1].root)
            as->half[1].root = high;
    }
}

/* The nested table of an access, if it has one. */
static status_t resolve_nested(vmi_instance_t vmi, uint64_t npt, page_mode_t npm,
                               const struct aspace **ret)
{
    *ret = NULL;
    if (npm == VMI_PM_NONE && !npt)
        return VMI_SUCCESS;
    if (npm != VMI_PM_EPT_4L && npm != VMI_PM_EPT_5L)
        return vmi_fail(vmi, ST_INVALID,
                        "a nested page table needs mode VMI_PM_EPT_4L or _5L, not %u",
                        (unsigned)npm);
    space_init(&vmi->outer, &vmi->source.phys, form_of_mode(vmi, npm), npt);
    *ret = &vmi->outer;
    return VMI_SUCCESS;
}

status_t access_table(vmi_instance_t vmi, uint64_t npt, page_mode_t npm, uint64_t pt,
                      page_mode_t pm, uint64_t va, struct access *ret)
{
    const struct aspace *outer;
    if (pm == VMI_PM_NONE)
        pm = vmi->page_mode;
    if (!mode_usable(pm))
        return vmi_fail(
            vmi, ST_INVALID,
            "the page mode of the guest is not known: give one, or call vmi_init_paging");
    if (resolve_nested(vmi, npt, npm, &outer) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (vmi->have_space && pm == vmi->page_mode) {
        vmi->scratch = vmi->space;
        replace_root(&vmi->scratch, pt);
    } else {
        space_init(&vmi->scratch, &vmi->source.phys, form_of_mode(vmi, pm), pt);
    }
    if (outer)
        vmi->scratch.outer = outer;
    *ret = (struct access){
        .space = &vmi->scratch, .addr = va, .pid = -1, .pm = pm, .npm = npm, .npt = npt};
    return VMI_SUCCESS;
}

status_t access_pid(vmi_instance_t vmi, vmi_pid_t pid, uint64_t va, struct access *ret)
{
    struct vmi_process p;
    uint64_t root;
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    *ret = (struct access){.space = &vmi->os.kernel, .addr = va, .pid = pid, .pm = vmi->page_mode};
    if (pid == 0)
        return VMI_SUCCESS;
    if (pid > 0 && cache_get_pid(vmi, pid, &root)) {
        status_t s = access_table(vmi, 0, VMI_PM_NONE, root, VMI_PM_NONE, va, ret);
        ret->pid = pid;
        return s;
    }
    if (pid > 0 && vmi->memo.pid == pid) {
        ret->space = &vmi->memo.space;
        return VMI_SUCCESS;
    }
    if (access_process(vmi, pid, &p) != VMI_SUCCESS)
        return VMI_FAILURE;
    ret->space = &vmi->scratch;
    if (!vmi->os.ops->process_space)
        return vmi_fail(vmi, ST_UNSUPPORTED, "this system has no address spaces of processes");
    diag_clear(&vmi->diag);
    int st = vmi->os.ops->process_space(&vmi->os, &p, &vmi->scratch);
    if (st != ST_OK)
        return vmi_fail(vmi, st, "the page table of process %d cannot be found: %s", (int)pid,
                        vmi->diag.text[0] ? vmi->diag.text : status_name(st));
    if (!vmi->source.live) {
        vmi->memo.space = vmi->scratch;
        vmi->memo.pid = pid;
    }
    return VMI_SUCCESS;
}

status_t access_ksym(vmi_instance_t vmi, const char *symbol, struct access *ret)
{
    addr_t va;
    if (vmi_translate_ksym2v(vmi, symbol, &va) != VMI_SUCCESS)
        return VMI_FAILURE;
    return access_pid(vmi, 0, va, ret);
}

static status_t access_physical(vmi_instance_t vmi, const access_context_t *ctx, struct access *ret)
{
    const struct aspace *outer;
    if (resolve_nested(vmi, ctx->npt, ctx->npm, &outer) != VMI_SUCCESS)
        return VMI_FAILURE;
    *ret = (struct access){.space = outer, .addr = ctx->addr, .pid = -1, .pm = ctx->npm};
    return VMI_SUCCESS;
}

static void check_version(vmi_instance_t vmi, const access_context_t *ctx)
{
    if (ctx->version == ACCESS_CONTEXT_VERSION || vmi->warned_version)
        return;
    vmi->warned_version = true;
    fprintf(stderr,
            "VMI_WARNING: an access context has version %" PRIu32
            ", expected %u: use ACCESS_CONTEXT()\n",
            ctx->version, ACCESS_CONTEXT_VERSION);
}

status_t access_context(vmi_instance_t vmi, const access_context_t *ctx, struct access *ret)
{
    const struct aspace *outer;
    if (!vmi)
        return VMI_FAILURE;
    if (!ctx)
        return vmi_fail(vmi, ST_INVALID, "no access context was given");
    check_version(vmi, ctx);
    switch (ctx->tm) {
    case VMI_TM_NONE:
        return access_physical(vmi, ctx, ret);
    case VMI_TM_PROCESS_PT:
        return access_table(vmi, ctx->npt, ctx->npm, ctx->pt, ctx->pm, ctx->addr, ret);
    case VMI_TM_PROCESS_PID:
        if (access_pid(vmi, ctx->pid, ctx->addr, ret) != VMI_SUCCESS)
            return VMI_FAILURE;
        break;
    case VMI_TM_KERNEL_SYMBOL:
        if (access_ksym(vmi, ctx->ksym, ret) != VMI_SUCCESS)
            return VMI_FAILURE;
        break;
    default:
        return vmi_fail(vmi, ST_INVALID, "%u is no translation mechanism", (unsigned)ctx->tm);
    }
    if (resolve_nested(vmi, ctx->npt, ctx->npm, &outer) != VMI_SUCCESS)
        return VMI_FAILURE;
    if (outer || (ctx->pm &&
                  ctx->pm != vmi->page_mode)) { /* the process's root, walked as the context says */
        int32_t pid = ret->pid;
        status_t s = access_table(vmi, ctx->npt, ctx->npm, space_root(ret->space, ret->addr),
                                  ctx->pm, ret->addr, ret);
        ret->pid = pid;
        return s;
    }
    return VMI_SUCCESS;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

status_t access_translate(vmi_instance_t vmi, const struct access *a, uint64_t *ret, uint64_t *left)
{
    if (!a->space) {
        *ret = a->addr;
        *left = 4096 - (a->addr & 4095);
        return VMI_SUCCESS;
    }
    vmi->walk.failed = false;
    if (cache_get_v2p(vmi, a->addr, space_root(a->space, a->addr), a->npt, a->pm, ret)) {
        *left = 4096 - (a->addr & 4095);
        return VMI_SUCCESS;
    }
    int st = aspace_translate(a->space, GVA(a->addr), ret, left);
    return st == ST_OK ? VMI_SUCCESS : access_fault(vmi, a, "translate", 1, 0, st);
}

/* With translations of the program's own among the guest's: page by page. */
static int transfer_pages(vmi_instance_t vmi, const struct access *a, void *in, const void *out,
                          size_t n, size_t *done)
{
    int st = ST_OK;
    for (*done = 0; *done < n && st == ST_OK;) {
        uint64_t va = a->addr + *done, pa;
        size_t piece = (size_t)MIN_OF((uint64_t)(n - *done), 4096 - (va & 4095)), step = 0;
        if (va < a->addr)
            return ST_ABSENT;
        bool own = cache_get_v2p(vmi, va, space_root(a->space, va), a->npt, a->pm, &pa);
        if (in)
            st = own ? phys_read(&vmi->source.phys, pa, (uint8_t *)in + *done, piece, &step)
                     : aspace_read(a->space, GVA(va), (uint8_t *)in + *done, piece, &step);
        else
            st = own ? phys_write(&vmi->source.phys, pa, (const uint8_t *)out + *done, piece, &step)
                     : aspace_write(a->space, GVA(va), (const uint8_t *)out + *done, piece, &step);
        *done += step;
    }
    return st;
}

int access_copy(vmi_instance_t vmi, const struct access *a, void *buf, size_t n, size_t *done)
{
    *done = 0;
    if (!a->space)
        return phys_read(&vmi->source.phys, a->addr, buf, n, done);
    if (cache_has_v2p(vmi))
        return transfer_pages(vmi, a, buf, NULL, n, done);
    return aspace_read(a->space, GVA(a->addr), buf, n, done);
}

status_t access_read(vmi_instance_t vmi, const struct access *a, void *buf, size_t n, size_t *done)
{
    size_t got;
    int st = access_copy(vmi, a, buf, n, &got);
    if (done)
        *done = got;
    vmi->statistics.bytes_read += got;
    if (__builtin_expect(st != ST_OK, 0))
        return a->space ? access_fault(vmi, a, "read", n, got, st)
                        : access_fault_pa(vmi, "read", a->addr, n, got, st);
    if (a->space)
        vmi->walk.failed = false;
    return VMI_SUCCESS;
}

status_t access_write(vmi_instance_t vmi, const struct access *a, const void *buf, size_t n,
                      size_t *done)
{
    size_t put = 0;
    int st;
    vmi->memo.pid = vmi->memo.dtb_pid = 0; /* the program may be changing the very process list */
    if (!a->space)
        st = phys_write(&vmi->source.phys, a->addr, buf, n, &put);
    else if (cache_has_v2p(vmi))
        st = transfer_pages(vmi, a, NULL, buf, n, &put);
    else
        st = aspace_write(a->space, GVA(a->addr), buf, n, &put);
    if (done)
        *done = put;
    if (st != ST_OK)
        return a->space ? access_fault(vmi, a, "write", n, put, st)
                        : access_fault_pa(vmi, "write", a->addr, n, put, st);
    if (a->space)
        vmi->walk.failed = false;
    return VMI_SUCCESS;
}

const access_context_t *vmi_get_last_pagetable_lookup_fault(vmi_instance_t vmi)
{
    if (!vmi || !vmi->walk.failed)
        return NULL;
    uint64_t va = vmi->walk.va + vmi->walk.done;
    vmi->fault_context = (access_context_t){
        .version = ACCESS_CONTEXT_VERSION,
        .pm = vmi->walk.pm,
        .npm = vmi->walk.npm,
        .npt = vmi->walk.npt,
        .tm = VMI_TM_PROCESS_PT,
        .addr = va,
        .pt = space_root(&vmi->walk.space, va),
    };
    return &vmi->fault_context;
}

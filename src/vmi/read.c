/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading. The call that programs make in loops, a kernel address read as pid 0, goes straight to
 * the walker: no lookup, no allocation, and on failure numbers instead of words.
 */
#include "vmi/access.h"

static void none_done(size_t *done)
{
    if (done)
        *done = 0;
}

static inline status_t read_va(vmi_instance_t vmi, uint64_t va, vmi_pid_t pid, void *buf, size_t n,
                               size_t *done)
{
    struct access a;
    if (__builtin_expect(!vmi || (!buf && n), 0)) {
        none_done(done);
        return vmi_fail(vmi, ST_INVALID, "no buffer was given");
    }
    if (__builtin_expect(pid == 0 && vmi->have_os && !cache_has_v2p(vmi), 1)) {
        size_t got;
        int st = aspace_read(&vmi->os.kernel, GVA(va), buf, n, &got);
        if (done)
            *done = got;
        vmi->statistics.bytes_read += got;
        if (__builtin_expect(st == ST_OK, 1)) {
            vmi->walk.failed = false;
            return VMI_SUCCESS;
        }
        a = (struct access){.space = &vmi->os.kernel, .addr = va, .pm = vmi->page_mode};
        return access_fault(vmi, &a, "read", n, got, st);
    }
    none_done(done);
    if (access_pid(vmi, pid, va, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    return access_read(vmi, &a, buf, n, done);
}

static inline status_t read_pa(vmi_instance_t vmi, uint64_t pa, void *buf, size_t n, size_t *done)
{
    size_t got;
    if (__builtin_expect(!vmi || (!buf && n), 0)) {
        none_done(done);
        return vmi_fail(vmi, ST_INVALID, "no buffer was given");
    }
    int st = phys_read(&vmi->source.phys, pa, buf, n, &got);
    if (done)
        *done = got;
    vmi->statistics.bytes_read += got;
    return __builtin_expect(st == ST_OK, 1) ? VMI_SUCCESS
                                            : access_fault_pa(vmi, "read", pa, n, got, st);
}

static status_t read_ksym(vmi_instance_t vmi, const char *sym, void *buf, size_t n, size_t *done)
{
    struct access a;
    none_done(done);
    if (!buf && n)
        return vmi_fail(vmi, ST_INVALID, "no buffer was given");
    if (access_ksym(vmi, sym, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    return access_read(vmi, &a, buf, n, done);
}

status_t vmi_read(vmi_instance_t vmi, const access_context_t *ctx, size_t count, void *buf,
                  size_t *bytes_read)
{
    struct access a;
    none_done(bytes_read);
    if (!buf && count)
        return vmi_fail(vmi, ST_INVALID, "no buffer was given");
    if (access_context(vmi, ctx, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    return access_read(vmi, &a, buf, count, bytes_read);
}

status_t vmi_read_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid, size_t count, void *buf,
                     size_t *bytes_read)
{
    return read_va(vmi, vaddr, pid, buf, count, bytes_read);
}

status_t vmi_read_pa(vmi_instance_t vmi, addr_t paddr, size_t count, void *buf, size_t *bytes_read)
{
    return read_pa(vmi, paddr, buf, count, bytes_read);
}

status_t vmi_read_ksym(vmi_instance_t vmi, const char *sym, size_t count, void *buf,
                       size_t *bytes_read)
{
    return read_ksym(vmi, sym, buf, count, bytes_read);
}

/* One value of each width, through each of the four ways in. */
#define READ_WIDTH(bits)                                                                           \
    status_t vmi_read_##bits(vmi_instance_t vmi, const access_context_t *ctx,                      \
                             uint##bits##_t *value)                                                \
    {                                                                                              \
        return vmi_read(vmi, ctx, sizeof *value, value, NULL);                                     \
    }                                                                                              \
    status_t vmi_read_##bits##_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid,                 \
                                  uint##bits##_t *value)                                           \
    {                                                                                              \
        return read_va(vmi, vaddr, pid, value, sizeof *value, NULL);                               \
    }                                                                                              \
    status_t vmi_read_##bits##_pa(vmi_instance_t vmi, addr_t paddr, uint##bits##_t *value)         \
    {                                                                                              \
        return read_pa(vmi, paddr, value, sizeof *value, NULL);                                    \
    }                                                                                              \
    status_t vmi_read_##bits##_ksym(vmi_instance_t vmi, const char *sym, uint##bits##_t *value)    \
    {                                                                                              \
        return read_ksym(vmi, sym, value, sizeof *value, NULL);                                    \
    }

READ_WIDTH(8)
READ_WIDTH(16)
READ_WIDTH(32)
READ_WIDTH(64)

/* ---- addresses: as wide as the guest's ------------------------------------------------------- */

/* 0, with the story recorded, when the mode has no width or there is nothing to put the value in.
 */
static unsigned addr_width(vmi_instance_t vmi, const addr_t *value)
{
    unsigned width = vmi && value ? mode_width(vmi->page_mode) : 0;
    if (!width)
        vmi_fail(vmi, ST_INVALID,
                 value ? "the width of an address is not known: the page mode is not"
                       : "no place for the value was given");
    return width;
}

/* A 4-byte address is zero-extended, and 0 when it could not be read. */
static status_t finish_addr(status_t s, unsigned width, const uint64_t *raw, addr_t *value)
{
    if (width == 8)
        *value = *raw;
    else
        *value = s == VMI_SUCCESS ? (uint32_t)*raw : 0;
    return s;
}

status_t vmi_read_addr(vmi_instance_t vmi, const access_context_t *ctx, addr_t *value)
{
    unsigned width = addr_width(vmi, value);
    if (!width)
        return VMI_FAILURE;
    uint64_t raw = *value;
    return finish_addr(vmi_read(vmi, ctx, width, &raw, NULL), width, &raw, value);
}

status_t vmi_read_addr_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid, addr_t *value)
{
    unsigned width = addr_width(vmi, value);
    if (!width)
        return VMI_FAILURE;
    uint64_t raw = *value;
    return finish_addr(read_va(vmi, vaddr, pid, &raw, width, NULL), width, &raw, value);
}

status_t vmi_read_addr_pa(vmi_instance_t vmi, addr_t paddr, addr_t *value)
{
    unsigned width = addr_width(vmi, value);
    if (!width)
        return VMI_FAILURE;
    uint64_t raw = *value;
    return finish_addr(read_pa(vmi, paddr, &raw, width, NULL), width, &raw, value);
}

status_t vmi_read_addr_ksym(vmi_instance_t vmi, const char *sym, addr_t *value)
{
    unsigned width = addr_width(vmi, value);
    if (!width)
        return VMI_FAILURE;
    uint64_t raw = *value;
    return finish_addr(read_ksym(vmi, sym, &raw, width, NULL), width, &raw, value);
}

/* ---- scatter reads --------------------------------------------------------------------------- */

status_t vmi_read_many(vmi_instance_t vmi, const access_context_t *ctx, struct vmi_part *parts,
                       size_t n)
{
    struct access a;
    status_t all = VMI_SUCCESS;
    for (size_t i = 0; parts && i < n; i++) {
        parts[i].done = 0;
        parts[i].status = VMI_FAILURE;
    }
    if (!parts && n)
        return vmi_fail(vmi, ST_INVALID, "no parts were given");
    if (ctx && ctx->tm == VMI_TM_KERNEL_SYMBOL)
        return vmi_fail(vmi, ST_INVALID,
                        "a scatter read has its addresses in its parts, not in a symbol");
    if (access_context(vmi, ctx, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    for (size_t i = 0; i < n; i++) {
        a.addr = parts[i].addr;
        if (!parts[i].buf && parts[i].count)
            parts[i].status = vmi_fail(vmi, ST_INVALID, "part %zu has no buffer", i);
        else
            parts[i].status = access_read(vmi, &a, parts[i].buf, parts[i].count, &parts[i].done);
        if (parts[i].status != VMI_SUCCESS)
            all = VMI_FAILURE;
    }
    return all;
}

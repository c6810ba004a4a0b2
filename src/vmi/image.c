/* SPDX-License-Identifier: BSD-2-Clause */
/* Exports of images: which format, and what the program's own cache entries say first. */
#include "vmi/image.h"

#include <stdlib.h>

enum image_format { IMAGE_UNKNOWN, IMAGE_ELF, IMAGE_PE };

static enum image_format format_of(vmi_instance_t vmi, const struct access *a)
{
    uint8_t magic[4];
    if (access_read(vmi, a, magic, sizeof magic, NULL) != VMI_SUCCESS)
        return IMAGE_UNKNOWN;
    if (memcmp(magic, "\177ELF", 4) == 0)
        return IMAGE_ELF;
    if (magic[0] == 'M' && magic[1] == 'Z')
        return IMAGE_PE;
    vmi_fail(vmi, ST_BROKEN, "there is no ELF or PE image at 0x%llx", (unsigned long long)a->addr);
    return IMAGE_UNKNOWN;
}

/* The image's address space; the context must name a process or a page table. */
static status_t open_image(vmi_instance_t vmi, const access_context_t *ctx, struct access *ret)
{
    if (!vmi_need_os(vmi))
        return VMI_FAILURE;
    if (!ctx || (ctx->tm != VMI_TM_PROCESS_PID && ctx->tm != VMI_TM_PROCESS_PT))
        return vmi_fail(vmi, ST_INVALID, "an image is looked into with a pid or a page table");
    return access_context(vmi, ctx, ret);
}

status_t vmi_translate_sym2v(vmi_instance_t vmi, const access_context_t *ctx, const char *symbol,
                             addr_t *vaddr)
{
    struct access a;
    int st = ST_BROKEN;
    if (!vaddr)
        return vmi_fail(vmi, ST_INVALID, "no place for the address was given");
    *vaddr = 0;
    if (!symbol)
        return vmi_fail(vmi, ST_INVALID, "no symbol was named");
    if (open_image(vmi, ctx, &a) != VMI_SUCCESS)
        return VMI_FAILURE;
    bool by_pid = ctx->tm == VMI_TM_PROCESS_PID;
    if (cache_get_symbol(vmi, ctx->addr, by_pid ? CACHE_BY_PID : CACHE_BY_ROOT,
                         by_pid ? (uint64_t)(int64_t)ctx->pid : space_root(a.space, a.addr), symbol,
                         vaddr))
        return VMI_SUCCESS;
    uint64_t va = 0;
    switch (format_of(vmi, &a)) {
    case IMAGE_UNKNOWN:
        return VMI_FAILURE;
    case IMAGE_ELF:
        st = elf_symbol_by_name(vmi, &a, symbol, &va);
        break;
    case IMAGE_PE:
        st = pe_symbol_by_name(vmi, &a, symbol, &va);
        break;
    }
    if (st != ST_OK)
        return vmi_fail(vmi, st, "the image at 0x%llx exports no %.128s: %s",
                        (unsigned long long)a.addr, symbol, status_name(st));
    *vaddr = va;
    return VMI_SUCCESS;
}

const char *vmi_translate_v2sym(vmi_instance_t vmi, const access_context_t *ctx, addr_t rva)
{
    struct access a;
    int st = ST_BROKEN;
    if (open_image(vmi, ctx, &a) != VMI_SUCCESS)
        return NULL;
    const char *added = cache_get_rva(vmi, ctx->addr, space_root(a.space, a.addr), rva),
               *result = NULL;
    if (added)
        return added;
    char *name = malloc(IMAGE_MAX_NAME);
    if (!name) {
        vmi_fail(vmi, ST_NOMEM, "no memory for a name");
        return NULL;
    }
    enum image_format format = format_of(vmi, &a);
    if (format == IMAGE_ELF)
        st = elf_symbol_by_address(vmi, &a, rva, name);
    else if (format == IMAGE_PE)
        st = pe_symbol_by_address(vmi, &a, rva, name);
    if (st == ST_OK)
        result = vmi_intern(vmi, name);
    else if (format != IMAGE_UNKNOWN)
        vmi_fail(vmi, st, "the image at 0x%llx exports nothing at exactly 0x%llx: %s",
                 (unsigned long long)a.addr, (unsigned long long)rva, status_name(st));
    free(name);
    return result;
}

/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "os/windows/kdbg.h"

enum { SIZE_AT = 20, BASE_AT = 24, OFFSETS_AT = 0x298, PCR_OFFSETS_AT = 0x2e0 };

/* Fields that are named after the kernel's variables. */
static const struct {
    uint16_t at;
    const char *name;
} fields[] = {
    {0x18, "KernBase"},
    {0x20, "BreakpointWithStatus"},
    {0x28, "SavedContext"},
    {0x38, "KiCallUserMode"},
    {0x48, "PsLoadedModuleList"},
    {0x50, "PsActiveProcessHead"},
    {0x58, "PspCidTable"},
    {0x70, "ExpNumberOfPagedPools"},
    {0x78, "KeTimeIncrement"},
    {0x88, "KiBugcheckData"},
    {0x90, "IopErrorLogListHead"},
    {0x98, "ObpRootDirectoryObject"},
    {0xa0, "ObpTypeObjectType"},
    {0xa8, "MmSystemCacheStart"},
    {0xb0, "MmSystemCacheEnd"},
    {0xb8, "MmSystemCacheWs"},
    {0xc0, "MmPfnDatabase"},
    {0xc8, "MmSystemPtesStart"},
    {0xd0, "MmSystemPtesEnd"},
    {0xd8, "MmSubsectionBase"},
    {0xe0, "MmNumberOfPagingFiles"},
    {0xe8, "MmLowestPhysicalPage"},
    {0xf0, "MmHighestPhysicalPage"},
    {0x108, "MmNonPagedSystemStart"},
    {0x110, "MmNonPagedPoolStart"},
    {0x118, "MmNonPagedPoolEnd"},
    {0x120, "MmPagedPoolStart"},
    {0x128, "MmPagedPoolEnd"},
    {0x138, "MmPageSize"},
    {0x148, "MmTotalCommitLimit"},
    {0x150, "MmTotalCommittedPages"},
    {0x158, "MmSharedCommit"},
    {0x160, "MmDriverCommit"},
    {0x168, "MmProcessCommit"},
    {0x170, "MmPagedPoolCommit"},
    {0x178, "MmExtendedCommit"},
    {0x180, "MmZeroedPageListHead"},
    {0x188, "MmFreePageListHead"},
    {0x190, "MmStandbyPageListHead"},
    {0x1a8, "MmAvailablePages"},
    {0x1b8, "PoolTrackTable"},
    {0x1c8, "MmHighestUserAddress"},
    {0x1d0, "MmSystemRangeStart"},
    {0x1d8, "MmUserProbeAddress"},
    {0x1e0, "KdPrintCircularBuffer"},
    {0x1f0, "KdPrintWritePointer"},
    {0x1f8, "KdPrintRolloverCount"},
    {0x200, "MmLoadedUserImageList"},
    {0x208, "NtBuildLab"},
    {0x210, "KiNormalSystemCall"},
    {0x218, "KiProcessorBlock"},
    {0x220, "MmUnloadedDrivers"},
    {0x228, "MmLastUnloadedDriver"},
    {0x230, "MmTriageActionTaken"},
    {0x238, "MmSpecialPoolTag"},
    {0x240, "KernelVerifier"},
    {0x248, "MmVerifierData"},
    {0x258, "MmPeakCommitment"},
    {0x268, "CmNtCSDVersion"},
    {0x270, "MmPhysicalMemoryBlock"},
    {0x278, "MmSessionBase"},
    {0x280, "MmSessionSize"},
    {0x2d0, "KdPrintBufferSize"},
    {0x2d8, "KeLoaderBlock"},
    {0x318, "VfCrashDataBlock"},
};

/* A 32-bit system's addresses are sign-extended. */
static uint64_t narrow(unsigned ptr_size, uint64_t v)
{
    return ptr_size == 4 ? v & 0xffffffff : v;
}

int kdbg_parse(struct bytes block, unsigned ptr_size, uint64_t base, struct kdbg *ret)
{
    if (block.n < KDBG_MIN || memcmp(block.p + KDBG_TAG_AT, "KDBG", 4))
        return ST_BROKEN;
    uint32_t size = le32(block.p + SIZE_AT);
    if (size < KDBG_MIN || size > 4096 || narrow(ptr_size, le64(block.p + BASE_AT)) != base)
        return ST_BROKEN;
    struct kdbg k = {.ptr_size = ptr_size};
    k.size = (uint32_t)MIN_OF(MIN_OF((size_t)size, block.n), sizeof k.bytes);
    memcpy(k.bytes, block.p, k.size);
    *ret = k;
    return ST_OK;
}

static uint64_t rotate_left(uint64_t v, unsigned n)
{
    n &= 63;
    return n ? v << n | v >> (64 - n) : v;
}

void kdbg_decode(uint8_t *block, size_t n, uint64_t never, uint64_t always, uint64_t flag)
{
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint64_t v = rotate_left(le64(block + i) ^ never, (unsigned)(never & 0xff));
        v = __builtin_bswap64(v ^ (flag | 0xffff000000000000ULL)) ^ always;
        memcpy(block + i, &v, sizeof v);
    }
}

size_t kdbg_search(struct bytes page, size_t from)
{
    while (from + KDBG_TAG_AT + 4 <= page.n) {
        const uint8_t *hit =
            memmem(page.p + from + KDBG_TAG_AT, page.n - from - KDBG_TAG_AT, "KDBG", 4);
        if (!hit)
            break;
        size_t at = (size_t)(hit - page.p) - KDBG_TAG_AT;
        if (!(at & 3))
            return at;
        from = at + 1;
    }
    return page.n;
}

static uint64_t field_at(const struct kdbg *k, size_t at)
{
    return at + 8 <= k->size ? narrow(k->ptr_size, le64(k->bytes + at)) : 0;
}

int kdbg_field(const struct kdbg *k, const char *name, uint64_t *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (!strcmp(fields[i].name, name)) {
            uint64_t v = field_at(k, fields[i].at);
            if (!v)
                return ST_ABSENT;
            *ret = v;
            return ST_OK;
        }
    return ST_ABSENT;
}

const char *kdbg_each(const struct kdbg *k, size_t i, uint64_t *ret)
{
    if (i >= ARRAY_LEN(fields))
        return NULL;
    *ret = field_at(k, fields[i].at);
    return fields[i].name;
}

void kdbg_offsets(const struct kdbg *k, struct kdbg_offsets *ret)
{
    /* Rows of 16-bit offsets: from OffsetKThreadNextProcessor at 0x298 to SizeEThread at 0x2c0, and
     * from SizePcr at 0x2e0 */
    *ret = (struct kdbg_offsets){0};
    if (k->size < OFFSETS_AT + 24)
        return;
    ret->teb = le16(k->bytes + OFFSETS_AT + 2);
    ret->thread_state = le16(k->bytes + OFFSETS_AT + 10);
    ret->process_size = le16(k->bytes + OFFSETS_AT + 16);
    ret->peb = le16(k->bytes + OFFSETS_AT + 18);
    ret->ppid = le16(k->bytes + OFFSETS_AT + 20);
    ret->dtb = le16(k->bytes + OFFSETS_AT + 22);
    if (k->size < PCR_OFFSETS_AT + 8)
        return;
    ret->prcb_current = le16(k->bytes + OFFSETS_AT + 28);
    ret->thread_size = le16(k->bytes + OFFSETS_AT + 40);
    ret->swizzle_bit = k->bytes[OFFSETS_AT + 43];
    ret->pcr_self = le16(k->bytes + PCR_OFFSETS_AT + 2);
    ret->pcr_contains = le16(k->bytes + PCR_OFFSETS_AT + 6);
}

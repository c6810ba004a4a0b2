/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the domain itself.
 *
 * At the start (xen/include/public/xen.h, "Start-of-day memory layout") the image, the ramdisk, the
 * list of frames, start_info, the rings and the page tables lie mapped in this order from
 * image_start, and some pages more. mm_start maps the rest of the domain behind that, so that page
 * n always lies at image_start + n * PAGE. The heap grows from below; pages that become page tables
 * are taken from the top.
 *
 * A PV guest writes its page tables through mmu_update only: Xen refuses an entry that would let it
 * write to a page table or see a frame that it may not (xen/arch/x86/mm.c, do_mmu_update).
 */
#include "guest.h"

#include <errno.h>
#include <string.h>

#define ENTRY_PRESENT  1ull
#define ENTRY_WRITABLE 2ull
#define ENTRY_USER     4ull
#define ENTRY_ACCESSED 0x20ull
#define ENTRY_DIRTY    0x40ull
#define ENTRY_NX       (1ull << 63)
#define ENTRY_FRAME    0x000ffffffffff000ull
#define TABLE          (ENTRY_PRESENT | ENTRY_WRITABLE | ENTRY_USER | ENTRY_ACCESSED)
#define READ           (ENTRY_PRESENT | ENTRY_ACCESSED | ENTRY_NX)
#define READ_WRITE     (READ | ENTRY_WRITABLE | ENTRY_DIRTY)
#define READ_EXECUTE   (ENTRY_PRESENT | ENTRY_ACCESSED)

enum { BATCH = 512, ENTRIES = 512 };

static struct {
    const unsigned long *frames; /* of page n; the builder's list */
    uint64_t *top;               /* the top table */
    size_t pages;
    size_t heap_start, heap_end; /* page numbers */
    size_t heap_break;           /* bytes after the first page of the heap */
    size_t tables;               /* page number: from here up taken for page tables */
    size_t most;                 /* bytes that the heap had at most */
    struct mmu_update batch[BATCH];
} mm;

static char *page_address(size_t n)
{
    return image_start + n * PAGE;
}

static size_t page_of(const void *p)
{
    return (size_t)((const char *)p - image_start) / PAGE;
}

void *mm_own_frame(uint64_t mfn)
{
    for (size_t i = 0; i < mm.pages; i++)
        if (mm.frames[i] == mfn)
            return page_address(i);
    return NULL;
}

static long update(struct mmu_update *u, size_t n, uint32_t domain, unsigned *done)
{
    return hypercall(__HYPERVISOR_mmu_update, PTR(u), n, PTR(done), domain, 0);
}

static void own_update(uint64_t machine, uint64_t entry)
{
    struct mmu_update u = {machine | MMU_NORMAL_PT_UPDATE, entry};
    if (update(&u, 1, DOMID_SELF, NULL) != 0) {
        emergency("tinyvmi: Xen refused an entry of our own page tables\n");
        guest_crash();
    }
}

/* A page of ours, other rights. entry 0: not mapped. */
static void own_page(void *p, uint64_t rights)
{
    uint64_t entry = rights ? (uint64_t)mm.frames[page_of(p)] * PAGE | rights : 0;
    if (hypercall(__HYPERVISOR_update_va_mapping, PTR(p), entry, UVMF_INVLPG, 0, 0) != 0) {
        emergency("tinyvmi: Xen refused other rights for a page of ours\n");
        guest_crash();
    }
}

static void own_pages(char *from, const char *to, uint64_t rights)
{
    for (; from < to; from += PAGE)
        own_page(from, rights);
}

/* Where the table that an entry points to lies. The list from machine frames to pages is Xen's,
 * read-only, of all domains. */
static uint64_t *table_of(uint64_t entry)
{
    return (uint64_t *)page_address(machine_to_phys_mapping[(entry & ENTRY_FRAME) / PAGE]);
}

static unsigned slot(uint64_t address, unsigned level)
{
    return (unsigned)(address >> (12 + 9 * (level - 1))) % ENTRIES;
}

/* Makes a zeroed page a page table in `entry` of `table`. */
static void hook_table(uint64_t *table, unsigned index, char *page)
{
    memset(page, 0, PAGE);
    own_page(page, READ);
    uint64_t machine = (uint64_t)mm.frames[page_of(table)] * PAGE + index * 8u;
    own_update(machine, (uint64_t)mm.frames[page_of(page)] * PAGE | TABLE);
}

/* The lowest table for `address`; NULL when pages for tables have run out. `take` gives one. */
static uint64_t *leaf_table(uint64_t address, char *(*take)(void))
{
    uint64_t *table = mm.top;
    for (unsigned level = 4; level > 1; level--) {
        unsigned i = slot(address, level);
        if (!(table[i] & ENTRY_PRESENT)) {
            char *page = take ? take() : NULL;
            if (!page)
                return NULL;
            hook_table(table, i, page);
        }
        table = table_of(table[i]);
    }
    return table;
}

/* Machine address of the entry that maps `address` in a leaf table. */
static uint64_t entry_machine(const uint64_t *table, uint64_t address)
{
    return (uint64_t)mm.frames[page_of(table)] * PAGE + slot(address, 1) * 8u;
}

/* ---- start ----------------------------------------------------------------------------------- */

static char *take_first(void)
{
    return page_address(mm.heap_start++);
}

static char *take_top(void)
{
    size_t used = mm.heap_start + (mm.heap_break + PAGE - 1) / PAGE;
    return mm.tables > used ? page_address(--mm.tables) : NULL;
}

/* Maps the pages that the builder did not, and takes the right to execute from those that it did.
 * One call for each page table. */
static void map_all_pages(void)
{
    size_t n = 0;
    for (size_t i = page_of(image_end); i < mm.pages; i++) {
        uint64_t address = PTR(page_address(i));
        uint64_t *table = leaf_table(address, take_first);
        uint64_t old = table[slot(address, 1)];
        uint64_t rights = old & ENTRY_PRESENT && !(old & ENTRY_WRITABLE) ? READ : READ_WRITE;
        mm.batch[n++] = (struct mmu_update){entry_machine(table, address) | MMU_NORMAL_PT_UPDATE,
                                            (uint64_t)mm.frames[i] * PAGE | rights};
        if (n < BATCH && i + 1 < mm.pages && slot(address, 1) + 1 < ENTRIES)
            continue;
        if (update(mm.batch, n, DOMID_SELF, NULL) != 0) {
            emergency("tinyvmi: Xen refused to map our own memory\n");
            guest_crash();
        }
        n = 0;
    }
}

void mm_start(const struct start_info *si)
{
    mm.frames = (const unsigned long *)si->mfn_list;
    mm.pages = si->nr_pages;
    mm.top = (uint64_t *)si->pt_base;
    mm.heap_start = page_of((char *)si->pt_base) + si->nr_pt_frames;
    map_all_pages();
    mm.tables = mm.heap_end = mm.pages;
    own_pages(image_start, image_text_end, READ_EXECUTE);
    own_pages(image_text_end, image_rodata_end, READ);
    own_pages(image_rodata_end, image_end, READ_WRITE);
    own_page(image_stack_guard, 0);
    own_page(image_stack_guard_2, 0);
    /* What the builder mapped beyond the domain's pages, if anything, stays unused. */
}

void mm_seal(void)
{
    char *list = (char *)mm.frames;
    own_pages(list, list + (mm.pages * sizeof *mm.frames + PAGE - 1) / PAGE * PAGE, READ);
}

static char shared_page[PAGE] __attribute__((aligned(PAGE)));

void *mm_shared_info(uint64_t machine)
{
    if (hypercall(__HYPERVISOR_update_va_mapping, PTR(shared_page), machine | READ_WRITE,
                  UVMF_INVLPG, 0, 0) != 0)
        return NULL;
    return shared_page;
}

bool mm_is_text(uint64_t address)
{
    return address >= PTR(image_start) && address < PTR(image_text_end);
}

/* ---- heap ------------------------------------------------------------------------------------ */

size_t mm_free_bytes(void)
{
    return (mm.tables - mm.heap_start) * PAGE - mm.heap_break;
}

/* What was used at most, of what there is: start-up's, the heap's, and page tables for the window.
 */
void mm_usage(struct mm_usage *ret)
{
    *ret = (struct mm_usage){.all = mm.pages * PAGE,
                             .start = mm.heap_start * PAGE,
                             .heap = mm.most,
                             .tables = (mm.pages - mm.tables) * PAGE};
}

void *mm_break(ptrdiff_t bytes)
{
    char *heap = page_address(mm.heap_start), *old = heap + mm.heap_break;
    if (bytes < 0 ? (size_t)-bytes > mm.heap_break : (size_t)bytes > mm_free_bytes())
        return NULL;
    mm.heap_break += (size_t)bytes;
    mm.most = mm.most > mm.heap_break ? mm.most : mm.heap_break;
    if (bytes > 0)
        memset(old, 0, (size_t)bytes);
    return old;
}

bool mm_entry(uint64_t address, uint64_t *ret)
{
    const uint64_t *table = leaf_table(address, take_top);
    if (table)
        *ret = entry_machine(table, address);
    return table != NULL;
}

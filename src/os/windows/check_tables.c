/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables that say where the processor and the kernel go: system calls (SSDT), interrupts (IDT),
 * drivers' requests. Each address must be in an image that is loaded.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "os/windows/check.h"

enum {
    MAX_SERVICES = 4096,
    VECTORS = 256,
    EXCEPTIONS = 32,       /* vectors that the processor itself uses, SDM 3A 6.3.1 */
    MAX_TOLD = 8,          /* findings of one kind that are told one by one */
    MAJOR_FUNCTIONS = 28,  /* wdm.h: IRP_MJ_MAXIMUM_FUNCTION + 1 */
    OBJECT_INTERRUPT = 22, /* KOBJECTS of ntddk.h: InterruptObject, the type of a KINTERRUPT */
};

static bool in_kernel(const struct windows_view *w, uint64_t a)
{
    return a - w->base < w->image.size;
}

static const char *image_of(const struct win_check *c, uint64_t a)
{
    const char *name = c->have_images ? win_images_name(&c->images, a) : NULL;
    return name ? name : in_kernel(c->w, a) ? "ntoskrnl.exe" : NULL;
}

/* ---- system calls ---- */

/* Where entry `i` of the table leads. x64 since Vista: an offset from the table, 4 bits of which
 * count arguments; before (5.2): flags in the low 4 bits. */
static int service(const struct windows_view *w, uint64_t table, unsigned i, uint64_t *ret)
{
    uint32_t v;
    int st = aspace_read32(&w->v->kernel, GVA(table + i * 4ULL), &v);
    if (st != ST_OK)
        return st;
    int64_t offset = w->major == 5 ? (int32_t)(v & ~15u) : (int32_t)v >> 4;
    *ret = w->v->ptr_size == 4 ? v : table + (uint64_t)offset;
    return ST_OK;
}

/* The first table: by its own symbols, or out of the exported descriptor (32 bit): base, counters,
 * number of services, arguments. */
static bool find_services(const struct windows_view *w, uint64_t *table, uint32_t *n)
{
    const struct aspace *as = &w->v->kernel;
    uint64_t at, limit;
    unsigned ps = w->v->ptr_size;
    if (win_symbol(w, "KiServiceTable", table) == ST_OK &&
        win_symbol(w, "KiServiceLimit", &limit) == ST_OK &&
        aspace_read32(as, GVA(limit), n) == ST_OK)
        return true;
    return win_symbol(w, "KeServiceDescriptorTable", &at) == ST_OK &&
           read_ptr(as, ps, at, table) == ST_OK &&
           aspace_read32(as, GVA(at + 2 * ps), n) == ST_OK && win_kernel_pointer(w, *table);
}

void win_check_services(struct win_check *c)
{
    const struct windows_view *w = c->w;
    uint64_t table, a;
    uint32_t n, bad = 0, missing = 0;
    if (!find_services(w, &table, &n) || !n || n > MAX_SERVICES) {
        win_report(
            c, "syscalls", VMI_SEVERITY_NOTE, 0, 0,
            "not checked: where the table of system calls is needs a profile (KiServiceTable "
            "and KiServiceLimit)");
        return;
    }
    if (!in_kernel(w, table))
        win_report(c, "syscalls", VMI_SEVERITY_ALERT, table, 0,
                   "the table of system calls is not in the kernel's image");
    for (unsigned i = 0; i < n && !c->stop; i++) {
        if (service(w, table, i, &a) != ST_OK) {
            missing++;
            continue;
        }
        if (in_kernel(w, a) || ++bad > MAX_TOLD)
            continue;
        const char *name = image_of(c, a);
        win_report(c, "syscalls", VMI_SEVERITY_ALERT, a, 0, "system call %#x leads %s%s", i,
                   name ? "into " : "outside of all images", name ? name : "");
    }
    if (bad > MAX_TOLD)
        win_report(c, "syscalls", VMI_SEVERITY_ALERT, table, 0,
                   "%u more system calls lead outside of the kernel", bad - MAX_TOLD);
    if (missing)
        win_report(c, "syscalls", VMI_SEVERITY_NOTE, table, 0,
                   "%u of %u entries of the table of system calls are not in memory", missing, n);
    else if (!bad)
        win_report(c, "syscalls", VMI_SEVERITY_OK, 0, 0,
                   "all %u system calls lead into the kernel's image", n);
}

/* ---- interrupts ---- */

/* A gate: SDM 3A 6.11 (8 bytes), 6.14.1 (16). False: not present, or a task gate. */
static bool gate(const struct windows_view *w, const uint8_t *g, uint64_t *ret)
{
    unsigned type = g[5] & 15;
    if (!(g[5] & 0x80) || (type != 14 && type != 15))
        return false;
    *ret = le16(g) | (uint64_t)le16(g + 6) << 16;
    if (w->v->ptr_size == 8)
        *ret |= (uint64_t)le32(g + 8) << 32;
    return true;
}

/*
 * Code of an interrupt object: until Windows 8 a driver's interrupt enters through code that is
 * copied into its KINTERRUPT, in pool (DispatchCode). In front of it are the object's type, its
 * size and its ServiceRoutine, which must be in an image. ntddk.h has the type; the members are in
 * the public PDBs of XP to 7.
 */
static bool in_interrupt_object(const struct win_check *c, uint64_t a)
{
    uint8_t before[0x100];
    unsigned ps = c->w->v->ptr_size, routine_at = ps == 8 ? 0x18 : 0x0c;
    uint64_t from = (a & ~(uint64_t)(ps - 1)) - sizeof before;
    if (aspace_read(&c->w->v->kernel, GVA(from), before, sizeof before, NULL) != ST_OK)
        return false;
    for (size_t i = 0; i + routine_at + ps <= sizeof before; i += ps) {
        const uint8_t *o = before + i;
        uint64_t routine = ps == 8 ? le64(o + routine_at) : le32(o + routine_at);
        if (le16(o) == OBJECT_INTERRUPT && from + i + le16(o + 2) > a && image_of(c, routine))
            return true;
    }
    return false;
}

static void check_idt(struct win_check *c, unsigned cpu, uint64_t idt)
{
    const struct windows_view *w = c->w;
    unsigned size = w->v->ptr_size == 8 ? 16 : 8, present = 0, bad = 0, objects = 0;
    uint8_t table[VECTORS * 16];
    uint64_t a;
    if (aspace_read(&w->v->kernel, GVA(idt), table, VECTORS * (size_t)size, NULL) != ST_OK) {
        win_report(c, "idt", VMI_SEVERITY_NOTE, idt, 0,
                   "the interrupt table of processor %u is not in memory", cpu);
        return;
    }
    for (unsigned i = 0; i < VECTORS && !c->stop; i++) {
        if (!gate(w, table + i * size, &a))
            continue;
        present++;
        if (image_of(c, a))
            continue;
        if (i >= EXCEPTIONS && in_interrupt_object(c, a)) {
            objects++;
            continue;
        }
        if (++bad <= MAX_TOLD)
            win_report(c, "idt", VMI_SEVERITY_ALERT, a, 0,
                       "interrupt %#x of processor %u leads outside of all images", i, cpu);
    }
    if (bad > MAX_TOLD)
        win_report(c, "idt", VMI_SEVERITY_ALERT, idt, 0,
                   "%u more interrupts of processor %u lead outside of all images", bad - MAX_TOLD,
                   cpu);
    if (!bad)
        win_report(c, "idt", VMI_SEVERITY_OK, 0, 0,
                   "all %u interrupts of processor %u lead into images%s", present, cpu,
                   objects ? " or interrupt objects" : "");
}

void win_check_interrupts(struct win_check *c)
{
    const struct windows_view *w = c->w;
    if (!w->nr_pcr || !c->have_images) {
        win_report(c, "idt", VMI_SEVERITY_NOTE, 0, 0, "not checked: %s is not known",
                   w->nr_pcr ? "which images are loaded" : "where a processor's KPCR is");
        return;
    }
    for (unsigned i = 0; i < w->nr_pcr && !c->stop; i++) {
        uint64_t idt; /* KPCR.IDT and IdtBase: ntddk.h */
        if (read_ptr(&w->v->kernel, w->v->ptr_size, w->pcr[i] + 0x38, &idt) == ST_OK &&
            win_kernel_pointer(w, idt & ~7ULL))
            check_idt(c, i, idt);
        else
            win_report(c, "idt", VMI_SEVERITY_WARNING, w->pcr[i], 0,
                       "processor %u has no interrupt table in the kernel's memory", i);
    }
}

/* ---- drivers ---- */

/* DRIVER_OBJECT, wdm.h: the same in all versions. */
struct driver_layout {
    uint32_t start, name, start_io, unload, major;
};
static const struct driver_layout driver32 = {0x0c, 0x1c, 0x30, 0x34, 0x38};
static const struct driver_layout driver64 = {0x18, 0x38, 0x60, 0x68, 0x70};

/* One driver; adds what is wrong with it to *bad. */
static void check_driver(struct win_check *c, uint64_t object, unsigned *bad)
{
    const struct windows_view *w = c->w;
    const struct driver_layout *l = w->v->ptr_size == 8 ? &driver64 : &driver32;
    const struct aspace *as = &w->v->kernel;
    unsigned ps = w->v->ptr_size;
    uint64_t start = 0, a;
    char name[128] = "";
    (void)!win_unicode(w, as, object + l->name, name, sizeof name);
    (void)!read_ptr(as, ps, object + l->start, &start);
    if (start && !image_of(c, start)) {
        ++*bad;
        win_report(c, "drivers", VMI_SEVERITY_ALERT, object, 0,
                   "driver %s: its image at %#" PRIx64 " is on no list of modules", name, start);
    }
    for (unsigned i = 0; i < MAJOR_FUNCTIONS + 2 && !c->stop; i++) {
        uint32_t off = i < MAJOR_FUNCTIONS    ? l->major + i * ps
                       : i == MAJOR_FUNCTIONS ? l->start_io
                                              : l->unload;
        if (read_ptr(as, ps, object + off, &a) != ST_OK || !a || image_of(c, a))
            continue;
        /* inside of the image that was told already */
        if (start && a - start < 1 << 26 && !image_of(c, start))
            continue;
        ++*bad;
        if (i < MAJOR_FUNCTIONS)
            win_report(c, "drivers", VMI_SEVERITY_ALERT, a, 0,
                       "driver %s: request %#x (IRP_MJ) leads outside of all images", name, i);
        else
            win_report(c, "drivers", VMI_SEVERITY_ALERT, a, 0,
                       "driver %s: its routine %s leads outside of all images", name,
                       i == MAJOR_FUNCTIONS ? "StartIo" : "Unload");
    }
}

void win_check_drivers(struct win_check *c)
{
    unsigned bad = 0;
    if (!c->have_images) {
        win_report(c, "drivers", VMI_SEVERITY_NOTE, 0, 0,
                   "not checked: which images are loaded is not known");
        return;
    }
    for (size_t i = 0; i < c->nr_drivers && !c->stop; i++)
        check_driver(c, c->driver[i], &bad);
    if (!c->nr_drivers)
        win_report(c, "drivers", VMI_SEVERITY_NOTE, 0, 0,
                   "not checked: no driver object is in the kernel's memory");
    else if (!bad)
        win_report(c, "drivers", VMI_SEVERITY_OK, 0, 0,
                   "%zu driver objects lead into images that are on the list", c->nr_drivers);
}

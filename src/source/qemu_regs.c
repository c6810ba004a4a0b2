/* SPDX-License-Identifier: BSD-2-Clause */
/* The human monitor's register dump. The format is for people; it has kept its names from QEMU 2
 * to 10. */
#include <stdio.h>
#include <stdlib.h>

#include "source/qemu.h"

static bool is_name(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* What stands behind "NAME=" or "NAME =" in [p, end); NULL when it is not there. */
static const char *value_of(const char *p, const char *end, const char *name)
{
    size_t n = strlen(name);
    bool boundary = true;
    for (; (size_t)(end - p) > n; p++) {
        if (boundary && !memcmp(p, name, n)) {
            const char *q = p + n;
            while (q < end && *q == ' ')
                q++;
            if (q < end && *q == '=')
                return q + 1;
        }
        boundary = !is_name(*p);
    }
    return NULL;
}

/* The next number in hex; the digits it was written with in *digits (may be NULL). */
static bool hex_at(const char **p, const char *end, uint64_t *ret, unsigned *digits)
{
    const char *q = *p;
    uint64_t v = 0;
    unsigned n = 0;
    while (q < end && *q == ' ')
        q++;
    for (; q < end && n < 17; q++, n++) {
        int c = *q, x = c >= '0' && c <= '9'                     ? c - '0'
                        : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                                 : -1;
        if (x < 0)
            break;
        v = v << 4 | (unsigned)x;
    }
    if (!n || n > 16)
        return false;
    *ret = v;
    *p = q;
    if (digits)
        *digits = n;
    return true;
}

struct dump {
    const char *p, *end;
};

static bool get(const struct dump *t, const char *name, uint64_t *ret)
{
    const char *v = value_of(t->p, t->end, name);
    return v && hex_at(&v, t->end, ret, NULL);
}

/* ---- x86 ------------------------------------------------------------------------------------- */

static bool x86_general(const struct dump *t, struct vcpu_regs *r)
{
    static const char *const wide[16] = {"RAX", "RBX", "RCX", "RDX", "RBP", "RSI", "RDI", "RSP",
                                         "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
    static const char *const narrow[8] = {"EAX", "EBX", "ECX", "EDX", "EBP", "ESI", "EDI", "ESP"};
    uint64_t probe;
    bool is_wide = get(t, "RAX", &probe), all = true;
    for (unsigned i = 0; i < (is_wide ? 16 : 8); i++)
        all = get(t, is_wide ? wide[i] : narrow[i], &r->gpr[i]) && all;
    return get(t, is_wide ? "RIP" : "EIP", &r->rip) &&
           get(t, is_wide ? "RFL" : "EFL", &r->rflags) && all;
}

/* "FS =0000 0000000000000000 00000000 00000000": selector, base, limit, flags. */
static bool x86_segment(const struct dump *t, const char *name, uint16_t *selector, uint64_t *base,
                        unsigned *digits)
{
    uint64_t sel;
    const char *v = value_of(t->p, t->end, name);
    if (!v || !hex_at(&v, t->end, &sel, NULL) || !hex_at(&v, t->end, base, digits))
        return false;
    *selector = (uint16_t)sel;
    return true;
}

static bool x86_segments(const struct dump *t, struct vcpu_regs *r)
{
    uint64_t base;
    unsigned digits = 0;
    bool ok =
        x86_segment(t, "ES", &r->es, &base, NULL) && x86_segment(t, "CS", &r->cs, &base, NULL) &&
        x86_segment(t, "SS", &r->ss, &base, NULL) && x86_segment(t, "DS", &r->ds, &base, NULL) &&
        x86_segment(t, "LDT", &r->ldt, &base, NULL) && x86_segment(t, "TR", &r->tr, &base, NULL) &&
        x86_segment(t, "FS", &r->fs, &r->fs_base, NULL) &&
        x86_segment(t, "GS", &r->gs, &r->gs_base, &digits);
    /* A 64-bit kernel's CPU in 32-bit code is printed with bases cut to 32 bits. */
    enum { EFER_LMA = 1 << 10 };
    return ok && (digits > 8 || !(r->efer & EFER_LMA));
}

static bool x86_table(const struct dump *t, const char *name, uint64_t *base, uint32_t *limit)
{
    uint64_t lim;
    const char *v = value_of(t->p, t->end, name);
    if (!v || !hex_at(&v, t->end, base, NULL) || !hex_at(&v, t->end, &lim, NULL))
        return false;
    *limit = (uint32_t)lim;
    return true;
}

static int x86_registers(const struct dump *t, struct vcpu_regs *ret)
{
    struct vcpu_regs r = {0};
    unsigned have = 0;
    if (!get(t, "CR0", &r.cr0) || !get(t, "CR2", &r.cr2) || !get(t, "CR3", &r.cr3) ||
        !get(t, "CR4", &r.cr4))
        return ST_BROKEN;
    have |= REGS_CR;
    have |= get(t, "EFER", &r.efer) ? REGS_EFER : 0;
    have |= x86_general(t, &r) ? REGS_GENERAL : 0;
    have |= x86_segments(t, &r) ? REGS_SEGMENTS : 0;
    have |= x86_table(t, "GDT", &r.gdt_base, &r.gdt_limit) &&
                    x86_table(t, "IDT", &r.idt_base, &r.idt_limit)
                ? REGS_TABLES
                : 0;
    r.have = have;
    *ret = r;
    return ST_OK;
}

/* ---- Arm ------------------------------------------------------------------------------------- */

static int arm_registers(const struct dump *t, struct vcpu_regs *ret)
{
    struct vcpu_regs r = {
        .have = REGS_GENERAL}; /* not REGS_ARM: the system registers are not printed */
    char name[8];
    bool wide = get(t, "X00", &r.x[0]), all = true;
    for (unsigned i = 0; i < (wide ? 31 : 16); i++) {
        snprintf(name, sizeof name, wide ? "X%02u" : "R%02u", i);
        all = get(t, name, &r.x[i]) && all;
    }
    if (wide) {
        all = get(t, "PC", &r.pc) && get(t, "SP", &r.sp) && get(t, "PSTATE", &r.pstate) && all;
    } else {
        r.sp = r.x[13];
        r.pc = r.x[15];
        all = get(t, "PSR", &r.pstate) && all;
    }
    if (!all)
        return ST_BROKEN;
    *ret = r;
    return ST_OK;
}

int qemu_registers_parse(const char *text, unsigned vcpu, struct vcpu_regs *ret)
{
    char head[24];
    snprintf(head, sizeof head, "CPU#%u", vcpu);
    const char *p = strstr(text, head);
    size_t n = strlen(head);
    while (p && p[n] >= '0' && p[n] <= '9') /* "CPU#1" is no "CPU#10" */
        p = strstr(p + n, head);
    if (!p)
        return ST_ABSENT;
    p += n;
    const char *end = strstr(p, "CPU#");
    struct dump t = {p, end ? end : p + strlen(p)};
    return value_of(t.p, t.end, "CR3") ? x86_registers(&t, ret) : arm_registers(&t, ret);
}

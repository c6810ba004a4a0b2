/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Windows view's listings over memory out of the input: lists, trees, handle tables, names,
 * tables of pages. Words whose highest byte is 0xfe or 0xfd become pointers into the memory, of the
 * kernel's half or of user memory, so that structures are reached; 0xfc makes an entry that is not
 * present.
 */
#include "os/windows/find.h"
#include "tests/unit/windows_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fake f;

static uint64_t word(uint64_t v)
{
    uint64_t at = v & 0x3ffff;
    switch (v >> 56) {
    case 0xfe:
        return FAKE_KERNEL + at;
    case 0xfd:
        return FAKE_USER + at;
    case 0xfc:
        return (FAKE_KERNEL + (at & ~7ULL)) << 16 | 0x400;
    default:
        return v;
    }
}

static int process(const struct vmi_process *p, void *data)
{
    struct vmi_process *last = data;
    if (strnlen(p->comm, sizeof p->comm) == sizeof p->comm)
        abort();
    *last = *p;
    return 0;
}

static void text(const char *s)
{
    if (strlen(s) >= 2048)
        abort();
}

static int module(const struct vmi_module *m, void *data)
{
    (void)data;
    text(m->name);
    text(m->path);
    return 0;
}

static int handle(const struct vmi_handle *h, void *data)
{
    unsigned *left = data;
    text(h->type);
    text(h->name);
    return !--*left;
}

static int vma(const struct vmi_vma *m, void *data)
{
    (void)data;
    text(m->path);
    if (m->start >= m->end)
        abort();
    return 0;
}

static int thread(const struct vmi_thread *t, void *data)
{
    (void)data;
    text(t->wait_reason);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vmi_process p = {.object = FAKE_KERNEL, .pid = 4, .dtb = FAKE_ROOT};
    struct vmi_outcome o = {0};
    struct win_shared shared;
    char buf[256];
    unsigned left = 2000;
    uint64_t pa, more;
    if (size < 64)
        return 0;
    for (size_t i = 0, words = size / 8; i < sizeof f.mem; i += 8) {
        uint64_t v = word(le64(data + i / 8 % words * 8));
        memcpy(f.mem + i, &v, 8);
    }
    if (!fake_open(&f))
        return 0;
    /* some pages are what the input says */
    for (unsigned i = 0; i < 8; i++)
        fake_put(&f, fake_user_pte(40 + i), le64(f.mem + fake_pa(i * 8)) & ~1ULL, 8);
    (void)win_shared_parse((struct bytes){f.mem + fake_pa(0), 4096}, &shared);
    (void)!win_processes(&f.v, 0, process, &p, &o);
    p.dtb = data[1] & 1 ? FAKE_ROOT : FAKE_SECOND;
    memcpy(f.mem + FAKE_SECOND, f.mem + FAKE_ROOT, 4096);
    for (unsigned i = 0; i < 8; i++)
        (void)!aspace_translate(&f.v.kernel, GVA(FAKE_USER + (40 + i) * 4096ULL), &pa, &more);
    p.wow64 = data[0] & 1;
    (void)!win_cmdline(&f.v, &p, buf, sizeof buf);
    (void)!win_threads(&f.v, &p, thread, NULL, &o);
    (void)!win_dlls(&f.v, &p, module, NULL, &o);
    (void)!win_handles(&f.v, &p, handle, &left, &o);
    (void)!win_vmas(&f.v, &p, vma, NULL, &o);
    f.w.module_head = FAKE_KERNEL + 0x1000;
    (void)!win_modules(&f.v, module, NULL, &o);
    f.w.type_table = FAKE_KERNEL + 0x2000;
    win_object_type(&f.w, FAKE_KERNEL + 0x3000, buf, sizeof buf);
    win_object_name(&f.w, FAKE_KERNEL + 0x3000, "Key", buf, sizeof buf);
    win_object_name(&f.w, FAKE_KERNEL + 0x3000, "File", buf, sizeof buf);
    fake_close(&f);
    return 0;
}

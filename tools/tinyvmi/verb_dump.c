/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "elfcore.h"

unsigned dump_machine(const struct run *run, bool *wide)
{
    static const struct {
        const char *arch;
        unsigned machine;
        bool wide;
    } row[] = {{"x86-64", EM_X86_64, true},
               {"arm64", EM_AARCH64, true},
               {"i386", EM_386, false},
               {"arm", EM_ARM, false}};
    const struct vmi_kernel *k = vmi_kernel_info(run->vmi);
    *wide = true;
    for (size_t i = 0; k && i < sizeof row / sizeof *row; i++) {
        if (strcmp(k->arch, row[i].arch) != 0)
            continue;
        *wide = row[i].wide;
        return row[i].machine;
    }
    return EM_NONE;
}

/* Pages that cannot be read one by one are holes, and counted. */
static int copy_pages(struct dump *d, struct outfile *f, uint64_t pa, uint64_t n, uint64_t file_at)
{
    for (uint64_t i = 0; i < n; i += DUMP_PAGE) {
        uint64_t k = n - i < DUMP_PAGE ? n - i : DUMP_PAGE;
        size_t got = 0;
        vmi_read_pa(d->run->vmi, pa + i, k, d->buf, &got);
        int code = got ? outfile_write_at(f, file_at + i, d->buf, got) : EXIT_WELL;
        d->missing += k - got;
        if (code)
            return code;
    }
    return EXIT_WELL;
}

static int copy_range(struct dump *d, struct outfile *f, const struct vmi_range *r,
                      uint64_t file_at)
{
    addr_t data = 0, data_end = 0; /* the run of touched memory that `i` is in or before */
    for (uint64_t i = 0; i < r->size;) {
        size_t avail = 0, got = 0;
        int code;
        if (r->start + i >= data_end &&
            vmi_next_data(d->run->vmi, r->start + i, &data, &data_end) != VMI_SUCCESS)
            data = data_end = r->start + r->size;
        if (data > r->start + i) { /* never touched: a hole in the file, and the guest's host need
                                      not allocate it */
            uint64_t skip =
                data - (r->start + i) < r->size - i ? data - (r->start + i) : r->size - i;
            i += skip;
            d->done += skip;
            continue;
        }
        uint64_t n = r->size - i < DUMP_CHUNK ? r->size - i : DUMP_CHUNK;
        if (n > data_end - (r->start + i))
            n = data_end - (r->start + i);
        const void *p = vmi_map_pa(d->run->vmi, r->start + i, &avail);
        if (p && avail) {
            n = avail < n ? avail : n;
            code = outfile_write_at(f, file_at + i, p, n);
        } else if (vmi_read_pa(d->run->vmi, r->start + i, n, d->buf, &got) == VMI_SUCCESS &&
                   got == n) {
            code = outfile_write_at(f, file_at + i, d->buf, n);
        } else {
            code = copy_pages(d, f, r->start + i, n, file_at + i);
        }
        if (code)
            return code;
        i += n;
        d->done += n;
        progress_at(&d->progress, d->done);
        if (host_interrupted())
            return EXIT_INTERRUPTED;
    }
    return EXIT_WELL;
}

/* The kernel's own description of itself, as makedumpfile, crash and drgn look for it in a core. */
static void add_vmcoreinfo(struct run *run, struct str *notes)
{
    enum { MOST = 64 * 1024 };
    addr_t at = 0, size = 0;
    size_t got = 0;
    if (!vmi_kernel_info(run->vmi) ||
        vmi_read_addr_ksym(run->vmi, "vmcoreinfo_data", &at) != VMI_SUCCESS ||
        vmi_read_addr_ksym(run->vmi, "vmcoreinfo_size", &size) != VMI_SUCCESS || size == 0 ||
        size > MOST)
        return;
    char *text = memory_grow(NULL, MOST, 1);
    if (vmi_read_va(run->vmi, at, 0, size, text, &got) == VMI_SUCCESS &&
        !strncmp(text, "OSRELEASE=", 10))
        elfcore_note(notes, "VMCOREINFO", 0, text, got);
    free(text);
}

static int write_elf_headers(struct dump *d, struct outfile *f, const struct vmi_range *range,
                             size_t n, struct core_segment *segment)
{
    const struct vmi_kernel *k = vmi_kernel_info(d->run->vmi);
    struct str notes = {0}, head = {0};
    bool wide;
    unsigned machine = dump_machine(d->run, &wide);
    add_vmcoreinfo(d->run, &notes);
    for (size_t i = 0; i < n; i++)
        segment[i] =
            (struct core_segment){.va = k && k->direct_map ? k->direct_map + range[i].start : 0,
                                  .pa = range[i].start,
                                  .size = range[i].size,
                                  .read = true,
                                  .write = true};
    int code = EXIT_WELL;
    /* 64-bit headers for all: 32-bit ones cannot tell of memory above 4 GiB. */
    if (!elfcore_headers(machine, true, segment, n, &notes, &head)) {
        complain("--to raw has no such limit",
                 "the memory has more ranges than an ELF file can have");
        code = EXIT_HOST;
    } else {
        code = outfile_write_at(f, 0, head.p, head.n);
    }
    str_free(&notes);
    str_free(&head);
    return code;
}

static int write_machine(struct dump *d, struct outfile *f)
{
    size_t n = 0;
    const struct vmi_range *range = vmi_memory_ranges(d->run->vmi, &n);
    bool elf = !strcmp(d->to, "elf");
    struct core_segment *segment = memory_grow(NULL, n, sizeof *segment);
    uint64_t end = 0;
    int code = EXIT_WELL;
    for (size_t i = 0; i < n; i++)
        d->total += range[i].size;
    if (elf)
        code = write_elf_headers(d, f, range, n, segment);
    progress_start(&d->progress, "dumping", d->total);
    for (size_t i = 0; i < n && code == EXIT_WELL; i++) {
        uint64_t at = elf ? segment[i].file_at : range[i].start;
        end = at + range[i].size > end ? at + range[i].size : end;
        code = copy_range(d, f, &range[i], at);
    }
    progress_end(&d->progress);
    free(segment);
    return code ? code : outfile_set_size(f, end);
}

static int dump_machine_memory(struct dump *d)
{
    struct outfile f;
    int code = outfile_open(&f, d->path, d->force);
    if (code)
        return code;
    code = write_machine(d, &f);
    if (code) {
        outfile_abandon(&f);
        return code;
    }
    return outfile_commit(&f);
}

/* ELF names the machine, so the kernel is of use there; but memory without one can be dumped, too.
 */
static int open_target(struct run *run, bool process, bool elf)
{
    if (process)
        return target_open(run, 0);
    struct vmi_open_options o = {
        .profile = opt(run, "profile"), .format = opt(run, "format"), .config = opt(run, "config")};
    if (elf && vmi_open(&run->vmi, run->target, &o) == VMI_SUCCESS)
        return EXIT_WELL;
    return target_open(run, VMI_OPEN_MEMORY_ONLY);
}

static int report(const struct dump *d, int code)
{
    struct str s = {0};
    if (code == EXIT_INTERRUPTED)
        complain(NULL, "interrupted; %s was not written", d->path);
    if (code)
        return code;
    if (d->untouched) {
        str_size(&s, d->untouched);
        fprintf(stderr,
                "%s of the process have no page in memory (never used, or only in the file that is "
                "mapped) and "
                "are holes\n",
                s.p);
        s.n = 0;
    }
    if (d->missing) {
        str_size(&s, d->missing);
        complain(NULL, "%s could not be read%s and are holes in %s", s.p,
                 opt(d->run, "pid") ? " (swapped out)" : "", d->path);
        code = EXIT_PARTIAL;
    }
    str_free(&s);
    return code;
}

static int run(struct run *run)
{
    vmi_pid_t pid = 0;
    struct dump d = {.run = run,
                     .path = operand(run, 1),
                     .to = opt(run, "to"),
                     .force = opt(run, "force") != NULL};
    int code = opt_pid(run, "pid", &pid);
    if (code)
        return code;
    bool process = opt(run, "pid") != NULL;
    if (!d.to)
        d.to = process ? "elf" : "raw";
    if (!strcmp(d.to, process ? "raw" : "dir"))
        return usage_error(run, process ? "a process is dumped to elf or dir, not raw"
                                        : "the machine's memory is dumped to raw or elf, not dir");
    if ((code = open_target(run, process, !strcmp(d.to, "elf"))))
        return code;
    host_hold_signals();
    d.buf = memory_grow(NULL, DUMP_CHUNK, 1);
    code = process ? dump_process(&d, pid) : dump_machine_memory(&d);
    free(d.buf);
    return report(&d, code);
}

const struct verb verb_dump = {
    .name = "dump",
    .purpose = "save the machine's memory, or that of one process, to a file",
    .operands = (const struct operand[]){TARGET_OPERAND,
                                         {"FILE", "file to write (with --to dir: a directory)",
                                          OPERAND_FILE},
                                         {0}},
    .options =
        (const struct option_row[]){
            {"to", 0, "FORMAT",
             "raw: file offset is physical address; elf: ELF core; dir: a file for each mapping of "
             "a "
             "process (default: raw, with -p elf)",
             0, "raw elf dir"},
            {"pid", 'p', "PID", "the user memory of this process instead", 0, NULL},
            {"force", 'f', NULL, "replace what exists", 0, NULL},
            {0},
        },
    .about =
        (const char *const[]){
            "The file is sparse: what is no memory, and pages of zeros, take no space. It appears "
            "under its name when it is complete, and is readable for its owner only. The guest "
            "is not paused: pages of a running guest are of different moments. Progress is shown "
            "when it takes longer than a second.",
            NULL},
    .examples =
        (const struct example[]){
            {"tinyvmi dump qemu:web1 web1.raw", "all memory"},
            {"tinyvmi dump qemu:web1 web1.elf --to elf", "for crash, drgn, gdb"},
            {"tinyvmi dump qemu:web1 nginx.core -p 812", "one process, for gdb"},
            {0}},
    .says_no = "there is no such process",
    .see_also = "read maps info",
    .flags = VERB_TARGET | VERB_NO_JSON,
    .run = run,
};

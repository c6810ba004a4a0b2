/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <stdio.h>
#include <string.h>

#include "outfile.h"

enum { FILE_, FORM, SYSTEM, RELEASE, BUILD_ID, SYMBOLS, TYPES, BYTES };

static const struct column columns[] = {
    [FILE_] = {"FILE", "file", "what was written; \"-\" is standard output", 0},
    [FORM] = {"FORM", "form", "compact or ISF", 0},
    [SYSTEM] = {NULL, "os", "linux or windows", 0},
    [RELEASE] = {NULL, "banner", "the kernel's banner; null: not told", 0},
    [BUILD_ID] = {NULL, "build_id", "the kernel's build id; null: not told", 0},
    [SYMBOLS] = {"SYMBOLS", "symbols", "how many are in it", COLUMN_RIGHT},
    [TYPES] = {"TYPES", "types", "how many are in it, those without a name too", COLUMN_RIGHT},
    [BYTES] = {"SIZE", "bytes", "bytes that were written", COLUMN_RIGHT},
    {0},
};

/* Where a profile comes from: the target that is open, or a file. */
struct origin {
    struct run *run;
    const char *file, *types;
};

static void put_row(struct run *run, struct listing *l, const char *path, const char *form,
                    const struct vmi_profile_info *info)
{
    (void)run;
    cell_guest(l, FILE_, path);
    cell_own(l, FORM, form);
    cell_own(l, SYSTEM, info->os == VMI_KIND_WINDOWS ? "windows" : "linux");
    if (info->banner[0])
        cell_guest(l, RELEASE, info->banner);
    if (info->build_id[0])
        cell_own(l, BUILD_ID, info->build_id);
    cell_u64(l, SYMBOLS, info->symbols);
    cell_u64(l, TYPES, info->types);
    cell_u64(l, BYTES, info->bytes);
    row_end(l);
}

static int put(const void *bytes, size_t n, void *data)
{
    return fwrite(bytes, 1, n, data) != n;
}

static int write_profile(const struct origin *from, enum vmi_profile_form form, FILE *f,
                         struct vmi_profile_info *info)
{
    status_t s = from->file ? vmi_profile_convert(from->file, from->types, form, put, f, info)
                            : vmi_profile_write(from->run->vmi, form, put, f, info);
    if (s == VMI_SUCCESS)
        return EXIT_WELL;
    const struct vmi_error *e = vmi_last_error(from->file ? NULL : from->run->vmi);
    if (ferror(f)) /* whoever commits the file tells */
        return EXIT_WELL;
    complain(NULL, "%s", e->text);
    return e->kind == VMI_ERROR_NO_MEMORY ? EXIT_HOST : from->file ? EXIT_TARGET : EXIT_KERNEL;
}

/* One form into one file; a row about it unless it went to standard output. */
static int make(const struct origin *from, struct listing *l, enum vmi_profile_form form,
                const char *path)
{
    struct run *run = from->run;
    struct vmi_profile_info info = {0};
    struct outfile o;
    if (!strcmp(path, "-"))
        return write_profile(from, form, run->out.f, &info);
    int code = outfile_open(&o, path, opt(run, "force") != NULL);
    if (code)
        return code;
    code = write_profile(from, form, o.f, &info);
    if (code) {
        outfile_abandon(&o);
        return code;
    }
    code = outfile_commit(&o);
    if (code == EXIT_WELL)
        put_row(run, l, path, form == VMI_PROFILE_ISF ? "ISF" : "compact", &info);
    return code;
}

static int make_asked(const struct origin *from, struct listing *l)
{
    const char *isf = opt(from->run, "isf"), *compact = opt(from->run, "output");
    int code = compact ? make(from, l, VMI_PROFILE_COMPACT, compact) : EXIT_WELL;
    return code == EXIT_WELL && isf ? make(from, l, VMI_PROFILE_ISF, isf) : code;
}

static int cache(const struct origin *from, struct listing *l)
{
    struct vmi_profile_info info;
    char path[4096];
    if (vmi_profile_cache(from->file, from->types, path, sizeof path, &info) != VMI_SUCCESS) {
        complain(NULL, "%s", vmi_last_error(NULL)->text);
        return vmi_last_error(NULL)->kind == VMI_ERROR_IO ? EXIT_HOST : EXIT_TARGET;
    }
    put_row(from->run, l, path, "compact", &info);
    return EXIT_WELL;
}

/* Is this a kernel as it is linked? ELF of type executable or shared; a core is a target. */
static bool is_vmlinux(const char *path)
{
    unsigned char h[18] = {0};
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    bool all = fread(h, 1, sizeof h, f) == sizeof h;
    fclose(f);
    return all && !memcmp(h, "\177ELF", 4) && (h[16] == 2 || h[16] == 3) && h[17] == 0;
}

static int run(struct run *run)
{
    const char *action = operand(run, 0), *what = operand(run, 1);
    bool build = !strcmp(action, "build"), some = opt(run, "isf") || opt(run, "output");
    struct origin from = {.run = run, .types = opt(run, "types")};
    struct listing l;
    int code = EXIT_WELL;
    if (!build && strcmp(action, "from"))
        return usage_error(run, "'%s' is neither 'build' nor 'from'", action);
    if (!build && !some)
        return usage_error(run, "where to? --isf FILE or -o FILE ('-' is standard output)");
    if (opt(run, "isf") && opt(run, "output") && !strcmp(opt(run, "isf"), "-") &&
        !strcmp(opt(run, "output"), "-"))
        return usage_error(run, "two profiles cannot both go to standard output");
    if (build || is_vmlinux(what))
        from.file = what;
    else if (from.types)
        return usage_error(run, "--types is for files: a guest has its own");
    run->target = what;
    if (!from.file)
        code = target_open(run, 0);
    if (code)
        return code;
    run_listing(run, &l);
    code = build && !some ? cache(&from, &l) : make_asked(&from, &l);
    if (l.rows || !some) /* standard output may be the profile's */
        listing_end(&l);
    return code;
}

const struct verb verb_profile = {
    .name = "profile",
    .purpose = "make a profile: of a guest, a vmlinux, or out of another profile",
    .operands =
        (const struct operand[]){
            {"ACTION",
             "from: of a guest, a memory file or a vmlinux; build: out of another profile", 0},
            {"TARGET", "from: a target or a vmlinux; build: the file of a profile", OPERAND_FILE},
            {0}},
    .options =
        (const struct option_row[]){
            {"isf", 0, "FILE", "write ISF, which Volatility 3 and LibVMI read", OPTION_FILE, NULL},
            {"output", 'o', "FILE", "write a compact profile, which is used without parsing",
             OPTION_FILE, NULL},
            {"types", 't', "FILE", "build: take the types from this BTF, vmlinux or profile",
             OPTION_FILE, NULL},
            {"force", 'f', NULL, "replace a file that exists", 0, NULL},
            {0},
        },
    .about =
        (const char *const[]){
            "A profile has a kernel's symbols and types. 'from' writes what the kernel itself "
            "carries: no debug package is needed. 'build' reads ISF (.json, .xz, .gz), Rekall, "
            "System.map, BTF, vmlinux or a compact profile; without -o and --isf the compact "
            "profile goes into the cache, so that opening with --profile and this file parses "
            "nothing until it changes. (A large JSON file gets there when it is used first.)",
            "The cache is below $TINYVMI_CACHE, $XDG_CACHE_HOME/tinyvmi or ~/.cache/tinyvmi; an "
            "empty TINYVMI_CACHE switches it off. --profile takes every form that 'build' reads.",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){
            {"tinyvmi profile from qemu:web1 --isf web1.json", "for Volatility 3 and LibVMI"},
            {"tinyvmi profile from memory.raw -o kernel.tvp", "compact"},
            {"tinyvmi profile from vmlinux --isf - | xz >kernel.json.xz", "of a kernel's ELF file"},
            {"tinyvmi profile build kernel.json.xz", "into the cache"},
            {"tinyvmi profile build System.map -t /sys/kernel/btf/vmlinux -o kernel.tvp",
             "symbols from one file, types from another"},
            {0}},
    .see_also = "symbols types",
    .flags = VERB_TARGET,
    .run = run,
};

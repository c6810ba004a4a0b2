/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding the opener for a target: by prefix, or for a file by its first bytes. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "source/open_file.h"

enum { HEAD_SIZE = 4096, SMALLEST_RAW = 64 << 10 };

/* PO_MEMORY_IMAGE.Signature: written, woken from, being restored (volatility3,
 * framework/layers/hibernation.py). */
#define HIBERNATION "a Windows hibernation file, which is not supported; convert it to raw"

/* Files that people offer by mistake, or that hold memory in a way that nobody here reads. */
static const struct stranger {
    const char *magic;
    uint8_t len;
    const char *what;
} strangers[] = {
    {"QFI\xfb", 4, "a qcow2 disk image, not memory; make a dump with QEMU's dump-guest-memory"},
    {"KDMV", 4, "a VMware disk, not memory"},
    {"\xd2\xbe\xd2\xbe", 4, "a VMware state file; open the .vmem file beside it"},
    {"\xd3\xbe\xd2\xbe", 4, "a VMware state file; open the .vmem file beside it"},
    {"LibvirtQemudSave", 16,
     "a libvirt save file (a migration stream); use virsh dump --memory-only instead"},
    {"QEVM", 4, "a QEMU migration stream; use dump-guest-memory instead"},
    {"LinuxGuestRecord", 16, "a Xen save file; use xl dump-core instead"},
    {"Xen saved domain", 16, "a Xen save file; use xl dump-core instead"},
    {"hibr", 4, HIBERNATION},
    {"HIBR", 4, HIBERNATION},
    {"wake", 4, HIBERNATION},
    {"WAKE", 4, HIBERNATION},
    {"rstr", 4, HIBERNATION},
    {"RSTR", 4, HIBERNATION},
    {"\x1f\x8b", 2, "compressed with gzip; unpack it first"},
    {"\xfd"
     "7zXZ",
     5, "compressed with xz; unpack it first"},
    {"\x28\xb5\x2f\xfd", 4, "compressed with zstd; unpack it first"},
    {"BZh", 3, "compressed with bzip2; unpack it first"},
    {"PK\x03\x04", 4, "a zip archive; unpack it first"},
    {"7z\xbc\xaf\x27\x1c", 6, "a 7z archive; unpack it first"},
};

static bool starts_with(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

/* ASCII, with a few bytes of some other letters. */
static bool is_text(struct bytes head)
{
    size_t high = 0;
    for (size_t i = 0; i < head.n; i++) {
        if (head.p[i] < 0x80 && !isprint(head.p[i]) && !isspace(head.p[i]))
            return false;
        high += head.p[i] >= 0x80;
    }
    return high <= head.n / 4;
}

/* Refuses what is most likely not memory at all. */
static int refuse_stranger(const char *path, struct bytes head, uint64_t size, struct diag *d)
{
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
        const struct stranger *s = &strangers[i];
        if (head.n >= s->len && !memcmp(head.p, s->magic, s->len))
            return diag_fail(d, ST_UNSUPPORTED, "%s: is %s", path, s->what);
    }
    if (is_text(head))
        return diag_fail(d, ST_UNSUPPORTED, "%s: is a text file, not memory", path);
    if (size < SMALLEST_RAW)
        return diag_fail(d, ST_UNSUPPORTED,
                         "%s: begins like no memory format that is known, and %" PRIu64
                         " bytes are too few for a raw image; if it is one, say --format raw",
                         path, size);
    return ST_OK;
}

/* What follows an @ is a parameter of the format. */
static const struct source_kind *kind_of_format(const char *format)
{
    size_t n = strcspn(format, "@");
    for (const struct source_kind *const *k = source_kinds; *k; k++)
        if ((*k)->format && strlen((*k)->format) == n && !memcmp((*k)->format, format, n))
            return *k;
    return NULL;
}

static int unknown_format(const char *format, struct diag *d)
{
    char known[128] = "";
    size_t n = 0;
    for (const struct source_kind *const *k = source_kinds; *k; k++)
        if ((*k)->format && n < sizeof known)
            n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", (*k)->format);
    return diag_fail(d, ST_INVALID, "\"%s\" is no file format that is known; there are: %s", format,
                     known);
}

static int open_file(const char *path, const struct source_options *options, struct diag *d,
                     struct source *ret)
{
    if (options->format) {
        const struct source_kind *k = kind_of_format(options->format);
        return k ? k->open(path, options, d, ret) : unknown_format(options->format, d);
    }
    struct plat_file f;
    int err = plat_file_open(path, 0, &f);
    if (err)
        return file_open_failed(path, err, d);
    uint8_t buf[HEAD_SIZE];
    struct bytes head = {buf, (size_t)MIN_OF(f.size, (uint64_t)sizeof buf)};
    err = plat_file_read(&f, 0, buf, head.n);
    uint64_t size = f.size;
    plat_file_close(&f);
    if (err)
        return file_open_failed(path, err, d);
    for (const struct source_kind *const *k = source_kinds; *k; k++)
        if ((*k)->probe && (*k)->probe(head, size))
            return (*k)->open(path, options, d, ret);
    int st = refuse_stranger(path, head, size, d);
    if (st != ST_OK)
        return st;
    const struct source_kind *raw = kind_of_format("raw");
    return raw ? raw->open(path, options, d, ret) : unknown_format("raw", d);
}

/* A name that looks like "kind:..." and is no file: most likely a prefix that this build lacks or a
 * slip of the pen. */
static int refuse_prefix(const char *target, struct diag *d)
{
    size_t n = strspn(target, "abcdefghijklmnopqrstuvwxyz");
    if (d->code != ST_ABSENT || !n || target[n] != ':')
        return d->code;
    char known[128] = "file:";
    size_t at = strlen(known);
    for (const struct source_kind *const *k = source_kinds; *k; k++)
        if ((*k)->prefix && at < sizeof known)
            at += (size_t)snprintf(known + at, sizeof known - at, ", %s", (*k)->prefix);
    if (starts_with(target, "xen:"))
        return diag_fail(d, ST_UNSUPPORTED, "%s: this build has no Xen source; there are: %s",
                         target, known);
    return diag_fail(d, ST_ABSENT,
                     "%s: there is no such file, and no kind of target \"%.*s:\"; there are: %s",
                     target, (int)MIN_OF(n, (size_t)32), target, known);
}

int source_open(const char *target, const struct source_options *options, struct diag *d,
                struct source *ret)
{
    static const struct source_options none;
    struct diag unheard;
    if (!options)
        options = &none;
    if (!d)
        d = &unheard;
    diag_clear(d);
    if (!target || !*target)
        return diag_fail(d, ST_INVALID, "no target was named");
    if (!strcmp(target, "file:"))
        return diag_fail(d, ST_INVALID, "file: no path follows the colon");
    if (starts_with(target, "file:"))
        return open_file(target + strlen("file:"), options, d, ret);
    for (const struct source_kind *const *k = source_kinds; *k; k++)
        if ((*k)->prefix && starts_with(target, (*k)->prefix))
            return (*k)->open(target + strlen((*k)->prefix), options, d, ret);
    int st = open_file(target, options, d, ret);
    return st == ST_ABSENT ? refuse_prefix(target, d) : st;
}

void source_close(struct source *s)
{
    phys_deinit(&s->phys);
    if (s->close)
        s->close(s->impl);
    *s = (struct source){0};
}

int source_list(vmi_target_cb cb, void *data, struct vmi_outcome *ret)
{
    struct vmi_outcome all = {0};
    int st = ST_OK;
    for (const struct source_kind *const *k = source_kinds; *k && st == ST_OK; k++)
        if ((*k)->list)
            st = (*k)->list(cb, data, &all);
    if (ret)
        *ret = all;
    return st < 0 ? st : ST_OK;
}

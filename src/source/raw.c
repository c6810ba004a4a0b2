/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A raw image: the file is guest memory from physical address 0, as QEMU's pmemsave writes it, or
 * from ADDRESS when the format was given as raw@ADDRESS (the memory of an arm64 `virt` machine
 * begins at 0x40000000). Nothing in it can be checked, so it is what a file is taken for when no
 * other format fits.
 */
#include <errno.h>
#include <stdlib.h>

#include "source/file_kinds.h"
#include "source/open_file.h"

static int base_address(const struct source_options *options, struct diag *d, uint64_t *ret)
{
    const char *at = options->format ? strchr(options->format, '@') : NULL;
    char *end;
    if (!at) {
        *ret = 0;
        return ST_OK;
    }
    errno = 0;
    uint64_t v = strtoull(at + 1, &end, 0);
    if (errno || end == at + 1 || *end || at[1] == '-')
        return diag_fail(
            d, ST_INVALID,
            "\"%s\": what follows raw@ must be the physical address of the file's first byte",
            options->format);
    *ret = v;
    return ST_OK;
}

static int raw_open(const char *path, const struct source_options *options, struct diag *d,
                    struct source *ret)
{
    struct source s;
    uint64_t base = 0;
    int st = base_address(options, d, &base);
    if (st != ST_OK)
        return st;
    struct file_source *f = malloc(sizeof *f);
    if (!f)
        return diag_fail(d, ST_NOMEM, "%s: out of memory", path);
    st = file_source_open(path, "raw", true, options, d, f, &s);
    if (st != ST_OK) {
        free(f);
        return st;
    }
    /* The length is the file's, to the byte: what follows it in the last page of the mapping is no
     * guest memory. */
    st = file_add_mapped(&s, f, options, base, f->file.size, 0, "the image", d);
    if (st == ST_OK)
        st = file_source_finish(&s, f, d);
    if (st != ST_OK) {
        phys_deinit(&s.phys);
        file_source_free(f);
        return st;
    }
    s.close = file_source_free;
    *ret = s;
    return ST_OK;
}

const struct source_kind raw_source_kind = {.format = "raw", .open = raw_open};

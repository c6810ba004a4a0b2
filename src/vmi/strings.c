/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings out of guest memory. Their length is the guest's choice, so there is a cap: 1 MiB. */
#include "vmi/access.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

enum { MAX_STRING = 1 << 20, FIRST_PIECE = 256, PAGE = 4096 };

/* ---- terminated strings ---------------------------------------------------------------------- */

/* Offset of the first zero unit in [from, n), or n rounded down to whole units. *found: there is
 * one. */
static size_t find_end(const uint8_t *p, size_t from, size_t n, size_t unit, bool *found)
{
    size_t at = from / unit * unit;
    for (; at + unit <= n; at += unit) {
        if (!p[at] && (unit == 1 || !p[at + 1])) {
            *found = true;
            return at;
        }
    }
    return at;
}

/* Most strings are short: one look, and an allocation of their size. NULL: to be read piece by
 * piece. */
static char *read_short(vmi_instance_t vmi, const struct access *a)
{
    char piece[64];
    size_t n = MIN_OF(sizeof piece, PAGE - (size_t)(a->addr % PAGE)), got;
    if (cache_has_v2p(vmi) || access_copy(vmi, a, piece, n, &got) != ST_OK)
        return NULL;
    const char *end = memchr(piece, 0, n);
    char *ret = end ? malloc((size_t)(end - piece) + 1) : NULL;
    if (!ret)
        return NULL;
    memcpy(ret, piece, (size_t)(end - piece) + 1);
    vmi->statistics.bytes_read += n;
    if (a->space)
        vmi->walk.failed = false;
    return ret;
}

/* Units of 1 or 2 bytes up to a zero one, up to memory that is not there, or to the cap;
 * terminated. NULL: nothing. */
static void *read_units(vmi_instance_t vmi, const struct access *a, size_t unit)
{
    uint8_t *buf = unit == 1 ? (uint8_t *)read_short(vmi, a) : NULL;
    size_t n = 0, cap = 0, end = 0;
    bool found = false;
    int st = ST_OK;
    if (buf)
        return buf;
    while (!found && st == ST_OK && n < MAX_STRING) {
        struct access at = *a;
        at.addr += n;
        size_t piece = MIN_OF(MAX_OF(n, (size_t)FIRST_PIECE),
                              MIN_OF(MAX_STRING - n, PAGE - (size_t)(at.addr % PAGE))),
               got;
        if (n + piece + unit > cap) {
            cap = n * 2 + PAGE + unit;
            uint8_t *bigger = realloc(buf, cap);
            if (!bigger) {
                free(buf);
                vmi_fail(vmi, ST_NOMEM, "no memory for a string");
                return NULL;
            }
            buf = bigger;
        }
        st = access_copy(vmi, &at, buf + n, piece, &got);
        n += got;
        end = find_end(buf, end, n, unit, &found);
    }
    vmi->statistics.bytes_read += n;
    if (n < unit) {
        free(buf);
        if (a->space)
            access_fault(vmi, a, "read", unit, 0, st);
        else
            access_fault_pa(vmi, "read", a->addr, unit, 0, st);
        return NULL;
    }
    memset(buf + end, 0, unit);
    if (a->space)
        vmi->walk.failed = false;
    return buf;
}

char *vmi_read_str(vmi_instance_t vmi, const access_context_t *ctx)
{
    struct access a;
    return access_context(vmi, ctx, &a) == VMI_SUCCESS ? read_units(vmi, &a, 1) : NULL;
}

uint16_t *vmi_read_wstr(vmi_instance_t vmi, const access_context_t *ctx)
{
    struct access a;
    return access_context(vmi, ctx, &a) == VMI_SUCCESS ? read_units(vmi, &a, 2) : NULL;
}

char *vmi_read_str_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid)
{
    struct access a;
    return access_pid(vmi, pid, vaddr, &a) == VMI_SUCCESS ? read_units(vmi, &a, 1) : NULL;
}

uint16_t *vmi_read_wstr_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid)
{
    struct access a;
    return access_pid(vmi, pid, vaddr, &a) == VMI_SUCCESS ? read_units(vmi, &a, 2) : NULL;
}

char *vmi_read_str_pa(vmi_instance_t vmi, addr_t paddr)
{
    struct access a = {.addr = paddr, .pid = -1};
    return vmi ? read_units(vmi, &a, 1) : NULL;
}

uint16_t *vmi_read_wstr_pa(vmi_instance_t vmi, addr_t paddr)
{
    struct access a = {.addr = paddr, .pid = -1};
    return vmi ? read_units(vmi, &a, 2) : NULL;
}

char *vmi_read_str_ksym(vmi_instance_t vmi, const char *sym)
{
    struct access a;
    return access_ksym(vmi, sym, &a) == VMI_SUCCESS ? read_units(vmi, &a, 1) : NULL;
}

/* ---- Windows' counted strings ---------------------------------------------------------------- */

/* UNICODE_STRING: length, maximum (bytes, 16 bits each), then the buffer's address at 8 (64 bit)
 * or 4. */
static unicode_string_t *read_counted(vmi_instance_t vmi, struct access *a, page_mode_t mode)
{
    uint8_t head[16];
    bool wide = mode == VMI_PM_IA32E;
    if (access_read(vmi, a, head, wide ? 16 : 8, NULL) != VMI_SUCCESS)
        return NULL;
    size_t length = le16(head);
    uint64_t buffer = wide ? le64(head + 8) : le32(head + 4);
    if (length > le16(head + 2)) {
        vmi_fail(vmi, ST_BROKEN,
                 "there is no UNICODE_STRING at 0x%llx: its length %zu exceeds its maximum %u",
                 (unsigned long long)a->addr, length, le16(head + 2));
        return NULL;
    }
    unicode_string_t *s = calloc(1, sizeof *s);
    uint8_t *contents = calloc(1, length + 2);
    if (!s || !contents) {
        vmi_fail(vmi, ST_NOMEM, "no memory for a string");
    } else {
        a->addr = buffer;
        if (!length || access_read(vmi, a, contents, length, NULL) == VMI_SUCCESS) {
            *s = (unicode_string_t){.length = length, .contents = contents, .encoding = "UTF-16"};
            return s;
        }
    }
    free(s);
    free(contents);
    return NULL;
}

static bool is_windows(vmi_instance_t vmi)
{
    if (vmi_get_ostype(vmi) == VMI_OS_WINDOWS)
        return true;
    vmi_fail(vmi, ST_UNSUPPORTED, "only Windows guests have UNICODE_STRINGs");
    return false;
}

unicode_string_t *vmi_read_unicode_str_pm(vmi_instance_t vmi, const access_context_t *ctx,
                                          page_mode_t mode)
{
    struct access a;
    if (!is_windows(vmi) || access_context(vmi, ctx, &a) != VMI_SUCCESS)
        return NULL;
    return read_counted(vmi, &a, mode);
}

unicode_string_t *vmi_read_unicode_str(vmi_instance_t vmi, const access_context_t *ctx)
{
    page_mode_t own = vmi ? vmi->page_mode : VMI_PM_UNKNOWN;
    return vmi_read_unicode_str_pm(vmi, ctx, ctx && ctx->pm ? ctx->pm : own);
}

unicode_string_t *vmi_read_unicode_str_va(vmi_instance_t vmi, addr_t vaddr, vmi_pid_t pid)
{
    struct access a;
    if (!is_windows(vmi) || access_pid(vmi, pid, vaddr, &a) != VMI_SUCCESS)
        return NULL;
    return read_counted(vmi, &a, vmi->page_mode);
}

void vmi_free_unicode_str(unicode_string_t *p_us)
{
    if (!p_us)
        return;
    free(p_us->contents);
    free(p_us);
}

/* ---- encodings ------------------------------------------------------------------------------- */

enum { TERMINATOR = 4 }; /* of the widest units, UTF-32 */

/* Room for twice as much; false: no memory. */
static bool grow(uint8_t **buf, size_t *cap)
{
    size_t bigger;
    if (__builtin_mul_overflow(*cap, (size_t)2, &bigger) || bigger > SIZE_MAX - TERMINATOR)
        return false;
    uint8_t *grown = realloc(*buf, bigger + TERMINATOR);
    if (!grown)
        return false;
    *buf = grown;
    *cap = bigger;
    return true;
}

/* Converts all of `in`. ST_BROKEN: bytes that are no text in its encoding. */
static int convert(iconv_t cd, const unicode_string_t *in, uint8_t **out, size_t *length)
{
    char *from = (char *)in->contents;
    size_t left = in->length, cap = 64, n = 0;
    uint8_t *buf = malloc(cap + TERMINATOR);
    int st = buf ? ST_OK : ST_NOMEM;
    bool closing = !left; /* the last call has no input: it closes shift states */
    for (bool done = false; st == ST_OK && !done;) {
        char *to = (char *)buf + n;
        size_t room = cap - n;
        bool ok =
            iconv(cd, closing ? NULL : &from, closing ? NULL : &left, &to, &room) != (size_t)-1;
        n = cap - room;
        if (ok) {
            done = closing;
            closing = true;
        } else if (errno != E2BIG) {
            st = ST_BROKEN;
        } else if (!grow(&buf, &cap)) {
            st = ST_NOMEM;
        }
    }
    if (st != ST_OK) {
        free(buf);
        return st;
    }
    memset(buf + n, 0, TERMINATOR);
    *out = buf;
    *length = n;
    return ST_OK;
}

status_t vmi_convert_str_encoding(const unicode_string_t *in, unicode_string_t *out,
                                  const char *outencoding)
{
    uint8_t *contents;
    size_t length;
    if (!out)
        return VMI_FAILURE;
    unicode_string_t from = in ? *in : (unicode_string_t){0};
    *out = (unicode_string_t){0};
    if (!from.encoding || !outencoding || (!from.contents && from.length))
        return VMI_FAILURE;
    iconv_t cd = iconv_open(outencoding, from.encoding);
    if (cd == (iconv_t)-1)
        return VMI_FAILURE;
    int st = convert(cd, &from, &contents, &length);
    iconv_close(cd);
    if (st != ST_OK)
        return VMI_FAILURE;
    *out = (unicode_string_t){.length = length, .contents = contents, .encoding = outencoding};
    return VMI_SUCCESS;
}

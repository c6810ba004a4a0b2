/* SPDX-License-Identifier: BSD-2-Clause */
#include "sym/profile_inner.h"

#include <stdio.h>

#include "sym/btf.h"
#include "sym/compact.h"
#include "sym/sysmap.h"
#include "sym/vmlinux.h"

struct bytes profile_name(struct profile_parser *p)
{
    struct bytes raw = p->json.text;

    if (!raw.n || !memchr(raw.p, '\\', raw.n))
        return raw;
    size_t n = json_unescape(raw, p->name, sizeof p->name);
    return (struct bytes){(const uint8_t *)p->name, MIN_OF(n, strlen(p->name))};
}

bool profile_u64(struct profile_parser *p, uint64_t *ret)
{
    if (json_next(&p->json) != JSON_INTEGER) {
        json_skip(&p->json);
        return false;
    }
    *ret = p->json.negative ? 0 - p->json.value : p->json.value;
    return true;
}

static void parse(struct profile_parser *p)
{
    if (json_next(&p->json) != JSON_OBJECT)
        return;
    while (profile_key(p)) {
        if (isf_section(p))
            p->isf = true;
        else if (rekall_section(p))
            p->rekall = true;
        else
            json_skip(&p->json);
    }
    if (p->json.token == JSON_OBJECT_END)
        json_next(&p->json);
}

/* Turns what was collected into tables. */
static int finish(struct profile_parser *p, struct diag *d, struct profile *ret)
{
    const char *dialect = p->isf ? "ISF" : "Rekall";
    struct profile made = {.os = p->os, .ptr_size = p->ptr_size};

    if (p->json.token != JSON_END)
        return diag_fail(d, ST_BROKEN, "profile, line %u: %s", json_line(&p->json),
                         p->json.error ? p->json.error : "no object begins the document");
    if (p->isf == p->rekall)
        return diag_fail(
            d, ST_BROKEN,
            "profile: neither ISF (user_types, symbols) nor Rekall ($STRUCTS, $CONSTANTS)");
    if (p->rekall)
        rekall_end(p);
    int status = typebook_finish(p->types, p->ptr_size, dialect, d, &made.types);
    if (status != ST_OK)
        return status;
    status = symlist_finish(p->symbols, &made.symbols);
    if (status != ST_OK) {
        made.types.ops->close(made.types.self);
        return diag_fail(d, status, "profile: its symbols need more memory than there is");
    }
    p->symbols = NULL;
    snprintf(made.dialect, sizeof made.dialect, "%s", dialect);
    memcpy(made.banner, p->banner, sizeof made.banner);
    *ret = made;
    return ST_OK;
}

int profile_open_json(struct bytes json, struct diag *d, struct profile *ret)
{
    struct profile_parser p = {
        .types = typebook_new(), .symbols = symlist_new("profile"), .ptr_size = 8};
    int status = ST_NOMEM;

    json_init(&p.json, json);
    if (p.types && p.symbols) {
        parse(&p);
        status = finish(&p, d, ret);
    } else {
        diag_fail(d, ST_NOMEM, "profile: no memory");
    }
    typebook_free(p.types);
    symlist_free(p.symbols);
    return status;
}

/* System.map alone: what pointers are follows from the width of its addresses. */
static int open_sysmap(struct bytes text, struct diag *d, struct profile *ret)
{
    struct profile made = {.os = VMI_KIND_LINUX, .dialect = "System.map"};
    int st = sysmap_open(text, d, &made.symbols);

    if (st != ST_OK)
        return st;
    made.ptr_size = text.n > 8 && text.p[8] == ' ' ? 4 : 8;
    *ret = made;
    return ST_OK;
}

/* A blob does not say how wide pointers are, but "long" has their size in every Linux kernel. */
static int open_btf(struct bytes blob, struct diag *d, struct profile *ret)
{
    struct profile made = {.os = VMI_KIND_LINUX, .ptr_size = 8, .dialect = "BTF"};
    uint64_t size;
    int st = btf_open(blob, made.ptr_size, NULL, d, &made.types);

    if (st == ST_OK && made.types.ops->size(made.types.self, "long unsigned int", &size) == ST_OK &&
        size == 4) {
        made.types.ops->close(made.types.self);
        made.ptr_size = 4;
        st = btf_open(blob, made.ptr_size, NULL, d, &made.types);
    }
    if (st == ST_OK)
        *ret = made;
    return st;
}

int profile_open(struct bytes file, struct diag *d, struct profile *ret)
{
    static const uint8_t elf[] = {0x7f, 'E', 'L', 'F'};
    size_t i = 0;

    if (compact_is(file))
        return compact_open(file, d, ret);
    if (file.n > sizeof elf && !memcmp(file.p, elf, sizeof elf))
        return vmlinux_open(file, d, ret);
    if (btf_size(file))
        return open_btf(file, d, ret);
    while (i < file.n && i < 16 && strchr("0123456789abcdefABCDEF", file.p[i]) && file.p[i])
        i++;
    if (i >= 8 && i < file.n && file.p[i] == ' ')
        return open_sysmap(file, d, ret);
    return profile_open_json(file, d, ret);
}

void profile_close(struct profile *p)
{
    if (p->types.ops)
        p->types.ops->close(p->types.self);
    if (p->symbols.ops)
        p->symbols.ops->close(p->symbols.self);
    *p = (struct profile){.os = VMI_KIND_NONE};
}

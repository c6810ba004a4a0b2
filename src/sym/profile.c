/* SPDX-License-Identifier: BSD-2-Clause */
#include "sym/profile_inner.h"

#include <stdio.h>

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
    struct profile made = {.os = p->os};

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

int profile_open(struct bytes json, struct diag *d, struct profile *ret)
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

void profile_close(struct profile *p)
{
    if (p->types.ops)
        p->types.ops->close(p->types.self);
    if (p->symbols.ops)
        p->symbols.ops->close(p->symbols.self);
    *p = (struct profile){.os = VMI_KIND_NONE};
}

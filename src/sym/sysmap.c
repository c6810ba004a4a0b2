/* SPDX-License-Identifier: BSD-2-Clause */
#include "sym/sysmap.h"

#include "sym/symlist.h"

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The assembler's own labels have control characters in their names. */
static bool in_name(uint8_t c)
{
    return c && c != ' ' && c != '\t' && c != '\r';
}

/* One line without its end. False when it is none; *name is empty for a line to leave out. */
static bool parse_line(struct bytes line, uint64_t *address, char *type, struct bytes *name)
{
    size_t i = 0;

    for (*address = 0; i < line.n && hex_digit(line.p[i]) >= 0; i++)
        *address = *address << 4 | (unsigned)hex_digit(line.p[i]);
    if (!i || i > 16 || line.n - i < 4 || line.p[i] != ' ' || !in_name(line.p[i + 1]) ||
        line.p[i + 2] != ' ')
        return false;
    *type = (char)line.p[i + 1];
    size_t start = i + 3;
    for (i = start; i < line.n && in_name(line.p[i]); i++)
        ;
    if (i == start || (i < line.n && !line.p[i]))
        return false;
    bool module = i < line.n && line.p[i] == '\t';
    *name = (struct bytes){line.p + start, module ? 0 : i - start};
    return true;
}

int sysmap_open(struct bytes text, struct diag *d, struct symtab *ret)
{
    struct symlist *l = symlist_new("System.map");
    unsigned long number = 0;
    int status = ST_OK;

    if (!l)
        return diag_fail(d, ST_NOMEM, "System.map: no memory");
    while (text.n && status == ST_OK) {
        const uint8_t *end = memchr(text.p, '\n', text.n);
        struct bytes line = {text.p, end ? (size_t)(end - text.p) : text.n}, name;
        uint64_t address;
        char type;
        number++;
        if (line.n && !parse_line(line, &address, &type, &name))
            status = symlist_count(l) ? ST_BROKEN : ST_ABSENT;
        else if (line.n && name.n)
            symlist_add(l, name, address, type);
        text = bytes_sub(text, line.n + (end ? 1 : 0), text.n - line.n - (end ? 1 : 0));
    }
    if (status == ST_OK && !symlist_count(l))
        status = ST_ABSENT;
    if (status == ST_OK)
        status = symlist_finish(l, ret);
    if (status == ST_OK)
        return ST_OK;
    symlist_free(l);
    return diag_fail(d, status, "System.map: line %lu is not \"address type name\"%s", number,
                     status == ST_NOMEM || status == ST_LIMIT ? ", or there are too many" : "");
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "listing.h"

#include <stdlib.h>
#include <string.h>

/* So many rows settle the widths; a listing of 200,000 symbols need not wait for its end. */
enum { ROWS_FOR_WIDTHS = 4096, LAST_AT_LEAST = 10, GAP = 2 };

void listing_start(struct listing *l, struct out *o, enum listing_form form, bool headings,
                   const struct column *columns)
{
    *l = (struct listing){.out = o, .form = form, .headings = headings, .column = columns};
    l->json = (struct json){.f = o->f, .lines = form == LISTING_JSON};
    while (l->columns < MAX_COLUMNS && (columns[l->columns].title || columns[l->columns].field)) {
        if (!columns[l->columns].title || (columns[l->columns].flags & COLUMN_OFF))
            l->off |= 1u << l->columns;
        l->columns++;
    }
    if (form == LISTING_JSON)
        json_open(&l->json, '[');
}

void listing_hide(struct listing *l, unsigned column)
{
    l->off |= 1u << column;
}

static struct cell *set(struct listing *l, unsigned column, enum cell_kind kind, uint64_t v,
                        const char *text, size_t n)
{
    l->cell[column] = (struct cell){.kind = kind, .v = v, .text = text, .n = n};
    return &l->cell[column];
}

struct cell *cell_u64(struct listing *l, unsigned column, uint64_t v)
{
    return set(l, column, CELL_U64, v, NULL, 0);
}

struct cell *cell_i64(struct listing *l, unsigned column, int64_t v)
{
    return set(l, column, CELL_I64, (uint64_t)v, NULL, 0);
}

struct cell *cell_seconds(struct listing *l, unsigned column, uint64_t ns)
{
    return set(l, column, CELL_SECONDS, ns, NULL, 0);
}

struct cell *cell_address(struct listing *l, unsigned column, uint64_t v)
{
    return set(l, column, CELL_ADDRESS, v, NULL, 0);
}

struct cell *cell_guest_n(struct listing *l, unsigned column, const char *text, size_t n)
{
    return set(l, column, CELL_GUEST, 0, text ? text : "", text ? n : 0);
}

struct cell *cell_guest(struct listing *l, unsigned column, const char *text)
{
    return cell_guest_n(l, column, text, text ? strlen(text) : 0);
}

struct cell *cell_own(struct listing *l, unsigned column, const char *text)
{
    return set(l, column, CELL_OWN, 0, text, strlen(text));
}

struct cell *cell_bool(struct listing *l, unsigned column, bool v)
{
    return set(l, column, CELL_BOOL, v, NULL, 0);
}

struct cell *cell_list(struct listing *l, unsigned column, const char *lines)
{
    return set(l, column, CELL_LIST, 0, lines, strlen(lines));
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void json_cell(struct json *j, const struct cell *c)
{
    switch (c->kind) {
    case CELL_NONE:
        json_null(j);
        break;
    case CELL_U64:
        json_u64(j, c->v);
        break;
    case CELL_I64:
        json_i64(j, (int64_t)c->v);
        break;
    case CELL_SECONDS:
        json_seconds(j, c->v);
        break;
    case CELL_ADDRESS:
        json_address(j, c->v);
        break;
    case CELL_GUEST:
    case CELL_OWN:
        json_text(j, c->text, c->n);
        break;
    case CELL_BOOL:
        json_bool(j, c->v != 0);
        break;
    case CELL_LIST:
        json_open(j, '[');
        for (const char *at = c->text, *end = c->text + c->n; at < end;) {
            const char *line = memchr(at, '\n', (size_t)(end - at));
            size_t n = (size_t)((line ? line : end) - at);
            json_text(j, at, n);
            at += n + 1;
        }
        json_close(j, ']');
        break;
    }
}

static void json_row(struct listing *l)
{
    json_open(&l->json, '{');
    for (unsigned i = 0; i < l->columns; i++) {
        if (!l->column[i].field)
            continue;
        json_key(&l->json, l->column[i].field);
        json_cell(&l->json, &l->cell[i]);
    }
    json_close(&l->json, '}');
}

/* ---- table ----------------------------------------------------------------------------------- */

static void format_cell(struct str *s, const struct cell *c)
{
    if (c->before)
        str_puts(s, c->before);
    switch (c->kind) {
    case CELL_NONE:
        break;
    case CELL_U64:
        str_fmt(s, "%llu", (unsigned long long)c->v);
        break;
    case CELL_I64:
        str_fmt(s, "%lld", (long long)(int64_t)c->v);
        break;
    case CELL_SECONDS:
        str_fmt(s, "%.3f", (double)c->v / 1e9);
        break;
    case CELL_ADDRESS:
        str_fmt(s, "0x%llx", (unsigned long long)c->v);
        break;
    case CELL_GUEST:
        str_guest(s, c->text, c->n, 0);
        break;
    case CELL_OWN:
        str_add(s, c->text, c->n);
        break;
    case CELL_BOOL:
        str_puts(s, c->v ? "yes" : "no");
        break;
    case CELL_LIST: /* JSON only */
        break;
    }
    if (c->after)
        str_puts(s, c->after);
}

static int last_shown(const struct listing *l)
{
    for (int i = (int)l->columns - 1; i >= 0; i--)
        if (!(l->off & (1u << i)))
            return i;
    return -1;
}

/* One cell behind `gap` blanks, cut if it is the last one on a terminal. Returns the blanks that it
 * leaves to the next. */
static size_t put_cell(struct listing *l, unsigned column, const char *text, size_t n,
                       enum colour colour, bool last, size_t used, size_t gap)
{
    struct out *o = l->out;
    size_t columns = text_columns(text, n);
    const char *mark = "";
    if (last && o->width && o->terminal) {
        size_t room = o->width > used + LAST_AT_LEAST ? o->width - used : LAST_AT_LEAST;
        if (columns > room) {
            mark = out_ellipsis(o);
            n = text_fit(text, n, room - text_columns(mark, strlen(mark)));
        }
    }
    size_t pad = columns < l->width[column] ? l->width[column] - columns : 0;
    bool right = l->column[column].flags & COLUMN_RIGHT;
    if (n == 0) /* no blanks at the end of a line */
        return gap + pad + GAP;
    fprintf(o->f, "%*s%s", (int)(right ? gap + pad : gap), "", colour_on(o, colour));
    fwrite(text, 1, n, o->f);
    fprintf(o->f, "%s%s", mark, colour_off(o, colour));
    return (right ? 0 : pad) + GAP;
}

static void put_row(struct listing *l, const struct listing_row *r, bool heading)
{
    struct out *o = l->out;
    size_t used = 0, gap = 0;
    int last = last_shown(l);
    for (int i = 0; i <= last; i++) {
        if (l->off & (1u << i))
            continue;
        const char *text = heading ? l->column[i].title : l->text.p ? l->text.p + r->at[i] : "";
        size_t n = heading ? strlen(text) : r->n[i];
        enum colour c = heading ? BOLD : r->colour[i] ? r->colour[i] : r->row_colour;
        gap = put_cell(l, (unsigned)i, text, n, c, i == last, used, gap);
        used += l->width[i] + GAP;
    }
    fputc('\n', o->f);
}

static void flush_waiting(struct listing *l)
{
    if (!l->widths_known) {
        l->widths_known = true;
        for (unsigned i = 0; i < l->columns; i++) {
            size_t n = l->headings && l->column[i].title ? strlen(l->column[i].title) : 0;
            l->width[i] = n > l->width[i] ? n : l->width[i];
        }
        if (l->headings && l->nr_waiting)
            put_row(l, NULL, true);
    }
    for (size_t i = 0; i < l->nr_waiting; i++)
        put_row(l, &l->waiting[i], false);
    l->nr_waiting = 0;
    l->text.n = 0;
}

static void table_row(struct listing *l)
{
    if (l->nr_waiting == l->cap_waiting) {
        l->cap_waiting = l->cap_waiting ? l->cap_waiting * 2 : 64;
        l->waiting = memory_grow(l->waiting, l->cap_waiting, sizeof *l->waiting);
    }
    struct listing_row *r = &l->waiting[l->nr_waiting++];
    r->row_colour = (uint8_t)l->row_colour;
    for (unsigned i = 0; i < l->columns; i++) {
        size_t at = l->text.n;
        if (!(l->off & (1u << i)))
            format_cell(&l->text, &l->cell[i]);
        r->at[i] = (uint32_t)at;
        r->n[i] = (uint32_t)(l->text.n - at);
        r->colour[i] = (uint8_t)l->cell[i].colour;
        if (l->widths_known)
            continue;
        size_t w = text_columns(l->text.p ? l->text.p + at : "", l->text.n - at);
        l->width[i] = w > l->width[i] ? w : l->width[i];
    }
    /* The offsets are 32 bits wide: long before, what waits is written. */
    if (l->widths_known || l->nr_waiting >= ROWS_FOR_WIDTHS || l->text.n > (64u << 20))
        flush_waiting(l);
}

void row_end(struct listing *l)
{
    if (l->form == LISTING_TABLE)
        table_row(l);
    else
        json_row(l);
    l->rows++;
    l->row_colour = PLAIN;
    memset(l->cell, 0, sizeof l->cell);
}

void listing_settle(struct listing *l)
{
    if (l->form == LISTING_TABLE && l->nr_waiting)
        flush_waiting(l);
    fflush(l->out->f);
}

void listing_end(struct listing *l)
{
    if (l->form == LISTING_JSON)
        json_close(&l->json, ']');
    else if (l->form == LISTING_TABLE)
        flush_waiting(l);
    free(l->waiting);
    str_free(&l->text);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One record a row, as an aligned table or as JSON. The columns are data, so that both forms, the
 * help and the manual page say the same. A row's cells are set by index, then row_end writes them;
 * text need only live until then.
 */
#ifndef TINYVMI_CLI_LISTING_H
#define TINYVMI_CLI_LISTING_H

#include "json.h"
#include "out.h"
#include "text.h"

enum { MAX_COLUMNS = 28 };

enum {
    COLUMN_RIGHT = 1, /* numbers */
    COLUMN_OFF = 2,   /* not shown now */
};

struct column {
    const char *title; /* heading in the table; NULL: JSON only */
    const char *field; /* name in JSON; NULL: table only */
    const char *about; /* what it is, for help and manual; NULL for table-only columns whose title
                          says it */
    unsigned flags;
};

enum cell_kind {
    CELL_NONE,
    CELL_U64,
    CELL_I64,
    CELL_SECONDS,
    CELL_ADDRESS,
    CELL_GUEST,
    CELL_OWN,
    CELL_BOOL,
    CELL_LIST
};

struct cell {
    enum cell_kind kind;
    uint64_t v;       /* CELL_SECONDS: nanoseconds */
    const char *text; /* CELL_GUEST: made visible; CELL_OWN: ours, as it is */
    size_t n;
    const char *before,
        *after; /* ours, around the text in the table (tree lines, brackets), or NULL */
    enum colour colour;
};

enum listing_form { LISTING_TABLE, LISTING_JSON, LISTING_JSON_LINES };

struct listing_row {
    uint32_t at[MAX_COLUMNS], n[MAX_COLUMNS]; /* into `text` */
    uint8_t colour[MAX_COLUMNS], row_colour;
};

struct listing {
    struct out *out;
    enum listing_form form;
    bool headings;
    const struct column *column;
    unsigned columns;
    uint32_t off; /* bit i: column i is not in the table; JSON has it all the same */
    struct json json;
    struct cell cell[MAX_COLUMNS];
    enum colour row_colour;
    uint64_t rows;
    /* Table: rows wait here until their widths are known. */
    struct listing_row *waiting;
    size_t nr_waiting, cap_waiting;
    struct str text;
    size_t width[MAX_COLUMNS];
    bool widths_known;
};

/* `columns` ends with a row of zeros. */
void listing_start(struct listing *l, struct out *o, enum listing_form form, bool headings,
                   const struct column *columns);
void listing_hide(struct listing *l, unsigned column);

struct cell *cell_u64(struct listing *l, unsigned column, uint64_t v);
struct cell *cell_i64(struct listing *l, unsigned column, int64_t v);
struct cell *cell_seconds(struct listing *l, unsigned column, uint64_t ns);
struct cell *cell_address(struct listing *l, unsigned column, uint64_t v);
struct cell *cell_guest(struct listing *l, unsigned column, const char *text);
struct cell *cell_guest_n(struct listing *l, unsigned column, const char *text, size_t n);
struct cell *cell_own(struct listing *l, unsigned column, const char *text);
/* Guest texts, one a line: an array in JSON; for columns that are JSON only. */
struct cell *cell_list(struct listing *l, unsigned column, const char *lines);
struct cell *cell_bool(struct listing *l, unsigned column, bool v);

/* Writes the row (cells that were not set are null and empty) and starts the next. */
void row_end(struct listing *l);
/* Writes what waits now and settles the widths: for rows that come over time. */
void listing_settle(struct listing *l);
void listing_end(struct listing *l);

#endif

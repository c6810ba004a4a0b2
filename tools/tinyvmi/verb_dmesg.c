/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <string.h>

enum { SEQ, TIME, LEVEL, LEVEL_NAME, FACILITY, TEXT };

static const struct column columns[] = {
    [SEQ] = {NULL, "seq", "number of the record", 0},
    [TIME] = {NULL, "time", "seconds since boot", 0},
    [LEVEL] = {NULL, "level", "0 emerg to 7 debug", 0},
    [LEVEL_NAME] = {NULL, "level_name", "emerg alert crit err warn notice info debug", 0},
    [FACILITY] = {NULL, "facility", "0: the kernel; others came from user space", 0},
    [TEXT] = {NULL, "text", "the message; several lines are one record", 0},
    {0},
};

static const char *const level_names[] = {"emerg", "alert",  "crit", "err",
                                          "warn",  "notice", "info", "debug"};

struct dmesg {
    struct run *run;
    struct json json;
    uint32_t most; /* level */
    bool raw;
    struct str s;
};

static const char *level_name(uint32_t level)
{
    return level < 8 ? level_names[level] : "?";
}

static void put_json(struct dmesg *d, const struct vmi_log_line *line)
{
    struct json *j = &d->json;
    json_open(j, '{');
    json_key(j, columns[SEQ].field);
    json_u64(j, line->seq);
    json_key(j, columns[TIME].field);
    json_seconds(j, line->time_ns);
    json_key(j, columns[LEVEL].field);
    json_u64(j, line->level);
    json_key(j, columns[LEVEL_NAME].field);
    json_string(j, level_name(line->level));
    json_key(j, columns[FACILITY].field);
    json_u64(j, line->facility);
    json_key(j, columns[TEXT].field);
    json_text(j, line->text, line->length);
    json_close(j, '}');
}

/* A record of several lines has the time in front of each, as the kernel prints it
 * (record_print_text). */
static void put_text(struct dmesg *d, const struct vmi_log_line *line)
{
    struct out *o = &d->run->out;
    enum colour c = line->level <= 3 ? RED : line->level == 4 ? YELLOW : PLAIN;
    const char *text = line->text, *end = line->text + line->length;
    for (;;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((newline ? newline : end) - text);
        d->s.n = 0;
        str_puts(&d->s, "");
        if (d->raw && !o->terminal)
            str_add(&d->s, text, n);
        else
            str_guest(&d->s, text, n, GUEST_KEEP_TABS);
        if (d->raw)
            fprintf(o->f, "<%u>", line->facility << 3 | line->level);
        fprintf(o->f, "%s[%5llu.%06llu]%s %s", colour_on(o, d->raw ? PLAIN : GREEN),
                (unsigned long long)(line->time_ns / 1000000000),
                (unsigned long long)(line->time_ns % 1000000000 / 1000),
                colour_off(o, d->raw ? PLAIN : GREEN), colour_on(o, c));
        fwrite(d->s.p, 1, d->s.n, o->f);
        fprintf(o->f, "%s\n", colour_off(o, c));
        if (!newline)
            return;
        text = newline + 1;
    }
}

static int put(const struct vmi_log_line *line, void *data)
{
    struct dmesg *d = data;
    note_flags(d->run, line->flags);
    if (line->level > d->most)
        return 0;
    if (d->run->json)
        put_json(d, line);
    else
        put_text(d, line);
    return 0;
}

static int parse_level(const struct run *run, uint32_t *ret)
{
    const char *name = opt(run, "level");
    uint64_t number;
    *ret = UINT32_MAX;
    if (!name)
        return EXIT_WELL;
    if (parse_number(name, &number) && number < 8) {
        *ret = (uint32_t)number;
        return EXIT_WELL;
    }
    for (uint32_t i = 0; i < 8; i++)
        if (!strcmp(name, level_names[i]))
            *ret = i;
    if (*ret == UINT32_MAX)
        return usage_error(
            run,
            "--level is one of: emerg alert crit err warn notice info debug, or 0 to 7; not '%s'",
            name);
    return EXIT_WELL;
}

static int run(struct run *run)
{
    struct vmi_outcome o = {0};
    struct dmesg d = {
        .run = run, .json = {.f = run->out.f, .lines = 1}, .raw = opt(run, "raw") != NULL};
    int code = parse_level(run, &d.most);
    if (code)
        return code;
    if (run->json)
        json_open(&d.json, '[');
    status_t status = vmi_each_log_line(run->vmi, put, &d, &o);
    if (run->json)
        json_close(&d.json, ']');
    str_free(&d.s);
    return outcome_code(run, status, &o, "cannot read the kernel's log");
}

const struct verb verb_dmesg = {
    .name = "dmesg",
    .purpose = "the kernel's log",
    .operands = (const struct operand[]){TARGET_OPERAND, {0}},
    .options =
        (const struct option_row[]){
            {"level", 'l', "LEVEL",
             "this level and graver ones: emerg alert crit err warn notice info debug, or 0 to 7",
             0, NULL},
            {"raw", 'r', NULL,
             "with <N> in front, and bytes as they are when the output is no terminal", 0, NULL},
            {0},
        },
    .about =
        (const char *const[]){
            "Prints what is in the log buffer, oldest first. Several lines of one record have "
            "the time in front of each, as the kernel prints them.",
            NULL},
    .columns = columns,
    .examples =
        (const struct example[]){
            {"tinyvmi dmesg qemu:web1 --level warn", "warnings and what is graver"},
            {"tinyvmi dmesg panic.elf | tail -40", "the last words of a crashed kernel"},
            {0}},
    .see_also = "info watch",
    .flags = VERB_KERNEL,
    .run = run,
};

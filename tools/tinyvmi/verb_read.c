/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hexdump.h"
#include "outfile.h"

enum { CHUNK = 1 << 20, DEFAULT_COUNT = 256, MOST_JSON = 16 << 20 };

struct reading {
    struct run *run;
    access_context_t ctx;
    uint64_t count;
    FILE *raw; /* NULL: hexdump */
    struct hexdump hex;
    struct json json;
    struct str digits; /* --json */
};

static void take(struct reading *r, const uint8_t *p, size_t n)
{
    if (r->raw) {
        fwrite(p, 1, n, r->raw);
        return;
    }
    if (!r->run->json) {
        hexdump_add(&r->hex, p, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        str_fmt(&r->digits, "%02x", p[i]);
}

/* Copies in chunks, as far as there is memory. */
static uint64_t copy(struct reading *r, bool *failed)
{
    struct progress progress;
    uint64_t done = 0;
    uint8_t *buf = memory_grow(NULL, CHUNK, 1);
    *failed = false;
    progress_start(&progress, "reading", r->count);
    progress.terminal &= r->raw && r->raw != stdout;
    while (done < r->count && !*failed && !(r->raw && ferror(r->raw))) {
        access_context_t ctx = r->ctx;
        size_t want = r->count - done < CHUNK ? (size_t)(r->count - done) : CHUNK, got = 0;
        ctx.addr = r->ctx.addr + done;
        *failed = vmi_read(r->run->vmi, &ctx, want, buf, &got) != VMI_SUCCESS;
        take(r, buf, got);
        done += got;
        progress_at(&progress, done);
    }
    progress_end(&progress);
    free(buf);
    return done;
}

static void json_result(struct reading *r, uint64_t done)
{
    struct json *j = &r->json;
    *j = (struct json){.f = r->run->out.f, .lines = 1};
    json_open(j, '{');
    json_key(j, "address");
    json_address(j, r->ctx.addr);
    json_key(j, "size");
    json_u64(j, done);
    json_key(j, "hex");
    json_string(j, r->digits.p ? r->digits.p : "");
    json_close(j, '}');
}

static int read_string(struct reading *r)
{
    char *text = vmi_read_str(r->run->vmi, &r->ctx);
    if (!text)
        return guest_error(r->run, NULL);
    size_t n = strlen(text);
    if (r->run->json) {
        struct json j = {.f = r->run->out.f, .lines = 1};
        json_open(&j, '{');
        json_key(&j, "address");
        json_address(&j, r->ctx.addr);
        json_key(&j, "size");
        json_u64(&j, n);
        json_key(&j, "text");
        json_text(&j, text, n);
        json_close(&j, '}');
    } else {
        struct str s = {0};
        str_guest(&s, text, n && text[n - 1] == '\n' ? n - 1 : n, 0);
        fprintf(r->run->out.f, "%s\n", s.p ? s.p : "");
        str_free(&s);
    }
    free(text);
    return EXIT_WELL;
}

/* What the context means: process, kernel or physical. */
static int context(struct reading *r)
{
    struct run *run = r->run;
    vmi_pid_t pid = 0;
    uint64_t at;
    bool phys = opt(run, "phys") != NULL;
    int code = opt_pid(run, "pid", &pid);
    if (code)
        return code;
    if (phys && opt(run, "pid"))
        return usage_error(run, "--phys and --pid exclude each other");
    if ((code = target_open(run, phys ? VMI_OPEN_MEMORY_ONLY : 0)))
        return code;
    if ((code = address_parse(run, operand(run, 1), !phys, &at)))
        return code;
    r->ctx = (access_context_t){.version = ACCESS_CONTEXT_VERSION};
    r->ctx.tm = phys ? VMI_TM_NONE : VMI_TM_PROCESS_PID;
    r->ctx.addr = at;
    if (!phys)
        r->ctx.pid = pid;
    return EXIT_WELL;
}

static int finish(struct reading *r, uint64_t done, bool failed)
{
    if (!failed)
        return EXIT_WELL;
    if (done == 0)
        return guest_error(r->run, NULL);
    complain(NULL, "%llu of %llu bytes were read: %s", (unsigned long long)done,
             (unsigned long long)r->count, vmi_last_error(r->run->vmi)->text);
    return EXIT_PARTIAL;
}

static int run(struct run *run)
{
    struct reading r = {.run = run, .count = DEFAULT_COUNT};
    struct outfile file = {0};
    const char *path = opt(run, "output");
    bool raw = opt(run, "raw") || path, failed;
    int code = opt_size(run, "count", &r.count);
    if (code)
        return code;
    if (opt(run, "count") && r.count == 0)
        return usage_error(run, "-n 0 reads nothing");
    if (raw && !path && run->out.terminal)
        return usage_error(run, "--raw would write bytes to the terminal; use -o FILE or a pipe");
    if (run->json && r.count > MOST_JSON)
        return usage_error(run, "--json takes at most 16 MiB; -o FILE takes any size");
    if ((code = context(&r)))
        return code;
    if (opt(run, "string"))
        return read_string(&r);
    if (r.count && r.ctx.addr + (r.count - 1) < r.ctx.addr)
        return usage_error(run, "the range goes beyond the last address");
    if (path && (code = outfile_open(&file, path, opt(run, "force") != NULL)))
        return code;
    r.raw = path ? file.f : raw ? run->out.f : NULL;
    hexdump_start(&r.hex, &run->out, r.ctx.addr, r.ctx.addr + r.count, !opt(run, "no-squeeze"));
    uint64_t done = copy(&r, &failed);
    if (path && (code = done ? outfile_commit(&file) : (outfile_abandon(&file), 0)))
        return code;
    if (!r.raw && run->json)
        json_result(&r, done);
    else if (!r.raw)
        hexdump_end(&r.hex);
    str_free(&r.digits);
    return finish(&r, done, failed);
}

const struct verb verb_read = {
    .name = "read",
    .purpose = "show or save memory: virtual of the kernel or a process, or physical",
    .operands =
        (const struct operand[]){
            TARGET_OPERAND, {"ADDRESS", "0x..., symbol, symbol+offset, module:symbol", 0}, {0}},
    .options =
        (const struct option_row[]){
            {"pid", 'p', "PID", "in the address space of this process (default: the kernel's)", 0,
             NULL},
            {"phys", 'P', NULL, "ADDRESS is guest-physical; needs no kernel", 0, NULL},
            {"count", 'n', "COUNT", "bytes: 64, 0x40, 4k, 2M (default: 256)", 0, NULL},
            {"string", 's', NULL, "a text that ends with a zero byte, at most 1 MiB", 0, NULL},
            {"raw", 'r', NULL, "the bytes as they are, to standard output", 0, NULL},
            {"output", 'o', "FILE", "the bytes as they are, to a file", OPTION_FILE, NULL},
            {"force", 'f', NULL, "with -o: replace an existing file", 0, NULL},
            {"no-squeeze", 'v', NULL, "print lines that repeat, too, instead of one '*'", 0, NULL},
            {0},
        },
    .about =
        (const char *const[]){
            "Prints the address, the bytes, and the characters. Reading ends at the first byte "
            "that has no page or no memory; what came before is valid, and the exit code is 5. "
            "With --json, one object: address, size, and hex or text.",
            NULL},
    .examples =
        (const struct example[]){
            {"tinyvmi read memory.raw linux_banner --string", "the kernel's own name"},
            {"tinyvmi read memory.raw init_task+0x20 -n 64", "a piece of a structure"},
            {"tinyvmi read qemu:web1 0x55d0c0a00000 -p 812 -n 4k -o text.bin",
             "a page of process 812, into a file"},
            {"tinyvmi read memory.raw 0x7c00 --phys --raw | ndisasm -b16 -",
             "physical memory, into another program"},
            {0}},
    .says_no = "nothing is there: not mapped, or no such symbol",
    .see_also = "v2p maps dump types",
    .flags = VERB_TARGET,
    .run = run,
};

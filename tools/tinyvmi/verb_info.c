/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <string.h>

enum { LABEL = 14, MOST_RANGES = 12 };

struct view {
    vmi_instance_t vmi;
    const struct vmi_kernel *k; /* NULL: none was found */
    const struct vmi_fact *fact;
    size_t facts;
    const struct vmi_range *range;
    size_t ranges;
    const char *kind;
    bool live;
    unsigned vcpus;
    uint64_t memory;
    struct vmi_hypervisor hypervisor; /* name "": not told */
};

static void collect(struct run *run, struct view *v)
{
    *v = (struct view){.vmi = run->vmi, .k = vmi_kernel_info(run->vmi)};
    v->fact = vmi_kernel_facts(run->vmi, &v->facts);
    v->range = vmi_memory_ranges(run->vmi, &v->ranges);
    v->kind = vmi_source_kind(run->vmi, &v->live);
    v->vcpus = vmi_get_num_vcpus(run->vmi);
    for (size_t i = 0; i < v->ranges; i++)
        v->memory += v->range[i].size;
    if (!v->fact)
        v->facts = 0;
    if (vmi_hypervisor_info(run->vmi, &v->hypervisor) != VMI_SUCCESS)
        v->hypervisor = (struct vmi_hypervisor){0};
}

/* ---- for people ------------------------------------------------------------------------------ */

static void label(struct out *o, const char *text)
{
    fprintf(o->f, "%s%-*s%s", colour_on(o, BOLD), LABEL, text, colour_off(o, BOLD));
}

static void text_line(struct out *o, const char *name, const struct str *s)
{
    label(o, name);
    fprintf(o->f, "%s\n", s->p ? s->p : "");
}

static void print_kernel(struct out *o, const struct view *v)
{
    const struct vmi_kernel *k = v->k;
    struct str s = {0};
    str_guest(&s, k->release, strlen(k->release), 0);
    str_fmt(&s, ", %s, %s paging%s", k->arch, k->paging,
            k->page_table_isolation ? ", page table isolation" : "");
    text_line(o, "kernel", &s);
    s.n = 0;
    str_guest(&s, k->banner, strlen(k->banner), 0);
    label(o, "banner");
    struct str wrapped = {0};
    str_wrap(&wrapped, s.p ? s.p : "", LABEL, o->terminal && o->width ? o->width : SIZE_MAX);
    fputs(wrapped.n > LABEL ? wrapped.p + LABEL : "\n", o->f);
    str_free(&wrapped);
    s.n = 0;
    if (k->hostname[0]) {
        str_guest(&s, k->hostname, strlen(k->hostname), 0);
        text_line(o, "host name", &s);
        s.n = 0;
    }
    if (k->boot_time_s) {
        str_utc(&s, k->boot_time_s);
        if (k->uptime_ns)
            str_puts(&s, ", ");
    }
    if (k->uptime_ns) {
        str_puts(&s, "up ");
        str_duration(&s, k->uptime_ns);
    }
    if (s.n)
        text_line(o, "booted", &s);
    str_free(&s);
}

static void print_places(struct out *o, const struct view *v)
{
    const struct vmi_kernel *k = v->k;
    struct str s = {0};
    if (!k->slide_known)
        str_puts(&s, "slide unknown");
    else if (k->slide == 0)
        str_puts(&s, "no slide");
    else
        str_fmt(&s, "slide %s0x%llx", k->slide < 0 ? "-" : "",
                (unsigned long long)(k->slide < 0 ? 0 - (uint64_t)k->slide : (uint64_t)k->slide));
    text_line(o, "KASLR", &s);
    s.n = 0;
    str_fmt(&s, "virtual 0x%llx, physical 0x%llx", (unsigned long long)k->text_va,
            (unsigned long long)k->text_pa);
    if (k->image_size) {
        str_puts(&s, ", ");
        str_size(&s, k->image_size);
    }
    text_line(o, "image", &s);
    s.n = 0;
    if (k->direct_map) {
        str_fmt(&s, "virtual 0x%llx is physical 0", (unsigned long long)k->direct_map);
        text_line(o, "linear map", &s);
        s.n = 0;
    }
    str_fmt(&s, "physical 0x%llx", (unsigned long long)k->root);
    text_line(o, "page table", &s);
    s.n = 0;
    str_count(&s, k->symbols);
    str_puts(&s, " symbols, ");
    str_count(&s, k->types);
    str_fmt(&s, " types%s", k->inferred ? "; some offsets are inferred from memory" : "");
    text_line(o, "known", &s);
    s.n = 0;
    str_duration(&s, k->build_ns);
    text_line(o, "found in", &s);
    str_free(&s);
}

/* A label, and a text that is wrapped behind it. */
static void long_line(struct out *o, const char *name, const char *text)
{
    struct str wrapped = {0};
    label(o, name);
    str_wrap(&wrapped, text, LABEL, o->terminal && o->width ? o->width : SIZE_MAX);
    fputs(wrapped.n > LABEL ? wrapped.p + LABEL : "\n", o->f);
    str_free(&wrapped);
}

static void print_hypervisor(struct out *o, const struct vmi_hypervisor *h)
{
    if (!h->name[0])
        return;
    label(o, "hypervisor");
    fprintf(o->f, "%s\n", h->name);
    long_line(o, "events", h->events[0] ? h->events : "none");
    if (h->lacks[0])
        long_line(o, "", h->lacks);
    if (h->views)
        long_line(o, "views", "can be made, if the guest's configuration allows altp2m");
}

static void print_machine(struct out *o, const struct view *v)
{
    struct str s = {0};
    str_fmt(&s, "%s, %s", v->kind ? v->kind : "?",
            v->live ? "the guest may run while it is read" : "a file");
    text_line(o, "source", &s);
    print_hypervisor(o, &v->hypervisor);
    s.n = 0;
    str_size(&s, v->memory);
    if (v->ranges != 1)
        str_fmt(&s, " in %zu ranges", v->ranges);
    text_line(o, "memory", &s);
    for (size_t i = 0; i < v->ranges; i++) {
        if (i == MOST_RANGES && v->ranges > MOST_RANGES + 1) {
            fprintf(o->f, "%*s(%zu more; --json has them all)\n", LABEL, "", v->ranges - i);
            break;
        }
        const struct vmi_range *r = &v->range[i];
        s.n = 0;
        str_fmt(&s, "0x%010llx-0x%010llx  ", (unsigned long long)r->start,
                (unsigned long long)(r->start + r->size - 1));
        size_t at = s.n;
        str_size(&s, r->size);
        if (s.n - at < 9)
            str_pad(&s, 9 - (s.n - at));
        str_puts(&s, r->mapped ? "  mapped" : "  copied");
        text_line(o, "", &s);
    }
    s.n = 0;
    if (v->k && v->k->cpus_online)
        str_fmt(&s, "%u online", v->k->cpus_online);
    if (v->vcpus)
        str_fmt(&s, "%s%u in the machine", s.n ? ", " : "", v->vcpus);
    if (s.n)
        text_line(o, "vCPUs", &s);
    str_free(&s);
}

/* Where three columns do not fit, the last two share one and are wrapped: how it was found must not
 * be cut off. */
static void print_facts_narrow(struct out *o, const struct view *v, size_t name_width)
{
    for (size_t i = 0; i < v->facts; i++) {
        const struct vmi_fact *f = &v->fact[i];
        struct str name = {0}, text = {0}, wrapped = {0};
        size_t indent = name_width + 2;
        str_puts(&name, "");
        str_guest(&name, f->name, strlen(f->name), 0);
        str_guest(&text, f->value, strlen(f->value), 0);
        str_puts(&text, f->value[0] && f->how[0] ? ": " : "");
        str_guest(&text, f->how, strlen(f->how), 0);
        str_wrap(&wrapped, text.p, indent, o->width);
        size_t used = text_columns(name.p, name.n);
        fprintf(o->f, "%s%s%s%*s%s", colour_on(o, BOLD), name.p, colour_off(o, BOLD),
                (int)(used < indent ? indent - used : 1), "",
                wrapped.n > indent ? wrapped.p + indent : "\n");
        str_free(&name);
        str_free(&text);
        str_free(&wrapped);
    }
}

static void print_facts(struct run *run, const struct view *v)
{
    static const struct column columns[] = {{"FACT", NULL, NULL, 0},
                                            {"VALUE", NULL, NULL, 0},
                                            {"HOW IT WAS FOUND", NULL, NULL, 0},
                                            {0}};
    struct listing l;
    size_t name = 0, value = 0, how = 0;
    if (v->facts == 0)
        return;
    for (size_t i = 0; i < v->facts; i++) {
        size_t n = strlen(v->fact[i].name), k = strlen(v->fact[i].value),
               m = strlen(v->fact[i].how);
        name = n > name ? n : name;
        value = k > value ? k : value;
        how = m > how ? m : how;
    }
    fputc('\n', run->out.f);
    if (run->out.terminal && run->out.width && name + value + how + 4 > run->out.width) {
        print_facts_narrow(&run->out, v, name);
        return;
    }
    listing_start(&l, &run->out, LISTING_TABLE, !opt(run, "no-headings"), columns);
    for (size_t i = 0; i < v->facts; i++) {
        cell_guest(&l, 0, v->fact[i].name);
        cell_guest(&l, 1, v->fact[i].value);
        cell_guest(&l, 2, v->fact[i].how);
        row_end(&l);
    }
    listing_end(&l);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void key_text(struct json *j, const char *key, const char *text)
{
    json_key(j, key);
    json_string(j, text);
}

/* 0 means that it is not known. */
static void key_known(struct json *j, const char *key, uint64_t v, bool address)
{
    json_key(j, key);
    if (v == 0)
        json_null(j);
    else if (address)
        json_address(j, v);
    else
        json_u64(j, v);
}

static void json_kernel(struct json *j, const struct vmi_kernel *k)
{
    key_text(j, "os",
             k->os == VMI_KIND_LINUX     ? "linux"
             : k->os == VMI_KIND_WINDOWS ? "windows"
                                         : "unknown");
    key_text(j, "banner", k->banner);
    key_text(j, "release", k->release);
    key_text(j, "architecture", k->arch);
    key_text(j, "paging", k->paging);
    key_text(j, "hostname", k->hostname);
    key_known(j, "boot_time", k->boot_time_s, false);
    json_key(j, "uptime");
    if (k->uptime_ns)
        json_seconds(j, k->uptime_ns);
    else
        json_null(j);
    json_key(j, "kaslr_slide");
    if (k->slide_known)
        json_address(j, (uint64_t)k->slide);
    else
        json_null(j);
    key_known(j, "image_virtual", k->text_va, true);
    json_key(j, "image_physical");
    json_address(j, k->text_pa);
    key_known(j, "image_size", k->image_size, false);
    json_key(j, "page_table_root");
    json_address(j, k->root);
    json_key(j, "page_table_isolation");
    json_bool(j, k->page_table_isolation);
    key_known(j, "direct_map", k->direct_map, true);
    key_known(j, "vcpus_online", k->cpus_online, false);
    json_key(j, "symbols");
    json_u64(j, k->symbols);
    json_key(j, "types");
    json_u64(j, k->types);
    json_key(j, "inferred");
    json_bool(j, k->inferred);
    json_key(j, "found_in");
    json_seconds(j, k->build_ns);
}

static void json_hypervisor(struct json *j, const struct vmi_hypervisor *h)
{
    if (!h->name[0])
        return;
    key_text(j, "hypervisor", h->name);
    json_key(j, "events");
    json_open(j, '[');
    for (const char *p = h->events; *p;) {
        char name[32];
        size_t n = strcspn(p, " ");
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        json_string(j, name);
        p += n + (p[n] == ' ');
    }
    json_close(j, ']');
    key_text(j, "events_missing", h->lacks);
    json_key(j, "views");
    json_bool(j, h->views);
}

static void print_json(struct run *run, const struct view *v)
{
    struct json j = {.f = run->out.f, .lines = 2};
    json_open(&j, '{');
    key_text(&j, "target", run->target);
    key_text(&j, "source", v->kind ? v->kind : "");
    json_key(&j, "live");
    json_bool(&j, v->live);
    json_hypervisor(&j, &v->hypervisor);
    if (v->k)
        json_kernel(&j, v->k);
    key_known(&j, "vcpus", v->vcpus, false);
    json_key(&j, "memory");
    json_u64(&j, v->memory);
    json_key(&j, "ranges");
    json_open(&j, '[');
    for (size_t i = 0; i < v->ranges; i++) {
        json_open(&j, '{');
        json_key(&j, "start");
        json_address(&j, v->range[i].start);
        json_key(&j, "size");
        json_u64(&j, v->range[i].size);
        json_key(&j, "mapped");
        json_bool(&j, v->range[i].mapped);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_key(&j, "facts");
    json_open(&j, '[');
    for (size_t i = 0; i < v->facts; i++) {
        json_open(&j, '{');
        key_text(&j, "name", v->fact[i].name);
        key_text(&j, "value", v->fact[i].value);
        key_text(&j, "how", v->fact[i].how);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

/* Without a kernel there is still the memory to show. */
static int open_either(struct run *run)
{
    int code = target_open(run, 0);
    if (code == EXIT_KERNEL && target_open(run, VMI_OPEN_MEMORY_ONLY) != EXIT_WELL)
        return EXIT_TARGET;
    return code;
}

static int run(struct run *run)
{
    struct view v;
    int code = open_either(run);
    if (!run->vmi)
        return code;
    collect(run, &v);
    if (run->json) {
        print_json(run, &v);
        return code;
    }
    if (v.k)
        print_kernel(&run->out, &v);
    print_machine(&run->out, &v);
    if (v.k)
        print_places(&run->out, &v);
    print_facts(run, &v);
    return code;
}

const struct verb verb_info = {
    .name = "info",
    .purpose = "which kernel runs there, since when, where in memory, and how that was found",
    .operands = (const struct operand[]){TARGET_OPERAND, {0}},
    .about =
        (const char *const[]){
            "Everything is found in the guest's memory; no profile and no configuration is "
            "needed. The table at the end tells, fact by fact, where it comes from: what was "
            "inferred is marked so. Where no kernel is found, the memory is shown, and the exit "
            "code is 4. With --json, one object.",
            "Times are the guest's, in UTC.", NULL},
    .examples =
        (const struct example[]){
            {"tinyvmi info qemu:web1", "a running guest, by its QEMU name"},
            {"tinyvmi info memory.raw", "a memory dump"},
            {"tinyvmi info memory.raw --json | jq -r .release", "the kernel's release alone"},
            {0}},
    .see_also = "list ps symbols",
    .flags = VERB_TARGET,
    .run = run,
};

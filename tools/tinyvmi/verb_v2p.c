/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

#include <string.h>

static void rights_text(const struct vmi_walk *w, char ret[5])
{
    ret[0] = w->read ? 'r' : '-';
    ret[1] = w->write ? 'w' : '-';
    ret[2] = w->exec ? 'x' : '-';
    ret[3] = w->user ? 'u' : '-';
    ret[4] = 0;
}

static void print_levels(struct run *run, const struct vmi_walk *w)
{
    static const struct column columns[] = {{"LEVEL", NULL, NULL, 0},
                                            {"ENTRY AT", NULL, NULL, COLUMN_RIGHT},
                                            {"VALUE", NULL, NULL, COLUMN_RIGHT},
                                            {0}};
    struct listing l;
    if (w->levels == 0)
        return;
    listing_start(&l, &run->out, LISTING_TABLE, !opt(run, "no-headings"), columns);
    for (uint32_t i = 0; i < w->levels && i < sizeof w->level / sizeof *w->level; i++) {
        char value[24];
        snprintf(value, sizeof value, "0x%016llx", (unsigned long long)w->level[i].value);
        cell_own(&l, 0, w->level[i].name ? w->level[i].name : "?");
        cell_address(&l, 1, w->level[i].address);
        cell_own(&l, 2, value);
        row_end(&l);
    }
    listing_end(&l);
    fputc('\n', run->out.f);
}

static void print_text(struct run *run, const struct vmi_walk *w)
{
    struct out *o = &run->out;
    struct str name = {0}, size = {0};
    char rights[5];
    str_symbol(run, &name, w->va);
    fprintf(o->f, "0x%llx%s%s, %s\n\n", (unsigned long long)w->va, name.n ? " is " : "",
            name.n ? name.p : "", w->form ? w->form : "");
    print_levels(run, w);
    rights_text(w, rights);
    if (w->page_size) {
        str_size(&size, w->page_size);
        fprintf(o->f, "%sphysical 0x%llx%s, in a page of %s, %s\n", colour_on(o, GREEN),
                (unsigned long long)w->pa, colour_off(o, GREEN), size.p, rights);
    } else {
        fprintf(o->f, "%snot mapped:%s %s\n", colour_on(o, RED), colour_off(o, RED),
                w->fault && w->fault[0] ? w->fault : "no reason was given");
    }
    if (w->note && w->note[0])
        fprintf(o->f, "the last entry is not present for the processor: %s\n", w->note);
    str_free(&name);
    str_free(&size);
}

static void print_json(struct run *run, vmi_pid_t pid, const struct vmi_walk *w)
{
    struct json j = {.f = run->out.f, .lines = 2};
    char rights[5];
    rights_text(w, rights);
    json_open(&j, '{');
    json_key(&j, "pid");
    json_i64(&j, pid);
    json_key(&j, "virtual");
    json_address(&j, w->va);
    json_key(&j, "physical");
    if (w->page_size)
        json_address(&j, w->pa);
    else
        json_null(&j);
    json_key(&j, "page_size");
    json_u64(&j, w->page_size);
    json_key(&j, "rights");
    json_string(&j, rights);
    json_key(&j, "paging");
    json_string(&j, w->form ? w->form : "");
    json_key(&j, "fault");
    json_string(&j, w->fault ? w->fault : "");
    json_key(&j, "note");
    json_string(&j, w->note ? w->note : "");
    json_key(&j, "levels");
    json_open(&j, '[');
    for (uint32_t i = 0; i < w->levels && i < sizeof w->level / sizeof *w->level; i++) {
        json_open(&j, '{');
        json_key(&j, "name");
        json_string(&j, w->level[i].name ? w->level[i].name : "");
        json_key(&j, "address");
        json_address(&j, w->level[i].address);
        json_key(&j, "value");
        json_address(&j, w->level[i].value);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
}

static int run(struct run *run)
{
    vmi_pid_t pid = 0;
    uint64_t va;
    struct vmi_walk w;
    int code = opt_pid(run, "pid", &pid);
    if (code || (code = address_parse(run, operand(run, 1), true, &va)))
        return code;
    if (vmi_walk(run->vmi, pid, va, &w) != VMI_SUCCESS)
        return guest_error(run, "cannot translate");
    if (run->json)
        print_json(run, pid, &w);
    else
        print_text(run, &w);
    return w.page_size ? EXIT_WELL : EXIT_NO;
}

const struct verb verb_v2p = {
    .name = "v2p",
    .purpose = "translate a virtual address, with the page table entry of every level",
    .operands =
        (const struct operand[]){
            TARGET_OPERAND, {"ADDRESS", "0x..., symbol, symbol+offset, module:symbol", 0}, {0}},
    .options =
        (const struct option_row[]){
            {"pid", 'p', "PID", "in the address space of this process (default: the kernel's)", 0,
             NULL},
            {0},
        },
    .about =
        (const char *const[]){
            "Reads the guest's own page tables, level by level, and shows where each entry is "
            "(guest-physical) and what it holds; the last one shown is the one that ends the "
            "walk. Rights are those of all levels together: r, w, x, and u where user mode may. "
            "With --json, one object.",
            "Windows resolves entries that the processor does not take: in transition, or shared "
            "with others through a prototype entry. Such a page is mapped here, too, and what the "
            "entry means is told; so is whether a page is paged out, and where, or demand-zero.",
            NULL},
    .examples = (const struct example[]){{"tinyvmi v2p memory.raw init_task", "a kernel symbol"},
                                         {"tinyvmi v2p qemu:web1 0x7f12a4c00000 -p 812",
                                          "an address of process 812"},
                                         {0}},
    .says_no = "the address is not mapped, or the symbol was not found",
    .see_also = "read maps symbols",
    .flags = VERB_KERNEL,
    .run = run,
};

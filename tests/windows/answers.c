/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that the library answers about a Windows image, one JSON object a line, through the public
 * API. For tests: one process for many questions. usage: answers IMAGE [PROFILE] <"PID ADDRESS"
 * lines to translate
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <tinyvmi/tinyvmi.h>

static vmi_pid_t pids[4096];
static size_t nr_pids;

static void text(const char *key, const char *s)
{
    printf(", \"%s\": \"", key);
    for (; *s; s++)
        if (*s == '"' || *s == '\\' || (unsigned char)*s < 0x20)
            printf("\\u%04x", (unsigned char)*s);
        else
            putchar(*s);
    putchar('"');
}

static int process(const struct vmi_process *p, void *data)
{
    char cmdline[4096] = "";
    vmi_instance_t vmi = data;
    bool known = vmi_process_cmdline(vmi, p, cmdline, sizeof cmdline) == VMI_SUCCESS;
    printf("{\"kind\": \"process\", \"pid\": %d, \"ppid\": %d, \"object\": %" PRIu64
           ", \"dtb\": %" PRIu64 ", \"start\": %" PRIu64 ", \"exit\": %" PRIu64
           ", \"session\": %d, \"threads\": %u, \"kernel\": %s, \"partial\": %s",
           p->pid, p->ppid, p->object, p->dtb, p->start_time_s, p->exit_time_s, p->session,
           p->threads, p->flags & VMI_PROCESS_KERNEL ? "true" : "false",
           p->flags & VMI_RECORD_PARTIAL ? "true" : "false");
    text("comm", p->comm);
    if (known)
        text("cmdline", cmdline);
    puts("}");
    if (nr_pids < sizeof pids / sizeof pids[0])
        pids[nr_pids++] = p->pid;
    return 0;
}

static int thread(const struct vmi_process *p, void *data)
{
    (void)data;
    if (p->flags & VMI_PROCESS_THREAD)
        printf("{\"kind\": \"thread\", \"pid\": %d, \"tid\": %d}\n", p->pid, p->tid);
    return 0;
}

static int module(const struct vmi_module *m, void *data)
{
    (void)data;
    printf("{\"kind\": \"module\", \"object\": %" PRIu64 ", \"base\": %" PRIu64
           ", \"size\": %" PRIu64,
           m->object, m->base, m->size);
    text("name", m->name);
    text("path", m->path);
    puts("}");
    return 0;
}

static int vma(const struct vmi_vma *m, void *data)
{
    printf("{\"kind\": \"vad\", \"pid\": %d, \"start\": %" PRIu64 ", \"end\": %" PRIu64
           ", \"rights\": \"%s%s%s%s\"",
           *(vmi_pid_t *)data, m->start, m->end, m->read ? "r" : "-", m->write ? "w" : "-",
           m->exec ? "x" : "-", m->shared ? "s" : "p");
    text("path", m->path);
    puts("}");
    return 0;
}

static int finding(const struct vmi_finding *f, void *data)
{
    (void)data;
    printf("{\"kind\": \"finding\", \"severity\": %d, \"address\": %" PRIu64 ", \"pid\": %d",
           f->severity, f->address, f->pid);
    text("check", f->check);
    text("text", f->text);
    puts("}");
    return 0;
}

static void ended(const char *what, status_t st, const struct vmi_outcome *o, vmi_instance_t vmi)
{
    printf("{\"kind\": \"outcome\", \"of\": \"%s\", \"count\": %" PRIu64
           ", \"partial\": %s, \"failed\": %s",
           what, o->count, o->partial ? "true" : "false", st == VMI_SUCCESS ? "false" : "true");
    text("reason", st == VMI_SUCCESS ? o->reason : vmi_last_error(vmi)->text);
    puts("}");
}

static void kernel(vmi_instance_t vmi)
{
    const struct vmi_kernel *k = vmi_kernel_info(vmi);
    struct vmi_symbol s;
    size_t n;
    const struct vmi_fact *f = vmi_kernel_facts(vmi, &n);
    printf("{\"kind\": \"kernel\", \"os\": %d, \"base\": %" PRIu64 ", \"pa\": %" PRIu64
           ", \"size\": %" PRIu64 ", \"root\": %" PRIu64 ", \"boot_time\": %" PRIu64
           ", \"uptime\": %" PRIu64 ", \"inferred\": %s, \"build_ns\": %" PRIu64,
           k->os, k->text_va, k->text_pa, k->image_size, k->root, k->boot_time_s,
           k->uptime_ns / 100, k->inferred ? "true" : "false", k->build_ns);
    text("release", k->release);
    text("banner", k->banner);
    text("paging", k->paging);
    for (size_t i = 0; i < n; i++)
        if (f[i].name[0] == 'P' && f[i].name[1] == 'D')
            text("pdb", f[i].value);
    if (vmi_symbol_by_name(vmi, NULL, "PsInitialSystemProcess", &s) == VMI_SUCCESS)
        printf(", \"PsInitialSystemProcess\": %" PRIu64, s.address);
    puts("}");
}

int main(int argc, char **argv)
{
    vmi_instance_t vmi;
    struct vmi_open_options options = {.profile = argc > 2 ? argv[2] : NULL};
    struct vmi_outcome o = {0};
    int pid;
    uint64_t va, pa;
    if (argc < 2 || vmi_open(&vmi, argv[1], &options) != VMI_SUCCESS) {
        printf("{\"kind\": \"error\"");
        text("text", argc < 2 ? "usage: answers IMAGE [PROFILE]" : vmi_last_error(NULL)->text);
        puts("}");
        return 1;
    }
    kernel(vmi);
    ended("processes", vmi_each_process(vmi, 0, process, vmi, &o), &o, vmi);
    o = (struct vmi_outcome){0};
    ended("threads", vmi_each_process(vmi, VMI_LIST_THREADS, thread, NULL, &o), &o, vmi);
    o = (struct vmi_outcome){0};
    ended("modules", vmi_each_module(vmi, module, NULL, &o), &o, vmi);
    for (size_t i = 0; i < nr_pids; i++) {
        o = (struct vmi_outcome){0};
        ended("vads", vmi_each_vma(vmi, pids[i], vma, &pids[i], &o), &o, vmi);
    }
    o = (struct vmi_outcome){0};
    ended("check", vmi_check(vmi, finding, NULL, &o), &o, vmi);
    while (scanf("%d %" SCNu64, &pid, &va) == 2)
        if (vmi_translate_uv2p(vmi, va, pid, &pa) == VMI_SUCCESS)
            printf("{\"kind\": \"v2p\", \"pid\": %d, \"va\": %" PRIu64 ", \"pa\": %" PRIu64 "}\n",
                   pid, va, pa);
        else
            printf("{\"kind\": \"v2p\", \"pid\": %d, \"va\": %" PRIu64 ", \"pa\": null}\n", pid,
                   va);
    vmi_destroy(vmi);
    return 0;
}

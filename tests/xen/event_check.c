/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts a Xen guest's events through LibVMI's API, and answers each as a monitor should so that
 * the guest does not notice.
 *
 *   event_check TARGET SECONDS KIND...    prints "ready", then at the end "KIND COUNT" a line
 *
 * KIND: cr0 cr3 cr4 xcr0 (with "-async", "-onchange" behind it), msr, msr=INDEX, int3, debug,
 * cpuid, descriptor, request, io, emulation, next-interrupt, vmexit, step (all vCPUs), deny=INDEX
 * (an MSR whose writes are refused). Ends early with SIGTERM. Exit 0; 1: something failed (stderr
 * says what); 3: a kind is refused here.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <libvmi/events.h>
#include <libvmi/libvmi.h>
#include <tinyvmi/tinyvmi.h>

static volatile sig_atomic_t stop;

static void on_signal(int s)
{
    (void)s;
    stop = 1;
}

struct counted {
    const char *name;
    unsigned long count, odd;
    bool deny;
    vmi_event_t event;
};

static event_response_t count(vmi_instance_t vmi, vmi_event_t *e)
{
    struct counted *c = e->data;
    event_response_t r = VMI_EVENT_RESPONSE_NONE;
    (void)vmi;
    c->count++;
    switch (e->type) {
    case VMI_EVENT_INTERRUPT:
        if (e->interrupt_event.intr == INT3)
            e->interrupt_event.reinject = 1; /* it is the guest's own */
        c->odd += e->interrupt_event.intr == INT3 && e->interrupt_event.insn_length != 1;
        break;
    case VMI_EVENT_DEBUG_EXCEPTION:
        e->debug_event.reinject = 1;
        break;
    case VMI_EVENT_CPUID:
        e->x86_regs->rip += e->cpuid_event.insn_length;
        r = VMI_EVENT_RESPONSE_SET_REGISTERS;
        break;
    case VMI_EVENT_IO: /* /dev/port uses the one-byte forms, by dx */
        e->x86_regs->rip += 1;
        if (e->io_event.in)
            e->x86_regs->rax |= 0xff;
        r = VMI_EVENT_RESPONSE_SET_REGISTERS;
        break;
    case VMI_EVENT_DESCRIPTOR_ACCESS:
        r = VMI_EVENT_RESPONSE_EMULATE;
        break;
    case VMI_EVENT_REGISTER:
        c->odd += e->reg_event.reg == CR3 && e->x86_regs->cr0 == 0;
        r = c->deny ? VMI_EVENT_RESPONSE_DENY : VMI_EVENT_RESPONSE_NONE;
        break;
    default:
        break;
    }
    return r;
}

static void set_register(vmi_event_t *e, const char *kind)
{
    static const struct {
        const char *name;
        reg_t reg;
    } rows[] = {{"cr0", CR0}, {"cr3", CR3}, {"cr4", CR4}, {"xcr0", XCR0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strncmp(kind, rows[i].name, strlen(rows[i].name)))
            continue;
        SETUP_REG_EVENT(e, rows[i].reg, VMI_REGACCESS_W, 0, count);
        e->reg_event.async = strstr(kind, "-async") != NULL;
        e->reg_event.onchange = strstr(kind, "-onchange") != NULL;
        return;
    }
    SETUP_REG_EVENT(e, MSR_ALL, VMI_REGACCESS_W, 0, count);
    const char *index = strchr(kind, '=');
    if (index) {
        e->reg_event.reg = MSR_ANY;
        e->reg_event.msr = (uint32_t)strtoul(index + 1, NULL, 0);
    }
}

static bool set_event(vmi_instance_t vmi, struct counted *c, const char *kind)
{
    static const struct {
        const char *name;
        vmi_event_type_t type;
    } rows[] = {
        {"debug", VMI_EVENT_DEBUG_EXCEPTION},
        {"cpuid", VMI_EVENT_CPUID},
        {"descriptor", VMI_EVENT_DESCRIPTOR_ACCESS},
        {"request", VMI_EVENT_GUEST_REQUEST},
        {"io", VMI_EVENT_IO},
        {"emulation", VMI_EVENT_FAILED_EMULATION},
        {"vmexit", VMI_EVENT_VMEXIT},
        {"call", VMI_EVENT_PRIVILEGED_CALL},
    };
    vmi_event_t *e = &c->event;
    c->name = kind;
    e->version = VMI_EVENTS_VERSION;
    e->callback = count;
    c->deny = strncmp(kind, "deny", 4) == 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(kind, rows[i].name) == 0)
            e->type = rows[i].type;
    if (strcmp(kind, "int3") == 0) {
        SETUP_INTERRUPT_EVENT(e, count);
    } else if (strcmp(kind, "next-interrupt") == 0) {
        SETUP_INTERRUPT_EVENT(e, count);
        e->interrupt_event.intr = INT_NEXT;
    } else if (strcmp(kind, "step") == 0) {
        unsigned n = vmi_get_num_vcpus(vmi);
        SETUP_SINGLESTEP_EVENT(e, n > 31 ? ~0u : (1u << n) - 1, count, true);
    } else if (!e->type) {
        set_register(e, kind);
    }
    e->data = c;
    return vmi_register_event(vmi, e) == VMI_SUCCESS;
}

static int run(vmi_instance_t vmi, unsigned seconds, struct counted *c, int n)
{
    struct timeval now, end;
    int failed = 0;
    gettimeofday(&end, NULL);
    end.tv_sec += seconds;
    printf("ready\n");
    fflush(stdout);
    do {
        if (vmi_events_listen(vmi, 100) != VMI_SUCCESS) {
            fprintf(stderr, "event_check: %s\n", vmi_last_error(vmi)->text);
            failed = 1;
        }
        gettimeofday(&now, NULL);
    } while (!stop && timercmp(&now, &end, <));
    vmi_pause_vm(vmi);
    while (vmi_are_events_pending(vmi) > 0)
        vmi_events_listen(vmi, 0);
    for (int i = 0; i < n; i++) {
        printf("%s %lu\n", c[i].name, c[i].count);
        if (c[i].odd) {
            fprintf(stderr, "event_check: %s: %lu events with odd contents\n", c[i].name, c[i].odd);
            failed = 1;
        }
        if (vmi_clear_event(vmi, &c[i].event, NULL) != VMI_SUCCESS) {
            fprintf(stderr, "event_check: %s: %s\n", c[i].name, vmi_last_error(vmi)->text);
            failed = 1;
        }
    }
    vmi_resume_vm(vmi);
    return failed;
}

int main(int argc, char **argv)
{
    vmi_instance_t vmi;
    vmi_init_error_t error;
    if (argc < 4) {
        fprintf(stderr, "usage: event_check TARGET SECONDS KIND...\n");
        return 2;
    }
    int n = argc - 3, status = 0;
    struct counted *c = calloc((size_t)n, sizeof *c);
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    if (!c || vmi_init(&vmi, VMI_XEN, argv[1], VMI_INIT_DOMAINNAME | VMI_INIT_EVENTS, NULL,
                       &error) != VMI_SUCCESS) {
        fprintf(stderr, "event_check: %s\n", vmi_last_error(NULL)->text);
        return 1;
    }
    for (int i = 0; i < n && !status; i++)
        if (!set_event(vmi, &c[i], argv[3 + i])) {
            fprintf(stderr, "event_check: %s: %s\n", argv[3 + i], vmi_last_error(vmi)->text);
            status = vmi_last_error(vmi)->kind == VMI_ERROR_UNSUPPORTED ? 3 : 1;
        }
    if (!status)
        status = run(vmi, (unsigned)strtoul(argv[2], NULL, 0), c, n);
    vmi_destroy(vmi);
    free(c);
    return status;
}

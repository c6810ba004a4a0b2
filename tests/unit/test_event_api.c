/* SPDX-License-Identifier: BSD-2-Clause */
/* LibVMI's events over a made-up source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libvmi/events.h>
#include <libvmi/slat.h>

#include "event_fake.h"
#include "vmi/bridge.h"
#include "vmi/init.h"

static vmi_instance_t open_fake(void)
{
    struct source source = {.kind = "fake", .event = &fake_ops, .live = true};
    vmi_instance_t vmi = instance_new(&source, VMI_XEN, "fake");
    assert_non_null(vmi);
    assert_int_equal(bridge_open(vmi, NULL), ST_OK);
    vmi->init_flags = VMI_INIT_EVENTS;
    return vmi;
}

struct seen {
    unsigned calls;
    event_response_t response;
    vmi_event_t last;
    x86_registers_t regs;
    void (*also)(vmi_instance_t vmi, vmi_event_t *e);
};

static event_response_t callback(vmi_instance_t vmi, vmi_event_t *e)
{
    struct seen *s = e->data;
    s->calls++;
    s->last = *e;
    s->regs = *e->x86_regs;
    if (s->also)
        s->also(vmi, e);
    return s->response;
}

static vmi_event_t event_of(struct seen *s, vmi_event_type_t type)
{
    return (vmi_event_t){
        .version = VMI_EVENTS_VERSION, .type = type, .callback = callback, .data = s};
}

static vmi_event_t cr_event(struct seen *s, reg_t reg)
{
    vmi_event_t e = {.data = s};
    SETUP_REG_EVENT(&e, reg, VMI_REGACCESS_W, 0, callback);
    return e;
}

static vmi_event_t mem_event(struct seen *s, addr_t gfn, vmi_mem_access_t access, uint16_t view)
{
    vmi_event_t e = {.data = s, .slat_id = view};
    SETUP_MEM_EVENT(&e, gfn, access, callback, false);
    return e;
}

static void add(vmi_instance_t vmi, vmi_event_t *e)
{
    if (vmi_register_event(vmi, e) != VMI_SUCCESS)
        fail_msg("%s", vmi_last_error(vmi)->text);
}

static unsigned freed;
static status_t freed_as;
static vmi_event_t *freed_event;

static void note_free(vmi_event_t *e, status_t rc)
{
    freed++;
    freed_as = rc;
    freed_event = e;
}

/* ---- what a callback finds
 * ------------------------------------------------------------------------ */

static void registers(void **state)
{
    struct seen s = {0};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = event_of(&s, VMI_EVENT_GUEST_REQUEST);
    (void)state;
    add(vmi, &e);
    struct event_request *q = fake_put(EVENT_GUEST_REQUEST, 2);
    for (unsigned i = 0; i < 16; i++)
        q->regs.gpr[i] = 100 + i;
    q->regs.cr0 = 0x80000001, q->regs.cr4 = 0x20, q->regs.efer = 0x500, q->regs.cr3 = 0x1000;
    q->regs.seg[SEG_GS].base = 0xffff, q->regs.seg[SEG_CS].ar = 0xa9b, q->regs.shadow_gs = 7;
    q->view = 3;
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.last.vcpu_id, 2);
    assert_int_equal(s.last.slat_id, 3);
    assert_int_equal(s.last.page_mode, VMI_PM_IA32E);
    assert_int_equal(s.regs.rax, 100);
    assert_int_equal(s.regs.rbx, 103);
    assert_int_equal(s.regs.rsp, 104);
    assert_int_equal(s.regs.rdi, 107);
    assert_int_equal(s.regs.r15, 115);
    assert_int_equal(s.regs.cr3, 0x1000);
    assert_int_equal(s.regs.gs_base, 0xffff);
    assert_int_equal(s.regs.cs_flags.l, 1); /* 64-bit code */
    assert_int_equal(s.regs.cs_flags.dpl, 0);
    assert_int_equal(s.regs.shadow_gs, 7);
    assert_null(e.x86_regs);                                  /* in the callback only */
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS); /* nothing came: no error */
    vmi_destroy(vmi);
    assert_true(fake.closed);
}

static void change_rip(vmi_instance_t vmi, vmi_event_t *e)
{
    (void)vmi;
    e->x86_regs->rip += e->cpuid_event.insn_length;
    e->x86_regs->rax = 1;
}

static void set_registers(void **state)
{
    struct seen s = {.response = VMI_EVENT_RESPONSE_SET_REGISTERS, .also = change_rip};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = event_of(&s, VMI_EVENT_CPUID);
    (void)state;
    add(vmi, &e);
    struct event_request *q = fake_put(EVENT_CPUID, 0);
    q->regs.rip = 0x40;
    q->cpuid.insn_length = 2;
    q->cpuid.leaf = 0x80000001;
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(s.last.cpuid_event.leaf, 0x80000001);
    assert_int_equal(fake.reply[0].flags, REPLY_REGISTERS);
    assert_int_equal(fake.regs[0].rip, 0x42);
    assert_int_equal(fake.regs[0].gpr[GPR_RAX], 1);
    vmi_destroy(vmi);
}

static void memory_contents(void **state)
{
    struct seen s = {.response = VMI_EVENT_RESPONSE_EMULATE};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = mem_event(&s, 0x10, VMI_MEMACCESS_W, 0);
    (void)state;
    e.mem_event.gla_valid = 1; /* rubbish from before */
    e.mem_event.gptw = 1;
    add(vmi, &e);
    struct event_request *q = fake_put_memory(0, 0, 0x10, ACCESS_R | ACCESS_W);
    q->memory.offset = 0x123;
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(s.last.mem_event.gfn, 0x10);
    assert_int_equal(s.last.mem_event.offset, 0x123);
    assert_int_equal(s.last.mem_event.out_access, VMI_MEMACCESS_RW);
    assert_int_equal(s.last.mem_event.gla_valid | s.last.mem_event.gptw, 0);
    assert_int_equal(fake.reply[0].flags, REPLY_EMULATE);
    vmi_destroy(vmi);
}

/* ---- rules that programs break
 * ---------------------------------------------------------------------- */

static int8_t reinject;

static void set_reinject(vmi_instance_t vmi, vmi_event_t *e)
{
    (void)vmi;
    assert_int_equal(e->interrupt_event.reinject, -1);
    e->interrupt_event.reinject = reinject;
}

static void breakpoints(void **state)
{
    struct seen s = {.also = set_reinject};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = {.data = &s};
    (void)state;
    SETUP_INTERRUPT_EVENT(&e, callback);
    add(vmi, &e);
    for (reinject = -1; reinject <= 1; reinject++) {
        struct event_request *q = fake_put(EVENT_BREAKPOINT, 0);
        q->regs.rip = 0xffffffff81001234;
        q->debug.gfn = 0x1001;
        q->debug.insn_length = 1;
        assert_int_equal(vmi_events_listen(vmi, 0), reinject < 0 ? VMI_FAILURE : VMI_SUCCESS);
        assert_int_equal(s.last.interrupt_event.gla, 0xffffffff81001234);
        assert_int_equal(s.last.interrupt_event.offset, 0x234);
        assert_int_equal(s.last.interrupt_event.gfn, 0x1001);
        assert_int_equal(fake.reply[fake.answered - 1].flags, reinject ? REPLY_REINJECT : 0);
        assert_int_equal(fake.flushed, fake.put); /* answered, whatever it did */
    }
    vmi_destroy(vmi);
}

static void give_read_data(vmi_instance_t vmi, vmi_event_t *e)
{
    (void)vmi;
    e->emul_read = calloc(1, sizeof *e->emul_read); /* the library frees it */
    e->emul_read->size = 3;
    memcpy(e->emul_read->data, "abc", 3);
}

static void read_data(void **state)
{
    struct seen s = {.response = VMI_EVENT_RESPONSE_SET_EMUL_READ_DATA, .also = give_read_data};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = mem_event(&s, 1, VMI_MEMACCESS_RW, 0);
    (void)state;
    add(vmi, &e);
    fake_put_memory(0, 0, 1, ACCESS_R);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(fake.reply[0].flags, REPLY_READ_DATA);
    assert_int_equal(fake.reply[0].data_size, 3);
    assert_memory_equal(fake.data[0], "abc", 3);
    s.also = NULL; /* no buffer: LibVMI would free the registers' copy */
    fake_put_memory(0, 0, 1, ACCESS_R);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_FAILURE);
    assert_int_equal(fake.reply[1].flags, 0);
    assert_non_null(strstr(vmi_last_error(vmi)->text, "buffer"));
    vmi_destroy(vmi);
}

static void places(void **state)
{
    struct seen s = {0};
    vmi_instance_t vmi = open_fake();
    vmi_event_t a = cr_event(&s, CR3), b = cr_event(&s, CR3), c = cr_event(&s, CR0),
                m = mem_event(&s, 4, VMI_MEMACCESS_W, 0), m2 = mem_event(&s, 4, VMI_MEMACCESS_X, 0),
                m3 = mem_event(&s, 4, VMI_MEMACCESS_X, 1), g = {.data = &s}, r = cr_event(&s, CR4),
                lstar = cr_event(&s, MSR_LSTAR), any = cr_event(&s, MSR_ANY),
                read = mem_event(&s, 5, VMI_MEMACCESS_R, 0),
                none = mem_event(&s, 5, VMI_MEMACCESS_N, 0),
                mixed = mem_event(&s, 5, VMI_MEMACCESS_W2X | VMI_MEMACCESS_X, 0), never = a;
    (void)state;
    add(vmi, &a);
    assert_int_equal(vmi_register_event(vmi, &a), VMI_FAILURE);
    assert_int_equal(vmi_register_event(vmi, &b), VMI_FAILURE);
    add(vmi, &c);
    add(vmi, &m);
    assert_int_equal(vmi_register_event(vmi, &m2), VMI_FAILURE); /* the frame is taken */
    add(vmi, &m3);                                               /* not in this view */
    SETUP_MEM_EVENT(&g, 0, VMI_MEMACCESS_X, callback, true);
    assert_int_equal(vmi_register_event(vmi, &g), VMI_FAILURE); /* generic excludes frames */
    r.reg_event.in_access = VMI_REGACCESS_RW;
    assert_int_equal(vmi_register_event(vmi, &r), VMI_FAILURE);
    assert_int_equal(vmi_register_event(vmi, &lstar), VMI_FAILURE);
    assert_int_equal(vmi_register_event(vmi, &any), VMI_FAILURE); /* index 0 */
    assert_int_equal(vmi_register_event(vmi, &read), VMI_FAILURE);
    assert_int_equal(vmi_last_error(vmi)->kind, VMI_ERROR_UNSUPPORTED);
    assert_int_equal(vmi_register_event(vmi, &none), VMI_FAILURE);
    assert_int_equal(vmi_register_event(vmi, &mixed), VMI_FAILURE);
    assert_int_equal(vmi_clear_event(vmi, &never, note_free), VMI_FAILURE);
    assert_ptr_equal(vmi_get_reg_event(vmi, CR3), &a);
    assert_null(vmi_get_reg_event(vmi, CR4));
    assert_ptr_equal(vmi_get_mem_event(vmi, 4, VMI_MEMACCESS_RWX), &m); /* the lowest view's */
    assert_null(vmi_get_mem_event(vmi, 5, VMI_MEMACCESS_W));
    vmi_destroy(vmi);
}

/* ---- clearing
 * ----------------------------------------------------------------------------------------- */

static void clearing(void **state)
{
    struct seen s = {0};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = mem_event(&s, 4, VMI_MEMACCESS_W, 1), watch[4];
    static const vmi_event_type_t types[] = {VMI_EVENT_PRIVILEGED_CALL, VMI_EVENT_DESCRIPTOR_ACCESS,
                                             VMI_EVENT_FAILED_EMULATION, VMI_EVENT_VMEXIT};
    (void)state;
    add(vmi, &e);
    assert_int_equal(fake.access[1][4], ACCESS_W);
    struct event_request *q = fake_put_memory(0, 1, 4, ACCESS_W);
    q->view = 1;
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    e.slat_id = 0; /* the callback's to change: the view is remembered */
    e.mem_event.gfn = 77;
    freed = 0;
    assert_int_equal(vmi_clear_event(vmi, &e, note_free), VMI_SUCCESS);
    assert_int_equal(fake.access[1][4], ACCESS_NONE);
    assert_int_equal(freed, 1);
    assert_int_equal(freed_as, VMI_SUCCESS);
    assert_ptr_equal(freed_event, &e);
    assert_int_equal(vmi_clear_event(vmi, &e, note_free), VMI_FAILURE);
    assert_int_equal(freed, 1);
    for (unsigned i = 0; i < 4; i++) { /* LibVMI cannot clear these */
        watch[i] = event_of(&s, types[i]);
        add(vmi, &watch[i]);
        assert_int_equal(vmi_clear_event(vmi, &watch[i], NULL), VMI_SUCCESS);
    }
    e = mem_event(&s, 4, VMI_MEMACCESS_W, 1);
    add(vmi, &e);
    vmi_destroy(vmi); /* the structures stay the program's: no free routine */
    assert_int_equal(freed, 1);
}

static void clear_and_step(vmi_instance_t vmi, vmi_event_t *e)
{
    struct seen *s = e->data;
    s->also = NULL;
    assert_int_equal(vmi_step_event(vmi, e, e->vcpu_id, 1, NULL), VMI_FAILURE); /* not cleared */
    assert_int_equal(vmi_clear_event(vmi, e, note_free), VMI_SUCCESS);
    assert_int_equal(vmi_clear_event(vmi, e, NULL), VMI_FAILURE); /* queued already */
    assert_int_equal(vmi_step_event(vmi, e, e->vcpu_id, 2, NULL), VMI_SUCCESS);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_FAILURE);
    assert_int_equal(freed, 0);
}

static void step_and_register_again(void **state)
{
    struct seen s = {.also = clear_and_step};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = mem_event(&s, 4, VMI_MEMACCESS_X, 0);
    (void)state;
    add(vmi, &e);
    freed = 0;
    fake_put_memory(1, 0, 4, ACCESS_X);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(freed, 1);
    assert_int_equal(fake.reply[0].flags, REPLY_STEP_ON);
    assert_int_equal(fake.access[0][4], ACCESS_NONE);
    fake_put(EVENT_STEP, 1);
    fake_put(EVENT_STEP, 1);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(fake.reply[2].flags, REPLY_STEP_OFF);
    assert_int_equal(fake.access[0][4], ACCESS_X);
    fake_put_memory(1, 0, 4, ACCESS_X);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(s.calls, 2);
    vmi_destroy(vmi);
}

static unsigned stepped;

static event_response_t on_stepped(vmi_instance_t vmi, vmi_event_t *e)
{
    (void)vmi;
    stepped++;
    e->slat_id = 2;
    return VMI_EVENT_RESPONSE_SLAT_ID;
}

static void step_with_a_callback(void **state)
{
    struct seen s = {0};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = mem_event(&s, 4, VMI_MEMACCESS_X, 0), step = {.data = &s};
    (void)state;
    stepped = 0;
    assert_int_equal(vmi_step_event(vmi, &e, 0, 0, on_stepped), VMI_FAILURE);
    assert_int_equal(vmi_step_event(vmi, &e, FAKE_VCPUS, 1, on_stepped), VMI_FAILURE);
    assert_int_equal(vmi_step_event(vmi, &e, 0, 1, on_stepped), VMI_SUCCESS);
    assert_int_equal(vmi_step_event(vmi, &e, 0, 2, on_stepped), VMI_SUCCESS); /* several */
    assert_true(fake.stepping[0]);
    fake_put(EVENT_STEP, 0);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(stepped, 1);
    assert_int_equal(fake.reply[0].view, 2);
    assert_int_equal(fake.reply[0].flags, REPLY_VIEW);
    assert_int_equal(vmi_shutdown_single_step(vmi), VMI_SUCCESS);
    assert_false(fake.stepping[0]);
    SETUP_SINGLESTEP_EVENT(&step, 1, callback, false);
    add(vmi, &step);
    assert_int_equal(vmi_step_event(vmi, &e, 0, 1, on_stepped), VMI_FAILURE); /* the event's */
    vmi_destroy(vmi);
}

/* ---- swaps
 * ------------------------------------------------------------------------------------------ */

static vmi_event_t *swap_to;

static void swap(vmi_instance_t vmi, vmi_event_t *e)
{
    assert_int_equal(vmi_swap_events(vmi, e, swap_to, note_free), VMI_SUCCESS);
    assert_int_equal(vmi_swap_events(vmi, e, swap_to, note_free), VMI_FAILURE);
    assert_int_equal(vmi_clear_event(vmi, e, NULL), VMI_FAILURE);
    assert_int_equal(freed, 0);
}

static void swaps(void **state)
{
    struct seen s = {0};
    vmi_instance_t vmi = open_fake();
    vmi_event_t a = mem_event(&s, 4, VMI_MEMACCESS_X, 0), b = mem_event(&s, 5, VMI_MEMACCESS_W, 0),
                far = mem_event(&s, FAKE_FRAMES, VMI_MEMACCESS_W, 0);
    (void)state;
    add(vmi, &a);
    freed = 0;
    assert_int_equal(vmi_swap_events(vmi, &b, &a, note_free), VMI_FAILURE); /* not registered */
    s.also = swap;
    swap_to = &b;
    fake_put_memory(0, 0, 4, ACCESS_X);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(freed, 1);
    assert_ptr_equal(freed_event, &a);
    assert_int_equal(fake.access[0][4], ACCESS_NONE);
    assert_int_equal(fake.access[0][5], ACCESS_W);
    assert_int_equal(vmi_swap_events(vmi, &b, &far, note_free), VMI_FAILURE);
    assert_int_equal(fake.access[0][5], ACCESS_W); /* the old one is back */
    assert_int_equal(freed, 1);
    vmi_destroy(vmi);
}

/* ---- registers and MSRs
 * ------------------------------------------------------------------------------- */

static void register_filters(void **state)
{
    struct seen s = {0}, all = {0};
    vmi_instance_t vmi = open_fake();
    vmi_event_t cr3 = cr_event(&s, CR3), any = cr_event(&s, MSR_ANY),
                every = cr_event(&all, MSR_ALL);
    (void)state;
    cr3.reg_event.equal = 0x1000;
    add(vmi, &cr3);
    for (uint64_t v = 0; v < 0x3000; v += 0x1000) {
        struct event_request *q = fake_put(EVENT_CR, 0);
        q->cr.reg = EVENT_CR3;
        q->cr.value = v;
        q->cr.previous = v + 1;
    }
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.last.reg_event.value, 0x1000);
    assert_int_equal(s.last.reg_event.previous, 0x1001);
    any.reg_event.msr = 0x1a0;
    add(vmi, &any);
    struct event_request *q = fake_put(EVENT_MSR, 0);
    q->msr.index = 0x1a0;
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(s.calls, 2);
    assert_int_equal(s.last.reg_event.msr, 0x1a0);
    add(vmi, &every);
    fake_put(EVENT_MSR, 0)->msr.index = 0x1a0;
    fake_put(EVENT_MSR, 0)->msr.index = 0x10;
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(s.calls, 2); /* MSR_ALL gets all */
    assert_int_equal(all.calls, 2);
    vmi_destroy(vmi);
}

static void denials(void **state)
{
    struct seen s = {.response = VMI_EVENT_RESPONSE_DENY};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = cr_event(&s, CR4), async = cr_event(&s, CR0);
    (void)state;
    add(vmi, &e);
    assert_string_equal(fake.log, "trap control-register 2/4;"); /* writes wait */
    fake.log[0] = 0;
    async.reg_event.async = async.reg_event.onchange = 1;
    add(vmi, &async);
    assert_string_equal(fake.log, "trap control-register 0/3;");
    fake_put(EVENT_CR, 0)->cr.reg = EVENT_CR4;
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(fake.reply[0].flags, REPLY_DENY);
    vmi_destroy(vmi);
}

/* ---- generic memory events, steps, interrupts
 * ------------------------------------------------------------ */

static void generic_memory(void **state)
{
    struct seen s = {.response = VMI_EVENT_RESPONSE_EMULATE}, t = {0};
    vmi_instance_t vmi = open_fake();
    vmi_event_t x = {.data = &s}, wx = {.data = &t};
    (void)state;
    assert_int_equal(vmi_set_mem_event(vmi, 3, VMI_MEMACCESS_X, 0), VMI_FAILURE); /* nobody */
    SETUP_MEM_EVENT(&x, 99, VMI_MEMACCESS_X, callback, true);
    SETUP_MEM_EVENT(&wx, 99, VMI_MEMACCESS_WX, callback, true);
    add(vmi, &x);
    add(vmi, &wx);
    assert_int_equal(fake.access_calls, 0);
    assert_int_equal(vmi_set_mem_event_range(vmi, 3, 6, VMI_MEMACCESS_X, 1), VMI_SUCCESS);
    assert_int_equal(fake.access[1][3], ACCESS_X);
    assert_int_equal(fake.access[1][5], ACCESS_X);
    assert_int_equal(fake.access[1][6], ACCESS_NONE); /* up to the end, without it */
    assert_ptr_equal(vmi_get_mem_event(vmi, 3, VMI_MEMACCESS_WX), &wx);
    fake_put_memory(0, 1, 4, ACCESS_X);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(s.calls, 1);
    assert_int_equal(t.calls, 1);
    assert_int_equal(fake.reply[0].flags, 0); /* the last one's answer */
    assert_int_equal(vmi_set_mem_event_range(vmi, 3, 6, VMI_MEMACCESS_N, 1), VMI_SUCCESS);
    assert_int_equal(fake.access[1][3], ACCESS_NONE);
    vmi_destroy(vmi);
}

static void toggling(void **state)
{
    struct seen s = {.response = VMI_EVENT_RESPONSE_TOGGLE_SINGLESTEP}, t = {0};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = event_of(&s, VMI_EVENT_GUEST_REQUEST), step = {.data = &t};
    (void)state;
    add(vmi, &e);
    fake_put(EVENT_GUEST_REQUEST, 1);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_FAILURE); /* nobody gets the steps */
    SETUP_SINGLESTEP_EVENT(&step, 3, callback, false);
    add(vmi, &step);
    assert_ptr_equal(vmi_get_singlestep_event(vmi, 1), &step);
    assert_null(vmi_get_singlestep_event(vmi, 2));
    for (unsigned i = 0; i < 2; i++) {
        fake_put(EVENT_GUEST_REQUEST, 1);
        assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
        assert_int_equal(fake.reply[1 + i].flags, i ? REPLY_STEP_OFF : REPLY_STEP_ON);
    }
    step.ss_event.enable = 1;
    assert_int_equal(vmi_toggle_single_step_vcpu(vmi, &step, 3, true), VMI_SUCCESS);
    assert_true(fake.stepping[3]);
    assert_int_equal(vmi_toggle_single_step_vcpu(vmi, &step, 3, true), VMI_SUCCESS); /* again */
    assert_int_equal(vmi_toggle_single_step_vcpu(vmi, &step, 3, false), VMI_SUCCESS);
    assert_int_equal(vmi_toggle_single_step_vcpu(vmi, &step, 3, false), VMI_FAILURE);
    assert_false(fake.stepping[3]);
    assert_int_equal(vmi_stop_single_step_vcpu(vmi, &step, 1), VMI_SUCCESS);
    assert_int_equal(step.ss_event.vcpus, 1);
    vmi_destroy(vmi);
}

static void next_interrupt(void **state)
{
    struct seen s = {.response = VMI_EVENT_RESPONSE_GET_NEXT_INTERRUPT}, t = {0};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = event_of(&s, VMI_EVENT_GUEST_REQUEST), i = event_of(&t, VMI_EVENT_INTERRUPT);
    (void)state;
    i.interrupt_event.intr = INT_NEXT;
    add(vmi, &e);
    fake_put(EVENT_GUEST_REQUEST, 0);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_FAILURE);
    add(vmi, &i);
    fake_put(EVENT_GUEST_REQUEST, 0);
    struct event_request *q = fake_put(EVENT_INTERRUPT, 0);
    q->interrupt.vector = 0xf3;
    q->interrupt.cr2 = 5;
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(fake.reply[1].flags, REPLY_NEXT_INTERRUPT);
    assert_int_equal(t.last.interrupt_event.vector, 0xf3);
    assert_int_equal(t.last.interrupt_event.cr2, 5);
    assert_int_equal(fake.reply[2].flags, 0);
    vmi_destroy(vmi);
}

static void views(void **state)
{
    struct seen s = {.response = VMI_EVENT_RESPONSE_SLAT_ID | VMI_EVENT_RESPONSE_NEXT_SLAT_ID};
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = mem_event(&s, 4, VMI_MEMACCESS_X, 2);
    uint16_t view = 0;
    bool on = false;
    (void)state;
    assert_int_equal(vmi_slat_state(vmi, &on), VMI_SUCCESS);
    assert_true(on);
    assert_int_equal(vmi_slat_create(vmi, &view), VMI_SUCCESS);
    assert_int_equal(view, 2);
    assert_int_equal(vmi_slat_change_gfn(vmi, 2, 4, ~(addr_t)0), VMI_SUCCESS);
    assert_string_equal(fake.log, "remap 2:4=ffffffffffffffff;");
    add(vmi, &e);
    e.next_slat_id = 7;
    struct event_request *q = fake_put_memory(0, 2, 4, ACCESS_X);
    q->view = 2;
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(fake.reply[0].flags, REPLY_VIEW | REPLY_FAST_STEP);
    assert_int_equal(fake.reply[0].view, 2);
    assert_int_equal(fake.reply[0].next_view, 7);
    vmi_destroy(vmi);
}

static void counters(void **state)
{
    struct seen s = {0};
    struct vmi_event_statistics st;
    vmi_instance_t vmi = open_fake();
    vmi_event_t e = event_of(&s, VMI_EVENT_GUEST_REQUEST);
    (void)state;
    add(vmi, &e);
    fake_put(EVENT_GUEST_REQUEST, 0);
    fake_put(EVENT_BREAKPOINT, 0);
    assert_int_equal(vmi_are_events_pending(vmi), 2);
    assert_int_equal(vmi_events_listen(vmi, 0), VMI_SUCCESS);
    assert_int_equal(vmi_get_event_statistics(vmi, &st), VMI_SUCCESS);
    assert_int_equal(st.taken, 2);
    assert_int_equal(st.answered, 2);
    assert_int_equal(st.spurious, 1);
    assert_int_equal(st.batches, 1);
    assert_int_equal(vmi_event_listener_required(vmi, true), VMI_SUCCESS);
    assert_int_equal(vmi_enable_events(vmi), VMI_SUCCESS);
    vmi_destroy(vmi);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers),
        cmocka_unit_test(set_registers),
        cmocka_unit_test(memory_contents),
        cmocka_unit_test(breakpoints),
        cmocka_unit_test(read_data),
        cmocka_unit_test(places),
        cmocka_unit_test(clearing),
        cmocka_unit_test(step_and_register_again),
        cmocka_unit_test(step_with_a_callback),
        cmocka_unit_test(swaps),
        cmocka_unit_test(register_filters),
        cmocka_unit_test(denials),
        cmocka_unit_test(generic_memory),
        cmocka_unit_test(toggling),
        cmocka_unit_test(next_interrupt),
        cmocka_unit_test(views),
        cmocka_unit_test(counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

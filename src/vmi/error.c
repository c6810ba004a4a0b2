/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a call failed. A failed access in a scan loop must stay cheap, so it leaves numbers behind;
 * vmi_last_error makes the words.
 */
#include "vmi/access.h"

#include <stdio.h>

_Static_assert(VMI_ERROR_ABSENT == -ST_ABSENT && VMI_ERROR_BROKEN == -ST_BROKEN &&
                   VMI_ERROR_UNSUPPORTED == -ST_UNSUPPORTED && VMI_ERROR_DENIED == -ST_DENIED &&
                   VMI_ERROR_BUSY == -ST_BUSY && VMI_ERROR_IO == -ST_IO &&
                   VMI_ERROR_NO_MEMORY == -ST_NOMEM && VMI_ERROR_INVALID == -ST_INVALID &&
                   VMI_ERROR_LIMIT == -ST_LIMIT,
               "the kinds of error that programs see are the codes inside, negated");

/* vmi_open and vmi_init have no instance to keep their story in; the API asks for one per thread.
 */
static __thread struct vmi_error open_error;

static void set_error(struct vmi_error *e, int code, const char *fmt, va_list ap)
{
    e->kind = (enum vmi_error_kind) - code;
    vsnprintf(e->text, sizeof e->text, fmt, ap);
}

status_t vmi_fail(vmi_instance_t vmi, int code, const char *fmt, ...)
{
    if (!vmi)
        return VMI_FAILURE;
    vmi->story = STORY_TEXT;
    if (!fmt) {
        vmi->error.kind = (enum vmi_error_kind) - code;
        snprintf(vmi->error.text, sizeof vmi->error.text, "%s",
                 vmi->diag.text[0] ? vmi->diag.text : status_name(code));
        return VMI_FAILURE;
    }
    va_list ap;
    va_start(ap, fmt);
    set_error(&vmi->error, code, fmt, ap);
    va_end(ap);
    return VMI_FAILURE;
}

status_t vmi_open_fail(int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_error(&open_error, code, fmt, ap);
    va_end(ap);
    return VMI_FAILURE;
}

void vmi_open_fail_from(vmi_instance_t vmi)
{
    open_error = *vmi_last_error(vmi);
}

status_t vmi_unsupported(vmi_instance_t vmi, const char *what)
{
    if (!vmi)
        return VMI_FAILURE;
    return vmi_fail(vmi, ST_UNSUPPORTED, "a source of kind \"%s\" has no %s", vmi->source.kind,
                    what);
}

bool vmi_need_os(vmi_instance_t vmi)
{
    if (vmi && vmi->have_os)
        return true;
    vmi_fail(
        vmi, ST_INVALID,
        "no operating system is known yet: call vmi_init_os, or open without VMI_OPEN_MEMORY_ONLY");
    return false;
}

static const char *fault_text(const struct walk *w)
{
    switch (w->fault) {
    case WALK_OK:
        return "its page is not in guest memory";
    case WALK_NOT_CANONICAL:
        return "the address is not canonical";
    case WALK_NOT_PRESENT:
        return "not present";
    case WALK_RESERVED:
        return "a reserved bit is set";
    case WALK_TABLE_ABSENT:
        return "the table is not in guest memory";
    case WALK_OUTER:
        return "the nested table does not map it";
    }
    return "unknown fault";
}

/* "kernel address 0x...", "address 0x... of process 12", "address 0x... (page table 0x...)" */
static void name_address(const struct walk_story *s, uint64_t va, char *buf, size_t size)
{
    if (s->pid == 0)
        snprintf(buf, size, "kernel address 0x%llx", (unsigned long long)va);
    else if (s->pid > 0)
        snprintf(buf, size, "address 0x%llx of process %d", (unsigned long long)va, (int)s->pid);
    else
        snprintf(buf, size, "address 0x%llx (page table 0x%llx)", (unsigned long long)va,
                 (unsigned long long)s->space.half[va >= s->space.split].root);
}

static void tell_walk(vmi_instance_t vmi, struct vmi_error *e)
{
    const struct walk_story *s = &vmi->walk;
    struct walk w;
    char where[96], entry[96] = "";
    uint64_t va = s->va + s->done;
    name_address(s, va, where, sizeof where);
    /* The page tables of a live guest may have changed since; then the words are about how they are
     * now. */
    aspace_walk(&s->space, GVA(va), &w);
    if (w.levels)
        snprintf(entry, sizeof entry, ": entry 0x%llx at physical 0x%llx (level %u of %u)",
                 (unsigned long long)w.entry[w.levels - 1].value,
                 (unsigned long long)w.entry[w.levels - 1].at, w.levels, (unsigned)w.form->levels);
    int n = snprintf(e->text, sizeof e->text, "cannot %s %s: %s%s", s->verb, where, fault_text(&w),
                     entry);
    if (s->done && n > 0 && (size_t)n < sizeof e->text)
        snprintf(e->text + n, sizeof e->text - (size_t)n, "; %zu of %zu bytes were done before",
                 s->done, s->want);
}

/* Why an access failed that is no matter of page tables: the source's own words where it has some.
 */
static const char *source_story(vmi_instance_t vmi, int code)
{
    const struct diag *story = vmi->source.story;
    if (story && story->code == code && story->text[0])
        return story->text;
    if (code == ST_ABSENT)
        return "no memory is there";
    return code == ST_UNSUPPORTED ? "this source cannot be written" : status_name(code);
}

static void tell_physical(vmi_instance_t vmi, struct vmi_error *e)
{
    snprintf(e->text, sizeof e->text,
             "cannot %s physical address 0x%llx: %.300s; %zu of %zu bytes were done before",
             vmi->physical.verb, (unsigned long long)(vmi->physical.pa + vmi->physical.done),
             source_story(vmi, vmi->story_code), vmi->physical.done, vmi->physical.want);
}

static void tell_virtual(vmi_instance_t vmi, struct vmi_error *e)
{
    char where[96];
    if (vmi->story_code == ST_ABSENT) {
        tell_walk(vmi, e);
        return;
    }
    name_address(&vmi->walk, vmi->walk.va + vmi->walk.done, where, sizeof where);
    snprintf(e->text, sizeof e->text, "cannot %s %s: %.300s (source \"%s\")", vmi->walk.verb, where,
             source_story(vmi, vmi->story_code), vmi->source.kind);
}

const struct vmi_error *vmi_last_error(vmi_instance_t vmi)
{
    if (!vmi)
        return &open_error;
    if (vmi->story == STORY_TEXT)
        return &vmi->error;
    vmi->error.kind = (enum vmi_error_kind) - vmi->story_code;
    if (vmi->story == STORY_PHYSICAL)
        tell_physical(vmi, &vmi->error);
    else
        tell_virtual(vmi, &vmi->error);
    vmi->story = STORY_TEXT;
    return &vmi->error;
}

void vmi_forget_errors(vmi_instance_t vmi)
{
    vmi->story = STORY_TEXT;
    vmi->error = (struct vmi_error){.kind = VMI_ERROR_NONE};
    vmi->walk.failed = false;
}

const char *vmi_intern(vmi_instance_t vmi, const char *text)
{
    struct map_key key = {.text = text};
    const struct map_entry *have = map_get(&vmi->names, &key);
    if (have)
        return have->key.text;
    struct map_entry *e;
    if (map_put(&vmi->names, &key, 0, NULL, &e) != ST_OK) {
        vmi_fail(vmi, ST_NOMEM, "no memory for a name");
        return NULL;
    }
    return e->key.text;
}

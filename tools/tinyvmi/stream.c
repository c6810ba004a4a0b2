/* SPDX-License-Identifier: BSD-2-Clause */
#include "stream.h"

#include <inttypes.h>
#include <libvmi/events.h>
#include <stdlib.h>

enum { DEFAULT_ROOM = 65536, SLICE_MS = 200, BURST = 4096 };

int stream_open(struct stream *s, struct run *run, size_t size, const struct column *columns)
{
    uint64_t room = DEFAULT_ROOM, most = 0, duration = 0;
    int code = opt_duration(run, "for", &duration);
    if (code || (code = opt_size(run, "count", &most)) || (code = opt_size(run, "buffer", &room)))
        return code;
    if (room == 0 || room > 1u << 24)
        return usage_error(run, "--buffer is 1 to 16777216");
    if ((code = target_open(run, 0)))
        return code;
    if (vmi_enable_events(run->vmi) != VMI_SUCCESS) {
        guest_error(run, "this guest's events cannot be had");
        return EXIT_TARGET;
    }
    if (!opt(run, "buffer") && room > host_spare_memory() / 4 / size)
        room = host_spare_memory() / 4 / size + 1;
    s->run = run;
    s->size = size;
    s->room = (size_t)room;
    s->most = most;
    s->record = memory_grow(NULL, s->room, size);
    host_hold_signals();
    listing_start(&s->l, &run->out, run->json ? LISTING_JSON_LINES : LISTING_TABLE,
                  !opt(run, "no-headings"), columns);
    s->start_ns = host_now_ns();
    s->until = duration ? s->start_ns + duration : 0;
    return EXIT_WELL;
}

void *stream_record(struct stream *s)
{
    s->seen++;
    if (s->used == s->room) {
        s->missed++;
        return NULL;
    }
    return s->record + (s->first + s->used++) % s->room * s->size;
}

/* Writes what waits, at most a burst of it: the guest is looked at in between. */
static void drain(struct stream *s)
{
    for (unsigned i = 0; i < BURST && s->used && (!s->most || s->written < s->most); i++) {
        s->put(s, s->record + s->first * s->size);
        s->first = (s->first + 1) % s->room;
        s->used--;
        s->written++;
    }
    listing_settle(&s->l);
}

static bool is_over(const struct stream *s)
{
    return host_interrupted() || ferror(s->run->out.f) || (s->most && s->written >= s->most) ||
           (s->until && host_now_ns() >= s->until);
}

int stream_listen(struct stream *s)
{
    listing_settle(&s->l);
    while (!is_over(s)) {
        uint64_t left = SLICE_MS;
        if (s->until) {
            uint64_t now = host_now_ns(), ms = s->until > now ? (s->until - now) / 1000000 : 0;
            left = ms < left ? ms : left;
        }
        if (vmi_events_listen(s->run->vmi, s->used ? 0 : (uint32_t)left) != VMI_SUCCESS) {
            const struct vmi_error *why = vmi_last_error(s->run->vmi);
            if (why->kind != VMI_ERROR_INVALID) {
                drain(s);
                guest_error(s->run, "the guest's events have ended");
                return EXIT_TARGET;
            }
            if (!s->strange++) /* an event that nobody wanted, and the like: once is enough */
                complain(NULL, "%s", why->text);
        }
        drain(s);
    }
    return EXIT_WELL;
}

int stream_close(struct stream *s, int code)
{
    while (s->used && !ferror(s->run->out.f) && (!s->most || s->written < s->most))
        drain(s);
    listing_end(&s->l);
    if (s->missed)
        complain("--buffer keeps more of them",
                 "%" PRIu64 " of %" PRIu64
                 " events were missed: they came faster than they could be written",
                 s->missed, s->seen);
    free(s->record);
    return code == EXIT_WELL && s->missed ? EXIT_PARTIAL : code;
}

uint64_t stream_since(const struct stream *s, uint64_t ns)
{
    return ns > s->start_ns ? ns - s->start_ns : 0;
}

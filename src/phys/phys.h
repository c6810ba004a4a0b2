/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest-physical memory: ranges with holes between them.
 *
 * A range is either mapped (its bytes are plain host memory, shared with a live guest or with the
 * file) or it is read through the source. Nothing here knows about vCPUs, paging or operating
 * systems. Reads of a live guest always see the guest's memory as it is now: nothing is cached.
 *
 * Threads: a struct phys may be used by one thread at a time.
 */
#ifndef TINYVMI_PHYS_PHYS_H
#define TINYVMI_PHYS_PHYS_H

#include "core/bytes.h"
#include "core/status.h"

typedef struct {
    uint64_t v;
} gpa_t; /* guest-physical byte address */

typedef struct {
    uint64_t v;
} gva_t; /* guest-virtual byte address */

#define GPA(x) ((gpa_t){(x)})
#define GVA(x) ((gva_t){(x)})

/* One piece of guest-physical memory without a hole. Ranges are sorted by start and do not overlap.
 */
struct phys_range {
    uint64_t start, len; /* bytes; len > 0; start + len does not wrap */
    uint8_t *host;   /* the bytes themselves, or NULL when they must be read through the source */
    uint64_t cookie; /* the source's own, of the first byte: a file offset, a host address; a part
                        of a range that starts n bytes later has a cookie greater by n */
};

struct phys_ops {
    /*
     * Copies [at, at+n), which lies in `r`, and says in *done how far it came. For ranges with host
     * == NULL; NULL when the source has no such ranges. ST_ABSENT: the frame at at+*done is not
     * there (ballooned, left out of the dump).
     */
    int (*read)(void *source, const struct phys_range *r, uint64_t at, void *buf, size_t n,
                size_t *done);
    /* Same for writing; NULL: the source cannot be written. */
    int (*write)(void *source, const struct phys_range *r, uint64_t at, const void *buf, size_t n,
                 size_t *done);
    /*
     * A pointer to memory at `at` for ranges with host == NULL, valid until the next call on this
     * source; *avail is how many bytes from there are contiguous (at least up to the end of the
     * page). NULL when absent. The member is NULL when the source cannot map.
     */
    const uint8_t *(*map)(void *source, const struct phys_range *r, uint64_t at, size_t *avail);
    /*
     * [at, at+n) of `r` in one piece, to be kept until `release` or the source's end; NULL when some
     * of it is not there. For large things that are decoded in place. NULL: only `read` and `map`.
     */
    const uint8_t *(*hold)(void *source, const struct phys_range *r, uint64_t at, size_t n);
    void (*release)(void *source, const uint8_t *p, size_t n);
    /*
     * The first address at or after `at` in `r` that was ever touched, and in *end where untouched
     * memory follows (or the source stopped looking); both within `r`. What was not touched reads
     * as zeros. The end of the range, *end untouched, when there is none. NULL: not known. Asked
     * for mapped ranges, too.
     */
    uint64_t (*next_data)(void *source, const struct phys_range *r, uint64_t at, uint64_t *end);
    /*
     * The guest's page tables hold other addresses than it has itself (Xen's PV guests: machine
     * addresses). Turns the address of a page that stands in an entry into one of these ranges;
     * ST_ABSENT: it is no page of this guest's. NULL: they are the same. Ranges of such a source are
     * not mapped (host == NULL).
     */
    int (*from_entry)(void *source, uint64_t *at);
    /*
     * A mapping of its own of the page at `at`, which munmap gives back; it may outlive the source.
     * ST_*, also for what cannot be written. NULL: cannot (a mapped range is mapped a second time).
     */
    int (*own_mapping)(void *source, uint64_t at, bool writable, void **ret);
};

struct phys {
    const struct phys_ops *ops; /* NULL when all ranges are mapped and read-only */
    void *source;
    struct phys_range *range; /* owned, nr of them */
    size_t nr, cap;
    size_t hint; /* index of the range that answered last */
};

void phys_init(struct phys *p, const struct phys_ops *ops, void *source);
void phys_deinit(struct phys *p); /* frees the table, not the mappings: those are the source's */

/*
 * Adds a range. Ranges may come in any order; a part that overlaps an earlier one is cut away (the
 * earlier one wins). One that goes on where its neighbour ends, in the guest, in the host and in
 * its cookie, becomes part of it. ST_INVALID when it wraps. An empty range is ignored. ST_LIMIT
 * beyond 65,536 ranges.
 */
MUST_USE int phys_add(struct phys *p, const struct phys_range *r);

/* The range that holds `at`, or NULL: a hole. */
const struct phys_range *phys_find_slow(struct phys *p, uint64_t at);

static inline const struct phys_range *phys_find(struct phys *p, uint64_t at)
{
    if (__builtin_expect(p->hint < p->nr, 1)) {
        const struct phys_range *r = &p->range[p->hint];
        if (__builtin_expect(at - r->start < r->len, 1))
            return r;
    }
    return phys_find_slow(p, at);
}

/*
 * A pointer to the memory at `at`, *avail bytes of which are contiguous (to the end of the range
 * when it is mapped). NULL when it is a hole, or when this memory can only be read. Zero copy: a
 * live guest changes under the pointer.
 */
static inline const uint8_t *phys_ptr(struct phys *p, uint64_t at, size_t *avail)
{
    const struct phys_range *r = phys_find(p, at);
    if (__builtin_expect(!r, 0))
        return NULL;
    if (__builtin_expect(r->host != NULL, 1)) {
        *avail = (size_t)(r->len - (at - r->start));
        return r->host + (at - r->start);
    }
    if (p->ops && p->ops->map)
        return p->ops->map(p->source, r, at, avail);
    return NULL;
}

/* The n bytes at `at` in one piece, kept until phys_release; NULL when this source cannot, or when
 * a part is not there: read it then. */
const uint8_t *phys_hold(struct phys *p, uint64_t at, size_t n);
void phys_release(struct phys *p, const uint8_t *held, size_t n);

/* Copies n bytes. Stops at the first hole: ST_ABSENT, *done (may be NULL) bytes are valid. n == 0
 * succeeds. */
MUST_USE int phys_read(struct phys *p, uint64_t at, void *buf, size_t n, size_t *done);
MUST_USE int phys_write(struct phys *p, uint64_t at, const void *buf, size_t n, size_t *done);

/* An entry is aligned in the guest, but not always in the host: a file's format may put guest pages
 * at any offset. */
typedef uint64_t __attribute__((aligned(1), may_alias)) phys_entry64;
typedef uint32_t __attribute__((aligned(1), may_alias)) phys_entry32;

/* Reads one aligned page-table entry of 4 or 8 bytes, in one load where the memory is mapped. */
static inline int phys_read_entry(struct phys *p, uint64_t at, unsigned size, uint64_t *ret)
{
    size_t avail;
    const uint8_t *q = phys_ptr(p, at, &avail);
    if (__builtin_expect(q && avail >= size, 1)) {
        *ret = size == 8 ? *(const volatile phys_entry64 *)q : *(const volatile phys_entry32 *)q;
        return ST_OK;
    }
    uint64_t v = 0;
    int st = phys_read(p, at, &v, size, NULL);
    if (st == ST_OK)
        *ret = v;
    return st;
}

/*
 * The next piece of memory at or after `at` that may hold anything but zeros: its start, and its
 * end in *end. Passes over holes and, where the source knows them, untouched pages. UINT64_MAX when
 * nothing follows. Scans and sparse dumps should go by it: reading untouched memory of a live guest
 * takes time, and where it is shared the host allocates it.
 *
 *     for (uint64_t end, at = 0; (at = phys_next_data(p, at, &end)) != UINT64_MAX; at = end)
 *         look at [at, end);
 */
uint64_t phys_next_data(struct phys *p, uint64_t at, uint64_t *end);

/* Bytes that are there, and one past the highest address (0 when empty). */
uint64_t phys_size(const struct phys *p);
uint64_t phys_end(const struct phys *p);

#endif

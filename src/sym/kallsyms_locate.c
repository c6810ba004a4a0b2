/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the kallsyms tables in a kernel image. The order of the tables (scripts/kallsyms.c), each
 * aligned to a pointer, since 7.0 to 4 bytes:
 *
 *     until 6.1  offsets, relative_base, num_syms, names, markers, token_table, token_index
 *     6.2, 6.3   offsets, relative_base, num_syms, names, markers, seqs_of_names, token_table,
 *                token_index
 *     since 6.4  num_syms, names, markers, token_table, token_index, offsets, relative_base,
 *                seqs_of_names
 *     since 7.0  num_syms, names, markers, token_table, token_index, offsets, seqs_of_names
 *
 * (Stable releases of 6.1 have the order of 6.2.)
 *
 * Only the token table has a shape of its own. From it the search goes back to the markers, over
 * the names to num_syms, and each step must agree with the next: a marker is the offset of every
 * 256th name, and the names fill the room before the markers. A guest can forge all this many times
 * over, so the work on candidates has a bound.
 */
#include "sym/kallsyms_inner.h"

#define MAX_MARKERS (KALLSYMS_MAX_SYMS / KALLSYMS_MARKER)
#define MAX_BLOCK   (KALLSYMS_MARKER * 520u) /* bytes of 256 names; KSYM_NAME_LEN: 512 since 6.1 */
#define WORK        (64u << 20)    /* table entries looked at for all candidates together */
#define NEAR        (256ull << 20) /* the kernel's image lies within this of any part of it */

struct finder {
    const uint8_t *p;
    uint64_t n;
    const struct kallsyms_image *image;
    unsigned ptr;
    unsigned align;  /* of the tables of the candidate that is looked at */
    uint64_t work;   /* what is left */
    const char *why; /* how far the best candidate came */
};

static bool spend(struct finder *f, uint64_t steps)
{
    if (f->work < steps) {
        f->work = 0;
        return false;
    }
    f->work -= steps;
    return true;
}

static uint64_t align_up(const struct finder *f, uint64_t at)
{
    return (at + f->align - 1) & ~(uint64_t)(f->align - 1);
}

static uint64_t read_pointer(const struct finder *f, uint64_t at)
{
    return f->ptr == 8 ? le64(f->p + at) : le32(f->p + at);
}

/*
 * Do the token table and its index describe each other? On success *end is the first byte behind
 * the last token.
 */
static bool tokens_agree(const struct finder *f, uint64_t table, uint64_t index, uint64_t *end)
{
    uint64_t at = 0;

    if (!in_bounds(index, KALLSYMS_INDEX, f->n) || table >= f->n)
        return false;
    for (unsigned i = 0; i < KALLSYMS_TOKENS; i++) {
        if (le16(f->p + index + 2 * i) != at)
            return false;
        for (;;) {
            if (at > UINT16_MAX || table + at >= f->n)
                return false;
            if (!f->p[table + at++])
                break;
        }
    }
    *end = table + at;
    return true;
}

/*
 * Walks n names from `names`, all before `limit`; returns where they end, or 0. When there are
 * markers, every one must name the place of its name.
 */
static uint64_t walk_names(struct finder *f, uint64_t names, uint64_t n, uint64_t limit,
                           uint64_t markers)
{
    uint64_t pos = names;

    for (uint64_t i = 0; i < n; i++) {
        uint64_t codes;
        uint32_t len;
        if (i % KALLSYMS_MARKER == 0) {
            if (!spend(f, KALLSYMS_MARKER))
                return 0;
            if (markers && le32(f->p + markers + i / KALLSYMS_MARKER * 4) != pos - names)
                return 0;
        }
        if (!kallsyms_name(f->p, limit, pos, &codes, &len))
            return 0;
        pos = codes + len;
    }
    return pos;
}

/*
 * Tokens expanded as far as a comparison with a short name needs: is the name at `pos`, type left
 * out, this text?
 */
static bool name_is(const struct finder *f, const struct kallsyms_layout *l, uint64_t pos,
                    const char *text)
{
    uint64_t codes;
    uint32_t len;
    bool type = true;

    if (!kallsyms_name(f->p, l->names_end, pos, &codes, &len))
        return false;
    for (uint32_t i = 0; i < len; i++) {
        uint64_t at = l->token_table + le16(f->p + l->token_index + 2 * f->p[codes + i]);
        for (; at < f->n && f->p[at]; at++) {
            if (!type && f->p[at] != (uint8_t)*text++)
                return false;
            type = false;
        }
    }
    return !*text;
}

/* Does _text or _stext stand among the first symbols of the image proper? */
static bool has_text_symbol(struct finder *f, const struct kallsyms_layout *l)
{
    uint64_t pos = l->names, from = l->encoding == KALLSYMS_RELATIVE_PERCPU ? l->relative_base : 0;
    unsigned looked_at = 0;

    for (uint64_t i = 0; i < l->num_syms && looked_at < 64; i++) {
        uint64_t codes;
        uint32_t len;
        if (!kallsyms_name(f->p, l->names_end, pos, &codes, &len))
            return false;
        if (kallsyms_address(f->image, l, i) >= from) {
            looked_at++;
            if (name_is(f, l, pos, "_text") || name_is(f, l, pos, "_stext"))
                return true;
        }
        pos = codes + len;
    }
    return false;
}

/* Can the kernel have a symbol here? */
static bool in_kernel(const struct finder *f, uint64_t base)
{
    if (f->ptr == 8 ? base >> 52 != 0xfff : base < 0x10000)
        return false;
    if (!f->image->va)
        return true;
    uint64_t low = f->image->va - NEAR, high = f->image->va + f->n + NEAR;
    if (f->ptr == 4) {
        low = f->image->va > NEAR ? low : 0;
        high = MIN_OF(high, UINT32_MAX);
    }
    return base >= low && (base <= high || high < low);
}

/* Are the addresses ascending, but for a few (the kernel searches them by halves, so they are)? */
static bool ascending(struct finder *f, const struct kallsyms_layout *l)
{
    uint64_t last = 0, descents = 0, allowed = l->num_syms / 256;
    bool based = l->encoding == KALLSYMS_RELATIVE || l->encoding == KALLSYMS_RELATIVE_PERCPU,
         base_met = !based;

    if (!in_bounds(l->offsets, l->num_syms * l->offset_size, f->n))
        return false;
    for (uint64_t i = 0; i < l->num_syms; i++) {
        uint64_t address = kallsyms_address(f->image, l, i);
        if (i % KALLSYMS_MARKER == 0 && !spend(f, KALLSYMS_MARKER))
            return false;
        if (address < last && ++descents > allowed)
            return false;
        /*
         * relative_base is the address of the lowest symbol that is not absolute
         * (record_relative_base).
         */
        if (!base_met && address >= l->relative_base) {
            if (address != l->relative_base)
                return false;
            base_met = true;
        }
        last = address;
    }
    /* The middle one is in the kernel whatever the form: per-CPU symbols are few. */
    return base_met && in_kernel(f, kallsyms_address(f->image, l, l->num_syms / 2));
}

static bool try_encoding(struct finder *f, struct kallsyms_layout *l, int encoding,
                         uint64_t offsets, unsigned size)
{
    struct kallsyms_layout tried = *l;

    tried.encoding = encoding;
    tried.offsets = offsets;
    tried.offset_size = size;
    if (!ascending(f, &tried))
        return false;
    tried.named = has_text_symbol(f, &tried);
    *l = tried;
    return true;
}

/* Offsets at a place, relative_base at another. */
static bool try_relative(struct finder *f, struct kallsyms_layout *l, uint64_t offsets,
                         uint64_t base_at)
{
    if (!in_bounds(base_at, f->ptr, f->n) || !in_bounds(offsets, 4 * l->num_syms, f->n))
        return false;
    l->relative_base = read_pointer(f, base_at);
    return in_kernel(f, l->relative_base) &&
           (try_encoding(f, l, KALLSYMS_RELATIVE, offsets, 4) ||
            try_encoding(f, l, KALLSYMS_RELATIVE_PERCPU, offsets, 4));
}

/*
 * The offsets, wherever a layout has them, once num_syms (at `num_at`), the names and the tokens
 * are settled.
 */
static bool find_offsets(struct finder *f, struct kallsyms_layout *l, uint64_t num_at)
{
    uint64_t n = l->num_syms, behind = align_up(f, l->token_index + KALLSYMS_INDEX),
             size = align_up(f, 4 * n);

    f->why = "names and tokens agree, but no table of ascending addresses lies beside them";
    if (try_relative(f, l, behind, behind + size)) {
        l->seqs_of_names = behind + size + f->ptr; /* which is a multiple of `align` */
    } else if (f->image->va && try_encoding(f, l, KALLSYMS_RELATIVE_PLACE, behind, 4)) {
        l->relative_base = 0;
        l->seqs_of_names = behind + size;
    } else if (num_at >= size + f->ptr &&
               try_relative(f, l, num_at - f->ptr - size, num_at - f->ptr)) {
        return true;
    } else if (num_at >= n * f->ptr &&
               try_encoding(f, l, KALLSYMS_ABSOLUTE, num_at - n * f->ptr, f->ptr)) {
        l->relative_base = 0;
        return true;
    } else if (try_encoding(f, l, KALLSYMS_ABSOLUTE, behind, f->ptr)) {
        l->relative_base = 0;
        l->seqs_of_names = behind + n * f->ptr;
    } else {
        return false;
    }
    if (!in_bounds(l->seqs_of_names, 3 * n, f->n))
        l->seqs_of_names = 0;
    return true;
}

/*
 * Names in front of `markers` (of which there are `count`): the room's start is known but for the
 * last block, whose size is not; num_syms in front of it must fit the markers, and the walk over
 * the names must end at the markers.
 */
static bool find_names(struct finder *f, uint64_t markers, uint64_t count,
                       struct kallsyms_layout *l)
{
    uint64_t last = le32(f->p + markers + (count - 1) * 4);

    if (last >= markers)
        return false;
    uint64_t high = (markers - last) & ~(uint64_t)(f->align - 1);
    uint64_t low = high > MAX_BLOCK ? high - MAX_BLOCK : 0;
    for (uint64_t names = high; names >= low + f->align; names -= f->align) {
        uint64_t n = le32(f->p + names - f->align);
        if (!n || (n + KALLSYMS_MARKER - 1) / KALLSYMS_MARKER != count)
            continue;
        if (f->align == 8 && le32(f->p + names - 4))
            continue;
        uint64_t end = walk_names(f, names, n, markers, markers);
        if (!end || align_up(f, end) != markers)
            continue;
        l->num_syms = n;
        l->names = names;
        l->names_end = end;
        l->markers = markers;
        if (find_offsets(f, l, names - f->align))
            return true;
    }
    return spend(f, (high - low) / f->align) && false;
}

/* Markers that end at `end`, counted back to the first, which is 0. */
static bool find_markers(struct finder *f, uint64_t end, uint64_t *markers, uint64_t *count)
{
    uint64_t at = end, last = UINT64_MAX, n = 0;

    if (f->align == 8 && at >= 8 && !le32(f->p + at - 4))
        at -= 4; /* padding */
    while (at >= 4 && n < MAX_MARKERS) {
        uint64_t value = le32(f->p + at - 4);
        if (value >= last)
            break;
        last = value;
        at -= 4;
        n++;
        if (!value) {
            *markers = at;
            *count = n;
            return spend(f, n) && at % f->align == 0;
        }
    }
    spend(f, n);
    return false;
}

/* Are these `count` markers ascending, from 0? */
static bool markers_ascend(struct finder *f, uint64_t markers, uint64_t count)
{
    uint64_t last = 0;

    for (uint64_t i = 1; i < count; i++) {
        uint64_t value = le32(f->p + markers + 4 * i);
        if (value <= last || value - last > MAX_BLOCK)
            return spend(f, i) && false;
        last = value;
    }
    return spend(f, count);
}

/*
 * 6.2 and 6.3: three bytes a symbol lie between the markers and the tokens, so that the markers'
 * end is not known.
 */
static bool find_before_seqs(struct finder *f, uint64_t token_table, struct kallsyms_layout *l)
{
    uint64_t most = MIN_OF(token_table, (uint64_t)MAX_MARKERS * (4 + 3 * KALLSYMS_MARKER));

    for (uint64_t room = f->align; room <= most; room += f->align) {
        uint64_t markers = token_table - room;
        if (le32(f->p + markers))
            continue;
        uint64_t count = (room + 4 + 3 * KALLSYMS_MARKER - 1) / (4 + 3 * KALLSYMS_MARKER);
        /* Padding can push the room over the edge of one marker more. */
        for (uint64_t c = count; c && c + 1 >= count; c--) {
            uint64_t seqs = align_up(f, markers + 4 * c);
            if (seqs >= token_table || !markers_ascend(f, markers, c) ||
                !find_names(f, markers, c, l))
                continue;
            if (align_up(f, seqs + 3 * l->num_syms) == token_table) {
                l->seqs_of_names = seqs;
                return true;
            }
        }
    }
    return spend(f, most / f->align) && false;
}

/* The tables around a token table that was checked. */
static bool find_around(struct finder *f, uint64_t token_table, uint64_t token_index,
                        bool seqs_between, struct kallsyms_layout *ret)
{
    struct kallsyms_layout l = {.token_table = token_table, .token_index = token_index};
    uint64_t markers, count;

    f->why = "a token table, but no names and markers in front of it";
    if (seqs_between) {
        if (!find_before_seqs(f, token_table, &l))
            return false;
    } else if (!find_markers(f, token_table, &markers, &count) ||
               !find_names(f, markers, count, &l)) {
        return false;
    }
    *ret = l;
    return true;
}

/*
 * The next place at or after `from` where the tokens of the ten digits stand: "0\0001\0" to "9\0",
 * since each digit stands for itself. Of any 20 bytes four lie at a multiple of 16, so that is how
 * finely one must look.
 */
static bool find_digits(const struct finder *f, uint64_t from, uint64_t *ret)
{
    static const uint8_t digits[20] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";

    for (uint64_t at = (from + 15) & ~15ull; at + 4 <= f->n; at += 16) {
        uint32_t v = le32(f->p + at);
        if ((v & 0xff00ff00) && (v & 0x00ff00ff))
            continue;
        unsigned odd = v & 0xff ? 0 : 1;
        uint32_t digit = (v >> 8 * odd & 0xff) - '0';
        if (digit > 8 || (v >> 8 * odd) - '0' != digit + (digit + 1 + '0') * 0x10000)
            continue;
        uint64_t back = 2 * digit;
        if (at + odd < back || !in_bounds(at + odd - back, sizeof digits, f->n) ||
            at + odd - back < from)
            continue;
        if (memcmp(f->p + at + odd - back, digits, sizeof digits))
            continue;
        *ret = at + odd - back;
        return true;
    }
    return false;
}

/*
 * The token table around the digits at `zero`: its end, then the index, which tells where it
 * begins.
 */
static bool tokens_around(const struct finder *f, uint64_t zero, uint64_t *table, uint64_t *index)
{
    uint64_t at = zero, end;

    for (unsigned i = '0'; i < KALLSYMS_TOKENS; i++) {
        const uint8_t *stop = memchr(f->p + at, 0, MIN_OF(f->n - at, 1024u));
        if (!stop)
            return false;
        at = (uint64_t)(stop - f->p) + 1;
    }
    *index = align_up(f, at);
    if (!in_bounds(*index, KALLSYMS_INDEX, f->n))
        return false;
    uint64_t before = le16(f->p + *index + 2 * '0');
    if (before > zero)
        return false;
    *table = zero - before;
    return *table % f->align == 0 && tokens_agree(f, *table, *index, &end) && end == at;
}

/*
 * The tables around the digits at `zero`, in either alignment. *tokens tells whether there was a
 * token table at least.
 */
static bool find_at(struct finder *f, uint64_t zero, bool seqs_between, bool *tokens,
                    struct kallsyms_layout *ret)
{
    for (f->align = f->ptr; f->align >= 4; f->align -= 4) {
        uint64_t table, index;
        if (!spend(f, KALLSYMS_TOKENS) || !tokens_around(f, zero, &table, &index))
            continue;
        *tokens = true;
        if (find_around(f, table, index, seqs_between, ret))
            return true;
    }
    return false;
}

/*
 * One pass over the image. Tables in which _text is named end it; others are kept while better ones
 * are looked for.
 */
static bool search(struct finder *f, bool seqs_between, bool *found, struct kallsyms_layout *ret)
{
    uint64_t zero, from = 0;
    bool tokens = false;

    while (f->work && find_digits(f, from, &zero)) {
        struct kallsyms_layout l;
        from = zero + 1;
        if (!find_at(f, zero, seqs_between, &tokens, &l))
            continue;
        if (!*found || l.named)
            *ret = l;
        *found = true;
        if (l.named)
            break;
    }
    return tokens;
}

/* An address of the hint as an offset into the image. */
static bool hinted(const struct finder *f, uint64_t va, uint64_t len, uint64_t *ret)
{
    if (!va || va < f->image->va || !in_bounds(va - f->image->va, len, f->n))
        return false;
    *ret = va - f->image->va;
    return true;
}

/* vmcoreinfo names either offsets and relative_base, or addresses alone, or (7.0) offsets alone. */
static bool hinted_offsets(struct finder *f, const struct kallsyms_hint *hint,
                           struct kallsyms_layout *l)
{
    uint64_t offsets, base_at;

    if (!hinted(f, hint->offsets, 4 * l->num_syms, &offsets))
        return false;
    if (hint->relative_base)
        return hinted(f, hint->relative_base, f->ptr, &base_at) &&
               try_relative(f, l, offsets, base_at);
    return try_encoding(f, l, KALLSYMS_RELATIVE_PLACE, offsets, 4) ||
           try_encoding(f, l, KALLSYMS_ABSOLUTE, offsets, f->ptr);
}

/* Since 7.0 the hint tells the alignment: num_syms takes 4 bytes, then it is names' turn. */
static bool follow_hint(struct finder *f, const struct kallsyms_hint *hint,
                        struct kallsyms_layout *ret)
{
    struct kallsyms_layout l = {0};
    uint64_t num_at, end;

    if (!f->image->va || !hinted(f, hint->num_syms, 4, &num_at) ||
        !hinted(f, hint->names, 1, &l.names) || !hinted(f, hint->token_table, 1, &l.token_table) ||
        !hinted(f, hint->token_index, KALLSYMS_INDEX, &l.token_index))
        return false;
    f->align = l.names == num_at + 4 ? 4 : f->ptr;
    l.num_syms = le32(f->p + num_at);
    if (!l.num_syms || l.num_syms > KALLSYMS_MAX_SYMS ||
        !tokens_agree(f, l.token_table, l.token_index, &end))
        return false;
    l.names_end = walk_names(f, l.names, l.num_syms, f->n, 0);
    if (!l.names_end)
        return false;
    uint64_t markers = align_up(f, l.names_end),
             count = (l.num_syms + KALLSYMS_MARKER - 1) / KALLSYMS_MARKER;
    if (in_bounds(markers, 4 * count, f->n) && !le32(f->p + markers) &&
        markers_ascend(f, markers, count))
        l.markers = markers;
    if (!hinted_offsets(f, hint, &l))
        return false;
    *ret = l;
    return true;
}

int kallsyms_locate(const struct kallsyms_image *image, const struct kallsyms_hint *hint,
                    struct diag *d, struct kallsyms_layout *ret)
{
    struct finder f = {image->bytes.p,  image->bytes.n, image, image->ptr_size,
                       image->ptr_size, WORK,           NULL};
    bool found = false;

    if ((image->ptr_size != 4 && image->ptr_size != 8) || image->va % image->ptr_size)
        return diag_fail(d, ST_INVALID, "kallsyms: pointers of %u bytes, image at %#llx",
                         image->ptr_size, (unsigned long long)image->va);
    if (hint && follow_hint(&f, hint, ret))
        return ST_OK;
    f.work = WORK;
    bool tokens = search(&f, false, &found, ret);
    if (tokens && !found)
        search(&f, true, &found, ret);
    if (found)
        return ST_OK;
    if (!tokens)
        return diag_fail(d, ST_ABSENT, "kallsyms: no token table in %llu bytes at %#llx",
                         (unsigned long long)f.n, (unsigned long long)image->va);
    return diag_fail(d, f.work ? ST_BROKEN : ST_LIMIT, "kallsyms: %s (%llu bytes at %#llx)%s",
                     f.why, (unsigned long long)f.n, (unsigned long long)image->va,
                     f.work ? "" : "; gave up after many candidates");
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes the dump formats that the lab has no producer for. Run by lab/convert, whose --help says
 * what for.
 *
 *   convert lime|avml|avml-old IN OUT START:END:OFFSET...   numbers as strtoull reads them; END
 * exclusive; OFFSET into IN convert kdump-lzo|kdump-snappy|kdump-zstd|kdump-plain IN OUT
 *
 * Formats: LiME: lime.h of LiME 1.9, struct lime_range (s_addr, e_addr inclusive). AVML 0.14: the
 * same header with another magic and version 2, then a stream in snappy's framing format, then that
 * stream's length as 8 bytes. Snappy framing: framing_format.txt of snappy. kdump: diskdump_mod.h
 * of makedumpfile 1.7.2. All little-endian, and so must this machine be.
 */
#include <errno.h>
#include <lzo/lzo1x.h>
#include <snappy-c.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "convert: %s: %s\n", what, detail);
    exit(1);
}

static const uint8_t *map(const char *path, size_t *ret_size)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st))
        die(path, strerror(errno));
    void *p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        die(path, strerror(errno));
    close(fd);
    *ret_size = st.st_size;
    return p;
}

static void put(FILE *out, const void *data, size_t size)
{
    if (fwrite(data, 1, size, out) != size)
        die("write", strerror(errno));
}

/* --- LiME and AVML --- */

enum { CHUNK = 1 << 16 }; /* the most that snappy's framing allows in one chunk */
static const uint64_t AVML_BLOCK = 16 << 20;

static uint32_t crc32c(const uint8_t *data, size_t size)
{
    static uint32_t table[256];
    if (!table[1])
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int bit = 0; bit < 8; bit++)
                c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
            table[i] = c;
        }
    uint32_t crc = ~0u;
    while (size--)
        crc = table[(crc ^ *data++) & 255] ^ crc >> 8;
    return ~crc;
}

/* Compressed chunks, and plain ones where compression gains less than an eighth, as the Rust
 * encoder that AVML uses decides it. */
static uint64_t put_snappy_stream(FILE *out, const uint8_t *data, uint64_t size)
{
    static const uint8_t identifier[10] = "\xff\x06\x00\x00sNaPpY";
    static char packed[CHUNK + CHUNK / 6 + 64];
    uint64_t written = sizeof(identifier);

    put(out, identifier, sizeof(identifier));
    while (size) {
        size_t n = size < CHUNK ? size : CHUNK, length = sizeof(packed);
        if (snappy_compress((const char *)data, n, packed, &length) != SNAPPY_OK)
            die("snappy", "compression failed");
        int plain = length >= n - n / 8;
        size_t body = 4 + (plain ? n : length);
        uint32_t crc = crc32c(data, n), masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8;
        uint8_t head[8] = {plain, body, body >> 8, body >> 16};
        memcpy(head + 4, &masked, 4);
        put(out, head, sizeof(head));
        put(out, plain ? (const void *)data : packed, body - 4);
        written += sizeof(head) + body - 4;
        data += n;
        size -= n;
    }
    return written;
}

static void put_range(FILE *out, const char *format, const uint8_t *data, uint64_t start,
                      uint64_t end)
{
    int avml = format[0] == 'a';
    struct {
        uint32_t magic, version;
        uint64_t start, last, reserved;
    } header = {avml ? 0x4c4d5641 : 0x4c694d45, avml ? 2 : 1, start, end - 1, 0};

    put(out, &header, sizeof(header));
    if (avml) {
        uint64_t length = put_snappy_stream(out, data, end - start);
        put(out, &length, sizeof(length));
    } else {
        put(out, data, end - start);
    }
}

static void convert_ranges(const char *format, const uint8_t *in, size_t in_size, FILE *out,
                           char *ranges[])
{
    for (; *ranges; ranges++) {
        char *rest;
        uint64_t start = strtoull(*ranges, &rest, 0),
                 end = *rest == ':' ? strtoull(rest + 1, &rest, 0) : 0,
                 offset = *rest == ':' ? strtoull(rest + 1, &rest, 0) : 0;
        if (*rest || end <= start || offset > in_size || end - start > in_size - offset)
            die("not a range of this dump", *ranges);
        /* AVML since 0.4 starts a new block every 16 MiB; before, a range was one stream. LiME
         * never splits. */
        uint64_t step = strcmp(format, "avml") ? end - start : AVML_BLOCK;
        for (uint64_t at = start; at < end; at += step)
            put_range(out, format, in + offset + (at - start), at,
                      end - at < step ? end : at + step);
    }
}

/* --- kdump --- */

enum { ZLIB = 1, LZO = 2, SNAPPY = 4, ZSTD = 32, ALL = ZLIB | LZO | SNAPPY | ZSTD };

struct page_desc {
    uint64_t offset;
    uint32_t size, flags;
    uint64_t page_flags;
};

static size_t pack(unsigned method, const uint8_t *page, size_t size, void *ret, size_t room)
{
    static uint8_t work[LZO1X_1_MEM_COMPRESS];
    size_t length = room;
    lzo_uint lzo_length = room;

    switch (method) {
    case LZO:
        return lzo1x_1_compress(page, size, ret, &lzo_length, work) == LZO_E_OK ? lzo_length : size;
    case SNAPPY:
        return snappy_compress((const char *)page, size, ret, &length) == SNAPPY_OK ? length : size;
    case ZSTD:
        length = ZSTD_compress(ret, room, page, size, 1);
        return ZSTD_isError(length) ? size : length;
    }
    return size;
}

/* Same headers and bitmaps; every page unpacked and packed anew. Descriptors that shared data
 * (QEMU's zero page) share it again. */
static void convert_kdump(unsigned method, const uint8_t *in, size_t in_size, FILE *out)
{
    if (in_size < 4096 || memcmp(in, "KDUMP   ", 8))
        die("input", "not a plain kdump (flattened? makedumpfile -R rearranges it)");
    /* struct disk_dump_header has a struct timeval before status, so the ABI of the machine that
     * wrote it moves the rest */
    size_t status_at = 424;
    int32_t block_size, sub_blocks;
    uint32_t bitmap_blocks, status;
    memcpy(&block_size, in + status_at + 4, 4);
    if (block_size != 4096 && block_size != 16384 && block_size != 65536)
        memcpy(&block_size, in + (status_at = 412) + 4, 4);
    if (block_size != 4096 && block_size != 16384 && block_size != 65536)
        die("input", "unknown header layout");
    memcpy(&sub_blocks, in + status_at + 8, 4);
    memcpy(&bitmap_blocks, in + status_at + 12, 4);
    size_t table_at = (size_t)(1 + sub_blocks + bitmap_blocks) * block_size,
           bitmap_at = (size_t)(1 + sub_blocks) * block_size;
    if (table_at > in_size)
        die("input", "truncated");

    uint64_t pages = 0;
    for (size_t i = bitmap_at + bitmap_blocks / 2 * block_size; i < table_at;
         i++) /* the second bitmap: pages that are there */
        pages += __builtin_popcount(in[i]);
    if (pages * sizeof(struct page_desc) > in_size - table_at)
        die("input", "truncated");
    struct page_desc *table = malloc(pages * sizeof(*table) + 1);
    uint8_t *page = malloc(block_size), *packed = malloc(block_size * 2 + 1024);
    if (!table || !page || !packed)
        die("memory", strerror(ENOMEM));
    memcpy(table, in + table_at, pages * sizeof(*table));

    put(out, in, table_at);
    put(out, table, pages * sizeof(*table)); /* filled in at the end */
    uint64_t at = table_at + pages * sizeof(*table), zero_from = 0, zero_to = 0;
    uint32_t zero_size = 0, zero_flags = 0;
    for (uint64_t i = 0; i < pages; i++) {
        struct page_desc *d = &table[i];
        if (d->offset == zero_from && zero_from) {
            d->offset = zero_to, d->size = zero_size, d->flags = zero_flags;
            continue;
        }
        uLongf length = block_size;
        if (d->offset > in_size || d->size > in_size - d->offset)
            die("input", "a page lies outside of the file");
        if (d->flags & ZLIB) {
            if (uncompress(page, &length, in + d->offset, d->size) != Z_OK ||
                length != (uLongf)block_size)
                die("input", "a page does not unpack");
        } else if (!(d->flags & ALL) && d->size == (uint32_t)block_size) {
            memcpy(page, in + d->offset, block_size);
        } else {
            die("input", "pages are neither plain nor zlib");
        }
        uint64_t from = d->offset;
        size_t size = pack(method, page, block_size, packed, block_size * 2 + 1024);
        d->flags = size < (size_t)block_size ? method : 0;
        d->size = d->flags ? size : (size_t)block_size;
        d->offset = at;
        put(out, d->flags ? packed : page, d->size);
        at += d->size;
        if (!zero_from && page[0] == 0 && !memcmp(page, page + 1, block_size - 1))
            zero_from = from, zero_to = d->offset, zero_size = d->size, zero_flags = d->flags;
    }
    memcpy(&status, in + status_at, 4);
    status = (status & ~ALL) | method;
    if (fseek(out, status_at, SEEK_SET))
        die("seek", strerror(errno));
    put(out, &status, 4);
    if (fseek(out, table_at, SEEK_SET))
        die("seek", strerror(errno));
    put(out, table, pages * sizeof(*table));
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        unsigned method;
    } kdumps[] = {
        {"kdump-lzo", LZO}, {"kdump-snappy", SNAPPY}, {"kdump-zstd", ZSTD}, {"kdump-plain", 0}};

    if (argc < 4)
        die("usage", "convert FORMAT IN OUT [START:END:OFFSET...]");
    size_t in_size;
    const uint8_t *in = map(argv[2], &in_size);
    FILE *out = fopen(argv[3], "w");
    if (!out)
        die(argv[3], strerror(errno));
    int known = 0;
    for (size_t i = 0; i < sizeof(kdumps) / sizeof(*kdumps); i++)
        if (!strcmp(argv[1], kdumps[i].name))
            convert_kdump(kdumps[i].method, in, in_size, out), known = 1;
    if (!strcmp(argv[1], "lime") || !strcmp(argv[1], "avml") || !strcmp(argv[1], "avml-old"))
        convert_ranges(argv[1], in, in_size, out, argv + 4), known = 1;
    if (!known)
        die("unknown format", argv[1]);
    if (fclose(out))
        die(argv[3], strerror(errno));
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows' debugger block: searched, parsed plain, decoded with keys out of the input; and UTF-16
 * made UTF-8. */
#include <stdlib.h>

#include "os/windows/kdbg.h"
#include "os/windows/windows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct bytes block, unsigned ptr_size, uint64_t base)
{
    struct kdbg k;
    struct kdbg_offsets o;
    uint64_t v;
    if (kdbg_parse(block, ptr_size, base, &k) != ST_OK)
        return;
    if (k.size > KDBG_MAX || k.size > block.n)
        abort();
    for (size_t i = 0; kdbg_each(&k, i, &v); i++)
        if (ptr_size == 4 && v >> 32)
            abort();
    (void)!kdbg_field(&k, "PsActiveProcessHead", &v);
    kdbg_offsets(&k, &o);
}

static void text(const uint8_t *data, size_t size)
{
    static const size_t sizes[] = {0, 1, 4, 5, 6, 17, 512};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *buf = malloc(sizes[i] + 1); /* exact, so that a sanitizer sees an overrun */
        char *exact = realloc(buf, sizes[i] ? sizes[i] : 1);
        win_utf8(data, size, exact, sizes[i]);
        if (sizes[i] && strlen(exact) >= sizes[i])
            abort();
        free(exact);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes all = {data, size};
    uint8_t block[KDBG_MAX];
    text(data, size);
    if (size < 32)
        return 0;
    unsigned ptr_size = data[0] & 1 ? 4 : 8;
    size_t n = 0;
    for (size_t at = 0; (at = kdbg_search(all, at)) < size && n < 64; at += 4, n++) {
        struct bytes found = bytes_sub(all, at, size - at);
        ask(found, ptr_size,
            found.n >= 32 ? ptr_size == 4 ? le32(found.p + 24) : le64(found.p + 24) : 0);
    }
    n = MIN_OF(size - 24, sizeof block);
    memcpy(block, data + 24, n);
    kdbg_decode(block, n, le64(data), le64(data + 8), le64(data + 16));
    if (n >= 32)
        ask((struct bytes){block, n}, 8, le64(block + 24));
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* What a xenstore daemon may say: the first byte chooses the request, the second how many bytes
 * come at once, the rest is the stream. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xen/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct plat_xen {
    const uint8_t *p;
    size_t n, step;
};

long plat_xen_store_write(struct plat_xen *x, const void *p, size_t n)
{
    (void)x, (void)p;
    return (long)n;
}

long plat_xen_store_read(struct plat_xen *x, void *p, size_t n, uint64_t timeout_ns)
{
    size_t take = MIN_OF(MIN_OF(n, x->n), x->step);
    (void)timeout_ns;
    if (!take)
        return -EIO;
    memcpy(p, x->p, take);
    x->p += take;
    x->n -= take;
    return (long)take;
}

void plat_xen_store_close(struct plat_xen *x)
{
    x->n = 0;
}

static int take_name(void *data, const char *name)
{
    size_t *sum = data;
    *sum += strlen(name);
    return *sum > 100000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char buf[64], token[64];
    size_t n = 0, sum = 0;
    if (size < 2)
        return 0;
    struct plat_xen daemon = {data + 2, size - 2, data[1] + 1u};
    struct xen x = {.plat = &daemon};
    for (unsigned i = 0; i < 4; i++) {
        switch (data[0] & 3) {
        case 0:
            if (xen_store_read(&x, "/a", buf, sizeof buf, &n) == ST_OK &&
                (n >= sizeof buf || buf[n]))
                abort();
            break;
        case 1:
            (void)!xen_store_list(&x, "/a", take_name, &sum);
            break;
        case 2:
            (void)!xen_store_watch(&x, "/a", "t");
            break;
        default:
            break;
        }
        for (unsigned k = 0; k < 2 * STORE_EVENTS_MAX &&
                             xen_store_event(&x, buf, sizeof buf, token, sizeof token) == ST_OK;
             k++)
            if (strlen(buf) >= sizeof buf || strlen(token) >= sizeof token)
                abort();
    }
    xen_store_close(&x);
    return 0;
}

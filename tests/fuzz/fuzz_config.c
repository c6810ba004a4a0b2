/* SPDX-License-Identifier: BSD-2-Clause */
/* LibVMI's configuration text, as a file and as one entry's body. */
#include "vmi/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {data, size};
    for (int body_only = 0; body_only < 2; body_only++) {
        struct config *c = NULL;
        struct diag d = {0};
        int st = config_parse(text, "vm1", body_only, &d, &c);
        if ((st == ST_OK) != (c != NULL) || (st != ST_OK && !d.text[0]))
            __builtin_trap();
        config_free(c);
    }
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The JSON tokenizer and its helpers: slices stay inside the document, escapes keep to their
 * buffer.
 */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json j, found;
    struct bytes doc = {data, size};
    char buf[16];
    int64_t value;
    size_t tokens = 0;

    json_init(&j, doc);
    while (json_next(&j) != JSON_END && j.token != JSON_ERROR) {
        if (++tokens > size || j.depth > JSON_DEPTH)
            abort();
        if (j.token != JSON_KEY && j.token != JSON_STRING && j.token != JSON_INTEGER &&
            j.token != JSON_REAL)
            continue;
        if (j.text.n && (j.text.p < data || j.text.p + j.text.n > data + size))
            abort();
        size_t whole = json_unescape(j.text, buf, sizeof buf);
        if (strlen(buf) >= sizeof buf || (whole < sizeof buf && whole != strlen(buf)))
            abort();
        if (whole < sizeof buf && (j.token == JSON_KEY || j.token == JSON_STRING) &&
            !json_is(&j, buf))
            abort();
        (void)json_i64(&j, &value);
    }
    if (j.token == JSON_ERROR && (!j.error || !json_line(&j)))
        abort();
    json_init(&j, doc);
    while (json_next(&j) == JSON_OBJECT || j.token == JSON_ARRAY)
        ;
    json_skip(&j);
    (void)json_find(doc, "a.0.b", &found);
    (void)json_find(doc, "", &found);
    (void)json_find_text(doc, "a", buf, sizeof buf);
    return 0;
}

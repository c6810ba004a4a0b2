/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two dialects of profiles share. Private to profile.c, isf.c and rekall.c. */
#ifndef TINYVMI_SYM_PROFILE_INNER_H
#define TINYVMI_SYM_PROFILE_INNER_H

#include "core/json.h"
#include "sym/profile.h"
#include "sym/symlist.h"
#include "sym/typebook.h"

#define PROFILE_NAME 1024 /* bytes of a name whose escapes are undone */

struct profile_parser {
    struct json json;
    struct typebook *types;
    struct symlist *symbols;
    enum vmi_os_kind os;
    unsigned ptr_size;
    bool isf, rekall; /* what the keys at the top belong to */
    char banner[256];
    char name[PROFILE_NAME]; /* room for profile_name */
};

/*
 * The value of a key at the top of the document, the key being the newest token. False when it is
 * not this dialect's. A damaged document leaves JSON_ERROR.
 */
bool isf_section(struct profile_parser *p);
bool rekall_section(struct profile_parser *p);

/* Describes what a Rekall profile leaves undescribed, once all of it was read. */
void rekall_end(struct profile_parser *p);

/*
 * Goes to the value of the newest key; true when it begins an object. What is none is passed over.
 */
static inline bool profile_object(struct profile_parser *p)
{
    if (json_next(&p->json) == JSON_OBJECT)
        return true;
    json_skip(&p->json);
    return false;
}

/* The next key of the object that was entered; false at its end. */
static inline bool profile_key(struct profile_parser *p)
{
    return json_next(&p->json) == JSON_KEY;
}

/*
 * The text of the newest token, escapes undone. Those that have some are valid until the next call.
 */
struct bytes profile_name(struct profile_parser *p);

/*
 * The newest key's value when it is an integer, signed ones as two's complement; else passed over.
 */
bool profile_u64(struct profile_parser *p, uint64_t *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The profile as json-c sees it, and look-ups in any such object: ISF (Volatility 3) or Rekall. The
 * library itself reads profiles with its own streaming parser; a tree of 50 MB of JSON is built
 * only for programs that ask for it.
 */
#define LIBVMI_EXTRA_JSON
#include <libvmi/libvmi_extra.h>

#include "sym/isf_write.h"
#include "vmi/access.h"
#include "vmi/config.h"
#include "vmi/json.h"
#include "vmi/profile_file.h"

/* Anonymous structs and unions inside one another, as deep as any compiler's output goes. */
enum { MAX_DEPTH = 32, MAX_STRUCTS = 1 << 16 };

void json_close(vmi_instance_t vmi)
{
    if (vmi->json)
        json_object_put(vmi->json);
    vmi->json = NULL;
}

/* ---- dialects -------------------------------------------------------------------------------- */

static json_object *member(json_object *o, const char *name)
{
    json_object *v;
    return o && json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, name, &v)
               ? v
               : NULL;
}

static json_object *element(json_object *o, size_t i)
{
    return o && json_object_is_type(o, json_type_array) && i < json_object_array_length(o)
               ? json_object_array_get_idx(o, i)
               : NULL;
}

static bool is_isf(json_object *json)
{
    return member(json, "metadata") != NULL;
}

static bool number(json_object *o, uint64_t *ret)
{
    if (!o || !json_object_is_type(o, json_type_int))
        return false;
    *ret = json_object_get_uint64(o);
    if (json_object_get_int64(o) <
        0) /* addresses of the kernel are above INT64_MAX, or written as negative numbers */
        *ret = (uint64_t)json_object_get_int64(o);
    return true;
}

static json_object *isf_struct(json_object *json, const char *name)
{
    return member(member(json, "user_types"), name);
}

static json_object *rekall_struct(json_object *json, const char *name)
{
    return member(member(json, "$STRUCTS"), name);
}

static os_t os_of_profile(json_object *json)
{
    json_object *meta = member(json, "metadata");
    if (meta)
        return member(meta, "windows") ? VMI_OS_WINDOWS
               : member(meta, "mac")   ? VMI_OS_OSX
                                       : VMI_OS_LINUX;
    meta = member(json, "$METADATA");
    if (!meta)
        return VMI_OS_UNKNOWN;
    const char *class = json_object_get_string(member(meta, "ProfileClass"));
    return class && strcmp(class, "Linux") == 0 ? VMI_OS_LINUX : VMI_OS_WINDOWS;
}

/* ---- loading --------------------------------------------------------------------------------- */

struct parsing {
    struct json_tokener *tokener;
    json_object *made;
};

static int parse_piece(const void *bytes, size_t n, void *data)
{
    struct parsing *p = data;
    if (p->made || n > INT32_MAX)
        return n > INT32_MAX; /* what follows the document is white space */
    p->made = json_tokener_parse_ex(p->tokener, bytes, (int)n);
    return !p->made && json_tokener_get_error(p->tokener) != json_tokener_continue;
}

/* JSON as it is; every other form of a profile as the ISF that it amounts to. */
static int parse(struct bytes b, struct parsing *to, struct diag *d)
{
    struct profile p;
    if (b.n && (b.p[0] == '{' || b.p[0] <= ' '))
        return parse_piece(b.p, b.n, to)
                   ? diag_fail(d, ST_BROKEN, "it is no JSON: %s",
                               json_tokener_error_desc(json_tokener_get_error(to->tokener)))
                   : ST_OK;
    int st = profile_open(b, d, &p);
    if (st != ST_OK)
        return st;
    st = isf_write(&p, 0, 0, parse_piece, to, d);
    profile_close(&p);
    return st;
}

static json_object *load(vmi_instance_t vmi, const char *path)
{
    struct profile_file f;
    struct parsing p = {.tokener = json_tokener_new_ex(64)};
    diag_clear(&vmi->diag);
    int st = p.tokener ? profile_file_load(path, &vmi->diag, &f)
                       : diag_fail(&vmi->diag, ST_NOMEM, "no memory for JSON");
    if (st == ST_OK) {
        st = parse(f.bytes, &p, &vmi->diag);
        profile_file_close(&f);
        if (st == ST_OK && !p.made)
            st = diag_fail(&vmi->diag, ST_BROKEN, "it is no JSON: it breaks off");
        if (st != ST_OK)
            diag_wrap(&vmi->diag, st, "%s", path);
    }
    if (p.tokener)
        json_tokener_free(p.tokener);
    json_object *json = p.made;
    if (st != ST_OK) {
        json_object_put(json);
        vmi_fail(vmi, st, NULL);
        return NULL;
    }
    if (os_of_profile(json) != VMI_OS_UNKNOWN)
        return json;
    json_object_put(json);
    vmi_fail(vmi, ST_BROKEN,
             "%s is no profile: it has neither \"metadata\" (ISF) nor \"$METADATA\" (Rekall)",
             path);
    return NULL;
}

json_object *vmi_get_kernel_json(vmi_instance_t vmi)
{
    const char *path = vmi_get_rekall_path(vmi);
    if (!vmi)
        return NULL;
    if (!path && !vmi->json)
        vmi_fail(vmi, ST_ABSENT, "no JSON profile was given");
    if (!vmi->json && path)
        vmi->json = load(vmi, path);
    return vmi->json;
}

os_t vmi_init_profile(vmi_instance_t vmi, vmi_config_t config_mode, void *config)
{
    struct config *c;
    vmi_init_error_t missing;
    if (!vmi)
        return VMI_OS_UNKNOWN;
    int st = config_load(vmi, config_mode, config, &c, &missing);
    if (st != ST_OK) {
        vmi_fail(vmi, st, NULL);
        return VMI_OS_UNKNOWN;
    }
    const char *path = config_profile(c);
    os_t os = c->ostype;
    json_object *json = NULL;
    if (path && vmi->json) {
        vmi_fail(vmi, ST_INVALID, "this instance has a profile already: %s",
                 vmi_get_rekall_path(vmi));
        os = VMI_OS_UNKNOWN;
    } else if (path) {
        json = load(vmi, path);
        os = json ? os_of_profile(json) : VMI_OS_UNKNOWN;
    } else if (os == VMI_OS_UNKNOWN) {
        vmi_fail(vmi, ST_INVALID, "the configuration has neither a profile nor an ostype");
    }
    if (os == VMI_OS_UNKNOWN) {
        config_free(c);
        return os;
    }
    if (json)
        vmi->json = json;
    config_take_profile(c, vmi->config);
    config_free(vmi->config);
    vmi->config = c;
    vmi->profile_os = os;
    paging_from_config(vmi, c->page_mode);
    return os;
}

/* ---- look-ups -------------------------------------------------------------------------------- */

/* All of them need a loaded profile, an object and a name. */
static bool can_look(vmi_instance_t vmi, json_object *json, const char *name, const void *result)
{
    if (!vmi)
        return false;
    if (json && name && result && vmi_get_kernel_json(vmi))
        return true;
    if (vmi->json)
        vmi_fail(vmi, ST_INVALID, "no JSON object, name or place for the result was given");
    return false;
}

status_t vmi_get_symbol_addr_from_json(vmi_instance_t vmi, json_object *json, const char *symbol,
                                       addr_t *addr)
{
    if (!can_look(vmi, json, symbol, addr))
        return VMI_FAILURE;
    json_object *v = is_isf(json) ? member(member(member(json, "symbols"), symbol), "address")
                                  : member(member(json, "$CONSTANTS"), symbol);
    if (!v)
        v = member(member(json, "$FUNCTIONS"), symbol);
    return number(v, addr) ? VMI_SUCCESS
                           : vmi_fail(vmi, ST_ABSENT, "the profile has no symbol %.128s", symbol);
}

status_t vmi_get_struct_size_from_json(vmi_instance_t vmi, json_object *json,
                                       const char *struct_name, size_t *size)
{
    uint64_t v;
    if (!can_look(vmi, json, struct_name, size))
        return VMI_FAILURE;
    if (!number(is_isf(json) ? member(isf_struct(json, struct_name), "size")
                             : element(rekall_struct(json, struct_name), 0),
                &v))
        return vmi_fail(vmi, ST_ABSENT, "the profile has no structure %.128s", struct_name);
    *size = (size_t)v;
    return VMI_SUCCESS;
}

/* A member of a structure, in either dialect's own form, and its offset. */
struct found_member {
    json_object *member; /* ISF: {type, offset}; Rekall: [offset, [type, ...]] */
    uint64_t offset;
};

/* Names of anonymous types: dwarf2json's "unnamed_...", pdbconv's and Rekall's "__unnamed_..." and
 * "<unnamed-tag>". */
static bool is_anonymous(const char *type)
{
    return type && (strncmp(type, "unnamed", 7) == 0 || strncmp(type, "__unnamed", 9) == 0 ||
                    strstr(type, "anonymous") || strstr(type, "<unnamed"));
}

/* The type of an embedded structure whose members count as the outer one's; NULL: none. */
static const char *anonymous_type(bool isf, const char *name, json_object *m)
{
    if (!isf) {
        const char *type = json_object_get_string(element(element(m, 1), 0));
        return is_anonymous(type) ? type : NULL;
    }
    json_object *type = member(m, "type");
    const char *kind = json_object_get_string(member(type, "kind"));
    json_object *anonymous = member(m, "anonymous");
    if (!kind || (strcmp(kind, "struct") != 0 && strcmp(kind, "union") != 0))
        return NULL;
    if (anonymous ? !json_object_get_boolean(anonymous) : !is_anonymous(name))
        return NULL;
    return json_object_get_string(member(type, "name"));
}

static json_object *fields_of(json_object *json, const char *type)
{
    return is_isf(json) ? member(isf_struct(json, type), "fields")
                        : element(rekall_struct(json, type), 1);
}

/* `budget`: structures that may still be looked into. A file whose structures hold each other would
 * otherwise be walked for ever. */
static bool find_member(json_object *json, const char *type, const char *name, unsigned depth,
                        unsigned *budget, struct found_member *ret)
{
    bool isf = is_isf(json);
    json_object *fields = fields_of(json, type), *m = member(fields, name);
    uint64_t offset;
    if (m && number(isf ? member(m, "offset") : element(m, 0), &ret->offset)) {
        ret->member = m;
        return true;
    }
    if (!fields || depth == MAX_DEPTH || !*budget || !json_object_is_type(fields, json_type_object))
        return false;
    --*budget;
    json_object_object_foreach(fields, key, value)
    {
        const char *inner = anonymous_type(isf, key, value);
        if (!inner || !number(isf ? member(value, "offset") : element(value, 0), &offset) ||
            !find_member(json, inner, name, depth + 1, budget, ret))
            continue;
        ret->offset += offset;
        return true;
    }
    return false;
}

status_t vmi_get_struct_member_offset_from_json(vmi_instance_t vmi, json_object *json,
                                                const char *struct_name, const char *struct_member,
                                                addr_t *offset)
{
    struct found_member m;
    unsigned budget = MAX_STRUCTS;
    if (!can_look(vmi, json, struct_name, struct_member ? offset : NULL))
        return VMI_FAILURE;
    if (!fields_of(json, struct_name))
        return vmi_fail(vmi, ST_ABSENT, "the profile has no structure %.128s", struct_name);
    *offset = 0;
    if (!find_member(json, struct_name, struct_member, 0, &budget, &m))
        return vmi_fail(vmi, ST_ABSENT, "the profile's structure %.64s has no member %.64s",
                        struct_name, struct_member);
    *offset = m.offset;
    return VMI_SUCCESS;
}

status_t vmi_get_bitfield_offset_and_size_from_json(vmi_instance_t vmi, json_object *json,
                                                    const char *struct_name,
                                                    const char *struct_member, addr_t *offset,
                                                    size_t *start_bit, size_t *end_bit)
{
    uint64_t at, first, end;
    if (!can_look(vmi, json, struct_name, struct_member))
        return VMI_FAILURE;
    json_object *m = member(fields_of(json, struct_name), struct_member);
    bool isf = is_isf(json);
    json_object *type = isf ? member(m, "type") : element(element(m, 1), 1);
    bool ok = number(isf ? member(m, "offset") : element(m, 0), &at) &&
              number(member(type, isf ? "bit_position" : "start_bit"), &first) &&
              number(member(type, isf ? "bit_length" : "end_bit"), &end);
    if (!ok)
        return vmi_fail(vmi, ST_ABSENT, "the profile has no bit field %.64s.%.64s", struct_name,
                        struct_member);
    if (offset)
        *offset = at;
    if (start_bit)
        *start_bit = (size_t)first;
    if (end_bit)
        *end_bit = (size_t)(isf ? first + end : end);
    return VMI_SUCCESS;
}

status_t vmi_get_struct_field_type_name_from_json(vmi_instance_t vmi, json_object *json,
                                                  const char *struct_name,
                                                  const char *struct_member,
                                                  const char **member_type_name)
{
    struct found_member m;
    unsigned budget = MAX_STRUCTS;
    if (!can_look(vmi, json, struct_name, struct_member ? member_type_name : NULL))
        return VMI_FAILURE;
    if (!is_isf(json))
        return vmi_fail(vmi, ST_UNSUPPORTED, "only ISF profiles have the names of types");
    const char *name = find_member(json, struct_name, struct_member, 0, &budget, &m)
                           ? json_object_get_string(member(member(m.member, "type"), "name"))
                           : NULL;
    if (!name)
        return vmi_fail(vmi, ST_ABSENT, "the type of %.64s.%.64s has no name in the profile",
                        struct_name, struct_member);
    *member_type_name = name;
    return VMI_SUCCESS;
}

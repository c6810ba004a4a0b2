/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The object manager's objects: type and name.
 *
 * In front of an object's body is its header. Until Vista it points to the type; since Windows 7 it
 * has an index into ObTypeIndexTable, since Windows 10 mixed with a byte of the header's address
 * and with ObHeaderCookie. The name stands in front of the header: NameInfoOffset bytes before it,
 * or, since Windows 7, behind the creator's information when InfoMask says that there is one.
 *
 * Without a profile the table is found in the image by what it must hold; where that fails, the
 * types that drivers use are exported (PsProcessType, IoFileObjectType, ...): each leads to its
 * name and its index. The cookie follows from a process' header, whose index is known; a second
 * process proves it.
 */
#include <stdio.h>

#include "os/windows/windows.h"

enum { HAS_CREATOR = 1, HAS_NAME = 2, MAX_PARTS = 64, MAX_TRIES = 1 << 16, MAX_IMAGE = 64 << 20 };

static uint64_t header_of(const struct windows_view *w, uint64_t object)
{
    return object - w->m[W_header_body].off;
}

/* ---- type ---- */

static int type_text(const struct windows_view *w, uint64_t type, char *buf, size_t size)
{
    if (!win_has(w, W_type_name) || !win_kernel_pointer(w, type))
        return ST_ABSENT;
    return win_unicode(w, &w->v->kernel, type + w->m[W_type_name].off, buf, size);
}

static uint8_t index_of(const struct windows_view *w, uint64_t header, uint64_t raw)
{
    if (w->type_encoded)
        raw ^= (header >> 8 & 0xff) ^ w->type_cookie;
    return (uint8_t)raw;
}

void win_object_type(const struct windows_view *w, uint64_t object, char *buf, size_t size)
{
    const struct aspace *as = &w->v->kernel;
    uint64_t header = header_of(w, object), n, type;
    buf[0] = '\0';
    if (win_ptr(w, as, header, W_header_type, &type) == ST_OK) {
        if (type_text(w, type, buf, size) != ST_OK)
            buf[0] = '\0';
        return;
    }
    if (win_read(w, as, header, W_header_type_index, 1, &n) != ST_OK)
        return;
    uint8_t index = index_of(w, header, n);
    if (w->type_table) {
        if (read_ptr(as, w->v->ptr_size, w->type_table + (uint64_t)index * w->v->ptr_size, &type) !=
                ST_OK ||
            type_text(w, type, buf, size) != ST_OK)
            buf[0] = '\0';
        return;
    }
    for (unsigned i = 0; i < w->nr_types; i++)
        if (w->type[i].index == index)
            snprintf(buf, size, "%s", w->type[i].name);
}

/* ---- what tells types without a profile ---- */

static void know(struct windows_view *w, enum layout_id id, uint32_t off32, uint32_t off64)
{
    if (!w->m[id].how)
        w->m[id] =
            (struct win_member){.off = w->v->ptr_size == 8 ? off64 : off32, .how = HOW_INFERRED};
}

static void unknow(struct windows_view *w, enum layout_id id)
{
    if (w->m[id].how == HOW_INFERRED)
        w->m[id] = (struct win_member){0};
}

/* _OBJECT_TYPE.Index since Windows 7, public PDBs. */
static uint32_t index_offset(const struct windows_view *w)
{
    return w->v->ptr_size == 8 ? 0x28 : 0x14;
}

/* The types that are exported, when they are called what they should be; their indices too. */
static void exported_types(struct windows_view *w)
{
    static const struct {
        const char *variable, *name;
    } types[] = {{"PsProcessType", "Process"},
                 {"PsThreadType", "Thread"},
                 {"IoFileObjectType", "File"},
                 {"ExEventObjectType", "Event"},
                 {"SeTokenObjectType", "Token"},
                 {"MmSectionObjectType", "Section"},
                 {"CmKeyObjectType", "Key"},
                 {"ExSemaphoreObjectType", "Semaphore"},
                 {"IoDriverObjectType", "Driver"},
                 {"IoDeviceObjectType", "Device"},
                 {"ExMutantObjectType", "Mutant"},
                 {"ExTimerObjectType", "Timer"},
                 {"PsJobType", "Job"},
                 {"ExDesktopObjectType", "Desktop"},
                 {"ExWindowStationObjectType", "WindowStation"}};
    for (size_t i = 0; i < ARRAY_LEN(types) && w->nr_types < ARRAY_LEN(w->type); i++) {
        uint64_t at, type;
        uint8_t index;
        char name[32];
        if (win_symbol(w, types[i].variable, &at) != ST_OK ||
            read_ptr(&w->v->kernel, w->v->ptr_size, at, &type) != ST_OK ||
            type_text(w, type, name, sizeof name) != ST_OK || strcmp(name, types[i].name) ||
            aspace_read(&w->v->kernel, GVA(type + index_offset(w)), &index, 1, NULL) != ST_OK)
            continue;
        w->type[w->nr_types++] = (struct win_known_type){types[i].name, index};
    }
}

/* Is this entry `i` of the table, with this name (NULL: any)? */
static bool is_type(const struct windows_view *w, uint64_t type, uint8_t i, const char *want)
{
    uint8_t index;
    char name[32];
    return aspace_read(&w->v->kernel, GVA(type + index_offset(w)), &index, 1, NULL) == ST_OK &&
           index == i && type_text(w, type, name, sizeof name) == ST_OK && name[0] &&
           (!want || !strcmp(name, want));
}

/*
 * ObTypeIndexTable without its symbol: in the image, entries 2 and up are pointers to types that
 * have that index; the second is the type of types. Fills w->type_table and the process' row.
 */
static bool find_type_table(struct windows_view *w)
{
    uint8_t page[4096 + 8 * 8];
    unsigned ps = w->v->ptr_size, tries = MAX_TRIES;
    for (uint64_t rva = 0; rva + 4096 <= MIN_OF(w->image.size, MAX_IMAGE); rva += 4096) {
        size_t got = 0;
        (void)!aspace_read(&w->v->kernel, GVA(w->base + rva), page, sizeof page, &got);
        for (size_t i = 0; i < 4096 && i + 6 * ps <= got; i += ps) {
            uint64_t type[6];
            bool good = true;
            for (unsigned k = 2; k < 6; k++) {
                type[k] = ps == 8 ? le64(page + i + k * ps) : le32(page + i + k * ps);
                good = good && win_kernel_pointer(w, type[k]) && type[k] - w->base >= w->image.size;
            }
            if (good && !tries--)
                return false;
            for (uint8_t k = 2; good && k < 6; k++)
                good = is_type(w, type[k], k, k == 2 ? "Type" : NULL);
            if (!good)
                continue;
            w->type_table = w->base + rva + i;
            return true;
        }
    }
    return false;
}

/* Every name of the table, so that a process' index is known. */
static void read_type_table(struct windows_view *w)
{
    uint64_t type;
    for (unsigned i = 2; i < 64; i++)
        if (read_ptr(&w->v->kernel, w->v->ptr_size, w->type_table + i * w->v->ptr_size, &type) ==
                ST_OK &&
            is_type(w, type, (uint8_t)i, "Process"))
            w->type[w->nr_types++] = (struct win_known_type){"Process", (uint8_t)i};
}

static int two_processes(const struct vmi_process *p, void *data)
{
    uint64_t *object = data;
    object[object[0] ? 1 : 0] = p->object;
    return object[1] != 0;
}

/* The cookie out of two processes' headers; false: they do not agree. */
static bool find_cookie(struct windows_view *w)
{
    uint64_t object[2] = {0}, n;
    uint8_t cookie[2];
    struct vmi_outcome o = {0};
    const struct win_known_type *process = NULL;
    for (unsigned i = 0; i < w->nr_types; i++)
        if (!strcmp(w->type[i].name, "Process"))
            process = &w->type[i];
    if (!process || win_processes(w->v, 0, two_processes, object, &o) != ST_OK || !object[1])
        return false;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t header = header_of(w, object[i]);
        if (win_read(w, &w->v->kernel, header, W_header_type_index, 1, &n) != ST_OK)
            return false;
        cookie[i] = (uint8_t)(n ^ process->index ^ (w->type_encoded ? header >> 8 & 0xff : 0));
    }
    w->type_cookie = cookie[0];
    /* not encoded: both are what the type says */
    return cookie[0] == cookie[1] && (w->type_encoded || !cookie[0]);
}

static void without_profile(struct windows_view *w)
{
    char name[16] = "";
    uint64_t type;
    if (!w->system_process)
        return;
    if (w->major == 5 || (w->major == 6 && !w->minor)) {
        know(w, W_header_type, 0x08, 0x10);
        know(w, W_header_name_offset, 0x0c, 0x18);
        know(w, W_type_name, 0x40, 0x78);
        /* proved by what System is */
        if (win_ptr(w, &w->v->kernel, header_of(w, w->system_process), W_header_type, &type) !=
                ST_OK ||
            type_text(w, type, name, sizeof name) != ST_OK || strcmp(name, "Process")) {
            unknow(w, W_header_type);
            unknow(w, W_header_name_offset);
            unknow(w, W_type_name);
        }
        return;
    }
    know(w, W_type_name, 0x08, 0x10);
    know(w, W_header_type_index, 0x0c, 0x18);
    know(w, W_header_info, 0x0e, 0x1a);
    w->type_encoded = w->major >= 10;
    if (find_type_table(w))
        read_type_table(w);
    else
        exported_types(w);
    if (!find_cookie(w)) {
        unknow(w, W_type_name);
        unknow(w, W_header_type_index);
        unknow(w, W_header_info);
        w->nr_types = 0;
        w->type_table = 0;
    }
}

void win_objects_open(struct windows_view *w)
{
    uint64_t at;
    uint8_t cookie;
    if (!win_has(w, W_header_type) && !win_has(w, W_header_type_index)) {
        without_profile(w);
        return;
    }
    (void)!win_symbol(w, "ObTypeIndexTable", &w->type_table);
    if (win_symbol(w, "ObHeaderCookie", &at) == ST_OK && win_has(w, W_header_type_index) &&
        aspace_read(&w->v->kernel, GVA(at), &cookie, 1, NULL) == ST_OK) {
        w->type_encoded = true;
        w->type_cookie = cookie;
    }
}

/* ---- name ---- */

/* Where its OBJECT_HEADER_NAME_INFO is (Directory, then Name); false: it has none. */
static bool name_info(const struct windows_view *w, uint64_t object, uint64_t *ret)
{
    const struct aspace *as = &w->v->kernel;
    uint64_t header = header_of(w, object), n;
    if (win_read(w, as, header, W_header_name_offset, 1, &n) != ST_OK) {
        if (win_read(w, as, header, W_header_info, 1, &n) != ST_OK || !(n & HAS_NAME))
            return false;
        /* that and OBJECT_HEADER_CREATOR_INFO have four pointers' size */
        n = 4 * w->v->ptr_size * (n & HAS_CREATOR ? 2 : 1);
    }
    *ret = header - n;
    return n != 0;
}

/* Puts "\text" in front of what `path` holds from *at on; false: it does not fit. */
static bool prepend(char *path, size_t *at, const char *text)
{
    size_t n = strlen(text);
    if (n + 1 > *at)
        return false;
    *at -= n + 1;
    path[*at] = '\\';
    memcpy(path + *at + 1, text, n);
    return true;
}

/* The object's path: its name behind those of the directories that it is in. A name without a
 * directory stands alone (a window station's desktops). */
static void own_name(const struct windows_view *w, uint64_t object, char *buf, size_t size)
{
    const struct aspace *as = &w->v->kernel;
    char path[1024], name[512];
    size_t at = sizeof path - 1;
    uint64_t info;
    bool rooted = false;
    path[at] = '\0';
    for (unsigned i = 0; i < MAX_PARTS && object && !rooted && name_info(w, object, &info); i++) {
        if (win_unicode(w, as, info + w->v->ptr_size, name, sizeof name) != ST_OK || !name[0])
            break;
        rooted = !strcmp(name, "\\");
        if ((!rooted || !path[at]) && !prepend(path, &at, rooted ? "" : name))
            break;
        if (read_ptr(as, w->v->ptr_size, info, &object) != ST_OK || !win_kernel_pointer(w, object))
            object = 0;
    }
    snprintf(buf, size, "%s", path + at + (path[at] && !rooted));
}

static void file_name(struct windows_view *w, uint64_t object, char *buf, size_t size)
{
    const struct aspace *as = &w->v->kernel;
    uint64_t device;
    char path[768] = "", name[256] = "";
    if (win_ptr(w, as, object, W_file_device, &device) == ST_OK && win_kernel_pointer(w, device))
        own_name(w, device, name, sizeof name);
    (void)!win_unicode(w, as, object + w->m[W_file_name].off, path, sizeof path);
    snprintf(buf, size, "%s%s", name, path);
}

/* One name of a key, in front of what `buf` holds from *at on; false: it does not fit, or is not
 * there. */
static bool key_part(const struct windows_view *w, uint64_t kcb, char *buf, size_t *at)
{
    const struct aspace *as = &w->v->kernel;
    uint64_t block, length, compressed;
    uint8_t raw[512];
    char text[2 * sizeof raw + 1];
    if (win_ptr(w, as, kcb, W_kcb_name, &block) != ST_OK || !win_kernel_pointer(w, block) ||
        win_read(w, as, block, W_key_name_length, 2, &length) != ST_OK ||
        win_read(w, as, block, W_key_compressed, 1, &compressed) != ST_OK ||
        !win_has(w, W_key_name) || !length || length > sizeof raw ||
        aspace_read(as, GVA(block + w->m[W_key_name].off), raw, (size_t)length, NULL) != ST_OK)
        return false;
    size_t n = 0;
    if (compressed & 1) /* one byte a character: Latin-1 */
        for (size_t i = 0; i < length; i++)
            n += put_utf8(raw[i], text + n);
    else {
        win_utf8(raw, (size_t)length, text, sizeof text);
        n = strlen(text);
    }
    text[n] = '\0';
    return prepend(buf, at, text);
}

static void key_name(struct windows_view *w, uint64_t object, char *buf, size_t size)
{
    char path[1024];
    size_t at = sizeof path - 1;
    uint64_t kcb;
    path[at] = '\0';
    if (win_ptr(w, &w->v->kernel, object, W_key_block, &kcb) != ST_OK)
        return;
    for (unsigned i = 0; i < MAX_PARTS && win_kernel_pointer(w, kcb); i++) {
        if (!key_part(w, kcb, path, &at) ||
            win_ptr(w, &w->v->kernel, kcb, W_kcb_parent, &kcb) != ST_OK)
            break;
    }
    snprintf(buf, size, "%s", path + at);
}

void win_object_name(struct windows_view *w, uint64_t object, const char *type, char *buf,
                     size_t size)
{
    struct vmi_process p;
    buf[0] = '\0';
    if (!strcmp(type, "File"))
        file_name(w, object, buf, size);
    else if (!strcmp(type, "Key"))
        key_name(w, object, buf, size);
    else if (!strcmp(type, "Process") && win_process_read(w, object, &p) == ST_OK)
        snprintf(buf, size, "%s", p.comm);
    else
        own_name(w, object, buf, size);
}

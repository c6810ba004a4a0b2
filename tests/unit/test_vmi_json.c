/* SPDX-License-Identifier: BSD-2-Clause */
/* Profiles as json-c objects: both dialects, and what a failed one leaves behind. */
#include <stdio.h>
#include <unistd.h>

#define LIBVMI_EXTRA_JSON
#include <libvmi/libvmi_extra.h>

#include "vmi_fake.h"

static const char isf[] =
    "{\"metadata\": {\"linux\": {}, \"format\": \"6.2.0\"},"
    " \"symbols\": {\"init_task\": {\"address\": 18446744071600000000}, \"low\": {\"address\": "
    "4096}},"
    " \"user_types\": {"
    "  \"outer\": {\"size\": 64, \"fields\": {"
    "    \"first\": {\"offset\": 0, \"type\": {\"kind\": \"base\", \"name\": \"int\"}},"
    "    \"flag\": {\"offset\": 4, \"type\": {\"kind\": \"bitfield\", \"bit_position\": 3, "
    "\"bit_length\": 2,"
    "                                        \"type\": {\"kind\": \"base\", \"name\": \"int\"}}},"
    "    \"unnamed_field_8\": {\"offset\": 8, \"anonymous\": true, \"type\": {\"kind\": \"union\", "
    "\"name\": \"unnamed_1\"}},"
    "    \"named\": {\"offset\": 32, \"type\": {\"kind\": \"struct\", \"name\": \"inner\"}}}},"
    "  \"unnamed_1\": {\"size\": 8, \"fields\": {\"deep\": {\"offset\": 4, \"type\": {\"kind\": "
    "\"struct\", \"name\": \"list\"}},"
    "    \"again\": {\"offset\": 0, \"anonymous\": true, \"type\": {\"kind\": \"struct\", "
    "\"name\": \"unnamed_1\"}}}},"
    "  \"inner\": {\"size\": 8, \"fields\": {\"hidden\": {\"offset\": 0, \"type\": {\"kind\": "
    "\"base\", \"name\": \"int\"}}}}}}";

static const char rekall[] = "{\"$METADATA\": {\"ProfileClass\": \"Linux\"}, \"$CONSTANTS\": "
                             "{\"init_task\": 4096}, \"$FUNCTIONS\": {\"schedule\": 8192},"
                             " \"$STRUCTS\": {\"outer\": [64, {\"first\": [0, [\"int\", {}]],"
                             "   \"flag\": [4, [\"BitField\", {\"start_bit\": 3, \"end_bit\": "
                             "5}]], \"u\": [8, [\"__unnamed_1\"]],"
                             "   \"named\": [32, [\"inner\"]]}],"
                             "  \"__unnamed_1\": [8, {\"deep\": [4, [\"int\", {}]]}], \"inner\": "
                             "[8, {\"hidden\": [0, [\"int\", {}]]}]}}";

static char path[64];

static const char *file_with(const char *text)
{
    strcpy(path, "/tmp/tinyvmi-profile-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void check(vmi_instance_t vmi, json_object *json, bool has_names)
{
    addr_t at = 77;
    size_t size = 77, first = 0, end = 0;
    const char *name = "unchanged";
    assert_int_equal(vmi_get_struct_size_from_json(vmi, json, "outer", &size), VMI_SUCCESS);
    assert_int_equal(size, 64);
    assert_int_equal(vmi_get_struct_member_offset_from_json(vmi, json, "outer", "first", &at),
                     VMI_SUCCESS);
    assert_int_equal(at, 0);
    assert_int_equal(vmi_get_struct_member_offset_from_json(vmi, json, "outer", "deep", &at),
                     VMI_SUCCESS);
    assert_int_equal(at, 12); /* inside an anonymous one */
    assert_int_equal(vmi_get_struct_member_offset_from_json(vmi, json, "outer", "hidden", &at),
                     VMI_FAILURE);
    assert_int_equal(at, 0); /* not inside a named one */
    at = 77;
    assert_int_equal(vmi_get_struct_member_offset_from_json(vmi, json, "nothing", "first", &at),
                     VMI_FAILURE);
    assert_int_equal(at, 77);
    assert_int_equal(
        vmi_get_bitfield_offset_and_size_from_json(vmi, json, "outer", "flag", &at, &first, &end),
        VMI_SUCCESS);
    assert_true(at == 4 && first == 3 && end == 5);
    assert_int_equal(
        vmi_get_bitfield_offset_and_size_from_json(vmi, json, "outer", "flag", NULL, NULL, NULL),
        VMI_SUCCESS);
    assert_int_equal(
        vmi_get_bitfield_offset_and_size_from_json(vmi, json, "outer", "first", &at, &first, &end),
        VMI_FAILURE);
    assert_int_equal(vmi_get_struct_field_type_name_from_json(vmi, json, "outer", "deep", &name),
                     has_names ? VMI_SUCCESS : VMI_FAILURE);
    assert_string_equal(name, has_names ? "list" : "unchanged");
    assert_int_equal(vmi_get_struct_size_from_json(vmi, NULL, "outer", &size), VMI_FAILURE);
    assert_int_equal(vmi_get_struct_size_from_json(vmi, json, NULL, &size), VMI_FAILURE);
    assert_int_equal(vmi_get_symbol_addr_from_json(vmi, json, "nothing", &at), VMI_FAILURE);
}

static void isf_profiles(void **state)
{
    struct fake *f = fake_new(false);
    addr_t at = 0;
    (void)state;
    assert_null(vmi_get_kernel_json(f->vmi));
    json_object *own = json_tokener_parse(isf);
    assert_int_equal(vmi_get_symbol_addr_from_json(f->vmi, own, "low", &at),
                     VMI_FAILURE); /* no profile was loaded yet */
    assert_int_equal(
        vmi_init_profile(f->vmi, VMI_CONFIG_JSON_PATH, (void *)(uintptr_t)file_with(isf)),
        VMI_OS_LINUX);
    assert_int_equal(vmi_get_ostype(f->vmi), VMI_OS_LINUX);
    assert_string_equal(vmi_get_rekall_path(f->vmi), path);
    assert_string_equal(vmi_get_os_profile_path(f->vmi), path);
    json_object *json = vmi_get_kernel_json(f->vmi);
    assert_non_null(json);
    check(f->vmi, json, true);
    check(f->vmi, own, true);
    assert_int_equal(vmi_get_symbol_addr_from_json(f->vmi, json, "init_task", &at), VMI_SUCCESS);
    assert_true(at == 18446744071600000000ULL);
    assert_int_equal(vmi_init_profile(f->vmi, VMI_CONFIG_JSON_PATH, path),
                     VMI_OS_UNKNOWN); /* a second one */
    assert_ptr_equal(vmi_get_kernel_json(f->vmi), json);
    json_object_put(own);
    unlink(path);
    fake_free(f);
}

static void rekall_profiles(void **state)
{
    struct fake *f = fake_new(false);
    char text[256];
    addr_t at = 0;
    (void)state;
    assert_int_equal(vmi_init_profile(f->vmi, VMI_CONFIG_JSON_PATH,
                                      (void *)(uintptr_t)file_with("{ \"metadata\": ")),
                     VMI_OS_UNKNOWN);
    assert_story(f->vmi, "no JSON");
    unlink(path);
    assert_int_equal(
        vmi_init_profile(f->vmi, VMI_CONFIG_JSON_PATH, (void *)(uintptr_t)file_with("{ }")),
        VMI_OS_UNKNOWN);
    assert_story(f->vmi, "no profile");
    unlink(path);
    assert_int_equal(vmi_init_profile(f->vmi, VMI_CONFIG_JSON_PATH, "/nonexistent"),
                     VMI_OS_UNKNOWN);
    snprintf(text, sizeof text, "{ rekall_profile = \"%s\"; pagemode = \"VMI_PM_IA32E\"; }",
             file_with(rekall));
    assert_int_equal(vmi_init_profile(f->vmi, VMI_CONFIG_STRING, text),
                     VMI_OS_LINUX); /* the failed ones do not count */
    assert_int_equal(vmi_get_page_mode(f->vmi, 0), VMI_PM_IA32E);
    check(f->vmi, vmi_get_kernel_json(f->vmi), false);
    assert_int_equal(
        vmi_get_symbol_addr_from_json(f->vmi, vmi_get_kernel_json(f->vmi), "schedule", &at),
        VMI_SUCCESS);
    assert_int_equal(at, 8192);
    unlink(path);
    fake_free(f);
}

/* Structures that hold each other twice: 2 to the 32nd ways down. */
static void structures_in_circles(void **state)
{
    static const char text[] =
        "{\"metadata\": {\"linux\": {}}, \"symbols\": {}, \"user_types\": {\"a\": {\"size\": 8, "
        "\"fields\": {"
        " \"unnamed_1\": {\"offset\": 0, \"type\": {\"kind\": \"struct\", \"name\": \"a\"}},"
        " \"unnamed_2\": {\"offset\": 4, \"type\": {\"kind\": \"struct\", \"name\": "
        "\"a\"}}}}}}";
    struct fake *f = fake_new(false);
    addr_t at = 77;
    const char *name = "";
    (void)state;
    assert_int_equal(
        vmi_init_profile(f->vmi, VMI_CONFIG_JSON_PATH, (void *)(uintptr_t)file_with(text)),
        VMI_OS_LINUX);
    json_object *json = vmi_get_kernel_json(f->vmi);
    assert_int_equal(vmi_get_struct_member_offset_from_json(f->vmi, json, "a", "b", &at),
                     VMI_FAILURE);
    assert_int_equal(vmi_get_struct_field_type_name_from_json(f->vmi, json, "a", "b", &name),
                     VMI_FAILURE);
    unlink(path);
    fake_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(isf_profiles),
                                       cmocka_unit_test(rekall_profiles),
                                       cmocka_unit_test(structures_in_circles)};
    return cmocka_run_group_tests_name("vmi json", tests, NULL, NULL);
}

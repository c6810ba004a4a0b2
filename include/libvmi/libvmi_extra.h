/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls whose types come from other libraries. Define before this header
 *
 *   LIBVMI_EXTRA_GLIB  for the lists of pages. <glib.h> is include/compat/glib.h, which comes with
 *                      the library, or the real one if the library was built with GLIB=system: the
 *                      two differ in how they allocate, so a program and the library must agree.
 *   LIBVMI_EXTRA_JSON  for the profiles, with json-c
 */
#ifndef LIBVMI_EXTRA_H
#define LIBVMI_EXTRA_H

#include <libvmi/libvmi.h>

#ifdef LIBVMI_EXTRA_GLIB
#include <glib.h>
#endif

#ifdef LIBVMI_EXTRA_JSON
#include <json-c/json.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifdef LIBVMI_EXTRA_GLIB

/**
 * All pages that a page table maps, the kernel's and the user's, in the instance's mode: a list of
 * `page_info_t *`, the highest address first. Each has `vaddr` (sign-extended), `paddr`, `size`,
 * `pt` and the entries of its levels; `pm`, `npt` and `npm` are 0. A large page is one element. For
 * Windows, of entries in sequence that are identical only the first is listed. A table that cannot
 * be read is skipped, and tables that refer to themselves end. NULL if nothing is mapped, and for
 * modes other than the x86 and EPT ones. The caller frees each element with free() or g_free(), and
 * the list with g_slist_free().
 */
VMI_API GSList *vmi_get_va_pages(vmi_instance_t vmi, addr_t pt) NOEXCEPT;

/** The same with everything given; `npt` and `npm` as in vmi_nested_pagetable_lookup. */
VMI_API GSList *vmi_get_nested_va_pages(vmi_instance_t vmi, addr_t npt, page_mode_t npm, addr_t pt,
                                        page_mode_t pm) NOEXCEPT;

#endif /* LIBVMI_EXTRA_GLIB */

#ifdef LIBVMI_EXTRA_JSON

/**
 * The part of vmi_init_os that needs no guest: reads configuration and profile, and sets OS type
 * and page mode from them. A second profile on one instance is refused; a profile that failed to
 * load does not count.
 * \return the OS, or VMI_OS_UNKNOWN
 */
VMI_API os_t vmi_init_profile(vmi_instance_t vmi, vmi_config_t config_mode, void *config) NOEXCEPT;

/** The profile that was loaded, owned by the instance until vmi_destroy; NULL if there is none. */
VMI_API json_object *vmi_get_kernel_json(vmi_instance_t vmi) NOEXCEPT;

/*
 * The calls below look into `json`: the kernel's, or one that the program opened, in the same
 * dialect (ISF or Rekall). They fail while the instance has no profile. Results are untouched on
 * failure, if nothing else is said.
 */

/** The number as it stands there: relative to the image for Windows, the link address for Linux. */
VMI_API status_t vmi_get_symbol_addr_from_json(vmi_instance_t vmi, json_object *json,
                                               const char *symbol, addr_t *addr) NOEXCEPT;

/** In bytes. */
VMI_API status_t vmi_get_struct_size_from_json(vmi_instance_t vmi, json_object *json,
                                               const char *struct_name, size_t *size) NOEXCEPT;

/**
 * In bytes. Members of anonymous structures inside are found too; those of named ones are not
 * (LibVMI searches them all, and so may answer with another member of that name). `*offset` is 0 if
 * there is no such member, and untouched if there is no such structure.
 */
VMI_API status_t vmi_get_struct_member_offset_from_json(vmi_instance_t vmi, json_object *json,
                                                        const char *struct_name,
                                                        const char *struct_member,
                                                        addr_t *offset) NOEXCEPT;

/**
 * Where a bit field is: the offset of its storage in bytes, its first bit, and one past its last
 * bit. Each result is optional. What is not a bit field fails. Not searched for in structures
 * inside.
 */
VMI_API status_t vmi_get_bitfield_offset_and_size_from_json(vmi_instance_t vmi, json_object *json,
                                                            const char *struct_name,
                                                            const char *struct_member,
                                                            addr_t *offset, size_t *start_bit,
                                                            size_t *end_bit);

/**
 * The name of a member's type (ISF only), also of members of anonymous structures inside. The
 * string belongs to `json`. LibVMI declares this call and defines it under another name.
 */
VMI_API status_t vmi_get_struct_field_type_name_from_json(vmi_instance_t vmi, json_object *json,
                                                          const char *struct_name,
                                                          const char *struct_member,
                                                          const char **member_type_name) NOEXCEPT;

#endif /* LIBVMI_EXTRA_JSON */

#ifdef __cplusplus
}
#endif

#endif /* LIBVMI_EXTRA_H */

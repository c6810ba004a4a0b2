/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included by api.c: F(result, name, (arguments)) for every function of the interface; F_THROWS for
 * those that lack NOEXCEPT.
 */

/* clang-format off */

/* opening and closing */
F(status_t, vmi_init, (vmi_instance_t *, vmi_mode_t, const void *, uint64_t, vmi_init_data_t *,
                       vmi_init_error_t *))
F(status_t, vmi_init_complete, (vmi_instance_t *, const void *, uint64_t, vmi_init_data_t *,
                                vmi_config_t, void *, vmi_init_error_t *))
F(page_mode_t, vmi_init_paging, (vmi_instance_t, uint64_t))
F(os_t, vmi_init_os, (vmi_instance_t, vmi_config_t, void *, vmi_init_error_t *))
F(status_t, vmi_destroy, (vmi_instance_t))
F(vmi_arch_t, vmi_get_library_arch, (void))
F(status_t, vmi_get_access_mode, (vmi_instance_t, const void *, uint64_t, vmi_init_data_t *,
                                  vmi_mode_t *))

/* translation */
F(status_t, vmi_translate_kv2p, (vmi_instance_t, addr_t, addr_t *))
F(status_t, vmi_translate_uv2p, (vmi_instance_t, addr_t, vmi_pid_t, addr_t *))
F(status_t, vmi_translate_ksym2v, (vmi_instance_t, const char *, addr_t *))
F(status_t, vmi_translate_sym2v, (vmi_instance_t, const access_context_t *, const char *, addr_t *))
F(const char *, vmi_translate_v2sym, (vmi_instance_t, const access_context_t *, addr_t))
F(const char *, vmi_translate_v2ksym, (vmi_instance_t, const access_context_t *, addr_t))
F(status_t, vmi_pid_to_dtb, (vmi_instance_t, vmi_pid_t, addr_t *))
F(status_t, vmi_dtb_to_pid, (vmi_instance_t, addr_t, vmi_pid_t *))
F(status_t, vmi_pagetable_lookup, (vmi_instance_t, addr_t, addr_t, addr_t *))
F(status_t, vmi_pagetable_lookup_extended, (vmi_instance_t, addr_t, addr_t, page_info_t *))
F(status_t, vmi_nested_pagetable_lookup, (vmi_instance_t, addr_t, page_mode_t, addr_t, page_mode_t,
                                          addr_t, addr_t *, addr_t *))
F(status_t, vmi_nested_pagetable_lookup_extended, (vmi_instance_t, addr_t, page_mode_t, addr_t,
                                                   page_mode_t, addr_t, page_info_t *))
F(const access_context_t *, vmi_get_last_pagetable_lookup_fault, (vmi_instance_t))

/* reading */
F(status_t, vmi_read, (vmi_instance_t, const access_context_t *, size_t, void *, size_t *))
F(status_t, vmi_read_8, (vmi_instance_t, const access_context_t *, uint8_t *))
F(status_t, vmi_read_16, (vmi_instance_t, const access_context_t *, uint16_t *))
F(status_t, vmi_read_32, (vmi_instance_t, const access_context_t *, uint32_t *))
F(status_t, vmi_read_64, (vmi_instance_t, const access_context_t *, uint64_t *))
F(status_t, vmi_read_addr, (vmi_instance_t, const access_context_t *, addr_t *))
F(char *, vmi_read_str, (vmi_instance_t, const access_context_t *))
F(uint16_t *, vmi_read_wstr, (vmi_instance_t, const access_context_t *))
F(unicode_string_t *, vmi_read_unicode_str, (vmi_instance_t, const access_context_t *))
F(unicode_string_t *, vmi_read_unicode_str_pm, (vmi_instance_t, const access_context_t *,
                                                page_mode_t))
F(status_t, vmi_read_ksym, (vmi_instance_t, const char *, size_t, void *, size_t *))
F(status_t, vmi_read_va, (vmi_instance_t, addr_t, vmi_pid_t, size_t, void *, size_t *))
F(status_t, vmi_read_pa, (vmi_instance_t, addr_t, size_t, void *, size_t *))
F(status_t, vmi_read_8_ksym, (vmi_instance_t, const char *, uint8_t *))
F(status_t, vmi_read_16_ksym, (vmi_instance_t, const char *, uint16_t *))
F(status_t, vmi_read_32_ksym, (vmi_instance_t, const char *, uint32_t *))
F(status_t, vmi_read_64_ksym, (vmi_instance_t, const char *, uint64_t *))
F(status_t, vmi_read_addr_ksym, (vmi_instance_t, const char *, addr_t *))
F(char *, vmi_read_str_ksym, (vmi_instance_t, const char *))
F(status_t, vmi_read_8_va, (vmi_instance_t, addr_t, vmi_pid_t, uint8_t *))
F(status_t, vmi_read_16_va, (vmi_instance_t, addr_t, vmi_pid_t, uint16_t *))
F(status_t, vmi_read_32_va, (vmi_instance_t, addr_t, vmi_pid_t, uint32_t *))
F(status_t, vmi_read_64_va, (vmi_instance_t, addr_t, vmi_pid_t, uint64_t *))
F(status_t, vmi_read_addr_va, (vmi_instance_t, addr_t, vmi_pid_t, addr_t *))
F(char *, vmi_read_str_va, (vmi_instance_t, addr_t, vmi_pid_t))
F(uint16_t *, vmi_read_wstr_va, (vmi_instance_t, addr_t, vmi_pid_t))
F(unicode_string_t *, vmi_read_unicode_str_va, (vmi_instance_t, addr_t, vmi_pid_t))
F(status_t, vmi_read_8_pa, (vmi_instance_t, addr_t, uint8_t *))
F(status_t, vmi_read_16_pa, (vmi_instance_t, addr_t, uint16_t *))
F(status_t, vmi_read_32_pa, (vmi_instance_t, addr_t, uint32_t *))
F(status_t, vmi_read_64_pa, (vmi_instance_t, addr_t, uint64_t *))
F(status_t, vmi_read_addr_pa, (vmi_instance_t, addr_t, addr_t *))
F(char *, vmi_read_str_pa, (vmi_instance_t, addr_t))
F(uint16_t *, vmi_read_wstr_pa, (vmi_instance_t, addr_t))
F(status_t, vmi_convert_str_encoding, (const unicode_string_t *, unicode_string_t *, const char *))
F(void, vmi_free_unicode_str, (unicode_string_t *))

/* lists of pages */
#ifdef LIBVMI_EXTRA_GLIB
F(GSList *, vmi_get_va_pages, (vmi_instance_t, addr_t))
F(GSList *, vmi_get_nested_va_pages, (vmi_instance_t, addr_t, page_mode_t, addr_t, page_mode_t))

/* writing */
#endif
F(status_t, vmi_write, (vmi_instance_t, const access_context_t *, size_t, void *, size_t *))
F(status_t, vmi_write_ksym, (vmi_instance_t, const char *, size_t, void *, size_t *))
F(status_t, vmi_write_va, (vmi_instance_t, addr_t, vmi_pid_t, size_t, void *, size_t *))
F(status_t, vmi_write_pa, (vmi_instance_t, addr_t, size_t, void *, size_t *))
F(status_t, vmi_write_8, (vmi_instance_t, const access_context_t *, uint8_t *))
F(status_t, vmi_write_16, (vmi_instance_t, const access_context_t *, uint16_t *))
F(status_t, vmi_write_32, (vmi_instance_t, const access_context_t *, uint32_t *))
F(status_t, vmi_write_64, (vmi_instance_t, const access_context_t *, uint64_t *))
F(status_t, vmi_write_addr, (vmi_instance_t, const access_context_t *, addr_t *))
F(status_t, vmi_write_8_ksym, (vmi_instance_t, const char *, uint8_t *))
F(status_t, vmi_write_16_ksym, (vmi_instance_t, const char *, uint16_t *))
F(status_t, vmi_write_32_ksym, (vmi_instance_t, const char *, uint32_t *))
F(status_t, vmi_write_64_ksym, (vmi_instance_t, const char *, uint64_t *))
F(status_t, vmi_write_addr_ksym, (vmi_instance_t, const char *, addr_t *))
F(status_t, vmi_write_8_va, (vmi_instance_t, addr_t, vmi_pid_t, uint8_t *))
F(status_t, vmi_write_16_va, (vmi_instance_t, addr_t, vmi_pid_t, uint16_t *))
F(status_t, vmi_write_32_va, (vmi_instance_t, addr_t, vmi_pid_t, uint32_t *))
F(status_t, vmi_write_64_va, (vmi_instance_t, addr_t, vmi_pid_t, uint64_t *))
F(status_t, vmi_write_addr_va, (vmi_instance_t, addr_t, vmi_pid_t, addr_t *))
F(status_t, vmi_write_8_pa, (vmi_instance_t, addr_t, uint8_t *))
F(status_t, vmi_write_16_pa, (vmi_instance_t, addr_t, uint16_t *))
F(status_t, vmi_write_32_pa, (vmi_instance_t, addr_t, uint32_t *))
F(status_t, vmi_write_64_pa, (vmi_instance_t, addr_t, uint64_t *))
F(status_t, vmi_write_addr_pa, (vmi_instance_t, addr_t, addr_t *))

/* mapping */
F(status_t, vmi_mmap_guest, (vmi_instance_t, const access_context_t *, size_t, int, void **))
F(status_t, vmi_mmap_guest_pfns, (vmi_instance_t, unsigned long *, size_t, int, void **))
F(status_t, vmi_mmap_guest_pa, (vmi_instance_t, addr_t, size_t, int, void **))

/* symbols and profiles */
F(status_t, vmi_get_offset, (vmi_instance_t, const char *, addr_t *))
F(status_t, vmi_get_kernel_struct_offset, (vmi_instance_t, const char *, const char *, addr_t *))
#ifdef LIBVMI_EXTRA_JSON
F(os_t, vmi_init_profile, (vmi_instance_t, vmi_config_t, void *))
F(json_object *, vmi_get_kernel_json, (vmi_instance_t))
F(status_t, vmi_get_symbol_addr_from_json, (vmi_instance_t, json_object *, const char *, addr_t *))
F(status_t, vmi_get_struct_size_from_json, (vmi_instance_t, json_object *, const char *, size_t *))
F(status_t, vmi_get_struct_member_offset_from_json, (vmi_instance_t, json_object *, const char *,
                                                     const char *, addr_t *))
F_THROWS(status_t, vmi_get_bitfield_offset_and_size_from_json,
         (vmi_instance_t, json_object *, const char *, const char *, addr_t *, size_t *, size_t *))
F(status_t, vmi_get_struct_field_type_name_from_json, (vmi_instance_t, json_object *, const char *,
                                                       const char *, const char **))
#endif
F(const char *, vmi_get_linux_sysmap, (vmi_instance_t))
F(const char *, vmi_get_freebsd_sysmap, (vmi_instance_t))
F(const char *, vmi_get_rekall_path, (vmi_instance_t))
F(const char *, vmi_get_os_profile_path, (vmi_instance_t))

/* the guest */
F(char *, vmi_get_name, (vmi_instance_t))
F(uint64_t, vmi_get_vmid, (vmi_instance_t))
F(page_mode_t, vmi_get_page_mode, (vmi_instance_t, unsigned long))
F(uint8_t, vmi_get_address_width, (vmi_instance_t))
F(os_t, vmi_get_ostype, (vmi_instance_t))
F(bool, vmi_get_windows_build_info, (vmi_instance_t, win_build_info_t *))
F(win_ver_t, vmi_get_winver, (vmi_instance_t))
F(uint16_t, vmi_get_win_buildnumber, (vmi_instance_t))
F(const char *, vmi_get_winver_str, (vmi_instance_t))
F(win_ver_t, vmi_get_winver_manual, (vmi_instance_t, addr_t))
F(uint64_t, vmi_get_memsize, (vmi_instance_t))
F(addr_t, vmi_get_max_physical_address, (vmi_instance_t))
F(addr_t, vmi_get_next_available_gfn, (vmi_instance_t))
F(status_t, vmi_alloc_gfn, (vmi_instance_t, uint64_t))
F(status_t, vmi_free_gfn, (vmi_instance_t, uint64_t))
F(unsigned int, vmi_get_num_vcpus, (vmi_instance_t))
F_THROWS(status_t, vmi_get_domain_status, (vmi_instance_t, domain_status_t *))
F(status_t, vmi_pause_vm, (vmi_instance_t))
F(status_t, vmi_resume_vm, (vmi_instance_t))

/* vCPUs */
F(status_t, vmi_get_vcpureg, (vmi_instance_t, uint64_t *, reg_t, unsigned long))
F(status_t, vmi_get_vcpuregs, (vmi_instance_t, registers_t *, unsigned long))
F(status_t, vmi_set_vcpureg, (vmi_instance_t, uint64_t, reg_t, unsigned long))
F(status_t, vmi_set_vcpuregs, (vmi_instance_t, registers_t *, unsigned long))
F(status_t, vmi_get_vcpumtrr, (vmi_instance_t, mtrr_regs_t *, unsigned long))
F(status_t, vmi_get_xsave_info, (vmi_instance_t, unsigned long, xsave_area_t *))
F(status_t, vmi_get_tsc_info, (vmi_instance_t, uint32_t *, uint64_t *, uint32_t *, uint32_t *))
F(status_t, vmi_request_page_fault, (vmi_instance_t, unsigned long, uint64_t, uint32_t))

/* printing */
F(void, vmi_print_hex, (const unsigned char *, unsigned long))
F(void, vmi_print_hex_ksym, (vmi_instance_t, const char *, size_t))
F(void, vmi_print_hex_va, (vmi_instance_t, addr_t, vmi_pid_t, size_t))
F(void, vmi_print_hex_pa, (vmi_instance_t, addr_t, size_t))

/* disks */
F(status_t, vmi_read_disk, (vmi_instance_t, const char *, uint64_t, uint64_t, void *))
F(char **, vmi_get_disks, (vmi_instance_t, unsigned int *))
F(status_t, vmi_disk_is_bootable, (vmi_instance_t, const char *, bool *))

/* caches */
F(void, vmi_v2pcache_flush, (vmi_instance_t, addr_t))
F(void, vmi_v2pcache_nested_flush, (vmi_instance_t, addr_t, addr_t))
F(void, vmi_v2pcache_add, (vmi_instance_t, addr_t, addr_t, addr_t))
F(void, vmi_v2pcache_nested_add, (vmi_instance_t, addr_t, addr_t, addr_t, addr_t))
F(void, vmi_symcache_flush, (vmi_instance_t))
F(void, vmi_symcache_add, (vmi_instance_t, addr_t, vmi_pid_t, char *, addr_t))
F(void, vmi_rvacache_flush, (vmi_instance_t))
F(void, vmi_rvacache_add, (vmi_instance_t, addr_t, vmi_pid_t, addr_t, char *))
F(void, vmi_pidcache_flush, (vmi_instance_t))
F(void, vmi_pidcache_add, (vmi_instance_t, vmi_pid_t, addr_t))
F(void, vmi_pagecache_flush, (vmi_instance_t))

/* views */
F(status_t, vmi_slat_state, (vmi_instance_t, bool *))
F(status_t, vmi_slat_control, (vmi_instance_t, bool))
F(status_t, vmi_slat_create, (vmi_instance_t, uint16_t *))
F(status_t, vmi_slat_destroy, (vmi_instance_t, uint16_t))
F(status_t, vmi_slat_switch, (vmi_instance_t, uint16_t))
F(status_t, vmi_slat_change_gfn, (vmi_instance_t, uint16_t, addr_t, addr_t))
F(status_t, vmi_slat_get_domain_state, (vmi_instance_t, bool *))
F(status_t, vmi_slat_set_domain_state, (vmi_instance_t, bool))

/* events */
F(uint32_t, vmi_events_version, (void))
F(status_t, vmi_register_event, (vmi_instance_t, vmi_event_t *))
F(status_t, vmi_swap_events, (vmi_instance_t, vmi_event_t *, vmi_event_t *, vmi_event_free_t))
F(status_t, vmi_clear_event, (vmi_instance_t, vmi_event_t *, vmi_event_free_t))
F(status_t, vmi_events_listen, (vmi_instance_t, uint32_t))
F(int, vmi_are_events_pending, (vmi_instance_t))
F(status_t, vmi_event_listener_required, (vmi_instance_t, bool))
F(vmi_event_t *, vmi_get_reg_event, (vmi_instance_t, reg_t))
F(vmi_event_t *, vmi_get_mem_event, (vmi_instance_t, addr_t, vmi_mem_access_t))
F(vmi_event_t *, vmi_get_singlestep_event, (vmi_instance_t, uint32_t))
F(status_t, vmi_set_mem_event, (vmi_instance_t, addr_t, vmi_mem_access_t, uint16_t))
F(status_t, vmi_set_mem_event_range, (vmi_instance_t, addr_t, addr_t, vmi_mem_access_t, uint16_t))
F(status_t, vmi_step_event, (vmi_instance_t, vmi_event_t *, uint32_t, uint64_t, event_callback_t))
F(status_t, vmi_stop_single_step_vcpu, (vmi_instance_t, vmi_event_t *, uint32_t))
F(status_t, vmi_toggle_single_step_vcpu, (vmi_instance_t, vmi_event_t *, uint32_t, bool))
F(status_t, vmi_shutdown_single_step, (vmi_instance_t))

/* peparse.h */
F(status_t, peparse_validate_pe_image, (const uint8_t *const, size_t))
F(status_t, peparse_get_image, (vmi_instance_t, const access_context_t *, size_t, uint8_t *))
F(void, peparse_assign_headers, (const uint8_t *const, struct dos_header **, struct pe_header **,
                                 uint16_t *, void **, struct optional_header_pe32 **,
                                 struct optional_header_pe32plus **))
F(addr_t, peparse_get_idd_rva, (uint32_t, uint16_t *, void *, struct optional_header_pe32 *,
                                struct optional_header_pe32plus *))
F(size_t, peparse_get_idd_size, (uint32_t, uint16_t *, void *, struct optional_header_pe32 *,
                                 struct optional_header_pe32plus *))
F(status_t, peparse_get_export_table, (vmi_instance_t, const access_context_t *,
                                       struct export_table *, addr_t *, size_t *))

/* clang-format on */

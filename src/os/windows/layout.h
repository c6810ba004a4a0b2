/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every structure member that we ask of a Windows kernel, by the name that its PDB gives it;
 * alternatives for versions where it was renamed or moved are separated by '|'. Columns: id, spec,
 * then what is known without a profile: the offset in 32-bit and in 64-bit Windows, -1 where it
 * differs between versions and has to be inferred.
 *
 * Fixed offsets: winternl.h (PEB, PEB_LDR_DATA, LDR_DATA_TABLE_ENTRY: the documented members, with
 * what lies between them as the public PDBs of Windows XP to 11 have it); ntdef.h (UNICODE_STRING,
 * LIST_ENTRY); wdm.h (FILE_OBJECT). The header of an object is in no public header: its Body is at
 * the same place in all public PDBs from XP to 11.
 */
#ifndef TINYVMI_OS_WINDOWS_LAYOUT_H
#define TINYVMI_OS_WINDOWS_LAYOUT_H

/* clang-format off */
#define WINDOWS_LAYOUT(M) \
    /* process.c */ \
    M(process_dtb, "_KPROCESS.DirectoryTableBase", -1, -1) \
    M(process_user_dtb, "_KPROCESS.UserDirectoryTableBase", -1, -1) \
    M(process_pid, "_EPROCESS.UniqueProcessId", -1, -1) \
    M(process_links, "_EPROCESS.ActiveProcessLinks", -1, -1) \
    M(process_ppid, "_EPROCESS.InheritedFromUniqueProcessId", -1, -1) \
    M(process_name, "_EPROCESS.ImageFileName", -1, -1) \
    M(process_create, "_EPROCESS.CreateTime", -1, -1) \
    M(process_exit, "_EPROCESS.ExitTime", -1, -1) \
    M(process_active_threads, "_EPROCESS.ActiveThreads", -1, -1) \
    M(process_thread_list, "_EPROCESS.ThreadListHead", -1, -1) \
    M(process_peb, "_EPROCESS.Peb", -1, -1) \
    M(process_session, "_EPROCESS.Session", -1, -1) \
    M(process_wow64, "_EPROCESS.WoW64Process|_EPROCESS.Wow64Process", -1, -1) \
    M(process_protection, "_EPROCESS.Protection.Level|_EPROCESS.Protection", -1, -1) \
    M(process_protected, "_EPROCESS.ProtectedProcess", -1, -1) \
    M(process_handles, "_EPROCESS.ObjectTable", -1, -1) \
    M(process_vads, "_EPROCESS.VadRoot.Root|_EPROCESS.VadRoot.BalancedRoot.RightChild|_EPROCESS.VadRoot", -1, -1) \
    M(session_id, "_MM_SESSION_SPACE.SessionId", 8, 8) \
    M(peb_ldr, "_PEB.Ldr", 0x0c, 0x18) \
    M(peb_image, "_PEB.ImageBaseAddress", 0x08, 0x10) \
    M(peb_parameters, "_PEB.ProcessParameters", 0x10, 0x20) \
    M(peb_session, "_PEB.SessionId", 0x1d4, 0x2c0) \
    M(parameters_cmdline, "_RTL_USER_PROCESS_PARAMETERS.CommandLine", 0x40, 0x70) \
    /* thread.c */ \
    M(thread_links, "_ETHREAD.ThreadListEntry", -1, -1) \
    M(thread_tid, "_ETHREAD.Cid.UniqueThread", -1, -1) \
    M(thread_create, "_ETHREAD.CreateTime", -1, -1) \
    M(thread_nested, "_ETHREAD.NestedFaultCount", -1, -1) \
    M(thread_exit, "_ETHREAD.ExitTime", -1, -1) \
    M(thread_terminated, "_ETHREAD.Terminated", -1, -1) \
    M(thread_start, "_ETHREAD.StartAddress", -1, -1) \
    M(thread_user_start, "_ETHREAD.Win32StartAddress", -1, -1) \
    M(thread_process, "_KTHREAD.Process|_ETHREAD.ThreadsProcess", -1, -1) \
    M(thread_teb, "_KTHREAD.Teb", -1, -1) \
    M(thread_state, "_KTHREAD.State", -1, -1) \
    M(thread_wait, "_KTHREAD.WaitReason", -1, -1) \
    M(thread_priority, "_KTHREAD.Priority", -1, -1) \
    /* module.c, dll.c */ \
    M(ldr_links, "_LDR_DATA_TABLE_ENTRY.InLoadOrderLinks|_KLDR_DATA_TABLE_ENTRY.InLoadOrderLinks", 0, 0) \
    M(ldr_base, "_LDR_DATA_TABLE_ENTRY.DllBase|_KLDR_DATA_TABLE_ENTRY.DllBase", 0x18, 0x30) \
    M(ldr_entry, "_LDR_DATA_TABLE_ENTRY.EntryPoint|_KLDR_DATA_TABLE_ENTRY.EntryPoint", 0x1c, 0x38) \
    M(ldr_size, "_LDR_DATA_TABLE_ENTRY.SizeOfImage|_KLDR_DATA_TABLE_ENTRY.SizeOfImage", 0x20, 0x40) \
    M(ldr_path, "_LDR_DATA_TABLE_ENTRY.FullDllName|_KLDR_DATA_TABLE_ENTRY.FullDllName", 0x24, 0x48) \
    M(ldr_name, "_LDR_DATA_TABLE_ENTRY.BaseDllName|_KLDR_DATA_TABLE_ENTRY.BaseDllName", 0x2c, 0x58) \
    M(ldr_count, "_LDR_DATA_TABLE_ENTRY.ObsoleteLoadCount|_LDR_DATA_TABLE_ENTRY.LoadCount", 0x38, 0x6c) \
    M(ldr_time, "_LDR_DATA_TABLE_ENTRY.LoadTime", -1, -1) \
    M(peb_ldr_list, "_PEB_LDR_DATA.InLoadOrderModuleList", 0x0c, 0x10) \
    /* handle.c, object.c */ \
    M(table_code, "_HANDLE_TABLE.TableCode", -1, -1) \
    M(table_process, "_HANDLE_TABLE.QuotaProcess", -1, -1) \
    M(entry_bits, "_HANDLE_TABLE_ENTRY.ObjectPointerBits", -1, -1) \
    M(entry_object, "_HANDLE_TABLE_ENTRY.Object", -1, -1) \
    M(entry_access, "_HANDLE_TABLE_ENTRY.GrantedAccessBits|_HANDLE_TABLE_ENTRY.GrantedAccess", -1, -1) \
    M(header_body, "_OBJECT_HEADER.Body", 0x18, 0x30) \
    M(header_type, "_OBJECT_HEADER.Type", -1, -1) \
    M(header_type_index, "_OBJECT_HEADER.TypeIndex", -1, -1) \
    M(header_name_offset, "_OBJECT_HEADER.NameInfoOffset", -1, -1) \
    M(header_info, "_OBJECT_HEADER.InfoMask", -1, -1) \
    M(type_name, "_OBJECT_TYPE.Name", -1, -1) \
    M(key_block, "_CM_KEY_BODY.KeyControlBlock", 0x04, 0x08) \
    M(kcb_parent, "_CM_KEY_CONTROL_BLOCK.ParentKcb", -1, -1) \
    M(kcb_name, "_CM_KEY_CONTROL_BLOCK.NameBlock", -1, -1) \
    M(key_name_length, "_CM_NAME_CONTROL_BLOCK.NameLength", -1, -1) \
    M(key_name, "_CM_NAME_CONTROL_BLOCK.Name", -1, -1) \
    M(key_compressed, "_CM_NAME_CONTROL_BLOCK.Compressed", -1, -1) \
    M(file_device, "_FILE_OBJECT.DeviceObject", 0x04, 0x08) \
    /* vad.c */ \
    M(vad_left, "_MMVAD_SHORT.VadNode.Left|_MMVAD_SHORT.VadNode.LeftChild|_MMVAD_SHORT.LeftChild|_MMVAD.LeftChild", -1, -1) \
    M(vad_right, "_MMVAD_SHORT.VadNode.Right|_MMVAD_SHORT.VadNode.RightChild|_MMVAD_SHORT.RightChild|_MMVAD.RightChild", -1, -1) \
    M(vad_start, "_MMVAD_SHORT.StartingVpn|_MMVAD.StartingVpn", -1, -1) \
    M(vad_end, "_MMVAD_SHORT.EndingVpn|_MMVAD.EndingVpn", -1, -1) \
    M(vad_start_high, "_MMVAD_SHORT.StartingVpnHigh", -1, -1) \
    M(vad_end_high, "_MMVAD_SHORT.EndingVpnHigh", -1, -1) \
    M(vad_flags, "_MMVAD_SHORT.u|_MMVAD.u", -1, -1) \
    M(flag_protection, "_MMVAD_FLAGS.Protection", -1, -1) \
    M(flag_private, "_MMVAD_FLAGS.PrivateMemory", -1, -1) \
    M(vad_subsection, "_MMVAD.Subsection", -1, -1) \
    M(vad_control, "_MMVAD.ControlArea", -1, -1) \
    M(vad_first_proto, "_MMVAD.FirstPrototypePte", -1, -1) \
    M(vad_last_proto, "_MMVAD.LastContiguousPte", -1, -1) \
    M(subsection_control, "_SUBSECTION.ControlArea", 0, 0) \
    M(subsection_base, "_SUBSECTION.SubsectionBase", -1, -1) \
    M(subsection_next, "_SUBSECTION.NextSubsection", -1, -1) \
    M(subsection_ptes, "_SUBSECTION.PtesInSubsection", -1, -1) \
    M(control_file, "_CONTROL_AREA.FilePointer", -1, -1) \
    M(file_name, "_FILE_OBJECT.FileName", 0x30, 0x58) \
    /* pte.c */ \
    M(pte_file_low, "_MMPTE_SOFTWARE.PageFileLow", -1, -1) \
    M(pte_file_high, "_MMPTE_SOFTWARE.PageFileHigh", -1, -1) \
    M(pte_swizzle, "_MMPTE_SOFTWARE.SwizzleBit", -1, -1) \
    M(mi_invalid_mask, "_MI_SYSTEM_INFORMATION.Hardware.InvalidPteMask", -1, -1)
/* clang-format on */

enum layout_id {
#define LAYOUT_ID(id, spec, o32, o64) W_##id,
    WINDOWS_LAYOUT(LAYOUT_ID)
#undef LAYOUT_ID
        W_COUNT
};

#endif

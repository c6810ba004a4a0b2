/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every structure member that we ask of a Windows kernel, by the name that its PDB gives it;
 * alternatives for versions where it was renamed or moved are separated by '|'. Columns: id, spec,
 * then what is known without a profile: the offset in 32-bit and in 64-bit Windows, -1 where it
 * differs between versions and has to be inferred.
 *
 * Fixed offsets: winternl.h (PEB, PEB_LDR_DATA, LDR_DATA_TABLE_ENTRY: the documented members, with
 * what lies between them as the public PDBs of Windows XP to 11 have it); ntdef.h (UNICODE_STRING,
 * LIST_ENTRY).
 */
#ifndef TINYVMI_OS_WINDOWS_LAYOUT_H
#define TINYVMI_OS_WINDOWS_LAYOUT_H

/* clang-format off */
#define WINDOWS_LAYOUT(M) \
    /* process.c */ \
    M(process_dtb, "_KPROCESS.DirectoryTableBase", -1, -1) \
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
    M(process_vads, "_EPROCESS.VadRoot.Root|_EPROCESS.VadRoot.BalancedRoot.RightChild|_EPROCESS.VadRoot", -1, -1) \
    M(session_id, "_MM_SESSION_SPACE.SessionId", 8, 8) \
    M(thread_links, "_ETHREAD.ThreadListEntry", -1, -1) \
    M(thread_tid, "_ETHREAD.Cid.UniqueThread", -1, -1) \
    M(peb_ldr, "_PEB.Ldr", 0x0c, 0x18) \
    M(peb_image, "_PEB.ImageBaseAddress", 0x08, 0x10) \
    M(peb_parameters, "_PEB.ProcessParameters", 0x10, 0x20) \
    M(parameters_cmdline, "_RTL_USER_PROCESS_PARAMETERS.CommandLine", 0x40, 0x70) \
    /* module.c */ \
    M(ldr_links, "_LDR_DATA_TABLE_ENTRY.InLoadOrderLinks|_KLDR_DATA_TABLE_ENTRY.InLoadOrderLinks", 0, 0) \
    M(ldr_base, "_LDR_DATA_TABLE_ENTRY.DllBase|_KLDR_DATA_TABLE_ENTRY.DllBase", 0x18, 0x30) \
    M(ldr_size, "_LDR_DATA_TABLE_ENTRY.SizeOfImage|_KLDR_DATA_TABLE_ENTRY.SizeOfImage", 0x20, 0x40) \
    M(ldr_path, "_LDR_DATA_TABLE_ENTRY.FullDllName|_KLDR_DATA_TABLE_ENTRY.FullDllName", 0x24, 0x48) \
    M(ldr_name, "_LDR_DATA_TABLE_ENTRY.BaseDllName|_KLDR_DATA_TABLE_ENTRY.BaseDllName", 0x2c, 0x58) \
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
    M(subsection_control, "_SUBSECTION.ControlArea", -1, -1) \
    M(control_file, "_CONTROL_AREA.FilePointer", -1, -1) \
    M(file_name, "_FILE_OBJECT.FileName", -1, -1)
/* clang-format on */

enum layout_id {
#define LAYOUT_ID(id, spec, o32, o64) W_##id,
    WINDOWS_LAYOUT(LAYOUT_ID)
#undef LAYOUT_ID
        W_COUNT
};

#endif

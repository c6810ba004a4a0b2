# SPDX-License-Identifier: BSD-2-Clause
"""The layouts that mkwin writes: a Rekall profile that the user has, or one that is defined here from public documents.

What is defined here is not a Microsoft profile: offsets of structures are facts, the addresses of symbols are invented.
"""
import json

# Windows 10 2004 to 22H2 (builds 19041 to 19045), x64. Offsets as the Vergilius Project publishes them from Microsoft's
# public PDBs ("Kernels x64, Windows 10 20H1": _KPROCESS, _EPROCESS, _ETHREAD, _MMVAD, _MMVAD_SHORT, _RTL_BALANCED_NODE,
# _SUBSECTION, _CONTROL_AREA, _FILE_OBJECT, _MM_SESSION_SPACE, _PEB, _PEB_LDR_DATA, _LDR_DATA_TABLE_ENTRY,
# _RTL_USER_PROCESS_PARAMETERS).
P = ["Pointer", {"target": "Void"}]
U8, U16, U32, U64 = ["unsigned char"], ["unsigned short"], ["unsigned long"], ["unsigned long long"]


def s(name):
    return [name]


def bits(first, n):
    return ["BitField", {"start_bit": first, "end_bit": first + n, "target": "unsigned long"}]


def array(of, count):
    return ["Array", {"target": of, "count": count}]


WIN10 = {
    "_LIST_ENTRY": [16, {"Flink": [0, P], "Blink": [8, P]}],
    "_UNICODE_STRING": [16, {"Length": [0, U16], "MaximumLength": [2, U16], "Buffer": [8, P]}],
    "_CLIENT_ID": [16, {"UniqueProcess": [0, P], "UniqueThread": [8, P]}],
    "_EX_FAST_REF": [8, {"Object": [0, P], "Value": [0, U64]}],
    "_RTL_BALANCED_NODE": [24, {"Left": [0, P], "Right": [8, P], "ParentValue": [16, U64]}],
    "_RTL_AVL_TREE": [8, {"Root": [0, ["Pointer", {"target": "_RTL_BALANCED_NODE"}]]}],
    "_KPROCESS": [0x438, {"Header": [0, U64], "DirectoryTableBase": [0x28, U64], "UserDirectoryTableBase": [0x388, U64]}],
    "_EPROCESS": [0xa40, {
        "Pcb": [0, s("_KPROCESS")], "UniqueProcessId": [0x440, P], "ActiveProcessLinks": [0x448, s("_LIST_ENTRY")],
        "CreateTime": [0x468, U64], "Token": [0x4b8, s("_EX_FAST_REF")], "SectionBaseAddress": [0x520, P],
        "InheritedFromUniqueProcessId": [0x540, P], "OwnerProcessId": [0x548, U64], "Peb": [0x550, P], "Session": [0x558, P],
        "ObjectTable": [0x570, P], "WoW64Process": [0x580, P], "ImageFileName": [0x5a8, array("unsigned char", 15)],
        "ThreadListHead": [0x5e0, s("_LIST_ENTRY")], "ActiveThreads": [0x5f0, U32], "VadRoot": [0x7d8, s("_RTL_AVL_TREE")],
        "ExitTime": [0x840, U64]}],
    "_ETHREAD": [0x898, {"Tcb": [0, U64], "CreateTime": [0x430, U64], "Cid": [0x478, s("_CLIENT_ID")],
                         "ThreadListEntry": [0x4e8, s("_LIST_ENTRY")]}],
    "_MMVAD_FLAGS": [4, {"VadType": [0, bits(4, 3)], "Protection": [0, bits(7, 5)], "PrivateMemory": [0, bits(20, 1)]}],
    "_MMVAD_SHORT_U": [4, {"LongFlags": [0, U32], "VadFlags": [0, s("_MMVAD_FLAGS")]}],
    "_MMVAD_SHORT": [0x40, {
        "VadNode": [0, s("_RTL_BALANCED_NODE")], "StartingVpn": [0x18, U32], "EndingVpn": [0x1c, U32],
        "StartingVpnHigh": [0x20, U8], "EndingVpnHigh": [0x21, U8], "u": [0x30, s("_MMVAD_SHORT_U")]}],
    "_MMVAD": [0x88, {"Core": [0, s("_MMVAD_SHORT")], "Subsection": [0x48, P], "FirstPrototypePte": [0x50, P],
                      "LastContiguousPte": [0x58, P]}],
    "_SUBSECTION": [0x38, {"ControlArea": [0, P]}],
    "_CONTROL_AREA": [0x80, {"Segment": [0, P], "FilePointer": [0x40, s("_EX_FAST_REF")]}],
    "_FILE_OBJECT": [0xd8, {"Type": [0, U16], "Size": [2, U16], "DeviceObject": [8, P], "FileName": [0x58, s("_UNICODE_STRING")]}],
    "_MM_SESSION_SPACE": [0x1000, {"SessionId": [8, U32]}],
    "_PEB": [0x7c8, {"ImageBaseAddress": [0x10, P], "Ldr": [0x18, P], "ProcessParameters": [0x20, P], "SessionId": [0x2c0, U32]}],
    "_PEB_LDR_DATA": [0x58, {"InLoadOrderModuleList": [0x10, s("_LIST_ENTRY")], "InMemoryOrderModuleList": [0x20, s("_LIST_ENTRY")],
                             "InInitializationOrderModuleList": [0x30, s("_LIST_ENTRY")]}],
    "_LDR_DATA_TABLE_ENTRY": [0x120, {
        "InLoadOrderLinks": [0, s("_LIST_ENTRY")], "InMemoryOrderLinks": [0x10, s("_LIST_ENTRY")],
        "InInitializationOrderLinks": [0x20, s("_LIST_ENTRY")], "DllBase": [0x30, P], "EntryPoint": [0x38, P],
        "SizeOfImage": [0x40, U32], "FullDllName": [0x48, s("_UNICODE_STRING")], "BaseDllName": [0x58, s("_UNICODE_STRING")],
        "LoadCount": [0x6c, U16]}],
    "_RTL_USER_PROCESS_PARAMETERS": [0x440, {"ImagePathName": [0x60, s("_UNICODE_STRING")], "CommandLine": [0x70, s("_UNICODE_STRING")]}],
}

# Windows 7 SP1 (build 7601), x64; the same source.
WIN7 = {
    **{name: WIN10[name] for name in (
        "_LIST_ENTRY", "_UNICODE_STRING", "_CLIENT_ID", "_EX_FAST_REF", "_SUBSECTION", "_CONTROL_AREA", "_FILE_OBJECT", "_PEB",
        "_MM_SESSION_SPACE", "_PEB_LDR_DATA", "_LDR_DATA_TABLE_ENTRY", "_RTL_USER_PROCESS_PARAMETERS")},
    "_KPROCESS": [0x160, {"Header": [0, U64], "DirectoryTableBase": [0x28, U64]}],
    "_MMADDRESS_NODE": [0x28, {"LeftChild": [8, P], "RightChild": [0x10, P], "StartingVpn": [0x18, U64], "EndingVpn": [0x20, U64]}],
    "_MM_AVL_TABLE": [0x40, {"BalancedRoot": [0, s("_MMADDRESS_NODE")]}],
    "_EPROCESS": [0x4d0, {
        "Pcb": [0, s("_KPROCESS")], "CreateTime": [0x168, U64], "ExitTime": [0x170, U64], "UniqueProcessId": [0x180, P],
        "ActiveProcessLinks": [0x188, s("_LIST_ENTRY")], "ObjectTable": [0x200, P], "SectionBaseAddress": [0x270, P],
        "InheritedFromUniqueProcessId": [0x290, P], "Session": [0x2d8, P], "ImageFileName": [0x2e0, array("unsigned char", 15)],
        "ThreadListHead": [0x308, s("_LIST_ENTRY")], "Wow64Process": [0x320, P], "ActiveThreads": [0x328, U32], "Peb": [0x338, P],
        "VadRoot": [0x448, s("_MM_AVL_TABLE")]}],
    "_ETHREAD": [0x4a8, {"Tcb": [0, U64], "Cid": [0x3b8, s("_CLIENT_ID")], "ThreadListEntry": [0x428, s("_LIST_ENTRY")]}],
    "_MMVAD_FLAGS": [8, {"VadType": [0, bits(52, 3)], "Protection": [0, bits(56, 5)], "PrivateMemory": [0, bits(63, 1)]}],
    "_MMVAD_U": [8, {"LongFlags": [0, U64], "VadFlags": [0, s("_MMVAD_FLAGS")]}],
    "_MMVAD": [0x78, {"Parent": [0, P], "LeftChild": [8, P], "RightChild": [0x10, P], "StartingVpn": [0x18, U64],
                      "EndingVpn": [0x20, U64], "u": [0x28, s("_MMVAD_U")], "Subsection": [0x48, P], "FirstPrototypePte": [0x50, P]}],
}

# Names that ntoskrnl of this version has; the addresses are invented.
WIN10_DATA = ["PsActiveProcessHead", "PsLoadedModuleList", "PsInitialSystemProcess", "NtBuildNumber", "NtBuildLab",
              "KdDebuggerDataBlock", "KdpDataBlockEncoded", "KiWaitNever", "KiWaitAlways", "PspCidTable", "MmHighestUserAddress",
              "KiProcessorBlock", "MmSystemRangeStart", "KdVersionBlock", "MmUserProbeAddress"]
WIN10_CODE = ["KeBugCheckEx", "ExAllocatePoolWithTag", "IoCreateDevice", "NtClose", "ObReferenceObjectByHandle", "PsLookupProcessByProcessId",
              "RtlInitUnicodeString", "ZwClose", "KiSystemStartup", "MmGetPhysicalAddress"]


def made(structs, pdb, guid):
    constants = {name: 0x200000 + i * 0x1000 + 0x40 for i, name in enumerate(WIN10_DATA)}
    functions = {name: 0x1000 + i * 0x340 for i, name in enumerate(WIN10_CODE)}
    return {"$METADATA": {"arch": "AMD64", "PDBFile": pdb, "ProfileClass": "Nt", "Type": "Profile",
                          "GUID_AGE": guid + "1"},
            "$STRUCTS": structs, "$CONSTANTS": constants, "$FUNCTIONS": functions, "$ENUMS": {}}


def isf_type(kind):
    name, more = kind[0], kind[1] if len(kind) > 1 else {}
    if name == "Pointer":
        target = more.get("target", "Void")
        return {"kind": "pointer", "subtype": isf_type([target]) if target != "Void" else {"kind": "base", "name": "void"}}
    if name == "Array":
        return {"kind": "array", "count": more["count"], "subtype": isf_type([more["target"]] if isinstance(more["target"], str)
                                                                          else more["target"])}
    if name == "BitField":
        return {"kind": "bitfield", "bit_position": more["start_bit"], "bit_length": more["end_bit"] - more["start_bit"],
                "type": isf_type([more["target"]])}
    return {"kind": "struct" if name.startswith("_") else "base", "name": name}


def isf(profile):
    """The same as ISF, the format of Volatility 3 (its schema 6.2.0): what pdbconv.py makes of a PDB."""
    meta = profile["$METADATA"]
    sizes = {"unsigned char": 1, "unsigned short": 2, "unsigned long": 4, "unsigned long long": 8, "void": 0, "pointer": 8}
    return {
        "metadata": {"format": "6.2.0", "producer": {"name": "mkwin", "version": "1"},
                     "windows": {"pdb": {"GUID": meta["GUID_AGE"][:32], "age": 1, "database": meta["PDBFile"], "machine_type": 34404}}},
        "base_types": {name: {"size": size, "signed": False, "kind": "void" if name == "void" else "int", "endian": "little"}
                       for name, size in sizes.items()},
        "user_types": {name: {"kind": "struct", "size": size, "fields": {m: {"offset": at, "type": isf_type(kind)}
                                                                        for m, (at, kind) in members.items()}}
                       for name, (size, members) in profile["$STRUCTS"].items()},
        "symbols": {name: {"address": at} for name, at in {**profile["$FUNCTIONS"], **profile["$CONSTANTS"]}.items()},
        "enums": {}}


def load(name):
    """The profile of a layout: "win10", "win7", or the path of a Rekall profile."""
    if name == "win10":
        return made(WIN10, "ntkrnlmp.pdb", "0123456789ABCDEF0123456789ABCDEF")
    if name == "win7":
        return made(WIN7, "ntkrnlmp.pdb", "76543210FEDCBA9876543210FEDCBA98")
    with open(name, encoding="utf-8") as f:
        return json.load(f)

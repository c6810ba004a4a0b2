# SPDX-License-Identifier: BSD-2-Clause
"""The layouts that mkwin writes: a Rekall profile that the user has, or one that is defined here from public documents.

What is defined here is not a Microsoft profile: offsets of structures are facts, the addresses of symbols are invented.

Sources. Each table names for each structure which of them its numbers were compared with, letter by letter:
  N   github.com/ntdiff/headers: the types in Microsoft's public PDBs as C, one file a structure, in folders
      Win7_SP1/ (7601.17514), Win10_2004_20H1/ (19041), Win11_2409_24H2/ (26100), x64/System32/ntoskrnl.exe/Standalone/NAME.h
  H   other public headers that were made of the same PDBs (pdbex and Vergilius output in repositories about this build)
  V   volatilityfoundation/volatility, plugins/overlays/windows/
  D   documented by Microsoft: wdm.h, ntddk.h, winternl.h, ntdef.h
  ?   not compared with anything that could be opened: from memory
"""
import json

P = ["Pointer", {"target": "Void"}]
KINDS = {"p": P, "1": ["unsigned char"], "2": ["unsigned short"], "4": ["unsigned long"], "8": ["unsigned long long"]}


def kind(text):
    """p pointer; 1 2 4 8 numbers; name[N] bytes; p[N] pointers; first:n bits of 4 bytes; first:n+ bits of 8; else a structure."""
    if text in KINDS:
        return KINDS[text]
    if text.endswith("]"):
        of, count = text[:-1].split("[")
        return ["Array", {"target": "Pointer" if of == "p" else "unsigned char", "count": int(count)}]
    if ":" in text:
        first, n = (int(x) for x in text.rstrip("+").split(":"))
        return ["BitField", {"start_bit": first, "end_bit": first + n, "target": "unsigned long long" if "+" in text else "unsigned long"}]
    return [text]


def table(text):
    """Lines "_NAME SIZE SOURCES", each followed by indented lines of "Member=OFFSET/KIND"."""
    out, members = {}, None
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words and not line.startswith(" "):
            members = {}
            out[words[0]] = [int(words[1], 0), members]
        else:
            for word in words:
                name, rest = word.split("=")
                at, what = rest.split("/")
                members[name] = [int(at, 0), kind(what)]
    return out


# The same in 64-bit Windows 7 to 11.
COMMON = table("""
_LIST_ENTRY 16 D
    Flink=0/p Blink=8/p
_UNICODE_STRING 16 D
    Length=0/2 MaximumLength=2/2 Buffer=8/p
_CLIENT_ID 16 N
    UniqueProcess=0/p UniqueThread=8/p
_EX_FAST_REF 8 N
    Object=0/p Value=0/8
_POOL_HEADER 16 N
    PreviousSize=0/0:8 PoolIndex=0/8:8 BlockSize=0/16:8 PoolType=0/24:8 PoolTag=4/4 ProcessBilled=8/p
_OBJECT_HEADER 0x38 N
    PointerCount=0/8 HandleCount=8/8 TypeIndex=0x18/1 TraceFlags=0x19/1 InfoMask=0x1a/1 Flags=0x1b/1 ObjectCreateInfo=0x20/p
    SecurityDescriptor=0x28/p Body=0x30/8
_OBJECT_HEADER_NAME_INFO 0x20 H # its members; that it takes 0x20 bytes follows from the alignment of what is before a header
    Directory=0/p Name=8/_UNICODE_STRING ReferenceCount=0x18/4
_OBJECT_DIRECTORY_ENTRY 0x18 H
    ChainLink=0/p Object=8/p HashValue=0x10/4
_DRIVER_OBJECT 0x150 D
    Type=0/2 Size=2/2 DeviceObject=8/p Flags=0x10/4 DriverStart=0x18/p DriverSize=0x20/4 DriverSection=0x28/p DriverExtension=0x30/p
    DriverName=0x38/_UNICODE_STRING HardwareDatabase=0x48/p FastIoDispatch=0x50/p DriverInit=0x58/p DriverStartIo=0x60/p
    DriverUnload=0x68/p MajorFunction=0x70/p[28]
_DEVICE_OBJECT 0x150 D
    Type=0/2 Size=2/2 ReferenceCount=4/4 DriverObject=8/p NextDevice=0x10/p AttachedDevice=0x18/p
_FILE_OBJECT 0xd8 D
    Type=0/2 Size=2/2 DeviceObject=8/p FileName=0x58/_UNICODE_STRING
_KIDTENTRY64 16 N
    OffsetLow=0/2 Selector=2/2 OffsetMiddle=6/2 OffsetHigh=8/4
_KPCR 0x500 N # to PrcbData; the size is cut
    GdtBase=0/p TssBase=8/p Self=0x18/p CurrentPrcb=0x20/p IdtBase=0x38/p Irql=0x50/1 MajorVersion=0x60/2 MinorVersion=0x62/2
    KdVersionBlock=0x108/p Prcb=0x180/_KPRCB
_KSPECIAL_REGISTERS 0xd8 N # cut
    Cr0=0/8 Cr2=8/8 Cr3=0x10/8 Cr4=0x18/8
_KPROCESSOR_STATE 0x5b0 N
    SpecialRegisters=0/_KSPECIAL_REGISTERS
_SUBSECTION 0x38 NH
    ControlArea=0/p SubsectionBase=8/p
_CONTROL_AREA 0x80 N
    Segment=0/p FilePointer=0x40/_EX_FAST_REF
_SEGMENT 0x48 NH # PrototypePte: the last pointer of 0x48 bytes
    ControlArea=0/p TotalNumberOfPtes=8/4 PrototypePte=0x40/p
_MM_SESSION_SPACE 0x1000 V
    SessionId=8/4
_PEB 0x7c8 D # Ldr and ProcessParameters are documented; the rest by H
    ImageBaseAddress=0x10/p Ldr=0x18/p ProcessParameters=0x20/p SessionId=0x2c0/4
_PEB_LDR_DATA 0x58 D # InMemoryOrderModuleList is documented; the rest by H
    InLoadOrderModuleList=0x10/_LIST_ENTRY InMemoryOrderModuleList=0x20/_LIST_ENTRY InInitializationOrderModuleList=0x30/_LIST_ENTRY
_RTL_USER_PROCESS_PARAMETERS 0x440 D
    ImagePathName=0x60/_UNICODE_STRING CommandLine=0x70/_UNICODE_STRING
""")

# Windows 8.1 and later: a balanced tree of short descriptors, object pointers in 44 bits of a handle, protected processes.
NEWER = table("""
_RTL_BALANCED_NODE 24 N
    Left=0/p Right=8/p ParentValue=16/8
_RTL_AVL_TREE 8 N
    Root=0/p
_MMPTE_SOFTWARE 8 H # Windows 10 and later; the page file's number: ?
    SwizzleBit=0/4:1+ Protection=0/5:5+ Prototype=0/10:1+ Transition=0/11:1+ PageFileLow=0/12:4+ PageFileHigh=0/32:32+
_MI_HARDWARE_STATE 0x1300 NH # some build of Windows 10 or 11
    InvalidPteMask=0xc0/8
_MI_SYSTEM_INFORMATION 0x3800 NH # the same; cut
    Hardware=0x1080/_MI_HARDWARE_STATE
_PS_PROTECTION 1 N
    Level=0/1 Type=0/0:3 Audit=0/3:1 Signer=0/4:4
_EWOW64PROCESS 0x10 N
    Peb=0/p
_OBJECT_TYPE 0xd8 N
    TypeList=0/_LIST_ENTRY Name=0x10/_UNICODE_STRING DefaultObject=0x20/p Index=0x28/1 Key=0xc0/4
_HANDLE_TABLE 0x80 NH
    NextHandleNeedingPool=0/4 ExtraInfoPages=4/4 TableCode=8/8 QuotaProcess=0x10/p HandleTableList=0x18/_LIST_ENTRY
    UniqueProcessId=0x28/4
_HANDLE_TABLE_ENTRY 16 H
    LowValue=0/8 HighValue=8/8 Unlocked=0/0:1+ RefCnt=0/1:16+ Attributes=0/17:3+ ObjectPointerBits=0/20:44+ GrantedAccessBits=8/0:25
    NoRightsUpgrade=8/25:1
_OBJECT_DIRECTORY 0x158 H
    HashBuckets=0/p[37] Lock=0x128/p DeviceMap=0x130/p
_MMVAD_SHORT_U 4 N
    LongFlags=0/4 VadFlags=0/_MMVAD_FLAGS
_MMVAD_SHORT 0x40 N
    VadNode=0/_RTL_BALANCED_NODE StartingVpn=0x18/4 EndingVpn=0x1c/4 StartingVpnHigh=0x20/1 EndingVpnHigh=0x21/1
    u=0x30/_MMVAD_SHORT_U
_MMVAD 0x88 H
    Core=0/_MMVAD_SHORT Subsection=0x48/p FirstPrototypePte=0x50/p LastContiguousPte=0x58/p
_LDR_DATA_TABLE_ENTRY 0x120 H
    InLoadOrderLinks=0/_LIST_ENTRY InMemoryOrderLinks=0x10/_LIST_ENTRY InInitializationOrderLinks=0x20/_LIST_ENTRY DllBase=0x30/p
    EntryPoint=0x38/p SizeOfImage=0x40/4 FullDllName=0x48/_UNICODE_STRING BaseDllName=0x58/_UNICODE_STRING Flags=0x68/4
    LoadCount=0x6c/2 TimeDateStamp=0x80/4 LoadTime=0x100/8
""")

# Windows 10 2004 to 22H2 (builds 19041 to 19045), x64.
WIN10 = {**COMMON, **NEWER, **table("""
_KPROCESS 0x438 H
    Header=0/8 DirectoryTableBase=0x28/8 ThreadListHead=0x30/_LIST_ENTRY UserDirectoryTableBase=0x388/8
_EPROCESS 0xa40 H
    Pcb=0/_KPROCESS UniqueProcessId=0x440/p ActiveProcessLinks=0x448/_LIST_ENTRY CreateTime=0x468/8 Token=0x4b8/_EX_FAST_REF
    SectionBaseAddress=0x520/p InheritedFromUniqueProcessId=0x540/p OwnerProcessId=0x548/8 Peb=0x550/p Session=0x558/p
    ObjectTable=0x570/p WoW64Process=0x580/p ImageFileName=0x5a8/c[15] ThreadListHead=0x5e0/_LIST_ENTRY ActiveThreads=0x5f0/4
    VadRoot=0x7d8/_RTL_AVL_TREE ExitTime=0x840/8 Protection=0x87a/_PS_PROTECTION
_KTHREAD 0x430 N # but the stacks: H
    Header=0/8 InitialStack=0x28/p StackLimit=0x30/p StackBase=0x38/p Priority=0xc3/1 Teb=0xf0/p State=0x184/1
    Process=0x220/p WaitReason=0x283/1 ThreadListEntry=0x2f8/_LIST_ENTRY
_ETHREAD 0x898 NH
    Tcb=0/_KTHREAD CreateTime=0x430/8 ExitTime=0x438/8 StartAddress=0x450/p Cid=0x478/_CLIENT_ID Win32StartAddress=0x4d0/p
    ThreadListEntry=0x4e8/_LIST_ENTRY
_KPRCB 0x700 H # cut
    CurrentThread=8/p NextThread=0x10/p IdleThread=0x18/p Number=0x24/4 ProcessorState=0x100/_KPROCESSOR_STATE
_MMVAD_FLAGS 4 NH
    VadType=0/4:3 Protection=0/7:5 PageSize=0/18:2 PrivateMemory=0/20:1
""")}

# Windows 11 24H2 (build 26100), x64. Its PDB does not describe sessions any more; SessionId is where it was (V).
WIN11 = {**{name: what for name, what in COMMON.items() if name != "_MM_SESSION_SPACE"}, **NEWER, **table("""
_KPROCESS 0x1c8 N
    Header=0/8 DirectoryTableBase=0x28/8 ThreadListHead=0x30/_LIST_ENTRY UserDirectoryTableBase=0x158/8
_EPROCESS 0x840 N
    Pcb=0/_KPROCESS UniqueProcessId=0x1d0/p ActiveProcessLinks=0x1d8/_LIST_ENTRY CreateTime=0x1f8/8 Token=0x248/_EX_FAST_REF
    SectionBaseAddress=0x2b0/p InheritedFromUniqueProcessId=0x2d0/p OwnerProcessId=0x2d8/8 Peb=0x2e0/p Session=0x2e8/p
    ObjectTable=0x300/p WoW64Process=0x310/p ImageFileName=0x338/c[15] ThreadListHead=0x370/_LIST_ENTRY ActiveThreads=0x380/4
    VadRoot=0x558/_RTL_AVL_TREE ExitTime=0x5c0/8 Protection=0x5fa/_PS_PROTECTION
_KTHREAD 0x4c0 N
    Header=0/8 Priority=0xc3/1 Teb=0xf0/p State=0x184/1
    Process=0x220/p WaitReason=0x283/1 ThreadListEntry=0x2f8/_LIST_ENTRY
_ETHREAD 0x788 N
    Tcb=0/_KTHREAD CreateTime=0x4c0/8 ExitTime=0x4c8/8 StartAddress=0x4e0/p Cid=0x508/_CLIENT_ID Win32StartAddress=0x560/p
    ThreadListEntry=0x578/_LIST_ENTRY
_KPRCB 0x700 N # cut; which build the header is of is not said: Windows 11 by its other types
    CurrentThread=8/p NextThread=0x10/p IdleThread=0x18/p Number=0x24/4 ProcessorState=0x100/_KPROCESSOR_STATE
_MMVAD_FLAGS 4 N
    VadType=0/4:3 Protection=0/7:5 PageSize=0/19:2 PrivateMemory=0/21:1
""")}

# Windows 7 SP1 (build 7601.17514), x64.
WIN7 = {**COMMON, **table("""
_KPROCESS 0x160 N
    Header=0/8 DirectoryTableBase=0x28/8 ThreadListHead=0x30/_LIST_ENTRY
_EPROCESS 0x4d0 N
    Pcb=0/_KPROCESS CreateTime=0x168/8 ExitTime=0x170/8 UniqueProcessId=0x180/p ActiveProcessLinks=0x188/_LIST_ENTRY
    ObjectTable=0x200/p Token=0x208/_EX_FAST_REF SectionBaseAddress=0x270/p InheritedFromUniqueProcessId=0x290/p Session=0x2d8/p
    ImageFileName=0x2e0/c[15] ThreadListHead=0x308/_LIST_ENTRY Wow64Process=0x320/p ActiveThreads=0x328/4 Peb=0x338/p
    VadRoot=0x448/_MM_AVL_TABLE
_KTHREAD 0x360 N
    Header=0/8 Priority=0x7b/1 Teb=0xb8/p State=0x164/1 Process=0x210/p WaitReason=0x26b/1 StackBase=0x278/p
    ThreadListEntry=0x2f8/_LIST_ENTRY
_ETHREAD 0x498 N
    Tcb=0/_KTHREAD CreateTime=0x360/8 ExitTime=0x368/8 StartAddress=0x388/p Cid=0x3b0/_CLIENT_ID Win32StartAddress=0x410/p
    ThreadListEntry=0x420/_LIST_ENTRY
_KPRCB 0x700 N # cut
    CurrentThread=8/p NextThread=0x10/p IdleThread=0x18/p Number=0x24/4 ProcessorState=0x40/_KPROCESSOR_STATE
_KINTERRUPT 0xa0 N
    Type=0/2 Size=2/2 InterruptListEntry=8/_LIST_ENTRY ServiceRoutine=0x18/p DispatchAddress=0x50/p Vector=0x58/4
    DispatchCode=0x90/c[16]
_OBJECT_TYPE 0xd0 H
    TypeList=0/_LIST_ENTRY Name=0x10/_UNICODE_STRING DefaultObject=0x20/p Index=0x28/1 Key=0xb8/4
_HANDLE_TABLE 0x60 H
    TableCode=0/8 QuotaProcess=8/p UniqueProcessId=0x10/p HandleTableList=0x20/_LIST_ENTRY HandleCount=0x58/4
    NextHandleNeedingPool=0x5c/4
_HANDLE_TABLE_ENTRY 16 N
    Object=0/p GrantedAccess=8/4 NextFreeTableEntry=8/4
_OBJECT_DIRECTORY 0x150 N
    HashBuckets=0/p[37] Lock=0x128/p DeviceMap=0x130/p SessionId=0x138/4
_MMADDRESS_NODE 0x28 N
    LeftChild=8/p RightChild=0x10/p StartingVpn=0x18/8 EndingVpn=0x20/8
_MM_AVL_TABLE 0x40 ?
    BalancedRoot=0/_MMADDRESS_NODE
_MMVAD_FLAGS 8 N
    VadType=0/52:3+ Protection=0/56:5+ PrivateMemory=0/63:1+
_MMVAD_U 8 N
    LongFlags=0/8 VadFlags=0/_MMVAD_FLAGS
_MMVAD_U1 8 N
    Balance=0/0:2 Parent=0/p
_MMVAD 0x78 N
    u1=0/_MMVAD_U1 LeftChild=8/p RightChild=0x10/p StartingVpn=0x18/8 EndingVpn=0x20/8 u=0x28/_MMVAD_U Subsection=0x48/p
    FirstPrototypePte=0x50/p LastContiguousPte=0x58/p
_LDR_DATA_TABLE_ENTRY 0xe0 N
    InLoadOrderLinks=0/_LIST_ENTRY InMemoryOrderLinks=0x10/_LIST_ENTRY InInitializationOrderLinks=0x20/_LIST_ENTRY DllBase=0x30/p
    EntryPoint=0x38/p SizeOfImage=0x40/4 FullDllName=0x48/_UNICODE_STRING BaseDllName=0x58/_UNICODE_STRING Flags=0x68/4
    LoadCount=0x6c/2 TimeDateStamp=0x80/4 LoadTime=0xd0/8
""")}

# Names that ntoskrnl of this version has; the addresses are invented. An array has a page, or as many as it says.
DATA = ["PsActiveProcessHead", "PsLoadedModuleList", "PsInitialSystemProcess", "NtBuildNumber", "NtBuildLab",
        "KdDebuggerDataBlock", "KdpDataBlockEncoded", "KiWaitNever", "KiWaitAlways", "PspCidTable", "MmHighestUserAddress",
        "KiProcessorBlock", "MmSystemRangeStart", "KdVersionBlock", "MmUserProbeAddress", "MmUnloadedDrivers",
        "MmLastUnloadedDriver", "HandleTableListHead", "ObpKernelHandleTable", "ObpRootDirectoryObject", "ObTypeIndexTable",
        "PsProcessType", "PsThreadType", "IoDriverObjectType", "IoFileObjectType", "KeServiceDescriptorTable",
        "KeServiceDescriptorTableShadow", "KiServiceTable", "KiServiceLimit", "KeNumberProcessors"]
DATA_SINCE_10 = ["ObHeaderCookie", "KiKvaShadow", "MiState", "MiState1", "MiState2", "MiState3"]  # MiState takes some pages
CODE = ["KeBugCheckEx", "ExAllocatePoolWithTag", "IoCreateDevice", "NtClose", "ObReferenceObjectByHandle", "PsLookupProcessByProcessId",
        "RtlInitUnicodeString", "ZwClose", "KiSystemStartup", "MmGetPhysicalAddress", "KiDivideErrorFault", "KiDebugTrapOrFault",
        "KiNmiInterrupt", "KiBreakpointTrap", "KiOverflowTrap", "KiInvalidOpcodeFault", "KiDoubleFaultAbort",
        "KiGeneralProtectionFault", "KiPageFault", "KiUnexpectedInterrupt", "KiSystemCall64", "KiSystemCall64Shadow", "KiIdleLoop",
        "IopInvalidDeviceRequest", "ExpWorkerThread", "PspSystemThreadStartup", "KiIsrThunk"]
SERVICES = ["NtAccessCheck", "NtWorkerFactoryWorkerReady", "NtAcceptConnectPort", "NtMapUserPhysicalPagesScatter", "NtWaitForSingleObject",
            "NtCallbackReturn", "NtReadFile", "NtDeviceIoControlFile", "NtWriteFile", "NtRemoveIoCompletion", "NtReleaseSemaphore",
            "NtReplyWaitReceivePort", "NtReplyPort", "NtSetInformationThread", "NtSetEvent", "NtQueryObject", "NtQueryInformationFile",
            "NtOpenKey", "NtEnumerateValueKey", "NtFindAtom", "NtQueryDefaultLocale", "NtQueryKey", "NtQueryValueKey",
            "NtAllocateVirtualMemory", "NtQueryInformationProcess", "NtWaitForMultipleObjects", "NtWriteFileGather", "NtCreateKey",
            "NtFreeVirtualMemory", "NtOpenProcess", "NtCreateFile", "NtCreateThreadEx", "NtTerminateProcess", "NtLoadDriver"]


def made(structs, pdb, guid, data):
    constants = {name: 0x200000 + i * 0x1000 + 0x40 for i, name in enumerate(data)}
    functions = {name: 0x1000 + i * 0x340 for i, name in enumerate(CODE + SERVICES)}
    return {"$METADATA": {"arch": "AMD64", "PDBFile": pdb, "ProfileClass": "Nt", "Type": "Profile",
                          "GUID_AGE": guid + "1"},
            "$STRUCTS": structs, "$CONSTANTS": constants, "$FUNCTIONS": functions, "$ENUMS": {}}


def isf_type(what):
    name, more = what[0], what[1] if len(what) > 1 else {}
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
        "user_types": {name: {"kind": "struct", "size": size, "fields": {m: {"offset": at, "type": isf_type(what)}
                                                                        for m, (at, what) in members.items()}}
                       for name, (size, members) in profile["$STRUCTS"].items()},
        "symbols": {name: {"address": at} for name, at in {**profile["$FUNCTIONS"], **profile["$CONSTANTS"]}.items()},
        "enums": {}}


BUILDS = {"win7": (7601, "7601.17514.amd64fre.win7sp1_rtm.101119-1850", 6, 1),
          "win10": (19041, "19041.1.amd64fre.vb_release.191206-1406", 10, 0),
          "win11": (26100, "26100.1.amd64fre.ge_release.240331-1435", 10, 0)}
XP = (2600, "2600.xpsp_sp2_gdr.050301-1519", 5, 1)


def load(name):
    """The profile of a layout: "win7", "win10", "win11", or the path of a Rekall profile."""
    if name == "win11":
        return made(WIN11, "ntkrnlmp.pdb", "4242424242AA42BB42CC42DD42EE42FF", DATA + DATA_SINCE_10)
    if name == "win10":
        return made(WIN10, "ntkrnlmp.pdb", "0123456789ABCDEF0123456789ABCDEF", DATA + DATA_SINCE_10)
    if name == "win7":
        return made(WIN7, "ntkrnlmp.pdb", "76543210FEDCBA9876543210FEDCBA98", DATA)
    with open(name, encoding="utf-8") as f:
        return json.load(f)

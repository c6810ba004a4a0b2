# SPDX-License-Identifier: BSD-2-Clause
"""The kernel image: headers, exports, the debugger's block, system calls; KUSER_SHARED_DATA, processor blocks, interrupts."""
import struct

from mk.memory import A, D, G, P, PAGE, UNIX, W


class Image:
    def kernel(self):
        first = self.base & ~(self.g.large - 1)
        for va in range(first, self.base + self.image_size, self.g.large):
            self.system.map_large(va, (self.base_pa & ~(self.g.large - 1)) + va - first)
        self.headers()
        self.exports()
        self.raw(self.sym("NtBuildNumber"), 0xf0000000 | self.build, 4)
        self.system.write(self.sym("NtBuildLab"), self.lab.encode() + b"\0")

    def headers(self):
        """Microsoft, "PE Format": DOS header, signature, COFF header, optional header, section table."""
        guid_age = self.profile["$METADATA"]["GUID_AGE"]
        self.guid, self.age = guid_age[:32], int(guid_age[32:], 16)
        self.pdb = self.profile["$METADATA"]["PDBFile"]
        dos = bytearray(0x80)
        dos[:2] = b"MZ"
        struct.pack_into("<I", dos, 0x3c, 0x80)
        sections = [(b".text", 0x1000 if self.g.bits64 else 0x580, self.edata), (b".edata", self.edata, self.image_size)]
        coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664 if self.g.bits64 else 0x14c, len(sections), 0x42250ff9, 0, 0,
                           0xf0 if self.g.bits64 else 0xe0, 0x22 if self.g.bits64 else 0x10e)
        if self.g.bits64:
            opt = struct.pack("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", 0x20b, 14, 20, 0, 0, 0, 0x1000, 0x1000, self.base, 0x1000, 0x200,
                              10, 0, 10, 0, 10, 0, 0, self.image_size, 0x400, 0, 1, 0x4160, 0x80000, 0x2000, 0x100000, 0x1000, 0, 16)
        else:
            opt = struct.pack("<HBBIIIIIIIIIHHHHHHIIIIHHIIIIII", 0x10b, 7, 10, 0, 0, 0, 0x1000, 0x1000, 0x580, 0x400000, 0x80, 0x80,
                              5, 1, 5, 1, 5, 1, 0, self.image_size, 0x400, 0, 1, 0, 0x40000, 0x1000, 0x100000, 0x1000, 0, 16)
        self.debug = self.edata + 0x3000
        directories = bytearray(16 * 8)
        struct.pack_into("<II", directories, 0, self.edata, 0x3000)
        struct.pack_into("<II", directories, 6 * 8, self.debug, 28)
        table = b"".join(struct.pack("<8sIIIIIIHHI", n, e - b, b, e - b, b, 0, 0, 0, 0, 0x68000020) for n, b, e in sections)
        self.system.write(self.base, bytes(dos) + coff + opt + bytes(directories) + table)
        # IMAGE_DEBUG_DIRECTORY, type 2 CodeView; RSDS: GUID, age, name (the signature of PDB 7.0)
        g = self.guid
        rsds = b"RSDS" + struct.pack("<IHH", int(g[:8], 16), int(g[8:12], 16), int(g[12:16], 16)) + bytes.fromhex(g[16:]) + \
            struct.pack("<I", self.age) + self.pdb.encode() + b"\0"
        self.system.write(self.base + self.debug, struct.pack("<IIHHIIII", 0, 0x42250ff9, 0, 0, 2, len(rsds), self.debug + 0x100, 0))
        self.system.write(self.base + self.debug + 0x100, rsds)

    def exports(self):
        """IMAGE_EXPORT_DIRECTORY ("PE Format", .edata): names sorted, an ordinal table, addresses."""
        wanted = ["PsInitialSystemProcess", "NtBuildNumber", "KeBugCheckEx", "ExAllocatePoolWithTag", "IoCreateDevice", "NtClose",
                  "ObReferenceObjectByHandle", "PsLookupProcessByProcessId", "RtlInitUnicodeString", "ZwClose", "MmGetPhysicalAddress",
                  "MmHighestUserAddress", "MmUserProbeAddress", "MmSystemRangeStart"]
        if self.g.bits64:  # exported since Windows Vista
            wanted += ["PsLoadedModuleList", "NtBuildLab"]
        names = sorted(n for n in wanted if n in self.symbols)
        self.exported = names
        text = self.edata + 0x1000
        strings, where = bytearray(b"ntoskrnl.exe\0"), []
        for n in names:
            where.append(text + len(strings))
            strings += n.encode() + b"\0"
        functions, pointers, ordinals = self.edata + 0x100, self.edata + 0x800, self.edata + 0xe00
        self.system.write(self.base + self.edata, struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, text, 1, len(names), len(names), functions,
                                                            pointers, ordinals))
        self.system.write(self.base + functions, b"".join(struct.pack("<I", self.symbols[n]) for n in names))
        self.system.write(self.base + pointers, b"".join(struct.pack("<I", w) for w in where))
        self.system.write(self.base + ordinals, b"".join(struct.pack("<H", i) for i in range(len(names))))
        self.system.write(self.base + text, bytes(strings))

    def kdbg(self):
        """KDDEBUGGER_DATA64 (wdbgexts.h of the Windows SDK): List, OwnerTag, Size, KernBase, then 64-bit fields. Encoded since
        Windows 8 on x64: each 8 bytes c = ror(bswap(plain ^ KiWaitAlways) ^ address of KdpDataBlockEncoded, KiWaitNever & 0xff)
        ^ KiWaitNever (as kernel debuggers that are published undo it)."""
        at = self.sym("KdDebuggerDataBlock")
        sign = 0 if self.g.bits64 else 0xffffffff00000000  # 32-bit addresses are sign-extended
        fields = bytearray(0x340 if self.seven else 0x360 if self.g.bits64 else 0x290)
        struct.pack_into("<QQ", fields, 0, at | sign, at | sign)
        struct.pack_into("<4sI", fields, 0x10, b"KDBG", len(fields))
        for off, name in {0x48: "PsLoadedModuleList", 0x50: "PsActiveProcessHead", 0x58: "PspCidTable", 0x208: "NtBuildLab"}.items():
            if name in self.symbols:
                struct.pack_into("<Q", fields, off, self.sym(name) | sign)
        struct.pack_into("<Q", fields, 0x18, self.base | sign)
        if self.g.bits64:  # since Vista: SizeEProcess and three offsets in it
            struct.pack_into("<HHHH", fields, 0x2a8, self.t.size("_EPROCESS"), self.t.off("_EPROCESS.Peb"),
                             self.t.off("_EPROCESS.InheritedFromUniqueProcessId"), self.t.off("_EPROCESS.Pcb.DirectoryTableBase"))
        if self.args.encode_kdbg:
            never, always = self.rng.getrandbits(64), self.rng.getrandbits(64)
            flag = self.sym("KdpDataBlockEncoded")
            self.raw(self.sym("KiWaitNever"), never, 8)
            self.raw(self.sym("KiWaitAlways"), always, 8)
            self.raw(flag, 1, 1)
            r = never & 0xff & 63
            out = bytearray()
            for (v,) in struct.iter_unpack("<Q", fields):
                v = int.from_bytes((v ^ always).to_bytes(8, "little"), "big") ^ flag
                v = (v >> r | v << (64 - r)) & (1 << 64) - 1
                out += struct.pack("<Q", v ^ never)
            fields = out
        if not self.args.no_kdbg:
            self.system.write(at, bytes(fields))

    def shared_data(self):
        """KUSER_SHARED_DATA, also at 0x7ffe0000 of every process: offsets of Microsoft's ntddk.h and of the PDBs
        (ntdiff/headers, _KUSER_SHARED_DATA.h); NtBuildNumber is there since Windows 10, ActiveProcessorCount since 7."""
        self.system.alloc(self.kuser, PAGE)
        self.boot = UNIX + 1109700000 * 10000000
        self.uptime = 3600 * 10000000 + self.rng.randrange(10 ** 9)
        ticks = self.uptime // 156250
        for off, v in ((8, self.uptime), (0x14, self.boot + self.uptime), (0x20, -3600 * 10000000 & (1 << 64) - 1), (0x320, ticks)):
            self.system.write(self.kuser + off, struct.pack("<III", v & 0xffffffff, v >> 32, v >> 32))
        self.system.write(self.kuser + 0x30, "C:\\WINDOWS\0".encode("utf-16-le"))
        machine = 0x8664 if self.g.bits64 else 0x14c
        for off, v, size in (
                (0x4, 0xfa00000, 4),  # TickCountMultiplier: 15.625 ms in units of 2^-24
                (0x2c, machine, 2), (0x2e, machine, 2),  # ImageNumberLow, High
                (0x240, 1, 4),  # TimeZoneId
                (0x260, self.build if self.build >= 10000 else 0, 4), (0x264, 1, 4), (0x268, 1, 1),  # build, product type, is valid
                (0x26a, 9 if self.g.bits64 and self.build >= 10000 else 0, 2),  # NativeProcessorArchitecture: AMD64
                (0x26c, self.major, 4), (0x270, self.minor, 4), (0x2d0, 0x110, 4),  # version, SuiteMask
                (0x2d4, 0, 1), (0x2d5, 2, 1), (0x2d8, 1, 4),  # KdDebuggerEnabled, NXSupportPolicy, ActiveConsoleId
                (0x2e8, len(self.m.data) // PAGE, 4),  # NumberOfPhysicalPages
                (0x330, self.rng.getrandbits(32), 4), (0x3c0, 0 if self.xp else 1, 4)):  # Cookie, ActiveProcessorCount
            self.raw(self.kuser + off, v, size)
        for i in (0, 2, 3, 6, 9, 10):  # ProcessorFeatures
            self.raw(self.kuser + 0x274 + i, 1, 1)

    def low_stub(self):
        """x64: the kernel's start block for other processors in the first MiB: a jump, the 64-bit entry at 0x70, CR3 at 0xa0
        (PROCESSOR_START_BLOCK in the public PDBs; MemProcFS, vmmwininit.c, looks for the same)."""
        self.m.data[0x2000:0x2008] = bytes.fromhex("e94d060001000000")
        struct.pack_into("<Q", self.m.data, 0x2070, self.base + self.symbols["KeBugCheckEx"] & ~3)
        struct.pack_into("<Q", self.m.data, 0x20a0, self.system.root)

    # ---- system calls ----
    def services(self):
        """KeServiceDescriptorTable: base, counters, limit, bytes of arguments. The table holds addresses on x86; on x64 since
        Vista offsets from itself, shifted left by 4, with the number of arguments on the stack below
        (volatilityfoundation/volatility3, framework/plugins/windows/ssdt.py)."""
        names = sorted(n for n in self.profile["$FUNCTIONS"] if n.startswith("Nt") and len(n) > 3 and n[2].isupper())
        table = self.sym("KiServiceTable")
        count = (self.symbols["KiServiceLimit"] - self.symbols["KiServiceTable"]) // 4 if self.args.profile.endswith("json") else len(names)
        if not 0 < count <= len(names):
            count = min(284, len(names))  # as XP SP2 has them
        rows = [[n, self.sym(n)] for n in names[:count]]
        outside = self.drivers + 0x3ff0000  # behind all modules
        hooked = [7, count - 1] if "ssdt" in self.fault else []
        for i in hooked:
            rows[i] = ["", self.base - 0x200000 if self.g.bits64 else outside]
        for i, (name, address) in enumerate(rows):
            if self.g.bits64:
                self.raw(table + 4 * i, (address - table) << 4 | i % 5, 4)
            else:
                self.raw(table + 4 * i, address, 4)
        self.raw(self.sym("KiServiceLimit"), count, 4)
        step = 4 * self.ptr
        for descriptor in ("KeServiceDescriptorTable", "KeServiceDescriptorTableShadow"):
            at = self.sym(descriptor)
            for k, v in enumerate((table, 0, count, 0)):
                self.raw(at + k * self.ptr, v, self.ptr)
        win32k = [m for m in self.modules if m["name"] == "win32k.sys"][0]
        second = win32k["base"] + 0x3000
        for i in range(8):
            self.raw(second + 4 * i, 0x800 * (i + 1) << 4 if self.g.bits64 else win32k["base"] + 0x1000 + 0x80 * i, 4)
        for k, v in enumerate((second, 0, 8, 0)):
            self.raw(self.sym("KeServiceDescriptorTableShadow") + step + k * self.ptr, v, self.ptr)
        self.ssdt = {"table": table, "count": count, "entries": rows, "hooked": hooked, "win32k_table": second, "win32k_count": 8}

    # ---- processor ----
    def processor(self):
        """KPCR, KPRCB, IDT. x86: the KPCR is at 0xffdff000."""
        if self.xp:
            self.system.alloc(0xffdff000, self.t.size("_KPCR"))
            pcr, block = 0xffdff000, 0xffdff000 + self.t.off("_KPCR.PrcbData")
        else:
            pcr = self.page(False)
            block = pcr + self.t.off("_KPCR.Prcb")
        idt, gdt = self.page(False), self.page(False)
        running, idle = self.running, self.idle_thread
        for path, v in (("SelfPcr", pcr), ("Prcb", block), ("IDT", idt), ("GDT", gdt), ("Number", 0)) if self.xp else \
                (("Self", pcr), ("CurrentPrcb", block), ("IdtBase", idt), ("GdtBase", gdt)):
            self.put(pcr, "_KPCR." + path, v)
        for path, v in (("MajorVersion", 1), ("MinorVersion", 1)):
            self.put(pcr, "_KPCR." + path, v)
        self.put(pcr, "_KPCR.KdVersionBlock", self.sym("KdVersionBlock") if "KdVersionBlock" in self.symbols else 0)
        self.put(block, "_KPRCB.CurrentThread", running["object"])
        self.put(block, "_KPRCB.IdleThread", idle)
        cr3 = [s for p, _, s in self.processes if p["pid"] == running["pid"]][0].root
        special = block + self.t.off("_KPRCB.ProcessorState.SpecialRegisters")
        cr4 = {"legacy": 0x6d8 & ~0x20, "pae": 0x6f8, "4level": 0x506f8, "5level": 0x516f8}[self.g.kind]
        for name, v in (("Cr0", 0x8001003b if self.xp else 0x80050033), ("Cr3", cr3), ("Cr4", cr4)):
            self.put(special, "_KSPECIAL_REGISTERS." + name, v)
        self.raw(self.sym("KiProcessorBlock"), block)
        self.set("KeNumberProcessors", 1, 1)
        self.interrupts(idt)
        self.vcpu = {"kpcr": pcr, "kprcb": block, "cr3": cr3, "cr4": cr4, "thread": running["object"], "idle": idle, "idt_base": idt,
                     "gdt_base": gdt, "gs_base": 0 if self.xp else pcr, "fs_base": pcr if self.xp else 0}

    def interrupts(self, idt):
        """_KIDTENTRY (_KIDTENTRY64): offset in pieces, selector, type 0xe and present. Until Windows 8 a device's gate leads to
        code inside its KINTERRUPT in pool (DispatchCode), which is no hook."""
        other = self.handler("KiUnexpectedInterrupt", "KiUnexpectedInterruptTail")
        gates = {v: other for v in range(256)}
        names = ["KiTrap%02X" % v for v in range(0x14)] if self.xp else ["KiDivideErrorFault", "KiDebugTrapOrFault", "KiNmiInterrupt",
                                                                         "KiBreakpointTrap", "KiOverflowTrap"]
        for v, name in enumerate(names):
            gates[v] = self.handler(name) or other
        if not self.xp:
            gates.update({6: self.handler("KiInvalidOpcodeFault"), 8: self.handler("KiDoubleFaultAbort"),
                          13: self.handler("KiGeneralProtectionFault"), 14: self.handler("KiPageFault")})
        else:
            gates[0x2e] = self.handler("KiSystemService")
        device = None
        if self.has("_KINTERRUPT.DispatchCode"):
            device = self.nonpaged(self.t.size("_KINTERRUPT"))
            self.put(device, "_KINTERRUPT.Type", 22, 2)  # InterruptObject, ntddk.h
            self.put(device, "_KINTERRUPT.Size", self.t.size("_KINTERRUPT"), 2)
            self.put(device, "_KINTERRUPT.ServiceRoutine", self.modules[2]["base"] + 0x1200)
            self.put(device, "_KINTERRUPT.DispatchAddress", other)
            self.put(device, "_KINTERRUPT.Vector", 0x81, 4)
            gates[0x81] = device + self.t.off("_KINTERRUPT.DispatchCode")
        hooked = []
        if "idt" in self.fault:
            gates[3], hooked = self.drivers + 0x3ff0000, [3]
        for v, to in gates.items():
            if self.g.bits64:
                self.system.write(idt + 16 * v, struct.pack("<HHHHII", to & 0xffff, 0x10, 0x8e00, to >> 16 & 0xffff, to >> 32, 0))
            else:
                self.system.write(idt + 8 * v, struct.pack("<HHHH", to & 0xffff, 8, 0x8e00, to >> 16))
        self.idt = {"base": idt, "entries": [gates[v] for v in range(256)], "hooked": hooked, "interrupt_object": device}

    def handler(self, *names):
        for name in names:
            if name in self.symbols:
                return self.sym(name)
        return self.sym("KeBugCheckEx")
